/* SPDX-License-Identifier: Apache-2.0 */
/* shape-read.h - what the files that read share */
#ifndef POSTERN_CORE_SHAPE_READ_H
#define POSTERN_CORE_SHAPE_READ_H

#include "core/json.h"
#include "core/shape-path.h"

#include <errno.h>
#include <string.h>

struct shape_reader {
	struct json_scan scan;
	unsigned flags;
	unsigned open;            /* arrays and maps */
	char *memory;             /* NULL: only check */
	size_t most;              /* its size, or what that may become */
	size_t front, back, peak; /* in use from both ends; the most that they had together */
	struct shape_fault *fault;
	struct shape_path path;
};

static inline int shape_wrong(struct shape_reader *s, const char *what)
{
	shape_path_fault(&s->path, s->fault, what);
	return -EBADMSG;
}

/* n bytes of the back, for values of this size; NULL without memory. */
int shape_take(struct shape_reader *s, size_t n, size_t size, char **ret);

/* Without memory there is nothing to store into. */
static inline void shape_store(char *ret, const void *value, size_t n)
{
	if (ret)
		memcpy(ret, value, n);
}

/* The next value as it stands, whatever it is. */
int shape_slice(struct shape_reader *s, struct postern_json *ret);
int shape_string(struct shape_reader *s, struct postern_json v, char *ret);
/* The next value, of a type that is neither struct, array nor map. */
int shape_scalar(struct shape_reader *s, const struct postern_type *type, char *ret);
/* Which of the fields, or of an enum's names, this is; type->n: none of them. The likely one is tried first. */
uint32_t shape_find(const struct postern_type *type, struct postern_json name, uint32_t likely);

#endif
