/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E3: what comes of a write whose result nobody counts. On a stream that blocks, the kernel sends
 * all of it or fails; it returns a part only when a handler interrupts it or SO_SNDTIMEO ends it. So
 * a test for failure is enough there. Where the result is ignored, a peer is gone that would not have
 * had the message either way, and the next read shows it; only who sends on and on, as a file goes, does
 * that for nobody. Where it does not block, the last words before the close can still do no harm. That
 * those of other files do not block says nothing of this one.
 */

#include "flow/contract.h"
#include "flow/outcome.h"
#include "model/descriptor.h"
#include "read/source.h"
#include "rules/farewell.h"
#include "rules/rules.h"
#include "rules/signals.h"

#include <string.h>

/* What the kernel's buffer takes as a whole, also of a socket that does not block. */
enum { FAREWELL_SMALL = 2048, FAREWELL_DEPTH = 2 };

/* Some text of the file speaks of sockets that do not block, or of a limit for writing. */
static bool farewell_file_unblocks(const struct source *source)
{
	static const char *const words[] = { "NONBLOCK", "FIONBIO",  "NDELAY",  "nonblock",
					     "NonBlock", "SNDTIMEO", "DONTWAIT" };

	for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
		if (memmem(source->text, source->size, words[k], strlen(words[k])))
			return true;
	return false;
}

/* send(fd, …): a stream of a library has a descriptor of its own, which may not block. */
static bool farewell_is_plain(const struct function *fn, const struct item *item)
{
	const struct item *inner = contract_inner(item->call);
	const struct operand *fd;

	if (inner)
		return farewell_is_plain(item->call->target, inner);
	fd = contract_argument(item->call, FACT_USES);
	return fd && !item->call->receiver.kind &&
	       (fd->kind != OPERAND_PLACE || !fn->places[fd->place].stars);
}

static bool farewell_blocks(const struct function *fn, const struct item *item)
{
	unsigned kinds = descriptor_kinds(fn, contract_argument(item->call, FACT_USES));
	const struct source *where = contract_inner(item->call) ? item->call->target->source : NULL;
	const char *signal = NULL;

	/* Where it comes from is known, or not. */
	if ((kinds & DESCRIPTOR_NONBLOCK) ||
	    (!(kinds & DESCRIPTOR_STREAM) &&
	     (farewell_file_unblocks(fn->source) || (where && farewell_file_unblocks(where)))))
		return false;
	return farewell_is_plain(fn, item) &&
	       !(signals_interrupt(fn, item, &signal) & SIGNALS_INTERRUPTS);
}

/* An array of the function or of the file, of so few bytes. */
static bool farewell_is_small_array(const struct function *fn, const struct operand *o)
{
	const struct place *p;

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return false;
	p = &fn->places[o->place];
	return p->size > 0 && p->size <= FAREWELL_SMALL && !p->is_number;
}

/* WELCOME: the name of a text that stands in another file. */
static bool farewell_is_macro(const struct place *p)
{
	const char *c = p->kind == PLACE_FREE && p->name ? p->name : "";

	while ((*c >= 'A' && *c <= 'Z') || *c == '_')
		c++;
	return p->kind == PLACE_FREE && p->name && c > p->name + 1 && !*c;
}

/* char *header = "HTTP/1.1 200 OK\r\n"; nothing else is ever in it. */
static bool farewell_is_constant(const struct function *fn, const struct operand *o)
{
	const struct item *set = o->kind == OPERAND_PLACE ? place_set_once(fn, o->place) : NULL;

	return set && set->kind == ITEM_ASSIGN && set->a.kind == OPERAND_STRING;
}

/* sprintf(line, "Content-Length: %d\r\n", n): the text with some numbers in it. */
static bool farewell_is_numbers(const struct function *fn, const struct operand *o,
				const struct item *before)
{
	for (const struct item *i = before; i-- > fn->items && i + 12 > before;) {
		const struct call *call = i->kind == ITEM_CALL ? i->call : NULL;

		if (!call || !call->n_args || call->args[0].kind != OPERAND_PLACE ||
		    o->kind != OPERAND_PLACE || call->args[0].place != o->place ||
		    !strstr(call->name, "printf"))
			continue;
		for (int k = 1; k < call->n_args && k < 3; k++)
			if (call->args[k].kind == OPERAND_STRING)
				return !strstr(call->args[k].text, "%s") &&
				       strlen(call->args[k].text) < FAREWELL_SMALL;
		return false;
	}
	return false;
}

/* strlen(request), snprintf(request, …): as long as what was put into a small array. */
static bool farewell_is_small_text(const struct function *fn, const struct operand *length,
				   const struct item *item)
{
	const struct item *source = operand_source(fn, length, item);

	for (int i = 0; source && source->kind == ITEM_CALL && i < source->call->n_args; i++) {
		if (!strstr(source->call->name, "strlen") && !strstr(source->call->name, "printf"))
			return false;
		if (source->call->args[i].kind == OPERAND_STRING ||
		    farewell_is_small_array(fn, &source->call->args[i]))
			return true;
		if (source->call->args[i].kind == OPERAND_PLACE &&
		    farewell_is_macro(&fn->places[source->call->args[i].place]) &&
		    strstr(source->call->name, "strlen"))
			return true;
	}
	return false;
}

/* "BYE", 4, sizeof(reply), or what a small array holds: a few bytes, as the code shows. */
static bool farewell_is_short(const struct function *fn, const struct item *item)
{
	const struct operand *length = contract_argument(item->call, FACT_LENGTH);
	int64_t number;

	if (length && operand_is_number(length, &number))
		return number <= FAREWELL_SMALL;
	for (int i = 0; i < item->call->n_args; i++)
		if (item->call->args[i].kind == OPERAND_STRING ||
		    farewell_is_small_array(fn, &item->call->args[i]) ||
		    farewell_is_constant(fn, &item->call->args[i]) ||
		    farewell_is_numbers(fn, &item->call->args[i], item))
			return true;
	return length && (starts_with(operand_text(fn, length), "sizeof") ||
			  farewell_is_small_text(fn, length, item));
}

struct farewell_way {
	const struct place *fd; /* the variable that the descriptor is in */
};

static bool farewell_is_of(const struct function *fn, const struct operand *o,
			   const struct farewell_way *way)
{
	return o && (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS) &&
	       place_root(fn, o->place) == way->fd;
}

/* The function closes its argument, or a part of it, or ends the structure that has the descriptor. */
static bool farewell_target_closes(const struct summary *summary, int arg)
{
	enum { CLOSES = SUMMARY_CLOSES | SUMMARY_MAY_CLOSE };

	if (summary->param[arg] & (CLOSES | SUMMARY_FREES))
		return true;
	for (int i = 0; i < summary->n_parts; i++)
		if (summary->parts[i].param == arg && (summary->parts[i].does & CLOSES))
			return true;
	return false;
}

/* close(), or a function of the project that closes what it is given. */
static bool farewell_closes(const struct function *fn, const struct call *call,
			    const struct farewell_way *way)
{
	const struct fact *closes = api_fact(call->api, FACT_CLOSES);

	if (closes)
		return farewell_is_of(fn, call_argument(call, closes->arg), way);
	for (int i = 0; call->target && i < call->n_args && i < 16; i++)
		if (farewell_target_closes(&call->target->summary, i) &&
		    farewell_is_of(fn, &call->args[i], way))
			return true;
	return false;
}

/* The connection ends here, or somebody looks at what comes of the next read or write of it. */
static bool farewell_visit(struct outcome *outcome, const struct item *item)
{
	const struct call *call = item->call;

	if (call_ends(call) || farewell_closes(outcome->fn, call, outcome->data))
		return true;
	return !(call->flags & CALL_DROPPED) &&
	       api_is(contract_of(call).api, ROLE(READ) | ROLE(PARTIAL)) &&
	       farewell_is_of(outcome->fn, contract_argument(call, FACT_USES), outcome->data);
}

static bool farewell_is_last(struct function *fn, const struct item *item, const struct operand *fd,
			     int64_t result, int depth);

/* The function returns: what do all those do who call it with the descriptor? */
static bool farewell_callers(const struct function *fn, const struct place *fd, int64_t returns,
			     int depth)
{
	bool any = false;

	for (int k = 0; depth > 0 && k < fn->n_callers; k++) {
		struct function *caller = fn->callers[k].fn;
		const struct item *item = fn->callers[k].item;

		if (caller->skipped)
			continue;
		if (fd->param >= item->call->n_args ||
		    !farewell_is_last(caller, item, &item->call->args[fd->param], returns,
				      depth - 1))
			return false;
		any = true;
	}
	return any;
}

static bool farewell_is_last(struct function *fn, const struct item *item, const struct operand *fd,
			     int64_t result, int depth)
{
	struct farewell_way way;
	struct outcome outcome = {
		.fn = fn, .call = item, .result = result, .visit = farewell_visit, .data = &way
	};
	unsigned ends;

	if (!fd || (fd->kind != OPERAND_PLACE && fd->kind != OPERAND_ADDRESS))
		return false;
	way.fd = place_root(fn, fd->place);
	ends = outcome_walk(&outcome);
	if (ends & (OUTCOME_AGAIN | OUTCOME_TOO_LONG | OUTCOME_THROWS))
		return false;
	if (!(ends & OUTCOME_RETURNS) || (fn->flags & FUNCTION_MAIN))
		return true;
	return way.fd->kind == PLACE_PARAM && way.fd->param >= 0 &&
	       ((fn->flags & FUNCTION_VOID) || outcome.returns_known) &&
	       farewell_callers(fn, way.fd, outcome.returns_known ? outcome.returns : 0, depth);
}

/* One part after the other goes to the same peer, and not one message to each of many. */
static bool farewell_goes_on(struct function *fn, const struct item *item)
{
	const struct operand *fd = contract_argument(item->call, FACT_USES);
	int loop = item_loop(fn, item);
	const struct place *root;

	if (loop < 0 || farewell_is_short(fn, item) || !fd || fd->kind != OPERAND_PLACE)
		return false;
	root = place_root(fn, fd->place);
	return root->kind != PLACE_TEMP && !strchr(fn->places[fd->place].text, '[') &&
	       !loop_changes(fn, loop, fd->place) &&
	       !loop_changes(fn, loop, (int)(root - fn->places));
}

/* connect(fd, …), or what a function of the project gives that connects. */
static bool farewell_connects(const struct function *fn, const struct item *item,
			      const struct place *fd)
{
	const struct call *call = item->call;
	int result = item_result(fn, item);

	if (call->target)
		return result >= 0 && place_root(fn, result) == fd &&
		       function_find_role(call->target, ROLE(CONNECT)) &&
		       !function_find_role(call->target, ROLE(NONBLOCK));
	if (!api_is(call->api, ROLE(CONNECT)))
		return false;
	for (int i = 0; i < call->n_args; i++)
		if ((call->args[i].kind == OPERAND_PLACE ||
		     call->args[i].kind == OPERAND_ADDRESS) &&
		    place_root(fn, call->args[i].place) == fd)
			return true;
	return false;
}

/*
 * The first message of a connection that was made just now: its buffer is empty, and takes what is
 * no more than a request.
 */
static bool farewell_is_first(struct function *fn, const struct item *item)
{
	const struct operand *fd = contract_argument(item->call, FACT_USES);
	const struct place *root;
	bool fresh = false;

	if (!fd || fd->kind != OPERAND_PLACE || item_loop(fn, item) >= 0)
		return false;
	root = place_root(fn, fd->place);
	for (const struct item *i = fn->items; i < item; i++) {
		if (i->kind != ITEM_CALL || !i->call)
			continue;
		if (farewell_connects(fn, i, root))
			fresh = true;
		else if (item_unblocks(fn, i) || (api_is(contract_of(i->call).api, ROLE(WRITE)) &&
						  !api_is(i->call->api, ROLE(LOG))))
			fresh = false;
	}
	return fresh;
}

/* SIGPIPE, unless something in the program keeps it away, ends whoever writes to nobody. */
static bool farewell_kills(const struct function *fn, const struct item *item)
{
	if (item_mentions(fn, item, "NOSIGNAL"))
		return false;
	for (size_t i = 0; i < program.n_sources; i++) {
		const struct source *source = program.sources[i];

		if (program_shares(source, fn->source) &&
		    memmem(source->text, source->size, "SIGPIPE", 7))
			return false;
	}
	return true;
}

bool farewell_is_minor(struct function *fn, const struct item *item)
{
	bool dropped = item->call->flags & CALL_DROPPED;
	bool goes_on = farewell_goes_on(fn, item);

	if (!dropped && farewell_is_first(fn, item))
		return true;
	if (farewell_blocks(fn, item))
		return !goes_on || !dropped || farewell_kills(fn, item) ||
		       farewell_is_last(fn, item, contract_argument(item->call, FACT_USES), -1,
					FAREWELL_DEPTH);
	return farewell_is_short(fn, item);
}
