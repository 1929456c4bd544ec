#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Go's library for Varlink at the other end, as client and as server: its own certification, in both directions with C that is
# generated from its description, and the clock.
# shellcheck source=tests/process/command.sh
. "$(dirname "$0")/command.sh"

certify=$POSTERN_BUILD/tests/process/go
clock=$POSTERN_BUILD/examples/clock
clock_file=$source/examples/clock/org.example.clock.varlink
interface=org.varlink.certification
if [ ! -x "$certify/certify-service" ]; then
	echo "1..0 # SKIP Go's library for Varlink was not there when the tests were built"
	exit 0
fi
tap_need varlink-go-certification varlink-go-interface-generator go gofmt

# is NAME STATUS OUT ERR: what the last run gave.
is()
{
	tap_is "$1" "$status:$out:$err" "$2:$3:$4"
}

# ---- the certification: each step is called with what the one before was answered with ---------------------

begin
background "$certify/certify-service" certification
service=$tap_pid
"$postern" wait certification --deadline 10s
run varlink-go-certification --varlink "unix:$POSTERN_DIR/certification/sock" --client
# Of Test09 it prints the bytes of a text, and an address.
out=$(sed -E "/^Test09: /{s/\{\[[0-9 ]+\]/{BYTES/;s/0x[0-9a-f]+/ADDRESS/}" <<<"$out")
map='map[bar:Bar foo:Foo]'
set='map[one:{} three:{} two:{}]'
is "Go's client certifies the service" 0 "Start: 'client-0'
Test01: 'true'
Test02: '1'
Test03: '1'
Test04: 'ping'
Test05: 'false'
Test06: '{false 2 3.141592653589793 a lot of string}'
Test07: '$map'
Test08: '$set'
Test09: '{BYTES two {1 2} [one two three] $map $set <nil> <nil> {ADDRESS {true false}}}'
Test10() Send:
$(printf "  Receive: 'Reply number %d'\n" {1..10})
Test10: '[$(printf 'Reply number %d ' {1..9})Reply number 10]'
Test11: ''
End: 'true'" ''

right=$(printf '%s: right\n' Start Test{01..11} End ClientIdError)
run "$certify/certify-client" certification
is 'the client certifies the service' 0 "$right" ''

# A service that takes everything would be certified too.
run "$postern" call certification $interface.Start </dev/null
is 'a client starts' 0 '{"client_id":"client-2"}' ''
run "$postern" call certification $interface.Test02 '{"client_id":"client-2","bool":false}' </dev/null
tap_is 'the service refuses a wrong value' "$status $(grep -c CertificationError <<<"$err")" '1 1'
run "$postern" call certification $interface.Test01 '{"client_id":"client-0"}' </dev/null
tap_is 'the service refuses who has ended' "$status $(grep -c ClientIdError <<<"$err")" '1 1'
run "$postern" call certification $interface.End '{"client_id":"client-2"}' </dev/null
is 'the service says whose Test11 never came' 0 '{"all_ok":false}' ''
end TERM "$service"
tap_is 'the service ends with 0, and had nothing to complain of' "$status $(cat "$dir/bg.err")" '0 '

begin
background varlink-go-certification --varlink "unix:$dir/go"
poll test -S "$dir/go"
run "$certify/certify-client" "unix:$dir/go"
is "the client certifies Go's service" 0 "$right" ''

# ---- the clock ---------------------------------------------------------------------------------------------

begin
mkdir -p "$dir/go/src/orgexampleclock"
cp -r "$source/tests/process/go/clock" "$dir/go/src/"
cp "$source/examples/clock/org.example.clock.varlink" "$dir/go/src/orgexampleclock/"
tap_is 'gofmt would change nothing' "$(gofmt -l "$dir/go/src/clock")" ''
holds "Go's generator reads the description" \
	varlink-go-interface-generator "$dir/go/src/orgexampleclock/org.example.clock.varlink"
# Of what Debian has installed, without a network.
holds 'the clock in Go is built' env GO111MODULE=off GOPROXY=off GOFLAGS= GOCACHE="$dir/cache" \
	GOPATH="$dir/go:/usr/share/gocode" go build -o "$tap_dir/clock" clock
go=$tap_dir/clock

begin
background "$clock/clock-service" clock
service=$tap_pid
"$postern" wait clock --deadline 10s
at=unix:$POSTERN_DIR/clock/sock
time='[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}'
run "$go" now "$at" UTC
tap_is 'Go as client: an answer' "$status $(grep -Ecx "$time" <<<"$out") $err" '0 1 '
run "$go" now "$at" Mars
is 'Go as client: an error, with its parameters' 1 '' '&orgexampleclock.NoSuchZone{Zone:"Mars"}'
run "$go" watch "$at" 3
tap_is 'Go as client: more, and it leaves' "$status $(grep -Ecx "$time true" <<<"$out") $err" '0 3 '
run "$go" stamp "$at" 'a line'
tap_is 'V7 Go as client: an upgraded connection' "$status $(grep -Ecx "$time a line" <<<"$out") $err" '0 1 '
run "$go" call "$at" org.example.clock.Stamp
tap_is 'V7 Go as client: one that should be upgraded' "$status $(grep -c ExpectedUpgrade <<<"$err")" '1 1'
run "$go" call "$at" org.example.clock.Now
is 'Go as client: parameters that are null' 0 '' ''
run "$go" call "$at" org.example.clock.Then
is 'Go as client: no such method' 1 '' '&varlink.MethodNotFound{Method:"org.example.clock.Then"}'
run "$go" call "$at" org.example.sundial.Now
is 'Go as client: no such interface' 1 '' '&varlink.InterfaceNotFound{Interface:"org.example.sundial"}'
run "$go" introspect "$at"
tap_is 'Go as client: the interfaces' "$status ${out%%$'\n'*}" '0 org.varlink.service io.postern io.postern.Statistics io.postern.Trace org.example.clock'
holds 'Go as client: the description, as it is in the file' \
	test "${out: -$(($(wc -m <"$clock_file") - 1))}" = "$(cat "$clock_file")"
end TERM "$service"
tap_is 'the clock ends with 0, and had nothing to complain of' "$status $(cat "$dir/bg.err")" '0 '

begin
background "$go" serve "unix:$dir/go"
poll test -S "$dir/go"
at=unix:$dir/go
run "$clock/clock-now" "$at" UTC
is 'Go as server: an answer' 0 'go 3' ''
run "$clock/clock-now" "$at"
is 'Go as server: an answer to a call without a zone' 0 'go 3' ''
run "$clock/clock-now" "$at" Mars
is 'Go as server: an error, with its parameters' 1 '' 'clock-now: there is no zone Mars'
run "$clock/clock-watch" "$at"
is 'Go as server: more' 0 $'go 1\ngo 2\ngo 3' ''
run "$clock/clock-watch" "$at" Mars
is 'Go as server: an error where more was asked for' 1 '' 'clock-watch: there is no zone Mars'
run "$postern" call "$at" org.example.clock.Now '{"zone":"UTC"}' </dev/null
is 'Go as server: postern call' 0 '{"time":"go 3"}' ''
run "$postern" call --more "$at" org.example.clock.Now '{}' </dev/null
is 'Go as server: postern call --more' 0 "$(printf '{"time":"go %d"}\n' 1 2 3)" ''
run "$postern" call --oneway "$at" org.example.clock.Now '{}' </dev/null
is 'Go as server: postern call --oneway' 0 '' ''
run "$postern" call "$at" org.example.clock.Now '{"zone":"Mars"}' </dev/null
tap_is 'Go as server: postern call, an error' "$status $(grep -c 'org.example.clock.NoSuchZone.*Mars' <<<"$err")" '1 1'
run "$clock/clock-stamp" "$at" 'a line' another
is 'V7 Go as server: an upgraded connection' 0 $'go a line\ngo another' ''
run "$postern" call --upgrade "$at" org.example.clock.Stamp <<<'a line'
is 'V7 Go as server: postern call --upgrade' 0 'go a line' ''
run "$postern" info "$at" </dev/null
tap_is 'Go as server: postern info' "$status $(grep -c 'Clock in Go\|org.example.clock' <<<"$out")" '0 2'
run "$postern" introspect "$at" org.example.clock </dev/null
is 'Go as server: postern introspect' 0 "$(cat "$clock_file")" ''

finish
tap_done
