#include <glib.h>
#include <sys/socket.h>

struct caller {
	int number;
};

static gboolean on_caller(GIOChannel *c, GIOCondition what, gpointer data)
{
	(void)c;
	(void)data;
	return !(what & (G_IO_HUP | G_IO_ERR));
}

void bad_welcome(int door)
{
	int line = accept(door, NULL, NULL);
	struct caller *caller;
	GIOChannel *c;

	if (line < 0)
		return;
	caller = g_new(struct caller, 1);
	caller->number = line;
	c = g_io_channel_unix_new(line); // L3
	g_io_add_watch(c, G_IO_IN | G_IO_HUP, on_caller, caller);
	g_io_channel_unref(c);
}
