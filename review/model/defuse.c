/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which items set a place: one chain per place through the items of a function, the last in the
 * text first. The order is that of the text and not of the graph, which is what a reader takes for
 * "where this comes from"; who needs the graph walks it.
 */

#include "model/query.h"

#include <string.h>

static bool item_sets(const struct item *item)
{
	return item->dst >= 0 &&
	       (item->kind == ITEM_ASSIGN || item->kind == ITEM_OPERATE || item->kind == ITEM_CALL);
}

void function_index_sets(struct function *fn)
{
	fn->set_last = arena_alloc(&run_arena, ((size_t)fn->n_places + 1) * sizeof(int));
	fn->set_before = arena_alloc(&run_arena, ((size_t)fn->n_items + 1) * sizeof(int));
	for (int i = 0; i < fn->n_places; i++)
		fn->set_last[i] = -1;
	for (int i = 0; i < fn->n_items; i++) {
		if (!item_sets(&fn->items[i]))
			continue;
		fn->set_before[i] = fn->set_last[fn->items[i].dst];
		fn->set_last[fn->items[i].dst] = i;
	}
}

const struct item *place_set_last(const struct function *fn, int place)
{
	return place >= 0 && fn->set_last[place] >= 0 ? &fn->items[fn->set_last[place]] : NULL;
}

const struct item *item_set_before(const struct function *fn, const struct item *item)
{
	int before = fn->set_before[item - fn->items];

	return before >= 0 ? &fn->items[before] : NULL;
}

const struct item *place_set_before(const struct function *fn, int place, const struct item *before)
{
	const struct item *item = place_set_last(fn, place);

	while (item && item >= before)
		item = item_set_before(fn, item);
	return item;
}

const struct item *place_set_once(const struct function *fn, int place)
{
	const struct item *item = place_set_last(fn, place);

	return item && !item_set_before(fn, item) ? item : NULL;
}

int function_add_place(struct function *fn, const struct place *place)
{
	size_t n = (size_t)fn->n_places;
	struct place *places = arena_alloc(&run_arena, (n + 1) * sizeof(*places));
	int *last = arena_alloc(&run_arena, (n + 2) * sizeof(*last));

	if (n) {
		memcpy(places, fn->places, n * sizeof(*places));
		memcpy(last, fn->set_last, n * sizeof(*last));
	}
	places[n] = *place;
	last[n] = -1;
	fn->places = places;
	fn->set_last = last;
	return fn->n_places++;
}
