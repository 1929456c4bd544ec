#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Failures of one call that matter little, and classes of which nobody makes an object, each with its twin. TAP.

    test-review-mild.py [REVIEWER...]      without: $POSTERN_COMMAND review
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reviewing import Run, expect_equal, put, run_tests, test  # noqa: E402

HEAD = '''#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
]
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
        expect_equal(severities('one', rule, 'one.c'), {severity}, name)


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


if __name__ == '__main__':
    sys.exit(run_tests())
