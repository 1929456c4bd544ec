/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus-queue.c - from libnats's threads to the loop
 *
 * Invariants, under the lock:
 *   posted     a task of the loop is queued or runs, and will look again; so there is one post for each time that the queue
 *              becomes other than empty, however many messages come
 *   bytes      the payloads of the items; above BUS_QUEUE_BYTES, or with BUS_QUEUE items, the thread that puts waits. There
 *              is one delivery thread, and one for connection events: nobody else can be kept waiting
 *   closed     nothing is put any more, and whoever waits goes on
 *
 * postern_loop_post() fails while 65,536 tasks wait: there is never more than one of ours, so that is another's doing. Then
 * the items stay, and the next put posts again.
 *
 * A turn takes BUS_TURN items, one after the other: a function that it calls may close the bus. What is left gets a turn of its
 * own behind the other events of the loop.
 */
#include "bus-internal.h"
#include "../cmd/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static size_t bus_item_bytes(const struct bus_item *item)
{
	return item->msg ? (size_t)natsMsg_GetDataLength(item->msg) : 0;
}

static void bus_item_release(struct bus_item *item)
{
	natsMsg_Destroy(item->msg);
	free(item->text);
}

/* ---- one item ---- */

static void bus_deliver(struct bus_sub *sub, natsMsg *msg)
{
	struct bus_message m = {
		.subject = natsMsg_GetSubject(msg),
		.reply = natsMsg_GetReply(msg),
		.payload = natsMsg_GetData(msg),
		.n = (size_t)natsMsg_GetDataLength(msg),
		.nobody = natsMsg_IsNoResponders(msg),
		.handle = msg,
	};

	if (m.reply && !*m.reply)
		m.reply = NULL;
	if (sub->fn)
		sub->fn(&m, sub->data);
}

/* Dropped messages are counted by libnats in each subscription; what it calls an error is only the first of a series. */
static void bus_tell_slow(struct bus *b)
{
	uint64_t dropped = 0;
	int64_t n;

	for (struct bus_sub *sub = b->subs; sub; sub = sub->next)
		if (natsSubscription_GetDropped(sub->nats, &n) == NATS_OK)
			dropped += (uint64_t)n;
	if (dropped <= b->slow)
		return;
	output_error(b->verb, NULL,
		     "messages come faster than they can be handled: %" PRIu64 " dropped",
		     dropped - b->slow);
	b->slow = dropped;
}

static void bus_tell_error(struct bus *b, const struct bus_item *item)
{
	if (item->error == NATS_SLOW_CONSUMER)
		bus_tell_slow(b);
	else
		output_error(b->verb, NULL, "NATS: %s%s%s",
			     natsStatus_GetText((natsStatus)item->error), item->text ? ": " : "",
			     item->text ? item->text : "");
}

static void bus_state(struct bus *b, int state, const char *why)
{
	/* Draining needs the connection; what was on its way is lost with that. */
	if (state != BUS_CONNECTED && b->n_draining) {
		b->n_draining = 0;
		for (struct bus_sub *sub = b->subs; sub; sub = sub->next)
			sub->draining = false;
		bus_drain_over(b);
	}
	if (b->events && b->events->state)
		b->events->state(state, why ? why : "", b->data);
}

static void bus_handle(struct bus *b, const struct bus_item *item)
{
	switch (item->what) {
	case BUS_ITEM_MESSAGE:
		bus_deliver(item->sub, item->msg);
		break;
	case BUS_ITEM_COMPLETE:
		bus_sub_complete(item->sub);
		break;
	case BUS_ITEM_CONNECTED:
		bus_state(b, BUS_CONNECTED, item->text);
		break;
	case BUS_ITEM_LOST:
		bus_state(b, BUS_LOST, item->text);
		break;
	case BUS_ITEM_CLOSED:
		bus_state(b, BUS_CLOSED, item->text);
		break;
	default:
		bus_tell_error(b, item);
	}
}

/* ---- handled ---- */

static void bus_free_spent(struct bus *b)
{
	while (b->n_spent > 0)
		natsMsg_Destroy(b->spent[--b->n_spent]);
	b->spent_bytes = 0;
}

/* libnats frees messages in a thread of its own, which has to be woken: not for each of them. */
static void bus_spend(struct bus *b, struct bus_item *item)
{
	if (item->msg) {
		b->spent_bytes += bus_item_bytes(item);
		b->spent[b->n_spent++] = item->msg;
	}
	if (b->n_spent == BUS_SPENT || b->spent_bytes > BUS_SPENT_BYTES)
		bus_free_spent(b);
	free(item->text);
}

/* ---- the queue ---- */

static bool bus_queue_take(struct bus_queue *q, struct bus_item *ret)
{
	bool got;

	pthread_mutex_lock(&q->lock);
	got = q->n > 0;
	if (got) {
		*ret = q->items[q->first];
		q->first = (q->first + 1) % BUS_QUEUE;
		q->n--;
		q->bytes -= bus_item_bytes(ret);
		pthread_cond_signal(&q->room);
	} else {
		q->posted = false;
	}
	pthread_mutex_unlock(&q->lock);
	return got;
}

static void bus_queue_turn(struct postern_loop *loop, void *data)
{
	struct bus *b = data;
	struct bus_item item;

	/* The loop was freed first: bus_free() has what is left. */
	if (!loop)
		return;
	for (uint32_t i = 0; i < BUS_TURN; i++) {
		if (!bus_queue_take(&b->queue, &item))
			return;
		bus_handle(b, &item);
		bus_spend(b, &item);
	}
	pthread_mutex_lock(&b->queue.lock);
	b->queue.posted = postern_loop_post(loop, bus_queue_turn, b) == 0;
	pthread_mutex_unlock(&b->queue.lock);
}

void bus_queue_put(struct bus *b, const struct bus_item *item)
{
	struct bus_queue *q = &b->queue;
	struct bus_item dropped = *item;
	size_t bytes = bus_item_bytes(item);
	bool closed;

	pthread_mutex_lock(&q->lock);
	while (!q->closed &&
	       (q->n == BUS_QUEUE || (q->n > 0 && q->bytes + bytes > BUS_QUEUE_BYTES)))
		pthread_cond_wait(&q->room, &q->lock);
	closed = q->closed;
	if (!closed) {
		q->items[(q->first + q->n) % BUS_QUEUE] = *item;
		q->n++;
		q->bytes += bytes;
		if (!q->posted)
			q->posted = postern_loop_post(b->loop, bus_queue_turn, b) == 0;
	}
	pthread_mutex_unlock(&q->lock);
	if (closed)
		bus_item_release(&dropped);
}

int bus_queue_init(struct bus *b)
{
	struct bus_queue *q = &b->queue;
	int r = pthread_mutex_init(&q->lock, NULL);

	if (r)
		return -r;
	r = pthread_cond_init(&q->room, NULL);
	if (r)
		pthread_mutex_destroy(&q->lock);
	return -r;
}

void bus_queue_close(struct bus *b)
{
	struct bus_queue *q = &b->queue;
	struct bus_item item;

	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->room);
	pthread_mutex_unlock(&q->lock);
	/* A message cannot be freed any more when its library has ended. */
	while (bus_queue_take(q, &item))
		bus_item_release(&item);
	bus_free_spent(b);
}

void bus_queue_deinit(struct bus *b)
{
	struct bus_queue *q = &b->queue;

	pthread_cond_destroy(&q->room);
	pthread_mutex_destroy(&q->lock);
}
