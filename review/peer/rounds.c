/* SPDX-License-Identifier: Apache-2.0 */
/* One function from block to block, and all of them until nothing changes; see peer.h. */

#include "peer/peer.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

enum {
	PEER_ROUNDS = 7,
	PEER_SWEEPS = 24,
	PEER_MAX_STATE = 1 << 19, /* places times blocks: a larger function is not followed */
	PEER_MAX_ITEMS = 20000,
};

static struct arena peer_arena;
bool peer_has_pairs;
static bool *peer_sockets; /* per source: it belongs to a program that uses sockets */

bool peer_uses_sockets(const struct function *fn)
{
	return peer_sockets[fn->source->number];
}

static void peer_begin(struct peer_walk *walk)
{
	struct function *fn = walk->fn;

	for (int i = 0; i < fn->n_places; i++) {
		const struct place *p = &fn->places[i];
		struct peer_value v = peer_nothing;
		struct peer_field *field = peer_field_of(fn, i);

		if (field)
			v.kinds = field->kinds & (field->by == fn ? 0xffff : ~field->checked);
		if ((p->is_global || (p->flags & PLACE_STATIC)) && (p->flags & PLACE_ARRAY))
			v.kinds |= PEER_ZERO;
		if (p->kind == PLACE_FIELD && p->name && p->parent >= 0 &&
		    fn->places[p->parent].kind == PLACE_PARAM) {
			int n = fn->places[p->parent].param;

			if (n >= 0 && n < 16 && walk->summary->given_part[n] == p->name)
				v.kinds |= walk->summary->given[n];
		}
		walk->state[i] = v;
	}
	for (int p = 0; p < fn->n_params && p < 16; p++) {
		struct peer_value *v = &walk->state[fn->params[p]];

		if (!walk->summary->given_part[p])
			v->kinds |= walk->summary->given[p];
		for (int k = 0; k < PEER_FOLLOWED; k++)
			v->from[k] = (uint16_t)(1 << p);
		peer_fit(fn, fn->params[p], v);
	}
}

enum { PEER_CHUNK = 16 };

/* Joins one chunk; most are the same, and a chunk is compared faster than its values. */
static bool peer_join_chunk(struct peer_value *in, const struct peer_value *state, int n)
{
	bool changed = false;

	if (!memcmp(in, state, (size_t)n * sizeof(*in)))
		return false;
	for (int i = 0; i < n; i++) {
		struct peer_value old = in[i];

		if (!memcmp(&old, &state[i], sizeof(old)))
			continue;
		peer_join(&in[i], &state[i]);
		changed |= memcmp(&old, &in[i], sizeof(old)) != 0;
	}
	return changed;
}

static void peer_reach(struct peer_walk *walk, int from, int to)
{
	int n = walk->fn->n_places;
	struct peer_value *in;
	bool changed = false;

	if (to < 0)
		return;
	for (int loop = walk->fn->blocks[from].loop; loop >= 0;
	     loop = walk->fn->loops[loop].parent) {
		loop_members(walk->fn, loop);
		if (walk->fn->loops[loop].member[from] && !walk->fn->loops[loop].member[to])
			peer_loop_checks(walk, loop);
	}
	in = walk->in[to];
	if (!in) {
		in = walk->in[to] = arena_alloc(walk->arena, (size_t)n * sizeof(*in));
		memcpy(in, walk->state, (size_t)n * sizeof(*in));
		walk->dirty[to] = 1;
		return;
	}
	for (int i = 0; i < n; i += PEER_CHUNK)
		changed |= peer_join_chunk(&in[i], &walk->state[i],
					   n - i < PEER_CHUNK ? n - i : PEER_CHUNK);
	walk->dirty[to] |= changed;
}

/* return NULL, return -1: nobody uses what such a call has left in a buffer. */
static bool peer_is_failure(const struct function *fn, const struct item *item)
{
	int64_t n;

	if (!item || item->kind == ITEM_THROW)
		return item != NULL;
	return item->a.kind == OPERAND_NULL || (operand_is_number(&item->a, &n) && n < 0) ||
	       (operand_is_number(&item->a, &n) && !n && (fn->flags & FUNCTION_POINTER));
}

/* What the memory behind its parameters still has of what the caller had put there. */
static void peer_keeps(struct peer_walk *walk)
{
	for (int p = 0; p < walk->fn->n_params && p < 16; p++) {
		int place = walk->fn->params[p];
		bool other = walk->cleaned[place] == 0xffff ||
			     (!walk->fn->places[place].stars &&
			      !(walk->fn->places[place].flags & PLACE_ARRAY));

		for (int k = 0; k < PEER_FOLLOWED - 1; k++)
			if (other || (walk->state[place].from[k] & 1 << p))
				walk->summary->keeps[p] |= (uint8_t)(1 << k);
	}
	walk->summary->ends = true;
}

/* What outlives the function, at one of its ends. */
static void peer_end(struct peer_walk *walk, const struct item *item)
{
	struct function *fn = walk->fn;
	struct peer_summary *s = walk->summary;

	if (!peer_is_failure(fn, item))
		peer_keeps(walk);
	for (int i = 0; i < fn->n_places; i++) {
		const struct place *p = &fn->places[i];
		struct peer_value *v = &walk->state[i];
		uint16_t kept = (uint16_t) ~(walk->cleaned[i] | PEER_SET | PEER_ZERO |
					     PEER_NONZERO | PEER_FULL);
		struct peer_field *field;

		if (p->kind == PLACE_PARAM && p->param < 16) {
			s->fills[p->param] |= v->kinds & kept & ~s->given[p->param];
			s->copies[p->param] |= (uint16_t)(v->from[0] & ~(1 << p->param));
		}
		if (p->kind == PLACE_DEREF && fn->places[p->parent].kind == PLACE_PARAM &&
		    fn->places[p->parent].param < 16)
			s->outs[fn->places[p->parent].param] |= v->kinds & kept;
		field = v->kinds || v->from[0] || v->from[5] ? peer_field_of(fn, i) : NULL;
		if (field)
			field->next |= peer_resolve(walk, v, false) & kept & ~field->checked;
	}
	if (item && item->kind == ITEM_RETURN && item->a.kind) {
		struct peer_value v = peer_operand(walk, &item->a);

		s->result |= v.kinds & (uint16_t) ~(PEER_FULL | PEER_ZERO | PEER_NONZERO);
		for (int k = 0; k < PEER_FOLLOWED; k++)
			s->result_from[k] |= v.from[k];
	}
}

static void peer_block(struct peer_walk *walk, int number)
{
	const struct block *block = &walk->fn->blocks[number];
	size_t size = (size_t)walk->fn->n_places * sizeof(*walk->state);

	memcpy(walk->state, walk->in[number], size);
	walk->block = number;
	for (int i = block->first; i >= 0; i = walk->fn->items[i].next) {
		const struct item *item = &walk->fn->items[i];

		walk->item = item;
		if (item->kind == ITEM_RETURN || (item->kind == ITEM_THROW && block->next[0] < 0)) {
			peer_end(walk, item);
			return;
		}
		if (item->kind != ITEM_BRANCH) {
			peer_step(walk, item);
			if (item->kind == ITEM_CALL && item->call && call_ends(item->call))
				return;
			continue;
		}
		memcpy(walk->before, walk->state, size);
		peer_side(walk, item, true);
		peer_reach(walk, number, block->next[0]);
		memcpy(walk->state, walk->before, size);
		peer_side(walk, item, false);
		peer_reach(walk, number, block->next[1]);
		return;
	}
	if (block->next[0] < 0)
		peer_end(walk, NULL);
	peer_reach(walk, number, block->next[0]);
}

static void peer_find_parts(struct peer_walk *walk)
{
	for (int i = 0; i < walk->fn->n_places; i++) {
		if (walk->fn->places[i].parent >= 0)
			walk->has_parts[walk->fn->places[i].parent] = 1;
	}
}

/* Calls in code that is not followed pass nothing. */
static void peer_not_followed(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
		    fn->items[i].call->target) {
			struct peer_summary *s = peer_summary_of(fn->items[i].call->target);

			memset(s->next_all, 0, sizeof(s->next_all));
			s->called = true;
		}
}

static void peer_function(struct function *fn, bool telling)
{
	struct peer_walk walk = { .fn = fn, .summary = peer_summary_of(fn), .arena = &peer_arena };
	size_t places = (size_t)fn->n_places + 1, blocks = (size_t)fn->n_blocks + 1;
	bool any = true;

	if (!fn->n_blocks)
		return;
	if (places * blocks > PEER_MAX_STATE || (size_t)fn->n_items > PEER_MAX_ITEMS ||
	    (fn->flags & FUNCTION_CUT) || !peer_uses_sockets(fn)) {
		peer_not_followed(fn);
		return;
	}
	walk.state = arena_alloc(&peer_arena, places * sizeof(*walk.state));
	walk.before = arena_alloc(&peer_arena, places * sizeof(*walk.before));
	walk.in = arena_alloc(&peer_arena, blocks * sizeof(struct peer_value *));
	walk.dirty = arena_alloc(&peer_arena, blocks);
	walk.cleaned = arena_alloc(&peer_arena, places * sizeof(*walk.cleaned));
	walk.has_parts = arena_alloc(&peer_arena, places);
	memset(walk.summary->sinks, 0, sizeof(walk.summary->sinks));
	memset(walk.summary->copy_to, 0, sizeof(walk.summary->copy_to));
	memset(walk.summary->keeps, 0, sizeof(walk.summary->keeps));
	walk.summary->ends = false;
	/* The first rounds take for granted what callers may turn out not to pass. */
	walk.summary->result = 0;
	peer_find_parts(&walk);
	peer_begin(&walk);
	walk.in[0] = walk.state;
	walk.state = arena_alloc(&peer_arena, places * sizeof(*walk.state));
	walk.dirty[0] = 1;
	for (int sweep = 0; any && sweep < PEER_SWEEPS; sweep++) {
		any = false;
		for (int b = 0; b < fn->n_blocks; b++)
			if (walk.dirty[b]) {
				walk.dirty[b] = 0;
				any = true;
				peer_block(&walk, b);
			}
	}
	walk.telling = telling;
	for (int b = 0; telling && b < fn->n_blocks; b++)
		if (walk.in[b])
			peer_block(&walk, b);
	arena_reset(&peer_arena);
}

/* The summary says more than it did the last time. */
static bool peer_learnt(struct peer_summary *s)
{
	uint32_t sum = s->result;

	for (int p = 0; p < 16; p++)
		sum = sum * 31 + (uint32_t)(s->sinks[p] + s->copy_to[p] + s->cleans[p] +
					    s->fills[p] * 7 + s->outs[p] * 3 + s->copies[p] * 5 +
					    s->given[p] + s->keeps[p] * 11 + s->ends);
	for (int k = 0; k < PEER_FOLLOWED; k++)
		sum = sum * 31 + s->result_from[k];
	if (sum == s->sum)
		return false;
	s->sum = sum;
	return true;
}

/* The values of this round become those of the next; true when some differ. */
static bool peer_turn(void)
{
	bool changed = false;

	for (size_t i = 0; i < PEER_FIELDS; i++) {
		changed |= peer_fields[i].kinds != peer_fields[i].next;
		peer_fields[i].kinds = peer_fields[i].next;
		peer_fields[i].next = 0;
	}
	for (size_t i = 0; i < program.n_functions; i++) {
		struct peer_summary *s = peer_summary_of(program.functions[i]);

		if (!s->called)
			memset(s->next_all, 0, sizeof(s->next_all));
		changed |= memcmp(s->some, s->next_some, sizeof(s->some)) != 0 ||
			   memcmp(s->all, s->next_all, sizeof(s->all)) != 0 || peer_learnt(s);
		memcpy(s->some, s->next_some, sizeof(s->some));
		memcpy(s->all, s->next_all, sizeof(s->all));
		memset(s->next_some, 0, sizeof(s->next_some));
		memset(s->next_all, 0xff, sizeof(s->next_all));
		s->called = false;
	}
	return changed;
}

static bool peer_is_socket_call(const struct call *call)
{
	return api_is(call->api, ROLE(SOCKET) | ROLE(LISTEN) | ROLE(CONNECT) | ROLE(ACCEPT) |
					 ROLE(DIALS) | ROLE(PEER) | ROLE(CONNECTION) |
					 ROLE(SERVER)) ||
	       api_is(kb_class(call->receiver_type), ROLE(CONNECTION) | ROLE(SERVER)) ||
	       api_fact(call->api, FACT_GIVES) ||
	       /* A QIODevice that is waited for. */
	       (api_is(call->api, ROLE(WAIT)) && call->receiver_type &&
		!strcmp(call->receiver_type, "QIODevice"));
}

static void peer_find_sockets(void)
{
	bool *uses = arena_alloc(&run_arena, program.n_sources + 1);

	peer_sockets = arena_alloc(&run_arena, program.n_sources + 1);
	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *fn = program.functions[i];

		for (int k = 0; k < fn->n_items && !uses[fn->source->number]; k++)
			if (fn->items[k].kind == ITEM_CALL && fn->items[k].call)
				uses[fn->source->number] = peer_is_socket_call(fn->items[k].call);
	}
	for (size_t i = 0; i < program.n_sources; i++)
		for (size_t k = 0; k < program.n_sources && !peer_sockets[i]; k++)
			peer_sockets[i] =
				uses[k] && program_shares(program.sources[i], program.sources[k]);
}

/* Some function makes both ends of a connection itself. */
static bool peer_find_pairs(void)
{
	const char *name = intern_z("bufferevent_pair_new");

	for (size_t i = 0; i < program.n_functions; i++)
		for (int k = 0; k < program.functions[i]->n_items; k++) {
			const struct item *item = &program.functions[i]->items[k];

			if (item->kind == ITEM_CALL && item->call && item->call->name == name)
				return true;
		}
	return false;
}

void peer_program(void)
{
	bool changed = true;

	if (program.peers_followed)
		return;
	program.peers_followed = true;
	n_peer_hits = 0;
	n_peer_fields = 0;
	peer_fields = arena_alloc(&run_arena, PEER_FIELDS * sizeof(*peer_fields));
	peer_find_sockets();
	peer_formats_find();
	peer_has_pairs = peer_find_pairs();
	for (int round = 0; changed && round < PEER_ROUNDS; round++) {
		for (size_t i = 0; i < program.n_functions; i++)
			peer_function(program.functions[i], false);
		changed = peer_turn() || !round;
	}
	for (size_t i = 0; i < program.n_functions; i++)
		peer_function(program.functions[i], true);
	arena_free(&peer_arena);
}
