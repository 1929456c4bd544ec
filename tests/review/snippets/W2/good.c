#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int good_poll(int fd, const char *text, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (make_nonblocking(fd) < 0)
		return -1;
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			if (poll(&p, 1, 1000) <= 0)
				return -1;
			continue;
		}
		if (n < 0)
			return -1;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Blocking: EAGAIN means that the limit of the socket has passed. */
ssize_t good_blocking(int fd, char *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, buf, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

void good_drain(int fd)
{
	char buf[256];
	ssize_t n;

	do
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	while (n > 0 || (n < 0 && errno == EINTR));
}

void good_sleep(const char *path, time_t until)
{
	while (access(path, F_OK) != 0) {
		if (time(NULL) > until)
			return;
		usleep(20000);
	}
}

int good_counted(void)
{
	int sum = 0;

	for (int i = 0; i < 1000; i++)
		sum += i;
	return sum;
}

/* Each turn of the outer loop waits. */
int good_outer(int fd, const char *text, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t done = 0;

	if (make_nonblocking(fd) < 0)
		return -1;
	while (done < size && poll(&p, 1, 1000) > 0) {
		while (done < size) {
			ssize_t n = send(fd, text + done, size - done, MSG_NOSIGNAL);

			if (n < 0 && errno == EAGAIN)
				break;
			if (n < 0)
				return -1;
			done += (size_t)n;
		}
	}
	return done == size ? 0 : -1;
}

struct door {
	struct door *next;
	int fd;
};

/* Each turn asks another descriptor. */
int good_all_doors(struct door *doors)
{
	for (struct door *door = doors; door; door = door->next) {
		int fd;

		if (make_nonblocking(door->fd) < 0)
			continue;
		fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && errno == EAGAIN)
			continue;
		return fd;
	}
	return -1;
}
