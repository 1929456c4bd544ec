/* Servers that any client can end or make spin. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void serve(int fd)
{
	shutdown(fd, SHUT_WR);
}

/* Goes round at once. */
void spins(int listener)
{
	int fd;

	while (!stop) {
		fd = accept(listener, NULL, NULL); // E7
		if (fd < 0) {
			fprintf(stderr, "accept: %s\n", strerror(errno));
			continue;
		}
		serve(fd);
		close(fd);
	}
}

/* Goes round as it does on success. */
void skips(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL); // E7

		if (fd >= 0) {
			serve(fd);
			close(fd);
		}
	}
}

/* The program ends. */
void ends(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL); // E7

		if (fd == -1) {
			perror("accept");
			exit(1);
		}
		serve(fd);
		close(fd);
	}
}

/* The loop ends, and after it the program. */
int leaves(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL); // E7

		if (fd < 0)
			break;
		serve(fd);
		close(fd);
	}
	return 1;
}

/* Thought of signals, and not of this. */
int by_goto(int listener)
{
	int fd, r = 0;

again:
	fd = accept(listener, NULL, NULL); // E7
	if (fd < 0) {
		if (errno == EINTR)
			goto again;
		r = -errno;
		goto out;
	}
	serve(fd);
	close(fd);
	goto again;
out:
	return r;
}

/* A helper that reports and returns; the loop polls at once again. */
static void take(int listener)
{
	int fd = accept(listener, NULL, NULL); // E7

	if (fd < 0) {
		perror("accept");
		return;
	}
	serve(fd);
	close(fd);
}

void polls(int listener)
{
	struct pollfd p = { listener, POLLIN, 0 };

	while (!stop)
		if (poll(&p, 1, 1000) > 0)
			take(listener);
}

/* A helper in a helper ends it all. */
static int must_take(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC); // E7

	if (fd < 0)
		abort();
	return fd;
}

static void one(int listener)
{
	int fd = must_take(listener);

	serve(fd);
	close(fd);
}

void many(int listener)
{
	while (!stop)
		one(listener);
}
