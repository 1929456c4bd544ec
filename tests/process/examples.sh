# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the examples share. To be sourced; it sources tap.sh.

# shellcheck source=tests/process/tap.sh
. "$(dirname "$0")/tap.sh"

# until_true COMMAND...: waits for it, 10 s at most.
until_true()
{
	local i
	for ((i = 0; i < 1000; i++)); do
		"$@" && return
		sleep 0.01
	done
	return 1
}

# until_file FILE TEXT: waits, 10 s at most, until TEXT is in FILE.
until_file()
{
	until_true grep -qs -- "$2" "$1"
}

until_listening()
{
	"$POSTERN_COMMAND" wait "$1" --deadline 10s
}

run()
{
	status=0
	output=$("$@" 2>"$tap_dir/stderr") || status=$?
}

ended()
{
	status=0
	wait "$1" 2>/dev/null || status=$?
}
