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
 * What can still happen to a connected one is decided in one place, conn_outlook() in state.h. Code that changes a
 * fact then calls conn_settle(), which applies the result: the end, the epoll mask, the idle limit.
 *
 * Work that may call back is deferred to conn_run(), the connection's task; the bits in `due` say which work. So
 * the public calls never call back, and a turn's writes are sent together.
 *
 * Ownership. An accepted connection belongs to the server until it is kept: it is buried after its final event.
 * One that the user owns stays, inert, until the user frees it. After any callback, conn_is_open() says
 * whether to continue: the memory is valid until the end of the turn (loop.h).
 *
 * Reading stops, and EPOLLIN with it, while the connection is paused, while nothing more can be kept, while it waits
 * in line for room, and after the peer's end. If the peer hangs up meanwhile, the descriptor leaves epoll, which
 * would report nothing else.
 *
 * Time. One timer; deadline.c says which deadline is next: the next idle check, the deadline of a message
 * that has begun, a retry after the kernel had no memory, the end of a drain.
 *
 * Descriptors, of consumers that take them, are in a block of their own from the first one on, passing.c. It
 * shares its place with .dial, which is over by then: a connection without descriptors has none of it.
 *
 * Order of the end. A write that fails with EPIPE ends nothing: bytes that the peer had sent before are
 * still in our receive buffer, and are delivered first; then comes the end of file or ECONNRESET.
 */
#ifndef POSTERN_CONN_INTERNAL_H
#define POSTERN_CONN_INTERNAL_H

#include <postern/conn.h>

#include <assert.h>
#include <errno.h>

#include "account.h"
#include "base/base.h"
#include "conn/state.h"
#include "core/glue.h"
#include "link/fds.h"
#include "loop/loop.h"

struct dial;

/* What a layer above hears that no program does: a service, which has to know at once who has left. Each may be
   NULL; .writable only of a consumer that never calls conn_send_now(). */
struct conn_consumer {
	/* The peer has hung up; once, before all bytes that it had sent are delivered, also while paused. It may end the
	   connection. */
	void (*gone)(struct postern_conn *c);
	/* Does this message, which has not been delivered yet, take descriptors? As glue_takes. NULL: all that come are
	   closed. */
	unsigned (*takes)(struct postern_conn *c, const char *message, size_t n, unsigned index, bool whole);
	/* After conn_send_now() took less than all: the queue is empty, and the kernel may take more. */
	void (*writable)(struct postern_conn *c);
	/* It leaves its server: it has ended, or its socket is somebody else's. */
	void (*released)(struct postern_conn *c);
};

/*
 * The options, shared by all connections that were made with the same ones: constant, reference-counted, and used by one
 * thread, as the loop is. A protocol upgrade on a connection replaces it between two messages: conn_hand_over().
 */
struct conn_limits {
	const struct conn_consumer *consumer; /* or NULL */
	uint32_t references;
	uint32_t framing;
	uint32_t high_water, low_water;
	uint32_t keep_max;        /* received and not taken; with framing: the largest message and its head */
	int64_t  idle_ns, drain_ns, message_ns;
};

/* Bytes received and not taken: one block, since they are offered as one. */
struct kept {
	uint32_t n, capacity;
	uint32_t charged;         /* to the account: the capacity, or everything that the message needs */
	uint32_t seen;            /* of an incomplete message: bytes already searched for its end */
	int64_t  begun_ns;        /* when that message began */
	char     bytes[];
};

enum { /* what conn_run() has to do */
	CONN_DUE_ATTEMPT = 1u << 0, /* connect */
	CONN_DUE_CLOSING = 1u << 1, /* report the state */
	CONN_DUE_OFFER   = 1u << 2, /* offer the kept bytes again */
	CONN_DUE_FLUSH   = 1u << 3,
	CONN_DUE_ROOM    = 1u << 4, /* the account has room again, and this connection is first in line */
	CONN_DUE_RESUME  = 1u << 5, /* others had their turn: conn_yield() */
};

/* Flags of a connection. The first ones are the facts from which state.h decides. */
enum {
	CONN_ABORTED    = FACT_ABORTED,
	CONN_PAUSED     = FACT_PAUSED,
	CONN_REFUSED    = FACT_REFUSED,  /* a write was cut short: drained is still to be sent */
	CONN_LINE_READ  = FACT_IN_LINE,  /* waits in line for room to receive a message */
	CONN_END        = FACT_END,      /* the peer's end was read */
	CONN_TOLD       = FACT_TOLD,     /* ended() was called */
	CONN_GONE       = FACT_GONE,     /* the peer has gone altogether */
	CONN_BROKEN     = FACT_BROKEN,   /* writes fail */
	CONN_FAILED     = FACT_FAILED,   /* the system refused a send: .failed says why */
	CONN_SENT       = FACT_SENT,     /* the peer may not have read all bytes that were sent */
	CONN_HALF       = FACT_HALF,     /* the kept bytes are part of a message */
	CONN_DECLINED   = FACT_DECLINED, /* a write failed during an offer of which the program took nothing */

	CONN_USERS      = 1u << 12, /* only the user frees it */
	CONN_FREED      = 1u << 13,
	CONN_SHORT      = 1u << 14, /* a write was cut short for lack of memory, and no queued bytes will trigger drained */
	CONN_LINE_WRITE = 1u << 15, /* waits in line for room to queue a message */
	CONN_LENT_READ  = 1u << 16, /* has the account's reserve, for a received message */
	CONN_LENT_WRITE = 1u << 17, /* the same, for queued bytes */
	CONN_BLOCKED    = 1u << 18, /* the kernel's buffer was full: EPOLLOUT */
	CONN_RETRY      = 1u << 19, /* the kernel was out of memory: the timer sends again */
	CONN_SHUT       = 1u << 20, /* no more writes; half-close when everything is sent */
	CONN_SHUT_DONE  = 1u << 21,
	CONN_WATCHED    = 1u << 22, /* idle.c checks around each send whether the peer reads */
	CONN_SLOW       = 1u << 23, /* the peer did not appear to read for a while: small sends */
	CONN_TAKEN      = 1u << 24, /* the program took bytes since the last idle check */
	CONN_FOLLOWED   = 1u << 25, /* in a frame event: more bytes follow the message */
	CONN_RIGHTS     = 1u << 26, /* the kernel does not refuse descriptors: link/socket.h */
	CONN_OWES       = 1u << 27, /* the peer waits for an answer: conn_owes() */
	CONN_WANTED     = 1u << 28, /* the consumer has more to send: writable is to come */
	CONN_PASSES     = 1u << 29, /* it has .passing, in the place of .dial */
	CONN_CROWDED    = 1u << 30, /* CONN_REFUSED for lack of room for descriptors: the timer looks whether there is some */
};
/* The sum and the union of bits are equal exactly if no bit occurs twice. */
static_assert((0ull +
		 CONN_USERS + CONN_FREED + CONN_ABORTED + CONN_PAUSED + CONN_REFUSED + CONN_SHORT +
		 CONN_LINE_WRITE + CONN_LINE_READ + CONN_LENT_READ + CONN_LENT_WRITE + CONN_BLOCKED +
		 CONN_RETRY + CONN_SHUT + CONN_SHUT_DONE + CONN_END + CONN_TOLD + CONN_GONE + CONN_BROKEN +
		 CONN_FAILED + CONN_SENT + CONN_WATCHED + CONN_SLOW + CONN_HALF + CONN_TAKEN + CONN_FOLLOWED +
		 CONN_DECLINED + CONN_RIGHTS + CONN_OWES + CONN_WANTED + CONN_PASSES + CONN_CROWDED) ==
	      (0ull |
		 CONN_USERS | CONN_FREED | CONN_ABORTED | CONN_PAUSED | CONN_REFUSED | CONN_SHORT |
		 CONN_LINE_WRITE | CONN_LINE_READ | CONN_LENT_READ | CONN_LENT_WRITE | CONN_BLOCKED |
		 CONN_RETRY | CONN_SHUT | CONN_SHUT_DONE | CONN_END | CONN_TOLD | CONN_GONE | CONN_BROKEN |
		 CONN_FAILED | CONN_SENT | CONN_WATCHED | CONN_SLOW | CONN_HALF | CONN_TAKEN | CONN_FOLLOWED |
		 CONN_DECLINED | CONN_RIGHTS | CONN_OWES | CONN_WANTED | CONN_PASSES | CONN_CROWDED),
	      "no two flags share a bit");

/* The longest wait between sends while the kernel has no memory; the first wait is a tenth of it. */
#define CONN_RETRY_MAX POSTERN_MS(100)

struct postern_conn {
	struct object         object;
	struct account       *account;      /* the account that is charged; NULL: not accepted */
	const struct postern_conn_events *events;
	void                 *data;
	const struct conn_limits *limits;
	struct chunk_queue    out;
	struct kept          *kept;         /* NULL if everything was taken */
	union {
		struct dial    *dial;       /* until connected; after a failure it keeps the text */
		struct passing *passing;    /* CONN_PASSES */
	};
	union {
		struct list           line; /* while it is open: the place in the account's line */
		struct postern_reason why;  /* from then on */
	};
	int64_t               connected_ns;
	int64_t               deadline_ns;  /* of the next idle check, or of the drain; or POSTERN_FOREVER */
	uint64_t              received, sent;
	uint32_t              flags;
	struct postern_peer   peer;
	uint32_t              mark;         /* .received at the last idle check that saw progress */
	int                   outq;         /* SIOCOUTQ, if the peer has read nothing since */
	uint32_t              lent;         /* charged for bytes that are being offered to a callback */
	uint32_t              asked;        /* CONN_LINE_WRITE: what a message that waits in line requests from the account;
	                                       CONN_REFUSED: the size of the smallest message that was refused, or 0 */
	uint32_t              untold;       /* of sent, since sent() was called */
	uint32_t              attempts;
	int16_t               failed;       /* errno of a refused send */
	uint8_t               due;
	uint8_t               state;
	uint8_t               strikes;      /* idle checks in a row without progress */
	uint8_t               waits;        /* whom they waited for: WAITS_FOR_... */
	uint8_t               retries;      /* sends in a row that failed for lack of memory */
	union {
		uint8_t       looks;        /* CONN_CROWDED: so often the timer has looked */
		uint8_t       end_code;     /* closing: the reason to report when that is done */
	};
};

/* conn.c */
/* Takes the limits, also on failure. */
int  conn_new(struct postern_conn **ret, struct postern_loop *loop, const struct conn_limits *limits,
	const struct postern_conn_events *events, void *data);
/* A connection that the user owns from the start, with imported options. */
int  conn_begin(struct postern_conn **ret, struct postern_loop *loop, const struct postern_conn_options *options,
	const struct postern_conn_events *events, void *data);
/* Takes fd, also on failure. */
int  conn_open(struct postern_conn *c, int fd, const struct postern_peer *peer);
int  conn_peer_of(int fd, struct postern_peer *ret);
void conn_begin_close(struct postern_conn *c, int end_code, int64_t deadline_ns);
/* Ends the connection and calls closed(). Called in a turn, or by the _free of a parent. */
void conn_finish(struct postern_conn *c, int code, int error);
void conn_finish_because(struct postern_conn *c, const struct postern_reason *why);
/* Releases the socket and all memory, without an event. The queue gets one more send, unless it was aborted. */
void conn_release(struct postern_conn *c);
void conn_due_first(struct postern_conn *c, unsigned due);
/* While a bit is set, the task is in the loop's list. */
static inline void conn_due(struct postern_conn *c, unsigned due)
{
	if ((c->due & due) != due)
		conn_due_first(c, due);
}
/* Callback of the account: the first in line may request again. */
void conn_wake(struct list *place);
/* Ends CONN_LINE_READ or CONN_LINE_WRITE, because it was served or is no longer needed. The one place in line
   serves both, and is left when neither waits. */
void conn_leave_line(struct postern_conn *c, uint32_t direction);

static inline bool conn_is_open(const struct postern_conn *c)
{
	return c->state != POSTERN_STATE_CLOSED;
}

/* Checked after a callback: neither ended nor aborted. */
static inline bool conn_goes_on(const struct postern_conn *c)
{
	return conn_is_open(c) && !(c->flags & CONN_ABORTED);
}

/* Sends and full reads of one connection per turn; then other connections get theirs. */
enum { CONN_ROUNDS = 4 };

/* A layer above works on what the peer has asked for: that the peer does nothing meanwhile is no idleness. */
static inline void conn_owes(struct postern_conn *c, bool owes)
{
	c->flags = owes ? c->flags | CONN_OWES : c->flags & ~(uint32_t)CONN_OWES;
}

/* NULL: it is connected, or was never to be. */
static inline struct dial *conn_dial(const struct postern_conn *c)
{
	return c->flags & CONN_PASSES ? NULL : c->dial;
}

static inline bool conn_has_socket(const struct postern_conn *c)
{
	return c->object.fd >= 0;
}

/* Is there any point in a send? */
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
/* The limits in the imported options; *ret is a new reference. */
int  conn_limits_get(struct postern_loop *loop, const struct postern_conn_options *options,
	const struct conn_limits **ret);
const struct conn_limits *conn_limits_ref(const struct conn_limits *limits);
void conn_limits_unref(const struct conn_limits *limits);
/* Others that begin as these do; NULL: out of memory. */
struct conn_limits *conn_limits_copy(const struct conn_limits *limits);

/* 0 if c can be used: the public calls begin with this. */
static inline int conn_check(const struct postern_conn *c)
{
	int r = c ? loop_check(c->object.loop) : -EINVAL;

	return r < 0 || conn_is_open(c) ? r : -ESTALE;
}

/* calls.c */
/* From here on the connection is the program's, with other limits, which it takes, and with their framing: what was received
   behind the last message goes to the new events. Between two messages, also in the frame event of one. */
void conn_hand_over(struct postern_conn *c, const struct conn_limits *limits,
	const struct postern_conn_events *events, void *data);
/* While messages are delivered: other connections have their turn before the next one. */
void conn_yield(struct postern_conn *c);

/* turn.c: how events arrive, and their consequences */
void conn_ready(struct object *o, uint32_t events);
void conn_run(struct object *o);
/* Fairness, of loop.h: who its user is, and that it had no visit in this turn. */
uint32_t *conn_user(struct object *o);
void conn_deferred(struct object *o);
void conn_tell_state(struct postern_conn *c);
uint32_t conn_facts(const struct postern_conn *c);
/* Acts on the facts; this may end the connection. Not inside a public call. */
void conn_settle(struct postern_conn *c);

/* deadline.c */
/* Sets the timer to the earliest deadline. */
void conn_arm(struct postern_conn *c);
void conn_fire(struct object *o);
/* Out of memory: the timer sends again, or sends drained. */
void conn_try_later(struct postern_conn *c);
/* CONN_CROWDED: the timer looks again. */
void conn_look_later(struct postern_conn *c);

/* inbox.c */
bool conn_probe(struct object *o, unsigned tries);
pid_t conn_peer_pid(const struct object *o);
void inbox_read(struct postern_conn *c);
/* Offers the kept bytes. */
void inbox_offer(struct postern_conn *c);
bool inbox_is_full(const struct postern_conn *c);
/* Receiving failed for this reason: ends the connection. Not for 0 and -EAGAIN. */
void inbox_failed(struct postern_conn *c, int error);
/* A message is longer than .frame_max: the end. */
void inbox_too_long(struct postern_conn *c);
/* Releases the charge and the memory. */
void inbox_clear(struct postern_conn *c);

/* room.c: the inbox's memory, and the account that is charged for it */
/* How many bytes may be received at once, and kept if they are not taken. */
size_t inbox_most(const struct postern_conn *c);
int  inbox_keep(struct postern_conn *c, const char *bytes, size_t n);
/* Makes room for at least one more byte after the kept ones. -EAGAIN: the connection waits in line for it; -EMSGSIZE: it
   can never fit into the budget. */
int  inbox_grow(struct postern_conn *c);
/* After bytes were taken: releases unneeded memory. */
void inbox_shrink(struct postern_conn *c);

/* outbox.c */
/* One system call. It may leave the connection blocked or broken, but never ends it. */
void conn_send(struct postern_conn *c);
void outbox_clear(struct postern_conn *c);
/* What was reserved may not be committed any more. */
static inline void outbox_unreserve(struct postern_conn *c)
{
	if (c->out.tail)
		c->out.tail->room = 0;
}
/* The same; a chunk in which nothing was committed goes back. */
void outbox_tidy(struct postern_conn *c);
/* The same for a consumer that goes on: what is queued is not sent, even if that leaves half a message with the peer. */
void outbox_drop(struct postern_conn *c);
/* From now on writes fail. */
void conn_break(struct postern_conn *c);
/* Should drained be sent now? */
bool outbox_is_low(const struct postern_conn *c);
/* Queues bytes that the peer has a right to, whatever the limits say; all or none. -ENOMEM; -EPIPE: nothing is sent any
   more. Who calls this bounds it: conn_has_room() before. */
int  conn_write_owed(struct postern_conn *c, const void *bytes, size_t n);
/* writable is to come, when it can be. */
void conn_want(struct postern_conn *c);
/* Sends at once, after what is queued, and queues nothing: how many bytes the kernel took. If those are not all, the consumer
   hears writable. -EPIPE: nothing is sent any more. */
ssize_t conn_send_now(struct postern_conn *c, const void *bytes, size_t n);
/* Is the queue below its high-water mark, and are not too many descriptors unread? If not, drained comes. */
bool conn_has_room(struct postern_conn *c);
/* There is no room for descriptors: drained comes when there is. */
void conn_crowd(struct postern_conn *c);

/* passing.c: descriptors, both ways */
struct passing_out;
/* In a frame event: the descriptors that came with this message, or NULL. The caller owns the block; what is not taken is
   closed when the event has returned. */
struct fds *conn_take_fds(struct postern_conn *c);
/* Some of them were lost on the way. */
bool conn_lost_fds(const struct postern_conn *c);
/* There is no memory to queue a message: drained comes when it is tried again. */
void conn_write_later(struct postern_conn *c);
/* Queued, and sent and not read as far as is known. */
uint32_t passing_unread(const struct postern_conn *c);
/* May the peer be sent more of them? */
bool passing_has_room(const struct postern_conn *c);
/* After it might not, or its uid had no room: now it may. */
bool passing_is_low(const struct postern_conn *c);
/* What waits for that needs n at once. */
void passing_want(struct postern_conn *c, uint32_t n);
/* Before a message is queued, with descriptors: what passing_attach() needs. -ENOMEM. */
int  passing_prepare(struct postern_conn *c, struct passing_out **ret);
/* Behind it: the last n bytes of the queue are that message. Takes a reference. */
void passing_attach(struct postern_conn *c, struct passing_out *out, struct fds *fds, size_t n);
/* It was not queued. */
void passing_cancel(struct passing_out *out);
/* From now on descriptors may come, or not; best effort. */
void conn_admit_rights(struct postern_conn *c, bool admitted);
/* As link_receive(), for an inbox whose consumer takes descriptors. */
ssize_t passing_receive(struct postern_conn *c, void *buffer, size_t n);
/* Before the first of the messages in these bytes is delivered, all that were received: false if it may not be, because it
   has to wait, or because the connection has ended. */
bool passing_next(struct postern_conn *c, const char *bytes, size_t n);
/* CONN_PASSES: a whole message waits for the end of the one behind it. */
bool passing_holds(const struct postern_conn *c);
/* CONN_PASSES: no further read may bring descriptors before messages were delivered. */
bool passing_is_full(const struct postern_conn *c);
/* Behind it. */
void passing_delivered(struct postern_conn *c);
/* What the next send may send at most, *most, and its descriptors, or NULL. */
const struct fds *passing_out_next(const struct postern_conn *c, size_t *most);
void passing_out_sent(struct postern_conn *c);
/* What has come belongs to no message any more. */
void passing_hand_over(struct postern_conn *c);
/* The queue was dropped. */
void passing_out_clear(struct postern_conn *c);
/* The connection ends: true: its socket stays open for what the peer has not read, and is not the connection's any more. */
bool passing_remains(struct postern_conn *c);
void passing_free(struct postern_conn *c);

/* idle.c */
/* waits: WAITS_FOR_... of state.h. */
void idle_begin(struct postern_conn *c, uint8_t waits);
void idle_look(struct postern_conn *c, const struct outlook *o);
/* Around each send to a connection that is CONN_WATCHED. */
void idle_before_send(struct postern_conn *c);
void idle_after_send(struct postern_conn *c, size_t n);

/* dial.c */
int  dial_options_check(const struct postern_connect_options *o);
void dial_attempt(struct postern_conn *c);
const struct postern_reason *dial_why(const struct dial *d);
void dial_free(struct dial *d);

#endif
