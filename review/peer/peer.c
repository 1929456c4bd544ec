/* SPDX-License-Identifier: Apache-2.0 */
/* Values, what members and globals hold, and the rounds over all functions; see peer.h. */

#include "peer/peer.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

enum {
	PEER_ROUNDS = 7,
	PEER_SWEEPS = 24,
	PEER_MAX_STATE = 1 << 19, /* places times blocks: a larger function is not followed */
	PEER_MAX_ITEMS = 20000,
	PEER_FIELDS = 4096,
};

/* What a member of a class, or a global, holds between calls. */
struct peer_field {
	const char *type; /* or what declares the global */
	const char *name;
	uint16_t kinds, next;
	uint16_t checked;          /* some function looks for these */
	const struct function *by; /* the only one that does, or NULL */
};

struct peer_hit *peer_hits;
size_t n_peer_hits;
static size_t peer_hits_cap;
static struct peer_field *peer_fields;
static size_t n_peer_fields;
static struct arena peer_arena;
bool peer_has_pairs;
static bool *peer_sockets; /* per source: it belongs to a program that uses sockets */

const struct peer_value peer_nothing = { .base = -1, .source = -1 };

static struct peer_field *peer_field(const char *type, const char *name)
{
	size_t h = ((uintptr_t)type >> 3) * 0x9e3779b1u + ((uintptr_t)name >> 3) * 0x85ebca6bu;

	for (h &= PEER_FIELDS - 1; peer_fields[h].name; h = (h + 1) & (PEER_FIELDS - 1))
		if (peer_fields[h].type == type && peer_fields[h].name == name)
			return &peer_fields[h];
	if (n_peer_fields > PEER_FIELDS / 2)
		return NULL;
	n_peer_fields++;
	peer_fields[h] = (struct peer_field){ .type = type, .name = name };
	return &peer_fields[h];
}

/* The entry for members of that name of whatever has that type; NULL: nobody knows the type. */
static struct peer_field *peer_member_of(const struct function *fn, int place)
{
	const struct place *p = &fn->places[place];
	const char *type = p->kind == PLACE_FIELD ? place_type(fn, p->parent, NULL) : NULL;
	const char *own;
	uint8_t stars = 0;

	/* A pointer to anything is how containers keep objects, and all objects would be one. */
	own = place_type(fn, place, &stars);
	if (stars && own && !strcmp(own, "void"))
		return NULL;
	return type && p->name ? peer_field(type, p->name) : NULL;
}

/* The entry for what outlives the function; NULL: it does not. */
static struct peer_field *peer_field_of(const struct function *fn, int place)
{
	const struct place *p = &fn->places[place];

	if (p->kind == PLACE_FIELD)
		return place_is_local(fn, place) ? NULL : peer_member_of(fn, place);
	if (p->kind == PLACE_FREE && p->is_member)
		return peer_field(fn->class_name, p->name);
	if (p->kind != PLACE_FREE || !p->is_global)
		return NULL;
	/* Two programs may have globals of one name. */
	return peer_field((const char *)index_find_global(p->name, fn->source), p->name);
}

bool peer_is_empty(const struct peer_value *value)
{
	uint16_t from = 0;

	for (int k = 0; k < PEER_FOLLOWED; k++)
		from |= value->from[k];
	return !value->kinds && !from && value->base < 0;
}

void peer_join(struct peer_value *into, const struct peer_value *other)
{
	uint16_t zero = into->kinds & other->kinds & PEER_ZERO;
	bool narrow = (!into->from[5] || (into->kinds & PEER_NARROW)) &&
		      (!other->from[5] || (other->kinds & PEER_NARROW)) &&
		      (into->from[5] || other->from[5]);

	into->kinds = (uint16_t)(((into->kinds | other->kinds) & ~(PEER_ZERO | PEER_NARROW)) |
				 zero | (narrow ? PEER_NARROW : 0));
	for (int k = 0; k < PEER_FOLLOWED; k++)
		into->from[k] |= other->from[k];
	if (into->base < 0)
		into->base = other->base;
	if (into->source < 0)
		into->source = other->source;
}

uint16_t peer_width(const char *type)
{
	static const struct {
		const char *part;
		uint16_t kind;
	} parts[] = { { "char", PEER_BYTE },       { "8", PEER_BYTE },
		      { "bool", PEER_BYTE },       { "byte", PEER_BYTE },
		      { "16", PEER_SHORT },        { "short", PEER_SHORT },
		      { "64", PEER_WIDE },         { "32", PEER_WIDE },
		      { "int", PEER_WIDE },        { "long", PEER_WIDE },
		      { "size_t", PEER_WIDE },     { "unsigned", PEER_WIDE },
		      { "off_t", PEER_WIDE },      { "gsize", PEER_WIDE },
		      { "streamsize", PEER_WIDE }, { "size_type", PEER_WIDE } };

	/* A structure, whatever its name or its file's has in it: endpoint, print/head.h. */
	if (!type || *type == '(' || index_type(type))
		return 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(type, parts[i].part))
			return parts[i].kind;
	return 0;
}

uint16_t peer_kinds_of(const struct function *fn, int place)
{
	const struct place *p = &fn->places[place];
	uint8_t stars;
	const char *type = place_type(fn, place, &stars);
	uint16_t width = peer_width(type);

	if (p->kind == PLACE_FIELD && (p->flags & PLACE_ARRAY) && width == PEER_BYTE)
		return PEER_TEXT | PEER_UNENDED;
	if (p->kind == PLACE_FIELD && (stars || (p->flags & PLACE_ARRAY)))
		return PEER_BYTES;
	if (stars && p->kind != PLACE_INDEX && p->kind != PLACE_DEREF)
		return PEER_TEXT;
	if (p->kind == PLACE_INDEX || p->kind == PLACE_DEREF)
		return width ? width : PEER_TEXT | PEER_BYTE;
	if (width)
		return width;
	/* A structure or string that is declared somewhere, or a member that nobody declares. */
	return type ? PEER_TEXT : PEER_TEXT | PEER_WIDE;
}

/* What a part of something has from it. */
static struct peer_value peer_inherited(const struct peer_walk *walk, int place)
{
	const struct peer_value *whole = NULL;
	struct peer_value v = peer_nothing;
	uint16_t kinds;
	int at = place;

	while ((at = walk->fn->places[at].parent) >= 0 && !whole)
		if ((walk->state[at].kinds & PEER_BYTES) || walk->state[at].from[0])
			whole = &walk->state[at];
		else if (walk->state[at].kinds & PEER_SET)
			return v;
	if (!whole)
		return v;
	kinds = peer_kinds_of(walk->fn, place);
	v.source = whole->source;
	v.base = kinds & PEER_BYTES ? -1 : whole->base;
	if (whole->kinds & PEER_BYTES)
		v.kinds = kinds;
	for (int k = 0; k < PEER_FOLLOWED; k++)
		if (kinds & (k == 5 ? PEER_WIDE | PEER_SHORT : 1 << k))
			v.from[k] = whole->from[0];
	if (v.from[5] && !(kinds & PEER_WIDE))
		v.kinds |= PEER_NARROW;
	/* One byte is no number yet; shifted it becomes one. */
	if (kinds == PEER_BYTE)
		v.from[0] = whole->from[0];
	if (v.kinds & PEER_NUMBER) {
		const struct peer_field *field = peer_member_of(walk->fn, place);

		/* hdr->size, which some other function has looked at. */
		if (field && field->by != walk->fn)
			v.kinds &= (uint16_t)~field->checked;
	}
	return v;
}

struct peer_value peer_place(const struct peer_walk *walk, int place)
{
	struct peer_value v = walk->state[place];

	if (walk->fn->places[place].parent >= 0 && !(v.kinds & PEER_SET) && peer_is_empty(&v))
		v = peer_inherited(walk, place);
	return v;
}

struct peer_value peer_operand(const struct peer_walk *walk, const struct operand *operand)
{
	struct peer_value v = peer_nothing;

	if (operand->kind != OPERAND_PLACE && operand->kind != OPERAND_ADDRESS)
		return v;
	v = peer_place(walk, operand->place);
	v.kinds &= (uint16_t)~PEER_SET;
	if (operand->kind == OPERAND_ADDRESS)
		v.kinds &= (uint16_t)~PEER_NUMBER;
	if (v.base < 0 && walk->fn->places[operand->place].kind != PLACE_TEMP)
		v.base = operand->place;
	return v;
}

static void peer_forget_parts(struct peer_walk *walk, int place)
{
	if (!walk->has_parts[place])
		return;
	for (int i = place + 1; i < walk->fn->n_places; i++)
		if (walk->fn->places[i].parent >= 0 && place_is_within(walk->fn, i, place))
			walk->state[i] = peer_nothing;
}

static bool peer_is_integer(const struct function *fn, int place)
{
	const struct place *p = &fn->places[place];
	uint8_t stars;
	const char *type = place_type(fn, place, &stars);

	if (stars || !type || p->of || (p->flags & (PLACE_ARRAY | PLACE_SMART)) ||
	    p->kind == PLACE_TEMP || index_type(type))
		return false;
	return (peer_width(type) & (PEER_WIDE | PEER_SHORT)) && strcmp(type, "auto") != 0;
}

/* A number of 16 bits or more is no text, and no pointer into any. */
static void peer_fit(const struct function *fn, int place, struct peer_value *value)
{
	bool any = (value->kinds & (PEER_TEXT | PEER_UNENDED)) != 0;

	for (int k = 0; k < PEER_FOLLOWED - 1; k++)
		any |= value->from[k] != 0;
	if (!any || !peer_is_integer(fn, place))
		return;
	value->kinds &= (uint16_t) ~(PEER_TEXT | PEER_UNENDED);
	if (!(value->kinds & PEER_FULL))
		value->base = -1;
	memset(value->from, 0, (PEER_FOLLOWED - 1) * sizeof(*value->from));
}

void peer_set(struct peer_walk *walk, int place, struct peer_value value)
{
	if (walk->fn->places[place].kind != PLACE_TEMP)
		peer_forget_parts(walk, place);
	if (value.base == place)
		value.base = -1;
	peer_fit(walk->fn, place, &value);
	value.kinds |= PEER_SET;
	walk->state[place] = value;
}

void peer_add(struct peer_walk *walk, int place, struct peer_value value)
{
	peer_forget_parts(walk, place);
	if (value.base == place)
		value.base = -1;
	peer_fit(walk->fn, place, &value);
	value.kinds &= (uint16_t)~PEER_ZERO;
	if (value.kinds & PEER_BYTES)
		walk->state[place].source = -1;
	peer_join(&walk->state[place], &value);
}

void peer_clean_value(struct peer_walk *walk, int place, uint16_t kinds)
{
	struct peer_value *v = &walk->state[place];
	struct peer_field *field;

	*v = peer_place(walk, place);
	v->kinds = (uint16_t)((v->kinds & ~kinds) | PEER_SET);
	for (int k = 0; k < PEER_FOLLOWED; k++)
		if (kinds & 1 << k)
			v->from[k] = 0;
	if (walk->quiet)
		return;
	walk->cleaned[place] |= kinds;
	field = peer_field_of(walk->fn, place);
	if (!field)
		return;
	if (!field->checked)
		field->by = walk->fn;
	else if (field->by != walk->fn)
		field->by = NULL;
	field->checked |= kinds;
}

void peer_clean(struct peer_walk *walk, int place, uint16_t kinds, bool around)
{
	int base = walk->state[place].base;

	if (base < 0 || !around)
		base = place;
	for (int i = 0; i < walk->fn->n_places; i++)
		if (i == place || i == base || walk->state[i].base == base ||
		    walk->state[i].base == place)
			peer_clean_value(walk, i, kinds);
}

void peer_clean_operand(struct peer_walk *walk, const struct operand *operand, uint16_t kinds)
{
	int place = operand->place;

	if (operand->kind != OPERAND_PLACE && operand->kind != OPERAND_ADDRESS)
		return;
	peer_clean(walk, place, kinds, true);
	/* An element, or *p, stands for the text that it is of. */
	while (walk->fn->places[place].kind == PLACE_INDEX ||
	       walk->fn->places[place].kind == PLACE_DEREF) {
		place = walk->fn->places[place].parent;
		peer_clean(walk, place, kinds, true);
	}
}

/* A number that lies in bytes which the caller passes: nobody but this function can look at it. */
static uint16_t peer_in_bytes(const struct peer_walk *walk, const struct peer_value *value,
			      bool every)
{
	for (int p = 0; value->from[5] >> p; p++)
		if ((value->from[5] & 1 << p) &&
		    ((every ? walk->summary->all[p] : walk->summary->some[p]) & PEER_BYTES))
			return value->kinds & PEER_NARROW ? PEER_SHORT : PEER_WIDE;
	return 0;
}

uint16_t peer_resolve(const struct peer_walk *walk, const struct peer_value *value, bool every)
{
	uint16_t kinds = value->kinds | peer_in_bytes(walk, value, every), any = 0;

	for (int k = 0; k < PEER_FOLLOWED; k++)
		any |= value->from[k];
	for (int p = 0; any >> p; p++) {
		uint16_t in = every ? walk->summary->all[p] : walk->summary->some[p];

		for (int k = 0; k < PEER_FOLLOWED; k++)
			if (value->from[k] & 1 << p)
				kinds |= (uint16_t)(in & (k == 5 ? PEER_NUMBER : 1 << k));
	}
	return kinds;
}

struct peer_summary *peer_summary_of(struct function *fn)
{
	if (!fn->peer) {
		fn->peer = arena_alloc(&run_arena, sizeof(*fn->peer));
		memset(fn->peer->all, 0xff, sizeof(fn->peer->all));
		memset(fn->peer->fill_size, -1, sizeof(fn->peer->fill_size));
	}
	return fn->peer;
}

bool peer_uses_sockets(const struct function *fn)
{
	return peer_sockets[fn->source->number];
}

int peer_root_buffer(const struct peer_walk *walk, const struct operand *operand)
{
	int place = operand->place;

	if (operand->kind != OPERAND_PLACE && operand->kind != OPERAND_ADDRESS)
		return -1;
	return walk->state[place].base >= 0 ? walk->state[place].base : place;
}

uint16_t peer_sink_kinds(enum peer_sink sink)
{
	static const uint16_t kinds[PEER_SINKS] = {
		[PEER_SINK_FORMAT] = PEER_FORMAT,
		[PEER_SINK_SHELL] = PEER_SHELL,
		[PEER_SINK_PATH] = PEER_PATH,
		[PEER_SINK_STRING] = PEER_UNENDED,
		[PEER_SINK_NO_ROOM] = PEER_FULL,
		[PEER_SINK_ALLOC] = PEER_WIDE,
		[PEER_SINK_COPY] = PEER_WIDE | PEER_SHORT | PEER_BYTE,
		[PEER_SINK_INDEX] = PEER_WIDE | PEER_SHORT | PEER_BYTE,
	};

	return kinds[sink];
}

void peer_hit(struct peer_walk *walk, enum peer_sink sink, const struct operand *operand, int into)
{
	struct peer_value v = peer_operand(walk, operand);
	struct peer_hit hit = { .sink = sink, .fn = walk->fn, .item = walk->item };
	const struct function *fn = walk->fn;
	int shown = operand->place;

	if (!walk->telling)
		return;
	/* A temporary has no name: what it points into, or what it was made of, has. */
	for (int i = 0; i < 6 && fn->places[shown].kind == PLACE_TEMP; i++) {
		const struct item *def = place_set_once(fn, shown);

		if (walk->state[shown].base >= 0)
			shown = walk->state[shown].base;
		else if (def && def->a.kind == OPERAND_PLACE)
			shown = def->a.place;
		else if (def && def->b.kind == OPERAND_PLACE)
			shown = def->b.place;
		else if (def && def->call && def->call->n_args &&
			 def->call->args[0].kind == OPERAND_PLACE)
			shown = def->call->args[0].place;
	}
	hit.at = walk->item->at;
	hit.what =
		fn->places[shown].text && *fn->places[shown].text ? fn->places[shown].text : "it";
	if (into < 0 && sink == PEER_SINK_STRING)
		into = v.base;
	hit.fixed = into >= 0 && (fn->places[into].flags & PLACE_ARRAY);
	hit.into = into >= 0 ? fn->places[into].text : NULL;
	hit.source = v.source >= 0 ? &fn->items[v.source] : NULL;
	hit.counted = (v.kinds & PEER_COUNTED) != 0;
	hit.limited = !(peer_resolve(walk, &v, true) & PEER_WIDE);
	for (int p = 0; p < 16 && !hit.source; p++)
		for (int k = 0; k < PEER_FOLLOWED; k++)
			if (v.from[k] & 1 << p)
				hit.caller = walk->summary->caller[p];
	peer_hits = grow(peer_hits, n_peer_hits, &peer_hits_cap, sizeof(*peer_hits));
	peer_hits[n_peer_hits++] = hit;
}

/* What is limited by its type or by what has come is no danger for memory without a fixed size. */
static uint16_t peer_harmful(const struct peer_walk *walk, enum peer_sink sink, int into)
{
	uint16_t kinds = peer_sink_kinds(sink);
	const struct place *p = into >= 0 ? &walk->fn->places[into] : NULL;

	if (sink != PEER_SINK_COPY && sink != PEER_SINK_INDEX)
		return kinds;
	if (!p || !(p->flags & PLACE_ARRAY))
		return PEER_WIDE;
	if (p->size <= 0 || p->size >= 255)
		kinds &= (uint16_t)~PEER_BYTE;
	if (p->size >= 65535)
		kinds &= (uint16_t)~PEER_SHORT;
	return kinds;
}

static uint8_t peer_sink_bit(enum peer_sink sink)
{
	static const uint8_t bits[PEER_SINKS] = { SINK_FORMAT, SINK_SHELL, SINK_PATH,
						  SINK_STRING, 0,          SINK_LENGTH,
						  SINK_LENGTH, SINK_INDEX };

	return bits[sink];
}

/* Which parameter's memory the buffer is: 1 + its number, or 0. */
static uint8_t peer_into_param(const struct peer_walk *walk, int into)
{
	const struct place *p = into >= 0 ? &walk->fn->places[into] : NULL;

	return p && p->kind == PLACE_PARAM && p->param < 16 ? (uint8_t)(p->param + 1) : 0;
}

void peer_check(struct peer_walk *walk, enum peer_sink sink, const struct operand *operand,
		int into)
{
	struct peer_value v = peer_operand(walk, operand);
	uint16_t kinds = peer_harmful(walk, sink, into);
	uint8_t to = peer_into_param(walk, into);
	bool variadic = sink == PEER_SINK_FORMAT && (walk->fn->flags & FUNCTION_VARIADIC);
	bool callers = variadic || to || sink == PEER_SINK_ALLOC;

	if (operand->kind != OPERAND_PLACE && operand->kind != OPERAND_ADDRESS)
		return;
	if ((callers ? v.kinds | peer_in_bytes(walk, &v, true) : peer_resolve(walk, &v, true)) &
	    kinds) {
		peer_hit(walk, sink, operand, into);
	} else {
		uint16_t from = 0;

		for (int k = 0; k < PEER_FOLLOWED; k++)
			if (kinds & 1 << k)
				from |= v.from[k];
		if (!from)
			return;
		for (int p = 0; p < 16; p++)
			if (from & 1 << p) {
				walk->summary->sinks[p] |= peer_sink_bit(sink);
				if (sink == PEER_SINK_COPY)
					walk->summary->copy_to[p] = to ? to : PEER_OWN;
			}
	}
	/* Once said is enough. */
	walk->quiet = true;
	if (kinds & PEER_NUMBER)
		peer_bound(walk, operand, PEER_NUMBER, 0);
	else
		peer_clean(walk, operand->place, kinds, true);
	walk->quiet = false;
}

/* --- the rounds --- */

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

/* What outlives the function, at one of its ends. */
static void peer_end(struct peer_walk *walk, const struct item *item)
{
	struct function *fn = walk->fn;
	struct peer_summary *s = walk->summary;

	for (int i = 0; i < fn->n_places; i++) {
		const struct place *p = &fn->places[i];
		struct peer_value *v = &walk->state[i];
		uint16_t kept = (uint16_t) ~(walk->cleaned[i] | PEER_SET | PEER_ZERO | PEER_FULL);
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

		s->result |= v.kinds & (uint16_t) ~(PEER_FULL | PEER_ZERO);
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
		sum = sum * 31 +
		      (uint32_t)(s->sinks[p] + s->copy_to[p] + s->cleans[p] + s->fills[p] * 7 +
				 s->outs[p] * 3 + s->copies[p] * 5 + s->given[p]);
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
	       api_fact(call->api, FACT_GIVES);
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
