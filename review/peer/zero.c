/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lengths of a peer that may be 0: one less is -1, or the largest number there is, and a step of 0 leads
 * to the same frame again. An upper limit, after which the number is harmless elsewhere, is none for this.
 */

#include "flow/ends.h"
#include "peer/peer.h"
#include "read/source.h"

#include <string.h>

/* The call has put bytes of a peer there: recv(s, &len, 2, 0), take(s, &len, sizeof(len)). */
static bool zero_fills(const struct peer_walk *walk, const struct call *call, int place)
{
	for (int k = 0; k < call->n_args && k < 16; k++) {
		const struct operand *o = &call->args[k];

		if (o->kind != OPERAND_ADDRESS || o->place != place)
			continue;
		if (call->target)
			return (peer_summary_of(call->target)->fills[k] |
				peer_summary_of(call->target)->outs[k]) &
			       (PEER_BYTES | PEER_NUMBER);
		for (const struct fact *f = api_fact(call->api, FACT_READS); f;
		     f = api_fact_next(call->api, f))
			if (f->arg == k + 1)
				return peer_is_source(walk, call);
		for (const struct fact *f = api_fact(call->api, FACT_COPIES); f;
		     f = api_fact_next(call->api, f)) {
			const struct operand *from = call_argument(call, f->arg2);

			if (f->arg == k + 1 && from && peer_root_buffer(walk, from) >= 0)
				return (walk->state[peer_root_buffer(walk, from)].kinds &
					PEER_BYTES) != 0;
		}
	}
	return false;
}

static const struct item *zero_filler(const struct peer_walk *walk, int place,
				      const struct item *before)
{
	const struct item *set = place_set_before(walk->fn, place, before);
	const struct item *from = set ? set : walk->fn->items;

	for (const struct item *i = before; i-- > from;)
		if (i->kind == ITEM_CALL && i->call && zero_fills(walk, i->call, place))
			return i;
	return NULL;
}

static bool zero_is_filled(const struct peer_walk *walk, int place, const struct item *before)
{
	return zero_filler(walk, place, before) != NULL;
}

/* A part of memory that a peer filled: head.size, at[2]. */
static bool zero_is_part(const struct peer_walk *walk, int place, const struct item *before)
{
	for (place = walk->fn->places[place].parent; place >= 0;
	     place = walk->fn->places[place].parent) {
		int base = walk->state[place].base;

		if ((walk->state[place].kinds & PEER_BYTES) ||
		    (base >= 0 && (walk->state[base].kinds & PEER_BYTES)) ||
		    zero_is_filled(walk, place, before))
			return true;
	}
	return false;
}

/* What a number is made of, up to the place that a peer fills. */
static bool zero_is_peers(const struct peer_walk *walk, const struct operand *o,
			  const struct item *before, int depth)
{
	const struct item *made;
	struct peer_value v;

	if (o->kind != OPERAND_PLACE || depth > 6)
		return false;
	v = peer_operand(walk, o);
	if (v.kinds & PEER_NUMBER)
		return true;
	if (walk->fn->places[o->place].parent >= 0)
		return zero_is_part(walk, o->place, before);
	if (zero_is_filled(walk, o->place, before))
		return true;
	made = place_set_before(walk->fn, o->place, before);
	if (!made)
		return false;
	if (made->kind == ITEM_ASSIGN)
		return zero_is_peers(walk, &made->a, made, depth + 1);
	if (made->kind == ITEM_OPERATE)
		return (made->op == '|' || made->op == '<') &&
		       zero_is_peers(walk, &made->a, made, depth + 1);
	if (!made->call || !api_is(made->call->api, ROLE(BYTEORDER) | ROLE(NUMBER)) ||
	    !made->call->n_args)
		return made->call && made->call->target &&
		       (peer_summary_of(made->call->target)->result & PEER_NUMBER);
	return api_is(made->call->api, ROLE(NUMBER))
		       ? (peer_operand(walk, &made->call->args[0]).kinds & PEER_BYTES) != 0
		       : zero_is_peers(walk, &made->call->args[0], made, depth + 1);
}

/* --- tests --- */

static void zero_note(struct peer_walk *walk, const struct operand *o, int depth)
{
	const struct item *made;
	struct peer_value *v;

	if ((o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS) || depth > 6)
		return;
	v = &walk->state[o->place];
	*v = peer_place(walk, o->place);
	v->kinds |= PEER_NONZERO | PEER_SET;
	made = place_set_once(walk->fn, o->place);
	if (!made)
		return;
	if (made->kind == ITEM_ASSIGN || made->kind == ITEM_OPERATE)
		zero_note(walk, &made->a, depth + 1);
	else if (made->call && api_is(made->call->api, ROLE(BYTEORDER)) && made->call->n_args)
		zero_note(walk, &made->call->args[0], depth + 1);
}

static void zero_side(struct peer_walk *walk, const struct operand *o, int op,
		      const struct operand *with)
{
	int64_t n;
	bool number = operand_is_number(with, &n);

	if (op == OP_NE ? number && !n : op == OP_EQ ? !number || n : op == OP_GT || op == OP_GE)
		if (!number || op != OP_GE || n > 0)
			zero_note(walk, o, 0);
}

/* The number of which the operand is less, `size` in size - 1; NULL: it is no such. */
static const struct operand *zero_less(const struct peer_walk *walk, const struct operand *o)
{
	const struct item *made;

	for (int depth = 0; o->kind == OPERAND_PLACE && depth < 4; depth++) {
		made = place_set_once(walk->fn, o->place);
		if (!made || made->kind == ITEM_CALL)
			return NULL;
		if (made->kind == ITEM_OPERATE)
			return made->op == '-' && made->b.kind == OPERAND_NUMBER &&
					       made->b.number > 0 && made->a.kind == OPERAND_PLACE
				       ? &made->a
				       : NULL;
		o = &made->a;
	}
	return NULL;
}

static bool zero_wraps(const struct function *fn, int place)
{
	uint8_t stars;
	const char *type = place_type(fn, place, &stars);

	return type && !stars &&
	       (strstr(type, "size_t") || strstr(type, "uint32") || strstr(type, "uint64") ||
		strstr(type, "unsigned")) &&
	       strcmp(type, "ssize_t") != 0 && peer_width(type) == PEER_WIDE;
}

/* for (i = 0; i < size - 1; i++), where size - 1 is the largest number there is. */
static void zero_limits(struct peer_walk *walk, const struct item *test)
{
	const struct operand *of =
		walk->telling && test->op == OP_LT ? zero_less(walk, &test->b) : NULL;
	int loop = walk->fn->blocks[walk->block].loop;

	if (of && loop >= 0 && walk->fn->loops[loop].header == walk->block &&
	    zero_wraps(walk->fn, peer_variable(walk->fn, of->place)))
		peer_check_zero(walk, &test->b, -1);
}

void peer_sees_zero(struct peer_walk *walk, const struct item *test, int op)
{
	zero_limits(walk, test);
	if (op == OP_UNKNOWN)
		return;
	zero_side(walk, &test->a, op, &test->b);
	zero_side(walk, &test->b, op_mirror(op), &test->a);
}

/* The function compares its parameter with a number. */
static bool zero_is_asked(const struct function *fn, int param)
{
	int64_t n;

	for (int i = 0; param < fn->n_params && i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_BRANCH && ((operand_is_place(&item->a, fn->params[param]) &&
						   operand_is_number(&item->b, &n)) ||
						  (operand_is_place(&item->b, fn->params[param]) &&
						   operand_is_number(&item->a, &n))))
			return true;
	}
	return false;
}

/* A function that asks what it is given, or that nobody knows. */
void peer_asks_zero(struct peer_walk *walk, const struct call *call)
{
	for (int i = 0; i < call->n_args && i < 16; i++)
		if (call->args[i].kind == OPERAND_PLACE && !call->api &&
		    (!call->target || ((call->target->summary.param[i] & SUMMARY_ASKS) &&
				       zero_is_asked(call->target, i))))
			zero_note(walk, &call->args[i], 0);
}

/* --- uses --- */

/* The difference itself is compared: `at >= 0`, or with an upper limit, where -1 is the largest number. */
static bool zero_is_compared(const struct peer_walk *walk, const struct operand *o)
{
	const struct function *fn = walk->fn;
	const struct item *made;

	for (int depth = 0; o->kind == OPERAND_PLACE && depth < 4; depth++, o = &made->a) {
		for (const struct item *i = fn->items; i < walk->item; i++) {
			bool left = i->kind == ITEM_BRANCH && operand_is_place(&i->a, o->place);
			bool right = i->kind == ITEM_BRANCH && operand_is_place(&i->b, o->place);
			int op = left ? i->op : right ? op_mirror(i->op) : OP_UNKNOWN;
			int64_t n;

			if (op != OP_LT && op != OP_GE && op != OP_GT && op != OP_LE)
				continue;
			if (zero_wraps(fn, o->place) ||
			    (operand_is_number(left ? &i->b : &i->a, &n) && n <= 1))
				return true;
		}
		made = place_set_once(fn, o->place);
		if (!made || made->kind != ITEM_ASSIGN)
			return false;
	}
	return false;
}

void peer_check_zero(struct peer_walk *walk, const struct operand *o, int into)
{
	const struct operand *of = walk->telling ? zero_less(walk, o) : NULL;
	struct operand shown = { .kind = OPERAND_PLACE };

	if (!of || (peer_operand(walk, of).kinds & PEER_NONZERO) || zero_is_compared(walk, o) ||
	    !zero_is_peers(walk, of, walk->item, 0))
		return;
	shown.place = peer_variable(walk->fn, of->place);
	if (peer_operand(walk, &shown).kinds & PEER_NONZERO)
		return;
	peer_hit(walk, PEER_SINK_ZERO, &shown, into);
	zero_note(walk, &shown, 0);
}

/* off += size, left -= size: with a size of 0 the next turn meets the same frame. */
void peer_steps(struct peer_walk *walk, const struct item *item)
{
	struct function *fn = walk->fn;
	struct operand o = { .kind = OPERAND_PLACE };
	const struct item *set;

	if (!walk->telling || !ends_is_small(fn) || item->dst < 0 ||
	    !operand_is_place(&item->a, item->dst) || item->b.kind != OPERAND_PLACE ||
	    (peer_operand(walk, &item->b).kinds & PEER_NONZERO))
		return;
	o.place = peer_variable(fn, item->b.place);
	set = place_set_before(fn, o.place, item);
	if ((peer_operand(walk, &o).kinds & PEER_NONZERO) ||
	    !zero_is_peers(walk, &o, walk->item, 0))
		return;
	for (int l = 0; l < fn->n_loops; l++) {
		struct ends_loop ends = { .fn = fn, .loop = l, .read = set, .zero = -1 };

		loop_members(fn, l);
		if (!fn->loops[l].member[walk->block] || fn->loops[l].bounded)
			continue;
		/* The number itself, as head->size, or one from before the loop. */
		if (!set || item_block(fn, set) < 0 || !fn->loops[l].member[item_block(fn, set)]) {
			ends.read = item;
			ends.zero = o.place;
		}
		/* memcpy(&size, at, sizeof(size)); size = ntohs(size); */
		else if (zero_filler(walk, o.place, set)) {
			ends.read = zero_filler(walk, o.place, set);
			ends.zero = o.place;
		}
		if (!ends_stands_still(&ends))
			continue;
		walk->loop_at = fn->loops[l].at;
		peer_hit(walk, PEER_SINK_STILL, &o, -1);
		return;
	}
}
