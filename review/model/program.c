/* SPDX-License-Identifier: Apache-2.0 */
/* Which files belong to which program: from each main() along calls and names of functions. */

#include "model/query.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

enum { PROGRAM_MAX_MAINS = 63 };

struct program_edges {
	uint32_t *to;
	size_t n, cap;
};

static void program_edge(struct program_edges *edges, const struct source *to)
{
	for (size_t i = edges->n; i-- > 0 && i + 8 > edges->n;)
		if (edges->to[i] == to->number)
			return;
	edges->to = grow(edges->to, edges->n, &edges->cap, sizeof(*edges->to));
	edges->to[edges->n++] = to->number;
}

static void program_edges_of(const struct function *fn, struct program_edges *edges)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind != ITEM_CALL || !call)
			continue;
		if (call->target && call->target->source != fn->source)
			program_edge(edges, call->target->source);
		if ((call->flags & (CALL_NEW | CALL_CONSTRUCT)) && call->type) {
			const struct function *made =
				index_find_method(call->type, types_plain(call->type), fn->source);

			if (made && made->source != fn->source)
				program_edge(edges, made->source);
		}
	}
	for (int i = 0; i < fn->n_places; i++) {
		const struct function *named = place_function(fn, &fn->places[i]);

		if (named && named->source != fn->source)
			program_edge(edges, named->source);
	}
}

static void program_spread(struct program_edges *edges)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < program.n_sources; i++)
			for (size_t k = 0; program.sources[i]->programs && k < edges[i].n; k++) {
				struct source *to = program.sources[edges[i].to[k]];

				if (program.sources[i]->programs & ~to->programs) {
					to->programs |= program.sources[i]->programs;
					changed = true;
				}
			}
	}
}

void program_find(void)
{
	struct program_edges *edges =
		arena_alloc(&run_arena, (program.n_sources + 1) * sizeof(*edges));
	unsigned mains = 0;

	for (size_t i = 0; i < program.n_sources; i++)
		program.sources[i]->number = (uint32_t)i;
	for (size_t i = 0; i < program.n_functions; i++) {
		struct function *fn = program.functions[i];

		program_edges_of(fn, &edges[fn->source->number]);
		if (fn->flags & FUNCTION_MAIN)
			fn->source->programs |= UINT64_C(1) << (mains++ % PROGRAM_MAX_MAINS);
	}
	program_spread(edges);
	for (size_t i = 0; i < program.n_sources; i++)
		free(edges[i].to);
}

bool program_shares(const struct source *a, const struct source *b)
{
	if (a == b || (a->programs & b->programs))
		return true;
	return (!a->programs || !b->programs) && a->folder == b->folder;
}
