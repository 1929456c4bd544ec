#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The case of docs/FROM_QT.md, a server in a thread and a client that waits: before, and after in C and in Qt. And
# postern-qt.hpp against programs in C, with peers that are killed.

. "$(dirname "$0")/tap.sh"

programs=$POSTERN_BUILD/examples/from-qt
examples=$POSTERN_BUILD/examples
if [ ! -x "$programs/from-qt-after-c" ]; then
	echo '1..0 # SKIP the examples were not built'
	exit 0
fi
have_qt=0
[ ! -x "$programs/qt-echo" ] || have_qt=1

run()
{
	status=0
	output=$(timeout "${limit:-60}" "$@" 2>"$tap_dir/stderr") || status=$?
}

# ---- the case itself, and each of its defects ----

tap_start "$examples/echo-server" taken 2>"$tap_dir/taken.err"
owner=$tap_pid
"$POSTERN_COMMAND" wait taken --deadline 10s
for program in before after-c after-qt; do
	as=${program//-/_}
	if [ ! -x "$programs/from-qt-$program" ]; then
		for what in serves_in_a_thread_and_asks_for_a_line says_at_once_why_it_cannot_serve leaves_a_live_servers_name; do
			skip "${as}_$what" 'built without programs in Qt: there was no Qt 6, or TSan, which does not know its locks'
		done
		continue
	fi
	run "$programs/from-qt-$program" "$tap_dir/$program" 'a line'
	tap_is "${as}_serves_in_a_thread_and_asks_for_a_line" "$status:$output:$(cat "$tap_dir/stderr")" '0:A LINE:'

	# What is the defect of the one is no test of the others: that it is one is seen here.
	start=${EPOCHREALTIME/./}
	limit=2
	[ "$program" = before ] || limit=60
	run "$programs/from-qt-$program" "$tap_dir/is/no/directory" 'a line'
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
	limit=
	if [ "$program" = before ]; then
		tap_is 'before_waits_for_ever_for_a_server_that_cannot_listen' "$status:$output" '124:'
	else
		tap_is "${as}_says_at_once_why_it_cannot_serve" \
			"$status:$output:$(grep -c 'does not exist: make it first' "$tap_dir/stderr"):$((took < 20000))" '1::1:1'
	fi
	note "$program, where it cannot listen: status $status after $took ms; $(cat "$tap_dir/stderr")"
done
for program in after-c after-qt; do
	[ -x "$programs/from-qt-$program" ] || continue
	run "$programs/from-qt-$program" taken 'a line'
	tap_is "${program//-/_}_leaves_a_live_servers_name" \
		"$status:$output:$(grep -c "in use by pid $owner " "$tap_dir/stderr"):$("$examples/echo-client" taken lives)" '1::1:lives'
done
kill -TERM "$owner"
wait "$owner"

# ---- as the reviewer sees it ----

# reviewed PROGRAM: which classes of CWE it has findings in.
reviewed()
{
	"$POSTERN_COMMAND" review --tests "$POSTERN_SOURCE/examples/from-qt/$1" | sed -n 's/^[0-9]*\. \(CWE-[0-9]*\) .*/\1/p' | tr '\n' ' '
}

if ! "$POSTERN_COMMAND" review --rules >"$tap_dir/out" 2>&1; then
	skip before_has_all_three_classes_of_defects_and_after_none 'the command was built without the reviewer'
else
	tap_is before_has_all_three_classes_of_defects_and_after_none \
		"$(reviewed before.cpp)/$(reviewed after.c)/$(reviewed after.cpp)/$(reviewed echo.cpp)" \
		'CWE-664 CWE-707 CWE-703 ///'
fi

# ---- postern-qt.hpp and programs in C ----

if [ $have_qt -eq 0 ]; then
	for what in qt_echo_and_c_are_each_others_peers qt_echo_returns_4_MB_unchanged \
		qt_echo_outlives_clients_that_are_killed_and_keeps_nothing_of_them qt_echo_gives_its_name_up \
		qt_client_hears_that_its_server_was_killed qt_failures_are_told_in_words; do
		skip "$what" 'built without programs in Qt: there was no Qt 6, or TSan, which does not know its locks'
	done
	tap_done
fi

mkfifo "$tap_dir/input"
"$programs/qt-echo" qt <"$tap_dir/input" 2>"$tap_dir/qt.err" &
server=$!
tap_pids="$tap_pids $server"
exec 8>"$tap_dir/input"
tap_start "$examples/echo-server" c 8>&-
c=$tap_pid
"$POSTERN_COMMAND" wait qt --deadline 10s
"$POSTERN_COMMAND" wait c --deadline 10s
output=
for name in qt c; do
	output+="$("$examples/echo-client" $name "c to $name" 2>&1);$("$programs/qt-echo" $name "qt to $name" </dev/null 2>&1);"
done
tap_is 'qt_echo_and_c_are_each_others_peers' "$output" 'c to qt;qt to qt;c to c;qt to c;'

head -c 3000000 /dev/urandom | base64 -w 0 >"$tap_dir/large"
sum=$(cksum <"$tap_dir/large")
for i in 1 2 3; do
	"$POSTERN_COMMAND" connect qt --idle 30s <"$tap_dir/large" 2>&1 | cksum >"$tap_dir/$i.sum" &
	connecting+=($!)
done
wait "${connecting[@]}"
tap_is 'qt_echo_returns_4_MB_unchanged' "$(sort -u "$tap_dir"/[123].sum)" "$sum"

before=$(ls "/proc/$server/fd" | wc -l)
for i in {1..20}; do
	"$POSTERN_COMMAND" connect qt </dev/zero >"$tap_dir/out" 2>/dev/null &
	client=$!
	sleep 0.02
	kill -KILL "$client"
	wait "$client" 2>/dev/null
done
for ((i = 0; i < 1000; i++)); do
	after=$(ls "/proc/$server/fd" | wc -l)
	[ "$after" != "$before" ] || break
	sleep 0.01
done
tap_is 'qt_echo_outlives_clients_that_are_killed_and_keeps_nothing_of_them' \
	"$after $("$examples/echo-client" qt still)" "$before still"

"$programs/qt-echo" qt </dev/null >"$tap_dir/out" 2>"$tap_dir/second.err"
tap_is 'qt_failures_are_told_in_words' "$? $(grep -c "in use by pid $server " "$tap_dir/second.err")" '1 1'

exec 8>&-
status=0
wait "$server" || status=$?
tap_is 'qt_echo_gives_its_name_up' "$status $(ls "$tap_dir/qt") $(cat "$tap_dir/qt.err")" '0 lock '

kill -STOP "$c"
"$programs/qt-echo" c x </dev/null >"$tap_dir/out" 2>"$tap_dir/killed.err" &
client=$!
tap_pids="$tap_pids $client"
sleep 0.5
kill -KILL "$c"
status=0
wait "$client" || status=$?
tap_is 'qt_client_hears_that_its_server_was_killed' \
	"$status $(cat "$tap_dir/killed.err")" '1 qt-echo: the peer went away with bytes unread'
tap_done
