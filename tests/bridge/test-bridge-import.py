#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern bridge import: a local name whose calls are requests on NATS. The far end is a client that knows NATS alone."""

import json
import signal
import time

import harness
from harness import INTERFACE, PATIENCE, SCALE, Caller, Far, Place, ended, equals, tap, wait_for

BRIDGE = "io.postern.bridge"


def method(word):
    return f"{INTERFACE}.{word}"


def error(answer):
    return answer.get("error", "").removeprefix(BRIDGE + ".")


def at_once(began):
    return "" if time.monotonic() - began < 5 * SCALE else f"it took {time.monotonic() - began:.1f} s"


def answers(word, m):
    """What the far end says: most of it is in the text that was sent."""
    if word == "control":
        return []
    p = json.loads(m.payload or "{}")
    text = p.get("text", p.get("reason", ""))
    if word == "Echo" and text == "silence":
        return None
    if word == "Echo" and text == "junk":
        return [("{", {})]
    if word == "Echo" and text == "nothing":
        return [("", {})]
    if word == "Echo" and text == "twice":
        return [('{"text":"one"}', {"Varlink_Continues": "true"}), ('{"text":"two"}', {})]
    if word == "Echo":
        return [(json.dumps({"text": text}), {})]
    if word == "Fail" and text == "foreign":
        return [("no JSON", {"Nats_Service_Error": "out of order", "Nats_Service_Error_Code": "500"})]
    if word == "Fail":
        return [(json.dumps({"reason": text}), {"Nats_Service_Error": method("Refused"), "Nats_Service_Error_Code": "400"})]
    if word == "Count":
        return stream(m, p)
    return []


def stream(m, p):
    """to: how many; everyMs: 1 leaves out the second, 2 never ends it, 3 wants to be ended elsewhere."""
    yield "", {"Varlink_Status": "accepted", "Varlink_Control": ELSEWHERE if p["everyMs"] == 3 else "_INBOX.far.control"}
    for n in range(p["to"]):
        if p["everyMs"] == 1 and n == 1:
            continue
        last = n + 1 == p["to"] and p["everyMs"] != 2
        yield json.dumps({"n": n}), {"Varlink_Sequence": n + 1, **({} if last else {"Varlink_Continues": "true"})}


ELSEWHERE = "$JS.API.STREAM.DELETE.control"
METHODS = ("describe", "Echo", "Fail", "Count", "Note", "Put", "Become")


def test_plain(far, path):
    c = Caller(path)
    equals("a_call_is_answered", c.call(method("Echo"), {"text": "hello"}), {"parameters": {"text": "hello"}})
    m = far.got("Echo")[-1]
    equals("it_was_a_request_with_the_parameters", (m.subject, json.loads(m.payload)), (f"varlink.{method('Echo')}", {"text": "hello"}))
    ms = int(m.headers.get("Varlink-Timeout-Ms", 0))
    tap.result("its_deadline_travels", "" if 500 < ms <= 1000 * SCALE else str(m))
    equals("an_empty_answer_is_an_answer", c.call(method("Echo"), {"text": "nothing"}), {})
    equals("an_error_comes_by_its_name", c.call(method("Fail"), {"reason": "so"}),
           {"error": method("Refused"), "parameters": {"reason": "so"}})
    answer = c.call(method("Fail"), {"reason": "foreign"})
    equals("an_error_of_a_service_that_knows_nats_alone_is_passed_on", answer,
           {"error": BRIDGE + ".Failed", "parameters": {"code": 500, "reason": "out of order"}})
    equals("an_answer_that_is_no_json_is_no_answer", error(c.call(method("Echo"), {"text": "junk"})), "NoAnswer")
    equals("two_answers_to_one_call_are_no_answer", error(c.call(method("Echo"), {"text": "twice"})), "NoAnswer")
    equals("and_the_next_call_is_as_before", c.call(method("Echo"), {"text": "x"}), {"parameters": {"text": "x"}})
    began = time.monotonic()
    answer = c.call(method("Slow"), {"ms": 1})
    tap.result("where_nobody_is_it_is_told_at_once", at_once(began) if error(answer) == "NotSent" else str(answer))
    answer = c.call(method("Echo"), {"text": "silence"})
    equals("at_the_deadline_there_is_no_answer", error(answer), "NoAnswer")
    equals("a_method_that_is_not_described_is_not_found", ended(c.call(method("Nothing"))), "org.varlink.service.MethodNotFound")
    before = len(far.seen)
    equals("a_call_with_descriptors_stays_here", error(c.call(method("Put"), {"fileDescriptor": 0})), "NotForwarded")
    equals("an_upgrade_stays_here", error(c.call(method("Become"), {}, upgrade=True)), "NotForwarded")
    equals("and_nothing_of_them_is_sent", len(far.seen), before)
    answer = c.call(method("Echo"), {"text": "x" * (2 << 20)})
    k = answer.get("parameters", {})
    tap.result("what_nats_does_not_take_is_told_with_both_numbers",
               "" if error(answer) == "TooLarge" and k["size"] > 2 << 20 and k["max"] == 1 << 20 else str(answer)[:200])
    c.send(method("Note"), {"text": "no answer"}, oneway=True)
    equals("after_a_oneway_call_the_next_is_answered", c.call(method("Echo"), {"text": "y"}), {"parameters": {"text": "y"}})
    tap.result("it_has_no_reply_subject", "" if wait_for(lambda: far.got("Note")) and far.got("Note")[0].reply == "" else str(far.seen[-1]))
    c.close()


def test_description(p):
    done = p.run("introspect", "far", INTERFACE)
    equals("the_name_is_described_as_the_far_end_describes_it", done.stdout, harness.DESCRIPTION)
    done = p.run("introspect", "far", BRIDGE)
    tap.result("the_errors_of_the_bridge_can_be_looked_up", "" if "error NotSent (reason: string)" in done.stdout else done.stdout + done.stderr)
    done = p.run("call", "far", method("Echo"), '{"text":"by the command"}')
    tap.result("postern_call_cannot_tell", "" if "by the command" in done.stdout and done.returncode == 0 else done.stdout + done.stderr)


def test_stream(far, path):
    c = Caller(path)
    c.send(method("Count"), {"to": 3, "everyMs": 0}, more=True)
    equals("a_stream_comes_in_order_and_ends", [c.receive() for _ in range(3)],
           [{"parameters": {"n": 0}, "continues": True}, {"parameters": {"n": 1}, "continues": True}, {"parameters": {"n": 2}}])
    equals("the_request_said_more", far.got("Count")[-1].headers.get("Varlink-More"), "true")
    c.send(method("Count"), {"to": 3, "everyMs": 1}, more=True)
    equals("a_missing_answer_is_told", [error(c.receive()) for _ in range(2)], ["", "NoAnswer"])
    tap.result("and_the_far_end_is_told_to_stop", "" if wait_for(lambda: [m for m in far.got("control") if m.payload == "cancel"]) else "no cancel")
    before = len(far.got("control"))
    c.send(method("Count"), {"to": 1, "everyMs": 3}, more=True)
    equals("nothing_is_sent_to_a_control_subject_that_is_no_inbox", (error(c.receive()), far.got("control")[before:]), ("NoAnswer", []))
    c.send(method("Count"), {"to": 1, "everyMs": 2}, more=True)
    c.receive()
    c.close()
    tap.result("a_program_that_leaves_cancels_its_stream", "" if wait_for(
        lambda: [m.payload for m in far.got("control")[before:]] == ["alive", "cancel"]) else str([str(m) for m in far.got("control")]))


def test_limits(p, url, far):
    b = p.take("few", url, options=("--max-calls", "1", "--allow", method("Echo"), "--deadline", "5s"))
    first, second = Caller(b.path), Caller(b.path)
    first.send(method("Echo"), {"text": "silence"})
    tap.result("a_call_is_open", "" if wait_for(lambda: [m for m in far.got("Echo") if "silence" in m.payload]) else "it did not come")
    answer = second.call(method("Echo"), {"text": "x"})
    equals("beyond_max_calls_it_is_busy", (answer["error"], answer["parameters"]["retryAfterMs"] > 0), ("io.postern.Busy", True))
    equals("what_is_not_allowed_is_refused", ended(second.call(method("Fail"), {"reason": "x"})), "org.varlink.service.PermissionDenied")
    first.close()
    tap.result("a_program_that_leaves_makes_room", "" if wait_for(
        lambda: second.call(method("Echo"), {"text": "x"}) == {"parameters": {"text": "x"}}) else "it is busy")
    second.close()


def test_drain(p, url, far):
    b = p.take("leaving", url, options=("--deadline", "20s"))
    c = Caller(b.path)
    n = len(far.got("Echo"))
    c.send(method("Echo"), {"text": "silence"})
    wait_for(lambda: len(far.got("Echo")) > n)
    b.kill(signal.SIGTERM)
    tap.result("at_sigterm_the_name_goes", "" if wait_for(lambda: not b.path.exists()) else "it is still there")
    far.publish(far.got("Echo")[-1].reply, '{"text":"late"}')
    equals("and_an_open_call_still_gets_its_answer", c.receive(), {"parameters": {"text": "late"}})
    equals("then_it_ends", b.process.wait(PATIENCE), 0)
    c.close()


def test_lost(nats, path, b, far):
    c, d, since = Caller(path), Caller(path), len(b.lines)
    n = len(far.got("Echo"))
    c.send(method("Echo"), {"text": "silence"})
    wait_for(lambda: len(far.got("Echo")) > n)
    d.send(method("Count"), {"to": 1, "everyMs": 2}, more=True)
    d.receive()
    began = time.monotonic()
    nats.kill()
    equals("when_nats_is_lost_an_open_call_has_no_answer", error(c.receive()), "NoAnswer")
    tap.result("and_is_told_at_once", at_once(began))
    equals("so_has_a_stream", error(d.receive()), "NoAnswer")
    equals("a_call_meanwhile_is_not_sent", error(c.call(method("Echo"), {"text": "x"})), "NotSent")
    tap.result("it_says_so", "" if b.wait_line("lost", since=since) else b.said())
    nats.start()
    tap.result("it_comes_back_by_itself", "" if b.wait_line("again", since=since) else b.said())
    tap.result("and_calls_are_answered_again", "" if wait_for(
        lambda: c.call(method("Echo"), {"text": "x"}) == {"parameters": {"text": "x"}}) else "they are not")
    c.close()
    d.close()


def test_start(p, url):
    done = p.run("bridge", "import", "org.example.nobody", "--as", "none", "--nats", url, "--wait", "300ms")
    tap.result("an_interface_that_nobody_serves_is_told_after_wait", "" if done.returncode == 69 and "not found on NATS" in done.stderr else
               f"{done.returncode} {done.stderr}")
    b = p.bridge("import", "org.example.late", "--as", "late", "--nats", url, ready=False)
    time.sleep(0.3)
    text = harness.DESCRIPTION.replace(INTERFACE, "org.example.late")
    far = p.add(Far(url, answers, interface="org.example.late", description=text).serve("describe"))
    tap.result("one_that_comes_later_is_waited_for", "" if b.wait_line("ready") else b.said())
    far.description = "interface org.example"
    for name, description in (("half_a_description", "interface org.example"), ("another_interface", harness.DESCRIPTION)):
        far.description = description
        done = p.run("bridge", "import", "org.example.late", "--as", "other", "--nats", url, "--wait", "300ms")
        tap.result(f"{name}_is_none", "" if done.returncode == 69 and "escri" in done.stderr else f"{done.returncode} {done.stderr}")
    for name, arguments, text in (
            ("a_missing_name", ["org.example.late"], "--as"),
            ("a_missing_interface", ["--as", "x"], "INTERFACE"),
            ("a_strange_interface", ["org.>", "--as", "x"], "org.>"),
            ("a_strange_prefix", ["org.example.late", "--as", "x", "--prefix", "a b"], "--prefix")):
        done = p.run("bridge", "import", *arguments, "--nats", url)
        tap.result(f"{name}_is_told", "" if done.returncode == 64 and text in done.stderr else f"{done.returncode} {done.stderr}")


def main():
    harness.need_nats()
    p = Place()
    nats = p.nats()
    far = p.add(Far(nats.url, answers).serve(*METHODS))
    far.plain.do("SUB", "_INBOX.far.control")
    far.plain.do("SUB", ELSEWHERE)
    b = p.take("far", nats.url, options=("--deadline", f"{SCALE}s"))
    test_plain(far, b.path)
    test_description(p)
    test_stream(far, b.path)
    test_limits(p, nats.url, far)
    test_drain(p, nats.url, far)
    test_lost(nats, b.path, b, far)
    test_start(p, nats.url)
    tap.result("all_of_it_ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
