/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_OUTCOME_H
#define REVIEW_OUTCOME_H

/*
 * What a function does when one of its calls gives a certain result: "accept() gives -1 and errno
 * is EMFILE: does it come back to accept(), leave the loop, end the program?" The walk follows the
 * graph from the call, decides each condition on the result, on errno and on what was copied from
 * them, and takes both ways at all others.
 */

#include "model/ir.h"

enum {
	OUTCOME_AGAIN = 1 << 0, /* the call is made again */
	OUTCOME_RETURNS = 1 << 1,
	OUTCOME_EXITS = 1 << 2, /* a call that does not return */
	OUTCOME_THROWS = 1 << 3,
	OUTCOME_STOPPED = 1 << 4, /* the visitor said so */
	OUTCOME_ERRNO = 1 << 5,   /* a condition compared errno with the error in question */
	OUTCOME_TOO_LONG = 1 << 6,
	OUTCOME_LEAVES = 1 << 7,   /* the loop around the call */
	OUTCOME_ASKS = 1 << 8,     /* some condition compared errno with another error */
	OUTCOME_UNCLEAR = 1 << 10, /* … or in a way that cannot be decided */
	OUTCOME_TESTED = 1 << 9,   /* some condition was decided by what is known */
};

struct outcome {
	struct function *fn;
	const struct item *call;
	int64_t result;
	const char *error; /* EMFILE; NULL: errno is not known */
	/* Each call on the way; true: this way ends here. */
	bool (*visit)(struct outcome *outcome, const struct item *item);
	void *data;
	/* A test of which it is known which edge is taken, or NULL. */
	const struct item *sure;
	int sure_edge;
	unsigned ends; /* OUTCOME_… of all ways together */
	/* What the function returns then, on all ways. */
	bool returns_known;
	int64_t returns;
	/* Private: */
	int loop;
	int steps;
	uint8_t *seen;
};

unsigned outcome_walk(struct outcome *outcome);

#endif
