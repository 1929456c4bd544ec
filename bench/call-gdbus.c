/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with GDBus, peer to peer: a method of a string that answers with a string, without a bus between. */
#include "bench.h"

#include <gio/gio.h>
#include <stdio.h>

struct peer {
	struct bench *bench;
	GMainLoop *loop;
	GDBusConnection *connection;
	char *address;
	char *text;
};

const char *const peer_name = "gdbus";

const char *peer_version(void)
{
	static char version[32];

	snprintf(version, sizeof(version), "%u.%u.%u", glib_major_version, glib_minor_version,
		 glib_micro_version);
	return version;
}

static const char introspection[] =
	"<node><interface name='org.example.bench'><method name='Echo'>"
	"<arg type='s' name='text' direction='in'/>"
	"<arg type='s' name='text' direction='out'/></method></interface></node>";

static void peer_check(const char *what, GError *error)
{
	if (error) {
		fprintf(stderr, "%s\n", error->message);
		bench_die(what, 0);
	}
}

static void peer_echo(GDBusConnection *connection, const gchar *sender, const gchar *path,
		      const gchar *interface, const gchar *method, GVariant *parameters,
		      GDBusMethodInvocation *invocation, gpointer data)
{
	struct peer *p = data;
	const char *text;

	(void)sender, (void)path, (void)interface, (void)method;
	g_variant_get(parameters, "(&s)", &text);
	g_dbus_method_invocation_return_value(invocation, g_variant_new("(s)", text));
	bench_receive(p->bench, text, strlen(text));
	if (!p->bench->end.wall_ns)
		return;
	g_dbus_connection_flush_sync(connection, NULL, NULL);
	g_main_loop_quit(p->loop);
}

static gboolean peer_accept(GDBusServer *server, GDBusConnection *connection, gpointer data)
{
	static const GDBusInterfaceVTable methods = { .method_call = peer_echo };
	struct peer *p = data;
	GError *error = NULL;
	GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(introspection, &error);

	(void)server;
	peer_check("g_dbus_node_info_new_for_xml", error);
	g_object_ref(connection);
	g_dbus_connection_register_object(connection, "/", node->interfaces[0], &methods, p, NULL,
					  &error);
	peer_check("g_dbus_connection_register_object", error);
	return TRUE;
}

static void peer_pump(struct bench *b, size_t i);

static void peer_answered(GObject *connection, GAsyncResult *result, gpointer data)
{
	struct peer *p = data;
	GError *error = NULL;
	GVariant *value =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(connection), result, &error);
	const char *text;

	peer_check("g_dbus_connection_call", error);
	g_variant_get(value, "(&s)", &text);
	if (bench_in(p->bench, 0, text, strlen(text)))
		peer_pump(p->bench, 0);
	g_variant_unref(value);
}

static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = b->peer;

	while (bench_out(b, i, p->text, b->size))
		g_dbus_connection_call(p->connection, NULL, "/", "org.example.bench", "Echo",
				       g_variant_new("(s)", p->text), G_VARIANT_TYPE("(s)"),
				       G_DBUS_CALL_FLAGS_NONE, -1, NULL, peer_answered, p);
}

static void peer_open(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	GError *error = NULL;

	p->connection = g_dbus_connection_new_for_address_sync(
		p->address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &error);
	peer_check("g_dbus_connection_new_for_address_sync", error);
	peer_pump(b, i);
}

static void peer_close(struct bench *b, size_t i)
{
	struct peer *p = b->peer;

	(void)i;
	g_dbus_connection_close_sync(p->connection, NULL, NULL);
	g_object_unref(p->connection);
}

static void peer_stop(struct bench *b)
{
	g_main_loop_quit(((struct peer *)b->peer)->loop);
}

static void peer_serve(struct peer *p)
{
	GError *error = NULL;
	gchar *guid = g_dbus_generate_guid();
	GDBusServer *server = g_dbus_server_new_sync(
		p->address, G_DBUS_SERVER_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS, guid, NULL, NULL,
		&error);

	peer_check("g_dbus_server_new_sync", error);
	g_signal_connect(server, "new-connection", G_CALLBACK(peer_accept), p);
	g_dbus_server_start(server);
	bench_ready(p->bench);
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = {
		.open = peer_open, .pump = peer_pump, .close = peer_close, .stop = peer_stop
	};
	struct peer p = { .bench = b, .text = g_malloc0(b->size + 1) };

	b->text = true;
	b->peer = &p;
	b->ops = &ops;
	p.address = g_strdup_printf("unix:path=%s", b->path);
	p.loop = g_main_loop_new(NULL, FALSE);
	if (b->server)
		peer_serve(&p);
	else
		bench_open(b);
	g_main_loop_run(p.loop);
	g_free(p.address);
	g_free(p.text);
}
