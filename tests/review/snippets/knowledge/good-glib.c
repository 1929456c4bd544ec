/* GLib and GIO: everything has its end, or belongs to somebody. */
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixconnection.h>
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <unistd.h>

struct session {
	int fd;
	char *name;
};

gboolean save(char *path, const char *text, gsize n)
{
	int fd = g_mkstemp(path);
	gboolean worked;

	if (fd < 0)
		return FALSE;
	worked = write(fd, text, n) == (gssize)n;
	return g_close(fd, NULL) && worked;
}

/* The error tells that there is no directory. */
int entries(const char *path)
{
	GError *error = NULL;
	GDir *dir = g_dir_open(path, 0, &error);
	int n = 0;

	if (error != NULL) {
		g_clear_error(&error);
		return -1;
	}
	while (g_dir_read_name(dir))
		n++;
	g_dir_close(dir);
	return n;
}

/* What is given by address tells it as well. */
int empty(const char *path, GError **error)
{
	GDir *dir = g_dir_open(path, 0, error);
	gboolean none;

	if (*error)
		return -1;
	none = !g_dir_read_name(dir);
	g_dir_close(dir);
	return none;
}

/* The launcher closes what it took. */
GSubprocess *run(const char *path, const char *log)
{
	GSubprocessLauncher *launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
	GSubprocess *process;
	int fd = g_open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		g_subprocess_launcher_take_stdout_fd(launcher, fd);
	process = g_subprocess_launcher_spawn(launcher, NULL, path, NULL);
	g_object_unref(launcher);
	return process;
}

/* The list has a duplicate, the caller its own. */
gboolean pass(GUnixFDList *list, const char *path)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
	gboolean worked;

	if (fd < 0)
		return FALSE;
	worked = g_unix_fd_list_append(list, fd, NULL) >= 0;
	close(fd);
	return worked;
}

/* The table keeps the memory, and the number in a pointer. */
void keep(GHashTable *sessions, const char *path)
{
	struct session *session = g_malloc0(sizeof(*session));

	session->fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);
	session->name = g_strdup(path);
	g_hash_table_insert(sessions, session->name, session);
}

GList *append(GList *all, const char *path)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);

	return g_list_append(all, GINT_TO_POINTER(fd));
}

/* It goes to the caller. */
int stolen(const char *path)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	return g_steal_fd(&fd);
}
