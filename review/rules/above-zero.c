/* SPDX-License-Identifier: Apache-2.0 */
/* L1 of a descriptor 0: if (fd > 0) takes it for a failure, and nobody closes it. */

#include "flow/contract.h"
#include "rules/above-zero.h"

#include <string.h>

extern const struct rule rule_L1;

/* fd = open(…), dup(…), into a variable that gets nothing else and that no caller knows. */
static bool above_zero_opens(const struct function *fn, const struct item *item)
{
	const struct fact *opens = api_fact(item->call->api, FACT_OPENS);
	int place = item_result(fn, item);

	return opens && opens->arg == ARG_RESULT && !opens->depth && !strcmp(opens->word, "fd") &&
	       contract_of(item->call).fails == FAILS_MINUS_ONE && !item->call->target &&
	       place >= 0 && fn->places[place].kind == PLACE_LOCAL && fn->places[place].parent < 0;
}

/* The value that the test looks at is that of the item, with no other between. */
static bool above_zero_is_its(const struct function *fn, const struct item *item,
			      const struct item *test, int place)
{
	const struct item *set = place_set_before(fn, place, test);

	return test > item && set &&
	       (set == item ||
		(set->kind == ITEM_ASSIGN && operand_source(fn, &set->a, set) == item));
}

static void above_zero_call(struct function *fn, const struct item *item)
{
	int place = item_result(fn, item);
	const char *name = fn->places[place].text;

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *test = &fn->items[i];
		struct finding *finding;
		int64_t number;

		if (test->kind != ITEM_BRANCH || (test->op != OP_GT && test->op != OP_LE) ||
		    !operand_is_place(&test->a, place) || test->b.kind != OPERAND_NUMBER ||
		    !operand_is_number(&test->b, &number) || number != 0 || test->b.text ||
		    !above_zero_is_its(fn, item, test, place))
			continue;
		finding = finding_add_of(
			&rule_L1, fn, test->at, &item->at,
			"A `%s` of 0 is a descriptor that %s() has opened, and this test takes it for a failure: it is never closed then.",
			name, item->call->name);
		finding_advise(finding);
		finding_fix(finding, "In %s(), let the test on line %u be `%s %s 0`.", fn->label,
			    pos_line(test->at), name, test->op == OP_GT ? ">=" : "<");
		return;
	}
}

void above_zero_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call && fn->reached[i] &&
		    above_zero_opens(fn, &fn->items[i]))
			above_zero_call(fn, &fn->items[i]);
}
