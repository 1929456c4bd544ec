#include <gio/gio.h>

gboolean reply(GOutputStream *out, const char *text, gsize n, GError **error)
{
	return g_output_stream_write_all(out, text, n, NULL, NULL, error);
}
