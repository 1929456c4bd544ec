/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callers will need to know of a function, gathered while it is walked: what it does to its
 * arguments, what it puts behind them, and what its result tells of that.
 */

#include "flow/hold.h"

#include <string.h>

/* *param = fresh */
void flow_fills(struct flow *flow, int place, int resource)
{
	const struct place *p = &flow->fn->places[place];
	const struct place *parent = p->parent >= 0 ? &flow->fn->places[p->parent] : NULL;

	if (p->kind == PLACE_DEREF && parent && parent->kind == PLACE_PARAM && parent->param < 16 &&
	    flow->resources[resource].site && (flow->state->bits[resource] & RES_OPEN)) {
		flow->fn->summary.fills[parent->param] = flow->resources[resource].kind;
		flow->fn->summary.opener = flow->resources[resource].api;
	}
}

/* RES_… of what lies behind parameter number `param` now, or 0. */
static uint8_t flow_behind(const struct flow *flow, int param)
{
	for (int i = 0; i < flow->state->n; i++) {
		const struct binding *b = &flow->state->bindings[i];
		const struct place *p = &flow->fn->places[b->place];

		if (p->kind == PLACE_DEREF && b->value.resource >= 0 &&
		    flow->fn->places[p->parent].param == param &&
		    flow->fn->places[p->parent].kind == PLACE_PARAM)
			return flow->state->bits[b->value.resource];
	}
	return 0;
}

void flow_split_add(struct flow_split *split, bool holds, struct value result)
{
	int64_t *low = holds ? &split->yes_low : &split->no_low;
	int64_t *high = holds ? &split->yes_high : &split->no_high;
	bool *any = holds ? &split->yes : &split->no;

	if (!*any || result.low < *low)
		*low = result.low;
	if (!*any || result.high > *high)
		*high = result.high;
	*any = true;
}

uint8_t flow_split_fails(const struct flow_split *split)
{
	if (!split->yes)
		return FAILS_UNKNOWN;
	if (!split->no)
		return FAILS_NEVER;
	if (split->yes_low == 0 && split->yes_high == 0 &&
	    (split->no_low > 0 || split->no_high < 0))
		return FAILS_NONZERO;
	if (split->yes_low >= 0 && split->no_high < 0)
		return FAILS_NEGATIVE;
	if (split->yes_low > 0 && split->no_high <= 0)
		return FAILS_NOT_POSITIVE;
	if (split->no_low == 0 && split->no_high == 0 &&
	    (split->yes_low > 0 || split->yes_high < 0))
		return FAILS_FALSE;
	if (split->yes_high < 0 && split->no_low >= 0)
		return FAILS_NOT_NEGATIVE;
	return FAILS_UNKNOWN;
}

/* checked(value): -1 if the value is below 0. */
static void flow_summarise_sign(struct flow *flow, int param, struct value result)
{
	struct value v = state_place(flow, flow->fn->params[param]);

	if (v.high < 0 || v.low >= 0)
		flow_split_add(&flow->sign[param], v.high < 0, result);
	else
		flow->untold[param] = true;
}

/* What one way out tells about the parameters; `returned` is the result's resource, and its bits. */
void flow_summarise_params(struct flow *flow, struct value result, uint8_t returned)
{
	for (int i = 0; i < flow->n_resources; i++) {
		uint8_t bits = i == result.resource ? returned : flow->state->bits[i];
		int param = flow->resources[i].param;

		if (param < 0)
			continue;
		flow->exit_bits[i] |= bits;
		flow->exit_closing[i] &= (bits & RES_CLOSING) != 0;
		if (bits != RES_CLOSED && bits != RES_FAILED)
			flow->exit_all[i] = 0;
		flow_split_add(&flow->keep[param], bits & (RES_GONE | RES_TAKEN), result);
		flow_split_add(&flow->present[param], bits != RES_FAILED, result);
		flow_summarise_sign(flow, param, result);
		/* On a way where nobody knows, its result tells nothing. */
		if (bits & (RES_ENDING | RES_TAKEN))
			flow_split_add(&flow->close[param], true, result);
		if (bits != RES_FAILED)
			flow_split_add(&flow->close[param], bits == RES_CLOSED, result);
	}
	for (int i = 0; i < 16 && i < flow->fn->n_params; i++) {
		uint8_t bits = flow_behind(flow, i);
		bool filled = (bits & RES_OPEN) && !(bits & RES_CLOSED);

		flow_split_add(&flow->fill[i], filled, result);
		if (!filled)
			flow_split_add(&flow->stale[i], bits == RES_CLOSED, result);
	}
}

/*
 * The way gives what a call gave: return n, after n = recv(…). A number below 0 can be the failure
 * of that call in other words, and 0 the end of a stream.
 */
static void flow_summarise_answer(struct flow *flow, const struct value *v)
{
	struct summary *summary = &flow->fn->summary;
	const struct call *call = v->status >= 0 ? flow->fn->items[v->status].call : NULL;
	const struct api *api = call ? call->api : NULL;

	if (call && call->target)
		api = call->target->summary.answers;
	if (call ? v->high < 0 : v->high <= 0)
		return;
	if (!api || (summary->answers && summary->answers != api))
		summary->answers_several = true;
	summary->answers = summary->answers_several ? NULL : api;
}

/* … and about the result. */
void flow_summarise(struct flow *flow, const struct item *item)
{
	struct summary *summary = &flow->fn->summary;
	struct value v = state_operand(flow, &item->a);
	int r = v.resource;

	summary->may_return = true;
	if (!summary->has_range || v.low < summary->low)
		summary->low = v.low;
	if (!summary->has_range || v.high > summary->high)
		summary->high = v.high;
	summary->has_range = true;
	if (item->implicit || item->a.kind == OPERAND_NONE)
		return;
	flow_summarise_answer(flow, &v);
	hold_summarise(flow, item, r);
	if (r >= 0 && flow->resources[r].param >= 0)
		summary->returns_param = (int8_t)flow->resources[r].param;
	else
		summary->returns_other = true;
	/* On some way somebody else has it as well: then it is not the caller's to release. */
	if (r >= 0 && flow->resources[r].site && (flow->state->bits[r] & (RES_GONE | RES_TAKEN)))
		summary->shares = true;
	if (r >= 0 && flow->resources[r].site && (flow->state->bits[r] & RES_OPEN) &&
	    !(flow->state->bits[r] & (RES_CLOSED | RES_GONE))) {
		summary->opens = flow->resources[r].kind;
		summary->opener = flow->resources[r].api;
		summary->fails = summary->fails ? summary->fails : flow->resources[r].fails;
	}
	if (v.high < 0)
		summary->fails = FAILS_NEGATIVE;
	else if (v.low == 0 && v.high == 0 && (flow->fn->flags & FUNCTION_POINTER))
		summary->fails = FAILS_NULL;
	else if (v.low == 0 && v.high == 0 && flow->fn->return_type &&
		 (!strcmp(flow->fn->return_type, "bool") ||
		  !strcmp(flow->fn->return_type, "gboolean")))
		summary->fails = FAILS_FALSE;
	if (summary->shares)
		summary->opens = NULL;
	summary->can_fail |= summary->fails == FAILS_NEGATIVE || summary->fails == FAILS_NULL ||
			     summary->fails == FAILS_FALSE;
}

/* A caller that is told the difference by another result may know what it does. */
static bool summary_may_be_stale(const struct flow_split *stale)
{
	return stale->yes && (!stale->no || (stale->no_low == stale->yes_low &&
					     stale->no_high == stale->yes_high));
}

void flow_summary_params(struct flow *flow)
{
	struct summary *summary = &flow->fn->summary;

	for (int i = 0; i < flow->n_resources; i++) {
		int param = flow->resources[i].param;

		if (param < 0)
			continue;
		if (flow->exit_bits[i] & RES_CLOSED)
			summary->param[param] |= SUMMARY_MAY_CLOSE;
		if (flow->exit_closing[i] && (flow->exit_bits[i] & RES_CLOSING))
			summary->param[param] |= SUMMARY_CLOSING;
		if (flow->exit_all[i] && (flow->exit_bits[i] & RES_CLOSED))
			summary->param[param] |= SUMMARY_CLOSES;
		if (flow->exit_bits[i] & (RES_GONE | RES_TAKEN))
			summary->param[param] |= SUMMARY_KEEPS;
		summary->keep_fails[param] = flow_split_fails(&flow->keep[param]);
		if (flow->present[param].no)
			summary->absent_fails[param] = flow_split_fails(&flow->present[param]);
		summary->close_fails[param] = flow_split_fails(&flow->close[param]);
		if (!flow->untold[param] && flow->sign[param].yes && flow->sign[param].no &&
		    flow->sign[param].yes_high < 0 && flow->sign[param].no_low >= 0)
			summary->tells_param = (int8_t)param;
		if ((flow->exit_bits[i] & RES_CLOSED) && flow->resources[i].closed &&
		    call_frees(flow->resources[i].closed->call))
			summary->param[param] |= SUMMARY_FREES;
		if (!summary->fills[param])
			continue;
		summary->param[param] |= SUMMARY_FILLS;
		if (summary_may_be_stale(&flow->stale[param]))
			summary->param[param] |= SUMMARY_STALE;
		summary->fill_fails = flow_split_fails(&flow->fill[param]);
	}
	for (int i = 0; i < flow->fn->n_items; i++) {
		const struct item *item = &flow->fn->items[i];

		if (item->kind == ITEM_CALL && item->call) {
			summary->waits |= call_waits(item->call);
			summary->blocks |= call_blocks(flow->fn, item->call);
		}
		for (int p = 0; item->kind == ITEM_BRANCH && p < flow->fn->n_params && p < 16; p++)
			if (operand_is_place(&item->a, flow->fn->params[p]) ||
			    operand_is_place(&item->b, flow->fn->params[p]))
				summary->param[p] |= SUMMARY_ASKS;
	}
	summary->done = true;
}

static uint8_t summary_agree_fails(uint8_t a, uint8_t b)
{
	return a == b ? a : FAILS_UNKNOWN;
}

/* What may happen in one of them may happen; what is certain is so in both. */
static void summary_agree_param(struct summary *into, const struct summary *other, int i)
{
	uint8_t certain = SUMMARY_CLOSES | SUMMARY_FILLS | SUMMARY_ASKS | SUMMARY_FREES |
			  SUMMARY_CLOSING | SUMMARY_STALE;
	uint8_t both = into->param[i] & other->param[i];
	uint8_t any = into->param[i] | other->param[i];

	into->param[i] = (uint8_t)((both & certain) | (any & ~certain));
	if (any & ~both & SUMMARY_CLOSES)
		into->param[i] |= SUMMARY_MAY_CLOSE;
	if (into->fills[i] != other->fills[i])
		into->fills[i] = NULL;
	into->keep_fails[i] = summary_agree_fails(into->keep_fails[i], other->keep_fails[i]);
	into->absent_fails[i] = summary_agree_fails(into->absent_fails[i], other->absent_fails[i]);
	into->close_fails[i] = summary_agree_fails(into->close_fails[i], other->close_fails[i]);
}

static void summary_agree(struct summary *into, const struct summary *other)
{
	for (int i = 0; i < 16; i++)
		summary_agree_param(into, other, i);
	into->fill_fails = summary_agree_fails(into->fill_fails, other->fill_fails);
	into->fails = summary_agree_fails(into->fails, other->fails);
	into->n_parts = 0;
	into->may_return |= other->may_return;
	into->waits |= other->waits;
	into->blocks |= other->blocks;
	into->shares |= other->shares;
	into->returns_other |= other->returns_other;
	into->can_fail |= other->can_fail;
	into->has_range &= other->has_range;
	into->low = into->low < other->low ? into->low : other->low;
	into->high = into->high > other->high ? into->high : other->high;
	if (into->opens != other->opens)
		into->opens = NULL;
	if (into->answers != other->answers)
		into->answers = NULL;
	if (into->returns_param != other->returns_param)
		into->returns_param = -1;
	if (into->tells_param != other->tells_param)
		into->tells_param = -1;
	if (into->holds_param != other->holds_param || into->holds_in != other->holds_in)
		into->holds_several = true;
}

void flow_agree(struct function *fn)
{
	for (int i = 0; i < fn->n_variants && fn->summary.done; i++)
		if (fn->variants[i]->summary.done)
			summary_agree(&fn->summary, &fn->variants[i]->summary);
}
