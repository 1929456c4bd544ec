/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_SOURCE_H
#define REVIEW_SOURCE_H

/* The text of one file, its lines, and the comments in it that speak to the reviewer. */

#include "base/base.h"

enum source_language { SOURCE_C, SOURCE_CXX };

struct ignore {
	uint32_t row;          /* the row whose findings it silences */
	const char *rules;     /* "L2" or "L1,L4" */
	bool used;
};

/* A name in a table at the top level of the file. */
struct mention {
	const char *name;
	struct mention *next;
};

struct source {
	const char *path;      /* as it is reported */
	const char *name;      /* from the root of its project, however the path was typed */
	const char *folder;    /* interned */
	char *text;
	uint32_t size;
	uint32_t *lines;       /* offsets */
	uint32_t n_lines;
	enum source_language language;
	struct ignore *ignores;
	size_t n_ignores, cap_ignores;
	bool limited;          /* some limit cut the reading short */
	uint64_t programs;     /* one bit per main() that can come here */
	uint32_t number;       /* among the sources of the run */
	bool too_deep;         /* what is nested deeper than the parser can bear was not read */
	bool aside;            /* a test, an example or a benchmark: what is said of it is advice */
	bool context;          /* read because a file includes it: nothing is reported in it */
	uint64_t device, inode; /* which file it is, however it is called; 0: none */
	struct inclusion *inclusions;
	size_t n_inclusions, cap_inclusions;
	struct mention *mentions;
	uint32_t seen;         /* private to include.c */
	signed char spawns;    /* private to rules/path.c: 1 yes, -1 no, 0 not asked yet */
	signed char qt;        /* private to model/link.c, likewise */
	signed char packets;   /* private to model/descriptor.c, likewise */
	bool elsewhere;        /* includes what only other systems have, or its name says so */
	struct row_range *dead; /* rows in branches of #if that are for other systems, ascending */
	size_t n_dead, cap_dead;
	struct row_range *changed; /* by the diff that findings are limited to */
	size_t n_changed, cap_changed;
	const struct command *command; /* what the build's command tells, or NULL; see commands.h */
	const struct source *unit; /* the file that includes this .c, through any number of them, or itself */
};

struct row_range {
	uint32_t from, to;
};

/* #include "name" or <name>. */
struct inclusion {
	const char *name;
	bool angle;
	struct source *source; /* that it means, or NULL */
};

enum { SOURCE_MAX_SIZE = 16 * 1024 * 1024 };

/*
 * Reads a file; path "-" is standard input. On failure returns a negative errno and says nothing;
 * -EILSEQ: not text.
 */
int source_read(struct source **ret, const char *path);
/*
 * Such a file has that text, whatever the disk says: an editor has it open. The text must stay. A file
 * is recognised by what it is now, or, while it does not exist, by its path.
 */
void source_overlay(const char *path, const char *text, size_t size);
struct source *source_from_text(const char *path, const char *text, size_t size);
/* The text of a row without its end, *n bytes long. */
const char *source_line(const struct source *source, uint32_t row, size_t *n);
bool source_ignores(struct source *source, const char *rule, uint32_t row);
bool source_name_is_code(const char *name);
/* Below the root that was given, the path goes through a folder of tests, examples or benchmarks. */
bool source_path_is_aside(const char *path, const char *root);
bool source_is_elsewhere(const struct source *source, uint32_t row);
/* Where an offset lies. */
struct pos source_pos(const struct source *source, uint32_t offset);


/* files.c. Calls visit for each source file at or below the path; false: nothing to read there. */
bool files_is_excluded(const char *path);
/* From now on, walks end after so many entries of folders; true: one did. */
void files_limit(size_t entries);
bool files_limit_reached(void);
bool files_walk(const char *path, bool (*visit)(const char *path, bool named, void *data),
		void *data);
/*
 * Leaves out what the pattern matches: one without a slash any file or folder of that name, another
 * one what it leads to from that folder. `*` stands for slashes too.
 */
void files_exclude(const char *folder, const char *pattern);

#endif
