/* SPDX-License-Identifier: Apache-2.0 */
/* test-loop.c - timers, descriptors, child processes, the log, and freeing all of it at any moment */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <postern.h>
#include <postern/loop.h>

#include "base/base.h"
#include "fault.h"
#include "loop/loop.h"

static int loop_setup(void **state)
{
	struct postern_loop *loop;

	fault_reset();
	assert_ok(postern_loop_new(&loop));
	*state = loop;
	return 0;
}

static int loop_setup_fake(void **state)
{
	struct postern_loop *loop;

	fault_reset();
	fault_clock_fake();
	assert_ok(postern_loop_new(&loop));
	*state = loop;
	return 0;
}

static int loop_finish(void **state)
{
	postern_loop_free(*state);
	assert_int_equal(fault_memory(), 0);
	fault_reset();
	return 0;
}

#define LOOP_TEST(name) TEST_WITH(name, loop_setup, loop_finish)
#define FAKE_TEST(name) TEST_WITH(name, loop_setup_fake, loop_finish)

/* Turns until nothing happens any more. */
static void settle(struct postern_loop *loop)
{
	int r, turns = 0;

	do
		r = postern_loop_dispatch(loop, 0);
	while (r > 0 && ++turns < 1000);
	assert_ok(r);
	assert_true(turns < 1000);
}

/* ---- timers ---- */

struct shot {
	struct postern_timer *timer;
	int id;
	int64_t due_ns;
	int n;
};

static struct {
	int ids[64];
	int n;
} fired;

static void shot_fired(struct postern_timer *t, void *data)
{
	struct shot *s = data;

	assert_ptr_equal(t, s->timer);
	s->due_ns = postern_timer_due_ns(t);
	s->n++;
	if (fired.n < 64)
		fired.ids[fired.n++] = s->id;
}

static void timers_fire_in_the_order_of_their_times_and_on_time(void **state)
{
	static const int after_ms[] = { 30, 10, 3600000, 20, 10000 };
	static const int order[] = { 1, 3, 0, 4, 2 };
	struct shot shots[5] = { 0 };
	int64_t begin = postern_now();

	fired.n = 0;
	for (int i = 0; i < 5; i++) {
		shots[i].id = i;
		assert_ok(postern_timer_new(&shots[i].timer, *state, shot_fired, &shots[i]));
		assert_ok(postern_timer_set(shots[i].timer, POSTERN_MS(after_ms[i])));
	}
	for (int i = 0; i < 5; i++) {
		assert_int_equal(postern_loop_dispatch(*state, POSTERN_FOREVER), 1);
		assert_int_equal(fired.n, i + 1);
		assert_int_equal(fired.ids[i], order[i]);
		assert_int_equal(postern_now(), begin + POSTERN_MS(after_ms[order[i]]));
		assert_int_equal(shots[order[i]].due_ns, postern_now());
	}
	for (int i = 0; i < 5; i++)
		postern_timer_free(shots[i].timer);
}

static void timers_due_in_one_turn_run_in_the_order_of_their_times(void **state)
{
	struct shot shots[16] = { 0 };

	fired.n = 0;
	for (int i = 0; i < 16; i++) {
		shots[i].id = (i * 7) % 16;
		assert_ok(postern_timer_new(&shots[i].timer, *state, shot_fired, &shots[i]));
		assert_ok(postern_timer_set(shots[i].timer, POSTERN_MS(1 + shots[i].id)));
	}
	fault_clock_advance(POSTERN_SECONDS(1));
	settle(*state);
	assert_int_equal(fired.n, 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(fired.ids[i], i);
	for (int i = 0; i < 16; i++)
		postern_timer_free(shots[i].timer);
}

static void timer_again(struct postern_timer *t, void *data)
{
	struct shot *s = data;

	s->n++;
	assert_ok(postern_timer_set(t, 0));
}

/* A timer that sets itself to "at once" gets one call a turn, and does not starve the rest. */
static void a_timer_set_again_in_its_callback_waits_for_the_next_turn(void **state)
{
	struct shot s = { 0 };

	assert_ok(postern_timer_new(&s.timer, *state, timer_again, &s));
	assert_ok(postern_timer_set(s.timer, -5));
	for (int turn = 1; turn <= 20; turn++) {
		assert_ok(postern_loop_dispatch(*state, POSTERN_MS(1)));
		assert_int_equal(s.n, turn);
	}
	postern_timer_free(s.timer);
}

static void a_timer_that_is_set_again_forgets_what_was_set_before(void **state)
{
	struct shot s = { 0 };
	int64_t begin = postern_now();

	assert_ok(postern_timer_new(&s.timer, *state, shot_fired, &s));
	assert_ok(postern_timer_set(s.timer, POSTERN_MS(10)));
	assert_ok(postern_timer_set(s.timer, POSTERN_MS(50)));
	assert_ok(postern_loop_dispatch(*state, POSTERN_MS(40)));
	assert_ok(postern_loop_dispatch(*state, begin + POSTERN_MS(45) - postern_now()));
	assert_int_equal(s.n, 0);
	assert_ok(postern_loop_dispatch(*state, POSTERN_FOREVER));
	assert_int_equal(s.due_ns, begin + POSTERN_MS(50));
	assert_ok(postern_timer_set_periodic(s.timer, POSTERN_MS(5)));
	assert_ok(postern_timer_cancel(s.timer));
	assert_ok(postern_timer_cancel(s.timer));
	assert_ok(postern_loop_dispatch(*state, POSTERN_MS(100)));
	assert_ok(postern_loop_dispatch(*state, POSTERN_MS(100)));
	assert_int_equal(s.n, 1);
	assert_errno(postern_timer_set_periodic(s.timer, 0), -EINVAL);
	assert_ok(postern_timer_set(s.timer, POSTERN_FOREVER));
	postern_timer_free(s.timer);
}

static void a_periodic_timer_does_not_drift_and_skips_what_it_missed(void **state)
{
	struct shot s = { 0 };
	int64_t begin = postern_now();

	assert_ok(postern_timer_new(&s.timer, *state, shot_fired, &s));
	assert_ok(postern_timer_set_periodic(s.timer, POSTERN_MS(10)));
	for (int i = 1; i <= 100; i++) {
		assert_ok(postern_loop_dispatch(*state, POSTERN_FOREVER));
		assert_int_equal(s.due_ns, begin + i * POSTERN_MS(10));
		fault_clock_advance(POSTERN_MS(3)); /* the callback took a while */
	}
	fault_clock_advance(POSTERN_MS(72));
	settle(*state); /* 1075 ms: one call, for what was due at 1010 */
	assert_int_equal(s.n, 101);
	assert_int_equal(s.due_ns, begin + POSTERN_MS(1010));
	assert_ok(postern_loop_dispatch(*state, POSTERN_FOREVER));
	assert_int_equal(s.due_ns, begin + POSTERN_MS(1080));
	postern_timer_free(s.timer);
}

static void timer_frees_all(struct postern_timer *t, void *data)
{
	struct shot *shots = data;

	for (int i = 0; i < 3; i++) {
		assert_true(i != 0 || shots[i].timer == t || shots[0].timer);
		shots[i].timer = postern_timer_free(shots[i].timer);
	}
	shots[0].n++;
}

static void a_timer_may_free_itself_and_others_that_are_due(void **state)
{
	struct shot shots[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		assert_ok(postern_timer_new(&shots[i].timer, *state, timer_frees_all, shots));
		assert_ok(postern_timer_set(shots[i].timer, POSTERN_MS(1)));
	}
	fault_clock_advance(POSTERN_MS(2));
	settle(*state);
	assert_int_equal(shots[0].n, 1);
}

enum { MANY = 300 };

/* Random setting, cancelling, freeing and passing of time, against a plain array. */
static void random_timers_agree_with_a_plain_list(void **state)
{
	static struct shot shots[MANY];
	static int64_t at[MANY];
	uint64_t random = 4711;

	memset(shots, 0, sizeof shots);
	for (int i = 0; i < MANY; i++)
		at[i] = -1;
	for (int step = 0; step < 20000; step++) {
		int i = (int)random_below(&random, MANY);
		int64_t after = (int64_t)random_below(&random, 1000) + 1;
		struct shot *s = &shots[i];

		if (!s->timer)
			assert_ok(postern_timer_new(&s->timer, *state, shot_fired, s));
		switch (random_below(&random, 8)) {
		case 0:
			assert_ok(postern_timer_cancel(s->timer));
			at[i] = -1;
			break;
		case 1:
			s->timer = postern_timer_free(s->timer);
			at[i] = -1;
			break;
		case 2:
			fault_clock_advance((int64_t)random_below(&random, 300));
			settle(*state);
			for (int k = 0; k < MANY; k++) {
				bool due = at[k] >= 0 && at[k] <= postern_now();

				assert_int_equal(shots[k].n, due);
				assert_true(!due || shots[k].due_ns == at[k]);
				shots[k].n = 0;
				at[k] = due ? -1 : at[k];
			}
			break;
		default:
			assert_ok(postern_timer_set(s->timer, after));
			at[i] = postern_now() + after;
		}
	}
	for (int i = 0; i < MANY; i++)
		postern_timer_free(shots[i].timer);
}

/* A deadline for each message that is always cancelled in time must not cost a system call each. */
static void arming_later_deadlines_makes_no_system_call(void **state)
{
	struct shot s = { 0 };

	assert_ok(postern_timer_new(&s.timer, *state, shot_fired, &s));
	assert_ok(postern_timer_set(s.timer, POSTERN_SECONDS(10)));
	fault_count_reset();
	for (int i = 0; i < 1000; i++)
		assert_ok(postern_timer_set(s.timer, POSTERN_SECONDS(10) + i));
	assert_int_equal(fault_count_kernel(), 0);
	assert_int_equal(fault_count(FAULT_alloc) + fault_count(FAULT_realloc), 0);
	postern_timer_free(s.timer);
}

/* ---- descriptors ---- */

struct seen {
	struct postern_watch *watch;
	struct postern_watch **kill;
	uint64_t happened;
	int n;
};

static void watch_seen(struct postern_watch *w, uint64_t happened, void *data)
{
	struct seen *s = data;

	assert_ptr_equal(w, s->watch);
	s->happened = happened;
	s->n++;
	for (int i = 0; s->kill && i < 2; i++)
		s->kill[i] = postern_watch_free(s->kill[i]);
}

static void a_watch_tells_what_happens_as_long_as_it_lasts(void **state)
{
	struct seen s = { 0 };
	int fds[2];

	assert_ok(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	assert_ok(postern_watch_new(&s.watch, *state, fds[0], POSTERN_WATCH_READABLE, watch_seen,
				    &s));
	settle(*state);
	assert_int_equal(s.n, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_ok(postern_loop_dispatch(*state, 0));
	assert_ok(postern_loop_dispatch(*state, 0));
	assert_int_equal(s.n, 2); /* level-triggered */
	assert_int_equal(s.happened, POSTERN_WATCH_READABLE);
	assert_ok(postern_watch_set(s.watch, 0));
	settle(*state);
	assert_int_equal(s.n, 2);
	assert_ok(postern_watch_set(s.watch, POSTERN_WATCH_HANGUP));
	settle(*state);
	assert_int_equal(s.n, 2);
	close(fds[1]);
	assert_ok(postern_loop_dispatch(*state, 0));
	assert_int_equal(s.happened, POSTERN_WATCH_HANGUP);
	assert_ok(postern_watch_set(s.watch, POSTERN_WATCH_READABLE | POSTERN_WATCH_WRITABLE));
	assert_ok(postern_loop_dispatch(*state, 0));
	assert_int_equal(s.happened & POSTERN_WATCH_HANGUP, POSTERN_WATCH_HANGUP);
	assert_ok(postern_watch_set(s.watch, 0)); /* not even the hang-up */
	s.n = 0;
	settle(*state);
	assert_int_equal(s.n, 0);
	assert_errno(postern_watch_set(s.watch, 8), -EINVAL);
	postern_watch_free(s.watch);
	close(fds[0]);
}

static void a_writable_watch_tells_of_room(void **state)
{
	struct seen s = { 0 };
	int fds[2];

	assert_ok(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	assert_ok(postern_watch_new(&s.watch, *state, fds[1], POSTERN_WATCH_WRITABLE, watch_seen,
				    &s));
	assert_ok(postern_loop_dispatch(*state, 0));
	assert_int_equal(s.happened, POSTERN_WATCH_WRITABLE);
	postern_watch_free(s.watch);
	close(fds[0]);
	close(fds[1]);
}

static void what_epoll_cannot_watch_is_refused(void **state)
{
	struct postern_watch *w = NULL, *again;
	int fds[2], file = open(test_path("file"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	assert_ok(file);
	assert_ok(pipe2(fds, O_CLOEXEC));
	assert_errno(postern_watch_new(&w, *state, file, POSTERN_WATCH_READABLE, watch_seen, NULL),
		     -EPERM);
	assert_errno(postern_watch_new(&w, *state, 9999, POSTERN_WATCH_READABLE, watch_seen, NULL),
		     -EBADF);
	assert_errno(postern_watch_new(&w, *state, -1, POSTERN_WATCH_READABLE, watch_seen, NULL),
		     -EINVAL);
	assert_null(w);
	assert_ok(postern_watch_new(&w, *state, fds[0], POSTERN_WATCH_READABLE, watch_seen, NULL));
	assert_errno(postern_watch_new(&again, *state, fds[0], 1, watch_seen, NULL), -EEXIST);
	postern_watch_free(w);
	assert_ok(postern_watch_new(&w, *state, fds[0], POSTERN_WATCH_READABLE, watch_seen, NULL));
	postern_watch_free(w);
	close(file);
	close(fds[0]);
	close(fds[1]);
}

/* Both are in the same batch from epoll; the second must not be called once it is free. */
static void a_watch_may_free_itself_and_others_of_the_same_turn(void **state)
{
	struct postern_watch *both[2];
	struct seen s[2] = { 0 };
	int fds[2][2];

	for (int i = 0; i < 2; i++) {
		assert_ok(pipe2(fds[i], O_CLOEXEC));
		assert_int_equal(write(fds[i][1], "x", 1), 1);
		assert_ok(postern_watch_new(&both[i], *state, fds[i][0], POSTERN_WATCH_READABLE,
					    watch_seen, &s[i]));
		s[i].watch = both[i];
		s[i].kill = both;
	}
	assert_ok(postern_loop_dispatch(*state, 0));
	assert_int_equal(s[0].n + s[1].n, 1);
	for (int i = 0; i < 4; i++)
		close(fds[i / 2][i % 2]);
}

/* ---- child processes ---- */

struct ended {
	struct postern_child *child;
	int n, how, status;
};

static void child_ended(struct postern_child *child, int how, int status, void *data)
{
	struct ended *e = data;

	assert_ptr_equal(child, e->child);
	e->n++;
	e->how = how;
	e->status = status;
	e->child = postern_child_free(child);
}

/* valgrind 3.19 does not know pidfd_open(). */
static void need_pidfd(void)
{
	int fd = sys_pidfd_open(getpid());

	if (fd == -ENOSYS)
		test_skip("no pidfd_open() here");
	close(fd);
}

static pid_t child_start(int status)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (status >= 0)
			_exit(status);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static pid_t child_watchable(int status)
{
	need_pidfd();
	return child_start(status);
}

static void child_await(struct postern_loop *loop, struct ended *e)
{
	for (int64_t until = test_now_ns() + test_patience_ns(); !e->n && test_now_ns() < until;)
		assert_ok(postern_loop_dispatch(loop, POSTERN_SECONDS(1)));
	assert_int_equal(e->n, 1);
	settle(loop);
	assert_int_equal(e->n, 1);
}

static void a_child_that_exits_is_reaped_with_its_status(void **state)
{
	struct ended e = { 0 };
	pid_t pid = child_watchable(7);

	assert_ok(postern_child_new(&e.child, *state, pid, child_ended, &e));
	child_await(*state, &e);
	assert_int_equal(e.how, CLD_EXITED);
	assert_int_equal(e.status, 7);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void a_child_that_is_killed_says_by_which_signal(void **state)
{
	struct ended e = { 0 };
	pid_t pid = child_watchable(-1);

	assert_ok(postern_child_new(&e.child, *state, pid, child_ended, &e));
	settle(*state);
	assert_int_equal(e.n, 0);
	assert_ok(postern_child_kill(e.child, SIGKILL));
	child_await(*state, &e);
	assert_int_equal(e.how, CLD_KILLED);
	assert_int_equal(e.status, SIGKILL);
}

static void child_ended_kept(struct postern_child *child, int how, int status, void *data)
{
	struct ended *e = data;

	assert_ptr_equal(child, e->child);
	e->n++;
	e->how = how;
	e->status = status;
}

static void a_child_that_somebody_else_reaped_has_ended_all_the_same(void **state)
{
	struct ended e = { 0 };
	pid_t pid = child_watchable(3);

	assert_ok(postern_child_new(&e.child, *state, pid, child_ended_kept, &e));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	child_await(*state, &e);
	assert_int_equal(e.how, 0);
	assert_int_equal(e.status, 0);
	assert_errno(postern_child_kill(e.child, SIGKILL), -ESRCH);
	postern_child_free(e.child);
}

static void freeing_a_child_leaves_the_process_alone(void **state)
{
	struct ended e = { 0 };
	pid_t pid = child_watchable(-1);

	assert_ok(postern_child_new(&e.child, *state, pid, child_ended, &e));
	postern_child_free(e.child);
	settle(*state);
	assert_ok(kill(pid, 0));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(e.n, 0);
	assert_errno(postern_child_new(&e.child, *state, pid, child_ended, &e), -ESRCH);
}

static void a_process_that_is_no_child_of_ours_is_refused(void **state)
{
	struct postern_child *child = NULL;

	need_pidfd();
	assert_errno(postern_child_new(&child, *state, 1, child_ended, NULL), -ECHILD);
	assert_null(child);
}

/* ---- freeing ---- */

enum { KIND_TIMER, KIND_WATCH, KIND_CHILD, KIND_POST, KINDS };

struct everything {
	struct postern_loop *loop;
	struct postern_timer *timer;
	struct postern_watch *watch;
	struct postern_child *child;
	int kind, n;
};

static void everything_free(struct everything *a, int kind)
{
	if (a->n++ == 0 && kind == a->kind)
		a->loop = postern_loop_free(a->loop);
}

static void everything_timer(struct postern_timer *t, void *data)
{
	everything_free(data, KIND_TIMER);
	assert_errno(postern_timer_set(t, 1), -ESTALE);
}

static void everything_watch(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)happened;
	everything_free(data, KIND_WATCH);
	assert_errno(postern_watch_set(w, POSTERN_WATCH_READABLE), -ESTALE);
}

static void everything_child(struct postern_child *child, int how, int status, void *data)
{
	(void)how, (void)status;
	everything_free(data, KIND_CHILD);
	assert_errno(postern_child_kill(child, 0), -ESTALE);
}

static void everything_post(struct postern_loop *loop, void *data)
{
	assert_non_null(loop);
	everything_free(data, KIND_POST);
}

/* kind: what is ready, and so calls back; KINDS: nothing. */
static pid_t everything_make(struct everything *a, int kind, const int fds[2])
{
	pid_t pid = child_start(kind == KIND_CHILD ? 0 : -1);

	*a = (struct everything){ .kind = kind };
	assert_ok(postern_loop_new(&a->loop));
	assert_ok(postern_timer_new(&a->timer, a->loop, everything_timer, a));
	assert_ok(postern_timer_set(a->timer, kind == KIND_TIMER ? 0 : POSTERN_SECONDS(1000)));
	assert_ok(postern_watch_new(&a->watch, a->loop, fds[0], POSTERN_WATCH_READABLE,
				    everything_watch, a));
	if (kind == KIND_WATCH)
		assert_int_equal(write(fds[1], "x", 1), 1);
	assert_ok(postern_child_new(&a->child, a->loop, pid, everything_child, a));
	if (kind == KIND_POST)
		assert_ok(postern_loop_post(a->loop, everything_post, a));
	return pid;
}

static void everything_finish(struct everything *a, pid_t pid)
{
	assert_errno(postern_timer_cancel(a->timer), -ESTALE);
	assert_errno(postern_watch_set(a->watch, 0), -ESTALE);
	assert_errno(postern_child_kill(a->child, SIGKILL), -ESTALE);
	postern_timer_free(a->timer);
	postern_watch_free(a->watch);
	postern_child_free(a->child);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* pain 15: the loop goes from inside each of its callbacks; what was on it is inert and still to be freed. */
static void pain_15_the_loop_may_be_freed_inside_each_kind_of_callback(void **state)
{
	struct everything a;

	need_pidfd();
	for (int kind = 0; kind < KINDS; kind++) {
		int fds[2], turns = 0, r;
		pid_t pid;

		assert_ok(pipe2(fds, O_CLOEXEC));
		pid = everything_make(&a, kind, fds);
		do
			r = postern_loop_dispatch(a.loop, POSTERN_SECONDS(5));
		while (r >= 0 && ++turns < 10);
		assert_errno(r, -ESTALE);
		assert_int_equal(a.n, 1);
		everything_finish(&a, pid);
		close(fds[0]);
		close(fds[1]);
	}
	(void)state;
}

static void the_loop_may_be_freed_first_or_last(void **state)
{
	struct everything a;
	int fds[2];
	pid_t pid;

	(void)state;
	need_pidfd();
	assert_ok(pipe2(fds, O_CLOEXEC));
	pid = everything_make(&a, KINDS, fds);
	a.loop = postern_loop_free(a.loop);
	everything_finish(&a, pid);
	pid = everything_make(&a, KINDS, fds);
	postern_timer_free(a.timer);
	postern_watch_free(a.watch);
	postern_child_free(a.child);
	postern_loop_free(a.loop);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(a.n, 0);
	close(fds[0]);
	close(fds[1]);
}

static void free_of_null_is_fine(void **state)
{
	(void)state;
	assert_null(postern_loop_free(NULL));
	assert_null(postern_timer_free(NULL));
	assert_null(postern_watch_free(NULL));
	assert_null(postern_child_free(NULL));
}

static void auto_handles_may_be_declared_in_any_order(void **state)
{
	(void)state;
	{
		POSTERN_AUTO(loop) loop = NULL;
		POSTERN_AUTO(timer) timer = NULL;

		assert_ok(postern_loop_new(&loop));
		assert_ok(postern_timer_new(&timer, loop, timer_again, NULL));
	}
	{
		POSTERN_AUTO(timer) timer = NULL;
		POSTERN_AUTO(loop) loop = NULL;

		assert_ok(postern_loop_new(&loop));
		assert_ok(postern_timer_new(&timer, loop, timer_again, NULL));
	}
	assert_int_equal(fault_memory(), 0);
}

/* ---- the log ---- */

static void log_line(struct postern_loop *loop, int level, const char *text, void *data)
{
	(void)loop;
	snprintf(data, 64, "%d %s", level, text);
}

static void the_log_is_a_callback_and_silent_without_one(void **state)
{
	char line[64] = "";

	loop_log(*state, LOG_WARNING, "nobody hears %d", 1);
	assert_ok(postern_loop_set_log(*state, log_line, line));
	loop_log(*state, LOG_WARNING, "one %s", "line");
	assert_string_equal(line, "4 one line");
	assert_ok(postern_loop_set_log(*state, NULL, NULL));
	loop_log(*state, LOG_WARNING, "nobody hears");
	assert_string_equal(line, "4 one line");
	assert_errno(postern_loop_set_log(NULL, log_line, line), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FAKE_TEST(timers_fire_in_the_order_of_their_times_and_on_time),
		FAKE_TEST(timers_due_in_one_turn_run_in_the_order_of_their_times),
		FAKE_TEST(a_timer_set_again_in_its_callback_waits_for_the_next_turn),
		FAKE_TEST(a_timer_that_is_set_again_forgets_what_was_set_before),
		FAKE_TEST(a_periodic_timer_does_not_drift_and_skips_what_it_missed),
		FAKE_TEST(a_timer_may_free_itself_and_others_that_are_due),
		FAKE_TEST(random_timers_agree_with_a_plain_list),
		LOOP_TEST(arming_later_deadlines_makes_no_system_call),
		LOOP_TEST(a_watch_tells_what_happens_as_long_as_it_lasts),
		LOOP_TEST(a_writable_watch_tells_of_room),
		LOOP_TEST(what_epoll_cannot_watch_is_refused),
		LOOP_TEST(a_watch_may_free_itself_and_others_of_the_same_turn),
		LOOP_TEST(a_child_that_exits_is_reaped_with_its_status),
		LOOP_TEST(a_child_that_is_killed_says_by_which_signal),
		LOOP_TEST(a_child_that_somebody_else_reaped_has_ended_all_the_same),
		LOOP_TEST(freeing_a_child_leaves_the_process_alone),
		LOOP_TEST(a_process_that_is_no_child_of_ours_is_refused),
		TEST(pain_15_the_loop_may_be_freed_inside_each_kind_of_callback),
		TEST(the_loop_may_be_freed_first_or_last),
		TEST(free_of_null_is_fine),
		TEST(auto_handles_may_be_declared_in_any_order),
		LOOP_TEST(the_log_is_a_callback_and_silent_without_one),
	};

	fault_reset();
	return test_run(tests);
}
