/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E3 through a helper of the project: take_line(fd, line, sizeof(line)) reads from a peer and says by
 * its result whether anything came. Who does not look takes what was in the buffer before for it.
 */

#include "rules/helper.h"
#include "flow/outcome.h"
#include "model/descriptor.h"

#include <string.h>

extern const struct rule rule_E3;

/* What the helper returns when its read gives that many bytes; false: it is not known. */
static bool helper_returns(struct function *helper, const struct item *read, int64_t result,
			   int64_t *returns)
{
	struct outcome outcome = { .fn = helper, .call = read, .result = result };
	unsigned ends = outcome_walk(&outcome);

	*returns = outcome.returns;
	return outcome.returns_known && (ends & OUTCOME_RETURNS) &&
	       !(ends & (OUTCOME_AGAIN | OUTCOME_TOO_LONG | OUTCOME_EXITS));
}

/* The parameter that receives what the item reads, or -1. */
static int helper_buffer(const struct function *helper, const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	const struct fact *reads = call ? api_fact(call->api, FACT_READS) : NULL;
	const struct fact *uses = reads ? api_fact(call->api, FACT_USES) : NULL;
	const struct operand *to = uses && !reads->depth ? call_argument(call, reads->arg) : NULL;
	unsigned kinds = uses ? descriptor_kinds(helper, call_argument(call, uses->arg)) : 0;

	if (!to || to->kind != OPERAND_PLACE || helper->places[to->place].kind != PLACE_PARAM ||
	    !(kinds & (DESCRIPTOR_STREAM | DESCRIPTOR_PACKET)))
		return -1;
	return helper->places[to->place].param;
}

/* … when its result tells that nothing came. */
static int helper_tells(struct function *helper)
{
	for (int i = 0; i < helper->n_items; i++) {
		int64_t nothing, failed, some;
		int param = helper_buffer(helper, &helper->items[i]);

		if (param < 0)
			continue;
		/* How many bytes came is not known here, so nor is what is made of the number. */
		if (helper_returns(helper, &helper->items[i], 0, &nothing) &&
		    helper_returns(helper, &helper->items[i], -1, &failed) &&
		    helper_returns(helper, &helper->items[i], 7, &some) && nothing != some &&
		    failed != some)
			return param;
	}
	return -1;
}

/* The buffer has a content of its own before: nothing, or what is there until news come. */
static bool helper_is_filled_before(const struct function *fn, int buffer, const struct item *item)
{
	if (fn->places[buffer].flags & PLACE_INIT)
		return true;
	for (const struct item *before = fn->items; before < item; before++) {
		const struct call *call = before->kind == ITEM_CALL ? before->call : NULL;

		if ((before->kind == ITEM_ASSIGN || before->kind == ITEM_OPERATE) &&
		    before->dst >= 0 && before->op != '[' &&
		    place_is_within(fn, before->dst, buffer))
			return true;
		for (int k = 0; call && k < call->n_args; k++)
			if ((call->args[k].kind == OPERAND_PLACE ||
			     call->args[k].kind == OPERAND_ADDRESS) &&
			    place_is_within(fn, call->args[k].place, buffer))
				return true;
	}
	return false;
}

static bool helper_reads(const struct function *fn, const struct operand *o, int buffer)
{
	return (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       place_is_within(fn, o->place, buffer);
}

static bool helper_is_used_after(const struct function *fn, int buffer, const struct item *item)
{
	for (const struct item *after = item + 1; after < fn->items + fn->n_items; after++) {
		const struct call *call = after->kind == ITEM_CALL ? after->call : NULL;

		if (helper_reads(fn, &after->a, buffer) || helper_reads(fn, &after->b, buffer))
			return true;
		for (int k = 0; call && k < call->n_args; k++)
			if (helper_reads(fn, &call->args[k], buffer))
				return true;
	}
	return false;
}

static void helper_look(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	struct finding *finding;
	int param, buffer;

	if (!call->target || !(call->flags & CALL_DROPPED) || item_is_void(fn, item) ||
	    (call->target->flags & FUNCTION_VOID) || call->target->n_variants ||
	    call->target->skipped)
		return;
	param = helper_tells(call->target);
	if (param < 0 || param >= call->n_args || call->args[param].kind != OPERAND_PLACE)
		return;
	buffer = call->args[param].place;
	if (fn->places[buffer].kind != PLACE_LOCAL || !(fn->places[buffer].flags & PLACE_ARRAY) ||
	    helper_is_filled_before(fn, buffer, item) || !helper_is_used_after(fn, buffer, item))
		return;
	finding = finding_add(
		&rule_E3, fn, item->at,
		"The result of %s() is ignored; it says whether anything came, and when nothing did, `%s` holds whatever was there before.",
		call->name, fn->places[buffer].text);
	finding_fix(
		finding,
		"In %s(), look at what %s() returns, and go on with `%s` only when something came.",
		fn->label, call->name, fn->places[buffer].text);
}

void helper_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call && fn->reached[i])
			helper_look(fn, &fn->items[i]);
}
