/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-read.c - values of a JSON text: walking through containers, strings, integers
 *
 * A value is a slice, and nothing is remembered about its inside: going over it is checking it once more. That costs
 * a second pass, and in return there is no table of positions to allocate, to bound, or to be wrong about.
 */
#include "core/json.h"

#include <errno.h>
#include <string.h>

static struct json_scan json_scan_of(const char *text, size_t n)
{
	const unsigned char *at = (const unsigned char *)text;

	return (struct json_scan){ .at = at, .end = at + n };
}

int postern_json_kind(struct postern_json v)
{
	switch (v.text && v.n > 0 ? *v.text : 0) {
	case 'n':
		return POSTERN_JSON_NULL;
	case 'f':
		return POSTERN_JSON_FALSE;
	case 't':
		return POSTERN_JSON_TRUE;
	case '"':
		return POSTERN_JSON_STRING;
	case '[':
		return POSTERN_JSON_ARRAY;
	case '{':
		return POSTERN_JSON_OBJECT;
	case '-':
		return POSTERN_JSON_NUMBER;
	default:
		return v.text && v.n > 0 && *v.text >= '0' && *v.text <= '9' ? POSTERN_JSON_NUMBER
									     : 0;
	}
}

/* ---- containers ---- */

int postern_json_enter(struct postern_json_walk *w, struct postern_json container)
{
	int kind = postern_json_kind(container);

	if (!w || (kind != POSTERN_JSON_ARRAY && kind != POSTERN_JSON_OBJECT))
		return -EINVAL;
	*w = (struct postern_json_walk){ container.text + 1, container.n - 1, (uint32_t)kind, 0 };
	return 0;
}

int json_scan_between(struct json_scan *s, uint32_t kind, uint32_t begun)
{
	json_scan_blanks(s);
	if (s->at == s->end)
		return -EBADMSG;
	if (*s->at == (kind == POSTERN_JSON_OBJECT ? '}' : ']'))
		return 0;
	if (begun && *s->at++ != ',')
		return -EBADMSG;
	json_scan_blanks(s);
	return 1;
}

int json_scan_member(struct json_scan *s, struct postern_json *ret)
{
	const unsigned char *from = s->at;

	if (json_scan_string(s) < 0)
		return -EBADMSG;
	*ret = (struct postern_json){ (const char *)from, (size_t)(s->at - from) };
	json_scan_blanks(s);
	if (s->at == s->end || *s->at++ != ':')
		return -EBADMSG;
	json_scan_blanks(s);
	return 0;
}

int postern_json_next(struct postern_json_walk *w, struct postern_json *ret_name,
		      struct postern_json *ret_value)
{
	struct postern_json name = { 0 };
	const unsigned char *from;
	struct json_scan s;
	int r;

	if (!w || !w->at || !ret_value)
		return -EINVAL;
	s = json_scan_of(w->at, w->left);
	r = json_scan_between(&s, w->kind, w->begun);
	if (r <= 0)
		return r;
	if (w->kind == POSTERN_JSON_OBJECT && json_scan_member(&s, &name) < 0)
		return -EBADMSG;
	from = s.at;
	if (json_scan_value(&s) < 0)
		return -EBADMSG;
	if (ret_name)
		*ret_name = name;
	*ret_value = (struct postern_json){ (const char *)from, (size_t)(s.at - from) };
	w->at = (const char *)s.at;
	w->left = (size_t)(s.end - s.at);
	w->begun = 1;
	return 1;
}

int postern_json_find(struct postern_json object, const char *name, struct postern_json *ret)
{
	struct postern_json member, value;
	struct postern_json_walk w;
	int r;

	if (!name || !ret || postern_json_kind(object) != POSTERN_JSON_OBJECT)
		return -EINVAL;
	r = postern_json_enter(&w, object);
	while (r == 0 && (r = postern_json_next(&w, &member, &value)) > 0) {
		if (postern_json_equals(member, name)) {
			*ret = value;
			return 1;
		}
		r = 0;
	}
	return r;
}

/* ---- strings ---- */

static unsigned json_encode(uint32_t code, unsigned char ret[4])
{
	if (code < 0x80) {
		ret[0] = (unsigned char)code;
		return 1;
	}
	if (code < 0x800) {
		ret[0] = (unsigned char)(0xc0 | code >> 6);
		ret[1] = (unsigned char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		ret[0] = (unsigned char)(0xe0 | code >> 12);
		ret[1] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		ret[2] = (unsigned char)(0x80 | (code & 0x3f));
		return 3;
	}
	ret[0] = (unsigned char)(0xf0 | code >> 18);
	ret[1] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
	ret[2] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
	ret[3] = (unsigned char)(0x80 | (code & 0x3f));
	return 4;
}

/* What an escape stands for, from its backslash on; s->at moves behind it. The length, or 0: it is wrong. */
static unsigned json_unescape(struct json_scan *s, unsigned char ret[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	uint32_t code;
	unsigned n;

	if (s->end - s->at < 2)
		return 0;
	if (s->at[1] == 'u') {
		n = json_escape(s->at, s->end, &code);
		s->at += n;
		return n ? json_encode(code, ret) : 0;
	}
	found = memchr(from, s->at[1], sizeof(from) - 1);
	if (!found)
		return 0;
	s->at += 2;
	ret[0] = (unsigned char)to[found - from];
	return 1;
}

/* The next piece of a string, which is in the text itself, or in `buffer` if it was escaped. Its length; 0: that was all;
   negative: it is wrong. */
static ssize_t json_piece(struct json_scan *s, unsigned char buffer[4], const unsigned char **ret)
{
	const unsigned char *from = s->at;
	unsigned n;

	s->at = json_plain(s->at, s->end);
	if (s->at == from && s->at < s->end && *s->at >= 0x80)
		s->at += json_sequence(s->at, s->end);
	*ret = from;
	if (s->at > from)
		return s->at - from;
	if (s->at == s->end)
		return 0;
	if (*s->at != '\\' || !(n = json_unescape(s, buffer)))
		return -EBADMSG;
	*ret = buffer;
	return (ssize_t)n;
}

/* The inside of a string value. */
static int json_string_of(struct postern_json v, struct json_scan *ret)
{
	if (postern_json_kind(v) != POSTERN_JSON_STRING)
		return -EINVAL;
	if (v.n < 2 || v.text[v.n - 1] != '"')
		return -EBADMSG;
	*ret = json_scan_of(v.text + 1, v.n - 2);
	return 0;
}

ssize_t postern_json_string(struct postern_json v, char *ret, size_t size)
{
	const unsigned char *piece;
	unsigned char buffer[4];
	struct json_scan s;
	size_t n = 0;
	ssize_t r;

	if (!ret && size > 0)
		return -EINVAL;
	r = json_string_of(v, &s);
	if (r < 0)
		return r;
	while ((r = json_piece(&s, buffer, &piece)) > 0) {
		/* In place, the bytes move to the left, onto those that were read. */
		if (n + (size_t)r < size)
			memmove(ret + n, piece, (size_t)r);
		else if (ret)
			return -EMSGSIZE;
		n += (size_t)r;
	}
	if (r < 0)
		return r;
	if (ret) {
		if (n >= size)
			return -EMSGSIZE;
		ret[n] = '\0';
	}
	return (ssize_t)n;
}

int json_compare(struct postern_json v, const char *text)
{
	const unsigned char *other = (const unsigned char *)text;
	unsigned char piece[4];
	struct json_scan s;
	unsigned n, i;

	if (postern_json_kind(v) != POSTERN_JSON_STRING || v.n < 2)
		return -1;
	s.at = (const unsigned char *)v.text + 1;
	s.end = s.at + v.n - 2;
	for (;;) {
		for (; s.at < s.end && *s.at == *other && *other && *other != '\\'; other++)
			s.at++;
		if (s.at == s.end)
			return *other ? -1 : 0;
		if (*s.at != '\\')
			return *s.at < *other ? -1 : 1;
		n = json_unescape(&s, piece);
		if (n == 0)
			return -1;
		for (i = 0; i < n && piece[i] == *other && *other; i++)
			other++;
		if (i < n)
			return piece[i] < *other ? -1 : 1;
	}
}

int postern_json_equals(struct postern_json v, const char *text)
{
	return text && json_compare(v, text) == 0;
}

/* ---- numbers ---- */

/* The digits of an integer after its sign. */
static int json_integer(struct postern_json v, uint64_t *ret, int *ret_negative)
{
	uint64_t value = 0;
	size_t i;

	if (postern_json_kind(v) != POSTERN_JSON_NUMBER)
		return -EINVAL;
	*ret_negative = *v.text == '-';
	i = (size_t)*ret_negative;
	if (i == v.n)
		return -EBADMSG;
	/* First whether it is one: a fraction after many digits is a fraction. */
	for (size_t k = i; k < v.n; k++)
		if (v.text[k] < '0' || v.text[k] > '9')
			return -EINVAL;
	for (; i < v.n; i++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(v.text[i] - '0'), &value))
			return -ERANGE;
	*ret = value;
	return 0;
}

int postern_json_int(struct postern_json v, int64_t *ret)
{
	uint64_t value;
	int negative, r;

	if (!ret)
		return -EINVAL;
	r = json_integer(v, &value, &negative);
	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + (uint64_t)negative)
		return -ERANGE;
	*ret = negative ? (value > INT64_MAX ? INT64_MIN : -(int64_t)value) : (int64_t)value;
	return 0;
}

int postern_json_uint(struct postern_json v, uint64_t *ret)
{
	uint64_t value;
	int negative, r;

	if (!ret)
		return -EINVAL;
	r = json_integer(v, &value, &negative);
	if (r < 0)
		return r;
	if (negative && value > 0)
		return -ERANGE;
	*ret = value;
	return 0;
}

int postern_json_double(struct postern_json v, double *ret)
{
	struct json_scan s;
	int large;

	if (!ret || postern_json_kind(v) != POSTERN_JSON_NUMBER)
		return -EINVAL;
	s = json_scan_of(v.text, v.n);
	if (json_scan_form(&s, &large) < 0 || s.at != s.end)
		return -EBADMSG;
	return json_number_read(v.text, v.n, ret);
}
