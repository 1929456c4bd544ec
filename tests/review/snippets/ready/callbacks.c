/* Libraries call again for as long as the descriptor is ready. */
#include <ev.h>
#include <event2/event.h>
#include <glib-unix.h>
#include <glib.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

static gboolean bad_glib(gint fd, GIOCondition condition, gpointer data)
{
	char part[256];
	ssize_t n = recv(fd, part, sizeof(part), 0); // W2

	if (n < 0)
		return G_SOURCE_REMOVE;
	fwrite(part, 1, (size_t)n, stdout);
	return G_SOURCE_CONTINUE;
}

static gboolean good_glib(gint fd, GIOCondition condition, gpointer data)
{
	char part[256];
	ssize_t n = recv(fd, part, sizeof(part), 0);

	if (n <= 0) {
		close(fd);
		return G_SOURCE_REMOVE;
	}
	fwrite(part, 1, (size_t)n, stdout);
	return G_SOURCE_CONTINUE;
}

void watch_glib(int a, int b)
{
	g_unix_fd_add(a, G_IO_IN, bad_glib, NULL);
	g_unix_fd_add(b, G_IO_IN, good_glib, NULL);
}

static void bad_event(evutil_socket_t fd, short what, void *data)
{
	char part[256];
	ssize_t n = recv(fd, part, sizeof(part), 0); // W2

	if (n < 0) {
		event_del(data);
		return;
	}
	fwrite(part, 1, (size_t)n, stdout);
}

static void good_event(evutil_socket_t fd, short what, void *data)
{
	char part[256];
	ssize_t n = recv(fd, part, sizeof(part), 0);

	if (n < 1) {
		event_del(data);
		return;
	}
	fwrite(part, 1, (size_t)n, stdout);
}

/* Once, without EV_PERSIST. */
static void good_once(evutil_socket_t fd, short what, void *data)
{
	char part[256];
	ssize_t n = recv(fd, part, sizeof(part), 0);

	if (n > 0)
		fwrite(part, 1, (size_t)n, stdout);
}

struct event *watch_event(struct event_base *base, int a, void *self)
{
	return event_new(base, a, EV_READ | EV_PERSIST, bad_event, self);
}

struct event *watch_good_event(struct event_base *base, int a, void *self)
{
	return event_new(base, a, EV_READ | EV_PERSIST, good_event, self);
}

struct event *watch_once(struct event_base *base, int a)
{
	return event_new(base, a, EV_READ, good_once, NULL);
}

struct stream {
	uv_poll_t handle;
	int fd;
};

static void bad_uv(uv_poll_t *handle, int status, int events)
{
	struct stream *s = handle->data;
	char part[256];
	ssize_t n = recv(s->fd, part, sizeof(part), 0); // W2

	if (n < 0)
		uv_poll_stop(handle);
	else
		fwrite(part, 1, (size_t)n, stdout);
}

static void good_uv(uv_poll_t *handle, int status, int events)
{
	struct stream *s = handle->data;
	char part[256];
	ssize_t n = recv(s->fd, part, sizeof(part), 0);

	if (n <= 0)
		uv_poll_stop(handle);
	else
		fwrite(part, 1, (size_t)n, stdout);
}

int watch_uv(struct stream *a, struct stream *b)
{
	int r = uv_poll_start(&a->handle, UV_READABLE, bad_uv);

	return r < 0 ? r : uv_poll_start(&b->handle, UV_READABLE, good_uv);
}
