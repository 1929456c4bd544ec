#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <sys/select.h>

int ask(int fd, const struct sockaddr_un *addr)
{
	struct timeval limit = { .tv_sec = 1 };
	fd_set set;
	char c;

	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -1;
	if (send(fd, "?", 1, MSG_NOSIGNAL) != 1)
		return -1;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	if (select(fd + 1, &set, NULL, NULL, &limit) != 1)
		return -1;
	return recv(fd, &c, 1, 0) == 1 ? c : -1;
}
