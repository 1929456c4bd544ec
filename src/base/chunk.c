/* SPDX-License-Identifier: Apache-2.0 */
/* chunk.c - see chunk.h */
#include "base/chunk.h"

#include <assert.h>
#include <string.h>

#include "sys/sys.h"

static struct chunk *chunk_get(struct chunk_pool *pool)
{
	struct chunk *c = pool->free;

	if (c) {
		pool->free = c->next;
		pool->n--;
	} else {
		c = sys_alloc(sizeof(*c));
		if (!c)
			return NULL;
	}
	if (++pool->used > pool->most)
		pool->most = pool->used;
	c->next = NULL;
	c->begin = c->end = 0;
	c->room = 0;
	return c;
}

/* How many free ones it keeps. */
static uint32_t chunk_pool_keep(const struct chunk_pool *pool)
{
	uint32_t most = pool->most > pool->before ? pool->most : pool->before;

	if (most > CHUNK_POOL_MAX)
		most = CHUNK_POOL_MAX;
	if (most < CHUNK_POOL)
		most = CHUNK_POOL;
	return most > pool->used ? most - pool->used : 0;
}

static void chunk_pool_drop(struct chunk_pool *pool)
{
	struct chunk *c = pool->free;

	pool->free = c->next;
	pool->n--;
	sys_free(c);
}

static void chunk_put(struct chunk_pool *pool, struct chunk *c)
{
	uint32_t keep;

	pool->used--;
	if (++pool->returned == CHUNK_WINDOW) {
		pool->before = pool->most;
		pool->most = pool->used;
		pool->returned = 0;
	}
	c->next = pool->free;
	pool->free = c;
	if (++pool->n <= CHUNK_POOL / 2)
		return;
	/* Two at most for one that comes: no turn pays for all that the last one needed. */
	keep = chunk_pool_keep(pool);
	for (int i = 0; i < 2 && pool->n > keep; i++)
		chunk_pool_drop(pool);
}

/* A new last one. */
static struct chunk *chunk_queue_grow(struct chunk_queue *q, struct chunk_pool *pool)
{
	struct chunk *c = chunk_get(pool);

	if (!c)
		return NULL;
	q->chunks++;
	if (q->tail)
		q->tail->next = c;
	else
		q->head = c;
	q->tail = c;
	return c;
}

static void chunk_queue_drop_head(struct chunk_queue *q, struct chunk_pool *pool)
{
	struct chunk *c = q->head;

	q->head = c->next;
	if (!q->head)
		q->tail = NULL;
	q->chunks--;
	chunk_put(pool, c);
}

bool chunk_queue_extend(struct chunk_queue *q, struct chunk_pool *pool, size_t n)
{
	return chunk_queue_spare(q) >= n || chunk_queue_grow(q, pool);
}

size_t chunk_queue_append_slowly(struct chunk_queue *q, struct chunk_pool *pool, const void *bytes,
				 size_t n)
{
	size_t done = 0;

	while (done < n) {
		struct chunk *c = q->tail;
		size_t take;

		if (!c || c->end == sizeof(c->bytes))
			c = chunk_queue_grow(q, pool);
		if (!c)
			break;
		take = sizeof(c->bytes) - c->end;
		if (take > n - done)
			take = n - done;
		memcpy(c->bytes + c->end, (const char *)bytes + done, take);
		c->end += (uint32_t)take;
		done += take;
	}
	q->bytes += (uint32_t)done;
	return done;
}

int chunk_queue_peek(const struct chunk_queue *q, struct iovec *iov, int n_iov)
{
	int n = 0;

	for (struct chunk *c = q->head; c && n < n_iov; c = c->next)
		iov[n++] = (struct iovec){ c->bytes + c->begin, c->end - c->begin };
	return n;
}

void chunk_queue_consume(struct chunk_queue *q, struct chunk_pool *pool, size_t n)
{
	assert(n <= q->bytes);
	q->bytes -= (uint32_t)n;
	while (n > 0) {
		struct chunk *c = q->head;
		size_t have;

		assert(c); /* else .bytes is wrong */
		have = c->end - c->begin;
		if (n < have) {
			c->begin += (uint32_t)n;
			return;
		}
		n -= have;
		chunk_queue_drop_head(q, pool);
	}
}

void chunk_queue_shorten(struct chunk_queue *q, struct chunk_pool *pool, size_t bytes)
{
	struct chunk *last = q->head;
	size_t left = bytes;

	assert(bytes <= q->bytes);
	if (bytes == 0) {
		chunk_queue_clear(q, pool);
		return;
	}
	for (; left > last->end - last->begin; last = last->next)
		left -= last->end - last->begin;
	last->end = last->begin + (uint32_t)left;
	last->room = 0;
	while (last->next) {
		struct chunk *c = last->next;

		last->next = c->next;
		q->chunks--;
		chunk_put(pool, c);
	}
	q->tail = last;
	q->bytes = (uint32_t)bytes;
}

void chunk_queue_clear(struct chunk_queue *q, struct chunk_pool *pool)
{
	q->bytes = 0;
	while (q->head)
		chunk_queue_drop_head(q, pool);
}

void chunk_pool_deinit(struct chunk_pool *pool)
{
	while (pool->free)
		chunk_pool_drop(pool);
}
