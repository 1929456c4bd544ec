# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the command share. To be sourced; it sources tap.sh.
# shellcheck shell=bash disable=SC2034
# shellcheck source=tests/process/tap.sh
. "$(dirname "$0")/tap.sh"

postern=${POSTERN_COMMAND:?}
source=${POSTERN_SOURCE:-$(dirname "$0")/../..}
python=/usr/bin/python3
[ -x "$python" ] || python=python3
scale=${TEST_SCALE:-1}
tap_need "$python"
n_dirs=0
no_start_time='shows a process another start time of itself than it shows to others, so that it is not seen to be alive'
no_vfork='has no vfork(): a program that cannot be executed looks like one that has ended'
no_sock_diag='has no NETLINK_SOCK_DIAG, which shows the type of a socket and its backlog'
# Others are to get as far as the names, and no further than their modes let them.
chmod 711 "$tap_dir"
umask 022

now_ms()
{
	local us=${EPOCHREALTIME/[.,]/}
	echo $((us / 1000))
}

finish()
{
	local pid
	for pid in $tap_pids; do
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	tap_pids=
}

# A test begins: names of its own, and nobody of the one before.
begin()
{
	finish
	n_dirs=$((n_dirs + 1))
	dir=$tap_dir/$n_dirs
	mkdir -m 755 "$dir" "$dir/names"
	export POSTERN_DIR=$dir/names
}

# poll COMMAND...: up to 10 s, until it succeeds.
poll()
{
	local i
	for ((i = 0; i < 500 * scale; i++)); do
		"$@" 2>/dev/null && return
		sleep 0.02
	done
	return 1
}

# background COMMAND...: $tap_pid is its process; its output is in $dir/bg and $dir/bg.err.
background()
{
	tap_start "$@" </dev/null >"$dir/bg" 2>"$dir/bg.err"
}

# serve ARGUMENT...: a server that is ready; its process is $server, its stderr $dir/serve.
serve()
{
	: >"$dir/serve"
	tap_start "$postern" serve "$@" </dev/null >"$dir/serve.out" 2>"$dir/serve"
	server=$tap_pid
	poll grep -q '^ready ' "$dir/serve" || not_ok "serve $* is ready" "$(cat "$dir/serve")"
}

# run COMMAND...: $status, $out, $err and $ms of it; stdin is that of the caller.
run()
{
	local began
	began=$(now_ms)
	status=0
	timeout $((60 * scale)) "$@" >"$dir/out" 2>"$dir/err" || status=$?
	ms=$(($(now_ms) - began))
	out=$(tr -d '\0' <"$dir/out")
	err=$(cat "$dir/err")
}

# row STATUS PATTERN ARGUMENT...: a run that fails with one clear line.
row()
{
	local expected=$1 pattern=$2 lines name
	shift 2
	run "$postern" "$@" </dev/null
	lines=$(wc -l <"$dir/err")
	name=$(printf '%q ' "${@//$tap_dir/}")
	name="ends with $expected: postern ${name:0:70}"
	if [ "$status" -eq "$expected" ] && [ "$lines" -eq 1 ] && [[ $err == postern* ]] &&
		grep -Eq -- "$pattern" <<<"$err"; then
		ok "$name"
	else
		not_ok "$name" "status $status, $lines lines: $err"
	fi
}

# holds NAME COMMAND...: ok when the command succeeds; else what the last run said may tell why not.
holds()
{
	local name=$1
	shift
	if "$@" >"$dir/holds" 2>&1; then
		ok "$name"
	else
		not_ok "$name" "$*; ${ms-} ms; $(tail -n 3 "$dir/holds" "$dir/err" 2>/dev/null)"
	fi
}

# end SIGNAL PID: sends it and waits; $status is how it ended.
end()
{
	status=0
	kill "-$1" "$2"
	wait "$2" 2>/dev/null || status=$?
}

# What is left below the directory of names.
files()
{
	(cd "$POSTERN_DIR" && find . ! -type d | sort | tr '\n' ' ')
}

descriptors()
{
	find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}

has_descriptors()
{
	[ "$(descriptors "$1")" -eq "$2" ]
}

# within LOW VALUE HIGH
within()
{
	[ "$1" -le "$2" ] && [ "$2" -le "$3" ]
}

# fill PATH: connects until the backlog is full, prints how often, and holds on.
fill()
{
	background "$python" -c '
import socket, sys, time
held = []
try:
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        s.connect(sys.argv[1])
        held.append(s)
except BlockingIOError:
    print(len(held), flush=True)
time.sleep(300)' "$1"
	poll test -s "$dir/bg"
}
