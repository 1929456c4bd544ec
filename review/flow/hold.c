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

/* The member of a struct of the project in which it is held, or NULL. */
static const char *hold_in(const struct item *by)
{
	return by && by->call->target && !(by->call->flags & (CALL_CONSTRUCT | CALL_NEW))
		       ? by->call->target->summary.holds_in
		       : NULL;
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
		return !strcmp(flow->fn->places[o->place].name, "TRUE")	   ? HOLD_OWNED
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

			if (o->kind != OPERAND_ADDRESS && o->kind != OPERAND_PLACE)
				continue;
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

/* std::unique_ptr<T> p(t), and … p(f, fclose): what else is given as a deleter may do nothing. */
static void hold_construct_smart(struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;
	const struct operand *deleter = call->n_args == 2 ? &call->args[1] : NULL;
	int r = call->n_args ? state_resource(flow, &call->args[0]) : -1;
	const struct api *api =
		deleter && (deleter->kind == OPERAND_PLACE || deleter->kind == OPERAND_ADDRESS)
			? kb_function(flow->fn->places[deleter->place].name)
			: NULL;

	if (r < 0 || call->n_args > 2 || (deleter && !api_fact(api, FACT_CLOSES)) ||
	    !flow->resources[r].site)
		return;
	if (!(flow->state->bits[r] & ~(unsigned)(RES_OPEN | RES_FAILED)))
		hold_set(flow, r, item, HOLD_OWNED);
}

void hold_construct(struct flow *flow, const struct item *item)
{
	const struct call *call = item->call;
	const struct type_info *type = call->api ? NULL : index_type(call->type);

	if ((call->flags & CALL_CONSTRUCT) && kb_is_owner(types_plain(call->type)))
		hold_construct_smart(flow, item);
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
		if (kb_is_owner(types_plain(by->call->type))) {
			if (!strcmp(call->name, "release") || !strcmp(call->name, "take") ||
			    !strcmp(call->name, "reset") || !strcmp(call->name, "swap"))
				hold_forget(flow, i);
			continue;
		}
		made = hold_constructor(by->call);
		for (int k = 0; made && !member && k < made->n_params; k++)
			member = hold_member(made, k);
		if (!member || !call->target || hold_sets_member(call->target, member))
			hold_forget(flow, i);
	}
}

/* c->fd = fd, in a function that gives c. */
static const char *hold_stored(const struct function *fn, const struct operand *result, int param)
{
	for (int i = 0; result->kind == OPERAND_PLACE && i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct place *p =
			item->kind == ITEM_ASSIGN && item->dst >= 0 ? &fn->places[item->dst] : NULL;

		if (p && p->kind == PLACE_FIELD && (p->flags & PLACE_ARROW) && !p->stars &&
		    p->parent == result->place && operand_is_place(&item->a, fn->params[param]))
			return p->name;
	}
	return NULL;
}

void hold_summarise(struct flow *flow, const struct item *item, int result)
{
	struct summary *summary = &flow->fn->summary;
	const struct item *made = result >= 0 ? flow->resources[result].site : NULL;

	if (!made || flow->state->bits[result] == RES_FAILED)
		return;
	for (int i = 0; i < flow->fn->n_params && i < 16; i++) {
		bool owned = flow->state->holder[i] > 0 && hold_item(flow, i) == made &&
			     hold_by(made) == ARG_RESULT;
		const char *in = owned ? hold_in(made) : hold_stored(flow->fn, &item->a, i);

		if (!owned && (!in || flow->fn->places[flow->fn->params[i]].stars))
			continue;
		if (summary->holds_param >= 0 &&
		    (summary->holds_param != i || summary->holds_in != in))
			summary->holds_several = true;
		summary->holds_param = (int8_t)i;
		summary->holds_in = in;
		return;
	}
	summary->holds_several = true;
}

void hold_by_target(struct flow *flow, const struct item *item)
{
	const struct summary *summary = &item->call->target->summary;
	const struct operand *o;
	int r;

	if (!summary->done || summary->holds_param < 0 || summary->holds_several)
		return;
	o = call_argument(item->call, summary->holds_param + 1);
	r = o ? state_resource(flow, o) : -1;
	if (r >= 0 && !(flow->state->bits[r] & ~(unsigned)(RES_OPEN | RES_FAILED)))
		hold_set(flow, r, item, HOLD_OWNED);
}

/* The function, or one that it calls, gives the member another value. */
static bool hold_lets_go(const struct function *fn, const char *member, int depth)
{
	if (hold_sets_member(fn, member) || !depth)
		return true;
	for (int i = 0; i < fn->n_items; i++) {
		const struct function *target =
			fn->items[i].kind == ITEM_CALL && fn->items[i].call ? fn->items[i].call->target
									    : NULL;

		if (target && target != fn && hold_lets_go(target, member, depth - 1))
			return true;
	}
	return false;
}

/* The function itself sets c->fd: what the struct holds then is another one, or nothing. */
static bool hold_is_set_here(const struct function *fn, int holder, const char *member)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_ASSIGN && item->dst >= 0 &&
		    fn->places[item->dst].parent == holder && fn->places[item->dst].name == member)
			return true;
	}
	return false;
}

void hold_given(struct flow *flow, const struct item *item, int arg)
{
	const struct operand *o = &item->call->args[arg];

	for (int i = 0; i < flow->n_resources; i++) {
		const char *in = hold_in(hold_item(flow, i));

		if (!in || !hold_is_held_by(flow, i, o))
			continue;
		if (hold_is_set_here(flow->fn, o->place, in)) {
			flow->state->holder[i] = 0;
		} else if (parts_done(item->call, arg, in) & PART_CLOSES) {
			if (flow->state->bits[i] & RES_CLOSED)
				flow->tell->use(flow, flow_closer(flow, i), i, USE_HELD);
			flow_closed(flow, i, item);
			flow->state->bits[i] = RES_CLOSED;
			flow->state->holder[i] = 0;
		} else if (hold_lets_go(item->call->target, in, 2)) {
			flow->state->holder[i] = 0;
		}
	}
	hold_escapes(flow, o);
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
		if (hold_in(hold_item(flow, i)))
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
