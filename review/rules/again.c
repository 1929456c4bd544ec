/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that are asked when something is opened, and once more when it is closed; see again.h. */

#include "rules/again.h"

#include <string.h>

enum { AGAIN_BLOCKS = 600, AGAIN_FACTS = 16 };

/* What holds wherever the resource was opened: the place is that constant, or it is not. */
struct again_fact {
	int place;
	bool is;
	const struct operand *constant;
};

struct again {
	const struct flow *flow;
	const struct resource *resource;
	struct again_fact facts[AGAIN_FACTS];
	int n;
};

static const struct item *again_test(const struct function *fn, int block)
{
	const struct item *test =
		fn->blocks[block].last >= 0 ? &fn->items[fn->blocks[block].last] : NULL;

	return test && test->kind == ITEM_BRANCH && (test->op == OP_EQ || test->op == OP_NE) &&
			       test->a.kind == OPERAND_PLACE
		       ? test
		       : NULL;
}

static bool again_is_constant(const struct function *fn, const struct operand *o)
{
	int64_t number;

	return operand_is_number(o, &number) ||
	       (o->kind == OPERAND_PLACE && fn->places[o->place].kind == PLACE_FREE &&
		fn->places[o->place].parent < 0 && !fn->places[o->place].is_member &&
		!fn->places[o->place].is_global);
}

static bool again_same(const struct operand *a, const struct operand *b)
{
	int64_t x = 0, y = 0;

	return a->kind == OPERAND_PLACE
		       ? operand_is_place(b, a->place)
		       : operand_is_number(a, &x) && operand_is_number(b, &y) && x == y;
}

/* Neither the place nor what it is a part of is set behind the test. */
static bool again_stays(const struct function *fn, int place, const struct item *test)
{
	for (; place >= 0; place = fn->places[place].parent) {
		const struct item *set = place_set_last(fn, place);

		if (set && set > test)
			return false;
	}
	return true;
}

static void again_collect(struct again *again, int site)
{
	const struct function *fn = again->flow->fn;

	for (int b = 0; b < fn->n_blocks && again->n < AGAIN_FACTS; b++) {
		const struct item *test = again_test(fn, b);

		if (!test || b == site || test > again->resource->site ||
		    !again_is_constant(fn, &test->b) || !again_stays(fn, test->a.place, test))
			continue;
		for (int e = 0; e < 2; e++)
			if (block_is_behind(fn, b, e, site)) {
				again->facts[again->n++] = (struct again_fact){
					.place = test->a.place,
					.is = (test->op == OP_EQ) == (e == 0),
					.constant = &test->b,
				};
				break;
			}
	}
}

/* The edge of the branch contradicts what is known. */
static bool again_contradicts(const struct again *again, int block, int edge)
{
	const struct item *test = again_test(again->flow->fn, block);
	bool is = test && (test->op == OP_EQ) == (edge == 0);

	for (int i = 0; test && i < again->n; i++)
		if (test->a.place == again->facts[i].place &&
		    again_same(again->facts[i].constant, &test->b) && is != again->facts[i].is)
			return true;
	return false;
}

static bool again_closes(const struct again *again, const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	return call && call->name == again->resource->closed->call->name && call->n_args &&
	       operand_is_place(&call->args[0], again->resource->place);
}

/* Some way leads from the block to the item, and neither closes it nor contradicts what is known. */
static bool again_reaches(const struct again *again, int from, const struct item *wanted)
{
	const struct function *fn = again->flow->fn;
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, ((size_t)fn->n_blocks + 1) * sizeof(*stack));
	int block = from, at = again->resource->site->next, n = 0;

	for (;;) {
		while (at >= 0 && &fn->items[at] != wanted && !again_closes(again, &fn->items[at]))
			at = fn->items[at].next;
		if (at >= 0 && &fn->items[at] == wanted)
			return true;
		for (int e = 0; at < 0 && e < 2; e++) {
			int next = fn->blocks[block].next[e];

			if (next < 0 || seen[next] || again_contradicts(again, block, e))
				continue;
			seen[next] = 1;
			stack[n++] = next;
		}
		if (!n)
			return false;
		block = stack[--n];
		at = fn->blocks[block].first;
	}
}

bool again_excludes(const struct flow *flow, const struct loss *loss)
{
	struct again again = { .flow = flow, .resource = &flow->resources[loss->resource] };
	const struct resource *r = again.resource;
	int site = r->site ? item_block(flow->fn, r->site) : -1;

	if (!r->closed || !r->closed->call || r->place < 0 || site < 0 ||
	    flow->fn->n_blocks > AGAIN_BLOCKS)
		return false;
	again_collect(&again, site);
	return again.n && !again_reaches(&again, site, loss->item);
}

/* It is opened for one of the kinds that the loop meets. */
static bool again_is_of_kind(const struct function *fn, int loop, int site)
{
	int64_t number;

	for (int b = 0; b < fn->n_blocks; b++) {
		const struct item *test = again_test(fn, b);

		/* The loop goes on with the others. */
		if (test && b != site && test->op == OP_EQ && fn->loops[loop].member[b] &&
		    fn->blocks[b].next[1] >= 0 && fn->loops[loop].member[fn->blocks[b].next[1]] &&
		    operand_is_number(&test->b, &number) && number &&
		    block_is_behind(fn, b, 0, site))
			return true;
	}
	return false;
}

bool again_comes_twice(const struct flow *flow, const struct loss *loss)
{
	struct function *fn = flow->fn;
	const struct resource *r = &flow->resources[loss->resource];
	int loop = r->site ? item_loop(fn, r->site) : -1, site;

	if (loop < 0 || !r->closed || r->place < 0 || fn->n_blocks > AGAIN_BLOCKS ||
	    (loss->item->kind != ITEM_AGAIN && loss->kind != LOSS_OVERWRITTEN))
		return false;
	loop_members(fn, loop);
	site = item_block(fn, r->site);
	if (site < 0 || !again_is_of_kind(fn, loop, site))
		return false;
	for (int i = (int)(r->site - fn->items); i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
		int block;

		if (!call || call->name != r->closed->call->name || !call->n_args ||
		    !operand_is_place(&call->args[0], r->place))
			continue;
		block = item_block(fn, &fn->items[i]);
		if (block >= 0 && !fn->loops[loop].member[block])
			return true;
	}
	return false;
}
