/* SPDX-License-Identifier: Apache-2.0 */
/* Directives of all files: definitions in one table, includes with their file; see macro.h. */

#include "read/macro.h"
#include "knowledge/kb.h"
#include "read/include.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MACRO_MAX_IF = 64, MACRO_MAX_PARAMS = 60, MACRO_MAX_BODY = 2000, MACRO_MAX_TEXT = 65536 };

static struct {
	struct macro **slots; /* chains of one name each */
	size_t n, cap;
} macros;

void macro_forget(void)
{
	macros.slots = NULL;
	macros.n = macros.cap = 0;
}

static size_t macro_hash(const char *s, size_t n)
{
	size_t h = 1469598103934665603u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return h ^ (h >> 29);
}

static struct macro **macro_slot(const char *s, size_t n)
{
	size_t h = macro_hash(s, n) & (macros.cap - 1);

	while (macros.slots[h] &&
	       (strncmp(macros.slots[h]->name, s, n) != 0 || macros.slots[h]->name[n]))
		h = (h + 1) & (macros.cap - 1);
	return &macros.slots[h];
}

static void macro_grow(void)
{
	struct macro **old = macros.slots;
	size_t n = macros.cap;

	macros.cap = n ? n * 2 : 4096;
	macros.slots = arena_alloc(&run_arena, macros.cap * sizeof(*old));
	for (size_t i = 0; i < n; i++)
		if (old[i])
			*macro_slot(old[i]->name, strlen(old[i]->name)) = old[i];
}

/* By path and place, so that the order in which files are read does not matter. */
static bool macro_is_before(const struct macro *a, const struct macro *b)
{
	int order = strcmp(a->source->path, b->source->path);

	return order ? order < 0 : a->at < b->at;
}

static void macro_add(struct macro *macro)
{
	struct macro **slot;

	if (macros.n * 2 >= macros.cap)
		macro_grow();
	slot = macro_slot(macro->name, strlen(macro->name));
	macros.n += !*slot;
	while (*slot && macro_is_before(*slot, macro))
		slot = &(*slot)->next;
	macro->next = *slot;
	*slot = macro;
}

/* --- noting --- */

struct macro_if {
	bool taken; /* no other branch of this #if can be */
	bool dead;  /* this branch is none on this machine, or something around it */
	bool maybe;
};

struct macro_reader {
	struct source *source;
	const char *s;
	uint32_t size;
	struct macro_if ifs[MACRO_MAX_IF];
	int depth, too_deep;
	uint32_t directives;
	uint32_t dead_from; /* the row from which on all is for another system, if `dead` */
	bool dead;
	uint32_t guard_at; /* number of the directive that is an include guard's #ifndef, or 0 */
	struct macro_token guard;
};

static bool token_is(const struct macro_token *token, const char *word)
{
	return token->n == strlen(word) && !memcmp(token->s, word, token->n);
}

static void reader_enter(struct macro_reader *r, int value)
{
	const struct macro_if *outer = &r->ifs[r->depth];
	struct macro_if *inner;

	if (r->depth == MACRO_MAX_IF - 1) {
		r->too_deep++;
		return;
	}
	inner = &r->ifs[++r->depth];
	*inner = (struct macro_if){ .taken = value == 1,
				    .dead = outer->dead || value == 0,
				    .maybe = outer->maybe || value < 0 };
}

static void reader_else(struct macro_reader *r, int value)
{
	struct macro_if *inner = &r->ifs[r->depth];
	const struct macro_if *outer = r->depth ? &r->ifs[r->depth - 1] : NULL;

	if (!outer || r->too_deep)
		return;
	inner->dead = outer->dead || inner->taken || value == 0;
	inner->maybe |= value < 0;
	inner->taken |= value == 1;
}

static void reader_endif(struct macro_reader *r)
{
	if (r->too_deep)
		r->too_deep--;
	else if (r->depth)
		r->depth--;
}

static void reader_define(struct macro_reader *r, const struct macro_token *name, uint32_t end)
{
	struct macro *macro;
	uint32_t from = name->at + name->n;

	if (name->kind != MACRO_WORD || r->ifs[r->depth].dead || end - from > MACRO_MAX_TEXT)
		return;
	/* #ifndef X, #define X: the file's own guard is no condition. */
	if (r->directives == 2 && r->guard_at == 1 && name->n == r->guard.n &&
	    !memcmp(name->s, r->guard.s, name->n))
		r->ifs[r->depth].maybe = false;
	macro = arena_alloc(&run_arena, sizeof(*macro));
	macro->name = intern(name->s, name->n);
	macro->source = r->source;
	macro->at = name->at;
	macro->until = UINT32_MAX;
	macro->from = from;
	macro->to = end;
	macro->maybe = r->ifs[r->depth].maybe;
	macro->has_params = from < end && r->s[from] == '(';
	macro_add(macro);
}

static void reader_undef(const struct macro_reader *r, const struct macro_token *name)
{
	if (name->kind != MACRO_WORD || r->ifs[r->depth].dead || !macros.cap)
		return;
	for (struct macro *m = *macro_slot(name->s, name->n); m; m = m->next)
		if (m->source == r->source && m->at < name->at && m->until > name->at &&
		    !r->ifs[r->depth].maybe)
			m->until = name->at;
}

static bool reader_is_elsewhere(const char *s, size_t n)
{
	static const char *const names[] = { "windows.h",   "Windows.h",
					     "winsock2.h",  "WinSock2.h",
					     "winsock.h",   "ws2tcpip.h",
					     "windowsx.h",  "tchar.h",
					     "mach/mach.h", "CoreFoundation/CoreFoundation.h" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == n && !memcmp(names[i], s, n))
			return true;
	return false;
}

static void reader_include(const struct macro_reader *r, uint32_t i, uint32_t end)
{
	uint32_t from;
	char close;

	while (i < end && isblank((unsigned char)r->s[i]))
		i++;
	if (r->ifs[r->depth].dead || i >= end || (r->s[i] != '"' && r->s[i] != '<'))
		return;
	close = r->s[i] == '<' ? '>' : '"';
	from = ++i;
	while (i < end && r->s[i] != close)
		i++;
	if (i < end && i > from && i - from < 512)
		include_note(r->source, intern(r->s + from, i - from), close == '>');
	r->source->elsewhere |= reader_is_elsewhere(r->s + from, i - from);
}

static void reader_directive(struct macro_reader *r, uint32_t i, uint32_t end)
{
	struct macro_token word = macro_lex(r->s, end, &i), name;
	uint32_t rest = i;

	r->directives++;
	name = macro_lex(r->s, end, &rest);
	if (token_is(&word, "if")) {
		reader_enter(r, condition_value(r->s + i, end - i, r->source));
	} else if (token_is(&word, "ifdef")) {
		reader_enter(r, condition_defined(name.s, name.n, r->source));
	} else if (token_is(&word, "ifndef")) {
		int value = condition_defined(name.s, name.n, r->source);

		if (r->directives == 1) {
			r->guard_at = 1;
			r->guard = name;
		}
		reader_enter(r, value < 0 ? value : !value);
	} else if (token_is(&word, "else")) {
		reader_else(r, 1);
	} else if (token_is(&word, "elif")) {
		reader_else(r, condition_value(r->s + i, end - i, r->source));
	} else if (token_is(&word, "elifdef")) {
		reader_else(r, condition_defined(name.s, name.n, r->source));
	} else if (token_is(&word, "endif")) {
		reader_endif(r);
	} else if (token_is(&word, "define")) {
		reader_define(r, &name, end);
	} else if (token_is(&word, "undef")) {
		reader_undef(r, &name);
	} else if (token_is(&word, "include")) {
		reader_include(r, i, end);
	}
}

/* Keeps the rows that the last directive began or ended to be for another system. */
static void reader_note_dead(struct macro_reader *r, uint32_t at)
{
	struct source *source = r->source;
	bool dead = r->ifs[r->depth].dead;

	if (dead == r->dead)
		return;
	r->dead = dead;
	if (dead) {
		r->dead_from = source_pos(source, at).row;
		return;
	}
	source->dead = grow(source->dead, source->n_dead, &source->cap_dead, sizeof(*source->dead));
	source->dead[source->n_dead++] =
		(struct row_range){ r->dead_from, source_pos(source, at).row };
}

/* The end of the line, or of the last of those that go on behind a backslash. */
static uint32_t macro_line_end(const char *s, uint32_t size, uint32_t i)
{
	while (i < size && s[i] != '\n') {
		if (s[i] == '\\' && i + 1 < size && s[i + 1] == '\n')
			i++;
		else if (s[i] == '/' && i + 1 < size && s[i + 1] == '*') {
			i = (uint32_t)lex_skip_literal(s, size, i);
			continue;
		}
		i++;
	}
	return i;
}

void macro_note(struct source *source)
{
	struct macro_reader *r = calloc(1, sizeof(*r));
	bool begins = true;

	if (!r)
		abort();
	r->source = source;
	r->s = source->text;
	r->size = source->size;
	for (uint32_t i = 0; i < r->size;) {
		char c = r->s[i];

		if (begins && c == '#') {
			uint32_t end = macro_line_end(r->s, r->size, i);

			reader_directive(r, i + 1, end);
			reader_note_dead(r, i);
			i = end;
		} else if (c == '"' || c == '\'' || c == '/') {
			uint32_t next = (uint32_t)lex_skip_literal(r->s, r->size, i);

			begins &= c == '/' && next > i;
			i = next > i ? next : i + 1;
		} else {
			begins = c == '\n' || (begins && isblank((unsigned char)c));
			i++;
		}
	}
	free(r);
}

/* --- finding --- */

static bool macro_is_in_reach(const struct macro *macro, const struct source *source, uint32_t at)
{
	if (macro->source == source)
		return macro->at < at && macro->until > at;
	return macro->until == UINT32_MAX && include_sees(source, macro->source);
}

static bool macro_is_empty(const struct macro *macro)
{
	uint32_t i = macro->from;

	return !macro->has_params &&
	       macro_lex(macro->source->text, macro->to, &i).kind == MACRO_END;
}

struct macro *macro_find(const struct source *source, const char *word, size_t n, uint32_t at)
{
	struct macro *found = NULL;

	if (!macros.cap)
		return NULL;
	for (struct macro *m = *macro_slot(word, n); m; m = m->next) {
		if (!macro_is_in_reach(m, source, at))
			continue;
		/* What nobody can tell apart: the first that says something. */
		if (!found || !m->maybe || (found->maybe && macro_is_empty(found)))
			found = m;
	}
	return found;
}

/* --- taking apart --- */

static bool macro_parse_params(struct macro *macro, uint32_t *i)
{
	const char *s = macro->source->text;
	const char *params[MACRO_MAX_PARAMS] = { NULL };
	struct macro_token token = macro_lex(s, macro->to, i);

	for (token = macro_lex(s, macro->to, i); !token_is(&token, ")");
	     token = macro_lex(s, macro->to, i)) {
		if (token.kind == MACRO_END || macro->n_params == MACRO_MAX_PARAMS)
			return false;
		if (token_is(&token, ",")) {
			continue;
		} else if (token_is(&token, "...")) {
			/* args... names what is variable. */
			if (!macro->variadic && macro->n_params && s[token.at - 1] != ',' &&
			    s[token.at - 1] != ' ')
				macro->n_params--;
			else
				params[macro->n_params] = intern_z("__VA_ARGS__");
			macro->variadic = true;
			macro->n_params++;
		} else if (token.kind == MACRO_WORD) {
			params[macro->n_params++] = intern(token.s, token.n);
		} else {
			return false;
		}
	}
	macro->params = arena_alloc(&run_arena, ((size_t)macro->n_params + 1) * sizeof(*params));
	memcpy(macro->params, params, (size_t)macro->n_params * sizeof(*params));
	return true;
}

static int16_t macro_param(const struct macro *macro, const struct macro_token *token)
{
	for (int i = 0; i < macro->n_params; i++)
		if (strlen(macro->params[i]) == token->n &&
		    !memcmp(macro->params[i], token->s, token->n))
			return (int16_t)i;
	return -1;
}

static bool macro_names_each(const char *s)
{
	char word[64];
	size_t n = strlen(s);

	if (n < 6 || n >= sizeof(word))
		return false;
	for (size_t i = 0; i <= n; i++)
		word[i] = (char)tolower((unsigned char)s[i]);
	return strstr(word, "foreach") || strstr(word, "for_each");
}

/* 42, -1, (0x10), "text" "text": it keeps its name. */
static bool macro_is_constant(const struct macro *macro)
{
	bool any = false;

	if (macro->has_params)
		return false;
	for (uint32_t i = 0; i < macro->n_body; i++) {
		const struct macro_token *token = &macro->body[i];

		if (token->kind == MACRO_NUMBER || token->kind == MACRO_TEXT)
			any = true;
		else if (!token_is(token, "(") && !token_is(token, ")") && !token_is(token, "-") &&
			 !token_is(token, "+") && !token_is(token, "|") && !token_is(token, "<<") &&
			 !token_is(token, "*"))
			return false;
	}
	return any;
}

/* The grammar's own words, with a block or a label of their own, are kept from being replaced. */
static bool macro_is_known(const char *name)
{
	static const char *const words[] = {
		"if",     "while",     "for",     "do",     "return",    "switch",      "case",
		"else",   "struct",    "int",     "char",   "void",      "static",      "const",
		"inline", "errno",     "NULL",    "true",   "false",     "bool",        "private",
		"public", "protected", "nullptr", "TRUE",   "FALSE",     "signals",     "slots",
		"emit",   "foreach",   "forever", "g_auto", "g_autoptr", "POSTERN_AUTO"
	};
	bool is_auto;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(name, words[i]))
			return true;
	return kb_function(name) || kb_is_hidden(name, strlen(name), &is_auto) ||
	       kb_is_loop_macro(name, strlen(name)) || macro_names_each(name);
}

static bool macro_parse_body(struct macro *macro, uint32_t i)
{
	const char *s = macro->source->text;
	struct macro_token *body = calloc(MACRO_MAX_BODY, sizeof(*body)), token;

	if (!body)
		abort();
	while ((token = macro_lex(s, macro->to, &i)).kind != MACRO_END) {
		if (macro->n_body == MACRO_MAX_BODY) {
			free(body);
			return false;
		}
		token.at = MACRO_NOWHERE;
		if (token.kind == MACRO_WORD)
			token.param = macro_param(macro, &token);
		body[macro->n_body++] = token;
	}
	if (macro->n_body)
		body[0].space = false;
	macro->body = arena_alloc(&run_arena, (macro->n_body + 1) * sizeof(*body));
	memcpy(macro->body, body, macro->n_body * sizeof(*body));
	free(body);
	return true;
}

bool macro_parse(struct macro *macro)
{
	uint32_t i = macro->from;

	if (macro->parsed)
		return macro->wanted;
	macro->parsed = true;
	if (macro_is_known(macro->name))
		return false;
	if (macro->has_params && !macro_parse_params(macro, &i))
		return false;
	if (!macro_parse_body(macro, i))
		return false;
	macro->wanted = !macro_is_constant(macro);
	return macro->wanted;
}
