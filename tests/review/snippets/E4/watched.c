#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

struct guest {
	struct ev_io in;
	char text[512];
};

static void reap(int n)
{
	(void)n;
}

static int quiet(int fd)
{
	int f = fcntl(fd, F_GETFL);

	return f < 0 ? -1 : fcntl(fd, F_SETFL, f | O_NONBLOCK);
}

/* What is kept in the watcher does not block, so it is not interrupted. */
static void good_ready(struct ev_loop *loop, struct ev_io *w, int what)
{
	struct guest *g = w->data;
	ssize_t n = recv(w->fd, g->text, sizeof(g->text), 0);

	(void)what;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
		return;
	ev_io_stop(loop, w);
	close(w->fd);
}

void welcome(struct ev_loop *loop, struct guest *g, int door)
{
	int fd = accept(door, NULL, NULL);

	if (fd < 0)
		return;
	if (quiet(fd) < 0) {
		close(fd);
		return;
	}
	ev_io_init(&g->in, good_ready, fd, EV_READ);
	g->in.data = g;
	ev_io_start(loop, &g->in);
}

int main(void)
{
	struct sigaction child = { .sa_handler = reap };
	static struct guest g;

	sigaction(SIGCHLD, &child, NULL);
	welcome(ev_default_loop(0), &g, 3);
	return ev_run(ev_default_loop(0), 0);
}
