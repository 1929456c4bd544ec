#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Postern loop inside five other event loops, side by side: each echoes to several clients at once while its
# host's timer ticks, sleeps when there is nothing to do, and ends on SIGTERM with nothing left behind.

. "$(dirname "$0")/tap.sh"

clients=4
hosts=(libuv glib libevent sd-event qt)
declare -A pid

started()
{
	[ -n "${pid[$1]-}" ]
}

# cpu_ms PID: user and system time so far.
cpu_ms()
{
	local line ticks
	line=$(<"/proc/$1/stat")
	read -r -a ticks <<<"${line##*) }"
	echo $(((ticks[11] + ticks[12]) * 1000 / $(getconf CLK_TCK)))
}

for host in "${hosts[@]}"; do
	program=$POSTERN_BUILD/examples/loops/loop-$host
	[ -x "$program" ] || continue
	tap_start "$program" "$host" >"$tap_dir/$host.out" 2>"$tap_dir/$host.err"
	pid[$host]=$tap_pid
done
if [ ${#pid[@]} -eq 0 ]; then
	echo '1..0 # SKIP none of the event loops is installed'
	exit 0
fi
for host in "${!pid[@]}"; do
	"$POSTERN_COMMAND" wait "$host" --deadline 10s || note "$(cat "$tap_dir/$host.err")"
done

# All clients of all hosts at once, so that the hosts have something to do side by side.
head -c 2000000 /dev/urandom | base64 -w 0 >"$tap_dir/large"
sent=$(cksum <"$tap_dir/large")
connecting=()
for host in "${!pid[@]}"; do
	for ((i = 0; i < clients; i++)); do
		"$POSTERN_COMMAND" connect "$host" --idle 30s <"$tap_dir/large" 2>"$tap_dir/$host.$i.err" |
			cksum >"$tap_dir/$host.$i.sum" &
		connecting+=($!)
	done
done
wait "${connecting[@]}"

declare -A before
for host in "${!pid[@]}"; do before[$host]=$(cpu_ms "${pid[$host]}"); done
sleep 0.5
declare -A status
for host in "${!pid[@]}"; do
	used=$(($(cpu_ms "${pid[$host]}") - ${before[$host]}))
	before[$host]=$used
	kill -TERM "${pid[$host]}"
done
for host in "${!pid[@]}"; do
	status[$host]=0
	wait "${pid[$host]}" || status[$host]=$?
done

for host in "${hosts[@]}"; do
	name=${host//-/_}
	if ! started "$host"; then
		for what in echoes_to_four_clients ticks_meanwhile sleeps_when_idle ends_on_sigterm_and_leaves_nothing; do
			skip "${name}_$what" "$host was not there when the examples were built"
		done
		continue
	fi
	good=0
	for ((i = 0; i < clients; i++)); do
		[ "$(cat "$tap_dir/$host.$i.sum")" != "$sent" ] || good=$((good + 1))
	done
	tap_is "${name}_echoes_to_four_clients" "$good $(cat "$tap_dir/$host".*.err)" "$clients "
	ticks=$(sed -n 's/^\([0-9]*\) ticks of .*/\1/p' "$tap_dir/$host.out")
	note "$host: ${ticks:-no} ticks of 10 ms; ${before[$host]} ms of processor time in 500 ms of idling"
	tap_is "${name}_ticks_meanwhile" "$((${ticks:-0} >= 10))" 1
	tap_is "${name}_sleeps_when_idle" "$((${before[$host]} <= 200))" 1
	tap_is "${name}_ends_on_sigterm_and_leaves_nothing" \
		"${status[$host]} $(ls "$tap_dir/$host") $(cat "$tap_dir/$host.err")" '0 lock '
done
tap_done
