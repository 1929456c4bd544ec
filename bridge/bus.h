/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bus.h - a connection to NATS, with its events on a loop of Postern
 *
 * The only place that knows libnats and its threads. Everything below is called on the loop's thread, and calls back there.
 *
 *   libnats's threads:   reading -> delivery (one, for all subscriptions)   connection events
 *                                        |                                        |
 *                                        v                                        v
 *   queue                bounded in messages and bytes, under one mutex; the delivery thread waits while it is full, then
 *                        libnats's own limits count, and what it drops is told on stderr
 *                                        |
 *                                        | postern_loop_post(), once when it was empty
 *                                        v
 *   the loop             bounded turns: bus_fn, bus_events
 *
 * Publishing happens on the loop, straight into the socket, with a write deadline: a server that does not read costs the
 * loop that long once, and then the connection. Nothing is published while there is no connection: that is -ENOTCONN, so
 * that a caller knows that it was not sent, and libnats buffers nothing.
 *
 *   bus.c          subscriptions, publishing         bus-options.c  what libnats is told, and checks of that
 *   bus-inbox.c    subjects for answers              bus-connect.c  the connection, and the next one
 *   bus-queue.c    the queue above
 */
#ifndef POSTERN_BRIDGE_BUS_H
#define POSTERN_BRIDGE_BUS_H

#include <postern.h>

#include <stdbool.h>

struct bus; struct bus_sub;

struct bus_options {
	const char *verb;              /* for messages */
	const char *const *urls;       /* one at least */
	size_t      n_urls;
	const char *name;              /* of the connection, for the server's lists */
	const char *creds;             /* a file with a JWT and its seed, or NULL */
	bool        tls;
	const char *tls_ca, *tls_cert, *tls_key; /* files, or NULL */
	int64_t     wait_ns;           /* for the first connection; later it comes back for ever */
};

enum { BUS_CONNECTED = 1, /* again */ BUS_LOST /* why says it */ };

/* state: not told of the connection that bus_new() has made; from then on each of the two comes after the other. */
struct bus_events {
	void (*state)(int state, const char *why, void *data);
	/* What was published to this subject was not permitted, and went to nobody. Or NULL. */
	void (*forbidden)(const char *subject, void *data);
};

struct bus_header {
	const char *name, *value;
};

/* A message that has come: valid during the callback. */
struct bus_message {
	const char *subject, *reply;   /* reply: or NULL */
	const char *payload;           /* n bytes */
	size_t      n;
	bool        nobody;            /* the server says that nobody has subscribed to what was sent with this reply */
	bool        unreadable;        /* it has headers, and they are none: a value is empty, a line has no colon, they have more than 16 KiB */
	void       *handle;            /* for bus_header() */
};

typedef void bus_fn(const struct bus_message *m, void *data);

/* What is wrong with a URL: only nats:// and tls:// are known, and a host alone. NULL: nothing. */
const char *bus_wrong_url(const char *url);
/* Returns when there is a connection, or with the exit status of an error that has been printed. */
int  bus_new(struct bus **ret, struct postern_loop *loop, const struct bus_options *options, const struct bus_events *events,
	void *data);
/* Nothing is called any more. The loop is not to run again, only to be freed: a turn of the bus may still be queued there. */
struct bus *bus_free(struct bus *b);

/* The value of a header, or NULL. The spelling counts. */
const char *bus_header(const struct bus_message *m, const char *name);

/* queue: or NULL, then each subscriber gets each message. Valid until bus_unsubscribe() or the free of b, whatever becomes of
   the connection; without one it begins with the next. */
int  bus_subscribe(struct bus_sub **ret, struct bus *b, const char *subject, const char *queue, bus_fn *fn, void *data);
/* Frees it; fn is not called any more. */
struct bus_sub *bus_unsubscribe(struct bus_sub *sub);
/* The server sends nothing more for it, and fn is still called with what was on its way. */
struct bus_sub *bus_leave(struct bus_sub *sub);
/* The server sends nothing more for any of the subscriptions, but inboxes stay. fn is called once when all that had come
   was delivered, or the connection is lost, which ends them as well. -ENOTCONN: it is lost now, and fn is not called. */
int  bus_drain(struct bus *b, void (*fn)(void *data), void *data);

/* A subject of our own, which only whoever is told of it knows: for answers, and for the control of streams. Embedded in what
   it belongs to; zeroed before the first open. */
struct bus_inbox {
	uint32_t id;                   /* 0: not open */
	unsigned char token[16];       /* nobody can guess it */
	bus_fn  *fn;
	void    *data;
};

#define BUS_INBOX_SUBJECT 128

/* -ENOMEM; -EAGAIN: 65,536 are open; what getrandom() says. What comes for a closed one is dropped, or goes to the function of bus_unknown(). */
int  bus_inbox_open(struct bus *b, struct bus_inbox *i, bus_fn *fn, void *data);
void bus_inbox_close(struct bus *b, struct bus_inbox *i);
void bus_inbox_subject(const struct bus *b, const struct bus_inbox *i, char ret[BUS_INBOX_SUBJECT]);
/* Gets what comes for inboxes that are not open, with the reason that nobody else can answer. */
void bus_unknown(struct bus *b, bus_fn *fn, void *data);

struct bus_out {
	const char *subject, *reply;   /* reply: or NULL */
	const char *payload;
	size_t      n;
	struct bus_header headers[4];  /* those without a name are left out */
};

/* 0: it was written to the connection. -ENOTCONN: there is no connection, and nothing was sent. -EMSGSIZE: bus_size() is above bus_max().
   -EINVAL: the subject is none. -EIO: the connection broke, and it may have been sent. -ENOMEM. */
int  bus_publish(struct bus *b, const struct bus_out *m);
/* What the server counts: headers and payload; and what it takes at most. */
size_t bus_size(const struct bus_out *m);
size_t bus_max(const struct bus *b);
bool bus_is_connected(const struct bus *b);
/* Waits until the server has read all that was published, at most so long. */
int  bus_flush(struct bus *b, int64_t deadline_ns);
/* Waits until the server has taken all subscriptions: the exit status; an error has been printed, as when one is not permitted. */
int  bus_confirm(struct bus *b, int64_t deadline_ns);
/* Once a second: a message that a peer can cause is not to fill a log. *told_ns begins as 0. */
bool bus_may_tell(int64_t *told_ns);
#define BUS_RANDOM 33
/* 32 digits that nobody can guess, and a \0. What getrandom() says. */
int  bus_random_text(struct bus *b, char ret[BUS_RANDOM]);
/* A text that is unique in the world, for ids: 22 digits. It helps nobody to guess an inbox. */
const char *bus_id(const struct bus *b);

#endif
