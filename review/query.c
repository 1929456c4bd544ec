/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that rules ask of functions and loops; see rules.h. */

#include "rules.h"

#include <string.h>

bool item_has_role(struct function *fn, const struct item *item, void *roles)
{
	(void)fn;
	return api_is(item->call->api, *(const uint64_t *)roles);
}

const struct item *loop_find_call(struct function *fn, int loop,
				  bool (*visit)(struct function *fn, const struct item *item,
						void *data),
				  void *data)
{
	loop_members(fn, loop);
	for (int b = 0; b < fn->n_blocks; b++) {
		if (!fn->loops[loop].member[b])
			continue;
		for (int i = fn->blocks[b].first; i >= 0; i = fn->items[i].next)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			    visit(fn, &fn->items[i], data))
				return &fn->items[i];
	}
	return NULL;
}

const struct item *function_find_call(struct function *fn,
				      bool (*visit)(struct function *fn, const struct item *item,
						    void *data),
				      void *data)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
		    visit(fn, &fn->items[i], data))
			return &fn->items[i];
	return NULL;
}

/* Blocks that only return are no members of a loop, so an edge to them is a way out too. */
int loop_exits(struct function *fn, int loop, struct loop_exit *exits)
{
	int n = 0;

	loop_members(fn, loop);
	for (int b = 0; b < fn->n_blocks && n < LOOP_EXITS; b++) {
		const struct block *block = &fn->blocks[b];

		if (!fn->loops[loop].member[b])
			continue;
		for (int e = 0; e < 2 && n < LOOP_EXITS; e++) {
			if (block->next[e] < 0 || fn->loops[loop].member[block->next[e]])
				continue;
			exits[n].block = b;
			exits[n].edge = e;
			exits[n].test =
				block->last >= 0 && fn->items[block->last].kind == ITEM_BRANCH
					? &fn->items[block->last]
					: NULL;
			n++;
		}
	}
	return n;
}

bool loop_changes(struct function *fn, int loop, int place)
{
	loop_members(fn, loop);
	for (int b = 0; b < fn->n_blocks; b++) {
		if (!fn->loops[loop].member[b])
			continue;
		for (int i = fn->blocks[b].first; i >= 0; i = fn->items[i].next)
			if ((fn->items[i].kind == ITEM_ASSIGN ||
			     fn->items[i].kind == ITEM_OPERATE || fn->items[i].kind == ITEM_CALL) &&
			    fn->items[i].dst == place && fn->items[i].op != '[')
				return true;
	}
	return false;
}

const struct item *operand_source(const struct function *fn, const struct operand *operand,
				  const struct item *before)
{
	int place = operand->kind == OPERAND_PLACE ? operand->place : -1;

	for (int step = 0; step < 6 && place >= 0; step++) {
		const struct item *found = NULL;

		for (const struct item *item = before; item-- > fn->items && !found;)
			if (item->dst == place &&
			    (item->kind == ITEM_CALL || item->kind == ITEM_ASSIGN ||
			     item->kind == ITEM_OPERATE))
				found = item;
		if (!found || found->kind == ITEM_CALL)
			return found;
		place = found->a.kind == OPERAND_PLACE && found->kind == ITEM_ASSIGN
				? found->a.place
				: -1;
		before = found;
	}
	return NULL;
}

/* The place goes up or down in steps somewhere in the loop. */
static bool loop_counts(struct function *fn, int loop, const struct operand *o)
{
	int place = o->kind == OPERAND_PLACE ? o->place : -1;

	for (int step = 0; step < 3 && place >= 0; step++) {
		int next = -1;

		for (int i = 0; i < fn->n_items; i++) {
			const struct item *item = &fn->items[i];

			if (item->dst != place)
				continue;
			if (item->kind == ITEM_OPERATE && item->op != '[' &&
			    (operand_is_place(&item->a, place) ||
			     operand_is_place(&item->b, place)))
				return loop_changes(fn, loop, place);
			/* The value before ++ goes through a temporary. */
			if (item->kind == ITEM_ASSIGN && item->a.kind == OPERAND_PLACE)
				next = item->a.place;
			if (item->kind == ITEM_OPERATE && item->a.kind == OPERAND_PLACE)
				next = item->a.place;
		}
		place = next;
	}
	return false;
}

static bool loop_is_clock(const struct function *fn, const struct operand *o,
			  const struct item *before)
{
	int place = o->kind == OPERAND_PLACE ? o->place : -1;

	for (const struct item *item = before; place >= 0 && item-- > fn->items;) {
		if (item->dst != place)
			continue;
		if (item->kind == ITEM_CALL)
			return api_is(item->call->api, ROLE(CLOCK)) ||
			       (item->call->target && item->call->target->n_params <= 1 &&
				function_find_role(item->call->target, ROLE(CLOCK)));
		if (item->kind == ITEM_OPERATE &&
		    (loop_is_clock(fn, &item->b, item) || item->a.kind != OPERAND_PLACE))
			return loop_is_clock(fn, &item->b, item);
		place = item->a.kind == OPERAND_PLACE ? item->a.place : -1;
	}
	return false;
}

bool loop_is_limited(struct function *fn, int loop)
{
	struct loop_exit exits[LOOP_EXITS];
	int n = loop_exits(fn, loop, exits);

	if (fn->loops[loop].bounded)
		return true;
	for (int i = 0; i < n; i++) {
		const struct item *test = exits[i].test;

		if (test &&
		    (loop_counts(fn, loop, &test->a) || loop_counts(fn, loop, &test->b) ||
		     loop_is_clock(fn, &test->a, test) || loop_is_clock(fn, &test->b, test)))
			return true;
	}
	return false;
}
