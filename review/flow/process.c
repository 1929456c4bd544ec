/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the process ends where a function leaves: the kernel then closes what is open; see process.h. */

#include "flow/process.h"
#include "flow/contract.h"
#include "flow/outcome.h"
#include "model/reach.h"
#include "read/source.h"

#include <string.h>

enum { PROCESS_DEPTH = 3, PROCESS_JOINS = 4, PROCESS_SOME = 30000 };

static bool process_ends(const struct function *fn, int depth);

/* What runs next, through the joins of branches: NULL at the end of a turn of a loop, or at a branch. */
static const struct item *process_next(const struct function *fn, const struct item *item)
{
	int block = item_block(fn, item), at = item->next;

	for (int steps = 0; block >= 0 && steps < PROCESS_JOINS; steps++) {
		for (; at >= 0; at = fn->items[at].next)
			if (fn->items[at].kind != ITEM_STATEMENT && fn->items[at].kind != ITEM_DIES)
				return &fn->items[at];
		block = fn->blocks[block].next[0];
		if (block < 0 || fn->blocks[block].back)
			return NULL;
		at = fn->blocks[block].first;
	}
	return NULL;
}

/* Nothing of what the call gives, or main() does not care what that is. */
static bool process_passes_on(const struct function *caller, const struct item *call,
			      const struct item *leaves)
{
	return leaves && leaves->kind == ITEM_RETURN &&
	       (leaves->implicit || leaves->a.kind == OPERAND_NONE ||
		operand_is_place(&leaves->a, call->dst) ||
		((caller->flags & FUNCTION_MAIN) && leaves->a.kind != OPERAND_PLACE));
}

/* The process does not end yet: it has something to do that takes time, or that it does until something happens. */
static bool process_works(struct outcome *outcome, const struct item *item)
{
	int loop = item_loop(outcome->fn, item);

	*(bool *)outcome->data |= call_waits(item->call) || (loop >= 0 && loop != outcome->loop &&
							     outcome->fn->loops[loop].forever);
	return false;
}

bool process_exits_behind(struct function *fn, const struct item *item)
{
	bool works = false;
	struct outcome outcome = { .fn = fn, .call = item, .visit = process_works, .data = &works };
	unsigned ends = outcome_walk(&outcome);

	return !works && (ends & ~(unsigned)OUTCOME_LEAVES) == OUTCOME_EXITS;
}

/*
 * Every call of fn is the last thing that a function does whose end is that of the process, or that ends the
 * process right after it, as a child of fork() does that serves one connection.
 */
static bool process_callers_end(const struct function *fn, int depth)
{
	bool exits = false;

	for (int k = 0; k < fn->n_callers; k++) {
		struct function *caller = fn->callers[k].fn;
		const struct item *item = fn->callers[k].item;

		if (process_passes_on(caller, item, process_next(caller, item)) &&
		    process_ends(caller, depth - 1))
			continue;
		if (caller->skipped || !process_exits_behind(caller, item))
			return false;
		exits = true;
	}
	return fn->n_callers && !(exits && function_is_named(fn));
}

/* The kernel closes what main() leaves open, and what a function does that main() ends with. */
static bool process_ends(const struct function *fn, int depth)
{
	if (fn->flags & FUNCTION_MAIN)
		return true;
	return depth > 0 && process_callers_end(fn, depth);
}

static bool process_value_ends(const struct function *fn, int64_t value, int depth);

struct process_way {
	bool works;
	bool checked; /* assert(f()), also where a build leaves it out, and the call with it */
};

static bool process_sees(struct outcome *outcome, const struct item *item)
{
	struct process_way *way = outcome->data;
	const struct pos *at = &outcome->call->at;

	way->works |= call_waits(item->call);
	way->checked |= !strcmp(item->call->name, "__assert_fail") && item->at.row == at->row &&
			item->at.col <= at->col &&
			(item->end.row > at->row || item->end.col > at->col);
	return false;
}

/* Where the call gives that value, its function ends the process, or passes on what makes others end it. */
static bool process_call_ends(struct function *caller, const struct item *item, int64_t value,
			      int depth)
{
	struct process_way way = { false, false };
	struct contract contract = contract_of(item->call);
	struct outcome outcome = {
		.fn = caller, .call = item, .result = value, .visit = process_sees, .data = &way
	};
	unsigned ends;

	/* Success: the program has done its work, or begins it. */
	if (contract.fails == FAILS_FALSE                                           ? value != 0
	    : contract.fails == FAILS_NONZERO                                       ? value == 0
	    : contract.fails == FAILS_MINUS_ONE || contract.fails == FAILS_NEGATIVE ? value >= 0
										    : false)
		return false;
	ends = outcome_walk(&outcome);
	if (way.works ||
	    (ends & (OUTCOME_AGAIN | OUTCOME_THROWS | OUTCOME_TOO_LONG | OUTCOME_UNCLEAR)) ||
	    !((ends & (OUTCOME_RETURNS | OUTCOME_EXITS)) || way.checked))
		return false;
	if (!(ends & OUTCOME_RETURNS))
		return true;
	/* main() has nothing to do any more, whatever it was given. */
	if (caller->flags & FUNCTION_MAIN)
		return (ends & OUTCOME_TESTED) || item_loop(caller, item) < 0;
	return (ends & OUTCOME_TESTED) && outcome.returns_known &&
	       process_value_ends(caller, outcome.returns, depth - 1);
}

static bool process_value_ends(const struct function *fn, int64_t value, int depth)
{
	bool any = false;

	for (int k = 0; depth > 0 && k < fn->n_callers; k++) {
		struct function *caller = fn->callers[k].fn;

		if (!program_shares(caller->source, fn->source))
			continue;
		if (caller->skipped ||
		    !process_call_ends(caller, fn->callers[k].item, value, depth))
			return false;
		any = true;
	}
	return any && !function_is_named(fn);
}

/* return -1; or return r, where r is what a call gave that has failed. */
static bool process_returns(const struct function *fn, const struct item *leaves, int64_t *value)
{
	const struct item *source;
	struct contract contract;

	if (leaves->a.kind == OPERAND_NULL || operand_is_number(&leaves->a, value))
		return true;
	source = operand_source(fn, &leaves->a, leaves);
	if (!source || !source->call)
		return false;
	contract = contract_of(source->call);
	*value = -1;
	return contract.fails == FAILS_MINUS_ONE || contract.fails == FAILS_NEGATIVE ||
	       (contract.fails == FAILS_NONZERO && api_is(contract.api, ROLE(EAI)));
}

const struct item *process_leaves(const struct function *fn, const struct item *item)
{
	const struct item *next = item->kind == ITEM_DIES ? process_next(fn, item) : item;

	return next && (next->kind == ITEM_RETURN || next->kind == ITEM_THROW) ? next : NULL;
}

/* if (fork() == 0), case 0: the child takes that edge, and its parent does not. */
static bool process_is_test_for_child(const struct function *fn, const struct item *test, int edge)
{
	int op = edge ? op_negate(test->op) : test->op;
	const struct item *source = operand_source(fn, &test->a, test);
	int64_t number;

	return source && source->call && test->op != OP_UNKNOWN &&
	       operand_is_number(&test->b, &number) && number_holds(0, op, number) &&
	       !number_holds(1, op, number) && !number_holds(PROCESS_SOME, op, number) &&
	       api_is(contract_of(source->call).api, ROLE(FORK));
}

bool process_is_childs(const struct function *fn, const struct item *item)
{
	int wanted = item_block(fn, item);

	for (int b = 0; wanted >= 0 && b < fn->n_blocks; b++) {
		const struct item *test =
			fn->blocks[b].last >= 0 ? &fn->items[fn->blocks[b].last] : NULL;

		for (int edge = 0; test && test->kind == ITEM_BRANCH && edge < 2; edge++)
			if (process_is_test_for_child(fn, test, edge) &&
			    block_is_behind(fn, b, edge, wanted))
				return true;
	}
	return false;
}

bool process_ends_with(const struct function *fn, const struct item *leaves)
{
	int64_t value = 0;

	if (process_ends(fn, PROCESS_DEPTH))
		return true;
	/* return -1: whoever called the function ends the process then. */
	return leaves->kind == ITEM_RETURN && process_returns(fn, leaves, &value) &&
	       process_value_ends(fn, value, PROCESS_DEPTH);
}
