/* SPDX-License-Identifier: Apache-2.0 */
/* test-old-listener.c - a listener without its name: what waiting at it costs, and that a fork never sees it in between */
#include "pair.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"

static int listener_setup(void **state)
{
	(void)state;
	fault_reset();
	fault_clock_fake();
	return 0;
}

static int listener_finish(void **state)
{
	(void)state;
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define LISTENER_TEST(name) TEST_WITH(name, listener_setup, listener_finish)

/* ---- what waiting costs ---- */

/* Turns until so much time has passed. */
static unsigned turns_within(struct postern_loop *loop, int64_t ns)
{
	int64_t end = postern_now() + ns;
	unsigned turns = 0;

	while (postern_now() < end && turns < 1000) {
		assert_ok(postern_loop_dispatch(loop, end - postern_now()));
		turns++;
	}
	return turns;
}

/* Two have connected when it stops, and descriptors run out: it looks again, once, when there is no room. */
static void a_stopped_server_without_room_for_who_waits_sleeps(void **state)
{
	(void)state;
	for (int paused = 0; paused < 2; paused++) {
		const struct fault no_descriptors = { .call = FAULT_accept,
						      .nth = 1,
						      .error = EMFILE };
		const struct postern_server_options options = { .size = sizeof(options),
								.connections = paused ? 0 : 1 };
		struct site s;
		unsigned turns;
		int fds[2];

		site_open(&s, "clock", &options);
		for (int i = 0; i < 2; i++)
			fds[i] = plain_connect(postern_server_path(s.server));
		fault_arm(&no_descriptors);
		assert_ok(postern_server_stop(s.server));
		for (int i = 0; i < 3; i++)
			turn(s.loop, 0);
		assert_int_equal(fault_disarm(), 1);
		if (paused)
			assert_ok(postern_server_pause(s.server));
		turns = turns_within(s.loop, POSTERN_SECONDS(10));
		test_note("%s: %u turns in 10 s", paused ? "paused" : "at its limit", turns);
		assert_true(turns < 10);
		assert_int_equal(s.accepted, paused ? 0 : 1);
		/* And it is awake when there is room. */
		if (paused)
			assert_ok(postern_server_resume(s.server));
		else
			close(fds[0]);
		turn_quiet(s.loop);
		assert_int_equal(s.accepted, 2);
		if (paused)
			close(fds[0]);
		close(fds[1]);
		site_close(&s);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LISTENER_TEST(a_stopped_server_without_room_for_who_waits_sleeps),
	};
	return test_run(tests);
}
