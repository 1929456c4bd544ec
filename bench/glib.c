/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work over GLib: a GSocket for each connection with a GSource in a main context, the layer that costs least
 * (streams and GSocketService are above it). GLib does not collect writes, so a batch is put together here.
 */
#include "bench.h"

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <stdio.h>

struct peer_link {
	GSocket *socket;
	GSource *source;
	GIOCondition condition;
	struct peer *peer;
	struct bench_rest rest;
	size_t i;
};

struct peer {
	struct bench *bench;
	GMainContext *context;
	GMainLoop *loop;
	GSocket *listener;
	struct peer_link *links;
	struct peer_link **accepted;
	char in[BENCH_READ];
	unsigned char out[BENCH_OUT];
};

const char *const peer_name = "glib";

const char *peer_version(void)
{
	static char version[32];

	snprintf(version, sizeof(version), "%u.%u.%u", glib_major_version, glib_minor_version,
		 glib_micro_version);
	return version;
}

static void peer_check(const char *what, const GError *error)
{
	if (!error)
		return;
	fprintf(stderr, "%s\n", error->message);
	bench_die(what, 0);
}

static gboolean peer_happened(GSocket *socket, GIOCondition condition, gpointer data);

/* A source's condition is fixed when it is made. */
static void peer_watch(struct peer_link *l, GIOCondition condition)
{
	if (l->condition == condition)
		return;
	if (l->source) {
		g_source_destroy(l->source);
		g_source_unref(l->source);
	}
	l->condition = condition;
	l->source = g_socket_create_source(l->socket, condition, NULL);
	g_source_set_callback(l->source, G_SOURCE_FUNC(peer_happened), l, NULL);
	g_source_attach(l->source, l->peer->context);
}

static size_t peer_send_some(struct peer_link *l, const unsigned char *bytes, size_t n)
{
	GError *error = NULL;
	gssize sent =
		g_socket_send_with_blocking(l->socket, (const char *)bytes, n, FALSE, NULL, &error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		g_error_free(error);
		return 0;
	}
	peer_check("g_socket_send", error);
	return (size_t)sent;
}

static void peer_send(struct peer_link *l, const void *bytes, size_t n)
{
	size_t sent = peer_send_some(l, bytes, n);

	if (sent == n)
		return;
	bench_rest_keep(l->peer->bench, &l->rest, (const unsigned char *)bytes + sent, n - sent);
	peer_watch(l, l->peer->bench->server ? G_IO_OUT : G_IO_IN | G_IO_OUT);
}

static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	struct peer_link *l = &p->links[i];
	size_t n;

	while (!l->rest.n && (n = bench_out(b, i, p->out, b->room)))
		peer_send(l, p->out, n);
}

static void peer_drop(struct peer_link *l)
{
	g_source_destroy(l->source);
	g_source_unref(l->source);
	g_object_unref(l->socket);
	l->source = NULL;
	l->socket = NULL;
	l->condition = 0;
}

static void peer_serve(struct peer_link *l, size_t n)
{
	struct peer *p = l->peer;
	struct bench *b = p->bench;

	switch (bench_receive(b, p->in, n)) {
	case BENCH_ECHO:
		peer_send(l, p->in, n);
		break;
	case BENCH_SUM:
		peer_send(l, b->answer, sizeof(b->answer));
		break;
	case BENCH_EVENT:
		for (size_t i = 0; i < b->connections; i++)
			peer_send(p->accepted[i], b->event, b->size);
		break;
	}
}

/* False: the link's source has been destroyed. */
static bool peer_read(struct peer_link *l)
{
	struct peer *p = l->peer;
	struct bench *b = p->bench;
	GSource *source = l->source;
	GError *error = NULL;
	gssize n = g_socket_receive_with_blocking(l->socket, p->in, sizeof(p->in), FALSE, NULL,
						  &error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		g_error_free(error);
		return true;
	}
	peer_check("g_socket_receive", error);
	if (!n && !b->server)
		bench_die("the server left too early", 0);
	if (!n) {
		peer_drop(l);
		g_free(l);
		bench_gone(b);
		return false;
	}
	if (b->server)
		peer_serve(l, (size_t)n);
	else if (bench_in(b, l->i, p->in, (size_t)n))
		peer_pump(b, l->i);
	return l->source == source;
}

static gboolean peer_happened(GSocket *socket, GIOCondition condition, gpointer data)
{
	struct peer_link *l = data;

	(void)socket;
	if (condition & G_IO_OUT && l->rest.n &&
	    bench_rest_sent(&l->rest, peer_send_some(l, l->rest.bytes + l->rest.at,
						     l->rest.n - l->rest.at))) {
		peer_watch(l, G_IO_IN);
		if (!l->peer->bench->server)
			peer_pump(l->peer->bench, l->i);
		return G_SOURCE_REMOVE;
	}
	return (condition | G_IO_OUT) != G_IO_OUT ? peer_read(l) : G_SOURCE_CONTINUE;
}

static GSocket *peer_socket(const struct bench *b, GSocketAddress **address)
{
	GError *error = NULL;
	GSocket *socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, &error);

	peer_check("g_socket_new", error);
	if (!socket)
		bench_die("g_socket_new", 0);
	*address = g_unix_socket_address_new(b->path);
	return socket;
}

static void peer_open(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	struct peer_link *l = &p->links[i];
	GSocketAddress *address;
	GError *error = NULL;

	*l = (struct peer_link){ .peer = p, .i = i, .socket = peer_socket(b, &address) };
	g_socket_connect(l->socket, address, NULL, &error);
	peer_check("g_socket_connect", error);
	g_object_unref(address);
	peer_watch(l, G_IO_IN);
	peer_pump(b, i);
}

static void peer_close(struct bench *b, size_t i)
{
	peer_drop(&((struct peer *)b->peer)->links[i]);
}

static gboolean peer_accept(GSocket *listener, GIOCondition condition, gpointer data)
{
	struct peer *p = data;
	struct peer_link *l = g_new0(struct peer_link, 1);
	GError *error = NULL;

	(void)condition;
	l->peer = p;
	l->socket = g_socket_accept(listener, NULL, &error);
	peer_check("g_socket_accept", error);
	if (p->bench->work == BENCH_WORK_EVENTS)
		p->accepted[p->bench->peers] = l;
	bench_joined(p->bench);
	peer_watch(l, G_IO_IN);
	return G_SOURCE_CONTINUE;
}

static void peer_listen(struct peer *p)
{
	GSocketAddress *address;
	GError *error = NULL;
	GSource *source;

	p->listener = peer_socket(p->bench, &address);
	g_socket_set_listen_backlog(p->listener, BENCH_BACKLOG);
	g_socket_bind(p->listener, address, FALSE, &error);
	peer_check(p->bench->path, error);
	g_object_unref(address);
	g_socket_listen(p->listener, &error);
	peer_check("g_socket_listen", error);
	source = g_socket_create_source(p->listener, G_IO_IN, NULL);
	g_source_set_callback(source, G_SOURCE_FUNC(peer_accept), p, NULL);
	g_source_attach(source, p->context);
	g_source_unref(source);
	bench_ready(p->bench);
}

static void peer_stop(struct bench *b)
{
	g_main_loop_quit(((struct peer *)b->peer)->loop);
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = {
		.open = peer_open, .pump = peer_pump, .close = peer_close, .stop = peer_stop
	};
	struct peer *p = g_new0(struct peer, 1);

	p->links = g_new0(struct peer_link, b->connections);
	p->accepted = g_new0(struct peer_link *, b->connections);
	p->bench = b;
	b->peer = p;
	b->ops = &ops;
	p->context = g_main_context_new();
	p->loop = g_main_loop_new(p->context, FALSE);
	if (b->server)
		peer_listen(p);
	else
		bench_open(b);
	if (!b->stopped)
		g_main_loop_run(p->loop);
	for (size_t i = 0; i < b->connections && !b->server; i++)
		if (p->links[i].socket)
			peer_drop(&p->links[i]);
	g_main_loop_unref(p->loop);
	g_main_context_unref(p->context);
	g_clear_object(&p->listener);
	g_free(p->links);
	g_free(p->accepted);
	g_free(p);
}
