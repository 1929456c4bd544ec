/* SPDX-License-Identifier: Apache-2.0 */
/* shape-path.h - what reading and writing share: where in a value they are, and how values lie in C */
#ifndef POSTERN_CORE_SHAPE_PATH_H
#define POSTERN_CORE_SHAPE_PATH_H

#include "core/shape.h"

/* A step from a container to one of its values. */
struct shape_place {
	uint32_t    kind;   /* of the container: POSTERN_TYPE_STRUCT, _ARRAY or _MAP */
	const char *text;   /* the field's name or the key */
	size_t      n;      /* its length; of an array, the number of the element */
};

struct shape_path {
	unsigned depth;
	struct shape_place place[POSTERN_JSON_DEPTH];
};

/* Says what is wrong at the end of the path. */
void shape_path_fault(const struct shape_path *path, struct shape_fault *ret, const char *what);

/* An array or map, whatever is in it. */
struct shape_list {
	const void *items;
	size_t      n;
};

/* Of a nullable value, a flag behind it says whether it is set; all others have a pointer, which is NULL. */
static inline int shape_is_flagged(const struct postern_type *type)
{
	return type->kind <= POSTERN_TYPE_FLOAT || type->kind == POSTERN_TYPE_ENUM;
}

/* Two equal keys among n entries of this size, each of which begins with a pointer to its key: the number of the second,
   or n if there are none. next: room for n numbers. */
uint32_t shape_keys_twice(const char *entries, uint32_t n, size_t size, uint32_t *next);

#endif
