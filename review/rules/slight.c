/* SPDX-License-Identifier: Apache-2.0 */
/* Faults whose consequence is slight, by what the code around them shows; see slight.h. */

#include "rules/slight.h"
#include "flow/contract.h"
#include "flow/process.h"
#include "model/reach.h"
#include "read/source.h"

#include <string.h>

enum { SLIGHT_DEPTH = 2, SLIGHT_BLOCKS = 600 };

static bool slight_is_standard(const struct operand *o, int64_t *number)
{
	return operand_is_number(o, number) && *number >= 0 && *number <= 2;
}

/* for (;;) with no way out: the function does not come back. */
static bool slight_is_endless(const struct function *fn)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, (2 * (size_t)fn->n_blocks + 2) * sizeof(*stack));
	int n = 1;

	stack[0] = 0;
	while (n) {
		int block = stack[--n];

		for (int i = fn->blocks[block].first; i >= 0; i = fn->items[i].next)
			if (fn->items[i].kind == ITEM_RETURN || fn->items[i].kind == ITEM_THROW ||
			    (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			     strstr(fn->items[i].call->name, "exit")))
				return false;
		for (int e = 0; e < 2; e++) {
			int next = fn->blocks[block].next[e], loop = fn->blocks[block].loop;

			if (next < 0 || seen[next] ||
			    (loop >= 0 && fn->loops[loop].forever &&
			     fn->loops[loop].header == block && fn->loops[loop].exit == next))
				continue;
			seen[next] = 1;
			stack[n++] = next;
		}
	}
	return true;
}

/*
 * A thread that nobody joins is one for the life of the process, unless the call comes again and again. One
 * that never ends cannot be joined.
 */
static bool slight_is_lone_thread(const struct flow *flow, const struct resource *r)
{
	const struct operand *start = r->site ? call_argument(r->site->call, 3) : NULL;
	const struct function *runs = start ? operand_function(flow->fn, start) : NULL;

	if (strcmp(r->kind, "thread") != 0 || !r->site || item_loop(flow->fn, r->site) >= 0)
		return false;
	return function_calls_are_lone(flow->fn) ||
	       (runs && runs->n_blocks && slight_is_endless(runs) &&
		!function_find_role(flow->fn, ROLE(ACCEPT)));
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

static bool slight_returns(const struct function *fn, const struct item *user, int place,
			   void *data)
{
	(void)fn;
	(void)data;
	return user->kind == ITEM_RETURN && operand_is_place(&user->a, place);
}

/* return fileno(f); or through a variable. */
static bool slight_is_returned(const struct function *fn, const struct item *item)
{
	return item_result_has_use(fn, item, slight_returns, NULL);
}

/* Something of the name "closed" was done to it, but not what releases it. */
static bool slight_is_ended(const struct function *fn, const struct call *call, int place)
{
	const struct operand *o = call->receiver.kind ? &call->receiver
				  : call->n_args      ? &call->args[0]
						      : NULL;
	const struct item *set =
		o && o->kind == OPERAND_PLACE ? place_set_once(fn, o->place) : NULL;

	/* out = G_OUTPUT_STREAM(file): a second name. */
	if (set && set->kind == ITEM_ASSIGN && o->place != place)
		o = &set->a;
	return o && operand_is_place(o, place) && !api_fact(call->api, FACT_CLOSES) &&
	       (strstr(call->name, "close") || strstr(call->name, "shutdown"));
}

/*
 * fd = fileno(f); FILE *f = fdopen(p->fd, "r"): whoever has the number closes it, and only what stands
 * around it is lost, as where g_output_stream_close() has closed it.
 */
static bool slight_is_shell(const struct flow *flow, const struct resource *r)
{
	const struct function *fn = flow->fn;
	const struct call *site = r->site ? r->site->call : NULL;
	const struct operand *held = site && site->n_args ? &site->args[0] : NULL;

	if (r->place < 0 || !site || (strcmp(r->kind, "file") && strcmp(r->kind, "object")))
		return false;
	if (held && !strcmp(site->name, "fdopen") && held->kind == OPERAND_PLACE &&
	    (!place_is_local(fn, held->place) || fn->places[held->place].kind == PLACE_PARAM))
		return true;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind != ITEM_CALL || !item->call)
			continue;
		if (!strcmp(item->call->name, "fileno") && item->call->n_args &&
		    operand_is_place(&item->call->args[0], r->place) &&
		    slight_is_returned(fn, item))
			return true;
		if (!strcmp(r->kind, "object") && slight_is_ended(fn, item->call, r->place))
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

/* No catch in the whole program: what is thrown ends it. */
static bool slight_is_never_caught(const struct function *fn)
{
	for (size_t f = 0; program.reached && f < program.n_functions; f++)
		for (int i = 0; i < program.functions[f]->n_items; i++)
			if (program.functions[f]->items[i].kind == ITEM_CATCH &&
			    program_shares(program.functions[f]->source, fn->source))
				return false;
	return program.reached;
}

bool slight_loss(const struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];
	const struct item *leaves = NULL;

	if (loss->kind == LOSS_THROW && slight_is_never_caught(flow->fn))
		return true;
	if (loss->kind == LOSS_RETURN || loss->kind == LOSS_THROW || loss->kind == LOSS_SCOPE)
		leaves = process_leaves(flow->fn, loss->item);
	if (leaves && process_ends_with(flow->fn, leaves))
		return true;
	if (loss->kind == LOSS_DROPPED && r->site && process_exits_behind(flow->fn, r->site))
		return true;
	if ((loss->rare && !api_is(r->api, ROLE(ACCEPT))) || slight_is_lone_thread(flow, r) ||
	    slight_is_redirected(flow, r) || slight_is_shell(flow, r))
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

	/* The parent has closed nothing yet, and a child hardly comes out of its branch. */
	if (process_is_childs(fn, closed) && !process_is_childs(fn, item))
		return true;
	return slight_is_descriptor(fn, r) && item_block(fn, closed) >= 0 &&
	       function_is_alone(fn) && !slight_opens_between(fn, closed, item, r->place);
}

const uint8_t *slight_behind(const struct function *fn, int from)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, (2 * (size_t)fn->n_blocks + 2) * sizeof(*stack));
	int n = 0;

	stack[n++] = from;
	while (n) {
		int block = stack[--n];

		for (int e = 0; e < 2; e++) {
			int next = fn->blocks[block].next[e];

			if (next < 0 || seen[next])
				continue;
			seen[next] = 1;
			stack[n++] = next;
		}
	}
	return seen;
}

/* The blocks that lie on some way from the one to the other. */
static uint8_t *slight_between(const struct function *fn, int from, int to)
{
	size_t n = (size_t)fn->n_blocks;
	uint8_t *seen = arena_alloc(&run_arena, 2 * n + 1), *back = seen + n;
	bool more = true;

	seen[from] = back[to] = 1;
	while (more) {
		more = false;
		for (int b = 0; b < fn->n_blocks; b++)
			for (int e = 0; e < 2; e++) {
				int next = fn->blocks[b].next[e];

				if (next < 0)
					continue;
				more |= (b != to && seen[b] && !seen[next]) ||
					(next != from && back[next] && !back[b]);
				seen[next] |= b != to && seen[b];
				back[b] |= next != from && back[next];
			}
	}
	for (int b = 0; b < fn->n_blocks; b++)
		seen[b] &= back[b];
	return seen;
}

/* The value that the operand has was there before the way began. */
static bool slight_is_stale(const struct function *fn, const struct operand *o,
			    const struct item *test, const struct item *closed,
			    const uint8_t *between)
{
	const struct item *set;

	if (o->kind != OPERAND_PLACE || fn->places[o->place].parent >= 0)
		return o->kind != OPERAND_PLACE;
	for (set = place_set_last(fn, o->place); set; set = item_set_before(fn, set)) {
		int block = item_block(fn, set);

		if (set != test && block >= 0 && between[block] &&
		    (block != item_block(fn, closed) || set > closed))
			return false;
	}
	return true;
}

/* Every way to the block leads through the other. */
static bool slight_is_through(const struct function *fn, int through, int wanted)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, (2 * (size_t)fn->n_blocks + 2) * sizeof(*stack));
	int n = 0;

	if (through)
		stack[n++] = 0;
	while (n) {
		int block = stack[--n];

		if (block == wanted)
			return through == wanted;
		for (int e = 0; e < 2; e++) {
			int next = fn->blocks[block].next[e];

			if (next < 0 || next == through || seen[next])
				continue;
			seen[next] = 1;
			stack[n++] = next;
		}
	}
	return true;
}

bool slight_depends(const struct function *fn, const struct item *closed, const struct item *item)
{
	int from = item_block(fn, closed), to = item_block(fn, item);
	const uint8_t *between;

	if (from < 0 || to < 0 || from == to || fn->n_blocks > SLIGHT_BLOCKS)
		return false;
	between = slight_between(fn, from, to);
	for (int b = 0; b < fn->n_blocks; b++) {
		const struct item *test =
			fn->blocks[b].last >= 0 ? &fn->items[fn->blocks[b].last] : NULL;
		bool first = between[b] && b != to && fn->blocks[b].next[0] >= 0 &&
			     between[fn->blocks[b].next[0]];
		bool second = between[b] && b != to && fn->blocks[b].next[1] >= 0 &&
			      between[fn->blocks[b].next[1]];

		if (test && test->kind == ITEM_BRANCH && first != second &&
		    !slight_is_through(fn, from, b) &&
		    slight_is_stale(fn, &test->a, test, closed, between) &&
		    slight_is_stale(fn, &test->b, test, closed, between))
			return true;
	}
	return false;
}
