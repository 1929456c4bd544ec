/* A helper that gives -1 exactly if it is given less than 0 is a test of its argument. */
#include <sys/socket.h>
#include <unistd.h>

static int checked(int value)
{
	if (value < 0)
		return -1;
	return 0;
}

static int other(int value)
{
	return value > 100 ? -1 : 0;
}

int dial(const struct sockaddr *a, socklen_t n)
{
	int s;

	if (-1 == checked(s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)))
		return -1;
	if (-1 == checked(connect(s, a, n))) {
		close(s);
		return -1;
	}
	return s;
}

int lost(const struct sockaddr *a, socklen_t n)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (checked(s) < 0)
		return -1;
	if (checked(connect(s, a, n)) < 0)
		return -1; // L1
	return s;
}

int unrelated(const struct sockaddr *a, socklen_t n)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -1;
	if (other(s) < 0)
		return -1; // L1
	if (connect(s, a, n) < 0) {
		close(s);
		return -1;
	}
	return s;
}
