#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct session {
	int fd;
	char line[256];
};

static int dial(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -1;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int put(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

int bad_once(const char *path)
{
	int fd = dial(path), r = -1;
	char c;

	if (fd < 0)
		return -1;
	if (put(fd, "ping\n", 5) == 0 && recv(fd, &c, 1, 0) == 1) // W4
		r = c;
	close(fd);
	return r;
}

/* All that the server has to say. */
ssize_t bad_all(int fd, char *buf, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = recv(fd, buf + have, size - have, 0); // W4

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int bad_line(struct session *s)
{
	size_t have = 0;

	while (have < sizeof(s->line)) {
		ssize_t n = read(s->fd, s->line + have, sizeof(s->line) - have); // W4

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		have += (size_t)n;
		if (memchr(s->line, '\n', have))
			return 0;
	}
	return -1;
}

int bad_open(struct session *s, const char *path)
{
	s->fd = dial(path);
	if (s->fd < 0)
		return -1;
	return put(s->fd, "hello\n", 6) < 0 ? -1 : bad_line(s);
}

int bad_whole(const char *path, char *buf, size_t size)
{
	int fd = dial(path), r;

	if (fd < 0)
		return -1;
	r = put(fd, "all\n", 4) < 0 ? -1 : (int)bad_all(fd, buf, size);
	close(fd);
	return r;
}

int bad_flag(const char *path)
{
	int fd = dial(path), r;
	char reply[4];

	if (fd < 0)
		return -1;
	if (put(fd, "ok?\n", 4) < 0) {
		close(fd);
		return -1;
	}
	r = recv(fd, reply, sizeof(reply), MSG_WAITALL) == 4 ? 0 : -1; // W4
	close(fd);
	return r;
}
