/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the process ends where a function leaves: the kernel then closes what is open; see process.h. */

#include "flow/process.h"
#include "flow/contract.h"
#include "flow/outcome.h"
#include "read/source.h"

#include <string.h>

enum { PROCESS_DEPTH = 3, PROCESS_JOINS = 4 };

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

/* Every call of fn is the last thing that a function does whose end is that of the process. */
static bool process_callers_end(const struct function *fn, int depth)
{
	bool any = false;

	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *caller = program.functions[i];

		for (int k = 0; k < caller->n_items; k++) {
			const struct item *item = &caller->items[k];

			if (item->kind != ITEM_CALL || !item->call || item->call->target != fn)
				continue;
			if (!process_passes_on(caller, item, process_next(caller, item)) ||
			    !process_ends(caller, depth - 1))
				return false;
			any = true;
		}
	}
	return any;
}

/* The kernel closes what main() leaves open, and what a function does that main() ends with. */
static bool process_ends(const struct function *fn, int depth)
{
	if (fn->flags & FUNCTION_MAIN)
		return true;
	return depth > 0 && process_callers_end(fn, depth);
}

static bool process_value_ends(const struct function *fn, int64_t value, int depth);

/* The process does not end yet: it has something to do that takes time. */
static bool process_works(struct outcome *outcome, const struct item *item)
{
	*(bool *)outcome->data |= call_waits(item->call);
	return false;
}

/* Where the call gives that value, its function ends the process, or passes on what makes others end it. */
static bool process_call_ends(struct function *caller, const struct item *item, int64_t value,
			      int depth)
{
	bool works = false;
	struct contract contract = contract_of(item->call);
	struct outcome outcome = {
		.fn = caller, .call = item, .result = value, .visit = process_works, .data = &works
	};
	unsigned ends;

	/* Success: the program has done its work, or begins it. */
	if (contract.fails == FAILS_FALSE                                           ? value != 0
	    : contract.fails == FAILS_NONZERO                                       ? value == 0
	    : contract.fails == FAILS_MINUS_ONE || contract.fails == FAILS_NEGATIVE ? value >= 0
										    : false)
		return false;
	ends = outcome_walk(&outcome);
	if (works ||
	    (ends & (OUTCOME_AGAIN | OUTCOME_THROWS | OUTCOME_TOO_LONG | OUTCOME_UNCLEAR)) ||
	    !(ends & (OUTCOME_RETURNS | OUTCOME_EXITS)))
		return false;
	if (!(ends & OUTCOME_RETURNS))
		return true;
	if (!(ends & OUTCOME_TESTED))
		return false;
	return (caller->flags & FUNCTION_MAIN) ||
	       (outcome.returns_known && process_value_ends(caller, outcome.returns, depth - 1));
}

static bool process_value_ends(const struct function *fn, int64_t value, int depth)
{
	bool any = false;

	for (size_t f = 0; depth > 0 && f < program.n_functions; f++) {
		struct function *caller = program.functions[f];

		if (!program_shares(caller->source, fn->source))
			continue;
		for (int i = 0; i < caller->n_places; i++)
			if (place_function(caller, &caller->places[i]) == fn)
				return false;
		for (int i = 0; i < caller->n_items; i++) {
			const struct item *item = &caller->items[i];

			if (item->kind != ITEM_CALL || !item->call || item->call->target != fn)
				continue;
			if (caller->skipped || !process_call_ends(caller, item, value, depth))
				return false;
			any = true;
		}
	}
	return any;
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

bool process_ends_with(const struct function *fn, const struct item *leaves)
{
	int64_t value = 0;

	if (process_ends(fn, PROCESS_DEPTH))
		return true;
	/* return -1: whoever called the function ends the process then. */
	return leaves->kind == ITEM_RETURN && process_returns(fn, leaves, &value) &&
	       process_value_ends(fn, value, PROCESS_DEPTH);
}
