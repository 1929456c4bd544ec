/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.c - the heap of timers, and timers as public objects
 *
 * A binary heap of pointers; each object knows its slot, so removing one needs no search. The array
 * grows when objects are made and not when timers are armed: arming a deadline cannot fail.
 */
#include <assert.h>
#include <errno.h>

#include "base/base.h"
#include "loop/loop.h"

static void timer_place(struct timer_heap *h, uint32_t slot, struct object *o)
{
	h->objects[slot] = o;
	o->slot = slot;
}

static void timer_rise(struct timer_heap *h, uint32_t slot, struct object *o)
{
	while (slot > 0) {
		uint32_t above = (slot - 1) / 2;

		if (h->objects[above]->at_ns <= o->at_ns)
			break;
		timer_place(h, slot, h->objects[above]);
		slot = above;
	}
	timer_place(h, slot, o);
}

static void timer_sink(struct timer_heap *h, uint32_t slot, struct object *o)
{
	for (;;) {
		uint32_t below = 2 * slot + 1;

		if (below >= h->n)
			break;
		if (below + 1 < h->n && h->objects[below + 1]->at_ns < h->objects[below]->at_ns)
			below++;
		if (o->at_ns <= h->objects[below]->at_ns)
			break;
		timer_place(h, slot, h->objects[below]);
		slot = below;
	}
	timer_place(h, slot, o);
}

void timer_insert(struct timer_heap *h, struct object *o)
{
	assert(h->n < h->capacity && o->slot == TIMER_OFF);
	timer_rise(h, h->n++, o);
}

void timer_remove(struct timer_heap *h, struct object *o)
{
	uint32_t slot = o->slot;
	struct object *last;

	assert(slot < h->n && h->objects[slot] == o);
	last = h->objects[--h->n];
	o->slot = TIMER_OFF;
	if (last == o)
		return;
	if (slot > 0 && last->at_ns < h->objects[(slot - 1) / 2]->at_ns)
		timer_rise(h, slot, last);
	else
		timer_sink(h, slot, last);
}

/* ---- public timers ---- */

struct postern_timer {
	struct object object;
	postern_timer_fn *fn;
	void *data;
	int64_t due_ns;
	int64_t period_ns; /* 0: once */
};

static void timer_fire(struct object *o)
{
	struct postern_timer *t = container_of(o, struct postern_timer, object);

	t->due_ns = o->at_ns;
	if (t->period_ns > 0) {
		int64_t late = loop_now(o->loop) - t->due_ns;

		/* The next whole period after now: a loop that was blocked does not get a burst. */
		object_timer(o, time_after(t->due_ns, (late / t->period_ns + 1) * t->period_ns));
	} else {
		object_timer(o, POSTERN_FOREVER);
	}
	loop_calls(o->loop, "timer");
	t->fn(t, t->data);
}

static void timer_bury(struct object *o)
{
	sys_free(container_of(o, struct postern_timer, object));
}

static const struct object_ops timer_ops = {
	.fire = timer_fire,
	.bury = timer_bury,
};

int postern_timer_new(struct postern_timer **ret, struct postern_loop *loop, postern_timer_fn *fn,
		      void *data)
{
	struct postern_timer *t;
	int r;

	if (!ret || !loop || !fn)
		return why_argument("postern_timer_new", "ret, loop or fn is NULL");
	r = loop_check(loop);
	if (r < 0)
		return why_call("postern_timer_new", r);
	t = sys_alloc(sizeof(*t));
	if (!t)
		return why_call("postern_timer_new", -ENOMEM);
	t->fn = fn;
	t->data = data;
	r = object_init(&t->object, &timer_ops, loop);
	if (r < 0) {
		sys_free(t);
		return why_call("postern_timer_new", r);
	}
	*ret = t;
	return 0;
}

int postern_timer_set(struct postern_timer *t, int64_t after_ns)
{
	int r;

	if (!t)
		return -EINVAL;
	r = loop_check(t->object.loop);
	if (r < 0)
		return r;
	t->period_ns = 0;
	object_timer(&t->object, loop_after(t->object.loop, after_ns));
	return 0;
}

int postern_timer_set_periodic(struct postern_timer *t, int64_t period_ns)
{
	int r;

	if (!t || period_ns < 1)
		return -EINVAL;
	r = postern_timer_set(t, period_ns);
	if (r == 0)
		t->period_ns = period_ns;
	return r;
}

int postern_timer_cancel(struct postern_timer *t)
{
	int r;

	if (!t)
		return -EINVAL;
	r = loop_check(t->object.loop);
	if (r < 0)
		return r;
	t->period_ns = 0;
	object_timer(&t->object, POSTERN_FOREVER);
	return 0;
}

int64_t postern_timer_due_ns(const struct postern_timer *t)
{
	return t ? t->due_ns : 0;
}

struct postern_timer *postern_timer_free(struct postern_timer *t)
{
	if (t)
		object_end(&t->object);
	return NULL;
}

int64_t postern_now(void)
{
	return sys_now();
}
