/* SPDX-License-Identifier: Apache-2.0 */
/* Who may end what a container holds; see containers.h. Whatever is not known may. */

#include "model/descriptor.h"
#include "rules/containers.h"
#include "rules/kept.h"
#include "read/source.h"

#include <string.h>

enum { CONTENTS_BLOCKS = 600, CONTENTS_CALLERS = 3 };

static bool contents_is_word(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(name, *words))
			return true;
	return false;
}

bool contents_call_puts(const char *name)
{
	static const char *const words[] = { "push", "emplace", "add", NULL };

	return kept_puts(name) || contents_is_word(name, words);
}

bool contents_only_looks(const struct call *call)
{
	static const char *const words[] = { "remove",
					     "find",
					     "find_if",
					     "begin",
					     "end",
					     "cbegin",
					     "cend",
					     "size",
					     "count",
					     "FD_CLR",
					     "FD_SET",
					     "FD_ISSET",
					     "FD_ZERO",
					     "advance",
					     "next",
					     "prev",
					     "distance",
					     "GINT_TO_POINTER",
					     "to_string",
					     "move",
					     "max",
					     "min",
					     "indexOf",
					     "contains",
					     "GPOINTER_TO_INT",
					     NULL };

	return contents_is_word(call->name, words) || call_is_talk(call);
}

static const struct operand *contents_unwrapped(const struct function *fn, const struct operand *o,
						const struct item *before)
{
	const struct item *source = operand_source(fn, o, before);

	return source && source->call->n_args == 1 &&
			       (!strcmp(source->call->name, "GINT_TO_POINTER") ||
				!strcmp(source->call->name, "GPOINTER_TO_INT"))
		       ? &source->call->args[0]
		       : o;
}

const struct item *contents_accepted(const struct function *fn, const struct operand *o,
				     const struct item *before)
{
	const struct item *source = operand_source(fn, contents_unwrapped(fn, o, before), before);
	const struct api *api;
	const struct fact *opens;

	if (!source || (source->call->flags & (CALL_NEW | CALL_CONSTRUCT)))
		return NULL;
	api = source->call->target ? source->call->target->summary.opener : source->call->api;
	opens = api_fact(api, FACT_OPENS);
	return api_is(api, ROLE(ACCEPT)) && opens && !strcmp(opens->word, "fd") ? source : NULL;
}

bool contents_are_in(const struct contents *contents, const struct function *fn,
		     const struct operand *o)
{
	const struct place *p = o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS
					? &fn->places[o->place]
					: NULL;

	if (!p || p->parent >= 0 || p->name != contents->container->name)
		return false;
	if (contents->container->is_member)
		return p->is_member && fn->class_name == contents->fn->class_name;
	if (contents->container->is_global)
		return p->is_global && program_shares(fn->source, contents->fn->source);
	return fn == contents->fn || fn->outer == contents->fn;
}

/* It may be such an object, as far as types tell. */
static bool contents_may_be_object(const struct contents *contents, const struct function *fn,
				   const struct operand *o)
{
	uint8_t stars = 0;
	const char *type;

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return o->kind == OPERAND_UNKNOWN;
	type = place_type(fn, o->place, &stars);
	if (fn->places[o->place].kind == PLACE_THIS)
		type = fn->class_name;
	return !type || !strcmp(type, "auto") || !strcmp(type, "void") ||
	       !strcmp(type, "gpointer") || !strcmp(type, contents->type) ||
	       index_derives(type, contents->type) || index_derives(contents->type, type) ||
	       !strcmp(type, "QObject");
}

/* The variable has what was just accepted; not fd = all[i], where that was accepted some time. */
static bool contents_just_accepted(const struct function *fn, const struct operand *o,
				   const struct item *before)
{
	const struct item *set = place_set_before(fn, o->place, before);

	if (set && set->kind == ITEM_ASSIGN && set->a.kind == OPERAND_PLACE &&
	    fn->places[set->a.place].kind != PLACE_TEMP)
		return false;
	return contents_accepted(fn, o, before) && place_is_local(fn, o->place) &&
	       fn->places[o->place].parent < 0;
}

/* A variable that has the listener and nothing else; a table or parameter may have both. */
static bool contents_listener(const struct function *fn, const struct operand *o,
			      const struct item *before)
{
	const struct place *p = &fn->places[o->place];
	const struct item *set;

	if (!(descriptor_kinds(fn, o) & DESCRIPTOR_LISTENER) || p->parent >= 0 ||
	    p->kind == PLACE_PARAM)
		return false;
	set = place_set_before(fn, o->place, before);
	return p->is_member || p->is_global || (set && operand_source(fn, o, before) != NULL);
}

/* It may be an accepted descriptor: not a listener, a file, or another connection than the contents. */
static bool contents_may_be_descriptor(const struct function *fn, const struct operand *o,
				       const struct item *before)
{
	unsigned kinds = descriptor_kinds(fn, o);
	uint8_t stars = 0;
	const char *type;

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_UNKNOWN)
		return false;
	if (o->kind == OPERAND_UNKNOWN)
		return true;
	type = place_type(fn, o->place, &stars);
	/* *it: what the iterator is at. */
	if (type && strstr(type, "iterator"))
		return true;
	if (stars || (type && strcmp(type, "int") != 0 && strcmp(type, "auto") != 0 &&
		      strcmp(type, "SOCKET") != 0 && strcmp(type, "evutil_socket_t") != 0 &&
		      strcmp(type, "gpointer") != 0 && strcmp(type, "gint") != 0 &&
		      strcmp(type, "long") != 0))
		return false;
	/* Not yet in the container. */
	if (contents_just_accepted(fn, o, before))
		return false;
	return !kinds || ((kinds & DESCRIPTOR_STREAM) && !contents_listener(fn, o, before));
}

static bool contents_may_be(const struct contents *contents, const struct function *fn,
			    const struct operand *o, const struct item *before)
{
	return contents->type ? contents_may_be_object(contents, fn, o)
			      : contents_may_be_descriptor(fn, o, before);
}

/* A container of the library, of numbers or plain pointers: it moves what it is given, or takes it out. */
static bool contents_is_container(const struct function *fn, const struct operand *o)
{
	const char *line = o->kind == OPERAND_PLACE && fn->places[o->place].parent < 0
				   ? container_declared(fn, &fn->places[o->place])
				   : NULL;

	return line && (container_holds_numbers(fn, &fn->places[o->place]) ||
			kept_holds_pointers(fn, &fn->places[o->place]));
}

/* BIO_free_all(lines[i]), it->second->close(): what holds the descriptor may be ended by that. */
static bool contents_name_ends(const struct call *call)
{
	static const char *const words[] = { "lose",  "ree",  "hut",  "estro", "elease", "isconn",
					     "drop",  "Drop", "kill", "Kill",  "end",    "End",
					     "reset", "stop", "Stop", NULL };

	for (const char *const *word = words; *word; word++)
		if (strstr(call->name, *word))
			return call->n_args || call->receiver.kind;
	return false;
}

/* A call that nobody knows, and that is given contents, may end them. */
static bool contents_unknown_ends(const struct contents *contents, const struct function *fn,
				  const struct item *item)
{
	const struct call *call = item->call;

	if (contents_only_looks(call) || contents_are_in(contents, fn, &call->receiver) ||
	    contents_is_container(fn, &call->receiver))
		return false;
	if (!contents->type && contents_name_ends(call))
		return true;
	if (contents->type && call->receiver.kind &&
	    contents_may_be_object(contents, fn, &call->receiver) && call_may_keep(call) &&
	    !call->receiver_type)
		return true;
	for (int k = 0; k < call->n_args; k++)
		if (call->args[k].kind != OPERAND_UNKNOWN &&
		    contents_may_be(contents, fn, &call->args[k], item))
			return true;
	return false;
}

static bool contents_fact_ends(const struct contents *contents, const struct function *fn,
			       const struct item *item)
{
	const struct call *call = item->call;

	for (size_t i = 0; i < call->api->n_facts; i++) {
		const struct fact *f = &call->api->facts[i];
		const struct operand *o = call_argument(call, f->arg);

		if (f->key != FACT_CLOSES && f->key != FACT_TAKES && f->key != FACT_OWNER &&
		    f->key != FACT_DATA)
			continue;
		if (f->key != FACT_CLOSES &&
		    (contents_only_looks(call) || starts_with(call->name, "g_list_") ||
		     starts_with(call->name, "g_slist_")))
			continue;
		if (f->arg == ARG_ALL || (o && contents_may_be(contents, fn, o, item)))
			return true;
	}
	return false;
}

/* session->deleteLater(), connect(session, …, session, &QObject::deleteLater) */
static bool contents_deleted_later(const struct contents *contents, const struct function *fn,
				   const struct item *item)
{
	const struct call *call = item->call;
	const struct operand *o = &call->receiver;

	if (!strcmp(call->name, "deleteLater"))
		return !o->kind
			       ? !fn->class_name || index_derives(fn->class_name, contents->type) ||
					 index_derives(contents->type, fn->class_name)
			       : contents_may_be_object(contents, fn, o);
	if (strcmp(call->name, "connect") != 0 || !item_mentions(fn, item, "deleteLater"))
		return false;
	return call->n_args < 4 || contents_may_be_object(contents, fn, &call->args[2]);
}

/* qDeleteAll(m_others), where that is declared to hold something else. */
static bool contents_all_are_others(const struct contents *contents, const struct function *fn,
				    const struct operand *o)
{
	const char *line = o->kind == OPERAND_PLACE && fn->places[o->place].parent < 0
				   ? container_declared(fn, &fn->places[o->place])
				   : NULL;

	return line && strchr(line, '*') && !strstr(line, types_plain(contents->type));
}

/* qDeleteAll(), g_list_free_full(), a function that frees as an argument */
static bool contents_words_end(const struct contents *contents, const struct function *fn,
			       const struct item *item)
{
	const struct call *call = item->call;

	if (!contents->type)
		return false;
	if (!strcmp(call->name, "qDeleteAll"))
		return call->n_args != 1 || !contents_all_are_others(contents, fn, &call->args[0]);
	if (strstr(call->name, "free_full") || strstr(call->name, "new_full") ||
	    contents_deleted_later(contents, fn, item))
		return true;
	for (int k = 0; k < call->n_args; k++) {
		const struct operand *o = &call->args[k];
		const char *text = o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS
					   ? fn->places[o->place].text
					   : NULL;

		if (text && strstr(text, "free") && !place_is_local(fn, o->place) &&
		    !fn->places[o->place].is_member)
			return true;
	}
	return false;
}

static bool contents_lambdas_end(const struct item *item)
{
	for (int k = 0; k < item->call->n_args; k++)
		if (item->call->args[k].kind == OPERAND_LAMBDA && item->call->args[k].lambda &&
		    item->call->args[k].lambda->ends_contents)
			return true;
	return false;
}

static bool contents_item_ends(const struct contents *contents, const struct function *fn,
			       const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (!call || item == contents->made || (call->flags & CALL_CAPTURE))
		return false;
	if (call->flags & CALL_DELETE)
		return contents->type && call->n_args &&
		       contents_may_be_object(contents, fn, &call->args[0]);
	if (contents_words_end(contents, fn, item) || contents_lambdas_end(item))
		return true;
	if (call->target)
		return call->target->ends_contents;
	if (call->api)
		return contents_fact_ends(contents, fn, item);
	return contents_unknown_ends(contents, fn, item);
}

static bool contents_function_ends(const struct contents *contents, const struct function *fn)
{
	if (fn->skipped || (fn->flags & (FUNCTION_CUT | FUNCTION_ERRORS)))
		return true;
	for (int i = 0; i < fn->n_items; i++)
		if (contents_item_ends(contents, fn, &fn->items[i]))
			return true;
	return false;
}

/* Callees before callers is not enough where they call each other: until nothing changes. */
void contents_prepare(const struct contents *contents)
{
	bool changed = true;

	for (size_t f = 0; f < program.n_functions; f++)
		program.functions[f]->ends_contents = 0;
	while (changed) {
		changed = false;
		for (size_t f = 0; f < program.n_functions; f++) {
			struct function *fn = program.functions[f];

			if (fn->ends_contents || !contents_function_ends(contents, fn))
				continue;
			fn->ends_contents = 1;
			changed = true;
		}
	}
}

bool contents_end_somewhere(const struct contents *contents, bool destructors_too)
{
	for (size_t f = 0; f < program.n_functions; f++)
		if (program.functions[f]->ends_contents &&
		    program_shares(program.functions[f]->source, contents->fn->source) &&
		    (destructors_too ||
		     !(program.functions[f]->flags & (FUNCTION_DESTRUCTOR | FUNCTION_MAIN))))
			return true;
	return false;
}

/* Going back to the begin of a loop, or into it from its end: the next turn has other contents. */
static bool contents_turns(const struct function *fn, int from, int to)
{
	return fn->blocks[to].enter <= fn->blocks[from].enter &&
	       fn->blocks[to].leave >= fn->blocks[from].leave;
}

/* The blocks from which control may come to the block, or to which it goes on, within one turn. */
static uint8_t *contents_way(const struct function *fn, int block)
{
	uint8_t *before = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	uint8_t *after = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	bool changed = true;

	memset(before, 0, (size_t)fn->n_blocks + 1);
	memset(after, 0, (size_t)fn->n_blocks + 1);
	before[block] = after[block] = 1;
	while (changed) {
		changed = false;
		for (int b = 0; b < fn->n_blocks; b++)
			for (int e = 0; e < 2; e++) {
				int next = fn->blocks[b].next[e];

				if (next < 0 || !fn->blocks[b].enter || contents_turns(fn, b, next))
					continue;
				changed |=
					(before[next] && !before[b]) || (after[b] && !after[next]);
				before[b] |= before[next];
				after[next] |= after[b];
			}
	}
	for (int b = 0; b < fn->n_blocks; b++)
		before[b] |= after[b];
	return before;
}

/* They go to another container, a variable that outlives the function, or the caller. */
static bool contents_move(const struct contents *contents, const struct function *fn,
			  const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (call && call->receiver.kind && contents_call_puts(call->name) && !call->target)
		return !contents_are_in(contents, fn, &call->receiver);
	if (item->kind == ITEM_RETURN && item->a.kind == OPERAND_PLACE)
		return contents_may_be(contents, fn, &item->a, item);
	return item->kind == ITEM_ASSIGN && item->a.kind == OPERAND_PLACE && item->dst >= 0 &&
	       !place_is_local(fn, item->dst) && contents_may_be(contents, fn, &item->a, item) &&
	       place_root(fn, item->dst)->name != contents->container->name;
}

static bool contents_are_seen_at(const struct contents *contents, const struct function *fn,
				 const struct item *at)
{
	int block = item_block(fn, at);
	const uint8_t *way;

	if (block < 0 || fn->n_blocks > CONTENTS_BLOCKS ||
	    (fn->flags & (FUNCTION_CUT | FUNCTION_ERRORS)))
		return true;
	way = contents_way(fn, block);
	for (int b = 0; b < fn->n_blocks; b++) {
		if (!way[b])
			continue;
		for (int i = fn->blocks[b].first; i >= 0; i = fn->items[i].next)
			if (&fn->items[i] != at &&
			    (contents_item_ends(contents, fn, &fn->items[i]) ||
			     contents_move(contents, fn, &fn->items[i])))
				return true;
	}
	return false;
}

static bool contents_lost(const struct contents *contents, const struct function *fn,
			  const struct item *item, int depth)
{
	if (contents_are_seen_at(contents, fn, item))
		return false;
	for (int k = 0; depth > 0 && k < fn->n_callers; k++)
		if (!contents_lost(contents, fn->callers[k].fn, fn->callers[k].item, depth - 1))
			return false;
	return true;
}

bool contents_are_lost_at(const struct contents *contents, const struct function *fn,
			  const struct item *item)
{
	return !(fn->flags & FUNCTION_DESTRUCTOR) && fn->n_variants == 0 &&
	       contents_lost(contents, fn, item, CONTENTS_CALLERS);
}
