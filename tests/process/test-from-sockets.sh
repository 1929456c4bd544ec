#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The steps of docs/FROM_SOCKETS.md: each server has the path, the mode and the bytes of the one before Postern, and
# serves the clients of before and after.

. "$(dirname "$0")/tap.sh"

programs=$POSTERN_BUILD/examples/from-sockets/from-sockets
if [ ! -x "$programs-server-3" ]; then
	echo '1..0 # SKIP the examples were not built'
	exit 0
fi

ended()
{
	status=0
	wait "$1" 2>/dev/null || status=$?
}

# The client of before waits for ever where there is no server.
client()
{
	timeout 20 "$programs-client-$1" "${@:2}"
}

serve()
{
	tap_start "$programs-server-$1" "$path" 2>"$tap_dir/err"
	server=$tap_pid
	"$POSTERN_COMMAND" wait "$path" --deadline 10s
}

# Where a group is to get at a socket, it must get through the directories above.
mkdir -m 750 "$tap_dir/run"
chmod 711 "$tap_dir"
path=$tap_dir/run/capitals.sock
for step in 0 1 2 3; do
	serve $step
	tap_is "step_${step}_has_the_path_and_the_mode" "$(stat -c '%F %a' "$path")" 'socket 660'
	for client in 0 1; do
		tap_is "step_${step}_answers_client_$client" \
			"$(client "$client" "$path" 'one line' '' 'and another')" \
			'ONE LINE

AND ANOTHER'
	done
	tap_is "step_${step}_keeps_the_bytes" \
		"$( (printf 'o'; sleep 0.05; printf 'ne\ntwo\n\nthr'; sleep 0.05; printf 'ee\nrest') |
			"$POSTERN_COMMAND" connect "$path" | od -An -c | tr -s ' \n' ' ')" \
		' O N E \n T W O \n \n T H R E E \n '
	tap_is "step_${step}_ends_a_line_that_is_too_long" \
		"$(head -c 3000 /dev/zero | tr '\0' x | "$POSTERN_COMMAND" connect "$path" 2>/dev/null | wc -c)" 0
	kill -TERM "$server"
	ended "$server"
	tap_is "step_${step}_ends_on_sigterm_without_its_socket" "$status $([ -e "$path" ] && echo there)" '0 '
done

# What the last two steps gain at the name.
for step in 2 3; do
	serve $step
	first=$server
	"$programs-server-$step" "$path" 2>"$tap_dir/second"
	tap_is "step_${step}_leaves_a_live_server_its_name" \
		"$? $(grep -c "in use by pid $first " "$tap_dir/second") $(client 1 "$path" x)" '1 1 X'
	kill -KILL "$first"
	ended "$first"
	serve $step
	tap_is "step_${step}_takes_over_from_a_killed_one" "$(client 0 "$path" x)" X
	kill -TERM "$server"
	ended "$server"
done

start=${EPOCHREALTIME/./}
client 1 "$tap_dir/nobody" x 2>"$tap_dir/err"
status=$?
took=$(((${EPOCHREALTIME/./} - start) / 1000))
tap_is 'the_new_client_gives_up_at_its_deadline' "$status $((took < 15000)) $(wc -l <"$tap_dir/err")" '1 1 1'
tap_done
