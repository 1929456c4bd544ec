#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct user {
	int fd;
};

static int make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int bad_send(int fd, const char *text, size_t size)
{
	if (make_nonblocking(fd) < 0)
		return -1;
	while (size > 0) { // W2
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return -1;
		}
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t bad_receive(int fd, char *buf, size_t size)
{
	ssize_t n;

	do // W2
		n = recv(fd, buf, size, MSG_DONTWAIT);
	while (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
	return n;
}

ssize_t bad_goto(int fd, char *buf, size_t size)
{
	ssize_t n;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -1;
again:
	n = recv(fd, buf, size, 0); // W2
	if (n < 0 && errno == EAGAIN)
		goto again;
	return n;
}

void bad_file(const char *path, time_t until)
{
	while (access(path, F_OK) != 0) // W2
		if (time(NULL) > until)
			return;
}

int bad_zero(int fd, time_t until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (time(NULL) < until) // W2
		if (poll(&p, 1, 0) > 0)
			return 0;
	return -1;
}
