/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-707 as reviews file it: a call blocks for as long as its peer likes, and nothing in the program ends that. */

#include "model/descriptor.h"
#include "read/source.h"
#include "rules/rules.h"

#include <string.h>

extern const struct rule rule_W4;

enum { BLOCKS_SITES = 64 };

/* What the text of each source speaks of: in whatever form, the program has thought of it. */
enum {
	BLOCKS_LIMITS = 1 << 0,  /* calls that end after some time, or do not block */
	BLOCKS_SEVERAL = 1 << 1, /* more than one thread or process */
	BLOCKS_WRITES = 1 << 2,  /* a wait until something can be written */
	BLOCKS_DIALS = 1 << 3,   /* connections that are not of clients */
};

static const struct {
	const char *word;
	uint8_t bit;
} blocks_words[] = {
	{ "NONBLOCK", BLOCKS_LIMITS },       { "onblock", BLOCKS_LIMITS },
	{ "NDELAY", BLOCKS_LIMITS },         { "FIONBIO", BLOCKS_LIMITS },
	{ "DONTWAIT", BLOCKS_LIMITS },       { "TIMEO", BLOCKS_LIMITS },
	{ "alarm(", BLOCKS_LIMITS },         { "timer(", BLOCKS_LIMITS },
	{ "timer_settime", BLOCKS_LIMITS },  { "SYNCNT", BLOCKS_LIMITS },
	{ "thread_create", BLOCKS_SEVERAL }, { "thread_new", BLOCKS_SEVERAL },
	{ "std::thread", BLOCKS_SEVERAL },   { "jthread", BLOCKS_SEVERAL },
	{ "QThread", BLOCKS_SEVERAL },       { "thrd_create", BLOCKS_SEVERAL },
	{ "ThreadPool", BLOCKS_SEVERAL },    { "async(", BLOCKS_SEVERAL },
	{ "QtConcurrent", BLOCKS_SEVERAL },  { "fork(", BLOCKS_SEVERAL },
	{ "POLLOUT", BLOCKS_WRITES },        { "POLLWR", BLOCKS_WRITES },
	{ "EVFILT_WRITE", BLOCKS_WRITES },   { "connect(", BLOCKS_DIALS },
	{ "socketpair(", BLOCKS_DIALS },
};
static uint8_t *blocks_texts;

static void blocks_read_texts(void)
{
	blocks_texts = arena_alloc(&run_arena, program.n_sources + 1);
	for (size_t i = 0; i < program.n_sources; i++)
		for (size_t k = 0; k < sizeof(blocks_words) / sizeof(*blocks_words); k++)
			if (memmem(program.sources[i]->text, program.sources[i]->size,
				   blocks_words[k].word, strlen(blocks_words[k].word)))
				blocks_texts[i] |= blocks_words[k].bit;
}

static bool blocks_program_has(const struct function *fn, unsigned bits)
{
	for (size_t i = 0; i < program.n_sources; i++)
		if ((blocks_texts[i] & bits) && program_shares(fn->source, program.sources[i]))
			return true;
	return false;
}

/* Anything that ends a call after some time, or keeps it from blocking. */
static bool blocks_limits(struct function *fn, const struct item *item, void *data)
{
	const struct call *call = item->call;

	(void)data;
	return api_fact(call->api, FACT_LIMITS) || api_fact(call->api, FACT_UNBLOCKS) ||
	       item_unblocks(fn, item) || item_mentions(fn, item, "TIMEO") ||
	       item_mentions(fn, item, "SYNCNT") || item_mentions(fn, item, "NONBLOCK") ||
	       item_mentions(fn, item, "DONTWAIT") || item_sets_alarm(fn, item, NULL);
}

/* … or waits before it. */
static bool blocks_limits_or_waits(struct function *fn, const struct item *item, void *data)
{
	return api_is(item->call->api, ROLE(POLL) | ROLE(LOOP)) || blocks_limits(fn, item, data);
}

static bool blocks_program_limits(const struct function *fn)
{
	for (size_t i = 0; i < program.n_functions; i++) {
		struct function *other = program.functions[i];

		/* Few files have such words at all. */
		if ((blocks_texts[other->source->number] & BLOCKS_LIMITS) &&
		    program_shares(fn->source, other->source) &&
		    function_find_call(other, blocks_limits, NULL))
			return true;
	}
	return false;
}

/* The kinds of the connection that the call may block on, or 0. */
static unsigned blocks_on(struct function *fn, const struct item *item)
{
	const struct fact *blocks = api_fact(item->call->api, FACT_BLOCKS);
	unsigned kinds = blocks ? descriptor_kinds(fn, call_argument(item->call, blocks->arg)) : 0;

	if (!blocks || (kinds & (DESCRIPTOR_NONBLOCK | DESCRIPTOR_LISTENER | DESCRIPTOR_OTHER)))
		return 0;
	/* recv() of what nobody knows: of a socket in any case. */
	return !kinds && fn->class_name && api_is(item->call->api, ROLE(PEER)) ? DESCRIPTOR_STREAM
									       : kinds;
}

static const struct item *blocks_find(struct function *fn, uint64_t role)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_CALL && item->call && fn->reached[i] &&
		    api_is(item->call->api, role) && (blocks_on(fn, item) & DESCRIPTOR_STREAM))
			return item;
	}
	return NULL;
}

/* The program connects, sends, and nothing in it limits any wait. */
static bool blocks_is_client(const struct function *fn)
{
	bool connecting = false, writing = false;

	for (size_t i = 0; i < program.n_functions; i++) {
		struct function *other = program.functions[i];

		if (!program_shares(fn->source, other->source))
			continue;
		/* Whoever serves waits for clients; a class beside it may be a client all the same. */
		if (function_find_call(other, blocks_limits_or_waits, NULL) ||
		    ((other->source == fn->source || !fn->class_name) &&
		     function_find_role(other, ROLE(LISTEN) | ROLE(ACCEPT))))
			return false;
		connecting |= function_find_role(other, ROLE(CONNECT)) != NULL;
		writing |= function_find_role(other, ROLE(WRITE)) != NULL;
	}
	return connecting && writing;
}

static void blocks_read(struct function *fn)
{
	const struct item *item = blocks_find(fn, ROLE(READ));
	struct finding *finding;

	if (!item || !blocks_is_client(fn))
		return;
	finding = finding_add(
		&rule_W4, fn, item->at,
		"%s blocks until the server answers, and no timeout ends that: if the server hangs, so does this program.",
		call_text(fn, item));
	finding_fix(
		finding,
		"Set `SO_RCVTIMEO` and `SO_SNDTIMEO` on `%s` once it is connected, or `poll()` it with a limit before each %s in %s().",
		operand_text(fn, &item->call->args[0]), call_text(fn, item), fn->label);
}

/* Some loop around the call site waits for events. */
static bool blocks_is_in_loop_of_events(struct function *fn, const struct item *item)
{
	int block = item_block(fn, item);

	for (int l = 0; block >= 0 && l < fn->n_loops; l++) {
		loop_members(fn, l);
		for (int b = 0; fn->loops[l].member[block] && b < fn->n_blocks; b++)
			for (int i = fn->blocks[b].first; fn->loops[l].member[b] && i >= 0;
			     i = fn->items[i].next)
				if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
				    api_is(fn->items[i].call->api, ROLE(POLL)))
					return true;
	}
	return false;
}

/* … or some way to it, as far as so many call sites tell. */
static bool blocks_is_in_event_loop(struct function *fn, const struct item *item)
{
	struct call_site sites[BLOCKS_SITES] = { { fn, item } };
	int n = 1;

	for (int next = 0; next < n; next++) {
		const struct function *called = sites[next].fn;

		if (blocks_is_in_loop_of_events(sites[next].fn, sites[next].item))
			return true;
		for (int k = 0; k < called->n_callers && n < BLOCKS_SITES; k++) {
			bool known = false;

			for (int i = 0; !known && i < n; i++)
				known = sites[i].item == called->callers[k].item;
			if (!known)
				sites[n++] = called->callers[k];
		}
	}
	return false;
}

static bool blocks_accepts_or_selects(struct function *fn, const struct item *item, void *data)
{
	const struct call *call = item->call;
	bool *accepts = data;

	(void)fn;
	*accepts |= api_is(call->api, ROLE(ACCEPT));
	/* select(…, &readable, &writable, …) */
	return (!strcmp(call->name, "select") || !strcmp(call->name, "pselect")) &&
	       call->n_args >= 5 && call->args[2].kind != OPERAND_NULL;
}

/* The program accepts connections, and handles all of them in one process and thread, whether they can be written or not. */
static bool blocks_is_lone_server(const struct function *fn)
{
	bool accepts = false;

	if (blocks_program_has(fn, BLOCKS_LIMITS | BLOCKS_SEVERAL | BLOCKS_WRITES))
		return false;
	for (size_t i = 0; i < program.n_functions; i++)
		if (program_shares(fn->source, program.functions[i]->source) &&
		    function_find_call(program.functions[i], blocks_accepts_or_selects, &accepts))
			return false;
	return accepts;
}

static bool blocks_serves_others(struct function *fn, const struct item *item)
{
	return blocks_is_in_event_loop(fn, item) && blocks_is_lone_server(fn);
}

/*
 * Of a class, whose users cannot set a limit themselves, or of a server that has other clients; a small client in C may want to
 * wait. tcp(7), tcp_syn_retries: a host that does not answer is asked for about two minutes; unix(7): a full backlog is waited
 * for without a limit.
 */
static void blocks_connect(struct function *fn)
{
	const struct item *item = blocks_find(fn, ROLE(CONNECT));
	struct finding *finding;

	if (!item || item->call->n_args != 3 ||
	    (fn->class_name ? blocks_program_limits(fn) : !blocks_serves_others(fn, item)))
		return;
	finding = finding_add(
		&rule_W4, fn, item->at,
		"%s blocks, and no timeout ends that: for about two minutes when the host does not answer, for ever when a local server hangs and its backlog is full.",
		call_text(fn, item));
	finding_fix(
		finding,
		"In %s(), set `SO_SNDTIMEO` on `%s` before %s, which then fails with EINPROGRESS (EAGAIN for a local socket); or make it non-blocking, `poll()` it for POLLOUT with a limit, and ask for `SO_ERROR`.",
		fn->label, operand_text(fn, &item->call->args[0]), call_text(fn, item));
}

static void blocks_write(struct function *fn)
{
	const struct item *item = blocks_find(fn, ROLE(WRITE));
	struct finding *finding;

	if (!item || blocks_program_has(fn, BLOCKS_DIALS) || !blocks_serves_others(fn, item))
		return;
	finding = finding_add(
		&rule_W4, fn, item->at,
		"%s blocks when a client does not read, and no timeout ends that: the loop then serves nobody, and one client stops it for all others.",
		call_text(fn, item));
	finding_fix(
		finding,
		"Make the connections of %s() non-blocking, keep what %s does not take, and send it when `poll()` says POLLOUT; or set `SO_SNDTIMEO` on them, and close the connection when it is reached.",
		fn->label, call_text(fn, item));
}

static void blocks_program(void)
{
	blocks_read_texts();
	for (size_t i = 0; i < program.n_functions; i++) {
		blocks_read(program.functions[i]);
		blocks_connect(program.functions[i]);
		blocks_write(program.functions[i]);
	}
}

const struct rule rule_W4 = {
	.id = "W4",
	.title = "A call blocks with no timeout of any kind",
	.cwe = "1088",
	.pillar = 707,
	.severity = SEVERITY_ADVICE,
	.consequence =
		"the program hangs when its peer does, which not every program has to prevent",
	.program = blocks_program,
};
