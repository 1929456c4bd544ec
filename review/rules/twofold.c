/* SPDX-License-Identifier: Apache-2.0 */
/*
 * L4 of a descriptor with two owners: fdopen(guard.fd(), "r"), where the stream closes it and the
 * destructor of the guard closes it once more.
 */

#include "rules/guarded.h"
#include "rules/lifetime.h"
#include "rules/twofold.h"

#include <string.h>

extern const struct rule rule_L4;

/* int fd() const { return fd_; }: the member that the method gives, and nothing else; or NULL. */
static const char *twofold_given(const struct function *getter)
{
	const char *member = NULL;

	for (int i = 0; i < getter->n_items; i++) {
		const struct item *item = &getter->items[i];
		const struct place *p;

		if (item->kind == ITEM_ASSIGN || item->kind == ITEM_CALL)
			return NULL;
		if (item->kind != ITEM_RETURN || item->implicit)
			continue;
		p = item->a.kind == OPERAND_PLACE ? &getter->places[item->a.place] : NULL;
		if (!p || member || (!p->is_member && p->kind != PLACE_FIELD))
			return NULL;
		member = p->name;
	}
	return member;
}

/* close(fd_), here or in another method of the class. */
bool twofold_closes(const struct function *fn, const char *member, int depth)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (!call)
			continue;
		if (call->target && depth > 0 && call->target->class_name == fn->class_name &&
		    twofold_closes(call->target, member, depth - 1))
			return true;
		if (api_fact(call->api, FACT_CLOSES) && call->n_args == 1 &&
		    call->args[0].kind == OPERAND_PLACE &&
		    fn->places[call->args[0].place].name == member)
			return true;
	}
	return false;
}

const struct function *twofold_destructor(const char *class_name)
{
	for (size_t f = 0; class_name && f < program.n_functions; f++)
		if ((program.functions[f]->flags & FUNCTION_DESTRUCTOR) &&
		    program.functions[f]->class_name == class_name)
			return program.functions[f];
	return NULL;
}

/* Some method is called that may let the guard forget its number. */
static bool twofold_lets_go(const struct function *fn, const struct operand *guard)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (!call)
			continue;
		if (operand_is_place(&call->receiver, guard->place) &&
		    (!call->target || !twofold_given(call->target)) &&
		    (strstr(call->name, "elease") || strstr(call->name, "etach") ||
		     strstr(call->name, "ake") || strstr(call->name, "nvalid")))
			return true;
		for (int k = 0; k < call->n_args; k++)
			if ((call->args[k].kind == OPERAND_PLACE ||
			     call->args[k].kind == OPERAND_ADDRESS) &&
			    call->args[k].place == guard->place)
				return true;
	}
	return false;
}

/* The call makes something that closes the argument: fdopen(), fdopendir(). */
static const struct operand *twofold_held(const struct item *item)
{
	static const char *const names[] = { "fdopen", "fdopendir", "gzdopen" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (item->call->api && !strcmp(item->call->name, names[i]) && item->call->n_args)
			return &item->call->args[0];
	return NULL;
}

/* The stream is closed here; where it never is, it is lost, and the descriptor closed once. */
static bool twofold_is_closed(const struct function *fn, const struct item *item)
{
	int stream = item_result(fn, item);

	for (int i = 0; stream >= 0 && i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (call && api_fact(call->api, FACT_CLOSES) && call->n_args &&
		    operand_is_place(&call->args[0], stream))
			return true;
	}
	return false;
}

static void twofold_call(struct function *fn, const struct item *item)
{
	const struct operand *fd = twofold_held(item);
	const struct item *from = fd ? operand_source(fn, fd, item) : NULL;
	const struct operand *guard = from ? &from->call->receiver : NULL;
	const struct function *destructor;
	const char *member, *name;
	struct finding *finding;

	if (!guard || guard->kind != OPERAND_PLACE || !from->call->target ||
	    /* Whoever passed it has it, and ends it. */
	    (fn->places[guard->place].kind != PLACE_LOCAL &&
	     fn->places[guard->place].kind != PLACE_PARAM) ||
	    fn->places[guard->place].stars)
		return;
	member = twofold_given(from->call->target);
	destructor = member ? twofold_destructor(from->call->target->class_name) : NULL;
	if (!destructor || !twofold_closes(destructor, member, 2) || twofold_lets_go(fn, guard) ||
	    !twofold_is_closed(fn, item))
		return;
	name = operand_text(fn, guard);
	finding = finding_add(
		&rule_L4, fn, item->at,
		"The descriptor of `%s` has two owners: the stream that %s() makes here closes it, and %s() closes the same number again.",
		name, item->call->name, destructor->label);
	if (finding)
		finding->cwe = "1341";
	finding_fix(
		finding,
		"In %s(), give %s() a descriptor of its own, `dup(%s.%s())`, or let `%s` forget it (a method that returns the number and sets `%s` to -1).",
		fn->label, item->call->name, name, from->call->name, name, member);
}

void l4_program(void)
{
	slot_program();
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		for (int i = 0; fn->interesting && !fn->skipped && i < fn->n_items; i++)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call && fn->reached[i]) {
				twofold_call(fn, &fn->items[i]);
				guarded_close(fn, &fn->items[i]);
			}
	}
}
