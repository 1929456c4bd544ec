/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - see state.h */
#include "conn/state.h"

#include <postern.h>

static inline bool state_has(uint32_t facts, uint32_t any)
{
	return facts & any;
}

/* Bytes that the program can still get. Half a message does not count once nothing follows. */
static bool state_is_deliverable(uint32_t facts)
{
	return state_has(facts, FACT_ARRIVED) || (facts & (FACT_KEPT | FACT_HALF)) == FACT_KEPT;
}

/* The reason why this is the end, or 0. */
static uint8_t state_end(uint32_t facts, bool *ret_tell)
{
	bool gone = state_has(facts, FACT_GONE), broken = state_has(facts, FACT_BROKEN),
	     paused = state_has(facts, FACT_PAUSED);

	if (state_has(facts, FACT_ABORTED))
		return POSTERN_REASON_ABORTED;
	if (state_has(facts, FACT_FAILED))
		return POSTERN_REASON_FAILED;
	/* They were offered to a program that knows that writes fail, and it took nothing. */
	if (broken && state_has(facts, FACT_DECLINED) && state_has(facts, FACT_KEPT) && !paused)
		return POSTERN_REASON_RESET;
	if (state_is_deliverable(facts) || state_has(facts, FACT_IN_LINE))
		return 0;
	/* drained can no longer come, and a live peer may never end. */
	if (broken && state_has(facts, FACT_REFUSED) && !state_has(facts, FACT_GONE | FACT_END))
		return POSTERN_REASON_RESET;
	if (!state_has(facts, FACT_END) || (paused && !gone && !broken))
		return 0;
	if (state_has(facts, FACT_HALF))
		return POSTERN_REASON_VIOLATION;
	if (!state_has(facts, FACT_TOLD)) {
		*ret_tell = true;
		return 0;
	}
	if (!gone && !broken)
		return 0;
	return broken || state_has(facts, FACT_QUEUED) ? POSTERN_REASON_RESET
						       : POSTERN_REASON_ENDED;
}

/* Which side the connection waits for; earlier cases hide later ones. */
static uint8_t state_waits(uint32_t facts)
{
	bool over = state_has(facts, FACT_GONE | FACT_BROKEN);

	if (state_has(facts, FACT_IN_LINE))
		return WAITS_FOR_ACCOUNT;
	if (state_has(facts, FACT_OWES) && !state_has(facts, FACT_QUEUED | FACT_REFUSED))
		return WAITS_FOR_NOBODY;
	/* The peer may not read because its writes block, because the program takes nothing until drained. */
	if (state_has(facts, FACT_REFUSED) && !over)
		return state_has(facts, FACT_AWAITS) ? WAITS_FOR_ACCOUNT : WAITS_FOR_PEER;
	if (state_has(facts, FACT_PAUSED) && over)
		return WAITS_FOR_PROGRAM;
	if (!state_has(facts, FACT_PAUSED) && state_has(facts, FACT_KEPT))
		return state_has(facts, FACT_HALF) ? WAITS_FOR_PEER : WAITS_FOR_PROGRAM;
	if (state_has(facts, FACT_QUEUED | FACT_SENT | FACT_BROKEN))
		return WAITS_FOR_PEER;
	return WAITS_FOR_NOBODY;
}

/* If the peer has gone with no bytes before its end, the end is received even while paused. */
static bool state_receives(uint32_t facts)
{
	if (state_has(facts, FACT_END | FACT_FULL | FACT_IN_LINE))
		return false;
	return !state_has(facts, FACT_PAUSED) ||
	       (state_has(facts, FACT_GONE) && !state_is_deliverable(facts));
}

/* What is true most of the time comes first: a connection of which nothing is known but that it was used. */
void conn_outlook(uint32_t facts, struct outlook *ret)
{
	if (!(facts & ~(uint32_t)FACT_SENT)) {
		*ret = (struct outlook){ .receive = true,
					 .waits = facts ? WAITS_FOR_PEER : WAITS_FOR_NOBODY,
					 .guarded = facts };
		return;
	}
	*ret = (struct outlook){ 0 };
	ret->end = state_end(facts, &ret->tell_end);
	if (ret->end || ret->tell_end)
		return;
	ret->receive = state_receives(facts);
	ret->lost = state_has(facts, FACT_BROKEN);
	ret->waits = state_waits(facts);
	ret->guarded = ret->waits == WAITS_FOR_PEER || ret->waits == WAITS_FOR_PROGRAM;
}
