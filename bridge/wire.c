/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - see wire.h */
#include "wire.h"

#include <postern.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- subjects ---- */

static bool wire_is_visible(unsigned char c)
{
	return c > ' ' && c < 0x7f;
}

bool wire_is_token(const char *text)
{
	bool empty = true;

	for (; *text; text++) {
		if (*text == '.' && empty)
			return false;
		if (!wire_is_visible((unsigned char)*text) || *text == '*' || *text == '>')
			return false;
		empty = *text == '.';
	}
	return !empty;
}

bool wire_is_inbox(const char *text)
{
	return !strncmp(text, "_INBOX", 6) && strchr(text, '.') && wire_is_token(text);
}

bool wire_is_reply(const char *text)
{
	return wire_is_inbox(text) || !strncmp(text, "_R_.", 4) || !strncmp(text, "_GR_.", 5);
}

int wire_subject(char *ret, size_t size, const char *prefix, const char *name)
{
	int n;

	if ((prefix && !wire_is_token(prefix)) || !wire_is_token(name))
		return -EINVAL;
	n = snprintf(ret, size, "%s%svarlink.%s", prefix ? prefix : "", prefix ? "." : "", name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static bool wire_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool wire_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool wire_is_member(const char *text)
{
	const char *dot = strrchr(text, '.'), *c;

	if (!dot || dot == text || strlen(text) >= WIRE_SUBJECT_MAX || dot[1] < 'A' || dot[1] > 'Z')
		return false;
	for (c = text; c < dot; c++)
		if (!wire_is_letter(*c) && !wire_is_digit(*c) && *c != '-' && *c != '.')
			return false;
	for (c = dot + 1; *c; c++)
		if (!wire_is_letter(*c) && !wire_is_digit(*c))
			return false;
	return wire_is_token(text);
}

/* ---- payloads ---- */

int wire_object(const void *payload, size_t n, struct postern_json *ret)
{
	struct postern_json value;

	if (n == 0) {
		*ret = (struct postern_json){ "{}", 2 };
		return 0;
	}
	if (postern_json_check(payload, n, &value, NULL) < 0 ||
	    postern_json_kind(value) != POSTERN_JSON_OBJECT)
		return -EBADMSG;
	*ret = value;
	return 0;
}

size_t wire_reason(char *ret, size_t size, const char *text)
{
	struct postern_json_writer w;
	size_t n = strnlen(text, size);
	ssize_t length;

	for (;;) {
		/* Not within a character. */
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		postern_json_write_begin(&w, ret, size);
		postern_json_write_object(&w);
		postern_json_write_name(&w, "reason");
		postern_json_write_string(&w, text, n);
		postern_json_write_end(&w);
		length = postern_json_write_finish(&w);
		if (length >= 0)
			return (size_t)length;
		if (n == 0)
			return 0;
		n = length == -EMSGSIZE ? n / 2 : 0;
	}
}

size_t wire_too_large(char *ret, size_t size, size_t n, size_t max)
{
	int length = snprintf(ret, size, "{\"size\":%zu,\"max\":%zu}", n, max);

	return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}

/* ---- codes and numbers ---- */

int wire_error_code(const char *error)
{
	static const struct {
		const char *error;
		int code;
	} codes[] = {
		{ "org.varlink.service.InvalidParameter", 400 },
		{ "org.varlink.service.ExpectedMore", 400 },
		{ "org.varlink.service.PermissionDenied", 403 },
		{ "org.varlink.service.InterfaceNotFound", 404 },
		{ "org.varlink.service.MethodNotFound", 404 },
		{ "org.varlink.service.MethodNotImplemented", 404 },
		{ WIRE_BUSY, 503 },
		{ WIRE_DRAINING, 503 },
		{ WIRE_NOT_SENT, 503 },
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(error, codes[i].error))
			return codes[i].code;
	return 500;
}

/* Digits alone, up to 19 of them. */
static int wire_number(const char *text, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < 19 && wire_is_digit(text[i]); i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	if (i == 0 || text[i])
		return -EINVAL;
	*ret = n;
	return 0;
}

int wire_timeout_read(const char *text, int64_t *ret_ns)
{
	uint64_t ms;

	if (wire_number(text, &ms) < 0 || ms == 0 || ms > (uint64_t)1 << 31)
		return -EINVAL;
	*ret_ns = POSTERN_MS(ms);
	return 0;
}

void wire_timeout_write(char *ret, size_t size, int64_t ns)
{
	int64_t ms = ns / POSTERN_MS(1), most = (int64_t)1 << 31;

	ms = ms < 1 ? 1 : ms > most ? most : ms;
	snprintf(ret, size, "%" PRId64, ms);
}

int wire_hops_read(const char *text, uint64_t *ret)
{
	*ret = 1;
	if (text && (wire_number(text, ret) < 0 || *ret == 0))
		return -EINVAL;
	return *ret > WIRE_HOPS_MAX ? -ELOOP : 0;
}

int wire_sequence_read(const char *text, uint64_t *ret)
{
	uint64_t n;

	if (wire_number(text, &n) < 0 || n == 0)
		return -EINVAL;
	*ret = n;
	return 0;
}

/* ---- what may be called ---- */

bool wire_is_allowed(const char *const *list, size_t n, const char *method)
{
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(list[i]);

		if (!strcmp(list[i], method))
			return true;
		/* org.example.Clock.* has the methods of that interface, and of no other that begins so. */
		if (length > 2 && !strcmp(list[i] + length - 2, ".*") &&
		    !strncmp(method, list[i], length - 1) && !strchr(method + length - 1, '.'))
			return true;
	}
	return n == 0;
}
