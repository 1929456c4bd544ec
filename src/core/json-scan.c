/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-scan.c - is this text JSON?
 *
 * One pass, in which everything is decided: form, depth, UTF-8, escapes, the range of numbers. What is open is a
 * counter and one bit for each level (object or array), so that a hostile text costs no stack: there is no
 * recursion. Walking uses the same functions, so what walks through a text that was never checked stays inside of it.
 *
 * Most bytes of real messages are inside of strings and need no decision. json_plain() looks at eight of them at a
 * time, in one 64-bit word. A byte b needs a decision if b >= 0x80, or b - 0x20 borrows, or (b ^ '"') - 1, or
 * (b ^ '\\') - 1: each sets the highest bit of its byte. A borrow goes on into the byte above only from a byte that needs a
 * decision itself, so a word is never judged wrongly as a whole; which byte it was, a table tells. Words need neither
 * an instruction set nor an order of bytes.
 */
#include "core/json.h"

#include <errno.h>
#include <string.h>

#define JSON_ONES  UINT64_C(0x0101010101010101)
#define JSON_HIGHS UINT64_C(0x8080808080808080)

enum { JSON_DIGIT = 1, JSON_PLAIN = 2, JSON_HEX = 4 };

/* What a byte can be. */
#define P JSON_PLAIN
#define D (JSON_PLAIN | JSON_DIGIT | JSON_HEX)
#define H (JSON_PLAIN | JSON_HEX)
static const unsigned char json_class[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	P, P, 0, P, P, P, P, P, P, P, P, P, P, P, P, P,
	D, D, D, D, D, D, D, D, D, D, P, P, P, P, P, P,
	P, H, H, H, H, H, H, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, 0, P, P, P,
	P, H, H, H, H, H, H, P, P, P, P, P, P, P, P, P,
	P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P,
	/* clang-format on */
};
#undef P
#undef D
#undef H

static int json_wrong(struct json_scan *s, const char *what)
{
	s->wrong = what;
	return -EBADMSG;
}

/* Not 0: one of the eight bytes needs a decision. */
static uint64_t json_word(const unsigned char *at)
{
	uint64_t x, quote, backslash;

	memcpy(&x, at, sizeof(x));
	quote = x ^ JSON_ONES * '"';
	backslash = x ^ JSON_ONES * '\\';
	/* Where the highest bit of x is set, x itself says so; elsewhere each difference has it only after a borrow. */
	return ((x - JSON_ONES * 0x20) | (quote - JSON_ONES) | (backslash - JSON_ONES) | x) &
	       JSON_HIGHS;
}

const unsigned char *json_plain(const unsigned char *at, const unsigned char *end)
{
	while (end - at >= 16 && !(json_word(at) | json_word(at + 8)))
		at += 16;
	while (at < end && json_class[*at] & JSON_PLAIN)
		at++;
	return at;
}

/* RFC 3629: the ranges of the second byte keep out overlong forms, surrogates, and what is beyond U+10FFFF. */
unsigned json_sequence(const unsigned char *at, const unsigned char *end)
{
	unsigned first = at[0], low = 0x80, high = 0xbf, n;

	if (first < 0xc2 || first > 0xf4)
		return 0;
	n = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if ((size_t)(end - at) < n)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (unsigned i = 2; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* The four digits of a \u escape; 0x10000: they are not there. */
static uint32_t json_unit(const unsigned char *at, const unsigned char *end)
{
	uint32_t unit = 0;

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return 0x10000;
	for (int i = 2; i < 6; i++) {
		if (!(json_class[at[i]] & JSON_HEX))
			return 0x10000;
		/* Letters of both cases end in 1 to 6. */
		unit = unit << 4 | ((at[i] & 15u) + (at[i] > '9' ? 9u : 0u));
	}
	return unit;
}

unsigned json_escape(const unsigned char *at, const unsigned char *end, uint32_t *ret)
{
	uint32_t first = json_unit(at, end), second;

	*ret = first;
	if (first < 0xd800 || (first > 0xdfff && first <= 0xffff))
		return 6;
	if (first > 0xdbff)
		return 0;
	second = json_unit(at + 6, end);
	if (second < 0xdc00 || second > 0xdfff)
		return 0;
	*ret = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
	return 12;
}

/* Sequences of UTF-8, of which most scripts have one after the other. */
static int json_scan_sequences(struct json_scan *s)
{
	unsigned n;

	do {
		n = json_sequence(s->at, s->end);
		if (n == 0)
			return json_wrong(s, "this is not UTF-8");
		s->at += n;
	} while (s->at < s->end && *s->at >= 0x80);
	return 0;
}

/* What is neither plain nor a quote. */
static int json_scan_special(struct json_scan *s)
{
	static const char escapes[] = "\"\\/bfnrt";
	unsigned n = 2;
	uint32_t code;

	if (*s->at >= 0x80)
		return json_scan_sequences(s);
	if (*s->at < 0x20)
		return json_wrong(s, "a control character must be escaped");
	if (s->end - s->at > 1 && s->at[1] != 'u') {
		if (!memchr(escapes, s->at[1], sizeof(escapes) - 1))
			return json_wrong(s, "there is no such escape");
	} else if (!(n = json_escape(s->at, s->end, &code))) {
		return json_wrong(s,
				  "\\u needs four hexadecimal digits, a surrogate its other half");
	}
	s->at += n;
	return 0;
}

int json_scan_string(struct json_scan *s)
{
	if (s->at == s->end || *s->at != '"')
		return json_wrong(s, "a string is expected");
	s->at++;
	for (;;) {
		s->at = json_plain(s->at, s->end);
		if (s->at == s->end)
			return json_wrong(s, "the string does not end");
		if (*s->at == '"')
			break;
		if (json_scan_special(s) < 0)
			return -EBADMSG;
	}
	s->at++;
	return 0;
}

/* At least one digit; returns how many, or 0 with `wrong` set. */
static size_t json_scan_digits(struct json_scan *s)
{
	const unsigned char *from = s->at;

	while (s->at < s->end && json_class[*s->at] & JSON_DIGIT)
		s->at++;
	if (s->at == from)
		(void)json_wrong(s, "a digit is expected");
	return (size_t)(s->at - from);
}

int json_scan_form(struct json_scan *s, int *ret_large)
{
	size_t whole;

	*ret_large = 0;
	s->at += *s->at == '-';
	if (s->at < s->end && *s->at == '0') {
		s->at++;
		whole = 1;
	} else if (!(whole = json_scan_digits(s))) {
		return -EBADMSG;
	}
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!json_scan_digits(s))
			return -EBADMSG;
	}
	if (s->at < s->end && (*s->at | 0x20) == 'e') {
		*ret_large = 1;
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		if (!json_scan_digits(s))
			return -EBADMSG;
	}
	*ret_large |= whole > 300;
	return 0;
}

static int json_scan_number(struct json_scan *s)
{
	const unsigned char *from = s->at;
	double value;
	int large;

	if (json_scan_form(s, &large) < 0)
		return -EBADMSG;
	/* Most numbers are not converted here. */
	if (large && json_number_read((const char *)from, (size_t)(s->at - from), &value) < 0) {
		s->at = from;
		return json_wrong(s, "the number is too large");
	}
	return 0;
}

static int json_scan_word(struct json_scan *s, const char *word, size_t n)
{
	if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
		return json_wrong(s, "a value is expected");
	s->at += n;
	return 0;
}

static int json_scan_scalar(struct json_scan *s)
{
	if (s->at == s->end)
		return json_wrong(s, "a value is expected");
	switch (*s->at) {
	case '"':
		return json_scan_string(s);
	case 't':
		return json_scan_word(s, "true", 4);
	case 'f':
		return json_scan_word(s, "false", 5);
	case 'n':
		return json_scan_word(s, "null", 4);
	default:
		if (*s->at == '-' || json_class[*s->at] & JSON_DIGIT)
			return json_scan_number(s);
		return json_wrong(s, "a value is expected");
	}
}

/* The name of a member and its colon. */
static int json_scan_name(struct json_scan *s)
{
	json_scan_blanks(s);
	if (s->at == s->end || *s->at != '"')
		return json_wrong(s, "a name is expected");
	if (json_scan_string(s) < 0)
		return -EBADMSG;
	json_scan_blanks(s);
	if (s->at == s->end || *s->at != ':')
		return json_wrong(s, "':' is expected");
	s->at++;
	return 0;
}

/* After the bracket that opens a container. 1: it is empty, and gone over; 0: its first value follows. */
static int json_scan_open(struct json_scan *s, unsigned char closing)
{
	json_scan_blanks(s);
	if (s->at < s->end && *s->at == closing) {
		s->at++;
		return 1;
	}
	return closing == '}' ? json_scan_name(s) : 0;
}

/* After a value inside of a container. 1: that was the last one, and the container is closed; 0: a value follows. */
static int json_scan_after(struct json_scan *s, unsigned char closing)
{
	json_scan_blanks(s);
	if (s->at < s->end && *s->at == closing) {
		s->at++;
		return 1;
	}
	if (s->at == s->end || *s->at != ',')
		return json_wrong(s, closing == '}' ? "',' or '}' is expected"
						    : "',' or ']' is expected");
	s->at++;
	return closing == '}' ? json_scan_name(s) : 0;
}

int json_scan_value(struct json_scan *s)
{
	uint64_t objects = 0; /* for each open level one bit, the innermost is the lowest */
	unsigned depth = 0;
	int r;

	do {
		json_scan_blanks(s);
		if (s->at < s->end && (*s->at | 0x20) == '{') {
			if (s->depth + depth == POSTERN_JSON_DEPTH)
				return json_wrong(s, "nested too deep");
			objects = objects << 1 | (*s->at == '{');
			depth++;
			s->at++;
			r = json_scan_open(s, objects & 1 ? '}' : ']');
		} else {
			r = json_scan_scalar(s);
			if (r == 0 && depth > 0)
				r = json_scan_after(s, objects & 1 ? '}' : ']');
		}
		while (r > 0 && (objects >>= 1, --depth > 0))
			r = json_scan_after(s, objects & 1 ? '}' : ']');
		if (r < 0)
			return r;
	} while (depth > 0);
	return 0;
}

int postern_json_check(const void *text, size_t n, struct postern_json *ret,
		       struct postern_json_error *ret_error)
{
	struct json_scan s = { .at = text ? text : (const void *)"" };
	const unsigned char *from, *begin = s.at, *end;

	if (!ret || (!text && n > 0))
		return -EINVAL;
	s.end = begin + n;
	json_scan_blanks(&s);
	from = s.at;
	if (json_scan_value(&s) == 0) {
		end = s.at;
		json_scan_blanks(&s);
		if (s.at == s.end) {
			*ret = (struct postern_json){ (const char *)from, (size_t)(end - from) };
			return 0;
		}
		s.wrong = "something follows the value";
	}
	if (ret_error)
		*ret_error = (struct postern_json_error){ (size_t)(s.at - begin), s.wrong };
	return -EBADMSG;
}
