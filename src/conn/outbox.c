/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.c - bytes to the peer
 *
 * A write copies into the connection's queue; the end of the turn sends a turn's writes with one system
 * call. The kernel counts buffers and not bytes against its limit (278 one-byte sends fill it), so
 * one send of many messages also lets the most of them fit into the kernel's buffer.
 *
 * Tried and rejected: sending large writes at once, bypassing the queue, to save the copy. From 4 KiB to 256 KiB
 * per message, at every threshold, it was no faster, because the kernel copies too and our copy leaves the
 * bytes in the cache for it (docs/RATIONALE.md has the figures).
 *
 * EPOLLOUT is requested only after the kernel took less than it was given, and removed at the next send.
 *
 * The account is charged for chunks and not for bytes: bytes that fit into the last chunk are free, and most writes fit.
 * A message that finds the queue empty and no room in the account waits in line; nothing else does, since a queue
 * that is not empty triggers drained.
 */
#include <errno.h>
#include <limits.h>

#include <postern/frame.h>

#include "conn/conn.h"
#include "link/socket.h"

enum {
	OUTBOX_SLOW =
		4096, /* a send to a peer that does not appear to read: small, so that progress shows sooner */
	OUTBOX_IN_FLIGHT = 12, /* tries, 750 ms in all, while the kernel takes no descriptors */
};

#define OUTBOX_CHUNK sizeof(((struct chunk *)0)->bytes)

/* Reports added or freed chunks to the account; charged: what it has already admitted beyond the previous ones. A
   release counts for the reserve only if that was lent for the queue. */
static inline void outbox_charge(struct postern_conn *c, uint32_t had, size_t charged)
{
	size_t was = (size_t)had * CHUNK_SIZE + charged, is = (size_t)c->out.chunks * CHUNK_SIZE;

	if (!c->account || is == was)
		return;
	if (is > was)
		account_take(c->account, is - was);
	else
		account_give(c->account, c->flags & CONN_LENT_WRITE ? &c->line : NULL, was - is);
}

/* The queue is empty: it needs neither the reserve nor a place in line. */
static void outbox_return(struct postern_conn *c)
{
	if (!(c->flags & CONN_LENT_WRITE))
		return;
	c->flags &= ~(uint32_t)CONN_LENT_WRITE;
	if (!(c->flags & CONN_LENT_READ))
		account_return(c->account, &c->line);
}

void outbox_clear(struct postern_conn *c)
{
	uint32_t had = c->out.chunks;

	passing_out_clear(c);
	if (had == 0)
		return;
	chunk_queue_clear(&c->out, &c->object.loop->pool);
	outbox_charge(c, had, 0);
	outbox_return(c);
}

void outbox_drop(struct postern_conn *c)
{
	outbox_clear(c);
	conn_due(c, CONN_DUE_FLUSH);
}

void conn_break(struct postern_conn *c)
{
	c->flags =
		(c->flags | CONN_BROKEN) & ~(uint32_t)(CONN_BLOCKED | CONN_WANTED | CONN_CROWDED);
	conn_leave_line(c, CONN_LINE_WRITE);
	outbox_clear(c);
	/* A program that takes no bytes until drained will get no drained. */
	if (c->kept && c->state == POSTERN_STATE_CONNECTED)
		conn_due(c, CONN_DUE_OFFER);
}

/* Soon again, since others may be read, and then it is the end: a peer that waits for an answer is to know. */
static void outbox_in_flight(struct postern_conn *c)
{
	if (c->retries < OUTBOX_IN_FLIGHT) {
		conn_try_later(c);
		return;
	}
	c->failed = -ETOOMANYREFS;
	c->flags |= CONN_FAILED;
	conn_due(c, CONN_DUE_FLUSH);
}

/* Handles a failed send; conn_run() and the reader end the connection. */
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
		conn_try_later(c);
		break;
	/* Descriptors in flight, of all that this user has sent: core/flight.h. */
	case -ETOOMANYREFS:
		outbox_in_flight(c);
		break;
	case -EPIPE:
	case -ECONNRESET:
		conn_break(c);
		break;
	default:
		c->failed = (int16_t)error;
		c->flags |= CONN_FAILED;
		conn_due(c, CONN_DUE_FLUSH);
	}
}

/* The kernel took n bytes, which were all that it was given, or not. */
static void outbox_went(struct postern_conn *c, size_t n, bool all)
{
	c->sent += n;
	c->flags |= CONN_SENT;
	c->retries = 0;
	if (c->deadline_ns == POSTERN_FOREVER)
		idle_begin(c, WAITS_FOR_PEER);
	if (c->flags & CONN_WATCHED)
		idle_after_send(c, n);
	if (!all)
		c->flags |= CONN_BLOCKED;
}

void conn_send(struct postern_conn *c)
{
	size_t most = c->flags & CONN_SLOW ? OUTBOX_SLOW : loop_visit(c->object.loop);
	const struct fds *fds = NULL;
	uint32_t had = c->out.chunks;
	bool all;
	ssize_t r;

	if (c->flags & CONN_WATCHED)
		idle_before_send(c);
	if (c->flags & CONN_PASSES)
		fds = passing_out_next(c, &most);
	r = fds && fds->n > 0 ? link_send_fds(c->object.fd, &c->out, most, fds, &all)
			      : link_send(c->object.fd, &c->out, most, &all);
	if (r < 0) {
		conn_send_failed(c, (int)r);
		return;
	}
	chunk_queue_consume(&c->out, &c->object.loop->pool, (size_t)r);
	outbox_charge(c, had, 0);
	if (c->out.bytes == 0)
		outbox_return(c);
	c->untold += (uint32_t)r;
	loop_spend(c->object.loop, (size_t)r);
	outbox_went(c, (size_t)r, all);
	if (c->flags & CONN_PASSES)
		passing_out_sent(c);
}

/* ---- limits of the queue ---- */

/* How much more may be charged for this connection: one peer gets at most a quarter of the free part. */
static size_t outbox_share(const struct postern_conn *c)
{
	size_t own = (size_t)c->out.chunks * CHUNK_SIZE + (c->kept ? c->kept->charged : c->lent),
	       share;

	share = (account_free(c->account) + own) / 4;
	return share > own ? share - own : 0;
}

static inline size_t outbox_room(const struct postern_conn *c)
{
	size_t room =
		c->out.bytes < c->limits->high_water ? c->limits->high_water - c->out.bytes : 0;
	size_t spare = chunk_queue_spare(&c->out), chunks;

	if (!c->account || room <= spare)
		return room;
	chunks = outbox_share(c) / CHUNK_SIZE;
	/* One chunk fits into an empty queue, however full the account is. */
	if (chunks == 0 && c->out.chunks == 0)
		chunks = 1;
	spare += chunks * OUTBOX_CHUNK;
	return room < spare ? room : spare;
}

/* The low-water mark, or a quarter of what its account allows. The account may refuse a write below
   the mark: sending drained at once would cause the next refusal, in a loop, as long as the peer is slow. */
bool outbox_is_low(const struct postern_conn *c)
{
	uint32_t queued = c->out.bytes;

	if (c->flags & CONN_LINE_WRITE)
		return account_would(c->account, &c->line, c->asked);
	if (c->flags & CONN_CROWDED && !passing_is_low(c))
		return false;
	return queued <= c->limits->low_water && (queued == 0 || outbox_room(c) / 3 >= queued);
}

static inline int outbox_check(const struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	if (c->state == POSTERN_STATE_CLOSING ||
	    c->flags & (CONN_SHUT | CONN_BROKEN | CONN_FAILED | CONN_ABORTED))
		return -EPIPE;
	return 0;
}

/* The same, for the functions that write: from here on the program knows that writes fail. */
static inline int outbox_begin(struct postern_conn *c)
{
	int r = outbox_check(c);

	if (r == -EPIPE && c->flags & CONN_BROKEN)
		c->flags |= CONN_DECLINED;
	return r;
}

static inline size_t outbox_add(struct postern_conn *c, const void *bytes, size_t n)
{
	return chunk_queue_append(&c->out, &c->object.loop->pool, bytes, n);
}

ssize_t postern_conn_write(struct postern_conn *c, const void *bytes, size_t n)
{
	size_t room, taken, done = 0;
	uint32_t had;
	int r = outbox_begin(c);

	if (r < 0)
		return r;
	if (n == 0)
		return 0;
	if (!bytes || n > SSIZE_MAX)
		return -EINVAL;
	had = c->out.chunks;
	room = outbox_room(c);
	taken = n < room ? n : room;
	if (taken > 0)
		done = outbox_add(c, bytes, taken);
	outbox_charge(c, had, 0);
	if (done < n)
		c->flags |= CONN_REFUSED;
	if (done < taken)
		c->flags |= CONN_SHORT;
	if (conn_has_socket(c))
		conn_due(c, CONN_DUE_FLUSH);
	return done > 0 ? (ssize_t)done : -EAGAIN;
}

ssize_t postern_conn_writev(struct postern_conn *c, const struct iovec *iov, size_t n_iov)
{
	ssize_t done = 0;

	if ((!iov && n_iov > 0) || n_iov > 1024)
		return -EINVAL;
	if (n_iov == 0)
		return outbox_check(c);
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

/* ---- whole messages ---- */

/* May a message of n bytes be queued now? It waits in line if only other connections of its uid are in the way.
   *ret_charged: how much the account was already charged for it. */
static bool outbox_admit(struct postern_conn *c, size_t n, size_t *ret_charged)
{
	bool owed = c->flags & CONN_REFUSED;
	size_t charge;

	if (n <= outbox_room(c))
		return true;
	c->flags |= CONN_REFUSED;
	if (!c->account || c->out.bytes > 0)
		return false;
	charge = (n + OUTBOX_CHUNK - 1) / OUTBOX_CHUNK * CHUNK_SIZE;
	if (!account_ask(c->account, &c->line, charge)) {
		c->flags |= CONN_LINE_WRITE;
		c->asked = (uint32_t)charge;
		return false;
	}
	if (c->account->holder == &c->line)
		c->flags |= CONN_LENT_WRITE;
	/* An earlier refusal, perhaps of a larger message, still gets its drained. */
	if (!owed)
		c->flags &= ~(uint32_t)CONN_REFUSED;
	conn_leave_line(c, CONN_LINE_WRITE);
	*ret_charged = charge;
	return true;
}

ssize_t postern_conn_write_frame(struct postern_conn *c, int framing, const void *payload, size_t n)
{
	char head[4], tail[1];
	int n_head = postern_frame_make(framing, payload, n, head, tail), r;
	size_t whole, n_tail = n_head == 0, charged = 0, done;
	uint32_t had, queued;

	if (n_head < 0)
		return n_head;
	r = outbox_begin(c);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(n, (size_t)n_head + n_tail, &whole) ||
	    whole > c->limits->high_water)
		return -EMSGSIZE;
	if (conn_has_socket(c))
		conn_due(c, CONN_DUE_FLUSH);
	if (!outbox_admit(c, whole, &charged))
		return -EAGAIN;
	had = c->out.chunks;
	queued = c->out.bytes;
	done = outbox_add(c, head, (size_t)n_head);
	if (done == (size_t)n_head && n > 0)
		done += outbox_add(c, payload, n);
	if (done == (size_t)n_head + n)
		done += outbox_add(c, tail, n_tail);
	/* Out of memory. Bytes after half a message would be read as its rest. */
	if (done < whole) {
		chunk_queue_shorten(&c->out, &c->object.loop->pool, queued);
		c->flags |= CONN_REFUSED | CONN_SHORT;
	}
	outbox_charge(c, had, charged);
	if (c->out.bytes == 0)
		outbox_return(c);
	return done == whole ? (ssize_t)n : -EAGAIN;
}

void conn_write_later(struct postern_conn *c)
{
	c->flags |= CONN_REFUSED | CONN_SHORT;
	conn_due(c, CONN_DUE_FLUSH);
}

/* ---- answers ---- */

int conn_write_owed(struct postern_conn *c, const void *bytes, size_t n)
{
	uint32_t had = c->out.chunks, queued = c->out.bytes;
	int r = outbox_begin(c);

	if (r < 0)
		return r;
	if (outbox_add(c, bytes, n) < n) {
		chunk_queue_shorten(&c->out, &c->object.loop->pool, queued);
		r = -ENOMEM;
	}
	outbox_charge(c, had, 0);
	conn_due(c, CONN_DUE_FLUSH);
	return r;
}

/* One send of bytes that are not queued: how many went, 0 also for what keeps the kernel from taking any now. */
static size_t outbox_send_these(struct postern_conn *c, const void *bytes, size_t n)
{
	size_t most = c->flags & CONN_SLOW && n > OUTBOX_SLOW ? OUTBOX_SLOW : n;
	ssize_t r;

	if (c->flags & CONN_WATCHED)
		idle_before_send(c);
	r = link_send_these(c->object.fd, bytes, most);
	if (r < 0) {
		conn_send_failed(c, (int)r);
		return 0;
	}
	outbox_went(c, (size_t)r, (size_t)r == most);
	return (size_t)r;
}

void conn_want(struct postern_conn *c)
{
	c->flags |= CONN_WANTED;
	conn_due(c, CONN_DUE_FLUSH);
}

ssize_t conn_send_now(struct postern_conn *c, const void *bytes, size_t n)
{
	size_t went = 0;
	int r = outbox_begin(c);

	if (r < 0)
		return r;
	if (c->out.bytes > 0 && conn_can_send(c))
		conn_send(c);
	if (c->out.bytes == 0 && conn_can_send(c))
		went = outbox_send_these(c, bytes, n);
	if (c->flags & CONN_BROKEN) {
		conn_due(c, CONN_DUE_FLUSH);
		return -EPIPE;
	}
	if (went < n)
		conn_want(c);
	return (ssize_t)went;
}

void conn_crowd(struct postern_conn *c)
{
	c->flags |= CONN_REFUSED | CONN_CROWDED;
	conn_due(c, CONN_DUE_FLUSH);
}

bool conn_has_room(struct postern_conn *c)
{
	if (c->flags & CONN_PASSES && !passing_has_room(c)) {
		conn_crowd(c);
		return false;
	}
	if (outbox_room(c) > 0)
		return true;
	c->flags |= CONN_REFUSED;
	return false;
}

size_t postern_conn_room(const struct postern_conn *c)
{
	return outbox_check(c) < 0 ? 0 : outbox_room(c);
}

ssize_t postern_conn_flush(struct postern_conn *c)
{
	int r = conn_check(c);

	if (r < 0)
		return r;
	for (int i = 0; i < CONN_ROUNDS && c->out.bytes > 0 && conn_can_send(c); i++) {
		conn_send(c);
		/* Only report what has happened: a program that flushes in every turn still waits in them. */
		conn_due(c, CONN_DUE_FLUSH);
	}
	return (ssize_t)c->out.bytes;
}
