#include <gio/gio.h>
#include <string.h>

gboolean ask(GSocketConnection *connection, const char *question, GError **error)
{
	GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(connection));

	return g_output_stream_write(out, question, strlen(question), NULL, error) >= 0; // E3
}
