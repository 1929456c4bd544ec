# SPDX-License-Identifier: Apache-2.0
"""Plots of a run: a text for gnuplot each, with its figures inside."""

import table

COLOURS = {"raw": "#666666", "raw-best": "#000000", "raw-one": "#aaaaaa", "postern": "#1b7837", "postern-frames": "#7fbf7b",
           "call-postern": "#35978f", "uv": "#2166ac", "glib": "#8073ac", "qt": "#e08214", "zmq": "#b2182b", "nng": "#f4a582",
           "call-sdbus": "#4393c3", "call-gdbus": "#c2a5cf"}
# workload, placement, what is along x, what along y, title. Where the figures span many decades, for each size another, all
# contenders would lie on one line: there the ratio to raw epoll is drawn.
TIME, RATIO = "time", "ratio"
LINES = [
    ("round-trip", "one", "size", RATIO, "Round trip, ends on one CPU", "bytes of a message"),
    ("pipelined", "one", "depth", TIME, "64 B answers, ends on one CPU", "messages in flight"),
    ("calls", "one", "depth", TIME, "Calls with 200 B, ends on one CPU", "calls in flight"),
    ("one-way", "two", "size", RATIO, "One-way stream, ends on two CPUs", "bytes of a message"),
    ("fan-in", "two", "connections", TIME, "64 B echoed on each connection, ends on two CPUs", "connections"),
    ("ping-pong", "free", "connections", TIME, "Qt's pingPong, server in a thread", "connections"),
    ("events", "two", "connections", RATIO, "A message of 64 B to all subscribers, ends on two CPUs", "subscribers"),
]
HEAD = """# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: {machine}
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "{title}: medians and quartiles; less is better"
set grid lc rgb "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set key outside right top reverse Left samplen 2
"""


def head(results, title):
    return HEAD.format(machine=results.data["machine"], title=title)


def lines(results, workload, placed, option, what, title, axis):
    """Time, or its ratio to raw epoll, over a number, both logarithmic: what counts are ratios."""
    name = workload.name
    found = {}
    for label, point in workload.points:
        for contender in results.measured(name, label, placed):
            key = (name, label, placed, contender)
            spread = results.spread(key) if what == TIME else results.ratio(*key, workload.reference)
            if spread:
                found.setdefault(contender, []).append((point[option], spread))
    if not found or max(map(len, found.values())) < 2:
        return None
    unit = f"µs for each {workload.unit}" if what == TIME else "times as long as raw epoll"
    scale = 1000 if what == TIME else 1
    text = head(results, title) + f'set logscale xy\nset xlabel "{axis}"\nset ylabel "{unit}"\n'
    text += "set format y '%g'\n"
    for contender, values in found.items():
        rows = "\n".join(f"{x} " + " ".join(f"{s[q] / scale:.4g}" for q in ("median", "q1", "q3")) for x, s in values)
        text += f"${contender.replace('-', '_')} << EOD\n{rows}\nEOD\n"
    ticks = sorted({x for values in found.values() for x, _ in values})
    text += "set xtics (" + ", ".join(f'"{short(x)}" {x}' for x in ticks) + ")\n"
    text += f"set xrange [{ticks[0] / 1.3:g}:{ticks[-1] * 1.3:g}]\n"
    return text + "plot " + ", \\\n     ".join(
        f'${c.replace("-", "_")} using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "{COLOURS[c]}" '
        f'title "{table.CONTENDERS[c].title}"' for c in found) + "\n"


def short(n):
    for unit, size in (("Mi", 1 << 20), ("Ki", 1 << 10)):
        if n >= size and n % size == 0:
            return f"{n // size}{unit}"
    return str(n)


def load(results):
    """Percentiles of the latency over the load, from the scheduled times."""
    workload = next(w for w in table.WORKLOADS if w.name == "load")
    text, plots = "", []
    for contender in workload.contenders:
        rows = []
        for label, point in workload.points:
            key = ("load", label, "two", contender)
            if results.spread(key, "p99"):
                rows.append(f"{100 * point['load']:.0f} " + " ".join(f"{results.spread(key, p)['median'] / 1000:.6g}"
                                                                    for p in ("p50", "p99")))
        if len(rows) < 2:
            continue
        text += f"${contender} << EOD\n" + "\n".join(rows) + "\nEOD\n"
        for column, dash, name in ((2, 3, "p50"), (3, 1, "p99")):  # more is in the table, and too much for one picture
            plots.append(f'${contender} using 1:{column} with linespoints dt {dash} lw 2 pt 7 ps 0.5 lc rgb "{COLOURS[contender]}" '
                         f'title "{table.CONTENDERS[contender].title}, {name}"')
    if not plots:
        return None
    return (head(results, "Latency under an open load, ends on two CPUs").replace("medians and quartiles", "medians") +
            'set logscale y\nset xlabel "% of the server\'s peak"\nset ylabel "µs from the time to be sent"\nset format y "%g"\n' +
            text + "plot " + ", \\\n     ".join(plots) + "\n")


def write(results, folder):
    """Makes bench-NAME.gp for all that was measured; returns the names."""
    workloads = {w.name: w for w in table.WORKLOADS}
    texts = {name: lines(results, workloads[name], *rest) for name, *rest in LINES}
    texts["load"] = load(results)
    for name, text in texts.items():
        if text:
            (folder / f"bench-{name}.gp").write_text(text)
    return [name for name, text in texts.items() if text]
