/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_READY_H
#define REVIEW_RULES_READY_H

#include "rules/rules.h"

/*
 * The read or accept that is made when poll(), select() or the like has found something and also when
 * it failed, but not when its time was over: the test is one for 0. NULL: there is none.
 */
const struct item *ready_after_failure(struct function *fn, const struct item *item);

/* errno.c: a macro or function whose answer decides, like is_again(): it may look at errno. */
bool errno_may_ask(const struct call *call);

#endif
