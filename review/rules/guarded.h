/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_GUARDED_H
#define REVIEW_RULES_GUARDED_H

struct function;
struct item;

/* guarded.c: the part of L4 where close() takes a number that an object of a class closes, too. */
void guarded_close(struct function *fn, const struct item *close);

#endif
