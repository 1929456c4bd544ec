/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-message.c - what stands around the parameters of a Varlink message
 *
 * Names begin with the row of docs/VARLINK.md that they hold to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <postern/service.h>

#include "core/message.h"
#include "test.h"

static bool is(struct postern_json v, const char *text)
{
	return v.text ? v.n == strlen(text) && memcmp(v.text, text, v.n) == 0 : !*text;
}

static void assert_json(struct postern_json v, const char *text)
{
	if (!is(v, text))
		fail_msg("got %.*s and not %s", (int)v.n, v.text ? v.text : "(none)", text);
}

/* On the heap and with no byte to spare, so that a sanitizer sees what reads beyond it. */
static char *copied(const char *text, size_t n)
{
	char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	return copy;
}

static void assert_call(const char *text, const char *method, const char *parameters,
			unsigned flags)
{
	struct message_fault fault = { 0 };
	struct message_call call;
	char *copy = copied(text, strlen(text));
	int r = message_read_call(copy, strlen(text), &call, &fault);

	if (r < 0)
		fail_msg("%s: byte %zu: %s", text, fault.offset, fault.what);
	assert_json(call.method, method);
	assert_json(call.parameters, parameters);
	assert_int_equal(call.flags, flags);
	free(copy);
}

static void assert_answer(const char *text, const char *error, const char *parameters,
			  bool continues)
{
	struct message_fault fault = { 0 };
	struct message_answer answer;
	char *copy = copied(text, strlen(text));
	int r = message_read_answer(copy, strlen(text), &answer, &fault);

	if (r < 0)
		fail_msg("%s: byte %zu: %s", text, fault.offset, fault.what);
	assert_json(answer.error, error);
	assert_json(answer.parameters, parameters);
	assert_int_equal(answer.continues, continues);
	free(copy);
}

static void assert_fault(const char *text, bool is_call, size_t offset, const char *what)
{
	struct message_fault fault = { 0 };
	struct message_answer answer;
	struct message_call call;
	char *copy = copied(text, strlen(text));
	int r = is_call ? message_read_call(copy, strlen(text), &call, &fault)
			: message_read_answer(copy, strlen(text), &answer, &fault);

	if (r == 0)
		fail_msg("%s is accepted, and not refused: %s", text, what);
	assert_errno(r, -EBADMSG);
	assert_string_equal(fault.what, what);
	if (fault.offset != offset)
		fail_msg("%s: %s: at %zu and not %zu", text, what, fault.offset, offset);
	free(copy);
}

static void bad_call(const char *text, size_t offset, const char *what)
{
	assert_fault(text, true, offset, what);
}

static void bad_answer(const char *text, size_t offset, const char *what)
{
	assert_fault(text, false, offset, what);
}

/* ---- calls ---- */

static void V2_absent_null_and_empty_parameters_are_the_same(void **state)
{
	(void)state;
	assert_call("{\"method\":\"a.b.C\"}", "\"a.b.C\"", "{}", 0);
	assert_call("{\"method\":\"a.b.C\",\"parameters\":null}", "\"a.b.C\"", "{}", 0);
	assert_call("{\"method\":\"a.b.C\",\"parameters\":{}}", "\"a.b.C\"", "{}", 0);
	assert_call("{\"parameters\":{\"x\":[1]},\"method\":\"a.b.C\"}", "\"a.b.C\"", "{\"x\":[1]}",
		    0);
	bad_call("{\"method\":\"a.b.C\",\"parameters\":[]}", 31, "parameters is not an object");
	bad_call("{\"method\":\"a.b.C\",\"parameters\":\"{}\"}", 31, "parameters is not an object");
	bad_call("{\"method\":\"a.b.C\",\"parameters\":false}", 31, "parameters is not an object");
}

static void V2_a_flag_is_a_boolean_and_null_is_absent(void **state)
{
	(void)state;
	assert_call("{\"method\":\"C\",\"more\":true}", "\"C\"", "{}", POSTERN_CALL_MORE);
	assert_call("{\"method\":\"C\",\"oneway\":true}", "\"C\"", "{}", POSTERN_CALL_ONEWAY);
	assert_call("{\"method\":\"C\",\"upgrade\":true}", "\"C\"", "{}", POSTERN_CALL_UPGRADE);
	assert_call("{\"method\":\"C\",\"more\":null,\"oneway\":false,\"upgrade\":true}", "\"C\"",
		    "{}", POSTERN_CALL_UPGRADE);
	bad_call("{\"method\":\"C\",\"more\":1}", 21, "more is not a boolean");
	bad_call("{\"method\":\"C\",\"oneway\":\"true\"}", 23, "oneway is not a boolean");
	bad_call("{\"method\":\"C\",\"upgrade\":{}}", 24, "upgrade is not a boolean");
}

static void V2_at_most_one_flag_is_true(void **state)
{
	static const char wrong[] = "more than one flag is true";

	(void)state;
	bad_call("{\"method\":\"C\",\"more\":true,\"oneway\":true}", 35, wrong);
	bad_call("{\"upgrade\":true,\"more\":true,\"method\":\"C\"}", 23, wrong);
	bad_call("{\"upgrade\":true,\"oneway\":true,\"more\":true,\"method\":\"C\"}", 25, wrong);
}

static void V2_the_method_is_required_and_comes_as_it_is(void **state)
{
	(void)state;
	assert_call("{\"method\":\"nodot\"}", "\"nodot\"", "{}", 0);
	assert_call("{\"method\":\"\"}", "\"\"", "{}", 0);
	assert_call("{\"method\":\"a.\\u0042\"}", "\"a.\\u0042\"", "{}", 0);
	bad_call("{}", 2, "there is no method");
	bad_call("{\"parameters\":{}}", 17, "there is no method");
	bad_call("{\"method\":null}", 15, "there is no method");
	bad_call("{\"method\":1}", 10, "method is not a string");
	bad_call("{\"method\":\"a.B\\u0000\"}", 10, "a name has a \\u0000");
}

static void V3_an_unknown_member_needs_a_dot_and_an_object(void **state)
{
	(void)state;
	assert_call("{\"org.example\":{\"x\":null},\"method\":\"C\"}", "\"C\"", "{}", 0);
	assert_call("{\"org\\u002eexample\":{},\"method\":\"C\"}", "\"C\"", "{}", 0);
	assert_call("{\"a\\\"\\\\.\":{},\"method\":\"C\"}", "\"C\"", "{}", 0);
	bad_call("{\"method\":\"C\",\"x\":{}}", 14, "there is no such member");
	bad_call("{\"method\":\"C\",\"\":{}}", 14, "there is no such member");
	bad_call("{\"method\":\"C\",\"continues\":true}", 14, "there is no such member");
	bad_call("{\"method\":\"C\",\"Method\":\"C\"}", 14, "there is no such member");
	/* An escaped backslash before u002e is no dot. */
	bad_call("{\"method\":\"C\",\"a\\\\u002e\":{}}", 14, "there is no such member");
	bad_call("{\"method\":\"C\",\"a.b\":1}", 20, "a vendor's member is not an object");
	bad_call("{\"method\":\"C\",\"a.b\":null}", 20, "a vendor's member is not an object");
}

static void V3_what_is_not_an_object_of_json_is_refused(void **state)
{
	(void)state;
	bad_call("", 0, "a message is an object");
	bad_call(" ", 1, "a message is an object");
	bad_call("[]", 0, "a message is an object");
	bad_call("null", 0, "a message is an object");
	bad_call("\"method\"", 0, "a message is an object");
	bad_call("{\"method\":\"C\"} {}", 15, "something follows the object");
	bad_call("{\"method\":\"C\",}", 14, "a string is expected");
	bad_call("{\"method\" \"C\"}", 10, "':' is expected");
	bad_call("{\"method\":\"C\" \"x\":1}", 14, "',' or '}' is expected");
	bad_call("{\"method\":\"C\"", 13, "',' or '}' is expected");
	bad_call("{\"method\":\"\xff\"}", 11, "this is not UTF-8");
	bad_call("{\"method\":\"C\",\"parameters\":{\"x\":01}}", 33, "',' or '}' is expected");
	bad_call("{\"method\":\"\\ud800\"}", 11,
		 "\\u needs four hexadecimal digits, a surrogate its other half");
}

static void V3_a_member_comes_once_also_if_it_is_spelled_otherwise(void **state)
{
	(void)state;
	bad_call("{\"method\":\"C\",\"method\":\"C\"}", 14, "a member comes twice");
	bad_call("{\"method\":\"C\",\"\\u006dethod\":\"D\"}", 14, "a member comes twice");
	bad_call("{\"method\":\"C\",\"more\":null,\"more\":null}", 26, "a member comes twice");
	bad_call("{\"parameters\":null,\"method\":\"C\",\"parameters\":{}}", 32,
		 "a member comes twice");
	bad_answer("{\"continues\":false,\"continues\":true}", 19, "a member comes twice");
	/* Of a vendor's, which are ignored, and inside of parameters, nobody looks. */
	assert_call("{\"a.b\":{},\"a.b\":{},\"method\":\"C\"}", "\"C\"", "{}", 0);
	assert_call("{\"method\":\"C\",\"parameters\":{\"x\":1,\"x\":2}}", "\"C\"",
		    "{\"x\":1,\"x\":2}", 0);
}

static void V1_blanks_are_accepted_and_none_is_part_of_a_value(void **state)
{
	(void)state;
	assert_call(" \t\r\n{ \"method\" : \"a.b.C\" , \"parameters\" : { \"x\" : 1 } , "
		    "\"more\" : true } \n",
		    "\"a.b.C\"", "{ \"x\" : 1 }", POSTERN_CALL_MORE);
	assert_answer(" { \"parameters\" : { } } ", "", "{ }", false);
}

/* ---- answers ---- */

static void V6_an_error_never_continues(void **state)
{
	(void)state;
	assert_answer("{}", "", "{}", false);
	assert_answer("{\"parameters\":null,\"continues\":null,\"error\":null}", "", "{}", false);
	assert_answer("{\"parameters\":{\"x\":1},\"continues\":true}", "", "{\"x\":1}", true);
	assert_answer("{\"continues\":false,\"error\":\"a.b.E\"}", "\"a.b.E\"", "{}", false);
	assert_answer("{\"error\":\"a.b.E\",\"parameters\":{\"x\":1}}", "\"a.b.E\"", "{\"x\":1}",
		      false);
	bad_answer("{\"error\":\"a.b.E\",\"continues\":true}", 29, "an error continues");
	bad_answer("{\"continues\":true,\"error\":\"a.b.E\"}", 13, "an error continues");
}

static void V3_an_answer_is_as_strict(void **state)
{
	(void)state;
	bad_answer("{\"method\":\"a.b.C\"}", 1, "there is no such member");
	bad_answer("{\"error\":{}}", 9, "error is not a string");
	bad_answer("{\"error\":\"a.b.E\\u0000\"}", 9, "a name has a \\u0000");
	bad_answer("{\"continues\":0}", 13, "continues is not a boolean");
	bad_answer("{\"parameters\":[]}", 14, "parameters is not an object");
	bad_answer("[{}]", 0, "a message is an object");
	assert_answer("{\"org.example\":{}}", "", "{}", false);
}

/* ---- both ---- */

static void V3_every_beginning_of_a_message_is_refused(void **state)
{
	static const char text[] =
		" {\"method\":\"org.example.clock.N\\u006fw\",\"parameters\":{\"zone\":[\"UTC\",-1.5e3]},"
		"\"org.example\":{\"a\":{}},\"more\":true,\"oneway\":false}";

	(void)state;
	assert_call(text, "\"org.example.clock.N\\u006fw\"", "{\"zone\":[\"UTC\",-1.5e3]}",
		    POSTERN_CALL_MORE);
	for (size_t n = 0; n < strlen(text); n++) {
		struct message_fault fault = { 0 };
		struct message_call call;
		char *copy = copied(text, n);

		assert_errno(message_read_call(copy, n, &call, &fault), -EBADMSG);
		assert_non_null(fault.what);
		if (fault.offset > n)
			fail_msg("of %zu bytes, byte %zu is wrong", n, fault.offset);
		free(copy);
	}
}

static void V3_the_depth_of_parameters_counts_from_the_message(void **state)
{
	char text[256];
	int n;

	(void)state;
	for (int depth = 62; depth <= 64; depth++) {
		n = snprintf(text, sizeof(text), "{\"method\":\"C\",\"parameters\":{\"x\":");
		for (int i = 0; i < depth - 1; i++)
			text[n++] = '[';
		for (int i = 0; i < depth - 1; i++)
			text[n++] = ']';
		snprintf(text + n, sizeof(text) - (size_t)n, "}}");
		if (depth < 64)
			assert_int_equal(message_read_call(text, strlen(text),
							   &(struct message_call){ 0 },
							   &(struct message_fault){ 0 }),
					 0);
		else
			bad_call(text, 32 + 62, "nested too deep");
	}
}

static void V3_64000_members_of_vendors_take_no_quadratic_time(void **state)
{
	enum { MEMBERS = 64000 };
	struct test_time begun = test_time();
	struct message_fault fault;
	struct message_call call;
	char *text = malloc(MEMBERS * 16 + 64);
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	text[n++] = '{';
	for (int i = 0; i < MEMBERS; i++)
		n += (size_t)sprintf(text + n, "\"v.%d\":{},", i);
	n += (size_t)sprintf(text + n, "\"method\":\"C\"}");
	assert_ok(message_read_call(text, n, &call, &fault));
	assert_took_less(begun, POSTERN_SECONDS(2));
	free(text);
}

/* ---- writing ---- */

static void V2_what_is_written_has_no_false_flag_and_no_null(void **state)
{
	static const struct {
		unsigned flags;
		const char *text;
	} calls[] = {
		{ 0, "{\"method\":\"a.b.C\"}" },
		{ POSTERN_CALL_MORE, "{\"method\":\"a.b.C\",\"more\":true}" },
		{ POSTERN_CALL_ONEWAY, "{\"method\":\"a.b.C\",\"oneway\":true}" },
		{ POSTERN_CALL_UPGRADE, "{\"method\":\"a.b.C\",\"upgrade\":true}" },
	};
	struct postern_json_writer w;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		postern_json_write_begin(&w, text, sizeof(text));
		message_write_call(&w, "a.b.C", calls[i].flags);
		postern_json_write_end(&w);
		assert_int_equal(postern_json_write_finish(&w), strlen(calls[i].text));
		assert_memory_equal(text, calls[i].text, strlen(calls[i].text));
	}
	postern_json_write_begin(&w, text, sizeof(text));
	message_write_call(&w, "a.b.C", 0);
	postern_json_write_name(&w, "parameters");
	postern_json_write_raw(&w, (struct postern_json){ "{ \"x\" : 1 }", 11 });
	postern_json_write_end(&w);
	assert_int_equal(postern_json_write_finish(&w), 39);
	assert_memory_equal(text, "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1}}", 39);
}

static void V6_what_is_written_is_read_again_as_the_same(void **state)
{
	struct postern_json_writer w;
	char text[128];
	ssize_t n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		postern_json_write_begin(&w, text, sizeof(text));
		message_write_answer(&w, i == 1 ? "a.b.E" : NULL, i == 2);
		postern_json_write_name(&w, "parameters");
		postern_json_write_object(&w);
		postern_json_write_end(&w);
		postern_json_write_end(&w);
		n = postern_json_write_finish(&w);
		assert_true(n > 0 && n < (ssize_t)sizeof(text));
		text[n] = '\0';
		assert_null(memchr(text, ' ', (size_t)n));
		assert_answer(text, i == 1 ? "\"a.b.E\"" : "", "{}", i == 2);
	}
}

/* ---- names ---- */

static void the_name_of_an_error_has_that_of_its_interface(void **state)
{
	static const char *const right[] = { "a.b.C", "org.example.clock.NoSuchZone", "A.b.C",
					     "a-b.3--d.E9", "io.postern.Busy" };
	static const char *const wrong[] = {
		"",       "A",       "a.B",     "b.C",     ".a.b.C", "a.b.C.",  "a..C",
		"a.b.c",  "a.b.",    "a.b",     "3.b.C",   "-a.b.C", "a-.b.C",  "a.-b.C",
		"a.b-.C", "a.b.C-D", "a.b.C_D", "a.b_c.D", "a.b.C ", "a b.c.D", "a.b.\xc3\x84"
	};

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof *right; i++)
		if (!message_is_error(right[i]))
			fail_msg("%s is a name", right[i]);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (message_is_error(wrong[i]))
			fail_msg("%s is no name", wrong[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V2_absent_null_and_empty_parameters_are_the_same),
		TEST(V2_a_flag_is_a_boolean_and_null_is_absent),
		TEST(V2_at_most_one_flag_is_true),
		TEST(V2_the_method_is_required_and_comes_as_it_is),
		TEST(V3_an_unknown_member_needs_a_dot_and_an_object),
		TEST(V3_what_is_not_an_object_of_json_is_refused),
		TEST(V3_a_member_comes_once_also_if_it_is_spelled_otherwise),
		TEST(V1_blanks_are_accepted_and_none_is_part_of_a_value),
		TEST(V6_an_error_never_continues),
		TEST(V3_an_answer_is_as_strict),
		TEST(V3_every_beginning_of_a_message_is_refused),
		TEST(V3_the_depth_of_parameters_counts_from_the_message),
		TEST(V3_64000_members_of_vendors_take_no_quadratic_time),
		TEST(V2_what_is_written_has_no_false_flag_and_no_null),
		TEST(V6_what_is_written_is_read_again_as_the_same),
		TEST(the_name_of_an_error_has_that_of_its_interface),
	};

	return test_run(tests);
}
