/* What is closed beside a holder, and is none of its descriptors. */
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

int channel_leaves_it(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	GIOChannel *channel;

	if (fd < 0)
		return -1;
	channel = g_io_channel_unix_new(fd);
	g_io_channel_unref(channel);
	close(fd);
	return 0;
}

int channel_is_told_to_leave_it(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	GIOChannel *channel;

	if (fd < 0)
		return -1;
	channel = g_io_channel_unix_new(fd);
	g_io_channel_set_close_on_unref(channel, FALSE);
	g_io_channel_unref(channel);
	close(fd);
	return 0;
}

int channel_on_a_copy(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	GIOChannel *channel;

	if (fd < 0)
		return -1;
	channel = g_io_channel_unix_new(dup(fd));
	g_io_channel_set_close_on_unref(channel, TRUE);
	g_io_channel_unref(channel);
	close(fd);
	return 0;
}

int socket_object(int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	GError *error = NULL;
	GSocket *s;

	if (fd < 0)
		return -1;
	s = g_socket_new_from_fd(fd, &error);
	if (error) {
		close(fd);
		g_error_free(error);
		return -1;
	}
	g_object_unref(s);
	return 0;
}

int stream_leaves_it(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	GInputStream *in;
	char line[80];

	if (fd < 0)
		return -1;
	in = g_unix_input_stream_new(fd, FALSE);
	if (g_input_stream_read(in, line, sizeof(line), NULL, NULL) < 0)
		perror(path);
	g_object_unref(in);
	close(fd);
	return 0;
}

int buffered_leaves_it(struct event_base *base, int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bufferevent *bev;

	if (fd < 0)
		return -1;
	bev = bufferevent_socket_new(base, fd, BEV_OPT_DEFER_CALLBACKS);
	if (!bev) {
		close(fd);
		return -1;
	}
	bufferevent_free(bev);
	close(fd);
	return 0;
}

int buffered_gives_it_back(struct event_base *base, int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bufferevent *bev;

	if (fd < 0)
		return -1;
	bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		close(fd);
		return -1;
	}
	if (bufferevent_setfd(bev, -1) < 0)
		perror("setfd");
	bufferevent_free(bev);
	close(fd);
	return 0;
}

void detach(struct bufferevent *bev);

int buffered_may_give_it_back(struct event_base *base, int door)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bufferevent *bev;

	if (fd < 0)
		return -1;
	bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev) {
		close(fd);
		return -1;
	}
	detach(bev);
	bufferevent_free(bev);
	close(fd);
	return 0;
}

int buffered_by_choice(struct event_base *base, int door, int flags)
{
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bufferevent *bev;

	if (fd < 0)
		return -1;
	bev = bufferevent_socket_new(base, fd, flags);
	if (!bev) {
		close(fd);
		return -1;
	}
	bufferevent_free(bev);
	close(fd);
	return 0;
}

int set_before(int server)
{
	int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	FILE *f = NULL;
	int r = -1;

	if (fd < 0)
		return -1;
	f = fdopen(fd, "r+");
	if (!f)
		goto out;
	fd = -1;
	fputs("hello\n", f);
	r = 0;
out:
	if (f)
		fclose(f);
	if (fd >= 0)
		close(fd);
	return r;
}

int one_or_the_other(int server)
{
	int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	FILE *f = NULL;
	int r = -1;

	if (fd < 0)
		return -1;
	f = fdopen(fd, "r+");
	if (!f)
		goto out;
	fputs("hello\n", f);
	r = 0;
out:
	if (f)
		fclose(f);
	else
		close(fd);
	return r;
}

/* The child closes what is the parent's. */
int child(int server)
{
	int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	FILE *f;
	pid_t pid;

	if (fd < 0)
		return -1;
	f = fdopen(fd, "r+");
	if (!f) {
		close(fd);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		close(fd);
		_exit(0);
	}
	fclose(f);
	return pid;
}

void standard(void)
{
	close(fileno(stdin));
	close(fileno(stdout));
	fclose(stderr);
}

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
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return 0;
}

int number_of_a_copy(const char *path)
{
	FILE *f = fopen(path, "re");
	int fd;

	if (!f)
		return -1;
	fd = dup(fileno(f));
	fclose(f);
	if (fd >= 0)
		close(fd);
	return 0;
}

static FILE *journal;

/* Its memory is lost, but its descriptor is closed once. */
int given_up(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		return -1;
	journal = fdopen(fd, "a+");
	if (!journal) {
		close(fd);
		return -1;
	}
	if (fstat(fd, &st) < 0) {
		journal = NULL;
		close(fd);
		return -1;
	}
	return 0;
}

struct client {
	int fd;
	FILE *out;
	uv_pipe_t pipe;
};

int pipe_handle(struct client *c, int fd)
{
	int r = uv_pipe_open(&c->pipe, fd);

	if (r < 0)
		close(fd);
	return r;
}

int of_member(struct client *c)
{
	c->out = fdopen(c->fd, "w");
	if (!c->out)
		return -1;
	fputs("hello\n", c->out);
	fclose(c->out);
	c->fd = -1;
	return 0;
}

int of_member_fails(struct client *c)
{
	c->out = fdopen(c->fd, "w");
	if (!c->out) {
		close(c->fd);
		return -1;
	}
	fputs("hello\n", c->out);
	return 0;
}
