/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbox.c - bytes from the peer
 *
 * All connections of a loop read into one shared buffer: bytes that are taken at once are never copied and
 * no connection owns a buffer while nothing is unread. What is not taken moves to `unread`, and the next
 * bytes are read in behind it, so that the consumer always sees one piece.
 *
 * Reading stops at a short read: level-triggered epoll says so if there is more, and the recv that returns
 * EAGAIN would be one system call in three for small messages.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <postern/frame.h>

#include "base/base.h"
#include "conn/conn.h"

enum {
	READ_MINIMUM = 4096, /* is always allowed, else a crowded account could never be served */
};

static size_t conn_unread_minimum(const struct postern_conn *c)
{
	return c->unread_max < READ_MINIMUM ? c->unread_max : READ_MINIMUM;
}

/* So much may be unread at most, as its own limit and its account see it. */
static size_t conn_unread_most(const struct postern_conn *c)
{
	size_t have = c->unread ? c->unread->capacity : 0, most = conn_allowance(c);

	most = most > SIZE_MAX - have ? SIZE_MAX : have + most;
	if (most > c->unread_max)
		most = c->unread_max;
	return most > conn_unread_minimum(c) ? most : conn_unread_minimum(c);
}

bool conn_unread_full(const struct postern_conn *c)
{
	return c->unread && c->unread->n >= conn_unread_most(c);
}

/* Makes room behind what is unread: twice as much each time, within the limits. */
static int conn_unread_reserve(struct postern_conn *c, size_t want)
{
	size_t have = c->unread ? c->unread->capacity : 0, capacity = have,
	       most = conn_unread_most(c);
	struct unread *u;

	if (most < want)
		return -ENOBUFS;
	while (capacity < want)
		capacity = capacity ? 2 * capacity : READ_MINIMUM;
	if (capacity > most)
		capacity = most;
	if (capacity <= have)
		return 0;
	u = sys_realloc(c->unread, sizeof(*u) + capacity);
	if (!u)
		return -ENOMEM;
	if (!c->unread)
		u->n = 0;
	u->capacity = (uint32_t)capacity;
	c->unread = u;
	conn_charge(c, capacity, have);
	return 0;
}

static void conn_unread_drop(struct postern_conn *c)
{
	conn_charge(c, 0, c->unread->capacity);
	sys_free(c->unread);
	c->unread = NULL;
}

static bool conn_wants(const struct postern_conn *c)
{
	return !(c->flags & CONN_PAUSED) && c->state == POSTERN_CONNECTED &&
	       !(c->due & CONN_DUE_ABORT);
}

/* Whole messages, one call each. What breaks the framing ends the connection: nobody could tell where the next
   message begins. */
static size_t conn_deliver_frames(struct postern_conn *c, const char *bytes, size_t n,
				  uint32_t *seen)
{
	struct postern_frame frame;
	size_t taken = 0;

	while (taken < n && conn_wants(c)) {
		int r = postern_frame_find(c->framing, bytes + taken, n - taken, *seen,
					   c->unread_max - CONN_FRAME_HEAD, &frame);

		*seen = r == 0 ? (uint32_t)frame.used : 0;
		if (r < 0)
			conn_finish(c, POSTERN_REASON_VIOLATION, r);
		if (r <= 0)
			break;
		taken += frame.used;
		loop_calls(c->object.loop, "frame");
		if (taken < n)
			c->flags |= CONN_FOLLOWED;
		if (c->events->frame)
			c->events->frame(c, frame.bytes, frame.n, c->data);
		c->flags &= ~(uint32_t)CONN_FOLLOWED;
	}
	return taken;
}

/* Offers bytes until they are taken, refused or unwanted; returns how many were taken. */
static size_t conn_deliver(struct postern_conn *c, const char *bytes, size_t n, uint32_t *seen)
{
	size_t taken = 0;

	if (c->framing)
		return conn_deliver_frames(c, bytes, n, seen);
	loop_calls(c->object.loop, "received");
	if (!c->events->received)
		return n;
	while (taken < n && conn_wants(c)) {
		size_t k = c->events->received(c, bytes + taken, n - taken, c->data);

		if (k == 0)
			break;
		taken += k < n - taken ? k : n - taken;
	}
	return taken;
}

/* Where the next bytes go: behind what is unread, or into the shared buffer as far as it could be kept. */
static int conn_read_target(struct postern_conn *c, char **ret, size_t *ret_n)
{
	size_t most;

	if (c->unread) {
		int r = conn_unread_reserve(c, (size_t)c->unread->n + 1);

		if (r < 0)
			return r;
		*ret = c->unread->bytes + c->unread->n;
		*ret_n = c->unread->capacity - c->unread->n;
		return 0;
	}
	*ret = loop_read_buffer(c->object.loop);
	if (!*ret)
		return -ENOMEM;
	most = conn_unread_most(c);
	*ret_n = most < LOOP_READ_BUFFER ? most : LOOP_READ_BUFFER;
	return 0;
}

/* Hands on n fresh bytes that are at `bytes`; false when the connection is to be left alone. */
static bool conn_read_done(struct postern_conn *c, char *bytes, size_t n)
{
	uint32_t seen = 0;
	size_t taken;

	c->received += n;
	c->flags |= CONN_MOVED;
	if (c->unread) {
		c->unread->n += (uint32_t)n;
		conn_offer(c);
		return conn_is_open(c);
	}
	taken = conn_deliver(c, bytes, n, &seen);
	if (!conn_is_open(c))
		return false;
	if (taken < n && c->state == POSTERN_CONNECTED) {
		int r = conn_unread_reserve(c, n - taken);

		if (r < 0) {
			conn_finish(c, why_code(r), r);
			return false;
		}
		assert(c->unread && c->unread->capacity >= n - taken);
		memcpy(c->unread->bytes, bytes + taken, n - taken);
		c->unread->n = (uint32_t)(n - taken);
		c->unread->seen = seen;
		c->unread->looks = 0;
		idle_arm(c);
	}
	return true;
}

/* While closing, what arrives is read and dropped: a peer that waits for us to read goes on, and reads. */
static ssize_t conn_read_drop(struct postern_conn *c)
{
	char *buffer = loop_read_buffer(c->object.loop);

	return buffer ? sys_recv(c->object.fd, buffer, LOOP_READ_BUFFER) : -ENOMEM;
}

/* The peer sends no more. What it sent was delivered, or is kept. */
static void conn_ended(struct postern_conn *c)
{
	bool gone = c->flags & (CONN_HANGUP | CONN_BROKEN);

	if (c->framing && c->unread) {
		conn_finish(c, POSTERN_REASON_VIOLATION, -EBADMSG);
		return;
	}
	if (!(c->flags & CONN_EOF_TOLD)) {
		c->flags |= CONN_EOF_TOLD;
		loop_calls(c->object.loop, "ended");
		if (c->events->ended) {
			c->events->ended(c, c->data);
			if (!conn_is_open(c))
				return;
		} else if (!gone && c->state == POSTERN_CONNECTED) {
			conn_begin_close(c, POSTERN_REASON_ENDED,
					 loop_after(c->object.loop, c->drain_ns));
			return;
		} else if (c->unread) {
			conn_unread_drop(c);
		}
	}
	/* Gone altogether: what is queued reaches nobody. What is unread stays until it is taken, or idle. */
	if (gone && !c->unread)
		conn_finish(c,
			    c->out.bytes > 0 || c->flags & CONN_BROKEN ? POSTERN_REASON_RESET
								       : POSTERN_REASON_ENDED,
			    c->out.bytes > 0 || c->flags & CONN_BROKEN ? -EPIPE : 0);
}

/* The block is lent during the callback: a free of the connection in there does not pull the bytes from under
   the caller's feet. */
static void conn_offer_unread(struct postern_conn *c)
{
	struct postern_loop *loop = c->object.loop;
	struct unread *u = c->unread;
	size_t taken;

	conn_charge(c, 0, u->capacity);
	c->unread = NULL;
	loop->lent = u;
	taken = conn_deliver(c, u->bytes, u->n, &u->seen);
	loop->lent = NULL;
	if (!conn_is_open(c) || taken == u->n) {
		sys_free(u);
		return;
	}
	if (taken > 0) {
		u->n -= (uint32_t)taken;
		u->looks = 0;
		memmove(u->bytes, u->bytes + taken, u->n);
	}
	c->unread = u;
	conn_charge(c, u->capacity, 0);
}

/* The peer has gone, and what it sent is kept until nothing more fits: its end will not be read before something is
   taken, and a consumer that would answer cannot. */
static bool conn_is_hopeless(const struct postern_conn *c)
{
	return c->flags & CONN_HANGUP && c->flags & CONN_BROKEN && conn_unread_full(c);
}

void conn_offer(struct postern_conn *c)
{
	if (c->unread && !(c->flags & CONN_PAUSED))
		conn_offer_unread(c);
	if (!conn_is_open(c))
		return;
	/* The end comes after the bytes, unless they are declined although nothing stands in their way. */
	if ((c->flags & CONN_EOF || conn_is_hopeless(c)) && !(c->flags & CONN_PAUSED) &&
	    (!c->unread || !(c->flags & CONN_REFUSED)))
		conn_ended(c);
	if (conn_is_open(c) && (c->unread || c->flags & CONN_BROKEN))
		idle_arm(c);
	if (conn_is_open(c))
		conn_update(c);
}

static void conn_read_failed(struct postern_conn *c, int error)
{
	if (error == -EAGAIN || error == -EINTR)
		return;
	if (error == -ENOMEM || error == -ENOBUFS) {
		/* Not the peer's doing; but to keep the connection would be to spin on it. */
		conn_finish(c, POSTERN_REASON_NO_RESOURCES, error);
		return;
	}
	/* ECONNRESET comes once, after the data: the peer had not read all when it went. */
	c->flags |= CONN_EOF;
	conn_break(c);
	if (c->state == POSTERN_CLOSING || error != -ECONNRESET)
		conn_finish(c, why_code(error), error);
	else
		conn_offer(c);
}

static ssize_t conn_read_once(struct postern_conn *c, bool *ret_full)
{
	char *buffer;
	size_t n;
	ssize_t r;

	if (c->state == POSTERN_CLOSING) {
		r = conn_read_drop(c);
		*ret_full = r == LOOP_READ_BUFFER;
		return r;
	}
	r = conn_read_target(c, &buffer, &n);
	if (r < 0)
		return r;
	r = sys_recv(c->object.fd, buffer, n);
	*ret_full = r == (ssize_t)n;
	if (r > 0 && !conn_read_done(c, buffer, (size_t)r))
		*ret_full = false;
	return r;
}

void conn_read(struct postern_conn *c, bool hangup)
{
	bool full = true;
	ssize_t r;

	if (hangup)
		c->flags |= CONN_HANGUP;
	if (hangup && c->state == POSTERN_CLOSING) {
		/* Nobody will read what is queued: the next send says so. */
		c->flags &= ~(uint32_t)CONN_BLOCKED;
		conn_due(c, CONN_DUE_FLUSH);
	}
	if (c->flags & CONN_EOF) {
		if (c->state == POSTERN_CLOSING)
			conn_update(c);
		else
			conn_offer(c);
		return;
	}
	if (c->state == POSTERN_CONNECTED && (c->flags & CONN_PAUSED || conn_unread_full(c))) {
		if (c->flags & CONN_BROKEN)
			conn_offer(c);
		else
			conn_update(c);
		return;
	}
	for (int i = 0; i < CONN_ROUNDS && full; i++) {
		full = false;
		r = conn_read_once(c, &full);
		if (!conn_is_open(c))
			return;
		if (r < 0) {
			conn_read_failed(c, (int)r);
			return;
		}
		if (r == 0) {
			c->flags |= CONN_EOF;
			if (c->state == POSTERN_CLOSING)
				conn_update(c);
			else
				conn_offer(c);
			return;
		}
		if (c->flags & CONN_PAUSED || conn_unread_full(c))
			break;
	}
	if (!c->unread)
		return;
	if (conn_unread_full(c))
		idle_arm(c);
	conn_update(c);
}
