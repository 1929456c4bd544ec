#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern bridge export, as a client of NATS sees it that knows nothing of Postern."""

import json
import os
import re
import threading
import time

import harness
from harness import INTERFACE, SCALE, equals, tap, wait_for

SUBJECT = f"varlink.{INTERFACE}."
CODE, ERROR = "Nats-Service-Error-Code", "Nats-Service-Error"


def body(message):
    return json.loads(message.payload) if message and message.payload else None


def error(message):
    """What it says of an error: code, name, parameters."""
    if message is None:
        return "no answer"
    return message.headers.get(CODE), message.headers.get(ERROR), body(message)


def method(name, **parameters):
    return SUBJECT + name, json.dumps(parameters)


def test_calls(plain, service):
    got = plain.ask(*method("Echo", text="é \\u0000 \""))
    equals("a request is a call, and its answer's payload the parameters", (body(got), got.headers),
           ({"text": "é \\u0000 \""}, {}))
    equals("no payload is a call without parameters", body(plain.ask(SUBJECT + "Note")), {})
    equals("an error is told by its name in the headers of NATS's services", error(plain.ask(*method("Fail", reason="no"))),
           ("500", f"{INTERFACE}.Refused", {"reason": "no"}))
    for payload in ("{", "[]", "1", '{"a":1}x'):
        equals(f"{payload} is no parameters", error(plain.ask(SUBJECT + "Echo", payload)),
               ("400", "org.varlink.service.InvalidParameter", {"parameter": "parameters"}))
    equals("a method that it does not have is nobody's", plain.ask(SUBJECT + "Nothing").headers, {"Status": "503"})
    got = body(plain.ask(SUBJECT + "describe"))
    equals("it says what its interface is", got, {"description": service.description})
    for name, payload in (("Put", '{"fileDescriptor":0}'), ("Become", "{}")):
        got = error(plain.ask(SUBJECT + name, payload))
        equals(f"{name} stays on its machine", got[:2], ("500", "io.postern.bridge.NotForwarded"))
    plain.publish(*method("Note", text="one way")[:1], "", method("Note", text="one way")[1])
    tap.result("a request without a reply subject is a oneway call",
               [] if wait_for(lambda: service.times("Note", text="one way") == 1) else "it did not run once")


def test_longest(place, nats, service):
    plain = place.plain(nats.url)
    bridge = place.export(service, nats.url, options=("--prefix", "short", "--deadline", "300ms"))
    begun = time.monotonic()
    got = error(plain.ask(f"short.{SUBJECT}Slow", '{"ms":6000}', Varlink_Timeout_Ms="60000"))
    took = time.monotonic() - begun
    equals("--deadline is the most that a caller may ask for", got[:2], ("500", "io.postern.bridge.NoAnswer"))
    tap.result("and ends its call", [] if took < 5 * SCALE else f"it took {took:.2f} s")
    bridge.end()


def test_deadlines(plain):
    begun = time.monotonic()
    got = error(plain.ask(*method("Slow", ms=4000), Varlink_Timeout_Ms="300"))
    took = time.monotonic() - begun
    equals("a deadline that came with a call is the call's", got[:2], ("500", "io.postern.bridge.NoAnswer"))
    tap.result("and is kept", [] if 0.25 < took < 3.5 * SCALE else f"it took {took:.2f} s")
    for wrong in ("0", "-1", "1s", "9999999999999"):
        equals(f"a deadline of '{wrong}' is none", error(plain.ask(*method("Echo", text=""), Varlink_Timeout_Ms=wrong)),
               ("400", "org.varlink.service.InvalidParameter", {"parameter": "Varlink-Timeout-Ms"}))


def test_sizes(plain):
    got = plain.ask(*method("Blob", size=1000000))
    equals("an answer of a million bytes comes", len(body(got)["blob"]), 1000000)
    code, name, parameters = error(plain.ask(*method("Blob", size=1100000)))
    equals("one that NATS does not take is an error", (code, name), ("500", "io.postern.bridge.TooLarge"))
    tap.result("which has both numbers", [] if parameters["max"] == 1048576 and parameters["size"] > 1100000 else str(parameters))


def collect(plain, n):
    return [m for m in (plain.next() for _ in range(n)) if m]


def test_streams(plain, service):
    plain.publish(SUBJECT + "Count", plain.open(), json.dumps({"to": 3, "everyMs": 0}), Varlink_More="true")
    first, *answers = collect(plain, 4)
    equals("a stream is accepted first", (first.headers.get("Varlink-Status"), first.payload), ("accepted", ""))
    equals("its answers come in order, and the last one is the last",
           [(body(m)["n"], m.headers.get("Varlink-Continues"), m.headers.get("Varlink-Sequence")) for m in answers],
           [(0, "true", "1"), (1, "true", "2"), (2, None, "3")])
    equals("a method that may answer often answers once to a caller that does not ask for more",
           body(plain.ask(*method("Count", to=3, everyMs=0))), {"n": 0})

    plain.publish(SUBJECT + "Count", plain.open(), json.dumps({"to": 100000, "everyMs": 20}), Varlink_More="true")
    first, second = collect(plain, 2)
    control = first.headers["Varlink-Control"]
    equals("a stream goes on for as long as it does", body(second), {"n": 0})
    inbox = plain.open()

    def say(word):
        plain.publish(control, inbox, word)
        while (got := plain.next()) and got.subject != inbox:
            pass
        return got.headers.get("Varlink-Status") if got else None

    equals("a caller says that it is there, and hears that the stream is", say("alive"), "open")
    before = service.ended_early
    equals("a stream is cancelled", say("cancel"), "ended")
    tap.result("which ends the call of the service", [] if wait_for(lambda: service.ended_early > before) else "it goes on")
    equals("of a stream that has ended the caller hears so", say("alive"), "ended")


def test_bound(place, nats, service):
    plain = place.plain(nats.url)
    bridge = place.export(service, nats.url, options=("--max-calls", 2, "--prefix", "bound", "--title", "Bound!"))
    inbox = plain.open()
    for _ in range(2):
        plain.publish(f"bound.{SUBJECT}Slow", inbox, '{"ms":2000}')
    got = plain.ask(f"bound.{SUBJECT}Echo", '{"text":""}')
    code, name, parameters = error(got)
    equals("calls beyond --max-calls are told to come again", (code, name), ("503", "io.postern.Busy"))
    tap.result("and when", [] if parameters.get("retryAfterMs", 0) > 0 else str(parameters))
    begun = time.monotonic()
    equals("those before them are answered", [body(m) for m in collect(plain, 2)], [{"ms": 2000}] * 2)
    took = time.monotonic() - begun
    tap.result("and did not wait for each other", [] if took < 3.8 * SCALE else f"it took {took:.2f} s")
    equals("and then there is room again", body(plain.ask(f"bound.{SUBJECT}Echo", '{"text":"a"}')), {"text": "a"})
    info = body(plain.ask("$SRV.INFO.Bound_"))
    equals("the prefix is told to those who discover it", info["endpoints"][0]["subject"], f"bound.{SUBJECT}Echo")
    bridge.end()


def test_allow(place, nats, service):
    plain = place.plain(nats.url)
    only = ("--prefix", "only", "--allow", f"{INTERFACE}.Echo")
    bridge = place.export(service, nats.url, options=only)
    equals("what --allow has can be called", body(plain.ask(f"only.{SUBJECT}Echo", '{"text":"a"}')), {"text": "a"})
    equals("and nothing else", plain.ask(f"only.{SUBJECT}Note", "{}").headers, {"Status": "503"})
    bridge.end()
    wrong = place.bridge("export", service.path, "--nats", nats.url, "--allow", f"{INTERFACE}.Ehco", ready=False)
    wrong.process.wait(harness.PATIENCE)
    equals("a method that does not exist cannot be allowed", wrong.process.returncode, 64)
    place.things.remove(wrong)
    for option, value in (("--prefix", "a b"), ("--queue", "a.b"), ("--nats", "http://host"), ("--tls-cert", "/none"), ("--max-calls", "40000")):
        done = place.run("bridge", "export", place.directory / "nowhere", "--wait", "forever", option, value)
        told = {"--nats": "a server of NATS is"}.get(option, option)
        tap.result(f"{option} {value} is wrong before any service is there", [] if (done.returncode, told in done.stderr) == (64, True) else
                   f"{done.returncode}: {done.stderr}")


def test_reply_subjects(place, nats, service):
    """A caller names no subject to which the exporter may publish and it may not."""
    bridge = place.export(service, nats.url, options=("--prefix", "reply"))
    plain = place.plain(nats.url)
    plain.do("SUB", "api.>")
    for word, payload, headers in (("Echo", '{"text":"stolen"}', {}), ("Echo", "[", {}), ("describe", "", {}),
                                   ("Count", '{"to":3,"everyMs":0}', {"Varlink_More": "true"})):
        plain.publish(f"reply.{SUBJECT}{word}", f"api.{word}", payload, **headers)
    plain.publish("$SRV.PING", "api.ping")
    told = bridge.wait_line("does not begin with _INBOX")
    equals("an answer goes to an inbox", body(plain.ask(f"reply.{SUBJECT}Echo", '{"text":"a"}')), {"text": "a"})
    equals("and to nothing else", (plain.next(0.3), service.times("Echo", text="stolen")), (None, 0))
    tap.result("and that is told", "" if told else bridge.said())
    bridge.end()


def test_refused_oneway(place, nats, service):
    """What has nobody to whom it could be said."""
    for n, (word, payload, why) in enumerate((("Become", "{}", "an upgrade"), ("Note", "{", "parameters are invalid"))):
        bridge = place.export(service, nats.url, options=("--prefix", f"oneway{n}"))
        plain = place.plain(nats.url)
        plain.publish(f"oneway{n}.{SUBJECT}{word}", "", payload)
        tap.result(f"a oneway call of {word} that is refused is told", "" if bridge.wait_line(why) else bridge.said())
        bridge.end()


def test_discovery(plain):
    ping, info, stats = (body(plain.ask(f"$SRV.{verb}.service_sock")) for verb in ("PING", "INFO", "STATS"))
    equals("it answers to service discovery by its types", [m["type"] for m in (ping, info, stats)],
           [f"io.nats.micro.v1.{t}_response" for t in ("ping", "info", "stats")])
    wrong = []
    for m in (ping, info, stats):
        if not re.fullmatch(r"[A-Za-z0-9_-]+", m["name"]) or not re.fullmatch(r"\d+\.\d+\.\d+", m["version"]) or not m["id"]:
            wrong.append(str(m))
        if not all(isinstance(v, str) for v in m["metadata"].values()):
            wrong.append(f"metadata: {m['metadata']}")
    tap.result("with a name, a version and an id as NATS wants them", wrong)
    equals("it answers a ping to everybody", body(plain.ask("$SRV.PING")), ping)
    equals("by its id it is found alone", body(plain.ask(f"$SRV.PING.service_sock.{ping['id']}")), ping)
    echo = next(e for e in info["endpoints"] if e["name"] == "Echo")
    equals("a method is an endpoint", echo, {"name": "Echo", "subject": SUBJECT + "Echo", "queue_group": "varlink",
                                             "metadata": {"interface": INTERFACE}})
    fail = next(e for e in stats["endpoints"] if e["name"] == "Fail")
    equals("its errors are counted", (fail["num_requests"], fail["num_errors"], fail["last_error"]),
           (1, 1, f"{INTERFACE}.Refused"))
    tap.result("and its time", [] if fail["processing_time"] > 0 and fail["average_processing_time"] > 0 else str(fail))
    tap.result("it says since when", [] if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stats["started"]) else stats["started"])


def test_sharing(place, nats):
    services = [place.service(f"shared{i}.sock", mark=str(i)) for i in range(2)]
    bridges = [place.export(s, nats.url, options=("--prefix", "shared")) for s in services]
    plain = place.plain(nats.url)
    inbox = plain.open()
    for i in range(60):
        plain.publish(f"shared.{SUBJECT}Echo", inbox, json.dumps({"text": f"{i}."}))
    got = [body(m)["text"] for m in collect(plain, 60)]
    equals("each call of a queue group runs once", sorted(int(t.split(".")[0]) for t in got), list(range(60)))
    counts = [s.times("Echo") for s in services]
    tap.comment(f"two exporters had {counts} of 60 calls")
    tap.result("and the instances share them", [] if min(counts) > 5 else str(counts))
    # One of them drains while calls come.
    stop, answers = threading.Event(), []
    caller = place.plain(nats.url)

    def call():
        while not stop.is_set():
            answers.append(body(caller.ask(f"shared.{SUBJECT}Slow", '{"ms":30}')))

    thread = threading.Thread(target=call)
    thread.start()
    plain.publish(f"shared.{SUBJECT}Slow", inbox, '{"ms":600}')
    time.sleep(0.2)
    equals("an exporter that is told to end drains, and ends with 0", bridges[0].end(), 0)
    time.sleep(0.3)
    stop.set()
    thread.join()
    got = body(plain.next())
    equals("a call that was open is answered", got, {"ms": 600})
    equals(f"and none of {len(answers)} was lost", [a for a in answers if a != {"ms": 30}], [])
    equals("the other one ends so too", bridges[1].end(), 0)
    equals("and then nobody is there", plain.ask(f"shared.{SUBJECT}Echo", "{}").headers, {"Status": "503"})


def test_losses(place, nats, service, bridge, plain):
    plain.publish(SUBJECT + "Count", plain.open(), json.dumps({"to": 100000, "everyMs": 20}), Varlink_More="true")
    collect(plain, 2)
    before = service.ended_early
    nats.kill()
    tap.result("it says that NATS is lost", [] if bridge.wait_line("connection to NATS is lost") else bridge.said())
    tap.result("and ends the streams", [] if wait_for(lambda: service.ended_early > before) else "the stream goes on")
    nats.start()
    tap.result("it comes back", [] if bridge.wait_line("NATS is back") else bridge.said())
    other = place.plain(nats.url)
    equals("and answers", body(other.ask(*method("Echo", text="back"))), {"text": "back"})


def test_no_service(place, nats):
    service = place.service("gone.sock")
    bridge = place.export(service, nats.url, options=("--prefix", "gone"))
    plain = place.plain(nats.url)
    equals("a service is called", body(plain.ask(f"gone.{SUBJECT}Echo", '{"text":"a"}')), {"text": "a"})
    service.end()
    place.things.remove(service)
    # It has a connection that still works: threads of this test serve it.
    bridge.end()
    bridge = place.bridge("export", service.path, "--nats", nats.url, "--wait", "300ms", ready=False)
    bridge.process.wait(harness.PATIENCE)
    equals("a service that is not there is waited for, and then that is an error", bridge.process.returncode, 69)
    place.things.remove(bridge)
    tap.result("which names it", [] if "gone.sock" in bridge.said() else bridge.said())


def test_service_gone(place, nats):
    service = place.service("left.sock")
    bridge = place.export(service, nats.url, options=("--prefix", "left"))
    service.end()
    place.things.remove(service)
    os.unlink(service.path)
    got = place.plain(nats.url).ask(f"left.{SUBJECT}Echo", '{"text":"a"}', Varlink_Timeout_Ms="3000")
    equals("a call of a service that has gone is not sent, and says so", error(got)[:2], ("503", "io.postern.bridge.NotSent"))
    bridge.end()


def main():
    harness.need_nats()
    place = harness.Place()
    try:
        nats = place.nats()
        service = place.service()
        bridge = place.export(service, nats.url)
        plain = place.plain(nats.url)
        test_calls(plain, service)
        test_discovery(plain)
        test_deadlines(plain)
        test_sizes(plain)
        test_streams(plain, service)
        test_bound(place, nats, service)
        test_allow(place, nats, service)
        test_longest(place, nats, service)
        test_reply_subjects(place, nats, service)
        test_refused_oneway(place, nats, service)
        test_sharing(place, nats)
        test_no_service(place, nats)
        test_service_gone(place, nats)
        test_losses(place, nats, service, bridge, plain)
    finally:
        wrong = place.end()
    tap.result("everything ends as it should", wrong)
    tap.done()


if __name__ == "__main__":
    main()
