/* A failed wait that a helper of the project passes on. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

static volatile sig_atomic_t reload;

static void on_signal(int number)
{
	(void)number;
	reload = 1;
}

void handlers(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal;
	sigaction(SIGHUP, &sa, NULL);
}

static int wait_for(struct pollfd *p, int limit)
{
	int r = poll(p, 1, limit);

	if (r < 0) {
		perror("poll");
		return -1;
	}
	return r;
}

static int patient(struct pollfd *p, int limit)
{
	int r;

	do
		r = poll(p, 1, limit);
	while (r < 0 && errno == EINTR);
	return r;
}

static int heard(int s, int seconds)
{
	struct timeval limit = { .tv_sec = seconds };
	fd_set in;

	FD_ZERO(&in);
	FD_SET(s, &in);
	return select(s + 1, &in, NULL, NULL, &limit);
}

static void serve(int s)
{
	shutdown(s, SHUT_WR);
}

void wrong_wait(struct pollfd *p)
{
	for (;;) {
		if (wait_for(p, 1000) < 0) // E4
			exit(1);
		serve(p->fd);
	}
}

void right_wait(struct pollfd *p)
{
	for (;;) {
		if (patient(p, 1000) < 0)
			exit(1);
		serve(p->fd);
	}
}

long wrong_ready(int s, char *to, size_t n)
{
	if (heard(s, 5)) // E4
		return recv(s, to, n, 0);
	return 0;
}

long right_ready(int s, char *to, size_t n)
{
	if (heard(s, 5) > 0)
		return recv(s, to, n, 0);
	return 0;
}
