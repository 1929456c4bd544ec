#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>

struct peer {
	int fd;
};

int begin(struct peer *peer, int may_wait)
{
	struct timeval limit = { 10, 0 };

	if (!may_wait)
		return fcntl(peer->fd, F_SETFL, O_NONBLOCK);
	return setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* EAGAIN says that the limit of the socket has passed. */
ssize_t good_after_limit(struct peer *peer, char *buf, int *stop)
{
	ssize_t n;

	do {
		n = recv(peer->fd, buf, 100, 0);
		if (n < 0 && errno != EAGAIN)
			return -1;
	} while (n < 0 && !*stop);
	return n;
}
