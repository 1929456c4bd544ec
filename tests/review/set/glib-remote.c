/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the raw descriptor belongs to the GSocket once g_socket_new_from_fd() succeeded, and is
 * closed by hand only when it did not; the while loop around connect is ended by a clock; the
 * objects are released by g_autoptr; blocking calls are limited by g_socket_set_timeout(). */
#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static gint     opt_wait = 3;
static gchar   *opt_socket = NULL;
static gchar  **opt_rest = NULL;
static gboolean opt_follow = FALSE;

static GOptionEntry entries[] = {
	{ "socket", 's', 0, G_OPTION_ARG_FILENAME, &opt_socket, "Socket of the player", "PATH" },
	{ "wait", 'w', 0, G_OPTION_ARG_INT, &opt_wait, "Seconds to wait for it", "N" },
	{ "follow", 'f', 0, G_OPTION_ARG_NONE, &opt_follow, "Print events until it ends", NULL },
	{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt_rest, NULL, "COMMAND" },
	{ NULL, 0, 0, 0, NULL, NULL, NULL }
};

typedef struct {
	GMainLoop *loop;
	GString *pending;
	int status;
} Follow;

/* By hand, and not by g_socket_new(): the player wants a SEQPACKET socket with credentials on. */
static GSocket *player_socket_new(GError **error)
{
	GSocket *sock;
	int one = 1;
	int fd;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "socket: %s",
			    g_strerror(errno));
		return NULL;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) < 0) {
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(errno), "setsockopt: %s",
			    g_strerror(errno));
		close(fd);
		return NULL;
	}
	sock = g_socket_new_from_fd(fd, error);
	if (sock == NULL) {
		close(fd);
		return NULL;
	}
	g_socket_set_timeout(sock, 5);
	return sock;
}

static GSocket *player_connect(const char *path, int seconds, GError **error)
{
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	gint64 until = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;

	while (TRUE) {
		g_autoptr(GSocket) sock = player_socket_new(error);
		g_autoptr(GError) why = NULL;

		if (sock == NULL)
			return NULL;
		if (g_socket_connect(sock, address, NULL, &why))
			return g_steal_pointer(&sock);
		if (g_get_monotonic_time() >= until) {
			g_propagate_error(error, g_steal_pointer(&why));
			return NULL;
		}
		g_usleep(100 * 1000);
	}
}

/* A packet is sent and received whole, so there is nothing to loop over. */
static gboolean player_call(GSocket *sock, const char *command, GError **error)
{
	char answer[2048];
	gssize n;

	if (g_socket_send(sock, command, strlen(command), NULL, error) < 0)
		return FALSE;
	n = g_socket_receive(sock, answer, sizeof answer - 1, NULL, error);
	if (n < 0)
		return FALSE;
	if (n == 0) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the player went away");
		return FALSE;
	}
	answer[n] = '\0';
	g_print("%s\n", answer);
	return TRUE;
}

static gboolean on_event(GSocket *sock, GIOCondition condition, gpointer data)
{
	Follow *follow = data;
	g_autoptr(GError) error = NULL;
	char packet[2048];
	gssize n;

	if (condition & G_IO_IN) {
		n = g_socket_receive(sock, packet, sizeof packet, NULL, &error);
		if (n > 0) {
			g_string_append_len(follow->pending, packet, n);
			g_print("%s\n", follow->pending->str);
			g_string_truncate(follow->pending, 0);
			return G_SOURCE_CONTINUE;
		}
		if (n < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
			return G_SOURCE_CONTINUE;
		if (n < 0) {
			g_printerr("remote: %s\n", error->message);
			follow->status = 1;
		}
	}
	g_main_loop_quit(follow->loop);
	return G_SOURCE_REMOVE;
}

static int follow_events(GSocket *sock)
{
	Follow follow = { 0 };
	GSource *source;

	g_socket_set_blocking(sock, FALSE);
	g_socket_set_timeout(sock, 0);
	follow.loop = g_main_loop_new(NULL, FALSE);
	follow.pending = g_string_new(NULL);
	source = g_socket_create_source(sock, G_IO_IN | G_IO_HUP, NULL);
	g_source_set_callback(source, G_SOURCE_FUNC(on_event), &follow, NULL);
	g_source_attach(source, NULL);
	g_source_unref(source);

	g_main_loop_run(follow.loop);

	g_main_loop_unref(follow.loop);
	g_string_free(follow.pending, TRUE);
	return follow.status;
}

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new("- talk to the player");
	g_autoptr(GError) error = NULL;
	g_autoptr(GSocket) sock = NULL;
	g_autofree char *path = NULL;
	int i;

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		goto fail;
	path = opt_socket ? g_strdup(opt_socket)
			  : g_build_filename(g_get_user_runtime_dir(), "player.sock", NULL);
	sock = player_connect(path, opt_wait, &error);
	if (sock == NULL)
		goto fail;
	for (i = 0; opt_rest != NULL && opt_rest[i] != NULL; i++)
		if (!player_call(sock, opt_rest[i], &error))
			goto fail;
	return opt_follow ? follow_events(sock) : 0;
fail:
	g_printerr("remote: %s\n", error->message);
	return 1;
}
