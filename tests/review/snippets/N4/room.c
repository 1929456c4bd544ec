#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#define ROOM 4096

/* Whoever fills the buffer, the terminator goes behind it. */
int from_child(int fd)
{
	char text[ROOM];
	ssize_t n = read(fd, text, ROOM);

	if (n > 0) {
		text[n] = '\0'; // N4
		return strcmp(text, "ready") == 0;
	}
	return 0;
}

int by_number(int fd)
{
	char text[512];
	ssize_t n = read(fd, text, 512);

	if (n == -1)
		return -1;
	text[n] = 0; // N4
	return text[0] == 'y';
}

int twice(int fd, int other)
{
	char text[ROOM];
	ssize_t n = read(fd, text, ROOM);

	if (n != 4)
		return -1;
	n = read(other, text, ROOM);
	if (n <= 0)
		return -1;
	text[n] = '\0'; // N4
	return text[0] == 'y';
}

static int take(int fd, char *into, size_t size)
{
	ssize_t n = recv(fd, into, size, 0);

	if (n > 0)
		into[n] = '\0'; // N4
	return (int)n;
}

int take_some(int fd)
{
	char text[ROOM];

	return take(fd, text, sizeof(text));
}
