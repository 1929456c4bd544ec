#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/store: each method by its own client and by the command, what it refuses, who leaves, and how many lines that takes."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import tap

POSTERN = os.environ.get("POSTERN_COMMAND", str(tap.BUILD / "postern"))
SCALE = int(os.environ.get("TEST_SCALE", "1"))
BUILT = tap.BUILD / "examples" / "store"
SOURCES = tap.SOURCE / "examples" / "store"
# What a store may take, without blank lines and comments.
LINES_MAX = {"store-service.c": 150, "store-client.c": 60}
KEYS_MAX, VALUE_MAX = 256, 16384
RESIDENT_MAX_KIB = 64 * 1024


def lines_of(name):
    text = re.sub(r"/\*.*?\*/", "", (SOURCES / name).read_text(), flags=re.S)
    return sum(1 for line in text.splitlines() if line.strip())


def test_lines():
    wrong = []
    for name, most in LINES_MAX.items():
        lines = lines_of(name)
        tap.comment(f"{name}: {lines} lines without blank ones and comments, of {most}")
        if not 20 < lines <= most:
            wrong.append(f"{name} has {lines} lines, not 21 to {most}")
    said = re.search(r"in (\d+) lines of C, and a client of all its methods in (\d+) ", (tap.SOURCE / "docs/SERVICES.md").read_text())
    wrong += is_wrong((list(map(int, said.groups())), [lines_of(name) for name in LINES_MAX]))
    tap.result("the_store_has_150_lines_and_its_client_60_at_most", wrong)


def run(*words, stdin=subprocess.DEVNULL, fds=()):
    done = subprocess.run(words, stdin=stdin, capture_output=True, text=True, timeout=30 * SCALE, check=False, pass_fds=fds)
    return f"{done.returncode} {done.stdout}{done.stderr}"


def client(*words):
    return run(str(BUILT / "store-client"), "store", *words)


def call(method, parameters="{}", *options, fds=()):
    return run(POSTERN, "call", *options, "store", "org.example.store." + method, parameters, fds=fds)


def is_wrong(*pairs):
    return [f"it is {got!r}, not {wanted!r}" for got, wanted in pairs if got != wanted]


def until(condition, seconds=10):
    end = time.monotonic() + seconds * SCALE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Peer:
    """One connection by hand, on which many calls are sent before an answer is read."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20 * SCALE)
        self.socket.connect(path)
        self.rest = b""

    def send(self, method, parameters, fds=(), **flags):
        message = {"method": "org.example.store." + method, "parameters": parameters, **flags}
        socket.send_fds(self.socket, [json.dumps(message).encode() + b"\0"], fds)

    def answer(self):
        while b"\0" not in self.rest:
            part = self.socket.recv(65536)
            if not part:
                return None
            self.rest += part
        answer, self.rest = self.rest.split(b"\0", 1)
        return json.loads(answer)

    def ask(self, *words, **flags):
        self.send(*words, **flags)
        return self.answer()


def test_by_client_and_command():
    missing = "1 store-client: the service answered with org.example.store.NotFound\n"
    tap.result("its_client_sets_gets_and_deletes", is_wrong(
        (client("set", "greeting", "good day"), "0 "), (client("get", "greeting"), "0 good day\n"),
        (client("set", "greeting", "hello"), "0 "), (client("get", "greeting"), "0 hello\n"),
        (client("delete", "greeting"), "0 "), (client("get", "greeting"), missing), (client("delete", "greeting"), missing)))
    key = '{"key":"greeting"}'
    missing = f"1 postern call: store: org.example.store.NotFound: {key}\n"
    tap.result("so_does_the_command", is_wrong(
        (call("Set", '{"key":"greeting","value":"good day"}'), "0 {}\n"), (call("Get", key), '0 {"value":"good day"}\n'),
        (call("Delete", key), "0 {}\n"), (call("Get", key), missing), (call("Delete", key), missing)))


def test_expiry():
    client("set", "short", "life", "200")
    kept = client("set", "long", "life", "200"), client("set", "long", "life")
    before = client("get", "short")
    gone = until(lambda: client("get", "short").startswith("1 "))
    time.sleep(0.1)
    tap.result("a_value_expires_and_one_that_was_set_again_does_not",
               is_wrong((kept, ("0 ", "0 ")), (gone, True), (client("get", "long"), "0 life\n")) +
               ([] if before in ("0 life\n", client("get", "short")) else f"it was {before!r}"))
    client("delete", "long")


def test_watch(directory):
    watchers = [directory / f"watch.{i}" for i in range(2)]
    client("set", "first", "1")
    running = [subprocess.Popen([BUILT / "store-client", "store", "watch"], stdout=path.open("w")) for path in watchers]
    begun = until(lambda: all(path.read_text() for path in watchers))
    one = subprocess.Popen([POSTERN, "call", "--more", "store", "org.example.store.Watch"], stdout=subprocess.PIPE, text=True)
    line = one.stdout.readline()
    client("set", "second", "2", "100")
    client("delete", "first")
    wanted = "first=1\nsecond=2\n"
    all_of_it = until(lambda: all(path.read_text().count("\n") == 4 for path in watchers))
    for process in [*running, one]:
        process.kill()
        process.wait()
    one.stdout.close()
    seen = {path.read_text() for path in watchers}
    # What expires may do so before or after the deletion.
    either = {wanted + "first=\nsecond=\n", wanted + "second=\nfirst=\n"}
    tap.result("two_watchers_see_the_last_change_and_each_that_follows",
               is_wrong((begun, True), (all_of_it, True), (len(seen), 1), (line, '{"key":"first","value":"1"}\n')) +
               ([] if seen <= either else f"they saw {seen}"))


def test_files(path):
    value = "as a file " * 1000
    by_client = client("import", "file", value), client("open", "file"), client("get", "file")
    tap.result("a_value_comes_and_goes_as_a_file", is_wrong((by_client, ("0 ", "0 " + value, f"0 {value}\n"))))
    tap.result("the_command_prints_the_answer_beside_which_a_file_came", is_wrong(
        (call("Open", '{"key":"file"}'), '0 {"fileDescriptor":0}\n'
         "postern call: store: descriptor 0 came with the answer: /memfd:value (deleted)\n"),
        (client("get", "file"), f"0 {value}\n")))
    with open(os.memfd_create("typed"), "w+", encoding="utf-8") as memory:
        memory.write("by hand")
        memory.flush()
        fd = memory.fileno()
        # The second one is the one that is named.
        done = call("Import", '{"key":"hand","fileDescriptor":1}', "--fd", "0", "--fd", str(fd), fds=[fd])
    tap.result("the_command_passes_descriptors_with_a_call", is_wrong(
        (done, "0 {}\n"), (client("get", "hand"), "0 by hand\n")))
    client("delete", "hand")
    refused = [call("Import", "{}", "--fd", wrong) for wrong in ("99", "x", "-1")]
    many = call("Import", "{}", *["--fd", "0"] * 17)
    tap.result("what_is_no_descriptor_is_refused_before_anything_is_sent", is_wrong(
        *((text[:3], "64 ") for text in (*refused, many)), ("is not open" in refused[0], True), ("is not a number" in refused[1], True),
        ("one too many" in many, True)))
    ends = os.pipe()
    peer = Peer(path)
    invalid = {"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "fileDescriptor"}}
    parameters = {"key": "bad", "fileDescriptor": 0}
    with tempfile.TemporaryFile() as file, open(os.memfd_create("bytes"), "wb") as memory:
        memory.write(b"\xff\xfe")
        memory.flush()
        answers = [peer.ask("Import", parameters, [ends[0]]), peer.ask("Import", parameters, [file.fileno()]),
                   peer.ask("Import", parameters), peer.ask("Import", {"key": "bad", "fileDescriptor": 7}, [ends[1]])]
        not_text = peer.ask("Import", parameters, [memory.fileno()])
        memory.write(b"x" * VALUE_MAX)
        memory.flush()
        too_long = peer.ask("Import", parameters, [memory.fileno()])
    for fd in ends:
        os.close(fd)
    bad_value = {"error": "org.varlink.service.InvalidParameter", "parameters": {"parameter": "value"}}
    tap.result("what_is_no_file_in_memory_or_no_text_is_refused_and_nothing_is_kept", is_wrong(
        *((answer, invalid) for answer in answers), (not_text, bad_value), (too_long, bad_value),
        (client("get", "bad")[0], "1")))


def test_dump():
    client("set", "lines", "one\ntwo")
    client("set", "empty", "")
    client("delete", "file")
    wanted = {"lines 7\none\ntwo\n", "empty 0\n\n"}
    dumps = client("dump"), call("Dump", "{}", "--upgrade")
    tap.result("a_dump_is_the_connection_itself", is_wrong((dumps[0], dumps[1])) + [
        f"{piece!r} is not in {dumps[0]!r}" for piece in wanted if piece not in dumps[0]] + is_wrong(
            (len(dumps[0]), 2 + sum(map(len, wanted)))))


def fill(path):
    """All that it takes, and more."""
    peer = Peer(path)
    value = "\x01" * VALUE_MAX
    answers = [peer.ask("Set", {"key": f"key {i}".replace(" ", "-"), "value": value}) for i in range(KEYS_MAX + 20)]
    return [answer.get("error", "stored") for answer in answers]


def test_limits(path, pid):
    invalid = "1 postern call: store: org.varlink.service.InvalidParameter: "
    pairs = []
    for key, value, expires, field in [("", "x", 0, "key"), ("k" * 129, "x", 0, "key"), ("a b", "x", 0, "key"), ("a\nb", "x", 0, "key"),
                                       ("k", "x" * (VALUE_MAX + 1), 0, "value"), ("k", "x", -1, "expires"),
                                       ("k", "x", 2**62, "expires")]:
        got = call("Set", json.dumps({"key": key, "value": value, "expires": expires}))
        pairs.append((got, f'{invalid}{{"parameter":"{field}"}}\n'))
    pairs.append((client("set", "k" * 128, "x" * VALUE_MAX), "0 "))
    tap.result("keys_values_and_times_beyond_their_limits_are_refused", is_wrong(*pairs))
    answers = fill(path)
    stored = answers.count("stored")
    resident = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])
    tap.comment(f"{stored} values of 16 KiB were stored, {answers.count('org.example.store.Full')} refused; {resident} KiB resident")
    full = is_wrong((stored + answers.count("org.example.store.Full"), len(answers)), (answers[-1], "org.example.store.Full"),
                    (client("get", "lines"), "0 one\ntwo\n"), (client("set", "lines", "again"), "0 "))
    if stored > KEYS_MAX:
        full.append(f"{stored} were stored")
    if resident > RESIDENT_MAX_KIB and "san" not in tap.BUILD.name:
        full.append(f"{resident} KiB are resident")
    tap.result("a_full_store_says_so_and_still_answers", full)
    dump = client("dump")
    tap.result("a_dump_of_a_full_store_is_whole", is_wrong(
        (len(dump), 2 + sum(len(f"{head} {size}\n") + size + 1 for head, size in
                            re.findall(r"(?a:^)([^ \n]+) (\d+)$", dump[2:], flags=re.M) for size in [int(size)])),
        (dump.count(f" {VALUE_MAX}\n"), stored + 1)))


def test_those_who_leave(path, pid):
    def descriptors():
        return len(os.listdir(f"/proc/{pid}/fd"))

    settled = until(lambda: descriptors() == descriptors_at_start)
    tap.comment(f"{descriptors_at_start} descriptors at the start, {descriptors()} now")
    tap.result("no_descriptor_is_left", [] if settled else f"{descriptors()} are open")
    watchers = [subprocess.Popen([BUILT / "store-client", "store", "watch"], stdout=subprocess.PIPE) for _ in range(5)]
    for watcher in watchers:
        watcher.stdout.readline()
    # Half a dump, and a watcher that never reads.
    for method, flag in [("Dump", "upgrade"), ("Watch", "more")]:
        peer = Peer(path)
        peer.ask(method, {}, **{flag: True})
        if flag == "upgrade":
            peer.socket.close()
        else:
            slow = peer
    for watcher in watchers:
        watcher.kill()
        watcher.wait()
        watcher.stdout.close()
    writer = Peer(path)
    calls = [{"key": "lines", "value": str(i) * 300} for i in range(3000)]
    answers = {json.dumps(writer.ask("Set", parameters)) for parameters in calls}
    seen = 0
    while not (end := slow.answer().get("error")):
        seen += 1
    tap.comment(f"it had {seen} of {len(calls)} changes, then {end}")
    tap.result("a_watcher_that_does_not_read_is_told_so_and_delays_nobody", is_wrong(
        (answers, {"{}"}), (end, "io.postern.Overflow")))
    slow.socket.close()
    writer.socket.close()
    settled = until(lambda: descriptors() == descriptors_at_start)
    tap.result("killed_clients_leave_nothing", ([] if settled else f"{descriptors()} are open, not {descriptors_at_start}") or is_wrong(
        (client("set", "lines", "still"), "0 "), (client("get", "lines"), "0 still\n")))


def test_review():
    done = subprocess.run([POSTERN, "review", "--no-config", SOURCES], capture_output=True, text=True, timeout=120 * SCALE, check=False)
    if done.returncode == 64:
        tap.skip("the_checker_has_nothing_to_say", "this postern was built without the checker")
        return
    tap.result("the_checker_has_nothing_to_say", [] if done.returncode == 0 and done.stdout.startswith("checked ") else done.stdout)


descriptors_at_start = 0


def main():
    global descriptors_at_start
    if not (BUILT / "store-service").exists():
        print("1..0 # SKIP the examples were not built")
        return
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        os.environ["POSTERN_DIR"] = name
        service = subprocess.Popen([BUILT / "store-service", "store"])
        try:
            subprocess.run([POSTERN, "wait", "store", "--deadline", "10s"], check=True)
            path = str(directory / "store" / "sock")
            # It has begun when it answers, and this connection is one of its descriptors, those of earlier clients are not.
            peer = Peer(path)
            for _ in range(3):
                peer.ask("Get", {"key": "none"})
                time.sleep(0.05)
            descriptors_at_start = len(os.listdir(f"/proc/{service.pid}/fd")) - 1
            peer.socket.close()
            test_lines()
            test_by_client_and_command()
            test_expiry()
            test_watch(directory)
            client("delete", "second")
            test_files(path)
            test_dump()
            test_limits(path, service.pid)
            test_those_who_leave(path, service.pid)
            test_review()
            service.send_signal(signal.SIGTERM)
            status = service.wait(timeout=20 * SCALE)
            tap.result("sigterm_ends_it_with_0_and_without_its_socket", is_wrong((status, 0), (os.path.exists(path), False)))
        finally:
            service.kill()
            service.wait()
    tap.done()


main()
