# SPDX-License-Identifier: Apache-2.0
"""What is compared with what: workloads, contenders, placements. bench/run.py runs it, bench/report.py tells it."""

from collections import namedtuple

# group: bytes, messages or calls. options: of its program. spins: it uses a CPU while it waits, a class of its own.
# says: what it does for a program beyond carrying bytes.
Contender = namedtuple("Contender", "title program group options spins says", defaults=((), False, ""))

SPIN_NS = 50_000
UNBOUNDED = "no framing; what it has not sent yet is the program's to keep; no deadlines"
CONTENDERS = {
    "raw": Contender("raw epoll", "raw", "bytes", says="the floor: epoll, recv, send, written for this; " + UNBOUNDED),
    "raw-one": Contender("raw epoll, a write each", "raw", "bytes", says="the same, each message with its own write"),
    "raw-best": Contender("raw epoll, 1 MiB buffer", "raw", "bytes", ("--sndbuf", "1048576"),
                          says="the same with SO_SNDBUF raised to 1 MiB"),
    "raw-spin": Contender("raw, spinning", "raw", "bytes", ("--spin", str(SPIN_NS)), True,
                          says="recv alone, again and again, without epoll"),
    "postern": Contender("Postern", "postern", "bytes",
                         says="names, peers' uids checked, queues and unread bytes bounded per connection and uid, deadlines"),
    "postern-spin": Contender("Postern, spinning", "postern", "bytes", ("--spin", str(SPIN_NS)), True,
                              says="the same with a loop that polls for up to 50 µs before it sleeps"),
    "postern-frames": Contender("Postern, messages", "postern", "messages", ("--frames",),
                                says="as Postern; whole messages behind their length, which is bounded, and a deadline for each"),
    "uv": Contender("libuv", "uv", "bytes", says=UNBOUNDED + "; its queue of writes has no bound"),
    "glib": Contender("GLib (GSocket)", "glib", "bytes", says=UNBOUNDED),
    "qt": Contender("Qt (QLocalSocket)", "qt", "bytes", says="no framing; collects writes, without a bound; no deadlines"),
    "zmq": Contender("ZeroMQ", "zmq", "messages",
                     says="whole messages, 1,000 queued at most, of any size, none dropped; reconnects; no deadlines, no check of uids"),
    "nng": Contender("nng", "nng", "messages", says="whole messages, few queued; reconnects; no check of uids"),
    "call-postern": Contender("Postern, calls", "call-postern", "calls",
                              says="as Postern; typed parameters in JSON, checked against the interface by both ends; a deadline "
                              "for each call"),
    "call-sdbus": Contender("sd-bus", "call-sdbus", "calls", says="D-Bus without a broker: a string, checked to be UTF-8; a timeout "
                            "for each call"),
    "call-gdbus": Contender("GDBus", "call-gdbus", "calls", says="the same by GLib, with a thread for its connections"),
}

BYTES = ["raw", "postern", "uv", "glib", "qt"]
ANSWERED = ["raw", "postern", "postern-frames", "uv", "glib", "qt", "zmq", "nng"]
CALLS = ["raw", "postern", "call-postern", "call-sdbus", "call-gdbus", "zmq", "nng"]

# points: (label, options); key: the label that is measured unpinned, too, and drawn as bars. limits: contender -> the
# largest number of connections that it is run with. threads: server and client in one process. rounds, seconds:
# in place of the run's. server: the contender whose server all use.
Workload = namedtuple("Workload", "name title unit work axis points contenders key reference threads pinned limits rounds "
                      "seconds quick server", defaults=("raw", False, ("one", "two"), {}, None, None, None, None))


def sized(sizes, **more):
    names = {1: "1 B", 64: "64 B", 1024: "1 KiB", 16384: "16 KiB", 65536: "64 KiB", 262144: "256 KiB", 1 << 20: "1 MiB", 1 << 22: "4 MiB"}
    return [(names.get(size, f"{size} B"), {"size": size, **more}) for size in sizes]


def crowd(name, numbers, **more):
    return [(f"{n:,}", {name: n, **more}) for n in numbers]


WORKLOADS = [
    Workload("round-trip", "Round trip, one message in flight", "round trip", "echo", "size",
             sized([1, 64, 1024, 16384, 262144, 1 << 22]), ANSWERED, "64 B", quick=["64 B", "16 KiB"]),
    Workload("spin", "Round trip with ends that spin", "round trip", "echo", "size", sized([64, 1024]),
             ["raw-spin", "postern-spin"], "64 B", "raw-spin", pinned=("two",), quick=["64 B"]),
    Workload("slow", "Round trip of 64 B with a server that answers late", "round trip", "echo", "",
             [("after 200 µs", {"delay": 200_000}), ("after 1 ms", {"delay": 1_000_000})], ["raw", "postern", "postern-spin"],
             None, "postern", pinned=("two",), seconds=2, server="raw", quick=["after 200 µs"]),
    Workload("pipelined", "Answers to 64 B messages, several in flight", "answer", "echo", "messages in flight",
             crowd("depth", [16, 64, 1024]), ANSWERED, "64", quick=["64"]),
    Workload("calls", "Calls with 200 B and answers with the same", "call", "echo", "calls in flight",
             crowd("depth", [1, 64, 1024], size=200), CALLS, "64", quick=["1", "64"]),
    Workload("one-way", "One-way stream, written, received and summed up", "message", "stream", "size",
             sized([64, 1024, 65536, 1 << 20]),
             ["raw", "raw-one", "raw-best", "postern", "postern-frames", "uv", "glib", "qt", "zmq", "nng"], "64 B",
             quick=["64 B", "64 KiB"]),
    Workload("fan-in", "Many connections to one server, 64 B echoed on each, one in flight", "answer", "echo", "connections",
             crowd("connections", [1, 10, 100, 1000, 5000]), BYTES + ["zmq"], "1,000", limits={"zmq": 100},
             quick=["10", "1,000"]),
    Workload("ping-pong", "Qt's benchmark pingPong: 1 B echoed, the server in a thread", "answer", "echo", "connections",
             crowd("connections", [10, 50, 100, 1000, 5000], size=1), BYTES, "100", threads=True, pinned=(), quick=["10", "1,000"]),
    Workload("data-exchange", "Qt's benchmark dataExchange: a chunk bounces on each connection, the server in a thread",
             "chunk", "echo", "connections × chunk",
             [(f"{n} × {size:,} B", {"connections": n, "size": size}) for n in (1, 5, 10) for size in (100, 1000, 10000, 100000)],
             BYTES, None, threads=True, pinned=(), quick=["5 × 1,000 B", "10 × 100,000 B"]),
    Workload("connect", "Connect, one round trip, close", "connection", "connect", "", [("64 B", {})],
             ANSWERED + ["call-postern", "call-sdbus", "call-gdbus"], "64 B"),
    Workload("events", "One message of 64 B to all subscribers", "publication", "events", "subscribers",
             crowd("connections", [1, 10, 100, 1000]), BYTES + ["zmq"], "100", quick=["10", "100"]),
    Workload("load", "Open loop: messages sent at their times, whatever comes back", "message", "load", "of the peak",
             [(f"{p} %", {"load": p / 100, "connections": 16}) for p in (50, 80, 95)], BYTES, None, pinned=("two",), seconds=4, quick=["80 %"]),
    Workload("idle", "Idle connections: memory of the program at each end", "connection", "idle", "connections",
             crowd("connections", [1000, 10000]), BYTES + ["call-postern"], None,
             pinned=("one",), rounds=1, limits={"glib": 1000}, quick=["10,000"]),
]

# Programs that measure within themselves: each line that they print is a round.
OWN = {
    "json": ("json", "check of JSON alone, in MB/s: typical messages, and a text that is one string"),
    "topic": ("topic", "a publication of a topic to 1,000 subscribers against plain writes of the same bytes: CPU time of "
              "the service's end alone, of which the writes take this share"),
}
