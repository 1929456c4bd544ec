/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk.h - bytes that wait to be sent: a queue of fixed-size chunks, with a pool per loop
 *
 * Chunks rather than one growing buffer: a queue of 8 MiB is never moved, its head is released as soon as
 * the kernel has it, and in steady state a turn's writes take the same warm chunk from the pool and return
 * it, so that no message allocates.
 *
 * 16 KiB: one sendmsg of a few chunks fills the kernel's default send buffer (208 KiB), and a connection with a single
 * queued byte does not hold much. It is the bytes that are a power of two, so that writes of one fill their last chunk.
 *
 * The pool keeps as many chunks as were in use at once lately: an event to 1,000 connections takes 1,000 of them in one turn,
 * and memory that goes back to the kernel in between is faulted in again, page by page. "Lately" is this window and the last one,
 * of CHUNK_WINDOW chunks that came back; no clock is read. It keeps CHUNK_POOL in any case (1 MiB a loop), CHUNK_POOL_MAX at most
 * (16 MiB, of which pages that no message has reached were never there). A loop that is idle for good does not shrink: that takes a
 * timer in each loop, for memory that is bounded.
 */
#ifndef POSTERN_CHUNK_H
#define POSTERN_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

enum { CHUNK_BYTES = 16 * 1024, CHUNK_POOL = 64, CHUNK_POOL_MAX = 1024, CHUNK_WINDOW = 4096 };

/* room: reserved for bytes that are built in place, behind `at`; only while nothing has been appended, at == end. */
struct chunk {
	struct chunk *next;
	uint32_t      begin, end;
	uint32_t      at;
	uint16_t      room, framing; /* of those bytes: 0, or POSTERN_FRAMING_... */
	char          bytes[CHUNK_BYTES];
};
enum { CHUNK_SIZE = sizeof(struct chunk) };

struct chunk_pool {
	struct chunk *free;
	uint32_t      n;
	uint32_t      used;         /* are in queues */
	uint32_t      most, before; /* at once, in this window and in the last one */
	uint32_t      returned;     /* in this window */
};

struct chunk_queue {
	struct chunk *head, *tail;
	uint32_t      bytes, chunks;
};

/* How many bytes can be appended without another chunk, and in one piece. */
static inline size_t chunk_queue_spare(const struct chunk_queue *q)
{
	return q->tail ? sizeof(q->tail->bytes) - q->tail->end : 0;
}

/* For bytes that do not fit into the last chunk. A queue is less than 4 GiB: its users have a high-water mark of 32 bits. */
size_t chunk_queue_append_slowly(struct chunk_queue *q, struct chunk_pool *pool, const void *bytes, size_t n);

/* Appends as many bytes as memory allows and returns how many. */
static inline size_t chunk_queue_append(struct chunk_queue *q, struct chunk_pool *pool, const void *bytes,
                                        size_t n)
{
	struct chunk *c = q->tail;

	if (!c || n > sizeof(c->bytes) || c->end > sizeof(c->bytes) - n)
		return chunk_queue_append_slowly(q, pool, bytes, n);
	memcpy(c->bytes + c->end, bytes, n);
	c->end += (uint32_t)n;
	q->bytes += (uint32_t)n;
	return n;
}

/* Appends a chunk if there is no room for n bytes in one piece, n at most CHUNK_PIECE: then the last chunk is at least half
   full, so that what is left free in it, and sent past, is never more than what is queued. false: out of memory. */
enum { CHUNK_PIECE = CHUNK_BYTES / 2 };
bool   chunk_queue_extend(struct chunk_queue *q, struct chunk_pool *pool, size_t n);
/* n bytes that have been written behind the last one, into the spare room. */
static inline void chunk_queue_commit(struct chunk_queue *q, size_t n)
{
	q->tail->end += (uint32_t)n;
	q->bytes += (uint32_t)n;
}

/* Describes the first bytes of the queue; returns how many elements of iov it used. */
int    chunk_queue_peek(const struct chunk_queue *q, struct iovec *iov, int n_iov);
void   chunk_queue_consume(struct chunk_queue *q, struct chunk_pool *pool, size_t n);
/* Drops bytes from the end, so that this many are left. */
void   chunk_queue_shorten(struct chunk_queue *q, struct chunk_pool *pool, size_t bytes);
void   chunk_queue_clear(struct chunk_queue *q, struct chunk_pool *pool);
void   chunk_pool_deinit(struct chunk_pool *pool);

#endif
