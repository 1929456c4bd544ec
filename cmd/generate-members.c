/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-members.c - in the .c file: methods, errors, the interface, and the functions that know their types
 *
 * The library calls a program's functions through these alone, each of which calls one of the type that it has.
 */
#include "generate.h"

#define MEMBERS_VERSION 1 /* of what is written here; see POSTERN_INTERFACE_VERSION */

_Static_assert(MEMBERS_VERSION <= POSTERN_INTERFACE_VERSION, "libpostern interprets these tables");

static void members_deliver(struct generate *g, const struct idl_member *m)
{
	bool empty = generate_is_empty(m->out);

	generate_line(
		g, 0,
		"static void deliver_%.*s(void (*fn)(void), struct postern_call *call, const struct "
		"postern_answer *answer, const void *value, void *data)",
		(int)m->node.name.n, m->node.name.text);
	generate_line(g, 0, "{");
	if (empty)
		generate_line(g, 1, "(void)value;");
	generate_line(g, 1, "((%s_%.*s_fn *)fn)(call, answer, %sdata);", g->prefix,
		      (int)m->node.name.n, m->node.name.text, empty ? "" : "value, ");
	generate_line(g, 0, "}\n");
}

static void members_call_method(struct generate *g, const struct idl_member *m)
{
	int n = (int)m->node.name.n;
	const char *name = m->node.name.text;

	members_deliver(g, m);
	generate_line(g, 0, "const struct postern_call_method %s_%.*s_method = {", g->prefix, n,
		      name);
	generate_line(g, 1, "\"%.*s.%.*s\", &%s, &%s, deliver_%.*s,", (int)g->idl->name.n,
		      g->idl->name.text, n, name, generate_table_of(g, m->type, false),
		      generate_table_of(g, m->out, false), n, name);
	generate_line(g, 0, "};\n");
}

static const char *members_flags(struct generate *g, const struct idl_member *m)
{
	static const char *const names[] = {
		"POSTERN_METHOD_MORE",
		"POSTERN_METHOD_NEEDS_MORE",
		"POSTERN_METHOD_UPGRADE",
		"POSTERN_METHOD_MAY_UPGRADE",
	};
	unsigned flags = generate_flags(m);
	const char *text = NULL;

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (flags & 1u << i)
			text = text ? generate_text(g, "%s | %s", text, names[i]) : names[i];
	return text ? text : "0";
}

static uint32_t members_methods(struct generate *g)
{
	uint32_t n = 0;

	for (const struct idl_member *m = g->idl->members; m; m = m->next) {
		if (m->kind != IDL_METHOD)
			continue;
		if (n++ == 0)
			generate_line(g, 0, "static const struct postern_method methods[] = {");
		generate_line(g, 1, "{ \"%.*s\", &%s, &%s, %s, 0 },", (int)m->node.name.n,
			      m->node.name.text, generate_table_of(g, m->type, false),
			      generate_table_of(g, m->out, false), members_flags(g, m));
	}
	if (n > 0)
		generate_line(g, 0, "};\n");
	return n;
}

static uint32_t members_errors(struct generate *g)
{
	int length = (int)g->idl->name.n;
	const char *name = g->idl->name.text;
	const struct idl_member *m;
	uint32_t n = 0;

	for (m = g->idl->members; m; m = m->next)
		if (m->kind == IDL_ERROR)
			generate_line(
				g, 0,
				"const struct postern_error %s_%.*s_error = { \"%.*s.%.*s\", &%s };",
				g->prefix, (int)m->node.name.n, m->node.name.text, length, name,
				(int)m->node.name.n, m->node.name.text,
				generate_table_of(g, m->type, false));
	for (m = g->idl->members; m; m = m->next) {
		if (m->kind != IDL_ERROR)
			continue;
		if (n++ == 0)
			generate_line(g, 0, "static const struct postern_error errors[] = {");
		generate_line(g, 1, "{ \"%.*s.%.*s\", &%s },", length, name, (int)m->node.name.n,
			      m->node.name.text, generate_table_of(g, m->type, false));
	}
	if (n > 0)
		generate_line(g, 0, "};\n");
	return n;
}

static void members_case(struct generate *g, const struct idl_member *m, uint32_t i)
{
	const char *name = generate_text(g, "%.*s", (int)m->node.name.n, m->node.name.text);

	generate_line(g, 1, "case %u:", (unsigned)i);
	generate_line(g, 2, "if (!m->%s)", name);
	generate_line(g, 3, "return -ENOSYS;");
	generate_line(g, 2, "if (r)");
	generate_line(g, 3, "m->%s(r, %sdata);", name, generate_is_empty(m->type) ? "" : "in, ");
	generate_line(g, 2, "return 0;");
}

static void members_dispatch(struct generate *g)
{
	bool has_in = false;
	uint32_t i = 0;

	generate_line(
		g, 0,
		"static int dispatch(const void *handlers, uint32_t method, struct postern_request *r, "
		"const void *in, void *data)");
	generate_line(g, 0, "{");
	generate_line(g, 1, "const struct %s_methods *m = handlers;\n", g->prefix);
	for (const struct idl_member *m = g->idl->members; m; m = m->next)
		has_in |= m->kind == IDL_METHOD && !generate_is_empty(m->type);
	if (!has_in)
		generate_line(g, 1, "(void)in;");
	generate_line(g, 1, "switch (method) {");
	for (const struct idl_member *m = g->idl->members; m; m = m->next)
		if (m->kind == IDL_METHOD)
			members_case(g, m, i++);
	generate_line(g, 1, "default:");
	generate_line(g, 2, "return -ENOSYS;");
	generate_line(g, 1, "}");
	generate_line(g, 0, "}\n");
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
	if (n_methods > 0)
		generate_line(g, 1, ".dispatch = dispatch,");
	generate_line(g, 0, "};");
}

void generate_members(struct generate *g)
{
	uint32_t n_methods, n_errors;

	for (const struct idl_member *m = g->idl->members; m; m = m->next)
		if (m->kind == IDL_METHOD)
			members_call_method(g, m);
	n_methods = members_methods(g);
	n_errors = members_errors(g);
	if (n_methods > 0)
		members_dispatch(g);
	members_interface(g, n_methods, n_errors);
}
