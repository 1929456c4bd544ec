/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what can still happen to a connected connection: one function, asked by everybody
 *
 * From what is known about a connection (facts) to what the program will still be told, on whose move it waits,
 * whether the idle limit guards that wait, and whether this is the end. It is a table, written as a function;
 * tests/unit/test-state.c goes through every combination of facts and holds it against these sentences:
 *
 *   - What arrived is offered before its end is told, and the end is told before the connection ends.
 *   - Each wait ends by itself, or is guarded, or is for a peer that lives and owes nothing.
 *   - What is owed and cannot come any more leaves the end in its place.
 *   - After an abort there is nothing but the end.
 *
 * Pausing holds off bytes. It holds off the end of a peer that has gone only as long as there are bytes before it,
 * since there is nothing else that a pause could protect then; that of a peer that has only ended its sending
 * waits, because a program that is at work on a request can still answer it.
 */
#ifndef POSTERN_CONN_STATE_H
#define POSTERN_CONN_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* The first ones are flags of a connection (conn.h); the others are found out. */
enum {
	FACT_ABORTED  = 1u << 0,  /* by the program: nothing but the end is of interest */
	FACT_FAILED   = 1u << 1,  /* a send was refused, and not because of the peer */
	FACT_PAUSED   = 1u << 2,
	FACT_HALF     = 1u << 3,  /* what is kept is a part of a message */
	FACT_IN_LINE  = 1u << 4,  /* for room to receive more */
	FACT_END      = 1u << 5,  /* the peer's end was received */
	FACT_TOLD     = 1u << 6,  /* the end was told */
	FACT_GONE     = 1u << 7,  /* nothing goes either way any more */
	FACT_BROKEN   = 1u << 8,  /* what is sent reaches nobody, and something was sent */
	FACT_REFUSED  = 1u << 9,  /* a write was cut short: drained is still to be told */
	FACT_SENT     = 1u << 10, /* the peer may not have read all that was sent */
	FACT_DECLINED = 1u << 11, /* the program was told just now that writes fail, and took nothing */
	FACT_FLAGS    = 12,
	FACT_KEPT     = 1u << 12, /* bytes were received and not taken */
	FACT_FULL     = 1u << 13, /* as many bytes are kept as may be */
	FACT_ARRIVED  = 1u << 14, /* there are bytes to be received; only looked at when reading does not tell */
	FACT_AWAITS   = 1u << 15, /* drained comes when the account, or the kernel, has room again */
	FACT_QUEUED   = 1u << 16, /* bytes wait to be sent */
	FACTS         = 17,
};

enum { WAITS_FOR_NOBODY, WAITS_FOR_PEER, WAITS_FOR_PROGRAM, WAITS_FOR_ACCOUNT };

struct outlook {
	uint8_t end;      /* a reason: nothing more comes, the end is now; 0 */
	uint8_t waits;
	bool    tell_end; /* ended() is to be called now */
	bool    receive;  /* what arrives is wanted */
	bool    guarded;  /* by the idle limit */
	bool    lost;     /* what was sent has not reached the peer: what the guard then says */
};

void conn_outlook(uint32_t facts, struct outlook *ret);

#endif
