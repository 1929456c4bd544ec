#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes C code for measuring the reviewer: generate.py FOLDER LINES [FILES] [NESTING].

The code is what servers and clients look like: sockets opened and closed with goto, loops around
poll, buffers and parsers, structures passed around; every 50th function leaks. It is the same each
time.
"""

import os
import sys

FUNCTIONS = [
    '''
static int dial_{n}(const struct sockaddr *address, socklen_t size, int attempts)
{{
	int fd = -1, r = -1;

	for (int i = 0; i < attempts; i++) {{
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, {k});
		if (fd < 0)
			goto out;
		if (bind(fd, address, size) == 0) {{
			r = fd;
			fd = -1;
			break;
		}}
		close(fd);
		fd = -1;
		usleep(1000 * {k});
	}}
out:
	if (fd >= 0)
		close(fd);
	return r;
}}
''',
    '''
int serve_{n}(struct server_{n} *server)
{{
	struct pollfd set[2] = {{ {{ .fd = server->fd, .events = POLLIN }}, {{ .fd = -1 }} }};
	char buffer[{k}00];
	ssize_t got;

	while (!server->stop) {{
		if (poll(set, 2, 1000) < 0) {{
			if (errno == EINTR)
				continue;
			return -errno;
		}}
		if (set[0].revents & POLLIN) {{
			got = read(server->fd, buffer, sizeof(buffer) - 1);
			if (got < 0 && errno != EAGAIN && errno != EINTR)
				return -errno;
			if (got == 0)
				break;
			if (got > 0) {{
				buffer[got] = 0;
				server->lines += parse_{n}(server, buffer, (size_t)got);
			}}
		}}
	}}
	return 0;
}}
''',
    '''
static int parse_{n}(struct server_{n} *server, const char *text, size_t size)
{{
	int lines = 0, state = 0;

	for (size_t i = 0; i < size; i++) {{
		switch (state) {{
		case 0:
			if (text[i] == ' ')
				state = 1;
			else if (text[i] == '\\n')
				lines++;
			break;
		case 1:
			state = text[i] == '"' ? 2 : 0;
			break;
		default:
			if (text[i] == '"' && (i == 0 || text[i - 1] != '\\\\'))
				state = 0;
			break;
		}}
		server->seen[(unsigned char)text[i]]++;
	}}
	return lines;
}}
''',
    '''
struct request_{n} *request_{n}(struct server_{n} *server, const char *name)
{{
	struct request_{n} *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->name = strdup(name);
	if (!r->name)
		goto fail;
	r->fd = open(name, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		goto fail_name;
	if (fcntl(r->fd, F_SETFL, O_NONBLOCK) < 0)
		goto fail_fd;
	r->next = server->requests;
	server->requests = r;
	return r;
fail_fd:
	close(r->fd);
fail_name:
	free(r->name);
fail:
	free(r);
	return NULL;
}}
''',
]

LEAK = '''
int leak_{n}(void)
{{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	close(fd);
	return 0;
}}
'''

HEAD = '''#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
'''

TYPES = '''
struct request_{n} {{
	struct request_{n} *next;
	char *name;
	int fd;
}};

struct server_{n} {{
	struct request_{n} *requests;
	unsigned seen[256];
	int fd, lines, stop;
}};

static int parse_{n}(struct server_{n} *server, const char *text, size_t size);
'''


# One program: what the whole of it does about signals and processes is asked at each read and each socket.
MAIN = '''#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

int step_0(int fd);

static void on_child(int signal)
{
	(void)signal;
	waitpid(-1, NULL, WNOHANG);
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_child };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (sigaction(SIGCHLD, &action, NULL) < 0 || signalfd(-1, &set, SFD_CLOEXEC) < 0)
		return 1;
	if (fork() == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	return step_0(0);
}
'''

STEP = '''
int step_{next}(int fd);

int step_{n}(int fd)
{{
	int door = socket(AF_INET, SOCK_STREAM, {k});
	char text[100];
	ssize_t got;

	if (door < 0)
		return -1;
	got = read(fd, text, sizeof(text) - 1);
	close(door);
	if (got < 0)
		return -1;
	text[got] = 0;
	return step_{next}(fd) + {k};
}}
'''


def nested(n, depth):
    text = '\nint deep_%d(int fd, int x)\n{\n' % n
    for i in range(depth):
        text += '\tif (x > %d) {\n' % i
    text += '\t\tx = shutdown(fd, SHUT_RD);\n' + '\t}\n' * depth + '\treturn x;\n}\n'
    return text


def write(path, lines, nesting, first):
    text, n = HEAD, first
    count = text.count('\n')
    while count < lines:
        part = TYPES.format(n=n) + ''.join(f.format(n=n, k=n % 7 + 1) for f in FUNCTIONS)
        if n % 12 == 0:
            part += LEAK.format(n=n)
        if nesting and n % 20 == 0:
            part += nested(n, nesting)
        text += part
        count += part.count('\n')
        n += 1
    with open(path, 'w') as f:
        f.write(text)
    return count, n


def generate(folder, lines, files=1, nesting=0):
    """Returns how many lines were written."""
    os.makedirs(folder, exist_ok=True)
    done = n = 0
    for i in range(files):
        count, n = write(os.path.join(folder, 'part-%03d.c' % i), lines // files, nesting, n)
        done += count
    return done


def program(folder, functions):
    """A program of so many functions in files of 50; returns how many lines were written."""
    os.makedirs(folder, exist_ok=True)
    texts = {'main.c': HEAD + MAIN}
    for first in range(0, functions, 50):
        texts['part-%04d.c' % first] = HEAD + ''.join(
            STEP.format(n=n, next=(n + 1) % functions, k=n % 7 + 1) for n in range(first, first + 50))
    for name, text in texts.items():
        with open(os.path.join(folder, name), 'w') as f:
            f.write(text)
    return sum(text.count('\n') for text in texts.values())


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    generate(sys.argv[1], *[int(a) for a in sys.argv[2:5]])
