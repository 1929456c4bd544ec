#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A process of --exec that cannot be started, and system calls that are denied: what the client and the user learn."""

import contextlib
import errno
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import deny
import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
NO_INPUT = subprocess.DEVNULL
RESET, TRY_AGAIN, NOT_ALLOWED, NO_PROGRAM = 74, 75, 77, 127


class Place:
    """A directory of names, and a program of our own that answers."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.names = self.directory / "names"
        self.names.mkdir()
        self.log = self.directory / "log"
        self.program = self.directory / "answer"
        shutil.copy(shutil.which("cat"), self.program)
        self.environment = dict(os.environ, POSTERN_DIR=str(self.names))
        self.server = None

    def serve(self, *arguments, denied=None, ignored=None, umask=None, below=()):
        """Starts it; True: it is ready. Else it has ended."""

        def prepare():
            if umask is not None:
                os.umask(umask)
            if ignored:
                signal.signal(ignored, signal.SIG_IGN)
            if denied:
                deny.deny(*denied)

        environment = dict(self.environment)
        if denied:
            # LeakSanitizer needs a process of its own to look for leaks.
            environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        with open(self.log, "wb") as log:
            self.server = subprocess.Popen([*below, POSTERN, "serve", "clock", *arguments], stdin=NO_INPUT, stderr=log,
                                           env=environment, preexec_fn=prepare)
        while self.server.poll() is None:
            if "ready " in self.log.read_text():
                return True
            time.sleep(0.02)
        return False

    def connect(self, *arguments, text=None, **options):
        """A client that runs; its stdin ends after text."""
        client = subprocess.Popen([POSTERN, "connect", "clock", *arguments], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, text=True,
                                  **options)
        client.began = time.monotonic()
        client.stdin.write(text or "")
        client.stdin.close()
        client.stdin = None
        return client

    def end(self):
        """Sends SIGTERM; what is wrong with its end."""
        self.server.terminate()
        try:
            status = self.server.wait(10 * SCALE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
            return ["SIGTERM did not end the server"]
        return [] if status == 0 else [f"the server ended with {status}"]


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        it = Place(directory)
        try:
            yield it
        finally:
            if it.server and it.server.poll() is None:
                it.server.kill()
                it.server.wait()


def ended(client, status, output, longest):
    """What is wrong with how a client ended."""
    try:
        out, err = client.communicate(timeout=60 * SCALE)
    except subprocess.TimeoutExpired:
        client.kill()
        client.wait()
        return ["the client did not end"]
    seconds = time.monotonic() - client.began
    tap.comment(f"ended with {client.returncode} after {seconds:.2f} s: {err.strip()}")
    wrong = [] if client.returncode == status else [f"status {client.returncode}, not {status}"]
    if out != output:
        wrong.append(f"got {len(out)} characters, {out[:80]!r}, not {len(output)}, {output[:80]!r}")
    if seconds > longest * SCALE:
        wrong.append(f"took {seconds:.2f} s")
    return wrong


def best(attempt):
    """What is wrong with all of five attempts: the machine has other things to do."""
    return min((attempt() for _ in range(5)), key=len)


def writing(program):
    """Opens a program for writing, which nobody can execute meanwhile, once the last process of it has gone."""
    for _ in range(500 * SCALE):
        with contextlib.suppress(OSError):
            return open(program, "r+b")
        time.sleep(0.02)
    return open(program, "r+b")


def test_removed():
    with place() as it:
        greeting = it.directory / "greeting"
        greeting.write_text("!")
        it.serve("--exec", str(it.program), "-", str(greeting))
        tap.result("a_program_that_is_there_answers", ended(it.connect(text="question"), 0, "question!", 5))
        kept = it.program.rename(it.directory / "kept")
        tap.result("when_it_was_removed_a_client_that_asks_is_reset_at_once",
                   best(lambda: ended(it.connect(text="question"), RESET, "", 1.5)))
        tap.result("and_one_that_says_nothing_is_not_told_that_all_is_done",
                   ended(it.connect("--idle", "1s"), TRY_AGAIN, "", 8))
        silent = it.connect("--idle", "30s")
        time.sleep(0.3)
        kept.rename(it.program)
        tap.result("and_it_is_served_when_the_program_is_there_again", ended(silent, 0, "!", 10))
        tap.result("as_is_the_next_one", ended(it.connect(text="question"), 0, "question!", 5))
        said = [line for line in it.log.read_text().splitlines() if "cannot start" in line]
        tap.result("the_server_says_what_it_could_not_start",
                   [] if said and all(str(it.program) in s and "No such file" in s for s in said) else said or "nothing")
        tap.result("and_ends_with_0", it.end())


def test_busy():
    with place() as it:
        it.serve("--exec", str(it.program))
        with writing(it.program):
            first, second = it.connect(text="first"), it.connect(text="second")
            time.sleep(0.6)
            wrong = [f"client {i} has ended" for i, c in enumerate((first, second)) if c.poll() is not None]
        tap.result("trouble_that_passes_lets_clients_wait", wrong)
        tap.result("and_they_are_served_after_it", ended(first, 0, "first", 10) + ended(second, 0, "second", 10))
        with writing(it.program):
            tap.result("one_that_lasts_resets_the_client", ended(it.connect(text="question"), RESET, "", 8))
        tap.result("and_the_server_goes_on", ended(it.connect(text="question"), 0, "question", 10) + it.end())


def test_waiting_at_the_end():
    with place() as it:
        it.serve("--exec", str(it.program))
        with writing(it.program):
            client = it.connect(text="question")
            time.sleep(0.3)
            tap.result("sigterm_ends_a_server_whose_clients_wait_for_a_process", it.end())
            tap.result("and_they_are_reset", ended(client, RESET, "", 8))


def test_no_process():
    with place() as it:
        if deny.possible():
            tap.skip("a_server_that_cannot_fork_resets_its_client", deny.possible())
            return
        ready = it.serve("--exec", str(it.program), denied=(errno.EAGAIN, "clone", "clone3", "vfork", "fork"))
        wrong = [] if ready and "no process can be started now" in it.log.read_text() else [it.log.read_text()]
        tap.result("a_server_that_cannot_fork_says_so_before_it_is_ready", wrong)
        tap.result("and_resets_a_client_that_asks", ended(it.connect(text="question"), RESET, "", 8))
        tap.result("and_leaves_one_without_an_answer_that_says_nothing",
                   ended(it.connect("--idle", "1s"), TRY_AGAIN, "", 8) + it.end())


def test_denied():
    for name, words, error, calls in (
            ("processes_that_cannot_be_watched_are_refused_before_ready", "pidfd_open()", errno.EPERM, ["pidfd_open"]),
            ("and_those_whose_end_cannot_be_told", "waitid()", errno.ENOSYS, ["waitid"]),
            ("and_those_that_cannot_be_made", "clone()", errno.EPERM, ["clone", "clone3", "vfork", "fork"])):
        if deny.possible():
            tap.skip(name, deny.possible())
            continue
        with place() as it:
            ready = it.serve("--exec", str(it.program), denied=(error, *calls))
            text = it.log.read_text()
            wrong = [] if not ready and it.server.returncode == NOT_ALLOWED else [f"status {it.server.returncode}"]
            if words not in text or len(text.splitlines()) != 1 or any(it.names.iterdir()):
                wrong.append(text)
            tap.result(name, wrong)


def test_poll_denied():
    name = "without_poll_an_echo_is_served_and_fetched"
    if deny.possible():
        tap.skip(name, deny.possible())
        return
    denied = (errno.EPERM, "poll", "ppoll")
    with place() as it:
        it.serve("--echo", "--verbose", denied=denied)
        client = it.connect(text="question" * 10000, preexec_fn=lambda: deny.deny(*denied))
        tap.result(name, ended(client, 0, "question" * 10000, 5) + it.end())


def test_sigchld():
    with place() as it:
        it.serve("--verbose", "--exec", "/bin/sh", "-c", "exit 3", ignored=signal.SIGCHLD)
        wrong = ended(it.connect(), 0, "", 5)
        end = time.monotonic() + 5 * SCALE
        while "ended with status 3" not in it.log.read_text() and time.monotonic() < end:
            time.sleep(0.02)
        if "ended with status 3" not in it.log.read_text():
            wrong.append(it.log.read_text())
        tap.result("sigchld_that_was_ignored_from_the_start_hides_no_status", wrong + it.end())


def test_words():
    """Set-up that fails says which call it was, and what to do where there is something."""
    for name, words, denied in (
            ("a_chmod_that_is_refused_is_told_with_a_way_out", ("chmod: ", "another umask"), (errno.EPERM, "fchmodat")),
            ("one_that_the_file_system_does_not_have", ("the file system does not", "umask"),
             (errno.EOPNOTSUPP, "fchmodat")),
            ("signals_that_cannot_be_watched_are_told", ("signalfd()",), (errno.EPERM, "signalfd4")),
            ("a_loop_that_cannot_be_made_is_told", ("epoll_create()",), (errno.EPERM, "epoll_create1"))):
        if deny.possible():
            tap.skip(name, deny.possible())
            continue
        with place() as it:
            os.chmod(it.directory, 0o755)
            ready = it.serve("--echo", "--access", "0644", denied=denied, umask=0o077)
            text = it.log.read_text()
            wrong = [text] if ready or len(text.splitlines()) != 1 or not all(word in text for word in words) else []
            tap.result(name, wrong)


def test_namespace():
    name = "a_peer_in_a_foreign_pid_namespace_has_no_pid"
    below = ["unshare", "--pid", "--fork", "--kill-child"]
    if not shutil.which("unshare") or subprocess.run([*below, "true"], capture_output=True).returncode:
        tap.skip(name, "no pid namespace can be made here")
        return
    with place() as it:
        it.serve("--verbose", "--exec", "/bin/sh", "-c", "echo $POSTERN_PEER_PID", below=below)
        wrong = ended(it.connect(), 0, "0\n", 5)
        if "pid ? (foreign pid namespace)" not in it.log.read_text():
            wrong.append(it.log.read_text())
        # unshare ignores SIGTERM, and takes the server with it when it is killed.
        it.server.kill()
        it.server.wait()
        tap.result(name, wrong)


def test_interpreter():
    with place() as it:
        it.program.write_text("#! /no/such/interpreter -x\n")
        ready = it.serve("--exec", str(it.program))
        text = it.log.read_text()
        wrong = [] if not ready and it.server.returncode == NO_PROGRAM else [f"status {it.server.returncode}"]
        tap.result("a_script_without_its_interpreter_is_refused_before_ready",
                   wrong + ([] if "its interpreter /no/such/interpreter" in text else [text]))


test_removed()
test_busy()
test_waiting_at_the_end()
test_no_process()
test_denied()
test_poll_denied()
test_sigchld()
test_words()
test_namespace()
test_interpreter()
tap.done()
