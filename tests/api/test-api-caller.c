/* SPDX-License-Identifier: Apache-2.0 */
/* test-api-caller.c - a caller's addresses, options and arguments: those that are right, and all others */
#include "called.h"

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

static const struct postern_type nothing = { .kind = POSTERN_TYPE_STRUCT };

static void calls_with_invalid_arguments_are_refused_and_say_why(void **state)
{
	const struct postern_method wrong[] = {
		{ .in = &nothing, .out = &nothing, .deliver = called_deliver },
		{ .name = CALLED_METHOD, .out = &nothing, .deliver = called_deliver },
		{ .name = CALLED_METHOD, .in = &nothing, .deliver = called_deliver },
		{ .name = CALLED_METHOD, .in = &nothing, .out = &nothing },
	};
	const struct postern_method right = {
		.name = CALLED_METHOD, .in = &nothing, .out = &nothing, .deliver = called_deliver
	};
	struct postern_method later = right;
	struct postern_caller *waiting;
	struct called t;

	(void)state;
	called_open(&t, NULL);
	later.more[1] = &t;
	assert_errno(called_try(&t, 0, &later, NULL, 0, 0), -EINVAL);
	assert_non_null(strstr(postern_why()->text, ".more"));
	assert_errno(called_try(&t, 0, NULL, NULL, 0, 0), -EINVAL);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_errno(called_try(&t, 0, &wrong[i], NULL, 0, 0), -EINVAL);
		assert_non_null(strstr(postern_why()->text, "not what postern generate writes"));
	}
	assert_errno(postern_caller_call(NULL, t.c, &right, NULL, NULL, 0, 0, NULL, NULL), -EINVAL);
	assert_errno(called_try(&t, 0, &right, NULL, (uint64_t)POSTERN_CALL_MORE << 32, 0),
		     -EINVAL);
	assert_errno(called_try_json(&t, 0, NULL, NULL, 0, 0), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "postern_caller_call_json"));
	assert_errno(called_try_json(&t, 0, CALLED_METHOD, NULL,
				     POSTERN_CALL_MORE | POSTERN_CALL_UPGRADE, 0),
		     -EINVAL);
	assert_errno(postern_call_upgrade(NULL, NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_caller_upgrade(NULL, t.c, NULL, NULL, NULL, NULL, 0), -EINVAL);
	assert_errno(postern_caller_upgrade_json(NULL, t.c, NULL, NULL, 0, NULL, NULL, 0), -EINVAL);
	assert_errno(called_try_json(&t, 0, CALLED_METHOD, NULL,
				     POSTERN_CALL_MORE | POSTERN_CALL_ONEWAY, 0),
		     -EINVAL);
	assert_errno(called_try_json(&t, 0, CALLED_METHOD, NULL, 0, -1), -EINVAL);
	assert_errno(
		postern_caller_call_json(NULL, t.c, CALLED_METHOD, NULL, 0, NULL, 0, 0, NULL, NULL),
		-EINVAL);
	assert_errno(postern_caller_call_json(NULL, NULL, CALLED_METHOD, NULL, 0, NULL, 0, 0,
					      called_answer, NULL),
		     -EINVAL);
	assert_ok(postern_caller_new(&waiting, NULL, "clock", NULL));
	assert_errno(postern_caller_call_json(NULL, waiting, CALLED_METHOD, NULL, 0, NULL, 0, 0,
					      called_answer, NULL),
		     -EINVAL);
	postern_caller_free(waiting);
	assert_null(postern_caller_free(NULL));
	postern_call_cancel(NULL);
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
		{ .size = 1 },
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

static void an_answer_that_is_made_by_hand_is_known_by_its_name_and_not_decoded(void **state)
{
	const struct postern_error error = { .name = "a.b.E", .type = &nothing };
	struct postern_answer a = { .end = POSTERN_END_FAILED,
				    .error = "a.b.E",
				    .parameters = { "{}", 2 } };
	char ret;

	(void)state;
	assert_int_equal(postern_answer_is(&a, &error, NULL), 1);
	assert_errno(postern_answer_is(&a, &error, &ret), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "no caller"));
	a.error = "a.b.F";
	assert_int_equal(postern_answer_is(&a, &error, &ret), 0);
}

static void in_a_callback(struct postern_loop *loop, void *data)
{
	struct postern_caller **c = data, *other;

	assert_errno(postern_caller_wait_json(*c, CALLED_METHOD, NULL, 0, NULL, NULL, 0, 0),
		     -EDEADLK);
	assert_errno(postern_caller_wait(*c, NULL, NULL, NULL, NULL, 0, 0), -EINVAL);
	assert_errno(postern_caller_next(*c, NULL, 0), -EDEADLK);
	assert_errno(postern_caller_next_json(*c, NULL, 0), -EDEADLK);
	assert_errno(postern_caller_new(&other, NULL, "clock", NULL), -EDEADLK);
	postern_loop_stop(loop);
}

static void calls_do_not_wait_in_a_callback_or_on_the_loop_of_others(void **state)
{
	const struct postern_error error = { .name = "a.b.E" };
	struct postern_caller *c, *looped;
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_caller_new(&c, NULL, "clock", NULL));
	assert_ok(postern_caller_new(&looped, loop, "clock", NULL));
	assert_errno(postern_caller_wait_json(looped, CALLED_METHOD, NULL, 0, NULL, NULL, 0, 0),
		     -EINVAL);
	assert_errno(postern_caller_wait_json(c, CALLED_METHOD, NULL, 0, NULL, NULL, 0, -1),
		     -EINVAL);
	assert_errno(postern_caller_wait(c, NULL, NULL, NULL, NULL, 0, 0), -EINVAL);
	assert_errno(postern_caller_wait_json(NULL, CALLED_METHOD, NULL, 0, NULL, NULL, 0, 0),
		     -EINVAL);
	assert_errno(postern_caller_wait_json(c, NULL, NULL, 0, NULL, NULL, 0, 0), -EINVAL);
	assert_errno(postern_caller_next(c, NULL, -1), -EINVAL);
	assert_errno(postern_caller_next(c, NULL, 0), -EINVAL);
	assert_errno(postern_caller_next_json(c, NULL, 0), -EINVAL);
	assert_errno(postern_caller_next_json(NULL, NULL, 0), -EINVAL);
	assert_errno(postern_caller_set_busy_poll(NULL, 0), -EINVAL);
	assert_errno(postern_caller_set_busy_poll(looped, 50000), -EINVAL);
	assert_errno(postern_caller_set_busy_poll(c, -1), -EINVAL);
	assert_ok(postern_caller_set_busy_poll(c, 50000));
	assert_null(postern_caller_answer(NULL));
	assert_errno(postern_answer_is(NULL, &error, NULL), -EINVAL);
	assert_non_null(strstr(postern_why()->text, "postern_answer_is"));
	assert_errno(postern_call_take_fd(NULL, 0), -EBADF);
	assert_errno(postern_caller_take_fd(NULL, 0), -EBADF);
	assert_errno(postern_answer_is(postern_caller_answer(c), NULL, NULL), -EINVAL);
	assert_int_equal(postern_answer_is(postern_caller_answer(c), &error, NULL), 0);
	assert_null(postern_caller_answer(c)->error);
	assert_ok(postern_loop_post(loop, in_a_callback, &c));
	assert_ok(postern_loop_run(loop));
	postern_caller_free(looped);
	postern_caller_free(c);
	postern_loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V19_addresses_are_names_paths_and_those_of_unix),
		TEST(V19_other_transports_say_that_they_are_not_supported),
		TEST(V19_unix_addresses_reach_their_socket_also_after_a_change_of_directory),
		TEST(calls_with_invalid_arguments_are_refused_and_say_why),
		TEST(options_of_a_caller_are_checked),
		TEST(an_answer_that_is_made_by_hand_is_known_by_its_name_and_not_decoded),
		TEST(calls_do_not_wait_in_a_callback_or_on_the_loop_of_others),
	};

	return test_run(tests);
}
