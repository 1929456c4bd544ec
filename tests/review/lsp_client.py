# SPDX-License-Identifier: Apache-2.0
"""A client of the language server: messages over pipes, with a limit of time for each answer."""

import json
import os
import select
import subprocess
import time
import urllib.parse

from reviewing import expect, expect_equal, reviewer

LIMIT = float(os.environ.get('TEST_SCALE', '1')) * 20


def uri_of(path):
    return 'file://' + urllib.parse.quote(os.path.abspath(path))


def frame(message):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return b'Content-Length: %d\r\n\r\n%s' % (len(body), body)


class Client:
    def __init__(self, *options, env=None, stderr=subprocess.PIPE):
        self.process = subprocess.Popen(reviewer() + ['--lsp', *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=stderr, env={**os.environ, **(env or {})})
        self.buffer = b''
        self.notes = []
        self.answers = {}
        self.number = 0
        self.seen = []

    def raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        self.seen.append(('-->', message))
        self.raw(frame({'jsonrpc': '2.0', **message}))

    def note(self, method, params=None):
        self.send({'method': method} if params is None else {'method': method, 'params': params})

    def ask(self, method, params=None):
        self.number += 1
        self.send({'id': self.number, 'method': method, **({} if params is None else {'params': params})})
        return self.number

    def receive(self, until):
        """The next message, or None at the end of the output or at the time `until`."""
        while True:
            head, mark, rest = self.buffer.partition(b'\r\n\r\n')
            if mark:
                length = int(head.lower().split(b'content-length:')[1])
                if len(rest) >= length:
                    self.buffer = rest[length:]
                    message = json.loads(rest[:length])
                    self.seen.append(('<--', message))
                    return message
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
                return None
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                return None
            self.buffer += chunk

    def sort(self, message):
        if 'method' in message:
            self.notes.append(message)
        else:
            self.answers[json.dumps(message['id'])] = message

    def answer(self, number):
        """The whole answer to a request."""
        key, until = json.dumps(number), time.monotonic() + LIMIT
        while key not in self.answers:
            message = self.receive(until)
            expect(message is not None, 'an answer to %s in %g s; seen %r' % (key, LIMIT, self.seen[-3:]))
            self.sort(message)
        return self.answers.pop(key)

    def result(self, method, params=None):
        answer = self.answer(self.ask(method, params))
        expect('result' in answer, '%s has a result: %r' % (method, answer))
        return answer['result']

    def error(self, method, params=None):
        answer = self.answer(self.ask(method, params))
        expect('error' in answer, '%s is refused: %r' % (method, answer))
        return answer['error']['code']

    def diagnostics(self, path, version=None):
        """The next that are published for the document, of that version if one is given."""
        until = time.monotonic() + LIMIT
        while True:
            for i, note in enumerate(self.notes):
                params = note.get('params', {})
                if note['method'] == 'textDocument/publishDiagnostics' and params['uri'] == uri_of(path) and \
                        (version is None or params.get('version') == version):
                    del self.notes[:i + 1]
                    return params['diagnostics']
            message = self.receive(until)
            expect(message is not None, 'diagnostics of %s in %g s; seen %r' % (path, LIMIT, self.seen[-3:]))
            self.sort(message)

    def start(self, root=None, capabilities=None):
        result = self.result('initialize', {'processId': os.getpid(), 'rootUri': root and uri_of(root),
                                            'capabilities': capabilities or {}})
        self.note('initialized', {})
        return result['capabilities']

    def open(self, path, text, version=1):
        self.note('textDocument/didOpen', {'textDocument': {'uri': uri_of(path), 'languageId': 'c', 'version': version,
                                                            'text': text}})

    def change(self, path, version, *changes):
        self.note('textDocument/didChange', {'textDocument': {'uri': uri_of(path), 'version': version},
                                             'contentChanges': list(changes)})

    def at(self, path, line, character):
        return {'textDocument': {'uri': uri_of(path)}, 'position': {'line': line, 'character': character}}

    def actions(self, path, line, **context):
        place = {'line': line, 'character': 0}
        return self.result('textDocument/codeAction', {'textDocument': {'uri': uri_of(path)},
                                                       'range': {'start': place, 'end': place},
                                                       'context': {'diagnostics': [], **context}})

    def wait(self):
        """Closes the input and returns the status and what was written on standard error."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        until = time.monotonic() + LIMIT
        while True:
            message = self.receive(until)
            if message is None:
                break
            self.sort(message)
        status = self.process.wait(timeout=LIMIT)
        error = self.process.stderr.read().decode('utf-8', 'replace') if self.process.stderr else ''
        self.process.stdout.close()
        if self.process.stderr:
            self.process.stderr.close()
        return status, error

    def stop(self):
        self.result('shutdown')
        self.note('exit')
        status, error = self.wait()
        expect_equal(status, 0, 'the status after shutdown and exit; %s' % error)
        return error


def apply(text, edits):
    """Edits of the protocol with positions in UTF-16, done to a text."""
    lines = text.splitlines(keepends=True) + ['']

    def offset(place):
        before = ''.join(lines[:place['line']])
        line = lines[place['line']].encode('utf-16-le')[:2 * place['character']].decode('utf-16-le')
        return len(before) + len(line)

    for edit in sorted(edits, key=lambda e: offset(e['range']['start']), reverse=True):
        begin, end = offset(edit['range']['start']), offset(edit['range']['end'])
        text = text[:begin] + edit['newText'] + text[end:]
    return text
