/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json-write.c - a JSON text, written into a buffer
 *
 * A caller checks one result, at the end: an error stays, and nothing more is written after it. When the buffer is too small
 * the bytes are only counted, so that the caller learns the size; a mistake that is made meanwhile takes the place
 * of that error, because a larger buffer would not help.
 *
 * `due` says what may come next. What is written is accepted by postern_json_check(): order, depth, UTF-8, and the
 * form of raw values are checked here too.
 */
#include "core/json.h"

#include <errno.h>
#include <string.h>

enum { JSON_DUE_FIRST = 0, JSON_DUE_NEXT, JSON_DUE_VALUE, JSON_DUE_NOTHING };

static void json_fail(struct postern_json_writer *w, int error)
{
	if (w->error == 0 || w->error == -EMSGSIZE)
		w->error = error;
}

static void json_put(struct postern_json_writer *w, const void *bytes, size_t n)
{
	if (w->error != 0 && w->error != -EMSGSIZE)
		return;
	if (w->error == 0 && n > w->size - w->n)
		w->error = -EMSGSIZE;
	if (w->error == 0 && n > 0)
		memcpy(w->bytes + w->n, bytes, n);
	if (__builtin_add_overflow(w->n, n, &w->n))
		w->n = SIZE_MAX;
}

static void json_put_byte(struct postern_json_writer *w, char byte)
{
	if (w->error == 0 && w->n < w->size)
		w->bytes[w->n++] = byte;
	else
		json_put(w, &byte, 1);
}

static int json_in_object(const struct postern_json_writer *w)
{
	return w->depth > 0 && w->objects & 1;
}

/* Before a value (or a name, which is one in this): may it come here? Puts the comma. */
static int json_begin(struct postern_json_writer *w, int is_name)
{
	if (!w || (w->error != 0 && w->error != -EMSGSIZE))
		return 0;
	if (w->due == JSON_DUE_NOTHING ||
	    is_name != (json_in_object(w) && w->due != JSON_DUE_VALUE)) {
		json_fail(w, -EINVAL);
		return 0;
	}
	if (w->due == JSON_DUE_NEXT)
		json_put_byte(w, ',');
	return 1;
}

/* After a value. */
static void json_done(struct postern_json_writer *w)
{
	w->due = w->depth > 0 ? JSON_DUE_NEXT : JSON_DUE_NOTHING;
}

static void json_value(struct postern_json_writer *w, const char *text, size_t n)
{
	if (!json_begin(w, 0))
		return;
	json_put(w, text, n);
	json_done(w);
}

void postern_json_write_begin(struct postern_json_writer *w, char *bytes, size_t size)
{
	if (!w)
		return;
	*w = (struct postern_json_writer){ .bytes = bytes, .size = bytes ? size : 0 };
}

ssize_t postern_json_write_finish(struct postern_json_writer *w)
{
	if (!w)
		return -EINVAL;
	if (w->due != JSON_DUE_NOTHING)
		json_fail(w, -EINVAL);
	return w->error < 0 ? w->error : (ssize_t)w->n;
}

/* ---- containers ---- */

static void json_open(struct postern_json_writer *w, int is_object)
{
	if (!json_begin(w, 0))
		return;
	if (w->depth == POSTERN_JSON_DEPTH) {
		json_fail(w, -EINVAL);
		return;
	}
	json_put_byte(w, is_object ? '{' : '[');
	w->depth++;
	w->objects = w->objects << 1 | (unsigned)is_object;
	w->due = JSON_DUE_FIRST;
}

void postern_json_write_object(struct postern_json_writer *w)
{
	json_open(w, 1);
}

void postern_json_write_array(struct postern_json_writer *w)
{
	json_open(w, 0);
}

void postern_json_write_end(struct postern_json_writer *w)
{
	if (!w)
		return;
	if (w->depth == 0 || w->due == JSON_DUE_VALUE) {
		json_fail(w, -EINVAL);
		return;
	}
	json_put_byte(w, json_in_object(w) ? '}' : ']');
	w->depth--;
	w->objects >>= 1;
	json_done(w);
}

/* ---- strings ---- */

static void json_put_escape(struct postern_json_writer *w, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt",
			  digits[] = "0123456789abcdef";
	char text[6] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };
	const char *found = c ? memchr(from, c, sizeof(from) - 1) : NULL;

	if (found)
		text[1] = to[found - from];
	json_put(w, text, found ? 2 : 6);
}

static void json_put_string(struct postern_json_writer *w, const char *bytes, size_t n)
{
	const unsigned char *at = (const unsigned char *)bytes, *end = at + n, *from = at;
	unsigned length;

	json_put_byte(w, '"');
	for (;;) {
		at = json_plain(at, end);
		if (at < end && *at >= 0x80) {
			length = json_sequence(at, end);
			if (length == 0) {
				json_fail(w, -EILSEQ);
				return;
			}
			at += length;
			continue;
		}
		json_put(w, from, (size_t)(at - from));
		if (at == end)
			break;
		json_put_escape(w, *at++);
		from = at;
	}
	json_put_byte(w, '"');
}

void postern_json_write_string(struct postern_json_writer *w, const char *bytes, size_t n)
{
	if (!json_begin(w, 0))
		return;
	if (!bytes && n > 0) {
		json_fail(w, -EINVAL);
		return;
	}
	json_put_string(w, bytes ? bytes : "", n);
	json_done(w);
}

void postern_json_write_text(struct postern_json_writer *w, const char *text)
{
	/* One byte that is not there: refused as such. */
	postern_json_write_string(w, text, text ? strlen(text) : 1);
}

void postern_json_write_name(struct postern_json_writer *w, const char *name)
{
	if (!json_begin(w, 1))
		return;
	if (!name) {
		json_fail(w, -EINVAL);
		return;
	}
	json_put_string(w, name, strlen(name));
	json_put_byte(w, ':');
	w->due = JSON_DUE_VALUE;
}

/* ---- the others ---- */

void postern_json_write_null(struct postern_json_writer *w)
{
	json_value(w, "null", 4);
}

void postern_json_write_bool(struct postern_json_writer *w, int value)
{
	json_value(w, value ? "true" : "false", value ? 4 : 5);
}

void postern_json_write_uint(struct postern_json_writer *w, uint64_t value)
{
	char text[JSON_NUMBER_MAX];

	json_value(w, text, json_integer_write(value, text));
}

void postern_json_write_int(struct postern_json_writer *w, int64_t value)
{
	char text[JSON_NUMBER_MAX + 1] = { '-' };
	size_t n = json_integer_write(value < 0 ? -(uint64_t)value : (uint64_t)value, text + 1);

	if (value < 0)
		json_value(w, text, n + 1);
	else
		json_value(w, text + 1, n);
}

void postern_json_write_double(struct postern_json_writer *w, double value)
{
	char text[JSON_NUMBER_MAX];

	if (!w)
		return;
	/* Of a NaN and an infinity, this is a NaN. */
	if (!(value - value == 0)) {
		json_fail(w, -EDOM);
		return;
	}
	json_value(w, text, json_number_write(value, text));
}

/* Without blanks, which are between strings only. */
static void json_put_compact(struct postern_json_writer *w, struct json_scan s)
{
	const unsigned char *from;

	while (json_scan_blanks(&s), s.at < s.end) {
		from = s.at;
		if (*s.at == '"')
			(void)json_scan_string(&s);
		else
			while (s.at<s.end && * s.at> ' ' && *s.at != '"')
				s.at++;
		json_put(w, from, (size_t)(s.at - from));
	}
}

void postern_json_write_raw(struct postern_json_writer *w, struct postern_json value)
{
	const unsigned char *text = (const unsigned char *)value.text;
	struct json_scan s;

	if (!json_begin(w, 0))
		return;
	if (!text) {
		json_fail(w, -EINVAL);
		return;
	}
	s = (struct json_scan){ .at = text, .end = text + value.n, .depth = w->depth };
	if (json_scan_value(&s) < 0 || (json_scan_blanks(&s), s.at != s.end)) {
		json_fail(w, -EBADMSG);
		return;
	}
	s.at = text;
	/* What programs write has none: then once is enough. */
	if (s.blanks)
		json_put_compact(w, s);
	else
		json_put(w, text, value.n);
	json_done(w);
}
