/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of JSON by recursive descent, as deep as JSON_MAX_DEPTH; see json.h. */

#include "base/json.h"

#include <string.h>

struct json_reader {
	struct arena *arena;
	const char *s, *end;
	const char *why;
	size_t n_values;
	int depth;
};

static struct json *json_value(struct json_reader *r);

static struct json *json_fail(struct json_reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return NULL;
}

static void json_blanks(struct json_reader *r)
{
	while (r->s < r->end && (*r->s == ' ' || *r->s == '\t' || *r->s == '\n' || *r->s == '\r'))
		r->s++;
}

/* The next byte that is no blank; 0 at the end, and a zero byte is in no place right. */
static char json_peek(struct json_reader *r)
{
	json_blanks(r);
	if (r->s == r->end)
		return '\0';
	return *r->s;
}

static struct json *json_new(struct json_reader *r, enum json_kind kind)
{
	struct json *value;

	if (r->n_values++ == JSON_MAX_VALUES)
		return json_fail(r, "too many values");
	value = arena_alloc(r->arena, sizeof(*value));
	value->kind = kind;
	return value;
}

/* --- strings --- */

static int json_hex(struct json_reader *r, uint32_t *code)
{
	*code = 0;
	if (r->end - r->s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = *r->s++;

		*code <<= 4;
		if (c >= '0' && c <= '9')
			*code |= (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*code |= (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			*code |= (uint32_t)(c - 'A' + 10);
		else
			return -1;
	}
	return 0;
}

static char *json_put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* Behind "\u"; what it becomes is never longer than what it was. */
static char *json_unicode(struct json_reader *r, char *to)
{
	uint32_t code, low;

	if (json_hex(r, &code) < 0)
		return NULL;
	if (code >= 0xd800 && code < 0xdc00 && r->end - r->s >= 6 && r->s[0] == '\\' &&
	    r->s[1] == 'u') {
		const char *before = r->s;

		r->s += 2;
		if (json_hex(r, &low) < 0)
			return NULL;
		if (low >= 0xdc00 && low < 0xe000)
			code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
		else
			r->s = before;
	}
	if (code >= 0xd800 && code < 0xe000)
		code = 0xfffd;
	return json_put_utf8(to, code);
}

/* Behind the backslash, where the closing quote is still to come. */
static char *json_escape(struct json_reader *r, char *to)
{
	static const char from[] = "\"\\/bfnrt", what[] = "\"\\/\b\f\n\r\t";
	char c = *r->s++;
	const char *hit = c ? strchr(from, c) : NULL;

	if (c == 'u')
		return json_unicode(r, to);
	if (!hit)
		return NULL;
	*to++ = what[hit - from];
	return to;
}

/* Where the closing quote is, or NULL. */
static const char *json_string_end(struct json_reader *r)
{
	const char *s = r->s;

	for (; s < r->end && *s != '"'; s++) {
		if ((unsigned char)*s < 0x20)
			return NULL;
		if (*s == '\\' && ++s == r->end)
			return NULL;
	}
	return s < r->end ? s : NULL;
}

/* From the first quote to behind the last. */
static char *json_chars(struct json_reader *r, size_t *n)
{
	const char *close;
	char *text, *to;

	r->s++;
	close = json_string_end(r);
	if (!close) {
		json_fail(r, "a string without an end, or a control character in it");
		return NULL;
	}
	text = to = arena_alloc(r->arena, (size_t)(close - r->s) + 1);
	while (r->s < close) {
		size_t plain = 0;

		while (r->s + plain < close && r->s[plain] != '\\')
			plain++;
		memcpy(to, r->s, plain);
		to += plain;
		r->s += plain;
		if (r->s == close)
			break;
		r->s++;
		to = json_escape(r, to);
		if (!to) {
			json_fail(r, "an unknown escape in a string");
			return NULL;
		}
	}
	r->s = close + 1;
	*to = '\0';
	*n = (size_t)(to - text);
	return text;
}

/* --- numbers and words --- */

static size_t json_digits(struct json_reader *r)
{
	const char *from = r->s;

	while (r->s < r->end && *r->s >= '0' && *r->s <= '9')
		r->s++;
	return (size_t)(r->s - from);
}

static struct json *json_number(struct json_reader *r)
{
	const char *from = r->s;
	struct json *value = json_new(r, JSON_NUMBER);
	bool right;

	if (!value)
		return NULL;
	r->s += *r->s == '-';
	if (r->s < r->end && *r->s == '0') {
		r->s++;
		right = true;
	} else {
		right = json_digits(r) > 0;
	}
	if (right && r->s < r->end && *r->s == '.') {
		r->s++;
		right = json_digits(r) > 0;
	}
	if (right && r->s < r->end && (*r->s == 'e' || *r->s == 'E')) {
		r->s++;
		r->s += r->s < r->end && (*r->s == '+' || *r->s == '-');
		right = json_digits(r) > 0;
	}
	if (!right)
		return json_fail(r, "an invalid number");
	value->n = (size_t)(r->s - from);
	value->text = arena_copy(r->arena, from, value->n);
	return value;
}

static struct json *json_word(struct json_reader *r)
{
	static const char *const words[] = { "null", "false", "true" };

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(r->end - r->s) >= n && !memcmp(r->s, words[i], n)) {
			r->s += n;
			return json_new(r, (enum json_kind)(JSON_NULL + i));
		}
	}
	return json_fail(r, r->s == r->end ? "it ends too early" : "no value where one is due");
}

/* --- arrays and objects --- */

static struct json *json_member(struct json_reader *r)
{
	struct json *value;
	const char *name;
	size_t n;

	if (json_peek(r) != '"')
		return json_fail(r, "a member without a name");
	name = json_chars(r, &n);
	if (!name)
		return NULL;
	if (json_peek(r) != ':')
		return json_fail(r, "a name without a colon behind it");
	r->s++;
	value = json_value(r);
	if (value)
		value->name = name;
	return value;
}

static struct json *json_many(struct json_reader *r, enum json_kind kind, char close)
{
	struct json *value = json_new(r, kind), **last;

	r->s++;
	if (!value)
		return NULL;
	if (r->depth++ == JSON_MAX_DEPTH)
		return json_fail(r, "nested too deep");
	last = &value->first;
	for (bool more = json_peek(r) != close; more;) {
		*last = kind == JSON_OBJECT ? json_member(r) : json_value(r);
		if (!*last)
			return NULL;
		last = &(*last)->next;
		more = json_peek(r) == ',';
		r->s += more;
	}
	if (json_peek(r) != close)
		return json_fail(r, "an array or object without its end");
	r->s++;
	r->depth--;
	return value;
}

static struct json *json_value(struct json_reader *r)
{
	struct json *value;

	switch (json_peek(r)) {
	case '{':
		return json_many(r, JSON_OBJECT, '}');
	case '[':
		return json_many(r, JSON_ARRAY, ']');
	case '"':
		value = json_new(r, JSON_STRING);
		if (value)
			value->text = json_chars(r, &value->n);
		return value && value->text ? value : NULL;
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return json_number(r);
	default:
		return json_word(r);
	}
}

const struct json *json_read(struct arena *arena, const char *text, size_t n, const char **why)
{
	struct json_reader r = { .arena = arena, .s = text, .end = text + n };
	struct json *value = json_value(&r);

	json_blanks(&r);
	if (value && r.s != r.end)
		value = json_fail(&r, "text behind the value");
	*why = r.why;
	return value;
}

/* --- questions --- */

const struct json *json_get(const struct json *object, const char *name)
{
	if (!object || object->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *member = object->first; member; member = member->next)
		if (!strcmp(member->name, name))
			return member;
	return NULL;
}

const char *json_get_text(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return value && value->kind == JSON_STRING ? value->text : NULL;
}

int64_t json_get_count(const struct json *object, const char *name, int64_t max)
{
	const struct json *value = json_get(object, name);
	int64_t count = 0;

	if (!value || value->kind != JSON_NUMBER)
		return -1;
	for (const char *s = value->text; *s; s++) {
		if (*s < '0' || *s > '9' || count > max / 10)
			return -1;
		count = count * 10 + (*s - '0');
		if (count > max)
			return -1;
	}
	return count;
}

bool json_get_true(const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);

	return value && value->kind == JSON_TRUE;
}

bool json_get_has(const struct json *object, const char *name, const char *word)
{
	const struct json *array = json_get(object, name);

	for (const struct json *v = array && array->kind == JSON_ARRAY ? array->first : NULL; v;
	     v = v->next)
		if (v->kind == JSON_STRING && !strcmp(v->text, word))
			return true;
	return false;
}
