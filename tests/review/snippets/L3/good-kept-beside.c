#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

struct caller {
	int line;
};

static gboolean on_caller(GIOChannel *c, GIOCondition what, gpointer data)
{
	struct caller *caller = data;

	(void)c;
	if (!(what & (G_IO_HUP | G_IO_ERR)))
		return TRUE;
	close(caller->line);
	g_free(caller);
	return FALSE;
}

void good_welcome(int door)
{
	int line = accept(door, NULL, NULL);
	struct caller *caller;
	GIOChannel *c;

	if (line < 0)
		return;
	caller = g_new(struct caller, 1);
	caller->line = line;
	c = g_io_channel_unix_new(line);
	g_io_add_watch(c, G_IO_IN | G_IO_HUP, on_caller, caller);
	g_io_channel_unref(c);
}
