/* SPDX-License-Identifier: Apache-2.0 */
/* Framings, as functions on bytes. */
#include "stream.h"

#include <errno.h>
#include <string.h>

#include <postern/frame.h>

/* ---- functions ---- */

static void what_each_framing_looks_like(void **state)
{
	char head[4], tail[1] = { 'x' };

	(void)state;
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_LINES, "abc\r", 4, head, tail), 0);
	assert_int_equal(tail[0], '\n');
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_NUL, "a\nb", 3, head, tail), 0);
	assert_int_equal(tail[0], '\0');
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_U32BE, "abc", 3, head, tail), 4);
	assert_memory_equal(head, "\0\0\0\3", 4);
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_U32LE, "abc", 3, head, tail), 4);
	assert_memory_equal(head, "\3\0\0\0", 4);
	/* The payload is not looked at. */
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_U32BE, text, 0x01020304, head, tail),
			 4);
	assert_memory_equal(head, "\1\2\3\4", 4);
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_U32LE, text, 0xfffffffe, head, tail),
			 4);
	assert_memory_equal(head, "\376\377\377\377", 4);
}

static void a_frame_that_is_made_is_found(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 4, 5, 255, 256, 65535, 65536, 70001 };
	struct postern_frame frame;
	char head[4], tail[1];

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			size_t n = sizes[i], whole = put_frame(framings[f], text, n, 7);
			size_t n_head = is_delimited(framings[f]) ? 0 : 4;

			assert_int_equal(
				postern_frame_make(framings[f], text + n_head, n, head, tail),
				n_head);
			assert_memory_equal(text, head, n_head);
			if (n_head == 0)
				assert_int_equal(text[n], tail[0]);
			/* What follows is another frame's. */
			memset(text + whole, 0x7f, 10);
			for (size_t more = 0; more <= 10; more += 5) {
				assert_int_equal(postern_frame_find(framings[f], text, whole + more,
								    0, n, &frame),
						 1);
				assert_ptr_equal(frame.bytes, text + n_head);
				assert_int_equal(frame.n, n);
				assert_int_equal(frame.used, whole);
			}
		}
	}
}

static void a_frame_is_not_found_before_its_last_byte(void **state)
{
	struct postern_frame frame;

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t whole = put_frame(framings[f], text, 300, 1), seen = 0;

		for (size_t n = 0; n < whole; n++) {
			assert_int_equal(
				postern_frame_find(framings[f], text, n, seen, 300, &frame), 0);
			assert_true(frame.used <= n);
			if (n % 3 == 0)
				seen = frame.used;
		}
		assert_int_equal(postern_frame_find(framings[f], text, whole, seen, 300, &frame),
				 1);
		assert_int_equal(frame.n, 300);
		assert_int_equal(frame.used, whole);
	}
}

static void the_limit_is_exact(void **state)
{
	struct postern_frame frame;

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		size_t whole = put_frame(framings[f], text, 100, 1);

		assert_int_equal(postern_frame_find(framings[f], text, whole, 0, 100, &frame), 1);
		assert_errno(postern_frame_find(framings[f], text, whole, 0, 99, &frame),
			     -EMSGSIZE);
		whole = put_frame(framings[f], text, 0, 1);
		assert_int_equal(postern_frame_find(framings[f], text, whole, 0, 0, &frame), 1);
		assert_int_equal(frame.n, 0);
	}
}

static void a_frame_too_long_is_refused_as_soon_as_it_is_known(void **state)
{
	struct postern_frame frame;

	(void)state;
	for (int f = 0; f < FRAMINGS; f++) {
		/* A length when it is there; a line when one byte more than the limit is. */
		size_t known = is_delimited(framings[f]) ? 101 : 4;

		put_frame(framings[f], text, 1000, 1);
		assert_int_equal(postern_frame_find(framings[f], text, known - 1, 0, 100, &frame),
				 0);
		assert_errno(postern_frame_find(framings[f], text, known, 0, 100, &frame),
			     -EMSGSIZE);
		assert_errno(postern_frame_find(framings[f], text, known, known - 1, 100, &frame),
			     -EMSGSIZE);
	}
}

static void the_largest_length_overflows_nothing(void **state)
{
	static const char most[] = "\377\377\377\377abc";
	struct postern_frame frame;

	(void)state;
	for (int f = 2; f < FRAMINGS; f++) {
		assert_errno(postern_frame_find(framings[f], most, 7, 0, UINT32_MAX - 1, &frame),
			     -EMSGSIZE);
		assert_int_equal(postern_frame_find(framings[f], most, 7, 0, UINT32_MAX, &frame),
				 0);
		assert_int_equal(postern_frame_find(framings[f], most, 7, 0, SIZE_MAX, &frame), 0);
	}
	assert_errno(postern_frame_find(POSTERN_FRAMING_U32BE, "\177\377\377\377", 4, 0, 4 * MIB,
					&frame),
		     -EMSGSIZE);
	assert_errno(postern_frame_find(POSTERN_FRAMING_U32LE, "\0\0\0\200", 4, 0, 4 * MIB, &frame),
		     -EMSGSIZE);
}

static void a_payload_with_the_delimiter_is_refused(void **state)
{
	char head[4], tail[1];

	(void)state;
	assert_errno(postern_frame_make(POSTERN_FRAMING_LINES, "a\nb", 3, head, tail), -EBADMSG);
	assert_errno(postern_frame_make(POSTERN_FRAMING_LINES, "\n", 1, head, tail), -EBADMSG);
	assert_errno(postern_frame_make(POSTERN_FRAMING_NUL, "ab\0", 3, head, tail), -EBADMSG);
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_LINES, "a\0b", 3, head, tail), 0);
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_U32BE, "a\nb\0", 4, head, tail), 4);
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_U32LE, "a\nb\0", 4, head, tail), 4);
}

static void functions_with_nonsense_say_invalid(void **state)
{
	struct postern_frame frame;
	char head[4], tail[1];

	(void)state;
	assert_errno(postern_frame_find(0, "a", 1, 0, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(5, "a", 1, 0, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(-1, "a", 1, 0, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(POSTERN_FRAMING_LINES, NULL, 1, 0, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(POSTERN_FRAMING_LINES, "a", 1, 2, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(POSTERN_FRAMING_LINES, "a", 1, 0, 1, NULL), -EINVAL);
	assert_int_equal(postern_frame_find(POSTERN_FRAMING_U32BE, NULL, 0, 0, 1, &frame), 0);
	assert_int_equal(postern_frame_find(POSTERN_FRAMING_NUL, NULL, 0, 0, 1, &frame), 0);

	assert_errno(postern_frame_make(0, "a", 1, head, tail), -EINVAL);
	assert_errno(postern_frame_make(5, "a", 1, head, tail), -EINVAL);
	assert_errno(postern_frame_make(POSTERN_FRAMING_LINES, NULL, 1, head, tail), -EINVAL);
	assert_errno(postern_frame_make(POSTERN_FRAMING_LINES, "a", 1, NULL, tail), -EINVAL);
	assert_errno(postern_frame_make(POSTERN_FRAMING_LINES, "a", 1, head, NULL), -EINVAL);
	assert_int_equal(postern_frame_make(POSTERN_FRAMING_U32BE, NULL, 0, head, tail), 4);
#if SIZE_MAX > UINT32_MAX
	assert_errno(
		postern_frame_make(POSTERN_FRAMING_U32LE, text, (size_t)UINT32_MAX + 1, head, tail),
		-EMSGSIZE);
#endif
}

static void what_was_seen_is_not_looked_at_again(void **state)
{
	struct postern_frame frame;
	int64_t begun = cpu_ns();

	(void)state;
	/* A delimiter before `seen` would have been found then. */
	assert_int_equal(postern_frame_find(POSTERN_FRAMING_LINES, "ab\ncd", 5, 3, 9, &frame), 0);
	assert_int_equal(frame.used, 5);

	put_payload(text, MIB, 0);
	text[MIB] = '\n';
	for (size_t n = 1, seen = 0; n <= MIB; n++) {
		assert_int_equal(
			postern_frame_find(POSTERN_FRAMING_LINES, text, n, seen, MIB, &frame), 0);
		seen = frame.used;
	}
	assert_int_equal(postern_frame_find(POSTERN_FRAMING_LINES, text, MIB + 1, MIB, MIB, &frame),
			 1);
	assert_int_equal(frame.n, MIB);
	/* All of it for each byte would be half a terabyte. */
	begun = cpu_ns() - begun;
	test_note("a line of 1 MiB by the byte took %.1f ms", (double)begun / 1e6);
	assert_true(begun < 5000000000 * test_scale());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_each_framing_looks_like),
		TEST(a_frame_that_is_made_is_found),
		TEST(a_frame_is_not_found_before_its_last_byte),
		TEST(the_limit_is_exact),
		TEST(a_frame_too_long_is_refused_as_soon_as_it_is_known),
		TEST(the_largest_length_overflows_nothing),
		TEST(a_payload_with_the_delimiter_is_refused),
		TEST(functions_with_nonsense_say_invalid),
		TEST(what_was_seen_is_not_looked_at_again),
	};

	return test_run(tests);
}
