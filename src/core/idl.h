/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idl.h - Varlink interface descriptions (UAPI.20): what a text says, as a tree
 *
 * The tree is in the caller's arena, and its names and comments are slices of the text: both must stay. The depth of types
 * is bounded, so whoever walks through them may recurse.
 */
#ifndef POSTERN_CORE_IDL_H
#define POSTERN_CORE_IDL_H

#include <stddef.h>
#include <stdint.h>

enum { IDL_DEPTH = 64 };
/* An arena of so many bytes is always enough for a text of n. Pages that the tree does not need are never touched. */
#define IDL_ARENA(n) (64 * (size_t)(n) + 256)

enum { IDL_BOOL = 1, IDL_INT, IDL_FLOAT, IDL_STRING, IDL_OBJECT, IDL_ANY, IDL_NAME, IDL_STRUCT, IDL_ENUM, IDL_ARRAY,
       IDL_MAP, IDL_MAYBE };
enum { IDL_TYPE = 1, IDL_METHOD, IDL_ERROR };

struct idl_slice {
	const char *text;
	size_t n;
};

/* Without its # and its line end. */
struct idl_comment {
	struct idl_comment *next;
	struct idl_slice text;
	int own_line; /* nothing is before it on its line */
	int gap;      /* an empty line follows */
};

/* What has a name: names of one list are sorted, and so compared, by these links. */
struct idl_node {
	struct idl_slice name;
	struct idl_node *sorted;
};

struct idl_type {
	int kind;
	struct idl_slice name;      /* IDL_NAME */
	struct idl_member *member;  /* IDL_NAME: what it names */
	struct idl_type *inner;     /* IDL_ARRAY, IDL_MAP, IDL_MAYBE */
	struct idl_field *fields;   /* IDL_STRUCT, IDL_ENUM */
	struct idl_comment *after;  /* behind the last of them */
};

struct idl_field {
	struct idl_node node;
	struct idl_field *next;
	struct idl_comment *comments;
	struct idl_type *type; /* NULL in an enumeration */
};

/* A place where a type is named; `next` is of the same member. */
struct idl_reference {
	struct idl_node node;
	struct idl_reference *next;
	struct idl_type *type;
	int direct; /* not below ?, [] or [string] */
};

struct idl_member {
	struct idl_node node;
	struct idl_member *next;
	struct idl_comment *comments;
	int kind;
	struct idl_type *type, *out; /* of a method: what goes in, what comes out */
	struct idl_reference *references, *at;
	struct idl_member *then; /* of idl.ordered */
	struct idl_member *from; /* while circles are looked for */
	int seen;
};

struct idl {
	struct idl_slice name;
	struct idl_comment *comments, *after;
	struct idl_member *members;
	struct idl_member *ordered; /* types by `then`: each behind those that it contains other than below ?, [] or [string] */
	struct idl_node *references; /* of all members */
};

struct idl_error {
	size_t line, column;   /* from 1; columns count characters */
	const char *text;      /* what was expected, or what is wrong, and what to do; static */
	struct idl_slice word; /* what is there: a word, one character, a line end, or nothing: the text ends */
};

/* -EBADMSG: see ret_error. -ENOBUFS: the arena is too small. */
int idl_parse(const char *text, size_t n, void *arena, size_t size, struct idl **ret,
	      struct idl_error *ret_error);

/* The line and the column of a place in the text. */
void idl_place(const char *text, const char *at, struct idl_error *ret);

/* The description as everybody writes it, with all its comments. Returns its length, of which `size` bytes at most are
   written. Printing what was printed gives the same. */
size_t idl_print(const struct idl *idl, char *ret, size_t size);

/* Of the comments before a declaration, a field or a value: the first of those that document it, or NULL. These are the ones
   directly before it, with no empty line between, each on a line of its own. They go on to the end of the list. */
const struct idl_comment *idl_documentation(const struct idl_comment *comments);
/* A line of it: without the blank behind the #, and without those at its end. */
struct idl_slice idl_line(const struct idl_comment *comment);
/* Is this in the documentation? What the grammar cannot say is said there: "[unsigned]", "[Supports 'more' flag]". */
int idl_says(const struct idl_comment *comments, const char *mark);
/* POSTERN_METHOD_..., of which the documentation says so. */
uint32_t idl_method_flags(const struct idl_member *method);

/* ---- between the files ---- */

/* Names that are there twice, types that do not exist, circles. -EBADMSG: *ret_at is the place. */
int idl_judge(struct idl *idl, const char **ret_at, const char **ret_text);
/* Sorts what is linked by `sorted`, and returns the later one of two equal names, or NULL. */
struct idl_node *idl_sort(struct idl_node *list);
const struct idl_node *idl_twice(const struct idl_node *sorted);

#endif
