/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables.c - see tables.h
 *
 * They are what `postern generate` writes, with a layout of our own: nobody reads the values in C, they are decoded because
 * decoding checks them. So each value is in a place whose size is a multiple of 8, which aligns all of them.
 *
 * A struct contains others, and their sizes come first: the parser has put the types in that order. What is behind ?, [] or
 * [string] is a pointer, whose size is known; so sizes are found first, and then the tables are filled.
 */
#include "tables.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_VALUE_MAX (1u << 20) /* of a value in C, without what it points to */
#define TABLES_ENUM_MAX  65535u
#define TABLES_SEARCHED  8u /* names that are searched one after the other */

struct table {
	const struct idl_type *idl; /* the key */
	struct table *then;         /* of those that are to be filled */
	bool is_unsigned;           /* an int inside of it, of an array or a map */
	struct postern_type type;
};

static void *tables_allocate(struct tables *t, size_t size)
{
	void **block = calloc(1, sizeof(void *) * 2 + size);

	if (!block) {
		t->status = EXIT_TRY_AGAIN;
		return NULL;
	}
	*block = t->blocks;
	t->blocks = block;
	return block + 2;
}

static const struct idl_slice tables_nothing = { .text = "" };

/* Terminated, behind another and a dot. */
static char *tables_name(struct tables *t, struct idl_slice before, struct idl_slice s)
{
	char *name = tables_allocate(t, before.n + s.n + 2);

	if (!name)
		return NULL;
	if (before.n > 0) {
		memcpy(name, before.text, before.n);
		name[before.n++] = '.';
	}
	memcpy(name + before.n, s.text, s.n);
	return name;
}

/* ---- which table is of which type ---- */

static int tables_compare(const void *a, const void *b)
{
	const struct table *left = a, *right = b;

	return (left->idl > right->idl) - (left->idl < right->idl);
}

static const struct idl_type *tables_resolve(const struct idl_type *type)
{
	if (type->kind == IDL_MAYBE)
		type = type->inner;
	return type->kind == IDL_NAME ? type->member->type : type;
}

/* The table of a type that is no scalar; a new one has a kind of 0. NULL: no memory. */
static struct table *tables_get(struct tables *t, const struct idl_type *type)
{
	struct table key = { .idl = type };
	struct table **there = tfind(&key, &t->by_type, tables_compare);
	struct table *new;

	if (there)
		return *there;
	new = tables_allocate(t, sizeof(*new));
	if (!new)
		return NULL;
	new->idl = type;
	if (tsearch(new, &t->by_type, tables_compare))
		return new;
	t->status = EXIT_TRY_AGAIN;
	return NULL;
}

static const struct postern_type *tables_scalar(int kind, bool is_unsigned)
{
	static const struct postern_type scalars[] = {
		[IDL_BOOL] = { .kind = POSTERN_TYPE_BOOL, .size = sizeof(bool) },
		[IDL_INT] = { .kind = POSTERN_TYPE_INT, .size = sizeof(int64_t) },
		[IDL_FLOAT] = { .kind = POSTERN_TYPE_FLOAT, .size = sizeof(double) },
		[IDL_STRING] = { .kind = POSTERN_TYPE_STRING, .size = sizeof(const char *) },
		[IDL_OBJECT] = { .kind = POSTERN_TYPE_OBJECT, .size = sizeof(struct postern_json) },
		[IDL_ANY] = { .kind = POSTERN_TYPE_ANY, .size = sizeof(struct postern_json) },
	};
	static const struct postern_type uint = { .kind = POSTERN_TYPE_UINT,
						  .size = sizeof(uint64_t) };

	return kind == IDL_INT && is_unsigned ? &uint : &scalars[kind];
}

/* ---- sizes ---- */

static size_t tables_count(const struct idl_type *type)
{
	size_t n = 0;

	for (const struct idl_field *f = type->fields; f; f = f->next)
		n++;
	return n;
}

static void tables_refuse(struct tables *t, const struct description *d, struct idl_slice at,
			  const char *text)
{
	description_tell(d, at, text);
	t->status = EXIT_ANSWERED_ERROR;
}

static uint32_t tables_round(size_t n)
{
	return (uint32_t)((n + 7) & ~(size_t)7);
}

/* What a value takes in the struct, array or map that has it. */
static uint32_t tables_place(struct tables *t, const struct idl_type *type)
{
	const struct idl_type *of = tables_resolve(type);
	bool is_nullable = type->kind == IDL_MAYBE;
	const struct table *table;

	switch (of->kind) {
	case IDL_BOOL:
	case IDL_INT:
	case IDL_FLOAT:
		return tables_round(tables_scalar(of->kind, false)->size + is_nullable);
	case IDL_ENUM:
		return 8;
	case IDL_STRING:
		return tables_round(sizeof(const char *));
	case IDL_STRUCT:
		if (is_nullable)
			return tables_round(sizeof(void *));
		table = tables_get(t, of);
		return table ? table->type.size : 8;
	default:
		/* Of an array and a map: where its items are, and their number. */
		return tables_round(sizeof(struct postern_json));
	}
}

static void tables_sizes(struct tables *t, const struct description *d,
			 const struct idl_type *type);

static void tables_struct_size(struct tables *t, const struct description *d,
			       const struct idl_type *type)
{
	struct table *table = tables_get(t, type);
	uint32_t n = 0, size = 0;

	for (const struct idl_field *f = type->fields; f && !t->status; f = f->next) {
		tables_sizes(t, d, f->type);
		size += tables_place(t, f->type);
		if (size > TABLES_VALUE_MAX || ++n > POSTERN_FIELDS_MAX) {
			tables_refuse(
				t, d, f->node.name,
				n > POSTERN_FIELDS_MAX
					? "a struct has 1,024 fields at most here; divide it"
					: "a value of this struct is above 1 MiB here; divide it");
		}
	}
	/* None is of no size: items of an array have places of their own. */
	if (table)
		table->type.size = size ? size : 8;
}

/* Of all structs that are written out in this type, the inner ones first. */
static void tables_sizes(struct tables *t, const struct description *d, const struct idl_type *type)
{
	while (type->inner)
		type = type->inner;
	if (type->kind == IDL_STRUCT)
		tables_struct_size(t, d, type);
	else if (type->kind == IDL_ENUM && tables_count(type) > TABLES_ENUM_MAX)
		tables_refuse(t, d, type->fields->node.name,
			      "an enum has 65,535 values at most here; make it a string");
}

/* ---- filling ---- */

static int tables_kind(const struct idl_type *type)
{
	switch (type->kind) {
	case IDL_ENUM:
		return POSTERN_TYPE_ENUM;
	case IDL_STRUCT:
		return POSTERN_TYPE_STRUCT;
	case IDL_MAP:
		return POSTERN_TYPE_MAP;
	default:
		return POSTERN_TYPE_ARRAY;
	}
}

/* A new one is filled later: types refer to each other, in any number and in circles. */
static const struct postern_type *tables_of(struct tables *t, const struct idl_type *type,
					    bool is_unsigned)
{
	const struct idl_type *of = tables_resolve(type);
	struct table *table;

	if (of->kind < IDL_NAME)
		return tables_scalar(of->kind, is_unsigned);
	table = tables_get(t, of);
	if (!table)
		return NULL;
	if (table->type.kind)
		return &table->type;
	table->type.kind = (uint8_t)tables_kind(of);
	table->is_unsigned = is_unsigned;
	table->then = t->pending;
	t->pending = table;
	return &table->type;
}

struct tables_row {
	const char *name;
	uint16_t number;
};

static int tables_compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct tables_row *)a)->name, ((const struct tables_row *)b)->name);
}

/* The order of n names, each of them `stride` bytes behind the one before. */
static const uint16_t *tables_sorted(struct tables *t, const char *const *names, size_t stride,
				     size_t n)
{
	struct tables_row *rows;
	uint16_t *sorted;

	if (n <= TABLES_SEARCHED)
		return NULL;
	rows = tables_allocate(t, n * sizeof(*rows));
	sorted = tables_allocate(t, n * sizeof(*sorted));
	if (!rows || !sorted)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		memcpy(&rows[i].name, (const char *)names + i * stride, sizeof(rows[i].name));
		rows[i].number = (uint16_t)i;
	}
	qsort(rows, n, sizeof(*rows), tables_compare_rows);
	for (size_t i = 0; i < n; i++)
		sorted[i] = rows[i].number;
	return sorted;
}

static void tables_enum(struct tables *t, struct table *table)
{
	size_t n = tables_count(table->idl), i = 0;
	const char **names = tables_allocate(t, n * sizeof(*names));

	table->type.size = 4;
	if (!names)
		return;
	for (const struct idl_field *f = table->idl->fields; f; f = f->next) {
		names[i] = tables_name(t, tables_nothing, f->node.name);
		if (!names[i++])
			return;
	}
	table->type.names = names;
	table->type.sorted = tables_sorted(t, names, sizeof(*names), n);
	table->type.n = (uint32_t)n;
}

static void tables_struct(struct tables *t, struct table *table)
{
	size_t n = tables_count(table->idl), i = 0;
	struct postern_field *fields = n ? tables_allocate(t, n * sizeof(*fields)) : NULL;
	uint32_t at = 0;

	if (!fields)
		return;
	for (const struct idl_field *f = table->idl->fields; f && !t->status; f = f->next) {
		fields[i++] = (struct postern_field){
			.name = tables_name(t, tables_nothing, f->node.name),
			.type = tables_of(t, f->type, idl_says(f->comments, "[unsigned]")),
			.offset = at,
			.flags = f->type->kind == IDL_MAYBE ? POSTERN_FIELD_NULLABLE : 0,
		};
		at += tables_place(t, f->type);
	}
	if (t->status)
		return;
	table->type.fields = fields;
	table->type.n = (uint32_t)n;
	table->type.sorted = tables_sorted(t, &fields->name, sizeof(*fields), n);
}

static void tables_container(struct tables *t, struct table *table)
{
	const struct idl_type *inner = table->idl->inner;
	uint32_t place = tables_place(t, inner);
	bool is_map = table->idl->kind == IDL_MAP;

	table->type.nullable = inner->kind == IDL_MAYBE;
	table->type.value = is_map ? (uint16_t)tables_round(sizeof(const char *)) : 0;
	table->type.size = table->type.value + place;
	table->type.element = tables_of(t, inner, table->is_unsigned);
}

static void tables_fill(struct tables *t)
{
	struct table *table;

	while ((table = t->pending) && !t->status) {
		t->pending = table->then;
		if (table->idl->kind == IDL_ENUM)
			tables_enum(t, table);
		else if (table->idl->kind == IDL_STRUCT)
			tables_struct(t, table);
		else
			tables_container(t, table);
	}
}

/* ---- the interface ---- */

static uint32_t tables_number(const struct idl *idl, int kind)
{
	uint32_t n = 0;

	for (const struct idl_member *m = idl->members; m; m = m->next)
		n += m->kind == kind;
	return n;
}

static void tables_all_sizes(struct tables *t, const struct description *d)
{
	for (const struct idl_member *m = d->idl->ordered; m && !t->status; m = m->then)
		tables_sizes(t, d, m->type);
	for (const struct idl_member *m = d->idl->members; m && !t->status; m = m->next) {
		if (m->kind != IDL_TYPE)
			tables_sizes(t, d, m->type);
		if (m->kind == IDL_METHOD)
			tables_sizes(t, d, m->out);
	}
}

/* Each is in a block of its own, as generated ones are variables of their own. */
static const struct postern_method *tables_method(struct tables *t, const struct idl *idl,
						  const struct idl_member *m, uint32_t number,
						  tables_handle *handle)
{
	struct postern_method *method = tables_allocate(t, sizeof(*method));

	if (method)
		*method = (struct postern_method){
			.name = tables_name(t, idl->name, m->node.name),
			.in = tables_of(t, m->type, false),
			.out = tables_of(t, m->out, false),
			.flags = idl_method_flags(m),
			.handler = number * (uint32_t)sizeof(void (*)(void)),
			.handle = handle,
		};
	return method;
}

static const struct postern_error *tables_error(struct tables *t, const struct idl *idl,
						const struct idl_member *m)
{
	struct postern_error *error = tables_allocate(t, sizeof(*error));

	if (error)
		*error = (struct postern_error){
			.name = tables_name(t, idl->name, m->node.name),
			.type = tables_of(t, m->type, false),
		};
	return error;
}

static void tables_members(struct tables *t, const struct idl *idl, tables_handle *handle)
{
	uint32_t n_methods = tables_number(idl, IDL_METHOD),
		 n_errors = tables_number(idl, IDL_ERROR);
	const struct postern_method **methods =
		tables_allocate(t, (n_methods + 1) * sizeof(*methods));
	const struct postern_error **errors = tables_allocate(t, (n_errors + 1) * sizeof(*errors));
	uint32_t m_at = 0, e_at = 0;

	for (const struct idl_member *m = idl->members; m && !t->status; m = m->next) {
		if (m->kind == IDL_METHOD) {
			methods[m_at] = tables_method(t, idl, m, m_at, handle);
			m_at++;
		} else if (m->kind == IDL_ERROR) {
			errors[e_at++] = tables_error(t, idl, m);
		}
	}
	t->interface.n_methods = m_at;
	t->interface.n_errors = e_at;
	t->interface.methods = methods;
	t->interface.errors = errors;
}

int tables_make(struct tables *t, const struct description *d, tables_handle *handle)
{
	*t = (struct tables){ .status = EXIT_DONE };
	t->interface = (struct postern_interface){
		.version = POSTERN_INTERFACE_VERSION,
		.name = tables_name(t, tables_nothing, d->idl->name),
		.description = tables_name(t, tables_nothing, (struct idl_slice){ d->text, d->n }),
	};
	tables_all_sizes(t, d);
	if (!t->status)
		tables_members(t, d->idl, handle);
	tables_fill(t);
	if (t->status == EXIT_TRY_AGAIN)
		output_error(d->verb, d->name, "out of memory");
	return t->status;
}

static void tables_leave(void *table)
{
	/* It is in one of the blocks. */
	(void)table;
}

void tables_upgrade(struct tables *t, uint32_t method, bool only)
{
	struct postern_method *m = (struct postern_method *)t->interface.methods[method];

	m->flags &= ~(uint32_t)(POSTERN_METHOD_UPGRADE | POSTERN_METHOD_MAY_UPGRADE);
	if (only)
		m->flags |= POSTERN_METHOD_UPGRADE;
}

void tables_free(struct tables *t)
{
	tdestroy(t->by_type, tables_leave);
	while (t->blocks) {
		void **block = t->blocks;

		t->blocks = *block;
		free(block);
	}
}
