/* GLib: what is asked until it changes, and does. */
#include <gio/gio.h>

void drain(void)
{
	while (g_main_context_pending(NULL))
		g_main_context_iteration(NULL, FALSE);
}

gssize copy(GInputStream *from, GOutputStream *to, GCancellable *stop)
{
	char bytes[4096];
	gsize sent;

	while (!g_cancellable_is_cancelled(stop)) {
		gssize n = g_input_stream_read(from, bytes, sizeof(bytes), stop, NULL);

		if (n <= 0)
			return n;
		if (!g_output_stream_write_all(to, bytes, (gsize)n, &sent, stop, NULL))
			return -1;
	}
	return 0;
}

char *free_name(const char *base)
{
	char *path = NULL;

	for (int i = 0; i < 100; i++) {
		g_free(path);
		path = g_strdup_printf("%s.%d", base, i);
		if (!g_file_test(path, G_FILE_TEST_EXISTS))
			break;
	}
	return path;
}
