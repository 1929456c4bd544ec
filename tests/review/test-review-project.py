#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reviewer in a project: its file, paths left out, baselines, the screen of help. TAP.

    test-review-project.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

from reviewing import (CLEAN, FOUND, LEAK, NOTHING, UNREADABLE, USAGE, Run, expect, expect_equal, expect_line, found,
                       put, reviewer, run_tests, test)

SOURCE = os.environ.get('POSTERN_SOURCE') or os.path.abspath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
TWO = LEAK.replace('leak(', 'other(')


# What was typed

@test
def help_fits_on_one_screen():
    for option in ('--help', '-h'):
        run = Run(option)
        lines = run.out.splitlines()
        expect_equal(run.status, NOTHING, 'the status', run)
        expect(len(lines) <= 24 and max(map(len, lines)) <= 80, '%d lines, %d columns' % (
            len(lines), max(map(len, lines))), run)


@test
def help_has_every_option_of_the_manual_and_no_other():
    with open(os.path.join(SOURCE, 'man/postern-review.1')) as f:
        manual = set(re.findall(r'^\.It Fl -([a-z-]+)', f.read(), re.M))
    told = set(re.findall(r'^  --([a-z-]+)', Run('--help').out, re.M))
    expect_equal(manual - told, set(), 'in the manual alone')
    expect_equal(told - manual, set(), 'in the help alone')


@test
def the_version_is_told():
    for option in ('--version', '-V'):
        run = Run(option)
        expect(run.status == NOTHING and re.fullmatch(r'postern review \d\S*\n', run.out), 'a version', run)


# Paths left out

def tree():
    put('src/leak.c', LEAK)
    put('src/gen/made.c', LEAK)
    put('src/gen/deep/made.c', LEAK)
    put('vendor/lib/leak.c', LEAK)
    return ['leak.c', 'leak.c', 'made.c', 'made.c']


def files(*args, **more):
    return sorted(name for _, name, _ in found(*args, **more))


@test
def exclude_without_a_slash_is_a_name_anywhere():
    everything = tree()
    expect_equal(files('.'), everything, 'all')
    for pattern, want in (('made.c', ['leak.c', 'leak.c']), ('gen', ['leak.c', 'leak.c']), ('gen/', ['leak.c', 'leak.c']),
                          ('m*', ['leak.c', 'leak.c']), ('vendor', ['leak.c', 'made.c', 'made.c']),
                          ('src', ['leak.c']), ('lea', everything)):
        expect_equal(files('--exclude', pattern, '.'), want, 'without ' + pattern)
    expect_equal(files('--exclude', 'gen', '--exclude', 'lib', '.'), ['leak.c'], 'two patterns')


@test
def exclude_with_a_slash_counts_from_the_working_folder():
    everything = tree()
    for pattern, want in (('src/gen', ['leak.c', 'leak.c']), ('src/*.c', ['leak.c']), ('src/gen/*.c', ['leak.c', 'leak.c']),
                          ('./vendor/lib/', ['leak.c', 'made.c', 'made.c']), ('/src', ['leak.c']), ('gen/made.c', everything),
                          ('*/deep', ['leak.c', 'leak.c', 'made.c']), ('src/ge', everything)):
        expect_equal(files('--exclude', pattern, '.'), want, 'without ' + pattern)
        expect_equal(files('--exclude', pattern, os.getcwd()), want, 'of an absolute path, without ' + pattern)
    expect_equal(files('--exclude', '../vendor', '..', cwd='src'), everything, 'nothing leads upwards')


@test
def what_is_left_out_may_be_named():
    tree()
    for args in (('src/gen/made.c',), ('src/gen',), ('src/gen/made.c', 'src/gen/deep')):
        run = Run('--exclude', 'gen', *args)
        expect(run.status == NOTHING and not run.err and 'checked 0' in run.out, 'nothing is reviewed', run)
    expect_equal(files('--exclude', 'gen', 'src/gen/made.c', 'src/leak.c'), ['leak.c'], 'the other one')


@test
def a_header_that_is_left_out_is_still_understood():
    put('own/closes.h', '#include <unistd.h>\nstatic inline void hang_up(int fd)\n{\n\tclose(fd);\n}\n')
    put('leak.c', '#include "own/closes.h"\n' + LEAK.replace('return -1;\n\treturn fd', '{\n\t\thang_up(fd);\n\t\treturn -1;\n\t}\n\treturn fd'))
    expect_equal(files('--exclude', 'own', '.'), [], 'the close in it is seen')


# The project's file

@test
def the_project_file_is_found_upwards_as_far_as_the_repository():
    tree()
    os.mkdir('src/.git')
    put('.postern-review', 'exclude made.c\n')
    expect_equal(files('src/gen'), ['made.c', 'made.c'], 'the repository ends before it')
    os.rename('src/.git', '.git')
    expect_equal(files('src'), ['leak.c'], 'in its root')
    expect_equal(files('.', cwd='src/gen'), [], 'from below')
    put('src/gen/.postern-review', 'exclude deep\n')
    expect_equal(files('src/gen'), ['made.c'], 'the nearest one alone')
    expect_equal(files('--no-config', 'src/gen'), ['made.c', 'made.c'], 'none')


@test
def the_project_file_is_found_without_a_repository():
    tree()
    put('.postern-review', 'exclude made.c\n')
    expect_equal(files('src/gen'), [], 'above')
    expect_equal(files('src/gen/made.c'), [], 'above a file')
    expect_equal(files('-', cwd='src', **{'stdin': LEAK.encode()}), ['<stdin>'], 'standard input')


@test
def paths_of_the_project_file_count_from_its_folder():
    tree()
    put('.postern-review', '# made by a tool\nexclude src/gen\n\n  exclude\tvendor/*/leak.c  \n')
    for args, cwd in ((('.',), '.'), (('src', 'vendor'), '.'), (('..',), 'src'), ((os.getcwd(),), '/')):
        expect_equal(files(*args, cwd=cwd), ['leak.c'], 'reviewed as %s in %s' % (args, cwd))
    os.symlink('src', 'link')
    expect_equal(files('link'), ['leak.c'], 'through a link')


@test
def a_blank_is_part_of_a_path():
    put('of others/leak.c', LEAK)
    put('leak.c', LEAK)
    put('.postern-review', 'exclude of others\n')
    expect_equal(files('.'), ['leak.c'], 'left out')


@test
def the_project_file_chooses_rules_and_options_choose_after_it():
    put('leak.c', LEAK)
    for text, args, want in (('except L1', (), []), ('only 703', (), []), ('only 703\nonly L1,L2', (), ['leak.c']),
                             ('only L2 L1', (), ['leak.c']), ('only 664\nexcept L1', (), []),
                             ('except L1', ('--only', 'L1'), ['leak.c']), ('only L2', ('--only', 'L1'), ['leak.c']),
                             ('only 664', ('--except', 'L1'), [])):
        put('.postern-review', text + '\n')
        expect_equal(files(*args, '.'), want, '%r and %r' % (text, args))


@test
def the_project_file_gives_severities():
    put('leak.c', LEAK)
    put('tests/leak.c', LEAK)
    for text, want, status in (('severity L1 warning', 'warning', FOUND), ('severity 664 advice', 'advice', NOTHING),
                               ('severity L1 advice\nseverity L1 error', 'error', FOUND)):
        put('.postern-review', text)
        run = Run('--format', 'json', 'leak.c')
        expect_equal([f['severity'] for f in run.json()['findings']], [want], text, run)
        expect_equal(run.status, status, 'the status', run)
        run = Run('--format', 'json', '.')
        expect_equal([f['severity'] for f in run.json()['findings'] if 'tests' in f['file']], ['advice'],
                     'tests stay as they are', run)
    put('.postern-review', 'severity L1 warning')
    expect_equal(files('--min-severity', 'error', '.'), [], 'below what was asked for')


@test
def the_project_file_has_knowledge_beside_it():
    put('src/own.c', 'int open_it(int);\nint two(void)\n{\n\tint fd = open_it(2);\n\n\treturn fd < 0 ? -1 : 0;\n}\n')
    put('tools/own.kb', 'fn open_it opens=fd fails=-1\n')
    put('.postern-review', 'knowledge tools/own.kb\n')
    expect_equal(files('.', cwd='src'), ['own.c'], 'what is opened is lost')
    put('tools/own.kb', 'fn open_it opens=fd fails=-1\nnonsense\n')
    run = Run('src')
    expect_equal(run.status, UNREADABLE, 'the status', run)
    expect('tools/own.kb:2: ' in run.err, 'its line', run)


@test
def the_project_file_reads_no_knowledge_from_outside():
    put('secret.kb', 'password of mine\n')
    put('project/leak.c', LEAK)
    put('project/.git/HEAD', '')
    os.symlink('../secret.kb', 'project/link.kb')
    for name in ('../secret.kb', 'link.kb', '/etc/passwd', '../../../../../../etc/passwd', '/dev/zero'):
        put('project/.postern-review', 'knowledge %s\n' % name)
        run = Run('project')
        expect(run.status == UNREADABLE and 'password' not in run.err and 'root:' not in run.err, 'kept', run)
    os.unlink('project/.postern-review')
    os.symlink('../secret.kb', 'project/.postern-review')
    expect_line(Run('project'), UNREADABLE, 'project/.postern-review: not a regular file')
    os.unlink('project/.postern-review')
    os.mkdir('project/src')
    put('project/src/leak.c', LEAK)
    put('project/own.kb', '')
    put('project/src/.postern-review', 'knowledge ../own.kb\n')
    expect_equal(Run('project/src').err, '', 'above, in the repository')


@test
def a_malformed_project_file_is_told_by_line():
    put('leak.c', LEAK)
    for text, words in (('# fine\nnonsense 1\n', '.postern-review:2: unknown statement "nonsense"'),
                        ('only L99\n', '.postern-review:1: unknown rule, CWE or pillar "L99"'),
                        ('only\n', '.postern-review:1: missing rules'),
                        ('\n\nseverity L1\n', '.postern-review:3: severity needs rules and a level'),
                        ('severity L1 fatal\n', '.postern-review:1: not advice, warning or error: "fatal"'),
                        ('exclude\n', '.postern-review:1: missing value after "exclude"'),
                        ('knowledge none.kb\n', '.postern-review:1: No such file or directory "none.kb"'),
                        (b'\xff\xfe\x00\x1b[2J\n', '.postern-review:1: unknown statement')):
        put('.postern-review', text)
        run = Run('--format', 'json', '.')
        expect_line(run, UNREADABLE, words)
        expect_equal(run.lines(), [('L1', 'leak.c', 9)], 'the rest is done', run)
        expect_equal(files('--no-config', '.'), ['leak.c'], 'without it')
    os.unlink('.postern-review')
    os.mkdir('.postern-review')
    expect_line(Run('.'), UNREADABLE, '.postern-review: not a regular file')


@test
def paths_of_two_projects_are_refused():
    put('a/leak.c', LEAK)
    put('b/leak.c', LEAK)
    put('b/.postern-review', 'except L1\n')
    expect_line(Run('a', 'b'), USAGE, 'a and b have different files .postern-review')
    expect_equal(files('--no-config', 'a', 'b'), ['leak.c', 'leak.c'], 'without them')


# Threads

@test
def the_number_of_threads_changes_nothing():
    tree = os.path.join(SOURCE, 'tests/review/set')
    # Files that parse slowly among quick ones, broken ones, one that includes others, and none.
    put('large.c', ''.join('int f%d(int x)\n{\n\treturn x + %d;\n}\n' % (i, i) for i in range(9000)) + LEAK)
    for i in range(40):
        put('many/f%d.c' % i, LEAK.replace('leak', 'leak%d' % i) if i % 3 else 'int broken(\n#if A\n{\n#endif\n' * i)
    for format in ('json', 'text'):
        want = Run('--format', format, '--jobs', '1', tree, '.')
        expect_equal(want.status, FOUND, 'the status', want)
        for jobs in ((), ('--jobs', '2'), ('--jobs', '3'), ('--jobs', '50'), ('--jobs', '1000')):
            run = Run('--format', format, *jobs, tree, '.')
            expect((run.status, run.out, run.err) == (want.status, want.out, want.err), 'the same with %s' % (jobs,), run)
    expect_equal(Run('--jobs', '4', put('one.c', LEAK)).status, FOUND, 'more threads than files')


@test
def a_number_of_threads_is_one():
    for word in ('0', '-1', 'x', '', '2x', '99999999999999999999'):
        expect_line(Run('--jobs', word, '.'), USAGE, 'not a number of threads: "%s"' % word)


# Baselines

def ways(*paths):
    """The same tree as it may be typed: arguments and the working folder."""
    here = os.getcwd()
    yield paths, '.'
    yield tuple('./' + p for p in paths), '.'
    yield tuple(os.path.join(here, p) for p in paths), '/'
    yield tuple('../' + p for p in paths), 'else'
    yield tuple('../link/' + p for p in paths), 'else'
    yield tuple('else/../' + p + '/' * os.path.isdir(p) for p in paths), '.'


def baselines_hold(*paths):
    os.makedirs('else', exist_ok=True)
    if not os.path.islink('link'):
        os.symlink('.', 'link')
    for paths_then, cwd_then in ways(*paths):
        run = Run('--format', 'json', *paths_then, cwd=cwd_then)
        expect(run.status == FOUND and len(run.lines()) == 2, 'two findings', run)
        base = os.path.abspath(put('base.json', run.out))
        for paths_now, cwd_now in ways(*paths):
            now = Run('--format', 'json', '--baseline', base, *paths_now, cwd=cwd_now)
            expect(now.status == NOTHING and not now.lines(), '%s in %s, then %s in %s' % (
                paths_then, cwd_then, paths_now, cwd_now), now)


@test
def a_baseline_holds_however_the_path_is_typed():
    put('src/a/leak.c', LEAK)
    put('src/b/leak.c', TWO)
    baselines_hold('src')
    baselines_hold('src/a', 'src/b')
    baselines_hold('src/a/leak.c', 'src/b/leak.c')


@test
def a_baseline_holds_for_any_part_of_a_repository():
    put('src/a/leak.c', LEAK)
    put('src/b/leak.c', TWO)
    for mark in ('.git', '.postern-review'):
        put(mark, '')
        base = os.path.abspath(put('base.json', Run('--format', 'json', '.').out))
        for args, cwd in ((('src',), '.'), (('.',), 'src/a'), (('src/a/leak.c', 'src/b/leak.c'), '.'), (('..',), 'src/b')):
            run = Run('--baseline', base, *args, cwd=cwd)
            expect_equal(run.status, NOTHING, 'nothing new in %s of %s with %s' % (args, cwd, mark), run)
        baselines_hold('src')
        os.unlink(mark)


@test
def a_baseline_tells_files_apart():
    put('.git/HEAD', '')
    put('a/leak.c', LEAK)
    base = put('base.json', Run('--format', 'json', 'a').out)
    put('b/leak.c', LEAK)
    run = Run('--format', 'json', '--baseline', base, '.')
    expect_equal([f['file'] for f in run.json()['findings']], ['./b/leak.c'], 'the copy is new', run)


@test
def a_baseline_holds_for_hostile_names():
    for name in ('a"b\'c<script>.c', 'x\n::error file=y::z\n.c', 'back\\slash.c', 'tab\t\x1b.c', b'latin\xe4.c'):
        put(os.fsencode(name), LEAK)
        base = put('base.json', Run('--format', 'json', name).out)
        json.loads(open(base).read())
        expect_equal(Run('--baseline', base, '.').status, NOTHING, 'the status for %r' % name)
        os.unlink(name)


@test
def a_baseline_of_a_clean_tree_hides_nothing():
    put('leak.c', CLEAN)
    base = put('base.json', Run('--format', 'json', '.').out)
    put('leak.c', LEAK)
    expect_equal(files('--baseline', base, '.'), ['leak.c'], 'the new one')


# What docs/CI.md shows

def guide(language):
    with open(os.path.join(SOURCE, 'docs/CI.md')) as f:
        return re.findall(r'^```%s\n(.*?)^```$' % language, f.read(), re.M | re.S)


def installed():
    """A folder with a `postern` in it, as an installation has one."""
    command = reviewer()
    run = ' '.join(map(shlex.quote, command)) if command[-1] != 'review' else ' '.join(map(shlex.quote, command[:-1]))
    put('bin/postern', '#!/bin/sh\n%sexec %s "$@"\n' % ('' if command[-1] == 'review' else 'shift\n', run), 0o755)
    return os.path.abspath('bin') + ':' + os.environ['PATH']


@test
def the_commands_of_the_guide_do_what_it_says():
    if not shutil.which('git'):
        return 'git is not installed'
    put('src/leak.c', CLEAN)
    os.mkdir('tools')
    put('tools/libours.kb', '')
    put('.postern-review', guide('')[0])
    env = {**os.environ, 'PATH': installed(), 'GIT_CONFIG_GLOBAL': '/dev/null', 'GIT_CONFIG_SYSTEM': '/dev/null'}
    subprocess.run('git init -q -b main . && git add src && git -c user.name=A -c user.email=a@b commit -q -m x',
                   shell=True, check=True, env=env)
    put('src/leak.c', LEAK)
    want = {'postern review --format json src >review.json': FOUND, 'postern review --baseline review.json src': NOTHING,
            'postern review --diff HEAD src': FOUND, 'git diff main...HEAD | postern review --diff - src': NOTHING,
            'postern review --format html src >review.html': FOUND, 'postern review --fix --dry-run src': FOUND,
            'postern review --fix src': FOUND, 'exec postern review --diff HEAD --format gcc src': FOUND}
    lines = [line for text in guide('sh') for line in text.splitlines() if not line.startswith('#')]
    expect_equal(sorted(lines), sorted(want), 'the commands')
    for line in lines:
        run = subprocess.run(['sh', '-c', line], env=env, capture_output=True)
        expect_equal((run.returncode, run.stderr), (want[line], b''), line)
    return None


@test
def the_workflows_of_the_guide_are_yaml_with_options_that_there_are():
    try:
        import yaml
    except ImportError:
        return 'python3 has no yaml'
    told = set(re.findall(r'^  (--[a-z-]+)', Run('--help').out, re.M))
    documents = [yaml.safe_load(text) for text in guide('yaml')]
    expect_equal(len(documents), 3, 'documents')
    text = '\n'.join(guide('yaml'))
    expect_equal(set(re.findall(r'(?<![\w-])--[a-z-]+', text)) - told, set(), 'options')
    hook, = documents[0]['repos'][0]['hooks']
    with open(os.path.join(SOURCE, '.pre-commit-hooks.yaml')) as f:
        mine, = yaml.safe_load(f)
    expect_equal(hook['id'], mine['id'], 'the hook')
    expect(os.access(os.path.join(SOURCE, mine['entry']), os.X_OK), 'its program')
    for workflow in documents[1:]:
        expect(all('uses' in step or 'run' in step for step in workflow['jobs']['review']['steps']), 'steps')
    return None


@test
def the_hook_runs_the_reviewer_that_is_installed():
    put('leak.c', LEAK)
    put('clean.c', CLEAN)
    for name, status in (('leak.c', FOUND), ('clean.c', NOTHING)):
        run = subprocess.run([os.path.join(SOURCE, 'tools/review-hook'), '--format', 'gcc', name], capture_output=True,
                             env={**os.environ, 'PATH': installed()})
        expect_equal(run.returncode, status, 'the status of %s: %r' % (name, run.stderr))
        expect(b'checked 1 functions' in run.stdout, 'a review: %r' % run.stdout)


sys.exit(run_tests())
