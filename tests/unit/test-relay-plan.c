/* SPDX-License-Identifier: Apache-2.0 */
/* postern relay: which bytes go on, in which pieces, and where it ends, whatever pieces they come in. */
#include "test.h"

#include <string.h>

#include <postern.h>

#include "../../cmd/relay-plan.h"

#define LINES "one\ntwo\nthree\nfour\n"

/* What a direction does with a text that comes in pieces. */
struct run {
	char sent[256];
	size_t n;
	size_t writes;
	int64_t waited;  /* between writes */
	int64_t delayed; /* before messages */
	bool ended;
};

static struct run run(struct relay_faults faults, const char *text, size_t length, size_t piece)
{
	static struct relay_plan plan;
	struct run r = { .n = 0 };
	size_t came = 0, taken = 0;

	plan = (struct relay_plan){ .faults = faults };
	while (!r.ended) {
		struct relay_step step =
			relay_plan_next(&plan, text + taken, came - taken, came == length);
		int64_t wait = 0;

		if (step.does == RELAY_WANT && came == length)
			break;
		if (step.does == RELAY_WANT) {
			came += piece < length - came ? piece : length - came;
		} else if (step.does == RELAY_WAIT) {
			r.delayed += step.wait_ns;
		} else if (step.does == RELAY_SKIP) {
			taken += step.n;
		} else if (step.does == RELAY_END) {
			r.ended = true;
		} else {
			assert_true(step.n > 0 && step.from + step.n <= came - taken);
			memcpy(r.sent + r.n, text + taken + step.from, step.n);
			if (step.corrupt)
				r.sent[r.n] = relay_corrupt(r.sent[r.n]);
			r.n += step.n;
			r.writes++;
			taken += relay_plan_sent(&plan, step.n, &wait);
			r.waited += wait;
		}
	}
	return r;
}

/* Whatever the pieces are. */
static struct run sends(struct relay_faults faults, const char *text, size_t length,
			const char *wanted, size_t n, bool ends)
{
	struct run r = { .n = 0 };

	for (size_t piece = 1; piece <= length; piece++) {
		r = run(faults, text, length, piece);
		if (r.n != n || memcmp(r.sent, wanted, n) != 0 || r.ended != ends)
			fail_msg("pieces of %zu: sent '%.*s', %s, expected '%.*s', %s", piece,
				 (int)r.n, r.sent, r.ended ? "ended" : "going on", (int)n, wanted,
				 ends ? "ended" : "going on");
	}
	return r;
}

#define SENDS(faults, wanted, ends) \
	sends((struct relay_faults)faults, LINES, strlen(LINES), wanted, strlen(wanted), ends)
#define FAULTS(...)         \
	{                   \
		__VA_ARGS__ \
	}

static void without_a_fault_all_bytes_go_on_as_they_come(void **state)
{
	struct run r = run((struct relay_faults){ .to = 0 }, LINES, strlen(LINES), 5);

	(void)state;
	SENDS(FAULTS(.to = 0), LINES, false);
	assert_int_equal(r.writes, 4);
	assert_int_equal(r.waited, 0);
}

static void a_message_is_dropped_or_sent_twice(void **state)
{
	(void)state;
	SENDS(FAULTS(.drop = 2), "one\nthree\nfour\n", false);
	SENDS(FAULTS(.drop = 9), LINES, false);
	SENDS(FAULTS(.duplicate = 3), "one\ntwo\nthree\nthree\nfour\n", false);
	SENDS(FAULTS(.duplicate = 1, .drop = 2), "one\none\nthree\nfour\n", false);
	SENDS(FAULTS(.duplicate = 3, .split = 2), "one\ntwo\nthree\nthree\nfour\n", false);
}

static void it_ends_within_or_after_a_message_or_at_a_byte(void **state)
{
	(void)state;
	SENDS(FAULTS(.half = 3), "one\ntwo\nthr", true);
	SENDS(FAULTS(.half = 3, .split = 1), "one\ntwo\nthr", true);
	SENDS(FAULTS(.half = 3, .duplicate = 3), "one\ntwo\nthr", true);
	SENDS(FAULTS(.after = 2), "one\ntwo\n", true);
	SENDS(FAULTS(.after = 4), LINES, true);
	SENDS(FAULTS(.after = 5), LINES, false);
	SENDS(FAULTS(.at_byte = 1), "", true);
	SENDS(FAULTS(.at_byte = 7), "one\ntw", true);
	SENDS(FAULTS(.at_byte = 7, .drop = 1), "two\nth", true);
	SENDS(FAULTS(.at_byte = 20), LINES, false);
}

static void half_of_a_message_of_one_byte_is_nothing(void **state)
{
	(void)state;
	sends((struct relay_faults){ .half = 2 }, "a\n\nb\n", 5, "a\n", 2, true);
}

static void the_first_end_decides_what_a_message_is(void **state)
{
	(void)state;
	sends((struct relay_faults){ .drop = 2 }, "a\0b\nc\0d", 7, "a\0d", 3, false);
	sends((struct relay_faults){ .drop = 2 }, "a\nb\0c\nd", 7, "a\nd", 3, false);
	sends((struct relay_faults){ .drop = 1, .framing = POSTERN_FRAMING_LINES }, "a\0b\nc\0d", 7,
	      "c\0d", 3, false);
	sends((struct relay_faults){ .drop = 1, .framing = POSTERN_FRAMING_NUL }, "a\nb\0c\nd", 7,
	      "c\nd", 3, false);
}

static void messages_are_glued(void **state)
{
	struct relay_plan plan = { .faults = { .glue = 3 } };

	(void)state;
	SENDS(FAULTS(.glue = 3), LINES, false);
	assert_int_equal(relay_plan_next(&plan, LINES, 13, false).does, RELAY_WANT);
	for (size_t i = 0, taken = 0; i < 3; i++) {
		struct relay_step step = relay_plan_next(&plan, &LINES[taken], 14 - taken, false);
		int64_t wait = 0;

		assert_int_equal(step.does, RELAY_SEND);
		taken += relay_plan_sent(&plan, step.n, &wait);
		assert_int_equal(wait, 0);
	}
	assert_int_equal(relay_plan_next(&plan, &LINES[14], 5, false).does, RELAY_WANT);
	assert_int_equal(relay_plan_next(&plan, &LINES[14], 5, true).does, RELAY_SEND);
}

static void pieces_are_small_and_as_slow_as_the_rate(void **state)
{
	struct run r = SENDS(FAULTS(.split = 2), LINES, false);

	(void)state;
	assert_true(r.writes >= 10);
	r = SENDS(FAULTS(.rate = 1000), LINES, false);
	assert_int_equal(r.waited, 19 * POSTERN_MS(1));
	r = SENDS(FAULTS(.delay_ns = POSTERN_MS(3)), LINES, false);
	assert_int_equal(r.delayed, 4 * POSTERN_MS(3));
	r = SENDS(FAULTS(.delay_ns = POSTERN_MS(3), .glue = 2), LINES, false);
	assert_int_equal(r.delayed, 2 * POSTERN_MS(3));
}

static void a_byte_is_garbled_once_and_never_into_an_end(void **state)
{
	char wanted[] = LINES;

	(void)state;
	for (size_t i = 0; i < strlen(LINES); i++) {
		memcpy(wanted, LINES, sizeof(wanted));
		wanted[i] = relay_corrupt(wanted[i]);
		sends((struct relay_faults){ .corrupt = (uint32_t)i + 1 }, LINES, strlen(LINES),
		      wanted, strlen(LINES), false);
	}
	for (int byte = 0; byte < 256; byte++) {
		assert_int_not_equal((unsigned char)relay_corrupt((char)byte), byte);
		assert_true((unsigned char)relay_corrupt((char)byte) >= 0xf8);
	}
}

static void a_message_that_is_too_long_goes_in_parts_or_not_at_all(void **state)
{
	static char text[RELAY_HELD];
	struct relay_plan plan = { .faults = { .drop = 1, .framing = POSTERN_FRAMING_LINES } };
	struct relay_step step;
	int64_t wait = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(relay_plan_next(&plan, text, sizeof(text) - 1, false).does, RELAY_WANT);
	step = relay_plan_next(&plan, text, sizeof(text), false);
	assert_int_equal(step.does, RELAY_SKIP);
	assert_int_equal(step.n, sizeof(text));
	assert_int_equal(relay_plan_next(&plan, "xx", 2, false).does, RELAY_WANT);
	step = relay_plan_next(&plan, "xx\ny\n", 5, false);
	assert_int_equal(step.does, RELAY_SKIP);
	assert_int_equal(step.n, 3);
	step = relay_plan_next(&plan, "y\n", 2, false);
	assert_int_equal(step.does, RELAY_SEND);
	assert_int_equal(relay_plan_sent(&plan, step.n, &wait), 2);
}

static void what_is_said_fits_whatever_happens(void **state)
{
	struct relay_plan plan = { .faults = { .duplicate = 1,
					       .split = 9,
					       .rate = 4000000000u,
					       .corrupt = 1,
					       .after = 1,
					       .glue = 1,
					       .delay_ns = 1 } };

	(void)state;
	assert_int_equal(relay_plan_next(&plan, "one\n", 4, false).does, RELAY_WAIT);
	assert_int_equal(relay_plan_next(&plan, "one\n", 4, false).does, RELAY_SEND);
	assert_int_equal(strlen(plan.said), sizeof(plan.said) - 1);
	assert_memory_equal(plan.said, "messages from 1 on are sent together, message 1 waits, ",
			    55);
}

static void a_seed_always_gives_the_same_faults_and_seeds_give_all(void **state)
{
	char text[256], again[256], all[20000] = "";

	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		struct relay_faults f = relay_random(seed, 1);

		relay_faults_text(&f, text, sizeof(text));
		f = relay_random(seed, 1);
		relay_faults_text(&f, again, sizeof(again));
		assert_string_equal(text, again);
		assert_true(strlen(all) + strlen(text) < sizeof(all));
		strcat(all, text);
	}
	for (const char *const *word =
		     (const char *const[]){ "to client", "to server", "delay", "rate", "split",
					    "glue", "drop", "duplicate", "corrupt", "half", "after",
					    "at-byte", "close", "reset", "half-close", "stall",
					    NULL };
	     *word; word++)
		if (!strstr(all, *word))
			fail_msg("no seed of 200 chooses %s", *word);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(without_a_fault_all_bytes_go_on_as_they_come),
		TEST(a_message_is_dropped_or_sent_twice),
		TEST(it_ends_within_or_after_a_message_or_at_a_byte),
		TEST(half_of_a_message_of_one_byte_is_nothing),
		TEST(the_first_end_decides_what_a_message_is),
		TEST(messages_are_glued),
		TEST(pieces_are_small_and_as_slow_as_the_rate),
		TEST(a_byte_is_garbled_once_and_never_into_an_end),
		TEST(a_message_that_is_too_long_goes_in_parts_or_not_at_all),
		TEST(what_is_said_fits_whatever_happens),
		TEST(a_seed_always_gives_the_same_faults_and_seeds_give_all),
	};

	return test_run(tests);
}
