/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_SIGNALS_H
#define REVIEW_SIGNALS_H

/* Which signal handlers a program installs, and what they do to a call that waits. */

#include <stdbool.h>

struct function;
struct item;

enum { SIGNALS_INTERRUPTS = 1, SIGNALS_ENDS = 2 };

/* Once per run, when all functions were walked. */
void signals_find(void);
/*
 * Which handlers interrupt such a call in this program, SIGNALS_…, and the signal of one. SIGALRM
 * does not count: it is set in order to interrupt; nor does SIGPIPE, which comes to whoever writes
 * and to no other call.
 */
unsigned signals_interrupt(const struct function *fn, const struct item *item,
			   const char **signal);
/* Some handler sets a variable of that name. */
bool signals_set(const struct function *fn, const char *name);

#endif
