# SPDX-License-Identifier: Apache-2.0
"""What tests of the reviewer's command line share: running it in a folder of its own, and TAP."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

NOTHING, FOUND, USAGE, UNREADABLE = 0, 1, 64, 66

LEAK = '''#include <sys/socket.h>
int leak(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, a, n) < 0)
		return -1;
	return fd;
}
'''
CLEAN = 'int one(void)\n{\n\treturn 1;\n}\n'

tests = []


def test(function):
    tests.append(function)
    return function


def reviewer():
    command = sys.argv[1:] or [os.environ.get('POSTERN_COMMAND', 'postern')]
    return command + ['review'] if os.path.basename(command[-1]) == 'postern' else command


class Run:
    def __init__(self, *args, stdin=b'', cwd=None, timeout=60, env=None):
        self.args = args
        run = subprocess.run(reviewer() + list(args), input=stdin, capture_output=True, timeout=timeout, cwd=cwd,
                             env={**os.environ, **(env or {})})
        self.status = run.returncode
        self.out = run.stdout.decode('utf-8', 'replace')
        self.err = run.stderr.decode('utf-8', 'replace')

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [(f['rule'], os.path.basename(f['file']), f['line']) for f in self.json()['findings']]


def found(*args, **more):
    run = Run('--format', 'json', *args, **more)
    expect(run.status in (NOTHING, FOUND), 'a review', run)
    return run.lines()


def expect(right, what, run=None):
    if not right:
        seen = '' if run is None else '\nargs %r\nstatus %d\n%s%s' % (run.args, run.status, run.out[:2000],
                                                                      run.err[:2000])
        raise AssertionError(what + seen)


def expect_equal(got, want, what, run=None):
    expect(got == want, '%s: %r, not %r' % (what, got, want), run)


def expect_line(run, status, words):
    expect_equal(run.status, status, 'the status', run)
    lines = run.err.splitlines()
    expect_equal(len(lines), 1, 'lines on standard error', run)
    expect(lines[0].startswith('postern review: ') and words in lines[0], 'a line with %r' % words, run)


def put(name, content, mode=None):
    os.makedirs(os.path.dirname(name) or '.', exist_ok=True)
    with open(name, 'wb') as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    if mode is not None:
        os.chmod(name, mode)
    return name


def get(name):
    with open(name, 'rb') as f:
        return f.read().decode()


def run_tests(prepare=None):
    """Each in a folder of its own, in which prepare() has put what all of them need."""
    print('TAP version 13\n1..%d' % len(tests))
    probe = subprocess.run(reviewer() + ['--rules'], capture_output=True)
    failed = 0
    for number, function in enumerate(tests, 1):
        name = function.__name__.replace('_', ' ')
        if probe.returncode != 0:
            print('ok %d - %s # SKIP the reviewer was not built' % (number, name))
            continue
        folder = tempfile.mkdtemp(prefix='postern-review-')
        os.chdir(folder)
        try:
            if prepare:
                prepare()
            reason = function()
            print('ok %d - %s%s' % (number, name, ' # SKIP ' + reason if reason else ''))
        except Exception as e:
            failed += 1
            print('not ok %d - %s' % (number, name))
            for line in ('%s: %s' % (type(e).__name__, e)).splitlines():
                print('# ' + line)
        finally:
            os.chdir('/')
            shutil.rmtree(folder)
    return 1 if failed else 0
