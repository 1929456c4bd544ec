/* A helper of the project that passes on how much went or came. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct header {
	uint32_t kind, size;
	char name[24];
};

static ssize_t hear(int s, void *to, size_t n)
{
	ssize_t got;

	do
		got = recv(s, to, n, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

static ssize_t say(const void *text, size_t n, int s)
{
	return send(s, text, n, MSG_NOSIGNAL);
}

static int say_all(int s, const char *text, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = send(s, text + done, n - done, MSG_NOSIGNAL);

		if (r < 0)
			return -1;
		done += r;
	}
	return 0;
}

uint32_t wrong_read(int s)
{
	struct header h;

	if (hear(s, &h, sizeof(h)) <= 0) // E3
		return 0;
	return h.kind;
}

int wrong_write(int s, const char *text, size_t n)
{
	if (say(text, n, s) < 0) // E3
		return -1;
	return 0;
}

/* All below is silent. */

uint32_t right_read(int s)
{
	struct header h;

	if (hear(s, &h, sizeof(h)) != (ssize_t)sizeof(h))
		return 0;
	return h.kind;
}

int right_write(int s, const char *text, size_t n)
{
	return say(text, n, s) == (ssize_t)n ? 0 : -1;
}

int right_all(int s, const char *text, size_t n)
{
	if (say_all(s, text, n) < 0)
		return -1;
	return 0;
}

int right_small(int s)
{
	char c = 'q';

	if (say(&c, sizeof(c), s) < 0)
		return -1;
	return 0;
}

static ssize_t look(int s, void *to, size_t n)
{
	return recv(s, to, n, MSG_PEEK);
}

uint32_t right_peek(int s)
{
	struct header h;

	if (look(s, &h, sizeof(h)) <= 0)
		return 0;
	return h.kind;
}

struct line {
	int s;
	size_t left;
};

/* It keeps the account itself: the callers look at `left`. */
static size_t push(struct line *l, const char *bytes)
{
	ssize_t n = send(l->s, bytes, l->left, MSG_NOSIGNAL);

	if (n <= 0)
		return 0;
	l->left -= (size_t)n;
	return (size_t)n;
}

void right_account(struct line *l, const char *bytes)
{
	push(l, bytes);
	while (l->left > 0 && push(l, bytes) > 0)
		;
}
