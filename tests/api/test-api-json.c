/* SPDX-License-Identifier: Apache-2.0 */
/* JSON, as the header describes it. */
#include "test.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic push
/* What the compiler would put between the fields of a public struct is to be a field with a name. */
#pragma GCC diagnostic error "-Wpadded"
#include <postern/json.h>
#pragma GCC diagnostic pop

static struct postern_json slice(const char *text)
{
	return (struct postern_json){ text, strlen(text) };
}

static struct postern_json checked(const char *text)
{
	struct postern_json_error error = { 0, "" };
	struct postern_json v = { 0 };

	if (postern_json_check(text, strlen(text), &v, &error) != 0)
		fail_msg("%s: at %zu: %s", text, error.offset, error.text);
	return v;
}

static void assert_refused_at(const char *text, size_t n, size_t offset, const char *why)
{
	struct postern_json_error error = { 99, "nothing" };
	struct postern_json v = { "untouched", 1 };

	if (postern_json_check(text, n, &v, &error) != -EBADMSG || error.offset != offset ||
	    strcmp(error.text, why) != 0)
		fail_msg("%.*s: at %zu: %s, expected %zu: %s", (int)n, text, error.offset,
			 error.text, offset, why);
	assert_string_equal(v.text, "untouched");
	assert_errno(postern_json_check(text, n, &v, NULL), -EBADMSG);
}

/* ---- checking ---- */

static void what_the_specification_allows_is_accepted(void **state)
{
	static const char *const texts[] = {
		"null",
		"true",
		"false",
		"0",
		"-0",
		"10",
		"1.5",
		"1e5",
		"1E+5",
		"1e-400",
		"-1.25e-3",
		"\"\"",
		"[]",
		"{}",
		" [ ] ",
		"\t\r\n{ \"a\" : [ 1 , 2 ] , \"a\" : { } }\n",
		"[[],{},\"\",0]",
		"\"\\u0000\"",
		"\"\\ud83d\\ude00\"",
		"\"\xf4\x8f\xbf\xbf\"",
		"\"\x7f\"",
		"{\"\":{\"\":{\"\":[[[]]]}}}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct postern_json v = checked(texts[i]);

		assert_true(v.n > 0 && !strchr(" \t\r\n", v.text[0]) &&
			    !strchr(" \t\r\n", v.text[v.n - 1]));
	}
}

static void what_is_refused_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		const char *why;
	} rows[] = {
		{ "", 0, "a value is expected" },
		{ "  ", 2, "a value is expected" },
		{ "nul", 0, "a value is expected" },
		{ "True", 0, "a value is expected" },
		{ "NaN", 0, "a value is expected" },
		{ "'a'", 0, "a value is expected" },
		{ "+1", 0, "a value is expected" },
		{ ".5", 0, "a value is expected" },
		{ "\xef\xbb\xbf{}", 0, "a value is expected" },
		{ "[1,]", 3, "a value is expected" },
		{ "[,1]", 1, "a value is expected" },
		{ "[1 2]", 3, "',' or ']' is expected" },
		{ "[1}", 2, "',' or ']' is expected" },
		{ "{\"a\":1]", 6, "',' or '}' is expected" },
		{ "{\"a\":1,}", 7, "a name is expected" },
		{ "{a:1}", 1, "a name is expected" },
		{ "{1:1}", 1, "a name is expected" },
		{ "{\"a\" 1}", 5, "':' is expected" },
		{ "{\"a\":}", 5, "a value is expected" },
		{ "{}{}", 2, "something follows the value" },
		{ "1 2", 2, "something follows the value" },
		{ "01", 1, "something follows the value" },
		{ "-", 1, "a digit is expected" },
		{ "1.", 2, "a digit is expected" },
		{ "1.e5", 2, "a digit is expected" },
		{ "1e", 2, "a digit is expected" },
		{ "1e+", 3, "a digit is expected" },
		{ "[1e400]", 1, "the number is too large" },
		{ "-1e400", 0, "the number is too large" },
		{ "\"abc", 4, "the string does not end" },
		{ "\"a\nb\"", 2, "a control character must be escaped" },
		{ "\"\\x41\"", 1, "there is no such escape" },
		{ "\"\\u12g4\"", 1,
		  "\\u needs four hexadecimal digits, a surrogate its other half" },
		{ "\"\\ud800\"", 1,
		  "\\u needs four hexadecimal digits, a surrogate its other half" },
		{ "\"\\udc00\"", 1,
		  "\\u needs four hexadecimal digits, a surrogate its other half" },
		{ "\"\\ud800\\ud800\"", 1,
		  "\\u needs four hexadecimal digits, a surrogate its other half" },
		{ "\"\\ud800\\u0041\"", 1,
		  "\\u needs four hexadecimal digits, a surrogate its other half" },
		{ "\"\x80\"", 1, "this is not UTF-8" },
		{ "\"\xc0\x80\"", 1, "this is not UTF-8" },
		{ "\"\xc1\xbf\"", 1, "this is not UTF-8" },
		{ "\"\xe0\x9f\xbf\"", 1, "this is not UTF-8" },
		{ "\"\xed\xa0\x80\"", 1, "this is not UTF-8" },
		{ "\"\xf0\x8f\xbf\xbf\"", 1, "this is not UTF-8" },
		{ "\"\xf4\x90\x80\x80\"", 1, "this is not UTF-8" },
		{ "\"\xf5\x80\x80\x80\"", 1, "this is not UTF-8" },
		{ "\"\xe2\x82\"", 1, "this is not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_refused_at(rows[i].text, strlen(rows[i].text), rows[i].offset, rows[i].why);
	assert_refused_at("1\0", 2, 1, "something follows the value");
	assert_refused_at("\"a\0b\"", 5, 2, "a control character must be escaped");
}

static void every_byte_is_judged_alike_at_each_place_of_a_word(void **state)
{
	char text[64];
	struct postern_json v;

	(void)state;
	for (size_t at = 1; at < 41; at++) {
		for (int c = 0; c < 256; c++) {
			memset(text, 'a', sizeof text);
			text[0] = text[42] = '"';
			text[at] = (char)c;
			assert_int_equal(postern_json_check(text, 43, &v, NULL),
					 c < 0x20 || c == '"' || c == '\\' || c >= 0x80 ? -EBADMSG
											: 0);
		}
	}
}

static void sixty_four_levels_are_accepted_and_one_more_is_not(void **state)
{
	char text[4 * POSTERN_JSON_DEPTH + 16];
	struct postern_json v;

	(void)state;
	for (size_t depth = 1; depth <= POSTERN_JSON_DEPTH + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		if (depth <= POSTERN_JSON_DEPTH)
			assert_int_equal(postern_json_check(text, 2 * depth, &v, NULL), 0);
		else
			assert_refused_at(text, 2 * depth, POSTERN_JSON_DEPTH, "nested too deep");
	}
	/* Side by side is not nested. */
	memset(text, 0, sizeof text);
	strcpy(text, "[");
	for (int i = 0; i < 40; i++)
		strcat(text, "[],");
	strcat(text, "{}]");
	(void)checked(text);
}

/* Each in a block of its own size, so that who looks beyond it is caught. */
static void every_text_that_is_cut_off_is_refused(void **state)
{
	static const char *const texts[] = {
		"{\"method\":\"org.example.clock.Now\",\"parameters\":{\"zone\":\"UTC\",\"n\":[1,-2.5e+3,true,null]}}",
		" [ \"\\ud83d\\ude00\xf0\x9f\x98\x80\\n\", {\"\\u00e9\" : false} , [ ] , { } ]",
		"\"0123456789abcdef0123456789abcdef\xc3\xa9\"",
		"{\"a\":{\"b\":{\"c\":[[[1.5]]]}}}",
	};
	struct postern_json_error error;
	struct postern_json v;
	int cut = 0;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		for (size_t n = 0; n < strlen(texts[i]); n++) {
			char *text = malloc(n > 0 ? n : 1);

			assert_non_null(text);
			memcpy(text, texts[i], n);
			assert_errno(postern_json_check(text, n, &v, &error), -EBADMSG);
			assert_true(error.offset <= n);
			free(text);
			cut++;
		}
		(void)checked(texts[i]);
	}
	test_note("%d texts", cut);
}

/* ---- reading ---- */

static void kinds_are_told_by_the_first_byte(void **state)
{
	(void)state;
	assert_int_equal(postern_json_kind(slice("null")), POSTERN_JSON_NULL);
	assert_int_equal(postern_json_kind(slice("false")), POSTERN_JSON_FALSE);
	assert_int_equal(postern_json_kind(slice("true")), POSTERN_JSON_TRUE);
	assert_int_equal(postern_json_kind(slice("-1")), POSTERN_JSON_NUMBER);
	assert_int_equal(postern_json_kind(slice("0")), POSTERN_JSON_NUMBER);
	assert_int_equal(postern_json_kind(slice("\"\"")), POSTERN_JSON_STRING);
	assert_int_equal(postern_json_kind(slice("[]")), POSTERN_JSON_ARRAY);
	assert_int_equal(postern_json_kind(slice("{}")), POSTERN_JSON_OBJECT);
	assert_int_equal(postern_json_kind(slice("x")), 0);
	assert_int_equal(postern_json_kind(slice("")), 0);
	assert_int_equal(postern_json_kind((struct postern_json){ NULL, 0 }), 0);
}

static void an_array_is_walked_in_order(void **state)
{
	struct postern_json name = { "x", 1 }, value;
	struct postern_json_walk w;
	int64_t sum = 0, n;

	(void)state;
	assert_ok(postern_json_enter(&w, checked("[ 1 ,2,[3, 4], 5 ]")));
	for (int i = 0; postern_json_next(&w, &name, &value) > 0; i++) {
		assert_null(name.text);
		if (i == 2) {
			assert_int_equal(value.n, 6);
			assert_memory_equal(value.text, "[3, 4]", 6);
			continue;
		}
		assert_ok(postern_json_int(value, &n));
		sum += n;
	}
	assert_int_equal(sum, 8);
	/* The end stays the end. */
	assert_int_equal(postern_json_next(&w, NULL, &value), 0);
	assert_ok(postern_json_enter(&w, checked("[]")));
	assert_int_equal(postern_json_next(&w, NULL, &value), 0);
}

static void members_are_found_by_name(void **state)
{
	struct postern_json
		o = checked(
			"{\"a\":1,\"b\":{\"c\":2}, \"a\":3,\"\\u0063\":4,\"\":5,\"\xc3\xa9\":6}"),
		v;
	int64_t n;

	(void)state;
	assert_int_equal(postern_json_find(o, "a", &v), 1);
	assert_ok(postern_json_int(v, &n));
	assert_int_equal(n, 1);
	/* Not that of an object inside. */
	assert_int_equal(postern_json_find(o, "c", &v), 1);
	assert_ok(postern_json_int(v, &n));
	assert_int_equal(n, 4);
	assert_int_equal(postern_json_find(o, "", &v), 1);
	assert_int_equal(postern_json_find(o, "\xc3\xa9", &v), 1);
	assert_int_equal(postern_json_find(o, "d", &v), 0);
	assert_int_equal(postern_json_find(o, "aa", &v), 0);
	assert_errno(postern_json_find(checked("[]"), "a", &v), -EINVAL);
}

static void integers_have_no_fraction_and_their_range(void **state)
{
	uint64_t u;
	int64_t i;

	(void)state;
	assert_ok(postern_json_int(slice("-9223372036854775808"), &i));
	assert_true(i == INT64_MIN);
	assert_ok(postern_json_int(slice("9223372036854775807"), &i));
	assert_true(i == INT64_MAX);
	assert_errno(postern_json_int(slice("9223372036854775808"), &i), -ERANGE);
	assert_errno(postern_json_int(slice("-9223372036854775809"), &i), -ERANGE);
	assert_ok(postern_json_uint(slice("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_errno(postern_json_uint(slice("18446744073709551616"), &u), -ERANGE);
	assert_errno(postern_json_uint(slice("99999999999999999999999"), &u), -ERANGE);
	assert_errno(postern_json_uint(slice("-1"), &u), -ERANGE);
	assert_ok(postern_json_uint(slice("-0"), &u));
	assert_true(u == 0);
	assert_ok(postern_json_int(slice("-0"), &i));
	assert_true(i == 0);
	assert_errno(postern_json_int(slice("1.0"), &i), -EINVAL);
	assert_errno(postern_json_int(slice("1e2"), &i), -EINVAL);
	assert_errno(postern_json_int(slice("99999999999999999999999.5"), &i), -EINVAL);
	assert_errno(postern_json_int(slice("\"1\""), &i), -EINVAL);
	assert_errno(postern_json_int(slice("-"), &i), -EBADMSG);
	assert_errno(postern_json_uint(slice("true"), &u), -EINVAL);
}

static void strings_lose_their_escapes(void **state)
{
	static const struct {
		const char *text, *value;
		size_t n;
	} rows[] = {
		{ "\"\"", "", 0 },
		{ "\"abc\"", "abc", 3 },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
		{ "\"\\u0041\\u00e9\\u20AC\\uFFFF\"", "A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf", 9 },
		{ "\"\\ud83d\\ude00\\udbff\\udfff\"", "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", 8 },
		{ "\"a\\u0000b\"", "a\0b", 3 },
		{ "\"\xc3\xa9\xe2\x82\xac\"", "\xc3\xa9\xe2\x82\xac", 5 },
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct postern_json v = checked(rows[i].text);
		size_t n = rows[i].n;

		memset(text, 'x', sizeof text);
		assert_int_equal(postern_json_string(v, text, n + 1), n);
		assert_memory_equal(text, rows[i].value, n + 1);
		assert_int_equal(text[n + 1], 'x');
		assert_errno(postern_json_string(v, text, n), -EMSGSIZE);
		assert_int_equal(postern_json_string(v, NULL, 0), n);
		/* In place. */
		memcpy(text, v.text, v.n);
		assert_int_equal(postern_json_string((struct postern_json){ text, v.n }, text, v.n),
				 n);
		assert_memory_equal(text, rows[i].value, n + 1);
		assert_int_equal(postern_json_equals(v, rows[i].value), strlen(rows[i].value) == n);
	}
	assert_errno(postern_json_string(slice("1"), text, sizeof text), -EINVAL);
	assert_errno(postern_json_string(slice("\"a"), text, sizeof text), -EBADMSG);
	assert_errno(postern_json_string(slice("\"a\"b\""), text, sizeof text), -EBADMSG);
	assert_errno(postern_json_string(slice("\"\\\""), text, sizeof text), -EBADMSG);
	assert_errno(postern_json_string(slice("\"\\ud800\""), text, sizeof text), -EBADMSG);
	assert_errno(postern_json_string(slice("\"\xff\""), text, sizeof text), -EBADMSG);
	assert_int_equal(postern_json_equals(slice("\"ab\""), "a"), 0);
	assert_int_equal(postern_json_equals(slice("\"a\""), "ab"), 0);
	assert_int_equal(postern_json_equals(slice("1"), "1"), 0);
}

static void a_text_that_was_not_checked_stops_the_walk(void **state)
{
	static const char *const texts[] = { "[1 2]",     "[1,",     "[",     "{\"a\"1}",
					     "{\"a",      "{\"a\":", "{1:2}", "[1}",
					     "{\"a\":1]", "[1,]",    "[tru]" };
	struct postern_json_walk w;
	struct postern_json v;
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		assert_ok(postern_json_enter(&w, slice(texts[i])));
		while ((r = postern_json_next(&w, NULL, &v)) > 0)
			;
		assert_errno(r, -EBADMSG);
	}
}

/* ---- writing ---- */

static void assert_written(struct postern_json_writer *w, const char *text)
{
	ssize_t n = postern_json_write_finish(w);

	assert_int_equal(n, strlen(text));
	assert_memory_equal(w->bytes, text, (size_t)n);
}

static void write_all_kinds(struct postern_json_writer *w)
{
	postern_json_write_object(w);
	postern_json_write_name(w, "null");
	postern_json_write_null(w);
	postern_json_write_name(w, "bools");
	postern_json_write_array(w);
	postern_json_write_bool(w, 1);
	postern_json_write_bool(w, 0);
	postern_json_write_end(w);
	postern_json_write_name(w, "numbers");
	postern_json_write_array(w);
	postern_json_write_int(w, INT64_MIN);
	postern_json_write_uint(w, UINT64_MAX);
	postern_json_write_double(w, 0.5);
	postern_json_write_end(w);
	postern_json_write_name(w, "");
	postern_json_write_object(w);
	postern_json_write_end(w);
	postern_json_write_name(w, "raw");
	postern_json_write_raw(w, slice(" { \"a b\" : [ 1 , \"\\\" \" ] }\n"));
	postern_json_write_name(w, "text");
	postern_json_write_text(w, "a\"\\\n\x01\x1f/\x7f\xc3\xa9");
	postern_json_write_name(w, "bytes");
	postern_json_write_string(w, "a\0b", 3);
	postern_json_write_end(w);
}

static const char written[] =
	"{\"null\":null,\"bools\":[true,false],\"numbers\":[-9223372036854775808,18446744073709551615,0.5],\"\":{},"
	"\"raw\":{\"a b\":[1,\"\\\" \"]},\"text\":\"a\\\"\\\\\\n\\u0001\\u001f/\x7f\xc3\xa9\",\"bytes\":\"a\\u0000b\"}";

static void all_kinds_are_written_without_blanks(void **state)
{
	struct postern_json_writer w;
	char text[512];

	(void)state;
	postern_json_write_begin(&w, text, sizeof text);
	write_all_kinds(&w);
	assert_written(&w, written);
	text[w.n] = '\0';
	(void)checked(text);
	postern_json_write_begin(&w, text, sizeof text);
	postern_json_write_int(&w, -5);
	assert_written(&w, "-5");
}

static void a_text_that_does_not_fit_tells_its_size(void **state)
{
	size_t whole = sizeof(written) - 1;
	struct postern_json_writer w;
	char text[512];

	(void)state;
	for (size_t size = 0; size < whole; size++) {
		memset(text, 'x', sizeof text);
		postern_json_write_begin(&w, size > 0 ? text : NULL, size);
		write_all_kinds(&w);
		assert_errno(postern_json_write_finish(&w), -EMSGSIZE);
		assert_int_equal(w.n, whole);
		for (size_t i = size; i < sizeof text; i++)
			assert_int_equal(text[i], 'x');
	}
	postern_json_write_begin(&w, text, whole);
	write_all_kinds(&w);
	assert_int_equal(postern_json_write_finish(&w), whole);
}

static void write_twice(struct postern_json_writer *w)
{
	postern_json_write_null(w);
	postern_json_write_null(w);
}

static void write_value_without_name(struct postern_json_writer *w)
{
	postern_json_write_object(w);
	postern_json_write_null(w);
}

static void write_name_in_array(struct postern_json_writer *w)
{
	postern_json_write_array(w);
	postern_json_write_name(w, "a");
}

static void write_name_outside(struct postern_json_writer *w)
{
	postern_json_write_name(w, "a");
}

static void write_name_alone(struct postern_json_writer *w)
{
	postern_json_write_object(w);
	postern_json_write_name(w, "a");
	postern_json_write_end(w);
}

static void write_two_names(struct postern_json_writer *w)
{
	postern_json_write_object(w);
	postern_json_write_name(w, "a");
	postern_json_write_name(w, "b");
}

static void write_open(struct postern_json_writer *w)
{
	postern_json_write_array(w);
}

static void write_end_too_often(struct postern_json_writer *w)
{
	postern_json_write_array(w);
	postern_json_write_end(w);
	postern_json_write_end(w);
}

static void write_too_deep(struct postern_json_writer *w)
{
	for (int i = 0; i <= POSTERN_JSON_DEPTH; i++)
		postern_json_write_array(w);
	for (int i = 0; i <= POSTERN_JSON_DEPTH; i++)
		postern_json_write_end(w);
}

static void write_no_text(struct postern_json_writer *w)
{
	postern_json_write_text(w, NULL);
}

static void write_no_name(struct postern_json_writer *w)
{
	postern_json_write_object(w);
	postern_json_write_name(w, NULL);
}

static void write_no_value(struct postern_json_writer *w)
{
	postern_json_write_raw(w, (struct postern_json){ NULL, 0 });
}

static void write_nan(struct postern_json_writer *w)
{
	postern_json_write_double(w, NAN);
}

static void write_infinity(struct postern_json_writer *w)
{
	postern_json_write_double(w, -INFINITY);
}

static void write_no_utf8(struct postern_json_writer *w)
{
	postern_json_write_text(w, "abc\xed\xa0\x80");
}

static void write_no_utf8_name(struct postern_json_writer *w)
{
	postern_json_write_object(w);
	postern_json_write_name(w, "\xff");
}

static void write_wrong_raw(struct postern_json_writer *w)
{
	postern_json_write_raw(w, slice("[1,]"));
}

static void write_two_raw(struct postern_json_writer *w)
{
	postern_json_write_raw(w, slice("1 2"));
}

static void write_deep_raw(struct postern_json_writer *w)
{
	for (int i = 0; i < POSTERN_JSON_DEPTH; i++)
		postern_json_write_array(w);
	postern_json_write_raw(w, slice("[]"));
}

static void the_first_error_of_a_writer_stays(void **state)
{
	static const struct {
		void (*write)(struct postern_json_writer *w);
		int error;
	} rows[] = {
		{ write_twice, -EINVAL },
		{ write_value_without_name, -EINVAL },
		{ write_name_in_array, -EINVAL },
		{ write_name_outside, -EINVAL },
		{ write_name_alone, -EINVAL },
		{ write_two_names, -EINVAL },
		{ write_open, -EINVAL },
		{ write_end_too_often, -EINVAL },
		{ write_too_deep, -EINVAL },
		{ write_no_text, -EINVAL },
		{ write_no_name, -EINVAL },
		{ write_no_value, -EINVAL },
		{ write_nan, -EDOM },
		{ write_infinity, -EDOM },
		{ write_no_utf8, -EILSEQ },
		{ write_no_utf8_name, -EILSEQ },
		{ write_wrong_raw, -EBADMSG },
		{ write_two_raw, -EBADMSG },
		{ write_deep_raw, -EBADMSG },
	};
	struct postern_json_writer w;
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		postern_json_write_begin(&w, text, sizeof text);
		rows[i].write(&w);
		/* Whatever is written after it, of any kind. */
		postern_json_write_raw(&w, slice("1"));
		postern_json_write_double(&w, NAN);
		postern_json_write_text(&w, "\xff");
		/* That one is an error only if nothing follows. */
		if (rows[i].write != write_open)
			assert_errno(postern_json_write_finish(&w), rows[i].error);
		/* A larger buffer would not help. */
		postern_json_write_begin(&w, NULL, 0);
		rows[i].write(&w);
		assert_errno(postern_json_write_finish(&w), rows[i].error);
	}
	postern_json_write_begin(&w, text, sizeof text);
	assert_errno(postern_json_write_finish(&w), -EINVAL);
}

static void null_arguments_are_invalid(void **state)
{
	struct postern_json v = slice("1");
	struct postern_json_walk w = { 0 };
	char text[8];

	(void)state;
	assert_errno(postern_json_check(NULL, 1, &v, NULL), -EINVAL);
	assert_errno(postern_json_check("1", 1, NULL, NULL), -EINVAL);
	assert_errno(postern_json_check(NULL, 0, &v, NULL), -EBADMSG);
	assert_errno(postern_json_enter(NULL, slice("[]")), -EINVAL);
	assert_errno(postern_json_enter(&w, slice("1")), -EINVAL);
	assert_errno(postern_json_next(NULL, NULL, &v), -EINVAL);
	assert_errno(postern_json_next(&w, NULL, &v), -EINVAL);
	assert_ok(postern_json_enter(&w, slice("[1]")));
	assert_errno(postern_json_next(&w, NULL, NULL), -EINVAL);
	assert_errno(postern_json_find(slice("{}"), NULL, &v), -EINVAL);
	assert_errno(postern_json_find(slice("{}"), "a", NULL), -EINVAL);
	assert_errno(postern_json_int(v, NULL), -EINVAL);
	assert_errno(postern_json_uint(v, NULL), -EINVAL);
	assert_errno(postern_json_double(v, NULL), -EINVAL);
	assert_errno(postern_json_string(slice("\"a\""), NULL, 1), -EINVAL);
	assert_errno(postern_json_string(slice("\"a\""), text, 0), -EMSGSIZE);
	assert_int_equal(postern_json_equals(slice("\"a\""), NULL), 0);
	postern_json_write_begin(NULL, text, sizeof text);
	postern_json_write_object(NULL);
	postern_json_write_array(NULL);
	postern_json_write_end(NULL);
	postern_json_write_name(NULL, "a");
	postern_json_write_null(NULL);
	postern_json_write_bool(NULL, 1);
	postern_json_write_int(NULL, 1);
	postern_json_write_uint(NULL, 1);
	postern_json_write_double(NULL, NAN);
	postern_json_write_text(NULL, "a");
	postern_json_write_string(NULL, "a", 1);
	postern_json_write_raw(NULL, v);
	assert_errno(postern_json_write_finish(NULL), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_the_specification_allows_is_accepted),
		TEST(what_is_refused_is_told_with_its_place),
		TEST(every_byte_is_judged_alike_at_each_place_of_a_word),
		TEST(sixty_four_levels_are_accepted_and_one_more_is_not),
		TEST(every_text_that_is_cut_off_is_refused),
		TEST(kinds_are_told_by_the_first_byte),
		TEST(an_array_is_walked_in_order),
		TEST(members_are_found_by_name),
		TEST(integers_have_no_fraction_and_their_range),
		TEST(strings_lose_their_escapes),
		TEST(a_text_that_was_not_checked_stops_the_walk),
		TEST(all_kinds_are_written_without_blanks),
		TEST(a_text_that_does_not_fit_tells_its_size),
		TEST(the_first_error_of_a_writer_stays),
		TEST(null_arguments_are_invalid),
	};

	return test_run(tests);
}
