/* SPDX-License-Identifier: Apache-2.0 */
/* The table of registrations; see registrations.h. */

#include "model/registrations.h"
#include "knowledge/kb.h"

#include <string.h>

struct registration *registrations;
size_t n_registrations;
static size_t registrations_cap;

static void registration_note(struct registration registration)
{
	if (!registration.callback)
		return;
	registrations =
		grow(registrations, n_registrations, &registrations_cap, sizeof(*registrations));
	registrations[n_registrations++] = registration;
}

/* connect(sender, &Class::signal, receiver, &Class::slot), or a lambda at the end. */
static void registration_connect(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const struct operand *last = call->n_args >= 3 ? &call->args[call->n_args - 1] : NULL;

	if (!last || strcmp(call->name, "connect") != 0)
		return;
	registration_note((struct registration){
		.fn = fn,
		.item = item,
		.callback = operand_function(fn, last),
		.data = call->n_args >= 4 ? &call->args[2] : NULL,
	});
}

static void registration_add(struct function *fn, const struct item *item)
{
	const struct api *api = item->call->api;

	if (api_is(api, ROLE(HANDLER)) && api->class_name) {
		registration_connect(fn, item);
		return;
	}
	for (const struct fact *calls = api_fact(api, FACT_CALLS); calls;
	     calls = api_fact_next(api, calls)) {
		const struct operand *o = call_argument(item->call, calls->arg);
		const struct fact *data = api_fact(api, FACT_DATA);

		while (data && data->arg != calls->arg)
			data = api_fact_next(api, data);
		registration_note((struct registration){
			.fn = fn,
			.item = item,
			.callback = operand_function(fn, o),
			.data = data ? call_argument(item->call, data->arg2) : NULL,
			.descriptor =
				calls->arg2 > 0 ? call_argument(item->call, calls->arg2) : NULL,
			.until = api_fact(api, FACT_UNTIL),
		});
	}
}

bool registration_ends_with(const struct registration *registration, const char *name)
{
	const struct api *api = registration->item->call->api;

	for (const struct fact *u = registration->until; u; u = api_fact_next(api, u))
		if (u->word == name)
			return true;
	return false;
}

/* SLOT(onReady()), or a lambda through a variable: what is written there names it. */
static bool registration_is_written(const struct function *by, const struct function *fn,
				    const char *signal)
{
	for (int i = 0; i < by->n_items; i++) {
		const struct item *item = &by->items[i];

		if (item->kind == ITEM_CALL && item->call &&
		    api_is(item->call->api, ROLE(HANDLER)) && item_mentions(by, item, signal) &&
		    (fn->outer == by || item_mentions(by, item, fn->name)))
			return true;
	}
	return false;
}

bool function_handles(const struct function *fn, const char *signal)
{
	for (size_t i = 0; i < n_registrations; i++)
		if (registrations[i].callback == fn &&
		    item_mentions(registrations[i].fn, registrations[i].item, signal))
			return true;
	for (size_t f = 0; f < program.n_functions; f++)
		if (function_is_beside(fn, program.functions[f]) &&
		    registration_is_written(program.functions[f], fn, signal))
			return true;
	return false;
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
