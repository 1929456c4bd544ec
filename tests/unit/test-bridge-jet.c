/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of bridge/jet.c: what JetStream is asked, and what somebody says in its name. */
#include "test.h"

#include <errno.h>
#include <string.h>

#include <postern.h>

#include "../../bridge/jet.h"

static void a_durable_call_has_a_subject_of_its_own(void **state)
{
	char text[WIRE_SUBJECT_MAX];

	(void)state;
	assert_ok(jet_subject(text, sizeof(text), "site", "org.example.Clock.Set"));
	assert_string_equal(text, "site.varlink-durable.org.example.Clock.Set");
	assert_string_equal(jet_method(text, "site"), "org.example.Clock.Set");
	assert_null(jet_method(text, NULL));
	assert_null(jet_method(text, "sit"));
	assert_null(jet_method("varlink.org.example.Clock.Set", NULL));
	assert_errno(jet_subject(text, sizeof(text), NULL, "a.*"), -EINVAL);
}

static void names_are_what_jetstream_takes(void **state)
{
	char name[JET_NAME_MAX], longest[2 * JET_NAME_MAX];

	(void)state;
	assert_true(jet_is_name("calls-2_a"));
	assert_false(jet_is_name(""));
	assert_false(jet_is_name("a.b"));
	assert_false(jet_is_name("a b"));
	assert_false(jet_is_name("a\",\"b"));
	assert_ok(jet_consumer_name(name, "varlink", "org.example.Clock"));
	assert_string_equal(name, "varlink-org_example_Clock");
	assert_true(jet_is_name(name));
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_false(jet_is_name(longest));
	assert_errno(jet_consumer_name(name, "varlink", longest), -ENAMETOOLONG);
}

/* It is JSON, and this member of it, or of the object `within`, is this. */
static void assert_says(const char *text, int n, const char *within, const char *name,
			const char *says)
{
	struct postern_json value, part;

	assert_true(n > 0);
	assert_ok(wire_object(text, (size_t)n, &value));
	if (within) {
		assert_int_equal(postern_json_find(value, within, &part), 1);
		value = part;
	}
	assert_int_equal(postern_json_find(value, name, &part), 1);
	assert_int_equal(part.n, strlen(says));
	assert_memory_equal(part.text, says, part.n);
}

static void requests_are_json_for_the_subjects_of_jetstream(void **state)
{
	char subject[WIRE_SUBJECT_MAX], text[1024];
	int n;

	(void)state;
	n = jet_create_stream(subject, sizeof(subject), text, sizeof(text), "calls", "site");
	assert_string_equal(subject, "$JS.API.STREAM.CREATE.calls");
	assert_says(text, n, NULL, "name", "\"calls\"");
	assert_says(text, n, NULL, "subjects", "[\"site.varlink-durable.>\"]");
	assert_says(text, n, NULL, "storage", "\"file\"");
	n = jet_create_consumer(subject, sizeof(subject), text, sizeof(text), "calls", "c",
				"varlink-durable.a.B.*", POSTERN_SECONDS(40), 7);
	assert_string_equal(subject, "$JS.API.CONSUMER.DURABLE.CREATE.calls.c");
	assert_says(text, n, "config", "ack_policy", "\"explicit\"");
	assert_says(text, n, "config", "ack_wait", "40000000000");
	assert_says(text, n, "config", "max_deliver", "-1");
	n = jet_next(subject, sizeof(subject), text, sizeof(text), "calls", "c", 5,
		     POSTERN_SECONDS(5));
	assert_string_equal(subject, "$JS.API.CONSUMER.MSG.NEXT.calls.c");
	assert_says(text, n, NULL, "batch", "5");
	assert_true(jet_refuse(text, sizeof(text), POSTERN_MS(200)) > 0);
	assert_string_equal(text, "-NAK {\"delay\":200000000}");
	assert_errno(jet_create_stream(subject, sizeof(subject), text, 32, "calls", NULL),
		     -ENAMETOOLONG);
}

static int answer(const char *text, char *ret, size_t size)
{
	return jet_answer(text, strlen(text), ret, size);
}

static void an_answer_is_an_error_or_none(void **state)
{
	char text[32];

	(void)state;
	assert_int_equal(answer("{\"type\":\"x\",\"config\":{}}", text, sizeof(text)), 0);
	assert_int_equal(
		answer("{\"error\":{\"code\":400,\"err_code\":10058,\"description\":\"in use\"}}",
		       text, sizeof(text)),
		JET_IN_USE);
	assert_string_equal(text, "in use");
	assert_int_equal(answer("{\"error\":{}}", text, sizeof(text)), 1);
	assert_int_equal(answer("{\"error\":{\"err_code\":-5}}", text, sizeof(text)), 1);
	assert_int_equal(answer("{\"error\":{\"err_code\":99999999999}}", text, sizeof(text)), 1);
	/* A description that does not fit is none. */
	assert_int_equal(
		answer("{\"error\":{\"description\":\"0123456789012345678901234567890123456789\"}}",
		       text, sizeof(text)),
		1);
	assert_errno(answer("{\"error\":1}", text, sizeof(text)), -EBADMSG);
	assert_errno(answer("+OK", text, sizeof(text)), -EBADMSG);
}

static bool stored(const char *text)
{
	return jet_is_stored(text, strlen(text));
}

static void only_a_sequence_says_that_it_is_stored(void **state)
{
	(void)state;
	assert_true(stored("{\"stream\":\"calls\", \"seq\":7}"));
	assert_true(stored("{\"stream\":\"calls\",\"seq\":7,\"duplicate\":true}"));
	assert_false(stored(""));
	assert_false(stored("{\"stream\":\"calls\"}"));
	assert_false(stored("{\"seq\":0}"));
	assert_false(stored("{\"seq\":\"7\"}"));
	assert_false(stored("{\"error\":{\"code\":503},\"stream\":\"calls\",\"seq\":7}"));
}

static void the_subject_of_an_acknowledgement_counts_deliveries(void **state)
{
	(void)state;
	assert_true(jet_is_ack("$JS.ACK.calls.c.3.10.12.1700000000.5"));
	assert_false(jet_is_ack("_INBOX.a.b"));
	assert_int_equal(jet_deliveries("$JS.ACK.calls.c.3.10.12.1700000000.5"), 3);
	assert_int_equal(jet_deliveries("$JS.ACK.domain.hash.calls.c.4.10.12.1700000000.5.x"), 4);
	assert_int_equal(jet_deliveries("$JS.ACK."), 1);
	assert_int_equal(jet_deliveries("$JS.ACK.a.b.-1.1.1.1.1"), 1000000);
	assert_int_equal(jet_deliveries("$JS.ACK.a.b.x.1.1.1.1"), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_durable_call_has_a_subject_of_its_own),
		TEST(names_are_what_jetstream_takes),
		TEST(requests_are_json_for_the_subjects_of_jetstream),
		TEST(an_answer_is_an_error_or_none),
		TEST(only_a_sequence_says_that_it_is_stored),
		TEST(the_subject_of_an_acknowledgement_counts_deliveries),
	};
	return test_run(tests);
}
