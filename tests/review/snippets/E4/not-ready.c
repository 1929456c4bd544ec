/* Non-blocking sockets, and clients that are dropped when they have nothing to say yet. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int fd;
	size_t used;
	char in[512];
};

static void drop(struct client *c)
{
	close(c->fd);
	free(c);
}

struct client *admit(int listener)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return NULL;
	}
	return c;
}

void readable(struct client *c)
{
	ssize_t n = read(c->fd, c->in + c->used, sizeof(c->in) - c->used); // E4

	if (n <= 0) {
		drop(c);
		return;
	}
	c->used += (size_t)n;
}

void until_nothing(struct client *c)
{
	ssize_t n;

	for (;;) {
		n = recv(c->fd, c->in, sizeof(c->in), 0); // E4
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			drop(c);
			return;
		}
		c->used += (size_t)n;
	}
}

void by_flag(int fd, size_t *total)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT); // E4

	if (n <= 0)
		close(fd);
	else
		*total += (size_t)n;
}
