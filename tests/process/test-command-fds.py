#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Descriptors: postern call --fd passes them, and a command of postern serve has them as 3 and up."""

import os
import pathlib
import subprocess
import tempfile
import time

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
FILES = """interface org.example.files

# [Takes file descriptors]
method Read(what: string) -> (text: string)

method Plain(what: string) -> (text: string)
"""
READ = r"""#!/bin/sh
for fd in 3 4 5; do
	[ -e "/proc/$$/fd/$fd" ] && text="$text $(cat <&$fd)"
done
printf '{"text":"%s%s"}' "${POSTERN_FDS-none}" "$text"
"""


def until(condition, seconds=10):
    end = time.monotonic() + seconds * SCALE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


class Place:
    """A service of two methods with the same command, in a directory of its own."""

    def __init__(self, path):
        self.path = path
        self.environment = dict(os.environ, POSTERN_DIR=str(path), POSTERN_FDS="of another one")
        (path / "files.varlink").write_text(FILES)
        (path / "read").write_text(READ)
        (path / "read").chmod(0o755)
        self.log = open(path / "log", "wb")
        self.server = subprocess.Popen(
            [POSTERN, "serve", "files", "--interface", "files.varlink", "--method", "org.example.files.Read", "./read",
             "--method", "org.example.files.Plain", "./read"],
            cwd=path, env=self.environment, stdin=subprocess.DEVNULL, stderr=self.log)
        until(lambda: "ready" in (path / "log").read_text())

    def call(self, method, *fds):
        options = [word for fd in fds for word in ("--fd", str(fd))]
        done = subprocess.run([POSTERN, "call", "files", f"org.example.files.{method}", '{"what":"x"}', *options], cwd=self.path,
                              env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=60 * SCALE, pass_fds=fds)
        return f"{done.returncode} {done.stdout}{done.stderr}"

    def open_in_server(self):
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))

    def end(self):
        self.server.terminate()
        self.server.wait(20 * SCALE)
        self.log.close()


def is_wrong(got, wanted):
    return [] if got == wanted else [f"it is {got!r}, not {wanted!r}"]


def test_commands(p):
    for name in ("one", "two"):
        (p.path / name).write_text(name)
    with open(p.path / "one", "rb") as one, open(p.path / "two", "rb") as two:
        a, b = one.fileno(), two.fileno()
        tap.result("a_command_has_the_descriptors_of_its_call_in_order",
                   is_wrong(p.call("Read", b, a), '0 {"text":"2 two one"}\n'))
        # All are copies of one open file, at whose end they are.
        tap.result("a_command_can_have_sixteen", is_wrong(p.call("Read", *[a] * 16), '0 {"text":"16   "}\n'))
        tap.result("a_call_without_any_has_none", is_wrong(p.call("Read"), '0 {"text":"none"}\n'))
        before = p.open_in_server()
        for _ in range(3):
            p.call("Read", a)
        tap.result("what_a_command_got_is_closed_in_the_server",
                   [] if until(lambda: p.open_in_server() <= before) else [f"{before} were open, now {p.open_in_server()}"])
        plain = p.call("Plain", a)
        tap.result("a_method_that_takes_none_is_not_started", [] if plain[0] != "0" else [plain])
        tap.result("and_others_are_served_after_that", is_wrong(p.call("Plain"), '0 {"text":"none"}\n'))


with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
    place = Place(pathlib.Path(directory))
    try:
        test_commands(place)
    finally:
        place.end()
tap.done()
