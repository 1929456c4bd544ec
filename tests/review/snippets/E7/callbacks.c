/* A library calls again for as long as somebody waits in the queue. */
#include <errno.h>
#include <event2/event.h>
#include <glib-unix.h>
#include <glib.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

void serve(int s);

static gboolean bad_glib(gint door, GIOCondition condition, gpointer data)
{
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC); // E7

	if (s < 0) {
		perror("accept4");
		return TRUE;
	}
	serve(s);
	return TRUE;
}

static void bad_event(evutil_socket_t door, short what, void *data)
{
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC); // E7

	if (s < 0)
		return;
	serve(s);
}

static void bad_uv(uv_poll_t *handle, int status, int events)
{
	int *door = handle->data;
	int s = accept4(*door, NULL, NULL, SOCK_CLOEXEC); // E7

	if (s == -1) {
		fprintf(stderr, "accept4() failed\n");
		return;
	}
	serve(s);
}

static gboolean again(gpointer data)
{
	g_unix_fd_add(GPOINTER_TO_INT(data), G_IO_IN, bad_glib, NULL);
	return FALSE;
}

/* It is not called again at once. */
static gboolean good_removed(gint door, GIOCondition condition, gpointer data)
{
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0) {
		g_timeout_add(100, again, GINT_TO_POINTER(door));
		return FALSE;
	}
	serve(s);
	return TRUE;
}

static void good_stopped(evutil_socket_t door, short what, void *data)
{
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0) {
		event_del(data);
		return;
	}
	serve(s);
}

static void good_asked(uv_poll_t *handle, int status, int events)
{
	int *door = handle->data;
	int s = accept4(*door, NULL, NULL, SOCK_CLOEXEC);

	if (s == -1) {
		if (errno == EMFILE)
			uv_poll_stop(handle);
		return;
	}
	serve(s);
}

void watch(int door)
{
	g_unix_fd_add(door, G_IO_IN, bad_glib, NULL);
	g_unix_fd_add(door, G_IO_IN, good_removed, NULL);
}

struct event *watch_event(struct event_base *base, int door, void *self)
{
	return event_new(base, door, EV_READ | EV_PERSIST, bad_event, self);
}

struct event *watch_good_event(struct event_base *base, int door, void *self)
{
	return event_new(base, door, EV_READ | EV_PERSIST, good_stopped, self);
}

int watch_uv(uv_poll_t *a, uv_poll_t *b)
{
	int r = uv_poll_start(a, UV_READABLE, bad_uv);

	return r < 0 ? r : uv_poll_start(b, UV_READABLE, good_asked);
}
