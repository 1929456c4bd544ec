/* SPDX-License-Identifier: Apache-2.0 */
/* Which signal handlers of a program interrupt its calls; see signals.h. */

#include "rules/signals.h"
#include "flow/contract.h"
#include "read/source.h"

#include <string.h>

/* A signal handler that interrupts calls, and where it is installed. */
struct signal_handler {
	const struct source *source;
	const char *signal; /* SIGCHLD */
	const char *handler;
	bool restarts; /* SA_RESTART: poll() and its like are interrupted all the same */
};

static struct {
	struct signal_handler *list;
	size_t n, cap;
} signal_handlers;

/* Words that say how a program treats signals, and which of them the text of each source has. */
enum signal_word {
	SIGNAL_MASKED,
	SIGNAL_BLOCK,
	SIGNAL_FD,
	SIGNAL_GATE,
	SIGNAL_WORDS = SIGNAL_GATE + 4
};

/* From SIGNAL_GATE on: the calls that let signals in. */
static const char *const signal_words[SIGNAL_WORDS] = {
	[SIGNAL_MASKED] = "pthread_sigmask",
	[SIGNAL_BLOCK] = "SIG_BLOCK",
	[SIGNAL_FD] = "signalfd",
	[SIGNAL_GATE] = "ppoll(",
	"pselect(",
	"epoll_pwait(",
	"sigsuspend(",
};
static uint8_t *signal_texts; /* a bit for each word */

static bool signal_is_function(const struct function *fn, const char *name)
{
	const struct function *handler;

	if (!name || starts_with(name, "SIG_"))
		return false;
	handler = index_find_function(name, fn->source);
	/* One that ends the program, or jumps out, interrupts nothing. */
	return handler && (!handler->summary.done || handler->summary.may_return);
}

/* The program is at fault itself then, and will not go on. */
static bool signal_is_fault(const char *signal)
{
	static const char *const faults[] = { "SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL",
					      "SIGABRT", "SIGSYS", "SIGTRAP" };

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		if (!strcmp(signal, faults[i]))
			return true;
	return false;
}

static void signal_add_handler(const struct function *fn, const char *signal, const char *handler,
			       bool restarts)
{
	if (signal_is_fault(signal) || !signal_is_function(fn, handler))
		return;
	signal_handlers.list = grow(signal_handlers.list, signal_handlers.n, &signal_handlers.cap,
				    sizeof(*signal_handlers.list));
	signal_handlers.list[signal_handlers.n++] =
		(struct signal_handler){ fn->source, signal, handler, restarts };
}

/* sigaction(SIGCHLD, &sa, NULL): what was put into sa before. */
static void signal_sigaction(const struct function *fn, const struct item *item)
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
	signal_add_handler(fn, operand_text(fn, &call->args[0]), handler, restarts);
}

static void signal_read_texts(void)
{
	signal_texts = arena_alloc(&run_arena, program.n_sources + 1);
	for (size_t i = 0; i < program.n_sources; i++)
		for (size_t k = 0; k < SIGNAL_WORDS; k++)
			if (memmem(program.sources[i]->text, program.sources[i]->size,
				   signal_words[k], strlen(signal_words[k])))
				signal_texts[i] |= (uint8_t)(1u << k);
}

void signals_find(void)
{
	signal_handlers.n = 0;
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; fn->interesting && i < fn->n_items; i++) {
			const struct call *call = fn->items[i].call;

			if (fn->items[i].kind != ITEM_CALL || !call || call->n_args < 2 ||
			    !api_is(call->api, ROLE(SIGNAL)))
				continue;
			if (call->n_args == 2)
				signal_add_handler(fn, operand_text(fn, &call->args[0]),
						   operand_text(fn, &call->args[1]), true);
			else
				signal_sigaction(fn, &fn->items[i]);
		}
	}
	if (signal_handlers.n)
		signal_read_texts();
}

static bool signals_program_has(const struct source *wanted, enum signal_word word)
{
	for (size_t i = 0; i < program.n_sources; i++)
		if ((signal_texts[i] >> word & 1) && program_shares(program.sources[i], wanted))
			return true;
	return false;
}

/* pthread_sigmask(): whoever wants signals in one thread alone blocks them in the others. */
static bool signals_are_masked(const struct source *wanted)
{
	return signals_program_has(wanted, SIGNAL_MASKED);
}

/* sigprocmask(SIG_BLOCK, …) and ppoll(…, &mask): signals are let in there, and nowhere else. */
static bool signals_are_let_in(const struct source *wanted, const struct call *call)
{
	if (!signals_program_has(wanted, SIGNAL_BLOCK))
		return true;
	for (enum signal_word i = SIGNAL_GATE; i < SIGNAL_WORDS; i++)
		if (starts_with(signal_words[i], call->name) &&
		    signal_words[i][strlen(call->name)] == '(')
			return true;
	for (enum signal_word i = SIGNAL_GATE; i < SIGNAL_WORDS; i++)
		if (signals_program_has(wanted, i))
			return false;
	return true;
}

enum { SIGNAL_CALLERS = 64 };

/* main() comes to the function by calls alone; also when there are too many ways to say. */
static bool signals_reach_main(const struct function *fn)
{
	const struct function *seen[SIGNAL_CALLERS] = { fn };
	int n = 1;

	for (int next = 0; next < n; next++) {
		if (seen[next]->flags & FUNCTION_MAIN)
			return true;
		for (int k = 0; k < seen[next]->n_callers; k++) {
			const struct function *caller = seen[next]->callers[k].fn;
			bool known = false;

			for (int i = 0; !known && i < n; i++)
				known = seen[i] == caller;
			if (known)
				continue;
			if (n == SIGNAL_CALLERS)
				return true;
			seen[n++] = caller;
		}
	}
	return false;
}

static bool signal_is_end(const char *signal)
{
	return !strcmp(signal, "SIGINT") || !strcmp(signal, "SIGTERM") ||
	       !strcmp(signal, "SIGQUIT");
}

/* The handler is that of SIGTERM or the like too: whatever comes, it asks the program to end. */
static bool signal_ends_program(const struct signal_handler *h)
{
	for (size_t i = 0; i < signal_handlers.n; i++)
		if (signal_is_end(signal_handlers.list[i].signal) &&
		    !strcmp(signal_handlers.list[i].handler, h->handler))
			return true;
	return false;
}

/* sigaddset(&set, SIGCHLD), sigprocmask(SIG_BLOCK, &set, NULL), signalfd(-1, &set, …) in one function. */
static bool signal_is_read_by(const struct function *fn, const char *signal)
{
	bool in_set = false, blocks = false, reads = false;

	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (!call || !call->name)
			continue;
		in_set |= !strcmp(call->name, "sigfillset") ||
			  (!strcmp(call->name, "sigaddset") && call->n_args == 2 &&
			   !strcmp(operand_text(fn, &call->args[1]), signal));
		blocks |= (!strcmp(call->name, "sigprocmask") ||
			   !strcmp(call->name, "pthread_sigmask")) &&
			  call->n_args == 3 &&
			  strcmp(operand_text(fn, &call->args[0]), "SIG_UNBLOCK") != 0;
		reads |= !strcmp(call->name, "signalfd");
	}
	return in_set && blocks && reads;
}

enum { SIGNAL_MASK_DEPTH = 3 };

/* The function, or one that calls it, has the signal blocked and reads it from a descriptor. */
static bool signal_is_blocked(const struct function *fn, const char *signal, int depth)
{
	if (signal_is_read_by(fn, signal))
		return true;
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
		    fn->items[i].call->target &&
		    signal_is_read_by(fn->items[i].call->target, signal))
			return true;
	for (int k = 0; depth > 0 && k < fn->n_callers; k++) {
		const struct function *caller = fn->callers[k].fn;

		/* The calls of one caller stand together. */
		if (caller != fn && (!k || fn->callers[k - 1].fn != caller) &&
		    signal_is_blocked(caller, signal, depth - 1))
			return true;
	}
	return false;
}

unsigned signals_interrupt(const struct function *fn, const struct item *item, const char **signal)
{
	bool always = api_is(contract_of(item->call).api, ROLE(POLL));
	unsigned found = 0;

	if (!signal_handlers.n || !signals_are_let_in(fn->source, item->call) ||
	    (signals_are_masked(fn->source) && !signals_reach_main(fn)))
		return 0;
	for (size_t i = 0; i < signal_handlers.n; i++) {
		const struct signal_handler *h = &signal_handlers.list[i];
		bool ends;

		if ((h->restarts && !always) || !program_shares(h->source, fn->source) ||
		    !strcmp(h->signal, "SIGALRM") || !strcmp(h->signal, "SIGPIPE") ||
		    (signals_program_has(fn->source, SIGNAL_FD) &&
		     signal_is_blocked(fn, h->signal, SIGNAL_MASK_DEPTH)))
			continue;
		ends = signal_ends_program(h);
		if (!*signal || (!ends && !(found & SIGNALS_INTERRUPTS)))
			*signal = h->signal;
		found |= ends ? SIGNALS_ENDS : SIGNALS_INTERRUPTS;
	}
	return found;
}

bool signals_set(const struct function *fn, const char *name)
{
	for (size_t i = 0; i < signal_handlers.n; i++) {
		const struct function *handler =
			index_find_function(signal_handlers.list[i].handler, fn->source);

		for (int k = 0; handler && k < handler->n_items; k++)
			if (handler->items[k].kind == ITEM_ASSIGN && handler->items[k].dst >= 0 &&
			    handler->places[handler->items[k].dst].name == name)
				return true;
	}
	return false;
}
