/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_PROCESS_H
#define REVIEW_PROCESS_H

#include <stdbool.h>

struct function;
struct item;

/* The return or throw that the item is, or that only ends of variables part it from; or NULL. */
const struct item *process_leaves(const struct function *fn, const struct item *item);
/* main() returns there, or a function whose callers end the process for what it returns. */
bool process_ends_with(const struct function *fn, const struct item *leaves);
/* All ways behind the call end the process, whatever it gives, and nothing on them waits. */
bool process_exits_behind(struct function *fn, const struct item *item);
/* Only a child of fork() comes to the item. */
bool process_is_childs(const struct function *fn, const struct item *item);

#endif
