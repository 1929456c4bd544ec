/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_MACRO_H
#define REVIEW_MACRO_H

/*
 * The macros that files define, and the text with their uses replaced.
 *
 * Every #define of every file that is read is kept once, under its name. Which of them a use means
 * is asked when it is met: the last one of its own file before it, else one of a file that its file
 * includes. So nothing is copied from header to header, and a definition that stands in a branch
 * which some #if takes only elsewhere (_WIN32) is none.
 *
 * Not every use is replaced. What the knowledge has under that name is known better than its
 * definition; a constant keeps its name, which a reader wants to see and the index resolves; the
 * head of a loop over elements is understood as such.
 */

#include "read/source.h"

struct macro_token {
	const char *s;
	uint32_t n;
	uint32_t at;     /* where the source has it; MACRO_NOWHERE: a token of a definition */
	uint8_t kind;
	bool space;      /* blanks stand before it */
	bool done;       /* not to be replaced any more */
	int16_t param;   /* of a definition's token: the parameter's number, or -1 */
};

#define MACRO_NOWHERE UINT32_MAX

enum macro_token_kind { MACRO_WORD, MACRO_NUMBER, MACRO_TEXT, MACRO_MARK, MACRO_END };

struct macro {
	const char *name;
	const struct source *source;
	uint32_t at;            /* of the name */
	uint32_t until;         /* of the #undef in the same file */
	uint32_t from, to;      /* the text behind the name */
	bool maybe;             /* stands under a condition that nobody can tell */
	bool has_params;
	bool variadic;
	bool parsed;
	bool wanted;            /* its uses are replaced */
	bool busy;              /* being replaced right now */
	const char **params;
	int n_params;
	struct macro_token *body;
	uint32_t n_body;
	struct macro *next;     /* of the same name, by path and place */
};

/* Notes what the source defines and includes; once for each source. */
void macro_note(struct source *source);
/* For several runs in one process. */
void macro_forget(void);
/* The definition that a word at offset `at` of the source means, or NULL. */
struct macro *macro_find(const struct source *source, const char *word, size_t n, uint32_t at);
/* Takes the definition apart; false: it is none that can be used. */
bool macro_parse(struct macro *macro);

/* lex.c: the token at *i, *i moves past it; blanks and comments before it are skipped. */
struct macro_token macro_lex(const char *s, uint32_t size, uint32_t *i);
/* Past a string, a character or a comment that begins at i; else i. */
size_t lex_skip_literal(const char *s, size_t size, size_t i);

/* condition.c: what an #if of the source tells: 1, 0, or -1 for what nobody can know here. */
int condition_value(const char *s, size_t n, const struct source *source);
/* … and #ifdef NAME. */
int condition_defined(const char *name, size_t n, const struct source *source);

/*
 * expand.c: the text with its macros replaced, in the run's arena, and how its offsets belong to
 * those of the source. NULL: there was nothing to replace.
 */
struct expanded {
	char *text;
	uint32_t size;
	struct expanded_part {
		uint32_t from;    /* offset in the new text */
		uint32_t at, end; /* in the source: of the character, or of the use as a whole */
		bool as_is;       /* the source's own characters */
	} *parts;
	size_t n_parts, cap_parts;
	size_t last;              /* where the last search ended */
};

struct expanded *expand_source(const struct source *source);
/* The offset in the source of a character of the new text, and of the end of what ends there. */
uint32_t expanded_at(struct expanded *expanded, uint32_t offset);
uint32_t expanded_end(struct expanded *expanded, uint32_t offset);

#endif
