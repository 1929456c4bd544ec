/* SPDX-License-Identifier: Apache-2.0 */
/* generate-text.c - texts of the generated files: lines of a bounded width, comments that end where they should */
#include "generate.h"

#include "base/words.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GENERATE_TAB 8

struct generate_piece {
	struct generate_piece *next;
	max_align_t bytes[];
};

void generate_no_memory(struct generate *g)
{
	g->status = EXIT_TRY_AGAIN;
	g->has_no_memory = true;
}

void generate_put(struct generate *g, const char *text, size_t n)
{
	size_t size = g->size ? g->size : 4096;
	char *bytes;

	/* Once something is missing, the rest is of no use. */
	if (g->status)
		return;
	while (size - g->n < n)
		size *= 2;
	if (size > g->size) {
		bytes = realloc(g->bytes, size);
		if (!bytes) {
			generate_no_memory(g);
			return;
		}
		g->bytes = bytes;
		g->size = size;
	}
	memcpy(g->bytes + g->n, text, n);
	g->n += n;
}

void generate_puts(struct generate *g, const char *text)
{
	generate_put(g, text, strlen(text));
}

void *generate_allocate(struct generate *g, size_t size)
{
	struct generate_piece *piece = calloc(1, sizeof(*piece) + size);

	if (!piece) {
		generate_no_memory(g);
		return NULL;
	}
	piece->next = g->pieces;
	g->pieces = piece;
	return piece->bytes;
}

void generate_free(struct generate *g)
{
	struct generate_piece *piece;

	while ((piece = g->pieces)) {
		g->pieces = piece->next;
		free(piece);
	}
	free(g->bytes);
}

static const char *generate_format(struct generate *g, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static const char *generate_format(struct generate *g, const char *format, va_list args)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = n < 0 ? NULL : generate_allocate(g, (size_t)n + 1);
	if (!text) {
		generate_no_memory(g);
		return "";
	}
	vsnprintf(text, (size_t)n + 1, format, args);
	return text;
}

const char *generate_text(struct generate *g, const char *format, ...)
{
	const char *text;
	va_list args;

	va_start(args, format);
	text = generate_format(g, format, args);
	va_end(args);
	return text;
}

/* ---- lines ---- */

static void generate_indent(struct generate *g, unsigned indent)
{
	while (indent-- > 0)
		generate_puts(g, "\t");
}

/* The bytes of text that go on a line which has room for so many: up to a blank, or if there is none, up to the first one
   behind that. */
static size_t generate_fit(const char *text, size_t room)
{
	size_t n = strnlen(text, room + 2), at;

	/* A line end, for an empty line behind it, takes no room. */
	if (n <= room || (n == room + 1 && text[room] == '\n'))
		return n;
	for (at = room; at > 0 && text[at] != ' '; at--)
		;
	return at > 0 ? at : strcspn(text, " ");
}

/* The same of code, where a blank behind a comma or a semicolon is better, unless it leaves half of the line empty. */
static size_t generate_fit_code(const char *text, size_t room)
{
	size_t n = generate_fit(text, room), at;

	for (at = n; text[n] && at > room / 2; at--)
		if (text[at] == ' ' && (text[at - 1] == ',' || text[at - 1] == ';'))
			return at;
	return n;
}

void generate_line(struct generate *g, unsigned indent, const char *format, ...)
{
	size_t room = GENERATE_WIDTH - (size_t)indent * GENERATE_TAB, n;
	const char *text;
	va_list args;

	va_start(args, format);
	text = generate_format(g, format, args);
	va_end(args);
	generate_indent(g, indent);
	for (;;) {
		n = generate_fit_code(text, room);
		generate_put(g, text, n);
		generate_puts(g, "\n");
		text += n;
		if (!*text)
			return;
		text++;
		room = GENERATE_WIDTH - ((size_t)indent + 1) * GENERATE_TAB;
		generate_indent(g, indent + 1);
	}
}

/* ---- comments ---- */

/* What would end the comment, or begin another one, gets a blank inside. */
static bool generate_must_part(char a, char b)
{
	return (a == '*' && b == '/') || (a == '/' && b == '*');
}

/* A backslash, or the trigraph of one, before the end of a line. */
static void generate_end_line(char *safe, size_t n)
{
	if (n > 0 && safe[n - 1] == '\\')
		memcpy(safe + n - 1, "\\x5c", sizeof("\\x5c"));
	else if (n > 2 && !strcmp(safe + n - 3, "?\?/"))
		memcpy(safe + n - 1, "\\x2f", sizeof("\\x2f"));
}

/* A line that is harmless in a comment, and shows what it is. */
static const char *generate_clean(struct generate *g, struct idl_slice line)
{
	char *plain = generate_allocate(g, 2 * line.n + 1),
	     *safe = generate_allocate(g, 8 * line.n + 8);
	size_t n = 0;

	if (!plain || !safe)
		return "";
	for (size_t i = 0; i < line.n; i++) {
		if (i > 0 && generate_must_part(line.text[i - 1], line.text[i]))
			plain[n++] = ' ';
		plain[n++] = line.text[i];
		if (plain[n - 1] == '\t')
			plain[n - 1] = ' ';
	}
	/* A byte becomes four at most: \x1b. */
	words_safe(safe, 8 * line.n + 1, plain);
	generate_end_line(safe, strlen(safe));
	return safe;
}

static void generate_comment_line(struct generate *g, unsigned indent, const char *begin,
				  const char *text)
{
	size_t room = GENERATE_WIDTH - (size_t)indent * GENERATE_TAB - sizeof("/*  */"), n;

	for (;;) {
		n = generate_fit(text, room);
		generate_indent(g, *text || *begin == '/' ? indent : 0);
		if (*text || *begin == '/')
			generate_puts(g, begin);
		generate_put(g, text, n);
		text += n;
		if (!*text)
			return;
		text++;
		generate_puts(g, "\n");
		begin = "   ";
	}
}

void generate_comment(struct generate *g, unsigned indent, const struct idl_comment *comments)
{
	const struct idl_comment *c = idl_documentation(comments);
	const char *begin = "/* ";

	while (c && idl_line(c).n == 0)
		c = c->next;
	if (!c)
		return;
	for (; c; c = c->next) {
		generate_comment_line(g, indent, begin, generate_clean(g, idl_line(c)));
		begin = "   ";
		if (c->next)
			generate_puts(g, "\n");
	}
	generate_puts(g, " */\n");
}

const char *generate_short_comment(struct generate *g, const struct idl_comment *comments)
{
	const struct idl_comment *c = idl_documentation(comments);

	if (!c || c->next || idl_line(c).n == 0)
		return NULL;
	return generate_text(g, "/* %s */", generate_clean(g, idl_line(c)));
}

/* ---- literals ---- */

/* Prints a byte as it is in a literal; how many columns that took. */
static size_t generate_byte(struct generate *g, unsigned char c, unsigned char before)
{
	char text[8];
	int n;

	if (c == '\n' || c == '\t')
		n = snprintf(text, sizeof(text), "\\%c", c == '\n' ? 'n' : 't');
	else if (c == '"' || c == '\\' || (c == '?' && before == '?'))
		n = snprintf(text, sizeof(text), "\\%c", c);
	else
		n = snprintf(text, sizeof(text), c < 0x20 || c >= 0x7f ? "\\%03o" : "%c", c);
	generate_put(g, text, (size_t)n);
	return (size_t)n;
}

void generate_literals(struct generate *g, unsigned indent, const char *text, size_t n)
{
	size_t room = GENERATE_WIDTH - (size_t)indent * GENERATE_TAB - sizeof("\"\";") - 4,
	       used = 0;

	for (size_t i = 0; i < n; i++) {
		if (used == 0) {
			generate_indent(g, indent);
			generate_puts(g, "\"");
		}
		used += generate_byte(g, (unsigned char)text[i],
				      i > 0 ? (unsigned char)text[i - 1] : 0);
		if (i + 1 < n && (text[i] == '\n' || used >= room)) {
			generate_puts(g, "\"\n");
			used = 0;
		}
	}
	if (n == 0) {
		generate_indent(g, indent);
		generate_puts(g, "\"");
	}
	generate_puts(g, "\"");
}
