#include <glib-object.h>
#include <stdlib.h>

struct panel {
	GObject *object;
	char *name;
};

static void panel_hide(GObject *object)
{
	g_object_unref(object);
}

void good_two_references(GObject *object)
{
	panel_hide(object);
	g_object_unref(object);
}

static void name_drop(char *name)
{
	free(name);
}

void bad_two_frees(char *name)
{
	name_drop(name);
	free(name); // L4
}
