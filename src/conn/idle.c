/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle.c - a peer that is there and does nothing, or a program that takes nothing
 *
 * "Connected" only means that the kernel accepted: a stopped server does too, and takes 208 KiB before a
 * send falls short. So what is looked at is whether the peer has read: SIOCOUTQ counts what waits in its
 * receive buffer. Four looks without any movement, a quarter of the limit apart, end the connection, so it
 * ends between one and one and a quarter times idle_ns after the last byte moved.
 *
 * The kernel gives back whole buffers, of up to some 36 KB, when the peer has read all of one. So a peer that takes
 * 64 KiB within the limit is always seen to read, and a slower one may not be. After a look that saw nothing,
 * sends become small, and with them what a slow reader has to read to be seen.
 *
 * A send is no movement: the kernel takes some 278 small ones for a peer that is stopped. From the first look at
 * which bytes are unread, the peer is watched: what each send adds to them is seen around the send, so that
 * whatever is less than that, the peer has read. Then it is not watched until the next look, which keeps this
 * at a few system calls a look for a peer that reads at all.
 *
 * Any byte that the peer sends shows that it lives, and counts as movement; but where we wait for it to read, or
 * where others wait for the room that its message holds, trickling is no excuse: there it takes 64 KiB.
 *
 * When it counts, and for whom, is conn_outlook()'s to say (state.h). What moves when the program is waited for is
 * what it takes.
 */
#include <errno.h>

#include "base/base.h"
#include "conn/conn.h"
#include "link/socket.h"

enum { IDLE_LOOKS = 4, IDLE_PACE = 64 * 1024 };

static void idle_next(struct postern_conn *c)
{
	c->deadline_ns = time_after(loop_now(c->object.loop), c->limits->idle_ns / IDLE_LOOKS + 1);
}

void idle_begin(struct postern_conn *c, uint8_t waits)
{
	if (c->limits->idle_ns == POSTERN_FOREVER || c->state != POSTERN_STATE_CONNECTED)
		return;
	c->strikes = 0;
	c->waits = waits;
	c->mark = (uint32_t)c->received;
	c->flags &= ~(uint32_t)CONN_TAKEN;
	idle_next(c);
	conn_arm(c);
}

/* Has the peer read something of what was sent? */
static bool idle_peer_read(struct postern_conn *c)
{
	int outq;
	bool moved;

	if (!(c->flags & CONN_SENT))
		return false;
	outq = link_unread_by_peer(c->object.fd);
	if (outq < 0)
		return false;
	/* What went on before it was watched is not known, and counts for it. */
	moved = !(c->flags & CONN_WATCHED) || outq < c->outq;
	c->outq = outq;
	c->flags |= CONN_WATCHED;
	if (outq == 0)
		c->flags &= ~(uint32_t)(CONN_SENT | CONN_WATCHED | CONN_SLOW);
	else if (!moved)
		c->flags |= CONN_SLOW;
	return moved;
}

static void idle_saw(struct postern_conn *c)
{
	c->strikes = 0;
	c->mark = (uint32_t)c->received;
	c->flags &= ~(uint32_t)CONN_WATCHED;
}

void idle_before_send(struct postern_conn *c)
{
	int outq = link_unread_by_peer(c->object.fd);

	if (outq >= 0 && outq < c->outq)
		idle_saw(c);
	c->outq = outq;
}

/* What the send has added is at least its bytes; if there is less, the peer was reading meanwhile. */
void idle_after_send(struct postern_conn *c, size_t n)
{
	int outq = link_unread_by_peer(c->object.fd);

	if (outq >= 0 && (size_t)outq < (size_t)c->outq + n)
		idle_saw(c);
	c->outq = outq;
}

/* Others of its uid wait for the room that a message of its own holds. */
static bool idle_is_in_the_way(const struct postern_conn *c)
{
	return c->flags & CONN_HALF && c->account && account_is_short(c->account) &&
	       c->kept->charged > c->kept->capacity / 2;
}

/* All that the peer has sent, also what waits in our socket: because of a pause, or of a turn that came late. */
static uint32_t idle_arrived(const struct postern_conn *c)
{
	int waiting = link_arrived(c->object.fd);

	return (uint32_t)c->received + (waiting > 0 ? (uint32_t)waiting : 0);
}

static bool idle_moved(struct postern_conn *c, const struct outlook *o, uint32_t arrived)
{
	bool read = idle_peer_read(c), taken = c->flags & CONN_TAKEN, late = idle_is_in_the_way(c);
	bool drains = c->flags & CONN_REFUSED && !(c->flags & (CONN_GONE | CONN_BROKEN));

	c->flags &= ~(uint32_t)CONN_TAKEN;
	if (read && !late)
		return true;
	if (o->waits == WAITS_FOR_PROGRAM)
		return taken;
	return arrived - c->mark >= (late || drains ? IDLE_PACE : 1);
}

void idle_look(struct postern_conn *c, const struct outlook *o)
{
	uint32_t arrived = idle_arrived(c);

	c->deadline_ns = POSTERN_FOREVER;
	/* Who is waited for since the last look has done nothing wrong yet. */
	if (idle_moved(c, o, arrived) || c->waits != o->waits) {
		c->strikes = 0;
		c->waits = o->waits;
		c->mark = arrived;
	} else if (o->guarded && ++c->strikes >= IDLE_LOOKS) {
		conn_finish(c, o->lost ? POSTERN_REASON_RESET : POSTERN_REASON_IDLE,
			    o->lost ? -EPIPE : -ETIMEDOUT);
		return;
	}
	/* With nothing to wait for, the next thing that is waited for begins to look again. */
	if (o->guarded)
		idle_next(c);
}
