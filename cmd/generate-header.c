/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-header.c - the header: enums, then structs, then what generate-calls.c adds
 *
 * C wants an enum to be complete where a pointer to it stands, and a struct only where it is contained. So the enums
 * come first. Types come behind those they contain. What a type has inside it comes before it, where it reads best, unless
 * that contains something which is not there yet: type A (a: [string]A) has entries with an A in each.
 */
#include "generate.h"

#include <string.h>

#define HEADER_COLUMN 64 /* for comments behind fields, at most */

/* ---- fields ---- */

struct header_row {
	const char *text, *comment;         /* behind it; or NULL */
	const struct idl_comment *comments; /* before it, else */
};

/* Would its comment make the line too long? */
static bool header_is_wide(const struct header_row *row, size_t column)
{
	size_t n = strlen(row->text);

	return (n > column ? n : column) + strlen(row->comment) > GENERATE_WIDTH - 10;
}

static void header_comment_of(struct generate *g, struct header_row *row,
			      const struct idl_comment *comments)
{
	row->comment = generate_short_comment(g, comments);
	if (row->comment && header_is_wide(row, 0))
		row->comment = NULL;
	if (!row->comment)
		row->comments = comments;
}

/* Comments behind rows begin in one column. */
static void header_rows(struct generate *g, const struct header_row *rows, size_t n)
{
	size_t column = 0, length;

	for (size_t i = 0; i < n; i++) {
		length = strlen(rows[i].text);
		if (rows[i].comment && length > column && length <= HEADER_COLUMN)
			column = length;
	}
	for (size_t i = 0; i < n; i++) {
		generate_comment(g, 1, rows[i].comments);
		if (rows[i].comment && header_is_wide(&rows[i], column))
			generate_line(g, 1, "%s", rows[i].comment);
		if (rows[i].comment && !header_is_wide(&rows[i], column))
			generate_line(g, 1, "%-*s %s", (int)column, rows[i].text, rows[i].comment);
		else
			generate_line(g, 1, "%s", rows[i].text);
	}
}

static size_t header_count(const struct idl_type *type)
{
	size_t n = 0;

	for (const struct idl_field *f = type->fields; f; f = f->next)
		n++;
	return n;
}

/* Where NULL is a value, and nothing says so. */
static const char *header_or_null(const struct idl_type *type)
{
	int kind = generate_resolve(type)->kind;

	if (!generate_is_nullable(type))
		return NULL;
	if (kind == IDL_ARRAY || kind == IDL_MAP)
		return "/* .items or NULL */";
	if (kind == IDL_OBJECT || kind == IDL_ANY)
		return "/* .text or NULL */";
	return kind == IDL_STRING || kind == IDL_STRUCT ? "/* or NULL */" : NULL;
}

static void header_fields(struct generate *g, const struct idl_type *type)
{
	size_t n = header_count(type), i = 0;
	struct header_row *rows = generate_allocate(g, (n + 1) * sizeof(*rows));

	if (!rows)
		return;
	for (const struct idl_field *f = type->fields; f; f = f->next, i++) {
		rows[i].text = generate_declaration(g, f->type, generate_is_unsigned(f),
						    generate_field_name(g, f->node.name));
		header_comment_of(g, &rows[i], f->comments);
		if (!idl_documentation(f->comments))
			rows[i].comment = header_or_null(f->type);
	}
	header_rows(g, rows, n);
}

/* ---- definitions ---- */

static void header_enum(struct generate *g, const struct generate_unit *u)
{
	size_t n = header_count(u->type) + 1, i = 1;
	struct header_row *rows = generate_allocate(g, n * sizeof(*rows));

	if (!rows)
		return;
	rows[0].text = generate_text(g, "%s_UNKNOWN = 0,", u->tag);
	rows[0].comment = "/* another one; it cannot be sent */";
	for (const struct idl_field *f = u->type->fields; f; f = f->next, i++) {
		rows[i].text = generate_text(g, "%s,", generate_value_name(g, u, f->node.name));
		header_comment_of(g, &rows[i], f->comments);
	}
	generate_comment(g, 0, u->comments);
	generate_line(g, 0, "enum %s {", u->tag);
	header_rows(g, rows, n);
	generate_line(g, 0, "};");
	if (u->is_optional)
		generate_line(g, 0, "struct %s_opt_%s { enum %s value; bool set; };", g->prefix,
			      u->name, u->tag);
	generate_puts(g, "\n");
}

static void header_struct(struct generate *g, const struct generate_unit *u)
{
	generate_comment(g, 0, u->comments);
	generate_line(g, 0, "struct %s {", u->tag);
	if (u->type->fields)
		header_fields(g, u->type);
	else
		/* C++ gives an empty struct a size, C does not have one. */
		generate_line(g, 1, "char nothing_; /* it has no fields */");
	generate_line(g, 0, "};\n");
}

/* A struct of two fields, on one line if it fits. */
static void header_pair(struct generate *g, const char *tag, const char *first, const char *second)
{
	const char *line = generate_text(g, "struct %s { %s %s };", tag, first, second);

	if (strlen(line) <= GENERATE_WIDTH) {
		generate_line(g, 0, "%s\n", line);
		return;
	}
	generate_line(g, 0, "struct %s {", tag);
	generate_line(g, 1, "%s", first);
	generate_line(g, 1, "%s", second);
	generate_line(g, 0, "};\n");
}

static void header_entry(struct generate *g, const struct generate_unit *u)
{
	const struct idl_type *value = u->type->inner;

	if (!generate_is_nullable(value) && generate_is_empty(value))
		generate_line(g, 0, "struct %s { const char *key; };\n", u->entry);
	else
		header_pair(g, u->entry, "const char *key;",
			    generate_declaration(g, value, u->is_unsigned, "value"));
}

/* ---- their order ---- */

/* Are the structs that are contained in a value of this type there? */
static bool header_is_contained_ready(struct generate *g, const struct idl_type *type)
{
	if (type->kind != IDL_NAME && type->kind != IDL_STRUCT)
		return true;
	type = generate_resolve(type);
	return type->kind != IDL_STRUCT || generate_find(g, type)->is_done;
}

static bool header_is_struct_ready(struct generate *g, const struct generate_unit *u)
{
	for (const struct idl_field *f = u->type->fields; f; f = f->next)
		if (!header_is_contained_ready(g, f->type))
			return false;
	return true;
}

static bool header_is_entry_ready(struct generate *g, const struct generate_unit *u)
{
	const struct idl_type *value = u->type->inner;

	return generate_is_empty(value) || header_is_contained_ready(g, value);
}

/* Defines what can be defined; true: nothing of it is left. */
static bool header_define(struct generate *g, struct generate_unit *u)
{
	if (u->kind == GENERATE_STRUCT && !u->is_done && header_is_struct_ready(g, u)) {
		header_struct(g, u);
		u->is_done = true;
	}
	if (u->kind == GENERATE_MAP && !u->is_entry_done && header_is_entry_ready(g, u)) {
		header_entry(g, u);
		u->is_entry_done = true;
	}
	if (u->kind != GENERATE_STRUCT && !u->is_done) {
		if (u->tag && u->kind != GENERATE_ENUM)
			header_pair(g, u->tag, generate_text(g, "%s;", generate_items(g, u)),
				    "size_t n;");
		u->is_done = true;
	}
	return u->is_done && (u->kind != GENERATE_MAP || u->is_entry_done);
}

/* From the first one inside of a root to the root, and what remained once more. Returns what is behind it. */
static struct generate_unit *header_root(struct generate *g, struct generate_unit *first,
					 bool *ret_all)
{
	struct generate_unit *u, *end = first;
	bool all = true;

	while (end && !end->is_root)
		end = end->next;
	end = end ? end->next : NULL;
	for (u = first; u != end; u = u->next)
		all &= header_define(g, u);
	if (all)
		return end;
	for (u = first, all = true; u != end; u = u->next)
		all &= header_define(g, u);
	*ret_all &= all;
	return end;
}

/* What is left after all types were defined lacks nothing any more, and methods and errors are in no type. */
static void header_units(struct generate *g)
{
	bool all = true;

	for (struct generate_unit *u = g->units; u; u = u->next)
		if (u->kind == GENERATE_ENUM)
			header_enum(g, u);
	for (struct generate_unit *u = g->units; u;)
		u = header_root(g, u, &all);
	for (struct generate_unit *u = g->units; u && !all; u = u->next)
		header_define(g, u);
}

/* ---- the file ---- */

static const char *header_guard(struct generate *g)
{
	char *guard = generate_allocate(g, g->idl->name.n + 1);
	char c;

	for (size_t i = 0; guard && i < g->idl->name.n; i++) {
		c = g->idl->name.text[i];
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		guard[i] = c;
		if (c == '.' || c == '-')
			guard[i] = '_';
	}
	return guard ? generate_text(g, "%s_VARLINK_H", guard) : "";
}

void generate_header(struct generate *g)
{
	const char *guard = header_guard(g);

	generate_line(
		g, 0,
		"/* Written by postern generate %s from %s. Do not edit: change that file. */",
		POSTERN_VERSION, g->from);
	generate_comment(g, 0, g->idl->comments);
	generate_puts(g, generate_text(g, "#ifndef %s\n#define %s\n\n", guard, guard));
	generate_puts(
		g,
		"#include <postern/caller.h>\n#include <postern/interface.h>\n#include <postern/service.h>\n"
		"#include <postern/topic.h>\n\n"
		"#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
	header_units(g);
	generate_calls(g);
	generate_puts(g, "#ifdef __cplusplus\n}\n#endif\n#endif\n");
}
