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

/* Asks each message that is whole. Each, also those outside of the read: to which call an answer belongs depends on the ones
   before it. true: what follows the last one is no message. */
static bool glue_ask(struct glue *g, const char *bytes, size_t n, uint64_t at, glue_takes *takes,
		     void *data)
{
	const char *begin = bytes, *end = bytes + n, *nul;
	unsigned is = 0;

	for (unsigned i = 0;
	     !(is & GLUE_ENDS) && (nul = memchr(begin, '\0', (size_t)(end - begin))); i++) {
		uint64_t where = at + (uint64_t)(begin - bytes);

		is = takes(data, begin, (size_t)(nul - begin), i, true);
		if (is & GLUE_TAKES && glue_begins_there(g, where))
			g->owner = where;
		begin = nul + 1;
	}
	g->last = at + (uint64_t)(begin - bytes);
	return is & GLUE_ENDS;
}

/* May the message that is not whole take some? */
static bool glue_may(const struct glue *g, const char *bytes, size_t n, uint64_t at,
		     glue_takes *takes, void *data)
{
	size_t skip = g->last > at ? (size_t)(g->last - at) : 0;

	if (!glue_begins_there(g, g->last))
		return false;
	return n - skip >= GLUE_PREFIX || takes(data, bytes + skip, n - skip, 0, false);
}

int glue_look(struct glue *g, const char *bytes, size_t n, uint64_t at, glue_takes *takes,
	      void *data)
{
	bool ended = false;

	if (g->state != GLUE_OPEN)
		return g->state;
	if (glue_is_new(g, bytes, n, at))
		ended = glue_ask(g, bytes, n, at, takes, data);
	if (ended || !glue_may(g, bytes, n, at, takes, data))
		g->state = g->owner == GLUE_NONE ? GLUE_NOBODYS : GLUE_OWNED;
	return g->state;
}
