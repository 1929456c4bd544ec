/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post.c - calls posted from other threads
 *
 * A ring under a mutex. A lock-free list would need a node per post; the mutex is held for a few
 * instructions, and one eventfd write (skipped while the loop is awake anyway) costs far more.
 *
 * What must never fail for want of room brings its own node: a list under a mutex of its own, in a box that outlives
 * the loop.
 */
#include <errno.h>

#include "loop/loop.h"

/* ---- posts that need no room ---- */

static int post_box_new(struct postern_loop *loop, struct post_box **ret)
{
	struct post_box *box = sys_alloc(sizeof(*box));
	int r;

	if (!box)
		return -ENOMEM;
	r = -pthread_mutex_init(&box->mutex, NULL);
	if (r < 0) {
		sys_free(box);
		return r;
	}
	list_init(&box->nodes);
	box->loop = loop;
	box->generation = loop->generation;
	atomic_init(&box->references, 1);
	*ret = box;
	return 0;
}

int post_box_get(struct postern_loop *loop, struct post_box **ret)
{
	struct post_box **own = &loop->posts.box;
	int r = *own ? 0 : post_box_new(loop, own);

	if (r == 0)
		*ret = post_box_ref(*own);
	return r;
}

struct post_box *post_box_ref(struct post_box *box)
{
	atomic_fetch_add(&box->references, 1);
	return box;
}

void post_box_unref(struct post_box *box)
{
	if (!box || atomic_fetch_sub(&box->references, 1) > 1)
		return;
	/* In a child process another thread may have held it. */
	if (box->generation == fork_generation())
		pthread_mutex_destroy(&box->mutex);
	sys_free(box);
}

/* The loop cannot go while the mutex is held: post_box_close() needs it. */
int post_box_add(struct post_box *box, struct post_node *node, void (*fn)(void), void *data)
{
	bool busy, gone;

	if (box->generation != fork_generation())
		return -ECHILD;
	pthread_mutex_lock(&box->mutex);
	busy = list_is_linked(&node->link);
	gone = !box->loop;
	if (!busy && !gone) {
		node->fn = fn;
		node->data = data;
		list_append(&box->nodes, &node->link);
		loop_wake(box->loop);
	}
	pthread_mutex_unlock(&box->mutex);
	if (busy)
		return -EBUSY;
	if (gone)
		node->call(node, fn, data);
	return 0;
}

void post_box_remove(struct post_box *box, struct post_node *node)
{
	if (box->generation != fork_generation())
		return;
	pthread_mutex_lock(&box->mutex);
	list_remove(&node->link);
	pthread_mutex_unlock(&box->mutex);
}

/* The first one; NULL. From when it is taken out another thread may post it again, so what it was posted with is taken
   out too. */
static struct post_node *post_box_take(struct post_box *box, struct post_node *ret)
{
	struct post_node *node = NULL;

	pthread_mutex_lock(&box->mutex);
	if (!list_is_empty(&box->nodes)) {
		node = container_of(box->nodes.next, struct post_node, link);
		list_remove(&node->link);
		*ret = *node;
	}
	pthread_mutex_unlock(&box->mutex);
	return node;
}

static bool post_box_waits(struct post_box *box)
{
	bool some;

	pthread_mutex_lock(&box->mutex);
	some = !list_is_empty(&box->nodes);
	pthread_mutex_unlock(&box->mutex);
	return some;
}

/* At most a turn's share. */
static void post_box_run(struct postern_loop *loop)
{
	struct post_box *box = loop->posts.box;
	struct post_node *node, taken;

	for (int i = 0; box && i < LOOP_POSTS_TURN && loop_check(loop) == 0; i++) {
		node = post_box_take(box, &taken);
		if (!node)
			return;
		loop_calls(loop, "post");
		taken.call(node, taken.fn, taken.data);
	}
	if (box && loop_check(loop) == 0 && post_box_waits(box))
		loop_wake(loop);
}

/* What is posted from now on is called at once; what waits is called here. */
static void post_box_close(struct post_box *box)
{
	struct post_node *node, taken;

	if (!box)
		return;
	pthread_mutex_lock(&box->mutex);
	box->loop = NULL;
	pthread_mutex_unlock(&box->mutex);
	while ((node = post_box_take(box, &taken)))
		taken.call(node, taken.fn, taken.data);
}

/* ---- posts ---- */

int post_init(struct post_queue *q)
{
	int r = -pthread_mutex_init(&q->mutex, NULL);

	q->made = r == 0;
	return r;
}

static int post_grow(struct post_queue *q)
{
	uint32_t capacity = q->capacity ? 2 * q->capacity : 64;
	struct post *ring;

	if (q->n == LOOP_POSTS)
		return -EAGAIN;
	ring = sys_alloc(capacity * sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->n; i++)
		ring[i] = q->ring[(q->begin + i) & (q->capacity - 1)];
	sys_free(q->ring);
	q->ring = ring;
	q->capacity = capacity;
	q->begin = 0;
	return 0;
}

int postern_loop_post(struct postern_loop *loop, postern_fn *fn, void *data)
{
	struct post_queue *q;
	int r = 0;

	if (!loop || !fn)
		return -EINVAL;
	if (!loop_is_ours(loop))
		return -ECHILD;
	q = &loop->posts;
	pthread_mutex_lock(&q->mutex);
	if (loop->freed)
		r = -ESTALE;
	else if (q->n == q->capacity)
		r = post_grow(q);
	if (r == 0)
		q->ring[(q->begin + q->n++) & (q->capacity - 1)] = (struct post){ fn, data };
	pthread_mutex_unlock(&q->mutex);
	if (r == 0)
		loop_wake(loop);
	return r;
}

static bool post_take(struct post_queue *q, struct post *ret)
{
	bool some;

	pthread_mutex_lock(&q->mutex);
	some = q->n > 0;
	if (some) {
		*ret = q->ring[q->begin];
		q->begin = (q->begin + 1) & (q->capacity - 1);
		q->n--;
	}
	pthread_mutex_unlock(&q->mutex);
	return some;
}

/* Calls the posts that wait now, at most a turn's share; posts made by them wait for the next turn. */
void post_run(struct postern_loop *loop)
{
	struct post_queue *q = &loop->posts;
	struct post p;
	uint32_t n, i;
	bool more;

	pthread_mutex_lock(&q->mutex);
	n = q->n < LOOP_POSTS_TURN ? q->n : LOOP_POSTS_TURN;
	pthread_mutex_unlock(&q->mutex);
	for (i = 0; i < n && loop_check(loop) == 0 && post_take(q, &p); i++) {
		loop_calls(loop, "post");
		p.fn(loop, p.data);
	}
	if (loop_check(loop) < 0)
		return;
	pthread_mutex_lock(&q->mutex);
	more = q->n > 0;
	pthread_mutex_unlock(&q->mutex);
	if (more)
		loop_wake(loop);
	post_box_run(loop);
}

/* Every post is called, so that its data can be released. */
void post_cancel(struct post_queue *q)
{
	struct post p;

	while (post_take(q, &p))
		p.fn(NULL, p.data);
	post_box_close(q->box);
}

void post_deinit(struct post_queue *q, bool ours)
{
	/* In a child process another thread may have held it. */
	if (q->made && ours)
		pthread_mutex_destroy(&q->mutex);
	sys_free(q->ring);
	post_box_unref(q->box);
}
