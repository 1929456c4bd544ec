/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.c - options from a table
 *
 * getopt_long() is not used: it accepts abbreviations, which become ambiguous with the next version, and its
 * table has no help and defaults, which would then need a second table.
 */
#include "command.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_WORD    32u /* longer words are compared up to here */
#define OPTIONS_INDENT  28  /* of the help text */
#define OPTIONS_COLUMNS 79

static const struct option options_of_all[] = {
	{ .name = "help", .letter = 'h', .help = "print a screen of help" },
	{ .name = "defaults", .help = "print the defaults, in bytes and nanoseconds" },
	{ .name = "version", .letter = 'V', .help = "print the version" },
	{ .name = NULL },
};

static size_t options_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The edit distance of two words: a letter added, removed, changed, or two swapped. */
static size_t options_distance(const char *a, const char *b)
{
	size_t rows[3][OPTIONS_WORD + 1];
	size_t *above = rows[0], *row = rows[1], *before = rows[2], *spare;
	size_t n = strnlen(a, OPTIONS_WORD), m = strnlen(b, OPTIONS_WORD);

	for (size_t j = 0; j <= m; j++) {
		row[j] = j;
		above[j] = j;
	}
	for (size_t i = 1; i <= n; i++) {
		spare = before;
		before = above;
		above = row;
		row = spare;
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = options_min(above[j - 1] + (a[i - 1] != b[j - 1]),
					     options_min(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = options_min(row[j], before[j - 2] + 1);
		}
	}
	return row[m];
}

bool options_closer(const char *word, const char *candidate, size_t *best)
{
	size_t n = strlen(word), distance = options_distance(word, candidate);

	/* The beginning of a long name counts as that name. */
	if (n >= 3 && !strncmp(word, candidate, n))
		distance = 1;
	if (distance > 2 || distance >= n || distance >= *best)
		return false;
	*best = distance;
	return true;
}

static const char *options_guess_in(const struct option *o, const char *word, size_t *best)
{
	const char *guess = NULL;

	for (; o->name; o++) {
		if (options_closer(word, o->name, best))
			guess = o->name;
		if (o->also && options_closer(word, o->also, best))
			guess = o->also;
	}
	return guess;
}

static void options_unknown(const struct verb *verb, const char *argument, const char *word)
{
	size_t best = SIZE_MAX;
	const char *guess = options_guess_in(verb->options, word, &best);
	const char *other = options_guess_in(options_of_all, word, &best);

	if (other)
		guess = other;
	if (guess)
		output_error(verb->name, NULL, "unknown option %s; did you mean --%s?", argument,
			     guess);
	else
		output_error(verb->name, NULL, "unknown option %s; see: postern %s --help",
			     argument, verb->name);
}

static const struct option *options_find(const struct option *o, const char *word, size_t n)
{
	for (; o->name; o++)
		if ((!strncmp(o->name, word, n) && !o->name[n]) ||
		    (o->also && !strncmp(o->also, word, n) && !o->also[n]))
			return o;
	return NULL;
}

static const struct option *options_find_letter(const struct option *o, char letter)
{
	for (; o->name; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

static const char *options_set_size(const char *text, void *value, bool small)
{
	uint64_t bytes = 0;
	const char *wrong = size_parse(text, &bytes);

	if (wrong)
		return wrong;
	if (bytes > (small ? UINT32_MAX : SIZE_MAX))
		return "is too large";
	if (small)
		*(uint32_t *)value = (uint32_t)bytes;
	else
		*(size_t *)value = (size_t)bytes;
	return NULL;
}

static const char *options_set_ids(const struct option *o, const char *text, struct id_list *list)
{
	const char *wrong;

	if (o->one)
		list->n = 0;
	wrong = ids_parse(text, o->type == OPTION_GIDS, list);
	return !wrong && o->one && list->n > 1 ? "is more than one" : wrong;
}

/* Copies: what goes with a call is closed, and the first three have to stay open. */
static const char *options_set_fd(const char *text, struct fd_list *list)
{
	uint32_t number = 0;
	const char *wrong = strcmp(text, "0") != 0 ? count_parse(text, &number) : NULL;
	int fd;

	if (wrong)
		return wrong;
	if (list->n == sizeof(list->fds) / sizeof(*list->fds))
		return "is one too many; a message has 16 at most";
	fd = number > INT_MAX ? -1 : fcntl((int)number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		return "is not open; open it in the shell: 3<FILE";
	list->fds[list->n++] = fd;
	return NULL;
}

static const char *options_set_texts(const char *text, struct text_list *list)
{
	if (list->n == TEXTS_MAX)
		return "is one too many";
	list->texts[list->n++] = text;
	return NULL;
}

static const char *options_set(const struct option *o, const char *text, void *value)
{
	switch (o->type) {
	case OPTION_FDS:
		return options_set_fd(text, value);
	case OPTION_DURATION:
		return duration_parse(text, value);
	case OPTION_SIZE:
	case OPTION_SIZE32:
		return options_set_size(text, value, o->type == OPTION_SIZE32);
	case OPTION_COUNT:
		return count_parse(text, value);
	case OPTION_ACCESS:
		return access_parse(text, value);
	case OPTION_UIDS:
	case OPTION_GIDS:
		return options_set_ids(o, text, value);
	case OPTION_TEXT:
		*(const char **)value = text;
		return NULL;
	case OPTION_TEXTS:
		return options_set_texts(text, value);
	case OPTION_FLAG:
	case OPTION_REST:
		break;
	}
	return NULL;
}

/* The default in base units, if it has one; else its description. */
static void options_default(const struct option *o)
{
	union {
		int64_t ns;
		size_t size;
		uint32_t n;
	} value = { 0 };

	if (o->type == OPTION_UIDS || o->type == OPTION_GIDS || o->type == OPTION_TEXT ||
	    o->type == OPTION_TEXTS || options_set(o, o->standard, &value))
		printf("%s\t%s\n", o->name, o->standard);
	else if (o->type == OPTION_DURATION)
		printf("%s\t%" PRId64 "\n", o->name, value.ns);
	else if (o->type == OPTION_SIZE)
		printf("%s\t%zu\n", o->name, value.size);
	else if (o->type == OPTION_ACCESS)
		printf("%s\t0%" PRIo32 "\n", o->name, value.n);
	else
		printf("%s\t%" PRIu32 "\n", o->name, value.n);
}

static int options_defaults(const struct verb *verb)
{
	for (const struct option *o = verb->options; o->name; o++)
		if (o->standard)
			options_default(o);
	return EXIT_DONE;
}

/* Adds words to a line that begins at OPTIONS_INDENT, and continues on the next line when it is full. */
static void options_wrap(FILE *out, int *column, const char *text)
{
	while (*text) {
		int n = (int)strcspn(text, " ");

		if (*column > OPTIONS_INDENT && *column + 1 + n > OPTIONS_COLUMNS) {
			fprintf(out, "\n%*s", OPTIONS_INDENT, "");
			*column = OPTIONS_INDENT;
		}
		if (*column > OPTIONS_INDENT)
			*column += fprintf(out, " ");
		*column += fprintf(out, "%.*s", n, text);
		text += n;
		text += *text == ' ';
	}
}

static void options_print(const struct option *o, FILE *out)
{
	char letter[] = { '-', o->letter, ',', ' ', 0 }, tail[160];
	int column = fprintf(out, "  %s--%s%s%s", o->letter ? letter : "", o->name,
			     o->argument ? " " : "", o->argument ? o->argument : "");

	fprintf(out, "%*s", column < OPTIONS_INDENT ? OPTIONS_INDENT - column : 2, "");
	column = column < OPTIONS_INDENT ? OPTIONS_INDENT : column + 2;
	options_wrap(out, &column, o->help);
	if (o->also) {
		snprintf(tail, sizeof(tail), "(or --%s)", o->also);
		options_wrap(out, &column, tail);
	}
	if (o->standard) {
		snprintf(tail, sizeof(tail), "[%s]", o->standard);
		options_wrap(out, &column, tail);
	}
	fputc('\n', out);
}

/* One screen of 80 columns; the manual has the details. */
void options_help(const struct verb *verb, FILE *out)
{
	fprintf(out, "usage: postern %s [OPTION]...%s%s\n%s\n\n", verb->name,
		*verb->operands ? " " : "", verb->operands, verb->about);
	for (const struct option *o = verb->options; o->name; o++)
		if (!o->plain)
			options_print(o, out);
	fputs("  ", out);
	for (const struct option *o = verb->options; o->name; o++)
		if (o->plain && o->letter)
			fprintf(out, "-%c, --%s, ", o->letter, o->name);
		else if (o->plain)
			fprintf(out, "--%s, ", o->name);
	fputs("-h, --help, --defaults, -V, --version\n", out);
	if (verb->notes)
		fprintf(out, "%s\n", verb->notes);
}

static void options_list_of(const struct option *o, FILE *out)
{
	for (; o->name; o++)
		fprintf(out, "--%s\t%s\t%s\n", o->name, o->argument ? o->argument : "", o->help);
}

void options_list(const struct verb *verb, FILE *out)
{
	options_list_of(verb->options, out);
	options_list_of(options_of_all, out);
}

/* Parses the option at **at; *at moves to the last argument it used. -1: continue. */
static int options_take(const struct verb *verb, const struct option *o, const char *given,
			const char *attached, char ***at, char *values)
{
	const char *text = attached, *wrong;

	if (!o->argument) {
		if (attached) {
			output_error(verb->name, NULL, "%s takes no value", given);
			return EXIT_USAGE;
		}
		*(bool *)(values + o->offset) = true;
		return -1;
	}
	if (!text && (*at)[1])
		text = *++*at;
	if (!text || !*text) {
		output_error(verb->name, NULL, "--%s needs a value: %s", o->name, o->argument);
		return EXIT_USAGE;
	}
	if (o->type == OPTION_REST) {
		**at += text - **at;
		*(char ***)(values + o->offset) = *at;
		while ((*at)[1])
			++*at;
		return -1;
	}
	wrong = options_set(o, text, values + o->offset);
	if (!wrong)
		return -1;
	output_error(verb->name, NULL, "--%s: '%s' %s", o->name, text, wrong);
	return EXIT_USAGE;
}

/* Finds an option by its letter. */
static int options_of_all_take(const struct verb *verb, char which)
{
	switch (which) {
	case 'h':
		options_help(verb, stdout);
		return EXIT_DONE;
	case 'd':
		return options_defaults(verb);
	default:
		printf("postern %s\n", postern_version());
		return EXIT_DONE;
	}
}

static int options_long(const struct verb *verb, char ***at, char *values)
{
	const char *word = **at + 2;
	size_t n = strcspn(word, "=");
	const char *attached = word[n] ? word + n + 1 : NULL;
	const struct option *o = options_find(verb->options, word, n);
	char name[OPTIONS_WORD + 1];

	if (o)
		return options_take(verb, o, **at, attached, at, values);
	o = options_find(options_of_all, word, n);
	if (o && attached) {
		output_error(verb->name, NULL, "--%s takes no value", o->name);
		return EXIT_USAGE;
	}
	if (o)
		return options_of_all_take(verb, *o->name);
	snprintf(name, sizeof(name), "%.*s", (int)options_min(n, OPTIONS_WORD), word);
	options_unknown(verb, **at, name);
	return EXIT_USAGE;
}

/* Flags, and last an option with a value, which is the rest of the word or the next one: -v, -o DIR, -voDIR. */
static int options_letters(const struct verb *verb, char ***at, char *values)
{
	for (const char *p = **at + 1; *p; p++) {
		const struct option *o = options_find_letter(verb->options, *p);

		if (!o && options_find_letter(options_of_all, *p))
			return options_of_all_take(verb, *p);
		if (!o) {
			output_error(verb->name, NULL, "unknown option -%c; see: postern %s --help",
				     *p, verb->name);
			return EXIT_USAGE;
		}
		if (o->argument)
			return options_take(verb, o, **at, p[1] ? p + 1 : NULL, at, values);
		*(bool *)(values + o->offset) = true;
	}
	return -1;
}

static int options_operand(const struct verb *verb, char *word, void *values)
{
	struct common *common = values;

	if (verb->takes_files) {
		/* In the place of an argument that has been read. */
		common->files[common->n_files++] = word;
		return -1;
	}
	if (!verb->takes_name) {
		output_error(verb->name, NULL, "unexpected argument '%s'; see: postern %s --help",
			     word, verb->name);
		return EXIT_USAGE;
	}
	if (common->name) {
		output_error(verb->name, common->name,
			     "unexpected argument '%s'; a name is one word", word);
		return EXIT_USAGE;
	}
	common->name = word;
	return -1;
}

/* -1: go on; else the exit status, and what there was to print is printed. values: zeroed. */
static int options_parse(const struct verb *verb, char **argv, void *values)
{
	bool only_operands = false;
	int r = -1;

	if (verb->takes_files)
		((struct common *)values)->files = argv;
	for (; *argv && r < 0; argv++) {
		if (only_operands || **argv != '-' || !(*argv)[1])
			r = options_operand(verb, *argv, values);
		else if (!strcmp(*argv, "--"))
			only_operands = true;
		else if ((*argv)[1] == '-')
			r = options_long(verb, &argv, values);
		else
			r = options_letters(verb, &argv, values);
	}
	return r;
}

int options_run(const struct verb *verb, char **argv)
{
	void *values = calloc(1, verb->size);
	int status;

	if (!values) {
		output_error(verb->name, NULL, "out of memory");
		return EXIT_TRY_AGAIN;
	}
	status = options_parse(verb, argv, values);
	if (status < 0)
		status = verb->run(values);
	free(values);
	return status;
}
