#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct guest {
	struct event *event;
	char text[256];
};

static void reap(int n)
{
	(void)n;
}

static void drop(struct guest *g, int fd)
{
	event_free(g->event);
	close(fd);
	free(g);
}

/* What event_new() was given does not block, so it is not interrupted. */
static void good_quiet(evutil_socket_t fd, short what, void *data)
{
	struct guest *g = data;
	ssize_t n = recv(fd, g->text, sizeof(g->text), 0);

	(void)what;
	if (n <= 0 && !(n < 0 && errno == EAGAIN))
		drop(g, fd);
}

static void bad_blocks(evutil_socket_t fd, short what, void *data)
{
	struct guest *g = data;
	ssize_t n = recv(fd, g->text, sizeof(g->text), 0); // E4

	(void)what;
	if (n <= 0)
		drop(g, fd);
}

void enter_quiet(struct event_base *base, struct guest *g, int door)
{
	int fd = accept(door, NULL, NULL);

	if (fd < 0)
		return;
	if (evutil_make_socket_nonblocking(fd) < 0) {
		close(fd);
		return;
	}
	g->event = event_new(base, fd, EV_READ | EV_PERSIST, good_quiet, g);
	event_add(g->event, NULL);
}

void enter_slow(struct event_base *base, struct guest *g, int door)
{
	int fd = accept(door, NULL, NULL);

	if (fd < 0)
		return;
	g->event = event_new(base, fd, EV_READ | EV_PERSIST, bad_blocks, g);
	event_add(g->event, NULL);
}

void begin(void)
{
	struct sigaction child = { .sa_handler = reap };

	sigaction(SIGCHLD, &child, NULL);
}
