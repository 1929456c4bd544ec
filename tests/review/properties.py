#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must hold for the findings on any code, whoever wrote it. TAP.

    properties.py [--reviewer COMMAND] [FOLDER...]

Without a folder over the labelled set, with these properties:

  order    files given in another order give the same findings;
  folder   a folder loses no finding that its files give one by one, but those that its other files
           prove wrong; these stand in properties.tsv with the reason;
  rename   other names for local variables, parameters and static functions change no finding;
  split    lines put in between move findings and change nothing else;
  path     in a folder of another name everything is found again.

With folders over each of them as one program; nothing is accepted there, what is lost is listed and has to be
read. The seed is fixed, so a failure comes again.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from score import files_of, programs_of  # noqa: E402
from tokens import line_gaps, local_names, renamed, with_lines  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = ('.c', '.cc', '.cpp', '.cxx')
SEED = 'postern properties 1'
# Said once for a program, at one of its places.
ONCE = {'E6'}


class Finding:
    def __init__(self, found):
        self.file, self.line, self.rule = found['file'], found['line'], found['rule']
        self.function, self.severity = found['function'], found['severity']
        self.also, self.message = found.get('also'), found['message']
        self.key = (self.file, self.line, self.rule, self.severity)

    def __str__(self):
        return '%s:%d %s %s in %s()' % (self.file, self.line, self.rule, self.severity, self.function)


def review(reviewer, paths, where=None):
    run = subprocess.run(reviewer + ['--format', 'json'] + paths, capture_output=True, timeout=600, cwd=where)
    if run.returncode not in (0, 1):
        sys.exit('properties.py: %s: status %d\n%s' % (' '.join(paths)[:200], run.returncode, run.stderr.decode()))
    answer = json.loads(run.stdout)
    return [Finding(f) for f in answer['findings']], answer['summary']


class Report:
    def __init__(self):
        self.number = self.failed = 0

    def result(self, name, counts, wrong):
        self.number += 1
        self.failed += bool(wrong)
        print('%s %d - %s' % ('not ok' if wrong else 'ok', self.number, name))
        print('# ' + ', '.join('%d %s' % (n, what) for what, n in counts.items()))
        for line in wrong:
            print('#   ' + line)
        sys.stdout.flush()


def differences(one, other):
    """What the one has and the other has not, as lines, each way."""
    ours, theirs = {f.key: f for f in one}, {f.key: f for f in other}
    return (['lost: %s' % ours[k] for k in sorted(set(ours) - set(theirs))] +
            ['new: %s' % theirs[k] for k in sorted(set(theirs) - set(ours))])


def order(report, reviewer, groups, name, rounds):
    """groups: lists of files that are given together."""
    chance, runs, compared, wrong = random.Random(SEED + name), 0, 0, []
    for files in groups:
        first, _ = review(reviewer, files)
        seen = {tuple(files)}
        for _ in range(rounds):
            mixed = files[:]
            chance.shuffle(mixed)
            if tuple(mixed) in seen:
                continue
            seen.add(tuple(mixed))
            again, _ = review(reviewer, mixed)
            runs, compared = runs + 1, compared + len(first)
            found = differences(first, again)
            if found:
                wrong += ['%d files from %s on, as %s …' % (len(files), files[0], mixed[0])] + found
    report.result('%s: the order of arguments changes nothing' % name,
                  {'groups': len(groups), 'permutations': runs, 'findings compared': compared}, wrong)


def accepted():
    rows = []
    with open(os.path.join(HERE, 'properties.tsv'), encoding='utf-8') as f:
        for line in f:
            if not line.startswith('#') and line.strip():
                file, rule, function, reason = line.rstrip('\n').split('\t')
                rows.append([file, rule, function, reason, False])
    return rows


def folder(report, reviewer, path, allowed=None):
    whole, summary = review(reviewer, [path])
    have = {(f.file, f.line, f.rule) for f in whole}
    near = {(f.file, f.function, f.rule) for f in whole}
    once = {f.rule for f in whole if f.rule in ONCE}
    counts = {'files': 0, 'findings one by one': 0, 'kept': 0, 'in the same function on another line': 0,
              'said once elsewhere': 0, 'only in the folder': 0, 'lost and accepted': 0, 'lost': 0}
    singles, lost, proven = set(), [], []
    for file in [f for f in files_of(path) if f.endswith(SOURCES)]:
        found, _ = review(reviewer, [file])
        counts['files'] += 1
        counts['findings one by one'] += len(found)
        for f in found:
            singles.add((f.file, f.line, f.rule))
            if (f.file, f.line, f.rule) in have:
                counts['kept'] += 1
            elif (f.file, f.function, f.rule) in near:
                counts['in the same function on another line'] += 1
            elif f.rule in once:
                counts['said once elsewhere'] += 1
            else:
                row = next((r for r in allowed or [] if os.path.relpath(f.file, HERE) == r[0] and f.rule == r[1] and
                            f.function == r[2]), None)
                if row:
                    row[4] = True
                    proven.append('accepted: %s: %s' % (f, row[3]))
                else:
                    lost.append('lost: %s | %s' % (f, f.message))
    counts['only in the folder'] = len(have - singles)
    counts['lost and accepted'], counts['lost'] = len(proven), len(lost)
    report.result('folder: %s loses nothing of its files' % os.path.basename(path.rstrip('/')), counts, lost)
    for line in proven:
        print('#   ' + line)
    words = {k: v for k, v in summary.items() if 'silenced' in k}
    if words:
        print('#   the tool says: %s' % words)


def copies(program, folder_of, change):
    """The program's files again below folder_of, each put through change(path, text)."""
    base = os.path.dirname(program)
    for path in files_of(program):
        target = os.path.join(folder_of, os.path.relpath(path, base))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(path, encoding='utf-8', errors='surrogateescape', newline='\n') as f:
            text = f.read()
        with open(target, 'w', encoding='utf-8', errors='surrogateescape', newline='\n') as f:
            f.write(change(path, text))
    return os.path.join(folder_of, os.path.basename(program))


def elsewhere(word):
    def make(program, scratch):
        return copies(program, os.path.join(scratch, word), lambda _, text: text), None, 1
    return make


def moved(findings, base, where=None):
    """The findings with paths below base and, where lines were put in, with the lines of old."""
    out = []
    for f in findings:
        file = os.path.relpath(f.file, base) if base else f.file
        line = where[file].get(f.line, -f.line) if where else f.line
        out.append((file, line, f.rule, f.severity))
    return sorted(out)


def changed(report, reviewer, programs, name, title, make):
    """make(program, folder) writes the changed program and gives where each of its lines was, or None."""
    compared, changes, wrong = 0, 0, []
    for program in programs:
        scratch = tempfile.mkdtemp(prefix='postern-properties-')
        try:
            new, where, n = make(program, scratch)
            changes += n
            before, _ = review(reviewer, [program])
            # From within: the name of a folder made for the moment must not decide.
            after, _ = review(reviewer, [os.path.relpath(new, scratch)], scratch)
            old = moved(before, os.path.dirname(program))
            now = moved(after, os.path.dirname(os.path.relpath(new, scratch)), where)
            compared += len(old)
            lost = [x for x in old if x not in now]
            more = [x for x in now if x not in old]
            wrong += ['lost: %s:%d %s %s' % x for x in lost] + ['new: %s:%d %s %s' % x for x in more]
        finally:
            shutil.rmtree(scratch)
    report.result('%s: %s' % (name, title),
                  {'programs': len(programs), 'changes': changes, 'findings compared': compared}, wrong)


def rename(program, scratch):
    n = [0]

    def change(path, text):
        chance = random.Random(SEED + os.path.basename(path))
        names = sorted(local_names(path, text))
        chance.shuffle(names)
        n[0] += len(names)
        return renamed(path, text, {old: 'zq%d' % i for i, old in enumerate(names)})
    return copies(program, scratch, change), None, n[0]


def split(program, scratch):
    where, n = {}, [0]

    def change(path, text):
        chance = random.Random(SEED + os.path.basename(path))
        places = {p for p in line_gaps(text) if chance.random() < 0.3}
        n[0] += len(places)
        text, lines = with_lines(text, places, chance.choice(['', '/* a line more */']))
        where[os.path.relpath(path, os.path.dirname(program))] = {new: old for old, new in lines.items()}
        return text
    return copies(program, scratch, change), where, n[0]


def over_set(report, reviewer, root):
    programs = programs_of(root)
    chance = random.Random(SEED)
    sources = [f for f in files_of(root) if f.endswith(SOURCES)]
    folders = [p for p in programs if os.path.isdir(p)]
    groups = [[f for f in files_of(p) if f.endswith(SOURCES)] for p in folders]
    groups += [chance.sample(sources, chance.randint(2, 6)) for _ in range(20)]
    order(report, reviewer, [g for g in groups if len(g) > 1], 'order', 6)
    order(report, reviewer, [sources], 'order of the whole set', 4)
    # Hundreds of small files with the same names for other things.
    snippets = [f for f in files_of(os.path.join(HERE, 'snippets')) if f.endswith(SOURCES)]
    order(report, reviewer, [snippets] + [chance.sample(snippets, 12) for _ in range(10)], 'order of the snippets', 4)
    allowed = accepted()
    for path in folders + [root]:
        folder(report, reviewer, path, allowed)
    report.result('folder: each accepted loss is still one', {'accepted': len(allowed)},
                  ['not lost any more: %s %s %s' % tuple(r[:3]) for r in allowed if not r[4]])
    changed(report, reviewer, programs, 'rename', 'other names for what is local change nothing', rename)
    changed(report, reviewer, programs, 'split', 'more lines change nothing but lines', split)
    for word in ('print8', 'a long/qbool', 'close_üñ'):
        changed(report, reviewer, programs, 'path', 'in a folder %s everything is found' % word, elsewhere(word))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--reviewer', help='its command, as one word; without: $POSTERN_COMMAND review')
    parser.add_argument('folders', nargs='*')
    args = parser.parse_args()
    reviewer = [args.reviewer or os.environ.get('POSTERN_COMMAND', 'postern')]
    if os.path.basename(reviewer[0]) == 'postern':
        reviewer.append('review')
    if subprocess.run(reviewer + ['--rules'], capture_output=True).returncode != 0:
        print('1..0 # SKIP the reviewer was not built')
        return 0
    report = Report()
    if not args.folders:
        over_set(report, reviewer, os.path.join(HERE, 'set'))
    for path in args.folders:
        sources = [f for f in files_of(path) if f.endswith(SOURCES)]
        order(report, reviewer, [sources], 'order in ' + os.path.basename(path.rstrip('/')), 3)
        folder(report, reviewer, path)
        name = os.path.basename(path.rstrip('/'))
        changed(report, reviewer, [path.rstrip('/')], 'rename in ' + name, 'other names change nothing', rename)
        changed(report, reviewer, [path.rstrip('/')], 'split in ' + name, 'more lines change only lines', split)
    print('1..%d' % report.number)
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
