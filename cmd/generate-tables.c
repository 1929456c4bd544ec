/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-tables.c - the .c file: tables of the types, then what generate-members.c adds
 *
 * A table is static and named as its type; one that another refers to before it is there is declared first, which C
 * allows a constant, too. The order for searching is given where there are more names than a search from the first
 * to the last is faster for.
 */
#include "generate.h"

#include <stdlib.h>
#include <string.h>

#define TABLES_SORTED 8

/* Bits of .scalars that are no kind of a description. */
enum { TABLES_UINT = 0, TABLES_NOTHING = 31 };

static const struct {
	int kind;
	const char *name, *type, *of;
} tables_scalars[] = {
	{ IDL_BOOL, "bool", "BOOL", "bool" },
	{ IDL_INT, "int", "INT", "int64_t" },
	{ TABLES_UINT, "uint", "UINT", "uint64_t" },
	{ IDL_FLOAT, "float", "FLOAT", "double" },
	{ IDL_STRING, "string", "STRING", "const char *" },
	{ IDL_OBJECT, "object", "OBJECT", "struct postern_json" },
	{ IDL_ANY, "any", "ANY", "struct postern_json" },
};

#define TABLES_N_SCALARS (sizeof(tables_scalars) / sizeof(*tables_scalars))

/* ---- references ---- */

static const char *tables_scalar(struct generate *g, int kind)
{
	size_t i = 0;

	while (tables_scalars[i].kind != kind)
		i++;
	g->scalars |= 1u << kind;
	return generate_text(g, "type_%s", tables_scalars[i].name);
}

static const char *tables_nothing(struct generate *g)
{
	g->scalars |= 1u << TABLES_NOTHING;
	return "type_nothing";
}

static const char *tables_name(struct generate *g, const struct generate_unit *u)
{
	return generate_text(g, "%s_%s",
			     u->kind == GENERATE_ARRAY ? "array"
			     : u->kind == GENERATE_MAP ? "map"
						       : "type",
			     u->name);
}

const char *generate_table_of(struct generate *g, const struct idl_type *type, bool is_unsigned)
{
	const struct idl_type *t = generate_resolve(type);
	struct generate_unit *u;

	if (t->kind == IDL_INT && is_unsigned)
		return tables_scalar(g, TABLES_UINT);
	if (t->kind != IDL_STRUCT && t->kind != IDL_ENUM && t->kind != IDL_ARRAY &&
	    t->kind != IDL_MAP)
		return tables_scalar(g, t->kind);
	u = generate_find(g, t);
	/* An empty one that is the value of a set, or all that a method takes. */
	if (u == &g->spare)
		return tables_nothing(g);
	u->is_forward |= !u->is_done;
	return tables_name(g, u);
}

static size_t tables_count(const struct idl_type *type)
{
	size_t n = 0;

	for (const struct idl_field *f = type->fields; f; f = f->next)
		n++;
	return n;
}

/* ---- the order of names ---- */

struct tables_row {
	struct idl_slice name;
	size_t number;
};

static int tables_compare(const void *a, const void *b)
{
	const struct tables_row *left = a, *right = b;
	size_t n = left->name.n < right->name.n ? left->name.n : right->name.n;
	int r = memcmp(left->name.text, right->name.text, n);

	return r ? r : (left->name.n > right->name.n) - (left->name.n < right->name.n);
}

/* Prints it; "", or what an initializer says of it. */
static const char *tables_order(struct generate *g, const struct generate_unit *u, size_t n)
{
	struct tables_row *rows;
	size_t i = 0;
	const char *line = "";

	if (n <= TABLES_SORTED)
		return "";
	rows = generate_allocate(g, n * sizeof(*rows));
	if (!rows)
		return "";
	for (const struct idl_field *f = u->type->fields; f; f = f->next, i++)
		rows[i] = (struct tables_row){ f->node.name, i };
	qsort(rows, n, sizeof(*rows), tables_compare);
	generate_line(g, 0, "static const uint16_t order_%s[] = {", u->name);
	for (i = 0; i < n; i++) {
		line = generate_text(g, "%s%s%zu,", line, *line ? " " : "", rows[i].number);
		if (i + 1 == n || i % 16 == 15) {
			generate_line(g, 1, "%s", line);
			line = "";
		}
	}
	generate_line(g, 0, "};");
	return generate_text(g, " .sorted = order_%s,", u->name);
}

/* ---- which tables are needed ---- */

/* A type that no method and no error has needs none, and a compiler would say that nobody uses it. */
static void tables_use(struct generate *g, const struct idl_type *type,
		       struct generate_unit **pending)
{
	struct generate_unit *u = generate_find(g, generate_resolve(type));

	if (u == &g->spare || u->is_used)
		return;
	u->is_used = true;
	u->then = *pending;
	*pending = u;
}

static void tables_used(struct generate *g)
{
	struct generate_unit *pending = NULL, *u;

	for (const struct idl_member *m = g->idl->members; m; m = m->next) {
		if (m->kind != IDL_TYPE)
			tables_use(g, m->type, &pending);
		if (m->kind == IDL_METHOD)
			tables_use(g, m->out, &pending);
	}
	while ((u = pending)) {
		pending = u->then;
		if (u->type->inner)
			tables_use(g, u->type->inner, &pending);
		for (const struct idl_field *f = u->type->fields; f; f = f->next)
			if (f->type)
				tables_use(g, f->type, &pending);
	}
}

/* ---- tables of types ---- */

static void tables_enum(struct generate *g, const struct generate_unit *u)
{
	size_t n = tables_count(u->type);
	const char *sorted;

	generate_line(g, 0, "_Static_assert(sizeof(enum %s) == 4, \"libpostern writes 4 bytes\");",
		      u->tag);
	generate_line(g, 0, "static const char *const names_%s[] = {", u->name);
	for (const struct idl_field *f = u->type->fields; f; f = f->next)
		generate_line(g, 1, "\"%.*s\",", (int)f->node.name.n, f->node.name.text);
	generate_line(g, 0, "};");
	sorted = tables_order(g, u, n);
	generate_line(g, 0, "static const struct postern_type type_%s = {", u->name);
	generate_line(g, 1, ".kind = POSTERN_TYPE_ENUM, .size = 4, .n = %zu, .names = names_%s,%s",
		      n, u->name, sorted);
	generate_line(g, 0, "};\n");
}

static void tables_fields(struct generate *g, const struct generate_unit *u)
{
	generate_line(g, 0, "static const struct postern_field fields_%s[] = {", u->name);
	for (const struct idl_field *f = u->type->fields; f; f = f->next)
		generate_line(g, 1, "{ \"%.*s\", &%s, offsetof(struct %s, %s), %d },",
			      (int)f->node.name.n, f->node.name.text,
			      generate_table_of(g, f->type, generate_is_unsigned(f)), u->tag,
			      generate_field_name(g, f->node.name), generate_is_nullable(f->type));
	generate_line(g, 0, "};");
}

static void tables_struct(struct generate *g, const struct generate_unit *u)
{
	size_t n = tables_count(u->type);
	const char *sorted;

	if (n > 0)
		tables_fields(g, u);
	sorted = tables_order(g, u, n);
	generate_line(g, 0, "static const struct postern_type type_%s = {", u->name);
	if (n > 0)
		generate_line(
			g, 1,
			".kind = POSTERN_TYPE_STRUCT, .size = sizeof(struct %s), .n = %zu, .fields = "
			"fields_%s,%s",
			u->tag, n, u->name, sorted);
	else
		generate_line(g, 1, ".kind = POSTERN_TYPE_STRUCT, .size = sizeof(struct %s),",
			      u->tag);
	generate_line(g, 0, "};\n");
}

static void tables_array(struct generate *g, const struct generate_unit *u)
{
	const char *of = generate_spelling(g, u->type->inner, u->is_unsigned);
	size_t n = strlen(of);

	/* Without the blank for a name. */
	n -= n > 0 && of[n - 1] == ' ';
	generate_line(g, 0, "static const struct postern_type array_%s = {", u->name);
	generate_line(
		g, 1,
		".kind = POSTERN_TYPE_ARRAY, .nullable = %d, .size = sizeof(%.*s), .element = &%s,",
		generate_is_nullable(u->type->inner), (int)n, of,
		generate_table_of(g, u->type->inner, u->is_unsigned));
	generate_line(g, 0, "};\n");
}

static void tables_map(struct generate *g, const struct generate_unit *u)
{
	const struct idl_type *value = u->type->inner;
	bool is_set = !generate_is_nullable(value) && generate_is_empty(value);

	generate_line(g, 0, "static const struct postern_type map_%s = {", u->name);
	generate_line(
		g, 1,
		".kind = POSTERN_TYPE_MAP, .nullable = %d,%s .size = sizeof(struct %s), .element = &%s,",
		generate_is_nullable(value),
		is_set ? "" : generate_text(g, " .value = offsetof(struct %s, value),", u->entry),
		u->entry, generate_table_of(g, value, u->is_unsigned));
	generate_line(g, 0, "};\n");
}

static void tables_unit(struct generate *g, struct generate_unit *u)
{
	switch (u->kind) {
	case GENERATE_ENUM:
		tables_enum(g, u);
		break;
	case GENERATE_STRUCT:
		tables_struct(g, u);
		break;
	case GENERATE_ARRAY:
		tables_array(g, u);
		break;
	default:
		tables_map(g, u);
	}
	u->is_done = true;
}

/* ---- what is above them ---- */

static void tables_scalars_used(struct generate *g)
{
	for (size_t i = 0; i < TABLES_N_SCALARS; i++)
		if (g->scalars & 1u << tables_scalars[i].kind)
			generate_line(
				g, 0,
				"static const struct postern_type type_%s = { .kind = POSTERN_TYPE_%s, "
				".size = sizeof(%s) };",
				tables_scalars[i].name, tables_scalars[i].type,
				tables_scalars[i].of);
	if (g->scalars & 1u << TABLES_NOTHING)
		generate_line(
			g, 0,
			"static const struct postern_type type_nothing = { .kind = POSTERN_TYPE_STRUCT };");
	for (const struct generate_unit *u = g->units; u; u = u->next)
		if (u->is_forward)
			generate_line(g, 0, "static const struct postern_type %s;",
				      tables_name(g, u));
	generate_puts(g, "\n");
}

static void tables_body(struct generate *g)
{
	tables_used(g);
	for (struct generate_unit *u = g->units; u; u = u->next)
		u->is_done = false;
	for (struct generate_unit *u = g->units; u; u = u->next)
		if (u->is_used)
			tables_unit(g, u);
	generate_members(g);
}

void generate_tables(struct generate *g)
{
	char *body;
	size_t n;

	/* What is needed above them shows when they were printed. */
	tables_body(g);
	body = g->bytes;
	n = g->n;
	g->bytes = NULL;
	g->n = g->size = 0;
	generate_line(
		g, 0,
		"/* Written by postern generate %s from %s. Do not edit: change that file. */",
		POSTERN_VERSION, g->from);
	generate_puts(g, generate_text(g, "#include \"%s.h\"\n\n", g->base));
	generate_puts(g, "#include <stddef.h>\n\n");
	tables_scalars_used(g);
	generate_put(g, body, n);
	free(body);
}
