/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_HELPER_H
#define REVIEW_HELPER_H

#include "rules/rules.h"

/* E3: the result of a helper that reads from a peer is ignored, and its buffer is used. */
void helper_function(struct function *fn);

#endif
