/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_SEEN_H
#define REVIEW_RULES_SEEN_H

#include <stdbool.h>

struct function;
struct item;

/*
 * seen.c: the part of E1 where a failure of bind() is seen, told to somebody, and then forgotten: the
 * way goes on into what success does. `use` receives what works on the socket then.
 */
bool seen_goes_on(struct function *fn, const struct item *item, const struct item **use);

#endif
