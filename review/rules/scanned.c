/* SPDX-License-Identifier: Apache-2.0 */
/* E2 of a variable that only fscanf() sets: what it holds when the text has no number is not known. */

#include "rules/scanned.h"

#include <string.h>

extern const struct rule rule_E2;

/* The number of its first argument that is filled, from 0; or -1. */
static int scanned_first(const struct call *call)
{
	if (call->target || call->receiver.kind || !(call->flags & CALL_DROPPED))
		return -1;
	return !strcmp(call->name, "fscanf") || !strcmp(call->name, "sscanf") ? 2
	       : !strcmp(call->name, "scanf")                                 ? 1
									      : -1;
}

/* int n; and nothing gives it a value before the item, in whatever turn. */
static bool scanned_is_unset(struct function *fn, const struct item *item, int place)
{
	const struct place *p = &fn->places[place];

	if (p->kind != PLACE_LOCAL || p->parent >= 0 || p->stars ||
	    (p->flags & (PLACE_ARRAY | PLACE_STATIC | PLACE_INIT | PLACE_REF)) ||
	    place_set_before(fn, place, item) || item_loop(fn, item) >= 0)
		return false;
	for (const struct item *i = fn->items; i < item; i++) {
		const struct call *call = i->kind == ITEM_CALL ? i->call : NULL;

		if (i->kind == ITEM_ASSIGN && i->a.kind == OPERAND_ADDRESS && i->a.place == place)
			return false;
		for (int k = 0; call && k < call->n_args; k++)
			if (call->args[k].kind == OPERAND_ADDRESS && call->args[k].place == place)
				return false;
	}
	return true;
}

/* The first item behind it that looks at the variable, before that gets another value; or NULL. */
static const struct item *scanned_use(const struct function *fn, const struct item *item, int place)
{
	for (const struct item *i = item + 1; i < fn->items + fn->n_items; i++) {
		const struct call *call = i->kind == ITEM_CALL ? i->call : NULL;

		if (i->kind == ITEM_DIES || i->kind == ITEM_DECLARE)
			continue;
		if (operand_is_place(&i->a, place) || operand_is_place(&i->b, place))
			return i;
		for (int k = 0; call && k < call->n_args; k++) {
			if (operand_is_place(&call->args[k], place))
				return i;
			if (call->args[k].kind == OPERAND_ADDRESS && call->args[k].place == place)
				return NULL;
		}
		if (i->dst == place)
			return NULL;
	}
	return NULL;
}

static void scanned_call(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	int first = scanned_first(call);

	for (int k = first; first > 0 && k < call->n_args; k++) {
		const struct operand *o = &call->args[k];
		const struct item *use;
		struct finding *finding;

		if (o->kind != OPERAND_ADDRESS || !scanned_is_unset(fn, item, o->place))
			continue;
		use = scanned_use(fn, item, o->place);
		if (!use)
			continue;
		finding = finding_add_of(
			&rule_E2, fn, use->at, &item->at,
			"`%s` is used without checking whether %s() has set it; where the text does not match, it holds whatever was there.",
			fn->places[o->place].text, call->name);
		finding_advise(finding);
		finding_fix(
			finding,
			"In %s(), compare the result of %s() with the number of values that it is to set, and leave or give `%s` a value when it is less.",
			fn->label, call->name, fn->places[o->place].text);
		return;
	}
}

void scanned_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call && fn->reached[i])
			scanned_call(fn, &fn->items[i]);
}
