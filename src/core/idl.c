/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idl.c - parsing Varlink interface descriptions
 *
 * The grammar is that of UAPI.20, with all blanks and line ends of its PEG. Where the PEG is stricter than the text beside it
 * ("all whitespace is ignored"), the text is followed: blanks may be before a comma, and before a comment at the end
 * of a line; a comment may end with the text.
 *
 * Every comment belongs to what follows it: a declaration, a field, or the end of a list. So none is lost when the
 * tree is printed, wherever it was.
 */
#include "core/idl.h"

#include <errno.h>
#include <string.h>

#include "core/json.h"

struct idl_parser {
	const unsigned char *begin, *at, *end;
	char *arena;
	size_t size, used;
	struct idl *idl;
	struct idl_member *member;
	struct idl_comment *comments, **last_comment;
	struct idl_node **last_reference;
	const unsigned char *where; /* of the first error */
	const char *wrong;
	int depth, error;
};

/* The first error stays. */
static void idl_fail(struct idl_parser *p, int error, const char *text)
{
	if (p->error != 0)
		return;
	p->error = error;
	p->wrong = text;
	p->where = p->at;
	/* What is no text at all explains more than what was expected in its place. */
	if (error == -EBADMSG && p->at < p->end && *p->at >= 0x80 && !json_sequence(p->at, p->end))
		p->wrong = "this is not UTF-8; save the description as UTF-8";
	else if (error == -EBADMSG && p->at < p->end && *p->at == 0)
		p->wrong = "this is a NUL byte; a description is text";
}

static void idl_wrong(struct idl_parser *p, const char *text)
{
	idl_fail(p, -EBADMSG, text);
}

/* Of the arena, all zeros; NULL: it is used up. */
static void *idl_take(struct idl_parser *p, size_t n)
{
	size_t at = (p->used + 15) & ~(size_t)15;

	if (!p->arena || at > p->size || n > p->size - at) {
		idl_fail(p, -ENOBUFS, "the description needs more memory than there is");
		return NULL;
	}
	p->used = at + n;
	return memset(p->arena + at, 0, n);
}

/* ---- blanks ---- */

/* A line end's length, or 0. */
static size_t idl_line_end(const struct idl_parser *p)
{
	size_t left = (size_t)(p->end - p->at);

	if (left > 0 && *p->at == '\n')
		return 1;
	if (left > 0 && *p->at == '\r')
		return left > 1 && p->at[1] == '\n' ? 2 : 1;
	if (left > 2 && p->at[0] == 0xe2 && p->at[1] == 0x80 &&
	    (p->at[2] == 0xa8 || p->at[2] == 0xa9))
		return 3;
	return 0;
}

/* The blanks of ECMA-262, but for \v and \f. */
static size_t idl_blank(const struct idl_parser *p)
{
	static const char blanks[][4] = {
		"\xe1\x9a\x80", "\xe1\xa0\x8e", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
		"\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87",
		"\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xaf", "\xe2\x81\x9f",
		"\xe3\x80\x80", "\xef\xbb\xbf",
	};
	size_t left = (size_t)(p->end - p->at);

	if (left > 0 && (*p->at == ' ' || *p->at == '\t'))
		return 1;
	if (left > 1 && p->at[0] == 0xc2 && p->at[1] == 0xa0)
		return 2;
	if (left > 2 && p->at[0] >= 0xe1)
		for (size_t i = 0; i < sizeof(blanks) / sizeof(*blanks); i++)
			if (memcmp(p->at, blanks[i], 3) == 0)
				return 3;
	return 0;
}

/* From the # to the end of the line, without that. */
static struct idl_comment *idl_comment(struct idl_parser *p, int own_line)
{
	const unsigned char *from = ++p->at;
	struct idl_comment *comment = idl_take(p, sizeof(*comment));
	unsigned n;

	while (p->at < p->end && !idl_line_end(p)) {
		n = *p->at == 0 ? 0 : *p->at < 0x80 ? 1 : json_sequence(p->at, p->end);
		if (n == 0) {
			idl_wrong(p, "this is no character");
			return NULL;
		}
		p->at += n;
	}
	if (!comment)
		return NULL;
	comment->text = (struct idl_slice){ (const char *)from, (size_t)(p->at - from) };
	comment->own_line = own_line;
	*p->last_comment = comment;
	p->last_comment = &comment->next;
	return comment;
}

/* Blanks, comments and line ends; how many line ends, and whether there was anything. */
static int idl_skip(struct idl_parser *p, int *ret_lines)
{
	const unsigned char *from = p->at;
	struct idl_comment *comment = NULL;
	/* Line ends in all, and those since the last token or comment. */
	int lines = 0, since = from == p->begin;
	size_t n;

	while (p->error == 0) {
		if ((n = idl_blank(p))) {
			p->at += n;
		} else if ((n = idl_line_end(p))) {
			p->at += n;
			lines++;
			if (++since > 1 && comment)
				comment->gap = 1;
		} else if (p->at < p->end && *p->at == '#') {
			comment = idl_comment(p, since > 0);
			since = 0;
		} else {
			break;
		}
	}
	if (ret_lines)
		*ret_lines = lines;
	return p->at > from;
}

/* The comments since the last time. */
static struct idl_comment *idl_comments(struct idl_parser *p)
{
	struct idl_comment *comments = p->comments;

	p->comments = NULL;
	p->last_comment = &p->comments;
	return comments;
}

/* ---- words ---- */

static int idl_is_letter(unsigned c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static int idl_is_digit(unsigned c)
{
	return c >= '0' && c <= '9';
}

/* One of the text's bytes, or 0 behind its end. */
static unsigned idl_byte(const struct idl_parser *p, size_t at)
{
	return at < (size_t)(p->end - p->at) ? p->at[at] : 0;
}

static int idl_token(struct idl_parser *p, const char *token)
{
	size_t n = strlen(token);

	if ((size_t)(p->end - p->at) < n || memcmp(p->at, token, n) != 0)
		return 0;
	p->at += n;
	return 1;
}

/* A token that is a word ends where no letter or digit follows. */
static int idl_word(struct idl_parser *p, const char *word)
{
	unsigned next = idl_byte(p, strlen(word));

	return !idl_is_letter(next) && !idl_is_digit(next) && next != '_' && idl_token(p, word);
}

static struct idl_slice idl_slice(struct idl_parser *p, size_t n)
{
	struct idl_slice slice = { (const char *)p->at, n };

	p->at += n;
	return slice;
}

/* name = [A-Z][A-Za-z0-9]* */
static struct idl_slice idl_name(struct idl_parser *p)
{
	size_t n = 0;

	if (idl_byte(p, 0) >= 'A' && idl_byte(p, 0) <= 'Z')
		while (idl_is_letter(idl_byte(p, n)) || idl_is_digit(idl_byte(p, n)))
			n++;
	else
		idl_wrong(
			p,
			"expected a name that begins with a capital letter, of letters and digits");
	return idl_slice(p, n);
}

/* field_name = [A-Za-z](_?[A-Za-z0-9])* */
static struct idl_slice idl_field_name(struct idl_parser *p)
{
	size_t n = 0, next;

	if (!idl_is_letter(idl_byte(p, 0)))
		idl_wrong(
			p,
			"expected a field or a value: a name of letters, digits and single _ between them");
	else
		for (n = 1;; n = next + 1) {
			next = n + (idl_byte(p, n) == '_');
			if (!idl_is_letter(idl_byte(p, next)) && !idl_is_digit(idl_byte(p, next)))
				break;
		}
	return idl_slice(p, n);
}

/* interface_name = [A-Za-z]([-]*[A-Za-z0-9])*(\.[A-Za-z0-9]([-]*[A-Za-z0-9])*)+ */
static struct idl_slice idl_interface_name(struct idl_parser *p)
{
	size_t n = 0, next, dots = 0;

	if (!idl_is_letter(idl_byte(p, 0))) {
		idl_wrong(p, "expected the name of the interface, as in org.example.clock");
		return idl_slice(p, 0);
	}
	for (n = 1;; n = next + 1) {
		next = n;
		if (idl_byte(p, n) == '.')
			next++;
		else
			while (idl_byte(p, next) == '-')
				next++;
		if (!idl_is_letter(idl_byte(p, next)) && !idl_is_digit(idl_byte(p, next)))
			break;
		dots += idl_byte(p, n) == '.';
	}
	if (dots == 0) {
		p->at += n;
		idl_wrong(
			p,
			"expected '.': the name of an interface has parts, as in org.example.clock");
		return idl_slice(p, 0);
	}
	return idl_slice(p, n);
}

/* ---- types ---- */

static const char idl_too_deep[] =
	"types are nested more than 64 deep; give those inside names, with 'type'";

static struct idl_type *idl_type(struct idl_parser *p, int direct);

/* One field after its comments. *kind is IDL_STRUCT or IDL_ENUM from the first field on. */
static struct idl_field *idl_field(struct idl_parser *p, int *kind, int direct)
{
	struct idl_field *field = idl_take(p, sizeof(*field));

	if (!field)
		return NULL;
	field->comments = idl_comments(p);
	field->node.name = idl_field_name(p);
	if (idl_byte(p, 0) == '_' || idl_byte(p, 0) == '-')
		idl_wrong(p,
			  "the name of a field is letters and digits, with single _ between them");
	idl_skip(p, NULL);
	if (*kind == 0)
		*kind = idl_byte(p, 0) == ':' ? IDL_STRUCT : IDL_ENUM;
	if (*kind == IDL_ENUM)
		return field;
	if (!idl_token(p, ":")) {
		idl_wrong(p, "expected ':' and a type, as each field of a structure has them");
		return NULL;
	}
	idl_skip(p, NULL);
	field->type = idl_type(p, direct);
	return field;
}

static void idl_fields_are_unique(struct idl_parser *p, struct idl_type *type)
{
	struct idl_node *list = NULL, **end = &list;
	const struct idl_node *twice;

	for (struct idl_field *field = type->fields; field; field = field->next) {
		*end = &field->node;
		end = &field->node.sorted;
	}
	twice = idl_twice(idl_sort(list));
	if (twice && p->error == 0) {
		p->at = (const unsigned char *)twice->name.text;
		idl_wrong(p, "this name is in the same list twice; rename one of them");
	}
}

/* From the parenthesis on. kind: IDL_STRUCT if it must be one, or 0. */
static struct idl_type *idl_fields(struct idl_parser *p, int kind, int direct)
{
	struct idl_type *type = idl_take(p, sizeof(*type));
	struct idl_field **end;

	if (!type || !idl_token(p, "(")) {
		idl_wrong(p, "expected '('");
		return NULL;
	}
	end = &type->fields;
	if (++p->depth > IDL_DEPTH) {
		idl_wrong(p, idl_too_deep);
		return NULL;
	}
	idl_skip(p, NULL);
	if (!idl_token(p, ")")) {
		do {
			idl_skip(p, NULL);
			*end = idl_field(p, &kind, direct);
			if (!*end || p->error < 0)
				return NULL;
			end = &(*end)->next;
			idl_skip(p, NULL);
		} while (idl_token(p, ","));
		if (!idl_token(p, ")"))
			idl_wrong(p,
				  kind == IDL_ENUM
					  ? "expected ',' or ')' after a value, which has no type"
					  : "expected ',' or ')' after the type of a field");
	}
	p->depth--;
	type->kind = kind ? kind : IDL_STRUCT;
	type->after = idl_comments(p);
	idl_fields_are_unique(p, type);
	return type;
}

/* A type with a name, or one of the language's. */
static struct idl_type *idl_named(struct idl_parser *p, int direct)
{
	static const struct {
		const char *word;
		int kind;
	} words[] = { { "bool", IDL_BOOL },     { "int", IDL_INT },       { "float", IDL_FLOAT },
		      { "string", IDL_STRING }, { "object", IDL_OBJECT }, { "any", IDL_ANY } };
	struct idl_type *type = idl_take(p, sizeof(*type));
	struct idl_reference *reference;

	if (!type)
		return NULL;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (idl_word(p, words[i].word)) {
			type->kind = words[i].kind;
			return type;
		}
	}
	if (idl_byte(p, 0) < 'A' || idl_byte(p, 0) > 'Z') {
		idl_wrong(
			p,
			"expected a type: bool, int, float, string, object, any, ( or a name with a capital letter, after ?, [] or [string]");
		return NULL;
	}
	reference = idl_take(p, sizeof(*reference));
	if (!reference)
		return NULL;
	type->kind = IDL_NAME;
	type->name = idl_name(p);
	*reference =
		(struct idl_reference){ { type->name, NULL }, p->member->references, type, direct };
	p->member->references = reference;
	*p->last_reference = &reference->node;
	p->last_reference = &reference->node.sorted;
	return type;
}

static struct idl_type *idl_type(struct idl_parser *p, int direct)
{
	int kind = idl_token(p, "?")          ? IDL_MAYBE
		   : idl_token(p, "[]")       ? IDL_ARRAY
		   : idl_token(p, "[string]") ? IDL_MAP
					      : 0;
	struct idl_type *type;

	if (kind == 0)
		return idl_byte(p, 0) == '(' ? idl_fields(p, 0, direct) : idl_named(p, direct);
	type = idl_take(p, sizeof(*type));
	if (!type)
		return NULL;
	if (++p->depth > IDL_DEPTH) {
		idl_wrong(p, idl_too_deep);
		return NULL;
	}
	if (kind == IDL_MAYBE && idl_byte(p, 0) == '?')
		idl_wrong(p, "a type is nullable once; remove one ?");
	type->kind = kind;
	type->inner = idl_type(p, 0);
	p->depth--;
	return type;
}

/* ---- declarations ---- */

static const char idl_no_member[] = "expected 'type', 'method' or 'error'";

static struct idl_member *idl_member(struct idl_parser *p)
{
	struct idl_member *m = idl_take(p, sizeof(*m));

	if (!m)
		return NULL;
	p->member = m;
	m->comments = idl_comments(p);
	m->kind = idl_word(p, "type")     ? IDL_TYPE
		  : idl_word(p, "method") ? IDL_METHOD
		  : idl_word(p, "error")  ? IDL_ERROR
					  : 0;
	if (m->kind == 0) {
		idl_wrong(p, idl_no_member);
		return NULL;
	}
	if (!idl_skip(p, NULL))
		idl_wrong(p, "expected a blank and a name");
	m->node.name = idl_name(p);
	idl_skip(p, NULL);
	m->type = idl_fields(p, m->kind == IDL_TYPE ? 0 : IDL_STRUCT, 1);
	if (m->kind != IDL_METHOD || p->error < 0)
		return m;
	idl_skip(p, NULL);
	if (!idl_token(p, "->"))
		idl_wrong(p, "expected '->' and what the method returns, () for nothing");
	idl_skip(p, NULL);
	m->out = idl_fields(p, IDL_STRUCT, 1);
	return m;
}

static void idl_interface(struct idl_parser *p)
{
	struct idl_member **end = &p->idl->members;
	int lines;

	idl_skip(p, NULL);
	p->idl->comments = idl_comments(p);
	if (!idl_word(p, "interface"))
		idl_wrong(p, "expected 'interface' and a name, with which a description begins");
	if (!idl_skip(p, NULL))
		idl_wrong(p, "expected a blank and a name");
	p->idl->name = idl_interface_name(p);
	idl_skip(p, &lines);
	if (p->at == p->end)
		idl_wrong(p, idl_no_member);
	while (p->error == 0 && p->at < p->end) {
		if (lines == 0) {
			idl_wrong(
				p,
				"expected the end of the line; what follows has a line of its own");
			break;
		}
		*end = idl_member(p);
		if (!*end || p->error < 0)
			break;
		end = &(*end)->next;
		idl_skip(p, &lines);
	}
	p->idl->after = idl_comments(p);
}

void idl_place(const char *text, const char *at, struct idl_error *ret)
{
	struct idl_parser p = { .at = (const unsigned char *)text,
				.end = (const unsigned char *)at };
	size_t n;

	ret->line = ret->column = 1;
	while (p.at < p.end) {
		n = idl_line_end(&p);
		if (n > 0) {
			ret->line++;
			ret->column = 1;
		} else {
			n = 1;
			/* What continues a character is none. */
			ret->column += (*p.at & 0xc0) != 0x80;
		}
		p.at += n;
	}
}

static struct idl_slice idl_there(struct idl_parser *p)
{
	size_t n = 0;

	if (p->at == p->end)
		return idl_slice(p, 0);
	while (idl_is_letter(idl_byte(p, n)) || idl_is_digit(idl_byte(p, n)) ||
	       idl_byte(p, n) == '_')
		n++;
	if (n == 0)
		n = idl_line_end(p);
	if (n == 0)
		n = *p->at < 0x80 ? 1 : json_sequence(p->at, p->end);
	return idl_slice(p, n > 0 ? n : 1);
}

int idl_parse(const char *text, size_t n, void *arena, size_t size, struct idl **ret,
	      struct idl_error *ret_error)
{
	struct idl_parser p = { .begin = (const unsigned char *)text };
	/* The arena begins where every kind of struct may. */
	size_t unaligned = (size_t)(-(uintptr_t)arena & 15);
	const char *at = NULL;

	p.at = p.begin;
	p.end = p.begin + n;
	p.last_comment = &p.comments;
	if (unaligned <= size) {
		p.arena = (char *)arena + unaligned;
		p.size = size - unaligned;
	}
	p.idl = idl_take(&p, sizeof(*p.idl));
	if (p.idl) {
		p.last_reference = &p.idl->references;
		idl_interface(&p);
	}
	if (p.error == 0)
		p.error = idl_judge(p.idl, &at, &p.wrong);
	if (p.error == 0) {
		*ret = p.idl;
		return 0;
	}
	if (at)
		p.where = (const unsigned char *)at;
	idl_place(text, (const char *)p.where, ret_error);
	ret_error->text = p.wrong;
	p.at = p.where;
	ret_error->word = idl_there(&p);
	return p.error;
}
