/* One place thinks of it, the other does not. */
#include <sys/socket.h>

int quiet(int fd)
{
	return send(fd, "a\n", 2, MSG_NOSIGNAL) == 2 ? 0 : -1;
}

int loud(int fd)
{
	return send(fd, "b\n", 2, 0) == 2 ? 0 : -1; // E6
}
