/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_SLIGHT_H
#define REVIEW_SLIGHT_H

#include "flow/state.h"

/*
 * The loss costs next to nothing: the process ends there or soon, it takes that memory has run out,
 * or it happens once.
 */
bool slight_loss(const struct flow *flow, const struct loss *loss);
/* Nothing can have got the number of the descriptor between the two closes: the second one gives EBADF. */
bool slight_second_close(const struct flow *flow, const struct item *closed,
			 const struct item *item, int resource);
/* Per block: some way leads there from the end of the block `from`. */
const uint8_t *slight_behind(const struct function *fn, int from);
/*
 * Whether the way goes from the one to the other depends on what was known before the first: a flag, a
 * kind, a member. The same may have decided whether the first was reached.
 */
bool slight_depends(const struct function *fn, const struct item *closed, const struct item *item);

#endif
