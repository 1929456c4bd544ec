/* SPDX-License-Identifier: Apache-2.0 */
/* What has 64 bits has them on every machine: times that do not fit into 32 bits, through every call that takes one. */
#include "test.h"

#include "owner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postern/loop.h>
#include <postern/thread.h>

/* 136 years: in 32 bits it is 0, or what the clock says already. */
#define ERA POSTERN_SECONDS(INT64_C(1) << 32)

static void replace_since(const char *path, const char *since)
{
	char text[1024] = { 0 }, *line;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	line = strstr(text, "since ");
	assert_non_null(line);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%.*ssince %s%s", (int)(line - text), text, since, strchr(line, '\n'));
	assert_int_equal(fclose(f), 0);
}

static int see_since(const struct postern_name_info *info, void *data)
{
	*(int64_t *)data = info->since;
	return 0;
}

static void a_name_that_was_taken_after_2038_says_when(void **state)
{
	struct server s;
	int64_t since = 0;

	(void)state;
	server_start(&s, "clock");
	replace_since(test_path("clock/info"), "4294967296");
	assert_refused("clock", -EADDRINUSE, "since 2106-02-07 06:28:16 UTC");
	assert_ok(postern_name_list(see_since, &since));
	assert_int_equal(since, INT64_C(4294967296));
	server_stop(&s);
}

static void count(struct postern_timer *t, void *data)
{
	(void)t;
	++*(int *)data;
}

static void a_timer_of_136_years_is_not_due(void **state)
{
	struct postern_timer *soon, *late;
	struct postern_loop *loop;
	int fired = 0, soon_fired = 0;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_timer_new(&late, loop, count, &fired));
	assert_ok(postern_timer_new(&soon, loop, count, &soon_fired));
	assert_ok(postern_timer_set(late, ERA));
	for (int i = 0; i < 3; i++)
		assert_int_equal(postern_loop_dispatch(loop, POSTERN_MS(5)), 0);
	assert_ok(postern_timer_set(soon, POSTERN_MS(1)));
	assert_int_equal(postern_loop_dispatch(loop, ERA), 1);
	assert_int_equal(soon_fired, 1);
	assert_int_equal(fired, 0);
	postern_loop_free(loop);
	postern_timer_free(soon);
	postern_timer_free(late);
}

static int start_late(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	(void)t, (void)loop, (void)data;
	test_sleep_ms(30);
	return 0;
}

static void stop_late(struct postern_loop *loop, void *data)
{
	(void)data;
	test_sleep_ms(30);
	if (loop)
		postern_loop_stop(loop);
}

static void a_thread_is_waited_for_until_2106(void **state)
{
	const struct postern_thread_options options = { .size = sizeof(options), .start_ns = ERA };
	struct postern_thread *t = NULL;

	(void)state;
	assert_ok(postern_thread_start(&t, &options, start_late, NULL));
	assert_ok(postern_thread_post(t, stop_late, NULL));
	assert_ok(postern_thread_join(t, ERA));
	postern_thread_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_name_that_was_taken_after_2038_says_when),
		TEST(a_timer_of_136_years_is_not_due),
		TEST(a_thread_is_waited_for_until_2106),
	};

	return test_run(tests);
}
