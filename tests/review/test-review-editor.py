#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The language server with an editor that somebody else has written. TAP.

    test-review-editor.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import os
import shutil
import subprocess
import sys

from reviewing import LEAK, expect_equal, put, reviewer, run_tests, test

HERE = os.path.dirname(os.path.abspath(__file__))
INHERITED = '#include <stdlib.h>\nvoid run(void)\n{\n\tsystem("ls");\n}\n' + LEAK.replace(' | SOCK_CLOEXEC', '')

# The fix takes L6 away, and the lines that are added move L1, behind a character of two units of UTF-16.
SESSION = '''encoding utf-16
diagnostics L1:14:3 L6:9:11
hover **L6 (advice)**: A descriptor is inherited by programs that are started, CWE-403
action Fix L6: In leak(), add `SOCK_CLOEXEC` to the type.
action Suppress L6 with a comment
line \tint fd = socket(AF_INET, SOCK_CLOEXEC | SOCK_STREAM, 0);
diagnostics L1:14:3
diagnostics L1:16:3
stopped
'''


def read(name):
    try:
        with open(name, encoding='utf-8') as f:
            return f.read()
    except FileNotFoundError:
        return ''


@test
def neovim_shows_findings_explains_them_and_applies_the_fix():
    if not shutil.which('nvim'):
        return 'there is no nvim'
    put('a.c', INHERITED)
    env = {**os.environ, 'HOME': os.getcwd(), 'XDG_CONFIG_HOME': os.getcwd(), 'XDG_STATE_HOME': os.getcwd(),
           'XDG_CACHE_HOME': os.getcwd(), 'XDG_DATA_HOME': os.getcwd(), 'EDITOR_FILE': 'a.c',
           'EDITOR_REPORT': 'report', 'EDITOR_SERVER': '\n'.join(reviewer() + ['--lsp'])}
    run = subprocess.run(['nvim', '--headless', '-u', 'NONE', '-n', '-S', os.path.join(HERE, 'editor.lua')], env=env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90)
    expect_equal(read('report'), SESSION, 'the session; %s' % run.stdout.decode('utf-8', 'replace'))
    expect_equal(run.returncode, 0, 'the status of nvim')


if __name__ == '__main__':
    sys.exit(run_tests())
