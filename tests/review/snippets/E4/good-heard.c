#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int fd;
	size_t used;
	char in[512];
};

static volatile sig_atomic_t reload;

static void on_hup(int number)
{
	(void)number;
	reload = 1;
}

static void on_fatal(int number)
{
	(void)number;
	_exit(1);
}

static void handlers(void)
{
	struct sigaction sa = { .sa_handler = on_hup, .sa_flags = SA_RESTART };

	sigaction(SIGHUP, &sa, NULL);
	sa.sa_handler = on_fatal;
	sa.sa_flags = 0;
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGCHLD, SIG_IGN);
}

static void handle(int fd)
{
	shutdown(fd, SHUT_WR);
}

int by_poll(struct pollfd *p)
{
	for (;;) {
		if (poll(p, 1, 1000) < 0) {
			if (errno == EINTR)
				continue;
			perror("poll");
			return -1;
		}
		handle(p->fd);
	}
}

int by_switch(int ep)
{
	struct epoll_event ev;

	for (;;) {
		int n = epoll_wait(ep, &ev, 1, 1000);

		if (n < 0) {
			switch (errno) {
			case EINTR:
				break;
			default:
				exit(1);
			}
		}
		if (n > 0)
			handle(ev.data.fd);
	}
}

int saved(struct pollfd *p)
{
	int e;

	while (!reload) {
		if (poll(p, 1, 1000) >= 0) {
			handle(p->fd);
			continue;
		}
		e = errno;
		fprintf(stderr, "poll: %s\n", strerror(e));
		if (e != EINTR && e != EAGAIN)
			return -e;
	}
	return 0;
}

/* It is called again by whoever calls it. */
int once(struct pollfd *p)
{
	int n = poll(p, 1, 1000);

	if (n <= 0)
		return 0;
	handle(p->fd);
	return n;
}

/* SA_RESTART: recv() goes on by itself. */
int restarted(int fd, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = recv(fd, to + have, size - have, 0);

		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

static void drop(struct client *c)
{
	close(c->fd);
	free(c);
}

struct client *admit(int listener)
{
	struct client *c = calloc(1, sizeof(*c));

	handlers();
	if (!c)
		return NULL;
	c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return NULL;
	}
	return c;
}

void readable(struct client *c)
{
	ssize_t n = read(c->fd, c->in + c->used, sizeof(c->in) - c->used);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->used += (size_t)n;
}

void other_name(struct client *c)
{
	ssize_t n = recv(c->fd, c->in, sizeof(c->in), 0);

	if (n == 0 || (n < 0 && errno != EWOULDBLOCK)) {
		drop(c);
		return;
	}
	if (n > 0)
		c->used = (size_t)n;
}
