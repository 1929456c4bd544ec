/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/thread.h - a loop on a thread of its own
 *
 * The thread owns its loop and every object made on that loop, and releases all of it, once, however it
 * ends: the loop was stopped, a callback called pthread_exit(), the thread was cancelled. Final events come
 * as usual (CANCELLED); then the handles are invalid: free them before, on the thread, or not at all.
 *
 * Cancellation takes effect where the loop waits, never inside a callback. A callback must not throw.
 *
 * Each function may be called from any thread. On the thread itself, as in any callback, join and start return
 * -EDEADLK, and free does not wait.
 */
#ifndef POSTERN_THREAD_H
#define POSTERN_THREAD_H

#include <postern.h>
#include <pthread.h>

#ifdef __cplusplus
extern "C" {
#endif

struct postern_thread;

/* Runs on the new thread before its loop does: make servers and connections here. 0 or more: ready. A negative
   errno ends the thread, and postern_thread_start() returns it. */
typedef int postern_thread_fn(struct postern_thread *t, struct postern_loop *loop, void *data);

struct postern_thread_options {
	size_t      size;
	size_t      stack_size;  /* the system's */
	int64_t     start_ns;    /* how long start waits until it is ready: 5 s */
	int64_t     join_ns;     /* how long free waits until it has ended: 5 s */
	const char *name;        /* for debuggers, at most 15 bytes, else -EINVAL: "postern" */
	/* The last call on the thread, after everything it owned was released; or NULL. */
	void      (*ended)(void *data);
};

/* Returns 0 when fn has returned, or fn's result if that is negative. -ETIMEDOUT: fn did not return in time; the
   thread is detached and stops as soon as fn returns. -ECANCELED: fn called pthread_exit(). -EAGAIN: no more
   threads. -EDEADLK: inside a callback, because this waits. */
POSTERN_API POSTERN_MUST_USE int postern_thread_start(struct postern_thread **ret,
	const struct postern_thread_options *options, postern_thread_fn *fn, void *data);
/* Asks the loop to stop; returns at once. -ESTALE: it has ended. */
POSTERN_API int postern_thread_stop(struct postern_thread *t);
/* As postern_loop_post(). -ESTALE: it has ended, and fn will not be called. */
POSTERN_API POSTERN_MUST_USE int postern_thread_post(struct postern_thread *t, postern_fn *fn, void *data);
/* Waits until it has ended; does not stop it. -ETIMEDOUT: it has not, and is still yours;
   postern_thread_calling() says where it hangs. -EDEADLK: on itself, or inside a callback. */
POSTERN_API POSTERN_MUST_USE int postern_thread_join(struct postern_thread *t, int64_t deadline_ns);
/* The callback that it is in, such as "received", or "" while it waits. A hint: the thread keeps running. */
POSTERN_API const char *postern_thread_calling(struct postern_thread *t);
/* For pthread_cancel(), pthread_setschedparam() and the like. Do not join or detach it. */
POSTERN_API pthread_t postern_thread_id(const struct postern_thread *t);
/* Stops and joins it, within join_ns; a thread that hangs longer is detached and releases everything when it
   ends. Inside a callback this does not wait. */
POSTERN_API struct postern_thread *postern_thread_free(struct postern_thread *t);

POSTERN_AUTO_(thread)

#ifdef __cplusplus
}
#endif
#endif
