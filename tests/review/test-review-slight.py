#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Failures, waits and names whose consequence is slight by what the program shows, each with its twin. TAP.

    test-review-slight.py [REVIEWER...]      without: $POSTERN_COMMAND review
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
SLIGHT = [
    ('a text that another file names is sent without blocking', 'E3', 'advice', '''
void greet(int s)
{
	fcntl(s, F_SETFL, O_NONBLOCK);
	send(s, WELCOME, strlen(WELCOME), MSG_NOSIGNAL);
}
'''),
    ('what listens was bound by a call that is tested', 'E1', 'advice', '''
int serve(int s, const struct sockaddr *at, socklen_t n)
{
	if (bind(s, at, n) < 0)
		return -1;
	listen(s, 8);
	return s;
}
'''),
    ('… and by one that is not', 'E1', 'warning', '''
int serve(int s, const struct sockaddr *at, socklen_t n)
{
	bind(s, at, n);
	if (listen(s, 8) < 0)
		return -1;
	return s;
}
'''),
    ('a read that is tested fails when connecting has failed', 'E1', 'advice', '''
int ask(int s, const struct sockaddr *to, socklen_t n, char *answer)
{
	connect(s, to, n);
	if (read(s, answer, 1) != 1)
		return -1;
	return 0;
}
'''),
    ('… and a socket that is handed on tells nobody', 'E1', 'warning', '''
int dial(int s, const struct sockaddr *to, socklen_t n)
{
	connect(s, to, n);
	return s;
}
'''),
    ('a socket that nobody tests is bound by a call that is tested, and that ends it', 'E2', 'advice', '''
#include <event2/util.h>
int open_door(const struct sockaddr *at, socklen_t n)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	evutil_make_socket_nonblocking(s);
	if (bind(s, at, n) < 0)
		return -1;
	return s;
}
'''),
    ('… and goes on all the same', 'E2', 'error', '''
#include <event2/util.h>
#include <stdio.h>
int open_door(const struct sockaddr *at, socklen_t n)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	evutil_make_socket_nonblocking(s);
	if (bind(s, at, n) < 0)
		perror("bind");
	listen(s, 8);
	return s;
}
'''),
    ('a write of an open handle hardly fails at once', 'E1', 'advice', '''
#include <uv.h>
static void done(uv_write_t *r, int status)
{
	(void)status;
	free(r);
}
void tell(uv_stream_t *s, uv_buf_t text)
{
	uv_write_t *r = malloc(sizeof(*r));

	if (r)
		uv_write(r, s, &text, 1, done);
}
'''),
    ('… and resolving a name does', 'E1', 'warning', '''
#include <uv.h>
static void done(uv_getaddrinfo_t *r, int status, struct addrinfo *list)
{
	(void)status;
	uv_freeaddrinfo(list);
	free(r);
}
void ask(uv_loop_t *loop, const char *name)
{
	uv_getaddrinfo_t *r = malloc(sizeof(*r));

	if (r)
		uv_getaddrinfo(loop, r, done, name, NULL, NULL);
}
'''),
    ('connecting datagrams only names whom they go to', 'E1', 'advice', '''
int dial(const struct sockaddr *to, socklen_t n)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s >= 0)
		connect(s, to, n);
	return s;
}
'''),
    ('… and connecting records makes a connection', 'E1', 'warning', '''
int dial(const struct sockaddr *to, socklen_t n)
{
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (s >= 0)
		connect(s, to, n);
	return s;
}
'''),
    ('any port that is free is bound to', 'E1', 'advice', '''
#include <arpa/inet.h>
int place(int s, struct sockaddr_in *at)
{
	at->sin_port = htons(0);
	bind(s, (struct sockaddr *)at, sizeof(*at));
	return s;
}
'''),
    ('… and one that others may have', 'E1', 'warning', '''
#include <arpa/inet.h>
int place(int s, struct sockaddr_in *at)
{
	at->sin_port = htons(7000);
	bind(s, (struct sockaddr *)at, sizeof(*at));
	return s;
}
'''),
    ('the kernel refuses a length of -1', 'E2', 'advice', '''
void copy(int s, char *text)
{
	ssize_t n = recv(s, text, 100, 0);

	write(1, text, n);
}
'''),
    ('… and memcpy() does not', 'E2', 'error', '''
void copy(int s, char *text, char *to)
{
	ssize_t n = recv(s, text, 100, 0);

	memcpy(to, text, n);
}
'''),
    ('a few bytes on a socket that does not block', 'E3', 'advice', '''
#include <stdio.h>
static char line[200];
void greet(int s, int port)
{
	size_t n = snprintf(line, sizeof(line), "CONNECT %d\\n", port);

	fcntl(s, F_SETFL, O_NONBLOCK);
	send(s, line, n, MSG_NOSIGNAL);
}
'''),
    ('… and more than its buffer may have room for', 'E3', 'warning', '''
#include <stdio.h>
static char page[400000];
void show(int s, size_t n)
{
	fcntl(s, F_SETFL, O_NONBLOCK);
	send(s, page, n, MSG_NOSIGNAL);
}
'''),
    ('a text goes into what was empty before', 'E3', 'advice', '''
#include <stdio.h>
void ask(int s)
{
	static char answer[64];

	recv(s, answer, sizeof(answer) - 1, 0);
	puts(answer);
}
'''),
    ('… and into what nobody has set', 'E3', 'warning', '''
#include <stdio.h>
void ask(int s)
{
	char answer[64];

	recv(s, answer, sizeof(answer) - 1, 0);
	answer[63] = 0;
	puts(answer);
}
'''),
    ('a thread of its own waits and sleeps', 'W1', 'advice', '''
#include <pthread.h>
static struct sockaddr to;
static int s;
static int dial(void)
{
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s >= 0 && connect(s, &to, sizeof(to)) == 0)
		return 0;
	close(s);
	return -1;
}
static void *keep(void *unused)
{
	while (dial() < 0)
		sleep(2);
	return unused;
}
int begin(pthread_t *id)
{
	return pthread_create(id, NULL, keep, NULL);
}
'''),
    ('… and a function that others wait for does', 'W1', 'error', '''
static struct sockaddr to;
static int s;
static int dial(void)
{
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s >= 0 && connect(s, &to, sizeof(to)) == 0)
		return 0;
	close(s);
	return -1;
}
void begin(void)
{
	while (dial() < 0)
		sleep(2);
}
'''),
    ('one read does not fill a large array of zeros', 'N4', 'advice', '''
#include <stdio.h>
void show(int s)
{
	char all[65536] = { 0 };

	if (recv(s, all, sizeof(all), 0) > 0)
		printf("%s", all);
}
'''),
    ('… and a small one it does', 'N4', 'error', '''
#include <stdio.h>
void show(int s)
{
	char all[64] = { 0 };

	if (recv(s, all, sizeof(all), 0) > 0)
		printf("%s", all);
}
'''),
    ('the array is as long as the number says', 'N5', 'none', '''
void take(int s)
{
	unsigned short n;

	if (recv(s, &n, sizeof(n), 0) == sizeof(n)) {
		char text[n + 1];

		recv(s, text, n, 0);
	}
}
'''),
    ('… or has a length of its own', 'N5', 'error', '''
void take(int s)
{
	unsigned short n;

	if (recv(s, &n, sizeof(n), 0) == sizeof(n)) {
		char text[32];

		recv(s, text, n, 0);
	}
}
'''),
    ('a function of the program reads a file', 'N5', 'advice', '''
struct head { int n; int kind; };
static int all(int fd, void *to, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, to + got, n - got);
		if (r <= 0)
			return -1;
		got += r;
	}
	return 0;
}
int load(const char *path, int s, const struct sockaddr *to)
{
	char text[32];
	struct head h;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || connect(s, to, 16) < 0)
		return -1;
	if (all(fd, &h, sizeof(h)) < 0 || all(fd, text, h.n) < 0)
		h.n = -1;
	close(fd);
	return h.n;
}
int serve(const struct sockaddr *to)
{
	struct head h;
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0 || connect(s, to, 16) < 0)
		return -1;
	return all(s, &h, sizeof(h)) < 0 ? -1 : h.kind;
}
'''),
    ('a connection of its own is open when a program starts', 'L6', 'advice', '''
#include <stdlib.h>
int ask(const struct sockaddr *to, socklen_t n)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	if (s < 0 || connect(s, to, n) < 0)
		return -1;
	if (!fork()) {
		execl("/usr/bin/viewer", "viewer", (char *)NULL);
		_exit(127);
	}
	return s;
}
'''),
    ('… and what has a name that others ask', 'L6', 'warning', '''
#include <stdlib.h>
int offer(const struct sockaddr *at, socklen_t n)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (s < 0 || bind(s, at, n) < 0)
		return -1;
	if (!fork()) {
		execl("/usr/bin/viewer", "viewer", (char *)NULL);
		_exit(127);
	}
	return s;
}
'''),
    ('a message that is taken without blocking has an end each time', 'W1', 'none', '''
void drain(int s, char *into)
{
	ssize_t n;

	switch (socktype(s)) {
	case SOCK_DGRAM:
		do
			n = recv(s, into, 512, MSG_DONTWAIT);
		while (n != -1);
	}
}
'''),
    ('… a stream gives none for ever', 'W1', 'error', '''
void drain(int s, char *into)
{
	ssize_t n;

	do
		n = recv(s, into, 512, MSG_DONTWAIT);
	while (n != -1);
}
'''),
    ('what listens gives an error, and no end', 'W1', 'none', '''
void serve(int door, char *into)
{
	if (listen(door, 8) < 0)
		return;
	for (;;)
		if (recv(door, into, 512, 0) == -1)
			continue;
}
'''),
    ('it waits for a file and sleeps', 'W1', 'advice', '''
void wait_file(const char *path)
{
	while (access(path, F_OK) < 0)
		usleep(100000);
}
'''),
    ('only fcntl() fails there, and then for a wrong argument', 'L1', 'advice', '''
int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
	return fd;
}
'''),
    ('… a lock is held by others every day', 'L1', 'error', '''
int take(const char *path, struct flock *lock)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETLK, lock) < 0)
		return -1;
	return fd;
}
'''),
    ('a child has it from its parent, and ends with it', 'L1', 'advice', '''
pid_t fork_with(int *fd)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	*fd = fds[!pid];
	if (!pid)
		return 0;
	close(fds[1]);
	return pid;
}
'''),
    ('main() ends with exit() right behind it', 'L1', 'advice', '''
int main(int argc, char **argv)
{
	if (argc > 1) {
		int fd = open(argv[1], O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "yes", 3) != 3)
			exit(1);
	}
	exit(0);
}
'''),
    ('the last thing that main() does, in a branch', 'L1', 'advice', '''
static void serve(const struct sockaddr *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (bind(fd, at, 2) < 0)
		return;
	if (listen(fd, 5) == 0)
		pause();
	close(fd);
}
int main(int argc, char **argv)
{
	if (argc > 1)
		write(1, argv[1], 1);
	else
		serve((struct sockaddr *)argv);
	return 0;
}
'''),
    ('… and something comes after it, again and again', 'L1', 'error', '''
static void serve(const struct sockaddr *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (bind(fd, at, 2) < 0)
		return;
	if (listen(fd, 5) == 0)
		pause();
	close(fd);
}
int main(int argc, char **argv)
{
	for (;;) {
		serve((struct sockaddr *)argv);
		sleep(argc);
	}
}
'''),
    ('it waits for a file, with a pause', 'W1', 'advice', '''
int await_file(const char *path)
{
	for (;;) {
		if (access(path, F_OK) == 0)
			return 0;
		usleep(2000);
	}
}
'''),
    ('… and without one', 'W1', 'error', '''
int await_file(const char *path)
{
	for (;;) {
		if (access(path, F_OK) == 0)
			return 0;
	}
}
'''),
    ('what the process writes to from then on', 'L1', 'advice', '''
int redirect(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return dup2(fd, 2) < 0 ? -1 : 0;
}
'''),
    ('each connection is closed before the next is accepted', 'E7', 'advice', '''
void serve(int listener)
{
	char c;

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			exit(1);
		if (read(fd, &c, 1) == 1)
			_exit(c);
		close(fd);
	}
}
'''),
    ('… and stays open until it is over', 'E7', 'warning', '''
static int clients[1024], n_clients;
void serve(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			exit(1);
		clients[n_clients++ % 1024] = fd;
	}
}
'''),
    ('the program limits how many it serves', 'E7', 'advice', '''
static int clients[16], n_clients;
static int take(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	if (n_clients >= 16) {
		close(fd);
		return -1;
	}
	clients[n_clients++] = fd;
	return 0;
}
void serve(int listener)
{
	for (;;)
		take(listener);
}
'''),
    ('… and does not', 'E7', 'warning', '''
static int clients[16], n_clients;
static int take(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	clients[n_clients++ % 16] = fd;
	return 0;
}
void serve(int listener)
{
	for (;;)
		take(listener);
}
'''),
    ('a server unlinks its path before it binds it', 'L5', 'advice', '''
#include <sys/un.h>
int listen_at(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(a->sun_path);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
		exit(1);
	return fd;
}
'''),
    ('… and leaves it behind', 'L5', 'warning', '''
#include <sys/un.h>
int listen_at(const struct sockaddr_un *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)a, sizeof(*a)) < 0)
		exit(1);
	return fd;
}
'''),
    ('a short command is run while a client is connected', 'L6', 'advice', '''
static int dial(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, a, n) < 0)
		exit(1);
	return fd;
}
int main(int argc, char **argv)
{
	struct sockaddr a = { .sa_family = AF_UNIX };
	int fd = dial(&a, sizeof(a));

	(void)argc;
	return fd >= 0 && system(argv[1]) == 0;
}
'''),
    ('… or a program that runs on', 'L6', 'advice', '''
static int dial(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, a, n) < 0)
		exit(1);
	return fd;
}
int main(int argc, char **argv)
{
	struct sockaddr a = { .sa_family = AF_UNIX };
	int fd = dial(&a, sizeof(a));

	(void)argc;
	if (fd >= 0 && fork() == 0)
		execv(argv[1], argv + 1);
	return 0;
}
'''),
    ('… or the listener of a server is open', 'L6', 'warning', '''
static int open_door(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0 && (bind(fd, a, n) < 0 || listen(fd, 8) < 0))
		exit(1);
	return fd;
}
int main(int argc, char **argv)
{
	struct sockaddr a = { .sa_family = AF_INET };
	int fd = open_door(&a, sizeof(a));

	(void)argc;
	return fd >= 0 && system(argv[1]) == 0;
}
'''),
    ('the wait for a file says so each time', 'W1', 'advice', '''
#include <stdio.h>
void await(const char *path)
{
	while (access(path, F_OK) < 0) {
		printf("waiting for %s\\n", path);
		sleep(1);
	}
}
'''),
    ('… and never sleeps', 'W1', 'error', '''
void await(const char *path)
{
	while (access(path, F_OK) < 0)
		;
}
'''),
    ('connecting again says so each time, and sleeps for seconds', 'W1', 'advice', '''
#include <stdio.h>
void dial(int s, const struct sockaddr *to, socklen_t n)
{
	while (connect(s, to, n) < 0) {
		fprintf(stderr, "no server yet\\n");
		sleep(2);
	}
}
'''),
    ('… and does so in silence', 'W1', 'error', '''
void dial(int s, const struct sockaddr *to, socklen_t n)
{
	while (connect(s, to, n) < 0)
		sleep(2);
}
'''),
    ('the first message of a new connection is tested for failure', 'E3', 'advice', '''
struct peer { int fd; };
static int dial(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, a, n) < 0)
		exit(1);
	return fd;
}
void begin(struct peer *peer, const struct sockaddr *a, socklen_t n, const char *request)
{
	peer->fd = dial(a, n);
	if (peer->fd < 0 || send(peer->fd, request, strlen(request), MSG_NOSIGNAL) < 0 ||
	    fcntl(peer->fd, F_SETFL, O_NONBLOCK) < 0)
		exit(1);
}
'''),
    ('… and so is a later one', 'E3', 'warning', '''
struct peer { int fd; };
static int dial(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, a, n) < 0)
		exit(1);
	return fd;
}
void begin(struct peer *peer, const struct sockaddr *a, socklen_t n)
{
	peer->fd = dial(a, n);
	if (peer->fd < 0 || fcntl(peer->fd, F_SETFL, O_NONBLOCK) < 0)
		exit(1);
}
void go_on(struct peer *peer, const char *request)
{
	if (send(peer->fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		exit(1);
}
'''),
    ('nothing calls it, and main() comes to what stands beside it', 'L1', 'advice', '''
int peek(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}
int main(int argc, char **argv)
{
	for (;;)
		sleep(argc);
}
'''),
    ('… only a function that nothing calls does', 'L1', 'advice', '''
static int peek(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}
int peek_twice(const char *path)
{
	/* peek(path) of main() is not a call */
	return peek(path) + peek(path);
}
int main(int argc, char **argv)
{
	for (;;)
		sleep(argc);
}
'''),
    ('… a table names it', 'L1', 'error', '''
int peek(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}
static int (*const commands[])(const char *) = { peek };
int main(int argc, char **argv)
{
	for (;;)
		sleep(commands[0](argv[argc - 1]));
}
'''),
    ('… it is for others', 'L1', 'error', '''
int peek(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}
'''),
    ('… it is static, and nothing of the library calls it', 'L1', 'advice', '''
static int peek(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}
'''),
    ('a server loses it for each of three paths, before it serves', 'L1', 'advice', '''
static int peek(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}
int main(int argc, char **argv)
{
	int sum = 0;

	for (int i = 0; i < 3; i++)
		sum += peek(argv[argc - 1]);
	for (;;)
		sleep((unsigned)sum);
}
'''),
    ('… and in each round', 'L1', 'error', '''
static int peek(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}
int main(int argc, char **argv)
{
	for (;;)
		sleep((unsigned)peek(argv[argc - 1]));
}
'''),
    ('pipe() fails only where the machine has no more', 'L1', 'advice', '''
int dial(int ends[2])
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	return fd;
}
'''),
    ('… connect() fails every day', 'L1', 'error', '''
int dial(const struct sockaddr *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, to, 16) < 0)
		return -1;
	return fd;
}
'''),
    ('… and whoever connects can come again and again', 'L1', 'error', '''
#include <sys/epoll.h>
int take(int listener, int events, struct epoll_event *event)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	if (epoll_ctl(events, EPOLL_CTL_ADD, fd, event) < 0)
		return -1;
	return fd;
}
'''),
    ('only the stream around a descriptor is lost', 'L1', 'advice', '''
#include <stdio.h>
int scratch(void)
{
	FILE *f = tmpfile();

	return f ? fileno(f) : -1;
}
'''),
    ('… and nobody has the descriptor', 'L1', 'error', '''
#include <stdio.h>
int scratch(void)
{
	FILE *f = tmpfile();

	return f ? fgetc(f) : -1;
}
'''),
    ('a flag that is older than the first close decides on the second', 'L4', 'advice', '''
struct door { int fd; int ours, late; };
void shut(struct door *d, const char *bye)
{
	int fd = d->fd, ours = d->ours, late = d->late;

	if (ours)
		close(fd);
	if (late)
		write(fd, bye, 1);
}
'''),
    ('… and what fails in between does', 'L4', 'error', '''
int renew(const char *path, const char *bye)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	close(fd);
	if (unlink(path) < 0)
		write(fd, bye, 1);
	return 0;
}
'''),
    ('a caller passes the text on, however it was read', 'N4', 'advice', '''
static size_t length(const char *text)
{
	return strlen(text);
}
size_t ask(int s)
{
	char text[64];

	return recv(s, text, sizeof(text), 0) > 0 ? length(text) : 0;
}
'''),
    ('… and the function that reads it does not end it', 'N4', 'error', '''
size_t ask(int s)
{
	char text[64];

	return recv(s, text, sizeof(text), 0) > 0 ? strlen(text) : 0;
}
'''),
    ('a file of the kernel has less than there is room for', 'N4', 'advice', '''
void load(void)
{
	char text[3200];
	int fd = open("/proc/net/unix", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n >= 0)
		text[n] = 0;
}
'''),
    ('… and a peer fills it', 'N4', 'error', '''
void load(int s)
{
	char text[3200];
	ssize_t n = recv(s, text, sizeof(text), 0);

	if (n >= 0)
		text[n] = 0;
}
'''),
    ('the room is made for so many bytes', 'N5', 'none', '''
#include <stdint.h>
#include <arpa/inet.h>
char *ask(int s)
{
	uint16_t n = 0;
	char *text;

	if (recv(s, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		return NULL;
	n = ntohs(n);
	text = malloc(n + 1);
	if (text && recv(s, text, n, MSG_WAITALL) == n)
		text[n] = 0;
	return text;
}
'''),
    ('… and for some', 'N5', 'error', '''
#include <stdint.h>
#include <arpa/inet.h>
int ask(int s)
{
	uint16_t n = 0;
	char text[100];

	if (recv(s, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		return -1;
	n = ntohs(n);
	return recv(s, text, n, MSG_WAITALL) == n ? text[0] : -1;
}
'''),
]


def severities(path, rule):
    return {f['severity'] for f in Run('--format', 'json', path).json()['findings'] if f['rule'] == rule}


@test
def what_has_a_slight_consequence_is_advice_and_its_twin_is_not():
    for what, rule, severity, text in SLIGHT:
        put('one.c', HEAD + text)
        expect_equal(severities('one.c', rule) or {'none'}, {severity}, what)


@test
def what_lies_among_tests_examples_and_exercises_is_advice():
    text = '''
int dial(const struct sockaddr *to)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, to, 16) == 0 ? fd : -1;
}
'''
    for path, severity in (('src/dial.c', 'error'), ('contrib/dial.c', 'advice'), ('exercises/dial.c', 'advice'),
                           ('fuzz/dial.c', 'advice'), ('dial_example.c', 'advice'), ('bench_dial.c', 'advice'),
                           ('demolition.c', 'error')):
        put(os.path.join('all', path), HEAD + text)
        got = {f['severity'] for f in Run('--format', 'json', 'all').json()['findings']
               if f['rule'] == 'L1' and f['file'].endswith(path)}
        expect_equal(got, {severity}, path)


QT_ALONE = '''#include <QLocalServer>
class Instance : public QObject {
public:
	Instance(const QString &name);
private:
	QLocalServer *m_server;
};
Instance::Instance(const QString &name)
{
	m_server = new QLocalServer(this);
%s	m_server->listen(name);
}
'''


@test
def a_server_that_only_hears_of_a_second_start_and_has_the_name_for_itself_is_advice():
    for before, severity in (('\tQLocalServer::removeServer(name);\n', 'advice'), ('', 'warning')):
        put('one.cpp', QT_ALONE % before)
        expect_equal(severities('one.cpp', 'E5'), {severity}, 'with %r' % before)


QT_WAIT = '''#include <QLocalSocket>
class Sender : public QObject {
public:
	bool send(const QByteArray &body);
private:
	QLocalSocket *m_socket;
};
bool Sender::send(const QByteArray &body)
{
	QByteArray header = "size ";

	header += QByteArray::number(body.size());
%s	return m_socket->waitForBytesWritten(-1);
}
'''


@test
def a_wait_until_one_short_line_is_written_is_advice():
    for text, severity in (('\tm_socket->write(header);\n', 'advice'), ('\tm_socket->write(body);\n', 'warning'),
                           ('\tfor (int i = 0; i < 1000; i++)\n\t\tm_socket->write(header);\n', 'warning')):
        put('one.cpp', QT_WAIT % text)
        expect_equal(severities('one.cpp', 'W3'), {severity}, 'with %r' % text)


QT_ITSELF = '''#include <QTcpServer>
#include <QUdpSocket>
class Door : public QTcpServer {
public slots:
	void terminate();
};
class Server : public QObject {
public:
	void open(const QString &host);
signals:
	void over();
private:
	Door *m_door;
};
void Door::terminate()
{
	close();
	%s
}
void Server::open(const QString &host)
{
	%s probe;

	probe.connectToHost(host, 1);
	m_door = new Door;
	connect(this, &Server::over, m_door, &Door::terminate);
}
'''


@test
def an_object_whose_own_slot_deletes_it_has_an_owner_and_a_datagram_socket_does_not_wait_for_a_peer():
    for end, probe, found in (('deleteLater();', 'QUdpSocket', set()), ('pauseAccepting();', 'QUdpSocket', {'L2'}),
                              ('deleteLater();', 'QTcpSocket', {'E5'})):
        put('one.cpp', QT_ITSELF % (end, probe))
        got = {f['rule'] for f in Run('--format', 'json', 'one.cpp').json()['findings']}
        expect_equal(got & {'L2', 'E5'}, found, 'with %r and %r' % (end, probe))


QT_CHILD = '''#include <QDataStream>
#include <QLocalSocket>
#include <QProcess>
#include <QTcpSocket>
class Helper : public QObject {
public:
	void readData();
private:
	%s
};
void Helper::readData()
{
	qint32 size = 0;
	QDataStream stream(socket);

	stream >> size;
	if (size <= 0)
		return;
	m_data = socket->read(size);
}
'''


@test
def what_the_programs_own_child_sends_is_advice():
    for members, severity in (('QByteArray m_data; QLocalSocket *socket; QProcess *m_child;', 'advice'),
                              ('QByteArray m_data; QLocalSocket *socket;', 'error'),
                              ('QByteArray m_data; QTcpSocket *socket; QProcess *m_child;', 'error')):
        put('one.cpp', QT_CHILD % members)
        expect_equal(severities('one.cpp', 'N5'), {severity}, 'with %r' % members)


@test
def a_process_of_its_own_and_a_thread_that_only_reads_wait_as_long_as_they_like():
    for head, how, severity in (('class Ask : QProcess { bool tell(); };\nbool Ask::tell()', 'waitForBytesWritten(-1)', 'advice'),
                                ('class Ask : QTcpSocket { bool tell(); };\nbool Ask::tell()', 'waitForBytesWritten(-1)',
                                 'warning'),
                                ('class Ask : QThread { void run(); };\nvoid Ask::run()', 'READ', 'advice'),
                                ('class Ask : QObject { void run(); };\nvoid Ask::run()', 'READ', 'warning')):
        body = '\treturn %s;\n' % how
        if how == 'READ':
            body = ('\tQTcpSocket socket;\n\tsocket.connectToHost("localhost", 80);\n'
                    '\twhile (socket.waitForReadyRead(-1))\n\t\tsocket.readAll();\n')
        put('one.cpp', '#include <QProcess>\n#include <QTcpSocket>\n#include <QThread>\n%s\n{\n%s}\n' % (head, body))
        expect_equal(severities('one.cpp', 'W3'), {severity}, head)


@test
def what_a_test_alone_calls_and_what_no_header_has_is_advice():
    peek = HEAD + '''
int peek(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? c : -1;
}
'''
    call = 'int peek(const char *path);\nint main(int n, char **a)\n{\n\tfor (;;)\n\t\tn += peek(a[n - 1]);\n}\n'
    idle = HEAD + 'int main(int n, char **a)\n{\n\t(void)a;\n\tfor (;;)\n\t\tsleep(n);\n}\n'
    for name, files, severity in (
            ('the program calls it', {'src/peek.c': peek, 'src/main.c': call}, 'error'),
            ('a test calls it', {'src/peek.c': peek, 'src/main.c': idle, 'tests/peek.c': call}, 'advice'),
            ('a header of the library has it',
             {'lib/peek.c': peek, 'lib/peek.h': 'int peek(const char *path);\n', 'src/main.c': idle}, 'error'),
            ('no header has it', {'lib/peek.c': peek, 'src/main.c': idle}, 'advice')):
        folder = name.replace(' ', '_')
        for path, text in files.items():
            put(os.path.join(folder, path), text)
        got = {f['severity'] for f in Run('--format', 'json', folder).json()['findings']
               if f['rule'] == 'L1' and 'peek.c' in f['file'] and 'tests' not in f['file']}
        expect_equal(got, {severity}, name)


PANEL = HEAD + '''
class Panel {
public:
	Panel() { watch(this); }
	~Panel() { }
	void on_open() { m_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }
%s	static void watch(Panel *panel);
	int m_fd = -1;
};
void every(void (*call)());
static Panel *all;
static void opened() { all->on_open(); }
int main()
{
	Panel panel;

	every(opened);
	return 0;
}
'''


@test
def a_member_that_nothing_closes_is_advice_when_main_makes_the_object_and_nothing_is_opened_again():
    for again, severity in (('', 'advice'), ('\tvoid on_hangup() { m_fd = -1; }\n', 'error')):
        put('one.cpp', PANEL % again)
        expect_equal(severities('one.cpp', 'L1'), {severity}, 'with %r' % again)


CLERK_H = '''class Clerk : public QObject
{
	Q_OBJECT
public:
	explicit Clerk(QObject *parent = nullptr);
private slots:
	void take();
private:
	QTcpServer *m_server;
	QTcpSocket *m_socket;
};
'''
CLERK = '''#include "clerk.h"
/* Clerk takes what comes. */
Clerk::Clerk(QObject *parent) : QObject(parent), m_server(new QTcpServer(this))
{
	if (!m_server->listen(QHostAddress::LocalHost, 1234))
		qFatal("listen");
	connect(m_server, &QTcpServer::newConnection, this, &Clerk::take);
}
void Clerk::take()
{
	m_socket = m_server->nextPendingConnection();
}
'''


@test
def a_class_of_which_no_program_makes_an_object_gives_advice():
    for i, (name, main, severity) in enumerate((
            ('nobody makes one', 'int main() { return 0; }\n', 'advice'),
            ('main() makes one', '#include "clerk.h"\nint main() { Clerk clerk; return run(&clerk); }\n', 'error'),
            ('it is the base of another', '#include "clerk.h"\nclass Chief : public Clerk { };\nint main() { Chief c; return run(&c); }\n', 'error'),
            ('another class has one', '#include "clerk.h"\nstruct Desk { Clerk clerk; };\nint main() { Desk d; return run(&d); }\n', 'error'))):
        folder = 'clerk%d' % i
        for path, text in (('clerk.h', CLERK_H), ('clerk.cpp', CLERK), ('main.cpp', main)):
            put(os.path.join(folder, path), text)
        got = {f['severity'] for f in Run('--format', 'json', folder).json()['findings'] if f['rule'] == 'L3'}
        expect_equal(got, {severity}, name)


if __name__ == '__main__':
    sys.exit(run_tests())
