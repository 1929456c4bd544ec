/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no compiler ever sees: the text of `#if 0`, and of the other branches of `#if 1`. It is no C
 * either, often enough: prose, half of a function, an old main(). It is overwritten with blanks
 * before anybody parses it; a condition that some build can make true is left to the model.
 */

#include "read/parse.h"

#include <ctype.h>
#include <string.h>

enum { OFF_MAX_IF = 64 };

enum off_word { OFF_OTHER, OFF_IF, OFF_IF_ZERO, OFF_IF_ONE, OFF_ELSE, OFF_ENDIF };

static size_t off_blanks(const char *s, size_t size, size_t i)
{
	while (i < size && (s[i] == ' ' || s[i] == '\t'))
		i++;
	return i;
}

/* Nothing but the digit is the condition. */
static enum off_word off_condition(const char *s, size_t size, size_t i)
{
	size_t end = off_blanks(s, size, i + 1);

	if (i >= size || (s[i] != '0' && s[i] != '1'))
		return OFF_IF;
	if (end < size && s[end] != '\n' && s[end] != '\r' && s[end] != '/')
		return OFF_IF;
	if (end + 1 < size && s[end] == '/' && s[end + 1] != '/' && s[end + 1] != '*')
		return OFF_IF;
	return s[i] == '0' ? OFF_IF_ZERO : OFF_IF_ONE;
}

/* The directive whose # is at i. */
static enum off_word off_directive(const char *s, size_t size, size_t i)
{
	size_t from = off_blanks(s, size, i + 1), to = from;

	while (to < size && isalpha((unsigned char)s[to]))
		to++;
	if (to - from == 2 && !memcmp(s + from, "if", 2))
		return off_condition(s, size, off_blanks(s, size, to));
	if (to - from > 2 && !memcmp(s + from, "if", 2))
		return OFF_IF;
	if (to - from >= 4 && !memcmp(s + from, "el", 2))
		return OFF_ELSE;
	return to - from == 5 && !memcmp(s + from, "endif", 5) ? OFF_ENDIF : OFF_OTHER;
}

/* The end of the line, with those that go on behind a backslash or in a comment. */
static size_t off_line_end(const char *s, size_t size, size_t i)
{
	while (i < size && s[i] != '\n') {
		if (s[i] == '\\' && i + 1 < size && s[i + 1] == '\n')
			i++;
		else if (s[i] == '/' && i + 1 < size && (s[i + 1] == '*' || s[i + 1] == '/')) {
			i = lex_skip_literal(s, size, i);
			continue;
		}
		i++;
	}
	return i < size ? i : size;
}

/* From inside a branch to the # that ends it; size: nothing does. */
static size_t off_branch_end(const char *s, size_t size, size_t i)
{
	int depth = 0;

	while (i < size) {
		size_t line = off_blanks(s, size, i);
		enum off_word word =
			line < size && s[line] == '#' ? off_directive(s, size, line) : OFF_OTHER;

		if (!depth && (word == OFF_ELSE || word == OFF_ENDIF))
			return line;
		depth += word == OFF_IF || word == OFF_IF_ZERO || word == OFF_IF_ONE;
		depth -= word == OFF_ENDIF;
		i = off_line_end(s, size, line) + 1;
	}
	return size;
}

struct off {
	char *s;
	size_t size;
	int depth;
	bool one[OFF_MAX_IF]; /* its first branch is the one that counts */
};

/* Goes past the directive at i and what it turns off. */
static size_t off_take(struct off *off, size_t i)
{
	enum off_word word = off_directive(off->s, off->size, i);
	size_t from = off_line_end(off->s, off->size, i), to;
	bool begins = word == OFF_IF_ZERO;

	if (word == OFF_IF || word == OFF_IF_ZERO || word == OFF_IF_ONE) {
		if (++off->depth < OFF_MAX_IF)
			off->one[off->depth] = word == OFF_IF_ONE;
	} else if (word == OFF_ELSE) {
		begins = off->depth > 0 && off->depth < OFF_MAX_IF && off->one[off->depth];
	} else if (word == OFF_ENDIF && off->depth) {
		off->depth--;
	}
	to = begins ? off_branch_end(off->s, off->size, from + 1) : off->size;
	if (to == off->size)
		return from;
	for (size_t k = from; k < to; k++)
		if (off->s[k] != '\n')
			off->s[k] = ' ';
	return to;
}

void off_blank(char *s, size_t size)
{
	struct off off = { .s = s, .size = size };
	bool begins = true;

	for (size_t i = 0; i < size;) {
		size_t next = lex_skip_literal(s, size, i);

		if (begins && s[i] == '#') {
			i = off_take(&off, i);
			/* Another directive may begin there. */
			begins = i < size && s[i] == '#';
		} else if (next != i) {
			begins &= s[i] == '/';
			i = next;
		} else {
			begins = s[i] == '\n' || (begins && (s[i] == ' ' || s[i] == '\t'));
			i++;
		}
	}
}
