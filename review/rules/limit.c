/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-707 as reviews file it, the limits: single calls that may wait for ever. */

#include "flow/outcome.h"
#include "model/descriptor.h"
#include "rules/rules.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_W3;

enum { LIMIT_DEPTH = 4 };

struct limit_search {
	uint64_t roles;
	int depth;
};

/* The call does it, or calls a function of the project that does. */
static bool limit_does(struct function *fn, const struct item *item, void *data)
{
	struct limit_search *search = data, deeper = { search->roles, search->depth - 1 };

	(void)fn;
	if (item->call->api)
		return api_is(item->call->api, search->roles);
	return item->call->target && search->depth > 0 &&
	       function_find_call(item->call->target, limit_does, &deeper);
}

/* The innermost loop that the item belongs to, or -1. */
static int limit_loop_of(struct function *fn, const struct item *item)
{
	int block = item_block(fn, item), found = -1;

	for (int l = 0; block >= 0 && l < fn->n_loops; l++) {
		loop_members(fn, l);
		if (fn->loops[l].member[block] &&
		    (found < 0 || fn->loops[found].member[fn->loops[l].header]))
			found = l;
	}
	return found;
}

/* `while (poll(…) < 0) if (errno != EINTR) return` is no loop over events. */
static bool limit_only_retries(struct function *fn, int loop)
{
	loop_members(fn, loop);
	for (int b = 0; b < fn->n_blocks; b++) {
		if (!fn->loops[loop].member[b])
			continue;
		for (int i = fn->blocks[b].first; i >= 0; i = fn->items[i].next)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			    !api_is(fn->items[i].call->api, ROLE(POLL) | ROLE(LOG) | ROLE(PURE)))
				return false;
	}
	return true;
}

/* Something was sent before the loop, and what comes in the loop is returned: a question. */
static bool limit_awaits_answer(struct function *fn, int loop, const struct item *wait)
{
	struct limit_search writes = { ROLE(WRITE), LIMIT_DEPTH };
	bool asked = false, answered = false;
	struct loop_exit exits[LOOP_EXITS];
	int n = loop_exits(fn, loop, exits);

	for (const struct item *i = fn->items; i < wait; i++)
		if (i->kind == ITEM_CALL && i->call && limit_does(fn, i, &writes)) {
			int block = item_block(fn, i);

			asked |= block >= 0 && !fn->loops[loop].member[block];
		}
	for (int e = 0; e < n; e++) {
		int block = fn->blocks[exits[e].block].next[exits[e].edge];

		for (int hop = 0; hop < 3 && block >= 0; hop++, block = fn->blocks[block].next[0]) {
			const struct item *last = fn->blocks[block].last >= 0
							  ? &fn->items[fn->blocks[block].last]
							  : NULL;

			if (last && last->kind == ITEM_RETURN)
				answered |= last->a.kind == OPERAND_PLACE;
		}
	}
	return asked && answered;
}

/* poll(&one, 1, …), select(fd + 1, …): it waits for one descriptor. */
static bool limit_is_for_one(const struct function *fn, const struct call *call)
{
	const struct item *set;
	int64_t number;

	if (call->n_args == 3)
		return operand_is_number(&call->args[1], &number) && number == 1;
	if (call->n_args != 5 || call->args[0].kind != OPERAND_PLACE)
		return false;
	set = place_set_once(fn, call->args[0].place);
	return set && set->kind == ITEM_OPERATE && set->op == '+' && set->a.kind == OPERAND_PLACE &&
	       operand_is_number(&set->b, &number) && number == 1;
}

/* A loop over events sleeps as long as nothing happens: that is its work. */
static bool limit_is_event_loop(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	int loop = limit_loop_of(fn, item);
	struct limit_search accepts = { ROLE(ACCEPT), LIMIT_DEPTH };
	int64_t count;

	if (!api_is(call->api, ROLE(POLL)))
		return loop >= 0 && api_is(call->api, ROLE(ACCEPT));
	if (call->n_args < 2 || !operand_is_number(&call->args[1], &count) || count != 1 ||
	    call->args[1].kind == OPERAND_NULL)
		return true;
	if (function_find_call(fn, limit_does, &accepts))
		return true;
	if (loop < 0 || limit_only_retries(fn, loop))
		return false;
	return !limit_awaits_answer(fn, loop, item);
}

static bool total_visit(struct outcome *outcome, const struct item *item)
{
	const struct call *call = item->call;

	(void)outcome;
	/* What nobody knows may end the wait, and what looks after others may have its reason. */
	if (!call->api && !call->target)
		return !call_is_talk(call);
	return api_is(call->api,
		      ROLE(YIELD) | ROLE(CLOCK) | ROLE(ALIVE) | ROLE(WRITE) | ROLE(LOOP)) ||
	       (call->target &&
		function_find_role(call->target, ROLE(CLOCK) | ROLE(ALIVE) | ROLE(WRITE)));
}

/* What becomes of the loop when the wait gives that, while the total is not reached. */
static unsigned total_ends(struct function *fn, const struct item *item, int64_t result,
			   const struct loop_exit *total)
{
	struct outcome outcome = { .fn = fn,
				   .call = item,
				   .result = result,
				   .visit = result ? NULL : total_visit,
				   .sure = total->test,
				   .sure_edge = !total->edge };

	return outcome_walk(&outcome) & ~(unsigned)OUTCOME_TESTED;
}

/* A call of the function reads from a peer; in the loop, or anywhere. */
static const struct item *total_reads(struct function *fn, int loop)
{
	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = fn->blocks[b].first; (loop < 0 || fn->loops[loop].member[b]) && i >= 0;
		     i = fn->items[i].next) {
			const struct item *item = &fn->items[i];
			const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

			if (call && api_is(call->api, ROLE(READ)) && call->n_args &&
			    (api_is(call->api, ROLE(PEER)) ||
			     (descriptor_kinds(fn, &call->args[0]) & DESCRIPTOR_STREAM)))
				return item;
		}
	return NULL;
}

/* The way out of the loop that is taken when so many bytes have come, or none. */
static struct loop_exit total_exit(struct function *fn, int loop)
{
	const struct item *read = total_reads(fn, loop);
	struct loop_exit exits[LOOP_EXITS];
	int n = loop_exits(fn, loop, exits), amount = read ? item_result(fn, read) : -1;

	for (int e = 0; amount >= 0 && e < n; e++)
		for (int i = 0; exits[e].test && i < fn->n_items; i++) {
			const struct item *item = &fn->items[i];

			if (item->kind == ITEM_OPERATE && (item->op == '+' || item->op == '-') &&
			    operand_is_place(&item->b, amount) && item->dst >= 0 &&
			    (operand_is_place(&exits[e].test->a, item->dst) ||
			     operand_is_place(&exits[e].test->b, item->dst)))
				return exits[e];
		}
	return (struct loop_exit){ .test = NULL };
}

/*
 * Each wait has a limit, and when it has passed the loop begins it anew, with nothing that counts, asks
 * for the time or could end it: together they have none. Only a wait for one peer, that asks for an
 * answer, for so many bytes, or once; a loop over events goes round for ever by its nature.
 */
static bool limit_has_no_total(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	struct limit_search accepts = { ROLE(ACCEPT), LIMIT_DEPTH };
	int loop = limit_loop_of(fn, item);
	struct loop_exit total;

	if (loop < 0 || !api_is(call->api, ROLE(POLL)) || !limit_is_for_one(fn, call) ||
	    function_find_call(fn, limit_does, &accepts) ||
	    function_find_call(fn, item_sets_alarm, NULL) || !total_reads(fn, -1))
		return false;
	total = total_exit(fn, loop);
	return total_ends(fn, item, 0, &total) == OUTCOME_AGAIN &&
	       (total.test || limit_awaits_answer(fn, loop, item) ||
		!(total_ends(fn, item, 1, &total) & OUTCOME_AGAIN));
}

/* p.events = POLLOUT; select(fd + 1, NULL, &set, NULL, NULL): it waits until it can write. */
static bool limit_is_for_room(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;

	if (!api_is(call->api, ROLE(POLL)))
		return false;
	if (call->n_args == 5)
		return call->args[1].kind == OPERAND_NULL && call->args[2].kind != OPERAND_NULL;
	return function_text_has(fn, "POLLOUT") && !function_text_has(fn, "POLLIN") &&
	       !function_text_has(fn, "POLLRDNORM");
}

/*
 * … for something else than the outcome of a connect(), as a write() that blocks does; it takes a peer that
 * does not read for a whole buffer, and datagrams wait for no peer at all.
 */
static bool limit_is_write(struct function *fn, const struct item *item)
{
	return limit_is_for_room(fn, item) && !function_find_role(fn, ROLE(CONNECT));
}

/* receive() beside receive(timeout), of one class: who calls it has the choice. */
static bool limit_is_overload(const struct function *fn)
{
	for (size_t f = 0; fn->class_name && f < program.n_functions; f++) {
		struct function *other = program.functions[f];

		if (other == fn || other->class_name != fn->class_name || other->name != fn->name ||
		    other->n_params <= fn->n_params)
			continue;
		for (int i = 0; i < other->n_items; i++)
			if (other->items[i].kind == ITEM_CALL && other->items[i].call &&
			    api_fact(other->items[i].call->api, FACT_WAITS) &&
			    (call_limit(other, other->items[i].call) == LIMIT_SOME ||
			     call_limit(other, other->items[i].call) == LIMIT_UNKNOWN))
				return true;
	}
	return false;
}

/* What the other side has to do for the wait to end. */
static const char *limit_event(const struct function *fn, const struct item *item)
{
	const struct api *api = item->call->api;

	if (api_is(api, ROLE(CONNECT)))
		return "the server accepts";
	if (api_is(api, ROLE(WRITE)) || limit_is_for_room(fn, item))
		return "the peer reads";
	return "the peer sends something or goes away";
}

static void w3_no_total(struct function *fn, const struct item *item, const struct operand *limit)
{
	const char *name = call_text(fn, item);
	struct finding *finding = finding_add(
		&rule_W3, fn, item->at,
		"%s waits at most `%s`, but the loop begins the wait again when that has passed, and nothing limits them together: %s() does not return before %s, and a peer that hangs never does.",
		name, operand_text(fn, limit), fn->label, limit_event(fn, item));

	finding_fix(
		finding,
		"In %s(), set one deadline before the loop, give each %s the time that is left until it, and report the failure to the caller when it has passed.",
		fn->label, name);
}

/* thread->wait(), pool.waitForDone(): the program waits for its own work, which is no peer. */
static bool limit_is_for_threads(const struct call *call)
{
	return call->api && call->api->class_name &&
	       api_is(kb_class(call->api->class_name), ROLE(QTHREAD));
}

/* if (timeout < 0) poll(&p, 1, -1): whoever calls the function asks for a wait without a limit. */
static bool limit_is_callers(const struct function *fn, const struct item *item)
{
	int block = item_block(fn, item);

	for (int b = 0; b < fn->n_blocks; b++) {
		const struct block *from = &fn->blocks[b];
		const struct item *test = from->last >= 0 ? &fn->items[from->last] : NULL;
		const struct place *asked;
		int64_t number;

		if (!test || test->kind != ITEM_BRANCH || test->a.kind != OPERAND_PLACE ||
		    (from->next[0] != block && from->next[1] != block))
			continue;
		asked = &fn->places[test->a.place];
		if (asked->kind != PLACE_PARAM || asked->stars || place_set_last(fn, test->a.place))
			continue;
		/* 0.0 is no number of the model. */
		if (operand_is_number(&test->b, &number) ? number > 0
							 : !item_mentions(fn, test, "0.0"))
			continue;
		if ((from->next[0] == block ? test->op : op_negate(test->op)) == OP_LT ||
		    (from->next[0] == block && test->op == OP_EQ && number < 0))
			return true;
	}
	return false;
}

/*
 * socket->write(header) once, of what the function has made itself, and then the wait: that little fits
 * into the buffer of the kernel, whether the peer reads or not.
 */
static bool limit_is_for_few_bytes(struct function *fn, const struct item *item)
{
	const struct operand *socket = &item->call->receiver;
	bool any = false;

	if (!api_is(item->call->api, ROLE(WRITE)) || socket->kind != OPERAND_PLACE)
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;
		const struct operand *o = call && call->n_args ? &call->args[0] : NULL;

		if (!o || strcmp(call->name, "write") != 0 ||
		    !operand_is_place(&call->receiver, socket->place))
			continue;
		if (any || item_loop(fn, &fn->items[i]) >= 0 ||
		    (o->kind != OPERAND_STRING && o->kind != OPERAND_PLACE) ||
		    (o->kind == OPERAND_PLACE && fn->places[o->place].kind != PLACE_LOCAL))
			return false;
		any = true;
	}
	return any;
}

/* process->waitForFinished(), also in a class that is a process itself. */
static bool limit_is_for_process(const struct function *fn, const struct item *item, const char *of)
{
	const char *type = item->call->receiver_type;

	if (!type && !item->call->receiver.kind)
		type = fn->class_name;
	return api_is(kb_class(of), ROLE(PROCESS)) ||
	       (type && index_derives(types_plain(type), intern_z("QProcess")));
}

/* A thread that reads and handles in a loop of its own: whoever waits for it does so elsewhere. */
static bool limit_is_thread_loop(struct function *fn, const struct item *item)
{
	return api_is(item->call->api, ROLE(READ)) && function_runs_elsewhere(fn) &&
	       limit_loop_of(fn, item) >= 0;
}

static void w3_call(struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const struct fact *waits = api_fact(call->api, FACT_WAITS);
	const struct operand *o = waits ? call_argument(call, waits->arg) : NULL;
	/* … or is of a class of the project that is derived from it. */
	const char *of =
		call->api && call->api->class_name ? call->api->class_name : call->receiver_type;
	bool process = limit_is_for_process(fn, item, of);
	enum limit limit = call_limit(fn, call);
	const char *name = call_text(fn, item), *said;
	struct finding *finding;

	if (o && (limit == LIMIT_SOME || limit == LIMIT_UNKNOWN) && limit_has_no_total(fn, item)) {
		w3_no_total(fn, item, o);
		return;
	}
	if (limit != LIMIT_FOREVER || limit_is_for_threads(call) || limit_is_event_loop(fn, item) ||
	    limit_is_callers(fn, item))
		return;
	said = o ? arena_printf(&run_arena, " (`%s`)", operand_text(fn, o)) : "";
	if (process)
		finding = finding_add(
			&rule_W3, fn, item->at,
			"%s waits without a limit%s: %s() does not come back before the program that it runs has ended or answered.",
			name, said, fn->label);
	else
		finding = finding_add(
			&rule_W3, fn, item->at,
			"%s waits without a limit%s: %s() does not return before %s, and a peer that hangs never does.",
			name, said, fn->label, limit_event(fn, item));
	/* The program's own child is no peer: it runs as long as its work takes. */
	if (finding &&
	    (process || limit_is_for_few_bytes(fn, item) || limit_is_thread_loop(fn, item) ||
	     limit_is_write(fn, item) || limit_is_overload(fn)))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"Give %s a limit in milliseconds (for several waits: the time left until one deadline), and let %s() report the failure to its caller when it is reached.",
		name, fn->label);
}

/* W3: a wait is called with no limit, outside a loop over events. */
static void w3_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call && fn->reached[i])
			w3_call(fn, &fn->items[i]);
}

const struct rule rule_W3 = {
	.id = "W3",
	.title = "A wait without a limit",
	.cwe = "1088",
	.pillar = 707,
	.severity = SEVERITY_WARNING,
	.consequence = "the program hangs when its peer does",
	.function = w3_function,
};
