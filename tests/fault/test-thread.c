/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-thread.c - a loop on a thread of its own: starting, stopping, joining
 *
 * Linked with sys-fault.c, which counts the blocks. Every other way out is in test-thread-leave.c, cancellation at
 * random in test-cancel.c.
 */
#include "house.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern/thread.h>

#include "fault.h"

/* ---- starting ---- */

static void it_serves_until_it_is_stopped(void **state)
{
	struct house *h = house_new();
	char back[8];

	(void)state;
	assert_ok(house_start(h));
	house_greet(h);
	assert_true(until(LONG, house_waits, h));
	assert_errno(postern_thread_join(h->t, 0), -ETIMEDOUT);
	assert_ok(postern_thread_stop(h->t));
	assert_ok(postern_thread_join(h->t, LONG));
	assert_int_equal(h->ended, 1);
	assert_int_equal(h->conns_closed, 1);
	assert_int_equal(recv(h->peers[0], back, 8, 0), 0);
	/* As often as one likes. */
	assert_ok(postern_thread_join(h->t, 0));
	assert_errno(postern_thread_stop(h->t), -ESTALE);
	assert_string_equal(postern_thread_calling(h->t), "");
	house_close(h);
}

static int knows_itself(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	bool *knows = data;

	(void)loop;
	knows[0] = pthread_equal(postern_thread_id(t), pthread_self());
	knows[1] = postern_thread_join(t, 0) == -EDEADLK;
	return 0;
}

static void it_knows_its_own_id_from_the_beginning(void **state)
{
	struct postern_thread *t;
	bool knows[2] = { false };

	(void)state;
	fault_thread_id_late(50);
	assert_ok(postern_thread_start(&t, NULL, knows_itself, knows));
	assert_true(knows[0]);
	assert_true(knows[1]);
	postern_thread_free(t);
	fault_thread_id_late(0);
}

static void its_name_is_what_debuggers_show(void **state)
{
	struct house *h = house_new();
	char name[16];

	(void)state;
	assert_ok(house_start(h));
	assert_int_equal(pthread_getname_np(postern_thread_id(h->t), name, sizeof name), 0);
	assert_string_equal(name, "postern");
	house_close(h);

	h = house_new();
	h->options.name = "of fifteen byte";
	assert_ok(house_start(h));
	assert_int_equal(pthread_getname_np(postern_thread_id(h->t), name, sizeof name), 0);
	assert_string_equal(name, "of fifteen byte");
	house_close(h);

	h = house_new();
	h->options.name = "of sixteen bytes";
	assert_errno(house_start(h), -EINVAL);
	h->ended = 1;
	assert_string_equal(postern_why()->text,
			    "postern_thread_options.name has more than 15 bytes");
	house_close(h);
}

static void a_start_that_fails_says_why_and_leaves_nothing(void **state)
{
	struct house *h = house_new();

	(void)state;
	h->result = -EIO;
	assert_errno(house_start(h), -EIO);
	assert_null(h->t);
	assert_int_equal(h->ended, 1);
	house_close(h);

	h = house_new();
	h->leave = IN_START;
	assert_errno(house_start(h), -ECANCELED);
	assert_null(h->t);
	assert_int_equal(h->ended, 1);
	house_close(h);
}

static void a_start_without_descriptors_says_so(void **state)
{
	struct house *h = house_new();
	struct rlimit limit, none;
	int r;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	/* One after the other is there, and the next one is not. */
	for (int more = 0; more < 3; more++) {
		int next = dup(0);

		close(next);
		none = limit;
		none.rlim_cur = (rlim_t)(next + more);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		r = house_start(h);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		assert_errno(r, -EMFILE);
		assert_int_equal(atomic_exchange(&h->ended, 0), 1);
	}
	h->ended = 1;
	house_close(h);
}

static void a_stack_that_no_machine_has_is_no_thread(void **state)
{
	struct house *h;

	(void)state;
	test_skip_emulated("takes memory for each page, and such a stack has many");
	h = house_new();
	/* More than there are addresses, or so much that they cannot be in one piece. */
	h->options.stack_size = sizeof(size_t) > 4 ? (size_t)(UINT64_C(1) << 46) : (size_t)7 << 29;
	assert_errno(house_start(h), -EAGAIN);
	h->ended = 1;
	house_close(h);
}

static void a_start_without_memory_or_threads_says_so(void **state)
{
	struct house *h = house_new();

	(void)state;
	h->options.stack_size = 1;
	assert_errno(house_start(h), -EINVAL);
	h->options.stack_size = 0;
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 1, .error = ENOMEM });
	assert_errno(house_start(h), -ENOMEM);
	fault_disarm();
	/* The next one is the loop's. */
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 2, .error = ENOMEM });
	assert_errno(house_start(h), -ENOMEM);
	fault_disarm();
	assert_null(h->t);
	assert_int_equal(h->ended, 1);
	house_close(h);
}

static void calls_with_nonsense_say_invalid(void **state)
{
	struct postern_thread_options o = { .size = sizeof(size_t) - 1 };
	struct postern_thread *t = (void *)state;
	struct house *h = house_new();

	assert_errno(postern_thread_start(NULL, NULL, house_main, h), -EINVAL);
	assert_errno(postern_thread_start(&t, NULL, NULL, h), -EINVAL);
	assert_errno(postern_thread_start(&t, &o, house_main, h), -EINVAL);
	o = (struct postern_thread_options){ .size = sizeof o, .start_ns = -1 };
	assert_errno(postern_thread_start(&t, &o, house_main, h), -EINVAL);
	o = (struct postern_thread_options){ .size = sizeof o, .join_ns = -1 };
	assert_errno(postern_thread_start(&t, &o, house_main, h), -EINVAL);
	assert_ptr_equal(t, (void *)state);
	assert_errno(postern_thread_stop(NULL), -EINVAL);
	assert_errno(postern_thread_post(NULL, parcel_arrives, NULL), -EINVAL);
	assert_errno(postern_thread_join(NULL, 0), -EINVAL);
	assert_string_equal(postern_thread_calling(NULL), "");
	assert_null(postern_thread_free(NULL));
	assert_ok(house_start(h));
	assert_errno(postern_thread_post(h->t, NULL, NULL), -EINVAL);
	assert_errno(postern_thread_join(h->t, -1), -EINVAL);
	house_close(h);
}

static void a_start_that_hangs_is_let_go_and_ends_by_itself(void **state)
{
	struct house *h = house_new();
	struct test_time begun;

	(void)state;
	h->hang = IN_START;
	h->options.start_ns = POSTERN_MS(50);
	begun = test_time();
	assert_errno(house_start(h), -ETIMEDOUT);
	assert_took(begun, POSTERN_MS(49), POSTERN_MS(50));
	assert_null(h->t);
	assert_int_equal(h->ended, 0);
	test_sleep_ms(20);
	sem_post(&h->go);
	house_close(h);
}

/* ---- joining ---- */

static void a_join_that_times_out_says_which_callback_it_hangs_in(void **state)
{
	(void)state;
	for (enum place place = IN_START + 1; place < PLACES; place++) {
		struct house *h = house_new();
		const char *calling;

		h->hang = place;
		assert_ok(house_start(h));
		house_provoke(h, place);
		while (sem_wait(&h->hangs) < 0)
			;
		assert_errno(postern_thread_join(h->t, POSTERN_MS(10)), -ETIMEDOUT);
		calling = postern_thread_calling(h->t);
		if (strcmp(calling, places[place].calling) != 0)
			fail_msg("it hangs in %s, and is said to be in \"%s\"", places[place].name,
				 calling);
		assert_ok(postern_thread_stop(h->t));
		assert_errno(postern_thread_join(h->t, POSTERN_MS(1)), -ETIMEDOUT);
		assert_int_equal(h->ended, 0);
		sem_post(&h->go);
		assert_ok(postern_thread_join(h->t, LONG));
		house_close(h);
	}
}

static void one_that_hangs_longer_than_free_waits_is_let_go(void **state)
{
	struct house *h = house_new();
	struct test_time begun;

	(void)state;
	h->hang = IN_POST;
	h->options.join_ns = POSTERN_MS(50);
	assert_ok(house_start(h));
	house_greet(h);
	assert_ok(house_post(h, IN_POST));
	while (sem_wait(&h->hangs) < 0)
		;
	begun = test_time();
	h->t = postern_thread_free(h->t);
	assert_took(begun, POSTERN_MS(49), POSTERN_MS(50));
	assert_int_equal(h->ended, 0);
	/* It comes back, finds that nobody waits, and takes all along. */
	sem_post(&h->go);
	house_close(h);
}

struct joiner {
	pthread_t id;
	struct postern_thread *t;
	int64_t deadline_ns;
	int r;
};

static void *joiner_main(void *data)
{
	struct joiner *j = data;

	j->r = postern_thread_join(j->t, j->deadline_ns);
	return NULL;
}

static void any_thread_joins_and_several_do(void **state)
{
	struct joiner j[4] = { 0 };
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	for (int i = 0; i < 4; i++) {
		j[i].t = h->t;
		j[i].deadline_ns = i == 0 ? POSTERN_MS(5) : i == 1 ? POSTERN_FOREVER : LONG;
		assert_int_equal(pthread_create(&j[i].id, NULL, joiner_main, &j[i]), 0);
	}
	pthread_join(j[0].id, NULL);
	assert_errno(j[0].r, -ETIMEDOUT);
	assert_ok(postern_thread_stop(h->t));
	for (int i = 1; i < 4; i++) {
		pthread_join(j[i].id, NULL);
		assert_ok(j[i].r);
	}
	house_close(h);
}

static int stop_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	(void)loop;
	/* Its own function is no callback, but to wait for itself it would have to have ended. */
	*(int *)data = postern_thread_join(t, LONG);
	return postern_thread_stop(t);
}

static void it_stops_itself_before_it_runs(void **state)
{
	struct postern_thread *t = NULL;
	int joined = 0;

	(void)state;
	assert_ok(postern_thread_start(&t, NULL, stop_main, &joined));
	assert_errno(joined, -EDEADLK);
	assert_ok(postern_thread_join(t, LONG));
	postern_thread_free(t);
}

/* ---- inside its own callbacks ---- */

static atomic_int own_join, own_stop;

static void own_calls(struct postern_loop *loop, void *data)
{
	struct house *h = data;

	if (!loop)
		return;
	own_join = postern_thread_join(h->t, LONG);
	own_stop = postern_thread_stop(h->t);
	sem_post(&h->hangs);
}

static void a_thread_stops_itself_and_cannot_wait_for_itself(void **state)
{
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	assert_ok(postern_thread_post(h->t, own_calls, h));
	assert_ok(postern_thread_join(h->t, LONG));
	assert_errno(own_join, -EDEADLK);
	assert_ok(own_stop);
	house_close(h);
}

static void own_free(struct postern_loop *loop, void *data)
{
	struct house *h = data;

	(void)loop;
	postern_thread_free(h->t);
	/* Not waited for, and not gone: this is still its callback. */
	assert_int_equal(h->ended, 0);
	sem_post(&h->hangs);
}

static void pain_15_a_thread_is_freed_inside_its_own_callback(void **state)
{
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	house_greet(h);
	assert_ok(postern_thread_post(h->t, own_free, h));
	while (sem_wait(&h->hangs) < 0)
		;
	h->t = NULL;
	house_close(h);
}

static void own_loop_free(struct postern_loop *loop, void *data)
{
	(void)data;
	postern_loop_free(loop);
}

static int own_loop_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	int r = house_main(t, loop, data);

	postern_loop_free(loop);
	return r;
}

/* It is the thread's and not the callback's: to free it is to end the thread. */
static void a_thread_whose_loop_is_freed_ends(void **state)
{
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	house_greet(h);
	assert_ok(postern_thread_post(h->t, own_loop_free, NULL));
	assert_ok(postern_thread_join(h->t, LONG));
	house_close(h);

	h = house_new();
	assert_ok(postern_thread_start(&h->t, &h->options, own_loop_main, h));
	assert_ok(postern_thread_join(h->t, LONG));
	house_close(h);
}

/* The thread goes on beside this, and may be through at any time. */
static void other_free(struct postern_loop *loop, void *data)
{
	struct house *h = data;

	(void)loop;
	postern_thread_free(h->t);
}

static void a_thread_is_freed_inside_a_callback_of_another_loop(void **state)
{
	struct house *h = house_new();
	struct postern_loop *loop = NULL;

	(void)state;
	h->fds += 3; /* of the loop */
	assert_ok(house_start(h));
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_loop_post(loop, other_free, h));
	assert_ok(postern_loop_dispatch(loop, 0));
	postern_loop_free(loop);
	h->fds -= 3;
	h->t = NULL;
	house_close(h);
}

/* ---- several ---- */

static const struct postern_server_events silent_events = { .size = sizeof silent_events };

static int named_main(struct postern_thread *t, struct postern_loop *loop, void *data)
{
	struct postern_server *s;
	char name[32];

	(void)t;
	snprintf(name, sizeof name, "many-%ld", (long)(intptr_t)data);
	return postern_server_new(&s, loop, name, NULL, &silent_events, NULL);
}

static void many_threads_come_and_go_beside_each_other(void **state)
{
	enum { N = 16, ROUNDS = 5 };
	int64_t memory = fault_memory();
	int fds = test_fd_count();

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct postern_thread *t[N] = { NULL };

		for (intptr_t i = 0; i < N; i++)
			assert_ok(postern_thread_start(&t[i], NULL, named_main, (void *)i));
		for (int i = 0; i < N; i++)
			assert_ok(postern_thread_stop(t[i]));
		for (int i = 0; i < N; i++)
			postern_thread_free(t[(i + round) % N]);
	}
	assert_int_equal(fault_memory(), memory);
	assert_int_equal(test_fd_count(), fds);
}

static void ten_may_compete_for_one_name_and_one_has_it(void **state)
{
	enum { N = 10 };
	struct postern_thread *t[N] = { NULL };
	int won = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		int r = postern_thread_start(&t[i], NULL, named_main, NULL);

		assert_true(r == 0 || r == -EADDRINUSE);
		won += r == 0;
	}
	assert_int_equal(won, 1);
	for (int i = 0; i < N; i++)
		postern_thread_free(t[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_stack_that_no_machine_has_is_no_thread),
		TEST(a_start_without_memory_or_threads_says_so),
		TEST(it_serves_until_it_is_stopped),
		TEST(it_knows_its_own_id_from_the_beginning),
		TEST(its_name_is_what_debuggers_show),
		TEST(a_start_that_fails_says_why_and_leaves_nothing),
		TEST(a_start_without_descriptors_says_so),
		TEST(calls_with_nonsense_say_invalid),
		TEST(a_start_that_hangs_is_let_go_and_ends_by_itself),
		TEST(a_join_that_times_out_says_which_callback_it_hangs_in),
		TEST(one_that_hangs_longer_than_free_waits_is_let_go),
		TEST(any_thread_joins_and_several_do),
		TEST(it_stops_itself_before_it_runs),
		TEST(a_thread_stops_itself_and_cannot_wait_for_itself),
		TEST(pain_15_a_thread_is_freed_inside_its_own_callback),
		TEST(a_thread_whose_loop_is_freed_ends),
		TEST(a_thread_is_freed_inside_a_callback_of_another_loop),
		TEST(many_threads_come_and_go_beside_each_other),
		TEST(ten_may_compete_for_one_name_and_one_has_it),
	};

	fault_reset();
	return test_run(tests);
}
