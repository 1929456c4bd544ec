#include <sys/socket.h>
#include <unistd.h>

int dial(const struct sockaddr *addr, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, addr, size) < 0)
		return -1; // L1
	return fd;
}
