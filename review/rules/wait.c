/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-707 as reviews file it, the waits: loops and calls that may never end. */

#include "model/descriptor.h"
#include "flow/contract.h"
#include "flow/outcome.h"
#include "read/source.h"
#include "rules/device.h"
#include "rules/end.h"
#include "rules/retry.h"

#include <string.h>

extern const struct rule rule_W1, rule_W2;

/* The call asks whether something has happened: a connection, a state, a file. */
static bool wait_asks(const struct item *item)
{
	const struct call *call = item->call;

	if (api_is(call->api, ROLE(CONNECT) | ROLE(STATE) | ROLE(OUTCOME)))
		return true;
	return call->target && call->target->summary.can_fail &&
	       function_find_role(call->target, ROLE(CONNECT));
}

static bool wait_succeeds(const struct call *call, const struct item *test, int edge)
{
	struct contract contract = contract_of(call);
	int op = edge ? op_negate(test->op) : test->op;
	int64_t n;
	bool number = operand_is_number(&test->b, &n);

	if (contract.fails != FAILS_UNKNOWN)
		return contract_edge_works(&contract, test, edge);
	/* A state, or a number of bytes: left when it is reached. */
	return number && !n ? op == OP_NE || op == OP_GT
			    : op == OP_EQ || op == OP_GE || op == OP_GT;
}

/* `errno == EINTR` stays: then the loop goes on for signals alone. */
static bool wait_is_interrupt(const struct item *test)
{
	int64_t error = test_error(test);

	return error && (error == error_number("EINTR") || error == error_number("EAGAIN"));
}

/* What connect() says when no server is there (yet). */
static bool wait_is_absence(const struct item *test)
{
	int64_t error = test_error(test);

	return error && (error == error_number("ECONNREFUSED") || error == error_number("ENOENT"));
}

/* The way out that a test of errno opens is not taken as long as there is no server. */
static bool wait_stays(const struct item *test, int edge)
{
	/* Edge 1 is taken when the test is false. */
	bool leaves_on_equal = (test->op == OP_EQ) == !edge;

	if (test->op != OP_EQ && test->op != OP_NE)
		return true;
	return leaves_on_equal ? !wait_is_absence(test) : wait_is_absence(test);
}

/* No socket or no memory: a way out, but none that the absence of the server opens. */
static bool wait_is_other_failure(const struct item *source)
{
	const struct call *call = source->call;

	if (call->api)
		return api_is(call->api,
			      ROLE(SOCKET) | ROLE(SETOPT) | ROLE(NONBLOCK) | ROLE(MEMORY));
	return call->target && call->target->summary.opens &&
	       !function_find_role(call->target, ROLE(CONNECT) | ROLE(ACCEPT));
}

/* The call whose result is tested: the one in the loop, though the test may stand before it. */
static const struct item *wait_source(struct function *fn, int loop, const struct operand *o,
				      const struct item *test)
{
	const struct item *found = NULL;

	for (int b = 0; b < fn->n_blocks && o->kind == OPERAND_PLACE; b++) {
		if (!fn->loops[loop].member[b])
			continue;
		for (int i = fn->blocks[b].first; i >= 0; i = fn->items[i].next) {
			const struct item *item = &fn->items[i];

			if (item->dst != o->place || item->kind == ITEM_DECLARE ||
			    item->kind == ITEM_DIES)
				continue;
			if (found || item->kind == ITEM_OPERATE)
				return operand_source(fn, o, test);
			found = item;
		}
	}
	if (!found || found->kind == ITEM_CALL)
		return found ? found : operand_source(fn, o, test);
	return operand_source(fn, &found->a, found);
}

/*
 * What the loop waits for: the call on whose success alone it ends. NULL: it has another way out, a
 * limit, or waits for nothing.
 */
const struct item *wait_awaited(struct function *fn, int loop)
{
	struct loop_exit exits[LOOP_EXITS];
	int n = loop_exits(fn, loop, exits);
	const struct item *awaited = NULL;

	if (loop_is_limited(fn, loop))
		return NULL;
	for (int i = 0; i < n; i++) {
		const struct item *test = exits[i].test, *source;

		if (!test || test->op == OP_UNKNOWN)
			return NULL;
		if (operand_is_errno(fn, &test->a) && !wait_is_interrupt(test) &&
		    wait_stays(test, exits[i].edge))
			continue;
		source = wait_source(fn, loop, &test->a, test);
		if (source && wait_is_other_failure(source))
			continue;
		if (!source || source->kind != ITEM_CALL || !wait_asks(source) ||
		    !wait_succeeds(source->call, test, exits[i].edge))
			return NULL;
		awaited = source;
	}
	return awaited;
}

bool wait_asserts(struct function *fn, const struct item *item, void *data)
{
	(void)fn;
	(void)data;
	return strstr(item->call->name, "assert") || strstr(item->call->name, "ASSERT");
}

static bool wait_blocks(struct function *fn, const struct item *item, void *data)
{
	(void)data;
	return call_blocks(fn, item->call);
}

static bool wait_tells(struct function *fn, const struct item *item, void *data)
{
	(void)fn;
	(void)data;
	return api_is(item->call->api, ROLE(LOG)) || (!item->call->api && call_is_talk(item->call));
}

/* … by a call, or std::cerr << "no server"; */
static bool wait_says_so(struct function *fn, int number)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const char *name = item->kind == ITEM_OPERATE && item->op == '<' &&
						   item->a.kind == OPERAND_PLACE
					   ? fn->places[item->a.place].name
					   : NULL;

		if (name && item_loop(fn, item) == number &&
		    (strstr(name, "cerr") || strstr(name, "cout") || strstr(name, "clog")))
			return true;
	}
	return loop_find_call(fn, number, wait_tells, NULL);
}

/* sleep(2), as the code shows. */
static bool wait_sleeps_long(struct function *fn, const struct item *item, void *data)
{
	int64_t seconds;

	(void)fn;
	(void)data;
	return !strcmp(item->call->name, "sleep") && item->call->n_args == 1 &&
	       operand_is_number(&item->call->args[0], &seconds) && seconds > 0;
}

/* access(path, F_OK) */
static bool wait_looks_for_file(const struct call *call)
{
	const struct fact *sink = api_fact(call->api, FACT_SINK);

	return sink && !strcmp(sink->word, "path");
}

/* The function is what a thread begins with, and connecting is all that the thread is for. */
static bool wait_is_thread(const struct function *fn)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *by = program.functions[f];
		const struct item *starts =
			by->interesting ? function_find_role(by, ROLE(THREAD)) : NULL;

		for (const struct item *i = starts; i && i < by->items + by->n_items; i++)
			for (int k = 0; i->kind == ITEM_CALL && i->call &&
					api_is(i->call->api, ROLE(THREAD)) && k < i->call->n_args;
			     k++)
				if (operand_function(by, &i->call->args[k]) == fn)
					return true;
	}
	return false;
}

/*
 * while (access(path, F_OK) < 0) sleep(1): what it waits for is a file, and it costs nothing meanwhile;
 * for (;;) { if (dial() == 0) break; sleep(2); } in a thread of its own keeps nobody else waiting. Where
 * it also says so each time, whoever sees it can end it: so connecting again, with seconds in between.
 */
static bool w1_is_deliberate(struct function *fn, int number, const struct item *awaited)
{
	if (loop_find_call(fn, number, wait_sleeps_long, NULL) && wait_is_thread(fn))
		return true;
	if (awaited->call->target || !loop_find_role(fn, number, ROLE(SLEEP)))
		return false;
	if (api_is(awaited->call->api, ROLE(CONNECT)))
		return loop_find_call(fn, number, wait_sleeps_long, NULL) &&
		       wait_says_so(fn, number);
	return wait_looks_for_file(awaited->call) || wait_says_so(fn, number);
}

/*
 * W1: a loop retries or waits for a connection, state or data with no attempt limit, no deadline
 * and no other way out.
 */
static void w1_loop(struct function *fn, int number)
{
	const struct loop *loop = &fn->loops[number];
	const struct item *awaited = wait_awaited(fn, number);
	struct finding *finding;
	bool busy;

	if (!awaited) {
		end_loop(fn, number);
		device_loop(fn, number);
		return;
	}
	if (loop_find_call(fn, number, wait_asserts, NULL))
		return;
	busy = !loop_find_call(fn, number, wait_blocks, NULL) || retry_connects_busily(fn, number);
	finding = finding_add_of(
		&rule_W1, fn, loop->at, &awaited->at,
		"The loop ends only when %s %s. If the server is gone this never happens, and nothing limits the attempts or the time%s.",
		call_text(fn, awaited),
		contract_of(awaited->call).fails ? "succeeds" : "has the value it waits for",
		busy ? "; meanwhile the loop keeps a processor busy" : "");
	if (finding && w1_is_deliberate(fn, number, awaited))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"Limit the wait on %s in %s(): count attempts or set a deadline (%s) beside the condition, pause between attempts, and report the failure to the caller when the limit is reached.",
		call_text(fn, awaited), fn->label, rule_clock(fn));
}

const struct rule rule_W1 = {
	.id = "W1",
	.title = "A loop waits or retries without an end",
	.cwe = "835",
	.pillar = 707,
	.severity = SEVERITY_ERROR,
	.consequence = "the program hangs for as long as the other side is gone",
	.is_asked = true,
	.loop = w1_loop,
	.program = end_program,
};

/* Anything that may block or change what the loop looks at, as far as is known. */
static bool w2_may_block(struct function *fn, const struct item *item, void *data)
{
	const struct call *call = item->call;

	(void)data;
	if (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE))
		return false;
	return call_blocks(fn, call) ||
	       (!call->api && (!call->target || !call->target->summary.done));
}

/* A test of a state, of the time, or of a variable that only somebody else changes. */
static bool w2_spins_on(struct function *fn, int loop, const struct loop_exit *exit)
{
	const struct item *test = exit->test, *source;
	const struct place *place;

	if (!test || test->op == OP_UNKNOWN)
		return false;
	source = operand_source(fn, &test->a, test);
	if (source && api_is(source->call->api, ROLE(STATE)))
		return wait_succeeds(source->call, test, exit->edge);
	if (source)
		return api_is(source->call->api, ROLE(CLOCK) | ROLE(ALIVE));
	if (test->a.kind != OPERAND_PLACE)
		return false;
	for (int i = test->a.place; i >= 0; i = fn->places[i].parent)
		if (fn->places[i].kind == PLACE_INDEX)
			return false;
	place = place_root(fn, test->a.place);
	return (place->is_member || place->is_global) && !loop_changes(fn, loop, test->a.place);
}

/* The item only looks: it neither blocks nor takes anything away nor changes a variable. */
static bool w2_only_looks(const struct function *fn, const struct item *item, bool *asks)
{
	const struct call *call = item->call;

	if (item->kind == ITEM_ASSIGN || item->kind == ITEM_OPERATE)
		return item->dst < 0 || fn->places[item->dst].kind == PLACE_TEMP;
	if (item->kind != ITEM_CALL || !call)
		return item->kind != ITEM_RETURN && item->kind != ITEM_THROW;
	if (!call->api || (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE)))
		return false;
	/* waitForReadyRead(0), poll(…, 0) */
	if (call_limit(fn, call) == LIMIT_NOTHING) {
		*asks = true;
		return true;
	}
	*asks |= api_is(call->api, ROLE(STATE) | ROLE(YIELD));
	return !call_blocks(fn, call) &&
	       api_is(call->api, ROLE(STATE) | ROLE(YIELD) | ROLE(CLOCK) | ROLE(PURE) |
					 ROLE(CHECK) | ROLE(DIALS) | ROLE(LOG) | ROLE(AMOUNT) |
					 ROLE(ALIVE));
}

static bool w2_block_looks(const struct function *fn, int block, bool *asks)
{
	for (int i = fn->blocks[block].first; i >= 0; i = fn->items[i].next)
		if (!w2_only_looks(fn, &fn->items[i], asks))
			return false;
	return true;
}

/* From the block some way leads back to the header, and all on it only look. */
static bool w2_idles_from(const struct function *fn, const struct loop *loop, int block, bool asks,
			  uint8_t *seen)
{
	if (block < 0 || !loop->member[block])
		return false;
	if (block == loop->header && seen[block])
		return asks;
	if (seen[block] & (asks ? 2 : 1) || !w2_block_looks(fn, block, &asks))
		return false;
	seen[block] |= asks ? 3 : 1;
	return w2_idles_from(fn, loop, fn->blocks[block].next[0], asks, seen) ||
	       w2_idles_from(fn, loop, fn->blocks[block].next[1], asks, seen);
}

/* Some turn of the loop does nothing but ask whether something has changed. */
static bool w2_idles(struct function *fn, int number)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);

	loop_members(fn, number);
	return w2_idles_from(fn, &fn->loops[number], fn->loops[number].header, false, seen);
}

/* The block belongs to no loop inside this one. */
static bool w2_is_inmost(struct function *fn, int number, int block)
{
	for (int l = 0; l < fn->n_loops; l++) {
		loop_members(fn, l);
		if (l != number && fn->loops[l].member[block] &&
		    fn->loops[l].header != fn->loops[number].header &&
		    fn->loops[number].member[fn->loops[l].header])
			return false;
	}
	return true;
}

/* The function makes it block before the call: set_blocking(fd); while (…) write(fd, …). */
static bool w2_is_made_blocking(const struct function *fn, const struct operand *o,
				const struct item *before)
{
	for (const struct item *i = fn->items; o->kind == OPERAND_PLACE && i < before; i++)
		if (i->kind == ITEM_CALL && i->call && i->call->n_args &&
		    operand_is_place(&i->call->args[0], o->place) && item_blocks_again(fn, i))
			return true;
	return false;
}

/* Whoever sets SO_RCVTIMEO has a descriptor that blocks, whatever another one of that name does. */
static bool w2_has_limit(const struct function *fn)
{
	return strstr(fn->source->text, "SO_RCVTIMEO") || strstr(fn->source->text, "SO_SNDTIMEO");
}

/* accept(port->fd, …) with port = port->next: each turn asks another descriptor. */
static bool w2_is_another(struct function *fn, int number, const struct operand *o)
{
	int root;

	if (o->kind != OPERAND_PLACE || fn->places[o->place].parent < 0)
		return false;
	root = (int)(place_root(fn, o->place) - fn->places);
	return loop_changes(fn, number, root);
}

/* write(fd, &one, sizeof(one)) of an eventfd: EAGAIN means 2^64 - 1 wakings that nobody has heard. */
static bool w2_wakes(const struct function *fn, const struct call *call)
{
	const struct operand *o = call->n_args == 3 ? &call->args[1] : NULL;
	const char *type;
	uint8_t stars;

	if (!o || strcmp(call->name, "write") != 0 || o->kind != OPERAND_ADDRESS ||
	    !strstr(fn->source->text, "eventfd"))
		return false;
	type = fn->places[o->place].type;
	if (!type || fn->places[o->place].stars)
		return false;
	if (!strcmp(type, "eventfd_t") || strstr(type, "uint64"))
		return true;
	type = place_type(fn, o->place, &stars);
	return type && !stars && strstr(type, "uint64");
}

/* send() or recv() on a descriptor that never blocks, so that each turn comes back at once. */
static bool w2_never_blocks(struct function *fn, int number, const struct item *item)
{
	const struct fact *blocks = item->kind == ITEM_CALL && item->call
					    ? api_fact(item->call->api, FACT_BLOCKS)
					    : NULL;
	const struct operand *o = blocks ? call_argument(item->call, blocks->arg) : NULL;

	if (!o || !w2_is_inmost(fn, number, item_block(fn, item)) || w2_is_another(fn, number, o) ||
	    w2_wakes(fn, item->call))
		return false;
	return item_mentions(fn, item, "DONTWAIT") ||
	       ((descriptor_kinds(fn, o) & DESCRIPTOR_NONBLOCK) &&
		!w2_is_made_blocking(fn, o, item) && !w2_has_limit(fn));
}

/* n, or what n was before n--. */
static bool w2_is_value_of(const struct function *fn, const struct operand *o, int place)
{
	const struct item *set = o->kind == OPERAND_PLACE ? place_set_once(fn, o->place) : NULL;

	if (operand_is_place(o, place))
		return true;
	if (!set || fn->places[o->place].kind != PLACE_TEMP)
		return set && set->kind == ITEM_ASSIGN && operand_is_place(&set->a, place);
	/* (i - 1) != 0 */
	return (set->kind == ITEM_ASSIGN || set->kind == ITEM_OPERATE) &&
	       (operand_is_place(&set->a, place) || operand_is_place(&set->b, place));
}

/* for (i = 0; i < n > 0; i++): the comparison is not the last that decides. */
static bool w2_counts_inside(const struct function *fn, int number, int place)
{
	for (int b = 0; fn->loops[number].kind == LOOP_FOR && b < fn->n_blocks; b++) {
		const struct item *test = fn->loops[number].member[b] && fn->blocks[b].last >= 0
						  ? &fn->items[fn->blocks[b].last]
						  : NULL;

		if (test && test->kind == ITEM_BRANCH && test->op >= OP_LT &&
		    (operand_is_place(&test->a, place) || operand_is_place(&test->b, place)))
			return true;
	}
	return false;
}

/*
 * A number on which the loop can end goes up or down, or it = it->next: another descriptor, another
 * attempt, another address.
 */
static bool w2_counts(struct function *fn, int number, const struct item *item)
{
	struct loop_exit exits[LOOP_EXITS];
	int n = loop_exits(fn, number, exits);
	bool next = item->kind == ITEM_ASSIGN && item->dst >= 0 && item->a.kind == OPERAND_PLACE &&
		    item->a.place != item->dst && place_is_within(fn, item->a.place, item->dst);

	if (item->dst < 0 || item->kind != (next ? ITEM_ASSIGN : ITEM_OPERATE) ||
	    (!next && item->op != '+' && item->op != '-'))
		return false;
	for (int i = 0; i < n; i++) {
		const struct item *test = exits[i].test;

		if (test && (w2_is_value_of(fn, &test->a, item->dst) ||
			     w2_is_value_of(fn, &test->b, item->dst)))
			return true;
	}
	return !next && w2_counts_inside(fn, number, item->dst);
}

static bool w2_item_rests(struct function *fn, int number, const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (!call)
		return w2_counts(fn, number, item);
	return (call_blocks(fn, call) || (!call->api && !call->target)) &&
	       !api_fact(call->api, FACT_BLOCKS);
}

/* From the block some way leads to the attempt again, without a rest and without a count. */
static bool w2_returns_from(struct function *fn, int number, int block, const struct item *attempt,
			    uint8_t *seen)
{
	const struct loop *loop = &fn->loops[number];

	if (block < 0 || !loop->member[block] || seen[block])
		return false;
	seen[block] = 1;
	for (int i = fn->blocks[block].first; i >= 0; i = fn->items[i].next) {
		if (&fn->items[i] == attempt)
			return true;
		if (w2_item_rests(fn, number, &fn->items[i]))
			return false;
	}
	return w2_returns_from(fn, number, fn->blocks[block].next[0], attempt, seen) ||
	       w2_returns_from(fn, number, fn->blocks[block].next[1], attempt, seen);
}

/* errno there may be that of the attempt: no call that waits stands between the two. */
static bool w2_is_told_at(struct function *fn, int number, int block, int from, int wanted,
			  uint8_t *seen)
{
	for (int i = from; i >= 0; i = fn->items[i].next)
		if (w2_item_rests(fn, number, &fn->items[i]))
			return false;
	if (block == wanted)
		return true;
	for (int e = 0; e < 2; e++) {
		int next = fn->blocks[block].next[e];

		if (next < 0 || !fn->loops[number].member[next] || seen[next])
			continue;
		seen[next] = 1;
		if (w2_is_told_at(fn, number, next, fn->blocks[next].first, wanted, seen))
			return true;
	}
	return false;
}

/* do { n = recv(…); } while (n != -1): what has failed with EAGAIN ends the loop, whoever asks for it. */
static bool w2_goes_on(struct function *fn, const struct item *attempt)
{
	struct outcome outcome = { .fn = fn, .call = attempt, .result = -1, .error = "EAGAIN" };

	return outcome_walk(&outcome) & (OUTCOME_AGAIN | OUTCOME_TOO_LONG);
}

/* The attempt is made again at once when a test in the loop has found EAGAIN. */
static bool w2_retries_at(struct function *fn, int number, const struct item *attempt)
{
	const struct loop *loop = &fn->loops[number];
	int begin = item_block(fn, attempt);

	if (begin < 0 || !w2_goes_on(fn, attempt))
		return false;
	for (int b = 0; b < fn->n_blocks; b++) {
		const struct block *block = &fn->blocks[b];
		const struct item *test = block->last >= 0 ? &fn->items[block->last] : NULL;

		if (!loop->member[b] || !test || test->kind != ITEM_BRANCH ||
		    (test->op != OP_EQ && test->op != OP_NE) || !operand_is_errno(fn, &test->a))
			continue;
		if (test_error(test) != error_number("EAGAIN") ||
		    !w2_is_told_at(fn, number, begin, attempt->next, b,
				   arena_alloc(&run_arena, (size_t)fn->n_blocks + 1)))
			continue;
		if (w2_returns_from(fn, number, block->next[test->op == OP_NE], attempt,
				    arena_alloc(&run_arena, (size_t)fn->n_blocks + 1)))
			return true;
	}
	return false;
}

/* After EAGAIN the loop goes round again at once. */
static bool w2_retries(struct function *fn, int number)
{
	const struct loop *loop = &fn->loops[number];

	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = fn->blocks[b].first; loop->member[b] && i >= 0; i = fn->items[i].next)
			if (w2_never_blocks(fn, number, &fn->items[i]) &&
			    w2_retries_at(fn, number, &fn->items[i]))
				return true;
	return false;
}

/* while (!__sync_bool_compare_and_swap(&lock, 0, 1)) …: a lock that spins does so on purpose. */
static bool w2_swaps(struct function *fn, const struct item *item, void *data)
{
	static const char *const words[] = { "compare_and_swap", "compare_exchange", "test_and_set",
					     "atomic_exchange",  "CompareExchange",  "cmpxchg",
					     "testAndSet",       "fetchAndStore" };

	(void)fn;
	(void)data;
	return call_has_word(item->call, words, sizeof(words) / sizeof(*words));
}

static bool w2_spins(struct function *fn, int number)
{
	struct loop_exit exits[LOOP_EXITS];
	int n = loop_exits(fn, number, exits);
	uint64_t asks = ROLE(STATE) | ROLE(YIELD) | ROLE(DIALS) | ROLE(CONNECT);
	uint64_t consumes = ROLE(ACCEPT) | ROLE(READ);

	if (!n || loop_find_call(fn, number, w2_may_block, NULL) ||
	    !loop_find_role(fn, number, asks) || loop_find_role(fn, number, consumes))
		return false;
	for (int i = 0; i < n; i++)
		if (!w2_spins_on(fn, number, &exits[i]))
			return false;
	return true;
}

/* W2: a busy wait, a loop with nothing in it that blocks. */
static void w2_loop(struct function *fn, int number)
{
	const struct loop *loop = &fn->loops[number];
	struct finding *finding;

	end_ready_loop(fn, number);
	if (loop->bounded || wait_awaited(fn, number))
		return;
	if (w2_retries(fn, number)) {
		finding = finding_add(
			&rule_W2, fn, loop->at,
			"After `EAGAIN` this loop tries again immediately on a descriptor that does not block: it keeps a processor busy until the peer reads or writes.");
		finding_fix(
			finding,
			"In %s(), `poll()` the descriptor with a limit before the next attempt, or keep the remaining bytes and continue when the event loop reports the descriptor as ready.",
			fn->label);
		return;
	}
	if ((!w2_spins(fn, number) && !w2_idles(fn, number)) ||
	    loop_find_call(fn, number, w2_swaps, NULL))
		return;
	finding = finding_add(
		&rule_W2, fn, loop->at,
		"Nothing in this loop blocks, so it keeps a processor busy until `%s` changes.",
		loop->condition ? loop->condition : "it");
	finding_fix(
		finding,
		"In %s(), block until something happens instead of asking again and again: %s, or a %s of the event loop.",
		fn->label,
		function_uses_qt(fn) ? "a `waitFor…()` with a limit" : "`poll()` with a limit",
		function_uses_qt(fn) ? "signal" : "callback");
}

const struct rule rule_W2 = {
	.id = "W2",
	.title = "A busy wait",
	.cwe = "835,400",
	.pillar = 707,
	.severity = SEVERITY_WARNING,
	.consequence = "a processor is busy while nothing happens",
	.loop = w2_loop,
	.program = end_ready_program,
};
