/* SPDX-License-Identifier: Apache-2.0 */
/* The same with GDBus, peer to peer: a method of a string that answers with a string, without a bus between. */
#include "call.h"

#include <gio/gio.h>
#include <stdio.h>

struct peer {
	struct call call;
	GMainLoop *loop;
	GDBusConnection *connection;
};

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
	if (call_count(&p->call))
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
	p->connection = g_object_ref(connection);
	g_dbus_connection_register_object(connection, "/", node->interfaces[0], &methods, p, NULL,
					  &error);
	peer_check("g_dbus_connection_register_object", error);
	return TRUE;
}

static void peer_call(struct peer *p);

static void peer_answered(GObject *connection, GAsyncResult *result, gpointer data)
{
	struct peer *p = data;
	GError *error = NULL;
	GVariant *value =
		g_dbus_connection_call_finish(G_DBUS_CONNECTION(connection), result, &error);
	const char *text;

	peer_check("g_dbus_connection_call", error);
	g_variant_get(value, "(&s)", &text);
	if (call_answer(&p->call, text, strlen(text)))
		peer_call(p);
	else
		g_main_loop_quit(p->loop);
	g_variant_unref(value);
}

static void peer_call(struct peer *p)
{
	while (call_more(&p->call)) {
		call_fill(&p->call);
		g_dbus_connection_call(p->connection, NULL, "/", "org.example.bench", "Echo",
				       g_variant_new("(s)", p->call.message), G_VARIANT_TYPE("(s)"),
				       G_DBUS_CALL_FLAGS_NONE, -1, NULL, peer_answered, p);
	}
}

static void peer_serve(struct peer *p, const char *address)
{
	GError *error = NULL;
	gchar *guid = g_dbus_generate_guid();
	GDBusServer *server =
		g_dbus_server_new_sync(address, G_DBUS_SERVER_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS,
				       guid, NULL, NULL, &error);

	peer_check("g_dbus_server_new_sync", error);
	g_signal_connect(server, "new-connection", G_CALLBACK(peer_accept), p);
	g_dbus_server_start(server);
	bench_ready();
}

static void peer_connect(struct peer *p, const char *address)
{
	GError *error = NULL;

	p->connection = g_dbus_connection_new_for_address_sync(
		address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &error);
	peer_check("g_dbus_connection_new_for_address_sync", error);
	peer_call(p);
}

int main(int argc, char **argv)
{
	static struct peer p;
	char address[200], version[32];

	snprintf(version, sizeof(version), "%u.%u.%u", glib_major_version, glib_minor_version,
		 glib_micro_version);
	call_init(&p.call, "gdbus", version, argc, argv);
	snprintf(address, sizeof(address), "unix:path=%s", p.call.bench.path);
	p.loop = g_main_loop_new(NULL, FALSE);
	if (p.call.bench.server)
		peer_serve(&p, address);
	else
		peer_connect(&p, address);
	g_main_loop_run(p.loop);
	bench_print(&p.call.bench);
	return 0;
}
