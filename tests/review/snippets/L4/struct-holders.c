/* A struct closes the descriptor in it with itself. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct conn {
	int fd;
	int kept;
	char *name;
};

static struct conn *conn_new(int fd, const char *name)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	c->name = (char *)name;
	return c;
}

static void conn_free(struct conn *c)
{
	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

static void conn_forget(struct conn *c)
{
	c->fd = -1;
}

static int conn_greet(struct conn *c)
{
	return send(c->fd, "hello\n", 6, MSG_NOSIGNAL) == 6 ? 0 : -1;
}

struct conn *after(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = conn_new(fd, "peer");
	if (!c) {
		close(fd);
		return NULL;
	}
	if (conn_greet(c) < 0) {
		conn_free(c);
		close(fd); // L4
		return NULL;
	}
	return c;
}

struct conn *before(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = conn_new(fd, "peer");
	if (!c) {
		close(fd);
		return NULL;
	}
	if (conn_greet(c) < 0) {
		close(fd); // L4
		conn_free(c);
		return NULL;
	}
	return c;
}

/* A stream that a function of the project makes. */
static FILE *reader(int fd)
{
	FILE *f = fdopen(fd, "r");

	if (!f)
		return NULL;
	if (setvbuf(f, NULL, _IOLBF, 0) != 0)
		perror("setvbuf");
	return f;
}

int wrapped(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	FILE *f;

	if (fd < 0)
		return -1;
	f = reader(fd);
	if (!f) {
		close(fd);
		return -1;
	}
	fclose(f);
	close(fd); // L4
	return 0;
}

int right_wrapped(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	FILE *f;

	if (fd < 0)
		return -1;
	f = reader(fd);
	if (!f) {
		close(fd);
		return -1;
	}
	fclose(f);
	return 0;
}

struct conn *right(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = conn_new(fd, "peer");
	if (!c) {
		close(fd);
		return NULL;
	}
	if (conn_greet(c) < 0) {
		conn_free(c);
		return NULL;
	}
	return c;
}

struct conn *right_freed_by_hand(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = conn_new(fd, "peer");
	if (!c) {
		close(fd);
		return NULL;
	}
	if (conn_greet(c) < 0) {
		close(fd);
		free(c);
		return NULL;
	}
	return c;
}

struct conn *right_forgotten(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = conn_new(fd, "peer");
	if (!c) {
		close(fd);
		return NULL;
	}
	if (conn_greet(c) < 0) {
		conn_forget(c);
		close(fd);
		conn_free(c);
		return NULL;
	}
	return c;
}

struct conn *right_set(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return NULL;
	c = conn_new(fd, "peer");
	if (!c) {
		close(fd);
		return NULL;
	}
	if (conn_greet(c) < 0) {
		close(fd);
		c->fd = -1;
		conn_free(c);
		return NULL;
	}
	return c;
}

static void conn_drop(struct conn *c)
{
	if (!c->kept)
		close(c->fd);
	free(c);
}

int right_kept(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return -1;
	c = conn_new(fd, "peer");
	if (!c) {
		close(fd);
		return -1;
	}
	c->kept = 1;
	conn_drop(c);
	close(fd);
	return 0;
}
