/* SPDX-License-Identifier: Apache-2.0 */
/* Holders of the project itself: classes whose destructor closes, and structs whose own function does. */

#include "flow/hold.h"

#include <string.h>

/* fill(&fd), std::exchange(fd, -1): the call may give the member another value. */
static bool hold_may_set(const struct function *fn, const struct call *call, const char *member)
{
	for (int k = 0; call && k < call->n_args; k++) {
		const struct operand *o = &call->args[k];
		bool address = o->kind == OPERAND_ADDRESS;
		const struct place *p =
			address || o->kind == OPERAND_PLACE ? &fn->places[o->place] : NULL;

		if (p && p->name == member &&
		    (address || strstr(call->name, "exchange") || strstr(call->name, "swap")))
			return true;
	}
	return false;
}

/* A function that gives the member another value: release(), take(), reset(). */
static bool hold_sets_member(const struct function *fn, const char *member)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct place *p = item->dst >= 0 ? &fn->places[item->dst] : NULL;

		if (p && p->name == member && (p->is_member || p->kind == PLACE_FIELD) &&
		    (item->kind == ITEM_ASSIGN || item->kind == ITEM_CALL))
			return true;
		if (item->kind == ITEM_CALL && hold_may_set(fn, item->call, member))
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
		const struct item *by = hold_of(flow, i);
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
		bool owned = flow->state->holder[i] > 0 && hold_of(flow, i) == made &&
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
		const struct function *target = fn->items[i].kind == ITEM_CALL && fn->items[i].call
							? fn->items[i].call->target
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

/* conn_free(c): c->fd is closed, and was perhaps closed by hand before. */
static void hold_close_part(struct flow *flow, int held, const struct item *item)
{
	if (flow->state->bits[held] & RES_CLOSED)
		flow->tell->use(flow, flow_closer(flow, held), held, USE_HELD);
	flow_closed(flow, held, item);
	flow->state->bits[held] = RES_CLOSED;
	flow->state->holder[held] = 0;
}

void hold_given(struct flow *flow, const struct item *item, int arg)
{
	const struct operand *o = &item->call->args[arg];

	for (int i = 0; i < flow->n_resources; i++) {
		const char *in = hold_in(hold_of(flow, i));
		bool set;

		if (!in || !hold_is_held_by(flow, i, o))
			continue;
		set = hold_is_set_here(flow->fn, o->place, in);
		if (!set && (parts_done(item->call, arg, in) & PART_CLOSES))
			hold_close_part(flow, i, item);
		else if (set || hold_lets_go(item->call->target, in, 2))
			flow->state->holder[i] = 0;
	}
	hold_escapes(flow, o);
}
