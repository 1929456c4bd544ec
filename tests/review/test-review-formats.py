#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What readers of the reviewer's reports rely on, also where names and code are hostile. TAP.

    test-review-formats.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import html.parser
import os
import re
import sys

from reviewing import (CLEAN, FOUND, LEAK, NOTHING, Run, expect, expect_equal, get, put, run_tests, test)

FORMAT = '#include <sys/socket.h>\n#include <syslog.h>\nvoid say(int fd)\n{\n\tchar buf[64];\n' \
    '\tssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);\n\n\tif (n <= 0)\n\t\treturn;\n\tbuf[n] = 0;\n' \
    '\t%ssyslog(LOG_INFO, buf);\n}\n'
NAMES = ('a"b\'c<script>alert(1)</script>.c', 'x\n::error file=y::z\n.c', '100%0A%25::,.c', 'tab\there\x1b[31m.c',
         'back\\slash`tick.c', 'ümlaut\u202egnp.c', '-dash.c', '&lt;.c')


def hostile(name, text=LEAK):
    """In a folder of its own, because the name of one file is not allowed to hide that of another."""
    return put(os.path.join('in', name), text)


GCC = re.compile(r'([^\n]+):(\d+):(\d+): (error|warning|note): ([^\n]+) \[([LWNE]\d)\]')


@test
def gcc_has_a_line_for_each_place_as_the_compiler_writes_it():
    put('leak.c', LEAK.replace('\treturn fd', '\tif (listen(fd, 5) < 0)\n\t\treturn -1;\n\treturn fd'))
    run = Run('--format', 'gcc', 'leak.c')
    expect_equal(run.status, FOUND, 'the status', run)
    *places, closing = run.out.splitlines()
    expect(closing.startswith('checked 1 functions'), 'the closing line', run)
    matches = [GCC.fullmatch(line) for line in places]
    expect(all(matches), 'every line is a place', run)
    expect_equal([(m[1], m[2], m[4], m[6]) for m in matches],
                 [('leak.c', '9', 'error', 'L1'), ('leak.c', '11', 'note', 'L1')], 'places', run)


@test
def gcc_keeps_a_hostile_name_on_one_line():
    for name in NAMES:
        run = Run('--format', 'gcc', hostile(name))
        lines = run.out.splitlines()
        expect(len(lines) == 2 and GCC.fullmatch(lines[0]), 'one place for %r' % name, run)
        expect(not re.search(r'[\x00-\x08\x0b-\x1f\x7f]', run.out), 'no control characters', run)
        os.unlink(os.path.join('in', name))


def commands(text):
    """As a runner of workflows reads them."""
    for line in text.splitlines():
        match = re.fullmatch(r'\s*::(error|warning|notice|debug|[a-z-]+) ?([^:]*)::(.*)', line)
        if match:
            given = dict(p.split('=', 1) for p in match[2].split(',') if p)
            for code, c in (('%0D', '\r'), ('%0A', '\n'), ('%3A', ':'), ('%2C', ','), ('%25', '%')):
                given = {k: v.replace(code, c) for k, v in given.items()}
            yield match[1], given, match[3].replace('%0A', '\n').replace('%25', '%')


@test
def github_has_a_command_for_each_place():
    put('src/leak.c', LEAK)
    put('tests/leak.c', LEAK)
    run = Run('--format', 'github', '.')
    told = [(c, g['file'], g['line'], g['title']) for c, g, _ in commands(run.out)]
    expect_equal(told, [('error', 'src/leak.c', '9', 'L1 CWE-772'), ('notice', 'tests/leak.c', '9', 'L1 CWE-772')],
                 'commands', run)
    expect('\nFix: ' in next(commands(run.out))[2], 'the fix', run)
    expect(run.out.splitlines()[-1].startswith('checked '), 'the closing line', run)


@test
def github_obeys_no_name_and_no_code():
    for name in NAMES:
        code = LEAK.replace('bind(', '::error::bind(') if name == '&lt;.c' else LEAK
        run = Run('--format', 'github', hostile(name, code))
        told = list(commands(run.out))
        expect_equal(len(told), 1, 'commands for %r' % name, run)
        expect_equal(re.sub(r'[\x00-\x1f]', '', told[0][1]['file']).replace('%09', '').replace('%1B', ''),
                     re.sub(r'[\x00-\x1f]', '', 'in/' + name), 'the name', run)
        os.unlink(os.path.join('in', name))


class Page(html.parser.HTMLParser):
    """What a browser would see: tags, attributes that load something, and the text of each finding."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loads, self.findings, self.options, self.ids = [], [], [], [], []
        self.inside = self.option = self.raw = None
        self.source = text
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.loads += [(tag, n, v) for n, v in attrs.items()
                       if n in ('src', 'srcset', 'action', 'data', 'background') or n.startswith('on')
                       or (n == 'href' and not v.startswith('#'))]
        if 'id' in attrs:
            self.ids.append(attrs['id'])
        if tag == 'article':
            self.findings.append((attrs['data-rule'], attrs['data-severity'], attrs['data-pillar'], []))
            self.inside = True
        if tag == 'option':
            self.options.append('')
            self.option = True

    def handle_endtag(self, tag):
        if tag == 'article':
            self.inside = None
        if tag == 'option':
            self.option = None

    def handle_data(self, data):
        if self.inside:
            self.findings[-1][3].append(data)
        if self.option:
            self.options[-1] += data

    def text(self, number):
        return ''.join(self.findings[number][3])


@test
def html_is_one_page_that_loads_nothing():
    put('leak.c', LEAK)
    put('say.c', FORMAT % '')
    run = Run('--format', 'html', '.')
    page = Page(run.out)
    expect_equal(page.loads, [], 'attributes that load or run something', run)
    expect(not set(page.tags) & {'link', 'iframe', 'img', 'object', 'embed', 'base', 'svg'}, 'only its own', run)
    expect("default-src 'none'" in run.out and not re.search(r'https?:|url\(|@import', run.out), 'no address', run)
    expect_equal((page.tags.count('script'), page.tags.count('style')), (1, 1), 'scripts and styles', run)
    expect('prefers-color-scheme: dark' in run.out, 'dark mode', run)
    expect_equal(len(page.ids), len(set(page.ids)), 'each id once', run)


@test
def html_has_what_json_has():
    put('leak.c', LEAK)
    put('say.c', FORMAT % '')
    page = Page(Run('--format', 'html', '.').out)
    findings = Run('--format', 'json', '.').json()['findings']
    expect_equal([f[:3] for f in page.findings], [(f['rule'], f['severity'], f['pillar'][4:]) for f in findings],
                 'findings')
    for i, f in enumerate(findings):
        text = page.text(i)
        expect('%s:%d:%d' % (f['file'], f['line'], f['column']) in text, 'the place in %r' % text)
        expect(f['message'].replace('`', '') in text and f['fix'].replace('`', '') in text, 'words in %r' % text)
        expect(get(f['file']).splitlines()[f['line'] - 1].strip() in text, 'the code in %r' % text)
        expect('rule-' + f['rule'] in page.ids, 'the page of the rule')
    for wanted in ('./leak.c (1)', 'L1 A descriptor or socket is not closed on some way out (1)', 'error (2)'):
        expect(wanted in page.options, 'a filter for %r in %r' % (wanted, page.options))


@test
def html_counts_the_tabs_of_code_from_where_the_code_begins():
    run = Run('--format', 'html', put('leak.c', LEAK))
    lines = re.findall(r'<span[^>]*><span class="number">(\d+)</span><span>(.*)</span></span>\n', run.out)
    code = dict((int(number), text) for number, text in lines)
    expect_equal((code[4][:7], code[9]), ('\tint fd', '\t\treturn -1;'), 'boxes of their own', run)
    expect(re.search(r'^\.code > span \{ display: flex;', run.out, re.M), 'that are no part of the number', run)


@test
def html_without_findings_says_so():
    put('clean.c', CLEAN)
    run = Run('--format', 'html', 'clean.c')
    expect_equal(run.status, NOTHING, 'the status', run)
    page = Page(run.out)
    expect('Nothing was found.' in run.out and not page.findings and 'script' not in page.tags, 'an empty page', run)


@test
def html_shows_hostile_names_and_code_and_runs_none():
    for name in NAMES:
        run = Run('--format', 'html', hostile(name, LEAK.replace(
            'return -1;\n\treturn', 'return -1; /* </pre></script><script>alert(2)</script>\u202e\x1b[2J */\n\treturn')))
        page = Page(run.out)
        expect_equal((page.tags.count('script'), len(page.findings), page.loads), (1, 1, []), 'tags for %r' % name, run)
        expect('<script>alert(2)</script>[U+202E]\u241b[2J' in page.text(0), 'the code as it is', run)
        shown = name.replace('\u202e', '[U+202E]').replace('\n', '\u240a').replace('\x1b', '\u241b')
        expect('in/%s:9:' % shown in page.text(0), 'the name %r' % shown, run)
        expect(not re.search('[\x00-\x08\x0b-\x1f\x7f\u202e]', run.out), 'nothing that turns or hides', run)
        os.unlink(os.path.join('in', name))


@test
def html_of_what_is_not_utf8_is_utf8():
    put('latin.c', b'/* \xe4\xf6\xfc */ ' + LEAK.encode().replace(b'return -1;\n\treturn', b'return -1; /* \xe4 */\n\treturn'))
    run = Run('--format', 'html', 'latin.c')
    expect('/* \ufffd */' in Page(run.out).text(0), 'a sign in its place', run)
    expect(b'\xe4 ' not in run.out.encode(), 'no byte of it', run)


@test
def text_and_complaints_keep_a_hostile_name_on_one_line():
    for name in NAMES:
        run = Run(hostile(name))
        expect(not re.search(r'[\x00-\x08\x0b-\x1f\x7f]', run.out), 'no control characters for %r' % name, run)
        os.unlink(os.path.join('in', name))
        run = Run(os.path.join('in', name))
        expect(run.err.count('\n') == 1 and '\x1b' not in run.err, 'one line of complaint', run)


@test
def json_and_sarif_have_a_hostile_name_as_it_is():
    for name in NAMES:
        path = hostile(name)
        expect_equal(Run('--format', 'json', path).json()['findings'][0]['file'], path, 'the name')
        run, = Run('--format', 'sarif', path).json()['runs']
        uri = run['results'][0]['locations'][0]['physicalLocation']['artifactLocation']['uri']
        expect(re.fullmatch(r"[A-Za-z0-9._~/%:@!$&'()*+,;=-]+", uri), 'a URI: %r' % uri)
        os.unlink(path)


@test
def sarif_has_the_page_of_each_rule():
    put('clean.c', CLEAN)
    rules = Run('--format', 'sarif', 'clean.c').json()['runs'][0]['tool']['driver']['rules']
    for rule in rules:
        page = Run('--explain', rule['id']).out.split('\n\n', 1)[1]
        expect_equal(rule['help']['text'], page, 'the help of ' + rule['id'])
        expect(re.fullmatch(r'https://cwe\.mitre\.org/data/definitions/\d+\.html', rule['helpUri']), 'an address')
        expect('\n\n\t' in rule['help']['markdown'], 'code that Markdown knows: ' + rule['id'])


@test
def sarif_fixes_are_the_edits_of_json_in_code_points():
    put('say.c', FORMAT % '/* äöü */ ')
    finding, = [f for f in Run('--format', 'json', 'say.c').json()['findings'] if f['rule'] == 'N1']
    result, = [r for r in Run('--format', 'sarif', 'say.c').json()['runs'][0]['results'] if r['ruleId'] == 'N1']
    edit, = finding['edits']
    change, = result['fixes'][0]['artifactChanges']
    replacement, = change['replacements']
    region = replacement['deletedRegion']
    expect_equal(change['artifactLocation']['uri'], 'say.c', 'the file')
    expect_equal(replacement['insertedContent']['text'], edit['text'], 'the text')
    expect_equal((region['startLine'], region['endLine']), (edit['line'], edit['end_line']), 'the lines')
    # Three letters of two bytes stand before.
    expect_equal((region['startColumn'], region['endColumn']), (edit['column'] - 3, edit['end_column'] - 3), 'columns')
    expect('fixes' not in Run('--format', 'sarif', put('leak.c', LEAK)).json()['runs'][0]['results'][0], 'no fix in words')


sys.exit(run_tests())
