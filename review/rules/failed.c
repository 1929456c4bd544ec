/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-703: what failed is used as if it were there. */

#include "flow/contract.h"
#include "flow/outcome.h"
#include "model/descriptor.h"
#include "model/registrations.h"
#include "read/source.h"
#include "rules/later.h"
#include "rules/rules.h"
#include "rules/scanned.h"

#include <ctype.h>
#include <string.h>

extern const struct rule rule_E2;

/* A socket, a connection or a listener; memory and files are not this rule's. */
static bool e2_is_socket(const struct item *site, const struct api *opener)
{
	const char *kind = api_fact(opener, FACT_OPENS) ? api_fact(opener, FACT_OPENS)->word : "";

	if (!opener || api_is(opener, ROLE(MEMORY)))
		return false;
	if (!strcmp(kind, "fd"))
		return api_is(opener, ROLE(SOCKET) | ROLE(ACCEPT));
	return !strcmp(kind, "object") ||
	       (!strcmp(kind, "memory") && site &&
		api_is(opener, ROLE(PEER) | ROLE(LISTEN) | ROLE(SERVER)));
}

static const char *e2_value(uint8_t fails)
{
	return fails == FAILS_NULL ? "NULL" : "-1";
}

static void e2_report(struct function *fn, const struct item *at, const char *name,
		      const struct item *site, uint8_t fails, bool known)
{
	const char *origin = call_text(fn, site);
	struct finding *finding;

	/* One place per attempt: all later uses are fixed with the first. */
	if (finding_is_said(&rule_E2, fn, site))
		return;
	finding = finding_add_of(
		&rule_E2, fn, at->at, &site->at,
		known ? "`%s` is used here on a path where %s has failed, so it is %s."
		      : "`%s` is used without checking whether %s succeeded; if it failed, it is %s.",
		name, origin, e2_value(fails));
	if (finding && contract_is_memory(site->call))
		finding->severity = SEVERITY_ADVICE;
	if (!strcmp(name, origin))
		finding_fix(
			finding,
			"In %s(), store the result of %s in a variable, and leave or continue without it when it is %s.",
			fn->label, origin, e2_value(fails));
	else
		finding_fix(
			finding,
			"In %s(), test `%s` right after %s, and leave or continue without it when it is %s.",
			fn->label, name, origin, e2_value(fails));
}

/* The next call fails too, and tells; only it tells another reason. */
static void e2_shows_late(struct flow *flow, const struct item *item, int resource)
{
	const char *origin = resource_origin(flow, resource), *name = resource_name(flow, resource);
	const struct resource *r = &flow->resources[resource];
	struct finding *finding;

	if (finding_is_said(&rule_E2, flow->fn, r->site))
		return;
	finding = finding_add_of(
		&rule_E2, flow->fn, item->at, &r->site->at,
		"Nothing checks whether %s succeeded; if it failed, the error reported is that of %s().",
		origin, item->call->name);
	finding_advise(finding);
	if (r->place < 0)
		finding_fix(
			finding,
			"In %s(), store the result of %s in a variable, and test that before %s().",
			flow->fn->label, origin, item->call->name);
	else
		finding_fix(finding, "In %s(), test `%s` right after %s.", flow->fn->label, name,
			    origin);
}

/* A function of the project that opens it may try until it has one. */
static bool e2_can_fail(const struct item *site)
{
	struct contract contract;

	if (!site)
		return false;
	contract = contract_of(site->call);
	return contract_can_fail(&contract);
}

/* assert(fd >= 0), g_assert_no_error(error), REQUIRE(…): somebody asks, in a way of his own. */
static bool e2_asserts(struct function *fn, const struct item *item, void *data)
{
	static const char *const words[] = { "assert", "ASSERT", "CHECK", "REQUIRE", "EXPECT" };

	(void)fn;
	(void)data;
	return call_has_word(item->call, words, sizeof(words) / sizeof(*words));
}

/* A condition somewhere in the function tells by the place whether the call worked. */
static bool e2_is_tested(const struct function *fn, const struct item *site, int place)
{
	struct contract contract = contract_of(site->call);

	for (int i = 0; place >= 0 && i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_BRANCH && fn->items[i].op != OP_UNKNOWN &&
		    (operand_is_place(&fn->items[i].a, place) ||
		     operand_is_place(&fn->items[i].b, place)) &&
		    !contract_test_is_blind(fn, &contract, &fn->items[i], place))
			return true;
	return false;
}

struct e2_way {
	const struct item *wanted;
	bool found;
};

/* What may end the program ends the way: report(FATAL, …) of many projects. */
static bool e2_visit(struct outcome *outcome, const struct item *item)
{
	struct e2_way *way = outcome->data;
	const struct function *target = item->call->target;

	way->found |= item == way->wanted;
	if (!item->call->api && !target)
		return true;
	for (int i = 0; target && i < target->n_items; i++)
		if (target->items[i].kind == ITEM_CALL && target->items[i].call &&
		    call_ends(target->items[i].call))
			return true;
	return false;
}

static bool e2_visit_any(struct outcome *outcome, const struct item *item)
{
	struct e2_way *way = outcome->data;

	way->found |= item == way->wanted;
	return false;
}

static bool e2_comes_to(struct function *fn, const struct item *site, const struct item *use,
			bool (*visit)(struct outcome *outcome, const struct item *item))
{
	struct contract contract = contract_of(site->call);
	struct e2_way way = { .wanted = use };
	struct outcome outcome = { .fn = fn,
				   .call = site,
				   .result = contract_failure(&contract, 0),
				   .visit = visit,
				   .data = &way };

	outcome_walk(&outcome);
	return way.found;
}

/* The descriptor, or a struct of which a member has it. */
static bool e2_has(const struct function *fn, const struct operand *o, int place)
{
	if (operand_is_place(o, place))
		return true;
	for (int i = 0; (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) && i < fn->n_items;
	     i++)
		if (fn->items[i].kind == ITEM_ASSIGN && operand_is_place(&fn->items[i].a, place) &&
		    fn->items[i].dst >= 0 && place_is_within(fn, fn->items[i].dst, o->place))
			return true;
	return false;
}

/* The way goes on with the descriptor, and not to its end. */
static bool e2_visit_use(struct outcome *outcome, const struct item *item)
{
	struct e2_way *way = outcome->data;
	const struct call *call = item->call;

	way->found |= item != way->wanted && call->n_args && !api_fact(call->api, FACT_CLOSES) &&
		      e2_has(outcome->fn, &call->args[0], way->wanted->call->args[0].place);
	return call_ends(call);
}

/* if (bind(s, …) < 0) perror("bind"); and then recvfrom(s, …): it is seen, but not acted on. */
static bool e2_goes_on(struct function *fn, const struct item *item)
{
	struct contract contract = contract_of(item->call);
	struct e2_way way = { .wanted = item };
	struct outcome outcome = { .fn = fn,
				   .call = item,
				   .result = contract_failure(&contract, 0),
				   .visit = e2_visit_use,
				   .data = &way };

	outcome_walk(&outcome);
	return way.found;
}

/*
 * The call that uses it is tested itself: then the failure shows there, if late. An option that is
 * set before does no harm when bind() or connect() is tested behind it.
 */
static bool e2_shows(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;

	if (!contract_of(call).fails)
		return false;
	if (!(call->flags & CALL_DROPPED))
		return true;
	if (api_is(call->api, ROLE(BIND) | ROLE(LISTEN) | ROLE(CONNECT) | ROLE(SETOPT)) &&
	    later_is_told(fn, item))
		return true;
	if (!api_is(call->api, ROLE(SETOPT) | ROLE(NONBLOCK)) || !call->n_args ||
	    call->args[0].kind != OPERAND_PLACE)
		return false;
	for (const struct item *i = item + 1; i < fn->items + fn->n_items; i++)
		if (i->kind == ITEM_CALL && i->call && i->call->n_args &&
		    operand_is_place(&i->call->args[0], call->args[0].place) &&
		    api_is(i->call->api, ROLE(BIND) | ROLE(CONNECT) | ROLE(LISTEN)))
			return !(i->call->flags & CALL_DROPPED) && !e2_goes_on(fn, i);
	return false;
}

static bool e2_is_fine(struct flow *flow, const struct item *item, int resource, enum use_kind kind)
{
	const struct resource *r = &flow->resources[resource];

	if (function_find_call(flow->fn, e2_asserts, NULL))
		return true;
	if (kind == USE_UNCHECKED)
		return !e2_can_fail(r->site) || e2_is_tested(flow->fn, r->site, r->place);
	return !e2_comes_to(flow->fn, r->site, item, e2_visit);
}

/* waitForNewConnection(-1): comes back with a connection; that it waits so long is W3's. */
static bool e2_waits_for_ever(const struct item *item)
{
	int64_t limit;

	return !strcmp(item->call->name, "waitForNewConnection") && item->call->n_args &&
	       operand_is_number(&item->call->args[0], &limit) && limit < 0;
}

/*
 * hasPendingConnections() of the same server was asked before, or the function is a handler of
 * newConnection(): then one is waiting, and what nextPendingConnection() gives is not null.
 */
static bool e2_is_pending(struct function *fn, const struct item *site)
{
	const char *server = operand_text(fn, &site->call->receiver);

	if (!site->call->api || site->call->api->fails != FAILS_NULL)
		return false;
	for (const struct item *item = fn->items; item < site; item++)
		if (item->kind == ITEM_CALL && item->call &&
		    (strstr(item->call->name, "hasPending") || e2_waits_for_ever(item)) &&
		    !strcmp(operand_text(fn, &item->call->receiver), server))
			return true;
	return function_handles(fn, "newConnection");
}

/* `addrinfo *list{};` and `(nullptr)`, which are no assignments; and what a thread keeps begins as zeros. */
static bool e2_begins_with(const struct function *fn, const struct item *declares)
{
	size_t n, i = declares->at.col;
	const char *line = source_line(fn->source, declares->at.row, &n);

	while (i < n && (isalnum((unsigned char)line[i]) || strchr("_* ", line[i])))
		i++;
	return (i < n && (line[i] == '{' || line[i] == '(')) || memmem(line, n, "thread", 6);
}

/* The item gives the variable a value, or lets something do so, such as memset(&list, …). */
static bool e2_may_set(const struct function *fn, const struct item *item, int place)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	for (int k = 0; call && k < call->n_args; k++)
		if (call->args[k].kind == OPERAND_ADDRESS && call->args[k].place == place)
			return true;
	return item->dst == place && (item->kind != ITEM_DECLARE || e2_begins_with(fn, item));
}

/* freeaddrinfo(list) where getaddrinfo() has failed: the function has put nothing into `list`, and neither has that. */
static void e2_unset(struct flow *flow, const struct item *item, int resource)
{
	const struct resource *r = &flow->resources[resource];
	const char *origin = resource_origin(flow, resource), *name = resource_name(flow, resource);
	const struct function *fn = flow->fn;

	/* free() of what was not set: compilers say that. */
	if (strcmp(r->kind, "addrinfo") != 0 || !r->site || r->place < 0 ||
	    fn->places[r->place].kind != PLACE_LOCAL || (fn->places[r->place].flags & PLACE_STATIC))
		return;
	for (const struct item *i = fn->items; i < r->site; i++)
		if (e2_may_set(fn, i, r->place))
			return;
	/* The end of a loop over the list is no failure, be it the first turn. */
	if (!e2_comes_to(flow->fn, r->site, item, e2_visit_any))
		return;
	finding_fix(
		finding_add_of(
			&rule_E2, fn, item->at, &r->site->at,
			"`%s` is released here on a path where %s has failed and has not set it: it still holds whatever was on the stack.",
			name, origin),
		"In %s(), release `%s` only where %s succeeded, or set it to NULL before.",
		fn->label, name, origin);
}

static void e2_use(struct flow *flow, const struct item *item, int resource, enum use_kind kind)
{
	const struct resource *r = &flow->resources[resource];

	if (kind == USE_UNSET)
		e2_unset(flow, item, resource);
	if ((kind != USE_FAILED && kind != USE_UNCHECKED) ||
	    (kind == USE_UNCHECKED && r->accepted && r->site && e2_is_pending(flow->fn, r->site)))
		return;
	if (!e2_is_socket(r->site, r->api) || e2_is_fine(flow, item, resource, kind) ||
	    /* To print it does no harm. */
	    api_is(item->call->api, ROLE(CHECK) | ROLE(LOG)))
		return;
	/* Nor does an option that -1 does not take; what comes behind it may ask. */
	if (kind == USE_FAILED && (item->call->flags & CALL_DROPPED) &&
	    api_is(item->call->api, ROLE(SETOPT) | ROLE(NONBLOCK)))
		return;
	if ((r->accepted ? kind == USE_UNCHECKED && item_loop(flow->fn, item) < 0
			 : kind == USE_UNCHECKED || r->fails != FAILS_NULL) &&
	    e2_shows(flow->fn, item)) {
		e2_shows_late(flow, item, resource);
		return;
	}
	e2_report(flow->fn, item, resource_name(flow, resource), r->site, r->fails,
		  kind == USE_FAILED);
}

/* socket->write(), where socket is what nextPendingConnection() gave. */
static void e2_receiver(struct flow *flow, const struct item *item)
{
	const struct operand *o = &item->call->receiver;
	int r = state_resource(flow, o);

	if (r < 0 || !flow->resources[r].site || flow->resources[r].fails != FAILS_NULL ||
	    !flow->resources[r].accepted || !(flow->state->bits[r] & RES_FAILED) ||
	    (state_operand(flow, o).flags & (VALUE_CHECKED | VALUE_NONZERO)) ||
	    api_is(item->call->api, ROLE(HANDLER)) ||
	    e2_is_pending(flow->fn, flow->resources[r].site))
		return;
	e2_report(flow->fn, item, operand_text(flow->fn, o), flow->resources[r].site, FAILS_NULL,
		  !(flow->state->bits[r] & RES_OPEN));
}

/* The function looks at its parameter before it uses it. */
static bool e2_callee_asks(const struct call *call, int place)
{
	const struct function *target = call->target;

	for (int i = 0; target && i < call->n_args && i < target->n_params; i++) {
		if (!operand_is_place(&call->args[i], place))
			continue;
		for (int k = 0; k < target->n_items; k++) {
			const struct item *item = &target->items[k];

			if ((item->kind == ITEM_BRANCH || item->kind == ITEM_RETURN) &&
			    (operand_is_place(&item->a, target->params[i]) ||
			     operand_is_place(&item->b, target->params[i])))
				return true;
		}
	}
	return false;
}

/* The call keeps what the argument points to. */
static bool e2_keeps(const struct call *call, int arg)
{
	for (const struct fact *f = api_fact(call->api, FACT_TAKES); f;
	     f = api_fact_next(call->api, f))
		if (f->arg == arg)
			return true;
	return call->target && arg <= 16 && (call->target->summary.param[arg - 1] & SUMMARY_KEEPS);
}

static bool e2_is_returned(const struct function *fn, const struct item *made)
{
	for (int i = 0; made->dst >= 0 && i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_RETURN &&
		    operand_is_place(&fn->items[i].a, made->dst))
			return true;
	return false;
}

/* The place itself, or the memory that it lies in, goes to a call. */
static const struct item *e2_hands_over(struct function *fn, const struct item *from, int place)
{
	int root = place;

	while (fn->places[root].parent >= 0)
		root = fn->places[root].parent;
	for (int i = (int)(from - fn->items) + 1; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->call;

		if (item->kind != ITEM_CALL || !call || !fn->reached[i] || item == from ||
		    api_is(call->api, ROLE(LOG)) ||
		    (!call->api && !call->target && call_is_talk(call)))
			continue;
		for (int k = 0; k < call->n_args; k++) {
			const struct operand *o = &call->args[k];

			if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
				continue;
			if (o->place != place && (o->place != root || !e2_keeps(call, k + 1)))
				continue;
			/* return Handle(fd): whoever gets the object may ask it. */
			if (!call->api && !call->target && e2_is_returned(fn, item))
				return NULL;
			return e2_callee_asks(call, place) ? NULL : item;
		}
	}
	return NULL;
}

/* IS_VALID(client), where the result went into a member of it. */
static bool e2_is_asked_whole(const struct function *fn, int place)
{
	int root = place;

	while (fn->places[root].parent >= 0)
		root = fn->places[root].parent;
	for (int i = 0; root != place && i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind != ITEM_CALL || !call || call->api || call->target ||
		    (call->flags & CALL_DROPPED))
			continue;
		for (int k = 0; k < call->n_args; k++)
			if (operand_is_place(&call->args[k], root))
				return true;
	}
	return false;
}

/* emit clientNow(fd) */
static bool e2_is_emitted(const struct function *fn, const struct item *item)
{
	size_t n;
	const char *line = source_line(fn->source, item->at.row, &n);

	return !item->call->target && memmem(line, n, "emit ", 5);
}

/* accept() whose result no condition looks at, handed on as a connection. */
static void e2_accepted(struct function *fn, const struct item *item)
{
	int place = item_result(fn, item);
	const struct item *user;

	if (place < 0 || (item->call->flags & (CALL_DROPPED | CALL_VOID)) ||
	    fn->places[place].kind == PLACE_TEMP)
		return;
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind != ITEM_DIES && fn->items[i].kind != ITEM_DECLARE &&
		    (operand_is_place(&fn->items[i].a, place) ||
		     operand_is_place(&fn->items[i].b, place)) &&
		    (fn->items[i].kind != ITEM_ASSIGN || fn->items[i].dst != place))
			return;
	if (e2_is_asked_whole(fn, place) || function_find_call(fn, e2_asserts, NULL))
		return;
	user = e2_hands_over(fn, item, place);
	/* The slot of a signal may ask. */
	if (user && e2_is_emitted(fn, user))
		return;
	if (user)
		e2_report(fn, user, fn->places[place].text, item, FAILS_MINUS_ONE, false);
}

/* A callback that learns whether it went well and does not look. */
static const struct item *e2_deaf(struct function *callback, int status)
{
	const struct item *user = NULL;
	int place;

	if (status < 1 || status > callback->n_params || callback->n_params < 1 ||
	    callback->skipped)
		return NULL;
	place = callback->params[status - 1];
	for (int i = 0; i < callback->n_items; i++) {
		const struct item *item = &callback->items[i];

		if (operand_is_place(&item->a, place) || operand_is_place(&item->b, place))
			return NULL;
		for (int k = 0; item->kind == ITEM_CALL && item->call && k < item->call->n_args;
		     k++) {
			const struct operand *o = &item->call->args[k];

			if (operand_is_place(o, place))
				return NULL;
			if (!user && (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
			    place_root(callback, o->place) ==
				    &callback->places[callback->params[0]])
				user = item;
		}
	}
	return user;
}

static void e2_status(struct function *fn, const struct item *item)
{
	for (const struct fact *f = api_fact(item->call->api, FACT_STATUS); f;
	     f = api_fact_next(item->call->api, f)) {
		struct function *callback = operand_function(fn, call_argument(item->call, f->arg));
		const struct item *user;
		struct finding *finding;

		user = callback ? e2_deaf(callback, f->arg2) : NULL;
		if (!user)
			continue;
		finding = finding_add(
			&rule_E2, callback, user->at,
			"%s() is also called when %s() has failed. `%s` says so, but is not checked before the connection is used.",
			callback->label, item->call->name,
			callback->places[callback->params[f->arg2 - 1]].text);
		finding_fix(
			finding,
			"Begin %s() with `if (%s < 0)`: close the handle, and retry or report there.",
			callback->label, callback->places[callback->params[f->arg2 - 1]].text);
	}
}

/* The call takes the amount for a number of bytes: write(fd, text, n). */
static bool e2_is_length(const struct call *call, int amount)
{
	const struct fact *length = api_fact(call->api, FACT_LENGTH);
	const struct operand *o = length ? call_argument(call, length->arg) : NULL;

	if (o && operand_is_place(o, amount))
		return true;
	for (const struct fact *f = api_fact(call->api, FACT_SINK); f;
	     f = api_fact_next(call->api, f)) {
		o = call_argument(call, f->arg);
		if (o && !strcmp(f->word, "length") && operand_is_place(o, amount))
			return true;
	}
	return false;
}

/* Where a -1 is an index or a length first. */
static const struct item *e2_amount_user(const struct function *fn, const struct item *item,
					 int amount, bool lengths)
{
	for (const struct item *i = item + 1; i < fn->items + fn->n_items; i++) {
		if (i->kind == ITEM_OPERATE && i->op == '[' && operand_is_place(&i->b, amount))
			return i;
		if (lengths && i->kind == ITEM_CALL && i->call && e2_is_length(i->call, amount))
			return i;
		/* It has another value from here on. */
		if (i->dst == amount && i->kind != ITEM_DIES && i->op != '[')
			return NULL;
	}
	return NULL;
}

/* if (check(n)), errno = 0; … if (errno): it is asked for in another way. */
static bool e2_is_asked_otherwise(const struct function *fn, const struct item *from, int amount)
{
	for (const struct item *i = from + 1; i < fn->items + fn->n_items; i++) {
		const struct call *call = i->kind == ITEM_CALL ? i->call : NULL;

		if (i->kind == ITEM_BRANCH &&
		    (operand_is_errno(fn, &i->a) || operand_is_errno(fn, &i->b)))
			return true;
		for (int k = 0; call && !call->api && k < call->n_args; k++)
			if (operand_is_place(&call->args[k], amount) &&
			    (call->target || !(call->flags & CALL_DROPPED)))
				return true;
	}
	return false;
}

/* It comes from a peer, and not from a file of the program's own. */
static bool e2_is_from_peer(const struct function *fn, const struct item *item)
{
	const struct fact *uses = api_fact(item->call->api, FACT_USES);
	const struct operand *o = uses ? call_argument(item->call, uses->arg) : NULL;

	return api_is(item->call->api, ROLE(PEER)) ||
	       (o && (descriptor_kinds(fn, o) & (DESCRIPTOR_STREAM | DESCRIPTOR_PACKET)));
}

/* text[n] = '\0', where n is what recv() gave and no condition tells whether it failed. */
static void e2_amount(struct function *fn, const struct item *item)
{
	struct contract contract = contract_of(item->call);
	int amount = item_result(fn, item);
	const struct item *user, *made;
	const char *name;
	struct finding *finding;
	bool kernel;

	if (amount < 0 || fn->places[amount].kind != PLACE_LOCAL ||
	    contract.gives != CONTRACT_AMOUNT || !api_is(contract.api, ROLE(READ)) ||
	    (contract.fails != FAILS_MINUS_ONE && contract.fails != FAILS_NEGATIVE) ||
	    e2_is_tested(fn, item, amount) || function_find_call(fn, e2_asserts, NULL))
		return;
	name = fn->places[amount].text;
	made = item->next >= 0 && fn->items[item->next].dst == amount ? &fn->items[item->next]
								      : item;
	user = e2_amount_user(fn, made, amount, e2_is_from_peer(fn, item));
	if (!user || e2_is_asked_otherwise(fn, made, amount))
		return;
	kernel = user->kind == ITEM_CALL && api_is(user->call->api, ROLE(WRITE)) &&
		 api_fact(user->call->api, FACT_USES);
	finding = finding_add_of(
		&rule_E2, fn, user->at, &item->at,
		"`%s` is used as %s without checking whether %s succeeded; if it failed, %s.", name,
		user->kind == ITEM_CALL ? "a length" : "an index", call_text(fn, item),
		kernel                    ? "the kernel refuses a length of -1"
		: user->kind == ITEM_CALL ? "the length is -1, the largest of all"
					  : "the index is -1, before the buffer");
	/* write(fd, text, -1): EINVAL. */
	if (finding && kernel)
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), test `%s` right after %s: below 0 it failed, and at 0 the peer has hung up.",
		fn->label, name, call_text(fn, item));
}

/* E2: a failed result is used: accept's -1, a null socket, the -1 of a read. */
static void e2_function(struct function *fn)
{
	scanned_function(fn);
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind != ITEM_CALL || !item->call || !fn->reached[i])
			continue;
		if (api_is(item->call->api, ROLE(ACCEPT)) &&
		    contract_of(item->call).fails == FAILS_MINUS_ONE)
			e2_accepted(fn, item);
		e2_amount(fn, item);
		if (item->call->api)
			e2_status(fn, item);
	}
}

const struct rule rule_E2 = {
	.id = "E2",
	.title = "A failed result is used",
	.cwe = "252,690",
	.pillar = 703,
	.severity = SEVERITY_ERROR,
	.consequence =
		"after a failure the program uses -1 or a null pointer, and crashes or misbehaves",
	.use = e2_use,
	.call = e2_receiver,
	.function = e2_function,
};
