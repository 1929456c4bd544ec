/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are built in the queue: postern_conn_reserve() and postern_conn_commit(). */
#include "stream.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/chunk.h"
#include "conn/conn.h"
#include "fault.h"

/* Reserves n, writes so many, from a number on, and commits them. */
static int build(struct postern_conn *c, int framing, size_t n, unsigned number)
{
	void *at = NULL;
	ssize_t r = postern_conn_reserve(c, framing, n, &at);

	if (r < 0)
		return (int)r;
	assert_in_range(r, n, SSIZE_MAX);
	put_payload(at, n, number);
	return postern_conn_commit(c, n);
}

static struct postern_conn_options with_marks(size_t high, uint32_t low)
{
	return (struct postern_conn_options){ .size = sizeof(struct postern_conn_options),
					      .high_water = high,
					      .low_water = low };
}

static void what_is_committed_is_what_the_peer_reads(void **state)
{
	static char want[64 * POSTERN_RESERVE_MAX], got[sizeof want];
	size_t n = 0;
	struct pair p = { 0 };

	(void)state;
	pair_open(&p, NULL);
	for (unsigned i = 0; i < 60; i++) {
		size_t size = 1 + i * 131 % POSTERN_RESERVE_MAX;

		if (i % 3 == 1) {
			put_payload(want + n, size, i);
			assert_int_equal(postern_conn_write(p.c, want + n, size), size);
		} else {
			assert_int_equal(build(p.c, 0, size, i), 0);
			put_payload(want + n, size, i);
		}
		n += size;
		assert_int_equal(postern_conn_queued(p.c), n);
		if (i % 20 == 19) {
			pair_receive(&p, got, n);
			assert_memory_equal(got, want, n);
			n = 0;
		}
	}
	pair_close(&p);
}

static void a_message_of_each_framing_is_framed_around_what_is_built(void **state)
{
	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		static const size_t sizes[] = { 0, 1, 64, POSTERN_RESERVE_MAX, 0, 777 };
		size_t n = put_stream(framings[f], sizes, 6);
		struct pair p = { 0 };
		char *got = malloc(n);

		assert_non_null(got);
		pair_open(&p, NULL);
		for (unsigned i = 0; i < 6; i++) {
			void *at = NULL;
			size_t size = sizes[i] ? sizes[i] : 10;

			/* Less than what was asked for, and nothing, are messages too. */
			assert_true(postern_conn_reserve(p.c, framings[f], size, &at) >=
				    (ssize_t)size);
			put_payload(at, sizes[i], i);
			assert_int_equal(postern_conn_commit(p.c, sizes[i]), 0);
		}
		pair_receive(&p, got, n);
		assert_memory_equal(got, text, n);
		free(got);
		pair_close(&p);
	}
}

static void a_payload_with_its_delimiter_can_be_corrected(void **state)
{
	struct pair p = { 0 };
	void *at = NULL;
	char got[8];

	(void)state;
	pair_open(&p, NULL);
	assert_true(postern_conn_reserve(p.c, POSTERN_FRAMING_LINES, 7, &at) >= 7);
	memcpy(at, "one\ntwo", 7);
	assert_errno(postern_conn_commit(p.c, 7), -EBADMSG);
	assert_int_equal(postern_conn_queued(p.c), 0);
	((char *)at)[3] = ' ';
	assert_int_equal(postern_conn_commit(p.c, 7), 0);
	pair_receive(&p, got, 8);
	assert_memory_equal(got, "one two\n", 8);
	pair_close(&p);
}

static void invalid_reservations_are_told_from_those_that_are_too_large(void **state)
{
	const struct postern_conn_options small = with_marks(1000, 0);
	struct pair p = { 0 };
	void *at = &p;

	(void)state;
	pair_open(&p, &small);
	assert_errno(postern_conn_reserve(NULL, 0, 1, &at), -EINVAL);
	assert_errno(postern_conn_reserve(p.c, 0, 1, NULL), -EINVAL);
	assert_errno(postern_conn_reserve(p.c, 0, 0, &at), -EINVAL);
	assert_errno(postern_conn_reserve(p.c, -1, 1, &at), -EINVAL);
	assert_errno(postern_conn_reserve(p.c, POSTERN_FRAMING_U32LE + 1, 1, &at), -EINVAL);
	assert_errno(postern_conn_reserve(p.c, 0, POSTERN_RESERVE_MAX + 1, &at), -EMSGSIZE);
	assert_errno(postern_conn_reserve(p.c, 0, SIZE_MAX, &at), -EMSGSIZE);
	assert_errno(postern_conn_reserve(p.c, 0, 1001, &at), -EMSGSIZE);
	assert_errno(postern_conn_reserve(p.c, POSTERN_FRAMING_U32BE, 997, &at), -EMSGSIZE);
	assert_ptr_equal(at, &p);
	assert_errno(postern_conn_commit(NULL, 1), -EINVAL);
	assert_errno(postern_conn_commit(p.c, 1), -ECANCELED);
	assert_errno(postern_conn_commit(p.c, 0), -ECANCELED);
	/* What is there is what may be queued, and no more. */
	assert_int_equal(postern_conn_reserve(p.c, POSTERN_FRAMING_U32BE, 996, &at), 996);
	assert_errno(postern_conn_commit(p.c, 997), -EINVAL);
	assert_int_equal(postern_conn_reserve(p.c, 0, 1, &at), 1000);
	assert_errno(postern_conn_commit(p.c, 1001), -EINVAL);
	assert_int_equal(postern_conn_commit(p.c, 0), 0);
	assert_errno(postern_conn_commit(p.c, 0), -ECANCELED);
	assert_int_equal(postern_conn_queued(p.c), 0);
	pair_close(&p);
}

/* ---- what ends a reservation ---- */

static void by_write(struct postern_conn *c)
{
	assert_int_equal(postern_conn_write(c, "w", 1), 1);
}

static void by_much(struct postern_conn *c)
{
	assert_int_equal(postern_conn_write(c, text, 100000), 100000);
}

static void by_frame(struct postern_conn *c)
{
	assert_int_equal(postern_conn_write_frame(c, POSTERN_FRAMING_NUL, "f", 1), 1);
}

static void by_commit(struct postern_conn *c)
{
	assert_int_equal(postern_conn_commit(c, 8), 0);
}

static void by_flush(struct postern_conn *c)
{
	assert_int_equal(postern_conn_flush(c), 0);
}

static void by_shutdown(struct postern_conn *c)
{
	assert_ok(postern_conn_shutdown(c));
}

static void by_close(struct postern_conn *c)
{
	assert_ok(postern_conn_close(c));
}

static void by_abort(struct postern_conn *c)
{
	assert_ok(postern_conn_abort(c));
}

/* The bytes behind a reservation that is over are those of somebody else: none of them may leave. */
static void what_is_reserved_is_over_after_each_call_that_writes_or_ends(void **state)
{
	static const struct {
		void (*fn)(struct postern_conn *c);
		int error;
	} ways[] = {
		{ by_write, -ECANCELED }, { by_much, -ECANCELED },   { by_frame, -ECANCELED },
		{ by_flush, -ECANCELED }, { by_commit, -ECANCELED }, { by_shutdown, -EPIPE },
		{ by_close, -EPIPE },     { by_abort, -EPIPE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct pair p = { 0 };
		void *at = NULL;
		size_t queued;

		pair_open(&p, NULL);
		by_write(p.c);
		assert_true(postern_conn_reserve(p.c, 0, 16, &at) >= 16);
		memset(at, 'r', 16);
		ways[i].fn(p.c);
		queued = postern_conn_queued(p.c);
		assert_errno(postern_conn_commit(p.c, 8), ways[i].error);
		assert_int_equal(postern_conn_queued(p.c), queued);
		pair_close(&p);
	}
}

static void other_calls_and_other_connections_leave_it_alone(void **state)
{
	struct pair p = { 0 };
	struct pair q = { 0 };
	void *at = NULL, *other = NULL;
	char got[32];

	(void)state;
	pair_open(&p, NULL);
	pair_open(&q, NULL);
	assert_true(postern_conn_reserve(p.c, 0, 4, &at) >= 4);
	assert_true(postern_conn_reserve(q.c, POSTERN_FRAMING_LINES, 5, &other) >= 5);
	memcpy(at, "this", 4);
	memcpy(other, "other", 5);
	assert_ok(postern_conn_pause(p.c));
	assert_ok(postern_conn_resume(p.c));
	assert_true(postern_conn_room(p.c) > 4);
	assert_int_equal(postern_conn_queued(p.c), 0);
	assert_int_equal(postern_conn_state(p.c), POSTERN_STATE_CONNECTED);
	assert_int_equal(postern_conn_commit(q.c, 5), 0);
	assert_int_equal(postern_conn_commit(p.c, 4), 0);
	pair_receive(&p, got, 4);
	assert_memory_equal(got, "this", 4);
	pair_receive(&q, got, 6);
	assert_memory_equal(got, "other\n", 6);
	pair_close(&q);
	pair_close(&p);
}

static void the_second_of_two_reservations_counts(void **state)
{
	struct pair p = { 0 };
	void *at = NULL;
	char got[8];

	(void)state;
	pair_open(&p, NULL);
	assert_true(postern_conn_reserve(p.c, 0, 4, &at) >= 4);
	memcpy(at, "one!", 4);
	assert_true(postern_conn_reserve(p.c, POSTERN_FRAMING_NUL, POSTERN_RESERVE_MAX, &at) > 0);
	memcpy(at, "two!", 4);
	assert_int_equal(postern_conn_commit(p.c, 4), 0);
	pair_receive(&p, got, 5);
	assert_memory_equal(got, "two!", 5);
	pair_close(&p);
}

/* ---- what is never committed ---- */

static void what_is_never_committed_is_not_sent_and_leaves_no_memory(void **state)
{
	struct pair p = { 0 };
	void *at = NULL;
	char got;

	(void)state;
	pair_open(&p, NULL);
	turn_quiet(p.loop);
	assert_true(postern_conn_reserve(p.c, 0, 100, &at) >= 100);
	memset(at, 'x', 100);
	assert_int_equal(p.c->out.chunks, 1);
	turn_quiet(p.loop);
	assert_int_equal(p.c->out.chunks, 0);
	assert_errno(postern_conn_commit(p.c, 100), -ECANCELED);
	/* Behind bytes that are sent, too. */
	assert_int_equal(postern_conn_write(p.c, text, POSTERN_RESERVE_MAX + 1000), 9000);
	assert_true(postern_conn_reserve(p.c, 0, POSTERN_RESERVE_MAX, &at) > 0);
	assert_int_equal(p.c->out.chunks, 2);
	turn_quiet(p.loop);
	assert_int_equal(p.c->out.chunks, 0);
	pair_receive(&p, text, 9000);
	assert_int_equal(recv(p.peer, &got, 1, MSG_DONTWAIT), -1);
	/* A detach finds nothing that is queued. */
	assert_true(postern_conn_reserve(p.c, 0, 100, &at) >= 100);
	close(postern_conn_detach(p.c));
	pair_close(&p);
	assert_int_equal(fault_memory(), 0);
}

static void over_by_turn(struct pair *p)
{
	turn_quiet(p->loop);
}

static void over_by_flush(struct pair *p)
{
	assert_true(postern_conn_flush(p->c) > 0);
}

static void over_by_refusal(struct pair *p)
{
	assert_errno(postern_conn_write_frame(p->c, POSTERN_FRAMING_U32LE, text, 1000), -EAGAIN);
}

static void over_by_refused_reserve(struct pair *p)
{
	void *at = NULL;

	assert_errno(postern_conn_reserve(p->c, 0, 1000, &at), -EAGAIN);
}

static void on_reserve(struct end *e, struct postern_conn *c, enum end_event event)
{
	void *at;

	(void)e;
	if (event == END_RECEIVED)
		assert_true(postern_conn_reserve(c, 0, 100, &at) >= 100);
}

static void a_reservation_of_a_callback_is_over_when_the_next_one_runs(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p, NULL);
	p.end.hook = on_reserve;
	for (int i = 0; i < 3; i++) {
		pair_send(&p, "x", 1);
		turn_quiet(p.loop);
		assert_int_equal(p.c->out.chunks, 0);
		assert_errno(postern_conn_commit(p.c, 1), -ECANCELED);
	}
	pair_close(&p);
}

/* Also where the chunk stays, since the kernel takes nothing: a peer that does not read makes no difference. */
static void a_reservation_is_over_though_nothing_can_be_sent(void **state)
{
	static void (*const ways[])(struct pair * p) = { over_by_turn, over_by_flush,
							 over_by_refusal, over_by_refused_reserve };

	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		const struct postern_conn_options o = with_marks(100000, 0);
		struct pair p = { 0 };
		void *at = NULL;

		pair_open(&p, &o);
		while (!(p.c->flags & CONN_BLOCKED)) {
			assert_true(postern_conn_write(p.c, text, postern_conn_room(p.c)) > 0);
			turn_quiet(p.loop);
		}
		while (postern_conn_room(p.c) > 200)
			assert_true(postern_conn_write(p.c, text, postern_conn_room(p.c) - 200) >
				    0);
		assert_true(postern_conn_reserve(p.c, 0, 100, &at) >= 100);
		ways[i](&p);
		assert_errno(postern_conn_commit(p.c, 100), -ECANCELED);
		pair_close(&p);
	}
}

/* ---- limits ---- */

/* Until the queue takes no more; how many bytes it took. */
static size_t fill(struct postern_conn *c, size_t each)
{
	size_t n = 0;
	int r;

	while ((r = build(c, 0, each, 0)) == 0)
		n += each;
	assert_errno(r, -EAGAIN);
	return n;
}

static void a_full_queue_refuses_and_drained_comes_when_it_fits(void **state)
{
	const struct postern_conn_options o = with_marks(64 * 1024, 0);
	struct pair p = { 0 };
	size_t n;

	(void)state;
	pair_open(&p, &o);
	n = fill(p.c, 5000);
	assert_int_equal(n, 65000);
	/* What does not fit may be smaller then. */
	assert_int_equal(build(p.c, 0, 536, 0), 0);
	assert_errno(build(p.c, 0, 1, 0), -EAGAIN);
	pair_receive(&p, text, 65536);
	turn_until(p.loop, p.end.drained == 1);
	assert_int_equal(fill(p.c, 5000), 65000);
	pair_close(&p);
}

/* Low water is below what is needed: drained at once would be a loop that turns as long as the peer is slow. */
static void drained_does_not_come_before_the_refused_message_fits(void **state)
{
	const struct postern_conn_options o = with_marks(8000, 4000);
	struct pair p = { 0 };
	size_t in_kernel = 0;

	(void)state;
	for (int frame = 0; frame < 2; frame++) {
		pair_open(&p, &o);
		/* The peer reads nothing, until the kernel takes nothing more. */
		while (postern_conn_queued(p.c) == 0) {
			assert_int_equal(postern_conn_write(p.c, text, 1500), 1500);
			in_kernel += 1500;
			assert_ok(postern_conn_flush(p.c));
		}
		for (int i = 0; i < 20; i++) {
			int r = frame ? (int)postern_conn_write_frame(p.c, POSTERN_FRAMING_NUL,
								      text, 7900)
				      : build(p.c, POSTERN_FRAMING_NUL, 7900, 0);

			assert_errno(r, -EAGAIN);
			turn(p.loop, 0);
		}
		assert_int_equal(p.end.drained, 0);
		in_kernel -= postern_conn_queued(p.c);
		pair_receive(&p, text, in_kernel + postern_conn_queued(p.c));
		turn_until(p.loop, p.end.drained == 1);
		assert_int_equal(build(p.c, POSTERN_FRAMING_NUL, 7900, 0), 0);
		pair_close(&p);
		in_kernel = 0;
		p = (struct pair){ 0 };
	}
}

/* A chunk is left only when it is half full, so the memory is at most twice what may be queued. */
static void messages_that_fit_badly_take_at_most_twice_their_memory(void **state)
{
	const struct postern_conn_options o = with_marks(1024 * 1024, 0);

	(void)state;
	for (size_t each = 1; each <= POSTERN_RESERVE_MAX; each += each < 100 ? 33 : 511) {
		struct pair p = { 0 };
		size_t n;

		pair_open(&p, &o);
		n = fill(p.c, each);
		assert_in_range(n, 1024 * 1024 - each + 1, 1024 * 1024);
		assert_in_range((size_t)p.c->out.chunks * CHUNK_BYTES, n, 2 * n + CHUNK_BYTES);
		pair_close(&p);
	}
}

static void without_memory_it_is_refused_and_comes_back(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p, NULL);
	turn_quiet(p.loop);
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 1, .error = ENOMEM });
	assert_errno(build(p.c, POSTERN_FRAMING_NUL, 100, 0), -EAGAIN);
	assert_int_equal(fault_disarm(), 1);
	turn_until(p.loop, p.end.drained == 1);
	assert_int_equal(build(p.c, POSTERN_FRAMING_NUL, 100, 0), 0);
	pair_close(&p);
}

static void thousands_of_messages_allocate_nothing(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p, NULL);
	for (int i = 0; i < 1000; i++) {
		if (i == 10)
			fault_count_reset();
		for (unsigned k = 0; k < 20; k++)
			assert_int_equal(build(p.c, POSTERN_FRAMING_U32LE, 700, k), 0);
		pair_receive(&p, text, (size_t)20 * 704);
	}
	assert_int_equal(fault_count(FAULT_alloc) + fault_count(FAULT_realloc), 0);
	pair_close(&p);
}

/* ---- the account ---- */

static void on_accepted_reserve(struct site *s, enum site_event event, struct postern_conn *c)
{
	void *at;

	(void)s;
	if (event != SITE_ACCEPTED)
		return;
	assert_true(postern_conn_reserve(c, 0, 100, &at) >= 100);
	assert_in_range(site_counters(s).bytes, CHUNK_SIZE, CHUNK_SIZE + 4096);
}

static void what_is_reserved_is_charged_and_given_back(void **state)
{
	struct site s = { 0 };
	int fd;

	(void)state;
	s.hook = on_accepted_reserve;
	site_open(&s, test_path("place"), NULL);
	fd = plain_connect(test_path("place"));
	assert_true(fd >= 0);
	turn_until(s.loop, s.accepted == 1);
	turn_quiet(s.loop);
	assert_int_equal(site_counters(&s).bytes, 0);
	close(fd);
	site_close(&s);
}

static void a_small_budget_refuses_before_the_high_water_mark(void **state)
{
	struct postern_server_options o = { .size = sizeof o, .bytes_per_uid = 256 * 1024 };
	struct site s = { 0 };
	size_t n;
	int fd;

	(void)state;
	site_open(&s, test_path("place"), &o);
	fd = plain_connect(test_path("place"));
	assert_true(fd >= 0);
	turn_until(s.loop, s.accepted == 1);
	n = fill(s.conns[0], 1000);
	assert_in_range(n, 15000, 128 * 1024);
	assert_in_range(site_counters(&s).bytes, n, 256 * 1024);
	assert_int_equal(recv(fd, text, n, MSG_WAITALL | MSG_DONTWAIT), -1);
	turn_quiet(s.loop);
	assert_int_equal(recv(fd, text, n, MSG_WAITALL), n);
	turn_quiet(s.loop);
	assert_int_equal(site_counters(&s).bytes, 0);
	close(fd);
	site_close(&s);
}

/* ---- the end ---- */

static int child_builds(void *data)
{
	void *at;

	return postern_conn_commit(data, 1) == -ECHILD &&
			       postern_conn_reserve(data, 0, 1, &at) == -ECHILD
		       ? 0
		       : 1;
}

static void a_child_process_is_told_so(void **state)
{
	struct pair p = { 0 };
	void *at;

	(void)state;
	pair_open(&p, NULL);
	assert_true(postern_conn_reserve(p.c, 0, 100, &at) >= 100);
	assert_int_equal(test_fork(child_builds, p.c), 0);
	assert_int_equal(postern_conn_commit(p.c, 0), 0);
	pair_close(&p);
}

static void a_peer_that_leaves_between_the_two_is_told_by_the_commit(void **state)
{
	struct pair p = { 0 };
	void *at;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, "x", 1), 1);
	assert_true(postern_conn_reserve(p.c, 0, 100, &at) >= 100);
	pair_close_peer(&p);
	assert_ok(postern_conn_flush(p.c));
	assert_errno(postern_conn_commit(p.c, 1), -EPIPE);
	turn_until(p.loop, p.end.closed == 1);
	assert_errno(postern_conn_commit(p.c, 1), -ESTALE);
	assert_errno(postern_conn_reserve(p.c, 0, 1, &at), -ESTALE);
	pair_close(&p);
}

static void it_is_allowed_while_connecting(void **state)
{
	const struct postern_connect_options o = { .size = sizeof o };
	struct postern_loop *loop;
	struct postern_conn *c;
	struct end e;
	char got[3];
	int listener = plain_listen(test_path("later"), 1), fd;
	void *at;

	(void)state;
	end_init(&e);
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_connect(&c, loop, test_path("later"), &o, &end_events, &e));
	assert_int_equal(build(c, POSTERN_FRAMING_LINES, 2, 0), 0);
	assert_true(postern_conn_reserve(c, 0, 100, &at) >= 100);
	turn_until(loop, postern_conn_state(c) == POSTERN_STATE_CONNECTED);
	turn_quiet(loop);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, got, 3, MSG_WAITALL), 3);
	assert_memory_equal(got, "ab\n", 3);
	assert_int_equal(recv(fd, got, 1, MSG_DONTWAIT), -1);
	postern_conn_free(c);
	postern_loop_free(loop);
	end_deinit(&e);
	close(fd);
	close(listener);
}

static int place_setup(void **state)
{
	(void)state;
	fault_reset();
	return 0;
}

#define PLACE_TEST(name) TEST_WITH(name, place_setup, NULL)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PLACE_TEST(what_is_committed_is_what_the_peer_reads),
		PLACE_TEST(a_message_of_each_framing_is_framed_around_what_is_built),
		PLACE_TEST(a_payload_with_its_delimiter_can_be_corrected),
		PLACE_TEST(invalid_reservations_are_told_from_those_that_are_too_large),
		PLACE_TEST(what_is_reserved_is_over_after_each_call_that_writes_or_ends),
		PLACE_TEST(other_calls_and_other_connections_leave_it_alone),
		PLACE_TEST(the_second_of_two_reservations_counts),
		PLACE_TEST(what_is_never_committed_is_not_sent_and_leaves_no_memory),
		PLACE_TEST(a_reservation_of_a_callback_is_over_when_the_next_one_runs),
		PLACE_TEST(a_reservation_is_over_though_nothing_can_be_sent),
		PLACE_TEST(a_full_queue_refuses_and_drained_comes_when_it_fits),
		PLACE_TEST(drained_does_not_come_before_the_refused_message_fits),
		PLACE_TEST(messages_that_fit_badly_take_at_most_twice_their_memory),
		PLACE_TEST(without_memory_it_is_refused_and_comes_back),
		PLACE_TEST(thousands_of_messages_allocate_nothing),
		PLACE_TEST(what_is_reserved_is_charged_and_given_back),
		PLACE_TEST(a_small_budget_refuses_before_the_high_water_mark),
		PLACE_TEST(a_child_process_is_told_so),
		PLACE_TEST(a_peer_that_leaves_between_the_two_is_told_by_the_commit),
		PLACE_TEST(it_is_allowed_while_connecting),
	};

	return test_run(tests);
}
