/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol counts lines by \n, \r\n and \r, and in a line units of UTF-16 unless client and server
 * agree on UTF-8. What is no UTF-8 counts one unit a byte: the client has U+FFFD there.
 */

#include "lsp/lsp.h"

#include <string.h>

/* The text has a terminator, so a sequence is never read beyond its end. */
static size_t position_step(const struct lsp *lsp, const char *s, uint32_t *units)
{
	size_t n = lsp->utf8 ? 1 : utf8_length(s);

	*units = n == 4 ? 2 : 1;
	return n ? n : 1;
}

static bool position_ends_line(const char *s)
{
	return *s == '\n' || *s == '\r';
}

/* Behind the end of the line at s, where one is. */
static const char *position_next_line(const char *s)
{
	return s + (s[0] == '\r' && s[1] == '\n' ? 2 : 1);
}

/* Beyond the end of a line is its end, beyond the last line the end of the text. */
size_t position_to_offset(const struct lsp *lsp, const char *text, size_t n,
			  struct lsp_position position)
{
	const char *s = text, *end = text + n;
	uint32_t units;

	for (uint32_t line = 0; line < position.line; line++) {
		while (s < end && !position_ends_line(s))
			s++;
		if (s == end)
			return n;
		s = position_next_line(s);
	}
	for (uint32_t at = 0; at < position.character && s < end && !position_ends_line(s);
	     at += units) {
		size_t step = position_step(lsp, s, &units);

		if (units > position.character - at)
			break;
		s += step;
	}
	return (size_t)(s - text);
}

struct lsp_position position_of_offset(const struct lsp *lsp, const char *text, size_t n,
				       size_t offset)
{
	struct lsp_position position = { 0, 0 };
	const char *s = text, *begin = text, *stop = text + (offset < n ? offset : n);
	uint32_t units;

	while (s < stop) {
		if (!position_ends_line(s)) {
			s++;
			continue;
		}
		if (position_next_line(s) > stop)
			break;
		s = begin = position_next_line(s);
		position.line++;
	}
	for (s = begin; s < stop && !position_ends_line(s); position.character += units)
		s += position_step(lsp, s, &units);
	return position;
}

bool position_read(const struct json *value, struct lsp_position *position)
{
	int64_t line = json_get_count(value, "line", UINT32_MAX);
	int64_t character = json_get_count(value, "character", UINT32_MAX);

	*position = (struct lsp_position){ (uint32_t)line, (uint32_t)character };
	return line >= 0 && character >= 0;
}

bool range_read(const struct json *value, struct lsp_position *from, struct lsp_position *to)
{
	return position_read(json_get(value, "start"), from) &&
	       position_read(json_get(value, "end"), to);
}
