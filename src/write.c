/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.c - bytes to the peer
 *
 * A write copies into the connection's queue; the end of the turn sends a turn's writes with one system
 * call. The kernel counts buffers and not bytes against its limit (278 one-byte sends fill it), so that
 * one send of many messages is also what lets the most of them wait in the kernel.
 *
 * What is large is sent at once if nothing is queued before it: the copy would cost more than the system
 * call that collecting could save. 16 KiB is where one copy of memory that is not in the cache comes near
 * to the price of a send (docs/RATIONALE.md).
 *
 * EPOLLOUT is asked for only after the kernel took less than it was given, and given up at the next send.
 */
#include <errno.h>
#include <limits.h>

#include "base/base.h"
#include "conn.h"

enum {
	WRITE_DIRECT = 16 * 1024,
	WRITE_IOV = 16,            /* 256 KiB: more than a default send buffer takes */
	WRITE_ROUNDS = 4,          /* sends to one peer in a turn */
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
}

static void conn_sent(struct postern_conn *c, size_t n)
{
	c->sent += n;
	c->flags |= CONN_MOVED | CONN_SENT;
	if (c->object.slot == TIMER_OFF)
		idle_arm(c);
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
		/* The socket stays writable meanwhile, so epoll would spin: the timer sends again. */
		c->flags |= CONN_RETRY;
		if (c->state == POSTERN_CONNECTED)
			object_timer(&c->object,
				     time_after(loop_now(c->object.loop), POSTERN_MS(10)));
		break;
	default:
		conn_break(c);
	}
}

void conn_send(struct postern_conn *c)
{
	for (int i = 0; i < WRITE_ROUNDS && c->out.bytes > 0; i++) {
		struct iovec iov[WRITE_IOV];
		struct msghdr msg = { .msg_iov = iov };
		size_t want = 0;
		ssize_t r;

		msg.msg_iovlen = (size_t)chunk_queue_peek(&c->out, iov, WRITE_IOV);
		for (size_t k = 0; k < msg.msg_iovlen; k++)
			want += iov[k].iov_len;
		if (msg.msg_iovlen == 1)
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
		if ((size_t)r < want) {
			c->flags |= CONN_BLOCKED;
			return;
		}
	}
}

static int conn_write_check(const struct postern_conn *c)
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

size_t postern_conn_room(const struct postern_conn *c)
{
	size_t room, allowed;

	if (conn_write_check(c) < 0)
		return 0;
	room = c->out.bytes < c->high_water ? c->high_water - c->out.bytes : 0;
	allowed = conn_allowance(c);
	if (c->out.bytes == 0 && allowed < WRITE_MINIMUM)
		allowed = WRITE_MINIMUM;
	return room < allowed ? room : allowed;
}

/* Past the queue; 0 where that is not to be, and the queue takes it. */
static size_t conn_write_direct(struct postern_conn *c, const void *bytes, size_t n)
{
	ssize_t r;

	if (n < WRITE_DIRECT || c->out.bytes > 0 || !conn_has_socket(c) ||
	    c->flags & (CONN_BLOCKED | CONN_RETRY))
		return 0;
	r = sys_send(c->object.fd, bytes, n);
	if (r < 0) {
		conn_send_failed(c, (int)r);
		return 0;
	}
	conn_sent(c, (size_t)r);
	if ((size_t)r < n)
		c->flags |= CONN_BLOCKED;
	return (size_t)r;
}

ssize_t postern_conn_write(struct postern_conn *c, const void *bytes, size_t n)
{
	size_t room, done, queued;
	int r = conn_write_check(c);

	if (r < 0)
		return r;
	if ((!bytes && n > 0) || n > SSIZE_MAX)
		return -EINVAL;
	done = conn_write_direct(c, bytes, n);
	if (c->flags & CONN_BROKEN) {
		conn_due(c, CONN_DUE_FLUSH);
		return -EPIPE;
	}
	room = postern_conn_room(c);
	queued = n - done < room ? n - done : room;
	if (queued > 0)
		queued = chunk_queue_append(&c->out, &c->object.loop->pool,
					    (const char *)bytes + done, queued);
	conn_charge(c, queued, 0);
	done += queued;
	if (done < n)
		c->flags |= CONN_REFUSED;
	if (conn_has_socket(c) && (c->out.bytes > 0 || c->flags & CONN_REFUSED))
		conn_due(c, CONN_DUE_FLUSH);
	if (done == 0 && n > 0)
		return -EAGAIN;
	return (ssize_t)done;
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
	if (conn_has_socket(c) && c->out.bytes > 0) {
		conn_send(c);
		conn_due(c, CONN_DUE_FLUSH);
	}
	return (ssize_t)c->out.bytes;
}
