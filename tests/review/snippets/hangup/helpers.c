/* The 0 comes through functions of the program. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t take(int s, void *to, size_t n)
{
	ssize_t got;

	do
		got = recv(s, to, n, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

static ssize_t take_more(int s, void *to, size_t n)
{
	return take(s, to, n);
}

int bad_wrapped(int s, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) { // W1
		ssize_t n = take(s, to + have, size - have);

		if (n < 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

int bad_twice_wrapped(int s, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) { // W1
		ssize_t n = take_more(s, to + have, size - have);

		if (n < 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

/* Its caller cannot tell an end from nothing yet. */
static bool have_some(int s, char *to, size_t size, size_t *got)
{
	ssize_t n = recv(s, to, size, 0);

	if (n < 0)
		return false;
	*got = (size_t)n;
	return true;
}

int bad_out(int s, char *to, size_t size)
{
	size_t left = size;

	while (left > 0) { // W1
		size_t got = 0;

		if (!have_some(s, to, left, &got))
			return -1;
		to += got;
		left -= got;
	}
	return 0;
}

struct conn {
	int fd;
	size_t have;
	char buf[512];
	bool over;
};

static int conn_fill(struct conn *c)
{
	ssize_t n = recv(c->fd, c->buf + c->have, sizeof(c->buf) - c->have, 0);

	if (n < 0)
		return -1;
	c->have += (size_t)n;
	return 0;
}

int bad_members(struct conn *c, size_t wanted)
{
	while (c->have < wanted) // W1
		if (conn_fill(c) < 0)
			return -1;
	return 0;
}

static int conn_line(struct conn *c, char *line, int size)
{
	int n = 0;

	while (n < size - 1) {
		ssize_t got = recv(c->fd, line + n, 1, 0);

		if (got < 0)
			return -1;
		if (got == 0 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
	return n;
}

/* An empty line and the end are the same for conn_line(). */
void bad_lines(struct conn *c)
{
	char line[80];

	for (;;) { // W1
		if (conn_line(c, line, sizeof(line)) < 0)
			return;
		if (!strcmp(line, "bye"))
			return;
		printf("%s\n", line);
	}
}

static void conn_skip(struct conn *c)
{
	char rest[64];

	if (recv(c->fd, rest, sizeof(rest), 0) < 0)
		c->over = true;
}

void bad_void(struct conn *c)
{
	while (!c->over) // W1
		conn_skip(c);
}

int good_wrapped(int s, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = take(s, to + have, size - have);

		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

static int take_all(int s, char *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = take(s, to + have, size - have);

		if (n == 0)
			return -2;
		if (n < 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

void good_frames(int s)
{
	uint16_t head;

	while (take_all(s, (char *)&head, sizeof(head)) == 0)
		printf("%d\n", head);
}

static int conn_fill_well(struct conn *c)
{
	ssize_t n = recv(c->fd, c->buf + c->have, sizeof(c->buf) - c->have, 0);

	if (n < 0)
		return -1;
	if (n == 0)
		c->over = true;
	c->have += (size_t)n;
	return 0;
}

int good_members(struct conn *c, size_t wanted)
{
	while (c->have < wanted && !c->over)
		if (conn_fill_well(c) < 0)
			return -1;
	return 0;
}

static void conn_skip_well(struct conn *c)
{
	char rest[64];

	if (recv(c->fd, rest, sizeof(rest), 0) <= 0) {
		close(c->fd);
		c->fd = -1;
	}
}

void good_void(struct conn *c)
{
	while (c->fd >= 0)
		conn_skip_well(c);
}

void good_lines(struct conn *c)
{
	char line[80];

	for (;;) {
		if (conn_line(c, line, sizeof(line)) <= 0)
			return;
		printf("%s\n", line);
	}
}
