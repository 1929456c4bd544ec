#include <sys/socket.h>

int hello(int fd)
{
	return send(fd, "hello\n", 6, 0) == 6 ? 0 : -1;
}
