/* SPDX-License-Identifier: Apache-2.0 */
/* What a path in the file system is made of; see path-names.h. */

#include "rules/path-names.h"

#include <string.h>

/* The item is given the address that is bound, or where its path stands. */
bool path_is_address(const struct function *fn, const struct operand *o)
{
	const char *type;

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return false;
	type = place_root(fn, o->place)->type;
	return (type && (!strcmp(type, "sockaddr_un") || !strcmp(type, "sockaddr"))) ||
	       strstr(fn->places[o->place].text, "sun_path");
}

bool path_has_address(const struct function *fn, const struct item *item)
{
	for (int k = 0; item->kind == ITEM_CALL && item->call && k < item->call->n_args; k++)
		if (path_is_address(fn, &item->call->args[k]))
			return true;
	return false;
}

static void path_add(const struct function *fn, struct path_names *names, const struct operand *o)
{
	const struct item *set;

	if (names->n == PATH_NAMES ||
	    (o->kind != OPERAND_PLACE && o->kind != OPERAND_STRING && o->kind != OPERAND_ADDRESS))
		return;
	set = o->kind == OPERAND_PLACE ? place_set_once(fn, o->place) : NULL;
	if (set && set->kind == ITEM_ASSIGN && set->a.kind == OPERAND_STRING)
		o = &set->a;
	names->all_literal &= o->kind == OPERAND_STRING;
	names->text[names->n++] = operand_text(fn, o);
	/* name.c_str(), name.toLocal8Bit().constData() */
	set = o->kind == OPERAND_PLACE ? operand_source(fn, o, fn->items + fn->n_items) : NULL;
	for (int depth = 0; set && depth < 3 && names->n < PATH_NAMES; depth++) {
		const struct operand *of = set->call->receiver.kind ? &set->call->receiver : NULL;

		if (!of || of->kind != OPERAND_PLACE)
			break;
		names->text[names->n++] = operand_text(fn, of);
		set = operand_source(fn, of, set);
	}
}

/* What goes into the path that is bound; none: nobody knows. */
struct path_names path_bound(const struct function *fn, const struct item *bind)
{
	struct path_names names = { .all_literal = true };

	if (bind->call->receiver.kind || bind->call->receiver_type) {
		for (int k = 0; k < bind->call->n_args && k < 1; k++)
			path_add(fn, &names, &bind->call->args[k]);
		return names;
	}
	for (const struct item *item = fn->items; item < bind; item++) {
		int before = names.n;

		if (!path_has_address(fn, item) || !item->call ||
		    api_is(item->call->api, ROLE(UNLINK) | ROLE(LOG)))
			continue;
		for (int k = 0; k < item->call->n_args; k++)
			if (!path_is_address(fn, &item->call->args[k]))
				path_add(fn, &names, &item->call->args[k]);
		names.hidden |= !item->call->api && names.n == before;
	}
	return names;
}

/* "./tell.sock" and "tell.sock" are one file. */
static const char *path_plain(const char *text)
{
	while (starts_with(text, "./") || starts_with(text, "\"./"))
		text += *text == '"' ? 3 : 2;
	return *text == '"' ? text + 1 : text;
}

static bool path_has_name(const struct path_names *names, const char *text)
{
	for (int i = 0; i < names->n; i++)
		if (!strcmp(path_plain(names->text[i]), path_plain(text)))
			return true;
	return false;
}

const struct operand *path_of(const struct item *unlink)
{
	const struct fact *sink = api_fact(unlink->call->api, FACT_SINK);

	return call_argument(unlink->call, sink ? sink->arg : 1);
}

/* The path that is unlinked is the one that is bound, as far as their names tell. */
bool path_is_bound(const struct function *fn, const struct item *unlink, const struct item *bind)
{
	struct path_names bound = path_bound(fn, bind), own = { .all_literal = true };
	const struct operand *o = path_of(unlink);

	if (!o || !bound.n || bound.hidden)
		return true;
	if (o->kind == OPERAND_PLACE && strstr(fn->places[o->place].text, "sun_path"))
		return true;
	path_add(fn, &own, o);
	for (int i = 0; i < own.n; i++)
		if (path_has_name(&bound, own.text[i]))
			return true;
	/* Put together from the same parts. */
	return !own.n;
}

/* Two literals that differ: another file. */
bool path_is_another(const struct function *fn, const struct item *unlink,
		     const struct path_names *bound)
{
	struct path_names own = { .all_literal = true };
	const struct operand *o = path_of(unlink);

	if (!o || !bound->n || bound->hidden)
		return false;
	path_add(fn, &own, o);
	return own.n == 1 && own.all_literal && bound->all_literal &&
	       !path_has_name(bound, own.text[0]);
}

bool path_is_removed_by_word(const struct function *fn, const struct path_names *bound)
{
	static const char *const words[] = { "unlink", "delete", "remove" };

	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (!call || call->api ||
		    (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE)) ||
		    !call_has_word(call, words, sizeof(words) / sizeof(*words)))
			continue;
		for (int k = 0; k < call->n_args; k++)
			if (path_is_address(fn, &call->args[k]) ||
			    path_has_name(bound, operand_text(fn, &call->args[k])))
				return true;
	}
	return false;
}
