/* SPDX-License-Identifier: Apache-2.0 */
/* The fixes of lifetime.c. Each is one that can be followed to the letter: see tests/review/fixes.py. */

#include "rules/lifetime.h"
#include "flow/hold.h"
#include "read/source.h"

#include <string.h>

static const char *fix_closer(const struct resource *r)
{
	const struct fact *closer = r->site ? api_fact(r->site->call->api, FACT_CLOSER) : NULL;

	if (closer)
		return closer->word;
	if (!strcmp(r->kind, "file"))
		return "fclose";
	if (!strcmp(r->kind, "fd"))
		return "close";
	if (!strcmp(r->kind, "addrinfo"))
		return "freeaddrinfo";
	if (!strcmp(r->kind, "process"))
		return "pclose";
	if (!strcmp(r->kind, "directory"))
		return "closedir";
	if (!strcmp(r->kind, "thread"))
		return "pthread_join";
	return r->closed ? r->closed->call->name : "free";
}

/* The value of the variable that says that there is nothing to release. */
static const char *fix_none(const struct function *fn, const struct resource *r)
{
	uint8_t stars = 0;

	if (r->place >= 0)
		place_type(fn, r->place, &stars);
	if (!stars && strcmp(r->kind, "file") != 0 && strcmp(r->kind, "memory") != 0 &&
	    (strcmp(r->kind, "object") != 0 || !r->site || !(r->site->call->flags & CALL_NEW)))
		return "-1";
	return fn->source->language == SOURCE_CXX ? "nullptr" : "NULL";
}

/* The call is all of its statement, so that another one can be put after it. */
static bool fix_is_statement(const struct function *fn, const struct item *item)
{
	size_t n, from = 0;
	const char *line = source_line(fn->source, item->at.row, &n);

	while (from < n && (line[from] == ' ' || line[from] == '\t'))
		from++;
	if (from + 6 < n && starts_with(line + from, "(void)"))
		from += line[from + 6] == ' ' ? 7 : 6;
	if (from != item->at.col)
		return false;
	line = source_line(fn->source, item->end.row, &n);
	return item->end.col < n && line[item->end.col] == ';';
}

static bool pos_is_before(struct pos a, struct pos b)
{
	return a.row != b.row ? a.row < b.row : a.col < b.col;
}

/* return getsockopt(fd, …): what is returned is only known while it is open. */
static bool fix_is_returned_by_use(const struct function *fn, const struct resource *r,
				   const struct loss *loss)
{
	if (loss->kind != LOSS_RETURN || loss->item->implicit)
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind != ITEM_CALL || pos_is_before(item->at, loss->item->at) ||
		    !pos_is_before(item->at, loss->item->end))
			continue;
		for (int arg = 0; arg < item->call->n_args; arg++)
			if (operand_is_place(&item->call->args[arg], r->place))
				return true;
	}
	return false;
}

/* A way leads from one block to the other without opening it again. */
static bool fix_leads_to(const struct function *fn, int from, int to, int site)
{
	uint8_t *seen = arena_alloc(&run_arena, (size_t)fn->n_blocks + 1);
	int *stack = arena_alloc(&run_arena, ((size_t)fn->n_blocks + 1) * sizeof(*stack));
	int n = 0;

	if (from < 0 || to < 0 || from == site)
		return false;
	stack[n++] = from;
	seen[from] = 1;
	while (n) {
		int block = stack[--n];

		if (block == to)
			return true;
		for (int e = 0; e < 2; e++) {
			int next = fn->blocks[block].next[e];

			if (next >= 0 && !seen[next] && next != site) {
				seen[next] = 1;
				stack[n++] = next;
			}
		}
	}
	return false;
}

/* Where the way out is reached both with it open and closed, a close there would be the second one. */
static bool fix_is_closed_on_some_way(const struct function *fn, const struct resource *r,
				      const struct loss *loss)
{
	return r->closed && fix_leads_to(fn, item_block(fn, r->closed), item_block(fn, loss->item),
					 item_block(fn, r->site));
}

/*
 * A helper closes it when it fails, and the use comes after its success as well: a close that is
 * removed there is then missing.
 */
static bool fix_is_also_open(const struct flow *flow, int resource, const struct item *closed,
			     const struct item *use)
{
	const struct function *fn = flow->fn;
	const struct resource *r = &flow->resources[resource];
	int block = item_block(fn, closed), to = item_block(fn, use);
	int site = r->site && r->site != closed ? item_block(fn, r->site) : -1;

	if (r->ending != closed || block < 0)
		return false;
	if (fn->blocks[block].next[0] < 0 || fn->blocks[block].next[1] < 0)
		return true;
	return fix_leads_to(fn, fn->blocks[block].next[0], to, site) &&
	       fix_leads_to(fn, fn->blocks[block].next[1], to, site);
}

/* close(sv[0]) and close(sv[1]): of a pair that is lost in one place one finding is told. */
static const char *fix_calls(const struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];
	const char *closer = fix_closer(r), *more = strcmp(r->kind, "thread") ? "" : ", NULL";
	struct text calls = { 0 };

	text_printf(&calls, "%s(%s%s)", closer, resource_name(flow, loss->resource), more);
	for (int i = 0; i < flow->n_losses; i++)
		if (flow->losses[i].resource != loss->resource &&
		    flow->losses[i].item == loss->item &&
		    flow->resources[flow->losses[i].resource].site == r->site)
			text_printf(&calls, " and %s(%s%s)", closer,
				    resource_name(flow, flow->losses[i].resource), more);
	return text_done(&calls);
}

static const char *fix_failed(uint8_t fails)
{
	switch (fails) {
	case FAILS_NULL:
		return "NULL";
	case FAILS_NONZERO:
		return "not 0";
	case FAILS_FALSE:
		return "0";
	case FAILS_NOT_NEGATIVE:
		return "0 or more";
	case FAILS_NOT_POSITIVE:
		return "not above 0";
	default:
		return "below 0";
	}
}

/* return serve(fd): it is kept, unless that fails. */
static bool fix_is_kept_by_returned(const struct function *fn, const struct resource *r,
				    const struct loss *loss)
{
	return loss->kind == LOSS_RETURN && r->taken &&
	       operand_source(fn, &loss->item->a, loss->item) == r->taken;
}

/* In C: a call on the ways out, with what stands in the way of just that. */
static void fix_close(struct finding *finding, const struct flow *flow, const struct loss *loss)
{
	const struct function *fn = flow->fn;
	const struct resource *r = &flow->resources[loss->resource];
	const char *name = resource_name(flow, loss->resource), *closer = fix_closer(r);
	const char *more = strcmp(r->kind, "thread") ? "" : ", NULL", *none = fix_none(fn, r);

	if (fix_is_kept_by_returned(fn, r, loss))
		finding_fix(
			finding,
			"In %s(), store what %s() returns on line %u in a variable, call %s(%s%s) if that is %s, and return the variable.",
			fn->label, r->taken->call->name, pos_line(r->taken->at), closer, name, more,
			fix_failed(r->taken_fails));
	else if (fix_is_returned_by_use(fn, r, loss))
		finding_fix(
			finding,
			"In %s(), store what line %u returns in a variable, call %s(%s%s), and return the variable; do the same on every other way out after line %u where it is still open.",
			fn->label, pos_line(loss->item->at), closer, name, more,
			pos_line(r->site->at));
	else if (!*more && loss->kind == LOSS_RETURN && !loss->item->implicit &&
		 fix_is_closed_on_some_way(fn, r, loss))
		finding_fix(
			finding,
			"In %s(), line %u releases `%s` on some of the paths to line %u: set `%s` to %s right after it, and put `if (%s != %s) %s(%s);` before line %u.",
			fn->label, pos_line(r->closed->at), name, pos_line(loss->item->at), name,
			none, name, none, closer, name, pos_line(loss->item->at));
	else
		finding_fix(
			finding,
			"In %s(), call %s on every way out after line %u where it is still open, preferably at one label at the end that all failures `goto`.",
			fn->label, fix_calls(flow, loss), pos_line(r->site->at));
}

void lifetime_fix(struct finding *finding, const struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];
	const char *name = resource_name(flow, loss->resource);
	const char *origin = resource_origin(flow, loss->resource);

	if (!finding)
		return;
	if (r->place < 0 || loss->kind == LOSS_DROPPED)
		finding_fix(finding,
			    "In %s(), store the result of %s in a variable, and release it.",
			    flow->fn->label, origin);
	else if (!function_text_has(flow->fn, name))
		finding_fix(
			finding,
			"In %s(), release what %s opens on every way out after line %u, where it is the value of a macro.",
			flow->fn->label, origin, pos_line(r->site->at));
	else if (flow->fn->source->language == SOURCE_CXX)
		finding_fix(
			finding,
			"In %s(), give `%s` an owner right after line %u whose destructor calls %s(), in place of the calls that release it now: a small class, or `std::unique_ptr` with a deleter. No return and no exception can then leave it open.",
			flow->fn->label, name, pos_line(r->site->at), fix_closer(r));
	else
		fix_close(finding, flow, loss);
}

bool lifetime_is_next_turn(const struct item *closed, const struct item *use)
{
	const struct call *call = closed->call;

	return pos_is_before(use->at, closed->at) &&
	       ((call->flags & CALL_DELETE) || !strcmp(call->name, "free"));
}

const char *lifetime_released(const struct flow *flow, int resource)
{
	const struct call *call = flow_closer(flow, resource)->call;

	return call->n_args && call->args[0].kind == OPERAND_PLACE
		       ? operand_text(flow->fn, &call->args[0])
		       : resource_name(flow, resource);
}

/* if (!reply(c)) drop(c); has no place for a statement between the two. */
void lifetime_fix_use(struct finding *finding, const struct flow *flow, const struct item *use,
		      int resource, enum use_kind kind)
{
	const struct function *fn = flow->fn;
	const struct resource *r = &flow->resources[resource];
	const struct item *closer = flow_closer(flow, resource);
	unsigned closed = pos_line(closer->at), used = pos_line(use->at);
	const char *name = resource_name(flow, resource);

	if (lifetime_is_next_turn(closer, use))
		finding_fix(
			finding,
			"In %s(), before line %u releases `%s`, store in a variable what line %u needs of it (such as the next element), and use that there.",
			fn->label, closed, lifetime_released(flow, resource), used);
	else if (kind == USE_CLOSE_AGAIN && fix_is_also_open(flow, resource, closer, use))
		finding_fix(
			finding,
			"In %s(), run `%s` on line %u only when %s on line %u has succeeded: when it fails, it has released `%s`.",
			fn->label, item_text(fn, use), used, call_text(fn, closer), closed, name);
	else if (fix_is_statement(fn, closer))
		finding_fix(
			finding,
			"In %s(), set `%s` to %s right after line %u, and do not use it while it has that value.",
			fn->label, name, fix_none(fn, r), closed);
	else if (kind == USE_CLOSE_AGAIN && fix_is_statement(fn, use))
		finding_fix(finding,
			    "In %s(), remove `%s` from line %u: %s on line %u has released `%s`.",
			    fn->label, item_text(fn, use), used, call_text(fn, closer), closed,
			    name);
	else
		finding_fix(
			finding,
			"In %s(), do not use `%s` on line %u where %s on line %u has released it; store what is needed of it in a variable before that.",
			fn->label, name, used, call_text(fn, closer), closed);
}

const char *lifetime_closed(const struct flow *flow, const struct item *item, int resource)
{
	const struct call *call = item->call;

	for (int i = 0; i < call->n_args; i++)
		if (state_resource(flow, &call->args[i]) == resource)
			return operand_text(flow->fn, &call->args[i]);
	return resource_name(flow, resource);
}

/* Some way from where it was opened comes to the close without its being held. */
static bool fix_is_also_unheld(const struct flow *flow, int resource, const struct item *by,
			       const struct item *use)
{
	const struct function *fn = flow->fn;
	int block = item_block(fn, by), to = item_block(fn, use);
	const int *next = block >= 0 ? fn->blocks[block].next : NULL;

	if (!next || block == to)
		return false;
	if (flow->resources[resource].taken == by && next[0] >= 0 && next[1] >= 0 &&
	    fix_leads_to(fn, next[0], to, block) && fix_leads_to(fn, next[1], to, block))
		return true;
	return fix_leads_to(fn, 0, to, block);
}

void lifetime_fix_held(struct finding *finding, const struct flow *flow, const struct item *use,
		       int resource)
{
	const struct function *fn = flow->fn;
	const struct item *by = hold_of(flow, resource);
	const char *name = lifetime_closed(flow, use, resource), *holder = hold_name(flow, by);
	unsigned used = pos_line(use->at);

	if (api_fact(by->call->api, FACT_CLOSES))
		finding_fix(
			finding, "In %s(), remove `%s` from line %u: `%s` on line %u closes it.",
			fn->label, item_text(fn, use), used, item_text(fn, by), pos_line(by->at));
	else if (!fix_is_also_unheld(flow, resource, by, use) && fix_is_statement(fn, use))
		finding_fix(
			finding,
			"In %s(), remove `%s` from line %u: %s%s%s has `%s` since line %u, and ends it.",
			fn->label, item_text(fn, use), used, holder ? "`" : "the result of ",
			holder ? holder : call_text(fn, by), holder ? "`" : "", name,
			pos_line(by->at));
	else
		finding_fix(
			finding,
			"In %s(), run `%s` on line %u only where %s on line %u has not taken `%s`.",
			fn->label, item_text(fn, use), used, call_text(fn, by), pos_line(by->at),
			name);
}
