#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SLOTS 16

struct header {
	uint16_t kind;
	uint16_t slot;
	uint32_t size;
};

struct slot {
	int value;
};

static struct slot slots[MAX_SLOTS];

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

char *bad_allocation(int fd)
{
	uint32_t size;
	char *body;

	if (read_exactly(fd, &size, sizeof(size)) < 0)
		return NULL;
	size = ntohl(size);
	body = malloc(size + 1); // N5
	if (!body)
		return NULL;
	if (read_exactly(fd, body, size) < 0) {
		free(body);
		return NULL;
	}
	body[size] = '\0';
	return body;
}

int bad_read(int fd)
{
	struct header h;
	char body[512];

	if (read_exactly(fd, &h, sizeof(h)) < 0)
		return -1;
	return read_exactly(fd, body, ntohl(h.size)); // N5
}

int bad_index(int fd)
{
	struct header h;

	if (read_exactly(fd, &h, sizeof(h)) < 0)
		return -1;
	slots[h.slot].value++; // N5
	return 0;
}

int bad_copy(int fd, char *out)
{
	unsigned char buf[1024];
	char name[32];
	uint16_t length;
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n < 4)
		return -1;
	length = (uint16_t)((buf[0] << 8) | buf[1]);
	memcpy(name, buf + 2, length); // N5
	memcpy(out, name, sizeof(name));
	return 0;
}

int bad_text(int fd)
{
	static int counters[10];
	char line[64];
	ssize_t n = recv(fd, line, sizeof(line) - 1, 0);
	int at;

	if (n <= 0)
		return -1;
	line[n] = '\0';
	at = atoi(line);
	return counters[at]; // N5
}

int bad_scanned(int fd)
{
	char line[64];
	char *copy;
	ssize_t n = recv(fd, line, sizeof(line) - 1, 0);
	unsigned long count;

	if (n <= 0)
		return -1;
	line[n] = '\0';
	if (sscanf(line, "get %lu", &count) != 1)
		return -1;
	copy = calloc(count, 16); // N5
	if (!copy)
		return -1;
	free(copy);
	return 0;
}

static int store(const unsigned char *body, size_t size)
{
	static unsigned char last[256];

	memcpy(last, body, size); // N5
	return last[0];
}

int bad_helper(int fd)
{
	struct header h;
	unsigned char body[4096];

	if (read_exactly(fd, &h, sizeof(h)) < 0)
		return -1;
	if (recv(fd, body, sizeof(body), MSG_WAITALL) != sizeof(body))
		return -1;
	return store(body, h.size);
}

/* Only the lower end is looked at. */
int bad_half(int fd)
{
	struct header h;
	char *body;

	if (read_exactly(fd, &h, sizeof(h)) < 0)
		return -1;
	if (h.size == 0)
		return 0;
	body = malloc(h.size); // N5
	if (!body)
		return -1;
	free(body);
	return 1;
}
