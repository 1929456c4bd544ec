// A macro that asks before it leaves, and a function that calls itself and returns.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *checked(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return NULL;
	free(copy);
	RETURN_IF_FAILED(text);
	free(copy); // L4
	return NULL;
}

char *named(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return NULL;
	free(copy);
	RETURNING(text);
	free(copy); // L4
	return NULL;
}

static int again(int n)
{
	if (n > 8)
		_exit(1);
	if (n == 7)
		return 0;
	return again(n + 1);
}

void twice(int fd, int n)
{
	if (n) {
		close(fd);
		again(n);
	}
	close(fd); // L4
}
