#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams whose other end has gone without a word: a bridge that is killed, and one that is stopped. This waits for their leases."""

import json
import signal
import time

import harness
from harness import INTERFACE, Caller, Place, ended, equals, tap, wait_for

COUNT = f"{INTERFACE}.Count"
FOREVER = {"to": 10000000, "everyMs": 100}


def main():
    harness.need_nats()
    p = Place()
    nats = p.nats()
    text = harness.DESCRIPTION.replace(INTERFACE, "org.example.stopped")
    killed, stopped = p.service("killed.sock"), p.service("stopped.sock", description=text)
    export = p.export(killed, nats.url, machine="there")
    p.export(stopped, nats.url, machine="there")
    one = p.take("one", nats.url, machine="here")
    two = p.take("two", nats.url, machine="here", interfaces=["org.example.stopped"])
    first, second = Caller(one.path, 60), Caller(two.path, 60)
    first.send(COUNT, FOREVER, more=True)
    second.send("org.example.stopped.Count", FOREVER, more=True)
    first.receive()
    second.receive()
    silent = p.plain(nats.url)
    silent.publish("varlink.org.example.stopped.Count", silent.open(), json.dumps(FOREVER), Varlink_More="true")
    export.kill(signal.SIGKILL)
    two.kill(signal.SIGSTOP)
    began = time.monotonic()
    answer = first.receive()
    while answer.get("continues"):
        answer = first.receive()
    took = time.monotonic() - began
    equals("a_stream_of_a_bridge_that_was_killed_has_no_answer", ended(answer), "io.postern.bridge.NoAnswer")
    tap.result("and_that_is_known_when_it_is_asked_next", "" if took < 25 * harness.SCALE else f"after {took:.1f} s")
    last = silent.next()
    while last and "Nats-Service-Error" not in last.headers:
        last = silent.next()
    took = time.monotonic() - began
    tap.result("a_stream_whose_caller_has_never_said_that_it_is_alive_ends_sooner",
               "" if last and "never" in last.payload and took < 25 * harness.SCALE else f"{last} after {took:.1f} s")
    open_until = wait_for(lambda: stopped.open == 0, 45)
    took = time.monotonic() - began
    tap.result("the_call_of_a_caller_that_says_nothing_ends_after_its_lease",
               "" if open_until and 20 < took < 60 * harness.SCALE else f"{stopped.open} open after {took:.1f} s")
    two.kill(signal.SIGCONT)
    answer = second.receive()
    while answer.get("continues"):
        answer = second.receive()
    equals("and_the_caller_hears_of_it_when_it_goes_on", ended(answer), "io.postern.bridge.NoAnswer")
    first.close()
    second.close()
    tap.result("all_of_it_ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
