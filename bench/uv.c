/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work over libuv's pipes, written as its manual recommends for speed: uv_try_write first, which needs no
 * request, and uv_write with one request that lives as long as the connection for what the kernel did not take. libuv
 * does not collect writes, so a batch is put together here and is one write. Nothing is allocated per message.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

struct peer_link {
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write;
	struct peer *peer;
	struct bench_rest rest;
	size_t i;
};

struct peer {
	struct bench *bench;
	uv_loop_t loop;
	uv_pipe_t listener;
	struct peer_link *links; /* the client's; at the server only events need a table */
	struct peer_link **accepted;
	char in[BENCH_READ];
	unsigned char out[BENCH_OUT];
};

const char *const peer_name = "libuv";

const char *peer_version(void)
{
	return uv_version_string();
}

static void peer_read(struct peer_link *l);

/* libuv's errors are negative errno here. */
static void peer_check(const char *what, int r)
{
	if (r < 0)
		bench_die(what, -r);
}

static void peer_pump(struct bench *b, size_t i);

static void peer_written(uv_write_t *write, int status)
{
	struct peer_link *l = write->data;

	peer_check("uv_write", status);
	bench_rest_sent(&l->rest, l->rest.n);
	if (l->peer->bench->server)
		peer_read(l);
	else
		peer_pump(l->peer->bench, l->i);
}

/* A part that waits for the peer to read stops this server's reading until it was sent. */
static void peer_send(struct peer_link *l, const void *bytes, size_t n)
{
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned int)n);
	int sent = uv_try_write((uv_stream_t *)&l->pipe, &buf, 1);

	if (sent == (int)n)
		return;
	if (sent == UV_EAGAIN)
		sent = 0;
	peer_check("uv_try_write", sent);
	bench_rest_keep(l->peer->bench, &l->rest, buf.base + sent, n - (size_t)sent);
	buf = uv_buf_init((char *)l->rest.bytes, (unsigned int)l->rest.n);
	l->write.data = l;
	peer_check("uv_write", uv_write(&l->write, (uv_stream_t *)&l->pipe, &buf, 1, peer_written));
	if (l->peer->bench->server)
		uv_read_stop((uv_stream_t *)&l->pipe);
}

static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	struct peer_link *l = &p->links[i];
	size_t n;

	while (!l->rest.n && (n = bench_out(b, i, p->out, b->room)))
		peer_send(l, p->out, n);
}

static void peer_serve(struct peer_link *l, size_t n)
{
	struct peer *p = l->peer;
	struct bench *b = p->bench;

	switch (bench_receive(b, p->in, n)) {
	case BENCH_ECHO:
		peer_send(l, p->in, n);
		break;
	case BENCH_SUM:
		peer_send(l, b->answer, sizeof(b->answer));
		break;
	case BENCH_EVENT:
		for (size_t i = 0; i < b->connections; i++)
			peer_send(p->accepted[i], b->event, b->size);
		break;
	}
}

static void peer_freed(uv_handle_t *handle)
{
	free(handle->data);
}

static void peer_received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer_link *l = stream->data;
	struct bench *b = l->peer->bench;

	if (n == UV_EOF && b->server) {
		uv_close((uv_handle_t *)&l->pipe, peer_freed);
		bench_gone(b);
	} else if (n < 0) {
		bench_die("read", n == UV_EOF ? ECONNRESET : (int)-n);
	} else if (n && b->server) {
		peer_serve(l, (size_t)n);
	} else if (n && bench_in(b, l->i, buf->base, (size_t)n)) {
		peer_pump(b, l->i);
	}
}

static void peer_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct peer *p = ((struct peer_link *)handle->data)->peer;

	(void)suggested;
	*buf = uv_buf_init(p->in, sizeof(p->in));
}

static void peer_read(struct peer_link *l)
{
	peer_check("uv_read_start",
		   uv_read_start((uv_stream_t *)&l->pipe, peer_buffer, peer_received));
}

static void peer_accepted(uv_stream_t *listener, int status)
{
	struct peer *p = listener->data;
	struct peer_link *l = calloc(1, sizeof(*l));

	peer_check("accept", status);
	if (!l)
		bench_die("calloc", ENOMEM);
	l->peer = p;
	l->pipe.data = l;
	peer_check("uv_pipe_init", uv_pipe_init(&p->loop, &l->pipe, 0));
	peer_check("uv_accept", uv_accept(listener, (uv_stream_t *)&l->pipe));
	if (p->bench->work == BENCH_WORK_EVENTS)
		p->accepted[p->bench->peers] = l;
	bench_joined(p->bench);
	peer_read(l);
}

static void peer_connected(uv_connect_t *connect, int status)
{
	struct peer_link *l = connect->data;

	peer_check("connect", status);
	peer_read(l);
	peer_pump(l->peer->bench, l->i);
}

static void peer_connect(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	struct peer_link *l = &p->links[i];

	memset(l, 0, sizeof(*l));
	l->peer = p;
	l->i = i;
	l->pipe.data = l->connect.data = l;
	peer_check("uv_pipe_init", uv_pipe_init(&p->loop, &l->pipe, 0));
	uv_pipe_connect(&l->connect, &l->pipe, b->path, peer_connected);
}

static void peer_reopen(uv_handle_t *handle)
{
	struct peer_link *l = handle->data;

	if (!l->peer->bench->stopped)
		peer_connect(l->peer->bench, l->i);
}

/* A pipe can be used again only when the loop has closed it: that is where the next one is opened. */
static void peer_open(struct bench *b, size_t i)
{
	struct peer *p = b->peer;

	if (!p->links[i].peer)
		peer_connect(b, i);
}

static void peer_close(struct bench *b, size_t i)
{
	uv_close((uv_handle_t *)&((struct peer *)b->peer)->links[i].pipe, peer_reopen);
}

static void peer_stop(struct bench *b)
{
	uv_stop(&((struct peer *)b->peer)->loop);
}

static void peer_end(uv_handle_t *handle, void *data)
{
	(void)data;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = {
		.open = peer_open, .pump = peer_pump, .close = peer_close, .stop = peer_stop
	};
	struct peer *p = calloc(1, sizeof(*p));

	if (!p || !(p->links = calloc(b->connections, sizeof(*p->links))) ||
	    !(p->accepted = calloc(b->connections, sizeof(*p->accepted))))
		bench_die("calloc", ENOMEM);
	p->bench = b;
	b->peer = p;
	b->ops = &ops;
	peer_check("uv_loop_init", uv_loop_init(&p->loop));
	if (b->server) {
		p->listener.data = p;
		peer_check("uv_pipe_init", uv_pipe_init(&p->loop, &p->listener, 0));
		peer_check(b->path, uv_pipe_bind(&p->listener, b->path));
		peer_check("uv_listen",
			   uv_listen((uv_stream_t *)&p->listener, BENCH_BACKLOG, peer_accepted));
		bench_ready(b);
	} else {
		bench_open(b);
	}
	uv_run(&p->loop, UV_RUN_DEFAULT);
	uv_walk(&p->loop, peer_end, NULL);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	uv_loop_close(&p->loop);
	free(p->links);
	free(p->accepted);
	free(p);
}
