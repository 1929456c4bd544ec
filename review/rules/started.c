/* SPDX-License-Identifier: Apache-2.0 */
/*
 * L3: fd = accept(…); pthread_create(&id, NULL, serve, &fd); and serve() comes to its end without a
 * close; see started.h.
 *
 * The number is followed from accept() to the argument (its address, its value, or memory that has
 * it), and in the thread's function through its copies. It is left out where it goes anywhere but to
 * calls that only work on it: who is given the number, or keeps it, may close it.
 */

#include "rules/started.h"
#include "flow/contract.h"
#include "model/reach.h"
#include "rules/kept.h"
#include "rules/rules.h"

#include <string.h>

extern const struct rule rule_L3;

enum { STARTED_NAMES = 16 };

/* The places of a function that have the number, or point to it. */
struct started {
	const struct function *fn;
	int names[STARTED_NAMES];
	bool points[STARTED_NAMES];
	int n;
	const struct item *use; /* the first that works on the connection */
};

static bool started_add(struct started *s, int place, bool points)
{
	for (int i = 0; i < s->n; i++)
		if (s->names[i] == place)
			return true;
	if (place < 0 || s->n == STARTED_NAMES)
		return false;
	s->names[s->n] = place;
	s->points[s->n++] = points;
	return true;
}

static bool started_names(const struct started *s, int place, bool points)
{
	for (int i = 0; i < s->n; i++)
		if (s->names[i] == place && s->points[i] == points)
			return true;
	return false;
}

/* fd, or *p of a pointer to it. */
static bool started_is_number(const struct started *s, const struct operand *o)
{
	const struct place *p;

	if (o->kind != OPERAND_PLACE)
		return false;
	p = &s->fn->places[o->place];
	return started_names(s, o->place, false) ||
	       ((p->kind == PLACE_DEREF || p->kind == PLACE_INDEX) &&
		started_names(s, p->parent, true));
}

static bool started_is_pointer(const struct started *s, const struct operand *o)
{
	return o->kind == OPERAND_ADDRESS
		       ? started_names(s, o->place, false)
		       : o->kind == OPERAND_PLACE && started_names(s, o->place, true);
}

/* The call works on the descriptor, or tells of it, and leaves it open. */
static bool started_works(const struct call *call, int arg)
{
	const struct api *api = call->api;

	if (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE | CALL_INDIRECT))
		return false;
	if (!call->target && call_is_talk(call))
		return true;
	if (call->target)
		return !object_is_taken(call, arg);
	if (api_fact(api, FACT_HOLDS) || api_fact(api, FACT_OPENS) || api_fact(api, FACT_CALLS) ||
	    object_is_taken(call, arg))
		return false;
	return api_fact(api, FACT_USES) || api_is(api, ROLE(LOG) | ROLE(STRING) | ROLE(PURE));
}

/* free(p); of the memory that brought the number, which is not the number. */
static bool started_frees(const struct call *call)
{
	return (call->flags & CALL_DELETE) || (call->api && !strcmp(call->name, "free"));
}

/* false: somebody else has it now, or it is closed. */
static bool started_call(struct started *s, const struct item *item)
{
	const struct call *call = item->call;

	for (int k = 0; k < call->n_args; k++) {
		if (started_is_pointer(s, &call->args[k]) && !started_frees(call))
			return false;
		if (!started_is_number(s, &call->args[k]))
			continue;
		if ((call->flags & CALL_CAPTURE) || !started_works(call, k))
			return false;
		if (!s->use && (call->target || api_is(call->api, ROLE(READ) | ROLE(WRITE))))
			s->use = item;
	}
	return !started_is_pointer(s, &call->receiver) && !started_is_number(s, &call->receiver);
}

static bool started_item(struct started *s, const struct item *item)
{
	bool number = started_is_number(s, &item->a), points = started_is_pointer(s, &item->a);

	switch (item->kind) {
	case ITEM_CALL:
		return !item->call || started_call(s, item);
	case ITEM_ASSIGN:
		if (!number && !points)
			return item->dst < 0 || !started_names(s, item->dst, false) ||
			       s->fn->places[item->dst].kind == PLACE_TEMP;
		return (s->fn->places[item->dst].kind == PLACE_LOCAL ||
			s->fn->places[item->dst].kind == PLACE_TEMP) &&
		       !(s->fn->places[item->dst].flags & PLACE_STATIC) &&
		       started_add(s, item->dst, points);
	case ITEM_OPERATE:
	case ITEM_RETURN:
	case ITEM_THROW:
		return !number && !points && !started_is_number(s, &item->b) &&
		       !started_is_pointer(s, &item->b);
	default:
		return true;
	}
}

/* The thread's function works on the connection, comes to its end, and nobody there closes it. */
static bool started_leaves_open(struct started *s)
{
	for (int i = 0; i < s->fn->n_items; i++)
		if (!started_item(s, &s->fn->items[i]))
			return false;
	return s->use != NULL && s->fn->summary.done && s->fn->summary.may_return &&
	       !s->fn->skipped;
}

/* accept() gave the number that is there. */
static const struct item *started_accept(const struct function *fn, int place,
					 const struct item *before)
{
	struct operand o = { .kind = OPERAND_PLACE, .place = place };
	const struct item *source = operand_source(fn, &o, before);
	const struct fact *opens = source ? api_fact(source->call->api, FACT_OPENS) : NULL;

	return opens && !strcmp(opens->word, "fd") && api_is(source->call->api, ROLE(ACCEPT))
		       ? source
		       : NULL;
}

/* What the argument brings: the number, its address, or memory in which it was put. */
static const struct item *started_brings(const struct function *fn, const struct item *item,
					 const struct operand *o, int *place, bool *points)
{
	const struct item *accept;

	*points = true;
	if (o->kind == OPERAND_ADDRESS) {
		*place = o->place;
		return started_accept(fn, o->place, item);
	}
	if (o->kind != OPERAND_PLACE)
		return NULL;
	*points = false;
	*place = o->place;
	accept = started_accept(fn, o->place, item);
	for (int i = 0; !accept && i < fn->n_places; i++)
		if (fn->places[i].kind == PLACE_DEREF && fn->places[i].parent == o->place) {
			accept = started_accept(fn, i, item);
			*place = i;
			*points = true;
		}
	return accept;
}

/* The block runs only where the thread could not be started. */
static bool started_has_failed(const struct function *fn, const struct item *starts,
			       const struct item *item)
{
	struct contract contract = contract_of(starts->call);
	int place = item_result(fn, starts), block = item_block(fn, item);

	for (int i = 0; place >= 0 && block >= 0 && i < fn->n_items; i++) {
		const struct item *test = &fn->items[i];

		if (test->kind != ITEM_BRANCH || !operand_is_place(&test->a, place))
			continue;
		for (int edge = 0; edge < 2; edge++)
			if (contract_edge_works(&contract, test, !edge) &&
			    block_is_behind(fn, item_block(fn, test), edge, block))
				return true;
	}
	return false;
}

/* The function that starts the thread does nothing that ends or keeps the number. */
static bool started_forgets(const struct function *fn, const struct item *starts, int place,
			    const struct item *accept)
{
	struct started s = { .fn = fn };
	int names[3] = { place, item_result(fn, accept), accept->dst };

	for (int i = 0; i < 3; i++)
		if (names[i] >= 0)
			started_add(&s, names[i], false);
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item == starts || started_has_failed(fn, starts, item))
			continue;
		/* *p = fd; is what the thread is given. */
		if (item->kind == ITEM_ASSIGN && item->dst == place)
			continue;
		if (item->kind == ITEM_CALL && item->call && (item->call->flags & CALL_CAPTURE) &&
		    item > accept && item < starts)
			continue;
		if (!started_item(&s, item))
			return false;
	}
	return true;
}

static void started_report(const struct function *fn, const struct item *accept,
			   const struct started *s)
{
	const struct operand *o = NULL;
	struct finding *finding;

	for (int k = 0; !o && k < s->use->call->n_args; k++)
		if (started_is_number(s, &s->use->call->args[k]))
			o = &s->use->call->args[k];
	finding = finding_add(
		&rule_L3, s->fn, s->fn->at,
		"This is the thread of each connection that %s() accepts, and neither of the two closes `%s`: what %s() gave stays open when the client has gone.",
		fn->label, operand_text(s->fn, o), accept->call->name);
	if (finding && s->fn->source == fn->source)
		finding->also = accept->at;
	finding_fix(finding, "In %s(), call close(%s) on every way out.", s->fn->label,
		    operand_text(s->fn, o));
}

static void started_given(struct function *fn, const struct item *item, const struct operand *o,
			  const struct function *start, int begin)
{
	struct started s = { .fn = start };
	const struct item *accept;
	bool points;
	int place;

	accept = started_brings(fn, item, o, &place, &points);
	if (accept && item_comes_again(fn, accept) && started_add(&s, begin, points) &&
	    started_leaves_open(&s) && started_forgets(fn, item, place, accept))
		started_report(fn, accept, &s);
}

/* std::thread([fd] { … }): the variables that it takes along. */
static void started_lambda(struct function *fn, const struct item *item,
			   const struct function *start)
{
	for (int i = 0; i < start->n_places; i++)
		for (int k = 0; start->places[i].kind == PLACE_CAPTURE && k < fn->n_places; k++)
			if (fn->places[k].kind == PLACE_LOCAL &&
			    fn->places[k].name == start->places[i].name)
				started_given(
					fn, item,
					&(struct operand){ .kind = OPERAND_PLACE, .place = k },
					start, i);
}

static void started_thread(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	struct function *start = NULL;
	int at = 0;

	for (; !start && at < call->n_args; at++)
		start = operand_function(fn, &call->args[at]);
	if (!start || start->n_variants > 1)
		return;
	if (start->flags & FUNCTION_LAMBDA)
		started_lambda(fn, item, start);
	for (int k = at; k < call->n_args; k++) {
		/* std::thread(&Server::serve, this, fd) */
		int param = k - at - (start->class_name && call->n_args - at > start->n_params);

		if (param >= 0 && param < start->n_params)
			started_given(fn, item, &call->args[k], start, start->params[param]);
	}
}

/* pthread_create(), and std::thread of the language. */
static bool started_is_thread(const struct call *call)
{
	const char *type = call->flags & (CALL_NEW | CALL_CONSTRUCT) ? call->type : call->name;

	if (api_is(call->api, ROLE(THREAD)))
		return true;
	return !call->api && !call->target && !call->receiver.kind && type &&
	       (!strcmp(type, "thread") || !strcmp(type, "jthread"));
}

void started_program(void)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		for (int i = 0; fn->interesting && !fn->skipped && i < fn->n_items; i++)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			    started_is_thread(fn->items[i].call))
				started_thread(fn, &fn->items[i]);
	}
}
