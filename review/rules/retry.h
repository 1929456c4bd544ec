/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RETRY_H
#define REVIEW_RETRY_H

/* How waits are repeated. */

#include <stdbool.h>

struct function;
struct item;

/*
 * The attempt to connect that the loop makes again as soon as it has failed, with nothing in it that
 * lets time pass: where no server is, connect(), connectToServer() and waitForConnected() come back
 * at once. NULL: there is a pause, or nobody knows.
 */
const struct item *retry_connects_busily(struct function *fn, int loop);

/* wait.c: the call on whose success alone the loop ends, or NULL. */
const struct item *wait_awaited(struct function *fn, int loop);
/* assert() in the loop, of whatever library: a way out for those who test. */
bool wait_asserts(struct function *fn, const struct item *item, void *data);

#endif
