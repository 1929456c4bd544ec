/* One of several streams is over, and the loop waits for it again. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 32 };

void bad_poll(struct pollfd *streams, int n)
{
	for (;;) {
		if (poll(streams, (nfds_t)n, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < n; i++) {
			char part[256];
			ssize_t got;

			if (!(streams[i].revents & POLLIN))
				continue;
			got = recv(streams[i].fd, part, sizeof(part), 0); // W2
			if (got < 0) {
				close(streams[i].fd);
				streams[i].fd = -1;
				continue;
			}
			fwrite(part, 1, (size_t)got, stdout);
		}
	}
}

void bad_epoll(int all)
{
	struct epoll_event ready[MOST];

	for (;;) {
		int n = epoll_wait(all, ready, MOST, -1);

		for (int i = 0; i < n; i++) {
			int s = ready[i].data.fd;
			char part[256];
			ssize_t got = recv(s, part, sizeof(part), 0); // W2

			if (got > 0)
				fwrite(part, 1, (size_t)got, stdout);
			else if (got < 0)
				close(s);
		}
	}
}

static void hear(int s)
{
	char part[256];
	ssize_t got = recv(s, part, sizeof(part), 0); // W2

	if (got < 0) {
		close(s);
		return;
	}
	fwrite(part, 1, (size_t)got, stdout);
}

void bad_helper(int all)
{
	struct epoll_event ready[MOST];

	for (;;) {
		int n = epoll_wait(all, ready, MOST, -1);

		for (int i = 0; i < n; i++)
			hear(ready[i].data.fd);
	}
}

void bad_select(const int *streams, int n)
{
	for (;;) {
		fd_set in;
		int top = 0;

		FD_ZERO(&in);
		for (int i = 0; i < n; i++) {
			FD_SET(streams[i], &in);
			top = streams[i] > top ? streams[i] : top;
		}
		if (select(top + 1, &in, NULL, NULL, NULL) < 0)
			return;
		for (int i = 0; i < n; i++) {
			char part[256];
			ssize_t got;

			if (!FD_ISSET(streams[i], &in))
				continue;
			got = recv(streams[i], part, sizeof(part), 0); // W2
			if (got > 0)
				fwrite(part, 1, (size_t)got, stdout);
		}
	}
}

void good_poll(struct pollfd *streams, int n)
{
	for (;;) {
		if (poll(streams, (nfds_t)n, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < n; i++) {
			char part[256];
			ssize_t got;

			if (!(streams[i].revents & POLLIN))
				continue;
			got = recv(streams[i].fd, part, sizeof(part), 0);
			if (got <= 0) {
				close(streams[i].fd);
				streams[i].fd = -1;
				continue;
			}
			fwrite(part, 1, (size_t)got, stdout);
		}
	}
}

void good_epoll(int all)
{
	struct epoll_event ready[MOST];

	for (;;) {
		int n = epoll_wait(all, ready, MOST, -1);

		for (int i = 0; i < n; i++) {
			int s = ready[i].data.fd;
			char part[256];
			ssize_t got = recv(s, part, sizeof(part), 0);

			if (got > 0)
				fwrite(part, 1, (size_t)got, stdout);
			else
				epoll_ctl(all, EPOLL_CTL_DEL, s, NULL);
		}
	}
}

struct client {
	int fd;
	int over;
};

static void look(struct client *c)
{
	char part[256];
	ssize_t got = recv(c->fd, part, sizeof(part), 0);

	if (got <= 0)
		c->over = 1;
	else
		fwrite(part, 1, (size_t)got, stdout);
}

/* Marked, and closed by another. */
void good_marked(int all)
{
	struct epoll_event ready[MOST];

	for (;;) {
		int n = epoll_wait(all, ready, MOST, -1);

		for (int i = 0; i < n; i++)
			look(ready[i].data.ptr);
	}
}

void good_events(struct pollfd *streams, int n)
{
	for (;;) {
		if (poll(streams, (nfds_t)n, -1) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < n; i++) {
			char part[256];
			ssize_t got = 0;

			if (streams[i].revents & POLLIN)
				got = recv(streams[i].fd, part, sizeof(part), 0);
			if (got == 0 && (streams[i].revents & POLLIN))
				streams[i].events = 0;
			if (got > 0)
				fwrite(part, 1, (size_t)got, stdout);
		}
	}
}
