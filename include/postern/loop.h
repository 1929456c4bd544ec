/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/loop.h - timers, descriptors, signals, child processes and the log on a loop
 *
 * The rules at the top of postern.h hold here too. The events of these objects repeat: there is no final
 * event, except for a child's exit, and none when the loop is freed first.
 */
#ifndef POSTERN_LOOP_H
#define POSTERN_LOOP_H

#include <postern.h>

#ifdef __cplusplus
extern "C" {
#endif

struct postern_timer;
struct postern_watch;
struct postern_child;
struct postern_signal;

/* ---- Timers ---- */

typedef void postern_timer_fn(struct postern_timer *t, void *data);

/* Not armed at first. */
POSTERN_API POSTERN_MUST_USE int postern_timer_new(struct postern_timer **ret, struct postern_loop *loop,
	postern_timer_fn *fn, void *data);
/* Calls fn once, after_ns from this call; replaces an earlier setting. 0 or less: in the next turn.
   Timers that are due in the same turn run in the order of their due times. */
POSTERN_API int postern_timer_set(struct postern_timer *t, int64_t after_ns);
/* Calls fn every period_ns, without drift; missed periods are skipped. -EINVAL: < 1. */
POSTERN_API int postern_timer_set_periodic(struct postern_timer *t, int64_t period_ns);
POSTERN_API int postern_timer_cancel(struct postern_timer *t);
/* When it was due; postern_now() minus this is its lateness. */
POSTERN_API int64_t postern_timer_due_ns(const struct postern_timer *t);
POSTERN_API struct postern_timer *postern_timer_free(struct postern_timer *t);

/* The monotonic clock. Any thread. */
POSTERN_API int64_t postern_now(void);

/* ---- Descriptors of your own ---- */

enum {
	POSTERN_WATCH_READABLE = 1,
	POSTERN_WATCH_WRITABLE = 2,
	POSTERN_WATCH_HANGUP   = 4, /* always reported: hung up, or in error */
};

typedef void postern_watch_fn(struct postern_watch *w, uint64_t happened, void *data);

/* Level-triggered. fd is borrowed: free the watch before you close it. -EPERM: epoll cannot watch it (a
   regular file); -EEXIST: this loop already watches it; -EBADF, -ENOSPC. */
POSTERN_API POSTERN_MUST_USE int postern_watch_new(struct postern_watch **ret, struct postern_loop *loop,
	int fd, uint64_t wanted, postern_watch_fn *fn, void *data);
/* If wanted is 0, the descriptor leaves epoll, and not even a hang-up is reported. */
POSTERN_API int postern_watch_set(struct postern_watch *w, uint64_t wanted);
POSTERN_API struct postern_watch *postern_watch_free(struct postern_watch *w);

/* ---- Signals ---- */

typedef void postern_signal_fn(struct postern_signal *s, int sig, void *data);

/* Calls fn on the loop's thread after the process was sent sig; signals that arrive together may cause one call.
   This replaces the signal's action, which is restored by the free, and in a forked child. At least one thread
   must not block the signal. -EINVAL: it cannot be handled (SIGKILL, SIGSEGV and the like); -EBUSY: this process
   already watches it; -EMFILE. */
POSTERN_API POSTERN_MUST_USE int postern_signal_new(struct postern_signal **ret, struct postern_loop *loop,
	int sig, postern_signal_fn *fn, void *data);
POSTERN_API struct postern_signal *postern_signal_free(struct postern_signal *s);

/* ---- Child processes ---- */

/* how: CLD_EXITED, CLD_KILLED or CLD_DUMPED; status: the exit status, or the signal. */
typedef void postern_child_fn(struct postern_child *child, int how, int status, void *data);

/* Reaps pid, a child of this process, when it ends, and reports how. It uses a pidfd: neither SIGCHLD nor another
   child is touched, and a reused pid is never waited for. Freeing it leaves the process alone.
   -ESRCH, -ECHILD: no such child. */
POSTERN_API POSTERN_MUST_USE int postern_child_new(struct postern_child **ret, struct postern_loop *loop,
	pid_t pid, postern_child_fn *fn, void *data);
/* Sends a signal to exactly this process. -ESRCH: it has ended. */
POSTERN_API int postern_child_kill(struct postern_child *child, int sig);
POSTERN_API struct postern_child *postern_child_free(struct postern_child *child);

/* ---- Busy polling ---- */

/* Before postern_loop_run(), or a dispatch with a timeout, sleeps, it polls for at most max_ns, up to 1 ms: an answer that
   comes so soon does not wait until the kernel has woken this process (5 to 50 us). It adapts: where answers come later it
   stops, where they come in time it may use a whole CPU. Never on a thread that has only one CPU. 0: off, as at first. */
POSTERN_API int postern_loop_set_busy_poll(struct postern_loop *loop, int64_t max_ns);

/* ---- Log ---- */

/* level: LOG_WARNING to LOG_DEBUG of syslog.h. Called on the loop's thread, also during calls; do not call
   Postern from it. NULL: nothing is logged. */
typedef void postern_log_fn(struct postern_loop *loop, int level, const char *text, void *data);
POSTERN_API int postern_loop_set_log(struct postern_loop *loop, postern_log_fn *fn, void *data);

POSTERN_AUTO_(timer)
POSTERN_AUTO_(watch)
POSTERN_AUTO_(child)
POSTERN_AUTO_(signal)

#ifdef __cplusplus
}
#endif
#endif
