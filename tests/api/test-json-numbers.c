/* SPDX-License-Identifier: Apache-2.0 */
/* Doubles as JSON: read and written as the C library does it, which is another implementation. */
#include "json-make.h"
#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <postern/json.h>

enum { SEED = 20261129, PATTERNS = 1000000 };

static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static int read_number(const char *text, double *ret)
{
	return postern_json_double((struct postern_json){ text, strlen(text) }, ret);
}

static void assert_reads_as(const char *text, double expected)
{
	double value = 12345;
	int r = read_number(text, &value);

	if (r != 0 || bits_of(value) != bits_of(expected))
		fail_msg("%s: %d, %.17g (%016" PRIx64 "), expected %.17g (%016" PRIx64 ")", text, r,
			 value, bits_of(value), expected, bits_of(expected));
}

/* As strtod() in the C locale reads it; what it calls infinite is refused. */
static void assert_as_libc(const char *text)
{
	double expected = strtod(text, NULL), value;

	if (isinf(expected))
		assert_errno(read_number(text, &value), -ERANGE);
	else
		assert_reads_as(text, expected);
}

static const char *write_number(double value, char ret[64])
{
	struct postern_json_writer w;
	ssize_t n;

	postern_json_write_begin(&w, ret, 63);
	postern_json_write_double(&w, value);
	n = postern_json_write_finish(&w);
	assert_true(n > 0);
	ret[n] = '\0';
	return ret;
}

static int patterns(void)
{
	return PATTERNS / (test_scale() > 1 ? 10 * test_scale() : 1);
}

static void a_million_bit_patterns_read_as_strtod_reads_them(void **state)
{
	struct json_make m = { .seed = SEED };
	char text[64];
	int read = 0;

	(void)state;
	for (int i = 0; i < patterns(); i++) {
		uint64_t bits = json_make_random(&m, UINT64_C(1) << 32) << 32 |
				json_make_random(&m, UINT64_C(1) << 32);
		double value;

		memcpy(&value, &bits, sizeof(bits));
		if (!isfinite(value))
			continue;
		/* 17 digits are enough for each; fewer and more make other numbers, near the middle between two as well. */
		snprintf(text, sizeof text, "%.*e", (int)json_make_random(&m, 25), value);
		assert_as_libc(text);
		read++;
	}
	test_note("%d numbers, seed %d", read, SEED);
	assert_true(read > patterns() / 2);
}

/* From the first that is not 0 to the last that is not 0. */
static int significant_digits(const char *text)
{
	int n = 0, last = 0;

	for (; *text && *text != 'e'; text++) {
		if ((*text >= '1' && *text <= '9') || (*text == '0' && n > 0))
			n++;
		if (*text >= '1' && *text <= '9')
			last = n;
	}
	return last;
}

static void a_million_bit_patterns_are_written_and_read_back(void **state)
{
	struct json_make m = { .seed = SEED + 1 };
	int count[3] = { 0 }, written = 0;
	char text[64], libc[64];

	(void)state;
	for (int i = 0; i < patterns(); i++) {
		uint64_t bits = json_make_random(&m, UINT64_C(1) << 32) << 32 |
				json_make_random(&m, UINT64_C(1) << 32);
		double value;
		int digits = 15;

		/* Every fourth below 2^-1022, where doubles have fewer bits. */
		if (i % 4 == 0)
			bits &= ~(UINT64_C(2047) << 52);
		memcpy(&value, &bits, sizeof(bits));
		if (!isfinite(value))
			continue;
		write_number(value, text);
		assert_reads_as(text, value);
		assert_int_equal(bits_of(strtod(text, NULL)), bits);
		written++;
		if (i % 4 == 0)
			continue;
		/* No more digits than the C library needs. */
		do
			snprintf(libc, sizeof libc, "%.*e", digits - 1, value);
		while (bits_of(strtod(libc, NULL)) != bits && ++digits < 18);
		count[digits - 15]++;
		assert_true(significant_digits(text) <= digits);
	}
	test_note("%d numbers, seed %d; %d of 15 digits, %d of 16, %d of 17", written, SEED + 1,
		  count[0], count[1], count[2]);
	assert_true(written > patterns() / 2);
}

/* The digits times a small number. */
static void multiply(char *digits, size_t size, unsigned factor)
{
	size_t n = strlen(digits);
	unsigned carry = 0;

	for (size_t i = n; i-- > 0;) {
		carry += (unsigned)(digits[i] - '0') * factor;
		digits[i] = (char)('0' + carry % 10);
		carry /= 10;
	}
	if (carry > 0) {
		assert_true(n + 2 <= size);
		memmove(digits + 1, digits, n + 1);
		digits[0] = (char)('0' + carry);
	}
}

/* The exact middle between two doubles, and a little above and below: the digits decide at any length. */
static void the_middle_between_two_doubles_goes_to_the_even_one(void **state)
{
	struct json_make m = { .seed = SEED + 2 };
	static char digits[1200], text[1300];
	int tried = 0;

	(void)state;
	for (int i = 0; i < 3000 / test_scale(); i++) {
		/* (2m + 1) * 2^two; a negative power of two is one of five, and one of ten. */
		uint64_t middle =
			json_make_random(&m, UINT64_C(1) << 47) << 6 | UINT64_C(1) << 53 | 1;
		int two = (int)json_make_random(&m, 2030) - 1075;

		snprintf(digits, sizeof digits, "%" PRIu64, middle);
		for (int k = 0; k < abs(two); k++)
			multiply(digits, sizeof digits, two < 0 ? 5 : 2);
		snprintf(text, sizeof text, "%se%d", digits, two < 0 ? two : 0);
		assert_as_libc(text);
		snprintf(text, sizeof text, "%s.000001e%d", digits, two < 0 ? two : 0);
		assert_as_libc(text);
		digits[strlen(digits) - 1]--;
		if (digits[strlen(digits) - 1] < '0')
			continue;
		snprintf(text, sizeof text, "%s.999999e%d", digits, two < 0 ? two : 0);
		assert_as_libc(text);
		tried++;
	}
	test_note("%d middles, and beside each", tried);
	assert_true(tried > 500 / test_scale());
	assert_reads_as("9007199254740993", 9007199254740992.0);
	assert_reads_as("9007199254740993.0000000000000000000000000000001", 9007199254740994.0);
	assert_reads_as("9007199254740992.9999999999999999999999999999999", 9007199254740992.0);
	assert_reads_as("9007199254740995", 9007199254740996.0);
}

static void digits_beyond_800_still_count(void **state)
{
	static char text[3000];
	double value;

	(void)state;
	/* The middle, then zeros, then at the very end one digit. */
	strcpy(text, "9007199254740993.");
	memset(text + strlen(text), '0', 2000);
	assert_reads_as(text, 9007199254740992.0);
	text[2010] = '1';
	assert_reads_as(text, 9007199254740994.0);

	memset(text, 0, sizeof text);
	memset(text, '9', 308);
	assert_reads_as(text, 1e308);
	memset(text, '9', 309);
	assert_errno(read_number(text, &value), -ERANGE);
	/* A thousand zeros in front of and behind the point, made good by an exponent. */
	strcpy(text, "0.");
	memset(text + 2, '0', 1000);
	strcpy(text + 1002, "25e1001");
	assert_reads_as(text, 2.5);
	strcpy(text, "25");
	memset(text + 2, '0', 1000);
	strcpy(text + 1002, "e-1001");
	assert_reads_as(text, 2.5);
}

/* The middle between 0 and the smallest double is 2^-1075, which has 752 digits. */
static void the_edges_of_the_range_are_exact(void **state)
{
	static char text[1200];
	double value;

	(void)state;
	snprintf(text, sizeof text, "%.1074f", 4.9406564584124654e-324);
	assert_reads_as(text, 4.9406564584124654e-324);
	assert_reads_as("2.4703282292062327208e-324", 0);
	assert_reads_as("2.4703282292062327209e-324", 4.9406564584124654e-324);
	assert_reads_as("7.4109846876186981626e-324", 4.9406564584124654e-324);
	assert_reads_as("7.4109846876186981627e-324", 9.8813129168249309e-324);
	assert_reads_as("2.2250738585072011e-308", 2.2250738585072011e-308);
	assert_reads_as("2.2250738585072012e-308", 2.2250738585072014e-308);
	assert_reads_as("2.2250738585072014e-308", 2.2250738585072014e-308);
	assert_reads_as("1.7976931348623157e308", 1.7976931348623157e308);
	assert_reads_as("1.7976931348623158e308", 1.7976931348623157e308);
	assert_reads_as("1.797693134862315807e308", 1.7976931348623157e308);
	assert_errno(read_number("1.797693134862315808e308", &value), -ERANGE);
	assert_errno(read_number("1.7976931348623159e308", &value), -ERANGE);
	assert_errno(read_number("1e309", &value), -ERANGE);
	assert_errno(read_number("1e", &value), -EBADMSG);
	assert_reads_as("1e-400", 0);
	assert_reads_as("-1e-400", -0.0);
	assert_reads_as("0e999999999999999999999999", 0);
	assert_reads_as("-0", -0.0);
	assert_reads_as("0.1", 0.1);
	assert_reads_as("123456789012345678901234567890", 123456789012345678901234567890.0);
}

static void doubles_are_written_as_a_person_would(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ -0.0, "-0" },
		{ 1, "1" },
		{ -1.5, "-1.5" },
		{ 0.1, "0.1" },
		{ 0.3, "0.3" },
		{ 100, "100" },
		{ 1e17, "100000000000000000" },
		{ 1e18, "1e18" },
		{ 18446744073709551616.0, "1.8446744073709552e19" },
		{ 1.5e300, "1.5e300" },
		{ 1e-6, "0.000001" },
		{ 1e-7, "1e-7" },
		{ 1.25e-7, "1.25e-7" },
		{ 0.30000000000000004, "0.30000000000000004" },
		{ 9007199254740993.0, "9007199254740992" },
		{ 4.9406564584124654e-324, "5e-324" },
		{ 2.2250738585072014e-308, "2.2250738585072014e-308" },
		{ 1.7976931348623157e308, "1.7976931348623157e308" },
		{ 123456.789, "123456.789" },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(write_number(rows[i].value, text), rows[i].text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_million_bit_patterns_read_as_strtod_reads_them),
		TEST(a_million_bit_patterns_are_written_and_read_back),
		TEST(the_middle_between_two_doubles_goes_to_the_even_one),
		TEST(digits_beyond_800_still_count),
		TEST(the_edges_of_the_range_are_exact),
		TEST(doubles_are_written_as_a_person_would),
	};

	return test_run(tests);
}
