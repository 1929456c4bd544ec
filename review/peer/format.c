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

/* How many arguments the format takes. */
static int peer_conversions(const char *format)
{
	int n = 0;

	while (n < 64 && peer_conversion(format, n))
		n++;
	return n;
}

static bool peer_is_va_list(const struct function *fn, const struct operand *o)
{
	const char *type = o->kind == OPERAND_PLACE ? fn->places[o->place].type : NULL;

	return type && strstr(type, "va_list");
}

bool peer_takes_va_list(const struct function *fn)
{
	for (int i = 0; i < fn->n_params; i++) {
		struct operand o = { .kind = OPERAND_PLACE, .place = fn->params[i] };

		if (peer_is_va_list(fn, &o))
			return true;
	}
	return false;
}

/* note("%d of %s", n, name): as many arguments follow as the text has conversions. */
static void peer_learn_format(const struct function *fn, const struct call *call)
{
	for (int i = 0; i < call->n_args; i++) {
		const struct operand *o = &call->args[i];
		int n = o->kind == OPERAND_STRING ? peer_conversions(o->text) : 0;

		if (!n)
			continue;
		if (n == call->n_args - i - 1)
			index_format(call->name, i + 1);
		else if (i + 2 != call->n_args || !peer_is_va_list(fn, &call->args[i + 1]))
			index_format(call->name, 0);
	}
}

void peer_formats_find(void)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *fn = program.functions[f];

		for (int i = 0; i < fn->n_items; i++) {
			const struct call *call =
				fn->items[i].kind == ITEM_CALL ? fn->items[i].call : NULL;

			if (call && !call->api && !call->target && call->name &&
			    !(call->flags & (CALL_NEW | CALL_DELETE | CALL_CONSTRUCT |
					     CALL_CAPTURE | CALL_INDIRECT)))
				peer_learn_format(fn, call);
		}
	}
}

/* A function that nobody defines takes its argument for a format, as far as is seen. */
void peer_foreign_format(struct peer_walk *walk, const struct call *call)
{
	int format = index_find_format(call->name);
	const struct operand *o = format ? call_argument(call, format) : NULL;

	/* vnote(fmt, ap) */
	for (int i = 1; !o && i < call->n_args; i++)
		if (peer_is_va_list(walk->fn, &call->args[i]))
			o = &call->args[i - 1];
	if (!o)
		return;
	peer_check(walk, PEER_SINK_FORMAT, o, -1);
	if (format)
		peer_formats(walk, call, format);
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
