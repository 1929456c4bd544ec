/* SPDX-License-Identifier: Apache-2.0 */
/* Containers of connections that let go of what nobody ends; see containers.h. */

#include "rules/containers.h"
#include "rules/kept.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_L3;

const char *container_declared(const struct function *fn, const struct place *container)
{
	const struct declared *declared =
		container->is_member   ? index_find_member(fn->class_name, container->name)
		: container->is_global ? index_find_global(container->name, fn->source)
				       : NULL;
	const struct source *source = declared ? declared->source : fn->source;
	size_t n;
	const char *line;

	if (!declared && container->kind != PLACE_LOCAL)
		return NULL;
	line = source_line(source, declared ? declared->at.row : container->at.row, &n);
	return arena_printf(&run_arena, "%.*s", (int)n, line);
}

bool container_holds_numbers(const struct function *fn, const struct place *container)
{
	static const char *const beside[] = { "std::string", "string", "int",       "bool",
					      "QString",     "time_t", "QByteArray" };
	const char *line = container_declared(fn, container),
		   *open = line ? strchr(line, '<') : NULL;

	if (!open || strchr(line, '&') || strncmp(open + 1 + strspn(open + 1, " "), "int", 3) != 0)
		return false;
	open += 1 + strspn(open + 1, " ") + 3;
	open += strspn(open, " ");
	if (*open == '>')
		return true;
	if (*open != ',')
		return false;
	open += 1 + strspn(open + 1, " ");
	for (size_t i = 0; i < sizeof(beside) / sizeof(*beside); i++)
		if (starts_with(open, beside[i]) && open[strlen(beside[i])] == '>')
			return true;
	return false;
}

static bool containers_may_be(const struct place *p)
{
	return p->parent < 0 && (p->is_member || p->is_global || p->kind == PLACE_LOCAL) && p->name;
}

/* Besides the container, somebody else of the function gets it. */
static bool containers_share(const struct contents *contents, const struct item *put)
{
	const struct function *fn = contents->fn;
	int made = item_result(fn, contents->made);

	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
		const struct operand *o;

		if (item == put || item == contents->made)
			continue;
		if (item->kind == ITEM_RETURN && item->a.kind == OPERAND_PLACE &&
		    operand_source(fn, &item->a, item) == contents->made)
			return true;
		if (item->kind == ITEM_ASSIGN && item->a.kind == OPERAND_PLACE && item->dst >= 0 &&
		    !place_is_local(fn, item->dst) &&
		    operand_source(fn, &item->a, item) == contents->made && item->dst != made)
			return true;
		for (int k = 0; call && k < call->n_args; k++) {
			o = &call->args[k];
			if (o->kind != OPERAND_PLACE ||
			    operand_source(fn, o, item) != contents->made ||
			    !strcmp(call->name, "GINT_TO_POINTER"))
				continue;
			if (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_CAPTURE))
				return true;
			if (call->target ? call->target->summary.done && k < 16 &&
						   (call->target->summary.param[k] & SUMMARY_KEEPS)
			    : call->api ? api_fact(call->api, FACT_TAKES) ||
						  api_fact(call->api, FACT_DATA)
					: call_may_keep(call) && !contents_only_looks(call))
				return true;
		}
	}
	return false;
}

/* m_all.push_back(fd), lines = g_list_append(lines, GINT_TO_POINTER(fd)), clients[i] = fd */
static bool containers_put_number(const struct function *fn, const struct item *item,
				  struct contents *contents)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	const struct operand *o = NULL;
	const struct place *p = NULL;

	if (call && call->receiver.kind == OPERAND_PLACE && call->n_args && !call->target &&
	    contents_call_puts(call->name)) {
		p = &fn->places[call->receiver.place];
		o = &call->args[0];
		if (!containers_may_be(p) || !container_holds_numbers(fn, p))
			return false;
	} else if (call && call->n_args >= 2 && !call->target &&
		   (starts_with(call->name, "g_list_") || starts_with(call->name, "g_slist_")) &&
		   (strstr(call->name, "append") || strstr(call->name, "prepend"))) {
		if (call->args[0].kind != OPERAND_PLACE)
			return false;
		p = &fn->places[call->args[0].place];
		o = &call->args[1];
	} else if (item->kind == ITEM_ASSIGN && item->dst >= 0) {
		const struct place *to = &fn->places[item->dst];

		if (to->kind == PLACE_FIELD && to->parent >= 0)
			contents->field = to->name;
		if (contents->field)
			to = &fn->places[to->parent];
		if (to->kind != PLACE_INDEX || to->parent < 0)
			return false;
		p = &fn->places[to->parent];
		o = &item->a;
		if (!(p->flags & PLACE_ARRAY) && !p->is_global && !p->is_member)
			return false;
		/* std::map<int, …> keeps by key, and a class may end what it is given. */
		if (fn->source->language == SOURCE_CXX && p->type && !(p->flags & PLACE_ARRAY))
			return false;
	}
	if (!o || !containers_may_be(p))
		return false;
	contents->made = contents_accepted(fn, o, item);
	contents->container = p;
	contents->fn = fn;
	return contents->made && !containers_share(contents, item);
}

/* What accept() or nextPendingConnection() gave, or the parameter of incomingConnection(). */
static bool containers_is_connection(const struct function *fn, const struct operand *o,
				     const struct item *before)
{
	const struct item *source = operand_source(fn, o, before);

	if (o->kind == OPERAND_PLACE && fn->places[o->place].kind == PLACE_PARAM)
		return !strcmp(fn->name, "incomingConnection");
	return source && (api_is(source->call->api, ROLE(ACCEPT)) ||
			  contents_accepted(fn, o, before) != NULL);
}

/* new Session(socket), client->fd = fd, session->use(socket): the object is made for a connection. */
static bool containers_are_per_connection(const struct function *fn, const struct item *made)
{
	int place = item_result(fn, made);

	for (const struct item *item = made; place >= 0 && item < fn->items + fn->n_items; item++) {
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
		bool within = item->dst >= 0 && fn->places[item->dst].parent == place;

		if (within && (call ? api_is(call->api, ROLE(ACCEPT))
				    : item->kind == ITEM_ASSIGN &&
					       containers_is_connection(fn, &item->a, item)))
			return true;
		if (!call || (item != made && !operand_is_place(&call->receiver, place)))
			continue;
		for (int k = 0; k < call->n_args; k++)
			if (containers_is_connection(fn, &call->args[k], item))
				return true;
	}
	return false;
}

/* c = unused ? unused : malloc(…): the variable may hold one that is there already. */
static bool containers_are_reused(const struct function *fn, const struct item *made)
{
	int place = item_result(fn, made);
	int64_t number;

	for (const struct item *set = place_set_last(fn, place); set;
	     set = item_set_before(fn, set))
		if (set != made &&
		    !(set->kind == ITEM_ASSIGN && (operand_is_number(&set->a, &number) ||
						   operand_is_place(&set->a, made->dst))))
			return true;
	return false;
}

/* The class or struct of the project that the call makes, or NULL. */
static const char *containers_object(const struct function *fn, const struct item *made)
{
	static const char *const words[] = { "malloc", "calloc", "g_malloc", "g_malloc0",
					     "g_new",  "g_new0", NULL };
	const char *type = NULL;
	uint8_t stars = 0;

	if (!made)
		return NULL;
	if (made->call->flags & CALL_NEW) {
		type = made->call->type;
	} else {
		const char *const *word = words;

		while (*word && strcmp(*word, made->call->name) != 0)
			word++;
		if (*word && made->dst >= 0)
			type = place_type(fn, item_result(fn, made), &stars);
	}
	return type && index_type(type) && index_type(type)->source ? type : NULL;
}

/* m_all.append(session), m_all[id] = session, all = g_list_append(all, client), client->next = all; all = client */
static bool containers_put_object(const struct function *fn, const struct item *item,
				  struct contents *contents)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	const struct operand *o = NULL;
	const struct place *p = NULL;

	if (call && call->receiver.kind == OPERAND_PLACE && call->n_args && !call->target &&
	    contents_call_puts(call->name)) {
		p = &fn->places[call->receiver.place];
		o = &call->args[call->n_args - 1];
		if (!p->is_member || !kept_holds_pointers(fn, p))
			return false;
	} else if (call && call->n_args >= 2 && !call->target &&
		   (starts_with(call->name, "g_list_") || starts_with(call->name, "g_slist_")) &&
		   (strstr(call->name, "append") || strstr(call->name, "prepend"))) {
		if (call->args[0].kind != OPERAND_PLACE)
			return false;
		p = &fn->places[call->args[0].place];
		o = &call->args[1];
	} else if (call && call->n_args == 3 && !strcmp(call->name, "g_hash_table_insert")) {
		if (call->args[0].kind != OPERAND_PLACE)
			return false;
		p = &fn->places[call->args[0].place];
		o = &call->args[2];
	} else if (item->kind == ITEM_ASSIGN && item->dst >= 0) {
		p = &fn->places[item->dst];
		o = &item->a;
		if (p->kind == PLACE_INDEX && p->parent >= 0)
			p = &fn->places[p->parent];
		else if (!p->is_global || p->stars != 1)
			return false;
	}
	if (!o || o->kind != OPERAND_PLACE || !containers_may_be(p) ||
	    (!p->is_member && !p->is_global))
		return false;
	contents->made = operand_source(fn, o, item);
	contents->type = containers_object(fn, contents->made);
	contents->container = p;
	contents->fn = fn;
	return contents->type && containers_are_per_connection(fn, contents->made) &&
	       !containers_are_reused(fn, contents->made);
}

static bool containers_is_word(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(name, *words))
			return true;
	return false;
}

/* The function has read from that element, or from a variable that it set from it. */
static bool containers_was_read(const struct function *fn, int element, const struct item *before)
{
	const char *text = fn->places[element].text;

	for (const struct item *item = fn->items; item < before; item++) {
		const struct operand *o =
			item->kind == ITEM_CALL && item->call && item->call->n_args
				? &item->call->args[0]
				: NULL;
		const struct item *set;

		if (!o || !api_is(item->call->api, ROLE(READ)) || o->kind != OPERAND_PLACE)
			continue;
		if (!strcmp(fn->places[o->place].text, text))
			return true;
		set = place_set_before(fn, o->place, item);
		if (set && set->kind == ITEM_ASSIGN && set->a.kind == OPERAND_PLACE &&
		    !strcmp(fn->places[set->a.place].text, text))
			return true;
	}
	return false;
}

/* clients[i] = -1, polled[i].fd = -1, where there was a connection */
static bool containers_empty_slot(const struct contents *contents, const struct function *fn,
				  const struct item *item)
{
	const struct place *to = item->dst >= 0 ? &fn->places[item->dst] : NULL;
	struct operand container = { .kind = OPERAND_PLACE };
	int64_t number;

	if (contents->type || item->kind != ITEM_ASSIGN || !to || to->parent < 0 ||
	    !operand_is_number(&item->a, &number) || number > 0)
		return false;
	if (contents->field) {
		if (to->kind != PLACE_FIELD || to->name != contents->field)
			return false;
		to = &fn->places[to->parent];
	}
	if (to->kind != PLACE_INDEX || to->parent < 0)
		return false;
	container.place = to->parent;
	return contents_are_in(contents, fn, &container) &&
	       containers_was_read(fn, item->dst, item);
}

/* all.erase(all.begin(), all.end()), as all.clear(): what ended each stands in a loop before. */
static bool containers_are_emptied(const struct function *fn, const struct item *item)
{
	const struct item *from =
		item->call->n_args == 2 ? operand_source(fn, &item->call->args[0], item) : NULL;

	return from && from->call && !strcmp(from->call->name, "begin");
}

static bool containers_remove(const struct contents *contents, const struct function *fn,
			      const struct item *item)
{
	static const char *const methods[] = { "erase",     "remove",   "removeOne",
					       "removeAll", "removeAt", NULL };
	static const char *const functions[] = { "g_list_remove",       "g_slist_remove",
						 "g_list_delete_link",  "g_slist_delete_link",
						 "g_hash_table_remove", NULL };
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (!call)
		return containers_empty_slot(contents, fn, item);
	if (call->receiver.kind)
		return containers_is_word(call->name, methods) &&
		       !containers_are_emptied(fn, item) &&
		       contents_are_in(contents, fn, &call->receiver);
	return call->n_args && containers_is_word(call->name, functions) &&
	       contents_are_in(contents, fn, &call->args[0]);
}

/* What is removed, as the function names it: fd of erase(fd); NULL: through an iterator or number. */
static const char *containers_element(const struct contents *contents, const struct function *fn,
				      const struct item *item)
{
	const struct operand *o;
	const struct item *source;
	uint8_t stars = 0;
	const char *type;

	if (item->kind != ITEM_CALL)
		return fn->places[item->dst].text;
	if (!item->call->n_args || !strcmp(item->call->name, "removeAt"))
		return NULL;
	o = &item->call->args[item->call->n_args - 1];
	source = operand_source(fn, o, item);
	if (source && !strcmp(source->call->name, "GINT_TO_POINTER"))
		o = &source->call->args[0];
	type = o->kind == OPERAND_PLACE ? place_type(fn, o->place, &stars) : NULL;
	if (!type || !fn->places[o->place].name ||
	    strcmp(types_plain(type), contents->type ? types_plain(contents->type) : "int") != 0 ||
	    stars != (contents->type != NULL))
		return NULL;
	return fn->places[o->place].text;
}

static const char *containers_end_word(const struct contents *contents)
{
	if (!contents->type)
		return "closes";
	return (contents->made->call->flags & CALL_NEW) ? "deletes" : "frees";
}

static const char *containers_how(const struct contents *contents, const char *name)
{
	if (!contents->type)
		return arena_printf(&run_arena, "close(%s)", name);
	if (!(contents->made->call->flags & CALL_NEW))
		return arena_printf(
			&run_arena, "%s(%s)",
			starts_with(contents->made->call->name, "g_") ? "g_free" : "free", name);
	if (index_derives(contents->type, intern_z("QObject")))
		return arena_printf(&run_arena, "%s->deleteLater()", name);
	return arena_printf(&run_arena, "delete %s", name);
}

static void containers_lost(const struct contents *contents, const struct function *fn,
			    const struct item *item)
{
	const char *element = containers_element(contents, fn, item);
	const char *what = contents->type
				   ? arena_printf(&run_arena, "`%s`", types_plain(contents->type))
				   : "descriptor";
	struct finding *finding;

	finding = finding_add(
		&rule_L3, fn, item->at,
		"The %s of a connection leaves `%s` here, and nothing %s it: neither this function nor one that calls it.",
		what, contents->container->name, containers_end_word(contents));
	if (!finding)
		return;
	if (contents->fn->source == fn->source)
		finding->also = contents->made->at;
	if (element)
		finding_fix(finding, "In %s(), call `%s` right %s it leaves `%s`.", fn->label,
			    containers_how(contents, element), contents->type ? "after" : "before",
			    contents->container->name);
	else
		finding_fix(finding, "In %s(), end the %s right before it leaves `%s`: `%s`.",
			    fn->label, what, contents->container->name,
			    containers_how(contents, "…"));
}

static void containers_kept(const struct contents *contents)
{
	const struct function *fn = contents->fn;
	const char *name = contents->container->name;
	struct finding *finding;

	if (contents->type)
		finding = finding_add(
			&rule_L3, fn, contents->made->at,
			"Each connection makes a `%s`, which goes into `%s`, and nothing in the program %s it.",
			types_plain(contents->type), name, containers_end_word(contents));
	else
		finding = finding_add(
			&rule_L3, fn, contents->made->at,
			"What %s returns goes into `%s`, and nothing in the program closes it.",
			call_text(fn, contents->made), name);
	finding_fix(finding, "Where a connection ends, take it out of `%s` and end it: `%s`.", name,
		    containers_how(contents, "…"));
}

static bool containers_function_uses(const struct contents *contents, const struct function *fn)
{
	for (int i = 0; i < fn->n_places; i++) {
		struct operand o = { .kind = OPERAND_PLACE, .place = i };

		if (contents_are_in(contents, fn, &o))
			return true;
	}
	return false;
}

/* The program is there, and not only the function that fills the container. */
static bool containers_are_used(const struct contents *contents)
{
	for (size_t f = 0; f < program.n_functions; f++)
		if (program.functions[f] != contents->fn &&
		    containers_function_uses(contents, program.functions[f]))
			return true;
	return false;
}

static void containers_look(struct contents *contents)
{
	bool removed = false, ended;

	contents_prepare(contents);
	ended = contents_end_somewhere(contents, false);
	/* An object may end itself, when it hears that the connection is over. */
	if (contents->type && ended)
		return;
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; i < fn->n_items; i++) {
			if (!containers_remove(contents, fn, &fn->items[i]))
				continue;
			removed = true;
			if (contents_are_lost_at(contents, fn, &fn->items[i]))
				containers_lost(contents, fn, &fn->items[i]);
		}
	}
	if (!removed && containers_are_used(contents) && !contents_end_somewhere(contents, true))
		containers_kept(contents);
}

void containers_program(void)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; fn->interesting && i < fn->n_items; i++) {
			struct contents numbers = { 0 }, objects = { 0 };

			if (containers_put_number(fn, &fn->items[i], &numbers))
				containers_look(&numbers);
			else if (containers_put_object(fn, &fn->items[i], &objects))
				containers_look(&objects);
		}
	}
}
