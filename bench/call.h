/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every program of the benchmark of calls does in the same way. A call carries 200 bytes, its answer is equal to
 * it, and the client compares the two. The client keeps as many calls in flight as a batch has
 * messages (--batch): it makes the next one for each answer.
 *
 * The 200 bytes are an object of JSON with a number and a text. Postern carries them as typed parameters: decoded,
 * checked, and encoded again at each end, with its envelope around them. The others carry them as a
 * string, or as bytes, and look at nothing in them.
 */
#ifndef BENCH_CALL_H
#define BENCH_CALL_H

#include "bench.h"

enum {
	CALL_SIZE = 200,
	CALL_DIGITS = 7,
	CALL_FIRST = 1000000, /* the first id: all have as many digits */
	CALL_ID = sizeof("{\"id\":") - 1,
	CALL_TEXT = CALL_SIZE - (int)sizeof("{\"id\":1000000,\"text\":\"\"}") + 1,
};

struct call {
	struct bench bench;
	uint64_t done; /* calls that the client has an answer to, or that the server has answered */
	char message[CALL_SIZE + 1];
	char expected[CALL_SIZE + 1];
};

static inline void call_init(struct call *c, const char *peer, const char *version, int argc, char **argv)
{
	memset(c, 0, sizeof(*c));
	bench_init(&c->bench, peer, version, argc, argv);
	if (c->bench.stream || c->bench.total > 8 * CALL_FIRST)
		bench_die("calls are echoes, at most eight million of them", 0);
	memset(c->message, 'x', CALL_SIZE);
	memcpy(c->message, "{\"id\":1000000,\"text\":\"", CALL_SIZE - CALL_TEXT - 2);
	memcpy(c->message + CALL_SIZE - 2, "\"}", 2);
	memcpy(c->expected, c->message, sizeof(c->expected));
}

static inline void call_write_id(char *message, uint64_t id)
{
	for (int i = CALL_DIGITS - 1; i >= 0; i--, id /= 10)
		message[CALL_ID + i] = (char)('0' + id % 10);
}

/* Client: may another call be made? */
static inline bool call_more(const struct call *c)
{
	return c->bench.sent < c->bench.total && c->bench.sent - c->done < c->bench.batch;
}

/* Client: the id of the next call. */
static inline int64_t call_next(struct call *c)
{
	return CALL_FIRST + (int64_t)c->bench.sent++;
}

/* Client: the next call's 200 bytes, in c->message. */
static inline void call_fill(struct call *c)
{
	call_write_id(c->message, (uint64_t)call_next(c));
}

/* Both: one more is done. False when that was the last. */
static inline bool call_count(struct call *c)
{
	if (++c->done == c->bench.warmup)
		bench_mark(&c->bench.begin);
	if (c->done < c->bench.total)
		return true;
	bench_mark(&c->bench.end);
	return false;
}

/* Client: an answer, of which there is one for each call, in their order. False when that was the last. */
static inline bool call_answer(struct call *c, const void *bytes, size_t n)
{
	call_write_id(c->expected, CALL_FIRST + c->done);
	if (n != CALL_SIZE || memcmp(bytes, c->expected, CALL_SIZE))
		bench_die("the answer is not what it should be", 0);
	return call_count(c);
}

#endif
