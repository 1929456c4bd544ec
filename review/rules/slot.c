/* SPDX-License-Identifier: Apache-2.0 */
/*
 * L4 in Qt: a slot that deletes the object whose signal it is serving, or the parent of that object.
 * The signal is still being delivered, from within a method of what is deleted.
 */

#include "rules/outlive.h"
#include "rules/threads.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_L4;

/* Later, from the event loop, or when the object is gone anyway. */
static bool slot_is_harmless(const struct function *fn, const struct call *call)
{
	for (int i = 0; i < call->n_args; i++) {
		const char *text = operand_text(fn, &call->args[i]);

		if (strstr(text, "Queued") || strstr(text, "destroyed"))
			return true;
	}
	return false;
}

/* x->setParent(this), x = new T(this) */
static bool slot_is_child(const struct function *fn, int sender)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
		bool given = false;

		for (int k = 0; call && k < call->n_args; k++)
			given |= call->args[k].kind == OPERAND_PLACE &&
				 fn->places[call->args[k].place].kind == PLACE_THIS;
		if (!given)
			continue;
		if (!strcmp(call->name, "setParent") && operand_is_place(&call->receiver, sender))
			return true;
		if ((call->flags & CALL_NEW) && item_result(fn, &fn->items[i]) == sender)
			return true;
	}
	return false;
}

/* What is deleted in the slot is what sends, as far as names and types tell. */
static bool slot_deletes(const struct function *fn, const struct operand *sender,
			 const struct function *slot, const struct operand *deleted)
{
	const struct place *from, *gone;
	const char *type;

	if (sender->kind != OPERAND_PLACE || deleted->kind != OPERAND_PLACE)
		return false;
	from = &fn->places[sender->place];
	gone = &slot->places[deleted->place];
	if (gone->kind == PLACE_THIS)
		return from->kind == PLACE_THIS || slot_is_child(fn, sender->place);
	if (gone->name && gone->name == from->name)
		return gone->is_member == from->is_member || gone->kind == PLACE_CAPTURE;
	/* The constructor's parameter became the member. */
	type = place_type(fn, sender->place, NULL);
	return gone->is_member && from->kind == PLACE_PARAM && type &&
	       type == place_type(slot, deleted->place, NULL);
}

static bool slot_is_timer(const struct function *slot, int place)
{
	const char *type = place_type(slot, place, NULL);

	return type && !strcmp(types_plain(type), "QTimer");
}

/* The signal's name: &Job::done, SIGNAL(done()). */
static const char *slot_signal(const struct function *fn, const struct call *connect)
{
	const char *text = operand_text(fn, &connect->args[1]), *colon = strrchr(text, ':');
	const char *open = strstr(text, "SIGNAL(");

	if (open)
		text = open + strlen("SIGNAL(");
	else if (colon)
		text = colon + 1;
	return arena_printf(&run_arena, "%.*s", (int)strcspn(text, "( ),"), text);
}

/* What comes next, through the joins of branches, is the end of the function, which tells its caller nothing. */
static bool slot_is_last(const struct function *fn, const struct item *item)
{
	int block = item_block(fn, item), at = item->next;

	for (int steps = 0; block >= 0 && steps < 6; steps++) {
		for (; at >= 0; at = fn->items[at].next)
			if (fn->items[at].kind != ITEM_STATEMENT && fn->items[at].kind != ITEM_DIES)
				return fn->items[at].kind == ITEM_RETURN &&
				       (fn->items[at].implicit ||
					fn->items[at].a.kind == OPERAND_NONE);
		block = fn->blocks[block].next[0];
		if (block < 0 || fn->blocks[block].back)
			return false;
		at = fn->blocks[block].first;
	}
	return false;
}

/* Wherever the program emits the signal, it does nothing more in that function. */
static bool slot_is_emitted_last(const struct function *fn, const struct call *connect)
{
	const char *name = slot_signal(fn, connect);
	bool any = false;

	for (size_t f = 0; *name && f < program.n_functions; f++) {
		const struct function *from = program.functions[f];

		for (int i = 0; i < from->n_items; i++) {
			const struct item *item = &from->items[i];

			if (item->kind != ITEM_CALL || !item->call || item->call->target ||
			    item->call->api || strcmp(item->call->name, name) != 0)
				continue;
			if (!slot_is_last(from, item))
				return false;
			any = true;
		}
	}
	return any;
}

static void slot_report(const struct function *fn, const struct item *connect,
			const struct function *slot, const struct item *item)
{
	const struct operand *deleted = &item->call->args[0];
	const char *name = operand_text(slot, deleted);
	const char *sender = operand_text(fn, &connect->call->args[0]);
	bool itself = slot->places[deleted->place].kind == PLACE_THIS;
	struct finding *finding;

	finding = finding_add(
		&rule_L4, slot, item->at,
		itself ? "`%s` is deleted in a slot that serves a signal of `%s`, its child: that object is still sending."
		       : "`%s` is deleted in a slot that serves a signal of `%s` itself: it is still sending.",
		itself ? "this" : name, sender);
	if (!finding)
		return;
	/* Its signal is the last thing that a timer does, or any other sender that the program shows. */
	if ((!itself && slot_is_timer(slot, deleted->place)) ||
	    slot_is_emitted_last(fn, connect->call))
		finding->severity = SEVERITY_ADVICE;
	finding->cwe = "416";
	finding_fix(
		finding,
		"In %s(), call `%s%s` instead: the object is deleted when the event loop runs again.",
		slot->label, itself ? "" : name, itself ? "deleteLater()" : "->deleteLater()");
}

static void slot_connected(const struct function *fn, const struct item *connect,
			   const struct function *slot)
{
	for (int i = 0; i < slot->n_items; i++) {
		const struct item *item = &slot->items[i];

		if (item->kind == ITEM_CALL && item->call && (item->call->flags & CALL_DELETE) &&
		    slot->reached[i] &&
		    slot_deletes(fn, &connect->call->args[0], slot, &item->call->args[0]))
			slot_report(fn, connect, slot, item);
	}
}

/* Every connect() of the class, with its slots among the class's methods and lambdas. */
void slot_program(void)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		if (fn->source->language == SOURCE_C || !fn->interesting)
			continue;
		for (int i = 0; i < fn->n_items; i++) {
			const struct item *item = &fn->items[i];

			if (item->kind != ITEM_CALL || !item->call || item->call->n_args < 3 ||
			    !api_is(item->call->api, ROLE(HANDLER)) ||
			    slot_is_harmless(fn, item->call))
				continue;
			for (int k = 2; k < item->call->n_args; k++) {
				const struct function *slot =
					operand_function(fn, &item->call->args[k]);

				if (slot && slot->reached && slot->class_name == fn->class_name)
					slot_connected(fn, item, slot);
			}
		}
	}
	outlive_program();
	threads_destroyed();
}
