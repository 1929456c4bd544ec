/* SPDX-License-Identifier: Apache-2.0 */
/* fork.c - see fork.h */
#include "loop/fork.h"

#include <pthread.h>

static pthread_mutex_t fork_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list fork_guards = { &fork_guards, &fork_guards };
atomic_uint fork_count;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_setup_result;

static void fork_prepare(void)
{
	pthread_mutex_lock(&fork_mutex);
}

static void fork_in_parent(void)
{
	pthread_mutex_unlock(&fork_mutex);
}

static void fork_in_child(void)
{
	atomic_fetch_add_explicit(&fork_count, 1, memory_order_relaxed);
	for (struct list *l = fork_guards.next; l != &fork_guards; l = l->next) {
		struct fork_guard *g = container_of(l, struct fork_guard, node);

		g->in_child(g);
	}
	pthread_mutex_unlock(&fork_mutex);
}

static void fork_setup(void)
{
	fork_setup_result = -pthread_atfork(fork_prepare, fork_in_parent, fork_in_child);
}

int fork_guard_setup(void)
{
	pthread_once(&fork_once, fork_setup);
	return fork_setup_result;
}

void fork_guard_add(struct fork_guard *g, void (*in_child)(struct fork_guard *g))
{
	g->in_child = in_child;
	fork_hold();
	list_append(&fork_guards, &g->node);
	fork_release();
}

void fork_guard_remove(struct fork_guard *g)
{
	fork_hold();
	list_remove(&g->node);
	fork_release();
}

void fork_hold(void)
{
	pthread_mutex_lock(&fork_mutex);
}

void fork_release(void)
{
	pthread_mutex_unlock(&fork_mutex);
}
