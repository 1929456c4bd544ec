/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.h - what a child process must not inherit
 *
 * A forked child that does not exec keeps every open file description alive: a dead server's name would
 * look owned (its lock is held) and live (its listener answers). So a child closes these at once, in a
 * pthread_atfork handler; this small table, which that needs, is the only global state of the library.
 *
 * Code that opens such a descriptor holds the guard's mutex from before the open until the descriptor is
 * registered with its guard, so that a fork on another thread cannot happen in between; the same holds when one
 * is transferred or closed. The mutex is never held across a wait.
 *
 * vfork() and raw clone() run no handlers; that is safe only if exec follows, which closes everything, since
 * all descriptors are close-on-exec.
 */
#ifndef POSTERN_FORK_H
#define POSTERN_FORK_H

#include <stdatomic.h>

#include "base/list.h"

struct fork_guard {
	struct list node;
	void      (*in_child)(struct fork_guard *g);  /* only close() and plain stores: async-signal-safe */
};

/* How many forks deep this process is; written only in fork.c. */
extern atomic_uint fork_count;

static inline unsigned fork_generation(void)
{
	return atomic_load_explicit(&fork_count, memory_order_relaxed);
}

int      fork_guard_setup(void);            /* once per process; -ENOMEM */
void     fork_guard_add(struct fork_guard *g, void (*in_child)(struct fork_guard *g));
void     fork_guard_remove(struct fork_guard *g);
void     fork_hold(void);
void     fork_release(void);

#endif
