#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int without_blocking(int fd)
{
	return fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* EAGAIN that is asked for here is that of poll(), or comes back to it. */
int good_waits(int fd, volatile int *status)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	if (without_blocking(fd) < 0)
		return -1;
	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno != EAGAIN)
			return -1;
		if (p.revents & POLLIN) {
			ssize_t n = recv(fd, &c, 1, 0);

			if (!n || (n < 0 && errno != EAGAIN))
				return -1;
			if (*status & 1)
				return 0;
		}
	}
}

int looks_only(int fd, volatile int *status)
{
	char c;

	if (without_blocking(fd) < 0)
		return -1;
	for (;;) { // W2
		ssize_t n = recv(fd, &c, 1, 0);

		if (!n || (n < 0 && errno != EAGAIN))
			return -1;
		if (*status & 1)
			return 0;
	}
}

int good_wakes(int fd)
{
	uint64_t one = 1;
	ssize_t r;

	do {
		r = write(fd, &one, sizeof(one));
	} while (r < 0 && errno == EAGAIN);
	return r < 0 ? -1 : 0;
}

int writes_text(int fd, const char *text, size_t n)
{
	ssize_t r;

	do { // W2
		r = send(fd, text, n, MSG_NOSIGNAL);
	} while (r < 0 && errno == EAGAIN);
	return r == (ssize_t)n ? 0 : -1;
}

int main(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), r, other;

	if (fd < 0)
		return 1;
	r = good_wakes(fd);
	close(fd);
	other = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (other < 0)
		return 1;
	r |= writes_text(other, "x", 1);
	close(other);
	return r ? 1 : 0;
}
