/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work over Postern, as its manual shows it: bytes, or with --frames whole messages of a length in front.
 * Postern sends a turn's writes at the end of that turn, so the client of the stream makes message after message, small
 * ones in place, until the queue is at its high-water mark, and continues when it has drained. The mark is set to the batch size of the
 * other programs, so that each send is as large as theirs.
 */
#include "bench.h"

#include <errno.h>
#include <postern.h>
#include <stdlib.h>

enum { PEER_LARGE = 256 * 1024 };

struct peer_link {
	struct peer *peer;
	struct postern_conn *conn;
	size_t i;
	size_t n, at; /* what of the buffer is to be written, and what of that was */
};

struct peer {
	struct bench *bench;
	struct postern_loop *loop;
	struct postern_server *server;
	struct peer_link *links;
	size_t piece; /* what is made for one call */
	unsigned char *out;
};

const char *const peer_name = "postern";

const char *peer_version(void)
{
	return postern_version();
}

/* What is written to an empty queue fits: the messages that are in flight are below the high-water mark. */
static void peer_write(struct peer *p, struct postern_conn *c, const void *bytes, size_t n)
{
	ssize_t r = p->bench->frames ? postern_conn_write_frame(c, POSTERN_FRAMING_U32LE, bytes, n)
				     : postern_conn_write(c, bytes, n);

	if (r != (ssize_t)n)
		bench_die("the queue is full", r < 0 ? (int)-r : 0);
}

/* A stream is built where it is sent from: as many messages as there is room for in one piece, the next piece of a large
 * one, or a frame. */
static void peer_pump_in_place(struct bench *b, struct peer_link *l)
{
	int framing = b->frames ? POSTERN_FRAMING_U32LE : 0, error;
	size_t least = b->size < POSTERN_RESERVE_MAX ? b->size : POSTERN_RESERVE_MAX;
	ssize_t room;
	size_t n;
	void *to;

	while ((room = postern_conn_reserve(l->conn, framing, least, &to)) > 0) {
		n = (size_t)room >= b->size ? (size_t)room / b->size * b->size : (size_t)room;
		n = bench_out(b, l->i, to, b->frames ? b->size : n);
		if (!n)
			return;
		error = postern_conn_commit(l->conn, n);
		if (error < 0)
			bench_die("postern_conn_commit", -error);
	}
	if (room != -EAGAIN)
		bench_die("postern_conn_reserve", (int)-room);
}

/* Only the one link of a stream has its queue filled, so the buffer is its alone while it waits for drained. */
static void peer_pump(struct bench *b, size_t i)
{
	struct peer *p = b->peer;
	struct peer_link *l = &p->links[i];
	ssize_t r;

	if (b->work == BENCH_WORK_STREAM && (!b->frames || b->size <= POSTERN_RESERVE_MAX)) {
		peer_pump_in_place(b, l);
		return;
	}
	for (;;) {
		if (l->at == l->n) {
			l->n = bench_out(b, i, p->out, p->piece);
			l->at = 0;
			if (!l->n)
				return;
		}
		r = b->frames
			    ? postern_conn_write_frame(l->conn, POSTERN_FRAMING_U32LE, p->out, l->n)
			    : postern_conn_write(l->conn, p->out + l->at, l->n - l->at);
		if (r == -EAGAIN && b->connections == 1)
			return;
		if (r < 0)
			bench_die("postern_conn_write", (int)-r);
		l->at += (size_t)r;
	}
}

static void peer_drained(struct postern_conn *c, void *data)
{
	struct peer_link *l = data;

	(void)c;
	peer_pump(l->peer->bench, l->i);
}

static void peer_state(struct postern_conn *c, int state, void *data)
{
	if (state == POSTERN_STATE_CONNECTED)
		peer_drained(c, data);
}

static size_t peer_replied(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct peer_link *l = data;

	(void)c;
	if (bench_in(l->peer->bench, l->i, bytes, n))
		peer_pump(l->peer->bench, l->i);
	return n;
}

static void peer_replied_frame(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	peer_replied(c, bytes, n, data);
}

static void peer_lost(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c, (void)data;
	bench_die(why->text, 0);
}

static size_t peer_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct peer *p = data;
	struct bench *b = p->bench;
	ssize_t taken;

	if (b->work != BENCH_WORK_STREAM && b->work != BENCH_WORK_EVENTS && !b->frames) {
		/* The rest of an echo that does not fit is offered again. */
		taken = postern_conn_write(c, bytes, n);
		if (taken <= 0)
			return 0;
		bench_receive(b, bytes, (size_t)taken);
		return (size_t)taken;
	}
	switch (bench_receive(b, bytes, n)) {
	case BENCH_ECHO:
		peer_write(p, c, bytes, n);
		break;
	case BENCH_SUM:
		peer_write(p, c, b->answer, sizeof(b->answer));
		break;
	case BENCH_EVENT:
		for (size_t i = 0; i < b->connections; i++)
			peer_write(p, p->links[i].conn, b->event, b->size);
		break;
	}
	return n;
}

static void peer_received_frame(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	peer_received(c, bytes, n, data);
}

static void peer_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	struct peer *p = data;

	(void)s;
	if (p->bench->work == BENCH_WORK_EVENTS)
		p->links[p->bench->peers].conn = c;
	bench_joined(p->bench);
}

static void peer_gone(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c, (void)why;
	bench_gone(((struct peer *)data)->bench);
}

static struct postern_conn_options peer_options(const struct bench *b)
{
	struct postern_conn_options conn = { .size = sizeof(conn) };

	/* Of large messages, what the kernel takes at once and the next of it, which is then still in the cache. A mark of one
	   message would have each of them wait until the last one has left. */
	if (b->work == BENCH_WORK_STREAM && !b->server && b->size >= b->room)
		conn.high_water = b->size + 4 > PEER_LARGE ? b->size + 4 : PEER_LARGE;
	else if (b->work == BENCH_WORK_STREAM && !b->server)
		conn.high_water = b->room + (b->frames ? b->room / b->size * 4 : 0);
	else if (b->size >= 1 << 20)
		conn.high_water = 2 * b->size;
	if (b->frames)
		conn.framing = POSTERN_FRAMING_U32LE;
	return conn;
}

static void peer_open(struct bench *b, size_t i)
{
	static const struct postern_conn_events events = {
		.size = sizeof(events),
		.state = peer_state,
		.received = peer_replied,
		.drained = peer_drained,
		.closed = peer_lost,
	};
	static const struct postern_conn_events frames = {
		.size = sizeof(frames),
		.state = peer_state,
		.frame = peer_replied_frame,
		.drained = peer_drained,
		.closed = peer_lost,
	};
	struct postern_conn_options conn = peer_options(b);
	struct postern_connect_options options = { .size = sizeof(options), .conn = &conn };
	struct peer *p = b->peer;
	struct peer_link *l = &p->links[i];

	*l = (struct peer_link){ .peer = p, .i = i };
	if (postern_connect(&l->conn, p->loop, b->path, &options, b->frames ? &frames : &events,
			    l) < 0)
		bench_die(postern_why()->text, 0);
}

static void peer_close(struct bench *b, size_t i)
{
	struct peer_link *l = &((struct peer *)b->peer)->links[i];

	l->conn = postern_conn_free(l->conn);
}

static void peer_stop(struct bench *b)
{
	postern_loop_stop(((struct peer *)b->peer)->loop);
}

static void peer_serve(struct peer *p)
{
	static const struct postern_conn_events conn_events = {
		.size = sizeof(conn_events),
		.received = peer_received,
		.closed = peer_gone,
	};
	static const struct postern_conn_events frames = {
		.size = sizeof(frames),
		.frame = peer_received_frame,
		.closed = peer_gone,
	};
	static struct postern_server_events events = { .size = sizeof(events),
						       .accepted = peer_accepted };
	struct postern_conn_options conn = peer_options(p->bench);
	uint32_t n = (uint32_t)p->bench->connections + BENCH_BACKLOG;
	struct postern_server_options options = {
		.size = sizeof(options), .conn = &conn, .connections = n, .connections_per_uid = n
	};

	events.conn = p->bench->frames ? &frames : &conn_events;
	if (postern_server_new(&p->server, p->loop, p->bench->path, &options, &events, p) < 0)
		bench_die(postern_why()->text, 0);
	bench_ready(p->bench);
}

void peer_run(struct bench *b)
{
	static const struct bench_ops ops = {
		.open = peer_open, .pump = peer_pump, .close = peer_close, .stop = peer_stop
	};
	struct peer *p = calloc(1, sizeof(*p));
	int r;

	if (!p || !(p->links = calloc(b->connections, sizeof(*p->links))))
		bench_die("calloc", ENOMEM);
	p->bench = b;
	/* A stream is written message by message, as frames are; the rest in pieces. */
	p->piece = b->work == BENCH_WORK_STREAM || b->frames ? b->size : b->room;
	p->out = malloc(p->piece);
	if (!p->out)
		bench_die("malloc", ENOMEM);
	b->peer = p;
	b->ops = &ops;
	r = postern_loop_new(&p->loop);
	if (r < 0)
		bench_die("postern_loop_new", -r);
	r = postern_loop_set_busy_poll(p->loop, b->spin_ns);
	if (r < 0)
		bench_die("postern_loop_set_busy_poll", -r);
	if (b->server)
		peer_serve(p);
	else
		bench_open(b);
	r = postern_loop_run(p->loop);
	if (r < 0)
		bench_die("postern_loop_run", -r);
	for (size_t i = 0; i < b->connections && !b->server; i++)
		postern_conn_free(p->links[i].conn);
	postern_server_free(p->server);
	postern_loop_free(p->loop);
	free(p->links);
	free(p->out);
	free(p);
}
