/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A server, a client, and what happened to them, for the tests of the public headers: with nothing but those.
 */
#include "test.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/server.h>
#include <postern/thread.h>

struct end {
	struct postern_conn *conn;
	size_t received;
	unsigned int connected, ended, drained, closed;
	int code;
	char last[64];
};

struct world {
	struct postern_loop *loop;
	struct postern_server *server;
	struct end client, accepted;
	struct postern_server_counters counters;
	unsigned int allowed, posted, logged, each, server_closed, server_errors;
	int server_code;
};

static inline void end_state(struct postern_conn *c, int state, void *data)
{
	struct end *e = data;

	(void)c;
	if (state == POSTERN_STATE_CONNECTED)
		e->connected++;
}

static inline size_t end_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct end *e = data;

	(void)c;
	snprintf(e->last, sizeof e->last, "%.*s", n > 63 ? 63 : (int)n, (const char *)bytes);
	e->received += n;
	return n;
}

static inline void end_ended(struct postern_conn *c, void *data)
{
	struct end *e = data;

	(void)c;
	e->ended++;
}

static inline void end_drained(struct postern_conn *c, void *data)
{
	struct end *e = data;

	(void)c;
	e->drained++;
}

static inline void end_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct end *e = data;

	(void)c;
	e->closed++;
	e->code = why->code;
}

static const struct postern_conn_events end_events = {
	.size = sizeof end_events,
	.state = end_state,
	.received = end_received,
	.ended = end_ended,
	.drained = end_drained,
	.closed = end_closed,
};

static inline int world_allow(struct postern_server *s, const struct postern_peer *peer, void *data)
{
	struct world *w = data;

	(void)s;
	w->allowed++;
	return peer->pid == getpid() ? 0 : -EPERM;
}

static inline void world_accepted(struct postern_server *s, struct postern_conn *c, void *data)
{
	struct world *w = data;

	assert_ptr_equal(postern_conn_server(c), s);
	assert_ptr_equal(postern_conn_data(c), w);
	w->accepted.conn = postern_conn_keep(c);
	assert_ptr_equal(w->accepted.conn, c);
	assert_ok(postern_conn_set_events(c, &end_events, &w->accepted));
}

static inline void world_error(struct postern_server *s, const struct postern_reason *why, void *data)
{
	struct world *w = data;

	(void)s, (void)why;
	w->server_errors++;
}

static inline void world_closed(struct postern_server *s, const struct postern_reason *why, void *data)
{
	struct world *w = data;

	(void)s;
	w->server_closed++;
	w->server_code = why->code;
}

static const struct postern_server_events world_events = {
	.size = sizeof world_events,
	.conn = &end_events,
	.allow = world_allow,
	.accepted = world_accepted,
	.error = world_error,
	.closed = world_closed,
};

#define UNTIL(w, condition)                                                          \
	do {                                                                         \
		int64_t until_ = postern_now() + test_patience_ns();                 \
		while (!(condition) && postern_now() < until_)                       \
			assert_ok(postern_loop_dispatch((w)->loop, POSTERN_MS(10))); \
		if (!(condition))                                                    \
			fail_msg("%s did not come true", #condition);                \
	} while (0)

static inline void world_begin(struct world *w)
{
	memset(w, 0, sizeof *w);
	assert_ok(postern_loop_new(&w->loop));
	assert_ok(postern_server_new(&w->server, w->loop, "api", NULL, &world_events, w));
}

static inline void world_connect(struct world *w)
{
	assert_ok(postern_connect(&w->client.conn, w->loop, "api", NULL, &end_events, &w->client));
	UNTIL(w, w->client.connected && w->accepted.conn);
}

static inline void world_end(struct world *w)
{
	w->client.conn = postern_conn_free(w->client.conn);
	w->accepted.conn = postern_conn_free(w->accepted.conn);
	w->server = postern_server_free(w->server);
	assert_null(w->client.conn);
	assert_null(w->accepted.conn);
	assert_null(w->server);
	assert_null(postern_loop_free(w->loop));
}

static inline void world_post(struct postern_loop *loop, void *data)
{
	struct world *w = data;

	assert_ptr_equal(loop, w->loop);
	w->posted++;
}

static inline void world_log(struct postern_loop *loop, int level, const char *text, void *data)
{
	struct world *w = data;

	assert_ptr_equal(loop, w->loop);
	assert_in_range(level, LOG_WARNING, LOG_DEBUG);
	assert_non_null(text);
	w->logged++;
}

struct ticks {
	struct postern_timer *timer;
	struct postern_watch *watch;
	unsigned int fired, readable, exited;
	int64_t late_ns;
	int how, status;
};

static inline void ticks_fire(struct postern_timer *t, void *data)
{
	struct ticks *k = data;

	k->late_ns = postern_now() - postern_timer_due_ns(t);
	k->fired++;
}

static inline void ticks_ready(struct postern_watch *w, uint64_t happened, void *data)
{
	struct ticks *k = data;

	if (happened & POSTERN_WATCH_READABLE)
		k->readable++;
	assert_ok(postern_watch_set(w, 0));
}

static inline void ticks_exit(struct postern_child *child, int how, int status, void *data)
{
	struct ticks *k = data;

	(void)child;
	k->exited++;
	k->how = how;
	k->status = status;
}

static inline void world_each(struct postern_conn *c, void *data)
{
	struct world *w = data;

	assert_ptr_equal(c, w->accepted.conn);
	w->each++;
}

static inline size_t thread_echo(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t r = postern_conn_write(c, bytes, n);

	(void)data;
	return r > 0 ? (size_t)r : 0;
}

static const struct postern_conn_events thread_conn_events = {
	.size = sizeof thread_conn_events,
	.received = thread_echo,
};

static const struct postern_server_events thread_server_events = {
	.size = sizeof thread_server_events,
	.conn = &thread_conn_events,
};

static inline int thread_serve(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct postern_server **s = data;

	(void)t;
	return postern_server_new(s, loop, "thread", NULL, &thread_server_events, NULL);
}

static inline void thread_posted(struct postern_loop *loop, void *data)
{
	if (loop)
		atomic_store((atomic_bool *)data, true);
}
