/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_LATER_H
#define REVIEW_LATER_H

#include <stdbool.h>

struct function;
struct item;

/*
 * later.c: what comes of a failure that nobody asks for. A call that works on the same descriptor fails
 * then as well, and that one is asked: the failure is seen, only later and with another reason.
 */

/* A call of the same socket behind `item` is tested, and fails when `item` has failed. */
bool later_is_told(struct function *fn, const struct item *item);
/*
 * listen() of a socket whose bind() is tested, connect() of datagrams or of a socket that does not
 * block, bind() to whatever port is free: it hardly fails, or the next call or wait tells.
 */
bool later_is_minor(struct function *fn, const struct item *item);
/* errno is compared behind the call, before another one can have set it, or decides about the next turn of its loop. */
bool later_asks_errno(struct function *fn, const struct item *item);

#endif
