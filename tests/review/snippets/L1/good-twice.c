#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Conditions that are asked twice have one answer. */

#define PTY 1

struct session {
	struct session *next;
	int fd, flags;
};

static struct session *sessions;
void import(int fd);

int by_flag(int flags)
{
	int fd = -1;

	if (flags & PTY) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			return -1;
	}
	if (flags & PTY)
		close(fd);
	return 0;
}
int by_lack(int flags)
{
	int fd = -1;

	if (!(flags & PTY)) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			return -1;
	}
	if (~flags & PTY)
		close(fd);
	return 0;
}
int in_else(int flags)
{
	int fd = -1;

	if (flags & PTY) {
		fd = 0;
	} else {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			return -1;
	}
	if (~flags & PTY)
		close(fd);
	return 0;
}
int by_mode(int flags)
{
	int fd = -1;

	if (flags == PTY) {
		fd = 0;
	} else {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0)
			return -1;
	}
	if (flags != PTY)
		close(fd);
	return 0;
}

int by_member(struct session *s)
{
	int out[2] = { -1, -1 };

	if (s->flags & PTY) {
		out[0] = open("/dev/ptmx", O_RDWR | O_CLOEXEC);
		if (out[0] < 0)
			return -1;
	} else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out) < 0) {
		return -1;
	}
	if (~s->flags & PTY)
		close(out[1]);
	s->fd = out[0];
	return 0;
}

/* An array that is a parameter belongs to the caller. */
int make_pipe(int fds[2])
{
	if (pipe(fds) < 0)
		return -1;
	for (int i = 0; i < 2; i++)
		import(fds[i]);
	return 0;
}

int given_in_array(int out[2])
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	out[0] = pair[0];
	out[1] = pair[1];
	return 0;
}

/* Somebody else has it from here on. */
int disowned(int fd)
{
	int copy = dup(fd);
	struct {
		int fd;
		int size;
	} description = { copy, 1 };

	if (copy < 0)
		return -1;
	import(description.fd);
	copy = -1;
	if (copy >= 0)
		close(copy);
	return 0;
}

/* In a list, and returned as well: the list keeps it. */
static struct session *session_new(int fd, int listed)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->fd = fd;
	if (listed) {
		s->next = sessions;
		sessions = s;
	}
	return s;
}

int session_add(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct session *s;

	if (fd < 0)
		return -1;
	s = session_new(fd, 1);
	s->flags = 1;
	return 0;
}
