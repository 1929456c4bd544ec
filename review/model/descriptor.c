/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of descriptors, spread over assignments, arguments and results until nothing changes. */

#include "model/descriptor.h"
#include "model/registrations.h"
#include "read/source.h"

#include <string.h>

enum { DESCRIPTOR_ROUNDS = 8 };

/* A local is (function, place); a member is (its class, its name); a global is (NULL, its name). */
struct descriptor_node {
	const void *scope;
	const void *name;
	uint8_t kinds;
	bool used;
};

static struct {
	struct descriptor_node *nodes;
	size_t n, cap;
	bool changed;
} descriptors;

static size_t descriptor_slot(const void *scope, const void *name)
{
	size_t h = ((uintptr_t)scope >> 3) * 0x9e3779b1u + ((uintptr_t)name >> 1) * 0x85ebca6bu;

	for (h &= descriptors.cap - 1; descriptors.nodes[h].used;
	     h = (h + 1) & (descriptors.cap - 1))
		if (descriptors.nodes[h].scope == scope && descriptors.nodes[h].name == name)
			break;
	return h;
}

static void descriptor_grow(void)
{
	struct descriptor_node *old = descriptors.nodes;
	size_t n = descriptors.cap;

	descriptors.cap = n ? n * 2 : 1024;
	descriptors.nodes = arena_alloc(&run_arena, descriptors.cap * sizeof(*old));
	for (size_t i = 0; i < n; i++)
		if (old[i].used)
			descriptors.nodes[descriptor_slot(old[i].scope, old[i].name)] = old[i];
}

static unsigned descriptor_get(const void *scope, const void *name)
{
	size_t slot = descriptors.cap ? descriptor_slot(scope, name) : 0;

	return descriptors.cap && descriptors.nodes[slot].used ? descriptors.nodes[slot].kinds : 0;
}

static void descriptor_add(const void *scope, const void *name, unsigned kinds)
{
	struct descriptor_node *node;

	if (!kinds)
		return;
	if (descriptors.n * 2 >= descriptors.cap)
		descriptor_grow();
	node = &descriptors.nodes[descriptor_slot(scope, name)];
	descriptors.n += !node->used;
	descriptors.changed |= (kinds & ~(unsigned)node->kinds) != 0;
	*node = (struct descriptor_node){ scope, name, (uint8_t)(node->kinds | kinds), true };
}

/*
 * ends[0] and ends[1] of a pipe or a pair are two: what is done to one of them is kept under its
 * own name, beside what holds for all. -1: no element with a number.
 */
static int descriptor_element(const struct function *fn, int place)
{
	const struct place *p = &fn->places[place];

	return p->kind == PLACE_INDEX && p->name[0] >= '0' && p->name[0] <= '9' && !p->name[1]
		       ? p->name[0] - '0'
		       : -1;
}

static const void *descriptor_element_name(const void *name, int element)
{
	return (const void *)((uintptr_t)name ^ ((uintptr_t)(element + 1) << 56));
}

/* Where the kinds of a place are kept; false: nowhere. */
static bool descriptor_key(const struct function *fn, int place, const void **scope,
			   const void **name)
{
	const struct place *p = &fn->places[place];

	while (p->kind == PLACE_DEREF || p->kind == PLACE_INDEX) {
		place = p->parent;
		p = &fn->places[place];
	}
	*name = p->name;
	if (p->kind == PLACE_FIELD) {
		*scope = place_type(fn, p->parent, NULL);
		return *scope != NULL;
	}
	if (p->kind == PLACE_FREE || p->kind == PLACE_CAPTURE) {
		*scope = p->is_member   ? (const void *)fn->class_name
			 : p->is_global ? NULL
					: (const void *)fn->source;
		return p->name != NULL;
	}
	*scope = fn;
	*name = (const void *)((uintptr_t)place + 1);
	return true;
}

static unsigned descriptor_of_place(const struct function *fn, int place)
{
	const void *scope, *name;
	int element;

	if (place < 0 || !descriptor_key(fn, place, &scope, &name))
		return 0;
	element = descriptor_element(fn, place);
	return descriptor_get(scope, name) |
	       (element < 0 ? 0 : descriptor_get(scope, descriptor_element_name(name, element)));
}

static void descriptor_add_place(const struct function *fn, int place, unsigned kinds)
{
	const void *scope, *name;

	if (place < 0 || !descriptor_key(fn, place, &scope, &name))
		return;
	if (descriptor_element(fn, place) >= 0)
		name = descriptor_element_name(name, descriptor_element(fn, place));
	descriptor_add(scope, name, kinds);
}

static unsigned descriptor_of(const struct function *fn, const struct operand *o)
{
	int64_t number;

	if (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS)
		return descriptor_of_place(fn, o->place);
	/* Standard input and output, of which nobody knows what they are. */
	return operand_is_number(o, &number) && number >= 0 ? DESCRIPTOR_OTHER : 0;
}

/* O_NONBLOCK does nothing for a file; for a device or a FIFO, which only its name tells, it does. */
static bool descriptor_is_file(const struct call *call)
{
	int path = !strcmp(call->name, "openat") ? 1 : 0;

	if (strncmp(call->name, "open", 4) != 0 || call->n_args <= path)
		return false;
	return call->args[path].kind != OPERAND_STRING ||
	       strncmp(call->args[path].text, "/dev/", 5) != 0;
}

/* Of a family, or by a type, that keeps the limits of messages. */
static bool descriptor_is_packet(const struct function *fn, const struct item *item)
{
	static const char *const words[] = { "DGRAM",    "DATAGRAM", "SEQPACKET", "_RAW",
					     "SOCK_RDM", "NETLINK",  "_PACKET",   "F_CAN",
					     "F_ALG",    "AF_XDP" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (item_mentions(fn, item, words[i]))
			return true;
	return false;
}

/* socket(ai->ai_family, ai->ai_socktype, …), where the function asked for SOCK_DGRAM alone. */
static bool descriptor_asked_for_packets(const struct function *fn, const struct item *item)
{
	bool packets = false;

	if (!item_mentions(fn, item, "socktype"))
		return false;
	for (uint32_t row = fn->at.row; row <= item->at.row; row++) {
		size_t n;
		const char *line = source_line(fn->source, row, &n);

		if (memmem(line, n, "SOCK_STREAM", 11))
			return false;
		packets |= memmem(line, n, "SOCK_DGRAM", 10) != NULL;
	}
	return packets;
}

static unsigned descriptor_opened(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const struct fact *opens = api_fact(call->api, FACT_OPENS);
	unsigned kinds = item_mentions(fn, item, "NONBLOCK") && !item_mentions(fn, item, "?") &&
					 !descriptor_is_file(call)
				 ? DESCRIPTOR_NONBLOCK
				 : 0;

	if (api_is(call->api, ROLE(STREAM)))
		return DESCRIPTOR_STREAM;
	if (!opens || (strcmp(opens->word, "fd") != 0 && !api_is(call->api, ROLE(SOCKET))))
		return 0;
	if (api_is(call->api, ROLE(SOCKET)))
		return kinds |
		       (descriptor_is_packet(fn, item) || descriptor_asked_for_packets(fn, item)
				? DESCRIPTOR_PACKET | (item_mentions(fn, item, "SEQPACKET")
							       ? 0
							       : DESCRIPTOR_DATAGRAM)
				: DESCRIPTOR_STREAM);
	if (!api_is(call->api, ROLE(ACCEPT)))
		return kinds | (!strncmp(call->api->name, "dup", 3) && call->n_args
					? descriptor_of(fn, &call->args[0])
					: DESCRIPTOR_OTHER);
	return kinds | (call->n_args && (descriptor_of(fn, &call->args[0]) & DESCRIPTOR_PACKET)
				? DESCRIPTOR_PACKET
				: DESCRIPTOR_STREAM);
}

/* flags & ~O_NONBLOCK: the function makes it block, or as its caller wants it. */
static bool descriptor_blocks_too(const struct function *fn)
{
	for (uint32_t row = fn->at.row; row <= fn->end.row; row++) {
		size_t n;
		const char *line = source_line(fn->source, row, &n);

		if (memchr(line, '~', n) &&
		    (memmem(line, n, "NONBLOCK", 8) || memmem(line, n, "NDELAY", 6)))
			return true;
	}
	return false;
}

bool item_blocks_again(const struct function *fn, const struct item *item)
{
	const struct function *target = item->call->target;

	if (!target)
		return api_is(item->call->api, ROLE(NONBLOCK)) && descriptor_blocks_too(fn);
	for (int i = 0; i < target->n_items; i++)
		if (target->items[i].kind == ITEM_CALL && target->items[i].call &&
		    api_is(target->items[i].call->api, ROLE(NONBLOCK)))
			return descriptor_blocks_too(target);
	return false;
}

bool item_unblocks(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;

	if (api_fact(call->api, FACT_UNBLOCKS))
		return true;
	if (!api_is(call->api, ROLE(NONBLOCK)) || call->n_args < 3)
		return false;
	if (descriptor_blocks_too(fn))
		return false;
	if (item_mentions(fn, item, "NONBLOCK") || item_mentions(fn, item, "NDELAY"))
		return true;
	/* flags |= O_NONBLOCK; fcntl(fd, F_SETFL, flags); */
	if (call->args[2].kind != OPERAND_PLACE)
		return false;
	for (const struct item *i = place_set_before(fn, call->args[2].place, item);
	     i && i + 24 > item; i = item_set_before(fn, i))
		if (i->kind == ITEM_OPERATE && i->op == '|' &&
		    strstr(operand_text(fn, &i->b), "NONBLOCK"))
			return true;
	return false;
}

/* flags = fcntl(fd, F_GETFL); … fcntl(fd, F_SETFL, flags) behind it puts back what was there. */
static bool descriptor_is_put_back(const struct function *fn, const struct item *unblocks)
{
	const struct operand *fd = &unblocks->call->args[0];

	for (const struct item *i = unblocks + 1; i < fn->items + fn->n_items; i++) {
		const struct call *call = i->kind == ITEM_CALL ? i->call : NULL;
		const struct item *set;

		if (!call || call->n_args < 3 || !api_is(call->api, ROLE(NONBLOCK)) ||
		    call->args[2].kind != OPERAND_PLACE || fd->kind != OPERAND_PLACE ||
		    strcmp(operand_text(fn, &call->args[0]), operand_text(fn, fd)) != 0)
			continue;
		set = place_set_before(fn, call->args[2].place, i);
		if (set && set->kind == ITEM_ASSIGN)
			set = operand_source(fn, &set->a, set);
		if (set && set->kind == ITEM_CALL && set->call && set < unblocks &&
		    item_mentions(fn, set, "F_GETFL"))
			return true;
	}
	return false;
}

static bool descriptor_stays_unblocked(const struct function *fn, const struct item *item)
{
	return item_unblocks(fn, item) && !descriptor_is_put_back(fn, item);
}

/* It makes something non-blocking, itself or in a helper of the project. */
static bool descriptor_may_unblock(const struct function *fn, const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	return call && (api_fact(call->api, FACT_UNBLOCKS) || api_is(call->api, ROLE(NONBLOCK)) ||
			item_mentions(fn, item, "NONBLOCK") ||
			(call->target && function_find_role(call->target, ROLE(NONBLOCK))));
}

static bool descriptor_finds_dependence(const struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct operand *o = &fn->items[i].a;
		int test = item_block(fn, &fn->items[i]);

		if (fn->items[i].kind != ITEM_BRANCH || o->kind != OPERAND_PLACE || test < 0 ||
		    fn->places[o->place].kind != PLACE_PARAM || fn->places[o->place].stars)
			continue;
		for (int k = 0; k < fn->n_items; k++) {
			int block = descriptor_may_unblock(fn, &fn->items[k])
					    ? item_block(fn, &fn->items[k])
					    : -1;

			if (block >= 0 && (block_is_behind(fn, test, 0, block) ||
					   block_is_behind(fn, test, 1, block)))
				return true;
		}
	}
	return false;
}

/* dial(name, timeout): whether it blocks may depend on a number that is passed. */
static bool descriptor_depends(struct function *fn)
{
	if (!fn->blocks_if)
		fn->blocks_if = descriptor_finds_dependence(fn) ? 1 : -1;
	return fn->blocks_if > 0;
}

/* ev_io_init(w, callback, fd, …) keeps it in w->fd. */
static void descriptor_watched(const struct function *fn, const struct call *call)
{
	for (const struct fact *f = api_fact(call->api, FACT_STORES); f;
	     f = api_fact_next(call->api, f)) {
		const struct operand *o = call_argument(call, f->arg);
		const char *dot = strchr(f->word, '.');

		if (o && dot)
			descriptor_add(intern(f->word, (size_t)(dot - f->word)), intern_z(dot + 1),
				       descriptor_of(fn, o));
	}
}

/* What a function of the project returns: inet_connect(host, port, SOCK_DGRAM) as its caller says. */
static unsigned descriptor_given(const struct function *fn, const struct item *item)
{
	struct function *target = item->call->target;
	unsigned kinds = descriptor_get(target, NULL);

	if (descriptor_depends(target))
		kinds &= ~(unsigned)DESCRIPTOR_NONBLOCK;
	if ((kinds & DESCRIPTOR_STREAM) &&
	    (item_mentions(fn, item, "SOCK_DGRAM") || item_mentions(fn, item, "SOCK_SEQPACKET")))
		kinds = (kinds & ~(unsigned)DESCRIPTOR_STREAM) | DESCRIPTOR_PACKET;
	return kinds;
}

/* pthread_create(&id, NULL, serve, &fd), std::thread(serve, fd): what the thread begins with. */
static void descriptor_thread(const struct function *fn, const struct call *call)
{
	for (int i = 0; api_is(call->api, ROLE(THREAD)) && i < call->n_args; i++) {
		const struct function *start = operand_function(fn, &call->args[i]);

		for (int k = 0; start && k < start->n_params && i + 1 + k < call->n_args; k++)
			descriptor_add_place(start, start->params[k],
					     descriptor_of(fn, &call->args[i + 1 + k]));
		if (start)
			return;
	}
}

static void descriptor_call(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const struct function *target = call->target;
	const struct fact *opens = api_fact(call->api, FACT_OPENS);

	descriptor_watched(fn, call);
	descriptor_thread(fn, call);
	if (call->api) {
		unsigned kinds = descriptor_opened(fn, item);
		const struct operand *to = opens ? call_argument(call, opens->arg) : NULL;

		if (to && (to->kind == OPERAND_PLACE || to->kind == OPERAND_ADDRESS))
			descriptor_add_place(fn, to->place, kinds);
		else
			descriptor_add_place(fn, item->dst, kinds);
		if (!call->n_args || call->args[0].kind != OPERAND_PLACE)
			return;
		if (descriptor_stays_unblocked(fn, item))
			descriptor_add_place(fn, call->args[0].place, DESCRIPTOR_NONBLOCK);
		if (api_is(call->api, ROLE(LISTEN)))
			descriptor_add_place(fn, call->args[0].place, DESCRIPTOR_LISTENER);
	}
	for (int i = 0; target && i < call->n_args && i < target->n_params; i++) {
		const struct operand *o = &call->args[i];

		descriptor_add_place(target, target->params[i], descriptor_of(fn, o));
		if (o->kind == OPERAND_ADDRESS)
			descriptor_add_place(fn, o->place,
					     descriptor_of_place(target, target->params[i]));
	}
	if (target && !(call->flags & (CALL_NEW | CALL_CONSTRUCT)))
		descriptor_add_place(fn, item->dst, descriptor_given(fn, item));
}

/* set_nonblocking(fd): what a helper does to its parameter holds for the argument. */
static void descriptor_back(const struct function *fn, const struct call *call)
{
	for (int i = 0; call->target && i < call->n_args && i < call->target->n_params; i++) {
		const struct function *target = call->target;

		if (call->args[i].kind != OPERAND_PLACE)
			continue;
		for (int k = 0; k < target->n_items; k++) {
			const struct item *item = &target->items[k];

			if (item->kind == ITEM_CALL && item->call && item->call->n_args &&
			    operand_is_place(&item->call->args[0], target->params[i]) &&
			    descriptor_stays_unblocked(target, item))
				descriptor_add_place(fn, call->args[i].place, DESCRIPTOR_NONBLOCK);
		}
	}
}

static void descriptor_function(const struct function *fn, bool first)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_ASSIGN && item->a.kind == OPERAND_PLACE) {
			descriptor_add_place(fn, item->dst, descriptor_of(fn, &item->a));
		} else if (item->kind == ITEM_RETURN && item->a.kind == OPERAND_PLACE) {
			descriptor_add(fn, NULL, descriptor_of(fn, &item->a));
		} else if (item->kind == ITEM_CALL && item->call) {
			descriptor_call(fn, item);
			if (first)
				descriptor_back(fn, item->call);
		}
	}
}

/* What is watched is what the callback is called with: a number, or the watcher that has it. */
static void descriptor_registered(const struct registration *registration)
{
	const struct function *callback = registration->callback;
	unsigned given =
		registration->data ? descriptor_of(registration->fn, registration->data) : 0;
	unsigned kinds = registration->descriptor
				 ? descriptor_of(registration->fn, registration->descriptor)
				 : 0;

	for (int i = 0; given && i < callback->n_params; i++) {
		uint8_t stars = 0;
		const char *type = place_type(callback, callback->params[i], &stars);

		if (stars == 1 && type && (!strcmp(type, "void") || !strcmp(type, "gpointer")))
			descriptor_add_place(callback, callback->params[i], given);
	}
	for (int i = 0; kinds && i < callback->n_params && i < 2; i++) {
		uint8_t stars = 0;
		const char *type = place_type(callback, callback->params[i], &stars);

		/* (fd, …), or (source, fd, …). */
		if (!stars && (i == 0 || (callback->places[callback->params[0]].stars && type &&
					  !strcmp(type, "int"))))
			descriptor_add_place(callback, callback->params[i], kinds);
		else if (stars == 1 && type && strstr(type, "io"))
			descriptor_add(type, intern_z("fd"), kinds);
	}
}

void descriptors_find(void)
{
	descriptors.nodes = NULL;
	descriptors.n = descriptors.cap = 0;
	descriptor_grow();
	descriptors.changed = true;
	for (int round = 0; round < DESCRIPTOR_ROUNDS && descriptors.changed; round++) {
		descriptors.changed = false;
		for (size_t i = 0; i < n_registrations; i++)
			descriptor_registered(&registrations[i]);
		for (size_t i = 0; i < program.n_functions; i++)
			if (program.functions[i]->interesting)
				descriptor_function(program.functions[i], round == 0);
	}
}

unsigned descriptor_kinds(const struct function *fn, const struct operand *operand)
{
	return operand ? descriptor_of(fn, operand) : 0;
}

/* The kinds of all sockets that the functions of the source open. */
static unsigned descriptor_looks_for_kinds(const struct source *source)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *fn = program.functions[i];

		for (int k = 0; fn->source == source && fn->interesting && k < fn->n_items; k++) {
			const struct item *item = &fn->items[k];
			const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

			if (call && api_is(call->api, ROLE(SOCKET) | ROLE(ACCEPT) | ROLE(LISTEN)))
				kinds |= api_is(call->api, ROLE(LISTEN))
						 ? DESCRIPTOR_STREAM
						 : descriptor_opened(fn, item);
		}
	}
	return kinds & (DESCRIPTOR_STREAM | DESCRIPTOR_PACKET);
}

/* Are all sockets that the functions of the source open for packets? */
static bool descriptor_only_packets(struct source *source)
{
	if (!source->packets)
		source->packets = descriptor_looks_for_kinds(source) == DESCRIPTOR_PACKET ? 1 : -1;
	return source->packets > 0;
}

/* The value of a call of which nothing is known, as of another library. */
static bool descriptor_is_foreign(const struct function *fn, const struct operand *o,
				  const struct item *before)
{
	const struct item *source = operand_source(fn, o, before);

	return source && source->kind == ITEM_CALL && source->call && !source->call->api &&
	       !source->call->target && !(source->call->flags & (CALL_NEW | CALL_CONSTRUCT));
}

bool descriptor_is_strange(const struct function *fn, const struct operand *o,
			   const struct item *before)
{
	if (!o || descriptor_kinds(fn, o))
		return false;
	if (descriptor_is_foreign(fn, o, before))
		return true;
	/* Whoever passes a number may have it from another file. */
	return (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       fn->places[o->place].kind != PLACE_PARAM && descriptor_only_packets(fn->source);
}
