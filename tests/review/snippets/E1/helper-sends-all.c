#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

struct link {
	int fd;
};

/* 0 when all went through, -1 else: whoever asks for anything but 0 sees the failure. */
static int send_all(int fd, const void *buf, size_t count)
{
	const char *bytes = buf;
	int n, off = 0;

retry:
	n = send(fd, bytes + off, count, MSG_NOSIGNAL);
	if (n == -1 && errno == EINTR)
		goto retry;
	if (n <= 0)
		return n;
	if ((size_t)n != count) {
		count -= n;
		off += n;
		goto retry;
	}
	return 0;
}

static int send_link(struct link *link, const void *buf, size_t count)
{
	int n = link->fd < 0 ? -1 : 0;

	if (!n)
		n = send_all(link->fd, buf, count);
	return n;
}

int good_nonzero(struct link *link, const void *buf, size_t count)
{
	if (send_link(link, buf, count))
		return -1;
	return 1;
}

int good_zero(int fd, const void *buf, size_t count)
{
	int n = send_all(fd, buf, count);

	if (n == 0)
		return 1;
	return -1;
}

/* How much went through: what says failure is below 0 here. */
static int send_some(int fd, const void *buf, size_t count)
{
	return send(fd, buf, count, MSG_NOSIGNAL);
}

int nonzero_of_an_amount(int fd, const void *buf)
{
	if (send_some(fd, buf, 400)) // E1 E3
		return 1;
	return -1;
}
