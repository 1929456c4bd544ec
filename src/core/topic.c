/* SPDX-License-Identifier: Apache-2.0 */
/* topic.c - see topic.h */
#include "core/topic.h"

#include <assert.h>
#include <stddef.h>

static struct topic_item *topic_ref(struct topic_item *item)
{
	item->references++;
	return item;
}

/* What a dead one needed is left with it, and may be dead then too. */
static void topic_unref(struct topic *t, struct topic_item *item)
{
	while (item && --item->references == 0) {
		struct topic_item *next = item->next;

		item->next = t->dead;
		t->dead = item;
		item = next;
	}
}

void topic_publish(struct topic *t, struct topic_item *item, uint32_t n, bool ends)
{
	struct topic_item *before = t->last;

	*item = (struct topic_item){
		.number = ++t->number,
		.before = t->bytes,
		.n = n,
		.references = 1,
		.ends = ends,
	};
	t->bytes += n;
	t->last = item;
	if (before && t->limits.policy == TOPIC_QUEUE)
		before->next = topic_ref(item);
	topic_unref(t, before);
}

void topic_join(struct topic *t, struct topic_reader *r)
{
	bool begins = t->last && (!t->limits.stateless || t->last->ends);

	*r = (struct topic_reader){ .begun = t->number };
	if (!begins)
		return;
	r->item = topic_ref(t->last);
	r->begun--;
}

int topic_wake(struct topic *t, struct topic_reader *r)
{
	const struct topic_item *at = r->item;
	uint64_t bytes;

	if (!at) {
		r->item = topic_ref(t->last);
		return TOPIC_SENDS;
	}
	if (t->limits.policy == TOPIC_LATEST || t->last->ends)
		return TOPIC_WAITS;
	bytes = t->bytes - at->before - (r->at > 0 ? at->n : 0);
	return t->number - r->begun > t->limits.messages || bytes > t->limits.bytes
		       ? TOPIC_OVERFLOWS
		       : TOPIC_WAITS;
}

static void topic_move(struct topic *t, struct topic_reader *r, struct topic_item *to)
{
	struct topic_item *from = r->item;

	r->item = to ? topic_ref(to) : NULL;
	r->at = 0;
	topic_unref(t, from);
}

const struct topic_item *topic_next(struct topic *t, struct topic_reader *r)
{
	if (t->limits.policy == TOPIC_LATEST && r->item && r->at == 0 && r->item != t->last)
		topic_move(t, r, t->last);
	return r->item;
}

bool topic_took(struct topic *t, struct topic_reader *r, uint32_t n)
{
	struct topic_item *item = r->item, *next = item->next;
	bool ends = item->ends;

	assert(n <= item->n - r->at);
	if (n > 0 && r->at == 0) {
		t->skipped += item->number - r->begun - 1;
		r->begun = item->number;
	}
	r->at += n;
	if (r->at < item->n)
		return false;
	if (t->limits.policy == TOPIC_LATEST)
		next = item == t->last ? NULL : t->last;
	topic_move(t, r, next);
	return ends;
}

bool topic_is_ending(const struct topic_reader *r)
{
	return r->at > 0 && r->item->ends;
}

uint64_t topic_leave(struct topic *t, struct topic_reader *r)
{
	uint64_t missed = t->number - r->begun;

	topic_move(t, r, NULL);
	r->begun = t->number;
	return missed;
}

struct topic_item *topic_dead(struct topic *t)
{
	struct topic_item *item = t->dead;

	if (item)
		t->dead = item->next;
	return item;
}

void topic_deinit(struct topic *t)
{
	topic_unref(t, t->last);
	t->last = NULL;
}
