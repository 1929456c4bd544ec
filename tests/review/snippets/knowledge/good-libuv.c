/* libuv: handles, requests and descriptors have their ends. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

struct watch {
	uv_poll_t poll;
	uv_timer_t timer;
	int fd;
};

static void free_watch(uv_handle_t *handle)
{
	struct watch *watch = uv_handle_get_data(handle);

	close(watch->fd);
	free(watch);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void)events;
	if (status < 0) {
		uv_poll_stop(poll);
		uv_close((uv_handle_t *)poll, free_watch);
	}
}

/* The handle is in use until it is closed, and the descriptor as long. */
int watch_it(uv_loop_t *loop, int fd)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return UV_ENOMEM;
	watch->fd = fd;
	if (uv_poll_init(loop, &watch->poll, fd) < 0) {
		free(watch);
		return UV_EINVAL;
	}
	uv_handle_set_data((uv_handle_t *)&watch->poll, watch);
	return uv_poll_start(&watch->poll, UV_READABLE, on_ready);
}

int pair(uv_loop_t *loop, uv_pipe_t *end)
{
	uv_file ends[2];

	if (uv_pipe(ends, 0, 0) < 0)
		return -1;
	uv_pipe_init(loop, end, 0);
	if (uv_pipe_open(end, ends[0]) < 0) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	close(ends[1]);
	return 0;
}

/* The handle has it then. */
int adopt(uv_udp_t *handle)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (uv_udp_open(handle, fd) < 0) {
		close(fd);
		return -1;
	}
	return 0;
}

/* The request closes it. */
int once(uv_loop_t *loop, uv_fs_t *request, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	uv_fs_close(loop, request, fd, NULL);
	uv_fs_req_cleanup(request);
	return 0;
}

static void worked(uv_fs_t *request)
{
	uv_fs_req_cleanup(request);
	free(request);
}

/* The request belongs to its callback. */
int look(uv_loop_t *loop, const char *path)
{
	uv_fs_t *request = malloc(sizeof(*request));
	int r;

	if (!request)
		return UV_ENOMEM;
	r = uv_fs_stat(loop, request, path, worked);
	if (r < 0)
		free(request);
	return r;
}
