#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* This program starts others, so what is open here is open there. */
int start(char **argv)
{
	execvp(argv[0], argv);
	return -1;
}

int one(const struct sockaddr *addr, socklen_t size)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0); // L6

	if (fd < 0)
		return -1;
	if (bind(fd, addr, size) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int two(int listener)
{
	return accept(listener, NULL, NULL); // L6
}

int three(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK); // L6

	if (fd < 0)
		perror("accept4");
	return fd;
}

int four(int listener, int *out)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);

	*out = accept(listener, (struct sockaddr *)&from, &size); // L6
	return *out < 0 ? -1 : 0;
}

int five(family)
	int family;
{
	int s;

	s = socket(family, SOCK_STREAM, 0); // L6
	return (s);
}

int six(int debug)
{
	int fd = -1;

	if (debug)
		fd = socket(AF_INET, SOCK_DGRAM, 0); // L6
	return fd;
}

#ifdef HAVE_IPV6
int seven(void)
{
	return socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0); // L6
}
#endif

int eight(int n, int *fds)
{
	for (int i = 0; i < n; i++) {
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0); // L6
		if (fds[i] < 0)
			return -1;
	}
	return n;
}
