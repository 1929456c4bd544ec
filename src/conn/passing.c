/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passing.c - descriptors of a connection, both ways
 *
 * In. A read that brings descriptors makes a block of them (link/fds.h), and core/glue.h says to which message they belong.
 * That gets them in its frame event, if it takes them; else they are closed when the event has returned. When nobody
 * takes them the connection ends, as it does when more come than a message may have. They are charged to the uid of the
 * peer; those for which it has no room are closed at once, and the message gets a block that says so, since it has to be
 * answered whatever it had.
 *
 *     read     bytes + descriptors -> in[], with the place of the read in the stream
 *     deliver  passing_next(): who owns them? -> nobody: the end; not known yet: wait; this one: `now`
 *     event    conn_take_fds(): the consumer's
 *
 * Out. Each message with descriptors is a place in the queue. A send ends before such a place, or begins at it and ends
 * with its message, so that no other message is in the same piece of the stream: then also a receiver that knows
 * nothing of gluing finds the right one, as far as a sender can help that. The descriptors go with the first byte that
 * the kernel takes, and are closed when it has the last one: a message of which the rest was dropped has not been sent, and
 * whoever sends it again needs them. From then on flight.c knows of them, until the peer has read them. A connection may have
 * a quarter of what its uid may, queued and unread; then it is held back, and looks again.
 *
 * In memory there is nothing of this before the first descriptor comes or goes.
 */
#include <errno.h>

#include "conn/conn.h"
#include "conn/flight.h"
#include "link/socket.h"

struct passing_in {
	struct fds *fds; /* NULL: unused */
	struct glue glue;
};

struct passing_out {
	struct flight flight; /* in passing.out; from the end of its send on, one of .flights */
	uint64_t end;         /* in the stream */
	struct fds *fds;
};
static_assert(offsetof(struct passing_out, flight) == 0,
	      "who frees one as a flight frees all of it");

struct passing {
	struct fds *now;
	struct passing_in in[2];
	bool held; /* the first message that is kept may own some, and waits for what follows it */
	struct list out;
	uint32_t queued; /* descriptors in it */
	uint32_t wanted; /* room for so many is waited for; 0: for one */
	struct flights flights;
};

static struct passing *passing_get(struct postern_conn *c)
{
	struct passing *p;

	if (c->flags & CONN_PASSES)
		return c->passing;
	p = sys_alloc(sizeof(*p));
	if (!p)
		return NULL;
	list_init(&p->out);
	flights_init(&p->flights, c);
	assert(!c->dial);
	c->passing = p;
	c->flags |= CONN_PASSES;
	return p;
}

/* ---- in ---- */

static int passing_add(struct postern_conn *c, struct fds *fds, size_t n)
{
	struct passing *p = passing_get(c);
	struct passing_in *in;

	if (!p)
		return -ENOMEM;
	if (!fds->error && !fds_charge(fds, c->account, fds->n)) {
		fds->error = -EAGAIN;
		fds_close(fds);
	}
	in = &p->in[p->in[0].fds ? 1 : 0];
	assert(!in->fds); /* passing_is_full() */
	in->fds = fds;
	glue_begin(&in->glue, c->received - n, c->received);
	return 0;
}

/* Two are enough, glue.h says why: with two, there is a whole message to be delivered, or the connection ends. */
bool passing_is_full(const struct postern_conn *c)
{
	return c->passing->in[1].fds;
}

ssize_t passing_receive(struct postern_conn *c, void *buffer, size_t n)
{
	struct fds *fds;
	ssize_t r = link_receive_fds(c->object.fd, buffer, n, &fds);
	int error;

	if (r <= 0)
		return r;
	c->received += (size_t)r;
	if (!fds)
		return r;
	error = passing_add(c, fds, (size_t)r);
	if (error < 0)
		fds_unref(fds);
	return error < 0 ? error : r;
}

bool passing_holds(const struct postern_conn *c)
{
	return c->passing->held;
}

static unsigned passing_takes(void *data, const char *message, size_t n, unsigned index, bool whole)
{
	struct postern_conn *c = data;
	const struct conn_consumer *consumer = c->limits->consumer;

	return consumer && consumer->takes ? consumer->takes(c, message, n, index, whole) : 0;
}

static void passing_unwanted(struct postern_conn *c)
{
	static const struct postern_reason unwanted = {
		.code = POSTERN_REASON_VIOLATION,
		.error = -EBADMSG,
		.text = "descriptors came, and no message that began there takes any",
	};

	conn_finish_because(c, &unwanted);
}

static void passing_too_many(struct postern_conn *c)
{
	static const struct postern_reason too_many = {
		.code = POSTERN_REASON_VIOLATION,
		.error = -E2BIG,
		.text = "more descriptors came with one message than any may have, 16",
	};
	static_assert((int)FDS_MAX == 16, "as the text says");

	conn_finish_because(c, &too_many);
}

void passing_delivered(struct postern_conn *c)
{
	fds_unref(c->passing->now);
	c->passing->now = NULL;
}

/* Both are looked at: the first one may wait for what a violation in the second one will never bring. */
static bool passing_look(struct postern_conn *c, const char *bytes, size_t n, uint64_t at)
{
	struct passing *p = c->passing;

	for (int i = 0; i < 2 && p->in[i].fds; i++) {
		if (p->in[i].fds->error == -E2BIG)
			passing_too_many(c);
		else if (glue_look(&p->in[i].glue, bytes, n, at, passing_takes, c) == GLUE_NOBODYS)
			passing_unwanted(c);
		if (!conn_is_open(c))
			return false;
	}
	return true;
}

/* The message that begins here may own some, and waits for the one behind it. That would not fit if this one were gone. */
static void passing_hold(struct postern_conn *c, size_t n)
{
	if (n >= 2 * (size_t)c->limits->keep_max) {
		inbox_too_long(c);
		return;
	}
	c->passing->held = true;
	c->flags |= CONN_HALF;
}

bool passing_next(struct postern_conn *c, const char *bytes, size_t n)
{
	struct passing *p = c->passing;
	uint64_t at = c->received - n;

	p->held = false;
	if (!passing_look(c, bytes, n, at))
		return false;
	for (int i = 0; i < 2 && p->in[i].fds; i++) {
		struct passing_in *in = &p->in[i];
		bool open = in->glue.state == GLUE_OPEN;

		if (in->glue.owner != at)
			continue;
		if (open && !(c->flags & CONN_END)) {
			passing_hold(c, n);
			return false;
		}
		/* After the end the last message will never be whole; what came with its beginning was its own. */
		p->now = in->fds;
		*in = p->in[1];
		p->in[1] = (struct passing_in){ 0 };
		if (open)
			passing_delivered(c);
		return true;
	}
	return true;
}

struct fds *conn_take_fds(struct postern_conn *c)
{
	struct fds *fds = NULL;

	if (c->flags & CONN_PASSES) {
		fds = c->passing->now;
		c->passing->now = NULL;
	}
	return fds;
}

bool conn_lost_fds(const struct postern_conn *c)
{
	return c->flags & CONN_PASSES && c->passing->now && c->passing->now->error;
}

void conn_admit_rights(struct postern_conn *c, bool admitted)
{
	if (!conn_has_socket(c))
		return;
	/* What cannot be refused is received, and closed. */
	if (link_set_rights(c->object.fd, admitted) && !admitted)
		c->flags &= ~(uint32_t)CONN_RIGHTS;
	else
		c->flags |= CONN_RIGHTS;
}

/* ---- out ---- */

/* How many may be queued and unread. */
static uint32_t passing_most(const struct postern_conn *c)
{
	size_t most = c->account && c->account->owner
			      ? c->account->owner->limits[ACCOUNT_FDS].each / 4
			      : UINT32_MAX;

	return most < FDS_MAX ? (uint32_t)FDS_MAX : most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

uint32_t passing_unread(const struct postern_conn *c)
{
	return c->passing->queued + c->passing->flights.n;
}

static bool passing_is_below(const struct postern_conn *c, uint32_t most)
{
	if (passing_unread(c) < most)
		return true;
	flights_look(&c->passing->flights);
	return passing_unread(c) < most;
}

bool passing_has_room(const struct postern_conn *c)
{
	return passing_is_below(c, passing_most(c));
}

bool passing_is_low(const struct postern_conn *c)
{
	struct passing *p = c->flags & CONN_PASSES ? c->passing : NULL;
	uint32_t n = p && p->wanted ? p->wanted : 1;

	if (p && !passing_is_below(c, passing_most(c) / 2 + 1))
		return false;
	if (c->account && !account_has_room(c->account, ACCOUNT_FDS, n))
		return false;
	if (p)
		p->wanted = 0;
	return true;
}

void passing_want(struct postern_conn *c, uint32_t n)
{
	struct passing *p = passing_get(c);

	/* Without memory it is told too early, and tries again. */
	if (p)
		p->wanted = n;
}

int passing_prepare(struct postern_conn *c, struct passing_out **ret)
{
	struct passing_out *out = passing_get(c) ? sys_alloc(sizeof(*out)) : NULL;

	if (!out)
		return -ENOMEM;
	*ret = out;
	return 0;
}

void passing_attach(struct postern_conn *c, struct passing_out *out, struct fds *fds, size_t n)
{
	out->end = c->sent + c->out.bytes;
	out->flight.at = out->end - n;
	out->flight.n = fds->charged;
	out->fds = fds_ref(fds);
	c->passing->queued += out->flight.n;
	list_append(&c->passing->out, &out->flight.node);
}

void passing_cancel(struct passing_out *out)
{
	sys_free(out);
}

static struct passing_out *passing_out_first(const struct postern_conn *c)
{
	struct list *out = &c->passing->out;

	return list_is_empty(out) ? NULL : container_of(out->next, struct passing_out, flight.node);
}

static struct passing_out *passing_out_after(const struct postern_conn *c, struct passing_out *o)
{
	struct list *next = o->flight.node.next;

	return next == &c->passing->out ? NULL
					: container_of(next, struct passing_out, flight.node);
}

const struct fds *passing_out_next(const struct postern_conn *c, size_t *most)
{
	struct passing_out *first = passing_out_first(c), *next = first;
	uint64_t end = UINT64_MAX;

	/* The rest of a message of which the descriptors have gone. */
	if (first && first->flight.at < c->sent)
		next = passing_out_after(c, first);
	if (!next)
		return NULL;
	end = next->flight.at > c->sent ? next->flight.at : next->end;
	if (end - c->sent < *most)
		*most = (size_t)(end - c->sent);
	return next->flight.at == c->sent ? next->fds : NULL;
}

/* It leaves the queue: returns its block. The kernel has its descriptors if it has the first byte, and then they are charged on. */
static struct fds *passing_out_leave(struct postern_conn *c, struct passing_out *out)
{
	struct passing *p = c->passing;
	struct fds *fds = out->fds;

	list_remove(&out->flight.node);
	p->queued -= out->flight.n;
	out->flight.n = out->flight.at < c->sent && c->account ? fds_charge_take(fds) : 0;
	if (out->flight.n > 0)
		flights_add(&p->flights, c->account, &out->flight);
	else
		sys_free(out);
	return fds;
}

void passing_out_sent(struct postern_conn *c)
{
	struct passing_out *out;

	while ((out = passing_out_first(c)) && out->end <= c->sent) {
		struct fds *fds = passing_out_leave(c, out);

		fds_close(fds);
		fds_unref(fds);
	}
}

void passing_out_clear(struct postern_conn *c)
{
	struct passing_out *out;

	while (c->flags & CONN_PASSES && (out = passing_out_first(c)))
		fds_unref(passing_out_leave(c, out));
}

bool passing_remains(struct postern_conn *c)
{
	if (!(c->flags & CONN_PASSES))
		return false;
	passing_out_clear(c);
	return flights_remain(&c->passing->flights);
}

void passing_hand_over(struct postern_conn *c)
{
	for (int i = 0; c->flags & CONN_PASSES && i < 2; i++) {
		fds_unref(c->passing->in[i].fds);
		c->passing->in[i] = (struct passing_in){ 0 };
		c->passing->held = false;
	}
}

void passing_free(struct postern_conn *c)
{
	if (!(c->flags & CONN_PASSES))
		return;
	passing_out_clear(c);
	passing_hand_over(c);
	flights_clear(&c->passing->flights);
	fds_unref(c->passing->now);
	sys_free(c->passing);
	c->flags &= ~(uint32_t)CONN_PASSES;
	c->passing = NULL;
}
