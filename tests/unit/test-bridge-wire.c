/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of bridge/wire.c: what is read there came from another machine. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include <postern.h>

#include "../../bridge/wire.h"

static void a_subject_is_the_prefix_and_the_method(void **state)
{
	char text[WIRE_SUBJECT_MAX];

	(void)state;
	assert_ok(wire_subject(text, sizeof(text), NULL, "org.example.Clock.Now"));
	assert_string_equal(text, "varlink.org.example.Clock.Now");
	assert_ok(wire_subject(text, sizeof(text), "site.a", "org.example.Clock.describe"));
	assert_string_equal(text, "site.a.varlink.org.example.Clock.describe");
	assert_errno(wire_subject(text, 20, NULL, "org.example.Clock.Now"), -ENAMETOOLONG);
}

static void a_subject_has_no_wildcards_blanks_or_empty_tokens(void **state)
{
	static const char *const wrong[] = { "",     "*",     "a.*",          ">",       "a.>",
					     ".a",   "a.",    "a..b",         "a b",     "a\tb",
					     "a\nb", "a\x01", "a\r\nPUB x 0", "\xc3\xa9" };
	char text[WIRE_SUBJECT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_false(wire_is_token(wrong[i]));
		assert_errno(wire_subject(text, sizeof(text), wrong[i], "a.B"), -EINVAL);
		assert_errno(wire_subject(text, sizeof(text), NULL, wrong[i]), -EINVAL);
	}
	assert_true(wire_is_token("a"));
	assert_true(wire_is_token("a.b-c_d.$e"));
}

static void a_control_subject_is_an_inbox(void **state)
{
	(void)state;
	assert_true(wire_is_inbox("_INBOX.a.b"));
	assert_true(wire_is_inbox("_INBOX_user.a"));
	assert_false(wire_is_inbox("_INBOX"));
	assert_false(wire_is_inbox("_INBOX.>"));
	assert_false(wire_is_inbox("$JS.API.STREAM.DELETE.orders"));
	assert_false(wire_is_inbox("a._INBOX.b"));
	assert_true(wire_is_reply("_INBOX.a.b"));
	assert_true(wire_is_reply("_R_.a.b"));
	assert_true(wire_is_reply("_GR_.a.b._INBOX.c"));
	assert_false(wire_is_reply("_R_a.b"));
	assert_false(wire_is_reply("varlink.org.example.Clock.Set"));
}

static void a_member_is_an_interface_and_a_word_with_a_capital(void **state)
{
	static const char *const wrong[] = { "",           "Now",    ".Now",    "a.now",
					     "a.",         "a..Now", "a.N-w",   "a b.Now",
					     "a.Now\r\nX", "a.Now ", "a\n.Now", "a.Now.new",
					     "a.\xc3\x89" };
	char longest[2 * WIRE_SUBJECT_MAX];

	(void)state;
	assert_true(wire_is_member("org.example.Clock.Now"));
	assert_true(wire_is_member("org.example.clock-2.Now2"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(wire_is_member(wrong[i]));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + sizeof(longest) - 5, ".Now", 5);
	assert_false(wire_is_member(longest));
}

static void a_payload_is_an_object_and_none_is_an_empty_one(void **state)
{
	static const char *const wrong[] = { "[]", "1", "null", "\"a\"", "{", "{}{}", "{\"a\":}" };
	struct postern_json value;

	(void)state;
	assert_ok(wire_object(NULL, 0, &value));
	assert_int_equal(value.n, 2);
	assert_ok(wire_object(" {\"a\":1} ", 9, &value));
	assert_memory_equal(value.text, "{\"a\":1}", value.n);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_errno(wire_object(wrong[i], strlen(wrong[i]), &value), -EBADMSG);
	assert_errno(wire_object("{}\0", 3, &value), -EBADMSG);
}

static void a_timeout_is_a_bounded_number_of_milliseconds(void **state)
{
	static const char *const wrong[] = { "",
					     "0",
					     "-1",
					     "+1",
					     "1.5",
					     "1e3",
					     " 1",
					     "1 ",
					     "1s",
					     "ms",
					     "0x10",
					     "2147483649",
					     "99999999999999999999" };
	char text[32];
	int64_t ns = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_errno(wire_timeout_read(wrong[i], &ns), -EINVAL);
	assert_int_equal(ns, 7);
	assert_ok(wire_timeout_read("1500", &ns));
	assert_int_equal(ns, POSTERN_MS(1500));
	assert_ok(wire_timeout_read("2147483648", &ns));
	wire_timeout_write(text, sizeof(text), POSTERN_MS(1500));
	assert_string_equal(text, "1500");
	wire_timeout_write(text, sizeof(text), -5);
	assert_string_equal(text, "1");
	wire_timeout_write(text, sizeof(text), POSTERN_FOREVER);
	assert_string_equal(text, "2147483648");
}

static void a_sequence_is_a_number_from_1(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_ok(wire_sequence_read("18", &n));
	assert_int_equal(n, 18);
	assert_errno(wire_sequence_read("0", &n), -EINVAL);
	assert_errno(wire_sequence_read("", &n), -EINVAL);
	assert_errno(wire_sequence_read("1a", &n), -EINVAL);
	assert_ok(wire_hops_read(NULL, &n));
	assert_int_equal(n, 1);
	assert_ok(wire_hops_read("8", &n));
	assert_int_equal(n, 8);
	assert_errno(wire_hops_read("9", &n), -ELOOP);
	assert_errno(wire_hops_read("0", &n), -EINVAL);
	assert_errno(wire_hops_read("-1", &n), -EINVAL);
}

static void a_list_of_methods_allows_those_and_whole_interfaces(void **state)
{
	static const char *const list[] = { "org.example.Clock.*", "org.example.Lamp.On" };

	(void)state;
	assert_true(wire_is_allowed(list, 2, "org.example.Clock.Now"));
	assert_true(wire_is_allowed(list, 2, "org.example.Lamp.On"));
	assert_false(wire_is_allowed(list, 2, "org.example.Lamp.Off"));
	assert_false(wire_is_allowed(list, 2, "org.example.Clock.more.Now"));
	assert_false(wire_is_allowed(list, 2, "org.example.Clocks.Now"));
	assert_true(wire_is_allowed(NULL, 0, "org.example.Lamp.Off"));
}

static void the_code_of_an_error_says_whose_it_is(void **state)
{
	(void)state;
	assert_int_equal(wire_error_code("org.varlink.service.InvalidParameter"), 400);
	assert_int_equal(wire_error_code("org.varlink.service.PermissionDenied"), 403);
	assert_int_equal(wire_error_code("org.varlink.service.MethodNotFound"), 404);
	assert_int_equal(wire_error_code("io.postern.Busy"), 503);
	assert_int_equal(wire_error_code("org.example.Clock.Failed"), 500);
}

static void a_reason_fits_whatever_its_text_is(void **state)
{
	char text[64];
	size_t n;

	(void)state;
	n = wire_reason(text, sizeof(text), "a \"b\"");
	assert_int_equal(n, strlen("{\"reason\":\"a \\\"b\\\"\"}"));
	assert_memory_equal(text, "{\"reason\":\"a \\\"b\\\"\"}", n);
	n = wire_reason(text, sizeof(text),
			"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01");
	assert_ok(wire_object(text, n, &(struct postern_json){ 0 }));
	/* 32 letters of two bytes: some fit, and none is cut in two. */
	n = wire_reason(
		text, sizeof(text),
		"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
		"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9");
	assert_ok(wire_object(text, n, &(struct postern_json){ 0 }));
	assert_true(n > 40);
	n = wire_reason(text, sizeof(text), "\xff\xfe");
	assert_ok(wire_object(text, n, &(struct postern_json){ 0 }));
	assert_memory_equal(text, "{\"reason\":\"\"}", n);
	n = wire_too_large(text, sizeof(text), 2000000, 1048576);
	assert_memory_equal(text, "{\"size\":2000000,\"max\":1048576}", n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_subject_is_the_prefix_and_the_method),
		TEST(a_subject_has_no_wildcards_blanks_or_empty_tokens),
		TEST(a_control_subject_is_an_inbox),
		TEST(a_member_is_an_interface_and_a_word_with_a_capital),
		TEST(a_payload_is_an_object_and_none_is_an_empty_one),
		TEST(a_timeout_is_a_bounded_number_of_milliseconds),
		TEST(a_sequence_is_a_number_from_1),
		TEST(a_list_of_methods_allows_those_and_whole_interfaces),
		TEST(the_code_of_an_error_says_whose_it_is),
		TEST(a_reason_fits_whatever_its_text_is),
	};
	return test_run(tests);
}
