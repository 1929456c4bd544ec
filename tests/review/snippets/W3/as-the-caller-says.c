#include <poll.h>

/* Whoever passes a negative number asks for a wait without a limit. */
int good_by_parameter(int fd, double timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (timeout < 0.0) {
		if (poll(&p, 1, -1) < 1)
			return -1;
	} else if (poll(&p, 1, (int)(timeout * 1000)) < 1) {
		return -1;
	}
	return 0;
}

int good_by_number(int fd, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (timeout < 0)
		return poll(&p, 1, -1);
	return poll(&p, 1, timeout);
}

int whatever_is_passed(int fd, int retries)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (retries > 0)
		return poll(&p, 1, -1); // W3
	return poll(&p, 1, retries);
}
