#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

/* -1 ends the loop, and EAGAIN gives -1. */
int good_ends_on_failure(int fd, char *buf, size_t size)
{
	ssize_t n;

	do {
		n = recv(fd, buf, size, MSG_DONTWAIT);
		if (n < 0) {
			if (errno != EWOULDBLOCK && errno != EAGAIN && errno != EINTR)
				return -1;
		} else if (!n) {
			return -1;
		} else {
			fwrite(buf, 1, (size_t)n, stdout);
		}
	} while (n != -1);
	return 0;
}

int goes_on_after_failure(int fd, char *buf, size_t size)
{
	ssize_t n;

	do { // W2
		n = recv(fd, buf, size, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return -1;
	} while (n == -1);
	return 0;
}

/* What was there before connect() is put back, so the reads block. */
struct peer {
	int fd;
};

static int dial(struct peer *peer, const struct sockaddr *to, socklen_t size)
{
	int flags = fcntl(peer->fd, F_GETFL, 0);
	int r;

	if (fcntl(peer->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	r = connect(peer->fd, to, size);
	if (fcntl(peer->fd, F_SETFL, flags) < 0)
		return -1;
	return r;
}

ssize_t good_blocks_again(struct peer *peer, const struct sockaddr *to, socklen_t size, char *buf)
{
	ssize_t n;

	if (dial(peer, to, size) < 0)
		return -1;
	do {
		n = recv(peer->fd, buf, 100, 0);
		if (n < 0 && errno != EAGAIN)
			return -1;
	} while (n < 0);
	return n;
}

struct other {
	int fd;
};

static int dial_other(struct other *other, const struct sockaddr *to, socklen_t size)
{
	int flags = fcntl(other->fd, F_GETFL, 0);

	if (fcntl(other->fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -1;
	return connect(other->fd, to, size);
}

ssize_t stays_unblocked(struct other *other, const struct sockaddr *to, socklen_t size, char *buf)
{
	ssize_t n;

	if (dial_other(other, to, size) < 0)
		return -1;
	do { // W2
		n = recv(other->fd, buf, 100, 0);
		if (n < 0 && errno != EAGAIN)
			return -1;
	} while (n < 0);
	return n;
}

/* A lock that spins; whoever only waits for a flag can wait for an event. */
int good_spin_lock(volatile int *lock)
{
	for (;;) {
		if (*lock == 0 && __sync_bool_compare_and_swap(lock, 0, 1))
			return 0;
		sched_yield();
	}
}

volatile int is_done;

void spins_for_a_flag(void)
{
	while (!is_done) // W2
		sched_yield();
}
