#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The fixes that the reviewer prints are right: applied, they compile and the finding is gone. TAP.

    fixes.py [--reviewer COMMAND] [--list] [--quick] [PATH...]     without a path: snippets/ and set/

Each finding's fix is applied alone, as the tool's own edits where it gives them, else as its sentence says
(recipes.py). Then

  compile   the file compiles where it compiled before, with the same warnings;
  gone      no finding of that rule is left at that place;
  new       no other warning or error has come, such as L4 after a descriptor that is now closed twice;
  words     the code in the sentence is of the file's language, frees no literal, names nothing that
            does not exist, and declares no local with the name of a member.

A fix that is only advice in words is checked for its words, and one of each shape by hand (by_hand.py). --list shows
each one; --quick compiles no C++, which with the headers of Qt takes most of the time.
"""

import argparse
import collections
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import by_hand  # noqa: E402
from recipes import LEAVE, apply  # noqa: E402
from score import SUFFIXES, files_of, includes, language, moc_files  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
# Words of a language or library, and what a file must have to use them.
WORDS = [
    (r'\bstd::|\bunique_ptr\b|\bnullptr\b', lambda path, text: not path.endswith(('.c', '.h')), 'C++ in C'),
    (r'\bQ[A-Z]\w+|\bwaitFor|\berrorString\b',
     lambda path, text: bool(re.search(r'#\s*include\s*[<"](Qt\w*/)?(Q[A-Z]|q[a-z]+\.h)', text)) or 'QString' in text,
     'Qt without Qt'),
    (r'\bg_\w+\(\)|\bg_\w+_all\(', lambda path, text: 'glib' in text or 'gio' in text, 'GLib without GLib'),
]
# A snippet may be made to keep a preprocessor busy for ever; it counts as one that does not compile here.
COMPILER_SECONDS = 10
CXX = os.environ.get('CXX', 'g++')
WARNINGS = ['-Wall', '-Wextra', '-Wshadow']
QT_HEADER = re.compile(r'#\s*include\s*<Q\w+>')
PRECOMPILED = ['QCoreApplication', 'QDataStream', 'QDebug', 'QFile', 'QHash', 'QLocalServer', 'QLocalSocket', 'QPointer',
               'QProcess', 'QTcpServer', 'QTcpSocket', 'QThread', 'QTimer', 'QUdpSocket']
NOT_THERE = re.compile(r'(?<!BEV_OPT_)(?<!LEV_OPT_)\bCLOSE_ON_FREE\b')


class Checker:
    def __init__(self, reviewer, quick):
        self.reviewer = reviewer
        self.quick = quick
        self.flags = includes()
        self.scratch = tempfile.mkdtemp(prefix='postern-fixes-')
        self.moc = os.path.join(self.scratch, 'moc')
        os.mkdir(self.moc)
        self.precompiled = None

    def headers(self, path):
        """Options that bring Qt's headers for a file that includes some: compiled once, they are most of what it takes."""
        with open(path, encoding='utf-8', errors='replace') as f:
            if not QT_HEADER.search(f.read()):
                return []
        if self.precompiled is None:
            header = os.path.join(self.moc, 'precompiled.hpp')
            write(header, ''.join('#include <%s>\n' % name for name in PRECOMPILED))
            run = subprocess.run([CXX, '-x', 'c++-header', '-o', header + '.gch', *WARNINGS] + language(header, self.flags) +
                                 [header], capture_output=True)
            self.precompiled = [] if run.returncode else ['-include', header]
        return self.precompiled

    def review(self, path):
        run = subprocess.run(self.reviewer + ['--format', 'json', os.path.relpath(path, self.scratch)],
                             capture_output=True, timeout=60, cwd=self.scratch)
        if run.returncode not in (0, 1):
            sys.exit('fixes.py: %s: status %d\n%s' % (path, run.returncode, run.stderr.decode()))
        return json.loads(run.stdout)['findings']

    def warnings(self, path):
        """The compiler's words without places, or None where the file does not compile."""
        if self.quick and not path.endswith('.c'):
            return None, 'not tried'
        command = [os.environ.get('CC', 'gcc') if path.endswith('.c') else CXX,
                   '-fsyntax-only', *WARNINGS, '-I' + self.moc, '-I' + os.path.dirname(path)]
        if not path.endswith('.c'):
            command += self.headers(path)
        run = subprocess.run(command + language(path, self.flags) + [path], capture_output=True, text=True,
                             errors='replace', preexec_fn=limit)
        if run.returncode:
            return None, next((w for w in run.stderr.splitlines() if 'error:' in w), run.stderr[:200])
        said = re.findall(r'warning: (.*)', run.stderr)
        return collections.Counter(re.sub(r'\d+', 'N', w) for w in said), ''

    def compiles(self, path, text, known, leaves):
        """Write the text, with a way to leave that fits the function; what is wrong with it, or ''."""
        why = ''
        for leave in leaves if re.search(r'\bLEAVE\b', text) else ['']:
            write(path, re.sub(r'\bLEAVE\b', lambda _: leave, text))
            if known is None:
                return ''
            said, error = self.warnings(path)
            if said is None:
                why = why or error.split('error: ')[-1]
                continue
            # What comes from the way to leave, and from how the recipe lays out a line, is ours.
            more = {w for w in said - known if not re.search(r'return|unused|misleading-indentation', w)}
            if not more:
                return ''
            why = 'new warning: ' + sorted(more)[0]
        return why


def limit():
    """For the compiler proper too, which the death of its driver would leave behind."""
    resource.setrlimit(resource.RLIMIT_CPU, (COMPILER_SECONDS, COMPILER_SECONDS))


def write(path, text):
    with open(path, 'w', encoding='utf-8', errors='surrogateescape') as f:
        f.write(text)


def words_of(fix, path, text):
    """What is wrong with the words of a fix."""
    wrong = []
    # What goes on with "or" names a choice; a choice of another language is still none.
    for pattern, fits, what in WORDS:
        found = re.search(pattern, fix)
        if found and not fits(path, text):
            wrong.append('%s: %s' % (what, found.group()))
    if NOT_THERE.search(fix):
        wrong.append('no such name: CLOSE_ON_FREE')
    freed = re.search(r'call (?:g_)?free\((\w+)\)', fix)
    if freed and re.search(r'\b%s\s*=\s*(?:[^;=]*[?:]\s*)?"' % freed.group(1), text):
        wrong.append('may free a literal: %s' % freed.group(1))
    local = re.search(r'`(?:QScopedPointer<\w+>|auto|Q\w+) (\w+)[ (;=]', fix)
    if local and re.search(r'^\s*[\w:<>]+\s*\*\s*%s\s*(?:=[^;]*|\{[^;]*\})?;\s*(//.*)?$' % local.group(1), text, re.M) and \
            not re.search(r'\*\s*%s\s*=\s*new' % local.group(1), text):
        wrong.append('a local with the name of a member: %s' % local.group(1))
    return wrong


def check(checker, snippet, path, finding, known):
    """(recipe or None, list of what is wrong) for the fix of one finding in a file of the scratch folder."""
    with open(path, encoding='utf-8', errors='surrogateescape') as f:
        source = f.read()
    fix = finding['fix']
    wrong = words_of(fix, path, source)
    recipe, text, why = apply(source, finding, fix)
    if not recipe:
        return None, wrong
    if text is None:
        return recipe + ', not applied', wrong + [why]
    found = checker.review(snippet)
    mine = (finding['rule'], finding['function'], subject(finding))
    before, had = places(found), still(found, mine)
    try:
        error = checker.compiles(path, text, known, LEAVE)
        after = [] if error else checker.review(snippet)
        if not error and 'LEAVE' in text and still(after, mine) >= had:
            error = checker.compiles(path, text, known, LEAVE[1:])
            after = [] if error else checker.review(snippet)
        # "On every way out": the next one, too.
        for _ in range(5):
            again = [f for f in after if recipe == 'close it' and f['rule'] in ('L1', 'L3', 'L7') and
                     (f['function'], subject(f)) == mine[1:]]
            if error or not again:
                break
            with open(path, encoding='utf-8', errors='surrogateescape') as f:
                text = apply(f.read(), again[0], fix)[1]
            if text is None:
                break
            error = checker.compiles(path, text, known, LEAVE)
            after = after if error else checker.review(snippet)
    finally:
        write(path, source)
    if error:
        return recipe, wrong + ['does not compile: ' + error]
    if still(after, mine) >= had:
        wrong.append('the finding is still there')
    for rule, function, name in sorted(places(after) - before):
        # A way to leave that is put in ends the program, which E7 minds.
        if not (rule == 'E7' and 'LEAVE' in (apply(source, finding, fix)[1] or '')):
            wrong.append('new: %s in %s(), %s' % (rule, function, name))
    return recipe, wrong


def followed(checker, row):
    """When the fix of that finding is followed by hand: what is wrong, its shape, whether the file compiled before."""
    name, rule, function, changes = row
    original = os.path.join(HERE, name if name.startswith('set/') else os.path.join('snippets', name))
    folder = os.path.dirname(original) if os.path.dirname(name).endswith('.d') else None
    copy = os.path.join(checker.scratch, os.path.basename(folder or original))
    (shutil.copytree if folder else shutil.copy)(folder or original, copy)
    path = os.path.join(copy, os.path.basename(original)) if folder else copy
    moc_files([copy], checker.moc)
    try:
        found = checker.review(copy)
        mine = [f for f in found if (f['rule'], f['function']) == (rule, function)]
        if not mine:
            return ['there is no such finding'], set(), False
        with open(path, encoding='utf-8', errors='surrogateescape') as f:
            text, missing = by_hand.changed(f.read(), mine[0]['line'], changes)
        if text is None:
            return ['not in the file: %r' % missing], set(), False
        known = checker.warnings(path)[0]
        error = checker.compiles(path, text, known, [''])
        after = [] if error else checker.review(copy)
        wrong = ['does not compile: ' + error] if error else []
        gone = still(after, (rule, function, subject(mine[0]))) < still(found, (rule, function, subject(mine[0])))
        wrong += [] if error or gone else ['the finding is still there']
        wrong += ['new: %s in %s(), %s' % new for new in sorted(places(after) - places(found))]
        return wrong, {by_hand.shape(rule, mine[0]['fix'])}, known is not None
    finally:
        shutil.rmtree(copy) if os.path.isdir(copy) else os.remove(copy)


def run_by_hand(checker, in_words):
    """TAP lines for the rows of by_hand.py, and for shapes that have none."""
    shapes, lines, compiled = set(), [], 0
    for row in by_hand.ROWS:
        wrong, shape, built = followed(checker, row)
        shapes |= shape
        compiled += built
        lines += ['%s, %s in %s(): %s' % (row[0], row[1], row[2], w) for w in wrong]
    missing = ['%s %s (%s)' % (rule, shape, in_words[rule, shape]) for rule, shape in sorted(set(in_words) - shapes)]
    return [('the fixes in words that were followed by hand are clean', lines,
             '%d rows, %d of them in a file that compiles here' % (len(by_hand.ROWS), compiled)),
            ('each shape of a fix in words was followed by hand', missing, '%d shapes' % len(in_words))]


def still(findings, mine):
    return sum(1 for f in findings if (f['rule'], f['function'], subject(f)) == mine)


def subject(finding):
    name = re.search(r'`([^`]*)`|([\w.>-]+\(\))', finding['message'])
    return name.group() if name else ''


def places(findings):
    return collections.Counter((f['rule'], f['function'], subject(f)) for f in findings
                               if f['severity'] != 'advice')


def snippets(path):
    if os.path.isfile(path) or path.endswith('.d'):
        yield path
        return
    for name in sorted(os.listdir(path)):
        inner = os.path.join(path, name)
        if os.path.isdir(inner) or name.endswith(SUFFIXES):
            yield from snippets(inner)


def run(checker, roots, listed):
    table, results, in_words = collections.defaultdict(collections.Counter), collections.defaultdict(list), {}
    for root in roots:
        for original in snippets(root):
            copy = os.path.join(checker.scratch, os.path.basename(original))
            (shutil.copytree if os.path.isdir(original) else shutil.copy)(original, copy)
            moc_files([copy], checker.moc)
            compiled = {}
            for finding in checker.review(copy):
                path = os.path.join(checker.scratch, finding['file'])
                if path not in compiled:
                    compiled[path] = checker.warnings(path)[0]
                recipe, wrong = check(checker, copy, path, finding, compiled[path])
                row = table[finding['rule'], recipe or 'words only']
                row['findings'] += 1
                row['compiled'] += bool(recipe and compiled[path] is not None)
                applied = not (recipe or '').endswith('not applied')
                row['wrong'] += bool(wrong and applied)
                if not recipe:
                    in_words.setdefault(by_hand.shape(finding['rule'], finding['fix']),
                                        '%s:%d' % (finding['file'], finding['line']))
                place = '%s:%d' % (os.path.relpath(original, HERE), finding['line'])
                if (wrong and applied) or listed:
                    results[finding['rule']].append((place, recipe, wrong, finding['fix']))
            shutil.rmtree(copy) if os.path.isdir(copy) else os.remove(copy)
    return table, results, in_words


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--reviewer', help='its command, as one word; without: $POSTERN_COMMAND review')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('paths', nargs='*')
    args = parser.parse_args()
    command = args.reviewer or os.environ.get('POSTERN_COMMAND', 'postern')
    reviewer = [os.path.abspath(command) if os.sep in command else command]
    if os.path.basename(command) == 'postern':
        reviewer.append('review')
    if subprocess.run(reviewer + ['--rules'], capture_output=True).returncode != 0:
        print('1..0 # SKIP the reviewer was not built')
        return 0
    checker = Checker(reviewer, args.quick)
    try:
        table, results, in_words = run(checker, args.paths or [os.path.join(HERE, 'snippets'), os.path.join(HERE, 'set')], args.list)
        more = [] if args.paths else run_by_hand(checker, in_words)
    finally:
        shutil.rmtree(checker.scratch)
    rules = sorted({rule for rule, _ in table})
    failed = 0
    for number, rule in enumerate(rules, 1):
        bad = [r for r in results[rule] if r[2] and not (r[1] or '').endswith('not applied')]
        failed += bool(bad)
        print('%s %d - the fixes of %s can be applied and are clean' % ('not ok' if bad else 'ok', number, rule))
        for (of, recipe), row in sorted(table.items(), key=str):
            if of == rule:
                print('# %s: %d findings, %d of them in a file that compiles here, %d wrong' % (
                    recipe, row['findings'], row['compiled'], row['wrong']))
        for place, recipe, wrong, fix in results[rule]:
            print('#   %s %s: %s' % (place, recipe or 'words only', '; '.join(wrong) or 'right'))
            if wrong:
                print('#      %s' % fix)
    for number, (what, wrong, count) in enumerate(more, len(rules) + 1):
        failed += bool(wrong)
        print('%s %d - %s\n# %s' % ('not ok' if wrong else 'ok', number, what, count))
        for line in wrong:
            print('#   ' + line)
    print('1..%d' % (len(rules) + len(more)))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
