/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbox.c - bytes from the peer
 *
 * All connections of a loop read into one shared buffer: bytes that are taken at once are never copied and
 * no connection owns a buffer while nothing is kept. Bytes that are not taken move to `kept`, and the next
 * ones are appended, so that the consumer always sees one piece.
 *
 * Bytes are charged while they are offered to a callback (`lent`), so that the callback itself
 * cannot use up the room in which the rest will be kept.
 *
 * Reading stops at a short read: level-triggered epoll reports if there is more, and the recv that returns
 * EAGAIN would be one system call in three for small messages.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "conn/conn.h"
#include "core/frame.h"
#include "link/socket.h"

enum {
	INBOX_BUFFER = 64 * 1024,
	/* While others are there: messages that one delivers without a break, and once the turn has been long enough. */
	INBOX_MESSAGES = 1024,
	INBOX_MESSAGES_LATE = 64,
	/* Bytes that are moved while the event of a message is called, if that does little. */
	INBOX_MESSAGE = 128,
};

/* Holds bytes only during one callback. NULL: out of memory. */
static char *inbox_buffer(struct postern_loop *loop)
{
	struct loop_slot *slot = &loop->slots[LOOP_SLOT_BUFFER];

	if (!slot->data)
		*slot = (struct loop_slot){ .data = sys_alloc(INBOX_BUFFER), .destroy = sys_free };
	return slot->data;
}

static bool inbox_wants(const struct postern_conn *c)
{
	return !(c->flags & (CONN_PAUSED | CONN_ABORTED)) && c->state == POSTERN_STATE_CONNECTED;
}

/* How many messages may be delivered before others have their turn. */
static unsigned inbox_messages(const struct postern_loop *loop)
{
	if (!loop->shared)
		return UINT_MAX;
	return loop_is_spent(loop) ? INBOX_MESSAGES_LATE : INBOX_MESSAGES;
}

/* A round of messages without a break. One that began in a turn that was spent already is a short one. */
static void inbox_yield(struct postern_conn *c)
{
	struct postern_loop *loop = c->object.loop;

	loop_spend(loop, (size_t)inbox_messages(loop) * INBOX_MESSAGE);
	if (inbox_wants(c))
		conn_yield(c);
}

void inbox_too_long(struct postern_conn *c)
{
	static const struct postern_reason too_long = {
		.code = POSTERN_REASON_VIOLATION,
		.error = -EMSGSIZE,
		.text = "the peer sent a message that is longer than .frame_max allows",
	};

	conn_finish_because(c, &too_long);
}

/* Delivers whole messages, one call each. A broken framing ends the connection: the beginning of the next
   message is unknown. The event of one may hand the connection over to a consumer without a framing. */
static size_t inbox_deliver_frames(struct postern_conn *c, const char *bytes, size_t n,
				   uint32_t *seen)
{
	struct postern_frame frame;
	size_t taken = 0;

	while (taken < n && inbox_wants(c) && c->limits->framing) {
		int r;

		if (c->flags & CONN_PASSES && !passing_next(c, bytes + taken, n - taken))
			break;
		r = postern_frame_find((int)c->limits->framing, bytes + taken, n - taken, *seen,
				       c->limits->keep_max - FRAME_HEAD, &frame);
		*seen = r == 0 ? (uint32_t)frame.used : 0;
		if (r < 0)
			inbox_too_long(c);
		if (r == 0)
			c->flags |= CONN_HALF;
		if (r <= 0)
			break;
		taken += frame.used;
		loop_calls(c->object.loop, "frame");
		if (taken < n)
			c->flags |= CONN_FOLLOWED;
		if (conn_event(c, frame))
			conn_event(c, frame)(c, frame.bytes, frame.n, c->data);
		c->flags &= ~(uint32_t)CONN_FOLLOWED;
		if (c->flags & CONN_PASSES)
			passing_delivered(c);
		/* In the loop, and not in a register: counted, this is the cheapest here. */
		if (--c->object.loop->messages == 0)
			inbox_yield(c);
	}
	return taken;
}

/* Offers bytes until they are taken, refused or unwanted; returns how many were taken. */
static size_t inbox_deliver(struct postern_conn *c, const char *bytes, size_t n, uint32_t *seen)
{
	size_t taken = 0;

	c->flags &= ~(uint32_t)(CONN_HALF | CONN_DECLINED);
	if (c->limits->framing) {
		c->object.loop->messages = inbox_messages(c->object.loop);
		taken = inbox_deliver_frames(c, bytes, n, seen);
		if (c->limits->framing || !inbox_wants(c))
			return taken;
	}
	loop_calls(c->object.loop, "received");
	while (taken < n && inbox_wants(c)) {
		/* Without a handler, bytes are dropped; a callback may have removed it. */
		size_t k = conn_event(c, received)
				   ? conn_event(c, received)(c, bytes + taken, n - taken, c->data)
				   : n - taken;

		if (k == 0)
			break;
		taken += k < n - taken ? k : n - taken;
	}
	return taken;
}

/* After a callback: its bytes are no longer charged. */
static void inbox_not_lent(struct postern_conn *c)
{
	size_t lent = c->lent;

	c->lent = 0;
	if (c->account && lent > 0)
		account_give(c->account, NULL, lent);
}

void inbox_failed(struct postern_conn *c, int error)
{
	static const struct postern_reason too_large = {
		.code = POSTERN_REASON_NO_RESOURCES,
		.error = -ENOBUFS,
		.text = "a message is larger than the limit of its user (bytes_per_uid)",
	};

	if (error == -EMSGSIZE)
		conn_finish_because(c, &too_large);
	else if (error < 0 && error != -EAGAIN)
		conn_finish(c, why_code(error), error);
}

/* A message that has begun gets its own deadline, and all of its room if there is enough. */
static void inbox_begun(struct postern_conn *c)
{
	if (c->flags & CONN_HALF) {
		if (c->limits->message_ns != POSTERN_FOREVER)
			c->kept->begun_ns = loop_now(c->object.loop);
		inbox_failed(c, inbox_grow(c));
	}
}

/* Fresh bytes, in the shared buffer. */
static void inbox_fresh(struct postern_conn *c, const char *bytes, size_t n)
{
	uint32_t seen = 0;
	size_t taken;
	int r;

	if (c->account) {
		account_take(c->account, n);
		c->lent = (uint32_t)n;
	}
	taken = inbox_deliver(c, bytes, n, &seen);
	if (!conn_is_open(c))
		return;
	if (taken == n || c->state != POSTERN_STATE_CONNECTED || c->flags & CONN_ABORTED) {
		inbox_not_lent(c);
		return;
	}
	r = inbox_keep(c, bytes + taken, n - taken);
	inbox_not_lent(c);
	if (r < 0) {
		inbox_failed(c, r);
		return;
	}
	c->kept->seen = seen;
	inbox_begun(c);
}

/* The block is lent during the callback, so that the bytes survive if the callback frees the connection. */
void inbox_offer(struct postern_conn *c)
{
	struct loop_slot *lent = &c->object.loop->slots[LOOP_SLOT_LENT];
	struct kept *k = c->kept;
	bool was_half = c->flags & CONN_HALF;
	size_t taken;

	if (!k || !inbox_wants(c))
		return;
	if (c->account)
		c->lent = k->charged;
	c->kept = NULL;
	*lent = (struct loop_slot){ .data = k, .destroy = sys_free };
	taken = inbox_deliver(c, k->bytes, k->n, &k->seen);
	*lent = (struct loop_slot){ 0 };
	if (taken > 0)
		c->flags |= CONN_TAKEN;
	if (!conn_is_open(c) || c->state != POSTERN_STATE_CONNECTED || taken == k->n) {
		if (conn_is_open(c))
			inbox_clear(c);
		sys_free(k);
		return;
	}
	c->kept = k;
	c->lent = 0;
	if (taken > 0) {
		k->n -= (uint32_t)taken;
		memmove(k->bytes, k->bytes + taken, k->n);
		inbox_shrink(c);
	}
	/* The rest of a paused offer may be whole messages; only now is it known to be incomplete. */
	if (taken > 0 || !was_half)
		inbox_begun(c);
}

/* Descriptors are received only where somebody may want them. */
static ssize_t inbox_get(struct postern_conn *c, void *buffer, size_t n)
{
	struct loop_spin *spin = &c->object.loop->spin;
	bool rights = c->flags & CONN_RIGHTS;
	ssize_t r;

	if (rights && c->limits->consumer && c->limits->consumer->takes)
		return passing_receive(c, buffer, n);
	if (spin->early == &c->object) {
		spin->early = NULL;
		r = spin->early_n;
	} else {
		r = link_receive(c->object.fd, buffer, n, rights);
	}
	if (r > 0)
		c->received += (size_t)r;
	return r;
}

/* While closing, received bytes are dropped: so a peer that waits for us to read can continue, and reads our queue. */
static ssize_t inbox_drop(struct postern_conn *c, size_t most, bool *ret_full)
{
	char *buffer = inbox_buffer(c->object.loop);
	size_t n = most < INBOX_BUFFER ? most : INBOX_BUFFER;
	ssize_t r =
		buffer ? link_receive(c->object.fd, buffer, n, c->flags & CONN_RIGHTS) : -ENOMEM;

	*ret_full = r == (ssize_t)n;
	return r;
}

/* Appends to the kept bytes. */
static ssize_t inbox_append(struct postern_conn *c, size_t most, bool *ret_full)
{
	ssize_t r = c->kept->n < c->kept->capacity ? 0 : inbox_grow(c);
	size_t n;

	if (r < 0)
		return r;
	n = c->kept->capacity - c->kept->n;
	if (n > most)
		n = most;
	r = inbox_get(c, c->kept->bytes + c->kept->n, n);
	*ret_full = r == (ssize_t)n;
	if (r <= 0)
		return r;
	c->kept->n += (uint32_t)r;
	inbox_offer(c);
	return r;
}

/* Bytes that go into the shared buffer: as many as could be kept. */
static size_t inbox_fresh_most(const struct postern_conn *c)
{
	size_t n = inbox_most(c);

	return n < INBOX_BUFFER ? n : INBOX_BUFFER;
}

/* Into the shared buffer, at most so many. */
static ssize_t inbox_receive(struct postern_conn *c, size_t most, bool *ret_full)
{
	char *buffer = inbox_buffer(c->object.loop);
	size_t n = inbox_fresh_most(c);
	ssize_t r;

	if (!buffer)
		return -ENOMEM;
	if (n > most)
		n = most;
	r = inbox_get(c, buffer, n);
	*ret_full = r == (ssize_t)n;
	if (r <= 0)
		return r;
	inbox_fresh(c, buffer, (size_t)r);
	return r;
}

static ssize_t inbox_round(struct postern_conn *c, size_t most, bool *ret_full)
{
	if (c->state == POSTERN_STATE_CLOSING)
		return inbox_drop(c, most, ret_full);
	return c->kept ? inbox_append(c, most, ret_full) : inbox_receive(c, most, ret_full);
}

static void inbox_broke_off(struct postern_conn *c, int error)
{
	if (error == -EAGAIN || error == -EINTR)
		return;
	if (error == -ENOMEM || error == -ENOBUFS || error == -EMSGSIZE) {
		/* Not the peer's fault; but keeping the connection would spin. */
		inbox_failed(c, error);
		return;
	}
	/* ECONNRESET comes once, after the data: the peer left bytes unread. */
	c->flags |= CONN_END;
	conn_break(c);
	if (c->state == POSTERN_STATE_CLOSING || error != -ECONNRESET)
		conn_finish(c, why_code(error), error);
}

/* The kept bytes are offered once more: a program that waits for the rest can call postern_conn_at_end(). */
static void inbox_ended(struct postern_conn *c)
{
	c->flags |= CONN_END;
	inbox_offer(c);
}

static bool inbox_reads(const struct postern_conn *c)
{
	struct outlook o;

	if (c->state == POSTERN_STATE_CONNECTED) {
		conn_outlook(conn_facts(c), &o);
		return o.receive;
	}
	return c->state == POSTERN_STATE_CLOSING && !(c->flags & CONN_END);
}

/* more: the visit was cut short. One that yielded waits too. */
static void inbox_visited(struct postern_conn *c, bool more)
{
	if (!more && !(c->due & CONN_DUE_RESUME)) {
		c->object.restless = 0;
		return;
	}
	if (!conn_is_open(c))
		return;
	object_visited(&c->object, true);
}

void inbox_read(struct postern_conn *c)
{
	struct postern_loop *loop = c->object.loop;
	size_t most = loop_visit(loop);
	bool full = true;
	int i = 0;

	for (; i < CONN_ROUNDS && full && most > 0 && inbox_reads(c); i++) {
		ssize_t r;

		full = false;
		r = inbox_round(c, most, &full);
		if (r < 0 && conn_is_open(c))
			inbox_broke_off(c, (int)r);
		else if (r == 0)
			inbox_ended(c);
		else if (r > 0) {
			loop_spend(loop, (size_t)r);
			most -= (size_t)r;
		}
	}
	inbox_visited(c, full && i > 0);
}

/* Nothing happens between this and the turn that it begins, in which conn_ready() comes to inbox_get(): what leads there is asked
   here, and has not changed by then. */
bool conn_probe(struct object *o, unsigned tries)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);
	struct loop_spin *spin = &o->loop->spin;
	bool rights = c->flags & CONN_RIGHTS;
	char *buffer = inbox_buffer(o->loop);
	ssize_t r = -EAGAIN;
	size_t n;

	if (!buffer || !(o->mask & EPOLLIN) || c->state != POSTERN_STATE_CONNECTED || c->kept ||
	    !inbox_reads(c) || (rights && c->limits->consumer && c->limits->consumer->takes))
		return false;
	n = inbox_fresh_most(c);
	while (tries-- > 0 && (r == -EAGAIN || r == -EINTR))
		r = link_receive(o->fd, buffer, n, rights);
	if (r == -EAGAIN || r == -EINTR)
		return false;
	spin->early = o;
	spin->early_n = r;
	return true;
}

pid_t conn_peer_pid(const struct object *o)
{
	return container_of(o, const struct postern_conn, object)->peer.pid;
}
