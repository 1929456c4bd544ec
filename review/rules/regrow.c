/* SPDX-License-Identifier: Apache-2.0 */
/* L7 of buffers: p = realloc(p, n), where a failure puts NULL in place of the only pointer to the old one. */

#include "flow/outcome.h"
#include "rules/deferred.h"
#include "rules/lifetime.h"

#include <string.h>

extern const struct rule rule_L7;

static bool regrow_is_realloc(const struct call *call)
{
	return call->api && call->n_args >= 2 && call->args[0].kind == OPERAND_PLACE &&
	       (!strcmp(call->name, "realloc") || !strcmp(call->name, "reallocarray"));
}

/* A descriptor is among what the function gives to others. */
static bool regrow_has_descriptor(const struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		for (int k = 0; call && k < call->n_args; k++) {
			const struct operand *o = &call->args[k];
			const char *name =
				o->kind == OPERAND_PLACE ? fn->places[o->place].name : NULL;

			if (name && (!strcmp(name, "fd") || !strcmp(name, "sock") ||
				     !strcmp(name, "socket") || !strcmp(name, "sockfd")))
				return true;
		}
	}
	return false;
}

/* The old pointer has another name: old = p, p = *given, or it is the caller's; then it is not lost. */
static bool regrow_has_another(const struct function *fn, const struct item *item, int place)
{
	if (fn->places[place].kind == PLACE_PARAM)
		return true;
	for (const struct item *i = fn->items; i < item; i++)
		if (i->kind == ITEM_ASSIGN && (operand_is_place(&i->a, place) ||
					       (i->dst == place && i->a.kind == OPERAND_PLACE &&
						!operand_source(fn, &i->a, i))))
			return true;
	return false;
}

/* assert_non_null(text): of whatever library. */
static bool regrow_asserts(struct outcome *outcome, const struct item *item)
{
	static const char *const words[] = { "assert", "ASSERT", "CHECK", "REQUIRE", "EXPECT" };

	(void)outcome;
	return call_has_word(item->call, words, sizeof(words) / sizeof(*words));
}

/* When it fails the function goes on, or tells its caller; where the program ends, nothing is lost. */
static bool regrow_goes_on(struct function *fn, const struct item *item)
{
	struct outcome outcome = { .fn = fn, .call = item, .result = 0, .visit = regrow_asserts };
	unsigned ends = outcome_walk(&outcome);

	return !(ends & (OUTCOME_EXITS | OUTCOME_TOO_LONG | OUTCOME_STOPPED)) &&
	       !(fn->flags & FUNCTION_MAIN);
}

static void regrow_call(struct function *fn, const struct item *item)
{
	int place = item->call->args[0].place;
	const char *name = fn->places[place].text;
	struct finding *finding;

	if (item_result(fn, item) != place || fn->places[place].kind == PLACE_TEMP ||
	    regrow_has_another(fn, item, place) || !regrow_goes_on(fn, item) ||
	    !(lifetime_is_tied(fn, 1) || regrow_has_descriptor(fn)))
		return;
	finding = finding_add(
		&rule_L7, fn, item->at,
		"When %s() fails, `%s` becomes NULL, and what it pointed to is neither freed nor known to anybody any more.",
		item->call->name, name);
	finding_advise(finding);
	finding_fix(
		finding,
		"In %s(), store the result of %s() in a variable of its own, and assign that to `%s` only when it is not NULL; else free `%s` or keep it.",
		fn->label, item->call->name, name, name);
}

void l7_function(struct function *fn)
{
	deferred_close(fn);
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call && fn->reached[i] &&
		    regrow_is_realloc(fn->items[i].call))
			regrow_call(fn, &fn->items[i]);
}
