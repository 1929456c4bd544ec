/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-703: what errno tells and the program does not hear: EINTR, EAGAIN, EMFILE. */

#include "model/descriptor.h"
#include "flow/outcome.h"
#include "rules/blind.h"
#include "rules/ready.h"
#include "rules/rules.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_E4, rule_E7;

/* A signal handler that interrupts calls, and where it is installed. */
struct errno_handler {
	const struct source *source;
	const char *signal; /* SIGCHLD */
	const char *handler;
	bool restarts; /* SA_RESTART: poll() and its like are interrupted all the same */
};

static struct {
	struct errno_handler *list;
	size_t n, cap;
} errno_handlers;

static bool errno_is_function(const struct function *fn, const char *name)
{
	const struct function *handler;

	if (!name || starts_with(name, "SIG_"))
		return false;
	handler = index_find_function(name, fn->source);
	/* One that ends the program, or jumps out, interrupts nothing. */
	return handler && (!handler->summary.done || handler->summary.may_return);
}

/* The program is at fault itself then, and will not go on. */
static bool errno_is_fault(const char *signal)
{
	static const char *const faults[] = { "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL",
					      "SIGABRT", "SIGSYS", "SIGTRAP" };

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (!strcmp(signal, faults[i]))
			return true;
	return false;
}

static void errno_add_handler(const struct function *fn, const char *signal, const char *handler,
			      bool restarts)
{
	if (errno_is_fault(signal) || !errno_is_function(fn, handler))
		return;
	errno_handlers.list = grow(errno_handlers.list, errno_handlers.n, &errno_handlers.cap,
				   sizeof(*errno_handlers.list));
	errno_handlers.list[errno_handlers.n++] =
		(struct errno_handler){ fn->source, signal, handler, restarts };
}

/* sigaction(SIGCHLD, &sa, NULL): what was put into sa before. */
static void errno_sigaction(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const char *handler = NULL;
	bool restarts = false;

	/* Who keeps the old action puts it back; the handler is there for a moment only. */
	if (call->args[1].kind != OPERAND_ADDRESS ||
	    (call->n_args > 2 && call->args[2].kind == OPERAND_ADDRESS))
		return;
	for (const struct item *i = fn->items; i < item; i++) {
		const struct place *p = i->dst >= 0 ? &fn->places[i->dst] : NULL;

		if (!p || p->parent < 0 || !place_is_within(fn, i->dst, call->args[1].place))
			continue;
		if (i->kind == ITEM_ASSIGN &&
		    (!strcmp(p->name, "sa_handler") || !strcmp(p->name, "sa_sigaction")))
			handler = operand_text(fn, &i->a);
		/* Flags that are not written here may be anything. */
		if (!strcmp(p->name, "sa_flags"))
			restarts = item_mentions(fn, i, "SA_RESTART") ||
				   (i->a.kind == OPERAND_PLACE &&
				    fn->places[i->a.place].kind == PLACE_PARAM);
	}
	errno_add_handler(fn, operand_text(fn, &call->args[0]), handler, restarts);
}

static void errno_find_handlers(void)
{
	errno_handlers.list = NULL;
	errno_handlers.n = errno_handlers.cap = 0;
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; fn->interesting && i < fn->n_items; i++) {
			const struct call *call = fn->items[i].call;

			if (fn->items[i].kind != ITEM_CALL || !call || call->n_args < 2 ||
			    !api_is(call->api, ROLE(SIGNAL)))
				continue;
			if (call->n_args == 2)
				errno_add_handler(fn, operand_text(fn, &call->args[0]),
						  operand_text(fn, &call->args[1]), true);
			else
				errno_sigaction(fn, &fn->items[i]);
		}
	}
}

static bool errno_is_end(const char *signal)
{
	return !strcmp(signal, "SIGINT") || !strcmp(signal, "SIGTERM") ||
	       !strcmp(signal, "SIGQUIT");
}

/* The handler is that of SIGTERM or the like too: whatever comes, it asks the program to end. */
static bool errno_ends_program(const struct errno_handler *h)
{
	for (size_t i = 0; i < errno_handlers.n; i++)
		if (errno_is_end(errno_handlers.list[i].signal) &&
		    !strcmp(errno_handlers.list[i].handler, h->handler))
			return true;
	return false;
}

enum { ERRNO_INTERRUPTS = 1, ERRNO_ENDS = 2 };

/*
 * Which handlers interrupt such a call in this program. SIGALRM does not count: it is set in order
 * to interrupt; nor does SIGPIPE, which comes to whoever writes and to no other call.
 */
static unsigned errno_interrupts(const struct function *fn, const struct item *item,
				 const char **signal)
{
	bool always = api_is(item->call->api, ROLE(POLL));
	unsigned found = 0;

	for (size_t i = 0; i < errno_handlers.n; i++) {
		const struct errno_handler *h = &errno_handlers.list[i];
		bool ends;

		if ((h->restarts && !always) || !program_shares(h->source, fn->source) ||
		    !strcmp(h->signal, "SIGALRM") || !strcmp(h->signal, "SIGPIPE"))
			continue;
		ends = errno_ends_program(h);
		if (!*signal || (!ends && !(found & ERRNO_INTERRUPTS)))
			*signal = h->signal;
		found |= ends ? ERRNO_ENDS : ERRNO_INTERRUPTS;
	}
	return found;
}

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

static bool errno_visit(struct outcome *outcome, const struct item *item)
{
	struct errno_way *way = outcome->data;
	const struct call *call = item->call;

	if (errno_closes(call, 2) && way->n_closes < ERRNO_CLOSES)
		way->closes[way->n_closes++] = item;
	way->hidden |= errno_may_ask(call);
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

	if (!failed->n_closes || api_is(item->call->api, ROLE(ACCEPT)))
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

static bool errno_is_named_in(const struct function *fn, const struct function *wanted)
{
	for (int i = 0; i < fn->n_places; i++)
		if (fn->places[i].kind == PLACE_FREE && fn->places[i].name == wanted->name)
			return true;
	return false;
}

/* The function is called again and again: in a loop, or by whoever has its address. */
static bool errno_is_repeated(const struct function *wanted, int depth)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		if (fn == wanted || !program_shares(fn->source, wanted->source))
			continue;
		if (errno_is_named_in(fn, wanted))
			return true;
		for (int i = 0; i < fn->n_items; i++)
			if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
			    fn->items[i].call->target == wanted &&
			    (item_loop(fn, &fn->items[i]) >= 0 ||
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

	const struct fact *waits = api_fact(item->call->api, FACT_WAITS);
	const struct operand *limit = waits ? call_argument(item->call, waits->arg) : NULL;
	unsigned kinds = descriptor_kinds(fn, fd);
	int64_t number;

	/* What does not block is not interrupted. */
	if (api_is(item->call->api, ROLE(POLL)))
		return limit && limit->kind == OPERAND_NUMBER &&
		       operand_is_number(limit, &number) && number == 0;
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

	return api_is(item->call->api, ROLE(POLL)) &&
	       (loop < 0 || fn->loops[loop].kind == LOOP_GOTO || errno_is_repeated(fn, 2));
}

static bool errno_handler_sets(const struct function *fn, const char *name)
{
	for (size_t i = 0; i < errno_handlers.n; i++) {
		const struct function *handler =
			index_find_function(errno_handlers.list[i].handler, fn->source);

		for (int k = 0; handler && k < handler->n_items; k++)
			if (handler->items[k].kind == ITEM_ASSIGN && handler->items[k].dst >= 0 &&
			    handler->places[handler->items[k].dst].name == name)
				return true;
	}
	return false;
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
		    errno_handler_sets(fn, fn->places[test->a.place].name))
			return true;
	}
	return false;
}

static void e4_interrupted(struct function *fn, const struct item *item)
{
	struct errno_way way = { .n_closes = 0 };
	struct outcome outcome = { .fn = fn,
				   .call = item,
				   .result = -1,
				   .error = "EINTR",
				   .visit = errno_visit,
				   .data = &way };
	const char *signal = NULL, *name = item->call->name;
	unsigned kinds = errno_interrupts(fn, item, &signal), ends;
	bool fatal, gives_up;
	struct finding *finding;

	if (!kinds || errno_is_calm(fn, item) ||
	    (!(kinds & ERRNO_INTERRUPTS) && !errno_flag_is_asked(fn, item)))
		return;
	ends = outcome_walk(&outcome);
	if ((ends & (OUTCOME_AGAIN | OUTCOME_ERRNO | OUTCOME_TOO_LONG | OUTCOME_UNCLEAR)) ||
	    way.hidden)
		return;
	gives_up = errno_gives_up(fn, item, &way);
	fatal = (ends & OUTCOME_EXITS) && !(ends & OUTCOME_RETURNS);
	if (kinds & ERRNO_INTERRUPTS)
		fatal |= ((ends & OUTCOME_LEAVES) && !errno_comes_back(fn, item)) || gives_up;
	if (!fatal)
		return;
	finding = finding_add(
		&rule_E4, fn, item->at,
		"%s() fails with EINTR when %s arrives, and this is treated as a failure: %s.",
		name, signal,
		ends & OUTCOME_EXITS ? "the program ends"
		: gives_up           ? "the connection is given up"
				     : "the loop is left");
	finding_fix(
		finding,
		"In %s(), call %s() again when `errno == EINTR`%s, before the failure is reported%s.",
		fn->label, name,
		kinds & ERRNO_ENDS ? " (after checking the flag that the handler sets)" : "",
		api_is(item->call->api, ROLE(POLL)) ? ""
						    : "; or install the handler with `SA_RESTART`");
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

	if (!api_is(item->call->api, ROLE(POLL)))
		return;
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
	if (!errno_interrupts(fn, item, &signal))
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), call %s() on line %u only when %s() has returned more than 0; after -1, wait again if errno is EINTR, and report any other error.",
		fn->label, next->call->name, pos_line(next->at), item->call->name);
}

/* E4: EINTR or EAGAIN is taken for a failure, or for success, where handlers or non-blocking sockets make them. */
static void e4_program(void)
{
	errno_find_handlers();
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *fn = program.functions[f];

		if (fn->interesting && !fn->skipped)
			blind_errors(fn);
		for (int i = 0; fn->interesting && !fn->skipped && i < fn->n_items; i++) {
			const struct item *item = &fn->items[i];

			if (item->kind != ITEM_CALL || !item->call || !fn->reached[i] ||
			    (item->call->flags & CALL_DROPPED) || !item->call->api ||
			    item->call->api->fails != FAILS_MINUS_ONE ||
			    !api_is(item->call->api,
				    ROLE(POLL) | ROLE(ACCEPT) | ROLE(PARTIAL) | ROLE(READ)))
				continue;
			e4_interrupted(fn, item);
			e4_not_ready(fn, item);
			e4_failed_is_ready(fn, item);
		}
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

static void e7_report(struct function *fn, const struct item *item, bool ends)
{
	const char *name = item->call->name;
	const char *fd = item->call->n_args ? operand_text(fn, &item->call->args[0]) : "it";
	struct finding *finding;

	finding = finding_add(
		&rule_E7, fn, item->at,
		ends ? "When all descriptors are in use, %s() fails with EMFILE, and the server ends. Any client can cause this by opening connections."
		     : "When all descriptors are in use, %s() fails with EMFILE immediately and repeatedly, because the connection stays in the queue: a busy loop.",
		name);
	finding_fix(
		finding,
		"In %s(), on EMFILE, ENFILE, ENOBUFS and ENOMEM, stop watching `%s` for a while (a pause of 100 ms will do), or keep a spare descriptor that you close in order to accept and close the connection; then continue.",
		fn->label, fd);
}

/* accept() is in no loop, or its loop takes all who wait and is left: what do the callers do? */
static void e7_callers(struct function *fn, const struct item *accept, const struct outcome *inner)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		struct function *caller = program.functions[f];

		if (caller == fn || !caller->interesting || caller->skipped)
			continue;
		for (int i = 0; i < caller->n_items; i++) {
			struct errno_way way = { .n_closes = 0 };
			struct outcome outcome = { .fn = caller,
						   .call = &caller->items[i],
						   .error = "EMFILE",
						   .visit = errno_visit,
						   .data = &way };
			unsigned ends;

			if (caller->items[i].kind != ITEM_CALL || !caller->items[i].call ||
			    caller->items[i].call->target != fn || !caller->reached[i] ||
			    item_loop(caller, &caller->items[i]) < 0)
				continue;
			if (!inner->returns_known && !(fn->flags & FUNCTION_VOID) &&
			    !(caller->items[i].call->flags & CALL_DROPPED))
				continue;
			outcome.result = inner->returns;
			ends = outcome_walk(&outcome);
			if ((ends & (OUTCOME_ERRNO | OUTCOME_TOO_LONG)) || way.pauses ||
			    way.unknown)
				continue;
			if ((ends & OUTCOME_AGAIN) || (ends & OUTCOME_EXITS))
				e7_report(fn, accept, !(ends & OUTCOME_AGAIN));
		}
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

/* The listener does not block: the loop takes all who wait, and is left when there are no more. */
static bool e7_takes_all(const struct function *fn, const struct item *item)
{
	if (item->call->n_args &&
	    (descriptor_kinds(fn, &item->call->args[0]) & DESCRIPTOR_NONBLOCK))
		return true;
	for (int i = 0; i < fn->n_places; i++)
		if (fn->places[i].name && (!strcmp(fn->places[i].name, "EAGAIN") ||
					   !strcmp(fn->places[i].name, "EWOULDBLOCK")))
			return true;
	return false;
}

/* After a connection comes the next: a server's loop, and not one that retries. */
static bool e7_accepts_on(struct function *fn, const struct item *item)
{
	struct outcome outcome = { .fn = fn, .call = item, .result = 5 };

	return outcome_walk(&outcome) & (OUTCOME_AGAIN | OUTCOME_TOO_LONG);
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

	if (e7_asks(fn))
		return;
	ends = outcome_walk(&outcome);
	if ((ends & (OUTCOME_ERRNO | OUTCOME_TOO_LONG | OUTCOME_THROWS | OUTCOME_UNCLEAR)) ||
	    way.pauses || way.unknown || !(ends & OUTCOME_TESTED))
		return;
	if ((ends & OUTCOME_EXITS) && !(ends & (OUTCOME_RETURNS | OUTCOME_AGAIN))) {
		if (loop || errno_is_repeated(fn, 3))
			e7_report(fn, item, true);
	} else if (ends & OUTCOME_AGAIN) {
		e7_report(fn, item, false);
	} else if (loop && (ends & OUTCOME_LEAVES) && !e7_takes_all(fn, item)) {
		e7_report(fn, item, true);
	} else {
		e7_callers(fn, item, &outcome);
	}
}

/* A library accepts, and calls this function when that fails. */
static void e7_callback(struct function *fn, const struct item *item)
{
	const struct fact *calls = api_fact(item->call->api, FACT_CALLS);
	const struct operand *o = calls ? call_argument(item->call, calls->arg) : NULL;
	struct function *callback;
	struct finding *finding;

	if (!o || (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS))
		return;
	callback = index_find_function(fn->places[o->place].name, fn->source);
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
			callback->name);
		finding_fix(
			finding,
			"In %s(), report the error and continue; on EMFILE and ENFILE disable the listener until a connection is closed or a short time has passed.",
			callback->name);
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
			if (item->call->api->fails == FAILS_MINUS_ONE)
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
