/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-state.c - every combination of facts, against the sentences of conn/state.h
 *
 * The function is small and its domain is finite, so nothing is sampled: each test walks over all 2^18 sets of facts
 * and skips, by name, those that cannot be.
 */
#include <string.h>

#include <postern.h>

#include "conn/state.h"
#include "test.h"

static const char *const names[FACTS] = {
	"aborted", "failed", "paused",   "half", "in line", "end",     "told",   "gone",   "broken",
	"refused", "sent",   "declined", "kept", "full",    "arrived", "awaits", "queued", "owes",
};

static bool has(uint32_t facts, uint32_t any)
{
	return facts & any;
}

/* Sets that no connection can be in. */
static bool is_possible(uint32_t facts)
{
	return !(has(facts, FACT_HALF | FACT_FULL | FACT_IN_LINE | FACT_DECLINED) &&
		 !has(facts, FACT_KEPT)) &&
	       !(has(facts, FACT_TOLD) && !has(facts, FACT_END)) &&
	       !(has(facts, FACT_ARRIVED) && has(facts, FACT_END)) &&
	       !(has(facts, FACT_AWAITS) && !has(facts, FACT_REFUSED)) &&
	       /* A queue that is broken is dropped; one that is told ends nothing behind it. */
	       !(has(facts, FACT_BROKEN) && has(facts, FACT_QUEUED)) &&
	       !(has(facts, FACT_TOLD) && has(facts, FACT_KEPT)) &&
	       /* Who stands in line for the rest of a message has not got all that may be kept. */
	       !(has(facts, FACT_FULL) && has(facts, FACT_IN_LINE)) &&
	       !(has(facts, FACT_IN_LINE) && has(facts, FACT_END)) &&
	       /* Nothing is received while a call is worked on. */
	       !(has(facts, FACT_OWES) && !has(facts, FACT_PAUSED));
}

static void explain(uint32_t facts, const struct outlook *o)
{
	char text[256] = "";

	for (int i = 0; i < FACTS; i++)
		if (facts & 1u << i) {
			strcat(text, " ");
			strcat(text, names[i]);
		}
	print_error("facts:%s; end %d, waits %d, tell_end %d, receive %d, guarded %d\n", text,
		    o->end, o->waits, o->tell_end, o->receive, o->guarded);
}

/* Calls rule() for each set that can be; it says whether the sentence holds. */
static void for_all(bool (*rule)(uint32_t facts, const struct outlook *o))
{
	unsigned n = 0, wrong = 0;

	for (uint32_t facts = 0; facts < 1u << FACTS; facts++) {
		struct outlook o;

		conn_outlook(facts, &o);

		if (!is_possible(facts))
			continue;
		n++;
		if (rule(facts, &o))
			continue;
		if (wrong++ < 5)
			explain(facts, &o);
	}
	test_note("%u sets of facts", n);
	assert_true(n > 5000);
	assert_int_equal(wrong, 0);
}

/* Not ended by the program itself, or by a send that failed. */
static bool goes_on(uint32_t facts)
{
	return !has(facts, FACT_ABORTED | FACT_FAILED);
}

static bool is_deliverable(uint32_t facts)
{
	return has(facts, FACT_ARRIVED) || (has(facts, FACT_KEPT) && !has(facts, FACT_HALF));
}

static bool is_over(uint32_t facts)
{
	return has(facts, FACT_GONE | FACT_BROKEN);
}

/* The program works on a call, and there is nothing that the peer would have to read first. */
static bool is_worked_on(uint32_t facts)
{
	return has(facts, FACT_OWES) && !has(facts, FACT_QUEUED | FACT_REFUSED);
}

static bool abort_is_the_end(uint32_t facts, const struct outlook *o)
{
	return !has(facts, FACT_ABORTED) ||
	       (o->end == POSTERN_REASON_ABORTED && !o->tell_end && !o->receive && !o->guarded);
}

static void after_an_abort_there_is_nothing_but_the_end(void **state)
{
	(void)state;
	for_all(abort_is_the_end);
}

static bool failure_is_the_end(uint32_t facts, const struct outlook *o)
{
	return has(facts, FACT_ABORTED) || !has(facts, FACT_FAILED) ||
	       o->end == POSTERN_REASON_FAILED;
}

static void a_refused_send_is_the_end_at_once(void **state)
{
	(void)state;
	for_all(failure_is_the_end);
}

/* The one exception: a program that has just declined them, knowing that no answer gets out. */
static bool bytes_come_first(uint32_t facts, const struct outlook *o)
{
	if (!goes_on(facts) || !is_deliverable(facts))
		return true;
	if (has(facts, FACT_DECLINED) && has(facts, FACT_BROKEN) && !has(facts, FACT_PAUSED))
		return o->end == POSTERN_REASON_RESET;
	return !o->end && !o->tell_end;
}

static void neither_the_end_nor_its_telling_overtakes_bytes(void **state)
{
	(void)state;
	for_all(bytes_come_first);
}

static bool told_before(uint32_t facts, const struct outlook *o)
{
	bool ended = o->end == POSTERN_REASON_ENDED;

	return !(ended && !has(facts, FACT_TOLD)) && !(o->tell_end && has(facts, FACT_TOLD)) &&
	       !(o->tell_end && !has(facts, FACT_END)) && !(o->tell_end && o->end);
}

static void the_end_is_told_once_when_it_was_read_and_before_it_ends(void **state)
{
	(void)state;
	for_all(told_before);
}

/* What can move by itself: reading on, telling, ending; or a limit guards; or the account's line moves; or the peer
   lives and owes nothing, and the program is owed nothing; or the program works. */
static bool ends_or_is_guarded(uint32_t facts, const struct outlook *o)
{
	if (o->end || o->tell_end || o->guarded || o->waits == WAITS_FOR_ACCOUNT ||
	    is_worked_on(facts))
		return true;
	if (o->receive && has(facts, FACT_GONE))
		return true; /* only the end is left to be received */
	return !is_over(facts) && !has(facts, FACT_REFUSED | FACT_QUEUED | FACT_SENT) &&
	       (!has(facts, FACT_KEPT) || has(facts, FACT_PAUSED));
}

static bool work_is_no_idleness(uint32_t facts, const struct outlook *o)
{
	if (!is_worked_on(facts))
		return true;
	return !o->guarded;
}

static void nobody_is_idle_while_the_program_works_on_a_call(void **state)
{
	(void)state;
	for_all(work_is_no_idleness);
}

static void each_wait_ends_or_is_guarded_or_is_for_a_peer_that_owes_nothing(void **state)
{
	(void)state;
	for_all(ends_or_is_guarded);
}

/* For as long as anything can be delivered the guard stands in for it. */
static bool owed_drained_leaves_an_end(uint32_t facts, const struct outlook *o)
{
	if (!goes_on(facts) || !has(facts, FACT_REFUSED) || !has(facts, FACT_BROKEN))
		return true;
	return o->end || o->tell_end || o->guarded || o->receive || o->waits == WAITS_FOR_ACCOUNT;
}

static void a_drained_that_cannot_come_leaves_the_end_in_its_place(void **state)
{
	(void)state;
	for_all(owed_drained_leaves_an_end);
}

static bool line_is_not_guarded(uint32_t facts, const struct outlook *o)
{
	if (o->end || o->tell_end)
		return true;
	if (has(facts, FACT_IN_LINE))
		return o->waits == WAITS_FOR_ACCOUNT && !o->guarded && !o->receive;
	if (has(facts, FACT_AWAITS) && !is_over(facts))
		return o->waits == WAITS_FOR_ACCOUNT && !o->guarded;
	return o->waits != WAITS_FOR_ACCOUNT;
}

static void who_waits_for_the_account_is_never_idle(void **state)
{
	(void)state;
	for_all(line_is_not_guarded);
}

static bool pause_of_the_living(uint32_t facts, const struct outlook *o)
{
	if (!goes_on(facts) || !has(facts, FACT_PAUSED) || is_over(facts))
		return true;
	if (o->end || o->tell_end || o->receive)
		return false;
	return o->guarded == (o->waits == WAITS_FOR_PEER) &&
	       (o->guarded || is_worked_on(facts) ||
		!has(facts, FACT_REFUSED | FACT_QUEUED | FACT_SENT) ||
		o->waits == WAITS_FOR_ACCOUNT);
}

static void a_pause_holds_everything_off_while_the_peer_lives_and_is_idle_only_for_what_it_was_sent(
	void **state)
{
	(void)state;
	for_all(pause_of_the_living);
}

static bool pause_of_the_dead(uint32_t facts, const struct outlook *o)
{
	if (!goes_on(facts) || !has(facts, FACT_PAUSED) || !has(facts, FACT_GONE) ||
	    has(facts, FACT_IN_LINE) || is_worked_on(facts))
		return true;
	return is_deliverable(facts) ? o->guarded
				     : o->end || o->tell_end || o->receive || o->guarded;
}

static void a_pause_does_not_keep_one_that_has_gone(void **state)
{
	(void)state;
	for_all(pause_of_the_dead);
}

static bool declining_is_idle(uint32_t facts, const struct outlook *o)
{
	if (!goes_on(facts) || !is_deliverable(facts) || !has(facts, FACT_KEPT) || o->end ||
	    has(facts, FACT_PAUSED | FACT_IN_LINE | FACT_ARRIVED))
		return true;
	if (has(facts, FACT_REFUSED) && !is_over(facts))
		return o->waits == (has(facts, FACT_AWAITS) ? WAITS_FOR_ACCOUNT : WAITS_FOR_PEER);
	return o->waits == WAITS_FOR_PROGRAM && o->guarded;
}

static void declining_for_ever_is_idle_unless_the_program_waits_for_drained(void **state)
{
	(void)state;
	for_all(declining_is_idle);
}

static bool half_at_the_end(uint32_t facts, const struct outlook *o)
{
	if (!goes_on(facts) || !has(facts, FACT_HALF) || !has(facts, FACT_END) ||
	    has(facts, FACT_DECLINED) || (has(facts, FACT_PAUSED) && !is_over(facts)))
		return true;
	return o->end == POSTERN_REASON_VIOLATION;
}

static void half_a_message_at_the_end_breaks_the_framing(void **state)
{
	(void)state;
	for_all(half_at_the_end);
}

static bool reset_is_truthful(uint32_t facts, const struct outlook *o)
{
	if (o->end == POSTERN_REASON_RESET)
		return has(facts, FACT_BROKEN) ||
		       (has(facts, FACT_GONE) && has(facts, FACT_QUEUED));
	if (o->end == POSTERN_REASON_ENDED)
		return !has(facts, FACT_BROKEN | FACT_QUEUED) && has(facts, FACT_GONE);
	return o->lost == (has(facts, FACT_BROKEN) && !o->end && !o->tell_end);
}

static void a_reset_is_said_exactly_where_something_was_lost(void **state)
{
	(void)state;
	for_all(reset_is_truthful);
}

static bool receives_what_fits(uint32_t facts, const struct outlook *o)
{
	if (!o->receive)
		return has(facts, FACT_ABORTED | FACT_FAILED | FACT_PAUSED | FACT_FULL |
					  FACT_IN_LINE | FACT_END | FACT_BROKEN | FACT_DECLINED);
	return !has(facts, FACT_END | FACT_FULL | FACT_IN_LINE) &&
	       !(has(facts, FACT_PAUSED) && is_deliverable(facts));
}

static void reading_stops_only_for_a_reason(void **state)
{
	(void)state;
	for_all(receives_what_fits);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(after_an_abort_there_is_nothing_but_the_end),
		TEST(a_refused_send_is_the_end_at_once),
		TEST(neither_the_end_nor_its_telling_overtakes_bytes),
		TEST(the_end_is_told_once_when_it_was_read_and_before_it_ends),
		TEST(each_wait_ends_or_is_guarded_or_is_for_a_peer_that_owes_nothing),
		TEST(nobody_is_idle_while_the_program_works_on_a_call),
		TEST(a_drained_that_cannot_come_leaves_the_end_in_its_place),
		TEST(who_waits_for_the_account_is_never_idle),
		TEST(a_pause_holds_everything_off_while_the_peer_lives_and_is_idle_only_for_what_it_was_sent),
		TEST(a_pause_does_not_keep_one_that_has_gone),
		TEST(declining_for_ever_is_idle_unless_the_program_waits_for_drained),
		TEST(half_a_message_at_the_end_breaks_the_framing),
		TEST(a_reset_is_said_exactly_where_something_was_lost),
		TEST(reading_stops_only_for_a_reason),
	};
	return test_run(tests);
}
