/* Numbers that were compared: against the end of what has come, after a subtraction, as the room left. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct input {
	char bytes[4096];
	char *start;
	int size;
	char *kept;
};

char *good_against_end(int fd, struct input *in)
{
	int length;
	char *at;

	in->start = in->bytes;
	in->size = (int)recv(fd, in->bytes, sizeof(in->bytes) - 1, 0);
	if (in->size <= 0)
		return NULL;
	in->bytes[in->size] = '\0';
	length = atoi(in->start);
	at = strchr(in->start, '\n');
	if (!at)
		return NULL;
	at++;
	if (at + (in->kept ? 1 : length) > in->start + in->size)
		return NULL;
	return in->kept ? in->kept : malloc((size_t)length + 1);
}

char *bad_against_nothing(int fd, struct input *in)
{
	int length;

	in->size = (int)recv(fd, in->bytes, sizeof(in->bytes) - 1, 0);
	if (in->size <= 0)
		return NULL;
	in->bytes[in->size] = '\0';
	length = atoi(in->bytes);
	if (in->kept)
		return in->kept;
	return malloc((size_t)length + 1); // N5
}

static const char key[] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3 };

int good_index(int fd)
{
	uint8_t code;
	int at;

	if (recv(fd, &code, 1, 0) != 1)
		return -1;
	at = code - 3;
	return at >= 0 && at < (int)sizeof(key) ? key[at] : -1;
}

int good_index_that_wraps(int fd)
{
	uint32_t code;
	uint32_t at;

	if (recv(fd, &code, sizeof(code), MSG_WAITALL) != sizeof(code))
		return -1;
	at = code - 1;
	return at < sizeof(key) ? key[at] : -1;
}

int bad_index(int fd)
{
	uint8_t code;
	int at;

	if (recv(fd, &code, 1, 0) != 1)
		return -1;
	if (code > sizeof(key))
		return -1;
	at = code - 3;
	return key[at]; // N5
}
