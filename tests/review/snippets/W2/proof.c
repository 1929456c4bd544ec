#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int quiet(int fd)
{
	int f = fcntl(fd, F_GETFL);

	return f < 0 ? -1 : fcntl(fd, F_SETFL, f | O_NONBLOCK);
}

static int patient(int fd)
{
	int f = fcntl(fd, F_GETFL);

	return f < 0 ? -1 : fcntl(fd, F_SETFL, f & ~O_NONBLOCK);
}

struct bell {
	int ends[2];
};

int bell_new(struct bell *b)
{
	return pipe2(b->ends, O_CLOEXEC) < 0 ? -1 : quiet(b->ends[0]);
}

/* Only the other end does not block. */
void good_other_end(struct bell *b)
{
	char one = 1;

	while (write(b->ends[1], &one, 1) < 0)
		if (errno != EINTR && errno != EAGAIN)
			return;
}

void bad_this_end(struct bell *b)
{
	char one;

	while (read(b->ends[0], &one, 1) < 0) // W2
		if (errno != EINTR && errno != EAGAIN)
			return;
}

int good_made_patient(int fd, const char *text, size_t n)
{
	if (patient(fd) < 0)
		return -1;
	while (n > 0) {
		ssize_t r = send(fd, text, n, MSG_NOSIGNAL);

		if (r < 0 && errno != EAGAIN)
			return -1;
		if (r > 0) {
			text += r;
			n -= (size_t)r;
		}
	}
	return quiet(fd);
}

int good_counts(int fd, char *to)
{
	int tries = 0;

	if (quiet(fd) < 0)
		return -1;
	while (recv(fd, to, 1, 0) < 0) {
		if (errno != EAGAIN || ++tries > 9)
			return -1;
	}
	return 0;
}

int bad_counts_something_else(int fd, char *to, int *turns)
{
	if (quiet(fd) < 0)
		return -1;
	while (recv(fd, to, 1, 0) < 0) { // W2
		if (errno != EAGAIN)
			return -1;
		(*turns)++;
	}
	return 0;
}

/* The next turn takes another of those that are ready. */
void good_next(int ep, int door)
{
	struct epoll_event ready[8];
	int n = epoll_wait(ep, ready, 8, 1000);

	if (quiet(door) < 0)
		return;
	for (int i = 0; i < n; i++) {
		int guest = accept4(door, NULL, NULL, SOCK_CLOEXEC);

		if (guest < 0) {
			if (errno == EAGAIN || errno == EMFILE)
				continue;
			return;
		}
		close(guest);
	}
}

/* select() is on the way back to the attempt. */
int good_waits_first(int to, const char *text, size_t n)
{
	if (quiet(to) < 0)
		return -1;
	while (n > 0) {
		struct timeval limit = { 3, 0 };
		fd_set out;
		ssize_t r;

		FD_ZERO(&out);
		FD_SET(to, &out);
		if (select(to + 1, NULL, &out, NULL, &limit) < 0)
			return -1;
		r = send(to, text, n, MSG_NOSIGNAL);
		if (r < 0 && errno != EAGAIN)
			return -1;
		if (r > 0) {
			text += r;
			n -= (size_t)r;
		}
	}
	return 0;
}

/* O_NONBLOCK does nothing for a file. */
int good_file(const char *name, char *to, size_t n)
{
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while (n > 0) {
		ssize_t r = read(fd, to, n);

		if (r < 0 && errno == EAGAIN)
			continue;
		if (r <= 0)
			break;
		to += r;
		n -= (size_t)r;
	}
	close(fd);
	return n ? -1 : 0;
}

int good_counts_down(int fd, char *to, int left)
{
	if (quiet(fd) < 0)
		return -1;
	while (left-- > 0) {
		if (recv(fd, to, 1, 0) >= 0)
			return 0;
		if (errno != EAGAIN)
			break;
	}
	return -1;
}
