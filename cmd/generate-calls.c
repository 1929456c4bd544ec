/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate-calls.c - in the header, the functions of a service and of its callers
 *
 * All are inline and one call long: a program's debugger, and its reader, find what they need in one place, and what is not
 * used costs nothing. What cannot be is not there: arguments of a method without parameters, continuing where nobody may
 * ask for more.
 */
#include "generate.h"

/* What all functions of one method or error have in their texts. */
struct calls {
	const char *prefix, *name;
	const char *in, *out;             /* "const struct clock_Now_in *in, " or "" */
	const char *in_value, *out_value; /* "in" or "NULL" */
	const char *ret;                  /* "struct clock_Now_out *ret, " or "" */
	const char *ret_value;
	const char *fds, *fds_value; /* "const int *fds, size_t n_fds, " or "" */
};

static struct calls calls_of(struct generate *g, const struct idl_member *m)
{
	bool in = !generate_is_empty(m->type), out = m->out && !generate_is_empty(m->out);
	bool takes = idl_method_flags(m) & POSTERN_METHOD_TAKES_FDS;
	struct calls c = {
		.prefix = g->prefix,
		.name = generate_text(g, "%.*s", (int)m->node.name.n, m->node.name.text),
		.in = "",
		.out = "",
		.in_value = in ? "in" : "NULL",
		.out_value = out ? "out" : "NULL",
		.ret = "",
		.ret_value = out ? "ret" : "NULL",
		.fds = takes ? "const int *fds, size_t n_fds, " : "",
		.fds_value = takes ? "&passed" : "NULL",
	};

	if (in)
		c.in = generate_text(g, "const struct %s *in, ", generate_find(g, m->type)->tag);
	if (out) {
		c.out = generate_text(g, ", const struct %s *out", generate_find(g, m->out)->tag);
		c.ret = generate_text(g, "struct %s *ret, ", generate_find(g, m->out)->tag);
	}
	return c;
}

static void calls_body(struct generate *g, const char *body)
{
	generate_line(g, 0, "{");
	generate_line(g, 1, "%s", body);
	generate_line(g, 0, "}\n");
}

/* That of a call, which may have descriptors. */
static void calls_body_of(struct generate *g, const struct calls *c, const char *body)
{
	generate_line(g, 0, "{");
	if (*c->fds)
		generate_line(g, 1, "const struct postern_fds passed = { fds, n_fds };\n");
	generate_line(g, 1, "%s", body);
	generate_line(g, 0, "}\n");
}

/* ---- at the service ---- */

static void calls_handlers(struct generate *g)
{
	const struct idl_member *m;
	bool is_first = true;

	generate_line(g, 0, "/* A method that is NULL is answered with MethodNotImplemented. */");
	generate_line(g, 0, "struct %s_methods {", g->prefix);
	for (m = g->idl->members; m; m = m->next) {
		struct calls c;

		if (m->kind != IDL_METHOD)
			continue;
		c = calls_of(g, m);
		if (!is_first && idl_documentation(m->comments))
			generate_puts(g, "\n");
		generate_comment(g, 1, m->comments);
		generate_line(g, 1, "void (*%s)(struct postern_request *r, %svoid *data);", c.name,
			      c.in);
		is_first = false;
	}
	generate_line(g, 0, "};\n");
}

static void calls_provide(struct generate *g, bool has_methods)
{
	generate_line(
		g, 0,
		has_methods
			? "static inline int %s_provide(struct postern_service *s, const struct "
			  "%s_methods *methods, void *data)"
			: "static inline int %s_provide(struct postern_service *s)",
		g->prefix, g->prefix);
	calls_body(g, generate_text(g, "return postern_service_provide(s, &%s_interface, %s);",
				    g->prefix, has_methods ? "methods, data" : "NULL, NULL"));
}

/* The answer that makes the connection the program's. */
static void calls_upgrade(struct generate *g, const struct calls *c)
{
	generate_line(
		g, 0,
		"static inline POSTERN_MUST_USE int %s_upgrade_%s(struct postern_conn **ret, struct "
		"postern_request *r%s, const struct postern_conn_events *events, void *data)",
		c->prefix, c->name, c->out);
	calls_body(
		g,
		generate_text(
			g,
			"return postern_request_upgrade(ret, r, %s_%s_method.out, %s, events, data);",
			c->prefix, c->name, c->out_value));
}

static void calls_reply(struct generate *g, const struct idl_member *m)
{
	struct calls c = calls_of(g, m);
	uint32_t flags = idl_method_flags(m);

	if (flags & (POSTERN_METHOD_UPGRADE | POSTERN_METHOD_MAY_UPGRADE))
		calls_upgrade(g, &c);
	/* Any other answer would confirm what is not done. */
	if (flags & POSTERN_METHOD_UPGRADE)
		return;
	generate_line(g, 0, "static inline int %s_reply_%s(struct postern_request *r%s)", c.prefix,
		      c.name, c.out);
	calls_body(g, generate_text(g, "return postern_request_reply(r, %s_%s_method.out, %s);",
				    c.prefix, c.name, c.out_value));
	if (!(flags & (POSTERN_METHOD_MORE | POSTERN_METHOD_NEEDS_MORE)))
		return;
	generate_line(
		g, 0,
		"static inline POSTERN_MUST_USE int %s_continue_%s(struct postern_request *r%s)",
		c.prefix, c.name, c.out);
	calls_body(g, generate_text(g, "return postern_request_continue(r, %s_%s_method.out, %s);",
				    c.prefix, c.name, c.out_value));
}

/* Where the next answers of a call come from: one for all who have subscribed. */
static void calls_topic(struct generate *g, const struct idl_member *m)
{
	struct calls c = calls_of(g, m);
	static const char *const verbs[] = { "publish", "end" };

	if (!(idl_method_flags(m) & (POSTERN_METHOD_MORE | POSTERN_METHOD_NEEDS_MORE)))
		return;
	generate_line(
		g, 0,
		"static inline POSTERN_MUST_USE int %s_topic_%s(struct postern_topic **ret, struct "
		"postern_service *s, const struct postern_topic_options *options, const struct "
		"postern_topic_events *events, void *data)",
		c.prefix, c.name);
	calls_body(
		g,
		generate_text(
			g,
			"return postern_topic_new(ret, s, &%s_%s_method, options, events, data);",
			c.prefix, c.name));
	for (int i = 0; i < 2; i++) {
		generate_line(
			g, 0,
			"static inline POSTERN_MUST_USE int %s_%s_%s(struct postern_topic *t%s)",
			c.prefix, verbs[i], c.name, c.out);
		calls_body(g, generate_text(g, "return postern_topic_%s(t, %s_%s_method.out, %s);",
					    verbs[i], c.prefix, c.name, c.out_value));
	}
}

static void calls_fail(struct generate *g, const struct idl_member *m)
{
	bool empty = generate_is_empty(m->type);
	const char *name = generate_text(g, "%.*s", (int)m->node.name.n, m->node.name.text);

	if (empty)
		generate_comment(g, 0, m->comments);
	generate_line(
		g, 0, "static inline int %s_fail_%s(struct postern_request *r%s)", g->prefix, name,
		empty ? "" : generate_text(g, ", const struct %s_%s *error", g->prefix, name));
	calls_body(g, generate_text(g, "return postern_request_fail(r, &%s_%s_error, %s);",
				    g->prefix, name, empty ? "NULL" : "error"));
}

/* ---- at the caller ---- */

static void calls_type(struct generate *g, const struct idl_member *m, const struct calls *c)
{
	generate_comment(g, 0, m->comments);
	generate_line(
		g, 0,
		"typedef void %s_%s_fn(struct postern_call *call, const struct postern_answer "
		"*answer%s, void *data);\n",
		c->prefix, c->name, c->out);
}

/* A call with an event at its end. */
static void calls_call(struct generate *g, const struct calls *c, const char *verb,
		       const char *flags)
{
	generate_line(
		g, 0,
		"static inline POSTERN_MUST_USE int %s_%s_%s(struct postern_call **ret, struct "
		"postern_caller *c, %s%sint64_t deadline_ns, %s_%s_fn *fn, void *data)",
		c->prefix, c->name, verb, c->in, c->fds, c->prefix, c->name);
	calls_body_of(
		g, c,
		generate_text(
			g,
			"return postern_caller_call(ret, c, &%s_%s_method, %s, %s, %s, deadline_ns, "
			"POSTERN_FN(fn), data);",
			c->prefix, c->name, c->in_value, c->fds_value, flags));
}

static void calls_wait(struct generate *g, const struct calls *c, const char *verb,
		       const char *flags)
{
	generate_line(
		g, 0,
		"static inline POSTERN_MUST_USE int %s_%s_%s(struct postern_caller *c, %s%s%sint64_t "
		"deadline_ns)",
		c->prefix, c->name, verb, c->in, c->fds, c->ret);
	calls_body_of(
		g, c,
		generate_text(
			g,
			"return postern_caller_wait(c, &%s_%s_method, %s, %s, %s, %s, deadline_ns);",
			c->prefix, c->name, c->in_value, c->fds_value, c->ret_value, flags));
}

/* What follows the answer is read from a client, without a loop. */
static void calls_wait_upgrade(struct generate *g, const struct calls *c)
{
	generate_line(
		g, 0,
		"static inline POSTERN_MUST_USE int %s_%s_wait_upgrade(struct postern_client **client, "
		"struct postern_caller *c, %s%s%sint64_t deadline_ns)",
		c->prefix, c->name, c->in, c->fds, c->ret);
	calls_body_of(
		g, c,
		generate_text(
			g,
			"return postern_caller_upgrade(client, c, &%s_%s_method, %s, %s, %s, deadline_ns);",
			c->prefix, c->name, c->in_value, c->fds_value, c->ret_value));
}

static void calls_next(struct generate *g, const struct calls *c)
{
	generate_line(
		g, 0,
		"static inline POSTERN_MUST_USE int %s_%s_next(struct postern_caller *c, %sint64_t "
		"deadline_ns)",
		c->prefix, c->name, c->ret);
	calls_body(g, generate_text(g, "return postern_caller_next(c, %s, deadline_ns);",
				    c->ret_value));
}

static void calls_method(struct generate *g, const struct idl_member *m)
{
	struct calls c = calls_of(g, m);
	uint32_t flags = idl_method_flags(m);

	calls_type(g, m, &c);
	if (flags & (POSTERN_METHOD_UPGRADE | POSTERN_METHOD_MAY_UPGRADE)) {
		generate_line(
			g, 0,
			"/* In fn, once it is answered, postern_call_upgrade() takes the connection. */");
		calls_call(g, &c, "upgrade", "POSTERN_CALL_UPGRADE");
		calls_wait_upgrade(g, &c);
	}
	if (flags & POSTERN_METHOD_UPGRADE)
		return;
	if (!(flags & POSTERN_METHOD_NEEDS_MORE)) {
		calls_call(g, &c, "call", "0");
		calls_call(g, &c, "oneway", "POSTERN_CALL_ONEWAY");
		calls_wait(g, &c, "wait", "0");
	}
	if (flags & (POSTERN_METHOD_MORE | POSTERN_METHOD_NEEDS_MORE)) {
		calls_call(g, &c, "more", "POSTERN_CALL_MORE");
		calls_wait(g, &c, "wait_more", "POSTERN_CALL_MORE");
		calls_next(g, &c);
	}
}

static void calls_is(struct generate *g, const struct idl_member *m)
{
	bool empty = generate_is_empty(m->type);
	const char *name = generate_text(g, "%.*s", (int)m->node.name.n, m->node.name.text);

	generate_line(
		g, 0,
		"static inline POSTERN_MUST_USE int %s_is_%s(const struct postern_answer *answer%s)",
		g->prefix, name,
		empty ? "" : generate_text(g, ", struct %s_%s *ret", g->prefix, name));
	calls_body(g, generate_text(g, "return postern_answer_is(answer, &%s_%s_error, %s);",
				    g->prefix, name, empty ? "NULL" : "ret"));
}

/* ---- both ---- */

static void calls_each(struct generate *g, int kind,
		       void (*print)(struct generate *g, const struct idl_member *m))
{
	for (const struct idl_member *m = g->idl->members; m; m = m->next)
		if (m->kind == kind)
			print(g, m);
}

static void calls_name_method(struct generate *g, const struct idl_member *m)
{
	generate_line(g, 0, "extern const struct postern_method %s_%.*s_method;", g->prefix,
		      (int)m->node.name.n, m->node.name.text);
}

static void calls_name_error(struct generate *g, const struct idl_member *m)
{
	generate_line(g, 0, "extern const struct postern_error %s_%.*s_error;", g->prefix,
		      (int)m->node.name.n, m->node.name.text);
}

static bool calls_has(const struct generate *g, int kind)
{
	const struct idl_member *m = g->idl->members;

	while (m && m->kind != kind)
		m = m->next;
	return m;
}

static void calls_at_caller(struct generate *g)
{
	generate_line(g, 0, "/* ---- At the caller ---- */\n");
	if (calls_has(g, IDL_METHOD)) {
		generate_puts(
			g,
			"/* fn is called once, with the final answer of the call; of _more, with others before it. Where "
			"it has an out,\n   that is NULL unless answer->end is POSTERN_END_ANSWERED or "
			"POSTERN_END_CONTINUES. ret: the call, for\n   postern_call_cancel(), or NULL. */\n\n");
	}
	calls_each(g, IDL_METHOD, calls_method);
	calls_each(g, IDL_ERROR, calls_is);
}

void generate_calls(struct generate *g)
{
	bool has_methods = calls_has(g, IDL_METHOD);

	generate_line(g, 0, "extern const struct postern_interface %s_interface;", g->prefix);
	calls_each(g, IDL_METHOD, calls_name_method);
	calls_each(g, IDL_ERROR, calls_name_error);
	generate_line(g, 0, "\n/* ---- At the service ---- */\n");
	if (has_methods)
		calls_handlers(g);
	calls_provide(g, has_methods);
	calls_each(g, IDL_METHOD, calls_reply);
	calls_each(g, IDL_METHOD, calls_topic);
	calls_each(g, IDL_ERROR, calls_fail);
	if (has_methods || calls_has(g, IDL_ERROR))
		calls_at_caller(g);
}
