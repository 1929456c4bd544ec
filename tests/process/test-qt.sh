#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Qt 6's own QLocalSocket and QLocalServer at the other end, in both directions.

. "$(dirname "$0")/tap.sh"

qt=$POSTERN_BUILD/tests/process/qt/qt-peer
if [ ! -x "$qt" ]; then
	echo '1..0 # SKIP Qt 6 was not there when the tests were built'
	exit 0
fi
# Where Qt has names without a slash.
mkdir "$tap_dir/tmp"

peer()
{
	TMPDIR=$tap_dir/tmp timeout 60 "$qt" "$@" 2>"$tap_dir/stderr"
}

qt_serve()
{
	rm -f "$tap_dir/qt.out"
	TMPDIR=$tap_dir/tmp tap_start "$qt" serve "$@" >"$tap_dir/qt.out" 2>"$tap_dir/qt.err"
	qt_pid=$tap_pid
	local i
	for ((i = 0; i < 1000; i++)); do
		grep -qs ready "$tap_dir/qt.out" && break
		kill -0 "$qt_pid" 2>/dev/null || break
		sleep 0.01
	done
}

postern_serve()
{
	tap_start "$POSTERN_COMMAND" serve "$@" --echo 2>"$tap_dir/postern.err"
	postern_pid=$tap_pid
	"$POSTERN_COMMAND" wait "$1" --deadline 10s
}

finish()
{
	status=0
	kill "-${2:-TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null || status=$?
}

# ask PATH FILE: prints the echo. QLocalSocket takes the half-close of its peer for the end, and what it has not sent
# by then is lost; so stdin stays open until all has come back.
ask()
{
	local back i
	back=$(mktemp "$tap_dir/back-XXXXXX")
	{
		cat "$2"
		for ((i = 0; i < 1000 && $(stat -c %s "$back") < $(stat -Lc %s "$2"); i++)); do
			sleep 0.01
		done
	} | "$POSTERN_COMMAND" connect "$1" --idle 30s >"$back"
	cat "$back"
}

head -c 3000000 /dev/urandom | base64 -w 0 >"$tap_dir/large"
large=$(cksum <"$tap_dir/large")
echo hello >"$tap_dir/hello"

# ---- QLocalSocket asks Postern ----

postern_serve clock
tap_is 'qlocalsocket_talks_to_a_word_by_its_path' \
	"$(echo hello | peer connect "$tap_dir/clock/sock")" hello
tap_is 'qlocalsocket_gets_4_mb_back_unchanged' \
	"$(peer connect "$tap_dir/clock/sock" <"$tap_dir/large" | cksum)" "$large"
tap_is 'twenty_qlocalsockets_at_once_have_their_answers' \
	"$(head -c 300000 "$tap_dir/large" | peer connect "$tap_dir/clock/sock" many=20 | cksum)" \
	"$(head -c 300000 "$tap_dir/large" | cksum)"
ln -s "$tap_dir/clock/sock" "$tap_dir/tmp/linked"
tap_is 'qlocalsocket_finds_a_word_through_a_symlink' "$(echo hello | peer connect linked)" hello
rm "$tap_dir/tmp/linked"
finish "$postern_pid"

postern_serve "$tap_dir/tmp/plain"
tap_is 'qlocalsocket_finds_postern_by_a_name_of_qts' "$(echo hello | peer connect plain)" hello
tap_is 'the_place_of_qts_names_is_known' "$(peer path plain)" "$tap_dir/tmp/plain"
finish "$postern_pid"

abstract=postern-test-qt-$$
postern_serve "@$abstract"
tap_is 'qlocalsocket_finds_an_abstract_name' "$(echo hello | peer connect "$abstract" abstract)" hello
finish "$postern_pid"

peer connect "$tap_dir/nobody" </dev/null
tap_is 'qlocalsocket_says_that_there_is_no_server' "$(cut -d ' ' -f 2 "$tap_dir/stderr")" 2

# ---- Postern asks QLocalServer ----

qt_serve named
tap_is 'qlocalserver_is_where_it_is_told_to_be' "$(cat "$tap_dir/qt.out")" "ready $tap_dir/tmp/named"
tap_is 'postern_talks_to_a_qlocalserver' \
	"$(ask "$tap_dir/tmp/named" "$tap_dir/hello")" hello
tap_is 'postern_gets_4_mb_back_unchanged' \
	"$(ask "$tap_dir/tmp/named" "$tap_dir/large" | cksum)" "$large"
for i in {1..20}; do
	head -c "${i}0000" "$tap_dir/large" >"$tap_dir/part.$i"
	ask "$tap_dir/tmp/named" "$tap_dir/part.$i" >"$tap_dir/answer.$i" &
	asking[i]=$!
done
wait "${asking[@]}"
good=0
for i in {1..20}; do
	! cmp -s "$tap_dir/answer.$i" "$tap_dir/part.$i" || good=$((good + 1))
done
tap_is 'twenty_of_postern_at_once_have_their_answers' "$good" 20
"$POSTERN_COMMAND" serve "$tap_dir/tmp/named" --echo 2>"$tap_dir/stderr"
tap_is 'a_live_qlocalservers_name_is_in_use' "$?" 73
tap_is 'and_it_goes_on' "$(echo hello | peer connect named)" hello

finish "$qt_pid" KILL
tap_is 'a_killed_qlocalserver_leaves_its_socket' "$(stat -c %F "$tap_dir/tmp/named")" socket
postern_serve "$tap_dir/tmp/named"
tap_is 'and_postern_takes_its_name_over' "$(echo hello | peer connect named)" hello

# ---- what QLocalServer does to a name that is not its own ----

qt_serve named
tap_is 'qlocalserver_leaves_a_live_name' "$(cut -d ' ' -f 1-2 "$tap_dir/qt.err")" 'error 8'
wait "$qt_pid" 2>/dev/null
peer remove named
for ((i = 0; i < 500; i++)); do
	[ -S "$tap_dir/tmp/named" ] && break
	sleep 0.01
done
tap_is 'a_name_that_removeserver_took_away_comes_back' "$(echo hello | peer connect named)" hello
finish "$postern_pid"
tap_is 'and_goes_with_its_server' "$status $(ls "$tap_dir/tmp/named"* | xargs -n 1 basename)" '0 named.lock'

postern_serve "$tap_dir/tmp/named"
qt_serve named user
tap_is 'qlocalserver_with_an_access_option_takes_a_live_name' "$(cat "$tap_dir/qt.out")" \
	"ready $tap_dir/tmp/named"
status=0
wait "$postern_pid" || status=$?
tap_is 'and_postern_says_so_and_ends' "$status $(grep -c "named is in use" "$tap_dir/postern.err")" '73 1'
note "$(tail -n 1 "$tap_dir/postern.err")"
tap_is 'and_leaves_the_name_to_its_new_owner' "$(echo hello | peer connect named)" hello
finish "$qt_pid"

qt_serve "$abstract" abstract
note "$(cat "$tap_dir/qt.out" "$tap_dir/qt.err")"
tap_is 'postern_finds_an_abstract_qlocalserver' \
	"$(ask "@$abstract" "$tap_dir/hello" 2>&1)" hello
finish "$qt_pid"
tap_done
