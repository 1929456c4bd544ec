#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern call on a service of systemd: its user database, which is not running, under a /run of its own."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
DAEMON = pathlib.Path("/usr/lib/systemd/systemd-userdbd")

# In namespaces of its own: all that it starts ends with it. What it prints is between lines of dashes.
SCRIPT = r"""
mount -t tmpfs none /run && mkdir -p /run/systemd/userdb || exit 125
sock=/run/systemd/userdb/io.systemd.Multiplexer
systemd-socket-activate -l $sock --fdname=varlink "$2" >"$3/log" 2>&1 &
for i in 1 2 3 4 5 6 7 8 9 10; do test -S $sock || sleep 0.5; done
postern() { "$postern" "$@" 2>&1; echo "status $?"; echo -----; }
postern=$1 method=io.systemd.UserDatabase.GetUserRecord
postern call unix:$sock $method '{"userName":"root","service":"io.systemd.Multiplexer"}'
postern call $sock $method '{"userName":"no-such-user","service":"io.systemd.Multiplexer"}'
postern call --more $sock $method '{"service":"io.systemd.Multiplexer"}'
postern info $sock
"""


def may_unshare():
    return subprocess.run(["unshare", "-m", "--pid", "--fork", "--mount-proc", "true"], capture_output=True,
                          check=False).returncode == 0


def user(line):
    return json.loads(line)["record"]


def test():
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        done = subprocess.run(
            ["unshare", "-m", "--pid", "--fork", "--mount-proc", "bash", "-c", SCRIPT, "bash", POSTERN, str(DAEMON), directory],
            capture_output=True, text=True, check=False, timeout=90 * SCALE)
        log = pathlib.Path(directory, "log")
        if done.returncode == 125:
            tap.skip("a_service_of_systemd_answers_a_call", "cannot mount a /run of its own here")
            return
        parts = [part.strip().splitlines() for part in done.stdout.split("-----\n")]
        if len(parts) < 4:
            tap.result("a_service_of_systemd_answers_a_call", f"{done.stdout}{done.stderr}{log.read_text()}")
            return
    one, none, all_, info = parts[:4]
    tap.result("a_service_of_systemd_answers_a_call",
               [] if one[-1] == "status 0" and user(one[0])["uid"] == 0 and user(one[0])["userName"] == "root" else one)
    tap.result("a_service_of_systemd_answers_with_an_error",
               [] if none[-1] == "status 1" and "io.systemd.UserDatabase.NoRecordFound" in none[0] else none)
    names = [user(line)["userName"] for line in all_[:-1]]
    tap.result("a_service_of_systemd_answers_a_call_with_more",
               [] if all_[-1] == "status 0" and "root" in names and len(names) > 5 else all_)
    # Later versions describe themselves.
    tap.result("a_service_of_systemd_that_describes_nothing_is_told",
               [] if info[-1] == "status 0" or "it does not describe itself" in info[-2] else info)


tap.need("unshare", "bash", "systemd-socket-activate")
if not DAEMON.exists():
    tap.skip("a_service_of_systemd_answers_a_call", "systemd-userdbd is not installed")
elif not may_unshare():
    tap.skip("a_service_of_systemd_answers_a_call", "namespaces of its own need root")
else:
    test()
tap.done()
