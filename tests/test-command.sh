#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The command as a user meets it: real processes, each test with names of its own. Wall-clock limits are best
# of five, or have slack; the figures are printed. Interoperability is in test-command-interop.sh.
# shellcheck source=tests/command.sh
. "$(dirname "$0")/command.sh"

# ---- wrong usage: one line that says what is meant -------------------------------------------------------

begin
row 64 "did you mean 'serve'" serv x
row 64 "there is no verb 'frobnicate'" frobnicate
for verb in serve connect wait; do
	row 64 'NAME is missing' $verb
done
row 64 'say what to serve' serve x
row 64 'exclude each other' serve x --echo --exec cat
row 64 'did you mean --echo' serve x --ecko
row 64 'did you mean --deadline' connect x --deadlin 5s
row 64 'no option -x' serve x --echo -x
row 64 'one argument too many' serve x y --echo
row 64 'one argument too many' ls x
row 64 'takes no argument' serve x --echo=yes
row 64 'needs TIME' serve x --echo --drain
row 64 'needs CMD' serve x --exec
for wrong in 5 5x -5s 1.s .5s 0s '' 99999999999h; do
	row 64 'TIME|duration|no time|too long' connect x --deadline "$wrong"
done
for wrong in 5X -1 K 0 5G 99999999999999999999; do
	row 64 'size|too' serve x --echo --high-water "$wrong"
done
for wrong in 0 -1 many 4294967296 1k; do
	row 64 'number|too' serve x --echo --backlog "$wrong"
done
for wrong in 9 0 000 01777 999 u everyone; do
	row 64 'access|lets nobody' serve x --echo --access "$wrong"
done
row 64 'no user' serve x --echo --allow-uid nosuchuser
row 64 'no group' serve x --echo --group nosuchgroup
row 64 'more than one' serve x --echo --group 0,1
row 64 'above' serve x --echo --low-water 9M
row 127 'no such program' serve x --exec nosuchprogram a b
row 127 'No such file' serve x --exec ./nosuchprogram
row 127 'not an executable' serve x --exec /etc/passwd
tap_is 'nothing is made before the usage is right' "$(files)" ''

# ---- bad names, and what may stand in the way ------------------------------------------------------------

begin
long=$(printf 'n%.0s' {1..65})
for verb in serve connect wait; do
	echo=()
	[ $verb != serve ] || echo=(--echo)
	row 64 'empty' $verb '' "${echo[@]}"
	row 64 'cannot have' $verb 'a b' "${echo[@]}"
	row 64 'control character' $verb $'a\nb' "${echo[@]}"
	row 64 'dot' $verb .hidden "${echo[@]}"
	row 64 '65 characters' $verb "$long" "${echo[@]}"
done
ln -s "$dir" "$POSTERN_DIR/linked"
row 77 'is a symlink' serve linked --echo
rm "$POSTERN_DIR/linked"
tap_is 'bad names leave nothing' "$(files)" ''
row 74 'does not exist' serve "$dir/missing/x" --echo
mkdir "$dir/open" && chmod 777 "$dir/open"
row 77 'writable by others' serve "$dir/open/x" --echo
if [ "$(id -u)" -eq 0 ]; then
	mkdir "$dir/theirs" && chown 65534 "$dir/theirs"
	row 77 'belongs to uid 65534' serve "$dir/theirs/x" --echo
fi
echo text >"$dir/file" && mkdir "$dir/directory" && ln -s file "$dir/link"
row 73 'a file stands' serve "$dir/file" --echo
row 73 'a directory stands' serve "$dir/directory" --echo
row 73 'a symlink stands' serve "$dir/link" --echo
row 74 'not a directory' serve "$dir/file/x" --echo
row 76 'not a socket' connect "$dir/file" --deadline 5s
row 69 'no such file' connect "$dir/missing/x" --deadline 100ms
tap_is 'what stood in the way is untouched, and only empty locks are left beside it' \
	"$(cat "$dir/file" "$dir/link" "$dir"/*.lock) $(cd "$dir" && find . ! -type d | sort | tr '\n' ' ')" \
	'text
text ./directory.lock ./err ./file ./file.lock ./link ./link.lock ./out '
rm "$dir"/*.lock
background "$python" -c '
import socket, sys, time
kinds = {"datagram": socket.SOCK_DGRAM, "seqpacket": socket.SOCK_SEQPACKET, "live": socket.SOCK_STREAM}
held = []
for name, kind in kinds.items():
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(sys.argv[1] + "/" + name)
    if name != "datagram":
        s.listen()
    held.append(s)
print("bound", flush=True)
time.sleep(300)' "$dir"
poll test -s "$dir/bg"
for kind in datagram seqpacket live; do
	row 73 'in use by a server that does not hold its lock' serve "$dir/$kind" --echo
done
for kind in datagram seqpacket; do
	row 76 'another type' connect "$dir/$kind"
done
tap_is 'sockets of others are left alone' "$(find "$dir" -maxdepth 1 -type s | wc -l)" 3

begin
mkdir "$dir/full"
if mount -t tmpfs -o nr_inodes=2,size=64k,mode=755 none "$dir/full" 2>/dev/null; then
	row 74 'no space left' serve "$dir/full/x" --echo
	tap_is 'a full file system keeps only the lock' "$(ls "$dir/full")" x.lock
	umount "$dir/full"
else
	skip 'ends with 74: no space left' 'cannot mount a small file system here'
fi

# ---- help, defaults, completion, the manual --------------------------------------------------------------

begin
# default FIELD: what the header names as the default of an option, in bytes or nanoseconds.
default()
{
	"$python" -c '
import re, sys
text = re.search(r"\b" + sys.argv[1] + r"; */\* *(.*?)\*/", open(sys.argv[2]).read())[1].replace(",", "")
m = re.search(r"(\d+) ?(MiB|KiB|s|ms|)\b", text)
units = {"MiB": 1 << 20, "KiB": 1 << 10, "s": 10**9, "ms": 10**6, "": 1}
print(int(m[1]) * units[m[2]] if m else "0600" if "POSTERN_ACCESS_USER" in text else text)' \
		"$1" "$source/include/postern.h"
}
for pair in access:access backlog:backlog connections:connections bytes-per-uid:bytes_per_uid \
	connections-per-uid:connections_per_uid high-water:high_water unread:unread idle:idle_ns drain:drain_ns; do
	tap_is "the default of serve --${pair%:*} is that of the header" \
		"$("$postern" serve --defaults | awk -F'\t' -v o="${pair%:*}" '$1 == o { print $2 }')" \
		"$(default "${pair#*:}")"
done
for verb in connect wait; do
	tap_is "the default of $verb --deadline is that of the header" \
		"$("$postern" $verb --defaults | awk -F'\t' '$1 == "deadline" { print $2 }')" "$(default deadline_ns)"
done
tap_is 'the default of connect --idle is that of the header' \
	"$("$postern" connect --defaults | awk -F'\t' '$1 == "idle" { print $2 }')" "$(default idle_ns)"
sed 's/\\//g' "$source/man/postern.1" >"$dir/man"
missing=
for verb in serve connect wait ls; do
	run "$postern" "$verb" --help
	[ "$status" -eq 0 ] || missing="$missing $verb:status"
	while IFS=$'\t' read -r option _; do
		grep -q -- "$option\\b" <<<"$out" || missing="$missing $verb:$option:help"
		grep -q -- "$option\\b" "$dir/man" || missing="$missing $verb:$option:man"
	done < <("$postern" complete "$verb")
	[ "$(awk 'length > 100' <<<"$out")" = '' ] || missing="$missing $verb:wide"
done
tap_is 'every option is in --help, in the manual and in the completion list' "$missing" ''
while IFS=$'\t' read -r option default; do
	grep -qF -- "[$default]" <<<"$("$postern" serve --help | tr -s ' \n' ' ')" || missing="$missing $option"
done <<'END'
backlog	128
connections	4096
connections-per-uid	1024
bytes-per-uid	64M
high-water	8M
low-water	a quarter of high-water
unread	256K
idle	30s
drain	5s
END
tap_is 'serve --help shows every limit with its default' "$missing" ''
tap_is 'help VERB is VERB --help' "$("$postern" help wait)" "$("$postern" wait --help)"
run "$postern" --version
tap_is 'the version is that of the header' "$out" \
	"postern $(sed -n 's/.*POSTERN_VERSION *"\(.*\)"/\1/p' "$source/include/postern.h")"
if [ -w /dev/full ]; then
	status=0
	"$postern" help >/dev/full 2>"$dir/err" || status=$?
	tap_is 'help that cannot be written is an error' "$status $(wc -l <"$dir/err")" '74 1'
fi
serve clock --echo
tap_is 'bash completes verbs, options and names' "$(bash -c '
. "$1/completion/postern.bash"
for words in "postern con" "postern serve --high" "postern connect cl"; do
	read -ra COMP_WORDS <<<"$words"
	COMP_WORDS[0]=$2
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_postern
	echo "${COMPREPLY[@]}"
done' - "$source" "$postern" | tr '\n' ' ')" 'connect --high-water clock '

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
cat "$dir/big" "$dir/big" | "$postern" connect clock --idle 500ms | (sleep 2; cat) >"$dir/out"
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
row 73 "in use by pid $server" serve clock --echo
run "$postern" ls --json
tap_is 'ls --json is JSON and tells who serves' "$("$python" -c '
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
holds 'and soon' within 0 "$ms" $((600 * scale))

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
holds 'not before --idle, and soon after' within 300 "$ms" $((2000 * scale))
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
holds 'at once' within 0 "$ms" $((2000 * scale))
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
holds 'best of 5 within 520 ms' [ "$best" -le $((520 * scale)) ]
cpu=$("$python" -c '
import resource, subprocess, sys
subprocess.run([sys.argv[1], "connect", "stopped", "--deadline", "5s"], stdin=subprocess.DEVNULL,
               stderr=subprocess.DEVNULL)
r = resource.getrusage(resource.RUSAGE_CHILDREN)
print(int((r.ru_utime + r.ru_stime) * 1e6))' "$postern")
note "CPU time over a deadline of 5 s: $cpu us, start and end of the process included"
holds 'under 1 % of a CPU over 5 s' [ "$cpu" -le $((50000 * scale)) ]
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
serve clock --exec sleep 300
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
holds 'at once' within 0 "$ms" $((1000 * scale))
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

# ---- --exec ----------------------------------------------------------------------------------------------

begin
cat >"$dir/show.py" <<'END'
import fcntl, os, signal, stat, sys
names = ("POSTERN_NAME", "POSTERN_PEER_UID", "POSTERN_PEER_GID", "NOTIFY_SOCKET", "LISTEN_FDS")
print(*(os.environ.get(name, "-") for name in names))
print(int(os.environ["POSTERN_PEER_PID"]) == int(sys.argv[1]) if len(sys.argv) > 1 else "")
print("sockets", all(stat.S_ISSOCK(os.fstat(fd).st_mode) for fd in (0, 1)))
print("blocking", not any(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK for fd in (0, 1)))
status = dict(l.split(":\t", 1) for l in open("/proc/self/status").read().splitlines() if ":\t" in l)
print("mask", int(status["SigBlk"], 16), "leader", os.getpgrp() == os.getpid())
print("ignored", int(open("/proc/%d/status" % os.getpid()).read().split("SigIgn:\t")[1].split()[0], 16)
      & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1 | 3 << 31))
print("open", sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd)))
print("stderr", file=sys.stderr)
sys.exit(3)
END
# What is open beyond the first three may be of whoever runs the tests.
cat >"$dir/clean.py" <<'END'
import os, sys
os.closerange(3, 1024)
os.execv(sys.argv[1], sys.argv[1:])
END
real=$postern
printf '#!/bin/sh\nexec "%s" "%s" "%s" "$@"\n' "$python" "$dir/clean.py" "$real" >"$dir/postern"
chmod 755 "$dir/postern"
postern=$dir/postern
serve clock -v --exec "$python" "$dir/show.py"
postern=$real
run "$postern" connect clock </dev/null
tap_is 'a process of --exec has the socket, the peer, default signals, and nothing else' "$status $out" \
	"0 clock $(id -u) $(id -g) - -

sockets True
blocking True
mask 0 leader True
ignored 0
open [0, 1, 2]"
poll grep -q 'ended with status 3' "$dir/serve"
tap_is 'its stderr is ours, and -v tells how it ended' \
	"$(grep -c '^stderr$' "$dir/serve") $(grep -c 'ended with status 3' "$dir/serve")" '1 1'

begin
mkfifo "$dir/open"
serve clock --max 2 --exec sh -c 'echo $$; exec cat'
for i in 1 2 3 4; do
	"$postern" connect clock --idle 100s <"$dir/open" >"$dir/client.$i" 2>/dev/null &
	tap_pids="$tap_pids $!"
done
exec 8>"$dir/open"
# shellcheck disable=SC2317
# answered N: so many have a process, which writes a line at once.
answered()
{
	[ "$(cat "$dir"/client.? | wc -l)" -eq "$1" ]
}
poll answered 2
sleep 0.3
running=$(pgrep -c -P "$server")
early=$(cat "$dir"/client.? | wc -l)
exec 8>&-
poll answered 4
tap_is '--max bounds the processes, and who is beyond waits for a place' \
	"$running $early $(cat "$dir"/client.? | sort -u | wc -l)" '2 2 4'
poll test "$(pgrep -c -P "$server")" -eq 0
end TERM "$server"
tap_is 'no process is left' "$status" 0

begin
serve clock --max 1 --exec sh -c 'echo $$; exec cat'
for i in {1..20}; do
	echo "$i" | "$postern" connect clock >"$dir/client.$i" 2>/dev/null &
	tap_pids="$tap_pids $!"
done
# shellcheck disable=SC2317
all_served()
{
	[ "$(cat "$dir"/client.* | wc -l)" -eq 40 ]
}
holds 'twenty share one place, one after another' poll all_served

begin
serve clock --max 1 --drain 2s --exec sleep 300
"$postern" connect clock --idle 100s </dev/null >/dev/null 2>&1 &
tap_pids="$tap_pids $!"
poll pgrep -P "$server" -x sleep >/dev/null
"$postern" connect clock --idle 100s </dev/null >/dev/null 2>&1 &
waiter=$!
tap_pids="$tap_pids $waiter"
sleep 0.3
kill -TERM "$server"
began=$(now_ms)
status=0
wait "$waiter" || status=$?
tap_is 'who waits for a place when it is ended is closed' "$status $(pgrep -c -P "$server")" '0 1'
holds 'at once, and not when the others are' within 0 $(($(now_ms) - began)) $((1500 * scale))
end TERM "$server"

begin
serve clock --connections-per-uid 1 --exec sleep 300
"$postern" connect clock --idle 100s </dev/null >/dev/null 2>&1 &
tap_pids="$tap_pids $!"
poll pgrep -P "$server" >/dev/null
run "$postern" connect clock --idle 5s </dev/null
tap_is 'one more of a user at --connections-per-uid is closed' "$status $out $(pgrep -c -P "$server")" '0  1'

begin
serve clock --exec true
n=$(descriptors "$server")
for _ in {1..30}; do
	"$postern" connect clock </dev/null
done
# Called by poll.
# shellcheck disable=SC2317
quiet()
{
	[ "$(descriptors "$server")" -eq "$n" ] && ! pgrep -P "$server" >/dev/null
}
holds '30 processes later no descriptor and no zombie is left' poll quiet

# ---- systemd ---------------------------------------------------------------------------------------------

begin
cat >"$dir/manager.py" <<'END'
"""Listens and starts a server as a service manager does; prints what the server tells it."""
import os, signal, socket, subprocess, sys
postern, path, notify, ask = sys.argv[1:5]
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.bind("\0" + notify[1:] if notify[0] == "@" else notify)
told.settimeout(20)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
pid = os.fork()
if pid == 0:
    os.dup2(listener.fileno(), 3)
    os.closerange(4, 1024)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", NOTIFY_SOCKET=notify)
    os.execv(postern, [postern, "serve"] + sys.argv[5:])
try:
    print(told.recv(4096).decode().split("\n")[0])
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(path)
    client.sendall(ask.encode())
    client.shutdown(socket.SHUT_WR)
    print(client.makefile().read().strip())
    os.kill(pid, signal.SIGTERM)
    print(told.recv(4096).decode().split("\n")[0])
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.path.exists(path), len(os.listdir(sys.path[0])))
except OSError as error:
    os.kill(pid, signal.SIGKILL)
    sys.exit(str(error))
END
for notify in "$dir/notify" "@postern-test-$$"; do
	rm -f "$dir/s" "$dir/notify" "$dir/out" "$dir/err"
	run "$python" "$dir/manager.py" "$postern" "$dir/s" "$notify" ping --echo
	tap_is "a socket from a service manager is served and stays (${notify:0:1})" "$(head -n 4 <<<"$out" | tr '\n' ' ')" \
		"READY=1 ping STOPPING=1 0 True $(find "$dir" -mindepth 1 -maxdepth 1 | wc -l) "
done

run "$python" - "$postern" "$dir/blocking" <<'END'
import socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[2])
listener.listen()
command = [sys.argv[1], "serve", "fd:%d" % listener.fileno(), "--echo", "--keep-flags"]
ran = subprocess.run(command, pass_fds=[listener.fileno()], capture_output=True, text=True, timeout=20)
print(ran.returncode != 0, "is a blocking socket" in ran.stderr, listener.getblocking())
END
tap_is 'a blocking socket whose flags are to be kept is refused' "$out" 'True True True'
rm -f "$dir/s" "$dir/notify"
# shellcheck disable=SC2016
run "$python" "$dir/manager.py" "$postern" "$dir/s" "$dir/notify" '' \
	named --exec sh -c 'echo "$POSTERN_NAME ${LISTEN_FDS-none} ${NOTIFY_SOCKET-none} $(ls /proc/self/fd | tr -d "\n")"'
tap_is 'its variables and its socket are not passed on' "$(sed -n 2p <<<"$out")" 'named none none 0123'
LISTEN_FDS=2 LISTEN_PID=1 row 64 'NAME is missing' serve --echo
run bash -c 'LISTEN_FDS=2 LISTEN_PID=$$ exec "$1" serve --echo' - "$postern"
tap_is 'two sockets are one too many' "$status $(wc -l <"$dir/err")" '64 1'

# ---- permissions, as somebody else -----------------------------------------------------------------------

begin
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
if [ "$(id -u)" -eq 0 ] && "${nobody[@]}" true 2>/dev/null; then
	install -m 755 "$postern" "$dir/postern"
	postern=$dir/postern
	serve mine --echo
	run "${nobody[@]}" "$postern" connect mine --deadline 1s </dev/null
	tap_is 'access user: nobody gets 77' "$status $(grep -c 'permission denied' <<<"$err")" '77 1'
	run "${nobody[@]}" "$postern" serve mine --echo
	tap_is 'nobody cannot take the name' "$status $(wc -l <"$dir/err")" '77 1'
	run "${nobody[@]}" "$postern" serve other --echo
	tap_is 'nor another one in our directory' "$status $(wc -l <"$dir/err")" '77 1'
	serve all --echo --access world
	run "${nobody[@]}" "$postern" connect all <<<hello
	tap_is 'access world: nobody is served' "$status $out" '0 hello'
	run "${nobody[@]}" "$postern" connect all --server-uid 65534 <<<hello
	tap_is 'a server of a uid that is not trusted: 77' "$status $(wc -l <"$dir/err")" '77 1'
	serve some --echo --access world --allow-uid 0,65533
	run "${nobody[@]}" "$postern" connect some --idle 5s </dev/null
	tap_is '--allow-uid turns nobody away' "$status $out" '0 '
	serve group --echo --access group --group 65534
	run "${nobody[@]}" "$postern" connect group --deadline 2s <<<hello
	tap_is '--access group --group lets the group in' "$status $out" '0 hello'
	serve "@postern-test-$$" --echo
	run "$postern" connect "@postern-test-$$" <<<hello
	tap_is 'an @abstract name serves me' "$status $out" '0 hello'
	run "${nobody[@]}" "$postern" connect "@postern-test-$$" --server-uid 0 --idle 5s <<<hello
	holds 'and not nobody' [ "$out" != hello ]
	mkdir -m 700 "$dir/home" && chown 65534:65534 "$dir/home"
	POSTERN_DIR=$dir/home tap_start "${nobody[@]}" "$postern" serve theirs --echo 2>"$dir/theirs"
	poll grep -q '^ready' "$dir/theirs"
	run env POSTERN_DIR="$dir/home" "$postern" connect theirs <<<hello
	tap_is 'root trusts the owner of the directory' "$status $out" '0 hello'
	run env -u POSTERN_DIR -u XDG_RUNTIME_DIR "${nobody[@]}" "$postern" serve x --echo
	tap_is 'without a runtime directory it says what to set' "$status $(grep -c 'set POSTERN_DIR' <<<"$err")" '74 1'
else
	skip 'permissions' 'not root, or no setpriv: nobody else to be'
fi

finish
tap_done
