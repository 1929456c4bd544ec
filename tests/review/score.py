#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the reviewer on programs whose defects are marked.

  score.py [--list] [--peers] [--markdown] [--tap] [REVIEWER [SET]]

A mark is a comment at the end of the line that is wrong, `// @L2 @E5?`: the rule that must speak
there; with `?` it may, and is counted neither way. Each program, a file or a folder, is reviewed on
its own. What is said as advice is not counted, nor is a finding within three lines of a mark with
`?` of its rule.

A mark is found when a finding of its rule is in the same function or within three lines; a finding
is true when it finds a mark. Several findings on one mark, and several marks under one finding,
count as one each.

Other tools (--peers) have other names for what they find, so for them more is counted as right: a
check that speaks of one of the three pillars (the table PEERS says which) is true when a mark of
any rule of that pillar is within three lines, and a mark is found when such a check is within three
lines of it. What they say of other things (style, performance, other bugs) is left out.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

SUFFIXES = ('.c', '.h', '.cc', '.cpp', '.cxx', '.hpp')
MARK = re.compile(r'@([LWNE]\d)(\?)?')
NEAR = 3
MIN_PRECISION, MIN_RECALL = 0.90, 0.80

PILLARS = {'L': 664, 'W': 707, 'N': 707, 'E': 703}
TITLES = {664: 'CWE-664 lifetime', 707: 'CWE-707 neutralization', 703: 'CWE-703 failures'}

# What the checks of other tools speak of, by their names. Checks that mostly speak of other things
# would only count against them: printf() whose result is unused (cert-err33-c), functions that are
# old (insecureAPI.*), variables without a value.
PEERS = {
    'clang-tidy': [
        (r'clang-analyzer-(unix\.Malloc|unix\.MismatchedDeallocator|cplusplus\.NewDelete.*|'
         r'alpha\.unix\.Stream|unix\.Stream|cplusplus\.Move|core\.StackAddressEscape)', 664),
        (r'android-cloexec-.*|cppcoreguidelines-owning-memory|bugprone-use-after-move|'
         r'bugprone-unused-raii|cppcoreguidelines-special-member-functions', 664),
        (r'bugprone-infinite-loop|clang-analyzer-(security\.FloatLoopCounter|alpha\.security\..*)|'
         r'bugprone-not-null-terminated-result|bugprone-spuriously-wake-up-functions', 707),
        (r'bugprone-unused-return-value|clang-analyzer-core\.(NullDereference|'
         r'CallAndMessage|NonNullParamChecker|UndefinedBinaryOperatorResult|uninitialized\..*)|'
         r'bugprone-signal-handler|bugprone-suspicious-.*|clang-analyzer-unix\.(API|Errno|'
         r'StdCLibraryFunctions)', 703),
    ],
    'gcc -fanalyzer': [
        (r'-Wanalyzer-(fd-(leak|double-close|use-after-close|phase.*)|malloc-leak|file-leak|'
         r'double-.*|use-after-.*|mismatching-deallocation|free-of-non-heap)', 664),
        (r'-Wanalyzer-(tainted-.*|infinite-.*|out-of-bounds|putenv.*|unsafe-call.*)|'
         r'-Wformat-security|-Wformat-nonliteral', 707),
        (r'-Wanalyzer-(fd-use-without-check|possible-null-.*|null-.*|'
         r'fd-type-mismatch|fd-access-mode-mismatch)|-Wunused-result', 703),
    ],
    'cppcheck': [
        (r'resourceLeak|memleak.*|leak.*|leakReturnValNotUsed|doubleFree|deallocuse|'
         r'useClosedFile|deallocret|mismatchAllocDealloc|publicAllocationError|unsafeClass.*', 664),
        (r'invalidscanf.*|bufferAccess.*|arrayIndex.*|terminateStrncpy|strncatUsage|'
         r'wrongPrintf.*', 707),
        (r'ignoredReturn.*|nullPointer.*|ignoredReturnErrorCode|ctunullpointer', 703),
    ],
    'clazy': [
        (r'clazy-(lambda-in-connect|connect-3arg-lambda|lambda-unique-connection|'
         r'thread-with-slots|copyable-polymorphic|rule-of-.*|unneeded-cast)', 664),
        (r'clazy-(qstring-arg|wrong-qevent-cast|wrong-qglobalstatic)', 707),
        (r'clazy-(unused-result-.*|unused-non-trivial-variable|returning-void-expression|'
         r'connect-non-signal|missing-typeinfo)', 703),
    ],
}


def pillar_of(rule):
    return PILLARS[rule[0]]


def files_of(program):
    if os.path.isfile(program):
        return [program]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(program)
                  for name in names if name.endswith(SUFFIXES))


def programs_of(root):
    if os.path.isfile(root):
        return [root]
    return [os.path.join(root, name) for name in sorted(os.listdir(root))
            if name.endswith(SUFFIXES) or os.path.isdir(os.path.join(root, name))]


class Mark:
    def __init__(self, file, line, rule, sure):
        self.file, self.line, self.rule, self.sure = file, line, rule, sure
        self.function, self.found = None, False


def marks_of(program):
    marks = []
    for path in files_of(program):
        functions = function_lines(path)
        with open(path, encoding='utf-8', errors='replace', newline='\n') as f:
            for number, text in enumerate(f, 1):
                comment = re.search(r'(//|/\*).*@[LWNE]\d', text)
                for rule, doubt in MARK.findall(text[comment.start():]) if comment else []:
                    mark = Mark(path, number, rule, not doubt)
                    mark.function = functions.get(number)
                    marks.append(mark)
    return marks


def function_lines(path):
    """Line to number of the function that it is in: the outermost braces that follow a `)`."""
    with open(path, encoding='utf-8', errors='replace', newline='\n') as f:
        text = f.read()
    # Comments, strings and characters become blanks; lines stay.
    text = re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  lambda m: re.sub(r'[^\n]', ' ', m.group()), text, flags=re.S)
    # Of #if … #else … #endif only the first branch: its braces are enough to count.
    kept, stack = [], []
    for line in text.split('\n'):
        word = re.match(r'\s*#\s*(\w+)', line)
        word = word.group(1) if word else ''
        if word in ('if', 'ifdef', 'ifndef'):
            stack.append(False)
        elif word in ('else', 'elif') and stack:
            stack[-1] = True
        elif word == 'endif' and stack:
            stack.pop()
        kept.append('' if word or any(stack) else line)
    lines, number, line, last = {}, 0, 1, ''
    inside, depth, head = 0, 0, ''
    for c in '\n'.join(kept):
        if c == '{':
            if not inside:
                body = re.search(r'\)\s*(const|noexcept|override|final|mutable|->[^{;]*|\s)*'
                                 r'(:[^;{}]*)?$', head)
                body = body or re.search(r'\([^;]*\)\s*(\w[^;(){}]*;\s*)+$', head)
                if body and not re.search(r'\b(class|struct|union|namespace|enum)\b[^()]*$', head):
                    inside = depth + 1
                    number += 1
            depth += 1
            head = ''
        elif c == '}':
            depth -= 1
            if inside and depth < inside:
                lines[line] = number
                inside = 0
            head = ''
        elif c == '\n':
            line += 1
            head += ' '
        else:
            head += c
            if c == ';' and not re.search(r'\)\s*[\w\s,*\[\];]*$', head):
                head = ''
        if inside:
            lines[line] = number
    return lines


class Score:
    def __init__(self):
        self.true = self.false = self.found = self.missed = 0

    def precision(self):
        return self.true / (self.true + self.false) if self.true + self.false else None

    def recall(self):
        return self.found / (self.found + self.missed) if self.found + self.missed else None


class Tally:
    """Scores by rule, by pillar and overall, and what was wrong."""

    def __init__(self):
        self.scores, self.misses, self.falses = {}, [], []

    def at(self, rule, pillar):
        return [self.scores.setdefault(key, Score()) for key in (rule, pillar, 'all') if key]

    def finding(self, rule, pillar, right, what):
        for score in self.at(rule, pillar):
            score.true += right
            score.false += not right
        if not right:
            self.falses.append(what)

    def mark(self, mark, found):
        for score in self.at(mark.rule, pillar_of(mark.rule)):
            score.found += found
            score.missed += not found
        if not found:
            self.misses.append((mark.rule, mark.file, mark.line, ''))


def review(reviewer, program):
    run = subprocess.run(reviewer + ['--format', 'json', program], capture_output=True, timeout=120)
    if run.returncode not in (0, 1):
        sys.exit('score.py: %s: status %d\n%s' % (program, run.returncode, run.stderr.decode()))
    found = json.loads(run.stdout)['findings']
    return found + [{**f, **place} for f in found for place in f.get('places', [])]


def score_review(reviewer, programs):
    tally = Tally()
    for program in programs:
        marks = marks_of(program)
        functions = {path: function_lines(path) for path in files_of(program)}
        seen = set()
        for finding in review(reviewer, program):
            if finding['severity'] == 'advice':
                continue
            file, line, rule = finding['file'], finding['line'], finding['rule']
            inside = functions.get(file, {}).get(line)
            same = [m for m in marks if m.file == file and m.rule == rule and
                    (abs(m.line - line) <= NEAR or (inside and m.function == inside))]
            near = [m for m in same if abs(m.line - line) <= NEAR]
            sure = [m for m in near or same if m.sure]
            if same and not sure:
                continue
            # The nearest one; another finding of the function takes the next.
            sure.sort(key=lambda m: (m.found, abs(m.line - line)))
            if sure:
                sure[0].found = True
                key = (file, sure[0].line, rule)
            else:
                key = (file, line, rule)
            if key in seen:
                continue
            seen.add(key)
            tally.finding(rule, pillar_of(rule), bool(sure),
                          (rule, file, line, finding['message']))
        for mark in marks:
            if mark.sure:
                tally.mark(mark, mark.found)
    return tally


# Each gives (file, line, check) for one program; headers are missing as often as they are.

def includes():
    """The folders of Qt, GLib and the like where they are installed."""
    flags = []
    if shutil.which('pkg-config'):
        qt = subprocess.run(['pkg-config', '--exists', 'Qt5Network']).returncode
        names = ['Qt6Widgets', 'Qt6Network'] if qt else ['Qt5Widgets', 'Qt5Network']
        for name in names + ['glib-2.0', 'gio-2.0', 'gio-unix-2.0', 'libuv', 'libevent']:
            run = subprocess.run(['pkg-config', '--cflags', name], capture_output=True, text=True)
            flags += [f for f in run.stdout.split() if f not in flags]
    return flags


def moc_files(programs, folder):
    """What Qt's moc would write, empty, so that the compilers come past its #include."""
    for path in (p for program in programs for p in files_of(program)):
        with open(path, encoding='utf-8', errors='replace') as f:
            for name in re.findall(r'#include "(\w[^"/]*\.moc)"', f.read()):
                open(os.path.join(folder, name), 'w').close()


def sources_of(program):
    return [f for f in files_of(program) if not f.endswith(('.h', '.hpp'))]


def language(path, flags):
    if path.endswith('.c'):
        return ['-std=gnu11', '-D_GNU_SOURCE'] + [f for f in flags if f != '-fPIC']
    return ['-std=gnu++17', '-fPIC'] + flags


LINES = re.compile(r'^([^\s:][^:\n]*):(\d+):\d+: (?:warning|error): .*\[([^\]]+)\]$', re.M)


def found_in(text):
    for file, line, checks in LINES.findall(text):
        for check in checks.split(','):
            yield file, int(line), check


def run_text(command):
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors='replace', timeout=180)
    except subprocess.TimeoutExpired:
        return ''
    return run.stdout + '\n' + run.stderr


def run_clang_tidy(program, flags):
    for path in sources_of(program):
        yield from found_in(run_text(
            ['clang-tidy', '--quiet', '--config={}', '--checks=-*,clang-analyzer-*,bugprone-*,cert-*,android-cloexec-*,'
             'cppcoreguidelines-owning-memory', path, '--'] + language(path, flags)))


def run_cppcheck(program, flags):
    text = run_text(['cppcheck', '--quiet', '--enable=warning,portability,style', '--library=posix',
                     '--library=qt', '--inconclusive', '--template={file}:{line}:1: warning: {message} [{id}]']
                    + sources_of(program))
    yield from found_in(text)


def run_gcc(program, flags):
    for path in sources_of(program):
        compiler = 'gcc' if path.endswith('.c') else 'g++'
        yield from found_in(run_text(
            [compiler, '-c', '-o', os.devnull, '-O1', '-Wall', '-Wextra',
             '-fanalyzer', '-fdiagnostics-plain-output'] + language(path, flags) + [path]))


def run_clazy(program, flags):
    for path in sources_of(program):
        if path.endswith('.c'):
            continue
        text = run_text(['clazy-standalone', '--checks=level0,level1,level2', path, '--']
                        + language(path, flags))
        for file, line, check in found_in(text):
            yield file, line, check[2:] if check.startswith('-Wclazy') else check


PEER_RUNS = {
    'clang-tidy': ('clang-tidy', run_clang_tidy),
    'cppcheck': ('cppcheck', run_cppcheck),
    'gcc -fanalyzer': ('gcc', run_gcc),
    'clazy': ('clazy-standalone', run_clazy),
}


def peer_pillar(peer, check):
    for pattern, pillar in PEERS[peer]:
        if re.fullmatch(pattern, check):
            return pillar
    return None


def score_peer(peer, programs, flags):
    tally = Tally()
    for program in programs:
        marks = marks_of(program)
        paths = {os.path.realpath(path): path for path in files_of(program)}
        seen = set()
        for file, line, check in PEER_RUNS[peer][1](program, flags):
            pillar = peer_pillar(peer, check)
            file = paths.get(os.path.realpath(file))
            if not pillar or not file or (file, line, pillar) in seen:
                continue
            seen.add((file, line, pillar))
            near = [m for m in marks if m.file == file and abs(m.line - line) <= NEAR and
                    pillar_of(m.rule) == pillar]
            if near and not any(m.sure for m in near):
                continue
            for mark in near:
                mark.found = True
            tally.finding(None, pillar, bool(near), (check, file, line, ''))
        for mark in marks:
            if mark.sure:
                tally.mark(mark, mark.found)
    return tally


def percent(value):
    return '-' if value is None else '%.2f' % value


def row(name, score):
    return [name, str(score.true), str(score.false), str(score.missed), percent(score.precision()),
            percent(score.recall())]


def table(head, rows, markdown):
    if markdown:
        print('| ' + ' | '.join(head) + ' |')
        print('|' + '|'.join(':--' if i == 0 else '--:' for i in range(len(head))) + '|')
        for cells in rows:
            print('| ' + ' | '.join(cells) + ' |')
    else:
        widths = [max(len(r[i]) for r in [head] + rows) for i in range(len(head))]
        for cells in [head] + rows:
            print('  '.join(c.ljust(w) if i == 0 else c.rjust(w)
                            for i, (c, w) in enumerate(zip(cells, widths))).rstrip())
    print()


def keys_of(tally, by_rule):
    rules = sorted(k for k in tally.scores if isinstance(k, str) and k != 'all') if by_rule else []
    keys = []
    for pillar in (664, 707, 703):
        letters = [letter for letter, p in PILLARS.items() if p == pillar]
        keys += [(r, r) for r in rules if r[0] in letters]
        keys.append((TITLES[pillar], pillar))
    return keys + [('overall', 'all')]


def show(tally, markdown):
    head = ['rule or pillar', 'true', 'false', 'missed', 'precision', 'recall']
    rows = [row(name, tally.scores.get(key, Score())) for name, key in keys_of(tally, True)]
    if markdown:
        rows = [['**%s**' % c if len(r[0]) > 2 else c for c in r] for r in rows]
    table(head, rows, markdown)


def show_peers(own, programs, markdown):
    mocs = tempfile.mkdtemp(prefix='postern-review-score-')
    moc_files(programs, mocs)
    flags = includes() + ['-I' + mocs]
    head = ['tool', 'true', 'false', 'missed', 'precision', 'recall'] + [
        'CWE-%d precision / recall' % p for p in (664, 707, 703)]
    rows = []
    for name in ['postern review'] + list(PEER_RUNS):
        if name != 'postern review' and not shutil.which(PEER_RUNS[name][0]):
            print('(%s is not installed)' % name)
            continue
        tally = own if name == 'postern review' else score_peer(name, programs, flags)
        cells = row(name, tally.scores.get('all', Score()))
        for pillar in (664, 707, 703):
            score = tally.scores.get(pillar, Score())
            cells.append('%s / %s' % (percent(score.precision()), percent(score.recall())))
        rows.append(cells)
    shutil.rmtree(mocs)
    table(head, rows, markdown)


def tap(tally):
    score = tally.scores.get('all', Score())
    results = [('precision', score.precision(), MIN_PRECISION), ('recall', score.recall(), MIN_RECALL)]
    print('TAP version 13\n1..%d' % len(results))
    bad = 0
    for number, (name, value, least) in enumerate(results, 1):
        right = value is not None and value >= least
        bad += not right
        print('%s %d - %s on the labelled set is %s, at least %.2f' % (
            'ok' if right else 'not ok', number, name, percent(value), least))
    if bad:
        show_list(tally, '# ')
    return 1 if bad else 0


def show_list(tally, prefix=''):
    for title, some in (('missed', tally.misses), ('false', tally.falses)):
        for rule, file, line, message in sorted(some):
            print('%s%s %s %s:%d %s' % (prefix, title, rule, file, line, message[:110]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--list', action='store_true', help='what was missed and what was false')
    parser.add_argument('--peers', action='store_true', help='also clang-tidy, cppcheck, gcc, clazy')
    parser.add_argument('--markdown', action='store_true', help='tables as Markdown')
    parser.add_argument('--tap', action='store_true', help='fail below the least figures, as TAP')
    parser.add_argument('reviewer', nargs='?', default=os.environ.get('POSTERN_COMMAND', 'postern'))
    parser.add_argument('set', nargs='*')
    args = parser.parse_args()
    reviewer = args.reviewer.split()
    if os.path.basename(reviewer[0]) == 'postern' and len(reviewer) == 1:
        reviewer.append('review')
    here = os.path.dirname(os.path.abspath(__file__))
    programs = [p for root in args.set or [os.path.join(here, 'set')] for p in programs_of(root)]
    tally = score_review(reviewer, programs)
    if args.tap:
        sys.exit(tap(tally))
    if not args.markdown:
        print('%d programs; a finding is true, and a mark found, in the same function or within '
              '%d lines; advice and marks with `?` are not counted\n' % (len(programs), NEAR))
    show(tally, args.markdown)
    if args.peers:
        print('Other tools: a finding is true, and a mark found, within %d lines of a mark of any '
              'rule of the same pillar\n(the table PEERS in score.py says which check speaks of '
              'which pillar; others are left out).\n' % NEAR)
        show_peers(tally, programs, args.markdown)
    if args.list:
        show_list(tally)


if __name__ == '__main__':
    main()
