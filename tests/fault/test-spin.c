/* SPDX-License-Identifier: Apache-2.0 */
/* test-spin.c - busy polling: how long, what it finds, and what it must not delay; by a clock of its own, and by counts */
#include "pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/client.h>

#include "fault.h"
#include "loop/loop.h"

#define US(n) ((int64_t)(n)*1000)

enum { LOOK = 1000 }; /* what a look takes */

/* Of sys/sys.c, which is behind the one with faults. */
int real_cpus(pid_t pid);

static unsigned slept; /* waits that were no mere looks */

static void count_sleep(int call, const char *what)
{
	(void)what;
	slept += call == FAULT_epoll_wait;
}

static int spin_setup(void **state)
{
	(void)state;
	fault_reset();
	fault_clock_fake();
	fault_clock_poll(LOOK);
	fault_set_cpus(2);
	fault_strict(count_sleep);
	slept = 0;
	return 0;
}

static int spin_finish(void **state)
{
	(void)state;
	fault_strict(NULL);
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define SPIN_TEST(name) TEST_WITH(name, spin_setup, spin_finish)

/* ---- how long ---- */

static void short_sleeps_double_it_and_long_ones_halve_it(void **state)
{
	static const int64_t up[] = { US(10), US(20), US(40), US(80), US(100) };
	struct loop_spin s = { .max_ns = US(100) };

	(void)state;
	for (int i = 0; i < 5; i++) {
		spin_slept(&s, US(99));
		assert_int_equal(s.ns, up[i]);
	}
	/* What was found while it polled changes nothing. */
	spin_polled(&s, US(5), true);
	assert_int_equal(s.ns, US(100));
	spin_slept(&s, US(1000));
	assert_int_equal(s.ns, US(50));
	spin_slept(&s, US(1000));
	spin_slept(&s, US(1000));
	assert_int_equal(s.ns, 12500);
	spin_slept(&s, US(1000));
	assert_int_equal(s.ns, 0);
	/* It had paid, so it does not rest. */
	spin_slept(&s, US(30));
	assert_int_equal(s.ns, US(10));
}

/* A bound of 50 us, two ends that sleep, and 35 us for each wake: only one of them has to begin. */
static void a_sleep_is_short_also_if_the_wake_of_the_peer_made_it_longer_than_the_bound(
	void **state)
{
	struct loop_spin s = { .max_ns = US(50) };

	(void)state;
	spin_slept(&s, US(80));
	assert_int_equal(s.ns, US(10));
	spin_slept(&s, US(101));
	assert_int_equal(s.ns, 0);
}

static unsigned waits_until_it_begins(struct loop_spin *s)
{
	unsigned n = 0;

	while (s->ns == 0) {
		spin_slept(s, US(80));
		n++;
	}
	return n;
}

static void what_never_paid_rests_for_twice_as_many_waits_each_time(void **state)
{
	struct loop_spin s = { .max_ns = US(50) };
	unsigned rests[12];
	int64_t polled = 0, waits = 0;

	(void)state;
	for (int i = 0; i < 12; i++) {
		rests[i] = waits_until_it_begins(&s);
		while (s.ns > 0) {
			polled += s.ns;
			waits++;
			spin_polled(&s, s.ns, false);
			spin_slept(&s, US(80));
		}
	}
	assert_int_equal(rests[0], 1);
	assert_int_equal(rests[1], 3);
	assert_int_equal(rests[2], 5);
	assert_int_equal(rests[3], 9);
	assert_int_equal(rests[11], 513);
	/* One that pays ends that. */
	waits_until_it_begins(&s);
	spin_polled(&s, US(3), true);
	for (int i = 0; i < 3; i++)
		spin_slept(&s, US(1000));
	assert_int_equal(s.ns, 0);
	assert_int_equal(waits_until_it_begins(&s), 1);
	test_note("12 attempts polled for %lld us in %lld waits", (long long)polled / 1000,
		  (long long)waits);
}

static void a_poll_that_did_not_run_ends_polling(void **state)
{
	struct loop_spin s = { .max_ns = US(50) };

	(void)state;
	spin_slept(&s, US(30));
	spin_polled(&s, US(3), true);
	spin_polled(&s, s.ns + US(51), true);
	assert_int_equal(s.ns, 0);
	assert_int_equal(waits_until_it_begins(&s), 3);
}

/* ---- in a loop ---- */

static void fire(struct postern_timer *t, void *data)
{
	(void)t;
	*(int64_t *)data = postern_now();
}

/* Waits that end soon, as those for a peer that answers at once. */
static void warm(struct postern_loop *loop)
{
	struct postern_timer *t;
	int64_t fired = 0;

	assert_ok(postern_timer_new(&t, loop, fire, &fired));
	for (int i = 0; i < 8; i++) {
		assert_ok(postern_timer_set(t, US(20)));
		assert_int_equal(postern_loop_dispatch(loop, POSTERN_FOREVER), 1);
	}
	postern_timer_free(t);
}

static void a_loop_polls_only_if_it_was_asked_to(void **state)
{
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	fault_count_reset();
	warm(loop);
	assert_int_equal(fault_count(FAULT_epoll_wait), 8);
	assert_int_equal(fault_count(FAULT_cpus), 0);
	assert_int_equal(slept, 8);
	assert_ok(postern_loop_set_busy_poll(loop, US(50)));
	warm(loop);
	assert_true(loop->spin.ns > 0);
	slept = 0;
	warm(loop);
	assert_int_equal(slept, 0);
	assert_ok(postern_loop_set_busy_poll(loop, 0));
	warm(loop);
	assert_int_equal(slept, 8);
	postern_loop_free(loop);
}

static void the_bound_is_between_nothing_and_a_millisecond(void **state)
{
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	assert_errno(postern_loop_set_busy_poll(NULL, 0), -EINVAL);
	assert_errno(postern_loop_set_busy_poll(loop, -1), -EINVAL);
	assert_errno(postern_loop_set_busy_poll(loop, POSTERN_MS(1) + 1), -EINVAL);
	assert_ok(postern_loop_set_busy_poll(loop, POSTERN_MS(1)));
	postern_loop_free(loop);
	assert_errno(postern_client_set_busy_poll(NULL, 0), -EINVAL);
}

static void a_dispatch_that_may_not_wait_does_not_poll(void **state)
{
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_loop_set_busy_poll(loop, US(50)));
	warm(loop);
	fault_count_reset();
	assert_int_equal(postern_loop_dispatch(loop, 0), 0);
	assert_int_equal(fault_count(FAULT_epoll_wait), 1);
	postern_loop_free(loop);
}

static void a_timer_is_not_late_while_the_loop_polls(void **state)
{
	struct postern_timer *t;
	struct pair p = { 0 };
	int64_t fired, due;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_loop_set_busy_poll(p.loop, US(200)));
	warm(p.loop);
	assert_ok(postern_timer_new(&t, p.loop, fire, &fired));
	for (int64_t after = US(1); after < US(300); after += US(7)) {
		/* The connection is the one that is asked first. */
		pair_send(&p, "x", 1);
		assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
		fired = 0;
		due = postern_now() + after;
		assert_ok(postern_timer_set(t, after));
		assert_ok(postern_loop_dispatch(p.loop, POSTERN_FOREVER));
		assert_in_range(fired, due, due + LOOK);
	}
	postern_timer_free(t);
	pair_close(&p);
}

/* With which call connections receive depends on the kernel: link/socket.h. */
static int receives(void)
{
	return fault_count(FAULT_recv) > fault_count(FAULT_recvmsg) ? FAULT_recv : FAULT_recvmsg;
}

static struct pair *other; /* who acts while the loop polls */

static void other_sends(void)
{
	if (send(other->peer, "pong", 4, 0) != 4)
		abort();
}

static void an_answer_that_comes_while_the_loop_polls_is_found_without_sleep(void **state)
{
	struct pair p = { 0 };
	int call;

	(void)state;
	pair_open(&p, NULL);
	other = &p;
	assert_ok(postern_loop_set_busy_poll(p.loop, US(50)));
	warm(p.loop);
	slept = 0;
	for (size_t i = 1; i <= 100; i++) {
		fault_before(FAULT_epoll_wait, (unsigned)(1 + i % 5), other_sends);
		assert_int_equal(postern_loop_dispatch(p.loop, POSTERN_FOREVER), 1);
		assert_int_equal(p.end.n, 4 * i);
	}
	assert_int_equal(slept, 0);
	/* By recv(), behind which no epoll_wait() is needed. */
	call = receives();
	fault_count_reset();
	for (size_t i = 1; i <= 100; i++) {
		fault_before(call, 5, other_sends);
		assert_int_equal(postern_loop_dispatch(p.loop, POSTERN_FOREVER), 1);
		assert_int_equal(p.end.n, 4 * (100 + i));
	}
	assert_int_equal(slept, 0);
	assert_int_equal(fault_count(call), 500);
	assert_true(fault_count(FAULT_epoll_wait) <= 10);
	pair_close(&p);
}

/* Turns are numbered in 32 bits, and a descriptor knows in which one it was registered. */
static void a_turn_number_that_comes_again_loses_no_bytes(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p, NULL);
	other = &p;
	assert_ok(postern_loop_set_busy_poll(p.loop, US(50)));
	warm(p.loop);
	pair_send(&p, "ping", 4);
	assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	p.loop->turn = p.loop->spin.hot->asked - 1;
	fault_before(receives(), 5, other_sends);
	turn_until(p.loop, p.end.n == 8);
	assert_end_has(&p.end, "pingpong");
	pair_close(&p);
}

static void other_closes(void)
{
	other_sends();
	pair_close_peer(other);
}

static void the_end_of_a_connection_is_found_after_its_bytes(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p, NULL);
	other = &p;
	assert_ok(postern_loop_set_busy_poll(p.loop, US(50)));
	warm(p.loop);
	pair_send(&p, "ping", 4);
	assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	fault_before(receives(), 3, other_closes);
	turn_until(p.loop, p.end.closed == 1);
	assert_end_has(&p.end, "pingpong");
	assert_end_closed(&p.end, POSTERN_REASON_ENDED, 0);
	pair_close(&p);
}

static void a_connection_that_goes_is_not_asked(void **state)
{
	struct pair p = { 0 };

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_loop_set_busy_poll(p.loop, US(50)));
	warm(p.loop);
	pair_send(&p, "ping", 4);
	assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	assert_ptr_equal(p.loop->spin.hot, (void *)p.c);
	assert_ok(postern_conn_pause(p.c));
	assert_ok(postern_loop_dispatch(p.loop, 0));
	fault_count_reset();
	assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	assert_int_equal(fault_count(FAULT_recv) + fault_count(FAULT_recvmsg), 0);
	p.c = postern_conn_free(p.c);
	assert_null(p.loop->spin.hot);
	assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	pair_close(&p);
}

static struct postern_loop *posted_to;
static unsigned posts;

static void count_post(struct postern_loop *loop, void *data)
{
	(void)data;
	posts += loop != NULL;
}

static void other_posts(void)
{
	assert_ok(postern_loop_post(posted_to, count_post, NULL));
}

static void other_stops(void)
{
	postern_loop_stop(posted_to);
}

/* Between two looks at the one connection that is asked by recv(). */
static void a_post_or_a_stop_meanwhile_does_not_wait_for_sleep(void **state)
{
	struct pair p = { 0 };

	(void)state;
	posts = 0;
	pair_open(&p, NULL);
	posted_to = p.loop;
	assert_ok(postern_loop_set_busy_poll(p.loop, US(200)));
	warm(p.loop);
	pair_send(&p, "ping", 4);
	assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	slept = 0;
	fault_before(receives(), 4, other_posts);
	assert_int_equal(postern_loop_dispatch(p.loop, POSTERN_FOREVER), 1);
	assert_int_equal(posts, 1);
	pair_send(&p, "ping", 4);
	assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	fault_before(receives(), 4, other_stops);
	assert_ok(postern_loop_run(p.loop));
	assert_int_equal(slept, 0);
	pair_close(&p);
}

/* ---- fairness ---- */

static void flood(struct end *e, struct postern_conn *c, enum end_event event)
{
	(void)c;
	if (event == END_RECEIVED && send(((struct pair *)e->hook_data)->peer, "more", 4, 0) != 4)
		abort();
}

static void one_that_floods_leaves_the_others_their_turns(void **state)
{
	struct pair p = { 0 };
	struct end quiet;
	struct postern_conn *c;
	unsigned turns = 0;
	int sv[2];

	(void)state;
	pair_open(&p, NULL);
	end_init(&quiet);
	assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv));
	assert_ok(postern_conn_adopt(&c, p.loop, sv[0], NULL, &end_events, &quiet));
	assert_ok(postern_loop_set_busy_poll(p.loop, US(200)));
	warm(p.loop);
	p.end.hook = flood;
	p.end.hook_data = &p;
	pair_send(&p, "ping", 4);
	for (int i = 0; i < 20; i++)
		assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	assert_int_equal(send(sv[1], "me too", 6, 0), 6);
	/* The clock stands: what ends the turns of the other is their number. */
	while (quiet.n == 0 && turns++ < 1000)
		assert_ok(postern_loop_dispatch(p.loop, POSTERN_MS(1)));
	test_note("%u turns of one that floods before the turn of another", turns);
	assert_in_range(turns, 1, 17);
	postern_conn_free(c);
	end_deinit(&quiet);
	close(sv[1]);
	p.end.hook = NULL;
	pair_close(&p);
}

/* ---- CPUs ---- */

static void with_one_cpu_nothing_polls(void **state)
{
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	fault_set_cpus(1);
	assert_ok(postern_loop_set_busy_poll(loop, US(50)));
	warm(loop);
	assert_int_equal(loop->spin.ns, 0);
	fault_count_reset();
	slept = 0;
	warm(loop);
	assert_int_equal(fault_count(FAULT_epoll_wait), 8);
	assert_int_equal(slept, 8);
	/* Another is given to us. */
	fault_set_cpus(2);
	fault_clock_advance(POSTERN_MS(1));
	warm(loop);
	assert_true(loop->spin.ns > 0);
	/* And taken away, of which it need not hear before SPIN_LOOK. */
	fault_set_cpus(1);
	warm(loop);
	assert_true(loop->spin.ns > 0);
	fault_clock_advance(POSTERN_MS(100));
	warm(loop);
	assert_int_equal(loop->spin.ns, 0);
	postern_loop_free(loop);
}

static void where_cpus_cannot_be_counted_nothing_polls(void **state)
{
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	fault_refuse(FAULT_cpus, EPERM);
	assert_ok(postern_loop_set_busy_poll(loop, US(50)));
	warm(loop);
	assert_int_equal(loop->spin.ns, 0);
	postern_loop_free(loop);
}

static void a_peer_is_counted_with_us(void **state)
{
	(void)state;
	assert_in_range(real_cpus(0), 1, 1 << 20);
	assert_int_equal(real_cpus(getpid()), real_cpus(0));
	/* A process that is not there. */
	assert_errno(real_cpus(0x3fffffff), -ESRCH);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(short_sleeps_double_it_and_long_ones_halve_it),
		TEST(a_sleep_is_short_also_if_the_wake_of_the_peer_made_it_longer_than_the_bound),
		TEST(what_never_paid_rests_for_twice_as_many_waits_each_time),
		TEST(a_poll_that_did_not_run_ends_polling),
		SPIN_TEST(a_loop_polls_only_if_it_was_asked_to),
		SPIN_TEST(the_bound_is_between_nothing_and_a_millisecond),
		SPIN_TEST(a_dispatch_that_may_not_wait_does_not_poll),
		SPIN_TEST(a_timer_is_not_late_while_the_loop_polls),
		SPIN_TEST(an_answer_that_comes_while_the_loop_polls_is_found_without_sleep),
		SPIN_TEST(a_turn_number_that_comes_again_loses_no_bytes),
		SPIN_TEST(the_end_of_a_connection_is_found_after_its_bytes),
		SPIN_TEST(a_connection_that_goes_is_not_asked),
		SPIN_TEST(a_post_or_a_stop_meanwhile_does_not_wait_for_sleep),
		SPIN_TEST(one_that_floods_leaves_the_others_their_turns),
		SPIN_TEST(with_one_cpu_nothing_polls),
		SPIN_TEST(where_cpus_cannot_be_counted_nothing_polls),
		SPIN_TEST(a_peer_is_counted_with_us),
	};

	return test_run(tests);
}
