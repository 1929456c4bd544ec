/* SPDX-License-Identifier: Apache-2.0 */
/* Finding files by the names under which others include them; see include.h. */

#include "read/include.h"
#include "read/commands.h"
#include "read/macro.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	INCLUDE_MAX_FILES = 4000, /* of context */
	INCLUDE_MAX_BYTES = 64 << 20,
	INCLUDE_MAX_UP = 8, /* folders above a file */
	INCLUDE_MAX_PATHS = 200,
	INCLUDE_MAX_NOTES = 2000, /* inclusions of one file */
};

/* A folder in which some file of the run lies. */
struct include_folder {
	const char *path;
	const char **paths; /* where its files' inclusions are looked for, after beside them */
	size_t n_paths, cap_paths;
	const struct commands *
		*commands; /* the compile_commands.json that speak of it, nearest first */
	size_t n_commands, cap_commands;
};

/* What was found for a name in a folder. */
struct include_answer {
	const struct include_folder *folder;
	const char *name;
	struct source *source;
	bool used;
};

static struct {
	struct source **files;
	size_t n, cap, n_given;
	struct source **context;
	size_t n_context, cap_context;
	size_t bytes;
	struct include_folder **folders;
	size_t n_folders, cap_folders;
	struct commands **commands;
	size_t n_commands, cap_commands;
	struct include_answer *answers;
	size_t n_answers, cap_answers;
	struct source **by_inode;
	size_t cap_by_inode, n_by_inode;
	struct source *libev;    /* what its header defines, once somebody includes it */
	struct source **by_name; /* sorted by the last part of their path */
	uint32_t walk;
	const struct source *walked;
} includes;

void include_forget(void)
{
	free(includes.files);
	free(includes.context);
	free(includes.folders);
	free(includes.commands);
	free(includes.by_name);
	memset(&includes, 0, sizeof(includes));
}

/* --- which files there are --- */

static size_t inode_slot(uint64_t device, uint64_t inode)
{
	size_t h = (size_t)(device * 31 + inode * 0x9e3779b97f4a7c15u);

	for (h &= includes.cap_by_inode - 1; includes.by_inode[h];
	     h = (h + 1) & (includes.cap_by_inode - 1))
		if (includes.by_inode[h]->inode == inode && includes.by_inode[h]->device == device)
			break;
	return h;
}

static void inode_add(struct source *source)
{
	struct source **old = includes.by_inode;
	size_t n = includes.cap_by_inode;

	if (!source->inode)
		return;
	if (includes.n_by_inode * 2 >= n) {
		includes.cap_by_inode = n ? n * 2 : 1024;
		includes.by_inode = arena_alloc(&run_arena, includes.cap_by_inode * sizeof(*old));
		for (size_t i = 0; i < n; i++)
			if (old[i])
				includes.by_inode[inode_slot(old[i]->device, old[i]->inode)] =
					old[i];
	}
	includes.by_inode[inode_slot(source->device, source->inode)] = source;
	includes.n_by_inode++;
}

static void include_context_add(struct source *source)
{
	includes.context = grow(includes.context, includes.n_context, &includes.cap_context,
				sizeof(struct source *));
	includes.context[includes.n_context++] = source;
}

void include_note(struct source *source, const char *name, bool angle)
{
	if (source->n_inclusions == INCLUDE_MAX_NOTES)
		return;
	source->inclusions = grow(source->inclusions, source->n_inclusions, &source->cap_inclusions,
				  sizeof(*source->inclusions));
	source->inclusions[source->n_inclusions++] = (struct inclusion){ name, angle, NULL };
}

/* --- where to look --- */

static bool include_is_there(const char *folder, const char *name)
{
	char path[PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path) &&
	       access(path, F_OK) == 0;
}

/* The folder above; "" is the working folder, which has none that is named. */
static const char *include_above(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	if (!*folder || !strcmp(folder, "/") || !strcmp(folder, ".") ||
	    (slash ? !strcmp(slash, "/..") : !strcmp(folder, "..")))
		return NULL;
	if (!slash)
		return intern_z("");
	return slash == folder ? NULL : intern(folder, (size_t)(slash - folder));
}

static bool include_is_root(const char *folder)
{
	static const char *const marks[] = { ".git",         "compile_commands.json",
					     "meson.build",  "configure.ac",
					     "configure.in", "CMakeLists.txt",
					     "Makefile",     "README.md",
					     "README" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (include_is_there(*folder ? folder : ".", marks[i]))
			return true;
	return false;
}

static void folder_add_path(struct include_folder *folder, const char *path)
{
	for (size_t i = 0; i < folder->n_paths; i++)
		if (folder->paths[i] == path)
			return;
	if (folder->n_paths == INCLUDE_MAX_PATHS || starts_with(path, "/usr"))
		return;
	folder->paths =
		grow(folder->paths, folder->n_paths, &folder->cap_paths, sizeof(*folder->paths));
	folder->paths[folder->n_paths++] = path;
}

/* A compile_commands.json, read once. */
static const struct commands *include_commands(const char *file)
{
	for (size_t i = 0; i < includes.n_commands; i++)
		if (includes.commands[i]->file == file)
			return includes.commands[i];
	includes.commands = grow(includes.commands, includes.n_commands, &includes.cap_commands,
				 sizeof(struct commands *));
	return includes.commands[includes.n_commands++] = commands_read(file);
}

static void folder_add_commands(struct include_folder *folder, const char *above)
{
	static const char *const places[] = { "compile_commands.json",
					      "build/compile_commands.json" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		const struct commands *commands;
		const char *file = places[i];

		if (!include_is_there(*above ? above : ".", file))
			continue;
		if (*above)
			file = arena_printf(&run_arena, "%s/%s", above, file);
		commands = include_commands(intern_z(file));
		for (size_t k = 0; k < commands->n_paths; k++)
			folder_add_path(folder, commands->paths[k]);
		folder->commands = grow(folder->commands, folder->n_commands, &folder->cap_commands,
					sizeof(*folder->commands));
		folder->commands[folder->n_commands++] = commands;
	}
}

static void folder_add_with(struct include_folder *folder, const char *above)
{
	static const char *const inner[] = { "include", "src", "inc", "lib" };
	const char *base = *above ? above : ".";

	folder_add_path(folder, above);
	for (size_t i = 0; i < sizeof(inner) / sizeof(*inner); i++)
		if (include_is_there(base, inner[i]))
			folder_add_path(folder, intern_z(*above ? arena_printf(&run_arena, "%s/%s",
									       above, inner[i])
								: inner[i]));
}

/* From the file's folder up to the last that looks like a project's. */
static void folder_find_paths(struct include_folder *folder)
{
	const char *chain[INCLUDE_MAX_UP], *above = folder->path;
	int n = 0, root = 0;

	for (; above && n < INCLUDE_MAX_UP; above = include_above(above)) {
		if (include_is_root(above))
			root = n;
		chain[n++] = above;
	}
	for (int i = 0; i <= root && i < n; i++)
		folder_add_commands(folder, chain[i]);
	for (int i = 0; i <= root && i < n; i++)
		folder_add_with(folder, chain[i]);
}

static struct include_folder *include_folder(const char *path)
{
	struct include_folder *folder;

	for (size_t i = includes.n_folders; i-- > 0;)
		if (includes.folders[i]->path == path)
			return includes.folders[i];
	folder = arena_alloc(&run_arena, sizeof(*folder));
	folder->path = path;
	folder_find_paths(folder);
	includes.folders = grow(includes.folders, includes.n_folders, &includes.cap_folders,
				sizeof(struct include_folder *));
	includes.folders[includes.n_folders++] = folder;
	return folder;
}

/* --- what the build's command tells of a file --- */

/* Definitions that no file of the project has. */
static struct source *include_made(const char *path, const struct text *text, const char *folder)
{
	struct source *made = source_from_text(path, text->s, text->n);

	made->context = true;
	made->unit = made;
	made->folder = folder;
	macro_note(made);
	include_context_add(made);
	return made;
}

static struct source *include_defines(const struct source *source, const struct command *command)
{
	struct text text = { 0 };
	struct source *made;

	for (size_t i = 0; i < command->n_macros; i++)
		if (command->macros[i].value && !strpbrk(command->macros[i].value, "\r\n"))
			text_printf(&text, "#define %s %s\n", command->macros[i].name,
				    command->macros[i].value);
	if (!text.n)
		return NULL;
	made = include_made(arena_printf(&run_arena, "<command of %s>", source->path), &text,
			    source->folder);
	text_done(&text);
	return made;
}

/*
 * libev's header, which a project seldom has itself. The first argument of its functions and of
 * their callbacks hides in these macros, which have the comma in them; without them every argument
 * stands one place too far to the left.
 */
static struct source *include_libev(const char *folder)
{
	static const char definitions[] = "#define EV_P struct ev_loop *loop\n"
					  "#define EV_P_ EV_P,\n"
					  "#define EV_A loop\n"
					  "#define EV_A_ EV_A,\n";
	struct text text = { 0 };

	if (!includes.libev) {
		text_printf(&text, "%s", definitions);
		includes.libev = include_made("<ev.h>", &text, folder);
		text_done(&text);
	}
	return includes.libev;
}

/* The macros of its command come into the file as a text of definitions that it includes. */
static void include_find_command(struct source *source)
{
	const struct include_folder *folder = include_folder(source->folder);
	struct command *command = NULL;

	for (size_t i = 0; i < folder->n_commands && !command; i++)
		command = commands_find(folder->commands[i], source->device, source->inode);
	source->command = command;
	if (!command || !command->n_macros)
		return;
	if (!command->text) {
		command->text = include_defines(source, command);
	}
	if (command->text) {
		include_note(source, command->text->path, true);
		source->inclusions[source->n_inclusions - 1].source = command->text;
	}
}

bool include_add(struct source *source)
{
	if (source->inode && includes.cap_by_inode &&
	    includes.by_inode[inode_slot(source->device, source->inode)])
		return false;
	includes.files = grow(includes.files, includes.n, &includes.cap, sizeof(*includes.files));
	includes.files[includes.n++] = source;
	inode_add(source);
	include_find_command(source);
	macro_note(source);
	return true;
}

/* --- looking --- */

static struct source *include_read(const char *path)
{
	struct source *source;
	struct stat st;
	size_t slot;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	slot = includes.cap_by_inode ? inode_slot((uint64_t)st.st_dev, (uint64_t)st.st_ino) : 0;
	if (includes.cap_by_inode && includes.by_inode[slot])
		return includes.by_inode[slot];
	if (includes.n_context == INCLUDE_MAX_FILES || includes.bytes > INCLUDE_MAX_BYTES ||
	    source_read(&source, path) < 0)
		return NULL;
	source->context = true;
	includes.bytes += source->size;
	include_context_add(source);
	include_add(source);
	return source;
}

static struct source *include_try(const char *folder, const char *name)
{
	char path[PATH_MAX];

	if (*name == '/' ||
	    (size_t)snprintf(path, sizeof(path), "%s%s%s", folder, *folder ? "/" : "", name) >=
		    sizeof(path) ||
	    access(path, R_OK) != 0)
		return NULL;
	return include_read(arena_copy(&run_arena, path, strlen(path)));
}

static const char *include_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int include_compare_names(const void *x, const void *y)
{
	const struct source *a = *(struct source *const *)x, *b = *(struct source *const *)y;
	int order = strcmp(include_last(a->path), include_last(b->path));

	return order ? order : strcmp(a->path, b->path);
}

static bool include_ends_with(const char *path, const char *name)
{
	size_t n = strlen(path), m = strlen(name);

	return n >= m && !strcmp(path + n - m, name) && (n == m || path[n - m - 1] == '/');
}

/* The only file of the run whose path ends so. */
static struct source *include_by_end(const char *name)
{
	struct source *found = NULL;
	size_t low = 0, high = includes.n_given;
	const char *last = include_last(name);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(include_last(includes.by_name[middle]->path), last) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < includes.n_given && !strcmp(include_last(includes.by_name[low]->path), last);
	     low++) {
		if (!include_ends_with(includes.by_name[low]->path, name))
			continue;
		if (found)
			return NULL;
		found = includes.by_name[low];
	}
	return found;
}

static struct source *include_look(const struct include_folder *folder, const char *name,
				   bool angle, bool given)
{
	struct source *found = angle ? NULL : include_try(folder->path, name);

	for (size_t i = 0; i < folder->n_paths && !found; i++)
		found = include_try(folder->paths[i], name);
	if (!found && given && !strstr(name, ".."))
		found = include_by_end(name);
	return found;
}

static struct include_answer *include_answer(const struct include_folder *folder, const char *name)
{
	size_t h = ((uintptr_t)folder >> 4) * 31 + ((uintptr_t)name >> 3);

	for (h &= includes.cap_answers - 1; includes.answers[h].used;
	     h = (h + 1) & (includes.cap_answers - 1))
		if (includes.answers[h].folder == folder && includes.answers[h].name == name)
			break;
	return &includes.answers[h];
}

static void include_answers_grow(void)
{
	struct include_answer *old = includes.answers;
	size_t n = includes.cap_answers;

	includes.cap_answers = n ? n * 2 : 4096;
	includes.answers = arena_alloc(&run_arena, includes.cap_answers * sizeof(*old));
	for (size_t i = 0; i < n; i++)
		if (old[i].used)
			*include_answer(old[i].folder, old[i].name) = old[i];
}

/* Names of the language's and the system's headers have no file in a project. */
static bool include_is_system(const struct inclusion *inclusion)
{
	return inclusion->angle &&
	       (!strchr(inclusion->name, '.') || starts_with(inclusion->name, "sys/") ||
		starts_with(inclusion->name, "netinet/") ||
		starts_with(inclusion->name, "linux/") || starts_with(inclusion->name, "std"));
}

static void include_resolve_one(struct source *source, size_t given)
{
	const struct include_folder *folder = include_folder(source->folder);

	for (size_t i = 0; i < source->n_inclusions; i++) {
		struct inclusion *inclusion = &source->inclusions[i];
		struct include_answer *answer;
		struct source *found;

		if (inclusion->source || include_is_system(inclusion))
			continue;
		if (includes.n_answers * 2 >= includes.cap_answers)
			include_answers_grow();
		answer = include_answer(folder, inclusion->name);
		if (!answer->used) {
			found = include_look(folder, inclusion->name, inclusion->angle, given > 1);
			if (!found && !strcmp(include_last(inclusion->name), "ev.h"))
				found = include_libev(source->folder);
			answer = include_answer(folder, inclusion->name);
			*answer = (struct include_answer){ folder, inclusion->name, found, true };
			includes.n_answers++;
		}
		inclusion->source = answer->source;
	}
	for (size_t i = 0; source->command && i < source->command->n_includes; i++) {
		struct source *found = include_read(source->command->includes[i]);
		size_t n = source->n_inclusions;

		include_note(source, source->command->includes[i], true);
		if (source->n_inclusions > n)
			source->inclusions[n].source = found;
	}
}

static int include_compare_paths(const void *x, const void *y)
{
	const struct source *a = *(struct source *const *)x, *b = *(struct source *const *)y;

	return strcmp(a->path, b->path);
}

static bool include_is_implementation(const struct source *source)
{
	const char *dot = strrchr(include_last(source->path), '.');

	return dot && dot[1] && strchr("cC", dot[1]);
}

/* main.c that includes part.c: what is static in one is seen in the other. */
static void include_find_units(void)
{
	for (size_t i = 0; i < includes.n; i++)
		includes.files[i]->unit = includes.files[i];
	for (int round = 0; round < 4; round++)
		for (size_t i = 0; i < includes.n; i++) {
			struct source *source = includes.files[i];

			for (size_t k = 0; k < source->n_inclusions; k++) {
				struct source *part = source->inclusions[k].source;

				if (part && part != source && include_is_implementation(part) &&
				    include_is_implementation(source))
					part->unit = source->unit;
			}
		}
}

size_t include_resolve(void)
{
	size_t given = includes.n;

	includes.by_name = malloc((given + 1) * sizeof(struct source *));
	if (!includes.by_name)
		abort();
	if (given) {
		memcpy(includes.by_name, includes.files, given * sizeof(struct source *));
		qsort(includes.by_name, given, sizeof(struct source *), include_compare_names);
	}
	includes.n_given = given;
	/* The list grows with what is read on the way. */
	for (size_t i = 0; i < includes.n; i++)
		include_resolve_one(includes.files[i], given);
	include_find_units();
	if (includes.n_context)
		qsort(includes.context, includes.n_context, sizeof(struct source *),
		      include_compare_paths);
	return includes.n_context;
}

struct source *include_context(size_t i)
{
	return includes.context[i];
}

/* --- what a file sees --- */

static void include_walk(struct source *source)
{
	struct source **stack = NULL;
	size_t n = 0, cap = 0;

	source->seen = ++includes.walk;
	stack = grow(stack, n, &cap, sizeof(struct source *));
	stack[n++] = source;
	while (n) {
		struct source *top = stack[--n];

		for (size_t i = 0; i < top->n_inclusions; i++) {
			struct source *next = top->inclusions[i].source;

			if (!next || next->seen == includes.walk)
				continue;
			next->seen = includes.walk;
			stack = grow(stack, n, &cap, sizeof(struct source *));
			stack[n++] = next;
		}
	}
	free(stack);
}

bool include_sees(const struct source *source, const struct source *other)
{
	if (source == other)
		return true;
	if (includes.walked != source) {
		includes.walked = source;
		include_walk((struct source *)source);
	}
	return other->seen == includes.walk;
}
