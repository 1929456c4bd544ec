#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The command as a user meets it: real processes, each test with names of its own. Wall-clock limits are best
# of five, or have slack; the figures are printed. Interoperability is in test-command-interop.sh.
# shellcheck source=tests/process/command.sh
. "$(dirname "$0")/command.sh"

# ---- wrong usage: one line that says what is meant -------------------------------------------------------

begin
row 64 "did you mean 'serve'" serv x
row 64 "unknown verb 'frobnicate'" frobnicate
for verb in serve connect wait; do
	row 64 'missing NAME' $verb
done
row 64 'say what to serve' serve x
row 64 'exclude each other' serve x --echo --exec cat
row 64 'did you mean --echo' serve x --ecko
row 64 'did you mean --deadline' connect x --deadlin 5s
row 64 'unknown option -x' serve x --echo -x
row 64 "unexpected argument 'y'" serve x y --echo
row 64 "unexpected argument 'x'" ls x
row 64 'takes no value' serve x --echo=yes
row 64 'needs a value: TIME' serve x --echo --drain
row 64 'needs a value: CMD' serve x --exec
for wrong in 5 5x -5s 1.s .5s 0s '' 99999999999h; do
	row 64 'TIME|duration|is zero|too long' connect x --deadline "$wrong"
done
for wrong in 5X -1 K 0 5G 99999999999999999999; do
	row 64 'size|too' serve x --echo --high-water "$wrong"
done
for wrong in 0 -1 many 4294967296 1k; do
	row 64 'number|too' serve x --echo --backlog "$wrong"
done
for wrong in 9 0 000 01777 999 u everyone; do
	row 64 'access|admits no' serve x --echo --access "$wrong"
done
row 64 'not a user' serve x --echo --allow-uid nosuchuser
row 64 'not a group' serve x --echo --group nosuchgroup
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
	row 64 'is not allowed in a name' $verb 'a b' "${echo[@]}"
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
	mkdir "$dir/theirs" && chown 64000 "$dir/theirs"
	row 77 'belongs to uid 64000' serve "$dir/theirs/x" --echo
fi
echo text >"$dir/file" && mkdir "$dir/directory" && ln -s file "$dir/link"
row 73 'a file is at' serve "$dir/file" --echo
row 73 'a directory is at' serve "$dir/directory" --echo
row 73 'a symlink is at' serve "$dir/link" --echo
row 74 'not a directory' serve "$dir/file/x" --echo
row 76 'not a socket' connect "$dir/file" --deadline 5s
row 69 'no such file' connect "$dir/missing/x" --deadline 100ms
tap_is 'what stood in the way is untouched, and nothing is left beside it' \
	"$(cat "$dir/file" "$dir/link") $(cd "$dir" && find . ! -type d | sort | tr '\n' ' ')" \
	'text
text ./err ./file ./link ./out '
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
for verb in serve connect wait ls doctor call info introspect stats top trace check generate relay; do
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
finish
tap_done
