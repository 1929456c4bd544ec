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

static void hang_up(int fd)
{
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

/* The label closes what the failure closed. */
int closed_twice(int size)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = -1;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0) {
		close(fd);
		goto out;
	}
	r = 0;
out:
	close(fd); // L4
	return r;
}

int used_after(int fd, int size)
{
	close(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0) // L4
		return -1;
	return 0;
}

void of_member(struct conn *c, int size)
{
	close(c->fd);
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) < 0) // L4
		perror("setsockopt");
	c->fd = -1;
}

void by_helper(int fd)
{
	hang_up(fd);
	close(fd); // L4
}

void stream(struct conn *c, const char *text)
{
	fclose(c->log);
	fputs(text, c->log); // L4
}

int in_loop(int fd, int n)
{
	for (int i = 0; i < n; i++) {
		if (shutdown(fd, SHUT_WR) == 0)
			continue;
		close(fd);
		break;
	}
	close(fd); // L4
	return n;
}

int in_switch(int fd, int what)
{
	switch (what) {
	case 1:
		close(fd);
		break;
	case 2:
		return 0;
	default:
		return -1;
	}
	return shutdown(fd, SHUT_WR); // L4
}

int pair(void)
{
	int fds[2];

	if (pipe(fds) < 0)
		return -1;
	close(fds[0]);
	close(fds[1]);
	close(fds[0]); // L4
	return 0;
}

void freed(struct conn *c)
{
	close(c->fd);
	free(c);
	free(c); // L4
}

int old_style(s, size)
	int s;
	int size;
{
#ifdef SO_LINGER
	close(s);
	size = setsockopt(s, SOL_SOCKET, SO_LINGER, &size, sizeof(size)); // L4
#endif
	return (size);
}
