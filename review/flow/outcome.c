/* SPDX-License-Identifier: Apache-2.0 */
/* The walk from one call with one result; see outcome.h. */

#include "flow/outcome.h"
#include "flow/contract.h"

#include <stdlib.h>
#include <string.h>

enum { OUTCOME_PLACES = 16, OUTCOME_STEPS = 2000 };

/* What is known on one way. A place holds a number, or errno. */
struct outcome_known {
	int n;
	struct {
		int place;
		bool is_errno;
		int64_t number;
	} known[OUTCOME_PLACES];
};

static int known_find(const struct outcome_known *known, int place)
{
	for (int i = 0; i < known->n; i++)
		if (known->known[i].place == place)
			return i;
	return -1;
}

static void known_forget(struct outcome_known *known, int place)
{
	int i = known_find(known, place);

	if (i >= 0)
		known->known[i] = known->known[--known->n];
}

static void known_set(struct outcome_known *known, int place, bool is_errno, int64_t number)
{
	if (place < 0)
		return;
	known_forget(known, place);
	if (known->n == OUTCOME_PLACES)
		return;
	known->known[known->n].place = place;
	known->known[known->n].is_errno = is_errno;
	known->known[known->n++].number = number;
}

static bool outcome_is_errno(const struct outcome *outcome, const struct outcome_known *known,
			     const struct operand *o)
{
	int i;

	if (o->kind != OPERAND_PLACE)
		return false;
	i = known_find(known, o->place);
	return i >= 0 ? known->known[i].is_errno : place_is_errno(outcome->fn, o->place);
}

static bool outcome_number(const struct outcome_known *known, const struct operand *o,
			   int64_t *number)
{
	int i = o->kind == OPERAND_PLACE ? known_find(known, o->place) : -1;

	if (i >= 0 && !known->known[i].is_errno) {
		*number = known->known[i].number;
		return true;
	}
	return operand_is_number(o, number);
}

/* 1: the first edge, 0: the second, -1: nobody knows. */
static int outcome_decide(struct outcome *outcome, const struct outcome_known *known,
			  const struct item *test)
{
	const struct operand *a = &test->a, *b = &test->b;
	int64_t x, y;
	bool same;

	if (outcome_is_errno(outcome, known, b)) {
		a = &test->b;
		b = &test->a;
	}
	if (outcome_is_errno(outcome, known, a)) {
		if ((test->op != OP_EQ && test->op != OP_NE) || !outcome->error ||
		    *operand_text(outcome->fn, b) != 'E') {
			outcome->ends |= OUTCOME_UNCLEAR;
			return -1;
		}
		same = operand_error(b) == error_number(outcome->error);
		outcome->ends |= same ? OUTCOME_ERRNO : OUTCOME_ASKS;
		return same == (test->op == OP_EQ);
	}
	if (test->op == OP_UNKNOWN || !outcome_number(known, &test->a, &x) ||
	    !outcome_number(known, &test->b, &y))
		return -1;
	if (test->a.kind == OPERAND_PLACE || test->b.kind == OPERAND_PLACE)
		outcome->ends |= OUTCOME_TESTED;
	return number_holds(x, test->op, y);
}

static void outcome_assign(struct outcome *outcome, struct outcome_known *known,
			   const struct item *item)
{
	int64_t number;

	if (item->dst < 0)
		return;
	if (outcome_is_errno(outcome, known, &item->a))
		known_set(known, item->dst, true, 0);
	else if (outcome_number(known, &item->a, &number))
		known_set(known, item->dst, false, number);
	else
		known_forget(known, item->dst);
}

static void outcome_return(struct outcome *outcome, const struct outcome_known *known,
			   const struct item *item)
{
	int64_t number = 0;
	bool is_known = outcome_number(known, &item->a, &number);

	outcome->returns_known =
		is_known && (!(outcome->ends & OUTCOME_RETURNS) ||
			     (outcome->returns_known && outcome->returns == number));
	outcome->returns = number;
	outcome->ends |= OUTCOME_RETURNS;
}

/* false: the way ends. */
static bool outcome_call(struct outcome *outcome, struct outcome_known *known,
			 const struct item *item)
{
	if (item == outcome->call) {
		outcome->ends |= OUTCOME_AGAIN;
		return false;
	}
	if (outcome->visit && outcome->visit(outcome, item)) {
		outcome->ends |= OUTCOME_STOPPED;
		return false;
	}
	/* What assert() ends is a debug build, or a test. */
	if (call_ends(item->call)) {
		outcome->ends |= api_is(item->call->api, ROLE(CHECK)) ? 0 : OUTCOME_EXITS;
		return false;
	}
	for (int i = 0; i < item->call->n_args; i++)
		if (item->call->args[i].kind == OPERAND_ADDRESS)
			known_forget(known, item->call->args[i].place);
	if (item->dst >= 0)
		known_forget(known, item->dst);
	return true;
}

static void outcome_block(struct outcome *outcome, int number, int from,
			  struct outcome_known known);

static void outcome_follow(struct outcome *outcome, int block, const struct outcome_known *known)
{
	if (block < 0)
		return;
	if (outcome->loop >= 0 && !outcome->fn->loops[outcome->loop].member[block])
		outcome->ends |= OUTCOME_LEAVES;
	/* The few places make few different ways; a fourth visit brings nothing new. */
	if (outcome->seen[block] >= 3 || ++outcome->steps > OUTCOME_STEPS)
		return;
	outcome->seen[block]++;
	outcome_block(outcome, block, outcome->fn->blocks[block].first, *known);
}

/* false: the way ends, or goes on at the edges of a branch. */
static bool outcome_item(struct outcome *outcome, struct outcome_known *known,
			 const struct item *item)
{
	switch (item->kind) {
	case ITEM_ASSIGN:
		outcome_assign(outcome, known, item);
		return true;
	case ITEM_OPERATE:
	case ITEM_DECLARE:
	case ITEM_DIES:
		if (item->dst >= 0 && item->op != '[')
			known_forget(known, item->dst);
		return true;
	case ITEM_CALL:
		return !item->call || outcome_call(outcome, known, item);
	case ITEM_RETURN:
		outcome_return(outcome, known, item);
		return false;
	case ITEM_THROW:
		outcome->ends |= OUTCOME_THROWS;
		return false;
	default:
		return true;
	}
}

static void outcome_block(struct outcome *outcome, int number, int from, struct outcome_known known)
{
	const struct block *block = &outcome->fn->blocks[number];

	for (int i = from; i >= 0; i = outcome->fn->items[i].next) {
		const struct item *item = &outcome->fn->items[i];
		int decided;

		if (++outcome->steps > OUTCOME_STEPS) {
			outcome->ends |= OUTCOME_TOO_LONG;
			return;
		}
		if (item->kind == ITEM_BRANCH) {
			decided = item == outcome->sure ? !outcome->sure_edge
							: outcome_decide(outcome, &known, item);
			if (decided != 0)
				outcome_follow(outcome, block->next[0], &known);
			if (decided != 1)
				outcome_follow(outcome, block->next[1], &known);
			return;
		}
		if (!outcome_item(outcome, &known, item))
			return;
	}
	outcome_follow(outcome, block->next[0], &known);
}

unsigned outcome_walk(struct outcome *outcome)
{
	struct outcome_known known = { .n = 0 };
	int block = item_block(outcome->fn, outcome->call);

	outcome->ends = 0;
	outcome->steps = 0;
	outcome->returns_known = false;
	if (block < 0)
		return OUTCOME_TOO_LONG;
	outcome->loop = item_loop(outcome->fn, outcome->call);
	if (outcome->loop >= 0)
		loop_members(outcome->fn, outcome->loop);
	outcome->seen = calloc((size_t)outcome->fn->n_blocks, 1);
	if (!outcome->seen)
		abort();
	known_set(&known, outcome->call->dst, false, outcome->result);
	outcome_block(outcome, block, outcome->call->next, known);
	free(outcome->seen);
	outcome->seen = NULL;
	return outcome->ends;
}
