/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_END_H
#define REVIEW_END_H

#include "rules/rules.h"

/* W1: the loop reads from a stream, and goes round for ever once its peer has hung up. */
void end_loop(struct function *fn, int number);
/* W2: what is ready, and over, is waited for again: in the loop, or by whoever calls a callback. */
void end_ready_loop(struct function *fn, int number);
void end_ready_program(void);
/*
 * E7: a library calls the function again at once when the accept() in it has failed for want of
 * descriptors: it only says so, and stays registered.
 */
bool end_is_called_again(struct function *fn, const struct item *accept);
/* W1: a length of a peer is 0, and the loop meets the same frame again. */
void end_program(void);

#endif
