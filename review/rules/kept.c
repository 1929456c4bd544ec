/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps an accepted connection for good; see kept.h. */

#include "rules/kept.h"
#include "read/source.h"

#include <string.h>

static bool kept_is_one_of(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(name, *words))
			return true;
	return false;
}

bool kept_puts(const char *name)
{
	static const char *const words[] = { "push_back", "append", "emplace_back", "push_front",
					     "prepend",   "insert", "enqueue",      NULL };

	return kept_is_one_of(name, words);
}

/* Takes nothing out, and gives nobody an element. */
static bool kept_only_looks(const char *name)
{
	static const char *const words[] = { "size",    "count",    "length",     "isEmpty",
					     "empty",   "contains", "begin",      "end",
					     "cbegin",  "cend",     "constBegin", "constEnd",
					     "reserve", "capacity", NULL };

	return kept_is_one_of(name, words);
}

/* It is declared as a container of plain pointers: QVector<QLocalSocket *> m_all; */
bool kept_holds_pointers(const struct function *fn, const struct place *container)
{
	const struct declared *member = index_find_member(fn->class_name, container->name);
	const char *line, *star, *end;
	size_t n;

	if (!member || !member->source || !member->of || member->stars ||
	    kb_is_smart(member->type) || (kb_class(member->type) && member->type[0] != 'Q'))
		return false;
	line = source_line(member->source, member->at.row, &n);
	line = arena_printf(&run_arena, "%.*s", (int)n, line);
	star = strchr(line, '*');
	end = strchr(line, '>');
	return star && end && star < end && !strstr(line, "_ptr") && !strstr(line, "Pointer") &&
	       !strchr(line, '&');
}

static bool kept_is(const struct function *fn, const struct operand *o, const char *member)
{
	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return false;
	for (int place = o->place; place >= 0; place = fn->places[place].parent)
		if (fn->places[place].name == member)
			return true;
	return false;
}

static bool kept_hands_on(const struct call *call)
{
	for (int k = 0; k < call->n_args; k++)
		if (!(call->flags & CALL_CAPTURE) && !call->receiver.kind && !call->api &&
		    object_is_taken(call, k))
			return true;
	return false;
}

/* The function may take something out of the container, or give an element or all of it to somebody. */
static bool kept_is_emptied_in(const struct function *fn, const char *member)
{
	bool mentions = false, hands = false;

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

		mentions |= kept_is(fn, &item->a, member) || kept_is(fn, &item->b, member);
		if (item->kind != ITEM_BRANCH && item->kind != ITEM_DIES &&
		    (kept_is(fn, &item->a, member) || kept_is(fn, &item->b, member) ||
		     (item->dst >= 0 && fn->places[item->dst].name == member)))
			return true;
		if (!call)
			continue;
		if (call->receiver.kind && kept_is(fn, &call->receiver, member)) {
			mentions = true;
			if (!kept_puts(call->name) && !kept_only_looks(call->name) &&
			    fn->places[call->receiver.place].name == member)
				return true;
		}
		for (int k = 0; k < call->n_args; k++)
			if (kept_is(fn, &call->args[k], member))
				return true;
		hands |= kept_hands_on(call);
	}
	return mentions && hands;
}

/* Some function can do that; one that reaches the member of another object by its name, too. */
static bool kept_is_emptied(const char *member)
{
	for (size_t f = 0; f < program.n_functions; f++)
		if (kept_is_emptied_in(program.functions[f], member))
			return true;
	return false;
}

/* m_all.push_back(socket) */
static bool kept_in_container(const struct function *fn, const struct call *call)
{
	const struct place *container =
		call->receiver.kind == OPERAND_PLACE ? &fn->places[call->receiver.place] : NULL;

	return container && container->is_member && kept_puts(call->name) && !call->target &&
	       kept_holds_pointers(fn, container) && !kept_is_emptied(container->name);
}

/* Some connect() gives the end of the connection to an object or method that is not seen here. */
static bool kept_end_is_handled(const struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (call && api_is(call->api, ROLE(HANDLER)) &&
		    (item_mentions(fn, &fn->items[i], "isconnected") ||
		     item_mentions(fn, &fn->items[i], "deleteLater")))
			return true;
		if (call && !strcmp(call->name, "setParent"))
			return true;
	}
	return false;
}

/* void use(QLocalSocket *s) { m_s = s; }, in a class that does not end m_s */
static bool kept_in_member(const struct call *call, int arg)
{
	const struct function *target = call->target;
	bool kept = false;

	if (!target || (call->flags & (CALL_NEW | CALL_CONSTRUCT)) || !target->class_name ||
	    target->n_variants || arg >= target->n_params || object_class_deletes(target) ||
	    kept_end_is_handled(target))
		return false;
	for (int i = 0; i < target->n_items; i++) {
		const struct item *item = &target->items[i];
		const struct call *inner = item->kind == ITEM_CALL ? item->call : NULL;
		int param = target->params[arg];

		if (item->kind == ITEM_RETURN && operand_is_place(&item->a, param))
			return false;
		if (item->kind == ITEM_ASSIGN && operand_is_place(&item->a, param)) {
			const struct place *to = &target->places[item->dst];

			if (!to->is_member || (to->flags & PLACE_SMART) || !to->stars ||
			    object_is_ended(target, to->name, NULL))
				return false;
			kept = true;
		}
		for (int k = 0; inner && k < inner->n_args; k++)
			if (operand_is_place(&inner->args[k], param) &&
			    !api_is(inner->api, ROLE(HANDLER)) && object_is_taken(inner, k))
				return false;
	}
	return kept;
}

bool kept_for_ever(const struct function *fn, const struct item *item, int arg)
{
	const struct call *call = item->call;

	if (kept_end_is_handled(fn))
		return false;
	return kept_in_container(fn, call) || kept_in_member(call, arg);
}
