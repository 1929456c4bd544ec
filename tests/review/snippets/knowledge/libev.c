/* libev: the descriptor stays the caller's, and is lost before a watcher has it. */
#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int begin(struct ev_loop *loop, ev_io *watcher, void (*ready)(struct ev_loop *, ev_io *, int))
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (ev_is_active(watcher))
		return -1; // L1
	ev_io_init(watcher, ready, fd, EV_READ);
	ev_io_start(loop, watcher);
	return 0;
}

int known(struct ev_loop *loop)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); // L1

	if (fd < 0)
		return -1;
	ev_feed_fd_event(loop, fd, EV_READ);
	return 0;
}
