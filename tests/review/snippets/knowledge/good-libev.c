/* libev: the watcher keeps the descriptor until it is stopped. */
#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
	ev_io io;
	ev_timer timer;
};

static void end(struct ev_loop *loop, struct session *session)
{
	ev_timer_stop(loop, &session->timer);
	ev_io_stop(loop, &session->io);
	close(session->io.fd);
	free(session);
}

static void expired(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	end(loop, timer->data);
}

static void ready(struct ev_loop *loop, ev_io *io, int events)
{
	(void)events;
	end(loop, io->data);
}

int begin(struct ev_loop *loop)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct session *session;

	if (fd < 0)
		return -1;
	session = calloc(1, sizeof(*session));
	if (!session) {
		close(fd);
		return -1;
	}
	session->io.data = session;
	session->timer.data = session;
	ev_io_init(&session->io, ready, fd, EV_READ);
	ev_timer_init(&session->timer, expired, 10., 0.);
	ev_io_start(loop, &session->io);
	ev_timer_start(loop, &session->timer);
	return 0;
}

static void once(int events, void *data)
{
	int *fd = data;

	(void)events;
	close(*fd);
	free(fd);
}

int begin_once(struct ev_loop *loop)
{
	int *fd = malloc(sizeof(*fd));

	if (!fd)
		return -1;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0) {
		free(fd);
		return -1;
	}
	ev_once(loop, *fd, EV_READ, 10., once, fd);
	return 0;
}
