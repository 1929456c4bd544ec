/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.c - a loop on a thread of its own
 *
 *   STARTING -> RUNNING -> ENDED
 *
 * Every way out of the thread goes through thread_leave(), which pthread_cleanup_push() installs: a return from
 * the loop, pthread_exit() in a callback, and cancellation. It frees the loop, and this loop owns the objects made
 * on it, so a server's name is given up however its thread ended.
 *
 * Cancellation is disabled except in the loop's wait (loop.c), the one place where no frame of ours has anything to
 * release. pthread_exit() may be called in any callback; therefore frames that call back own nothing (loop.h).
 *
 * The struct has two owners, the handle and the thread; the last of them frees it. So a thread that hangs in a
 * callback can be detached, and still cleans up when the callback returns.
 *
 * The loop is only accessed under the mutex, and is taken out of the struct before it is freed: a post or a stop
 * from another thread finds a loop or none, never one that is being freed.
 */
#include <postern/thread.h>

#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "base/reason.h"
#include "loop/loop.h"

enum { THREAD_STARTING, THREAD_RUNNING, THREAD_ENDED };
#define THREAD_START POSTERN_SECONDS(5)
#define THREAD_JOIN  POSTERN_SECONDS(5)

struct postern_thread {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pthread_t id;
	unsigned generation;
	unsigned references;
	int state;
	int result;                   /* of fn */
	bool joined;                  /* or detached */
	bool stopping;                /* requested before there was a loop */
	struct postern_loop *loop;    /* NULL before it is made and after it is freed */
	struct postern_loop *leaving; /* the same while it is being freed */
	postern_thread_fn *fn;
	void *data;
	struct postern_thread_options options;
	char name[16];
	struct why why; /* why fn failed */
};

static void thread_unref(struct postern_thread *t)
{
	bool last;

	pthread_mutex_lock(&t->mutex);
	last = --t->references == 0;
	pthread_mutex_unlock(&t->mutex);
	if (!last)
		return;
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->mutex);
	sys_free(t);
}

static void thread_announce(struct postern_thread *t, int state, int result)
{
	pthread_mutex_lock(&t->mutex);
	if (t->state == THREAD_STARTING && t->result == 0)
		t->result = result;
	t->state = state;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->mutex);
}

/* ---- on the thread ---- */

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>

/* AddressSanitizer poisons parts of stack frames, and does not notice when a thread is unwound out of them:
   later frames would hit the poison. */
static void thread_forget_marks(void)
{
	pthread_attr_t attributes;
	void *stack;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attributes) != 0)
		return;
	if (pthread_attr_getstack(&attributes, &stack, &size) == 0)
		/* Not the address of a local, which may be on AddressSanitizer's other stack. */
		__asan_unpoison_memory_region(
			stack, (size_t)((char *)__builtin_frame_address(0) - (char *)stack));
	pthread_attr_destroy(&attributes);
}
#else
static void thread_forget_marks(void)
{
}
#endif

static void thread_give_back(struct postern_thread *t)
{
	void (*ended)(void *data);

	pthread_mutex_lock(&t->mutex);
	if (t->loop)
		t->leaving = t->loop;
	t->loop = NULL;
	pthread_mutex_unlock(&t->mutex);
	loop_abandon(t->leaving);
	t->leaving = NULL;
	ended = t->options.ended;
	t->options.ended = NULL;
	if (ended)
		ended(t->data);
}

/* A final event may call pthread_exit() too, even one that comes because another callback did: then this is called
   once more and continues from there. The C library calls the handlers below again as well, glibc this one; so
   completion is recorded in the frame of thread_main(). */
static void thread_leave(void *data)
{
	struct postern_thread **own = data, *t = *own;

	if (!t)
		return;
	thread_forget_marks();
	pthread_cleanup_push(thread_leave, own);
	thread_give_back(t);
	pthread_cleanup_pop(0);
	*own = NULL;
	thread_announce(t, THREAD_ENDED, -ECANCELED);
	thread_unref(t);
}

static int thread_make_loop(struct postern_thread *t)
{
	struct postern_loop *loop;
	int r = postern_loop_new(&loop);

	if (r < 0)
		return r;
	loop->owns = true;
	loop->cancellable = true;
	pthread_mutex_lock(&t->mutex);
	t->loop = loop;
	if (t->stopping)
		postern_loop_stop(loop);
	pthread_mutex_unlock(&t->mutex);
	return 0;
}

/* Copies the text of fn's failure from its thread, for the thread that started it. */
static void thread_failed(struct postern_thread *t, int error)
{
	const struct postern_reason *why = postern_why();

	if (why->code && why->error == error)
		why_copy(&t->why, why);
	else
		why_set(&t->why, why_code(error), error,
			"the thread's start function returned %d: %s", error, why_errno(error));
}

static void *thread_main(void *data)
{
	struct postern_thread *t = data, *own = t;
	int r, ignored;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
	pthread_cleanup_push(thread_leave, &own);
	pthread_setname_np(pthread_self(), t->name);
	r = thread_make_loop(t);
	if (r == 0)
		r = t->fn(t, t->loop, t->data);
	if (r < 0) {
		thread_failed(t, r);
		thread_announce(t, THREAD_STARTING,
				r); /* ENDED follows, when everything is released */
	} else {
		thread_announce(t, THREAD_RUNNING, 0);
		postern_loop_run(t->loop);
	}
	pthread_cleanup_pop(1);
	return NULL;
}

/* ---- from outside ---- */

static int thread_init(struct postern_thread *t, const struct postern_thread_options *options)
{
	pthread_condattr_t attributes;
	static const char what[] = "postern_thread_options";
	int r = struct_import(what, &t->options, sizeof(t->options), options);

	if (r < 0)
		return r;
	if (t->options.start_ns < 0)
		return why_field(what, "start_ns", "is negative");
	if (t->options.join_ns < 0)
		return why_field(what, "join_ns", "is negative");
	/* The kernel keeps 15 bytes and would cut the rest without a word. */
	if (t->options.name && strlen(t->options.name) >= sizeof(t->name))
		return why_field(what, "name", "has more than 15 bytes");
	if (t->options.start_ns == 0)
		t->options.start_ns = THREAD_START;
	if (t->options.join_ns == 0)
		t->options.join_ns = THREAD_JOIN;
	strncpy(t->name, t->options.name ? t->options.name : "postern", sizeof(t->name) - 1);
	t->references = 2;
	t->generation = fork_generation();
	r = -pthread_mutex_init(&t->mutex, NULL);
	if (r < 0)
		return why_call("postern_thread_start", r);
	r = -pthread_condattr_init(&attributes);
	if (r == 0)
		r = -pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (r == 0)
		r = -pthread_cond_init(&t->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (r < 0) {
		pthread_mutex_destroy(&t->mutex);
		why_call("postern_thread_start", r);
	}
	return r;
}

static int thread_create(struct postern_thread *t)
{
	pthread_attr_t attributes;
	int r = -pthread_attr_init(&attributes);

	if (r < 0)
		return r;
	if (t->options.stack_size > 0)
		r = -pthread_attr_setstacksize(&attributes, t->options.stack_size);
	/* The id may be stored after the thread has begun; the thread takes the mutex before its first callback. */
	pthread_mutex_lock(&t->mutex);
	if (r == 0)
		r = -pthread_create(&t->id, &attributes, thread_main, t);
	pthread_mutex_unlock(&t->mutex);
	pthread_attr_destroy(&attributes);
	return r;
}

/* Until it has left STARTING, or is ENDED; with the mutex held. */
static int thread_wait(struct postern_thread *t, int least, int64_t at_ns)
{
	struct timespec at = { .tv_sec = (time_t)(at_ns / 1000000000),
			       .tv_nsec = (long)(at_ns % 1000000000) };

	while (t->state < least) {
		int r = at_ns == POSTERN_FOREVER
				? -pthread_cond_wait(&t->changed, &t->mutex)
				: -pthread_cond_timedwait(&t->changed, &t->mutex, &at);

		if (r == -ETIMEDOUT)
			return r;
	}
	return 0;
}

/* With the mutex held. */
static void thread_ask(struct postern_thread *t)
{
	t->stopping = true;
	if (t->loop)
		postern_loop_stop(t->loop);
}

/* It continues by itself, and drops its reference to the struct when it ends. */
static void thread_let_go(struct postern_thread *t)
{
	pthread_mutex_lock(&t->mutex);
	if (!t->joined)
		pthread_detach(t->id);
	t->joined = true;
	thread_ask(t);
	pthread_mutex_unlock(&t->mutex);
	thread_unref(t);
}

/* The result of the start, for the thread that waits for it: 0 and *ret, or an error with its text. */
static int thread_await(struct postern_thread *t, struct postern_thread **ret)
{
	int r;

	pthread_mutex_lock(&t->mutex);
	r = thread_wait(t, THREAD_RUNNING, time_after(sys_now(), t->options.start_ns));
	if (r < 0)
		why_set(why_last(), POSTERN_REASON_TIMEOUT, r,
			"the thread's start function did not return within %lld ms",
			(long long)(t->options.start_ns / 1000000));
	else if (t->result < 0 && t->why.reason.code)
		why_copy(why_last(), &t->why.reason);
	else if (t->result < 0)
		why_set(why_last(), POSTERN_REASON_CANCELLED, t->result,
			"the thread's start function called pthread_exit()");
	else
		*ret = t;
	pthread_mutex_unlock(&t->mutex);
	return r;
}

int postern_thread_start(struct postern_thread **ret, const struct postern_thread_options *options,
			 postern_thread_fn *fn, void *data)
{
	static const char call[] = "postern_thread_start";
	struct postern_thread *t;
	int r;

	if (!ret || !fn)
		return why_argument(call, "ret or fn is NULL");
	if (loop_in_callback())
		return why_call(call, -EDEADLK);
	r = fork_guard_setup();
	if (r < 0)
		return why_call(call, r);
	t = sys_alloc(sizeof(*t));
	if (!t)
		return why_call(call, -ENOMEM);
	t->fn = fn;
	t->data = data;
	r = thread_init(t, options);
	if (r < 0) {
		sys_free(t);
		return r;
	}
	r = thread_create(t);
	if (r < 0) {
		t->references = 1;
		thread_unref(t);
		return why_set(why_last(), why_code(r), r, "cannot make a thread: %s",
			       r == -EAGAIN   ? "a limit of threads or memory is reached"
			       : r == -EINVAL ? "postern_thread_options.stack_size is too small"
					      : why_errno(r));
	}
	r = thread_await(t, ret);
	if (r < 0) {
		thread_let_go(t); /* it hangs; do not wait for it twice */
		return r;
	}
	r = t->result;
	if (r < 0)
		postern_thread_free(t);
	return r;
}

static int thread_check(const struct postern_thread *t)
{
	if (!t)
		return -EINVAL;
	return t->generation == fork_generation() ? 0 : -ECHILD;
}

int postern_thread_stop(struct postern_thread *t)
{
	int r = thread_check(t);

	if (r < 0)
		return r;
	pthread_mutex_lock(&t->mutex);
	if (t->state == THREAD_ENDED)
		r = -ESTALE;
	else
		thread_ask(t);
	pthread_mutex_unlock(&t->mutex);
	return r;
}

int postern_thread_post(struct postern_thread *t, postern_fn *fn, void *data)
{
	int r = thread_check(t);

	if (r < 0)
		return r;
	if (!fn)
		return -EINVAL;
	pthread_mutex_lock(&t->mutex);
	r = t->loop ? postern_loop_post(t->loop, fn, data) : -ESTALE;
	pthread_mutex_unlock(&t->mutex);
	return r;
}

int postern_thread_join(struct postern_thread *t, int64_t deadline_ns)
{
	bool join = false;
	int r = thread_check(t);

	if (r < 0)
		return r;
	if (deadline_ns < 0)
		return -EINVAL;
	if (loop_in_callback() || pthread_equal(pthread_self(), t->id))
		return -EDEADLK;
	pthread_mutex_lock(&t->mutex);
	r = thread_wait(t, THREAD_ENDED, time_after(sys_now(), deadline_ns));
	if (r == 0 && !t->joined)
		join = t->joined = true;
	pthread_mutex_unlock(&t->mutex);
	/* It has released everything, and only has to return. */
	if (join)
		pthread_join(t->id, NULL);
	return r;
}

struct postern_thread *postern_thread_free(struct postern_thread *t)
{
	if (!t)
		return NULL;
	/* In a child process the thread does not exist, and the state of its mutex is unknown. */
	if (thread_check(t) < 0) {
		sys_free(t);
		return NULL;
	}
	postern_thread_stop(t);
	if (postern_thread_join(t, t->options.join_ns) == 0)
		thread_unref(t);
	else
		thread_let_go(t);
	return NULL;
}

const char *postern_thread_calling(struct postern_thread *t)
{
	const char *calling = NULL;

	if (thread_check(t) < 0)
		return "";
	pthread_mutex_lock(&t->mutex);
	if (t->state == THREAD_STARTING)
		calling = "start";
	else if (t->loop)
		calling = atomic_load_explicit(&t->loop->calling, memory_order_relaxed);
	pthread_mutex_unlock(&t->mutex);
	return calling ? calling : "";
}

pthread_t postern_thread_id(const struct postern_thread *t)
{
	return t ? t->id : (pthread_t)0;
}
