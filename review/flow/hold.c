/* SPDX-License-Identifier: Apache-2.0 */
/* Holders that the knowledge speaks of; hold.h says what that means. */

#include "flow/hold.h"

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

const struct item *hold_of(const struct flow *flow, int held)
{
	int32_t by = flow->state->holder[held];

	return by ? &flow->fn->items[(by < 0 ? -by : by) - 1] : NULL;
}

const char *hold_in(const struct item *by)
{
	return by && by->call->target && !(by->call->flags & (CALL_CONSTRUCT | CALL_NEW))
		       ? by->call->target->summary.holds_in
		       : NULL;
}

int hold_by(const struct item *item)
{
	const struct fact *holds = api_fact(item->call->api, FACT_HOLDS);
	const struct fact *lends = api_fact(item->call->api, FACT_LENDS);

	if (holds)
		return holds->arg2 == ARG_NONE ? ARG_RESULT : holds->arg2;
	return lends ? lends->arg : ARG_RESULT;
}

bool hold_is_held_by(const struct flow *flow, int held, const struct operand *o)
{
	const struct item *item = hold_of(flow, held);

	return item && (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       hold_is_operand(flow, item, hold_by(item), o);
}

void hold_set(struct flow *flow, int held, const struct item *item, enum hold_mode mode)
{
	int32_t by = item ? (int32_t)(item - flow->fn->items) + 1 : 0;

	flow->state->holder[held] = mode == HOLD_OWNED ? by : mode == HOLD_USED ? -by : 0;
}

void hold_forget(struct flow *flow, int held)
{
	if (flow->state->holder[held] < 0)
		state_give(flow, held);
	flow->state->holder[held] = 0;
}

/* LEV_OPT_REUSEABLE | LEV_OPT_THREADSAFE: all that is set can be seen. */
static bool hold_is_of_options(const struct function *fn, const struct operand *o,
			       const struct item *before, int depth)
{
	const struct place *p = o->kind == OPERAND_PLACE ? &fn->places[o->place] : NULL;
	const struct item *set;

	if (!p || !depth)
		return false;
	if (p->kind != PLACE_TEMP)
		return p->kind == PLACE_FREE && p->name && strstr(p->name, "EV_OPT_");
	set = place_set_before(fn, o->place, before);
	return set && set->kind == ITEM_OPERATE && set->op == '|' &&
	       hold_is_of_options(fn, &set->a, set, depth - 1) &&
	       hold_is_of_options(fn, &set->b, set, depth - 1);
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
		return !strcmp(flow->fn->places[o->place].name, "TRUE")    ? HOLD_OWNED
		       : !strcmp(flow->fn->places[o->place].name, "FALSE") ? HOLD_USED
									   : HOLD_UNKNOWN;
	if (flag && hold_is_of_options(flow->fn, o, item, 4))
		return HOLD_USED;
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

int hold_borrow(struct flow *flow, const struct item *item, const struct operand *o, int sub)
{
	struct value v = state_operand(flow, o);
	int r;

	if (o->kind != OPERAND_PLACE || flow->fn->places[o->place].stars ||
	    flow->fn->places[o->place].kind == PLACE_TEMP ||
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

enum { HOLD_LENT = 13 };

void hold_before(struct flow *flow, const struct item *item)
{
	for (const struct fact *f = api_fact(item->call->api, FACT_HOLDS); f;
	     f = api_fact_next(item->call->api, f)) {
		const struct operand *o = call_argument(item->call, f->arg);
		int r = o ? state_resource(flow, o) : -1;

		if (o && r < 0)
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

	return r >= 0 && flow->state->holder[r] < 0 && hold_of(flow, r) == item;
}

/* fileno(f): the descriptor in it; the one that it was given, or one that only it knows. */
static int hold_lend(struct flow *flow, const struct item *item, const struct fact *lends)
{
	const struct operand *o = call_argument(item->call, lends->arg);
	int r;

	if (!o || o->kind != OPERAND_PLACE ||
	    (flow->fn->places[o->place].name &&
	     starts_with(flow->fn->places[o->place].name, "std")))
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
	hold_set(flow, held, hold_of(flow, held), mode);
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
	const struct item *by = hold_of(flow, r);

	/* An object that deleteLater() was called for may be deleted before. */
	if (!by || (flow->state->bits[r] & RES_CLOSED) || strstr(item->call->name, "ater"))
		return;
	/* Whose holder came from elsewhere, or is a mere struct, is told where that is released. */
	if (hold_in(by) || (flow->resources[r].site == by && api_fact(by->call->api, FACT_LENDS)))
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
		/* free() of a struct closes nothing; what a function closes in it was seen before. */
		if (hold_in(hold_of(flow, i)))
			flow->state->holder[i] = 0;
		else if (flow->state->holder[i] > 0 && (flow->state->bits[i] & RES_CLOSED)) {
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
		const struct item *by = hold_of(flow, i);

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
