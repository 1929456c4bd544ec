/* SPDX-License-Identifier: Apache-2.0 */
/* Faults whose consequence is slight, by what the code around them shows; see slight.h. */

#include "rules/slight.h"
#include "flow/contract.h"
#include "flow/process.h"
#include "model/reach.h"
#include "read/source.h"

#include <string.h>

enum { SLIGHT_DEPTH = 2 };

static bool slight_is_standard(const struct operand *o, int64_t *number)
{
	return operand_is_number(o, number) && *number >= 0 && *number <= 2;
}

/* A thread that nobody joins is one for the life of the process, unless the call comes again and again. */
static bool slight_is_lone_thread(const struct flow *flow, const struct resource *r)
{
	return !strcmp(r->kind, "thread") && item_loop(flow->fn, r->site) < 0 &&
	       function_calls_are_lone(flow->fn);
}

/* open(), dup2(fd, 1): what the process writes to from then on; where a child does so, that says nothing of the parent. */
static bool slight_is_redirected(const struct flow *flow, const struct resource *r)
{
	const struct function *fn = flow->fn;
	int64_t number;

	if (function_find_role(flow->fn, ROLE(FORK)))
		return false;
	for (int i = 0; r->site && r->place >= 0 && i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
		const struct item *source;

		if (!call || strcmp(call->name, "dup2") || call->n_args != 2 ||
		    !strncmp(r->site->call->name, "dup", 3))
			continue;
		source = operand_source(fn, &call->args[0], &fn->items[i]);
		if (slight_is_standard(&call->args[1], &number) &&
		    (operand_is_place(&call->args[0], r->place) ||
		     (source && source->call && !strcmp(source->call->name, "fileno") &&
		      source->call->n_args && operand_is_place(&source->call->args[0], r->place))))
			return true;
	}
	return false;
}

static bool slight_is_memory(const struct resource *r)
{
	return !strcmp(r->kind, "memory") || !strcmp(r->kind, "thread") ||
	       !strcmp(r->kind, "addrinfo");
}

/* return -1; or return NULL. */
static bool slight_is_failure(const struct loss *loss)
{
	int64_t number = 0;

	return loss->kind == LOSS_RETURN && loss->item->kind == ITEM_RETURN &&
	       (loss->item->a.kind == OPERAND_NULL ||
		(operand_is_number(&loss->item->a, &number) && number < 0));
}

/*
 * A command ends soon; what it loses for each of many things that it looks at adds up all the same. What
 * it loses for a word of its command line that it cannot use does not: those are few.
 */
static bool slight_in_command(const struct flow *flow, const struct resource *r,
			      const struct loss *loss)
{
	if (function_reach(flow->fn) & REACH_SERVER || !function_reach(flow->fn))
		return false;
	return slight_is_memory(r) ||
	       (item_loop(flow->fn, r->site) < 0 &&
		(!function_runs_often(flow->fn) ||
		 (slight_is_failure(loss) && function_runs_per_word(flow->fn))));
}

bool slight_loss(const struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];

	if ((loss->kind == LOSS_RETURN || loss->kind == LOSS_THROW) &&
	    process_ends_with(flow->fn, loss->item))
		return true;
	if (loss->rare || slight_is_lone_thread(flow, r) || slight_is_redirected(flow, r))
		return true;
	if ((flow->fn->flags & FUNCTION_MAIN) && item_loop(flow->fn, r->site) < 0)
		return true;
	if (function_runs_at_start(flow->fn) && !item_comes_again(flow->fn, r->site))
		return true;
	return slight_in_command(flow, r, loss);
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
	return slight_is_descriptor(fn, r) && item_block(fn, closed) >= 0 &&
	       function_is_alone(fn) && !slight_opens_between(fn, closed, item, r->place);
}
