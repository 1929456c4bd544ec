/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions that exclude each other though no number is known: comparisons with a constant of which only
 * the name is seen, and the cases of a switch that leaves none out. See state.h.
 */

#include "flow/state.h"

#include <ctype.h>
#include <string.h>

enum {
	DECIDE_ASKED = 1 << 0,
	DECIDE_YES = 1 << 1,
	DECIDE_BLOCKS = 600,
	DECIDE_PLACES = 24,
	DECIDE_MANY = 9, /* comparisons: with so many, each would be a state of its own */
};

/* GTK_RESPONSE_OK: a macro or enumerator of a header that nobody has read. */
static int decide_constant(const struct function *fn, const struct operand *o)
{
	const struct place *p = o->kind == OPERAND_PLACE ? &fn->places[o->place] : NULL;
	bool capital = false;

	if (!p || p->kind != PLACE_FREE || p->parent >= 0 || p->is_number || p->is_member ||
	    p->is_global || !p->name)
		return 0;
	for (const char *s = p->name; *s; s++) {
		if (islower((unsigned char)*s) || *s == ':')
			return 0;
		capital |= isupper((unsigned char)*s) != 0;
	}
	return capital && strlen(p->name) > 2 ? 1 + o->place : 0;
}

/*
 * How often the function compares the place with the constant, or, for 0, with any; up to 9. A
 * switch counts once.
 */
static int decide_comparisons(const struct function *fn, int place, int constant)
{
	struct pos at = { UINT32_MAX, 0 };
	int n = 0;

	for (int i = 0; i < fn->n_items && n < DECIDE_MANY; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind != ITEM_BRANCH || (item->op != OP_EQ && item->op != OP_NE) ||
		    !operand_is_place(&item->a, place) || !decide_constant(fn, &item->b) ||
		    (constant && !operand_is_place(&item->b, constant - 1)) ||
		    (item->at.row == at.row && item->at.col == at.col))
			continue;
		at = item->at;
		n++;
	}
	return n;
}

static bool decide_known(struct item *item,
			 bool (*find)(const struct function *fn, const struct item *item),
			 const struct function *fn)
{
	if (!(item->decided & DECIDE_ASKED))
		item->decided |= (uint8_t)(DECIDE_ASKED | (find(fn, item) ? DECIDE_YES : 0));
	return item->decided & DECIDE_YES;
}

static bool decide_is_asked_again(const struct function *fn, const struct item *item)
{
	int constant = decide_constant(fn, &item->b), all;

	if (!constant || item->a.kind != OPERAND_PLACE)
		return false;
	all = decide_comparisons(fn, item->a.place, 0);
	return (all > 1 && all < DECIDE_MANY) ||
	       (all > 1 && decide_comparisons(fn, item->a.place, constant) > 1);
}

bool decide_named(struct flow *flow, const struct item *item, int op)
{
	struct item *known = &flow->fn->items[item - flow->fn->items];
	struct value v;
	int constant;

	if ((op != OP_EQ && op != OP_NE) || !decide_known(known, decide_is_asked_again, flow->fn))
		return true;
	constant = decide_constant(flow->fn, &item->b);
	v = state_place(flow, item->a.place);
	/* What was opened may have the number of a constant, but not of one that it was compared with before. */
	if (v.resource >= 0) {
		if (op == OP_EQ)
			return v.isnt != constant;
		v.isnt = constant;
		state_bind(flow, item->a.place, v, -1);
		return true;
	}
	if (op == OP_EQ ? (v.is && v.is != constant) || v.isnt == constant : v.is == constant)
		return false;
	if (op == OP_EQ)
		v.is = constant;
	else if (!v.is)
		v.isnt = constant;
	state_bind(flow, item->a.place, v, -1);
	return true;
}

static bool decide_is_asked_for(const struct function *fn, const struct item *item)
{
	int constant = decide_constant(fn, &item->a);

	return constant && decide_comparisons(fn, item->dst, constant) > 0;
}

void decide_assigned(struct flow *flow, const struct item *item, struct value *v)
{
	struct item *known = &flow->fn->items[item - flow->fn->items];

	if (item->dst >= 0 && v->resource < 0 && decide_constant(flow->fn, &item->a) &&
	    decide_known(known, decide_is_asked_for, flow->fn))
		v->is = decide_constant(flow->fn, &item->a);
}

/* From the case to what stands behind the switch, some way does not set the place. */
static bool decide_passes(const struct function *fn, int from, int test, int place)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, ((size_t)fn->n_blocks + 1) * sizeof(*stack)), n = 0;

	int after = fn->blocks[test].next[1];

	stack[n++] = from;
	seen[from] = seen[test] = 1; /* in the next turn of a loop it begins anew */
	while (n) {
		int block = stack[--n], i = fn->blocks[block].first;

		if (block == after)
			return true;
		while (i >= 0 && !(fn->items[i].dst == place && fn->items[i].kind == ITEM_ASSIGN))
			i = fn->items[i].next;
		for (int e = 0; i < 0 && e < 2; e++) {
			int next = fn->blocks[block].next[e];

			if (next >= 0 && !seen[next]) {
				seen[next] = 1;
				stack[n++] = next;
			}
		}
	}
	return false;
}

/* The comparison in front of this one in the same switch; its block, or -1. */
static int decide_case_before(const struct function *fn, int block, const struct item *item)
{
	for (int b = 0; b < fn->n_blocks; b++) {
		const struct item *last =
			fn->blocks[b].last >= 0 ? &fn->items[fn->blocks[b].last] : NULL;

		if (fn->blocks[b].next[1] == block && last && last->kind == ITEM_BRANCH &&
		    last->op == OP_EQ && last->at.row == item->at.row &&
		    last->at.col == item->at.col)
			return b;
	}
	return -1;
}

static bool decide_all_set(const struct function *fn, const struct item *item, int place)
{
	int test = item_block(fn, item), block = test, n = 0;

	for (; block >= 0; block = decide_case_before(fn, block, item), n++)
		if (decide_passes(fn, fn->blocks[block].next[0], test, place))
			return false;
	return n > 1;
}

/* Each case that comes out of the switch has given one variable a value: there is no other case. */
static bool decide_is_whole(const struct function *fn, const struct item *item)
{
	int tried = 0, before = -1;

	if (item_block(fn, item) < 0 || fn->n_blocks > DECIDE_BLOCKS)
		return false;
	for (int i = 0; i < fn->n_items && tried < DECIDE_PLACES; i++) {
		const struct item *set = &fn->items[i];

		if (set->kind != ITEM_ASSIGN || set->dst < 0 || set->dst == before ||
		    fn->places[set->dst].kind != PLACE_LOCAL || set->at.row < item->at.row)
			continue;
		before = set->dst;
		tried++;
		if (decide_all_set(fn, item, set->dst))
			return true;
	}
	return false;
}

bool decide_leaves_out(struct flow *flow, const struct item *item)
{
	struct item *known = &flow->fn->items[item - flow->fn->items];

	if (!item->implicit)
		return true;
	if (!(known->decided & (DECIDE_ASKED << 2)))
		known->decided |= (uint8_t)((DECIDE_ASKED |
					     (decide_is_whole(flow->fn, item) ? DECIDE_YES : 0))
					    << 2);
	return !(known->decided & (DECIDE_YES << 2));
}
