/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c->bev = bufferevent_socket_new(base, c->fd, BEV_OPT_CLOSE_ON_FREE) in one function, bufferevent_free(c->bev) and
 * close(c->fd) in another: two members of a struct of which one closes the other, wherever the project makes it.
 */

#include "flow/hold.h"

#include <string.h>

enum { HOLD_PAIRS = 32 };

struct hold_pair {
	const char *type; /* of the struct, or NULL */
	const char *holder, *held;
};

static struct hold_pair hold_pairs[HOLD_PAIRS];
static int hold_n_pairs;

/* The member of the struct at `parent` that has what the operand names, in this function; or NULL. */
static const char *hold_beside(const struct function *fn, const struct operand *o, int parent)
{
	if (o->kind != OPERAND_PLACE)
		return NULL;
	if (fn->places[o->place].kind == PLACE_FIELD && fn->places[o->place].parent == parent)
		return fn->places[o->place].name;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_ASSIGN && item->dst >= 0 &&
		    fn->places[item->dst].kind == PLACE_FIELD &&
		    fn->places[item->dst].parent == parent && operand_is_place(&item->a, o->place))
			return fn->places[item->dst].name;
	}
	return NULL;
}

/* c->bev of a call that makes a holder and is stored in a member; -1: no such call. */
static int hold_made(const struct function *fn, const struct item *item)
{
	const struct fact *holds = item->kind == ITEM_CALL && item->call
					   ? api_fact(item->call->api, FACT_HOLDS)
					   : NULL;
	int place = holds && holds->arg2 == ARG_NONE ? item_result(fn, item) : -1;

	return place >= 0 && fn->places[place].kind == PLACE_FIELD ? place : -1;
}

static bool hold_is_owning(const struct function *fn, const struct item *item)
{
	const struct fact *flag = api_fact(item->call->api, FACT_FLAG);

	if (flag)
		return item_mentions(fn, item, flag->word);
	return !api_fact(item->call->api, FACT_OWNS) || item_mentions(fn, item, "TRUE");
}

/* Once it is made, the struct itself says that the descriptor is not there any more. */
static bool hold_is_reset_after(const struct function *fn, const struct item *made, int parent,
				const char *held)
{
	for (const struct item *item = made + 1; item < fn->items + fn->n_items; item++)
		if (item->kind == ITEM_ASSIGN && item->dst >= 0 &&
		    fn->places[item->dst].parent == parent && fn->places[item->dst].name == held &&
		    item->a.kind != OPERAND_PLACE)
			return true;
	return false;
}

static void hold_pair_of(const struct function *fn, const struct item *item, int place)
{
	const struct place *p = &fn->places[place];
	const struct fact *holds = api_fact(item->call->api, FACT_HOLDS);
	const struct operand *o = call_argument(item->call, holds->arg);
	const char *held = o ? hold_beside(fn, o, p->parent) : NULL;

	if (!held || held == p->name || hold_n_pairs == HOLD_PAIRS ||
	    hold_is_reset_after(fn, item, p->parent, held))
		return;
	hold_pairs[hold_n_pairs++] = (struct hold_pair){ .type = place_type(fn, p->parent, NULL),
							 .holder = p->name,
							 .held = held };
}

/* Some other maker of a member of that name holds something else, or does not own it; or it lets go. */
static bool hold_breaks(const struct function *fn, const struct item *item,
			const struct hold_pair *pair)
{
	const struct fact *fact;
	const struct operand *o;
	const char *held;
	int made;

	if (item->kind != ITEM_CALL || !item->call)
		return false;
	fact = api_fact(item->call->api, FACT_RELEASES);
	o = fact ? call_argument(item->call, fact->arg) : NULL;
	if (o && o->kind == OPERAND_PLACE && fn->places[o->place].name == pair->holder)
		return true;
	made = hold_made(fn, item);
	if (made < 0 || fn->places[made].name != pair->holder)
		return false;
	fact = api_fact(item->call->api, FACT_HOLDS);
	o = fact ? call_argument(item->call, fact->arg) : NULL;
	held = o ? hold_beside(fn, o, fn->places[made].parent) : NULL;
	return held != pair->held || !hold_is_owning(fn, item) ||
	       hold_is_reset_after(fn, item, fn->places[made].parent, held);
}

static bool hold_is_broken(const struct hold_pair *pair)
{
	for (size_t f = 0; f < program.n_functions; f++)
		for (int i = 0; i < program.functions[f]->n_items; i++)
			if (hold_breaks(program.functions[f], &program.functions[f]->items[i],
					pair))
				return true;
	return false;
}

void hold_find_members(void)
{
	int kept = 0;

	hold_n_pairs = 0;
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; i < fn->n_items; i++) {
			int place = hold_made(fn, &fn->items[i]);

			if (place >= 0)
				hold_pair_of(fn, &fn->items[i], place);
		}
	}
	for (int i = 0; i < hold_n_pairs; i++)
		if (!hold_is_broken(&hold_pairs[i]))
			hold_pairs[kept++] = hold_pairs[i];
	hold_n_pairs = kept;
}

static bool hold_is_pair(const struct function *fn, const struct hold_pair *pair, int holder,
			 int held)
{
	const struct place *p = &fn->places[holder], *q = &fn->places[held];
	const char *type;

	if (p->kind != PLACE_FIELD || q->kind != PLACE_FIELD || p->parent != q->parent ||
	    p->name != pair->holder || q->name != pair->held)
		return false;
	type = place_type(fn, p->parent, NULL);
	return !type || !pair->type || type == pair->type;
}

static void hold_end_member(struct flow *flow, int held, const struct item *item)
{
	struct operand o = { .kind = OPERAND_PLACE, .place = held };
	int r = state_resource(flow, &o);

	/* c->fd is set anew before the old holder is released. */
	if (r < 0 && place_set_before(flow->fn, held, item))
		return;
	if (r < 0)
		r = hold_borrow(flow, item, &o, HOLD_BORROWED);
	else if (flow->state->bits[r] != RES_CLOSED || !flow_closer(flow, r))
		return;
	if (r < 0 || flow->state->holder[r])
		return;
	if (flow->state->bits[r] == RES_CLOSED) {
		flow->state->holder[r] = (int32_t)(item - flow->fn->items) + 1;
		flow->tell->use(flow, flow_closer(flow, r), r, USE_HELD);
		flow->state->holder[r] = 0;
	}
	flow_closed(flow, r, item);
	flow->state->bits[r] = RES_CLOSED;
}

void hold_end_members(struct flow *flow, const struct operand *holder, const struct item *item)
{
	if (holder->kind != OPERAND_PLACE || !item->call->api || strstr(item->call->name, "unref"))
		return;
	for (int i = 0; i < hold_n_pairs; i++)
		for (int place = 0; place < flow->fn->n_places; place++)
			if (hold_is_pair(flow->fn, &hold_pairs[i], holder->place, place))
				hold_end_member(flow, place, item);
}
