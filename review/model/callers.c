/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls a function of the project: asked for so often that it is found once, when all callees are known. */

#include "model/query.h"

static struct function *callers_target(const struct item *item)
{
	return item->kind == ITEM_CALL && item->call ? item->call->target : NULL;
}

void callers_find(void)
{
	size_t n = 0;
	struct call_site *list;

	for (size_t f = 0; f < program.n_functions; f++)
		program.functions[f]->n_callers = 0;
	for (size_t f = 0; f < program.n_functions; f++)
		for (int i = 0; i < program.functions[f]->n_items; i++) {
			struct function *target = callers_target(&program.functions[f]->items[i]);

			if (target) {
				target->n_callers++;
				n++;
			}
		}
	list = arena_alloc(&run_arena, (n + 1) * sizeof(*list));
	for (size_t f = 0; f < program.n_functions; f++) {
		program.functions[f]->callers = list;
		list += program.functions[f]->n_callers;
		program.functions[f]->n_callers = 0;
	}
	for (size_t f = 0; f < program.n_functions; f++)
		for (int i = 0; i < program.functions[f]->n_items; i++) {
			struct function *fn = program.functions[f];
			struct function *target = callers_target(&fn->items[i]);

			if (target)
				target->callers[target->n_callers++] =
					(struct call_site){ fn, &fn->items[i] };
		}
}
