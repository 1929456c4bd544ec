/* SPDX-License-Identifier: Apache-2.0 */
/*
 * E4: EAGAIN of a local connect() that does not block. unix(7) connects at once or not at all: EAGAIN
 * says that the queue of the server is full and that nothing was begun, so that waiting for the
 * socket to become writable waits for nothing; EINPROGRESS, which says that, is of other families.
 */

#include "rules/backlog.h"
#include "flow/contract.h"
#include "flow/outcome.h"
#include "model/descriptor.h"
#include "rules/rules.h"

extern const struct rule rule_E4;

/* AF_UNIX; the knowledge has the names. */
enum { BACKLOG_LOCAL = 1 };

struct backlog_way {
	unsigned ends;
	bool closes;
	bool waits;
	bool pauses;
	bool returns_known;
	int64_t returns;
};

static bool backlog_visit(struct outcome *outcome, const struct item *item)
{
	struct backlog_way *way = outcome->data;
	const struct call *call = item->call;

	/* What is closed behind a wait was waited for before. */
	if (!way->waits)
		way->closes |=
			api_fact(call->api, FACT_CLOSES) != NULL ||
			(call->target && call->n_args > 0 &&
			 (call->target->summary.param[0] & (SUMMARY_CLOSES | SUMMARY_MAY_CLOSE)));
	way->waits |= api_is(call->api, ROLE(POLL) | ROLE(WATCH) | ROLE(HANDLER));
	way->pauses |= api_is(call->api, ROLE(SLEEP));
	return false;
}

static struct backlog_way backlog_follow(struct function *fn, const struct item *item,
					 const char *error)
{
	struct backlog_way way = { .closes = false };
	struct outcome outcome = { .fn = fn,
				   .call = item,
				   .result = -1,
				   .error = error,
				   .visit = backlog_visit,
				   .data = &way };

	way.ends = outcome_walk(&outcome) & ~(unsigned)(OUTCOME_ERRNO | OUTCOME_ASKS);
	way.ends |= outcome.ends & OUTCOME_ERRNO;
	way.returns_known = outcome.returns_known;
	way.returns = outcome.returns;
	return way;
}

static bool backlog_is_failure(const struct backlog_way *way, const struct backlog_way *refused)
{
	return way->closes || (way->ends & (OUTCOME_EXITS | OUTCOME_THROWS)) ||
	       (way->ends == refused->ends && way->waits == refused->waits && way->returns_known &&
		refused->returns_known && way->returns == refused->returns);
}

/* Nobody can tell what becomes of another failure. */
static bool backlog_is_vague(const struct backlog_way *way)
{
	return way->ends & (OUTCOME_AGAIN | OUTCOME_TOO_LONG | OUTCOME_UNCLEAR);
}

/* What is done then is what is done for a connection that is coming. */
static bool backlog_is_awaited(struct function *fn, const struct item *item)
{
	struct backlog_way full = backlog_follow(fn, item, "EAGAIN");
	struct backlog_way coming = backlog_follow(fn, item, "EINPROGRESS");
	struct backlog_way refused = backlog_follow(fn, item, "ECONNREFUSED");

	if (backlog_is_vague(&full) || full.pauses || !(full.ends & OUTCOME_ERRNO) ||
	    backlog_is_vague(&refused) || backlog_is_failure(&full, &refused))
		return false;
	if (full.waits && !refused.waits)
		return true;
	return (refused.closes || refused.returns_known) && (coming.ends & OUTCOME_ERRNO) &&
	       !backlog_is_failure(&coming, &refused) && coming.waits == full.waits &&
	       coming.returns_known == full.returns_known &&
	       (!full.returns_known || coming.returns == full.returns);
}

/* It was opened here for the family of local sockets, and does not block when it is connected. */
static bool backlog_is_local(const struct function *fn, const struct item *item,
			     const struct operand *fd)
{
	const struct item *made = operand_source(fn, fd, item);
	const struct operand *family =
		made && api_is(made->call->api, ROLE(SOCKET)) ? call_argument(made->call, 1) : NULL;
	int64_t number;

	if (!family || !operand_is_number(family, &number) || number != BACKLOG_LOCAL)
		return false;
	if (item_mentions(fn, made, "NONBLOCK"))
		return true;
	for (const struct item *i = made; i < item; i++)
		if (i->kind == ITEM_CALL && i->call && i->call->n_args &&
		    fd->kind == OPERAND_PLACE && operand_is_place(&i->call->args[0], fd->place) &&
		    item_unblocks(fn, i))
			return true;
	return false;
}

void backlog_call(struct function *fn, const struct item *item)
{
	const struct fact *uses = api_fact(item->call->api, FACT_USES);
	const struct operand *fd = uses ? call_argument(item->call, uses->arg) : NULL;
	struct finding *finding;

	if (!fd || !api_is(item->call->api, ROLE(CONNECT)) ||
	    contract_of(item->call).fails != FAILS_MINUS_ONE || !backlog_is_local(fn, item, fd) ||
	    !backlog_is_awaited(fn, item))
		return;
	finding = finding_add(
		&rule_E4, fn, item->at,
		"EAGAIN of %s() on a local socket is treated as a connection that is coming; it says that the server's queue is full and that nothing was begun.",
		item->call->name);
	finding_fix(
		finding,
		"In %s(), treat EAGAIN of %s() as an attempt that has failed: call %s() again after a pause, a limited number of times, and wait for `%s` only after EINPROGRESS.",
		fn->label, item->call->name, item->call->name, operand_text(fn, fd));
}
