/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the old name is unlinked without asking who listens there;
 *  - the result of listen() is ignored;
 *  - the result of accept() is not looked at before a channel is made of it;
 *  - nobody closes the accepted descriptor: the channel does not own it, and its end only removes
 *    the watch;
 *  - what a client sends is the format of g_message();
 *  - a client's word is made part of a path ("../") that is opened.
 */

#include <errno.h>
#include <glib.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct _NotifyDaemon NotifyDaemon;

struct _NotifyDaemon {
    GMainLoop *loop;
    GIOChannel *listener;
    GQueue *recent;
    gchar *path;
    guint shown;
};

static NotifyDaemon *
notify_daemon_new (const gchar *path)
{
    NotifyDaemon *self = g_slice_new0 (NotifyDaemon);

    self->loop = g_main_loop_new (NULL, FALSE);
    self->recent = g_queue_new ();
    self->path = g_strdup (path);
    return self;
}

static void
notify_daemon_free (NotifyDaemon *self)
{
    if (self->listener != NULL)
        g_io_channel_unref (self->listener);
    unlink (self->path);
    g_queue_free_full (self->recent, g_free);
    g_main_loop_unref (self->loop);
    g_free (self->path);
    g_slice_free (NotifyDaemon, self);
}

static void
notify_daemon_show (NotifyDaemon *self, const gchar *text)
{
    g_print ("%u: %s\n", ++self->shown, text);
    g_queue_push_head (self->recent, g_strdup (text));
    if (g_queue_get_length (self->recent) > 50)
        g_free (g_queue_pop_tail (self->recent));
}

static void
notify_daemon_list (NotifyDaemon *self)
{
    GList *l;

    for (l = self->recent->head; l != NULL; l = l->next)
        g_print ("  %s\n", (const gchar *) l->data);
}

static void
notify_daemon_template (NotifyDaemon *self, const gchar *name)
{
    gchar *file = g_strdup_printf ("/usr/share/notifyd/%s.txt", name);
    gchar *text = NULL;

    if (g_file_get_contents (file, &text, NULL, NULL)) /* @N3 */
        notify_daemon_show (self, text);
    g_free (text);
    g_free (file);
}

static gboolean
client_ready (GIOChannel *channel, GIOCondition condition, gpointer data)
{
    NotifyDaemon *self = data;
    GError *error = NULL;
    gchar *line = NULL;
    gsize end = 0;

    if (condition & (G_IO_ERR | G_IO_NVAL))
        return FALSE;

    switch (g_io_channel_read_line (channel, &line, NULL, &end, &error)) {
    case G_IO_STATUS_NORMAL:
        line[end] = '\0';
        if (g_str_has_prefix (line, "debug "))
            g_message (line + 6); /* @N1 */
        else if (g_str_has_prefix (line, "template "))
            notify_daemon_template (self, line + strlen ("template "));
        else if (g_strcmp0 (line, "list") == 0)
            notify_daemon_list (self);
        else
            notify_daemon_show (self, line);
        g_free (line);
        return TRUE;
    case G_IO_STATUS_AGAIN:
        return TRUE;
    case G_IO_STATUS_ERROR:
        g_warning ("read: %s", error->message);
        g_error_free (error);
        return FALSE;
    case G_IO_STATUS_EOF:
    default:
        return FALSE;
    }
}

static gboolean
listener_ready (GIOChannel *channel, GIOCondition condition, gpointer data)
{
    NotifyDaemon *self = data;
    GIOChannel *client;
    int fd;

    if (!(condition & G_IO_IN))
        return TRUE;
    fd = accept (g_io_channel_unix_get_fd (channel), NULL, NULL); /* @L3 @E7? @E1? */
    client = g_io_channel_unix_new (fd); /* @E2 */
    g_io_channel_set_encoding (client, NULL, NULL);
    g_io_channel_set_flags (client, G_IO_FLAG_NONBLOCK, NULL);
    g_io_add_watch (client, G_IO_IN | G_IO_HUP | G_IO_ERR | G_IO_NVAL, client_ready, self);
    g_io_channel_unref (client);
    return TRUE;
}

static gboolean
notify_daemon_listen (NotifyDaemon *self)
{
    struct sockaddr_un addr;
    int fd;

    if (strlen (self->path) >= sizeof addr.sun_path) {
        g_warning ("%s: too long for a socket", self->path);
        return FALSE;
    }
    memset (&addr, 0, sizeof addr);
    addr.sun_family = AF_UNIX;
    strcpy (addr.sun_path, self->path);

    fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        g_warning ("socket: %s", g_strerror (errno));
        return FALSE;
    }
    unlink (self->path); /* @L5 */
    if (bind (fd, (struct sockaddr *) &addr, sizeof addr) == -1) {
        g_warning ("bind: %s", g_strerror (errno));
        close (fd);
        return FALSE;
    }
    listen (fd, 10); /* @E1? */

    self->listener = g_io_channel_unix_new (fd);
    g_io_channel_set_close_on_unref (self->listener, TRUE);
    g_io_add_watch (self->listener, G_IO_IN, listener_ready, self);
    return TRUE;
}

static gboolean
quit_cb (gpointer data)
{
    NotifyDaemon *self = data;

    g_main_loop_quit (self->loop);
    return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
    NotifyDaemon *self;

    if (argc != 2) {
        g_printerr ("usage: notifyd SOCKET\n");
        return 2;
    }
    self = notify_daemon_new (argv[1]);
    g_unix_signal_add (SIGTERM, quit_cb, self);
    g_unix_signal_add (SIGINT, quit_cb, self);
    if (!notify_daemon_listen (self))
        return 1;
    g_main_loop_run (self->loop);
    notify_daemon_free (self);
    return 0;
}
