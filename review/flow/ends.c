/* SPDX-License-Identifier: Apache-2.0 */
/* The walk from block to block, and what conditions are known to be; see ends.h. */

#include "flow/contract.h"
#include "flow/ends-walk.h"

#include <stdlib.h>
#include <string.h>

/* --- what is known on one way --- */

static int known_find(const struct ends_known *known, int place)
{
	for (int i = 0; i < known->n; i++)
		if (known->of[i].place == place)
			return i;
	return -1;
}

static void known_drop(struct ends_known *known, int i)
{
	known->n--;
	for (; i < known->n; i++)
		known->of[i] = known->of[i + 1];
}

void ends_forget(struct ends_known *known, int place)
{
	for (int i = known->n; i-- > 0;)
		if (known->of[i].place == place ||
		    (known->of[i].kind == ENDS_SAME && known->of[i].number == place))
			known_drop(known, i);
}

void ends_set(struct ends_known *known, int place, enum ends_kind kind, int64_t number)
{
	int at = 0;

	if (place < 0)
		return;
	ends_forget(known, place);
	if (known->n == ENDS_PLACES)
		return;
	/* In order, so that two ways that know the same are equal. */
	while (at < known->n && known->of[at].place < place)
		at++;
	for (int i = known->n++; i > at; i--)
		known->of[i] = known->of[i - 1];
	memset(&known->of[at], 0, sizeof(known->of[at]));
	known->of[at].place = place;
	known->of[at].kind = (int)kind;
	known->of[at].number = number;
}

bool ends_number(const struct ends_known *known, const struct operand *o, int64_t *number)
{
	int i = o->kind == OPERAND_PLACE ? known_find(known, o->place) : -1;

	if (i >= 0 && known->of[i].kind == ENDS_NUMBER) {
		*number = known->of[i].number;
		return true;
	}
	return operand_is_number(o, number);
}

/* *line, line[0], where nothing stands in the line. */
static bool ends_is_terminator(const struct ends_walk *walk, const struct ends_known *known,
			       const struct operand *o)
{
	const struct place *p = o->kind == OPERAND_PLACE ? &walk->fn->places[o->place] : NULL;
	struct operand text = { .kind = OPERAND_PLACE };

	if (!p || p->parent < 0 ||
	    (p->kind != PLACE_DEREF && (p->kind != PLACE_INDEX || strcmp(p->name, "0") != 0)))
		return false;
	text.place = p->parent;
	return ends_is_empty(known, &text);
}

static bool ends_is_not(const struct ends_known *known, const struct operand *o, int64_t number)
{
	int i = o->kind == OPERAND_PLACE ? known_find(known, o->place) : -1;

	return i >= 0 && known->of[i].kind == ENDS_NOT && known->of[i].number == number;
}

bool ends_is_empty(const struct ends_known *known, const struct operand *o)
{
	int i = o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS ? known_find(known, o->place)
								       : -1;

	return i >= 0 && known->of[i].kind == ENDS_EMPTY;
}

/* --- conditions --- */

/* A parameter that points to something: whoever calls passes no NULL. */
static bool ends_is_pointer(const struct function *fn, int place)
{
	const struct place *p = &fn->places[place];

	return p->kind == PLACE_PARAM && p->stars && !place_set_last(fn, place);
}

/* 1: the first edge, 0: the second, -1: nobody knows. */
static int ends_decide(const struct ends_walk *walk, const struct ends_known *known,
		       const struct item *test)
{
	enum { SOME_DESCRIPTOR = 3 };
	int64_t x, y;

	if (test->op == OP_UNKNOWN || !ends_number(known, &test->b, &y))
		return -1;
	if (ends_number(known, &test->a, &x))
		return number_holds(x, test->op, y);
	if (ends_is_terminator(walk, known, &test->a))
		return number_holds(0, test->op, y);
	if (ends_is_not(known, &test->a, y) && (test->op == OP_EQ || test->op == OP_NE))
		return test->op == OP_NE;
	if (test->a.kind != OPERAND_PLACE || y > 0)
		return -1;
	/* The stream is open. */
	if (ends_is_pointer(walk->fn, test->a.place) ||
	    (!walk->frame && ends_reads_from(walk, test->a.place)))
		return number_holds(SOME_DESCRIPTOR, test->op, y);
	return -1;
}

/* --- items --- */

static void ends_note(struct ends_walk *walk, const struct item *item, bool changes)
{
	walk->did[item - walk->fn->items] |= changes ? ENDS_CHANGED : ENDS_RUN;
}

/* x[n], where n is known to be 0. */
static bool ends_is_first(const struct ends_walk *walk, const struct ends_known *known, int place)
{
	const struct place *p = &walk->fn->places[place];

	if (p->kind == PLACE_DEREF || !strcmp(p->name, "0"))
		return true;
	for (int i = 0; i < known->n; i++)
		if (known->of[i].kind == ENDS_NUMBER && !known->of[i].number &&
		    !strcmp(walk->fn->places[known->of[i].place].text, p->name))
			return true;
	return false;
}

/* A name that lives on, and that others may ask: a member, a global, what a parameter points to. */
static void ends_note_name(struct ends_walk *walk, int place)
{
	const struct function *fn = walk->fn;

	for (; place >= 0; place = fn->places[place].parent) {
		const struct place *p = &fn->places[place], *of;

		if (p->kind == PLACE_FIELD || p->kind == PLACE_FREE) {
			ends_changes_name(walk->total, p->name);
			return;
		}
		of = p->parent >= 0 ? &fn->places[p->parent] : NULL;
		if (of && of->kind == PLACE_PARAM && of->param >= 0 && of->param < 16)
			walk->wrote_params |= (uint16_t)(1 << of->param);
	}
}

/* Something that is no text is kept: a state, a time, another element in its place. */
static bool ends_is_mark(const struct ends_walk *walk, const struct item *item)
{
	const struct function *fn = walk->fn;
	const struct place *p = &fn->places[item->dst];
	const char *type;
	uint8_t stars;

	if (p->kind == PLACE_TEMP || (place_is_local(fn, item->dst) && p->parent < 0))
		return false;
	type = p->kind == PLACE_INDEX ? place_type(fn, item->dst, &stars) : NULL;
	return !type || stars || !strstr(type, "char");
}

static void ends_assign(struct ends_walk *walk, struct ends_known *known, const struct item *item)
{
	int64_t number;
	int i, dst = item->dst;
	const struct place *p = &walk->fn->places[dst];

	if (operand_is_place(&item->a, dst))
		return;
	i = item->a.kind == OPERAND_PLACE ? known_find(known, item->a.place) : -1;
	/* total = total + n, where n is 0. */
	if (i >= 0 && known->of[i].kind == ENDS_SAME && known->of[i].number == dst) {
		ends_note(walk, item, false);
		return;
	}
	ends_note(walk, item, true);
	walk->total->marks |= ends_is_mark(walk, item);
	ends_note_name(walk, dst);
	if ((p->kind == PLACE_INDEX || p->kind == PLACE_DEREF) && p->parent >= 0) {
		ends_forget(known, p->parent);
		if (operand_is_number(&item->a, &number) && !number &&
		    ends_is_first(walk, known, dst))
			ends_set(known, p->parent, ENDS_EMPTY, 0);
	}
	if (ends_number(known, &item->a, &number))
		ends_set(known, dst, ENDS_NUMBER, number);
	else if (i >= 0)
		ends_set(known, dst, (enum ends_kind)known->of[i].kind, known->of[i].number);
	else if (item->a.kind == OPERAND_PLACE && p->kind != PLACE_INDEX)
		ends_set(known, dst, ENDS_SAME, item->a.place);
	else
		ends_forget(known, dst);
}

/* The operator leaves the first operand as it is: + 0, - 0, | 0. */
static bool ends_keeps(const struct ends_known *known, const struct item *item)
{
	int64_t number;

	return (item->op == '+' || item->op == '-' || item->op == '|') &&
	       ends_number(known, &item->b, &number) && !number;
}

static bool ends_is_readiness(const struct ends_walk *walk, const struct item *item)
{
	const char *flag = operand_text(walk->fn, &item->b), *of = operand_text(walk->fn, &item->a);

	return item->op == '&' && strstr(of, "events") &&
	       (!strcmp(flag, "POLLIN") || !strcmp(flag, "EPOLLIN") || !strcmp(flag, "EV_READ"));
}

static void ends_operate(struct ends_walk *walk, struct ends_known *known, const struct item *item)
{
	bool same = item->a.kind == OPERAND_PLACE && ends_keeps(known, item);
	int64_t number;

	if (item->op == '[' || item->dst < 0)
		return;
	if (same && item->a.place == item->dst) {
		ends_note(walk, item, false);
		return;
	}
	ends_note(walk, item, true);
	ends_note_name(walk, item->dst);
	if (ends_is_readiness(walk, item))
		ends_set(known, item->dst, ENDS_NUMBER, 1);
	else if (same && ends_number(known, &item->a, &number))
		ends_set(known, item->dst, ENDS_NUMBER, number);
	else if (same)
		ends_set(known, item->dst, ENDS_SAME, item->a.place);
	else
		ends_forget(known, item->dst);
}

static void ends_return(struct ends_walk *walk, const struct ends_known *known,
			const struct item *item)
{
	struct ends_function *does = walk->does;
	int64_t number = 0;

	if (walk->loop >= 0 || !does) {
		walk->leaves = true;
		return;
	}
	for (int p = 0; p < walk->fn->n_params && p < 16; p++)
		ends_note_out(walk, known, p);
	walk->returned = true;
	if (!item || item->a.kind == OPERAND_NONE)
		return;
	if (!ends_number(known, &item->a, &number)) {
		does->returns_other = true;
		return;
	}
	for (int i = 0; i < does->n_returns; i++)
		if (does->returns[i] == number)
			return;
	if (does->n_returns < ENDS_RETURNS)
		does->returns[does->n_returns++] = number;
	else
		does->returns_other = true;
}

/* false: the way ends. */
static bool ends_item(struct ends_walk *walk, struct ends_known *known, const struct item *item)
{
	switch (item->kind) {
	case ITEM_ASSIGN:
		if (item->dst >= 0)
			ends_assign(walk, known, item);
		return true;
	case ITEM_OPERATE:
		ends_operate(walk, known, item);
		return true;
	case ITEM_DECLARE:
	case ITEM_DIES:
		if (item->dst >= 0)
			ends_forget(known, item->dst);
		return true;
	case ITEM_CALL:
		return !item->call || ends_call(walk, known, item);
	case ITEM_RETURN:
		ends_return(walk, known, item);
		return false;
	case ITEM_THROW:
		walk->leaves = true;
		return false;
	default:
		return true;
	}
}

/* --- blocks --- */

static void ends_exit(struct ends_walk *walk, int block, const struct item *test,
		      const struct ends_known *known)
{
	struct ends_exit *exit = walk->exits;
	int64_t number;

	while (exit < walk->exits + walk->n_exits && exit->test != test)
		exit++;
	if (!test || test->op == OP_UNKNOWN || exit == walk->exits + ENDS_EXITS) {
		walk->leaves = true;
		return;
	}
	if (exit == walk->exits + walk->n_exits) {
		walk->n_exits++;
		*exit = (struct ends_exit){ block, test, true, true };
	}
	exit->knows_a &= ends_number(known, &test->a, &number);
	exit->knows_b &= ends_number(known, &test->b, &number);
}

/* Some way that knew the same has been there; one that knows too much is cut to nothing. */
static bool ends_was_seen(struct ends_walk *walk, int block, struct ends_known *known)
{
	struct ends_seen *seen;
	int n = 0;

	for (seen = walk->seen[block]; seen; seen = seen->next, n++)
		if (!seen->known.n ||
		    (seen->known.n == known->n &&
		     !memcmp(seen->known.of, known->of, (size_t)known->n * sizeof(*known->of))))
			return true;
	if (n >= ENDS_STATES)
		known->n = 0;
	seen = arena_alloc(walk->total->arena, sizeof(*seen));
	seen->known = *known;
	seen->next = walk->seen[block];
	walk->seen[block] = seen;
	return false;
}

static void ends_block(struct ends_walk *walk, int number, int from, struct ends_known known);

static void ends_follow(struct ends_walk *walk, int from, int to, const struct ends_known *known,
			const struct item *test)
{
	struct ends_known copy = *known;

	if (to < 0) {
		if (walk->loop < 0)
			ends_return(walk, known, NULL);
		else
			walk->leaves = true;
		return;
	}
	if (walk->loop >= 0 && !walk->fn->loops[walk->loop].member[to]) {
		ends_exit(walk, from, test, known);
		return;
	}
	if (++walk->total->steps > ENDS_STEPS || walk->depth > ENDS_BLOCKS) {
		walk->total->unknown = true;
		return;
	}
	if (ends_was_seen(walk, to, &copy))
		return;
	walk->depth++;
	ends_block(walk, to, walk->fn->blocks[to].first, copy);
	walk->depth--;
}

static void ends_block(struct ends_walk *walk, int number, int from, struct ends_known known)
{
	const struct block *block = &walk->fn->blocks[number];
	int decided;

	for (int i = from; i >= 0; i = walk->fn->items[i].next) {
		const struct item *item = &walk->fn->items[i];

		if (walk->total->unknown || ++walk->total->steps > ENDS_STEPS) {
			walk->total->unknown = true;
			return;
		}
		if ((item == walk->read && walk->frame) ||
		    (walk->wait && ends_moves_on(walk, item))) {
			walk->again = true;
			return;
		}
		if (item->kind != ITEM_BRANCH) {
			if (!ends_item(walk, &known, item))
				return;
			continue;
		}
		decided = ends_decide(walk, &known, item);
		if (decided != 0)
			ends_follow(walk, number, block->next[0], &known,
				    decided < 0 ? item : NULL);
		if (decided != 1)
			ends_follow(walk, number, block->next[1], &known,
				    decided < 0 ? item : NULL);
		return;
	}
	ends_follow(walk, number, block->next[0], &known, NULL);
}

void ends_begin(struct ends_walk *walk)
{
	struct arena *arena = walk->total->arena;

	walk->did = arena_alloc(arena, (size_t)walk->fn->n_items + 1);
	walk->wrote = arena_alloc(arena, ((size_t)walk->fn->n_items + 1) * sizeof(*walk->wrote));
	walk->seen =
		arena_alloc(arena, ((size_t)walk->fn->n_blocks + 1) * sizeof(struct ends_seen *));
}

void ends_run(struct ends_walk *walk, int block, int from, const struct ends_known *known)
{
	ends_block(walk, block, from, *known);
}
