/* A channel, a socket object, a bufferevent or a stream closes the descriptor that it was given. */
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

int channel(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	GIOChannel *channel;
	gsize n = 0;
	char line[80];

	if (fd < 0)
		return -1;
	channel = g_io_channel_unix_new(fd);
	g_io_channel_set_close_on_unref(channel, TRUE);
	g_io_channel_read_chars(channel, line, sizeof(line), &n, NULL);
	g_io_channel_unref(channel);
	close(fd); // L4
	return (int)n;
}

int channel_shut(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	GIOChannel *channel;

	if (fd < 0)
		return -1;
	channel = g_io_channel_unix_new(fd);
	g_io_channel_shutdown(channel, FALSE, NULL);
	g_io_channel_unref(channel);
	close(fd); // L4
	return 0;
}

int socket_object(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	GSocket *s;

	if (fd < 0)
		return -1;
	s = g_socket_new_from_fd(fd, NULL);
	if (!s) {
		close(fd);
		return -1;
	}
	g_socket_set_blocking(s, FALSE);
	close(fd); // L4
	g_object_unref(s);
	return 0;
}

GInputStream *stream(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	GInputStream *in;

	if (fd < 0)
		return NULL;
	in = g_unix_input_stream_new(fd, TRUE);
	close(fd); // L4
	return in;
}

struct bufferevent *buffered(struct event_base *base, int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bufferevent *bev;

	if (fd < 0)
		return NULL;
	bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!bev) {
		evutil_closesocket(fd);
		return NULL;
	}
	if (bufferevent_enable(bev, EV_READ) < 0) {
		bufferevent_free(bev);
		evutil_closesocket(fd); // L4
		return NULL;
	}
	return bev;
}

struct bufferevent *buffered_before(struct event_base *base, int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bufferevent *bev;

	if (fd < 0)
		return NULL;
	bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		close(fd);
		return NULL;
	}
	if (bufferevent_enable(bev, EV_READ) < 0) {
		close(fd); // L4
		bufferevent_free(bev);
		return NULL;
	}
	return bev;
}

int listener(struct event_base *base, struct sockaddr *at, socklen_t size, evconnlistener_cb cb)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct evconnlistener *l;

	if (fd < 0)
		return -1;
	if (bind(fd, at, size) < 0) {
		close(fd);
		return -1;
	}
	l = evconnlistener_new(base, cb, NULL, LEV_OPT_CLOSE_ON_FREE, 16, fd);
	if (!l) {
		close(fd);
		return -1;
	}
	if (event_base_dispatch(base) < 0)
		perror("dispatch");
	evconnlistener_free(l);
	close(fd); // L4
	return 0;
}

int stream_first(int server)
{
	int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	FILE *f;

	if (fd < 0)
		return -1;
	f = fdopen(fd, "r+");
	if (!f) {
		close(fd);
		return -1;
	}
	fputs("hello\n", f);
	close(fd); // L4
	fclose(f);
	return 0;
}

/* The stream has its descriptor for itself. */
int number(const char *path)
{
	FILE *f = fopen(path, "re");
	int fd;

	if (!f)
		return -1;
	fd = fileno(f);
	if (lseek(fd, 0, SEEK_END) < 0)
		perror("lseek");
	fclose(f);
	close(fd); // L4
	return 0;
}

int number_first(const char *path)
{
	FILE *f = fopen(path, "re");
	int fd;

	if (!f)
		return -1;
	fd = fileno(f);
	close(fd); // L4
	fclose(f);
	return 0;
}

int at_once(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	close(fileno(f)); // L4
	fclose(f);
	return 0;
}

/* A descriptor that came from elsewhere. */
int given(int fd)
{
	FILE *f = fdopen(fd, "w");

	if (!f)
		return -1;
	fputs("hello\n", f);
	fclose(f);
	close(fd); // L4
	return 0;
}

struct client {
	int fd;
	FILE *out;
	struct bufferevent *bev;
	uv_pipe_t pipe;
};

int of_member(struct client *c)
{
	c->out = fdopen(c->fd, "w");
	if (!c->out)
		return -1;
	fputs("hello\n", c->out);
	fclose(c->out);
	close(c->fd); // L4
	return 0;
}

int pipe_handle(struct client *c, int fd)
{
	if (uv_pipe_open(&c->pipe, fd) < 0) {
		close(fd);
		return -1;
	}
	close(fd); // L4
	return 0;
}

int one_label(int server, FILE **out)
{
	int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	FILE *f;
	int r = -1, on = 1;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0)
		goto out;
	f = fdopen(fd, "w");
	if (!f)
		goto out;
	*out = f;
	r = 0;
out:
	close(fd); // L4
	return r;
}
