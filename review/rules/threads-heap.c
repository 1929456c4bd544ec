/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of Qt behind a pointer: destroyed while they run, or one per connection that stays; see threads.h. */

#include "rules/threads.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_L4, rule_L7;

/* A thread that `new` makes, and the raw pointer that takes it. */
struct threads_made {
	const struct function *fn;
	const struct item *item;
	const struct place *place;
	bool child; /* of `this` */
};

static bool threads_is_this(const struct function *fn, const struct operand *o)
{
	return o->kind == OPERAND_PLACE && fn->places[o->place].kind == PLACE_THIS;
}

static bool threads_made(const struct function *fn, const struct item *item,
			 struct threads_made *made)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	int place = -1;

	if (!call || !(call->flags & CALL_NEW) || !threads_is_qthread(call->type))
		return false;
	for (const struct item *next = item + 1; next < fn->items + fn->n_items && next < item + 4;
	     next++)
		if (next->kind == ITEM_ASSIGN && operand_is_place(&next->a, item->dst))
			place = next->dst;
	if (place < 0)
		place = item->dst;
	if (place < 0 || fn->places[place].parent >= 0 ||
	    (fn->places[place].flags & (PLACE_SMART | PLACE_STATIC)) ||
	    (fn->places[place].kind != PLACE_LOCAL && !fn->places[place].is_member))
		return false;
	*made = (struct threads_made){ fn, item, &fn->places[place], false };
	for (int k = 0; k < call->n_args; k++)
		made->child |= threads_is_this(fn, &call->args[k]);
	return true;
}

/* Functions that know the thread by its name: all for a member, the one and its lambdas for a local. */
static bool threads_sees(const struct threads_made *made, const struct function *fn)
{
	return made->place->is_member || fn == made->fn || fn->outer == made->fn;
}

/*
 * connect(thread, &QThread::finished, …): what is called may delete the thread or its owner, or wait,
 * unless it ends another object or a loop.
 */
static bool threads_finish_is_handled(const struct function *fn, const struct item *item,
				      const char *name)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (!call || strcmp(call->name, "connect") != 0 || call->n_args < 3)
		return false;
	for (int k = 1; k < call->n_args; k++)
		if (threads_is_named(fn, &call->args[k], name) &&
		    item_mentions(fn, item, "deleteLater"))
			return true;
	if (!threads_is_named(fn, &call->args[0], name) || !item_mentions(fn, item, "finished"))
		return false;
	return call->args[2].kind != OPERAND_PLACE || threads_is_this(fn, &call->args[2]) ||
	       !item_mentions(fn, item, "deleteLater");
}

/* thread->deleteLater(): from the event loop, when a thread that was told to quit is over as a rule. */
static bool threads_is_later(const struct function *fn, const struct item *item, const char *name)
{
	return item->kind == ITEM_CALL && item->call && !strcmp(item->call->name, "deleteLater") &&
	       threads_is_named(fn, &item->call->receiver, name);
}

static bool threads_is_handled(const struct threads_made *made)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		if (!threads_sees(made, fn))
			continue;
		if (threads_may_wait(fn, made->place->name))
			return true;
		for (int i = 0; i < fn->n_items; i++)
			if (threads_finish_is_handled(fn, &fn->items[i], made->place->name) ||
			    (fn->class_name == made->fn->class_name &&
			     threads_is_later(fn, &fn->items[i], made->place->name)))
				return true;
	}
	return false;
}

/* name->start(), delete name, in a function of the class */
static const struct item *threads_done_to(const struct threads_made *made, const char *method,
					  const struct function **in)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		if (!threads_sees(made, fn) || fn->class_name != made->fn->class_name)
			continue;
		for (int i = 0; i < fn->n_items; i++) {
			const struct call *call =
				fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
			const struct operand *o = call && (call->flags & CALL_DELETE)
							  ? &call->args[0]
						  : call ? &call->receiver
							 : NULL;

			if (o && threads_is_named(fn, o, made->place->name) &&
			    (method ? !strcmp(call->name, method)
				    : (call->flags & CALL_DELETE) != 0)) {
				*in = fn;
				return &fn->items[i];
			}
		}
	}
	return NULL;
}

/* An object of which there is one, and which nobody destroys. */
static bool threads_owner_stays(const char *class_name)
{
	return index_find_method(class_name, intern_z("instance"), NULL) ||
	       index_find_method(class_name, intern_z("getInstance"), NULL);
}

static void threads_deleted(const struct threads_made *made, const struct function *fn,
			    const struct item *item)
{
	const char *name = made->place->name;
	struct finding *finding;

	finding = finding_add(
		&rule_L4, fn, item->at,
		"The thread `%s` runs an event loop, and nothing waits for its end: it can still be running when it is deleted here, and Qt then ends the program.",
		name);
	if (!finding)
		return;
	finding->cwe = "416";
	finding->also = made->item->at;
	finding_fix(finding,
		    "In %s(), call `%s->quit()` and then `%s->wait()` right before the `delete`.",
		    fn->label, name, name);
}

static void threads_child(const struct threads_made *made, const struct function *fn,
			  const struct item *start)
{
	const char *name = made->place->name, *owner = made->fn->class_name;
	struct finding *finding;

	finding = finding_add(
		&rule_L4, fn, start->at,
		"The thread `%s` runs an event loop, and nothing waits for its end: its parent, the %s, can destroy it while it is running, and Qt then ends the program.",
		name, types_plain(owner));
	if (!finding)
		return;
	finding->cwe = "416";
	finding->also = made->item->at;
	if (made->place->is_member)
		finding_fix(finding,
			    "In the destructor of `%s`, call `%s->quit()` and then `%s->wait()`.",
			    types_plain(owner), name, name);
	else
		finding_fix(
			finding,
			"Keep `%s` in a member of `%s`, and in the destructor call `quit()` and then `wait()` on it.",
			name, types_plain(owner));
}

/* Each connection gets one: the function accepts, or is called for each. */
static bool threads_are_many(const struct function *fn)
{
	return !strcmp(fn->name, "incomingConnection") ||
	       function_find_role((struct function *)fn, ROLE(ACCEPT)) != NULL;
}

static void threads_behind_pointer(const struct threads_made *made)
{
	const struct function *fn = NULL, *start_fn = NULL;
	const struct item *start = threads_done_to(made, "start", &start_fn);
	const struct item *deleted = threads_done_to(made, NULL, &fn);

	if (!start || !threads_has_loop(made->item->call->type) ||
	    threads_waits_itself(made->item->call->type) || threads_is_handled(made))
		return;
	if (deleted)
		threads_deleted(made, fn, deleted);
	else if (made->child && !threads_are_many(made->fn) &&
		 threads_owner_is_known(made->fn->class_name) &&
		 !threads_owner_stays(made->fn->class_name))
		threads_child(made, start_fn, start);
}

/* delete this, deleteLater(), connect(this, …, this, …deleteLater) */
static bool threads_item_ends_itself(const struct function *fn, const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (!call)
		return false;
	if (call->flags & CALL_DELETE)
		return call->n_args && threads_is_this(fn, &call->args[0]);
	if (!strcmp(call->name, "deleteLater"))
		return !call->receiver.kind || threads_is_this(fn, &call->receiver);
	return !strcmp(call->name, "connect") && item_mentions(fn, item, "deleteLater");
}

bool threads_end_themselves(const char *type)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		if (!fn->class_name || strcmp(types_plain(fn->class_name), types_plain(type)) != 0)
			continue;
		for (int i = 0; i < fn->n_items; i++)
			if (threads_item_ends_itself(fn, &fn->items[i]))
				return true;
	}
	return false;
}

/* delete thread, thread->deleteLater(), connect(…, thread, …deleteLater), use(thread), m_all.append(thread) */
static bool threads_item_ends(const struct threads_made *made, const struct function *fn,
			      const struct item *item)
{
	const char *name = made->place->name;
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if ((item->kind == ITEM_ASSIGN || item->kind == ITEM_RETURN) &&
	    threads_is_named(fn, &item->a, name))
		return true;
	if (!call || item == made->item || (call->flags & CALL_CAPTURE))
		return false;
	if (!strcmp(call->name, "connect"))
		return threads_finish_is_handled(fn, item, name);
	if (threads_is_named(fn, &call->receiver, name) &&
	    (!strcmp(call->name, "deleteLater") || !strcmp(call->name, "setParent") ||
	     !strcmp(call->name, "wait")))
		return true;
	for (int k = 0; k < call->n_args; k++)
		if (threads_is_named(fn, &call->args[k], name) &&
		    strcmp(call->name, "moveToThread") != 0)
			return true;
	return false;
}

static void threads_left(const struct threads_made *made)
{
	const struct function *fn = made->fn;
	const char *name = made->place->name;
	struct finding *finding;

	if (made->place->is_member || !threads_are_many(fn) ||
	    (strcmp(made->item->call->type, "QThread") != 0 &&
	     !index_type(made->item->call->type)) ||
	    threads_end_themselves(made->item->call->type))
		return;
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *in = program.functions[f];

		for (int i = 0; (in == fn || in->outer == fn) && i < in->n_items; i++)
			if (threads_item_ends(made, in, &in->items[i]))
				return;
	}
	finding = finding_add(
		&rule_L7, fn, made->item->at,
		"Each connection makes a `%s`, and nothing deletes it%s: `%s` stays when the connection has ended.",
		made->item->call->type,
		made->child ? " before its parent, the server, is gone" : "", name);
	finding_fix(
		finding,
		threads_has_loop(made->item->call->type)
			? "In %s(), let it delete itself: `QObject::connect(%s, &QThread::finished, %s, &QObject::deleteLater);`, and see that `%s->quit()` is called when the connection ends."
			: "In %s(), let it delete itself: `QObject::connect(%s, &QThread::finished, %s, &QObject::deleteLater);`.",
		fn->label, name, name, name);
}

static void threads_each_made(void (*visit)(const struct threads_made *made))
{
	struct threads_made made;

	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; fn->source->language == SOURCE_CXX && i < fn->n_items; i++)
			if (threads_made(fn, &fn->items[i], &made))
				visit(&made);
	}
}

void threads_behind_pointers(void)
{
	threads_each_made(threads_behind_pointer);
}

void threads_per_connection(void)
{
	threads_each_made(threads_left);
}
