/* SPDX-License-Identifier: Apache-2.0 */
/* Tables by name over all files; see index.h. Names are interned, so a hash is of the pointer. */

#include "model/index.h"
#include "knowledge/kb.h"
#include "read/include.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_BUCKETS = 8192, INDEX_DEPTH = 8 };

enum index_kind {
	INDEX_TYPE,
	INDEX_DEFINITION,
	INDEX_FUNCTION,
	INDEX_GLOBAL,
	INDEX_TYPEDEF,
	INDEX_NUMBER,
	INDEX_ALIAS,
	INDEX_NORETURN,
	INDEX_FORMAT
};

struct index_entry {
	const char *name;
	enum index_kind kind;
	const struct source *source;
	union {
		struct type_info *type;
		struct function *function;
		struct declared *declared;
		const char *alias;
		int64_t number;
	};
	struct index_entry *next;
};

struct program program;
static struct index_entry *index_table[INDEX_BUCKETS];

static size_t index_bucket(const char *name)
{
	return ((uintptr_t)name >> 4) % INDEX_BUCKETS;
}

static struct index_entry *index_add(const char *name, enum index_kind kind,
				     const struct source *source)
{
	struct index_entry *e = arena_alloc(&run_arena, sizeof(*e));

	*e = (struct index_entry){ .name = name, .kind = kind, .source = source };
	e->next = index_table[index_bucket(name)];
	index_table[index_bucket(name)] = e;
	return e;
}

void index_forget(void)
{
	free(program.sources);
	free(program.functions);
	program = (struct program){ 0 };
	memset(index_table, 0, sizeof(index_table));
}

/* The next entry of that name and kind after `e`, or the first for NULL. */
static struct index_entry *index_next(struct index_entry *e, const char *name, enum index_kind kind)
{
	for (e = e ? e->next : index_table[index_bucket(name)]; e; e = e->next)
		if (e->name == name && e->kind == kind)
			return e;
	return NULL;
}

/* How near a definition is: 4 in the same file, 3 in what it includes or is a part of, 2 in the same folder. */
int index_distance(const struct source *source, const struct source *other)
{
	if (other == source)
		return 4;
	if (!source || !other)
		return 1;
	if (include_sees(source, other) || source->unit == other->unit)
		return 3;
	return source->folder == other->folder ? 2 : 1;
}

/* The nearest one; of several that are as near, the first by path. */
static struct index_entry *index_nearest(const char *name, enum index_kind kind,
					 const struct source *source)
{
	struct index_entry *e = NULL, *found = NULL;
	int best = 0;

	while (name && (e = index_next(e, name, kind))) {
		int distance = index_distance(source, e->source);

		if (distance < best)
			continue;
		best = distance;
		found = e;
	}
	return found;
}

struct type_info *index_type(const char *name)
{
	struct index_entry *e = name ? index_next(NULL, name, INDEX_TYPE) : NULL;

	return e ? e->type : NULL;
}

void index_set_type(const char *name, struct type_info *type)
{
	index_add(name, INDEX_TYPE, NULL)->type = type;
}

/* One entry a name; its definitions hang on it, the files in the order in which they are read. */
struct type_info *index_define(const char *name, struct source *source)
{
	struct index_entry *e = index_next(NULL, name, INDEX_DEFINITION);
	struct type_info **last, *made;

	if (!e)
		e = index_add(name, INDEX_DEFINITION, NULL);
	for (last = &e->type; *last; last = &(*last)->next)
		if ((*last)->source == source)
			return *last;
	made = arena_alloc(&run_arena, sizeof(*made));
	made->name = name;
	made->source = source;
	*last = made;
	return made;
}

/* While visiting, entries are added in front of those that are still to be visited. */
void index_each_definition(void (*visit)(struct type_info *first))
{
	for (size_t i = 0; i < INDEX_BUCKETS; i++)
		for (struct index_entry *e = index_table[i]; e; e = e->next)
			if (e->kind == INDEX_DEFINITION)
				visit(e->type);
}

void index_each_typedef_of_two(void (*visit)(const char *name, struct type_info *none))
{
	for (size_t i = 0; i < INDEX_BUCKETS; i++)
		for (struct index_entry *e = index_table[i]; e; e = e->next) {
			struct index_entry *other;

			if (e->kind != INDEX_TYPEDEF ||
			    index_next(NULL, e->name, INDEX_TYPEDEF) != e)
				continue;
			for (other = e; (other = index_next(other, e->name, INDEX_TYPEDEF));)
				if (other->source != e->source &&
				    (other->declared->type != e->declared->type ||
				     other->declared->stars != e->declared->stars))
					break;
			if (other && !index_next(NULL, e->name, INDEX_DEFINITION))
				visit(e->name, NULL);
		}
}

void index_each_declared(void (*visit)(struct declared *declared, void *data), void *data)
{
	for (size_t i = 0; i < INDEX_BUCKETS; i++)
		for (struct index_entry *e = index_table[i]; e; e = e->next)
			if (e->kind == INDEX_GLOBAL || e->kind == INDEX_TYPEDEF)
				visit(e->declared, data);
			else if (e->kind == INDEX_DEFINITION)
				for (struct type_info *t = e->type; t; t = t->next)
					for (size_t k = 0; k < t->n_members; k++)
						visit(&t->members[k], data);
}

const struct declared *index_find_typedef(const char *name, const struct source *source)
{
	struct index_entry *e = index_nearest(name, INDEX_TYPEDEF, source);

	return e ? e->declared : NULL;
}

void index_member(struct type_info *type, const struct declared *member)
{
	for (size_t i = 0; i < type->n_members; i++)
		if (type->members[i].name == member->name)
			return;
	type->members =
		grow(type->members, type->n_members, &type->cap_members, sizeof(*type->members));
	type->members[type->n_members++] = *member;
}

void index_function(struct function *fn)
{
	program.functions = grow(program.functions, program.n_functions, &program.cap_functions,
				 sizeof(*program.functions));
	program.functions[program.n_functions++] = fn;
	if (!(fn->flags & FUNCTION_LAMBDA))
		index_add(fn->name, INDEX_FUNCTION, fn->source)->function = fn;
}

static void index_declared(const char *name, enum index_kind kind, const struct declared *declared)
{
	struct index_entry *e = index_add(name, kind, declared->source);

	e->declared = arena_alloc(&run_arena, sizeof(*e->declared));
	*e->declared = *declared;
}

void index_global(const struct declared *global)
{
	index_declared(global->name, INDEX_GLOBAL, global);
}

void index_typedef(const char *name, const struct declared *meaning)
{
	index_declared(name, INDEX_TYPEDEF, meaning);
}

void index_number(const char *name, int64_t value, const struct source *source)
{
	index_add(name, INDEX_NUMBER, source)->number = value;
}

void index_alias(const char *name, const char *meaning)
{
	if (name != meaning)
		index_add(name, INDEX_ALIAS, NULL)->alias = meaning;
}

void index_noreturn(const char *name)
{
	if (!index_is_noreturn(name))
		index_add(name, INDEX_NORETURN, NULL);
}

bool index_is_noreturn(const char *name)
{
	return index_next(NULL, name, INDEX_NORETURN) != NULL;
}

void index_format(const char *name, int arg)
{
	struct index_entry *e = index_next(NULL, name, INDEX_FORMAT);

	if (!e)
		index_add(name, INDEX_FORMAT, NULL)->number = arg;
	else if (e->number != arg)
		e->number = 0;
}

int index_find_format(const char *name)
{
	struct index_entry *e = name ? index_next(NULL, name, INDEX_FORMAT) : NULL;

	return e ? (int)e->number : 0;
}

const char *index_find_alias(const char *name)
{
	struct index_entry *e = index_next(NULL, name, INDEX_ALIAS);

	return e ? e->alias : NULL;
}

static const struct declared *index_member_at(const char *type, const char *name, int depth)
{
	const struct type_info *info = index_type(type);
	const struct declared *found = NULL;

	if (!info || depth > INDEX_DEPTH)
		return NULL;
	for (size_t i = 0; i < info->n_members; i++)
		if (info->members[i].name == name)
			return &info->members[i];
	for (int i = 0; i < info->n_bases && !found; i++)
		found = index_member_at(info->bases[i], name, depth + 1);
	return found;
}

const struct declared *index_find_member(const char *type, const char *name)
{
	return type && name ? index_member_at(type, name, 0) : NULL;
}

const struct declared *index_find_global(const char *name, const struct source *source)
{
	struct index_entry *e = index_nearest(name, INDEX_GLOBAL, source);

	return e ? e->declared : NULL;
}

/* A macro that has two values is not a constant, unless one of them is of this very file. */
bool index_find_number(const char *name, const struct source *source, int64_t *value)
{
	struct index_entry *e = index_nearest(name, INDEX_NUMBER, source);

	for (struct index_entry *o = NULL; e && (o = index_next(o, name, INDEX_NUMBER));)
		if (o->source == e->source && o->number != e->number)
			return false;
	if (e)
		*value = e->number;
	return e != NULL;
}

const char *index_real_type(const char *name, uint8_t *stars)
{
	for (int depth = 0; name && depth < INDEX_DEPTH; depth++) {
		struct index_entry *e = index_next(NULL, name, INDEX_TYPEDEF);

		if (!e || !e->declared->type || e->declared->type == name)
			break;
		*stars = (uint8_t)(*stars + e->declared->stars);
		name = e->declared->type;
	}
	return name;
}

/* Definitions for another system are worth less than one that may be for this. */
static int index_rank(const struct function *fn, const struct source *source)
{
	return index_distance(source, fn->source) + (fn->flags & FUNCTION_ELSEWHERE ? 0 : 8);
}

static void index_add_variant(struct function *fn, struct function *variant)
{
	for (int i = 0; i < fn->n_variants; i++)
		if (fn->variants[i] == variant)
			return;
	if (fn->n_variants == FUNCTION_VARIANTS)
		return;
	if (!fn->variants)
		fn->variants =
			arena_alloc(&run_arena, FUNCTION_VARIANTS * sizeof(struct function *));
	fn->variants[fn->n_variants++] = variant;
}

/*
 * The definition that is nearest. Others that are as near, in other files, are variants of it: what
 * callers know is what all of them do.
 */
static struct function *index_find_of(const char *class_name, const char *name,
				      const struct source *source)
{
	struct index_entry *e = NULL, *found = NULL;
	int best = -1;

	while ((e = index_next(e, name, INDEX_FUNCTION))) {
		int rank;

		if (e->function->class_name != class_name)
			continue;
		rank = index_rank(e->function, source);
		if (!class_name && (e->function->flags & FUNCTION_STATIC) && rank % 8 < 3)
			continue;
		/* Of overloads the last, of files the first. */
		if (rank < best || (found && rank == best && e->source == found->source))
			continue;
		best = rank;
		found = e;
	}
	for (e = NULL; found && (e = index_next(e, name, INDEX_FUNCTION));)
		if (e->function->class_name == class_name && e->source != found->source &&
		    index_rank(e->function, source) == best &&
		    e->function->n_params == found->function->n_params &&
		    (class_name || !(e->function->flags & FUNCTION_STATIC)))
			index_add_variant(found->function, e->function);
	return found ? found->function : NULL;
}

struct function *index_find_function(const char *name, const struct source *source)
{
	return index_find_of(NULL, name, source);
}

static struct function *index_method_at(const char *class_name, const char *name,
					const struct source *source, int depth)
{
	const struct type_info *info = index_type(class_name);
	struct function *found = index_find_of(class_name, name, source);

	for (int i = 0; info && depth < INDEX_DEPTH && i < info->n_bases && !found; i++)
		found = index_method_at(info->bases[i], name, source, depth + 1);
	return found;
}

struct function *index_find_method(const char *class_name, const char *name,
				   const struct source *source)
{
	return class_name ? index_method_at(class_name, name, source, 0) : NULL;
}

static bool index_bases_at(const char *type, bool (*visit)(const char *name, void *data),
			   void *data, int depth)
{
	const struct type_info *info = index_type(type);

	if (visit(type, data))
		return true;
	for (int i = 0; info && depth < INDEX_DEPTH && i < info->n_bases; i++)
		if (index_bases_at(info->bases[i], visit, data, depth + 1))
			return true;
	return false;
}

bool index_bases(const char *type, bool (*visit)(const char *name, void *data), void *data)
{
	return type && index_bases_at(type, visit, data, 0);
}

static bool index_is_base(const char *name, void *data)
{
	for (int depth = 0; name && depth < INDEX_DEPTH; depth++) {
		const struct fact *base = api_fact(kb_class(name), FACT_BASE);

		if (name == data)
			return true;
		name = base ? base->word : NULL;
	}
	return false;
}

bool index_derives(const char *type, const char *base)
{
	return index_bases(type, index_is_base, (void *)base);
}
