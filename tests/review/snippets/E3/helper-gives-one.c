#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>

struct header {
	int kind, size;
};

/* 1 when all has come, 0 at the end, -1 else. */
static int read_all(int fd, void *buf, size_t size)
{
	char *bytes = buf;
	ssize_t n;

	while (size > 0) {
		n = recv(fd, bytes, size, 0);
		if (n <= 0)
			return n < 0 ? -1 : 0;
		bytes += n;
		size -= (size_t)n;
	}
	return 1;
}

int good_whole(int fd)
{
	struct header header;

	if (read_all(fd, &header, sizeof(header)) <= 0)
		return -1;
	return header.kind;
}

static ssize_t read_some(int fd, void *buf, size_t size)
{
	return recv(fd, buf, size, 0);
}

int part(int fd)
{
	struct header header;

	if (read_some(fd, &header, sizeof(header)) <= 0) // E3
		return -1;
	return header.kind;
}
