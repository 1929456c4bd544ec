/* assert() is a condition: what fails it does not go on. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t frame(int fd, char *to, size_t room)
{
	uint32_t be, n;

	if (recv(fd, &be, sizeof(be), MSG_WAITALL) != (ssize_t)sizeof(be))
		return -1;
	n = ntohl(be);
	assert(n <= room);
	return recv(fd, to, n, MSG_WAITALL);
}

ssize_t frame_unlimited(int fd, char *to)
{
	uint32_t be, n;

	if (recv(fd, &be, sizeof(be), MSG_WAITALL) != (ssize_t)sizeof(be))
		return -1;
	n = ntohl(be);
	assert(n > 0);
	return recv(fd, to, n, MSG_WAITALL); // N5
}

int flag(int (*more)(void))
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool closed = false;

	assert(fd >= 0);
	while (more())
		if (!closed) {
			close(fd);
			closed = true;
		}
	assert(closed);
	return 0;
}
