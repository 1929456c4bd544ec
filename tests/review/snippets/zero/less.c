/* A length of a peer that may be 0, and what is one less. */
#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct head {
	uint16_t kind;
	uint16_t size;
};

static int take(int s, void *to, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = recv(s, (char *)to + have, size - have, 0);

		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	return 0;
}

int bad_last(int s)
{
	char text[256];
	uint16_t size;

	if (take(s, &size, sizeof(size)) < 0)
		return -1;
	size = ntohs(size);
	if (size > sizeof(text))
		return -1;
	if (take(s, text, size) < 0)
		return -1;
	text[size - 1] = '\0'; // N5
	return text[0];
}

int bad_member(int s)
{
	char text[256];
	struct head h;

	if (take(s, &h, sizeof(h)) < 0 || h.size > sizeof(text))
		return -1;
	if (take(s, text, h.size) < 0)
		return -1;
	text[h.size - 1] = '\0'; // N5
	return text[0];
}

int bad_copy(int s)
{
	char text[256], body[256];
	unsigned char size;

	if (recv(s, &size, 1, 0) != 1)
		return -1;
	if (take(s, text, size) < 0)
		return -1;
	memcpy(body, text + 1, size - 1); // N5
	return body[0];
}

int bad_header(int s)
{
	char body[512];
	uint32_t size;

	if (take(s, &size, sizeof(size)) < 0)
		return -1;
	size = ntohl(size);
	if (size > sizeof(body))
		return -1;
	return take(s, body, sizeof(size)) < 0 ? -1 : (int)recv(s, body, size - 4, 0); // N5
}

int bad_limit(int s)
{
	char text[256];
	uint32_t size, sum = 0;

	if (take(s, &size, sizeof(size)) < 0 || size > sizeof(text) || take(s, text, size) < 0)
		return -1;
	for (uint32_t i = 0; i < size - 1; i++) // N5
		sum += (unsigned char)text[i];
	return (int)sum;
}

int good_limit(int s)
{
	char text[256];
	uint32_t size, sum = 0;

	if (take(s, &size, sizeof(size)) < 0 || size > sizeof(text) || take(s, text, size) < 0)
		return -1;
	for (uint32_t i = 0; i + 1 < size; i++)
		sum += (unsigned char)text[i];
	return (int)sum;
}

/* Signed, and so below 0. */
int good_signed(int s)
{
	char text[256];
	int size, sum = 0;

	if (take(s, &size, sizeof(size)) < 0 || size < 0 || size > 256 || take(s, text, (size_t)size) < 0)
		return -1;
	for (int i = 0; i < size - 1; i++)
		sum += text[i];
	return sum;
}

int good_zero(int s)
{
	char text[256];
	uint16_t size;

	if (take(s, &size, sizeof(size)) < 0)
		return -1;
	size = ntohs(size);
	if (size == 0 || size > sizeof(text))
		return -1;
	if (take(s, text, size) < 0)
		return -1;
	text[size - 1] = '\0';
	return text[0];
}

int good_before(int s)
{
	char text[256];
	struct head h;

	if (take(s, &h, sizeof(h)) < 0 || !h.size || h.size > sizeof(text))
		return -1;
	if (take(s, text, h.size) < 0)
		return -1;
	text[h.size - 1] = '\0';
	return text[0];
}

int good_header(int s)
{
	char body[512];
	uint32_t size;

	if (take(s, &size, sizeof(size)) < 0)
		return -1;
	size = ntohl(size);
	if (size < sizeof(size) || size > sizeof(body))
		return -1;
	return (int)recv(s, body, size - 4, 0);
}

int good_inside(int s)
{
	char text[256];
	uint8_t size;

	if (take(s, &size, 1) < 0 || take(s, text, size) < 0)
		return -1;
	if (size > 0)
		text[size - 1] = '\0';
	return size > 1 ? text[size - 2] : 0;
}

static int fits(uint16_t size)
{
	return size > 3 && size < 200;
}

int good_asked(int s)
{
	char text[256];
	uint16_t size;

	if (take(s, &size, sizeof(size)) < 0 || !fits(size) || take(s, text, size) < 0)
		return -1;
	text[size - 1] = '\0';
	return text[0];
}

/* What has come is what is asked. */
int good_received(int s)
{
	char text[256];
	ssize_t n = recv(s, text, sizeof(text), 0);

	if (n <= 0)
		return -1;
	text[n - 1] = '\0';
	return text[0];
}
