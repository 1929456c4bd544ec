#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The examples do what they say, also when they lose a race.

. "$(dirname "$0")/examples.sh"

examples=$POSTERN_BUILD/examples
if [ ! -x "$examples/echo-server" ]; then
	echo '1..0 # SKIP the examples were not built'
	exit 0
fi

# ---- echo ----

tap_start "$examples/echo-server" echo 2>"$tap_dir/echo.err"
server=$tap_pid
until_listening echo
run "$examples/echo-client" echo 'hello, echo'
tap_is 'echo_client_prints_what_it_sent' "$status $output" '0 hello, echo'

head -c 3000000 /dev/urandom | base64 -w 0 >"$tap_dir/large"
tap_is 'echo_server_returns_4_MB_unchanged' \
	"$("$POSTERN_COMMAND" connect echo --idle 20s <"$tap_dir/large" | cksum)" "$(cksum <"$tap_dir/large")"

run "$examples/echo-server" echo
tap_is 'echo_server_says_who_has_its_name' \
	"$status $(grep -c "in use by pid $server " "$tap_dir/stderr")" '1 1'

kill -TERM "$server"
ended "$server"
tap_is 'echo_server_ends_with_0_and_without_its_socket' \
	"$status $(ls "$tap_dir/echo")" '0 lock'

run "$examples/echo-client" 'a name that is none' x
tap_is 'echo_client_says_what_a_name_is' "$status $(grep -c 'not allowed in a name' "$tap_dir/stderr")" '1 1'

# That takes five seconds, and so does what follows: beside each other.
(
	start=${EPOCHREALTIME/./}
	status=0
	"$examples/echo-client" nobody x 2>"$tap_dir/nobody.err" || status=$?
	echo "$status $(((${EPOCHREALTIME/./} - start) / 1000))" >"$tap_dir/nobody"
) &
nobody=$!

# ---- single instance ----

tap_start "$examples/single-instance" one first.txt >"$tap_dir/one.out" 2>"$tap_dir/one.err"
owner=$tap_pid
until_file "$tap_dir/one.err" 'listening at'
run "$examples/single-instance" one 'second file.txt' third.txt
tap_is 'single_instance_hands_its_files_over' "$status:$output:$(cat "$tap_dir/one.out")" \
	'0::open first.txt
open second file.txt
open third.txt'

kill -STOP "$owner"
start=${EPOCHREALTIME/./}
run "$examples/single-instance" one fourth.txt
took=$(((${EPOCHREALTIME/./} - start) / 1000))
kill -CONT "$owner"
tap_is 'pain_29_single_instance_ends_bounded_when_the_owner_is_stopped' \
	"$status $((took < 15000)) $(cat "$tap_dir/stderr")" \
	'1 1 single-instance: the running instance does not answer'
note "bound 5000 ms, ended after $took ms"
wait "$nobody"
read -r status took <"$tap_dir/nobody"
tap_is 'echo_client_gives_up_at_its_deadline_and_says_why' \
	"$status $(grep -c 'is the server running' "$tap_dir/nobody.err") $((took >= 4950 && took < 15000))" '1 1 1'
note "deadline 5000 ms, ended after $took ms"

kill -KILL "$owner"
ended "$owner"
tap_start "$examples/single-instance" one fifth.txt >"$tap_dir/one.out" 2>"$tap_dir/one.err"
owner=$tap_pid
until_file "$tap_dir/one.err" 'listening at'
tap_is 'single_instance_takes_over_from_a_killed_one' "$(cat "$tap_dir/one.out")" 'open fifth.txt'
kill -TERM "$owner"
ended "$owner"
tap_is 'single_instance_gives_its_name_up' "$status $(ls "$tap_dir/one")" '0 lock'

# Twelve at once: one is the owner and opens every file exactly once.
pids=()
for i in {1..12}; do
	tap_start "$examples/single-instance" many "file $i" >"$tap_dir/many.$i.out" 2>"$tap_dir/many.$i.err"
	pids+=("$tap_pid")
done
handed=0
for ((i = 0; i < 1000 && handed < 11; i++)); do
	handed=0
	for pid in "${pids[@]}"; do
		kill -0 "$pid" 2>/dev/null || handed=$((handed + 1))
	done
	sleep 0.01
done
tap_is 'single_instance_opens_each_file_once_when_twelve_start' \
	"$handed $(cat "$tap_dir"/many.*.out | sort -V)" \
	"11 $(for i in {1..12}; do echo "open file $i"; done)"
tap_is 'single_instance_has_one_owner_when_twelve_start' \
	"$(cat "$tap_dir"/many.*.err | grep -c 'listening at')" 1

# The owner ends while others hand over, again and again: nobody fails, each file is opened.
for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null; done
for i in {1..12}; do
	tap_start "$examples/single-instance" relay "file $i" >"$tap_dir/relay.$i.out" 2>"$tap_dir/relay.$i.err"
	pids[i]=$tap_pid
	sleep 0.02
	[ $((i % 3)) -eq 0 ] || continue
	for file in $(grep -l 'listening at' "$tap_dir"/relay.*.err); do
		file=${file%.err}
		kill -TERM "${pids[${file##*.}]}" 2>/dev/null
	done
done
opened=0
for ((i = 0; i < 1000 && opened < 12; i++)); do
	opened=$(cat "$tap_dir"/relay.*.out | sort -u | grep -c '^open file ')
	sleep 0.01
done
note "$(cat "$tap_dir"/relay.*.err | grep -c 'listening at') owners, one after another"
tap_is 'single_instance_loses_no_file_while_owners_end' \
	"$opened opened, $(cat "$tap_dir"/relay.*.err | grep -vc 'listening at') failed" '12 opened, 0 failed'

# ---- a client that waits ----

tap_start "$examples/echo-server" echo 2>"$tap_dir/echo.err"
server=$tap_pid
until_listening echo
run "$examples/ask" echo 'a line'
tap_is 'ask_prints_the_answer' "$status $output" '0 a line'
kill -STOP "$server"
start=${EPOCHREALTIME/./}
run "$examples/ask" echo 'a line'
took=$(((${EPOCHREALTIME/./} - start) / 1000))
tap_is 'ask_waits_for_its_answer_as_long_as_it_says' \
	"$status $(cat "$tap_dir/stderr") $((took >= 450 && took < 10000))" '75 ask: no answer: Connection timed out 1'
note "deadline 500 ms, ended after $took ms"
tap_start "$examples/ask" echo 'a line' 2>"$tap_dir/ask.err"
asks=$tap_pid
sleep 0.1
kill -KILL "$server"
ended "$asks"
tap_is 'ask_says_that_the_server_went_away' "$status $(grep -c 'no answer' "$tap_dir/ask.err")" '75 1'
run "$examples/ask" echo 'a line'
tap_is 'ask_says_that_there_is_no_server' "$status $(grep -c 'no server' "$tap_dir/stderr")" '69 1'

# ---- the same in C++, each against those in C ----

if [ ! -x "$examples/cxx/cxx-echo-server" ]; then
	for what in echo_servers_and_clients_in_c_and_cpp_are_the_same cpp_server_returns_4_MB_unchanged \
		cpp_server_outlives_clients_that_are_killed cpp_server_ends_with_0_and_without_its_socket \
		cpp_ask_prints_the_answer cpp_errors_are_told_in_words cpp_client_hears_that_its_server_was_killed; do
		skip "$what" 'there was no C++ compiler when the examples were built'
	done
else
	for language in c cpp; do
		program=$examples/echo-server
		[ $language = c ] || program=$examples/cxx/cxx-echo-server
		tap_start "$program" $language 2>"$tap_dir/$language.err"
		server=$tap_pid
		until_listening $language
	done
	output=
	for name in c cpp; do
		for client in echo-client cxx/cxx-echo-client; do
			output+="$("$examples/$client" $name "$client to $name" 2>&1);"
		done
	done
	tap_is 'echo_servers_and_clients_in_c_and_cpp_are_the_same' "$output" \
		'echo-client to c;cxx/cxx-echo-client to c;echo-client to cpp;cxx/cxx-echo-client to cpp;'
	tap_is 'cpp_server_returns_4_MB_unchanged' \
		"$("$POSTERN_COMMAND" connect cpp --idle 20s <"$tap_dir/large" | cksum)" "$(cksum <"$tap_dir/large")"
	for i in {1..10}; do
		"$POSTERN_COMMAND" connect cpp </dev/zero >"$tap_dir/out" 2>/dev/null &
		client=$!
		sleep 0.02
		kill -KILL "$client"
		wait "$client" 2>/dev/null
	done
	run "$examples/cxx/cxx-echo-client" cpp still
	tap_is 'cpp_server_outlives_clients_that_are_killed' "$status $output" '0 still'
	run "$examples/cxx/cxx-ask" cpp 'a line'
	tap_is 'cpp_ask_prints_the_answer' "$status $output" '0 a line'
	output=
	for program in cxx-echo-server cxx-ask; do
		"$examples/cxx/$program" cpp x >/dev/null 2>&1
		output+="$("$examples/cxx/$program" 'no name' ${program#cxx-echo-server} 2>&1 | grep -c 'not allowed in a name') "
	done
	tap_is 'cpp_errors_are_told_in_words' \
		"$output$("$examples/cxx/cxx-echo-server" cpp 2>&1 | grep -c "in use by pid $server ")" '1 1 1'
	kill -TERM "$server"
	ended "$server"
	tap_is 'cpp_server_ends_with_0_and_without_its_socket' \
		"$status $(ls "$tap_dir/cpp") $(cat "$tap_dir/cpp.err")" '0 lock '
	tap_start "$examples/cxx/cxx-echo-server" cpp 2>"$tap_dir/cpp.err"
	server=$tap_pid
	until_listening cpp
	kill -STOP "$server"
	"$examples/cxx/cxx-echo-client" cpp x 2>"$tap_dir/killed.err" &
	client=$!
	tap_pids="$tap_pids $client"
	sleep 0.2
	kill -KILL "$server"
	ended "$client"
	tap_is 'cpp_client_hears_that_its_server_was_killed' \
		"$status $(cat "$tap_dir/killed.err")" '1 echo-client: the peer went away with bytes unread'
fi

# ---- a server in a thread ----

mkfifo "$tap_dir/input"
# Opening its input waits for the writer below, so that is done in the background.
"$examples/thread" time <"$tap_dir/input" 2>"$tap_dir/thread.err" &
thread=$!
tap_pids="$tap_pids $thread"
exec 8>"$tap_dir/input"
until_listening time
tap_is 'thread_serves_while_its_program_reads' \
	"$("$POSTERN_COMMAND" connect time </dev/null | grep -c ':[0-9][0-9]:')" 1
run "$examples/thread" time </dev/null
tap_is 'thread_says_who_has_its_name' "$status $(grep -c "in use by pid $thread " "$tap_dir/stderr")" '1 1'
exec 8>&-
ended "$thread"
tap_is 'thread_gives_its_name_up' "$status $(ls "$tap_dir/time")" '0 lock'

for way in return pthread_exit cancel hang; do
	run env GLIBC_TUNABLES=glibc.malloc.tcache_count=0 "$examples/tour-thread" deputy "$way"
	note "$way, $output"
	tap_is "tour_thread_leaves_nothing_after_$way" "$status $(cat "$tap_dir/stderr") $(ls "$tap_dir/deputy")" '0  lock'
done
run "$examples/tour-thread" deputy exit
tap_is 'tour_thread_leaves_a_dead_name_after_exit' \
	"$status $("$POSTERN_COMMAND" ls | awk '$1 == "deputy" { print $3 }')" '0 dead'

# ---- calls ----

tap_start "$examples/clock/clock-service" clock 2>"$tap_dir/clock.err"
service=$tap_pid
until_listening clock
run "$examples/clock/clock-now" clock
tap_is 'clock_now_prints_the_time' "$status $(grep -cxE '[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}' <<<"$output")" '0 1'
run "$examples/clock/clock-now" clock Mars
tap_is 'clock_now_says_which_zone_there_is_none_of' "$status $(cat "$tap_dir/stderr")" '1 clock-now: there is no zone Mars'
run "$examples/clock/clock-ask" clock Mars
tap_is 'clock_ask_says_so_from_a_loop' "$status $(cat "$tap_dir/stderr")" '1 clock-ask: there is no zone Mars'
run "$examples/clock/clock-watch" clock Mars
tap_is 'clock_watch_says_it_too' "$status $(cat "$tap_dir/stderr")" '1 clock-watch: there is no zone Mars'
run "$examples/clock/clock-stamp" clock 'a line' another
tap_is 'clock_stamp_has_the_connection' \
	"$status $(sed 's/^[-0-9]* [:0-9]* /TIME /' <<<"$output" | tr '\n' '|')" '0 TIME a line|TIME another|'

: >"$tap_dir/watch.out"
"$examples/clock/clock-watch" clock local >>"$tap_dir/watch.out" 2>"$tap_dir/watch.err" &
watch=$!
tap_pids="$tap_pids $watch"
# Two lines: that the second one comes is the service's doing.
for ((i = 0; i < 1000; i++)); do
	[ "$(wc -l <"$tap_dir/watch.out")" -lt 2 ] || break
	sleep 0.01
done
tap_is 'clock_watch_prints_every_second' "$(($(wc -l <"$tap_dir/watch.out") >= 2)) $(sort -u "$tap_dir/watch.out" | wc -l)" \
	"1 $(wc -l <"$tap_dir/watch.out")"
kill -TERM "$service"
ended "$service"
tap_is 'clock_service_ends_with_0_while_somebody_watches' "$status $(cat "$tap_dir/clock.err")" '0 '
ended "$watch"
tap_is 'clock_watch_says_that_it_ended' "$status $(grep -c . "$tap_dir/watch.err")" '1 1'

tap_done
