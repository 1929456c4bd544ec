/* SPDX-License-Identifier: Apache-2.0 */
/* bus-internal.h - what the files of the bus share */
#ifndef POSTERN_BRIDGE_BUS_INTERNAL_H
#define POSTERN_BRIDGE_BUS_INTERNAL_H

#include "bus.h"

#include <nats/nats.h>
#include <pthread.h>
#include <stdint.h>

#define BUS_QUEUE         1024u            /* messages that wait for the loop */
#define BUS_QUEUE_BYTES   ((size_t)32 << 20) /* and their bytes, with headers; one that is larger alone is let in */
#define BUS_SPENT         64u              /* that were handled, and are not freed yet */
#define BUS_SPENT_BYTES   ((size_t)1 << 20)
#define BUS_TURN          64u              /* of them in one turn */
#define BUS_DRAINS        8u               /* subscriptions that drain at once: libnats has a thread for each */
#define BUS_PENDING       65536            /* libnats's own limits, for each subscription */
#define BUS_PENDING_BYTES (32 << 20)
#define BUS_INBOXES       65536u
#define BUS_TOKEN         16u              /* random bytes of an inbox */
#define BUS_TOKEN_TEXT    (4 + 2 * BUS_TOKEN + 2) /* a dot, its place, the bytes, \0 */

enum {
	BUS_ITEM_MESSAGE = 1, BUS_ITEM_COMPLETE, /* of a feed */
	BUS_ITEM_OPENED,                         /* by the connector: nc is owned */
	BUS_ITEM_CONNECTED, BUS_ITEM_LOST, BUS_ITEM_CLOSED, /* nc says which; not owned */
	BUS_ITEM_REFUSED,                        /* the connector tries again */
	BUS_ITEM_ERROR,
};

struct bus_item {
	int              what;
	int              error;  /* BUS_ITEM_ERROR: natsStatus */
	struct bus_feed *feed;   /* a message, or that it has completed */
	natsMsg         *msg;    /* owned */
	natsConnection  *nc;
	char            *text;   /* owned; why, or NULL */
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
	uint32_t          next_free; /* + 1 */
};

/* See bus-connect.c. */
struct bus_connector {
	pthread_t       thread;
	pthread_mutex_t lock;
	pthread_cond_t  changed;
	natsOptions    *options;
	bool            running;
	bool            wanted, ended; /* under the lock */
};

struct bus {
	struct postern_loop *loop;
	natsConnection      *nc;          /* NULL: the connector makes the next one */
	natsConnection      *closed_early; /* it has ended, and was not handed over yet */
	bool                 up;          /* as bus_events.state was told */
	bool                 ending;      /* bus_drain(): only inboxes are subscribed again */
	const char          *verb;
	const struct bus_events *events;
	void                *data;
	struct bus_sub      *subs, *inboxes;
	struct bus_feed     *feeds;
	uint32_t             n_drains;    /* BUS_DRAINS at most */
	uint32_t             n_awaited;   /* feeds that have to be complete, until drained is called */
	void               (*drained)(void *data);
	void                *drained_data;
	struct bus_place    *places;
	uint32_t             n_places, free_place; /* + 1 */
	bus_fn              *unknown;
	void                *unknown_data;
	char                 inbox_prefix[BUS_INBOX_SUBJECT - BUS_TOKEN_TEXT];
	size_t               inbox_prefix_n;
	unsigned char        random[16 * BUS_TOKEN]; /* the last n_random bytes are not used yet */
	size_t               n_random;
	char                 id[BUS_INBOX_SUBJECT];
	natsMsg             *spent[BUS_SPENT];
	uint32_t             n_spent;
	size_t               spent_bytes;
	int64_t              error_ns;    /* when an error was told last */
	uint64_t             n_untold;    /* since then */
	struct bus_connector connector;
	struct bus_queue     queue;
};

/* What somebody has subscribed to, on this connection and the next. */
struct bus_sub {
	struct bus      *bus;
	struct bus_sub  *next;
	char            *subject, *queue; /* queue: or NULL */
	bus_fn          *fn;
	void            *data;
	struct bus_feed *feed;            /* NULL: there is no connection */
	bool             leaving;         /* it goes with its feed */
};

/* A subscription of libnats. It calls with this until it has said that it was the last time. */
struct bus_feed {
	struct bus       *bus;
	struct bus_feed  *next;
	struct bus_sub   *sub;            /* NULL: nobody wants its messages any more */
	natsSubscription *nats;
	int64_t           dropped;        /* by libnats, as told */
	bool              leaves;         /* it is to drain, when it is its turn */
	bool              draining;       /* it does: one of n_drains */
	bool              awaited;        /* by bus_drain(): one of n_awaited */
	bool              asked;          /* libnats will say that it is complete */
	bool              complete;       /* and has, when nobody took that: under the queue's lock */
};

/* ---- bus.c ---- */

/* Subscribes to all of them, on a connection that is new. */
int  bus_feed_all(struct bus *b);
void bus_feed_complete(struct bus_feed *f);
void bus_feed_free(struct bus_feed *f);
void bus_sub_free(struct bus_sub *sub);
/* Calls what bus_drain() was given, once. */
void bus_drain_over(struct bus *b);
int  bus_errno(natsStatus s);

/* ---- bus-inbox.c ---- */

int  bus_open_inboxes(struct bus *b);

/* ---- bus-options.c ---- */

/* The exit status; an error has been printed. callbacks: bus_set_events(). */
int  bus_options_new(natsOptions **ret, struct bus *b, const struct bus_options *o);
/* A URL without a password that it may have. */
const char *bus_shown(const char *url);

/* ---- bus-connect.c ---- */

natsStatus bus_set_events(natsOptions *n, struct bus *b);
void bus_opened(struct bus *b, natsConnection *nc);
void bus_changed(struct bus *b, const struct bus_item *item);

/* ---- bus-queue.c ---- */

int  bus_queue_init(struct bus *b);
void bus_queue_deinit(struct bus *b);
/* Any thread; takes msg, text, and the nc of BUS_ITEM_OPENED. Waits while the queue is full. */
void bus_queue_put(struct bus *b, const struct bus_item *item);
/* From here on what is put is dropped, and nobody waits. */
void bus_queue_close(struct bus *b);
/* Of a closed queue: until all feeds are complete, for a bounded time. */
void bus_queue_wait(struct bus *b);
/* A condition whose clock is that of postern_now(). */
int  bus_condition_init(pthread_cond_t *ret);
void bus_condition_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns);

#endif
