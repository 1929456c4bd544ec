/* Frames in one buffer, each with its length: one of length 0 makes no progress. */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void show(const unsigned char *at, size_t size)
{
	printf("%.*s\n", (int)size, (const char *)at);
}

void bad_offset(int s)
{
	unsigned char bytes[1024];
	ssize_t n = recv(s, bytes, sizeof(bytes), 0);
	size_t at = 0;

	while (n > 0 && at < (size_t)n) { // W1
		unsigned char size = bytes[at];

		if (size > (size_t)n - at)
			break;
		show(bytes + at, size);
		at += size;
	}
}

void bad_pointer(int s)
{
	unsigned char bytes[1024], *at = bytes;
	ssize_t left = recv(s, bytes, sizeof(bytes), 0);

	while (left >= 2) { // W1
		uint16_t size;

		memcpy(&size, at, sizeof(size));
		size = ntohs(size);
		if (size > left)
			return;
		show(at, size);
		at += size;
		left -= size;
	}
}

struct option {
	uint8_t kind;
	uint8_t size;
};

void bad_member(int s)
{
	unsigned char bytes[256];
	ssize_t n = recv(s, bytes, sizeof(bytes), 0);
	ssize_t at = 0;

	while (at + 2 <= n) { // W1
		const struct option *o = (const struct option *)(bytes + at);

		if (at + o->size > n)
			return;
		printf("%d\n", o->kind);
		at += o->size;
	}
}

void good_head(int s)
{
	unsigned char bytes[1024];
	ssize_t n = recv(s, bytes, sizeof(bytes), 0);
	size_t at = 0;

	while (n > 0 && at < (size_t)n) {
		unsigned char size = bytes[at];

		if (size > (size_t)n - at - 1)
			break;
		show(bytes + at + 1, size);
		at += 1 + size;
	}
}

void good_zero(int s)
{
	unsigned char bytes[1024];
	ssize_t n = recv(s, bytes, sizeof(bytes), 0);
	size_t at = 0;

	while (n > 0 && at < (size_t)n) {
		unsigned char size = bytes[at];

		if (size == 0 || size > (size_t)n - at)
			break;
		show(bytes + at, size);
		at += size;
	}
}

void good_least(int s)
{
	unsigned char bytes[256];
	ssize_t n = recv(s, bytes, sizeof(bytes), 0);
	ssize_t at = 0;

	while (at + 2 <= n) {
		const struct option *o = (const struct option *)(bytes + at);

		if (o->size < 2 || at + o->size > n)
			return;
		printf("%d\n", o->kind);
		at += o->size;
	}
}

/* The kind is skipped anyway. */
void good_steps(int s)
{
	unsigned char bytes[256];
	ssize_t n = recv(s, bytes, sizeof(bytes), 0);
	ssize_t at = 0;

	while (at < n) {
		unsigned char size = bytes[at++];

		if (size > n - at)
			return;
		at += size;
	}
}

void good_count(int s)
{
	unsigned char bytes[256];
	ssize_t n = recv(s, bytes, sizeof(bytes), 0);
	ssize_t at = 0;

	for (int i = 0; i < 16 && at < n; i++) {
		unsigned char size = bytes[at];

		if (size > n - at)
			return;
		at += size;
	}
}

/* Each frame is read anew. */
void good_read(int s, char *to, size_t room)
{
	size_t have = 0;

	while (have < room) {
		unsigned char size;

		if (recv(s, &size, 1, 0) != 1 || size > room - have)
			return;
		if (recv(s, to + have, size, MSG_WAITALL) != size)
			return;
		have += size;
	}
}
