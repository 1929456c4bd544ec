/* SPDX-License-Identifier: Apache-2.0 */
/* L3 of what wraps an accepted connection, such as a bufferevent, and leaves it open in the end. */

#include "model/registrations.h"
#include "rules/lifetime.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_L3;

/* It asks for that on the result, or fetches the descriptor and closes it. */
static bool l3_sees_to_it(const struct function *fn, const struct function *wrapper,
			  const char *word)
{
	bool fetches = false, closes = false;

	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (fn->items[i].kind != ITEM_CALL || !call)
			continue;
		if (fn == wrapper && strcasestr(call->name, word))
			return true;
		fetches |= strcasestr(call->name, "get_fd") || strcasestr(call->name, "getfd");
		closes |= strcasestr(call->name, "close") && api_fact(call->api, FACT_CLOSES);
	}
	return fetches && closes;
}

/* The call, or one on its result, says that the descriptor is closed with what it is given to. */
static bool l3_is_flagged(const struct function *fn, const struct item *item, const char *word)
{
	for (uint32_t row = item->at.row; row <= item->end.row && row < item->at.row + 8; row++) {
		size_t n;
		const char *line = source_line(fn->source, row, &n);

		if (memmem(line, n, word, strlen(word)))
			return true;
	}
	for (size_t i = 0; i < n_registrations; i++)
		if (registrations[i].fn == fn && registration_closes(&registrations[i]))
			return true;
	for (size_t i = 0; i < program.n_functions; i++)
		if (program_shares(program.functions[i]->source, fn->source) &&
		    l3_sees_to_it(program.functions[i], fn, word))
			return true;
	return false;
}

/* Just accepted, or the argument of a callback that libevent gives connections to. */
static bool l3_is_accepted(const struct flow *flow, const struct operand *o)
{
	const struct place *p = o->kind == OPERAND_PLACE ? &flow->fn->places[o->place] : NULL;
	int r = state_resource(flow, o);

	if (p && p->kind == PLACE_PARAM && p->type && !strcmp(p->type, "evutil_socket_t"))
		return true;
	return r >= 0 && flow->resources[r].accepted && !(flow->state->bits[r] & RES_CLOSED);
}

static bool l3_closes_member(const struct function *fn, const char *member)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i], *from;
		const struct operand *o;

		if (item->kind != ITEM_CALL || !item->call || !item->call->n_args ||
		    !api_fact(item->call->api, FACT_CLOSES))
			continue;
		o = &item->call->args[0];
		from = o->kind == OPERAND_PLACE && fn->places[o->place].kind == PLACE_LOCAL
			       ? place_set_once(fn, o->place)
			       : NULL;
		if (from && from->kind == ITEM_ASSIGN)
			o = &from->a;
		if (o->kind == OPERAND_PLACE && fn->places[o->place].kind == PLACE_FIELD &&
		    fn->places[o->place].name == member)
			return true;
	}
	return false;
}

/* It is put into a member as well, and some function closes that: the handler, or an end of it. */
static bool l3_is_kept_beside(const struct function *fn, const struct operand *o)
{
	for (int i = 0; o->kind == OPERAND_PLACE && i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		if (item->kind != ITEM_ASSIGN || item->dst < 0 ||
		    !operand_is_place(&item->a, o->place) ||
		    fn->places[item->dst].kind != PLACE_FIELD)
			continue;
		for (size_t f = 0; f < program.n_functions; f++)
			if (program_shares(program.functions[f]->source, fn->source) &&
			    l3_closes_member(program.functions[f], fn->places[item->dst].name))
				return true;
	}
	return false;
}

/* The name in full; knowledge has what is common to several. */
static const char *l3_flag(const struct call *call, const struct fact *flag)
{
	if (!strcmp(call->name, "bufferevent_socket_new"))
		return "BEV_OPT_CLOSE_ON_FREE";
	if (!strcmp(flag->word, "close_on_unref"))
		return "g_io_channel_set_close_on_unref(…, TRUE)";
	return flag->word;
}

/* bufferevent_socket_new(base, fd, 0): the flag instead of the 0. */
static void l3_edit(struct finding *finding, const struct function *fn, const struct call *call,
		    const struct fact *flag)
{
	struct pos at, end;
	size_t n;
	const char *line;

	if (call->n_args != 3 || !starts_with(l3_flag(call, flag), "BEV_") || !call->arg_at)
		return;
	at = end = call->arg_at[2];
	end.col++;
	line = source_line(fn->source, at.row, &n);
	if (end.col < n && line[at.col] == '0' && line[end.col] == ')')
		finding_edit(finding, at, end, "BEV_OPT_CLOSE_ON_FREE");
}

/* bufferevent_free(bev); close(fd); the function sees to both. */
static bool l3_is_closed_beside(const struct function *fn, const struct item *item,
				const struct operand *o)
{
	int wrapper = item_result(fn, item);

	for (int i = 0; i < fn->n_items; i++)
		for (int k = i + 1; k < fn->n_items && k < i + 8; k++) {
			const struct item *a = &fn->items[i], *b = &fn->items[k];

			if (a->kind == ITEM_CALL && b->kind == ITEM_CALL && a->call && b->call &&
			    api_fact(a->call->api, FACT_CLOSES) &&
			    api_fact(b->call->api, FACT_CLOSES) && a->call->n_args &&
			    b->call->n_args && operand_is_place(&a->call->args[0], wrapper) &&
			    operand_is_place(&b->call->args[0], o->place))
				return true;
		}
	return false;
}

/* L3: … or that is wrapped by something that leaves it open in the end. */
void l3_call(struct flow *flow, const struct item *item)
{
	const struct fact *flag = api_fact(item->call->api, FACT_FLAG);
	struct finding *finding;

	if (!flag || flag->arg < 1 || flag->arg > item->call->n_args ||
	    !l3_is_accepted(flow, &item->call->args[flag->arg - 1]) ||
	    l3_is_flagged(flow->fn, item, flag->word) ||
	    l3_is_kept_beside(flow->fn, &item->call->args[flag->arg - 1]) ||
	    l3_is_closed_beside(flow->fn, item, &item->call->args[flag->arg - 1]))
		return;
	finding = finding_add(
		&rule_L3, flow->fn, item->at,
		"The result of %s() does not close `%s` when it is released, because %s is not set, and nothing else closes the connection.",
		item->call->name, operand_text(flow->fn, &item->call->args[flag->arg - 1]),
		l3_flag(item->call, flag));
	finding_fix(finding, "In %s(), let the result of %s() own `%s`: %s.", flow->fn->label,
		    item->call->name, operand_text(flow->fn, &item->call->args[flag->arg - 1]),
		    l3_flag(item->call, flag));
	l3_edit(finding, flow->fn, item->call, flag);
}
