#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Durable calls: everything between a program and a service is killed at random, and what was stored has run.

test-bridge-durable.py [KILLS [SEED [server]]]

Programs make oneway calls of an imported name, each with another text. The service, both exporting bridges and the importing one
are killed with SIGKILL, one at a time, and started again; with `server` that of NATS, too. In the end what the stream has stored is
compared with what the service has written down before it answered: each has to be there, once or more often. A client that knows NATS
alone listens to all inboxes, and so knows which calls were acknowledged.

A server of NATS 2.9 that is killed so does not always get over it: in one of 22 runs with 41 of its kills each it had calls and
exporters that asked for them, and delivered none; in 5 others its stream counted one to three calls more than ever ran. So the
tests that run by themselves leave it alive.
"""

import collections
import contextlib
import json
import pathlib
import random
import sys
import threading
import time

import harness
from harness import INTERFACE, PATIENCE, equals, tap, wait_for

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
KILL_SERVER = sys.argv[3:] == ["server"]
STREAM = "calls"


class Killable:
    """What is killed and started again."""

    def __init__(self, place, name, start):
        self.place, self.name, self.start, self.kills = place, name, start, 0
        self.process = start()

    def kill(self):
        self.kills += 1
        self.process.kill()
        self.process.process.wait()
        with contextlib.suppress(ValueError):
            self.place.things.remove(self.process)
        self.process = self.start()


class Load(threading.Thread):
    """Oneway calls, of a program that connects again when it has to."""

    def __init__(self, path, mark):
        super().__init__(daemon=True)
        self.path, self.mark, self.sent, self.stop = path, mark, 0, threading.Event()

    def run(self):
        caller = None
        while not self.stop.is_set():
            try:
                caller = caller or harness.Caller(self.path)
                caller.send(f"{INTERFACE}.Note", {"text": f"{self.mark}.{self.sent}"}, oneway=True)
                self.sent += 1
            except OSError:
                caller = None
            time.sleep(0.004)
        if caller:
            caller.close()


class Tap(threading.Thread):
    """Which calls were published with which reply, and which of these were acknowledged."""

    def __init__(self, plain):
        super().__init__(daemon=True)
        self.plain, self.texts, self.stored, self.over = plain, {}, set(), threading.Event()
        plain.do("SUB", "varlink-durable.>")
        plain.do("SUB", "_INBOX.>")

    def run(self):
        while not self.over.is_set():
            m = self.plain.next(0.2)
            if m is None:
                continue
            if m.subject.startswith("varlink-durable."):
                self.texts[m.reply] = json.loads(m.payload)["text"]
            elif m.payload.startswith('{"stream"') and m.subject in self.texts:
                self.stored.add(self.texts[m.subject])


def ask(plain, subject):
    m = plain.ask(subject)
    return json.loads(m.payload) if m and m.payload else {}


def stored_by(plain):
    """How many the stream has stored, and has now."""
    s = ask(plain, f"$JS.API.STREAM.INFO.{STREAM}").get("state", {})
    return s.get("last_seq"), s.get("messages")


def test_once(place, nats):
    service = place.service("once.sock")
    options = ("--stream", "once", "--prefix", "once")
    place.export(service, nats.url, options=options)
    imported = place.take("once", nats.url, options=options, machine="once")
    caller = harness.Caller(imported.path)
    for i in range(5):
        caller.send(f"{INTERFACE}.Note", {"text": str(i)}, oneway=True)
    equals("a call with an answer is a call as without --stream", caller.call(f"{INTERFACE}.Echo", {"text": "a"}),
           {"parameters": {"text": "a"}})
    tap.result("oneway calls are stored, and made", [] if wait_for(lambda: service.times("Note") == 5) else str(service.ran))
    # An error is an answer: it is not tried again.
    caller.send(f"{INTERFACE}.Fail", {"reason": "no"}, oneway=True)
    tap.result("one that fails has run", [] if wait_for(lambda: service.times("Fail") == 1) else str(service.ran))
    time.sleep(1)
    equals("and is not repeated", service.times("Fail"), 1)
    caller.close()
    return service, imported.path


def test_passed_on(place, nats, service, path):
    """An imported name is exported again, without a stream, and imported with one."""
    place.bridge("export", path, "--nats", nats.url, "--prefix", "again", machine="once")
    plain = place.plain(nats.url)
    plain.do("SUB", "once.varlink-durable.>")
    before = service.times("Note")
    plain.publish(f"again.varlink.{INTERFACE}.Note", "", '{"text":"passed on"}')
    m = plain.next()
    equals("a oneway call that a bridge passes on is stored by --stream", m and (m.subject, m.payload),
           (f"once.varlink-durable.{INTERFACE}.Note", '{"text":"passed on"}'))
    tap.result("and made", [] if wait_for(lambda: service.times("Note") == before + 1) else str(service.ran))


def test_strange(place, nats):
    service = place.service("less.sock")
    options = ("--stream", "less", "--prefix", "less")
    only = (*options, "--allow", f"{INTERFACE}.Echo")
    exporter = place.export(service, nats.url, options=only)
    imported = place.take("less", nats.url, options=options, machine="less")
    caller = harness.Caller(imported.path)
    caller.send(f"{INTERFACE}.Note", {"text": "x"}, oneway=True)
    tap.result("a durable call of a method that is not exported is told", [] if exporter.wait_line(
        f"{INTERFACE}.Note: a durable call of a method that is not exported here, 1 so far; it is tried again") else exporter.said())
    exporter.end()
    place.things.remove(exporter)
    plain, deliveries = place.plain(nats.url), 1
    while deliveries < 15:
        m = plain.ask("$JS.API.CONSUMER.MSG.NEXT.less.varlink-org_example_bridge", '{"batch":1,"expires":5000000000}')
        if m and m.reply.startswith("$JS.ACK."):
            deliveries = int(m.reply.split(".")[4])
            plain.publish(m.reply, "", "-NAK")
    exporter = place.export(service, nats.url, options=only)
    tap.result("at its sixteenth delivery it is given up, and told", [] if exporter.wait_line("is given up") else exporter.said())

    def left():
        return ask(plain, "$JS.API.STREAM.INFO.less")["state"]["messages"]

    tap.result("the stream has it no more", [] if wait_for(lambda: left() == 0) else f"{left()} messages")
    equals("and it has not run", service.times("Note"), 0)
    caller.close()


def test_kills(place, nats):
    written = place.directory / "written"
    written.touch()
    # Of a bridge that was killed a call comes again after its deadline and 10 s.
    options = ("--stream", STREAM, "--wait", "60s", "--deadline", "2s")
    script = pathlib.Path(__file__).with_name("recorder.py")
    socket = place.directory / "recorder.sock"

    def serve():
        p = place.add(harness.Process([sys.executable, script, socket, written]))
        p.wait_line("ready")
        return p

    def export():
        return place.bridge("export", socket, "--nats", nats.url, *options, ready=False)

    def take():
        return place.bridge("import", INTERFACE, "--as", "recorder", "--nats", nats.url, *options, ready=False)

    def server():
        nats.start()
        return nats.process

    things = [Killable(place, "service", serve), Killable(place, "exporter", export), Killable(place, "other exporter", export)]
    for t in things[1:]:
        t.process.wait_line("ready")
    things.append(Killable(place, "importer", take))
    things[-1].process.wait_line("ready")
    listener = Tap(place.plain(nats.url))
    listener.start()
    loads = [Load(place.machine() / "recorder" / "sock", mark) for mark in "abc"]
    for load in loads:
        load.start()
    choose = random.Random(SEED)
    servers = 0
    for _ in range(KILLS):
        time.sleep(choose.uniform(0.05, 0.4))
        i = choose.randrange(len(things) + KILL_SERVER)
        if i < len(things):
            things[i].kill()
        else:
            servers += 1
            nats.kill()
            server()
    time.sleep(1)
    for load in loads:
        load.stop.set()
        load.join()
    plain = place.plain(nats.url)

    def have_run():
        return collections.Counter(written.read_text().split())

    # The stream is not asked what it still has: a server that is killed forgets that it has removed messages which were
    # acknowledged, and those of 2.9 keep them from then on.
    # What the programs have sent before they ended is stored for a while longer; how much is left, and how fast it runs, is a
    # matter of the machine. A call that a bridge gave back comes again after 30 s at most, what a killed bridge had after 12 s:
    # when nothing has changed for longer than both nothing more comes.
    def is_settled(still):
        return still > 4 and seen[0] == seen[1] or still > 3 * PATIENCE

    ended = changed = time.monotonic()
    seen = None
    while seen is None or not is_settled(time.monotonic() - changed):
        now = stored_by(plain)[0], len(have_run())
        if now != seen:
            seen, changed = now, time.monotonic()
        time.sleep(0.5)
    stored, kept = stored_by(plain)
    listener.over.set()
    listener.join()
    ran = have_run()
    twice = sum(n > 1 for n in ran.values())
    kills = ", ".join([f"{t.name} {t.kills}" for t in things] + [f"server of NATS {servers}"])
    tap.comment(f"the last one ran {changed - ended:.1f} s after the last was sent")
    tap.comment(f"{sum(load.sent for load in loads)} calls were sent, {stored} stored ({kept} are still kept), {len(listener.stored)} of these seen to be "
                f"acknowledged; {len(ran)} ran, {twice} of them more than once; {KILLS} kills: {kills}")
    equals("each that was stored has run", len(ran), stored)
    equals("each that was acknowledged has run", sorted(listener.stored - set(ran))[:5], [])
    tap.result("and there were some", [] if len(listener.stored) > 10 * KILLS / 2 else str(len(listener.stored)))


def main():
    harness.need_nats()
    place = harness.Place()
    try:
        nats = place.nats(configuration=f'jetstream {{ store_dir: {json.dumps(str(place.directory / "jetstream"))} }}\n')
        test_passed_on(place, nats, *test_once(place, nats))
        test_strange(place, nats)
        test_kills(place, nats)
    finally:
        wrong = place.end()
    tap.result("everything ends as it should", wrong)
    tap.done()


if __name__ == "__main__":
    main()
