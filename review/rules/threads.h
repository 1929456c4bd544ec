/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_THREADS_H
#define REVIEW_THREADS_H

#include "rules/rules.h"

/*
 * L4: a QThread with an event loop is destroyed, and nothing waits for its end: it is on the stack, in an
 * object, a child of its object, or deleted by hand.
 */
void threads_destroyed(void);
/* L2: terminate() on a thread whose run() has sockets or servers. */
void threads_terminated(void);

/* threads-heap.c: those behind a pointer; L4 as above, and L7 for one per connection that nobody deletes. */
void threads_behind_pointers(void);
void threads_per_connection(void);
/* Some method of the class deletes, or has it deleted later. */
bool threads_end_themselves(const char *type);

/* threads.c, for threads-heap.c. */
bool threads_is_qthread(const char *type);
/* Nothing but quit() ends it: QThread's own run() is exec(), and so is the end of most others. */
bool threads_has_loop(const char *type);
/* Some method of the class waits for the thread that it is: its destructor, a stop(). */
bool threads_waits_itself(const char *type);
bool threads_is_named(const struct function *fn, const struct operand *o, const char *name);
/* wait() on it, or somebody else has it, who may wait. */
bool threads_may_wait(const struct function *fn, const char *name);
/* A destructor that is declared and that nobody defines here may do it. */
bool threads_owner_is_known(const char *class_name);

#endif
