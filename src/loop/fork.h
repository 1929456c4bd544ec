/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.h - what a child process must not inherit
 *
 * A forked child that merely lives on keeps every open file description alive: a dead server's name would
 * look owned (its lock is held) and live (its listener answers). So a child closes these at once, from a
 * pthread_atfork handler, which is why this small table is the only global state of the library.
 *
 * Whoever opens such a descriptor holds the guard's mutex from before the open until the descriptor is
 * known to its guard, so that a fork on another thread cannot fall between the two; the same from before one
 * changes hands or is closed until that is known. The mutex is never held across a wait.
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

int      fork_guard_setup(void);            /* once a process; -ENOMEM */
void     fork_guard_add(struct fork_guard *g, void (*in_child)(struct fork_guard *g));
void     fork_guard_remove(struct fork_guard *g);
void     fork_hold(void);
void     fork_release(void);

#endif
