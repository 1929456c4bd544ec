#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <fcntl.h>

int ask(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char c;
	int r = -1;

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 &&
	    send(fd, "?", 1, MSG_NOSIGNAL) == 1 && recv(fd, &c, 1, 0) == 1)
		r = c;
	close(fd);
	return r;
}
