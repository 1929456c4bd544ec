/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and handles on the heap that a library uses until it calls back; see deferred.h. */

#include "rules/deferred.h"
#include "flow/contract.h"
#include "model/registrations.h"

#include <string.h>

extern const struct rule rule_E1, rule_L7;

/* The pointer to the memory that the operand is, or lies in: c of &c->pipe; -1: none. */
static int deferred_pointer(const struct function *fn, const struct operand *o)
{
	int place = o->place;

	if (o->kind == OPERAND_PLACE)
		return place;
	if (o->kind != OPERAND_ADDRESS)
		return -1;
	for (; place >= 0; place = fn->places[place].parent)
		if ((fn->places[place].flags & PLACE_ARROW) ||
		    fn->places[place].kind == PLACE_DEREF)
			return fn->places[place].parent;
	return -1;
}

/* The call that gave the memory to this function, or NULL. */
static const struct item *deferred_allocation(const struct function *fn, int pointer,
					      const struct item *before)
{
	struct operand o = { .kind = OPERAND_PLACE, .place = pointer };
	const struct item *made = operand_source(fn, &o, before);
	const struct call *call = made ? made->call : NULL;
	const struct fact *opens = call ? api_fact(call->api, FACT_OPENS) : NULL;

	if (!call || fn->places[pointer].kind != PLACE_LOCAL)
		return NULL;
	if ((call->flags & CALL_NEW) || (opens && !strcmp(opens->word, "memory")))
		return made;
	return call->target && call->target->summary.done && call->target->summary.opens &&
			       !strcmp(call->target->summary.opens, "memory")
		       ? made
		       : NULL;
}

static bool deferred_is_of_library(const struct call *call, const struct call *other)
{
	size_t n = strcspn(call->name, "_");

	return call->api && call->name[n] && !strncmp(call->name, other->name, n + 1);
}

/* Somebody else gets the pointer: it is stored, returned, or given to what may keep or free it. */
static bool deferred_is_kept(const struct function *fn, int pointer, const struct call *by)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

		if (item->kind == ITEM_RETURN && operand_is_place(&item->a, pointer))
			return true;
		if (item->kind == ITEM_ASSIGN && operand_is_place(&item->a, pointer) &&
		    item->dst >= 0 && fn->places[item->dst].kind != PLACE_TEMP &&
		    !place_is_within(fn, item->dst, pointer))
			return true;
		for (int k = 0; call && k < call->n_args; k++) {
			const struct summary *summary =
				call->target ? &call->target->summary : NULL;

			if (deferred_pointer(fn, &call->args[k]) != pointer ||
			    deferred_is_of_library(call, by))
				continue;
			if (call->api ? api_fact(call->api, FACT_CLOSES) ||
						api_fact(call->api, FACT_TAKES)
				      : !summary || !summary->done || k >= 16 ||
						(summary->param[k] & ~(unsigned)SUMMARY_ASKS))
				return true;
		}
	}
	return false;
}

/* It looks into the handle for what belongs to it, which may have the handle in it. */
static bool deferred_asks_data(const struct function *fn, int pointer)
{
	for (int i = 0; i < fn->n_places; i++)
		if (fn->places[i].kind == PLACE_FIELD && fn->places[i].name &&
		    place_is_within(fn, i, pointer) && !strcmp(fn->places[i].name, "data"))
			return true;
	return false;
}

/*
 * The first parameter of a callback is the handle with which it was registered: where that is from
 * malloc() and nobody keeps it, on every registration, only the callback has it, and after the
 * closing, which ends the registration, nobody.
 */
static bool deferred_is_given(const struct function *fn, int pointer, const struct call *closing)
{
	bool any = false;

	if (fn->places[pointer].kind != PLACE_PARAM || fn->places[pointer].param != 0 ||
	    deferred_asks_data(fn, pointer))
		return false;
	for (size_t i = 0; i < n_registrations; i++) {
		const struct registration *r = &registrations[i];
		int handle;

		if (r->callback != fn || !r->item->call->n_args)
			continue;
		handle = deferred_pointer(r->fn, &r->item->call->args[0]);
		if (handle < 0 || !registration_ends_with(r, closing->name) ||
		    !deferred_allocation(r->fn, handle, r->item) ||
		    deferred_is_kept(r->fn, handle, r->item->call))
			return false;
		any = true;
	}
	return any;
}

void deferred_close(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
		const struct fact *closing = call ? api_fact(call->api, FACT_CLOSING) : NULL;
		const struct fact *calls = closing ? api_fact(call->api, FACT_CALLS) : NULL;
		const struct operand *o = calls ? call_argument(call, closing->arg) : NULL;
		const struct operand *callback = o ? call_argument(call, calls->arg) : NULL;
		int pointer = callback ? deferred_pointer(fn, o) : -1;
		struct finding *finding;
		int64_t number;

		if (pointer < 0 || !fn->reached[i] || !operand_is_number(callback, &number) ||
		    number || deferred_is_kept(fn, pointer, call) ||
		    (!deferred_allocation(fn, pointer, item) &&
		     !deferred_is_given(fn, pointer, call)))
			continue;
		finding = finding_add(
			&rule_L7, fn, item->at,
			"`%s` was allocated and is in use until its closing is over; %s() is given no callback, so nobody learns when that is and frees it.",
			fn->places[pointer].text, call->name);
		finding_fix(finding, "In %s(), give %s() a callback that frees `%s`.", fn->label,
			    call->name, fn->places[pointer].text);
	}
}

void deferred_request(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const struct fact *takes = api_fact(call->api, FACT_TAKES);
	const struct fact *calls = api_fact(call->api, FACT_CALLS);
	const struct operand *request = takes ? call_argument(call, takes->arg) : NULL;
	const struct operand *callback = calls ? call_argument(call, calls->arg) : NULL;
	int pointer = request && callback ? deferred_pointer(fn, request) : -1;
	struct finding *finding;
	int64_t number;

	/* Without a callback it is lost either way, and this result is the least of it. */
	if (pointer < 0 || !(call->flags & CALL_DROPPED) ||
	    (operand_is_number(callback, &number) && !number) || !api_is(call->api, ROLE(ASYNC)) ||
	    contract_of(call).fails != FAILS_NEGATIVE || !deferred_allocation(fn, pointer, item) ||
	    deferred_is_kept(fn, pointer, call))
		return;
	finding = finding_add(
		&rule_E1, fn, item->at,
		"The result of %s() is ignored; when it fails at once its callback never runs, and `%s` with what belongs to it is never freed.",
		call->name, fn->places[pointer].text);
	/* uv_write() of an open handle tells the callback: it fails at once only while that is being closed. */
	if (finding && api_is(call->api, ROLE(RARELY)))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(finding,
		    "In %s(), make it `if (%s < 0)`, and release `%s` there as the callback does.",
		    fn->label, item_text(fn, item), fn->places[pointer].text);
}
