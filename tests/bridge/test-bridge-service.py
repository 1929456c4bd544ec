#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an exporting bridge does when its service is busy, slow, hung or gone, and what an importing bridge makes of odd answers."""

import contextlib
import json
import os
import signal
import socket
import time

import harness
from harness import INTERFACE, SCALE, Caller, Far, Place, Service, ended, equals, tap, wait_for

NOT_SENT, NO_ANSWER = "io.postern.bridge.NotSent", "io.postern.bridge.NoAnswer"


def method(word, interface=INTERFACE):
    return f"{interface}.{word}"


def described(name):
    return harness.DESCRIPTION.replace(INTERFACE, name)


class Odd(Service):
    """Fail answers with the error that its reason names."""

    def _made(self, method_, p):
        if method_ == "Fail":
            return {"error": p["reason"], "parameters": {"retryAfterMs": 20}}
        return super()._made(method_, p)

    def _serve(self, c):
        self.here = [*getattr(self, "here", []), c]
        super()._serve(c)

    def leave(self):
        super().end()
        os.unlink(self.path)
        for c in getattr(self, "here", []):
            with contextlib.suppress(OSError):
                c.shutdown(socket.SHUT_RDWR)
        self.left = True

    def end(self):
        if not getattr(self, "left", False):
            super().end()


def within(began, seconds):
    took = time.monotonic() - began
    return "" if took < seconds * SCALE else f"it took {took:.1f} s"


def test_refusals(service, path):
    for more in (False, True):
        kind = "stream" if more else "call"
        for error in ("io.postern.Busy", "io.postern.Draining"):
            caller = Caller(path)
            before, began = service.times("Fail"), time.monotonic()
            answer = caller.call(method("Fail"), {"reason": error}, **({"more": True} if more else {}))
            word = error.rsplit(".", 1)[1]
            equals(f"a_{kind}_that_the_service_refuses_as_{word}_ends_so", answer, {"error": error, "parameters": {"retryAfterMs": 20}})
            time.sleep(0.3)
            equals(f"it_was_made_once_as_{word}_{kind}", (service.times("Fail") - before, within(began, 2)), (1, ""))
            caller.close()
    caller = Caller(path)
    for name in ("", "noName", "a b.C", "a.B\r\nX: y"):
        equals(f"an_error_named_{name!r}_stays_an_error", ended(caller.call(method("Fail"), {"reason": name})), NO_ANSWER)
    caller.close()


def test_many(service, path):
    """More slow calls than there were ever connections: none waits behind another."""
    callers = [Caller(path) for _ in range(100)]
    began = time.monotonic()
    for caller in callers:
        caller.send(method("Slow"), {"ms": 1000})
    got = [ended(caller.receive()) for caller in callers]
    equals("a_hundred_slow_calls_run_at_once", (got.count("answered"), within(began, 20)), (100, ""))
    for n in range(20):
        callers[n].send(method("Slow"), {"ms": 4000}, oneway=True)
    wait_for(lambda: service.times("Slow") > 100)
    began = time.monotonic()
    got = [ended(callers[n + 50].call(method("Echo"), {"text": "x"})) for n in range(20)]
    equals("slow_oneway_calls_are_before_nobody", (got.count("answered"), within(began, 3)), (20, ""))
    for caller in callers:
        caller.close()


def test_hangs(p, url):
    """A service that describes itself, and then takes no connection any more."""
    name = "org.example.hangs"
    service = p.add(Odd(p.directory / "hangs.sock", described(name)))
    export = p.export(service, url)
    b = p.take("hangs", url, interfaces=[name], options=("--deadline", "4s"))
    plain = p.plain(url)
    service.leave()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(service.path)
    listener.listen(64)
    for _ in range(12):
        plain.publish(f"varlink.{method('Note', name)}", "", json.dumps({"text": "x" * 900000}))
    tap.result("oneway_calls_that_nobody_reads_are_dropped_in_the_end_and_it_is_told",
               "" if export.wait_line("calls were dropped", 5) else export.said())
    for more in (True, False):
        caller, began = Caller(b.path), time.monotonic()
        answer = caller.call(method("Count", name), {"to": 1, "everyMs": 0}, **({"more": True} if more else {}))
        took = time.monotonic() - began
        equals(f"a_{'stream' if more else 'call'}_of_a_service_that_hangs_ends_at_the_deadline",
               (ended(answer), took < 10 * SCALE), (NO_ANSWER, True))
        # It has a little less time than the near end, whose words are others.
        tap.result(f"the_far_end_has_said_so_of_the_{'stream' if more else 'call'}",
                   "" if "within its deadline" not in answer["parameters"]["reason"] else f"{answer} after {took:.2f} s")
        caller.close()
    listener.close()


def test_gone(p, url):
    name = "org.example.gone"
    services = [p.add(Odd(p.directory / f"gone{i}.sock", described(name))) for i in range(2)]
    exports = [p.export(s, url, machine=f"gone{i}") for i, s in enumerate(services)]
    b = p.take("gone", url, interfaces=[name], options=("--deadline", "10s"))
    caller = Caller(b.path)
    services[1].leave()
    began = time.monotonic()
    got = [ended(caller.call(method("Echo", name), {"text": "x"})) for _ in range(40)]
    # The first ones find out; then the methods are not subscribed there.
    tap.result("when_the_service_of_one_instance_has_gone_the_other_has_the_calls",
               "" if set(got[10:]) == {"answered"} and set(got) <= {"answered", NOT_SENT} else str(got))
    tap.result("and_nobody_waits_long", within(began, 9))
    services[0].leave()
    caller.call(method("Echo", name), {"text": "x"})
    tap.result("both_say_so", "" if all(e.wait_line("cannot be reached", 5) for e in exports) else "one does not")
    time.sleep(0.2)
    for more in ({}, {"more": True}):
        began = time.monotonic()
        answer = caller.call(method("Count", name), {"to": 1, "everyMs": 0}, **more)
        equals(f"when_all_have_gone_a_call_{'with more ' if more else ''}is_not_sent_at_once", (ended(answer), within(began, 2)), (NOT_SENT, ""))
    p.add(Odd(services[0].path, described(name)))
    tap.result("when_the_service_is_back_it_is_called_again", "" if wait_for(
        lambda: ended(caller.call(method("Echo", name), {"text": "x"})) == "answered") else "it is not")
    caller.close()


def test_dropped(p, url):
    """Oneway calls that were on their way when the methods were taken back. The bridge is stopped while it looks for its service."""
    name = "org.example.dropped"
    path, note = p.directory / "dropped.sock", f"varlink.{method('Note', name)}"
    plain = p.plain(url)
    service = p.add(Odd(path, described(name)))
    export = p.export(service, url)
    for attempt in range(5):
        since = len(export.lines)
        service.leave()
        plain.ask(note, "{}")
        export.kill(signal.SIGSTOP)
        for _ in range(300 << attempt):
            plain.publish(note, "", "{}")
        time.sleep(0.5)
        export.kill(signal.SIGCONT)
        export.wait_line("its methods are taken back", since=since)
        if export.wait_line("because of this: the service cannot be reached", 1):
            break
        # It was stopped too late: again, with more of them.
        since = len(export.lines)
        service = p.add(Odd(path, described(name)))
        export.wait_line("the service is back", since=since)
    tap.result("oneway_calls_that_come_while_the_service_is_away_are_dropped_and_it_is_told",
               "" if export.wait_line("because of this: the service cannot be reached", 0.1) else export.said())


def test_share(p, url):
    b = p.take("shared", url, options=("--max-calls", "4", "--access", "world"))
    callers = [Caller(b.path) for _ in range(3)]
    for caller in callers[:2]:
        caller.send(method("Slow"), {"ms": 700})
    time.sleep(0.2)
    equals("one_user_has_at_most_a_half_where_others_may_call", ended(callers[2].call(method("Echo"), {"text": "x"})), "io.postern.Busy")
    equals("which_comes_back", [ended(c.receive()) for c in callers[:2]] + [ended(callers[2].call(method("Echo"), {"text": "x"}))], ["answered"] * 3)
    for caller in callers:
        caller.close()


def raw_publish(port, subject, head, payload):
    """What the client library would not send."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as s:
        s.sendall(b'CONNECT {"verbose":false,"headers":true}\r\n' + f"HPUB {subject} {len(head)} {len(head) + len(payload)}\r\n".encode()
                  + head + payload + b"\r\nPING\r\n")
        while b"PONG" not in s.recv(65536):
            pass


def test_odd_answers(p, nats):
    """An error stays an error, however it is written."""
    name = "org.example.odd"
    far = p.add(Far(nats.url, lambda word, m: None, interface=name, description=described(name)).serve("describe", "Echo"))
    b = p.take("odd", nats.url, interfaces=[name], options=("--deadline", "5s"))
    caller = Caller(b.path)
    refused = f"{name}.Refused"
    for what, head, payload, want in (
            ("an_empty_name", b"NATS/1.0\r\nNats-Service-Error: \r\n\r\n", b"{}",
             (NO_ANSWER, {"reason": "org.example.odd.Echo: the headers of what came cannot be read"})),
            ("a_status_line", b"NATS/1.0 404 nope\r\n\r\n", b"{}", ("io.postern.bridge.Failed", {"code": 404, "reason": "nope"})),
            ("a_status_503_with_a_payload", b"NATS/1.0 503 full\r\n\r\n", b"{}", ("io.postern.bridge.Failed", {"code": 503, "reason": "full"})),
            ("a_name_in_latin_1", b"NATS/1.0\r\nNats-Service-Error: d\xe9j\xe0\r\nNats-Service-Error-Code: 7\r\n\r\n", b"{}",
             ("io.postern.bridge.Failed", {"code": 7, "reason": "d?j?"})),
            ("parameters_that_are_no_json", f"NATS/1.0\r\nNats-Service-Error: {refused}\r\n\r\n".encode(), b"\xff{", (refused, {}))):
        before = len(far.got("Echo"))
        caller.send(method("Echo", name), {"text": what})
        wait_for(lambda: len(far.got("Echo")) > before)
        raw_publish(nats.port, far.got("Echo")[-1].reply, head, payload)
        answer = caller.receive()
        equals(f"{what}_is_an_error", (ended(answer), answer.get("parameters", {})), want)
    equals("an_upgrade_that_no_method_has_is_not_forwarded", ended(caller.call(method("Echo", name), {"text": "x"}, upgrade=True)),
           "io.postern.bridge.NotForwarded")
    caller.close()


def test_command_lines(p, url):
    for what, arguments in (("an_interface_that_is_there_twice", ("a.b", "a.b")), ("one_that_each_name_has_itself", ("io.postern.bridge",))):
        got = p.run("bridge", "import", *arguments, "--as", "x", "--nats", url)
        equals(f"{what}_is_a_mistake_of_the_command_line", got.returncode, 64)
    got = p.run("bridge", "import", INTERFACE, "--as", "x", "--nats", url, "--allow", "org.zzz.*")
    equals("what_is_allowed_and_not_there_is_one_too", (got.returncode, "org.zzz" in got.stderr), (64, True))
    for wrong in (("--prefix", "a b"), ("--queue", "a.b"), ("--nats", "nats://"), ("--allow", "Now"), ("--tls-key", "x")):
        began = time.monotonic()
        got = p.run("bridge", "export", p.directory / "nobody.sock", "--wait", "5s", *wrong)
        equals(f"a_wrong_{wrong[0]}_is_told_before_the_service_is_waited_for", (got.returncode, wrong[0] in got.stderr or "nats://HOST" in got.stderr, within(began, 2)), (64, True, ""))
    path = p.directory / "silent.sock"
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen(8)
        began = time.monotonic()
        got = p.run("bridge", "export", path, "--nats", url, "--wait", "1s")
        tap.result("a_service_that_says_nothing_is_not_waited_for_longer", within(began, 2) or ("" if got.returncode else json.dumps(got.stderr)))


def main():
    harness.need_nats()
    p = Place()
    nats = p.nats()
    service = p.add(Odd(p.directory / "service.sock"))
    p.export(service, nats.url, machine="there")
    b = p.take("bridge", nats.url, options=("--deadline", "8s"))
    test_refusals(service, b.path)
    test_many(service, b.path)
    test_hangs(p, nats.url)
    test_gone(p, nats.url)
    test_dropped(p, nats.url)
    test_share(p, nats.url)
    test_odd_answers(p, nats)
    test_command_lines(p, nats.url)
    tap.result("all_of_it_ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
