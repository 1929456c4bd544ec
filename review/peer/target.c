/* SPDX-License-Identifier: Apache-2.0 */
/* What a call of the project's own function does, by its summary; see peer.h. */

#include "peer/peer.h"

#include <string.h>

static void peer_tell_argument(struct peer_walk *walk, struct peer_summary *s, int i,
			       const struct operand *o)
{
	struct peer_value v = peer_operand(walk, o);
	uint16_t some = peer_resolve(walk, &v, false);

	s->next_some[i] |= some;
	s->next_all[i] &= peer_resolve(walk, &v, true);
	if (some & (PEER_BYTES | PEER_NUMBER))
		s->caller[i] = walk->fn;
}

static void peer_target_sinks(struct peer_walk *walk, const struct peer_summary *s, int i,
			      const struct call *call)
{
	static const enum peer_sink sinks[] = {
		PEER_SINK_FORMAT, PEER_SINK_SHELL, PEER_SINK_PATH,
		PEER_SINK_STRING, PEER_SINK_ALLOC, PEER_SINK_INDEX
	};

	for (int bit = 0; bit < 6; bit++) {
		enum peer_sink sink = sinks[bit];
		uint16_t kinds = peer_sink_kinds(sink);
		int into = -1;

		/* It fills the buffer first: what it then reads there is not the caller's. */
		if (!(s->sinks[i] & 1 << bit) ||
		    (sink == PEER_SINK_STRING && (s->fills[i] & PEER_BYTES)) ||
		    ((sink == PEER_SINK_ALLOC || sink == PEER_SINK_INDEX) &&
		     peer_is_pointer(walk->fn, &call->args[i])))
			continue;
		if (sink == PEER_SINK_ALLOC && s->copy_to[i]) {
			sink = PEER_SINK_COPY;
			if (s->copy_to[i] <= call->n_args)
				into = peer_root_buffer(walk, &call->args[s->copy_to[i] - 1]);
		}
		if (sink != PEER_SINK_ALLOC && sink != PEER_SINK_FORMAT && (s->all[i] & kinds) &&
		    into < 0) {
			/* Every caller passes it so: told there. */
			peer_clean_operand(walk, &call->args[i], kinds);
			continue;
		}
		peer_check(walk, sink, &call->args[i], into);
	}
}

/* It has emptied, filled or ended the buffer, whatever lay there before. */
static void peer_target_replaces(struct peer_walk *walk, const struct peer_summary *s, int i,
				 const struct operand *o, int n_params)
{
	uint16_t gone = (uint16_t)~s->keeps[i] & (PEER_TEXT | PEER_UNENDED);

	if (!s->ends || !gone || o->kind != OPERAND_PLACE || i >= n_params)
		return;
	/* The bytes are there as long as nobody has written over all of them. */
	if (gone & PEER_UNENDED) {
		walk->quiet = true;
		peer_clean(walk, o->place, gone & (uint16_t)~PEER_BYTES, true);
		walk->quiet = false;
	}
}

static void peer_target_memory(struct peer_walk *walk, const struct peer_summary *s, int i,
			       const struct call *call)
{
	const struct operand *o = &call->args[i];
	struct peer_value v =
		peer_fresh(walk, s->fills[i] & (PEER_TEXT | PEER_UNENDED | PEER_NUMBER));

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return;
	peer_target_replaces(walk, s, i, o, call->target->n_params);
	for (int p = 0; p < call->n_args && p < 16; p++)
		if (s->copies[i] & 1 << p) {
			struct peer_value part = peer_operand(walk, &call->args[p]);

			part.kinds &= PEER_TEXT;
			part.base = -1;
			peer_join(&v, &part);
		}
	if (v.kinds & (PEER_TEXT | PEER_NUMBER))
		peer_fill(walk, o,
			  s->fill_size[i] >= 0 ? call_argument(call, s->fill_size[i] + 1) : NULL,
			  v);
	if (s->outs[i] && o->kind == OPERAND_ADDRESS) {
		v = peer_fresh(walk, s->outs[i]);
		peer_set(walk, o->place, v);
	}
	if (s->cleans[i])
		peer_note_check(walk, o, s->cleans[i]);
	if (s->cleans[i] & PEER_NUMBER)
		peer_bound(walk, o, PEER_NUMBER, 0);
}

void peer_target(struct peer_walk *walk, const struct call *call, struct peer_value *result)
{
	struct peer_summary *s = peer_summary_of(call->target);
	int n = call->n_args < 16 ? call->n_args : 16;

	s->called = true;
	for (int i = 0; i < n && i < call->target->n_params; i++)
		peer_tell_argument(walk, s, i, &call->args[i]);
	for (int i = n; i < 16; i++)
		s->next_all[i] = 0;
	for (int i = 0; i < n; i++)
		peer_target_sinks(walk, s, i, call);
	result->kinds =
		s->result & (PEER_TEXT | PEER_UNENDED | PEER_NUMBER | PEER_STREAM | PEER_AMOUNT);
	result->source = result->kinds ? (int32_t)(walk->item - walk->fn->items) : -1;
	for (int i = 0; i < n; i++) {
		struct peer_value v = peer_operand(walk, &call->args[i]);

		for (int k = 0; k < PEER_FOLLOWED; k++)
			if (s->result_from[k] & 1 << i) {
				result->kinds |=
					(uint16_t)(v.kinds & (k == 5 ? PEER_NUMBER : 1 << k));
				/* be32(at): a number that lies in the bytes. */
				if (k == 5 && (v.kinds & PEER_BYTES))
					result->kinds |=
						s->result & PEER_NARROW ? PEER_SHORT : PEER_WIDE;
				result->from[k] |= v.from[k];
				if (result->source < 0)
					result->source = v.source;
			}
	}
	for (int i = 0; i < n; i++)
		peer_target_memory(walk, s, i, call);
}
