/* SPDX-License-Identifier: Apache-2.0 */
/* bus-internal.h - what the files of the bus share */
#ifndef POSTERN_BRIDGE_BUS_INTERNAL_H
#define POSTERN_BRIDGE_BUS_INTERNAL_H

#include "bus.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdint.h>

#define BUS_QUEUE         1024u            /* messages that wait for the loop */
#define BUS_QUEUE_BYTES   ((size_t)32 << 20) /* and their bytes; one that is larger alone is let in */
#define BUS_SPENT         64u              /* that were handled, and are not freed yet */
#define BUS_SPENT_BYTES   ((size_t)1 << 20)
#define BUS_TURN          64u              /* of them in one turn */
#define BUS_PENDING       65536            /* libnats's own limits, for each subscription */
#define BUS_PENDING_BYTES (32 << 20)
#define BUS_INBOXES       65536u

enum { BUS_ITEM_MESSAGE = 1, BUS_ITEM_COMPLETE, BUS_ITEM_CONNECTED, BUS_ITEM_LOST, BUS_ITEM_CLOSED, BUS_ITEM_ERROR };

struct bus_item {
	int             what;
	int             error;  /* BUS_ITEM_ERROR: natsStatus */
	struct bus_sub *sub;    /* a message, or its subscription has completed */
	natsMsg        *msg;    /* owned */
	char           *text;   /* owned; why, or NULL */
};

/* See bus-queue.c. */
struct bus_queue {
	pthread_mutex_t lock;
	pthread_cond_t  room;
	struct bus_item items[BUS_QUEUE];
	uint32_t        first, n;
	size_t          bytes;
	bool            posted;  /* the loop will look */
	bool            closed;  /* nobody takes anything any more */
};

struct bus_place {
	struct bus_inbox *inbox;     /* or NULL */
	uint32_t          uses;      /* the upper bits of the next id */
	uint32_t          next_free; /* + 1 */
};

struct bus {
	struct postern_loop *loop;
	natsConnection      *nc;
	const char          *verb;
	const struct bus_events *events;
	void                *data;
	struct bus_sub      *subs, *inboxes;
	uint32_t             n_draining;
	void               (*drained)(void *data);
	void                *drained_data;
	struct bus_place    *places;
	uint32_t             n_places, free_place; /* + 1 */
	bus_fn              *unknown;
	void                *unknown_data;
	char                 inbox_prefix[BUS_INBOX_SUBJECT - 20];
	size_t               inbox_prefix_n;
	char                 id[BUS_INBOX_SUBJECT];
	uint64_t             slow;        /* messages that libnats has dropped, as told */
	natsMsg             *spent[BUS_SPENT];
	uint32_t             n_spent;
	size_t               spent_bytes;
	struct bus_queue     queue;
};

struct bus_sub {
	struct bus      *bus;
	struct bus_sub  *next;
	natsSubscription *nats;
	bus_fn          *fn;              /* NULL: unsubscribed */
	void            *data;
	bool             draining;
};

/* ---- bus.c ---- */

void bus_sub_complete(struct bus_sub *sub);
void bus_sub_free(struct bus_sub *sub);
/* Calls what bus_drain() was given, once. */
void bus_drain_over(struct bus *b);
bus_fn bus_inbox_message;
int  bus_errno(natsStatus s);

/* ---- bus-queue.c ---- */

int  bus_queue_init(struct bus *b);
void bus_queue_deinit(struct bus *b);
/* Any thread; takes msg and text. Waits while the queue is full. */
void bus_queue_put(struct bus *b, const struct bus_item *item);
/* From here on what is put is dropped, and nobody waits. */
void bus_queue_close(struct bus *b);

#endif
