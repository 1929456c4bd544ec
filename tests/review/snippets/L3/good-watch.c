/* The watch's function closes the descriptor that was put into its data. */
#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

struct guest {
	int s;
};

static gboolean hear(GIOChannel *c, GIOCondition what, struct guest *g)
{
	int s = g->s;

	(void)c;
	if (!(what & G_IO_HUP))
		return TRUE;
	g_free(g);
	close(s);
	return FALSE;
}

void welcome(int door)
{
	int s = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	GIOChannel *c;
	struct guest *g;

	if (s < 0)
		return;
	c = g_io_channel_unix_new(s);
	g = g_malloc(sizeof(*g));
	g->s = s;
	g_io_add_watch(c, G_IO_IN | G_IO_HUP, (GIOFunc)hear, g);
	g_io_channel_unref(c);
}
