/* SPDX-License-Identifier: Apache-2.0 */
/* relay-plan.h - what a direction of postern relay does with the bytes that have come: decisions only */
#ifndef POSTERN_RELAY_PLAN_H
#define POSTERN_RELAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message that is longer goes on in parts. One of Varlink has at most 4 MiB. */
#define RELAY_HELD ((4u << 20) + 65536u)

enum relay_then { RELAY_CLOSE, RELAY_RESET, RELAY_HALF_CLOSE, RELAY_STALL };

/* Bits. */
enum { RELAY_TO_CLIENT = 1, RELAY_TO_SERVER = 2 };

/* Messages and bytes are counted from 1, bytes as they are sent; 0: not this one. */
struct relay_faults {
	uint32_t        to;
	int             framing;   /* POSTERN_FRAMING_LINES or _NUL; 0: whichever ends the first message */
	int64_t         delay_ns;  /* before each message */
	uint32_t        rate;      /* bytes a second */
	uint32_t        split;     /* bytes a write */
	uint32_t        glue;      /* messages that wait for each other */
	uint32_t        drop;
	uint32_t        duplicate;
	uint32_t        corrupt;   /* byte */
	uint32_t        half;      /* after a half of this message, then */
	uint32_t        after;     /* after this message, then */
	uint32_t        at_byte;   /* in place of this byte, then */
	enum relay_then then;
};

/* Zeroed, and faults set. */
struct relay_plan {
	struct relay_faults faults;
	int      framing;
	uint64_t messages;  /* begun */
	uint64_t sent;      /* bytes */
	size_t   ready;     /* bytes that are decided on, the first ones that are there */
	size_t   at;        /* of them, sent and still needed for the second copy */
	uint32_t together;  /* messages of --glue that go without waiting */
	bool     twice;
	bool     waited;    /* the delay of the next message */
	bool     inside;    /* a message that is longer than RELAY_HELD */
	bool     dropping;  /* which is dropped */
	bool     ends;      /* after what is ready */
	char     said[96];  /* the fault that happens, for the caller to show and empty */
};

enum relay_does {
	RELAY_WANT,  /* more bytes */
	RELAY_WAIT,  /* .wait_ns, then ask again */
	RELAY_SEND,  /* .n bytes from .from on, then relay_plan_sent() */
	RELAY_SKIP,  /* .n bytes are taken and not sent */
	RELAY_END,   /* faults.then; not to be asked again */
};

struct relay_step {
	enum relay_does does;
	size_t  from, n;
	bool    corrupt;  /* the one byte is sent as relay_corrupt() */
	int64_t wait_ns;
};

/* bytes: all n that have come and were not taken; last: no more will. */
struct relay_step relay_plan_next(struct relay_plan *p, const char *bytes, size_t n, bool last);
/* How many of the bytes are done with, when n of a step's were sent; *ret_wait_ns: not to be asked for this long. */
size_t relay_plan_sent(struct relay_plan *p, size_t n, int64_t *ret_wait_ns);
/* Its end is due, though no more bytes may come. */
bool   relay_plan_is_over(const struct relay_plan *p);
/* Another byte: never the end of a message, and never in UTF-8. */
char   relay_corrupt(char byte);

/* The faults of a connection, counted from 1; always the same for a seed. */
struct relay_faults relay_random(uint32_t seed, uint64_t connection);
/* As options of the command. */
void relay_faults_text(const struct relay_faults *f, char *text, size_t size);
/* The word of --then. */
extern const char *const relay_then_words[];

#endif
