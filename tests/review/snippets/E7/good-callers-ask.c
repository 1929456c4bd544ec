#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int clients[100], n_clients;

static int take(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return -1;
	clients[n_clients++ % 100] = fd;
	return fd;
}

/* Where the helper is called somebody has thought of it. */
void good_loop(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	for (;;) {
		if (poll(&p, 1, 1000) <= 0)
			continue;
		if (take(listener) < 0 && errno == EMFILE)
			usleep(100000);
	}
}
