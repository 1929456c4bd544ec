/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_RENAMED_H
#define REVIEW_RULES_RENAMED_H

struct function;
struct item;

/*
 * renamed.c: the part of E5 where SIGNAL(error(…)) of a socket is connected by its text, and the project
 * is built with Qt 6, too, where no signal of that name is left.
 */
void renamed_signal(struct function *fn, const struct item *item);

#endif
