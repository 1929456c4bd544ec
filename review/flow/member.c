/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that a function closes on some ways and not on others: `if (init(c) < 0) return -1;`,
 * where init() closes c->fd before it gives -1. At each return of such a function the state says
 * whether the member is closed; when the results on these ways are not those on the others, a
 * caller's states are split by the result, and where they are the same nobody can tell.
 */

#include "flow/parts.h"

#include <string.h>

static bool member_part_is_told(const struct part *part)
{
	return (part->does & PART_MAY_CLOSE) && part->close_fails &&
	       part->close_fails != FAILS_NEVER;
}

/* init(c), which may close c->fd, where this function does not speak of c->fd: it may all the same. */
static void member_name_part(struct function *fn, const struct call *call, const struct part *part)
{
	const struct operand *o =
		part->param >= 0 && part->param < call->n_args ? &call->args[part->param] : NULL;
	struct place place = { .kind = PLACE_FREE, .parent = -1, .param = -1, .is_member = true };

	if (!(part->does & (PART_MAY_CLOSE | PART_CLOSES)) || parts_place(fn, call, part) >= 0)
		return;
	if (o) {
		if (o->kind != OPERAND_PLACE || fn->places[o->place].kind != PLACE_PARAM)
			return;
		place.kind = PLACE_FIELD;
		place.parent = o->place;
		place.flags = PLACE_ARROW;
		place.is_member = false;
	} else if (!fn->class_name || fn->class_name != call->target->class_name) {
		return;
	}
	place.name = part->name;
	place.text = o ? arena_printf(&run_arena, "%s->%s", fn->places[o->place].text, part->name)
		       : part->name;
	function_add_place(fn, &place);
}

static bool member_may_be_closed(const struct function *fn, int place)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct summary *summary =
			item->kind == ITEM_CALL && item->call && item->call->target
				? &item->call->target->summary
				: NULL;

		if (parts_is_closed_at(fn, item, place))
			return true;
		for (int k = 0; summary && k < summary->n_parts; k++)
			if ((summary->parts[k].does & (PART_MAY_CLOSE | PART_CLOSES)) &&
			    parts_place(fn, item->call, &summary->parts[k]) == place)
				return true;
	}
	return false;
}

void members_begin(struct flow *flow)
{
	struct function *fn = flow->fn;
	int param;

	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		for (int k = 0; call && call->target && k < call->target->summary.n_parts; k++)
			member_name_part(fn, call, &call->target->summary.parts[k]);
	}
	for (int i = 0; i < fn->n_places && flow->n_members < FLOW_MEMBERS; i++)
		if (parts_is_part(fn, i, &param) && member_may_be_closed(fn, i))
			flow->members[flow->n_members++] =
				(struct flow_member){ .place = i, .parent = fn->places[i].parent };
}

/* There is no such member on this way, or nothing in it that is open. */
static bool member_is_absent(const struct flow *flow, const struct flow_member *member)
{
	struct value v = state_place(flow, member->place);
	struct value parent =
		member->parent >= 0 ? state_place(flow, member->parent) : value_unknown;

	if (parent.low == 0 && parent.high == 0)
		return true;
	if (v.resource >= 0)
		return flow->state->bits[v.resource] == RES_FAILED;
	return v.high < 0 || (v.low == 0 && v.high == 0);
}

/* A pointer that is not NULL is above 0; and so is the parameter itself, if it has that member. */
static struct value member_result(const struct flow *flow, const struct flow_member *member,
				  struct value result)
{
	int parent = member->parent >= 0 ? state_place(flow, member->parent).resource : -1;

	if ((flow->fn->flags & FUNCTION_POINTER) && result.low < 0 &&
	    ((result.flags & VALUE_NONZERO) || (parent >= 0 && parent == result.resource)))
		result.low = 1;
	return result;
}

void members_leave(struct flow *flow, struct value returned)
{
	for (int i = 0; i < flow->n_members; i++) {
		struct flow_member *member = &flow->members[i];
		struct value result = member_result(flow, member, returned);
		int r = state_place(flow, member->place).resource;
		uint8_t bits = r >= 0 ? flow->state->bits[r] : 0;

		if (member_is_absent(flow, member))
			continue;
		if (bits & (RES_CLOSED | RES_ENDING))
			flow_split_add(&member->close, true, result);
		if (bits != RES_CLOSED)
			flow_split_add(&member->close, false, result);
	}
}

static struct part *members_part(struct part *parts, int *n, int param, const char *name)
{
	for (int i = 0; i < *n; i++)
		if (parts[i].param == param && parts[i].name == name)
			return &parts[i];
	if (*n == PARTS_MAX)
		return NULL;
	parts[*n] = (struct part){ .param = param, .does = PART_ENDS, .name = name };
	return &parts[(*n)++];
}

int members_add(const struct flow *flow, struct part *parts, int n)
{
	for (int i = 0; i < flow->n_members; i++) {
		const struct flow_member *member = &flow->members[i];
		struct part *part;
		int param;

		if (!member->close.yes || !parts_is_part(flow->fn, member->place, &param))
			continue;
		part = members_part(parts, &n, param, flow->fn->places[member->place].name);
		if (!part || (part->does & PART_CLOSES))
			continue;
		part->does |= PART_MAY_CLOSE | PART_ENDS;
		part->close_fails = flow_split_fails(&member->close);
	}
	return n;
}

/* The call only looks at what it is given, or tells of it. */
static bool member_is_looked_at(const struct call *call, int arg, const char *name, int depth)
{
	const struct summary *summary = call->target ? &call->target->summary : NULL;
	const struct fact *takes = api_fact(call->api, FACT_TAKES);

	if (call->api)
		return !takes && !api_fact(call->api, FACT_DATA);
	if (!summary)
		return call_is_talk(call) && !call_may_keep(call);
	if (!summary->done || arg >= 16 || (summary->param[arg] & (SUMMARY_KEEPS | SUMMARY_FREES)))
		return false;
	return !name || member_stays(call->target, arg, name, depth);
}

static bool member_is_copied(const struct function *fn, const struct item *item, const char *name)
{
	const struct operand *o = &item->a;

	return (item->kind == ITEM_ASSIGN || item->kind == ITEM_RETURN) &&
	       (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       fn->places[o->place].name == name;
}

bool member_stays(const struct function *fn, int param, const char *name, int depth)
{
	int parent = param < fn->n_params ? fn->params[param] : -1;

	if (parent < 0 || depth == 0)
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

		if (member_is_copied(fn, item, name) ||
		    (item->kind == ITEM_ASSIGN && operand_is_place(&item->a, parent)))
			return false;
		if (call && (call->flags & (CALL_INDIRECT | CALL_CAPTURE)))
			return false;
		for (int k = 0; call && k < call->n_args; k++) {
			const struct operand *o = &call->args[k];
			bool whole = operand_is_place(o, parent);

			if (o->kind == OPERAND_ADDRESS && fn->places[o->place].name == name)
				return false;
			if ((whole ||
			     (o->kind == OPERAND_PLACE && fn->places[o->place].name == name)) &&
			    !member_is_looked_at(call, k, whole ? name : NULL, depth - 1))
				return false;
		}
	}
	return true;
}

void members_after(struct flow *flow, const struct item *item)
{
	const struct summary *summary = &item->call->target->summary;

	for (int i = 0; i < summary->n_parts; i++) {
		struct operand o = { .kind = OPERAND_PLACE };

		if (!(summary->parts[i].does & PART_MAY_CLOSE))
			continue;
		o.place = parts_place(flow->fn, item->call, &summary->parts[i]);
		if (o.place < 0)
			continue;
		if (member_part_is_told(&summary->parts[i]))
			flow_may_close(flow, &o, item, summary->parts[i].close_fails, 1 + i);
		else
			state_escape_parts(flow, o.place);
	}
}
