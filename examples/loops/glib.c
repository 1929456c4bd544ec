/* SPDX-License-Identifier: Apache-2.0 */
/* glib NAME: an echo server on a Postern loop inside a GLib main loop, until SIGTERM */
#include <glib-unix.h>
#include <postern.h>
#include <signal.h>
#include <stdio.h>

static size_t received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

static gboolean turn(gint fd, GIOCondition condition, gpointer loop)
{
	(void)fd, (void)condition;
	return postern_loop_dispatch((struct postern_loop *)loop, 0) < 0 ? G_SOURCE_REMOVE
									 : G_SOURCE_CONTINUE;
}

static gboolean tick(gpointer ticks)
{
	++*(unsigned *)ticks;
	return G_SOURCE_CONTINUE;
}

static gboolean stop(gpointer main_loop)
{
	g_main_loop_quit((GMainLoop *)main_loop);
	return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
	static const struct postern_conn_events on = { .size = sizeof on, .received = received };
	static const struct postern_server_events events = { .size = sizeof events, .conn = &on };
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	unsigned ticks = 0;
	GMainLoop *glib;
	guint sources[3];

	if (argc != 2 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_server_new(&server, loop, argv[1], NULL, &events, NULL) < 0)
		return fprintf(stderr, "glib: %s\n", postern_why()->text), 1;
	glib = g_main_loop_new(NULL, FALSE);
	sources[0] = g_unix_fd_add(postern_loop_fd(loop), G_IO_IN, turn, loop);
	sources[1] = g_timeout_add(10, tick, &ticks);
	sources[2] = g_unix_signal_add(SIGTERM, stop, glib);
	g_main_loop_run(glib);
	for (int i = 0; i < 3; i++)
		g_source_remove(sources[i]); /* before the loop that is polled is freed */
	g_main_loop_unref(glib);
	printf("%u ticks of GLib's timer\n", ticks);
	return 0;
}
