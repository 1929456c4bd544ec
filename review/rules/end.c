/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of streams that nobody sees: loops that read 0 for ever, and callbacks that stay registered. */

#include "rules/end.h"
#include "flow/contract.h"
#include "flow/ends.h"
#include "peer/peer.h"

#include <string.h>

extern const struct rule rule_W1;

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
	struct finding *finding = finding_add(
		&rule_W1, fn, fn->loops[ends->loop].at,
		"Once the peer has hung up, %s returns 0 immediately each time%s; %s.",
		call_text(ends->reader, ends->inner),
		ends->reader == fn ? "" : arena_printf(&run_arena, " in %s()", ends->reader->label),
		why);

	if (finding)
		finding->also = ends->read->at;
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

void end_program(void)
{
	peer_program();
	for (size_t i = 0; i < n_peer_hits; i++) {
		const struct peer_hit *hit = &peer_hits[i];
		struct finding *finding;

		if (hit->sink != PEER_SINK_STILL)
			continue;
		finding = finding_add(
			&rule_W1, hit->fn, hit->loop_at,
			"`%s` comes from the peer and may be 0: this loop then meets the same bytes again, and never ends.",
			hit->what);
		if (finding)
			finding->also = hit->at;
		finding_fix(finding,
			    "In %s(), end the loop, and refuse the message, when `%s` is 0.",
			    hit->fn->label, hit->what);
	}
}

bool end_is_told(const struct function *fn, const struct item *item)
{
	for (size_t i = n_findings; i-- > 0;)
		if (findings[i]->rule == &rule_W1 && findings[i]->source == fn->source &&
		    findings[i]->also.row == item->at.row && findings[i]->also.col == item->at.col)
			return true;
	return false;
}
