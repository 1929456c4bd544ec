/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders and their files, in the order of names. Links to folders are not followed, so a loop of
 * links cannot be walked; a link to a file is read.
 */

#include "read/root.h"
#include "read/source.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX_DEPTH = 40 };

static const char *const files_skipped[] = { "node_modules", "CMakeFiles",  "_build",
					     "target",       "__pycache__", "subprojects" };

struct files_pattern {
	const char *folder, *pattern;
};

static struct files_pattern *files_patterns;
static size_t n_files_patterns, cap_files_patterns;

void files_exclude(const char *folder, const char *pattern)
{
	size_t n;

	while (starts_with(pattern, "./"))
		pattern += 2;
	n = strlen(pattern);
	while (n > 1 && pattern[n - 1] == '/')
		n--;
	files_patterns = grow(files_patterns, n_files_patterns, &cap_files_patterns,
			      sizeof(*files_patterns));
	files_patterns[n_files_patterns++] =
		(struct files_pattern){ root_real(folder), intern(pattern, n) };
}

static bool files_matches(const struct files_pattern *p, const char *real)
{
	const char *below = root_below(p->folder, real);

	if (strchr(p->pattern, '/'))
		return below &&
		       fnmatch(p->pattern + (*p->pattern == '/'), below, FNM_LEADING_DIR) == 0;
	/* Of what lies elsewhere, the name alone. */
	if (!below)
		below = strrchr(real, '/') ? strrchr(real, '/') + 1 : real;
	for (; below; below = strchr(below, '/') ? strchr(below, '/') + 1 : NULL)
		if (fnmatch(p->pattern, below, FNM_PATHNAME | FNM_LEADING_DIR) == 0)
			return true;
	return false;
}

bool files_is_excluded(const char *path)
{
	const char *real = n_files_patterns ? root_real(path) : NULL;

	for (size_t i = 0; i < n_files_patterns; i++)
		if (files_matches(&files_patterns[i], real))
			return true;
	return false;
}

static size_t files_left = SIZE_MAX;

void files_limit(size_t entries)
{
	files_left = entries;
}

bool files_limit_reached(void)
{
	return files_left == 0;
}

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

		if (files_left == 0) {
			free(entries[i]);
			continue;
		}
		files_left--;
		if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode)) {
			if (files_is_excluded(inner))
				any = true;
			else if (!files_skip_folder(entries[i]->d_name))
				any |= files_walk_folder(inner, depth + 1, visit, data);
		} else if (source_name_is_code(entries[i]->d_name)) {
			any |= files_is_excluded(inner) || visit(inner, false, data);
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

	if (strcmp(path, "-") && files_is_excluded(path))
		return true;
	if (*path && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (files_walk_folder(path, 0, visit, data))
			return true;
		complain("%s: no C or C++ sources in it", path);
		return false;
	}
	return visit(path, true, data);
}
