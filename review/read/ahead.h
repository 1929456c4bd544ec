/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_AHEAD_H
#define REVIEW_AHEAD_H

/*
 * Parsing in several threads. Most of a run's time that depends on one file alone is spent in the
 * parser, and a tree depends on nothing but the text; so that is what others do ahead of the thread
 * that reads, lowers and walks, which takes the trees in their order. What is found is therefore the
 * same for any number of threads.
 */

#include "read/parse.h"

/* The trees of these sources are wanted, in this order, with so many threads at most. */
void ahead_begin(struct source **sources, size_t n, unsigned jobs);
/* The tree of the next one, as tree_parse() gives it. */
bool ahead_next(struct tree *tree);
void ahead_end(void);

#endif
