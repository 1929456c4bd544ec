/* SPDX-License-Identifier: Apache-2.0 */
/* glue.c - see glue.h */
#include "core/glue.h"

#include <string.h>

void glue_begin(struct glue *g, uint64_t from, uint64_t to)
{
	*g = (struct glue){ .from = from, .to = to, .owner = GLUE_NONE };
}

static bool glue_begins_there(const struct glue *g, uint64_t begin)
{
	return begin >= g->from && begin < g->to;
}

/* Has the end come of the message of which it was missing? */
static bool glue_is_new(struct glue *g, const char *bytes, size_t n, uint64_t at)
{
	size_t before = g->searched > at ? (size_t)(g->searched - at) : 0;
	bool new = g->searched == 0 || (n > before && memchr(bytes + before, '\0', n - before));

	g->searched = at + n;
	return new;
}

int glue_look(struct glue *g, const char *bytes, size_t n, uint64_t at, glue_takes *takes,
	      void *data)
{
	const char *begin = bytes, *end = bytes + n, *nul;

	if (g->state != GLUE_OPEN || !glue_is_new(g, bytes, n, at))
		return g->state;
	for (unsigned i = 0; (nul = memchr(begin, '\0', (size_t)(end - begin))); i++) {
		uint64_t where = at + (uint64_t)(begin - bytes);

		/* Each is asked, also those outside: to which call an answer belongs depends on the ones before it. */
		if (takes(data, begin, (size_t)(nul - begin), i) && glue_begins_there(g, where))
			g->owner = where;
		begin = nul + 1;
	}
	if (glue_begins_there(g, at + (uint64_t)(begin - bytes)))
		return g->state;
	g->state = g->owner == GLUE_NONE ? GLUE_NOBODYS : GLUE_OWNED;
	return g->state;
}
