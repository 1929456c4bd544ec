#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# postern serve and connect: what they carry, peers of every kind, bounds, signals. TAP.
# shellcheck source=tests/process/command.sh
. "$(dirname "$0")/command.sh"

# ---- serve and connect -----------------------------------------------------------------------------------

begin
head -c 3000000 /dev/urandom >"$dir/big"
serve --echo clock
tap_is 'ready is said with the name and the path' "$(cat "$dir/serve")" "ready clock $POSTERN_DIR/clock/sock"
run "$postern" connect clock <<<hello
tap_is 'an echo comes back' "$status $out" '0 hello'
run "$postern" connect clock </dev/null
tap_is 'nothing comes back as nothing' "$status $out" '0 '
run "$postern" connect --deadline=5s -- clock <"$dir/big"
holds '3 MB from a file come back whole' cmp "$dir/big" "$dir/out"
# shellcheck disable=SC2002
cat "$dir/big" | "$postern" connect clock | cat >"$dir/out"
holds '3 MB through pipes come back whole' cmp "$dir/big" "$dir/out"
cat "$dir/big" "$dir/big" | "$postern" connect clock --idle 300ms | (sleep 1; cat) >"$dir/out"
holds 'a reader that is slow is waited for' cmp <(cat "$dir/big" "$dir/big") "$dir/out"
(printf first; sleep 1; printf second) | "$postern" connect clock --idle 300ms >"$dir/out"
tap_is 'input that pauses is no idling' "$(cat "$dir/out")" firstsecond
{ "$postern" connect clock <"$dir/big" 2>"$dir/err"; echo $? >"$dir/status"; } | head -c 1 >/dev/null
tap_is 'a reader that has gone ends it with 74, quietly' "$(cat "$dir/status" "$dir/err")" 74
status=0
"$postern" connect clock <&- >/dev/null 2>"$dir/err" || status=$?
tap_is 'a closed stdin cannot be read' "$status $(wc -l <"$dir/err")" '66 1'
status=0
"$postern" connect clock <"$dir" >/dev/null 2>"$dir/err" || status=$?
tap_is 'a directory cannot be read' "$status $(wc -l <"$dir/err")" '66 1'
status=0
"$postern" connect clock <"$dir/big" >&- 2>"$dir/err" || status=$?
tap_is 'a closed stdout is an error' "$status $(wc -l <"$dir/err")" '74 1'
if [ -w /dev/full ]; then
	status=0
	"$postern" connect clock <"$dir/big" >/dev/full 2>"$dir/err" || status=$?
	tap_is 'a full disk is an error' "$status $(wc -l <"$dir/err")" '74 1'
fi
run "$python" - "$postern" <<'END'
import fcntl, os, pty, subprocess, sys, termios
# A terminal, whose flags the shell shares.
master, slave = pty.openpty()
mode = termios.tcgetattr(slave)
p = subprocess.Popen([sys.argv[1], "connect", "clock"], stdin=slave, stdout=slave)
os.write(master, b"typed\n")
got = b""
while got.count(b"typed") < 2:
    got += os.read(master, 100)
assert not fcntl.fcntl(slave, fcntl.F_GETFL) & os.O_NONBLOCK, "O_NONBLOCK was set on the terminal"
assert termios.tcgetattr(slave) == mode
os.write(master, b"\x04")
assert p.wait(10) == 0
END
tap_is 'a terminal is read, written and left as it was' "$status $err" '0 '
emulated 'a name in use says by whom' "$no_start_time" || row 73 "in use by pid $server" serve clock --echo
run "$postern" ls --json
emulated 'ls --json is JSON and tells who serves' "$no_start_time" || tap_is 'ls --json is JSON and tells who serves' "$("$python" -c '
import json, sys
n, = json.load(sys.stdin)
print(n["name"], n["alive"], n["mode"], n["pid"] == int(sys.argv[1]), n["uid"], n["path"] == sys.argv[2])' \
	"$server" "$POSTERN_DIR/clock/sock" <<<"$out")" "clock True bytes True $(id -u) True"
end KILL "$server"
tap_is 'ls marks a dead one' "$("$postern" ls | awk '$1 == "clock" { print $3 }') [$("$postern" ls -q)]" 'dead []'

begin
run "$postern" connect nobody --deadline 300ms -v </dev/null
tap_is 'connect -v tells each attempt' "$status $(grep -c '^postern connect: nobody: attempt [0-9]' <<<"$err")" \
	"69 $(($(wc -l <"$dir/err") - 1))"
row 69 '3 attempts' connect nobody --attempts 3
row 69 'no server' wait nobody --deadline 200ms
background "$postern" wait clock --deadline 20s
waiter=$tap_pid
sleep 0.3
serve clock --echo
began=$(now_ms)
status=0
wait "$waiter" || status=$?
ms=$(($(now_ms) - began))
note "wait ended $ms ms after the server was ready"
holds 'wait ends when the server comes' [ "$status" -eq 0 ]
holds 'and soon' within 0 "$ms" $((3000 * scale))

# ---- peers that die, stop, keep silent, flood or never read ----------------------------------------------

begin
background "$python" -c '
import socket, sys, time
def listen(name):
    s = socket.socket(socket.AF_UNIX)
    s.bind(sys.argv[1] + "/" + name)
    s.listen()
    return s
silent, dies = listen("silent"), listen("dies")
print("bound", flush=True)
held = silent.accept()
c = dies.accept()[0]
c.recv(1)
c.close()
time.sleep(300)' "$dir"
poll test -s "$dir/bg"
run "$postern" connect "$dir/silent" --idle 300ms <<<hello
tap_is 'a server that says nothing ends it with 75' "$status $(wc -l <"$dir/err")" '75 1'
holds 'not before --idle, and soon after' within 300 "$ms" $((5000 * scale))
head -c 100000 /dev/zero >"$dir/zeros"
run "$postern" connect "$dir/dies" <"$dir/zeros"
tap_is 'a server that dies with bytes unread ends it with 74' "$status $(wc -l <"$dir/err")" '74 1'

begin
serve gone --exec true
mkfifo "$dir/open"
exec 8<>"$dir/open"
run "$postern" connect gone <&8
exec 8>&-
tap_is 'a server that has gone ends it, though stdin is open' "$status $err" '0 '
holds 'at once' within 0 "$ms" $((5000 * scale))
background "$python" -c '
import socket, sys
l = socket.socket(socket.AF_UNIX)
l.bind(sys.argv[1])
l.listen()
c = l.accept()[0]
c.shutdown(socket.SHUT_WR)
print(len(c.makefile("rb").read()))' "$dir/half"
(sleep 0.5; echo hello) | "$postern" connect "$dir/half" --deadline 5s
poll test -s "$dir/bg"
tap_is 'a server that only half-closes still gets all input' "$(cat "$dir/bg")" 6

begin
serve clock --echo --high-water 256K --idle 1s
background "$python" -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.settimeout(20)
print("flooding", flush=True)
try:
    while True:
        s.send(bytes(65536))
except (BrokenPipeError, ConnectionResetError):
    print("ended")' "$POSTERN_DIR/clock/sock"
flooder=$tap_pid
poll test -s "$dir/bg"
sleep 0.3
run "$postern" connect clock --deadline 2s <<<fine
tap_is 'one that floods and never reads is not noticed by others' "$status $out" '0 fine'
kilobytes=$(awk '/^VmRSS/ { print $2 }' "/proc/$server/status")
note "resident memory of the server meanwhile: $kilobytes KB"
wait "$flooder"
tap_is 'and is dropped after --idle' "$(tail -n 1 "$dir/bg")" ended

# ---- bounds ----------------------------------------------------------------------------------------------

begin
serve stopped --echo --backlog 1
kill -STOP "$server"
fill "$POSTERN_DIR/stopped/sock"
best=999999
early=0
wrong=0
for _ in 1 2 3 4 5; do
	run "$postern" connect stopped --deadline 500ms </dev/null
	[ "$status" -eq 69 ] && grep -q 'backlog is full' <<<"$err" || wrong=$((wrong + 1))
	[ "$ms" -ge 450 ] || early=$((early + 1))
	[ "$ms" -ge "$best" ] || best=$ms
done
tap_is 'a stopped server with a full backlog: 69 and why, five times' "$wrong" 0
tap_is 'never before 450 ms' "$early" 0
note "connect --deadline 500ms against a full backlog: best of 5 $best ms"
holds 'best of 5 within 600 ms' [ "$best" -le $((600 * scale)) ]
# What waiting costs alone: the same command with a deadline of 10 ms starts and ends as well.
cpu=$("$python" -c '
import resource, subprocess, sys
def cpu(deadline):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.argv[1], "connect", "stopped", "--deadline", deadline], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime - before.ru_utime + r.ru_stime - before.ru_stime
print(max(0, int((min(cpu("2s") for _ in range(3)) - min(cpu("10ms") for _ in range(3))) * 1e6)))' "$postern")
note "CPU time of a wait of 2 s: $cpu us"
holds 'a wait of 2 s takes less than 1 % of a CPU' [ "$cpu" -le $((20000 * scale)) ]
kill -CONT "$server"
run "$postern" connect stopped --deadline 10s <<<again
tap_is 'a server that goes on serves again' "$status $out" '0 again'

# ---- signals ---------------------------------------------------------------------------------------------

for signal in TERM INT; do
	begin
	serve clock --echo --stats
	fds=$(descriptors "$server")
	for _ in 1 2 3; do
		"$postern" connect clock <<<x >/dev/null
	done
	holds 'clients that have gone leave no descriptor' poll has_descriptors "$server" "$fds"
	mkfifo "$dir/open"
	"$postern" connect clock <"$dir/open" >/dev/null 2>&1 &
	tap_pids="$tap_pids $!"
	exec 8>"$dir/open"
	poll has_descriptors "$server" $((fds + 1))
	end "$signal" "$server"
	exec 8>&-
	tap_is "SIG$signal ends it with 0, and only the lock is left" "$status $(files)" '0 ./clock/lock '
	tap_is 'an empty one' "$(cat "$POSTERN_DIR/clock/lock")" ''
	tap_is '--stats counts' "$(tail -n 1 "$dir/serve" | cut -d ' ' -f 1-3,6,7)" \
		'stats accepted=4 refused=0 bytes_in=6 bytes_out=6'
done

begin
serve clock --drain 60s --exec sleep 300
"$postern" connect clock --idle 100s </dev/null >/dev/null 2>&1 &
tap_pids="$tap_pids $!"
poll pgrep -P "$server" -x sleep >/dev/null
child=$(pgrep -P "$server" -x sleep)
kill -TERM "$server"
poll test ! -e "$POSTERN_DIR/clock/sock"
holds 'SIGTERM waits for processes of --exec' kill -0 "$server"
began=$(now_ms)
end TERM "$server"
ms=$(($(now_ms) - began))
tap_is 'a second signal ends it with 0' "$status" 0
holds 'at once' within 0 "$ms" 30000
holds 'and what it had started' poll test ! -e "/proc/$child"

begin
serve clock --drain 300ms --exec sh -c 'trap "" TERM; echo here; while :; do sleep 0.1; done'
"$postern" connect clock --idle 100s </dev/null >"$dir/here" 2>&1 &
tap_pids="$tap_pids $!"
poll test -s "$dir/here"
began=$(now_ms)
end TERM "$server"
ms=$(($(now_ms) - began))
tap_is 'a process that ignores SIGTERM does not keep it' "$status" 0
holds 'it gets SIGKILL a second after --drain' within 1200 "$ms" $((6000 * scale))

finish
tap_done
