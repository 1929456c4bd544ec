#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STREAM (SOCK_STREAM | SOCK_CLOEXEC)

int start(char **argv)
{
	execvp(argv[0], argv);
	return -1;
}

static int set_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 ? -1 : fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

int with_flag(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int by_macro(void)
{
	return socket(AF_INET, STREAM, 0);
}

int afterwards(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int by_helper(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0 && set_cloexec(fd) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int accepted(int listener)
{
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int two(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
}

int by_variable(int wait)
{
	int type = SOCK_STREAM | SOCK_CLOEXEC;

	if (!wait)
		type |= SOCK_NONBLOCK;
	return socket(AF_INET, type, 0);
}

int by_caller(int type)
{
	return socket(AF_INET, type, 0);
}

/* One end is meant for the program that is started. */
int pair_for_child(int fds[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}
