/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, as the preprocessor of C has them. */

#include "read/macro.h"

#include <ctype.h>
#include <string.h>

size_t lex_skip_literal(const char *s, size_t size, size_t i)
{
	char quote = s[i];

	if (quote == '/' && i + 1 < size && s[i + 1] == '/') {
		while (i < size && (s[i] != '\n' || s[i - 1] == '\\'))
			i++;
		return i;
	}
	if (quote == '/' && i + 1 < size && s[i + 1] == '*') {
		const char *end = memmem(s + i + 2, size - i - 2, "*/", 2);

		return end ? (size_t)(end - s) + 2 : size;
	}
	if (quote != '"' && quote != '\'')
		return i;
	/* 1'000'000 is a number. */
	if (quote == '\'' && i && isalnum((unsigned char)s[i - 1]) &&
	    isdigit((unsigned char)s[i - 1]))
		return i + 1;
	for (i++; i < size && s[i] != quote && s[i] != '\n'; i++)
		i += s[i] == '\\' && i + 1 < size;
	return i < size ? i + 1 : size;
}

static bool lex_is_word(char c)
{
	return c == '_' || isalnum((unsigned char)c);
}

/* Blanks, comments and lines that go on behind a backslash. */
static uint32_t lex_skip_blanks(const char *s, uint32_t size, uint32_t i)
{
	while (i < size) {
		if (isspace((unsigned char)s[i]))
			i++;
		else if (s[i] == '\\' && i + 1 < size && s[i + 1] == '\n')
			i += 2;
		else if (s[i] == '/' && i + 1 < size && (s[i + 1] == '/' || s[i + 1] == '*'))
			i = (uint32_t)lex_skip_literal(s, size, i);
		else
			break;
	}
	return i;
}

static uint32_t lex_number(const char *s, uint32_t size, uint32_t i)
{
	while (i < size) {
		bool sign = (s[i] == '+' || s[i] == '-') && strchr("eEpP", s[i - 1]);
		bool gap = s[i] == '\'' && i + 1 < size && isalnum((unsigned char)s[i + 1]);

		if (!lex_is_word(s[i]) && s[i] != '.' && !sign && !gap)
			break;
		i++;
	}
	return i;
}

static uint32_t lex_mark(const char *s, uint32_t size, uint32_t i)
{
	static const char *const marks[] = {
		"<<=", ">>=", "...", "->*", "##", "->", "++", "--", "<<", ">>", "<=", ">=", "==",
		"!=",  "&&",  "||",  "+=",  "-=", "*=", "/=", "%=", "&=", "|=", "^=", "::", ".*"
	};

	for (size_t k = 0; k < sizeof(marks) / sizeof(*marks); k++) {
		size_t n = strlen(marks[k]);

		if (i + n <= size && !memcmp(s + i, marks[k], n))
			return i + (uint32_t)n;
	}
	return i + 1;
}

/* R"x(…)x" */
static uint32_t lex_raw(const char *s, uint32_t size, uint32_t i)
{
	char close[20] = ")";
	size_t n = 0;
	const char *end;

	while (i + n < size && n < 16 && s[i + n] != '(')
		n++;
	if (i + n >= size || s[i + n] != '(')
		return i;
	memcpy(close + 1, s + i, n);
	close[n + 1] = '"';
	end = memmem(s + i, size - i, close, n + 2);
	return end ? (uint32_t)(end - s) + (uint32_t)n + 2 : size;
}

struct macro_token macro_lex(const char *s, uint32_t size, uint32_t *i)
{
	uint32_t from = lex_skip_blanks(s, size, *i), to = from;
	struct macro_token token = { .space = from > *i, .at = from, .param = -1 };

	if (from >= size) {
		token.kind = MACRO_END;
	} else if (isdigit((unsigned char)s[from]) ||
		   (s[from] == '.' && from + 1 < size && isdigit((unsigned char)s[from + 1]))) {
		token.kind = MACRO_NUMBER;
		to = lex_number(s, size, from + 1);
	} else if (lex_is_word(s[from])) {
		token.kind = MACRO_WORD;
		while (to < size && lex_is_word(s[to]))
			to++;
		if (to < size && s[to] == '"' && s[to - 1] == 'R' && to - from <= 3) {
			token.kind = MACRO_TEXT;
			to = lex_raw(s, size, to + 1);
		}
	} else if (s[from] == '"' || s[from] == '\'') {
		token.kind = MACRO_TEXT;
		to = (uint32_t)lex_skip_literal(s, size, from);
	} else {
		token.kind = MACRO_MARK;
		to = lex_mark(s, size, from);
	}
	token.s = s + from;
	token.n = to - from;
	*i = to;
	return token;
}
