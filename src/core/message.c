/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - reads and writes what stands around the parameters of a Varlink message
 *
 * A call and an answer differ in their members only. So each has a table of them: the name, what its value has to be,
 * and where that goes, a slice or a flag. The text is walked once, member by member, with the same functions that
 * check JSON; a separate check before it would go over every byte twice.
 */
#include "core/message.h"

#include <errno.h>
#include <string.h>

#include "core/json.h"

struct message_member {
	const char *name;
	const char *wrong; /* what is said of a value of another kind */
	int kind;          /* POSTERN_JSON_STRING, _OBJECT, or _TRUE for a flag */
	unsigned flag;     /* which one */
};

enum {
	OF_CALL_METHOD,
	OF_CALL_PARAMETERS,
	OF_CALL_MORE,
	OF_CALL_ONEWAY,
	OF_CALL_UPGRADE,
	OF_CALL_MEMBERS
};
enum { OF_ANSWER_ERROR, OF_ANSWER_PARAMETERS, OF_ANSWER_CONTINUES, OF_ANSWER_MEMBERS };
enum { MESSAGE_MEMBERS = OF_CALL_MEMBERS };

#define MESSAGE_STRING(name) name, name " is not a string", POSTERN_JSON_STRING
#define MESSAGE_OBJECT(name) name, name " is not an object", POSTERN_JSON_OBJECT
#define MESSAGE_FLAG(name)   name, name " is not a boolean", POSTERN_JSON_TRUE
static const struct message_member message_of_call[OF_CALL_MEMBERS] = {
	[OF_CALL_METHOD] = { MESSAGE_STRING("method"), 0 },
	[OF_CALL_PARAMETERS] = { MESSAGE_OBJECT("parameters"), 0 },
	[OF_CALL_MORE] = { MESSAGE_FLAG("more"), POSTERN_CALL_MORE },
	[OF_CALL_ONEWAY] = { MESSAGE_FLAG("oneway"), POSTERN_CALL_ONEWAY },
	[OF_CALL_UPGRADE] = { MESSAGE_FLAG("upgrade"), POSTERN_CALL_UPGRADE },
};
static const struct message_member message_of_answer[OF_ANSWER_MEMBERS] = {
	[OF_ANSWER_ERROR] = { MESSAGE_STRING("error"), 0 },
	[OF_ANSWER_PARAMETERS] = { MESSAGE_OBJECT("parameters"), 0 },
	[OF_ANSWER_CONTINUES] = { MESSAGE_FLAG("continues"), 1 },
};

/* A text that is being read, and the values of its members; one that is absent has no text. */
struct message {
	struct json_scan scan;
	const struct message_member *members;
	unsigned n_members;
	unsigned seen;  /* bits */
	unsigned flags; /* that are true */
	struct postern_json values[MESSAGE_MEMBERS];
};

/* From here on `at` is where the fault is. */
static int message_wrong(struct message *m, const char *at, const char *what)
{
	m->scan.at = (const unsigned char *)at;
	m->scan.wrong = what;
	return -EBADMSG;
}

static const char *message_at(const struct message *m)
{
	return (const char *)m->scan.at;
}

/* Is this character in the string that this value stands for? Escaped or not. */
static bool message_string_has(struct postern_json string, uint32_t character)
{
	const unsigned char *at = (const unsigned char *)string.text + 1, *end = at + string.n - 2;
	uint32_t code;

	while (at < end) {
		code = *at;
		if (*at != '\\')
			at++;
		else if (at[1] == 'u')
			at += json_escape(at, end, &code);
		else
			at += 2;
		if (code == character)
			return true;
	}
	return false;
}

/* ---- members ---- */

/* Of a member that the specification does not know. */
static int message_unknown(struct message *m, struct postern_json name, struct postern_json value)
{
	if (!message_string_has(name, '.'))
		return message_wrong(m, name.text, "there is no such member");
	if (postern_json_kind(value) != POSTERN_JSON_OBJECT)
		return message_wrong(m, value.text, "a vendor's member is not an object");
	return 0;
}

static int message_known(struct message *m, unsigned i, struct postern_json name,
			 struct postern_json value)
{
	const struct message_member *member = &m->members[i];
	int kind = postern_json_kind(value);

	if (m->seen & 1u << i)
		return message_wrong(m, name.text, "a member comes twice");
	m->seen |= 1u << i;
	if (kind == POSTERN_JSON_NULL || (kind == POSTERN_JSON_FALSE && member->flag))
		return 0;
	if (kind != member->kind)
		return message_wrong(m, value.text, member->wrong);
	if (m->flags && member->flag)
		return message_wrong(m, value.text, "more than one flag is true");
	if (kind == POSTERN_JSON_STRING && message_string_has(value, '\0'))
		return message_wrong(m, value.text, "a name has a \\u0000");
	m->flags |= member->flag;
	m->values[i] = value;
	return 0;
}

static int message_put(struct message *m, struct postern_json name, struct postern_json value)
{
	for (unsigned i = 0; i < m->n_members; i++)
		if (postern_json_equals(name, m->members[i].name))
			return message_known(m, i, name, value);
	return message_unknown(m, name, value);
}

/* ---- the text ---- */

/* The string or value that begins here; the scan moves behind it and the blanks that follow. */
static int message_piece(struct message *m, int (*scan)(struct json_scan *s),
			 struct postern_json *ret)
{
	const char *from;

	json_scan_blanks(&m->scan);
	from = message_at(m);
	if (scan(&m->scan) < 0)
		return -EBADMSG;
	*ret = (struct postern_json){ from, (size_t)(message_at(m) - from) };
	json_scan_blanks(&m->scan);
	return 0;
}

/* 1: this byte stands here, and is passed; else 0. */
static int message_is_at(struct message *m, char byte)
{
	if (m->scan.at == m->scan.end || *m->scan.at != (unsigned char)byte)
		return 0;
	m->scan.at++;
	return 1;
}

static int message_member(struct message *m)
{
	struct postern_json name, value;
	const char *behind;
	int r;

	if (message_piece(m, json_scan_string, &name) < 0)
		return -EBADMSG;
	if (!message_is_at(m, ':'))
		return message_wrong(m, message_at(m), "':' is expected");
	if (message_piece(m, json_scan_value, &value) < 0)
		return -EBADMSG;
	behind = message_at(m);
	r = message_put(m, name, value);
	if (r == 0)
		m->scan.at = (const unsigned char *)behind;
	return r;
}

static int message_object(struct message *m)
{
	json_scan_blanks(&m->scan);
	if (!message_is_at(m, '{'))
		return message_wrong(m, message_at(m), "a message is an object");
	json_scan_blanks(&m->scan);
	if (!message_is_at(m, '}')) {
		do {
			if (message_member(m) < 0)
				return -EBADMSG;
		} while (message_is_at(m, ','));
		if (!message_is_at(m, '}'))
			return message_wrong(m, message_at(m), "',' or '}' is expected");
	}
	json_scan_blanks(&m->scan);
	if (m->scan.at != m->scan.end)
		return message_wrong(m, message_at(m), "something follows the object");
	return 0;
}

static struct message message_of(const char *text, size_t n, const struct message_member *members,
				 unsigned n_members)
{
	const unsigned char *at = (const unsigned char *)text;

	return (struct message){
		.scan = { .at = at, .end = at + n, .depth = 1 },
		.members = members,
		.n_members = n_members,
	};
}

static int message_end(const struct message *m, const char *text, int r,
		       struct message_fault *ret_fault)
{
	if (r < 0)
		*ret_fault = (struct message_fault){
			.offset = (size_t)(message_at(m) - text),
			.what = m->scan.wrong,
		};
	return r;
}

static struct postern_json message_parameters(const struct message *m, unsigned i)
{
	return m->values[i].text ? m->values[i] : (struct postern_json){ "{}", 2 };
}

/* ---- reading ---- */

/* Past the blanks from at. */
static size_t message_blank(const char *text, size_t n, size_t at)
{
	while (at < n &&
	       (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r'))
		at++;
	return at;
}

int message_peek(const char *text, size_t n, struct postern_json *ret_method)
{
	static const char name[] = "\"method\"";
	size_t at = message_blank(text, n, 0), end;

	if (at == n)
		return 0;
	if (text[at] != '{')
		return -EBADMSG;
	at = message_blank(text, n, at + 1);
	if (n - at < strlen(name) || memcmp(text + at, name, strlen(name)))
		return 0;
	at = message_blank(text, n, at + strlen(name));
	if (at == n || text[at] != ':')
		return 0;
	at = message_blank(text, n, at + 1);
	if (at == n || text[at] != '"')
		return 0;
	for (end = at + 1; end < n && text[end] != '"' && text[end] != '\\'; end++)
		;
	/* One with escapes is left to those who read the whole. */
	if (end == n || text[end] != '"')
		return 0;
	*ret_method = (struct postern_json){ text + at, end + 1 - at };
	return 1;
}

int message_read_call(const char *text, size_t n, struct message_call *ret,
		      struct message_fault *ret_fault)
{
	struct message m = message_of(text, n, message_of_call, OF_CALL_MEMBERS);
	int r = message_object(&m);

	if (r == 0 && !m.values[OF_CALL_METHOD].text)
		r = message_wrong(&m, text + n, "there is no method");
	if (r < 0)
		return message_end(&m, text, r, ret_fault);
	ret->method = m.values[OF_CALL_METHOD];
	ret->parameters = message_parameters(&m, OF_CALL_PARAMETERS);
	ret->flags = m.flags;
	return 0;
}

int message_read_answer(const char *text, size_t n, struct message_answer *ret,
			struct message_fault *ret_fault)
{
	struct message m = message_of(text, n, message_of_answer, OF_ANSWER_MEMBERS);
	int r = message_object(&m);

	if (r == 0 && m.values[OF_ANSWER_ERROR].text && m.flags)
		r = message_wrong(&m, m.values[OF_ANSWER_CONTINUES].text, "an error continues");
	if (r < 0)
		return message_end(&m, text, r, ret_fault);
	ret->error = m.values[OF_ANSWER_ERROR];
	ret->parameters = message_parameters(&m, OF_ANSWER_PARAMETERS);
	ret->continues = m.flags;
	return 0;
}

/* ---- writing ---- */

static void message_write_flag(struct postern_json_writer *w, const char *name)
{
	postern_json_write_name(w, name);
	postern_json_write_bool(w, 1);
}

static bool message_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* [A-Za-z0-9]([-]*[A-Za-z0-9])*: how long the component is that begins here; 0: there is none. */
static size_t message_component(const char *name)
{
	size_t n = 0;

	while (message_is_letter(name[n]) || (name[n] >= '0' && name[n] <= '9') ||
	       (name[n] == '-' && n > 0))
		n++;
	return n > 0 && name[n - 1] == '-' ? 0 : n;
}

bool message_is_error(const char *name)
{
	unsigned components = 0;
	size_t n;

	if (!message_is_letter(*name))
		return false;
	for (;; name += n + 1) {
		n = message_component(name);
		if (n == 0 || (name[n] && name[n] != '.'))
			return false;
		components++;
		if (!name[n])
			break;
	}
	/* That of the error comes last. */
	return components > 2 && *name >= 'A' && *name <= 'Z' && !memchr(name, '-', n);
}

void message_write_call(struct postern_json_writer *w, const char *method, unsigned flags)
{
	postern_json_write_object(w);
	postern_json_write_name(w, "method");
	postern_json_write_text(w, method);
	if (flags & POSTERN_CALL_MORE)
		message_write_flag(w, "more");
	if (flags & POSTERN_CALL_ONEWAY)
		message_write_flag(w, "oneway");
	if (flags & POSTERN_CALL_UPGRADE)
		message_write_flag(w, "upgrade");
}

void message_write_answer(struct postern_json_writer *w, const char *error, bool continues)
{
	postern_json_write_object(w);
	if (error) {
		postern_json_write_name(w, "error");
		postern_json_write_text(w, error);
	}
	if (continues)
		message_write_flag(w, "continues");
}
