/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RARE_H
#define REVIEW_RARE_H

/*
 * Ways that hardly any run takes: memory or processes have run out, or a call has failed that fails
 * for nothing but a wrong argument. What is lost there alone costs next to nothing. The child of
 * fork() counts too: what it has from its parent ends with it.
 */

#include <stdbool.h>

struct flow;
struct function;
struct item;

/* That edge of the branch is taken on such ways only. */
bool rare_edge(struct function *fn, const struct item *test, int edge);
/* Notes of all that is open that it is on such a way. */
void rare_mark(struct flow *flow);

#endif
