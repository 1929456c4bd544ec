#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct conn {
	int fd;
	FILE *log;
	struct conn *next;
};

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int forgotten(int size)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

int again(int size)
{
	int fd = -1;

	for (int i = 0; i < 3; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return -1;
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0)
			return fd;
		close(fd);
	}
	return -1;
}

void all(struct conn *c)
{
	struct conn *next;

	for (; c; c = next) {
		next = c->next;
		close(c->fd);
		free(c);
	}
}

void number_only(int fd)
{
	close(fd);
	printf("closed %d\n", fd);
}

void by_pointer(struct conn *c)
{
	closep(&c->fd);
	closep(&c->fd);
}

int either(int fd, int ok)
{
	if (ok) {
		close(fd);
		return 0;
	}
	shutdown(fd, SHUT_WR);
	close(fd);
	return -1;
}

void both_ends(int in, int out)
{
	close(in);
	if (out != in)
		close(out);
}

void table(int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
	for (int i = 0; i < n; i++)
		fds[i] = -1;
}

int reopened(struct conn *c, const char *path)
{
	fclose(c->log);
	c->log = fopen(path, "ae");
	if (!c->log)
		return -1;
	fputs("again\n", c->log);
	return 0;
}

int flagged(int fd, int size)
{
	int closed = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0) {
		close(fd);
		closed = 1;
	}
	if (!closed)
		close(fd);
	return closed;
}

#define CLOSE(fd)            \
	do {                 \
		close(fd);   \
		(fd) = -1;   \
	} while (0)

void by_macro(struct conn *c)
{
	CLOSE(c->fd);
	if (c->fd >= 0)
		CLOSE(c->fd);
}
