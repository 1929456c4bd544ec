/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes through a connection: what received() is offered, what a write takes, and what comes out.
 * How connections end is in test-conn-end.c.
 */
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static char big[1024 * 1024];

/* ---- reading ---- */

static void what_is_taken_whole_is_offered_once(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	pair_send(&p, "hello", 5);
	turn_until(p.loop, p.end.n == 5);
	turn_quiet(p.loop);
	assert_end_has(&p.end, "hello");
	assert_int_equal(p.end.offers, 1);
	pair_close(&p);
}

static void what_is_taken_in_part_is_offered_again_until_nothing_is_taken(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	p.end.take = 2;
	pair_send(&p, "hello", 5);
	turn_quiet(p.loop);
	assert_end_has(&p.end, "hello");
	assert_int_equal(p.end.offers, 3);
	assert_int_equal(p.end.last_offer, 1);
	pair_close(&p);
}

static void what_is_not_taken_is_kept_and_offered_again_with_more_bytes(void **state)
{
	struct postern_conn_counters counters;
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	p.end.take = 0;
	pair_send(&p, "hel", 3);
	turn_quiet(p.loop);
	assert_int_equal(p.end.offers, 1);
	assert_ok(postern_conn_get_counters(p.c, &counters, sizeof(counters)));
	assert_int_equal(counters.unread, 3);
	assert_int_equal(counters.received, 3);

	/* Nothing changes, so it is not offered again: that would be to spin. */
	turn_for(p.loop, 30);
	assert_int_equal(p.end.offers, 1);

	p.end.take = SIZE_MAX;
	pair_send(&p, "lo", 2);
	turn_until(p.loop, p.end.n == 5);
	assert_end_has(&p.end, "hello");
	assert_int_equal(p.end.last_offer, 5);
	assert_ok(postern_conn_get_counters(p.c, &counters, sizeof(counters)));
	assert_int_equal(counters.unread, 0);
	pair_close(&p);
}

static void what_was_not_taken_is_offered_on_resume(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	p.end.take = 0;
	pair_send(&p, "hello", 5);
	turn_quiet(p.loop);
	p.end.take = SIZE_MAX;
	assert_ok(postern_conn_resume(p.c));
	assert_int_equal(p.end.n, 0); /* not inside the call */
	turn_until(p.loop, p.end.n == 5);
	assert_end_has(&p.end, "hello");
	pair_close(&p);
}

static void what_was_not_taken_is_offered_after_drained(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options), .high_water = 400000 };
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	while (postern_conn_write(p.c, big, sizeof(big)) > 0)
		turn(p.loop, 0);
	p.end.take = 0;
	pair_send(&p, "hello", 5);
	turn_quiet(p.loop);
	assert_int_equal(p.end.offers, 1);
	assert_int_equal(p.end.drained, 0);
	p.end.take = SIZE_MAX;
	while (p.end.drained == 0) {
		pair_receive(&p, big, 4096);
		turn(p.loop, 0);
	}
	turn_until(p.loop, p.end.n == 5);
	assert_string_equal(p.end.trace, "rdr");
	pair_close(&p);
}

static void a_callback_that_returns_more_than_it_got_took_all_and_no_more(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	p.end.lie = 1000;
	pair_send(&p, "hello", 5);
	turn_quiet(p.loop);
	pair_send(&p, "again", 5);
	turn_until(p.loop, p.end.n == 10);
	assert_end_has(&p.end, "helloagain");
	assert_int_equal(p.end.offers, 2);
	pair_close(&p);
}

static void without_a_received_callback_bytes_are_dropped_and_counted(void **state)
{
	static const struct postern_conn_events none = { .size = sizeof(none) };
	struct postern_conn_counters counters = { 0 };
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_set_events(p.c, &none, NULL));
	pair_send(&p, big, sizeof(big));
	turn_quiet(p.loop);
	assert_ok(postern_conn_get_counters(p.c, &counters, sizeof(counters)));
	assert_int_equal(counters.received, sizeof(big));
	assert_int_equal(counters.unread, 0);
	pair_close(&p);
}

/* Where the bound is smaller than what the peer sent, the rest waits in the kernel. */
static void the_unread_bound_stops_reading_and_loses_nothing(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options), .unread = 128 };
	struct postern_conn_counters counters;
	struct pair p;
	char sent[256];
	int waiting = 0;
	unsigned turns;

	(void)state;
	pattern_fill(sent, 0, sizeof(sent));
	pair_open(&p, &options);
	p.end.take = 0;
	pair_send(&p, sent, sizeof(sent));
	turn_quiet(p.loop);
	assert_ok(postern_conn_get_counters(p.c, &counters, sizeof(counters)));
	assert_int_equal(counters.unread, 128);
	assert_int_equal(ioctl(postern_conn_fd(p.c), FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 128);
	/* The socket stays readable: a loop that still watched it would turn and turn. */
	turns = turn_for(p.loop, 50);
	if (turns > 5)
		print_error("%u turns in 50 ms\n", turns);
	assert_true(turns <= 5);

	p.end.take = SIZE_MAX;
	assert_ok(postern_conn_resume(p.c));
	turn_until(p.loop, p.end.n == sizeof(sent));
	assert_int_equal(pattern_check(p.end.bytes, 0, sizeof(sent)), sizeof(sent));
	pair_close(&p);
}

static void a_peer_that_floods_is_held_at_the_unread_bound(void **state)
{
	struct postern_conn_counters counters;
	struct pair p;
	size_t sent = 0;
	ssize_t r;

	(void)state;
	pair_open(&p, NULL);
	p.end.take = 0;
	for (int i = 0; i < 200; i++) {
		while ((r = send(p.peer, big, sizeof(big), MSG_NOSIGNAL)) > 0)
			sent += (size_t)r;
		turn(p.loop, 0);
	}
	assert_ok(postern_conn_get_counters(p.c, &counters, sizeof(counters)));
	assert_int_equal(counters.unread, 256 * 1024); /* the default */
	test_note("a flooding peer got rid of %zu KiB", sent / 1024);
	pair_close(&p);
}

/* A consumer of lines, as programs write it: it takes whole lines and nothing else. */
struct lines {
	size_t expected; /* length of the next line, with its end */
	unsigned n, wrong;
};

static size_t lines_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	const char *text = bytes, *end = memchr(text, '\n', n);
	struct lines *lines = data;
	size_t length;

	(void)c;
	if (!end)
		return 0;
	length = (size_t)(end - text) + 1;
	if (length != lines->expected)
		lines->wrong++;
	for (size_t i = 0; i + 1 < length; i++)
		if (text[i] != (char)('a' + i % 26))
			lines->wrong++;
	lines->n++;
	return length;
}

static const struct postern_conn_events lines_events = {
	.size = sizeof(lines_events),
	.received = lines_received,
};

static void line_fill(char *line, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		line[i] = (char)('a' + i % 26);
	line[n - 1] = '\n';
}

static void lines_arrive(size_t length, size_t piece, unsigned n)
{
	struct lines lines = { .expected = length };
	struct pair p;

	line_fill(big, length);
	pair_open(&p, NULL);
	assert_ok(postern_conn_set_events(p.c, &lines_events, &lines));
	for (unsigned k = 0; k < n; k++) {
		for (size_t at = 0; at < length; at += piece) {
			pair_send(&p, big + at, length - at < piece ? length - at : piece);
			turn(p.loop, 0);
		}
	}
	turn_until(p.loop, lines.n == n);
	if (lines.wrong)
		print_error("lines of %zu in pieces of %zu\n", length, piece);
	assert_int_equal(lines.wrong, 0);
	assert_int_equal(lines.n, n);
	pair_close(&p);
}

static void a_line_of_50_kb_arrives_whole_however_it_is_cut(void **state)
{
	static const size_t pieces[] = { 11,   100,   1000,  4095,  4096, 4097,
					 8192, 16384, 32767, 49999, 50000 };

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		lines_arrive(50000, pieces[i], 3);
}

static void a_line_arrives_byte_by_byte(void **state)
{
	(void)state;
	lines_arrive(9000, 1, 1);
}

/* The shared buffer of the loop holds 64 KiB: just below, at, and above it, and at what unread grows to. */
static void pieces_around_64_kib_arrive_whole(void **state)
{
	(void)state;
	for (size_t length = 1024; length <= 70 * 1024; length += 3 * 1024)
		lines_arrive(length, length, 2);
	for (size_t length = 65534; length <= 65538; length++) {
		lines_arrive(length, length, 3);
		lines_arrive(length, 65536, 3);
	}
}

static void many_lines_in_one_piece_are_offered_line_by_line(void **state)
{
	struct lines lines = { .expected = 10 };
	struct pair p;

	(void)state;
	for (size_t at = 0; at < 100000; at += 10)
		line_fill(big + at, 10);
	pair_open(&p, NULL);
	assert_ok(postern_conn_set_events(p.c, &lines_events, &lines));
	pair_send(&p, big, 100000);
	turn_until(p.loop, lines.n == 10000);
	assert_int_equal(lines.wrong, 0);
	pair_close(&p);
}

/* ---- writing ---- */

static void a_write_is_sent_at_the_end_of_the_turn(void **state)
{
	struct postern_conn_counters counters;
	struct pair p;
	char bytes[8];

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, "hel", 3), 3);
	assert_int_equal(postern_conn_write(p.c, "lo", 2), 2);
	assert_int_equal(postern_conn_queued(p.c), 5);
	assert_int_equal(recv(p.peer, bytes, sizeof(bytes), 0), -1);
	turn(p.loop, 100);
	assert_int_equal(recv(p.peer, bytes, sizeof(bytes), 0), 5);
	assert_memory_equal(bytes, "hello", 5);
	assert_int_equal(postern_conn_queued(p.c), 0);
	assert_ok(postern_conn_get_counters(p.c, &counters, sizeof(counters)));
	assert_int_equal(counters.sent, 5);
	assert_true(counters.connected_ns > 0 && counters.connected_ns <= postern_now());
	pair_close(&p);
}

static void a_flush_sends_at_once(void **state)
{
	struct pair p;
	char bytes[8];

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_flush(p.c), 0);
	assert_int_equal(postern_conn_write(p.c, "hello", 5), 5);
	assert_int_equal(postern_conn_flush(p.c), 0);
	assert_int_equal(recv(p.peer, bytes, sizeof(bytes), 0), 5);
	turn_quiet(p.loop);
	assert_int_equal(recv(p.peer, bytes, sizeof(bytes), 0), -1);
	pair_close(&p);
}

static void a_flush_says_what_is_still_queued(void **state)
{
	struct pair p;
	ssize_t queued;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(postern_conn_write(p.c, big, sizeof(big)), sizeof(big));
	queued = postern_conn_flush(p.c);
	assert_true(queued > 0);
	assert_int_equal(queued, postern_conn_queued(p.c));
	pair_close(&p);
}

static void a_write_takes_what_fits_below_the_high_water_mark(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options), .high_water = 100 };
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_room(p.c), 100);
	assert_int_equal(postern_conn_write(p.c, big, 60), 60);
	assert_int_equal(postern_conn_room(p.c), 40);
	assert_int_equal(postern_conn_write(p.c, big, 60), 40);
	assert_int_equal(postern_conn_room(p.c), 0);
	assert_errno(postern_conn_write(p.c, big, 1), -EAGAIN);
	assert_int_equal(postern_conn_write(p.c, big, 0), 0);
	assert_int_equal(p.end.drained, 0); /* not inside the call */
	turn_quiet(p.loop);
	assert_int_equal(p.end.drained, 1); /* for both refusals */
	assert_int_equal(postern_conn_room(p.c), 100);
	pair_close(&p);
}

static void drained_is_not_told_to_whom_nothing_was_refused(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options), .high_water = 100 };
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_write(p.c, big, 100), 100);
	turn_quiet(p.loop);
	assert_int_equal(p.end.drained, 0);
	pair_close(&p);
}

static void drained_is_told_once_and_at_the_low_water_mark(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options),
						.high_water = 800000,
						.low_water = 100000 };
	struct pair p;
	size_t above = SIZE_MAX;

	(void)state;
	pair_open(&p, &options);
	while (postern_conn_write(p.c, big, sizeof(big)) > 0)
		turn(p.loop, 0);
	while (p.end.drained == 0) {
		above = postern_conn_queued(p.c);
		pair_receive(&p, big, 1000);
		turn(p.loop, 0);
	}
	assert_true(above > 100000);
	assert_true(postern_conn_queued(p.c) <= 100000);
	turn_quiet(p.loop);
	assert_int_equal(p.end.drained, 1);
	while (postern_conn_queued(p.c) > 0) {
		pair_receive(&p, big, 1000);
		turn(p.loop, 0);
	}
	assert_int_equal(p.end.drained, 1);
	pair_close(&p);
}

static void a_large_write_goes_past_the_queue_in_order(void **state)
{
	struct pair p;
	char *got = malloc(200000);

	(void)state;
	pair_open(&p, NULL);
	pattern_fill(big, 0, 200000);
	assert_int_equal(postern_conn_write(p.c, big, 10), 10);
	assert_int_equal(postern_conn_write(p.c, big + 10, 99990), 99990);
	assert_int_equal(postern_conn_flush(p.c), 0);
	assert_int_equal(postern_conn_write(p.c, big + 100000, 100000), 100000);
	pair_receive(&p, got, 200000);
	assert_int_equal(pattern_check(got, 0, 200000), 200000);
	free(got);
	pair_close(&p);
}

static void writev_gathers_and_may_end_inside_an_element(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options), .high_water = 8 };
	char abc[] = "abc", defgh[] = "defgh", ijk[] = "ijk";
	struct iovec iov[] = { { abc, 3 }, { NULL, 0 }, { defgh, 5 }, { ijk, 3 } };
	struct pair p;
	char got[8];

	(void)state;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_writev(p.c, iov, 2), 3);
	assert_int_equal(postern_conn_writev(p.c, iov + 2, 2), 5);
	assert_errno(postern_conn_writev(p.c, iov, 1), -EAGAIN);
	pair_receive(&p, got, 8);
	assert_memory_equal(got, "abcdefgh", 8);
	assert_int_equal(postern_conn_writev(p.c, NULL, 0), 0);
	assert_errno(postern_conn_writev(p.c, NULL, 1), -EINVAL);
	assert_errno(postern_conn_writev(p.c, iov, 1025), -EINVAL);
	pair_close(&p);

	options.high_water = 5;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_writev(p.c, iov, 4), 5);
	pair_receive(&p, got, 5);
	assert_memory_equal(got, "abcde", 5);
	pair_close(&p);
}

/* ---- pausing ---- */

static void nothing_is_received_while_paused(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_pause(p.c));
	pair_send(&p, "hello", 5);
	assert_true(turn_for(p.loop, 50) <= 5);
	assert_int_equal(p.end.offers, 0);
	assert_ok(postern_conn_resume(p.c));
	turn_until(p.loop, p.end.n == 5);
	pair_close(&p);
}

static void pause_once(struct end *e, struct postern_conn *c, enum end_event event)
{
	if (event == END_RECEIVED && e->offers == 1)
		assert_ok(postern_conn_pause(c));
}

static void a_pause_inside_received_ends_the_offers(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	p.end.take = 1;
	p.end.hook = pause_once;
	pair_send(&p, "hello", 5);
	turn_quiet(p.loop);
	assert_end_has(&p.end, "h");
	assert_ok(postern_conn_resume(p.c));
	turn_until(p.loop, p.end.n == 5);
	assert_end_has(&p.end, "hello");
	pair_close(&p);
}

static void a_hang_up_while_paused_does_not_spin_and_loses_nothing(void **state)
{
	struct pair p;
	unsigned turns;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_pause(p.c));
	pattern_fill(big, 0, 100000);
	pair_send(&p, big, 100000);
	turn_quiet(p.loop);
	pair_close_peer(&p);
	turns = turn_for(p.loop, 50);
	test_note("%u turns in 50 ms of pause after a hang-up", turns);
	assert_true(turns <= 5);
	assert_int_equal(p.end.offers, 0);
	assert_int_equal(p.end.closed, 0);

	/* To pause once more does not bring it back into epoll for good. */
	assert_ok(postern_conn_pause(p.c));
	assert_true(turn_for(p.loop, 50) <= 5);

	assert_ok(postern_conn_resume(p.c));
	turn_until(p.loop, p.end.closed);
	assert_int_equal(p.end.n, 100000);
	assert_int_equal(pattern_check(p.end.bytes, 0, 100000), 100000);
	assert_string_equal(p.end.trace, "rec");
	assert_end_closed(&p.end, POSTERN_REASON_ENDED, 0);
	pair_close(&p);
}

/* ---- both ways at once ---- */

enum { FLOW_TOTAL = 64 * 1024 * 1024 };

struct flow {
	size_t sent, total;
	uint64_t seed;
	size_t received, wrong_at;
	unsigned refused, drained;
	bool owed; /* drained is to come */
	unsigned unasked;
};

static void flow_write(struct flow *f, struct postern_conn *c)
{
	static char bytes[100000];

	while (f->sent < f->total && !f->owed) {
		size_t n = 1 + random_next(&f->seed) % (random_next(&f->seed) % 8 ? 3000 : 100000);
		ssize_t r;

		if (n > f->total - f->sent)
			n = f->total - f->sent;
		pattern_fill(bytes, f->sent, n);
		r = postern_conn_write(c, bytes, n);
		if (r > 0)
			f->sent += (size_t)r;
		if (r < (ssize_t)n) {
			f->refused++;
			f->owed = true;
		}
	}
}

static size_t flow_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct flow *f = data;
	size_t take = 1 + random_next(&f->seed) % 70000;

	(void)c;
	/* Now and then nothing: it is to be offered again with more, for there is always more. */
	if (random_next(&f->seed) % 16 == 0 && f->received + n < f->total - 300000)
		return 0;
	if (take > n)
		take = n;
	if (f->wrong_at == SIZE_MAX && pattern_check(bytes, f->received, take) != take)
		f->wrong_at = f->received + pattern_check(bytes, f->received, take);
	f->received += take;
	return take;
}

static void flow_drained(struct postern_conn *c, void *data)
{
	struct flow *f = data;

	if (!f->owed)
		f->unasked++;
	f->owed = false;
	f->drained++;
	flow_write(f, c);
}

static const struct postern_conn_events flow_events = {
	.size = sizeof(flow_events),
	.received = flow_received,
	.drained = flow_drained,
};

static void bytes_both_ways_at_once_keep_order_and_content(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options), .high_water = 300000 };
	struct flow f[2];
	struct postern_conn *c[2] = { NULL };
	struct postern_loop *loop;
	int sv[2];
	int64_t begun = test_now_ns();

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_ok(postern_loop_new(&loop));
	for (int i = 0; i < 2; i++) {
		f[i] = (struct flow){ .seed = (uint64_t)(i + 1),
				      .total = (size_t)(FLOW_TOTAL / test_scale()),
				      .wrong_at = SIZE_MAX };
		assert_ok(postern_conn_adopt(&c[i], loop, sv[i], &options, &flow_events, &f[i]));
	}
	flow_write(&f[0], c[0]);
	flow_write(&f[1], c[1]);
	while (f[0].received < f[0].total || f[1].received < f[1].total) {
		assert_int_equal(f[0].wrong_at, SIZE_MAX);
		assert_int_equal(f[1].wrong_at, SIZE_MAX);
		assert_true(turn(loop, 2000) > 0);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(f[i].sent, f[i].total);
		assert_int_equal(f[i].received, f[i].total);
		assert_true(f[i].refused > 0); /* there was back-pressure */
		assert_int_equal(f[i].unasked, 0);
		/* The last refusal may not have come to its drained yet. */
		assert_int_equal(f[i].drained + (f[i].owed ? 1 : 0), f[i].refused);
		postern_conn_free(c[i]);
	}
	test_note("%zu MiB each way, %u and %u refusals, %lld ms", f[0].total >> 20, f[0].refused,
		  f[1].refused, (long long)((test_now_ns() - begun) / 1000000));
	postern_loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_taken_whole_is_offered_once),
		TEST(what_is_taken_in_part_is_offered_again_until_nothing_is_taken),
		TEST(what_is_not_taken_is_kept_and_offered_again_with_more_bytes),
		TEST(what_was_not_taken_is_offered_on_resume),
		TEST(what_was_not_taken_is_offered_after_drained),
		TEST(a_callback_that_returns_more_than_it_got_took_all_and_no_more),
		TEST(without_a_received_callback_bytes_are_dropped_and_counted),
		TEST(the_unread_bound_stops_reading_and_loses_nothing),
		TEST(a_peer_that_floods_is_held_at_the_unread_bound),
		TEST(a_line_of_50_kb_arrives_whole_however_it_is_cut),
		TEST(a_line_arrives_byte_by_byte),
		TEST(pieces_around_64_kib_arrive_whole),
		TEST(many_lines_in_one_piece_are_offered_line_by_line),
		TEST(a_write_is_sent_at_the_end_of_the_turn),
		TEST(a_flush_sends_at_once),
		TEST(a_flush_says_what_is_still_queued),
		TEST(a_write_takes_what_fits_below_the_high_water_mark),
		TEST(drained_is_not_told_to_whom_nothing_was_refused),
		TEST(drained_is_told_once_and_at_the_low_water_mark),
		TEST(a_large_write_goes_past_the_queue_in_order),
		TEST(writev_gathers_and_may_end_inside_an_element),
		TEST(nothing_is_received_while_paused),
		TEST(a_pause_inside_received_ends_the_offers),
		TEST(a_hang_up_while_paused_does_not_spin_and_loses_nothing),
		TEST(bytes_both_ways_at_once_keep_order_and_content),
	};
	return test_run(tests);
}
