/* SPDX-License-Identifier: Apache-2.0 */
/* ls.c - postern ls: the names on this machine, from what their owners wrote */
#include "command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LS_SINCE 20

struct ls_values {
	struct common common;
	bool all;
	bool json;
	bool quiet;
	bool services;
};

/* The text of all columns, in one block: the width is known only after the last name. */
struct ls_row {
	struct ls_row *next;
	const char *name, *path, *version; /* in text */
	char mode[16];
	char pid[16];
	char uid[16];
	char since[LS_SINCE];
	int64_t since_s;
	int alive;
	char text[];
};

struct ls {
	const struct ls_values *values;
	struct ls_row *rows, **last;
	int name_width;
	bool full;
};

static const struct option ls_options[] = {
	{ .name = "all",
	  .letter = 'a',
	  .help = "show the system's names too",
	  .offset = offsetof(struct ls_values, all) },
	{ .name = "json",
	  .help = "print an array of objects",
	  .offset = offsetof(struct ls_values, json) },
	{ .name = "quiet",
	  .letter = 'q',
	  .help = "print only names, one per line, without dead ones",
	  .offset = offsetof(struct ls_values, quiet) },
	{ .name = "services",
	  .help = "only those of services, which postern call can call",
	  .offset = offsetof(struct ls_values, services) },
	{ .name = NULL },
};

static void ls_fill(struct ls_row *row, const struct postern_name_info *info)
{
	time_t since = (time_t)info->since;
	struct tm local;

	row->alive = info->alive;
	row->since_s = info->since;
	snprintf(row->mode, sizeof(row->mode), "%.15s", *info->mode ? info->mode : "-");
	/* A pid from another namespace means another process here. */
	snprintf(row->pid, sizeof(row->pid), info->alive < 0 ? "?" : "%ld", (long)info->pid);
	snprintf(row->uid, sizeof(row->uid), info->uid == (uid_t)-1 ? "?" : "%lu",
		 (unsigned long)info->uid);
	if (!info->since || !localtime_r(&since, &local) ||
	    !strftime(row->since, sizeof(row->since), "%Y-%m-%d %H:%M:%S", &local))
		strcpy(row->since, "-");
}

static int ls_add(const struct postern_name_info *info, void *data)
{
	struct ls *ls = data;
	size_t name = strlen(info->name) + 1, path = strlen(info->path) + 1;
	size_t version = strlen(info->version) + 1;
	struct ls_row *row;

	if (!ls->values->all && !strncmp(info->name, "system:", 7))
		return 0;
	if (ls->values->services && strcmp(info->mode, "varlink") != 0)
		return 0;
	row = calloc(1, sizeof(*row) + name + path + version);
	if (!row) {
		ls->full = true;
		return -ENOMEM;
	}
	row->name = memcpy(row->text, info->name, name);
	row->path = memcpy(row->text + name, info->path, path);
	row->version = memcpy(row->text + name + path, info->version, version);
	ls_fill(row, info);
	if ((int)name - 1 > ls->name_width)
		ls->name_width = (int)name - 1;
	*ls->last = row;
	ls->last = &row->next;
	return 0;
}

static const char *ls_number(const char *text)
{
	return *text == '?' ? "null" : text;
}

static void ls_print_json(const struct ls *ls)
{
	printf("[");
	for (const struct ls_row *row = ls->rows; row; row = row->next) {
		printf("%s\n  {\"name\": ", row == ls->rows ? "" : ",");
		output_json(stdout, row->name);
		printf(", \"alive\": %s, \"mode\": ", row->alive < 0 ? "null"
						      : row->alive   ? "true"
								     : "false");
		output_json(stdout, *row->mode == '-' ? "" : row->mode);
		printf(", \"pid\": %s, \"uid\": %s, \"since\": %" PRId64 ", \"version\": ",
		       ls_number(row->pid), ls_number(row->uid), row->since_s);
		output_json(stdout, row->version);
		printf(", \"path\": ");
		output_json(stdout, row->path);
		printf("}");
	}
	printf(ls->rows ? "\n]\n" : "]\n");
}

static void ls_print_names(const struct ls *ls)
{
	for (const struct ls_row *row = ls->rows; row; row = row->next)
		if (row->alive != 0)
			printf("%s\n", row->name);
}

static void ls_print_table(const struct ls *ls)
{
	int width = ls->name_width > 4 ? ls->name_width : 4;

	printf("%-*s  %-8s  %-8s  %-6s  %-19s  %s\n", width, "NAME", "MODE", "PID", "UID", "SINCE",
	       "PATH");
	for (const struct ls_row *row = ls->rows; row; row = row->next) {
		output_cell(stdout, row->name, width + 2);
		output_cell(stdout, row->mode, 10);
		printf("%-8s  %-6s  %-19s  ", row->alive == 0 ? "dead" : row->pid, row->uid,
		       row->since);
		output_cell(stdout, row->path, 0);
		printf("\n");
	}
}

static int ls_run(void *data)
{
	struct ls ls = { .values = data, .last = &ls.rows };
	struct ls_row *row;
	int status = EXIT_DONE;
	int r = postern_name_list(ls_add, &ls);

	if (r < 0) {
		output_text("ls", NULL, ls.full ? "out of memory" : postern_why()->text);
		status = r == -ENOMEM || r == -EMFILE || r == -ENFILE ? EXIT_TRY_AGAIN
								      : EXIT_NO_INPUT;
	} else if (ls.values->json) {
		ls_print_json(&ls);
	} else if (ls.values->quiet) {
		ls_print_names(&ls);
	} else {
		ls_print_table(&ls);
	}
	while (ls.rows) {
		row = ls.rows;
		ls.rows = row->next;
		free(row);
	}
	return status;
}

const struct verb verb_ls = {
	.name = "ls",
	.operands = "",
	.about = "Shows the names on this machine and their servers.",
	.notes = "MODE is varlink for a service (postern call), else bytes.\n"
		 "PID is 'dead' if the server ended without removing its name (the next one takes\n"
		 "it over), and '?' if that is unknown: in another pid namespace, or without an\n"
		 "info file. Paths and @abstract names are not listed.",
	.options = ls_options,
	.size = sizeof(struct ls_values),
	.run = ls_run,
};
