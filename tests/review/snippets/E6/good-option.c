#include <sys/socket.h>

int start(int fd)
{
#ifdef SO_NOSIGPIPE
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) < 0)
		return -1;
#endif
	return send(fd, "hello\n", 6, 0) == 6 ? 0 : -1;
}
