/* SPDX-License-Identifier: Apache-2.0 */
/* Failures that a later call tells, or that hardly happen; see later.h. */

#include "rules/later.h"
#include "flow/contract.h"
#include "model/descriptor.h"

#include <string.h>

static const struct operand *later_descriptor(const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	const struct fact *uses = call ? api_fact(call->api, FACT_USES) : NULL;

	return uses ? call_argument(call, uses->arg) : NULL;
}

/* Both are the same variable, or members and globals of one name. */
static bool later_is_same(const struct function *fn, const struct operand *o,
			  const struct function *other, const struct operand *p)
{
	const struct place *a, *b;

	if (!o || !p || o->kind != OPERAND_PLACE || p->kind != OPERAND_PLACE)
		return false;
	if (fn == other)
		return o->place == p->place ||
		       !strcmp(fn->places[o->place].text, other->places[p->place].text);
	a = &fn->places[o->place];
	b = &other->places[p->place];
	return a->name && a->name == b->name && !place_is_local(fn, o->place) &&
	       !place_is_local(other, p->place);
}

/* A condition, or the caller, gets to know what came of it. */
static bool later_is_tested(const struct function *fn, const struct item *item)
{
	int place = item_result(fn, item);
	const struct item *blind;

	if ((item->call->flags & (CALL_DROPPED | CALL_VOID)) || place < 0 ||
	    contract_fate(fn, item, &blind) != CONTRACT_SEEN)
		return false;
	for (const struct item *i = item + 1; i < fn->items + fn->n_items; i++)
		if ((i->kind == ITEM_BRANCH || i->kind == ITEM_RETURN) &&
		    (operand_is_place(&i->a, place) || operand_is_place(&i->b, place)))
			return true;
	return false;
}

/* What of a role is called on the descriptor: how many of these calls are tested, and how many not. */
struct later_calls {
	int tested, dropped;
};

static void later_count(const struct function *fn, const struct operand *fd, struct function *other,
			uint64_t roles, struct later_calls *calls)
{
	for (int i = 0; i < other->n_items; i++) {
		const struct item *item = &other->items[i];

		if (item->kind != ITEM_CALL || !item->call || !api_is(item->call->api, roles) ||
		    !later_is_same(fn, fd, other, later_descriptor(item)))
			continue;
		if (later_is_tested(other, item))
			calls->tested++;
		else
			calls->dropped++;
	}
}

/* In the function, or, for what outlives it and of which it has no such call, anywhere. */
static struct later_calls later_calls(struct function *fn, const struct operand *fd, uint64_t roles)
{
	struct later_calls calls = { 0, 0 };

	later_count(fn, fd, fn, roles, &calls);
	for (size_t f = 0; !calls.tested && !calls.dropped && fd->kind == OPERAND_PLACE &&
			   !place_is_local(fn, fd->place) && f < program.n_functions;
	     f++)
		if (program.functions[f] != fn && program.functions[f]->interesting)
			later_count(fn, fd, program.functions[f], roles, &calls);
	return calls;
}

bool later_is_told(struct function *fn, const struct item *item)
{
	const struct operand *fd = later_descriptor(item);

	for (const struct item *i = item + 1; fd && i < fn->items + fn->n_items; i++) {
		if (i->kind != ITEM_CALL || !i->call || !i->call->api ||
		    !later_is_same(fn, fd, fn, later_descriptor(i)))
			continue;
		/* What is closed, or asked for its name, tells nothing. */
		if (api_fact(i->call->api, FACT_CLOSES))
			return false;
		if (later_is_tested(fn, i) && api_fact(i->call->api, FACT_BLOCKS))
			return true;
		if (!api_is(i->call->api, ROLE(SETOPT) | ROLE(NONBLOCK) | ROLE(BIND) |
						  ROLE(LISTEN) | ROLE(CONNECT)))
			return false;
	}
	return false;
}

/* listen() on what was bound before fails only when somebody else listens on the same port. */
static bool later_listens(struct function *fn, const struct item *item)
{
	const struct operand *fd = later_descriptor(item);
	struct later_calls binds, accepts;
	const struct item *opened;

	if (!fd || contract_of(item->call).fails != FAILS_MINUS_ONE)
		return false;
	/* s = open_door(…): that has made it listen, and this call changes how many may wait. */
	opened = operand_source(fn, fd, item);
	if (opened && opened->call->target &&
	    function_find_role(opened->call->target, ROLE(LISTEN)))
		return true;
	accepts = later_calls(fn, fd, ROLE(ACCEPT));
	if (accepts.tested && !accepts.dropped)
		return true;
	binds = later_calls(fn, fd, ROLE(BIND));
	return binds.tested && !binds.dropped;
}

/* connect() of datagrams only names whom they go to; what does not block tells its outcome to poll(). */
static bool later_connects(struct function *fn, const struct item *item)
{
	const struct operand *fd = later_descriptor(item);
	unsigned kinds = descriptor_kinds(fn, fd);

	if (!fd || contract_of(item->call).fails != FAILS_MINUS_ONE)
		return false;
	return (kinds & (DESCRIPTOR_DATAGRAM | DESCRIPTOR_NONBLOCK)) || later_is_told(fn, item);
}

/* to.sin_port = 0, or htons(0): whatever port is free. */
static bool later_binds_any(const struct function *fn, const struct item *item)
{
	bool any = false;

	for (const struct item *i = fn->items; i < item; i++) {
		const char *name = i->dst >= 0 ? fn->places[i->dst].name : NULL;
		const struct item *source;
		int64_t port;

		if (i->kind != ITEM_ASSIGN || !name ||
		    (strcmp(name, "sin_port") != 0 && strcmp(name, "sin6_port") != 0))
			continue;
		source = operand_source(fn, &i->a, i);
		if (!operand_is_number(source && source->call->n_args == 1 ? &source->call->args[0]
									   : &i->a,
				       &port) ||
		    port)
			return false;
		any = true;
	}
	return any;
}

/* udp->bind(), udp->bind(address): whatever port is free. */
static bool later_is_any_port(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const char *type;
	uint8_t stars = 1;
	int64_t port;

	if (!call->receiver_type || strcmp(call->receiver_type, "QUdpSocket") != 0)
		return false;
	if (call->n_args != 1)
		return !call->n_args || (operand_is_number(&call->args[1], &port) && !port);
	if (operand_is_number(&call->args[0], &port))
		return !port;
	if (starts_with(operand_text(fn, &call->args[0]), "QHostAddress"))
		return true;
	type = call->args[0].kind == OPERAND_PLACE ? place_type(fn, call->args[0].place, &stars)
						   : NULL;
	return type && !stars && !strcmp(type, "QHostAddress");
}

/*
 * What comes next on the descriptor: another bind(), which is tested, or whom it sends to; then this
 * one only chooses from where, and the kernel chooses otherwise.
 */
static bool later_only_sends(const struct function *fn, const struct item *item)
{
	const struct operand *fd = later_descriptor(item);

	for (const struct item *i = item + 1; fd && i < fn->items + fn->n_items; i++) {
		if (i->kind != ITEM_CALL || !i->call || !i->call->api ||
		    !later_is_same(fn, fd, fn, later_descriptor(i)) ||
		    api_is(i->call->api, ROLE(SETOPT) | ROLE(NONBLOCK)))
			continue;
		if (api_is(i->call->api, ROLE(BIND)))
			return later_is_tested(fn, i);
		return api_is(i->call->api, ROLE(CONNECT)) ||
		       (api_is(i->call->api, ROLE(WRITE)) && !api_is(i->call->api, ROLE(READ)));
	}
	return false;
}

bool later_is_minor(struct function *fn, const struct item *item)
{
	const struct api *api = item->call->api;

	if (api_is(api, ROLE(LISTEN)))
		return later_listens(fn, item);
	if (api_is(api, ROLE(CONNECT)))
		return later_connects(fn, item);
	return api_is(api, ROLE(BIND)) &&
	       (later_binds_any(fn, item) || later_only_sends(fn, item) ||
		later_is_any_port(fn, item));
}

/* while (errno) connect(fd, …); */
static bool later_loops_on_errno(struct function *fn, const struct item *item)
{
	struct loop_exit exits[LOOP_EXITS];
	int loop = item_loop(fn, item), n = loop >= 0 ? loop_exits(fn, loop, exits) : 0;

	for (int i = 0; i < n; i++)
		if (exits[i].block == fn->loops[loop].header && exits[i].test &&
		    operand_is_errno(fn, &exits[i].test->a))
			return true;
	return false;
}

bool later_asks_errno(struct function *fn, const struct item *item)
{
	if (later_loops_on_errno(fn, item))
		return true;
	for (const struct item *i = item + 1; i < fn->items + fn->n_items; i++) {
		if (i->kind == ITEM_BRANCH &&
		    (operand_is_errno(fn, &i->a) || operand_is_errno(fn, &i->b)))
			return true;
		if (i->kind == ITEM_RETURN || i->kind == ITEM_THROW ||
		    (i->kind == ITEM_CALL && i->call &&
		     (!i->call->api || i->call->api->fails != FAILS_UNKNOWN)))
			return false;
	}
	return false;
}
