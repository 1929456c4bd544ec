/* SPDX-License-Identifier: Apache-2.0 */
/* Faults whose consequence is slight, by what the code around them shows; see slight.h. */

#include "rules/slight.h"
#include "flow/contract.h"
#include "flow/process.h"
#include "model/reach.h"
#include "read/source.h"

#include <string.h>

enum { SLIGHT_BLOCKS = 600, SLIGHT_DEPTH = 2 };

/* The edge of the branch on which the call that gave the value has failed, or -1. */
static int slight_failed_edge(const struct contract *contract, const struct item *test)
{
	bool first = contract_edge_works(contract, test, 0);
	bool second = contract_edge_works(contract, test, 1);

	return first == second ? -1 : first;
}

/* It can fail for another reason than want of memory, or nobody knows what it does. */
static bool slight_may_fail(const struct item *item)
{
	const struct api *api = item->kind == ITEM_CALL && item->call ? item->call->api : NULL;

	if (item->kind != ITEM_CALL || !item->call || call_is_talk(item->call) ||
	    call_ends(item->call))
		return false;
	return !api || (api->fails != FAILS_UNKNOWN && api->fails != FAILS_NEVER &&
			!contract_is_memory(item->call));
}

/* malloc(), or a helper around it alone: another one may also fail for not finding what it copies. */
static bool slight_allocates(const struct call *call)
{
	if (!contract_is_memory(call))
		return false;
	for (int i = 0; call->target && i < call->target->n_items; i++)
		if (slight_may_fail(&call->target->items[i]))
			return false;
	return true;
}

/* if (!(thread = calloc(…))) return NULL; every way to the item has come by a failure like this. */
static bool slight_is_out_of_memory(const struct function *fn, const struct item *leaves)
{
	int wanted = item_block(fn, leaves);

	if (wanted < 0 || fn->n_blocks > SLIGHT_BLOCKS)
		return false;
	for (int b = 0; b < fn->n_blocks; b++) {
		const struct item *test =
			fn->blocks[b].last >= 0 ? &fn->items[fn->blocks[b].last] : NULL;
		const struct item *source = test && test->kind == ITEM_BRANCH
						    ? operand_source(fn, &test->a, test)
						    : NULL;
		struct contract contract;
		int edge;

		if (!source || !slight_allocates(source->call))
			continue;
		contract = contract_of(source->call);
		edge = slight_failed_edge(&contract, test);
		if (edge >= 0 && block_is_behind(fn, b, edge, wanted))
			return true;
	}
	return false;
}

static bool slight_is_memory(const struct resource *r)
{
	return !strcmp(r->kind, "memory") || !strcmp(r->kind, "thread") ||
	       !strcmp(r->kind, "addrinfo");
}

/* A command ends soon; what it loses for each of many things that it looks at adds up all the same. */
static bool slight_in_command(const struct flow *flow, const struct resource *r)
{
	if (function_reach(flow->fn) & REACH_SERVER || !function_reach(flow->fn))
		return false;
	return slight_is_memory(r) ||
	       (item_loop(flow->fn, r->site) < 0 && !function_runs_often(flow->fn));
}

bool slight_loss(const struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];

	if ((loss->kind == LOSS_RETURN || loss->kind == LOSS_THROW) &&
	    process_ends_with(flow->fn, loss->item))
		return true;
	if (loss->kind == LOSS_RETURN && slight_is_out_of_memory(flow->fn, loss->item))
		return true;
	if (slight_is_memory(r) && item_loop(flow->fn, r->site) < 0 && function_runs_once(flow->fn))
		return true;
	return slight_in_command(flow, r);
}

/* It may open something, or let somebody else do it. */
static bool slight_may_open(const struct item *item, int depth)
{
	const struct call *call = item->call;

	if (item->kind != ITEM_CALL || !call)
		return false;
	if (call->api)
		return api_fact(call->api, FACT_OPENS) || call_waits(call) ||
		       api_is(call->api, ROLE(ACCEPT) | ROLE(SOCKET) | ROLE(FORK) | ROLE(THREAD));
	if (!call->target || !depth)
		return !call_is_talk(call);
	for (int i = 0; i < call->target->n_items; i++)
		if (slight_may_open(&call->target->items[i], depth - 1))
			return true;
	return false;
}

/* On some way from behind `from` to `to` something is opened, and the place gets no other value. */
static bool slight_opens_between(const struct function *fn, const struct item *from,
				 const struct item *to, int place)
{
	uint8_t *seen = arena_alloc(&run_arena, 2 * (size_t)fn->n_blocks + 2);
	int *stack = arena_alloc(&run_arena, (2 * (size_t)fn->n_blocks + 2) * sizeof(*stack));
	int block = item_block(fn, from), at = from->next, opened = 0, n = 0;

	for (;;) {
		for (; at >= 0 && &fn->items[at] != to; at = fn->items[at].next) {
			opened |= slight_may_open(&fn->items[at], SLIGHT_DEPTH);
			if (place >= 0 && fn->items[at].dst == place)
				break;
		}
		if (at >= 0 && &fn->items[at] == to && opened)
			return true;
		for (int e = 0; at < 0 && e < 2; e++) {
			int next = fn->blocks[block].next[e];

			if (next < 0 || seen[2 * next + opened])
				continue;
			seen[2 * next + opened] = 1;
			stack[n++] = 2 * next + opened;
		}
		if (!n)
			return false;
		block = stack[--n] / 2;
		opened = stack[n] % 2;
		at = fn->blocks[block].first;
	}
}

/* … or a number that came from elsewhere, which is closed like one. */
static bool slight_is_descriptor(const struct function *fn, const struct resource *r)
{
	uint8_t stars = 1;

	if (!strcmp(r->kind, "fd"))
		return true;
	return !strcmp(r->kind, "unknown") && r->place >= 0 && place_type(fn, r->place, &stars) &&
	       !stars;
}

bool slight_second_close(const struct flow *flow, const struct item *closed,
			 const struct item *item, int resource)
{
	const struct function *fn = flow->fn;
	const struct resource *r = &flow->resources[resource];
	unsigned reach = function_reach(fn);

	return slight_is_descriptor(fn, r) && item_block(fn, closed) >= 0 && reach &&
	       !(reach & REACH_THREADS) && !slight_opens_between(fn, closed, item, r->place);
}
