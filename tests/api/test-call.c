/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-call.c - calls, with both ends from here: a caller and a service on one loop
 *
 * What each end does by itself, its own tests know (test-caller.c, test-service.c). This is about what they do together.
 */
#include "called.h"
#include "desk.h"

struct both {
	struct desk d;
	struct called t;
};

static void both_open(struct both *b, const struct postern_service_options *options)
{
	memset(b, 0, sizeof *b);
	desk_open(&b->d, options);
	b->t = (struct called){ .loop = b->d.loop, .listener = -1, .fd = -1 };
	for (int i = 0; i < CALLED_MAX; i++)
		b->t.told[i].called = &b->t;
	assert_ok(postern_caller_new(&b->t.c, b->d.loop,
				     postern_server_path(postern_service_server(b->d.service)),
				     NULL));
}

static void both_close(struct both *b)
{
	b->t.c = postern_caller_free(b->t.c);
	for (int i = 0; i < CALLED_MAX; i++)
		if (b->t.told[i].call)
			fail_msg("call %d was never told its end", i);
	desk_close(&b->d);
}

static void both_call(struct both *b, int i, const char *method, const char *json, unsigned flags,
		      int64_t deadline_ns)
{
	char name[64];

	snprintf(name, sizeof name, "org.example.desk.%s", method);
	called_call(&b->t, i, name, json, flags, deadline_ns);
}

static void fails(struct both *b, int i, const char *error, const char *parameters)
{
	called_tells(&b->t, i, POSTERN_END_FAILED);
	assert_string_equal(b->t.told[i].error, error);
	assert_string_equal(b->t.told[i].parameters, parameters);
}

static void V2_what_is_sent_comes_back(void **state)
{
	const struct postern_method typed = { .name = "org.example.desk.Typed",
					      .in = &desk_Typed_in_type,
					      .out = &desk_Typed_out_type,
					      .deliver = called_deliver };
	struct both b;

	(void)state;
	both_open(&b, NULL);
	both_call(&b, 0, "Echo", "{\"a\":[1,{\"b\":null}]}", 0, 0);
	called_tells(&b.t, 0, POSTERN_END_ANSWERED);
	assert_string_equal(b.t.told[0].parameters, "{\"a\":[1,{\"b\":null}]}");
	assert_ok(called_try(&b.t, 1, &typed, &(struct desk_Typed_in){ .zone = "UTC", .count = 3 },
			     0, 0));
	called_tells(&b.t, 1, POSTERN_END_ANSWERED);
	assert_string_equal(((const struct desk_Typed_out *)b.t.told[1].value)->text, "UTC 3");
	assert_ok(called_try(&b.t, 2, &typed, &(struct desk_Typed_in){ .count = -1 }, 0, 0));
	fails(&b, 2, "org.example.desk.Wrong", "{\"why\":\"it is negative\"}");
	both_close(&b);
}

static void V8_errors_of_the_service_are_those_of_the_call(void **state)
{
	struct both b;

	(void)state;
	both_open(&b, NULL);
	both_call(&b, 0, "None", "{}", 0, 0);
	fails(&b, 0, "org.varlink.service.MethodNotFound",
	      "{\"method\":\"org.example.desk.None\"}");
	called_call(&b.t, 1, "org.example.none.Now", "{}", 0, 0);
	fails(&b, 1, "org.varlink.service.InterfaceNotFound",
	      "{\"interface\":\"org.example.none\"}");
	both_call(&b, 2, "Missing", "{}", 0, 0);
	fails(&b, 2, "org.varlink.service.MethodNotImplemented",
	      "{\"method\":\"org.example.desk.Missing\"}");
	both_call(&b, 3, "Typed", "{\"count\":1.5}", 0, 0);
	fails(&b, 3, "org.varlink.service.InvalidParameter", "{\"parameter\":\"count\"}");
	both_call(&b, 4, "NeedsMore", "{}", 0, 0);
	fails(&b, 4, "org.varlink.service.ExpectedMore", "{}");
	both_close(&b);
}

static void V14_a_request_that_is_freed_unanswered_is_abandoned(void **state)
{
	struct both b;

	(void)state;
	both_open(&b, NULL);
	both_call(&b, 0, "Forget", "{}", 0, 0);
	fails(&b, 0, "io.postern.Abandoned", "{}");
	both_close(&b);
}

static void V5_oneway_calls_run_and_take_no_answer_from_others(void **state)
{
	struct both b;

	(void)state;
	both_open(&b, NULL);
	for (int i = 0; i < 3; i++)
		both_call(&b, i, "Echo", "{\"n\":1}", i == 1 ? 0 : POSTERN_CALL_ONEWAY, 0);
	called_tells(&b.t, 0, POSTERN_END_SENT);
	called_tells(&b.t, 1, POSTERN_END_ANSWERED);
	called_tells(&b.t, 2, POSTERN_END_SENT);
	turn_until(b.d.loop, b.d.echoes == 3);
	both_close(&b);
}

static void V6_a_stream_comes_whole_and_the_service_learns_when_it_is_not_wanted(void **state)
{
	struct both b;

	(void)state;
	both_open(&b, NULL);
	both_call(&b, 0, "Many", "{\"last\":1}", POSTERN_CALL_MORE, 0);
	turn_until(b.d.loop, b.t.told[0].final);
	assert_int_equal(b.t.told[0].n, 4);
	assert_string_equal(b.t.told[0].parameters, "{\"last\":1}");
	both_call(&b, 1, "Keep", "{}", POSTERN_CALL_MORE, 0);
	turn_until(b.d.loop, b.d.n_kept == 1);
	assert_ok(postern_request_continue_json(b.d.kept[0], "{\"n\":1}", 7));
	called_tells(&b.t, 1, POSTERN_END_CONTINUES);
	called_cancel(&b.t, 1);
	turn_until(b.d.loop, b.d.cancelled == 1);
	assert_errno(postern_request_continue_json(b.d.kept[0], "{}", 2), -ESTALE);
	both_close(&b);
}

static void V16_a_deadline_in_flight_cancels_the_request_and_no_other(void **state)
{
	struct both b;

	(void)state;
	both_open(&b, NULL);
	/* Alone: at once. */
	both_call(&b, 0, "Keep", "{}", 0, SOON);
	called_tells(&b.t, 0, POSTERN_END_TIMEOUT);
	turn_until(b.d.loop, b.d.cancelled == 1);
	/* With another one in flight the service is not told, and that one is answered. */
	both_call(&b, 1, "Keep", "{\"n\":1}", 0, SOON);
	both_call(&b, 2, "Echo", "{\"n\":2}", 0, 0);
	called_tells(&b.t, 1, POSTERN_END_TIMEOUT);
	both_call(&b, 3, "Echo", "{\"n\":3}", 0, 0);
	called_tells(&b.t, 3, POSTERN_END_ANSWERED);
	assert_int_equal(b.t.told[2].n, 0);
	assert_int_equal(b.d.cancelled, 1);
	assert_ok(postern_request_reply_json(b.d.kept[1], NULL, 0));
	called_tells(&b.t, 2, POSTERN_END_ANSWERED);
	assert_string_equal(b.t.told[2].parameters, "{\"n\":2}");
	assert_int_equal(b.t.told[1].n, 1);
	both_close(&b);
}

static void V4_a_thousand_calls_are_answered_in_their_order(void **state)
{
	enum { MANY = 1000 };
	struct told *told = calloc(MANY, sizeof *told);
	char json[32];
	struct both b;

	(void)state;
	assert_non_null(told);
	both_open(&b, NULL);
	for (int i = 0; i < MANY; i++) {
		int n = snprintf(json, sizeof json, "{\"n\":%d}", i);

		assert_ok(postern_caller_call_json(&told[i].call, b.t.c, "org.example.desk.Echo",
						   json, (size_t)n, NULL, 0, 0, called_answer,
						   &told[i]));
	}
	turn_until(b.d.loop, told[MANY - 1].final);
	for (int i = 0; i < MANY; i++) {
		snprintf(json, sizeof json, "{\"n\":%d}", i);
		assert_int_equal(told[i].end, POSTERN_END_ANSWERED);
		assert_string_equal(told[i].parameters, json);
	}
	both_close(&b);
	free(told);
}

static void V1_messages_of_a_megabyte_go_both_ways(void **state)
{
	enum { SIZE = 1000000 };
	char *json = malloc(SIZE);
	struct postern_json in = { json, SIZE };
	struct both b;

	(void)state;
	assert_non_null(json);
	memset(json, 'x', SIZE);
	memcpy(json, "{\"s\":\"", 6);
	memcpy(json + SIZE - 2, "\"}", 2);
	both_open(&b, NULL);
	for (int i = 0; i < 3; i++)
		assert_ok(called_try_json(&b.t, i, "org.example.desk.Echo", &in, 0, 0));
	for (int i = 0; i < 3; i++)
		called_tells(&b.t, i, POSTERN_END_ANSWERED);
	free(json);
	both_close(&b);
}

static void V17_a_service_that_is_full_is_asked_again(void **state)
{
	const struct postern_server_options server = { .size = sizeof server, .connections = 1 };
	const struct postern_service_options o = { .size = sizeof o, .server = &server };
	struct both b;
	int fd;

	(void)state;
	both_open(&b, &o);
	fd = desk_peer(&b.d);
	turn_quiet(b.d.loop);
	both_call(&b, 0, "Echo", "{\"n\":1}", 0, 0);
	turn_for(b.d.loop, 50);
	assert_int_equal(b.t.told[0].n, 0);
	assert_int_equal(b.d.echoes, 0);
	close(fd);
	called_tells(&b.t, 0, POSTERN_END_ANSWERED);
	assert_int_equal(b.d.echoes, 1);
	/* One that cannot wait is told. */
	b.t.c = postern_caller_free(b.t.c);
	fd = desk_peer(&b.d);
	turn_quiet(b.d.loop);
	assert_ok(postern_caller_new(
		&b.t.c, b.d.loop, postern_server_path(postern_service_server(b.d.service)), NULL));
	both_call(&b, 1, "Echo", "{}", 0, SOON);
	called_tells(&b.t, 1, POSTERN_END_FAILED);
	assert_string_equal(b.t.told[1].error, "io.postern.Busy");
	close(fd);
	both_close(&b);
}

static void V17_a_call_of_a_draining_service_is_for_its_successor(void **state)
{
	struct desk next;
	struct both b;

	(void)state;
	both_open(&b, NULL);
	both_call(&b, 0, "Keep", "{}", 0, 0);
	both_call(&b, 1, "Echo", "{\"n\":1}", 0, 0);
	turn_until(b.d.loop, b.d.n_kept == 1);
	assert_ok(postern_service_drain(b.d.service, 0));
	both_call(&b, 2, "Echo", "{\"n\":2}", 0, 0);
	turn_for(b.d.loop, 20);
	assert_int_equal(b.t.told[0].n + b.t.told[1].n + b.t.told[2].n, 0);
	assert_ok(postern_request_reply_json(b.d.kept[0], NULL, 0));
	called_tells(&b.t, 0, POSTERN_END_ANSWERED);
	turn_until(b.d.loop, b.d.closed == 1);
	assert_int_equal(b.d.echoes, 0);
	/* Another loop, which this one's turns do not turn. */
	desk_open(&next, NULL);
	while (!b.t.told[1].final || !b.t.told[2].final) {
		turn(next.loop, 1);
		turn(b.d.loop, 1);
	}
	called_tells(&b.t, 1, POSTERN_END_ANSWERED);
	called_tells(&b.t, 2, POSTERN_END_ANSWERED);
	assert_string_equal(b.t.told[1].parameters, "{\"n\":1}");
	assert_string_equal(b.t.told[2].parameters, "{\"n\":2}");
	assert_int_equal(next.echoes, 2);
	desk_close(&next);
	both_close(&b);
}

static void V15_a_service_that_is_freed_leaves_no_answer_and_no_call(void **state)
{
	struct both b;

	(void)state;
	both_open(&b, NULL);
	both_call(&b, 0, "Keep", "{}", 0, 0);
	both_call(&b, 1, "Echo", "{}", 0, 0);
	both_call(&b, 2, "Keep", "{}", POSTERN_CALL_MORE, 0);
	turn_until(b.d.loop, b.d.n_kept == 2);
	b.d.service = postern_service_free(b.d.service);
	for (int i = 0; i < 3; i++)
		called_tells(&b.t, i, POSTERN_END_NO_ANSWER);
	assert_int_equal(b.d.echoes, 0);
	both_close(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V2_what_is_sent_comes_back),
		TEST(V8_errors_of_the_service_are_those_of_the_call),
		TEST(V14_a_request_that_is_freed_unanswered_is_abandoned),
		TEST(V5_oneway_calls_run_and_take_no_answer_from_others),
		TEST(V6_a_stream_comes_whole_and_the_service_learns_when_it_is_not_wanted),
		TEST(V16_a_deadline_in_flight_cancels_the_request_and_no_other),
		TEST(V4_a_thousand_calls_are_answered_in_their_order),
		TEST(V1_messages_of_a_megabyte_go_both_ways),
		TEST(V17_a_service_that_is_full_is_asked_again),
		TEST(V17_a_call_of_a_draining_service_is_for_its_successor),
		TEST(V15_a_service_that_is_freed_leaves_no_answer_and_no_call),
	};

	return test_run(tests);
}
