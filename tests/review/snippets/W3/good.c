#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile int stop;

int good_limit(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	return poll(&p, 1, 5000);
}

void good_accepting(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	while (!stop) {
		if (poll(&p, 1, -1) < 0)
			continue;
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			close(fd);
		else
			sleep(1);
	}
}

int good_two(int in, int sock)
{
	struct pollfd p[2] = { { .fd = in, .events = POLLIN }, { .fd = sock, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (p[0].revents || p[1].revents)
			return 0;
	}
}

void good_epoll(int epoll)
{
	struct epoll_event events[8];

	while (!stop) {
		int n = epoll_wait(epoll, events, 8, -1);

		for (int i = 0; i < n; i++)
			events[i].events = 0;
	}
}

void good_select(int fd)
{
	fd_set set;

	while (!stop) {
		FD_ZERO(&set);
		FD_SET(fd, &set);
		if (select(fd + 1, &set, NULL, NULL, NULL) < 0)
			break;
	}
}

int good_argument(int sock, int timeout)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	return poll(&p, 1, timeout);
}

/* Follows the events of a server as long as it is there. */
void good_follow(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char buf[256];

	while (!stop && poll(&p, 1, -1) >= 0)
		if (recv(sock, buf, sizeof(buf), MSG_DONTWAIT) == 0)
			return;
}

int good_changed(int sock, int patient)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int timeout = 1000;

	if (patient)
		timeout = -1;
	return poll(&p, 1, timeout);
}
