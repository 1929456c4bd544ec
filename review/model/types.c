/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types belong to translation units. Two files may each have a `struct server` of their own; then
 * the name means in each file what that defines or includes, and each definition gets a name that
 * nobody else has. Definitions that say the same are one. A file that sees none of several takes
 * what all of them agree on. Types that the knowledge speaks of keep their name, whatever stands in
 * for them in a project's tests.
 */

#include "knowledge/kb.h"
#include "model/index.h"
#include "read/source.h"

#include <string.h>

struct type_name {
	const char *name;
	struct type_info *definitions; /* by path; NULL: a typedef */
};

static struct {
	struct type_name *names; /* those that mean several things */
	size_t n, cap;
} types;

static size_t types_slot(const char *name)
{
	size_t h = ((uintptr_t)name >> 3) * 0x9e3779b1u;

	for (h &= types.cap - 1; types.names[h].name; h = (h + 1) & (types.cap - 1))
		if (types.names[h].name == name)
			break;
	return h;
}

static void types_add(const char *name, struct type_info *definitions)
{
	struct type_name *old = types.names;
	size_t n = types.cap;

	if (types.n * 2 >= types.cap) {
		types.cap = n ? n * 2 : 64;
		types.names = arena_alloc(&run_arena, types.cap * sizeof(*old));
		for (size_t i = 0; i < n; i++)
			if (old[i].name)
				types.names[types_slot(old[i].name)] = old[i];
	}
	types.names[types_slot(name)] = (struct type_name){ name, definitions };
	types.n++;
}

static bool types_are_same(const struct type_info *a, const struct type_info *b)
{
	if (a->n_members != b->n_members || a->n_bases != b->n_bases)
		return false;
	for (size_t i = 0; i < a->n_members; i++)
		if (a->members[i].name != b->members[i].name ||
		    a->members[i].type != b->members[i].type ||
		    a->members[i].stars != b->members[i].stars)
			return false;
	for (int i = 0; i < a->n_bases; i++)
		if (a->bases[i] != b->bases[i])
			return false;
	return true;
}

/* Members that the other lacks, or has otherwise, are nobody's. */
static void types_agree(struct type_info *both, const struct type_info *other)
{
	size_t kept = 0;
	int bases = 0;

	for (size_t i = 0; i < both->n_members; i++)
		for (size_t k = 0; k < other->n_members; k++)
			if (both->members[i].name == other->members[k].name &&
			    both->members[i].type == other->members[k].type &&
			    both->members[i].stars == other->members[k].stars) {
				both->members[kept++] = both->members[i];
				break;
			}
	both->n_members = kept;
	for (int i = 0; i < both->n_bases; i++)
		for (int k = 0; k < other->n_bases; k++)
			if (both->bases[i] == other->bases[k]) {
				both->bases[bases++] = both->bases[i];
				break;
			}
	both->n_bases = bases;
}

static struct type_info *types_common(const struct type_info *first)
{
	struct type_info *both = arena_alloc(&run_arena, sizeof(*both));

	*both = *first;
	both->members = NULL;
	both->n_members = both->cap_members = 0;
	for (size_t i = 0; i < first->n_members; i++)
		index_member(both, &first->members[i]);
	for (const struct type_info *t = first->next; t; t = t->next)
		types_agree(both, t);
	return both;
}

/* All definitions of one name. */
static void types_name(struct type_info *first)
{
	struct type_info *all = first;
	bool several = false;

	for (struct type_info *t = first->next; t; t = t->next)
		several |= !types_are_same(first, t);
	if (several && kb_class(first->name)) {
		for (const struct type_info *t = first->next; t; t = t->next)
			for (size_t i = 0; i < t->n_members; i++)
				index_member(first, &t->members[i]);
		several = false;
	}
	if (several)
		all = types_common(first);
	index_set_type(first->name, all);
	if (!several)
		return;
	types_add(first->name, first);
	for (struct type_info *t = first; t; t = t->next) {
		for (const struct type_info *u = first; u != t && !t->view; u = u->next)
			if (types_are_same(t, u))
				t->view = u->view;
		if (t->view)
			continue;
		t->view = intern_z(arena_printf(&run_arena, "%s (%s)", t->name, t->source->path));
		index_set_type(t->view, t);
	}
}

const char *types_view(const char *name, const struct source *source, uint8_t *stars)
{
	const struct type_name *found;
	const struct type_info *nearest = NULL;
	const struct declared *meaning;
	int best = 0;
	bool agreed = true;

	if (!name || !types.n)
		return name;
	found = &types.names[types_slot(name)];
	if (!found->name)
		return name;
	if (!found->definitions) {
		meaning = index_find_typedef(name, source);
		*stars = (uint8_t)(*stars + (meaning ? meaning->stars : 0));
		return meaning && meaning->type ? meaning->type : name;
	}
	for (const struct type_info *t = found->definitions; t; t = t->next) {
		int distance = index_distance(source, t->source);

		if (distance < best)
			continue;
		agreed = distance > best || (agreed && nearest && t->view == nearest->view);
		best = distance;
		nearest = t;
	}
	return agreed && nearest ? nearest->view : name;
}

const char *types_plain(const char *name)
{
	const char *apart = name ? strstr(name, " (") : NULL;

	return apart && *name != '(' ? intern(name, (size_t)(apart - name)) : name;
}

static void types_declared(struct declared *declared, void *data)
{
	(void)data;
	declared->type = types_view(declared->type, declared->source, &declared->stars);
	declared->of = types_view(declared->of, declared->source, &declared->stars);
}

static void types_function(struct function *fn)
{
	uint8_t stars = 0;

	fn->class_name = types_view(fn->class_name, fn->source, &stars);
	fn->return_type = types_view(fn->return_type, fn->source, &stars);
	for (int i = 0; i < fn->n_places; i++) {
		fn->places[i].type =
			types_view(fn->places[i].type, fn->source, &fn->places[i].stars);
		fn->places[i].of = types_view(fn->places[i].of, fn->source, &stars);
	}
	for (int i = 0; i < fn->n_items; i++) {
		struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (!call)
			continue;
		call->type = types_view(call->type, fn->source, &stars);
		call->of = types_view(call->of, fn->source, &stars);
		call->scope = types_view(call->scope, fn->source, &stars);
	}
}

void types_resolve(void)
{
	types.n = types.cap = 0;
	types.names = NULL;
	index_each_definition(types_name);
	index_each_typedef_of_two(types_add);
	if (!types.n)
		return;
	index_each_declared(types_declared, NULL);
	for (size_t i = 0; i < program.n_functions; i++)
		types_function(program.functions[i]);
}
