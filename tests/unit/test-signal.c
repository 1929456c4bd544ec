/* SPDX-License-Identifier: Apache-2.0 */
/* test-signal.c - signals as events: who hears them, and what is left of the handler in children and afterwards */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern.h>

struct heard {
	struct postern_loop *loop;
	struct postern_signal *signal;
	unsigned n;
	int sig;
	pthread_t thread;
	bool frees;
};

static void heard(struct postern_signal *s, int sig, void *data)
{
	struct heard *h = data;

	assert_ptr_equal(s, h->signal);
	h->n++;
	h->sig = sig;
	h->thread = pthread_self();
	if (h->frees)
		h->signal = postern_signal_free(h->signal);
}

static void hear(struct heard *h, int sig)
{
	*h = (struct heard){ 0 };
	assert_ok(postern_loop_new(&h->loop));
	assert_ok(postern_signal_new(&h->signal, h->loop, sig, heard, h));
}

static void hear_no_more(struct heard *h)
{
	h->signal = postern_signal_free(h->signal);
	h->loop = postern_loop_free(h->loop);
}

static struct sigaction action_of(int sig)
{
	struct sigaction now;

	assert_ok(sigaction(sig, NULL, &now));
	return now;
}

static void *raise_on_a_thread(void *data)
{
	(void)data;
	raise(SIGUSR1);
	return NULL;
}

static void a_signal_to_any_thread_is_told_on_the_thread_of_the_loop(void **state)
{
	struct heard h;
	pthread_t t;

	(void)state;
	hear(&h, SIGUSR1);
	errno = 4242;
	raise(SIGUSR1);
	assert_int_equal(errno, 4242);
	assert_int_equal(h.n, 0); /* not in the handler */
	assert_true(postern_loop_dispatch(h.loop, 0) > 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.sig, SIGUSR1);
	assert_ok(pthread_create(&t, NULL, raise_on_a_thread, NULL));
	assert_ok(pthread_join(t, NULL));
	assert_true(postern_loop_dispatch(h.loop, 0) > 0);
	assert_int_equal(h.n, 2);
	assert_true(pthread_equal(h.thread, pthread_self()));
	hear_no_more(&h);
}

static void signals_that_come_together_are_one_call(void **state)
{
	struct heard h;

	(void)state;
	hear(&h, SIGUSR1);
	for (int i = 0; i < 3; i++)
		raise(SIGUSR1);
	assert_true(postern_loop_dispatch(h.loop, 0) > 0);
	assert_int_equal(postern_loop_dispatch(h.loop, 0), 0);
	assert_int_equal(h.n, 1);
	hear_no_more(&h);
}

static void the_action_of_before_comes_back_with_the_free(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old;
	struct heard h;

	(void)state;
	for (int way = 0; way < 4; way++) {
		assert_ok(sigaction(SIGUSR1, &ignore, &old));
		hear(&h, SIGUSR1);
		assert_true(action_of(SIGUSR1).sa_handler != SIG_IGN);
		if (way == 0)
			h.signal = postern_signal_free(h.signal);
		if (way == 1)
			h.loop = postern_loop_free(h.loop); /* the handle is inert */
		if (way == 2) {
			h.frees = true;
			raise(SIGUSR1);
			assert_true(postern_loop_dispatch(h.loop, 0) > 0);
			assert_null(h.signal);
		}
		if (way == 3) {
			assert_ok(sigaction(SIGUSR1, &old, NULL)); /* somebody else's by now */
			h.signal = postern_signal_free(h.signal);
			assert_true(action_of(SIGUSR1).sa_handler == SIG_DFL);
		} else {
			assert_true(action_of(SIGUSR1).sa_handler == SIG_IGN);
		}
		hear_no_more(&h);
		assert_ok(sigaction(SIGUSR1, &old, NULL));
	}
}

static void a_signal_has_one_watcher_in_a_process(void **state)
{
	struct postern_signal *other = NULL;
	struct heard h;

	(void)state;
	for (int i = 0; i < 2; i++) {
		hear(&h, SIGUSR1);
		assert_errno(postern_signal_new(&other, h.loop, SIGUSR1, heard, NULL), -EBUSY);
		assert_non_null(strstr(postern_why()->text, "already watches it"));
		assert_null(other);
		assert_ok(postern_signal_new(&other, h.loop, SIGUSR2, heard, NULL));
		postern_signal_free(other);
		hear_no_more(&h);
		other = NULL;
	}
}

static void what_no_program_can_go_on_from_is_refused(void **state)
{
	static const int wrong[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
				     SIGILL,  0,       -1,      65,     4096 };
	struct postern_signal *s = NULL;
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_errno(postern_signal_new(&s, loop, wrong[i], heard, NULL), -EINVAL);
	assert_errno(postern_signal_new(&s, loop, SIGUSR1, NULL, NULL), -EINVAL);
	assert_errno(postern_signal_new(&s, NULL, SIGUSR1, heard, NULL), -EINVAL);
	assert_errno(postern_signal_new(NULL, loop, SIGUSR1, heard, NULL), -EINVAL);
	assert_null(s);
	assert_null(postern_signal_free(NULL));
	postern_loop_free(loop);
}

static void a_forked_child_dies_of_the_signal_and_its_parent_hears_nothing(void **state)
{
	struct heard h;
	int status;
	pid_t pid;

	(void)state;
	for (int executed = 0; executed < 2; executed++) {
		hear(&h, SIGTERM);
		pid = fork();
		if (pid == 0) {
			if (executed)
				execl("/bin/sh", "sh", "-c", "kill -TERM $$; exit 3", (char *)NULL);
			raise(SIGTERM);
			_exit(4);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGTERM);
		assert_int_equal(postern_loop_dispatch(h.loop, 0), 0);
		assert_int_equal(h.n, 0);
		hear_no_more(&h);
	}
}

/* Before fork's handlers have run in the child. */
static void a_child_that_is_signalled_at_once_dies_of_it_and_its_parent_hears_nothing(void **state)
{
	struct heard h;
	unsigned died = 0;
	int status;
	pid_t pid;

	(void)state;
	hear(&h, SIGTERM);
	for (int i = 0; i < 100; i++) {
		pid = fork();
		if (pid == 0) {
			usleep(20000);
			_exit(5);
		}
		kill(pid, SIGTERM);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		died += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
	}
	assert_int_equal(died, 100);
	assert_int_equal(postern_loop_dispatch(h.loop, 0), 0);
	assert_int_equal(h.n, 0);
	hear_no_more(&h);
}

/* Another library that keeps our handler as what was there before, and sets it again when we have gone. */
static void a_handler_that_was_set_again_after_the_free_does_what_the_default_does(void **state)
{
	struct sigaction ours;
	struct heard h;
	int status;
	pid_t pid;

	(void)state;
	hear(&h, SIGTERM);
	ours = action_of(SIGTERM);
	hear_no_more(&h);
	pid = fork();
	if (pid == 0) {
		sigaction(SIGTERM, &ours, NULL);
		raise(SIGTERM);
		_exit(5);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	/* And it is not taken for an action of before. */
	assert_ok(sigaction(SIGTERM, &ours, NULL));
	hear(&h, SIGTERM);
	hear_no_more(&h);
	assert_true(action_of(SIGTERM).sa_handler == SIG_DFL);
}

static atomic_bool storm_is_over;

static void *storm(void *data)
{
	(void)data;
	while (!storm_is_over)
		kill(getpid(), SIGUSR1);
	return NULL;
}

/* The descriptor of one that was freed is at once somebody else's: a late handler would write to it. */
static void a_free_in_a_storm_of_signals_leaves_the_next_owner_of_its_descriptor_alone(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old;
	struct heard h;
	uint64_t count;
	pthread_t t;
	int fd;

	(void)state;
	test_skip_emulated("dies now and then in a storm of signals");
	assert_ok(sigaction(SIGUSR1, &ignore, &old));
	storm_is_over = false;
	assert_ok(pthread_create(&t, NULL, storm, NULL));
	for (int i = 0; i < 300; i++) {
		hear(&h, SIGUSR1);
		/* A wait that a signal breaks off is no event. */
		while (h.n == 0)
			assert_true(postern_loop_dispatch(h.loop, test_patience_ns()) >= 0);
		h.signal = postern_signal_free(h.signal);
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		sched_yield();
		assert_int_equal(read(fd, &count, sizeof(count)), -1);
		close(fd);
		hear_no_more(&h);
	}
	storm_is_over = true;
	assert_ok(pthread_join(t, NULL));
	assert_ok(sigaction(SIGUSR1, &old, NULL));
}

enum { LATE = 8 };

static void *late(void *handler)
{
	while (!storm_is_over) {
		((void (*)(int))handler)(SIGUSR1);
		sched_yield();
	}
	return NULL;
}

/* It found that nobody watches the signal, and passes it on while somebody begins to: that one's action stays. */
static void a_handler_that_is_late_leaves_the_next_watcher_its_action(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old, ours;
	struct heard h;
	pthread_t t[LATE];

	(void)state;
	assert_ok(sigaction(SIGUSR1, &ignore, &old));
	hear(&h, SIGUSR1);
	ours = action_of(SIGUSR1);
	hear_no_more(&h);
	storm_is_over = false;
	for (int k = 0; k < LATE; k++)
		assert_ok(pthread_create(&t[k], NULL, late, (void *)ours.sa_handler));
	for (int i = 0; i < 10000 / test_scale(); i++) {
		hear(&h, SIGUSR1);
		assert_ptr_equal(action_of(SIGUSR1).sa_handler, ours.sa_handler);
		hear_no_more(&h);
	}
	storm_is_over = true;
	for (int k = 0; k < LATE; k++)
		assert_ok(pthread_join(t[k], NULL));
	assert_ok(sigaction(SIGUSR1, &old, NULL));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_signal_to_any_thread_is_told_on_the_thread_of_the_loop),
		TEST(signals_that_come_together_are_one_call),
		TEST(the_action_of_before_comes_back_with_the_free),
		TEST(a_signal_has_one_watcher_in_a_process),
		TEST(what_no_program_can_go_on_from_is_refused),
		TEST(a_forked_child_dies_of_the_signal_and_its_parent_hears_nothing),
		TEST(a_child_that_is_signalled_at_once_dies_of_it_and_its_parent_hears_nothing),
		TEST(a_handler_that_was_set_again_after_the_free_does_what_the_default_does),
		TEST(a_free_in_a_storm_of_signals_leaves_the_next_owner_of_its_descriptor_alone),
		TEST(a_handler_that_is_late_leaves_the_next_watcher_its_action),
	};

	return test_run(tests);
}
