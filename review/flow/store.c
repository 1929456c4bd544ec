/* SPDX-License-Identifier: Apache-2.0 */
/* What an assignment or the end of a variable does to a state; see state.h. */

#include "flow/contract.h"
#include "flow/state.h"

#include <string.h>

/* The place gets no value any more or another one. */
static void flow_release(struct flow *flow, int place, enum loss_kind kind, const struct item *item)
{
	const struct place *p = &flow->fn->places[place];
	int r = state_place(flow, place).resource;

	state_unbind(flow->state, place);
	if (r < 0)
		return;
	if (!place_is_local(flow->fn, place) || (p->flags & (PLACE_AUTO | PLACE_SMART)))
		flow->state->bits[r] |= RES_GONE;
	if (state_is_named(flow, r, -1))
		return;
	flow->resources[r].handled |=
		(flow->state->bits[r] & (RES_CLOSED | RES_GONE | RES_TAKEN | RES_ENDING)) != 0;
	flow_lose(flow, r, kind, item);
	flow->state->bits[r] |= RES_GONE;
}

void flow_end_statement(struct flow *flow)
{
	struct state *state = flow->state;

	for (int i = state->n; i-- > 0;) {
		int r = state->bindings[i].value.resource;
		int place = state->bindings[i].place;

		if (flow->fn->places[place].kind != PLACE_TEMP &&
		    flow->fn->places[place].parent < 0)
			continue;
		if (place_root(flow->fn, place)->kind != PLACE_TEMP)
			continue;
		state_unbind(state, place);
		if (r >= 0 && !state_is_named(flow, r, -1)) {
			flow_lose(flow, r, LOSS_DROPPED, flow->resources[r].site);
			state->bits[r] |= RES_GONE;
		}
	}
}

void flow_dies(struct flow *flow, const struct item *item)
{
	bool again;

	do {
		again = false;
		for (int i = flow->state->n; i-- > 0;) {
			int place = flow->state->bindings[i].place;

			if (place_is_within(flow->fn, place, item->dst)) {
				flow_release(flow, place, LOSS_SCOPE, item);
				again = true;
				break;
			}
		}
	} while (again);
}

/* x[i] is another place when i changes. */
static void flow_index_changed(struct flow *flow, int place)
{
	const char *text = flow->fn->places[place].text;

	if (!text || !*text)
		return;
	for (int i = flow->state->n; i-- > 0 && i < flow->state->n;) {
		int at = flow->state->bindings[i].place;

		for (; at >= 0; at = flow->fn->places[at].parent) {
			const struct place *p = &flow->fn->places[at];

			if (p->kind == PLACE_INDEX && at != place &&
			    place_name_has(p->name, text)) {
				state_forget_parts(flow, at, true);
				break;
			}
		}
	}
}

static bool flow_index_varies(const struct flow *flow, int place)
{
	for (; place >= 0; place = flow->fn->places[place].parent) {
		const struct place *p = &flow->fn->places[place];

		if (p->kind == PLACE_INDEX && !(*p->name >= '0' && *p->name <= '9'))
			return true;
	}
	return false;
}

/* p->fd, where p is memory that this function allocated and nobody else has yet. */
static bool flow_is_in_own_memory(const struct flow *flow, int place)
{
	const struct function *fn = flow->fn;

	for (; fn->places[place].parent >= 0; place = fn->places[place].parent) {
		int r;

		if (fn->places[place].kind != PLACE_DEREF &&
		    !(fn->places[place].flags & PLACE_ARROW))
			continue;
		r = state_place(flow, fn->places[place].parent).resource;
		return r >= 0 && flow->resources[r].site &&
		       !strcmp(flow->resources[r].kind, "memory") &&
		       !(flow->state->bits[r] & (RES_CLOSED | RES_GONE | RES_TAKEN | RES_ENDING)) &&
		       place_is_local(fn, fn->places[place].parent);
	}
	return false;
}

/* at = at->next: the element before has it, and nobody follows that one any more. */
static bool flow_is_in_element(const struct flow *flow, int dst, int resource)
{
	const struct state *state = flow->state;

	for (int i = 0; i < state->n; i++)
		if (state->bindings[i].value.resource == resource &&
		    state->bindings[i].place != dst &&
		    place_is_within(flow->fn, state->bindings[i].place, dst))
			return true;
	return false;
}

static void flow_store(struct flow *flow, const struct item *item, int dst, struct value value)
{
	const struct place *p = &flow->fn->places[dst];
	int old = state_place(flow, dst).resource, r = value.resource;

	if (r >= 0 && flow_is_in_element(flow, dst, r))
		state_give(flow, r);
	if (old >= 0 && old != r)
		flow_release(flow, dst, LOSS_OVERWRITTEN, item);
	if (p->kind != PLACE_TEMP) {
		state_forget_parts(flow, dst, false);
		flow_index_changed(flow, dst);
	}
	if (r >= 0) {
		flow_fills(flow, dst, r);
		if (flow->resources[r].place < 0 && p->kind != PLACE_TEMP)
			flow->resources[r].place = dst;
		if ((!place_is_local(flow->fn, dst) && !flow_is_in_own_memory(flow, dst)) ||
		    (p->flags & (PLACE_AUTO | PLACE_SMART)) || flow_index_varies(flow, dst))
			state_give(flow, r);
	}
	state_bind(flow, dst, value, (int)(item - flow->fn->items));
}

/* A structure is copied: what its members name has a second name, which nobody follows. */
static void flow_copy_parts(struct flow *flow, int from, int to)
{
	struct state *state = flow->state;
	int memory = state_place(flow, from).resource;

	/* A second pointer to the same memory: state_place() knows the way. */
	if (memory >= 0 && !strcmp(flow->resources[memory].kind, "memory"))
		return;
	for (int i = 0; i < state->n; i++) {
		int r = state->bindings[i].value.resource;

		if (r >= 0 && from != to && state->bindings[i].place != from &&
		    place_is_within(flow->fn, state->bindings[i].place, from))
			state_give(flow, r);
	}
}

/*
 * x->before->next = x->next: the list has lost x, and whoever's `next` named it names another. Only the
 * names of what is closed matter.
 */
static void flow_unlink(struct flow *flow, int dst)
{
	const struct place *p = &flow->fn->places[dst];
	const struct place *parent = p->parent >= 0 ? &flow->fn->places[p->parent] : NULL;
	struct state *state = flow->state;

	if (p->kind != PLACE_FIELD || !(p->flags & PLACE_ARROW) || !parent ||
	    parent->kind != PLACE_FIELD || !(parent->flags & PLACE_ARROW))
		return;
	for (int i = state->n; i-- > 0;) {
		int place = state->bindings[i].place;
		const struct place *other = &flow->fn->places[place];

		int r = state->bindings[i].value.resource;

		if (place == dst || place_is_within(flow->fn, dst, place) ||
		    other->kind != PLACE_FIELD || other->name != p->name ||
		    other->type != p->type || r < 0 ||
		    place_root(flow->fn, place)->kind != PLACE_LOCAL)
			continue;
		state_unbind(state, place);
		if (!state_is_named(flow, r, -1))
			state_give(flow, r);
	}
}

/*
 * int port = -1; … port = base + 2 * i; … if (port < 0): what was computed is none of the numbers
 * below 0 that say that nothing was found.
 */
static bool flow_replaces_none(const struct flow *flow, const struct item *item)
{
	const struct function *fn = flow->fn;
	const struct item *set = item->a.kind == OPERAND_PLACE && item->dst >= 0 &&
						 fn->places[item->dst].kind == PLACE_LOCAL
					 ? place_set_before(fn, item->a.place, item)
					 : NULL;
	int64_t number;

	for (int depth = 0; depth < 2 && set && set->kind == ITEM_ASSIGN; depth++)
		set = set->a.kind == OPERAND_PLACE ? place_set_before(fn, set->a.place, set) : NULL;
	if (!set || set->kind != ITEM_OPERATE || (set->op != '+' && set->op != '*'))
		return false;
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_ASSIGN && fn->items[i].dst == item->dst &&
		    operand_is_number(&fn->items[i].a, &number) && number < 0)
			return true;
	return false;
}

void flow_assign(struct flow *flow, const struct item *item)
{
	struct value v = state_operand(flow, &item->a);

	if (item->dst < 0)
		return;
	if (item->a.kind == OPERAND_ADDRESS)
		state_escape_parts(flow, item->a.place);
	if (item->a.kind == OPERAND_ADDRESS && !place_is_local(flow->fn, item->dst))
		state_escape_around(flow, &item->a);
	else if (item->a.kind == OPERAND_PLACE)
		flow_copy_parts(flow, item->a.place, item->dst);
	decide_assigned(flow, item, &v);
	flow_unlink(flow, item->dst);
	if (v.resource < 0 && v.status < 0 && v.low == INT64_MIN && flow_replaces_none(flow, item))
		v.low = 0;
	flow_store(flow, item, item->dst, v);
}

/* -x; and -errno, which is looked at after a failure. */
static void flow_minus(const struct flow *flow, const struct item *item, struct value of,
		       struct value *v)
{
	if (of.low != INT64_MIN)
		v->high = -of.low;
	if (of.high != INT64_MIN && of.high != INT64_MAX)
		v->low = -of.high;
	if (item->b.kind == OPERAND_PLACE && place_is_errno(flow->fn, item->b.place) &&
	    of.low == INT64_MIN)
		v->high = -1;
}

/* std::cout << fd: what is written there as a number is not kept. */
static bool flow_is_printed(const struct function *fn, const struct item *item)
{
	static const char *const streams[] = { "cout", "cerr", "clog" };
	const struct operand *o = &item->a;

	for (int depth = 0; o->kind == OPERAND_PLACE && depth < 16; depth++) {
		const struct item *set = place_set_once(fn, o->place);
		const char *name = fn->places[o->place].name;

		for (size_t i = 0; name && i < sizeof(streams) / sizeof(*streams); i++)
			if (!strcmp(starts_with(name, "std::") ? name + 5 : name, streams[i]))
				return true;
		if (!set || set->kind != ITEM_OPERATE || set->op != '<')
			return false;
		o = &set->a;
	}
	return false;
}

/*
 * i++, where a condition compares i with a number above what i is: it cannot pass that by one step. The lowest such
 * number, or INT64_MAX.
 */
static int64_t flow_next_bound(const struct flow *flow, const struct item *item, int64_t high)
{
	const struct function *fn = flow->fn;
	int64_t lowest = INT64_MAX, number;

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *test = &fn->items[i];

		if (test->kind != ITEM_BRANCH || test->op == OP_UNKNOWN ||
		    !operand_is_place(&test->a, item->dst) ||
		    !state_is_constant(flow, &test->b, &number))
			continue;
		number += test->op == OP_LE || test->op == OP_GT;
		if (number > high && number < lowest)
			lowest = number;
	}
	return lowest;
}

void flow_operate(struct flow *flow, const struct item *item)
{
	struct value a = state_operand(flow, &item->a), b = state_operand(flow, &item->b);
	struct value v = value_unknown;

	if (item->dst < 0 || item->op == '[')
		return;
	/* x & FLAG, tested before, and x is the same: it would have forgotten its parts. */
	if (item->op == '&' && flow->fn->places[item->dst].name &&
	    flow->fn->places[item->dst].name[0] == '&' &&
	    (state_place(flow, item->dst).flags & VALUE_CHECKED))
		return;
	/* list << new QLocalSocket */
	if (item->op == '<' && b.resource >= 0 && !flow_is_printed(flow->fn, item))
		state_give(flow, b.resource);
	if ((item->op == '-' || item->op == '+') && a.low == a.high && b.low == b.high &&
	    flow->fn->places[item->dst].kind == PLACE_TEMP &&
	    !(item->op == '+' ? __builtin_add_overflow(a.low, b.low, &v.low)
			      : __builtin_sub_overflow(a.low, b.low, &v.low)))
		v.high = v.low;
	else
		v.low = INT64_MIN;
	/* What goes up from 0 stays above; its steps are not followed, there would be no end. */
	if (v.low == INT64_MIN && item->op == '+' && b.low >= 0)
		v.low = a.low;
	if (v.high == INT64_MAX && item->op == '-' && b.low >= 0)
		v.high = a.high;
	if (item->op == '+' && v.high == INT64_MAX && b.low == 1 && b.high == 1 &&
	    a.high < INT64_MAX - 1 && operand_is_place(&item->a, item->dst))
		v.high = flow_next_bound(flow, item, a.high);
	if (item->op == '-' && a.low == 0 && a.high == 0)
		flow_minus(flow, item, b, &v);
	flow_store(flow, item, item->dst, v);
}
