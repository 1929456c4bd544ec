/* libuv: what is opened and lost, and failures that nobody sees. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

int pair(uv_loop_t *loop, uv_pipe_t *end)
{
	uv_file ends[2];

	if (uv_pipe(ends, 0, 0) < 0)
		return -1;
	uv_pipe_init(loop, end, 0);
	if (uv_pipe_open(end, ends[0]) < 0) {
		close(ends[0]);
		return -1; // L1
	}
	close(ends[1]);
	return 0;
}

int look(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (uv_guess_handle(fd) != UV_FILE)
		return -1; // L1
	close(fd);
	return 0;
}

int adopt(uv_udp_t *handle)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (uv_udp_open(handle, fd) < 0)
		return -1; // L1
	return 0;
}

int twice(uv_loop_t *loop, uv_fs_t *request, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	uv_fs_close(loop, request, fd, NULL);
	uv_fs_req_cleanup(request);
	return close(fd); // L4
}
