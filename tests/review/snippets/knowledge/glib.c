/* GLib and GIO: lost on a way out. */
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixconnection.h>
#include <gio/gunixfdlist.h>
#include <glib/gstdio.h>
#include <unistd.h>

gboolean save(char *path, const char *text, gsize n)
{
	int fd = g_mkstemp(path);

	if (fd < 0)
		return FALSE;
	if (write(fd, text, n) != (gssize)n)
		return FALSE; // L1
	return g_close(fd, NULL);
}

int entries(const char *path)
{
	GError *error = NULL;
	GDir *dir = g_dir_open(path, 0, &error);
	int n = 0;

	if (error) {
		g_clear_error(&error);
		return -1;
	}
	while (g_dir_read_name(dir))
		if (++n > 1000)
			return -1; // L7
	g_dir_close(dir);
	return n;
}

gboolean pass(GUnixFDList *list, const char *path)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return FALSE;
	if (g_unix_fd_list_append(list, fd, NULL) < 0)
		return FALSE; // L1
	close(fd);
	return TRUE;
}

gboolean hand(GUnixConnection *peer, const char *path)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return FALSE;
	if (!g_unix_connection_send_fd(peer, fd, NULL, NULL))
		return FALSE; // L1
	close(fd);
	return TRUE;
}

gboolean take(GUnixConnection *peer, char *buffer, gsize size)
{
	GError *error = NULL;
	int fd = g_unix_connection_receive_fd(peer, NULL, &error);

	if (fd == -1)
		return FALSE;
	if (pread(fd, buffer, size, 0) < 0)
		return FALSE; // L1
	close(fd);
	return TRUE;
}

gboolean again(const char *path)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return FALSE;
	g_close(fd, NULL);
	return close(fd) == 0; // L4
}
