/* The same macros, and what is wrong is found behind them. */
#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	ev_io io;
	int fd;
};

static void forget(EV_P_ struct peer *peer)
{
	ev_io_stop(EV_A_ &peer->io);
	close(peer->fd);
	free(peer);
}

void twice(EV_P_ struct peer *peer)
{
	forget(EV_A_ peer);
	forget(EV_A_ peer); // L4
}

static void ready(EV_P_ ev_io *io, int revents)
{
	struct peer *peer = (struct peer *)io;
	char buf[256];
	ssize_t n = recv(peer->fd, buf, sizeof(buf), 0); // W2

	if (n == 0)
		return;
	(void)revents;
}

void begin(EV_P_ struct peer *peer)
{
	ev_io_init(&peer->io, ready, peer->fd, EV_READ);
	ev_io_start(EV_A_ &peer->io);
}
