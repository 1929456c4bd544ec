/* SPDX-License-Identifier: Apache-2.0 */
/* test-meddle.c - what another program does to a name between two system calls of ours */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

static char path[300];
static int foreign;

static int meddle_setup(void **state)
{
	(void)state;
	fault_reset();
	foreign = -1;
	return 0;
}

static int meddle_finish(void **state)
{
	(void)state;
	if (foreign >= 0)
		close(foreign);
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define MEDDLE_TEST(name) TEST_WITH(name, meddle_setup, meddle_finish)

static void assert_foreign_is_reached(void)
{
	int fd = plain_connect(path), other;

	assert_true(fd >= 0);
	other = accept(foreign, NULL, NULL);
	assert_true(other >= 0);
	close(other);
	close(fd);
}

/* Another server puts its socket in the place of ours, as one that knows nothing of locks does. */
static void replace_socket(void)
{
	unlink(path);
	foreign = plain_listen(path, 4);
}

static void a_socket_that_took_our_place_after_we_looked_is_not_removed(void **state)
{
	/* Before the removal itself, whichever call that is; and before it is looked at. */
	static const int calls[] = { FAULT_renameat_noreplace, FAULT_unlinkat };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct site s;

		site_open(&s, "clock", NULL);
		snprintf(path, sizeof(path), "%s", postern_server_path(s.server));
		/* The second of these calls is after the look: the rename itself comes between. */
		fault_before(calls[i], 1, replace_socket);
		assert_ok(postern_server_stop(s.server));
		turn_quiet(s.loop);
		assert_true(foreign >= 0);
		assert_foreign_is_reached();
		site_close(&s);
		assert_foreign_is_reached();
		unlink(path);
		close(foreign);
		foreign = -1;
	}
}

static char directory[256], moved[300];

static void replace_directory(void)
{
	assert_int_equal(rename(directory, moved), 0);
	assert_int_equal(mkdir(directory, 0700), 0);
}

static void bind_there_too(void)
{
	unlink(path);
	foreign = plain_listen(path, 4);
}

static void replace_and_prepare(void)
{
	replace_directory();
	fault_before(FAULT_fstatat, 1, bind_there_too);
}

static void who_bound_where_our_path_was_led_to_is_left_alone(void **state)
{
	struct postern_loop *loop;
	struct postern_server *s = NULL;
	int r;

	(void)state;
	snprintf(directory, sizeof(directory), "%s", test_path("place"));
	snprintf(moved, sizeof(moved), "%s.moved", directory);
	snprintf(path, sizeof(path), "%s/sock", directory);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_ok(postern_loop_new(&loop));
	fault_before(FAULT_bind, 1, replace_and_prepare);
	r = postern_server_new(&s, loop, path, NULL, &site_events, NULL);
	assert_int_equal(r, -ESTALE);
	assert_true(foreign >= 0);
	assert_foreign_is_reached();
	postern_loop_free(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		MEDDLE_TEST(a_socket_that_took_our_place_after_we_looked_is_not_removed),
		MEDDLE_TEST(who_bound_where_our_path_was_led_to_is_left_alone),
	};
	return test_run(tests);
}
