/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.c - bytes to the peer
 *
 * A write copies into the connection's queue; the end of the turn sends a turn's writes with one system
 * call. The kernel counts buffers and not bytes against its limit (278 one-byte sends fill it), so that
 * one send of many messages is also what lets the most of them wait in the kernel.
 *
 * Tried and rejected: sending what is large at once, past the queue, to save the copy. From 4 KiB to 256 KiB
 * a message, at every threshold, it was no faster, because the kernel copies too and our copy leaves the
 * bytes in the cache for it (docs/RATIONALE.md has the figures).
 *
 * EPOLLOUT is asked for only after the kernel took less than it was given, and given up at the next send.
 */
#include <errno.h>
#include <limits.h>

#include <postern/frame.h>

#include "base/base.h"
#include "conn/conn.h"

enum {
	WRITE_IOV = 16,            /* 256 KiB: more than a default send buffer takes */
	WRITE_MINIMUM = 16 * 1024, /* fits into an empty queue however crowded the account is */
};

void conn_drop_queue(struct postern_conn *c)
{
	conn_charge(c, 0, c->out.bytes);
	if (c->out.bytes > 0)
		chunk_queue_clear(&c->out, &c->object.loop->pool);
}

void conn_break(struct postern_conn *c)
{
	c->flags = (c->flags | CONN_BROKEN) & ~(uint32_t)(CONN_REFUSED | CONN_BLOCKED);
	conn_drop_queue(c);
	/* A peer that closed only its reading side may keep silent for ever. */
	idle_arm(c);
	/* Whoever declined bytes until drained hears of no drained any more. */
	if (c->unread && !(c->flags & CONN_EOF))
		conn_due(c, CONN_DUE_OFFER);
}

static void conn_sent(struct postern_conn *c, size_t n)
{
	c->sent += n;
	c->untold += (uint32_t)n;
	c->flags |= CONN_SENT;
	if (c->object.slot == TIMER_OFF)
		idle_arm(c);
}

void conn_send_later(struct postern_conn *c)
{
	int64_t wait = CONN_RETRY_MAX / 10 * (c->strikes < 10 ? c->strikes + 1 : 10);

	c->flags |= CONN_RETRY;
	if (c->state == POSTERN_CONNECTED)
		object_timer(&c->object, time_after(loop_now(c->object.loop), wait));
}

/* What a send that did not go well means; ending the connection is for conn_run() and the reader. */
static void conn_send_failed(struct postern_conn *c, int error)
{
	switch (error) {
	case -EINTR:
		break;
	case -EAGAIN:
		c->flags |= CONN_BLOCKED;
		break;
	case -ENOMEM:
	case -ENOBUFS:
		/* The socket stays writable meanwhile, so epoll would spin. */
		conn_send_later(c);
		break;
	default:
		conn_break(c);
	}
}

void conn_send(struct postern_conn *c)
{
	struct iovec iov[WRITE_IOV];
	struct msghdr msg = { .msg_iov = iov };
	size_t want = 0;
	ssize_t r;
	int n;

	if (c->flags & CONN_WATCHED)
		idle_before_send(c);
	n = chunk_queue_peek(&c->out, iov, WRITE_IOV);
	for (int i = 0; i < n; i++)
		want += iov[i].iov_len;
	msg.msg_iovlen = (size_t)n;
	if (n == 1)
		r = sys_send(c->object.fd, iov[0].iov_base, iov[0].iov_len);
	else
		r = sys_sendmsg(c->object.fd, &msg);
	if (r < 0) {
		conn_send_failed(c, (int)r);
		return;
	}
	chunk_queue_consume(&c->out, &c->object.loop->pool, (size_t)r);
	conn_charge(c, 0, (size_t)r);
	conn_sent(c, (size_t)r);
	if (c->flags & CONN_WATCHED)
		idle_after_send(c);
	if ((size_t)r < want)
		c->flags |= CONN_BLOCKED;
}

static inline int conn_write_check(const struct postern_conn *c)
{
	int r;

	if (!c)
		return -EINVAL;
	r = loop_check(c->object.loop);
	if (r < 0)
		return r;
	if (!conn_is_open(c))
		return -ENOTCONN;
	if (c->state == POSTERN_CLOSING || c->flags & (CONN_SHUT | CONN_BROKEN))
		return -EPIPE;
	return 0;
}

static inline size_t conn_room(const struct postern_conn *c)
{
	size_t room = c->out.bytes < c->high_water ? c->high_water - c->out.bytes : 0, allowed;

	if (!c->account)
		return room;
	allowed = conn_allowance(c);
	if (c->out.bytes == 0 && allowed < WRITE_MINIMUM)
		allowed = WRITE_MINIMUM;
	return room < allowed ? room : allowed;
}

ssize_t postern_conn_write(struct postern_conn *c, const void *bytes, size_t n)
{
	size_t room, taken;
	int r = conn_write_check(c);

	if (r < 0)
		return r;
	if (n == 0)
		return 0;
	if (!bytes || n > SSIZE_MAX)
		return -EINVAL;
	room = conn_room(c);
	taken = n < room ? n : room;
	if (taken > 0)
		taken = chunk_queue_append(&c->out, &c->object.loop->pool, bytes, taken);
	conn_charge(c, taken, 0);
	if (taken < n)
		c->flags |= CONN_REFUSED;
	if (conn_has_socket(c))
		conn_due(c, CONN_DUE_FLUSH);
	return taken > 0 ? (ssize_t)taken : -EAGAIN;
}

ssize_t postern_conn_writev(struct postern_conn *c, const struct iovec *iov, size_t n_iov)
{
	ssize_t done = 0;

	if ((!iov && n_iov > 0) || n_iov > 1024)
		return -EINVAL;
	if (n_iov == 0)
		return conn_write_check(c);
	for (size_t i = 0; i < n_iov; i++) {
		ssize_t r = postern_conn_write(c, iov[i].iov_base, iov[i].iov_len);

		if (r < 0)
			return done > 0 ? done : r;
		done += r;
		if ((size_t)r < iov[i].iov_len)
			break;
	}
	return done;
}

/* Half a message cannot be taken back, and what comes after it would be read as its rest. */
static bool conn_queue_all(struct postern_conn *c, const void *bytes, size_t n)
{
	size_t queued = n > 0 ? chunk_queue_append(&c->out, &c->object.loop->pool, bytes, n) : 0;

	conn_charge(c, queued, 0);
	if (queued < n)
		conn_break(c);
	return queued == n;
}

ssize_t postern_conn_write_frame(struct postern_conn *c, int framing, const void *payload, size_t n)
{
	char head[4], tail[1];
	int n_head = postern_frame_make(framing, payload, n, head, tail), r;
	size_t whole, n_tail = n_head == 0;

	if (n_head < 0)
		return n_head;
	r = conn_write_check(c);
	if (r < 0)
		return r;
	whole = (size_t)n_head + n + n_tail;
	if (whole > c->high_water)
		return -EMSGSIZE;
	if (conn_has_socket(c))
		conn_due(c, CONN_DUE_FLUSH);
	if (whole > conn_room(c) && c->out.bytes > 0) {
		c->flags |= CONN_REFUSED;
		return -EAGAIN;
	}
	if (!conn_queue_all(c, head, (size_t)n_head) || !conn_queue_all(c, payload, n) ||
	    !conn_queue_all(c, tail, n_tail))
		return -ENOMEM;
	return (ssize_t)n;
}

size_t postern_conn_room(const struct postern_conn *c)
{
	return conn_write_check(c) < 0 ? 0 : conn_room(c);
}

ssize_t postern_conn_flush(struct postern_conn *c)
{
	int r;

	if (!c)
		return -EINVAL;
	r = loop_check(c->object.loop);
	if (r < 0)
		return r;
	if (!conn_is_open(c))
		return -ENOTCONN;
	for (int i = 0; i < CONN_ROUNDS && c->out.bytes > 0 && conn_can_send(c); i++)
		conn_send(c);
	if (conn_has_socket(c))
		conn_due(c, CONN_DUE_FLUSH);
	return (ssize_t)c->out.bytes;
}
