/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_END_H
#define REVIEW_END_H

#include "rules/rules.h"

/* W1: the loop reads from a stream, and goes round for ever once its peer has hung up. */
void end_loop(struct function *fn, int number);
/* W1: a length of a peer is 0, and the loop meets the same frame again. */
void end_program(void);
/* That was said of the item, and what else its result is not asked for with it. */
bool end_is_told(const struct function *fn, const struct item *item);

#endif
