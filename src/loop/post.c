/* SPDX-License-Identifier: Apache-2.0 */
/*
 * post.c - calls posted from other threads
 *
 * A ring under a mutex. A lock-free list would need a node per post; the mutex is held for a few
 * instructions, and one eventfd write (skipped while the loop is awake anyway) costs far more.
 */
#include <errno.h>

#include "loop/loop.h"

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
}

/* Every post is called, so that its data can be released. */
void post_cancel(struct post_queue *q)
{
	struct post p;

	while (post_take(q, &p))
		p.fn(NULL, p.data);
}

void post_deinit(struct post_queue *q, bool ours)
{
	/* In a child process another thread may have held it. */
	if (q->made && ours)
		pthread_mutex_destroy(&q->mutex);
	sys_free(q->ring);
}
