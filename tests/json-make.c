/* SPDX-License-Identifier: Apache-2.0 */
/* json-make.c - JSON texts from a seed, and mistakes in them */
#include "json-make.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What a string is made of: plain, escaped, and the edges of each length of UTF-8. */
static const char *const pieces[] = {
	"a",
	"key",
	"value of some length",
	" ",
	"/",
	"0",
	"x\x7f",
	"\\\"",
	"\\\\",
	"\\/",
	"\\b",
	"\\f",
	"\\n",
	"\\r",
	"\\t",
	"\\u0041",
	"\\u00e9",
	"\\u20AC",
	"\\ud7ff",
	"\\ue000",
	"\\uffff",
	"\\ud83d\\ude00",
	"\\uD800\\uDC00",
	"\\udbff\\udfff",
	"\\u0001",
	"\xc2\x80",
	"\xc3\xa9",
	"\xdf\xbf",
	"\xe0\xa0\x80",
	"\xe2\x82\xac",
	"\xed\x9f\xbf",
	"\xee\x80\x80",
	"\xef\xbf\xbf",
	"\xf0\x90\x80\x80",
	"\xf0\x9f\x98\x80",
	"\xf4\x8f\xbf\xbf",
	"0123456789abcdef0123456789abcdef",
};

/* What a mistake puts in: what has a meaning in the wrong place, and what is never right. */
static const char *const strange[] = {
	"{",
	"}",
	"[",
	"]",
	",",
	":",
	"\"",
	"\\",
	"\\u",
	"\\ud800",
	"\\udc00",
	"\\u0000",
	"\\x",
	"-",
	"+",
	".",
	"e",
	"E5",
	"e400",
	"e-400",
	"0",
	"00",
	"1",
	"true",
	"nul",
	"NaN",
	"Infinity",
	"'",
	"/**/",
	"\t",
	"\n",
	"\v",
	"\x01",
	"\x7f",
	"\x80",
	"\xbf",
	"\xc0\x80",
	"\xc1\xbf",
	"\xc2",
	"\xe0\x80\x80",
	"\xe0\x9f\xbf",
	"\xed\xa0\x80",
	"\xed\xbf\xbf",
	"\xef\xbb\xbf",
	"\xf0\x80\x80\x80",
	"\xf4\x90\x80\x80",
	"\xf5\x80\x80\x80",
	"\xff",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	"{\"a\":",
	"]]]]",
	"9007199254740993",
	"18446744073709551616",
};

/* xorshift64*, as small as a generator can be. */
uint64_t json_make_random(struct json_make *m, uint64_t limit)
{
	if (m->seed == 0)
		m->seed = 88172645463325252U;
	m->seed ^= m->seed >> 12;
	m->seed ^= m->seed << 25;
	m->seed ^= m->seed >> 27;
	return (m->seed * 2685821657736338717U >> 16) % limit;
}

void json_make_put(struct json_make *m, const char *text)
{
	size_t n = strlen(text);

	/* Values that are cut short here are seen to in make_value(): it stops long before. */
	if (n <= JSON_MAKE_MAX - m->n) {
		memcpy(m->text + m->n, text, n);
		m->n += n;
	}
}

static void put_blanks(struct json_make *m)
{
	static const char *const blanks[] = { " ", "\t", "\n", "\r", "\r\n", "  " };

	while (json_make_random(m, 6) == 0)
		json_make_put(m, blanks[json_make_random(m, COUNT(blanks))]);
}

void json_make_string(struct json_make *m)
{
	json_make_put(m, "\"");
	for (uint64_t i = json_make_random(m, 5); i > 0; i--)
		json_make_put(m, pieces[json_make_random(m, COUNT(pieces))]);
	json_make_put(m, "\"");
}

static void put_digits(struct json_make *m, uint64_t n)
{
	char digit[2] = { 0 };

	for (; n > 0; n--) {
		digit[0] = (char)('0' + json_make_random(m, 10));
		json_make_put(m, digit);
	}
}

static void put_number(struct json_make *m)
{
	char text[8];

	if (json_make_random(m, 3) == 0)
		json_make_put(m, "-");
	if (json_make_random(m, 4) == 0) {
		json_make_put(m, "0");
	} else {
		snprintf(text, sizeof text, "%d", 1 + (int)json_make_random(m, 9));
		json_make_put(m, text);
		put_digits(m, json_make_random(m, json_make_random(m, 40) == 0 ? 300 : 22));
	}
	if (json_make_random(m, 3) == 0) {
		json_make_put(m, ".");
		put_digits(m, 1 + json_make_random(m, 20));
	}
	if (json_make_random(m, 4) == 0) {
		json_make_put(m, json_make_random(m, 2) ? "e" : "E");
		json_make_put(m, (const char *const[]){ "", "+", "-" }[json_make_random(m, 3)]);
		snprintf(text, sizeof text, "%d",
			 (int)json_make_random(m, json_make_random(m, 8) ? 20 : 340));
		json_make_put(m, text);
	}
}

static void put_scalar(struct json_make *m)
{
	switch (json_make_random(m, 6)) {
	case 0:
		json_make_put(m, "null");
		break;
	case 1:
		json_make_put(m, json_make_random(m, 2) ? "true" : "false");
		break;
	case 2:
	case 3:
		put_number(m);
		break;
	default:
		json_make_string(m);
	}
}

/* A large one needs room for what is open, so it ends in time. */
static void put_value(struct json_make *m, int depth)
{
	uint64_t kind = json_make_random(m, 3), n = json_make_random(m, 5);

	put_blanks(m);
	if (kind == 0 || depth > 60 || m->n > JSON_MAKE_MAX / 4) {
		put_scalar(m);
	} else {
		json_make_put(m, kind == 1 ? "[" : "{");
		put_blanks(m);
		for (uint64_t i = 0; i < n; i++) {
			if (i > 0)
				json_make_put(m, ",");
			if (kind == 2) {
				put_blanks(m);
				json_make_string(m);
				put_blanks(m);
				json_make_put(m, ":");
			}
			put_value(m, depth + 1);
		}
		json_make_put(m, kind == 1 ? "]" : "}");
	}
	put_blanks(m);
}

void json_make_text(struct json_make *m)
{
	/* A number may be too large, and a text too long for the room: then another one. */
	do {
		m->n = 0;
		put_value(m, 0);
	} while (m->n > JSON_MAKE_MAX / 2);
}

static void make_mistake(struct json_make *m)
{
	const char *text = strange[json_make_random(m, COUNT(strange))];
	size_t at = (size_t)json_make_random(m, m->n + 1), n = strlen(text);

	switch (json_make_random(m, 5)) {
	case 0:
		m->n = at;
		break;
	case 1:
		if (at < m->n)
			m->text[at] = (char)json_make_random(m, 256);
		break;
	case 2:
		if (at < m->n) {
			memmove(m->text + at, m->text + at + 1, m->n - at - 1);
			m->n--;
		}
		break;
	default:
		if (n > JSON_MAKE_MAX - m->n)
			break;
		memmove(m->text + at + n, m->text + at, m->n - at);
		memcpy(m->text + at, text, n);
		m->n += n;
	}
}

void json_make_mistakes(struct json_make *m)
{
	for (uint64_t i = 1 + json_make_random(m, 3); i > 0; i--)
		make_mistake(m);
}
