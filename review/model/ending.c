/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that nobody defines and whose names say that they do not come back: my_die(),
 * log_fatal_errno(), FatalError(), clean_exit(). A name is taken by its words, so that neither an
 * audience nor a studied_t dies. And macros whose names say that they leave the function.
 */

#include "model/lower.h"
#include "model/query.h"
#include "read/source.h"

#include <ctype.h>
#include <string.h>

enum {
	ENDING_DIES = 1 << 0,   /* die, fatal, panic */
	ENDING_LEAVES = 1 << 1, /* exit, abort: what has a beginning may have that, too */
	ENDING_MAYBE = 1 << 2,  /* die_if(), set_exit_code(), on_fatal(), nonfatal() */
};

/* Where one word of a name ends and the next begins: at underscores, capitals and digits. */
static bool name_goes_on(const char *s)
{
	unsigned char before = (unsigned char)s[-1], c = (unsigned char)*s;

	if (!c || c == '_' || isdigit(c) != isdigit(before))
		return false;
	if (isupper(c))
		return isupper(before) && !islower((unsigned char)s[1]);
	return true;
}

static const char *name_word(const char *name, char *word, size_t size)
{
	size_t n = 0;

	while (*name == '_')
		name++;
	while (*name && (!n || name_goes_on(name))) {
		if (n + 1 < size)
			word[n++] = (char)tolower((unsigned char)*name);
		name++;
	}
	word[n] = '\0';
	return name;
}

static bool word_is_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static unsigned word_ending(const char *word)
{
	static const char *const dies[] = { "die",    "fatal",  "panic",  "dief", "fatalf",
					    "panicf", "xfatal", "xpanic", "xdie", "dying" };
	static const char *const leaves[] = { "exit", "abort", "xexit", "xabort", "abortf" };
	static const char *const maybe[] = { "if",      "unless",   "on",    "when",   "check",
					     "set",     "get",      "at",    "is",     "was",
					     "handler", "hook",     "cb",    "code",   "status",
					     "non",     "nonfatal", "not",   "no",     "add",
					     "install", "register", "clear", "enable", "disable" };

	if (word_is_of(word, dies, sizeof(dies) / sizeof(*dies)))
		return ENDING_DIES;
	if (word_is_of(word, leaves, sizeof(leaves) / sizeof(*leaves)))
		return ENDING_LEAVES;
	return word_is_of(word, maybe, sizeof(maybe) / sizeof(*maybe)) ? ENDING_MAYBE : 0;
}

/* … but not RETURN_IF_FAILED(), RETURN_NOT_OK(), which ask something first. */
bool name_returns(const char *name)
{
	static const char *const asks[] = { "if",      "on",      "unless",  "when",   "not",
					    "fail",    "failed",  "fails",   "err",    "error",
					    "null",    "nonzero", "check",   "assert", "maybe",
					    "failure", "neg",     "negative" };
	char word[32];

	if (strncmp(name, "RETURN", 6) != 0 || (name[6] && name[6] != '_'))
		return false;
	for (const char *s = name; *s; s++)
		if (!isupper((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_')
			return false;
	while (*name) {
		name = name_word(name, word, sizeof(word));
		if (word_is_of(word, asks, sizeof(asks) / sizeof(*asks)))
			return false;
	}
	return true;
}

static unsigned name_ending(const char *name)
{
	unsigned ending = 0;
	char word[32];

	while (*name) {
		name = name_word(name, word, sizeof(word));
		ending |= word_ending(word);
	}
	return ending;
}

/* usb_exit() where usb_init() is: the end of a library or module, and not of the program. */
static bool name_has_beginning(const struct function *fn, const char *name)
{
	static const char *const ends[] = { "exit", "abort" };
	static const char *const begins[] = { "init", "start", "enter", "begin", "open" };
	char other[96];

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		const char *end = strstr(name, ends[i]);

		for (size_t k = 0; end && k < sizeof(begins) / sizeof(*begins); k++) {
			size_t n = (size_t)(end - name), m = strlen(begins[k]);
			const char *rest = end + strlen(ends[i]);

			if (!n || n + m + strlen(rest) + 1 > sizeof(other))
				continue;
			memcpy(other, name, n);
			memcpy(other + n, begins[k], m);
			memcpy(other + n + m, rest, strlen(rest) + 1);
			if (strstr(fn->source->text, other))
				return true;
		}
	}
	return false;
}

/* transaction_abort(t), module_exit(&m): it is done to something, and says nothing. */
static bool call_is_of_object(const struct function *fn, const struct call *call)
{
	bool object = false;

	for (int i = 0; i < call->n_args; i++) {
		const struct operand *o = &call->args[i];
		const struct place *p = o->kind == OPERAND_PLACE || o->kind == OPERAND_ADDRESS
						? &fn->places[o->place]
						: NULL;

		if (o->kind == OPERAND_STRING)
			return false;
		object |= o->kind == OPERAND_ADDRESS ||
			  (p && p->type && (p->stars || (p->flags & PLACE_SMART)) &&
			   strcmp(p->type, "char") != 0);
	}
	return object;
}

/* error("…", …) of <Rinternals.h> jumps back into R; that of the C library has a status first. */
static bool call_is_error_of_r(const struct function *fn, const struct call *call)
{
	return call->n_args && call->args[0].kind == OPERAND_STRING &&
	       (!strcmp(call->name, "error") || !strcmp(call->name, "Rf_error")) &&
	       (strstr(fn->source->text, "<Rinternals.h>") || strstr(fn->source->text, "<R.h>"));
}

/* error(1, errno, "…") of <error.h>: a status that is not 0 is that of the program. */
static bool call_is_error_with_status(const struct call *call)
{
	int64_t status;

	return (!strcmp(call->name, "error") || !strcmp(call->name, "error_at_line")) &&
	       call->n_args >= 3 && operand_is_number(&call->args[0], &status) && status;
}

bool call_ends_by_name(const struct function *fn, const struct call *call)
{
	unsigned ending;

	if (!(call->flags & CALL_DROPPED) || (call->flags & CALL_INDIRECT) || !call->name)
		return false;
	if (call->receiver.kind && !(call->receiver.kind == OPERAND_PLACE &&
				     fn->places[call->receiver.place].kind == PLACE_THIS))
		return false;
	if (call_is_error_of_r(fn, call) || call_is_error_with_status(call))
		return true;
	/* In C++ exit() has a status: without one it is QThread's, which comes back. */
	if (!call->n_args && fn->source->language == SOURCE_CXX && !strcmp(call->name, "exit"))
		return false;
	ending = name_ending(call->name);
	if (ending & ENDING_MAYBE)
		return false;
	return (ending & ENDING_DIES) ||
	       ((ending & ENDING_LEAVES) && !call_is_of_object(fn, call) &&
		!name_has_beginning(fn, call->name));
}
