/* What nobody looks at may come in any parts. */
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

struct state {
	int up;
	unsigned char sink[4096];
	uint32_t head[4];
};

static void drop(struct state *st, int fd)
{
	close(fd);
	st->up = 0;
}

void readable(struct state *st, int fd)
{
	ssize_t n = recv(fd, st->sink, sizeof(st->sink), 0);

	if (n > 0)
		return;
	drop(st, fd);
}

int feed(int fd, const uint8_t *data)
{
	uint32_t skip[64];

	recv(fd, skip, sizeof(skip), 0);
	if (send(fd, data, 166, MSG_NOSIGNAL) != 166)
		return -1;
	recv(fd, skip, sizeof(skip), MSG_DONTWAIT);
	return 0;
}

uint32_t looked(struct state *st, int fd)
{
	if (recv(fd, st->head, sizeof(st->head), 0) < 0) // E3
		return 0;
	return st->head[1];
}
