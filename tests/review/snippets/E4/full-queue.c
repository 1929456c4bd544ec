/* EAGAIN of connect() on a local socket: the queue of the server is full, and nothing is coming. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int wrong_both(const struct sockaddr_un *at)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -1;
	if (connect(s, (const struct sockaddr *)at, sizeof(*at)) < 0) { // E4
		if (errno != EINPROGRESS && errno != EAGAIN) {
			close(s);
			return -1;
		}
	}
	return s;
}

int wrong_alone(const struct sockaddr_un *at)
{
	int s = socket(PF_LOCAL, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = s, .events = POLLOUT };

	if (s < 0)
		return -1;
	if (fcntl(s, F_SETFL, O_NONBLOCK) < 0) {
		close(s);
		return -1;
	}
	if (connect(s, (const struct sockaddr *)at, sizeof(*at)) == -1) { // E4
		if (errno != EWOULDBLOCK) {
			close(s);
			return -1;
		}
		if (poll(&p, 1, 1000) <= 0) {
			close(s);
			return -1;
		}
	}
	return s;
}

/* All below is silent. */

/* Another family: there it is in progress. */
int right_family(const struct sockaddr *at, socklen_t n)
{
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -1;
	if (connect(s, at, n) < 0 && errno != EINPROGRESS && errno != EAGAIN) {
		close(s);
		return -1;
	}
	return s;
}

int right_any_family(const struct sockaddr *at, socklen_t n)
{
	int s = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -1;
	if (connect(s, at, n) < 0 && errno != EINPROGRESS && errno != EAGAIN) {
		close(s);
		return -1;
	}
	return s;
}

int right_refused(const struct sockaddr_un *at)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -1;
	if (connect(s, (const struct sockaddr *)at, sizeof(*at)) < 0 && errno != EINPROGRESS) {
		close(s);
		return -1;
	}
	return s;
}

int right_again(const struct sockaddr_un *at)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -1;
	for (int i = 0; connect(s, (const struct sockaddr *)at, sizeof(*at)) < 0; i++) {
		if (errno != EAGAIN || i == 10) {
			close(s);
			return -1;
		}
		usleep(100000);
	}
	return s;
}

/* Its caller learns that it has to try again. */
int right_told(const struct sockaddr_un *at, int *again)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*again = 0;
	if (s < 0)
		return -1;
	if (connect(s, (const struct sockaddr *)at, sizeof(*at)) < 0) {
		if (errno == EAGAIN)
			*again = 1;
		close(s);
		return -1;
	}
	return s;
}
