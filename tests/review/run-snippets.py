#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# run-snippets.py REVIEWER [PATH...]: reviews each snippet and compares what is found, as TAP.
#
# A snippet is a file below snippets/, or a folder with several files that are one program (its
# name ends in ".d"). What must be found is said in the snippet itself: a comment that is nothing
# but rule ids at the end of a line,
#
#	return -1; // L1
#	system(buf); /* N2 N4 */
#
# or, where the line cannot carry one, "expect: L1@12" anywhere. Everything else must be silent,
# advice included.

import json
import os
import re
import subprocess
import sys

SUFFIXES = ('.c', '.h', '.cc', '.cpp', '.cxx', '.hpp')
MARK = re.compile(r'(?://|/\*)\s*((?:[LWNE]\d\b[ ,]*)+)(?:\*/)?\s*$')
EXPECT = re.compile(r'expect:\s*((?:[LWNE]\d@\d+[ ,]*)+)')


def snippets(path):
    if os.path.isfile(path) or path.endswith('.d'):
        yield path
        return
    for name in sorted(os.listdir(path)):
        inner = os.path.join(path, name)
        if os.path.isdir(inner) or name.endswith(SUFFIXES):
            yield from snippets(inner)


def files_of(snippet):
    if os.path.isfile(snippet):
        return [snippet]
    return [os.path.join(folder, name) for folder, _, names in os.walk(snippet) for name in names
            if name.endswith(SUFFIXES)]


def expected(snippet):
    found = set()
    for path in files_of(snippet):
        with open(path, encoding='utf-8', errors='replace', newline='\n') as f:
            for number, line in enumerate(f, 1):
                mark = MARK.search(line.rstrip())
                if mark:
                    found |= {(os.path.basename(path), number, r)
                              for r in re.findall(r'[LWNE]\d', mark.group(1))}
                for rules in EXPECT.findall(line):
                    found |= {(os.path.basename(path), int(at), r)
                              for r, at in re.findall(r'([LWNE]\d)@(\d+)', rules)}
    return found


def reported(reviewer, snippet):
    run = subprocess.run(reviewer + ['--format', 'json', snippet], capture_output=True, timeout=60)
    if run.returncode not in (0, 1):
        return None, 'status %d: %s' % (run.returncode, run.stderr.decode(errors='replace'))
    findings = json.loads(run.stdout)['findings']
    return {(os.path.basename(p['file']), p['line'], f['rule'])
            for f in findings for p in [f] + f.get('places', [])}, ''


def main():
    if len(sys.argv) < 2:
        sys.exit('usage: run-snippets.py REVIEWER [PATH...]')
    reviewer = sys.argv[1].split()
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'snippets')
    number = failed = 0
    for root in sys.argv[2:] or [here]:
        for snippet in snippets(root):
            number += 1
            name = os.path.relpath(snippet, here)
            want = expected(snippet)
            got, why = reported(reviewer, snippet)
            if got == want:
                print('ok %d - %s' % (number, name))
                continue
            failed += 1
            print('not ok %d - %s' % (number, name))
            for line in why.splitlines():
                print('# ' + line)
            for what, some in (('missed', want - (got or set())), ('false', (got or set()) - want)):
                for file, line, rule in sorted(some):
                    print('#   %s %s at %s:%d' % (what, rule, file, line))
    print('1..%d' % number)
    sys.exit(1 if failed else 0)


main()
