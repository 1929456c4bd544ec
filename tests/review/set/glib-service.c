/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the connection of "incoming" is kept by a reference in the session and dropped in
 * session_free(), after callbacks; the name is unlinked only after a refused probe; GLib sends
 * without SIGPIPE; the buffer of a write lives as long as the write. */
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <string.h>

#define MAX_REQUEST  1024
#define MAX_SESSIONS 200 /* far from the limit of descriptors */

typedef struct
{
  GSocketConnection *connection;
  GCancellable      *cancel;
  gchar              in[MAX_REQUEST];
  gsize              used;
  gchar             *out;
} Session;

typedef struct
{
  GMainLoop      *loop;
  GSocketService *service;
  GHashTable     *inhibitors; /* name -> count */
  gchar          *path;
  guint           sessions;
} Daemon;

static Daemon app;

static void session_read (Session *session);

static void
session_free (Session *session)
{
  g_io_stream_close (G_IO_STREAM (session->connection), NULL, NULL);
  g_object_unref (session->connection);
  g_object_unref (session->cancel);
  g_free (session->out);
  g_free (session);
  if (app.sessions-- == MAX_SESSIONS)
    g_socket_service_start (app.service);
}

static gchar *
answer (gchar *line)
{
  gchar *name;
  gint   count;

  g_strstrip (line);
  if (g_str_equal (line, "list"))
    return g_strdup_printf ("%u\n", g_hash_table_size (app.inhibitors));

  name = strchr (line, ' ');
  if (name == NULL || !g_utf8_validate (line, -1, NULL))
    return g_strdup ("error\n");
  *name++ = '\0';
  count = GPOINTER_TO_INT (g_hash_table_lookup (app.inhibitors, name));
  if (g_str_equal (line, "inhibit"))
    {
      if (g_hash_table_size (app.inhibitors) > 1000)
        return g_strdup ("full\n");
      g_hash_table_insert (app.inhibitors, g_strdup (name), GINT_TO_POINTER (count + 1));
      return g_strdup ("ok\n");
    }
  if (g_str_equal (line, "release"))
    {
      if (count > 1)
        g_hash_table_insert (app.inhibitors, g_strdup (name), GINT_TO_POINTER (count - 1));
      else
        g_hash_table_remove (app.inhibitors, name);
      return g_strdup ("ok\n");
    }
  return g_strdup ("error\n");
}

static void
on_written (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  Session *session = data;

  g_clear_pointer (&session->out, g_free);
  if (!g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL))
    {
      session_free (session);
      return;
    }
  session_read (session);
}

/* Either starts to answer the next whole line (true), or more has to come (false). */
static gboolean
session_answer (Session *session)
{
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (session->connection));
  gchar         *end = memchr (session->in, '\n', session->used);
  gsize          length;

  if (end == NULL)
    return FALSE;
  *end = '\0';
  length = (gsize) (end + 1 - session->in);
  session->out = answer (session->in);
  session->used -= length;
  memmove (session->in, session->in + length, session->used);
  g_output_stream_write_all_async (out, session->out, strlen (session->out),
                                   G_PRIORITY_DEFAULT, session->cancel,
                                   on_written, session);
  return TRUE;
}

static void
on_read (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Session          *session = data;
  g_autoptr(GError) error = NULL;
  gssize            n;

  n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, &error);
  if (n <= 0)
    {
      if (error != NULL)
        g_debug ("read: %s", error->message);
      session_free (session);
      return;
    }
  session->used += (gsize) n;
  session_read (session);
}

static void
session_read (Session *session)
{
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (session->connection));

  if (session_answer (session))
    return;
  if (session->used == sizeof session->in)
    {
      session_free (session);
      return;
    }
  g_input_stream_read_async (in, session->in + session->used,
                             sizeof session->in - session->used,
                             G_PRIORITY_DEFAULT, session->cancel, on_read, session);
}

static gboolean
on_incoming (GSocketService    *service,
             GSocketConnection *connection,
             GObject           *source,
             gpointer           data)
{
  Session *session = g_new0 (Session, 1);

  session->connection = g_object_ref (connection);
  session->cancel = g_cancellable_new ();
  if (++app.sessions == MAX_SESSIONS)
    g_socket_service_stop (service);
  g_socket_set_timeout (g_socket_connection_get_socket (connection), 600);
  session_read (session);
  return TRUE;
}

/* Whether the name may be taken: nobody answers there. */
static gboolean
name_is_free (GSocketAddress *address,
              GError        **error)
{
  g_autoptr(GSocketClient)     client = g_socket_client_new ();
  g_autoptr(GSocketConnection) other = NULL;
  g_autoptr(GError)            refused = NULL;

  g_socket_client_set_timeout (client, 2);
  other = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, &refused);
  if (other != NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE, "%s is in use", app.path);
      return FALSE;
    }
  if (g_error_matches (refused, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    {
      g_unlink (app.path);
      return TRUE;
    }
  if (g_error_matches (refused, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&refused));
  return FALSE;
}

static gboolean
on_signal (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(GError)         error = NULL;

  app.path = g_build_filename (g_get_user_runtime_dir (), "inhibitd.sock", NULL);
  app.inhibitors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  app.loop = g_main_loop_new (NULL, FALSE);
  app.service = g_socket_service_new ();

  address = g_unix_socket_address_new (app.path);
  if (!name_is_free (address, &error) ||
      !g_socket_listener_add_address (G_SOCKET_LISTENER (app.service), address,
                                      G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                                      NULL, NULL, &error))
    {
      g_printerr ("inhibitd: %s\n", error->message);
      return 1;
    }
  g_signal_connect (app.service, "incoming", G_CALLBACK (on_incoming), NULL);
  g_unix_signal_add (SIGTERM, on_signal, app.loop);
  g_unix_signal_add (SIGINT, on_signal, app.loop);

  g_main_loop_run (app.loop);

  g_socket_service_stop (app.service);
  g_socket_listener_close (G_SOCKET_LISTENER (app.service));
  g_unlink (app.path);
  g_object_unref (app.service);
  g_main_loop_unref (app.loop);
  g_hash_table_unref (app.inhibitors);
  g_free (app.path);
  return 0;
}
