/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about a function's graph and places; ir.h has the form. */

#include "model/ir.h"

#include <string.h>

bool place_is_within(const struct function *fn, int place, int ancestor)
{
	while (place >= 0 && place != ancestor)
		place = fn->places[place].parent;
	return place >= 0;
}

bool place_is_local(const struct function *fn, int place)
{
	for (; fn->places[place].parent >= 0; place = fn->places[place].parent) {
		const struct place *p = &fn->places[place];
		const struct place *parent = &fn->places[p->parent];

		if (p->kind == PLACE_DEREF || (p->flags & PLACE_ARROW))
			return false;
		/* An array that is a parameter is the caller's. */
		if (p->kind == PLACE_INDEX &&
		    (!(parent->flags & PLACE_ARRAY) || parent->kind == PLACE_PARAM))
			return false;
	}
	if (fn->places[place].kind == PLACE_TEMP)
		return true;
	return (fn->places[place].kind == PLACE_LOCAL || fn->places[place].kind == PLACE_PARAM) &&
	       !(fn->places[place].flags & (PLACE_STATIC | PLACE_REF));
}

struct graph_walk {
	int block;
	int edge;
};

/* Numbers the blocks in the order in which a walk enters and leaves them. */
static void graph_number(struct function *fn, struct arena *arena)
{
	struct graph_walk *stack = arena_alloc(arena, ((size_t)fn->n_blocks + 1) * sizeof(*stack));
	int depth = 0, clock = 1;

	if (!fn->n_blocks)
		return;
	stack[0] = (struct graph_walk){ 0, 0 };
	fn->blocks[0].enter = clock++;
	while (depth >= 0) {
		struct graph_walk *top = &stack[depth];
		struct block *block = &fn->blocks[top->block];
		int next;

		if (top->edge == 2) {
			block->leave = clock++;
			depth--;
			continue;
		}
		next = block->next[top->edge++];
		if (next < 0)
			continue;
		if (!fn->blocks[next].enter) {
			fn->blocks[next].enter = clock++;
			stack[++depth] = (struct graph_walk){ next, 0 };
		} else if (!fn->blocks[next].leave) {
			fn->blocks[next].back = true;
		}
	}
}

static bool graph_is_header(const struct function *fn, int block)
{
	for (int i = 0; i < fn->n_loops; i++)
		if (fn->loops[i].header == block)
			return true;
	return false;
}

/* x & FLAG is worth remembering for a function that asks twice; each one doubles the states. */
static void graph_masks(struct function *fn)
{
	for (int i = 0; i < fn->n_places; i++) {
		int uses = 0;

		if (fn->places[i].kind != PLACE_FIELD || fn->places[i].name[0] != '&')
			continue;
		for (int k = 0; k < fn->n_items && uses < 2; k++)
			uses += fn->items[k].kind == ITEM_OPERATE && fn->items[k].dst == i;
		if (uses < 2) {
			fn->places[i].kind = PLACE_TEMP;
			fn->places[i].parent = -1;
			fn->places[i].text = "";
		}
	}
}

void graph_finish(struct function *fn, struct arena *arena)
{
	struct loop *loops;
	int n = 0;

	graph_number(fn, arena);
	graph_masks(fn);
	for (int i = 0; i < fn->n_blocks; i++)
		n += fn->blocks[i].back && !graph_is_header(fn, i);
	if (!n)
		return;
	loops = arena_alloc(&run_arena, ((size_t)fn->n_loops + (size_t)n) * sizeof(*loops));
	if (fn->n_loops)
		memcpy(loops, fn->loops, (size_t)fn->n_loops * sizeof(*loops));
	n = fn->n_loops;
	for (int i = 0; i < fn->n_blocks; i++) {
		const struct block *block = &fn->blocks[i];

		if (!block->back || graph_is_header(fn, i))
			continue;
		loops[n] = (struct loop){ .kind = LOOP_GOTO,
					  .forever = true,
					  .header = i,
					  .body = i,
					  .exit = -1,
					  .parent = block->loop };
		if (block->first >= 0) {
			loops[n].at = fn->items[block->first].at;
			loops[n].end = fn->items[block->first].end;
		}
		n++;
	}
	fn->loops = loops;
	fn->n_loops = n;
}

static bool place_is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

bool place_name_has(const char *name, const char *variable)
{
	size_t n = strlen(variable);

	for (const char *hit = name; (hit = strstr(hit, variable)); hit++)
		if ((hit == name || !place_is_word(hit[-1])) && !place_is_word(hit[n]))
			return true;
	return false;
}
