/* The callee ends it on some ways, and its result tells on which. */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int fd, late;
	char *out;
};

static void drop(struct client *c)
{
	close(c->fd);
	free(c->out);
	free(c);
}

static bool reply(struct client *c, const char *b, size_t n)
{
	if (n > 65536 || send(c->fd, b, n, MSG_NOSIGNAL) != (ssize_t)n) {
		drop(c);
		return false;
	}
	return true;
}

static int reply_or_minus(struct client *c, const char *b, size_t n)
{
	ssize_t sent = send(c->fd, b, n, MSG_NOSIGNAL);

	if (sent < 0 || (size_t)sent != n) {
		drop(c);
		return -1;
	}
	return 0;
}

void again(struct client **all, int count, const char *b, size_t n)
{
	for (int i = 0; i < count; i++) {
		struct client *c = all[i];

		if (!reply(c, b, n))
			drop(c); // L4
	}
}

void late(struct client *c, const char *b, size_t n)
{
	if (reply_or_minus(c, b, n) < 0)
		c->late = 1; // L4
}

void once(struct client *c, const char *b, size_t n)
{
	if (reply(c, b, n))
		drop(c);
}

void twice(struct client *c, const char *b, size_t n)
{
	int r = reply_or_minus(c, b, n);

	if (r < 0)
		return;
	if (reply_or_minus(c, b, n) == 0)
		c->late = 0;
}

void unasked(struct client *c, const char *b, size_t n)
{
	(void)reply(c, b, n);
	c->late = 1;
}

int helper(struct client *c, int n)
{
	int r = n > 3 ? 0 : -1;

	if (r)
		drop(c);
	c->late = 1; // L4
	return r;
}
