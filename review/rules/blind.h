/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_BLIND_H
#define REVIEW_BLIND_H

/* blind.c: the parts of E1 and E4 that look at tests which do not tell failure from success. */

struct function;
struct item;

/* The call's result is only tested in such a way; true: it was said. */
bool blind_call(struct function *fn, const struct item *item);
/* A result is compared with the number of an error, which it never is. */
void blind_errors(struct function *fn);

#endif
