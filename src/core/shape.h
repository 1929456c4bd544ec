/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape.h - values in C from JSON and back, as the tables of an interface say (postern/interface.h)
 *
 * Two passes. The first only reads: it checks the text against the table, knows the path of the first wrong field, and
 * adds up the memory that the second needs; so the second cannot fail, and takes one block. Strings are copied into
 * it, unescaped; the text stays as it came, for whoever reads raw values. Pure.
 */
#ifndef POSTERN_CORE_SHAPE_H
#define POSTERN_CORE_SHAPE_H

#include <postern/interface.h>

enum { SHAPE_PATH = 256 };

struct shape_fault {
	const char *what;            /* static: "missing", "is not a string", "is not known", ... */
	char        path[SHAPE_PATH];/* of the field: zone, entries[3].name, or as much of it as fits */
};

/* An answer may have fields and values of an enum that we do not know: V9. */
enum { SHAPE_LENIENT = 1u << 0 };

/* object: checked JSON, an object. The bytes that shape_decode() needs behind the struct itself; at most `most`, or -E2BIG.
   -EBADMSG: ret_fault says which field is wrong. */
ssize_t shape_check(const struct postern_type *type, struct postern_json object, unsigned flags, size_t most,
	struct shape_fault *ret_fault);
/* Only after shape_check() with the same arguments. memory: aligned as malloc() does. */
void    shape_decode(const struct postern_type *type, struct postern_json object, unsigned flags, void *ret, void *memory);
/* value: a struct; NULL if it has no fields. -EINVAL: ret_fault says which field cannot be encoded. The writer's own errors
   come from its _finish. */
int     shape_write(struct postern_json_writer *w, const struct postern_type *type, const void *value,
	struct shape_fault *ret_fault);

#endif
