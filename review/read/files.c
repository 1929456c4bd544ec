/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders and their files, in the order of names. Links to folders are not followed, so a loop of
 * links cannot be walked; a link to a file is read.
 */

#include "read/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX_DEPTH = 40 };

static const char *const files_skipped[] = { "node_modules", "CMakeFiles",  "_build",
					     "target",       "__pycache__", "subprojects" };

static bool files_skip_folder(const char *name)
{
	if (*name == '.' || starts_with(name, "build-") || !strcmp(name, "build"))
		return true;
	for (size_t i = 0; i < sizeof(files_skipped) / sizeof(*files_skipped); i++)
		if (!strcmp(name, files_skipped[i]))
			return true;
	return false;
}

static int files_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool files_walk_folder(const char *path, int depth,
			      bool (*visit)(const char *path, bool named, void *data), void *data)
{
	struct dirent **entries;
	bool any = false;
	int n;

	n = depth > FILES_MAX_DEPTH ? 0 : scandir(path, &entries, files_visible, alphasort);
	if (n < 0) {
		complain("%s: %s", path, strerror(errno));
		return false;
	}
	for (int i = 0; i < n; i++) {
		bool slash = path[strlen(path) - 1] == '/';
		const char *inner = arena_printf(&run_arena, "%s%s%s", path, slash ? "" : "/",
						 entries[i]->d_name);
		struct stat st;

		if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode)) {
			if (!files_skip_folder(entries[i]->d_name))
				any |= files_walk_folder(inner, depth + 1, visit, data);
		} else if (source_name_is_code(entries[i]->d_name)) {
			any |= visit(inner, false, data);
		}
		free(entries[i]);
	}
	if (depth <= FILES_MAX_DEPTH)
		free(entries);
	return any;
}

bool files_walk(const char *path, bool (*visit)(const char *path, bool named, void *data),
		void *data)
{
	struct stat st;

	if (*path && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (files_walk_folder(path, 0, visit, data))
			return true;
		complain("%s: no C or C++ sources in it", path);
		return false;
	}
	return visit(path, true, data);
}
