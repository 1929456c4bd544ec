/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a peer: where calls put them, how they travel, and what they are used as. A function of
 * the project says in its summary which arguments it fills and which it uses; what callers pass it
 * makes it be walked again.
 */

#include "flow/taint.h"
#include "read/source.h"

#include <string.h>

/* Where buf + n points into. */
static int taint_base(const struct flow *flow, const struct item *before, int place)
{
	if (flow->fn->places[place].kind != PLACE_TEMP)
		return place;
	for (const struct item *item = before; item-- > flow->fn->items;)
		if (item->dst == place && item->kind == ITEM_OPERATE)
			return item->a.kind == OPERAND_PLACE ? item->a.place : place;
	return place;
}

void taint_peer_bytes(struct flow *flow, const struct item *item, const struct fact *fact)
{
	const struct operand *o = call_argument(item->call, fact->arg);

	if (o && (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS)) {
		state_forget_parts(flow, o->place, false);
		if (o->kind == OPERAND_PLACE)
			state_set_flags(flow, taint_base(flow, item, o->place),
					VALUE_PEER | VALUE_UNTERMINATED, 0);
		else
			state_set_flags(flow, o->place, VALUE_TAINTED | VALUE_PEER, VALUE_BOUNDED);
	}
}

/* struct iovec iov = { buf, size }, anywhere in the function. */
void taint_peer_vectors(struct flow *flow)
{
	for (int i = 0; i < flow->fn->n_items; i++) {
		const struct item *item = &flow->fn->items[i];
		const char *type;

		if (item->kind != ITEM_ASSIGN || item->dst < 0 ||
		    (item->a.kind != OPERAND_PLACE && item->a.kind != OPERAND_ADDRESS))
			continue;
		type = place_root(flow->fn, item->dst)->type;
		if (type && !strcmp(type, "iovec"))
			state_set_flags(flow, item->a.place,
					VALUE_PEER |
						(item->a.kind == OPERAND_PLACE ? VALUE_UNTERMINATED
									       : VALUE_TAINTED),
					0);
	}
}

void taint_copies(struct flow *flow, const struct item *item, const struct fact *fact)
{
	const struct operand *to = call_argument(item->call, fact->arg);
	const struct operand *from = call_argument(item->call, fact->arg2);
	uint16_t flags;

	if (!to || !from || (to->kind != OPERAND_PLACE && to->kind != OPERAND_ADDRESS))
		return;
	flags = state_operand(flow, from).flags & (VALUE_PEER | VALUE_TAINTED | VALUE_UNTERMINATED);
	state_forget_parts(flow, to->place, false);
	if (flags & VALUE_PEER)
		flags |= VALUE_TAINTED;
	state_set_flags(flow, to->place, flags, 0);
}

/* What the callee learns of its arguments; it is walked again if that is new. */
void taint_tell(struct flow *flow, const struct item *item, int i)
{
	struct function *target = item->call->target;
	uint16_t flags = state_operand(flow, &item->call->args[i]).flags & VALUE_STICKY;

	if (i >= 16 || i >= target->n_params || !(flags & ~target->param_flags[i]))
		return;
	target->param_flags[i] |= flags;
	target->again = true;
}

/* recv_line(fd, buf, size): the bytes are in buf now. */
void taint_target_reads(struct flow *flow, const struct item *item, int i)
{
	const struct summary *summary = &item->call->target->summary;
	const struct operand *o = &item->call->args[i];

	if (i < 16 && (summary->param[i] & SUMMARY_READS) &&
	    (o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS))
		state_set_flags(flow, taint_base(flow, item, o->place),
				VALUE_PEER | (o->kind == OPERAND_PLACE ? VALUE_UNTERMINATED : 0),
				0);
}

uint8_t call_sinks(const struct call *call, int arg)
{
	static const char *const words[] = {
		"format", "shell", "path", "string", "length", "index"
	};
	uint8_t sinks = 0;

	if (call->target && arg >= 1 && arg <= 16)
		return call->target->summary.sinks[arg - 1];
	for (const struct fact *f = api_fact(call->api, FACT_SINK); f;
	     f = api_fact_next(call->api, f))
		for (size_t i = 0; f->arg == arg && i < sizeof(words) / sizeof(*words); i++)
			sinks |= (uint8_t)(strcmp(f->word, words[i]) ? 0 : 1 << i);
	return sinks;
}

/* What this function does with its own arguments: a caller's taint is told where it calls. */
void taint_note_sinks(struct flow *flow, const struct call *call)
{
	for (int arg = 1; arg <= call->n_args; arg++) {
		int r = state_resource(flow, call_argument(call, arg));

		if (r >= 0 && flow->resources[r].param >= 0)
			flow->fn->summary.sinks[flow->resources[r].param] |= call_sinks(call, arg);
	}
}

/* What a method of something tainted gives is tainted too, unless it only measures. */
uint16_t taint_derived(const struct flow *flow, const struct call *call)
{
	static const char *const measures[] = { "size",    "length",     "count",    "isEmpty",
						"isNull",  "startsWith", "endsWith", "contains",
						"indexOf", "empty",      "find",     "compare",
						"capacity" };
	const struct operand *from = &call->receiver;

	if (flow->fn->source->language == SOURCE_C)
		return 0;
	for (size_t i = 0; i < sizeof(measures) / sizeof(*measures); i++)
		if (!strcmp(call->name, measures[i]))
			return 0;
	/* QString::fromUtf8(bytes), QString(bytes) */
	if (!from->kind && call->n_args &&
	    (call->flags & CALL_CONSTRUCT || (call->scope && starts_with(call->name, "from")) ||
	     starts_with(call->name, "QString") || starts_with(call->name, "QByteArray")))
		from = &call->args[0];
	if (from->kind != OPERAND_PLACE)
		return 0;
	return state_operand(flow, from).flags & (VALUE_PEER | VALUE_TAINTED);
}
