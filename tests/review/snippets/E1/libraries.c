#include <gio/gio.h>
#include <uv.h>

void start(uv_loop_t *loop, uv_pipe_t *server, const char *path, uv_connection_cb cb)
{
	if (uv_pipe_init(loop, server, 0) < 0)
		return;
	uv_pipe_bind(server, path); // E1
	uv_listen((uv_stream_t *)server, 16, cb); // E1
}

void add(GSocketListener *listener, GSocketAddress *address)
{
	g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM, 0, NULL, NULL, NULL); // E1
}

/* An error that nobody looks at tells nobody. */
void add_and_forget(GSocketListener *listener, GSocketAddress *address)
{
	GError *error = NULL;

	g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM, 0, NULL, NULL, &error); // E1
}

gboolean add_and_look(GSocketListener *listener, GSocketAddress *address)
{
	GError *error = NULL;

	g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM, 0, NULL, NULL, &error);
	if (error) {
		g_warning("%s", error->message);
		g_error_free(error);
		return FALSE;
	}
	return TRUE;
}

void add_and_tell(GSocketListener *listener, GSocketAddress *address, GError **error)
{
	g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM, 0, NULL, NULL, error);
}
