#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the three hot paths spend their instructions, and how much of their time is the kernel's.

Instructions are counted one by one (tests/count/), so the lines are the same in each run; libc and the kernel have none of them. Of
the time, what the programs of the benchmark spend in user mode and in the kernel with both ends on one CPU. `bench/run.py` puts this
into its results; alone it prints it as Markdown, of a build with benchmarks (tools/build bench), a second or two for each path.
"""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
MOST = 5

Path_ = collections.namedtuple("Path_", "name title program options")
PATHS = [
    Path_("round-trip-server", "round trip: a server answers 64 B", "postern", ["echo", "--messages", "50000"]),
    Path_("one-way-write", "one way: 32 messages of 64 B are written, and sent at once", "postern",
          ["stream", "--messages", "20000000", "--batch", "512"]),
    Path_("call-service", "call: a service answers one with two parameters", "call-postern",
          ["echo", "--messages", "50000", "--size", "64"]),
]


def read(text):
    """What the counting program prints: (messages, instructions, system calls), {place: how often}."""
    numbers, places = None, {}
    for words in map(str.split, text.splitlines()):
        if words[0] == "at":
            places[words[1]] = int(words[2])
        elif words[0] != "compiler":
            numbers = int(words[1]), int(words[2]), int(words[4])
    return numbers, places


def text_of(place):
    """The source line, without its indentation and the spaces in it."""
    name, line = place.rsplit(":", 1)
    path = SOURCE / name
    lines = path.read_text().splitlines() if path.is_file() else []
    return " ".join(lines[int(line) - 1].split()) if line.isdigit() and 0 < int(line) <= len(lines) else ""


def count(program, path):
    """A path's instructions by function and by line, of the library alone."""
    numbers, places = read(subprocess.run([program, path.name], check=True, capture_output=True, text=True).stdout)
    found = subprocess.run(["addr2line", "-f", "-e", program, *places], check=True, capture_output=True, text=True).stdout.splitlines()
    functions, lines = collections.Counter(), collections.Counter()
    for function, line, n in zip(found[::2], found[1::2], places.values()):
        name, _, number = line.split(" (")[0].rpartition(":")
        if "/src/" in name:
            functions[function] += n
            lines[f"src/{os.path.normpath(name).rpartition('/src/')[2]}:{number}"] += n
    total = sum(places.values())
    messages, instructions, calls = numbers
    return {"title": path.title, "messages": messages, "instructions": instructions, "system_calls": calls,
            "functions": [(name, n / total) for name, n in functions.most_common(MOST)],
            "lines": [(name, text_of(name), n / total) for name, n in lines.most_common(MOST)]}


def kernel_share(programs, path, cpu):
    """The part of the CPU time that is the kernel's: of the client where it streams, else of the server."""
    program = str(programs[path.program])
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as directory:
        work, *options = path.options
        ends = []
        for role in ("server", "client"):
            ends.append(subprocess.Popen([program, role, work, f"{directory}/s", *options, "--cpu", str(cpu)],
                                         stdout=subprocess.PIPE, text=True))
            if role == "server":
                ends[0].stdout.readline()
        used = []
        for end in ends:
            end.stdout.read()
            end.stdout.close()
            _, status, usage = os.wait4(end.pid, 0)
            end.returncode = os.waitstatus_to_exitcode(status)
            used.append(usage)
        if any(end.returncode for end in ends):
            raise subprocess.SubprocessError(f"{program} failed")
    usage = used[1 if work == "stream" else 0]
    return usage.ru_stime / max(usage.ru_stime + usage.ru_utime, 1e-9)


def measure(programs, cpu):
    return [{**count(programs["hot-paths"], path), "kernel": kernel_share(programs, path, cpu)} for path in PATHS
            if path.program in programs]


def tables(profile):
    """[(subtitle, rows)]"""
    found = [("", [["path", "instructions a message", "system calls a message", "the kernel's part of the CPU time"], *(
        [p["title"], f"{p['instructions'] / p['messages']:,.0f}", f"{p['system_calls'] / p['messages']:.2f}", f"{100 * p['kernel']:.0f} %"]
        for p in profile)])]
    for p in profile:
        rows = [["functions", "", "lines", "", ""]]
        for (function, part), (line, text, share) in zip(p["functions"], p["lines"]):
            rows.append([f"`{function}`", f"{100 * part:.1f} %", line, "`" + text.replace("|", "\\|") + "`", f"{100 * share:.1f} %"])
        found.append((p["title"], rows))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=SOURCE / "build", metavar="DIR", help="build directory (default: build)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    programs = {path.name.removeprefix("bench-"): path for path in (arguments.build / "bench").glob("bench-*")}
    if "hot-paths" not in programs:
        sys.exit(f"bench: there is no bench-hot-paths in {arguments.build / 'bench'}: it is for gcc on x86-64 (tools/build bench)")
    profile = measure(programs, min(os.sched_getaffinity(0)))
    if arguments.json:
        print(json.dumps(profile, indent=1))
        return
    import report
    for subtitle, rows in tables(profile):
        print("\n".join([f"\n### {subtitle}\n"] if subtitle else []), *report.as_markdown_table(rows), sep="\n")


if __name__ == "__main__":
    main()
