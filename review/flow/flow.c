/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a function's graph, state by state.
 *
 * A stack of pairs of block and state; a state that a block has seen is not walked again. The
 * number of states per block, of blocks walked and of items walked is limited; a function that
 * runs into the last two is counted as not understood and gives no summary and no losses.
 */

#include "flow/contract.h"
#include "flow/parts.h"
#include "flow/rare.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

static struct state *flow_copy(struct flow *flow, const struct state *state)
{
	size_t size =
		offsetof(struct state, bindings) + (size_t)state->n * sizeof(*state->bindings);
	struct state *copy = arena_alloc(flow->arena, size);

	memcpy(copy, state, size);
	copy->next = NULL;
	return copy;
}

static void flow_push(struct flow *flow, int block, struct state *state)
{
	if (flow->queue_n == flow->queue_cap) {
		size_t cap = flow->queue_cap ? flow->queue_cap * 2 : 64;
		struct state **queue = arena_alloc(flow->arena, cap * sizeof(*queue));
		int *blocks = arena_alloc(flow->arena, cap * sizeof(*blocks));

		if (flow->queue_n) {
			memcpy(queue, flow->queue, flow->queue_n * sizeof(*queue));
			memcpy(blocks, flow->queue_block, flow->queue_n * sizeof(*blocks));
		}
		flow->queue = queue;
		flow->queue_block = blocks;
		flow->queue_cap = cap;
	}
	flow->queue[flow->queue_n] = state;
	flow->queue_block[flow->queue_n++] = block;
}

/* Control reaches the block in this state. */
static void flow_reach(struct flow *flow, int block, struct state *state)
{
	struct state *copy;

	if (block < 0)
		return;
	state->n_resources = flow->n_resources;
	state_hash(state);
	for (struct state *s = flow->seen[block]; s; s = s->next)
		if (state_equal(s, state))
			return;
	if (flow->n_seen[block] < STATE_PER_BLOCK) {
		flow->n_seen[block]++;
		copy = flow_copy(flow, state);
		copy->next = flow->seen[block];
		flow->seen[block] = copy;
		flow_push(flow, block, copy);
	} else if (!flow->joined[block]) {
		flow->joined[block] = flow_copy(flow, state);
		flow_push(flow, block, flow_copy(flow, state));
	} else if (state_join(flow->joined[block], state)) {
		flow_push(flow, block, flow_copy(flow, flow->joined[block]));
	}
}

static bool flow_is_open(const struct flow *flow, int resource)
{
	uint8_t bits = flow->state->bits[resource];

	return (bits & RES_OPEN) && !(bits & (RES_CLOSED | RES_GONE | RES_TAKEN | RES_ENDING)) &&
	       flow->resources[resource].site && !flow->resources[resource].borrowed &&
	       flow->state->holder[resource] >= 0;
}

void flow_lose(struct flow *flow, int resource, enum loss_kind kind, const struct item *item)
{
	if (!flow_is_open(flow, resource))
		return;
	for (int i = 0; i < flow->n_losses; i++)
		if (flow->losses[i].resource == resource && flow->losses[i].item == item) {
			flow->losses[i].rare &= flow->state->rare[resource];
			return;
		}
	if (flow->n_losses < (int)(sizeof(flow->losses) / sizeof(*flow->losses)))
		flow->losses[flow->n_losses++] = (struct loss){
			.resource = resource,
			.kind = kind,
			.item = item,
			.caught = (flow->state->bits[resource] & RES_CAUGHT) != 0,
			.rare = flow->state->rare[resource],
		};
}

static bool flow_any_open(const struct flow *flow)
{
	for (int i = 0; i < flow->n_resources; i++)
		if (flow_is_open(flow, i))
			return true;
	return false;
}

static void flow_branch(struct flow *flow, const struct item *item, const struct block *block)
{
	struct state *working = flow->state;
	struct state *before = flow_copy(flow, working);
	size_t size =
		offsetof(struct state, bindings) + (size_t)before->n * sizeof(*before->bindings);

	for (int edge = 0; edge < 2; edge++) {
		if (edge)
			memcpy(working, before, size);
		if (!flow_side(flow, item, !edge))
			continue;
		if (flow_any_open(flow) && rare_edge(flow->fn, item, edge))
			rare_mark(flow);
		flow_reach(flow, block->next[edge], working);
	}
}

/* A constructor that throws has no object whose destructor would close its members. */
static void flow_unmade(struct flow *flow)
{
	for (int i = 0; i < flow->n_resources; i++) {
		const struct resource *r = &flow->resources[i];

		if (r->site && r->place >= 0 && flow->fn->places[r->place].is_member &&
		    state_place(flow, r->place).resource == i && !strcmp(r->kind, "fd") &&
		    !(flow->fn->places[r->place].flags & PLACE_SMART) &&
		    (!flow->fn->places[r->place].type ||
		     !strcmp(flow->fn->places[r->place].type, "int")) &&
		    (flow->state->bits[i] & RES_OPEN) && !(flow->state->bits[i] & RES_CLOSED))
			flow->state->bits[i] &= (uint8_t)~RES_GONE;
	}
}

/* return fd + 1: the descriptor is in what the caller gets. */
static void flow_return_computed(struct flow *flow, const struct item *item)
{
	const struct item *set = item->a.kind == OPERAND_PLACE
					 ? place_set_before(flow->fn, item->a.place, item)
					 : NULL;

	/* fd < 0 ? 0 : fd + 1 */
	for (int depth = 0; depth < 3 && set && set->kind == ITEM_ASSIGN; depth++)
		set = set->a.kind == OPERAND_PLACE ? place_set_before(flow->fn, set->a.place, set)
						   : place_set_before(flow->fn, item->a.place, set);
	if (!set || set->kind != ITEM_OPERATE || set->op == '[')
		return;
	if (state_resource(flow, &set->a) >= 0)
		state_give(flow, state_resource(flow, &set->a));
	if (state_resource(flow, &set->b) >= 0)
		state_give(flow, state_resource(flow, &set->b));
}

/* return serve(fd): where serve() has failed and kept nothing, nobody has the descriptor any more. What is in a
 * variable has been tested. */
static void flow_return_untested(struct flow *flow, const struct item *item)
{
	const struct item *call =
		item->a.kind == OPERAND_PLACE && flow->fn->places[item->a.place].kind == PLACE_TEMP
			? operand_source(flow->fn, &item->a, item)
			: NULL;

	for (int i = 0; call && call->call && call->call->target && i < flow->n_resources; i++)
		if (flow->resources[i].taken == call && (flow->state->bits[i] & RES_TAKEN) &&
		    !strcmp(flow->resources[i].kind, "fd"))
			flow->state->bits[i] &= (uint8_t)~RES_TAKEN;
}

static void flow_leave(struct flow *flow, const struct item *item, enum loss_kind kind)
{
	struct value result = state_operand(flow, &item->a);
	uint8_t bits = result.resource >= 0 ? flow->state->bits[result.resource] : 0;

	if (kind == LOSS_RETURN)
		flow_summarise(flow, item);
	state_escape(flow, &item->a);
	if (kind == LOSS_RETURN)
		flow_return_computed(flow, item);
	if (kind == LOSS_RETURN)
		flow_summarise_params(flow, result, bits);
	if (kind == LOSS_RETURN)
		members_leave(flow, result);
	for (int i = 0; i < flow->n_resources; i++) {
		struct resource *r = &flow->resources[i];

		r->handled |= (flow->state->bits[i] &
			       (RES_CLOSED | RES_GONE | RES_TAKEN | RES_ENDING)) != 0;
		if ((flow->state->bits[i] & RES_TAKEN) && r->taken &&
		    api_is(r->taken->call->api, ROLE(LOCKS) | ROLE(NONBLOCK)))
			r->kept_at = item;
	}
	if (kind == LOSS_THROW && (flow->fn->flags & FUNCTION_CONSTRUCTOR))
		flow_unmade(flow);
	if (kind == LOSS_RETURN)
		flow_return_untested(flow, item);
	for (int i = 0; i < flow->n_resources; i++)
		flow_lose(flow, i, kind, item);
}

/* free() and delete leave a pointer that may not be followed; close() leaves a mere number. */
static bool flow_is_freed(const struct flow *flow, int resource)
{
	const struct item *closed = resource >= 0 ? flow_closer(flow, resource) : NULL;

	return closed && flow->state->bits[resource] == RES_CLOSED && call_frees(closed->call);
}

/* p[i] is reached, where p is a pointer. */
static bool flow_is_element(const struct function *fn, int place)
{
	int array = fn->places[place].parent;
	uint8_t stars;

	return fn->places[place].kind == PLACE_INDEX && !(fn->places[array].flags & PLACE_ARRAY) &&
	       place_type(fn, array, &stars) && stars;
}

/* p->x, *p and p[i] are reached: p is not NULL, and must not be freed. */
static void flow_reaches(struct flow *flow, const struct item *item, const struct operand *o)
{
	const struct function *fn = flow->fn;
	int place = o->place;

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return;
	for (; fn->places[place].parent >= 0; place = fn->places[place].parent) {
		struct value v;

		if (fn->places[place].kind != PLACE_DEREF &&
		    !(fn->places[place].flags & PLACE_ARROW) &&
		    (o->kind == OPERAND_ADDRESS || !flow_is_element(fn, place)))
			continue;
		v = state_place(flow, fn->places[place].parent);
		if (flow_is_freed(flow, v.resource))
			flow->tell->use(flow, item, v.resource, USE_AFTER_CLOSE);
		if (!(v.flags & VALUE_NONZERO))
			state_add_flags(flow, fn->places[place].parent, VALUE_NONZERO);
	}
}

static void flow_reaches_all(struct flow *flow, const struct item *item)
{
	struct operand to = { .kind = OPERAND_PLACE, .place = item->dst };

	flow_reaches(flow, item, &item->a);
	flow_reaches(flow, item, &item->b);
	if (item->kind == ITEM_ASSIGN && item->dst >= 0)
		flow_reaches(flow, item, &to);
	for (int i = 0; item->kind == ITEM_CALL && item->call && i < item->call->n_args; i++)
		flow_reaches(flow, item, &item->call->args[i]);
}

static void flow_note_again(struct flow *flow, const struct item *item)
{
	for (int r = 0; r < flow->n_resources; r++) {
		bool known = !flow_is_open(flow, r);

		for (int i = 0; !known && i < flow->n_again; i++)
			if (flow->again[i].resource == r && flow->again[i].item == item) {
				flow->again[i].rare &= flow->state->rare[r];
				known = true;
			}
		if (!known && flow->n_again < (int)(sizeof(flow->again) / sizeof(*flow->again)))
			flow->again[flow->n_again++] =
				(struct loss){ .resource = r,
					       .kind = LOSS_SCOPE,
					       .item = item,
					       .rare = flow->state->rare[r] };
	}
}

/* What is overwritten in the next turn was forgotten at the `continue` before, if there is one. */
static void flow_tell_losses(struct flow *flow)
{
	for (int i = 0; i < flow->n_losses; i++) {
		const struct loss *loss = &flow->losses[i];
		bool told = false;

		for (int k = 0; loss->kind == LOSS_OVERWRITTEN && k < flow->n_again; k++)
			if (flow->again[k].resource == loss->resource &&
			    flow->resources[loss->resource].handled) {
				flow->tell->loss(flow, &flow->again[k]);
				told = true;
			}
		if (!told)
			flow->tell->loss(flow, loss);
	}
}

/* One item; false when control does not come to the next. */
static bool flow_item(struct flow *flow, const struct item *item, const struct block *block)
{
	flow->item = item;
	flow->fn->reached[item - flow->fn->items] = 1;
	flow_reaches_all(flow, item);
	switch (item->kind) {
	case ITEM_STATEMENT:
		flow_end_statement(flow);
		return true;
	case ITEM_DECLARE:
	case ITEM_DIES:
		if (item->dst >= 0)
			flow_dies(flow, item);
		return true;
	case ITEM_ASSIGN:
		flow_assign(flow, item);
		return true;
	case ITEM_OPERATE:
		flow_operate(flow, item);
		return true;
	case ITEM_CALL:
		if (!item->call)
			return true;
		/* What stands behind execv() runs where there is no such program. */
		if (api_is(item->call->api, ROLE(SPAWN)) && starts_with(item->call->name, "exec"))
			rare_mark(flow);
		return flow_call(flow, item);
	case ITEM_BRANCH:
		flow_branch(flow, item, block);
		return false;
	case ITEM_RETURN:
		flow_leave(flow, item, LOSS_RETURN);
		return false;
	case ITEM_CATCH:
		for (int r = 0; r < flow->n_resources; r++)
			flow->state->bits[r] |= flow_is_open(flow, r) ? RES_CAUGHT : 0;
		return true;
	case ITEM_AGAIN:
		flow_note_again(flow, item);
		return true;
	case ITEM_THROW:
		if (block->next[0] >= 0)
			return true;
		flow_leave(flow, item, LOSS_THROW);
		return false;
	default:
		return true;
	}
}

static void flow_block(struct flow *flow, int number, struct state *from)
{
	const struct block *block = &flow->fn->blocks[number];

	memcpy(flow->state, from,
	       offsetof(struct state, bindings) + (size_t)from->n * sizeof(*from->bindings));
	memset(flow->state->bits + from->n_resources, 0,
	       sizeof(flow->state->bits) - (size_t)from->n_resources);
	memset(flow->state->rare + from->n_resources, 0,
	       sizeof(flow->state->rare) - (size_t)from->n_resources);
	memset(flow->state->closer + from->n_resources, 0,
	       (STATE_RESOURCES - (size_t)from->n_resources) * sizeof(*flow->state->closer));
	memset(flow->state->holder + from->n_resources, 0,
	       (STATE_RESOURCES - (size_t)from->n_resources) * sizeof(*flow->state->holder));
	flow->block = number;
	for (int i = block->first; i >= 0; i = flow->fn->items[i].next) {
		flow->items++;
		if (!flow_item(flow, &flow->fn->items[i], block))
			return;
	}
	flow_reach(flow, block->next[0], flow->state);
}

/* Each parameter is a resource of the caller's. */
static void flow_parameters(struct flow *flow)
{
	for (int i = 0; i < flow->fn->n_params && i < 16; i++) {
		const struct place *place = &flow->fn->places[flow->fn->params[i]];
		struct value v = value_unknown;
		int r = flow->n_resources++;

		flow->resources[r] = (struct resource){ .kind = "parameter",
							.param = i,
							.place = flow->fn->params[i] };
		flow->resources[r].fails = place->stars ? FAILS_NULL : FAILS_NEGATIVE;
		flow->state->bits[r] = RES_OPEN;
		flow->exit_all[r] = RES_CLOSED;
		flow->exit_closing[r] = 1;
		v.resource = (int16_t)r;
		state_bind(flow, flow->fn->params[i], v, -1);
	}
}

static void flow_walk(struct flow *flow)
{
	while (flow->queue_n) {
		flow->queue_n--;
		if (++flow->steps > STATE_STEPS || flow->items > STATE_ITEMS) {
			flow->fn->skipped = true;
			return;
		}
		flow_block(flow, flow->queue_block[flow->queue_n], flow->queue[flow->queue_n]);
	}
}

void flow_function(struct function *fn, const struct flow_listener *tell, struct arena *arena)
{
	struct flow *flow = arena_alloc(arena, sizeof(*flow));
	size_t n = (size_t)fn->n_blocks + 1;

	flow->fn = fn;
	flow->tell = tell;
	flow->arena = arena;
	flow->state = arena_alloc(arena, sizeof(*flow->state));
	flow->seen = arena_alloc(arena, n * sizeof(struct state *));
	flow->joined = arena_alloc(arena, n * sizeof(struct state *));
	flow->n_seen = arena_alloc(arena, n);
	flow_parameters(flow);
	members_begin(flow);
	fn->summary.never_returns = function_never_returns(fn);
	flow_reach(flow, 0, flow->state);
	flow_walk(flow);
	if (fn->skipped || (fn->flags & FUNCTION_CUT)) {
		program.n_skipped += !fn->summary.done && !fn->source->context;
		return;
	}
	flow_summary_params(flow);
	parts_summarise(flow);
	/* A statement that could not be parsed may be the one that closes. */
	if (!(fn->flags & FUNCTION_ERRORS))
		flow_tell_losses(flow);
	tell->function(fn);
}
