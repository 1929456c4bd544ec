#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever is on NATS may send anything: to the subjects of an exporter, to its streams and inboxes, and as answers to an importer.

What is sent is chosen by a seed, which is printed. Both bridges go on, and calls that are well formed are answered meanwhile.
"""

import json
import os
import random
import socket

import harness
from harness import INTERFACE, Caller, Far, Place, equals, tap

ROUNDS = 300
# What a header or a payload may be; tabs and line ends cannot be sent by the client of the tests.
WORDS = ["", " ", "true", "false", "0", "1", "-1", "3", "18446744073709551616", "4294967297", "1e9", "0x10", "1000", "accepted", "ended", "open",
         "cancel", "alive", "{}", "{", "[]", "null", '{"text":"x"}', '{"text":1}', '{"n":0}', '{"to":3,"everyMs":0}', '{"reason":"x"}', '{"ms":1}',
         '{"description":"interface a.b method C() -> ()"}', '{"description":"\\u0000"}', '{"description":1}', "\x01\x02", "é", "\ufffd",
         "org.example.bridge.Refused", "io.postern.Busy", "Refused", "a..B", ".", "*", ">", "_INBOX.>", "a b", "x" * 600, "{" * 300, '"' + "\\u" * 50,
         "%s%n", "../../x", "org.example.bridge.Refused" + "x" * 600]
HEADERS = ["Varlink-More", "Varlink-Timeout-Ms", "Varlink-Continues", "Varlink-Sequence", "Varlink-Status", "Varlink-Control",
           "Nats-Service-Error", "Nats-Service-Error-Code", "Nats-Msg-Id", "X"]


class Choice:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def word(self):
        return self.random.choice(WORDS)

    def headers(self):
        some = self.random.sample(HEADERS, self.random.randrange(4))
        # A header of NATS has a value, and no blanks around it.
        return {name.replace("-", "_"): value for name in some if (value := self.word().strip())}


def attack_export(p, url, plain, seed):
    choice = Choice(seed)
    service = p.service("attacked.sock")
    export = p.export(service, url, options=("--max-calls", "64"))
    inbox = plain.open()
    plain.publish(f"varlink.{INTERFACE}.Count", inbox, '{"to":1000000,"everyMs":50}', Varlink_More="true")
    control = plain.next().headers["Varlink-Control"]
    targets = [f"varlink.{INTERFACE}.{m}" for m in ("Echo", "Slow", "Fail", "Count", "Note", "Put", "Become", "describe")]
    targets += [control, control.rsplit(".", 1)[0] + ".0", control.rsplit(".", 1)[0] + ".ffffffffffffffffffff",
                control.rsplit(".", 1)[0] + ".-1", "$SRV.PING", "$SRV.INFO", "$SRV.STATS"]
    for n in range(ROUNDS):
        reply = choice.random.choice(["", inbox, control, targets[0]])
        payload = choice.word()
        # This would be the end of the stream, which others are to meet.
        plain.publish(choice.random.choice(targets), reply, "no" if payload == "cancel" else payload, **choice.headers())
    while plain.next(0.5 * harness.SCALE) and export.process.poll() is None and plain.messages.qsize() > 2:
        pass
    for _ in range(5):
        plain.publish(control, "", "cancel")
    while plain.next(0.5):
        pass
    m = plain.ask(f"varlink.{INTERFACE}.Echo", '{"text":"still there"}')
    equals("an_exporter_goes_on", json.loads(m.payload) if m else None, {"text": "still there"})
    tap.result("and_has_not_ended", export.said() if export.process.poll() is not None else "")


def attack_import(p, url, seed):
    choice = Choice(seed)

    def answers(word, m):
        if '"well"' in m.payload:
            return [('{"text":"well"}', {})]
        return [(choice.word(), choice.headers()) for _ in range(choice.random.randrange(1, 5))]

    text = harness.DESCRIPTION.replace(INTERFACE, "org.example.hostile")
    far = p.add(Far(url, answers, interface="org.example.hostile", description=text).serve("describe", "Echo", "Count", "Fail", "Note"))
    b = p.take("hostile", url, interfaces=["org.example.hostile"], options=("--deadline", "50ms"))
    c, ends = Caller(b.path), {}
    for n in range(ROUNDS):
        word = choice.random.choice(["Echo", "Count", "Fail"])
        more = {"more": True} if choice.random.randrange(2) else {}
        c.send(f"org.example.hostile.{word}", {"text": "x", "to": 1, "everyMs": 0, "reason": "x"}, **more)
        end = None
        if more and choice.random.randrange(4) == 0:
            c.close()
            c = Caller(b.path)
            continue
        # A stream that was accepted, and of which nothing more comes, is ended by its program.
        c.socket.settimeout(1 * harness.SCALE)
        try:
            while not end or end == "continues":
                answer = c.receive()
                end = "continues" if answer.get("continues") else answer.get("error", "answered")
        except TimeoutError:
            end = "left"
            c.close()
            c = Caller(b.path)
        name = end if end.startswith(("io.postern", "left", "answered")) else "another error"
        ends[name] = ends.get(name, 0) + 1
    tap.comment(", ".join(f"{n} {name}" for name, n in sorted(ends.items())))
    c.socket.settimeout(harness.PATIENCE)
    equals("an_importer_goes_on", c.call("org.example.hostile.Echo", {"text": "well"}), {"parameters": {"text": "well"}})
    tap.result("and_has_not_ended_either", b.said() if b.process.poll() is not None else "")
    c.close()


def attack_headers(p, nats, plain):
    """So many headers of one name that libnats takes long to read them."""
    inbox = plain.open()
    headers = b"NATS/1.0\r\n" + b"a:b\r\n" * 200000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", nats.port), harness.PATIENCE) as c:
        c.recv(65536)
        for _ in range(5):
            sizes = b" %d %d" % (len(headers), len(headers))
            c.sendall(b'CONNECT {"verbose":false,"headers":true}\r\nHPUB varlink.' + INTERFACE.encode() + b".Echo " + inbox.encode() + sizes +
                      b"\r\n" + headers + b"\r\nPING\r\n")
        while b"PONG" not in c.recv(65536):
            pass
        errors = [m and m.headers.get("Nats-Service-Error") for m in (plain.next() for _ in range(5))]
    equals("calls with a megabyte of headers are refused before these are read", errors, ["org.varlink.service.InvalidParameter"] * 5)


def main():
    harness.need_nats()
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1, 1 << 30)
    tap.comment(f"SEED={seed}")
    p = Place()
    nats = p.nats()
    attack_export(p, nats.url, p.plain(nats.url), seed)
    attack_headers(p, nats, p.plain(nats.url))
    attack_import(p, nats.url, seed)
    tap.result("all_of_it_ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
