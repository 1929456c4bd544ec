/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holders: a stream, a channel, a socket object or a guard that is given a descriptor and closes it with itself.
 *
 * The state keeps, per resource, the call that gave it to a holder, and whether that closes it (`owned`) or only
 * uses it. Who closes the resource by hand while it is owned closes it twice; who releases a holder that does not
 * own it has it open as before.
 */

#include "flow/parts.h"

#include <string.h>

/* An operand that a fact speaks of, where 0 is the call's result. */
static bool hold_is_operand(const struct flow *flow, const struct item *item, int arg,
			    const struct operand *o)
{
	const struct operand *named;
	int r = state_resource(flow, o);

	if (arg == ARG_RESULT && (item->call->flags & CALL_CONSTRUCT))
		return o->place == item->dst;
	if (arg == ARG_RESULT)
		return r >= 0 && flow->resources[r].site == item;
	named = call_argument(item->call, arg);
	return named && named->place == o->place &&
	       (named->kind == OPERAND_PLACE || named->kind == OPERAND_ADDRESS);
}

static const struct item *hold_item(const struct flow *flow, int held)
{
	int32_t by = flow->state->holder[held];

	return by ? &flow->fn->items[(by < 0 ? -by : by) - 1] : NULL;
}

/* Which operand of that call, by the numbers of a fact, is the holder. */
static int hold_by(const struct item *item)
{
	const struct fact *holds = api_fact(item->call->api, FACT_HOLDS);
	const struct fact *lends = api_fact(item->call->api, FACT_LENDS);

	if (holds)
		return holds->arg2 == ARG_NONE ? ARG_RESULT : holds->arg2;
	return lends ? lends->arg : ARG_RESULT;
}

static bool hold_is_held_by(const struct flow *flow, int held, const struct operand *o)
{
	const struct item *item = hold_item(flow, held);

	return item && (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       hold_is_operand(flow, item, hold_by(item), o);
}

static void hold_set(struct flow *flow, int held, const struct item *item, enum hold_mode mode)
{
	int32_t by = item ? (int32_t)(item - flow->fn->items) + 1 : 0;

	flow->state->holder[held] = mode == HOLD_OWNED ? by : mode == HOLD_USED ? -by : 0;
}

/* Nobody knows any more who closes it. */
static void hold_forget(struct flow *flow, int held)
{
	if (flow->state->holder[held] < 0)
		state_give(flow, held);
	flow->state->holder[held] = 0;
}

/* The argument says whether the holder owns what it holds; by a flag, or true and false. */
static enum hold_mode hold_by_argument(const struct flow *flow, const struct item *item, int arg)
{
	const struct fact *flag = api_fact(item->call->api, FACT_FLAG);
	const struct operand *o = call_argument(item->call, arg);
	int64_t number;

	if (!o)
		return HOLD_UNKNOWN;
	if (flag && item_mentions(flow->fn, item, flag->word))
		return HOLD_OWNED;
	if (o->kind == OPERAND_PLACE && flow->fn->places[o->place].kind == PLACE_FREE &&
	    flow->fn->places[o->place].name && !flag)
		return !strcmp(flow->fn->places[o->place].name, "TRUE")	   ? HOLD_OWNED
		       : !strcmp(flow->fn->places[o->place].name, "FALSE") ? HOLD_USED
									   : HOLD_UNKNOWN;
	if (!state_is_constant(flow, o, &number))
		return HOLD_UNKNOWN;
	return number ? flag ? HOLD_UNKNOWN : HOLD_OWNED : HOLD_USED;
}

static enum hold_mode hold_mode(const struct flow *flow, const struct item *item,
				const struct fact *holds)
{
	const struct fact *owns = api_fact(item->call->api, FACT_OWNS);
	const struct fact *flag = api_fact(item->call->api, FACT_FLAG);

	if (owns && owns->arg == ARG_RESULT)
		return hold_by_argument(flow, item, owns->arg2);
	if (!flag || flag->arg != holds->arg || item_mentions(flow->fn, item, flag->word))
		return HOLD_OWNED;
	for (const struct fact *f = api_fact(item->call->api, FACT_TAKES); f;
	     f = api_fact_next(item->call->api, f))
		if (f->arg == holds->arg)
			return HOLD_USED;
	return HOLD_UNKNOWN;
}

/* Came from elsewhere: c->fd, a global. It is followed from here, and nobody loses it here. */
static int hold_borrow(struct flow *flow, const struct item *item, const struct operand *o, int sub)
{
	struct value v = state_operand(flow, o);
	int r;

	if (o->kind != OPERAND_PLACE || flow->fn->places[o->place].stars ||
	    (v.low == v.high && v.low != INT64_MIN))
		return -1;
	r = flow_site(flow, item, sub);
	if (r < 0)
		return -1;
	for (int i = flow->state->n; i-- > 0;)
		if (flow->state->bindings[i].value.resource == r)
			state_unbind(flow->state, flow->state->bindings[i].place);
	flow->resources[r].kind = "unknown";
	flow->resources[r].place = o->place;
	flow->resources[r].borrowed = true;
	flow->state->bits[r] = RES_OPEN;
	flow->state->holder[r] = 0;
	v.resource = (int16_t)r;
	state_bind(flow, o->place, v, -1);
	return r;
}

/* A method of the class that gives the member another value: release(), take(), reset(). */
static bool hold_sets_member(const struct function *fn, const char *member)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct place *p = item->dst >= 0 ? &fn->places[item->dst] : NULL;

		if (p && p->name == member && (p->is_member || p->kind == PLACE_FIELD) &&
		    (item->kind == ITEM_ASSIGN || item->kind == ITEM_CALL))
			return true;
	}
	for (int i = 0; i < fn->n_items; i++)
		for (int k = 0; fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
				k < fn->items[i].call->n_args;
		     k++) {
			const struct operand *o = &fn->items[i].call->args[k];

			if (fn->places[o->place].name == member &&
			    (o->kind == OPERAND_ADDRESS || strstr(fn->items[i].call->name, "exchange") ||
			     strstr(fn->items[i].call->name, "swap")))
				return true;
		}
	return false;
}

/* The destructor closes the member, itself or through a method. */
static bool hold_destructor_closes(const struct function *fn, const char *member)
{
	for (int i = 0; i < fn->n_places; i++) {
		const struct place *p = &fn->places[i];

		if (p->name != member || !(p->is_member || p->kind == PLACE_FIELD))
			continue;
		for (int k = 0; k < fn->n_items; k++)
			if (parts_is_closed_at(fn, &fn->items[k], i))
				return true;
	}
	for (int i = 0; i < fn->summary.n_parts; i++)
		if (fn->summary.parts[i].param == -1 && fn->summary.parts[i].name == member &&
		    (fn->summary.parts[i].does & (PART_CLOSES | PART_ENDS)))
			return true;
	return false;
}

/* The member in which the constructor keeps its parameter as it is, and which the destructor closes; or NULL. */
static const char *hold_member(const struct function *fn, int param)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct place *p =
			item->kind == ITEM_ASSIGN && item->dst >= 0 ? &fn->places[item->dst] : NULL;

		if (!p || !operand_is_place(&item->a, fn->params[param]) ||
		    !(p->is_member || p->kind == PLACE_FIELD))
			continue;
		for (size_t f = 0; f < program.n_functions; f++)
			if (program.functions[f]->class_name == fn->class_name &&
			    (program.functions[f]->flags & FUNCTION_DESTRUCTOR) &&
			    hold_destructor_closes(program.functions[f], p->name))
				return p->name;
	}
	return NULL;
}

/* The constructor that takes such arguments, when there is only one. */
static const struct function *hold_constructor(const struct call *call)
{
	const struct function *found = NULL;

	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		if (!(fn->flags & FUNCTION_CONSTRUCTOR) || fn->n_params != call->n_args ||
		    !fn->class_name || fn->class_name != types_plain(call->type))
			continue;
		if (fn->n_params == 1 && (fn->places[fn->params[0]].flags & PLACE_REF))
			continue;
		if (found)
			return NULL;
		found = fn;
	}
	return found;
}

void hold_construct(struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;
	const struct type_info *type = call->api ? NULL : index_type(call->type);

	for (int i = 0; type && type->has_destructor && i < call->n_args; i++) {
		int r = state_resource(flow, &call->args[i]);
		const struct function *made;

		if (r < 0 || (flow->state->bits[r] & ~(unsigned)(RES_OPEN | RES_FAILED)))
			continue;
		made = hold_constructor(call);
		if (!made)
			return;
		if (hold_member(made, i))
			hold_set(flow, r, item, HOLD_OWNED);
	}
}

void hold_method(struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;

	for (int i = 0; i < flow->n_resources; i++) {
		const struct item *by = hold_item(flow, i);
		const struct function *made;
		const char *member = NULL;

		if (!by || !(by->call->flags & (CALL_CONSTRUCT | CALL_NEW)) ||
		    !hold_is_held_by(flow, i, &call->receiver))
			continue;
		made = hold_constructor(by->call);
		for (int k = 0; made && !member && k < made->n_params; k++)
			member = hold_member(made, k);
		if (!member || !call->target || hold_sets_member(call->target, member))
			hold_forget(flow, i);
	}
}

enum { HOLD_BORROWED = 12, HOLD_LENT = 13 };

void hold_before(struct flow *flow, const struct item *item)
{
	for (const struct fact *f = api_fact(item->call->api, FACT_HOLDS); f;
	     f = api_fact_next(item->call->api, f)) {
		const struct operand *o = call_argument(item->call, f->arg);
		int r = o ? state_resource(flow, o) : -1;

		if (o && r < 0 && flow->fn->places[o->place].kind != PLACE_TEMP)
			r = hold_borrow(flow, item, o, HOLD_BORROWED);
		if (r < 0)
			continue;
		/* Somebody else has it as well, and may be the one who closes it. */
		if (flow->state->bits[r] & ~(unsigned)(RES_OPEN | RES_FAILED))
			hold_forget(flow, r);
		else
			hold_set(flow, r, item, hold_mode(flow, item, f));
	}
}

bool hold_leaves(const struct flow *flow, const struct item *item, const struct operand *o)
{
	int r = state_resource(flow, o);

	return r >= 0 && flow->state->holder[r] < 0 && hold_item(flow, r) == item;
}

/* fileno(f): the descriptor in it; the one that it was given, or one that only it knows. */
static int hold_lend(struct flow *flow, const struct item *item, const struct fact *lends)
{
	const struct operand *o = call_argument(item->call, lends->arg);
	int r;

	if (!o || o->kind != OPERAND_PLACE ||
	    (flow->fn->places[o->place].name && starts_with(flow->fn->places[o->place].name, "std")))
		return -1;
	for (int i = 0; i < flow->n_resources; i++)
		if (hold_is_held_by(flow, i, o))
			return i;
	r = state_resource(flow, o);
	if (r >= 0 && (flow->state->bits[r] & RES_CLOSED))
		return -1;
	r = flow_site(flow, item, HOLD_LENT);
	if (r < 0)
		return -1;
	for (int i = flow->state->n; i-- > 0;)
		if (flow->state->bindings[i].value.resource == r)
			state_unbind(flow->state, flow->state->bindings[i].place);
	flow->resources[r].kind = "fd";
	flow->resources[r].borrowed = true;
	flow->state->bits[r] = RES_OPEN | RES_GONE;
	hold_set(flow, r, item, HOLD_OWNED);
	return r;
}

/* The resource is held by the argument that the fact speaks of. */
static bool hold_is_of(const struct flow *flow, const struct item *item, const struct fact *fact,
		       int held)
{
	const struct operand *o = call_argument(item->call, fact->arg);

	return o && hold_is_held_by(flow, held, o);
}

static void hold_own(struct flow *flow, int held, enum hold_mode mode)
{
	if (mode == HOLD_UNKNOWN) {
		hold_forget(flow, held);
		return;
	}
	hold_set(flow, held, hold_item(flow, held), mode);
	if (mode == HOLD_OWNED)
		state_give(flow, held);
}

int hold_after(struct flow *flow, const struct item *item, int result)
{
	const struct api *api = item->call->api;
	const struct fact *owns = api_fact(api, FACT_OWNS);
	const struct fact *lends = api_fact(api, FACT_LENDS);
	const struct fact *releases = api_fact(api, FACT_RELEASES);
	const struct fact *empties = api_fact(api, FACT_EMPTIES);

	for (int i = 0; i < flow->n_resources; i++) {
		if (owns && owns->arg != ARG_RESULT && hold_is_of(flow, item, owns, i))
			hold_own(flow, i, hold_by_argument(flow, item, owns->arg2));
		if (releases && hold_is_of(flow, item, releases, i))
			hold_forget(flow, i);
		if (empties && hold_is_of(flow, item, empties, i)) {
			flow->state->holder[i] = 0;
			flow_closed(flow, i, item);
			flow->state->bits[i] = RES_CLOSED;
		}
	}
	return lends && result < 0 ? hold_lend(flow, item, lends) : result;
}

/* log = NULL; close(fd): the stream is given up, and nobody closes it any more. */
static bool hold_is_lost(const struct flow *flow, const struct item *by)
{
	if (hold_by(by) != ARG_RESULT || (by->call->flags & CALL_CONSTRUCT))
		return false;
	for (int i = 0; i < flow->n_resources; i++)
		if (flow->resources[i].site == by && !flow->resources[i].borrowed)
			return !state_is_named(flow, i, -1) || flow->state->bits[i] == RES_FAILED;
	return true;
}

/* A child of fork() closes what its parent holds, and goes its way. */
static bool hold_is_of_parent(struct flow *flow)
{
	return function_find_role(flow->fn, ROLE(FORK)) != NULL;
}

void hold_closed_by_hand(struct flow *flow, int r, const struct item *item)
{
	const struct item *by = hold_item(flow, r);

	if (!by || (flow->state->bits[r] & RES_CLOSED))
		return;
	/* Whose holder came from elsewhere is told where that is released. */
	if (flow->resources[r].site == by && api_fact(by->call->api, FACT_LENDS))
		return;
	if (flow->state->holder[r] > 0 && !hold_is_lost(flow, by) && !hold_is_of_parent(flow))
		flow->tell->use(flow, item, r, USE_HELD);
	flow->state->holder[r] = 0;
}

void hold_end(struct flow *flow, const struct operand *holder, const struct item *item)
{
	bool counts = item->call->name && strstr(item->call->name, "unref");

	for (int i = 0; i < flow->n_resources; i++) {
		if (!hold_is_held_by(flow, i, holder))
			continue;
		if (flow->state->holder[i] > 0 && (flow->state->bits[i] & RES_CLOSED)) {
			flow->tell->use(flow, flow_closer(flow, i), i, USE_HELD);
		} else if (counts) {
			/* One reference less; what is left of them, nobody has counted. */
			if (flow->state->holder[i] < 0)
				hold_forget(flow, i);
			continue;
		} else if (flow->state->holder[i] > 0) {
			flow_closed(flow, i, item);
			flow->state->bits[i] = RES_CLOSED;
		}
		flow->state->holder[i] = 0;
	}
}

void hold_escapes(struct flow *flow, const struct operand *o)
{
	for (int i = 0; i < flow->n_resources; i++) {
		const struct item *by = hold_item(flow, i);

		if (by && hold_is_held_by(flow, i, o) &&
		    (flow->state->holder[i] < 0 || api_fact(by->call->api, FACT_FLAG) ||
		     (by->call->flags & (CALL_CONSTRUCT | CALL_NEW))))
			hold_forget(flow, i);
	}
}

const char *hold_name(const struct flow *flow, const struct item *by)
{
	int arg = hold_by(by);
	const struct operand *o = arg == ARG_RESULT ? NULL : call_argument(by->call, arg);

	if (o)
		return operand_text(flow->fn, o);
	if (item_result(flow->fn, by) >= 0 &&
	    flow->fn->places[item_result(flow->fn, by)].kind != PLACE_TEMP)
		return flow->fn->places[item_result(flow->fn, by)].text;
	return NULL;
}

const struct item *hold_of(const struct flow *flow, int held)
{
	return hold_item(flow, held);
}
