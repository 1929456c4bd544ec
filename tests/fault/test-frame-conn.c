/* SPDX-License-Identifier: Apache-2.0 */
/* Framings, as the frame events of a connection. */
#include "stream.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/frame.h>

#include "conn/conn.h"
#include "fault.h"

/* ---- a connection that records its frames ---- */

struct tape {
	struct postern_loop *loop;
	struct postern_conn *c;
	int peer;
	unsigned frames, ended, drained, closed;
	char *bytes; /* the payloads, one after the other */
	size_t n, capacity;
	size_t lengths[4096];
	int code, error;
	/* After each frame; or NULL. */
	void (*hook)(struct tape *t, struct postern_conn *c);
};

static void tape_frame(struct postern_conn *c, const void *payload, size_t n, void *data)
{
	struct tape *t = data;

	if (t->n + n > t->capacity) {
		t->capacity = 2 * (t->n + n);
		t->bytes = realloc(t->bytes, t->capacity);
		if (!t->bytes)
			abort();
	}
	if (n > 0)
		memcpy(t->bytes + t->n, payload, n);
	t->n += n;
	t->lengths[t->frames++ % 4096] = n;
	if (t->hook)
		t->hook(t, c);
}

/* It is frames or this, never both. */
static size_t tape_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c, (void)bytes, (void)data;
	fail_msg("bytes were told of where whole messages are");
	return n;
}

static void tape_ended(struct postern_conn *c, void *data)
{
	(void)c;
	((struct tape *)data)->ended++;
}

static void tape_drained(struct postern_conn *c, void *data)
{
	(void)c;
	((struct tape *)data)->drained++;
}

static void tape_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct tape *t = data;

	(void)c;
	t->closed++;
	t->code = why->code;
	t->error = why->error;
}

static const struct postern_conn_events tape_events = {
	.size = sizeof tape_events,
	.received = tape_received,
	.frame = tape_frame,
	.ended = tape_ended,
	.drained = tape_drained,
	.closed = tape_closed,
};

static void tape_open_options(struct tape *t, const struct postern_conn_options *options)
{
	int sv[2];

	*t = (struct tape){ .peer = -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
	t->peer = sv[1];
	assert_ok(postern_loop_new(&t->loop));
	assert_ok(postern_conn_adopt(&t->c, t->loop, sv[0], options, &tape_events, t));
}

static void tape_open(struct tape *t, int framing, uint32_t max)
{
	tape_open_options(
		t, &(struct postern_conn_options){ .size = sizeof(struct postern_conn_options),
						   .framing = (uint32_t)framing,
						   .frame_max = max });
}

static void tape_hang_up(struct tape *t)
{
	if (t->peer >= 0)
		close(t->peer);
	t->peer = -1;
}

static void tape_close(struct tape *t)
{
	postern_conn_free(t->c);
	postern_loop_free(t->loop);
	tape_hang_up(t);
	free(t->bytes);
}

static void tape_forget(struct tape *t)
{
	t->n = t->frames = 0;
}

static void tape_send(struct tape *t, const char *bytes, size_t n)
{
	int64_t until = test_now_ns() + test_patience_ns();

	while (n > 0) {
		ssize_t r = send(t->peer, bytes, n, MSG_NOSIGNAL);

		if (r > 0) {
			bytes += r;
			n -= (size_t)r;
			continue;
		}
		if (errno == EPIPE && t->closed)
			return;
		assert_int_equal(errno, EAGAIN);
		assert_true(test_now_ns() < until);
		turn(t->loop, 0);
	}
}

/* The frames are those that put_frame() made, with these sizes and numbers from 0 on. */
static void tape_check(const struct tape *t, const size_t *sizes, unsigned n)
{
	static char want[5 * MIB];
	size_t at = 0;

	assert_int_equal(t->frames, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(t->lengths[i], sizes[i]);
		put_payload(want, sizes[i], i);
		if (sizes[i] > 0)
			assert_memory_equal(t->bytes + at, want, sizes[i]);
		at += sizes[i];
	}
	assert_int_equal(t->n, at);
}

static uint32_t unread_capacity(const struct tape *t)
{
	return t->c->kept ? t->c->kept->capacity : 0;
}

static int64_t frame_memory;

static int frame_setup(void **state)
{
	(void)state;
	fault_reset();
	frame_memory = fault_memory();
	return 0;
}

static int frame_finish(void **state)
{
	(void)state;
	fault_reset();
	assert_int_equal(fault_memory(), frame_memory);
	return 0;
}

#define FRAME_TEST(name) TEST_WITH(name, frame_setup, frame_finish)

/* ---- pieces ---- */

static void pain_21_messages_are_whole_wherever_the_stream_is_cut(void **state)
{
	static const size_t sizes[] = { 5, 0, 1, 0, 0, 130, 2, 3, 4, 40, 0 };
	const unsigned n = sizeof sizes / sizeof *sizes;
	unsigned cuts = 0;

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t length = put_stream(framings[f], sizes, n);
		struct tape t;

		tape_open(&t, framings[f], 200);
		for (size_t cut = 0; cut <= length; cut++, cuts++) {
			tape_send(&t, text, cut);
			turn(t.loop, 0);
			tape_send(&t, text + cut, length - cut);
			turn(t.loop, 0);
			tape_check(&t, sizes, n);
			assert_null(t.c->kept);
			tape_forget(&t);
		}
		tape_close(&t);
	}
	test_note("cut at %u places", cuts);
}

static void pain_21_messages_are_whole_in_pieces_of_any_size(void **state)
{
	enum { ROUNDS = 60, N = 40 };
	uint64_t seed = (uint64_t)test_now_ns();
	size_t sizes[N];

	(void)state;
	test_note("seed %llu", (unsigned long long)seed);
	for (int round = 0; round < ROUNDS; round++) {
		int framing = framings[round % FRAMINGS];
		size_t length, at = 0;
		struct tape t;

		for (int i = 0; i < N; i++)
			sizes[i] = random_next(&seed) % (i % 8 == 0 ? 30000 : 50);
		length = put_stream(framing, sizes, N);
		tape_open(&t, framing, 30000);
		while (at < length) {
			size_t piece =
				1 + random_next(&seed) % (random_next(&seed) % 2 ? 10 : 9000);

			piece = piece < length - at ? piece : length - at;
			tape_send(&t, text + at, piece);
			at += piece;
			if (random_next(&seed) % 4)
				turn(t.loop, 0);
		}
		turn_until(t.loop, t.frames == N);
		tape_check(&t, sizes, N);
		tape_close(&t);
	}
}

static void byte_by_byte_each_byte_is_looked_at_once(void **state)
{
	enum { N = 20000 };
	const size_t size = N;

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t length = put_stream(framings[f], &size, 1);
		struct tape t;

		tape_open(&t, framings[f], N);
		for (size_t i = 0; i < length - 1; i++) {
			tape_send(&t, text + i, 1);
			turn(t.loop, 0);
			assert_int_equal(t.c->kept->n, i + 1);
			if (is_delimited(framings[f]))
				assert_int_equal(t.c->kept->seen, i + 1);
			assert_true(unread_capacity(&t) <= 4096 || unread_capacity(&t) < 3 * i);
		}
		assert_int_equal(t.frames, 0);
		tape_send(&t, text + length - 1, 1);
		turn(t.loop, 0);
		tape_check(&t, &size, 1);
		assert_null(t.c->kept);
		tape_close(&t);
	}
}

static void the_largest_message_fits_and_the_default_is_4_mib(void **state)
{
	const size_t size = 4 * MIB;

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t length = put_stream(framings[f], &size, 1);
		struct tape t;

		tape_open(&t, framings[f], 0);
		tape_send(&t, text, length);
		turn_until(t.loop, t.frames == 1);
		tape_check(&t, &size, 1);
		assert_int_equal(t.closed, 0);
		tape_close(&t);
	}
}

/* ---- limits ---- */

static void a_message_too_long_ends_the_connection_before_memory_is_taken(void **state)
{
	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t length = put_frame(framings[f], text, 4 * MIB + 1, 0), sent = 0;
		uint32_t most = 0;
		struct tape t;

		tape_open(&t, framings[f], 8192);
		while (sent < length && !t.closed) {
			tape_send(&t, text + sent, 100);
			sent += 100;
			turn(t.loop, 0);
			most = most > unread_capacity(&t) ? most : unread_capacity(&t);
		}
		assert_int_equal(t.closed, 1);
		assert_int_equal(t.code, POSTERN_REASON_VIOLATION);
		assert_int_equal(t.error, -EMSGSIZE);
		assert_int_equal(t.frames, 0);
		assert_int_equal(t.ended, 0);
		/* The first bytes tell of a length; a line tells when it is longer than it may be. */
		assert_int_equal(sent, is_delimited(framings[f]) ? 8200 : 100);
		assert_true(most <= (is_delimited(framings[f]) ? 8192 + 4 : 0));
		tape_close(&t);
	}
}

static void one_byte_more_than_the_limit_is_too_long(void **state)
{
	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		for (uint32_t max = 1; max < 20000; max = 3 * max + 1) {
			const size_t sizes[] = { max, max };
			size_t length = put_stream(framings[f], sizes, 2);
			struct tape t;

			tape_open(&t, framings[f], max);
			length += put_frame(framings[f], text + length, max + 1, 0);
			tape_send(&t, text, length);
			turn_until(t.loop, t.closed);
			tape_check(&t, sizes, 2);
			assert_int_equal(t.code, POSTERN_REASON_VIOLATION);
			assert_int_equal(t.error, -EMSGSIZE);
			tape_close(&t);
		}
	}
}

static void the_largest_length_takes_no_memory(void **state)
{
	/* What a ssize_t can tell, with the length before it. */
	const uint32_t most = (SSIZE_MAX < UINT32_MAX ? (uint32_t)SSIZE_MAX : UINT32_MAX) - 4;

	(void)state;
	for (int f = 2; f < FRAMINGS; f++) {
		int64_t blocks;
		struct tape t;
		char head[4];

		tape_open(&t, framings[f], most);
		tape_send(&t, "\377\377\377\377", 4);
		turn(t.loop, 0);
		assert_int_equal(t.code, POSTERN_REASON_VIOLATION);
		assert_int_equal(t.error, -EMSGSIZE);
		tape_close(&t);

		/* One that is allowed grows with what has come of it. */
		tape_open(&t, framings[f], most);
		for (int i = 0; i < 4; i++)
			head[i] = (char)(most >> (framings[f] == POSTERN_FRAMING_U32BE ? 24 - 8 * i
										       : 8 * i));
		tape_send(&t, head, 4);
		turn(t.loop, 0);
		blocks = fault_memory();
		assert_int_equal(t.closed, 0);
		assert_true(unread_capacity(&t) <= 4096);
		tape_send(&t, text, 100000);
		turn_quiet(t.loop);
		assert_true(unread_capacity(&t) <= 2 * 100004);
		assert_int_equal(fault_memory(), blocks);
		tape_close(&t);
	}
}

static void options_of_framing_that_cannot_be_right_are_refused(void **state)
{
	struct postern_conn_options o = { .size = sizeof o, .framing = 5 };
	struct postern_conn *c = NULL;
	struct tape t;
	int sv[2];

	(void)state;
	tape_open(&t, POSTERN_FRAMING_LINES, 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_errno(postern_conn_adopt(&c, t.loop, sv[0], &o, &tape_events, &t), -EINVAL);
	o.framing = POSTERN_FRAMING_LINES;
	o.frame_max = UINT32_MAX;
	assert_errno(postern_conn_adopt(&c, t.loop, sv[0], &o, &tape_events, &t), -EINVAL);
	assert_null(c);
	close(sv[0]);
	close(sv[1]);
	tape_close(&t);
}

/* ---- the event ---- */

static void hook_pause(struct tape *t, struct postern_conn *c)
{
	(void)t;
	assert_ok(postern_conn_pause(c));
}

static void who_pauses_gets_one_message_at_a_time(void **state)
{
	static const size_t sizes[] = { 3, 0, 2000, 1, 0, 0, 7 };
	const unsigned n = sizeof sizes / sizeof *sizes;

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t length = put_stream(framings[f], sizes, n);
		struct tape t;

		tape_open(&t, framings[f], 0);
		t.hook = hook_pause;
		tape_send(&t, text, length);
		for (unsigned i = 1; i <= n; i++) {
			turn_quiet(t.loop);
			assert_int_equal(t.frames, i);
			assert_ok(postern_conn_resume(t.c));
		}
		turn_quiet(t.loop);
		tape_check(&t, sizes, n);
		tape_close(&t);
	}
}

static void messages_held_by_a_pause_are_told_before_the_peers_end(void **state)
{
	static const size_t sizes[] = { 3, 5, 8 };

	(void)state;
	for (int half = 0; half < 2; half++) {
		for (int f = 0; f < FRAMINGS; f++) {
			size_t length = put_stream(framings[f], sizes, 3);
			struct tape t;

			tape_open(&t, framings[f], 0);
			t.hook = hook_pause;
			tape_send(&t, text, length);
			if (half)
				shutdown(t.peer, SHUT_WR);
			else
				tape_hang_up(&t);
			turn_quiet(t.loop);
			assert_int_equal(t.frames, 1);
			assert_int_equal(t.ended, 0);
			assert_int_equal(t.closed, 0);
			t.hook = NULL;
			assert_ok(postern_conn_resume(t.c));
			turn_until(t.loop, t.ended);
			tape_check(&t, sizes, 3);
			turn_quiet(t.loop);
			assert_int_equal(t.closed, !half);
			if (!half)
				assert_int_equal(t.code, POSTERN_REASON_ENDED);
			tape_close(&t);
		}
	}
}

static void hook_free(struct tape *t, struct postern_conn *c)
{
	t->c = postern_conn_free(c);
}

static void hook_close(struct tape *t, struct postern_conn *c)
{
	(void)t;
	assert_ok(postern_conn_close(c));
}

static void hook_abort(struct tape *t, struct postern_conn *c)
{
	(void)t;
	assert_ok(postern_conn_abort(c));
}

static void hook_free_loop(struct tape *t, struct postern_conn *c)
{
	(void)c;
	t->loop = postern_loop_free(t->loop);
}

static void pain_15_a_connection_ends_inside_its_frame_event(void **state)
{
	static const struct {
		void (*hook)(struct tape *t, struct postern_conn *c);
		int code; /* of closed, 0: it is not told */
	} ways[] = {
		{ hook_free, 0 },
		{ hook_close, POSTERN_REASON_CLOSED },
		{ hook_abort, POSTERN_REASON_ABORTED },
		{ hook_free_loop, POSTERN_REASON_CANCELLED },
	};
	static const size_t sizes[] = { 3, 5, 8 };

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		for (int kept = 0; kept < 2; kept++) {
			/* The rest comes with it, or it is found in what was kept. */
			size_t length = put_stream(POSTERN_FRAMING_U32BE, sizes, 3);
			struct tape t;

			tape_open(&t, POSTERN_FRAMING_U32BE, 0);
			t.hook = ways[way].hook;
			if (kept) {
				tape_send(&t, text, 2);
				turn(t.loop, 0);
			}
			tape_send(&t, text + 2 * kept, length - 2 * (size_t)kept);
			postern_loop_dispatch(t.loop, 0);
			if (t.loop)
				turn_quiet(t.loop);
			assert_int_equal(t.frames, 1);
			assert_int_equal(t.closed, ways[way].code != 0);
			if (t.closed)
				assert_int_equal(t.code, ways[way].code);
			tape_close(&t);
		}
	}
}

static int detached;

static void hook_detach(struct tape *t, struct postern_conn *c)
{
	detached = postern_conn_detach(c);
	if (detached >= 0)
		t->closed++;
}

/* What changes its protocol after a message: nothing that came behind it may be lost. */
static void a_socket_leaves_in_a_frame_event_when_nothing_is_behind_the_message(void **state)
{
	struct tape t;

	(void)state;
	tape_open(&t, POSTERN_FRAMING_LINES, 0);
	t.hook = hook_detach;
	tape_send(&t, "a\nb", 3);
	turn_quiet(t.loop);
	assert_errno(detached, -EBUSY);
	tape_send(&t, "b\n", 2);
	turn_quiet(t.loop);
	assert_int_equal(t.frames, 2);
	assert_ok(detached);
	assert_int_equal(postern_conn_state(t.c), POSTERN_STATE_CLOSED);
	close(detached);
	tape_close(&t);
}

static void a_connection_without_a_frame_event_drops_messages(void **state)
{
	static const struct postern_conn_events silent = { .size = sizeof silent };
	struct tape t;

	(void)state;
	tape_open(&t, POSTERN_FRAMING_LINES, 0);
	assert_ok(postern_conn_set_events(t.c, &silent, &t));
	tape_send(&t, "a\nb\nc", 5);
	turn_quiet(t.loop);
	assert_int_equal(t.c->kept->n, 1);
	assert_ok(postern_conn_set_events(t.c, &tape_events, &t));
	tape_send(&t, "\n", 1);
	turn_quiet(t.loop);
	assert_int_equal(t.frames, 1);
	assert_int_equal(t.lengths[0], 1);
	tape_close(&t);
}

/* ---- the peer's end ---- */

static void a_peer_that_ends_within_a_message_breaks_the_framing(void **state)
{
	const size_t size = 100;

	(void)state;
	for (int half = 0; half < 2; half++) {
		for (int f = 0; f < FRAMINGS; f++) {
			size_t length = put_stream(framings[f], &size, 1);

			for (size_t cut = 1; cut < length; cut += cut < 6 ? 1 : 31) {
				struct tape t;

				tape_open(&t, framings[f], 0);
				tape_send(&t, text, length);
				tape_send(&t, text, cut);
				if (half)
					shutdown(t.peer, SHUT_WR);
				else
					tape_hang_up(&t);
				turn_until(t.loop, t.closed);
				tape_check(&t, &size, 1);
				assert_int_equal(t.code, POSTERN_REASON_VIOLATION);
				assert_int_equal(t.error, -EBADMSG);
				assert_int_equal(t.ended, 0);
				tape_close(&t);
			}
		}
	}
}

static void a_peer_that_ends_between_messages_has_ended(void **state)
{
	const size_t size = 100;

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t length = put_stream(framings[f], &size, 1);
		struct tape t;

		tape_open(&t, framings[f], 0);
		tape_send(&t, text, length);
		tape_hang_up(&t);
		turn_until(t.loop, t.closed);
		tape_check(&t, &size, 1);
		assert_int_equal(t.ended, 1);
		assert_int_equal(t.code, POSTERN_REASON_ENDED);
		tape_close(&t);
	}
}

/* ---- half a message does not stay for ever ---- */

static void half_a_message_ends_the_connection_however_it_trickles(void **state)
{
	(void)state;
	for (int trickle = 0; trickle < 2; trickle++) {
		struct tape t;
		int64_t begun, took;

		fault_clock_fake();
		tape_open_options(&t, &(struct postern_conn_options){
					      .size = sizeof(struct postern_conn_options),
					      .framing = POSTERN_FRAMING_U32BE,
					      .idle_ns = POSTERN_SECONDS(8),
					      .message_ns = POSTERN_SECONDS(20) });
		begun = postern_now();
		tape_send(&t, "\0\1\0\0", 4);
		while (!t.closed && postern_now() < begun + POSTERN_SECONDS(100)) {
			turn(t.loop, 500);
			turn(t.loop, 500);
			if (trickle && !t.closed)
				tape_send(&t, "x", 1);
		}
		assert_int_equal(t.code, trickle ? POSTERN_REASON_TIMEOUT : POSTERN_REASON_IDLE);
		assert_int_equal(t.error, -ETIMEDOUT);
		took = postern_now() - begun;
		assert_in_range(took / 1000000, trickle ? 20000 : 8000, trickle ? 20600 : 10600);
		tape_close(&t);
		fault_reset();
	}
}

static void messages_that_go_on_are_not_idle(void **state)
{
	struct tape t;
	int64_t begun;

	(void)state;
	fault_clock_fake();
	tape_open_options(
		&t, &(struct postern_conn_options){ .size = sizeof(struct postern_conn_options),
						    .framing = POSTERN_FRAMING_LINES,
						    .idle_ns = POSTERN_SECONDS(8) });
	begun = postern_now();
	/* There is always half a line, and never the same one. */
	while (postern_now() < begun + POSTERN_SECONDS(100)) {
		tape_send(&t, "the end of one\nthe beginning of", 31);
		turn(t.loop, 500);
		turn(t.loop, 500);
	}
	assert_int_equal(t.closed, 0);
	assert_true(t.frames >= 90);
	/* The holding off is ours: as long as it is paused, the half is not the peer's fault. */
	assert_ok(postern_conn_pause(t.c));
	while (postern_now() < begun + POSTERN_SECONDS(200))
		turn(t.loop, 1000);
	assert_int_equal(t.closed, 0);
	tape_close(&t);
}

/* ---- writing ---- */

static size_t peer_reads(struct tape *t, char *to, size_t n)
{
	ssize_t r = recv(t->peer, to, n, 0);

	return r > 0 ? (size_t)r : 0;
}

static void a_frame_is_written_with_its_framing(void **state)
{
	char got[64], want[64];

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t length = put_frame(framings[f], want, 5, 0);
		struct tape t;

		length += put_frame(framings[f], want + length, 0, 0);
		/* Any framing, also where none is set. */
		tape_open(&t, 0, 0);
		assert_int_equal(postern_conn_write_frame(t.c, framings[f], "abcde", 5), 5);
		assert_int_equal(postern_conn_write_frame(t.c, framings[f], NULL, 0), 0);
		assert_int_equal(postern_conn_queued(t.c), length);
		turn_quiet(t.loop);
		assert_int_equal(peer_reads(&t, got, sizeof got), length);
		assert_memory_equal(got, want, length);
		tape_close(&t);
	}
}

static void a_frame_is_written_whole_or_not_at_all(void **state)
{
	enum { HIGH = 1000 };

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t extra = is_delimited(framings[f]) ? 1 : 4;
		struct tape t;

		tape_open_options(&t, &(struct postern_conn_options){
					      .size = sizeof(struct postern_conn_options),
					      .high_water = HIGH });
		memset(text, 'x', HIGH);
		assert_errno(postern_conn_write_frame(t.c, framings[f], text, HIGH - extra + 1),
			     -EMSGSIZE);
		/* With its length before it, this is 1 byte where addresses have 32 bits. */
		if (!is_delimited(framings[f]))
			assert_errno(postern_conn_write_frame(t.c, framings[f], text, SIZE_MAX - 2),
				     -EMSGSIZE);
		assert_int_equal(postern_conn_queued(t.c), 0);
		assert_int_equal(postern_conn_write_frame(t.c, framings[f], text, 500), 500);
		assert_errno(postern_conn_write_frame(t.c, framings[f], text, 500), -EAGAIN);
		assert_int_equal(postern_conn_queued(t.c), 500 + extra);
		/* What still fits may overtake it. */
		assert_int_equal(postern_conn_write_frame(t.c, framings[f], text, 100), 100);
		assert_int_equal(postern_conn_queued(t.c), 600 + 2 * extra);
		turn_until(t.loop, t.drained == 1);
		assert_int_equal(postern_conn_write_frame(t.c, framings[f], text, HIGH - extra),
				 HIGH - extra);
		assert_int_equal(postern_conn_queued(t.c), HIGH);
		turn_quiet(t.loop);
		assert_int_equal(peer_reads(&t, text, sizeof text), 600 + 2 * extra + HIGH);
		tape_close(&t);
	}
}

static void a_frame_that_cannot_be_is_not_written_in_part(void **state)
{
	struct tape t;

	(void)state;
	tape_open(&t, 0, 0);
	assert_errno(postern_conn_write_frame(t.c, POSTERN_FRAMING_LINES, "a\nb", 3), -EBADMSG);
	assert_errno(postern_conn_write_frame(t.c, POSTERN_FRAMING_NUL, "a\0b", 3), -EBADMSG);
	assert_errno(postern_conn_write_frame(t.c, 0, "a", 1), -EINVAL);
	assert_errno(postern_conn_write_frame(t.c, 5, "a", 1), -EINVAL);
	assert_errno(postern_conn_write_frame(t.c, POSTERN_FRAMING_U32BE, NULL, 1), -EINVAL);
	assert_errno(postern_conn_write_frame(NULL, POSTERN_FRAMING_U32BE, "a", 1), -EINVAL);
	assert_int_equal(postern_conn_queued(t.c), 0);
	assert_ok(postern_conn_shutdown(t.c));
	assert_errno(postern_conn_write_frame(t.c, POSTERN_FRAMING_U32BE, "a", 1), -EPIPE);
	turn_quiet(t.loop);
	assert_ok(postern_conn_abort(t.c));
	turn_quiet(t.loop);
	assert_errno(postern_conn_write_frame(t.c, POSTERN_FRAMING_U32BE, "a", 1), -ESTALE);
	tape_close(&t);
}

/* Half a frame is in the queue when memory runs out: nobody may get to see it, with more behind it. */
static void without_memory_no_half_frame_is_sent(void **state)
{
	char got[64];
	struct tape t;

	(void)state;
	tape_open(&t, 0, 0);
	memset(text, 'x', 100000);
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 3, .error = ENOMEM });
	assert_int_equal(postern_conn_write_frame(t.c, POSTERN_FRAMING_U32BE, "before", 6), 6);
	assert_errno(postern_conn_write_frame(t.c, POSTERN_FRAMING_U32BE, text, 100000), -EAGAIN);
	assert_int_equal(fault_disarm(), 1);
	/* It is as if it had not been tried, and the next one is a message of its own. */
	assert_int_equal(postern_conn_queued(t.c), 10);
	assert_int_equal(postern_conn_write_frame(t.c, POSTERN_FRAMING_U32BE, "a", 1), 1);
	turn_quiet(t.loop);
	assert_int_equal(peer_reads(&t, got, sizeof got), 15);
	assert_memory_equal(got, "\0\0\0\6before\0\0\0\1a", 15);
	tape_close(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FRAME_TEST(pain_21_messages_are_whole_wherever_the_stream_is_cut),
		FRAME_TEST(pain_21_messages_are_whole_in_pieces_of_any_size),
		FRAME_TEST(byte_by_byte_each_byte_is_looked_at_once),
		FRAME_TEST(the_largest_message_fits_and_the_default_is_4_mib),
		FRAME_TEST(a_message_too_long_ends_the_connection_before_memory_is_taken),
		FRAME_TEST(one_byte_more_than_the_limit_is_too_long),
		FRAME_TEST(the_largest_length_takes_no_memory),
		FRAME_TEST(options_of_framing_that_cannot_be_right_are_refused),
		FRAME_TEST(who_pauses_gets_one_message_at_a_time),
		FRAME_TEST(messages_held_by_a_pause_are_told_before_the_peers_end),
		FRAME_TEST(pain_15_a_connection_ends_inside_its_frame_event),
		FRAME_TEST(a_socket_leaves_in_a_frame_event_when_nothing_is_behind_the_message),
		FRAME_TEST(a_connection_without_a_frame_event_drops_messages),
		FRAME_TEST(a_peer_that_ends_within_a_message_breaks_the_framing),
		FRAME_TEST(a_peer_that_ends_between_messages_has_ended),
		FRAME_TEST(half_a_message_ends_the_connection_however_it_trickles),
		FRAME_TEST(messages_that_go_on_are_not_idle),
		FRAME_TEST(a_frame_is_written_with_its_framing),
		FRAME_TEST(a_frame_is_written_whole_or_not_at_all),
		FRAME_TEST(a_frame_that_cannot_be_is_not_written_in_part),
		FRAME_TEST(without_memory_no_half_frame_is_sent),
	};

	return test_run(tests);
}
