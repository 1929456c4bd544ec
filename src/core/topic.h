/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.h - what a topic has published, and how far each of its subscribers has come
 *
 *   publications    #7 ----> #8 ----> #9 = last
 *                    ^        ^
 *   readers      A: 30 of     B: 0 of 200 bytes      C: has all
 *                200 bytes
 *
 * A publication is one block of bytes, encoded once and shared: the topic needs its last one, a reader the one that it
 * is at, and in a queue each publication the one behind it. Who needs none any more leaves it, and the last one to leave
 * puts it among the dead, whose memory the runtime takes back.
 *
 * A reader is at a publication and has got so many of its bytes. It never leaves one that has begun, since the peer would
 * read the rest of one message as that of another. What comes after that is the policy's:
 *
 *   LATEST   the last publication. A reader that has not begun with one goes on to the last one too; what it passes over
 *            is counted as skipped. So the last state always arrives, and nothing grows.
 *   QUEUE    the next one. When more than the limits wait for a reader, it overflows: nothing more is sent but how many
 *            publications it has not begun with. What waits for all readers is the same blocks, and so no more than the
 *            limits, and what has begun.
 *
 * The last value of all is a publication like the others, beyond the limits: with it a reader ends.
 *
 * Pure: no memory, no time, no calls. The simulation drives it between the machines of calls.
 */
#ifndef POSTERN_CORE_TOPIC_H
#define POSTERN_CORE_TOPIC_H

#include <stdbool.h>
#include <stdint.h>

enum { TOPIC_LATEST, TOPIC_QUEUE }; /* those of postern/topic.h */

/* A publication: the beginning of the runtime's struct of it. */
struct topic_item {
	struct topic_item *next;       /* in a queue, or among the dead */
	uint64_t           number;     /* from 1 on */
	uint64_t           before;     /* bytes of all that were published before it */
	uint32_t           n;          /* bytes */
	uint32_t           references;
	bool               ends;       /* the last one of all */
};

struct topic_limits {
	uint32_t policy;
	uint32_t messages;             /* QUEUE: that wait for one reader */
	uint64_t bytes;                /* the same */
	bool     stateless;            /* a reader begins with the next publication, and not with the last one */
};

struct topic {
	struct topic_limits limits;
	struct topic_item  *last;      /* NULL: nothing was published */
	struct topic_item  *dead;
	uint64_t            number, bytes; /* of all that was published */
	uint64_t            skipped;
};

struct topic_reader {
	struct topic_item *item;       /* that it is at; NULL: it has all */
	uint32_t           at;         /* bytes of it that went */
	uint64_t           begun;      /* the number of the last one that it has begun with, or that is not for it */
};

enum { TOPIC_WAITS, TOPIC_SENDS, TOPIC_OVERFLOWS };

/* Takes item, of n bytes. */
void topic_publish(struct topic *t, struct topic_item *item, uint32_t n, bool ends);
/* A new reader: topic_next() says what it begins with. */
void topic_join(struct topic *t, struct topic_reader *r);
/* After each publication, for each reader. SENDS: it had all, and now topic_next() has something. WAITS: it is behind, and
   goes on when its connection takes more. OVERFLOWS: end it with what topic_leave() returns. */
int  topic_wake(struct topic *t, struct topic_reader *r);
/* What is to be sent, from byte r->at on; NULL: nothing. */
const struct topic_item *topic_next(struct topic *t, struct topic_reader *r);
/* n more bytes went. true: these were the last ones of all, and the reader has ended. */
bool topic_took(struct topic *t, struct topic_reader *r, uint32_t n);
/* Has it begun with the last one of all? Then the rest of that is its final answer, whatever else ends it. */
bool topic_is_ending(const struct topic_reader *r);
/* It ends without that. How many publications it has not begun with. */
uint64_t topic_leave(struct topic *t, struct topic_reader *r);
/* One that nobody needs; NULL: there is none. */
struct topic_item *topic_dead(struct topic *t);
/* All readers have left: so does the topic. */
void topic_deinit(struct topic *t);

#endif
