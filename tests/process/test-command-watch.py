#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""postern stats, top and trace: what services tell about themselves, and what is shown of services that do not."""

import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import tempfile
import time

import tap

POSTERN = os.environ["POSTERN_COMMAND"]
SCALE = int(os.environ.get("TEST_SCALE", "1"))
CLOCK = tap.SOURCE / "tests" / "generate" / "org.example.clock.varlink"
NOW = "org.example.clock.Now"
DONE, ANSWERED, USAGE, NO_SERVER = 0, 1, 64, 69


class Place:
    """A directory for names, with a clock, a server of bytes, and a service that is stopped."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR"))
        self.path = pathlib.Path(self.directory.name)
        self.path.chmod(0o755)
        self.environment = dict(os.environ, POSTERN_DIR=str(self.path))
        (self.path / "now").write_text("#!/bin/sh\necho '{\"time\":\"12:00\"}'\n")
        (self.path / "now").chmod(0o755)
        service = ["--access", "world", "--interface", str(CLOCK), "--method", NOW, "./now"]
        self.servers = {"clock": self.serve("clock", *service), "stopped": self.serve("stopped", *service),
                        "bytes": self.serve("bytes", "--echo")}

    def serve(self, name, *arguments):
        server = subprocess.Popen([POSTERN, "serve", name, *arguments], cwd=self.path, env=self.environment,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if "ready" not in server.stderr.readline():
            raise SystemExit(f"{name} does not serve")
        return server

    def run(self, *arguments, **how):
        return subprocess.run([POSTERN, *arguments], cwd=self.path, env=self.environment, capture_output=True, text=True,
                              check=False, timeout=60 * SCALE, **how)

    def end(self):
        wrong = []
        for name, server in self.servers.items():
            server.send_signal(signal.SIGCONT)
            server.terminate()
            if server.wait(20 * SCALE):
                wrong.append(f"{name} ended with {server.returncode}")
            server.stderr.close()
        self.directory.cleanup()
        return wrong


def ended(done, status, error=""):
    wrong = [] if done.returncode == status else [f"it ended with {done.returncode}, not {status}: {done.stderr}"]
    if error not in done.stderr or (not error and done.stderr):
        wrong.append(f"it said {done.stderr!r}, not {error!r}")
    return wrong


def test_stats(p):
    for _ in range(3):
        p.run("call", "clock", NOW)
    p.run("call", "clock", "org.example.clock.No")
    done = p.run("stats", "--json", "clock")
    tap.result("stats_prints_the_answer", ended(done, DONE))
    k = json.loads(done.stdout)
    # This call is the fifth; its own answer was not given yet.
    want = {"calls": 5, "answers": 4, "openNow": 1, "connectionsNow": 1, "accepted": 5, "refused": 0, "violations": 0}
    tap.result("it_tells_what_was_called", [f"{n} is {k[n]}, not {v}" for n, v in want.items() if k[n] != v])
    tap.result("each_answered_call_is_in_one_bucket", "" if sum(b["calls"] for b in k["latency"]) == 4 else str(k["latency"]))
    bounds = [b["belowNs"] for b in k["latency"] if "belowNs" in b]
    tap.result("the_buckets_ascend", "" if bounds == sorted(set(bounds)) else str(bounds))
    tap.result("a_process_takes_longer_than_a_refusal", "" if len(bounds) > 1 and bounds[0] * 4 < bounds[-1] else str(bounds))
    me = [u for u in k["users"] if u["uid"] == os.getuid()]
    tap.result("it_tells_who_is_connected", "" if me and me[0]["connectionsNow"] == 1 and me[0]["calls"] == 1 else str(k["users"]))
    sent = len(json.dumps({"method": NOW}, separators=(",", ":"))) + 1
    tap.result("it_counts_bytes_both_ways", "" if k["bytesReceived"] > 3 * sent and k["bytesSent"] > 3 * 20 else str(k))
    done = p.run("stats", "clock")
    lines = [line.split(":")[0] for line in done.stdout.splitlines()]
    tap.result("stats_prints_lines_for_people", ended(done, DONE) + (
        [] if lines[:7] == ["Up", "Connections", "Calls", "Ends", "Bytes", "Descriptors", "Latency"] and lines[-1].startswith("uid ") else lines))


def test_trouble(p):
    tap.result("without_a_name_it_says_so", ended(p.run("stats"), USAGE, "missing NAME"))
    tap.result("nobody_there_is_told", ended(p.run("stats", "--deadline", "200ms", "nobody"), NO_SERVER, "nobody"))
    tap.result("one_name_at_a_time", ended(p.run("stats", "clock", "clock"), USAGE, "unexpected argument 'clock'"))
    if os.getuid():
        tap.skip("others_are_not_told", "only root can become another user")
        return
    done = p.run("stats", "--server-uid", "root", "clock", user=65533, group=65533)
    tap.result("others_are_not_told", ended(done, ANSWERED, "statistics are for root and the user that the service runs as"))


def top(p, *arguments):
    done = p.run("top", "--json", "--interval", "200ms", *arguments)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def test_top(p):
    p.servers["stopped"].send_signal(signal.SIGSTOP)
    done, rows = top(p, "--count", "3")
    tap.result("top_ends_after_count", ended(done, DONE))
    tap.result("top_shows_services_and_no_servers_of_bytes",
               "" if {r["name"] for r in rows} == {"clock", "stopped"} else str(rows))
    tap.result("each_interval_has_a_line_for_each", "" if len(rows) == 6 else str(rows))
    tap.result("a_service_that_hangs_is_shown_as_such",
               "" if rows[-1]["name"] == "stopped" and rows[-1]["state"] == "no answer" else str(rows))
    tap.result("and_delays_none_of_the_others", "" if [r["state"] for r in rows if r["name"] == "clock"][1:] == ["ok", "ok"] else str(rows))
    p.servers["stopped"].send_signal(signal.SIGCONT)
    done, rows = top(p, "--count", "2", "clock", "nobody")
    tap.result("names_that_are_given_stay", "" if [(r["name"], r["state"]) for r in rows[2:]] == [
        ("clock", "ok"), ("nobody", "not reachable")] else str(rows))
    done = p.run("top", "--count", "1", "--interval", "200ms", "clock")
    tap.result("top_prints_a_table", ended(done, DONE) + (
        [] if done.stdout.splitlines()[0].startswith("NAME") and done.stdout.splitlines()[1].split()[1] == "1" else [done.stdout]))
    done = p.run("top", "--interval", "xyz")
    tap.result("a_wrong_interval_is_told", ended(done, USAGE, "interval"))


def test_screen(p):
    """On a terminal each table takes the place of the one before, and ends where the screen does."""
    leader, terminal = pty.openpty()
    with subprocess.Popen([POSTERN, "top", "--count", "2", "--interval", "100ms"], cwd=p.path, env=p.environment,
                          stdin=subprocess.DEVNULL, stdout=terminal) as process:
        os.close(terminal)
        got = b""
        try:
            while chunk := os.read(leader, 65536):
                got += chunk
        except OSError:
            pass
    os.close(leader)
    tap.result("on_a_terminal_it_draws_over_itself", "" if got.count(b"\x1b[H\x1b[J") == 2 and process.returncode == 0 else repr(got))


def test_pipe(p):
    """A reader that goes ends it."""
    started = time.monotonic()
    with subprocess.Popen([POSTERN, "top", "--json", "--interval", "50ms", "clock"], cwd=p.path, env=p.environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.readline()
        process.stdout.close()
        try:
            process.wait(20 * SCALE)
            wrong = ""
        except subprocess.TimeoutExpired:
            process.kill()
            wrong = f"it still runs after {time.monotonic() - started:.1f} s"
    tap.result("when_its_reader_has_gone_it_ends", wrong)


def begun(p):
    """The tracer is there when the service has one more open call than the one that asks."""
    until = time.monotonic() + 10 * SCALE
    while json.loads(p.run("stats", "--json", "clock").stdout)["openNow"] < 2 and time.monotonic() < until:
        time.sleep(0.01)


def traced(p, lines, *arguments):
    process = subprocess.Popen([POSTERN, "trace", "--count", str(lines), *arguments, "clock"], cwd=p.path, env=p.environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    begun(p)
    return process


def rest(process):
    try:
        return process.communicate(timeout=20 * SCALE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()


def test_trace(p):
    process = traced(p, 6, "--json")
    p.run("call", "clock", NOW, '{"zone":"UTC"}')
    p.run("call", "clock", "org.example.clock.No")
    p.run("call", "--oneway", "clock", NOW)
    out, err = rest(process)
    messages = [json.loads(line) for line in out.splitlines()]
    # The first two are of the last look at the statistics, of which one or both may have been before.
    kinds = [(m["kind"], m["message"].get("method") or m["message"].get("error") or "") for m in messages
             if "Statistics" not in str(m) and "atNs" not in m["message"].get("parameters", {})]
    want = [("call", NOW), ("answer", ""), ("call", "org.example.clock.No"), ("answer", "org.varlink.service.MethodNotFound"),
            ("call", NOW)]
    tap.result("trace_prints_the_messages_as_they_pass", "" if kinds[:5] == want[:len(kinds)] and len(kinds) >= 4 else f"{kinds} {err}")
    tap.result("each_says_who", "" if all(m["uid"] == os.getuid() and m["pid"] > 0 and m["size"] > 10 for m in messages) else out)
    tap.result("a_call_and_its_answer_have_one_number", "" if len({m["connection"] for m in messages if NOW in str(m)}) >= 1
               and all(a["connection"] == b["connection"] for a, b in zip(messages, messages[1:])
                       if a["kind"] == "call" and b["kind"] == "answer") else out)
    (p.path / "calls").write_text(out)
    done = p.run("trace", "--replay", "calls", "stopped")
    tap.result("a_recording_can_be_made_again", ended(done, DONE) + ([] if "0 differently" in done.stdout else [done.stdout]))
    (p.path / "calls").write_text(out.replace("12:00", "13:00"))
    done = p.run("trace", "--replay", "calls", "clock")
    tap.result("what_differs_is_printed", ended(done, ANSWERED) + (
        [] if "1 differently" in done.stdout and "now:      " in done.stdout else [done.stdout]))
    # Between the first and the last an answer and another call are missing; the same of a oneway call.
    place = {"atNs": 1, "connection": 1, "uid": 0, "pid": 1, "size": 9}
    now = {"method": NOW, "parameters": {"zone": "UTC"}}
    lines = [dict(place, kind="call", dropped=0, message=now), dict(place, kind="answer", dropped=2, message={"parameters": {"other": 1}}),
             dict(place, kind="call", dropped=0, message=dict(now, oneway=True)),
             dict(place, kind="answer", dropped=1, message={"parameters": {"other": 1}}),
             dict(place, kind="call", dropped=0, message=dict(now, oneway=True)),
             dict(place, kind="answer", dropped=0, message={"parameters": {"other": 1}})]
    (p.path / "calls").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = p.run("trace", "--replay", "calls", "clock")
    tap.result("an_answer_behind_a_gap_is_nobodys", ended(done, DONE) + (
        [] if "2 calls made: 0 answered as recorded, 0 differently; 1 left out" in done.stdout else [done.stdout]))
    for what, text, error in (("junk", "x", "calls:1: "), ("another_object", "{}", "calls:1: this is no message of postern trace --json"),
                              ("half_of_a_line", out[:40], "calls:1: ")):
        (p.path / "calls").write_text(text)
        tap.result(f"{what}_is_told_with_its_line", ended(p.run("trace", "--replay", "calls", "clock"), USAGE, error))
    tap.result("a_missing_file_is_told", ended(p.run("trace", "--replay", "none", "clock"), 66, "none: No such file"))
    process = traced(p, 2)
    p.run("call", "clock", NOW)
    p.run("call", "clock", NOW)
    out, err = rest(process)
    tap.result("trace_prints_lines_for_people", "" if "uid" in out and (" > " in out or " < " in out) else out + err)


def test_slow(p):
    """A tracer that does not read gets what fits, then how many are missing; the service serves as before."""
    log = p.path / "trace"
    with log.open("w") as out:
        process = subprocess.Popen([POSTERN, "trace", "--json", "clock"], cwd=p.path, env=p.environment,
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
    begun(p)
    process.send_signal(signal.SIGSTOP)
    call = json.dumps({"method": "org.example.clock.No", "parameters": {"zone": "x" * 60000}}).encode() + b"\0"
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20 * SCALE)
        s.connect(str(p.path / "clock" / "sock"))
        answers = 0
        for _ in range(300):
            s.sendall(call)
            while not s.recv(65536).endswith(b"\0"):
                pass
            answers += 1
    held = json.loads(p.run("stats", "--json", "clock").stdout)["bytesNow"]
    tap.result("a_tracer_that_hangs_slows_nobody_down", "" if answers == 300 else f"{answers} answers")
    tap.result("and_the_service_holds_a_bounded_amount_for_it", "" if held < 9 << 20 else f"{held} bytes")
    process.send_signal(signal.SIGCONT)
    until = time.monotonic() + 20 * SCALE
    messages, dropped = [], 0
    while (not dropped or len(messages) + dropped < 600) and time.monotonic() < until:
        time.sleep(0.1)
        p.run("call", "clock", "org.example.clock.No")
        messages = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        dropped = sum(m["dropped"] for m in messages)
    process.terminate()
    process.wait()
    # 600 messages, and those of the looks before and after.
    told = len(messages)
    tap.result("it_is_told_how_many_are_missing", "" if dropped > 0 and 600 <= told + dropped <= 700 else f"{dropped} dropped, {told} told")


def main():
    p = Place()
    test_stats(p)
    test_trouble(p)
    test_top(p)
    test_screen(p)
    test_pipe(p)
    test_trace(p)
    test_slow(p)
    tap.result("the_servers_end", p.end())
    tap.done()


main()
