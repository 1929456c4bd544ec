#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# postern serve --exec, under a service manager, and as somebody else. TAP.
# shellcheck source=tests/process/command.sh
. "$(dirname "$0")/command.sh"

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
      & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1 | 3 << 31 | (3 << 33 if "EMULATED" in os.environ else 0)))
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
emulated '--max bounds the processes, and who is beyond waits for a place' "$no_vfork" || tap_is '--max bounds the processes, and who is beyond waits for a place' \
	"$running $early $(cat "$dir"/client.? | sort -u | wc -l)" '2 2 4'
[ -n "${EMULATED-}" ] || poll test "$(pgrep -c -P "$server")" -eq 0
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
serve clock --max 1 --drain 60s --exec sleep 300
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
emulated 'who waits for a place when it is ended is closed' "$no_vfork" || tap_is 'who waits for a place when it is ended is closed' "$status $(pgrep -c -P "$server")" '0 1'
holds 'at once, and not when the others are' within 0 $(($(now_ms) - began)) 30000
end TERM "$server"

begin
serve clock --connections-per-uid 1 --exec sleep 300
"$postern" connect clock --idle 100s </dev/null >/dev/null 2>&1 &
tap_pids="$tap_pids $!"
poll pgrep -P "$server" >/dev/null
run "$postern" connect clock --idle 5s </dev/null
emulated 'one more of a user at --connections-per-uid is closed' "$no_vfork" || tap_is 'one more of a user at --connections-per-uid is closed' "$status $out $(pgrep -c -P "$server")" '0  1'

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
emulated '30 processes later no descriptor and no zombie is left' "$no_vfork" || holds '30 processes later no descriptor and no zombie is left' poll quiet

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
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_PIDFDID="1", NOTIFY_SOCKET=notify)
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
rm -f "$dir/s" "$dir/notify"
# shellcheck disable=SC2016
run "$python" "$dir/manager.py" "$postern" "$dir/s" "$dir/notify" '' \
	named --exec sh -c 'echo "$POSTERN_NAME ${LISTEN_FDS-none} ${LISTEN_PIDFDID-none} ${NOTIFY_SOCKET-none} $(ls /proc/self/fd | tr -d "\n")"'
tap_is 'its variables and its socket are not passed on' "$(sed -n 2p <<<"$out")" 'named none none none 0123'
LISTEN_FDS=2 LISTEN_PID=1 row 64 'missing NAME' serve --echo
run bash -c 'LISTEN_FDS=2 LISTEN_PID=$$ exec "$1" serve --echo' - "$postern"
tap_is 'two sockets are one too many' "$status $(wc -l <"$dir/err")" '64 1'

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

# ---- permissions, as somebody else -----------------------------------------------------------------------

begin
nobody=(setpriv --reuid=64000 --regid=64000 --clear-groups)
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
	run "${nobody[@]}" "$postern" connect all --server-uid 64000 <<<hello
	tap_is 'a server of a uid that is not trusted: 77' "$status $(wc -l <"$dir/err")" '77 1'
	serve some --echo --access world --allow-uid 0,65533
	run "${nobody[@]}" "$postern" connect some --idle 5s </dev/null
	tap_is '--allow-uid turns nobody away' "$status $out" '0 '
	serve group --echo --access group --group 64000
	run "${nobody[@]}" "$postern" connect group --deadline 2s <<<hello
	tap_is '--access group --group lets the group in' "$status $out" '0 hello'
	serve "@postern-test-$$" --echo
	run "$postern" connect "@postern-test-$$" <<<hello
	tap_is 'an @abstract name serves me' "$status $out" '0 hello'
	run "${nobody[@]}" "$postern" connect "@postern-test-$$" --server-uid 0 --idle 5s <<<hello
	holds 'and not nobody' [ "$out" != hello ]
	mkdir -m 700 "$dir/home" && chown 64000:64000 "$dir/home"
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
