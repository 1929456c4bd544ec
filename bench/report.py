# SPDX-License-Identifier: Apache-2.0
"""What bench/run.py has measured, as text, Markdown and plots; and which goals were reached."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import goals
import profiling
import table
from stats import ratios, spread

PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
PLACED = {"one": "both ends on one CPU", "two": "the ends on two CPUs", "free": "unpinned"}
WORKLOADS = {w.name: w for w in table.WORKLOADS}


class Results:
    """The results of a run, with the questions that tables and goals ask."""

    def __init__(self, data):
        self.data = data
        self.cells = {(c["workload"], c["point"], c["placement"], c["contender"]): c for c in data["cells"]}

    def column(self, key, name):
        cell = self.cells.get(key)
        return [s.get(name) for s in cell["samples"]] if cell and cell["samples"] else None

    def spread(self, key, name="ns"):
        column = self.column(key, name)
        return spread(column) if column and None not in column else None

    def ratio(self, workload, point, placed, ours, theirs, name="ns"):
        """Ours by theirs, round by round; None: one of the two was not measured."""
        columns = [self.column((workload, point, placed, c), name) for c in (ours, theirs)]
        if None in columns:
            return None
        found = ratios(*columns)
        return spread(found) if found else None

    def measured(self, workload, point, placed):
        """The contenders of one comparison, in their order."""
        return [c for c in WORKLOADS[workload].contenders if (workload, point, placed, c) in self.cells]

    def end_memory(self, contender):
        """Of an idle connection, where most were measured: {role: (bytes, allocations)}."""
        cells = [c for c in self.data["cells"] if c["workload"] == "idle" and c["contender"] == contender and c["samples"]]
        if not cells:
            return None
        sample = cells[-1]["samples"][0]
        return {role: (sample["memory"][role], sample["allocations"][role]) for role in sample["memory"]}


# ---- Figures as text -----------------------------------------------------------------------------


def duration(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}" if ns / size < 999 else f"{ns / size:.0f} {unit}"
    return f"{ns:.3g} ns"


def seconds(s):
    return f"{s:,.0f}" if s >= 100 else f"{s:.3g}"


def between(values, form="{:.2f}"):
    return f"{form.format(values['q1'])}–{form.format(values['q3'])}"


def figure(results, workload, label, placed, contender):
    """Time, ratio with its quartiles, CPU seconds per million: one place of a table."""
    key = (workload.name, label, placed, contender)
    time = results.spread(key)
    if not time:
        return "–"
    ratio = results.ratio(*key, workload.reference)
    parts = [duration(time["median"])]
    if contender != workload.reference and ratio:
        parts.append(f"**{ratio['median']:.2f}** ({between(ratio)})")
    parts.append(f"{seconds(results.spread(key, 'cpu_s_per_million')['median'])} s")
    return " · ".join(parts)


def table_of(results, workload, placed):
    labels = [label for label, _ in workload.points if results.measured(workload.name, label, placed)]
    rows = [["", *(f"{label} {workload.axis}" if not re.search("[A-Za-z%]", label) else label for label in labels)]]
    for name in workload.contenders:
        figures = [figure(results, workload, label, placed, name) for label in labels]
        if any(f != "–" for f in figures):
            rows.append([table.CONTENDERS[name].title, *figures])
    return rows if len(rows) > 1 else None


def table_of_load(results, workload, placed):
    rows = [["", "load", "messages a second", *PERCENTILES, "p99 to raw", "CPU of the server, s per million"]]
    for label, _ in workload.points:
        for name in results.measured(workload.name, label, placed):
            key = (workload.name, label, placed, name)
            ratio = results.ratio(*key, workload.reference, "p99")
            rows.append([table.CONTENDERS[name].title, label, f"{results.cells[key]['rate']:,}",
                         *(duration(results.spread(key, p)["median"]) for p in PERCENTILES),
                         f"{ratio['median']:.2f} ({between(ratio)})" if ratio else "–",
                         seconds(results.spread(key, "cpu_s_per_million")["median"])])
    return rows if len(rows) > 1 else None


def table_of_idle(results):
    rows = [["", "connections", "client: bytes", "allocations until then", "server: bytes", "allocations until then"]]
    for name in WORKLOADS["idle"].contenders:
        ends = results.end_memory(name)
        if ends:
            number = [label for label, _ in WORKLOADS["idle"].points if ("idle", label, "one", name) in results.cells][-1]
            rows.append([table.CONTENDERS[name].title, number, *(f"{v:,.1f}" for role in ("client", "server") for v in ends[role])])
    return rows if len(rows) > 1 else None


def table_of_counts(results):
    rows = [["", "end", "calls a message", "which"]]
    for count in results.data["counts"]:
        for role in ("client", "server"):
            calls = count["ends"][role]
            which = ", ".join(f"{name} {n:.3g}" for name, n in sorted(calls.items(), key=lambda item: -item[1]))
            rows.append([f"{table.CONTENDERS[count['contender']].title}, {count['workload']}", role,
                         f"{sum(calls.values()):.3g}", which])
    return rows if len(rows) > 1 else None


def table_of_own(results):
    rows = [["", "median", "quartiles"]]
    for name, lines in results.data["own"].items():
        for column in lines[0]:
            values = spread([line[column] for line in lines])
            rows.append([f"{name}: {column}", f"{values['median']:.4g}", between(values, "{:.4g}")])
    return rows if len(rows) > 1 else None


def sections(results):
    """[(title, words, [(subtitle, rows)])], without what was not measured."""
    found = []
    for workload in table.WORKLOADS:
        tables = []
        for placed in results.data["placements"]:
            rows = (table_of_load(results, workload, placed) if workload.name == "load" else
                    None if workload.name == "idle" else table_of(results, workload, placed))
            if rows:
                tables.append((PLACED[placed], rows))
        if workload.name == "idle" and (rows := table_of_idle(results)):
            tables.append(("", rows))
        if tables:
            found.append((workload.title, WORDS.get(workload.name, ""), tables))
    if rows := table_of_counts(results):
        found.append(("System calls per message of 64 B", "", [("", rows)]))
    if profile := results.data.get("profile"):
        found.append(("Where the hot paths spend it", "Of the library's own instructions, counted one by one, the most expensive functions "
                      "and the most expensive lines; a line of a function that is inlined counts where it stands.", profiling.tables(profile)))
    if rows := table_of_own(results):
        found.append(("Within one process", "; ".join(f"{n}: {table.OWN[n][1]}" for n in results.data["own"]) + ".", [("", rows)]))
    return found


WORDS = {
    "spin": "A class of its own: an end that spins has a CPU to itself, as long as it waits. The wake-up of the other end, which is "
            "most of every other round trip across CPUs, is saved.",
    "slow": "What waiting costs that does not help: the spin is bounded at 50 µs. Ratios are to Postern without it.",
    "one-way": "The time ends when the server has received, and summed up, the last message. Where the contender makes no batches "
               "by itself, the program does, of 32 KiB, except where it says \"a write each\".",
    "ping-pong": "What is counted is an echo. CPU seconds are those of the process.",
    "data-exchange": "As in Qt's, a chunk is in flight on each connection; what is counted is a chunk there and back.",
    "connect": "One after the other. A caller of Postern, sd-bus and GDBus are made anew each time, with all that they need.",
    "events": "The client asks for the next one when all of its connections have got the last.",
    "load": "With the ends on one CPU this would measure how the kernel shares it. The generator is raw epoll for all, so only the "
            "server differs; percentages are of the peak of each server, which is what it answers to the same generator with one "
            "message in flight on each of its 16 connections. Latency counts from the time at which a message was to be sent.",
    "idle": "What is allocated on the heap for each connection, after it has carried a message there and back; what the programs hold "
            "in arrays of their own is not in it, except where the library makes them hold it (libuv's handles at the server). GLib's loop looks at each descriptor in every turn, so "
            "10,000 of them would take a minute.",
}


# ---- Documents -----------------------------------------------------------------------------------


def as_markdown_table(rows):
    head, *rest = rows
    return ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *("| " + " | ".join(row) + " |" for row in rest)]


def as_markdown(results, pictures):
    """pictures: where they are, from this document."""
    data = results.data
    versions = ", ".join(f"{name} {v}" for name, v in data["versions"].items())
    lines = [
        "# Benchmarks", "",
        "Made by `make bench`; do not edit. Ratios are to the program of raw epoll that does the same work, unless a table says "
        "otherwise: below 1 is faster than that.", "",
        f"- {data['date']}: {data['machine']}; {versions}",
        f"- {data['rounds']} rounds in which the contenders take turns, {data['seconds']:g} s each, {data['took_s'] // 60} minutes "
        "in all" + ("; the quick form, whose figures are rough" if data["quick"] else ""),
        "- a figure is: the median time · **the median of the ratios** within each round, with their quartiles · CPU seconds of both "
        "ends for a million; less is better",
        "- a goal is judged by its median: where the quartiles include the limit, the next run may say otherwise",
        *(f"- {note}" for note in data["notes"]),
        *(f"- FAILED: {failure}" for failure in data["failures"]),
        "", "## Goals", "", *as_markdown_table([["goal", "figure", ""], *(verdicts := goals.judge(results))]),
    ]
    for key, words in goals.why(verdicts):
        lines += ["", f"**Missed: {key}.** {words}"]
    lines += ["", "## Contenders", "",
              "All write and read the same messages, and compare what came back with what was sent. What each does beyond that "
              "differs, and costs. Contenders are missing where their interface is not made for it: nng has one peer in its PAIR, "
              "ZeroMQ's client polls each of its sockets (above 100 that alone would be measured), D-Bus carries calls.", "",
              *as_markdown_table([["contender", "carries", "guarantees"]] + [
                  [c.title, c.group, c.says] for n, c in table.CONTENDERS.items()
                  if any(cell["contender"] == n for cell in data["cells"])])]
    shown = dict(pictures)
    for title, words, tables in sections(results):
        lines += ["", f"## {title}", ""]
        if words:
            lines += [words, ""]
        name = next((w.name for w in table.WORKLOADS if w.title == title), None)
        if name in shown:
            lines += [f"![{title}]({shown[name]})", ""]
        for subtitle, rows in tables:
            lines += [f"### {title.split(',')[0].split(':')[0]}: {subtitle}", ""] if subtitle else []
            lines += [*as_markdown_table(rows), ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def as_text(results):
    lines = []
    verdicts = [row for row in goals.judge(results) if row[2] != "not measured" or not results.data.get("only")]
    for title, _, tables in [("Goals", "", [("", [["goal", "figure", ""], *verdicts])]), *sections(results)]:
        lines += ["", title]
        for subtitle, rows in tables:
            rows = [[cell.replace("**", "") for cell in row] for row in rows]
            widths = [max(map(len, column)) for column in zip(*rows)]
            lines += [f"  {subtitle}"] if subtitle else []
            lines += ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(lines[1:]) + "\n"


README = [
    ("round trip, both on one CPU", "round-trip", "64 B", "one", ("raw", "postern", "uv", "qt", "zmq")),
    ("round trip, on two CPUs", "round-trip", "64 B", "two", ("raw", "postern", "uv", "qt", "zmq")),
    ("one way, one CPU", "one-way", "64 B", "one", ("raw", "postern", "uv", "qt", "zmq")),
    ("one way, two CPUs", "one-way", "64 B", "two", ("raw", "postern", "uv", "qt", "zmq")),
    ("64 B on each of 1,000 connections, two CPUs", "fan-in", "1,000", "two", ("raw", "postern", "uv", "qt", "zmq")),
]


def readme(results):
    """README's table of figures."""
    names = README[0][4]
    rows = [["64 B messages between two processes", *(table.CONTENDERS[n].title for n in names)]]
    for title, workload, label, placed, contenders in README:
        cells = []
        for name in contenders:
            time, ratio = results.spread((workload, label, placed, name)), results.ratio(workload, label, placed, name, "raw")
            cells.append("–" if not time else duration(time["median"]) if name == "raw" or not ratio else
                         f"{duration(time['median'])}, {ratio['median']:.2f} ×")
        rows.append([title, *cells])
    rough = "\n\nThese are of a quick run, and rough." if results.data["quick"] else ""
    return "\n".join(as_markdown_table(rows)) + rough


# ---- Files ---------------------------------------------------------------------------------------


def write(data, folder):
    """JSON, Markdown and plots of a run; the tables on stdout."""
    import plots
    results = Results(data)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(data, indent=1) + "\n")
    made = plots.write(results, folder)
    for name in made:
        if shutil.which("gnuplot"):
            svg = subprocess.run(["gnuplot", f"bench-{name}.gp"], cwd=folder, check=True, capture_output=True, text=True).stdout
            (folder / f"bench-{name}.svg").write_text(svg)
    if not shutil.which("gnuplot"):
        print("bench: skipped: plots, gnuplot is not installed", file=sys.stderr)
    (folder / "BENCHMARKS.md").write_text(as_markdown(results, [(n, f"bench-{n}.svg") for n in made]))
    print(as_text(results))
    verdicts = [row[2] for row in goals.judge(results)]
    print(f"bench: {verdicts.count('reached')} goals reached, {verdicts.count('MISSED')} missed, "
          f"{verdicts.count('not measured')} not measured; written: {folder}")


def publish(data, source):
    """docs/BENCHMARKS.md with its pictures, and README's figures: what a run on a quiet machine is for."""
    import plots
    results = Results(data)
    pictures = source / "docs" / "pictures"
    for old in pictures.glob("bench-*"):
        old.unlink()
    made = plots.write(results, pictures)
    subprocess.run([source / "tools" / "pictures"], check=True)
    (source / "docs" / "BENCHMARKS.md").write_text(as_markdown(results, [(n, f"pictures/bench-{n}.svg") for n in made]))
    path = source / "README.md"
    text = re.sub(r"(<!-- bench -->\n).*?(<!-- end of bench -->)", lambda m: m[1] + readme(results) + "\n" + m[2], path.read_text(),
                  flags=re.S)
    path.write_text(text)
    print(f"bench: made {source / 'docs' / 'BENCHMARKS.md'}, {len(made)} pictures, and README's figures")
