/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every program of the benchmark does in the same way, so that only the transport differs:
 * arguments, pinning, the work on each message, the measured section, the result.
 *
 * A program is a server or a client, and each is a process of its own. Both do one of two things:
 *
 *   echo     the client sends a message, the server sends it back, the client compares it; one in
 *            flight
 *   stream   the client writes messages, the server sums them up and answers once at the end; the
 *            client compares that sum with its own, so the time ends when all was received and read
 *
 * Each is done twice on one connection, for a warm-up and then for the measured section. In the
 * measured section a message costs this file the same few nanoseconds with every transport.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	BENCH_WORDS = 8,
	BENCH_SIZE = BENCH_WORDS * 8, /* of a message, in bytes */
	BENCH_BATCH_MAX = 4096,
	BENCH_READ = 64 * 1024, /* the read buffer of every program that brings its own */
	BENCH_LIMIT_S = 60,     /* a program that takes longer is killed by its own alarm */
};

/* Depends on the order of the words, and is cheap enough to vanish beside a system call. */
struct bench_sum {
	uint64_t a, b;
	uint64_t word; /* the part of a word that the last piece ended with */
	size_t held;   /* its bytes */
};

struct bench_mark {
	int64_t wall_ns;
	int64_t cpu_ns;
	uint64_t allocations;
};

struct bench {
	const char *peer;
	const char *version;
	const char *path;
	bool server;
	bool stream;
	uint64_t warmup;
	uint64_t total; /* with the warm-up */
	size_t batch;   /* messages that are sent at once; 1: each has its own write */
	int64_t spin_ns; /* before it sleeps, it polls so long, if it can; raw: it never sleeps. 0: none of it */
	long delay_ns;  /* the raw server answers an echo so late */

	uint64_t sent;  /* messages, by the client */
	uint64_t bytes; /* received by the server */
	struct bench_sum sum;
	uint64_t message[BENCH_WORDS]; /* the last one filled; what the reply must be equal to */
	unsigned char reply[BENCH_SIZE];
	size_t replied; /* bytes of reply */

	struct bench_mark begin, end;
};

/* Reads the arguments, pins the process, sets the alarm. */
void bench_init(struct bench *b, const char *peer, const char *version, int argc, char **argv);
/* Notifies the driver that the server accepts connections. */
void bench_ready(void);
void bench_mark(struct bench_mark *m);
/* Prints the result as a line of JSON. */
void bench_print(const struct bench *b);
_Noreturn void bench_die(const char *what, int error);

static inline void bench_sum_word(struct bench_sum *s, uint64_t word)
{
	s->a += word;
	s->b += s->a;
}

static inline void bench_sum_add(struct bench_sum *s, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t word;

	for (; n && s->held; n--, p++) {
		memcpy((unsigned char *)&s->word + s->held, p, 1);
		s->held = (s->held + 1) % sizeof(word);
		if (!s->held)
			bench_sum_word(s, s->word);
	}
	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		bench_sum_word(s, word);
	}
	if (n) {
		memcpy(&s->word, p, n);
		s->held = n;
	}
}

/* Server: true when the last message of the warm-up or of the measured section has arrived. */
static inline bool bench_receive(struct bench *b, const void *bytes, size_t n)
{
	if (b->stream)
		bench_sum_add(&b->sum, bytes, n);
	b->bytes += n;
	if (b->bytes == b->warmup * BENCH_SIZE) {
		bench_mark(&b->begin);
		return true;
	}
	if (b->bytes == b->total * BENCH_SIZE) {
		bench_mark(&b->end);
		return true;
	}
	if (b->bytes > b->total * BENCH_SIZE)
		bench_die("the client sent too much", 0);
	return false;
}

/* Both: the server's answer to a stream. */
static inline void bench_fill_sum(struct bench *b)
{
	memset(b->message, 0, sizeof(b->message));
	b->message[0] = b->sum.a;
	b->message[1] = b->sum.b;
}

/* Client: makes the next message, in b->message. */
static inline void bench_fill(struct bench *b)
{
	for (uint64_t i = 0; i < BENCH_WORDS; i++)
		b->message[i] = (b->sent * BENCH_WORDS + i) * UINT64_C(0x9e3779b97f4a7c15);
	if (b->stream)
		bench_sum_add(&b->sum, b->message, BENCH_SIZE);
	b->sent++;
}

/* Client: how many messages of a stream are left to be sent before the server answers. */
static inline uint64_t bench_left(const struct bench *b)
{
	return (b->begin.wall_ns ? b->total : b->warmup) - b->sent;
}

/* Client: true when a reply is complete, and then it was the right one. */
static inline bool bench_reply(struct bench *b, const void *bytes, size_t n)
{
	if (n > sizeof(b->reply) - b->replied)
		bench_die("the server sent too much", 0);
	memcpy(b->reply + b->replied, bytes, n);
	b->replied += n;
	if (b->replied < sizeof(b->reply))
		return false;
	if (b->stream)
		bench_fill_sum(b);
	if (memcmp(b->reply, b->message, sizeof(b->reply)))
		bench_die("the reply is not what it should be", 0);
	b->replied = 0;
	return true;
}

/* Client: after a reply; false when everything is done. */
static inline bool bench_next(struct bench *b)
{
	if (b->sent == b->warmup)
		bench_mark(&b->begin);
	if (b->sent < b->total)
		return true;
	bench_mark(&b->end);
	return false;
}

#endif
