#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Names and descriptors in unusual surroundings: closed streams, limits, full disks, other namespaces, users who have
# no uid here. What is missing to make one of them is the reason of a skip.
# shellcheck source=tests/process/command.sh
. "$(dirname "$0")/command.sh"

# ---- descriptors: none is 0, 1 or 2 ----------------------------------------------------------------------

begin
# shellcheck disable=SC2016
tap_start bash -c 'exec "$1" serve clock --echo <&- >&- 2>&-' - "$postern"
server=$tap_pid
poll test -S "$POSTERN_DIR/clock/sock"
background "$python" -c '
import socket, sys, time
held = [socket.socket(socket.AF_UNIX) for _ in range(4)]
for s in held:
    s.connect(sys.argv[1])
    s.sendall(b"x")
    s.recv(1)
print("served", flush=True)
time.sleep(300)' "$POSTERN_DIR/clock/sock"
poll test -s "$dir/bg"
tap_is 'a server that was started without 0, 1 and 2 has no socket there' \
	"$(for fd in 0 1 2; do readlink "/proc/$server/fd/$fd"; done | sort -u)" /dev/null
run "$postern" connect clock <<<hello
tap_is 'and serves' "$status $out" '0 hello'

# ---- what is there already ----------------------------------------------------------------------------------

begin
echo mine >"$dir/passwd"
run "$postern" serve "$dir/passwd" --echo
tap_is 'a file is no name, and no lock is left beside it' "$((status > 0)) $(cd "$dir" && echo passwd*) $(cat "$dir/passwd")" '1 passwd mine'

# ---- what a terminal would obey is written out -------------------------------------------------------------

# hides TEXT: no control character is in it, nor one that changes how others are shown.
hides()
{
	"$python" -c '
import re, sys
text = sys.argv[1]
sys.exit(bool(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\ufeff\udc80-\udcff]", text)))' "$1"
}

begin
wild=$dir/$'x\e[31m\u9b\u202e\u200b\xff\u00e9\u65e5'
shown='/x\x1b[31m\u{9b}\u{202e}\u{200b}\xffé日'
mkdir "$wild"
export POSTERN_DIR=$wild
serve clock --echo
for verb in 'ls' 'doctor clock' 'doctor nobody' 'wait nobody --deadline 10ms -v' 'connect nobody --deadline 10ms -v' 'serve clock --echo'; do
	# shellcheck disable=SC2086
	run "$postern" $verb </dev/null
	holds "postern $verb shows no hidden character" hides "$out$err"
	tap_is "and what it is: postern $verb" "$(grep -cF -- "$shown" <<<"$out$err" | head -c 1 | tr 2-9 1)" 1
done
holds 'ready shows none' hides "$(cat "$dir/serve")"
run "$postern" ls --json
holds 'JSON has none either' hides "$out"
tap_is 'and says which they are' "$("$python" -c '
import json, sys
path = json.load(sys.stdin)[0]["path"]
print(path.split("/")[-3].encode("unicode_escape").decode())' <<<"$out")" 'x\x1b[31m\x9b\u202e\u200b\ufffd\xe9\u65e5'
run "$postern" connect "$dir/"$'\u202e\u9b' --deadline 10ms </dev/null
tap_is 'nor does a path on the command line' "$(grep -cF '/\u{202e}\u{9b}: ' <<<"$err")" 1
run "$postern" $'fro\u9bnicate'
tap_is 'nor a verb' "$(grep -cF 'fro\u{9b}nicate' <<<"$err")" 1
chmod 777 "$wild"
run "$postern" doctor clock
tap_is 'a command that is proposed can be run' "$(bash -c "$(grep -o 'chmod o-w .*' <<<"$out")" 2>&1) $(stat -c %a "$wild")" ' 775'

begin
long=$dir/$(head -c 3900 /dev/zero | tr '\0' a)/end
for verb in connect wait serve; do
	arguments=(--deadline 10ms)
	[ "$verb" = serve ] && arguments=(--echo)
	run "$postern" "$verb" "$long" "${arguments[@]}" </dev/null
	tap_is "a long path has its beginning, its end, its length, and what is wrong: $verb" \
		"$(grep -c "^postern $verb: ${dir:0:40}.*\.\.\.aaa.*/end (${#long} bytes): .*: [a-zA-Z]" <<<"$err") $(wc -l <"$dir/err") $((${#err} < 600))" '1 1 1'
done

# ---- ls ------------------------------------------------------------------------------------------------------

begin
: >"$dir/file"
POSTERN_DIR=$dir/file row 66 '/file is not a directory.*: set POSTERN_DIR' ls
POSTERN_DIR=$dir/file/x row 66 '/file/x is not a directory.*: set POSTERN_DIR' ls
if [ "$(id -u)" -eq 0 ]; then
	chmod 700 "$dir/names" && chmod 711 "$dir"
	run setpriv --reuid=64000 --regid=64000 --clear-groups "$postern" ls
	tap_is 'a base that cannot be read is named' "$status $(grep -c "uid 64000 cannot read $dir/names: " <<<"$err")" '66 1'
fi
run env POSTERN_DIR="$dir/missing" "$postern" ls
tap_is 'a base that nobody has made yet has no names' "$status $(wc -l <"$dir/out")$err" '0 1'
# In memory, as runtime directories are: on a disk it takes minutes.
if [ -d /dev/shm ] && many=$(mktemp -d /dev/shm/postern-test-XXXXXX); then
	"$python" -c '
import os, sys
open(sys.argv[1] + "/n", "w").close()
for i in range(65600):
    os.link(sys.argv[1] + "/n", f"{sys.argv[1]}/n{i}")' "$many"
	POSTERN_DIR=$many serve zulu --echo
	run env POSTERN_DIR="$many" "$postern" ls -q
	emulated 'ls finds a name behind 65,601 other entries' "$no_start_time" || tap_is 'ls finds a name behind 65,601 other entries' \
		"$status $out $err" '0 zulu '
	finish
	rm -rf "$many"
else
	skip 'ls finds a name behind 65,601 other entries' 'there is no /dev/shm'
fi

# ---- info is a hint ----------------------------------------------------------------------------------------

# A sanitizer whose runtime writes a file of its own dies of the limit before main().
# shellcheck disable=SC2016
if ! bash -c 'ulimit -f 0; exec "$1" --version' - "$postern" >/dev/null 2>&1; then
	skip 'a server starts where no file may grow' 'this build cannot run under RLIMIT_FSIZE 0 at all'
else
	begin
	# shellcheck disable=SC2016
	tap_start bash -c 'ulimit -f 0; exec "$1" serve clock --echo 2>"$2"' - "$postern" "$dir/log"
	server=$tap_pid
	holds 'a server starts where no file may grow' poll test -S "$POSTERN_DIR/clock/sock"
	run "$postern" connect clock <<<hello
	tap_is 'and serves, also when its own messages are lost to the same limit' "$status $out" '0 hello'
	tap_is 'without an info file' "$(files)" './clock/lock ./clock/sock '
	tap_is 'ls does not call it dead' "$("$postern" ls | awk 'NR == 2 { print $1, $3 }')" 'clock ?'
	tap_is 'it is among the names that ls -q prints' "$("$postern" ls -q)" clock
	tap_is 'in JSON it is null' "$("$postern" ls --json | "$python" -c '
import json, sys
row = json.load(sys.stdin)[0]
print(row["alive"], row["pid"], row["uid"] is not None)')" 'None None True'
	end TERM "$server"
	tap_is 'it ends as any other' "$status $(files)" '0 ./clock/lock '
fi

begin
serve clock --echo
end KILL "$server"
head -c 65 /dev/zero >"$POSTERN_DIR/clock/info"
serve clock --echo
tap_is 'an info file of NULs is replaced' "$(head -c 8 "$POSTERN_DIR/clock/info")" 'postern '
end TERM "$server"
mkdir "$POSTERN_DIR/clock/info"
serve clock --echo
tap_is 'what cannot be replaced is told, and nothing more' \
	"$(grep -c 'cannot write .*/clock/info (another file has that name)' "$dir/serve")" 1
end TERM "$server"
tap_is 'and left alone' "$(stat -c %F "$POSTERN_DIR/clock/info")" directory

begin
if [ "$(id -u)" -eq 0 ] && mkdir "$dir/full" && mount -t tmpfs -o size=64k,mode=755 none "$dir/full" 2>/dev/null; then
	head -c 100k /dev/zero >"$dir/full/fill" 2>/dev/null
	POSTERN_DIR=$dir/full serve clock --echo
	run env POSTERN_DIR="$dir/full" "$postern" connect clock <<<hello
	tap_is 'a server starts and serves on a full file system' "$status $out" '0 hello'
	finish
	umount "$dir/full"
else
	skip 'a server starts and serves on a full file system' 'cannot mount a small file system here'
fi

# ---- other pid namespaces ------------------------------------------------------------------------------------

begin
if unshare -p -f --mount-proc true 2>/dev/null; then
	tap_start unshare -p -f --kill-child --mount-proc "$postern" serve clock --echo 2>"$dir/serve"
	poll test -s "$POSTERN_DIR/clock/info"
	tap_is 'a server in another pid namespace is not called dead' \
		"$("$postern" ls | awk 'NR == 2 { print $1, $3 }') $("$postern" ls -q)" 'clock ? clock'
	row 73 'is in use by pid 1 of another pid namespace' serve clock --echo
	run unshare -p -f --mount-proc "$postern" ls -q
	tap_is 'nor from a third one' "$status $out" '0 clock'
	finish
	sed -i "s/^boot .*/boot 00000000-0000-4000-8000-000000000000/" "$POSTERN_DIR/clock/info"
	tap_is 'one from before the machine was started anew is dead wherever it was' \
		"$("$postern" ls | awk 'NR == 2 { print $1, $3 }')" 'clock dead'
else
	skip 'a server in another pid namespace is not called dead' 'cannot make a pid namespace here'
fi

# ---- users who have no uid here ----------------------------------------------------------------------------

begin
if [ "$(id -u)" -eq 0 ] && unshare -U true 2>/dev/null && setpriv --reuid=64000 --regid=64000 --clear-groups true; then
	other=(setpriv --reuid=64000 --regid=64000 --clear-groups)
	mkdir -m 1777 "$dir/sticky" && chmod 755 "$dir"
	socket=$dir/sticky/s
	: >"$dir/serve"
	tap_start "${other[@]}" "$postern" serve "$socket" --access world --echo </dev/null >"$dir/serve.out" 2>"$dir/serve"
	poll grep -q '^ready ' "$dir/serve"
	run "$postern" connect "$socket" --deadline 1s <<<hi
	tap_is 'a server of another user is not trusted' \
		"$status $(grep -c 'uid 64000, which is not trusted; name it with --server-uid' <<<"$err")" '77 1'
	run "$postern" connect "$socket" --deadline 1s --server-uid 64000 <<<hi
	tap_is 'unless it is named' "$status $out" '0 hi'
	unknown='uid 65534, which stands for every user without a uid in this user namespace, so it is not trusted'
	run unshare -U "$postern" connect "$socket" --deadline 1s <<<hi
	tap_is 'nor one without a uid, where we have none either' "$status $(grep -c "$unknown" <<<"$err")" '77 1'
	run "${other[@]}" unshare -Ur "$postern" connect "$socket" --deadline 1s <<<hi
	[ "$status" = 0 ] || status="$status $err"
	tap_is 'our own, which is mapped, is' "$status $out" '0 hi'
	run setpriv --reuid=64001 --regid=64001 --clear-groups unshare -Ur \
		"$postern" connect "$socket" --deadline 1s <<<hi
	tap_is 'nor one where the owner of the directory has none' "$status $(grep -c "$unknown" <<<"$err")" '77 1'
	run unshare -U "$postern" connect "$socket" --deadline 1s --server-uid 65534 <<<hi
	tap_is 'even where the number is named' "$status $(grep -c "$unknown" <<<"$err")" '77 1'
	finish
	run unshare -U "$postern" serve here --echo </dev/null
	tap_is 'no directory belongs to a server without a uid' \
		"$status $(grep -c 'this process runs as uid 65534, which stands for' <<<"$err")" '77 1'
	run unshare -U "$postern" serve "@unknown-$$" --echo </dev/null
	tap_is 'nor an abstract name' "$status $(grep -c 'this process runs as uid 65534, which stands for' <<<"$err")" '77 1'
	# A socket that somebody else made is served: whom a server without a uid lets in can be seen there.
	for rule in '--allow-uid 65534' '--allow-gid 65534'; do
		: >"$dir/serve"
		# shellcheck disable=SC2086
		tap_start "$python" -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("\0" + sys.argv[1][1:])
s.listen()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.execvp("unshare", ["unshare", "-U", sys.argv[2], "serve", "fd:3", "--echo", *sys.argv[3:]])' \
			"@unknown-$$" "$postern" $rule </dev/null >"$dir/serve.out" 2>"$dir/serve"
		holds "a server without a uid serves a socket that it was given: $rule" poll grep -q '^ready ' "$dir/serve"
		run "${other[@]}" "$postern" connect "@unknown-$$" --server-uid 0 --deadline 1s <<<hi
		tap_is "nobody is let in as me or by a rule where nobody has a uid: $rule" "$out" ''
		finish
	done
	mkdir -p "$dir/names/theirs" && chown 65534 "$dir/names/theirs" && echo "postern 1
pid 1" >"$dir/names/theirs/info"
	tap_is 'whose a directory is that is nobody'"'"'s is not known' \
		"$("$postern" ls | awk 'NR == 2 { print $1, $4 }')" 'theirs ?'
else
	skip 'uids without a mapping are nobody' 'needs root and user namespaces'
fi

# ---- wait looks, and runs nothing ----------------------------------------------------------------------------

begin
for name in clock "$dir/path" "@postern-wait-$$"; do
	# shellcheck disable=SC2016
	serve "$name" --exec sh -c 'echo >>"$0/ran"; cat' "$dir"
	run "$postern" wait "$name"
	tap_is "wait finds a server at ${name//$tap_dir/}" "$status" 0
	if [ "${name#@}" = "$name" ] && unshare -n true 2>/dev/null; then
		run unshare -n "$postern" wait "$name"
		emulated 'from another network namespace too' "$no_start_time" || tap_is "from another network namespace too: ${name//$tap_dir/}" "$status" 0
	fi
done
if unshare -n -p -f --mount-proc true 2>/dev/null; then
	run unshare -n -p -f --mount-proc "$postern" wait "$dir/path"
	tap_is 'and from other network and pid namespaces' "$status" 0
fi
tap_is 'no connection was made: nothing has run' "$(cat "$dir/ran" 2>&1 | grep -c .)" 1
run "$postern" connect clock <<<hello
tap_is 'one that connects does run it' "$out $(wc -l <"$dir/ran")" 'hello 1'
end KILL "$server"

begin
serve clock --echo
end KILL "$server"
row 69 'no server listens on it' wait clock --deadline 100ms
serve clock --echo --backlog 1
kill -STOP "$server"
fill "$POSTERN_DIR/clock/sock"
emulated 'a backlog that is full is seen' "$no_sock_diag" || row 69 'backlog is full' wait clock --deadline 100ms
finish
background "$python" -c '
import socket, sys, time
kinds = {"foreign": socket.SOCK_STREAM, "seqpacket": socket.SOCK_SEQPACKET, "datagram": socket.SOCK_DGRAM}
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
run "$postern" wait "$dir/foreign"
tap_is 'a server of another program is found' "$status" 0
if unshare -n true 2>/dev/null; then
	run unshare -n "$postern" wait "$dir/foreign"
	tap_is 'and connected to where the kernel does not show it' "$status" 0
fi
row 76 'another type' wait "$dir/seqpacket"
row 76 'another type' wait "$dir/datagram" --deadline 1s
: >"$dir/file"
row 76 'not a socket' wait "$dir/file"
row 69 'no server listens there' wait "@postern-none-$$" --deadline 50ms
row 74 'Not a directory' wait "$dir/file/x"
if [ "$(id -u)" -eq 0 ]; then
	chmod 600 "$dir/foreign" && chmod 711 "$dir"
	run setpriv --reuid=64000 --regid=64000 --clear-groups "$postern" wait "$dir/foreign" --deadline 5s
	tap_is 'where the mode lets nobody in it ends soon' "$status $(grep -c 'permission denied' <<<"$err")" '77 1'
	holds 'that is, not at the deadline' within 90 "$ms" $((3000 * scale))
fi

finish
tap_done
