/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - what can still happen to a connected connection: one function that all other code asks
 *
 * From the facts about a connection it derives which events can still come, which side it waits for,
 * whether the idle limit guards that wait, and whether this is the end. It is a table, written as a function;
 * tests/unit/test-state.c checks every combination of facts against these sentences:
 *
 *   - Bytes that arrived are offered before the peer's end is reported, and that before the connection ends.
 *   - Each wait ends by itself, or is guarded, or is for a live peer that owes nothing.
 *   - If an event is pending and can no longer come, the connection ends instead.
 *   - After an abort only the end follows.
 *   - Nobody is late while the program works on a call: the peer waits for us. Bytes in our own queue are
 *     another matter, since the peer has to read them first.
 *
 * Pausing holds back bytes. It holds back the end of a peer that has gone only as long as there are bytes before it,
 * since a pause has nothing else to protect then; the end of a peer that has only half-closed
 * waits, because a program that is working on a request can still answer it.
 */
#ifndef POSTERN_CONN_STATE_H
#define POSTERN_CONN_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* The first ones are flags of a connection (conn.h); the others are computed. */
enum {
	FACT_ABORTED  = 1u << 0,  /* by the program: only the end matters */
	FACT_FAILED   = 1u << 1,  /* the system refused a send, not because of the peer */
	FACT_PAUSED   = 1u << 2,
	FACT_HALF     = 1u << 3,  /* the kept bytes are part of a message */
	FACT_IN_LINE  = 1u << 4,  /* for room to receive more */
	FACT_END      = 1u << 5,  /* the peer's end was received */
	FACT_TOLD     = 1u << 6,  /* the end was reported */
	FACT_GONE     = 1u << 7,  /* nothing moves in either direction any more */
	FACT_BROKEN   = 1u << 8,  /* bytes were sent that can no longer reach the peer */
	FACT_REFUSED  = 1u << 9,  /* a write was cut short: drained is still to be sent */
	FACT_SENT     = 1u << 10, /* the peer may not have read everything that was sent */
	FACT_DECLINED = 1u << 11, /* a write just failed during an offer, and the program took nothing */
	FACT_FLAGS    = 12,
	FACT_KEPT     = 1u << 12, /* bytes were received and not taken */
	FACT_FULL     = 1u << 13, /* the limit of kept bytes is reached */
	FACT_ARRIVED  = 1u << 14, /* there are bytes to receive; only checked if reading does not show it */
	FACT_AWAITS   = 1u << 15, /* drained comes when the account, or the kernel, has room again */
	FACT_QUEUED   = 1u << 16, /* bytes wait to be sent */
	FACT_OWES     = 1u << 17, /* the program works on what the peer waits for */
	FACTS         = 18,
};

enum { WAITS_FOR_NOBODY, WAITS_FOR_PEER, WAITS_FOR_PROGRAM, WAITS_FOR_ACCOUNT };

struct outlook {
	uint8_t end;      /* the reason to end now, or 0 */
	uint8_t waits;
	bool    tell_end; /* call ended() now */
	bool    receive;  /* receive bytes that arrive */
	bool    guarded;  /* by the idle limit */
	bool    lost;     /* the guard reports that sent bytes have not reached the peer */
};

void conn_outlook(uint32_t facts, struct outlook *ret);

#endif
