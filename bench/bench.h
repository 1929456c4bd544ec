/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every program of the benchmark does in the same way, so that only the transport differs: arguments, pinning,
 * what is sent, what is checked, the measured section, the result. bench.c has main().
 *
 * A contender is one program with both ends. It defines peer_run() and sets bench.ops; it asks bench_out() what to
 * send on a link, and hands what it received to bench_in() (client) or bench_receive() (server). The works:
 *
 *   echo     the server sends back what it gets; each link has `depth` messages in flight
 *   stream   one way on one link; the server sums up what it got, and its sum, sent at the end, has to be the client's
 *   connect  a link is made, carries one message there and back, and is closed: one after the other
 *   idle     as many links as asked for, with one message each; what memory they hold then
 *   events   the client asks, the server sends one message to each of its links
 *   load     open loop: messages have times at which they are to be sent, whatever the server does, and latency counts
 *            from there, so that a stall counts for all that would have been sent in it; this end is raw.c's
 *
 * But for stream and connect, each link begins with a message there and back that is not measured, so that all are
 * accepted before anything is. A warm-up follows. Everything that comes back is compared with what was sent, by a sum
 * that depends on the order of all words.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	BENCH_OUT = 256 * 1024, /* at most in one write */
	BENCH_READ = 64 * 1024, /* the read buffer of every program that brings its own */
	BENCH_ANSWER = 16,      /* what a server answers to a stream */
	BENCH_LIMIT_S = 60,     /* a program that takes longer is killed by its own alarm */
	BENCH_OPENING = 64,     /* links that are being made at once, below every backlog */
	BENCH_BACKLOG = 128,
	BENCH_BUCKETS = 64 * 32, /* of latencies: 32 for each power of two, so within 3 % */
};

enum { BENCH_WORK_ECHO, BENCH_WORK_STREAM, BENCH_WORK_CONNECT, BENCH_WORK_IDLE, BENCH_WORK_EVENTS, BENCH_WORK_LOAD };

/* What a server does with what it received. */
enum { BENCH_NOTHING, BENCH_ECHO /* send it back */, BENCH_SUM /* send .answer */, BENCH_EVENT /* .event to all links */ };

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
	uint64_t memory; /* bytes that are allocated; of idle only */
	uint64_t done;   /* messages until here */
};

/* One end of a connection, at the client. */
struct bench_link {
	struct bench_sum out, in;
	uint64_t sent, got; /* bytes */
	size_t left;        /* to be sent of the message that has begun */
	bool ready;
};

struct bench;
struct bench_ops {
	void (*open)(struct bench *b, size_t link);  /* connect it, then pump it */
	void (*pump)(struct bench *b, size_t link);  /* send what bench_out() has */
	void (*close)(struct bench *b, size_t link); /* may be NULL but for connect */
	void (*stop)(struct bench *b);               /* end peer_run(); .stopped is set. NULL: that is enough */
};

struct bench {
	const struct bench_ops *ops;
	void *peer; /* the contender's */
	const char *path;
	int work;
	bool server, stopped;
	bool frames; /* whole messages in place of bytes, where a contender has both */
	bool text;   /* messages are letters; set by the contender */
	size_t size, depth, connections;
	size_t room;   /* at most this much is made for one write */
	size_t sndbuf; /* 0: the system's */
	int64_t spin_ns;   /* wait without sleeping, so long at most */
	int64_t delay_ns;  /* raw's server answers so late */
	int64_t period_ns; /* of load */
	uint64_t warmup, total; /* messages, total with the warm-up */

	struct bench_link *links;
	size_t opened, ready, heard;
	bool started;
	uint64_t claimed, done; /* messages begun, and ended */
	uint64_t due;           /* load: that may have begun */
	int64_t start_ns;       /* load: of the first message */
	uint64_t *latencies;

	uint64_t bytes; /* received by the server */
	size_t peers;   /* links that the server has */
	struct bench_sum sum;
	unsigned char answer[BENCH_ANSWER];
	size_t answered;
	unsigned char *event;

	struct bench_mark begin, end;
};

/* ---- A contender defines ---- */
extern const char *const peer_name;
const char *peer_version(void);
/* Runs the server, or the client, until .stopped, and releases everything. */
void peer_run(struct bench *b);

/* ---- and calls ---- */
/* The server accepts connections. */
void bench_ready(struct bench *b);
/* The client begins: opens links. */
void bench_open(struct bench *b);
/* Client: n bytes came on a link; true when it is to be pumped. */
bool bench_in(struct bench *b, size_t link, const void *bytes, size_t n);
/* Server: n bytes came on some link: BENCH_ECHO and so on. */
int bench_receive(struct bench *b, const void *bytes, size_t n);
/* Server: a link was accepted, or has gone; after the last one of all .stopped is set. */
void bench_joined(struct bench *b);
void bench_gone(struct bench *b);
int64_t bench_now(void);
__attribute__((noreturn)) void bench_die(const char *what, int error);
/* Client: may a message begin on this link? Then it has. */
bool bench_claim(struct bench *b, struct bench_link *l);

static inline void bench_sum_word(struct bench_sum *s, uint64_t word)
{
	s->a += word;
	s->b += s->a;
}

static inline void bench_sum_add(struct bench_sum *s, const void *bytes, size_t n)
{
	const unsigned char *p = (const unsigned char *)bytes;
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

/* The word at this place of a link's stream. */
static inline uint64_t bench_word(const struct bench *b, uint64_t at)
{
	uint64_t word = at / 8 * UINT64_C(0x9e3779b97f4a7c15);

	return b->text ? (word & UINT64_C(0x0f0f0f0f0f0f0f0f)) | UINT64_C(0x6060606060606060) : word;
}

static inline void bench_write(const struct bench *b, uint64_t at, void *to, size_t n)
{
	unsigned char *p = (unsigned char *)to;
	uint64_t word;

	for (; n && at % 8; n--, at++) {
		word = bench_word(b, at);
		*p++ = ((unsigned char *)&word)[at % 8];
	}
	for (; n >= 8; n -= 8, at += 8, p += 8) {
		word = bench_word(b, at);
		memcpy(p, &word, 8);
	}
	word = bench_word(b, at);
	memcpy(p, &word, n);
}

/* Client: makes what is to be sent on a link now, at most room bytes, and returns how many; 0: nothing. With a room of
   .size these are whole messages. */
static inline size_t bench_out(struct bench *b, size_t link, void *to, size_t room)
{
	struct bench_link *l = &b->links[link];
	size_t n = 0, piece;

	while (n < room) {
		if (!l->left) {
			if (!(b->work == BENCH_WORK_STREAM
				      ? b->claimed < (b->begin.wall_ns ? b->total : b->warmup) && ++b->claimed
				      : bench_claim(b, l)))
				break;
			l->left = b->size;
		}
		piece = l->left < room - n ? l->left : room - n;
		/* What is sent to be told to others says the same each time. */
		bench_write(b, b->work == BENCH_WORK_EVENTS ? 0 : l->sent, (unsigned char *)to + n, piece);
		bench_sum_add(&l->out, (unsigned char *)to + n, piece);
		l->sent += piece;
		l->left -= piece;
		n += piece;
	}
	return n;
}

/* ---- The rest of a write that fell short, for contenders that have to keep it themselves ---- */

struct bench_rest {
	unsigned char *bytes;
	size_t n, at;
	bool copied;
};

void bench_rest_keep(struct bench *b, struct bench_rest *r, const void *bytes, size_t n);
/* n of it were sent; true when that was all. */
bool bench_rest_sent(struct bench_rest *r, size_t n);

#ifdef __cplusplus
}
#endif
#endif
