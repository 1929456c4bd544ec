/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_PARTIAL_H
#define REVIEW_PARTIAL_H

#include <stdbool.h>

struct function;
struct item;

/* What the call read is looked at later; else it was only drained. */
bool partial_is_used(const struct function *fn, const struct item *item);

#endif
