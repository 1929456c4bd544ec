/* SPDX-License-Identifier: Apache-2.0 */
/* object.c - what an object has on its loop: descriptor, timer, task, end */
#include <assert.h>
#include <errno.h>

#include "loop/loop.h"

/* Each object has a reserved place in the heap, whether or not it ever arms a timer. */
static int object_reserve_timer(struct postern_loop *loop)
{
	struct timer_heap *h = &loop->heap;
	uint32_t capacity = h->capacity ? 2 * h->capacity : 16;
	struct object **objects;

	if (loop->n_objects < h->capacity)
		return 0;
	objects = sys_realloc(h->objects, capacity * sizeof(struct object *));
	if (!objects)
		return -ENOMEM;
	h->objects = objects;
	h->capacity = capacity;
	return 0;
}

int object_init(struct object *o, const struct object_ops *ops, struct postern_loop *loop)
{
	int r = object_reserve_timer(loop);

	if (r < 0)
		return r;
	*o = (struct object){
		.ops = ops, .loop = loop, .fd = -1, .mask = WATCH_OFF, .slot = TIMER_OFF
	};
	list_init(&o->task);
	list_append(&loop->objects, &o->siblings);
	loop->n_objects++;
	return 0;
}

void object_visited(struct object *o, bool more)
{
	if (!more) {
		o->restless = 0;
		return;
	}
	if (++o->loop->visits == 0)
		o->loop->visits = 1;
	o->restless = o->loop->visits;
}

int object_watch(struct object *o, uint32_t mask)
{
	int op, r;

	if (mask == o->mask)
		return 0;
	if (!loop_is_ours(o->loop)) {
		o->mask = WATCH_OFF;
		return -ECHILD;
	}
	op = mask == WATCH_OFF      ? EPOLL_CTL_DEL
	     : o->mask == WATCH_OFF ? EPOLL_CTL_ADD
				    : EPOLL_CTL_MOD;
	r = sys_epoll_ctl(o->loop->epoll, op, o->fd, mask, o);
	if (r < 0 && op != EPOLL_CTL_DEL)
		return r;
	if (o->mask == WATCH_OFF || mask & ~o->mask)
		o->asked = o->loop->turn;
	o->mask = mask;
	return 0;
}

void object_timer(struct object *o, int64_t at_ns)
{
	struct postern_loop *loop = o->loop;

	if (o->slot != TIMER_OFF)
		timer_remove(&loop->heap, o);
	o->at_ns = at_ns;
	if (at_ns == POSTERN_FOREVER)
		return;
	timer_insert(&loop->heap, o);
	/* Within a turn the timerfd is set once, at its end. */
	if (!loop->dispatching && at_ns < loop->timer_at_ns && loop_is_ours(loop)) {
		int r = sys_timerfd_set(loop->timer.fd, at_ns);

		if (r < 0)
			loop->error = r;
		else
			loop->timer_at_ns = at_ns;
	}
}

void object_task(struct object *o)
{
	if (list_is_linked(&o->task))
		return;
	list_append(&o->loop->tasks, &o->task);
	if (!o->loop->dispatching)
		loop_wake(o->loop);
}

int object_give_up(struct object *o)
{
	int fd = o->fd;

	if (fd >= 0)
		object_watch(o, WATCH_OFF);
	assert(o->mask == WATCH_OFF);
	o->fd = -1;
	return fd;
}

void object_close(struct object *o)
{
	int fd = object_give_up(o);

	if (fd >= 0)
		sys_close(fd);
}

void object_end(struct object *o)
{
	struct postern_loop *loop = o->loop;

	assert(o->mask == WATCH_OFF);
	if (!loop) {
		o->ops->bury(o);
		return;
	}
	if (o->slot != TIMER_OFF)
		timer_remove(&loop->heap, o);
	list_remove(&o->siblings);
	list_remove(&o->task);
	if (loop->spin.hot == o)
		loop->spin.hot = NULL;
	loop->n_objects--;
	if (loop->held > 0)
		list_append(&loop->graves, &o->task);
	else
		o->ops->bury(o);
}
