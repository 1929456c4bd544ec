/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-members.c - in the .c file: methods, errors, the interface, and the functions that know their types
 *
 * The library calls a program's functions through these alone, each of which calls one of the type that it has.
 */
#include "generate.h"

#define MEMBERS_VERSION 1 /* of what is written here; see POSTERN_INTERFACE_VERSION */

_Static_assert(MEMBERS_VERSION <= POSTERN_INTERFACE_VERSION, "libpostern interprets these tables");

static const char *members_name(struct generate *g, const struct idl_member *m)
{
	return generate_text(g, "%.*s", (int)m->node.name.n, m->node.name.text);
}

static void members_handle(struct generate *g, const char *name, const struct idl_member *m)
{
	bool empty = generate_is_empty(m->type);

	generate_line(
		g, 0,
		"static void handle_%s(const void *handlers, struct postern_request *r, const "
		"void *in, void *data)",
		name);
	generate_line(g, 0, "{");
	if (empty)
		generate_line(g, 1, "(void)in;");
	generate_line(g, 1, "((const struct %s_methods *)handlers)->%s(r, %sdata);", g->prefix,
		      name, empty ? "" : "in, ");
	generate_line(g, 0, "}\n");
}

static void members_deliver(struct generate *g, const char *name, const struct idl_member *m)
{
	bool empty = generate_is_empty(m->out);

	generate_line(
		g, 0,
		"static void deliver_%s(void (*fn)(void), struct postern_call *call, const struct "
		"postern_answer *answer, const void *value, void *data)",
		name);
	generate_line(g, 0, "{");
	if (empty)
		generate_line(g, 1, "(void)value;");
	generate_line(g, 1, "((%s_%s_fn *)fn)(call, answer, %sdata);", g->prefix, name,
		      empty ? "" : "value, ");
	generate_line(g, 0, "}\n");
}

static const char *members_flags(struct generate *g, const struct idl_member *m)
{
	static const char *const names[] = {
		"POSTERN_METHOD_MORE",      "POSTERN_METHOD_NEEDS_MORE",
		"POSTERN_METHOD_UPGRADE",   "POSTERN_METHOD_MAY_UPGRADE",
		"POSTERN_METHOD_TAKES_FDS", "POSTERN_METHOD_RETURNS_FDS",
	};
	uint32_t flags = idl_method_flags(m);
	const char *text = NULL;

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (flags & 1u << i)
			text = text ? generate_text(g, "%s | %s", text, names[i]) : names[i];
	return text ? text : "0";
}

static void members_method(struct generate *g, const struct idl_member *m)
{
	const char *name = members_name(g, m);

	members_handle(g, name, m);
	members_deliver(g, name, m);
	generate_line(g, 0, "const struct postern_method %s_%s_method = {", g->prefix, name);
	generate_line(g, 1, ".name = \"%.*s.%s\",", (int)g->idl->name.n, g->idl->name.text, name);
	generate_line(g, 1, ".in = &%s,", generate_table_of(g, m->type, false));
	generate_line(g, 1, ".out = &%s,", generate_table_of(g, m->out, false));
	if (idl_method_flags(m))
		generate_line(g, 1, ".flags = %s,", members_flags(g, m));
	generate_line(g, 1, ".handler = offsetof(struct %s_methods, %s),", g->prefix, name);
	generate_line(g, 1, ".handle = handle_%s,", name);
	generate_line(g, 1, ".deliver = deliver_%s,", name);
	generate_line(g, 0, "};\n");
}

static void members_error(struct generate *g, const struct idl_member *m)
{
	const char *name = members_name(g, m);

	generate_line(g, 0, "const struct postern_error %s_%s_error = {", g->prefix, name);
	generate_line(g, 1, ".name = \"%.*s.%s\",", (int)g->idl->name.n, g->idl->name.text, name);
	generate_line(g, 1, ".type = &%s,", generate_table_of(g, m->type, false));
	generate_line(g, 0, "};\n");
}

/* All of this kind: each by itself, then a list of them, whose length is returned. */
static uint32_t members_of(struct generate *g, int kind, const char *word,
			   void (*print)(struct generate *g, const struct idl_member *m))
{
	const struct idl_member *m;
	uint32_t n = 0;

	for (m = g->idl->members; m; m = m->next)
		if (m->kind == kind)
			print(g, m);
	for (m = g->idl->members; m; m = m->next) {
		if (m->kind != kind)
			continue;
		if (n++ == 0)
			generate_line(g, 0, "static const struct postern_%s *const %ss[] = {", word,
				      word);
		generate_line(g, 1, "&%s_%s_%s,", g->prefix, members_name(g, m), word);
	}
	if (n > 0)
		generate_line(g, 0, "};\n");
	return n;
}

static void members_interface(struct generate *g, uint32_t n_methods, uint32_t n_errors)
{
	generate_line(g, 0, "static const char description[] =");
	generate_literals(g, 1, g->file->text, g->file->n);
	generate_puts(g, ";\n\n");
	generate_line(g, 0, "const struct postern_interface %s_interface = {", g->prefix);
	generate_line(g, 1, ".version = %d,", MEMBERS_VERSION);
	if (n_methods > 0)
		generate_line(g, 1, ".n_methods = %u,", (unsigned)n_methods);
	if (n_errors > 0)
		generate_line(g, 1, ".n_errors = %u,", (unsigned)n_errors);
	generate_line(g, 1, ".name = \"%.*s\",", (int)g->idl->name.n, g->idl->name.text);
	generate_line(g, 1, ".description = description,");
	if (n_methods > 0)
		generate_line(g, 1, ".methods = methods,");
	if (n_errors > 0)
		generate_line(g, 1, ".errors = errors,");
	generate_line(g, 0, "};");
}

void generate_members(struct generate *g)
{
	uint32_t n_methods = members_of(g, IDL_METHOD, "method", members_method);
	uint32_t n_errors = members_of(g, IDL_ERROR, "error", members_error);

	members_interface(g, n_methods, n_errors);
}
