/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - postern check: are these descriptions of interfaces right, and written as everybody writes them?
 *
 * An error is a line as compilers write it, so that editors find the place. Of each file the first one is told: what
 * follows from it would be no news.
 */
#include "description.h"

#include <stdlib.h>
#include <string.h>

struct check_values {
	struct common common;
	bool format;
	bool write;
};

static const struct option check_options[] = {
	{ .name = "format",
	  .help = "print FILE as everybody writes it, with its comments",
	  .offset = offsetof(struct check_values, format) },
	{ .name = "write",
	  .letter = 'w',
	  .help = "replace each FILE by that, unless it is the same",
	  .offset = offsetof(struct check_values, write) },
	{ .name = NULL },
};

/* ---- writing ---- */

static int check_write(const struct description *f, const char *text, size_t n)
{
	if (n == f->n && !memcmp(text, f->text, n))
		return EXIT_DONE;
	if (replace_file(f->name, text, n) < 0)
		return description_failed(f, "cannot be written", EXIT_IO);
	return EXIT_DONE;
}

static int check_format(const struct description *f, bool write)
{
	size_t n = idl_print(f->idl, NULL, 0);
	char *text = malloc(n);
	int status = EXIT_DONE;

	if (!text)
		return description_failed(f, "cannot be formatted", EXIT_TRY_AGAIN);
	idl_print(f->idl, text, n);
	if (write)
		status = check_write(f, text, n);
	else
		/* What cannot be written is told at the end, as of every verb. */
		fwrite(text, 1, n, stdout);
	free(text);
	return status;
}

static int check_file(const char *name, const struct check_values *values)
{
	struct description f = { .verb = "check", .name = name };
	int status = description_read(&f);

	if (!status && (values->format || values->write))
		status = check_format(&f, values->write);
	description_free(&f);
	return status;
}

/* ---- all files ---- */

static const char *check_wrong(const struct check_values *values)
{
	if (values->common.n_files == 0)
		return "missing FILE, or - for standard input; see: postern check --help";
	if (values->format && values->write)
		return "--format and --write exclude each other";
	if (values->format && values->common.n_files > 1)
		return "--format prints one FILE; --write writes several";
	for (size_t i = 0; values->write && i < values->common.n_files; i++)
		if (!strcmp(values->common.files[i], "-"))
			return "standard input cannot be written; use --format";
	return NULL;
}

static int check_run(void *data)
{
	const struct check_values *values = data;
	const char *wrong = check_wrong(values);
	int status = EXIT_DONE, r;

	if (wrong) {
		output_error("check", NULL, "%s", wrong);
		return EXIT_USAGE;
	}
	/* What could not be looked at matters more than what was found. */
	for (size_t i = 0; i < values->common.n_files; i++) {
		r = check_file(values->common.files[i], values);
		status = r > status ? r : status;
	}
	return status;
}

const struct verb verb_check = {
	.name = "check",
	.operands = "FILE...",
	.about = "Checks descriptions of Varlink interfaces.",
	.notes =
		"A FILE of - is standard input. Each error is a line, FILE:LINE:COLUMN: what is\n"
		"there, what was expected, what to do. Ends with 0 if all FILEs are right, with 1\n"
		"if one is not, with 66 if one cannot be read.",
	.takes_files = true,
	.options = check_options,
	.size = sizeof(struct check_values),
	.run = check_run,
};
