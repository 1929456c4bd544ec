/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin.c - how a loop waits: it polls for a while if that pays, then it sleeps
 *
 * A process that sleeps is woken in 5 to 50 us, which is ten times what a round trip costs without that. Busy polling is off
 * unless the program sets a bound; then each wait polls for spin.ns, which adapts as KVM's halt polling does
 * (virt/kvm/kvm_main.c, kvm_vcpu_halt(), with its defaults: halt_poll_ns_grow_start 10 us, halt_poll_ns_grow 2,
 * halt_poll_ns_shrink 2):
 *
 *   found while polling       leave it
 *   slept for a short time    double it, from SPIN_START, up to the bound; at the bound already: 0
 *   slept for a long time     halve it; below SPIN_START it is 0
 *
 * There are two differences. KVM takes a sleep for short if it was shorter than the bound. Here two processes wait for each other,
 * and a sleep contains the wake of the peer and our own: with both asleep neither would ever begin. So the sleep may be SPIN_WAKE
 * longer. And what begins and comes back to 0 without having paid once must not begin again at the next short sleep: it rests
 * for 2, 4, ... SPIN_REST of them. That bounds the cost where a peer answers just too late.
 *
 * What polling finds. The connection that had the last turn to itself is asked for bytes by recv(), without the 0.4 us
 * of an epoll_wait() before it, SPIN_PROBES times between two looks at the clock; all descriptors are, by epoll, when SPIN_ASK
 * has passed since that was done, or after SPIN_BURSTS of those. A timer, a post, another connection or a cancellation waits for
 * at most that; and a turn that finds two descriptors ready leaves none to be preferred, so that a connection that
 * floods gains one turn on the others at most. Tried and rejected: epoll alone (a round trip of 1.6 x a raw program that
 * polls by recv(), in place of 1.3); recv() alone (deaf to all else); epoll first in each wait (it takes a lock
 * that the peer needs to send to us).
 *
 * One CPU. Whoever polls on the only CPU keeps the peer from answering. So it is off unless this thread and the process of the
 * peer have two CPUs together: a thread that is bound to its own CPU is the typical user. They are counted again
 * every SPIN_LOOK, since somebody else may change them (taskset, a cpuset); while polling is off, for each new peer soon.
 *
 * A quota of CPU time (cpu.max) is not read: it is in one of two hierarchies, at any of several levels, perhaps outside of
 * what a container sees. Its effect is seen instead, and that of other processes on our CPUs with it: a poll that takes
 * SPIN_LATE longer than it should was not running, and ends polling like one that never paid.
 */
#include <errno.h>
#include <pthread.h>

#include "base/base.h"
#include "loop/loop.h"

#define SPIN_START INT64_C(10000)
#define SPIN_WAKE  INT64_C(50000)
#define SPIN_LATE  INT64_C(50000)
#define SPIN_ASK   INT64_C(10000)
#define SPIN_LOOK  POSTERN_MS(100)
#define SPIN_MOST  POSTERN_MS(1)

enum {
	SPIN_PROBES = 7, /* at 0.1 us */
	SPIN_BURSTS = 16,
	SPIN_REST = 9, /* 2^9 short sleeps at most */
};

/* ---- sleeping ---- */

/* The one place where a thread can be cancelled: no frame of ours holds anything here. */
static int loop_sleep_once(struct postern_loop *loop, struct epoll_event *events, int timeout_ms,
			   int cancel)
{
	int n;

	pthread_setcancelstate(cancel, &cancel);
	n = sys_epoll_wait(loop->epoll, events, LOOP_EVENTS, timeout_ms);
	pthread_setcancelstate(cancel, &cancel);
	return n;
}

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
/* ThreadSanitizer believes that a cancelled call still blocks, and then misses all locks. Only for it,
   the wait is split into pieces, with the cancellation point between them. */
static int loop_sleep(struct postern_loop *loop, struct epoll_event *events, int timeout_ms,
		      int cancel)
{
	enum { PIECE = 5 };
	int n, piece;

	if (!loop->cancellable)
		return loop_sleep_once(loop, events, timeout_ms, cancel);
	do {
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel);
		pthread_testcancel();
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
		piece = timeout_ms < 0 || timeout_ms > PIECE ? PIECE : timeout_ms;
		n = loop_sleep_once(loop, events, piece, PTHREAD_CANCEL_DISABLE);
		if (timeout_ms > 0)
			timeout_ms -= piece;
	} while (n == 0 && timeout_ms != 0);
	return n;
}
#else
/* cancel: the thread's own cancellation state; threads of thread.c leave it to the loop. */
static int loop_sleep(struct postern_loop *loop, struct epoll_event *events, int timeout_ms,
		      int cancel)
{
	return loop_sleep_once(loop, events, timeout_ms,
			       loop->cancellable ? PTHREAD_CANCEL_ENABLE : cancel);
}
#endif

/* ---- how long ---- */

/* Back to 0. */
static void spin_lose(struct loop_spin *s)
{
	if (s->paid)
		s->fails = 0;
	else if (s->fails < SPIN_REST)
		s->fails++;
	s->rest = s->fails > 0 ? 1u << s->fails : 0;
	s->paid = false;
	s->ns = 0;
}

static void spin_grow(struct loop_spin *s)
{
	if (s->ns == 0 && s->rest > 0) {
		s->rest--;
		return;
	}
	s->ns = s->ns == 0 ? SPIN_START : 2 * s->ns;
	if (s->ns > s->max_ns)
		s->ns = s->max_ns;
}

static void spin_shrink(struct loop_spin *s)
{
	if (s->ns / 2 >= SPIN_START)
		s->ns /= 2;
	else if (s->ns > 0)
		spin_lose(s);
}

void spin_polled(struct loop_spin *s, int64_t took_ns, bool found)
{
	bool late = took_ns > s->ns + SPIN_LATE;

	s->paid = !late && (found || s->paid);
	if (late)
		spin_lose(s);
}

void spin_slept(struct loop_spin *s, int64_t waited_ns)
{
	if (waited_ns > s->max_ns + SPIN_WAKE)
		spin_shrink(s);
	else if (s->ns == s->max_ns)
		spin_lose(s);
	else
		spin_grow(s);
}

/* While this thread polls, can the peer run? Where that is unknown it is not done. */
static bool spin_may(struct loop_spin *s, int64_t now)
{
	const struct object *hot = s->hot;

	if (now - s->looked_ns >= (s->allowed ? SPIN_LOOK : SPIN_LOOK / 100)) {
		s->looked_ns = now;
		s->allowed = sys_cpus(hot && hot->ops->peer ? hot->ops->peer(hot) : 0) > 1;
	}
	if (!s->allowed)
		s->ns = 0;
	return s->allowed;
}

/* ---- waiting ---- */

/* Looks once: all descriptors if that was not done just before, else the hot one. */
static int spin_look(struct postern_loop *loop, struct epoll_event *events, int64_t now, int cancel)
{
	struct loop_spin *s = &loop->spin;
	struct object *hot = s->hot;

	if (hot && hot->ops->probe && s->bursts < SPIN_BURSTS && now - s->asked_ns < SPIN_ASK) {
		s->bursts++;
		if (!hot->ops->probe(hot, SPIN_PROBES))
			return 0;
		events[0] = (struct epoll_event){ .events = EPOLLIN, .data.ptr = hot };
		return 1;
	}
	s->bursts = 0;
	s->asked_ns = now;
	return loop_sleep(loop, events, 0, cancel);
}

static int spin_then_sleep(struct postern_loop *loop, struct epoll_event *events, int timeout_ms,
			   int cancel)
{
	struct loop_spin *s = &loop->spin;
	int64_t begun = sys_now(), now = begun;
	int n = 0;

	if (s->ns > 0 && spin_may(s, now)) {
		while (n == 0 && now - begun < s->ns) {
			n = spin_look(loop, events, now, cancel);
			now = sys_now();
		}
		spin_polled(s, now - begun, n > 0);
		if (n != 0)
			return n;
	}
	n = loop_sleep(loop, events, timeout_ms, cancel);
	if (n < 0)
		return n;
	now = sys_now();
	if (spin_may(s, now))
		spin_slept(s, now - begun);
	return n;
}

static __attribute__((noinline)) int spin_wait(struct postern_loop *loop,
					       struct epoll_event *events, int timeout_ms,
					       int cancel)
{
	int n = spin_then_sleep(loop, events, timeout_ms, cancel);

	loop->spin.hot = n == 1 ? events[0].data.ptr : NULL;
	return n;
}

/* A loop without the option pays for one comparison, and not for the registers of the rest. */
int loop_wait(struct postern_loop *loop, struct epoll_event *events, int timeout_ms, int cancel)
{
	if (loop->spin.max_ns > 0 && timeout_ms != 0)
		return spin_wait(loop, events, timeout_ms, cancel);
	return loop_sleep(loop, events, timeout_ms, cancel);
}

int postern_loop_set_busy_poll(struct postern_loop *loop, int64_t max_ns)
{
	int r;

	if (!loop || max_ns < 0 || max_ns > SPIN_MOST)
		return -EINVAL;
	r = loop_check(loop);
	if (r < 0)
		return r;
	loop->spin = (struct loop_spin){ .max_ns = max_ns };
	return 0;
}
