/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-664: resources that are not given back, or are used after they were. */

#include "rules/lifetime.h"
#include "flow/hold.h"
#include "rules/above-zero.h"
#include "rules/again.h"
#include "rules/rules.h"
#include "rules/slight.h"
#include "rules/threads.h"
#include "rules/unclosed.h"

#include <string.h>

void l3_loss(struct flow *flow, const struct loss *loss);

extern const struct rule rule_L1, rule_L3, rule_L4, rule_L7;

static bool lifetime_is_descriptor(const struct resource *r)
{
	return !strcmp(r->kind, "fd") || !strcmp(r->kind, "file") ||
	       (!strcmp(r->kind, "object") && !(r->site->call->flags & CALL_NEW));
}

static const char *lifetime_way(const struct loss *loss)
{
	switch (loss->kind) {
	case LOSS_SCOPE:
		return "where its scope ends";
	case LOSS_OVERWRITTEN:
		return "where its variable is overwritten";
	default:
		return "where the function ends";
	}
}

/*
 * Descriptors 0 to 2 are filled up with /dev/null on purpose, and after close(0) it is dup() or
 * open() without a look at the number that puts something there; never mkstemp().
 */
static bool lifetime_is_filler(const struct resource *r, const struct loss *loss)
{
	const struct item *site = r->site;

	if ((loss->kind == LOSS_DROPPED ||
	     (r->place < 0 && site->call->api && (site->call->flags & CALL_DROPPED))) &&
	    !api_is(site->call->api, ROLE(SOCKET) | ROLE(ACCEPT)) &&
	    !starts_with(site->call->name, "mk"))
		return true;
	return site->call->n_args && site->call->args[0].kind == OPERAND_STRING &&
	       !strcmp(site->call->args[0].text, "/dev/null");
}

/* Lost in each turn of a loop: that it is lost behind the loop too goes without saying. */
static bool lifetime_is_repeated(const struct flow *flow, const struct loss *loss)
{
	for (int i = 0; i < flow->n_losses; i++)
		if (flow->losses[i].resource == loss->resource && &flow->losses[i] != loss &&
		    flow->losses[i].kind == LOSS_OVERWRITTEN && loss->item->kind != ITEM_AGAIN)
			return true;
	return false;
}

/* fd = -1 without a close says that somebody else has it now. */
static bool lifetime_is_disowned(const struct loss *loss)
{
	int64_t number;

	return loss->kind == LOSS_OVERWRITTEN && loss->item->kind == ITEM_ASSIGN &&
	       operand_is_number(&loss->item->a, &number) && number <= 0;
}

/* text = strcpy(text, from): what comes back is its first argument. */
static bool lifetime_is_itself(const struct function *fn, const struct loss *loss)
{
	const struct item *item = loss->item, *call;

	if (loss->kind != LOSS_OVERWRITTEN || item->dst < 0)
		return false;
	call = item->kind == ITEM_ASSIGN ? operand_source(fn, &item->a, item) : item;
	return call && call->kind == ITEM_CALL && call->call && call->call->n_args > 0 &&
	       operand_is_place(&call->call->args[0], item->dst) && api_fills(call->call->api, 1);
}

/* Says that a resource is lost: at the way out that forgets it, or, if all do, where it opens. */
static struct finding *lifetime_lost(const struct rule *rule, struct flow *flow,
				     const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];
	const char *name = resource_name(flow, loss->resource);
	const char *origin = resource_origin(flow, loss->resource);
	struct finding *finding;

	if (lifetime_is_repeated(flow, loss) || lifetime_is_disowned(loss) ||
	    lifetime_is_itself(flow->fn, loss) ||
	    /* Kept for its lock; the same way out where the system knows no locks. */
	    loss->item == r->kept_at ||
	    (r->kept_at && r->kept_at->implicit && loss->item->implicit) ||
	    again_excludes(flow, loss))
		return NULL;
	if (loss->kind == LOSS_DROPPED || r->place < 0)
		finding = finding_add_of(
			rule, flow->fn, r->site->at, &r->site->at,
			"The result of %s is not stored anywhere, so nothing can release it.",
			origin);
	else if (loss->kind == LOSS_FREED)
		finding = finding_add_of(
			rule, flow->fn, loss->item->at, &r->site->at,
			"The memory freed here holds the only reference to what %s opened on line %u, which stays open.",
			origin, pos_line(r->site->at));
	else if (r->handled && (loss->item->implicit || loss->kind == LOSS_OVERWRITTEN))
		finding =
			finding_add_of(rule, flow->fn, r->site->at, &r->site->at,
				       "`%s` (from %s) is still open on some path to line %u, %s.",
				       name, origin, pos_line(loss->item->at), lifetime_way(loss));
	else if (r->handled)
		finding = finding_add_of(
			rule, flow->fn, loss->item->at, &r->site->at,
			loss->item->kind == ITEM_AGAIN
				? "`%s` (from %s on line %u) is still open when the next turn of the loop begins here."
				: "`%s` (from %s on line %u) is still open when the function leaves here.",
			name, origin, pos_line(r->site->at));
	else
		finding = finding_add_of(
			rule, flow->fn, r->site->at, &r->site->at,
			"`%s` (from %s) is never released: the function leaves on line %u with it open.",
			name, origin, pos_line(loss->item->at));
	if (!finding)
		return NULL;
	finding->also =
		pos_line(finding->at) == pos_line(r->site->at) ? loss->item->at : r->site->at;
	finding_root(finding, r->site->at, name);
	if (slight_loss(flow, loss))
		finding->severity = SEVERITY_ADVICE;
	return finding;
}

/* FD_SET(connection, &all): where the set is walked over it is found again. */
static bool l3_is_in_set(const struct function *fn, const struct resource *r)
{
	for (int i = 0; r->place >= 0 && i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		if (call && call->n_args == 2 && !strcmp(call->name, "FD_SET") &&
		    operand_is_place(&call->args[0], r->place))
			return true;
	}
	return false;
}

/* clients[fd] = new_client(); clients[fd].state = READING: what is stored under its number. */
static bool l3_is_index(const struct function *fn, const struct item *item, int place)
{
	const char *text = fn->places[place].text;

	if ((item->kind != ITEM_ASSIGN && item->kind != ITEM_CALL) || item->dst < 0 || !text ||
	    !*text)
		return false;
	for (int at = item->dst; at >= 0; at = fn->places[at].parent)
		if (fn->places[at].kind == PLACE_INDEX && !strcmp(fn->places[at].name, text))
			return true;
	return false;
}

/*
 * A table has what belongs to each connection under its number, here or in a function that is given the number: who
 * walks over the table finds it again.
 */
static bool l3_is_recorded(const struct function *fn, const struct item *site, int place, int depth)
{
	for (int i = site ? (int)(site - fn->items) : 0; place >= 0 && i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

		if (l3_is_index(fn, item, place))
			return true;
		for (int k = 0; depth && call && call->target && k < call->n_args; k++)
			if (k < call->target->n_params && operand_is_place(&call->args[k], place) &&
			    l3_is_recorded(call->target, NULL, call->target->params[k], depth - 1))
				return true;
	}
	return false;
}

/* An accepted connection that is lost in the normal course of things. */
static bool l3_is_lost(const struct resource *r, const struct loss *loss)
{
	return r->accepted &&
	       (!r->handled ||
		((loss->item->implicit || loss->kind == LOSS_OVERWRITTEN) && !loss->caught));
}

/*
 * L1: a descriptor or socket is not closed on some way out of the function. The end of main() ends
 * the process too, so that is advice.
 */
/* The variable may also hold stdin or stdout, which is nobody's to close. */
static bool l1_may_be_systems(const struct function *fn, const struct resource *r)
{
	const struct item *set = r->place >= 0 ? place_set_last(fn, r->place) : NULL;

	for (; set; set = item_set_before(fn, set)) {
		const char *name = set->kind == ITEM_ASSIGN && set->a.kind == OPERAND_PLACE
					   ? fn->places[set->a.place].name
					   : NULL;

		if (name && (!strcmp(name, "stdin") || !strcmp(name, "stdout")))
			return true;
	}
	return false;
}

static bool l1_is_same_question(const struct call *a, const struct call *b)
{
	return a->name == b->name && a->n_args == 2 && b->n_args == 2 &&
	       a->args[0].kind == OPERAND_PLACE &&
	       operand_is_place(&b->args[0], a->args[0].place) &&
	       a->args[1].kind == OPERAND_STRING && b->args[1].kind == OPERAND_STRING &&
	       !strcmp(a->args[1].text, b->args[1].text);
}

/* The call by which the resource is known to be closed, with the same name, stands between the two. */
static bool l1_is_closed_between(const struct resource *r, const struct item *from,
				 const struct item *to)
{
	for (const struct item *item = from + 1; item < to; item++)
		if (item->kind == ITEM_CALL && item->call &&
		    item->call->name == r->closed->call->name && item->call->n_args &&
		    operand_is_place(&item->call->args[0], r->place))
			return true;
	return false;
}

/* if (strcmp(path, "-")) in = fopen(…); … if (strcmp(path, "-")) fclose(in): asked twice, and the same. */
static bool l1_is_asked_again(const struct function *fn, const struct resource *r,
			      const struct item *leaves)
{
	const struct item *asked = NULL;

	if (!r->closed || !l1_may_be_systems(fn, r))
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind != ITEM_CALL || !item->call ||
		    !api_is(item->call->api, ROLE(COMPARE)))
			continue;
		if (asked && item > r->site && l1_is_same_question(asked->call, item->call) &&
		    l1_is_closed_between(r, item, leaves))
			return true;
		if (item < r->site)
			asked = item;
	}
	return false;
}

static void l1_loss(struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];

	if (lifetime_is_descriptor(r) && !l3_is_lost(r, loss) && !lifetime_is_filler(r, loss) &&
	    !l1_is_asked_again(flow->fn, r, loss->item))
		lifetime_fix(lifetime_lost(&rule_L1, flow, loss), flow, loss);
}

const struct rule rule_L1 = {
	.id = "L1",
	.title = "A descriptor or socket is not closed on some way out",
	.cwe = "772,775",
	.pillar = 664,
	.severity = SEVERITY_ERROR,
	.consequence =
		"the process runs out of descriptors, and the peer never sees the end of its connection",
	.is_asked = true,
	.loss = l1_loss,
	.function = above_zero_function,
	.program = unclosed_program,
};

/* L3: an accepted connection that nobody closes; rules/object.c has Qt's. */
void l3_loss(struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];

	if (lifetime_is_descriptor(r) && l3_is_lost(r, loss) && !l3_is_in_set(flow->fn, r) &&
	    !l3_is_recorded(flow->fn, r->site, r->place, 1))
		lifetime_fix(lifetime_lost(&rule_L3, flow, loss), flow, loss);
}

enum { L4_BLOCKS = 600 };

/* The block runs only where the place has that number; the function itself never changes it. */
static bool l4_needs(const struct function *fn, int block, int place, int64_t *number)
{
	for (int b = 0; b < fn->n_blocks; b++) {
		const struct item *test =
			fn->blocks[b].last >= 0 ? &fn->items[fn->blocks[b].last] : NULL;

		if (b != block && test && test->kind == ITEM_BRANCH && test->op == OP_EQ &&
		    operand_is_place(&test->a, place) && operand_is_number(&test->b, number) &&
		    block_is_behind(fn, b, 0, block))
			return true;
	}
	return false;
}

/* if (t->side == A) … if (t->side == B) …: no run does both. */
static bool l4_excludes(const struct function *fn, const struct item *a, const struct item *b)
{
	int first = item_block(fn, a), second = item_block(fn, b);
	int64_t x, y;

	if (first < 0 || second < 0 || first == second || fn->n_blocks > L4_BLOCKS)
		return false;
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *test = &fn->items[i];

		if (test->kind == ITEM_BRANCH && test->op == OP_EQ &&
		    test->a.kind == OPERAND_PLACE && !place_set_last(fn, test->a.place) &&
		    l4_needs(fn, first, test->a.place, &x) &&
		    l4_needs(fn, second, test->a.place, &y) && x != y)
			return true;
	}
	return false;
}

static const char *l4_done(const struct item *closed)
{
	const struct call *call = closed->call;

	if (!call || (call->flags & CALL_DELETE))
		return "deleted";
	return call->api && !strcmp(call->name, "free") ? "freed" : "closed";
}

/* Who closed it is said where the line does not speak of closing. */
static const char *l4_closer(const struct item *closed)
{
	return closed->call->target
		       ? arena_printf(&run_arena, "%s by %s()", l4_done(closed), closed->call->name)
		       : l4_done(closed);
}

/* uv_close(&p->handle, …); free(p); */
static void l4_closing(struct flow *flow, const struct item *item, int resource)
{
	const struct item *since = flow->resources[resource].closing;
	const char *name = resource_name(flow, resource);
	struct finding *finding;

	if (!since)
		return;
	finding = finding_add(
		&rule_L4, flow->fn, item->at,
		"`%s` is released here, but what %s() began on line %u goes on: the handle in it is in use until the callback runs.",
		name, since->call->name, pos_line(since->at));
	if (!finding)
		return;
	finding->also = since->at;
	finding->cwe = "416";
	finding_fix(
		finding,
		"Release `%s` in the callback that is given to %s() on line %u, and not in %s().",
		name, since->call->name, pos_line(since->at), flow->fn->label);
}

static bool l4_gets(const struct item *item, int place)
{
	for (int k = 0; item->call && k < item->call->n_args; k++)
		if (operand_is_place(&item->call->args[k], place))
			return true;
	return false;
}

/*
 * f = fdopen(fd, "w"); … close(fd); return -1: nobody but this function has the stream, and no way from here
 * comes to a call that gets it.
 */
static bool l4_stream_is_left(const struct function *fn, const struct item *by,
			      const struct item *item)
{
	int place = item_result(fn, by), from = item_block(fn, item);
	const uint8_t *seen;

	if (strcmp(by->call->name, "fdopen") != 0 || place < 0 || from < 0 ||
	    !place_is_local(fn, place))
		return false;
	for (int i = 0; i < fn->n_items; i++)
		if ((fn->items[i].kind == ITEM_ASSIGN || fn->items[i].kind == ITEM_RETURN) &&
		    operand_is_place(&fn->items[i].a, place))
			return false;
	seen = slight_behind(fn, from);
	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = b == from && !seen[b] ? item->next : fn->blocks[b].first;
		     (seen[b] || b == from) && i >= 0; i = fn->items[i].next)
			if (l4_gets(&fn->items[i], place))
				return false;
	return true;
}

/* FILE *f = fdopen(fd, "r"); close(fd); fclose(f); */
static void l4_held(struct flow *flow, const struct item *item, int resource)
{
	const struct item *by = hold_of(flow, resource);
	const char *name = lifetime_closed(flow, item, resource), *done = l4_done(item);
	const char *holder = by ? hold_name(flow, by) : NULL;
	struct finding *finding;

	if (!by)
		return;
	if (by == item || l4_stream_is_left(flow->fn, by, item))
		return;
	if (api_fact(by->call->api, FACT_CLOSES))
		finding = finding_add(
			&rule_L4, flow->fn, item->at,
			"`%s` is closed here, but `%s` on line %u closes it too: that is what it was made with.",
			name, item_text(flow->fn, by), pos_line(by->at));
	else if (api_fact(by->call->api, FACT_LENDS))
		finding = finding_add(
			&rule_L4, flow->fn, item->at,
			"`%s` is closed here, but %s on line %u only lent it: `%s` closes it too.",
			name, call_text(flow->fn, by), pos_line(by->at), holder);
	else
		finding = finding_add(
			&rule_L4, flow->fn, item->at,
			"`%s` is %s here, but since line %u it belongs to %s%s%s, which ends it too.",
			name, done, pos_line(by->at), holder ? "`" : "the result of ",
			holder ? holder : call_text(flow->fn, by), holder ? "`" : "");
	if (!finding)
		return;
	finding->also = by->at;
	finding->cwe = strcmp(done, "closed") ? "415" : "1341";
	lifetime_fix_held(finding, flow, item, resource);
}

/* L4: a descriptor, stream or object is used, or closed, after it was closed. */
static void l4_use(struct flow *flow, const struct item *item, int resource, enum use_kind kind)
{
	const struct item *closed = flow_closer(flow, resource);
	struct finding *finding;
	const char *name = resource_name(flow, resource);

	if (kind == USE_CLOSING)
		l4_closing(flow, item, resource);
	if (kind == USE_HELD)
		l4_held(flow, item, resource);
	if (kind != USE_AFTER_CLOSE && kind != USE_CLOSE_AGAIN)
		return;
	/* deleteLater() only asks for it; until the event loop runs the object is there. */
	if (!closed || closed == item || strstr(closed->call->name, "ater") ||
	    l4_excludes(flow->fn, closed, item))
		return;
	if (lifetime_is_next_turn(closed, item))
		finding = finding_add(
			&rule_L4, flow->fn, item->at,
			"`%s` is used here for the next turn of the loop, but it was %s on line %u.",
			name = lifetime_released(flow, resource), l4_closer(closed),
			pos_line(closed->at));
	else
		finding = finding_add(
			&rule_L4, flow->fn, item->at,
			"`%s` is %s here, but it was %s on line %u; by now it may refer to something else.",
			name, kind == USE_CLOSE_AGAIN ? "released again" : "used",
			l4_closer(closed), pos_line(closed->at));
	if (!finding)
		return;
	finding->also = closed->at;
	finding_root(finding, closed->at, name);
	if ((kind == USE_CLOSE_AGAIN && slight_second_close(flow, closed, item, resource)) ||
	    slight_depends(flow->fn, closed, item))
		finding->severity = SEVERITY_ADVICE;
	finding->cwe = kind == USE_CLOSE_AGAIN ? strcmp(l4_done(closed), "closed") ? "415" : "1341"
					       : "416";
	lifetime_fix_use(finding, flow, item, resource, kind);
}

const struct rule rule_L4 = {
	.id = "L4",
	.title = "Use or close after close",
	.cwe = "416,415,1341",
	.pillar = 664,
	.severity = SEVERITY_ERROR,
	.consequence =
		"a connection that has reused the number is written to or closed, or memory is corrupted",
	.use = l4_use,
	.program = l4_program,
};

bool lifetime_is_tied(const struct function *fn, int depth)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind != ITEM_CALL || !call)
			continue;
		if (api_is(call->api, ROLE(SOCKET) | ROLE(CONNECT) | ROLE(ACCEPT) | ROLE(READ) |
					      ROLE(WRITE) | ROLE(BIND)))
			return true;
		if (depth > 0 && call->target && lifetime_is_tied(call->target, depth - 1))
			return true;
	}
	return false;
}

/* The thread's own function begins with pthread_detach(pthread_self()). */
static bool l7_detaches_itself(const struct function *fn, const struct call *call)
{
	const struct function *start = operand_function(fn, call_argument(call, 3));

	for (int i = 0; start && i < start->n_items; i++)
		if (start->items[i].kind == ITEM_CALL && start->items[i].call &&
		    strstr(start->items[i].call->name, "detach"))
			return true;
	return false;
}

/* char *at = "localhost"; … at = strdup(optarg): where the name holds what nobody may free. */
static const struct item *l7_holds_literal(const struct function *fn, const struct resource *r)
{
	const struct item *set = r->place >= 0 ? place_set_last(fn, r->place) : NULL;

	for (; set; set = item_set_before(fn, set))
		if (set->kind == ITEM_ASSIGN &&
		    (set->a.kind == OPERAND_STRING || set->a.kind == OPERAND_ADDRESS ||
		     (set->a.kind == OPERAND_PLACE &&
		      (fn->places[set->a.place].flags & PLACE_ARRAY))))
			return set;
	return NULL;
}

/* The variable that the argument is, or points into: (char *)data + sent. */
static bool l7_is_in(const struct function *fn, const struct operand *o, int place)
{
	const struct item *made;

	for (int depth = 0; depth < 6 && o->kind == OPERAND_PLACE; depth++, o = &made->a) {
		if (o->place == place)
			return true;
		made = place_set_once(fn, o->place);
		if (!made || (made->kind != ITEM_ASSIGN && made->kind != ITEM_OPERATE))
			return false;
	}
	return false;
}

/* send(fd, data, n), or a function of the project that does so with it, however far down. */
static bool l7_is_sent(const struct function *fn, int place, int depth)
{
	for (int i = 0; place >= 0 && i < fn->n_items; i++) {
		const struct call *call = fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

		for (int k = 0; call && k < call->n_args && k < 16; k++) {
			const struct function *to = call->target;

			if (!l7_is_in(fn, &call->args[k], place))
				continue;
			if (api_is(call->api, ROLE(WRITE)) && k == 1)
				return true;
			if (to && depth > 0 && k < to->n_params &&
			    l7_is_sent(to, to->params[k], depth - 1))
				return true;
		}
	}
	return false;
}

/* Memory counts when the function has to do with connections. */
static bool l7_is_tied(struct flow *flow, const struct resource *r)
{
	if (!strcmp(r->kind, "addrinfo") || !strcmp(r->kind, "process") ||
	    !strcmp(r->kind, "directory"))
		return true;
	if (!strcmp(r->kind, "thread"))
		/* With attributes it may be detached from the start. */
		return r->site->call->n_args > 1 && r->site->call->args[1].kind == OPERAND_NULL &&
		       !l7_detaches_itself(flow->fn, r->site->call);
	if (!strcmp(r->kind, "object") && (r->site->call->flags & CALL_NEW))
		return !(r->site->call->type && threads_end_themselves(r->site->call->type)) &&
		       !api_is(r->site->call->api, ROLE(SERVER) | ROLE(CONNECTION));
	return !strcmp(r->kind, "memory") &&
	       (lifetime_is_tied(flow->fn, 1) || l7_is_sent(flow->fn, r->place, 4));
}

/* L7: addrinfo, thread, request or buffer tied to the connection leaks with it. */
static void l7_loss(struct flow *flow, const struct loss *loss)
{
	const struct resource *r = &flow->resources[loss->resource];
	const struct item *literal = l7_holds_literal(flow->fn, r);
	struct finding *finding;

	/* A listener of an event loop lives as long as that. */
	if (!l7_is_tied(flow, r) || api_is(r->api, ROLE(LISTEN)))
		return;
	finding = lifetime_lost(&rule_L7, flow, loss);
	if (finding && again_comes_twice(flow, loss))
		finding->severity = SEVERITY_ADVICE;
	if (!literal) {
		lifetime_fix(finding, flow, loss);
		return;
	}
	finding_advise(finding);
	finding_fix(
		finding,
		"In %s(), `%s` also holds what line %u assigns to it, which must not be freed: keep the result of %s in a separate variable, NULL at first, and release that one.",
		flow->fn->label, resource_name(flow, loss->resource), pos_line(literal->at),
		resource_origin(flow, loss->resource));
}

const struct rule rule_L7 = {
	.id = "L7",
	.title = "What belongs to a connection leaks",
	.cwe = "772,401",
	.pillar = 664,
	.severity = SEVERITY_WARNING,
	.consequence = "each connection costs memory or a thread",
	.loss = l7_loss,
	.function = l7_function,
	.program = threads_per_connection,
};
