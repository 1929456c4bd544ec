/* SPDX-License-Identifier: Apache-2.0 */
/* test-calling.c - the caller's state machine, row by row of docs/VARLINK.md: their numbers begin the names */
#include "calling-world.h"

/* Two calls on one connection that the kernel has got. */
static void two_in_flight(struct world *w)
{
	begin(w);
	call(w, 'a', 0, POSTERN_SECONDS(1));
	connected(w, 0);
	call(w, 'b', 0, POSTERN_SECONDS(2));
	sent(w, 0, 2 * BYTES);
	assert_log(w, "dial write(a) write(b)");
}

/* ---- the usual way ---- */

static void V15_a_call_is_answered_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(1));
	assert_log(&w, "dial");
	connected(&w, 0);
	assert_log(&w, "write(a)");
	sent(&w, 0, BYTES);
	assert_int_equal(answer(&w, 0, "{}"), 'a');
	assert_int_equal(w.calls[0].end, POSTERN_END_ANSWERED);
	assert_int_equal(w.machine.n, 0);
	assert_log(&w, "");
	wait_ns(&w, POSTERN_SECONDS(2));
	assert_none_ended(&w);
}

static void V15_answers_come_in_the_order_of_the_calls(void **state)
{
	struct world w;

	(void)state;
	two_in_flight(&w);
	assert_int_equal(answer(&w, 0, "{\"error\":\"a.b.E\"}"), 'a');
	assert_int_equal(w.calls[0].end, POSTERN_END_FAILED);
	assert_int_equal(answer(&w, 0, "{}"), 'b');
	assert_int_equal(w.calls[1].end, POSTERN_END_ANSWERED);
}

static void V5_a_oneway_call_ends_when_the_kernel_has_its_last_byte(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', POSTERN_CALL_ONEWAY, POSTERN_SECONDS(1));
	call(&w, 'b', 0, POSTERN_SECONDS(1));
	connected(&w, 0);
	sent(&w, 0, BYTES - 1);
	assert_none_ended(&w);
	sent(&w, 0, 1);
	assert_ended(&w, 'a', POSTERN_END_SENT, 0);
	sent(&w, 0, BYTES);
	/* It takes no answer away from the next one. */
	assert_int_equal(answer(&w, 0, "{}"), 'b');
	assert_log(&w, "dial write(a) write(b)");
}

static void V5_an_answer_to_a_oneway_call_is_a_violation(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', POSTERN_CALL_ONEWAY, POSTERN_SECONDS(1));
	connected(&w, 0);
	sent(&w, 0, BYTES);
	assert_ended(&w, 'a', POSTERN_END_SENT, 0);
	assert_int_equal(answer(&w, 0, "{}"), '!');
	assert_none_ended(&w);
}

static void V17_calls_beyond_the_limit_are_refused(void **state)
{
	struct calling_call more;
	struct world w;

	(void)state;
	begin(&w);
	for (char name = 'a'; name < 'a' + CALLS; name++)
		call(&w, name, 0, POSTERN_SECONDS(1));
	assert_errno(calling_add(&w.machine, &more, 0, w.now + 1, w.now), -EAGAIN);
	calling_drop(&w.machine, &w.calls[3], w.now);
	assert_ok(calling_add(&w.machine, &w.calls[3], 0, w.now + 1, w.now));
}

/* ---- answers that nobody asked for ---- */

static void V6_an_answer_before_its_call_was_sent_is_a_violation(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(1));
	connected(&w, 0);
	sent(&w, 0, BYTES - 1);
	assert_int_equal(answer(&w, 0, "{}"), '!');
	/* The call was not sent, so it is for the next connection. */
	assert_none_ended(&w);
	wait_ns(&w, POSTERN_MS(10));
	assert_log(&w, "dial write(a) dial");
}

static void V6_an_answer_too_many_is_a_violation(void **state)
{
	struct world w;

	(void)state;
	two_in_flight(&w);
	assert_int_equal(answer(&w, 0, "{}"), 'a');
	assert_int_equal(answer(&w, 0, "{}"), 'b');
	assert_int_equal(answer(&w, 0, "{}"), '!');
	assert_none_ended(&w);
	call(&w, 'c', 0, POSTERN_SECONDS(1));
	assert_log(&w, "dial");
}

static void V6_continues_that_was_not_asked_for_is_a_violation(void **state)
{
	struct world w;

	(void)state;
	two_in_flight(&w);
	assert_int_equal(answer(&w, 0, "{\"continues\":true}"), '!');
	assert_ended(&w, 'a', POSTERN_END_NO_ANSWER, POSTERN_REASON_RESET);
	assert_ended(&w, 'b', POSTERN_END_NO_ANSWER, POSTERN_REASON_RESET);
	assert_none_ended(&w);
}

/* ---- more ---- */

static void V16_a_call_with_more_has_a_connection_of_its_own(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(1));
	call(&w, 'b', POSTERN_CALL_MORE, POSTERN_FOREVER - w.now);
	connected(&w, 1);
	connected(&w, 0);
	assert_log(&w, "dial +dial write(b) write(a)");
	sent(&w, 1, BYTES);
	assert_int_equal(answer(&w, 1, "{\"continues\":true}"), 'b');
	assert_int_equal(w.calls[1].end, POSTERN_END_CONTINUES);
	assert_int_equal(answer(&w, 1, "{\"continues\":true}"), 'b');
	assert_int_equal(answer(&w, 1, "{}"), 'b');
	assert_int_equal(w.calls[1].end, POSTERN_END_ANSWERED);
	assert_log(&w, "close");
	assert_true(w.wires[1].closed);
}

/* ---- upgrade ---- */

static void V7_a_confirmed_upgrade_takes_its_connection_out_of_the_machine(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(1));
	call(&w, 'b', POSTERN_CALL_UPGRADE, POSTERN_SECONDS(1));
	connected(&w, 1);
	connected(&w, 0);
	assert_log(&w, "dial +dial write(b) write(a)");
	sent(&w, 1, BYTES);
	assert_int_equal(answer(&w, 1, "{}"), 'b');
	assert_int_equal(w.calls[1].end, POSTERN_END_ANSWERED);
	assert_log(&w, "");
	assert_false(w.wires[1].closed);
	/* It is not among those that the caller has: neither its end nor time changes anything. */
	assert_ptr_equal(w.machine.conns.next, &w.wires[0].conn.place);
	assert_ptr_equal(w.machine.conns.prev, &w.wires[0].conn.place);
	sent(&w, 0, BYTES);
	assert_int_equal(answer(&w, 0, "{}"), 'a');
	wait_ns(&w, limits.idle_ns);
	assert_log(&w, "close");
	assert_false(w.wires[1].closed);
}

static void V7_an_upgrade_that_fails_or_continues_ends_its_connection(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', POSTERN_CALL_UPGRADE, POSTERN_SECONDS(1));
	connected(&w, 0);
	sent(&w, 0, BYTES);
	assert_int_equal(answer(&w, 0, "{\"error\":\"a.b\"}"), 'a');
	assert_int_equal(w.calls[0].end, POSTERN_END_FAILED);
	assert_log(&w, "+dial write(a) close");
	call(&w, 'a', POSTERN_CALL_UPGRADE, POSTERN_SECONDS(1));
	connected(&w, 1);
	sent(&w, 1, BYTES);
	assert_int_equal(answer(&w, 1, "{\"continues\":true}"), '!');
	assert_ended(&w, 'a', POSTERN_END_NO_ANSWER, POSTERN_REASON_RESET);
}

static void V16_who_frees_a_call_with_more_ends_its_connection(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', POSTERN_CALL_MORE, POSTERN_SECONDS(9));
	connected(&w, 0);
	sent(&w, 0, BYTES);
	assert_int_equal(answer(&w, 0, "{\"continues\":true}"), 'a');
	calling_drop(&w.machine, &w.calls[0], w.now);
	run(&w);
	assert_log(&w, "+dial write(a) close");
	assert_none_ended(&w);
	/* The same before it is connected, and when the connection is full. */
	call(&w, 'a', POSTERN_CALL_MORE, POSTERN_SECONDS(9));
	calling_drop(&w.machine, &w.calls[0], w.now);
	run(&w);
	w.full = true;
	call(&w, 'a', POSTERN_CALL_MORE, POSTERN_SECONDS(9));
	connected(&w, 2);
	calling_drained(&w.machine, &w.wires[2].conn);
	run(&w);
	assert_log(&w, "+dial close +dial full(a) write(a)");
	calling_drop(&w.machine, &w.calls[0], w.now);
	run(&w);
	assert_log(&w, "close");
	assert_int_equal(w.machine.n, 0);
}

/* ---- deadlines and frees in flight ---- */

static void V16_after_a_deadline_in_flight_a_connection_takes_no_new_call(void **state)
{
	struct world w;

	(void)state;
	two_in_flight(&w);
	wait_ns(&w, POSTERN_SECONDS(1));
	assert_ended(&w, 'a', POSTERN_END_TIMEOUT, POSTERN_REASON_TIMEOUT);
	assert_none_ended(&w);
	call(&w, 'c', 0, POSTERN_SECONDS(1));
	assert_log(&w, "dial");
	/* The late answer is nobody's; the next one is b's, and the connection goes with it. */
	assert_int_equal(answer(&w, 0, "{}"), '-');
	assert_log(&w, "");
	assert_int_equal(answer(&w, 0, "{}"), 'b');
	assert_log(&w, "close");
}

static void V16_a_call_that_was_alone_takes_its_connection_along_at_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(1));
	connected(&w, 0);
	sent(&w, 0, BYTES);
	wait_ns(&w, POSTERN_SECONDS(1) - 1);
	assert_log(&w, "dial write(a)");
	wait_ns(&w, 1);
	assert_ended(&w, 'a', POSTERN_END_TIMEOUT, POSTERN_REASON_TIMEOUT);
	assert_log(&w, "close");
}

static void V16_answers_of_calls_that_left_are_skipped_wherever_they_were(void **state)
{
	/* Of five calls in flight those of the mask leave; the answers of the others are theirs. */
	for (unsigned mask = 0; mask < 32; mask++)
		for (int reverse = 0; reverse < 2; reverse++) {
			int last = -1;
			struct world w;

			(void)state;
			begin(&w);
			for (char name = 'a'; name < 'f'; name++)
				call(&w, name, 0, POSTERN_SECONDS(1));
			connected(&w, 0);
			sent(&w, 0, 5 * BYTES);
			for (int i = 0; i < 5; i++) {
				int k = reverse ? 4 - i : i;

				if (mask & 1u << k)
					calling_drop(&w.machine, &w.calls[k], w.now);
			}
			run(&w);
			for (int i = 0; i < 5; i++)
				last = mask & 1u << i ? last : i;
			for (int i = 0; i <= last; i++)
				assert_int_equal(answer(&w, 0, "{}"),
						 mask & 1u << i ? '-' : 'a' + i);
			assert_int_equal(w.machine.n, 0);
			assert_int_equal(w.wires[0].closed, mask != 0);
		}
}

static void V15_not_sent_is_exactly_what_the_kernel_has_not_got(void **state)
{
	/* Two calls of ten bytes, of which the kernel has taken n when the connection is lost for ever. */
	for (size_t n = 0; n <= 2 * BYTES; n++) {
		struct world w;

		(void)state;
		begin(&w);
		call(&w, 'a', 0, POSTERN_SECONDS(1));
		call(&w, 'b', 0, POSTERN_SECONDS(1));
		connected(&w, 0);
		if (n > 0)
			sent(&w, 0, n);
		is_lost(&w, 0, &lost);
		wait_ns(&w, POSTERN_SECONDS(1));
		for (char name = 'a'; name < 'c'; name++) {
			bool got = n >= (size_t)(name - 'a' + 1) * BYTES;

			assert_ended(&w, name, got ? POSTERN_END_NO_ANSWER : POSTERN_END_NOT_SENT,
				     got ? POSTERN_REASON_RESET : POSTERN_REASON_TIMEOUT);
		}
		assert_none_ended(&w);
	}
}

static void V15_a_deadline_before_the_last_byte_is_sent_is_not_sent(void **state)
{
	for (size_t n = 0; n <= BYTES; n++) {
		struct world w;

		(void)state;
		begin(&w);
		call(&w, 'a', 0, POSTERN_SECONDS(1));
		connected(&w, 0);
		if (n > 0)
			sent(&w, 0, n);
		wait_ns(&w, POSTERN_SECONDS(1));
		assert_ended(&w, 'a', n < BYTES ? POSTERN_END_NOT_SENT : POSTERN_END_TIMEOUT,
			     POSTERN_REASON_TIMEOUT);
		/* What is left of it is not sent either. */
		assert_log(&w, "dial write(a) close");
	}
}

static void V16_calls_behind_one_that_left_are_sent_on_another_connection(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	for (char name = 'a'; name < 'd'; name++)
		call(&w, name, 0, POSTERN_SECONDS(name == 'b' ? 1 : 5));
	connected(&w, 0);
	sent(&w, 0, BYTES + 3);
	assert_log(&w, "dial write(a) write(b) write(c)");
	wait_ns(&w, POSTERN_SECONDS(1));
	assert_ended(&w, 'b', POSTERN_END_NOT_SENT, POSTERN_REASON_TIMEOUT);
	assert_log(&w, "drop dial");
	call(&w, 'd', 0, POSTERN_SECONDS(5));
	connected(&w, 1);
	assert_log(&w, "write(c) write(d)");
	assert_int_equal(answer(&w, 0, "{}"), 'a');
	assert_log(&w, "close");
	sent(&w, 1, 2 * BYTES);
	assert_int_equal(answer(&w, 1, "{}"), 'c');
	assert_int_equal(answer(&w, 1, "{}"), 'd');
}

/* ---- connecting ---- */

static void V17_a_connect_that_fails_ends_the_calls_that_waited_for_it(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(30));
	call(&w, 'b', POSTERN_CALL_MORE, POSTERN_SECONDS(30));
	w.now++;
	call(&w, 'c', 0, POSTERN_SECONDS(30));
	assert_log(&w, "dial +dial");
	is_lost(&w, 0, &denied);
	assert_ended(&w, 'a', POSTERN_END_NOT_SENT, POSTERN_REASON_NOT_ALLOWED);
	assert_none_ended(&w);
	/* The one that came later has a connect of its own. */
	assert_log(&w, "dial");
	is_lost(&w, 1, &denied);
	assert_ended(&w, 'b', POSTERN_END_NOT_SENT, POSTERN_REASON_NOT_ALLOWED);
	connected(&w, 2);
	assert_log(&w, "write(c)");
}

static void V17_without_memory_for_a_connection_calls_end(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	w.no_conn = true;
	call(&w, 'a', 0, POSTERN_SECONDS(1));
	assert_ended(&w, 'a', POSTERN_END_NOT_SENT, POSTERN_REASON_NOT_ALLOWED);
	w.no_conn = true;
	call(&w, 'b', POSTERN_CALL_MORE, POSTERN_SECONDS(1));
	assert_ended(&w, 'b', POSTERN_END_NOT_SENT, POSTERN_REASON_NOT_ALLOWED);
	assert_log(&w, "dial +dial");
}

static void V17_a_connect_that_nobody_waits_for_is_given_up(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(1));
	call(&w, 'b', 0, POSTERN_SECONDS(2));
	wait_ns(&w, POSTERN_SECONDS(1));
	assert_ended(&w, 'a', POSTERN_END_NOT_SENT, POSTERN_REASON_TIMEOUT);
	assert_log(&w, "dial");
	calling_drop(&w.machine, &w.calls[1], w.now);
	run(&w);
	assert_log(&w, "close");
}

static void V17_an_idle_connection_is_given_up(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(60));
	connected(&w, 0);
	sent(&w, 0, BYTES);
	wait_ns(&w, POSTERN_SECONDS(40));
	assert_int_equal(answer(&w, 0, "{}"), 'a');
	assert_log(&w, "dial write(a)");
	wait_ns(&w, POSTERN_SECONDS(30) - 1);
	assert_log(&w, "");
	call(&w, 'b', POSTERN_CALL_ONEWAY, POSTERN_SECONDS(60));
	sent(&w, 0, BYTES);
	wait_ns(&w, POSTERN_SECONDS(30) - 1);
	assert_log(&w, "write(b)");
	assert_true(calling_next(&w.machine) <= w.now + 1);
	wait_ns(&w, 1);
	assert_log(&w, "close");
	assert_int_equal(calling_next(&w.machine), POSTERN_FOREVER);
}

static void V17_losses_without_an_answer_are_followed_by_longer_and_longer_waits(void **state)
{
	int64_t before = 0, total = 0;
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', 0, POSTERN_SECONDS(60));
	for (int i = 0; i < 12; i++) {
		connected(&w, i);
		is_lost(&w, i, &lost);
		before = w.now;
		while (!w.wires[i + 1].used)
			wait_ns(&w, POSTERN_MS(1));
		assert_true(w.now - before <= POSTERN_SECONDS(1));
		assert_true(i > 6 || w.now - before <= POSTERN_MS(10) << i);
		total += w.now - before;
	}
	/* At random, so not each is longer; all together they are. */
	assert_true(total > POSTERN_SECONDS(1));
	assert_none_ended(&w);
}

static void V17_calls_that_were_not_sent_keep_their_order(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	for (char name = 'a'; name < 'e'; name++)
		call(&w, name, 0, POSTERN_SECONDS(5));
	connected(&w, 0);
	sent(&w, 0, BYTES);
	call(&w, 'e', 0, POSTERN_SECONDS(5));
	w.full = true;
	call(&w, 'f', 0, POSTERN_SECONDS(5));
	w.log[0] = '\0';
	is_lost(&w, 0, &lost);
	assert_ended(&w, 'a', POSTERN_END_NO_ANSWER, POSTERN_REASON_RESET);
	wait_ns(&w, POSTERN_MS(10));
	connected(&w, 1);
	assert_log(&w, "dial write(b) write(c) write(d) write(e) write(f)");
}

/* ---- busy, draining ---- */

static void V17_a_busy_service_is_asked_again_after_the_time_that_it_names(void **state)
{
	struct world w;

	(void)state;
	two_in_flight(&w);
	assert_int_equal(
		answer(&w, 0,
		       "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":200}}"),
		'-');
	assert_log(&w, "");
	assert_int_equal(answer(&w, 0, "{}"), 'b');
	assert_log(&w, "close");
	wait_ns(&w, POSTERN_MS(200));
	assert_log(&w, "");
	wait_ns(&w, POSTERN_MS(10));
	assert_log(&w, "dial");
	connected(&w, 1);
	sent(&w, 1, BYTES);
	assert_int_equal(answer(&w, 1, "{}"), 'a');
	assert_int_equal(w.calls[0].end, POSTERN_END_ANSWERED);
}

static void V17_a_refusal_is_the_end_when_the_deadline_comes_before_the_next_try(void **state)
{
	static const char *const texts[] = {
		"{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":1000}}",
		"{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":9223372036854775807}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct world w;

		two_in_flight(&w);
		assert_int_equal(answer(&w, 0, texts[i]), 'a');
		assert_int_equal(w.calls[0].end, POSTERN_END_FAILED);
	}
}

static void V17_a_call_that_was_refused_and_not_sent_since_ends_with_the_refusal(void **state)
{
	struct world w;

	(void)state;
	two_in_flight(&w);
	assert_int_equal(answer(&w, 0, "{\"error\":\"io.postern.Draining\"}"), '-');
	wait_ns(&w, POSTERN_MS(10));
	/* The others of a draining service are refused one by one. */
	assert_log(&w, "dial");
	assert_int_equal(answer(&w, 0, "{\"error\":\"io.postern.Draining\"}"), '-');
	assert_log(&w, "close");
	wait_ns(&w, POSTERN_SECONDS(1));
	assert_ended(&w, 'a', POSTERN_END_FAILED, POSTERN_REASON_TIMEOUT);
	assert_int_equal(w.calls[0].refused, CALLING_DRAINING);
	/* Sent once more, the usual is true of it. */
	connected(&w, 1);
	sent(&w, 1, BYTES);
	wait_ns(&w, POSTERN_SECONDS(1));
	assert_ended(&w, 'b', POSTERN_END_TIMEOUT, POSTERN_REASON_TIMEOUT);
}

static void V17_a_stream_that_has_begun_is_not_begun_again(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	call(&w, 'a', POSTERN_CALL_MORE, POSTERN_SECONDS(9));
	connected(&w, 0);
	sent(&w, 0, BYTES);
	assert_int_equal(answer(&w, 0, "{\"error\":\"io.postern.Busy\"}"), '-');
	wait_ns(&w, POSTERN_MS(10));
	connected(&w, 1);
	sent(&w, 1, BYTES);
	assert_int_equal(answer(&w, 1, "{\"continues\":true}"), 'a');
	assert_int_equal(answer(&w, 1, "{\"error\":\"io.postern.Draining\"}"), 'a');
	assert_int_equal(w.calls[0].end, POSTERN_END_FAILED);
	assert_log(&w, "+dial write(a) close +dial write(a) close");
}

/* ---- the caller's end ---- */

static void V15_all_calls_of_a_freed_caller_are_cancelled_once(void **state)
{
	struct world w;
	unsigned seen = 0;
	struct calling_call *ended;

	(void)state;
	begin(&w);
	for (char name = 'a'; name < 'f'; name++)
		call(&w, name, name == 'c' ? POSTERN_CALL_MORE : 0, POSTERN_SECONDS(9));
	connected(&w, 0);
	sent(&w, 0, 2 * BYTES);
	assert_int_equal(answer(&w, 0, "{\"error\":\"io.postern.Busy\"}"), '-');
	calling_cancel(&w.machine);
	w.log[0] = '\0';
	run(&w);
	assert_log(&w, "close close close");
	while ((ended = calling_ended(&w.machine))) {
		assert_int_equal(ended->end, POSTERN_END_CANCELLED);
		assert_false(seen & 1u << (ended - w.calls));
		seen |= 1u << (ended - w.calls);
	}
	assert_int_equal(seen, 31);
	assert_int_equal(w.machine.n, 0);
}

static void V15_a_call_that_has_ended_and_was_not_told_can_be_freed(void **state)
{
	struct world w;

	(void)state;
	two_in_flight(&w);
	is_lost(&w, 0, &lost);
	calling_drop(&w.machine, &w.calls[0], w.now);
	assert_ended(&w, 'b', POSTERN_END_NO_ANSWER, POSTERN_REASON_RESET);
	calling_drop(&w.machine, &w.calls[1], w.now);
	assert_none_ended(&w);
	assert_int_equal(w.machine.n, 0);
}

static void V15_200000_deadlines_at_once_take_no_quadratic_time(void **state)
{
	enum { MANY = 200000 };
	struct calling_call *calls = calloc(MANY, sizeof *calls);
	struct calling_limits most = limits;
	struct test_time begun;
	struct calling_call *ended;
	unsigned n = 0;
	struct world w;

	(void)state;
	assert_non_null(calls);
	begin(&w);
	most.calls = MANY;
	calling_init(&w.machine, &most, 1);
	for (int i = 0; i < MANY; i++)
		assert_ok(calling_add(&w.machine, &calls[i], 0, w.now + POSTERN_SECONDS(1), w.now));
	begun = test_time();
	w.now += POSTERN_SECONDS(1);
	calling_time(&w.machine, w.now);
	while ((ended = calling_ended(&w.machine)))
		n += ended->end == POSTERN_END_NOT_SENT;
	assert_int_equal(n, MANY);
	assert_took_less(begun, POSTERN_SECONDS(2));
	free(calls);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V15_a_call_is_answered_once),
		TEST(V15_answers_come_in_the_order_of_the_calls),
		TEST(V5_a_oneway_call_ends_when_the_kernel_has_its_last_byte),
		TEST(V5_an_answer_to_a_oneway_call_is_a_violation),
		TEST(V17_calls_beyond_the_limit_are_refused),
		TEST(V6_an_answer_before_its_call_was_sent_is_a_violation),
		TEST(V6_an_answer_too_many_is_a_violation),
		TEST(V6_continues_that_was_not_asked_for_is_a_violation),
		TEST(V16_a_call_with_more_has_a_connection_of_its_own),
		TEST(V7_a_confirmed_upgrade_takes_its_connection_out_of_the_machine),
		TEST(V7_an_upgrade_that_fails_or_continues_ends_its_connection),
		TEST(V16_who_frees_a_call_with_more_ends_its_connection),
		TEST(V16_after_a_deadline_in_flight_a_connection_takes_no_new_call),
		TEST(V16_a_call_that_was_alone_takes_its_connection_along_at_once),
		TEST(V16_answers_of_calls_that_left_are_skipped_wherever_they_were),
		TEST(V15_not_sent_is_exactly_what_the_kernel_has_not_got),
		TEST(V15_a_deadline_before_the_last_byte_is_sent_is_not_sent),
		TEST(V16_calls_behind_one_that_left_are_sent_on_another_connection),
		TEST(V17_a_connect_that_fails_ends_the_calls_that_waited_for_it),
		TEST(V17_without_memory_for_a_connection_calls_end),
		TEST(V17_a_connect_that_nobody_waits_for_is_given_up),
		TEST(V17_an_idle_connection_is_given_up),
		TEST(V17_losses_without_an_answer_are_followed_by_longer_and_longer_waits),
		TEST(V17_calls_that_were_not_sent_keep_their_order),
		TEST(V17_a_busy_service_is_asked_again_after_the_time_that_it_names),
		TEST(V17_a_refusal_is_the_end_when_the_deadline_comes_before_the_next_try),
		TEST(V17_a_call_that_was_refused_and_not_sent_since_ends_with_the_refusal),
		TEST(V17_a_stream_that_has_begun_is_not_begun_again),
		TEST(V15_all_calls_of_a_freed_caller_are_cancelled_once),
		TEST(V15_a_call_that_has_ended_and_was_not_told_can_be_freed),
		TEST(V15_200000_deadlines_at_once_take_no_quadratic_time),
	};

	return test_run(tests);
}
