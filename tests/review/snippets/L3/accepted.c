#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

/* It looks at the connection, and does no more with it. */
static int type_of(int fd)
{
	socklen_t size = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ? -1 : type;
}

/* Counted, and forgotten. */
int count_one(int listener, int *count)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); // L3

	if (fd < 0)
		return -errno;
	(*count)++;
	return 0;
}

int print_type(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC); // L3

	if (fd == -1)
		return -1;
	printf("%d\n", type_of(fd));
	return 0;
}

int refuse(listener, limit, have)
	int listener;
	int limit;
	int have;
{
	int s;

	s = accept4(listener, NULL, NULL, SOCK_CLOEXEC); // L3
	if (s < 0)
		return (-1);
	if (have > limit)
		return (0);
	shutdown(s, SHUT_RDWR);
	return (1);
}

#ifdef SO_PEERCRED
int who(int listener, struct ucred *who)
{
	socklen_t size = sizeof(*who);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC); // L3

	if (fd < 0)
		return -1;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &size);
}
#endif

int with_log(int listener, int debug)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	int fd;

	if ((fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC)) < 0) // L3
		return -1;
	if (debug)
		fprintf(stderr, "client %d of family %d\n", fd, from.ss_family);
	return 0;
}
