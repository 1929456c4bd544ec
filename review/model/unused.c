/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that nothing calls: what they do wrong, no run of the program does; see reach.h. */

#include "model/reach.h"
#include "model/unmade.h"
#include "read/source.h"

#include <string.h>

enum { UNUSED_NO = 1, UNUSED_YES, UNUSED_COMMENT = 4096 };

bool unused_is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

bool unused_is_comment(const char *text, const char *at)
{
	const char *first = at - text > UNUSED_COMMENT ? at - UNUSED_COMMENT : text;
	bool line = true;

	for (const char *s = at; s > first; s--) {
		line &= *s != '\n';
		if ((line && s[-1] == '/' && *s == '/') || (s[-1] == '/' && *s == '*'))
			return true;
		if (s[-1] == '*' && *s == '/')
			return false;
	}
	return false;
}

/* int name(…) and struct x *name(…) declare it; return name(…) and x = name(…) do not. */
static bool unused_is_declared(const char *text, const char *at, size_t n)
{
	static const char *const words[] = { "return", "else", "do", "case", "throw", "await" };
	const char *end = at, *word, *behind = at + n;

	while (end > text && strchr(" \t\r\n", end[-1]))
		end--;
	while (*behind && strchr(" \t\r\n", *behind))
		behind++;
	if (*behind != '(' || end == text)
		return false;
	if (strchr("*&>", end[-1]))
		return end - text < 2 || end[-2] != '-' || end[-1] != '>';
	for (word = end; word > text && unused_is_word(word[-1]);)
		word--;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i]) == (size_t)(end - word) &&
		    !memcmp(words[i], word, (size_t)(end - word)))
			return false;
	return word < end && end < at;
}

static struct function *unused_around(const struct source *source, uint32_t row)
{
	for (size_t i = 0; i < program.n_functions; i++) {
		struct function *fn = program.functions[i];

		if (fn->source == source && !fn->outer && fn->at.row <= row && row <= fn->end.row)
			return fn;
	}
	return NULL;
}

static bool unused_find(struct function *fn);

/* A test that calls it makes it no part of the program. */
static bool unused_is_used(struct function *fn)
{
	return !fn->source->aside && !unused_find(fn);
}

static bool unused_counts(const struct function *fn, const struct source *source, const char *at)
{
	const struct function *around;
	uint32_t row = 0;

	for (const char *s = source->text; (s = memchr(s, '\n', (size_t)(at - s))); s++)
		row++;
	if (source == fn->source && fn->at.row <= row && row <= fn->end.row)
		return false;
	around = unused_around(source, row);
	/* Two of one name, for two systems; and who calls it may be called by nobody itself. */
	return !around || (around->name != fn->name && !unused_find((struct function *)around));
}

static bool unused_is_named(const struct function *fn, const struct source *source)
{
	const char *s = source->text, *end = s + source->size;
	size_t n = strlen(fn->name);

	for (; (s = memmem(s, (size_t)(end - s), fn->name, n)); s += n)
		if ((s == source->text || !unused_is_word(s[-1])) &&
		    (s + n == end || !unused_is_word(s[n])) &&
		    !unused_is_declared(source->text, s, n) &&
		    !unused_is_comment(source->text, s) && unused_counts(fn, source, s))
			return true;
	return false;
}

/* GSOCKET_API, Q_DECL_EXPORT, JNIEXPORT before it. */
static bool unused_is_exported(const struct function *fn)
{
	const struct source *source = fn->source;
	uint32_t row = fn->at.row ? fn->at.row - 1 : 0;
	const char *from = source->text + source->lines[row];
	size_t n = source->lines[fn->at.row] + fn->at.col - source->lines[row];

	return memmem(from, n, "EXPORT", 6) || memmem(from, n, "API", 3) ||
	       memmem(from, n, "PUBLIC", 6) || memmem(from, n, "__attribute__", 13);
}

/* Some other file has the name: where none has, no header declares it. */
static bool unused_is_elsewhere(const struct function *fn)
{
	size_t n = strlen(fn->name);

	for (size_t i = 0; i < program.n_sources; i++) {
		const struct source *source = program.sources[i];
		const char *s = source->text, *end = s + source->size;

		for (; source != fn->source && (s = memmem(s, (size_t)(end - s), fn->name, n));
		     s += n)
			if ((s == source->text || !unused_is_word(s[-1])) &&
			    (s + n == end || !unused_is_word(s[n])))
				return true;
	}
	return false;
}

bool unused_is_in_library(const char *path)
{
	for (; strchr(path, '/'); path = strchr(path, '/') + 1)
		if (!strncasecmp(path, "lib", 3) || starts_with(path, "include/") ||
		    starts_with(path, "plugins/"))
			return true;
	return false;
}

/* A folder of a library, whose functions are for others too. */
static bool unused_is_for_others(const struct function *fn)
{
	const char *s = fn->source->name ? fn->source->name : fn->source->path;

	if (fn->flags & FUNCTION_STATIC)
		return false;
	if (unused_is_exported(fn))
		return true;
	if (program.reached && !fn->class_name && !unused_is_elsewhere(fn))
		return false;
	if (unused_is_in_library(s))
		return true;
	for (size_t i = 0; i < program.n_functions; i++)
		if (program.functions[i]->source->folder == fn->source->folder &&
		    function_reach(program.functions[i]))
			return false;
	return true;
}

/* Whoever calls the methods of a class may know only its base; and what lives on the names of functions may be anything. */
static bool unused_may_be(const struct function *fn)
{
	const struct type_info *type = fn->class_name ? index_type(fn->class_name) : NULL;

	if ((fn->flags &
	     (FUNCTION_MAIN | FUNCTION_CONSTRUCTOR | FUNCTION_DESTRUCTOR | FUNCTION_LAMBDA)) ||
	    fn->source->context || strlen(fn->name) < 2 || !unused_is_word(fn->name[0]) ||
	    !strncmp(fn->name, "operator", 8) || (fn->class_name && !type) ||
	    (type && type->n_bases))
		return false;
	return (program.reached || (fn->flags & FUNCTION_STATIC)) && !unused_is_for_others(fn);
}

static bool unused_find(struct function *fn)
{
	if (fn->unused)
		return fn->unused == UNUSED_YES;
	fn->unused = UNUSED_NO;
	function_reach(fn); /* fills program.reached */
	if (class_is_unmade(fn)) {
		fn->unused = UNUSED_YES;
		return true;
	}
	if (!unused_may_be(fn) || function_has_caller(fn, unused_is_used))
		return false;
	for (size_t i = 0; i < program.n_sources; i++)
		if (!program.sources[i]->aside && unused_is_named(fn, program.sources[i]))
			return false;
	fn->unused = UNUSED_YES;
	return true;
}

bool function_is_unused(const struct function *fn)
{
	while (fn->outer)
		fn = fn->outer;
	return unused_find((struct function *)fn);
}
