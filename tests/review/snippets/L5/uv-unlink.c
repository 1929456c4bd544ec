#include <uv.h>

int bad_start(uv_loop_t *loop, uv_pipe_t *server)
{
	uv_fs_t request;

	uv_fs_unlink(loop, &request, "/run/app.sock", NULL); // L5
	uv_fs_req_cleanup(&request);
	return uv_pipe_bind(server, "/run/app.sock");
}
