/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a text is checked. The figures are printed; what fails is a tenth of what any machine should reach, as a
 * check that looks at each byte several times would be.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <postern/json.h>

enum { SIZE = 1 << 20, ROUNDS = 30 };

static char text[SIZE];

/* MB/s of the best round: others on the machine make it slower, nothing makes it faster. */
static int64_t speed(const char *bytes, size_t n, int times)
{
	struct postern_json v;
	int64_t best = INT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		int64_t begun = test_now_ns(), took;

		for (int k = 0; k < times; k++)
			assert_ok(postern_json_check(bytes, n, &v, NULL));
		took = test_now_ns() - begun;
		if (took < best)
			best = took;
	}
	return (int64_t)n * times * 1000 / (best > 0 ? best : 1);
}

static void a_check_is_no_slower_than_the_messages_come(void **state)
{
	static const char call[] =
		"{\"method\":\"org.example.clock.Now\",\"parameters\":{\"zone\":\"Europe/Berlin\"}}";
	static const char reply[] =
		"{\"parameters\":{\"uid\":1000,\"record\":{\"userName\":\"alice\",\"realName\":\"Alice "
		"Example\",\"homeDirectory\":\"/home/alice\",\"shell\":\"/bin/bash\",\"gid\":1000,\"disposition\":"
		"\"regular\",\"memberOf\":[\"audio\",\"video\",\"plugdev\"],\"locked\":false,\"quota\":1.5e9},"
		"\"incomplete\":false},\"continues\":true}";
	size_t n = 0;
	int64_t mb_s;

	(void)state;
	mb_s = speed(call, sizeof(call) - 1, 2000);
	test_note("a call of %zu bytes: %lld MB/s", sizeof(call) - 1, (long long)mb_s);
	assert_true(mb_s * test_scale() > 40);
	mb_s = speed(reply, sizeof(reply) - 1, 1000);
	test_note("a reply of %zu bytes: %lld MB/s", sizeof(reply) - 1, (long long)mb_s);
	assert_true(mb_s * test_scale() > 40);
	text[n++] = '[';
	while (n + sizeof(reply) + 1 < SIZE) {
		memcpy(text + n, reply, sizeof(reply) - 1);
		n += sizeof(reply) - 1;
		text[n++] = ',';
	}
	text[n - 1] = ']';
	mb_s = speed(text, n, 1);
	test_note("many of them, %zu bytes: %lld MB/s", n, (long long)mb_s);
	assert_true(mb_s * test_scale() > 40);
}

static void long_strings_are_checked_many_bytes_at_a_time(void **state)
{
	size_t n = 64 << 10;
	int64_t mb_s;

	(void)state;
	memset(text, 'a', n);
	text[0] = text[n - 1] = '"';
	mb_s = speed(text, n, 20);
	test_note("a string of %zu bytes: %lld MB/s", n, (long long)mb_s);
	assert_true(mb_s * test_scale() > 200);
	for (size_t i = 1; i + 2 < n - 1; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[n - 2] = 'a';
	mb_s = speed(text, n, 20);
	test_note("a string of %zu bytes, none of them ASCII: %lld MB/s", n, (long long)mb_s);
	assert_true(mb_s * test_scale() > 20);
}

/* Time grows with the text and not with its square, whatever the text is. */
static void a_hostile_text_costs_no_more_than_its_length(void **state)
{
	static char middle[820] = "9007199254740993.";
	static const char *const hostile[][2] = {
		{ "", "[" },
		{ "[", "[]," },
		{ "[", "1e0," },
		{ "[", "1.7976931348623158e308," },
		{ "[", "2.4703282292062327208e-324," },
		{ "[", middle },
		{ "", "1" },
		{ "0.", "0" },
		{ "1e", "0" },
		{ "{", "\"a\":1," },
		{ "\"", "\\ud83d\\ude00" },
	};
	struct postern_json v;
	int64_t begun, took;

	(void)state;
	/* The middle between two doubles, with as many digits as count. */
	memset(middle + strlen(middle), '0', 790);
	strcat(middle, "e0,");
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		size_t n = strlen(hostile[i][1]), at = strlen(hostile[i][0]);

		memcpy(text, hostile[i][0], at);
		for (; at + n <= SIZE; at += n)
			memcpy(text + at, hostile[i][1], n);
		begun = test_now_ns();
		/* Some of them are numbers. */
		(void)!postern_json_check(text, at, &v, NULL);
		took = test_now_ns() - begun;
		test_note("%s%.30s..., %zu bytes: %lld us", hostile[i][0], hostile[i][1], at,
			  (long long)(took / 1000));
		assert_true(took < INT64_C(1000000000) * test_scale());
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_check_is_no_slower_than_the_messages_come),
		TEST(long_strings_are_checked_many_bytes_at_a_time),
		TEST(a_hostile_text_costs_no_more_than_its_length),
	};

	return test_run(tests);
}
