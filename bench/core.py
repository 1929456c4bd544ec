#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare Postern with a raw epoll program and with libuv, 64-byte messages over a local socket.

Client and server are separate processes. The programs take turns (A B C A B C ...), so that a machine
that changes its speed changes it for all of them, and each ratio is taken within one round. System
calls are counted in short runs of their own under strace, which would disturb a measurement.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import namedtuple
from pathlib import Path

# reference: the raw program that does the same work is what its ratio is taken to.
Contender = namedtuple("Contender", "label program batch")
Workload = namedtuple("Workload", "name title unit contenders reference")
Placement = namedtuple("Placement", "name title client server")

BATCH = 512  # messages in a batch: 32 KiB, about what the kernel puts into one buffer of a socket
LIMIT_S = 60  # for one pair of processes; they have an alarm of their own, too

WORKLOADS = [
    Workload("echo", "round trip of 64 B, one in flight", "round trip", [
        Contender("raw epoll", "raw", 1),
        Contender("Postern", "postern", 1),
        Contender("libuv", "libuv", 1),
    ], "raw epoll"),
    Workload("stream", "one-way stream of 64 B messages", "message", [
        Contender("raw epoll, batched writes", "raw", BATCH),
        Contender("Postern (batches by itself)", "postern", BATCH),
        Contender("libuv, batched writes", "libuv", BATCH),
        Contender("raw epoll, one write a message", "raw", 1),
        Contender("libuv, one write a message", "libuv", 1),
    ], "raw epoll, batched writes"),
]

# Clock readings are none of these, and no system calls where the kernel maps its clock.
TIMER_CALLS = {"timerfd_settime", "timerfd_gettime", "timer_settime", "setitimer", "alarm",
               "nanosleep", "clock_nanosleep"}

running = set()


class Failed(Exception):
    pass


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- One pair of processes -----------------------------------------------------------------------


def start(command):
    # A session of its own: under strace there are two processes to kill.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                               start_new_session=True)
    running.add(process)
    return process


def kill(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()
    running.discard(process)


def run_pair(bench, contender, workload, placement, messages, prefix=((), ())):
    """Runs a client and a server, and returns what they measured."""
    with tempfile.TemporaryDirectory(dir=bench.scratch) as directory:
        common = [workload.name, f"{directory}/sock", "--messages", str(messages),
                  "--warmup", str(max(messages // 10, 1)), "--batch", str(contender.batch)]
        program = str(bench.programs[contender.program])
        processes = []
        # The one bound for every wait below: the end of the processes ends the waits.
        watchdog = threading.Timer(LIMIT_S, lambda: [os.killpg(p.pid, signal.SIGKILL)
                                                     for p in processes if p.returncode is None])
        watchdog.start()
        try:
            for role, cpu, before in (("server", placement.server, prefix[0]),
                                      ("client", placement.client, prefix[1])):
                pin = [] if cpu is None else ["--cpu", str(cpu)]
                processes.append(start([*before, program, role, *common, *pin]))
                if role == "server" and processes[0].stdout.readline() != "ready\n":
                    raise Failed(f"{contender.label}: the server did not start")
            results = [json.loads(p.stdout.readline() or "null") for p in reversed(processes)]
            if not all(results) or any(p.wait() for p in processes):
                raise Failed(f"{contender.label}, {workload.name}: failed")
            return dict(zip(("client", "server"), results))
        except Failed as failure:
            raise failure if watchdog.is_alive() else Failed(f"{failure}: not done after {LIMIT_S} s")
        finally:
            watchdog.cancel()
            for process in processes:
                kill(process)


# ---- Time ----------------------------------------------------------------------------------------


class Cell:
    """One program in one workload at one placement."""

    def __init__(self, workload, placement, contender):
        self.workload, self.placement, self.contender = workload, placement, contender
        self.messages = 0
        self.reference = None
        self.samples = []

    def calibrate(self, bench):
        """A first run, not counted: how many messages fill the time of a run."""
        pilot = 2000 if self.workload.name == "echo" else 50000 if self.contender.batch == 1 else 500000
        self.run(bench, pilot)
        sample = self.samples.pop()
        self.messages = max(int(bench.seconds * 1e9 / sample["ns"]), 1000)

    def run(self, bench, messages=None):
        ends = run_pair(bench, self.contender, self.workload, self.placement, messages or self.messages)
        count = ends["client"]["messages"]
        self.version = ends["client"]["version"]
        self.samples.append({
            "ns": ends["client"]["wall_ns"] / count,
            "cpu_s_per_million": sum(e["cpu_ns"] for e in ends.values()) / count / 1000,
            "allocations": {role: e["allocations"] for role, e in ends.items()},
        })

    def column(self, name):
        return [s[name] for s in self.samples]

    def ratios(self, other):
        """Round by round, so that what is slow for both does not count."""
        return [a / b for a, b in zip(self.column("ns"), other.column("ns"))]

    def allocations(self):
        return max(max(s["allocations"].values()) for s in self.samples)

    def summary(self):
        return {
            "workload": self.workload.name,
            "placement": self.placement.name,
            "program": self.contender.label,
            "version": self.version,
            "batch": self.contender.batch,
            "messages_per_run": self.messages,
            "ns": spread(self.column("ns")),
            "ratio_to": self.reference.contender.label,
            "ratio": spread(self.ratios(self.reference)),
            "cpu_s_per_million": spread(self.column("cpu_s_per_million")),
            "allocations_per_run_at_most": self.allocations(),
            "samples": self.samples,
        }


def spread(values):
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "q1": q1, "q3": q3, "min": min(values), "max": max(values)}


def make_cells(bench):
    cells = []
    for workload in WORKLOADS:
        for placement in bench.placements:
            row = [Cell(workload, placement, c) for c in workload.contenders
                   if c.program in bench.programs]
            for cell in row:
                cell.reference = next(c for c in row if c.contender.label == workload.reference)
            cells += row
    return cells


def measure(bench):
    cells = make_cells(bench)
    for cell in cells:
        cell.calibrate(bench)
    began = time.monotonic()
    for n in range(1, bench.rounds + 1):
        for cell in cells:
            cell.run(bench)
        spent = time.monotonic() - began
        say(f"bench-core: round {n} of {bench.rounds}, {spent:.0f} s, "
            f"about {spent / n * (bench.rounds - n):.0f} s to go")
    return cells


# ---- System calls --------------------------------------------------------------------------------


def read_strace(path):
    """The summary of strace -c: its fourth column is the number of calls, its last the name."""
    calls = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    return calls


def count_calls(bench, workload, contender):
    """Calls per message at each end: the difference of two runs, in which start and end cancel out."""
    few, many = (1000, 5000) if workload.name == "echo" else (2000, 12000)
    unpinned = Placement("unpinned", "", None, None)
    totals = []
    for messages in (few, many):
        files = [bench.scratch / f"strace-{role}" for role in ("server", "client")]
        prefix = [[bench.strace, "-f", "-c", "-o", str(f)] for f in files]
        run_pair(bench, contender, workload, unpinned, messages, prefix)
        totals.append([read_strace(f) for f in files])
    sent = (many + many // 10) - (few + few // 10)
    counts = {}
    for role, first, second in zip(("server", "client"), *totals):
        per = {name: (n - first.get(name, 0)) / sent for name, n in second.items()}
        counts[role] = {name: n for name, n in sorted(per.items()) if round(n, 4)}
    return {"workload": workload.name, "program": contender.label, **counts}


def count_all(bench):
    counts = []
    for workload in WORKLOADS:
        for contender in workload.contenders:
            if contender.program in bench.programs:
                counts.append(count_calls(bench, workload, contender))
    say("bench-core: system calls counted")
    return counts


# ---- Goals ---------------------------------------------------------------------------------------


def goal(text, figure, reached):
    verdict = "not measured" if figure is None else "reached" if reached else "MISSED"
    return {"goal": text, "figure": figure or "", "verdict": verdict}


def goals_of_time(bench, cells):
    found = {(c.workload.name, c.placement.name, c.contender.label): c for c in cells}
    goals = []
    for workload, ours, other, limit in (
            ("echo", "Postern", "raw epoll", 1.10),
            ("echo", "Postern", "libuv", 1.00),
            ("stream", "Postern (batches by itself)", "raw epoll, batched writes", 1.10),
            ("stream", "Postern (batches by itself)", "raw epoll, one write a message", 1.10)):
        for placement in ("one CPU", "two CPUs"):
            a, b = (found.get((workload, placement, label)) for label in (ours, other))
            ratio = spread(a.ratios(b)) if a and b else None
            goals.append(goal(f"{'round trip' if workload == 'echo' else 'one-way'}, {placement}: "
                              f"at most {limit:.2f} of {other}",
                              ratio and f"{ratio['median']:.3f} ({between(ratio, '{:.3f}'.format)})",
                              ratio and ratio["median"] <= limit))
    return goals


def goals_of_counts(cells, counts):
    ours = [c for c in counts if c["workload"] == "echo" and c["program"] == "Postern"]
    ends = [c[role] for c in ours for role in ("client", "server")]
    calls = max((round(sum(e.values()), 2) for e in ends), default=None)
    ctl = max((round(e.get("epoll_ctl", 0), 2) for e in ends), default=None)
    timers = max((round(sum(e.get(t, 0) for t in TIMER_CALLS), 2) for e in ends), default=None)
    # One that a queue makes once, as it grows, is not one per message.
    most = max((c for c in cells if c.contender.program == "postern"),
               key=lambda c: c.allocations() / c.messages, default=None)
    return [
        goal("round trip: at most 3 system calls a message an end", calls and f"{calls:.2f}",
             calls and calls <= 3),
        goal("round trip: no epoll_ctl", ctl if ctl is None else f"{ctl:.2f}", ctl == 0),
        goal("round trip: no timer call", timers if timers is None else f"{timers:.2f}", timers == 0),
        goal("no allocation per message",
             most and f"at most {most.allocations()} in {most.messages} messages",
             most and most.allocations() / most.messages < 0.001),
    ]


# ---- Report --------------------------------------------------------------------------------------


def duration(ns):
    return f"{ns / 1000:.2f} µs" if ns >= 1000 else f"{ns:.1f} ns"


def rate(ns):
    return f"{1000 / ns:.2f} M" if ns < 1000 else f"{1e6 / ns:.0f} k"


def between(values, form):
    return f"{form(values['q1'])} .. {form(values['q3'])}"


def table_of_time(workload, placement, cells):
    rows = [["", f"time a {workload.unit}", "quartiles", "a second", "ratio to raw", "quartiles",
             "CPU s per million", "allocations"]]
    for cell in cells:
        s = cell.summary()
        rows.append([s["program"], duration(s["ns"]["median"]), between(s["ns"], duration),
                     rate(s["ns"]["median"]), f"{s['ratio']['median']:.2f}",
                     between(s["ratio"], "{:.2f}".format),
                     f"{s['cpu_s_per_million']['median']:.3f}",
                     str(s["allocations_per_run_at_most"])])
    return f"{workload.title}, {placement.title}", rows


def table_of_counts(workload, counts):
    rows = [["", "end", "calls a message", "which"]]
    for count in (c for c in counts if c["workload"] == workload.name):
        for role in ("client", "server"):
            calls = count[role]
            which = ", ".join(f"{name} {n:.3g}" for name, n in
                              sorted(calls.items(), key=lambda item: -item[1]))
            rows.append([count["program"], role, f"{sum(calls.values()):.3g}", which])
    return f"system calls, {workload.title}", rows


def make_tables(bench, cells, counts, goals):
    tables = []
    for workload in WORKLOADS:
        for placement in bench.placements:
            tables.append(table_of_time(workload, placement, [
                c for c in cells if c.workload is workload and c.placement is placement]))
    tables += [table_of_counts(workload, counts) for workload in WORKLOADS if counts]
    tables.append(("goals", [["goal", "figure", ""]] +
                   [[g["goal"], g["figure"], g["verdict"]] for g in goals]))
    return tables


def as_text(notes, tables):
    lines = list(notes)
    for title, rows in tables:
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines += ["", title]
        for row in rows:
            lines.append("  " + "  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip())
    return "\n".join(lines) + "\n"


def as_markdown(notes, tables):
    lines = ["# bench-core", ""] + [f"- {note}" for note in notes]
    for title, (head, *rows) in tables:
        lines += ["", f"## {title[0].upper()}{title[1:]}", "", "| " + " | ".join(head) + " |",
                  "|---" * len(head) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def make_notes(bench, cells):
    versions = sorted({f"{c.contender.program} {c.version}" for c in cells if c.version})
    return [
        ", ".join([f"Linux {platform.release()}", cpu_model(), f"{os.cpu_count()} CPUs"] + versions),
        f"{bench.rounds} rounds, programs taking turns, {bench.seconds:g} s a run; medians; "
        "each ratio is taken within its round; of times and ratios, less is better",
        "CPU seconds are those of both processes; allocations are the most that one end made in "
        "the measured section of any run",
        f"a batch is {BATCH} messages; Postern copies each message into its queue and sends the "
        "queue at the end of a turn, so its like is the raw program that batches",
    ] + bench.notes


# ---- The whole -----------------------------------------------------------------------------------


def siblings(cpu):
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    return path.read_text().strip() if path.exists() else str(cpu)


def find_placements(notes):
    """One CPU, two (of different cores where there are such), and wherever the kernel likes."""
    cpus = sorted(os.sched_getaffinity(0))
    first = cpus[0]
    placements = [Placement("one CPU", f"both on CPU {first}", first, first)]
    if len(cpus) > 1:
        others = [c for c in cpus[1:] if siblings(c) != siblings(first)] or cpus[1:]
        placements.append(Placement("two CPUs", f"on CPUs {first} and {others[0]}", first, others[0]))
        if siblings(others[0]) == siblings(first):
            notes.append(f"CPUs {first} and {others[0]} are two threads of one core")
    else:
        notes.append("skipped: two CPUs, there is only one here")
    return placements + [Placement("unpinned", "unpinned", None, None)]


def find_programs(build, notes):
    programs = {}
    for name in ("raw", "postern", "libuv"):
        path = build / "bench" / f"bench-core-{name}"
        if path.exists():
            programs[name] = path
        else:
            notes.append(f"skipped: {name}, {path.name} was not built")
    if "raw" not in programs:
        sys.exit(f"bench-core: nothing to compare with: no bench-core-raw in {build / 'bench'}; build first")
    return programs


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="bench-core", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Results: a table on stdout, bench-core.json and bench-core.md in the build directory.")
    parser.add_argument("--build", type=Path, default=Path(__file__).resolve().parent.parent / "build",
                        metavar="DIR", help="build directory (default: build beside bench)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds (default: 10; at least 2)")
    parser.add_argument("--seconds", type=float, default=0.2, help="time of one run (default: 0.2)")
    parser.add_argument("--quick", action="store_true",
                        help="2 rounds of 0.03 s: shows that it works, measures nothing")
    arguments = parser.parse_args()
    if arguments.rounds < 2 or not 0.001 <= arguments.seconds <= 10:
        parser.error("--rounds is at least 2, --seconds between 0.001 and 10")
    if arguments.quick:
        arguments.rounds, arguments.seconds = 2, 0.03
    return arguments


def run(bench):
    bench.notes = []
    bench.programs = find_programs(bench.build, bench.notes)
    bench.placements = find_placements(bench.notes)
    bench.strace = shutil.which("strace")
    if not bench.strace:
        bench.notes.append("skipped: counting system calls, strace is not installed")
    for note in bench.notes:
        say(f"bench-core: {note}")
    counts = count_all(bench) if bench.strace else []
    cells = measure(bench)
    goals = goals_of_time(bench, cells) + goals_of_counts(cells, counts)
    notes = make_notes(bench, cells)
    tables = make_tables(bench, cells, counts, goals)
    (bench.build / "bench-core.md").write_text(as_markdown(notes, tables))
    (bench.build / "bench-core.json").write_text(json.dumps({
        "notes": notes,
        "rounds": bench.rounds,
        "seconds_per_run": bench.seconds,
        "cells": [c.summary() for c in cells],
        "system_calls_per_message": counts,
        "goals": goals,
    }, indent=1) + "\n")
    print(as_text(notes, tables))
    print(f"bench-core: {sum(g['verdict'] == 'reached' for g in goals)} of {len(goals)} goals reached; "
          f"written: {bench.build / 'bench-core.json'}, {bench.build / 'bench-core.md'}")


def main(name, bench, run):
    """Runs it with a scratch directory, and ends what it has started, however it ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="postern-bench-") as scratch:
            bench.scratch = Path(scratch)
            run(bench)
    except Failed as failure:
        sys.exit(f"{name}: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        for process in list(running):
            kill(process)


if __name__ == "__main__":
    main("bench-core", parse_arguments(), run)
