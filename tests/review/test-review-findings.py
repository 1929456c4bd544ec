#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a finding is: one per root, with its places; its severity beside tests; its fix, in words and as edits. TAP.

    test-review-findings.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from recipes import edits  # noqa: E402
from reviewing import reviewer, run_tests, test  # noqa: E402


def run(*args):
    done = subprocess.run(reviewer() + list(args), capture_output=True, timeout=60)
    if done.returncode not in (0, 1):
        raise AssertionError('%r: status %d: %s' % (args, done.returncode, done.stderr.decode('utf-8', 'replace')))
    return done.returncode, done.stdout.decode('utf-8')


def findings(*args):
    return json.loads(run('--format', 'json', *args)[1])['findings']


def put(path, text):
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)
    return path


def expect(got, want, what):
    if got != want:
        raise AssertionError('%s: got %r, not %r' % (what, got, want))


def leak(name='leak', ways=1):
    """A socket that `ways` ways out leave open, and one closes."""
    return '''#include <sys/socket.h>
#include <unistd.h>
int %s(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
%s	if (connect(fd, a, n) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}
''' % (name, ''.join('\tif (n == %d)\n\t\treturn -%d;\n' % (i, i + 2) for i in range(ways)))


# Below tests, examples and benchmarks

@test
def below_a_folder_of_tests_examples_or_benchmarks_a_finding_is_advice():
    for folder in ('tests', 'test', 'examples', 'example', 'bench', 'benchmarks'):
        put('project/%s/inner/leak.c' % folder, leak())
        status, _ = run('project/' + folder)
        expect(status, 1, 'a folder of that name that is asked for by itself, %s' % folder)
        status, _ = run('project')
        expect((status, {f['severity'] for f in findings('project')}), (0, {'advice'}), 'below ' + folder)
        shutil.rmtree('project')


@test
def in_a_file_whose_name_says_that_it_is_a_test_a_finding_is_advice():
    for name, severity in (('router_test.c', 'advice'), ('tst_router.c', 'advice'), ('router-test.c', 'advice'),
                           ('RouterTest.c', 'advice'), ('testrouter.c', 'advice'),
                           ('contest.c', 'error'), ('test.c', 'error')):
        put('project/src/' + name, leak())
        expect({f['severity'] for f in findings('project')}, {severity}, name)
        expect({f['severity'] for f in findings('project/src/' + name)}, {'error'}, name + ' itself')
        shutil.rmtree('project')


@test
def tests_gives_them_the_severity_of_other_code():
    put('project/tests/leak.c', leak())
    put('project/src/leak.c', leak())
    put('project/contest/leak.c', leak())
    for args, want in (((), ['error', 'error', 'advice']), (('--tests',), ['error', 'error', 'error'])):
        got = {f['file']: f['severity'] for f in findings(*args, 'project')}
        expect([got['project/%s/leak.c' % d] for d in ('src', 'contest', 'tests')], want, ' '.join(args) or 'without')
    shutil.rmtree('project/src')
    shutil.rmtree('project/contest')
    expect(run('--tests', 'project')[0], 1, 'status with the option')
    expect(run('project')[0], 0, 'status without')
    expect(findings('--min-severity', 'warning', 'project'), [], 'advice is left out with the rest')


# One finding for each root

@test
def ways_out_that_lose_one_descriptor_are_one_finding_with_its_places():
    put('three.c', leak(ways=3))
    one, = findings('three.c')
    lines = open('three.c').read().splitlines()
    expect(lines[one['line'] - 1].strip(), 'return -2;', 'the first')
    expect([(p['file'], lines[p['line'] - 1].strip(), lines[p['line'] - 1][p['column'] - 1:]) for p in one['places']],
           [('three.c', 'return -3;', 'return -3;'), ('three.c', 'return -4;', 'return -4;')], 'the others')
    expect(len({one['key']} | {p['key'] for p in one['places']}), 3, 'different keys')
    _, text = run('three.c')
    expect(text.count(' error L1 '), 1, 'findings in the text')
    expect(re.findall(r'Likewise on line ([\d, ]+)\.', text), ['%d, %d' % tuple(p['line'] for p in one['places'])],
           'its places in the text')
    result, = json.loads(run('--format', 'sarif', 'three.c')[1])['runs'][0]['results']
    related = [p['physicalLocation']['region']['startLine'] for p in result['relatedLocations']]
    expect([p['line'] for p in one['places'] if p['line'] not in related], [], 'places that SARIF lacks')


@test
def a_finding_with_one_place_lists_no_others():
    put('one.c', leak())
    one, = findings('one.c')
    expect('places' in one, False, 'places')


@test
def two_descriptors_are_two_findings_in_one_function_too():
    put('two.c', leak('first', 2) + leak('second', 2))
    expect([(f['function'], len(f['places'])) for f in findings('two.c')], [('first', 1), ('second', 1)], 'functions')
    put('both.c', '''#include <fcntl.h>
#include <unistd.h>
int both(const char *a, const char *b)
{
	int in = open(a, O_RDONLY | O_CLOEXEC), out;

	if (in < 0)
		return -1;
	out = open(b, O_WRONLY | O_CLOEXEC);
	if (out < 0)
		return -1;
	if (lseek(in, 0, SEEK_END) < 0) {
		close(in);
		return -1;
	}
	close(out);
	return in;
}
''')
    found = findings('both.c')
    expect(sorted(re.search('`(.*?)`', f['message']).group(1) for f in found), ['in', 'out'], 'names')
    expect([f.get('places') for f in found], [None, None], 'places')


@test
def bytes_without_a_terminator_are_one_finding_wherever_they_go():
    put('text.c', '''#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
size_t take(int fd, int loud)
{
	char text[64];

	if (recv(fd, text, sizeof(text), 0) <= 0)
		return 0;
	if (loud)
		puts(text);
	else
		return strlen(text);
	return 1;
}
''')
    one, = findings('--only', 'N4', 'text.c')
    lines = open('text.c').read().splitlines()
    expect([lines[n - 1].strip() for n in [one['line']] + [p['line'] for p in one['places']]],
           ['puts(text);', 'return strlen(text);'], 'places')


@test
def a_baseline_knows_places_and_a_new_place_is_told():
    put('grows.c', leak(ways=2))
    put('base.json', run('--format', 'json', 'grows.c')[1])
    expect(findings('--baseline', 'base.json', 'grows.c'), [], 'nothing new')
    put('grows.c', leak(ways=3))
    new, = findings('--baseline', 'base.json', 'grows.c')
    expect(open('grows.c').read().splitlines()[new['line'] - 1].strip(), 'return -4;', 'the new one')
    expect('places' in new, False, 'places that are not new')


@test
def the_key_of_a_finding_has_nothing_of_its_words():
    # So a baseline outlives a change of what messages say.
    put('same.c', leak())
    one, = findings('same.c')
    expect(bool(re.fullmatch(r'L1 same\.c [0-9a-f]{16}', one['key'])), True, one['key'])


# What was said once

LOOP = '''#include <QIODevice>
class Frames {
public:
    explicit Frames(QIODevice *line) : m_line(line) {}
    QByteArray all(int length)
    {
        QByteArray all;

        if (!m_line->waitForReadyRead(1000))
            return all;
        while (all.length() < length) {%s
            if (!m_line->bytesAvailable())
                m_line->waitForReadyRead(1000);
            all.append(m_line->read(length - all.length()));
        }
        return all;
    }
    QIODevice *m_line;
};
'''


@test
def a_loop_that_is_suppressed_or_not_asked_for_does_not_bring_up_the_next_rule():
    put('loop.cpp', LOOP % '')
    expect([f['rule'] for f in findings('loop.cpp')], ['W1'], 'the loop')
    expect([f['rule'] for f in findings('--except', 'W1', 'loop.cpp')], [], 'without W1')
    expect([f['rule'] for f in findings('--only', '703', 'loop.cpp')], [], 'of another pillar alone')
    put('quiet.cpp', LOOP % ' // postern-review: ignore W1 the caller ends it')
    expect([f['rule'] for f in findings('quiet.cpp')], [], 'suppressed')


ATTEMPT = '''#include <sys/socket.h>
#include <unistd.h>
void serve(int s)
{
	int client = accept4(s, 0, 0, SOCK_CLOEXEC);

	send(client, "x", 1, MSG_NOSIGNAL);%s
	dup(client);
	close(client);
}
'''


@test
def the_second_use_of_what_failed_is_not_told_in_place_of_a_first_that_is_suppressed():
    put('use.c', ATTEMPT % '')
    expect([f['line'] for f in findings('--only', 'E2', 'use.c')], [7], 'the first use')
    put('quiet.c', ATTEMPT % ' // postern-review: ignore E2 a test that has descriptors')
    expect([f['line'] for f in findings('--only', 'E2', 'quiet.c')], [], 'suppressed')


# Fixes

CERTAIN = {
    'E1': ('''#include <uv.h>
int open_door(uv_stream_t *door, uv_connection_cb come)
{
	return uv_listen(door, 8, come) == -1 ? 1 : 0;
}
''', 'return uv_listen(door, 8, come) < 0 ? 1 : 0;'),
    'N1': ('''#include <sys/socket.h>
#include <syslog.h>
void note(int fd)
{
	char text[100];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\\0';
	/* ä */ syslog(LOG_INFO, text);
}
''', '/* ä */ syslog(LOG_INFO, "%s", text);'),
    'L6': ('''#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
int ask(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, a, n) < 0 || system("true") != 0) {
		close(fd);
		return -1;
	}
	return fd;
}
''', 'int fd = socket(AF_UNIX, SOCK_CLOEXEC | SOCK_STREAM, 0);'),
    'L3': ('''#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>
void served(evutil_socket_t listener, short what, void *base)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bufferevent *b;

	if (fd < 0)
		return;
	b = bufferevent_socket_new(base, fd, 0);
	bufferevent_enable(b, EV_READ);
}
''', 'b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);'),
}


@test
def edits_change_the_text_as_the_fix_says_and_the_finding_is_gone():
    for rule, (source, line) in sorted(CERTAIN.items()):
        put('edit.c', source)
        one, = findings('--only', rule, 'edit.c')
        expect(all(set(e) == {'line', 'column', 'end_line', 'end_column', 'text'} for e in one['edits']), True, 'members')
        after = edits(source, one, one['edits'])
        changed = [(a.strip(), b.strip()) for a, b in zip(source.split('\n'), after.split('\n')) if a != b]
        expect([b for _, b in changed], [line], rule + ': the lines that change')
        put('edit.c', after)
        expect(findings('--only', rule, 'edit.c'), [], rule + ': findings afterwards')


@test
def a_fix_that_leaves_a_choice_has_no_edits():
    with_edits, rules = set(), set()
    for path in sorted(glob.glob(os.path.join(HERE, 'snippets', '*', '*'))):
        # Each by itself: who starts programs is asked over all that is given.
        for f in findings('--tests', path):
            rules.add(f['rule'])
            if 'edits' in f:
                with_edits.add(f['rule'])
                expect(all(e['text'] for e in f['edits']), True, 'text')
    expect(with_edits, set(CERTAIN), 'rules with edits')
    expect(len(rules), 23, 'rules with findings')


def manual():
    with open(os.path.join(HERE, '..', '..', 'man', 'postern-review.1'), encoding='utf-8') as f:
        return f.read()


@test
def a_finding_in_json_has_the_fields_that_the_manual_lists():
    listed = re.search(r'^{ "findings": \[ { (.*?)"places": \[ { (.*?)} \],\n *"edits": \[ { (.*?)} \] } \],', manual(), re.M | re.S)
    own, place, edit = (set(re.findall(r'"(\w+)"', part)) for part in listed.groups())
    made = findings('--tests', os.path.join(HERE, 'snippets'))
    expect(set().union(*made) ^ own, {'places', 'edits'}, 'fields of findings')
    for name, fields in (('places', place), ('edits', edit)):
        lists = [f[name] for f in made if name in f]
        expect({name: set().union(*(one for some in lists for one in some))}, {name: fields}, 'fields of ' + name)
    expect([f for f in made if not f['fix']], [], 'findings without a fix')


# What is slight is advice

HEAD = '''#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
'''
READ_SIZE = '''static int size_of(const char *path)
{
	FILE *f = fopen(path, "re");
	int n;

	if (!f)
		return -1;
	if (fscanf(f, "%d", &n) != 1)
		return -1;
	fclose(f);
	return n;
}
'''
ASK = '''static int ask(int fd, const char *word)
{
	char *line = malloc(strlen(word) + 2);

	if (!line)
		return -1;
	strcpy(line, word);
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return -1;
	free(line);
	return 0;
}
'''
CLOSE_TWICE = '''static int tell(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int n = -1;

	if (fd < 0)
		return -1;
	if (strlen(text) > 100)
		goto out;
	n = (int)write(fd, text, strlen(text));
	close(fd);
%s	if (n < 3)
		goto out;
	return 0;
out:
	close(fd);
	return -1;
}
int main(int argc, char **argv)
{
%s	return argc > 1 && tell(argv[1], "hello") < 0;
}
'''
SLIGHT = [
    ('a write is tested for failure on a stream that blocks', 'E3', 'advice', '''
int tell(const struct sockaddr *a, socklen_t n, const char *text)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, a, n) < 0 || send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		exit(1);
	return fd;
}
'''),
    ('… and on one that does not block', 'E3', 'warning', '''
int tell(const struct sockaddr *a, socklen_t n, const char *text)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, a, n) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		exit(1);
	return fd;
}
'''),
    ('a write whose result is ignored is the last one before the end', 'E3', 'advice', '''
struct conn { int fd; };
static void drop(struct conn *c)
{
	close(c->fd);
	free(c);
}
void refuse(struct conn *c)
{
	send(c->fd, "busy", 4, MSG_NOSIGNAL);
	drop(c);
}
'''),
    ('… also of one that does not block', 'E3', 'advice', '''
struct conn { int fd; };
static void drop(struct conn *c)
{
	if (c != NULL) {
		close(c->fd);
		free(c);
	}
}
int refuse(struct conn *c)
{
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	send(c->fd, "busy", 4, MSG_NOSIGNAL);
	drop(c);
	return -1;
}
'''),
    ('… and the next read shows it', 'E3', 'advice', '''
size_t ask(int fd, const char *text, char *answer, size_t size)
{
	ssize_t n;

	send(fd, text, strlen(text), MSG_NOSIGNAL);
	n = recv(fd, answer, size, 0);
	return n < 0 ? 0 : (size_t)n;
}
'''),
    ('… and the program does something else', 'E3', 'advice', '''
void tell(int fd, const char *text)
{
	send(fd, text, strlen(text), MSG_NOSIGNAL);
}
'''),
    ('… and it sends on and on', 'E3', 'warning', '''
void copy(int fd, int file)
{
	char part[4096];
	ssize_t n;

	while ((n = read(file, part, sizeof(part))) > 0)
		send(fd, part, (size_t)n, MSG_NOSIGNAL);
}
'''),
    ('a limit for reads is set without a look', 'E1', 'advice', '''
void limit(int fd)
{
	struct timeval tv = { .tv_sec = 5 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}
'''),
    ('listen() is', 'E1', 'warning', '''
void begin(int fd)
{
	listen(fd, 8);
}
'''),
    ('what opens fails only for want of memory', 'E2', 'advice', '''
#include <event2/bufferevent.h>
void take(struct event_base *base, int fd)
{
	struct bufferevent *b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);

	bufferevent_enable(b, EV_READ);
}
'''),
    ('the caller ends the program when it is left open', 'L1', 'advice', '''
static int begin(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, a, n) < 0)
		return -1;
	return fd;
}
void ask(const struct sockaddr *a, socklen_t n)
{
	int fd = begin(a, n);

	if (fd < 0)
		exit(1);
	close(fd);
}
'''),
    ('the caller tries again', 'L1', 'error', '''
static int begin(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, a, n) < 0)
		return -1;
	return fd;
}
void ask(const struct sockaddr *a, socklen_t n)
{
	for (int i = 0; i < 5; i++) {
		int fd = begin(a, n);

		if (fd >= 0) {
			close(fd);
			return;
		}
		sleep(1);
	}
	exit(1);
}
'''),
    ('only the failure of calloc() leaves it open', 'L1', 'advice', '''
struct link *begin(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct link *link;

	if (fd < 0)
		return NULL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;
	link->fd = fd;
	return link;
}
'''),
    ('a check leaves it open too', 'L1', 'error', '''
struct link *begin(const char *path, int kind)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct link *link;

	if (fd < 0)
		return NULL;
	link = calloc(1, sizeof(*link));
	if (!link || kind > 7)
		return NULL;
	link->fd = fd;
	return link;
}
'''),
    ('a command leaves a file open', 'L1', 'advice', READ_SIZE + '''
int main(int argc, char **argv)
{
	int n = argc > 1 ? size_of(argv[1]) : 0;

	if (n < 0)
		fprintf(stderr, "no size\\n");
	else
		printf("%d\\n", n);
	return 0;
}
'''),
    ('a command does it for each of its words that is no such file', 'L1', 'advice', READ_SIZE + '''
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("%d\\n", size_of(argv[i]));
	return 0;
}
'''),
    ('a command does it for each of its words', 'L1', 'error', '''static int first_of(const char *path)
{
	FILE *f = fopen(path, "re");

	return f ? fgetc(f) : -1;
}
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("%d\\n", first_of(argv[i]));
	return 0;
}
'''),
    ('a command does it for each of many files', 'L1', 'error', READ_SIZE + '''
int main(void)
{
	char name[64];

	while (scanf("%63s", name) == 1)
		printf("%d\\n", size_of(name));
	return 0;
}
'''),
    ('a word of a command does it, which a table names', 'L1', 'advice', READ_SIZE + '''
static int show(int argc, char **argv)
{
	return argc > 1 ? size_of(argv[1]) : 0;
}
static const struct word { const char *name; int (*run)(int, char **); } words[] = { { "show", show } };
int main(int argc, char **argv)
{
	for (int i = 0; argc > 1 && i < 1; i++)
		if (!strcmp(argv[1], words[i].name))
			printf("%d\\n", words[i].run(argc - 1, argv + 1));
	return 0;
}
'''),
    ('a server does it before it serves', 'L1', 'advice', READ_SIZE + '''
int main(int argc, char **argv)
{
	int n = argc > 1 ? size_of(argv[1]) : 0, door = named("sizes"), fd;

	if (n < 0)
		fprintf(stderr, "no size\\n");
	if (listen(door, 8) < 0)
		return 1;
	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		hand_over(fd, n);
	return 0;
}
'''),
    ('a server does it for each client', 'L1', 'error', READ_SIZE + '''
int main(int argc, char **argv)
{
	int door = named("sizes"), fd;

	if (listen(door, 8) < 0)
		return 1;
	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		hand_over(fd, argc > 1 ? size_of(argv[1]) : 0);
	return 0;
}
'''),
    ('a command loses a line', 'L7', 'advice', ASK + '''
int main(int argc, char **argv)
{
	int fd = named("sizes");

	for (int i = 1; i < argc; i++)
		if (ask(fd, argv[i]) < 0)
			fprintf(stderr, "not sent\\n");
	return 0;
}
'''),
    ('a server loses a line', 'L7', 'warning', ASK + '''
int main(void)
{
	int door = named("sizes"), fd;

	if (listen(door, 8) < 0)
		return 1;
	while ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (ask(fd, "hello") < 0)
			fprintf(stderr, "not sent\\n");
		close(fd);
	}
	return 0;
}
'''),
    ('a server loses a line once', 'L7', 'advice', ASK + '''
int main(void)
{
	int door = named("sizes");

	if (ask(door, "hello") < 0)
		fprintf(stderr, "not sent\\n");
	if (listen(door, 8) < 0)
		return 1;
	return serve(door, 0);
}
'''),
    ('nothing is opened between two closes', 'L4', 'advice', CLOSE_TWICE % ('', '')),
    ('something is opened between two closes', 'L4', 'error',
     CLOSE_TWICE % ('\tint log = open("log", O_WRONLY | O_CLOEXEC);\n\tif (log >= 0)\n\t\tkeep(log);\n', '')),
    ('another thread may open between two closes', 'L4', 'error',
     CLOSE_TWICE % ('', '\tpthread_t t;\n\tif (pthread_create(&t, NULL, work, NULL) != 0)\n\t\treturn 1;\n\tpthread_detach(t);\n')),
]
QT_OWNER = '''#include <QLocalSocket>
bool ask(const QString &name)
{
	QLocalSocket *socket = new QLocalSocket;
	socket->connectToServer(name);
	bool there = socket->waitForConnected(250);
%s	delete socket;
	return there;
}
'''


@test
def what_has_a_slight_consequence_is_advice_and_its_twin_is_not():
    for what, rule, severity, text in SLIGHT:
        put('one.c', HEAD + text)
        got = {f['severity'] for f in findings('one.c') if f['rule'] == rule}
        expect(got, {severity}, what)


QT_MEMBER = '''#include <QTcpSocket>
class Client : public QObject {
public:
	Client();
private:
	QTcpSocket *m_socket;
};
Client::Client()
{
	m_socket = new QTcpSocket;
}
%s
{
	Client *client = new Client;
	return client != nullptr;
}
'''


@test
def a_member_of_an_object_that_only_main_makes_is_advice():
    for maker, severity in (('int main(int argc, char **argv)', 'advice'), ('bool begin()', 'warning')):
        put('one.cpp', QT_MEMBER % maker)
        expect({f['severity'] for f in findings('one.cpp') if f['rule'] == 'L2'}, {severity}, maker)


@test
def an_owner_that_nothing_but_an_exception_passes_by_is_advice():
    for between, severity in (('', 'advice'), ('\tif (!there)\n\t\treturn false;\n', 'warning')):
        put('one.cpp', QT_OWNER % between)
        expect({f['severity'] for f in findings('one.cpp') if f['rule'] == 'L2'}, {severity}, 'with %r' % between)


@test
def the_severity_of_each_rule_and_what_it_is_for_is_in_the_documents():
    _, listed = run('--rules')
    rules = re.findall(r'^  ([LWNE]\d) +(\w+) .*\n +(\S.*)$', listed, re.M)
    with open(os.path.join(HERE, '..', '..', 'docs', 'REVIEW.md'), encoding='utf-8') as f:
        table = re.findall(r'^\| ([LWNE]\d) \| (error|warning|advice) \| ([^|]+) \|', f.read(), re.M)
    expect(len(rules), 23, 'rules that are listed')
    expect([t for t in table if t not in rules] + [r for r in rules if r not in table], [], 'rows that differ')


@test
def the_manual_has_the_severity_and_the_cwe_numbers_of_each_rule_in_the_order_of_the_list():
    _, listed = run('--rules')
    rules = [(r, s, c.split(',')) for r, s, c in re.findall(r'^  ([LWNE]\d) +(\w+) +CWE-(\S+)', listed, re.M)]
    rows = [(r, s, c.split(', ')) for r, s, c in re.findall(r'^\.It ([LWNE]\d) Ta (\w+) Ta ([\d, ]+) Ta ', manual(), re.M)]
    expect(len(rules), 23, 'rules that are listed')
    expect([r for r in rows if r not in rules] + [r for r in rules if r not in rows], [], 'rows that differ')
    expect([row[0] for row in rows], [rule[0] for rule in rules], 'the order')


if __name__ == '__main__':
    sys.exit(run_tests())
