/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_COMMANDS_H
#define REVIEW_COMMANDS_H

/*
 * What a compile_commands.json tells of a build: include paths, and for each file the macros that
 * its command defines (-D), undefines (-U) and takes from a file (-include).
 *
 * The paths of all its commands are looked in for every file. Macros are not shared so: a file has
 * those of its own command, of several commands what all of them say. A file without a command, as
 * headers are, has what all commands of the build say.
 */

#include "base/base.h"

struct source;

struct command_macro {
	const char *name;
	const char *value; /* NULL: -U */
};

struct command {
	struct command_macro *macros; /* by name, each once */
	size_t n_macros;
	const char **includes; /* as they have to be opened */
	size_t n_includes;
	struct source *text; /* its macros as #define lines, or NULL; private to include.c */
};

struct commands_entry {
	uint64_t device, inode;
	struct command *command;
};

struct commands {
	const char *file;
	const char **paths;
	size_t n_paths, cap_paths;
	struct commands_entry *entries; /* one for each file, by device and inode */
	size_t n_entries, cap_entries;
	struct command *common;
};

/* Never NULL; a file that cannot be read, or is none, has nothing in it. */
struct commands *commands_read(const char *file);
/* The command of that file, or what all say, or NULL. */
struct command *commands_find(const struct commands *commands, uint64_t device, uint64_t inode);
/* 1: defined, with *value; 0: undefined; -1: the command does not say. */
int command_macro(const struct command *command, const char *name, size_t n, const char **value);

#endif
