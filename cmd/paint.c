/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paint.c - a description of an interface in colours
 *
 * The parser says where each comment and each name is; each byte of the text gets the number of a colour. What is left of
 * words are those of the language: those that begin a declaration, and the types that it has.
 */
#include "ask.h"

#include "base/words.h"
#include "core/idl.h"

#include <stdlib.h>
#include <string.h>

enum { PAINT_PLAIN, PAINT_COMMENT, PAINT_KEYWORD, PAINT_NAME, PAINT_FIELD, PAINT_TYPE };

/* Those of every terminal, whatever its background is. */
static const char *const paint_codes[] = { "0", "90", "35", "1", "36", "33" };

struct paint {
	const char *text;
	size_t n;
	unsigned char *colours; /* one for each byte */
};

static void paint_slice(const struct paint *p, struct idl_slice s, int colour)
{
	if (s.n > 0)
		memset(p->colours + (s.text - p->text), colour, s.n);
}

static void paint_comments(const struct paint *p, const struct idl_comment *c)
{
	for (; c; c = c->next)
		paint_slice(p, (struct idl_slice){ c->text.text - 1, c->text.n + 1 },
			    PAINT_COMMENT);
}

static void paint_type(const struct paint *p, const struct idl_type *t)
{
	for (; t; t = t->inner) {
		if (t->kind == IDL_NAME)
			paint_slice(p, t->name, PAINT_TYPE);
		for (const struct idl_field *f = t->fields; f; f = f->next) {
			paint_comments(p, f->comments);
			paint_slice(p, f->node.name, PAINT_FIELD);
			if (f->type)
				paint_type(p, f->type);
		}
		paint_comments(p, t->after);
	}
}

static void paint_tree(const struct paint *p, const struct idl *idl)
{
	paint_slice(p, idl->name, PAINT_NAME);
	paint_comments(p, idl->comments);
	paint_comments(p, idl->after);
	for (const struct idl_member *m = idl->members; m; m = m->next) {
		paint_comments(p, m->comments);
		paint_slice(p, m->node.name, PAINT_NAME);
		paint_type(p, m->type);
		if (m->kind == IDL_METHOD)
			paint_type(p, m->out);
	}
}

static void paint_language(const struct paint *p)
{
	static const char *const keywords[] = { "interface", "type", "method", "error", NULL };
	size_t n;

	for (size_t i = 0; i < p->n; i += n ? n : 1) {
		int colour = PAINT_TYPE;

		for (n = 0; i + n < p->n && !p->colours[i + n] && p->text[i + n] >= 'a' &&
			    p->text[i + n] <= 'z';)
			n++;
		for (size_t k = 0; keywords[k]; k++)
			if (strlen(keywords[k]) == n && !memcmp(keywords[k], p->text + i, n))
				colour = PAINT_KEYWORD;
		memset(p->colours + i, colour, n);
	}
}

/* A character that a terminal would obey is in a comment, or nowhere. */
static size_t paint_character(FILE *out, const char *text, size_t left)
{
	char one[5], next[WORDS_NEXT];
	size_t n = left < 4 ? left : 4;

	if (*text == '\n' || *text == '\t') {
		fputc(*text, out);
		return 1;
	}
	memcpy(one, text, n);
	one[n] = 0;
	n = words_next(next, one);
	fputs(next, out);
	return n > 0 ? n : 1;
}

static void paint_print(FILE *out, const struct paint *p)
{
	int colour = PAINT_PLAIN;

	for (size_t i = 0; i < p->n;) {
		/* A line ends without a colour, or a pager would carry it on. */
		int wanted = p->text[i] == '\n' ? PAINT_PLAIN : p->colours[i];

		if (wanted != colour)
			fprintf(out, "\033[%s%sm", wanted ? "0;" : "", paint_codes[wanted]);
		colour = wanted;
		i += paint_character(out, p->text + i, p->n - i);
	}
	if (colour)
		fputs("\033[0m", out);
}

bool paint_description(FILE *out, const char *text, size_t n)
{
	struct paint p = { .text = text, .n = n };
	size_t size = IDL_ARENA(n);
	void *arena = malloc(size);
	struct idl *idl;
	bool done = false;

	p.colours = calloc(n + 1, 1);
	if (arena && p.colours &&
	    idl_parse(text, n, arena, size, &idl, &(struct idl_error){ 0 }) == 0) {
		paint_tree(&p, idl);
		paint_language(&p);
		paint_print(out, &p);
		done = true;
	}
	free(p.colours);
	free(arena);
	return done;
}
