/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How connections end: the peer's end and ours, in order, once, with the reason; and that nothing which
 * was sent before is lost.
 */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char big[4 * 1024 * 1024];

/* Fills the queue and the kernel's buffer; returns how much was taken. */
static size_t fill(struct pair *p, size_t at_most)
{
	size_t n = 0;
	ssize_t r = 0;

	while (n < at_most && (r = postern_conn_write(p->c, big, at_most - n)) > 0)
		n += (size_t)r;
	turn(p->loop, 0);
	return n;
}

/* ---- half-close ---- */

static void the_peers_end_is_told_once_and_writing_goes_on(void **state)
{
	struct pair p;
	char got[5];

	(void)state;
	pair_open(&p, NULL);
	pair_send(&p, "hello", 5);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	turn_until(p.loop, p.end.ended);
	assert_true(turn_for(p.loop, 30) <= 5);
	assert_string_equal(p.end.trace, "re");
	assert_int_equal(postern_conn_state(p.c), POSTERN_STATE_CONNECTED);

	assert_int_equal(postern_conn_write(p.c, "reply", 5), 5);
	pair_receive(&p, got, 5);
	assert_memory_equal(got, "reply", 5);
	assert_ok(postern_conn_close(p.c));
	turn_until(p.loop, p.end.closed);
	assert_int_equal(p.end.ended, 1);
	assert_end_closed(&p.end, POSTERN_REASON_CLOSED, 0);
	pair_close(&p);
}

static void without_an_ended_callback_the_queue_is_sent_and_then_it_closes(void **state)
{
	static struct postern_conn_events events;
	struct pair p;

	(void)state;
	events = end_events;
	events.ended = NULL;
	pair_open(&p, NULL);
	assert_ok(postern_conn_set_events(p.c, &events, &p.end));
	assert_int_equal(fill(&p, 1000000), 1000000);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	assert_int_equal(pair_receive_end(&p), 1000000);
	turn_until(p.loop, p.end.closed);
	assert_end_closed(&p.end, POSTERN_REASON_ENDED, 0);
	pair_close(&p);
}

static void a_shutdown_comes_after_all_that_is_queued(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(fill(&p, 2000000), 2000000);
	assert_ok(postern_conn_shutdown(p.c));
	assert_ok(postern_conn_shutdown(p.c));
	assert_errno(postern_conn_write(p.c, "x", 1), -EPIPE);
	assert_int_equal(postern_conn_room(p.c), 0);
	assert_int_equal(pair_receive_end(&p), 2000000);

	/* The other way stays open. */
	pair_send(&p, "late", 4);
	turn_until(p.loop, p.end.n == 4);
	pair_close_peer(&p);
	turn_until(p.loop, p.end.closed);
	assert_string_equal(p.end.trace, "rec");
	assert_end_closed(&p.end, POSTERN_REASON_ENDED, 0);
	pair_close(&p);
}

static void both_ends_half_closed_is_the_end(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_shutdown(p.c));
	turn_quiet(p.loop);
	pair_send(&p, "last", 4);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	turn_until(p.loop, p.end.closed);
	assert_string_equal(p.end.trace, "rec");
	assert_end_closed(&p.end, POSTERN_REASON_ENDED, 0);
	pair_close(&p);
}

static size_t echo_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	(void)data;
	return taken > 0 ? (size_t)taken : 0;
}

/* As in the header: a small queue, a peer that sends all before it reads anything, then half-closes. */
static void an_echo_with_a_small_queue_returns_all_after_the_peers_end(void **state)
{
	static const struct postern_conn_events echo = { .size = sizeof(echo),
							 .received = echo_received };
	struct postern_conn_options options = { .size = sizeof(options),
						.high_water = 10000,
						.unread = 5000 };
	struct pair p;
	size_t n = 400000, sent = 0, got = 0;
	char *back = malloc(n + 1);

	(void)state;
	pattern_fill(big, 0, n);
	pair_open(&p, &options);
	assert_ok(postern_conn_set_events(p.c, &echo, NULL));
	for (int quiet = 0; quiet < 5;) {
		ssize_t r = send(p.peer, big + sent, n - sent, MSG_NOSIGNAL);

		sent += r > 0 ? (size_t)r : 0;
		quiet = r > 0 && sent < n ? 0 : quiet + 1;
		turn(p.loop, 1);
	}
	n = sent;
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	for (;;) {
		ssize_t r = recv(p.peer, back + got, n + 1 - got, 0);

		if (r == 0)
			break;
		if (r < 0)
			assert_int_equal(errno, EAGAIN);
		got += r > 0 ? (size_t)r : 0;
		turn(p.loop, 1);
	}
	assert_int_equal(got, n);
	assert_int_equal(pattern_check(back, 0, n), n);
	free(back);
	pair_close(&p);
}

/* ---- closing ---- */

static void a_close_sends_all_that_is_queued(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(fill(&p, 3000000), 3000000);
	assert_ok(postern_conn_close(p.c));
	assert_int_equal(postern_conn_state(p.c), POSTERN_STATE_CLOSING);
	assert_ok(postern_conn_close(p.c));
	assert_errno(postern_conn_write(p.c, "x", 1), -EPIPE);
	assert_int_equal(p.end.closed, 0);
	turn(p.loop, 0);
	assert_int_equal(p.end.state, POSTERN_STATE_CLOSING);
	assert_int_equal(pair_receive_end(&p), 3000000);
	turn_until(p.loop, p.end.closed);
	assert_end_closed(&p.end, POSTERN_REASON_CLOSED, 0);
	assert_int_equal(p.end.states, 1);
	pair_close(&p);
}

/* A socket closed with bytes unread gives ECONNRESET to its peer, and the last reply would be lost. */
static void the_peer_reads_the_end_and_no_reset_though_we_left_bytes_unread(void **state)
{
	struct pair p;

	(void)state;
	for (int way = 0; way < 3; way++) {
		pair_open(&p, NULL);
		assert_ok(postern_conn_pause(p.c));
		pair_send(&p, big, 100000);
		turn_quiet(p.loop);
		assert_int_equal(postern_conn_write(p.c, "reply", 5), 5);
		if (way == 0)
			assert_ok(postern_conn_close(p.c));
		else if (way == 1)
			p.c = postern_conn_free(p.c);
		else
			p.loop = (turn(p.loop, 0), postern_loop_free(p.loop));
		if (p.loop)
			turn_quiet(p.loop);
		assert_int_equal(pair_receive_end(&p), 5);
		pair_close(&p);
	}
}

static void what_the_peer_sends_during_a_close_is_dropped(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(fill(&p, 1000000), 1000000);
	assert_ok(postern_conn_close(p.c));
	/* It reads only after we have read: to wait for each other would last until the deadline. */
	pair_send(&p, big, 1000000);
	assert_int_equal(pair_receive_end(&p), 1000000);
	turn_until(p.loop, p.end.closed);
	assert_int_equal(p.end.n, 0);
	assert_end_closed(&p.end, POSTERN_REASON_CLOSED, 0);
	pair_close(&p);
}

static void a_close_is_forced_at_its_deadline(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options),
						.drain_ns = POSTERN_MS(100) };
	struct test_time begun;
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	fill(&p, 3000000);
	begun = test_time();
	assert_ok(postern_conn_close(p.c));
	turn_until(p.loop, p.end.closed);
	assert_took(begun, POSTERN_MS(99), POSTERN_MS(100));
	assert_end_closed(&p.end, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
	pair_close(&p);
}

static void a_peer_that_goes_during_a_close_is_a_reset(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	fill(&p, 3000000);
	assert_ok(postern_conn_close(p.c));
	turn_quiet(p.loop);
	pair_close_peer(&p);
	turn_until(p.loop, p.end.closed);
	assert_int_equal(p.end.closed, 1);
	assert_int_equal(p.end.why.code, POSTERN_REASON_RESET);
	pair_close(&p);
}

static void an_abort_drops_what_is_queued(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, "hello", 5), 5);
	assert_ok(postern_conn_abort(p.c));
	assert_int_equal(p.end.closed, 0);
	turn_quiet(p.loop);
	assert_end_closed(&p.end, POSTERN_REASON_ABORTED, 0);
	assert_int_equal(pair_receive_end(&p), 0);
	assert_errno(postern_conn_abort(p.c), -ESTALE);
	pair_close(&p);
}

static void a_free_after_an_abort_sends_nothing_of_it(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, "secret", 6), 6);
	assert_ok(postern_conn_abort(p.c));
	p.c = postern_conn_free(p.c);
	assert_int_equal(pair_receive_end(&p), 0);
	assert_int_equal(p.end.closed, 0);
	pair_close(&p);
}

static void an_abort_ends_a_close(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	fill(&p, 3000000);
	assert_ok(postern_conn_close(p.c));
	turn_quiet(p.loop);
	assert_int_equal(p.end.closed, 0);
	assert_ok(postern_conn_abort(p.c));
	turn_until(p.loop, p.end.closed);
	assert_end_closed(&p.end, POSTERN_REASON_ABORTED, 0);
	pair_close(&p);
}

static void a_free_sends_what_the_kernel_takes_and_is_silent(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, big, 10000), 10000);
	p.c = postern_conn_free(p.c);
	assert_null(p.c);
	assert_int_equal(pair_receive_end(&p), 10000);
	turn_quiet(p.loop);
	assert_string_equal(p.end.trace, "");
	pair_close(&p);
}

/* ---- the peer goes ---- */

static void a_peer_that_ends_cleanly_has_ended(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	pair_send(&p, "hello", 5);
	pair_close_peer(&p);
	turn_until(p.loop, p.end.closed);
	turn_quiet(p.loop);
	assert_end_has(&p.end, "hello");
	assert_string_equal(p.end.trace, "rec");
	assert_end_closed(&p.end, POSTERN_REASON_ENDED, 0);
	assert_int_equal(postern_conn_why(p.c)->code, POSTERN_REASON_ENDED);
	pair_close(&p);
}

static void a_peer_that_dies_with_our_bytes_unread_is_a_reset_after_its_data(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, "unread", 6), 6);
	turn_quiet(p.loop);
	pattern_fill(big, 0, 150000);
	/* More than the shared buffer, so that the reset is met with data still in the kernel. */
	assert_int_equal(send(p.peer, big, 150000, MSG_NOSIGNAL), 150000);
	pair_close_peer(&p);
	turn_until(p.loop, p.end.closed);
	assert_int_equal(p.end.n, 150000);
	assert_int_equal(pattern_check(p.end.bytes, 0, 150000), 150000);
	assert_string_equal(p.end.trace, "rec");
	assert_int_equal(p.end.why.code, POSTERN_REASON_RESET);
	pair_close(&p);
}

static void a_failing_write_does_not_hide_what_the_peer_had_sent(void **state)
{
	struct pair p;
	ssize_t r;

	(void)state;
	for (int large = 0; large < 2; large++) {
		pair_open(&p, NULL);
		pair_send(&p, "last words", 10);
		pair_close_peer(&p);
		/* Queued, or tried at once: EPIPE before anything was read. */
		r = postern_conn_write(p.c, big, large ? 100000 : 5);
		if (r < 0)
			assert_errno(r, -EPIPE);
		assert_int_equal(p.end.closed, 0);
		turn_until(p.loop, p.end.closed);
		assert_end_has(&p.end, "last words");
		assert_string_equal(p.end.trace, "rec");
		assert_int_equal(p.end.why.code, POSTERN_REASON_RESET);
		pair_close(&p);
	}
}

static void an_error_of_a_flush_arrives_as_the_closed_event(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	pair_send(&p, "last words", 10);
	pair_close_peer(&p);
	assert_int_equal(postern_conn_write(p.c, "x", 1), 1);
	assert_ok(postern_conn_flush(p.c));
	assert_errno(postern_conn_write(p.c, "x", 1), -EPIPE);
	turn_until(p.loop, p.end.closed);
	assert_string_equal(p.end.trace, "rec");
	pair_close(&p);
}

static void close_on_end(struct end *e, struct postern_conn *c, enum end_event event)
{
	(void)e;
	if (event == END_ENDED)
		assert_ok(postern_conn_close(c));
}

/* An echo, and a peer that floods, never reads, and dies. What is kept of its bytes was declined until
   drained; that will not come, and nobody can be answered: there is nothing to wait for. */
static void a_flooding_peer_that_dies_is_let_go_at_once(void **state)
{
	static struct postern_conn_events echo;
	struct pair p;
	struct test_time begun;

	(void)state;
	echo = end_events;
	for (int without_ended = 0; without_ended < 2; without_ended++) {
		echo.received = echo_received;
		echo.ended = without_ended ? NULL : end_events.ended;
		pair_open(&p, NULL);
		p.end.hook = close_on_end;
		assert_ok(postern_conn_set_events(p.c, &echo, &p.end));
		for (int i = 0; i < 500; i++) {
			while (send(p.peer, big, sizeof(big), MSG_NOSIGNAL) > 0)
				;
			turn(p.loop, 0);
		}
		assert_true(postern_conn_queued(p.c) > 8000000);
		pair_close_peer(&p);
		begun = test_time();
		turn_until(p.loop, p.end.closed);
		assert_took(begun, 0, POSTERN_MS(200));
		assert_int_equal(p.end.why.code, POSTERN_REASON_RESET);
		/* Bytes of it were declined, for good: there is no end to be told behind them. */
		assert_int_equal(p.end.ended, 0);
		pair_close(&p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_peers_end_is_told_once_and_writing_goes_on),
		TEST(without_an_ended_callback_the_queue_is_sent_and_then_it_closes),
		TEST(a_shutdown_comes_after_all_that_is_queued),
		TEST(both_ends_half_closed_is_the_end),
		TEST(an_echo_with_a_small_queue_returns_all_after_the_peers_end),
		TEST(a_close_sends_all_that_is_queued),
		TEST(the_peer_reads_the_end_and_no_reset_though_we_left_bytes_unread),
		TEST(what_the_peer_sends_during_a_close_is_dropped),
		TEST(a_close_is_forced_at_its_deadline),
		TEST(a_peer_that_goes_during_a_close_is_a_reset),
		TEST(an_abort_drops_what_is_queued),
		TEST(a_free_after_an_abort_sends_nothing_of_it),
		TEST(an_abort_ends_a_close),
		TEST(a_free_sends_what_the_kernel_takes_and_is_silent),
		TEST(a_peer_that_ends_cleanly_has_ended),
		TEST(a_peer_that_dies_with_our_bytes_unread_is_a_reset_after_its_data),
		TEST(a_failing_write_does_not_hide_what_the_peer_had_sent),
		TEST(an_error_of_a_flush_arrives_as_the_closed_event),
		TEST(a_flooding_peer_that_dies_is_let_go_at_once),
	};
	return test_run(tests);
}
