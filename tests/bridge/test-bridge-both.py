#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A service of one machine and a program of another: an exporting and an importing bridge, with NATS between."""

import signal
import socket
import time

import harness
from harness import INTERFACE, PATIENCE, Caller, Place, ended, equals, tap, wait_for


def method(word):
    return f"{INTERFACE}.{word}"


def test_calls(service, path):
    c = Caller(path)
    equals("a_call_goes_there_and_its_answer_back", c.call(method("Echo"), {"text": "é\n\"\\"}), {"parameters": {"text": "é\n\"\\"}})
    equals("so_does_an_error", c.call(method("Fail"), {"reason": "so"}), {"error": method("Refused"), "parameters": {"reason": "so"}})
    text = "x" * 900000
    equals("a_large_call_fits", c.call(method("Echo"), {"text": text}) == {"parameters": {"text": text}}, True)
    answer = c.call(method("Blob"), {"size": 2000000})
    equals("an_answer_that_is_too_large_is_told", ended(answer), "io.postern.bridge.TooLarge")
    c.send(method("Note"), {"text": "once"}, oneway=True)
    tap.result("a_oneway_call_runs", "" if wait_for(lambda: service.times("Note", text="once") == 1) else "it did not")
    for n in range(200):
        c.send(method("Echo"), {"text": str(n)})
    equals("many_at_once_are_answered_in_order", [c.receive()["parameters"]["text"] for n in range(200)], [str(n) for n in range(200)])
    c.close()


def test_streams(service, path):
    c, n = Caller(path), 3000
    c.send(method("Count"), {"to": n, "everyMs": 0}, more=True)
    got = [c.receive() for _ in range(n)]
    equals("a_long_stream_comes_whole_and_in_order", [a["parameters"]["n"] for a in got], list(range(n)))
    equals("and_its_last_answer_is_the_last", [i for i, a in enumerate(got) if not a.get("continues")], [n - 1])
    equals("the_connection_goes_on", ended(c.call(method("Echo"), {"text": "x"})), "answered")
    early = service.ended_early
    c.send(method("Count"), {"to": 1000000, "everyMs": 10}, more=True)
    c.receive()
    c.close()
    tap.result("a_program_that_leaves_ends_the_call_of_the_service",
               "" if wait_for(lambda: service.ended_early == early + 1) else "it goes on")
    slow = Caller(path)
    slow.send(method("Flood"), {"size": 900000, "times": 40}, more=True)
    time.sleep(1)
    ends, whole = "", 0
    while not ends:
        answer = slow.receive()
        whole += "error" not in answer
        ends = answer.get("error") or ("" if answer.get("continues") else "answered")
    equals("one_that_does_not_read_is_told_that_it_was_too_slow", ends, "io.postern.Overflow")
    tap.comment(f"after {whole} answers of 900,000 bytes")
    slow.close()


def test_prefix(p, url, service):
    other = p.service("other.sock", mark="!")
    p.export(other, url, options=("--prefix", "test.two"))
    b = p.take("two", url, options=("--prefix", "test.two"))
    c, before = Caller(b.path), service.times("Echo")
    equals("a_prefix_has_services_of_its_own", [c.call(method("Echo"), {"text": "x"})["parameters"]["text"] for _ in range(10)], ["x!"] * 10)
    equals("and_the_others_hear_nothing", service.times("Echo"), before)
    c.close()


def test_chain(p, url, b):
    """An imported name is exported again, under another prefix, and imported once more."""
    again = p.bridge("export", b.path, "--nats", url, "--prefix", "again", machine="here")
    tap.result("to_export_an_imported_name_is_warned_of", "" if "calls would go in circles" in again.said() else again.said())
    c = Caller(p.take("third", url, options=("--prefix", "again")).path)
    equals("under_another_prefix_it_works", c.call(method("Echo"), {"text": "far"}), {"parameters": {"text": "far"}})
    equals("and_errors_of_the_first_bridge_come_through", ended(c.call(method("Blob"), {"size": 2000000})), "io.postern.bridge.TooLarge")
    c.close()


def test_circle(p, url, service):
    """An imported name that is exported with the subjects that it calls itself."""
    real = p.export(service, url, options=("--prefix", "circle"), machine="there")
    b = p.take("circle", url, options=("--prefix", "circle"), machine="here")
    real.end()
    again = p.bridge("export", b.path, "--nats", url, "--prefix", "circle", machine="here")
    c = Caller(b.path)
    for more in ({}, {"more": True}):
        answer = c.call(method("Count"), {"to": 1, "everyMs": 0}, **more)
        equals(f"a_call_in_a_circle_{'with more ' if more else ''}ends", answer, {"error": "io.postern.bridge.Loop", "parameters": {"hops": 8}})
    before = len(again.lines)
    # The next one that is told is the fourth.
    for n in range(2):
        c.send(method("Note"), {"text": str(n)}, oneway=True)
    tap.result("one_without_an_answer_ends_and_is_told", "" if wait_for(
        lambda: any("go in a circle" in line for line in again.lines[before:] if line)) else again.said())
    c.close()
    again.end()


def test_manager(p, url, service):
    """As a service manager sees them."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(p.directory / "manager"))
    manager.settimeout(PATIENCE)
    for verb, arguments in (("export", [service.path, "--prefix", "managed"]), ("import", [INTERFACE, "--as", "managed"])):
        b = p.bridge(verb, *arguments, "--nats", url, NOTIFY_SOCKET=str(p.directory / "manager"))
        told = [manager.recv(4096).decode().split("\n")[0]]
        b.end()
        told.append(manager.recv(4096).decode().split("\n")[0])
        equals(f"{verb}_tells_a_service_manager", told, ["READY=1", "STOPPING=1"])
    manager.close()


def test_end(service, b, export):
    c, s = Caller(b.path), Caller(b.path)
    s.send(method("Count"), {"to": 1000000, "everyMs": 10}, more=True)
    s.receive()
    c.send(method("Slow"), {"ms": 700})
    wait_for(lambda: service.times("Slow") == 1)
    b.kill(signal.SIGTERM)
    equals("at_the_end_an_open_call_is_answered", c.receive(), {"parameters": {"ms": 700}})
    answer = s.receive()
    while answer.get("continues"):
        answer = s.receive()
    equals("and_a_stream_is_told_to_come_again", ended(answer), "io.postern.Draining")
    equals("the_bridge_has_ended", b.process.wait(PATIENCE), 0)
    began = time.monotonic()
    equals("so_does_the_other", export.end(), 0)
    tap.result("and_at_once", "" if time.monotonic() - began < 5 * harness.SCALE else f"after {time.monotonic() - began:.1f} s")
    c.close()
    s.close()


def main():
    harness.need_nats()
    p = Place()
    nats = p.nats()
    service = p.service()
    export = p.export(service, nats.url, machine="there")
    b = p.take("clock", nats.url, machine="here")
    test_calls(service, b.path)
    test_streams(service, b.path)
    test_prefix(p, nats.url, service)
    test_chain(p, nats.url, b)
    test_circle(p, nats.url, service)
    test_manager(p, nats.url, service)
    test_end(service, b, export)
    tap.result("all_of_it_ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
