#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern relay: each fault as both ends see it, by hand and with postern call."""

import os
import pathlib
import select
import signal
import socket
import subprocess
import tempfile
import time

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
PATIENCE = 20 * SCALE
QUIET = 0.1 * SCALE
DONE, ANSWERED, USAGE, IN_USE, IO, TRY_AGAIN = 0, 1, 64, 73, 74, 75
NOW = "org.example.clock.Now"
CLOCK = tap.SOURCE / "tests" / "generate" / "org.example.clock.varlink"
TEXT = b"one\ntwo\nthree\nfour\n"


def read(s, n=0, how="open", most=1 << 30):
    """What comes, n bytes being expected, and how that ends: "end", "reset", or "open" when nothing comes for a while."""
    got = b""
    while len(got) < most:
        if not select.select([s], [], [], PATIENCE if len(got) < n or how != "open" else QUIET)[0]:
            break
        try:
            part = s.recv(min(65536, most - len(got)))
        except ConnectionResetError:
            return got, "reset"
        if not part:
            return got, "end"
        got += part
    return got, "open"


def exactly(s, n):
    return read(s, n, most=n)[0]


def reads(s, got, how="open"):
    """What is wrong with what comes."""
    return same("it got", read(s, len(got), how), (got, how))


class Ends:
    """A relay with a client before it and a server behind it, both by hand."""

    def __init__(self, *options):
        self.directory = tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR"))
        self.path = pathlib.Path(self.directory.name)
        self.log = self.path / "log"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path / "server"))
        self.listener.listen(8)
        self.listener.settimeout(PATIENCE)
        self.at = str(self.path / "relayed")
        with open(self.log, "wb") as log:
            self.relay = subprocess.Popen([POSTERN, "relay", "-v", self.path / "server", "--as", self.at, *options],
                                          stdin=subprocess.DEVNULL, stderr=log)
        self.told("ready ")

    def said(self):
        return self.log.read_text(errors="replace")

    def told(self, text):
        until = time.monotonic() + PATIENCE
        while text not in self.said() and time.monotonic() < until and self.relay.poll() is None:
            time.sleep(0.005)
        return [] if text in self.said() else [f"it did not say {text!r} but {self.said()!r}"]

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(self.at)
        server, _ = self.listener.accept()
        server.settimeout(PATIENCE)
        return client, server

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.relay.terminate()
        status = self.relay.wait(PATIENCE)
        self.listener.close()
        self.directory.cleanup()
        if status:
            tap.result("the_relay_ends_with_0", f"it ended with {status}")


def same(what, got, wanted):
    return [] if got == wanted else [f"{what}: {got!r}, not {wanted!r}"]


def check(name, options, to_client, how_client="open", to_server=TEXT, how_server="open", said=""):
    """Both ends send TEXT; what each of them gets."""
    with Ends(*options) as ends:
        client, server = ends.connect()
        with client, server:
            client.sendall(TEXT)
            server.sendall(TEXT)
            wrong = reads(client, to_client, how_client)
            wrong += reads(server, to_server, how_server)
            tap.result(name, wrong + ends.told(said))


def test_faults():
    check("without_a_fault_all_goes_both_ways", [], TEXT)
    check("a_message_is_dropped", ["--drop", "2"], b"one\nthree\nfour\n", said="to client: message 2 is dropped")
    check("a_message_to_the_server_is_dropped", ["--drop", "2", "--to", "server"], TEXT, to_server=b"one\nthree\nfour\n",
          said="to server: message 2 is dropped")
    check("both_directions_have_the_fault", ["--drop", "2", "--to", "both"], b"one\nthree\nfour\n",
          to_server=b"one\nthree\nfour\n")
    check("a_message_is_sent_twice", ["--duplicate", "3"], b"one\ntwo\nthree\nthree\nfour\n",
          said="message 3 is sent twice")
    check("a_byte_is_garbled", ["--corrupt", "6"], b"one\nt\xf8o\nthree\nfour\n", said="byte 6 is garbled")
    check("half_a_message_and_then_no_more", ["--half", "3", "--then", "stall"], b"one\ntwo\nthr",
          said="3 of the 6 bytes of message 3\n")
    check("half_a_message_and_then_the_end", ["--half", "3"], b"one\ntwo\nthr", "end", how_server="end", said="to client: close\n")
    check("a_half_close_behind_a_message", ["--after", "2", "--then", "half-close"], b"one\ntwo\n", "end",
          said="to client: half-close\n")
    check("it_dies_at_a_byte", ["--at-byte", "7"], b"one\ntw", "end", how_server="end", said="to client: at byte 7: close\n")
    check("it_dies_at_a_byte_to_the_server", ["--at-byte", "7", "--to", "server", "--then", "stall"], TEXT,
          to_server=b"one\ntw")
    check("pieces_lose_nothing", ["--split", "2", "--to", "both"], TEXT, said="writes are of 2 bytes")


def test_reset():
    with Ends("--after", "1", "--then", "reset") as ends:
        client, server = ends.connect()
        with client, server:
            client.sendall(b"ask\n")
            wrong = same("the server got", exactly(server, 4), b"ask\n")
            server.sendall(b"answer\nmore\n")
            wrong += same("the client got", exactly(client, 7), b"answer\n")
            client.sendall(b"next\n")
            wrong += reads(client, b"", "reset")
            tap.result("a_reset_is_one_to_a_peer_that_still_sends", wrong + ends.told("to client: reset\n"))


def test_time():
    for name, options, least in (("a_message_is_late", ["--delay", "300ms"], 0.3), ("two_are_late_in_turn", ["--delay", "300ms"], 0.6),
                                 ("bytes_are_slow", ["--rate", "40"], 0.4), ("pieces_are_apart", ["--split", "1"], 0.0045)):
        text = b"a message of\n20 byte\n" if "two" in name else b"a message of 20 byte\n"
        with Ends(*options) as ends:
            client, server = ends.connect()
            with client, server:
                begun = time.monotonic()
                server.sendall(text)
                got = exactly(client, len(text))
                took = time.monotonic() - begun
                tap.comment(f"{name}: {took * 1000:.0f} ms")
                tap.result(name, same("the client got", got, text) + ([] if took >= least else [f"after {took} s"]))


def test_glue():
    with Ends("--glue", "2") as ends:
        client, server = ends.connect()
        with client, server:
            server.sendall(b"one\ntw")
            wrong = reads(client, b"")
            server.sendall(b"o\nthree\n")
            wrong += reads(client, b"one\ntwo\n")
            server.shutdown(socket.SHUT_WR)
            wrong += reads(client, b"three\n", "end")
            tap.result("messages_wait_for_each_other", wrong)


def test_framing():
    for name, options, sent, wanted in (
            ("nul_if_that_comes_first", [], b"a\0b\nc\0d\0", b"a\0d\0"), ("lines_if_they_do", [], b"a\nb\0c\nd\n", b"a\nd\n"),
            ("lines", ["--framing", "lines"], b"a\0b\nc\nd\n", b"a\0b\nd\n"),
            ("nul", ["--framing", "nul"], b"a\nb\0c\0d\0", b"a\nb\0d\0")):
        with Ends("--drop", "2", *options) as ends:
            client, server = ends.connect()
            with client, server:
                server.sendall(sent)
                tap.result(f"messages_end_with_{name}", reads(client, wanted))


def fill(s):
    """Sends until the other side has taken nothing for a while; how much it took."""
    s.setblocking(False)
    taken = 0
    while select.select([], [s], [], QUIET)[1]:
        try:
            taken += s.send(b"x" * 65536)
        except BlockingIOError:
            continue
    return taken


def test_flow():
    with Ends() as ends:
        client, server = ends.connect()
        with client, server:
            taken = fill(server)
            tap.comment(f"{taken} bytes were taken for a client that reads nothing")
            wrong = [] if taken < 16 << 20 else [f"{taken} bytes were taken"]
            wrong += same("the client got", len(exactly(client, taken)), taken)
            tap.result("what_a_peer_does_not_take_is_not_read", wrong)
    with Ends("--at-byte", "1", "--then", "stall", "--to", "server") as ends:
        client, server = ends.connect()
        with client, server:
            taken = fill(client)
            tap.result("a_stalled_direction_reads_no_more", ([] if taken < 6 << 20 else [f"{taken} bytes"]) +
                       reads(server, b""))


def test_ends():
    with Ends() as ends:
        client, server = ends.connect()
        with client, server:
            client.sendall(b"ask")
            client.shutdown(socket.SHUT_WR)
            wrong = reads(server, b"ask", "end")
            server.sendall(b"answer")
            server.close()
            wrong += reads(client, b"answer", "end")
            tap.result("a_half_close_goes_through", wrong)
        client, server = ends.connect()
        with client, server:
            client.close()
            tap.result("a_client_that_leaves_is_gone_for_the_server", reads(server, b"", "end"))
        client, server = ends.connect()
        with client, server:
            ends.relay.terminate()
            wrong = reads(client, b"", "end")
            wrong += reads(server, b"", "end")
            wrong += same("it ended with", ends.relay.wait(PATIENCE), DONE)
            wrong += ["its name is left"] if os.path.exists(ends.at) else []
            tap.result("SIGTERM_ends_it_and_all_connections", wrong)
    with Ends() as ends:
        ends.listener.close()
        os.unlink(ends.path / "server")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(ends.at)
            tap.result("a_server_that_is_not_there_is_told", reads(client, b"", "end") +
                       ends.told(f"postern relay: {ends.path}/server"))


def test_count():
    with Ends("--drop", "1", "--count", "1") as ends:
        wrong = []
        for wanted in (b"two\nthree\nfour\n", TEXT):
            client, server = ends.connect()
            with client, server:
                server.sendall(TEXT)
                wrong += reads(client, wanted)
        tap.result("later_connections_have_no_fault", wrong)


def test_random():
    """Seeds whose first connection is known: a half and an end, a drop on the other way, a message twice in pieces."""
    wrong = []
    half, drop, twice = TEXT[:6], TEXT[4:], TEXT[:4] + TEXT
    for seed, faults, client_gets, how, server_gets in (
            ("3", "--to client --half 2 --then close", half, "end", TEXT),
            ("7", "--to server --rate 20500 --drop 1", TEXT, "open", drop),
            ("12", "--to client --split 4 --duplicate 1", twice, "open", TEXT)):
        for options in (["--random", seed], faults.split()):
            with Ends(*options) as ends:
                client, server = ends.connect()
                with client, server:
                    client.sendall(TEXT)
                    server.sendall(TEXT)
                    wrong += [f"{options}: {what}" for what in reads(client, client_gets, how) + reads(server, server_gets, how)]
                    if options[0] == "--random":
                        wrong += ends.told(f"connection 1: {faults}\n")
    tap.result("a_seed_repeats_itself_and_so_do_the_options_that_it_prints", wrong)


def test_usage():
    for what, arguments, error in (
            ("no_name", ["--as", "x"], "missing NAME"), ("no_other_name", ["x"], "missing --as TEST"),
            ("the_same_name", ["x", "--as", "x"], "another name"),
            ("two_ends", ["x", "--as", "y", "--half", "1", "--after", "1"], "exclude each other"),
            ("an_end_without_a_place", ["x", "--as", "y", "--then", "stall"], "to say when"),
            ("chosen_and_random_faults", ["x", "--as", "y", "--random", "1", "--drop", "1"], "leave out the others"),
            ("an_unknown_direction", ["x", "--as", "y", "--to", "me"], "--to: 'me' is unknown"),
            ("an_unknown_end", ["x", "--as", "y", "--half", "1", "--then", "die"], "--then: 'die' is unknown"),
            ("a_delay_without_end", ["x", "--as", "y", "--delay", "forever"], "--half 1 --then stall"),
            ("message_0", ["x", "--as", "y", "--drop", "0"], "too small")):
        done = subprocess.run([POSTERN, "relay", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE)
        tap.result(f"{what}_is_refused", same("the status is", done.returncode, USAGE) +
                   ([] if error in done.stderr and done.stderr.count("\n") == 1 else [f"it said {done.stderr!r}"]))
    with Ends() as ends:
        done = subprocess.run([POSTERN, "relay", "x", "--as", ends.at], capture_output=True, text=True, check=False,
                              timeout=PATIENCE)
        tap.result("a_name_in_use_is_told", same("the status is", done.returncode, IN_USE))


def test_call():
    """A service of Postern's, and a caller of it, with each of them between."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as directory:
        env = dict(os.environ, POSTERN_DIR=directory)

        def start(*arguments):
            p = subprocess.Popen([POSTERN, *map(str, arguments)], env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if not p.stderr.readline().startswith("ready "):
                tap.result("it_starts", f"{arguments} is not ready")
            return p

        service = start("serve", "clock", "--interface", CLOCK, "--method", NOW, "echo", '{"time":"12:00"}')
        for options, status in (
                (["--delay", "50ms"], DONE), (["--split", "1", "--to", "both"], DONE), (["--rate", "500"], DONE),
                (["--duplicate", "1"], DONE), (["--after", "1", "--then", "half-close"], DONE), (["--after", "1"], DONE),
                (["--drop", "1"], TRY_AGAIN), (["--drop", "1", "--to", "server"], TRY_AGAIN), (["--glue", "2"], TRY_AGAIN),
                (["--half", "1", "--then", "stall"], TRY_AGAIN), (["--half", "1"], IO),
                (["--half", "1", "--then", "half-close"], IO), (["--corrupt", "4"], IO),
                (["--corrupt", "4", "--to", "server"], IO), (["--at-byte", "1"], IO), (["--half", "1", "--to", "server"], IO)):
            relay = start("relay", "clock", "--as", "test", *options)
            begun = time.monotonic()
            done = subprocess.run([POSTERN, "call", "test", NOW, "--deadline", f"{1 * SCALE}s"], env=env, capture_output=True,
                                  text=True, check=False, timeout=PATIENCE)
            took = time.monotonic() - begun
            relay.send_signal(signal.SIGTERM)
            wrong = same("the status is", done.returncode, status) + same("the relay's is", relay.wait(PATIENCE), DONE)
            wrong += same("it printed", done.stdout, '{"time":"12:00"}\n' if status == DONE else "")
            wrong += [] if took < 10 * SCALE else [f"it took {took} s"]
            wrong += [done.stderr] if wrong else []
            relay.stderr.close()
            tap.result(f"a_call_ends_with_{status}: {' '.join(options)}", wrong)
        service.terminate()
        tap.result("the_service_has_survived_them", same("its status is", service.wait(PATIENCE), DONE))
        service.stderr.close()


test_faults()
test_reset()
test_time()
test_glue()
test_framing()
test_flow()
test_ends()
test_count()
test_random()
test_usage()
test_call()
tap.done()
