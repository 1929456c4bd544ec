/* SPDX-License-Identifier: Apache-2.0 */
/* Ways out of a thread: leaving in the middle of a callback, what was posted, exit and fork of the process. */
#include "house.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern/thread.h>

/* ---- leaving in the middle ---- */

static void threat_14_pthread_exit_in_each_callback_gives_everything_back(void **state)
{
	int n = 0;

	(void)state;
	for (enum place place = IN_START + 1; place < PLACES; place++, n++) {
		struct house *h = house_new();
		int r;

		h->leave = place;
		assert_ok(house_start(h));
		house_provoke(h, place);
		r = postern_thread_join(h->t, LONG);
		if (r < 0 || h->left == 0 || h->ended != 1)
			fail_msg("in %s: join says %d, left %u, ended %u", places[place].name, r,
				 h->left, h->ended);
		assert_errno(house_post(h, IN_POST), -ESTALE);
		house_close(h);
	}
	test_note("%d kinds of callback", n);
}

static void final_events_that_leave_too_leave_nothing_behind(void **state)
{
	static const enum place where[] = { IN_CLOSED, IN_SERVER_CLOSED };

	(void)state;
	for (int stopped = 0; stopped < 2; stopped++) {
		for (int i = 0; i < 2; i++) {
			struct house *h = house_new();

			h->leave = where[i];
			h->leave_again = true;
			assert_ok(house_start(h));
			for (int k = 0; k < 4; k++)
				house_greet(h);
			if (stopped)
				assert_ok(postern_thread_stop(h->t));
			else if (where[i] == IN_CLOSED)
				shutdown(h->peers[0], SHUT_WR);
			else
				house_provoke(h, IN_SERVER_CLOSED);
			assert_ok(postern_thread_join(h->t, LONG));
			assert_int_equal(h->conns_closed, 4);
			assert_true(h->left >= 1);
			house_close(h);
		}
	}
}

static void threat_14_the_name_is_gone_after_each_way_out(void **state)
{
	enum { BY_STOP, BY_FREE, BY_EXIT, BY_CANCEL, BY_ERROR, WAYS };

	(void)state;
	for (int way = 0; way < WAYS; way++) {
		struct house *h = house_new();

		h->used = IN_POST;
		h->leave = way == BY_EXIT ? IN_POST : NOWHERE;
		h->result = way == BY_ERROR ? -EIO : 0;
		assert_errno(house_start(h), h->result);
		if (way != BY_ERROR)
			house_greet(h);
		switch (way) {
		case BY_STOP:
			assert_ok(postern_thread_stop(h->t));
			break;
		case BY_EXIT:
			assert_ok(house_post(h, IN_POST));
			break;
		case BY_CANCEL:
			assert_int_equal(pthread_cancel(postern_thread_id(h->t)), 0);
			break;
		default:
			break;
		}
		if (way == BY_FREE)
			h->t = postern_thread_free(h->t);
		else if (way != BY_ERROR)
			assert_ok(postern_thread_join(h->t, LONG));
		/* Not only in a while: now. */
		assert_int_equal(h->ended, 1);
		assert_errno(plain_connect(h->path[0]), -ENOENT);
		house_close(h);
	}
}

/* ---- posts ---- */

enum { POSTERS = 3, PARCELS = 3000 };

struct poster {
	pthread_t id;
	struct house *h;
	unsigned taken, refused;
};

static void *poster_main(void *data)
{
	struct poster *p = data;

	for (int i = 0; i < PARCELS; i++) {
		int r = house_post(p->h, NOWHERE);

		if (r == -EAGAIN) {
			test_sleep_ms(1);
			i--;
			continue;
		}
		if (r < 0 && r != -ESTALE)
			abort();
		p->taken += r == 0;
		p->refused += r < 0;
	}
	return NULL;
}

static void a_post_is_run_or_released_once_whenever_it_ends(void **state)
{
	unsigned run = 0, released = 0, refused = 0;

	(void)state;
	for (int round = 0; round < 12; round++) {
		struct house *h = house_new();
		struct poster p[POSTERS] = { 0 };
		unsigned taken = 0;

		h->used = IN_POST;
		h->leave = round % 3 == 1 ? IN_TIMER : NOWHERE;
		h->used = round % 3 == 1 ? IN_TIMER : IN_POST;
		assert_ok(house_start(h));
		for (int i = 0; i < POSTERS; i++) {
			p[i].h = h;
			assert_int_equal(pthread_create(&p[i].id, NULL, poster_main, &p[i]), 0);
		}
		if (round % 3 == 2)
			test_sleep_ms(round / 3);
		if (round % 3 != 1)
			assert_ok(postern_thread_stop(h->t));
		assert_ok(postern_thread_join(h->t, LONG));
		for (int i = 0; i < POSTERS; i++) {
			pthread_join(p[i].id, NULL);
			taken += p[i].taken;
			refused += p[i].refused;
		}
		assert_int_equal(h->posts_run + h->posts_released, taken);
		run += h->posts_run;
		released += h->posts_released;
		assert_errno(house_post(h, NOWHERE), -ESTALE);
		house_close(h);
	}
	test_note("%u posts were run, %u released, %u refused", run, released, refused);
}

static void order_post(struct postern_loop *loop, void *data)
{
	static int next;

	if (!loop)
		return;
	if ((int)(intptr_t)data == 0)
		next = 0;
	assert_int_equal((intptr_t)data, next);
	next++;
}

static void posts_arrive_in_order(void **state)
{
	struct house *h = house_new();

	(void)state;
	assert_ok(house_start(h));
	for (intptr_t i = 0; i < 2000; i++)
		assert_ok(postern_thread_post(h->t, order_post, (void *)i));
	assert_ok(house_post(h, NOWHERE));
	while (h->posts_run == 0)
		test_sleep_ms(1);
	house_close(h);
}

/* ---- the process ---- */

static int exits_while_it_runs(void *arg)
{
	struct house *h = arg;

	if (house_start(h) < 0)
		return 3;
	house_greet(h);
	exit(0);
}

static int dies_while_it_runs(void *arg)
{
	struct house *h = arg;

	if (house_start(h) < 0)
		return 3;
	house_greet(h);
	kill(getpid(), SIGKILL);
	return 4;
}

static void what_exit_and_kill_leave_is_taken_over(void **state)
{
	struct house *h = house_new();
	int status;

	(void)state;
	status = test_fork(exits_while_it_runs, h);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	status = test_fork(dies_while_it_runs, h);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_ok(house_start(h));
	house_greet(h);
	house_close(h);
}

static int in_the_child(void *arg)
{
	struct house *h = arg;

	assert_errno(postern_thread_stop(h->t), -ECHILD);
	assert_errno(postern_thread_join(h->t, LONG), -ECHILD);
	assert_errno(postern_thread_post(h->t, parcel_arrives, NULL), -ECHILD);
	assert_string_equal(postern_thread_calling(h->t), "");
	assert_null(postern_thread_free(h->t));
	/* The listeners are not its own, and the name is none of its business. */
	assert_int_equal(access(h->path[0], F_OK), 0);
	return 0;
}

struct visitor {
	pthread_t id;
	struct house *h;
	atomic_bool over;
	unsigned greetings, failures;
};

static void *visitor_main(void *data)
{
	struct visitor *v = data;

	while (!v->over) {
		int fd = plain_connect(v->h->path[0]);
		char back[5];

		if (fd < 0 || send(fd, "hello", 5, MSG_NOSIGNAL) != 5 ||
		    recv(fd, back, 5, MSG_WAITALL) != 5)
			v->failures++;
		else
			v->greetings++;
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void a_fork_beside_it_does_it_no_harm(void **state)
{
	struct house *h = house_new();
	struct visitor v = { .h = h };

	(void)state;
	h->used = IN_TIMER;
	assert_ok(house_start(h));
	assert_int_equal(pthread_create(&v.id, NULL, visitor_main, &v), 0);
	for (int i = 0; i < 30; i++)
		assert_int_equal(test_fork(in_the_child, h), 0);
	v.over = true;
	pthread_join(v.id, NULL);
	assert_int_equal(v.failures, 0);
	assert_true(v.greetings > 0);
	test_note("%u greetings while 30 children were forked", v.greetings);
	house_close(h);
}

/* A child that lives on keeps nothing alive. */
static int lives_on(void *arg)
{
	(void)arg;
	test_sleep_ms(60000);
	return 0;
}

static void pain_16_a_child_of_the_process_does_not_keep_its_name(void **state)
{
	struct house *h = house_new();
	pid_t pid;

	(void)state;
	assert_ok(house_start(h));
	pid = test_fork_start(lives_on, NULL);
	assert_ok(postern_thread_stop(h->t));
	assert_ok(postern_thread_join(h->t, LONG));
	assert_errno(plain_connect(h->path[0]), -ENOENT);
	h->t = postern_thread_free(h->t);
	h->ended = 0;
	h->path[0][0] = '\0';
	assert_ok(house_start(h));
	house_greet(h);
	kill(pid, SIGKILL);
	test_fork_wait(pid);
	house_close(h);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(threat_14_pthread_exit_in_each_callback_gives_everything_back),
		TEST(final_events_that_leave_too_leave_nothing_behind),
		TEST(threat_14_the_name_is_gone_after_each_way_out),
		TEST(a_post_is_run_or_released_once_whenever_it_ends),
		TEST(posts_arrive_in_order),
		TEST(what_exit_and_kill_leave_is_taken_over),
		TEST(a_fork_beside_it_does_it_no_harm),
		TEST(pain_16_a_child_of_the_process_does_not_keep_its_name),
	};

	fault_reset();
	return test_run(tests);
}
