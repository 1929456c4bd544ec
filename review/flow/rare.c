/* SPDX-License-Identifier: Apache-2.0 */
/* Failures that hardly come; see rare.h. */

#include "flow/rare.h"
#include "flow/contract.h"
#include "flow/state.h"

#include <string.h>

enum {
	RARE_ASKED = 1 << 4, /* of item->decided, where decide.c has the bits below */
	RARE_FIRST = 1 << 5, /* edge 0; edge 1 is the next bit */
	RARE_DEPTH = 2,
	RARE_MANY = 30000,
};

static bool rare_has_word(const struct function *fn, const struct call *call, int arg,
			  const char *const *words, size_t n)
{
	const char *text = call->n_args >= arg ? operand_text(fn, &call->args[arg - 1]) : "";

	for (size_t i = 0; i < n; i++)
		if (!strcmp(text, words[i]))
			return true;
	return false;
}

/* for (fd = …) if (fcntl(fd, F_GETFD) < 0): asks which numbers are free. */
static bool rare_is_probe(const struct function *fn, const struct call *call)
{
	const struct operand *o = call->n_args ? &call->args[0] : NULL;
	const struct item *set =
		o && o->kind == OPERAND_PLACE ? place_set_last(fn, o->place) : NULL;

	return set && set->kind != ITEM_CALL && !operand_source(fn, o, set + 1);
}

/* F_SETFL and F_SETFD ask nothing of the system; a lock or a duplicate does. */
static bool rare_is_flag(const struct function *fn, const struct call *call)
{
	static const char *const words[] = { "F_GETFL", "F_SETFL", "F_GETFD",
					     "F_SETFD", "FIONBIO", "FIOCLEX" };

	return (!strcmp(call->name, "fcntl") || !strcmp(call->name, "ioctl")) &&
	       !rare_is_probe(fn, call) &&
	       rare_has_word(fn, call, 2, words, sizeof(words) / sizeof(*words));
}

/* An option that every socket of its family has; these want a right, a device, a module or a group. */
static bool rare_is_option(const struct function *fn, const struct call *call)
{
	static const char *const words[] = { "MEMBERSHIP", "JOIN",     "DEVICE",      "FILTER",
					     "BPF",        "MARK",     "FORCE",       "MD5",
					     "TCP_ULP",    "PRIORITY", "TRANSPARENT", "HDRINCL",
					     "XDP",        "RING" };
	const char *text = call->n_args >= 3 ? operand_text(fn, &call->args[2]) : "";
	bool known = (starts_with(text, "SO_") || starts_with(text, "TCP_") ||
		      starts_with(text, "IP_") || starts_with(text, "IPV6_")) &&
		     !strcmp(call->name, "setsockopt");

	for (size_t i = 0; known && i < sizeof(words) / sizeof(*words); i++)
		known = !strstr(text, words[i]);
	return known;
}

static bool rare_call(const struct function *fn, const struct call *call, int depth);

/* It can fail for another reason, or nobody knows what it does. */
static bool rare_may_fail(const struct function *fn, const struct item *item, int depth)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
	const struct api *api = call ? call->api : NULL;

	if (!call || call_is_talk(call) || call_ends(call))
		return false;
	if (api && (api->fails == FAILS_UNKNOWN || api->fails == FAILS_NEVER))
		return false;
	return !rare_call(fn, call, depth);
}

/* A helper that makes such calls and no others: set_nonblocking(), xmalloc_or_null(). */
static bool rare_helper(const struct function *target, int depth)
{
	bool any = false;

	for (int i = 0; i < target->n_items; i++) {
		const struct item *item = &target->items[i];

		if (item->kind == ITEM_CALL && rare_may_fail(target, item, depth - 1))
			return false;
		any |= item->kind == ITEM_CALL && item->call &&
		       rare_call(target, item->call, depth - 1);
	}
	return any;
}

static bool rare_call(const struct function *fn, const struct call *call, int depth)
{
	if (rare_is_flag(fn, call) || rare_is_option(fn, call))
		return true;
	if (call->target)
		return depth > 0 && rare_helper(call->target, depth);
	/* realloc(), which gives back what it was given. */
	if (api_is(call->api, ROLE(MEMORY)) && call->api->fails == FAILS_NULL)
		return true;
	return contract_is_memory(call) || api_is(call->api, ROLE(RARELY));
}

/* On the edge, fork() has not given the parent a child. */
static bool rare_is_child(const struct item *test, const struct call *call, int edge)
{
	int op = edge ? op_negate(test->op) : test->op;

	return api_is(call->api, ROLE(FORK)) && test->b.kind != OPERAND_PLACE &&
	       (test->b.kind == OPERAND_NUMBER || test->b.kind == OPERAND_NULL) &&
	       !number_holds(1, op, test->b.number) && !number_holds(RARE_MANY, op, test->b.number);
}

static bool rare_find(const struct function *fn, const struct item *test, int edge)
{
	const struct item *source = operand_source(fn, &test->a, test);
	const struct call *call = source ? source->call : NULL;
	struct contract contract;

	if (!call || test->op == OP_UNKNOWN)
		return false;
	if (rare_is_child(test, call, edge))
		return true;
	if (!rare_call(fn, call, RARE_DEPTH))
		return false;
	contract = contract_of(call);
	return contract_edge_works(&contract, test, !edge) &&
	       !contract_edge_works(&contract, test, edge);
}

bool rare_edge(struct function *fn, const struct item *test, int edge)
{
	struct item *known = &fn->items[test - fn->items];

	if (!(known->decided & RARE_ASKED))
		known->decided |= (uint8_t)(RARE_ASKED | (rare_find(fn, test, 0) ? RARE_FIRST : 0) |
					    (rare_find(fn, test, 1) ? RARE_FIRST << 1 : 0));
	return known->decided & (RARE_FIRST << edge);
}

void rare_mark(struct flow *flow)
{
	for (int i = 0; i < flow->n_resources; i++)
		flow->state->rare[i] |= flow->resources[i].site &&
					(flow->state->bits[i] & RES_OPEN) &&
					!(flow->state->bits[i] & (RES_CLOSED | RES_GONE));
}
