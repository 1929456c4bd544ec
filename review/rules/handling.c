/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-703: outcomes that nobody looks at, and failures taken for something else. */

#include "model/descriptor.h"
#include "flow/contract.h"
#include "flow/outcome.h"
#include "rules/blind.h"
#include "rules/deferred.h"
#include "rules/later.h"
#include "rules/renamed.h"
#include "rules/retry.h"
#include "rules/seen.h"
#include "rules/end.h"

#include <string.h>

extern const struct rule rule_E1, rule_E5, rule_W1;

/*
 * An option of a socket, also one that limits its waits: setsockopt(2) refuses it only to what is
 * no open socket, or for a wrong size, and whoever tries the program once sees that. Or flags of an
 * open descriptor, for which the kernel knows no failure: fcntl(2) lists only EBADF and EPERM, the
 * second for O_APPEND and O_NOATIME.
 */
static bool e1_is_minor(const struct item *item)
{
	return api_is(item->call->api, ROLE(SETOPT) | ROLE(NONBLOCK));
}

static bool e1_any_use(const struct function *fn, const struct item *user, int place, void *data)
{
	(void)data;
	(void)fn;
	(void)user;
	(void)place;
	return true;
}

/* Something but its declaration and its end speaks of the place. */
static bool e1_is_looked_at(const struct function *fn, const struct item *item, int place)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *user = &fn->items[i];
		const struct call *call = user->kind == ITEM_CALL ? user->call : NULL;

		if (user == item || user->kind == ITEM_DIES || user->kind == ITEM_DECLARE)
			continue;
		if (operand_is_place(&user->a, place) || operand_is_place(&user->b, place))
			return true;
		for (int k = 0; call && k < call->n_args; k++)
			if ((call->args[k].kind == OPERAND_PLACE ||
			     call->args[k].kind == OPERAND_ADDRESS) &&
			    place_is_within(fn, call->args[k].place, place))
				return true;
	}
	return false;
}

/* g_socket_connect(…, &error): the failure is told there too, and somebody looks. */
static bool e1_tells_elsewhere(const struct function *fn, const struct item *item)
{
	const struct fact *error = api_fact(item->call->api, FACT_ERROR);
	const struct operand *o = error ? call_argument(item->call, error->arg) : NULL;

	if (!o || o->kind == OPERAND_NULL || o->kind == OPERAND_NUMBER)
		return false;
	return o->kind != OPERAND_ADDRESS || fn->places[o->place].kind != PLACE_LOCAL ||
	       e1_is_looked_at(fn, item, o->place);
}

/* if (listen(server, 8) < 0) */
static const char *e1_condition(const struct function *fn, const struct item *item)
{
	struct contract contract = contract_of(item->call);

	return contract_condition(&contract, item_text(fn, item));
}

static const char *e1_or_void(const struct finding *finding, const struct item *item)
{
	return finding && e1_is_minor(item)
		       ? "; or write `(void)` before the call if the program works as well without it"
		       : "";
}

static void e1_report(struct function *fn, const struct item *item, const char *stored)
{
	const struct call *call = item->call;
	struct finding *finding;

	if (stored)
		finding = finding_add(
			&rule_E1, fn, item->at,
			"The result of %s() is stored in `%s` but never checked. If the call fails, the code below works on an object that was not set up.",
			call->name, stored);
	else
		finding = finding_add(
			&rule_E1, fn, item->at,
			"The result of %s() is ignored. If the call fails, the code below works on an object that was not set up.",
			call->name);
	if (finding && (e1_is_minor(item) || later_is_minor(fn, item)))
		finding->severity = SEVERITY_ADVICE;
	if (stored || strstr(item_text(fn, item), "…")) {
		finding_fix(
			finding,
			"In %s(), test the result of %s() right after line %u; if it failed, report why, and leave by the path that releases what is open by then%s.",
			fn->label, call->name, pos_line(item->end), e1_or_void(finding, item));
		return;
	}
	finding_fix(
		finding,
		"In %s(), make it `%s`, report why it failed, and leave by the path that releases what is open by then%s.",
		fn->label, e1_condition(fn, item), e1_or_void(finding, item));
}

/* if (bind(…) < 0) perror("bind"); is looked at, and makes no difference. */
static void e1_seen(struct function *fn, const struct item *item)
{
	const struct item *use;
	struct finding *finding;

	if (!seen_goes_on(fn, item, &use))
		return;
	finding = finding_add(
		&rule_E1, fn, item->at,
		"A failure of %s() is only reported: %s() works on the socket then as if it were bound, and nobody reaches the program.",
		item->call->name, use->call->name);
	finding_fix(
		finding,
		"In %s(), leave behind the report of a failed %s() on line %u, by the path that releases what is open by then.",
		fn->label, item->call->name, pos_line(item->at));
}

/*
 * E1: the result of socket, bind, listen, connect, accept, setsockopt or fcntl is ignored. A cast
 * to void says that it does not matter.
 */
static void e1_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		int place;

		if (item->kind != ITEM_CALL || !item->call || !fn->reached[i] ||
		    item_is_void(fn, item) || blind_call(fn, item))
			continue;
		if (!contract_of(item->call).needed) {
			deferred_request(fn, item);
			continue;
		}
		e1_seen(fn, item);
		place = item_result(fn, item);
		if (e1_tells_elsewhere(fn, item) || later_asks_errno(fn, item))
			continue;
		if (item->call->flags & CALL_DROPPED)
			e1_report(fn, item, NULL);
		else if (place >= 0 && place != item->dst &&
			 fn->places[place].kind == PLACE_LOCAL &&
			 !api_fact(item->call->api, FACT_OPENS) &&
			 !item_result_has_use(fn, item, e1_any_use, NULL))
			e1_report(fn, item, fn->places[place].text);
	}
}

const struct rule rule_E1 = {
	.id = "E1",
	.title = "The result of a socket call is ignored",
	.cwe = "252,253",
	.pillar = 703,
	.severity = SEVERITY_WARNING,
	.consequence = "after a failure the program continues with something that was not set up",
	.function = e1_function,
};

enum { E5_SUCCESS = 2, E5_BOTH = 3 };

static unsigned e5_names_outcome(const char *signal)
{
	if (strstr(signal, "rror") || strstr(signal, "stateChanged"))
		return E5_BOTH;
	/* "disconnected" comes only after success, so it does not tell of failure. */
	return strstr(signal, "onnected") && !strstr(signal, "isconnected") ? E5_SUCCESS : 0;
}

/* The signal that connect(object, signal, …) speaks of is one of failure or of success. */
static unsigned e5_is_outcome_signal(const struct function *fn, const struct item *item)
{
	const struct operand *o = call_argument(item->call, 2);

	for (int depth = 0; o && depth < 4; depth++) {
		const struct item *source;

		if (o->kind == OPERAND_ADDRESS || o->kind == OPERAND_STRING)
			return e5_names_outcome(operand_text(fn, o));
		/* SIGNAL(connected()), qOverload<…>(&T::error) */
		source = operand_source(fn, o, item);
		if (!source)
			return E5_BOTH;
		if (e5_names_outcome(source->call->name))
			return e5_names_outcome(source->call->name);
		if (!source->call->n_args)
			return 0;
		o = &source->call->args[0];
		item = source;
	}
	return E5_BOTH;
}

/* What `other` connects can be the object that `fn` dials with. */
static bool e5_may_be_same(const struct function *fn, int dials, const struct function *other,
			   int handled)
{
	const struct place *a = place_root(fn, dials), *b = place_root(other, handled);

	if (a->is_member && b->is_member)
		return a->name == b->name;
	if (b->kind == PLACE_LOCAL || b->kind == PLACE_CAPTURE)
		return fn == other || fn->outer == other || other->outer == fn;
	return true;
}

static unsigned e5_handles(const struct function *dialling, const struct call *dial,
			   const struct function *fn, const struct item *item, const char *type)
{
	const struct call *call = item->call;
	const char *of;

	if (item->kind != ITEM_CALL || !call || !api_is(call->api, ROLE(HANDLER)) ||
	    call->n_args < 3)
		return 0;
	/* QTimer::singleShot(0, …) */
	if (call->args[0].kind == OPERAND_NUMBER)
		return 0;
	if (call->args[0].kind != OPERAND_PLACE && call->args[0].kind != OPERAND_ADDRESS)
		return E5_BOTH;
	of = place_type(fn, call->args[0].place, NULL);
	if (!e5_may_be_same(dialling, dial->receiver.place, fn, call->args[0].place))
		return 0;
	return !of || of == type || index_derives(of, type) ? e5_is_outcome_signal(fn, item) : 0;
}

/* Which outcomes some function of the class or file reacts to by the object's signals. */
static unsigned e5_handlers(const struct function *fn, const struct call *dial)
{
	unsigned handled = 0;

	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *other = program.functions[i];

		if (!function_is_beside(fn, other))
			continue;
		for (int k = 0; k < other->n_items; k++)
			handled |=
				e5_handles(fn, dial, other, &other->items[k], dial->receiver_type);
	}
	return handled;
}

/* A timer of the class or file may see that no connection has come, and try again or give up. */
static bool e5_has_timer(const struct function *fn)
{
	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *other = program.functions[i];

		if (other->class_name ? other->class_name != fn->class_name
				      : other->source != fn->source)
			continue;
		if (strstr(other->name, "imer") || strstr(other->name, "imeout"))
			return true;
		for (int k = 0; k < other->n_items; k++) {
			const struct call *call = other->items[k].call;

			if (other->items[k].kind == ITEM_CALL && call &&
			    (strstr(call->name, "imer") || strstr(call->name, "singleShot") ||
			     (call->receiver_type && strstr(call->receiver_type, "Timer"))))
				return true;
		}
		for (int k = 0; k < other->n_places; k++)
			if (other->places[k].text && strstr(other->places[k].text, "imeout"))
				return true;
	}
	return false;
}

/* Only `connected` is handled. */
static void e5_failure_missing(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const char *name = operand_text(fn, &call->receiver), *at = "";
	struct finding *finding;
	uint8_t stars = 1;

	if (e5_has_timer(fn))
		return;
	if (call->receiver.kind == OPERAND_PLACE && place_type(fn, call->receiver.place, &stars) &&
	    !stars)
		at = "&";
	finding = finding_add(
		&rule_E5, fn, item->at,
		"`%s` connects, and only its success is handled by a signal: when the connection fails, nobody learns it.",
		name);
	finding_fix(
		finding,
		"In %s(), handle the failure too, before `%s`: `connect(%s%s, &%s::errorOccurred, …)`, where the attempt is reported or repeated.",
		fn->label, call->name, at, name,
		call->receiver_type ? call->receiver_type : "QLocalSocket");
}

/*
 * socket->state() == … tells the outcome too, but not in a loop that waits for success alone:
 * `!= ConnectedState` stays true when connecting has failed, `== ConnectingState` does not.
 */
static bool e5_asks_state(struct function *fn, const struct item *item,
			  const struct operand *socket)
{
	const struct call *call = item->call;
	const struct item *next = item->next >= 0 ? &fn->items[item->next] : NULL;

	if (!api_is(call->api, ROLE(STATE)) || api_is(call->api, ROLE(AMOUNT)) ||
	    socket->kind != OPERAND_PLACE || !operand_is_place(&call->receiver, socket->place))
		return false;
	return item_loop(fn, item) < 0 || (next && next->kind == ITEM_BRANCH &&
					   strstr(operand_text(fn, &next->b), "ConnectingState"));
}

/* A local object that somebody else was given, emit newConnection(socket): he may handle it. */
static bool e5_is_given(const struct function *fn, const struct operand *socket)
{
	if (socket->kind != OPERAND_PLACE || !place_is_local(fn, socket->place))
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind != ITEM_CALL || !call || call->api ||
		    (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE)))
			continue;
		for (int k = 0; k < call->n_args; k++)
			if (operand_is_place(&call->args[k], socket->place))
				return true;
	}
	return false;
}

/* The outcome of an attempt to connect is asked for, later in the function. */
static bool e5_is_asked(struct function *fn, const struct item *item)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind != ITEM_CALL || !call || &fn->items[i] == item)
			continue;
		if (e5_asks_state(fn, &fn->items[i], &item->call->receiver))
			return true;
		if (api_is(call->api, ROLE(OUTCOME) | ROLE(CHECK)) &&
		    api_is(call->api, ROLE(CONNECT) | ROLE(CHECK)))
			return true;
	}
	return false;
}

static bool e5_asks(const struct item *item, const char *name)
{
	return name && item->kind == ITEM_CALL && item->call &&
	       item->call->receiver.kind == OPERAND_PLACE && api_is(item->call->api, ROLE(STATE)) &&
	       !api_is(item->call->api, ROLE(AMOUNT));
}

/*
 * What came of the wait is asked with state() or the like behind it, or, for a member, by another
 * method: isConnected() { return m_s.state() == … }. The condition of the loop around the wait is
 * no such question, it goes round again.
 */
static bool e5_is_asked_later(const struct function *fn, const struct item *wait)
{
	const struct operand *o = &wait->call->receiver;
	const struct place *place = o->kind == OPERAND_PLACE ? &fn->places[o->place] : NULL;

	for (const struct item *i = wait + 1; place && i < fn->items + fn->n_items; i++)
		if (e5_asks(i, place->name) && i->call->receiver.place == o->place)
			return true;
	for (size_t f = 0; place && place->is_member && f < program.n_functions; f++) {
		const struct function *other = program.functions[f];

		for (int i = 0;
		     other != fn && other->class_name == fn->class_name && i < other->n_items; i++)
			if (e5_asks(&other->items[i], place->name) &&
			    other->places[other->items[i].call->receiver.place].name == place->name)
				return true;
	}
	return false;
}

/*
 * The function was given the connection, as one that a server accepted, and asks what came of the
 * next wait for it, which fails without a connection, too.
 */
static bool e5_next_wait_tells(const struct function *fn, const struct item *wait)
{
	const struct operand *o = &wait->call->receiver;

	if (o->kind != OPERAND_PLACE || fn->places[o->place].kind != PLACE_PARAM)
		return false;
	for (const struct item *i = fn->items; i < wait; i++)
		if (i->kind == ITEM_CALL && i->call && api_is(i->call->api, ROLE(DIALS)) &&
		    operand_is_place(&i->call->receiver, o->place))
			return false;
	for (const struct item *i = wait + 1; i < fn->items + fn->n_items; i++)
		if (i->kind == ITEM_CALL && i->call &&
		    operand_is_place(&i->call->receiver, o->place) &&
		    api_is(i->call->api, ROLE(WAIT)) && api_is(i->call->api, ROLE(READ)) &&
		    !(i->call->flags & CALL_DROPPED))
			return true;
	return false;
}

static bool call_is_qt(const struct call *call)
{
	return call->receiver_type && call->receiver_type[0] == 'Q';
}

/*
 * QLocalServer::removeServer(name) before listen(name), or a lock or a shared memory that only one
 * instance has: nobody else has the name then, and without the server the program only does not
 * hear of a second start.
 */
static bool e5_is_alone(const struct function *fn, const struct item *item)
{
	static const char *const locks[] = { "QSharedMemory", "QLockFile" };
	const char *type = item->call->receiver_type;

	if (!api_is(item->call->api, ROLE(LISTEN)) || !type || strcmp(type, "QLocalServer") != 0)
		return false;
	for (const struct item *i = fn->items; i < item; i++)
		if (i->kind == ITEM_CALL && i->call && api_is(i->call->api, ROLE(UNLINK)))
			return true;
	for (int i = 0; i < fn->n_places; i++) {
		const char *of = place_type(fn, i, NULL);

		for (size_t k = 0; of && k < sizeof(locks) / sizeof(*locks); k++)
			if (!strcmp(of, locks[k]))
				return true;
	}
	return false;
}

static void e5_dropped(struct function *fn, const struct item *item)
{
	const char *callee = call_text(fn, item);
	struct finding *finding;

	if (finding_is_said(&rule_W1, fn, item) ||
	    (api_is(item->call->api, ROLE(CONNECT)) && e5_is_asked_later(fn, item)))
		return;
	finding = finding_add(
		&rule_E5, fn, item->at,
		"Nothing checks whether %s succeeded. If it failed, the code below cannot work, and nobody learns why.",
		callee);
	/* What comes afterwards shows it, or the next read. */
	if (finding && (!api_is(item->call->api, ROLE(CONNECT) | ROLE(LISTEN)) ||
			e5_is_alone(fn, item) || e5_next_wait_tells(fn, item)))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding, "Test %s in %s() and handle the failure%s.", callee, fn->label,
		call_is_qt(item->call)
			? " (`errorString()` says why), or react to the signals instead of waiting"
			: "");
}

static void e5_connects(struct finding *finding, const struct function *fn, const struct call *call,
			const char *name)
{
	const char *type = call->receiver_type ? call->receiver_type : "QLocalSocket", *at = "";
	uint8_t stars = 1;

	if (call->receiver.kind == OPERAND_PLACE && place_type(fn, call->receiver.place, &stars) &&
	    !stars)
		at = "&";
	finding_fix(
		finding,
		"Make the connection event-driven: `connect(%s%s, &%s::connected, …)` and `connect(%s%s, &%s::errorOccurred, …)` before `%s`, and let the event loop run; or test `%s%swaitForConnected(msec)`.",
		at, name, type, at, name, type, call->name, name, *at ? "." : "->");
}

/* Nobody asks what has come of the attempt, and no signal tells; `handled` receives which do. */
static bool e5_is_unheard(struct function *fn, const struct item *item, unsigned *handled)
{
	*handled = E5_BOTH;
	/* Datagrams have nobody to wait for: it says whom they go to. */
	if (!api_is(item->call->api, ROLE(DIALS)) || !item->call->receiver.kind ||
	    (item->call->receiver_type && !strcmp(item->call->receiver_type, "QUdpSocket")) ||
	    e5_is_asked(fn, item) || e5_is_given(fn, &item->call->receiver))
		return false;
	*handled = e5_handlers(fn, item->call);
	return *handled == 0;
}

static bool e5_tries_again(struct function *fn, const struct item *item)
{
	int loop = item_loop(fn, item);

	return loop >= 0 && retry_connects_busily(fn, loop) == item;
}

/*
 * E5: waitForConnected, listen, connectToServer without looking at the outcome or at the error
 * signal; a thread that blocks in a wait instead of reacting to the connection's events.
 */
static void e5_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->call;
		struct finding *finding;
		unsigned handled;
		const char *name;

		if (item->kind != ITEM_CALL || !call || !fn->reached[i])
			continue;
		renamed_signal(fn, item);
		if (api_is(call->api, ROLE(OUTCOME)) && (call->flags & CALL_DROPPED) &&
		    !(call->flags & CALL_VOID) &&
		    !api_is(kb_class(call->receiver_type), ROLE(PROCESS))) {
			e5_dropped(fn, item);
			continue;
		}
		if (!e5_is_unheard(fn, item, &handled)) {
			if (handled == E5_SUCCESS)
				e5_failure_missing(fn, item);
			continue;
		}
		name = operand_text(fn, &call->receiver);
		finding = finding_add(
			&rule_E5, fn, item->at,
			e5_tries_again(fn, item)
				? "`%s` connects, but the outcome is neither tested nor handled by a signal: after a failure the loop tries again immediately, and keeps a processor busy."
				: "`%s` connects, but the outcome is neither tested nor handled by a signal: after a failure the thread blocks, or continues without a connection.",
			name);
		e5_connects(finding, fn, call, name);
	}
}

/* … and an attempt that is made again as soon as it has failed, in a loop that has no other end. */
static void e5_loop(struct function *fn, int loop)
{
	const struct item *attempt = retry_connects_busily(fn, loop);
	struct finding *finding;
	unsigned handled;

	if (!attempt || e5_is_unheard(fn, attempt, &handled))
		return;
	finding = finding_add(
		&rule_E5, fn, attempt->at,
		"When %s has failed it is tried again immediately: as long as no server is there, the loop keeps a processor busy with it.",
		call_text(fn, attempt));
	if (finding)
		finding->cwe = "755";
	finding_fix(
		finding,
		"In %s(), pause after each attempt that has failed (100 ms, and longer each time), and give up after some attempts with the reason of the last.",
		fn->label);
}

const struct rule rule_E5 = {
	.id = "E5",
	.title = "The outcome of connecting or listening is not checked",
	.cwe = "252,391,755",
	.pillar = 703,
	.severity = SEVERITY_WARNING,
	.consequence =
		"after a failure the program continues without a connection, and nobody learns why",
	.function = e5_function,
	.loop = e5_loop,
};
