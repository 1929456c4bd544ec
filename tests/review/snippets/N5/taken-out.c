/* A helper takes the number out of the bytes. */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

static uint32_t be32(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static unsigned hash(const char *s)
{
	unsigned h = 5381;

	while (*s)
		h = h * 33 + (unsigned char)*s++;
	return h;
}

int bad_copied(int s)
{
	unsigned char bytes[256], out[64];

	if (recv(s, bytes, sizeof(bytes), 0) < 8)
		return -1;
	memcpy(out, bytes + 4, be32(bytes)); // N5
	return out[0];
}

int good_limited(int s)
{
	unsigned char bytes[256], out[64];
	uint32_t size;

	if (recv(s, bytes, sizeof(bytes), 0) < 8)
		return -1;
	size = be32(bytes);
	if (size > sizeof(out))
		return -1;
	memcpy(out, bytes + 4, size);
	return out[0];
}

int good_hashed(int s)
{
	static int seen[1024];
	char word[64];
	ssize_t n = recv(s, word, sizeof(word) - 1, 0);

	if (n <= 0)
		return -1;
	word[n] = '\0';
	return seen[hash(word) % 1024]++;
}
