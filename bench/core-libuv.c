/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work over libuv's pipes, written as its manual recommends for speed: uv_try_write first,
 * which needs no request, and uv_write with one request that lives as long as the connection for what
 * the kernel did not take. libuv does not collect writes, so a batch is put together here and is one
 * write. Nothing is allocated per message.
 */
#include "bench.h"

#include <signal.h>
#include <uv.h>

struct peer {
	struct bench bench;
	uv_loop_t loop;
	uv_pipe_t listener;
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write;
	char in[BENCH_READ];
	unsigned char out[BENCH_BATCH_MAX * BENCH_SIZE];
};

static void peer_stream(struct peer *p);
static void peer_read(struct peer *p);

/* libuv's errors are negative errno here. */
static void peer_check(const char *what, int r)
{
	if (r == UV_EOF)
		bench_die("the server left too early", 0);
	if (r < 0)
		bench_die(what, -r);
}

static void peer_written(uv_write_t *write, int status)
{
	struct peer *p = write->data;

	peer_check("uv_write", status);
	if (p->bench.server)
		peer_read(p);
	else if (p->bench.stream)
		peer_stream(p);
}

/* False: a part waits for the peer to read, peer_written will be called, bytes must stay. */
static bool peer_send(struct peer *p, const void *bytes, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned int)n);
	int sent = uv_try_write((uv_stream_t *)&p->pipe, &buf, 1);

	if (sent == (int)n)
		return true;
	if (sent != UV_EAGAIN) {
		peer_check("uv_try_write", sent);
		buf.base += sent;
		buf.len -= (size_t)sent;
	}
	peer_check("uv_write", uv_write(&p->write, (uv_stream_t *)&p->pipe, &buf, 1, peer_written));
	return false;
}

static void peer_serve(struct peer *p, size_t n)
{
	struct bench *b = &p->bench;
	bool answer = bench_receive(b, p->in, n);
	bool sent = true;

	if (!b->stream) {
		sent = peer_send(p, p->in, n);
	} else if (answer) {
		bench_fill_sum(b);
		sent = peer_send(p, b->message, BENCH_SIZE);
	}
	if (!sent)
		uv_read_stop((uv_stream_t *)&p->pipe);
}

static void peer_stream(struct peer *p)
{
	struct bench *b = &p->bench;
	uint64_t left;
	size_t n;

	while ((left = bench_left(b))) {
		for (n = 0; n < b->batch && n < left; n++) {
			bench_fill(b);
			memcpy(p->out + n * BENCH_SIZE, b->message, BENCH_SIZE);
		}
		if (!peer_send(p, p->out, n * BENCH_SIZE))
			return;
	}
}

static void peer_request(struct peer *p)
{
	if (p->bench.stream) {
		peer_stream(p);
	} else {
		bench_fill(&p->bench);
		peer_send(p, p->bench.message, BENCH_SIZE);
	}
}

static void peer_received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = stream->data;

	if (n == UV_EOF && p->bench.server)
		uv_close((uv_handle_t *)&p->pipe, NULL);
	else if (n < 0)
		peer_check("read", (int)n);
	else if (n && p->bench.server)
		peer_serve(p, (size_t)n);
	else if (n && bench_reply(&p->bench, buf->base, (size_t)n)) {
		if (bench_next(&p->bench))
			peer_request(p);
		else
			uv_close((uv_handle_t *)&p->pipe, NULL);
	}
}

static void peer_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct peer *p = handle->data;

	(void)suggested;
	*buf = uv_buf_init(p->in, sizeof(p->in));
}

static void peer_read(struct peer *p)
{
	peer_check("uv_read_start",
		   uv_read_start((uv_stream_t *)&p->pipe, peer_buffer, peer_received));
}

static void peer_accepted(uv_stream_t *listener, int status)
{
	struct peer *p = listener->data;

	peer_check("accept", status);
	peer_check("uv_accept", uv_accept(listener, (uv_stream_t *)&p->pipe));
	uv_close((uv_handle_t *)listener, NULL);
	peer_read(p);
}

static void peer_connected(uv_connect_t *connect, int status)
{
	struct peer *p = connect->data;

	peer_check("connect", status);
	peer_read(p);
	peer_request(p);
}

int main(int argc, char **argv)
{
	static struct peer p;

	bench_init(&p.bench, "libuv", uv_version_string(), argc, argv);
	signal(SIGPIPE, SIG_IGN);
	peer_check("uv_loop_init", uv_loop_init(&p.loop));
	peer_check("uv_pipe_init", uv_pipe_init(&p.loop, &p.pipe, 0));
	p.pipe.data = p.listener.data = p.connect.data = p.write.data = &p;
	if (p.bench.server) {
		peer_check("uv_pipe_init", uv_pipe_init(&p.loop, &p.listener, 0));
		peer_check(p.bench.path, uv_pipe_bind(&p.listener, p.bench.path));
		peer_check("uv_listen", uv_listen((uv_stream_t *)&p.listener, 1, peer_accepted));
		bench_ready();
	} else {
		uv_pipe_connect(&p.connect, &p.pipe, p.bench.path, peer_connected);
	}
	peer_check("uv_run", uv_run(&p.loop, UV_RUN_DEFAULT));
	bench_print(&p.bench);
	return 0;
}
