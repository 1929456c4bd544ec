#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The language server, from the other end of its pipes. TAP.

    test-review-lsp.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import json
import os
import random
import signal
import sys
import time

from lsp_client import Client, apply, frame, uri_of
from reviewing import CLEAN, LEAK, NOTHING, FOUND, Run, expect, expect_equal, put, run_tests, test

SHELL = '#include <stdlib.h>\nvoid run(void)\n{\n\tsystem("ls");\n}\n'
INHERITED = SHELL + LEAK.replace(' | SOCK_CLOEXEC', '')
NOT_INITIALIZED, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS, PARSE_ERROR = -32002, -32600, -32601, -32602, -32700
CANCELLED, CONTENT_MODIFIED = -32800, -32801


def codes(diagnostics):
    return sorted((d['code'], d['range']['start']['line'] + 1) for d in diagnostics)


def command_codes(*paths):
    run = Run('--format', 'json', *paths)
    expect(run.status in (NOTHING, FOUND), 'a review', run)
    return sorted((f['rule'], f['line']) for f in run.json()['findings'])


def place(line, character):
    return {'line': line, 'character': character}


def full(text):
    return {'text': text}


def part(first, last, text):
    return {'range': {'start': place(*first), 'end': place(*last)}, 'text': text}


@test
def initialize_tells_what_the_server_can_and_utf8_is_taken_when_it_is_offered():
    client = Client()
    can = client.start()
    expect_equal(can['positionEncoding'], 'utf-16', 'the encoding of positions')
    expect_equal(can['textDocumentSync'], {'openClose': True, 'change': 2, 'save': {'includeText': False}}, 'changes')
    expect(can['hoverProvider'] and can['codeActionProvider'], 'hover and code actions: %r' % can)
    client.stop()
    client = Client()
    can = client.start(capabilities={'general': {'positionEncodings': ['utf-32', 'utf-8', 'utf-16']}})
    expect_equal(can['positionEncoding'], 'utf-8', 'the encoding of positions')
    client.stop()


@test
def an_open_document_has_the_findings_of_the_command_line():
    put('a.c', INHERITED)
    client = Client()
    client.start('.')
    client.open('a.c', INHERITED)
    diagnostics = client.diagnostics('a.c', 1)
    expect_equal(codes(diagnostics), command_codes('a.c'), 'findings')
    by_code = {d['code']: d for d in diagnostics}
    leak = by_code['L1']
    expect_equal((leak['severity'], leak['source']), (1, 'postern'), 'severity and source')
    line = INHERITED.splitlines()[leak['range']['start']['line']]
    expect_equal(line[leak['range']['start']['character']:leak['range']['end']['character']], 'return', 'its range')
    expect_equal(by_code['L6']['severity'], 3, 'the severity of L6')
    expect('close(fd)' in leak['message'] and leak['relatedInformation'], 'a fix and a second place: %r' % leak)
    client.stop()


@test
def the_quick_fix_is_the_certain_edit_and_takes_the_finding_away():
    put('a.c', INHERITED)
    client = Client()
    client.start('.')
    client.open('a.c', INHERITED)
    found = [d for d in client.diagnostics('a.c') if d['code'] == 'L6'][0]
    line = found['range']['start']['line']
    fixes = [a for a in client.actions('a.c', line) if a['title'].startswith('Fix')]
    expect_equal(len(fixes), 1, 'fixes')
    expect_equal((fixes[0]['kind'], fixes[0]['isPreferred']), ('quickfix', True), 'the kind')
    expect_equal(fixes[0]['diagnostics'], [found], 'the finding that it is for')
    fixed = apply(INHERITED, fixes[0]['edit']['changes'][uri_of('a.c')])
    expect('SOCK_CLOEXEC | SOCK_STREAM' in fixed, 'the edit, in %s' % fixed)
    client.change('a.c', 2, full(fixed))
    expect_equal([d for d in client.diagnostics('a.c', 2) if d['code'] == 'L6'], [], 'findings of L6 afterwards')
    client.stop()


@test
def edits_have_the_version_of_the_document_for_a_client_that_looks_at_it():
    client = Client()
    client.start('.', {'workspace': {'workspaceEdit': {'documentChanges': True}}})
    client.open('a.c', INHERITED, 7)
    line = [d for d in client.diagnostics('a.c', 7) if d['code'] == 'L6'][0]['range']['start']['line']
    for action in client.actions('a.c', line):
        change, = action['edit']['documentChanges']
        expect_equal(change['textDocument'], {'uri': uri_of('a.c'), 'version': 7}, 'the document')
        expect(change['edits'], 'edits: %r' % action)
    expect_equal(client.actions('a.c', line, only=['refactor']), [], 'actions of another kind')
    expect_equal(len(client.actions('a.c', line, only=['quickfix'])), 2, 'quick fixes')
    client.stop()


@test
def the_second_action_suppresses_with_the_documented_comment():
    for end in ('\n', '\r\n'):
        text = LEAK.replace('\n', end)
        client = Client()
        client.start('.')
        client.open('a.c', text)
        line = client.diagnostics('a.c')[0]['range']['start']['line']
        action = [a for a in client.actions('a.c', line) if 'uppress' in a['title']][0]
        quiet = apply(text, action['edit']['changes'][uri_of('a.c')])
        expect_equal(quiet.split(end)[line], '\t\t// postern-review: ignore L1 reason', 'the comment')
        client.change('a.c', 2, full(quiet))
        expect_equal(client.diagnostics('a.c', 2), [], 'findings afterwards')
        client.stop()


@test
def no_comment_cuts_off_a_line_that_goes_on():
    text = LEAK.replace('\tif (bind(fd, a, n) < 0)\n\t\treturn', '\tif (bind(fd, a, n) < 0) \\\n\t\treturn')
    client = Client()
    client.start('.')
    client.open('a.c', text)
    found = client.diagnostics('a.c')
    expect_equal(len(found), 1, 'findings')
    expect_equal(client.actions('a.c', found[0]['range']['start']['line']), [], 'actions')
    client.stop()


@test
def hover_explains_the_finding_under_the_cursor():
    client = Client()
    client.start('.', {'textDocument': {'hover': {'contentFormat': ['markdown', 'plaintext']}}})
    client.open('a.c', LEAK)
    found = client.diagnostics('a.c')[0]
    start = found['range']['start']
    hover = client.result('textDocument/hover', client.at('a.c', start['line'], start['character']))
    page = Run('--explain', 'L1').out.split('\n\n', 1)[1]
    expect_equal(hover['contents']['kind'], 'markdown', 'the kind')
    expect(page in hover['contents']['value'], 'the page of L1 in %s' % hover['contents']['value'])
    expect(found['data']['says'] in hover['contents']['value'], 'the message in %s' % hover['contents']['value'])
    expect_equal(hover['range'], found['range'], 'the range')
    expect_equal(client.result('textDocument/hover', client.at('a.c', 0, 0)), None, 'hover elsewhere')
    expect_equal(client.result('textDocument/hover', client.at('a.c', 4000, 7)), None, 'hover behind the end')
    client.stop()


@test
def changes_of_parts_give_the_text_that_the_client_has():
    """Random edits, with characters of one to four bytes and all ends of lines; then where the finding lies."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    pieces = ['x', 'ä', '€', '😀', '\n', '\r\n', '\t', ' ']
    for encoding in ('utf-16', 'utf-8'):
        client = Client()
        client.start('.', {'general': {'positionEncodings': [encoding]}})
        comment = '/* ' + ''.join(chance.choice(pieces) for _ in range(200)) + ' */'
        text = comment + LEAK
        client.open('a.c', text)
        version = 1
        for _ in range(60):
            changes = []
            for _ in range(chance.randrange(1, 4)):
                ends = sorted(chance.randrange(3, len(comment) - 2) for _ in range(2))
                # Never between the two halves of one end of line.
                ends = [e - 1 if comment[e - 1:e + 1] == '\r\n' else e for e in ends]
                new = ''.join(chance.choice(pieces) for _ in range(chance.randrange(0, 12)))
                changes.append(part(position(comment, ends[0], encoding), position(comment, ends[1], encoding), new))
                comment = comment[:ends[0]] + new + comment[ends[1]:]
                if len(comment) < 40:
                    changes.append(part(position(comment, 3, encoding), position(comment, 3, encoding), 'x' * 40))
                    comment = comment[:3] + 'x' * 40 + comment[3:]
            version += 1
            client.change('a.c', version, *changes)
        tail = '/* ä😀 */ '
        at = position(comment + LEAK, len(comment) + LEAK.index('\t\treturn -1;\n\treturn') + 2, encoding)
        version += 1
        client.change('a.c', version, part(at, at, tail))
        text = comment + LEAK.replace('\t\treturn -1;\n\treturn', '\t\t' + tail + 'return -1;\n\treturn')
        found = client.diagnostics('a.c', version)
        expect_equal(len(found), 1, 'findings with seed %d' % seed)
        want = position(text, text.index(tail) + len(tail), encoding)
        got = found[0]['range']['start']
        expect_equal((got['line'], got['character']), want, 'where it lies, %s, seed %d' % (encoding, seed))
        client.stop()


def position(text, offset, encoding):
    before = text[:offset].replace('\r\n', '\n').replace('\r', '\n')
    last = before.rsplit('\n', 1)[-1]
    return (before.count('\n'), len(last.encode()) if encoding == 'utf-8' else len(last.encode('utf-16-le')) // 2)


@test
def positions_beyond_an_end_are_that_end():
    client = Client()
    client.start('.')
    client.open('a.c', 'int one;\n' + LEAK)
    client.diagnostics('a.c')
    client.change('a.c', 2, part((0, 4), (0, 999), 'two; /* 1 */'), part((999, 999), (9999, 0), '\n/* end */\n'))
    expect_equal(codes(client.diagnostics('a.c', 2)), [('L1', 10)], 'findings')
    client.stop()


@test
def an_invalid_change_ends_the_reviews_of_that_document_until_it_is_opened_again():
    client = Client()
    client.start('.')
    client.open('a.c', LEAK)
    client.diagnostics('a.c')
    client.change('a.c', 2, {'range': {'start': place(3, 0), 'end': place(1, 0)}, 'text': ''})
    expect_equal(client.result('textDocument/hover', client.at('a.c', 8, 2)), None, 'hover')
    expect('invalid change' in [n for n in client.notes if n['method'] == 'window/logMessage'][0]['params']['message'],
           'a message: %r' % client.notes)
    client.open('a.c', CLEAN, 3)
    expect_equal(client.diagnostics('a.c', 3), [], 'findings')
    client.stop()


@test
def what_is_open_counts_and_not_what_the_disk_has():
    user = '#include "use.h"\n#include <fcntl.h>\nint use(const char *path)\n{\n\tint fd = open(path, O_RDONLY | O_CLOEXEC);\n' \
           '\tif (fd < 0)\n\t\treturn -1;\n\tDONE(fd);\n\treturn 0;\n}\n'
    put('p/use.h', '#include <unistd.h>\n#define DONE(fd) close(fd)\n')
    put('p/use.c', user)
    client = Client()
    client.start('p')
    client.open('p/use.c', user)
    expect_equal(codes(client.diagnostics('p/use.c')), [], 'findings with the header of the disk')
    client.open('p/use.h', '#define DONE(fd) ((void)(fd))\n')
    expect_equal(codes(client.diagnostics('p/use.c')), [('L1', 5)], 'findings with the open header')
    client.note('textDocument/didClose', {'textDocument': {'uri': uri_of('p/use.h')}})
    expect_equal(codes(client.diagnostics('p/use.c')), [], 'findings when it was closed')
    client.stop()


@test
def other_files_of_the_project_are_known_and_their_findings_are_not_published():
    put('p/.git/HEAD', '')
    helper = '#include <unistd.h>\nvoid done(int fd)\n{\n\tclose(fd);\n}\n'
    put('p/lib/helper.c', helper + LEAK)
    user = '#include <fcntl.h>\nvoid done(int fd);\nint use(const char *path)\n{\n\tint fd = open(path, O_RDONLY | O_CLOEXEC);\n' \
           '\tif (fd < 0)\n\t\treturn -1;\n\tdone(fd);\n\tdone(fd);\n\treturn 0;\n}\n'
    put('p/src/use.c', user)
    client = Client()
    client.start('p/src')
    client.open('p/src/use.c', user)
    expect_equal(codes(client.diagnostics('p/src/use.c')), [('L4', 9)], 'findings')
    expect(all(n['params'].get('uri') != uri_of('p/lib/helper.c') for n in client.notes), 'no others: %r' % client.notes)
    client.stop()


@test
def a_folder_of_the_workspace_is_the_project_where_no_other_is_marked():
    put('p/lib/helper.c', '#include <unistd.h>\nvoid done(int fd)\n{\n\tclose(fd);\n}\n')
    user = 'void done(int fd);\nvoid twice(int fd)\n{\n\tdone(fd);\n\tdone(fd);\n}\n'
    put('p/src/use.c', user)
    client = Client()
    client.result('initialize', {'capabilities': {}, 'workspaceFolders': [{'uri': uri_of('p'), 'name': 'p'}]})
    client.note('initialized', {})
    client.open('p/src/use.c', user)
    expect_equal(codes(client.diagnostics('p/src/use.c')), [('L4', 5)], 'findings with the folder')
    client.note('workspace/didChangeWorkspaceFolders', {'event': {'added': [], 'removed': [{'uri': uri_of('p')}]}})
    expect_equal(codes(client.diagnostics('p/src/use.c')), [], 'findings without it')
    client.stop()


@test
def the_project_file_and_the_options_choose_as_on_the_command_line():
    put('p/.postern-review', 'except L1\n')
    put('p/a.c', INHERITED)
    client = Client()
    client.start('p')
    client.open('p/a.c', INHERITED)
    expect_equal([d['code'] for d in client.diagnostics('p/a.c')], ['L6'], 'rules')
    put('p/.postern-review', 'except L6\n')
    client.note('workspace/didChangeWatchedFiles', {'changes': [{'uri': uri_of('p/.postern-review'), 'type': 2}]})
    expect_equal([d['code'] for d in client.diagnostics('p/a.c')], ['L1'], 'rules of the changed file')
    put('p/.postern-review', 'exclude a.c\n')
    client.note('textDocument/didSave', {'textDocument': {'uri': uri_of('p/a.c')}})
    expect_equal(client.diagnostics('p/a.c'), [], 'findings in a file that is left out')
    client.stop()
    client = Client('--no-config', '--only', 'L6', '--min-severity', 'error')
    client.start('p')
    client.open('p/a.c', INHERITED)
    expect_equal(client.diagnostics('p/a.c'), [], 'errors of L6')
    client.stop()


@test
def a_new_file_and_a_name_with_odd_characters_are_reviewed():
    for name in ('not there.c', 'ä%#?.cpp', 'folder/not there either.c'):
        client = Client()
        client.start('.')
        client.open(name, LEAK)
        expect_equal(codes(client.diagnostics(name)), [('L1', 9)], name)
        client.stop()


@test
def what_is_no_source_is_passed_over():
    client = Client()
    client.start('.')
    for uri in ('untitled:Untitled-1', 'file:///tmp/notes.txt', 'http://example.org/a.c', 'file:', ''):
        client.note('textDocument/didOpen', {'textDocument': {'uri': uri, 'languageId': 'c', 'version': 1, 'text': LEAK}})
        expect_equal(client.result('textDocument/hover', {'textDocument': {'uri': uri}, 'position': place(0, 0)}), None,
                     'hover in "%s"' % uri)
    client.stop()


@test
def closing_takes_the_diagnostics_away():
    client = Client()
    client.start('.')
    client.open('a.c', LEAK)
    expect_equal(len(client.diagnostics('a.c')), 1, 'findings')
    client.note('textDocument/didClose', {'textDocument': {'uri': uri_of('a.c')}})
    expect_equal(client.diagnostics('a.c'), [], 'findings of the closed document')
    expect_equal(client.error('textDocument/hover', client.at('a.c', 0, 0)), INVALID_PARAMS, 'hover afterwards')
    client.stop()


@test
def a_request_waits_for_the_review_and_can_be_cancelled_or_overtaken():
    client = Client()
    client.start('.')
    item = {'uri': uri_of('a.c'), 'languageId': 'c', 'version': 1, 'text': LEAK}
    hover = {'jsonrpc': '2.0', 'method': 'textDocument/hover', 'params': client.at('a.c', 8, 2)}
    opened = {'jsonrpc': '2.0', 'method': 'textDocument/didOpen', 'params': {'textDocument': item}}
    cancel = {'jsonrpc': '2.0', 'method': '$/cancelRequest', 'params': {'id': 'b'}}
    client.raw(frame(opened) + frame({**hover, 'id': 'a'}) + frame({**hover, 'id': 'b'}) + frame(cancel))
    expect_equal(client.answer('b')['error']['code'], CANCELLED, 'the cancelled one')
    expect('L1' in client.answer('a')['result']['contents']['value'], 'the other is answered')
    change = {'jsonrpc': '2.0', 'method': 'textDocument/didChange', 'params': {
        'textDocument': {'uri': uri_of('a.c'), 'version': 2}, 'contentChanges': [full(CLEAN)]}}
    client.raw(frame(opened) + frame({**hover, 'id': 'c'}) + frame(change))
    expect_equal(client.answer('c')['error']['code'], CONTENT_MODIFIED, 'one on a text that is no more')
    client.raw(frame({**cancel, 'params': {'id': 'never asked'}}) + frame({**cancel, 'params': {}}))
    client.stop()


@test
def methods_that_it_does_not_know_or_that_come_at_the_wrong_time_are_refused():
    client = Client()
    expect_equal(client.error('textDocument/hover', client.at('a.c', 0, 0)), NOT_INITIALIZED, 'before initialize')
    client.open('a.c', LEAK)
    client.start('.')
    expect_equal(client.error('textDocument/hover', client.at('a.c', 0, 0)), INVALID_PARAMS, 'what came before')
    expect_equal(client.error('initialize', {'capabilities': {}}), INVALID_REQUEST, 'a second initialize')
    expect_equal(client.error('textDocument/rename', {}), NO_METHOD, 'an unknown request')
    expect_equal(client.error('$/anything'), NO_METHOD, 'an unknown request of the protocol')
    client.note('$/anything')
    client.note('workspace/didChangeConfiguration', {'settings': {}})
    client.send({'id': 99, 'result': None})
    client.result('shutdown')
    expect_equal(client.error('shutdown'), INVALID_REQUEST, 'after shutdown')
    client.note('exit')
    expect_equal(client.wait()[0], 0, 'the status')
    expect_equal([n for n in client.notes if n['method'] == 'textDocument/publishDiagnostics'], [], 'diagnostics')


@test
def the_exit_status_is_1_without_shutdown():
    client = Client()
    client.start('.')
    client.note('exit')
    expect_equal(client.wait()[0], 1, 'the status after exit alone')
    client = Client()
    client.start('.')
    status, error = client.wait()
    expect_equal(status, 1, 'the status at the end of the input')
    expect('without the notification exit' in error, 'a reason: %r' % error)
    client = Client()
    client.note('exit')
    expect_equal(client.wait()[0], 1, 'the status of exit before initialize')


@test
def json_that_is_none_is_answered_and_the_next_message_is_served():
    client = Client()
    client.start('.')
    bad = [b'', b'{', b'nonsense', b'{"id":1,}', b'{"id":01}', b'"\\x"', b'"\x01"', b'[1,2', b'{"a" 1}', b'{}{}', b'\x00',
           b'-', b'1.e3', b'"\\ud8', b'\xff\xfe', b'[' * 65 + b']' * 65, b'[' * 100000,
           b'{"a":' * 100000, b'[' + b'0,' * 2000001 + b'0]']
    for body in bad:
        client.raw(frame(body))
        answer = client.answer(None)
        expect_equal(answer['error']['code'], PARSE_ERROR, repr(body[:30]))
        expect(answer['error']['message'], 'a reason for %r' % body[:30])
    for message in ([], 1, None, 'x', {}, {'id': 1}, {'id': None, 'method': 'x'}, {'id': {}, 'method': 'x'}, {'method': 1},
                    [{'jsonrpc': '2.0', 'id': 1, 'method': 'shutdown'}]):
        client.raw(frame(json.dumps(message).encode()))
        expect_equal(client.answer(None)['error']['code'], INVALID_REQUEST, repr(message))
    client.stop()


@test
def what_has_no_header_of_the_protocol_ends_the_server_with_a_reason():
    for data, words in ((b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'Content-Length'), (b'\r\n\r\n', 'Content-Length'),
                        (b'Content-Length: -1\r\n\r\n', 'Content-Length'), (b'Content-Length: 1x\r\n\r\n{', 'Content-Length'),
                        (b'Content-Length:\r\n\r\n', 'Content-Length'), (b'Content-Length: 99999999999999999999\r\n\r\n', '64 MB'),
                        (b'Content-Length: 70000000\r\n\r\n', '64 MB'), (b'x' * 5000, 'has no end'),
                        (b'Content-Length: 10\r\n\r\n{', 'without the notification exit')):
        client = Client()
        client.raw(data)
        status, error = client.wait()
        expect_equal(status, 1, 'the status after %r' % data[:40])
        expect(words in error and error.startswith('postern review: '), '%r in %r' % (words, error))
        expect_equal(error.count('\n'), 1, 'lines of %r' % error)
    client = Client()
    client.raw(b'content-type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:  2 \r\n\r\n{}')
    expect_equal(client.answer(None)['error']['code'], INVALID_REQUEST, 'a header in small letters')
    client.start('.')
    client.stop()


@test
def params_of_any_shape_are_no_harm():
    """Each message of a session with one of its values replaced; the server still answers afterwards."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    values = [None, True, -1, 0, 4294967295, 4294967296, 1e300, 'x', '', [], {}, [[]], {'uri': 1}, '\ud800', 'file:///%00%zz']
    client = Client()
    client.start('.')
    session = [
        ('textDocument/didOpen', {'textDocument': {'uri': uri_of('a.c'), 'languageId': 'c', 'version': 1, 'text': LEAK}}),
        ('textDocument/didChange', {'textDocument': {'uri': uri_of('a.c'), 'version': 2},
                                    'contentChanges': [part((0, 0), (0, 1), 'x'), full(LEAK)]}),
        ('textDocument/hover', client.at('a.c', 8, 2)),
        ('textDocument/codeAction', {'textDocument': {'uri': uri_of('a.c')}, 'context': {'diagnostics': [], 'only': ['']},
                                     'range': {'start': place(8, 0), 'end': place(8, 1)}}),
        ('$/cancelRequest', {'id': 1}),
        ('workspace/didChangeWorkspaceFolders', {'event': {'added': [{'uri': uri_of('.')}], 'removed': []}}),
        ('textDocument/didSave', {'textDocument': {'uri': uri_of('a.c')}}),
        ('textDocument/didClose', {'textDocument': {'uri': uri_of('a.c')}}),
    ]

    def spoil(value):
        if chance.random() < 0.2 or not value or not isinstance(value, (dict, list)):
            return chance.choice(values)
        copy = dict(value) if isinstance(value, dict) else list(value)
        key = chance.choice(list(copy)) if isinstance(copy, dict) else chance.randrange(len(copy))
        copy[key] = spoil(copy[key])
        return copy

    for _ in range(60):
        for method, params in session:
            spoiled = spoil(params) if chance.random() < 0.5 else params
            if method in ('textDocument/hover', 'textDocument/codeAction'):
                client.ask(method, spoiled)
            else:
                client.note(method, spoiled)
    client.answer(client.number)
    client.open('z.c', LEAK)
    expect(len(client.diagnostics('z.c')) == 1, 'findings afterwards, seed %d' % seed)
    client.stop()


@test
def a_client_that_writes_a_lot_before_it_reads_is_served():
    client = Client()
    client.start('.')
    client.open('a.c', LEAK)
    number, n = client.number, 3000
    client.raw(b''.join(frame({'jsonrpc': '2.0', 'id': 'n%d' % i, 'method': 'x' * 200}) for i in range(n)))
    for i in range(n):
        expect_equal(client.answer('n%d' % i)['error']['code'], NO_METHOD, 'answer %d' % i)
    expect_equal(client.number, number, 'requests beside')
    client.stop()


def rss_kb(pid):
    with open('/proc/%d/status' % pid) as f:
        return int([line for line in f if line.startswith('VmRSS')][0].split()[1])


@test
def a_thousand_changes_leave_memory_and_descriptors_as_they_were():
    put('a.c', LEAK)
    client = Client()
    client.start('.')
    client.open('a.c', LEAK)
    client.diagnostics('a.c')
    pid, early = client.process.pid, None
    for version in range(2, 1002):
        change = part((0, 0), (0, 0), '/* %d */' % version) if version % 2 else full(LEAK)
        client.change('a.c', version, change)
        if version % 50 == 0:
            client.diagnostics('a.c', version)
            client.result('textDocument/hover', client.at('a.c', 8, 2))
            client.actions('a.c', 8)
        if version == 200:
            early = rss_kb(pid), len(os.listdir('/proc/%d/fd' % pid))
    client.diagnostics('a.c', 1001)
    late = rss_kb(pid), len(os.listdir('/proc/%d/fd' % pid))
    print('# %d kB after 200 changes, %d kB after 1000' % (early[0], late[0]))
    expect_equal(late[1], early[1], 'descriptors')
    # AddressSanitizer keeps what was freed, to recognise it.
    if 'asan' not in os.environ.get('POSTERN_COMMAND', ''):
        expect(late[0] < early[0] + 512, 'memory: %d kB after 200 changes, %d kB after 1000' % (early[0], late[0]))
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        expect_equal(f.read().split(), [], 'children')
    client.stop()


def child_of(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return [int(child) for child in f.read().split()]


@test
def a_review_that_ends_badly_costs_a_message_and_the_next_change_is_reviewed():
    text = ''.join(LEAK.replace('leak', 'leak%d' % i) for i in range(3000))
    client = Client()
    client.start('.')
    client.open('a.c', text)
    until, children = time.monotonic() + 20, []
    while not children:
        expect(time.monotonic() < until, 'a review begins')
        children = child_of(client.process.pid)
    os.kill(children[0], signal.SIGKILL)
    expect_equal(client.result('textDocument/hover', client.at('a.c', 8, 2)), None, 'hover after the failure')
    said = [n['params']['message'] for n in client.notes if n['method'] == 'window/logMessage']
    expect(len(said) == 1 and 'signal 9' in said[0], 'a message: %r' % said)
    client.change('a.c', 2, full(LEAK))
    expect_equal(codes(client.diagnostics('a.c', 2)), [('L1', 9)], 'findings afterwards')
    client.stop()


@test
def a_client_that_stops_reading_ends_the_server():
    client = Client()
    client.start('.')
    client.process.stdout.close()
    client.open('a.c', LEAK)
    status = client.process.wait(timeout=30)
    expect_equal(status, 1, 'the status')


@test
def the_server_takes_no_path_and_its_option_is_in_the_help():
    run = Run('--lsp', 'a.c')
    expect_equal(run.status, 64, 'the status', run)
    expect('--lsp takes no path' in run.err, 'a reason', run)
    expect('--lsp' in Run('--help').out, 'the option in --help')


if __name__ == '__main__':
    sys.exit(run_tests())
