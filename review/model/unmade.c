/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of which nobody makes an object, nor one of a class that derives from them. Whoever makes one writes
 * the name of the class: new T, T t, make_shared<T>(), T::instance(). So the sources are looked
 * through for the name; includes, `class T;`, T * and T & make nothing.
 */

#include "model/reach.h"
#include "model/unmade.h"
#include "read/source.h"

#include <string.h>

enum { UNMADE_NO = 1, UNMADE_YES };

/* Forms are made by what Qt Designer writes. */
static bool unmade_is_form(const struct type_info *type)
{
	static const char *const plain[] = { "QObject",    "QThread",      "QRunnable",
					     "QTcpServer", "QLocalServer", "QTcpSocket",
					     "QUdpSocket", "QLocalSocket", "QIODevice" };

	for (int i = 0; i < type->n_bases; i++) {
		bool known = type->bases[i][0] != 'Q';

		for (size_t k = 0; !known && k < sizeof(plain) / sizeof(*plain); k++)
			known = !strcmp(type->bases[i], plain[k]);
		if (!known)
			return true;
	}
	return false;
}

/* From the name of the class to the end of its body; NULL: there is none. */
static const char *unmade_body_end(const char *at, const char **begin)
{
	size_t depth = 0;

	at += strcspn(at, "{;");
	if (*at != '{')
		return NULL;
	for (*begin = at; *at; at++) {
		depth += *at == '{';
		depth -= *at == '}';
		if (!depth)
			return at;
	}
	return NULL;
}

/* class DOOR_EXPORT Door, QML_ELEMENT: somebody who cannot be seen makes one. */
static bool unmade_is_for_others(const struct type_info *type, const char *begin, const char *end)
{
	static const char *const words[] = { "QML_", "Q_PLUGIN", "Q_GADGET", "REGISTER" };
	const struct source *source = type->source;
	const char *line = source->text + source->lines[type->at.row];

	if (memmem(line, (size_t)(begin - line), "EXPORT", 6) ||
	    memmem(line, (size_t)(begin - line), "API", 3) ||
	    unused_is_in_library(source->name ? source->name : source->path))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (memmem(begin, (size_t)(end - begin), words[i], strlen(words[i])))
			return true;
	return false;
}

/* The folder is that of a program: its main() stands in it or above, or comes to a function in it. */
static bool unmade_is_of_program(const struct source *source)
{
	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *fn = program.functions[i];

		if (fn->source->aside)
			continue;
		if (((fn->flags & FUNCTION_MAIN) &&
		     starts_with(source->folder, fn->source->folder)) ||
		    (fn->source->folder == source->folder && function_reach(fn)))
			return true;
	}
	return false;
}

/* Between two quotes of one line: a text that has the name. */
static bool unmade_is_text(const char *line, const char *s)
{
	bool text = false;

	for (; line < s; line++)
		text ^= *line == '"' && (!text || line[-1] != '\\');
	return text;
}

/* T *, T &, class T; #include "T.h" and "T: no room" */
static bool unmade_makes_nothing(const struct source *source, const char *s, size_t n)
{
	const char *line = s, *end = source->text + source->size, *behind = s + n, *before;

	while (line > source->text && line[-1] != '\n')
		line--;
	line += strspn(line, " \t");
	if ((*line == '#' && memmem(line, (size_t)(s - line), "include", 7)) ||
	    unmade_is_text(line, s))
		return true;
	while (behind < end && strchr(" \t\r\n", *behind))
		behind++;
	if (behind < end && (*behind == '*' || *behind == '&'))
		return true;
	for (before = s; before > source->text && strchr(" \t\r\n", before[-1]);)
		before--;
	return behind < end && *behind == ';' && before - source->text >= 6 &&
	       (!memcmp(before - 5, "class", 5) || !memcmp(before - 6, "struct", 6));
}

static bool unmade_is(struct type_info *type, const struct source *source);

/* class Derived : public T {: T is made with it, if it is made. */
static bool unmade_is_base_only(const struct type_info *type, const struct source *source,
				const char *s)
{
	const char *head = s;
	size_t n;
	struct type_info *derived;

	while (head > source->text && !strchr(";{}", head[-1]))
		head--;
	if (!memchr(head, ':', (size_t)(s - head)))
		return false;
	while (head < s && !starts_with(head, "class ") && !starts_with(head, "struct "))
		head++;
	if (head == s)
		return false;
	head += strcspn(head, " ");
	head += strspn(head, " ");
	n = strcspn(head, " \t\r\n:;{");
	derived = n ? index_type(intern(head, n)) : NULL;
	return derived && derived != type && unmade_is(derived, source);
}

/* In a method of the class, or of one of which nobody makes an object, or in a function that nothing calls. */
static bool unmade_is_idle(const struct type_info *type, const struct source *source, const char *s)
{
	uint32_t row = 0;

	for (const char *at = source->text; (at = memchr(at, '\n', (size_t)(s - at))); at++)
		row++;
	for (size_t i = 0; i < program.n_functions; i++) {
		const struct function *fn = program.functions[i];

		if (fn->source == source && !fn->outer && fn->at.row <= row && row <= fn->end.row &&
		    (fn->class_name == type->name || function_is_unused(fn) ||
		     (fn->class_name && index_type(fn->class_name) &&
		      index_type(fn->class_name) != type &&
		      unmade_is(index_type(fn->class_name), source))))
			return true;
	}
	return unmade_is_base_only(type, source, s);
}

static bool unmade_is_named(const struct type_info *type, const char *begin, const char *end)
{
	const char *name = type->name;
	size_t n = strlen(name);

	for (size_t i = 0; i < program.n_sources; i++) {
		const struct source *source = program.sources[i];
		const char *s = source->text, *last = s + source->size;

		for (; !source->aside && (s = memmem(s, (size_t)(last - s), name, n)); s += n) {
			if ((s > source->text && unused_is_word(s[-1])) ||
			    (s + n < last && unused_is_word(s[n])) || (s >= begin && s <= end) ||
			    unmade_makes_nothing(source, s, n) ||
			    unused_is_comment(source->text, s))
				continue;
			if (!unmade_is_idle(type, source, s))
				return true;
		}
	}
	return false;
}

/* struct Door { … } door; makes one. */
static bool unmade_is_declared_alone(const char *behind)
{
	return behind[strspn(behind, " \t\r\n")] == ';';
}

static bool unmade_find(const struct type_info *type, const struct source *source)
{
	const char *at, *body, *end;

	if (type->next || !type->is_class || !program.reached || unmade_is_form(type) ||
	    strchr(type->name, ':') || strchr(type->name, '<'))
		return false;
	at = type->source->text + type->source->lines[type->at.row];
	end = unmade_body_end(at, &body);
	return end && unmade_is_declared_alone(end + 1) && !unmade_is_for_others(type, body, end) &&
	       !unused_is_in_library(source->name ? source->name : source->path) &&
	       unmade_is_of_program(source) && !unmade_is_named(type, at, end);
}

static bool unmade_is(struct type_info *type, const struct source *source)
{
	if (!type->unmade) {
		type->unmade = UNMADE_NO;
		if (unmade_find(type, source))
			type->unmade = UNMADE_YES;
	}
	return type->unmade == UNMADE_YES;
}

bool class_is_unmade(const struct function *fn)
{
	struct type_info *type =
		fn->class_name && !fn->source->context ? index_type(fn->class_name) : NULL;

	return type && unmade_is(type, fn->source);
}
