/* SPDX-License-Identifier: Apache-2.0 */
/* The same 200 bytes there and back over a plain connection of Postern: what calls cost beyond that is theirs. */
#include "call.h"

#include <postern.h>

struct peer {
	struct call call;
	struct postern_loop *loop;
};

static void peer_request(struct postern_conn *c, struct peer *p)
{
	ssize_t written;

	while (call_more(&p->call)) {
		call_fill(&p->call);
		written = postern_conn_write(c, p->call.message, CALL_SIZE);
		if (written != CALL_SIZE)
			bench_die("the queue is full", written < 0 ? (int)-written : 0);
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
	size_t taken = 0;

	for (; n - taken >= CALL_SIZE; taken += CALL_SIZE) {
		if (!call_answer(&p->call, (const char *)bytes + taken, CALL_SIZE)) {
			postern_conn_close(c);
			return n;
		}
		peer_request(c, p);
	}
	return taken;
}

static size_t peer_echo(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct peer *p = data;
	size_t taken = 0;

	for (; n - taken >= CALL_SIZE; taken += CALL_SIZE) {
		if (postern_conn_write(c, (const char *)bytes + taken, CALL_SIZE) != CALL_SIZE)
			bench_die("the queue is full", 0);
		call_count(&p->call);
	}
	return taken;
}

static void peer_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct peer *p = data;

	(void)c;
	if (why->code != POSTERN_REASON_ENDED && why->code != POSTERN_REASON_CLOSED)
		bench_die(why->text, 0);
	postern_loop_stop(p->loop);
}

static const struct postern_conn_events client_events = {
	.size = sizeof(client_events),
	.state = peer_state,
	.received = peer_replied,
	.closed = peer_closed,
};

static const struct postern_conn_events server_conn_events = {
	.size = sizeof(server_conn_events),
	.received = peer_echo,
	.closed = peer_closed,
};

static const struct postern_server_events server_events = {
	.size = sizeof(server_events),
	.conn = &server_conn_events,
};

int main(int argc, char **argv)
{
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(server) server = NULL;
	POSTERN_AUTO(conn) conn = NULL;
	static struct peer p;
	int r;

	call_init(&p.call, "bytes", postern_version(), argc, argv);
	r = postern_loop_new(&loop);
	if (r < 0)
		bench_die("postern_loop_new", -r);
	p.loop = loop;
	if (p.call.bench.server)
		r = postern_server_new(&server, loop, p.call.bench.path, NULL, &server_events, &p);
	else
		r = postern_connect(&conn, loop, p.call.bench.path, NULL, &client_events, &p);
	if (r < 0)
		bench_die(postern_why()->text, -r);
	if (server)
		bench_ready();
	r = postern_loop_run(loop);
	if (r < 0)
		bench_die("postern_loop_run", -r);
	bench_print(&p.call.bench);
	return 0;
}
