/* SPDX-License-Identifier: Apache-2.0 */
/* How threads of Qt end; see threads.h. */

#include "rules/threads.h"
#include "flow/contract.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_L2, rule_L4;

bool threads_is_qthread(const char *type)
{
	return type && (!strcmp(type, "QThread") || index_derives(type, intern_z("QThread")));
}

static const struct function *threads_run(const char *type)
{
	return strcmp(type, "QThread") != 0 ? index_find_method(type, intern_z("run"), NULL) : NULL;
}

/* Nothing but quit() ends it: QThread's own run() is exec(), and so is the end of most others. */
bool threads_has_loop(const char *type)
{
	struct function *run = (struct function *)threads_run(type);

	return !strcmp(type, "QThread") || (run && function_find_role(run, ROLE(LOOP)));
}

/* Some method of the class waits for the thread that it is: its destructor, a stop(). */
bool threads_waits_itself(const char *type)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0;
		     fn->class_name && !strcmp(types_plain(fn->class_name), types_plain(type)) &&
		     i < fn->n_items;
		     i++)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			    !strcmp(fn->items[i].call->name, "wait"))
				return true;
	}
	return false;
}

bool threads_is_named(const struct function *fn, const struct operand *o, const char *name)
{
	return (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       fn->places[o->place].name == name;
}

/* wait() on it, or somebody else has it, who may wait. */
bool threads_may_wait(const struct function *fn, const char *name)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

		if ((item->kind == ITEM_ASSIGN || item->kind == ITEM_RETURN) &&
		    threads_is_named(fn, &item->a, name))
			return true;
		if (!call || (call->flags & (CALL_CAPTURE | CALL_DELETE)))
			continue;
		if (threads_is_named(fn, &call->receiver, name) &&
		    (!strcmp(call->name, "wait") || !strcmp(call->name, "isFinished") ||
		     !strcmp(call->name, "isRunning")))
			return true;
		for (int k = 0; k < call->n_args; k++)
			if (threads_is_named(fn, &call->args[k], name) &&
			    strcmp(call->name, "moveToThread") != 0 &&
			    strcmp(call->name, "connect") != 0)
				return true;
	}
	return false;
}

/* finished() tells somebody: a loop around it, or the owner, that may end itself then. */
static bool threads_mentions_finished(const struct function *fn, const char *word)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
		    !strcmp(fn->items[i].call->name, "connect") &&
		    item_mentions(fn, &fn->items[i], "finished") &&
		    item_mentions(fn, &fn->items[i], word))
			return true;
	return false;
}

/* The functions that see the thread: those of the class, or of the file. */
static bool threads_is_ended(const struct function *fn, const struct place *thread)
{
	if (!thread->is_member)
		return threads_may_wait(fn, thread->name) ||
		       threads_mentions_finished(fn, "finished");
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *other = program.functions[f];

		if (threads_may_wait(other, thread->name) ||
		    (other->class_name == fn->class_name &&
		     threads_mentions_finished(other, "this")))
			return true;
	}
	return false;
}

/* A destructor that is declared and that nobody defines here may do it. */
bool threads_owner_is_known(const char *class_name)
{
	const struct type_info *type = class_name ? index_type(class_name) : NULL;

	if (!type || type->next)
		return false;
	if (!type->has_destructor)
		return true;
	for (size_t f = 0; f < program.n_functions; f++)
		if (program.functions[f]->class_name == class_name &&
		    (program.functions[f]->flags & FUNCTION_DESTRUCTOR))
			return true;
	return false;
}

static void threads_started(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const struct place *p =
		call->receiver.kind == OPERAND_PLACE ? &fn->places[call->receiver.place] : NULL;
	uint8_t stars = 1;
	const char *type = p ? place_type(fn, call->receiver.place, &stars) : NULL;
	struct finding *finding;

	if (!threads_is_qthread(type) || stars || p->parent >= 0 ||
	    (p->flags & (PLACE_SMART | PLACE_REF | PLACE_STATIC | PLACE_ARRAY)) ||
	    (p->kind != PLACE_LOCAL && !p->is_member) || !threads_has_loop(type) ||
	    threads_waits_itself(type) ||
	    (p->is_member && !threads_owner_is_known(fn->class_name)) || threads_is_ended(fn, p))
		return;
	finding = finding_add(
		&rule_L4, fn, item->at,
		"The thread `%s` runs an event loop, and nothing waits for its end: it is still running when %s, and Qt then ends the program.",
		p->name,
		p->is_member ? arena_printf(&run_arena, "the %s is destroyed", fn->class_name)
			     : arena_printf(&run_arena, "%s() returns and destroys it", fn->label));
	if (finding)
		finding->cwe = "416";
	if (p->is_member)
		finding_fix(finding,
			    "In the destructor of `%s`, call `%s.quit()` and then `%s.wait()`.",
			    fn->class_name, p->name, p->name);
	else
		finding_fix(finding,
			    "In %s(), call `%s.quit()` and then `%s.wait()` before it returns.",
			    fn->label, p->name, p->name);
}

static void threads_each(const char *method,
			 void (*visit)(const struct function *fn, const struct item *item))
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; fn->source->language == SOURCE_CXX && i < fn->n_items; i++)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			    !strcmp(fn->items[i].call->name, method))
				visit(fn, &fn->items[i]);
	}
}

void threads_destroyed(void)
{
	threads_each("start", threads_started);
	threads_behind_pointers();
}

/* A server or connection that run() makes, or uses as a local. */
static const char *threads_holds(const struct function *run)
{
	for (int i = 0; i < run->n_items; i++) {
		const struct call *call =
			run->items[i].kind == ITEM_CALL ? run->items[i].call : NULL;

		if (call && (call->flags & (CALL_NEW | CALL_CONSTRUCT)) && call->type &&
		    api_is(kb_class(call->type), ROLE(SERVER) | ROLE(CONNECTION)))
			return call->type;
	}
	return NULL;
}

static void threads_terminate(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const char *type = call->receiver.kind == OPERAND_PLACE
				   ? place_type(fn, call->receiver.place, NULL)
				   : NULL;
	const struct function *run = threads_is_qthread(type) ? threads_run(type) : NULL;
	const char *holds = run ? threads_holds(run) : NULL;
	const char *name = operand_text(fn, &call->receiver);
	struct finding *finding;

	if (!holds)
		return;
	/* The last resort, when a wait has failed. */
	for (const struct item *i = fn->items; i < item; i++)
		if (i->kind == ITEM_CALL && i->call && !strcmp(i->call->name, "wait"))
			return;
	finding = finding_add(
		&rule_L2, fn, item->at,
		"`%s` ends the thread wherever it is: the %s of %s() is not closed, and what it has locked stays locked.",
		call_text(fn, item), holds, run->label);
	finding_fix(
		finding,
		"In %s(), let %s() end instead: `quit()` for an event loop, `requestInterruption()` for another, and then `wait()` on `%s`.",
		fn->label, run->label, name);
}

void threads_terminated(void)
{
	threads_each("terminate", threads_terminate);
}
