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
static const struct postern_error no_zone_error = { "org.example.clock.NoSuchZone", &no_zone_type };

static const struct postern_call_method typed = { "org.example.clock.Now", &in_type, &out_type,
						  NULL };
static const struct postern_call_method plain = { .name = "org.example.clock.Now" };
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
	const struct postern_call_method none = { "org.example.clock.Reset", &empty_type,
						  &empty_type, NULL };
	struct called t;

	(void)state;
	called_open(&t, NULL);
	assert_ok(called_try(&t, 0, &none, NULL, 0, 0));
	assert_ok(called_try(&t, 1, &plain, NULL, 0, 0));
	assert_ok(called_try(&t, 2, &typed, &usual, 0, 0));
	called_accept(&t);
	called_gets(&t, "{\"method\":\"org.example.clock.Reset\"}");
	called_gets(&t, CALLED_NOW);
	called_gets(&t, TYPED);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
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

		assert_errno(called_try(&t, 0, &plain, &in, 0, 0), -EINVAL);
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
			assert_errno(called_try(&t, 0, &plain, &in, 0, 0), -EMSGSIZE);
			assert_non_null(strstr(postern_why()->text, "100001"));
			break;
		}
		assert_ok(called_try(&t, 0, &plain, &in, 0, 0));
		if (t.fd < 0)
			called_accept(&t);
		snprintf(whole, LIMIT + 1,
			 "{\"method\":\"org.example.clock.Now\",\"parameters\":%.*s}", (int)n,
			 json);
		called_gets(&t, whole);
		called_says(&t, "{}");
		called_tells(&t, 0, POSTERN_CALL_ANSWERED);
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
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
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
		{ "{}", "time" },
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
		called_tells(&t, 0, POSTERN_CALL_NO_ANSWER);
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

static void on_error(struct postern_call *call, const struct postern_answer *answer,
		     const void *value, void *data)
{
	const struct postern_error other = { "org.example.clock.Other", NULL };
	struct no_zone z = { NULL };

	(void)call;
	(void)data;
	assert_null(value);
	assert_int_equal(answer->end, POSTERN_CALL_FAILED);
	assert_int_equal(postern_answer_is(answer, &other, &z), 0);
	assert_errno(postern_answer_is(answer, NULL, &z), -EINVAL);
	found = postern_answer_is(answer, &no_zone_error, &z);
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
	assert_ok(postern_caller_call(NULL, t.c, &plain, NULL, 0, 0, on_error, NULL));
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(
		&t,
		"{\"error\":\"org.example.clock.NoSuch\\u005aone\",\"parameters\":{\"zone\":\"Mars\"}}");
	turn_until(t.loop, found != 0);
	assert_int_equal(found, 1);
	assert_string_equal(found_zone, "Mars");
	/* Parameters of another type are told as that. */
	assert_ok(postern_caller_call(NULL, t.c, &plain, NULL, 0, 0, on_error, NULL));
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
	((postern_answer_fn *)fn)(call, answer, value, data);
}

static void V15_generated_code_gets_its_answers_by_its_own_function(void **state)
{
	struct postern_call_method method = typed;
	struct called t;

	(void)state;
	method.deliver = deliver;
	called_open(&t, NULL);
	assert_ok(called_try(&t, 0, &method, &usual, 0, 0));
	called_accept(&t);
	called_gets(&t, TYPED);
	called_says(&t, "{\"parameters\":{\"time\":\"1\",\"kind\":\"lunar\"}}");
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
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
		called_tells(&t, 0, POSTERN_CALL_ANSWERED);
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
	called_tells(&t, 2, POSTERN_CALL_ANSWERED);
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
	called_tells(&t, 1, POSTERN_CALL_FAILED);
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
	called_tells(&t, 0, POSTERN_CALL_SENT);
	called_accept(&t);
	called_gets(&t,
		    "{\"method\":\"org.example.clock.Tick\",\"oneway\":true,\"parameters\":{}}");
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{}");
	called_tells(&t, 1, POSTERN_CALL_ANSWERED);
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
		called_tells(&t, 1, POSTERN_CALL_CONTINUES);
	}
	called_says(&t, "{\"parameters\":{\"n\":2},\"continues\":false}");
	turn_until(t.loop, t.told[1].final);
	called_tells(&t, 1, POSTERN_CALL_ANSWERED);
	assert_int_equal(t.told[1].n, 4);
	called_is_left(&t);
	called_hang_up(&t);
	t.fd = shared;
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
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
	called_tells(&t, 1, POSTERN_CALL_CONTINUES);
	called_says(&t, "{\"error\":\"a.b.C\"}");
	turn_until(t.loop, t.told[1].final);
	called_tells(&t, 1, POSTERN_CALL_FAILED);
	called_is_left(&t);
	called_close(&t);
}

/* ---- deadlines and frees ---- */

static void V16_after_a_deadline_the_service_learns_it_by_the_end_of_the_connection(void **state)
{
	struct test_time begun = test_time();
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 0, "a.b.C", "{}", 0, POSTERN_MS(50));
	called_accept(&t);
	called_gets(&t, "{\"method\":\"a.b.C\",\"parameters\":{}}");
	called_tells(&t, 0, POSTERN_CALL_TIMEOUT);
	assert_took(begun, POSTERN_MS(50), POSTERN_MS(50));
	assert_int_equal(t.told[0].code, POSTERN_REASON_TIMEOUT);
	called_is_left(&t);
	called_close(&t);
}

static void V16_others_in_flight_are_answered_and_new_calls_go_elsewhere(void **state)
{
	struct called t;
	int old;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 0, "org.example.clock.Now", "{}", 0, POSTERN_MS(50));
	called_now(&t, 1);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_gets(&t, CALLED_NOW);
	called_tells(&t, 0, POSTERN_CALL_TIMEOUT);
	called_is_quiet(&t);
	called_now(&t, 2);
	old = t.fd;
	t.fd = -1;
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{\"parameters\":{\"n\":2}}");
	called_tells(&t, 2, POSTERN_CALL_ANSWERED);
	called_hang_up(&t);
	t.fd = old;
	called_says(&t, "{\"parameters\":{\"n\":0}}");
	called_says(&t, "{\"parameters\":{\"n\":1}}");
	called_tells(&t, 1, POSTERN_CALL_ANSWERED);
	assert_string_equal(t.told[1].parameters, "{\"n\":1}");
	called_is_left(&t);
	called_close(&t);
}

static void V16_a_call_that_is_freed_in_flight_is_told_nothing(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	t.told[0].call = postern_call_free(t.told[0].call);
	called_is_left(&t);
	assert_int_equal(t.told[0].n, 0);
	/* Before anything was sent, and before it is connected. */
	called_now(&t, 0);
	t.told[0].call = postern_call_free(t.told[0].call);
	called_now(&t, 0);
	turn(t.loop, 0);
	t.told[0].call = postern_call_free(t.told[0].call);
	turn_for(t.loop, 20);
	assert_int_equal(t.told[0].n, 0);
	called_close(&t);
}

static void V15_a_deadline_before_the_connect_is_not_sent_and_says_why(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_gone(&t);
	called_call(&t, 0, "a.b.C", "{}", 0, POSTERN_MS(50));
	called_tells(&t, 0, POSTERN_CALL_NOT_SENT);
	assert_int_equal(t.told[0].code, POSTERN_REASON_TIMEOUT);
	assert_errno(t.told[0].error_code, -ENOENT);
	assert_non_null(strstr(t.told[0].why, test_path("service")));
	called_close(&t);
}

static void V17_a_connect_that_fails_for_good_ends_the_call_at_once(void **state)
{
	const struct postern_connect_options connect = { .size = sizeof connect, .attempts = 1 };
	const struct postern_caller_options o = { .size = sizeof o, .connect = &connect };
	struct called t;

	(void)state;
	called_open(&t, &o);
	called_gone(&t);
	called_now(&t, 0);
	called_call(&t, 1, "a.b.C", "{}", POSTERN_CALL_MORE, 0);
	called_tells(&t, 0, POSTERN_CALL_NOT_SENT);
	called_tells(&t, 1, POSTERN_CALL_NOT_SENT);
	assert_int_equal(t.told[0].code, POSTERN_REASON_NO_SERVER);
	assert_errno(t.told[0].error_code, -ENOENT);
	called_close(&t);
}

static void V17_a_caller_connects_at_its_first_call_and_comes_back_after_a_loss(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	turn_for(t.loop, 20);
	assert_int_equal(accept(t.listener, NULL, NULL), -1);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
	for (int i = 1; i < 4; i++) {
		/* The loss of an idle connection disturbs nobody. */
		called_hang_up(&t);
		if (i > 1)
			turn_for(t.loop, 5);
		called_now(&t, i);
		called_accept(&t);
		called_gets(&t, CALLED_NOW);
		called_says(&t, "{}");
		called_tells(&t, i, POSTERN_CALL_ANSWERED);
	}
	called_close(&t);
}

static void V17_an_idle_connection_is_given_up(void **state)
{
	const struct postern_caller_options o = { .size = sizeof o, .idle_ns = POSTERN_MS(50) };
	struct called t;

	(void)state;
	called_open(&t, &o);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	turn_for(t.loop, 80);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
	called_is_left(&t);
	called_now(&t, 0);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_close(&t);
}

static void V17_calls_beyond_the_limit_are_refused_until_one_has_ended(void **state)
{
	const struct postern_caller_options o = { .size = sizeof o, .calls = 3 };
	struct called t;

	(void)state;
	called_open(&t, &o);
	for (int i = 0; i < 3; i++)
		called_now(&t, i);
	assert_errno(called_try(&t, 3, &plain, NULL, 0, 0), -EAGAIN);
	called_accept(&t);
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
	assert_ok(called_try(&t, 3, &plain, NULL, 0, 0));
	called_close(&t);
}

static void V17_busy_and_draining_are_tried_again_inside_the_deadline(void **state)
{
	static const char *const refusals[] = {
		"{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":20}}",
		"{\"error\":\"io.postern.Draining\"}",
	};
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	for (int i = 0; i < 2; i++) {
		called_accept(&t);
		called_gets(&t, CALLED_NOW);
		called_says(&t, refusals[i]);
		called_is_left(&t);
		assert_int_equal(t.told[0].n, 0);
	}
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{\"parameters\":{\"n\":1}}");
	called_tells(&t, 0, POSTERN_CALL_ANSWERED);
	assert_string_equal(t.told[0].parameters, "{\"n\":1}");
	called_close(&t);
}

static void V17_a_call_that_stays_refused_fails_with_the_refusal(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	/* The next try would come too late. */
	called_call(&t, 0, "a.b.C", "{}", 0, POSTERN_MS(500));
	called_accept(&t);
	called_gets(&t, "{\"method\":\"a.b.C\",\"parameters\":{}}");
	called_says(&t, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":60000}}");
	called_tells(&t, 0, POSTERN_CALL_FAILED);
	assert_string_equal(t.told[0].error, "io.postern.Busy");
	assert_string_equal(t.told[0].parameters, "{\"retryAfterMs\":60000}");
	/* Nobody is there for the next one. */
	called_call(&t, 1, "a.b.C", "{}", 0, POSTERN_MS(200));
	called_gets(&t, "{\"method\":\"a.b.C\",\"parameters\":{}}");
	called_gone(&t);
	called_says(&t, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":3}}");
	called_tells(&t, 1, POSTERN_CALL_FAILED);
	assert_string_equal(t.told[1].error, "io.postern.Busy");
	assert_string_equal(t.told[1].parameters, "{\"retryAfterMs\":3}");
	called_close(&t);
}

/* ---- addresses ---- */

static void V19_addresses_are_names_paths_and_those_of_unix(void **state)
{
	static const char *const supported[] = {
		"clock",   "system:clock", "@clock",      "/run/clock",         "./clock",
		"a/clock", "unix:/run/c",  "unix:@clock", "unix:/run/c;mode=1", "unix:clock",
	};
	struct postern_caller *c;

	(void)state;
	for (size_t i = 0; i < sizeof supported / sizeof *supported; i++) {
		int r = postern_caller_new(&c, NULL, supported[i], NULL);

		if (r < 0)
			fail_msg("%s: %s", supported[i], postern_why()->text);
		postern_caller_free(c);
	}
}

static void V19_other_transports_say_that_they_are_not_supported(void **state)
{
	static const struct {
		const char *address;
		int error;
		const char *why;
	} wrong[] = {
		{ "tcp:localhost:12345", -EPROTONOSUPPORT, "tcp:" },
		{ "tcp:[::1]:12345", -EPROTONOSUPPORT, "tcp:" },
		{ "exec:/usr/bin/clock", -EPROTONOSUPPORT, "exec:" },
		{ "ssh-unix:host:/run/clock", -EPROTONOSUPPORT, "ssh-unix:" },
		{ "http://host/", -EPROTONOSUPPORT, "http:" },
		{ "unix:", -EINVAL, "no path" },
		{ "unix:;mode=1", -EINVAL, "no path" },
		{ "fd:3", -EINVAL, "fd:N" },
		{ "", -EINVAL, "" },
		{ "cl ock", -EINVAL, "" },
	};
	struct postern_caller *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_errno(postern_caller_new(&c, NULL, wrong[i].address, NULL), wrong[i].error);
		if (!strstr(postern_why()->text, wrong[i].why))
			fail_msg("%s: %s", wrong[i].address, postern_why()->text);
	}
	assert_null(c);
}

static void V19_unix_addresses_reach_their_socket_also_after_a_change_of_directory(void **state)
{
	char address[600], *before = getcwd(NULL, 0);
	struct called t;

	(void)state;
	assert_non_null(before);
	for (int i = 0; i < 3; i++) {
		called_open(&t, NULL);
		t.c = postern_caller_free(t.c);
		assert_int_equal(chdir(test_dir()), 0);
		snprintf(address, sizeof address,
			 i == 0   ? "unix:%s;a=b"
			 : i == 1 ? "unix:service"
				  : "./service",
			 test_path("service"));
		assert_ok(postern_caller_new(&t.c, t.loop, address, NULL));
		assert_int_equal(chdir("/"), 0);
		called_now(&t, 0);
		called_accept(&t);
		called_gets(&t, CALLED_NOW);
		called_close(&t);
	}
	assert_int_equal(chdir(before), 0);
	free(before);
}

/* ---- arguments ---- */

static void calls_with_invalid_arguments_are_refused_and_say_why(void **state)
{
	const struct postern_call_method nameless = { .name = NULL };
	struct postern_caller *waiting;
	struct called t;

	(void)state;
	called_open(&t, NULL);
	assert_errno(called_try(&t, 0, NULL, NULL, 0, 0), -EINVAL);
	assert_errno(called_try(&t, 0, &nameless, NULL, 0, 0), -EINVAL);
	assert_errno(called_try(&t, 0, &plain, NULL, POSTERN_CALL_UPGRADE, 0), -EINVAL);
	assert_errno(called_try(&t, 0, &plain, NULL, POSTERN_CALL_MORE | POSTERN_CALL_ONEWAY, 0),
		     -EINVAL);
	assert_errno(called_try(&t, 0, &plain, NULL, 0, -1), -EINVAL);
	assert_errno(postern_caller_call(NULL, t.c, &plain, NULL, 0, 0, NULL, NULL), -EINVAL);
	assert_errno(postern_caller_call(NULL, NULL, &plain, NULL, 0, 0, called_answer, NULL),
		     -EINVAL);
	assert_ok(postern_caller_new(&waiting, NULL, "clock", NULL));
	assert_errno(postern_caller_call(NULL, waiting, &plain, NULL, 0, 0, called_answer, NULL),
		     -EINVAL);
	postern_caller_free(waiting);
	assert_null(postern_caller_free(NULL));
	assert_null(postern_call_free(NULL));
	called_close(&t);
}

static void options_of_a_caller_are_checked(void **state)
{
	const struct postern_conn_options framed = { .size = sizeof framed,
						     .framing = POSTERN_FRAMING_LINES };
	const struct postern_connect_options wrong[] = {
		{ .size = sizeof *wrong, .conn = &framed },
		{ .size = sizeof *wrong, .deadline_ns = -1 },
		{ .size = sizeof *wrong, .n_server_uids = 1 },
		{ .size = 4 },
	};
	struct postern_caller_options o = { .size = sizeof o };
	struct postern_caller *c;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		o.connect = &wrong[i];
		assert_errno(postern_caller_new(&c, NULL, "clock", &o), -EINVAL);
	}
	o.connect = NULL;
	o.idle_ns = -1;
	assert_errno(postern_caller_new(&c, NULL, "clock", &o), -EINVAL);
	o.idle_ns = 0;
	o.message_max = UINT32_MAX;
	assert_errno(postern_caller_new(&c, NULL, "clock", &o), -EINVAL);
	assert_errno(postern_caller_new(NULL, NULL, "clock", NULL), -EINVAL);
	assert_errno(postern_caller_new(&c, NULL, NULL, NULL), -EINVAL);
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
		TEST(V16_after_a_deadline_the_service_learns_it_by_the_end_of_the_connection),
		TEST(V16_others_in_flight_are_answered_and_new_calls_go_elsewhere),
		TEST(V16_a_call_that_is_freed_in_flight_is_told_nothing),
		TEST(V15_a_deadline_before_the_connect_is_not_sent_and_says_why),
		TEST(V17_a_connect_that_fails_for_good_ends_the_call_at_once),
		TEST(V17_a_caller_connects_at_its_first_call_and_comes_back_after_a_loss),
		TEST(V17_an_idle_connection_is_given_up),
		TEST(V17_calls_beyond_the_limit_are_refused_until_one_has_ended),
		TEST(V17_busy_and_draining_are_tried_again_inside_the_deadline),
		TEST(V17_a_call_that_stays_refused_fails_with_the_refusal),
		TEST(V19_addresses_are_names_paths_and_those_of_unix),
		TEST(V19_other_transports_say_that_they_are_not_supported),
		TEST(V19_unix_addresses_reach_their_socket_also_after_a_change_of_directory),
		TEST(calls_with_invalid_arguments_are_refused_and_say_why),
		TEST(options_of_a_caller_are_checked),
	};

	return test_run(tests);
}
