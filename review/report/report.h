/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_REPORT_H
#define REVIEW_REPORT_H

/*
 * Findings as text, as lines for compilers' readers, as JSON, SARIF and HTML; the baseline; what a
 * diff causes; the pages that explain rules.
 */

#include "rules/rules.h"

#include <stdio.h>

/* The build says which; a build by hand is none that was released. */
#ifndef REVIEW_VERSION
#define REVIEW_VERSION "0"
#endif

void report_text(FILE *out, bool colour);
void report_json(FILE *out);
void report_sarif(FILE *out);
void report_html(FILE *out);
/* line.c: a line for each place, as gcc writes them; as a workflow of GitHub reads them. */
void report_gcc(FILE *out);
void report_github(FILE *out);
void report_summary(FILE *out);
/* For hosts of code and patches: as the path was typed, or, if that leads elsewhere, from its root. */
const char *report_name(const struct source *source);
void json_string(FILE *out, const char *s);
void json_field(FILE *out, const char *name, const char *value);
const char *severity_word(enum severity severity);
const char *pillar_title(int pillar);

/*
 * A finding's identity over edits: rule, file and text of the line, but not its number. The file counts
 * from the root of its project.
 */
void baseline_key(const struct finding *finding, struct text *key);
/* Marks the findings that FILE (JSON of an earlier run) has; a negative errno, -EINVAL: no JSON. */
int baseline_read(const char *path);

/*
 * diff.c: notes which rows of the sources differ from a revision, for these names below the root of a
 * repository; or which ones the diff on standard input says. false: complained.
 */
bool diff_read_git(const char *revision, const char *root, const char *const names[], size_t n);
bool diff_read_standard(const char *root);
/* Only the findings stay whose place or cause is in such a row. */
void diff_keep(void);

/* Its text as it was written, or NULL. */
const char *explain_page(const char *id);
/* 0, or -ENOENT for a rule without a page. */
int explain_rule(FILE *out, const char *id);
void explain_list(FILE *out);

#endif
