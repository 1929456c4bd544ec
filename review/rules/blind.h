/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_BLIND_H
#define REVIEW_BLIND_H

/* blind.c: the part of E1 that looks at tests which do not tell failure from success. */

struct function;
struct item;

/* The call's result is only tested in such a way; true: it was said. */
bool blind_call(struct function *fn, const struct item *item);

#endif
