/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idl-print.c - interface descriptions, as everybody writes them
 *
 * Fields are in one line where they fit and have no comments, else each has its own. Whether they fit is found out by
 * printing them to nowhere: types are IDL_DEPTH deep at most, so that is at most so many times the work.
 *
 * Comments stay where they are: behind what is on their line, directly before a declaration, or apart from it by an
 * empty line. Else one that says something else would become its documentation.
 */
#include "core/idl.h"

#include <string.h>

enum { IDL_COLUMNS = 80, IDL_INDENT = 2 };

struct idl_printer {
	char *bytes;
	size_t size, n, line; /* where the line begins */
};

static void idl_put(struct idl_printer *p, const char *text, size_t n)
{
	if (p->n < p->size && n > 0)
		memcpy(p->bytes + p->n, text, n < p->size - p->n ? n : p->size - p->n);
	p->n += n;
}

static void idl_puts(struct idl_printer *p, const char *text)
{
	idl_put(p, text, strlen(text));
}

static void idl_put_line(struct idl_printer *p, int indent)
{
	idl_puts(p, "\n");
	p->line = p->n;
	for (int i = 0; i < indent; i++)
		idl_puts(p, " ");
}

static void idl_put_comment(struct idl_printer *p, const struct idl_comment *comment)
{
	size_t n = comment->text.n;

	while (n > 0 && (comment->text.text[n - 1] == ' ' || comment->text.text[n - 1] == '\t'))
		n--;
	idl_puts(p, "#");
	idl_put(p, comment->text.text, n);
}

/* A comment behind something goes on the line that is not ended yet, lest it document what follows. Returns the others. */
static const struct idl_comment *idl_put_tail(struct idl_printer *p,
					      const struct idl_comment *comments)
{
	if (!comments || comments->own_line)
		return comments;
	idl_puts(p, " ");
	idl_put_comment(p, comments);
	return comments->next;
}

/* Each on a line that has begun; then the next one is begun, so indented. */
static void idl_put_comments(struct idl_printer *p, const struct idl_comment *comments, int indent,
			     int last_indent)
{
	for (; comments; comments = comments->next) {
		idl_put_comment(p, comments);
		/* One that was behind something, of which the line is ended, documents nothing. */
		if ((comments->gap || !comments->own_line) &&
		    (comments->next || last_indent == indent))
			idl_puts(p, "\n");
		idl_put_line(p, comments->next ? indent : last_indent);
	}
}

static int idl_has_comments(const struct idl_type *type)
{
	if (!type)
		return 0;
	if (type->after || idl_has_comments(type->inner))
		return 1;
	for (const struct idl_field *f = type->fields; f; f = f->next)
		if (f->comments || idl_has_comments(f->type))
			return 1;
	return 0;
}

static void idl_put_type(struct idl_printer *p, const struct idl_type *type, int indent, int flat);

static void idl_put_field(struct idl_printer *p, const struct idl_field *f, int indent, int flat)
{
	idl_put(p, f->node.name.text, f->node.name.n);
	if (f->type) {
		idl_puts(p, ": ");
		idl_put_type(p, f->type, indent, flat);
	}
	if (f->next)
		idl_puts(p, flat ? ", " : ",");
}

static void idl_put_fields(struct idl_printer *p, const struct idl_type *type, int indent, int flat)
{
	int inside = indent + IDL_INDENT;
	const struct idl_comment *comments;

	if (!flat && !idl_has_comments(type)) {
		struct idl_printer nowhere = { .n = p->n, .line = p->line };

		idl_put_fields(&nowhere, type, indent, 1);
		/* Something follows: a comma, or the arrow. */
		flat = nowhere.n - nowhere.line < IDL_COLUMNS;
	}
	idl_puts(p, "(");
	for (const struct idl_field *f = type->fields; f; f = f->next) {
		comments = idl_put_tail(p, f->comments);
		if (!flat)
			idl_put_line(p, inside);
		idl_put_comments(p, comments, inside, inside);
		idl_put_field(p, f, inside, flat);
	}
	comments = idl_put_tail(p, type->after);
	if (!flat && (type->fields || type->after))
		idl_put_line(p, comments ? inside : indent);
	idl_put_comments(p, comments, inside, indent);
	idl_puts(p, ")");
}

static void idl_put_type(struct idl_printer *p, const struct idl_type *type, int indent, int flat)
{
	static const char *const words[] = {
		[IDL_BOOL] = "bool",     [IDL_INT] = "int",       [IDL_FLOAT] = "float",
		[IDL_STRING] = "string", [IDL_OBJECT] = "object", [IDL_ANY] = "any",
		[IDL_ARRAY] = "[]",      [IDL_MAP] = "[string]",  [IDL_MAYBE] = "?",
	};

	for (; type->inner; type = type->inner)
		idl_puts(p, words[type->kind]);
	if (type->kind == IDL_NAME)
		idl_put(p, type->name.text, type->name.n);
	else if (type->kind == IDL_STRUCT || type->kind == IDL_ENUM)
		idl_put_fields(p, type, indent, flat);
	else
		idl_puts(p, words[type->kind]);
}

/* From its name on; the line is not ended. */
static void idl_put_member(struct idl_printer *p, const struct idl_member *m)
{
	idl_puts(p, m->kind == IDL_TYPE ? "type " : m->kind == IDL_METHOD ? "method " : "error ");
	idl_put(p, m->node.name.text, m->node.name.n);
	if (m->kind != IDL_METHOD)
		idl_puts(p, " ");
	idl_put_type(p, m->type, 0, 0);
	if (m->out) {
		idl_puts(p, " -> ");
		idl_put_type(p, m->out, 0, 0);
	}
}

size_t idl_print(const struct idl *idl, char *ret, size_t size)
{
	struct idl_printer p = { .bytes = ret, .size = size };
	const struct idl_comment *comments;

	idl_put_comments(&p, idl->comments, 0, 0);
	idl_puts(&p, "interface ");
	idl_put(&p, idl->name.text, idl->name.n);
	for (const struct idl_member *m = idl->members; m; m = m->next) {
		comments = idl_put_tail(&p, m->comments);
		idl_puts(&p, "\n");
		idl_put_line(&p, 0);
		idl_put_comments(&p, comments, 0, 0);
		idl_put_member(&p, m);
	}
	comments = idl_put_tail(&p, idl->after);
	idl_put_line(&p, 0);
	if (comments)
		idl_put_line(&p, 0);
	/* The last gap is the end of the text. */
	idl_put_comments(&p, comments, 0, -1);
	return p.n;
}
