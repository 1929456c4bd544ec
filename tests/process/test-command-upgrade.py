#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern call --upgrade and serve --upgrade: calls whose connection becomes stdin and stdout. V7, by the command."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

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


INTERFACE = """
interface org.example.shell

# Becomes what the command says.
# [Requires 'upgrade' flag]
method Attach(text: ?string) -> (size: ?int)

# [Supports 'upgrade' flag]
method Both() -> ()

# [Supports 'upgrade' flag]
method Either() -> ()

method Plain() -> ()

# [Requires 'upgrade' flag]
method Strict() -> (size: int)
"""

COMMAND = r"""#!/bin/sh
case $POSTERN_PARAMETERS in
*copy*) exec cat ;;
*sort*) exec sort ;;
*store*) cat >stored.new; mv stored.new stored ;;
*who*) echo "$POSTERN_METHOD $POSTERN_NAME $POSTERN_PEER_UID $POSTERN_PARAMETERS" ;;
*stays*) echo $$ >pid.new; mv pid.new pid; exec sleep 60 ;;
*leaves*) sleep 60 & echo $! >pid.new; mv pid.new pid; echo left ;;
*fails*) echo some; exit 3 ;;
*endless*) exec cat /dev/zero ;;
esac
"""


class Place:
    """A directory, and a service of commands in it."""

    def __init__(self, *options, last=("--upgrade", METHOD, "./attach")):
        self.directory = tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR"))
        self.path = pathlib.Path(self.directory.name)
        self.environment = dict(os.environ, POSTERN_DIR=str(self.path), POSTERN_PARAMETERS="of another one")
        (self.path / "shell.varlink").write_text(INTERFACE)
        (self.path / "attach").write_text(COMMAND)
        (self.path / "attach").chmod(0o755)
        self.log = open(self.path / "log", "w+b")
        self.server = subprocess.Popen([POSTERN, "serve", "shell", *options, "--interface", "shell.varlink", *last], cwd=self.path,
                                       env=self.environment, stdin=subprocess.DEVNULL, stderr=self.log)
        self.wait_for(lambda: "ready" in self.said() or self.server.poll() is not None)

    def said(self):
        return (self.path / "log").read_text(errors="replace")

    def wait_for(self, what, seconds=10):
        until = time.monotonic() + seconds * SCALE
        while time.monotonic() < until:
            if what():
                return True
            time.sleep(0.01)
        return False

    def run(self, *arguments, stdin=b""):
        return subprocess.run([POSTERN, *arguments], cwd=self.path, env=self.environment, input=stdin, capture_output=True,
                              check=False, timeout=60 * SCALE)

    def attach(self, what, stdin=b""):
        return self.run("call", "--upgrade", "shell", METHOD, json.dumps({"text": what}), stdin=stdin)

    def connect(self, text=None):
        """A peer by hand, which has asked for the connection and sent nothing else."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20 * SCALE)
        s.connect(str(self.path / "shell" / "sock"))
        if text:
            s.sendall(json.dumps({"method": METHOD, "upgrade": True, "parameters": {"text": text}}).encode() + b"\0")
        return s

    def pid(self):
        self.wait_for(lambda: (self.path / "pid").exists())
        pid = int((self.path / "pid").read_text())
        (self.path / "pid").unlink()
        return pid

    def end(self):
        self.server.send_signal(signal.SIGTERM)
        try:
            status = self.server.wait(20 * SCALE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            status = "no end"
        self.log.close()
        return status


def test_bytes(p):
    tap.result("V7_a_command_has_the_connection", expected(p.attach("copy", b"a\0b\n"), DONE, b"a\0b\n"))
    tap.result("V7_it_reads_the_end_of_input", expected(p.attach("sort", b"b\na\n"), DONE, b"a\nb\n"))
    big = os.urandom(3 << 20)
    done = p.attach("copy", big)
    tap.result("V7_megabytes_go_through_a_command", [] if done.stdout == big and done.returncode == DONE else
               [f"{len(done.stdout)} bytes came back, status {done.returncode}: {done.stderr}"])
    who = f'{METHOD} shell {os.getuid()} {{"text":"who"}}\n'.encode()
    tap.result("a_command_knows_who_asks_for_what", expected(p.attach("who"), DONE, who))
    tap.result("what_it_has_written_comes_whatever_its_status", expected(p.attach("fails"), DONE, b"some\n"))

    s = p.connect()
    call = json.dumps({"method": METHOD, "upgrade": True, "parameters": {"text": "copy"}}).encode() + b"\0"
    s.sendall(call + b"glued\0{}\0")
    s.shutdown(socket.SHUT_WR)
    got = everything(s)
    tap.result("V7_bytes_behind_the_call_are_its_first", [] if got == b"{}\0glued\0{}\0" else [repr(got)])


def test_ends(p):
    s = p.connect("store")
    s.recv(3)
    s.sendall(b"x" * 100000)
    s.close()
    whole = p.wait_for(lambda: (p.path / "stored").exists()) and (p.path / "stored").stat().st_size
    tap.result("what_a_peer_had_sent_before_it_left_reaches_the_command", [] if whole == 100000 else [f"{whole} of 100000 bytes"])
    s = p.connect("stays")
    pid = p.pid()
    began = tap.is_running(pid)
    s.close()
    ended = p.wait_for(lambda: not tap.is_running(pid))
    tap.result("V13_a_command_that_stays_is_ended_when_its_peer_has_left_for_so_long",
               [] if began and ended else [f"began {began}, ended {ended}"])
    done = p.attach("leaves")
    tap.result("what_a_command_leaves_in_the_background_holds_no_connection", expected(done, DONE, b"left\n"))
    os.kill(p.pid(), signal.SIGKILL)
    s = p.connect("endless")
    got = len(s.recv(65536))
    s.close()
    tap.result("V13_a_command_that_writes_learns_that_its_peer_has_left",
               [] if got and p.wait_for(lambda: "ended with signal" in p.said()) else [p.said()])
    tap.result("V8_a_call_that_does_not_ask_for_it_is_told",
               expected(p.run("call", "shell", METHOD), ANSWERED, b"", "org.varlink.service.ExpectedUpgrade"))
    status = p.end()
    tap.result("a_service_of_connections_drains_and_ends", [] if status == DONE else [f"{status}: {p.said()}"])


def test_drain():
    p = Place("--drain", "300ms")
    s = p.connect("stays")
    pid = p.pid()
    status = p.end()
    gone = p.wait_for(lambda: not tap.is_running(pid))
    tap.result("V7_draining_waits_no_longer_than_its_time_for_a_connection",
               [] if status == DONE and gone else [f"status {status}, process gone {gone}: {p.said()}"])
    s.close()


def test_limits():
    p = Place("--max", "1")
    s = p.connect("copy")
    got = s.recv(100)
    second = p.connect("copy")
    answer = second.recv(200)
    tap.result("V7_beyond_the_limit_of_processes_none_is_upgraded",
               [] if got == b"{}\0" and b"io.postern.Busy" in answer else [f"{got!r}, then {answer!r}"])
    s.close()
    second.close()
    p.end()


def test_either():
    p = Place(last=("--method", "org.example.shell.Both", "true", "--upgrade", "org.example.shell.Either", "cat"))
    tap.result("a_method_of_both_kinds_is_called", expected(p.run("call", "shell", "org.example.shell.Both"), DONE, b"{}\n"))
    tap.result("V7_and_not_upgraded_by_a_command_that_answers",
               expected(p.run("call", "--upgrade", "shell", "org.example.shell.Both"), ANSWERED, b"", "MethodNotImplemented"))
    done = p.run("call", "--upgrade", "shell", "org.example.shell.Either", stdin=b"abc")
    tap.result("V7_the_other_one_is_upgraded", expected(done, DONE, b"abc"))
    tap.result("V7_and_not_called",
               expected(p.run("call", "shell", "org.example.shell.Either"), ANSWERED, b"", "ExpectedUpgrade"))
    p.end()


def test_start():
    p = Place()
    for what, arguments, error in (
            ("a_method_that_needs_upgrade", ["--method", METHOD, "true"], "--upgrade is for it"),
            ("a_method_that_is_none", ["--upgrade", "org.example.shell.Plain", "true"], "[Requires 'upgrade' flag]"),
            ("an_answer_with_fields", ["--upgrade", "org.example.shell.Strict", "true"], "may not be left out"),
            ("two_commands", ["--upgrade", METHOD, "cat", "--upgrade", METHOD, "cat"], "is there twice"),
            ("no_command", ["--upgrade", METHOD], "needs a method and its command"),
            ("nothing_behind", ["--upgrade", METHOD, "cat", "--method"], "needs a method and its command")):
        done = p.run("serve", "other", "--interface", "shell.varlink", *arguments)
        tap.result(f"a_service_is_not_started_with_{what}", expected(done, USAGE, b"", error))
    p.end()


def main():
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        test_call(directory)
    test_usage()
    place = Place("-v", "--deadline", "500ms")
    test_bytes(place)
    test_ends(place)
    test_drain()
    test_limits()
    test_either()
    test_start()
    tap.done()


signal.alarm(110 * SCALE)
main()
