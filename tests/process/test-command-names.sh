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

finish
tap_done
