/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle.c - ends a connection whose peer does nothing, or whose program takes nothing
 *
 * "Connected" only means that the kernel accepted: for a stopped server it does so too, and buffers 208 KiB before a
 * send falls short. So check whether the peer has read: SIOCOUTQ counts the bytes that wait in its
 * receive buffer. Four checks without progress, a quarter of the limit apart, end the connection, so it
 * ends between 1 and 1.25 times idle_ns after the last byte moved.
 *
 * The kernel releases whole buffers, of up to about 36 KB, when the peer has read all of one. So a peer that reads
 * 64 KiB within the limit always shows progress, and a slower one may not. After a check without progress,
 * sends become small, so that a slow reader has to read less to show progress.
 *
 * A send is not progress: the kernel takes about 278 small ones for a stopped peer. From the first check that finds
 * unread bytes, the peer is watched: SIOCOUTQ is read around each send, so that if it grows by less than
 * the send added, the peer has read. Then it is not watched until the next check, which keeps this
 * at a few system calls per check for a peer that reads at all.
 *
 * Any byte that the peer sends shows that it is alive, and counts as progress; but when we wait for it to read, or
 * when others wait for the room that its message holds, a trickle is not enough: then it takes 64 KiB.
 *
 * conn_outlook() (state.h) decides when this applies, and to whom. When we wait for the program, progress is
 * the bytes that it takes.
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

/* Has the peer read any sent bytes? */
static bool idle_peer_read(struct postern_conn *c)
{
	int outq;
	bool moved;

	if (!(c->flags & CONN_SENT))
		return false;
	outq = link_unread_by_peer(c->object.fd);
	if (outq < 0)
		return false;
	/* It is unknown what it read before it was watched; assume that it did. */
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

/* The send has added at least its bytes; if the sum is smaller, the peer was reading meanwhile. */
void idle_after_send(struct postern_conn *c, size_t n)
{
	int outq = link_unread_by_peer(c->object.fd);

	if (outq >= 0 && (size_t)outq < (size_t)c->outq + n)
		idle_saw(c);
	c->outq = outq;
}

/* Other connections of its uid wait for the room that its message holds. */
static bool idle_is_in_the_way(const struct postern_conn *c)
{
	return c->flags & CONN_HALF && c->account && account_is_short(c->account) &&
	       c->kept->charged > c->kept->capacity / 2;
}

/* Bytes of the peer that wait in our socket, because of a pause or a late turn. */
static uint32_t idle_waiting(const struct postern_conn *c)
{
	int waiting = link_arrived(c->object.fd);

	return waiting > 0 ? (uint32_t)waiting : 0;
}

static bool idle_moved(struct postern_conn *c, const struct outlook *o, uint32_t waiting)
{
	uint32_t arrived = (uint32_t)c->received + waiting;
	bool read = idle_peer_read(c), taken = c->flags & CONN_TAKEN, late = idle_is_in_the_way(c);
	bool drains = c->flags & CONN_REFUSED && !(c->flags & (CONN_GONE | CONN_BROKEN));

	c->flags &= ~(uint32_t)CONN_TAKEN;
	if (read && !late)
		return true;
	if (o->waits == WAITS_FOR_PROGRAM)
		return taken;
	if (late || drains)
		return arrived - c->mark >= IDLE_PACE;
	/* That others had their turn before these were read is not the peer's idleness. */
	return arrived != c->mark || (o->receive && waiting > 0);
}

void idle_look(struct postern_conn *c, const struct outlook *o)
{
	uint32_t waiting = idle_waiting(c);

	c->deadline_ns = POSTERN_FOREVER;
	/* A side that we wait for only since the last check starts with no strikes. */
	if (idle_moved(c, o, waiting) || c->waits != o->waits) {
		c->strikes = 0;
		c->waits = o->waits;
		c->mark = (uint32_t)c->received + waiting;
	} else if (o->guarded && ++c->strikes >= IDLE_LOOKS) {
		conn_finish(c, o->lost ? POSTERN_REASON_RESET : POSTERN_REASON_IDLE,
			    o->lost ? -EPIPE : -ETIMEDOUT);
		return;
	}
	/* With nothing to wait for, checking starts again with the next wait. */
	if (o->guarded)
		idle_next(c);
}
