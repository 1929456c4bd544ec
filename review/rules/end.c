/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of streams that nobody sees: loops that read 0 for ever, and callbacks that stay registered. */

#include "rules/end.h"
#include "flow/contract.h"
#include "flow/ends.h"
#include "flow/outcome.h"
#include "model/registrations.h"
#include "peer/peer.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_W1, rule_W2;

/* The function reads, itself or through others; looked up once. */
static bool end_may_read(struct function *fn, int depth)
{
	enum { UNASKED, NO, YES };

	if (fn->reads_stream == UNASKED) {
		fn->reads_stream = NO;
		for (int i = 0; i < fn->n_items && fn->reads_stream == NO; i++) {
			const struct call *call =
				fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

			if (ends_is_read(fn, &fn->items[i]) ||
			    (call && call->target && depth < 3 &&
			     end_may_read(call->target, depth + 1)))
				fn->reads_stream = YES;
		}
	}
	return fn->reads_stream == YES;
}

static bool end_is_candidate(struct function *fn, const struct item *item)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (!call || (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE)))
		return false;
	return ends_is_read(fn, item) ||
	       (!call->api && call->target && end_may_read(call->target, 0));
}

static void end_fix(struct finding *finding, const struct ends_loop *ends)
{
	struct function *fn = ends->fn;
	const struct item *test;

	if (ends->result == 0 && ends_is_told(ends) &&
	    contract_fate(fn, ends->read, &test) == CONTRACT_BLIND)
		finding_fix(
			finding,
			"In %s(), leave the loop when %s returns 0 or less, and report to the caller that the peer ended too early.",
			fn->label, call_text(fn, ends->read));
	else if (ends->result == 0 && ends_is_told(ends))
		finding_fix(
			finding,
			"In %s(), leave the loop when %s returns 0, and report to the caller that the peer ended too early.",
			fn->label, call_text(fn, ends->read));
	else
		finding_fix(
			finding,
			"Let %s() report it when %s returns 0, by a result that it gives for nothing else, and leave the loop in %s() then.",
			ends->reader->label, call_text(ends->reader, ends->inner), fn->label);
}

static void end_report(const struct ends_loop *ends)
{
	struct function *fn = ends->fn;
	const char *still = ends->still ? operand_text(fn, ends->still) : "";
	const char *why =
		*still ? arena_printf(&run_arena, "`%s` no longer changes, and the loop never ends",
				      still)
		       : "this loop continues then, and never ends";
	struct finding *finding = finding_add_of(
		&rule_W1, fn, fn->loops[ends->loop].at, &ends->read->at,
		"Once the peer has hung up, %s returns 0 immediately each time%s; %s.",
		call_text(ends->reader, ends->inner),
		ends->reader == fn ? "" : arena_printf(&run_arena, " in %s()", ends->reader->label),
		why);

	end_fix(finding, ends);
}

void end_loop(struct function *fn, int number)
{
	const struct loop *loop = &fn->loops[number];

	for (int b = 0; b < fn->n_blocks && !loop->bounded; b++)
		for (int i = fn->blocks[b].first; loop->member[b] && i >= 0;
		     i = fn->items[i].next) {
			struct ends_loop ends = { .fn = fn, .loop = number, .read = &fn->items[i] };

			if (!end_is_candidate(fn, &fn->items[i]) || !ends_goes_round(&ends))
				continue;
			end_report(&ends);
			return;
		}
}

static void end_ready_report(struct function *fn, const struct item *read, const char *again,
			     const struct pos *also)
{
	struct finding *finding = finding_add_of(
		&rule_W2, fn, read->at, also,
		"Once the peer has hung up, %s returns 0 immediately, and nothing here closes the stream or takes it out of what is waited for: %s again and again, which keeps a processor busy.",
		call_text(fn, read), again);

	finding_fix(
		finding,
		"In %s(), when %s returns 0, close the stream and stop waiting for it, as after a failure.",
		fn->label, call_text(fn, read));
}

/* Whoever is told of news alone is not told again of what is there. */
static bool end_is_edge(const struct function *fn)
{
	return strstr(fn->source->text, "EPOLLET") || strstr(fn->source->text, "EV_CLEAR");
}

void end_ready_loop(struct function *fn, int number)
{
	const struct loop *loop = &fn->loops[number];
	uint64_t poll = ROLE(POLL);
	const struct item *wait = loop_find_call(fn, number, item_has_role, &poll);

	if (!wait || loop->bounded || end_is_edge(fn) || item_loop(fn, wait) != number)
		return;
	for (int b = 0; b < fn->n_blocks; b++)
		for (int i = fn->blocks[b].first; loop->member[b] && i >= 0;
		     i = fn->items[i].next) {
			struct ends_loop ends = {
				.fn = fn, .loop = number, .read = &fn->items[i], .wait = wait
			};

			if (!end_is_candidate(fn, &fn->items[i]) ||
			    finding_is_said(&rule_W1, fn, &fn->items[i]) ||
			    !ends_stays_ready(&ends))
				continue;
			end_ready_report(ends.reader, ends.inner,
					 arena_printf(&run_arena, "%s() comes back with it",
						      wait->call->name),
					 ends.reader == fn ? &wait->at : NULL);
		}
}

/* The library calls it again for as long as the descriptor is ready. */
static bool end_is_persistent(const struct registration *r, const struct ends_function *does)
{
	const struct api *api = r->item->call->api;
	bool asks = api_is(api, ROLE(WHILE_TRUE));

	if (item_mentions(r->fn, r->item, "EPOLLET") || item_mentions(r->fn, r->item, "ONESHOT") ||
	    item_mentions(r->fn, r->item, "EV_ET") ||
	    (registration_ends_with(r, intern_z("event_del")) &&
	     !item_mentions(r->fn, r->item, "EV_PERSIST")))
		return false;
	/* connect(notifier, &QSocketNotifier::activated, …) */
	if (api_is(api, ROLE(HANDLER)) && api->class_name)
		return item_mentions(r->fn, r->item, "activated");
	for (int i = 0; i < does->n_returns; i++)
		if (does->returns[i] < 0 || (asks && does->returns[i] == 0))
			return false;
	return asks ? does->n_returns > 0 && !does->returns_other : api_is(api, ROLE(READY));
}

void end_ready_program(void)
{
	for (size_t i = 0; i < n_registrations; i++) {
		struct registration *r = &registrations[i];
		struct ends_function does;

		if (!r->callback || !end_may_read(r->callback, 0))
			continue;
		ends_function(r->callback, &does);
		if (!does.reads || does.leaves || does.touches || does.marks || does.unknown ||
		    !end_is_persistent(r, &does))
			continue;
		end_ready_report(does.reader, does.read,
				 arena_printf(&run_arena, "%s() is called", r->callback->name),
				 NULL);
	}
}

/* Only words are lost on the way; true: it may do something about it. */
static bool end_does_something(struct outcome *outcome, const struct item *item)
{
	const struct call *call = item->call;
	bool words =
		!(call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE | CALL_INDIRECT)) &&
		(api_is(call->api, ROLE(LOG) | ROLE(PURE)) || (!call->api && call_is_talk(call)));

	(void)outcome;
	return !words;
}

bool end_is_called_again(struct function *fn, const struct item *accept)
{
	struct outcome outcome = { .fn = fn,
				   .call = accept,
				   .result = -1,
				   .error = "EMFILE",
				   .visit = end_does_something };
	unsigned ends = outcome_walk(&outcome);
	struct ends_function does = { .n_returns = outcome.returns_known,
				      .returns = { outcome.returns },
				      .returns_other = !outcome.returns_known };

	if (!(ends & OUTCOME_RETURNS) || (ends & (OUTCOME_STOPPED | OUTCOME_EXITS | OUTCOME_AGAIN |
						  OUTCOME_THROWS | OUTCOME_TOO_LONG)))
		return false;
	for (size_t i = 0; i < n_registrations; i++)
		if (registrations[i].callback == fn && end_is_persistent(&registrations[i], &does))
			return true;
	return false;
}

void end_program(void)
{
	peer_program();
	for (size_t i = 0; i < n_peer_hits; i++) {
		const struct peer_hit *hit = &peer_hits[i];
		struct finding *finding;

		if (hit->sink != PEER_SINK_STILL)
			continue;
		finding = finding_add_of(
			&rule_W1, hit->fn, hit->loop_at, &hit->at,
			"`%s` comes from the peer and may be 0: this loop then meets the same bytes again, and never ends.",
			hit->what);
		finding_fix(finding,
			    "In %s(), end the loop, and refuse the message, when `%s` is 0.",
			    hit->fn->label, hit->what);
	}
}
