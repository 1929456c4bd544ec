# SPDX-License-Identifier: Apache-2.0
"""Which goals a run has reached. Each is a ratio within that run, or a count."""

import table
from stats import spread

CPU = "cpu_s_per_million"
# Clock readings are none of these, and no system calls where the kernel maps its clock.
TIMER_CALLS = {"timerfd_settime", "timerfd_gettime", "timer_settime", "setitimer", "alarm", "nanosleep", "clock_nanosleep"}
PEERS = [n for n in table.CONTENDERS if not n.startswith(("raw", "postern", "call-postern"))]
PLACES = {"one": "one CPU", "two": "two CPUs", "free": "unpinned"}


# What is said of a goal that is missed: what was tried, and where the cost is. By the beginning of the goal's text.
WHY = [
    ("round trip 64 B", "libuv, raw epoll and Postern make the same three system calls an end, and nine tenths of the time "
     "are the kernel's (the profile is below). Postern's part is some 1,600 instructions at each end, for limits, deadlines and the "
     "account of the peer's user, which libuv does not have. Edge-triggered descriptors, io_uring and a send that bypasses the queue were tried; "
     "none was faster."),
    ("round trip 64 B, two CPUs, spinning, to raw spinning", "The raw program calls recv until it has bytes, and send. Postern does the "
     "same, but around the two stand a turn and the decisions of a connection, some 1,600 instructions at each end, and a reading of the "
     "clock, without which a thread that lost its CPU would go on polling. Tried: other descriptors looked at every 30 µs and not 10, "
     "and 14 tries between two readings of the clock and not 7: neither was faster, so what is left is in the turn itself."),
    ("one-way 64 B, two CPUs, to raw", "The CPU seconds of the two are nearly the same, and on one CPU so is the time: what differs is how "
     "often the receiver sleeps, and has to be woken. A turn reads, and then sends what was written meanwhile; so the two ends are "
     "in step, and the figure varies from round to round more than any change of ours moves it."),
    ("one-way 64 B, two CPUs: at least 8 times", "The raw program, which builds its batches in place, is itself not that much faster than "
     "ZeroMQ here: with two CPUs ZeroMQ's two threads an end overlap, and the kernel's copy from one CPU to the other is the same for all. On "
     "one CPU the goal is reached."),
    ("one-way 64 KiB", "Each byte is copied once more than in the raw program, into the queue. Sending past the queue was tried and was no "
     "faster; marks from 64 KiB to 8 MiB were tried, and 256 KiB, of which both ends find their part in the cache, is used here "
     "(docs/RATIONALE.md)."),
    ("calls, 64 in flight", "ZeroMQ and nng carry bytes here, and Postern typed parameters in JSON that both ends check: some 8,000 "
     "instructions a call at each of them, two thirds of which read and check the text. With both ends on one CPU that is all there is to save; "
     "with two, the ends share it."),
    ("ping-pong", "Unpinned, the scheduler decides whether the two threads share a CPU, and that is worth more than all else: compare the "
     "CPU seconds, which do not wait. At 100 connections the raw program itself is not twice as fast as QLocalSocket; with 1,000 "
     "and more the goal is reached."),
    ("data-exchange", "Missed with few connections, in CPU seconds too, and not with more or larger chunks; unpinned, the scheduler decides whether the two "
     "threads share a CPU. libuv, which the same kernel schedules, is nearer to raw; the cause is not known."),
    ("1,000 connections", "The instructions a message are those of 100 connections, with which the goal is reached. A connection is 256 bytes, where "
     "the raw program has 40: with 1,000 at each end they leave the nearest caches in each round; with 5,000 "
     "the kernel's sockets leave them in any case, and the difference is smaller again. That it is this is inferred: the machine counts no cache misses."),
    ("connect and a round trip", "Counted, a connection takes the server 14 system calls, where the raw program makes 9, and the client 13 and "
     "7: who the peer is (at both), descriptors refused (at the client), leaving epoll before the end and a shutdown, so that a copy "
     "in a forked child keeps nothing open (at both), and the end, which is received and looked behind before it is told (at both). A second accept for a client "
     "that came alone is not among them: how many are accepted in a turn begins with one."),
    ("p99 at 80 %", "The server's time for a message is that of a round trip; what is above it is queueing, which grows steeply near the peak."),
    ("idle connection, Postern, client", "The connection itself is one block of 256 B; the rest is its place in the heap of timers, whose "
     "array doubles. The other allocations are those of the attempt to connect, its options and its name, and have gone back."),
    ("idle connection, Postern, server", "The connection itself is one block of 256 B; the rest is its place in the heap of timers, "
     "whose array doubles, and its part of the chunks that the loop keeps (1 MiB, if few are in use at once)."),
    ("idle connection, Postern, calls", "A caller is made for one service: it has its name, its options, its interface and the calls that wait, and a "
     "connection of its own. A program has a few of them. The server's end is what there are thousands of."),
    ("a publication to 1,000 subscribers", "The figure is what the writes alone take of the whole. The rest is each subscriber's place in the "
     "topic's list, the question whether it is behind, and the accounting of what it is sent; the message is encoded once."),
]


def why(rows):
    """The paragraphs of the goals that are missed, each once: of several that begin a goal's text the longest."""
    missed = [text for text, _, verdict in rows if verdict == "MISSED"]
    keys = {max((key for key, _ in WHY if text.startswith(key)), key=len, default=None) for text in missed}
    return [(key, words) for key, words in WHY if key in keys]


def row(text, figure, reached):
    return [text, figure or "", "not measured" if reached is None else "reached" if reached else "MISSED"]


def at_most(results, text, limit, *key, name="ns"):
    """Ours by theirs is at most the limit: key is workload, point, placement, ours, theirs."""
    ratio = results.ratio(*key, name=name)
    return row(f"{text}: at most {limit:.4g}", ratio and f"{ratio['median']:.3f} ({ratio['q1']:.3f}–{ratio['q3']:.3f})",
               ratio and ratio["median"] <= limit)


def times_faster(results, text, least, *key):
    """They take at least so many times as long as we do."""
    workload, label, placed, ours, theirs = key
    ratio = results.ratio(workload, label, placed, theirs, ours)
    return row(f"{text}: at least {least:g} times faster than {table.CONTENDERS[theirs].title}",
               ratio and f"{ratio['median']:.2f} ({ratio['q1']:.2f}–{ratio['q3']:.2f})", ratio and ratio["median"] >= least)


def best(results, workload, label, placed, among, name="ns"):
    """Whose median is lowest."""
    found = {n: results.spread((workload, label, placed, n), name) for n in among}
    found = {n: s["median"] for n, s in found.items() if s}
    return min(found, key=found.get) if found else None


def ahead(results, text, workload, label, placed, ours="postern", least=1, name="ns", among=PEERS):
    """Of all peers the one that comes nearest."""
    peer = best(results, workload, label, placed, among, name)
    ratio = results.ratio(workload, label, placed, peer, ours, name) if peer else None
    figure = ratio and f"{table.CONTENDERS[peer].title} takes {ratio['median']:.3f} of it ({ratio['q1']:.3f}–{ratio['q3']:.3f})"
    return row(f"{text}: {'ahead of every peer' if least == 1 else f'at least {least:g} times faster than the best peer'}",
               figure, ratio and ratio["median"] >= least)


def counted(results):
    ends = [c["ends"][role] for c in results.data["counts"] if c["workload"] == "round-trip" and c["contender"] == "postern"
            for role in ("client", "server")]
    cell = next((c for c in results.data["cells"] if c["workload"] == "round-trip" and c["contender"] == "postern" and
                 c["point"] == "64 B"), None)
    allocations = max((n for s in cell["samples"] for n in s["allocations"].values()), default=0) if cell else None

    def most(calls, text, limit):
        worst = max((sum(n for name, n in e.items() if calls(name)) for e in ends), default=None)
        return row(f"round trip, {text}", worst if worst is None else f"{worst:.2f}", worst if worst is None else round(worst, 2) <= limit)

    return [most(lambda _: True, "system calls a message an end: at most 3", 3),
            most(lambda name: name == "epoll_ctl", "epoll_ctl: none", 0),
            most(lambda name: name in TIMER_CALLS, "timer calls: none", 0),
            row("round trip, allocations a message: none", allocations if allocations is None else f"{allocations:.4f}",
                allocations if allocations is None else allocations < 0.001)]


def one_way(results):
    rows = []
    for placed in ("one", "two"):
        rows += [times_faster(results, f"one-way 64 B, {PLACES[placed]}", 8, "one-way", "64 B", placed, "postern", "zmq"),
                 at_most(results, f"one-way 64 B, {PLACES[placed]}, to raw batches built in place", 1.1, "one-way", "64 B", placed,
                         "postern", "raw")]
        floor = best(results, "one-way", "64 KiB", placed, ["raw", "raw-one", "raw-best"])
        rows.append(at_most(results, f"one-way 64 KiB, {PLACES[placed]}, to the best raw, 0.9 of its speed", 1 / 0.9, "one-way",
                            "64 KiB", placed, "postern", floor or "raw"))
    return rows


def worst(results, text, workload, limit, theirs, labels=None):
    """Of all points the one where ours by theirs is largest."""
    found = []
    for label, _ in next(w for w in table.WORKLOADS if w.name == workload).points:
        ratio = results.ratio(workload, label, "free", "postern", theirs)
        if ratio and (labels is None or labels(label)):
            found.append((ratio["median"], label))
    most = max(found, default=None)
    return row(f"{text}: at most {limit:.4g}", most and f"{most[0]:.3f} with {most[1]}", most and most[0] <= limit)


def qts_own(results):
    rows = []
    for workload in ("ping-pong", "data-exchange"):
        rows += [worst(results, f"{workload}, to raw, everywhere", workload, 1.15, "raw"),
                 worst(results, f"{workload}, to QLocalSocket, everywhere", workload, 1, "qt")]
    return rows + [worst(results, "ping-pong, to QLocalSocket, from 100 connections up", "ping-pong", 0.5, "qt",
                         lambda label: int(label.replace(",", "")) >= 100)]


def idle(results):
    rows = []
    for name, limit in (("postern", 256), ("call-postern", 512)):
        for role, (memory, allocations) in sorted((results.end_memory(name) or {}).items()):
            title = f"idle connection, {table.CONTENDERS[name].title}, {role}"
            rows.append(row(f"{title}: at most {limit} B", f"{memory:.0f} B, {allocations:.1f} allocations until then", memory <= limit))
    return rows or [row("idle connection: at most 256 B an end, 512 B with a service", None, None)]


def own(results):
    rows = []
    for name, column, text, least in (("topic", "ratio", "a publication to 1,000 subscribers, to plain writes: at least 0.9", 0.9),
                                      ("json", "typical", "check of JSON, typical messages: at least 700 MB/s", 700),
                                      ("json", "strings", "check of JSON, strings: at least 4,000 MB/s", 4000)):
        lines = results.data["own"].get(name)
        values = spread([line[column] for line in lines]) if lines else None
        rows.append(row(text, values and f"{values['median']:.4g} ({values['q1']:.4g}–{values['q3']:.4g})",
                        values and values["median"] >= least))
    return rows


def judge(results):
    """Rows of goal, figure, and whether it is reached."""
    rows = []
    for placed in ("one", "two"):
        where = f"round trip 64 B, {PLACES[placed]}"
        rows += [at_most(results, f"{where}, to raw", 1.1, "round-trip", "64 B", placed, "postern", "raw"),
                 ahead(results, where, "round-trip", "64 B", placed),
                 ahead(results, f"{where}, CPU", "round-trip", "64 B", placed, name=CPU)]
    rows += counted(results)
    rows.append(at_most(results, "round trip 64 B, two CPUs, spinning, to raw spinning", 1.2, "spin", "64 B", "two", "postern-spin",
                        "raw-spin"))
    spun = results.spread(("spin", "64 B", "two", "postern-spin"))
    sleeping = best(results, "round-trip", "64 B", "two", PEERS)
    faster = results.spread(("round-trip", "64 B", "two", sleeping))["median"] / spun["median"] if spun and sleeping else None
    rows.append(row("round trip 64 B, two CPUs, spinning: at least 8 times faster than every peer, which sleep",
                    faster and f"{faster:.1f} times {table.CONTENDERS[sleeping].title}", faster and faster >= 8))
    for label in ("after 200 µs", "after 1 ms"):
        rows += [at_most(results, f"spinning in vain, {label}, to sleeping", 1.05, "slow", label, "two", "postern-spin", "postern"),
                 at_most(results, f"spinning in vain, {label}, CPU, to sleeping", 1.05, "slow", label, "two", "postern-spin", "postern",
                         name=CPU)]
    rows += one_way(results)
    rows += [ahead(results, f"calls, 64 in flight, {PLACES[placed]}", "calls", "64", placed, "call-postern", 3,
                   among=["call-sdbus", "call-gdbus", "zmq", "nng"]) for placed in ("one", "two")]
    rows += qts_own(results)
    for placed in ("one", "two"):
        rows += [at_most(results, f"1,000 connections, {PLACES[placed]}, to raw, 0.9 of its speed", 1 / 0.9, "fan-in", "1,000", placed,
                         "postern", "raw"),
                 at_most(results, f"connect and a round trip, bytes, {PLACES[placed]}, to raw, 0.85 of its speed", 1 / 0.85, "connect",
                         "64 B", placed, "postern", "raw"),
                 at_most(results, f"connect and a round trip, messages, {PLACES[placed]}, to raw, 0.85 of its speed", 1 / 0.85,
                         "connect", "64 B", placed, "postern-frames", "raw")]
    rows.append(at_most(results, "p99 at 80 % of the peak, two CPUs, to raw", 1.2, "load", "80 %", "two", "postern", "raw", name="p99"))
    return rows + idle(results) + own(results)
