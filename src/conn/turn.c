/* SPDX-License-Identifier: Apache-2.0 */
/* turn.c - a connection in a turn: how events arrive, and their consequences */
#include <errno.h>

#include "conn/conn.h"
#include "link/socket.h"

uint32_t conn_facts(const struct postern_conn *c)
{
	uint32_t facts = c->flags & ((1u << FACT_FLAGS) - 1);

	if (c->flags & (CONN_LINE_WRITE | CONN_SHORT | CONN_RETRY))
		facts |= FACT_AWAITS;
	if (c->kept)
		facts |= FACT_KEPT;
	if ((c->kept || c->flags & CONN_PASSES) && inbox_is_full(c))
		facts |= FACT_FULL;
	if (c->out.bytes > 0 || c->flags & CONN_WANTED)
		facts |= FACT_QUEUED;
	if (c->flags & CONN_OWES)
		facts |= FACT_OWES;
	/* It has none that its peer could read: the room is to come from others of its uid. */
	if (c->flags & CONN_CROWDED && !(c->flags & CONN_PASSES && passing_unread(c) > 0))
		facts |= FACT_AWAITS;
	/* A system call, but only if the peer has gone and its end was not read yet. */
	if (c->flags & (CONN_GONE | CONN_BROKEN) && !(c->flags & CONN_END) &&
	    link_arrived(c->object.fd) > 0)
		facts |= FACT_ARRIVED;
	return facts;
}

void conn_tell_state(struct postern_conn *c)
{
	loop_calls(c->object.loop, "state");
	if (conn_event(c, state))
		conn_event(c, state)(c, c->state, c->data);
}

/* Without a handler for the peer's end, the connection simply ends too. */
static void turn_tell_end(struct postern_conn *c)
{
	bool gone = c->flags & (CONN_GONE | CONN_BROKEN);

	c->flags |= CONN_TOLD;
	loop_calls(c->object.loop, "ended");
	if (conn_event(c, ended))
		conn_event(c, ended)(c, c->data);
	else if (!gone)
		conn_begin_close(c, POSTERN_REASON_ENDED,
				 loop_after(c->object.loop, c->limits->drain_ns));
}

static int turn_end_error(const struct postern_conn *c, uint8_t code)
{
	switch (code) {
	case POSTERN_REASON_VIOLATION:
		return -EBADMSG;
	case POSTERN_REASON_RESET:
		return -EPIPE;
	case POSTERN_REASON_FAILED:
		return c->failed;
	default:
		return 0;
	}
}

static void turn_end(struct postern_conn *c, uint8_t code)
{
	static const struct postern_reason in_flight = {
		.code = POSTERN_REASON_NO_RESOURCES,
		.error = -ETOOMANYREFS,
		.text = "too many descriptors of this user were sent and are not read by anybody (RLIMIT_NOFILE)",
	};
	/* The only one that is found at the end, FACT_HALF. */
	static const struct postern_reason half = {
		.code = POSTERN_REASON_VIOLATION,
		.error = -EBADMSG,
		.text = "the peer ended the connection in the middle of a message",
	};
	int error = turn_end_error(c, code);

	if (error == -ETOOMANYREFS)
		conn_finish_because(c, &in_flight);
	else if (code == POSTERN_REASON_VIOLATION)
		conn_finish_because(c, &half);
	else
		conn_finish(c, code == POSTERN_REASON_FAILED ? why_code(error) : code, error);
}

/* Derives the epoll mask from what may be read and written. A pause that ends in the next turn leaves it alone: that
   would be two system calls for nothing. */
static void turn_watch(struct postern_conn *c, bool receive)
{
	uint32_t mask = receive ? EPOLLIN : 0;
	int r;

	if (c->due & CONN_DUE_RESUME && c->object.mask != WATCH_OFF)
		mask |= c->object.mask & EPOLLIN;
	if (c->flags & CONN_BLOCKED)
		mask |= EPOLLOUT;
	if (!receive && c->flags & CONN_GONE)
		mask = WATCH_OFF;
	r = object_watch(&c->object, mask);
	if (r < 0)
		conn_finish(c, why_code(r), r);
}

void conn_settle(struct postern_conn *c)
{
	struct outlook o = { 0 };

	if (c->state == POSTERN_STATE_CONNECTED) {
		conn_outlook(conn_facts(c), &o);
		if (o.tell_end)
			turn_tell_end(c);
		/* Also if ended() began to close: the queue cannot reach a peer that has gone. */
		if (o.tell_end && conn_is_open(c))
			conn_outlook(conn_facts(c), &o);
		if (o.end)
			turn_end(c, o.end);
	}
	if (!conn_goes_on(c))
		return;
	if (c->state == POSTERN_STATE_CLOSING)
		o.receive = !(c->flags & CONN_END);
	turn_watch(c, o.receive);
	if (o.guarded && conn_is_open(c) && c->deadline_ns == POSTERN_FOREVER)
		idle_begin(c, o.waits);
	if (conn_is_open(c))
		conn_arm(c);
}

/* ---- events ---- */

/* Told once, and before the bytes that came with it. false: the connection has ended. */
static bool turn_tell_gone(struct postern_conn *c)
{
	bool told = c->flags & CONN_GONE;

	c->flags |= CONN_GONE;
	if (!told && c->limits->consumer && c->limits->consumer->gone &&
	    c->state == POSTERN_STATE_CONNECTED)
		c->limits->consumer->gone(c);
	return conn_goes_on(c);
}

/* Connected, and nothing that has happened to it needs a decision before its queue is sent. */
static bool turn_is_plain(const struct postern_conn *c)
{
	const uint32_t facts = ((1u << FACT_FLAGS) - 1) & ~(uint32_t)FACT_SENT;

	return c->state == POSTERN_STATE_CONNECTED && !(c->flags & facts) && !c->kept;
}

void conn_ready(struct object *o, uint32_t events)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);

	if (c->flags & CONN_ABORTED)
		return;
	if (events & EPOLLHUP && !turn_tell_gone(c))
		return;
	/* The queue cannot reach a peer that has gone: the next send fails. */
	if (events & (EPOLLOUT | EPOLLHUP)) {
		c->flags &= ~(uint32_t)CONN_BLOCKED;
		conn_due(c, CONN_DUE_FLUSH);
	}
	if (events & ~(uint32_t)EPOLLOUT)
		inbox_read(c);
	/* The answer to a request: conn_run() comes in this turn, and settles when it has sent it. */
	if (c->due == CONN_DUE_FLUSH && turn_is_plain(c))
		return;
	conn_settle(c);
}

uint32_t *conn_user(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);

	return c->account ? &c->account->visited : NULL;
}

void conn_deferred(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);

	if (c->account && c->account->owner)
		c->account->owner->deferred++;
}

/* At most once per round, for all bytes sent since. */
static bool conn_tell_sent(struct postern_conn *c)
{
	uint32_t n = c->untold;

	c->untold = 0;
	if (n == 0 || !conn_event(c, sent))
		return true;
	loop_calls(c->object.loop, "sent");
	conn_event(c, sent)(c, n, c->data);
	return conn_goes_on(c);
}

/* A write was cut short, and now another one is possible. */
static bool conn_owes_drained(const struct postern_conn *c)
{
	return (c->flags & (CONN_REFUSED | CONN_SHORT | CONN_BROKEN | CONN_ABORTED)) ==
		       CONN_REFUSED &&
	       c->state == POSTERN_STATE_CONNECTED && outbox_is_low(c);
}

/* Sends drained at the low-water mark, once for each time that a write was cut short. A connection that waits in line
   keeps its place until then, so that its next write is admitted first. */
static bool conn_tell_drained(struct postern_conn *c)
{
	bool in_line = c->flags & CONN_LINE_WRITE;

	if (!conn_owes_drained(c))
		return true;
	c->flags &= ~(uint32_t)(CONN_REFUSED | CONN_LINE_WRITE | CONN_CROWDED);
	loop_calls(c->object.loop, "drained");
	if (conn_event(c, drained))
		conn_event(c, drained)(c, c->data);
	if (!conn_goes_on(c))
		return false;
	if (in_line && !(c->flags & (CONN_LINE_READ | CONN_LINE_WRITE)))
		account_leave(c->account, &c->line);
	inbox_offer(c);
	return conn_goes_on(c);
}

/* What the consumer has beside the queue can go. */
static bool conn_owes_writable(const struct postern_conn *c)
{
	return (c->flags & (CONN_WANTED | CONN_ABORTED)) == CONN_WANTED && c->out.bytes == 0 &&
	       conn_can_send(c) && c->state == POSTERN_STATE_CONNECTED;
}

static bool conn_tell_writable(struct postern_conn *c)
{
	if (!conn_owes_writable(c))
		return true;
	c->flags &= ~(uint32_t)CONN_WANTED;
	c->limits->consumer->writable(c);
	return conn_goes_on(c);
}

/* Once everything is sent. */
static void conn_all_sent(struct postern_conn *c)
{
	bool broken = c->flags & CONN_BROKEN;
	int r;

	if (c->state == POSTERN_STATE_CLOSING) {
		conn_finish(c, broken ? POSTERN_REASON_RESET : c->end_code, broken ? -EPIPE : 0);
		return;
	}
	if (!(c->flags & CONN_SHUT) || c->flags & (CONN_SHUT_DONE | CONN_BROKEN))
		return;
	r = link_end_sending(c->object.fd);
	c->flags |= CONN_SHUT_DONE;
	/* -ENOTCONN: the peer has gone, which the reader detects. After other errors the peer would wait for an end
	   that never comes. */
	if (r < 0 && r != -ENOTCONN)
		conn_finish(c, why_code(r), r);
}

static bool conn_has_work(const struct postern_conn *c)
{
	return (c->out.bytes > 0 && conn_can_send(c)) || conn_owes_drained(c) ||
	       conn_owes_writable(c);
}

/* Sends the queue. If the program writes more in drained, that is sent at once too, for a few rounds. */
static void conn_flush_queue(struct postern_conn *c)
{
	uint64_t until = c->sent + loop_visit(c->object.loop);
	int i = 0;

	outbox_unreserve(c);
	do {
		if (c->out.bytes > 0 && conn_can_send(c))
			conn_send(c);
		if (!conn_tell_sent(c) || !conn_tell_drained(c) || !conn_tell_writable(c))
			return;
	} while (conn_has_work(c) && ++i < CONN_ROUNDS && c->sent < until);
	if (c->flags & CONN_FAILED) {
		turn_end(c, POSTERN_REASON_FAILED);
		return;
	}
	/* Writes in the callbacks above requested another run, which has been done. */
	if (c->due == CONN_DUE_FLUSH) {
		c->due = 0;
		list_remove(&c->object.task);
	}
	outbox_tidy(c);
	if (c->out.bytes == 0)
		conn_all_sent(c);
	if (conn_is_open(c) && conn_has_work(c))
		conn_due(c, CONN_DUE_FLUSH);
	/* Nothing is queued whose sending would show that memory is available again. */
	if (conn_is_open(c) && c->flags & CONN_SHORT && c->out.bytes == 0)
		conn_try_later(c);
	if (conn_is_open(c) && c->flags & CONN_CROWDED)
		conn_look_later(c);
}

/* The account has room for the first in line. */
static void conn_take_room(struct postern_conn *c)
{
	int r;

	if (!(c->flags & CONN_LINE_READ) || !c->kept)
		return;
	r = inbox_grow(c);
	if (r == 0)
		c->kept->begun_ns = loop_now(c->object.loop); /* the peer did not cause the wait */
	inbox_failed(c, r);
}

void conn_run(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);
	unsigned due = c->due;

	c->due = 0;
	if (c->flags & CONN_ABORTED) {
		conn_finish(c, POSTERN_REASON_ABORTED, 0);
		return;
	}
	/* Reported even if closing finishes in this same turn. */
	if (due & CONN_DUE_CLOSING)
		conn_tell_state(c);
	if (due & CONN_DUE_ATTEMPT && conn_goes_on(c))
		dial_attempt(c);
	if (due & CONN_DUE_ROOM && conn_goes_on(c))
		conn_take_room(c);
	if (due & CONN_DUE_RESUME)
		c->flags &= ~(uint32_t)CONN_PAUSED;
	if (due & (CONN_DUE_OFFER | CONN_DUE_RESUME) && conn_goes_on(c))
		inbox_offer(c);
	if (!conn_goes_on(c) || !conn_has_socket(c))
		return;
	conn_flush_queue(c);
	if (!conn_goes_on(c))
		return;
	/* If the peer has gone, its end has arrived after its bytes, and is reported before any decision. */
	if (c->flags & CONN_BROKEN)
		inbox_read(c);
	conn_settle(c);
}
