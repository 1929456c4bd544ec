/* SPDX-License-Identifier: Apache-2.0 */
/* test-latency.c - counting how long things took, and what a reader of the counts makes of them */
#include <string.h>

#include "core/latency.h"
#include "../../cmd/sample.h"
#include "test.h"

static unsigned bucket_of(int64_t ns)
{
	struct latency l = { { 0 } };
	unsigned found = LATENCY_BUCKETS;

	latency_count(&l, ns);
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		assert_true(l.counts[i] <= 1);
		if (l.counts[i])
			found = i;
	}
	assert_true(found < LATENCY_BUCKETS);
	return found;
}

static void a_time_is_below_the_bound_of_its_bucket_and_not_below_the_one_before(void **state)
{
	for (unsigned i = 0; i + 1 < LATENCY_BUCKETS; i++) {
		int64_t bound = latency_below(i);

		assert_int_equal(bucket_of(bound - 1), i);
		assert_int_equal(bucket_of(bound), i + 1);
	}
	assert_int_equal(latency_below(LATENCY_BUCKETS - 1), INT64_MAX);
	assert_int_equal(bucket_of(INT64_MAX), LATENCY_BUCKETS - 1);
	assert_int_equal(bucket_of(0), 0);
	assert_int_equal(bucket_of(-5), 0);
	(void)state;
}

static void a_bound_is_at_most_a_quarter_above_the_time(void **state)
{
	for (int64_t ns = 1024; ns < INT64_C(1) << 36; ns += ns / 7)
		assert_true((double)latency_below(bucket_of(ns)) <= 1.25 * (double)ns);
	(void)state;
}

/* ---- the reader ---- */

static struct sample read_text(const char *text, bool good)
{
	struct postern_json json;
	struct sample s;

	memset(&s, 0, sizeof(s));
	assert_int_equal(postern_json_check(text, strlen(text), &json, NULL), 0);
	assert_int_equal(sample_read(&s, json), good);
	return s;
}

static void what_is_no_answer_of_statistics_is_refused(void **state)
{
	read_text("{}", true);
	read_text("{\"calls\":null,\"later\":[1],\"latency\":[]}", true);
	read_text("{\"calls\":-1}", false);
	read_text("{\"calls\":\"5\"}", false);
	read_text("{\"calls\":1.5}", false);
	read_text("{\"latency\":{}}", false);
	read_text("{\"latency\":[5]}", false);
	read_text("{\"latency\":[{\"belowNs\":5,\"calls\":1},{\"belowNs\":5,\"calls\":1}]}", false);
	read_text("{\"latency\":[{\"calls\":1},{\"belowNs\":5,\"calls\":1}]}", false);
	(void)state;
}

static void more_buckets_than_there_are_is_refused(void **state)
{
	char text[8192] = "{\"latency\":[";

	for (int i = 1; i <= SAMPLE_BUCKETS + 1; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s{\"belowNs\":%d,\"calls\":1}", i > 1 ? "," : "", i);
	strcat(text, "]}");
	read_text(text, false);
	(void)state;
}

static void a_percentile_is_the_bound_that_this_part_of_the_calls_is_below(void **state)
{
	struct sample s = read_text("{\"sinceNs\":1,\"latency\":[{\"belowNs\":10,\"calls\":50},"
				    "{\"belowNs\":20,\"calls\":49},{\"calls\":1}]}",
				    true);
	struct sample none = read_text("{\"latency\":[]}", true);

	assert_int_equal(sample_latency(&s, NULL, 0.5), 10);
	assert_int_equal(sample_latency(&s, NULL, 0.51), 20);
	assert_int_equal(sample_latency(&s, NULL, 0.99), 20);
	assert_int_equal(sample_latency(&s, NULL, 1), INT64_MAX);
	assert_int_equal(sample_latency(&none, NULL, 0.5), 0);
	assert_int_equal(sample_latency(&s, &s, 0.5), 0);
	(void)state;
}

static void two_samples_tell_what_was_between(void **state)
{
	struct sample a = read_text("{\"sinceNs\":7,\"atNs\":1000000000,\"calls\":10,"
				    "\"latency\":[{\"belowNs\":10,\"calls\":10}]}",
				    true);
	struct sample b = read_text(
		"{\"sinceNs\":7,\"atNs\":3000000000,\"calls\":14,"
		"\"latency\":[{\"belowNs\":10,\"calls\":11},{\"belowNs\":40,\"calls\":3}]}",
		true);
	/* It was started again. */
	struct sample c =
		read_text("{\"sinceNs\":3000000000,\"atNs\":4000000000,\"calls\":3}", true);

	assert_int_equal(sample_since(&b, &a, SAMPLE_CALLS), 4);
	assert_true(sample_rate(&b, &a, SAMPLE_CALLS) == 2);
	assert_int_equal(sample_latency(&b, &a, 0.25), 10);
	assert_int_equal(sample_latency(&b, &a, 0.5), 40);
	assert_int_equal(sample_since(&c, &b, SAMPLE_CALLS), 3);
	assert_true(sample_rate(&c, &b, SAMPLE_CALLS) == 3);
	/* Counts never fall; if some do, nothing is told rather than nonsense. */
	assert_int_equal(sample_since(&a, &b, SAMPLE_CALLS), 0);
	assert_true(sample_rate(&a, &b, SAMPLE_CALLS) == 0);
	(void)state;
}

static void numbers_for_people_are_short(void **state)
{
	assert_string_equal(sample_count(0).text, "0");
	assert_string_equal(sample_count(999).text, "999");
	assert_string_equal(sample_count(1234).text, "1.2k");
	assert_string_equal(sample_count(34567).text, "35k");
	assert_string_equal(sample_count(0.5).text, "0.5");
	assert_string_equal(sample_bytes(512).text, "512B");
	assert_string_equal(sample_bytes(12 * 1024).text, "12K");
	assert_string_equal(sample_time(0).text, "-");
	assert_string_equal(sample_time(1024).text, "1.0us");
	assert_string_equal(sample_time(INT64_MAX).text, "> 1min");
	assert_true(strlen(sample_count(9e18).text) < 8);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_time_is_below_the_bound_of_its_bucket_and_not_below_the_one_before),
		cmocka_unit_test(a_bound_is_at_most_a_quarter_above_the_time),
		cmocka_unit_test(what_is_no_answer_of_statistics_is_refused),
		cmocka_unit_test(more_buckets_than_there_are_is_refused),
		cmocka_unit_test(a_percentile_is_the_bound_that_this_part_of_the_calls_is_below),
		cmocka_unit_test(two_samples_tell_what_was_between),
		cmocka_unit_test(numbers_for_people_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
