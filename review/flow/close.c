/* SPDX-License-Identifier: Apache-2.0 */
/* What a close does to a state: the resource, its other names, and what lies in memory that is freed. */

#include "flow/hold.h"

#include <string.h>

/* line_drop(l) frees `l`, and sees to l->fd before. */
static bool call_ends_content(const struct flow *flow, const struct item *item, int memory,
			      int member)
{
	for (int i = 0; item->call->target && i < item->call->n_args; i++)
		if (operand_is_place(&item->call->args[i], memory) &&
		    (parts_done(item->call, i, flow->fn->places[member].name) & PART_ENDS))
			return true;
	return false;
}

/* The member of that memory which the place is or lies in: c->line of c->line.fd; or -1. */
static int call_member_of(const struct flow *flow, int place, int memory)
{
	for (; flow->fn->places[place].parent >= 0; place = flow->fn->places[place].parent)
		if ((flow->fn->places[place].flags & PLACE_ARROW) &&
		    state_place(flow, flow->fn->places[place].parent).resource == memory)
			return place;
	return -1;
}

/* Names that lie in memory which is freed are gone with it. */
static void call_free_content(struct flow *flow, int memory, const struct item *item)
{
	struct state *state = flow->state;

	for (int i = state->n; i-- > 0;) {
		int place = state->bindings[i].place, r = state->bindings[i].value.resource;
		int member = r < 0 || r == memory ? -1 : call_member_of(flow, place, memory);

		if (member < 0)
			continue;
		if (call_ends_content(flow, item, flow->fn->places[member].parent, member))
			state_give(flow, r);
		state_unbind(state, place);
		if (!state_is_named(flow, r, -1)) {
			flow_lose(flow, r, LOSS_FREED, item);
			state_give(flow, r);
		}
		i = state->n;
	}
}

/* The place is another one when this changes: it, w of w->fd, or i of x[i]. */
static bool call_is_of(const struct function *fn, int place, int changed)
{
	const char *text = fn->places[changed].text;

	for (; place >= 0; place = fn->places[place].parent)
		if (place == changed || (fn->places[place].kind == PLACE_INDEX && text && *text &&
					 place_name_has(fn->places[place].name, text)))
			return true;
	return false;
}

/* Some way from `from` to `to` gives the place no other value. */
static bool call_is_unset(const struct function *fn, int place, const struct item *from,
			  const struct item *to)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, ((size_t)fn->n_blocks + 1) * sizeof(*stack)), n = 0;
	int block = item_block(fn, from), at = from->next;

	while (block >= 0) {
		for (; at >= 0 && &fn->items[at] != to; at = fn->items[at].next)
			if (fn->items[at].dst >= 0 && fn->items[at].kind != ITEM_CALL &&
			    call_is_of(fn, place, fn->items[at].dst))
				break;
		if (at >= 0 && &fn->items[at] == to)
			return true;
		for (int e = 0; at < 0 && e < 2; e++) {
			int next = fn->blocks[block].next[e];

			if (next >= 0 && !seen[next]) {
				seen[next] = 1;
				stack[n++] = next;
			}
		}
		block = n ? stack[--n] : -1;
		at = block >= 0 ? fn->blocks[block].first : -1;
	}
	return false;
}

/*
 * old = w->fd before: it is closed under that name too, unless w->fd is another one by now, as it is
 * right behind w = w->next.
 */
static void call_close_copies(struct flow *flow, int place, int r, const struct item *item)
{
	const struct function *fn = flow->fn;

	for (int i = 0; i < flow->state->n; i++) {
		struct binding *b = &flow->state->bindings[i];
		const struct item *from = b->from >= 0 ? &fn->items[b->from] : NULL;

		if (from && from->kind == ITEM_ASSIGN && operand_is_place(&from->a, place) &&
		    b->value.resource < 0 && fn->places[b->place].kind == PLACE_LOCAL &&
		    !call_is_of(fn, place, b->place) && call_is_unset(fn, place, from, item))
			b->value.resource = (int16_t)r;
	}
}

/* pool[--n]: another element each time. */
static bool call_is_stepping(const struct function *fn, int place)
{
	for (; place >= 0; place = fn->places[place].parent)
		if (fn->places[place].kind == PLACE_INDEX &&
		    (strstr(fn->places[place].name, "--") || strstr(fn->places[place].name, "++")))
			return true;
	return false;
}

/* Gives up one reference, of which there may be more when the object came from outside. */
static bool call_is_unref(const struct flow *flow, int r, const struct item *item)
{
	return (r < 0 || !flow->resources[r].site) && item->call->api &&
	       strstr(item->call->name, "unref");
}

enum { CALL_FOREIGN = 15 };

/* Opened elsewhere; that it is closed now can still matter. */
static int call_foreign(struct flow *flow, const struct operand *o, const struct item *item,
			int sub)
{
	int r = flow_site(flow, item, sub);
	struct value v;

	if (r < 0)
		return -1;
	flow->resources[r].kind = "unknown";
	flow->resources[r].place = o->place;
	/* What the same call did to another one, a turn before, is over. */
	flow->state->bits[r] = 0;
	for (int i = flow->state->n; i-- > 0;)
		if (flow->state->bindings[i].value.resource == r)
			state_unbind(flow->state, flow->state->bindings[i].place);
	v = state_operand(flow, o);
	v.resource = (int16_t)r;
	state_bind(flow, o->place, v, -1);
	call_close_copies(flow, o->place, r, item);
	return r;
}

void flow_is_closing(struct flow *flow, const struct operand *o, const struct item *item)
{
	struct operand memory = { .kind = OPERAND_PLACE, .place = o->place };
	int r;

	if (o->kind == OPERAND_ADDRESS) {
		while (memory.place >= 0 && !(flow->fn->places[memory.place].flags & PLACE_ARROW) &&
		       flow->fn->places[memory.place].kind != PLACE_DEREF)
			memory.place = flow->fn->places[memory.place].parent;
		memory.place = memory.place >= 0 ? flow->fn->places[memory.place].parent : -1;
	} else if (o->kind != OPERAND_PLACE) {
		return;
	}
	if (memory.place < 0)
		return;
	r = state_resource(flow, &memory);
	if (r < 0) {
		r = call_foreign(flow, &memory, item, CALL_FOREIGN);
		if (r >= 0)
			flow->state->bits[r] = RES_OPEN | RES_GONE;
	}
	if (r < 0 || flow->state->bits[r] == RES_CLOSED)
		return;
	flow->resources[r].closing = item;
	flow->state->bits[r] |= RES_CLOSING;
}

void flow_may_close(struct flow *flow, const struct operand *o, const struct item *item,
		    uint8_t fails, int sub)
{
	int r = state_resource(flow, o);

	if (r < 0)
		r = call_foreign(flow, o, item, CALL_FOREIGN + sub);
	if (r < 0 || flow->state->bits[r] == RES_CLOSED)
		return;
	if (flow->state->bits[r] & (RES_TAKEN | RES_ENDING)) {
		state_escape(flow, o);
		return;
	}
	flow->resources[r].ending = item;
	flow->resources[r].ending_fails = fails;
	flow->state->bits[r] |= RES_ENDING;
	if (!flow->resources[r].site || flow->resources[r].site == item)
		flow->state->bits[r] |= RES_OPEN;
	state_forget_parts(flow, o->place, false);
}

bool call_frees(const struct call *call)
{
	if ((call->flags & CALL_DELETE) || strstr(call->name, "free"))
		return true;
	for (int i = 0; call->target && i < 16; i++)
		if (call->target->summary.param[i] & SUMMARY_FREES)
			return true;
	return false;
}

/* p[f()], p[n + 1]: which element that is, nobody has worked out. */
static bool call_is_another(const struct function *fn, int place)
{
	for (; place >= 0; place = fn->places[place].parent)
		if (fn->places[place].kind == PLACE_INDEX && !strcmp(fn->places[place].name, "?"))
			return true;
	return false;
}

/*
 * r = init(c); close(c->fd); return r; and init() closes it when it fails: nothing between them could
 * have asked whether it did.
 */
static bool call_may_have_closed(struct flow *flow, int r)
{
	struct resource *resource = &flow->resources[r];

	if (!(flow->state->bits[r] & RES_ENDING) || !resource->ending ||
	    item_block(flow->fn, resource->ending) != flow->block)
		return false;
	flow_closed(flow, r, resource->ending);
	return true;
}

void flow_closed(struct flow *flow, int resource, const struct item *item)
{
	flow->resources[resource].closed = item;
	flow->state->closer[resource] = 1 + (int32_t)(item - flow->fn->items);
}

const struct item *flow_closer(const struct flow *flow, int resource)
{
	int32_t closer = flow->state->closer[resource];

	return closer ? &flow->fn->items[closer - 1] : flow->resources[resource].closed;
}

void flow_close(struct flow *flow, const struct operand *o, const struct item *item)
{
	int r = state_resource(flow, o);

	if (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS)
		hold_end(flow, o, item);
	if (o->kind != OPERAND_PLACE)
		return;
	hold_end_members(flow, o, item);
	if (call_is_unref(flow, r, item) || call_is_stepping(flow->fn, o->place)) {
		state_escape(flow, o);
		return;
	}
	if (r < 0 && flow->fn->places[o->place].kind == PLACE_INDEX)
		state_escape(flow, o);
	if (call_is_another(flow->fn, o->place))
		return;
	if (r < 0)
		r = call_foreign(flow, o, item, CALL_FOREIGN);
	if (r < 0)
		return;
	if ((flow->state->bits[r] & RES_CLOSING) && call_frees(item->call))
		flow->tell->use(flow, item, r, USE_CLOSING);
	if (call_may_have_closed(flow, r))
		flow->tell->use(flow, item, r, USE_CLOSE_AGAIN);
	hold_closed_by_hand(flow, r, item);
	call_free_content(flow, r, item);
	flow_closed(flow, r, item);
	flow->state->bits[r] = RES_CLOSED;
}
