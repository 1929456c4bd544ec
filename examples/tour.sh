#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tour.sh [BUILD] - shows what Postern does, on real processes, in about 10 seconds; BUILD is the build directory
#
# Each step says what it proves, prints its measurements, and fails the tour if they do not hold. Names
# are in a private directory, which is removed at the end, and no process is left.
set -u
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../build}
postern=$build/postern
load=$build/examples/load
thread=$build/examples/tour-thread
ask=$build/examples/ask
store=$build/examples/store/store-service
asks_store=$build/examples/store/store-client
python=/usr/bin/python3
[ -x "$python" ] || python=python3

# Lateness of the timer that fails the tour: a loop that is blocked is late by seconds, and a machine that
# is shared with others makes any process wait for its turn.
late_limit_ms=250

for program in "$postern" "$load" "$thread" "$ask" "$store" "$asks_store" socat "$python"; do
	command -v "$program" >/dev/null || { echo "tour: there is no $program; run: make" >&2; exit 1; }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/postern-tour-XXXXXX") || exit 1
export POSTERN_DIR=$dir/names
mkdir -m 700 "$POSTERN_DIR" || exit 1

pids=()
steps=0
held=0
holds=yes
clients=0
messages=0
late_us=0
servers=0

cleanup()
{
	local pid
	for pid in ${pids[@]+"${pids[@]}"}; do
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

now_ms()
{
	local us=${EPOCHREALTIME/./}
	echo $((us / 1000))
}

step()
{
	[ "$steps" -eq 0 ] || end_step
	steps=$((steps + 1))
	holds=yes
	printf '\n%d. %s\n' "$steps" "$1"
}

end_step()
{
	[ "$holds" = no ] || held=$((held + 1))
}

measured()
{
	printf '   %s\n' "$*"
}

# hold WHAT COMMAND...: the step fails when the command does.
hold()
{
	local what=$1
	shift
	"$@" && return
	holds=no
	printf '   DOES NOT HOLD: %s (%s)\n' "$what" "$*"
	return 1
}

within()
{
	[ "$2" -ge "$1" ] && [ "$2" -le "$3" ]
}

forget()
{
	local pid rest=()
	for pid in "${pids[@]}"; do
		[ "$pid" = "$1" ] || rest+=("$pid")
	done
	pids=(${rest[@]+"${rest[@]}"})
}

# start LOG COMMAND...: in the background, stderr in LOG; $pid is the process.
start()
{
	local log=$1
	shift
	# The background process opens it later, and earlier output must be gone by then.
	: >"$log"
	"$@" </dev/null >"$log.out" 2>"$log" &
	pid=$!
	pids+=("$pid")
}

# ended PID: waits for it; $status is how it ended.
ended()
{
	status=0
	wait "$1" 2>/dev/null || status=$?
	forget "$1"
}

# serve LOG ARGUMENT...: a server that is ready; $pid is the process, $took how long that was, in ms.
serve()
{
	local log=$1 began i
	shift
	began=$(now_ms)
	start "$log" "$postern" serve "$@"
	servers=$((servers + 1))
	for ((i = 0; i < 500; i++)); do
		grep -q '^ready ' "$log" && break
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.01
	done
	took=$(($(now_ms) - began))
	hold 'the server is ready' grep -q '^ready ' "$log" || cat "$log"
}

stop()
{
	kill "-$1" "$2" && ended "$2"
}

descriptors()
{
	find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}

# The state of a name according to ls: alive, dead, or none.
listed()
{
	"$postern" ls --json | "$python" -c '
import json, sys
print({True: "alive", False: "dead"}[next(n["alive"] for n in json.load(sys.stdin) if n["name"] == sys.argv[1])])
' "$1" 2>/dev/null || echo none
}

figure()
{
	sed -n "s/^stats .*\\b$2=\\([0-9]*\\).*/\\1/p" "$1"
}

began=$(now_ms)
echo "Postern $("$postern" --version | cut -d ' ' -f 2), a tour. Names are in $POSTERN_DIR."

# ---------------------------------------------------------------------------------------------------------
step 'Clients may start before their server: they connect when it comes, and need no loop of sleeps.'
early=()
for i in 1 2 3 4 5; do
	echo "I am client $i" >"$dir/in.$i"
	"$postern" connect early --deadline 10s <"$dir/in.$i" >"$dir/out.$i" 2>"$dir/err.$i" &
	early+=($!)
	pids+=($!)
done
sleep 0.5
waiting=0
for pid in "${early[@]}"; do
	kill -0 "$pid" 2>/dev/null && waiting=$((waiting + 1))
done
hold 'all clients wait' [ "$waiting" -eq 5 ]
serve "$dir/early" early --echo
server=$pid
ready=$(now_ms)
good=0
for i in 1 2 3 4 5; do
	ended "${early[i - 1]}"
	[ "$status" -eq 0 ] && cmp -s "$dir/in.$i" "$dir/out.$i" && good=$((good + 1))
done
hold 'all clients had their answer' [ "$good" -eq 5 ]
measured "5 clients waited 500 ms for a server that was not there; $good of 5 had their answer" \
	"$(($(now_ms) - ready)) ms after it was ready"
stop TERM "$server"
clients=$((clients + 5))
messages=$((messages + 5))

# ---------------------------------------------------------------------------------------------------------
step 'One server, 200 clients, 100,000 messages; its loop is never blocked, and keeps nothing afterwards.'
serve "$dir/echo" echo --echo --stats
server=$pid
before=$(descriptors "$server")
loads=()
for i in 1 2 3 4; do
	start "$dir/load.$i" "$load" echo 50 500 60
	loads+=("$pid")
done
good=0
for pid in "${loads[@]}"; do
	ended "$pid"
	[ "$status" -eq 0 ] && good=$((good + 1))
done
hold 'all messages came back unchanged' [ "$good" -eq 4 ] || cat "$dir"/load.?
sleep 0.1
after=$(descriptors "$server")
hold 'the server has no descriptor more than before' [ "$after" -eq "$before" ]
stop TERM "$server"
hold 'the server ended with 0' [ "$status" -eq 0 ]
done_messages=$(cat "$dir"/load.?.out | sed -n 's/.*messages=\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n + 0 }')
seconds=$(sed -n 's/.*seconds=//p' "$dir"/load.?.out | sort -n | tail -n 1)
bytes=$(figure "$dir/echo" bytes_in)
late_us=$(figure "$dir/echo" timer_late_us)
hold '100,000 messages' [ "$done_messages" -eq 100000 ]
hold 'the server counted the same bytes' [ "${bytes:-0}" -eq 6400000 ]
hold "a 10 ms timer was never $late_limit_ms ms late" [ "${late_us:-999999999}" -lt $((late_limit_ms * 1000)) ]
measured "$done_messages messages of 64 B over 200 connections of 4 processes in $seconds s," \
	"each compared with what was sent"
measured "worst lateness of a 10 ms timer in the server's loop: $((late_us / 1000)).$((late_us / 100 % 10)) ms;" \
	"descriptors $before before, $after after"
clients=$((clients + 200))
messages=$((messages + done_messages))

# ---------------------------------------------------------------------------------------------------------
step 'A server that is not there: connecting ends at its deadline, and says why.'
started=$(now_ms)
start "$dir/missing" "$postern" connect nobody --deadline 500ms
ended "$pid"
ms=$(($(now_ms) - started))
hold 'the status is 69' [ "$status" -eq 69 ]
hold 'not before its deadline, and soon after' within 450 "$ms" 2500
hold 'it says that nothing is there' grep -qi 'no such file\|no server' "$dir/missing"
measured "--deadline 500ms: status $status after $ms ms, process start and end included"
measured "$(cat "$dir/missing")"

# ---------------------------------------------------------------------------------------------------------
step 'A server that is stopped, its backlog full: the same, without burning a CPU; then it goes on.'
serve "$dir/stopped" stopped --echo --backlog 1
server=$pid
kill -STOP "$server"
start "$dir/fill" "$python" -c '
import os, socket, sys, time
held = []
try:
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        s.connect(sys.argv[1])
        held.append(s)
except BlockingIOError:
    print(len(held), flush=True)
time.sleep(60)' "$POSTERN_DIR/stopped/sock"
filler=$pid
for ((i = 0; i < 300; i++)); do
	[ -s "$dir/fill.out" ] && break
	sleep 0.02
done
hold 'the backlog is full' [ -s "$dir/fill.out" ]
TIMEFORMAT='%R %U %S'
{ time "$postern" connect stopped --deadline 2s </dev/null >/dev/null 2>"$dir/full" || status=$?; } 2>"$dir/time"
read -r real user system <"$dir/time"
hold 'the status is 69' [ "$status" -eq 69 ]
hold 'not before its deadline, and soon after' within 1950 "$((10#${real/./}))" 4000
hold 'it says that the backlog is full' grep -q 'backlog is full' "$dir/full"
measured "$(cat "$dir/fill.out") connections fill the backlog; --deadline 2s: status $status after $real s," \
	"CPU time $user s user + $system s system"
measured "$(cat "$dir/full")"
kill -CONT "$server"
stop KILL "$filler"
answer=$(echo again | "$postern" connect stopped --deadline 5s)
hold 'it serves again when it runs again' [ "$answer" = again ]
stop TERM "$server"
clients=$((clients + 3))
messages=$((messages + 1))

# ---------------------------------------------------------------------------------------------------------
step 'However a server ends, the next one starts at once: no name is lost, no descriptor is left.'
fds=
mkfifo "$dir/hold"
for signal in TERM INT KILL; do
	serve "$dir/phoenix" phoenix --echo --drain 200ms
	server=$pid
	hold 'ls shows it' [ "$(listed phoenix)" = alive ]
	[ -n "$fds" ] || fds=$(descriptors "$server")
	hold 'it has as many descriptors as the first one' [ "$(descriptors "$server")" -eq "$fds" ]
	# A client that stays connected.
	start "$dir/client" "$postern" connect phoenix --deadline 5s
	client=$pid
	exec 9<>"$dir/hold"
	"$postern" connect phoenix <&9 >"$dir/held" 2>/dev/null &
	holder=$!
	pids+=("$holder")
	echo hello >&9
	for ((i = 0; i < 250; i++)); do
		[ -s "$dir/held" ] && break
		sleep 0.02
	done
	hold 'a client talks to it' [ "$(cat "$dir/held")" = hello ]
	ended "$client"
	started=$(now_ms)
	stop "$signal" "$server"
	ms=$(($(now_ms) - started))
	exec 9>&-
	how=$status
	left=$(listed phoenix)
	ended "$holder"
	: >"$dir/held"
	if [ "$signal" = KILL ]; then
		hold 'ls shows a dead one' [ "$left" = dead ]
	else
		hold 'the status is 0' [ "$how" -eq 0 ]
		hold 'the name is gone' [ ! -e "$POSTERN_DIR/phoenix/sock" ]
	fi
	serve "$dir/phoenix" phoenix --echo
	hold 'the next one serves' [ "$(echo next | "$postern" connect phoenix --deadline 5s)" = next ]
	hold 'it has as many descriptors as the first one' [ "$(descriptors "$pid")" -eq "$fds" ]
	measured "SIG$signal: ended with $how after $ms ms, ls then says '$left'; the next one was ready" \
		"after $took ms, with $fds descriptors"
	stop TERM "$pid"
	clients=$((clients + 3))
	messages=$((messages + 2))
done

# ---------------------------------------------------------------------------------------------------------
step 'Sixteen start at once, for a name that a killed server left behind: exactly one wins.'
serve "$dir/race" race --echo
stop KILL "$pid"
racers=()
for ((i = 0; i < 16; i++)); do
	start "$dir/race.$i" "$postern" serve race --echo
	racers+=("$pid")
done
sleep 0.1
lost=0
winner=
for ((i = 0; i < 500 && lost < 15; i++)); do
	lost=0
	for pid in "${racers[@]}"; do
		kill -0 "$pid" 2>/dev/null && winner=$pid || lost=$((lost + 1))
	done
	sleep 0.02
done
in_use=0
for pid in "${racers[@]}"; do
	[ "$pid" = "$winner" ] && continue
	ended "$pid"
	[ "$status" -eq 73 ] && in_use=$((in_use + 1))
done
hold 'fifteen said that the name is in use' [ "$in_use" -eq 15 ]
hold 'one is ready' [ "$(cat "$dir"/race.? "$dir"/race.?? | grep -c '^ready ')" -eq 1 ]
hold 'and it serves' [ "$(echo won | "$postern" connect race --deadline 5s)" = won ]
measured "1 serves, $in_use ended with 73, as this one:"
measured "$(cat "$dir"/race.? "$dir"/race.?? | grep -v '^ready ' | head -n 1)"
stop TERM "$winner"
servers=$((servers + 1))
clients=$((clients + 1))
messages=$((messages + 1))

# ---------------------------------------------------------------------------------------------------------
step 'The bytes are yours alone: socat and Python are clients of Postern, and servers for it.'
serve "$dir/shout" shout --exec tr a-z A-Z
server=$pid
answer=$(echo 'from socat' | timeout 10 socat -t 5 - "UNIX-CONNECT:$POSTERN_DIR/shout/sock")
hold 'socat is answered' [ "$answer" = 'FROM SOCAT' ]
measured "socat  -> serve --exec tr a-z A-Z: '$answer'"
answer=$(timeout 10 "$python" -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"from python\n")
s.shutdown(socket.SHUT_WR)
print(s.makefile().read(), end="")' "$POSTERN_DIR/shout/sock")
hold 'Python is answered' [ "$answer" = 'FROM PYTHON' ]
measured "Python -> serve --exec tr a-z A-Z: '$answer'"
stop TERM "$server"
start "$dir/socat" socat "UNIX-LISTEN:$dir/socat.sock" EXEC:cat
server=$pid
answer=$(echo 'to socat' | "$postern" connect "$dir/socat.sock" --deadline 5s)
hold 'socat answers' [ "$answer" = 'to socat' ]
measured "connect -> socat: '$answer'"
ended "$server"
start "$dir/python" "$python" -c '
import socket, sys
l = socket.socket(socket.AF_UNIX)
l.bind(sys.argv[1])
l.listen()
s = l.accept()[0]
s.sendall(s.makefile("rb").read()[::-1].strip() + b"\n")' "$dir/python.sock"
server=$pid
answer=$(echo 'nohtyp ot' | "$postern" connect "$dir/python.sock" --deadline 5s)
hold 'Python answers' [ "$answer" = 'to python' ]
measured "connect -> Python: '$answer'"
ended "$server"
clients=$((clients + 4))
messages=$((messages + 4))

# ---------------------------------------------------------------------------------------------------------
step 'A server in a thread: however the thread ends, everything it owned is released, once.'
# Keep the C library from caching blocks, so that the memory figures are exact.
export GLIBC_TUNABLES=glibc.malloc.tcache_count=0
for way in return pthread_exit cancel hang; do
	start "$dir/thread" "$thread" deputy "$way"
	ended "$pid"
	hold "$way leaves nothing" [ "$status" -eq 0 ] || cat "$dir/thread"
	case $way in
	return) what='stopped; it returns' ;;
	pthread_exit) what='pthread_exit() in a callback' ;;
	cancel) what='pthread_cancel()' ;;
	hang) what="a callback hangs: the join times out, says 'frame', and is done later" ;;
	esac
	measured "$what"
	measured "  $(cat "$dir/thread.out")"
	servers=$((servers + 21))
	clients=$((clients + 21))
	messages=$((messages + 21))
done
unset GLIBC_TUNABLES
start "$dir/thread" "$thread" deputy exit
ended "$pid"
hold 'the process ended with 0' [ "$status" -eq 0 ] || cat "$dir/thread"
left=$(listed deputy)
hold 'ls shows a dead one' [ "$left" = dead ]
serve "$dir/deputy" deputy --echo
hold 'it has as many descriptors as the first one' [ "$(descriptors "$pid")" -eq "$fds" ]
hold 'the next one serves' [ "$(echo next | "$postern" connect deputy --deadline 5s)" = next ]
measured "exit() of the process while the thread serves: ls then says '$left'; the next one was ready" \
	"after $took ms, with $fds descriptors"
stop TERM "$pid"
hold 'and its name is gone' [ ! -e "$POSTERN_DIR/deputy/sock" ]
servers=$((servers + 1))
clients=$((clients + 2))
messages=$((messages + 2))

# ---------------------------------------------------------------------------------------------------------
step 'A program without a loop: calls that wait, each with a deadline, whatever the server does.'
serve "$dir/clock" clock --echo
server=$pid
good=0
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ "$("$ask" clock "question $i")" = "question $i" ] && good=$((good + 1))
done
hold 'each was answered' [ "$good" -eq 10 ]
measured "$good of 10 programs asked and were answered"
kill -STOP "$server"
started=$(now_ms)
start "$dir/ask" "$ask" clock hello
ended "$pid"
ms=$(($(now_ms) - started))
hold 'the status is 75' [ "$status" -eq 75 ]
hold 'not before its deadline of 500 ms, and soon after' within 450 "$ms" 2500
measured "the server is stopped: status $status after $ms ms: $(cat "$dir/ask")"
start "$dir/ask" "$ask" clock hello
asks=$pid
sleep 0.1
started=$(now_ms)
stop KILL "$server"
ended "$asks"
ms=$(($(now_ms) - started))
hold 'the status is 75' [ "$status" -eq 75 ]
hold 'at once' within 0 "$ms" 350
measured "the server is killed meanwhile: status $status $ms ms later: $(cat "$dir/ask")"
clients=$((clients + 12))
messages=$((messages + 10))

# ---------------------------------------------------------------------------------------------------------
step 'A service: called by generated code and by hand; two watch it, of whom one is slow; then it is killed.'
changes=2000
begin_store()
{
	start "$dir/store" "$store" store
	server=$pid
	servers=$((servers + 1))
	"$postern" wait store --deadline 5s
}

# by_hand: sends the messages that stdin has, a line each, and prints the answers so.
by_hand()
{
	tr '\n' '\0' | timeout 10 socat -t 5 - "UNIX-CONNECT:$POSTERN_DIR/store/sock" | tr '\0' '\n'
}

# seen FILE N: waits until the watcher there has seen so much.
seen()
{
	local i
	for ((i = 0; i < 500; i++)); do
		[ "$(wc -l <"$1")" -lt "$2" ] || return 0
		sleep 0.01
	done
	return 1
}

hold 'the service is ready' begin_store
hold 'a call is answered' "$asks_store" store set greeting hello
measured "generated code: set greeting=hello, get: '$("$asks_store" store get greeting)'"
answer=$(echo '{"method":"org.example.store.Get","parameters":{"key":"greeting"}}' | by_hand)
hold 'socat is answered' [ "$answer" = '{"parameters":{"value":"hello"}}' ]
measured "by hand, socat: $answer"
start "$dir/quick" "$asks_store" store watch
quick=$pid
start "$dir/slow" "$asks_store" store watch
slow=$pid
hold 'both watchers have the last change' seen "$dir/quick.out" 1 && hold 'the slow one, too' seen "$dir/slow.out" 1
kill -STOP "$slow"
started=$(now_ms)
answers=0
for ((i = 0; i < changes; i += 100)); do
	answers=$((answers + $(
		for ((j = i + 1; j <= i + 100; j++)); do
			echo '{"method":"org.example.store.Set","parameters":{"key":"count","value":"'$j'"}}'
		done | by_hand | grep -cx '{}'
	)))
	seen "$dir/quick.out" $((i + 101)) || break
done
ms=$(($(now_ms) - started))
hold "$changes calls were answered" [ "$answers" -eq $changes ]
hold 'the quick watcher saw each change' [ "$(wc -l <"$dir/quick.out")" -eq $((changes + 1)) ]
hold 'in their order' [ "$(tail -n +2 "$dir/quick.out" | cksum)" = "$(seq -f 'count=%.0f' $changes | cksum)" ]
kill -CONT "$slow"
ended "$slow"
hold 'the slow watcher was told that it misses some' grep -q 'io.postern.Overflow' "$dir/slow"
measured "$changes changes in $ms ms: one watcher saw all; one was stopped meanwhile, and delayed nobody:" \
	"it had $(($(wc -l <"$dir/slow.out") - 1)), then"
measured "  $(cat "$dir/slow")"
started=$(now_ms)
stop KILL "$server"
ended "$quick"
hold 'the watcher ended at once' within 0 "$(($(now_ms) - started))" 500
measured "the server is killed: the watcher ended $(($(now_ms) - started)) ms later: $(cat "$dir/quick")"
start "$dir/again" "$asks_store" store set greeting again
again=$pid
sleep 0.2
hold 'the call waits' kill -0 "$again"
hold 'the next server is ready' begin_store
ended "$again"
hold 'the call was answered' [ "$status" -eq 0 ]
answer=$("$asks_store" store get greeting)
hold 'by the next server' [ "$answer" = again ]
measured "a call that began while there was none waited for the next server; get: '$answer'"
stop TERM "$server"
hold 'and its name is gone' [ ! -e "$POSTERN_DIR/store/sock" ]
clients=$((clients + 8 + changes / 100))
messages=$((messages + 5 + changes))
end_step

# ---------------------------------------------------------------------------------------------------------
left=0
for pid in ${pids[@]+"${pids[@]}"}; do
	kill -0 "$pid" 2>/dev/null && left=$((left + 1))
done
ms=$(($(now_ms) - began))
printf '\ntour: %d of %d steps, %d clients, %d messages, worst timer lateness %d.%d ms, %d servers, %d processes left, %d.%d s\n' \
	"$held" "$steps" "$clients" "$messages" $((late_us / 1000)) $((late_us / 100 % 10)) "$servers" "$left" \
	$((ms / 1000)) $((ms / 100 % 10))
[ "$held" -eq 10 ] && [ "$left" -eq 0 ]
