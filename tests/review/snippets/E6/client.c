#include <sys/socket.h>
#include <sys/types.h>

/* A client is ended as easily as a server. Said once: one fix covers the second place. */
int hello(int fd)
{
	if (send(fd, "hello\n", 6, 0) != 6) // E6
		return -1;
	return send(fd, "more\n", 5, 0) == 5 ? 0 : -1;
}
