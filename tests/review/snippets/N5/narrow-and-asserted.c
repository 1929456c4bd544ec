#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A number of 16 bits asks for little. */
static void *good_short(const void *at)
{
	uint16_t n;

	memcpy(&n, at, sizeof(n));
	return calloc(n, 2);
}

static void *good_short_pointer(const void *at, uint16_t *n)
{
	memcpy(n, at, 2);
	return malloc(*n * 2);
}

static void *bad_long(const void *at, uint32_t *n)
{
	memcpy(n, at, 4);
	return malloc(*n * 2); // N5
}

void take(int fd, void **to)
{
	char in[4096];
	uint16_t s;
	uint32_t l;

	if (recv(fd, in, sizeof(in), 0) < 12)
		return;
	to[0] = good_short(in);
	to[1] = good_short_pointer(in, &s);
	to[2] = bad_long(in, &l);
}

int good_asserted(int fd)
{
	char room[1024];
	uint32_t n;

	if (recv(fd, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		return -1;
	n = ntohl(n);
	assert(n <= sizeof(room));
	return recv(fd, room, n, MSG_WAITALL) == (ssize_t)n ? room[0] : -1;
}

int bad_asserted_else(int fd, uint32_t other)
{
	char room[1024];
	uint32_t n;

	if (recv(fd, &n, sizeof(n), MSG_WAITALL) != sizeof(n))
		return -1;
	n = ntohl(n);
	assert(other <= sizeof(room));
	return recv(fd, room, n, MSG_WAITALL) == (ssize_t)n ? room[0] : -1; // N5
}
