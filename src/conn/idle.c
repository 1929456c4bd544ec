/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle.c - a peer that is there and does nothing
 *
 * "Connected" only means that the kernel accepted: a stopped server does too, and takes 208 KiB before a
 * send falls short. So what is looked at is whether the peer has read: SIOCOUTQ counts what waits in its
 * receive buffer. Four looks without any movement, a quarter of the limit apart, end the connection, so it
 * ends between one and one and a quarter times idle_ns after the last byte moved.
 *
 * A message of which only a part has come is given the same time as a whole, however steadily its bytes trickle:
 * else a peer could hold our memory for ever with one byte now and then.
 *
 * A send is no movement: the kernel takes some 278 small ones for a peer that is stopped. From the first look at
 * which bytes are unread, the peer is watched: what each send adds to them is seen around the send, so that
 * whatever is less than that, the peer has read. Then it is not watched until the next look, which keeps this
 * at a few system calls a look for a peer that reads at all.
 *
 * What the user holds back is not the peer's fault: a paused connection is not looked at, unless bytes
 * that were sent are unread.
 */
#include <errno.h>

#include "base/base.h"
#include "conn/conn.h"

enum { IDLE_LOOKS = 4 };

void idle_arm(struct postern_conn *c)
{
	if (c->idle_ns == POSTERN_FOREVER || c->object.slot != TIMER_OFF ||
	    c->state != POSTERN_CONNECTED)
		return;
	c->strikes = 0;
	object_timer(&c->object, time_after(loop_now(c->object.loop), c->idle_ns / IDLE_LOOKS + 1));
}

/* Is anything pending that only the peer can move? */
static bool idle_pending(struct postern_conn *c)
{
	int outq;

	if (c->flags & CONN_HANGUP)
		return c->unread && !(c->flags & CONN_PAUSED);
	if (c->unread && !(c->flags & CONN_PAUSED) && (conn_unread_full(c) || c->flags & CONN_EOF))
		return true;
	if (c->flags & CONN_BROKEN)
		return !(c->flags & (CONN_PAUSED | CONN_EOF));
	if (!(c->flags & CONN_SENT))
		return c->out.bytes > 0;
	outq = sys_ioctl_outq(c->object.fd);
	if (outq < 0)
		return true;
	/* What went on before it was watched is not known, and counts for it. */
	if (!(c->flags & CONN_WATCHED) || outq < c->outq)
		c->flags |= CONN_MOVED;
	c->outq = outq;
	c->flags |= CONN_WATCHED;
	if (outq == 0)
		c->flags &= ~(uint32_t)(CONN_SENT | CONN_WATCHED);
	return outq > 0 || c->out.bytes > 0;
}

void idle_before_send(struct postern_conn *c)
{
	if (sys_ioctl_outq(c->object.fd) >= c->outq)
		return;
	c->flags |= CONN_MOVED;
	c->flags &= ~(uint32_t)CONN_WATCHED;
}

void idle_after_send(struct postern_conn *c)
{
	int outq = sys_ioctl_outq(c->object.fd);

	if (outq > 0)
		c->outq = outq;
}

/* Has the same message been incomplete for too long? Counts a look. */
static bool idle_half_frame(struct postern_conn *c)
{
	if (!c->framing || !c->unread || c->flags & CONN_PAUSED)
		return false;
	return c->unread->looks++ >= IDLE_LOOKS;
}

void idle_look(struct postern_conn *c)
{
	bool pending = idle_pending(c), half = c->framing && c->unread,
	     moved = c->flags & CONN_MOVED;

	c->flags &= ~(uint32_t)CONN_MOVED;
	/* Others of its uid may have given back the room that it waits for, and nothing else would tell. */
	conn_update(c);
	if (!conn_is_open(c) || (!pending && !half))
		return;
	if (moved || !pending)
		c->strikes = 0;
	else
		c->strikes++;
	if (c->strikes >= IDLE_LOOKS || idle_half_frame(c)) {
		conn_finish(c, POSTERN_REASON_IDLE, -ETIMEDOUT);
		return;
	}
	object_timer(&c->object, time_after(loop_now(c->object.loop), c->idle_ns / IDLE_LOOKS + 1));
}
