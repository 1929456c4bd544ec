/* Results that nobody looks at, each in a function of its own. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int open_listener(const struct sockaddr *addr, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, addr, size) < 0) {
		close(fd);
		return -1;
	}
	listen(fd, 8); // E1
	return fd;
}

int bind_and_hope(int fd, const struct sockaddr *addr, socklen_t size)
{
	bind(fd, addr, size); // E1
	return listen(fd, 8);
}

void limit(int fd)
{
	struct timeval tv = { 5, 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)); // E1
}

void no_blocking(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK); // E1
}

/* Three sockets at once; only the middle one is not asked. */
int three(int control, int data, int errors, const struct sockaddr *a, socklen_t size)
{
	if (connect(control, a, size) < 0)
		return -1;
	connect(data, a, size); // E1
	if (connect(errors, a, size) < 0)
		return -1;
	return 0;
}

/* Stored, and overwritten before anybody reads it. */
int stored(int fd, const struct sockaddr *addr, socklen_t size)
{
	int r;

	r = bind(fd, addr, size); // E1
	r = listen(fd, 4);
	return r;
}

int backlog(fd)
	int fd;
{
#ifdef SOMAXCONN
	listen(fd, SOMAXCONN); // E1
#else
	listen(fd, 5); // E1
#endif
	return (fd);
}

void again(int *fds, int n, int want)
{
	int i;

	for (i = 0; i < n; i++) {
		if (fds[i] != want)
			continue;
		listen(fds[i], 4); // E1
	}
}

/* The name has no file then; the one that it makes is left open besides. */
void name_only(char *pattern)
{
	mkstemps(pattern, 5); // E1 L1
}
