#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody's stderr stops the command: whatever stderr is and does, a server serves and SIGTERM ends it."""

import contextlib
import fcntl
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import tempfile
import termios
import time

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
PATIENCE = 20 * SCALE
LOST = re.compile(r"postern: (\d+) messages? (?:is|are) missing here, because stderr did not take (?:it|them)\n")
# Each is two lines: several times what the smallest pipe, a terminal and the smallest socket hold.
CLIENTS = 200


class Server:
    """postern serve --verbose, with this stderr. What it prints at the start is read by whoever holds the other end."""

    def __init__(self, directory, stderr, **options):
        self.path = os.path.join(directory, "clock", "sock")
        environment = dict(os.environ, POSTERN_DIR=directory)
        self.process = subprocess.Popen(
            [POSTERN, "serve", "--verbose", "clock", "--echo"], stderr=stderr, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env=environment, **options)
        end = time.monotonic() + PATIENCE
        while not self.ask() and time.monotonic() < end:
            time.sleep(0.01)

    def ask(self):
        """True: an answer, in time."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(self.path)
            client.sendall(b"hi")
            return client.recv(2) == b"hi"
        return False

    def answers(self, n):
        for i in range(n):
            if not self.ask():
                return [f"client {i} of {n} has no answer"]
        return []

    def terminate(self):
        """Sends SIGTERM; what is wrong with its end."""
        began = time.monotonic()
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return [f"SIGTERM did not end it within {PATIENCE} s"]
        tap.comment(f"ended {1000 * (time.monotonic() - began):.0f} ms after SIGTERM")
        return [] if status == 0 else [f"ended with {status}, not 0"]


@contextlib.contextmanager
def served(stderr, **options):
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        server = Server(directory, stderr, **options)
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()


def read_all(fd, seconds, until=lambda text: False):
    """What comes until that is all, or nothing has come for so long."""
    data = b""
    while not until(data.decode(errors="replace")) and select.select([fd], [], [], seconds)[0]:
        try:
            part = os.read(fd, 65536)
        except OSError:  # a terminal without a slave
            break
        if not part:
            break
        data += part
    return data.decode()


def flags_kept(fd):
    return ["O_NONBLOCK was set on what others share"] if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK else []


def told(clients, ready=1):
    """The lines that came and those said to be missing are all that there were: nothing is waited for after that."""
    def is_all(text):
        lost = sum(int(n) for n in LOST.findall(text.replace("\r\n", "\n")))
        whole = LOST.sub("", text.replace("\r\n", "\n"))
        return lost > 0 and whole.endswith("\n") and len(whole.splitlines()) + lost >= ready + 2 * clients
    return is_all


def accounted(text, clients):
    """Lines that came and lines that are said to be missing are all that there were: 'ready', and two a client."""
    lost = sum(int(n) for n in LOST.findall(text))
    came = len(LOST.sub("", text).splitlines())
    tap.comment(f"{came} lines came, {lost} are said to be missing")
    wrong = [] if lost else ["no line is said to be missing"]
    if came + lost != 1 + 2 * clients:
        wrong.append(f"{came} + {lost} is not {1 + 2 * clients}")
    broken = [line for line in text.splitlines() if not re.match(r"ready |postern(:| serve: clock: uid) ", line)]
    return wrong + [f"a line is broken: {line!r}" for line in broken[:3]]


def small_pipe():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    return reader, writer


def test_pipe():
    reader, writer = small_pipe()
    with served(writer) as server:
        wrong = server.answers(CLIENTS - 1) + flags_kept(writer)
        tap.result("a_pipe_that_nobody_reads_does_not_stop_a_server", wrong)
        os.close(writer)
        # Nobody connects any more: the count comes by itself.
        text = read_all(reader, PATIENCE, told(CLIENTS))
        tap.result("what_was_dropped_is_counted_and_told_when_there_is_room", accounted(text, CLIENTS))
        tap.result("and_later_messages_come_again",
                   server.answers(1) or ([] if "connected" in read_all(reader, PATIENCE, lambda text: "connected" in text) else ["nothing came"]))
        tap.result("and_sigterm_ends_it", server.terminate())
    os.close(reader)


def test_pipe_at_the_end():
    reader, writer = small_pipe()
    with served(writer) as server:
        wrong = server.answers(CLIENTS)
        tap.result("sigterm_ends_a_server_whose_stderr_is_a_full_pipe", wrong + server.terminate())
    os.close(writer)
    os.close(reader)


def test_terminal():
    master, slave = pty.openpty()
    with served(slave) as server:
        # A line that Ctrl-S cuts before its end would be one that came and one that is missing.
        text = read_all(master, PATIENCE, lambda text: text.count("\n") >= 3)
        termios.tcflow(slave, termios.TCOOFF)
        tap.result("ctrl_s_does_not_stop_a_server", server.answers(200) + flags_kept(slave))
        termios.tcflow(slave, termios.TCOON)
        text = (text + read_all(master, PATIENCE, told(200, 0))).replace("\r\n", "\n")
        tap.result("after_ctrl_q_the_count_is_told", accounted(text, 201))
        termios.tcflow(slave, termios.TCOOFF)
        tap.result("ctrl_s_does_not_keep_sigterm_away", server.terminate())
        termios.tcflow(slave, termios.TCOON)
    os.close(slave)
    os.close(master)


def test_terminal_unread():
    master, slave = pty.openpty()
    with served(slave) as server:
        tap.result("a_terminal_that_nobody_reads_does_not_stop_a_server", server.answers(CLIENTS))
        tap.result("nor_keep_sigterm_away", server.terminate())
    os.close(slave)
    os.close(master)


def test_socket():
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    with served(theirs) as server:
        wrong = server.answers(CLIENTS - 1) + flags_kept(theirs.fileno())
        theirs.close()
        text = read_all(ours.fileno(), PATIENCE, told(CLIENTS))
        tap.result("a_socket_that_nobody_reads_does_not_stop_a_server", wrong + accounted(text, CLIENTS))
        ours.close()
        tap.result("nor_does_one_whose_peer_has_gone", server.answers(20) + server.terminate())


def test_gone():
    reader, writer = os.pipe()
    with served(writer) as server:
        os.close(writer)
        os.close(reader)
        tap.result("a_reader_that_has_gone_does_not_end_a_server", server.answers(50) + server.terminate())
    with served(subprocess.DEVNULL, preexec_fn=lambda: os.close(2)) as server:
        tap.result("a_closed_stderr_does_not_end_a_server", server.answers(50) + server.terminate())


def test_files():
    if os.access("/dev/full", os.W_OK):
        with open("/dev/full", "wb", buffering=0) as full, served(full) as server:
            tap.result("a_full_disk_does_not_end_a_server", server.answers(50) + server.terminate())
    limit = 400

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

    with tempfile.TemporaryFile() as log, served(log, preexec_fn=limited) as server:
        wrong = server.answers(50) + server.terminate()
        size = os.fstat(log.fileno()).st_size
        tap.result("a_log_at_its_limit_does_not_end_a_server",
                   wrong + ([] if size == limit else [f"the log has {size} bytes, not {limit}"]))


def test_another_writer():
    """Others write to the same pipe, so that it may fill between the look and the write."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    flood = subprocess.Popen(["/bin/sh", "-c", "while :; do echo noise; done >&2"], stderr=writer)
    with served(writer) as server:
        wrong = []
        for _ in range(100):
            os.read(reader, 700)
            wrong = wrong or server.answers(5)
        tap.result("others_that_flood_the_same_pipe_do_not_stop_a_server", wrong + server.terminate())
    flood.kill()
    flood.wait()
    os.close(writer)
    os.close(reader)


def test_blocked_signals():
    """Whoever started it may have blocked and ignored all signals, and allowed none to be pending."""

    def hostile():
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
        resource.setrlimit(resource.RLIMIT_SIGPENDING, (0, 0))

    master, slave = pty.openpty()
    with served(slave, preexec_fn=hostile) as server:
        tap.result("nor_do_signals_that_are_blocked_and_ignored_from_the_start",
                   server.answers(CLIENTS) + server.terminate())
    os.close(slave)
    os.close(master)


def test_verbs():
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETFL, os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    fcntl.fcntl(writer, fcntl.F_SETFL, 0)
    wrong = []
    for status, arguments in ((69, ["connect", "nobody", "--verbose", "--deadline", "200ms"]),
                              (69, ["wait", "nobody", "--verbose", "--deadline", "200ms"]), (64, ["ls", "--wrong"]),
                              (64, ["serve", "x"]), (64, ["frobnicate"]), (64, [])):
        try:
            ran = subprocess.run([POSTERN, *arguments], stderr=writer, stdin=subprocess.DEVNULL, timeout=PATIENCE)
            if ran.returncode != status:
                wrong.append(f"{arguments} ended with {ran.returncode}, not {status}")
        except subprocess.TimeoutExpired:
            wrong.append(f"{arguments} did not end")
    tap.result("no_verb_waits_for_a_full_stderr", wrong)
    os.close(writer)
    os.close(reader)


test_pipe()
test_pipe_at_the_end()
test_terminal()
test_terminal_unread()
test_socket()
test_gone()
test_files()
test_another_writer()
test_blocked_signals()
test_verbs()
tap.done()
