/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-ends.c - what is owed is told, or the end is told in its place; and slow is not dead
 *
 * Time stands still but for what the tests let pass, so the limits are exact.
 */
#include "pair.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/client.h>
#include <postern/frame.h>

#include "conn/conn.h"
#include "fault.h"

#define IDLE POSTERN_SECONDS(8)

static char big[1 << 20];

static int ends_setup(void **state)
{
	(void)state;
	fault_reset();
	fault_clock_fake();
	return 0;
}

static int ends_finish(void **state)
{
	(void)state;
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define ENDS_TEST(name) TEST_WITH(name, ends_setup, ends_finish)

static struct postern_conn_options with(uint32_t framing, uint32_t high_water)
{
	return (struct postern_conn_options){ .size = sizeof(struct postern_conn_options),
					      .framing = framing,
					      .high_water = high_water,
					      .idle_ns = IDLE,
					      .message_ns = POSTERN_SECONDS(20) };
}

/* Lets ns pass in steps of a tenth of a second, with a turn after each; returns when it has closed. */
static int64_t pass(struct pair *p, int64_t ns)
{
	int64_t begun = postern_now();

	while (!p->end.closed && postern_now() < begun + ns) {
		fault_clock_advance(POSTERN_MS(100));
		turn(p->loop, 0);
		turn(p->loop, 0);
	}
	return postern_now() - begun;
}

#define assert_within(took, at_least, at_most) \
	assert_in_range((took) / 1000000, (at_least) / 1000000, (at_most) / 1000000)

/* ---- what is owed and cannot come ---- */

static void pause_when_refused(struct end *e, struct postern_conn *c, enum end_event event)
{
	if (event == END_RECEIVED && postern_conn_write(c, big, sizeof(big)) < (ssize_t)sizeof(big))
		postern_conn_pause(c);
	(void)e;
}

static void paused_until_drained_it_ends_with_its_peer(void **state)
{
	(void)state;
	for (int rest = 0; rest < 2; rest++) {
		struct postern_conn_options options = with(0, 300000);
		struct pair p;
		int64_t took;

		pair_open(&p, &options);
		p.end.hook = pause_when_refused;
		p.end.take = 1;
		pair_send(&p, "request", 7);
		turn_quiet(p.loop);
		assert_int_equal(p.end.drained, 0);
		/* Bytes that were received and not taken may be wanted yet: for as long as the limit allows. */
		if (!rest) {
			p.end.hook = NULL;
			p.end.take = SIZE_MAX;
			assert_ok(postern_conn_resume(p.c));
			turn_quiet(p.loop);
			assert_ok(postern_conn_pause(p.c));
		}
		pair_close_peer(&p);
		took = pass(&p, 3 * IDLE);
		assert_int_equal(p.end.closed, 1);
		assert_int_equal(p.end.drained, 0);
		assert_end_closed(&p.end, POSTERN_REASON_RESET, -EPIPE);
		assert_within(took, rest ? IDLE : 0, rest ? IDLE + IDLE / 2 : POSTERN_MS(200));
		pair_close(&p);
	}
}

static void a_producer_whose_peer_stopped_reading_is_told_the_end_though_the_peer_trickles(
	void **state)
{
	struct postern_conn_options options = with(0, 500000);
	struct pair p;
	int64_t begun;

	(void)state;
	pair_open(&p, &options);
	assert_true(postern_conn_write(p.c, big, sizeof(big)) == 500000);
	turn_quiet(p.loop);
	assert_int_equal(shutdown(p.peer, SHUT_RD), 0);
	begun = postern_now();
	while (!p.end.closed && postern_now() < begun + 4 * IDLE) {
		assert_true(send(p.peer, "k", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1);
		pass(&p, POSTERN_MS(500));
	}
	assert_int_equal(p.end.closed, 1);
	assert_within(postern_now() - begun, IDLE, 2 * IDLE);
	pair_close(&p);
}

static void a_drained_that_cannot_come_is_the_end_at_once_also_from_a_peer_that_lives(void **state)
{
	struct postern_conn_options options = with(0, 10);
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_write(p.c, big, 20), 10);
	assert_int_equal(shutdown(p.peer, SHUT_RD), 0);
	pair_send(&p, "last", 4);
	turn_quiet(p.loop);
	/* What it had sent comes first. */
	assert_string_equal(p.end.trace, "rc");
	assert_end_closed(&p.end, POSTERN_REASON_RESET, -EPIPE);
	pair_close(&p);
}

static void a_peer_that_reads_nothing_of_what_drained_waits_for_is_idle_while_it_trickles(
	void **state)
{
	struct postern_conn_options options = with(0, 500000);
	struct pair p;
	int64_t begun;

	(void)state;
	pair_open(&p, &options);
	assert_true(postern_conn_write(p.c, big, sizeof(big)) == 500000);
	begun = postern_now();
	while (!p.end.closed && postern_now() < begun + 4 * IDLE) {
		pair_send(&p, "k", 1);
		pass(&p, POSTERN_MS(500));
	}
	assert_end_closed(&p.end, POSTERN_REASON_IDLE, -ETIMEDOUT);
	assert_within(postern_now() - begun, IDLE, 2 * IDLE);
	pair_close(&p);
}

static void a_peer_that_sends_64_kib_within_the_limit_is_not_idle_though_it_reads_nothing(
	void **state)
{
	struct postern_conn_options options = with(0, 500000);
	struct pair p;
	int64_t begun;

	(void)state;
	pair_open(&p, &options);
	p.end.discard = true;
	assert_true(postern_conn_write(p.c, big, sizeof(big)) == 500000);
	begun = postern_now();
	while (postern_now() < begun + 4 * IDLE) {
		pair_send(&p, big, 8192);
		pass(&p, POSTERN_MS(900));
		assert_int_equal(p.end.closed, 0);
	}
	pair_close(&p);
}

static void paused_with_a_peer_that_lives_is_for_ever_and_gone_ends_it_at_once(void **state)
{
	struct postern_conn_options options = with(0, 0);
	struct pair p;
	int64_t took;

	(void)state;
	pair_open(&p, &options);
	assert_ok(postern_conn_pause(p.c));
	pass(&p, 10 * IDLE);
	assert_int_equal(p.end.closed, 0);
	pair_close_peer(&p);
	took = pass(&p, IDLE);
	assert_end_closed(&p.end, POSTERN_REASON_ENDED, 0);
	assert_int_equal(p.end.ended, 1);
	assert_within(took, 0, POSTERN_MS(200));
	pair_close(&p);
}

static void a_pause_over_the_bytes_of_one_that_has_gone_ends_at_the_limit(void **state)
{
	struct postern_conn_options options = with(0, 0);
	struct pair p;
	int64_t took;

	(void)state;
	pair_open(&p, &options);
	assert_ok(postern_conn_pause(p.c));
	pair_send(&p, "last words", 10);
	pair_close_peer(&p);
	turn_quiet(p.loop);
	took = pass(&p, 3 * IDLE);
	assert_end_closed(&p.end, POSTERN_REASON_IDLE, -ETIMEDOUT);
	assert_within(took, IDLE - POSTERN_MS(200), IDLE + IDLE / 2);
	assert_int_equal(p.end.n, 0);
	pair_close(&p);
}

static void a_pause_over_a_half_close_lets_the_program_answer(void **state)
{
	struct postern_conn_options options = with(0, 0);
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	assert_ok(postern_conn_pause(p.c));
	pair_send(&p, "question", 8);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	pass(&p, 4 * IDLE);
	assert_int_equal(p.end.closed, 0);
	assert_int_equal(p.end.ended, 0);
	assert_int_equal(postern_conn_write(p.c, "answer", 6), 6);
	turn_quiet(p.loop);
	assert_ok(postern_conn_resume(p.c));
	turn_quiet(p.loop);
	assert_end_has(&p.end, "question");
	assert_string_equal(p.end.trace, "re");
	pair_close(&p);
}

static void declining_for_ever_is_idle(void **state)
{
	(void)state;
	for (int gone = 0; gone < 2; gone++) {
		struct postern_conn_options options = with(0, 0);
		struct pair p;
		int64_t took;

		pair_open(&p, &options);
		p.end.take = 0;
		pair_send(&p, "nobody wants it", 15);
		if (gone)
			pair_close_peer(&p);
		took = pass(&p, 3 * IDLE);
		assert_end_closed(&p.end, POSTERN_REASON_IDLE, -ETIMEDOUT);
		assert_int_equal(p.end.ended, 0);
		assert_within(took, IDLE - POSTERN_MS(200), IDLE + IDLE / 2);
		pair_close(&p);
	}
}

/* ---- the end never overtakes bytes ---- */

/* Takes what the other connection takes; its drained resumes. */
static void relay_drained(struct end *e, struct postern_conn *c, enum end_event event)
{
	(void)c;
	if (event == END_DRAINED)
		postern_conn_resume(e->hook_data);
}

static void what_a_relay_declined_is_offered_until_it_is_taken_and_the_end_comes_after_it(
	void **state)
{
	(void)state;
	for (int slow = 0; slow < 2; slow++) {
		struct postern_conn_options options = with(0, 65536);
		struct pair from, to;
		size_t passed = 0;

		pair_open(&from, &options);
		pair_open(&to, &options);
		to.end.hook = relay_drained;
		to.end.hook_data = from.c;
		from.end.take = 0;
		pattern_fill(big, 0, 150000);
		assert_int_equal(send(from.peer, big, 150000, MSG_NOSIGNAL), 150000);
		pair_close_peer(&from);
		/* Nothing is taken for a while that is shorter than the limit. */
		for (int i = 0; slow && i < 10; i++)
			pass(&from, IDLE / 16);
		assert_int_equal(from.end.ended, 0);
		while (!from.end.closed) {
			from.end.take = from.end.n - passed < 1000 ? from.end.n + 7000 - passed : 0;
			passed = from.end.n;
			assert_ok(postern_conn_resume(from.c));
			pass(&from, POSTERN_MS(100));
		}
		assert_int_equal(from.end.n, 150000);
		assert_int_equal(pattern_check(from.end.bytes, 0, 150000), 150000);
		assert_end_closed(&from.end, POSTERN_REASON_ENDED, 0);
		assert_int_equal(from.end.ended, 1);
		pair_close(&from);
		pair_close(&to);
	}
}

static void abort_on_receipt(struct end *e, struct postern_conn *c, enum end_event event)
{
	(void)e;
	if (event == END_RECEIVED)
		postern_conn_abort(c);
}

static void after_abort_there_is_only_the_final_event(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		struct postern_conn_options options = with(0, 0);
		struct pair p;

		pair_open(&p, &options);
		p.end.hook = abort_on_receipt;
		p.end.take = 1;
		/* As much as a read takes, or less; then the end. */
		assert_int_equal(send(p.peer, big, full ? 65536 : 100, MSG_NOSIGNAL),
				 full ? 65536 : 100);
		pair_close_peer(&p);
		turn_quiet(p.loop);
		assert_string_equal(p.end.trace, "rc");
		assert_end_closed(&p.end, POSTERN_REASON_ABORTED, 0);
		pair_close(&p);
	}
}

static void what_comes_between_an_abort_and_its_event_does_not_change_the_reason(void **state)
{
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	turn_until(s.loop, s.accepted == 1);
	assert_ok(postern_conn_abort(s.conns[0]));
	s.server = postern_server_free(s.server);
	assert_int_equal(s.conns_closed, 1);
	assert_int_equal(s.conn_why, POSTERN_REASON_ABORTED);
	close(fd);
	site_close(&s);
}

static void after_abort_and_close_nothing_is_taken_any_more(void **state)
{
	struct pair p;

	(void)state;
	for (int aborts = 0; aborts < 2; aborts++) {
		pair_open(&p, NULL);
		assert_ok(aborts ? postern_conn_abort(p.c) : postern_conn_close(p.c));
		assert_errno(postern_conn_write(p.c, "x", 1), -EPIPE);
		assert_errno(postern_conn_write_frame(p.c, POSTERN_FRAMING_LINES, "x", 1), -EPIPE);
		assert_int_equal(postern_conn_room(p.c), 0);
		assert_ok(postern_conn_pause(p.c));
		assert_ok(postern_conn_resume(p.c));
		assert_ok(postern_conn_shutdown(p.c));
		assert_ok(postern_conn_close(p.c));
		assert_errno(postern_conn_detach(p.c), -ENOTCONN);
		turn_quiet(p.loop);
		assert_end_closed(&p.end, aborts ? POSTERN_REASON_ABORTED : POSTERN_REASON_CLOSED,
				  0);
		pair_close(&p);
	}
}

/* ---- slow is not dead, and trickling is no weapon ---- */

static void a_peer_that_reads_64_kib_within_the_limit_is_never_idle(void **state)
{
	struct postern_conn_options options = with(0, sizeof(big));
	struct pair p;
	size_t n = 0;

	(void)state;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_write(p.c, big, sizeof(big)), sizeof(big));
	while (n < sizeof(big)) {
		char piece[820];
		ssize_t r = recv(p.peer, piece, sizeof(piece), MSG_DONTWAIT);

		if (r > 0)
			n += (size_t)r;
		pass(&p, POSTERN_MS(100));
		assert_int_equal(p.end.closed, 0);
	}
	pair_close(&p);
}

static void after_a_look_that_saw_nothing_sends_are_small_until_all_is_read(void **state)
{
	struct postern_conn_options options = with(0, sizeof(big));
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_write(p.c, big, sizeof(big)), sizeof(big));
	pass(&p, IDLE * 7 / 8);
	assert_true(p.c->flags & CONN_SLOW);
	/* It takes what is there, and then is sent to in pieces that it is seen to read. */
	/* postern-review: ignore E4 what is there is read, and more is asked for later */
	while (recv(p.peer, big, 65536, MSG_DONTWAIT) > 0)
		;
	fault_count_reset();
	turn_quiet(p.loop);
	assert_true(fault_count(FAULT_send) + fault_count(FAULT_sendmsg) >= 8);
	assert_true(p.c->flags & CONN_SLOW);
	/* When it has read all, it is a peer like any other. */
	while (postern_conn_queued(p.c) > 0) {
		while (recv(p.peer, big, 65536, MSG_DONTWAIT) > 0)
			;
		turn(p.loop, 0);
	}
	/* postern-review: ignore E4 what is there now is all that is wanted */
	while (recv(p.peer, big, 65536, MSG_DONTWAIT) > 0)
		;
	pass(&p, IDLE);
	assert_false(p.c->flags & CONN_SLOW);
	assert_int_equal(p.end.closed, 0);
	pair_close(&p);
}

static unsigned frames;

static void count_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	(void)c, (void)payload, (void)n, (void)data;
	frames++;
}

static void end_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	end_events.closed(c, why, data);
}

static const struct postern_conn_events frame_events = { .size = sizeof(frame_events),
							 .frame = count_frame,
							 .closed = end_closed };

/* Sends the first bytes of a message of 200,000, then `step` more each second. */
static int64_t send_slowly(struct pair *p, size_t step, bool pauses)
{
	static const char head[4] = { 0, 3, 0x0d, 0x40 };
	int64_t begun = postern_now();

	frames = 0;
	assert_ok(postern_conn_set_events(p->c, &frame_events, &p->end));
	pair_send(p, head, 4);
	for (size_t sent = 0; sent < 200000 && !p->end.closed; sent += step) {
		pair_send(p, big, step < 200000 - sent ? step : 200000 - sent);
		if (pauses)
			assert_ok(postern_conn_pause(p->c));
		pass(p, POSTERN_SECONDS(1));
		if (pauses && !p->end.closed)
			assert_ok(postern_conn_resume(p->c));
	}
	return postern_now() - begun;
}

static void a_message_has_a_time_of_its_own_from_its_first_byte(void **state)
{
	struct postern_conn_options options = with(POSTERN_FRAMING_U32BE, 0);
	struct pair p;

	(void)state;
	/* Longer than the idle limit, and whole within the message's. */
	pair_open(&p, &options);
	assert_true(send_slowly(&p, 12000, false) > 2 * IDLE);
	turn_quiet(p.loop);
	assert_int_equal(frames, 1);
	assert_int_equal(p.end.closed, 0);
	/* The next one too, from its own first byte. */
	send_slowly(&p, 12000, false);
	turn_quiet(p.loop);
	assert_int_equal(frames, 1);
	assert_int_equal(p.end.closed, 0);
	/* One that trickles is ended. */
	assert_within(send_slowly(&p, 100, false), POSTERN_SECONDS(20), POSTERN_SECONDS(21));
	assert_end_closed(&p.end, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
	pair_close(&p);
}

static void the_time_of_a_message_does_not_run_while_it_is_on_the_program(void **state)
{
	struct postern_conn_options options = with(POSTERN_FRAMING_U32BE, 0);
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	send_slowly(&p, 4000, true);
	turn_quiet(p.loop);
	assert_int_equal(frames, 1);
	assert_int_equal(p.end.closed, 0);
	pair_close(&p);
}

static void a_message_of_which_nothing_comes_is_idle(void **state)
{
	struct postern_conn_options options = with(POSTERN_FRAMING_U32BE, 0);
	struct pair p;
	int64_t begun;

	(void)state;
	pair_open(&p, &options);
	pair_send(&p, "\0\0\0\7abc", 7);
	begun = postern_now();
	pass(&p, 3 * IDLE);
	assert_end_closed(&p.end, POSTERN_REASON_IDLE, -ETIMEDOUT);
	assert_within(postern_now() - begun, IDLE - POSTERN_MS(200), IDLE + IDLE / 2);
	pair_close(&p);
}

/* ---- memory that is short, and sends that are refused ---- */

static void fail_send(int error)
{
	fault_arm(&(struct fault){ .call = FAULT_send, .nth = 1, .error = error });
}

static void a_retry_works_in_every_state(void **state)
{
	(void)state;
	for (int closing = 0; closing < 2; closing++) {
		struct pair p;
		char got[16];

		pair_open(&p, NULL);
		assert_int_equal(postern_conn_write(p.c, "important", 9), 9);
		if (closing)
			assert_ok(postern_conn_close(p.c));
		fail_send(ENOBUFS);
		turn(p.loop, 0);
		assert_int_equal(fault_disarm(), 1);
		assert_true(pass(&p, POSTERN_MS(300)) > 0);
		assert_int_equal(recv(p.peer, got, sizeof(got), MSG_DONTWAIT), 9);
		assert_int_equal(p.end.closed, closing);
		if (closing)
			assert_end_closed(&p.end, POSTERN_REASON_CLOSED, 0);
		pair_close(&p);
	}
}

static void memory_that_stays_short_ends_a_close_at_its_deadline(void **state)
{
	struct pair p;
	int64_t begun;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, "important", 9), 9);
	assert_ok(postern_conn_close(p.c));
	fault_arm(&(struct fault){ .call = FAULT_send, .nth = 1, .error = ENOBUFS, .stays = true });
	begun = postern_now();
	pass(&p, POSTERN_SECONDS(20));
	fault_disarm();
	assert_end_closed(&p.end, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
	assert_within(postern_now() - begun, POSTERN_SECONDS(5) - POSTERN_MS(200),
		      POSTERN_SECONDS(5) + POSTERN_MS(300));
	pair_close(&p);
}

static void a_refused_send_is_told_at_once_with_its_reason(void **state)
{
	static const int errors[] = { EPERM, EACCES };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct pair p;

		pair_open(&p, NULL);
		assert_int_equal(postern_conn_write(p.c, "secret", 6), 6);
		if (i & 2)
			assert_ok(postern_conn_close(p.c));
		fail_send(errors[i & 1]);
		turn_quiet(p.loop);
		fault_disarm();
		assert_end_closed(&p.end, POSTERN_REASON_NOT_ALLOWED, -errors[i & 1]);
		pair_close(&p);
	}
}

static void a_flush_that_is_refused_ends_the_connection_in_the_next_turn(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, "secret", 6), 6);
	fail_send(EPERM);
	assert_int_equal(postern_conn_flush(p.c), 6);
	fault_disarm();
	assert_int_equal(p.end.closed, 0);
	assert_errno(postern_conn_write(p.c, "more", 4), -EPIPE);
	turn_quiet(p.loop);
	assert_end_closed(&p.end, POSTERN_REASON_NOT_ALLOWED, -EPERM);
	pair_close(&p);
}

static void write_and_flush(struct end *e, struct postern_conn *c, enum end_event event)
{
	(void)e;
	if (event != END_DRAINED)
		return;
	while (postern_conn_write(c, big, 65536) > 0)
		;
	assert_true(postern_conn_flush(c) >= 0);
}

static void a_queue_that_a_flush_emptied_is_not_taken_for_a_lack_of_memory(void **state)
{
	struct postern_conn_options options = with(0, 65536);
	struct pair p;
	int64_t begun;
	size_t n = 0;

	(void)state;
	pair_open(&p, &options);
	p.end.hook = write_and_flush;
	while (postern_conn_write(p.c, big, 65536) > 0)
		;
	begun = postern_now();
	for (int i = 0; i < 100; i++) {
		ssize_t r;

		turn(p.loop, 0);
		while ((r = recv(p.peer, big, sizeof(big), MSG_DONTWAIT)) > 0)
			n += (size_t)r;
	}
	/* In no time: nothing of it waited for a timer. */
	assert_int_equal(postern_now() - begun, 0);
	assert_true(n > 50 * 65536);
	pair_close(&p);
}

static void memory_that_is_short_for_a_write_is_told_drained_later(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 1, .error = ENOMEM });
	assert_errno(postern_conn_write(p.c, "x", 1), -EAGAIN);
	fault_disarm();
	turn(p.loop, 0);
	assert_int_equal(p.end.drained, 0);
	pass(&p, POSTERN_MS(300));
	assert_int_equal(p.end.drained, 1);
	assert_int_equal(postern_conn_write(p.c, "x", 1), 1);
	pair_close(&p);
}

static void memory_that_is_short_for_a_message_is_told_drained_later(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 3, .error = ENOMEM });
	assert_errno(postern_conn_write_frame(p.c, POSTERN_FRAMING_U32LE, big, 100000), -EAGAIN);
	assert_int_equal(fault_disarm(), 1);
	turn(p.loop, 0);
	assert_int_equal(postern_conn_queued(p.c), 0);
	assert_int_equal(p.end.drained, 0);
	pass(&p, POSTERN_MS(300));
	assert_int_equal(p.end.drained, 1);
	assert_int_equal(postern_conn_write_frame(p.c, POSTERN_FRAMING_U32LE, big, 100000), 100000);
	pair_close(&p);
}

static void a_client_whose_write_has_to_wait_sleeps(void **state)
{
	struct postern_client *c;
	int listener = plain_listen(test_path("deaf"), 1);

	(void)state;
	fault_clock_patience(POSTERN_SECONDS(1));
	assert_ok(postern_client_new(&c, test_path("deaf"), NULL));
	fault_count_reset();
	assert_errno(postern_client_write(c, big, sizeof(big), POSTERN_SECONDS(3)), -ETIMEDOUT);
	test_note("%u turns in 3 s", (unsigned)fault_count(FAULT_epoll_wait));
	assert_true(fault_count(FAULT_epoll_wait) < 50);
	/* Also while the kernel is short of memory. */
	fault_arm(&(struct fault){
		.call = FAULT_sendmsg, .nth = 1, .error = ENOBUFS, .stays = true });
	fault_count_reset();
	assert_errno(postern_client_write(c, big, 100, POSTERN_SECONDS(3)), -ETIMEDOUT);
	fault_disarm();
	assert_true(fault_count(FAULT_epoll_wait) < 200);
	postern_client_free(c);
	close(listener);
}

static void forget_received(struct end *e, struct postern_conn *c, enum end_event event)
{
	static const struct postern_conn_events none = { .size = sizeof(none) };

	if (event == END_RECEIVED)
		assert_ok(postern_conn_set_events(c, &none, e));
}

/* ---- a socket that leaves ---- */

static void a_half_close_leaves_with_the_socket(void **state)
{
	struct pair p;
	char byte;
	int fd;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_shutdown(p.c));
	fd = postern_conn_detach(p.c);
	assert_true(fd >= 0);
	assert_int_equal(recv(p.peer, &byte, 1, MSG_DONTWAIT), 0);
	close(fd);
	pair_close(&p);
}

static void a_socket_leaves_also_after_the_idle_limit_has_looked(void **state)
{
	struct postern_conn_options options = with(0, 0);
	struct pair p;
	int fd;

	(void)state;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_write(p.c, "hello", 5), 5);
	pass(&p, IDLE / 2);
	fd = postern_conn_detach(p.c);
	assert_true(fd >= 0);
	close(fd);
	pair_close(&p);
}

static size_t take_at_the_end(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct end *e = data;

	(void)bytes;
	e->offers++;
	return postern_conn_at_end(c) ? n : 0;
}

static void what_was_declined_is_offered_at_the_end_and_then_it_ends(void **state)
{
	static struct postern_conn_events events;
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	events = (struct postern_conn_events){ .size = sizeof(events),
					       .received = take_at_the_end,
					       .closed = end_closed };
	assert_ok(postern_conn_set_events(p.c, &events, &p.end));
	pair_send(&p, "half a", 6);
	turn_quiet(p.loop);
	assert_int_equal(postern_conn_at_end(p.c), 0);
	assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
	turn_quiet(p.loop);
	assert_int_equal(p.end.offers, 2);
	assert_end_closed(&p.end, POSTERN_REASON_ENDED, 0);
	pair_close(&p);
}

static void events_may_change_within_an_offer(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	p.end.hook = forget_received;
	p.end.take = 2;
	pair_send(&p, "hello", 5);
	turn_quiet(p.loop);
	assert_int_equal(p.end.n, 2);
	/* What is left has nobody who wants it, and is dropped. */
	assert_int_equal(p.end.closed, 0);
	assert_null(p.c->kept);
	pair_close(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ENDS_TEST(paused_until_drained_it_ends_with_its_peer),
		ENDS_TEST(
			a_producer_whose_peer_stopped_reading_is_told_the_end_though_the_peer_trickles),
		ENDS_TEST(
			a_peer_that_reads_nothing_of_what_drained_waits_for_is_idle_while_it_trickles),
		ENDS_TEST(
			a_peer_that_sends_64_kib_within_the_limit_is_not_idle_though_it_reads_nothing),
		ENDS_TEST(paused_with_a_peer_that_lives_is_for_ever_and_gone_ends_it_at_once),
		ENDS_TEST(a_pause_over_the_bytes_of_one_that_has_gone_ends_at_the_limit),
		ENDS_TEST(a_pause_over_a_half_close_lets_the_program_answer),
		ENDS_TEST(
			a_drained_that_cannot_come_is_the_end_at_once_also_from_a_peer_that_lives),
		ENDS_TEST(declining_for_ever_is_idle),
		ENDS_TEST(
			what_a_relay_declined_is_offered_until_it_is_taken_and_the_end_comes_after_it),
		ENDS_TEST(after_abort_there_is_only_the_final_event),
		ENDS_TEST(what_comes_between_an_abort_and_its_event_does_not_change_the_reason),
		ENDS_TEST(after_abort_and_close_nothing_is_taken_any_more),
		ENDS_TEST(a_peer_that_reads_64_kib_within_the_limit_is_never_idle),
		ENDS_TEST(after_a_look_that_saw_nothing_sends_are_small_until_all_is_read),
		ENDS_TEST(a_message_has_a_time_of_its_own_from_its_first_byte),
		ENDS_TEST(the_time_of_a_message_does_not_run_while_it_is_on_the_program),
		ENDS_TEST(a_message_of_which_nothing_comes_is_idle),
		ENDS_TEST(a_retry_works_in_every_state),
		ENDS_TEST(memory_that_stays_short_ends_a_close_at_its_deadline),
		ENDS_TEST(a_refused_send_is_told_at_once_with_its_reason),
		ENDS_TEST(a_flush_that_is_refused_ends_the_connection_in_the_next_turn),
		ENDS_TEST(a_queue_that_a_flush_emptied_is_not_taken_for_a_lack_of_memory),
		ENDS_TEST(memory_that_is_short_for_a_write_is_told_drained_later),
		ENDS_TEST(memory_that_is_short_for_a_message_is_told_drained_later),
		ENDS_TEST(a_client_whose_write_has_to_wait_sleeps),
		ENDS_TEST(a_half_close_leaves_with_the_socket),
		ENDS_TEST(what_was_declined_is_offered_at_the_end_and_then_it_ends),
		ENDS_TEST(events_may_change_within_an_offer),
		ENDS_TEST(a_socket_leaves_also_after_the_idle_limit_has_looked),
	};
	return test_run(tests);
}
