/* SPDX-License-Identifier: Apache-2.0 */
/* Operands, calls and items as a reader would write them, and the words in their source. */

#include "model/query.h"
#include "read/source.h"

#include <string.h>

const char *call_text(const struct function *fn, const struct item *item)
{
	const struct call *call = item->call;
	const struct place *p;

	if (call->flags & CALL_NEW)
		return arena_printf(&run_arena, "new %s",
				    call->type ? types_plain(call->type) : "object");
	if (call->receiver.kind == OPERAND_PLACE || call->receiver.kind == OPERAND_ADDRESS) {
		p = &fn->places[call->receiver.place];
		if (p->text && *p->text)
			return arena_printf(&run_arena, "%s%s%s()", p->text,
					    p->stars || (p->flags & PLACE_SMART) ? "->" : ".",
					    call->name);
	}
	return arena_printf(&run_arena, "%s()", call->name);
}

const char *operand_text(const struct function *fn, const struct operand *operand)
{
	const char *text;

	switch (operand->kind) {
	case OPERAND_PLACE:
		text = fn->places[operand->place].text;
		return text ? text : "it";
	case OPERAND_ADDRESS:
		text = fn->places[operand->place].text;
		return text ? arena_printf(&run_arena, "&%s", text) : "it";
	case OPERAND_NUMBER:
		return operand->text ? operand->text
				     : arena_printf(&run_arena, "%lld", (long long)operand->number);
	case OPERAND_NULL:
		return "NULL";
	default:
		return operand->text ? operand->text : "it";
	}
}

bool item_mentions(const struct function *fn, const struct item *item, const char *word)
{
	const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;

	if (call && call->text && memmem(call->text, call->n_text, word, strlen(word)))
		return true;
	for (uint32_t row = item->at.row; row <= item->end.row && row < item->at.row + 12; row++) {
		size_t n, from = row == item->at.row ? item->at.col : 0;
		const char *line = source_line(fn->source, row, &n);

		if (row == item->end.row && item->end.col < n)
			n = item->end.col;
		if (from < n && memmem(line + from, n - from, word, strlen(word)))
			return true;
	}
	return false;
}

bool item_is_void(const struct function *fn, const struct item *item)
{
	size_t n;
	const char *line = source_line(fn->source, item->at.row, &n);
	size_t at = item->at.col < n ? item->at.col : n;

	if (item->call->flags & CALL_VOID)
		return true;
	while (at && (line[at - 1] == '!' || line[at - 1] == ' ' || line[at - 1] == ':'))
		at--;
	return at >= 6 && !memcmp(line + at - 6, "(void)", 6);
}

const char *item_text(const struct function *fn, const struct item *item)
{
	size_t n;
	const char *line = source_line(fn->source, item->at.row, &n);

	if (item->end.row == item->at.row && item->end.col <= n && item->end.col > item->at.col &&
	    item->end.col - item->at.col <= 56)
		return intern(line + item->at.col, item->end.col - item->at.col);
	return arena_printf(&run_arena, "%s(…)", item->call->name);
}
