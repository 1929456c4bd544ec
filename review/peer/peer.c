/* SPDX-License-Identifier: Apache-2.0 */
/* Values, what members and globals hold, and what is noted as wrong; see peer.h. */

#include "peer/peer.h"
#include "read/source.h"

#include <stdlib.h>
#include <string.h>

struct peer_hit *peer_hits;
size_t n_peer_hits;
static size_t peer_hits_cap;
struct peer_field *peer_fields;
size_t n_peer_fields;

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

struct peer_field *peer_field_of(const struct function *fn, int place)
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
	uint16_t both = into->kinds & other->kinds & (PEER_ZERO | PEER_NONZERO);
	bool narrow = (!into->from[5] || (into->kinds & PEER_NARROW)) &&
		      (!other->from[5] || (other->kinds & PEER_NARROW)) &&
		      (into->from[5] || other->from[5]);

	into->kinds = (uint16_t)(((into->kinds | other->kinds) &
				  ~(PEER_ZERO | PEER_NONZERO | PEER_NARROW)) |
				 both | (narrow ? PEER_NARROW : 0));
	for (int k = 0; k < PEER_FOLLOWED; k++)
		into->from[k] |= other->from[k];
	if (into->base < 0)
		into->base = other->base;
	if (into->source < 0)
		into->source = other->source;
}

int peer_variable(const struct function *fn, int place)
{
	for (int depth = 0; depth < 4 && fn->places[place].kind == PLACE_TEMP; depth++) {
		const struct item *made = place_set_once(fn, place);

		if (!made || made->kind != ITEM_ASSIGN || made->a.kind != OPERAND_PLACE)
			break;
		place = made->a.place;
	}
	return place;
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
	uint8_t stars;

	if (walk->fn->places[place].parent >= 0 && !(v.kinds & PEER_SET) && peer_is_empty(&v))
		v = peer_inherited(walk, place);
	/* A member that a function fills and another one takes: what is a string ends itself. */
	if (((v.kinds & PEER_UNENDED) || v.from[4]) && walk->fn->places[place].kind != PLACE_TEMP &&
	    place_type(walk->fn, place, &stars) && peer_is_string(walk->fn, place)) {
		v.kinds &= (uint16_t)~PEER_UNENDED;
		v.from[4] = 0;
	}
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

/* A pointer is no length; a number in the bytes behind it is looked at where it is taken out. */
bool peer_is_pointer(const struct function *fn, const struct operand *o)
{
	uint8_t stars;

	if (o->kind != OPERAND_PLACE)
		return o->kind == OPERAND_ADDRESS;
	return place_type(fn, o->place, &stars) &&
	       (stars || (fn->places[o->place].flags & PLACE_ARRAY));
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

void peer_fit(const struct function *fn, int place, struct peer_value *value)
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
		[PEER_SINK_FILL] = PEER_BYTES,
		[PEER_SINK_ZERO] = PEER_NUMBER,
		[PEER_SINK_STILL] = PEER_NUMBER,
	};

	return kinds[sink];
}

void peer_hit(struct peer_walk *walk, enum peer_sink sink, const struct operand *operand, int into)
{
	struct peer_value v = peer_operand(walk, operand);
	struct peer_hit hit = { .sink = sink, .fn = walk->fn, .item = walk->item };
	const struct function *fn = walk->fn;
	int shown = operand->place;
	bool taken_out = false;

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
			 def->call->args[0].kind == OPERAND_PLACE) {
			shown = def->call->args[0].place;
			taken_out = def->call->target != NULL;
		}
	}
	hit.at = walk->item->at;
	hit.loop_at = walk->loop_at;
	hit.what =
		fn->places[shown].text && *fn->places[shown].text ? fn->places[shown].text : "it";
	if (into < 0 && sink == PEER_SINK_STRING)
		into = v.base;
	hit.fixed = into >= 0 && (fn->places[into].flags & PLACE_ARRAY);
	hit.into = into >= 0 ? fn->places[into].text : NULL;
	hit.source = v.source >= 0 ? &fn->items[v.source] : NULL;
	hit.in_text = sink != PEER_SINK_STRING && shown != operand->place &&
		      (taken_out || (fn->places[shown].flags & PLACE_ARRAY));
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
						  SINK_LENGTH, SINK_INDEX, 0,
						  0,           0 };

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
	bool variadic = sink == PEER_SINK_FORMAT &&
			((walk->fn->flags & FUNCTION_VARIADIC) || peer_takes_va_list(walk->fn));
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
