#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern call --upgrade and serve --upgrade: calls whose connection becomes stdin and stdout. V7, by the command."""

import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
DONE, ANSWERED, USAGE, IO, TRY_AGAIN = 0, 1, 64, 74, 75
METHOD = "org.example.shell.Attach"
CALL = b'{"method":"org.example.shell.Attach","upgrade":true,"parameters":{}}\0'

import tap  # noqa: E402


def expected(done, status, out=b"", error=""):
    said = done.stderr.decode()
    wrong = [] if done.returncode == status else [f"it ended with {done.returncode}, not {status}: {said}"]
    if done.stdout != out:
        wrong.append(f"it printed {done.stdout!r}, not {out!r}")
    if error not in said or (not error and said):
        wrong.append(f"it said {said!r}, not {error!r}")
    return wrong


class Peer:
    """A service by hand: fn gets the socket behind a whole call, and what it read."""

    def __init__(self, directory, fn):
        self.path = pathlib.Path(directory) / "peer"
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        self.listener.settimeout(20 * SCALE)
        self.got = b""
        self.thread = threading.Thread(target=self.serve, args=(fn,))
        self.thread.start()

    def serve(self, fn):
        s, _ = self.listener.accept()
        s.settimeout(20 * SCALE)
        while not self.got.endswith(b"\0"):
            self.got += s.recv(4096) or b"\0"
        try:
            fn(s)
        except OSError as e:
            self.got += str(e).encode()
        s.close()

    def end(self):
        self.thread.join()
        self.listener.close()


def call(directory, fn, *options, stdin=b"", method=METHOD):
    peer = Peer(directory, fn)
    done = subprocess.run([POSTERN, "call", "--upgrade", *options, str(peer.path), method], input=stdin,
                          capture_output=True, check=False, timeout=60 * SCALE)
    peer.end()
    return done, peer.got


def everything(s):
    """Until the end of the other direction."""
    got = b""
    while part := s.recv(65536):
        got += part
    return got


def test_call(directory):
    read = []

    def echoes(s):
        s.sendall(b"{}\0glued ")
        read.append(everything(s))
        s.sendall(b"end")

    done, got = call(directory, echoes, stdin=b"in\0put")
    wrong = expected(done, DONE, b"glued end")
    wrong += [] if got == CALL else [f"the call is {got!r}"]
    wrong += [] if read == [b"in\0put"] else [f"the service got {read!r}"]
    tap.result("V7_stdin_and_stdout_are_the_connection", wrong)

    big = os.urandom(1 << 20)

    def copies(s):
        s.sendall(b"{}\0")
        while part := s.recv(65536):
            s.sendall(part)

    done, _ = call(directory, copies, stdin=big)
    tap.result("V7_a_megabyte_goes_both_ways", [] if done.stdout == big and done.returncode == DONE else
               [f"{len(done.stdout)} bytes came back, status {done.returncode}: {done.stderr}"])

    def tells(s):
        s.sendall(b'{"parameters":{"size":3}}\0abc')

    done, _ = call(directory, tells)
    tap.result("V7_what_the_answer_says_is_on_stderr", expected(done, DONE, b"abc", 'upgraded: {"size":3}'))

    def refuses(s):
        s.sendall(b'{"error":"org.example.shell.Locked","parameters":{"by":"me"}}\0')
        everything(s)

    done, _ = call(directory, refuses, stdin=b"nobody reads this")
    tap.result("V7_an_error_is_told_and_no_input_is_lost",
               expected(done, ANSWERED, b"", 'org.example.shell.Locked: {"by":"me"}'))
    with open(directory + "/input", "w+b") as f:
        f.write(b"for the next one")
        f.seek(0)
        peer = Peer(directory, refuses)
        subprocess.run([POSTERN, "call", "--upgrade", str(peer.path), METHOD], stdin=f, capture_output=True, check=False)
        peer.end()
        at = os.lseek(f.fileno(), 0, os.SEEK_CUR)
    tap.result("V7_input_is_read_only_when_it_is_confirmed", [] if at == 0 else [f"{at} bytes were read"])

    done, _ = call(directory, lambda s: None)
    tap.result("a_service_that_dies_first_is_told", expected(done, IO, b"", "peer: "))
    done, _ = call(directory, everything, "--deadline", "200ms")
    tap.result("a_deadline_that_passes_is_told", expected(done, TRY_AGAIN, b"", "no answer within 200ms"))

    def is_silent(s):
        s.sendall(b"{}\0")
        everything(s)
        threading.Event().wait(1.5 * SCALE)

    done, _ = call(directory, is_silent, "--idle", "300ms")
    tap.result("a_connection_without_progress_is_given_up", expected(done, TRY_AGAIN, b"", "nothing arrived for 300ms"))


def test_usage():
    for what, arguments, error in (
            ("more", ["--more", "--upgrade", "x", METHOD], "exclude each other"),
            ("oneway", ["--oneway", "--upgrade", "x", METHOD], "exclude each other"),
            ("parameters_from_stdin", ["--upgrade", "x", METHOD, "-"], "stdin is the connection's"),
            ("idle_alone", ["--idle", "1s", "x", METHOD], "--idle is for --upgrade")):
        done = subprocess.run([POSTERN, "call", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        tap.result(f"an_upgrade_with_{what}_is_refused", expected(done, USAGE, b"", error))


def main():
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        test_call(directory)
    test_usage()
    tap.done()


signal.alarm(110 * SCALE)
main()
