/* SPDX-License-Identifier: Apache-2.0 */
/* The table of registrations; see registrations.h. */

#include "model/registrations.h"
#include "knowledge/kb.h"

#include <string.h>

struct registration *registrations;
size_t n_registrations;
static size_t registrations_cap;

/* readable, &readable, (GIOFunc)hear, a lambda. */
static struct function *registration_function(const struct function *fn, const struct operand *o)
{
	if (o->kind == OPERAND_LAMBDA)
		return o->lambda;
	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return NULL;
	return index_find_function(fn->places[o->place].name, fn->source);
}

static void registration_add(struct function *fn, const struct item *item)
{
	const struct fact *calls = api_fact(item->call->api, FACT_CALLS);
	const struct fact *data = api_fact(item->call->api, FACT_DATA);
	const struct operand *o = calls ? call_argument(item->call, calls->arg) : NULL;
	struct function *callback = o ? registration_function(fn, o) : NULL;

	if (!callback)
		return;
	registrations =
		grow(registrations, n_registrations, &registrations_cap, sizeof(*registrations));
	registrations[n_registrations++] = (struct registration){
		.fn = fn,
		.item = item,
		.callback = callback,
		.data = data ? call_argument(item->call, data->arg2) : NULL,
		.descriptor = calls->arg2 > 0 ? call_argument(item->call, calls->arg2) : NULL,
	};
}

void registrations_find(void)
{
	n_registrations = 0;
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		for (int i = 0; fn->interesting && i < fn->n_items; i++)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call)
				registration_add(fn, &fn->items[i]);
	}
}

/* g->s, or a copy of it, where g is a parameter. */
static bool registration_is_given(const struct function *fn, const struct operand *o,
				  const struct item *before)
{
	for (int step = 0; o->kind == OPERAND_PLACE && step < 4; step++) {
		const struct item *set;

		if (place_root(fn, o->place)->kind == PLACE_PARAM)
			return true;
		set = place_set_before(fn, o->place, before);
		if (!set || set->kind != ITEM_ASSIGN)
			return false;
		o = &set->a;
		before = set;
	}
	return false;
}

bool registration_closes(const struct registration *registration)
{
	const struct function *fn = registration->callback;

	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
		const struct fact *closes = call ? api_fact(call->api, FACT_CLOSES) : NULL;
		const struct operand *o = closes ? call_argument(call, closes->arg) : NULL;

		if (o && strstr(call->name, "close") && registration_is_given(fn, o, &fn->items[i]))
			return true;
	}
	return false;
}
