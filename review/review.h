/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_H
#define REVIEW_H

/*
 * postern review: finds leaks, endless waits and unhandled failures in programs that use sockets.
 *
 * The way of the data; each folder may use those before it and none after (tests/test-layers.py):
 *
 *	base/       arenas, interned names, text
 *	knowledge/  what functions outside the project do: kb.c reads it, *.kb are built in
 *	read/       a file's text, lines and suppressions; folders; tree-sitter; off.c hides what
 *	            `#if 0` turns off, shape.c macros that no grammar knows
 *	model/      ir.h is the form of a function: places, items, blocks, loops. lower-*.c make it from
 *	            syntax trees, index.c knows what all files declare, link.c joins names to types,
 *	            constants, knowledge and functions once all files are read. query.h: questions on
 *	            calls, results, loops and words. descriptor.c: what a name may hold, over all files;
 *	            reach.c: whether the programs that have a function serve, or end soon
 *	flow/       a walk over the graph of one function, state by state: state.c what is known at one
 *	            point, call.c what calls do, summary.c what callers need, order.c callees before
 *	            callers; outcome.c what happens when one call gives a certain result; ends*.c what
 *	            a program does once the peer of a stream has hung up
 *	peer/       where bytes of a peer go, over all functions, for the rules N: step.c one item,
 *	            call.c calls, format.c formats, habit.c what functions nobody knows are likely to do
 *	rules/      the table of rules and the findings; a file a family. They see functions, flows and
 *	            knowledge, no trees, and are called through the table in flow/state.h
 *	report/     text, lines, JSON, SARIF, HTML, the baseline, explanations
 *	lsp/        the language server: what an editor has open, and a review of it in a child
 *
 * options.c is the command line, project.c a project's own choices, review.c the run,
 * editor.c that of an editor.
 *
 * A file is parsed once. Its functions are lowered at once and its tree is freed; the index may
 * still lack what later files declare, so lowering resolves no name that its function does not
 * declare, and link does that afterwards for all.
 *
 * A rule in five lines: write `const struct rule rule_X9 = { .id = "X9", .title = …, .cwe = …,
 * .pillar = …, .severity = …, .call = x9_call };` in rules/FAMILY.c; fill the callbacks that
 * rules.h lists; add &rule_X9 to the table in rules/rules.c (and new files to meson.build); write
 * explain/X9.txt with a bad and a good example; put programs into tests/review/snippets/X9/ with
 * "// X9" behind each line that is wrong.
 * What the rule needs to know of an API it looks up as facts and roles, never by name.
 */

#include <stdbool.h>
#include <stddef.h>

enum review_format {
	REVIEW_TEXT,
	REVIEW_JSON,
	REVIEW_SARIF,
	REVIEW_GCC,
	REVIEW_GITHUB,
	REVIEW_HTML,
};

/* An option that says what is reviewed, and is weighed after the project's file. */
struct review_choice {
	int option;
	const char *value;
};

struct review_options {
	int format; /* enum review_format */
	int min_severity;
	const char **paths;
	size_t n_paths;
	const char *baseline;
	const char *diff; /* a revision, or "-": a diff on standard input; NULL: all is reported */
	const char *explain;
	bool list_rules;
	unsigned jobs; /* threads that parse; 0: one */
	bool fix;     /* the edits that are certain are made */
	bool dry_run; /* or shown */
	bool help;
	bool version;
	bool lsp;
	bool no_config; /* the project's file is not read */
	bool tests;   /* tests, examples and benchmarks keep their severities */
	int colour;   /* 0, 1, or -1: when standard output is a terminal */
	struct review_choice *choices;
	size_t n_choices, cap_choices;
	bool failed;  /* some input or option was bad, and the run goes on: the status is 66 */
};

/*
 * The command `postern review`: argv[0] is its name. Returns the exit status: 0 nothing found (or
 * advice alone), 1 findings, 64 usage, 66 unreadable input.
 */
int review_main(int argc, char **argv);

/* 0, or EX_USAGE after a line on standard error. */
int review_options_parse(struct review_options *options, int argc, char **argv);
/* Rules, paths left out and knowledge; 0 or EX_USAGE. */
int review_options_apply(struct review_options *options);
void review_usage(void);
void review_complete(void);

/* project.c: reads the file .postern-review of the paths; -EINVAL: they have different ones. */
int project_read(struct review_options *options);

/*
 * The parts of a run, for one whose files and report are others: what the project file and the options
 * choose (0 or EX_USAGE); a file or folder, whose tests are those below `root` (false: some could not
 * be read); then everything up to the table of findings (false: the baseline could not be read).
 */
int review_prepare(struct review_options *options);
bool review_add(const char *path, const char *root);
bool review_find(struct review_options *options, bool *any);

/* editor.c: the review of what an editor has open, for lsp/; `data` is struct review_options. */
struct lsp_job;
bool editor_review(struct lsp_job *job, void *data);

#endif
