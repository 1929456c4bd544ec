/* SPDX-License-Identifier: Apache-2.0 */
/* What a comparison tells a state on each of its sides; see state.h. */

#include "flow/state.h"
#include "read/source.h"

#include <string.h>

/* A name that the function does not declare and that names no resource: a global, or a constant. */
static bool flow_is_outside(const struct flow *flow, const struct operand *o)
{
	const struct place *p = o->kind == OPERAND_PLACE ? &flow->fn->places[o->place] : NULL;

	return p && p->kind == PLACE_FREE && p->parent < 0 &&
	       state_place(flow, o->place).resource < 0;
}

/* … whose value nobody sees and nothing sets: no_door, INVALID_HANDLE of a header. */
static bool flow_is_unseen_constant(const struct flow *flow, const struct operand *o)
{
	const struct place *p = &flow->fn->places[o->place];
	bool is_const = p->flags & PLACE_CONST;

	return (is_const || (!p->is_member && !p->is_global)) && !starts_with(p->name, "std");
}

/*
 * `fd == no_door`: what was opened here is in no variable from outside, so they are equal only if
 * it could not be opened; `fd != no_door` says that it could. false: they cannot be equal.
 */
static bool flow_compare_outside(struct flow *flow, const struct operand *o,
				 const struct operand *other, int op)
{
	int r = state_resource(flow, o);
	uint8_t *bits = r >= 0 ? &flow->state->bits[r] : NULL;

	if (!bits || !flow->resources[r].site || !flow_is_outside(flow, other) ||
	    (*bits & ~(unsigned)(RES_OPEN | RES_FAILED)))
		return true;
	if (op == OP_EQ) {
		if (!(*bits & RES_FAILED))
			return flow_is_unseen_constant(flow, other);
		*bits = RES_FAILED;
	} else if (op == OP_NE && flow_is_unseen_constant(flow, other)) {
		*bits &= (uint8_t)~RES_FAILED;
	}
	if (op == OP_EQ || op == OP_NE)
		state_add_flags(flow, o->place, VALUE_CHECKED);
	return true;
}

/* nfd == fd, where a caller names `fd`: what was opened has the number that he asked for, and is his. */
static void flow_meets_param(struct flow *flow, const struct operand *o,
			     const struct operand *other)
{
	const struct place *p =
		other->kind == OPERAND_PLACE ? &flow->fn->places[other->place] : NULL;
	int r = state_resource(flow, o);

	if (r >= 0 && p && p->kind == PLACE_PARAM && !p->stars && flow->resources[r].site &&
	    !strcmp(flow->resources[r].kind, "fd"))
		state_give(flow, r);
}

/* Two values of which none is a constant: the lower one was looked at. */
static bool flow_compare(struct flow *flow, const struct item *item, int op)
{
	const struct operand *low = op == OP_LT || op == OP_LE   ? &item->a
				    : op == OP_GT || op == OP_GE ? &item->b
								 : NULL;

	if (op == OP_EQ && item->b.kind == OPERAND_PLACE)
		low = &item->a;
	if (low && low->kind == OPERAND_PLACE)
		state_add_flags(flow, low->place, VALUE_CHECKED);
	if (op == OP_EQ) {
		flow_meets_param(flow, &item->a, &item->b);
		flow_meets_param(flow, &item->b, &item->a);
	}
	return flow_compare_outside(flow, &item->a, &item->b, op) &&
	       flow_compare_outside(flow, &item->b, &item->a, op);
}

/*
 * for (i = 0; i < n; …) is taken to run at least once: what its body hands over or closes would
 * else be thought lost whenever n might be 0.
 */
static bool flow_skips_loop(const struct flow *flow, const struct item *item, bool taken)
{
	const struct function *fn = flow->fn;
	int loop = fn->blocks[flow->block].loop;
	int64_t number;

	if (taken || loop < 0 || fn->loops[loop].kind != LOOP_FOR ||
	    fn->loops[loop].header != flow->block)
		return false;
	return (item->op == OP_LT || item->op == OP_LE || item->op == OP_NE) &&
	       state_is_constant(flow, &item->a, &number) &&
	       !state_is_constant(flow, &item->b, &number);
}

/* Two that are open at the same time have not the same number or address. */
static bool flow_are_apart(const struct flow *flow, const struct item *item)
{
	int a = state_resource(flow, &item->a), b = state_resource(flow, &item->b);

	return a >= 0 && b >= 0 && a != b && flow->state->bits[a] == RES_OPEN &&
	       flow->state->bits[b] == RES_OPEN &&
	       (flow->resources[a].site || flow->resources[b].site);
}

/* Two names of what one call has opened: a second pointer to it, and not a number that says how it went. */
static bool flow_are_one(const struct flow *flow, const struct item *item)
{
	int a = state_resource(flow, &item->a), b = state_resource(flow, &item->b);

	return a >= 0 && a == b && flow->resources[a].site && !flow->resources[a].stored &&
	       flow->fn->places[item->a.place].stars && flow->fn->places[item->b.place].stars;
}

bool flow_side(struct flow *flow, const struct item *item, bool taken)
{
	int op = taken ? item->op : op_negate(item->op);
	int64_t number;

	if (op == OP_UNKNOWN)
		return true;
	if (flow_skips_loop(flow, item, taken) || (!taken && !decide_leaves_out(flow, item)))
		return false;
	if (state_is_constant(flow, &item->b, &number))
		return state_refine(flow, &item->a, op, number);
	if (state_is_constant(flow, &item->a, &number))
		return state_refine(flow, &item->b, op_mirror(op), number);
	if ((op == OP_EQ && flow_are_apart(flow, item)) ||
	    (op == OP_NE && flow_are_one(flow, item)))
		return false;
	return flow_compare(flow, item, op) && decide_named(flow, item, op);
}
