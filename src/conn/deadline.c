/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.c - a connection's one timer, and which of its deadlines is next
 *
 *   deadline_ns    connected: the next idle check; closing: the end of the drain
 *   a message      message_ns after its first byte, while its next bytes are up to the peer
 *   a retry        the kernel, or the process, was out of memory: soon
 *   a look         the peer may have read descriptors meanwhile: soon, and then more seldom
 *
 * Nothing is set per message: a deadline that is no longer needed still fires and finds nothing to do.
 */
#include <errno.h>

#include "base/base.h"
#include "conn/conn.h"

/* When the message that has begun must be complete. */
static int64_t deadline_of_message(const struct postern_conn *c)
{
	if (c->state != POSTERN_STATE_CONNECTED || !c->kept || !(c->flags & CONN_HALF) ||
	    c->limits->message_ns == POSTERN_FOREVER)
		return POSTERN_FOREVER;
	return time_after(c->kept->begun_ns, c->limits->message_ns);
}

void conn_arm(struct postern_conn *c)
{
	int64_t at = c->deadline_ns, message = deadline_of_message(c);

	if (message < at)
		at = message;
	/* The current setting is early enough: a retry, or a deadline that fires in vain and is then set again. */
	if (c->object.slot != TIMER_OFF && c->object.at_ns <= at)
		return;
	if (at != POSTERN_FOREVER)
		object_timer(&c->object, at);
}

void conn_try_later(struct postern_conn *c)
{
	int64_t wait = CONN_RETRY_MAX / 10 * (c->retries < 10 ? c->retries + 1 : 10);
	int64_t at = time_after(loop_now(c->object.loop), wait);

	c->flags |= CONN_RETRY;
	if (c->retries < UINT8_MAX)
		c->retries++;
	if (c->object.slot == TIMER_OFF || at < c->object.at_ns)
		object_timer(&c->object, at);
}

/* A millisecond at first, in which a peer that reads has read; 64 at most. */
void conn_look_later(struct postern_conn *c)
{
	unsigned doubled = c->looks < 6 ? c->looks++ : 6;
	int64_t at = time_after(loop_now(c->object.loop), POSTERN_MS(1) << doubled);

	if (c->object.slot == TIMER_OFF || at < c->object.at_ns)
		object_timer(&c->object, at);
}

/* Memory may be short for at most idle_ns, as a peer may be idle; a drain has its own deadline. */
static bool deadline_is_hopeless(const struct postern_conn *c)
{
	int64_t waited = (int64_t)c->retries * CONN_RETRY_MAX;

	return c->state == POSTERN_STATE_CONNECTED && c->limits->idle_ns != POSTERN_FOREVER &&
	       (c->retries == UINT8_MAX || waited > c->limits->idle_ns);
}

static void deadline_connected(struct postern_conn *c, int64_t now)
{
	struct outlook o;

	conn_outlook(conn_facts(c), &o);
	if (c->deadline_ns <= now)
		idle_look(c, &o);
	if (!conn_is_open(c) || deadline_of_message(c) > now)
		return;
	/* Its time does not run while the delay is ours: paused, or in line. */
	if (c->flags & (CONN_PAUSED | CONN_LINE_READ))
		c->kept->begun_ns = now;
	else
		conn_finish(c, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
}

void conn_fire(struct object *o)
{
	struct postern_conn *c = container_of(o, struct postern_conn, object);
	int64_t now = loop_now(o->loop);

	object_timer(o, POSTERN_FOREVER);
	if (c->flags & CONN_ABORTED)
		return;
	if (conn_dial(c)) {
		conn_due(c, CONN_DUE_ATTEMPT);
		return;
	}
	if (c->flags & CONN_RETRY) {
		c->flags &= ~(uint32_t)(CONN_RETRY | CONN_SHORT);
		if (deadline_is_hopeless(c))
			conn_finish(c, POSTERN_REASON_NO_RESOURCES, -ENOMEM);
		else
			conn_due(c, CONN_DUE_FLUSH);
	}
	if (c->flags & CONN_CROWDED)
		conn_due(c, CONN_DUE_FLUSH);
	if (c->state == POSTERN_STATE_CONNECTED)
		deadline_connected(c, now);
	else if (c->state == POSTERN_STATE_CLOSING && c->deadline_ns <= now)
		conn_finish(c, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
	if (conn_is_open(c))
		conn_settle(c);
}
