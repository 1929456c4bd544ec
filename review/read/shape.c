/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text as the parser shall see it.
 *
 * Macros that stand where the grammar has no place for a call (Q_OBJECT, slots, signals,
 * _cleanup_close_, TAILQ_FOREACH) make tree-sitter drop the declaration or the loop around them.
 * They are overwritten with blanks, or with what they stand for, never changing an offset; what they
 * meant is kept as a list of offsets.
 */

#include "knowledge/kb.h"
#include "read/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHAPE_BRACES = 200 };

struct shape {
	struct tree *tree;
	char *s;
	size_t size;
	bool cxx;
	/* Where in the text this is: what stood before, and whether around it is a function's body. */
	char before; /* the last character that is no blank and no comment */
	int depth;
	bool body[SHAPE_BRACES]; /* the brace of that depth came behind a parenthesis */
};

static bool shape_is_word(char c)
{
	return c == '_' || isalnum((unsigned char)c);
}

static size_t shape_skip_blanks(const char *s, size_t size, size_t i)
{
	while (i < size && isspace((unsigned char)s[i]))
		i++;
	return i;
}

/* The offset after the parenthesis that closes the one at i, or 0. */
static size_t shape_close(const char *s, size_t size, size_t i)
{
	size_t limit = i + 2000 < size ? i + 2000 : size;
	int depth = 0;

	while (i < limit) {
		size_t next = lex_skip_literal(s, limit, i);

		if (next != i) {
			i = next;
			continue;
		}
		depth += s[i] == '(';
		depth -= s[i] == ')';
		i++;
		if (!depth)
			return i;
	}
	return 0;
}

static void shape_blank(char *s, size_t from, size_t to)
{
	for (; from < to; from++)
		if (s[from] != '\n')
			s[from] = ' ';
}

static void shape_put(char *s, size_t from, size_t to, const char *word)
{
	shape_blank(s, from, to);
	for (; *word; word++)
		s[from++] = *word;
}

static void shape_mark(uint32_t **marks, size_t *n, size_t *cap, size_t at)
{
	*marks = grow(*marks, *n, cap, sizeof(**marks));
	(*marks)[(*n)++] = (uint32_t)at;
}

static bool shape_word_is(const char *s, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(s, word, n);
}

/* g_autoptr(T) x: as "T* x". */
static void shape_autoptr(struct shape *shape, size_t from, size_t to, bool pointer)
{
	size_t open = shape_skip_blanks(shape->s, shape->size, to);
	size_t close = open < shape->size && shape->s[open] == '('
			       ? shape_close(shape->s, shape->size, open)
			       : 0;

	if (!close)
		return;
	shape_blank(shape->s, from, open + 1);
	shape->s[close - 1] = pointer ? '*' : ' ';
	shape_mark(&shape->tree->autos, &shape->tree->n_autos, &shape->tree->cap_autos, from);
}

static bool shape_names_each(const char *s, size_t n)
{
	char word[64];

	if (n < 6 || n >= sizeof(word))
		return false;
	for (size_t i = 0; i < n; i++)
		word[i] = (char)tolower((unsigned char)s[i]);
	word[n] = '\0';
	return strstr(word, "foreach") || strstr(word, "for_each");
}

/* foreach (const T &x, list), which declares: where its comma stands, or 0. */
static size_t shape_each_comma(const char *s, size_t open, size_t close)
{
	size_t words = 0, comma = 0;
	int depth = 0;

	for (size_t i = open + 1; i + 1 < close; i++) {
		if (strchr("([{<", s[i]))
			depth++;
		else if (strchr(")]}", s[i]) || (s[i] == '>' && s[i - 1] != '-'))
			depth--;
		else if (comma ? s[i] == ',' && !depth : strchr(".=-+", s[i]) != NULL)
			return 0;
		else if (s[i] == ',' && !depth)
			comma = i;
		else if (!comma && !depth && shape_is_word(s[i]) && !shape_is_word(s[i - 1]))
			words++;
	}
	return words > 1 ? comma : 0;
}

/* NAME(…) {  or NAME(…) statement: a loop, if the name says so. */
static void shape_each(struct shape *shape, size_t from, size_t to)
{
	size_t open = shape_skip_blanks(shape->s, shape->size, to);
	size_t close, after, comma;

	if (open >= shape->size || shape->s[open] != '(' || to - from < 5)
		return;
	close = shape_close(shape->s, shape->size, open);
	if (!close)
		return;
	after = shape_skip_blanks(shape->s, shape->size, close);
	if (after >= shape->size || !(shape->s[after] == '{' || shape_is_word(shape->s[after])))
		return;
	comma = shape->cxx ? shape_each_comma(shape->s, open, close) : 0;
	if (comma) {
		shape_put(shape->s, from, to, "for");
		shape->s[comma] = ':';
		return;
	}
	shape_put(shape->s, from, to, "while");
	shape_mark(&shape->tree->each, &shape->tree->n_each, &shape->tree->cap_each, from);
}

static bool shape_word_cxx(struct shape *shape, size_t from, size_t to)
{
	const char *s = shape->s + from;
	size_t n = to - from;
	size_t after = shape_skip_blanks(shape->s, shape->size, to);
	char next = '\0';

	if (after < shape->size)
		next = shape->s[after];
	if ((shape_word_is(s, n, "signals") || shape_word_is(s, n, "Q_SIGNALS")) && next == ':')
		shape_put(shape->s, from, to, "public");
	else if (((shape_word_is(s, n, "slots") || shape_word_is(s, n, "Q_SLOTS")) &&
		  next == ':') ||
		 ((shape_word_is(s, n, "emit") || shape_word_is(s, n, "Q_EMIT")) &&
		  shape_is_word(next)))
		shape_blank(shape->s, from, to);
	else if (shape_word_is(s, n, "enum") && next == ':')
		shape_blank(shape->s, after, after + strcspn(shape->s + after, "{;"));
	else if ((shape_word_is(s, n, "forever") || shape_word_is(s, n, "Q_FOREVER")) &&
		 next == '{')
		shape_put(shape->s, from, to, "for(;;)");
	else
		return false;
	return true;
}

static bool shape_is_keyword(const char *s, size_t n)
{
	static const char *const words[] = { "if",
					     "else",
					     "for",
					     "while",
					     "do",
					     "switch",
					     "case",
					     "default",
					     "return",
					     "goto",
					     "break",
					     "continue",
					     "sizeof",
					     "typedef",
					     "struct",
					     "union",
					     "enum",
					     "class",
					     "namespace",
					     "template",
					     "typename",
					     "using",
					     "try",
					     "catch",
					     "throw",
					     "new",
					     "delete",
					     "operator",
					     "public",
					     "private",
					     "protected",
					     "friend",
					     "virtual",
					     "explicit",
					     "static",
					     "extern",
					     "register",
					     "auto",
					     "const",
					     "volatile",
					     "inline",
					     "mutable",
					     "constexpr",
					     "unsigned",
					     "signed",
					     "long",
					     "short",
					     "int",
					     "char",
					     "float",
					     "double",
					     "void",
					     "bool",
					     "asm",
					     "__asm__",
					     "__extension__",
					     "restrict",
					     "final",
					     "override",
					     "noexcept",
					     "co_await",
					     "co_return",
					     "co_yield",
					     "this",
					     "thread_local",
					     "_Thread_local",
					     "__thread",
					     "_Noreturn",
					     "static_assert",
					     "_Static_assert",
					     "__attribute__",
					     "__attribute",
					     "__declspec",
					     "__inline",
					     "__inline__",
					     "consteval",
					     "constinit",
					     "concept",
					     "requires",
					     "alignas",
					     "_Alignas",
					     "_Atomic",
					     "defined",
					     "and",
					     "or",
					     "not",
					     "__volatile__",
					     "__const",
					     "__restrict",
					     "__typeof__",
					     "typeof",
					     "decltype" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (shape_word_is(s, n, words[i]))
			return true;
	return false;
}

static bool shape_is_type_word(const char *s, size_t n)
{
	static const char *const words[] = { "int",   "char",   "unsigned", "signed", "long",
					     "short", "float",  "double",   "bool",   "struct",
					     "FILE",  "size_t", "ssize_t",  "DIR",    "const" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (shape_word_is(s, n, words[i]))
			return true;
	return false;
}

static bool shape_cleans(const char *s, size_t n)
{
	static const char *const words[] = { "auto", "clean", "scope", "guard", "defer",
					     "raii", "unref", "free",  "close", "release" };
	char lower[64];

	n = n < sizeof(lower) ? n : sizeof(lower) - 1;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)tolower((unsigned char)s[i]);
	lower[n] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(lower, words[i]))
			return true;
	return false;
}

static size_t shape_word_end(const struct shape *shape, size_t i)
{
	while (i < shape->size && shape_is_word(shape->s[i]))
		i++;
	return i;
}

/* FOO int fd = …, FOO(x) FILE *f = …: a word that belongs to the declaration behind it. */
static bool shape_is_before_type(const struct shape *shape, size_t at)
{
	size_t end = shape_word_end(shape, at), next;

	if (end == at || isdigit((unsigned char)shape->s[at]))
		return false;
	if (shape_is_type_word(shape->s + at, end - at))
		return true;
	if (shape->cxx || shape_is_keyword(shape->s + at, end - at))
		return false;
	/* T *f =, T f; */
	next = shape_skip_blanks(shape->s, shape->size, end);
	while (next < shape->size && shape->s[next] == '*')
		next = shape_skip_blanks(shape->s, shape->size, next + 1);
	end = shape_word_end(shape, next);
	if (end == next || next == shape_skip_blanks(shape->s, shape->size, at))
		return false;
	next = shape_skip_blanks(shape->s, shape->size, end);
	return next < shape->size && (shape->s[next] == '=' || shape->s[next] == ';') &&
	       shape->s[next + 1] != '=';
}

/*
 * A word in front of a statement that nobody defines. Beside a declaration it is an attribute; with
 * a block behind it nobody knows when that runs, or how often.
 */
static void shape_unknown(struct shape *shape, size_t from, size_t to)
{
	const char *s = shape->s + from;
	size_t n = to - from, after, close = to;
	bool body = shape->depth > 0 && shape->depth < SHAPE_BRACES && shape->body[shape->depth];

	if (!body || !strchr(";{}", shape->before) || shape_is_keyword(s, n))
		return;
	after = shape_skip_blanks(shape->s, shape->size, to);
	if (after < shape->size && shape->s[after] == '(') {
		close = shape_close(shape->s, shape->size, after);
		if (!close)
			return;
		after = shape_skip_blanks(shape->s, shape->size, close);
	}
	if (after < shape->size && shape->s[after] == '{' && close - from >= 5) {
		shape_put(shape->s, from, close, "if(1)");
		shape_mark(&shape->tree->blocks, &shape->tree->n_blocks, &shape->tree->cap_blocks,
			   from);
	} else if (shape_is_before_type(shape, after)) {
		if (shape_cleans(s, n)) {
			shape_mark(&shape->tree->autos, &shape->tree->n_autos,
				   &shape->tree->cap_autos, from);
			shape->tree->n_cleanups++;
		}
		shape_blank(shape->s, from, close);
	}
}

static void shape_word(struct shape *shape, size_t from, size_t to)
{
	const char *s = shape->s + from;
	size_t n = to - from, open, close;
	bool is_auto;

	if (shape_word_is(s, n, "g_autoptr") || shape_word_is(s, n, "g_auto") ||
	    shape_word_is(s, n, "POSTERN_AUTO")) {
		shape_autoptr(shape, from, to, n > 6);
	} else if (kb_is_hidden(s, n, &is_auto)) {
		open = shape_skip_blanks(shape->s, shape->size, to);
		close = open < shape->size && shape->s[open] == '('
				? shape_close(shape->s, shape->size, open)
				: 0;
		shape_blank(shape->s, from, close ? close : to);
		if (is_auto)
			shape_mark(&shape->tree->autos, &shape->tree->n_autos,
				   &shape->tree->cap_autos, from);
	} else if (shape_names_each(s, n) || kb_is_loop_macro(s, n)) {
		shape_each(shape, from, to);
	} else if (!shape->cxx || !shape_word_cxx(shape, from, to)) {
		shape_unknown(shape, from, to);
	}
}

/* Directives are left alone: a macro's definition is not its use. */
static size_t shape_skip_directive(const char *s, size_t size, size_t i)
{
	while (i < size && (s[i] != '\n' || s[i - 1] == '\\'))
		i++;
	return i;
}

/*
 * tree-sitter 0.20 recurses on what it compares and breaks on what is nested too deep, so tables of
 * thousands of numbers, endless operator chains and braces in braces are cut before it sees them:
 * nothing in there opens or waits.
 */
enum { SHAPE_MAX_DEPTH = 150, SHAPE_MAX_TOKENS = 4000 };

struct shape_limit {
	char open[SHAPE_MAX_DEPTH];
	int depth, too_deep;
	unsigned tokens;
	bool cut; /* for its depth, once at least */
};

/* Whether the character is to be blanked. */
static bool shape_limit_char(struct shape_limit *limit, char c)
{
	if (c == '(' || c == '[' || c == '{') {
		if (limit->depth == SHAPE_MAX_DEPTH) {
			limit->too_deep++;
			limit->cut = true;
			return true;
		}
		limit->open[limit->depth++] = c;
	} else if (c == ')' || c == ']' || c == '}') {
		if (limit->too_deep) {
			limit->too_deep--;
			return true;
		}
		if (limit->depth)
			limit->depth--;
	}
	if (limit->too_deep)
		return true;
	if (c == ';' || c == '{' || c == '}') {
		limit->tokens = 0;
		return false;
	}
	return limit->tokens > SHAPE_MAX_TOKENS && c != ')' && c != ']' && c != '(' && c != '[';
}

static void shape_limits(struct shape *shape)
{
	struct shape_limit limit = { .depth = 0 };

	for (size_t i = 0; i < shape->size;) {
		size_t next = lex_skip_literal(shape->s, shape->size, i);
		bool comment = next != i && shape->s[i] == '/';

		if (next == i && shape_is_word(shape->s[i]))
			while (next < shape->size && shape_is_word(shape->s[next]))
				next++;
		if (next == i)
			next++;
		if (!comment && !isspace((unsigned char)shape->s[i])) {
			limit.tokens++;
			if (shape_limit_char(&limit, shape->s[i]))
				shape_blank(shape->s, i, next);
		}
		i = next;
	}
	shape->tree->source->too_deep = limit.cut;
}

/* #define auto_close __attribute__((cleanup(close_it))) */
void shape_learn(const struct source *source)
{
	for (const char *s = source->text; (s = strstr(s, "#define")); s += 7) {
		const char *name = s + 7 + strspn(s + 7, " \t"), *line = s;
		size_t n = 0, length = strcspn(s, "\n");

		while (length && line[length - 1] == '\\' && line[length])
			length += 1 + strcspn(line + length + 1, "\n");
		while (shape_is_word(name[n]))
			n++;
		if (n && memmem(line, length, "cleanup", 7) &&
		    memmem(line, length, "attribute", 9) && !memmem(line, length, ";", 1))
			kb_add(source->path,
			       arena_printf(&run_arena, "attr %.*s auto", (int)n, name));
	}
}

static void shape_track(struct shape *shape, char c)
{
	if (isspace((unsigned char)c))
		return;
	if (c == '{' && ++shape->depth < SHAPE_BRACES)
		shape->body[shape->depth] =
			shape->before == ')' || (shape->depth > 1 && shape->body[shape->depth - 1]);
	if (c == '}' && shape->depth)
		shape->depth--;
	shape->before = c;
}

void shape_text(struct tree *tree)
{
	const char *text = tree->expanded ? tree->expanded->text : tree->source->text;
	uint32_t size = tree->expanded ? tree->expanded->size : tree->source->size;
	struct shape shape = { .tree = tree,
			       .s = arena_copy(&run_arena, text, size),
			       .size = size,
			       .cxx = tree->source->language == SOURCE_CXX,
			       .before = ';' };
	bool line_start = true;

	tree->text = shape.s;
	tree->size = size;
	off_blank(shape.s, size);
	for (size_t i = 0; i < shape.size;) {
		size_t next = lex_skip_literal(shape.s, shape.size, i);

		if (next != i) {
			if (shape.s[i] != '/')
				shape.before = shape.s[i];
			i = next;
		} else if (line_start && shape.s[i] == '#') {
			i = shape_skip_directive(shape.s, shape.size, i);
		} else if (shape_is_word(shape.s[i])) {
			for (next = i; next < shape.size && shape_is_word(shape.s[next]);)
				next++;
			if (!isdigit((unsigned char)shape.s[i]))
				shape_word(&shape, i, next);
			if (!isspace((unsigned char)shape.s[i]))
				shape.before = shape.s[next - 1] == ' ' ? ';' : 'a';
			i = next;
			line_start = false;
		} else {
			line_start = shape.s[i] == '\n' || (line_start && isblank(shape.s[i]));
			shape_track(&shape, shape.s[i]);
			i++;
		}
	}
	shape_limits(&shape);
}

enum { SHAPE_MAX_IF = 64 };

/* What a directive is: 'i' opens, 'e' is another branch, 'f' ends, 0 anything else. */
static char shape_directive(const char *line, const struct source *source, bool *zero)
{
	size_t n = strcspn(line, "\n");
	const char *end = line + n;

	*zero = false;
	line += strspn(line, " \t");
	if (*line++ != '#')
		return 0;
	line += strspn(line, " \t");
	if (starts_with(line, "if")) {
		bool not = starts_with(line, "ifndef");

		n = (size_t)strcspn(line, " \t(!\n");
		line += n;
		if (n == 2) {
			*zero = !condition_value(line, (size_t)(end - line), source);
			return 'i';
		}
		line += strspn(line, " \t");
		n = strcspn(line, " \t/\n");
		*zero = condition_defined(line, n, source) == not ;
		return 'i';
	}
	if (starts_with(line, "el"))
		return 'e';
	return starts_with(line, "endif") ? 'f' : 0;
}

void shape_first_branches(char *text, size_t size, const struct source *source)
{
	/* 0: in the branch that is kept; 1: past it; 2: before it (#if 0). */
	uint8_t state[SHAPE_MAX_IF] = { 0 };
	size_t depth = 0, hidden = 0;

	for (size_t i = 0; i < size;) {
		size_t end = i + strcspn(text + i, "\n");
		bool zero;
		char directive = shape_directive(text + i, source, &zero);

		if (directive == 'i' && depth < SHAPE_MAX_IF - 1) {
			state[++depth] = zero ? 2 : 0;
			hidden += zero;
		} else if (directive == 'e' && depth) {
			hidden -= state[depth] != 0;
			state[depth] = state[depth] == 2 ? 0 : 1;
			hidden += state[depth] != 0;
		} else if (directive == 'f' && depth) {
			hidden -= state[depth--] != 0;
		}
		if (directive || hidden)
			shape_blank(text, i, end);
		i = end + 1;
	}
}

static bool shape_has(const uint32_t *marks, size_t n, uint32_t from, uint32_t to)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (marks[middle] < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && marks[low] < to;
}

bool shape_is_auto(const struct tree *tree, uint32_t offset)
{
	uint32_t from = offset;

	while (from && isspace((unsigned char)tree->text[from - 1]))
		from--;
	return shape_has(tree->autos, tree->n_autos, from, offset + 1);
}

bool shape_is_unknown(const struct tree *tree, uint32_t offset)
{
	return shape_has(tree->blocks, tree->n_blocks, offset, offset + 1);
}

bool shape_is_each(const struct tree *tree, uint32_t offset)
{
	return shape_has(tree->each, tree->n_each, offset, offset + 1);
}
