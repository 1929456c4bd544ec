/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serving.h - the service's end of one connection: what a message means there, and what may be answered when
 *
 *                   a call                          its final answer, or its end without one
 *     READY ----------------------------> OPEN --------------------------------------------> READY
 *       |                                  |   answers that continue, if it asked for more
 *       |                                  |   the answer that upgrades, if it asked for that -> UPGRADED
 *       | the peer has left                | the peer has left: cancelled, but for a oneway call
 *       v                                  v
 *     LEFT: calls that want no answer are run, all others are dropped
 *
 * UPGRADED is the end of it: what comes from then on, beginning with the byte behind the call's NUL, is no message, and
 * the machine is not asked again. An error leaves a call that asked for the upgrade like every other one.
 *
 * One call is open at a time. While it is, no message may come in: the runtime holds the connection, and the kernel
 * holds the peer. So answers are in the order of the calls by construction, and nothing grows with what is pipelined.
 *
 * What the runtime does with the verdicts: a message goes in, and it runs the call, or answers it with an error of
 * its own, or counts it, or ends the connection. Before an answer it asks whether one may be sent; when that is
 * queued, it says so. An answer that cannot be encoded therefore changes nothing.
 *
 * A oneway call is answered like every other one, only that nothing is sent: who handles it need not know. It is not
 * cancelled when its peer leaves, since nobody waits for its answer in any case.
 *
 * Pure: no memory, no time, no calls. The simulation drives it against the caller's machine.
 */
#ifndef POSTERN_CORE_SERVING_H
#define POSTERN_CORE_SERVING_H

#include "core/message.h"

enum { /* what calls of this connection get in place of being run */
	SERVING_RUNS,
	SERVING_DRAINS, /* io.postern.Draining; oneway calls are run, since they would be lost */
	SERVING_IS_BUSY,/* io.postern.Busy; then it is over, but for calls that have come with it. A oneway call is dropped */
};

struct serving {
	uint8_t refuses;  /* SERVING_RUNS or another */
	uint8_t flags;    /* of the open call: POSTERN_CALL_... */
	bool    open;
	bool    left;     /* the peer has hung up */
	bool    over;     /* close the connection when nothing more has arrived, and everything that is queued was sent */
	bool    upgraded; /* its bytes are another protocol's */
};

enum { /* what a message asks for */
	SERVING_RUN = 1,  /* a call; it is open */
	SERVING_REFUSE,   /* a call, open until it is answered with the error that .refuses says */
	SERVING_DROP,     /* a call that nobody will answer, and nobody waits for */
};

/* A whole message, while none is open. -EBADMSG: it is no call, and the connection is to end; ret_fault says why. */
int  serving_message(struct serving *s, const char *text, size_t n, struct message_call *ret,
	struct message_fault *ret_fault);
enum { /* an answer */
	SERVING_REPLIES,
	SERVING_CONTINUES, /* others follow */
	SERVING_FAILS,     /* an error */
	SERVING_UPGRADES,
};
/* May the open call be answered so? 1: send it; 0: it is oneway, send nothing. -ESTALE: none is open; -ENOTSUP:
   continuing or the upgrade was not asked for, or it was, and this would confirm it without doing it. */
int  serving_may_answer(const struct serving *s, int how);
/* It was, or its end needs no answer. */
void serving_answered(struct serving *s, int how);
/* The peer has hung up, which is not half-closing. true: the open call is cancelled by that. */
bool serving_leave(struct serving *s);

#endif
