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
		if (flow->losses[i].resource == resource && flow->losses[i].item == item)
			return;
	if (flow->n_losses < (int)(sizeof(flow->losses) / sizeof(*flow->losses)))
		flow->losses[flow->n_losses++] = (struct loss){
			.resource = resource,
			.kind = kind,
			.item = item,
			.caught = (flow->state->bits[resource] & RES_CAUGHT) != 0,
		};
}

/* The place gets no value any more or another one. */
static void flow_release(struct flow *flow, int place, enum loss_kind kind, const struct item *item)
{
	const struct place *p = &flow->fn->places[place];
	int r = state_place(flow, place).resource;

	state_unbind(flow->state, place);
	if (r < 0)
		return;
	if (!place_is_local(flow->fn, place) || (p->flags & (PLACE_AUTO | PLACE_SMART)))
		flow->state->bits[r] |= RES_GONE;
	if (state_is_named(flow, r, -1))
		return;
	flow->resources[r].handled |=
		(flow->state->bits[r] & (RES_CLOSED | RES_GONE | RES_TAKEN | RES_ENDING)) != 0;
	flow_lose(flow, r, kind, item);
	flow->state->bits[r] |= RES_GONE;
}

static void flow_end_statement(struct flow *flow, const struct item *item)
{
	struct state *state = flow->state;

	for (int i = state->n; i-- > 0;) {
		int r = state->bindings[i].value.resource;
		int place = state->bindings[i].place;

		if (flow->fn->places[place].kind != PLACE_TEMP &&
		    flow->fn->places[place].parent < 0)
			continue;
		if (place_root(flow->fn, place)->kind != PLACE_TEMP)
			continue;
		state_unbind(state, place);
		if (r >= 0 && !state_is_named(flow, r, -1)) {
			flow_lose(flow, r, LOSS_DROPPED, flow->resources[r].site);
			state->bits[r] |= RES_GONE;
		}
	}
	(void)item;
}

static void flow_dies(struct flow *flow, const struct item *item)
{
	bool again;

	do {
		again = false;
		for (int i = flow->state->n; i-- > 0;) {
			int place = flow->state->bindings[i].place;

			if (place_is_within(flow->fn, place, item->dst)) {
				flow_release(flow, place, LOSS_SCOPE, item);
				again = true;
				break;
			}
		}
	} while (again);
}

/* x[i] is another place when i changes. */
static void flow_index_changed(struct flow *flow, int place)
{
	const char *text = flow->fn->places[place].text;

	if (!text || !*text)
		return;
	for (int i = flow->state->n; i-- > 0 && i < flow->state->n;) {
		int at = flow->state->bindings[i].place;

		for (; at >= 0; at = flow->fn->places[at].parent) {
			const struct place *p = &flow->fn->places[at];

			if (p->kind == PLACE_INDEX && at != place &&
			    place_name_has(p->name, text)) {
				state_forget_parts(flow, at, true);
				break;
			}
		}
	}
}

static bool flow_index_varies(const struct flow *flow, int place)
{
	for (; place >= 0; place = flow->fn->places[place].parent) {
		const struct place *p = &flow->fn->places[place];

		if (p->kind == PLACE_INDEX && !(*p->name >= '0' && *p->name <= '9'))
			return true;
	}
	return false;
}

/* p->fd, where p is memory that this function allocated and nobody else has yet. */
static bool flow_is_in_own_memory(const struct flow *flow, int place)
{
	const struct function *fn = flow->fn;

	for (; fn->places[place].parent >= 0; place = fn->places[place].parent) {
		int r;

		if (fn->places[place].kind != PLACE_DEREF &&
		    !(fn->places[place].flags & PLACE_ARROW))
			continue;
		r = state_place(flow, fn->places[place].parent).resource;
		return r >= 0 && flow->resources[r].site &&
		       !strcmp(flow->resources[r].kind, "memory") &&
		       !(flow->state->bits[r] & (RES_CLOSED | RES_GONE | RES_TAKEN | RES_ENDING)) &&
		       place_is_local(fn, fn->places[place].parent);
	}
	return false;
}

static void flow_store(struct flow *flow, const struct item *item, int dst, struct value value)
{
	const struct place *p = &flow->fn->places[dst];
	int old = state_place(flow, dst).resource, r = value.resource;

	if (old >= 0 && old != r)
		flow_release(flow, dst, LOSS_OVERWRITTEN, item);
	if (p->kind != PLACE_TEMP) {
		state_forget_parts(flow, dst, false);
		flow_index_changed(flow, dst);
	}
	if (r >= 0) {
		flow_fills(flow, dst, r);
		if (flow->resources[r].place < 0 && p->kind != PLACE_TEMP)
			flow->resources[r].place = dst;
		if ((!place_is_local(flow->fn, dst) && !flow_is_in_own_memory(flow, dst)) ||
		    (p->flags & (PLACE_AUTO | PLACE_SMART)) || flow_index_varies(flow, dst))
			state_give(flow, r);
	}
	state_bind(flow, dst, value, (int)(item - flow->fn->items));
}

/* A structure is copied: what its members name has a second name, which nobody follows. */
static void flow_copy_parts(struct flow *flow, int from, int to)
{
	struct state *state = flow->state;
	int memory = state_place(flow, from).resource;

	/* A second pointer to the same memory: state_place() knows the way. */
	if (memory >= 0 && !strcmp(flow->resources[memory].kind, "memory"))
		return;
	for (int i = 0; i < state->n; i++) {
		int r = state->bindings[i].value.resource;

		if (r >= 0 && from != to && state->bindings[i].place != from &&
		    place_is_within(flow->fn, state->bindings[i].place, from))
			state_give(flow, r);
	}
}

/*
 * int port = -1; … port = base + 2 * i; … if (port < 0): what was computed is none of the numbers
 * below 0 that say that nothing was found.
 */
static bool flow_replaces_none(const struct flow *flow, const struct item *item)
{
	const struct function *fn = flow->fn;
	const struct item *set = item->a.kind == OPERAND_PLACE && item->dst >= 0 &&
						 fn->places[item->dst].kind == PLACE_LOCAL
					 ? place_set_before(fn, item->a.place, item)
					 : NULL;
	int64_t number;

	for (int depth = 0; depth < 2 && set && set->kind == ITEM_ASSIGN; depth++)
		set = set->a.kind == OPERAND_PLACE ? place_set_before(fn, set->a.place, set) : NULL;
	if (!set || set->kind != ITEM_OPERATE || (set->op != '+' && set->op != '*'))
		return false;
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_ASSIGN && fn->items[i].dst == item->dst &&
		    operand_is_number(&fn->items[i].a, &number) && number < 0)
			return true;
	return false;
}

static void flow_assign(struct flow *flow, const struct item *item)
{
	struct value v = state_operand(flow, &item->a);

	if (item->dst < 0)
		return;
	if (item->a.kind == OPERAND_ADDRESS)
		state_escape_parts(flow, item->a.place);
	else if (item->a.kind == OPERAND_PLACE)
		flow_copy_parts(flow, item->a.place, item->dst);
	decide_assigned(flow, item, &v);
	if (v.resource < 0 && v.status < 0 && v.low == INT64_MIN && flow_replaces_none(flow, item))
		v.low = 0;
	flow_store(flow, item, item->dst, v);
}

/* -x; and -errno, which is looked at after a failure. */
static void flow_minus(const struct flow *flow, const struct item *item, struct value of,
		       struct value *v)
{
	if (of.low != INT64_MIN)
		v->high = -of.low;
	if (of.high != INT64_MIN && of.high != INT64_MAX)
		v->low = -of.high;
	if (item->b.kind == OPERAND_PLACE && place_is_errno(flow->fn, item->b.place) &&
	    of.low == INT64_MIN)
		v->high = -1;
}

static void flow_operate(struct flow *flow, const struct item *item)
{
	struct value a = state_operand(flow, &item->a), b = state_operand(flow, &item->b);
	struct value v = value_unknown;

	if (item->dst < 0 || item->op == '[')
		return;
	/* x & FLAG, tested before, and x is the same: it would have forgotten its parts. */
	if (item->op == '&' && flow->fn->places[item->dst].name &&
	    flow->fn->places[item->dst].name[0] == '&' &&
	    (state_place(flow, item->dst).flags & VALUE_CHECKED))
		return;
	/* list << new QLocalSocket */
	if (item->op == '<' && b.resource >= 0)
		state_give(flow, b.resource);
	if ((item->op == '-' || item->op == '+') && a.low == a.high && b.low == b.high &&
	    flow->fn->places[item->dst].kind == PLACE_TEMP &&
	    !(item->op == '+' ? __builtin_add_overflow(a.low, b.low, &v.low)
			      : __builtin_sub_overflow(a.low, b.low, &v.low)))
		v.high = v.low;
	else
		v.low = INT64_MIN;
	/* What goes up from 0 stays above; its steps are not followed, there would be no end. */
	if (v.low == INT64_MIN && item->op == '+' && b.low >= 0)
		v.low = a.low;
	if (v.high == INT64_MAX && item->op == '-' && b.low >= 0)
		v.high = a.high;
	if (item->op == '-' && a.low == 0 && a.high == 0)
		flow_minus(flow, item, b, &v);
	flow_store(flow, item, item->dst, v);
}

/* A name that the function does not declare and that names no resource: a global, or a constant. */
static bool flow_is_outside(const struct flow *flow, const struct operand *o)
{
	const struct place *p = o->kind == OPERAND_PLACE ? &flow->fn->places[o->place] : NULL;

	return p && p->kind == PLACE_FREE && p->parent < 0 &&
	       state_place(flow, o->place).resource < 0;
}

/* … whose value nobody sees and nothing sets: no_door, INVALID_HANDLE of a header. */
static bool flow_is_unseen_constant(const struct flow *flow, const struct operand *o)
{
	const struct place *p = &flow->fn->places[o->place];
	bool is_const = p->flags & PLACE_CONST;

	return (is_const || (!p->is_member && !p->is_global)) && !starts_with(p->name, "std");
}

/*
 * `fd == no_door`: what was opened here is in no variable from outside, so they are equal only if
 * it could not be opened; `fd != no_door` says that it could. false: they cannot be equal.
 */
static bool flow_compare_outside(struct flow *flow, const struct operand *o,
				 const struct operand *other, int op)
{
	int r = state_resource(flow, o);
	uint8_t *bits = r >= 0 ? &flow->state->bits[r] : NULL;

	if (!bits || !flow->resources[r].site || !flow_is_outside(flow, other) ||
	    (*bits & ~(unsigned)(RES_OPEN | RES_FAILED)))
		return true;
	if (op == OP_EQ) {
		if (!(*bits & RES_FAILED))
			return flow_is_unseen_constant(flow, other);
		*bits = RES_FAILED;
	} else if (op == OP_NE && flow_is_unseen_constant(flow, other)) {
		*bits &= (uint8_t)~RES_FAILED;
	}
	if (op == OP_EQ || op == OP_NE)
		state_add_flags(flow, o->place, VALUE_CHECKED);
	return true;
}

/* Two values of which none is a constant: the lower one was looked at. */
static bool flow_compare(struct flow *flow, const struct item *item, int op)
{
	const struct operand *low = op == OP_LT || op == OP_LE   ? &item->a
				    : op == OP_GT || op == OP_GE ? &item->b
								 : NULL;

	if (op == OP_EQ && item->b.kind == OPERAND_PLACE)
		low = &item->a;
	if (low && low->kind == OPERAND_PLACE)
		state_add_flags(flow, low->place, VALUE_CHECKED);
	return flow_compare_outside(flow, &item->a, &item->b, op) &&
	       flow_compare_outside(flow, &item->b, &item->a, op);
}

/*
 * for (i = 0; i < n; …) is taken to run at least once: what its body hands over or closes would
 * else be thought lost whenever n might be 0.
 */
static bool flow_skips_loop(const struct flow *flow, const struct item *item, bool taken)
{
	const struct function *fn = flow->fn;
	int loop = fn->blocks[flow->block].loop;
	int64_t number;

	if (taken || loop < 0 || fn->loops[loop].kind != LOOP_FOR ||
	    fn->loops[loop].header != flow->block)
		return false;
	return (item->op == OP_LT || item->op == OP_LE || item->op == OP_NE) &&
	       state_is_constant(flow, &item->a, &number) &&
	       !state_is_constant(flow, &item->b, &number);
}

/* Two that are open at the same time have not the same number or address. */
static bool flow_are_apart(const struct flow *flow, const struct item *item)
{
	int a = state_resource(flow, &item->a), b = state_resource(flow, &item->b);

	return a >= 0 && b >= 0 && a != b && flow->state->bits[a] == RES_OPEN &&
	       flow->state->bits[b] == RES_OPEN &&
	       (flow->resources[a].site || flow->resources[b].site);
}

/* Two names of what one call has opened: a second pointer to it, and not a number that says how it went. */
static bool flow_are_one(const struct flow *flow, const struct item *item)
{
	int a = state_resource(flow, &item->a), b = state_resource(flow, &item->b);

	return a >= 0 && a == b && flow->resources[a].site && !flow->resources[a].stored &&
	       flow->fn->places[item->a.place].stars && flow->fn->places[item->b.place].stars;
}

/* Narrows the state to one side of a branch; false: that side cannot be. */
static bool flow_side(struct flow *flow, const struct item *item, bool taken)
{
	int op = taken ? item->op : op_negate(item->op);
	int64_t number;

	if (op == OP_UNKNOWN)
		return true;
	if (flow_skips_loop(flow, item, taken) || (!taken && !decide_leaves_out(flow, item)))
		return false;
	if (state_is_constant(flow, &item->b, &number))
		return state_refine(flow, &item->a, op, number);
	if (state_is_constant(flow, &item->a, &number))
		return state_refine(flow, &item->b, op_mirror(op), number);
	if ((op == OP_EQ && flow_are_apart(flow, item)) ||
	    (op == OP_NE && flow_are_one(flow, item)))
		return false;
	return flow_compare(flow, item, op) && decide_named(flow, item, op);
}

static void flow_branch(struct flow *flow, const struct item *item, const struct block *block)
{
	struct state *working = flow->state;
	struct state *before = flow_copy(flow, working);
	size_t size =
		offsetof(struct state, bindings) + (size_t)before->n * sizeof(*before->bindings);

	if (flow_side(flow, item, true))
		flow_reach(flow, block->next[0], working);
	memcpy(working, before, size);
	if (flow_side(flow, item, false))
		flow_reach(flow, block->next[1], working);
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

		for (int i = 0; i < flow->n_again; i++)
			known |= flow->again[i].resource == r && flow->again[i].item == item;
		if (!known && flow->n_again < (int)(sizeof(flow->again) / sizeof(*flow->again)))
			flow->again[flow->n_again++] =
				(struct loss){ .resource = r, .kind = LOSS_SCOPE, .item = item };
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
		flow_end_statement(flow, item);
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
		return !item->call || flow_call(flow, item);
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
