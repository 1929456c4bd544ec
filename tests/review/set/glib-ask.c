/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - connects for ever when the service is gone;
 *  - the request is one g_output_stream_write(), which may take less than it was given;
 *  - the connection is not released when the read fails (the program goes on asking);
 *  - the answer is searched as a string and has no terminator;
 *  - the address that the service answers is put into a shell command.
 */
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_NAME "bookmarkd.sock"
#define ANSWER_MAX   2000

typedef struct
{
  GSocketClient  *client;
  GSocketAddress *address;
  guint           asked;
  guint           opened;
} Asker;

static void
asker_init (Asker *asker)
{
  g_autofree gchar *path = g_build_filename (g_get_user_runtime_dir (), SERVICE_NAME, NULL);

  asker->client = g_socket_client_new ();
  asker->address = g_unix_socket_address_new (path);
  asker->asked = 0;
  asker->opened = 0;
}

static void
asker_clear (Asker *asker)
{
  g_clear_object (&asker->client);
  g_clear_object (&asker->address);
}

static GSocketConnection *
asker_connect (Asker *asker)
{
  GSocketConnection *connection = NULL;

  while (connection == NULL) /* @W1 */
    {
      g_autoptr (GError) error = NULL;

      connection = g_socket_client_connect (asker->client,
                                            G_SOCKET_CONNECTABLE (asker->address),
                                            NULL, &error);
      if (connection == NULL)
        {
          g_debug ("connect: %s", error->message);
          g_usleep (250000);
        }
    }
  return connection;
}

static void
open_address (const gchar *address)
{
  g_autofree gchar *command = g_strdup_printf ("xdg-open '%s' &", address);

  if (system (command) != 0) /* @N2 */
    g_printerr ("ask: cannot open %s\n", address);
}

/* The answer is "found ADDRESS\n" or "none\n". */
static gboolean
handle_answer (Asker *asker, char *answer)
{
  char *eol;

  eol = strchr (answer, '\n'); /* @N4 */
  if (eol != NULL)
    *eol = '\0';
  if (g_str_has_prefix (answer, "found "))
    {
      open_address (answer + strlen ("found "));
      asker->opened++;
      return TRUE;
    }
  g_print ("%s\n", answer); /* @N4? */
  return FALSE;
}

static gboolean
asker_ask (Asker *asker, const gchar *word)
{
  g_autoptr (GError)  error = NULL;
  GSocketConnection  *connection = asker_connect (asker);
  GInputStream       *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  GOutputStream      *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autofree gchar   *request = g_strdup_printf ("find %s\n", word);
  char               *answer;
  gboolean            found;
  gssize              n;
  gsize               have = 0;

  asker->asked++;
  if (g_output_stream_write (out, request, strlen (request), NULL, &error) < 0) /* @E3 */
    {
      g_printerr ("ask: %s\n", error->message);
      g_object_unref (connection);
      return FALSE;
    }

  answer = g_malloc (ANSWER_MAX);
  do
    {
      n = g_input_stream_read (in, answer + have, ANSWER_MAX - have, NULL, &error); /* @W4? */
      if (n < 0)
        {
          g_printerr ("ask: %s\n", error->message);
          g_free (answer);
          return FALSE; /* @L1 */
        }
      have += (gsize) n;
    }
  while (n > 0 && have < ANSWER_MAX);

  found = handle_answer (asker, answer);
  g_free (answer);
  g_object_unref (connection);
  return found;
}

int
main (int argc, char **argv)
{
  Asker    asker;
  gchar    word[128];
  gboolean ok = TRUE;
  int      i;

  asker_init (&asker);
  if (argc > 1)
    {
      for (i = 1; i < argc; i++)
        ok = asker_ask (&asker, argv[i]) && ok;
    }
  else
    {
      while (fgets (word, sizeof word, stdin) != NULL)
        {
          g_strstrip (word);
          if (*word != '\0')
            ok = asker_ask (&asker, word) && ok;
        }
    }
  g_debug ("%u asked, %u opened", asker.asked, asker.opened);
  asker_clear (&asker);
  return ok ? 0 : 1;
}
