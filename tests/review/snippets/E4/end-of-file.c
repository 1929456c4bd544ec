/* EOF is no number of an error. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

static int next(FILE *file)
{
	int c = getc(file);

	if (c < 0)
		return -1;
	return c == '#' ? -1 : c;
}

int right_end(FILE *file)
{
	int c = next(file);

	if (c == EOF)
		return 0;
	return c;
}

int wrong_error(int s, char *to)
{
	int n = recv(s, to, 1, 0);

	if (n == EINTR) // E4
		return 0;
	return n < 0 ? -1 : n;
}
