/* Handles every signal but the one. */
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static int gone;

static void
leave(number)
	int number;
{
	gone = number;
}

int
push(s, p, n)
	int s;
	char *p;
	int n;
{
	int c;

	signal(SIGTERM, leave);
	c = accept(s, NULL, NULL);
	if (c < 0)
		return (-1);
	n -= write(c, p, n); // E6
	close(c);
	return (n);
}
