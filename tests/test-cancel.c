/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-cancel.c - a thousand threads with a server, each cancelled at an instant that nobody chose
 *
 * While it starts, while it serves, and while it stops. After each one: it has ended, once; descriptors and
 * blocks of memory are what they were; its name is gone, and nothing stands at its path.
 *
 * Linked with sys-fault.c, which counts the blocks.
 */
#include "pair.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <postern/thread.h>

#include "fault.h"

enum { ROUNDS = 1000, VISITORS = 2 };

enum instant { STARTING, RUNNING, STOPPING, INSTANTS };

struct victim {
	struct postern_thread *t;
	enum instant instant;
	int64_t delay_ns;
	atomic_bool known; /* id is set */
	pthread_t id;
	atomic_uint ended, echoed;
	char path[256];
};

static void sleep_ns(int64_t ns)
{
	struct timespec left = { .tv_nsec = ns };

	if (ns > 0)
		nanosleep(&left, NULL);
}

/* ---- the thread ---- */

static size_t victim_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	ssize_t taken = postern_conn_write(c, bytes, n);

	((struct victim *)data)->echoed++;
	return taken > 0 ? (size_t)taken : 0;
}

static void victim_fires(struct postern_timer *timer, void *data)
{
	(void)timer, (void)data;
}

static const struct postern_conn_events victim_conn_events = {
	.size = sizeof victim_conn_events,
	.received = victim_received,
};

static const struct postern_server_events victim_events = {
	.size = sizeof victim_events,
	.conn = &victim_conn_events,
};

static int victim_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct victim *v = data;
	struct postern_server *s;
	struct postern_timer *timer;
	struct postern_conn *c;
	int r;

	(void)t;
	v->id = pthread_self();
	v->known = true;
	r = postern_server_new(&s, loop, "victim", NULL, &victim_events, v);
	if (r < 0)
		return r;
	snprintf(v->path, sizeof v->path, "%s", postern_server_path(s));
	r = postern_timer_new(&timer, loop, victim_fires, v);
	if (r == 0)
		r = postern_timer_set_periodic(timer, POSTERN_MS(1));
	/* To itself, and to nobody: an attempt is always under way. */
	if (r == 0)
		r = postern_connect(&c, loop, "victim", NULL, &victim_conn_events, v);
	if (r == 0)
		r = postern_connect(&c, loop, "nobody", NULL, &victim_conn_events, v);
	return r;
}

static void victim_ended(void *data)
{
	((struct victim *)data)->ended++;
}

/* ---- who cancels it, and who talks to it ---- */

static void *killer_main(void *data)
{
	struct victim *v = data;

	while (!v->known)
		sleep_ns(1000);
	sleep_ns(v->delay_ns);
	pthread_cancel(v->id);
	return NULL;
}

static void *visitor_main(void *data)
{
	struct victim *v = data;
	char back[5];

	for (;;) {
		int fd = plain_connect(v->path);
		bool served = fd >= 0 && send(fd, "hello", 5, MSG_NOSIGNAL) == 5 &&
			      recv(fd, back, 5, MSG_WAITALL) == 5;

		if (fd >= 0)
			close(fd);
		if (!served)
			return NULL;
	}
}

static void cancel_one(struct victim *v)
{
	struct postern_thread_options o = { .size = sizeof o, .ended = victim_ended };
	pthread_t killer, visitors[VISITORS];

	if (v->instant == STARTING)
		assert_int_equal(pthread_create(&killer, NULL, killer_main, v), 0);
	assert_ok(postern_thread_start(&v->t, victim_main, v, &o));
	if (v->instant != STARTING)
		for (int i = 0; i < VISITORS; i++)
			assert_int_equal(pthread_create(&visitors[i], NULL, visitor_main, v), 0);
	if (v->instant == RUNNING) {
		sleep_ns(v->delay_ns);
		assert_int_equal(pthread_cancel(postern_thread_id(v->t)), 0);
	} else if (v->instant == STOPPING) {
		assert_int_equal(pthread_create(&killer, NULL, killer_main, v), 0);
		sleep_ns(POSTERN_MS(1) / 5);
		assert_true(postern_thread_stop(v->t) == 0 || v->ended);
	}
	assert_ok(postern_thread_join(v->t, POSTERN_SECONDS(10) * test_scale()));
	if (v->instant != RUNNING)
		pthread_join(killer, NULL);
	if (v->instant != STARTING)
		for (int i = 0; i < VISITORS; i++)
			pthread_join(visitors[i], NULL);
	postern_thread_free(v->t);
}

static void threat_14_a_thread_is_cancelled_at_any_instant(void **state)
{
	uint64_t seed = (uint64_t)test_now_ns();
	unsigned n[INSTANTS] = { 0 }, rounds = ROUNDS, echoes = 0;
	int64_t memory, begun = test_now_ns();
	int fds;

	(void)state;
	fault_reset();
	memory = fault_memory();
	fds = test_fd_count();
	for (unsigned i = 0; i < rounds; i++) {
		struct victim v = { .instant = (enum instant)(i % INSTANTS) };

		v.delay_ns = random_next(&seed) % (v.instant == RUNNING ? 2000000 : 500000);
		cancel_one(&v);
		if (v.ended != 1 || fault_memory() != memory || test_fd_count() != fds)
			fail_msg("round %u, instant %d after %lld ns: ended %u times, %lld blocks "
				 "and %d descriptors are not given back",
				 i, v.instant, (long long)v.delay_ns, v.ended,
				 (long long)(fault_memory() - memory), test_fd_count() - fds);
		assert_int_equal(access(v.path, F_OK), -1);
		assert_int_equal(errno, ENOENT);
		n[v.instant]++;
		echoes += v.echoed;
	}
	test_note("%u cancellations (%u while starting, %u running, %u stopping) beside %u echoes, "
		  "in %.1f s",
		  rounds, n[STARTING], n[RUNNING], n[STOPPING], echoes,
		  (double)(test_now_ns() - begun) / 1e9);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(threat_14_a_thread_is_cancelled_at_any_instant),
	};

	return test_run(tests);
}
