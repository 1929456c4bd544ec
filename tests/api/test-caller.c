/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-caller.c - calls, and what they are told, against a service that is a plain socket and does what a test likes
 *
 * Names begin with the row of docs/VARLINK.md that they hold to. Ends that only a hostile service brings about are in
 * test-caller-peers.c.
 */
#include "called.h"

#include <math.h>

/* (zone: ?string, style: ?(precise: bool), count: int) -> (time: string, kind: (solar, lunar)) */
struct style {
	bool precise;
};
struct in {
	const char *zone;
	const struct style *style;
	double factor;
	int64_t count;
	const char *name;
};
enum kind { KIND_UNKNOWN, KIND_solar, KIND_lunar };
struct out {
	const char *time;
	enum kind kind;
};
struct no_zone {
	const char *zone;
};

#define FIELD(structure, member, type, nullable)                     \
	{                                                            \
#member, type, offsetof(structure, member), nullable \
	}
#define STRUCT(structure, list)                                         \
	{                                                               \
		.kind = POSTERN_TYPE_STRUCT, .size = sizeof(structure), \
		.n = sizeof(list) / sizeof(*(list)), .fields = list     \
	}

static const struct postern_type a_bool = { .kind = POSTERN_TYPE_BOOL, .size = sizeof(bool) };
static const struct postern_type an_int = { .kind = POSTERN_TYPE_INT, .size = sizeof(int64_t) };
static const struct postern_type a_float = { .kind = POSTERN_TYPE_FLOAT, .size = sizeof(double) };
static const struct postern_type a_string = { .kind = POSTERN_TYPE_STRING, .size = sizeof(char *) };
static const char *const kind_names[] = { "solar", "lunar" };
static const struct postern_type a_kind = {
	.kind = POSTERN_TYPE_ENUM, .size = 4, .n = 2, .names = kind_names
};
static const struct postern_field style_fields[] = { FIELD(struct style, precise, &a_bool, 0) };
static const struct postern_type a_style = STRUCT(struct style, style_fields);
static const struct postern_field in_fields[] = {
	FIELD(struct in, zone, &a_string, 1),  FIELD(struct in, style, &a_style, 1),
	FIELD(struct in, factor, &a_float, 0), FIELD(struct in, count, &an_int, 0),
	FIELD(struct in, name, &a_string, 0),
};
static const struct postern_type in_type = STRUCT(struct in, in_fields);
static const struct postern_field out_fields[] = { FIELD(struct out, time, &a_string, 0),
						   FIELD(struct out, kind, &a_kind, 0) };
static const struct postern_type out_type = STRUCT(struct out, out_fields);
static const struct postern_type empty_type = { .kind = POSTERN_TYPE_STRUCT };
static const struct postern_field no_zone_fields[] = { FIELD(struct no_zone, zone, &a_string, 0) };
static const struct postern_type no_zone_type = STRUCT(struct no_zone, no_zone_fields);
static const struct postern_error no_zone_error = { .name = "org.example.clock.NoSuchZone",
						    .type = &no_zone_type };

static const struct postern_method typed = {
	.name = CALLED_METHOD, .in = &in_type, .out = &out_type, .deliver = called_deliver
};
static const struct in usual = { .factor = 1.5, .count = 2, .name = "x" };

#define TYPED \
	"{\"method\":\"org.example.clock.Now\",\"parameters\":{\"factor\":1.5,\"count\":2,\"name\":\"x\"}}"

/* ---- what is sent ---- */

static void V1_a_call_is_one_object_without_blanks_and_a_NUL(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 0, "org.example.clock.Now", "{ \"zone\" : \"UTC\" }", 0, 0);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"org.example.clock.Now\",\"parameters\":{\"zone\":\"UTC\"}}");
	called_call(&t, 1, "org.example.clock.Tick", "{}", POSTERN_CALL_ONEWAY, 0);
	called_gets(&t,
		    "{\"method\":\"org.example.clock.Tick\",\"oneway\":true,\"parameters\":{}}");
	called_is_quiet(&t);
	called_close(&t);
}

static void V2_parameters_are_left_out_only_where_the_method_declares_none(void **state)
{
	const struct postern_method none = { .name = "org.example.clock.Reset",
					     .in = &empty_type,
					     .out = &empty_type,
					     .deliver = called_deliver };
	struct called t;

	(void)state;
	called_open(&t, NULL);
	assert_ok(called_try(&t, 0, &none, NULL, 0, 0));
	assert_ok(called_try_json(&t, 1, CALLED_METHOD, NULL, 0, 0));
	assert_ok(called_try(&t, 2, &typed, &usual, 0, 0));
	called_accept(&t);
	called_gets(&t, "{\"method\":\"org.example.clock.Reset\"}");
	called_gets(&t, CALLED_NOW);
	called_gets(&t, TYPED);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	assert_non_null(t.told[0].value);
	called_close(&t);
}

static void V10_what_cannot_be_encoded_is_refused_with_its_field(void **state)
{
	static const struct {
		struct in in;
		const char *why;
	} wrong[] = {
		{ { .name = NULL }, "org.example.clock.Now: name " },
		{ { .name = "x", .factor = NAN }, "org.example.clock.Now: factor " },
		{ { .name = "\xff" }, "org.example.clock.Now: name " },
	};
	struct called t;

	(void)state;
	called_open(&t, NULL);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_errno(called_try(&t, 0, &typed, &wrong[i].in, 0, 0), -EINVAL);
		if (strncmp(postern_why()->text, wrong[i].why, strlen(wrong[i].why)) != 0)
			fail_msg("the reason is: %s", postern_why()->text);
	}
	called_close(&t);
}

static void V10_parameters_in_JSON_must_be_an_object(void **state)
{
	static const char *const wrong[] = {
		"", "[]", "null", "{", "{}{}", "{\"x\":01}", "{\"x\"}"
	};
	struct called t;

	(void)state;
	called_open(&t, NULL);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct postern_json in = { wrong[i], strlen(wrong[i]) };

		assert_errno(called_try_json(&t, 0, CALLED_METHOD, &in, 0, 0), -EINVAL);
		assert_true(strlen(postern_why()->text) > 20);
	}
	called_close(&t);
}

static void V1_a_call_beyond_the_limit_is_refused_and_one_at_the_limit_is_sent(void **state)
{
	enum {
		LIMIT = 100000,
		AROUND = sizeof("{\"method\":\"org.example.clock.Now\",\"parameters\":}") - 1
	};
	const struct postern_caller_options o = { .size = sizeof o, .message_max = LIMIT };
	char *json = malloc(LIMIT), *whole = malloc(LIMIT + 1);
	struct called t;

	(void)state;
	assert_true(json && whole);
	called_open(&t, &o);
	for (size_t n = LIMIT - AROUND - 1; n <= LIMIT - AROUND + 1; n++) {
		struct postern_json in = { json, n };

		memset(json, 'x', n);
		memcpy(json, "{\"s\":\"", 6);
		memcpy(json + n - 2, "\"}", 2);
		if (n + AROUND > LIMIT) {
			assert_errno(called_try_json(&t, 0, CALLED_METHOD, &in, 0, 0), -EMSGSIZE);
			assert_non_null(strstr(postern_why()->text, "100001"));
			break;
		}
		assert_ok(called_try_json(&t, 0, CALLED_METHOD, &in, 0, 0));
		if (t.fd < 0)
			called_accept(&t);
		snprintf(whole, LIMIT + 1,
			 "{\"method\":\"org.example.clock.Now\",\"parameters\":%.*s}", (int)n,
			 json);
		called_gets(&t, whole);
		called_says(&t, "{}");
		called_tells(&t, 0, POSTERN_END_ANSWERED);
	}
	called_close(&t);
	free(json);
	free(whole);
}

/* ---- what is told ---- */

static void V9_unknown_fields_and_values_of_an_answer_are_ignored(void **state)
{
	const struct out *out;
	struct called t;

	(void)state;
	called_open(&t, NULL);
	assert_ok(called_try(&t, 0, &typed, &usual, 0, 0));
	called_accept(&t);
	called_gets(&t, TYPED);
	called_says(&t,
		    "{\"parameters\":{\"time\":\"12:\\u0030\",\"kind\":\"stellar\",\"more\":[1]}}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	out = t.told[0].value;
	assert_non_null(out);
	/* Valid in the callback only, but the memory of it is kept. */
	assert_string_equal(out->time, "12:0");
	assert_int_equal(out->kind, KIND_UNKNOWN);
	called_close(&t);
}

static void V9_an_answer_that_does_not_fit_its_type_is_no_answer(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{ "{}", ": the answer's time is missing" },
		{ "{\"parameters\":{\"time\":1,\"kind\":\"solar\"}}", "time" },
		{ "{\"parameters\":{\"time\":\"\\u0000\",\"kind\":\"solar\"}}", "time" },
		{ "{\"parameters\":{\"time\":null,\"kind\":\"solar\"}}", "time" },
	};
	struct called t;

	(void)state;
	called_open(&t, NULL);
	assert_ok(called_try(&t, 0, &typed, &usual, 0, 0));
	called_accept(&t);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		called_gets(&t, TYPED);
		called_says(&t, wrong[i].text);
		called_tells(&t, 0, POSTERN_END_NO_ANSWER);
		assert_int_equal(t.told[0].code, POSTERN_REASON_VIOLATION);
		assert_null(t.told[0].value);
		assert_non_null(strstr(t.told[0].why, wrong[i].why));
		/* The order of answers is not in doubt: the connection stays. */
		assert_ok(called_try(&t, 0, &typed, &usual, 0, 0));
	}
	called_gets(&t, TYPED);
	called_close(&t);
}

static int found;
static char found_zone[64];

static void on_error(struct postern_call *call, const struct postern_answer *answer, void *data)
{
	const struct postern_error other = { .name = "org.example.clock.Other" };
	struct no_zone z = { NULL };

	(void)call;
	(void)data;
	assert_int_equal(answer->end, POSTERN_END_FAILED);
	assert_int_equal(postern_answer_is(answer, &other, &z), 0);
	assert_errno(postern_answer_is(answer, NULL, &z), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "postern_answer_is"));
	found = postern_answer_is(answer, &no_zone_error, &z);
	if (found < 0)
		assert_non_null(strstr(postern_why()->text, "NoSuchZone: zone "));
	assert_int_equal(postern_answer_is(answer, &no_zone_error, NULL), 1);
	if (found == 1)
		snprintf(found_zone, sizeof found_zone, "%s", z.zone);
	/* The name has stayed what it was. */
	assert_string_equal(answer->error, "org.example.clock.NoSuchZone");
}

static void V8_an_error_is_known_by_its_name_and_decoded(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	assert_ok(postern_caller_call_json(NULL, t.c, CALLED_METHOD, NULL, 0, NULL, 0, 0, on_error,
					   NULL));
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(
		&t,
		"{\"error\":\"org.example.clock.NoSuch\\u005aone\",\"parameters\":{\"zone\":\"Mars\"}}");
	turn_until(t.loop, found != 0);
	assert_int_equal(found, 1);
	assert_string_equal(found_zone, "Mars");
	/* Parameters of another type are told as that. */
	assert_ok(postern_caller_call_json(NULL, t.c, CALLED_METHOD, NULL, 0, NULL, 0, 0, on_error,
					   NULL));
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{\"error\":\"org.example.clock.NoSuchZone\",\"parameters\":{\"zone\":4}}");
	turn_until(t.loop, found < 0);
	assert_errno(found, -EBADMSG);
	called_close(&t);
}

static const void *delivered;

static void deliver(void (*fn)(void), struct postern_call *call,
		    const struct postern_answer *answer, const void *value, void *data)
{
	delivered = value;
	called_deliver(fn, call, answer, value, data);
}

static void V15_generated_code_gets_its_answers_by_its_own_function(void **state)
{
	struct postern_method method = typed;
	struct called t;

	(void)state;
	method.deliver = deliver;
	called_open(&t, NULL);
	assert_ok(called_try(&t, 0, &method, &usual, 0, 0));
	called_accept(&t);
	called_gets(&t, TYPED);
	called_says(&t, "{\"parameters\":{\"time\":\"1\",\"kind\":\"lunar\"}}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	assert_non_null(delivered);
	assert_ptr_equal(delivered, t.told[0].value);
	called_close(&t);
}

static void V1_an_answer_may_come_in_any_pieces(void **state)
{
	static const char text[] = " {\"parameters\" :\n{\"a\":\"\\u00e9\"} } ";
	struct called t;

	(void)state;
	called_open(&t, NULL);
	for (size_t cut = 0; cut <= sizeof text; cut++) {
		called_now(&t, 0);
		if (t.fd < 0)
			called_accept(&t);
		called_gets(&t, CALLED_NOW);
		called_sends(&t, text, cut);
		turn(t.loop, 0);
		assert_int_equal(t.told[0].n, cut == sizeof text);
		called_sends(&t, text + cut, sizeof text - cut);
		called_tells(&t, 0, POSTERN_END_ANSWERED);
		assert_string_equal(t.told[0].parameters, "{\"a\":\"\\u00e9\"}");
	}
	called_close(&t);
}

static void V15_glued_answers_are_told_in_the_order_of_the_calls(void **state)
{
	static const char text[] =
		"{\"parameters\":{\"n\":0}}\0{\"error\":\"a.b.C\"}\0{\"parameters\":{\"n\":2}}";
	struct called t;

	(void)state;
	called_open(&t, NULL);
	for (int i = 0; i < 3; i++)
		called_now(&t, i);
	called_accept(&t);
	for (int i = 0; i < 3; i++)
		called_gets(&t, CALLED_NOW);
	called_sends(&t, text, sizeof text);
	called_tells(&t, 2, POSTERN_END_ANSWERED);
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	called_tells(&t, 1, POSTERN_END_FAILED);
	assert_string_equal(t.told[0].parameters, "{\"n\":0}");
	assert_string_equal(t.told[1].error, "a.b.C");
	assert_string_equal(t.told[1].parameters, "{}");
	assert_string_equal(t.told[2].parameters, "{\"n\":2}");
	called_close(&t);
}

static void V5_a_oneway_call_ends_as_sent(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 0, "org.example.clock.Tick", "{}", POSTERN_CALL_ONEWAY, 0);
	called_now(&t, 1);
	called_tells(&t, 0, POSTERN_END_SENT);
	called_accept(&t);
	called_gets(&t,
		    "{\"method\":\"org.example.clock.Tick\",\"oneway\":true,\"parameters\":{}}");
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{}");
	called_tells(&t, 1, POSTERN_END_ANSWERED);
	called_close(&t);
}

static void V6_a_call_with_more_is_told_each_answer_on_a_connection_of_its_own(void **state)
{
	struct called t;
	int shared;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	shared = t.fd;
	t.fd = -1;
	called_call(&t, 1, "org.example.clock.Watch", "{}", POSTERN_CALL_MORE, 0);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"org.example.clock.Watch\",\"more\":true,\"parameters\":{}}");
	for (int i = 0; i < 3; i++) {
		called_says(&t, "{\"parameters\":{\"n\":1},\"continues\":true}");
		called_tells(&t, 1, POSTERN_END_CONTINUES);
	}
	called_says(&t, "{\"parameters\":{\"n\":2},\"continues\":false}");
	turn_until(t.loop, t.told[1].final);
	called_tells(&t, 1, POSTERN_END_ANSWERED);
	assert_int_equal(t.told[1].n, 4);
	called_is_left(&t);
	called_hang_up(&t);
	t.fd = shared;
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	called_close(&t);
}

static void V6_an_error_ends_a_stream(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 1, "org.example.clock.Watch", "{}", POSTERN_CALL_MORE, 0);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"org.example.clock.Watch\",\"more\":true,\"parameters\":{}}");
	called_says(&t, "{\"continues\":true}");
	called_tells(&t, 1, POSTERN_END_CONTINUES);
	called_says(&t, "{\"error\":\"a.b.C\"}");
	turn_until(t.loop, t.told[1].final);
	called_tells(&t, 1, POSTERN_END_FAILED);
	called_is_left(&t);
	called_close(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V1_a_call_is_one_object_without_blanks_and_a_NUL),
		TEST(V2_parameters_are_left_out_only_where_the_method_declares_none),
		TEST(V10_what_cannot_be_encoded_is_refused_with_its_field),
		TEST(V10_parameters_in_JSON_must_be_an_object),
		TEST(V1_a_call_beyond_the_limit_is_refused_and_one_at_the_limit_is_sent),
		TEST(V9_unknown_fields_and_values_of_an_answer_are_ignored),
		TEST(V9_an_answer_that_does_not_fit_its_type_is_no_answer),
		TEST(V8_an_error_is_known_by_its_name_and_decoded),
		TEST(V15_generated_code_gets_its_answers_by_its_own_function),
		TEST(V1_an_answer_may_come_in_any_pieces),
		TEST(V15_glued_answers_are_told_in_the_order_of_the_calls),
		TEST(V5_a_oneway_call_ends_as_sent),
		TEST(V6_a_call_with_more_is_told_each_answer_on_a_connection_of_its_own),
		TEST(V6_an_error_ends_a_stream),
	};

	return test_run(tests);
}
