/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - see words.h */
#include "base/words.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_WHOLE = 140, WORDS_HEAD = 72, WORDS_TAIL = 56 };

/* Overlong forms and surrogates are no characters. */
size_t words_character(const char *text, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = *p < 0x80   ? 1
		   : *p < 0xc2 ? 0
		   : *p < 0xe0 ? 2
		   : *p < 0xf0 ? 3
		   : *p < 0xf5 ? 4
			       : 0;
	uint32_t c = n > 1 ? *p & (0xffu >> (n + 1)) : *p;

	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

/* Unicode's control (Cc) and format characters (Cf), the ends of lines and paragraphs, and letters that are blank. */
bool words_is_hidden(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x0, 0x1f },        { 0x7f, 0x9f },       { 0xad, 0xad },
		{ 0x34f, 0x34f },     { 0x600, 0x605 },     { 0x61c, 0x61c },
		{ 0x6dd, 0x6dd },     { 0x70f, 0x70f },     { 0x115f, 0x1160 },
		{ 0x180b, 0x180e },   { 0x200b, 0x200f },   { 0x2028, 0x202e },
		{ 0x2060, 0x206f },   { 0x3164, 0x3164 },   { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return false;
}

size_t words_next(char ret[WORDS_NEXT], const char *text)
{
	uint32_t c = 0;
	size_t n = words_character(text, &c);

	if (!n || c < 0x80) {
		bool hidden = !n || words_is_hidden(c);

		snprintf(ret, WORDS_NEXT, hidden ? "\\x%02x" : "%c", (unsigned char)*text);
		return 1;
	}
	if (words_is_hidden(c)) {
		snprintf(ret, WORDS_NEXT, "\\u{%x}", (unsigned)(c & 0x1fffff));
	} else {
		memcpy(ret, text, n);
		ret[n] = 0;
	}
	return n;
}

size_t words_safe(char *ret, size_t size, const char *text)
{
	char next[WORDS_NEXT];
	const char *p = text;
	size_t at = 0;

	while (*p) {
		size_t taken = words_next(next, p), n = strlen(next);

		if (n >= size - at)
			break;
		memcpy(ret + at, next, n);
		at += n;
		p += taken;
	}
	ret[at] = 0;
	return (size_t)(p - text);
}

bool words_are_safe(const char *text)
{
	char next[WORDS_NEXT];
	size_t taken;

	for (; *text; text += taken) {
		taken = words_next(next, text);
		if (strlen(next) != taken)
			return false;
	}
	return true;
}

struct words_name words_name(const char *name)
{
	struct words_name ret = { .text = "" };
	char head[WORDS_HEAD + 1], tail[WORDS_TAIL + 1];
	size_t n = strlen(name), from;

	if (words_safe(ret.text, WORDS_WHOLE + 1, name) == n)
		return ret;
	words_safe(head, sizeof(head), name);
	from = n > WORDS_TAIL ? n - WORDS_TAIL : 0;
	/* In the middle of a character, or of what takes more room than it has. */
	while ((name[from] & 0xc0) == 0x80 ||
	       words_safe(tail, sizeof(tail), name + from) < n - from)
		from++;
	snprintf(ret.text, sizeof(ret.text), "%s...%s (%zu bytes)", head, tail, n);
	return ret;
}
