#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# postern doctor: each kind of trouble is found, in one line, with a command; and where that command can be run here, it
# is run and the problem is gone.
# shellcheck source=tests/process/command.sh
. "$(dirname "$0")/command.sh"

other=(setpriv --reuid=64000 --regid=64000 --clear-groups)
root=
[ "$(id -u)" -eq 0 ] && "${other[@]}" true 2>/dev/null && root=yes

# problem CHECK PATTERN NAME: doctor finds it: status 1, and one line for it that ends with a command.
problem()
{
	local check=$1 pattern=$2 name=$3
	run "${as[@]}" "$postern" doctor "$name"
	problem_line=$(grep -E "^problem +$check +.*$pattern.*; (fix|do): ." <<<"$out")
	if [ "$status" -eq 1 ] && [ "$(grep -c . <<<"$problem_line")" -eq 1 ] && [ -z "$err" ]; then
		ok "$check: $pattern"
	else
		not_ok "$check: $pattern" "status $status: $out $err"
	fi
	fix=${problem_line##*; fix: }
}

# advised WHAT: the last problem is left to a person, because no command is safe or of use.
advised()
{
	tap_is "no command is proposed: $1" "$(grep -cE '; do: .' <<<"$problem_line") $(grep -cE '; fix: ' <<<"$problem_line")" '1 0'
}

# fixed NAME: what was told to fix it does; whoever runs this is root where that takes root.
fixed()
{
	local before=$problem_line
	bash -c "${fix#sudo }" >/dev/null 2>&1
	run "${as[@]}" "$postern" doctor --quiet "$1"
	if grep -qxF -- "$before" <<<"$out"; then
		not_ok "fixed by: ${fix//$tap_dir/}" "$out"
	else
		ok "fixed by: ${fix//$tap_dir/}"
	fi
}

# well WHAT NAME
well()
{
	run "${as[@]}" "$postern" doctor "$2"
	if [ "$status" -eq 0 ] && ! grep -qv '^ok ' <<<"$out" && [ -z "$err" ]; then
		ok "all is well: $1"
	else
		not_ok "all is well: $1" "status $status: $out $err"
	fi
}

as=()

# ---- all is well -------------------------------------------------------------------------------------------

begin
for name in clock "$dir/names/path with '" "@postern-doctor-$$"; do
	# shellcheck disable=SC2016
	serve "$name" --exec sh -c 'echo >>"$0/ran"' "$dir"
	well "${name//$tap_dir/}" "$name"
done
tap_is 'no connection was made' "$(test -e "$dir/ran" && echo ran)" ''
run "$postern" doctor -q clock
tap_is 'with --quiet it has nothing to say' "$status $out" '0 '
if unshare -n -p -f --mount-proc true 2>/dev/null; then
	as=(unshare -n -p -f --mount-proc)
	well 'a server in other namespaces' clock
	as=()
fi
run "$postern" doctor
tap_is 'without a name it is wrong usage' "$status $(wc -l <"$dir/err")" '64 1'
run "$postern" doctor 'a b'
tap_is 'as with one that is none' "$status $(wc -l <"$dir/err")" '64 1'
run "$postern" doctor fd:3
tap_is 'or one that has no place' "$status $(wc -l <"$dir/err")" '64 1'

# ---- the server --------------------------------------------------------------------------------------------

begin
problem server 'no server runs' clock
problem server 'no server listens at @postern-none' "@postern-none-$$"
serve clock --echo --backlog 1
kill -STOP "$server"
emulated 'a server that is stopped is seen' "$no_start_time" || {
	problem server "pid $server is stopped" clock
	fixed clock
}
kill -STOP "$server"
fill "$POSTERN_DIR/clock/sock"
emulated 'a backlog that is full is seen' "$no_sock_diag" || problem backlog 'all 2 places are taken' clock
end KILL "$server"
problem server 'has ended and left its socket' clock
rm "$POSTERN_DIR/clock/info"
problem server 'no server listens on the socket' clock
finish
rm "$POSTERN_DIR/clock/sock"
background flock "$POSTERN_DIR/clock/lock" sleep 300
poll bash -c '! flock -n "$0" true' "$POSTERN_DIR/clock/lock"
problem socket 'is missing although a server holds the lock' clock
problem server 'holds the lock, and no server listens' clock
finish
background "$python" -c '
import socket, sys, time
held = []
for name, kind in {"datagram": socket.SOCK_DGRAM, "seqpacket": socket.SOCK_SEQPACKET}.items():
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(sys.argv[1] + "/" + name)
    if name != "datagram":
        s.listen()
    held.append(s)
print("bound", flush=True)
time.sleep(300)' "$dir"
poll test -s "$dir/bg"
problem server 'another type' "$dir/seqpacket"
emulated 'a socket of datagrams is seen' "$no_sock_diag" || problem server 'another type' "$dir/datagram"

# ---- what stands in the way --------------------------------------------------------------------------------

begin
mkdir "$dir/names/clock"
: >"$dir/names/clock/sock"
problem socket 'a file is at' clock
fixed clock
mkdir "$dir/names/clock/sock"
problem socket 'a directory is at' clock
rmdir "$dir/names/clock/sock"
ln -s nowhere "$dir/names/clock/sock"
problem socket 'a symlink that leads nowhere' clock
fixed clock
mkdir "$dir/names/clock/lock"
problem lock 'a directory .uid [0-9]+. is at' clock
fixed clock
rm -r "$dir/names/clock/lock.away"
ln -s nowhere "$dir/names/clock/lock"
problem lock 'a symlink .uid [0-9]+. is at' clock
rm "$dir/names/clock/lock"
echo 4711 >"$dir/names/clock/lock"
problem lock 'not empty' clock
: >"$dir/names/clock/lock"
ln "$dir/names/clock/lock" "$dir/second"
problem lock 'more than one link' clock
rm "$dir/second"
mkdir "$dir/names/clock/info"
problem info 'a directory that is not a server.s info' clock
fixed clock
echo notes >"$dir/names/clock/info"
problem info 'a file that is not a server.s info' clock
fixed clock

# ---- directories -------------------------------------------------------------------------------------------

begin
problem directory "$dir/missing does not exist" "$dir/missing/x"
fixed "$dir/missing/x"
: >"$dir/file"
problem directory 'which must be a directory' "$dir/file/x"
advised 'a file where a directory must be'
for base in "$dir/file" /etc/passwd; do
	POSTERN_DIR=$base problem directory 'which must be a directory' clock
	advised "a base that is a file: ${base//$tap_dir/}"
done
problem socket 'a file is at' "$dir/file"
advised 'a file at a path'
chmod 777 "$dir/names"
problem directory 'names .mode 0777. is writable by others' clock
fixed clock
mkdir "$dir/real" && ln -s "$dir/real" "$dir/names/linked"
problem directory 'is a symlink' linked
advised 'a symlink, which somebody made'
POSTERN_DIR=$dir/a/b/c
problem directory 'a does not exist' clock
POSTERN_DIR=relative
problem base 'POSTERN_DIR is "relative"' clock
unset POSTERN_DIR
XDG_RUNTIME_DIR=relative problem base 'XDG_RUNTIME_DIR is "relative"' clock
export POSTERN_DIR=$dir/names
mkdir -p "$dir/runtime"
POSTERN_DIR=$dir/runtime/postern serve clock --echo
XDG_RUNTIME_DIR=$dir/runtime problem elsewhere 'different directories' clock

# ---- other users -------------------------------------------------------------------------------------------

if [ -n "$root" ]; then
	begin
	serve "$dir/names/private" --echo
	serve "$dir/names/open" --echo --access world
	as=("${other[@]}")
	well "another user's server" "$dir/names/open"
	problem socket 'does not let uid 64000 connect' "$dir/names/private"
	fixed "$dir/names/private"
	chmod 700 "$dir/names"
	problem directory 'does not let uid 64000 through' "$dir/names/open"
	fixed "$dir/names/open"
	problem directory 'cannot make a socket there' "$dir/names/new"
	advised "another user's directory"
	as=()
	mkdir "$dir/theirs" && chown 64000 "$dir/theirs"
	problem directory 'belongs to uid 64000, who could take the name away' "$dir/theirs/x"
	advised 'a directory that belongs to somebody'
	: >"$dir/theirs/y.lock" && chown 64000 "$dir/theirs/y.lock" && chown 0 "$dir/theirs"
	problem lock 'a file of another user' "$dir/theirs/y"
	mkdir -m 1777 "$dir/sticky"
	tap_start "${other[@]}" "$postern" serve "$dir/sticky/s" --access world --echo 2>"$dir/serve"
	poll grep -q '^ready ' "$dir/serve"
	problem trust 'uid 64000, which is not trusted' "$dir/sticky/s"
	if unshare -U true 2>/dev/null; then
		as=(unshare -U)
		problem user 'uid 65534 stands for every user without a uid' "$dir/sticky/s"
		advised 'nobody within can give a uid to a user without one'
		tap_is 'nor one that needs a uid, to a user without one' "$(grep -E '; fix: .*(chown|install|chmod|mv|rm|65534)' <<<"$out")" ''
		problem trust 'uid 65534, which stands for every user' "$dir/sticky/s"
		as=()
	fi
	finish
	mkdir "$dir/disk"
	if mount -t tmpfs -o size=64k,mode=755 none "$dir/disk" 2>/dev/null; then
		head -c 100k /dev/zero >"$dir/disk/fill" 2>/dev/null
		problem disk 'is full' "$dir/disk/x"
		umount "$dir/disk"
		mount -t tmpfs -o nr_inodes=1,mode=755 none "$dir/disk"
		problem disk 'room for no more files' "$dir/disk/x"
		umount "$dir/disk"
		mount -t tmpfs -o ro,mode=755 none "$dir/disk"
		problem disk 'read-only' "$dir/disk/x"
		umount "$dir/disk"
	else
		skip 'disk' 'cannot mount a small file system here'
	fi
else
	skip 'trouble with other users' 'needs root and setpriv'
fi

finish
tap_done
