#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static int sign(int value)
{
	if (value < 0)
		return -1;
	return 0;
}

static bool is_there(int fd)
{
	return fd >= 0;
}

static int any(int value)
{
	return value == 7 ? -1 : 0;
}

int good_sign(const struct sockaddr *to, socklen_t n)
{
	int line;

	if (sign(line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return -1;
	if (sign(connect(line, to, n)) == -1) {
		close(line);
		return -1;
	}
	return line;
}

int good_there(void)
{
	int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!is_there(line))
		return -1;
	return line;
}

int bad_there(const struct sockaddr *to, socklen_t n)
{
	int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!is_there(line))
		return -1;
	if (connect(line, to, n) < 0)
		return -1; // L1
	return line;
}

int bad_any(void)
{
	int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (any(line) == -1)
		return -1; // L1
	return line;
}
