/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calling.h - a caller's calls, as a state machine: time and bytes in, bytes and events out
 *
 *   calling_add()
 *      |
 *   ready ---- alone (MORE, UPGRADE) - later: refused as Busy or Draining, until its time has come
 *      |          |                     ^
 *      | WRITE    | DIAL, WRITE         |
 *      v          v                  |
 *   writing    of a connection: queued, and the kernel has not got its NUL
 *      |
 *      | calling_sent()              ended: SENT, if it is ONEWAY
 *      v                             |
 *   awaiting   of a connection, in the order of the answers
 *      |
 *      v
 *   answered, or ended               each call leaves once, and what it leaves with is true:
 *
 *     NOT_SENT    the kernel never got its NUL. So a call in `writing` whose connection ends is ready once more.
 *     NO_ANSWER   its connection ended while it was awaiting
 *     TIMEOUT     its deadline passed while it was awaiting; before that, this is NOT_SENT too
 *     FAILED      also with the refusal of a service that was Busy or Draining until the deadline
 *
 * Connections. One is shared by the calls that want one answer; answers come in the order of the calls. A call with MORE
 * or UPGRADE has one of its own. When an upgrade is confirmed, that one leaves the machine with its call: what comes on
 * it is no answer any more. A connection retires when a call leaves it unanswered (its deadline, or its owner freed it),
 * or was refused: it takes no call any more, what it has queued is dropped and ready again, and it is closed when
 * its last call has left, which is how the service learns of it. An answer that comes for a call that has left is
 * skipped: the next one that is awaiting counts how many come before its own, so that nothing has to be kept of
 * calls that have left.
 *
 * Descriptors. A call that has some is written when its connection is quiet: all that was sent there was read, of which an
 * answer is the proof. So nothing is glued before it. The calls behind it wait as long. A connection on which nobody
 * waits, and which has had a oneway call last, is given up for a new one. Once such a call has been sent its descriptors are
 * closed; so it is not tried again when the service refuses it.
 *
 * A connect is bounded by itself. When it fails, the calls that were there when it began end, and the others get a
 * connect of their own. After a loss without any answer the next connect waits, longer each time.
 *
 * Time. Nothing is set for each call: due_ns is when to look next, at the earliest, and then all are looked at. A call that has
 * ended in time may make that one look in vain.
 *
 * The machine allocates nothing: calls and connections are memory of whoever runs it (service/caller.c; the tests). It
 * says what to do next (calling_step()), and is told what came of it. Ended calls wait in line (calling_ended()) until
 * they may be told, so that a callback never runs in the middle of a change.
 */
#ifndef POSTERN_CORE_CALLING_H
#define POSTERN_CORE_CALLING_H

#include <stdbool.h>

#include <postern/caller.h>

#include "base/list.h"
#include "core/glue.h"
#include "core/message.h"

enum { CALLING_BUSY = 1, CALLING_DRAINING };

/* Flags of a call beside POSTERN_CALL_MORE and _ONEWAY: it has descriptors; its answers may have some. */
enum { CALLING_PASSES = 1 << 16, CALLING_TAKES = 1 << 17 };

struct calling_call {
	struct list          place;       /* in one of the lists above; linked to itself: it has left */
	struct calling_conn *conn;        /* NULL: ready, alone, later */
	uint64_t             to;          /* where its NUL is in what its connection was given */
	int64_t              deadline_ns;
	int64_t              since_ns;    /* ready since: made, or back from later */
	int64_t              at_ns;       /* later until */
	uint32_t             flags;       /* POSTERN_CALL_MORE, _ONEWAY, _UPGRADE */
	uint32_t             skip;        /* awaiting: so many answers come before its own */
	uint32_t             refusals;
	uint8_t              refused;     /* by the last of them: CALLING_...; 0: never */
	uint8_t              begun;       /* a continuing answer has come */
	bool                 skip_takes;  /* one of those that are skipped may have descriptors */
	int64_t              retry_ms;    /* that a Busy service asked for */
	int                  end;         /* POSTERN_END_..., once it has left */
	struct postern_reason why;        /* why there is no answer */
};

struct calling_conn {
	struct list place;                /* in calling.conns */
	struct list work;                 /* in calling.work */
	struct list writing, awaiting;
	uint64_t    written, sent;        /* bytes; what was dropped does not count */
	uint64_t    unproven;             /* where the NUL is of the last oneway call that may not have been read; 0: none */
	int64_t     begun_ns;             /* the connect */
	int64_t     empty_ns;             /* without calls since */
	uint32_t    due;                  /* what calling_step() has to say about it */
	bool        alone, open, full, retired, answered;
	bool        left_takes;           /* a call that left as the last one may have been sent descriptors */
};

struct calling_limits {
	uint32_t calls;
	int64_t  idle_ns;                 /* the shared connection is closed after */
	int64_t  backoff_ns, backoff_max_ns;
	bool     once;                    /* a refusal as Busy or Draining is an answer like any other */
};

struct calling {
	struct list          ready, alone, later, ended;
	struct list          conns;
	struct list          work;        /* connections for which something is to be done */
	struct calling_conn *shared;      /* or NULL */
	struct calling_limits limits;
	uint32_t             n;           /* calls that have not ended */
	uint32_t             losses;      /* connections in a row that ended without an answer */
	int64_t              due_ns;
	int64_t              connect_ns;  /* no connect before this */
	uint64_t             random;
};

void calling_init(struct calling *c, const struct calling_limits *limits, uint64_t seed);

/* ---- what happens. why: its text must stay until the calls that end by it were told ---- */

/* -EAGAIN: there are .calls already. */
int  calling_add(struct calling *c, struct calling_call *call, unsigned flags, int64_t deadline_ns, int64_t now);
/* Its owner has freed it: it leaves without a word. Legal at any time. */
void calling_drop(struct calling *c, struct calling_call *call, int64_t now);
/* All calls end: CANCELLED, and all connections are to be closed. */
void calling_cancel(struct calling *c);
void calling_time(struct calling *c, int64_t now);

void calling_connected(struct calling *c, struct calling_conn *conn, int64_t now);
/* The kernel has taken so many more bytes. */
void calling_sent(struct calling *c, struct calling_conn *conn, size_t n, int64_t now);
/* It takes writes again. */
void calling_drained(struct calling *c, struct calling_conn *conn);
/* *ret: the call whose .end this is, CONTINUES, ANSWERED or FAILED; NULL: nobody is to be told. If it is an UPGRADE call that
   was ANSWERED, the machine has forgotten the connection, which is the program's. -EBADMSG: nobody has asked for this
   answer, *ret_wrong says so; the connection is to be ended as lost. */
int  calling_answer(struct calling *c, struct calling_conn *conn, const struct message_answer *answer, int64_t now,
	struct calling_call **ret, const char **ret_wrong);
/* Walks over answers that have come and were not given to calling_answer() yet, from the first one on. Does the call that
   this one answers take descriptors, and does it end what is Varlink's on its connection? GLUE_... */
struct calling_look {
	const struct list *at;            /* the call; NULL: begin */
	uint32_t           skip;
};
unsigned calling_takes(const struct calling_conn *conn, struct calling_look *look, const struct message_answer *answer);
/* It could not connect, or has ended. The machine has forgotten it. */
void calling_lost(struct calling *c, struct calling_conn *conn, const struct postern_reason *why, int64_t now);

/* ---- what to do ---- */

enum {
	CALLING_DIAL = 1, /* connect, for .call or for all: then calling_dialled(), or calling_no_conn() */
	CALLING_WRITE,    /* queue .call on .conn whole: then calling_wrote(), or calling_full() */
	CALLING_UNWRITE,  /* drop what .conn has queued and not sent */
	CALLING_CLOSE,    /* close .conn, which the machine has forgotten */
};

struct calling_act {
	int                  what;
	struct calling_conn *conn;
	struct calling_call *call;
};

/* 0: nothing now. */
int  calling_step(struct calling *c, int64_t now, struct calling_act *ret);
void calling_dialled(struct calling *c, struct calling_conn *conn, struct calling_call *call, int64_t now);
void calling_no_conn(struct calling *c, struct calling_call *call, const struct postern_reason *why);
/* n: with its NUL. */
void calling_wrote(struct calling *c, struct calling_conn *conn, struct calling_call *call, size_t n);
void calling_full(struct calling_conn *conn);

/* The next call that has ended, in the order of the ends; it has left. NULL: none. */
struct calling_call *calling_ended(struct calling *c);
/* When calling_time() is to be called; POSTERN_FOREVER: never. */
int64_t calling_next(const struct calling *c);

#endif
