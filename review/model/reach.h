/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_REACH_H
#define REVIEW_REACH_H

/*
 * What kind of program a function runs in: from each main() along calls and names of functions. A leak
 * of a command that ends after its work costs nothing; the same leak of a server is its end.
 */

#include "model/query.h"

enum {
	REACH_COMMAND = 1 << 0, /* some program that has it serves nobody, and ends */
	REACH_SERVER = 1 << 1,  /* … listens, runs an event loop, or waits again and again */
	REACH_THREADS = 1 << 2, /* … has several threads */
};

/* REACH_… of all programs that have it; 0: no main() is known to come to it, or only that of a test. */
unsigned function_reach(const struct function *fn);
/* main() comes to it, and at most twice: no call on the way stands in a loop. */
bool function_runs_once(const struct function *fn);
/* The process has no other threads there: no main() that comes to it makes some, or, if only a table has it, none at all. */
bool function_is_alone(const struct function *fn);
/* No call of it, as far as the callers are known, stands in a loop, and nothing on the way accepts connections. */
bool function_calls_are_lone(const struct function *fn);
/* Some call on the way from main() to it stands in a loop, or it is a callback. */
bool function_runs_often(const struct function *fn);
/* … at most once for each word that main() was called with. */
bool function_runs_per_word(const struct function *fn);
/* main() comes to it, and each loop around a call on the way ends by its count: it runs a few times in the life of the process. */
bool function_runs_at_start(const struct function *fn);
/* A loop around the item goes on as long as it likes. */
bool item_comes_again(struct function *fn, const struct item *item);
/* Somebody has its address, be it in a table: the calls are not all. What a test does says nothing of the program. */
bool function_is_named(const struct function *fn);
/* Somebody has its address, or a function calls it for which `counts` gives true. */
bool function_has_caller(const struct function *fn, bool (*counts)(struct function *caller));
/*
 * unused.c: nothing in the project calls or names it, but what is not called itself, and it is not for
 * others: static, or beside what some main() comes to, and in no folder of a library.
 */
bool function_is_unused(const struct function *fn);

#endif
