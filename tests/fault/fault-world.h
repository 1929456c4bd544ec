/* SPDX-License-Identifier: Apache-2.0 */
/* fault-world.h - what the library does while its system calls fail: the scenarios of test-fault.c */
#ifndef FAULT_WORLD_H
#define FAULT_WORLD_H

#include <stdbool.h>

/* The scenarios. Each returns whether all of its work was done, leaves nothing behind, and never hangs. */
bool world_service(void);     /* a server and its clients: echo, half-close, republication, drain */
bool world_words(void);       /* names as words: access, groups, remains of dead servers, strangers */
bool world_paths(void);       /* relative paths, long ones, longer ones */
bool world_kinds(void);       /* abstract, adopted; the list of names */
bool world_refusals(void);    /* names that are not to be had */
bool world_hole(void);        /* a name that is published again while low descriptors are free */
bool world_objects(void);     /* timers, descriptors, child processes, posts */
bool world_connections(void); /* adopted, idle, closing, detached */
bool world_calls(void);       /* a service: calls of each size, answers, a post, a hang-up, the reserve, draining */
bool world_topics(void);      /* topics: subscribers that read, are slow, leave, overflow */
bool world_callers(void);     /* callers: calls of each kind and end, with a loop and waiting */

bool world_passed(void);      /* descriptors beside calls and answers, at both ends */

/* Without a fault: a new server of the same name serves a client. Fails the test otherwise. */
void world_fresh(void);

/* Of test-fault.c: what is failing now, and whether an error may be told. */
const char *world_where(void);
bool world_is_expected(int error);
/* It fails from then on: who has no deadline of its own may wait for ever. */
bool world_stays(void);
/* A loop can wait, and time passes: a waiting call comes to its end. */
bool world_has_time(void);

#endif
