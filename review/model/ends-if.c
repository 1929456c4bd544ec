/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the project that end the program when an argument says so: error(1, …), which exits for a
 * status that is not 0, errif(fd < 0, "…"), require(fd >= 0).
 */

#include "model/query.h"

#include <string.h>

enum { ENDS_IF_PARAMS = 4, ENDS_IF_ASKED = 1 << 15 };

/* 0 compared with the number. */
static bool ends_if_zero_holds(int op, int64_t number)
{
	switch (op) {
	case OP_EQ:
		return number == 0;
	case OP_NE:
		return number != 0;
	case OP_LT:
		return number > 0;
	case OP_LE:
		return number >= 0;
	case OP_GT:
		return number < 0;
	default:
		return number <= 0;
	}
}

/* The edge that a parameter which is 0, or is not, takes; -1: either. */
static int ends_if_edge(const struct item *test, int place, bool zero)
{
	int64_t number;

	if (!operand_is_place(&test->a, place) || !operand_is_number(&test->b, &number) ||
	    test->op < OP_EQ || test->op > OP_GE)
		return -1;
	if (zero)
		return ends_if_zero_holds(test->op, number) ? 0 : 1;
	if (number || (test->op != OP_EQ && test->op != OP_NE))
		return -1;
	return test->op == OP_NE ? 0 : 1;
}

/* Of one block: 1 the program ends in it, -1 the function returns, 0 it goes on; *edge where, or -1. */
static int ends_if_block(const struct function *fn, const struct block *block, int place, bool zero,
			 int *edge)
{
	*edge = -1;
	for (int i = block->first; i >= 0; i = fn->items[i].next) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_RETURN || item->kind == ITEM_THROW ||
		    item->kind == ITEM_CATCH)
			return -1;
		/* What assert() ends is a debug build. */
		if (item->kind == ITEM_CALL && item->call && call_ends(item->call))
			return strstr(item->call->name, "assert") ? -1 : 1;
		if (item->kind == ITEM_BRANCH)
			*edge = ends_if_edge(item, place, zero);
	}
	return 0;
}

static bool ends_if_walk(const struct function *fn, int place, bool zero)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, ((size_t)fn->n_blocks * 2 + 2) * sizeof(*stack));
	int n = 0, ends = 0;

	stack[n++] = 0;
	while (n) {
		int number = stack[--n], edge;
		const struct block *block = &fn->blocks[number];
		int how = seen[number] ? 0 : ends_if_block(fn, block, place, zero, &edge);

		if (seen[number])
			continue;
		seen[number] = 1;
		ends += how == 1;
		if (how < 0 || (!how && block->next[0] < 0 && block->next[1] < 0))
			return false;
		for (int e = 0; !how && e < 2; e++)
			if (block->next[e] >= 0 && (edge < 0 || edge == e))
				stack[n++] = block->next[e];
	}
	return ends > 0;
}

bool function_never_returns(const struct function *fn)
{
	bool again = false;

	if ((fn->flags & (FUNCTION_ERRORS | FUNCTION_CUT)) || fn->n_variants || !fn->n_blocks)
		return false;
	for (int i = 0; i < fn->n_items && !again; i++)
		again = fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			fn->items[i].call->target == fn;
	return again && ends_if_walk(fn, -1, false);
}

unsigned function_ends_if(struct function *fn, int param)
{
	if (param >= ENDS_IF_PARAMS || param >= fn->n_params || !fn->summary.done || fn->skipped ||
	    (fn->flags & (FUNCTION_ERRORS | FUNCTION_CUT)) || fn->n_variants || !fn->n_blocks)
		return 0;
	if (!(fn->ends_if & ENDS_IF_ASKED)) {
		fn->ends_if = ENDS_IF_ASKED;
		for (int i = 0; i < ENDS_IF_PARAMS && i < fn->n_params; i++) {
			int place = fn->params[i];

			if (fn->places[place].stars || place_set_last(fn, place))
				continue;
			if (ends_if_walk(fn, place, false))
				fn->ends_if |= (uint16_t)(ENDS_IF_TRUE << (2 * i));
			if (ends_if_walk(fn, place, true))
				fn->ends_if |= (uint16_t)(ENDS_IF_FALSE << (2 * i));
		}
	}
	return (fn->ends_if >> (2 * param)) & (ENDS_IF_TRUE | ENDS_IF_FALSE);
}

bool call_ends_for_numbers(const struct call *call)
{
	int64_t number;

	if (call->receiver.kind || call->api || !call->target)
		return false;
	for (int i = 0; i < call->n_args && i < ENDS_IF_PARAMS; i++)
		if (operand_is_number(&call->args[i], &number) &&
		    (function_ends_if(call->target, i) & (number ? ENDS_IF_TRUE : ENDS_IF_FALSE)))
			return true;
	return false;
}
