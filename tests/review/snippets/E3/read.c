/* Read in part and taken for whole. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct header {
	uint32_t magic;
	uint32_t kind;
};

struct peer {
	int fd;
	struct header last;
};

int read_header(int listener)
{
	struct header h;
	int kind, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	if (read(fd, &h, sizeof(h)) <= 0) { // E3
		close(fd);
		return -1;
	}
	kind = h.kind == 1;
	close(fd);
	return kind;
}

int into_member(struct peer *p)
{
	ssize_t n;

	n = recv(p->fd, &p->last, sizeof(p->last), MSG_WAITALL); // E3
	if (n < 0)
		return -errno;
	return p->last.magic == 0x1234 ? 0 : -EPROTO;
}

int not_even_asked(int fd)
{
	struct header h = { 0, 0 };

	recv(fd, &h, sizeof(h), 0); // E3
	return h.magic == 0x1234;
}
