/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-703: what errno tells and the program does not hear: EINTR, EAGAIN, EMFILE. */

#include "model/descriptor.h"
#include "model/reach.h"
#include "flow/contract.h"
#include "flow/outcome.h"
#include "rules/backlog.h"
#include "rules/blind.h"
#include "rules/crowd.h"
#include "rules/ready.h"
#include "rules/end.h"
#include "rules/rules.h"
#include "rules/signals.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_E4, rule_E7;

/* close(), or a function of the project that closes something: the connection is given up. */
static bool errno_closes(const struct call *call, int depth)
{
	const struct fact *closes = api_fact(call->api, FACT_CLOSES);

	if (closes && !api_is(call->api, ROLE(MEMORY)))
		return true;
	for (int i = 0; call->target && depth > 0 && i < call->target->n_items; i++) {
		const struct item *item = &call->target->items[i];

		if (item->kind == ITEM_CALL && item->call && errno_closes(item->call, depth - 1))
			return true;
	}
	return false;
}

enum { ERRNO_CLOSES = 16 };

struct errno_way {
	const struct item *closes[ERRNO_CLOSES];
	int n_closes;
	bool pauses;
	bool unknown; /* a call of which nobody knows what it does */
	bool may_end; /* a function of the project that may end the program */
	bool hidden;  /* a condition that may look at errno */
};

bool errno_may_ask(const struct call *call)
{
	if (call->flags & (CALL_DROPPED | CALL_NEW | CALL_CONSTRUCT | CALL_DELETE))
		return false;
	if (!call->api && !call->target)
		return !call_is_talk(call);
	for (int i = 0; call->target && i < call->target->n_places; i++)
		if (call->target->places[i].name && !strcmp(call->target->places[i].name, "errno"))
			return true;
	return false;
}

/* A function of the project that ends the program on some way, as one that finds the socket dead. */
static bool errno_may_end(const struct call *call, int depth)
{
	for (int i = 0; call->target && i < call->target->n_items; i++) {
		const struct item *item = &call->target->items[i];

		if (item->kind == ITEM_CALL && item->call &&
		    (call_ends(item->call) || (depth > 0 && errno_may_end(item->call, depth - 1))))
			return true;
	}
	return false;
}

static bool errno_visit(struct outcome *outcome, const struct item *item)
{
	struct errno_way *way = outcome->data;
	const struct call *call = item->call;

	if (errno_closes(call, 2) && way->n_closes < ERRNO_CLOSES)
		way->closes[way->n_closes++] = item;
	way->hidden |= errno_may_ask(call);
	way->may_end |= errno_may_end(call, 1);
	way->pauses |= api_is(call->api, ROLE(SLEEP) | ROLE(WAIT) | ROLE(WATCH)) ||
		       (call->target && function_find_role(call->target, ROLE(SLEEP)));
	if (!call->api && !call->target && !call_ends(call) && !call_is_talk(call) &&
	    !(call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE)))
		way->unknown = true;
	return false;
}

/* Something is closed when it fails that is not when it works. */
static bool errno_gives_up(struct function *fn, const struct item *item,
			   const struct errno_way *failed)
{
	struct errno_way good = { .n_closes = 0 };
	struct outcome outcome = {
		.fn = fn, .call = item, .result = 1, .visit = errno_visit, .data = &good
	};

	if (!failed->n_closes || api_is(contract_of(item->call).api, ROLE(ACCEPT)))
		return false;
	outcome_walk(&outcome);
	for (int i = 0; i < failed->n_closes; i++) {
		bool both = false;

		for (int k = 0; k < good.n_closes; k++)
			both |= good.closes[k] == failed->closes[i];
		if (!both)
			return true;
	}
	return false;
}

/* The function is called again and again: in a loop, or by whoever has its address. */
static bool errno_is_repeated(const struct function *wanted, int depth)
{
	if (function_is_named(wanted))
		return true;
	for (int k = 0; k < wanted->n_callers; k++) {
		struct function *fn = wanted->callers[k].fn;

		if (fn != wanted && program_shares(fn->source, wanted->source) &&
		    (item_loop(fn, wanted->callers[k].item) >= 0 ||
		     (depth > 0 && errno_is_repeated(fn, depth - 1))))
			return true;
	}
	return false;
}

/* A regular file is read without interruption; terminals and pipes are not this rule's. */
static bool errno_is_calm(const struct function *fn, const struct item *item)
{
	const struct fact *uses = api_fact(item->call->api, FACT_USES);
	const struct operand *fd = uses ? call_argument(item->call, uses->arg) : NULL;
	unsigned kinds = descriptor_kinds(fn, fd);

	/* What does not block is not interrupted. */
	if (api_is(item->call->api, ROLE(POLL)))
		return call_limit(fn, item->call) == LIMIT_NOTHING;
	if ((kinds & DESCRIPTOR_NONBLOCK) || item_mentions(fn, item, "DONTWAIT") ||
	    item_mentions(fn, item, "MSG_ERRQUEUE") || item_amount_was_asked(fn, item, fd))
		return true;
	if (api_is(item->call->api, ROLE(PEER) | ROLE(ACCEPT)))
		return false;
	return !(kinds & DESCRIPTOR_STREAM) || (kinds & DESCRIPTOR_OTHER);
}

/* The wait is left, and whoever called the function calls it again. */
static bool errno_comes_back(struct function *fn, const struct item *item)
{
	int loop = item_loop(fn, item);

	return api_is(contract_of(item->call).api, ROLE(POLL)) &&
	       (loop < 0 || fn->loops[loop].kind == LOOP_GOTO || errno_is_repeated(fn, 2));
}

/*
 * The handlers only ask the program to end, and the loop around the call looks at their flag: what
 * stands behind the loop was to be done, and an end in the midst of it leaves that out. Where no
 * loop looks, the program ends with the signal either way.
 */
static bool errno_flag_is_asked(struct function *fn, const struct item *item)
{
	struct loop_exit exits[LOOP_EXITS];
	int loop = item_loop(fn, item), n = loop < 0 ? 0 : loop_exits(fn, loop, exits);

	for (int i = 0; i < n; i++) {
		const struct item *test = exits[i].test;

		if (test && test->a.kind == OPERAND_PLACE &&
		    place_root(fn, test->a.place)->kind == PLACE_FREE &&
		    signals_set(fn, fn->places[test->a.place].name))
			return true;
	}
	return false;
}

/*
 * Beside SIGNALS_…: signal(7) lists what fails with EINTR after a stop also where no handler is. poll()
 * and select() go on by themselves then.
 */
enum { E4_STOPPED = 1 << 8 };

/* … other than in a loop whose own condition is that the wait works, which is meant to end with it. */
static bool e4_is_stopped(struct function *fn, const struct item *item)
{
	int loop = item_loop(fn, item);

	return api_is(item->call->api, ROLE(POLL)) && starts_with(item->call->name, "epoll_") &&
	       (loop < 0 || fn->loops[loop].forever ||
		item_block(fn, item) != fn->loops[loop].header);
}

/* What interrupts, and the call that is told of; NULL: the one that is followed. */
struct e4_signal {
	const char *name;
	unsigned kinds;
	struct function *fn;
	const struct item *item;
};

static void e4_tell_interrupted(struct function *fn, const struct item *item,
				const struct e4_signal *signal, unsigned ends, bool gives_up)
{
	const char *name = item->call->name;
	struct finding *finding = finding_add(
		&rule_E4, fn, item->at,
		"%s() fails with EINTR when %s, and this is treated as a failure: %s.", name,
		signal->kinds & E4_STOPPED
			? "the process is stopped and goes on (SIGCONT, a debugger)"
			: arena_printf(&run_arena, "%s arrives", signal->name),
		ends & OUTCOME_EXITS ? "the program ends"
		: gives_up           ? "the connection is given up"
				     : "the loop is left");

	if (finding && (signal->kinds & E4_STOPPED))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), call %s() again when `errno == EINTR`%s, before the failure is reported%s.",
		fn->label, name,
		signal->kinds & SIGNALS_ENDS ? " (after checking the flag that the handler sets)"
					     : "",
		api_is(contract_of(item->call).api, ROLE(POLL))
			? ""
			: "; or install the handler with `SA_RESTART`");
}

/*
 * What comes of it when the call gives `result` for a signal. Returns the ends of the ways, and
 * OUTCOME_TOO_LONG when that was said, or somebody looks at errno.
 */
static unsigned e4_after_signal(struct function *fn, const struct item *item, int64_t result,
				const struct e4_signal *signal, struct outcome *outcome)
{
	struct errno_way way = { .n_closes = 0 };
	unsigned ends;
	bool fatal, gives_up;

	*outcome = (struct outcome){ .fn = fn,
				     .call = item,
				     .result = result,
				     .error = "EINTR",
				     .visit = errno_visit,
				     .data = &way };
	ends = outcome_walk(outcome);
	if ((ends & (OUTCOME_AGAIN | OUTCOME_ERRNO | OUTCOME_TOO_LONG | OUTCOME_UNCLEAR)) ||
	    way.hidden)
		return OUTCOME_TOO_LONG;
	gives_up = errno_gives_up(fn, item, &way);
	fatal = (ends & OUTCOME_EXITS) && !(ends & OUTCOME_RETURNS);
	if (signal->kinds & SIGNALS_INTERRUPTS)
		fatal |= ((ends & OUTCOME_LEAVES) && !errno_comes_back(fn, item)) || gives_up;
	if (fatal)
		e4_tell_interrupted(signal->fn ? signal->fn : fn, signal->fn ? signal->item : item,
				    signal, ends, gives_up);
	return fatal ? OUTCOME_TOO_LONG : ends;
}

/* if (n < 0) return 1; … return 0: a failure has a number of its own. */
static bool e4_returns_failure(const struct function *fn, const struct outcome *failed)
{
	int64_t number;

	for (int i = 0; failed->returns != 0 && i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_RETURN &&
		    operand_is_number(&fn->items[i].a, &number) && number == 0)
			return true;
	return false;
}

/* A helper passes the failure on, or has a number for it: what do those do who call it? */
static void e4_callers(struct function *fn, const struct item *item, const struct outcome *inner,
		       struct e4_signal signal)
{
	if (!inner->returns_known)
		return;
	if (fn->summary.answers != item->call->api || inner->returns >= 0) {
		if (!e4_returns_failure(fn, inner))
			return;
		signal.fn = fn;
		signal.item = item;
	}
	for (int k = 0; k < fn->n_callers; k++) {
		struct function *caller = fn->callers[k].fn;
		const struct item *call = fn->callers[k].item;
		struct outcome outcome;

		if (caller != fn && caller->interesting && !caller->skipped &&
		    caller->reached[call - caller->items] && !(call->call->flags & CALL_DROPPED))
			e4_after_signal(caller, call, inner->returns, &signal, &outcome);
	}
}

static void e4_interrupted(struct function *fn, const struct item *item)
{
	struct e4_signal signal = { .name = NULL };
	struct outcome outcome;

	signal.kinds = signals_interrupt(fn, item, &signal.name);
	if (!signal.kinds && e4_is_stopped(fn, item))
		signal.kinds = SIGNALS_INTERRUPTS | E4_STOPPED;
	if (!signal.kinds || errno_is_calm(fn, item) ||
	    (!(signal.kinds & SIGNALS_INTERRUPTS) && !errno_flag_is_asked(fn, item)))
		return;
	if ((e4_after_signal(fn, item, -1, &signal, &outcome) & ~(unsigned)OUTCOME_TESTED) ==
	    OUTCOME_RETURNS)
		e4_callers(fn, item, &outcome, signal);
}

/* A socket, and this very descriptor does not block; not another one that the variable held. */
static bool errno_is_unblocked(const struct function *fn, const struct item *item,
			       const struct operand *fd)
{
	unsigned kinds = descriptor_kinds(fn, fd);

	if (!(kinds & DESCRIPTOR_NONBLOCK) ||
	    (!api_is(item->call->api, ROLE(PEER) | ROLE(ACCEPT)) &&
	     (!(kinds & DESCRIPTOR_STREAM) || (kinds & DESCRIPTOR_OTHER))))
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *other = &fn->items[i];

		if (other->kind == ITEM_CALL && other->call &&
		    api_is(other->call->api, ROLE(ACCEPT)) && fd->kind == OPERAND_PLACE &&
		    item_result(fn, other) == fd->place && !item_mentions(fn, other, "NONBLOCK"))
			return function_find_role((struct function *)fn, ROLE(NONBLOCK)) != NULL;
	}
	return true;
}

static bool e4_waits(struct outcome *outcome, const struct item *item)
{
	(void)outcome;
	return call_waits(item->call) || (item->call->flags & CALL_INDIRECT) ||
	       (!item->call->api && !item->call->target && !call_is_talk(item->call) &&
		!item->call->receiver.kind);
}

/* It reads again after it has read, with no wait between. */
static bool e4_reads_until_empty(struct function *fn, const struct item *item)
{
	struct outcome outcome = { .fn = fn, .call = item, .result = 1, .visit = e4_waits };

	return outcome_walk(&outcome) & OUTCOME_AGAIN;
}

/* Only a read, or an accept; that a full buffer ends a slow client can be meant. */
static void e4_not_ready(struct function *fn, const struct item *item)
{
	struct errno_way way = { .n_closes = 0 };
	struct outcome outcome = { .fn = fn,
				   .call = item,
				   .result = -1,
				   .error = "EAGAIN",
				   .visit = errno_visit,
				   .data = &way };
	const struct fact *uses = api_fact(item->call->api, FACT_USES);
	const struct operand *fd = uses ? call_argument(item->call, uses->arg) : NULL;
	bool flag = item_mentions(fn, item, "MSG_DONTWAIT");
	struct finding *finding;
	unsigned ends;

	if (!fd || !api_is(item->call->api, ROLE(READ) | ROLE(ACCEPT)) ||
	    (!flag && !errno_is_unblocked(fn, item, fd)))
		return;
	ends = outcome_walk(&outcome);
	if ((ends & (OUTCOME_AGAIN | OUTCOME_ERRNO | OUTCOME_TOO_LONG | OUTCOME_UNCLEAR)) ||
	    way.hidden || !((ends & OUTCOME_EXITS) || errno_gives_up(fn, item, &way)))
		return;
	finding = finding_add(
		&rule_E4, fn, item->at,
		"`%s` does not block, so %s() fails with EAGAIN while nothing has arrived; this is treated as a failure: %s.",
		operand_text(fn, fd), item->call->name,
		ends & OUTCOME_EXITS ? "the program ends" : "the connection is given up");
	/* Right after poll() it happens seldom; in a loop that empties the socket, always. */
	if (finding && !flag && !e4_reads_until_empty(fn, item))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), when %s() returns -1 and errno is EAGAIN (or EWOULDBLOCK), go back to waiting for `%s`; give it up only on 0 and on other errors.",
		fn->label, item->call->name, operand_text(fn, fd));
}

static void e4_failed_is_ready(struct function *fn, const struct item *item)
{
	const struct item *next;
	const char *signal = NULL;
	struct finding *finding;

	next = ready_after_failure(fn, item);
	if (!next)
		return;
	finding = finding_add(
		&rule_E4, fn, item->at,
		"%s() returns -1 when it fails or a signal interrupts it, and that passes for ready: %s() on line %u then waits, with no limit.",
		item->call->name, next->call->name, pos_line(next->at));
	if (!finding)
		return;
	finding->also = next->at;
	/* Where no handler interrupts, it fails on a wrong descriptor or for want of memory alone. */
	if (!signals_interrupt(fn, item, &signal))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), call %s() on line %u only when %s() has returned more than 0; after -1, wait again if errno is EINTR, and report any other error.",
		fn->label, next->call->name, pos_line(next->at), item->call->name);
}

static void e4_call(struct function *fn, const struct item *item)
{
	struct contract contract = contract_of(item->call);

	backlog_call(fn, item);
	if (contract.fails != FAILS_MINUS_ONE || (item->call->flags & CALL_DROPPED) ||
	    !api_is(contract.api, ROLE(POLL) | ROLE(ACCEPT) | ROLE(PARTIAL) | ROLE(READ)))
		return;
	if (!contract.helper) {
		e4_interrupted(fn, item);
		e4_not_ready(fn, item);
	}
	if (api_is(contract.api, ROLE(POLL)))
		e4_failed_is_ready(fn, item);
}

/* E4: EINTR or EAGAIN is taken for a failure, or for success, where handlers or non-blocking sockets make them. */
static void e4_program(void)
{
	signals_find();
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		if (!fn->interesting || fn->skipped)
			continue;
		blind_errors(fn);
		for (int i = 0; i < fn->n_items; i++)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call && fn->reached[i])
				e4_call(fn, &fn->items[i]);
	}
}

const struct rule rule_E4 = {
	.id = "E4",
	.title = "EINTR or EAGAIN is taken for a failure",
	.cwe = "754,755",
	.pillar = 703,
	.severity = SEVERITY_WARNING,
	.consequence = "a signal or a slow peer ends the program or the connection",
	.program = e4_program,
};

/* `by_clients`: they can use up the descriptors, and not only the rest of the program, or of the machine. */
static void e7_report(struct function *fn, const struct item *item, bool ends, bool by_clients)
{
	const char *name = item->call->name;
	const char *fd = item->call->n_args ? operand_text(fn, &item->call->args[0]) : "it";
	struct finding *finding;

	finding = finding_add(
		&rule_E7, fn, item->at,
		ends ? "When all descriptors are in use, %s() fails with EMFILE, and the server ends.%s"
		     : "When all descriptors are in use, %s() fails with EMFILE immediately and repeatedly, because the connection stays in the queue: a busy loop.%s",
		name,
		ends && by_clients ? " Any client can cause this by opening connections." : "");
	if (finding && !by_clients)
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), on EMFILE, ENFILE, ENOBUFS and ENOMEM, stop watching `%s` for a while (a pause of 100 ms will do), or keep a spare descriptor that you close in order to accept and close the connection; then continue.",
		fn->label, fd);
}

/* accept() is in no loop, or its loop takes all who wait and is left: what do the callers do? */
static void e7_callers(struct function *fn, const struct item *accept, const struct outcome *inner)
{
	for (int k = 0; k < fn->n_callers; k++) {
		struct function *caller = fn->callers[k].fn;
		const struct item *call = fn->callers[k].item;
		struct errno_way way = { .n_closes = 0 };
		struct outcome outcome = { .fn = caller,
					   .call = call,
					   .result = inner->returns,
					   .error = "EMFILE",
					   .visit = errno_visit,
					   .data = &way };
		bool ignored = call->call->flags & CALL_DROPPED;
		unsigned ends;

		if (caller == fn || !caller->interesting || caller->skipped ||
		    !caller->reached[call - caller->items] || item_loop(caller, call) < 0 ||
		    (!inner->returns_known && !(fn->flags & FUNCTION_VOID) && !ignored))
			continue;
		ends = outcome_walk(&outcome);
		if ((ends & (OUTCOME_ERRNO | OUTCOME_TOO_LONG)) || way.pauses || way.unknown ||
		    (ignored && way.may_end))
			continue;
		if ((ends & OUTCOME_AGAIN) || (ends & OUTCOME_EXITS))
			e7_report(fn, accept, !(ends & OUTCOME_AGAIN),
				  crowd_can_come(fn, accept) && crowd_can_come(caller, call));
	}
}

/* Somebody thought of it here, be it in an #ifdef that could not be parsed. */
static bool e7_asks(const struct function *fn)
{
	for (uint32_t row = fn->at.row; row <= fn->end.row; row++) {
		size_t n;
		const char *line = source_line(fn->source, row, &n);

		if (memmem(line, n, "EMFILE", 6) || memmem(line, n, "ENFILE", 6))
			return true;
	}
	return false;
}

/* … or where the function is called. */
static bool e7_callers_ask(const struct function *fn)
{
	for (int k = 0; k < fn->n_callers; k++)
		if (fn->callers[k].fn != fn && e7_asks(fn->callers[k].fn))
			return true;
	return false;
}

/* The listener does not block: the loop takes all who wait, and is left when there are no more. */
static bool e7_takes_all(const struct function *fn, const struct item *item)
{
	if (item->call->n_args &&
	    (descriptor_kinds(fn, &item->call->args[0]) & DESCRIPTOR_NONBLOCK))
		return true;
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_BRANCH &&
		    test_error(&fn->items[i]) == error_number("EAGAIN"))
			return true;
	return false;
}

/* After a connection comes the next: a server's loop, and not one that retries. */
static bool e7_accepts_on(struct function *fn, const struct item *item)
{
	struct outcome outcome = { .fn = fn, .call = item, .result = 5 };

	return outcome_walk(&outcome) & (OUTCOME_AGAIN | OUTCOME_TOO_LONG);
}

/*
 * The function makes the listener itself, or closes it behind the accept(): it waits for one
 * connection, and no other client can have taken the descriptors before.
 */
static bool e7_is_for_one(const struct function *fn, const struct item *item)
{
	const struct operand *listener = item->call->n_args ? &item->call->args[0] : NULL;

	if (!listener || listener->kind != OPERAND_PLACE)
		return false;
	if (fn->places[listener->place].kind == PLACE_LOCAL && operand_source(fn, listener, item))
		return true;
	for (const struct item *i = item; i < fn->items + fn->n_items; i++) {
		const struct fact *closes = i->kind == ITEM_CALL && i->call
						    ? api_fact(i->call->api, FACT_CLOSES)
						    : NULL;
		const struct operand *o = closes ? call_argument(i->call, closes->arg) : NULL;

		if (o && operand_is_place(o, listener->place))
			return true;
	}
	return false;
}

static void e7_accept(struct function *fn, const struct item *item)
{
	struct errno_way way = { .n_closes = 0 };
	struct outcome outcome = { .fn = fn,
				   .call = item,
				   .result = -1,
				   .error = "EMFILE",
				   .visit = errno_visit,
				   .data = &way };
	bool loop = item_loop(fn, item) >= 0 && e7_accepts_on(fn, item);
	unsigned ends;

	if (e7_asks(fn) || (!loop && (e7_is_for_one(fn, item) || e7_callers_ask(fn))))
		return;
	ends = outcome_walk(&outcome);
	if ((ends & (OUTCOME_ERRNO | OUTCOME_TOO_LONG | OUTCOME_THROWS | OUTCOME_UNCLEAR)) ||
	    way.pauses || way.unknown || !(ends & OUTCOME_TESTED))
		return;
	if ((ends & OUTCOME_EXITS) && !(ends & (OUTCOME_RETURNS | OUTCOME_AGAIN))) {
		if (loop || errno_is_repeated(fn, 3))
			e7_report(fn, item, true, crowd_can_come(fn, item));
	} else if ((ends & OUTCOME_AGAIN) || end_is_called_again(fn, item)) {
		e7_report(fn, item, false, crowd_can_come(fn, item));
	} else if (loop && (ends & OUTCOME_LEAVES) && !e7_takes_all(fn, item)) {
		e7_report(fn, item, true, crowd_can_come(fn, item));
	} else {
		e7_callers(fn, item, &outcome);
	}
}

/* A library accepts, and calls this function when that fails. */
static void e7_callback(struct function *fn, const struct item *item)
{
	const struct fact *calls = api_fact(item->call->api, FACT_CALLS);
	struct function *callback =
		calls ? operand_function(fn, call_argument(item->call, calls->arg)) : NULL;
	struct finding *finding;

	if (!callback || e7_asks(callback) ||
	    function_find_role(callback, ROLE(SLEEP) | ROLE(WATCH)))
		return;
	for (int i = 0; i < callback->n_items; i++) {
		const struct item *end = &callback->items[i];

		if (end->kind != ITEM_CALL || !end->call || !callback->reached[i] ||
		    (!call_ends(end->call) && !api_is(end->call->api, ROLE(QUIT))))
			continue;
		finding = finding_add(
			&rule_E7, callback, end->at,
			"%s() is called when accepting fails, also with EMFILE when all descriptors are in use, and it ends the server.",
			callback->label);
		finding_fix(
			finding,
			"In %s(), report the error and continue; on EMFILE and ENFILE disable the listener until a connection is closed or a short time has passed.",
			callback->label);
		return;
	}
}

/* E7: EMFILE on accept makes a busy loop or ends the server. */
static void e7_program(void)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		for (int i = 0; fn->interesting && !fn->skipped && i < fn->n_items; i++) {
			const struct item *item = &fn->items[i];

			if (item->kind != ITEM_CALL || !item->call || !fn->reached[i] ||
			    !api_is(item->call->api, ROLE(ACCEPT)))
				continue;
			if (contract_of(item->call).fails == FAILS_MINUS_ONE)
				e7_accept(fn, item);
			else
				e7_callback(fn, item);
		}
	}
}

const struct rule rule_E7 = {
	.id = "E7",
	.title = "EMFILE on accept makes a busy loop or ends the server",
	.cwe = "755",
	.pillar = 703,
	.severity = SEVERITY_WARNING,
	.consequence = "clients that take all descriptors stop the server or keep a processor busy",
	.program = e7_program,
};
