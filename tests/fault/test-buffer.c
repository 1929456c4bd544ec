/* SPDX-License-Identifier: Apache-2.0 */
/* test-buffer.c - the bounded buffer of postern/frame.h */
#include "pair.h"

#include <errno.h>
#include <string.h>

#include <postern/frame.h>

#include "fault.h"

enum { MIB = 1024 * 1024, DEFAULT_MAX = 256 * 1024 };

static char text[2 * MIB], got[2 * MIB];

static int64_t buffer_memory;

static int buffer_setup(void **state)
{
	(void)state;
	fault_reset();
	buffer_memory = fault_memory();
	return 0;
}

static int buffer_finish(void **state)
{
	(void)state;
	fault_reset();
	assert_int_equal(fault_memory(), buffer_memory);
	return 0;
}

#define BUFFER_TEST(name) TEST_WITH(name, buffer_setup, buffer_finish)

static struct postern_buffer *buffer_of(size_t max, const char *bytes)
{
	struct postern_buffer *b = NULL;

	assert_ok(postern_buffer_new(&b, max));
	assert_int_equal(postern_buffer_add(b, bytes, strlen(bytes)), strlen(bytes));
	return b;
}

static void bytes_come_out_as_they_went_in(void **state)
{
	struct postern_buffer *b = NULL;
	uint64_t seed = 7;
	size_t in = 0, out = 0;

	(void)state;
	assert_ok(postern_buffer_new(&b, 5000));
	/* Reads and writes of all sizes, so that the bytes wander through the block and are moved. */
	while (out < MIB) {
		size_t n = random_next(&seed) % 3000, k;

		pattern_fill(text, in, n);
		k = postern_buffer_add(b, text, n);
		assert_int_equal(k, n < 5000 - (in - out) ? n : 5000 - (in - out));
		in += k;
		assert_int_equal(postern_buffer_size(b), in - out);
		assert_int_equal(pattern_check(postern_buffer_bytes(b), out, in - out), in - out);
		n = random_next(&seed) % 3000;
		k = postern_buffer_read(b, got, n);
		assert_int_equal(k, n < in - out ? n : in - out);
		assert_int_equal(pattern_check(got, out, k), k);
		out += k;
	}
	assert_null(postern_buffer_free(b));
}

static void the_limit_is_kept(void **state)
{
	static const size_t limits[] = { 1, 2, 1000, 1023, 1024, 1025, 70000 };
	struct postern_buffer *b = NULL;

	(void)state;
	for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
		assert_ok(postern_buffer_new(&b, limits[i]));
		assert_int_equal(postern_buffer_add(b, text, limits[i] + 1), limits[i]);
		assert_int_equal(postern_buffer_add(b, text, 1), 0);
		assert_int_equal(postern_buffer_skip(b, 1), 1);
		assert_int_equal(postern_buffer_add(b, text, 5), 1);
		assert_int_equal(postern_buffer_size(b), limits[i]);
		postern_buffer_free(b);
	}
	assert_ok(postern_buffer_new(&b, 0));
	assert_int_equal(postern_buffer_add(b, text, sizeof text), DEFAULT_MAX);
	postern_buffer_free(b);
	/* No limit is not no bound: it takes what it is given, and no more memory than that. */
	assert_ok(postern_buffer_new(&b, SIZE_MAX));
	assert_int_equal(postern_buffer_add(b, text, sizeof text), sizeof text);
	assert_int_equal(postern_buffer_size(b), sizeof text);
	postern_buffer_free(b);
}

static void an_empty_buffer_has_nothing(void **state)
{
	struct postern_buffer *b = buffer_of(0, "");
	char c = 'x';

	(void)state;
	assert_int_equal(postern_buffer_size(b), 0);
	assert_non_null(postern_buffer_bytes(b));
	assert_int_equal(postern_buffer_read(b, &c, 1), 0);
	assert_int_equal(postern_buffer_peek(b, &c, 1), 0);
	assert_int_equal(postern_buffer_skip(b, 1), 0);
	assert_errno(postern_buffer_read_exactly(b, &c, 1), -EAGAIN);
	assert_ok(postern_buffer_read_exactly(b, &c, 0));
	assert_ok(postern_buffer_read_exactly(b, NULL, 0));
	assert_errno(postern_buffer_read_line(b, &c, 1), -EAGAIN);
	for (int framing = POSTERN_FRAMING_LINES; framing <= POSTERN_FRAMING_U32LE; framing++)
		assert_errno(postern_buffer_read_frame(b, framing, &c, 1), -EAGAIN);
	assert_int_equal(c, 'x');
	postern_buffer_free(b);
}

static void nothing_reaches_past_the_end(void **state)
{
	struct postern_buffer *b = buffer_of(0, "hello");
	char to[8] = "-------";

	(void)state;
	assert_int_equal(postern_buffer_peek(b, to, 100), 5);
	assert_string_equal(to, "hello--");
	assert_int_equal(postern_buffer_peek(b, NULL, 100), 5);
	assert_int_equal(postern_buffer_size(b), 5);
	assert_errno(postern_buffer_read_exactly(b, to, 6), -EAGAIN);
	assert_errno(postern_buffer_read_exactly(b, to, DEFAULT_MAX), -EAGAIN);
	assert_errno(postern_buffer_read_exactly(b, to, DEFAULT_MAX + 1), -EMSGSIZE);
	assert_int_equal(postern_buffer_size(b), 5);
	assert_int_equal(postern_buffer_skip(b, 2), 2);
	memset(to, '-', 7);
	assert_int_equal(postern_buffer_read(b, to, 100), 3);
	assert_string_equal(to, "llo----");
	assert_int_equal(postern_buffer_add(b, "abc", 3), 3);
	assert_int_equal(postern_buffer_skip(b, SIZE_MAX), 3);
	assert_int_equal(postern_buffer_size(b), 0);
	assert_int_equal(postern_buffer_add(b, "abc", 3), 3);
	assert_ok(postern_buffer_read_exactly(b, to, 3));
	assert_memory_equal(to, "abc", 3);
	postern_buffer_free(b);
}

static void calls_with_nonsense_say_invalid(void **state)
{
	struct postern_buffer *b = buffer_of(0, "abc\n");
	char to[8];

	(void)state;
	assert_errno(postern_buffer_new(NULL, 0), -EINVAL);
	assert_null(postern_buffer_free(NULL));
	assert_int_equal(postern_buffer_add(NULL, "a", 1), 0);
	assert_int_equal(postern_buffer_add(b, NULL, 1), 0);
	assert_int_equal(postern_buffer_add(b, "a", 0), 0);
	assert_int_equal(postern_buffer_size(NULL), 0);
	assert_non_null(postern_buffer_bytes(NULL));
	assert_int_equal(postern_buffer_read(NULL, to, 1), 0);
	assert_int_equal(postern_buffer_peek(NULL, to, 1), 0);
	assert_int_equal(postern_buffer_skip(NULL, 1), 0);
	assert_errno(postern_buffer_read_exactly(NULL, to, 1), -EINVAL);
	assert_errno(postern_buffer_read_exactly(b, NULL, 1), -EINVAL);
	assert_errno(postern_buffer_read_line(NULL, to, 8), -EINVAL);
	assert_errno(postern_buffer_read_line(b, NULL, 8), -EINVAL);
	assert_errno(postern_buffer_read_line(b, to, 0), -EINVAL);
	assert_errno(postern_buffer_read_frame(NULL, POSTERN_FRAMING_LINES, to, 8), -EINVAL);
	assert_errno(postern_buffer_read_frame(b, POSTERN_FRAMING_LINES, NULL, 8), -EINVAL);
	assert_errno(postern_buffer_read_frame(b, 0, to, 8), -EINVAL);
	assert_errno(postern_buffer_read_frame(b, 5, to, 8), -EINVAL);
	assert_int_equal(postern_buffer_size(b), 4);
	postern_buffer_free(b);
}

/* ---- lines ---- */

static void lines_come_one_by_one(void **state)
{
	struct postern_buffer *b = buffer_of(0, "one\n\ntwo\r\nthree");
	char to[6];

	(void)state;
	assert_int_equal(postern_buffer_read_line(b, to, sizeof to), 3);
	assert_string_equal(to, "one");
	assert_int_equal(postern_buffer_read_line(b, to, sizeof to), 0);
	assert_string_equal(to, "");
	assert_int_equal(postern_buffer_read_line(b, to, sizeof to), 4);
	assert_string_equal(to, "two\r");
	assert_errno(postern_buffer_read_line(b, to, sizeof to), -EAGAIN);
	assert_int_equal(postern_buffer_size(b), 5);
	assert_int_equal(postern_buffer_add(b, "\n", 1), 1);
	assert_int_equal(postern_buffer_read_line(b, to, sizeof to), 5);
	assert_string_equal(to, "three");
	postern_buffer_free(b);
}

static void a_line_that_does_not_fit_stays(void **state)
{
	struct postern_buffer *b = buffer_of(8, "hello\n");
	char to[8];

	(void)state;
	assert_errno(postern_buffer_read_line(b, to, 5), -EMSGSIZE);
	assert_errno(postern_buffer_read_line(b, to, 1), -EMSGSIZE);
	assert_int_equal(postern_buffer_read_line(b, to, 6), 5);
	assert_string_equal(to, "hello");

	/* Too long is known before its end is there. */
	assert_int_equal(postern_buffer_add(b, "1234", 4), 4);
	assert_errno(postern_buffer_read_line(b, to, 5), -EAGAIN);
	assert_errno(postern_buffer_read_line(b, to, 4), -EMSGSIZE);
	/* Full, and no end in sight: more would wait for ever. */
	assert_int_equal(postern_buffer_add(b, "5678", 4), 4);
	assert_errno(postern_buffer_read_line(b, got, sizeof got), -EMSGSIZE);
	assert_int_equal(postern_buffer_size(b), 8);
	assert_int_equal(postern_buffer_skip(b, 3), 3);
	assert_int_equal(postern_buffer_add(b, "\n", 1), 1);
	assert_int_equal(postern_buffer_read_line(b, to, sizeof to), 5);
	assert_string_equal(to, "45678");
	/* The longest: with its end it is as long as the buffer. */
	assert_int_equal(postern_buffer_add(b, "1234567\n", 8), 8);
	assert_int_equal(postern_buffer_read_line(b, to, sizeof to), 7);
	postern_buffer_free(b);
}

/* Sizes of pieces; 0: whatever the generator says. */
static const size_t pieces[] = { 1, 2, 3, 7, 1000, 4096, 65536, 0 };

static void lines_are_the_same_in_pieces_of_any_size(void **state)
{
	static const size_t lines[] = { 0,    1,    2,    80, 50 * 1024, 0,   0,
					4095, 4096, 4097, 3,  1023,      1024 };
	const unsigned n_lines = sizeof lines / sizeof *lines;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < n_lines; i++) {
		memset(text + n, 'a' + (int)i, lines[i]);
		n += lines[i];
		text[n++] = '\n';
	}
	for (unsigned way = 0; way < sizeof pieces / sizeof *pieces; way++) {
		struct postern_buffer *b = buffer_of(0, "");
		uint64_t seed = 11;
		unsigned line = 0;

		for (size_t at = 0, piece; at < n; at += piece) {
			ssize_t r;

			piece = pieces[way] ? pieces[way] : 1 + random_next(&seed) % 5000;
			piece = piece < n - at ? piece : n - at;
			assert_int_equal(postern_buffer_add(b, text + at, piece), piece);
			while ((r = postern_buffer_read_line(b, got, sizeof got)) >= 0) {
				assert_int_equal(r, lines[line]);
				assert_int_equal(strlen(got), lines[line]);
				if (r > 0)
					assert_int_equal(got[0], 'a' + (int)line);
				if (r > 0)
					assert_int_equal(got[r - 1], 'a' + (int)line);
				line++;
			}
			assert_errno(r, -EAGAIN);
		}
		assert_int_equal(line, n_lines);
		assert_int_equal(postern_buffer_size(b), 0);
		postern_buffer_free(b);
	}
}

static void a_long_line_byte_by_byte_is_looked_at_once(void **state)
{
	struct postern_buffer *b = NULL;
	int64_t begun = cpu_ns();

	(void)state;
	assert_ok(postern_buffer_new(&b, 2 * MIB));
	memset(text, 'x', MIB);
	for (size_t i = 0; i < MIB; i++) {
		assert_int_equal(postern_buffer_add(b, text + i, 1), 1);
		assert_errno(postern_buffer_read_line(b, got, sizeof got), -EAGAIN);
	}
	assert_int_equal(postern_buffer_add(b, "\n", 1), 1);
	assert_int_equal(postern_buffer_read_line(b, got, sizeof got), MIB);
	begun = cpu_ns() - begun;
	test_note("a line of 1 MiB by the byte took %.1f ms", (double)begun / 1e6);
	assert_true(begun < 5000000000 * test_scale());
	postern_buffer_free(b);
}

/* What was looked at for one end says nothing about another, nor about what comes after a skip. */
static void a_change_of_mind_finds_every_end(void **state)
{
	struct postern_buffer *b = buffer_of(0, "ab\0cd");
	char to[16];

	(void)state;
	assert_int_equal(postern_buffer_add(b, "\0ef", 3), 3);
	assert_errno(postern_buffer_read_line(b, to, sizeof to), -EAGAIN);
	assert_int_equal(postern_buffer_read_frame(b, POSTERN_FRAMING_NUL, to, sizeof to), 2);
	assert_memory_equal(to, "ab", 2);
	assert_errno(postern_buffer_read_line(b, to, sizeof to), -EAGAIN);
	assert_int_equal(postern_buffer_add(b, "gh\nij\n", 6), 6);
	assert_int_equal(postern_buffer_read_line(b, to, sizeof to), 4);
	assert_errno(postern_buffer_read_frame(b, POSTERN_FRAMING_NUL, to, sizeof to), -EAGAIN);
	assert_int_equal(postern_buffer_skip(b, 1), 1);
	assert_int_equal(postern_buffer_read_line(b, to, sizeof to), 1);
	assert_string_equal(to, "j");
	postern_buffer_free(b);
}

static void frames_of_each_kind_come_whole(void **state)
{
	struct postern_buffer *b = NULL;
	char head[4], tail[1], to[300];

	(void)state;
	memset(text, 'x', sizeof to);
	for (int framing = POSTERN_FRAMING_LINES; framing <= POSTERN_FRAMING_U32LE; framing++) {
		for (size_t n = 0; n < sizeof to; n += 13) {
			int n_head = postern_frame_make(framing, text, n, head, tail);
			size_t whole = n + (n_head ? 4 : 1);

			/* It is the largest that fits. */
			assert_ok(postern_buffer_new(&b, whole));
			assert_int_equal(postern_buffer_add(b, head, (size_t)n_head), n_head);
			assert_int_equal(postern_buffer_add(b, text, n), n);
			if (n_head == 0) {
				assert_errno(postern_buffer_read_frame(b, framing, to, sizeof to),
					     -EAGAIN);
				assert_int_equal(postern_buffer_add(b, tail, 1), 1);
			}
			if (n > 0)
				assert_errno(postern_buffer_read_frame(b, framing, to, n - 1),
					     -EMSGSIZE);
			assert_int_equal(postern_buffer_read_frame(b, framing, n ? to : NULL, n),
					 n);
			assert_int_equal(postern_buffer_size(b), 0);
			postern_buffer_free(b);
		}
	}
}

static void a_frame_that_never_fits_is_refused_with_its_length(void **state)
{
	struct postern_buffer *b = NULL;
	char to[64];

	(void)state;
	assert_ok(postern_buffer_new(&b, 32));
	assert_int_equal(postern_buffer_add(b, "\377\377\377\377", 4), 4);
	assert_errno(postern_buffer_read_frame(b, POSTERN_FRAMING_U32BE, to, sizeof to), -EMSGSIZE);
	assert_errno(postern_buffer_read_frame(b, POSTERN_FRAMING_U32LE, to, sizeof to), -EMSGSIZE);
	assert_int_equal(postern_buffer_skip(b, 4), 4);
	/* It would fit into the memory that is offered, and never into the buffer. */
	assert_int_equal(postern_buffer_add(b, "\0\0\0\x1d", 4), 4);
	assert_errno(postern_buffer_read_frame(b, POSTERN_FRAMING_U32BE, to, sizeof to), -EMSGSIZE);
	postern_buffer_free(b);
}

/* ---- memory ---- */

static void memory_grows_with_the_bytes(void **state)
{
	struct postern_buffer *b = NULL;

	(void)state;
	assert_ok(postern_buffer_new(&b, MIB));
	assert_int_equal(fault_memory(), buffer_memory + 1);
	fault_count_reset();
	for (size_t i = 0; i < MIB; i++)
		assert_int_equal(postern_buffer_add(b, "x", 1), 1);
	assert_int_equal(fault_memory(), buffer_memory + 2);
	assert_in_range(fault_count(FAULT_realloc), 1, 11);
	assert_int_equal(postern_buffer_add(b, "x", 1), 0);
	/* In steady state there is no more to be had. */
	fault_count_reset();
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(postern_buffer_read(b, got, 1000), 1000);
		assert_int_equal(postern_buffer_add(b, text, 2000), 1000);
	}
	assert_int_equal(fault_count(FAULT_realloc), 0);
	postern_buffer_free(b);
}

static void without_memory_it_takes_what_it_can(void **state)
{
	struct postern_buffer *b = (void *)state;

	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 1, .error = ENOMEM });
	assert_errno(postern_buffer_new(&b, 0), -ENOMEM);
	assert_ptr_equal(b, (void *)state);
	fault_disarm();
	assert_ok(postern_buffer_new(&b, 0));
	fault_arm(&(struct fault){ .call = FAULT_realloc, .nth = 1, .error = ENOMEM });
	assert_int_equal(postern_buffer_add(b, "abc", 3), 0);
	fault_disarm();
	assert_int_equal(postern_buffer_add(b, text, 1000), 1000);
	fault_arm(&(struct fault){ .call = FAULT_realloc, .nth = 1, .error = ENOMEM });
	assert_int_equal(postern_buffer_add(b, text, 1000), 24);
	fault_disarm();
	assert_int_equal(postern_buffer_size(b), 1024);
	assert_int_equal(postern_buffer_add(b, text, 1000), 1000);
	postern_buffer_free(b);
}

/* ---- as it is meant: behind a received event ---- */

static size_t collect(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c;
	return postern_buffer_add(data, bytes, n);
}

static const struct postern_conn_events collect_events = {
	.size = sizeof collect_events,
	.received = collect,
};

static void a_received_event_collects_and_what_does_not_fit_waits(void **state)
{
	struct postern_buffer *b = NULL;
	struct pair p;
	char line[16];
	int lines = 0;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_buffer_new(&b, 100));
	assert_ok(postern_conn_set_events(p.c, &collect_events, b));
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "line %d\n", i);
		pair_send(&p, text, strlen(text));
	}
	while (lines < 1000) {
		ssize_t r = postern_buffer_read_line(b, line, sizeof line);

		if (r < 0) {
			assert_errno(r, -EAGAIN);
			assert_ok(postern_conn_resume(p.c));
			turn(p.loop, 10);
			continue;
		}
		snprintf(text, sizeof text, "line %d", lines++);
		assert_string_equal(line, text);
	}
	pair_close(&p);
	postern_buffer_free(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BUFFER_TEST(bytes_come_out_as_they_went_in),
		BUFFER_TEST(the_limit_is_kept),
		BUFFER_TEST(an_empty_buffer_has_nothing),
		BUFFER_TEST(nothing_reaches_past_the_end),
		BUFFER_TEST(calls_with_nonsense_say_invalid),
		BUFFER_TEST(lines_come_one_by_one),
		BUFFER_TEST(a_line_that_does_not_fit_stays),
		BUFFER_TEST(lines_are_the_same_in_pieces_of_any_size),
		BUFFER_TEST(a_long_line_byte_by_byte_is_looked_at_once),
		BUFFER_TEST(a_change_of_mind_finds_every_end),
		BUFFER_TEST(frames_of_each_kind_come_whole),
		BUFFER_TEST(a_frame_that_never_fits_is_refused_with_its_length),
		BUFFER_TEST(memory_grows_with_the_bytes),
		BUFFER_TEST(without_memory_it_takes_what_it_can),
		BUFFER_TEST(a_received_event_collects_and_what_does_not_fit_waits),
	};

	return test_run(tests);
}
