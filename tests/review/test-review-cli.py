#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reviewer's command line: bad input, its status and its one line; the forms of output. TAP.

    test-review-cli.py [REVIEWER...]        without: $POSTERN_COMMAND review
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reviewing import (CLEAN, FOUND, LEAK, NOTHING, UNREADABLE, USAGE, reviewer, run_tests,  # noqa: E402
                       test)


class Run:
    def __init__(self, *args, stdin=b'', timeout=60, user=None):
        self.args = args
        more = {'user': user} if user else {}
        run = subprocess.run(reviewer() + list(args), input=stdin, capture_output=True,
                             timeout=timeout, **more)
        self.status = run.returncode
        # A line of the source is shown as it is; the other forms are UTF-8 whatever comes.
        self.out = run.stdout.decode('utf-8', 'strict' if '--format' in args else 'replace')
        self.err = run.stderr.decode('utf-8', 'replace')

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [(f['rule'], os.path.basename(f['file']), f['line']) for f in self.json()['findings']]


def expect(right, what, run=None):
    if not right:
        seen = '' if run is None else '\nargs %r\nstatus %d\n%s%s' % (
            run.args, run.status, run.out[:2000], run.err[:2000])
        raise AssertionError(what + seen)


def expect_line(run, status, words):
    expect(run.status == status, 'status %d expected' % status, run)
    lines = run.err.splitlines()
    expect(len(lines) == 1, 'one line on standard error expected', run)
    expect(lines[0].startswith('postern review: '), 'a line that begins with the name', run)
    expect(words in lines[0], 'a line with %r' % words, run)


def expect_rest_done(run):
    """The other file on the command line was still reviewed."""
    expect(('L1', 'leak.c', 9) in run.lines(), 'the rest of the run done', run)


def put(name, content):
    os.makedirs(os.path.dirname(name) or '.', exist_ok=True)
    with open(name, 'wb') as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    return name


# Bad paths

@test
def a_path_that_does_not_exist():
    run = Run('--format', 'json', 'none.c', 'leak.c')
    expect_line(run, UNREADABLE, 'none.c: No such file or directory')
    expect_rest_done(run)


@test
def an_empty_path():
    expect_line(Run(''), UNREADABLE, 'No such file')


@test
def a_file_without_permission():
    if os.geteuid() == 0:
        # The mode says nothing to root; the reviewer runs as nobody.
        os.chmod('.', 0o755)
        put('closed.c', CLEAN)
        os.chmod('closed.c', 0)
        run = Run('--format', 'json', 'closed.c', 'leak.c', user=65534)
    else:
        put('closed.c', CLEAN)
        os.chmod('closed.c', 0)
        run = Run('--format', 'json', 'closed.c', 'leak.c')
    os.unlink('closed.c')
    expect_line(run, UNREADABLE, 'closed.c: Permission denied')
    expect_rest_done(run)


@test
def a_folder_with_nothing_to_read():
    os.makedirs('empty/inner')
    put('empty/notes.txt', 'int x;')
    run = Run('--format', 'json', 'empty', 'leak.c')
    expect_line(run, UNREADABLE, 'empty: no C or C++ sources')
    expect_rest_done(run)


@test
def a_file_that_is_neither_c_nor_cpp():
    put('page.html', '<html>')
    run = Run('--format', 'json', 'page.html', 'leak.c')
    expect_line(run, UNREADABLE, 'page.html: not a C or C++ file')
    expect_rest_done(run)


@test
def a_device_and_a_fifo():
    expect_line(Run('/dev/null'), UNREADABLE, '/dev/null')
    os.mkfifo('pipe.c')
    expect_line(Run('pipe.c'), UNREADABLE, 'pipe.c: not a regular file')
    os.unlink('pipe.c')


@test
def a_folder_that_contains_itself():
    os.makedirs('loop/a')
    put('loop/a/leak.c', LEAK)
    os.symlink('..', 'loop/a/up')
    run = Run('--format', 'json', 'loop')
    expect(run.status == FOUND and run.lines() == [('L1', 'leak.c', 9)], 'each file once', run)


@test
def a_dangling_link_in_a_folder():
    put('links/leak.c', LEAK)
    os.symlink('nowhere', 'links/gone.c')
    run = Run('--format', 'json', 'links')
    expect_line(run, UNREADABLE, 'links/gone.c: No such file')
    expect_rest_done(run)


# Bad content

@test
def binary_content():
    put('binary.c', bytes(range(256)) * 64)
    run = Run('--format', 'json', 'binary.c', 'leak.c')
    expect_line(run, UNREADABLE, 'binary.c: not a text file')
    expect_rest_done(run)


@test
def an_empty_file():
    put('nothing.c', '')
    run = Run('nothing.c')
    expect(run.status == NOTHING and not run.err, 'nothing found', run)
    expect('checked 0 functions' in run.out, 'it says that it saw nothing', run)


@test
def a_syntax_error_costs_its_statement():
    put('broken.c', 'int broken(int x)\n{\n\tif (x > ) {\n\t\treturn ;;; +\n\t}\n\treturn 0;\n}\n' + LEAK)
    run = Run('--format', 'json', 'broken.c')
    expect(('L1', 'broken.c', 16) in run.lines(), 'the function behind it is reviewed', run)


@test
def missing_headers_and_unknown_macros():
    put('alien.cpp', '#include "no/such/header.h"\nALIEN_EXPORT void alien::Thing::f() ALIEN_NOEXCEPT\n{\n'
        '\tALIEN_GUARD(x) { y(); }\n}\n' + LEAK)
    run = Run('--format', 'json', 'alien.cpp')
    expect(run.status == FOUND and any(r == 'L1' for r, _, _ in run.lines()), 'L1', run)


@test
def carriage_returns_and_a_bom():
    put('dos.c', b'\xef\xbb\xbf' + LEAK.replace('\n', '\r\n').encode())
    run = Run('--format', 'json', 'dos.c')
    expect(run.lines() == [('L1', 'dos.c', 9)], 'the same line as without', run)
    expect('\r' not in Run('dos.c').out, 'no carriage return in the report', run)


@test
def latin1_in_a_comment():
    put('latin.c', b'/* \xe4\xf6\xfc */ ' + LEAK.encode().replace(b'return -1;\n\treturn', b'return -1; /* \xe4 */\n\treturn'))
    for args in ((), ('--format', 'json'), ('--format', 'sarif')):
        run = Run(*args, 'latin.c')
        expect(run.status == FOUND, 'L1', run)
    json.loads(run.out)


@test
def a_file_of_a_megabyte():
    put('large.c', ''.join('int f%d(int x)\n{\n\treturn x + %d;\n}\n\n' % (i, i) for i in range(26000)) + LEAK)
    expect(os.path.getsize('large.c') > 1000000, 'a megabyte')
    run = Run('--format', 'json', 'large.c')
    expect(run.status == FOUND and len(run.lines()) == 1, 'L1', run)


@test
def one_line_of_a_megabyte():
    put('wide.c', ' '.join('int f%d(int x) { return x + %d; }' % (i, i) for i in range(26000)) + '\n' + LEAK)
    run = Run('--format', 'json', 'wide.c')
    expect(run.status == FOUND and len(run.lines()) == 1, 'L1', run)


def nested(name, text):
    put(name, text)
    run = Run('--format', 'json', name, 'leak.c')
    expect(run.status in (FOUND, UNREADABLE), 'it comes back', run)
    expect(len(run.err.splitlines()) <= 1, 'one line at most', run)
    expect_rest_done(run)


@test
def nesting_of_100000_parentheses():
    nested('parens.c', 'int x = ' + '(' * 100000 + '1' + ')' * 100000 + ';\n')
    nested('open.c', 'int x = ' + '(' * 100000)


@test
def nesting_of_100000_braces():
    nested('braces.c', 'void f(void)\n' + '{' * 100000 + '}' * 100000 + '\n')
    nested('opened.c', 'void f(void)\n' + '{\n' * 100000)
    nested('closed.c', '}' * 100000)


@test
def nesting_of_other_kinds():
    nested('ifs.c', 'void f(int x)\n{\n' + 'if (x) ' * 50000 + ';\n}\n')
    nested('elses.c', 'void f(int x)\n{\n' + 'if (x) x--; else ' * 20000 + ';\n}\n')
    nested('unary.c', 'int f(int x)\n{\nreturn ' + '!' * 100000 + 'x;\n}\n')
    nested('sum.c', 'int f(int x)\n{\nreturn ' + 'x + ' * 50000 + 'x;\n}\n')
    nested('calls.cpp', 'void f()\n{\n' + 'f(' * 50000 + ')' * 50000 + ';\n}\n')
    nested('chain.cpp', 'void f()\n{\nx' + '.y()' * 50000 + ';\n}\n')
    nested('lambdas.cpp', 'void f()\n{\n' + '[] { ' * 20000 + '}' * 20000 + ';\n}\n')
    nested('templates.cpp', 'a' + '<a' * 50000 + '>' * 50000 + ' x;\n')
    nested('spaces.cpp', 'namespace a { ' * 50000 + '}' * 50000 + '\n')
    nested('config.c', '#if A\n' * 50000 + '#endif\n' * 50000)
    nested('strings.c', 'char *s = "' + '\\"' * 200000 + '";\n')
    nested('labels.c', 'void f(void)\n{\n' + ''.join('l%d: goto l%d;\n' % (i, 9999 - i) for i in range(10000)) + '}\n')
    nested('states.c', 'int f(int *a)\n{\n' + ''.join('if (a[%d]) a[%d] = g(%d);\n' % (i, i + 1, i)
                                                      for i in range(5000)) + 'return 0;\n}\n')


# Bad options

@test
def usage():
    for args, words in ((('--format', 'xml', 'leak.c'), 'xml'),
                        (('--min-severity', 'fatal', 'leak.c'), 'fatal'),
                        (('--only', 'L9', 'leak.c'), 'L9'),
                        (('--except', 'CWE-1', 'leak.c'), 'CWE-1'),
                        (('--only', '', 'leak.c'), None),
                        (('--explain', 'X1'), 'X1'),
                        ((), 'no path')):
        run = Run(*args)
        if words is None:
            expect(run.status in (NOTHING, USAGE), 'no crash', run)
        else:
            expect_line(run, USAGE, words)
            expect(not run.out, 'nothing on standard output', run)
    run = Run('--bogus', 'leak.c')
    expect(run.status == USAGE and 'bogus' in run.err, 'usage', run)


@test
def malformed_knowledge():
    put('more.kb', 'fn my_close closes=1\nfn my_open opens=\nnonsense\nmethod NoClass closes=1\n'
        'fn my_bad is=nosuchrole\nfn my_number closes=x\n')
    run = Run('--format', 'json', '--knowledge', 'more.kb', 'leak.c')
    expect(run.status == UNREADABLE, 'status', run)
    lines = run.err.splitlines()
    expect([re.search(r'more\.kb:(\d+): ', line).group(1) for line in lines] == ['2', '3', '4', '5', '6'],
           'one line for each bad statement', run)
    expect_rest_done(run)
    expect_line(Run('--knowledge', 'none.kb', 'clean.c'), UNREADABLE, 'none.kb: No such file')
    put('zeros.kb', b'\0\0\0\xff\n' * 100)
    expect(Run('--knowledge', 'zeros.kb', 'clean.c').status in (NOTHING, UNREADABLE), 'no crash')


@test
def knowledge_is_used():
    put('own.c', LEAK.replace('return -1;\n\treturn fd', '{\n\t\thang_up_now(fd);\n\t\treturn -1;\n\t}\n\treturn fd')
        .replace('int leak', 'void hang_up_now(int);\nint open_it(int);\nint leak')
        + 'int two(void)\n{\n\tint fd = open_it(2);\n\n\treturn fd < 0 ? -1 : 0;\n}\n')
    put('own.kb', '# ours\nfn hang_up_now closes=1\nfn open_it opens=fd fails=-1\n')
    expect(Run('own.c').status == NOTHING, 'an unknown function is given the benefit of the doubt')
    run = Run('--format', 'json', '--knowledge', 'own.kb', 'own.c')
    expect([r for r, _, _ in run.lines()] == ['L1'], 'what open_it() opens is lost', run)


@test
def the_limit_of_a_wait_that_is_left_out_is_its_default():
    put('wait.kb', 'method Line::pause waits=1 default=-1 forever=-1\n')
    put('wait.cpp', 'class Line { public: bool pause(int ms = -1); };\nvoid f(Line *a)\n{\n\ta->pause();\n}\n')
    run = Run('--format', 'json', '--knowledge', 'wait.kb', 'wait.cpp')
    expect([(r, n) for r, _, n in run.lines()] == [('W3', 4)], 'without a limit', run)
    put('wait.kb', 'method Line::pause waits=1 default=1000 forever=-1\n')
    expect(Run('--knowledge', 'wait.kb', 'wait.cpp').status == NOTHING, 'one second')


@test
def malformed_baseline():
    for content in ('', 'nonsense', '[]', '{"findings": ', b'\0\0', '{}'):
        put('base.json', content)
        run = Run('--format', 'json', '--baseline', 'base.json', 'leak.c')
        expect_line(run, UNREADABLE, 'base.json: not the JSON of a review')
        expect_rest_done(run)
    expect_line(Run('--baseline', 'none.json', 'clean.c'), UNREADABLE, 'none.json: No such file')


@test
def baseline_leaves_out_what_is_old():
    put('old/leak.c', LEAK)
    first = Run('--format', 'json', 'old/leak.c')
    put('base.json', first.out)
    run = Run('--baseline', 'base.json', 'old/leak.c')
    expect(run.status == NOTHING and 'L1' not in run.out, 'nothing new', run)
    # Moved by lines, and joined by a new one.
    put('old/leak.c', '\n\n' + LEAK + LEAK.replace('leak(', 'second('))
    run = Run('--format', 'json', '--baseline', 'base.json', 'old/leak.c')
    expect(run.status == FOUND and len(run.lines()) == 1, 'the new one alone', run)


# What comes out

@test
def standard_input():
    run = Run('--format', 'json', '-', stdin=LEAK.encode())
    expect(run.status == FOUND, 'L1', run)
    expect(run.json()['findings'][0]['file'] == '<stdin>', 'its name', run)


@test
def selection():
    for args, n in ((('--only', 'L1'), 1), (('--only', 'l1'), 1), (('--only', '664'), 1), (('--only', 'CWE-664'), 1),
                    (('--only', 'CWE-772'), 1), (('--only', '703,707'), 0), (('--except', 'L1'), 0),
                    (('--except', '664'), 0), (('--except', 'W1,E1'), 1), (('--min-severity', 'error'), 1)):
        run = Run('--format', 'json', *args, 'leak.c')
        expect(len([1 for r, _, _ in run.lines() if r == 'L1']) == n, '%d findings' % n, run)
        expect(run.status == (FOUND if n else NOTHING), 'status', run)


@test
def suppression_needs_a_reason():
    for comment, n, complaint in (('// postern-review: ignore L1 the caller exits', 0, False),
                                  ('/* postern-review: ignore L1,L3 the caller exits */', 0, False),
                                  ('// postern-review: ignore L2 another rule', 1, False),
                                  ('// postern-review: ignore L1', 1, True)):
        put('quiet.c', LEAK.replace('return -1;\n\treturn fd', 'return -1; %s\n\treturn fd' % comment))
        run = Run('--format', 'json', 'quiet.c')
        expect(len(run.lines()) == n and bool(run.err) == complaint, comment, run)
        put('quiet.c', LEAK.replace('\t\treturn -1;\n\treturn fd', '\t\t%s\n\t\treturn -1;\n\treturn fd' % comment))
        run = Run('--format', 'json', 'quiet.c')
        expect(len(run.lines()) == n and bool(run.err) == complaint, 'above: ' + comment, run)
    late = '#include <unistd.h>\nvoid late(int fd, char *b, ssize_t *n)\n{\n\tclose(fd);\n\t%s\n\t*n = read(fd, b, 1);\n}\n'
    for comment, n in (('/* postern-review: ignore L4 why\n\t * */', 0), ('// postern-review: ignore L4 why\n\t/* and */', 0), ('', 1)):
        put('star.c', late % comment)
        run = Run('--format', 'json', 'star.c')
        expect(sum(f['rule'] == 'L4' for f in json.loads(run.out)['findings']) == n, 'code that begins with a star: ' + comment, run)


@test
def pages():
    run = Run('--rules')
    rules = re.findall(r'^ +([LWNE]\d) ', run.out, re.M)
    expect(run.status == NOTHING and len(rules) >= 12, 'a list of rules', run)
    for rule in rules:
        run = Run('--explain', rule)
        expect(run.status == NOTHING and 'Bad' in run.out and 'Good' in run.out,
               'a page with a bad and a good example', run)
    run = Run('--help')
    expect(run.status == NOTHING and run.out.startswith('usage: '), 'help', run)


@test
def text_report():
    run = Run('leak.c')
    expect(run.out.startswith('1. CWE-664 ('), 'the pillar first', run)
    expect('leak.c:9:' in run.out and 'return -1;' in run.out, 'place and line', run)
    expect('\nSolutions\n' in run.out and '  1. For L1 (leak.c:9): ' in run.out, 'solutions', run)
    expect(re.search(r'^checked 1 functions, \d+ waits, \d+ resources; 0 not understood$', run.out, re.M),
           'the closing line', run)
    expect('\033' not in run.out and '\033' in Run('--color=always', 'leak.c').out, 'colour', run)


def on_terminal(kind, *args):
    """What comes out at the other end of a terminal."""
    master, slave = os.openpty()
    process = subprocess.Popen(reviewer() + list(args), stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                               env={**os.environ, 'TERM': kind})
    os.close(slave)
    out = b''
    try:
        while True:
            chunk = os.read(master, 65536)
            if not chunk:
                break
            out += chunk
    except OSError:
        pass
    os.close(master)
    process.wait(timeout=60)
    return out


@test
def a_dumb_terminal_gets_no_escape_sequence():
    for kind, wanted in (('xterm', True), ('dumb', False)):
        for args in (('leak.c',), ('--format', 'gcc', 'leak.c')):
            out = on_terminal(kind, *args)
            expect(b'leak.c:9:' in out, 'findings on %s: %r' % (kind, out))
            expect((b'\033' in out) == wanted, 'escape sequences on %s with %r: %r' % (kind, args, out))


@test
def json_report():
    finding = Run('--format', 'json', 'leak.c').json()
    expect(set(finding) == {'findings', 'summary'}, 'two members')
    for f in finding['findings']:
        for name, kind in (('rule', str), ('cwe', str), ('pillar', str), ('severity', str), ('file', str),
                           ('line', int), ('column', int), ('message', str), ('fix', str)):
            expect(isinstance(f[name], kind), name)
        expect(re.fullmatch(r'CWE-\d+', f['cwe']) and f['pillar'] in ('CWE-664', 'CWE-707', 'CWE-703'), 'CWE')
    expect(all(isinstance(v, int) for v in finding['summary'].values()), 'a summary of numbers')
    names = put('odd "na\\me\t.c', LEAK)
    expect(Run('--format', 'json', names).json()['findings'][0]['file'] == names, 'an odd name')


@test
def sarif_report():
    put('a folder/ü.c', LEAK)
    run = Run('--format', 'sarif', 'a folder', 'leak.c', 'clean.c')
    log = run.json()
    expect(log['version'] == '2.1.0' and log['$schema'].endswith('sarif-2.1.0.json'), 'version')
    one, = log['runs']
    driver = one['tool']['driver']
    expect(driver['name'] == 'postern-review', 'name')
    ids = [rule['id'] for rule in driver['rules']]
    expect(len(ids) == len(set(ids)), 'each rule once')
    for rule in driver['rules']:
        expect(rule['shortDescription']['text'] and
               rule['defaultConfiguration']['level'] in ('note', 'warning', 'error'), 'a rule')
    expect(len(one['results']) >= 2, 'results')
    for result in one['results']:
        expect(ids[result['ruleIndex']] == result['ruleId'] and result['message']['text'] and
               result['level'] in ('note', 'warning', 'error') and result['partialFingerprints'], 'a result')
        for place in result['locations'] + result.get('relatedLocations', []):
            physical = place['physicalLocation']
            expect(re.fullmatch(r"[A-Za-z0-9._~/%:@!$&'()*+,;=-]+", physical['artifactLocation']['uri']), 'a URI')
            expect(physical['region']['startLine'] >= 1 and physical['region']['startColumn'] >= 1, 'a region')
    uris = {r['locations'][0]['physicalLocation']['artifactLocation']['uri'] for r in one['results']}
    expect('a%20folder/%C3%BC.c' in uris, 'an escaped URI')
    expect(Run('--format', 'sarif', 'clean.c').json()['runs'][0]['results'] == [], 'no results')


@test
def output_that_cannot_be_written():
    with open('/dev/full', 'wb') as full:
        run = subprocess.run(reviewer() + ['leak.c'], stdout=full, stderr=subprocess.PIPE)
    expect(run.returncode not in (NOTHING, FOUND) or run.returncode == FOUND, 'no crash')
    expect(run.returncode >= 0, 'no signal')


def two_files():
    put('leak.c', LEAK)
    put('clean.c', CLEAN)


sys.exit(run_tests(two_files))
