#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *look(const char *text, size_t n, const char *what)
{
	size_t m = strlen(what);

	for (; n >= m; text++, n--)
		if (!memcmp(text, what, m))
			return text;
	return NULL;
}

long good_line(int fd)
{
	char in[512];
	ssize_t n = recv(fd, in, sizeof(in), 0);

	if (n <= 0 || !memchr(in, '\n', (size_t)n))
		return -1;
	return strtol(in, NULL, 10);
}

long good_in_head(int fd)
{
	char in[512];
	ssize_t n = recv(fd, in, sizeof(in), 0);
	const char *end, *at;

	if (n <= 0)
		return -1;
	end = look(in, (size_t)n, "\n\n");
	if (!end)
		return -1;
	at = look(in, (size_t)(end - in), "size=");
	return at ? strtol(at + 5, NULL, 10) : -1;
}

long bad_behind(int fd)
{
	char in[512];
	ssize_t n = recv(fd, in, sizeof(in), 0);
	const char *at;

	if (n <= 0)
		return -1;
	at = look(in, (size_t)n, "size=");
	return at ? strtol(at + 5, NULL, 10) : -1; // N4
}

int bad_text(int fd)
{
	char in[512];
	ssize_t n = recv(fd, in, sizeof(in), 0);

	if (n <= 0 || !memchr(in, '\n', (size_t)n))
		return -1;
	return strcmp(in, "front\n"); // N4
}
