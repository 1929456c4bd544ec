/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-caller-time.c - deadlines, connections that come and go, and services that are busy
 *
 * The service is a plain socket that does what a test likes. Names begin with the row of docs/VARLINK.md that they hold to.
 */
#include "called.h"

/* ---- deadlines and frees ---- */

static void V16_after_a_deadline_the_service_learns_it_by_the_end_of_the_connection(void **state)
{
	struct test_time begun = test_time();
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 0, "a.b.C", "{}", 0, SOON);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"a.b.C\",\"parameters\":{}}");
	called_tells(&t, 0, POSTERN_END_TIMEOUT);
	assert_took(begun, SOON, SOON);
	assert_int_equal(t.told[0].code, POSTERN_REASON_TIMEOUT);
	called_is_left(&t);
	called_close(&t);
}

static void V16_others_in_flight_are_answered_and_new_calls_go_elsewhere(void **state)
{
	struct called t;
	int old;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 0, "org.example.clock.Now", "{}", 0, SOON);
	called_now(&t, 1);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_gets(&t, CALLED_NOW);
	called_tells(&t, 0, POSTERN_END_TIMEOUT);
	called_is_quiet(&t);
	called_now(&t, 2);
	old = t.fd;
	t.fd = -1;
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{\"parameters\":{\"n\":2}}");
	called_tells(&t, 2, POSTERN_END_ANSWERED);
	called_hang_up(&t);
	t.fd = old;
	called_says(&t, "{\"parameters\":{\"n\":0}}");
	called_says(&t, "{\"parameters\":{\"n\":1}}");
	called_tells(&t, 1, POSTERN_END_ANSWERED);
	assert_string_equal(t.told[1].parameters, "{\"n\":1}");
	called_is_left(&t);
	called_close(&t);
}

static void V16_a_call_that_is_freed_in_flight_is_told_nothing(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_cancel(&t, 0);
	called_is_left(&t);
	assert_int_equal(t.told[0].n, 0);
	/* Before anything was sent, and before it is connected. */
	called_now(&t, 0);
	called_cancel(&t, 0);
	called_now(&t, 0);
	turn(t.loop, 0);
	called_cancel(&t, 0);
	turn_for(t.loop, 20);
	assert_int_equal(t.told[0].n, 0);
	called_close(&t);
}

static void V15_a_deadline_before_the_connect_is_not_sent_and_says_why(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_gone(&t);
	called_call(&t, 0, "a.b.C", "{}", 0, POSTERN_MS(50));
	called_tells(&t, 0, POSTERN_END_NOT_SENT);
	assert_int_equal(t.told[0].code, POSTERN_REASON_TIMEOUT);
	assert_errno(t.told[0].error_code, -ENOENT);
	assert_non_null(strstr(t.told[0].why, test_path("service")));
	called_close(&t);
}

static void V17_a_connect_that_fails_for_good_ends_the_call_at_once(void **state)
{
	const struct postern_connect_options connect = { .size = sizeof connect, .attempts = 1 };
	const struct postern_caller_options o = { .size = sizeof o, .connect = &connect };
	struct called t;

	(void)state;
	called_open(&t, &o);
	called_gone(&t);
	called_now(&t, 0);
	called_call(&t, 1, "a.b.C", "{}", POSTERN_CALL_MORE, 0);
	called_tells(&t, 0, POSTERN_END_NOT_SENT);
	called_tells(&t, 1, POSTERN_END_NOT_SENT);
	assert_int_equal(t.told[0].code, POSTERN_REASON_NO_SERVER);
	assert_errno(t.told[0].error_code, -ENOENT);
	called_close(&t);
}

static void V17_a_caller_connects_at_its_first_call_and_comes_back_after_a_loss(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	turn_for(t.loop, 20);
	assert_int_equal(accept(t.listener, NULL, NULL), -1);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	for (int i = 1; i < 4; i++) {
		/* The loss of an idle connection disturbs nobody. */
		called_hang_up(&t);
		if (i > 1)
			turn_for(t.loop, 5);
		called_now(&t, i);
		called_accept(&t);
		called_gets(&t, CALLED_NOW);
		called_says(&t, "{}");
		called_tells(&t, i, POSTERN_END_ANSWERED);
	}
	called_close(&t);
}

static void V17_an_idle_connection_is_given_up(void **state)
{
	const struct postern_caller_options o = { .size = sizeof o, .idle_ns = POSTERN_MS(50) };
	struct called t;

	(void)state;
	called_open(&t, &o);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	turn_for(t.loop, 80);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	called_is_left(&t);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_close(&t);
}

static void V17_calls_beyond_the_limit_are_refused_until_one_has_ended(void **state)
{
	const struct postern_caller_options o = { .size = sizeof o, .calls = 3 };
	struct called t;

	(void)state;
	called_open(&t, &o);
	for (int i = 0; i < 3; i++)
		called_now(&t, i);
	assert_errno(called_try_json(&t, 3, CALLED_METHOD, NULL, 0, 0), -EAGAIN);
	assert_non_null(strstr(postern_why()->text, "3 calls have not ended"));
	called_accept(&t);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	assert_ok(called_try_json(&t, 3, CALLED_METHOD, NULL, 0, 0));
	called_close(&t);
}

static void V17_busy_and_draining_are_tried_again_inside_the_deadline(void **state)
{
	static const char *const refusals[] = {
		"{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":20}}",
		"{\"error\":\"io.postern.Draining\"}",
	};
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	for (int i = 0; i < 2; i++) {
		called_accept(&t);
		called_gets(&t, CALLED_NOW);
		called_says(&t, refusals[i]);
		called_is_left(&t);
		assert_int_equal(t.told[0].n, 0);
	}
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{\"parameters\":{\"n\":1}}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	assert_string_equal(t.told[0].parameters, "{\"n\":1}");
	called_close(&t);
}

static void V17_a_caller_of_one_try_is_told_the_refusal(void **state)
{
	const struct postern_caller_options o = { .size = sizeof o, .flags = POSTERN_CALLER_ONCE };
	const struct postern_caller_options unknown = { .size = sizeof o,
							.flags = UINT64_C(1) << 32 };
	struct postern_caller *none = NULL;
	struct called t;

	(void)state;
	called_open(&t, &o);
	assert_errno(postern_caller_new(&none, t.loop, "nobody", &unknown), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "flags"));
	called_call(&t, 0, "a.b.C", "{}", POSTERN_CALL_MORE, POSTERN_FOREVER);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"a.b.C\",\"more\":true,\"parameters\":{}}");
	called_says(&t, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":1}}");
	called_tells(&t, 0, POSTERN_END_FAILED);
	assert_string_equal(t.told[0].error, "io.postern.Busy");
	assert_string_equal(t.told[0].parameters, "{\"retryAfterMs\":1}");
	called_close(&t);
}

static void V17_a_call_that_stays_refused_fails_with_the_refusal(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	/* The next try would come too late. */
	called_call(&t, 0, "a.b.C", "{}", 0, 4 * SOON);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"a.b.C\",\"parameters\":{}}");
	called_says(&t, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":60000}}");
	called_tells(&t, 0, POSTERN_END_FAILED);
	assert_string_equal(t.told[0].error, "io.postern.Busy");
	assert_string_equal(t.told[0].parameters, "{\"retryAfterMs\":60000}");
	/* Nobody is there for the next one. */
	called_call(&t, 1, "a.b.C", "{}", 0, 2 * SOON);
	called_gets(&t, "{\"method\":\"a.b.C\",\"parameters\":{}}");
	called_gone(&t);
	called_says(&t, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":3}}");
	called_tells(&t, 1, POSTERN_END_FAILED);
	assert_string_equal(t.told[1].error, "io.postern.Busy");
	assert_string_equal(t.told[1].parameters, "{\"retryAfterMs\":3}");
	called_close(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V16_after_a_deadline_the_service_learns_it_by_the_end_of_the_connection),
		TEST(V16_others_in_flight_are_answered_and_new_calls_go_elsewhere),
		TEST(V16_a_call_that_is_freed_in_flight_is_told_nothing),
		TEST(V15_a_deadline_before_the_connect_is_not_sent_and_says_why),
		TEST(V17_a_connect_that_fails_for_good_ends_the_call_at_once),
		TEST(V17_a_caller_connects_at_its_first_call_and_comes_back_after_a_loss),
		TEST(V17_an_idle_connection_is_given_up),
		TEST(V17_calls_beyond_the_limit_are_refused_until_one_has_ended),
		TEST(V17_busy_and_draining_are_tried_again_inside_the_deadline),
		TEST(V17_a_caller_of_one_try_is_told_the_refusal),
		TEST(V17_a_call_that_stays_refused_fails_with_the_refusal),
	};

	return test_run(tests);
}
