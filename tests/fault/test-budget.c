/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-budget.c - many connections of one uid and one budget: nobody is stuck, and nobody is punished for others
 *
 * Time stands still but for what the tests let pass.
 */
#include "pair.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/frame.h>

#include "account.h"
#include "conn/conn.h"
#include "fault.h"

#define IDLE POSTERN_SECONDS(8)
#define MIB  ((size_t)1 << 20)

enum { MAX = 24 };

static char big[1 << 20];

/* A server of messages, and its clients with what they have still to send. */
struct crowd {
	struct site s;
	struct postern_conn_options conn;
	unsigned n;
	int fds[MAX];
	size_t left[MAX];
	unsigned frames, drained, closed;
	unsigned codes[POSTERN_REASON_FAILED + 1];
	struct postern_conn *told[MAX]; /* who was told drained, in order */
};

static struct crowd *now; /* the events have the site as their data */

static void crowd_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	(void)c, (void)payload, (void)n, (void)data;
	now->frames++;
}

static void crowd_drained(struct postern_conn *c, void *data)
{
	(void)data;
	if (now->drained < MAX)
		now->told[now->drained] = c;
	now->drained++;
}

static void crowd_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	(void)c, (void)data;
	now->closed++;
	now->codes[why->code]++;
}

static const struct postern_conn_events crowd_events = { .size = sizeof(crowd_events),
							 .frame = crowd_frame,
							 .drained = crowd_drained,
							 .closed = crowd_closed };

static void crowd_open(struct crowd *k, unsigned n, size_t bytes_per_uid, uint32_t frame_max)
{
	struct postern_server_options options = { .size = sizeof(options),
						  .bytes_per_uid = bytes_per_uid };

	memset(k, 0, sizeof(*k));
	now = k;
	k->conn = (struct postern_conn_options){ .size = sizeof(k->conn),
						 .framing = POSTERN_FRAMING_U32LE,
						 .frame_max = frame_max,
						 .idle_ns = IDLE,
						 .message_ns = POSTERN_SECONDS(1000) };
	options.conn = &k->conn;
	site_open(&k->s, "crowd", &options);
	for (k->n = 0; k->n < n; k->n++) {
		k->fds[k->n] = plain_connect(postern_server_path(k->s.server));
		turn_until(k->s.loop, k->s.accepted == k->n + 1);
		assert_ok(postern_conn_set_events(k->s.conns[k->n], &crowd_events, &k->s));
	}
}

static void crowd_close(struct crowd *k)
{
	for (unsigned i = 0; i < k->n; i++)
		if (k->fds[i] >= 0)
			close(k->fds[i]);
	site_close(&k->s);
}

static void crowd_begin(struct crowd *k, unsigned i, uint32_t size)
{
	const uint32_t head = htole32(size);

	assert_int_equal(send(k->fds[i], &head, 4, MSG_DONTWAIT | MSG_NOSIGNAL), 4);
	k->left[i] = size;
}

/* Up to `most` bytes more of the message; returns how many went. */
static size_t crowd_send(struct crowd *k, unsigned i, size_t most)
{
	size_t want = most < k->left[i] ? most : k->left[i];
	ssize_t r = send(k->fds[i], big, want < sizeof(big) ? want : sizeof(big),
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (r <= 0)
		return 0;
	k->left[i] -= (size_t)r;
	return (size_t)r;
}

/* All that has been sent to it, and what follows when that is read. */
static void crowd_receive(struct crowd *k, unsigned i)
{
	for (;;) {
		ssize_t r = recv(k->fds[i], big, sizeof(big), MSG_DONTWAIT);

		if (r < 0 && errno == EAGAIN)
			return;
		assert_true(r > 0);
		turn_quiet(k->s.loop);
	}
}

static void crowd_pass(struct crowd *k, int64_t ns)
{
	for (int64_t end = postern_now() + ns; postern_now() < end;) {
		fault_clock_advance(POSTERN_MS(100));
		turn(k->s.loop, 0);
		turn(k->s.loop, 0);
	}
}

static int budget_setup(void **state)
{
	(void)state;
	fault_reset();
	fault_clock_fake();
	return 0;
}

static int budget_finish(void **state)
{
	(void)state;
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define BUDGET_TEST(name) TEST_WITH(name, budget_setup, budget_finish)

/* ---- crowds ---- */

static void a_crowd_of_large_messages_is_received_whole(void **state)
{
	static const unsigned sizes[] = { 10, 14, 18, 24 };
	struct crowd k;

	(void)state;
	for (int c = 0; c < 4; c++) {
		unsigned rounds = 0, left = sizes[c];
		size_t most = 0;

		crowd_open(&k, sizes[c], 0, 0);
		for (unsigned i = 0; i < k.n; i++)
			crowd_begin(&k, i, 4 * MIB);
		for (; left > 0; rounds++) {
			left = 0;
			for (unsigned i = 0; i < k.n; i++) {
				crowd_send(&k, i, 65536);
				left += k.left[i] > 0;
			}
			turn(k.s.loop, 0);
			if (site_counters(&k.s).bytes > most)
				most = (size_t)site_counters(&k.s).bytes;
			assert_true(rounds < 20000);
		}
		turn_quiet(k.s.loop);
		test_note("%u messages of 4 MiB: %u rounds, %zu MiB at most", k.n, rounds,
			  most >> 20);
		assert_int_equal(k.frames, k.n);
		assert_int_equal(k.closed, 0);
		assert_true(most <= 64 * MIB + k.n * 4096);
		assert_int_equal(site_counters(&k.s).bytes, 0);
		/* Not a timer was needed. */
		crowd_close(&k);
	}
}

static void who_waits_for_the_budget_is_never_idle(void **state)
{
	struct crowd k;

	(void)state;
	crowd_open(&k, 2, 256 * 1024, 256 * 1024 - 4);
	crowd_begin(&k, 0, 256 * 1024 - 4);
	crowd_send(&k, 0, 10000);
	turn_quiet(k.s.loop);
	crowd_begin(&k, 1, 100000);
	crowd_send(&k, 1, 50000);
	turn_quiet(k.s.loop);
	assert_true(account_is_short(k.s.conns[0]->account));
	/* The first one takes its time, at the pace that is asked of it, and longer than the limit. */
	while (k.left[0] > 0) {
		crowd_send(&k, 0, 9000);
		crowd_pass(&k, POSTERN_SECONDS(1));
		assert_int_equal(k.closed, 0);
	}
	assert_true(postern_now() > 2 * IDLE);
	turn_quiet(k.s.loop);
	assert_int_equal(k.frames, 1);
	assert_false(account_is_short(k.s.conns[0]->account));
	while (k.left[1] > 0 && crowd_send(&k, 1, 50000) > 0)
		turn_quiet(k.s.loop);
	assert_int_equal(k.frames, 2);
	assert_int_equal(k.closed, 0);
	crowd_close(&k);
}

static void who_is_slower_than_64_kib_a_limit_is_ended_when_others_wait_for_its_room_and_only_then(
	void **state)
{
	struct crowd k;

	(void)state;
	for (int others = 0; others < 2; others++) {
		int64_t begun;

		crowd_open(&k, 2, 256 * 1024, 256 * 1024 - 4);
		crowd_begin(&k, 0, 256 * 1024 - 4);
		crowd_send(&k, 0, 10000);
		turn_quiet(k.s.loop);
		if (others)
			crowd_begin(&k, 1, 100000);
		crowd_send(&k, 1, 50000);
		begun = postern_now();
		while (k.left[0] > 0 && k.closed == 0 && postern_now() < begun + 4 * IDLE) {
			crowd_send(&k, 0, 1000);
			crowd_pass(&k, POSTERN_SECONDS(1));
		}
		assert_int_equal(k.codes[POSTERN_REASON_IDLE], others);
		assert_int_equal(k.closed, others);
		if (others) {
			assert_in_range((postern_now() - begun) / 1000000, 8000, 13000);
			/* And the other one goes on. */
			while (k.left[1] > 0 && crowd_send(&k, 1, 50000) > 0)
				turn_quiet(k.s.loop);
			assert_int_equal(k.frames, 1);
		}
		crowd_close(&k);
	}
}

static void a_message_that_no_budget_could_hold_ends_its_connection(void **state)
{
	struct crowd k;

	(void)state;
	crowd_open(&k, 2, 64 * 1024, 256 * 1024);
	crowd_begin(&k, 0, 100000);
	crowd_send(&k, 0, 100);
	turn_quiet(k.s.loop);
	assert_int_equal(k.codes[POSTERN_REASON_NO_RESOURCES], 1);
	crowd_begin(&k, 1, 50000);
	while (k.left[1] > 0 && crowd_send(&k, 1, 20000) > 0)
		turn_quiet(k.s.loop);
	assert_int_equal(k.frames, 1);
	assert_int_equal(k.closed, 1);
	crowd_close(&k);
}

/* No buffers in the kernel is another matter, and not the budget's. */
static void a_kernel_that_is_short_of_buffers_is_not_blamed_on_the_budget(void **state)
{
	const struct fault no_buffers = { .call = FAULT_recvmsg, .nth = 1, .error = ENOBUFS };
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	pair_send(&p, "x", 1);
	fault_arm(&no_buffers);
	turn_quiet(p.loop);
	assert_int_equal(fault_disarm(), 1);
	assert_end_closed(&p.end, POSTERN_REASON_NO_RESOURCES, -ENOBUFS);
	assert_string_equal(p.end.text, postern_reason_text(POSTERN_REASON_NO_RESOURCES));
	pair_close(&p);
}

static void a_place_in_line_is_given_up_with_its_connection(void **state)
{
	struct crowd k;

	(void)state;
	crowd_open(&k, 3, 256 * 1024, 256 * 1024 - 4);
	for (unsigned i = 0; i < 3; i++) {
		crowd_begin(&k, i, 200000);
		crowd_send(&k, i, 100);
		turn_quiet(k.s.loop);
	}
	/* The second stands in line before the third, and goes; then the first goes with the reserve. */
	assert_ok(postern_conn_abort(k.s.conns[1]));
	turn_quiet(k.s.loop);
	assert_ok(postern_conn_close(k.s.conns[0]));
	turn_quiet(k.s.loop);
	while (k.left[2] > 0 && crowd_send(&k, 2, 50000) > 0)
		turn_quiet(k.s.loop);
	assert_int_equal(k.frames, 1);
	crowd_close(&k);
}

/* ---- both directions of one connection in one line ---- */

/* A head that says so much, and a few bytes. */
static void crowd_head(struct crowd *k, unsigned i, uint32_t size)
{
	crowd_begin(k, i, size);
	crowd_send(k, i, 5);
	turn_quiet(k->s.loop);
}

/* Two hold messages that have begun, the second one the reserve; half of what is left is not enough for a third. */
static void crowd_open_full(struct crowd *k, unsigned n)
{
	crowd_open(k, n, 5 * MIB / 2, MIB - 4);
	crowd_head(k, 0, MIB - 4);
	crowd_head(k, 1, MIB - 4);
	assert_true(k->s.conns[1]->flags & CONN_LENT_READ);
}

static void crowd_let_go(struct crowd *k)
{
	for (int i = 0; i < 2; i++) {
		close(k->fds[i]);
		k->fds[i] = -1;
	}
	turn_quiet(k->s.loop);
}

static void who_waits_to_receive_keeps_its_place_when_a_reply_is_queued(void **state)
{
	struct crowd k;

	(void)state;
	crowd_open_full(&k, 3);
	crowd_head(&k, 2, MIB - 4);
	assert_true(account_is_short(k.s.conns[2]->account));
	/* More than its share, and to be had for one that is the first in line. */
	assert_int_equal(
		postern_conn_write_frame(k.s.conns[2], POSTERN_FRAMING_U32LE, big, 120 * 1024),
		120 * 1024);
	assert_true(account_is_short(k.s.conns[2]->account));
	turn_quiet(k.s.loop);
	crowd_receive(&k, 2);
	crowd_let_go(&k);
	while (k.left[2] > 0 && crowd_send(&k, 2, 65536) > 0)
		turn_quiet(k.s.loop);
	assert_int_equal(k.frames, 1);
	assert_int_equal(k.left[2], 0);
	assert_false(account_is_short(k.s.conns[2]->account));
	crowd_close(&k);
}

static void who_waits_to_queue_keeps_its_place_when_a_message_is_received(void **state)
{
	struct crowd k;

	(void)state;
	crowd_open_full(&k, 4);
	for (int i = 2; i < 4; i++)
		assert_errno(postern_conn_write_frame(k.s.conns[i], POSTERN_FRAMING_U32LE, big,
						      900 * 1024),
			     -EAGAIN);
	turn_quiet(k.s.loop);
	/* There is room for this one, and it is of the first in line. */
	crowd_head(&k, 2, 32 * 1024);
	assert_int_equal(k.drained, 0);
	crowd_let_go(&k);
	assert_int_equal(k.drained, 2);
	assert_ptr_equal(k.told[0], k.s.conns[2]);
	assert_ptr_equal(k.told[1], k.s.conns[3]);
	assert_false(account_is_short(k.s.conns[2]->account));
	crowd_close(&k);
}

static void who_was_refused_is_told_drained_though_a_smaller_message_was_admitted_meanwhile(
	void **state)
{
	struct crowd k;

	(void)state;
	crowd_open_full(&k, 3);
	assert_errno(postern_conn_write_frame(k.s.conns[2], POSTERN_FRAMING_U32LE, big, 900 * 1024),
		     -EAGAIN);
	assert_int_equal(
		postern_conn_write_frame(k.s.conns[2], POSTERN_FRAMING_U32LE, big, 120 * 1024),
		120 * 1024);
	turn_quiet(k.s.loop);
	crowd_receive(&k, 2);
	assert_int_equal(k.drained, 1);
	crowd_close(&k);
}

static void who_waits_to_queue_and_can_write_no_more_keeps_nobody_waiting(void **state)
{
	struct crowd k;

	(void)state;
	crowd_open_full(&k, 4);
	/* Its program has still to take what came; so it does not end. */
	assert_ok(postern_conn_pause(k.s.conns[2]));
	assert_int_equal(send(k.fds[2], "\1\0\0\0x", 5, MSG_NOSIGNAL), 5);
	for (int i = 2; i < 4; i++)
		assert_errno(postern_conn_write_frame(k.s.conns[i], POSTERN_FRAMING_U32LE, big,
						      900 * 1024),
			     -EAGAIN);
	assert_int_equal(shutdown(k.fds[2], SHUT_RD), 0);
	assert_int_equal(postern_conn_write(k.s.conns[2], "y", 1), 1);
	turn_quiet(k.s.loop);
	assert_int_equal(postern_conn_state(k.s.conns[2]), POSTERN_STATE_CONNECTED);
	crowd_let_go(&k);
	assert_int_equal(k.drained, 1);
	assert_ptr_equal(k.told[0], k.s.conns[3]);
	crowd_close(&k);
}

/* ---- what the reserve is charged for ---- */

static void small_replies_of_who_receives_with_the_reserve_cost_it_nothing(void **state)
{
	struct account *a;
	struct crowd k;
	size_t lent, rest;

	(void)state;
	crowd_open_full(&k, 2);
	a = k.s.conns[1]->account;
	lent = a->lent;
	rest = account_free(a);
	for (int i = 0; i < 80; i++) {
		assert_int_equal(
			postern_conn_write_frame(k.s.conns[1], POSTERN_FRAMING_U32LE, "x", 1), 1);
		turn_quiet(k.s.loop);
		assert_int_equal(recv(k.fds[1], big, sizeof(big), MSG_DONTWAIT), 5);
	}
	assert_int_equal(a->lent, lent);
	assert_int_equal(account_free(a), rest);
	crowd_close(&k);
}

static void a_reply_out_of_the_reserve_takes_nothing_from_what_is_shared(void **state)
{
	struct account *a;
	struct crowd k;
	size_t rest;

	(void)state;
	crowd_open(&k, 2, 5 * MIB / 2, MIB - 4);
	crowd_head(&k, 0, MIB - 4);
	a = k.s.conns[1]->account;
	rest = account_free(a);
	assert_int_equal(
		postern_conn_write_frame(k.s.conns[1], POSTERN_FRAMING_U32LE, big, 900 * 1024),
		900 * 1024);
	assert_ptr_equal(a->holder, &k.s.conns[1]->line);
	assert_true(a->lent > 900 * 1024);
	assert_int_equal(account_free(a), rest);
	turn_quiet(k.s.loop);
	assert_int_equal(account_free(a), rest);
	crowd_receive(&k, 1);
	assert_null(a->holder);
	assert_int_equal(a->lent, 0);
	assert_int_equal(account_free(a), rest);
	crowd_close(&k);
}

static void a_reply_for_which_memory_was_short_gives_the_reserve_back(void **state)
{
	const struct fault no_memory = {
		.call = FAULT_alloc, .nth = 1, .error = ENOMEM, .stays = true
	};
	struct account *a;
	struct crowd k;
	size_t rest;

	(void)state;
	crowd_open(&k, 2, 5 * MIB / 2, MIB - 4);
	crowd_head(&k, 0, MIB - 4);
	a = k.s.conns[1]->account;
	rest = account_free(a);
	fault_arm(&no_memory);
	assert_errno(postern_conn_write_frame(k.s.conns[1], POSTERN_FRAMING_U32LE, big, 900 * 1024),
		     -EAGAIN);
	assert_true(fault_disarm() > 0);
	assert_null(a->holder);
	assert_int_equal(a->lent, 0);
	assert_int_equal(account_free(a), rest);
	crowd_close(&k);
}

static void the_reserve_is_nobodys_when_the_connection_that_had_it_has_ended(void **state)
{
	struct account *a;
	struct crowd k;
	const struct list *gone;

	(void)state;
	for (int how = 0; how < 3; how++) {
		crowd_open(&k, 3, 5 * MIB / 2, MIB - 4);
		crowd_head(&k, 0, MIB - 4);
		a = k.s.conns[1]->account;
		gone = &k.s.conns[1]->line;
		/* The reply is in the queue, and nobody reads it. */
		assert_int_equal(postern_conn_write_frame(k.s.conns[1], POSTERN_FRAMING_U32LE, big,
							  900 * 1024),
				 900 * 1024);
		assert_ptr_equal(a->holder, gone);
		if (how == 0)
			assert_ok(postern_conn_abort(k.s.conns[1]));
		else if (how == 1)
			postern_conn_free(k.s.conns[1]);
		else
			close(k.fds[1]), k.fds[1] = -1;
		turn_quiet(k.s.loop);
		assert_null(a->holder);
		assert_int_equal(a->lent, 0);
		crowd_head(&k, 2, MIB - 4);
		assert_true(k.s.conns[2]->flags & CONN_LENT_READ);
		crowd_close(&k);
	}
}

/* ---- replies ---- */

static void messages_that_wait_to_be_queued_are_admitted_in_the_order_in_which_they_came(
	void **state)
{
	enum { N = 4, SIZE = 90000 };
	struct crowd k;
	ssize_t r;

	(void)state;
	/* The kernel takes the first one's replies until its peer is full; the rest of them has the reserve. */
	crowd_open(&k, N, 96 * 1024, 96 * 1024 - 4);
	do {
		r = postern_conn_write_frame(k.s.conns[0], POSTERN_FRAMING_U32LE, big, SIZE);
		turn(k.s.loop, 0);
	} while (r == SIZE);
	assert_errno(r, -EAGAIN);
	for (unsigned i = N - 1; i >= 1; i--)
		assert_errno(
			postern_conn_write_frame(k.s.conns[i], POSTERN_FRAMING_U32LE, big, SIZE),
			-EAGAIN);
	turn_quiet(k.s.loop);
	assert_int_equal(k.drained, 0);
	/* postern-review: ignore E4 what is there is read, and more is asked for later */
	while (recv(k.fds[0], big, sizeof(big), MSG_DONTWAIT) > 0)
		turn_quiet(k.s.loop);
	if (errno != EAGAIN)
		fail_msg("the connection has ended: errno is %d", errno);
	/* One after the other, since none of them writes anything that would keep the next one waiting; and the first
	   one's own. */
	assert_int_equal(k.drained, N);
	assert_ptr_equal(k.told[1], k.s.conns[3]);
	assert_ptr_equal(k.told[2], k.s.conns[2]);
	assert_ptr_equal(k.told[3], k.s.conns[1]);
	crowd_close(&k);
}

/* What an account refuses to keep is a matter of what was promised before the callback, not after. */
static size_t reply_and_take_a_part(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	size_t taken = 0;

	(void)bytes, (void)data;
	/* What is being looked at is charged already. */
	assert_true(site_counters(&now->s).bytes >= n);
	while (n - taken >= 1024 && postern_conn_write(c, big, 8192) == 8192)
		taken += 1024;
	return taken;
}

static const struct postern_conn_events reply_events = { .size = sizeof(reply_events),
							 .received = reply_and_take_a_part,
							 .closed = crowd_closed };

static void replies_that_use_up_the_budget_cost_nobody_what_was_already_received(void **state)
{
	struct postern_server_options options = { .size = sizeof(options), .bytes_per_uid = MIB };
	struct crowd k = { .n = 1 };
	size_t got = 0;

	(void)state;
	now = &k;
	site_open(&k.s, "replies", &options);
	k.fds[0] = plain_connect(postern_server_path(k.s.server));
	turn_until(k.s.loop, k.s.accepted == 1);
	assert_ok(postern_conn_set_events(k.s.conns[0], &reply_events, &k.s));
	assert_int_equal(send(k.fds[0], big, 65536, MSG_DONTWAIT | MSG_NOSIGNAL), 65536);
	while (got < 64 * 8192) {
		ssize_t r = recv(k.fds[0], big, sizeof(big), MSG_DONTWAIT);

		if (r > 0)
			got += (size_t)r;
		assert_int_equal(k.closed, 0);
		assert_true(turn(k.s.loop, 0) >= 0);
	}
	assert_true(got >= 64 * 8192); /* a reply that was cut short is sent once more */
	crowd_close(&k);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BUDGET_TEST(a_crowd_of_large_messages_is_received_whole),
		BUDGET_TEST(who_waits_for_the_budget_is_never_idle),
		BUDGET_TEST(
			who_is_slower_than_64_kib_a_limit_is_ended_when_others_wait_for_its_room_and_only_then),
		BUDGET_TEST(a_message_that_no_budget_could_hold_ends_its_connection),
		BUDGET_TEST(a_kernel_that_is_short_of_buffers_is_not_blamed_on_the_budget),
		BUDGET_TEST(a_place_in_line_is_given_up_with_its_connection),
		BUDGET_TEST(who_waits_to_receive_keeps_its_place_when_a_reply_is_queued),
		BUDGET_TEST(who_waits_to_queue_keeps_its_place_when_a_message_is_received),
		BUDGET_TEST(
			who_was_refused_is_told_drained_though_a_smaller_message_was_admitted_meanwhile),
		BUDGET_TEST(who_waits_to_queue_and_can_write_no_more_keeps_nobody_waiting),
		BUDGET_TEST(small_replies_of_who_receives_with_the_reserve_cost_it_nothing),
		BUDGET_TEST(a_reply_out_of_the_reserve_takes_nothing_from_what_is_shared),
		BUDGET_TEST(a_reply_for_which_memory_was_short_gives_the_reserve_back),
		BUDGET_TEST(the_reserve_is_nobodys_when_the_connection_that_had_it_has_ended),
		BUDGET_TEST(
			messages_that_wait_to_be_queued_are_admitted_in_the_order_in_which_they_came),
		BUDGET_TEST(replies_that_use_up_the_budget_cost_nobody_what_was_already_received),
	};
	return test_run(tests);
}
