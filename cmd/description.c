/* SPDX-License-Identifier: Apache-2.0 */
/* description.c - reads a FILE that describes an interface, and tells the place of an error in it */
#include "description.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DESCRIPTION_MAX \
	((size_t)4 << 20)   /* a description travels in one message, and this is the limit of one */
#define DESCRIPTION_WORD 40 /* of what is there, in a message */

int description_failed(const struct description *d, const char *what, int status)
{
	int error = errno;

	output_error(d->verb, d->name, "%s: %s", what, strerror(error));
	return error == ENOMEM || error == EMFILE || error == ENFILE ? EXIT_TRY_AGAIN : status;
}

/* ---- reading ---- */

/* Up to one byte more than may be. */
static int description_read_from(struct description *d, int fd)
{
	d->text = malloc(DESCRIPTION_MAX + 1);
	if (!d->text)
		return description_failed(d, "cannot be read", EXIT_TRY_AGAIN);
	if (input_read(fd, d->text, DESCRIPTION_MAX + 1, &d->n) < 0)
		return description_failed(d, "cannot be read", EXIT_NO_INPUT);
	if (d->n <= DESCRIPTION_MAX)
		return EXIT_DONE;
	output_line("%s: this is longer than 4 MiB, which one message holds; divide the interface",
		    d->name);
	return EXIT_ANSWERED_ERROR;
}

static int description_load(struct description *d)
{
	bool standard = !strcmp(d->name, "-");
	int fd = standard ? 0 : open(d->name, O_RDONLY | O_CLOEXEC | O_NOCTTY), status;

	if (fd < 0)
		return description_failed(d, "cannot be opened", EXIT_NO_INPUT);
	status = description_read_from(d, fd);
	if (!standard)
		close(fd);
	return status;
}

/* ---- judging ---- */

static void description_wrong(const struct description *d, const struct idl_error *e)
{
	int n = (int)(e->word.n < DESCRIPTION_WORD ? e->word.n : DESCRIPTION_WORD);
	unsigned first = n > 0 ? (unsigned char)*e->word.text : 0;

	/* What is not there, or not seen, has a name. */
	if (n == 0)
		output_line("%s:%zu:%zu: at the end: %s", d->name, e->line, e->column, e->text);
	else if (first == '\n' || first == '\r')
		output_line("%s:%zu:%zu: at the end of the line: %s", d->name, e->line, e->column,
			    e->text);
	else if (first == 0)
		output_line("%s:%zu:%zu: %s", d->name, e->line, e->column, e->text);
	else
		output_line("%s:%zu:%zu: at '%.*s': %s", d->name, e->line, e->column, n,
			    e->word.text, e->text);
}

static int description_parse(struct description *d)
{
	size_t size = IDL_ARENA(d->n);
	struct idl_error error;
	int r;

	d->arena = malloc(size);
	if (!d->arena)
		return description_failed(d, "cannot be checked", EXIT_TRY_AGAIN);
	r = idl_parse(d->text, d->n, d->arena, size, &d->idl, &error);
	if (r == 0)
		return EXIT_DONE;
	description_wrong(d, &error);
	return EXIT_ANSWERED_ERROR;
}

int description_read(struct description *d)
{
	int status = description_load(d);

	return status ? status : description_parse(d);
}

void description_free(struct description *d)
{
	free(d->arena);
	free(d->text);
}

void description_tell(const struct description *d, struct idl_slice word, const char *text)
{
	struct idl_error e = { .text = text, .word = word };

	idl_place(d->text, word.text, &e);
	description_wrong(d, &e);
}
