/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.c - see bus.h: subscriptions and publishing
 *
 * Who frees what. A bus_sub is the user's, from bus_subscribe() to bus_unsubscribe(), and survives connections. A bus_feed is what
 * one connection has for it: libnats calls with it as long as its thread has messages, so it stays until libnats says that
 * it was the last time (natsSubscription_SetOnCompleteCB), or until the bus is freed and its threads are done. A message
 * belongs to the queue, and then to the turn that delivers it.
 */
#include "bus-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- feeds: subscriptions of libnats ---- */

static void bus_delivered(natsConnection *nc, natsSubscription *n, natsMsg *msg, void *data)
{
	struct bus_feed *feed = data;
	struct bus_item item = { .what = BUS_ITEM_MESSAGE, .feed = feed, .msg = msg };

	(void)nc, (void)n;
	bus_queue_put(feed->bus, &item);
}

static void bus_completed(void *data)
{
	struct bus_feed *feed = data;
	struct bus_item item = { .what = BUS_ITEM_COMPLETE, .feed = feed };

	bus_queue_put(feed->bus, &item);
}

static natsStatus bus_feed_open(struct bus_feed *f)
{
	const struct bus_sub *sub = f->sub;
	natsConnection *nc = f->bus->nc;
	natsStatus s;

	if (sub->queue)
		s = natsConnection_QueueSubscribe(&f->nats, nc, sub->subject, sub->queue,
						  bus_delivered, f);
	else
		s = natsConnection_Subscribe(&f->nats, nc, sub->subject, bus_delivered, f);
	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(f->nats, BUS_PENDING, BUS_PENDING_BYTES);
	if (s == NATS_OK)
		s = natsSubscription_SetOnCompleteCB(f->nats, bus_completed, f);
	return s;
}

static int bus_feed_new(struct bus_sub *sub)
{
	struct bus *b = sub->bus;
	struct bus_feed *f = calloc(1, sizeof(*f));
	natsStatus s;

	if (!f)
		return -ENOMEM;
	*f = (struct bus_feed){ .bus = b, .sub = sub, .next = b->feeds };
	b->feeds = f;
	s = bus_feed_open(f);
	if (s == NATS_OK) {
		f->asked = true;
		/* What the connection before has for it may not be complete yet. */
		if (sub->feed)
			sub->feed->sub = NULL;
		sub->feed = f;
		return 0;
	}
	/* Without its last word nobody knows whether a thread has it: then it stays as long as the bus. */
	f->sub = NULL;
	if (!f->nats)
		bus_feed_free(f);
	/* The next connection will have it. */
	return natsConnection_IsClosed(b->nc) ? 0 : bus_errno(s);
}

void bus_feed_free(struct bus_feed *f)
{
	struct bus_feed **at = &f->bus->feeds;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (f->sub && f->sub->feed == f)
		f->sub->feed = NULL;
	if (f->sub && f->sub->leaving)
		bus_sub_free(f->sub);
	natsSubscription_Destroy(f->nats);
	free(f);
}

/* The next ones of those that leave. The thread of each ends when the server has confirmed it. */
static void bus_drain_next(struct bus *b)
{
	for (struct bus_feed *f = b->feeds; f && b->n_drains < BUS_DRAINS; f = f->next) {
		if (!f->leaves || f->draining)
			continue;
		/* No limit of libnats's own: the connection is freed at ours. */
		if (natsSubscription_DrainTimeout(f->nats, 0) != NATS_OK)
			natsSubscription_Unsubscribe(f->nats);
		f->draining = true;
		b->n_drains++;
	}
}

/* Of one that is draining its last message was delivered; any other was unsubscribed, or its connection has ended. */
void bus_feed_complete(struct bus_feed *f)
{
	struct bus *b = f->bus;
	bool awaited = f->awaited;

	b->n_drains -= f->draining;
	bus_feed_free(f);
	bus_drain_next(b);
	if (awaited && --b->n_awaited == 0)
		bus_drain_over(b);
}

int bus_feed_all(struct bus *b)
{
	int r = 0;

	for (struct bus_sub *sub = b->subs; sub && r == 0; sub = sub->next)
		if (!sub->leaving && (!b->ending || sub == b->inboxes))
			r = bus_feed_new(sub);
	return r;
}

/* ---- subscriptions ---- */

static struct bus_sub *bus_sub_new(struct bus *b, const char *subject, const char *queue)
{
	struct bus_sub *sub = calloc(1, sizeof(*sub));

	if (!sub)
		return NULL;
	sub->bus = b;
	sub->subject = strdup(subject);
	sub->queue = queue ? strdup(queue) : NULL;
	sub->next = b->subs;
	b->subs = sub;
	if (sub->subject && !sub->queue == !queue)
		return sub;
	bus_sub_free(sub);
	return NULL;
}

void bus_sub_free(struct bus_sub *sub)
{
	struct bus_sub **at = &sub->bus->subs;

	while (*at != sub)
		at = &(*at)->next;
	*at = sub->next;
	free(sub->subject);
	free(sub->queue);
	free(sub);
}

int bus_subscribe(struct bus_sub **ret, struct bus *b, const char *subject, const char *queue,
		  bus_fn *fn, void *data)
{
	struct bus_sub *sub = bus_sub_new(b, subject, queue);
	int r;

	if (!sub)
		return -ENOMEM;
	sub->fn = fn;
	sub->data = data;
	r = b->nc ? bus_feed_new(sub) : 0;
	if (r < 0)
		bus_sub_free(sub);
	else if (ret)
		*ret = sub;
	return r;
}

struct bus_sub *bus_unsubscribe(struct bus_sub *sub)
{
	if (!sub)
		return NULL;
	if (sub->feed) {
		sub->feed->sub = NULL;
		natsSubscription_Unsubscribe(sub->feed->nats);
	}
	bus_sub_free(sub);
	return NULL;
}

struct bus_sub *bus_leave(struct bus_sub *sub)
{
	if (!sub || !sub->feed || !bus_is_connected(sub->bus))
		return bus_unsubscribe(sub);
	sub->leaving = true;
	sub->feed->leaves = true;
	bus_drain_next(sub->bus);
	return NULL;
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
	b->ending = true;
	if (!bus_is_connected(b))
		return -ENOTCONN;
	for (struct bus_feed *f = b->feeds; f; f = f->next) {
		if (!f->sub || f->sub == b->inboxes || f->awaited)
			continue;
		f->leaves = f->awaited = true;
		b->n_awaited++;
	}
	if (b->n_awaited == 0)
		return -ENOTCONN;
	b->drained = fn;
	b->drained_data = data;
	bus_drain_next(b);
	return 0;
}

/* ---- publishing ---- */

const char *bus_header(const struct bus_message *m, const char *name)
{
	const char *value = NULL;

	/* What cannot be read is not tried again: that is as long as its headers are. */
	if (m->unreadable)
		return NULL;
	return natsMsgHeader_Get(m->handle, name, &value) == NATS_OK ? value : NULL;
}

bool bus_is_connected(const struct bus *b)
{
	return b->nc && natsConnection_Status(b->nc) == NATS_CONN_STATUS_CONNECTED;
}

size_t bus_max(const struct bus *b)
{
	int64_t max = b->nc ? natsConnection_GetMaxPayload(b->nc) : 0;

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
	if (!b->nc)
		return -ENOTCONN;
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
