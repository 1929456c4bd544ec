#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRY(call) do { if ((call) < 0) return -errno; } while (0)

int in_a_condition(int fd, const struct sockaddr *addr, socklen_t size)
{
	if (bind(fd, addr, size) < 0 || listen(fd, 8) < 0) {
		perror("listen");
		return -1;
	}
	return 0;
}

int with_goto(int fd, const struct sockaddr *addr, socklen_t size)
{
	int r;

	r = bind(fd, addr, size);
	if (r < 0)
		goto out;
	r = listen(fd, 8);
out:
	return r;
}

int in_a_macro(int fd, const struct sockaddr *addr, socklen_t size)
{
	TRY(bind(fd, addr, size));
	TRY(listen(fd, 8));
	return 0;
}

void does_not_matter(int fd)
{
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

static int checked(int r, const char *what)
{
	if (r < 0)
		perror(what);
	return r;
}

int by_a_helper(int fd)
{
	checked(listen(fd, 8), "listen");
	return fd;
}

int later(int fd, const struct sockaddr *addr, socklen_t size, int quiet)
{
	int r = connect(fd, addr, size);

	if (!quiet)
		fprintf(stderr, "connecting\n");
	return r == 0 ? fd : -1;
}

int in_a_loop(int fd, const struct sockaddr *addr, socklen_t size)
{
	int i;

	for (i = 0; i < 5; i++) {
		if (connect(fd, addr, size) == 0)
			return 0;
		sleep(1);
	}
	return -1;
}

int flags(int fd)
{
	int old = fcntl(fd, F_GETFL);

	return old < 0 ? -1 : fcntl(fd, F_SETFL, old | O_NONBLOCK);
}
