/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.c - see bus.h: subscriptions, inboxes, publishing. bus-queue.c has the queue, bus-connect.c the connection
 *
 * Who frees what. A subscription of libnats calls us as long as its thread has messages for it, so what it calls with stays
 * until libnats says that it was the last one (natsSubscription_SetOnCompleteCB), or until the connection is destroyed and
 * its threads are done. A message belongs to the queue, and then to the turn that delivers it.
 *
 * Inboxes. One subscription, PREFIX.*, and a table of places behind it. An id is a place and how often that was used, so that
 * a late message for a closed inbox finds nothing, also when the place has another owner by then.
 */
#include "bus-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- subscriptions ---- */

static void bus_delivered(natsConnection *nc, natsSubscription *n, natsMsg *msg, void *data)
{
	struct bus_sub *sub = data;
	struct bus_item item = { .what = BUS_ITEM_MESSAGE, .sub = sub, .msg = msg };

	(void)nc, (void)n;
	bus_queue_put(sub->bus, &item);
}

static void bus_completed(void *data)
{
	struct bus_sub *sub = data;
	struct bus_item item = { .what = BUS_ITEM_COMPLETE, .sub = sub };

	bus_queue_put(sub->bus, &item);
}

static int bus_sub_open(struct bus_sub *sub, const char *subject, const char *queue)
{
	natsConnection *nc = sub->bus->nc;
	natsStatus s;

	if (queue)
		s = natsConnection_QueueSubscribe(&sub->nats, nc, subject, queue, bus_delivered,
						  sub);
	else
		s = natsConnection_Subscribe(&sub->nats, nc, subject, bus_delivered, sub);
	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(sub->nats, BUS_PENDING, BUS_PENDING_BYTES);
	if (s == NATS_OK)
		s = natsSubscription_SetOnCompleteCB(sub->nats, bus_completed, sub);
	return bus_errno(s);
}

int bus_subscribe(struct bus_sub **ret, struct bus *b, const char *subject, const char *queue,
		  bus_fn *fn, void *data)
{
	struct bus_sub *sub = calloc(1, sizeof(*sub));
	int r;

	if (!sub)
		return -ENOMEM;
	*sub = (struct bus_sub){ .bus = b, .fn = fn, .data = data };
	r = bus_sub_open(sub, subject, queue);
	if (r < 0) {
		/* Without its last word nobody knows whether a thread has it: it stays with the connection. */
		if (sub->nats) {
			sub->fn = NULL;
			sub->next = b->subs;
			b->subs = sub;
		} else {
			free(sub);
		}
		return r;
	}
	sub->next = b->subs;
	b->subs = sub;
	if (ret)
		*ret = sub;
	return 0;
}

void bus_sub_free(struct bus_sub *sub)
{
	struct bus_sub **at = &sub->bus->subs;

	while (*at != sub)
		at = &(*at)->next;
	*at = sub->next;
	natsSubscription_Destroy(sub->nats);
	free(sub);
}

struct bus_sub *bus_unsubscribe(struct bus_sub *sub)
{
	if (sub) {
		sub->fn = NULL;
		natsSubscription_Unsubscribe(sub->nats);
	}
	return NULL;
}

struct bus_sub *bus_leave(struct bus_sub *sub)
{
	if (sub && (!bus_is_connected(sub->bus) ||
		    natsSubscription_DrainTimeout(sub->nats, 0) != NATS_OK))
		return bus_unsubscribe(sub);
	return NULL;
}

/* Of one that is draining its last message was delivered; any other was unsubscribed. */
void bus_sub_complete(struct bus_sub *sub)
{
	struct bus *b = sub->bus;
	bool drained = sub->draining;

	bus_sub_free(sub);
	if (drained && --b->n_draining == 0)
		bus_drain_over(b);
}

void bus_drain_over(struct bus *b)
{
	void (*fn)(void *data) = b->drained;

	b->drained = NULL;
	if (fn)
		fn(b->drained_data);
}

int bus_drain(struct bus *b, void (*fn)(void *data), void *data)
{
	if (!bus_is_connected(b))
		return -ENOTCONN;
	for (struct bus_sub *sub = b->subs; sub; sub = sub->next) {
		if (sub == b->inboxes || sub->draining || !sub->fn)
			continue;
		/* No limit of libnats's own: the connection is freed at ours. */
		if (natsSubscription_DrainTimeout(sub->nats, 0) != NATS_OK)
			continue;
		sub->draining = true;
		b->n_draining++;
	}
	if (b->n_draining == 0)
		return -ENOTCONN;
	b->drained = fn;
	b->drained_data = data;
	return 0;
}

/* ---- inboxes ---- */

static bool bus_grow(struct bus *b)
{
	uint32_t size = b->n_places ? 2 * b->n_places : 64;
	struct bus_place *places;

	if (size > BUS_INBOXES)
		return false;
	places = realloc(b->places, size * sizeof(*places));
	if (!places)
		return false;
	for (uint32_t i = b->n_places; i < size; i++) {
		places[i] = (struct bus_place){ .uses = 1, .next_free = b->free_place };
		b->free_place = i + 1;
	}
	b->places = places;
	b->n_places = size;
	return true;
}

int bus_inbox_open(struct bus *b, struct bus_inbox *i, bus_fn *fn, void *data)
{
	struct bus_place *place;

	if (b->free_place == 0 && !bus_grow(b))
		return b->n_places == BUS_INBOXES ? -EAGAIN : -ENOMEM;
	place = &b->places[b->free_place - 1];
	i->id = ((uint64_t)place->uses << 16) | (b->free_place - 1);
	i->fn = fn;
	i->data = data;
	b->free_place = place->next_free;
	place->inbox = i;
	return 0;
}

void bus_inbox_close(struct bus *b, struct bus_inbox *i)
{
	uint32_t n = (uint32_t)(i->id & (BUS_INBOXES - 1));
	struct bus_place *place;

	if (i->id == 0)
		return;
	place = &b->places[n];
	place->inbox = NULL;
	/* 0 would make place 0 an id of 0. */
	if (++place->uses == 0)
		place->uses = 1;
	place->next_free = b->free_place;
	b->free_place = n + 1;
	i->id = 0;
}

void bus_inbox_subject(const struct bus *b, const struct bus_inbox *i, char ret[BUS_INBOX_SUBJECT])
{
	snprintf(ret, BUS_INBOX_SUBJECT, "%s.%" PRIx64, b->inbox_prefix, i->id);
}

void bus_unknown(struct bus *b, bus_fn *fn, void *data)
{
	b->unknown = fn;
	b->unknown_data = data;
}

/* data: the bus. What follows the prefix is whatever somebody has written there. */
void bus_inbox_message(const struct bus_message *m, void *data)
{
	struct bus *b = data;
	const char *text = m->subject + strnlen(m->subject, b->inbox_prefix_n);
	struct bus_inbox *i = NULL;
	uint64_t id = 0;
	char *end = NULL;

	if (*text == '.' && text[1] != '-' && text[1] != '+' && text[1] != ' ')
		id = strtoull(text + 1, &end, 16);
	if (end && !*end && (id & (BUS_INBOXES - 1)) < b->n_places)
		i = b->places[id & (BUS_INBOXES - 1)].inbox;
	if (i && i->id == id)
		i->fn(m, i->data);
	else if (b->unknown)
		b->unknown(m, b->unknown_data);
}

const char *bus_header(const struct bus_message *m, const char *name)
{
	const char *value = NULL;

	if (natsMsgHeader_Get(m->handle, name, &value) != NATS_OK)
		return NULL;
	/* An empty value is NULL there, and no missing header. */
	return value ? value : "";
}

/* ---- publishing ---- */

bool bus_is_connected(const struct bus *b)
{
	return natsConnection_Status(b->nc) == NATS_CONN_STATUS_CONNECTED;
}

size_t bus_max(const struct bus *b)
{
	int64_t max = natsConnection_GetMaxPayload(b->nc);

	return max > 0 ? (size_t)max : 0;
}

/* As the server counts: NATS/1.0, a line for each header, and an empty one. */
size_t bus_size(const struct bus_out *m)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(m->headers) / sizeof(*m->headers); i++)
		if (m->headers[i].name)
			n += strlen(m->headers[i].name) + 2 + strlen(m->headers[i].value) + 2;
	return m->n + (n ? n + strlen("NATS/1.0\r\n\r\n") : 0);
}

static bool bus_has_headers(const struct bus_out *m)
{
	for (size_t i = 0; i < sizeof(m->headers) / sizeof(*m->headers); i++)
		if (m->headers[i].name)
			return true;
	return false;
}

static natsStatus bus_publish_whole(struct bus *b, const struct bus_out *m)
{
	natsMsg *msg = NULL;
	natsStatus s = natsMsg_Create(&msg, m->subject, m->reply, m->payload, (int)m->n);

	for (size_t i = 0; s == NATS_OK && i < sizeof(m->headers) / sizeof(*m->headers); i++)
		if (m->headers[i].name)
			s = natsMsgHeader_Set(msg, m->headers[i].name, m->headers[i].value);
	if (s == NATS_OK)
		s = natsConnection_PublishMsg(b->nc, msg);
	natsMsg_Destroy(msg);
	return s;
}

int bus_publish(struct bus *b, const struct bus_out *m)
{
	natsStatus s;

	if (!bus_is_connected(b))
		return -ENOTCONN;
	if (m->n > INT32_MAX || bus_size(m) > bus_max(b))
		return -EMSGSIZE;
	if (bus_has_headers(m))
		s = bus_publish_whole(b, m);
	else if (m->reply)
		s = natsConnection_PublishRequest(b->nc, m->subject, m->reply, m->payload,
						  (int)m->n);
	else
		s = natsConnection_Publish(b->nc, m->subject, m->payload, (int)m->n);
	return bus_errno(s);
}

int bus_flush(struct bus *b, int64_t deadline_ns)
{
	return bus_errno(natsConnection_FlushTimeout(
		b->nc, deadline_ns > POSTERN_MS(1) ? deadline_ns / POSTERN_MS(1) : 1));
}

int bus_errno(natsStatus s)
{
	switch (s) {
	case NATS_OK:
		return 0;
	case NATS_NO_MEMORY:
		return -ENOMEM;
	case NATS_MAX_PAYLOAD:
		return -EMSGSIZE;
	case NATS_INVALID_SUBJECT:
	case NATS_INVALID_ARG:
	case NATS_INVALID_QUEUE_NAME:
		return -EINVAL;
	case NATS_CONNECTION_CLOSED:
	case NATS_CONNECTION_DISCONNECTED:
	case NATS_INSUFFICIENT_BUFFER:
		return -ENOTCONN;
	case NATS_NO_SERVER_SUPPORT:
		return -EPROTONOSUPPORT;
	case NATS_TIMEOUT:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}
