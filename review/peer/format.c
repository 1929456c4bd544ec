/* SPDX-License-Identifier: Apache-2.0 */
/* What formats take from their arguments, and what they give to them; see peer.h. */

#include "peer/peer.h"

#include <string.h>

/* What argument number `at` of the format is: 's', 'd', … ; 'S' with a precision; 0 none. */
static char peer_conversion(const char *format, int at)
{
	for (const char *s = format; *s; s++) {
		bool precise = false;

		if (*s != '%')
			continue;
		if (*++s == '%')
			continue;
		for (; *s && strchr("-+ #0123456789.*lhzjtqL'", *s); s++) {
			precise |= *s == '.';
			if (*s == '*' && !at--)
				return 'd';
		}
		if (!*s)
			return 0;
		if (at--)
			continue;
		if (*s == 's' && precise)
			return 'S';
		return *s;
	}
	return 0;
}

/* A call with a format and arguments for it; what the text that it makes has from them. */
struct peer_value peer_formats(struct peer_walk *walk, const struct call *call, int format)
{
	const struct operand *f = call_argument(call, format);
	struct peer_value v = peer_nothing;

	for (int arg = format + 1; f && arg <= call->n_args; arg++) {
		const struct operand *o = call_argument(call, arg);
		struct peer_value part = peer_operand(walk, o);
		char conversion = 's';

		if (f->kind == OPERAND_STRING)
			conversion = peer_conversion(f->text, arg - format - 1);
		if (f->kind == OPERAND_STRING && conversion == 's')
			peer_check(walk, PEER_SINK_STRING, o, -1);
		if (conversion != 's' && conversion != 'S')
			continue;
		part.kinds &= PEER_TEXT;
		part.from[4] = part.from[5] = 0;
		part.base = -1;
		peer_join(&v, &part);
	}
	return v;
}

int peer_format_argument(const struct call *call)
{
	for (const struct fact *f = api_fact(call->api, FACT_SINK); f;
	     f = api_fact_next(call->api, f))
		if (!strcmp(f->word, "format"))
			return f->arg;
	return 0;
}

/* sscanf(text, "%31s %u", name, &n) */
void peer_scans(struct peer_walk *walk, const struct call *call)
{
	const struct fact *scans = api_fact(call->api, FACT_SCANS);
	const struct operand *text, *format;
	struct peer_value from;

	if (!scans)
		return;
	text = call_argument(call, scans->arg);
	format = call_argument(call, scans->arg2);
	if (!text || !format || format->kind != OPERAND_STRING)
		return;
	from = peer_operand(walk, text);
	for (int arg = scans->arg2 + 1; arg <= call->n_args; arg++) {
		const struct operand *o = call_argument(call, arg);
		char c = peer_conversion(format->text, arg - scans->arg2 - 1);
		struct peer_value v = from;

		if (o->kind != OPERAND_PLACE && o->kind != OPERAND_ADDRESS)
			continue;
		v.base = -1;
		if (c && strchr("diuxXo", c)) {
			v.kinds = from.kinds & PEER_BYTES
					  ? peer_kinds_of(walk->fn, o->place) & PEER_NUMBER
					  : 0;
			memset(v.from, 0, sizeof(v.from));
			v.from[5] = from.from[0];
			peer_set(walk, o->place, v);
		} else if (c == 's' || c == '[' || c == 'S') {
			v.kinds &= PEER_TEXT;
			v.from[4] = v.from[5] = 0;
			peer_add(walk, o->place, v);
		}
	}
}
