#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Failures of one call that matter little, and classes of which nobody makes an object, each with its twin. TAP.

    test-review-mild.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reviewing import Run, expect_equal, put, run_tests, test  # noqa: E402

HEAD = '''#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
'''
MILD = [
    ('an address is chosen to send from', 'E1', 'advice', '''
int call(int s, const struct sockaddr *from, const struct sockaddr *to, const char *text)
{
	bind(s, from, 16);
	return sendto(s, text, strlen(text), MSG_NOSIGNAL, to, 16) < 0 ? -1 : 0;
}
'''),
    ('… and one at which others are waited for', 'E1', 'warning', '''
int hear(int s, const struct sockaddr *at, struct sockaddr *from, socklen_t *n, char *text)
{
	bind(s, at, 16);
	return recvfrom(s, text, 64, 0, from, n) < 0 ? -1 : 0;
}
'''),
    ('an address is chosen to connect from', 'E1', 'advice', '''
int dial(int s, const struct sockaddr *from, const struct sockaddr *to)
{
	bind(s, from, 16);
	return connect(s, to, 16) < 0 ? -1 : s;
}
'''),
    ('it is bound once more, and that is tested', 'E1', 'advice', '''
int place(int s, const struct sockaddr *one, const struct sockaddr *other)
{
	bind(s, one, 16);
	if (bind(s, other, 16) < 0)
		return -1;
	return s;
}
'''),
    ('nothing in the file shows that the descriptor does not block', 'E3', 'advice', '''
int tell(const int *clients, const char *text)
{
	return send(clients[0], text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : 0;
}
'''),
    ('… and something does, of others', 'E3', 'warning', '''
void quicken(int s)
{
	fcntl(s, F_SETFL, O_NONBLOCK);
}
int tell(const int *clients, const char *text)
{
	return send(clients[0], text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : 0;
}
'''),
    ('… or of this one', 'E3', 'warning', '''
int tell(int s, const char *text)
{
	fcntl(s, F_SETFL, O_NONBLOCK);
	return send(s, text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : 0;
}
'''),
    ('the test of a call that hardly fails cannot see it', 'E1', 'advice', '''
int prepare(pthread_attr_t *how)
{
	if (pthread_attr_setdetachstate(how, PTHREAD_CREATE_DETACHED) < 0)
		return -1;
	return 0;
}
'''),
    ('… and of one that fails', 'E1', 'warning', '''
int begin(pthread_t *thread, void *(*run)(void *))
{
	if (pthread_create(thread, NULL, run, NULL) < 0)
		return -1;
	return 0;
}
'''),
    ('it waits until it can write', 'W3', 'advice', '''
int put(int s, const char *text)
{
	struct pollfd p = { .fd = s };

	p.events = POLLOUT;
	if (poll(&p, 1, -1) < 0)
		return -1;
	return send(s, text, 4, MSG_NOSIGNAL) == 4 ? 0 : -1;
}
'''),
    ('… or until the server has taken the connection', 'W3', 'warning', '''
int dial(int s, const struct sockaddr *to)
{
	struct pollfd p = { .fd = s };

	p.events = POLLOUT;
	if (connect(s, to, 16) < 0 && poll(&p, 1, -1) < 0)
		return -1;
	return s;
}
'''),
    ('… or until something comes', 'W3', 'warning', '''
int get(int s, char *text)
{
	struct pollfd p = { .fd = s };

	p.events = POLLIN;
	if (poll(&p, 1, -1) < 0)
		return -1;
	return recv(s, text, 4, 0) == 4 ? 0 : -1;
}
'''),
    ('a byte comes or does not', 'E3', None, '''
int get(int s)
{
	char c;

	if (recv(s, &c, sizeof(char), 0) < 1)
		return -1;
	return c;
}
'''),
    ('… and a number in parts', 'E3', 'warning', '''
int get(int s)
{
	int n;

	if (recv(s, &n, sizeof(n), 0) < 1)
		return -1;
	return n;
}
'''),
    ('after EAGAIN it is the turn of the next', 'W2', None, '''
struct to { struct sockaddr at; struct to *next; };
void tell(int s, const struct to *all, const char *text)
{
	for (const struct to *it = all; it; it = it->next)
		if (sendto(s, text, 4, MSG_DONTWAIT, &it->at, 16) < 0) {
			if (errno == EAGAIN)
				continue;
			break;
		}
}
'''),
    ('… or of the same again', 'W2', 'warning', '''
void tell(int s, const char *text)
{
	while (send(s, text, 4, MSG_DONTWAIT) < 0) {
		if (errno == EAGAIN)
			continue;
		break;
	}
}
'''),
    ('what its name says is given the path', 'L5', None, '''
int serve(int s, struct sockaddr_un *at)
{
	strcpy(at->sun_path, "/run/tell.sock");
	sys_delete_file(at->sun_path);
	if (bind(s, (struct sockaddr *)at, sizeof(*at)) < 0)
		return -1;
	return listen(s, 8);
}
'''),
    ('… or another one', 'L5', 'warning', '''
int serve(int s, struct sockaddr_un *at, const char *lock)
{
	strcpy(at->sun_path, "/run/tell.sock");
	sys_delete_file(lock);
	if (bind(s, (struct sockaddr *)at, sizeof(*at)) < 0)
		return -1;
	return listen(s, 8);
}
'''),
    ('two ways to write one path', 'L5', 'advice', '''
int serve(int s, struct sockaddr_un *at)
{
	unlink("tell.sock");
	strcpy(at->sun_path, "./tell.sock");
	if (bind(s, (struct sockaddr *)at, sizeof(*at)) < 0)
		return -1;
	return listen(s, 8);
}
'''),
    ('a program that system() waits for', 'L6', 'advice', '''
void serve(int s)
{
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0)
			return;
		system("sync");
		close(c);
	}
}
'''),
    ('… and one that stays', 'L6', 'warning', '''
void serve(int s)
{
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0)
			return;
		system("camd &");
		close(c);
	}
}
'''),
    ('the loop that accepts serves, and closes', 'E7', 'advice', '''
void serve(int s, char *text)
{
	ssize_t n;

	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0) {
			perror("accept");
			continue;
		}
		while ((n = read(c, text, 64)) > 0)
			write(1, text, n);
		if (n < 0)
			exit(1);
		else if (n == 0)
			close(c);
	}
}
'''),
    ('… or leaves one open', 'E7', 'warning', '''
void serve(int s, char *text)
{
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0) {
			perror("accept");
			continue;
		}
		if (read(c, text, 64) < 0)
			continue;
		close(c);
	}
}
'''),
    ('… or has several, by their numbers', 'E7', 'warning', '''
static char *of[FD_SETSIZE];
void serve(int s, fd_set *wanted, char *(*new_state)(void))
{
	for (;;) {
		fd_set ready = *wanted;

		select(FD_SETSIZE, &ready, NULL, NULL, NULL);
		if (FD_ISSET(s, &ready)) {
			int c = accept(s, NULL, NULL);

			if (c < 0)
				perror("accept");
			else if (c >= FD_SETSIZE)
				close(c);
			else
				of[c] = new_state();
		}
	}
}
'''),
]
QT_MILD = [
    ('the port is whatever is free', 'E1', 'advice', 'udp->bind();'),
    ('… at an address', 'E1', 'advice', 'udp->bind(QHostAddress::LocalHost);'),
    ('… or one that others know', 'E1', 'warning', 'udp->bind(4242);'),
    ('a text in a QByteArray', 'N4', None, '''QByteArray r = udp->receiveDatagram().data();
	const struct hello *in = (const struct hello *)r.constData();
	if (!strcmp(in->name, "x"))
		take();'''),
    ('… and a copy of its bytes', 'N4', 'error', '''QByteArray r = udp->receiveDatagram().data();
	struct hello copy, *in = &copy;
	memcpy(&copy, r.constData(), sizeof(copy));
	if (!strcmp(copy.name, "x"))
		take();'''),
    ('a shared memory is asked before', 'L5', None,
     'if (!m_once.create(1))\n\t\treturn;\n\tQLocalServer::removeServer("x");\n\tserver->listen("x");'),
    ('… or nothing', 'L5', 'warning', 'QLocalServer::removeServer("x");\n\tserver->listen("x");'),
]
QT_CLASS = '''#include <QLocalServer>
#include <QSharedMemory>
#include <QUdpSocket>
struct hello { char name[16]; int n; };
class Mild {
public:
	void run();
	void take();
private:
	QUdpSocket *udp;
	QLocalServer *server;
	QSharedMemory m_once;
};
void Mild::run()
{
	%s
}
'''
OVERLOAD = '''#include <poll.h>
class Line {
public:
	int get();
	int get(int limit);
	int m_fd;
};
int Line::get()
{
	struct pollfd p = { m_fd, POLLIN, 0 };
	return poll(&p, 1, -1);
}
int Line::get(int limit)
{
	struct pollfd p = { m_fd, POLLIN, 0 };
	return %s;
}
'''
DOOR = HEAD + '''
#include "door.h"
Door::Door() { m_fd = 0; }
int Door::open_at(const struct sockaddr *at)
{
	bind(m_fd, at, 16);
	return m_fd;
}
'''
DOOR_H = '''#pragma once
struct sockaddr;
class %sDoor {
public:
	Door();
	int open_at(const struct sockaddr *at);
private:
	int m_fd = -1;
};
'''
MAIN = '''
#include "door.h"
#include <memory>
class Door;
Door *find();
int main(int argc, char **argv)
{
	/* a Door that nobody opens */
	%s
}
'''


def severities(path, rule, name):
    return {f['severity'] for f in Run('--format', 'json', path).json()['findings']
            if f['rule'] == rule and name in f['file']}


@test
def what_matters_little_is_advice():
    for name, rule, severity, text in MILD:
        put('one/others.c', HEAD + 'void quicken(int s) { fcntl(s, F_SETFL, O_NONBLOCK); }\n')
        put('one/one.c', HEAD + text)
        expect_equal(severities('one', rule, 'one.c'), {severity} - {None}, name)


@test
def what_matters_little_with_qt_is_advice():
    for name, rule, severity, text in QT_MILD:
        put('qt/one.cpp', QT_CLASS % text)
        expect_equal(severities('qt', rule, 'one.cpp'), {severity} - {None}, name)


@test
def a_wait_beside_one_of_that_name_with_a_limit_is_advice():
    for wait, severity in (('poll(&p, 1, limit)', 'advice'), ('limit', 'warning')):
        put('over/one.cpp', OVERLOAD % wait)
        expect_equal(severities('over', 'W3', 'one.cpp'), {severity}, wait)


@test
def methods_of_a_class_of_which_the_program_makes_no_object_are_advice():
    for name, word, where, text, severity in (
            ('only a pointer', '', '', 'Door *door = find(); return door->open_at(nullptr);', 'advice'),
            ('a new one', '', '', 'return (new Door())->open_at(nullptr);', 'warning'),
            ('a variable', '', '', 'Door door; return door.open_at(nullptr);', 'warning'),
            ('a template', '', '', 'return std::make_unique<Door>()->open_at(nullptr);', 'warning'),
            ('exported', 'DOOR_EXPORT ', '', 'return find()->open_at(nullptr);', 'warning'),
            ('of a library', '', 'libdoor/', 'return find()->open_at(nullptr);', 'warning'),
            ('derived', '', '', 'struct Gate : Door { } gate; return gate.open_at(nullptr);', 'warning')):
        folder = name.replace(' ', '_')
        put(os.path.join(folder, where + 'door.h'), DOOR_H % word)
        put(os.path.join(folder, where + 'door.cpp'), DOOR)
        put(os.path.join(folder, 'main.cpp'), MAIN % text)
        expect_equal(severities(folder, 'E1', 'door.cpp'), {severity}, name)


ENDED = HEAD + '''#include <arpa/inet.h>
%svoid refuse(const char *why);
void refuse(const char *why)
{
	puts(why);
	hand_over(why);
}
static void take(int s, char *into, size_t n)
{
	if (recv(s, into, n, MSG_WAITALL) != (ssize_t)n)
		exit(1);
}
void serve(int s)
{
	char line[100];
	unsigned n;

	if (recv(s, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		exit(1);
	n = ntohl(n);
	if (n > sizeof(line))
		refuse("too long");
	take(s, line, n);
	fwrite(line, 1, n, stdout);
}
'''


@test
def a_function_of_c_that_is_declared_not_to_return_ends_the_way():
    for word, severity in (('', 'error'), ('__attribute__((noreturn)) ', None)):
        put('ended/one.c', ENDED % word)
        expect_equal(severities('ended', 'N5', 'one.c'), {severity} - {None}, repr(word))


WORD = HEAD + '''#define WORD "stop"
int asked(int s)
{
	char word[32]%s;

	if (recv(s, word, sizeof(word), 0) < 0)
		return -1;
	return %s == 0;
}
'''


@test
def a_comparison_looks_no_farther_than_the_shorter_text():
    for start, test_of, severity in ((' = { 0 }', 'strcmp(word, "stop")', None), (' = { 0 }', 'strcmp(WORD, word)', None),
                                     (' = { 0 }', 'strlen(word)', 'error'), (' = { 0 }', 'strcmp(word, getenv("WORD"))', 'error'),
                                     ('', 'strcmp(word, "stop")', 'error')):
        put('word/one.c', WORD % (start, test_of))
        expect_equal(severities('word', 'N4', 'one.c'), {severity} - {None}, start + test_of)


NAME = HEAD + '''
static char *name_of(const char *text, char *into, size_t size)
{
	size_t n = strcspn(text, ">");
	char *end;

	if (n >= size)
		return NULL;
	end = stpncpy(into, text, n);
	%s;
	return into;
}
void greet(int s)
{
	char in[256], *text, *name;
	ssize_t n = recv(s, in, sizeof(in), 0);

	if (n <= 0 || !(text = strndup(in, n)))
		return;
	name = name_of(text, in, sizeof(in));
	if (name)
		puts(name);
	free(text);
}
'''


@test
def what_stpncpy_gives_points_to_where_the_text_ends():
    for ends, severity in (('*end = 0', None), ('(void)end', 'error')):
        put('name/one.c', NAME % ends)
        expect_equal(severities('name', 'N4', 'one.c') - {'advice'}, {severity} - {None}, ends)


MEMBER = HEAD + '''
struct peer { char *text; int n; };
int hear(struct peer *peer, int s)
{
	struct peer *p = peer;

	p->text = malloc(64);
	%s
	if (recv(s, p->text, 64, 0) == 0)
		return -1;
	printf("%%.64s", p->text);
	return 0;
}
'''


@test
def a_text_is_read_into_a_member_that_was_empty():
    for empties, severity in (('memset(p->text, 0, 64);', 'advice'), ('', 'warning')):
        put('member/one.c', MEMBER % empties)
        expect_equal(severities('member', 'E3', 'one.c'), {severity}, empties)


STREAM = '''#include <gio/gio.h>
gboolean tell(GIOStream *to, const char *text, gsize n)
{
	GOutputStream *out = g_io_stream_get_output_stream(to);

	return g_output_stream_write(out, text, n, NULL, NULL) >= 0;
}
'''


@test
def a_stream_of_the_program_may_keep_what_did_not_go_out():
    for base, severity in (('G_TYPE_FILTER_OUTPUT_STREAM', 'advice'), ('G_TYPE_OBJECT', 'warning')):
        put('stream/one.c', STREAM)
        put('stream/keep.c', '#include <gio/gio.h>\nG_DEFINE_TYPE(Keep, keep, %s)\n' % base)
        expect_equal(severities('stream', 'E3', 'one.c'), {severity}, base)


ALONE = '''#include <QLocalServer>
#include <QSharedMemory>
class AlonePrivate {
public:
	void start();
	QSharedMemory *memory;
	QLocalServer *server;
};
void AlonePrivate::start()
{
	QLocalServer::removeServer("alone");
	server = new QLocalServer();
	if (!server->listen("alone"))
		qFatal("listen");
}
void Alone::begin()
{
	Q_D(Alone);
	%sd->start();
}
'''


@test
def who_holds_the_lock_of_shared_memory_is_alone():
    for lock, severity in (('d->memory->lock();\n\t', None), ('', 'warning')):
        put('alone/one.cpp', ALONE % lock)
        expect_equal(severities('alone', 'L5', 'one.cpp'), {severity} - {None}, lock)


COUNT = '''#include <QLocalServer>
#include <QLocalSocket>
#include <vector>
void Door::open()
{
	QLocalSocket *const socket = server->nextPendingConnection();

	connect(socket, &QLocalSocket::readChannelFinished, this, &Door::take);
}
void Door::take()
{
	auto *const socket = static_cast<QLocalSocket *>(sender());
	const auto bytes = socket->readAll();
	const auto count = Wire::toInt<std::%s>(bytes.data());
	auto args = std::vector<const char *>();

	args.reserve(count + 1);
	use(args);
	socket->deleteLater();
}
'''


@test
def a_number_of_16_bits_asks_for_little_memory():
    for width, severity in (('uint16_t', None), ('uint32_t', 'error')):
        put('count/one.cpp', COUNT % width)
        expect_equal(severities('count', 'N5', 'one.cpp'), {severity} - {None}, width)


if __name__ == '__main__':
    sys.exit(run_tests())
