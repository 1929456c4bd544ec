#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 64 };

static struct pollfd fds[CLIENTS + 1];
static int n_fds = 1;

static void leave(int i)
{
	close(fds[i].fd);
	fds[i] = fds[--n_fds];
}

/* One that does not read stops the others. */
static int tell(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

static void welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			fds[0].events = 0;
		return;
	}
	ioctl(fd, FIONBIO, &(int){ 1 });
	if (n_fds > CLIENTS) {
		close(fd);
		return;
	}
	fds[n_fds].fd = fd;
	fds[n_fds++].events = POLLIN;
	fds[0].events = n_fds > CLIENTS ? 0 : POLLIN;
}

void serve(int listener)
{
	char text[512];

	fds[0].fd = listener;
	fds[0].events = POLLIN;
	for (;;) {
		if (poll(fds, (nfds_t)n_fds, -1) < 0)
			continue;
		for (int i = n_fds; i-- > 1;) {
			ssize_t n;

			if (!fds[i].revents)
				continue;
			n = recv(fds[i].fd, text, sizeof(text), 0);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0 || tell(fds[i].fd, text, (size_t)n) < 0)
				leave(i);
		}
		if (fds[0].revents)
			welcome(listener);
	}
}
