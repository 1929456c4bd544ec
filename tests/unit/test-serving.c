/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-serving.c - the service's end of a connection as a machine: every message in every state it can be in
 *
 * The states are few: what it refuses, whether a call is open and with which flag, whether the peer has left. So each
 * test walks over all of them; what a message may be is tested with core/message.
 */
#include <errno.h>
#include <string.h>

#include "core/serving.h"
#include "test.h"

enum { PLAIN, MORE, ONEWAY, UPGRADE, KINDS };

static const char *const calls[KINDS] = {
	"{\"method\":\"a.b\"}",
	"{\"method\":\"a.b\",\"more\":true}",
	"{\"method\":\"a.b\",\"oneway\":true}",
	"{\"method\":\"a.b\",\"upgrade\":true}",
};

static int say(struct serving *s, const char *text)
{
	struct message_fault fault;
	struct message_call call;

	return serving_message(s, text, strlen(text), &call, &fault);
}

static void V4_a_call_is_open_until_its_final_answer(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct serving s = { 0 };

		assert_errno(serving_may_answer(&s, false), -ESTALE);
		assert_int_equal(say(&s, calls[kind]), SERVING_RUN);
		assert_true(s.open);
		assert_int_equal(serving_may_answer(&s, SERVING_FAILS), kind == ONEWAY ? 0 : 1);
		serving_answered(&s, SERVING_FAILS);
		assert_false(s.open);
		assert_false(s.upgraded);
		for (int how = SERVING_REPLIES; how <= SERVING_UPGRADES; how++)
			assert_errno(serving_may_answer(&s, how), -ESTALE);
		assert_false(s.over);
	}
}

static void V5_V6_what_continues_is_sent_only_if_more_was_asked_for(void **state)
{
	static const int expected[KINDS] = { -ENOTSUP, 1, 0, -ENOTSUP };

	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct serving s = { 0 };

		assert_int_equal(say(&s, calls[kind]), SERVING_RUN);
		for (int i = 0; i < 3; i++)
			assert_int_equal(serving_may_answer(&s, SERVING_CONTINUES), expected[kind]);
		if (expected[kind] >= 0)
			serving_answered(&s, SERVING_CONTINUES);
		assert_true(s.open);
		serving_answered(&s, SERVING_FAILS);
		assert_false(s.open);
	}
}

static void V7_only_a_call_that_asks_is_upgraded_and_it_is_confirmed_by_nothing_else(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct serving s = { 0 };
		bool asks = kind == UPGRADE;

		assert_int_equal(say(&s, calls[kind]), SERVING_RUN);
		assert_int_equal(serving_may_answer(&s, SERVING_UPGRADES), asks ? 1 : -ENOTSUP);
		assert_int_equal(serving_may_answer(&s, SERVING_REPLIES), asks ? -ENOTSUP
									  : kind == ONEWAY ? 0
											   : 1);
		serving_answered(&s, asks ? SERVING_UPGRADES : SERVING_REPLIES);
		assert_false(s.open);
		assert_int_equal(s.upgraded, asks);
	}
}

static void V7_an_error_leaves_the_next_call_to_come(void **state)
{
	struct serving s = { 0 };

	(void)state;
	assert_int_equal(say(&s, calls[UPGRADE]), SERVING_RUN);
	serving_answered(&s, SERVING_FAILS);
	assert_false(s.upgraded);
	assert_int_equal(say(&s, calls[PLAIN]), SERVING_RUN);
	/* Its peer has left: nothing is confirmed to nobody. */
	serving_answered(&s, SERVING_REPLIES);
	assert_int_equal(say(&s, calls[UPGRADE]), SERVING_RUN);
	assert_true(serving_leave(&s));
	assert_errno(serving_may_answer(&s, SERVING_UPGRADES), -ESTALE);
}

static void V3_what_is_no_call_opens_nothing_and_the_next_may_come(void **state)
{
	struct serving s = { 0 };

	(void)state;
	assert_errno(say(&s, "[]"), -EBADMSG);
	assert_false(s.open);
	assert_errno(serving_may_answer(&s, false), -ESTALE);
	assert_int_equal(say(&s, calls[PLAIN]), SERVING_RUN);
}

static void V13_leaving_cancels_an_open_call_once_and_never_a_oneway_one(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		struct serving s = { 0 };

		assert_int_equal(say(&s, calls[kind]), SERVING_RUN);
		assert_int_equal(serving_leave(&s), kind != ONEWAY);
		assert_int_equal(serving_leave(&s), false);
		assert_int_equal(serving_may_answer(&s, false), kind == ONEWAY ? 0 : -ESTALE);
	}
	assert_false(serving_leave(&(struct serving){ 0 }));
}

static void V13_after_leaving_only_oneway_calls_are_run(void **state)
{
	(void)state;
	for (int refuses = SERVING_RUNS; refuses <= SERVING_IS_BUSY; refuses++) {
		for (int kind = 0; kind < KINDS; kind++) {
			struct serving s = { .refuses = (uint8_t)refuses };
			bool runs = kind == ONEWAY && refuses != SERVING_IS_BUSY;

			serving_leave(&s);
			assert_int_equal(say(&s, calls[kind]), runs ? SERVING_RUN : SERVING_DROP);
			assert_int_equal(s.open, runs);
		}
	}
}

static void V14_draining_and_busy_answer_with_their_error_and_busy_is_over_then(void **state)
{
	(void)state;
	for (int refuses = SERVING_DRAINS; refuses <= SERVING_IS_BUSY; refuses++) {
		for (int kind = 0; kind < KINDS; kind++) {
			struct serving s = { .refuses = (uint8_t)refuses };
			int expected = kind != ONEWAY               ? SERVING_REFUSE
				       : refuses == SERVING_IS_BUSY ? SERVING_DROP
								    : SERVING_RUN;

			assert_int_equal(say(&s, calls[kind]), expected);
			assert_int_equal(s.over, refuses == SERVING_IS_BUSY);
			if (expected == SERVING_REFUSE)
				assert_int_equal(serving_may_answer(&s, SERVING_FAILS), 1);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V4_a_call_is_open_until_its_final_answer),
		TEST(V5_V6_what_continues_is_sent_only_if_more_was_asked_for),
		TEST(V7_only_a_call_that_asks_is_upgraded_and_it_is_confirmed_by_nothing_else),
		TEST(V7_an_error_leaves_the_next_call_to_come),
		TEST(V3_what_is_no_call_opens_nothing_and_the_next_may_come),
		TEST(V13_leaving_cancels_an_open_call_once_and_never_a_oneway_one),
		TEST(V13_after_leaving_only_oneway_calls_are_run),
		TEST(V14_draining_and_busy_answer_with_their_error_and_busy_is_over_then),
	};
	return test_run(tests);
}
