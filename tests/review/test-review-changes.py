#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reviewer on changes of others, and its own: --diff and --fix. TAP.

    test-review-changes.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import os
import shutil
import stat
import subprocess
import sys

from reviewing import (CLEAN, FOUND, LEAK, NOTHING, UNREADABLE, USAGE, Run, expect, expect_equal, expect_line, found,
                       get, put, reviewer, run_tests, test)

NO_GIT = None if shutil.which('git') else 'git is not installed'
NAMES = ('a"b\'c<script>.c', 'new\nline.c', 'back\\slash.c', 'tab\t\x1b.c', 'ü %0A.c', ' blank .c', '-dash.c',
         b'latin\xe4.c')

FORMAT = '#include <sys/socket.h>\n#include <syslog.h>\nvoid say(int fd)\n{\n\tchar buf[64];\n' \
    '\tssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);\n\n\tif (n <= 0)\n\t\treturn;\n\tbuf[n] = 0;\n' \
    '\tsyslog(LOG_INFO, buf);\n}\n'
FIXED = FORMAT.replace('LOG_INFO, buf', 'LOG_INFO, "%s", buf')


def git(*args, cwd='.'):
    env = {**os.environ, 'GIT_CONFIG_GLOBAL': '/dev/null', 'GIT_CONFIG_SYSTEM': '/dev/null', 'GIT_AUTHOR_NAME': 'A',
           'GIT_AUTHOR_EMAIL': 'a@b', 'GIT_COMMITTER_NAME': 'A', 'GIT_COMMITTER_EMAIL': 'a@b'}
    for name in ('GIT_DIR', 'GIT_WORK_TREE', 'GIT_INDEX_FILE'):
        env.pop(name, None)
    run = subprocess.run(['git', *args], cwd=cwd, env=env, capture_output=True)
    if run.returncode:
        raise AssertionError('git %s: %s' % (args, run.stderr.decode('utf-8', 'replace')))
    return run.stdout


def repository(**files):
    for name, text in files.items():
        put(name.replace('__', '/') + '.c', text)
    git('init', '-q')
    git('add', '.')
    git('commit', '-q', '-m', 'first')


def at(name, *args, **more):
    return [line for _, file, line in found(*args, **more) if file == name]


# --diff

@test
def diff_tells_nothing_of_lines_that_stayed():
    if NO_GIT:
        return NO_GIT
    repository(leak=LEAK)
    expect_equal(found('--diff', 'HEAD', '.'), [], 'no change')
    put('leak.c', '/* new */\n\n' + LEAK)
    expect_equal(found('--diff', 'HEAD', '.'), [], 'moved')
    expect_equal(at('leak.c', '.'), [11], 'without it')


@test
def diff_tells_what_a_changed_line_is():
    if NO_GIT:
        return NO_GIT
    repository(leak=LEAK.replace('return -1;\n\treturn fd', 'goto out;\n\treturn fd').replace(
        '\treturn fd;\n', '\treturn fd;\nout:\n\tclose(fd);\n\treturn -1;\n'), other=LEAK)
    expect_equal(found('leak.c'), [], 'clean')
    put('leak.c', get('leak.c').replace('goto out', 'return -1'))
    expect_equal(found('--diff', 'HEAD', '.'), [('L1', 'leak.c', 9)], 'the place is on a changed line')
    expect_equal(Run('--diff', 'HEAD', '.').status, FOUND, 'the status')


@test
def diff_tells_what_a_changed_line_causes():
    if NO_GIT:
        return NO_GIT
    repository(leak=LEAK.replace('socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)', 'n'))
    expect_equal(found('.'), [], 'nothing is opened')
    put('leak.c', LEAK)
    expect_equal(found('--diff', 'HEAD', '.'), [('L1', 'leak.c', 9)], 'what is opened in line 4 leaks in line 9')


@test
def diff_tells_what_a_line_that_went_causes():
    if NO_GIT:
        return NO_GIT
    repository(leak=LEAK.replace('0)\n\t\treturn -1;\n\treturn fd', '0) {\n\t\tclose(fd);\n\t\treturn -1;\n\t}\n\treturn fd'))
    expect_equal(found('.'), [], 'closed')
    put('leak.c', get('leak.c').replace('\t\tclose(fd);\n', ''))
    expect_equal(found('--diff', 'HEAD', '.'), [('L1', 'leak.c', 9)], 'no more')


@test
def diff_holds_however_the_path_is_typed():
    if NO_GIT:
        return NO_GIT
    repository(src__a=CLEAN, src__b=LEAK, src__c=CLEAN)
    put('src/a.c', LEAK)
    os.symlink('src', 'link')
    here = os.getcwd()
    for args, cwd in ((('.',), '.'), (('src',), '.'), ((here,), '/'), (('..',), 'src'), (('link',), '.'),
                      (('src/a.c', 'src/b.c'), '.'), (('./src/../src',), '.'), (('src/b.c', 'src/a.c', 'src'), '.')):
        expect_equal(found('--diff', 'HEAD', *args, cwd=cwd), [('L1', 'a.c', 9)], '%s in %s' % (args, cwd))
    expect_equal(found('--diff', 'HEAD', 'src/b.c'), [], 'another file')


@test
def diff_of_hostile_names():
    if NO_GIT:
        return NO_GIT
    for name in NAMES:
        put(os.fsencode(name), CLEAN)
    git('init', '-q')
    git('add', '.')
    git('commit', '-q', '-m', 'first')
    for name in NAMES:
        put(os.fsencode(name), LEAK)
        run = Run('--format', 'json', '--diff', 'HEAD', '.')
        expect_equal([f['line'] for f in run.json()['findings']], [9], 'the finding in %r' % name, run)
        put(os.fsencode(name), CLEAN)


@test
def diff_of_a_renamed_file_is_what_changed_in_it():
    if NO_GIT:
        return NO_GIT
    repository(leak=LEAK)
    git('mv', 'leak.c', 'moved.c')
    expect_equal(found('--diff', 'HEAD', '.'), [], 'nothing')


@test
def diff_of_two_repositories():
    if NO_GIT:
        return NO_GIT
    for name in ('one', 'two'):
        put(name + '/leak.c', CLEAN)
        git('init', '-q', cwd=name)
        git('add', '.', cwd=name)
        git('commit', '-q', '-m', 'first', cwd=name)
        put(name + '/leak.c', LEAK)
    expect_equal(found('--diff', 'HEAD', 'one', 'two'), [('L1', 'leak.c', 9)] * 2, 'both')


@test
def a_diff_may_come_on_standard_input():
    if NO_GIT:
        return NO_GIT
    repository(src__leak=CLEAN, other=LEAK)
    put('src/leak.c', LEAK)
    for args in (('-U0',), ('-U3',), ('-U100',), ('--no-prefix',), ('--stat', '-p'), ('--src-prefix=i/', '--dst-prefix=w/')):
        text = git('diff', *args)
        for paths, cwd in ((('.',), '.'), (('..',), 'src')):
            expect_equal(found('--diff', '-', *paths, cwd=cwd, stdin=text), [('L1', 'leak.c', 9)], args)
    expect_equal(found('--diff', '-', '.', stdin=b''), [], 'an empty one changes nothing')
    run = Run('--format', 'json', '--diff', '-', '.', stdin=b'nonsense\n')
    expect_line(run, UNREADABLE, 'standard input: not a diff')
    expect_line(Run('--diff', '-', '-'), USAGE, 'standard input cannot be reviewed')


@test
def a_hostile_diff_does_no_harm():
    put('.git/HEAD', '')
    put('leak.c', LEAK)
    for text in (b'+++ "\n@@ -1 +1 @@\n+x\n', b'+++ b/leak.c\n@@ -1,99999999999999999999 +99999999999999999999 @@\n+x\n',
                 b'+++ b/leak.c\n@@ -0,0 +0,0 @@\n@@ nonsense\n', b'+++ "b/le\\141k.c\n@@ -1 +4294967295,9 @@\n+\n-\n \n',
                 b'diff \xff\n+++ ' + b'a/' * 3000 + b'\n@@ -1 +1 @@\n-\n+\n', b'+++ /dev/null\n@@ -1 +0,0 @@\n-x\n',
                 b'+++ b/../../etc/passwd\n@@ -1 +1 @@\n-x\n+y\n', b'+++ b/leak.c\n@@ -9 +9 @@'):
        run = Run('--format', 'json', '--diff', '-', '.', stdin=text)
        expect(run.status in (NOTHING, FOUND), 'it comes back', run)
        expect_equal(run.lines(), [], 'no line of the file', run)


@test
def what_git_refuses_is_told_and_everything_is_reported():
    if NO_GIT:
        return NO_GIT
    put('outside/leak.c', LEAK)
    repository(leak=LEAK)
    os.mkdir('elsewhere')
    for args, words in ((('--diff', 'nonsense', 'leak.c'), 'cannot compare with "nonsense" in '),
                        (('--diff', 'HEAD:leak.c; touch harm', 'leak.c'), 'cannot compare with '),
                        (('--diff', '$(touch harm)', 'leak.c'), 'cannot compare with ')):
        run = Run('--format', 'json', *args)
        expect_line(run, UNREADABLE, words)
        expect_equal(run.lines(), [('L1', 'leak.c', 9)], 'all findings', run)
    expect(not os.path.exists('harm'), 'nothing was run')
    for revision in ('--output=harm', '-x', ''):
        expect_line(Run('--diff', revision, 'leak.c'), USAGE, 'not a revision')
    shutil.rmtree('.git')
    expect_line(Run('--diff', 'HEAD', 'leak.c'), UNREADABLE, 'not in a repository of git')
    put('.git/HEAD', '')
    expect_line(Run('--diff', 'HEAD', 'leak.c'), UNREADABLE, 'cannot compare with "HEAD" in ')
    run = Run('--diff', 'HEAD', 'leak.c', env={'PATH': '/nowhere'})
    expect_line(run, UNREADABLE, 'git: No such file or directory')


@test
def nothing_that_a_repository_names_is_run():
    if NO_GIT:
        return NO_GIT
    repository(leak=CLEAN)
    put('.gitattributes', '*.c diff=own\n')
    for key in ('diff.external', 'diff.own.textconv', 'diff.own.command', 'core.fsmonitor', 'core.pager', 'pager.diff'):
        git('config', key, 'touch %s/harm; true' % os.getcwd())
    put('leak.c', LEAK)
    expect_equal(found('--diff', 'HEAD', '.'), [('L1', 'leak.c', 9)], 'the change')
    expect(not os.path.exists('harm'), 'nothing was run')


# --fix

@test
def fix_makes_the_certain_edits_and_reports_the_rest():
    put('say.c', FORMAT)
    put('leak.c', LEAK)
    run = Run('--format', 'json', '--fix', '.')
    expect_line(run, FOUND, 'say.c: fixed 1 finding')
    expect_equal(run.lines(), [('L1', 'leak.c', 9)], 'what is left', run)
    expect_equal((get('say.c'), get('leak.c')), (FIXED, LEAK), 'the files')
    run = Run('--fix', 'say.c')
    expect(run.status == NOTHING and not run.err, 'nothing more to do', run)


@test
def fix_of_everything_is_a_success():
    put('say.c', FORMAT)
    expect_equal(Run('--fix', 'say.c').status, NOTHING, 'the status')


@test
def fix_makes_only_what_is_reported():
    for args in (('--only', 'L1'), ('--except', 'N1'), ('--baseline', 'base.json'), ('--exclude', 'say.c')):
        put('say.c', FORMAT)
        put('base.json', Run('--format', 'json', 'say.c').out)
        run = Run('--fix', *args, 'say.c')
        expect(run.status == NOTHING and get('say.c') == FORMAT, 'nothing with %s' % (args,), run)


@test
def fix_makes_several_edits_of_a_line_and_of_a_file():
    both = FORMAT.replace('\tsyslog(LOG_INFO, buf);\n', '\tsyslog(LOG_INFO, buf); syslog(LOG_ERR, buf);\n\n\n\n\n\n\n\n'
                          '\n\n\tsyslog(LOG_INFO, buf);\n')
    put('say.c', both)
    while Run('--fix', 'say.c').err:
        pass
    expect_equal(get('say.c'), both.replace(', buf)', ', "%s", buf)').replace('recv(fd, "%s", buf', 'recv(fd, buf'), 'all')


@test
def fix_keeps_what_it_does_not_edit():
    for text in (FORMAT.replace('\n', '\r\n'), '\ufeff' + FORMAT, FORMAT + '/* äöü', FORMAT.rstrip('\n'),
                 FORMAT.replace('\tsys', '\t/* ö */ sys')):
        put('say.c', text)
        expect_line(Run('--format', 'gcc', '--fix', 'say.c'), NOTHING, 'fixed 1')
        expect_equal(get('say.c'), text.replace('LOG_INFO, buf', 'LOG_INFO, "%s", buf'), 'the text')
    for mode in (0o600, 0o664, 0o755, 0o4711):
        put('say.c', FORMAT, mode)
        Run('--fix', 'say.c')
        expect_equal(oct(stat.S_IMODE(os.stat('say.c').st_mode)), oct(mode), 'the mode')
    expect_equal(os.listdir('.'), ['say.c'], 'files, with none left beside')


@test
def fix_keeps_the_owner():
    if os.geteuid() != 0:
        return 'files can be given away by root alone'
    put('say.c', FORMAT)
    os.chown('say.c', 1234, 4321)
    Run('--fix', 'say.c')
    now = os.stat('say.c')
    expect_equal((now.st_uid, now.st_gid, get('say.c')), (1234, 4321, FIXED), 'owner and text')
    return None


@test
def fix_follows_a_link_and_leaves_it_one():
    put('real/say.c', FORMAT)
    os.symlink('real/say.c', 'say.c')
    Run('--fix', 'say.c')
    expect(os.path.islink('say.c') and get('real/say.c') == FIXED, 'the link and the file')


@test
def fix_follows_no_link_out_of_the_project():
    put('elsewhere/say.c', FORMAT)
    put('project/.git/HEAD', '')
    os.symlink('../elsewhere/say.c', 'project/say.c')
    for path in ('project', 'project/say.c'):
        run = Run('--fix', path)
        expect_line(run, UNREADABLE, 'project/say.c: not fixed: its link leads out of the project')
        expect_equal(get('elsewhere/say.c'), FORMAT, 'the file')


@test
def fix_refuses_a_file_with_a_second_name():
    put('say.c', FORMAT)
    os.link('say.c', 'other.txt')
    run = Run('--format', 'json', '--fix', 'say.c')
    expect_line(run, UNREADABLE, 'say.c: not fixed: it has another name')
    expect_equal((get('say.c'), get('other.txt')), (FORMAT, FORMAT), 'both')
    expect_equal([rule for rule, _, _ in run.lines()], ['N1'], 'still reported', run)


@test
def fix_refuses_a_file_that_has_changed_since_it_was_read():
    """Standard error is a pipe that nobody reads: the reviewer waits between reading and writing."""
    put('say.c', FORMAT)
    for name in ('first.c', 'second.c'):
        put(name, ('x' * 200 + ' = // postern-review: ' + 'ignore L1\n') * 2000)
    run = subprocess.Popen([*reviewer(), '--fix', 'first.c', 'say.c', 'second.c'], stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
    os.read(run.stderr.fileno(), 1)
    # It has read say.c once it complains of second.c.
    while b'second.c' not in os.read(run.stderr.fileno(), 512):
        pass
    put('say.c', FORMAT.replace('say(', 'said('))
    err = run.stderr.read().decode()
    expect_equal(run.wait(), UNREADABLE, 'the status')
    run.stderr.close()
    expect('say.c: not fixed: it has changed since it was read' in err, 'told: %r' % err[-300:])
    expect_equal(get('say.c'), FORMAT.replace('say(', 'said('), 'the change of somebody else')


@test
def fix_needs_a_file():
    expect_line(Run('--fix', '-', stdin=FORMAT.encode()), USAGE, 'standard input cannot be reviewed with --fix')
    expect_line(Run('--dry-run', 'leak.c'), USAGE, '--dry-run is for --fix')


@test
def a_dry_run_is_a_diff_that_patch_takes():
    put('say.c', FORMAT)
    put('dir/second.c', FORMAT.replace('\tsyslog', '\n' * 20 + '\tsyslog').replace('buf[n] = 0;', 'buf[n] = 0;\n\tsyslog(1, buf);'))
    put('leak.c', LEAK)
    run = Run('--fix', '--dry-run', '.')
    expect_equal(run.status, FOUND, 'the status', run)
    expect_equal((get('say.c'), run.err), (FORMAT, ''), 'nothing was written', run)
    os.mkdir('copy')
    shutil.copy('say.c', 'copy')
    shutil.copytree('dir', 'copy/dir')
    for command in (['patch', '-p1', '-s', '-F0'], ['git', 'apply', '-']):
        if not shutil.which(command[0]):
            continue
        shutil.rmtree('again', ignore_errors=True)
        shutil.copytree('copy', 'again')
        taken = subprocess.run(command, input=run.out.encode(), cwd='again', capture_output=True)
        expect_equal(taken.returncode, 0, '%s: %r' % (command, taken.stdout + taken.stderr), run)
        expect_equal(get('again/say.c'), FIXED, 'what %s made' % command)
    Run('--fix', 'dir')
    expect_equal(get('again/dir/second.c'), get('dir/second.c'), 'the same as --fix')


@test
def a_dry_run_of_hostile_names_and_ends():
    if NO_GIT:
        return NO_GIT
    for name in NAMES[:-1]:
        for text in (FORMAT, FORMAT.replace('\n}\n', ' }'), FORMAT.replace('\n', '\r\n')):
            put(name, text)
            run = subprocess.run([*reviewer(), '--fix', '--dry-run', './' + name], capture_output=True)
            taken = subprocess.run(['git', 'apply', '-'], input=run.stdout, capture_output=True)
            expect(not taken.returncode and get(name) == text.replace('LOG_INFO, buf', 'LOG_INFO, "%s", buf'),
                   '%r: %r %r' % (name, taken.stderr, run.stdout))
            os.unlink(name)
    run = Run('--fix', '--dry-run', '-', stdin=FORMAT.encode())
    expect('+\tsyslog(LOG_INFO, "%s", buf);' in run.out and run.status == FOUND, 'standard input', run)


sys.exit(run_tests())
