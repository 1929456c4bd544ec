# SPDX-License-Identifier: Apache-2.0
#
# Results of a shell test, as TAP. To be sourced:
#
#	. "$(dirname "$0")/tap.sh"
#	tap_need socat
#	tap_is 'a name is printed' "$("$POSTERN_COMMAND" ls)" clock
#	tap_done
#
# There is a private directory in $tap_dir, which POSTERN_DIR names too; it is removed at the end,
# and whatever was started in the background with tap_start is ended by its process id.

tap_n=0
tap_failed=0
tap_pids=
tap_dir=$(mktemp -d "${TMPDIR:-/tmp}/postern-test-XXXXXX") || exit 1
export POSTERN_DIR=$tap_dir

tap_cleanup()
{
	for tap_pid in $tap_pids; do
		kill -9 "$tap_pid" 2>/dev/null
		wait "$tap_pid" 2>/dev/null
	done
	rm -rf "$tap_dir"
}
trap tap_cleanup EXIT
trap 'exit 1' INT TERM

# ok NAME / not_ok NAME [WHY]: one result.
ok()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1"
}

not_ok()
{
	tap_n=$((tap_n + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_n - $1"
	[ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# skip NAME REASON: one result that this machine cannot give.
skip()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

# emulated NAME WHY: is this an emulator, which cannot give that result? Then it is skipped.
emulated()
{
	[ -n "${EMULATED-}" ] && skip "$1" "$EMULATED $2"
}

# note TEXT: a figure that was reached.
note()
{
	printf '%s\n' "$*" | sed 's/^/# /'
}

# tap_need PROGRAM...: without one of them there is nothing to test.
tap_need()
{
	for tap_program; do
		command -v "$tap_program" >/dev/null 2>&1 && continue
		echo "1..0 # SKIP $tap_program is not installed"
		exit 0
	done
}

# tap_try NAME COMMAND...: ok when the command succeeds, else its output tells why not.
tap_try()
{
	tap_name=$1
	shift
	if tap_output=$("$@" 2>&1); then
		ok "$tap_name"
	else
		not_ok "$tap_name" "status $? of: $*
$tap_output"
	fi
}

# tap_is NAME GOT EXPECTED: ok when both strings are the same.
tap_is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got:      $2
expected: $3"
	fi
}

# tap_start COMMAND...: in the background; its process id is in $tap_pid until the next call.
tap_start()
{
	"$@" &
	tap_pid=$!
	tap_pids="$tap_pids $tap_pid"
}

# tap_done: the plan, and the exit status of the test.
tap_done()
{
	echo "1..$tap_n"
	[ "$tap_failed" -eq 0 ]
	exit
}
