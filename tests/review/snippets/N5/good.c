#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_BODY 65536
#define MAX_SLOTS 16

struct header {
	uint16_t kind;
	uint16_t slot;
	uint32_t size;
};

static int slots[MAX_SLOTS];

static int read_exactly(int fd, void *to, size_t size)
{
	char *p = to;

	while (size > 0) {
		ssize_t n = recv(fd, p, size, 0);

		if (n <= 0)
			return -1;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

char *good_limit(int fd)
{
	uint32_t size;
	char *body;

	if (read_exactly(fd, &size, sizeof(size)) < 0)
		return NULL;
	size = ntohl(size);
	if (size > MAX_BODY)
		return NULL;
	body = malloc(size + 1);
	if (!body)
		return NULL;
	if (read_exactly(fd, body, size) < 0) {
		free(body);
		return NULL;
	}
	body[size] = '\0';
	return body;
}

int good_sizeof(int fd)
{
	struct header h;
	char body[512];

	if (read_exactly(fd, &h, sizeof(h)) < 0 || h.size >= sizeof(body))
		return -1;
	return read_exactly(fd, body, h.size);
}

int good_index(int fd)
{
	struct header h;

	if (read_exactly(fd, &h, sizeof(h)) < 0)
		return -1;
	if (ntohs(h.slot) >= MAX_SLOTS)
		return -1;
	return slots[ntohs(h.slot)];
}

int good_smaller(int fd)
{
	struct header h;
	char body[512];
	size_t want;

	if (read_exactly(fd, &h, sizeof(h)) < 0)
		return -1;
	want = MIN(h.size, sizeof(body));
	return read_exactly(fd, body, want);
}

int good_cut(int fd)
{
	struct header h;
	char body[512];
	size_t want;

	if (read_exactly(fd, &h, sizeof(h)) < 0)
		return -1;
	want = h.size;
	if (want > sizeof(body))
		want = sizeof(body);
	return read_exactly(fd, body, want);
}

int good_mask(int fd)
{
	struct header h;

	if (read_exactly(fd, &h, sizeof(h)) < 0)
		return -1;
	return slots[h.slot % MAX_SLOTS] + slots[h.kind & 15];
}

static int header_is_valid(const struct header *h)
{
	return h->size <= MAX_BODY && h->slot < MAX_SLOTS;
}

int good_helper(int fd)
{
	struct header h;
	char *body;

	if (read_exactly(fd, &h, sizeof(h)) < 0 || !header_is_valid(&h))
		return -1;
	body = malloc(h.size);
	if (!body)
		return -1;
	slots[h.slot]++;
	free(body);
	return 0;
}

/* One byte cannot be too large for 256 elements. */
int good_byte(int fd)
{
	static int counters[256];
	unsigned char b;

	if (recv(fd, &b, 1, 0) != 1)
		return -1;
	return counters[b]++;
}

int good_count(int fd)
{
	char buf[512], copy[512];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n <= 0)
		return -1;
	memcpy(copy, buf, (size_t)n);
	return copy[n - 1];
}

int good_switch(int fd)
{
	uint32_t kind;

	if (read_exactly(fd, &kind, sizeof(kind)) < 0)
		return -1;
	switch (kind) {
	case 1:
	case 2:
		return slots[kind];
	default:
		return -1;
	}
}
