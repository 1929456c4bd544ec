/* SPDX-License-Identifier: Apache-2.0 */
/*
 * L4 of a number that an object was made from, Connection c(fd), and that is closed by hand while the
 * object lives: its destructor closes it again. The object is a variable, or what a smart pointer holds;
 * it may come from a method that only makes it. It counts if every way to the close comes by where it
 * is made, and none by its end, by a method that lets go, or by another value of the number.
 */

#include "rules/guarded.h"
#include "rules/rules.h"
#include "rules/twofold.h"

#include <stdlib.h>
#include <string.h>

extern const struct rule rule_L4;

enum { GUARDED_DEPTH = 3 };

static void guarded_mark(const struct function *fn, int block, int without, uint8_t *marks)
{
	if (block < 0 || block == without || marks[block])
		return;
	marks[block] = 1;
	guarded_mark(fn, fn->blocks[block].next[0], without, marks);
	guarded_mark(fn, fn->blocks[block].next[1], without, marks);
}

static bool guarded_leads(const struct function *fn, int from, int without, int to)
{
	uint8_t *marks = calloc(1, (size_t)fn->n_blocks);
	bool leads;

	if (!marks)
		abort();
	guarded_mark(fn, from, without, marks);
	leads = marks[to];
	free(marks);
	return leads;
}

/* Some way from where the object is made to `close` comes by `item`. */
static bool guarded_is_between(const struct function *fn, const struct item *made,
			       const struct item *item, const struct item *close)
{
	int from = item_block(fn, made), a = item_block(fn, item), b = item_block(fn, close);

	if (a < 0 || b < 0)
		return true;
	if (a == b)
		return item < close;
	return a == from ? item > made : guarded_leads(fn, a, from, b);
}

static bool guarded_is_constructor(const struct function *fn, const char *type, int n_args)
{
	return (fn->flags & FUNCTION_CONSTRUCTOR) && fn->class_name && fn->n_params == n_args &&
	       !strcmp(types_plain(fn->class_name), types_plain(type));
}

static const struct function *guarded_destructor(const char *type, int n_args, int arg, int depth);

/* The destructor that closes the member in which the constructor keeps its argument; or NULL. */
static const struct function *guarded_keeps(const struct function *made, int arg, int depth)
{
	for (int i = 0; i < made->n_items; i++) {
		const struct item *item = &made->items[i];
		const struct place *to = item->dst >= 0 ? &made->places[item->dst] : NULL;
		const struct function *end;

		if (item->kind != ITEM_ASSIGN || !to ||
		    !operand_is_place(&item->a, made->params[arg]))
			continue;
		if (to->is_member || to->kind == PLACE_FIELD) {
			end = twofold_destructor(made->class_name);
			return end && twofold_closes(end, to->name, 2) ? end : NULL;
		}
		/* : Base(fd) */
		if (to->kind == PLACE_FREE)
			return guarded_destructor(to->name, 1, 0, depth - 1);
	}
	return NULL;
}

/* … of all classes of that name. */
static const struct function *guarded_destructor(const char *type, int n_args, int arg, int depth)
{
	const struct function *end = NULL;

	for (size_t f = 0; type && depth && arg < n_args && f < program.n_functions; f++) {
		if (!guarded_is_constructor(program.functions[f], type, n_args))
			continue;
		end = guarded_keeps(program.functions[f], arg, depth);
		if (!end)
			return NULL;
	}
	return end;
}

/* return new Task(fd); and nothing else, in each method of that name. */
static const struct function *guarded_factory(const char *name, int arg)
{
	const struct function *end = NULL;

	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f], *one = NULL;

		if (!fn->class_name || strcmp(fn->name, name) != 0)
			continue;
		for (int i = 0; arg < fn->n_params && i < fn->n_items; i++) {
			const struct call *call =
				fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

			for (int k = 0; call && (call->flags & CALL_NEW) && k < call->n_args; k++)
				if (operand_is_place(&call->args[k], fn->params[arg]))
					one = guarded_destructor(call->type, call->n_args, k,
								 GUARDED_DEPTH);
		}
		if (!one)
			return NULL;
		end = one;
	}
	return end;
}

/* What is made from the number closes it when it ends; its destructor. */
static const struct function *guarded_made(const struct call *call, int arg)
{
	if (call->flags & CALL_CONSTRUCT)
		return guarded_destructor(call->type, call->n_args, arg, GUARDED_DEPTH);
	if (call->flags & CALL_NEW)
		return guarded_destructor(call->type, call->n_args, arg, GUARDED_DEPTH);
	if (!strcmp(call->name, "make_unique") || !strcmp(call->name, "make_shared"))
		return guarded_destructor(call->of, call->n_args, arg, GUARDED_DEPTH);
	return !call->api && (!call->receiver.kind || call->receiver.kind == OPERAND_PLACE)
		       ? guarded_factory(call->name, arg)
		       : NULL;
}

/* The variable that ends what the item makes: itself, or the smart pointer that is given it next. */
static int guarded_variable(const struct function *fn, const struct item *made)
{
	if (made->dst < 0)
		return -1;
	if ((made->call->flags & CALL_CONSTRUCT) && fn->places[made->dst].kind == PLACE_LOCAL)
		return made->dst;
	for (const struct item *i = made; i < fn->items + fn->n_items && i < made + 4; i++) {
		const struct call *call = i->kind == ITEM_CALL ? i->call : NULL;
		bool given = (i->kind == ITEM_ASSIGN && operand_is_place(&i->a, made->dst)) ||
			     (call && (call->flags & CALL_CONSTRUCT) && call->n_args == 1 &&
			      operand_is_place(&call->args[0], made->dst));

		if (i->dst >= 0 && (given || i == made) && fn->places[i->dst].kind == PLACE_LOCAL &&
		    (fn->places[i->dst].flags & PLACE_SMART))
			return i->dst;
	}
	return -1;
}

/* The method sets no member and closes nothing. */
static bool guarded_only_works(const struct function *method)
{
	for (int i = 0; method && i < method->n_items; i++) {
		const struct item *item = &method->items[i];

		if (item->dst >= 0 && place_root(method, item->dst)->is_member)
			return false;
		if (item->kind == ITEM_CALL && item->call &&
		    (!item->call->api || api_fact(item->call->api, FACT_CLOSES)))
			return false;
	}
	return method != NULL;
}

/* The item ends the object, or may let it go or give the number another value. */
static bool guarded_ends(const struct function *fn, const struct item *item, int guard, int number)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (item->dst == guard || item->dst == number)
		return true;
	if (!call)
		return (item->kind == ITEM_ASSIGN || item->kind == ITEM_RETURN) &&
		       operand_is_place(&item->a, guard);
	if ((call->receiver.kind == OPERAND_PLACE || call->receiver.kind == OPERAND_ADDRESS) &&
	    place_is_within(fn, call->receiver.place, guard))
		return strcmp(call->name, "get") != 0 && !guarded_only_works(call->target);
	for (int k = 0; k < call->n_args; k++)
		if ((call->args[k].kind == OPERAND_PLACE ||
		     call->args[k].kind == OPERAND_ADDRESS) &&
		    (place_is_within(fn, call->args[k].place, guard) ||
		     (call->args[k].kind == OPERAND_ADDRESS && call->args[k].place == number)))
			return true;
	return false;
}

static bool guarded_lives(const struct function *fn, const struct item *made,
			  const struct item *close, int guard, int number)
{
	int a = item_block(fn, made), b = item_block(fn, close);

	if (a < 0 || b < 0 || (a == b ? close < made : guarded_leads(fn, 0, a, b)))
		return false;
	for (const struct item *i = made + 1; i < fn->items + fn->n_items; i++)
		if (i != close && guarded_ends(fn, i, guard, number) &&
		    !(i->dst == guard && i < made + 4 && i->kind != ITEM_DIES) &&
		    guarded_is_between(fn, made, i, close))
			return false;
	return true;
}

void guarded_close(struct function *fn, const struct item *close)
{
	int number = close->call->n_args == 1 && close->call->args[0].kind == OPERAND_PLACE
			     ? close->call->args[0].place
			     : -1;

	if (number < 0 || !api_fact(close->call->api, FACT_CLOSES) ||
	    strcmp(close->call->name, "close") != 0 || fn->places[number].stars ||
	    (fn->places[number].kind != PLACE_LOCAL && fn->places[number].kind != PLACE_PARAM))
		return;
	for (const struct item *made = fn->items; made < close; made++) {
		const struct call *call = made->kind == ITEM_CALL ? made->call : NULL;
		int guard = call ? guarded_variable(fn, made) : -1;

		for (int k = 0; guard >= 0 && k < call->n_args; k++) {
			const struct function *end = operand_is_place(&call->args[k], number)
							     ? guarded_made(call, k)
							     : NULL;
			struct finding *finding;

			if (!end || !guarded_lives(fn, made, close, guard, number))
				continue;
			finding = finding_add_of(
				&rule_L4, fn, close->at, &made->at,
				"`%s` belongs to `%s` since line %u, and %s() closes it again: by then the number may be another connection's.",
				fn->places[number].text, fn->places[guard].text, made->at.row + 1,
				end->label);
			if (finding)
				finding->cwe = "1341";
			finding_fix(finding,
				    "In %s(), leave out this close(%s): the end of `%s` does it.",
				    fn->label, fn->places[number].text, fn->places[guard].text);
			return;
		}
	}
}
