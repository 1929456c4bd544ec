#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast the reviewer is, and how that grows; TAP. Processor time, so that others do not count."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import generate  # noqa: E402

# What is promised is 100,000 lines in 5 s; a test on a busy machine of unknown age gets five times that.
PROMISED, SLACK = 5.0, 5


def reviewer():
    command = sys.argv[1:] or [os.environ['POSTERN_COMMAND']]
    return command + ['review'] if os.path.basename(command[-1]) == 'postern' else command


def review(folder):
    """Processor seconds, and megabytes at most."""
    run = subprocess.Popen(reviewer() + ['--format', 'json', folder], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode not in (0, 1):
        raise RuntimeError('status %d' % run.returncode)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    if subprocess.run(reviewer() + ['--rules'], capture_output=True).returncode != 0:
        print('1..0 # SKIP the reviewer was not built')
        return 0
    root = tempfile.mkdtemp(prefix='postern-review-speed-')
    results = []
    try:
        def measure(name, lines, files=1, nesting=0):
            folder = os.path.join(root, name)
            return cost(name, folder, generate.generate(folder, lines, files, nesting))

        def measure_program(functions):
            name = 'a program of %d functions' % functions
            folder = os.path.join(root, name)
            return cost(name, folder, generate.program(folder, functions))

        def cost(name, folder, written):
            seconds, megabytes = review(folder)
            print('# %-28s %7d lines  %6.2f s  %8.0f lines/s  %5.0f MB' % (
                name, written, seconds, written / max(seconds, 1e-3), megabytes))
            return max(seconds, 0.02) / written

        print('TAP version 13')
        many = measure('100,000 lines, 100 files', 100000, 100)
        results.append((many * 100000 <= PROMISED * SLACK,
                        '100,000 lines take %.2f s, at most %.0f s' % (many * 100000, PROMISED * SLACK)))
        sizes = [measure('one file of %d lines' % n, n) for n in (12500, 50000, 200000)]
        results.append((sizes[2] <= 4 * sizes[0],
                        'a file 16 times as long costs %.1f times as much a line, at most 4'
                        % (sizes[2] / sizes[0])))
        depths = [measure('nested %d deep' % n, 20000, 1, n) for n in (5, 25, 100)]
        results.append((depths[2] <= 12 * depths[0],
                        'nesting 20 times as deep costs %.1f times as much a line, at most 12'
                        % (depths[2] / depths[0])))
        programs = [measure_program(n) for n in (500, 4000)]
        results.append((programs[1] <= 4 * programs[0],
                        'a program of 8 times as many functions costs %.1f times as much a line, at most 4'
                        % (programs[1] / programs[0])))
    finally:
        shutil.rmtree(root)
    print('1..%d' % len(results))
    for number, (right, what) in enumerate(results, 1):
        print('%s %d - %s' % ('ok' if right else 'not ok', number, what))
    return 0 if all(right for right, _ in results) else 1


sys.exit(main())
