#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct client {
	int fd;
};

void *client_main(void *client);

int early_return(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return -1;
	shutdown(fd, SHUT_WR);
	return fd;
}

int other_sign(int listener)
{
	int fd;

	if ((fd = accept(listener, NULL, NULL)) >= 0)
		shutdown(fd, SHUT_WR);
	return fd;
}

/* The caller looks. */
int handed_up(int listener)
{
	return accept(listener, NULL, NULL);
}

int looked_up(int listener)
{
	int fd = handed_up(listener);

	if (fd == -1)
		return -errno;
	shutdown(fd, SHUT_RD);
	return fd;
}

/* The helper looks. */
static void hang_up(int fd)
{
	if (fd < 0)
		return;
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

void refuse(int listener)
{
	int fd = accept(listener, NULL, NULL);

	hang_up(fd);
}

int in_memory(int listener)
{
	struct client *client = malloc(sizeof(*client));
	pthread_t thread;

	if (!client)
		return -1;
	client->fd = accept(listener, NULL, NULL);
	if (client->fd < 0 || pthread_create(&thread, NULL, client_main, client) != 0) {
		if (client->fd >= 0)
			close(client->fd);
		free(client);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

int by_goto(const struct sockaddr *addr, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd == -1)
		goto fail;
	if (connect(fd, addr, size) == -1)
		goto fail;
	return fd;
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

static uv_write_t hello;

static void on_connect(uv_connect_t *req, int status)
{
	uv_buf_t buf = uv_buf_init("hello\n", 6);

	if (status < 0 || uv_write(&hello, req->handle, &buf, 1, NULL) < 0)
		uv_close((uv_handle_t *)req->handle, NULL);
}

void dial(uv_pipe_t *pipe, uv_connect_t *req, const char *path)
{
	signal(SIGPIPE, SIG_IGN);
	uv_pipe_connect(req, pipe, path, on_connect);
}
