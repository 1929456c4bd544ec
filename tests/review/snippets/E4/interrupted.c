/* A program that handles SIGCHLD and SIGHUP, and ends or drops clients for it. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIE(...)                              \
	do {                                  \
		fprintf(stderr, __VA_ARGS__); \
		exit(1);                      \
	} while (0)

static volatile sig_atomic_t reload;

static void on_signal(int number)
{
	(void)number;
	reload = 1;
}

static void handlers(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGCHLD, on_signal);
}

static void handle(int fd)
{
	shutdown(fd, SHUT_WR);
}

static void by_poll(struct pollfd *p)
{
	for (;;) {
		if (poll(p, 1, 1000) < 0) { // E4
			perror("poll");
			exit(1);
		}
		handle(p->fd);
	}
}

static void by_epoll(int ep)
{
	struct epoll_event ev[16];
	int i, n;

	while (!reload) {
		n = epoll_wait(ep, ev, 16, 1000); // E4
		if (n < 0)
			DIE("epoll_wait: %s\n", strerror(errno));
		for (i = 0; i < n; i++)
			handle(ev[i].data.fd);
	}
}

/* The loop is left, and with it the program. */
static int by_select(int fd)
{
	fd_set set;
	struct timeval tv;

	for (;;) {
		FD_ZERO(&set);
		FD_SET(fd, &set);
		tv.tv_sec = 1;
		tv.tv_usec = 0;
		if (select(fd + 1, &set, NULL, NULL, &tv) == -1) { // E4
			perror("select");
			break;
		}
		handle(fd);
	}
	return 1;
}

/* The errors that it thought of are not this one. */
static int by_accept(int listener)
{
	int fd;

	for (;;) {
		fd = accept(listener, NULL, NULL); // E4
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ECONNABORTED) {
				sleep(1);
				continue;
			}
			return -1;
		}
		handle(fd);
		close(fd);
	}
}

/* A message is given up in its middle. */
static int by_recv(int fd, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = recv(fd, to + have, size - have, 0); // E4

		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

int main(void)
{
	struct pollfd p = { 0, POLLIN, 0 };
	char buf[16];

	handlers();
	if (by_recv(0, buf, sizeof(buf)) < 0 || by_accept(3) < 0 || by_select(3))
		return 1;
	by_epoll(4);
	by_poll(&p);
	return 0;
}
