/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work over Postern, as its manual shows it. Postern sends a turn's writes at the end of
 * that turn, so the client of the stream writes message by message, until the queue is at
 * its high-water mark, and continues when it has drained. The mark is set to the batch size of the other
 * programs, so that each send is as large as theirs.
 */
#include "bench.h"

#include <errno.h>
#include <postern.h>
#include <postern/loop.h>

struct peer {
	struct bench bench;
	struct postern_loop *loop;
	size_t written; /* of the message that a full queue split */
};

static void peer_write(struct postern_conn *c, const void *bytes, size_t n)
{
	ssize_t written = postern_conn_write(c, bytes, n);

	if (written != (ssize_t)n)
		bench_die("a single message does not fit into an empty queue",
			  written < 0 ? (int)-written : 0);
}

static void peer_stream(struct postern_conn *c, void *data)
{
	struct peer *p = data;
	struct bench *b = &p->bench;
	ssize_t n;

	while (p->written < BENCH_SIZE || bench_left(b)) {
		if (p->written == BENCH_SIZE) {
			bench_fill(b);
			p->written = 0;
		}
		n = postern_conn_write(c, (unsigned char *)b->message + p->written,
				       BENCH_SIZE - p->written);
		if (n == -EAGAIN)
			return;
		if (n < 0)
			bench_die("postern_conn_write", (int)-n);
		p->written += (size_t)n;
	}
}

static void peer_request(struct postern_conn *c, struct peer *p)
{
	if (p->bench.stream) {
		peer_stream(c, p);
	} else {
		bench_fill(&p->bench);
		peer_write(c, p->bench.message, BENCH_SIZE);
	}
}

static void peer_state(struct postern_conn *c, int state, void *data)
{
	if (state == POSTERN_STATE_CONNECTED)
		peer_request(c, data);
}

static size_t peer_replied(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct peer *p = data;

	if (bench_reply(&p->bench, bytes, n)) {
		if (bench_next(&p->bench))
			peer_request(c, p);
		else
			postern_conn_close(c);
	}
	return n;
}

/* The rest of an echo that does not fit is offered again. */
static size_t peer_echo(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct peer *p = data;
	ssize_t taken = postern_conn_write(c, bytes, n);

	if (taken <= 0)
		return 0;
	bench_receive(&p->bench, bytes, (size_t)taken);
	return (size_t)taken;
}

static size_t peer_sum(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct peer *p = data;

	if (bench_receive(&p->bench, bytes, n)) {
		bench_fill_sum(&p->bench);
		peer_write(c, p->bench.message, BENCH_SIZE);
	}
	return n;
}

static void peer_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct peer *p = data;

	(void)c;
	if (why->code != POSTERN_REASON_ENDED && why->code != POSTERN_REASON_CLOSED)
		bench_die(why->text, 0);
	postern_loop_stop(p->loop);
}

static const struct postern_conn_events peer_client_events = {
	.size = sizeof(peer_client_events),
	.state = peer_state,
	.received = peer_replied,
	.drained = peer_stream,
	.closed = peer_closed,
};

static const struct postern_conn_events peer_echo_events = {
	.size = sizeof(peer_echo_events),
	.received = peer_echo,
	.closed = peer_closed,
};

static const struct postern_conn_events peer_sum_events = {
	.size = sizeof(peer_sum_events),
	.received = peer_sum,
	.closed = peer_closed,
};

static int peer_serve(struct peer *p, struct postern_server **ret)
{
	static struct postern_server_events events = { .size = sizeof(events) };
	int r;

	events.conn = p->bench.stream ? &peer_sum_events : &peer_echo_events;
	r = postern_server_new(ret, p->loop, p->bench.path, NULL, &events, p);
	if (!r)
		bench_ready();
	return r;
}

static int peer_connect(struct peer *p, struct postern_conn **ret)
{
	struct postern_conn_options conn = { .size = sizeof(conn) };
	struct postern_connect_options options = { .size = sizeof(options), .conn = &conn };

	if (p->bench.stream)
		conn.high_water = (uint32_t)(p->bench.batch * BENCH_SIZE);
	return postern_connect(ret, p->loop, p->bench.path, &options, &peer_client_events, p);
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	POSTERN_AUTO(conn) conn = NULL;
	struct peer p = { .written = BENCH_SIZE };
	int r;

	bench_init(&p.bench, "postern", postern_version(), argc, argv);
	r = postern_loop_new(&loop);
	if (r < 0)
		bench_die("postern_loop_new", -r);
	r = postern_loop_set_busy_poll(loop, p.bench.spin_ns);
	if (r < 0)
		bench_die("postern_loop_set_busy_poll", -r);
	p.loop = loop;
	r = p.bench.server ? peer_serve(&p, &server) : peer_connect(&p, &conn);
	if (r < 0)
		bench_die(postern_why()->text, -r);
	r = postern_loop_run(loop);
	if (r < 0)
		bench_die("postern_loop_run", -r);
	bench_print(&p.bench);
	return 0;
}
