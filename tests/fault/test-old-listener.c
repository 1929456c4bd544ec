/* SPDX-License-Identifier: Apache-2.0 */
/* test-old-listener.c - a listener without its name: what waiting at it costs, and that a fork never sees it in between */
#include "pair.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "loop/fork.h"
#include "server/server.h"

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

/* ---- who may fork meanwhile ---- */

static struct site at;        /* the one server of these tests */
static int listener;          /* of it, at first */
static atomic_bool guard_got; /* by another thread, as a fork there would */
static pthread_t other_thread;
static unsigned looks, found_open;

static void *get_guard(void *data)
{
	fork_hold();
	atomic_store(&guard_got, true);
	fork_release();
	return data;
}

/* Between two system calls of ours: could another thread fork now? */
static void look_at_guard(void)
{
	looks++;
	assert_int_equal(pthread_create(&other_thread, NULL, get_guard, NULL), 0);
	for (int i = 0; i < 50 && !atomic_load(&guard_got); i++)
		test_sleep_ms(1);
	found_open += atomic_load(&guard_got);
}

static void before_close(void)
{
	if (fault_closes() == listener)
		look_at_guard();
	else
		fault_before(FAULT_close, 1, before_close);
}

/* In between, the listener is neither the owner's any more nor the old one. */
static void before_look(void)
{
	if (at.server->owner.listener < 0 && at.server->old_listener < 0)
		look_at_guard();
	else
		fault_before(FAULT_fstatat, 1, before_look);
}

static void at_open(const char *name, uint32_t connections)
{
	const struct postern_server_options options = { .size = sizeof(options),
							.connections = connections };

	looks = found_open = 0;
	atomic_store(&guard_got, false);
	site_open(&at, name, &options);
	listener = postern_server_fd(at.server);
}

static void at_close(void)
{
	assert_int_equal(looks, 1);
	assert_int_equal(found_open, 0);
	pthread_join(other_thread, NULL);
	site_close(&at);
}

/* The first is accepted, the second waits. */
static void at_connect(int fds[2], bool paused)
{
	for (int i = 0; i < 2; i++) {
		fds[i] = plain_connect(postern_server_path(at.server));
		turn_quiet(at.loop);
		if (i == 0 && paused)
			assert_ok(postern_server_pause(at.server));
	}
	assert_int_equal(at.accepted, 1);
}

static void the_last_of_those_who_had_connected_leaves_no_listener_to_a_fork(void **state)
{
	int fds[2];

	(void)state;
	at_open("clock", 1);
	at_connect(fds, false);
	assert_ok(postern_server_stop(at.server));
	turn_quiet(at.loop);
	fault_before(FAULT_close, 1, before_close);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		turn_quiet(at.loop);
	}
	at_close();
}

static void an_abstract_name_that_is_given_up_leaves_no_listener_to_a_fork(void **state)
{
	char name[64];
	int fds[2];

	(void)state;
	snprintf(name, sizeof(name), "@postern-old-listener-%d", (int)getpid());
	at_open(name, 1);
	at_connect(fds, false);
	assert_ok(postern_server_stop(at.server));
	fault_before(FAULT_close, 1, before_close);
	turn_quiet(at.loop);
	close(fds[0]);
	close(fds[1]);
	at_close();
}

static void a_drain_that_ends_leaves_no_listener_to_a_fork(void **state)
{
	int fds[2];

	(void)state;
	at_open("clock", 0);
	at_connect(fds, true);
	assert_ok(postern_server_drain(at.server, POSTERN_SECONDS(5)));
	assert_ok(postern_server_pause(at.server));
	fault_before(FAULT_close, 1, before_close);
	turn_until(at.loop, at.closed == 1);
	close(fds[0]);
	close(fds[1]);
	at_close();
}

static void a_drain_that_is_forced_leaves_no_listener_to_a_fork(void **state)
{
	static char much[1 << 20];
	int fds[2];

	(void)state;
	at_open("clock", 1);
	at_connect(fds, false);
	assert_true(postern_conn_write(at.conns[0], much, sizeof(much)) > 0);
	assert_ok(postern_server_drain(at.server, POSTERN_MS(20)));
	fault_before(FAULT_close, 1, before_close);
	turn_until(at.loop, at.closed == 1);
	assert_int_equal(at.conn_why, POSTERN_REASON_TIMEOUT);
	close(fds[0]);
	close(fds[1]);
	at_close();
}

static void a_name_that_is_published_again_leaves_no_listener_to_a_fork(void **state)
{
	(void)state;
	at_open("clock", 0);
	unlink(postern_server_path(at.server));
	fault_before(FAULT_fstatat, 1, before_look);
	turns_within(at.loop, POSTERN_SECONDS(1));
	assert_int_equal(at.errors[POSTERN_REASON_NAME_RESTORED], 1);
	at_close();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LISTENER_TEST(a_stopped_server_without_room_for_who_waits_sleeps),
		LISTENER_TEST(the_last_of_those_who_had_connected_leaves_no_listener_to_a_fork),
		LISTENER_TEST(an_abstract_name_that_is_given_up_leaves_no_listener_to_a_fork),
		LISTENER_TEST(a_drain_that_ends_leaves_no_listener_to_a_fork),
		LISTENER_TEST(a_drain_that_is_forced_leaves_no_listener_to_a_fork),
		LISTENER_TEST(a_name_that_is_published_again_leaves_no_listener_to_a_fork),
	};
	return test_run(tests);
}
