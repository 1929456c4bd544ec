/* SPDX-License-Identifier: Apache-2.0 */
/* What the ways out of a loop are worth once the peer has hung up; see ends.h. */

#include "flow/ends-walk.h"

#include <string.h>

/* Whether the value is the same in each turn. */
static bool ends_is_still(const struct ends_walk *walk, int place, bool content, int depth);

static bool ends_operand_still(const struct ends_walk *walk, const struct operand *o, int depth)
{
	return o->kind != OPERAND_PLACE || ends_is_still(walk, o->place, false, depth + 1);
}

/* size(), strcmp(): what it gives depends on what it is given alone. */
static bool ends_call_still(const struct ends_walk *walk, const struct item *item, int depth)
{
	const struct call *call = item->call;

	if (!call || !ends_is_pure(call))
		return false;
	for (int i = 0; i < call->n_args; i++)
		if ((call->args[i].kind == OPERAND_PLACE ||
		     call->args[i].kind == OPERAND_ADDRESS) &&
		    !ends_is_still(walk, call->args[i].place, true, depth + 1))
			return false;
	return call->receiver.kind != OPERAND_PLACE ||
	       ends_is_still(walk, call->receiver.place, true, depth + 1);
}

static bool ends_set_still(const struct ends_walk *walk, const struct item *item, int depth)
{
	if (item->kind == ITEM_CALL)
		return ends_call_still(walk, item, depth);
	return ends_operand_still(walk, &item->a, depth) &&
	       (item->kind != ITEM_OPERATE || ends_operand_still(walk, &item->b, depth));
}

/* The call may have written to the place, or to a part or the whole of it. */
static bool ends_is_written(const struct ends_walk *walk, const struct item *item, int place)
{
	uint16_t wrote = item->call ? walk->wrote[item - walk->fn->items] : 0;

	for (int k = 0; wrote && k < item->call->n_args && k < 15; k++)
		if ((wrote & 1 << k) &&
		    (place_is_within(walk->fn, place, item->call->args[k].place) ||
		     place_is_within(walk->fn, item->call->args[k].place, place)))
			return true;
	return (wrote & ENDS_RECEIVER) && item->call->receiver.kind == OPERAND_PLACE &&
	       place_is_within(walk->fn, place, item->call->receiver.place);
}

/* Two elements of one text, or the text of one that is assigned to. */
static bool ends_is_beside(const struct function *fn, int place, int changed)
{
	const struct place *p = &fn->places[place], *c = &fn->places[changed];

	return (c->kind == PLACE_INDEX || c->kind == PLACE_DEREF) &&
	       (p->kind == PLACE_INDEX || p->kind == PLACE_DEREF) && p->parent == c->parent;
}

/* buf[i], and i becomes another. */
static bool ends_index_has(const struct function *fn, int place, int changed)
{
	const char *name = fn->places[changed].name;

	for (; name && place >= 0; place = fn->places[place].parent)
		if (fn->places[place].kind == PLACE_INDEX && place != changed &&
		    place_name_has(fn->places[place].name, name))
			return true;
	return false;
}

static bool ends_name_still(const struct ends_walk *walk, int place)
{
	const struct function *fn = walk->fn;

	for (; place >= 0; place = fn->places[place].parent)
		if ((fn->places[place].kind == PLACE_FIELD ||
		     fn->places[place].kind == PLACE_FREE) &&
		    ends_name_changed(walk->total, fn->places[place].name))
			return false;
	return true;
}

static bool ends_is_still(const struct ends_walk *walk, int place, bool content, int depth)
{
	const struct function *fn = walk->fn;

	if (depth > 6 || ++walk->total->stills > ENDS_STILLS)
		return false;
	if (!ends_name_still(walk, place))
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (!(walk->did[i] & ENDS_CHANGED) && !walk->wrote[i])
			continue;
		if (walk->wrote[i] && ends_is_written(walk, item, place))
			return false;
		if (!(walk->did[i] & ENDS_CHANGED) || item->dst < 0)
			continue;
		if (item->dst == place || place_is_within(fn, place, item->dst)
			    ? !ends_set_still(walk, item, depth)
			    : (content && place_is_within(fn, item->dst, place)) ||
				      ends_is_beside(fn, place, item->dst) ||
				      ends_index_has(fn, place, item->dst))
			return false;
	}
	return true;
}

/* No way leads from one block to the other without passing the third. */
static bool ends_passes(const struct function *fn, int from, int to, int by, uint8_t *seen)
{
	if (from < 0 || from == by || seen[from])
		return true;
	if (from == to)
		return false;
	seen[from] = 1;
	return ends_passes(fn, fn->blocks[from].next[0], to, by, seen) &&
	       ends_passes(fn, fn->blocks[from].next[1], to, by, seen);
}

/* The condition opens no way out: it was asked before, and nothing changes it. */
static bool ends_exit_is_none(const struct ends_walk *walk, const struct ends_walk *before,
			      int exit)
{
	const struct item *test = walk->exits[exit].test;
	int read = item_block(walk->fn, walk->read), block = walk->exits[exit].block;
	bool asked = before->seen[block] || block == read ||
		     ends_passes(walk->fn, 0, read, block,
				 arena_alloc(walk->total->arena, (size_t)walk->fn->n_blocks + 1));

	return asked && (walk->exits[exit].knows_a || ends_operand_still(walk, &test->a, 0)) &&
	       (walk->exits[exit].knows_b || ends_operand_still(walk, &test->b, 0));
}

/* … as it has the same operands. */
static bool ends_frame_stays(const struct ends_walk *walk)
{
	const struct call *call = walk->read->kind == ITEM_CALL ? walk->read->call : NULL;

	for (int i = 0; call && i < call->n_args; i++)
		if ((call->args[i].kind == OPERAND_PLACE ||
		     call->args[i].kind == OPERAND_ADDRESS) &&
		    call->args[i].place != walk->zero &&
		    !ends_is_still(walk, call->args[i].place, true, 0))
			return false;
	if (!call && walk->zero >= 0)
		return ends_is_still(walk, walk->zero, false, 0);
	if (call)
		return call->receiver.kind != OPERAND_PLACE ||
		       ends_is_still(walk, call->receiver.place, true, 0);
	return ends_operand_still(walk, &walk->read->a, 0) &&
	       ends_operand_still(walk, &walk->read->b, 0);
}

/* What is read from stays the same stream. */
static bool ends_stays(const struct ends_walk *walk)
{
	const struct call *call = walk->read->call;

	if (walk->frame)
		return ends_frame_stays(walk);

	if (call->receiver.kind == OPERAND_PLACE &&
	    !ends_is_still(walk, call->receiver.place, false, 0))
		return false;
	for (int i = 0; i < call->n_args; i++) {
		const struct operand *o = &call->args[i];

		if (o->kind != OPERAND_PLACE || !ends_names_stream(walk->fn, walk->read, i))
			continue;
		if (!ends_is_still(walk, o->place, false, 0))
			return false;
	}
	return true;
}

enum { SOME_BYTES = 3 };

/* What is waited for stays as it is. */
static bool ends_waits_on(const struct ends_walk *walk)
{
	const struct call *call = walk->wait->call;

	for (int i = 0; i < call->n_args; i++)
		if ((call->args[i].kind == OPERAND_PLACE ||
		     call->args[i].kind == OPERAND_ADDRESS) &&
		    walk->fn->places[call->args[i].place].kind != PLACE_TEMP &&
		    !ends_is_still(walk, call->args[i].place, true, 0))
			return false;
	return true;
}

static void ends_from_read(struct ends_walk *walk, struct ends_total *total, struct ends_loop *ends,
			   bool over)
{
	struct ends_known known = { .n = 0 };

	*walk = (struct ends_walk){ .fn = ends->fn, .total = total, .loop = ends->loop };
	walk->read = ends->read;
	walk->frame = ends->frame;
	walk->wait = ends->wait;
	walk->zero = ends->frame ? ends->zero : -1;
	ends_begin(walk);
	if (ends->frame && ends->zero >= 0)
		ends_set(&known, ends->zero, over ? ENDS_NUMBER : ENDS_NOT, 0);
	else if (ends->has_result && over)
		ends_set(&known, ends->read->dst, ENDS_NUMBER, ends->result);
	else if (ends->has_result && (ends->frame || ends->read->call->target))
		ends_set(&known, ends->read->dst, ENDS_NOT, ends->result);
	else if (ends->has_result)
		ends_set(&known, ends->read->dst, ENDS_NUMBER, SOME_BYTES);
	if (over && !ends->frame && ends->read->call->target)
		ends_apply(walk, &known, ends->read);
	ends_run(walk, item_block(ends->fn, ends->read), ends->read->next, &known);
}

static bool ends_has_no_way_out(struct ends_loop *ends, struct arena *arena)
{
	struct ends_total before_total = { .arena = arena, .gives = SOME_BYTES };
	struct ends_total total = { .arena = arena };
	struct ends_walk before, walk;

	if (!ends_is_small(ends->fn) || ends->fn->ends_asked == ENDS_ASKED)
		return false;
	ends->fn->ends_asked++;
	ends_from_read(&walk, &total, ends, true);
	if (!walk.again || walk.leaves || total.unknown || total.touches || total.leaves ||
	    (!ends->wait && !walk.seen[ends->fn->loops[ends->loop].header]))
		return false;
	if (ends->wait ? total.marks || !ends_waits_on(&walk) : !ends_stays(&walk))
		return false;
	ends_from_read(&before, &before_total, ends, false);
	for (int i = 0; i < walk.n_exits; i++) {
		const struct item *test = walk.exits[i].test;

		if (!ends_exit_is_none(&walk, &before, i))
			return false;
		if (test->a.kind == OPERAND_PLACE &&
		    (!ends->still || ends->fn->places[ends->still->place].kind == PLACE_TEMP))
			ends->still = &test->a;
		if (ends->fn->places[ends->still ? ends->still->place : 0].kind == PLACE_TEMP &&
		    test->b.kind == OPERAND_PLACE)
			ends->still = &test->b;
	}
	return true;
}

static struct arena ends_arena;

bool ends_goes_round(struct ends_loop *ends)
{
	struct ends_function does = { .n_returns = 0 };
	bool round;

	ends->still = NULL;
	ends->inner = ends->read;
	ends->reader = ends->fn;
	loop_members(ends->fn, ends->loop);
	if (!ends->read->call->target) {
		ends->result = 0;
		ends->has_result = true;
		round = ends_has_no_way_out(ends, &ends_arena);
		arena_reset(&ends_arena);
		return round;
	}
	ends_target(ends->fn, ends->read, 0, &does, &ends_arena);
	arena_reset(&ends_arena);
	if (!does.reads || does.unknown || does.leaves || does.touches)
		return false;
	ends->inner = does.read;
	ends->reader = does.reader;
	ends->has_result = !does.returns_other && does.n_returns > 0;
	if (does.returns_other && !(ends->read->call->flags & CALL_DROPPED))
		return false;
	round = true;
	for (int i = 0; round && (i < does.n_returns || !i); i++) {
		ends->result = does.returns[i];
		round = ends_has_no_way_out(ends, &ends_arena);
		arena_reset(&ends_arena);
	}
	return round;
}

/* In the loop another stream takes its place: the next of a table, of a list, of what is ready. */
static bool ends_is_one_of_many(const struct ends_loop *ends)
{
	struct ends_walk walk = { .fn = ends->fn, .read = ends->read, .wait = ends->wait };

	for (int b = 0; b < ends->fn->n_blocks; b++)
		for (int i = ends->fn->blocks[b].first;
		     ends->fn->loops[ends->loop].member[b] && i >= 0; i = ends->fn->items[i].next)
			if (ends->fn->items[i].kind != ITEM_CALL &&
			    ends_moves_on(&walk, &ends->fn->items[i]))
				return true;
	return false;
}

bool ends_stays_ready(struct ends_loop *ends)
{
	struct ends_function does = { .n_returns = 0 };
	bool stays = true;

	ends->inner = ends->read;
	ends->reader = ends->fn;
	ends->result = 0;
	ends->has_result = true;
	loop_members(ends->fn, ends->loop);
	if (!ends_is_one_of_many(ends))
		return false;
	if (ends->read->call->target) {
		ends_target(ends->fn, ends->read, 0, &does, &ends_arena);
		arena_reset(&ends_arena);
		if (!does.reads || does.unknown || does.leaves || does.touches || does.marks)
			return false;
		ends->inner = does.read;
		ends->reader = does.reader;
		ends->has_result = !does.returns_other && does.n_returns > 0;
	}
	for (int i = 0; stays && (i < does.n_returns || !i); i++) {
		ends->result = does.returns[i];
		stays = ends_has_no_way_out(ends, &ends_arena);
		arena_reset(&ends_arena);
	}
	return stays;
}

bool ends_stands_still(struct ends_loop *ends)
{
	bool still;

	ends->still = NULL;
	ends->frame = true;
	ends->has_result = true;
	ends->result = 0;
	loop_members(ends->fn, ends->loop);
	still = ends_has_no_way_out(ends, &ends_arena);
	arena_reset(&ends_arena);
	return still;
}

bool ends_is_told(const struct ends_loop *ends)
{
	struct ends_function does = { .n_returns = 0 };

	if (!ends->read->call->target)
		return true;
	if (!ends->has_result)
		return false;
	ends_target(ends->fn, ends->read, SOME_BYTES, &does, &ends_arena);
	arena_reset(&ends_arena);
	for (int i = 0; i < does.n_returns; i++)
		if (does.returns[i] == ends->result)
			return false;
	return !does.returns_other && !does.unknown;
}

void ends_function(struct function *fn, struct ends_function *does)
{
	*does = (struct ends_function){ .n_returns = 0 };
	ends_enter(fn, does, &ends_arena);
	arena_reset(&ends_arena);
}
