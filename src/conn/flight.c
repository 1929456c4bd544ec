/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flight.c - descriptors that were sent and that the peer has not read: they stay charged to its uid
 *
 *   sent     flights_add(): passing.c gives a message here when the kernel has its first byte
 *   read     core/flight.h says what the peer must have read by now. Nobody looks as long as there is room: the account asks
 *            before it refuses somebody, and a connection before it is told to wait
 *   the end  of a connection leaves its messages in the peer's receive buffer, and with them the descriptors. They can be
 *            watched through our end of the socket alone. So that stays open, as a remnant, and is charged as one
 *            descriptor, until the peer has read all of them or closes its own
 *
 * Without that, a peer that has its connections ended again and again would have nothing charged, and bring this user to the
 * kernel's limit of descriptors in flight, beyond which nobody gets an answer with descriptors any more.
 *
 * A remnant is in epoll for EPOLLOUT, edge-triggered: a socket that is shut down is hung up and writable at all times, and
 * wakes us by each buffer that the peer has read, or dropped by closing (unix_write_space() from sock_wfree()).
 */
#include "conn/flight.h"

#include "conn/conn.h"
#include "link/socket.h"

struct remnant {
	struct object object;
	struct flights flights;
	uint64_t sent;
};

void flights_init(struct flights *f, struct postern_conn *c)
{
	*f = (struct flights){ .c = c };
	list_init(&f->place);
	list_init(&f->sent);
}

void flights_add(struct flights *f, struct account *a, struct flight *flight)
{
	f->account = a;
	f->n += flight->n;
	list_append(&f->sent, &flight->node);
	if (!list_is_linked(&f->place))
		list_append(&a->in_flight, &f->place);
}

/* The account may go with the last charge. */
static void flights_end(struct flights *f, struct list *over)
{
	uint32_t n = 0;

	while (!list_is_empty(over)) {
		struct flight *flight = container_of(over->next, struct flight, node);

		list_remove(&flight->node);
		n += flight->n;
		sys_free(flight);
	}
	f->n -= n;
	if (list_is_empty(&f->sent))
		list_remove(&f->place);
	if (n > 0)
		account_release(f->account, ACCOUNT_FDS, n);
}

static void flights_look_at(struct flights *f, int fd, uint64_t sent)
{
	struct list over;
	int unread;

	if (list_is_empty(&f->sent))
		return;
	unread = link_unread_by_peer(fd);
	list_init(&over);
	flight_settle(&f->sent, sent, unread > 0 ? (uint64_t)unread : 0, &over);
	flights_end(f, &over);
}

void flights_look(struct flights *f)
{
	flights_look_at(f, f->c->object.fd, f->c->sent);
}

void flights_clear(struct flights *f)
{
	struct list over;

	list_init(&over);
	list_splice(&over, &f->sent);
	flights_end(f, &over);
}

/* ---- what is left of a connection ---- */

static void remnant_end(struct remnant *r)
{
	flights_clear(&r->flights);
	object_close(&r->object);
	object_end(&r->object);
}

static void remnant_look(struct remnant *r)
{
	flights_look_at(&r->flights, r->object.fd, r->sent);
	if (list_is_empty(&r->flights.sent))
		remnant_end(r);
}

static void remnant_ready(struct object *o, uint32_t events)
{
	(void)events;
	remnant_look(container_of(o, struct remnant, object));
}

static void remnant_orphan(struct object *o)
{
	remnant_end(container_of(o, struct remnant, object));
}

static void remnant_bury(struct object *o)
{
	sys_free(container_of(o, struct remnant, object));
}

static const struct object_ops remnant_ops = {
	.ready = remnant_ready,
	.orphan = remnant_orphan,
	.bury = remnant_bury,
};

/* Its own descriptor goes with the last message: that is over when all are. Nobody asks whether there is room for it, since
   what it watches is there. */
static void remnant_charge(struct remnant *r)
{
	container_of(r->flights.sent.prev, struct flight, node)->n++;
	r->flights.n++;
	r->flights.account->charged[ACCOUNT_FDS]++;
}

/* The same messages, in a place of their own. */
static void remnant_take(struct remnant *r, struct flights *f)
{
	flights_init(&r->flights, NULL);
	r->sent = f->c->sent;
	r->flights.account = f->account;
	r->flights.n = f->n;
	f->n = 0;
	list_splice(&r->flights.sent, &f->sent);
	list_remove(&f->place);
	list_append(&f->account->in_flight, &r->flights.place);
	remnant_charge(r);
}

bool flights_remain(struct flights *f)
{
	struct postern_conn *c = f->c;
	struct remnant *r;

	flights_look(f);
	/* What is made while the loop ends would not be ended with it. */
	if (list_is_empty(&f->sent) || !f->account->owner || c->object.loop->freed)
		return false;
	r = sys_alloc(sizeof(*r));
	/* Without memory nothing is charged from here on: what can be done is to end the connection. */
	if (!r)
		return false;
	if (object_init(&r->object, &remnant_ops, c->object.loop) < 0) {
		sys_free(r);
		return false;
	}
	r->object.fd = object_give_up(&c->object);
	remnant_take(r, f);
	if (object_watch(&r->object, EPOLLOUT | EPOLLET) < 0)
		remnant_end(r);
	return true;
}

void flights_check_again(struct list *place, bool owner_gone)
{
	struct flights *f = container_of(place, struct flights, place);

	if (!f->c && owner_gone)
		remnant_end(container_of(f, struct remnant, flights));
	else if (!f->c)
		remnant_look(container_of(f, struct remnant, flights));
	else if (owner_gone)
		flights_clear(f);
	else
		flights_look(f);
}
