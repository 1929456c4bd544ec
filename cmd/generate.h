/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.h - what the files of `postern generate` share
 *
 * Of each description a model is made first: all that needs a name of its own in C, in the order in which C can have it.
 * Then the header and the tables are printed from it. What fails, memory too, is remembered in .status, and the rest
 * goes on with something harmless, so that printing need not look at each step.
 */
#ifndef POSTERN_GENERATE_H
#define POSTERN_GENERATE_H

#include "description.h"

#include <postern/interface.h>

enum { GENERATE_ENUM = 1, GENERATE_STRUCT, GENERATE_ARRAY, GENERATE_MAP };

#define GENERATE_WIDTH 110 /* of a line */

/* A type that is written out somewhere: at 'type', in a method, in an error, or in a field. */
struct generate_unit {
	struct generate_unit *next;
	const struct idl_type *type;
	const struct idl_comment *comments;
	const char *name;     /* by its path: Style_zone_names */
	const char *tag;      /* in C: clock_Style; of an array or a map: its tag as an element of an array, else NULL */
	const char *entry;    /* the tag of a map's entries */
	struct idl_slice at;  /* in the text */
	int kind;
	bool is_root;         /* not inside of another; its inner ones are before it in the list */
	bool is_unsigned;     /* an int inside of it is uint64_t */
	bool is_element;      /* of an array */
	bool is_optional;     /* an enum that is ? somewhere */
	bool is_done;         /* while printing: it is defined */
	bool is_entry_done;
	bool is_used;         /* in a method or an error, so that it needs a table */
	struct generate_unit *then; /* of those that are used, and whose own uses were not looked at yet */
	uint32_t bytes, alignment; /* of a struct in C, on a machine of 64 bits */
	bool is_measured;
	struct generate_unit *outer; /* while it is measured: the one that needs its bytes */
	const struct idl_field *measured; /* the next field to measure */
	bool is_forward;      /* its table is referred to before it is defined */
};

struct generate {
	const struct description *file;
	const struct idl *idl;
	const char *prefix;      /* clock */
	const char *base;        /* of the files: org.example.clock */
	const char *from;        /* what they were written from: org.example.clock.varlink */
	struct generate_unit *units, **end, spare;
	void *names, *by_type;   /* trees of tsearch() */
	struct generate_piece *pieces;
	char *bytes;             /* what was printed */
	size_t n, size;
	unsigned scalars;        /* the kinds, as bits, whose tables are needed */
	int status;
	bool has_no_memory;
};

/* ---- generate-text.c ---- */

/* Kept until the end. Never NULL. */
const char *generate_text(struct generate *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* NULL: there is no memory. */
void       *generate_allocate(struct generate *g, size_t size);
void        generate_no_memory(struct generate *g);
void        generate_put(struct generate *g, const char *text, size_t n);
void        generate_puts(struct generate *g, const char *text);
void        generate_free(struct generate *g);
/* Prints a line, divided at blanks if it is too long. */
void generate_line(struct generate *g, unsigned indent, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Prints the documentation, if there is any. */
void generate_comment(struct generate *g, unsigned indent, const struct idl_comment *comments);
/* If it is one line, that line as a comment; else NULL. */
const char *generate_short_comment(struct generate *g, const struct idl_comment *comments);
/* Prints the text as string literals, one a line. */
void generate_literals(struct generate *g, unsigned indent, const char *text, size_t n);

/* ---- generate-model.c ---- */

void generate_model(struct generate *g);
struct generate_unit *generate_find(struct generate *g, const struct idl_type *type);
/* What a named type is, behind ? or not. */
const struct idl_type *generate_resolve(const struct idl_type *type);
bool generate_is_nullable(const struct idl_type *type);
bool generate_is_empty(const struct idl_type *type);
/* Of a field, its name in C. */
const char *generate_field_name(struct generate *g, struct idl_slice name);
/* Of an enum. */
const char *generate_value_name(struct generate *g, const struct generate_unit *u, struct idl_slice name);
/* What stands before the name of a variable of this type: "int64_t ", "const char *". */
const char *generate_spelling(struct generate *g, const struct idl_type *type, bool is_unsigned);
/* The declaration of a field of this type. */
const char *generate_declaration(struct generate *g, const struct idl_type *type, bool is_unsigned, const char *name);
/* "const char *const *items", of an array or a map. */
const char *generate_items(struct generate *g, const struct generate_unit *u);
bool generate_is_unsigned(const struct idl_field *field);

/* ---- generate-header.c, -calls.c, -tables.c, -members.c: print ---- */

void generate_header(struct generate *g);
void generate_calls(struct generate *g);
void generate_tables(struct generate *g);
/* The name of the table of a type, which is needed from now on. */
const char *generate_table_of(struct generate *g, const struct idl_type *type, bool is_unsigned);
void generate_members(struct generate *g);

#endif
