/* SPDX-License-Identifier: Apache-2.0 */
/* What the results of calls say; see contract.h. */

#include "flow/contract.h"

#include <ctype.h>
#include <string.h>

/* At most two intervals. */
struct contract_set {
	int n;
	int64_t low[2], high[2];
};

static void set_add(struct contract_set *set, int64_t low, int64_t high)
{
	if (low > high)
		return;
	set->low[set->n] = low;
	set->high[set->n++] = high;
}

static bool interval_has(int64_t low, int64_t high, int op, int64_t number)
{
	switch (op) {
	case OP_EQ:
		return low <= number && number <= high;
	case OP_NE:
		return low != number || high != number;
	case OP_LT:
		return low < number;
	case OP_LE:
		return low <= number;
	case OP_GT:
		return high > number;
	case OP_GE:
		return high >= number;
	default:
		return true;
	}
}

bool number_holds(int64_t a, int op, int64_t b)
{
	return op != OP_UNKNOWN && interval_has(a, a, op, b);
}

static bool set_has(const struct contract_set *set, int op, int64_t number)
{
	for (int i = 0; i < set->n; i++)
		if (interval_has(set->low[i], set->high[i], op, number))
			return true;
	return false;
}

static int64_t number_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t number_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct contract_set contract_failures(const struct contract *c)
{
	struct contract_set set = { .n = 0 };

	switch (c->fails) {
	case FAILS_MINUS_ONE:
		set_add(&set, -1, -1);
		break;
	case FAILS_NEGATIVE:
		set_add(&set, c->low, number_min(c->high, -1));
		break;
	case FAILS_NULL:
	case FAILS_FALSE:
		set_add(&set, 0, 0);
		break;
	case FAILS_NONZERO:
		set_add(&set, c->low, number_min(c->high, -1));
		set_add(&set, number_max(c->low, 1), c->high);
		break;
	case FAILS_NOT_POSITIVE:
		set_add(&set, c->low, number_min(c->high, 0));
		break;
	default:
		break;
	}
	return set;
}

static struct contract_set contract_successes(const struct contract *c)
{
	struct contract_set set = { .n = 0 };
	int64_t from = c->gives == CONTRACT_AMOUNT || c->gives == CONTRACT_HANDLE ? 1 : 0;

	switch (c->fails) {
	case FAILS_MINUS_ONE:
	case FAILS_NEGATIVE:
		set_add(&set, number_max(c->low, from),
			c->gives == CONTRACT_STATUS ? 0 : number_max(c->high, from));
		break;
	case FAILS_NULL:
	case FAILS_FALSE:
		set_add(&set, c->low, number_min(c->high, -1));
		set_add(&set, number_max(c->low, 1), number_max(c->high, 1));
		break;
	case FAILS_NONZERO:
		set_add(&set, 0, 0);
		break;
	case FAILS_NOT_POSITIVE:
		set_add(&set, 1, number_max(c->high, 1));
		break;
	default:
		break;
	}
	return set;
}

unsigned contract_side(const struct contract *contract, int op, int64_t number)
{
	struct contract_set failed = contract_failures(contract);
	struct contract_set worked = contract_successes(contract);

	return (set_has(&failed, op, number) ? CONTRACT_FAILED : 0u) |
	       (set_has(&worked, op, number) ? CONTRACT_WORKED : 0u) |
	       (set_has(&worked, op_negate(op), number) ? 0u : CONTRACT_ALL_WORKED);
}

bool contract_can_fail(const struct contract *contract)
{
	struct contract_set failures = contract_failures(contract);

	for (int i = 0; i < failures.n; i++)
		if (failures.low[i] <= contract->high && failures.high[i] >= contract->low)
			return true;
	return false;
}

/* Failures are on that side; in an unsigned variable what is below 0 is a large number. */
static bool contract_side_fails(const struct contract *contract, int op, int64_t number,
				bool is_unsigned)
{
	if (is_unsigned && number >= 0 &&
	    (contract->fails == FAILS_MINUS_ONE || contract->fails == FAILS_NEGATIVE))
		return op == OP_GT || op == OP_GE || op == OP_NE;
	return contract_side(contract, op, number) & CONTRACT_FAILED;
}

static bool contract_side_mixes(const struct contract *contract, int op, int64_t number,
				bool is_unsigned)
{
	return contract_side_fails(contract, op, number, is_unsigned) &&
	       (contract_side(contract, op, number) & CONTRACT_ALL_WORKED);
}

bool contract_is_blind(const struct contract *contract, int op, int64_t number, bool is_unsigned)
{
	if (op == OP_UNKNOWN || contract->fails == FAILS_UNKNOWN || contract->fails == FAILS_NEVER)
		return false;
	return contract_side_mixes(contract, op, number, is_unsigned) ||
	       contract_side_mixes(contract, op_negate(op), number, is_unsigned);
}

/* Wide enough that -1 does not come back from it as -1. */
static bool contract_is_unsigned(const struct function *fn, int place)
{
	static const char *const types[] = { "size_t", "unsigned", "uint32_t", "uint64_t",
					     "uint",   "u_int",    "u_long",   "guint",
					     "gsize",  "quint32",  "quint64" };
	uint8_t stars = 0;
	const char *type = place >= 0 ? place_type(fn, place, &stars) : NULL;

	for (size_t i = 0; type && !stars && i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

/* (ssize_t)n < 0: the sign comes back. */
static bool contract_casts(const struct function *fn, const struct item *test)
{
	static const char *const casts[] = { "(ssize_t)", "(int",     "(long", "(signed",
					     "_cast<",    "(gssize",  "(qint", "(off_t)",
					     "(short",    "ssize_t(", "(gint", "(qsize",
					     "int(" };

	for (size_t i = 0; i < sizeof(casts) / sizeof(*casts); i++)
		if (item_mentions(fn, test, casts[i]))
			return true;
	return false;
}

bool contract_loses_sign(const struct function *fn, const struct item *item)
{
	struct contract contract = contract_of(item->call);

	return (contract.fails == FAILS_MINUS_ONE || contract.fails == FAILS_NEGATIVE) &&
	       contract_is_unsigned(fn, item_result(fn, item));
}

bool contract_test_is_blind(const struct function *fn, const struct contract *contract,
			    const struct item *test, int place)
{
	bool first = operand_is_place(&test->a, place);
	const struct operand *other = first ? &test->b : &test->a;
	int64_t number;

	if (test->kind != ITEM_BRANCH || (!first && !operand_is_place(&test->b, place)) ||
	    !operand_is_number(other, &number) || operand_error(other))
		return false;
	return contract_is_blind(contract, first ? test->op : op_mirror(test->op), number,
				 contract_is_unsigned(fn, place) && !contract_casts(fn, test));
}

bool contract_test_counts(const struct contract *contract, const struct item *test, int place)
{
	/* Of what nobody knows how it fails, as far as any amount. */
	static const struct contract amount = {
		.fails = FAILS_MINUS_ONE, .gives = CONTRACT_AMOUNT, .low = -1, .high = INT64_MAX
	};
	bool first = operand_is_place(&test->a, place);
	const struct operand *other = first ? &test->b : &test->a;
	unsigned side;
	int64_t number;

	if (test->op == OP_UNKNOWN)
		return false;
	if (!operand_is_number(other, &number))
		return true;
	side = contract_side(contract->fails == FAILS_UNKNOWN ? &amount : contract,
			     first ? test->op : op_mirror(test->op), number);
	return (side & CONTRACT_WORKED) && !(side & CONTRACT_ALL_WORKED);
}

int contract_outcome(uint8_t fails, int64_t low, int64_t high, bool nonzero)
{
	switch (fails) {
	case FAILS_MINUS_ONE:
	case FAILS_NEGATIVE:
		return high < 0 ? 1 : low >= 0 ? 0 : -1;
	case FAILS_NULL:
	case FAILS_FALSE:
		return low == 0 && high == 0 ? 1 : nonzero ? 0 : -1;
	case FAILS_NOT_POSITIVE:
		return high <= 0 ? 1 : low > 0 ? 0 : -1;
	case FAILS_NONZERO:
		return nonzero ? 1 : low == 0 && high == 0 ? 0 : -1;
	case FAILS_NOT_NEGATIVE:
		return low >= 0 ? 1 : high < 0 ? 0 : -1;
	default:
		return -1;
	}
}

int64_t contract_failure(const struct contract *contract, int64_t error)
{
	switch (contract->fails) {
	case FAILS_NULL:
	case FAILS_FALSE:
		return 0;
	case FAILS_NONZERO:
		return error ? error : contract->high < 1 ? -1 : 1;
	case FAILS_NEGATIVE:
		return contract->errors && error ? -error : -1;
	default:
		return -1;
	}
}

bool contract_edge_works(const struct contract *contract, const struct item *test, int edge)
{
	int op = edge ? op_negate(test->op) : test->op;
	int64_t number;

	return operand_is_number(&test->b, &number) &&
	       !(contract_side(contract, op, number) & CONTRACT_FAILED);
}

const char *contract_failure_text(const struct contract *contract)
{
	switch (contract->fails) {
	case FAILS_NEGATIVE:
		return contract->low == -1 ? "-1"
		       : contract->errors  ? "a negative error number"
					   : "a negative number";
	case FAILS_NULL:
		return "NULL";
	case FAILS_FALSE:
		return "0";
	case FAILS_NONZERO:
		return "an error number";
	case FAILS_NOT_POSITIVE:
		return "0 or -1";
	default:
		return "-1";
	}
}

const char *contract_condition(const struct contract *contract, const char *text)
{
	switch (contract->fails) {
	case FAILS_FALSE:
	case FAILS_NULL:
		return arena_printf(&run_arena, "if (!%s)", text);
	case FAILS_NONZERO:
		return arena_printf(&run_arena, "if (%s != 0)", text);
	case FAILS_NOT_POSITIVE:
		return arena_printf(&run_arena, "if (%s <= 0)", text);
	default:
		return arena_printf(&run_arena, "if (%s < 0)", text);
	}
}

static uint8_t contract_gives_of(const struct api *api)
{
	const struct fact *opens = api_fact(api, FACT_OPENS);

	/* `dup(fd) != 0` asks which one it is, which nobody does of a socket. */
	if (opens && opens->arg == ARG_RESULT)
		return api_is(api, ROLE(SOCKET) | ROLE(ACCEPT)) ? CONTRACT_HANDLE
								: CONTRACT_ANYTHING;
	if (opens || api_is(api, ROLE(BIND) | ROLE(LISTEN) | ROLE(CONNECT) | ROLE(SETOPT) |
					 ROLE(SHUTDOWN) | ROLE(UNLINK) | ROLE(DIALS) | ROLE(ASYNC)))
		return CONTRACT_STATUS;
	if (api_is(api, ROLE(POLL) | ROLE(PARTIAL)) ||
	    (api_is(api, ROLE(READ) | ROLE(WRITE)) && api_fact(api, FACT_BLOCKS)))
		return CONTRACT_AMOUNT;
	return CONTRACT_ANYTHING;
}

/* A class that derives has a method of that name: which one is called is not known. */
static bool contract_is_overridden(struct function *method)
{
	enum { NO = 1, YES };

	if (method->overridden || !method->class_name)
		return method->overridden == YES;
	method->overridden = NO;
	for (size_t i = 0; i < program.n_functions && method->overridden == NO; i++) {
		const struct function *other = program.functions[i];

		if (other->name == method->name && other->class_name &&
		    other->class_name != method->class_name &&
		    index_derives(other->class_name, method->class_name))
			method->overridden = YES;
	}
	return method->overridden == YES;
}

static bool contract_returns(const struct function *helper, int place)
{
	for (int i = 0; i < helper->n_items; i++)
		if (helper->items[i].kind == ITEM_RETURN &&
		    operand_is_place(&helper->items[i].a, place))
			return true;
	return false;
}

/* `ret = 0`, or `return 0` at the end, behind the read: what it gives when all went well is no amount. */
static bool contract_gives_zero(const struct function *helper)
{
	const struct item *last = NULL;
	bool reads = false;
	int64_t number;

	for (int i = 0; i < helper->n_items; i++) {
		const struct item *item = &helper->items[i];

		if (item->kind == ITEM_RETURN)
			last = item;
		if (item->kind == ITEM_CALL && item->call && item->call->api)
			reads |= item->call->api == helper->summary.answers;
		else if (reads && item->kind == ITEM_ASSIGN &&
			 operand_is_number(&item->a, &number) && !number &&
			 contract_returns(helper, item->dst))
			return true;
	}
	return reads && last && operand_is_number(&last->a, &number) && !number;
}

static void contract_of_helper(struct contract *c, struct function *helper)
{
	const struct summary *summary = &helper->summary;

	c->helper = helper;
	if (contract_is_overridden(helper))
		return;
	if (!summary->done || helper->skipped || (helper->flags & FUNCTION_ERRORS))
		return;
	c->api = summary->answers;
	c->fails = summary->fails;
	if (summary->has_range) {
		c->low = summary->low;
		c->high = summary->high;
	}
	c->gives = c->api ? contract_gives_of(c->api) : CONTRACT_ANYTHING;
	/* It sends all in a loop, and gives 0 then, or 1: no amount. */
	if (c->gives == CONTRACT_AMOUNT && c->high <= 1)
		c->gives = c->high <= 0 ? CONTRACT_STATUS : CONTRACT_ANYTHING;
	if (c->gives == CONTRACT_AMOUNT && contract_gives_zero(helper))
		c->gives = CONTRACT_ANYTHING;
	c->errors = c->api && c->api->fails == FAILS_NEGATIVE;
	if (c->fails == FAILS_NEGATIVE && c->api && c->api->fails == FAILS_MINUS_ONE)
		c->fails = FAILS_MINUS_ONE;
	/* return recv(…): all that it gives is what that gives. */
	if (c->fails == FAILS_UNKNOWN && c->api && (c->low < 0 || c->api->fails > FAILS_NEGATIVE))
		c->fails = c->api->fails;
	/* How far down it goes is not known then, and it may be that it gives -1 alone. */
	if (c->fails == FAILS_NEGATIVE && c->low == INT64_MIN && !c->errors)
		c->low = -1;
}

struct contract contract_of(const struct call *call)
{
	struct contract c = { .fails = FAILS_UNKNOWN, .low = INT64_MIN, .high = INT64_MAX };

	if (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE))
		return c;
	if (!call->api) {
		if (call->target)
			contract_of_helper(&c, call->target);
		return c;
	}
	c.api = call->api;
	c.fails = call->api->fails;
	c.needed = api_is(call->api, ROLE(MUST));
	c.gives = contract_gives_of(call->api);
	c.errors = c.fails == FAILS_NEGATIVE;
	if (c.fails == FAILS_MINUS_ONE)
		c.low = -1;
	if (c.fails == FAILS_NULL || c.fails == FAILS_FALSE)
		c.low = 0;
	/* EAI_AGAIN and the like are below 0 in all C libraries of Linux, so `< 0` sees them. */
	if (api_is(call->api, ROLE(EAI)))
		c.high = 0;
	return c;
}

/* -1 as it stands, and no name of an error. */
static bool operand_is_plain_minus_one(const struct operand *o)
{
	int64_t number;

	return operand_is_number(o, &number) && number == -1 && !o->text;
}

const struct item *contract_inner(const struct call *call)
{
	const struct function *helper = call->api ? NULL : call->target;
	const struct item *found = NULL;

	for (int i = 0; helper && helper->summary.answers && i < helper->n_items; i++) {
		const struct item *item = &helper->items[i];
		const struct call *inner = item->kind == ITEM_CALL ? item->call : NULL;

		if (!inner || (inner->api ? inner->api != helper->summary.answers
					  : !inner->target || inner->target == helper ||
						    inner->target->summary.answers !=
							    helper->summary.answers))
			continue;
		if (found)
			return NULL;
		found = item;
	}
	return found;
}

static const struct operand *contract_argument_in(const struct call *call, enum fact_key key,
						  int depth)
{
	const struct fact *fact = api_fact(call->api, key);
	const struct item *inner = call->api ? NULL : contract_inner(call);
	const struct operand *o;
	const struct place *p;

	if (call->api)
		return fact ? call_argument(call, fact->arg) : NULL;
	o = inner && depth > 0 ? contract_argument_in(inner->call, key, depth - 1) : NULL;
	if (!o || o->kind != OPERAND_PLACE)
		return NULL;
	p = &call->target->places[o->place];
	return p->kind == PLACE_PARAM && p->param >= 0 && p->param < call->n_args &&
			       !place_set_last(call->target, o->place)
		       ? &call->args[p->param]
		       : NULL;
}

const struct operand *contract_argument(const struct call *call, enum fact_key key)
{
	return contract_argument_in(call, key, 3);
}

struct fate_search {
	struct contract contract;
	const struct item *blind;
};

/* Nothing more happens on the way: the function is over. */
static bool fate_is_over(const struct function *fn, int block)
{
	for (int steps = 0; block >= 0 && steps < 8; steps++) {
		for (int i = fn->blocks[block].first; i >= 0; i = fn->items[i].next) {
			const struct item *item = &fn->items[i];

			if (item->kind == ITEM_RETURN)
				return item->a.kind == OPERAND_NONE;
			if (item->kind != ITEM_STATEMENT && item->kind != ITEM_DIES)
				return false;
		}
		if (fn->blocks[block].next[1] >= 0)
			return false;
		block = fn->blocks[block].next[0];
	}
	return block < 0;
}

/* if (write(…)) { }, or if (!write(…)) return; at the end: a way to say that nobody asks. */
static bool fate_is_empty(const struct function *fn, const struct item *test)
{
	int number = item_block(fn, test), next;

	if (number < 0)
		return false;
	if (fate_is_over(fn, fn->blocks[number].next[0]) &&
	    fate_is_over(fn, fn->blocks[number].next[1]))
		return true;
	next = fn->blocks[number].next[0];
	if (next < 0)
		return false;
	for (int i = fn->blocks[next].first; i >= 0; i = fn->items[i].next)
		if (fn->items[i].kind != ITEM_STATEMENT)
			return false;
	return fn->blocks[next].next[0] == fn->blocks[number].next[1];
}

/* `r == -2` asks for one failure among several, and another test for another. */
static bool fate_asks_for_one(const struct contract *contract, const struct item *test)
{
	int64_t number = 0;
	const struct operand *o = operand_is_number(&test->b, &number) ? &test->b : &test->a;

	if (test->op != OP_EQ && test->op != OP_NE)
		return false;
	return operand_is_number(o, &number) && number < 0 && (o->text || contract->helper);
}

/*
 * `r == -1` where the project's own function gives -1 here and -2 there: the test tells two failures
 * apart, and whoever wrote it knows of both.
 */
static bool fate_tells_apart(const struct function *helper, int op, int64_t number)
{
	bool holds = false, fails = false;

	for (int i = 0; i < helper->n_items; i++) {
		const struct item *item = &helper->items[i];
		int64_t given;

		if ((item->kind != ITEM_RETURN && item->kind != ITEM_ASSIGN) ||
		    !operand_is_number(&item->a, &given) || given >= 0)
			continue;
		if (number_holds(given, op, number))
			holds = true;
		else
			fails = true;
	}
	return holds && fails;
}

/* A result of the project's own, that the test names, or that is no mere truth: `kind == 3`. */
static bool fate_asks_for_own(const struct contract *contract, const struct item *test)
{
	bool first = test->b.kind == OPERAND_NUMBER;
	const struct operand *o = first ? &test->b : &test->a;
	int op = first ? test->op : op_mirror(test->op);
	int64_t number;

	if (!contract->helper || !operand_is_number(o, &number))
		return false;
	if ((op == OP_EQ || op == OP_NE) && (number > 1 || (o->text && number > 0)))
		return true;
	return fate_tells_apart(contract->helper, op, number);
}

static bool fate_is_seen(const struct function *fn, const struct item *user, int place, void *data)
{
	struct fate_search *search = data;

	switch (user->kind) {
	case ITEM_BRANCH:
		if (!contract_test_is_blind(fn, &search->contract, user, place) ||
		    fate_is_empty(fn, user))
			return true;
		if (fate_asks_for_own(&search->contract, user))
			return true;
		/* Two such tests, or one by a name, know what they ask for. */
		if (fate_asks_for_one(&search->contract, user) &&
		    (search->blind || !operand_is_plain_minus_one(&user->b)))
			return true;
		/* SSL_connect() < 0, and then == 0: together they ask for both. */
		if (search->blind && search->contract.fails == FAILS_NOT_POSITIVE)
			return true;
		if (!search->blind || user < search->blind)
			search->blind = user;
		return false;
	case ITEM_CALL:
		return !api_is(user->call->api, ROLE(LOG));
	case ITEM_DIES:
	case ITEM_DECLARE:
		return false;
	default:
		return true;
	}
}

enum contract_fate contract_fate(const struct function *fn, const struct item *item,
				 const struct item **blind)
{
	struct fate_search search = { .contract = contract_of(item->call) };
	bool seen = item_result_has_use(fn, item, fate_is_seen, &search);

	*blind = seen ? NULL : search.blind;
	return seen ? CONTRACT_SEEN : search.blind ? CONTRACT_BLIND : CONTRACT_UNSEEN;
}

bool place_is_errno(const struct function *fn, int place)
{
	return !strcmp(fn->places[place].text, "errno");
}

bool operand_is_errno(const struct function *fn, const struct operand *o)
{
	const struct item *set;

	if (o->kind != OPERAND_PLACE)
		return false;
	if (place_is_errno(fn, o->place))
		return true;
	set = place_set_once(fn, o->place);
	return set && set->kind == ITEM_ASSIGN && set->a.kind == OPERAND_PLACE &&
	       place_is_errno(fn, set->a.place);
}

int64_t error_number(const char *name)
{
	int64_t number = 0;

	/* EOF is -1, and EPOLLIN no error either. */
	if (!name || !strcmp(name, "EOF") || strchr(name, '_') || starts_with(name, "EPOLL"))
		return 0;
	if (name[0] != 'E' || !(isupper((unsigned char)name[1]) || name[1] == '2') ||
	    !kb_value(intern_z(name), &number))
		return 0;
	return number;
}

int64_t operand_error(const struct operand *o)
{
	return o->kind == OPERAND_NUMBER ? error_number(o->text) : 0;
}

int64_t test_error(const struct item *test)
{
	int64_t error = operand_error(&test->b);

	return test->op != OP_EQ && test->op != OP_NE ? 0 : error ? error : operand_error(&test->a);
}

bool contract_is_memory(const struct call *call)
{
	const struct api *api = contract_of(call).api;
	const struct fact *opens = api_fact(api, FACT_OPENS);

	return opens && !strcmp(opens->word, "memory") &&
	       !api_is(api, ROLE(SOCKET) | ROLE(BIND) | ROLE(LISTEN) | ROLE(CONNECT));
}
