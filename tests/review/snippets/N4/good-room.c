#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#define ROOM 4096

int one_less(int fd)
{
	char text[ROOM];
	ssize_t n = read(fd, text, ROOM - 1);

	if (n > 0) {
		text[n] = '\0';
		return strcmp(text, "ready") == 0;
	}
	return 0;
}

int one_more(int fd)
{
	char text[ROOM + 1];
	ssize_t n = read(fd, text, ROOM);

	if (n > 0)
		text[n] = '\0';
	return n > 0 && text[0] == 'y';
}

int asks(int fd)
{
	char text[ROOM];
	ssize_t n = read(fd, text, ROOM);

	if (n < 0 || n == ROOM)
		return -1;
	text[n] = '\0';
	return text[0] == 'y';
}

int steps_back(int fd)
{
	char text[ROOM];
	ssize_t n = read(fd, text, ROOM);

	if (n <= 0)
		return -1;
	n--;
	text[n] = '\0';
	return text[0] == 'y';
}

/* Into another buffer than it was read into. */
int copies(int fd)
{
	char text[512], all[1024];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0)
		return -1;
	memcpy(all, text, (size_t)n);
	all[n] = '\0';
	return all[0] == 'y';
}

static int take(int fd, char *into, size_t size)
{
	ssize_t n = recv(fd, into, size, 0);

	if (n > 0)
		into[n] = '\0';
	return (int)n;
}

int take_some(int fd)
{
	char text[ROOM];

	return take(fd, text, sizeof(text) - 1);
}
