#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOREVER -1

int bad_reply(int sock, char *buf, size_t size)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	if (poll(&p, 1, -1) < 0) // W3
		return -1;
	return (int)recv(sock, buf, size, 0);
}

int bad_interrupted(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, -1); // W3
	while (r < 0 && errno == EINTR);
	return r;
}

int bad_named(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLOUT };

	return poll(&p, 1, FOREVER); // W3
}

int bad_variable(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int timeout = -1;

	if (poll(&p, 1, timeout) <= 0) // W3
		return -1;
	return 0;
}

/* Something is asked, and the answer is returned: no loop over events. */
ssize_t bad_answer(int sock, char *buf, size_t size)
{
	size_t have = 0;

	if (send(sock, "get\n", 4, MSG_NOSIGNAL) != 4)
		return -1;
	while (have < size) {
		struct pollfd p = { .fd = sock, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, -1) < 0) // W3
			return -1;
		n = recv(sock, buf + have, size - have, 0);
		if (n <= 0)
			return -1;
		have += (size_t)n;
		if (memchr(buf, '\n', have))
			return (ssize_t)have;
	}
	return -1;
}

int bad_connected(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLOUT };
	int error = 0;
	socklen_t n = sizeof(error);

	if (poll(&p, 1, -1) < 0) // W3
		return -errno;
	if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -errno;
	return -error;
}
