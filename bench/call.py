#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare calls over Postern with its plain bytes, ZeroMQ, nng, sd-bus and GDBus.

A call carries 200 bytes and its answer the same, over a local socket, one in flight and 64. Postern's are JSON,
which both ends check, decode into C and encode; the others carry them as a string or bytes. The service and the caller are
separate processes on one CPU. The programs take turns, as in core.py, and each ratio is taken within one round. Goals
are ratios of the CPU time of both ends, which is all of the time on a machine that does nothing else.
Then the check of JSON alone, in megabytes a second, and publications to 1,000 subscribers against plain writes of the
same bytes, in turns.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import core
from core import Cell, Contender, Placement, Workload, between, goal, say, spread

DEPTH = 64

WORKLOADS = [
    Workload("echo", "call and answer of 200 B, one in flight", "call", [
        Contender("bytes", "bytes", 1),
        Contender("Postern", "postern", 1),
        Contender("ZeroMQ REQ/REP", "zmq", 1),
        Contender("nng REQ/REP", "nng", 1),
        Contender("sd-bus", "sdbus", 1),
        Contender("GDBus", "gdbus", 1),
    ], "Postern"),
    Workload("echo", f"call and answer of 200 B, {DEPTH} in flight", "call", [
        Contender("bytes", "bytes", DEPTH),
        Contender("Postern", "postern", DEPTH),
        Contender("ZeroMQ DEALER/ROUTER", "zmq", DEPTH),
        Contender("sd-bus", "sdbus", DEPTH),
        Contender("GDBus", "gdbus", DEPTH),
    ], "Postern"),
]

# depth, contender, limit: of the time of its call that a call of Postern takes at most
GOALS = [
    (1, "bytes", 1.25),
    (1, "sd-bus", 1 / 2),
    (1, "GDBus", 1 / 2),
    (1, "ZeroMQ REQ/REP", 1),
    (1, "nng REQ/REP", 1),
    (DEPTH, "ZeroMQ DEALER/ROUTER", 1 / 1.3),
    (DEPTH, "sd-bus", 1 / 4),
    (DEPTH, "GDBus", 1 / 4),
]
TOPIC_GOAL = 0.8 # of plain writes
JSON_GOALS = [("typical", "typical messages", 700), ("strings", "strings", 4000)]


def find_programs(build, notes):
    programs = {}
    for name in ("postern", "bytes", "zmq", "nng", "sdbus", "gdbus"):
        path = build / "bench" / f"bench-call-{name}"
        if path.exists():
            programs[name] = path
        else:
            notes.append(f"skipped: {name}, its library is not installed")
    if "postern" not in programs:
        sys.exit(f"bench-call: no bench-call-postern in {build / 'bench'}; build first")
    return programs


def make_rows(bench):
    cpu = min(os.sched_getaffinity(0))
    placement = Placement("one CPU", f"both on CPU {cpu}", cpu, cpu)
    rows = []
    for workload in WORKLOADS:
        row = [Cell(workload, placement, c) for c in workload.contenders if c.program in bench.programs]
        for cell in row:
            cell.reference = next(c for c in row if c.contender.label == workload.reference)
        rows.append(row)
    return rows


def measure(bench, rows):
    for row in rows:
        for cell in row:
            cell.calibrate(bench)
    began = time.monotonic()
    for n in range(1, bench.rounds + 1):
        for row in rows:
            for cell in row:
                cell.run(bench)
        spent = time.monotonic() - began
        say(f"bench-call: round {n} of {bench.rounds}, {spent:.0f} s, "
            f"about {spent / n * (bench.rounds - n):.0f} s to go")


def lines_of(bench, program):
    command = [str(bench.build / "bench" / program), str(bench.rounds)]
    return [json.loads(line) for line in subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, timeout=core.LIMIT_S).stdout.splitlines()]


def check_json(bench):
    lines = lines_of(bench, "bench-json")
    return {name: spread([line[name] for line in lines]) for name, _, _ in JSON_GOALS}


def publish(bench):
    lines = lines_of(bench, "bench-topic")
    return {name: spread([line[name] for line in lines]) for name in ("ratio", "published_us", "written_us")}


def cpu_ratios(a, b):
    name = "cpu_s_per_million"
    return spread([x / y for x, y in zip(a.column(name), b.column(name))])


def goals_of(rows, rates, topic):
    found = {(c.contender.batch, c.contender.label): c for row in rows for c in row}
    goals = []
    for depth, other, limit in GOALS:
        a, b = found[depth, "Postern"], found.get((depth, other))
        ratio = cpu_ratios(a, b) if b else None
        goals.append(goal(f"{depth} in flight: at most {limit:.2f} of the CPU time of {other}",
                          ratio and f"{ratio['median']:.3f} ({between(ratio, '{:.3f}'.format)})",
                          ratio and ratio["median"] <= limit))
    for name, title, least in JSON_GOALS:
        rate = rates[name]
        goals.append(goal(f"check of JSON, {title}: at least {least} MB/s",
                          f"{rate['median']:.0f} ({between(rate, '{:.0f}'.format)})", rate["median"] >= least))
    ratio = topic["ratio"]
    goals.append(goal(f"1,000 subscribers: at least {TOPIC_GOAL} of the speed of plain writes",
                      f"{ratio['median']:.3f} ({between(ratio, '{:.3f}'.format)}); "
                      f"{topic['published_us']['median']:.0f} us a publication", ratio["median"] >= TOPIC_GOAL))
    for depth in (1, DEPTH):
        ours = found[depth, "Postern"]
        goals.append(goal(f"{depth} in flight: no allocation a call",
                          f"at most {ours.allocations()} in {ours.messages} calls",
                          ours.allocations() / ours.messages < 0.001))
    return goals


def make_tables(rows, goals):
    tables = []
    for row in rows:
        table = [["", "CPU time a call", "quartiles", "ratio to Postern", "quartiles", "ratio in time", "quartiles",
                  "allocations"]]
        for cell in row:
            cpu = spread([s * 1000 for s in cell.column("cpu_s_per_million")])
            ratio, wall = cpu_ratios(cell, cell.reference), spread(cell.ratios(cell.reference))
            table.append([cell.contender.label, core.duration(cpu["median"]), between(cpu, core.duration),
                          f"{ratio['median']:.2f}", between(ratio, "{:.2f}".format), f"{wall['median']:.2f}",
                          between(wall, "{:.2f}".format), str(cell.allocations())])
        tables.append((f"{row[0].workload.title}, {row[0].placement.title}", table))
    tables.append(("goals", [["goal", "figure", ""]] + [[g["goal"], g["figure"], g["verdict"]] for g in goals]))
    return tables


def make_notes(bench, rows):
    versions = sorted({f"{c.contender.program} {c.version}" for row in rows for c in row if c.version})
    return [
        ", ".join([f"Linux {platform.release()}", core.cpu_model(), f"{os.cpu_count()} CPUs"] + versions),
        f"{bench.rounds} rounds, programs taking turns, {bench.seconds:g} s a run; medians; each ratio is taken "
        "within its round; of times, less is better",
    ] + bench.notes


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="bench-call", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Results: a table on stdout, bench-call.json in the build directory.")
    parser.add_argument("--build", type=Path, default=Path(__file__).resolve().parent.parent / "build",
                        metavar="DIR", help="build directory (default: build beside bench)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds (default: 10; at least 2)")
    parser.add_argument("--seconds", type=float, default=0.2, help="time of one run (default: 0.2)")
    arguments = parser.parse_args()
    if arguments.rounds < 2 or not 0.001 <= arguments.seconds <= 10:
        parser.error("--rounds is at least 2, --seconds between 0.001 and 10")
    return arguments


def run(bench):
    bench.notes = []
    bench.programs = find_programs(bench.build, bench.notes)
    for note in bench.notes:
        say(f"bench-call: {note}")
    rows = make_rows(bench)
    measure(bench, rows)
    goals = goals_of(rows, check_json(bench), publish(bench))
    notes = make_notes(bench, rows)
    (bench.build / "bench-call.json").write_text(json.dumps({
        "notes": notes,
        "cells": [dict(c.summary(), workload=c.workload.title) for row in rows for c in row],
        "goals": goals,
    }, indent=1) + "\n")
    print(core.as_text(notes, make_tables(rows, goals)))
    print(f"bench-call: {sum(g['verdict'] == 'reached' for g in goals)} of {len(goals)} goals reached; "
          f"written: {bench.build / 'bench-call.json'}")


if __name__ == "__main__":
    core.main("bench-call", parse_arguments(), run)
