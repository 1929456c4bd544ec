/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_ABOVE_ZERO_H
#define REVIEW_ABOVE_ZERO_H

#include "rules/rules.h"

/* A descriptor that was just opened is taken for none when its number is 0. */
void above_zero_function(struct function *fn);

#endif
