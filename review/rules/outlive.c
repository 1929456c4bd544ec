/* SPDX-License-Identifier: Apache-2.0 */
/*
 * L4 in Qt: a lambda that is connected without a context object outlives what it has of the function, or of
 * the object, in which it stands: whoever sends the signal keeps it.
 */

#include "rules/outlive.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_L4;

/* connect(sender, signal, …, lambda): the number of the lambda among its arguments, or -1. */
static int outlive_lambda(const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	/* Who keeps the connection can end it. */
	if (!call || strcmp(call->name, "connect") != 0 || !api_is(call->api, ROLE(HANDLER)) ||
	    !(call->flags & CALL_DROPPED))
		return -1;
	for (int k = 2; k < call->n_args && k < 4; k++)
		if (call->args[k].kind == OPERAND_LAMBDA && call->args[k].lambda)
			return k;
	return -1;
}

/* What stands between the brackets of the lambda, or NULL when it is not on one line. */
static const char *outlive_captures(const struct function *lambda)
{
	size_t n;
	const char *line = source_line(lambda->source, lambda->at.row, &n), *end;

	if (lambda->at.col >= n || line[lambda->at.col] != '[')
		return NULL;
	line += lambda->at.col + 1;
	n -= lambda->at.col + 1;
	end = memchr(line, ']', n);
	return end ? intern(line, (size_t)(end - line)) : NULL;
}

/* [&], or [&name]; not [&, name]. */
static bool outlive_by_reference(const char *captures, const char *name)
{
	const char *own = arena_printf(&run_arena, "&%s", name);
	const char *at = strstr(captures, name), *named = strstr(captures, own);

	if (named &&
	    (named[strlen(own)] == ',' || named[strlen(own)] == ' ' || !named[strlen(own)]))
		return true;
	return captures[0] == '&' && (!captures[1] || captures[1] == ',') && !at;
}

static bool outlive_may_run(const struct call *call)
{
	static const char *const words[] = { "exec", "wait", "run", "rocess", "oop", "isconnect" };

	return call_waits(call) || (call->flags & CALL_INDIRECT) ||
	       call_has_word(call, words, sizeof(words) / sizeof(*words));
}

/* The function may deliver the signal itself, end the connection, or end the sender. */
static bool outlive_is_over(const struct function *fn, int sender)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (!call || (call->flags & CALL_CAPTURE))
			continue;
		if (outlive_may_run(call) ||
		    (call->flags & CALL_DELETE && operand_is_place(&call->args[0], sender)) ||
		    (!strcmp(call->name, "deleteLater") &&
		     operand_is_place(&call->receiver, sender)))
			return true;
	}
	return false;
}

/* An object of Qt that sends from the event loop, and that is still there when the function returns. */
static bool outlive_sends_later(const struct function *fn, const struct operand *sender)
{
	const struct place *p = sender->kind == OPERAND_PLACE ? &fn->places[sender->place] : NULL;
	uint8_t stars = 0;
	const char *type = p ? place_type(fn, sender->place, &stars) : NULL;

	if (!type || !stars || (p->flags & PLACE_SMART) || (fn->flags & FUNCTION_MAIN))
		return false;
	return api_is(kb_class(type), ROLE(CONNECTION) | ROLE(SERVER)) || !strcmp(type, "QTimer") ||
	       !strcmp(type, "QNetworkReply");
}

static void outlive_locals(const struct function *fn, const struct item *item, int at)
{
	const struct function *lambda = item->call->args[at].lambda;
	const char *captures = outlive_captures(lambda);
	const struct operand *context = at == 3 ? &item->call->args[2] : NULL;

	/* A context on the stack takes the connection with it. */
	if (!captures || !outlive_sends_later(fn, &item->call->args[0]) ||
	    (context && (context->kind != OPERAND_PLACE || !fn->places[context->place].stars) &&
	     !(context->kind == OPERAND_PLACE && fn->places[context->place].kind == PLACE_THIS)) ||
	    outlive_is_over(fn, item->call->args[0].place))
		return;
	for (int i = 0; i < lambda->n_places; i++) {
		const struct place *used = &lambda->places[i];
		struct finding *finding;

		if (used->kind != PLACE_CAPTURE || !outlive_by_reference(captures, used->name))
			continue;
		for (int k = 0; k < fn->n_places; k++) {
			const struct place *p = &fn->places[k];

			if (p->kind != PLACE_LOCAL || p->name != used->name ||
			    (p->flags & (PLACE_REF | PLACE_STATIC | PLACE_THREAD)) ||
			    p->at.row != used->at.row || p->at.col != used->at.col)
				continue;
			finding = finding_add(
				&rule_L4, fn, item->at,
				"The lambda uses `%s` by reference, but it is called when %s() has returned, and the variable is gone.",
				p->name, fn->label);
			if (finding)
				finding->cwe = "416";
			finding_fix(
				finding,
				"In %s(), capture `%s` by value, or make it a member of the class.",
				fn->label, p->name);
			return;
		}
	}
}

/* deleteLater(), delete this, connect(…, this, &T::deleteLater), WA_DeleteOnClose */
static bool outlive_item_ends_itself(const struct function *fn, const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	const struct operand *o = call && call->n_args ? &call->args[0] : NULL;

	if (!call)
		return false;
	if (call->flags & CALL_DELETE)
		return o && o->kind == OPERAND_PLACE && fn->places[o->place].kind == PLACE_THIS;
	if (!strcmp(call->name, "deleteLater"))
		return !call->receiver.kind ||
		       (call->receiver.kind == OPERAND_PLACE &&
			fn->places[call->receiver.place].kind == PLACE_THIS);
	if (!strcmp(call->name, "setAttribute"))
		return item_mentions(fn, item, "WA_DeleteOnClose") &&
		       (!call->receiver.kind ||
			(call->receiver.kind == OPERAND_PLACE &&
			 fn->places[call->receiver.place].kind == PLACE_THIS));
	return api_is(call->api, ROLE(HANDLER)) && call->n_args >= 4 &&
	       call->args[2].kind == OPERAND_PLACE &&
	       fn->places[call->args[2].place].kind == PLACE_THIS &&
	       strstr(operand_text(fn, &call->args[3]), "deleteLater");
}

/* Objects of the class end themselves while the program runs, and none ends its connections before. */
static bool outlive_ends_itself(const char *class_name)
{
	bool ends = false;

	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; fn->class_name == class_name && i < fn->n_items; i++) {
			const struct item *item = &fn->items[i];

			if (item->kind == ITEM_CALL && item->call &&
			    strstr(item->call->name, "isconnect"))
				return false;
			ends |= outlive_item_ends_itself(fn, item);
		}
	}
	return ends;
}

/* qApp, QCoreApplication::instance(), a global or a static variable. */
static bool outlive_is_for_ever(const struct function *fn, const struct operand *sender,
				const struct item *item)
{
	const struct place *p = sender->kind == OPERAND_PLACE ? &fn->places[sender->place] : NULL;
	const struct item *source;

	if (!p)
		return false;
	source = operand_source(fn, sender, item);
	if (source && source->kind == ITEM_CALL)
		return !strcmp(source->call->name, "instance") && source->call->scope;
	if (p->kind == PLACE_FREE && !p->is_member)
		return p->is_global || (p->name && !strcmp(p->name, "qApp"));
	return p->kind == PLACE_LOCAL && (p->flags & PLACE_STATIC);
}

static bool outlive_uses_this(const struct function *lambda)
{
	for (int i = 0; i < lambda->n_places; i++)
		if (lambda->places[i].kind == PLACE_THIS || lambda->places[i].is_member)
			return true;
	for (int i = 0; i < lambda->n_items; i++) {
		const struct call *call =
			lambda->items[i].kind == ITEM_CALL ? lambda->items[i].call : NULL;

		if (call && call->target && !call->receiver.kind && !call->scope &&
		    call->target->class_name && call->target->class_name == lambda->class_name)
			return true;
	}
	return false;
}

static void outlive_this(const struct function *fn, const struct item *item)
{
	const struct operand *sender = &item->call->args[0];
	const struct function *lambda = item->call->args[2].lambda;
	struct finding *finding;
	const char *name;

	if (!fn->class_name || !outlive_is_for_ever(fn, sender, item) ||
	    !outlive_uses_this(lambda) || !outlive_ends_itself(fn->class_name))
		return;
	name = operand_text(fn, sender);
	finding = finding_add(
		&rule_L4, fn, item->at,
		"The lambda uses the %s after that has deleted itself: `%s` lives on and keeps the connection, which has no context object.",
		fn->class_name, name);
	if (finding)
		finding->cwe = "416";
	finding_fix(
		finding,
		"In %s(), give `this` to connect() as the context object, in front of the lambda: the connection then ends with it.",
		fn->label);
}

void outlive_program(void)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; fn->source->language == SOURCE_CXX && i < fn->n_items; i++) {
			int at = outlive_lambda(&fn->items[i]);

			if (at < 0 || !fn->reached || !fn->reached[i])
				continue;
			outlive_locals(fn, &fn->items[i], at);
			if (at == 2)
				outlive_this(fn, &fn->items[i]);
		}
	}
}
