/* SPDX-License-Identifier: Apache-2.0 */
/* Which blocks a loop consists of, how it is left, and what limits it. */

#include "model/query.h"

#include <string.h>

static bool loop_is_ancestor(const struct block *up, const struct block *down)
{
	return up->enter && up->enter <= down->enter && up->leave >= down->leave;
}

/* exit(), die(): no edge leads on from here, whatever the text of the function looks like. */
static bool loop_block_ends(const struct function *fn, int block)
{
	for (int i = fn->blocks[block].first; i >= 0; i = fn->items[i].next)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
		    call_ends(fn->items[i].call))
			return true;
	return false;
}

/* Backwards from the edges that return to the header, never past it. */
void loop_members(struct function *fn, int loop)
{
	struct loop *l = &fn->loops[loop];
	const struct block *header = &fn->blocks[l->header];
	bool changed = true;

	if (l->member)
		return;
	l->member = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	l->member[l->header] = 1;
	for (int i = 0; i < fn->n_blocks; i++)
		for (int e = 0; e < 2; e++)
			if (fn->blocks[i].next[e] == l->header && fn->blocks[i].enter &&
			    loop_is_ancestor(header, &fn->blocks[i]) && !loop_block_ends(fn, i))
				l->member[i] = 1;
	for (int round = 0; changed && round < 200; round++) {
		changed = false;
		for (int i = fn->n_blocks; i-- > 0;) {
			const struct block *block = &fn->blocks[i];

			if (l->member[i] || !block->enter || loop_block_ends(fn, i))
				continue;
			for (int e = 0; e < 2; e++)
				if (block->next[e] >= 0 && block->next[e] != l->header &&
				    l->member[block->next[e]] && loop_is_ancestor(header, block))
					l->member[i] = 1;
			changed |= l->member[i];
		}
	}
}

int item_block(const struct function *fn, const struct item *item)
{
	return item >= fn->items && item < fn->items + fn->n_items ? item->block : -1;
}

int item_loop(struct function *fn, const struct item *item)
{
	int block = item_block(fn, item);

	if (block < 0 || fn->blocks[block].loop >= 0)
		return block < 0 ? -1 : fn->blocks[block].loop;
	for (int loop = 0; loop < fn->n_loops; loop++) {
		loop_members(fn, loop);
		if (fn->loops[loop].kind == LOOP_GOTO && fn->loops[loop].member[block])
			return loop;
	}
	return -1;
}

bool block_is_behind(const struct function *fn, int test, int edge, int wanted)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, ((size_t)fn->n_blocks + 1) * sizeof(*stack)), n = 0;

	stack[n++] = 0;
	seen[0] = 1;
	while (n) {
		int block = stack[--n];

		if (block == wanted)
			return false;
		for (int e = 0; e < 2; e++) {
			int next = fn->blocks[block].next[e];

			if ((block == test && e == edge) || next < 0 || seen[next])
				continue;
			seen[next] = 1;
			stack[n++] = next;
		}
	}
	return true;
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

/* do { … } while (true): the edge behind it leads nowhere. */
static bool loop_edge_is_dead(const struct function *fn, const struct block *block, int edge)
{
	const struct item *test = block->last >= 0 ? &fn->items[block->last] : NULL;
	int64_t a, b;

	return test && test->kind == ITEM_BRANCH && test->op == OP_NE &&
	       operand_is_number(&test->a, &a) && operand_is_number(&test->b, &b) &&
	       (a != b) == (edge == 1);
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
			if (block->next[e] < 0 || fn->loops[loop].member[block->next[e]] ||
			    loop_edge_is_dead(fn, block, e))
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

/* The place goes up or down in steps somewhere in the loop. */
static bool loop_counts(struct function *fn, int loop, const struct operand *o)
{
	int place = o->kind == OPERAND_PLACE ? o->place : -1;

	for (int step = 0; step < 3 && place >= 0; step++) {
		int next = -1;

		for (const struct item *item = place_set_last(fn, place); item;
		     item = item_set_before(fn, item)) {
			if (item->kind == ITEM_OPERATE && item->op != '[' &&
			    (operand_is_place(&item->a, place) ||
			     operand_is_place(&item->b, place)))
				return loop_changes(fn, loop, place);
			/* The value before ++ goes through a temporary. */
			if (next < 0 && item->kind != ITEM_CALL && item->a.kind == OPERAND_PLACE)
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

	for (const struct item *item = place_set_before(fn, place, before); item;
	     item = place_set_before(fn, place, item)) {
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
