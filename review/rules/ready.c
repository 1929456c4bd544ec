/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a program takes a wait that failed for one that found something; see ready.h. */

#include "rules/ready.h"
#include "flow/contract.h"
#include "flow/outcome.h"
#include "model/descriptor.h"

#include <string.h>

enum { READY_CALLS = 16 };

/* What reads or accepts on the ways from a wait. */
struct ready_way {
	const struct item *calls[READY_CALLS];
	int n;
	bool hidden;
};

static bool ready_visit(struct outcome *outcome, const struct item *item)
{
	struct ready_way *way = outcome->data;

	way->hidden |= errno_may_ask(item->call);
	if (api_is(item->call->api, ROLE(READ) | ROLE(ACCEPT)) && way->n < READY_CALLS)
		way->calls[way->n++] = item;
	return false;
}

static unsigned ready_follow(struct function *fn, const struct item *item, int64_t result,
			     struct ready_way *way)
{
	struct outcome outcome = { .fn = fn,
				   .call = item,
				   .result = result,
				   .error = result < 0 ? "EINTR" : NULL,
				   .visit = ready_visit,
				   .data = way };

	*way = (struct ready_way){ .n = 0 };
	return outcome_walk(&outcome);
}

static bool ready_has(const struct ready_way *way, const struct item *item)
{
	for (int i = 0; i < way->n; i++)
		if (way->calls[i] == item)
			return true;
	return false;
}

/* After a failure revents is as before; who looks there is not misled. */
static bool ready_is_told_apart(const struct function *fn, const struct item *item)
{
	for (int i = 0; i < fn->n_places; i++)
		if (fn->places[i].name && !strcmp(fn->places[i].name, "revents"))
			return true;
	return api_fact(contract_of(item->call).api, FACT_USES) != NULL; /* epoll_wait() */
}

const struct item *ready_after_failure(struct function *fn, const struct item *item)
{
	struct ready_way failed, none, ready;
	unsigned ends;

	if (ready_is_told_apart(fn, item))
		return NULL;
	ends = ready_follow(fn, item, -1, &failed);
	if (!(ends & OUTCOME_TESTED) || failed.hidden ||
	    (ends & (OUTCOME_ERRNO | OUTCOME_ASKS | OUTCOME_TOO_LONG | OUTCOME_UNCLEAR)))
		return NULL;
	ready_follow(fn, item, 0, &none);
	ready_follow(fn, item, 1, &ready);
	for (int i = 0; i < failed.n; i++) {
		const struct fact *uses = api_fact(failed.calls[i]->call->api, FACT_USES);
		const struct operand *fd =
			uses ? call_argument(failed.calls[i]->call, uses->arg) : NULL;

		if (fd && ready_has(&ready, failed.calls[i]) &&
		    !ready_has(&none, failed.calls[i]) &&
		    !(descriptor_kinds(fn, fd) & DESCRIPTOR_NONBLOCK) &&
		    !item_mentions(fn, failed.calls[i], "DONTWAIT"))
			return failed.calls[i];
	}
	return NULL;
}
