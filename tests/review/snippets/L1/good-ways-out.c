#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define _cleanup_close_ __attribute__((cleanup(close_it)))

struct server {
	int fd;
	int limit;
};

static void close_it(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void die(const char *what) __attribute__((noreturn));
static void die(const char *what)
{
	perror(what);
	exit(1);
}

int by_attribute(int size)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		return -errno;
	return 0;
}

int by_pointer(int size)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = -1;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0)
		r = 0;
	closep(&fd);
	return r;
}

int never_returns(int size)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0)
		die("setsockopt");
	return fd;
}

int out_parameter(int *ret, int size)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == -1) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -saved;
	}
	*ret = fd;
	return 0;
}

int member(struct server *s)
{
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -1;
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &s->limit, sizeof(s->limit)) < 0)
		return -1; /* server_free() closes it */
	return 0;
}

struct server *in_memory(void)
{
	struct server *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	s->limit = 1;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		free(s);
		return NULL;
	}
	return s;
}

int first_that_works(const struct sockaddr *list, int n, socklen_t size)
{
	int fd = -1;

	for (int i = 0; i < n; i++) {
		fd = socket(list[i].sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		if (bind(fd, &list[i], size) == 0)
			break;
		close(fd);
		fd = -1;
	}
	return fd;
}

void to_stdout(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, 1);
	if (fd > 2)
		close(fd);
}

int stream(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	FILE *file;

	if (fd < 0)
		return -1;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -1;
	}
	fclose(file);
	return 0;
}
