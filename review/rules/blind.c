/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E1, the tests that do not see what they are for: `uv_listen(…) == -1`, where any error number but
 * that of EPERM passes for success; `!bind(…)` with the branches of a function that gives true;
 * `n < 0` of an unsigned n. What they are about is looked at, so these are CWE-253. And E4, where a
 * result is compared with EINTR, which stands in errno while the result is -1; or with -EINTR, which is E1
 * or E2 where nothing else sees that the call failed.
 */

#include "flow/contract.h"
#include "rules/blind.h"
#include "rules/partial.h"
#include "rules/rules.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_E1, rule_E2, rule_E4, rule_W1;

/* A wait is E4's, which looks at what follows it. */
static bool blind_concerns(const struct contract *contract)
{
	if (contract->fails == FAILS_UNKNOWN || api_is(contract->api, ROLE(POLL)))
		return false;
	return contract->helper ? contract->helper->interesting : contract->api != NULL;
}

/* `recv(…) == 0` of bytes that nobody wants, or of a single one, which is a signal, asks for the end alone. */
static bool blind_asks_for_end(const struct function *fn, const struct item *item)
{
	const struct operand *length = contract_argument(item->call, FACT_LENGTH);
	int64_t number;

	return api_is(item->call->api, ROLE(READ)) &&
	       (!partial_is_used(fn, item) ||
		(length && operand_is_number(length, &number) && number <= 1));
}

static const char *blind_operator(int op)
{
	static const char *const words[] = { "?", "==", "!=", "<", "<=", ">", ">=" };

	return words[op];
}

/* The result as the test names it: the variable, or the call. */
static const char *blind_name(const struct function *fn, const struct item *item)
{
	int place = item_result(fn, item);

	return place >= 0 && fn->places[place].kind != PLACE_TEMP ? fn->places[place].text
								  : call_text(fn, item);
}

/* … and as a new test can name it. */
static const char *blind_asked(const struct function *fn, const struct item *item)
{
	int place = item_result(fn, item);

	return place >= 0 && fn->places[place].kind != PLACE_TEMP ? fn->places[place].text
								  : item_text(fn, item);
}

/* uv_listen(…) == -1: its text up to the operator, when it stands in one line. */
static const char *blind_left(const struct function *fn, const struct item *test, const char *op)
{
	size_t n;
	const char *line = source_line(fn->source, test->at.row, &n), *at;

	if (test->end.row != test->at.row || test->end.col > n || test->end.col <= test->at.col)
		return NULL;
	n = test->end.col - test->at.col;
	at = memmem(line + test->at.col, n, op, 2);
	if (!at || memmem(at + 2, (size_t)(line + test->end.col - at) - 2, op, 2))
		return NULL;
	while (at > line + test->at.col && at[-1] == ' ')
		at--;
	return intern(line + test->at.col, (size_t)(at - line) - test->at.col);
}

/* Where the test asks for one number among those of a failure, what it has to ask is certain. */
static void blind_edit(struct finding *finding, const struct function *fn,
		       const struct contract *contract, const struct item *test, int64_t number)
{
	unsigned side = contract_side(contract, OP_EQ, number);
	const char *left;

	if (!finding || (test->op != OP_EQ && test->op != OP_NE) ||
	    contract->fails != FAILS_NEGATIVE || (side & CONTRACT_WORKED) ||
	    !(side & CONTRACT_FAILED))
		return;
	left = blind_left(fn, test, blind_operator(test->op));
	if (left)
		finding_edit(
			finding, test->at, test->end,
			arena_printf(&run_arena, "%s %s 0", left, test->op == OP_EQ ? "<" : ">="));
}

/* Where a failure goes: with success. */
static const char *blind_effect(const struct function *fn, const struct contract *contract,
				const struct item *item, const struct item *test, int64_t number)
{
	unsigned side = contract_side(contract, test->op, number);

	if (contract_loses_sign(fn, item))
		return "is asked of an unsigned number";
	return (side & CONTRACT_FAILED) && (side & CONTRACT_ALL_WORKED)
		       ? "holds after a failure as well as after success"
		       : "does not see a failure";
}

/*
 * pthread_attr_setdetachstate(), pthread_mutex_init(): what they are given shows whether they fail, or
 * they need no memory; where they do not fail, the test that cannot see it does no harm.
 */
static bool blind_hardly_fails(const struct call *call)
{
	return starts_with(call->name, "pthread_") &&
	       (strstr(call->name, "attr_") || !strcmp(call->name, "pthread_mutex_init") ||
		!strcmp(call->name, "pthread_cond_init"));
}

bool blind_call(struct function *fn, const struct item *item)
{
	struct contract contract = contract_of(item->call);
	const struct item *test;
	struct finding *finding;
	const char *name;
	int64_t number = 0;

	if (!blind_concerns(&contract) || contract_fate(fn, item, &test) != CONTRACT_BLIND)
		return false;
	if (!operand_is_number(&test->b, &number) || blind_asks_for_end(fn, item))
		return false;
	/* The loop that such a test keeps from ending: what ends it sees the failure too. */
	if (finding_is_said(&rule_W1, fn, item))
		return true;
	name = blind_name(fn, item);
	finding = finding_add_of(&rule_E1, fn, test->at, &item->at,
				 "`%s %s %s` %s: when %s() fails, it returns %s.", name,
				 blind_operator(test->op), operand_text(fn, &test->b),
				 blind_effect(fn, &contract, item, test, number), item->call->name,
				 contract_failure_text(&contract));
	if (finding)
		finding->cwe = "253";
	if (finding && blind_hardly_fails(item->call))
		finding->severity = SEVERITY_ADVICE;
	blind_edit(finding, fn, &contract, test, number);
	finding_fix(
		finding, "In %s(), let the test on line %u ask for what tells a failure: `%s`%s.",
		fn->label, pos_line(test->at), contract_condition(&contract, blind_asked(fn, item)),
		contract_loses_sign(fn, item) ? ", with a variable that is signed" : "");
	return true;
}

/* What gives the place its value is a call that gives -1, or a number below 0, when it fails. */
static bool blind_is_result(const struct function *fn, const struct item *set,
			    const struct item **call)
{
	const struct item *source = set;
	struct contract contract;
	int64_t number;

	if (set->kind == ITEM_ASSIGN && operand_is_number(&set->a, &number))
		return number <= 0;
	if (set->kind == ITEM_ASSIGN)
		source = operand_source(fn, &set->a, set);
	if (!source || source->kind != ITEM_CALL || !source->call)
		return false;
	contract = contract_of(source->call);
	if (contract.fails != FAILS_MINUS_ONE && contract.fails != FAILS_NEGATIVE)
		return false;
	*call = source;
	return contract.helper ? contract.api || contract.high <= 0 : true;
}

/* … and so does all else that gives it one; the call, or NULL. */
static const struct item *blind_only_results(const struct function *fn, int place)
{
	const struct item *call = NULL;

	if (fn->places[place].kind != PLACE_LOCAL && fn->places[place].kind != PLACE_TEMP)
		return NULL;
	for (const struct item *set = place_set_last(fn, place); set;
	     set = item_set_before(fn, set))
		if (!blind_is_result(fn, set, &call))
			return NULL;
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *other =
			fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (fn->items[i].kind == ITEM_ASSIGN && fn->items[i].a.kind == OPERAND_ADDRESS &&
		    fn->items[i].a.place == place)
			return NULL;
		for (int k = 0; other && k < other->n_args; k++)
			if (other->args[k].kind == OPERAND_ADDRESS && other->args[k].place == place)
				return NULL;
	}
	return call;
}

/* -EAGAIN: the name behind the sign, or NULL. */
static const struct operand *blind_negated(const struct function *fn, const struct operand *o)
{
	const struct item *set = o->kind == OPERAND_PLACE ? place_set_once(fn, o->place) : NULL;
	int64_t zero;

	return set && set->kind == ITEM_OPERATE && set->op == '-' &&
			       operand_is_number(&set->a, &zero) && zero == 0 &&
			       operand_error(&set->b)
		       ? &set->b
		       : NULL;
}

/* r = first ? -EAGAIN : listen(…): the place may hold the number of an error. */
static bool blind_is_given(const struct function *fn, int place)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind == ITEM_ASSIGN && item->dst >= 0 && blind_negated(fn, &item->a) &&
		    (item->dst == place || fn->places[item->dst].kind == PLACE_TEMP))
			return true;
	}
	return false;
}

/* Some other condition tells by the place whether the call worked. */
static bool blind_is_seen(const struct function *fn, const struct contract *contract, int place)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *test = &fn->items[i];

		if (test->kind == ITEM_BRANCH &&
		    (operand_is_place(&test->a, place) || operand_is_place(&test->b, place)) &&
		    !blind_negated(fn, &test->a) && !blind_negated(fn, &test->b) &&
		    !contract_test_is_blind(fn, contract, test, place))
			return true;
	}
	return false;
}

/*
 * n == -EAGAIN of a call that gives -1 and puts the reason into errno: it never holds. Where nothing else
 * looks at the result, no failure is seen at all, and what a read was to fill is used as it is.
 */
static void blind_negative(struct function *fn, const struct item *test)
{
	bool first = blind_negated(fn, &test->b) != NULL;
	const struct operand *o = first ? &test->a : &test->b;
	const struct operand *error = blind_negated(fn, first ? &test->b : &test->a);
	const struct item *call =
		error && o->kind == OPERAND_PLACE ? blind_only_results(fn, o->place) : NULL;
	struct contract contract;
	struct finding *finding;
	bool seen;

	if (!call || blind_is_given(fn, o->place))
		return;
	contract = contract_of(call->call);
	if (contract.fails != FAILS_MINUS_ONE || contract.errors ||
	    (contract.helper && contract.low != -1))
		return;
	seen = blind_is_seen(fn, &contract, o->place);
	finding = finding_add_of(
		seen                                                            ? &rule_E4
		: api_is(contract.api, ROLE(READ)) && partial_is_used(fn, call) ? &rule_E2
										: &rule_E1,
		fn, test->at, &call->at,
		"`%s` is compared with -%s, but when %s() fails it returns -1, and errno says why: the test never holds%s.",
		blind_name(fn, call), error->text, call->call->name,
		seen ? "" : ", and nothing else sees a failure");
	if (finding)
		finding->cwe = "253";
	finding_fix(
		finding,
		"In %s(), test on line %u whether `%s` is below 0, and compare `errno` with `%s` then.",
		fn->label, pos_line(test->at), blind_asked(fn, call), error->text);
}

static void blind_error(struct function *fn, const struct item *test)
{
	const struct operand *error = operand_error(&test->b) ? &test->b : &test->a;
	const struct operand *o = error == &test->b ? &test->a : &test->b;
	const struct item *call =
		o->kind == OPERAND_PLACE ? blind_only_results(fn, o->place) : NULL;
	const char *name, *wanted = error->text;
	struct contract contract;
	struct finding *finding;

	if (!call)
		return;
	contract = contract_of(call->call);
	name = blind_name(fn, call);
	finding = finding_add_of(
		&rule_E4, fn, test->at, &call->at,
		contract.errors
			? "`%s` is compared with %s, but when %s() fails it returns a number below 0, -%s: the test does not see it."
			: "`%s` is compared with %s, but when %s() fails it returns -1, and errno says why: the test does not see %s.",
		name, wanted, call->call->name, wanted);
	if (finding)
		finding->cwe = "253";
	if (contract.errors)
		finding_fix(finding, "In %s(), compare `%s` with `-%s` on line %u.", fn->label,
			    name, wanted, pos_line(test->at));
	else
		finding_fix(finding,
			    "In %s(), compare `errno` with `%s` on line %u, when `%s` is below 0.",
			    fn->label, wanted, pos_line(test->at), name);
}

void blind_errors(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind != ITEM_BRANCH || !fn->reached[i])
			continue;
		if (test_error(item))
			blind_error(fn, item);
		else if (item->op == OP_EQ || item->op == OP_NE)
			blind_negative(fn, item);
	}
}
