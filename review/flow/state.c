/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on one state; see state.h. */

#include "flow/contract.h"
#include "flow/state.h"

#include <string.h>

const struct value value_unknown = {
	.low = INT64_MIN, .high = INT64_MAX, .status = -1, .resource = -1
};

struct value value_number(int64_t number)
{
	struct value v = value_unknown;

	v.low = v.high = number;
	if (number)
		v.flags = VALUE_NONZERO;
	return v;
}

/* Bindings are sorted by place. The index of the first one that is not below it. */
static int state_at(const struct state *state, int place)
{
	int low = 0, high = state->n;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (state->bindings[middle].place < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct binding *state_find(struct state *state, int place)
{
	int i = state_at(state, place);

	return i < state->n && state->bindings[i].place == place ? &state->bindings[i] : NULL;
}

/* q->f, where p->f is known and q names the same memory as p. */
static const struct binding *state_find_alias(const struct flow *flow, int place)
{
	const struct place *p = &flow->fn->places[place];
	const struct binding *pointer;

	if (p->kind != PLACE_FIELD || !(p->flags & PLACE_ARROW))
		return NULL;
	pointer = state_find(flow->state, p->parent);
	if (!pointer || pointer->value.resource < 0)
		return NULL;
	for (int i = 0; i < flow->state->n; i++) {
		const struct binding *b = &flow->state->bindings[i], *other;
		const struct place *q = &flow->fn->places[b->place];

		if (q->kind != PLACE_FIELD || !(q->flags & PLACE_ARROW) || q->name != p->name)
			continue;
		other = state_find(flow->state, q->parent);
		if (other && other->value.resource == pointer->value.resource)
			return b;
	}
	return NULL;
}

struct value state_place(const struct flow *flow, int place)
{
	const struct binding *binding = state_find(flow->state, place);

	if (!binding)
		binding = state_find_alias(flow, place);
	return binding ? binding->value : value_unknown;
}

struct value state_operand(const struct flow *flow, const struct operand *operand)
{
	struct value v = value_unknown;

	switch (operand->kind) {
	case OPERAND_NUMBER:
		return value_number(operand->number);
	case OPERAND_NULL:
		return value_number(0);
	case OPERAND_STRING:
	case OPERAND_LAMBDA:
	case OPERAND_ADDRESS:
		v.flags = VALUE_NONZERO;
		return v;
	case OPERAND_PLACE:
		return state_place(flow, operand->place);
	case OPERAND_UNKNOWN:
		if (operand->text)
			v.flags = VALUE_NONZERO;
		return v;
	default:
		return v;
	}
}

int state_resource(const struct flow *flow, const struct operand *operand)
{
	if (operand->kind != OPERAND_PLACE)
		return -1;
	return state_place(flow, operand->place).resource;
}

bool state_is_constant(const struct flow *flow, const struct operand *operand, int64_t *number)
{
	struct value v = state_operand(flow, operand);

	*number = v.low;
	return v.low == v.high;
}

static bool value_is_unknown(const struct value *v)
{
	return v->low == INT64_MIN && v->high == INT64_MAX && v->status < 0 && v->resource < 0 &&
	       !v->flags && !v->is && !v->isnt;
}

void state_bind(struct flow *flow, int place, struct value value, int from)
{
	struct state *state = flow->state;
	int i = state_at(state, place);

	if (value_is_unknown(&value)) {
		state_unbind(state, place);
		return;
	}
	if (i >= state->n || state->bindings[i].place != place) {
		if (state->n == STATE_BINDINGS) {
			if (value.resource >= 0)
				state->bits[value.resource] |= RES_GONE;
			return;
		}
		memmove(&state->bindings[i + 1], &state->bindings[i],
			(size_t)(state->n - i) * sizeof(*state->bindings));
		state->n++;
	}
	state->bindings[i] = (struct binding){ .place = place, .from = from, .value = value };
}

void state_unbind(struct state *state, int place)
{
	int i = state_at(state, place);

	if (i >= state->n || state->bindings[i].place != place)
		return;
	memmove(&state->bindings[i], &state->bindings[i + 1],
		(size_t)(state->n - i - 1) * sizeof(*state->bindings));
	state->n--;
}

void state_forget_parts(struct flow *flow, int place, bool itself)
{
	struct state *state = flow->state;
	int lost[STATE_RESOURCES];
	int kept = 0, n = 0;

	for (int i = 0; i < state->n; i++) {
		int p = state->bindings[i].place, r = state->bindings[i].value.resource;

		if (place_is_within(flow->fn, p, place) && (itself || p != place)) {
			if (r >= 0 && n < STATE_RESOURCES)
				lost[n++] = r;
			continue;
		}
		state->bindings[kept++] = state->bindings[i];
	}
	state->n = kept;
	/* What has no other name could be anywhere now. */
	while (n-- > 0)
		if (!state_is_named(flow, lost[n], -1))
			state_give(flow, lost[n]);
}

bool state_is_named(const struct flow *flow, int resource, int except_place)
{
	const struct state *state = flow->state;

	for (int i = 0; i < state->n; i++)
		if (state->bindings[i].value.resource == resource &&
		    state->bindings[i].place != except_place &&
		    (flow->fn->places[state->bindings[i].place].kind != PLACE_TEMP ||
		     (flow->fn->places[state->bindings[i].place].flags & PLACE_VALUE)))
			return true;
	return false;
}

static bool value_narrow(struct value *v, int op, int64_t c)
{
	switch (op) {
	case OP_EQ:
		if (c && v->except == c)
			return false;
		v->low = v->low > c ? v->low : c;
		v->high = v->high < c ? v->high : c;
		break;
	case OP_NE:
		if (!c)
			v->flags |= VALUE_NONZERO;
		if (v->low == c && v->high == c)
			return false;
		v->low += v->low == c;
		v->high -= v->high == c;
		if (v->low < c && c < v->high)
			v->except = c;
		break;
	case OP_LT:
		if (c == INT64_MIN)
			return false;
		v->high = v->high < c - 1 ? v->high : c - 1;
		break;
	case OP_LE:
		v->high = v->high < c ? v->high : c;
		break;
	case OP_GT:
		if (c == INT64_MAX)
			return false;
		v->low = v->low > c + 1 ? v->low : c + 1;
		break;
	case OP_GE:
		v->low = v->low > c ? v->low : c;
		break;
	default:
		break;
	}
	if ((v->flags & VALUE_NONZERO) && v->low == 0)
		v->low = 1;
	if ((v->flags & VALUE_NONZERO) && v->high == 0)
		v->high = -1;
	if (v->low > 0 || v->high < 0)
		v->flags |= VALUE_NONZERO;
	v->flags |= VALUE_CHECKED;
	return v->low <= v->high;
}

static int value_outcome(const struct value *v, uint8_t fails)
{
	return contract_outcome(fails, v->low, v->high, v->flags & VALUE_NONZERO);
}

static void state_outcome(uint8_t *bits, int outcome)
{
	if (outcome == 1 && (*bits & RES_FAILED))
		*bits = RES_FAILED;
	else if (outcome == 0)
		*bits &= (uint8_t)~RES_FAILED;
}

/* How the value that names a resource tells that there is none. */
static uint8_t resource_fails(const struct resource *r)
{
	if (!r->stored)
		return r->fails;
	return !strcmp(r->kind, "fd") ? FAILS_NEGATIVE : FAILS_NULL;
}

/* What is open for certain is no -1 and no NULL. */
static bool state_contradicts(const struct flow *flow, const struct value *v)
{
	const struct resource *r = v->resource >= 0 ? &flow->resources[v->resource] : NULL;

	if (!r || !r->site || r->param >= 0)
		return false;
	if ((flow->state->bits[v->resource] & (RES_OPEN | RES_FAILED | RES_CLOSED)) != RES_OPEN)
		return false;
	return value_outcome(v, resource_fails(r)) == 1;
}

/* The call's result tells whether it closed the resource; a second one may have taken it since. */
static void state_ended(struct flow *flow, int resource, int outcome)
{
	uint8_t *bits = &flow->state->bits[resource];

	if (outcome == 1)
		*bits &= (uint8_t)~RES_ENDING;
	if (outcome == 0) {
		*bits = RES_CLOSED;
		flow_closed(flow, resource, flow->resources[resource].ending);
	}
}

/* The value is not the descriptor itself, but what a helper says of it. */
static bool state_only_tells(const struct call *call)
{
	return call && call->target && call->target->summary.tells_param >= 0 &&
	       !call->target->summary.opens;
}

static void state_untake(struct flow *flow, int resource)
{
	flow->state->bits[resource] &= (uint8_t)~RES_TAKEN;
	flow->state->holder[resource] = 0;
}

/* open_it(&fd): what its result tells of fd. After a failure that is -1, or what the function has closed again. */
static void state_stored(struct flow *flow, int resource, const struct value *v)
{
	const struct resource *r = &flow->resources[resource];
	/* A function of the project numbers what it stores as its parameters. */
	const struct function *target = r->site->call->target;
	int outcome = value_outcome(v, r->fails);

	state_outcome(&flow->state->bits[resource], outcome);
	if (outcome == 1 && target && (target->summary.param[r->sub] & SUMMARY_STALE)) {
		flow->state->bits[resource] |= RES_CLOSED;
		flow_closed(flow, resource, r->site);
	}
}

/* What the narrowed value tells of the resource it names, or of what its call stored elsewhere. */
static void state_learn(struct flow *flow, const struct value *v)
{
	const struct item *site = v->status >= 0 ? &flow->fn->items[v->status] : NULL;

	if (v->resource >= 0) {
		uint8_t *bits = &flow->state->bits[v->resource];
		const struct resource *r = &flow->resources[v->resource];
		int outcome = value_outcome(v, resource_fails(r));

		if (r->param >= 0 && outcome == 1 && !(*bits & RES_CLOSED))
			*bits = RES_FAILED;
		else
			state_outcome(bits, outcome);
		/* One of the three standard descriptors stays open; 0 of a helper that tells is none. */
		if (!strcmp(r->kind, "fd") && !(site && state_only_tells(site->call)) &&
		    v->low <= 2 && v->high <= 2 && v->high >= 0)
			*bits |= *bits & RES_CLOSED ? 0 : RES_GONE;
	}
	/* A call that failed took nothing. */
	for (int i = 0; site && i < flow->n_resources; i++)
		if (flow->resources[i].taken == site &&
		    value_outcome(v, flow->resources[i].taken_fails) == 1)
			state_untake(flow, i);
	for (int i = 0; site && i < flow->n_resources; i++)
		if (flow->resources[i].ending == site && (flow->state->bits[i] & RES_ENDING))
			state_ended(flow, i, value_outcome(v, flow->resources[i].ending_fails));
	for (int i = 0; site && i < flow->n_resources; i++)
		if (flow->resources[i].site == site && flow->resources[i].stored)
			state_stored(flow, i, v);
}

/* Between the call and what is walked now, nothing gives the place another value. */
static bool state_is_unset_since(const struct flow *flow, int place, const struct item *site)
{
	const struct item *set = place_set_before(flow->fn, place, flow->item);

	return !set || set < site;
}

/*
 * if (check(fd = socket(…)) == -1), where check() gives -1 for less than 0: what the result says of
 * the argument. false: the argument cannot be so.
 */
static bool state_learn_argument(struct flow *flow, const struct value *v)
{
	const struct item *site = v->status >= 0 ? &flow->fn->items[v->status] : NULL;
	const struct function *target = site && site->call ? site->call->target : NULL;

	for (int i = 0; target && i < 16 && i < site->call->n_args && i < target->n_params; i++) {
		const struct operand *o = &site->call->args[i];
		bool pointer = target->places[target->params[i]].stars;
		int outcome = value_outcome(v, target->summary.absent_fails[i]);

		if (outcome < 0 || o->kind != OPERAND_PLACE ||
		    !state_is_unset_since(flow, o->place, site))
			continue;
		if (!state_refine(flow, o,
				  pointer ? (outcome ? OP_EQ : OP_NE) : (outcome ? OP_LT : OP_GE),
				  0))
			return false;
	}
	return true;
}

/* bind(s, …) that has worked had a socket: `s` is not -1. false: it cannot have been one. */
static bool state_learn_used(struct flow *flow, const struct value *v)
{
	const struct item *site = v->status >= 0 ? &flow->fn->items[v->status] : NULL;
	const struct api *api = site && site->call ? site->call->api : NULL;

	if (!api || api->fails != FAILS_MINUS_ONE || value_outcome(v, FAILS_MINUS_ONE) != 0)
		return true;
	for (const struct fact *f = api_fact(api, FACT_USES); f; f = api_fact_next(api, f)) {
		const struct operand *o = call_argument(site->call, f->arg);
		int r = o && o->kind == OPERAND_PLACE ? state_resource(flow, o) : -1;

		if (r >= 0 && flow->resources[r].site && !strcmp(flow->resources[r].kind, "fd") &&
		    flow->state->bits[r] == (RES_OPEN | RES_FAILED) &&
		    flow->resources[r].fails == FAILS_MINUS_ONE &&
		    state_is_unset_since(flow, o->place, site) && !state_refine(flow, o, OP_GE, 0))
			return false;
	}
	return true;
}

/* accept(door, …) with a `door` that is -1 has given nothing. */
static void state_learn_from_used(struct flow *flow, int place, const struct value *v)
{
	for (int i = 0; v->high < 0 && i < flow->n_resources; i++) {
		const struct item *site = flow->resources[i].site;

		if (!site || !(flow->state->bits[i] & RES_FAILED) || !site->call->api)
			continue;
		for (const struct fact *f = api_fact(site->call->api, FACT_USES); f;
		     f = api_fact_next(site->call->api, f)) {
			const struct operand *o = call_argument(site->call, f->arg);

			if (o && operand_is_place(o, place) &&
			    state_is_unset_since(flow, place, site))
				flow->state->bits[i] = RES_FAILED;
		}
	}
}

/* open(…, &error) has an argument that says whether it worked, and that place is tested here. */
static bool state_is_error_of(const struct flow *flow, const struct item *site, int place)
{
	const struct fact *error = site ? api_fact(site->call->api, FACT_ERROR) : NULL;
	const struct operand *o = error ? call_argument(site->call, error->arg) : NULL;

	if (!o || (o->kind != OPERAND_ADDRESS && o->kind != OPERAND_PLACE))
		return false;
	if (o->kind == OPERAND_PLACE && flow->fn->places[place].parent != o->place)
		return false;
	return (o->kind == OPERAND_PLACE || o->place == place) &&
	       state_is_unset_since(flow, place, site);
}

static void state_learn_from_error(struct flow *flow, int place, const struct value *v)
{
	bool failed = v->flags & VALUE_NONZERO;

	if (!failed && (v->low != 0 || v->high != 0))
		return;
	for (int i = 0; i < flow->n_resources; i++) {
		const struct resource *r = &flow->resources[i];

		if (state_is_error_of(flow, r->site, place))
			state_outcome(&flow->state->bits[i], failed);
		if (failed && state_is_error_of(flow, r->taken, place))
			state_untake(flow, i);
	}
}

/* The test says nothing of whether the call that gave the value worked. */
static bool state_is_blind(const struct flow *flow, const struct value *v,
			   const struct operand *operand, int op, int64_t number)
{
	const struct item *site = v->status >= 0 ? &flow->fn->items[v->status] : NULL;
	struct contract contract;

	if (!site || !site->call || operand->kind != OPERAND_PLACE)
		return false;
	contract = contract_of(site->call);
	return contract_is_blind(&contract, op, number, false);
}

bool state_refine(struct flow *flow, const struct operand *operand, int op, int64_t number)
{
	struct value v = state_operand(flow, operand);
	uint16_t checked = v.flags & VALUE_CHECKED;
	struct binding *binding;

	if (!value_narrow(&v, op, number))
		return false;
	if (!checked && state_is_blind(flow, &v, operand, op, number))
		v.flags &= (uint16_t)~VALUE_CHECKED;
	if (operand->kind != OPERAND_PLACE)
		return true;
	if (state_contradicts(flow, &v))
		return false;
	binding = state_find(flow->state, operand->place);
	state_learn(flow, &v);
	state_learn_from_used(flow, operand->place, &v);
	state_learn_from_error(flow, operand->place, &v);
	if (!state_learn_argument(flow, &v) || !state_learn_used(flow, &v))
		return false;
	state_bind(flow, operand->place, v, binding ? binding->from : -1);
	/* Other names of the same result know it too. */
	for (int i = 0; v.resource >= 0 && i < flow->state->n; i++) {
		struct value *other = &flow->state->bindings[i].value;

		if (other->resource == v.resource && other->low <= v.low && other->high >= v.high) {
			other->low = v.low;
			other->high = v.high;
			other->flags |= v.flags & (VALUE_NONZERO | VALUE_CHECKED);
		}
	}
	return true;
}

/* What lies in memory that somebody else has, he has too. */
static void state_give_content(struct flow *flow, int resource)
{
	struct state *state = flow->state;

	for (int i = 0; i < state->n; i++) {
		int r = state->bindings[i].value.resource, place = state->bindings[i].place;

		if (r < 0 || r == resource || (state->bits[r] & (RES_CLOSED | RES_GONE)))
			continue;
		while ((place = flow->fn->places[place].parent) >= 0)
			if (state_place(flow, place).resource == resource)
				state_give(flow, r);
	}
}

void state_give(struct flow *flow, int resource)
{
	if (flow->state->bits[resource] & (RES_CLOSED | RES_GONE))
		return;
	flow->state->bits[resource] |= RES_GONE;
	state_give_content(flow, resource);
}

void state_lend(struct flow *flow, int resource, const struct item *item, uint8_t fails)
{
	if (flow->state->bits[resource] & (RES_CLOSED | RES_GONE))
		return;
	if (!fails || fails == FAILS_NEVER) {
		state_give(flow, resource);
		return;
	}
	flow->resources[resource].taken = item;
	flow->resources[resource].taken_fails = fails;
	flow->state->bits[resource] |= RES_TAKEN;
}

void state_escape_parts(struct flow *flow, int place)
{
	struct state *state = flow->state;

	for (int i = 0; i < state->n; i++) {
		int r = state->bindings[i].value.resource;

		if (r >= 0 && place_is_within(flow->fn, state->bindings[i].place, place))
			state_give(flow, r);
	}
}

void state_escape_around(struct flow *flow, const struct operand *operand)
{
	const struct function *fn = flow->fn;

	for (int i = operand->place; fn->places[i].parent >= 0; i = fn->places[i].parent) {
		int parent = fn->places[i].parent;
		int r = state_place(flow, parent).resource;

		if (operand->kind == OPERAND_ADDRESS && (fn->places[i].flags & PLACE_ARROW) &&
		    r >= 0)
			state_give(flow, r);
		if (fn->places[i].kind == PLACE_INDEX &&
		    !(*fn->places[i].name >= '0' && *fn->places[i].name <= '9'))
			state_escape_parts(flow, parent);
	}
}

void state_escape(struct flow *flow, const struct operand *operand)
{
	if (operand->kind == OPERAND_PLACE || operand->kind == OPERAND_ADDRESS)
		state_escape_around(flow, operand);
	if (operand->kind == OPERAND_PLACE) {
		state_escape_parts(flow, operand->place);
		state_forget_parts(flow, operand->place, false);
	} else if (operand->kind == OPERAND_ADDRESS) {
		state_escape_parts(flow, operand->place);
		state_forget_parts(flow, operand->place, true);
	}
}

void state_add_flags(struct flow *flow, int place, uint16_t flags)
{
	struct value v = state_place(flow, place);

	v.flags |= flags;
	state_bind(flow, place, v, -1);
}

void state_hash(struct state *state)
{
	const unsigned char *p = (const unsigned char *)state->bindings;
	size_t n = (size_t)state->n * sizeof(*state->bindings);
	uint32_t h = 2166136261u + (uint32_t)state->n;

	for (size_t i = 0; i + 8 <= n; i += 8) {
		uint64_t word;

		memcpy(&word, p + i, 8);
		h = (h ^ (uint32_t)word ^ (uint32_t)(word >> 32)) * 16777619u;
	}
	for (int i = 0; i < state->n_resources; i++)
		h = (h ^ state->bits[i] ^ ((uint32_t)state->holder[i] << 8) ^
		     ((uint32_t)state->rare[i] << 30)) *
		    16777619u;
	state->hash = h;
}

bool state_equal(const struct state *a, const struct state *b)
{
	return a->hash == b->hash && a->n == b->n && a->n_resources == b->n_resources &&
	       !memcmp(a->bits, b->bits, (size_t)a->n_resources) &&
	       !memcmp(a->rare, b->rare, (size_t)a->n_resources) &&
	       !memcmp(a->holder, b->holder, (size_t)a->n_resources * sizeof(*a->holder)) &&
	       !memcmp(a->bindings, b->bindings, (size_t)a->n * sizeof(*a->bindings));
}

static bool value_join(struct value *into, const struct value *other)
{
	struct value old = *into;

	/* An interval that grows step by step would grow for ever. */
	if (other->low < into->low)
		into->low = INT64_MIN;
	if (other->high > into->high)
		into->high = INT64_MAX;
	if (into->resource != other->resource)
		into->resource = -1;
	if (into->status != other->status)
		into->status = -1;
	if (into->except != other->except)
		into->except = 0;
	if (into->is != other->is)
		into->is = 0;
	if (into->isnt != other->isnt)
		into->isnt = 0;
	into->flags &= other->flags;
	return memcmp(&old, into, sizeof(old)) != 0;
}

/* On some way that is joined it is open, and the way is an ordinary one. */
static bool state_is_ordinary(const struct state *state, int resource)
{
	return (state->bits[resource] & RES_OPEN) &&
	       !(state->bits[resource] & (RES_CLOSED | RES_GONE)) && !state->rare[resource];
}

bool state_join(struct state *into, const struct state *other)
{
	bool changed = false;
	int kept = 0;

	for (int i = 0; i < other->n_resources; i++) {
		uint8_t bits = into->bits[i] | other->bits[i];
		uint8_t rare = (into->rare[i] | other->rare[i]) && !state_is_ordinary(into, i) &&
			       !state_is_ordinary(other, i);

		/* Held on one way only, or by two: nobody knows any more who closes it. */
		if (into->holder[i] != other->holder[i]) {
			if (into->holder[i] < 0 || other->holder[i] < 0)
				bits |= RES_GONE;
			changed |= into->holder[i] != 0;
			into->holder[i] = 0;
		}
		/* Opened on one way, and not on the other: what told them apart is joined too. */
		if ((into->bits[i] == RES_FAILED && other->bits[i] == RES_OPEN) ||
		    (into->bits[i] == RES_OPEN && other->bits[i] == RES_FAILED))
			bits |= RES_GONE;
		changed |= bits != into->bits[i] || rare != into->rare[i];
		into->bits[i] = bits;
		into->rare[i] = rare;
		into->closer[i] = into->closer[i] ? into->closer[i] : other->closer[i];
	}
	if (other->n_resources > into->n_resources)
		into->n_resources = other->n_resources;
	for (int i = 0; i < into->n; i++) {
		struct binding *b = &into->bindings[i];
		int at = state_at(other, b->place), old = b->value.resource;
		bool same = at < other->n && other->bindings[at].place == b->place;

		if (same)
			changed |= value_join(&b->value, &other->bindings[at].value);
		else
			changed = true;
		/* A name that is lost here may still name it there. */
		if (old >= 0 && (!same || b->value.resource != old))
			into->bits[old] |= RES_GONE;
		if (same)
			into->bindings[kept++] = *b;
	}
	into->n = kept;
	for (int i = 0; i < other->n; i++) {
		const struct binding *b = &other->bindings[i];
		int at = state_at(into, b->place);

		if (b->value.resource >= 0 &&
		    !(at < into->n && into->bindings[at].place == b->place &&
		      into->bindings[at].value.resource == b->value.resource)) {
			changed |= !(into->bits[b->value.resource] & RES_GONE);
			into->bits[b->value.resource] |= RES_GONE;
		}
	}
	return changed;
}

const char *resource_name(const struct flow *flow, int resource)
{
	const struct resource *r = &flow->resources[resource];

	if (r->place >= 0)
		return flow->fn->places[r->place].text;
	return resource_origin(flow, resource);
}

const char *resource_origin(const struct flow *flow, int resource)
{
	const struct item *site = flow->resources[resource].site;

	if (!site)
		return "the argument";
	if (site->call->flags & CALL_NEW)
		return arena_printf(&run_arena, "new %s", types_plain(site->call->type));
	return arena_printf(&run_arena, "%s()", site->call->name);
}
