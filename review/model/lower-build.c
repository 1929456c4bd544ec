/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks, items and places of a function that is being lowered. */

#include "model/lower.h"

#include <stdlib.h>
#include <string.h>

int build_block(struct builder *b)
{
	struct block *block;

	if (b->n_blocks >= LOWER_MAX_BLOCKS) {
		b->fn->flags |= FUNCTION_CUT;
		return (int)b->n_blocks - 1;
	}
	b->blocks = grow(b->blocks, b->n_blocks, &b->cap_blocks, sizeof(*b->blocks));
	block = &b->blocks[b->n_blocks];
	*block = (struct block){ .first = -1, .last = -1, .next = { -1, -1 }, .loop = b->loop };
	return (int)b->n_blocks++;
}

/* Items in code that nothing leads to go into a block of their own, which is never reached. */
struct item *build_item(struct builder *b, enum item_kind kind, TSNode node)
{
	struct block *block;
	struct item *item;

	if (b->block < 0)
		b->block = build_block(b);
	if (b->n_items >= LOWER_MAX_ITEMS) {
		b->fn->flags |= FUNCTION_CUT;
		item = &b->items[b->n_items - 1];
		item->call = NULL;
		item->dst = -1;
		item->kind = ITEM_STATEMENT;
		return item;
	}
	b->items = grow(b->items, b->n_items, &b->cap_items, sizeof(*b->items));
	item = &b->items[b->n_items];
	*item = (struct item){ .kind = (uint8_t)kind, .next = -1, .block = b->block, .dst = -1 };
	if (node_ok(node)) {
		item->at = node_pos(b->tree, node);
		item->end = node_end(b->tree, node);
	}
	block = &b->blocks[b->block];
	if (block->last >= 0)
		b->items[block->last].next = (int)b->n_items;
	else
		block->first = (int)b->n_items;
	block->last = (int)b->n_items++;
	return item;
}

void build_goto(struct builder *b, int block)
{
	if (b->block >= 0)
		b->blocks[b->block].next[0] = block;
	b->block = -1;
}

void build_branch(struct builder *b, TSNode node, int op, struct operand left, struct operand right,
		  int then_block, int else_block)
{
	struct item *item = build_item(b, ITEM_BRANCH, node);

	item->op = (uint8_t)op;
	item->a = left;
	item->b = right;
	b->blocks[b->block].next[0] = then_block;
	b->blocks[b->block].next[1] = else_block;
	b->block = -1;
}

static size_t build_place_hash(int parent, enum place_kind kind, const char *name)
{
	uint64_t h = ((uint64_t)(uintptr_t)name >> 4) * 31 + (uint64_t)(parent + 1) * 1000003;

	return (h ^ (uint64_t)kind * 7919) % 512;
}

static const char *build_place_text(struct builder *b, enum place_kind kind, int parent,
				    const char *name, uint16_t flags)
{
	const char *base = parent >= 0 ? b->places[parent].text : NULL;
	char *s;

	if (!base)
		return name ? name : "";
	if (strlen(base) + strlen(name) > 200)
		return base;
	if (kind == PLACE_FIELD)
		s = !strcmp(base, "this") ? arena_printf(&run_arena, "%s", name)
					  : arena_printf(&run_arena, "%s%s%s", base,
							 flags & PLACE_ARROW ? "->" : ".", name);
	else if (kind == PLACE_DEREF)
		s = arena_printf(&run_arena, "*%s", base);
	else
		s = arena_printf(&run_arena, "%s[%s]", base, name);
	return s;
}

static int build_place(struct builder *b, enum place_kind kind, int parent, const char *name,
		       uint16_t flags)
{
	size_t hash = build_place_hash(parent, kind, name), cap;
	struct place *place;
	int i;

	if (kind != PLACE_LOCAL && kind != PLACE_TEMP && kind != PLACE_PARAM)
		for (i = b->place_table[hash]; i >= 0; i = b->place_next[i])
			if (b->places[i].parent == parent && b->places[i].kind == kind &&
			    b->places[i].name == name)
				return i;
	if (b->n_places >= LOWER_MAX_PLACES) {
		b->fn->flags |= FUNCTION_CUT;
		return (int)b->n_places - 1;
	}
	cap = b->cap_place_next;
	b->place_next = grow(b->place_next, b->n_places, &cap, sizeof(*b->place_next));
	b->cap_place_next = cap;
	b->places = grow(b->places, b->n_places, &b->cap_places, sizeof(*b->places));
	i = (int)b->n_places++;
	place = &b->places[i];
	*place = (struct place){
		.kind = (uint8_t)kind, .flags = flags, .parent = parent, .param = -1, .name = name
	};
	place->text = build_place_text(b, kind, parent, name, flags);
	b->place_next[i] = b->place_table[hash];
	b->place_table[hash] = i;
	return i;
}

int build_root(struct builder *b, enum place_kind kind, const char *name)
{
	return build_place(b, kind, -1, name, 0);
}

int build_part(struct builder *b, enum place_kind kind, int parent, const char *name,
	       uint16_t flags)
{
	/* (*p).f is p->f. */
	if (kind == PLACE_FIELD && b->places[parent].kind == PLACE_DEREF) {
		parent = b->places[parent].parent;
		flags |= PLACE_ARROW;
	}
	/* this->m is m, as most of the code writes it. */
	if (kind == PLACE_FIELD && b->places[parent].kind == PLACE_THIS)
		return build_place(b, PLACE_FREE, -1, name, 0);
	return build_place(b, kind, parent, name, flags);
}

int build_temp(struct builder *b)
{
	return build_place(b, PLACE_TEMP, -1, NULL, 0);
}

int build_variable(struct builder *b, const char *name, const struct type_text *type,
		   enum place_kind kind, TSNode node)
{
	struct place *place;
	int i;

	/* Declared in both branches of an #if: what follows speaks of either. */
	for (size_t twin = b->twin_from; twin < b->twin_to && twin < b->n_variables; twin++)
		if (b->variables[twin].name == name)
			return b->variables[twin].place;
	i = build_place(b, kind, -1, name, type->flags);
	place = &b->places[i];
	place->type = type->name;
	place->of = type->of;
	place->stars = type->stars;
	if (node_ok(node))
		place->at = node_pos(b->tree, node);
	b->variables = grow(b->variables, b->n_variables, &b->cap_variables, sizeof(*b->variables));
	b->variables[b->n_variables++] = (struct variable){ name, i };
	return i;
}

static int build_capture(struct builder *b, const char *name)
{
	struct builder *outer = b->outer;
	int from, to;

	if (!outer)
		return -1;
	from = build_lookup(outer, name);
	if (from < 0)
		return -1;
	to = build_root(b, PLACE_CAPTURE, name);
	b->places[to].type = outer->places[from].type;
	b->places[to].of = outer->places[from].of;
	b->places[to].stars = outer->places[from].stars;
	b->places[to].at = outer->places[from].at;
	for (size_t i = 0; i < b->n_captures; i++)
		if (b->captures[i] == from)
			return to;
	b->captures = grow(b->captures, b->n_captures, &b->cap_captures, sizeof(*b->captures));
	b->captures[b->n_captures++] = from;
	return to;
}

/* A variable in scope, here or around the lambda; -1: the function does not declare it. */
int build_lookup(struct builder *b, const char *name)
{
	for (size_t i = b->n_variables; i-- > 0;)
		if (b->variables[i].name == name)
			return b->variables[i].place;
	return build_capture(b, name);
}

/* The variables above n_variables leave their scope, last declared first. */
void build_leave(struct builder *b, size_t n_variables, TSNode node, bool forget)
{
	for (size_t i = b->n_variables; i-- > n_variables;)
		if (b->block >= 0 && !(b->places[b->variables[i].place].flags & PLACE_STATIC)) {
			struct item *item = build_item(b, ITEM_DIES, node);

			/* At the closing brace, where the destructor runs, or at the jump. */
			if (forget)
				item->at = item->end;
			item->implicit = forget;
			item->dst = b->variables[i].place;
		}
	if (forget)
		b->n_variables = n_variables;
}

int build_label(struct builder *b, const char *name)
{
	int loop = b->loop;
	int block;

	for (size_t i = 0; i < b->n_labels; i++)
		if (b->labels[i].name == name)
			return b->labels[i].block;
	b->loop = -1;
	block = build_block(b);
	b->loop = loop;
	b->labels = grow(b->labels, b->n_labels, &b->cap_labels, sizeof(*b->labels));
	b->labels[b->n_labels++] = (struct label){ name, block };
	return block;
}

void build_call(struct builder *b, struct call *call, TSNode node, int dst)
{
	struct item *item = build_item(b, ITEM_CALL, node);

	if (b->fn->flags & FUNCTION_CUT)
		return;
	item->dst = dst;
	item->call = call;
	if (b->tree->expanded) {
		size_t n;

		call->text = node_text(b->tree, node, &n);
		call->n_text = (uint32_t)n;
	}
	/* A rule may look at the first arguments of a call that has none: they are nothing. */
	if (!call->args) {
		call->args = arena_alloc(&run_arena, 4 * sizeof(*call->args));
		call->arg_at = arena_alloc(&run_arena, 4 * sizeof(*call->arg_at));
	}
	/* What could not be read has a name too; nobody has to ask. */
	if (!call->name)
		call->name = intern_z("(…)");
}

void build_argument(struct builder *b, struct call *call, struct operand operand, TSNode node)
{
	struct operand *args;
	struct pos *at;

	if (call->n_args >= 64)
		return;
	/* Room for 4, 8, 16, …: at each power of two. */
	if (!call->args || (call->n_args >= 4 && !(call->n_args & (call->n_args - 1)))) {
		size_t cap = call->n_args ? (size_t)call->n_args * 2 : 4;

		args = arena_alloc(&run_arena, cap * sizeof(*args));
		at = arena_alloc(&run_arena, cap * sizeof(*at));
		if (call->args) {
			memcpy(args, call->args, (size_t)call->n_args * sizeof(*args));
			memcpy(at, call->arg_at, (size_t)call->n_args * sizeof(*at));
		}
		call->args = args;
		call->arg_at = at;
	}
	if (node_ok(node))
		call->arg_at[call->n_args] = node_pos(b->tree, node);
	call->args[call->n_args++] = operand;
}

static void *build_keep(void *array, size_t n, size_t size)
{
	void *kept = arena_alloc(&run_arena, n * size + 1);

	if (n)
		memcpy(kept, array, n * size);
	free(array);
	return kept;
}

void build_finish(struct builder *b)
{
	struct function *fn = b->fn;

	fn->places = build_keep(b->places, b->n_places, sizeof(*b->places));
	fn->n_places = (int)b->n_places;
	fn->items = build_keep(b->items, b->n_items, sizeof(*b->items));
	fn->n_items = (int)b->n_items;
	fn->blocks = build_keep(b->blocks, b->n_blocks, sizeof(*b->blocks));
	fn->n_blocks = (int)b->n_blocks;
	fn->loops = build_keep(b->loops, b->n_loops, sizeof(*b->loops));
	fn->n_loops = (int)b->n_loops;
	fn->params = build_keep(b->params, b->n_params, sizeof(*b->params));
	fn->n_params = (int)b->n_params;
	fn->reached = arena_alloc(&run_arena, b->n_items + 1);
	free(b->variables);
	free(b->labels);
	free(b->captures);
	free(b->place_next);
	graph_finish(fn, b->scratch);
}
