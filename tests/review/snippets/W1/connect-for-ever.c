#include <sys/socket.h>
#include <unistd.h>

int wait_for_server(int fd, const struct sockaddr *addr, socklen_t size)
{
	int r;

	for (;;) { // W1
		r = connect(fd, addr, size);
		if (r == 0)
			break;
		usleep(100000);
	}
	return fd;
}
