/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_CONTRACT_H
#define REVIEW_CONTRACT_H

/*
 * The contract of a call's result, for functions of a library (by the knowledge) and of the project
 * (by what the walk found out) alike: which values say that it failed, which that it worked, whether
 * a test tells the two apart, and whether anybody has to ask.
 *
 *	fails=         says failure   says success
 *	-1             -1             0, of a call that gives nothing else; 1 and more of an amount or a
 *	                              descriptor; 0 and more of all others
 *	negative       below 0        the same
 *	null, false    0              all but 0
 *	nonzero        all but 0      0
 *	not-positive   0 and below    1 and more
 *
 * 0 of an amount is neither: the end of a stream, or a wait in which nothing happened. A helper of
 * the project has the range of numbers that its ways out give, and, if it passes on what a call in it
 * gives, the meaning of that call. What is not known has FAILS_UNKNOWN, and no test of it is blind.
 */

#include "model/query.h"

/* What a result gives when its call worked. */
enum contract_gives {
	CONTRACT_ANYTHING,
	CONTRACT_STATUS, /* 0 alone */
	CONTRACT_AMOUNT, /* bytes, or things that are ready; 0: none */
	CONTRACT_HANDLE, /* a descriptor, or a pointer */
};

struct contract {
	const struct api *api; /* of the call, or of the one whose result a helper passes on; or NULL */
	const struct function *helper; /* the project's own function, or NULL */
	uint8_t fails;                 /* enum fails */
	uint8_t gives;
	bool needed; /* whoever drops it goes on with something that was not set up */
	bool errors; /* below 0 it is a number of an error, -EAGAIN */
	int64_t low, high; /* of all that it can be */
};

struct contract contract_of(const struct call *call);

/* What the values for which `value op number` holds say. */
enum {
	CONTRACT_FAILED = 1 << 0,     /* some say that it failed */
	CONTRACT_WORKED = 1 << 1,     /* some say that it worked */
	CONTRACT_ALL_WORKED = 1 << 2, /* all that say so are among them */
};
unsigned contract_side(const struct contract *contract, int op, int64_t number);

/*
 * The argument that a fact of `contract_of(call).api` speaks of: of a helper, the one that it hands
 * on to the call whose result it passes on. NULL: it has none, or nobody can tell.
 */
const struct operand *contract_argument(const struct call *call, enum fact_key key);
/* The call in a helper whose result it passes on, or NULL. */
const struct item *contract_inner(const struct call *call);
/* The test tells a part of the successes from the others: `n < 4`, `n == 1`. */
bool contract_test_counts(const struct contract *contract, const struct item *test, int place);

/*
 * It only allocates, as bufferevent_socket_new() does: it fails when memory has run out, and many
 * programs have decided that they end then.
 */
bool contract_is_memory(const struct call *call);

/* Some result says that it failed: a helper that tries until it works has none. */
bool contract_can_fail(const struct contract *contract);

/*
 * The test does not tell a failure from success: on one of its sides are all results that say
 * success, and some that say failure. `if (select(…))`, `uv_listen(…) == -1`, `!socket(…)`, and
 * `n < 0` when n is unsigned. A test of a part of the successes, `n < 4`, can be meant.
 */
bool contract_is_blind(const struct contract *contract, int op, int64_t number, bool is_unsigned);
/* The same of an item that is a branch on the place with the result. */
bool contract_test_is_blind(const struct function *fn, const struct contract *contract,
			    const struct item *test, int place);

/* Its result is kept in an unsigned variable, so that a failure is a large number there. */
bool contract_loses_sign(const struct function *fn, const struct item *item);

/* 1: an interval of results says failure, 0: success, -1: it does not say. */
int contract_outcome(uint8_t fails, int64_t low, int64_t high, bool nonzero);
/* What the call gives when it fails; `error` as in EINTR, or 0: any. */
int64_t contract_failure(const struct contract *contract, int64_t error);
/* On that edge of the test the call has worked for certain. */
bool contract_edge_works(const struct contract *contract, const struct item *test, int edge);

/* How a reader would say it: "-1", "a negative number", "NULL". */
const char *contract_failure_text(const struct contract *contract);
/* `if (!x)`, `if (x < 0)`: the test that a fix asks for. */
const char *contract_condition(const struct contract *contract, const char *text);

/* What becomes of a result. */
enum contract_fate {
	CONTRACT_UNSEEN, /* nobody looks at it */
	CONTRACT_BLIND,  /* only tests that do not tell failure from success */
	CONTRACT_SEEN,   /* some test tells, or it goes where others may ask */
};
/* `blind` receives the first such test. */
enum contract_fate contract_fate(const struct function *fn, const struct item *item,
				 const struct item **blind);

/* a op b */
bool number_holds(int64_t a, int op, int64_t b);
bool place_is_errno(const struct function *fn, int place);
/* errno, or a variable that was given errno and nothing else. */
bool operand_is_errno(const struct function *fn, const struct operand *o);
/* EINTR and the like, by name; its number, or 0. */
int64_t operand_error(const struct operand *o);
/* The number of the error with which the branch compares errno, or a result that gives such numbers; or 0. */
int64_t test_error(const struct item *test);
int64_t error_number(const char *name);

#endif
