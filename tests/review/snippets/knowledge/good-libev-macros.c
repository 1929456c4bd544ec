/* libev's own way to write its functions and callbacks; the loop hides in the macros. */
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
	if (!peer)
		return;
	ev_io_stop(EV_A_ &peer->io);
	close(peer->fd);
	free(peer);
}

static void ready(EV_P_ ev_io *io, int revents)
{
	struct peer *peer = (struct peer *)io;
	char buf[256];
	ssize_t n = recv(peer->fd, buf, sizeof(buf), 0);

	if (n == 0) {
		forget(EV_A_ peer);
		return;
	}
	(void)revents;
}

void both(EV_P_ struct peer *one, struct peer *other)
{
	forget(EV_A_ one);
	forget(EV_A_ other);
}

int begin(EV_P_ struct peer *peer)
{
	peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->fd < 0)
		return -1;
	ev_io_init(&peer->io, ready, peer->fd, EV_READ);
	ev_io_start(EV_A_ &peer->io);
	return 0;
}
