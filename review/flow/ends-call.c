/* SPDX-License-Identifier: Apache-2.0 */
/* What calls do once the peer has hung up: reads, waits, the project's own functions; see ends.h. */

#include "flow/contract.h"
#include "flow/ends-walk.h"
#include "read/source.h"
#include "model/descriptor.h"

#include <string.h>

#define ENDS_IS_ONE_OF(name, list) ends_is_one_of(name, list, sizeof(list) / sizeof(*(list)))

static bool ends_is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; name && i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

void ends_changes_name(struct ends_total *total, const char *name)
{
	if (!name || ends_name_changed(total, name))
		return;
	if (total->n_names == ENDS_NAMES)
		total->all_names = true;
	else
		total->names[total->n_names++] = name;
}

bool ends_name_changed(const struct ends_total *total, const char *name)
{
	for (int i = 0; i < total->n_names; i++)
		if (total->names[i] == name)
			return true;
	return total->all_names;
}

/* --- streams --- */

static const struct operand *ends_source(const struct item *item)
{
	const struct fact *uses = api_fact(item->call->api, FACT_USES);

	return uses ? call_argument(item->call, uses->arg) : NULL;
}

/* By its name it is no stream: datagrams have no end, and netlink has none. */
static bool ends_is_named_packet(const char *text)
{
	static const char *const words[] = { "udp",     "UDP",     "dgram",   "nl_",
					     "nlmsg",   "netlink", "Netlink", "raw_",
					     "icmp",    "ICMP",    "mcast",   "multicast",
					     "inotify", "timerfd", "eventfd", "signalfd",
					     "sigfd",   "can_" };

	for (size_t i = 0; text && i < sizeof(words) / sizeof(*words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* listen(door, 8): who reads from what listens has an error, and never an end. */
static bool ends_is_listener(const struct function *fn, const struct operand *o,
			     const struct item *item)
{
	const struct item *set = operand_source(fn, o, item);

	if (set && set->kind == ITEM_CALL && api_is(set->call->api, ROLE(ACCEPT)))
		return false;
	for (const struct item *i = item; i-- > fn->items;)
		if (i->kind == ITEM_CALL && i->call && i->call->n_args &&
		    api_is(i->call->api, ROLE(LISTEN)) &&
		    operand_is_place(&i->call->args[0], o->place))
			return true;
	return false;
}

/* case SOCK_DGRAM: of a switch, or if (type == SOCK_DGRAM), above the item and below any other. */
static bool ends_is_packet_case(const struct function *fn, const struct item *item, unsigned kinds)
{
	for (uint32_t row = item->at.row; row > fn->at.row; row--) {
		size_t n;
		const char *line = source_line(fn->source, row, &n);
		/* What has come to be a stream somewhere else is none in that case. */
		bool asks = memmem(line, n, "case", 4) ||
			    (!(kinds & DESCRIPTOR_STREAM) && memmem(line, n, "==", 2));

		if (asks && memmem(line, n, "SOCK_STREAM", 11))
			return false;
		if (asks && memmem(line, n, "SOCK_DGRAM", 10))
			return true;
	}
	return false;
}

bool ends_is_read(const struct function *fn, const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	const struct operand *o;
	unsigned kinds;

	if (!call || !api_is(call->api, ROLE(READ)) || !api_fact(call->api, FACT_BLOCKS) ||
	    contract_of(call).gives != CONTRACT_AMOUNT)
		return false;
	o = ends_source(item);
	if (!o || (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS))
		return false;
	kinds = descriptor_kinds(fn, o);
	if ((kinds & DESCRIPTOR_PACKET) || descriptor_is_strange(fn, o, item) ||
	    item_mentions(fn, item, "ERRQUEUE") ||
	    ends_is_named_packet(fn->places[o->place].text) || ends_is_named_packet(fn->name) ||
	    ends_is_named_packet(fn->class_name) || !strcmp(call->name, "recvmmsg") ||
	    ends_is_packet_case(fn, item, kinds) || ends_is_listener(fn, o, item))
		return false;
	return api_is(call->api, ROLE(PEER)) || (kinds & DESCRIPTOR_STREAM);
}

bool ends_reads_from(const struct ends_walk *walk, int place)
{
	const struct function *fn = walk->fn;

	for (int i = 0; i < fn->n_items; i++) {
		const struct operand *o =
			ends_is_read(fn, &fn->items[i]) ? ends_source(&fn->items[i]) : NULL;

		if (o && operand_is_place(o, place))
			return true;
	}
	return false;
}

/* What was given to the function, or lies in its object: not what it has opened itself. */
static bool ends_is_given(const struct function *fn, int place)
{
	const struct item *set = place_set_once(fn, place);
	const struct place *root = place_root(fn, place);

	if (root->kind == PLACE_LOCAL && set && set->kind == ITEM_ASSIGN &&
	    set->a.kind == OPERAND_PLACE) {
		const struct item *call = operand_source(fn, &set->a, set);

		/* int fd = g_io_channel_unix_get_fd(source); */
		if (call && call->kind == ITEM_CALL && !call->call->target)
			return !api_fact(call->call->api, FACT_OPENS);
		root = place_root(fn, set->a.place);
	}
	/* uv_fileno(handle, &fd) */
	if (root->kind == PLACE_LOCAL && !place_set_last(fn, place))
		return !set;
	return root->kind == PLACE_PARAM || root->kind == PLACE_THIS || root->kind == PLACE_FREE ||
	       root->kind == PLACE_CAPTURE;
}

/* Nobody has hung up: a read gives what it gives. */
static bool ends_is_frame(const struct ends_walk *walk)
{
	while (walk->outer)
		walk = walk->outer;
	return walk->frame;
}

/* The item reads from the very stream that is over. */
static bool ends_is_stream(const struct ends_walk *walk, const struct item *item)
{
	const struct operand *o = ends_source(item), *of;

	if (ends_is_frame(walk) || !o || (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS))
		return false;
	if (walk->does || !walk->read || walk->read->call->target)
		return ends_is_given(walk->fn, o->place);
	of = ends_source(walk->read);
	return of && o->kind == of->kind &&
	       (o->place == of->place ||
		!strcmp(walk->fn->places[o->place].text, walk->fn->places[of->place].text));
}

bool ends_moves_on(const struct ends_walk *walk, const struct item *item)
{
	const struct call *read = walk->read->call;
	const char *name;

	if (item == walk->wait || item == walk->read)
		return true;
	if ((item->kind != ITEM_ASSIGN && item->kind != ITEM_OPERATE) || item->op == '[' ||
	    item->dst < 0 || item->a.kind == OPERAND_NUMBER)
		return false;
	name = walk->fn->places[item->dst].name;
	for (int k = 0; k < read->n_args; k++) {
		if (read->args[k].kind != OPERAND_PLACE ||
		    !ends_names_stream(walk->fn, walk->read, k))
			continue;
		for (int i = read->args[k].place; i >= 0; i = walk->fn->places[i].parent)
			if (i == item->dst || (walk->fn->places[i].kind == PLACE_INDEX && name &&
					       place_name_has(walk->fn->places[i].name, name)))
				return true;
	}
	return false;
}

/* The parameter in which the function gets what it reads from; -1: another way. */
static int ends_stream_param(const struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct operand *o =
			ends_is_read(fn, &fn->items[i]) ? ends_source(&fn->items[i]) : NULL;
		const struct place *root = o ? place_root(fn, o->place) : NULL;

		if (root && root->kind == PLACE_PARAM)
			return root->param;
	}
	return -1;
}

bool ends_names_stream(const struct function *fn, const struct item *read, int arg)
{
	const struct fact *uses = api_fact(read->call->api, FACT_USES);
	int param;

	(void)fn;
	if (!read->call->target)
		return uses && uses->arg == arg + 1;
	param = ends_stream_param(read->call->target);
	return param < 0 || param == arg;
}

/* --- calls that are known --- */

bool ends_is_pure(const struct call *call)
{
	static const char *const names[] = {
		"strlen",    "strnlen",  "strchr",    "strrchr",     "strstr",  "memchr",
		"memmem",    "size",     "length",    "empty",       "count",   "find",
		"rfind",     "back",     "front",     "at",          "c_str",   "data",
		"constData", "isEmpty",  "begin",     "end",         "indexOf", "startsWith",
		"endsWith",  "contains", "ends_with", "starts_with", "compare", "strcasestr",
		"strspn",    "strcspn",  "strpbrk"
	};

	if (call->flags & (CALL_NEW | CALL_DELETE | CALL_CONSTRUCT | CALL_INDIRECT))
		return false;
	if (call->target)
		return false;
	return api_is(call->api, ROLE(PURE) | ROLE(COMPARE) | ROLE(BYTEORDER)) ||
	       ENDS_IS_ONE_OF(call->name, names);
}

/* close(), epoll_ctl(), event_del(): something is over, or is not waited for any more. */
static bool ends_touches(const struct ends_walk *walk, const struct call *call)
{
	static const char *const words[] = { "_stop",    "_del",       "_disable", "_remove",
					     "_destroy", "setEnabled", "elete",    "isconnect",
					     "abort",    "close",      "Close",    "unref",
					     "_clear" };
	const struct fact *closes = api_fact(call->api, FACT_CLOSES);
	const struct operand *o = closes ? call_argument(call, closes->arg) : NULL;

	if (call->flags & CALL_DELETE)
		return true;
	if (o && o->kind == OPERAND_PLACE && api_is(call->api, ROLE(MEMORY)))
		return !place_is_local(walk->fn, o->place) ||
		       place_root(walk->fn, o->place)->kind == PLACE_PARAM;
	if (closes || api_is(call->api, ROLE(WATCH) | ROLE(SHUTDOWN)) ||
	    api_fact(call->api, FACT_CLOSING))
		return true;
	return call->api && call_has_word(call, words, sizeof(words) / sizeof(*words));
}

/* What the arguments point to is other bytes afterwards. */
static void ends_writes(struct ends_walk *walk, struct ends_known *known, const struct item *item,
			int arg)
{
	const struct operand *o = arg < item->call->n_args ? &item->call->args[arg] : NULL;
	const struct place *p;

	if (!o || (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS) || arg > 14)
		return;
	walk->wrote[item - walk->fn->items] |= (uint16_t)(1 << arg);
	p = place_root(walk->fn, o->place);
	if (p->kind == PLACE_PARAM && p->param >= 0 && p->param < 16)
		walk->wrote_params |= (uint16_t)(1 << p->param);
	for (int i = o->place; i >= 0; i = walk->fn->places[i].parent)
		if (walk->fn->places[i].kind == PLACE_FIELD ||
		    walk->fn->places[i].kind == PLACE_FREE) {
			ends_changes_name(walk->total, walk->fn->places[i].name);
			break;
		}
	for (int i = known->n; i-- > 0 && i < known->n;)
		if (place_is_within(walk->fn, known->of[i].place, o->place))
			ends_forget(known, known->of[i].place);
}

static bool ends_only_looks(const struct call *call)
{
	return api_is(call->api, ROLE(LOG) | ROLE(PURE) | ROLE(COMPARE) | ROLE(CHECK)) ||
	       (api_is(call->api, ROLE(WRITE)) && !api_fact(call->api, FACT_READS)) ||
	       ends_is_pure(call);
}

static void ends_memory(struct ends_walk *walk, struct ends_known *known, const struct item *item)
{
	const struct call *call = item->call;

	for (int k = 0; k < call->n_args; k++)
		if (api_fills(call->api, k + 1) ||
		    (call->args[k].kind == OPERAND_ADDRESS && !ends_only_looks(call)))
			ends_writes(walk, known, item, k);
}

/* strcmp(line, "quit"), strlen(line), strchr(line, '\n'), where nothing stands in the line. */
static bool ends_of_empty(const struct ends_known *known, const struct call *call, int64_t *result)
{
	static const char *const searches[] = { "strlen", "strnlen",    "strchr", "strrchr",
						"strstr", "strcasestr", "strpbrk" };
	bool empty = false, text = false;

	for (int k = 0; k < call->n_args; k++) {
		empty |= ends_is_empty(known, &call->args[k]);
		text |= call->args[k].kind == OPERAND_STRING && *call->args[k].text;
	}
	*result = api_is(call->api, ROLE(COMPARE)) ? -1 : 0;
	return empty &&
	       ((api_is(call->api, ROLE(COMPARE)) && text && strcmp(call->name, "memcmp") != 0) ||
		ENDS_IS_ONE_OF(call->name, searches));
}

/* What is written to the peer that has gone fails, or ends the program; nothing of nothing does. */
static bool ends_send(struct ends_walk *walk, struct ends_known *known, const struct item *item)
{
	const struct fact *length = api_fact(item->call->api, FACT_LENGTH);
	const struct operand *n = length ? call_argument(item->call, length->arg) : NULL;
	int64_t number;

	if (!api_is(item->call->api, ROLE(WRITE)) || !api_fact(item->call->api, FACT_USES))
		return false;
	if (n && ends_number(known, n, &number) && !number) {
		ends_set(known, item->dst, ENDS_NUMBER, 0);
		return true;
	}
	walk->total->touches |= ends_is_stream(walk, item);
	return false;
}

static bool ends_known_call(struct ends_walk *walk, struct ends_known *known,
			    const struct item *item)
{
	const struct call *call = item->call;
	int64_t result;

	if (ends_is_read(walk->fn, item) && ends_is_stream(walk, item)) {
		ends_set(known, item->dst, ENDS_NUMBER, walk->total->gives);
		if (walk->does && !walk->does->reads) {
			walk->does->reads = true;
			walk->does->read = item;
			walk->does->reader = walk->fn;
		}
		return true;
	}
	if (api_is(call->api, ROLE(QUIT))) {
		walk->total->leaves = true;
		return false;
	}
	walk->total->touches |= ends_touches(walk, call);
	ends_memory(walk, known, item);
	ends_forget(known, item->dst);
	if (ends_send(walk, known, item))
		return true;
	if (!ends_is_frame(walk) &&
	    (api_is(call->api, ROLE(POLL)) || !strcmp(call->name, "FD_ISSET")))
		ends_set(known, item->dst, ENDS_NUMBER, 1);
	else if (ends_of_empty(known, call, &result) ||
		 (api_is(call->api, ROLE(BYTEORDER)) && call->n_args &&
		  ends_number(known, &call->args[0], &result) && !result))
		ends_set(known, item->dst, ENDS_NUMBER, result);
	return true;
}

/* --- the project's own --- */

void ends_note_out(struct ends_walk *walk, const struct ends_known *known, int param)
{
	const struct function *fn = walk->fn;
	struct operand text = { .kind = OPERAND_PLACE, .place = fn->params[param] };
	uint16_t bit = (uint16_t)(1 << param);
	int64_t number;

	if (ends_is_empty(known, &text))
		walk->emptied |= bit;
	else
		walk->not_emptied |= bit;
	for (int i = 0; i < fn->n_places; i++) {
		struct operand o = { .kind = OPERAND_PLACE, .place = i };

		if (fn->places[i].kind != PLACE_DEREF || fn->places[i].parent != fn->params[param])
			continue;
		if (!ends_number(known, &o, &number) ||
		    ((walk->out & bit) && walk->outs[param] != number)) {
			walk->no_out |= bit;
			return;
		}
		walk->out |= bit;
		walk->outs[param] = number;
		return;
	}
}

static void ends_arguments(struct ends_walk *inner, struct ends_known *known,
			   const struct ends_known *outside, const struct call *call)
{
	int64_t number;

	for (int k = 0; k < call->n_args && k < inner->fn->n_params; k++)
		if (ends_number(outside, &call->args[k], &number))
			ends_set(known, inner->fn->params[k], ENDS_NUMBER, number);
		else if (ends_is_empty(outside, &call->args[k]))
			ends_set(known, inner->fn->params[k], ENDS_EMPTY, 0);
}

/* What the call leaves behind in the caller's memory. */
static void ends_after(struct ends_walk *walk, struct ends_known *known, const struct item *item,
		       const struct ends_walk *inner)
{
	for (int k = 0; k < item->call->n_args && k < 15; k++) {
		const struct operand *o = &item->call->args[k];
		uint16_t bit = (uint16_t)(1 << k);

		if (!(inner->wrote_params & bit))
			continue;
		ends_writes(walk, known, item, k);
		if (o->kind == OPERAND_ADDRESS && (inner->out & bit) && !(inner->no_out & bit))
			ends_set(known, o->place, ENDS_NUMBER, inner->outs[k]);
		else if (o->kind == OPERAND_PLACE && (inner->emptied & ~inner->not_emptied & bit))
			ends_set(known, o->place, ENDS_EMPTY, 0);
	}
}

static bool ends_can_follow(const struct ends_walk *walk, const struct function *target)
{
	int depth = 0;

	if (!ends_is_small(target) || target->n_variants ||
	    (target->flags & (FUNCTION_CUT | FUNCTION_ERRORS)) || !target->n_blocks)
		return false;
	for (; walk; walk = walk->outer)
		if (walk->fn == target || ++depth > ENDS_DEPTH)
			return false;
	return true;
}

static void ends_simulate(struct ends_walk *walk, struct ends_known *known, const struct item *item,
			  struct ends_function *does)
{
	struct ends_walk inner = { .fn = item->call->target,
				   .outer = walk,
				   .call = item,
				   .total = walk->total,
				   .does = does,
				   .loop = -1 };
	struct ends_known inside = { .n = 0 };

	if (!ends_can_follow(walk, inner.fn)) {
		walk->total->unknown = true;
		return;
	}
	ends_begin(&inner);
	ends_arguments(&inner, &inside, known, item->call);
	ends_run(&inner, 0, inner.fn->blocks[0].first, &inside);
	walk->total->leaves |= inner.leaves;
	walk->total->unknown |= !inner.returned && !inner.leaves;
	ends_after(walk, known, item, &inner);
}

static bool ends_own_call(struct ends_walk *walk, struct ends_known *known, const struct item *item)
{
	struct ends_function does = { .n_returns = 0 };

	ends_simulate(walk, known, item, &does);
	ends_forget(known, item->dst);
	if (does.n_returns == 1 && !does.returns_other)
		ends_set(known, item->dst, ENDS_NUMBER, does.returns[0]);
	if (walk->does && does.reads && !walk->does->reads) {
		walk->does->reads = true;
		walk->does->read = does.read;
		walk->does->reader = does.reader;
	}
	return !walk->total->unknown;
}

void ends_apply(struct ends_walk *walk, struct ends_known *known, const struct item *item)
{
	struct ends_function does = { .n_returns = 0 };

	ends_simulate(walk, known, item, &does);
}

static void ends_told(struct ends_function *does, const struct ends_total *total)
{
	does->unknown |= total->unknown;
	does->leaves |= total->leaves;
	does->touches |= total->touches;
	does->marks |= total->marks;
}

void ends_target(struct function *fn, const struct item *item, int64_t gives,
		 struct ends_function *does, struct arena *arena)
{
	struct ends_total total = { .arena = arena, .gives = gives };
	struct ends_walk walk = { .fn = fn, .total = &total, .loop = -1 };
	struct ends_known known = { .n = 0 };

	ends_begin(&walk);
	ends_simulate(&walk, &known, item, does);
	ends_told(does, &total);
}

void ends_enter(struct function *fn, struct ends_function *does, struct arena *arena)
{
	struct ends_total total = { .arena = arena };
	struct ends_walk walk = { .fn = fn, .total = &total, .does = does, .loop = -1 };
	struct ends_known known = { .n = 0 };

	if (!ends_can_follow(NULL, fn)) {
		does->unknown = true;
		return;
	}
	ends_begin(&walk);
	ends_run(&walk, 0, fn->blocks[0].first, &known);
	does->leaves |= walk.leaves;
	ends_told(does, &total);
}

/* --- the others --- */

/* out.push_back(c): of the containers of C++ and Qt, whatever is in between. */
static bool ends_is_container_call(struct ends_walk *walk, const struct item *item, bool *changes)
{
	static const char *const grows[] = { "append",  "push_back", "emplace_back", "prepend",
					     "insert",  "assign",    "clear",        "resize",
					     "reserve", "pop_back",  "erase",        "write",
					     "put",     "flush",     "remove",       "chop",
					     "str" };
	const struct operand *receiver = &item->call->receiver;

	*changes = false;
	if (!receiver->kind || (item->call->flags & CALL_INDIRECT) ||
	    (receiver->kind == OPERAND_PLACE &&
	     walk->fn->places[receiver->place].kind == PLACE_THIS))
		return false;
	*changes = ENDS_IS_ONE_OF(item->call->name, grows);
	return *changes || ends_is_pure(item->call);
}

/* s.append(buf, n): nothing is added when n is 0. */
static bool ends_adds_nothing(const struct ends_known *known, const struct call *call)
{
	int64_t number;

	return (!strcmp(call->name, "append") || !strcmp(call->name, "write") ||
		!strcmp(call->name, "insert")) &&
	       call->n_args >= 2 && ends_number(known, &call->args[call->n_args - 1], &number) &&
	       !number;
}

static bool ends_unknown_call(struct ends_walk *walk, struct ends_known *known,
			      const struct item *item)
{
	const struct call *call = item->call;
	bool changes;

	ends_forget(known, item->dst);
	if (ends_is_container_call(walk, item, &changes)) {
		if (!changes || ends_adds_nothing(known, call))
			return true;
		walk->wrote[item - walk->fn->items] |= (uint16_t)ENDS_RECEIVER;
		if (call->receiver.kind == OPERAND_PLACE) {
			const struct place *p = &walk->fn->places[call->receiver.place];

			if (p->kind == PLACE_FIELD || p->kind == PLACE_FREE)
				ends_changes_name(walk->total, p->name);
		}
		return true;
	}
	if (call->scope && !strcmp(call->scope, "std"))
		return true;
	if (!(call->flags & CALL_INDIRECT) && !call->receiver.kind && call_is_talk(call))
		return true;
	walk->total->unknown = true;
	return false;
}

bool ends_call(struct ends_walk *walk, struct ends_known *known, const struct item *item)
{
	const struct call *call = item->call;

	if (item == walk->read) {
		walk->again = true;
		return false;
	}
	if (call_ends(call)) {
		/* What assert() ends is a debug build, or a test. */
		walk->leaves |= !api_is(call->api, ROLE(CHECK));
		return false;
	}
	walk->did[item - walk->fn->items] |= ENDS_CHANGED;
	if (call->flags & CALL_DELETE) {
		walk->total->touches = true;
		return true;
	}
	if (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_CAPTURE)) {
		ends_forget(known, item->dst);
		return true;
	}
	if (call->api)
		return ends_known_call(walk, known, item);
	if (call->target)
		return ends_own_call(walk, known, item);
	return ends_unknown_call(walk, known, item);
}
