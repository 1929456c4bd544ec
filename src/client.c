/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - a connection for programs without a loop
 *
 * A client is a loop of its own with one connection, driven by the calls that wait: each turns the loop until
 * it has its result, the connection has ended, or its deadline has passed. So connecting, limits and endings are
 * those of connections, and none of that is repeated here.
 *
 * Received bytes are collected in a buffer bounded by .unread; when it is full, the connection keeps up to the same
 * bound once more, then stops reading, and the peer waits.
 *
 * Deadlines are absolute from the start of a call on, so neither EINTR nor a trickle of bytes extends them.
 */
#include "client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/base.h"

/* ---- events ---- */

static size_t client_received(struct postern_conn *conn, const void *bytes, size_t n, void *data)
{
	struct postern_client *c = data;

	(void)conn;
	return c->dropping ? n : postern_buffer_add(c->buffer, bytes, n);
}

static void client_ended(struct postern_conn *conn, void *data)
{
	struct postern_client *c = data;

	(void)conn;
	c->ended = true;
}

const struct postern_conn_events client_events = {
	.size = sizeof(client_events),
	.received = client_received,
	.ended = client_ended,
};

/* ---- waiting ---- */

/* The error of a read after the end of the connection. */
static int client_error(const struct postern_client *c)
{
	const struct postern_reason *why = postern_conn_why(c->conn);

	switch (why->code) {
	case POSTERN_REASON_ENDED:
	case POSTERN_REASON_CLOSED:
		return -EPIPE;
	case POSTERN_REASON_RESET:
		return -ECONNRESET;
	case POSTERN_REASON_TIMEOUT:
	case POSTERN_REASON_IDLE:
		return -ETIMEDOUT;
	case POSTERN_REASON_NO_SERVER:
		return -ECONNREFUSED;
	default:
		return why->error < 0 ? why->error : -EIO;
	}
}

static int client_check(const struct postern_client *c, int64_t deadline_ns)
{
	if (!c || deadline_ns < 0)
		return -EINVAL;
	if (!loop_is_ours(c->loop))
		return -ECHILD;
	return loop_in_callback() ? -EDEADLK : 0;
}

/* One turn, at most until at_ns; -ETIMEDOUT if that has passed. */
static int client_turn(struct postern_client *c, int64_t at_ns)
{
	int64_t left = at_ns == POSTERN_FOREVER ? POSTERN_FOREVER : at_ns - sys_now();
	int r = postern_loop_dispatch(c->loop, left > 0 ? left : 0);

	if (r < 0)
		return r;
	/* Also after an event: a peer that trickles does not extend the deadline. */
	return left <= 0 ? -ETIMEDOUT : 0;
}

/* The buffer has room again: the connection offers the bytes that it kept. */
static void client_took(struct postern_client *c)
{
	if (c->conn->kept)
		postern_conn_resume(c->conn);
}

/* ---- life ---- */

int client_make(struct postern_client **ret, const struct postern_conn_options *options)
{
	struct postern_conn_options limits;
	struct postern_client *c;
	int r = conn_options_import(&limits, options);

	if (r < 0)
		return r;
	if (limits.framing)
		return why_field("postern_conn_options", "framing",
				 "must be 0: a client passes the framing to each read");
	if (loop_in_callback())
		return why_call("postern_client_new", -EDEADLK);
	c = sys_alloc(sizeof(*c));
	if (!c)
		return why_call("postern_client_new", -ENOMEM);
	r = postern_loop_new(&c->loop);
	if (r == 0) {
		/* Only the calls below turn it, and nothing else polls it: waking it would waste a write and a read
		   in each of them. */
		atomic_store(&c->loop->awake, true);
		r = postern_buffer_new(&c->buffer, limits.unread);
	}
	if (r < 0) {
		postern_client_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct postern_client *postern_client_free(struct postern_client *c)
{
	if (!c)
		return NULL;
	postern_conn_free(c->conn);
	postern_loop_free(c->loop);
	postern_buffer_free(c->buffer);
	sys_free(c);
	return NULL;
}

static int client_connect(struct postern_client *c)
{
	while (postern_conn_state(c->conn) < POSTERN_STATE_CONNECTED) {
		/* Its own deadline bounds this. */
		int r = client_turn(c, POSTERN_FOREVER);

		if (r < 0)
			return r;
	}
	return !conn_is_open(c->conn) ? client_error(c) : 0;
}

int postern_client_new(struct postern_client **ret, const char *name,
		       const struct postern_connect_options *options)
{
	struct postern_connect_options o;
	struct postern_client *c;
	int r;

	if (!ret || !name)
		return why_argument("postern_client_new", "ret or name is NULL");
	r = struct_import("postern_connect_options", &o, sizeof(o), options);
	if (r < 0)
		return r;
	r = client_make(&c, o.conn);
	if (r < 0)
		return r;
	r = postern_connect(&c->conn, c->loop, name, options, &client_events, c);
	if (r == 0) {
		r = client_connect(c);
		if (r < 0)
			why_copy(why_last(), postern_conn_why(c->conn));
	}
	if (r < 0)
		postern_client_free(c);
	else
		*ret = c;
	return r;
}

int postern_client_adopt(struct postern_client **ret, int fd,
			 const struct postern_conn_options *options)
{
	struct postern_client *c;
	int r;

	if (!ret || fd < 0)
		return why_argument("postern_client_adopt", "ret is NULL, or fd is negative");
	r = client_make(&c, options);
	if (r < 0)
		return r;
	r = postern_conn_adopt(&c->conn, c->loop, fd, options, &client_events, c);
	if (r < 0)
		postern_client_free(c);
	else
		*ret = c;
	return r;
}

/* ---- reading ---- */

/* Waits until `take` returns something other than -EAGAIN, or the end has come. */
static ssize_t client_read(struct postern_client *c, int64_t deadline_ns,
			   ssize_t (*take)(struct postern_client *c, void *ret, size_t n, int how),
			   void *to, size_t n, int how)
{
	int r = client_check(c, deadline_ns);
	int64_t at;
	ssize_t k;

	if (r < 0)
		return r;
	if (!to && n > 0)
		return -EINVAL;
	k = take(c, to, n, how);
	if (k != -EAGAIN) {
		client_took(c);
		return k;
	}
	at = time_after(sys_now(), deadline_ns);
	for (;;) {
		bool over = c->ended || !conn_is_open(c->conn);

		/* Bytes that were kept for lack of room come before the end, in a turn without a wait. */
		r = client_turn(c, over ? 0 : at);
		k = take(c, to, n, how);
		if (k != -EAGAIN)
			break;
		if (!conn_is_open(c->conn) &&
		    postern_conn_why(c->conn)->code != POSTERN_REASON_ENDED &&
		    postern_conn_why(c->conn)->code != POSTERN_REASON_CLOSED)
			return client_error(c);
		if (over)
			return postern_buffer_size(c->buffer) == 0 && how == 0 ? 0 : -ENODATA;
		if (r < 0 && r != -EINTR)
			return r;
	}
	client_took(c);
	return k;
}

static ssize_t client_take_some(struct postern_client *c, void *ret, size_t n, int how)
{
	size_t k = postern_buffer_read(c->buffer, ret, n);

	(void)how;
	return k > 0 || n == 0 ? (ssize_t)k : -EAGAIN;
}

static ssize_t client_take_exactly(struct postern_client *c, void *ret, size_t n, int how)
{
	(void)how;
	return postern_buffer_read_exactly(c->buffer, ret, n);
}

static ssize_t client_take_frame(struct postern_client *c, void *ret, size_t n, int how)
{
	return postern_buffer_read_frame(c->buffer, how, ret, n);
}

ssize_t postern_client_read(struct postern_client *c, void *ret, size_t n, int64_t deadline_ns)
{
	return client_read(c, deadline_ns, client_take_some, ret, n, 0);
}

int postern_client_read_exactly(struct postern_client *c, void *ret, size_t n, int64_t deadline_ns)
{
	return (int)client_read(c, deadline_ns, client_take_exactly, ret, n, -1);
}

ssize_t postern_client_read_frame(struct postern_client *c, int framing, void *ret, size_t size,
				  int64_t deadline_ns)
{
	if (framing < POSTERN_FRAMING_LINES || framing > POSTERN_FRAMING_U32LE)
		return -EINVAL;
	return client_read(c, deadline_ns, client_take_frame, ret, size, framing);
}

ssize_t postern_client_read_line(struct postern_client *c, char *ret, size_t size,
				 int64_t deadline_ns)
{
	ssize_t n;

	if (!ret || size == 0)
		return -EINVAL;
	n = postern_client_read_frame(c, POSTERN_FRAMING_LINES, ret, size - 1, deadline_ns);
	if (n >= 0)
		ret[n] = '\0';
	return n;
}

int postern_client_wait_end(struct postern_client *c, int64_t deadline_ns)
{
	int r = client_check(c, deadline_ns);
	int64_t at;

	if (r < 0)
		return r;
	at = time_after(sys_now(), deadline_ns);
	while (!c->ended && conn_is_open(c->conn)) {
		r = client_turn(c, at);
		if (!c->ended && conn_is_open(c->conn) && inbox_is_full(c->conn))
			return -ENOBUFS;
		if (r < 0)
			return c->ended || !conn_is_open(c->conn) ? 0 : r;
	}
	return 0;
}

/* ---- writing ---- */

/* Until the kernel has taken the whole queue. A connection whose peer has gone drops its queue, and ends only when
   the peer's bytes are read. */
static int client_flush(struct postern_client *c, int64_t at)
{
	bool some = postern_conn_queued(c->conn) > 0;

	for (;;) {
		ssize_t queued = postern_conn_flush(c->conn);
		int r;

		if (queued == 0)
			return some && c->conn->flags & CONN_BROKEN ? -EPIPE : 0;
		if (queued < 0)
			return queued == -ESTALE ? client_error(c) : (int)queued;
		r = client_turn(c, at);
		if (r < 0)
			return r;
	}
}

static int client_write(struct postern_client *c, const char *bytes, size_t n, int64_t at)
{
	while (n > 0) {
		ssize_t k = postern_conn_write(c->conn, bytes, n);
		int r = 0;

		if (k == -EAGAIN)
			r = client_turn(c, at);
		else if (k < 0)
			return k == -ESTALE ? client_error(c) : (int)k;
		if (r < 0)
			return r;
		if (k > 0) {
			bytes += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

int postern_client_write(struct postern_client *c, const void *bytes, size_t n, int64_t deadline_ns)
{
	int r = client_check(c, deadline_ns);
	int64_t at;

	if (r < 0)
		return r;
	if (!bytes && n > 0)
		return -EINVAL;
	at = time_after(sys_now(), deadline_ns);
	r = client_write(c, bytes, n, at);
	return r < 0 ? r : client_flush(c, at);
}

int postern_client_write_frame(struct postern_client *c, int framing, const void *payload, size_t n,
			       int64_t deadline_ns)
{
	int r = client_check(c, deadline_ns), n_head;
	char head[4], tail[1];
	int64_t at;

	if (r < 0)
		return r;
	n_head = postern_frame_make(framing, payload, n, head, tail);
	if (n_head < 0)
		return n_head;
	at = time_after(sys_now(), deadline_ns);
	r = client_write(c, head, (size_t)n_head, at);
	if (r == 0)
		r = client_write(c, payload, n, at);
	if (r == 0 && n_head == 0)
		r = client_write(c, tail, 1, at);
	return r < 0 ? r : client_flush(c, at);
}

int postern_client_shutdown(struct postern_client *c, int64_t deadline_ns)
{
	int r = client_check(c, deadline_ns);

	if (r == 0)
		r = client_flush(c, time_after(sys_now(), deadline_ns));
	if (r == 0)
		r = postern_conn_shutdown(c->conn);
	if (r < 0)
		return r;
	/* The turn that closes it. */
	r = client_turn(c, 0);
	return r == -ETIMEDOUT ? 0 : r;
}

int postern_client_close(struct postern_client *c, int64_t deadline_ns)
{
	int64_t begun = sys_now(), at = time_after(begun, deadline_ns);
	int r = postern_client_shutdown(c, deadline_ns);

	if (r == -EPIPE && c->ended)
		r = 0;
	if (r < 0)
		return r;
	c->dropping = true;
	postern_buffer_skip(c->buffer, SIZE_MAX);
	client_took(c);
	r = postern_client_wait_end(c, at == POSTERN_FOREVER ? at
				       : at > sys_now()      ? at - sys_now()
							     : 0);
	/* The peer ended without having read everything: not a success. */
	if (r == 0 && !conn_is_open(c->conn) && client_error(c) == -ECONNRESET)
		r = -ECONNRESET;
	return r;
}

/* ---- options and looking ---- */

int postern_client_set_busy_poll(struct postern_client *c, int64_t max_ns)
{
	return c ? postern_loop_set_busy_poll(c->loop, max_ns) : -EINVAL;
}

size_t postern_client_available(const struct postern_client *c)
{
	return c ? postern_buffer_size(c->buffer) : 0;
}

const struct postern_reason *postern_client_why(const struct postern_client *c)
{
	return postern_conn_why(c ? c->conn : NULL);
}

struct postern_conn *postern_client_conn(struct postern_client *c)
{
	return c ? c->conn : NULL;
}
