/* SPDX-License-Identifier: Apache-2.0 */
/* E3 where a stream of fields (QDataStream) reads what has come so far; see partial.h. */

#include "model/registrations.h"
#include "rules/partial.h"

#include <string.h>

extern const struct rule rule_E3;

/* The connection whose bytes the stream takes apart; `whole`: what it has received so far, at once. */
struct fields_source {
	const char *name;
	const struct item *whole;
};

static bool fields_is_connection(const char *type)
{
	/* A datagram comes as a whole. */
	return type && api_is(kb_class(type), ROLE(CONNECTION)) && strcmp(type, "QUdpSocket") != 0;
}

/* m_socket, or readAll() of it, which may be in a variable. */
static bool fields_come_from(const struct function *fn, const struct operand *o,
			     const struct item *before, struct fields_source *source)
{
	struct operand place = { .kind = OPERAND_PLACE, .place = o->place };
	const struct item *whole;
	const struct fact *reads;

	if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
		return false;
	*source = (struct fields_source){ .name = fn->places[o->place].text };
	if (fields_is_connection(place_type(fn, o->place, NULL)))
		return true;
	whole = operand_source(fn, &place, before);
	reads = whole ? api_fact(whole->call->api, FACT_READS) : NULL;
	if (!reads || reads->arg != ARG_RESULT || !api_is(whole->call->api, ROLE(PARTIAL)) ||
	    whole->call->n_args || !whole->call->receiver.kind ||
	    !fields_is_connection(whole->call->receiver_type))
		return false;
	*source = (struct fields_source){ .name = operand_text(fn, &whole->call->receiver),
					  .whole = whole };
	return true;
}

/* QDataStream in(socket), in.setDevice(socket): the last before the item. */
static bool fields_of_stream(const struct function *fn, int stream, const struct item *before,
			     struct fields_source *source)
{
	for (const struct item *item = before; item-- > fn->items;) {
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
		const struct fact *streams = call ? api_fact(call->api, FACT_STREAMS) : NULL;
		const struct operand *o = streams ? call_argument(call, streams->arg) : NULL;

		if (!streams ||
		    !((call->flags & CALL_CONSTRUCT) ? item->dst == stream
						     : operand_is_place(&call->receiver, stream)))
			continue;
		return o && fields_come_from(fn, o, item, source);
	}
	return false;
}

/* It sees to it that all of the message is there, or asks afterwards whether it was. */
static bool fields_sees_to_it(struct function *fn)
{
	static const char *const words[] = { "startTransaction", "commitTransaction", "status",
					     "device", "canReadLine" };

	if (partial_is_queued(fn) || function_find_role(fn, ROLE(WAIT)))
		return true;
	for (int i = 0; i < fn->n_items; i++)
		for (size_t w = 0; fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
				   w < sizeof(words) / sizeof(*words);
		     w++)
			if (!strcmp(fn->items[i].call->name, words[w]))
				return true;
	return false;
}

/* … or who calls it does, where it is not called by the signal itself. */
static bool fields_are_awaited(struct function *fn)
{
	if (fields_sees_to_it(fn) || function_handles(fn, "isconnected"))
		return true;
	for (int k = 0; k < fn->n_callers; k++)
		if (fn->callers[k].fn != fn && fields_sees_to_it(fn->callers[k].fn))
			return true;
	return false;
}

static void fields_report(struct function *fn, const struct item *item,
			  const struct fields_source *source)
{
	const char *stream = fn->places[item->a.place].text;
	const char *direct = "";
	struct finding *finding;

	finding = finding_add(
		&rule_E3, fn, item->at,
		"`%s` takes fields out of what `%s` has received so far; when that is a part of the message, the other fields stay empty, and the next message begins in the middle of this one.",
		stream, source->name);
	if (source->whole)
		direct = arena_printf(&run_arena, "let `%s` read from `%s` itself, not from %s; ",
				      stream, source->name, call_text(fn, source->whole));
	finding_fix(
		finding,
		"In %s(), %scall `%s.startTransaction()` before line %u, and right after the last field of the message `if (!%s.commitTransaction()) return;`: what is missing comes with the next `readyRead`.",
		fn->label, direct, stream, pos_line(item->at), stream);
}

/* All that the function takes out is one number, which no sender splits. */
static bool fields_are_one_number(const struct function *fn)
{
	static const char *const numbers[] = { "bool",    "char",   "int",     "qint8",
					       "quint8",  "qint16", "quint16", "qint32",
					       "quint32", "qint64", "quint64", "uint32_t",
					       "uint16_t" };
	const struct place *field = NULL;
	int n = 0;

	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_OPERATE && fn->items[i].op == '>' && n++ == 0)
			field = fn->items[i].b.kind == OPERAND_PLACE
					? &fn->places[fn->items[i].b.place]
					: NULL;
	for (size_t k = 0; n == 1 && field && field->type && k < sizeof(numbers) / sizeof(*numbers);
	     k++)
		if (!strcmp(field->type, numbers[k]))
			return true;
	return false;
}

void fields_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		struct fields_source source;

		if (item->kind != ITEM_OPERATE || item->op != '>' ||
		    item->a.kind != OPERAND_PLACE || !fn->reached[i] ||
		    fn->places[item->a.place].kind != PLACE_LOCAL ||
		    !api_is(kb_class(place_type(fn, item->a.place, NULL)), ROLE(PARSE)) ||
		    !fields_of_stream(fn, item->a.place, item, &source))
			continue;
		if (!fields_are_one_number(fn) && !fields_are_awaited(fn))
			fields_report(fn, item, &source);
		return;
	}
}
