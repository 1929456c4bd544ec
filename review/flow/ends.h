/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_ENDS_H
#define REVIEW_ENDS_H

/*
 * What a program does once the peer of a stream has hung up: every read of it gives 0 at once, each
 * wait for it finds it ready, and nothing else happens. The walk goes on from such a read, decides
 * each condition on its result, also through functions of the project, their results, parameters
 * and members, and takes both ways at all others.
 *
 * A way out of a loop that a condition opens is none when nothing on the walk changes what it looks
 * at and the turns before, in which bytes came, have asked the same: a flag that the loop leaves as
 * it is, a total to which 0 is added.
 */

#include "model/ir.h"

/* A larger function is not asked about: each question looks at all of it. */
enum { ENDS_RETURNS = 4, ENDS_ITEMS = 4000, ENDS_LOOPS = 48 };

/* What a function does, from its beginning on. */
struct ends_function {
	bool reads;    /* from a stream that it was given, or that lies in a member */
	bool leaves;   /* on some way it ends the program, or an event loop */
	bool touches;  /* … closes something, or takes it out of what is watched */
	bool marks;    /* … keeps something, by which others may know */
	bool unknown;  /* … or does what is not known */
	bool returns_other; /* some way returns what is not known */
	int n_returns;
	int64_t returns[ENDS_RETURNS];
	const struct item *read; /* the first that reads, in `reader` */
	struct function *reader;
};

/* `fn` is called when the stream is ready and over. */
void ends_function(struct function *fn, struct ends_function *does);

static inline bool ends_is_small(const struct function *fn)
{
	return fn->n_items <= ENDS_ITEMS && fn->n_loops <= ENDS_LOOPS;
}

struct ends_loop {
	struct function *fn;
	int loop;
	const struct item *read;     /* in the loop: reads, itself or through functions */
	int64_t result;              /* what that gives, once the peer has hung up */
	bool has_result;
	bool frame;                  /* of ends_stands_still() */
	const struct item *wait;     /* of ends_stays_ready(), or NULL */
	int zero;                    /* … a place that is 0, in place of what `read` gives; or -1 */
	const struct operand *still; /* what a way out looks at, and nothing changes; or NULL */
	const struct item *inner;    /* what reads in the end, in `reader` */
	struct function *reader;
};

/* The loop comes back to `read` again and again, and has no way out. */
bool ends_goes_round(struct ends_loop *ends);
/*
 * The same of any item that gives 0 to a variable, where no peer has hung up: what it is made of stays
 * as it is, so that it gives 0 again.
 */
bool ends_stands_still(struct ends_loop *ends);
/*
 * The loop waits, in `wait`, for several streams: the one that `read` finds at its end is not closed, not
 * marked and not taken out of what is waited for, so that the wait comes back with it at once.
 */
bool ends_stays_ready(struct ends_loop *ends);
/* The result of `read` tells the end from bytes that came. */
bool ends_is_told(const struct ends_loop *ends);
/* The item reads from a stream that has a peer, and says how many bytes came. */
bool ends_is_read(const struct function *fn, const struct item *item);

#endif
