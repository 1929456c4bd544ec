/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a function closes or uses of the parts of its arguments, p->fd, and of its object's members.
 * A caller that closed one before, or uses it afterwards, learns of it.
 */

#include "flow/parts.h"

#include <string.h>

enum { PARTS_DEPTH = 2 };

bool parts_is_part(const struct function *fn, int place, int *param)
{
	const struct place *p = &fn->places[place];

	*param = -1;
	if (p->flags & (PLACE_SMART | PLACE_AUTO | PLACE_STATIC))
		return false;
	if (p->kind == PLACE_FREE)
		return p->is_member && fn->class_name;
	if (p->kind != PLACE_FIELD || !(p->flags & PLACE_ARROW) || p->name[0] == '&' ||
	    fn->places[p->parent].kind != PLACE_PARAM)
		return false;
	*param = fn->places[p->parent].param;
	return *param >= 0;
}

uint8_t parts_done(const struct call *call, int arg, const char *name)
{
	const struct summary *summary = call->target ? &call->target->summary : NULL;
	uint8_t does = 0;

	for (int i = 0; summary && i < summary->n_parts; i++)
		if (summary->parts[i].param == arg &&
		    (summary->parts[i].name == name || !summary->parts[i].name))
			does |= summary->parts[i].does;
	return does;
}

/* A function of the project that closes it, or that closes this part of what it is given. */
static bool parts_is_closed_by(const struct function *fn, const struct call *call, int place)
{
	const struct summary *summary = call->target ? &call->target->summary : NULL;

	for (int i = 0; summary && summary->done && i < call->n_args && i < 16; i++) {
		if (operand_is_place(&call->args[i], place) && (summary->param[i] & SUMMARY_CLOSES))
			return true;
		if (operand_is_place(&call->args[i], fn->places[place].parent) &&
		    (parts_done(call, i, fn->places[place].name) & PART_CLOSES))
			return true;
	}
	return false;
}

static bool parts_has_fact(const struct function *fn, const struct item *item, int place,
			   enum fact_key key)
{
	const struct call *call = item->call;

	if (key == FACT_CLOSES && parts_is_closed_by(fn, call, place))
		return true;
	if (key == FACT_USES && call->api && call->receiver.kind &&
	    operand_is_place(&call->receiver, place))
		return true;
	for (int i = 0; i < call->n_args; i++) {
		if (!operand_is_place(&call->args[i], place))
			continue;
		if (key == FACT_CLOSES && (call->flags & CALL_DELETE))
			return true;
		for (const struct fact *f = api_fact(call->api, key); f;
		     f = api_fact_next(call->api, f))
			if (f->arg == i + 1)
				return true;
	}
	return false;
}

bool parts_is_closed_at(const struct function *fn, const struct item *item, int place)
{
	return item->kind == ITEM_CALL && item->call &&
	       parts_has_fact(fn, item, place, FACT_CLOSES);
}

/* The place gets another value, or somebody could give it one. */
static bool parts_is_changed(const struct function *fn, int place)
{
	for (const struct item *set = place_set_last(fn, place); set;
	     set = item_set_before(fn, set))
		if (set->kind != ITEM_CALL)
			return true;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		for (int k = 0; item->kind == ITEM_CALL && item->call && k < item->call->n_args;
		     k++)
			if ((item->call->args[k].kind == OPERAND_ADDRESS &&
			     item->call->args[k].place == place) ||
			    (fn->places[place].parent >= 0 &&
			     operand_is_place(&item->call->args[k], fn->places[place].parent) &&
			     api_fills(item->call->api, k + 1)))
				return true;
	}
	return false;
}

/* Some condition asks the object itself whether it should. */
static bool parts_is_guarded(const struct function *fn, int place)
{
	const struct place *root = place_root(fn, place);

	for (int i = 0; i < fn->n_items; i++) {
		const struct operand *o[2] = { &fn->items[i].a, &fn->items[i].b };

		for (int k = 0; fn->items[i].kind == ITEM_BRANCH && k < 2; k++)
			if (o[k]->kind == OPERAND_PLACE &&
			    (place_root(fn, o[k]->place) == root ||
			     (root->kind == PLACE_FREE && place_root(fn, o[k]->place)->is_member)))
				return true;
	}
	return false;
}

static bool parts_block_closes(const struct function *fn, int block, int place)
{
	for (int i = fn->blocks[block].first; i >= 0; i = fn->items[i].next)
		if (parts_is_closed_at(fn, &fn->items[i], place))
			return true;
	return false;
}

static bool parts_is_nothing(const struct function *fn, const struct operand *o, int op)
{
	int64_t number;

	if (!operand_is_number(o, &number))
		return op == OP_EQ && o->kind == OPERAND_PLACE &&
		       fn->places[o->place].kind == PLACE_FREE;
	switch (op) {
	case OP_EQ:
		return number <= 0;
	case OP_LT:
		return number <= 1;
	case OP_LE:
		return number <= 0;
	default:
		return false;
	}
}

/* if (c->fd >= 0) close(c->fd): on the other side, and where `c` is NULL, there is none. */
static bool parts_is_absent(const struct function *fn, const struct block *block, int edge,
			    int place)
{
	const struct item *test = block->last >= 0 ? &fn->items[block->last] : NULL;

	if (!test || test->kind != ITEM_BRANCH || test->op > OP_GE ||
	    (!operand_is_place(&test->a, place) &&
	     !(fn->places[place].parent >= 0 &&
	       operand_is_place(&test->a, fn->places[place].parent))))
		return false;
	return parts_is_nothing(fn, &test->b, edge ? op_negate(test->op) : test->op);
}

/* No way leads to a return but through a block that closes it, if it is there. */
static bool parts_is_closed(const struct function *fn, int place)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, ((size_t)fn->n_blocks + 1) * sizeof(*stack));
	int n = 0;
	bool any = false;

	stack[n++] = 0;
	seen[0] = 1;
	while (n) {
		const struct block *block = &fn->blocks[stack[--n]];

		if (parts_block_closes(fn, (int)(block - fn->blocks), place)) {
			any = true;
			continue;
		}
		if (block->last >= 0 && fn->items[block->last].kind == ITEM_RETURN)
			return false;
		for (int k = 0; k < 2; k++)
			if (block->next[k] >= 0 && !seen[block->next[k]] &&
			    !parts_is_absent(fn, block, k, place)) {
				seen[block->next[k]] = 1;
				stack[n++] = block->next[k];
			}
	}
	return any;
}

/* safe_close(&c->fd): the function closes what its argument points to, or nobody knows. */
static bool parts_closes_behind(const struct function *fn, int param)
{
	for (int i = 0; param < fn->n_params && i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		for (int k = 0; call && k < call->n_args; k++) {
			const struct operand *o = &call->args[k];
			int place = o->kind == OPERAND_PLACE ? o->place : -1;
			bool behind = place >= 0 && fn->places[place].kind == PLACE_DEREF &&
				      fn->places[place].parent == fn->params[param];

			if ((behind || (place >= 0 && place == fn->params[param])) && !call->api)
				return true;
			for (const struct fact *f = api_fact(call->api, FACT_CLOSES); behind && f;
			     f = api_fact_next(call->api, f))
				if (f->arg == k + 1)
					return true;
		}
	}
	return false;
}

/* The member of an argument that the place is, or lies in: `line` of c->line.fd; or NULL. */
static const char *parts_member(const struct function *fn, int place, int *param)
{
	for (; fn->places[place].parent >= 0; place = fn->places[place].parent) {
		const struct place *p = &fn->places[place];

		if (p->kind != PLACE_FIELD || fn->places[p->parent].kind != PLACE_PARAM)
			continue;
		*param = fn->places[p->parent].param;
		return p->name[0] == '&' ? NULL : p->name;
	}
	return NULL;
}

static bool parts_has_end(const struct summary *summary, int param)
{
	for (int i = 0; i < summary->n_parts; i++)
		if (summary->parts[i].param == param && (summary->parts[i].does & PART_ENDS))
			return true;
	return false;
}

/* The call closes or keeps its argument, or what that points to, or nobody knows. */
static bool parts_may_end(const struct call *call, int arg)
{
	const struct summary *summary = call->target ? &call->target->summary : NULL;

	if (call->flags & CALL_DELETE)
		return true;
	for (const struct fact *f = api_fact(call->api, FACT_CLOSES); f;
	     f = api_fact_next(call->api, f))
		if (f->arg == arg + 1)
			return true;
	if (!summary)
		return !call->api && !call_is_talk(call);
	if (!summary->done || arg >= 16)
		return true;
	return (summary->param[arg] & (SUMMARY_CLOSES | SUMMARY_MAY_CLOSE | SUMMARY_KEEPS)) ||
	       parts_has_end(summary, arg) || parts_closes_behind(call->target, arg);
}

static int parts_add_end(struct part *parts, int n, int param, const char *name)
{
	for (int i = 0; i < n; i++)
		if (parts[i].param == param && parts[i].name == name) {
			parts[i].does |= PART_ENDS;
			return n;
		}
	if (n < PARTS_MAX)
		parts[n++] = (struct part){ .param = param, .does = PART_ENDS, .name = name };
	return n;
}

/* Which members of its arguments the function may end, at whatever depth they lie. */
static int parts_ended(const struct function *fn, struct part *parts, int n)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		for (int k = 0; call && k < call->n_args; k++) {
			const struct operand *o = &call->args[k];
			const char *name;
			int param;

			if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
				continue;
			name = parts_member(fn, o->place, &param);
			if (name && parts_may_end(call, k))
				n = parts_add_end(parts, n, param, name);
		}
	}
	return n;
}

/* free_line(c), which closes c->fd: the members that helpers end, though only they name them. */
static int parts_of_helpers(const struct function *fn, struct part *parts, int n)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
		const struct summary *summary =
			call && call->target ? &call->target->summary : NULL;

		for (int k = 0; summary && k < summary->n_parts && n < PARTS_MAX; k++) {
			const struct part *inner = &summary->parts[k];
			const struct operand *o = inner->param >= 0 && inner->param < call->n_args
							  ? &call->args[inner->param]
							  : NULL;

			if (o && o->kind == OPERAND_PLACE && (inner->does & PART_ENDS) &&
			    fn->places[o->place].kind == PLACE_PARAM)
				n = parts_add_end(parts, n, fn->places[o->place].param,
						  inner->name);
		}
	}
	return n;
}

static uint8_t parts_does(const struct function *fn, int place)
{
	uint8_t does = 0;

	for (int i = 0; i < fn->n_items; i++) {
		if (fn->items[i].kind != ITEM_CALL || !fn->items[i].call)
			continue;
		if (parts_has_fact(fn, &fn->items[i], place, FACT_CLOSES))
			does |= PART_CLOSES | PART_ENDS;
		if (parts_has_fact(fn, &fn->items[i], place, FACT_USES))
			does |= PART_USES;
	}
	if (!does || parts_is_changed(fn, place))
		return does & PART_ENDS;
	if (parts_is_guarded(fn, place))
		does &= (uint8_t)~PART_USES;
	if ((does & PART_CLOSES) && !parts_is_closed(fn, place))
		does &= (uint8_t)~PART_CLOSES;
	return does;
}

void parts_summarise(const struct flow *flow)
{
	struct function *fn = flow->fn;
	struct part parts[PARTS_MAX];
	int n = 0, param;

	for (int i = 0; i < fn->n_places && n < PARTS_MAX; i++) {
		uint8_t does = parts_is_part(fn, i, &param) ? parts_does(fn, i) : 0;

		if (does)
			parts[n++] = (struct part){ .param = param,
						    .does = does,
						    .name = fn->places[i].name };
	}
	n = parts_of_helpers(fn, parts, parts_ended(fn, parts, n));
	n = members_add(flow, parts, n);
	fn->summary.n_parts = n;
	fn->summary.parts = n ? arena_alloc(&run_arena, (size_t)n * sizeof(*parts)) : NULL;
	if (n)
		memcpy(fn->summary.parts, parts, (size_t)n * sizeof(*parts));
}

int parts_place(const struct function *fn, const struct call *call, const struct part *part)
{
	const struct operand *o = NULL;

	if (part->param < 0) {
		if (call->receiver.kind && (call->receiver.kind != OPERAND_PLACE ||
					    fn->places[call->receiver.place].kind != PLACE_THIS))
			return -1;
		if (fn->class_name != call->target->class_name)
			return -1;
	} else if (part->param < call->n_args) {
		o = &call->args[part->param];
		if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
			return -1;
	} else {
		return -1;
	}
	for (int i = 0; i < fn->n_places; i++) {
		const struct place *p = &fn->places[i];

		if (p->name != part->name)
			continue;
		if (!o ? p->kind == PLACE_FREE && p->is_member
		       : p->kind == PLACE_FIELD && p->parent == o->place &&
				    !(p->flags & PLACE_ARROW) == (o->kind == OPERAND_ADDRESS))
			return i;
	}
	return -1;
}

/* Nothing that fn calls, as far as it can be seen, gives a part of that name another value. */
static bool parts_leaves(const struct function *fn, const char *name, int depth)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if ((item->kind == ITEM_ASSIGN || item->kind == ITEM_OPERATE) && item->dst >= 0 &&
		    fn->places[item->dst].name == name)
			return false;
		if (item->kind != ITEM_CALL || !item->call || item->call->api)
			continue;
		if (!item->call->target || !depth ||
		    !parts_leaves(item->call->target, name, depth - 1))
			return false;
	}
	return true;
}

static bool parts_is_passed(const struct function *fn, const struct call *call, int place)
{
	for (int i = 0; i < call->n_args; i++)
		if (call->args[i].kind == OPERAND_PLACE &&
		    fn->places[call->args[i].place].kind != PLACE_TEMP &&
		    place_is_within(fn, place, call->args[i].place))
			return true;
	return false;
}

/* helper(&l), which does with l.fd what can be seen, and nothing that keeps it. */
static bool parts_stays(const struct function *fn, const struct call *call, int place)
{
	const struct place *p = &fn->places[place];
	const struct summary *summary = &call->target->summary;
	int arg = -1;

	if (!place_is_local(fn, place) || !summary->done || call->target->n_variants)
		return false;
	for (int i = 0; i < call->n_args; i++) {
		const struct operand *o = &call->args[i];

		if ((o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS) ||
		    !place_is_within(fn, place, o->place))
			continue;
		if (arg >= 0 || o->place != p->parent || i >= 16 ||
		    (summary->param[i] &
		     (SUMMARY_KEEPS | SUMMARY_CLOSES | SUMMARY_MAY_CLOSE | SUMMARY_FREES)))
			return false;
		arg = i;
	}
	return arg >= 0 && member_stays(call->target, arg, p->name, PARTS_DEPTH + 1);
}

void parts_before(struct flow *flow, const struct item *item, struct parts_kept *kept)
{
	const struct function *target = item->call->target;

	kept->n = 0;
	memset(kept->closed, 0, sizeof(kept->closed));
	for (int i = 0; i < flow->state->n && kept->n < PARTS_KEPT; i++) {
		const struct binding *b = &flow->state->bindings[i];
		const struct place *p = &flow->fn->places[b->place];

		if (b->value.resource < 0 || p->kind != PLACE_FIELD)
			continue;
		if (!parts_leaves(target, p->name, PARTS_DEPTH)) {
			/* It may be there still, and go where the structure goes. */
			if (parts_is_passed(flow->fn, item->call, b->place))
				state_give(flow, b->value.resource);
			continue;
		}
		kept->bits[kept->n] = flow->state->bits[b->value.resource];
		kept->closed[kept->n] = kept->bits[kept->n] == RES_CLOSED;
		kept->stays[kept->n] = parts_stays(flow->fn, item->call, b->place);
		kept->bindings[kept->n++] = *b;
	}
	for (int i = 0; i < target->summary.n_parts; i++) {
		const struct part *part = &target->summary.parts[i];
		int place, r;

		if (!(part->does & (PART_CLOSES | PART_USES)))
			continue;
		place = parts_place(flow->fn, item->call, part);
		r = place >= 0 ? state_place(flow, place).resource : -1;
		if (r >= 0 && flow->state->bits[r] == RES_CLOSED)
			flow->tell->use(flow, item, r,
					part->does & PART_CLOSES ? USE_CLOSE_AGAIN
								 : USE_AFTER_CLOSE);
	}
}

void parts_after(struct flow *flow, const struct item *item, const struct parts_kept *kept)
{
	const struct summary *summary = &item->call->target->summary;

	for (int i = 0; i < kept->n; i++) {
		const struct binding *b = &kept->bindings[i];

		if (state_place(flow, b->place).resource < 0) {
			state_bind(flow, b->place, b->value, b->from);
			if (kept->closed[i])
				flow->state->bits[b->value.resource] = RES_CLOSED;
			else if (kept->stays[i])
				flow->state->bits[b->value.resource] = kept->bits[i];
		}
	}
	for (int i = 0; i < summary->n_parts; i++) {
		struct operand o = { .kind = OPERAND_PLACE };

		o.place = parts_place(flow->fn, item->call, &summary->parts[i]);
		if (o.place >= 0 && (summary->parts[i].does & PART_CLOSES))
			flow_close(flow, &o, item);
	}
	members_after(flow, item);
}
