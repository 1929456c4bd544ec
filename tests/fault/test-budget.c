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
	while (recv(k.fds[0], big, sizeof(big), MSG_DONTWAIT) > 0)
		turn_quiet(k.s.loop);
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
		BUDGET_TEST(a_place_in_line_is_given_up_with_its_connection),
		BUDGET_TEST(
			messages_that_wait_to_be_queued_are_admitted_in_the_order_in_which_they_came),
		BUDGET_TEST(replies_that_use_up_the_budget_cost_nobody_what_was_already_received),
	};
	return test_run(tests);
}
