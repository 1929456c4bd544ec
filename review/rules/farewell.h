/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_FAREWELL_H
#define REVIEW_FAREWELL_H

#include <stdbool.h>

struct function;
struct item;

/*
 * farewell.c: the part of E3 that asks what comes of a write whose result nobody counts; true: no
 * more than an error that is seen late.
 */
bool farewell_is_minor(struct function *fn, const struct item *item);

#endif
