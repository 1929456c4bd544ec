/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - a connection's whole life
 *
 *   CONNECTING <-> WAITING        dial.c: attempts, until one succeeds or the deadline passes
 *        |                        (accepted and adopted connections begin below)
 *   CONNECTED                     inbox.c: recv -> received() -> what was not taken is kept in unread
 *        |                        outbox.c: write() -> out -> one sendmsg at the end of the turn
 *   CLOSING                       what arrives is dropped, what is queued is sent, until drain_ns
 *        |
 *   CLOSED                        conn_finish(): the only place, reached once; gives the final event
 *
 * Work that may call back is put off to conn_run(), the connection's task; the bits in `due` say what. So
 * the public calls never call back, and a turn's writes are sent together.
 *
 * Ownership. An accepted connection is the server's until it is kept: it is buried after its final event.
 * One that is the user's stays, inert, until the user frees it. After any callback, conn_is_open() says
 * whether to go on: the memory is there until the end of the turn (loop.h).
 *
 * Reading stops, and EPOLLIN with it, while it is paused, while unread is full, and after the peer's end.
 * If the peer hangs up meanwhile, the descriptor leaves epoll, which would report nothing else.
 *
 * Progress. A peer that does not read what it was sent is found by a timer every idle/4 that looks whether
 * bytes moved, and asks the kernel (SIOCOUTQ) whether the peer still has bytes of ours unread. It is armed
 * by the first send after all was read, so a message costs neither a timer nor a look at the clock, and an
 * idle connection costs nothing at all.
 *
 * Order of the end. A write that fails with EPIPE ends nothing: what the peer had sent before it went is
 * still in our receive buffer, and is delivered first; then comes the end of file or ECONNRESET. A close of
 * ours is shutdown(SHUT_RDWR), then reading what is left, then close: a socket that is closed with bytes
 * unread gives its peer ECONNRESET in place of the end of file.
 */
#ifndef POSTERN_CONN_INTERNAL_H
#define POSTERN_CONN_INTERNAL_H

#include <postern/conn.h>

#include "loop/loop.h"

struct account;
struct dial;

/* Received and not taken. It is one block, since it is offered as one. */
struct unread {
	uint32_t n, capacity;
	uint32_t seen;            /* of a frame that is not whole: without its end */
	uint32_t looks;           /* of the idle timer at this frame */
	char     bytes[];
};

enum { /* what conn_run() has to do */
	CONN_DUE_ATTEMPT = 1,     /* connect */
	CONN_DUE_CLOSING = 2,     /* tell the state */
	CONN_DUE_OFFER   = 4,     /* unread, once more */
	CONN_DUE_ABORT   = 8,
	CONN_DUE_FLUSH   = 16,
};

enum {
	CONN_USERS      = 1,      /* is freed by the user alone */
	CONN_PAUSED     = 2,
	CONN_REFUSED    = 4,      /* a write was cut short: drained is owed */
	CONN_BLOCKED    = 8,      /* the kernel's buffer was full: EPOLLOUT */
	CONN_SHUT       = 16,     /* no more writes; shutdown(SHUT_WR) when all is sent */
	CONN_SHUT_DONE  = 32,
	CONN_EOF        = 64,     /* the peer's end was read */
	CONN_EOF_TOLD   = 128,    /* ... and ended() was called */
	CONN_HANGUP     = 256,    /* the peer has gone altogether */
	CONN_BROKEN     = 512,    /* writes fail */
	CONN_MOVED      = 1024,   /* the peer sent or read something since the idle timer looked */
	CONN_SENT       = 2048,   /* the peer may have bytes of ours unread */
	CONN_RETRY      = 4096,   /* the kernel was out of memory: the timer sends again */
	CONN_FREED      = 8192,
	CONN_WATCHED    = 16384,  /* idle.c: is it seen to read? */
	CONN_FOLLOWED   = 16384,  /* in a frame event: there are bytes behind the message */
};

/* Between two sends that failed for want of memory in the kernel: a tenth of it, then more. */
#define CONN_RETRY_MAX POSTERN_MS(100)

struct postern_conn {
	struct object         object;
	struct account       *account;      /* who is charged, and whose server; NULL: not accepted */
	const struct postern_conn_events *events;
	void                 *data;
	struct chunk_queue    out;
	struct unread        *unread;       /* NULL when all was taken */
	struct dial          *dial;         /* until connected; after a failure it keeps the words */
	struct postern_reason why;
	int64_t               idle_ns, drain_ns;
	int64_t               connected_ns;
	uint64_t              received, sent;
	uint32_t              high_water, low_water;
	uint32_t              unread_max;   /* with framing: the largest message and its head */
	uint32_t              flags;
	struct postern_peer   peer;
	uint16_t              due;
	uint8_t               state;
	uint8_t               strikes;      /* looks of the idle timer without progress */
	int                   outq;         /* what the peer has unread if it has read nothing */
	uint8_t               end_code;     /* the reason to be told when a closing is done */
	uint8_t               framing;
	uint32_t              untold;       /* of sent, since sent() was called */
	uint32_t              attempts;
};

/* conn.c */
int  conn_new(struct postern_conn **ret, struct postern_loop *loop, const struct postern_conn_options *options,
	const struct postern_conn_events *events, void *data);
int  conn_options_import(struct postern_conn_options *to, const struct postern_conn_options *from);
int  conn_events_check(const struct postern_conn_events *events);
/* fd becomes the connection's, also on failure. */
int  conn_open(struct postern_conn *c, int fd, const struct postern_peer *peer);
int  conn_peer_of(int fd, struct postern_peer *ret);
void conn_begin_close(struct postern_conn *c, int end_code, int64_t deadline_ns);
/* Ends the connection and calls closed(). Within a turn, or from the _free of something above. */
void conn_finish(struct postern_conn *c, int code, int error);
/* Gives up the socket and all that is held, without an event. clean: what is queued has one more try. */
void conn_release(struct postern_conn *c, bool clean);
void conn_tell_state(struct postern_conn *c);
void conn_due(struct postern_conn *c, unsigned due);
/* What may be read and written decides what epoll watches. Ends the connection when epoll refuses. */
void conn_update(struct postern_conn *c);
void conn_charge(struct postern_conn *c, size_t more, size_t less);
/* So much may be held for this connection in addition, as its account sees it. */
size_t conn_allowance(const struct postern_conn *c);

static inline bool conn_is_open(const struct postern_conn *c)
{
	return c->state != POSTERN_CLOSED;
}

/* Sends and full reads of one connection in a turn; then it is the others' turn. */
enum { CONN_ROUNDS = 4, CONN_FRAME_HEAD = 4 };

static inline bool conn_has_socket(const struct postern_conn *c)
{
	return c->object.fd >= 0;
}

/* Nothing says that a send would be in vain. */
static inline bool conn_can_send(const struct postern_conn *c)
{
	return conn_has_socket(c) && !(c->flags & (CONN_BLOCKED | CONN_RETRY | CONN_BROKEN));
}

/* turn.c: how events arrive */
void conn_ready(struct object *o, uint32_t events);
void conn_fire(struct object *o);
void conn_run(struct object *o);

/* inbox.c */
void conn_read(struct postern_conn *c, bool hangup);
/* Offers unread; then, after the peer's end, sees to what follows from it. */
void conn_offer(struct postern_conn *c);
bool conn_unread_full(const struct postern_conn *c);

/* outbox.c */
/* One system call. After it the connection may be blocked or broken, but it is never ended here. */
void conn_send(struct postern_conn *c);
/* Memory is short: the timer sends again, or tells drained. */
void conn_send_later(struct postern_conn *c);
void conn_drop_queue(struct postern_conn *c);
/* Writes fail from here on. */
void conn_break(struct postern_conn *c);

/* idle.c */
void idle_arm(struct postern_conn *c);
void idle_look(struct postern_conn *c);
/* Around each send to a connection that is CONN_WATCHED. */
void idle_before_send(struct postern_conn *c);
void idle_after_send(struct postern_conn *c);

/* dial.c */
int  dial_start(struct postern_conn *c, const char *name, const struct postern_connect_options *options);
void dial_attempt(struct postern_conn *c);
void dial_fire(struct postern_conn *c);
const struct postern_reason *dial_why(const struct dial *d);
void dial_free(struct dial *d);

#endif
