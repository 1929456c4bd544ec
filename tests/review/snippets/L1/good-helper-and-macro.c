#include <sys/socket.h>
#include <unistd.h>

#define auto_fd __attribute__((cleanup(close_fd))) int

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void hang_up(int fd)
{
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

int check(const struct sockaddr *addr, socklen_t size)
{
	auto_fd fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	return connect(fd, addr, size);
}

int ping(const struct sockaddr *addr, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int r;

	if (fd < 0)
		return -1;
	r = connect(fd, addr, size);
	hang_up(fd);
	return r;
}
