#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The services among the examples: what they answer, and what happens when one end goes away.

. "$(dirname "$0")/examples.sh"

examples=$POSTERN_BUILD/examples
if [ ! -x "$examples/jobs/jobs-service" ]; then
	echo '1..0 # SKIP the examples were not built'
	exit 0
fi

lines_are()
{
	[ "$(wc -l <"$1")" -ge "$2" ]
}

# Also if nobody has reaped it yet, as an init that takes its time.
gone()
{
	! kill -0 "$1" 2>/dev/null || grep -qs '^State:.Z' "/proc/$1/status"
}

# An instance that is stopped: its caller takes all of its five seconds, beside the rest.
instance=$examples/instance/instance
tap_start "$instance" stopped first.txt >/dev/null 2>&1
stopped=$tap_pid
until_listening stopped
kill -STOP "$stopped"
(
	start=${EPOCHREALTIME/./}
	status=0
	"$instance" stopped second.txt 2>"$tap_dir/late.err" || status=$?
	echo "$status $(((${EPOCHREALTIME/./} - start) / 1000))" >"$tap_dir/late"
) &
late=$!

# ---- jobs ----

start_jobs()
{
	tap_start "$examples/jobs/jobs-service" jobs 2>"$tap_dir/jobs.err"
	service=$tap_pid
	until_listening jobs
}

start_jobs
run "$examples/jobs/jobs-run" jobs sh -c 'echo one; echo two >&2; echo; printf "\377\nthe last"; exit 7'
tap_is 'jobs_run_prints_each_line_and_ends_as_the_command' "$status:$output:$(cat "$tap_dir/stderr")" \
	'7:one
two

(not UTF-8)
the last:'
run "$examples/jobs/jobs-run" jobs sh -c 'kill -TERM $$'
tap_is 'jobs_run_tells_the_signal' "$status" 143
run "$examples/jobs/jobs-run" jobs "$tap_dir/missing"
tap_is 'jobs_run_says_why_nothing_was_started' "$status $(cat "$tap_dir/stderr")" \
	'69 jobs-run: not started: No such file or directory'
run "$POSTERN_COMMAND" call jobs org.example.jobs.Run '{"command":["true"]}'
tap_is 'jobs_need_more' "$status $(cat "$tap_dir/stderr")" '1 postern call: jobs: org.varlink.service.ExpectedMore'
run "$POSTERN_COMMAND" call --more jobs org.example.jobs.Run '{"command":[]}'
tap_is 'jobs_need_a_command' "$status $(grep -c InvalidParameter "$tap_dir/stderr")" '1 1'

# The command goes on only when this test says so: a line that is seen before was not waiting for the end.
mkfifo "$tap_dir/go"
tap_start "$examples/jobs/jobs-run" jobs sh -c "echo begun; read line <'$tap_dir/go'; echo \$line" >"$tap_dir/progress"
caller=$tap_pid
until_true lines_are "$tap_dir/progress" 1
tap_is 'jobs_show_progress_while_they_run' "$(cat "$tap_dir/progress")" begun
echo done >"$tap_dir/go"
ended "$caller"
tap_is 'jobs_go_on_to_their_end' "$status $(tr '\n' ' ' <"$tap_dir/progress")" '0 begun done '

tap_is 'jobs_lose_nothing_of_a_long_output' "$("$examples/jobs/jobs-run" jobs seq 300000 | cksum)" "$(seq 300000 | cksum)"

# A shell and its child, which both have to go.
hold='sleep 1000 & echo $$ $!; wait'
tap_start "$examples/jobs/jobs-run" jobs sh -c "$hold" >"$tap_dir/pids"
caller=$tap_pid
until_true lines_are "$tap_dir/pids" 1
read -r shell child <"$tap_dir/pids"
kill -KILL "$caller"
ended "$caller"
tap_try 'a_caller_that_leaves_has_its_job_killed' until_true gone "$shell"
tap_try 'a_caller_that_leaves_has_the_children_of_its_job_killed' until_true gone "$child"

# Nobody reads what this prints without an end; the command waits, and goes with its caller.
tap_start "$examples/jobs/jobs-run" jobs sh -c 'echo $$; exec yes' >"$tap_dir/yes"
caller=$tap_pid
until_true lines_are "$tap_dir/yes" 1
kill -STOP "$caller"
read -r yes <"$tap_dir/yes"
sleep 0.3
kill -KILL "$caller"
ended "$caller"
tap_try 'a_job_that_waits_for_its_caller_is_killed_too' until_true gone "$yes"

callers=()
for i in {1..4}; do
	tap_start "$examples/jobs/jobs-run" jobs sh -c "$hold" >"$tap_dir/pids.$i" 2>"$tap_dir/full.$i"
	callers+=("$tap_pid")
done
for i in {1..4}; do until_true lines_are "$tap_dir/pids.$i" 1; done
run "$examples/jobs/jobs-run" jobs true
tap_is 'jobs_beyond_the_limit_are_refused' "$status $(cat "$tap_dir/stderr")" '69 jobs-run: 4 jobs are running already'
kill -KILL "${callers[0]}"
ended "${callers[0]}"
until_true "$examples/jobs/jobs-run" jobs true 2>/dev/null
run "$examples/jobs/jobs-run" jobs echo room
tap_is 'jobs_have_room_when_somebody_has_left' "$status $output" '0 room'

# The others still run.
kill -KILL "$service"
ended "$service"
output=
for i in 1 2 3; do
	ended "${callers[i]}"
	output+="$status $(cat "$tap_dir/full.$((i + 1))");"
done
tap_is 'callers_of_a_killed_service_do_not_know_how_far_it_came' "$output" \
	"$(for i in 1 2 3; do printf '75 jobs-run: the peer ended the connection;'; done)"
for i in 2 3 4; do
	read -r shell child <"$tap_dir/pids.$i"
	kill -KILL "$shell" "$child"
done
run timeout 1 "$examples/jobs/jobs-run" jobs true
tap_is 'jobs_run_waits_for_a_service' "$status" 124

start_jobs
tap_start "$examples/jobs/jobs-run" jobs sh -c "$hold" >"$tap_dir/pids" 2>"$tap_dir/end.err"
caller=$tap_pid
until_true lines_are "$tap_dir/pids" 1
read -r shell child <"$tap_dir/pids"
kill -TERM "$service"
ended "$service"
tap_is 'a_service_of_jobs_ends_with_0_while_one_runs' "$status $(cat "$tap_dir/jobs.err")" '0 '
tap_try 'a_service_that_ends_kills_its_jobs' until_true gone "$child"
ended "$caller"
tap_is 'the_caller_hears_of_it' "$status $(grep -c . "$tap_dir/end.err")" '75 1'

# ---- one instance ----

tap_start "$instance" one first.txt >"$tap_dir/one.out" 2>"$tap_dir/one.err"
first=$tap_pid
until_listening one
cd "$tap_dir" || exit 1
run "$instance" one 'second file.txt' /third.txt
tap_is 'a_later_instance_hands_over_and_prints_the_answer' "$status:$output" '0:the running instance has 3 files open'
tap_is 'the_first_instance_has_opened_all_files' "$(cat "$tap_dir/one.out")" \
	"open $OLDPWD/first.txt
open $tap_dir/second file.txt
open /third.txt"
run "$POSTERN_COMMAND" call one org.example.instance.Activate '{"directory":"/","arguments":["fourth"]}'
tap_is 'an_instance_can_be_called_from_a_shell' "$output" '{"open":4}'

kill -KILL "$first"
ended "$first"
tap_start "$instance" one sixth.txt >"$tap_dir/one.out" 2>"$tap_dir/one.err"
first=$tap_pid
until_listening one
tap_is 'an_instance_takes_over_from_a_killed_one' "$(cat "$tap_dir/one.out")" "open $tap_dir/sixth.txt"
kill -TERM "$first"
ended "$first"
tap_is 'an_instance_gives_its_name_up' "$status $(ls "$tap_dir/one")" '0 lock'

wait "$late"
read -r status took <"$tap_dir/late"
kill -CONT "$stopped"
tap_is 'a_later_instance_ends_bounded_when_the_first_is_stopped' \
	"$status $((took < 15000)) $(grep -c . "$tap_dir/late.err")" '1 1 1'
note "bound 5000 ms, ended after $took ms: $(cat "$tap_dir/late.err")"

# Eight at once: one is the first and opens every file exactly once.
pids=()
for i in {1..8}; do
	tap_start "$instance" many "/$i" >"$tap_dir/many.$i" 2>>"$tap_dir/many.err"
	pids+=("$tap_pid")
done
all_but_one_ended()
{
	local left=0 pid
	for pid in "${pids[@]}"; do
		gone "$pid" || left=$((left + 1))
	done
	[ $left -eq 1 ]
}
until_true all_but_one_ended
tap_is 'one_of_eight_instances_opens_each_file_once' \
	"$(grep -h '^open' "$tap_dir"/many.[1-8] | sort | tr '\n' ' ') $(cat "$tap_dir/many.err")" \
	"$(printf 'open /%d ' {1..8}) "
for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null; done

# The first one ends while others call it, again and again: nobody fails, each file is opened.
for i in {1..9}; do
	tap_start "$instance" relay "/$i" >"$tap_dir/relay.$i" 2>>"$tap_dir/relay.err"
	pids[i]=$tap_pid
	sleep 0.02
	[ $((i % 3)) -eq 0 ] || continue
	# Those that have opened a file were the first ones, and not all of them still are.
	for file in $(grep -l '^open' "$tap_dir"/relay.[1-9]); do
		kill -TERM "${pids[${file##*.}]}" 2>/dev/null
	done
done
all_opened()
{
	[ "$(grep -h '^open' "$tap_dir"/relay.[1-9] | sort -u | wc -l)" -eq 9 ]
}
tap_try 'instances_lose_no_file_while_first_ones_end' until_true all_opened
tap_is 'no_instance_fails_then' "$(cat "$tap_dir/relay.err")" ''

# ---- settings ----

start_settings()
{
	tap_start "$examples/settings/settings-service" settings "$tap_dir/stored" 2>"$tap_dir/settings.err"
	service=$tap_pid
	until_listening settings
}

# settings METHOD [PARAMETERS]
settings()
{
	run "$POSTERN_COMMAND" call settings "org.example.settings.$1" "${@:2}"
}

last_is()
{
	[ "$(tail -n 1 "$1")" = "$2" ]
}

start_settings
tap_start "$examples/settings/settings-watch" settings >"$tap_dir/watch" 2>"$tap_dir/watch.err"
watch=$tap_pid
until_true lines_are "$tap_dir/watch" 1
tap_is 'a_watcher_of_no_settings_has_their_state' "$(cat "$tap_dir/watch")" ''
settings Set '{"name":"theme","value":"dark"}'
tap_is 'settings_are_set' "$status $output $(cat "$tap_dir/stderr")" '0 {} '
settings Set '{"name":"volume","value":"7"}'
settings Set '{"name":"theme","value":"light = bright"}'
settings Get '{"name":"theme"}'
tap_is 'settings_are_told' "$status $output" '0 {"value":"light = bright"}'
tap_try 'a_watcher_has_each_change' until_true last_is "$tap_dir/watch" 'theme=light = bright volume=7'
settings Watch
tap_is 'all_settings_are_told' "$output" '{"settings":{"theme":"light = bright","volume":"7"}}'
output=
for wrong in 'Get {"name":"none"}' 'Set {"name":"a=b","value":""}' 'Set {"name":"a","value":"b\nc"}'; do
	"$POSTERN_COMMAND" call settings "org.example.settings.${wrong%% *}" "${wrong#* }" 2>"$tap_dir/stderr"
	output+="$(cut -d : -f 3- "$tap_dir/stderr");"
done
tap_is 'what_is_no_setting_is_told' "$output" \
	' org.example.settings.Unknown: {"name":"none"}; org.varlink.service.InvalidParameter: {"parameter":"name"}; org.varlink.service.InvalidParameter: {"parameter":"value"};'

# While there is no service, the file changes; the watcher is told by the next one.
kill -KILL "$service"
ended "$service"
until_true grep -q . "$tap_dir/watch.err"
echo 'theme=none' >>"$tap_dir/stored"
echo 'language=en' >>"$tap_dir/stored"
start_settings
tap_try 'a_watcher_has_the_present_state_after_a_restart' until_true last_is "$tap_dir/watch" 'theme=light = bright volume=7 language=en'
settings Set '{"name":"theme"}'
tap_try 'a_watcher_has_changes_after_a_restart' until_true last_is "$tap_dir/watch" 'language=en volume=7'
settings Get '{"name":"theme"}'
tap_is 'a_setting_that_was_removed_is_unknown' "$status $(grep -c Unknown "$tap_dir/stderr")" '1 1'
kill -TERM "$service"
ended "$service"
tap_is 'a_service_of_settings_ends_with_0_while_somebody_watches' "$status $(cat "$tap_dir/settings.err")" '0 '
tap_is 'settings_are_in_the_file' "$(tr '\n' ' ' <"$tap_dir/stored")" 'language=en volume=7 '
start_settings
settings Set '{"name":"volume","value":"8"}'
tap_try 'a_watcher_outlives_that_too' until_true last_is "$tap_dir/watch" 'language=en volume=8'

# A directory in the place of the file that is written first.
mkdir "$tap_dir/stored.new"
settings Set '{"name":"volume","value":"9"}'
tap_is 'a_setting_that_is_not_saved_is_told' "$status $(cut -d : -f 3- "$tap_dir/stderr")" \
	'1  org.example.settings.NotSaved: {"reason":"Is a directory"}'
rmdir "$tap_dir/stored.new"
settings Get '{"name":"volume"}'
tap_is 'and_it_has_not_changed' "$output" '{"value":"8"}'

# A watcher that is stopped, while others set: it skips what it has no room for, and ends up with the last state.
long=$(head -c 1000 /dev/zero | tr '\0' x)
kill -STOP "$watch"
for i in {1..40}; do settings Set "{\"name\":\"s$i\",\"value\":\"$long\"}"; done
settings Set '{"name":"volume","value":"10"}'
kill -CONT "$watch"
tap_try 'a_watcher_that_was_stopped_has_the_last_state' until_true grep -q ' volume=10 s1=' "$tap_dir/watch"

tap_done
