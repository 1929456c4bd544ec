/* SPDX-License-Identifier: Apache-2.0 */
/* What assignments, operators and tests do to bytes of a peer; see peer.h. */

#include "peer/peer.h"
#include "read/source.h"

#include <string.h>

/* --- limits --- */

static void peer_bound_place(struct peer_walk *walk, int place, uint16_t kinds)
{
	struct peer_value v = peer_place(walk, place);

	/* What has come already is a limit for memory, but not for a buffer of its own size. */
	if (kinds == PEER_WIDE) {
		if (v.kinds & PEER_WIDE || v.from[5]) {
			peer_clean(walk, place, PEER_WIDE, false);
			walk->state[place].kinds |= PEER_SHORT;
		}
		return;
	}
	peer_clean(walk, place, kinds | PEER_WIDE | PEER_FULL, false);
}

void peer_bound(struct peer_walk *walk, const struct operand *operand, uint16_t kinds, int depth)
{
	const struct item *def;

	if (operand->kind != OPERAND_PLACE || depth > 6)
		return;
	peer_bound_place(walk, operand->place, kinds);
	def = place_set_once(walk->fn, operand->place);
	/* a ? b : c is one of the two. */
	for (int i = 0;
	     !def && walk->fn->places[operand->place].kind == PLACE_TEMP && i < walk->fn->n_items;
	     i++)
		if (walk->fn->items[i].kind == ITEM_ASSIGN &&
		    walk->fn->items[i].dst == operand->place)
			peer_bound(walk, &walk->fn->items[i].a, kinds, depth + 1);
	if (!def)
		return;
	if (def->kind == ITEM_ASSIGN || def->kind == ITEM_OPERATE)
		peer_bound(walk, &def->a, kinds, depth + 1);
	if (def->kind == ITEM_OPERATE)
		peer_bound(walk, &def->b, kinds, depth + 1);
	if (def->kind != ITEM_CALL || !def->call)
		return;
	for (const struct fact *f = api_fact(def->call->api, FACT_COPIES); f;
	     f = api_fact_next(def->call->api, f)) {
		const struct operand *from = call_argument(def->call, f->arg2);

		if (f->arg == ARG_RESULT && from && api_is(def->call->api, ROLE(BYTEORDER)))
			peer_bound(walk, from, kinds, depth + 1);
	}
}

/* --- tests --- */

static const struct item *peer_tested_call(const struct peer_walk *walk, const struct operand *o)
{
	const struct item *def =
		o->kind == OPERAND_PLACE ? place_set_once(walk->fn, o->place) : NULL;

	return def && def->kind == ITEM_CALL ? def : NULL;
}

/* The two are the same: what one of them is, nobody else chose. */
static void peer_is_equal(struct peer_walk *walk, const struct operand *x, const struct operand *y)
{
	struct peer_value other = peer_operand(walk, y);

	if ((x->kind != OPERAND_PLACE && x->kind != OPERAND_ADDRESS) ||
	    (other.kinds & (PEER_TEXT | PEER_NUMBER)))
		return;
	if (y->kind == OPERAND_STRING || walk->fn->source->language == SOURCE_CXX ||
	    peer_operand(walk, x).kinds & PEER_NUMBER || y->kind == OPERAND_NUMBER)
		peer_clean(walk, x->place, PEER_TEXT | PEER_NUMBER | PEER_FULL, false);
	if (x->kind == OPERAND_PLACE && peer_operand(walk, x).kinds & PEER_NUMBER)
		peer_bound(walk, x, PEER_NUMBER, 0);
}

/* strcmp(name, "known") == 0; what lies behind its terminator was not looked at. */
static void peer_compared(struct peer_walk *walk, const struct call *call)
{
	if (!api_is(call->api, ROLE(COMPARE)) || call->n_args != 2)
		return;
	for (int i = 0; i < 2; i++) {
		const struct operand *o = &call->args[i];

		if (o->kind == OPERAND_PLACE &&
		    !(peer_operand(walk, &call->args[1 - i]).kinds & PEER_TEXT))
			peer_clean_value(walk, o->place, PEER_TEXT & ~PEER_BYTES);
	}
}

/* '/', QLatin1Char('/'): a character that stands in the source; -1: none. */
static int64_t peer_character(const struct peer_walk *walk, const struct operand *o)
{
	const struct item *def = peer_tested_call(walk, o);

	if (def && def->call->n_args == 1)
		o = &def->call->args[0];
	return o->kind == OPERAND_NUMBER && o->number > 0 && o->number < 128 ? o->number : -1;
}

/* c == '/', *p == '.', c >= 'a': somebody looks for what is harmful, or for what is harmless. */
static uint16_t peer_looks_for(const struct peer_walk *walk, const struct item *item,
			       const struct operand **at)
{
	int64_t c;

	if (item->kind != ITEM_BRANCH || item->op == OP_UNKNOWN)
		return 0;
	c = peer_character(walk, &item->b);
	*at = &item->a;
	if (c < 0) {
		c = peer_character(walk, &item->a);
		*at = &item->b;
	}
	if (c < 0)
		return 0;
	if (item->op != OP_EQ && item->op != OP_NE)
		return c == '0' || c == '9' || c == 'a' || c == 'z' || c == 'A' || c == 'Z'
			       ? PEER_SHELL | PEER_PATH | PEER_FORMAT
			       : 0;
	if (c == '/' || c == '.')
		return PEER_PATH;
	if (strchr(";&|`$'\"\\", (char)c))
		return PEER_SHELL;
	return c == '%' ? PEER_FORMAT : 0;
}

/* for (i = 0; i < count; …): i goes as far as the peer says. */
static void peer_counts_to(struct peer_walk *walk, const struct operand *low,
			   const struct peer_value *limit)
{
	int loop = walk->fn->blocks[walk->block].loop;
	struct peer_value *v = &walk->state[low->place];

	if (loop < 0 || walk->fn->loops[loop].kind != LOOP_FOR ||
	    walk->fn->loops[loop].header != walk->block || (v->kinds & PEER_NUMBER) ||
	    !(limit->kinds & PEER_WIDE))
		return;
	v->kinds |= PEER_SHORT | PEER_COUNTED | PEER_SET;
	v->source = limit->source;
}

static void peer_limit(struct peer_walk *walk, const struct operand *low,
		       const struct operand *high)
{
	struct peer_value limit = peer_operand(walk, high);
	uint16_t kinds = limit.kinds & PEER_AMOUNT ? PEER_WIDE : PEER_NUMBER;

	if (low->kind != OPERAND_PLACE)
		return;
	if (peer_resolve(walk, &limit, false) & PEER_WIDE) {
		peer_counts_to(walk, low, &limit);
		return;
	}
	for (int p = 0; p < 16 && kinds == PEER_NUMBER; p++)
		if (peer_operand(walk, low).from[5] & 1 << p)
			walk->summary->cleans[p] |= PEER_NUMBER;
	peer_bound(walk, low, kinds, 0);
}

/* data[n - 1] == '\0': somebody made sure that there is an end. */
static void peer_sees_end(struct peer_walk *walk, const struct item *test)
{
	const struct place *p =
		test->a.kind == OPERAND_PLACE ? &walk->fn->places[test->a.place] : NULL;

	if (p && (p->kind == PLACE_INDEX || p->kind == PLACE_DEREF) &&
	    test->b.kind == OPERAND_NUMBER && !test->b.number)
		peer_clean(walk, p->parent, PEER_UNENDED, true);
}

/* A read that failed has put nothing into its buffer. */
static void peer_failed(struct peer_walk *walk, const struct item *test, int op)
{
	const struct item *read = operand_source(walk->fn, &test->a, test);
	int64_t n;
	int number = read ? (int)(read - walk->fn->items) : -1;

	if (!read || !operand_is_number(&test->b, &n))
		return;
	if (!((op == OP_LT && n <= 1) || (op == OP_LE && n <= 0) || (op == OP_EQ && n <= 0)))
		return;
	for (int i = 0; i < walk->fn->n_places; i++)
		if (walk->state[i].source == number)
			walk->state[i].kinds &= (uint16_t)~PEER_UNENDED;
}

static bool peer_is_asked_flag(const struct function *fn, int place)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_BRANCH && operand_is_place(&fn->items[i].a, place))
			return true;
	return false;
}

/*
 * if (first + count > size) error = ILLEGAL; … if (error == 0): what is too large goes on to where the
 * flag is asked, and no further.
 */
static bool peer_only_flags(const struct peer_walk *walk, int block)
{
	const struct function *fn = walk->fn;
	bool flags = false;

	for (int i = block >= 0 ? fn->blocks[block].first : -1; i >= 0; i = fn->items[i].next) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_STATEMENT ||
		    (item->kind == ITEM_CALL && item->call && api_is(item->call->api, ROLE(LOG))))
			continue;
		if (item->kind != ITEM_ASSIGN || item->a.kind != OPERAND_NUMBER || item->dst < 0 ||
		    fn->places[item->dst].kind != PLACE_LOCAL || !peer_is_asked_flag(fn, item->dst))
			return false;
		flags = true;
	}
	return flags;
}

static void peer_too_large(struct peer_walk *walk, const struct item *item, int op, bool taken)
{
	if (op < OP_LT || !peer_only_flags(walk, walk->fn->blocks[walk->block].next[!taken]))
		return;
	if (op == OP_GT || op == OP_GE)
		peer_limit(walk, &item->a, &item->b);
	else
		peer_limit(walk, &item->b, &item->a);
}

void peer_side(struct peer_walk *walk, const struct item *item, bool taken)
{
	int op = taken ? item->op : op_negate(item->op);
	const struct item *call = peer_tested_call(walk, &item->a);
	const struct operand *at = NULL;
	uint16_t looks = peer_looks_for(walk, item, &at);
	int64_t number;

	peer_failed(walk, item, op);
	peer_sees_zero(walk, item, op);
	peer_too_large(walk, item, op, taken);
	if (looks)
		peer_note_check(walk, at, looks);
	switch (op) {
	case OP_LT:
	case OP_LE:
		peer_limit(walk, &item->a, &item->b);
		break;
	case OP_GT:
	case OP_GE:
		peer_limit(walk, &item->b, &item->a);
		break;
	case OP_EQ:
		peer_sees_end(walk, item);
		if (call && operand_is_number(&item->b, &number) && number == 0)
			peer_compared(walk, call->call);
		peer_is_equal(walk, &item->a, &item->b);
		peer_is_equal(walk, &item->b, &item->a);
		break;
	default:
		break;
	}
}

/* Every turn of the loop looks at one character; a text without any has nothing to hide. */
void peer_loop_checks(struct peer_walk *walk, int loop)
{
	struct function *fn = walk->fn;

	for (int b = 0; b < fn->n_blocks; b++) {
		if (!fn->loops[loop].member[b] || !walk->in[b])
			continue;
		for (int i = fn->blocks[b].first; i >= 0; i = fn->items[i].next) {
			const struct item *item = &fn->items[i];
			const struct operand *at = NULL;
			uint16_t looks = peer_looks_for(walk, item, &at);

			if (looks)
				peer_note_check(walk, at, looks);
			if (item->kind != ITEM_CALL || !item->call)
				continue;
			for (const struct fact *f = api_fact(item->call->api, FACT_CLEANS); f;
			     f = api_fact_next(item->call->api, f)) {
				const struct operand *o = call_argument(item->call, f->arg);

				if (o)
					peer_clean_operand(walk, o,
							   PEER_SHELL | PEER_PATH | PEER_FORMAT);
			}
		}
	}
}

/* --- assignments and operators --- */

static bool peer_is_text(const struct function *fn, int place)
{
	return fn->places[place].type && fn->source->language == SOURCE_CXX &&
	       peer_is_string(fn, place);
}

/* The index in buf[n] = 0. */
static const struct operand *peer_index_of(const struct peer_walk *walk, int place)
{
	const struct function *fn = walk->fn;

	for (const struct item *i = walk->item; i-- > fn->items && i + 6 > walk->item;)
		if (i->kind == ITEM_OPERATE && i->op == '[' &&
		    operand_is_place(&i->a, fn->places[place].parent))
			return &i->b;
	return NULL;
}

/* A zero put into bytes ends them as a string, if there was room for it. */
static void peer_ends(struct peer_walk *walk, int place)
{
	int parent = walk->fn->places[place].parent;
	const struct operand *index = peer_index_of(walk, place);
	struct peer_value v = index ? peer_operand(walk, index) : peer_nothing;
	int buffer = walk->state[parent].base >= 0 ? walk->state[parent].base : parent;

	if (index && index->kind == OPERAND_PLACE && (v.kinds & PEER_FULL) &&
	    walk->state[index->place].base == buffer &&
	    walk->fn->places[place].kind == PLACE_INDEX) {
		struct operand o = { .kind = OPERAND_PLACE, .place = index->place };

		peer_hit(walk, PEER_SINK_NO_ROOM, &o, buffer);
	}
	peer_clean(walk, parent, PEER_UNENDED, true);
	/* text[0] = 0: as a text it is empty, and what is put there next is another one. */
	if (walk->fn->places[place].kind == PLACE_INDEX && buffer == parent &&
	    walk->fn->places[place].name && !strcmp(walk->fn->places[place].name, "0")) {
		walk->quiet = true;
		peer_clean(walk, parent, PEER_FORMAT | PEER_SHELL | PEER_PATH, false);
		walk->quiet = false;
	}
}

/* for (c : text): an element of what the loop goes over. */
static struct peer_value peer_element(const struct peer_walk *walk, const struct item *item)
{
	int loop = walk->fn->blocks[walk->block].loop;
	const struct block *header;
	struct peer_value v;

	if (item->a.kind != OPERAND_UNKNOWN || item->a.text || loop < 0 ||
	    walk->fn->loops[loop].kind != LOOP_EACH || walk->fn->loops[loop].body != walk->block)
		return peer_operand(walk, &item->a);
	header = &walk->fn->blocks[walk->fn->loops[loop].header];
	if (header->last < 0)
		return peer_nothing;
	v = peer_operand(walk, &walk->fn->items[header->last].a);
	v.kinds &= PEER_TEXT;
	v.from[4] = v.from[5] = 0;
	return v;
}

/* What stands at the place may be one character of a text. */
static bool peer_may_be_byte(const struct function *fn, int place)
{
	uint8_t stars;
	uint16_t width = peer_width(place_type(fn, place, &stars));

	return !stars && (!width || width == PEER_BYTE);
}

static void peer_assign(struct peer_walk *walk, const struct item *item)
{
	const struct place *p = &walk->fn->places[item->dst];
	struct peer_value v = peer_element(walk, item), weak;
	bool part = p->kind == PLACE_INDEX || p->kind == PLACE_DEREF;

	if (part && item->a.kind == OPERAND_NUMBER && item->a.number == 0)
		peer_ends(walk, item->dst);
	if (part && p->parent >= 0 && peer_may_be_byte(walk->fn, item->dst) &&
	    ((v.kinds & (PEER_TEXT | PEER_BYTE)) || v.from[0] || v.from[5])) {
		if (v.kinds & (PEER_TEXT | PEER_BYTE))
			peer_fills_element(walk, item);
		weak = v;
		weak.kinds = v.kinds & (PEER_TEXT | PEER_BYTE) ? PEER_TEXT : 0;
		for (int k = 0; k < PEER_FOLLOWED; k++)
			weak.from[k] = k < 4 ? v.from[0] | v.from[5] : 0;
		weak.base = -1;
		if (p->kind == PLACE_INDEX)
			peer_join(&walk->state[p->parent], &weak);
	}
	if (peer_is_text(walk->fn, item->dst)) {
		if (item->a.kind == OPERAND_PLACE)
			peer_check(walk, PEER_SINK_STRING, &item->a, -1);
		v = peer_operand(walk, &item->a);
		v.kinds &= (uint16_t)~PEER_UNENDED;
		v.base = -1;
	}
	/* A narrow variable holds no more than fits. */
	if ((v.kinds & PEER_NUMBER) && !p->stars && p->kind != PLACE_TEMP) {
		uint16_t width = peer_width(p->type);

		if (width == PEER_BYTE || (width == PEER_SHORT && (v.kinds & PEER_WIDE)))
			v.kinds = (uint16_t)((v.kinds & ~PEER_NUMBER) | width);
	}
	if (p->kind == PLACE_PARAM && !(p->flags & PLACE_REF))
		walk->cleaned[item->dst] = 0xffff;
	/* char buf[N] = ""; = { 0 } */
	if (item->a.kind == OPERAND_STRING ||
	    (part && p->parent >= 0 && item->a.kind == OPERAND_NUMBER && !item->a.number &&
	     !strcmp(p->name, "0"))) {
		int whole = part ? p->parent : item->dst;

		if ((walk->fn->places[whole].flags & PLACE_INIT) &&
		    !(walk->state[whole].kinds & ~PEER_SET))
			walk->state[whole].kinds |= PEER_ZERO;
	}
	if (item->a.kind != OPERAND_STRING || !(p->flags & PLACE_ARRAY))
		peer_set(walk, item->dst, v);
}

static uint16_t peer_shifted(const struct peer_value *a, const struct item *item)
{
	uint16_t width = a->kinds & PEER_NUMBER;
	int64_t by = item->b.kind == OPERAND_NUMBER ? item->b.number : 32;

	if (!width)
		return 0;
	if (item->op == '<')
		return by < 1                                           ? width
		       : by <= 8 && !(width & (PEER_WIDE | PEER_SHORT)) ? PEER_SHORT
									: PEER_WIDE;
	if (by >= 24 || (by >= 8 && !(width & PEER_WIDE)))
		return PEER_BYTE;
	return by >= 16 ? PEER_SHORT : width;
}

static uint16_t peer_masked(const struct peer_value *a, const struct peer_value *b,
			    const struct item *item)
{
	int64_t mask = item->b.kind == OPERAND_NUMBER   ? item->b.number
		       : item->a.kind == OPERAND_NUMBER ? item->a.number
							: -1;
	uint16_t width = (a->kinds | b->kinds) & PEER_NUMBER;

	if (!width || mask < 0)
		return 0;
	if (mask <= 0xff)
		return PEER_BYTE;
	return mask <= 0xffff ? PEER_SHORT : width;
}

/* in >> size, out << text: the receiver is a stream of C++. */
static bool peer_streams(struct peer_walk *walk, const struct item *item)
{
	struct peer_value a = peer_operand(walk, &item->a), b = peer_operand(walk, &item->b), v;

	if (walk->fn->source->language != SOURCE_CXX || item->a.kind != OPERAND_PLACE)
		return false;
	if (item->op == '>' && (a.kinds & PEER_STREAM) && item->b.kind == OPERAND_PLACE) {
		v = peer_nothing;
		v.kinds = peer_kinds_of(walk->fn, item->b.place) & (uint16_t)~PEER_UNENDED;
		v.source = a.source;
		peer_set(walk, item->b.place, v);
		peer_set(walk, item->dst, a);
		return true;
	}
	if (item->op != '<' || (a.kinds & PEER_NUMBER) || item->b.kind == OPERAND_NUMBER ||
	    peer_width(walk->fn->places[item->a.place].type))
		return false;
	if (b.kinds & PEER_UNENDED)
		peer_check(walk, PEER_SINK_STRING, &item->b, -1);
	if (b.kinds & PEER_BYTES && walk->fn->places[item->a.place].kind != PLACE_TEMP) {
		b.kinds &= PEER_TEXT;
		peer_add(walk, item->a.place, b);
	}
	v = peer_operand(walk, &item->a);
	peer_join(&v, &b);
	peer_set(walk, item->dst, v);
	return true;
}

static void peer_subscript(struct peer_walk *walk, const struct item *item)
{
	const struct place *p =
		item->a.kind == OPERAND_PLACE ? &walk->fn->places[item->a.place] : NULL;
	bool plain = p && ((p->flags & PLACE_ARRAY) || p->stars ||
			   walk->fn->source->language == SOURCE_C);

	if (p && p->type && walk->fn->source->language == SOURCE_CXX &&
	    (!strcmp(p->type, "vector") || !strcmp(p->type, "array")))
		plain = true;
	if (plain) {
		peer_check(walk, PEER_SINK_INDEX, &item->b, item->a.place);
		peer_check_zero(walk, &item->b, item->a.place);
	}
}

static void peer_operate(struct peer_walk *walk, const struct item *item)
{
	struct peer_value a = peer_operand(walk, &item->a), b = peer_operand(walk, &item->b), v = a;
	bool pointer =
		(a.kinds & PEER_BYTES) || (item->a.kind == OPERAND_PLACE &&
					   (walk->fn->places[item->a.place].stars ||
					    walk->fn->places[item->a.place].flags & PLACE_ARRAY));

	if (item->op == '[') {
		peer_subscript(walk, item);
		return;
	}
	if (item->op == 'n') {
		peer_check(walk, PEER_SINK_ALLOC, &item->a, -1);
		return;
	}
	if (item->op == '+' || item->op == '-')
		peer_steps(walk, item);
	if (item->dst < 0 || ((item->op == '>' || item->op == '<') && peer_streams(walk, item)))
		return;
	peer_join(&v, &b);
	v.kinds &= (uint16_t) ~(PEER_ZERO | PEER_SET);
	if (item->op == '+' && walk->fn->source->language == SOURCE_CXX &&
	    (peer_is_text(walk->fn, item->dst) || !pointer) && (b.kinds & PEER_UNENDED) &&
	    item->b.kind == OPERAND_PLACE && item->b.place != item->dst &&
	    peer_is_text(walk->fn, item->dst))
		peer_check(walk, PEER_SINK_STRING, &item->b, -1);
	if (item->op == '+' && pointer && walk->fn->source->language == SOURCE_C) {
		v = a;
	} else if (item->op == '-' && peer_is_pointer(walk->fn, &item->b)) {
		/* How far two pointers are from each other is what the program has made of it. */
		v = peer_nothing;
	} else if (item->op == '-' && pointer) {
		v = a;
		if (b.base >= 0 && b.base == a.base)
			v = peer_nothing;
	} else if (item->op == '%') {
		v = peer_nothing;
		if (b.kinds & PEER_NUMBER)
			v.kinds = b.kinds & PEER_NUMBER;
	} else if (item->op == '&') {
		v.kinds = peer_masked(&a, &b, item);
		memset(v.from, 0, sizeof(v.from));
	} else if (item->op == '<' || item->op == '>') {
		v.kinds = peer_shifted(&a, item) | (item->op == '>' ? a.kinds & PEER_NARROW : 0);
		if (item->op == '<' && !pointer)
			v.from[5] |= a.from[0];
	} else if (item->op == '*' || item->op == '|' || item->op == '/') {
		v.kinds &= PEER_NUMBER | PEER_NARROW;
	}
	/* A count that goes on counting. */
	if (item->op == '+' || item->op == '-') {
		if ((a.kinds | b.kinds) & PEER_FULL && !pointer)
			v.base = a.kinds & PEER_FULL ? a.base : b.base;
		else if (!pointer)
			v.base = -1;
		if (item->op == '-' && item->b.kind == OPERAND_NUMBER && item->b.number > 0)
			v.kinds &= (uint16_t)~PEER_FULL;
	}
	peer_set(walk, item->dst, v);
}

void peer_step(struct peer_walk *walk, const struct item *item)
{
	switch (item->kind) {
	case ITEM_DECLARE:
		if (item->dst >= 0 && !(walk->fn->places[item->dst].flags & PLACE_STATIC))
			peer_set(walk, item->dst, peer_nothing);
		break;
	case ITEM_ASSIGN:
		if (item->dst >= 0)
			peer_assign(walk, item);
		break;
	case ITEM_OPERATE:
		peer_operate(walk, item);
		break;
	case ITEM_CALL:
		if (item->call)
			peer_call(walk, item);
		break;
	default:
		break;
	}
}
