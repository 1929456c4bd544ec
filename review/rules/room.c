/* SPDX-License-Identifier: Apache-2.0 */
/* N4 where a read may fill the buffer, and a terminator goes behind what it gave; see room.h. */

#include "rules/room.h"
#include "rules/rules.h"
#include "model/descriptor.h"
#include "read/source.h"

#include <stdio.h>
#include <string.h>

extern const struct rule rule_N4;

/* buf[n]: the operand n. */
static const struct operand *room_index(const struct function *fn, const struct item *store)
{
	const struct place *to = &fn->places[store->dst];

	for (const struct item *i = store; i-- > fn->items && i + 6 > store;)
		if (i->kind == ITEM_OPERATE && i->op == '[' && operand_is_place(&i->a, to->parent))
			return &i->b;
	return NULL;
}

/* char buf[SIZE]: it is declared with that very word. */
static bool room_is_declared_with(const struct function *fn, const struct place *p,
				  const char *word)
{
	size_t n, name = strlen(p->name), length = strlen(word);
	const char *line = source_line(fn->source, p->at.row, &n), *at;

	if (p->kind != PLACE_LOCAL || p->at.col + name + length + 2 > n)
		return false;
	at = line + p->at.col;
	return starts_with(at, p->name) && at[name] == '[' &&
	       !strncmp(at + name + 1, word, length) && at[name + 1 + length] == ']';
}

/* sizeof(buf), sizeof buf, or the number of its elements. */
static bool room_is_all(const struct function *fn, const struct operand *size, int buffer)
{
	const struct place *p = &fn->places[buffer];
	int64_t number = -1;
	char of[128];

	if (!(p->flags & PLACE_ARRAY))
		return false;
	if (size->kind == OPERAND_NUMBER && size->text)
		return room_is_declared_with(fn, p, size->text);
	if (size->kind == OPERAND_NUMBER)
		number = size->number;
	if (number > 0)
		return p->size == number;
	if (size->kind != OPERAND_UNKNOWN || !size->text || strlen(p->text) > 100)
		return false;
	(void)snprintf(of, sizeof(of), "sizeof(%s)", p->text);
	if (!strcmp(size->text, of))
		return true;
	(void)snprintf(of, sizeof(of), "sizeof %s", p->text);
	return !strcmp(size->text, of);
}

/* Between the two, no test tells more than whether something came: n < 0, n <= 0, n == -1. */
static bool room_is_limited(const struct item *read, const struct item *store, int amount)
{
	for (const struct item *item = read + 1; item < store; item++) {
		int64_t number;

		if (item->kind == ITEM_BRANCH &&
		    ((operand_is_place(&item->a, amount) &&
		      (!operand_is_number(&item->b, &number) || number > 1)) ||
		     operand_is_place(&item->b, amount)))
			return true;
		if (item->kind == ITEM_OPERATE && item->dst == amount)
			return true;
	}
	return false;
}

/* char *buf = malloc(SIZE), and SIZE again. */
static bool room_is_allocated_with(const struct function *fn, const struct operand *size,
				   int buffer, const struct item *before)
{
	struct operand o = { .kind = OPERAND_PLACE, .place = buffer };
	const struct item *made = operand_source(fn, &o, before);
	const struct operand *n = made && made->call->n_args == 1 ? &made->call->args[0] : NULL;

	return n && !strcmp(made->call->name, "malloc") && n->kind == OPERAND_NUMBER &&
	       size->kind == OPERAND_NUMBER && n->number == size->number;
}

/* The caller gives it an array and the size of that. */
static bool room_caller_gives_all(const struct function *fn, int buffer, int size)
{
	int to = fn->places[buffer].param, n = fn->places[size].param;

	for (int k = 0; k < fn->n_callers; k++) {
		const struct function *caller = fn->callers[k].fn;
		const struct item *item = fn->callers[k].item;
		const struct call *call = item->call;

		if (call->n_args > to && call->n_args > n && call->args[to].kind == OPERAND_PLACE &&
		    (room_is_all(caller, &call->args[n], call->args[to].place) ||
		     room_is_allocated_with(caller, &call->args[n], call->args[to].place, item)))
			return true;
	}
	return false;
}

/* The read may give as many bytes as the buffer has. */
static bool room_may_be_full(const struct function *fn, const struct operand *size, int buffer)
{
	const struct place *p = &fn->places[buffer];

	if (room_is_all(fn, size, buffer))
		return true;
	return p->kind == PLACE_PARAM && size->kind == OPERAND_PLACE &&
	       fn->places[size->place].kind == PLACE_PARAM && !place_set_last(fn, size->place) &&
	       room_caller_gives_all(fn, buffer, size->place);
}

/* The call that read into the buffer as much as the index says, and may have filled it; or NULL. */
static const struct item *room_read(const struct function *fn, const struct item *store,
				    const struct operand **amount)
{
	int buffer = fn->places[store->dst].parent;
	const struct item *read;
	const struct fact *reads;
	const struct operand *to, *size;

	*amount = room_index(fn, store);
	if (!*amount || (*amount)->kind != OPERAND_PLACE)
		return NULL;
	read = operand_source(fn, *amount, store);
	if (!read)
		read = place_set_before(fn, (*amount)->place, store);
	if (read && (read->kind != ITEM_CALL || !read->call))
		return NULL;
	reads = read ? api_fact(read->call->api, FACT_READS) : NULL;
	if (!reads || room_is_limited(read, store, (*amount)->place) || reads->arg < 1 ||
	    reads->arg2 < 1 || !api_is(read->call->api, ROLE(READ)))
		return NULL;
	to = call_argument(read->call, reads->arg);
	size = call_argument(read->call, reads->arg2);
	return to && size && operand_is_place(to, buffer) && room_may_be_full(fn, size, buffer)
		       ? read
		       : NULL;
}

/* A regular file, or one of the kernel's, has mostly less than there is room for. */
static bool room_is_of_file(const struct function *fn, const struct item *read)
{
	const struct operand *from = call_argument(read->call, 1);
	unsigned kinds = from ? descriptor_kinds(fn, from) : 0;

	return (kinds & DESCRIPTOR_OTHER) && !(kinds & (DESCRIPTOR_STREAM | DESCRIPTOR_PACKET));
}

void room_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i], *read;
		const struct operand *amount;
		struct finding *finding;
		const char *text;
		int64_t number;

		if (item->kind != ITEM_ASSIGN || item->dst < 0 ||
		    (!fn->reached[i] && !fn->skipped) ||
		    fn->places[item->dst].kind != PLACE_INDEX ||
		    !operand_is_number(&item->a, &number) || number)
			continue;
		read = room_read(fn, item, &amount);
		if (!read)
			continue;
		text = fn->places[fn->places[item->dst].parent].text;
		finding = finding_add(
			&rule_N4, fn, item->at,
			"`%s` can be as large as `%s`, because the read may fill all of it: the terminator is then written one byte past the end of the buffer.",
			fn->places[amount->place].text, text);
		if (!finding)
			continue;
		finding->also = read->at;
		if (room_is_of_file(fn, read))
			finding->severity = SEVERITY_ADVICE;
		finding_fix(
			finding,
			"Leave room for the terminator: read at most `sizeof(%s) - 1` bytes into `%s`.",
			text, text);
	}
}
