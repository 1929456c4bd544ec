/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_APPLY_H
#define REVIEW_APPLY_H

/*
 * The edits of findings, made in the files. Only edits that are certain are there at all; those of
 * one finding are made together or not.
 */

#include "rules/rules.h"

#include <stdio.h>

/* The edits of one file in their order; none overlap. */
struct apply {
	struct source *source;
	const struct edit **edits;
	size_t n, cap;
	size_t n_findings;
	char *text; /* as it lies in the file, with its carriage returns */
};

/*
 * Writes each file anew and puts it in the place of the old one. The findings that are fixed are
 * reported no more. false: some file could not be written, or changed meanwhile.
 */
bool apply_write(void);
/* The same as a unified diff, which patch(1) and git take; no file and no finding changes. */
bool apply_show(FILE *out);

/* apply-diff.c */
void apply_diff(FILE *out, const struct apply *apply);
/* Adds the file's text from one offset to another as it becomes. */
void apply_text(const struct apply *apply, struct text *into, uint32_t from, uint32_t to);

#endif
