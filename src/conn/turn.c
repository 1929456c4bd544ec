/* SPDX-License-Identifier: Apache-2.0 */
/* turn.c - what happens to a connection in a turn: ready, fire, run */
#include <errno.h>

#include "base/base.h"
#include "conn/conn.h"

void conn_update(struct postern_conn *c)
{
	bool reading =
		!(c->flags & CONN_EOF) && (c->state == POSTERN_CLOSING ||
					   (!(c->flags & CONN_PAUSED) && !conn_unread_full(c)));
	uint32_t mask = 0;
	int r;

	if (!conn_has_socket(c))
		return;
	if (reading)
		mask |= EPOLLIN;
	if (c->flags & CONN_BLOCKED)
		mask |= EPOLLOUT;
	if (!reading && c->flags & CONN_HANGUP)
		mask = WATCH_OFF;
	r = object_watch(&c->object, mask);
	if (r < 0)
		conn_finish(c, why_code(r), r);
}

/* ---- turns ---- */

void conn_ready(struct object *o, uint32_t events)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);

	if (events & EPOLLOUT) {
		c->flags &= ~(uint32_t)CONN_BLOCKED;
		conn_due(c, CONN_DUE_FLUSH);
	}
	if (events & ~(uint32_t)EPOLLOUT)
		conn_read(c, events & EPOLLHUP);
}

/* The kernel had no memory for a send: once more, about as long as a peer may do nothing. */
static void conn_retry(struct postern_conn *c)
{
	c->flags &= ~(uint32_t)CONN_RETRY;
	if (c->strikes < UINT8_MAX)
		c->strikes++;
	if (c->idle_ns != POSTERN_FOREVER &&
	    (c->strikes == UINT8_MAX || c->strikes * CONN_RETRY_MAX > c->idle_ns))
		conn_finish(c, POSTERN_REASON_NO_RESOURCES, -ENOMEM);
	else
		conn_due(c, CONN_DUE_FLUSH);
}

void conn_fire(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);

	object_timer(o, POSTERN_FOREVER);
	if (c->dial)
		dial_fire(c);
	else if (c->state == POSTERN_CLOSING)
		conn_finish(c, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
	else if (c->flags & CONN_RETRY)
		conn_retry(c);
	else
		idle_look(c);
}

void conn_tell_state(struct postern_conn *c)
{
	loop_calls(c->object.loop, "state");
	if (c->events->state)
		c->events->state(c, c->state, c->data);
}

/* The state is told even if the closing is over in this same turn. */
static bool conn_tell_closing(struct postern_conn *c)
{
	conn_tell_state(c);
	return conn_is_open(c);
}

/* The low-water mark, or a quarter of what its account lets it have. What the account refuses is refused below
   the mark: to be told so at once would be to be refused again, in a circle, for as long as the peer is slow. */
static bool conn_is_low(const struct postern_conn *c)
{
	size_t queued = c->out.bytes, allowed = conn_allowance(c);

	return queued <= c->low_water && (queued == 0 || allowed / 3 >= queued);
}

/* At most once a round, for all that was sent since. */
static bool conn_tell_sent(struct postern_conn *c)
{
	uint32_t n = c->untold;

	c->untold = 0;
	if (n == 0 || !c->events->sent)
		return true;
	loop_calls(c->object.loop, "sent");
	c->events->sent(c, n, c->data);
	return conn_is_open(c);
}

/* What is below its low-water mark is told so, once for each time that a write was cut short. */
static bool conn_tell_drained(struct postern_conn *c)
{
	if (!(c->flags & CONN_REFUSED) || c->state != POSTERN_CONNECTED || !conn_is_low(c))
		return true;
	c->flags &= ~(uint32_t)CONN_REFUSED;
	loop_calls(c->object.loop, "drained");
	if (c->events->drained)
		c->events->drained(c, c->data);
	if (!conn_is_open(c))
		return false;
	if (c->unread || c->flags & CONN_EOF)
		conn_offer(c);
	return conn_is_open(c);
}

/* What is to happen once all is sent. */
static void conn_all_sent(struct postern_conn *c)
{
	if (c->state == POSTERN_CLOSING) {
		conn_finish(c, c->flags & CONN_BROKEN ? POSTERN_REASON_RESET : c->end_code,
			    c->flags & CONN_BROKEN ? -EPIPE : 0);
		return;
	}
	if (c->flags & CONN_SHUT && !(c->flags & (CONN_SHUT_DONE | CONN_BROKEN))) {
		int r = sys_shutdown(c->object.fd, SHUT_WR);

		c->flags |= CONN_SHUT_DONE;
		/* -ENOTCONN: the peer has gone, which the reader hears. Else the peer would wait for an end
		   that never comes. */
		if (r < 0 && r != -ENOTCONN)
			conn_finish(c, why_code(r), r);
	}
}

void conn_run(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);
	unsigned due = c->due;

	c->due = 0;
	if (due & CONN_DUE_ABORT) {
		conn_finish(c, POSTERN_REASON_ABORTED, 0);
		return;
	}
	if (due & CONN_DUE_CLOSING && !conn_tell_closing(c))
		return;
	if (due & CONN_DUE_ATTEMPT)
		dial_attempt(c);
	if (due & CONN_DUE_OFFER && c->state == POSTERN_CONNECTED)
		conn_offer(c);
	if (!conn_is_open(c) || !conn_has_socket(c))
		return;
	/* Who writes on when told that it drained is sent on at once, a few rounds. */
	for (int i = 0; i < CONN_ROUNDS; i++) {
		if (c->out.bytes > 0 && conn_can_send(c))
			conn_send(c);
		if (!conn_tell_sent(c) || !conn_tell_drained(c))
			return;
		if (c->out.bytes == 0 || !conn_can_send(c))
			break;
	}
	/* Writes made by the callbacks above asked for another run; it has been done. */
	if (c->due == CONN_DUE_FLUSH) {
		c->due = 0;
		list_remove(&c->object.task);
	}
	if (c->out.bytes == 0)
		conn_all_sent(c);
	else if (conn_can_send(c))
		conn_due(c, CONN_DUE_FLUSH);
	if (!conn_is_open(c))
		return;
	/* Refused although nothing is queued: memory was short, and no send will tell when it is not. */
	if (c->flags & CONN_REFUSED && c->out.bytes == 0 && conn_can_send(c))
		conn_send_later(c);
	conn_update(c);
}
