/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - turns
 *
 * Invariants
 *   - Callbacks run only in a turn (dispatching), and from the _free of a parent.
 *   - After a callback anything may have been freed, this loop included: `loop_check()` first.
 *   - When a turn ends with tasks left, the eventfd is readable.
 *
 * Kernel behaviour relied on: a timerfd and an eventfd in a nested epoll set make the outer one readable;
 * setting a timerfd again discards an unread expiration, so it is never read.
 *
 * Tried and rejected: edge-triggered descriptors (a second recv to see EAGAIN for every message, and one
 * busy peer starves the rest); EPOLLOUT left registered (each buffer that the peer frees wakes us for
 * nothing); io_uring (no faster in round trips here, and forbidden in many containers).
 */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/base.h"

/* The number of holds of all loops on this thread. */
static _Thread_local unsigned loop_holds;

bool loop_in_callback(void)
{
	return loop_holds > 0;
}

int64_t loop_now(struct postern_loop *loop)
{
	/* Outside a turn it would not be reset. */
	if (!loop->dispatching)
		return sys_now();
	if (loop->now_ns == 0)
		loop->now_ns = sys_now();
	return loop->now_ns;
}

int64_t loop_after(struct postern_loop *loop, int64_t after_ns)
{
	int64_t now = sys_now();

	if (loop->dispatching && loop->now_ns == 0)
		loop->now_ns = now;
	return time_after(now, after_ns > 0 ? after_ns : 1);
}

/* A signal handler may have interrupted a thread that is about to change the same variables. */
static_assert(ATOMIC_BOOL_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
	      "postern_loop_stop() is called from signal handlers");

/* From any thread and from signal handlers. One write for any number of wakes before the next turn. */
void loop_wake(struct postern_loop *loop)
{
	if (!loop_is_ours(loop))
		return;
	if (!atomic_exchange(&loop->awake, true))
		while (sys_eventfd_add(loop->event.fd) == -EINTR)
			;
}

void loop_log(struct postern_loop *loop, int level, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!loop->log)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	loop->log(loop, level, text, loop->log_data);
}

/* ---- the loop's own two descriptors ---- */

static void loop_event_ready(struct object *o, uint32_t events)
{
	uint64_t count;

	(void)events;
	/* Clear the flag after reading the count: otherwise the read could consume a write that came in between, and with
	   the flag set there would be no other write. Clear it before looking for work: anything that comes later writes. */
	sys_read(o->fd, &count, sizeof(count));
	atomic_store(&o->loop->awake, false);
	post_run(o->loop);
}

/* Fires the timers that are due now; one armed by a callback is due later, or waits for the next turn. */
static void loop_timer_ready(struct object *o, uint32_t events)
{
	struct postern_loop *loop = o->loop;
	struct timer_heap *h = &loop->heap;
	int64_t now = loop_now(loop);

	(void)events;
	loop->timer_at_ns = 0; /* it has expired: set it again at the turn's end in any case */
	for (uint32_t n = h->n; n > 0 && h->n > 0 && h->objects[0]->at_ns <= now; n--) {
		struct object *due = h->objects[0];

		due->ops->fire(due);
		if (loop_check(loop) < 0)
			return;
	}
}

static const struct object_ops loop_event_ops = { .ready = loop_event_ready };
static const struct object_ops loop_timer_ops = { .ready = loop_timer_ready };

static int loop_add_own(struct postern_loop *loop, struct object *o, const struct object_ops *ops,
			int fd)
{
	int r;

	if (fd < 0)
		return fd;
	r = object_init(o, ops, loop);
	if (r < 0) {
		sys_close(fd);
		return r;
	}
	o->fd = fd;
	return object_watch(o, EPOLLIN);
}

/* ---- life ---- */

static void loop_destroy(struct postern_loop *loop)
{
	object_close(&loop->event);
	object_close(&loop->timer);
	/* Handles that the program still owns: inert from here on, unless they are freed with the loop. */
	while (!list_is_empty(&loop->objects)) {
		struct object *o = container_of(loop->objects.next, struct object, siblings);

		list_remove(&o->siblings);
		list_remove(&o->task);
		o->slot = TIMER_OFF;
		o->loop = NULL;
		if (loop->owns && o->ops->bury)
			o->ops->bury(o);
	}
	if (loop->epoll >= 0)
		sys_close(loop->epoll);
	post_deinit(&loop->posts, loop_is_ours(loop));
	for (int i = 0; i < LOOP_SLOTS; i++)
		if (loop->slots[i].destroy)
			loop->slots[i].destroy(loop->slots[i].data);
	chunk_pool_deinit(&loop->pool);
	sys_free(loop->heap.objects);
	sys_free(loop);
}

void loop_hold(struct postern_loop *loop)
{
	loop->held++;
	loop_holds++;
}

void loop_release(struct postern_loop *loop)
{
	loop_holds--;
	if (--loop->held > 0)
		return;
	while (!list_is_empty(&loop->graves)) {
		struct object *o = container_of(loop->graves.next, struct object, task);

		list_remove(&o->task);
		o->ops->bury(o);
	}
	if (loop->freed)
		loop_destroy(loop);
}

int postern_loop_new(struct postern_loop **ret)
{
	struct postern_loop *loop;
	int r;

	if (!ret)
		return why_argument("postern_loop_new", "ret is NULL");
	r = fork_guard_setup();
	if (r < 0)
		return why_call("postern_loop_new", r);
	loop = sys_alloc(sizeof(*loop));
	if (!loop)
		return why_call("postern_loop_new", -ENOMEM);
	list_init(&loop->objects);
	list_init(&loop->tasks);
	list_init(&loop->running);
	list_init(&loop->graves);
	list_init(&loop->orphaned);
	loop->generation = fork_generation();
	loop->timer_at_ns = POSTERN_FOREVER;
	loop->random = random_seed();
	loop->event.fd = loop->timer.fd = -1;
	loop->event.mask = loop->timer.mask = WATCH_OFF;
	r = loop->epoll = sys_epoll_create();
	if (r >= 0)
		r = loop_add_own(loop, &loop->event, &loop_event_ops, sys_eventfd());
	if (r >= 0)
		r = loop_add_own(loop, &loop->timer, &loop_timer_ops, sys_timerfd());
	if (r >= 0)
		r = post_init(&loop->posts);
	if (r < 0) {
		loop_destroy(loop);
		return why_call("postern_loop_new", r);
	}
	*ret = loop;
	return 0;
}

/* A final event may free any object, and the loop again: then that inner call sends all remaining events, because the
   loop must be gone when it returns. So an object may be ended while its final event runs; the inner call then
   finishes what the outer one had not reached. */
static void loop_end(struct postern_loop *loop)
{
	loop_hold(loop);
	list_splice(&loop->orphaned, &loop->objects);
	while (!list_is_empty(&loop->orphaned)) {
		struct object *o = container_of(loop->orphaned.next, struct object, siblings);

		list_remove(&o->siblings);
		list_append(&loop->objects, &o->siblings);
		if (o->ops->orphan)
			o->ops->orphan(o);
	}
	if (loop_is_ours(loop))
		post_cancel(&loop->posts);
	loop_release(loop);
}

static void loop_free(struct postern_loop *loop)
{
	bool ours = loop_is_ours(loop);

	if (ours)
		pthread_mutex_lock(&loop->posts.mutex);
	loop->freed = true;
	if (ours)
		pthread_mutex_unlock(&loop->posts.mutex);
	loop_end(loop);
}

struct postern_loop *postern_loop_free(struct postern_loop *loop)
{
	if (!loop)
		return NULL;
	/* A thread's loop is still used by the thread, and by others that stop it or post to it: the thread frees it at its end. */
	if (loop->owns)
		postern_loop_stop(loop);
	else
		loop_free(loop);
	return NULL;
}

void loop_abandon(struct postern_loop *loop)
{
	loop_holds = 0;
	if (!loop)
		return;
	loop->dispatching = false;
	loop->held = 0;
	if (loop->freed)
		loop_end(loop);
	else
		loop_free(loop);
}

/* ---- turns ---- */

/* A task that is queued again while this runs waits for the next time, which in a turn with restless ones is in this turn. */
static void loop_run_tasks(struct postern_loop *loop)
{
	list_splice(&loop->running, &loop->tasks);
	while (!list_is_empty(&loop->running)) {
		struct object *o = container_of(loop->running.next, struct object, task);

		list_remove(&o->task);
		o->ops->run(o);
		if (loop_check(loop) < 0)
			return;
	}
}

static int loop_set_timer(struct postern_loop *loop)
{
	int64_t at = loop->heap.n > 0 ? loop->heap.objects[0]->at_ns : POSTERN_FOREVER;
	int r;

	/* A timerfd that is set too early is left alone: an extra wake-up is cheaper than setting it
	   for each deadline that is cancelled in time. 0: it has expired and must be set. */
	if (loop->timer_at_ns != 0 && loop->timer_at_ns <= at)
		return 0;
	r = sys_timerfd_set(loop->timer.fd, at);
	if (r == 0)
		loop->timer_at_ns = at;
	return r;
}

/* The end of a turn, after its callbacks. */
static int loop_turn_result(struct postern_loop *loop, int n)
{
	int r = loop_check(loop);

	if (r == 0)
		r = loop_set_timer(loop);
	if (r == 0 && loop->error < 0) {
		r = loop->error;
		loop->error = 0;
	}
	return r < 0 ? r : n;
}

/* Events fetched at the beginning of the turn may be outdated by the callbacks before this one: an event that is no
   longer wanted is not reported, nor one for an earlier descriptor or mask. If the mask has changed in this
   turn, poll the descriptor itself, unless the event is one that probe() has received for: no longer there, and certain. */
static void loop_tell(struct object *o, uint32_t events)
{
	if (o->mask == WATCH_OFF)
		return;
	if (o->asked == o->loop->turn && o != o->loop->spin.early) {
		int r = sys_poll(o->fd, o->mask);

		/* If that fails, the event comes again, since it is level-triggered. Remnants (conn/flight.c) are not, but no turn has
		   events of those that were made in it. */
		events = r > 0 ? (uint32_t)r : 0;
	}
	events &= o->mask | EPOLLHUP | EPOLLERR;
	if (events)
		o->ops->ready(o, events);
}

/* Is somebody else there than the one that is heard of all the time? The loop's own two descriptors are nobody. */
static void loop_hear(struct postern_loop *loop, const struct epoll_event *events, int n)
{
	if (loop->shared > 0)
		loop->shared--;
	for (int i = 0; i < n; i++) {
		const void *o = events[i].data.ptr;

		if (o == loop->heard || o == &loop->event || o == &loop->timer)
			continue;
		if (loop->heard)
			loop->shared = LOOP_SHARED;
		loop->heard = o;
	}
}

static uint32_t *loop_user(struct object *o)
{
	return o->mask != WATCH_OFF && o->ops->user ? o->ops->user(o) : NULL;
}

/* How long it waits for a visit, and before that how long its user does. */
static uint64_t loop_age(struct object *o)
{
	uint32_t now = o->loop->visits;
	const uint32_t *user = loop_user(o);

	return (uint64_t)(now - (user ? *user : o->restless)) << 32 | (now - o->restless);
}

static int loop_oldest(const struct epoll_event *events, int n)
{
	int oldest = 0;

	for (int i = 1; i < n; i++)
		if (loop_age(events[i].data.ptr) > loop_age(events[oldest].data.ptr))
			oldest = i;
	return oldest;
}

static void loop_visit_restless(struct object *o, uint32_t events)
{
	uint32_t *user = loop_user(o);

	o->loop->visits++;
	if (user)
		*user = o->loop->visits;
	loop_tell(o, events);
}

/* At least one in each turn. epoll reports the others again. */
static void loop_tell_restless(struct postern_loop *loop, struct epoll_event *events, int n)
{
	do {
		int i = loop_oldest(events, n);
		struct epoll_event next = events[i];

		events[i] = events[--n];
		loop_visit_restless(next.data.ptr, next.events);
		if (loop_check(loop) < 0)
			return;
	} while (n > 0 && loop->spent < LOOP_TURN);
	while (n > 0) {
		struct object *o = events[--n].data.ptr;

		if (o->mask != WATCH_OFF && o->ops->deferred)
			o->ops->deferred(o);
	}
}

/* The restless ones last. */
static void loop_tell_all(struct postern_loop *loop, struct epoll_event *events, int n)
{
	int restless = 0;

	loop->spent = 0;
	/* The fast path of one that is alone. */
	if (n == 1 && events->data.ptr == loop->heard) {
		loop->shared -= loop->shared > 0;
		loop_tell(events->data.ptr, events->events);
		return;
	}
	loop_hear(loop, events, n);
	for (int i = 0; i < n; i++) {
		struct object *o = events[i].data.ptr;

		if (o->restless && n > 1 && o->mask != WATCH_OFF)
			events[restless++] = events[i];
		else
			loop_tell(o, events[i].events);
		if (loop_check(loop) < 0)
			return;
	}
	if (restless == 0)
		return;
	/* The answers to the others do not wait for them. */
	if (restless < n)
		loop_run_tasks(loop);
	if (loop_check(loop) == 0)
		loop_tell_restless(loop, events, restless);
}

/* Called with cancellation disabled. */
static int loop_turn_uncancelled(struct postern_loop *loop, int timeout_ms, int cancel)
{
	struct epoll_event events[LOOP_EVENTS];
	int n;

	if (!list_is_empty(&loop->tasks))
		timeout_ms = 0;
	loop_calls(loop, NULL);
	n = loop_wait(loop, events, timeout_ms, cancel);
	if (n == -EINTR)
		n = 0;
	if (n < 0)
		return n;
	loop_hold(loop);
	loop->dispatching = true;
	loop->now_ns = 0;
	loop->turn++;
	loop_tell_all(loop, events, n);
	if (loop_check(loop) == 0 && !list_is_empty(&loop->tasks)) {
		n++;
		loop_run_tasks(loop);
	}
	loop->dispatching = false;
	n = loop_turn_result(loop, n);
	loop_release(loop);
	return n;
}

static int loop_turn(struct postern_loop *loop, int timeout_ms)
{
	int r, cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = loop_turn_uncancelled(loop, timeout_ms, cancel);
	pthread_setcancelstate(cancel, &cancel);
	return r;
}

/* 0 if a turn may begin here. */
static int loop_enter(const struct postern_loop *loop)
{
	int r = loop ? loop_check(loop) : -EINVAL;

	return r == 0 && loop->dispatching ? -EDEADLK : r;
}

int postern_loop_dispatch(struct postern_loop *loop, int64_t timeout_ns)
{
	int64_t ms;
	int r = loop_enter(loop);

	if (r < 0)
		return r;
	/* Rounded up, else the last millisecond would be a busy wait. Timers have their own descriptor, so
	   their precision is not at stake. */
	ms = timeout_ns <= 0 ? 0 : (timeout_ns - 1) / 1000000 + 1;
	r = loop_turn(loop, timeout_ns == POSTERN_FOREVER || ms > INT_MAX ? -1 : (int)ms);
	if (r >= 0 && !list_is_empty(&loop->tasks))
		loop_wake(loop);
	return r;
}

int postern_loop_run(struct postern_loop *loop)
{
	int r = loop_enter(loop);

	if (r < 0)
		return r;
	while (!atomic_exchange(&loop->stopping, false)) {
		r = loop_turn(loop, -1);
		if (r < 0)
			return r;
	}
	if (!list_is_empty(&loop->tasks))
		loop_wake(loop);
	return 0;
}

void postern_loop_stop(struct postern_loop *loop)
{
	if (!loop || !loop_is_ours(loop))
		return;
	atomic_store(&loop->stopping, true);
	loop_wake(loop);
}

int postern_loop_fd(const struct postern_loop *loop)
{
	int r;

	if (!loop)
		return -EINVAL;
	r = loop_check(loop);
	return r < 0 ? r : loop->epoll;
}

int postern_loop_set_log(struct postern_loop *loop, postern_log_fn *fn, void *data)
{
	int r;

	if (!loop)
		return -EINVAL;
	r = loop_check(loop);
	if (r < 0)
		return r;
	loop->log = fn;
	loop->log_data = data;
	return 0;
}
