/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a condition of the preprocessor tells on a Linux machine. The names of other systems and
 * compilers are not defined, those of this one are; what configure would have found out is unknown,
 * but for what the file's command in compile_commands.json says.
 */

#include "read/commands.h"
#include "read/macro.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { CONDITION_DEPTH = 60 };

static const char *const condition_here[] = {
	"__linux__", "__linux",        "linux",      "__unix__",         "__unix",     "unix",
	"__GNUC__",  "__GNUC_MINOR__", "__STDC__",   "__STDC_VERSION__", "__x86_64__", "__LP64__",
	"__ELF__",   "__gnu_linux__",  "Q_OS_LINUX", "Q_OS_UNIX",        "G_OS_UNIX",  "__GLIBC__",
};

static const char *const condition_elsewhere[] = {
	"_WIN32",        "WIN32",        "_WIN64",
	"WIN64",         "_MSC_VER",     "__WIN32__",
	"_WINDOWS",      "__MINGW32__",  "__MINGW64__",
	"__CYGWIN__",    "__APPLE__",    "__MACH__",
	"__FreeBSD__",   "__OpenBSD__",  "__NetBSD__",
	"__DragonFly__", "__sun",        "__sun__",
	"__svr4__",      "__SVR4",       "_AIX",
	"__hpux",        "__hpux__",     "__sgi",
	"__HAIKU__",     "__BEOS__",     "__QNX__",
	"__ANDROID__",   "ANDROID",      "__EMSCRIPTEN__",
	"Q_OS_WIN",      "Q_OS_WIN32",   "Q_OS_WINDOWS",
	"Q_OS_MAC",      "Q_OS_MACOS",   "Q_OS_OSX",
	"Q_OS_DARWIN",   "Q_OS_ANDROID", "Q_OS_IOS",
	"Q_OS_SYMBIAN",  "Q_OS_WINCE",   "G_OS_WIN32",
	"__DOS__",       "MSDOS",        "__VMS",
	"VMS",           "__BORLANDC__", "__WATCOMC__",
	"__OS2__",       "_WIN32_WCE",   "__SYMBIAN32__",
	"Q_MOC_RUN",     "NDEBUG",       "__INTELLISENSE__",
	"DOXYGEN",       "__DOXYGEN__",  "S_SPLINT_S",
	"__COVERITY__",  "SWIG",         "__wasm__",
};

int condition_defined(const char *name, size_t n, const struct source *source)
{
	const char *value;
	int told = command_macro(source->command, name, n, &value);

	if (told >= 0)
		return told;
	if (n == 11 && !memcmp(name, "__cplusplus", n))
		return source->language == SOURCE_CXX;
	for (size_t i = 0; i < sizeof(condition_here) / sizeof(*condition_here); i++)
		if (strlen(condition_here[i]) == n && !memcmp(condition_here[i], name, n))
			return 1;
	for (size_t i = 0; i < sizeof(condition_elsewhere) / sizeof(*condition_elsewhere); i++)
		if (strlen(condition_elsewhere[i]) == n && !memcmp(condition_elsewhere[i], name, n))
			return 0;
	return -1;
}

struct condition {
	const char *s;
	uint32_t size, i;
	int depth;
	const struct source *source;
	struct macro_token token;
};

struct condition_number {
	bool known;
	long long value;
};

static const struct condition_number condition_unknown = { false, 0 };

static void condition_next(struct condition *c)
{
	c->token = macro_lex(c->s, c->size, &c->i);
}

static bool condition_is(const struct condition *c, const char *mark)
{
	return c->token.kind != MACRO_END && c->token.n == strlen(mark) &&
	       !memcmp(c->token.s, mark, c->token.n);
}

static bool condition_take(struct condition *c, const char *mark)
{
	bool is = condition_is(c, mark);

	if (is)
		condition_next(c);
	return is;
}

static struct condition_number condition_or(struct condition *c);

static struct condition_number condition_truth(int value)
{
	return value < 0 ? condition_unknown : (struct condition_number){ true, value };
}

/* The value that a command gives to a macro: -DWITH_TLS=1. */
static struct condition_number condition_number(const char *value)
{
	char *end;
	long long number = strtoll(value, &end, 0);

	while (*end == 'u' || *end == 'U' || *end == 'l' || *end == 'L')
		end++;
	return end == value || *end ? condition_unknown : (struct condition_number){ true, number };
}

/* defined NAME, defined(NAME); a call of what only a compiler knows is skipped. */
static struct condition_number condition_word(struct condition *c)
{
	struct condition_number v = condition_unknown;
	const char *value;
	bool parens;
	int depth = 0;

	if (condition_take(c, "defined")) {
		parens = condition_take(c, "(");
		if (c->token.kind == MACRO_WORD)
			v = condition_truth(condition_defined(c->token.s, c->token.n, c->source));
		condition_next(c);
		if (parens)
			condition_take(c, ")");
		return v;
	}
	if (condition_defined(c->token.s, c->token.n, c->source) == 0)
		v = condition_truth(0);
	else if (command_macro(c->source->command, c->token.s, c->token.n, &value) > 0)
		v = condition_number(value);
	condition_next(c);
	if (!condition_is(c, "("))
		return v;
	do {
		depth += condition_is(c, "(");
		depth -= condition_is(c, ")");
		condition_next(c);
	} while (depth && c->token.kind != MACRO_END);
	return condition_unknown;
}

static struct condition_number condition_unary(struct condition *c)
{
	struct condition_number v = condition_unknown;

	if (++c->depth > CONDITION_DEPTH) {
		c->i = c->size;
		condition_next(c);
	} else if (condition_take(c, "!")) {
		v = condition_unary(c);
		v.value = !v.value;
	} else if (condition_take(c, "-")) {
		v = condition_unary(c);
		v.value = v.value == LLONG_MIN ? 0 : -v.value;
	} else if (condition_take(c, "+")) {
		v = condition_unary(c);
	} else if (condition_take(c, "(")) {
		v = condition_or(c);
		condition_take(c, ")");
	} else if (c->token.kind == MACRO_NUMBER) {
		v = (struct condition_number){ true, strtoll(c->token.s, NULL, 0) };
		condition_next(c);
	} else if (c->token.kind == MACRO_WORD) {
		v = condition_word(c);
	} else if (c->token.kind != MACRO_END) {
		condition_next(c);
	}
	c->depth--;
	return v;
}

/* Everything between unary operators and &&: only comparisons matter. */
static struct condition_number condition_compare(struct condition *c)
{
	static const char *const marks[] = { "==", "!=", "<=", ">=", "<", ">" };
	struct condition_number a = condition_unary(c), b;

	for (size_t k = 0; k < sizeof(marks) / sizeof(*marks); k++) {
		if (!condition_take(c, marks[k]))
			continue;
		b = condition_unary(c);
		a.known = a.known && b.known;
		a.value = k == 0   ? a.value == b.value
			  : k == 1 ? a.value != b.value
			  : k == 2 ? a.value <= b.value
			  : k == 3 ? a.value >= b.value
			  : k == 4 ? a.value < b.value
				   : a.value > b.value;
		break;
	}
	/* Arithmetic is not followed. */
	while (c->token.kind != MACRO_END && !condition_is(c, "&&") && !condition_is(c, "||") &&
	       !condition_is(c, ")")) {
		a = condition_unknown;
		if (condition_take(c, "("))
			condition_or(c);
		if (c->token.kind != MACRO_END)
			condition_next(c);
	}
	return a;
}

static struct condition_number condition_and(struct condition *c)
{
	struct condition_number a = condition_compare(c), b;

	while (condition_take(c, "&&")) {
		b = condition_compare(c);
		if ((a.known && !a.value) || (b.known && !b.value))
			a = (struct condition_number){ true, 0 };
		else
			a = (struct condition_number){ a.known && b.known, 1 };
	}
	return a;
}

static struct condition_number condition_or(struct condition *c)
{
	struct condition_number a = condition_unknown, b;

	if (++c->depth > CONDITION_DEPTH) {
		c->depth--;
		c->i = c->size;
		condition_next(c);
		return a;
	}
	a = condition_and(c);
	while (condition_take(c, "||")) {
		b = condition_and(c);
		if ((a.known && a.value) || (b.known && b.value))
			a = (struct condition_number){ true, 1 };
		else
			a = (struct condition_number){ a.known && b.known, 0 };
	}
	c->depth--;
	return a;
}

int condition_value(const char *s, size_t n, const struct source *source)
{
	struct condition c = { .s = s, .size = (uint32_t)n, .source = source };
	struct condition_number v;

	condition_next(&c);
	v = condition_or(&c);
	return v.known ? v.value != 0 : -1;
}
