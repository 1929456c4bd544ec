/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus-queue.c - from libnats's threads to the loop
 *
 * Invariants, under the lock:
 *   posted     a task of the loop is queued or runs, and will look again; so there is one post for each time that the queue
 *              becomes other than empty, however many messages come
 *   bytes      the items' messages with their headers; above BUS_QUEUE_BYTES, or with BUS_QUEUE items, the thread that puts waits. There
 *              is one delivery thread, and one for connection events: nobody else can be kept waiting
 *   closed     nothing is put any more, and whoever waits goes on
 *
 * postern_loop_post() fails while 65,536 tasks wait: there is never more than one of ours, so that is another's doing. Then
 * the items stay, and the next put posts again.
 *
 * A turn takes BUS_TURN items, one after the other. What is left gets a turn of its own behind the other events of the loop.
 */
#include "bus-internal.h"
#include "../cmd/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUS_COMPLETE POSTERN_SECONDS(1)
#define BUS_HEADERS  ((size_t)16 << 10) /* of one message that is read, with its subject */
#define BUS_LARGE    ((size_t)1 << 20)  /* max_payload of a server, by default */
#define BUS_LARGEST  ((size_t)65 << 20) /* and at most, with a subject */

/* libnats has a message in one block: subject, reply, headers, payload. It does not say how long the headers are, but they lie
   between. 0: it is a libnats that has it otherwise. */
static size_t bus_message_bytes(natsMsg *msg)
{
	uintptr_t begin = (uintptr_t)natsMsg_GetSubject(msg);
	uintptr_t end = (uintptr_t)natsMsg_GetData(msg) + (size_t)natsMsg_GetDataLength(msg);

	return end > begin && end - begin <= BUS_LARGEST ? end - begin : 0;
}

static size_t bus_item_bytes(const struct bus_item *item)
{
	size_t n = item->msg ? bus_message_bytes(item->msg) : 0;

	return item->msg && n == 0 ? BUS_LARGE : n;
}

static void bus_item_release(struct bus_item *item)
{
	if (item->what == BUS_ITEM_COMPLETE && item->feed) {
		struct bus_queue *q = &item->feed->bus->queue;

		pthread_mutex_lock(&q->lock);
		item->feed->complete = true;
		pthread_cond_broadcast(&q->room);
		pthread_mutex_unlock(&q->lock);
	}
	natsMsg_Destroy(item->msg);
	if (item->what == BUS_ITEM_OPENED)
		natsConnection_Destroy(item->nc);
	free(item->text);
}

/* ---- one item ---- */

/* Headers are read when the first one is asked for, and one that is wrong takes all others with it: who is not told so reads an
   error as an answer. libnats goes through all values of a name for each further one, 200,000 are 20 s: a message with
   more than we have a use for is not read at all. */
static bool bus_is_unreadable(natsMsg *msg)
{
	const char *value;
	natsStatus s;

	if (bus_message_bytes(msg) > (size_t)natsMsg_GetDataLength(msg) + BUS_HEADERS)
		return true;
	s = natsMsgHeader_Get(msg, "Status", &value);
	return s != NATS_OK && s != NATS_NOT_FOUND;
}

static void bus_deliver(const struct bus_sub *sub, natsMsg *msg)
{
	struct bus_message m = {
		.subject = natsMsg_GetSubject(msg),
		.reply = natsMsg_GetReply(msg),
		.payload = natsMsg_GetData(msg),
		.n = (size_t)natsMsg_GetDataLength(msg),
		.unreadable = bus_is_unreadable(msg),
		.handle = msg,
	};

	if (m.reply && !*m.reply)
		m.reply = NULL;
	m.nobody = !m.unreadable && natsMsg_IsNoResponders(msg);
	sub->fn(&m, sub->data);
}

/* Dropped messages are counted by libnats in each subscription; what it calls an error is only the first of a series. */
static void bus_tell_slow(struct bus *b)
{
	int64_t dropped = 0, n;

	for (struct bus_feed *f = b->feeds; f; f = f->next)
		if (natsSubscription_GetDropped(f->nats, &n) == NATS_OK && n > f->dropped) {
			dropped += n - f->dropped;
			f->dropped = n;
		}
	if (dropped)
		output_error(b->verb, NULL,
			     "messages come faster than they can be handled: %" PRId64 " dropped",
			     dropped);
}

bool bus_may_tell(int64_t *told_ns)
{
	int64_t now = postern_now();

	if (*told_ns && now - *told_ns < POSTERN_SECONDS(1))
		return false;
	*told_ns = now;
	return true;
}

static void bus_tell_failed(struct bus *b, const struct bus_item *item)
{
	char more[48] = "";

	if (!bus_may_tell(&b->error_ns)) {
		b->n_untold++;
		return;
	}
	if (b->n_untold)
		snprintf(more, sizeof(more), " (and %" PRIu64 " before)", b->n_untold);
	b->n_untold = 0;
	output_error(b->verb, NULL, "NATS: %s%s%s%s", natsStatus_GetText((natsStatus)item->error),
		     item->text ? ": " : "", item->text ? item->text : "", more);
}

/* The server says: Permissions Violation for Publish to "SUBJECT". */
static void bus_tell_forbidden(struct bus *b, char *text)
{
	static const char begin[] = "Permissions Violation for Publish to \"";
	char *subject = text ? strstr(text, begin) : NULL, *end;

	if (!subject || !b->events || !b->events->forbidden)
		return;
	subject += sizeof(begin) - 1;
	end = strchr(subject, '"');
	if (!end)
		return;
	*end = '\0';
	b->events->forbidden(subject, b->data);
}

static void bus_tell_error(struct bus *b, const struct bus_item *item)
{
	if (item->error == NATS_SLOW_CONSUMER) {
		bus_tell_slow(b);
		return;
	}
	bus_tell_failed(b, item);
	if (item->error == NATS_NOT_PERMITTED)
		bus_tell_forbidden(b, item->text);
}

static void bus_handle(struct bus *b, struct bus_item *item)
{
	switch (item->what) {
	case BUS_ITEM_MESSAGE:
		if (item->feed->sub)
			bus_deliver(item->feed->sub, item->msg);
		break;
	case BUS_ITEM_COMPLETE:
		bus_feed_complete(item->feed);
		item->feed = NULL;
		break;
	case BUS_ITEM_OPENED:
		bus_opened(b, item->nc);
		item->nc = NULL;
		break;
	case BUS_ITEM_ERROR:
		bus_tell_error(b, item);
		break;
	default:
		bus_changed(b, item);
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

int bus_condition_init(pthread_cond_t *ret)
{
	pthread_condattr_t attributes;
	int r = pthread_condattr_init(&attributes);

	if (r)
		return -r;
	r = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (!r)
		r = pthread_cond_init(ret, &attributes);
	pthread_condattr_destroy(&attributes);
	return -r;
}

void bus_condition_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns)
{
	const struct timespec t = { .tv_sec = (time_t)(until_ns / POSTERN_SECONDS(1)),
				    .tv_nsec = (long)(until_ns % POSTERN_SECONDS(1)) };

	pthread_cond_timedwait(c, lock, &t);
}

int bus_queue_init(struct bus *b)
{
	struct bus_queue *q = &b->queue;
	int r = pthread_mutex_init(&q->lock, NULL);

	if (r)
		return -r;
	r = bus_condition_init(&q->room);
	if (r < 0)
		pthread_mutex_destroy(&q->lock);
	return r;
}

static bool bus_is_complete(const struct bus *b)
{
	for (const struct bus_feed *f = b->feeds; f; f = f->next)
		if (f->asked && !f->complete)
			return false;
	return true;
}

void bus_queue_wait(struct bus *b)
{
	struct bus_queue *q = &b->queue;
	int64_t until = postern_now() + BUS_COMPLETE;

	pthread_mutex_lock(&q->lock);
	while (!bus_is_complete(b) && postern_now() < until)
		bus_condition_wait(&q->room, &q->lock, until);
	pthread_mutex_unlock(&q->lock);
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
