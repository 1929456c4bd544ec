/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-caller-upgrade.c - V7 at the caller: a call for a connection, and who has that when it is confirmed
 *
 * Against plain sockets that play the service; at the end against a service of ours. test-upgrade.c has the other end.
 */
#include "called.h"
#include "desk.h"

#define ATTACH      "org.example.clock.Attach"
#define CALL_ATTACH "{\"method\":\"" ATTACH "\",\"upgrade\":true,\"parameters\":{}}"
/* What no message may be made of. */
#define BEHIND "first\0{\"parameters\":{}}\0last"

/* Where the connections of calls go. */
struct to {
	struct end end;
	struct postern_conn *conn;
	int result;
	unsigned n;
};
static struct to to;

static void to_begin(void)
{
	memset(&to, 0, sizeof to);
	end_init(&to.end);
}

static void to_over(void)
{
	to.conn = postern_conn_free(to.conn);
	end_deinit(&to.end);
}

/* As most programs do. */
static void takes(struct told *t, struct postern_call *call)
{
	struct postern_conn *again = NULL;

	to.n++;
	if (t->end != POSTERN_END_ANSWERED) {
		assert_errno(postern_call_upgrade(&to.conn, call, &end_events, &to.end), -ENOTSUP);
		return;
	}
	to.result = postern_call_upgrade(&to.conn, call, &end_events, &to.end);
	/* Once. */
	assert_errno(postern_call_upgrade(&again, call, &end_events, &to.end), -ENOTSUP);
	assert_null(again);
}

static void attach(struct called *t, int i, int64_t deadline_ns)
{
	t->told[i].hook = takes;
	called_call(t, i, ATTACH, "{}", POSTERN_CALL_UPGRADE, deadline_ns);
}

static void attached(struct called *t, int i)
{
	called_tells(t, i, POSTERN_END_ANSWERED);
	assert_ok(to.result);
	assert_non_null(to.conn);
}

static void V7_the_connection_of_a_confirmed_call_is_the_programs(void **state)
{
	struct called t;
	char got[8];

	(void)state;
	called_open(&t, NULL);
	to_begin();
	attach(&t, 0, POSTERN_MS(500) * test_scale());
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t, "{\"parameters\":{\"size\":3}}");
	attached(&t, 0);
	assert_string_equal(t.told[0].parameters, "{\"size\":3}");
	called_sends(&t, BEHIND, sizeof BEHIND);
	turn_until(t.loop, to.end.n >= sizeof BEHIND);
	end_check(&to.end, BEHIND, sizeof BEHIND, __FILE__, __LINE__);
	assert_int_equal(postern_conn_write(to.conn, "b\0c", 3), 3);
	called_receive(&t, got, 3);
	assert_memory_equal(got, "b\0c", 3);
	/* The call's deadline is not the connection's, and the end of the caller is not its end. */
	t.c = postern_caller_free(t.c);
	turn_for(t.loop, 600 * test_scale());
	assert_int_equal(to.end.closed, 0);
	assert_int_equal(postern_conn_write(to.conn, "d", 1), 1);
	called_receive(&t, got, 1);
	called_hang_up(&t);
	turn_until(t.loop, to.end.closed == 1);
	assert_int_equal(to.n, 1);
	to_over();
	called_close(&t);
}

static void V7_what_is_glued_behind_the_answer_is_its_first_bytes(void **state)
{
	static const char all[] = "{\"parameters\":{}}\0" BEHIND;
	const size_t answer = strlen(all) + 1;
	struct called t;

	(void)state;
	called_open(&t, NULL);
	for (size_t split = 0; split <= sizeof all; split++) {
		to_begin();
		attach(&t, 0, 0);
		called_accept(&t);
		called_gets(&t, CALL_ATTACH);
		called_sends(&t, all, split);
		turn_quiet(t.loop);
		called_sends(&t, all + split, sizeof all - split);
		turn_until(t.loop, to.end.n >= sizeof all - answer);
		attached(&t, 0);
		end_check(&to.end, all + answer, sizeof all - answer, __FILE__, __LINE__);
		to_over();
		called_is_left(&t);
	}
	called_close(&t);
}

static void V7_an_error_ends_the_call_and_no_other(void **state)
{
	struct called t;
	int shared;

	(void)state;
	called_open(&t, NULL);
	to_begin();
	called_now(&t, 1);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	shared = t.fd;
	t.fd = -1;
	attach(&t, 0, 0);
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t,
		    "{\"error\":\"org.example.clock.NoSuchZone\",\"parameters\":{\"zone\":\"x\"}}");
	called_tells(&t, 0, POSTERN_END_FAILED);
	assert_string_equal(t.told[0].error, "org.example.clock.NoSuchZone");
	assert_null(to.conn);
	called_is_left(&t);
	called_hang_up(&t);
	t.fd = shared;
	called_says(&t, "{}");
	called_tells(&t, 1, POSTERN_END_ANSWERED);
	to_over();
	called_close(&t);
}

static void V7_what_nobody_takes_is_ended(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_call(&t, 0, ATTACH, "{}", POSTERN_CALL_UPGRADE, 0);
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_sends(&t, "{}\0bytes", 9);
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	called_is_left(&t);
	called_close(&t);
}

static void V7_it_has_a_connection_of_its_own_and_each_call_another(void **state)
{
	struct called t;
	int first;

	(void)state;
	called_open(&t, NULL);
	to_begin();
	called_now(&t, 1);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	first = t.fd;
	t.fd = -1;
	attach(&t, 0, 0);
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t, "{}");
	attached(&t, 0);
	/* Others go on where they were. */
	called_now(&t, 2);
	turn_for(t.loop, 20);
	assert_int_equal(to.end.n, 0);
	called_is_quiet(&t);
	called_hang_up(&t);
	t.fd = first;
	called_gets(&t, CALLED_NOW);
	called_says(&t, "{}");
	called_says(&t, "{}");
	called_tells(&t, 1, POSTERN_END_ANSWERED);
	called_tells(&t, 2, POSTERN_END_ANSWERED);
	to_over();
	called_close(&t);
}

static void V7_a_service_may_die_after_each_byte(void **state)
{
	static const char all[] = "{\"parameters\":{}}\0" BEHIND;
	const size_t answer = strlen(all) + 1;
	static const struct postern_connect_options soon = { .size = sizeof soon,
							     .backoff_ns = POSTERN_MS(1),
							     .backoff_max_ns = POSTERN_MS(1) };
	static const struct postern_caller_options swift = { .size = sizeof swift,
							     .connect = &soon };
	struct called t;

	(void)state;
	called_open(&t, &swift);
	for (size_t n = 0; n <= sizeof all; n++) {
		to_begin();
		attach(&t, 0, 0);
		called_accept(&t);
		called_gets(&t, CALL_ATTACH);
		called_sends(&t, all, n);
		called_hang_up(&t);
		called_tells(&t, 0, n < answer ? POSTERN_END_NO_ANSWER : POSTERN_END_ANSWERED);
		if (n < answer) {
			assert_null(to.conn);
		} else {
			attached(&t, 0);
			turn_until(t.loop, to.end.closed == 1);
			end_check(&to.end, all + answer, n - answer, __FILE__, __LINE__);
			assert_int_equal(to.end.ended, 1);
		}
		to_over();
	}
	called_close(&t);
}

static void V7_after_a_deadline_a_confirmation_gives_nothing(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	to_begin();
	attach(&t, 0, SOON);
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_tells(&t, 0, POSTERN_END_TIMEOUT);
	called_is_left(&t);
	/* Freed in flight. */
	attach(&t, 1, 0);
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_cancel(&t, 1);
	called_is_left(&t);
	assert_null(to.conn);
	assert_int_equal(to.n, 1);
	to_over();
	called_close(&t);
}

static void V7_a_refused_one_is_tried_again_and_one_that_continues_is_a_violation(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	to_begin();
	attach(&t, 0, 0);
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":1}}");
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t, "{\"error\":\"io.postern.Draining\"}");
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t, "{}");
	attached(&t, 0);
	attach(&t, 1, 0);
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t, "{\"continues\":true}");
	called_tells(&t, 1, POSTERN_END_NO_ANSWER);
	assert_int_equal(t.told[1].code, POSTERN_REASON_VIOLATION);
	to_over();
	called_close(&t);
}

static void V7_an_answer_that_does_not_fit_its_type_gives_no_connection(void **state)
{
	static const struct postern_type string = { .kind = POSTERN_TYPE_STRING,
						    .size = sizeof(char *) };
	static const struct postern_field field = { .name = "a",
						    .type = &string,
						    .flags = POSTERN_FIELD_NULLABLE };
	static const struct postern_type nullable = {
		.kind = POSTERN_TYPE_STRUCT, .size = sizeof(char *), .n = 1, .fields = &field
	};
	const struct postern_method typed = { .name = ATTACH,
					      .in = &nullable,
					      .out = &desk_Typed_out_type,
					      .deliver = called_deliver };
	const char *in = NULL;
	struct called t;

	(void)state;
	called_open(&t, NULL);
	to_begin();
	t.told[0].hook = takes;
	assert_ok(called_try(&t, 0, &typed, &in, POSTERN_CALL_UPGRADE, 0));
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t, "{\"parameters\":{\"text\":1}}");
	called_tells(&t, 0, POSTERN_END_NO_ANSWER);
	called_is_left(&t);
	assert_null(to.conn);
	to_over();
	called_close(&t);
}

static void V7_invalid_arguments_are_refused_and_say_why(void **state)
{
	struct postern_conn *conn = NULL;
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	assert_errno(postern_call_upgrade(&conn, t.told[0].call, &end_events, NULL), -ENOTSUP);
	assert_non_null(strstr(postern_why()->text, "UPGRADE"));
	assert_errno(postern_call_upgrade(&conn, NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_call_upgrade(NULL, t.told[0].call, &end_events, NULL), -EINVAL);
	assert_errno(postern_call_upgrade(&conn, t.told[0].call, NULL, NULL), -EINVAL);
	assert_null(conn);
	called_cancel(&t, 0);
	called_close(&t);
}

/* ---- inside the callback ---- */

static void frees_the_caller(struct told *t, struct postern_call *call)
{
	takes(t, call);
	t->called->c = postern_caller_free(t->called->c);
}

static void ends_it(struct told *t, struct postern_call *call)
{
	takes(t, call);
	to.conn = postern_conn_free(to.conn);
}

static void calls_again(struct told *t, struct postern_call *call)
{
	takes(t, call);
	called_now(t->called, 2);
}

static void V7_anything_may_be_done_in_the_callback(void **state)
{
	static void (*const hooks[])(struct told * t,
				     struct postern_call * call) = { takes, ends_it, calls_again,
								     frees_the_caller };
	struct called t;

	(void)state;
	called_open(&t, NULL);
	for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
		to_begin();
		t.told[0].hook = hooks[i];
		called_call(&t, 0, ATTACH, "{}", POSTERN_CALL_UPGRADE, 0);
		called_accept(&t);
		called_gets(&t, CALL_ATTACH);
		called_sends(&t, "{}\0bytes", 8);
		turn_until(t.loop, to.n == 1);
		if (to.conn) {
			turn_until(t.loop, to.end.n == 5);
			assert_end_has(&to.end, "bytes");
		}
		to_over();
		called_is_left(&t);
		if (t.told[2].call) {
			called_accept(&t);
			called_gets(&t, CALLED_NOW);
			called_says(&t, "{}");
			called_tells(&t, 2, POSTERN_END_ANSWERED);
		}
	}
	called_close(&t);
}

static void V7_the_free_of_the_loop_ends_it_and_the_handle_is_still_the_programs(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	to_begin();
	attach(&t, 0, 0);
	called_accept(&t);
	called_gets(&t, CALL_ATTACH);
	called_says(&t, "{}");
	attached(&t, 0);
	t.loop = postern_loop_free(t.loop);
	assert_end_closed(&to.end, POSTERN_REASON_CANCELLED, -ECANCELED);
	to_over();
	called_close(&t);
}

/* ---- both ends ---- */

struct both {
	struct desk d;
	struct called t;
	struct end end; /* the service's */
	struct postern_conn *conn;
	const char *bytes;
	size_t sent;
};
enum { MUCH = 3000000 };

static struct both both;

static void writes_on(struct postern_conn *c, void *data)
{
	ssize_t n = postern_conn_write(c, both.bytes + both.sent, MUCH - both.sent);

	(void)data;
	both.sent += n > 0 ? (size_t)n : 0;
	if (both.sent == MUCH)
		assert_ok(postern_conn_shutdown(c));
}

static const struct postern_conn_events writer = {
	.size = sizeof writer,
	.drained = writes_on,
};

static void dumps(struct desk *d, struct postern_request *r, char event)
{
	(void)d;
	if (event != 'u')
		return;
	assert_ok(postern_request_upgrade_json(&both.conn, r, NULL, 0, &writer, NULL));
	writes_on(both.conn, NULL);
}

static void V7_what_one_end_writes_the_other_one_gets_whole(void **state)
{
	char *bytes = malloc(MUCH);

	(void)state;
	assert_non_null(bytes);
	pattern_fill(bytes, 0, MUCH);
	memset(&both, 0, sizeof both);
	both.bytes = bytes;
	desk_open(&both.d, NULL);
	both.d.hook = dumps;
	both.t = (struct called){ .loop = both.d.loop, .listener = -1, .fd = -1 };
	both.t.told[0].called = &both.t;
	both.t.told[0].hook = takes;
	assert_ok(postern_caller_new(&both.t.c, both.d.loop,
				     postern_server_path(postern_service_server(both.d.service)),
				     NULL));
	to_begin();
	called_call(&both.t, 0, "org.example.desk.Upgrade", "{}", POSTERN_CALL_UPGRADE, 0);
	attached(&both.t, 0);
	turn_until(both.d.loop, to.end.ended == 1);
	end_check(&to.end, bytes, MUCH, __FILE__, __LINE__);
	to_over();
	turn_until(both.d.loop, desk_counters(&both.d).upgraded == 0);
	both.conn = postern_conn_free(both.conn);
	both.t.c = postern_caller_free(both.t.c);
	desk_close(&both.d);
	free(bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V7_the_connection_of_a_confirmed_call_is_the_programs),
		TEST(V7_what_is_glued_behind_the_answer_is_its_first_bytes),
		TEST(V7_an_error_ends_the_call_and_no_other),
		TEST(V7_what_nobody_takes_is_ended),
		TEST(V7_it_has_a_connection_of_its_own_and_each_call_another),
		TEST(V7_a_service_may_die_after_each_byte),
		TEST(V7_after_a_deadline_a_confirmation_gives_nothing),
		TEST(V7_a_refused_one_is_tried_again_and_one_that_continues_is_a_violation),
		TEST(V7_an_answer_that_does_not_fit_its_type_gives_no_connection),
		TEST(V7_invalid_arguments_are_refused_and_say_why),
		TEST(V7_anything_may_be_done_in_the_callback),
		TEST(V7_the_free_of_the_loop_ends_it_and_the_handle_is_still_the_programs),
		TEST(V7_what_one_end_writes_the_other_one_gets_whole),
	};

	return test_run(tests);
}
