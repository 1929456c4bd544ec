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
#include <stdlib.h>
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
	struct timespec left = { .tv_nsec = (long)ns };

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
		/* postern-review: ignore L7 joined below, where the instant is not RUNNING */
		assert_int_equal(pthread_create(&killer, NULL, killer_main, v), 0);
	assert_ok(postern_thread_start(&v->t, &o, victim_main, v));
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
	assert_ok(postern_thread_join(v->t, test_patience_ns()));
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
			fail_msg(
				"round %u, instant %d after %lld ns: ended %u times, %lld blocks and %d descriptors are not given back",
				i, v.instant, (long long)v.delay_ns, v.ended,
				(long long)(fault_memory() - memory), test_fd_count() - fds);
		assert_int_equal(access(v.path, F_OK), -1);
		assert_int_equal(errno, ENOENT);
		n[v.instant]++;
		echoes += v.echoed;
	}
	test_note(
		"%u cancellations (%u while starting, %u running, %u stopping) beside %u echoes, in %.1f s",
		rounds, n[STARTING], n[RUNNING], n[STOPPING], echoes,
		(double)(test_now_ns() - begun) / 1e9);
}

/* ---- threads of the program's own ---- */

struct plain {
	struct victim v;
	struct postern_loop *loop;
	struct postern_server *server;
	pthread_t id;
	atomic_bool ready;
};

static void plain_leaves(void *data)
{
	struct plain *p = data;

	postern_server_free(p->server);
	postern_loop_free(p->loop);
}

static void *plain_main(void *data)
{
	struct plain *p = data;
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	pthread_cleanup_push(plain_leaves, p);
	if (postern_loop_new(&p->loop) < 0 ||
	    postern_server_new(&p->server, p->loop, "plain", NULL, &victim_events, &p->v) < 0)
		abort();
	snprintf(p->v.path, sizeof p->v.path, "%s", postern_server_path(p->server));
	p->ready = true;
	pthread_setcancelstate(before, &before);
	postern_loop_run(p->loop);
	pthread_cleanup_pop(1);
	return NULL;
}

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
static const bool deaf = true;
#else
static const bool deaf = false;
#endif

/* They are cancelled where the loop waits, and nowhere else: what they then free is whole. */
static void threat_14_a_plain_thread_is_cancelled_where_its_loop_waits(void **state)
{
	enum { PLAIN_ROUNDS = 300 };
	uint64_t seed = (uint64_t)test_now_ns();
	int64_t memory = fault_memory();
	int fds = test_fd_count();
	unsigned echoes = 0;

	(void)state;
	if (deaf)
		test_skip("ThreadSanitizer takes a call that was cancelled for one that blocks");
	for (int i = 0; i < PLAIN_ROUNDS; i++) {
		struct plain p = { .loop = NULL };
		pthread_t visitors[VISITORS];

		assert_int_equal(pthread_create(&p.id, NULL, plain_main, &p), 0);
		while (!p.ready)
			sleep_ns(10000);
		for (int k = 0; k < VISITORS; k++)
			assert_int_equal(pthread_create(&visitors[k], NULL, visitor_main, &p.v), 0);
		sleep_ns(random_next(&seed) % 2000000);
		pthread_cancel(p.id);
		pthread_join(p.id, NULL);
		for (int k = 0; k < VISITORS; k++)
			pthread_join(visitors[k], NULL);
		if (fault_memory() != memory || test_fd_count() != fds)
			fail_msg("round %d: %lld blocks and %d descriptors are not given back", i,
				 (long long)(fault_memory() - memory), test_fd_count() - fds);
		assert_int_equal(access(p.v.path, F_OK), -1);
		echoes += p.v.echoed;
	}
	test_note("%d cancellations beside %u echoes", PLAIN_ROUNDS, echoes);
}

static void *cancelled_main(void *data)
{
	struct plain *p = data;

	pthread_cleanup_push(plain_leaves, p);
	if (postern_loop_new(&p->loop) < 0)
		abort();
	pthread_cancel(pthread_self());
	(void)!postern_server_new(&p->server, p->loop, "plain", NULL, &victim_events, &p->v);
	pthread_testcancel();
	pthread_cleanup_pop(1);
	return NULL;
}

static int does_nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* While a server is made, no fork can come between; so that must not be where a thread is cancelled. */
static void threat_13_a_cancellation_does_not_hold_up_a_fork(void **state)
{
	int64_t memory = fault_memory();
	struct plain p = { .loop = NULL };

	(void)state;
	assert_int_equal(pthread_create(&p.id, NULL, cancelled_main, &p), 0);
	pthread_join(p.id, NULL);
	assert_int_equal(test_fork(does_nothing, NULL), 0);
	assert_int_equal(fault_memory(), memory);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(threat_14_a_thread_is_cancelled_at_any_instant),
		TEST(threat_14_a_plain_thread_is_cancelled_where_its_loop_waits),
		TEST(threat_13_a_cancellation_does_not_hold_up_a_fork),
	};

	return test_run(tests);
}
