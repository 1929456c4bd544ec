#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int fd;
	unsigned number;
};

void serve(int fd);
void *client_main(void *client);

/* Wrapped without a look. */
gboolean incoming(GIOChannel *channel)
{
	int fd = accept(g_io_channel_unix_get_fd(channel), NULL, NULL);
	GIOChannel *client = g_io_channel_unix_new(fd); // E2

	g_io_channel_set_close_on_unref(client, TRUE);
	g_io_add_watch(client, G_IO_IN, (GIOFunc)incoming, NULL);
	g_io_channel_unref(client);
	return TRUE;
}

/* In memory that a thread gets. */
int start(int listener)
{
	struct client *client = malloc(sizeof(*client));
	pthread_t thread;

	if (!client)
		return -1;
	client->fd = accept(listener, NULL, NULL);
	if (pthread_create(&thread, NULL, client_main, client) != 0) { // E2
		close(client->fd);
		free(client);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

/* The failure is noticed, and the way goes on all the same. */
int go_on(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		write(2, "accept\n", 7);
	if (fd == -1) {
		shutdown(fd, SHUT_WR); // E2
		return -1;
	}
	return fd;
}

/* Old style, and socket() is not asked before something that is not asked either. */
int dial(addr, size)
	struct sockaddr *addr;
	int size;
{
	int s;

	s = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)connect(s, addr, size); // E2
	return s;
}
