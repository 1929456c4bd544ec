/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a peer that are stored one after the other until one of them says that it is enough: nothing
 * compares how far the loop has come with what the memory can hold.
 */

#include "flow/ends.h"
#include "peer/peer.h"
#include "read/source.h"

#include <string.h>

/* Where the next byte goes: `step` is the index or pointer that moves, `base` the memory. */
struct fill_at {
	int base;
	int step;
};

static const struct item *fill_made(const struct function *fn, int place)
{
	return fn->places[place].kind == PLACE_TEMP ? place_set_once(fn, place) : NULL;
}

/* What p++ or (size_t)i stands for. */
static int fill_variable(const struct function *fn, const struct operand *o)
{
	int place = o->kind == OPERAND_PLACE ? peer_variable(fn, o->place) : -1;

	return place >= 0 && fn->places[place].kind != PLACE_TEMP ? place : -1;
}

/* The index in base[index], as it is written in front of the item. */
static int fill_index(const struct function *fn, int place, const struct item *before)
{
	for (const struct item *i = before; i-- > fn->items && i + 12 > before;)
		if (i->kind == ITEM_OPERATE && i->op == '[' &&
		    operand_is_place(&i->a, fn->places[place].parent))
			return fill_variable(fn, &i->b);
	return -1;
}

/* p, p++, base + i: the address as an operand. */
static bool fill_address(const struct function *fn, const struct operand *o, struct fill_at *at)
{
	const struct item *made = o->kind == OPERAND_PLACE ? fill_made(fn, o->place) : NULL;

	if (made && made->kind == ITEM_OPERATE && made->op == '+') {
		at->base = fill_variable(fn, &made->a);
		at->step = fill_variable(fn, &made->b);
	} else {
		at->base = at->step = fill_variable(fn, o);
	}
	return at->base >= 0 && at->step >= 0;
}

static bool fill_element(const struct function *fn, int place, const struct item *item,
			 struct fill_at *at)
{
	const struct place *p = &fn->places[place];
	struct operand o = { .kind = OPERAND_PLACE, .place = p->parent };

	if (p->kind == PLACE_DEREF)
		return fill_address(fn, &o, at);
	if (p->kind != PLACE_INDEX)
		return false;
	at->base = p->parent;
	at->step = fill_index(fn, place, item);
	return at->step >= 0;
}

/* The place only goes up in the loop, or begins again. */
static bool fill_goes_up(const struct function *fn, int loop, int place)
{
	bool up = false;

	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = fn->blocks[b].first; fn->loops[loop].member[b] && i >= 0;
		     i = fn->items[i].next) {
			const struct item *item = &fn->items[i];

			if (item->dst != place || item->kind == ITEM_DECLARE ||
			    item->kind == ITEM_DIES || item->op == '[')
				continue;
			if (item->kind == ITEM_ASSIGN && item->a.kind == OPERAND_NUMBER)
				continue;
			if (item->kind != ITEM_OPERATE || item->op != '+' ||
			    !operand_is_place(&item->a, place))
				return false;
			up = true;
		}
	return up;
}

/* The innermost loop around the block in which the place goes up; -1: none. */
static int fill_loop(struct function *fn, int block, int place)
{
	int found = -1;

	for (int l = 0; l < fn->n_loops; l++) {
		loop_members(fn, l);
		if (fn->loops[l].member[block] && !fn->loops[l].bounded &&
		    fill_goes_up(fn, l, place) &&
		    (found < 0 || fn->loops[found].member[fn->loops[l].header]))
			found = l;
	}
	return found;
}

/* The value is made of the place. */
static bool fill_is_of(const struct function *fn, const struct operand *o, int place, int depth)
{
	const struct item *made;

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return false;
	if (o->place == place)
		return true;
	made = depth < 5 ? fill_made(fn, o->place) : NULL;
	if (!made)
		return false;
	if (made->kind != ITEM_CALL)
		return fill_is_of(fn, &made->a, place, depth + 1) ||
		       fill_is_of(fn, &made->b, place, depth + 1);
	/* How many bytes it reads there is no question of how far it is. */
	if (!made->call || api_is(made->call->api, ROLE(READ)))
		return false;
	for (int k = 0; k < made->call->n_args; k++)
		if (fill_is_of(fn, &made->call->args[k], place, depth + 1))
			return true;
	return false;
}

static bool fill_only_reads(const struct call *call)
{
	return api_is(call->api, ROLE(READ) | ROLE(LOG) | ROLE(PURE) | ROLE(COMPARE) | ROLE(WRITE));
}

/* if (total < size - 1) { total++; *p++ = c; }: a count that goes up beside it is compared. */
static bool fill_is_counted(const struct function *fn, int loop, const struct item *test)
{
	const struct operand *low = test->op == OP_LT || test->op == OP_LE ? &test->a : &test->b;
	int count = fill_variable(fn, low);

	if (test->kind != ITEM_BRANCH || test->op < OP_LT || count < 0)
		return false;
	return fill_goes_up(fn, loop, count);
}

/* Somebody looks how far it has come, or may: a test, or a function that is given it. */
static bool fill_is_asked(const struct function *fn, int loop, const struct fill_at *at,
			  const struct item *store)
{
	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = fn->blocks[b].first; fn->loops[loop].member[b] && i >= 0;
		     i = fn->items[i].next) {
			const struct item *item = &fn->items[i];
			const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

			if (item->kind == ITEM_BRANCH && (fill_is_of(fn, &item->a, at->step, 0) ||
							  fill_is_of(fn, &item->b, at->step, 0) ||
							  fill_is_counted(fn, loop, item)))
				return true;
			/* Another place: realloc(), or what the loop is given piece by piece. */
			if (item->dst == at->base && at->base != at->step &&
			    item->kind != ITEM_DECLARE && item->op != '[')
				return true;
			if (!call || item == store || fill_only_reads(call))
				continue;
			for (int k = 0; k < call->n_args; k++)
				if (fill_is_of(fn, &call->args[k], at->step, 0) ||
				    fill_is_of(fn, &call->args[k], at->base, 0))
					return true;
		}
	return false;
}

/* char *p = text: the array, or the parameter, that the pointer goes through; -1: another. */
static int fill_memory(const struct function *fn, int base)
{
	const struct place *p = &fn->places[base];
	const struct item *set = place_set_last(fn, base);

	if (p->kind == PLACE_PARAM)
		return p->stars || (p->flags & PLACE_ARRAY) ? base : -1;
	if (p->flags & PLACE_ARRAY)
		return p->of ? -1 : base;
	for (; set; set = item_set_before(fn, set)) {
		if (set->kind == ITEM_OPERATE && operand_is_place(&set->a, base))
			continue;
		if (set->kind != ITEM_ASSIGN || set->a.kind != OPERAND_PLACE ||
		    item_set_before(fn, set) || set->a.place == base)
			return -1;
		p = &fn->places[set->a.place];
		return p->flags & PLACE_ARRAY || (p->kind == PLACE_PARAM && p->stars) ? set->a.place
										      : -1;
	}
	return -1;
}

/* A call in the loop gives the value: its result, or what it puts behind &c. */
static bool fill_comes_in_loop(const struct function *fn, int loop, const struct operand *value)
{
	int place = fill_variable(fn, value);

	if (value->kind != OPERAND_PLACE)
		return false;
	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = fn->blocks[b].first; fn->loops[loop].member[b] && i >= 0;
		     i = fn->items[i].next) {
			const struct item *item = &fn->items[i];
			const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

			if (!call)
				continue;
			if (item_result(fn, item) == value->place ||
			    (place >= 0 && item_result(fn, item) == place))
				return true;
			for (int k = 0; place >= 0 && k < call->n_args; k++)
				if ((call->args[k].kind == OPERAND_ADDRESS &&
				     call->args[k].place == place) ||
				    (call->args[k].kind == OPERAND_PLACE &&
				     (fn->places[call->args[k].place].flags & PLACE_ARRAY) &&
				     call->args[k].place == fn->places[place].parent &&
				     !strcmp(fn->places[place].name, "0")))
					return true;
		}
	return false;
}

/* A text of a known size is copied into less: out[j++] = line[i++]. */
static bool fill_is_from_larger(const struct peer_walk *walk, const struct operand *value, int into)
{
	const struct function *fn = walk->fn;
	const struct place *p = value->kind == OPERAND_PLACE ? &fn->places[value->place] : NULL;
	int from;

	if (!p || (p->kind != PLACE_INDEX && p->kind != PLACE_DEREF) ||
	    !(fn->places[into].flags & PLACE_ARRAY) || fn->places[into].size <= 0)
		return false;
	from = walk->state[p->parent].base >= 0 ? walk->state[p->parent].base : p->parent;
	return (fn->places[from].flags & PLACE_ARRAY) &&
	       fn->places[from].size > fn->places[into].size;
}

static void fill_check(struct peer_walk *walk, struct fill_at at, const struct operand *value)
{
	struct function *fn = walk->fn;
	int loop = ends_is_small(fn) ? fill_loop(fn, walk->block, at.step) : -1;
	int into = loop >= 0 ? fill_memory(fn, at.base) : -1;
	struct operand o = { .kind = OPERAND_PLACE, .place = at.base };

	if (into < 0 || fill_is_asked(fn, loop, &at, walk->item) || loop_is_limited(fn, loop))
		return;
	if (value && !fill_comes_in_loop(fn, loop, value) &&
	    !fill_is_from_larger(walk, value, into))
		return;
	o.place = into;
	peer_hit(walk, PEER_SINK_FILL, &o, into);
}

void peer_fills_element(struct peer_walk *walk, const struct item *item)
{
	struct fill_at at;

	if (walk->telling && fill_element(walk->fn, item->dst, item, &at))
		fill_check(walk, at, &item->a);
}

void peer_fills_read(struct peer_walk *walk, const struct operand *to, const struct operand *size)
{
	const struct item *made;
	struct fill_at at;

	if (!walk->telling || !to || !size)
		return;
	/* The size goes down as the buffer fills: sizeof(to) - have. */
	made = size->kind == OPERAND_PLACE ? fill_made(walk->fn, size->place) : NULL;
	if (size->kind == OPERAND_PLACE && (!made || made->kind == ITEM_CALL || made->op == '-'))
		return;
	if (to->kind == OPERAND_ADDRESS ? fill_element(walk->fn, to->place, walk->item, &at)
					: fill_address(walk->fn, to, &at))
		fill_check(walk, at, NULL);
}
