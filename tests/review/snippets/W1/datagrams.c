#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

/* A datagram may be empty, and the next recv() takes another one, or fails. */
int good_datagrams(int fd, int type, char *buf, size_t size)
{
	ssize_t n;

	switch (type) {
	case SOCK_DGRAM:
		do {
			n = recv(fd, buf, size, MSG_DONTWAIT);
			if (n < 0 && errno != EAGAIN)
				return -1;
		} while (n != -1);
		break;
	default:
		return -1;
	}
	return 0;
}

int bytes(int fd, int type, char *buf, size_t size)
{
	ssize_t n;

	switch (type) {
	case SOCK_STREAM:
		do { // W1
			n = recv(fd, buf, size, MSG_DONTWAIT);
			if (n < 0 && errno != EAGAIN)
				return -1;
		} while (n != -1);
		break;
	default:
		return -1;
	}
	return 0;
}
