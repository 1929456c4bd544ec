/* SPDX-License-Identifier: Apache-2.0 */
/* test-stop.c - postern_loop_stop() where little is allowed: in signal handlers, in threads that are cancelled */
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <postern.h>

#include "loop/loop.h"

/* The library's calls of it come here: this program is linked with the static library. */
static atomic_uint cancel_states;
#ifdef __GLIBC__
int pthread_setcancelstate(int state, int *old)
{
	static int (*real)(int, int *);

	atomic_fetch_add(&cancel_states, 1);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_setcancelstate");
	return real(state, old);
}
#endif

static struct postern_loop *the_loop;
static atomic_int errno_after;
static atomic_uint cancel_states_after;

static void stop_in_handler(int sig)
{
	unsigned before = atomic_load(&cancel_states);

	(void)sig;
	errno = 4242;
	postern_loop_stop(the_loop);
	errno_after = errno;
	cancel_states_after = atomic_load(&cancel_states) - before;
}

static void raise_stop(void)
{
	struct sigaction action = { .sa_handler = stop_in_handler }, old;

	assert_ok(sigaction(SIGUSR1, &action, &old));
	assert_ok(raise(SIGUSR1));
	assert_ok(sigaction(SIGUSR1, &old, NULL));
}

static void a_stop_in_a_signal_handler_calls_nothing_that_is_unsafe_there(void **state)
{
	(void)state;
#ifndef __GLIBC__
	test_skip("the call cannot be seen without symbols of a shared libc");
#endif
	assert_ok(postern_loop_new(&the_loop));
	assert_ok(postern_loop_dispatch(the_loop, 0));
	assert_true(atomic_load(&cancel_states) > 0); /* else nothing would be counted */
	raise_stop();
	assert_int_equal(cancel_states_after, 0);
	assert_int_equal(errno_after, 4242);
	assert_ok(postern_loop_run(the_loop));
	the_loop = postern_loop_free(the_loop);
}

static void a_stop_that_cannot_write_keeps_errno(void **state)
{
	uint64_t full = UINT64_MAX - 1;

	(void)state;
	assert_ok(postern_loop_new(&the_loop));
	assert_int_equal(write(the_loop->event.fd, &full, sizeof(full)), sizeof(full));
	raise_stop();
	assert_int_equal(errno_after, 4242);
	assert_ok(postern_loop_run(the_loop));
	the_loop = postern_loop_free(the_loop);
}

static void *stop_and_be_cancelled(void *arg)
{
	atomic_bool *stopped = arg;

	pthread_cancel(pthread_self());
	postern_loop_stop(the_loop);
	*stopped = true;
	pthread_testcancel();
	return NULL;
}

static void a_thread_with_a_cancellation_pending_still_wakes_the_loop(void **state)
{
	atomic_bool stopped = false;
	pthread_t thread;
	void *result;

	(void)state;
	assert_ok(postern_loop_new(&the_loop));
	assert_int_equal(pthread_create(&thread, NULL, stop_and_be_cancelled, &stopped), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_true(result == PTHREAD_CANCELED);
	assert_true(stopped);
	assert_int_equal(postern_loop_dispatch(the_loop, POSTERN_SECONDS(5)), 1);
	the_loop = postern_loop_free(the_loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_stop_in_a_signal_handler_calls_nothing_that_is_unsafe_there),
		TEST(a_stop_that_cannot_write_keeps_errno),
		TEST(a_thread_with_a_cancellation_pending_still_wakes_the_loop),
	};

	return test_run(tests);
}
