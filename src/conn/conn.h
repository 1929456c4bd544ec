/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.h - a connection's whole life
 *
 *   CONNECTING <-> WAITING        dial.c: attempts, until one succeeds or the deadline passes
 *        |                        (accepted and adopted connections begin below)
 *   CONNECTED                     inbox.c: receive -> received() -> what was not taken is kept
 *        |                        outbox.c: write() -> queue -> one sendmsg at the end of the turn
 *   CLOSING                       what arrives is dropped, what is queued is sent, until drain_ns
 *        |
 *   CLOSED                        conn_finish(): the only place, reached once; gives the final event
 *
 * What can still happen to a connected one is decided in one place, conn_outlook() in state.h. Whatever changes a
 * fact lets conn_settle() act on it: the end, what epoll watches, the idle limit.
 *
 * Work that may call back is put off to conn_run(), the connection's task; the bits in `due` say what. So
 * the public calls never call back, and a turn's writes are sent together.
 *
 * Ownership. An accepted connection is the server's until it is kept: it is buried after its final event.
 * One that is the user's stays, inert, until the user frees it. After any callback, conn_is_open() says
 * whether to go on: the memory is there until the end of the turn (loop.h).
 *
 * Reading stops, and EPOLLIN with it, while it is paused, while nothing more can be kept, while it stands in line
 * for room, and after the peer's end. If the peer hangs up meanwhile, the descriptor leaves epoll, which would
 * report nothing else.
 *
 * Time. One timer; deadline.c says which deadline is next: the next look of the idle limit, the end of a message
 * that has begun, another try after the kernel had no memory, the end of a drain.
 *
 * Order of the end. A write that fails with EPIPE ends nothing: what the peer had sent before it went is
 * still in our receive buffer, and is delivered first; then comes the end of file or ECONNRESET.
 */
#ifndef POSTERN_CONN_INTERNAL_H
#define POSTERN_CONN_INTERNAL_H

#include <postern/conn.h>

#include <assert.h>

#include "account.h"
#include "base/base.h"
#include "conn/state.h"
#include "loop/loop.h"

struct dial;

/*
 * What options say, once for all connections that were made with the same ones: constant, counted, and of one
 * thread, as the loop is. It is what another protocol on the same connection replaces, between two messages.
 */
struct conn_limits {
	uint32_t references;
	uint32_t framing;
	uint32_t high_water, low_water;
	uint32_t keep_max;        /* received and not taken; with framing: the largest message and its head */
	int64_t  idle_ns, drain_ns, message_ns;
};

/* Received and not taken. It is one block, since it is offered as one. */
struct kept {
	uint32_t n, capacity;
	uint32_t charged;         /* to the account: the capacity, or all that the message needs */
	uint32_t seen;            /* of a message that is not whole: without its end */
	int64_t  begun_ns;        /* when that message began */
	char     bytes[];
};

enum { /* what conn_run() has to do */
	CONN_DUE_ATTEMPT = 1u << 0, /* connect */
	CONN_DUE_CLOSING = 1u << 1, /* tell the state */
	CONN_DUE_OFFER   = 1u << 2, /* what is kept, once more */
	CONN_DUE_FLUSH   = 1u << 3,
	CONN_DUE_ROOM    = 1u << 4, /* the account has room again, and this one is the first in line */
};

/* What is known of a connection. The first ones are facts as they are: state.h decides by them. */
enum {
	CONN_ABORTED    = FACT_ABORTED,
	CONN_PAUSED     = FACT_PAUSED,
	CONN_REFUSED    = FACT_REFUSED,  /* a write was cut short: drained is still to be told */
	CONN_LINE_READ  = FACT_IN_LINE,  /* stands in line for room to receive a message */
	CONN_END        = FACT_END,      /* the peer's end was read */
	CONN_TOLD       = FACT_TOLD,     /* ended() was called */
	CONN_GONE       = FACT_GONE,     /* the peer has gone altogether */
	CONN_BROKEN     = FACT_BROKEN,   /* writes fail */
	CONN_FAILED     = FACT_FAILED,   /* a send was refused: .failed says why */
	CONN_SENT       = FACT_SENT,     /* the peer may have bytes of ours unread */
	CONN_HALF       = FACT_HALF,     /* what is kept is a part of a message */
	CONN_DECLINED   = FACT_DECLINED, /* the program was told that writes fail, in an offer of which it took nothing */

	CONN_USERS      = 1u << 12, /* is freed by the user alone */
	CONN_FREED      = 1u << 13,
	CONN_SHORT      = 1u << 14, /* a write was cut short because memory was, and nothing that is queued tells when it is not */
	CONN_LINE_WRITE = 1u << 15, /* stands in line for room to queue a message */
	CONN_LENT_READ  = 1u << 16, /* has the account's reserve, for a message that it receives */
	CONN_LENT_WRITE = 1u << 17, /* the same, for what is queued */
	CONN_BLOCKED    = 1u << 18, /* the kernel's buffer was full: EPOLLOUT */
	CONN_RETRY      = 1u << 19, /* the kernel was out of memory: the timer sends again */
	CONN_SHUT       = 1u << 20, /* no more writes; the peer is to read an end when all is sent */
	CONN_SHUT_DONE  = 1u << 21,
	CONN_WATCHED    = 1u << 22, /* idle.c: is it seen to read? */
	CONN_SLOW       = 1u << 23, /* it was not, for a while: small sends */
	CONN_TAKEN      = 1u << 24, /* the program took something since the idle limit looked */
	CONN_FOLLOWED   = 1u << 25, /* in a frame event: there are bytes behind the message */
	CONN_RIGHTS     = 1u << 26, /* the kernel does not keep descriptors out: link/socket.h */
};
/* A sum and a union of bits are the same exactly if no bit is there twice. */
static_assert((0ull +
		 CONN_USERS + CONN_FREED + CONN_ABORTED + CONN_PAUSED + CONN_REFUSED + CONN_SHORT +
		 CONN_LINE_WRITE + CONN_LINE_READ + CONN_LENT_READ + CONN_LENT_WRITE + CONN_BLOCKED +
		 CONN_RETRY + CONN_SHUT + CONN_SHUT_DONE + CONN_END + CONN_TOLD + CONN_GONE + CONN_BROKEN +
		 CONN_FAILED + CONN_SENT + CONN_WATCHED + CONN_SLOW + CONN_HALF + CONN_TAKEN + CONN_FOLLOWED +
		 CONN_DECLINED + CONN_RIGHTS) ==
	      (0ull |
		 CONN_USERS | CONN_FREED | CONN_ABORTED | CONN_PAUSED | CONN_REFUSED | CONN_SHORT |
		 CONN_LINE_WRITE | CONN_LINE_READ | CONN_LENT_READ | CONN_LENT_WRITE | CONN_BLOCKED |
		 CONN_RETRY | CONN_SHUT | CONN_SHUT_DONE | CONN_END | CONN_TOLD | CONN_GONE | CONN_BROKEN |
		 CONN_FAILED | CONN_SENT | CONN_WATCHED | CONN_SLOW | CONN_HALF | CONN_TAKEN | CONN_FOLLOWED |
		 CONN_DECLINED | CONN_RIGHTS),
	      "no two flags share a bit");

/* Between two sends that failed for want of memory in the kernel: a tenth of it, then more. */
#define CONN_RETRY_MAX POSTERN_MS(100)

struct postern_conn {
	struct object         object;
	struct account       *account;      /* who is charged; NULL: not accepted */
	const struct postern_conn_events *events;
	void                 *data;
	const struct conn_limits *limits;
	struct chunk_queue    out;
	struct kept          *kept;         /* NULL when all was taken */
	struct dial          *dial;         /* until connected; after a failure it keeps the words */
	union {
		struct list           line; /* while it is open: the place in the account's line */
		struct postern_reason why;  /* from then on */
	};
	int64_t               connected_ns;
	int64_t               deadline_ns;  /* of the idle limit's next look, or of the drain; POSTERN_FOREVER */
	uint64_t              received, sent;
	uint32_t              flags;
	struct postern_peer   peer;
	uint32_t              mark;         /* of received, when the idle limit saw something move */
	int                   outq;         /* what the peer has unread if it has read nothing */
	uint32_t              lent;         /* charged for bytes that a callback is looking at */
	uint32_t              asked;        /* of the account, for a message that stands in line to be queued */
	uint32_t              untold;       /* of sent, since sent() was called */
	uint32_t              attempts;
	int16_t               failed;       /* errno of a send that was refused */
	uint8_t               due;
	uint8_t               state;
	uint8_t               strikes;      /* looks of the idle limit without movement */
	uint8_t               waits;        /* for whom those were: WAITS_FOR_... */
	uint8_t               retries;      /* sends in a row for which memory was short */
	uint8_t               end_code;     /* the reason to be told when a closing is done */
};

/* conn.c */
/* The limits become the connection's, also on failure. */
int  conn_new(struct postern_conn **ret, struct postern_loop *loop, const struct conn_limits *limits,
	const struct postern_conn_events *events, void *data);
/* One that is the user's from the start, with options that were imported. */
int  conn_begin(struct postern_conn **ret, struct postern_loop *loop, const struct postern_conn_options *options,
	const struct postern_conn_events *events, void *data);
/* fd becomes the connection's, also on failure. */
int  conn_open(struct postern_conn *c, int fd, const struct postern_peer *peer);
int  conn_peer_of(int fd, struct postern_peer *ret);
void conn_begin_close(struct postern_conn *c, int end_code, int64_t deadline_ns);
/* Ends the connection and calls closed(). Within a turn, or from the _free of something above. */
void conn_finish(struct postern_conn *c, int code, int error);
void conn_finish_because(struct postern_conn *c, const struct postern_reason *why);
/* Gives up the socket and all that is held, without an event. What is queued has one more try, unless it was aborted. */
void conn_release(struct postern_conn *c);
void conn_due(struct postern_conn *c, unsigned due);
/* The account's: the first in line may ask again. */
void conn_wake(struct list *place);
/* CONN_LINE_READ or CONN_LINE_WRITE is over, because it was served or is not wanted any more. The one place in line
   serves both, and is left when nothing stands there. */
void conn_leave_line(struct postern_conn *c, uint32_t direction);

static inline bool conn_is_open(const struct postern_conn *c)
{
	return c->state != POSTERN_STATE_CLOSED;
}

/* After a callback: neither ended nor about to be, with nothing but the end to be told. */
static inline bool conn_goes_on(const struct postern_conn *c)
{
	return conn_is_open(c) && !(c->flags & CONN_ABORTED);
}

/* Sends and full reads of one connection in a turn; then it is the others' turn. */
enum { CONN_ROUNDS = 4 };

static inline bool conn_has_socket(const struct postern_conn *c)
{
	return c->object.fd >= 0;
}

/* Nothing says that a send would be in vain. */
static inline bool conn_can_send(const struct postern_conn *c)
{
	return conn_has_socket(c) && !(c->flags & (CONN_BLOCKED | CONN_RETRY | CONN_BROKEN | CONN_FAILED));
}

/* options.c */
int  conn_options_import(struct postern_conn_options *to, const struct postern_conn_options *from);
int  conn_events_check(const struct postern_conn_events *events);
#define CONN_EVENTS_FIRST (offsetof(struct postern_conn_events, closed) + sizeof(void (*)(void)))
/* A handler, or NULL. */
#define conn_event(c, handler) STRUCT_HANDLER((c)->events, CONN_EVENTS_FIRST, handler)
/* Those of the options, which were imported; *ret is one more reference. */
int  conn_limits_get(struct postern_loop *loop, const struct postern_conn_options *options,
	const struct conn_limits **ret);
const struct conn_limits *conn_limits_ref(const struct conn_limits *limits);
void conn_limits_unref(const struct conn_limits *limits);

/* calls.c */
/* 0 when c can be used: what the public calls begin with. */
int  conn_check(const struct postern_conn *c);

/* turn.c: how events arrive, and what follows from them */
void conn_ready(struct object *o, uint32_t events);
void conn_run(struct object *o);
void conn_tell_state(struct postern_conn *c);
uint32_t conn_facts(const struct postern_conn *c);
/* Does what the facts call for; the connection may have ended then. Not inside a public call. */
void conn_settle(struct postern_conn *c);

/* deadline.c */
/* Sets the timer to the earliest deadline. */
void conn_arm(struct postern_conn *c);
void conn_fire(struct object *o);
/* Memory is short: the timer sends again, or tells drained. */
void conn_try_later(struct postern_conn *c);

/* inbox.c */
void inbox_read(struct postern_conn *c);
/* Offers what is kept. */
void inbox_offer(struct postern_conn *c);
bool inbox_is_full(const struct postern_conn *c);
/* It cannot be received, for this reason: ends the connection. Not for 0 and -EAGAIN. */
void inbox_failed(struct postern_conn *c, int error);
/* Gives back what is charged, and the memory. */
void inbox_clear(struct postern_conn *c);

/* room.c: the inbox's memory, and the account that is charged for it */
/* So many bytes may be received at once, and kept if nobody takes them. */
size_t inbox_most(const struct postern_conn *c);
int  inbox_keep(struct postern_conn *c, const char *bytes, size_t n);
/* Room for at least one byte more behind what is kept. -EAGAIN: the connection stands in line for it; -EMSGSIZE: no
   budget could ever hold it. */
int  inbox_grow(struct postern_conn *c);
/* After something was taken: lets go of what is not needed any more. */
void inbox_shrink(struct postern_conn *c);

/* outbox.c */
/* One system call. After it the connection may be blocked or broken, but it is never ended here. */
void conn_send(struct postern_conn *c);
void outbox_clear(struct postern_conn *c);
/* Writes fail from here on. */
void conn_break(struct postern_conn *c);
/* Is it time to tell drained? */
bool outbox_is_low(const struct postern_conn *c);

/* idle.c */
/* For whom: WAITS_FOR_... of state.h. */
void idle_begin(struct postern_conn *c, uint8_t waits);
void idle_look(struct postern_conn *c, const struct outlook *o);
/* Around each send to a connection that is CONN_WATCHED. */
void idle_before_send(struct postern_conn *c);
void idle_after_send(struct postern_conn *c, size_t n);

/* dial.c */
void dial_attempt(struct postern_conn *c);
const struct postern_reason *dial_why(const struct dial *d);
void dial_free(struct dial *d);

#endif
