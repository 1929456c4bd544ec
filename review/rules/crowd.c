/* SPDX-License-Identifier: Apache-2.0 */
/* E7: whether clients alone can use up the descriptors of a server; see crowd.h. */

#include "rules/crowd.h"
#include "flow/contract.h"
#include "flow/outcome.h"
#include "rules/rules.h"

extern const struct rule rule_L1, rule_L3;

static bool crowd_closes(const struct call *call, int fd)
{
	const struct fact *closes = api_fact(call->api, FACT_CLOSES);
	const struct operand *o = closes ? call_argument(call, closes->arg) : NULL;

	return o && operand_is_place(o, fd);
}

static bool crowd_closes_in(const struct function *fn, int block, int fd)
{
	for (int i = block < 0 ? -1 : fn->blocks[block].first; i >= 0; i = fn->items[i].next) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_CALL && item->call && crowd_closes(item->call, fd))
			return true;
	}
	return false;
}

/* The call closes the connection, itself or in a function of the program. */
static bool crowd_is_served(struct outcome *outcome, const struct item *item)
{
	int fd = *(const int *)outcome->data;
	const struct call *call = item->call;

	for (int i = 0; call->target && i < call->n_args && i < 16; i++)
		if (operand_is_place(&call->args[i], fd) &&
		    (call->target->summary.param[i] & SUMMARY_CLOSES))
			return true;
	return crowd_closes(call, fd);
}

/*
 * Each connection is closed before the next one is accepted, or before a callback returns: then there
 * is never more than one, and those that wait in the queue cost no descriptor.
 */
static bool crowd_serves_one(struct function *fn, const struct item *accept)
{
	int fd = item_result(fn, accept);
	struct outcome outcome = {
		.fn = fn, .call = accept, .result = 5, .visit = crowd_is_served, .data = &fd
	};
	unsigned goes_on = item_loop(fn, accept) >= 0 ? OUTCOME_AGAIN : OUTCOME_RETURNS;
	unsigned ends = outcome_walk(&outcome);

	return fd >= 0 && (ends & OUTCOME_STOPPED) && !(ends & (goes_on | OUTCOME_TOO_LONG));
}

/* It is kept, or given to somebody: started to serve beside this loop. */
static bool crowd_is_handed_over(const struct function *fn, int fd)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

		if ((item->kind == ITEM_RETURN || (item->kind == ITEM_ASSIGN && item->dst != fd)) &&
		    operand_is_place(&item->a, fd))
			return true;
		if (item->kind == ITEM_ASSIGN && item->a.kind == OPERAND_ADDRESS &&
		    item->a.place == fd)
			return true;
		if (call && api_is(call->api, ROLE(FORK) | ROLE(THREAD)))
			return true;
		for (int k = 0; call && k < call->n_args; k++)
			if ((call->args[k].kind == OPERAND_ADDRESS && call->args[k].place == fd) ||
			    (operand_is_place(&call->args[k], fd) && !call->api &&
			     (!call->target || k >= 16 ||
			      (call->target->summary.param[k] & SUMMARY_KEEPS))))
				return true;
	}
	return false;
}

/*
 * The loop serves each connection itself and closes it, before the next one is accepted; a way on which
 * it stays open would be a leak, which is told as such. One that waits for several has several.
 */
static bool crowd_serves_in_loop(struct function *fn, const struct item *accept)
{
	int fd = item_result(fn, accept), loop = item_loop(fn, accept);

	if (fd < 0 || loop < 0 || fn->places[fd].kind != PLACE_LOCAL ||
	    fn->places[fd].parent >= 0 || crowd_is_handed_over(fn, fd) ||
	    loop_find_role(fn, loop, ROLE(POLL)) || finding_is_said(&rule_L1, fn, accept) ||
	    finding_is_said(&rule_L3, fn, accept))
		return false;
	loop_members(fn, loop);
	for (int b = 0; b < fn->n_blocks; b++)
		if (fn->loops[loop].member[b] && crowd_closes_in(fn, b, fd))
			return true;
	return false;
}

/* if (n_clients >= MAX) close(fd): the program itself limits how many it serves. */
static bool crowd_is_limited(const struct function *fn, const struct item *accept)
{
	int fd = item_result(fn, accept);

	for (int b = 0; fd >= 0 && b < fn->n_blocks; b++) {
		const struct block *block = &fn->blocks[b];
		const struct item *test = block->last >= 0 ? &fn->items[block->last] : NULL;

		if (!test || test->kind != ITEM_BRANCH || test < accept ||
		    operand_is_place(&test->a, fd) || operand_is_place(&test->b, fd) ||
		    test->op == OP_EQ || test->op == OP_NE || test->op == OP_UNKNOWN ||
		    test->a.kind != OPERAND_PLACE || operand_source(fn, &test->a, test))
			continue;
		if (crowd_closes_in(fn, block->next[0], fd) ||
		    crowd_closes_in(fn, block->next[1], fd))
			return true;
	}
	return false;
}

bool crowd_can_come(struct function *fn, const struct item *accept)
{
	return !crowd_serves_one(fn, accept) && !crowd_serves_in_loop(fn, accept) &&
	       !crowd_is_limited(fn, accept);
}
