#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three servers of NATS as a cluster, which are killed one after the other while calls go on.

Two machines export a service, in one queue group, and a third one imports it; each bridge knows all three servers. A call ends in an
answer, or in an error that says whether it may have run; and that is held against what the services say has run.
"""

import collections
import socket
import threading
import time

import harness
from harness import INTERFACE, SCALE, Caller, Place, tap, wait_for

CALLERS, KILLS = 8, 6


class Load:
    """A local program, which calls until it is told to stop; each call has a text of its own."""

    def __init__(self, path, number):
        self.path, self.number, self.ends, self.wrong, self.stop = path, number, {}, [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        c, n = Caller(self.path, 20 * SCALE), 0
        while not self.stop:
            text = f"{self.number}.{n}"
            n += 1
            self.ends[text] = "lost"
            try:
                answer = c.call(f"{INTERFACE}.Echo", {"text": text})
            except OSError as error:
                self.wrong.append(f"{text}: {error}")
                break
            self.ends[text] = answer.get("error", "answered").rsplit(".", 1)[-1]
            if "error" not in answer and answer["parameters"]["text"] != text:
                self.wrong.append(f"{text}: {answer}")
            # As a program does that tries again.
            time.sleep(0.02 if "error" in answer else 0.002)
        c.socket.settimeout(0.2)
        try:
            if c.got or c.socket.recv(1):
                self.wrong.append(f"{self.number}: an answer without a call")
        except socket.timeout:
            pass
        c.close()


def judge(loads, services, began):
    ends = {text: end for load in loads for text, end in load.ends.items()}
    ran = collections.Counter(p["text"] for s in services for m, p in s.ran if m == "Echo")
    counts = collections.Counter(ends.values())
    seconds = time.monotonic() - began
    tap.comment(f"{len(ends)} calls in {seconds:.1f} s by {CALLERS} callers, {KILLS} kills: {counts['answered']} answered, "
                f"{counts['NotSent']} not sent, {counts['NoAnswer']} without an answer, {counts['Busy']} refused as busy, {counts['lost']} lost")
    twice = sum(n > 1 for n in ran.values())
    false = [t for t, end in ends.items() if end == "NotSent" and ran[t]]
    unheard = [t for t, end in ends.items() if end == "NoAnswer" and ran[t]]
    tap.comment(f"run: {len(ran)}; {twice} twice; {len(unheard)} of those without an answer had run; "
                f"{[sum(m == 'Echo' for m, _ in s.ran) for s in services]} on each machine")
    tap.result("no_call_is_lost", [w for load in loads for w in load.wrong][:5] + (["lost"] if counts["lost"] else []))
    tap.result("nothing_runs_twice", f"{twice} did" if twice else "")
    tap.result("what_is_answered_has_run_once", [t for t, end in ends.items() if end == "answered" and ran[t] != 1][:5])
    tap.result("what_was_not_sent_has_not_run", false[:5])
    known = {"answered", "NotSent", "NoAnswer", "Busy"}
    tap.result("each_call_ends_typed", [f"{n}: {counts[n]}" for n in counts if n not in known])
    tap.result("most_are_answered", "" if counts["answered"] > 0.9 * len(ends) else str(counts))


def main():
    harness.need_nats()
    p = Place()
    first = p.nats("a", cluster=True)
    servers = [first] + [p.nats(n, cluster=True, routes=[first.route]) for n in "bc"]
    # When the first is started again, it has to find the others.
    for s in servers:
        s.routes = [o.route for o in servers if o is not s]
    urls = [s.url for s in servers]
    services = [p.service(f"service{i}.sock") for i in range(2)]
    for i, s in enumerate(services):
        p.export(s, *urls, machine=f"m{i}")
    b = p.take("shared", *urls, machine="m2", options=("--deadline", f"{2 * SCALE}s"))
    tap.result("the_bridges_are_ready", "")
    began = time.monotonic()
    loads = [Load(b.path, i) for i in range(CALLERS)]
    for kill in range(KILLS):
        time.sleep(0.7 * SCALE)
        victim = servers[kill % 3]
        victim.kill()
        tap.comment(f"{time.monotonic() - began:5.1f} s: {victim.name} is killed")
        time.sleep(0.7 * SCALE)
        victim.start()
    time.sleep(1.0 * SCALE)
    for load in loads:
        load.stop = True
    for load in loads:
        load.thread.join()
    judge(loads, services, began)
    c = Caller(b.path)
    tap.result("in_the_end_all_is_as_before", "" if wait_for(lambda: "error" not in c.call(f"{INTERFACE}.Echo", {"text": "end"})) else "it fails")
    c.close()
    tap.result("all_of_it_ends", p.end())
    tap.done()


if __name__ == "__main__":
    main()
