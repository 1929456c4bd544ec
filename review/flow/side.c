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

/* A pointer that the caller gave stays what it was, whoever else got it. */
static bool flow_is_callers(const struct flow *flow, const struct operand *o, int resource)
{
	return flow->resources[resource].param >= 0 && !flow->resources[resource].site &&
	       flow->fn->places[o->place].stars &&
	       (flow->state->bits[resource] & (RES_OPEN | RES_CLOSED)) == RES_OPEN;
}

/* Two that are open at the same time have not the same number or address. */
static bool flow_are_apart(const struct flow *flow, const struct item *item)
{
	int a = state_resource(flow, &item->a), b = state_resource(flow, &item->b);

	return a >= 0 && b >= 0 && a != b && (flow->resources[a].site || flow->resources[b].site) &&
	       (flow->state->bits[a] == RES_OPEN || flow_is_callers(flow, &item->a, a)) &&
	       (flow->state->bits[b] == RES_OPEN || flow_is_callers(flow, &item->b, b));
}

/* fd = accept(p->fd, …); … if (fd != p->fd) close(fd): the listener is open, so what it gave has another number. */
static bool flow_is_listener(const struct flow *flow, const struct operand *o,
			     const struct operand *other)
{
	int r = state_resource(flow, o);
	const struct item *site = r >= 0 ? flow->resources[r].site : NULL;

	return site && flow->resources[r].accepted && flow->state->bits[r] == RES_OPEN &&
	       other->kind == OPERAND_PLACE && site->call && site->call->n_args &&
	       operand_is_place(&site->call->args[0], other->place) &&
	       state_resource(flow, other) != r;
}

/* Two names of what one call has opened, or the caller gave: a second pointer to it, and not a number that says how it went. */
static bool flow_are_one(const struct flow *flow, const struct item *item)
{
	int a = state_resource(flow, &item->a), b = state_resource(flow, &item->b);

	return a >= 0 && a == b && (flow->resources[a].site || flow->resources[a].param >= 0) &&
	       !flow->resources[a].stored && flow->fn->places[item->a.place].stars &&
	       flow->fn->places[item->b.place].stars;
}

/* if (text != small) free(text): what was opened here lies in no variable. */
static bool flow_is_variable(const struct flow *flow, const struct operand *o)
{
	return o->kind == OPERAND_ADDRESS ||
	       (o->kind == OPERAND_PLACE && (flow->fn->places[o->place].flags & PLACE_ARRAY));
}

static bool flow_is_beside(const struct flow *flow, const struct operand *o,
			   const struct operand *other)
{
	int r = state_resource(flow, o);

	return r >= 0 && flow->resources[r].site && flow->state->bits[r] == RES_OPEN &&
	       flow->fn->places[o->place].stars && flow_is_variable(flow, other);
}

/* if (ends[READ] != -1) close(ends[READ]): which element that is, nobody knows, so any may be the one that is none. */
static void flow_lacks_element(struct flow *flow, const struct operand *o, int op)
{
	const struct place *p = o->kind == OPERAND_PLACE ? &flow->fn->places[o->place] : NULL;

	if ((op == OP_EQ || op == OP_LT || op == OP_LE) && p && p->kind == PLACE_INDEX &&
	    !(*p->name >= '0' && *p->name <= '9') && state_resource(flow, o) < 0)
		state_escape_parts(flow, p->parent);
}

/* if (on_client) on_client(fd): who has set no function gets no descriptor either. */
static void flow_lacks_callback(struct flow *flow, const struct operand *o, int op, int64_t number)
{
	const struct function *fn = flow->fn;
	const char *name = o->kind == OPERAND_PLACE ? fn->places[o->place].name : NULL;

	if (op != OP_EQ || number || !name)
		return;
	for (int i = (int)(flow->item - fn->items); i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (!call || call->api || call->target || !call->name ||
		    strcmp(call->name, name) != 0)
			continue;
		for (int k = 0; k < call->n_args; k++)
			if (state_resource(flow, &call->args[k]) >= 0)
				state_give(flow, state_resource(flow, &call->args[k]));
	}
}

/*
 * #ifdef _WIN32 closesocket(fd); #endif: each system that it is built for may have an #if of its own that closes
 * it, and none of them has none.
 */
static void flow_is_not_configured(struct flow *flow, const struct item *item, bool taken)
{
	const struct function *fn = flow->fn;
	int other = fn->blocks[flow->block].next[taken];

	if (item->a.kind != OPERAND_PLACE || fn->places[item->a.place].kind != PLACE_CONFIG ||
	    other < 0)
		return;
	for (int i = fn->blocks[other].first; i >= 0; i = fn->items[i].next) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		for (const struct fact *f = call ? api_fact(call->api, FACT_CLOSES) : NULL; f;
		     f = api_fact_next(call->api, f)) {
			const struct operand *o = call_argument(call, f->arg);

			if (o && state_resource(flow, o) >= 0)
				state_give(flow, state_resource(flow, o));
		}
	}
}

static bool flow_narrow(struct flow *flow, const struct operand *o, int op, int64_t number)
{
	flow_lacks_element(flow, o, op);
	flow_lacks_callback(flow, o, op, number);
	return state_refine(flow, o, op, number);
}

bool flow_side(struct flow *flow, const struct item *item, bool taken)
{
	int op = taken ? item->op : op_negate(item->op);
	int64_t number;

	flow_is_not_configured(flow, item, taken);
	if (op == OP_UNKNOWN)
		return true;
	if (flow_skips_loop(flow, item, taken) || (!taken && !decide_leaves_out(flow, item)))
		return false;
	if (state_is_constant(flow, &item->b, &number))
		return flow_narrow(flow, &item->a, op, number);
	if (state_is_constant(flow, &item->a, &number))
		return flow_narrow(flow, &item->b, op_mirror(op), number);
	if ((op == OP_EQ &&
	     (flow_are_apart(flow, item) || flow_is_listener(flow, &item->a, &item->b) ||
	      flow_is_listener(flow, &item->b, &item->a) ||
	      flow_is_beside(flow, &item->a, &item->b) ||
	      flow_is_beside(flow, &item->b, &item->a))) ||
	    (op == OP_NE && flow_are_one(flow, item)))
		return false;
	return flow_compare(flow, item, op) && decide_named(flow, item, op);
}
