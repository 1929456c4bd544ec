/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - postern check: are these descriptions of interfaces right, and written as everybody writes them?
 *
 * An error is a line as compilers write it, so that editors find the place. Of each file the first one is told: what
 * follows from it would be no news.
 */
#include "command.h"

#include "core/idl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_MAX \
	((size_t)4 << 20) /* a description travels in one message, and this is the limit of one */
#define CHECK_WORD 40     /* of what is there, in a message */

struct check_values {
	struct common common;
	bool format;
	bool write;
};

/* One file: its text, and the tree that points into it. */
struct check_file {
	const char *name;
	char *text, *arena;
	size_t n;
	struct idl *idl;
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

/* Of errno. */
static int check_failed(const struct check_file *f, const char *what, int status)
{
	int error = errno;

	output_error("check", f->name, "%s: %s", what, strerror(error));
	return error == ENOMEM || error == EMFILE || error == ENFILE ? EXIT_TRY_AGAIN : status;
}

/* ---- reading ---- */

/* Up to one byte more than may be. */
static int check_read_from(struct check_file *f, int fd)
{
	ssize_t n;

	f->text = malloc(CHECK_MAX + 1);
	if (!f->text)
		return check_failed(f, "cannot be read", EXIT_TRY_AGAIN);
	do {
		n = read(fd, f->text + f->n, CHECK_MAX + 1 - f->n);
		if (n > 0)
			f->n += (size_t)n;
	} while ((n > 0 && f->n <= CHECK_MAX) || (n < 0 && errno == EINTR));
	if (n < 0)
		return check_failed(f, "cannot be read", EXIT_NO_INPUT);
	if (f->n <= CHECK_MAX)
		return EXIT_DONE;
	output_line("%s: this is longer than 4 MiB, which one message holds; divide the interface",
		    f->name);
	return EXIT_ANSWERED_ERROR;
}

static int check_read(struct check_file *f)
{
	bool standard = !strcmp(f->name, "-");
	int fd = standard ? 0 : open(f->name, O_RDONLY | O_CLOEXEC | O_NOCTTY), status;

	if (fd < 0)
		return check_failed(f, "cannot be opened", EXIT_NO_INPUT);
	status = check_read_from(f, fd);
	if (!standard)
		close(fd);
	return status;
}

/* ---- judging ---- */

static void check_tell(const struct check_file *f, const struct idl_error *e)
{
	int n = (int)(e->word.n < CHECK_WORD ? e->word.n : CHECK_WORD);
	unsigned first = n > 0 ? (unsigned char)*e->word.text : 0;

	/* What is not there, or not seen, has a name. */
	if (n == 0)
		output_line("%s:%zu:%zu: at the end: %s", f->name, e->line, e->column, e->text);
	else if (first == '\n' || first == '\r')
		output_line("%s:%zu:%zu: at the end of the line: %s", f->name, e->line, e->column,
			    e->text);
	else if (first == 0)
		output_line("%s:%zu:%zu: %s", f->name, e->line, e->column, e->text);
	else
		output_line("%s:%zu:%zu: at '%.*s': %s", f->name, e->line, e->column, n,
			    e->word.text, e->text);
}

static int check_parse(struct check_file *f)
{
	size_t size = 64 * f->n + 256;
	struct idl_error error;
	int r;

	/* Pages that the tree does not need are never touched. */
	f->arena = malloc(size);
	if (!f->arena)
		return check_failed(f, "cannot be checked", EXIT_TRY_AGAIN);
	r = idl_parse(f->text, f->n, f->arena, size, &f->idl, &error);
	if (r == 0)
		return EXIT_DONE;
	check_tell(f, &error);
	return EXIT_ANSWERED_ERROR;
}

/* ---- writing ---- */

/* Beside the file, so that it takes its place at once, or not at all. */
static int check_replace(const struct check_file *f, const char *path, const char *text, size_t n)
{
	size_t size = strlen(path) + sizeof(".XXXXXX"), done = 0;
	char *beside = malloc(size);
	struct stat st;
	ssize_t wrote = 0;
	int fd = -1, r = -1, error;

	if (!beside || stat(path, &st) < 0)
		goto out;
	snprintf(beside, size, "%s.XXXXXX", path);
	fd = mkstemp(beside);
	if (fd < 0)
		goto out;
	while (done < n && ((wrote = write(fd, text + done, n - done)) > 0 || errno == EINTR))
		done += wrote > 0 ? (size_t)wrote : 0;
	/* Another owner's file that may be written is ours from now on, as with any editor. */
	if (done == n && (fchown(fd, st.st_uid, st.st_gid) == 0 || errno == EPERM) &&
	    fchmod(fd, st.st_mode & 07777) == 0 && fsync(fd) == 0)
		r = rename(beside, path);
	if (r < 0) {
		error = errno;
		unlink(beside);
		errno = error;
	}
out:
	r = r < 0 ? check_failed(f, "cannot be written", EXIT_IO) : EXIT_DONE;
	if (fd >= 0)
		close(fd);
	free(beside);
	return r;
}

static int check_write(const struct check_file *f, const char *text, size_t n)
{
	char *path;
	int status;

	if (n == f->n && !memcmp(text, f->text, n))
		return EXIT_DONE;
	path = realpath(f->name, NULL);
	if (!path)
		return check_failed(f, "cannot be written", EXIT_IO);
	status = check_replace(f, path, text, n);
	free(path);
	return status;
}

static int check_format(const struct check_file *f, bool write)
{
	size_t n = idl_print(f->idl, NULL, 0);
	char *text = malloc(n);
	int status = EXIT_DONE;

	if (!text)
		return check_failed(f, "cannot be formatted", EXIT_TRY_AGAIN);
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
	struct check_file f = { .name = name };
	int status = check_read(&f);

	if (!status)
		status = check_parse(&f);
	if (!status && (values->format || values->write))
		status = check_format(&f, values->write);
	free(f.arena);
	free(f.text);
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
