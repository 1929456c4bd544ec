#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What files of one run mean for each other: headers beside, included sources, order, macros of others. TAP.

    test-review-units.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import itertools
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from reviewing import reviewer, run_tests, test  # noqa: E402


def review(*args, timeout=60):
    run = subprocess.run(reviewer() + ['--format', 'json', *args], capture_output=True, timeout=timeout)
    if run.returncode not in (0, 1):
        raise AssertionError('status %d: %s' % (run.returncode, run.stderr.decode('utf-8', 'replace')))
    return json.loads(run.stdout)


def lines(*args):
    return sorted((f['rule'], os.path.relpath(f['file']), f['line']) for f in review(*args)['findings'])


def put(path, text):
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)


def expect(got, want, what):
    if got != want:
        raise AssertionError('%s: got %r, not %r' % (what, got, want))



def user(include, close):
    return '''#include <fcntl.h>
#include <unistd.h>
%s
int use(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	%s;
	return 0;
}
''' % (include, close)


@test
def a_header_beside_is_read_and_nothing_is_reported_in_it():
    put('leak.h', '#define shut(fd) close(fd)\n' + user('', '(void)fd').replace('use', 'leak'))
    put('use.c', user('#include "leak.h"', 'shut(fd)'))
    expect(lines('use.c'), [], 'one file')
    expect([r[:2] for r in lines('use.c', 'leak.h')], [('L1', 'leak.h')], 'with its header')
    expect(review('use.c')['summary']['functions'], 1, 'functions that were checked')


@test
def a_helper_in_a_header_is_seen_by_who_includes_it():
    put('inc/help.h', 'static inline void shut(int *fd)\n{\n\tclose(*fd);\n\t*fd = -1;\n}\n'
        'static inline int quiet(int fd)\n{\n\treturn close(fd);\n}\n')
    put('src/use.c', user('#include "help.h"', 'quiet(fd)'))
    put('src/other.c', user('static int quiet(int fd)\n{\n\treturn fd > 2;\n}', 'quiet(fd)'))
    put('Makefile', '')
    expect(lines('src/use.c'), [], 'from the project\'s include folder')
    expect([r[:2] for r in lines('.')], [('L1', 'src/other.c')], 'its own static one counts')


@test
def include_paths_of_compile_commands_are_looked_in():
    put('far/away/names.h', '#define shut(fd) close(fd)\n')
    put('near/use.c', user('#include <names.h>', 'shut(fd)'))
    put('near/arguments.json', '')
    expect(lines('near/use.c'), [], 'unknown without them: silent')
    put('far/away/names.h', '#define shut(fd) (void)(fd)\n')
    put('near/compile_commands.json', json.dumps([{
        'directory': os.path.abspath('near'), 'file': 'use.c',
        'command': 'cc -DX="\\"y\\"" -I ../far/away -c use.c'}]))
    expect([r[:2] for r in lines('near/use.c')], [('L1', 'near/use.c')], 'from a command')
    put('near/compile_commands.json', json.dumps([{
        'file': 'use.c', 'directory': os.path.abspath('near'),
        'arguments': ['cc', '-I', '../far/away', '-c', 'use.c']}]))
    expect([r[:2] for r in lines('near/use.c')], [('L1', 'near/use.c')], 'from arguments')
    put('near/compile_commands.json', '[{"directory": "' + 'x' * 9000 + '", "command": "-I' + '/y' * 5000)
    expect(lines('near/use.c'), [], 'a broken one')


def commands(*rows):
    put('compile_commands.json', json.dumps([dict(
        {'directory': os.getcwd(), 'file': file}, **({'arguments': how} if isinstance(how, list) else {'command': how}))
        for file, how in rows]))


@test
def a_macro_that_the_compile_command_defines_is_known():
    put('use.c', user('', 'SHUT(fd)'))
    commands(('use.c', 'cc -c use.c'))
    expect(lines('use.c'), [], 'not given: unknown')
    for how in ('cc "-DSHUT(x)=close(x)" -c use.c', "cc '-DSHUT(x)=close(x)'", 'cc -DSHUT=close -c use.c',
                ['cc', '-D', 'SHUT=close'], ['cc', '-USHUT', '-DSHUT(x)=close(x)', 'use.c'],
                'cc -DNAME=\\"a\\ b\\" -DSHUT=close -c use.c'):
        commands(('use.c', how))
        expect(lines('use.c'), [], str(how))
    for how in ("cc '-DSHUT(x)=(void)(x)' -c use.c", ['cc', '-DSHUT(x)=close(x)', '-D', 'SHUT(x)=(void)x']):
        commands(('use.c', how))
        expect([r[:2] for r in lines('use.c')], [('L1', 'use.c')], str(how))
    put('use.c', user('', 'if (LEVEL > 2)\n\t\tclose(fd)'))
    for level, want in (('3', []), ('1', [('L1', 'use.c')])):
        commands(('use.c', 'cc -DLEVEL=%s -c use.c' % level))
        expect([r[:2] for r in lines('use.c')], want, 'a number, ' + level)


@test
def a_condition_of_the_preprocessor_knows_the_compile_command():
    choice = '\n#%s\n\tclose(fd);\n#else\n\t(void)fd;\n#endif\n\t'
    for directive, how, leaks in (('ifdef WITH', '-DWITH', False), ('ifdef WITH', '-UWITH', True),
                                  ('ifndef WITH', '-DWITH', True), ('ifndef WITH', '-UWITH', False),
                                  ('if WITH', '-DWITH=0', True), ('if WITH', '-DWITH', False),
                                  ('if WITH', '-UWITH', True), ('if WITH > 2 && defined(MORE)', '-DWITH=3 -D MORE', False),
                                  ('if !defined WITH', '-DWITH', True), ('if WITH == 4', '-DWITH=3 -D MORE', True),
                                  ('if WITH', '-DWITH -UWITH', True), # What that is, a header of the system may say.
                                  ('if WITH', '-DWITH=SOMETHING_ELSE', False)):
        put('use.c', user('', choice % directive))
        commands(('use.c', 'cc %s -c use.c' % how))
        expect([r[0] for r in lines('use.c')], ['L1'] * leaks, '#%s with %s' % (directive, how))
        put('use.c', user('#%s\n#define SHUT(x) close(x)\n#else\n#define SHUT(x) (void)(x)\n#endif' % directive,
                          'SHUT(fd)'))
        if 'SOMETHING' not in how:
            expect([r[0] for r in lines('use.c')], ['L1'] * leaks, 'a macro under #%s with %s' % (directive, how))


@test
def a_file_has_the_macros_of_its_own_command_and_a_header_those_of_all():
    put('a.c', user('', 'SHUT(fd)'))
    put('b.c', user('#include "c.h"', 'SHUT(fd)').replace('use', 'take'))
    put('c.h', user('', 'SHUT(fd)').replace('int use', 'static int look'))
    commands(('a.c', 'cc "-DSHUT(x)=close(x)"'), ('b.c', 'cc "-DSHUT(x)=(void)(x)"'))
    for order in itertools.permutations(['a.c', 'b.c', 'c.h']):
        expect([r[:2] for r in lines(*order)], [('L1', 'b.c')], ' '.join(order))
    commands(('a.c', 'cc -DA "-DSHUT(x)=(void)(x)"'), ('b.c', 'cc "-DSHUT(x)=(void)(x)"'))
    expect([r[1] for r in lines('.')], ['a.c', 'b.c', 'c.h'], 'all say the same')
    commands(('a.c', 'cc "-DSHUT(x)=(void)(x)"'), ('a.c', 'cc "-DSHUT(x)=close(x)" -c a.c'), ('b.c', 'cc'))
    expect(lines('.'), [], 'compiled twice: what both say')


@test
def a_file_that_the_compile_command_includes_is_read():
    put('made/config.h', '#define SHUT(x) (void)(x)\n')
    put('src/use.c', user('', 'SHUT(fd)'))
    put('compile_commands.json', json.dumps([{'directory': os.path.abspath('made'), 'file': '../src/use.c',
                                              'command': 'cc -include config.h -c ../src/use.c'}]))
    expect([r[:2] for r in lines('src/use.c')], [('L1', 'src/use.c')], 'with -include')
    os.remove('made/config.h')
    expect(lines('src/use.c'), [], 'it is not there')


@test
def a_source_that_includes_a_source_is_one_unit_with_it():
    put('part.c', 'static int use(const char *path)\n{\n\tint fd = grab(path);\n\n\tif (fd < 0)\n\t\treturn -1;\n'
        '\treturn 0;\n}\n')
    put('main.c', '#include <fcntl.h>\nstatic int grab(const char *path)\n{\n\treturn open(path, O_RDONLY | '
        'O_CLOEXEC);\n}\n#include "part.c"\nint main(int n, char **v)\n{\n\treturn use(v[n - 1]);\n}\n')
    for order in itertools.permutations(['part.c', 'main.c']):
        expect([r[:2] for r in lines(*order)], [('L1', 'part.c')], ' '.join(order))


REACH = '''#include <string.h>
#include <unistd.h>
#include <sys/un.h>
#include <sys/socket.h>
%s
int reach(struct server *s, const char *path)
{
	s->addr.sun_family = AF_UNIX;
	strncpy(s->addr.sun_path, path, sizeof(s->addr.sun_path) - 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -1;
	return connect(s->fd, (struct sockaddr *)&s->addr, sizeof(s->addr));
}
'''
SERVE = '''#include <unistd.h>
#include <netinet/in.h>
#include <sys/socket.h>
%s
int serve(struct server *s, const struct sockaddr_in *where)
{
	s->addr = *where;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -1;
	if (bind(s->fd, (struct sockaddr *)&s->addr, sizeof(s->addr)) < 0) {
		close(s->fd);
		return -1;
	}
	return s->fd;
}
'''


@test
def two_files_have_each_a_type_of_one_name():
    put('a.c', REACH % 'struct server { int fd; struct sockaddr_un addr; };')
    put('b.c', SERVE % 'struct server { void *owner; int fd; struct sockaddr_in addr; };')
    expect(lines('a.c') + lines('b.c'), [], 'each alone')
    for order in itertools.permutations(['a.c', 'b.c']):
        expect(lines(*order), [], ' '.join(order))
    put('a.h', 'struct server { int fd; struct sockaddr_un addr; };\n')
    put('a.c', REACH % '#include "a.h"')
    expect(lines('.'), [], 'one of them in a header')


@test
def of_two_platforms_the_one_for_this_system_counts():
    put('line.h', '#include <stddef.h>\nint shut(int fd);\n')
    put('a_win.c', '#include "line.h"\n#include <winsock2.h>\nint shut(int fd) { return closesocket(fd); }\n')
    put('b_unix.c', '#include "line.h"\n#include <unistd.h>\nint shut(int fd) { return close(fd); }\n')
    put('use.c', user('#include "line.h"', 'shut(fd)'))
    put('lost.c', user('#include "line.h"', 'fd = fd >= 0').replace('use', 'lost'))
    for order in itertools.permutations(['a_win.c', 'b_unix.c', 'use.c', 'lost.c']):
        expect([r[:2] for r in lines(*order)], [('L1', 'lost.c')], ' '.join(order))


@test
def of_several_definitions_only_what_all_do_is_certain():
    put('one.c', '#include <unistd.h>\nint done(int fd) { return close(fd); }\n')
    put('two.c', 'int done(int fd) { return fd > 2; }\n')
    put('use/use.c', user('int done(int fd);', 'done(fd)'))
    put('use/again.c', user('int done(int fd);', 'done(fd);\n\tclose(fd)').replace('use', 'again'))
    expect(lines('.'), [], 'one closes, the other does not: neither a leak nor a double close')
    os.remove('two.c')
    expect([r[:2] for r in lines('.')], [('L4', 'use/again.c')], 'all of them close')
    put('two.c', 'int done(int fd) { return fd > 2; }\n')
    os.remove('one.c')
    expect([r[:2] for r in lines('.')], [('L1', 'use/use.c')], 'none does')


@test
def a_stand_in_for_a_function_of_the_system_hides_nothing():
    put('compat.c', '#include <sys/socket.h>\nint accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)\n'
        '{\n\treturn flags ? -1 : other(fd, a, n);\n}\n')
    put('use.c', user('#include <sys/socket.h>', '(void)fd').replace(
        'open(path, O_RDONLY | O_CLOEXEC)', 'accept4(*path, NULL, NULL, SOCK_CLOEXEC)'))
    alone = lines('use.c')
    expect([r[0] for r in alone], ['L3'], 'alone')
    expect(lines('.'), alone, 'with a definition of accept4()')
    put('own.c', user('static int accept4(const char *path)\n{\n\treturn path[0];\n}', '(void)fd').replace(
        'open(path, O_RDONLY | O_CLOEXEC)', 'accept4(path)'))
    expect(lines('own.c'), [], 'a function of its own that has that name')


TAKE = '''#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int take(int fd)
{
	char in[64], out[16];
	unsigned n;

	if (recv(fd, in, sizeof(in), MSG_WAITALL) != sizeof(in))
		return -1;
	%s;
	return out[0];
}
'''

# What a file does, the rule, and a definition of the function it needs that another file has.
STAND_INS = [
    ('memcpy(&n, in, 4);\n\tmemcpy(out, in, ntohl(n))', 'N5', 'uint32_t ntohl(uint32_t n) { return other(n); }'),
    ('memcpy(&n, in, 4);\n\tmemcpy(out, in, be32toh(n))', 'N5', 'unsigned be32toh(unsigned n) { return n ^ 5; }'),
    ('memcpy(&n, in, 4);\n\tmemcpy(out, in, n)', 'N5',
     'void *memcpy(void *to, const void *from, size_t n) { return work(to, from, n); }'),
    ('in[63] = 0;\n\tmemcpy(out, in, (size_t)atoi(in))', 'N5', 'int atoi(const char *s) { return work(s); }'),
    ('in[63] = 0;\n\tsystem(in)', 'N2', 'int system(const char *s) { return work(s); }'),
    ('in[63] = 0;\n\tprintf(in)', 'N1', 'int printf(const char *s, ...) { return work(s); }'),
    ('in[63] = 0;\n\tremove(in)', 'N3', 'int remove(const char *s) { return work(s); }'),
    ('n = strlen(in)', 'N4', 'size_t strlen(const char *s) { return work(s); }'),
]


@test
def no_definition_of_a_known_name_hides_what_is_known():
    for body, rule, definition in STAND_INS:
        put('take.c', TAKE % body)
        put('compat.c', '#include <stddef.h>\n#include <stdint.h>\n' + definition + '\n')
        alone = lines('take.c')
        expect([r[0] for r in alone if r[0][0] == 'N'], [rule], 'alone, ' + body)
        for order in (['take.c', 'compat.c'], ['compat.c', 'take.c'], ['.']):
            expect([r for r in lines(*order) if r[1] == 'take.c'], alone, ' '.join(order) + ', ' + definition)
        put('compat.c', '')
        put('take.c', TAKE.replace('int take', '#include <stdint.h>\n%s\nint take') % (definition, body))
        expect([r[0] for r in lines('take.c') if r[0][0] == 'N'], [rule], 'in the same file, ' + definition)


@test
def a_function_that_takes_something_else_is_not_the_known_one():
    for body, definition in (('remove(in[0])', 'struct list { int n; };\nint remove(int key) { return key + 1; }'),
                             ('memcpy(&n, in, 4);\n\tsend_it(ntohl(n, in))',
                              'unsigned ntohl(unsigned n, const char *in) { return n & in[0]; }'),
                             ('in[63] = 0;\n\tsystem((struct game *)in)',
                              'struct game { int n; };\nint system(struct game *g) { return g->n; }')):
        put('take.c', TAKE.replace('int take', '%s\nint take') % (definition, body))
        expect([r[0] for r in lines('take.c') if r[0][0] == 'N'], [], definition)


@test
def a_class_of_the_knowledge_is_that_class_also_where_a_test_defines_it():
    put('use.cpp', '#include <QTcpServer>\nvoid serve(QTcpServer *s)\n{\n\tQTcpSocket *c = '
        's->nextPendingConnection();\n\n\tc->write("hello");\n}\n')
    alone = lines('use.cpp')
    expect('E2' in [r[0] for r in alone], True, 'E2 alone, of %r' % alone)
    put('fake.cpp', '#include "fake.h"\nQTcpSocket *QTcpServer::nextPendingConnection()\n{\n\treturn made;\n}\n')
    expect([r for r in lines('.') if r[1] == 'use.cpp'], alone, 'with a definition')


@test
def the_order_of_the_arguments_does_not_matter():
    where = os.path.join(HERE, 'set')
    files = sorted(os.path.join(where, name) for name in os.listdir(where) if name.endswith(('.c', '.cpp')))
    want = lines(*files)
    expect(len(want) > 50, True, 'findings of the labelled set')
    expect(lines(*reversed(files)), want, 'the other way round')
    expect(lines(*files[1::2], *files[::2]), want, 'every second one first')
    expect(lines(*files, files[0]), want, 'one of them twice')


@test
def a_file_that_is_given_by_two_paths_is_reviewed_once():
    put('a.c', user('', '(void)fd'))
    os.symlink('a.c', 'b.c')
    os.mkdir('d')
    expect(lines('a.c', 'd/../a.c', 'b.c', './a.c'), [('L1', 'a.c', 6)], 'findings')


ARRIVAL = '''#include <QLocalServer>
#include <QLocalSocket>
static QLocalServer server;
static void arrived()
{
    QLocalSocket *client = server.nextPendingConnection();

    client->write("hello\\n");
    QObject::connect(client, &QLocalSocket::disconnected, client, &QObject::deleteLater);
}
int main()
{
    %s;
}
'''


@test
def a_slot_of_the_same_name_in_another_program_is_another():
    put('listen/main.cpp', ARRIVAL % 'QObject::connect(&server, &QLocalServer::newConnection, &arrived)')
    put('guess/main.cpp', ARRIVAL % 'arrived()')
    found = [('E2', 'guess/main.cpp', 8)]
    for order in (('listen', 'guess'), ('guess', 'listen')):
        expect([e for e in lines(*order) if e[0] == 'E2'], found, 'the one whose signal nobody handles')


@test
def a_slot_that_another_file_connects_is_a_slot():
    put('connect/slots.cpp', (ARRIVAL % 'return 0').replace('static ', '').split('int main')[0])
    put('connect/main.cpp', '''#include <QLocalServer>
void arrived();
extern QLocalServer server;
int main()
{
    QObject::connect(&server, &QLocalServer::newConnection, &arrived);
}
''')
    expect([e for e in lines('connect') if e[0] == 'E2'], [], 'a connection is there')


@test
def the_summary_says_what_was_silenced():
    put('a.c', user('void hang_up(int fd);', 'hang_up(fd)'))
    put('b.c', user('', 'MAYBE_LATER {\n\t\tclose(fd);\n\t}'))
    put('c.c', user('', '(void)0').replace('int fd', 'my_guard int fd'))
    keys = ['silent_for_unknown_' + what for what in ('calls', 'blocks', 'words')]
    for path, want in (('a.c', [1, 0, 0]), ('b.c', [0, 1, 0]), ('c.c', [0, 0, 1])):
        run = review(path)
        expect(run['findings'], [], path)
        expect([run['summary'][key] for key in keys], want, 'summary of ' + path)


@test
def macros_that_grow_without_end_cost_little():
    text = '#define A0(x) x x x x x x x x\n'
    for i in range(1, 40):
        text += '#define A%d(x) A%d(A%d(x))\n' % (i, i - 1, i - 1)
    text += 'int f(void) { A39(;) return 0; }\n' * 200
    text += '#define R(x) S(x) R(x)\n#define S(x) R(x) S(x)\nint g(void) { R(R(R(1))); return 0; }\n'
    text += '#define O(\n#define P(a, a...) #a ## a\n#define Q(...) __VA_OPT__( __VA_ARGS__\n'
    text += 'int h(void) { O(1); P(1, 2, 3); Q(1); P(; }\n' + 'P(' * 3000 + '\n'
    put('grow.c', text + '#define LAST\\')
    begin = time.monotonic()
    review('grow.c')
    expect(time.monotonic() - begin < 20, True, 'it ends soon')


@test
def headers_that_include_each_other_end():
    put('a.h', '#include "b.h"\n#define shut(fd) close(fd)\n')
    put('b.h', '#include "a.h"\n#include "b.h"\n#include "../%s/a.h"\n' % os.path.basename(os.getcwd()))
    put('use.c', user('#include "b.h"', 'shut(fd)'))
    expect(lines('use.c'), [], 'findings')


sys.exit(run_tests())
