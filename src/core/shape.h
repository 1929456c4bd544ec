/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape.h - values in C from JSON and back, as the tables of an interface say (postern/interface.h)
 *
 * Checking only reads: it holds the text against the table, knows the path of the first wrong field, and adds up the
 * memory that decoding needs, which is one block. Strings are copied into it, unescaped; the text stays as it came,
 * and object and any are slices of it. Whoever has a block that is mostly large enough decodes at once, which checks
 * all the same, and asks for the size only when it was too small. Pure.
 */
#ifndef POSTERN_CORE_SHAPE_H
#define POSTERN_CORE_SHAPE_H

#include <postern/interface.h>

enum { SHAPE_PATH = 256 };

struct shape_fault {
	const char *what;            /* static: "is missing", "is not a string", "is not known", ... */
	char        path[SHAPE_PATH];/* of the field: zone, entries[3].name, labels["key"], or as much of it as fits; "" for
	                                the object itself */
};

/* An answer may have fields and values of an enum that we do not know: V9. */
enum { SHAPE_LENIENT = 1u << 0 };

/* object: checked JSON. The bytes that shape_decode() needs behind the struct itself: never 0, since an array without
   elements has a pointer too; at most `most`, or -E2BIG. -EBADMSG: the object does not fit the type. ret_fault says for
   both which field it was. */
ssize_t shape_check(const struct postern_type *type, struct postern_json object, unsigned flags, size_t most,
	struct shape_fault *ret_fault);
/* memory: aligned as malloc() does, of the size that shape_check() returned or any other; never NULL. -E2BIG: it was too
   small, and no field has been wrong so far. -EBADMSG: as above; a \u0000 in a string, and a key that a map has twice, show
   only here. */
int shape_decode(const struct postern_type *type, struct postern_json object, unsigned flags, void *ret, void *memory,
	size_t size, struct shape_fault *ret_fault);
/* value: a struct; NULL if it has no fields. -EINVAL: ret_fault says which field cannot be encoded. That it does not fit
   into the buffer, the writer's _finish says. The keys of a map are not compared with each other. */
int shape_write(struct postern_json_writer *w, const struct postern_type *type, const void *value,
	struct shape_fault *ret_fault);

#endif
