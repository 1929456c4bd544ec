#include <uv.h>

int reply(uv_write_t *req, uv_stream_t *peer, uv_buf_t *buf, uv_write_cb done)
{
	return uv_write(req, peer, buf, 1, done); // E6
}
