/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-connect.c - the bounded connect, on a clock that stands still unless something waits for it
 *
 * So deadlines and waits are exact: a difference of a nanosecond fails a test.
 */
#include "told.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/server.h>

#include "fault.h"
#include "loop/loop.h"

/* ---- deadline, attempts, backoff ---- */

static void the_deadline_is_honoured_to_the_nanosecond(void **state)
{
	static const int64_t deadlines[] = { 1, 999999, POSTERN_MS(500), POSTERN_SECONDS(3600) };

	(void)state;
	for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
		connect_to("nobody",
			   OPTIONS(.deadline_ns = deadlines[i], .backoff_max_ns = deadlines[i]));
		assert_int_equal(connect_await(), deadlines[i]);
		assert_int_equal(told.code, POSTERN_REASON_TIMEOUT);
		assert_int_equal(told.error, -ENOENT);
		assert_int_equal(told.closed, 1);
		assert_non_null(strstr(told.text, "nobody"));
		connect_again();
	}
	connect_to("nobody", NULL);
	assert_int_equal(connect_await(), POSTERN_SECONDS(5)); /* the default */
}

static void the_limit_of_attempts_ends_it_with_no_server(void **state)
{
	(void)state;
	for (uint32_t attempts = 1; attempts <= 5; attempts++) {
		connect_to("nobody", OPTIONS(.attempts = attempts));
		assert_true(connect_await() < POSTERN_SECONDS(5));
		assert_int_equal(told.code, POSTERN_REASON_NO_SERVER);
		assert_int_equal(told.error, -ENOENT);
		assert_int_equal(told.attempts, attempts);
		assert_int_equal(count_states(POSTERN_STATE_CONNECTING), attempts);
		assert_int_equal(count_states(POSTERN_STATE_WAITING), attempts - 1);
		connect_again();
	}
}

/* Each attempt is told, and each failure with its reason. */
static void each_attempt_is_told_with_its_reason(void **state)
{
	(void)state;
	connect_to("nobody", NULL);
	connect_await();
	assert_true(told.attempts > 5);
	assert_int_equal(count_states(POSTERN_STATE_CONNECTING), told.attempts);
	assert_int_equal(count_states(POSTERN_STATE_WAITING), told.attempts - 1);
	for (int i = 0; i < told.n; i++)
		assert_int_equal(told.states[i],
				 i % 2 ? POSTERN_STATE_WAITING : POSTERN_STATE_CONNECTING);
	assert_int_equal(told.waits_without_reason, 0);
	assert_int_equal(told.last_error, -ENOENT);
}

/*
 * Full jitter: the k-th wait is evenly spread between 0 and 10 ms * 2^k, at most 1 s. Over 400 runs the
 * mean of each is near half its cap, none is above, and some are in the lowest and the highest tenth.
 */
static void waits_double_with_full_jitter_and_stay_below_their_caps(void **state)
{
	enum { RUNS = 400, WAITS = 12 };
	double sums[WAITS] = { 0 };
	int low[WAITS] = { 0 }, high[WAITS] = { 0 };

	(void)state;
	told.loop->random = 88172645463325252;
	for (int run = 0; run < RUNS; run++) {
		int64_t cap = POSTERN_MS(10);

		connect_to("nobody",
			   OPTIONS(.deadline_ns = POSTERN_FOREVER, .attempts = WAITS + 1));
		connect_await();
		for (int k = 0; k < WAITS; k++) {
			int64_t wait = told.at_ns[2 * k + 2] - told.at_ns[2 * k + 1];

			assert_true(wait >= 1 && wait <= cap);
			sums[k] += (double)wait / (double)cap;
			low[k] += wait < cap / 10;
			high[k] += wait > cap - cap / 10;
			cap = 2 * cap < POSTERN_SECONDS(1) ? 2 * cap : POSTERN_SECONDS(1);
		}
		connect_again();
	}
	for (int k = 0; k < WAITS; k++) {
		assert_true(sums[k] / RUNS > 0.45 && sums[k] / RUNS < 0.55);
		assert_in_range(low[k], RUNS / 20, RUNS / 5);
		assert_in_range(high[k], RUNS / 20, RUNS / 5);
	}
}

static void own_backoff_bounds_are_kept(void **state)
{
	(void)state;
	connect_to("nobody",
		   OPTIONS(.deadline_ns = POSTERN_SECONDS(60), .backoff_ns = POSTERN_MS(1),
			   .backoff_max_ns = POSTERN_MS(100)));
	connect_await();
	assert_true(told.attempts > 600);
	for (int k = 0; 2 * k + 2 < told.n; k++) {
		int64_t cap = k < 7 ? POSTERN_MS(1) << k : POSTERN_MS(100);

		assert_true(told.at_ns[2 * k + 2] - told.at_ns[2 * k + 1] <=
			    (cap < POSTERN_MS(100) ? cap : POSTERN_MS(100)));
	}
}

static void forever_is_only_for_those_who_write_it_out(void **state)
{
	(void)state;
	connect_to("nobody", OPTIONS(.deadline_ns = POSTERN_FOREVER));
	for (int i = 0; i < 2000; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	assert_int_equal(told.closed, 0);
	assert_true(told.at_ns[told.n - 1] - told.at_ns[0] > POSTERN_SECONDS(300));
	postern_conn_abort(told.c);
	connect_await();
	assert_int_equal(told.code, POSTERN_REASON_ABORTED);
}

/* ---- pains 9 and 10: what is worth waiting for ---- */

static void pain_10_a_server_that_comes_up_late_is_found(void **state)
{
	struct postern_timer *t;

	(void)state;
	assert_ok(postern_timer_new(&t, told.loop, late_starts, NULL));
	assert_ok(postern_timer_set(t, POSTERN_MS(2700)));
	connect_to("late", NULL);
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CONNECTED);
	assert_int_equal(told.last_error, -ENOENT);
	assert_int_equal(told.states[told.n - 1], POSTERN_STATE_CONNECTED);
	postern_server_free(late_server);
	postern_timer_free(t);
}

/* It came in the last pause, which the deadline cut short: the last attempt is made at the deadline itself. */
static void pain_10_the_last_attempt_is_at_the_deadline_itself(void **state)
{
	struct postern_timer *t;
	int64_t begin = postern_now();

	(void)state;
	assert_ok(postern_timer_new(&t, told.loop, late_starts, NULL));
	assert_ok(postern_timer_set(t, POSTERN_MS(700) - 1));
	connect_to("late",
		   OPTIONS(.deadline_ns = POSTERN_MS(700), .backoff_ns = POSTERN_SECONDS(3600),
			   .backoff_max_ns = POSTERN_SECONDS(3600)));
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CONNECTED);
	assert_int_equal(told.at_ns[told.n - 1], begin + POSTERN_MS(700));
	postern_server_free(late_server);
	postern_timer_free(t);
}

static void pain_10_a_socket_that_nobody_listens_on_is_waited_for(void **state)
{
	const char *path = test_path("stale");
	int fd = socket_at(path, SOCK_STREAM, -1);

	(void)state;
	connect_to(path, NULL);
	for (int i = 0; i < 6; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	assert_int_equal(told.last_error, -ECONNREFUSED);
	assert_ok(listen(fd, 8));
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CONNECTED);
	close(fd);
}

static void pain_09_a_full_backlog_is_retried_within_the_deadline(void **state)
{
	const char *path = test_path("full");
	int fd = socket_at(path, SOCK_STREAM, 0), fill[8], n = 0;

	(void)state;
	while (n < 8 && (fill[n] = connect_raw(path)) >= 0)
		n++;
	assert_in_range(n, 1, 7);
	connect_to(path, OPTIONS(.deadline_ns = POSTERN_MS(500)));
	fault_count_reset();
	assert_int_equal(connect_await(), POSTERN_MS(500));
	assert_int_equal(told.code, POSTERN_REASON_TIMEOUT);
	assert_int_equal(told.error, -EAGAIN);
	/* No polling in between: the turns are those of the attempts. */
	assert_true(fault_count(FAULT_epoll_wait) <= 2 * told.attempts + 2);
	connect_again();

	connect_to(path, NULL);
	for (int i = 0; i < 6; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	assert_int_equal(told.last_error, -EAGAIN);
	close(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CONNECTED);
	while (n > 0)
		close(fill[--n]);
	close(fd);
}

/* ---- the call itself ---- */

static void options_that_cannot_be_right_are_refused_at_once(void **state)
{
	static const uid_t uids[1];
	static const struct postern_conn_options bad_water = { .size = sizeof bad_water,
							       .high_water = 10,
							       .low_water = 11 };
	const struct postern_connect_options bad[] = {
		{ .size = sizeof(size_t) - 1 },
		{ .size = 5000 },
		{ .size = sizeof *bad, .deadline_ns = -1 },
		{ .size = sizeof *bad, .backoff_ns = -1 },
		{ .size = sizeof *bad, .backoff_max_ns = -1 },
		{ .size = sizeof *bad, .n_server_uids = 1 },
		{ .size = sizeof *bad, .n_server_uids = 5000, .server_uids = uids },
		{ .size = sizeof *bad, .conn = &bad_water },
	};
	struct {
		struct postern_connect_options ours;
		uint64_t news;
	} newer = { { .size = sizeof newer }, 0 };
	struct postern_conn *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_errno(postern_connect(&c, told.loop, "x", &bad[i], &told_events, &told),
			     -EINVAL);
	newer.news = 1;
	assert_errno(postern_connect(&c, told.loop, "x", &newer.ours, &told_events, &told), -E2BIG);
	newer.news = 0;
	assert_ok(postern_connect(&c, told.loop, "x", &newer.ours, &told_events, &told));
	c = postern_conn_free(c);
	/* An older caller knows of the deadline alone. */
	newer.ours = (struct postern_connect_options){
		.size = offsetof(struct postern_connect_options, backoff_ns),
		.deadline_ns = POSTERN_MS(3),
		.n_server_uids = 77,
	};
	connect_to("nobody", &newer.ours);
	assert_int_equal(connect_await(), POSTERN_MS(3));
}

static void arguments_that_cannot_be_right_are_refused_at_once(void **state)
{
	static const char *const names[] = { "", ".x", "a b", "a\nb", "@", "fd:3", "fd:", "/" };
	static const struct postern_conn_events old = { .size = 8 };
	struct postern_conn *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_errno(postern_connect(&c, told.loop, names[i], NULL, &told_events, &told),
			     -EINVAL);
		assert_int_not_equal(postern_why()->code, 0);
		assert_true(strlen(postern_why()->text) > 10);
	}
	assert_errno(postern_connect(NULL, told.loop, "x", NULL, &told_events, &told), -EINVAL);
	assert_errno(postern_connect(&c, NULL, "x", NULL, &told_events, &told), -EINVAL);
	assert_errno(postern_connect(&c, told.loop, NULL, NULL, &told_events, &told), -EINVAL);
	assert_errno(postern_connect(&c, told.loop, "x", NULL, NULL, &told), -EINVAL);
	assert_errno(postern_connect(&c, told.loop, "x", NULL, &old, &told), -EINVAL);
	assert_null(c);
	/* As errno: a good one leaves what the last failure said. */
	connect_to("x", NULL);
	assert_non_null(strstr(postern_why()->text, "postern_conn_events.size"));
}

static void no_event_comes_inside_the_call(void **state)
{
	(void)state;
	late_starts(NULL, NULL);
	connect_to("late", NULL);
	assert_int_equal(told.n, 0);
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CONNECTING);
	assert_int_equal(told.n, 0);
	postern_server_free(late_server);
}

/* ---- what is written meanwhile ---- */

static const struct postern_server_events swallow_server = {
	.size = sizeof swallow_server,
	.conn = &(const struct postern_conn_events){ .size = sizeof(struct postern_conn_events),
						     .received = told_received },
};

static void what_is_written_while_connecting_arrives_afterwards(void **state)
{
	struct postern_server *s;

	(void)state;
	connect_to("writer", NULL);
	assert_int_equal(postern_conn_write(told.c, "hello ", 6), 6);
	for (int i = 0; i < 5; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	assert_int_equal(postern_conn_write(told.c, "again", 5), 5);
	assert_int_equal(postern_conn_queued(told.c), 11);
	assert_ok(postern_server_new(&s, told.loop, "writer", NULL, &swallow_server, NULL));
	for (int i = 0; i < 200 && told.received < 11; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_MS(100)));
	assert_int_equal(told.received, 11);
	postern_server_free(s);
}

static void a_failed_connect_drops_what_was_written_and_says_so(void **state)
{
	(void)state;
	connect_to("nobody", NULL);
	assert_int_equal(postern_conn_write(told.c, "hello", 5), 5);
	connect_await();
	assert_int_equal(told.code, POSTERN_REASON_TIMEOUT);
	assert_int_equal(postern_conn_queued(told.c), 0);
	assert_errno(postern_conn_write(told.c, "more", 4), -ESTALE);
	assert_errno(postern_conn_close(told.c), -ESTALE);
	assert_errno(postern_conn_fd(told.c), -ESTALE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONNECT_TEST(the_deadline_is_honoured_to_the_nanosecond),
		CONNECT_TEST(the_limit_of_attempts_ends_it_with_no_server),
		CONNECT_TEST(each_attempt_is_told_with_its_reason),
		CONNECT_TEST(waits_double_with_full_jitter_and_stay_below_their_caps),
		CONNECT_TEST(own_backoff_bounds_are_kept),
		CONNECT_TEST(forever_is_only_for_those_who_write_it_out),
		CONNECT_TEST(pain_10_a_server_that_comes_up_late_is_found),
		CONNECT_TEST(pain_10_the_last_attempt_is_at_the_deadline_itself),
		CONNECT_TEST(pain_10_a_socket_that_nobody_listens_on_is_waited_for),
		CONNECT_TEST(pain_09_a_full_backlog_is_retried_within_the_deadline),
		CONNECT_TEST(options_that_cannot_be_right_are_refused_at_once),
		CONNECT_TEST(arguments_that_cannot_be_right_are_refused_at_once),
		CONNECT_TEST(no_event_comes_inside_the_call),
		CONNECT_TEST(what_is_written_while_connecting_arrives_afterwards),
		CONNECT_TEST(a_failed_connect_drops_what_was_written_and_says_so),
	};

	fault_reset();
	return test_run(tests);
}
