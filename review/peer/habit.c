/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What functions do with bytes of a peer that neither the knowledge nor the project speaks of: as
 * the names of C++ have it everywhere, and as names of checks tell.
 */

#include "peer/peer.h"
#include "read/source.h"

#include <ctype.h>
#include <string.h>

static bool peer_name_has(const char *name, const char *const *words, size_t n)
{
	char lower[64];
	size_t i;

	for (i = 0; i < sizeof(lower) - 1 && name[i]; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	lower[i] = '\0';
	for (size_t w = 0; w < n; w++)
		if (strstr(lower, words[w]))
			return true;
	return false;
}

/* A function that nobody can look into, but whose name says what it is for. */
static bool peer_is_check(const char *name)
{
	static const char *const words[] = {
		"valid",  "check",  "safe",    "sanit",   "escape",      "quote",    "allow",
		"verify", "clean",  "legal",   "permit",  "canon",       "match",    "normal",
		"all_of", "any_of", "none_of", "find_if", "find_first_", "basename", "filename"
	};

	return peer_name_has(name, words, sizeof(words) / sizeof(*words));
}

/* A macro that nobody declares here may look at what it is given, and change it. */
static bool peer_is_macro(const char *name)
{
	for (const char *s = name; *s; s++)
		if (islower((unsigned char)*s))
			return false;
	return name[0] && name[1];
}

static bool peer_is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

#define PEER_IS_ONE_OF(name, list) peer_is_one_of(name, list, sizeof(list) / sizeof(*(list)))

/* A search that knows how far it may look: memchr(text, c, n), seek(text, n, "\r\n"). */
static bool peer_is_bounded_search(const struct call *call)
{
	bool what = false;
	int numbers = 0;

	if (call->n_args < 3 || (call->flags & CALL_DROPPED) ||
	    call->args[0].kind != OPERAND_PLACE ||
	    api_is(call->api, ROLE(READ) | ROLE(WRITE) | ROLE(STRING) | ROLE(COMPARE)))
		return false;
	for (int i = 1; i < call->n_args; i++) {
		const struct operand *o = &call->args[i];

		/* '\n' has no number here. */
		what |= o->kind == OPERAND_STRING || (o->kind == OPERAND_UNKNOWN && !o->text) ||
			(o->kind == OPERAND_NUMBER && o->number > 0 && o->number < 128);
		numbers += o->kind == OPERAND_PLACE || (o->kind == OPERAND_UNKNOWN && o->text);
	}
	return what && numbers;
}

/* end - text, where a bounded search has given `end`. */
static bool peer_is_up_to_found(const struct function *fn, const struct call *call)
{
	for (int i = 1; i < call->n_args; i++) {
		const struct operand *o = &call->args[i];
		const struct item *less =
			o->kind == OPERAND_PLACE ? place_set_once(fn, o->place) : NULL;
		const struct item *found = less && less->kind == ITEM_OPERATE && less->op == '-'
						   ? operand_source(fn, &less->a, less)
						   : NULL;

		if (found && peer_is_bounded_search(found->call))
			return true;
	}
	return false;
}

/* at + 5, where the call has given `at`. */
static bool peer_is_behind(const struct function *fn, const struct operand *o,
			   const struct item *call)
{
	const struct item *set;

	for (int depth = 0; depth < 3 && o->kind == OPERAND_PLACE; depth++) {
		set = place_set_once(fn, o->place);
		if (!set || set->kind != ITEM_OPERATE || set->op != '+')
			break;
		o = &set->a;
	}
	return operand_source(fn, o, fn->items + fn->n_items) == call;
}

/* text[i] == '\r', in a loop: the text is looked through for what cannot stand in a number. Like this one,
 * the characters that are written with a backslash have no number here. */
static bool peer_looks_through(const struct peer_walk *walk, const struct item *test,
			       const struct operand *text)
{
	const struct function *fn = walk->fn;
	const struct place *p;
	int block, buffer = peer_root_buffer(walk, text);

	if (test->kind != ITEM_BRANCH || (test->op != OP_EQ && test->op != OP_NE) ||
	    test->a.kind != OPERAND_PLACE ||
	    !(test->b.kind == OPERAND_NUMBER ? test->b.number && test->b.number < 128 &&
						       strchr(":;,", (char)test->b.number)
					     : test->b.kind == OPERAND_UNKNOWN && !test->b.text))
		return false;
	p = &fn->places[test->a.place];
	block = item_block(fn, test);
	return (p->kind == PLACE_INDEX || p->kind == PLACE_DEREF) && buffer >= 0 && block >= 0 &&
	       fn->blocks[block].loop >= 0 &&
	       (p->parent == buffer || walk->state[p->parent].base == buffer);
}

/*
 * strtoul() stops at the first character that is no digit. One is there when a search with a limit
 * has found it behind the number: in text that begins where the search did, or in front of what a
 * search before has found.
 */
bool peer_number_ends(const struct peer_walk *walk, const struct operand *text)
{
	const struct function *fn = walk->fn;

	if (!api_is(walk->item->call->api, ROLE(NUMBER)))
		return false;
	for (const struct item *item = fn->items; item < walk->item; item++) {
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

		if (peer_looks_through(walk, item, text))
			return true;
		if (!call || !peer_is_bounded_search(call))
			continue;
		if (operand_is_place(text, call->args[0].place) ||
		    (peer_is_up_to_found(fn, call) && peer_is_behind(fn, text, item)))
			return true;
	}
	return false;
}

/* The operand is one of the two that bufferevent_pair_new(…, pair) has made before. */
static bool peer_is_of_pair(const struct function *fn, const struct operand *o,
			    const struct item *before)
{
	const struct item *set =
		o->kind == OPERAND_PLACE ? place_set_before(fn, o->place, before) : NULL;
	const struct place *root;

	if (set && set->kind == ITEM_ASSIGN)
		o = &set->a;
	if (o->kind != OPERAND_PLACE || fn->places[o->place].kind != PLACE_INDEX)
		return false;
	root = place_root(fn, o->place);
	for (const struct item *item = fn->items; item < before; item++)
		if (item->kind == ITEM_CALL && item->call && item->call->n_args == 3 &&
		    !strcmp(item->call->name, "bufferevent_pair_new") &&
		    item->call->args[2].kind == OPERAND_PLACE &&
		    place_root(fn, item->call->args[2].place) == root)
			return true;
	return false;
}

static bool peer_is_of_pairs(const struct function *callback)
{
	bool any = false;

	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; i < fn->n_items; i++) {
			const struct call *call =
				fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

			if (!call || call->n_args < 2 || strcmp(call->name, "bufferevent_setcb"))
				continue;
			for (int k = 1; k < call->n_args; k++) {
				if ((call->args[k].kind != OPERAND_PLACE &&
				     call->args[k].kind != OPERAND_ADDRESS) ||
				    fn->places[call->args[k].place].name != callback->name)
					continue;
				if (!peer_is_of_pair(fn, &call->args[0], &fn->items[i]))
					return false;
				any = true;
			}
		}
	}
	return any;
}

/* A callback for nothing but pairs: both ends are this program's, and there is no peer. */
bool peer_reads_own_pair(const struct peer_walk *walk)
{
	struct peer_summary *s = walk->summary;

	if (!peer_has_pairs)
		return false;
	if (!s->own_pair)
		s->own_pair = peer_is_of_pairs(walk->fn) ? 1 : -1;
	return s->own_pair > 0;
}

static const char *const peer_measures[] = { "size",        "length",   "count",    "isEmpty",
					     "isNull",      "empty",    "compare",  "capacity",
					     "startsWith",  "endsWith", "contains", "indexOf",
					     "lastIndexOf", "find",     "rfind",    "starts_with",
					     "ends_with" };
static const char *const peer_amounts[] = { "size", "length", "count" };
static const char *const peer_searches[] = { "contains", "indexOf",     "lastIndexOf",
					     "find",     "rfind",       "startsWith",
					     "endsWith", "starts_with", "ends_with",
					     "count",    "value" };
static const char *const peer_numbers[] = { "toInt",      "toUInt",      "toLong",   "toULong",
					    "toLongLong", "toULongLong", "toUShort", "toShort",
					    "stoi",       "stoul",       "stol",     "stoll",
					    "stoull" };
static const char *const peer_growers[] = { "append", "prepend",    "push_back", "insert", "arg",
					    "assign", "operator+=", "setDevice", "replace" };
static const char *const peer_pointers[] = { "data", "constData", "c_str", "begin", "buffer" };
static const char *const peer_resizers[] = { "resize", "reserve" };

/* What a method of something tainted gives is tainted too, unless it only measures. */
static struct peer_value peer_method_result(struct peer_walk *walk, const struct call *call)
{
	struct peer_value v = peer_operand(walk, &call->receiver);
	struct peer_value result = peer_nothing;
	bool bytes = (v.kinds & (PEER_BYTES | PEER_STREAM)) || v.from[0];

	result.source = v.source;
	if (PEER_IS_ONE_OF(call->name, peer_pointers))
		result.base = peer_root_buffer(walk, &call->receiver);
	if (bytes && PEER_IS_ONE_OF(call->name, peer_amounts) && !call->n_args)
		result.kinds = PEER_AMOUNT;
	if (!bytes || PEER_IS_ONE_OF(call->name, peer_measures))
		return result;
	if (PEER_IS_ONE_OF(call->name, peer_numbers)) {
		result.kinds = v.kinds & PEER_BYTES
				       ? strstr(call->name, "Short") ? PEER_SHORT : PEER_WIDE
				       : 0;
		result.from[5] = v.from[0];
		return result;
	}
	if (!strcmp(call->name, "number") || peer_is_check(call->name))
		return result;
	v.kinds = v.kinds & PEER_STREAM ? PEER_TEXT : v.kinds & PEER_TEXT;
	/* data() and its like point to the same bytes. */
	v.kinds |= peer_operand(walk, &call->receiver).kinds & PEER_UNENDED;
	v.from[5] = 0;
	return v;
}

/* text.copy(to, n): as memcpy() has it, with an end of its own. */
static void peer_copies_out(struct peer_walk *walk, const struct call *call, struct peer_value v)
{
	if (strcmp(call->name, "copy") != 0 || call->n_args < 2 || !(v.kinds & PEER_BYTES))
		return;
	peer_check(walk, PEER_SINK_COPY, &call->args[1], peer_root_buffer(walk, &call->args[0]));
	v.kinds = (v.kinds & PEER_TEXT) | PEER_UNENDED;
	v.base = -1;
	if (call->args[0].kind == OPERAND_PLACE || call->args[0].kind == OPERAND_ADDRESS)
		peer_fill(walk, &call->args[0], &call->args[1], v);
}

void peer_counted_text(struct peer_walk *walk, const struct call *call)
{
	for (int i = 0; i < call->n_args && i < 2 && call->n_args >= 2; i++)
		if (peer_operand(walk, &call->args[i]).kinds & PEER_NUMBER)
			peer_check(walk, PEER_SINK_ALLOC, &call->args[i], -1);
}

void peer_method(struct peer_walk *walk, const struct call *call, struct peer_value *result)
{
	static const char *const counted[] = { "append", "assign", "setRawData" };
	const struct operand *receiver = &call->receiver;
	struct peer_value v = peer_operand(walk, receiver);

	peer_copies_out(walk, call, v);
	if (PEER_IS_ONE_OF(call->name, counted))
		peer_counted_text(walk, call);

	*result = peer_method_result(walk, call);
	if (PEER_IS_ONE_OF(call->name, peer_resizers) && call->n_args)
		peer_check(walk, PEER_SINK_ALLOC, &call->args[0], -1);
	if (call->n_args && PEER_IS_ONE_OF(call->name, peer_searches) && v.kinds & PEER_BYTES &&
	    (peer_sought(&call->args[0]) || call->args[0].kind == OPERAND_PLACE))
		peer_note_check(walk, receiver,
				peer_sought(&call->args[0]) ? peer_sought(&call->args[0])
							    : PEER_PATH);
	for (int i = 0; i < call->n_args; i++) {
		struct peer_value part = peer_operand(walk, &call->args[i]);
		bool tainted = (part.kinds & (PEER_BYTES | PEER_STREAM)) || part.from[0];

		if (!tainted)
			continue;
		/* A set or table of our own that has it, or not: a list of what is allowed. */
		if (PEER_IS_ONE_OF(call->name, peer_searches) && !(v.kinds & PEER_BYTES))
			peer_note_check(walk, &call->args[i], PEER_SHELL | PEER_PATH | PEER_FORMAT);
		if (peer_is_check(call->name))
			peer_note_check(walk, &call->args[i], PEER_SHELL | PEER_PATH | PEER_FORMAT);
		if (!PEER_IS_ONE_OF(call->name, peer_growers))
			continue;
		if (call->n_args == 1)
			peer_check(walk, PEER_SINK_STRING, &call->args[i], -1);
		part = peer_operand(walk, &call->args[i]);
		part.kinds &= PEER_TEXT | PEER_STREAM;
		part.base = -1;
		if (receiver->kind == OPERAND_PLACE &&
		    walk->fn->places[receiver->place].kind != PLACE_TEMP &&
		    strcmp(call->name, "arg"))
			peer_add(walk, receiver->place, part);
		peer_join(result, &part);
	}
}

/* next_line(f, text, sizeof(text)): a buffer and its whole size are where a result goes. */
static void peer_unknown_fills(struct peer_walk *walk, const struct call *call)
{
	static const char *const senders[] = { "send", "write", "print", "log",  "dump",
					       "put",  "sum",   "crc",   "hash", "cmp" };

	if (peer_name_has(call->name, senders, sizeof(senders) / sizeof(*senders)))
		return;
	for (int i = 0; i + 1 < call->n_args; i++) {
		const struct operand *o = &call->args[i];

		if (o->kind == OPERAND_PLACE && (walk->fn->places[o->place].flags & PLACE_ARRAY) &&
		    call->args[i + 1].kind != OPERAND_STRING &&
		    peer_room(walk, &call->args[i + 1], o->place) != PEER_ROOM_UNKNOWN)
			peer_written(walk, o);
	}
}

/* QString::fromUtf8(bytes), std::to_string(n), and functions that nobody declares. */
void peer_unknown(struct peer_walk *walk, const struct call *call, struct peer_value *result)
{
	bool cxx = walk->fn->source->language == SOURCE_CXX;

	peer_foreign_format(walk, call);
	if (cxx && call->receiver.kind && !(call->flags & CALL_INDIRECT)) {
		peer_method(walk, call, result);
		return;
	}
	peer_unknown_fills(walk, call);
	for (int i = 0; i < call->n_args; i++) {
		struct peer_value v = peer_operand(walk, &call->args[i]);

		if (!(v.kinds & (PEER_BYTES | PEER_NUMBER)) && !v.from[0] && !v.from[5])
			continue;
		if (peer_is_check(call->name) || peer_is_macro(call->name))
			peer_note_check(walk, &call->args[i],
					PEER_SHELL | PEER_PATH | PEER_FORMAT | PEER_NUMBER);
		else if (cxx && PEER_IS_ONE_OF(call->name, peer_numbers))
			result->kinds = v.kinds & PEER_BYTES ? PEER_WIDE : 0;
		else if (cxx && (starts_with(call->name, "from") || strstr(call->name, "String"))) {
			v.kinds &= PEER_TEXT;
			v.base = -1;
			peer_join(result, &v);
		}
	}
}
