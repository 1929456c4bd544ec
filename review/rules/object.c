/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-664: objects of classes (Qt's): who owns them, and who deletes them. */

#include "flow/outcome.h"
#include "rules/containers.h"
#include "rules/kept.h"
#include "rules/started.h"
#include "rules/threads.h"

#include <string.h>

extern const struct rule rule_L2, rule_L3;

struct l2_object {
	const struct item *made;
	int place; /* the raw local pointer, or -1 */
	const struct item *deleted;
	bool risk;   /* something in between can leave the function */
	bool leaves; /* … and does: a return or throw stands there */
};

static bool l2_has_owner(const struct function *fn, const struct item *made)
{
	for (int i = 0; i < made->call->n_args; i++) {
		const struct operand *o = &made->call->args[i];

		if (o->kind == OPERAND_ADDRESS)
			return true;
		if (o->kind == OPERAND_PLACE &&
		    (fn->places[o->place].kind == PLACE_THIS ? !function_runs_elsewhere(fn)
							     : fn->places[o->place].stars))
			return true;
	}
	return false;
}

static bool l2_is_raw_local(const struct function *fn, int place)
{
	return fn->places[place].kind == PLACE_LOCAL &&
	       !(fn->places[place].flags & (PLACE_SMART | PLACE_AUTO | PLACE_STATIC));
}

static int l2_member(const struct function *fn, const struct item *made);

/* Where the object goes, and what is done to it before it is deleted. */
static void l2_follow(struct function *fn, struct l2_object *object)
{
	for (const struct item *item = object->made + 1; item < fn->items + fn->n_items; item++) {
		object->leaves |=
			(item->kind == ITEM_RETURN && !item->implicit) || item->kind == ITEM_THROW;
		if (item->kind == ITEM_ASSIGN && object->place < 0 && item->dst >= 0 &&
		    operand_is_place(&item->a, object->made->dst) && l2_is_raw_local(fn, item->dst))
			object->place = item->dst;
		if (item->kind != ITEM_CALL || !item->call || object->place < 0)
			continue;
		if ((item->call->flags & CALL_DELETE) &&
		    operand_is_place(&item->call->args[0], object->place)) {
			object->deleted = item;
			return;
		}
		object->risk = true;
	}
}

static const char *l2_stack(const struct item *made)
{
	return made->call->type ? made->call->type : "QObject";
}

/* The name alone of what the pointer is called: server of this->server. */
static const char *l2_last(const char *name)
{
	const char *last = name;

	for (const char *s = name; *s; s++)
		if (*s == '.' || *s == '>' || *s == ':')
			last = s + 1;
	return last;
}

/* An owner beside the pointer, under a name of its own: no line that uses the pointer changes. */
static void l2_owner(struct finding *finding, const struct function *fn, const char *name,
		     const struct item *made)
{
	bool qt = l2_stack(made)[0] == 'Q';

	finding_fix(
		finding,
		"In %s(), give `%s` an owner right after line %u: `%s<%s> %sOwner(%s);`, and remove every `delete %s`; or make it an object on the stack.",
		fn->label, name, pos_line(made->at), qt ? "QScopedPointer" : "std::unique_ptr",
		l2_stack(made), l2_last(name), name, name);
}

static void l2_say(struct function *fn, const struct l2_object *object)
{
	const char *name = fn->places[object->place].text;
	struct finding *finding;

	finding = finding_add(
		&rule_L2, fn, object->made->at,
		"`%s` is a raw pointer, deleted only at the normal end of the function (line %u). After an early return, an exception or the cancellation of the thread the %s is still alive.",
		name, pos_line(object->deleted->at), l2_stack(object->made));
	if (!finding)
		return;
	/* Neither a return nor a thread that others cancel: only an exception skips the delete. */
	if (!object->leaves && !function_runs_elsewhere(fn))
		finding->severity = SEVERITY_ADVICE;
	finding->also = object->deleted->at;
	l2_owner(finding, fn, name, object->made);
}

static void l2_members(struct function *fn, const struct item *made);

static bool l2_handler_deletes(const struct function *fn, const struct item *item)
{
	for (int i = 0; i < item->call->n_args; i++)
		if (item->call->args[i].kind == OPERAND_ADDRESS &&
		    strstr(fn->places[item->call->args[i].place].text, "deleteLater"))
			return true;
	for (const struct item *i = item; i-- > fn->items && i + 8 > item;)
		if (i->kind == ITEM_CALL && i->call && strstr(i->call->name, "deleteLater"))
			return true;
	return false;
}

/* L2: a server or socket object owned by a raw pointer and deleted only at the normal end. */
static void l2_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		struct l2_object object = { .made = &fn->items[i], .place = -1 };
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind != ITEM_CALL || !call || !(call->flags & CALL_NEW) ||
		    !api_is(call->api, ROLE(SERVER) | ROLE(CONNECTION)) ||
		    l2_has_owner(fn, object.made))
			continue;
		if (object.made->call->n_args && function_runs_elsewhere(fn) &&
		    l2_member(fn, object.made) >= 0)
			continue;
		if (fn->class_name)
			l2_members(fn, object.made);
		/* A member that only this function ends is as good as a local. */
		object.place = fn->class_name ? l2_member(fn, object.made) : -1;
		if (object.place >= 0 && object_is_ended(fn, fn->places[object.place].name, fn))
			continue;
		l2_follow(fn, &object);
		if (object.deleted && object.risk)
			l2_say(fn, &object);
	}
}

/* … or not deleted at all on some way. */
static void l2_loss(struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];
	const char *name = resource_name(flow, loss->resource);
	struct finding *finding;

	if (strcmp(r->kind, "object") != 0 || !(r->site->call->flags & CALL_NEW) ||
	    !api_is(r->site->call->api, ROLE(SERVER) | ROLE(CONNECTION)))
		return;
	finding = finding_add(
		&rule_L2, flow->fn, r->site->at,
		r->site->call->n_args && function_runs_elsewhere(flow->fn)
			? "`%s` gets no parent here, as the thread object lives in another thread, and %s() leaves on line %u without deleting it."
			: "`%s` has no parent and no owner, and %s() leaves on line %u without deleting it.",
		name, flow->fn->label, pos_line(loss->item->at));
	if (!finding)
		return;
	finding->also = loss->item->at;
	l2_owner(finding, flow->fn, name, r->site);
}

/* The callee does more with its argument than use it, as far as is known. */
bool object_is_taken(const struct call *call, int arg)
{
	const struct summary *summary = call->target ? &call->target->summary : NULL;

	if (call->flags & CALL_DELETE)
		return true;
	if (call->api && !summary) {
		for (size_t i = 0; i < call->api->n_facts; i++) {
			const struct fact *f = &call->api->facts[i];

			if ((f->key == FACT_CLOSES || f->key == FACT_TAKES ||
			     f->key == FACT_OWNER || f->key == FACT_DATA) &&
			    (f->arg == arg + 1 || f->arg == ARG_ALL))
				return true;
		}
		return (call->flags & CALL_NEW) != 0;
	}
	return !summary || !summary->done || arg >= 16 ||
	       (summary->param[arg] & (SUMMARY_KEEPS | SUMMARY_CLOSES | SUMMARY_MAY_CLOSE));
}

/* The class does something with the member that can end it: delete, reset, give away. */
static bool l2_member_ends(const struct function *fn, const char *member)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->call;

		if (item->kind == ITEM_RETURN && item->a.kind == OPERAND_PLACE &&
		    fn->places[item->a.place].name == member)
			return true;
		if (item->kind != ITEM_CALL || !call)
			continue;
		if (call->receiver.kind == OPERAND_PLACE &&
		    fn->places[call->receiver.place].name == member &&
		    (!strcmp(call->name, "deleteLater") || !strcmp(call->name, "setParent") ||
		     !strcmp(call->name, "reset")))
			return true;
		for (int k = 0; k < call->n_args; k++)
			if ((call->args[k].kind == OPERAND_PLACE ||
			     call->args[k].kind == OPERAND_ADDRESS) &&
			    fn->places[call->args[k].place].name == member &&
			    !(call->flags & CALL_CAPTURE) &&
			    (api_is(call->api, ROLE(HANDLER)) ? l2_handler_deletes(fn, item)
							      : object_is_taken(call, k)))
				return true;
	}
	return false;
}

bool object_is_ended(const struct function *fn, const char *member, const struct function *except)
{
	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *other = program.functions[i];

		if (other == except || other->class_name != fn->class_name)
			continue;
		if (l2_member_ends(other, member))
			return true;
	}
	return false;
}

static bool l2_ends_itself(const char *name, void *data)
{
	const struct type_info *type = index_type(name);

	(void)data;
	/* A class that nobody declares may well own what it is given. */
	if (!type || !type->source)
		return true;
	for (size_t i = 0; i < type->n_members; i++)
		if ((type->members[i].flags & PLACE_SMART) || kb_is_smart(type->members[i].type))
			return true;
	return type->has_destructor;
}

/* A pointer, or one that only watches; not a guard whose destructor ends what it was given. */
static bool l2_is_raw_member(const struct function *fn, int place)
{
	uint8_t stars;
	const char *type = place_type(fn, place, &stars);

	if (stars || !type || !strcmp(type, "auto") || !strcmp(type, "QPointer"))
		return true;
	return !index_bases(type, l2_ends_itself, NULL);
}

/* The member that takes the new object, or -1. */
static int l2_member(const struct function *fn, const struct item *made)
{
	for (const struct item *item = made + 1; item < fn->items + fn->n_items && item < made + 4;
	     item++)
		if (item->kind == ITEM_ASSIGN && operand_is_place(&item->a, made->dst) &&
		    item->dst >= 0 && fn->places[item->dst].is_member &&
		    !(fn->places[item->dst].flags & PLACE_SMART) && l2_is_raw_member(fn, item->dst))
			return item->dst;
	return -1;
}

/* … or made without a parent for a member that no method deletes. */
/* Its objects are made by main() alone: they live as long as the process. */
static bool l2_lives_as_long(const char *class_name)
{
	bool any = false;

	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; i < fn->n_items; i++) {
			const struct call *call = fn->items[i].call;

			if (fn->items[i].kind != ITEM_CALL || !call ||
			    !(call->flags & (CALL_NEW | CALL_CONSTRUCT)) || !call->type ||
			    strcmp(types_plain(call->type), class_name) != 0)
				continue;
			if (!(fn->flags & FUNCTION_MAIN))
				return false;
			any = true;
		}
	}
	return any;
}

/* A method of the class deletes the object itself: deleteLater() in the slot that a signal of the owner is connected to. */
static bool l2_class_deletes_itself(const char *class_name)
{
	for (size_t f = 0; class_name && f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		if (!fn->class_name || strcmp(types_plain(fn->class_name), class_name) != 0)
			continue;
		for (int i = 0; i < fn->n_items; i++) {
			const struct call *call =
				fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

			if (call && !strcmp(call->name, "deleteLater") &&
			    (!call->receiver.kind ||
			     (call->receiver.kind == OPERAND_PLACE &&
			      fn->places[call->receiver.place].kind == PLACE_THIS)))
				return true;
		}
	}
	return false;
}

static void l2_members(struct function *fn, const struct item *made)
{
	int member = l2_member(fn, made);
	struct finding *finding;
	const char *name;

	if (member < 0 || object_is_ended(fn, fn->places[member].name, NULL) ||
	    l2_class_deletes_itself(types_plain(made->call->type)))
		return;
	name = fn->places[member].text;
	finding = finding_add(
		&rule_L2, fn, made->at,
		"`%s` has no parent, and no method of %s deletes it; it outlives the object that made it.",
		name, types_plain(fn->class_name));
	if (finding && l2_lives_as_long(types_plain(fn->class_name)))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		index_derives(types_plain(fn->class_name), intern_z("QObject"))
			? "Give `%s` a parent: `new %s(this)`; or make the member a `std::unique_ptr<%s>`, or the object itself."
			: "End `%s` in the destructor of its class (`delete`), give it a parent (`new %s(this)`) if that class is a QObject, or make the member a `std::unique_ptr<%s>` or the object itself.",
		name, l2_stack(made), l2_stack(made));
}

const struct rule rule_L2 = {
	.id = "L2",
	.title = "A server or socket object is owned by a raw pointer",
	.cwe = "772,401",
	.pillar = 664,
	.severity = SEVERITY_WARNING,
	.consequence =
		"the server or socket stays alive, with its name taken, when the function ends in another way",
	.loss = l2_loss,
	.function = l2_function,
	.program = threads_terminated,
};

/* A connection, as far as is known, and not some file or thread. */
static bool l3_may_be_connection(const struct function *fn, const struct operand *o)
{
	const struct item *made;
	uint8_t stars;
	const char *type;

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return true;
	/* What the function made itself nobody has accepted. */
	made = place_is_local(fn, o->place) ? operand_source(fn, o, fn->items + fn->n_items) : NULL;
	if (made && (made->call->flags & CALL_NEW))
		return false;
	type = place_type(fn, o->place, &stars);
	return !type || !kb_class(type) || api_is(kb_class(type), ROLE(CONNECTION)) ||
	       !strcmp(type, "QObject") || !strcmp(type, "QIODevice");
}

static bool l3_mentions_delete(const struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind != ITEM_CALL || !call)
			continue;
		if ((call->flags & CALL_DELETE) && l3_may_be_connection(fn, &call->args[0]))
			return true;
		if (!strcmp(call->name, "qDeleteAll"))
			return true;
		if (!strcmp(call->name, "deleteLater") && call->receiver.kind &&
		    l3_may_be_connection(fn, &call->receiver))
			return true;
		if (api_is(call->api, ROLE(HANDLER)) && call->n_args &&
		    l3_may_be_connection(fn, &call->args[0]) &&
		    l2_handler_deletes(fn, &fn->items[i]))
			return true;
	}
	return false;
}

/* Some function that belongs together with fn deletes connections. */
bool object_class_deletes(const struct function *fn)
{
	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *other = program.functions[i];

		if ((fn->class_name ? other->class_name == fn->class_name
				    : other->source == fn->source) &&
		    l3_mentions_delete(other))
			return true;
	}
	return false;
}

/* The connection is given to somebody: an owner, a container, a handler of the project. */
static bool l3_is_given(const struct function *fn, const struct item *accepted)
{
	int place = accepted->dst;

	for (const struct item *item = accepted + 1; item < fn->items + fn->n_items; item++) {
		if (item->kind == ITEM_ASSIGN && operand_is_place(&item->a, place)) {
			if (fn->places[item->dst].is_member &&
			    !(fn->places[item->dst].flags & PLACE_SMART))
				return object_is_ended(fn, fn->places[item->dst].name, NULL);
			if (!place_is_local(fn, item->dst) ||
			    (fn->places[item->dst].flags & PLACE_SMART))
				return true;
			place = item->dst;
		}
		if (item->kind == ITEM_RETURN && operand_is_place(&item->a, place))
			return true;
		if (item->kind != ITEM_CALL || !item->call ||
		    api_is(item->call->api, ROLE(HANDLER)) ||
		    (item->call->flags & (CALL_CAPTURE | CALL_DELETE)))
			continue;
		for (int k = 0; k < item->call->n_args; k++)
			if (operand_is_place(&item->call->args[k], place) &&
			    object_is_taken(item->call, k) && !kept_for_ever(fn, item, k))
				return true;
	}
	return false;
}

static void l3_connects(struct finding *finding, const struct function *fn, const struct item *item)
{
	const char *type = api_fact(item->call->api, FACT_RETURNS)->word;
	int place = item_result(fn, item);
	const char *name = place >= 0 && fn->places[place].kind != PLACE_TEMP
				   ? fn->places[place].text
				   : "socket";

	finding_fix(
		finding,
		"In %s(), connect the `disconnected` signal of the new connection to its own `deleteLater`: `QObject::connect(%s, &%s::disconnected, %s, &QObject::deleteLater)`%s.",
		fn->label, name, type, name,
		strcmp(name, "socket") ? "" : ", where `socket` is what was returned");
}

static bool l3_deletes(const struct item *item, int place)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	return call &&
	       (((call->flags & CALL_DELETE) && operand_is_place(&call->args[0], place)) ||
		(!strcmp(call->name, "deleteLater") && operand_is_place(&call->receiver, place)));
}

static bool l3_has_argument(const struct call *call, int place)
{
	for (int k = 0; k < call->n_args; k++)
		if (operand_is_place(&call->args[k], place))
			return true;
	return false;
}

/* It is deleted, or somebody else has it from here on. */
static bool l3_visit(struct outcome *outcome, const struct item *item)
{
	int place = *(const int *)outcome->data;

	return l3_deletes(item, place) || l3_has_argument(item->call, place);
}

/* Somebody else may delete it as well: what has another name for it, is its parent, or handles its signals. */
static bool l3_is_shared(const struct item *item, int place)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (item->kind == ITEM_ASSIGN || item->kind == ITEM_OPERATE || item->kind == ITEM_RETURN)
		return operand_is_place(&item->a, place) || operand_is_place(&item->b, place);
	return call &&
	       ((call->flags & CALL_CAPTURE) ||
		(api_is(call->api, ROLE(HANDLER)) && l3_has_argument(call, place)) ||
		(!strcmp(call->name, "setParent") && operand_is_place(&call->receiver, place)));
}

/* The function deletes the connection itself, and on some way out it does not. */
static void l3_left(struct function *fn, const struct item *accepted)
{
	int place = item_result(fn, accepted);
	struct outcome outcome = {
		.fn = fn, .call = accepted, .result = 1, .visit = l3_visit, .data = &place
	};
	const struct operand *server = &accepted->call->receiver;
	const struct item *deletes = NULL;
	struct finding *finding;
	int n = 0;

	/* A server on the stack takes its connections with it. */
	if (place < 0 || fn->places[place].kind != PLACE_LOCAL ||
	    (fn->places[place].flags & PLACE_SMART) ||
	    (server->kind == OPERAND_PLACE && place_is_local(fn, server->place)))
		return;
	for (const struct item *item = accepted + 1; item < fn->items + fn->n_items; item++) {
		if (l3_deletes(item, place))
			deletes = item, n++;
		else if (l3_is_shared(item, place))
			return;
	}
	if (!deletes || !(outcome_walk(&outcome) & (OUTCOME_RETURNS | OUTCOME_AGAIN)))
		return;
	finding = finding_add(
		&rule_L3, fn, accepted->at,
		"The connection that %s returns is deleted on line %u, and the function also leaves without that: each client that takes that way leaves an object behind.",
		call_text(fn, accepted), pos_line(deletes->at));
	if (finding)
		finding->also = deletes->at;
	/* Where it is deleted in several places, their conditions may leave nothing over. */
	if (n > 1)
		finding_advise(finding);
	finding_fix(
		finding,
		"In %s(), call `%s->deleteLater()` on every way out, or connect its `disconnected` signal to it right after line %u.",
		fn->label, fn->places[place].text, pos_line(accepted->at));
}

/* L3: an accepted connection that nobody deletes; rules/lifetime.c has descriptors. */
static void l3_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		struct finding *finding;

		/* In a class derived from a server, nextPendingConnection() has no receiver. */
		if (item->kind != ITEM_CALL || !item->call ||
		    (!item->call->receiver.kind && !item->call->receiver_type) ||
		    !api_is(item->call->api, ROLE(ACCEPT)) ||
		    !api_fact(item->call->api, FACT_RETURNS) || l3_is_given(fn, item))
			continue;
		if (object_class_deletes(fn)) {
			l3_left(fn, item);
			continue;
		}
		finding = finding_add(
			&rule_L3, fn, item->at,
			"The connection that %s returns is never deleted: each client that comes and goes leaves an object behind.",
			call_text(fn, item));
		l3_connects(finding, fn, item);
	}
}

static void l3_program(void)
{
	containers_program();
	started_program();
}

void l3_loss(struct flow *flow, const struct loss *loss);
void l3_call(struct flow *flow, const struct item *item);

const struct rule rule_L3 = {
	.id = "L3",
	.title = "An accepted connection that nobody closes or deletes",
	.cwe = "772",
	.pillar = 664,
	.severity = SEVERITY_ERROR,
	.consequence =
		"each client costs a descriptor or object, so any client can make the server run out",
	.is_asked = true,
	.loss = l3_loss,
	.call = l3_call,
	.function = l3_function,
	.program = l3_program,
};
