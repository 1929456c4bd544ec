#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The benchmark's statistics and verdicts on made-up figures; its runner with the raw contender alone."""

import json
import math
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import tap

sys.path.insert(0, str(tap.SOURCE / "bench"))
import goals
import report
import stats
import table

RUN = [sys.executable, tap.SOURCE / "bench" / "run.py"]


def same(name, found, wanted):
    wrong = [f"{k}: {found.get(k)!r}, expected {v!r}" for k, v in wanted.items()
             if not (found.get(k) == v or isinstance(v, float) and math.isclose(found.get(k), v))]
    tap.comment(f"{found}")
    tap.result(name, wrong)


# ---- Statistics on made-up figures ---------------------------------------------------------------


def check_statistics():
    same("median_and_quartiles_of_ten_rounds", stats.spread([9, 1, 8, 2, 7, 3, 6, 4, 5, 100]),
         {"median": 5.5, "q1": 3.25, "q3": 7.75, "min": 1, "max": 100})
    same("one_value_is_its_own_median_and_quartiles", stats.spread([7]), {"median": 7, "q1": 7, "q3": 7})
    # A machine that slows down to a tenth in the second round, for both: the ratio does not notice.
    found = stats.spread(stats.ratios([10, 100, 11], [5, 50, 5.5]))
    same("ratios_are_taken_within_a_round", found, {"median": 2.0, "min": 2.0, "max": 2.0})
    medians = stats.spread([10, 100, 11])["median"] / stats.spread([5, 50, 100])["median"]
    tap.result("a_ratio_of_medians_would_be_another_figure", [] if medians != 2 else str(medians))
    hundred = {n: 1 for n in range(1, 101)}
    found = {name: stats.percentile(hundred, share) for name, share in report.PERCENTILES.items()}
    same("percentiles_of_one_to_a_hundred", found, {"p50": 50, "p99": 99, "p99.9": 100})
    same("percentiles_count_each_value_as_often_as_it_came", {"p50": stats.percentile({"10": 999, "500": 1}, 0.5),
         "p99.9": stats.percentile({"10": 999, "500": 1}, 0.999), "all": stats.percentile({"10": 999, "500": 1}, 1)},
         {"p50": 10, "p99.9": 10, "all": 500})


def results(**ns):
    """Round trips of 64 B at both pinned placements that took so long, three rounds."""
    cells = [{"workload": "round-trip", "point": "64 B", "placement": placed, "contender": name.replace("_", "-"), "messages": 1,
              "rate": 0, "samples": [{"ns": t * slow, "cpu_s_per_million": t, "allocations": {"client": 0}} for slow in (1, 2, 1)]}
             for placed in ("one", "two") for name, t in ns.items()]
    return report.Results({"machine": "made up", "date": "2000-01-01", "versions": {"uv": "1"}, "placements": {"one": "", "two": ""},
                           "quick": False, "rounds": 3, "seconds": 1, "took_s": 60, "notes": ["skipped: Qt"], "failures": [],
                           "counts": [], "own": {}, "cells": cells})


def results_with_idle():
    ends = {"client": 1, "server": 1}
    found = results(raw=100)
    found.data["cells"] += [{"workload": "idle", "point": "10,000", "placement": "one", "contender": name,
                             "samples": [{"memory": ends, "allocations": ends}]} for name in ("postern", "call-postern")]
    return found


def check_goals():
    def verdicts(r):
        rows = [row for row in goals.judge(r) if row[0].startswith("round trip 64 B, one CPU")]
        tap.comment("; ".join(" | ".join(row) for row in rows))
        return dict(enumerate(row[2] for row in rows))

    same("goals_are_reached", verdicts(results(raw=100, postern=105, uv=120)), {0: "reached", 1: "reached", 2: "reached"})
    same("goals_are_missed", verdicts(results(raw=100, postern=111, uv=110)), {0: "MISSED", 1: "MISSED", 2: "MISSED"})
    same("without_a_peer_a_goal_is_not_measured", verdicts(results(raw=100, postern=105)), {0: "reached", 1: "not measured"})
    rows = goals.judge(results(raw=100))
    reached = [row[0] for row in rows if row[2] == "reached"]
    tap.result("nothing_is_reached_that_was_not_measured", reached)
    all_rows = goals.judge(results_with_idle())
    tap.result("each_paragraph_is_about_a_goal", [key for key, _ in goals.WHY if not any(row[0].startswith(key) for row in all_rows)])
    missed = [key for key, _ in goals.why(goals.judge(results(raw=100, postern=111, uv=110)))]
    same("a_paragraph_comes_once_for_a_goal_that_is_missed", dict(enumerate(missed)), {0: "round trip 64 B"})
    tap.result("a_goal_that_is_reached_has_none", [key for key, _ in goals.why(goals.judge(results(raw=100, postern=105, uv=120)))])


def check_documents(directory):
    made = results(raw=100, postern=105, uv=120)
    text = report.as_markdown(made, [])
    wrong = [f"{part!r} is missing" for part in ("made up", "uv 1", "skipped: Qt", "| Postern |", "**1.05** (1.05–1.05)", "| reached |")
             if part not in text]
    tap.result("the_document_names_machine_versions_and_what_was_skipped", wrong)
    unsaid = [name for name, c in table.CONTENDERS.items() if not c.says]
    tap.result("the_guarantees_of_each_contender_are_said", unsaid)
    wrong = [w.name for w in table.WORKLOADS for c in w.contenders if c not in table.CONTENDERS]
    wrong += [f"{w.name}: {label}" for w in table.WORKLOADS for label in w.quick or () if label not in dict(w.points)]
    tap.result("the_table_refers_to_what_it_has", wrong)


# ---- The runner, with raw epoll alone ------------------------------------------------------------


def build(directory):
    """A build directory that has the raw contender and nothing else."""
    (directory / "bench").mkdir()
    raw = directory / "bench" / "bench-raw"
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-o", raw, tap.SOURCE / "bench" / "raw.c", tap.SOURCE / "bench" / "bench.c",
                    "-lpthread"], check=True)
    return raw


def run(directory, *arguments, **more):
    return subprocess.run([*RUN, "--build", directory, *arguments], capture_output=True, text=True, **more)


def check_runner(directory):
    done = run(directory, "--check", "--only", "round-trip", "--only", "events")
    told = [line for line in done.stderr.splitlines() if "skipped" in line]
    tap.comment(f"{done.stdout.strip()}; {len(told)} lines of what is skipped")
    tap.result("what_is_not_installed_is_skipped_with_a_line",
               [] if done.returncode == 0 and any("libuv" in line for line in told) else done.stderr)
    done = run(directory, "--only", "round-trip", "--rounds", "2", "--seconds", "0.002")
    try:
        kept = json.loads((directory / "bench" / "results" / "bench.json").read_text())
        wrong = [] if all(len(c["samples"]) == 2 and c["samples"][0]["ns"] > 0 for c in kept["cells"]) and kept["cells"] else str(kept)[:300]
    except (OSError, ValueError) as error:
        wrong = f"{error}; {done.stderr}"
    tap.result("results_parse_and_have_all_rounds", wrong)
    liar = directory / "bench" / "bench-uv"
    liar.write_text("#!/bin/sh\necho ready\nexit 3\n")
    liar.chmod(0o755)
    done = run(directory, "--check", "--only", "round-trip")
    liar.unlink()
    tap.result("a_contender_that_fails_fails_the_run", [] if done.returncode == 1 and "FAILED: libuv" in done.stderr else
               f"status {done.returncode}: {done.stderr}")
    done = run(directory, "--help")
    missing = [o for o in ("--quick", "--only", "--publish", "make bench", "one-way") if o not in done.stdout]
    tap.result("help_tells_the_options_and_workloads", missing)
    done = run(directory, "--only", "nonsense")
    tap.result("an_unknown_workload_is_refused", [] if done.returncode == 2 and "nonsense" in done.stderr else done.stderr)


def check_interrupted(directory, how):
    scratch = directory / f"scratch-{how.name}"
    scratch.mkdir()
    process = subprocess.Popen([*RUN, "--build", directory, "--only", "one-way", "--rounds", "1000"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=dict(os.environ, TMPDIR=str(scratch)))
    limit = time.monotonic() + 20
    while not list(scratch.glob("*/*/s")) and time.monotonic() < limit:
        time.sleep(0.01)
    process.send_signal(how)
    process.wait(20)
    left = [str(p) for p in scratch.iterdir()]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if str(scratch).encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() and tap.is_running(pid):
                left.append(f"process {pid}")
        except OSError:
            pass
    tap.comment(f"status {process.returncode}")
    tap.result(f"a_run_that_is_ended_by_{how.name}_leaves_no_process_and_no_file", left or (
        [] if process.returncode in (130, 143) else f"status {process.returncode}"))


def serve_with_stall(listener, size, at, stall):
    """Echoes; before message number `at` it does nothing for so many seconds."""
    with listener.accept()[0] as peer:
        got = 0
        while data := peer.recv(65536):
            if got <= at * size < got + len(data):
                time.sleep(stall)
            got += len(data)
            peer.sendall(data)


def check_scheduled(directory, raw):
    """10,000 messages a second for 0.4 s, and a server that stalls for 0.2 s: one of those that wait for an answer before they
    send the next would see one late message."""
    rate, stall, messages = 10000, 0.2, 4000
    path = directory / "stall"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        thread = threading.Thread(target=serve_with_stall, args=(listener, 64, 1000, stall))
        thread.start()
        done = subprocess.run([raw, "client", "load", path, "--rate", str(rate), "--messages", str(messages), "--warmup", "10"],
                              capture_output=True, text=True)
        thread.join()
    found = json.loads(done.stdout)["latencies"]
    late = sum(n for ns, n in found.items() if int(ns) >= 0.02e9)
    most = max(map(int, found))
    tap.comment(f"{late} of {sum(found.values())} messages at least 20 ms late, the worst {most / 1e6:.0f} ms")
    # Those that were to be sent in the first 180 ms of the stall; a bucket is 3 % wide.
    least = int((stall - 0.02) * rate * 0.97)
    tap.result("a_stall_counts_for_all_that_were_to_be_sent_in_it", [
        *([f"only {late} are late, expected {least}"] if late < least else []),
        *([f"{sum(found.values())} samples, expected {messages}"] if sum(found.values()) != messages else []),
        *([f"the worst is {most} ns, expected the stall"] if most < stall * 1e9 * 0.97 else [])])


def main():
    check_statistics()
    check_goals()
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        check_documents(directory)
        if not shutil.which("gcc"):
            tap.skip("the_runner", "gcc is not installed")
        else:
            raw = build(directory)
            check_runner(directory)
            check_interrupted(directory, signal.SIGINT)
            check_interrupted(directory, signal.SIGTERM)
            check_scheduled(directory, raw)
    tap.done()


if __name__ == "__main__":
    main()
