#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(expression)                         \
	do {                                      \
		if (!(expression)) {              \
			perror(#expression);      \
			return -1;                \
		}                                 \
	} while (0)

static int make_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		perror("socket");
	return fd;
}

static int set_size(int fd, int size)
{
	return setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

/* What a helper gives belongs to its caller. */
int helper_gives(int size)
{
	int fd = make_socket(SOCK_STREAM);

	if (fd < 0)
		return -1;
	if (set_size(fd, size) < 0)
		return -1; // L1
	close(fd);
	return 0;
}

/* Logged and left. */
int logged(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC); // L1

	if (fd < 0) {
		fprintf(stderr, "%s: %d\n", path, errno);
		return -1;
	}
	if (set_size(fd, 100) < 0)
		fprintf(stderr, "%s: size\n", path);
	return 0;
}

int in_switch(int what, int size)
{
	int fd = make_socket(SOCK_STREAM);

	if (fd < 0)
		return -1;
	switch (what) {
	case 0:
		close(fd);
		return 0;
	case 1:
		if (set_size(fd, size) < 0) {
			close(fd);
			return -1;
		}
		return fd;
	default:
		return -1; // L1
	}
}

#ifdef WITH_LIMITS
int limited(int size)
{
	int fd = make_socket(SOCK_DGRAM);

	if (fd < 0)
		return -1;
#ifdef SO_BUSY_POLL
	if (setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &size, sizeof(size)) < 0)
		return -1; // L1
#endif
	close(fd);
	return 0;
}
#endif

int pair(char *out, size_t size)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	if (set_size(fds[0], 100) < 0) {
		close(fds[0]);
		return -1; // L1
	}
	snprintf(out, size, "%d %d", fds[0], fds[1]);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

/* On purpose: the lowest free number is 0. */
void to_stdin(int fd)
{
	close(0);
	dup(fd);
	close(fd);
}
