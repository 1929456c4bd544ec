/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a compile_commands.json; see commands.h. Of its objects a "directory", a "file", and options
 * in a "command" or in "arguments" matter; what else they hold is passed over.
 */

#include "read/commands.h"
#include "base/json.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	COMMANDS_MAX_SIZE = 32 << 20,
	COMMANDS_MAX_PATHS = 200,
	COMMANDS_MAX_WORDS = 4000, /* of one command */
	COMMANDS_MAX_MACROS = 500,
	COMMANDS_MAX_INCLUDES = 16,
};

/* One object of the list while it is read. */
struct commands_object {
	const char *directory, *file;
	const char **words;
	size_t n_words, cap_words;
};

static void commands_add_word(struct commands_object *object, const char *word)
{
	if (object->n_words == COMMANDS_MAX_WORDS)
		return;
	object->words = grow(object->words, object->n_words, &object->cap_words, sizeof(char *));
	object->words[object->n_words++] = word;
}

/* A command as a shell would part it, in its place. */
static void commands_split(struct commands_object *object, char *s)
{
	char *to = s;

	while (*(s += strspn(s, " \t\r\n"))) {
		char *word = to, quote = '\0';

		for (; *s && (quote || !strchr(" \t\r\n", *s)); s++) {
			if (!quote && (*s == '"' || *s == '\''))
				quote = *s;
			else if (quote && *s == quote)
				quote = '\0';
			else {
				s += *s == '\\' && s[1] && quote != '\'';
				*to++ = *s;
			}
		}
		s += *s != '\0';
		*to++ = '\0';
		commands_add_word(object, word);
	}
}

/* --- options --- */

struct commands_made {
	struct command_macro macros[COMMANDS_MAX_MACROS];
	size_t n_macros;
	const char *includes[COMMANDS_MAX_INCLUDES];
	size_t n_includes;
};

/* The path as it has to be opened from here, or NULL. */
static const char *commands_path(const struct commands_object *object, const char *path)
{
	char whole[PATH_MAX];

	if (*path && *path != '/') {
		if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", object->directory, path) >=
		    sizeof(whole))
			return NULL;
		path = whole;
	}
	return *path && access(path, R_OK) == 0 ? intern_z(path) : NULL;
}

static void commands_include_path(struct commands *commands, const char *path)
{
	for (size_t i = 0; path && i < commands->n_paths; i++)
		if (commands->paths[i] == path)
			return;
	if (!path || commands->n_paths == COMMANDS_MAX_PATHS)
		return;
	commands->paths = grow(commands->paths, commands->n_paths, &commands->cap_paths,
			       sizeof(*commands->paths));
	commands->paths[commands->n_paths++] = path;
}

/* The last word on a macro counts. */
static void commands_define(struct commands_made *made, const char *word, bool defines)
{
	size_t n = strcspn(word, "="), i;
	const char *name = intern(word, n);

	for (i = 0; i < made->n_macros && made->macros[i].name != name; i++)
		;
	if (!n || i == COMMANDS_MAX_MACROS)
		return;
	made->macros[i].name = name;
	made->macros[i].value = !defines ? NULL : word[n] ? intern_z(word + n + 1) : intern_z("1");
	made->n_macros += i == made->n_macros;
}

static void commands_option(struct commands *commands, const struct commands_object *object,
			    struct commands_made *made, const char *option, const char *value)
{
	const char *path;

	if (option[1] == 'D' || option[1] == 'U') {
		commands_define(made, value, option[1] == 'D');
		return;
	}
	path = commands_path(object, value);
	if (!strcmp(option, "-include") || !strcmp(option, "-imacros")) {
		if (path && made->n_includes < COMMANDS_MAX_INCLUDES)
			made->includes[made->n_includes++] = path;
	} else {
		commands_include_path(commands, path);
	}
}

static void commands_options(struct commands *commands, const struct commands_object *object,
			     struct commands_made *made)
{
	static const char *const options[] = { "-iquote", "-isystem", "-include", "-imacros",
					       "-I",      "-D",       "-U" };

	for (size_t i = 0; i < object->n_words; i++)
		for (size_t k = 0; k < sizeof(options) / sizeof(*options); k++) {
			const char *value = object->words[i];

			if (!starts_with(value, options[k]))
				continue;
			value += strlen(options[k]);
			if (!*value && i + 1 < object->n_words)
				value = object->words[++i];
			commands_option(commands, object, made, options[k], value);
			break;
		}
}

/* --- commands --- */

static int command_compare(const void *x, const void *y)
{
	return strcmp(((const struct command_macro *)x)->name,
		      ((const struct command_macro *)y)->name);
}

static struct command *command_made(struct commands_made *made)
{
	struct command *command = arena_alloc(&run_arena, sizeof(*command));

	if (made->n_macros)
		qsort(made->macros, made->n_macros, sizeof(*made->macros), command_compare);
	command->n_macros = made->n_macros;
	command->macros = arena_alloc(&run_arena, made->n_macros * sizeof(*made->macros) + 1);
	memcpy(command->macros, made->macros, made->n_macros * sizeof(*made->macros));
	command->n_includes = made->n_includes;
	command->includes = arena_alloc(&run_arena, made->n_includes * sizeof(*made->includes) + 1);
	memcpy(command->includes, made->includes, made->n_includes * sizeof(*made->includes));
	return command;
}

static bool command_has(const struct command *command, const struct command_macro *macro)
{
	for (size_t i = 0; i < command->n_macros; i++)
		if (command->macros[i].name == macro->name)
			return command->macros[i].value == macro->value;
	return false;
}

static bool command_is(const struct command *a, const struct command *b)
{
	return a->n_macros == b->n_macros && a->n_includes == b->n_includes &&
	       !memcmp(a->macros, b->macros, a->n_macros * sizeof(*a->macros)) &&
	       !memcmp(a->includes, b->includes, a->n_includes * sizeof(*a->includes));
}

/* What both of them say. */
static struct command *command_agree(const struct command *a, const struct command *b)
{
	struct command *both = arena_alloc(&run_arena, sizeof(*both));

	both->macros = arena_alloc(&run_arena, a->n_macros * sizeof(*both->macros) + 1);
	for (size_t i = 0; i < a->n_macros; i++)
		if (command_has(b, &a->macros[i]))
			both->macros[both->n_macros++] = a->macros[i];
	return both;
}

static void commands_object_end(struct commands *commands, struct commands_object *object)
{
	struct commands_made made = { .n_macros = 0 };
	const struct commands_entry *last =
		commands->n_entries ? &commands->entries[commands->n_entries - 1] : NULL;
	struct commands_entry entry = { 0 };
	const char *path;
	struct stat st;

	commands_options(commands, object, &made);
	path = object->file ? commands_path(object, object->file) : NULL;
	if (path && stat(path, &st) == 0) {
		entry.device = (uint64_t)st.st_dev;
		entry.inode = (uint64_t)st.st_ino;
		entry.command = command_made(&made);
		/* Most commands of a build say the same; they share it. */
		if (last && command_is(last->command, entry.command))
			entry.command = last->command;
		else
			commands->common = !commands->common
						   ? entry.command
						   : command_agree(commands->common, entry.command);
		commands->entries = grow(commands->entries, commands->n_entries,
					 &commands->cap_entries, sizeof(*commands->entries));
		commands->entries[commands->n_entries++] = entry;
	}
}

static int entry_compare(const void *x, const void *y)
{
	const struct commands_entry *a = x, *b = y;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

/* A file that is compiled several times: what all its commands say. */
static void commands_join(struct commands *commands)
{
	size_t n = 0;

	if (commands->n_entries)
		qsort(commands->entries, commands->n_entries, sizeof(*commands->entries),
		      entry_compare);
	for (size_t i = 0; i < commands->n_entries; i++) {
		struct commands_entry *entry = &commands->entries[i];

		if (n && !entry_compare(&commands->entries[n - 1], entry))
			commands->entries[n - 1].command =
				command_agree(commands->entries[n - 1].command, entry->command);
		else
			commands->entries[n++] = *entry;
	}
	commands->n_entries = n;
	/* A single file's command, with what it includes, is not everybody's. */
	if (commands->common)
		commands->common = command_agree(commands->common, commands->common);
}

static void commands_object(struct commands *commands, struct arena *arena,
			    const struct json *entry, struct commands_object *object)
{
	const struct json *command = json_get(entry, "command"), *words;
	const char *directory = json_get_text(entry, "directory");

	object->n_words = 0;
	object->directory = directory ? directory : "";
	object->file = json_get_text(entry, "file");
	if (command && command->kind == JSON_STRING)
		commands_split(object, arena_copy(arena, command->text, command->n));
	words = json_get(entry, "arguments");
	for (words = words ? words->first : NULL; words; words = words->next)
		if (words->kind == JSON_STRING)
			commands_add_word(object, words->text);
	commands_object_end(commands, object);
}

struct commands *commands_read(const char *file)
{
	struct commands *commands = arena_alloc(&run_arena, sizeof(*commands));
	struct commands_object object = { .directory = "" };
	struct text text = { 0 };
	struct arena arena = { 0 };
	const struct json *list;
	const char *why;

	commands->file = file;
	list = !text_read(&text, file, O_NONBLOCK, COMMANDS_MAX_SIZE) && text.n
		       ? json_read(&arena, text.s, text.n, &why)
		       : NULL;
	for (list = list && list->kind == JSON_ARRAY ? list->first : NULL; list; list = list->next)
		commands_object(commands, &arena, list, &object);
	text_drop(&text);
	free(object.words);
	arena_free(&arena);
	commands_join(commands);
	return commands;
}

struct command *commands_find(const struct commands *commands, uint64_t device, uint64_t inode)
{
	const struct commands_entry key = { .device = device, .inode = inode }, *found;

	found = commands->n_entries ? bsearch(&key, commands->entries, commands->n_entries,
					      sizeof(key), entry_compare)
				    : NULL;
	return found ? found->command : commands->common;
}

int command_macro(const struct command *command, const char *name, size_t n, const char **value)
{
	for (size_t i = 0; command && i < command->n_macros; i++) {
		const struct command_macro *macro = &command->macros[i];

		if (strncmp(macro->name, name, n) != 0 || macro->name[n])
			continue;
		*value = macro->value;
		return macro->value != NULL;
	}
	return -1;
}
