#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A conversation by hand, with what a shell has: socat holds the connection, jq writes and reads JSON. The service is the
# example, and knows of nobody but peers that speak Varlink.
# shellcheck source=tests/process/command.sh
. "$(dirname "$0")/command.sh"

clock=$POSTERN_BUILD/examples/clock/clock-service
if [ ! -x "$clock" ]; then
	echo '1..0 # SKIP the examples were not built'
	exit 0
fi
tap_need socat jq

# call METHOD [PARAMETERS [FLAG]]: the message of a call, with its NUL.
call()
{
	local parameters=${2-}
	# shellcheck disable=SC2016
	jq -cnj --arg method "$1" --argjson parameters "${parameters:-null}" --arg flag "${3-}" \
		'{$method} + if $parameters then {$parameters} else {} end + if $flag != "" then {($flag): true} else {} end'
	printf '\0'
}

# ask [SECONDS]: sends what stdin has, ends that direction, and prints each answer in a line, its members in order.
ask()
{
	timeout "${1-60}" socat -t 10 - "UNIX-CONNECT:$POSTERN_DIR/clock/sock" | tr '\0' '\n' | jq -cS .
}

# The same, and all that stdin has is written at once.
ask_at_once()
{
	cat >"$dir/said"
	ask <"$dir/said"
}

now=org.example.clock.Now
begin
background "$clock" clock
service=$tap_pid
"$postern" wait clock --deadline 10s

time='"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"'
answer='\{"parameters":\{"time":'$time'\}\}'
no_mars='{"error":"org.example.clock.NoSuchZone","parameters":{"zone":"Mars"}}'

# check NAME PATTERN TEXT: the whole text is as the pattern.
check()
{
	if [[ $3 =~ ^$2$ ]]; then
		ok "$1"
	else
		not_ok "$1" "got:      $3
expected: $2"
	fi
}

check 'an answer' "$answer" "$(call $now '{"zone":"UTC"}' | ask)"
check 'an answer to a call without parameters' "$answer" "$(call $now | ask)"
tap_is 'an error' "$(call $now '{"zone":"Mars"}' | ask)" "$no_mars"
tap_is 'a parameter of another type, with its path' "$(call $now '{"zone":7}' | ask)" \
	'{"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"zone"}}'
tap_is 'a method that is none' "$(call org.example.clock.Then | ask)" \
	'{"error":"org.varlink.service.MethodNotFound","parameters":{"method":"org.example.clock.Then"}}'
tap_is 'an interface that is none' "$(call org.example.sundial.Now | ask)" \
	'{"error":"org.varlink.service.InterfaceNotFound","parameters":{"interface":"org.example.sundial"}}'
check 'three calls at once, answered in their order' "$answer
${no_mars//[{\}]/.}
$answer" "$({
	call $now '{"zone":"UTC"}'
	call $now '{"zone":"Mars"}'
	call $now
} | ask_at_once)"
check 'oneway has no answer, not even an error' "$answer" "$({
	call $now '{"zone":"Mars"}' oneway
	call org.example.clock.Then '' oneway
	call $now
} | ask_at_once)"
# The shell's side ends at once, and the answers go on until socat is ended.
check 'more' '(\{"continues":true,'"${answer#??}"$'\n){2,}' "$(call $now '{}' more | ask 3)"$'\n'
tap_is 'the interfaces' "$(call org.varlink.service.GetInfo | ask | jq -c .parameters.interfaces)" \
	'["org.varlink.service","io.postern","io.postern.Statistics","io.postern.Trace","org.example.clock"]'
tap_is 'the description, as it is in the file' \
	"$(call org.varlink.service.GetInterfaceDescription '{"interface":"org.example.clock"}' | ask |
		jq -r .parameters.description)" \
	"$(cat "$source/examples/clock/org.example.clock.varlink")"
tap_is 'what is not JSON ends the connection, and what is behind it is not read' \
	"$({
		call $now '{"zone":"Mars"}'
		printf 'time?\0'
		call $now
	} | ask_at_once)" "$no_mars"
tap_is 'what has no NUL at its end is no call' "$(call $now | tr -d '\0' | ask)" ''
check 'others are answered as before' "$answer" "$(call $now | ask)"
end TERM "$service"
tap_is 'the clock ends with 0' "$status $(cat "$dir/bg")" '0 '

finish
tap_done
