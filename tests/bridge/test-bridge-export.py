#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern bridge export: a local service that answers what comes over NATS. The caller is a client that knows NATS alone."""

import json
import signal
import time

import harness
from harness import INTERFACE, PATIENCE, Place, equals, tap, wait_for


def subject(word):
    return f"varlink.{INTERFACE}.{word}"


def shown(m):
    return None if m is None else (json.loads(m.payload) if m.payload else "", m.headers)


def error(m):
    return m.headers.get("Nats-Service-Error", "") if m else "nothing came"


def test_plain(plain, service):
    equals("a_request_is_a_call", shown(plain.ask(subject("Echo"), '{"text":"hello"}')), ({"text": "hello"}, {}))
    m = plain.ask(subject("Fail"), '{"reason":"so"}')
    equals("an_error_is_a_header_and_its_parameters", shown(m), (
        {"reason": "so"}, {"Nats-Service-Error": f"{INTERFACE}.Refused", "Nats-Service-Error-Code": m.headers.get("Nats-Service-Error-Code")}))
    tap.result("it_has_a_code", "" if m.headers.get("Nats-Service-Error-Code", "") in ("400", "500") else str(m))
    equals("a_method_that_is_not_there_has_no_responder", plain.ask(subject("Nothing")).headers, {"Status": "503"})
    equals("it_describes_itself", shown(plain.ask(subject("describe")))[0], {"description": harness.DESCRIPTION})
    plain.publish(subject("Note"), "", '{"text":"once"}')
    tap.result("without_a_reply_subject_it_is_oneway", "" if wait_for(lambda: service.times("Note", text="once") == 1) else "it did not run")
    m = plain.ask(subject("Echo"), "[1]")
    equals("parameters_that_are_no_object_are_refused", (error(m).startswith("org.varlink.service."), m.headers.get("Nats-Service-Error-Code")), (True, "400"))
    equals("a_deadline_that_passes_ends_it", error(plain.ask(subject("Slow"), '{"ms":1500}', Varlink_Timeout_Ms=150)), "io.postern.bridge.NoAnswer")
    m = plain.ask(subject("Blob"), '{"size":2000000}')
    tap.result("an_answer_that_nats_does_not_take_is_told_with_both_numbers",
               "" if error(m) == "io.postern.bridge.TooLarge" and json.loads(m.payload)["max"] == 1 << 20
               and json.loads(m.payload)["size"] > 2000000 else str(m))
    equals("an_upgrade_stays_on_its_machine", error(plain.ask(subject("Become"), "{}")).split(".")[-1] in ("NotForwarded", "ExpectedUpgrade"), True)
    equals("so_do_descriptors", error(plain.ask(subject("Put"), '{"fileDescriptor":0}')), "io.postern.bridge.NotForwarded")


def test_stream(plain, service):
    inbox = plain.open()
    plain.publish(subject("Count"), inbox, '{"to":3,"everyMs":0}', Varlink_More="true")
    first = plain.next()
    equals("a_stream_is_accepted_at_once", (first.headers.get("Varlink-Status"), bool(first.headers.get("Varlink-Control"))), ("accepted", True))
    got = [plain.next() for _ in range(3)]
    equals("then_come_its_answers", [(json.loads(m.payload)["n"], m.headers.get("Varlink-Continues"), m.headers.get("Varlink-Sequence"))
                                     for m in got], [(0, "true", "1"), (1, "true", "2"), (2, None, "3")])
    m = plain.ask(first.headers["Varlink-Control"], "alive")
    equals("one_that_has_ended_says_so", m.headers.get("Varlink-Status"), "ended")
    inbox = plain.open()
    plain.publish(subject("Count"), inbox, '{"to":100000,"everyMs":20}', Varlink_More="true")
    control = plain.next().headers["Varlink-Control"]
    plain.next()
    reply = plain.open()
    plain.publish(control, reply, "alive")
    states = []
    wait_for(lambda: (m := plain.next(1)) and m.subject == reply and (states.append(m.headers.get("Varlink-Status")) or True))
    equals("one_that_is_open_says_so", states, ["open"])
    plain.publish(control, "", "cancel")
    tap.result("cancel_ends_the_call_of_the_service", "" if wait_for(lambda: service.ended_early == 1) else f"{service.ended_early} ended early")
    while plain.next(0.3):
        pass


def test_limits(p, url, plain):
    other = p.service("other.sock", description=harness.DESCRIPTION.replace(INTERFACE, "org.example.other"))
    p.export(other, url, options=("--max-calls", "1", "--allow", "org.example.other.Slow", "--allow", "org.example.other.Echo"))
    inbox = plain.open()
    plain.publish("varlink.org.example.other.Slow", inbox, '{"ms":700}')
    tap.result("a_call_is_open", "" if wait_for(lambda: other.times("Slow") == 1) else "it did not come")
    m = plain.ask("varlink.org.example.other.Echo", '{"text":"x"}')
    equals("beyond_max_calls_it_is_busy", (error(m), m.headers.get("Nats-Service-Error-Code"), json.loads(m.payload)["retryAfterMs"] > 0),
           ("io.postern.Busy", "503", True))
    equals("the_open_one_is_answered", shown(plain.next()), ({"ms": 700}, {}))
    m = plain.ask("varlink.org.example.other.Fail", '{"reason":"x"}')
    equals("what_is_not_allowed_is_not_there", m.headers.get("Status") or m.headers.get("Nats-Service-Error-Code"), "503")


def test_share(p, url, plain):
    """Two instances of one queue group, as on two machines; together they make each call once."""
    text = harness.DESCRIPTION.replace(INTERFACE, "org.example.shared")
    services = [p.service(f"shared{i}.sock", description=text) for i in range(2)]
    bridges = [p.export(s, url, machine=f"m{i}") for i, s in enumerate(services)]
    for n in range(40):
        plain.ask("varlink.org.example.shared.Echo", json.dumps({"text": str(n)}))
    counts = [s.times("Echo") for s in services]
    tap.result("instances_share_the_calls", "" if sum(counts) == 40 and min(counts) > 3 else str(counts))
    equals("each_runs_once", sorted(sum(s.times("Echo", text=str(n)) for s in services) for n in range(40)), [1] * 40)
    inbox = plain.open()
    for n in range(10):
        plain.publish("varlink.org.example.shared.Slow", inbox, json.dumps({"ms": 300 + n}))
    wait_for(lambda: sum(s.times("Slow") for s in services) == 10)
    bridges[0].kill(signal.SIGTERM)
    got = sorted(json.loads(m.payload)["ms"] for m in iter(lambda: plain.next(3), None))
    equals("sigterm_loses_no_call", got, [300 + n for n in range(10)])
    equals("and_the_bridge_ends", bridges[0].process.wait(PATIENCE), 0)
    equals("the_other_takes_all_calls_then", shown(plain.ask("varlink.org.example.shared.Echo", '{"text":"z"}')), ({"text": "z"}, {}))


def test_discovery(plain):
    m = plain.ask("$SRV.PING")
    k = json.loads(m.payload)
    equals("it_answers_ping", k.get("type"), "io.nats.micro.v1.ping_response")
    tap.result("with_its_name_and_id", "" if k.get("name") and k.get("id") and k.get("version") else str(k))
    info = json.loads(plain.ask(f"$SRV.INFO.{k['name']}").payload)
    equals("info_lists_its_subjects", (info.get("type"), subject("Echo") in [e["subject"] for e in info["endpoints"]]),
           ("io.nats.micro.v1.info_response", True))
    stats = json.loads(plain.ask(f"$SRV.STATS.{k['name']}.{k['id']}").payload)
    echo = [e for e in stats["endpoints"] if e["subject"] == subject("Echo")]
    tap.result("stats_count_its_requests", "" if stats.get("type") == "io.nats.micro.v1.stats_response" and echo
               and echo[0]["num_requests"] >= 1 else str(stats))


def test_service_gone(p, url, plain):
    gone = p.service("gone.sock", description=harness.DESCRIPTION.replace(INTERFACE, "org.example.gone"))
    p.export(gone, url)
    gone.end()
    (p.directory / "gone.sock").unlink()
    began = time.monotonic()
    m = plain.ask("varlink.org.example.gone.Echo", '{"text":"x"}', Varlink_Timeout_Ms=3000)
    equals("a_service_that_has_gone_is_told", (error(m), m.headers.get("Nats-Service-Error-Code") if m else ""), ("io.postern.bridge.NotSent", "503"))
    tap.comment(f"after {time.monotonic() - began:.1f} s")
    p.things.remove(gone)


def main():
    harness.need_nats()
    p = Place()
    nats = p.nats()
    service = p.service()
    p.export(service, nats.url)
    plain = p.plain(nats.url)
    test_plain(plain, service)
    test_stream(plain, service)
    test_discovery(plain)
    test_limits(p, nats.url, plain)
    test_share(p, nats.url, plain)
    test_service_gone(p, nats.url, plain)
    tap.result("all_of_it_ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
