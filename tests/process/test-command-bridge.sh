#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# postern bridge becomes postern-bridge: where that is looked for, in which order, and what is said where there is none.

. "$(dirname "$0")/tap.sh"
emulated 'postern bridge finds its program' 'shows /proc/self/exe of its own' && tap_done

bin=$tap_dir/prefix/bin
libexec=$tap_dir/prefix/libexec/postern
path=$tap_dir/path
mkdir -p "$bin" "$libexec" "$path"
cp "$POSTERN_COMMAND" "$bin/postern"

# bridge_in DIRECTORY: a program that says where it is, and how it was called.
bridge_in()
{
	printf '#!/bin/sh\necho "%s: $*"\nexit 7\n' "${1##*/}" >"$1/postern-bridge"
	chmod +x "$1/postern-bridge"
}

run()
{
	status=0
	output=$(PATH=$path:/usr/bin:/bin "$bin/postern" "$@" 2>&1) || status=$?
}

run bridge export clock
tap_is 'without the program it says which package has it' "$status $(grep -c 'postern-bridge is not installed; the package' <<<"$output")" '69 1'
run help bridge
tap_is 'so does its help' "$status $(grep -c 'is not installed' <<<"$output")" '69 1'
run complete
tap_is 'it is not among the verbs to complete then' "$(grep -c '^bridge' <<<"$output")" 0
run help
tap_is 'but among those that are explained' "$(grep -c '^  bridge ' <<<"$output")" 1

bridge_in "$path"
run bridge export 'a b'
tap_is 'one in PATH is found' "$status $output" '7 path: export a b'
bridge_in "$libexec"
run bridge import x --as y
tap_is 'one that is installed with the command comes before' "$status $output" '7 postern: import x --as y'
bridge_in "$bin"
run bridge
tap_is 'and one beside the command first' "$status $output" '7 bin: '
run help bridge
tap_is 'its help is its own' "$output" 'bin: --help'
run complete bridge export
tap_is 'and so is what can be completed' "$output" 'bin: complete export'
run complete
tap_is 'where it is now a verb' "$(grep -c '^bridge' <<<"$output")" 1
rm "$bin/postern-bridge" "$libexec/postern-bridge"
: >"$libexec/postern-bridge"
run bridge --version
tap_is 'a file that is no program is not taken for it' "$output" 'path: --version'
ln -s "$bin/postern" "$tap_dir/linked"
bridge_in "$bin"
status=0
output=$(PATH=/usr/bin:/bin "$tap_dir/linked" bridge --version 2>&1) || status=$?
tap_is 'a link to the command finds what is beside the command' "$output" 'bin: --version'
tap_done
