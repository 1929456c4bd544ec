#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare Postern with raw epoll, libuv, GLib, Qt, ZeroMQ, nng, sd-bus and GDBus over local sockets.

Client and server are separate processes. Programs that are compared take turns (A B A B ...), so that a machine that
changes its speed changes it for all of them, and each ratio is taken within one round. A whole run takes 15 to 20 minutes and
wants a machine that does nothing else. What is not installed is skipped with a line.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import namedtuple
from pathlib import Path

import profiling
import report
import stats
import table

SOURCE = Path(__file__).resolve().parent.parent
LIMIT_S = 60  # for one pair of processes; they have an alarm of their own, too
BATCH_BYTES = 32 * 1024  # about what the kernel puts into one buffer of a socket
CHECKED = 20  # connections at most, where only the logic is tested
PILOT, PILOT_BYTES = 200, 32 << 20  # messages of the first run that tells how fast a contender is; fewer if they are large

Placement = namedtuple("Placement", "title client server")
running = set()


class Failed(Exception):
    pass


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# ---- One measurement -----------------------------------------------------------------------------


def start(command):
    # A session of its own: under strace there are two processes to kill.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)
    running.add(process)
    return process


def kill(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()
    running.discard(process)


def options_of(cell, messages):
    point = {k: v for k, v in cell.point.items() if k != "load"}
    options = ["--messages", messages, "--warmup", max(messages // 10, 1)]
    for name, value in point.items():
        options += [f"--{name}", value]
    if cell.workload.work == "stream" and cell.contender != "raw-one":
        options += ["--batch", max(min(BATCH_BYTES // point["size"], 512), 1)]
    return [str(o) for o in options]


def run_once(bench, cell, messages, extra=(), client=None, prefix=((), ()), work=None):
    """What both ends measured: {"client": ..., "server": ...}, or {"both": ...}."""
    placement = cell.placement
    contender = table.CONTENDERS[cell.contender]
    program = [str(bench.programs[contender.program])]
    own = list(contender.options)
    with tempfile.TemporaryDirectory(dir=bench.scratch) as directory:
        common = [work or cell.workload.work, f"{directory}/s", *options_of(cell, messages), *map(str, extra)]
        pin = lambda option, cpu: [] if cpu is None else [option, str(cpu)]
        processes = []
        # The one bound for every wait below: the end of the processes ends the waits.
        watchdog = threading.Timer(LIMIT_S, lambda: [os.killpg(p.pid, signal.SIGKILL)
                                                     for p in list(processes) if p.returncode is None])
        watchdog.start()
        try:
            if cell.workload.threads:
                processes.append(start([*program, "both", *common, *own, *pin("--cpu", placement.client),
                                        *pin("--server-cpu", placement.server)]))
            else:
                server = [str(bench.programs[cell.workload.server])] if cell.workload.server else program
                processes.append(start([*prefix[0], *server, "server", *common, *(own if server is program else []),
                                        *pin("--cpu", placement.server)]))
                if processes[0].stdout.readline() != "ready\n":
                    raise Failed("the server did not start")
                processes.append(start([*prefix[1], *([str(client)] if client else program), "client", *common,
                                        *([] if client else own), *pin("--cpu", placement.client)]))
            results = [json.loads(p.stdout.readline() or "null") for p in reversed(processes)]
            if not all(results) or any(p.wait() for p in processes):
                raise Failed("it failed")
            return {r["role"]: r for r in results}
        except Failed as failure:
            raise failure if watchdog.is_alive() else Failed(f"not done after {LIMIT_S} s")
        except ValueError as error:
            raise Failed(f"its result cannot be read: {error}")
        finally:
            watchdog.cancel()
            for process in processes:
                kill(process)


class Cell:
    """One contender in one workload at one point and placement."""

    def __init__(self, workload, label, point, placement, contender, placed):
        self.workload, self.label, self.point = workload, label, point
        self.placement, self.contender, self.placed = placement, contender, placed
        self.messages = self.rate = 0
        self.samples = []
        self.failed = None

    def __str__(self):
        return f"{table.CONTENDERS[self.contender].title}, {self.workload.name}, {self.label}, {self.placed}"

    def seconds(self, bench):
        return bench.seconds * (self.workload.seconds or 1)

    def calibrate(self, bench):
        """Runs that are not counted: how many messages fill the time of a run, and of the load what its peak is."""
        if self.workload.work == "idle":
            self.messages = 1
            return
        work, extra = ("echo", ()) if "load" in self.point else (None, ())
        client = bench.programs["raw"] if "load" in self.point else None
        wanted, links = self.seconds(bench) / 4, self.point.get("connections", 1)
        messages = max(min(PILOT, PILOT_BYTES // self.point.get("size", 64)), links)
        if self.workload.work == "events":
            messages = max(PILOT // links, 2)  # each is a message to all of them
        while True:
            ends = run_once(bench, self, messages, extra, client, work=work)
            first = ends.get("client") or ends["both"]
            took = first["wall_ns"] / 1e9
            rate = first["messages"] / max(took, 1e-6)
            # A few messages say nothing about many that are batched: until a quarter of the time is filled.
            if took >= wanted / 4 or messages > 1e8:
                break
            messages = int(min(messages * 10, max(rate * wanted, messages * 2)))
        if "load" in self.point:
            self.rate = rate = int(rate * self.point["load"])
        # All connections get a few.
        self.messages = max(int(rate * self.seconds(bench)), 10, 2 * links if self.workload.work == "echo" else 0)

    def run(self, bench):
        extra = ["--rate", self.rate] if self.rate else ()
        ends = run_once(bench, self, self.messages, extra, bench.programs["raw"] if self.rate else None)
        first = ends.get("client") or ends["both"]
        count = max(first["messages"], 1)
        # An end that had read its warm-up and all else at once has measured nothing.
        cpu = sum(e["cpu_ns"] / max(e["messages"], 1) if e["messages"] else 0 for e in ends.values())
        sample = {
            "ns": first["wall_ns"] / count,
            "cpu_s_per_million": cpu / 1000,
            "allocations": {role: e["allocations"] / max(e["messages"], 1) for role, e in ends.items()},
        }
        if self.workload.work == "idle":
            n = self.point["connections"]
            sample = {"memory": {r: e["memory"] / n for r, e in ends.items()},
                      "allocations": {r: e["allocations"] / n for r, e in ends.items()}}
        if self.rate:
            own = ends["server"]
            sample.update({"cpu_s_per_million": own["cpu_ns"] / max(own["messages"], 1) / 1000},
                          **{name: stats.percentile(first["latencies"], share) for name, share in report.PERCENTILES.items()})
        bench.versions[first["peer"]] = first["version"]
        bench.versions[ends.get("server", first)["peer"]] = ends.get("server", first)["version"]
        self.samples.append(sample)

    def attempt(self, bench, step):
        """A failure is tried once more, then this contender is left out here, and the run fails at its end."""
        for last in (False, True):
            if self.failed:
                return
            try:
                step(bench)
                return
            except Failed as failure:
                say(f"{self}: {failure}")
                if last or bench.check:
                    self.failed = str(failure)
                    bench.failures.append(f"{self}: {failure}")

    def result(self):
        return {"workload": self.workload.name, "point": self.label, "placement": self.placed, "contender": self.contender,
                "messages": self.messages, "rate": self.rate, "samples": self.samples}


# ---- What there is to measure --------------------------------------------------------------------


def siblings(cpu):
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    return path.read_text().strip() if path.exists() else str(cpu)


def find_placements(notes):
    """One CPU, two (of different cores where there are such), and wherever the kernel likes."""
    cpus = sorted(os.sched_getaffinity(0))
    first = cpus[0]
    placements = {"one": Placement(f"both ends on CPU {first}", first, first)}
    if len(cpus) > 1:
        others = [c for c in cpus[1:] if siblings(c) != siblings(first)] or cpus[1:]
        placements["two"] = Placement(f"on CPUs {first} and {others[0]}", first, others[0])
        if siblings(others[0]) == siblings(first):
            notes.append(f"CPUs {first} and {others[0]} are two threads of one core")
    else:
        notes.append("skipped: two CPUs and spinning, there is only one here")
    placements["free"] = Placement("unpinned", None, None)
    return placements


def find_programs(build, notes):
    programs = {}
    for key, contender in [*table.CONTENDERS.items(), *((k, table.Contender(k, k, "")) for k in table.OWN)]:
        path = build / "bench" / f"bench-{contender.program}"
        if path.exists():
            programs[contender.program] = path
        else:
            notes.append(f"skipped: {contender.title}, its library is not installed ({path.name} was not built)")
    if "raw" not in programs:
        sys.exit(f"bench: nothing to compare with: no bench-raw in {build / 'bench'}; build first (tools/build bench)")
    return programs


def make_cells(bench):
    cells = []
    limit = os.sysconf("SC_OPEN_MAX")
    for workload in table.WORKLOADS:
        if bench.only and workload.name not in bench.only:
            continue
        for label, point in workload.points:
            if bench.quick and workload.quick and label not in workload.quick:
                continue
            if bench.check and "connections" in point:
                point = {**point, "connections": min(point["connections"], CHECKED)}
            links = point.get("connections", 1) * (2 if workload.threads else 1)
            if links + 200 > limit:
                bench.notes.append(f"skipped: {workload.name} with {label}, only {limit:,} descriptors are allowed (ulimit -n)")
                continue
            pinned = [p for p in workload.pinned if p in bench.placements][-1 if bench.check else 0:]
            free = [] if bench.quick and pinned else ["free"] if label == workload.key or not workload.pinned else []
            for placed in pinned + free:
                if workload.name == "spin" and "two" not in bench.placements:
                    continue
                for name in workload.contenders:
                    contender = table.CONTENDERS[name]
                    if contender.program not in bench.programs:
                        continue
                    if point.get("connections", 1) <= workload.limits.get(name, 1 << 30):
                        cells.append(Cell(workload, label, point, bench.placements[placed], name, placed))
    return cells


# ---- The whole run -------------------------------------------------------------------------------


class Progress:
    def __init__(self, rounds, steps):
        self.began, self.steps, self.done, self.shown = time.monotonic(), steps, 0, 0
        self.rounds = rounds

    def step(self, what):
        self.done += 1
        spent = time.monotonic() - self.began
        if spent - self.shown < (0.2 if sys.stderr.isatty() else 15) and self.done < self.steps:
            return
        self.shown = spent
        left = spent / self.done * (self.steps - self.done)
        text = f"bench: {100 * self.done // self.steps:3d} %, {spent:.0f} s, about {left:.0f} s to go: {what}"
        print(f"\r\033[K{text[:110]}" if sys.stderr.isatty() else text, file=sys.stderr, flush=True,
              end="" if sys.stderr.isatty() and self.done < self.steps else "\n")


def measure(bench):
    cells = make_cells(bench)
    rounds = [c.workload.rounds or bench.rounds for c in cells]
    progress = Progress(bench.rounds, sum(rounds) + len(cells))
    for cell in cells:
        cell.attempt(bench, cell.calibrate)
        progress.step(f"how fast is {cell}?")
    for n in range(bench.rounds):
        for cell, most in zip(cells, rounds):
            if n < most:
                cell.attempt(bench, cell.run)
                progress.step(f"round {n + 1} of {bench.rounds}: {cell}")
    return [c.result() for c in cells if not c.failed]


def read_strace(path):
    """The summary of strace -c: its fourth column is the number of calls, its last the name."""
    calls = {}
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    return calls


def count_calls(bench, workload, contender):
    """System calls per message at each end: the difference of two runs, in which start and end cancel out."""
    label, point = next(p for p in workload.points if p[0] == "64 B")
    cell = Cell(workload, label, point, bench.placements["free"], contender, "free")
    few, many = (500, 2500) if workload.work == "echo" else (2000, 12000)
    if bench.check:
        few, many = 50, 150
    totals = []
    for messages in (few, many):
        files = [bench.scratch / f"strace-{role}" for role in ("server", "client")]
        run_once(bench, cell, messages, prefix=[[bench.strace, "-f", "-c", "-o", str(f)] for f in files])
        totals.append([read_strace(f) for f in files])
    sent = (many + many // 10) - (few + few // 10)
    ends = {}
    for role, first, second in zip(("server", "client"), *totals):
        per = {name: (n - first.get(name, 0)) / sent for name, n in second.items()}
        ends[role] = {name: n for name, n in sorted(per.items()) if round(n, 3) > 0}
    return {"workload": workload.name, "contender": contender, "ends": ends}


def count_all(bench):
    if not bench.strace:
        bench.notes.append("skipped: counting system calls, strace is not installed")
        return []
    say("counting system calls")
    wanted = [w for w in table.WORKLOADS if w.name in ("round-trip", "one-way")[:1 if bench.check else 2] and
              (not bench.only or w.name in bench.only)]
    counts = []
    for workload in wanted:
        for name in workload.contenders:
            contender = table.CONTENDERS[name]
            if contender.program in bench.programs and contender.group == "bytes" and name != "raw-best":
                try:
                    counts.append(count_calls(bench, workload, name))
                except Failed as failure:
                    bench.failures.append(f"system calls of {contender.title}: {failure}")
    return counts


def run_own(bench):
    found = {}
    for name, (program, _) in table.OWN.items():
        if program not in bench.programs or (bench.only and name not in bench.only):
            continue
        say(f"{name}: {bench.rounds} rounds within one process")
        try:
            lines = subprocess.run([bench.programs[program], str(bench.rounds)], check=True, stdout=subprocess.PIPE,
                                   text=True, timeout=LIMIT_S).stdout.splitlines()
            found[name] = [json.loads(line) for line in lines]
        except (subprocess.SubprocessError, ValueError) as error:
            bench.failures.append(f"{name}: {error}")
    return found


def find_profile(bench):
    """Where the hot paths spend their instructions; None: nobody wants it, or it cannot be told here."""
    program = bench.build / "bench" / "bench-hot-paths"
    if bench.only or bench.check:
        return None
    if not program.exists() or not shutil.which("addr2line"):
        bench.notes.append("skipped: the profile of the hot paths, which needs gcc on x86-64, and addr2line")
        return None
    say("counting instructions")
    try:
        return profiling.measure({**bench.programs, "hot-paths": program}, bench.placements["one"].client)
    except (subprocess.SubprocessError, OSError) as error:
        bench.failures.append(f"profile: {error}")
        return None


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def run(bench):
    bench.notes, bench.failures, bench.versions = [], [], {}
    bench.placements = find_placements(bench.notes)
    bench.programs = find_programs(bench.build, bench.notes)
    bench.strace = shutil.which("strace")
    for note in bench.notes:
        say(note)
    began = time.monotonic()
    counts = count_all(bench)
    cells = measure(bench)
    own = run_own(bench)
    profile = find_profile(bench)
    return {
        "machine": f"Linux {platform.release()}, {cpu_model()}, {os.cpu_count()} CPUs",
        "date": time.strftime("%Y-%m-%d"),
        "versions": {name: v for name, v in sorted(bench.versions.items()) if v},
        "placements": {name: p.title for name, p in bench.placements.items()},
        "quick": bench.quick, "only": bench.only, "rounds": bench.rounds, "seconds": bench.seconds, "took_s": round(time.monotonic() - began),
        "notes": bench.notes, "failures": bench.failures, "counts": counts, "own": own, "profile": profile,
        "cells": cells,
    }


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="With make: make bench BENCH='--only one-way'. Results are build/bench/results/bench.json, BENCHMARKS.md and "
        "plots as SVG; --publish also makes docs/BENCHMARKS.md, docs/pictures/bench-* and README's figures of them.\n"
        "workloads: " + ", ".join(w.name for w in table.WORKLOADS) + ", " + ", ".join(table.OWN))
    parser.add_argument("--build", type=Path, default=SOURCE / "build", metavar="DIR", help="build directory (default: build)")
    parser.add_argument("--rounds", type=int, help="rounds (default: 10; of --quick 3)")
    parser.add_argument("--seconds", type=float, help="time of one run (default: 0.07; of --quick 0.03)")
    parser.add_argument("--quick", action="store_true", help="fewer points, rounds and placements: under three minutes")
    parser.add_argument("--check", action="store_true",
                        help="a few messages of everything: do all contenders work, and give right answers? No figures")
    parser.add_argument("--only", action="append", metavar="WORKLOAD", help="only this one; may be given again")
    parser.add_argument("--from", dest="data", type=Path, metavar="JSON", help="measure nothing: take what a run has measured")
    parser.add_argument("--publish", action="store_true", help="make the documents of the results")
    arguments = parser.parse_args()
    arguments.quick = arguments.quick or arguments.check
    arguments.rounds = arguments.rounds or (1 if arguments.check else 3 if arguments.quick else 10)
    arguments.seconds = arguments.seconds or (0.002 if arguments.check else 0.03 if arguments.quick else 0.07)
    known = {w.name for w in table.WORKLOADS} | set(table.OWN)
    if unknown := set(arguments.only or ()) - known:
        parser.error(f"there is no workload {', '.join(sorted(unknown))}")
    if arguments.publish and (arguments.only or arguments.check):
        parser.error("--publish is for a run of everything")
    if arguments.rounds < 1 or not 0.001 <= arguments.seconds <= 10:
        parser.error("--rounds is at least 1, --seconds between 0.001 and 10")
    return arguments


def main():
    bench = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="postern-bench-") as scratch:
            bench.scratch = Path(scratch)
            results = json.loads(bench.data.read_text()) if bench.data else run(bench)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        for process in list(running):
            kill(process)
    if bench.check:
        print(f"bench: {len(results['cells'])} comparisons ran, {len(results['failures'])} failed")
    else:
        report.write(results, bench.build / "bench" / "results")
        if bench.publish:
            report.publish(results, SOURCE)
    for failure in results["failures"]:
        say(f"FAILED: {failure}")
    sys.exit(1 if results["failures"] else 0)


if __name__ == "__main__":
    main()
