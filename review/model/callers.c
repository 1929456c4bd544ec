/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls a function of the project: asked for so often that it is found once, when all callees are known. */

#include "model/query.h"

/* Counts the calls of each function; and where there is room, notes them. */
static size_t callers_walk(bool is_room)
{
	size_t all = 0;

	for (size_t f = 0; f < program.n_functions; f++)
		program.functions[f]->n_callers = 0;
	for (size_t f = 0; f < program.n_functions; f++)
		for (int i = 0; i < program.functions[f]->n_items; i++) {
			struct function *fn = program.functions[f];
			const struct item *item = &fn->items[i];
			struct function *to =
				item->kind == ITEM_CALL && item->call ? item->call->target : NULL;

			if (to && is_room)
				to->callers[to->n_callers] =
					(struct call_site){ fn, &fn->items[i] };
			if (to)
				to->n_callers++, all++;
		}
	return all;
}

void callers_find(void)
{
	struct call_site *list = arena_alloc(&run_arena, (callers_walk(false) + 1) * sizeof(*list));

	for (size_t f = 0; f < program.n_functions; f++) {
		program.functions[f]->callers = list;
		list += program.functions[f]->n_callers;
	}
	callers_walk(true);
}
