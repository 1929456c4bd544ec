#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reference programs: their reports word for word, and none for the fixed ones. TAP.

    test-review-reference.py [--write] [REVIEWER...]      --write: take what it says as expected
"""

import difflib
import json
import os
import subprocess
import sys

WRONG = ['qt.cpp', 'cpp.cpp', 'posix.c']
FIXED = ['qt-fixed.cpp', 'cpp-fixed.cpp', 'posix-fixed.c']
# Rule and line of what a reviewer of the Qt program must find, whatever the words.
MUST = {'qt.cpp': {('L2', 'QLocalServer *server = new'), ('W1', 'while (socket->state()'), ('E5', 'connectToServer')},
        'cpp.cpp': {('L1', 'throw std::runtime_error("bind")'), ('W1', 'while (::connect('), ('E1', '::listen(')},
        'posix.c': {('L1', 'return NULL;'), ('W1', 'while (connect('), ('E1', 'listen(')}}


def main():
    args = sys.argv[1:]
    write = '--write' in args
    command = [a for a in args if a != '--write'] or [os.environ.get('POSTERN_COMMAND', 'postern')]
    command[0] = os.path.abspath(command[0]) if os.sep in command[0] else command[0]
    if os.path.basename(command[-1]) == 'postern':
        command.append('review')
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'reference'))
    if subprocess.run(command + ['--rules'], capture_output=True).returncode != 0:
        print('1..0 # SKIP the reviewer was not built')
        return 0
    results = []
    for name in WRONG:
        run = subprocess.run(command + [name], capture_output=True, text=True)
        if write:
            with open(name + '.expected', 'w') as f:
                f.write(run.stdout)
        with open(name + '.expected') as f:
            expected = f.read()
        diff = list(difflib.unified_diff(expected.splitlines(), run.stdout.splitlines(), 'expected', 'reported',
                                         lineterm=''))
        results.append((run.returncode == 1 and not diff, 'the report on ' + name, diff))
        findings = json.loads(subprocess.run(command + ['--format', 'json', name], capture_output=True).stdout)
        with open(name) as f:
            lines = f.read().splitlines()
        said = {(f['rule'], lines[f['line'] - 1]) for f in findings['findings']}
        missing = ['%s at %s' % m for m in sorted(MUST[name]) if not any(r == m[0] and m[1] in t for r, t in said)]
        results.append((not missing, 'what must be found in ' + name, missing))
    for name in FIXED:
        run = subprocess.run(command + [name], capture_output=True, text=True)
        quiet = run.returncode == 0 and run.stdout.startswith('checked ')
        results.append((quiet, 'nothing is said of ' + name, run.stdout.splitlines()))
    print('TAP version 13\n1..%d' % len(results))
    for number, (right, what, more) in enumerate(results, 1):
        print('%s %d - %s' % ('ok' if right else 'not ok', number, what))
        for line in [] if right else more:
            print('# ' + line)
    return 0 if all(right for right, _, _ in results) else 1


sys.exit(main())
