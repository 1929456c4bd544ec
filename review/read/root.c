/* SPDX-License-Identifier: Apache-2.0 */
/* Where a path lies; see root.h. */

#include "read/root.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *root_folder(const char *folder)
{
	static const char *last, *last_real;
	char *real;

	if (last && !strcmp(last, folder))
		return last_real;
	real = realpath(folder, NULL);
	if (!real)
		return NULL;
	last = intern_z(folder);
	last_real = intern_z(real);
	free(real);
	return last_real;
}

const char *root_real(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *folder, *name = slash ? slash + 1 : path;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		folder = root_folder(path);
		return folder ? folder : path;
	}
	folder = slash == path ? "/"
			       : root_folder(slash ? intern(path, (size_t)(slash - path)) : ".");
	if (!folder)
		return path;
	return arena_printf(&run_arena, "%s/%s", strcmp(folder, "/") ? folder : "", name);
}

const char *root_below(const char *folder, const char *real)
{
	size_t n = strlen(folder);

	if (!strcmp(folder, "/") && *real == '/')
		return real + 1;
	if (strncmp(folder, real, n) || (real[n] && real[n] != '/'))
		return NULL;
	return real + n + (real[n] == '/');
}

static const char *root_up(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	if (!slash || !slash[1])
		return NULL;
	return slash == folder ? "/" : intern(folder, (size_t)(slash - folder));
}

static const char *root_entry(const char *folder, const char *name)
{
	return arena_printf(&run_arena, "%s/%s", strcmp(folder, "/") ? folder : "", name);
}

/* A file that another user has put above the project, in /tmp, is none of it. */
static bool root_is_ours(const char *file, const char *start)
{
	struct stat st, own;

	if (stat(file, &st) < 0)
		return false;
	if (st.st_uid == 0 || st.st_uid == geteuid() ||
	    (stat(start, &own) == 0 && own.st_uid == st.st_uid))
		return true;
	complain("%s: belongs to another user; not read", file);
	return false;
}

struct root root_of(const char *path)
{
	const char *start = root_real(path);
	struct root root = { 0 };
	struct stat st;

	if (stat(start, &st) < 0 || !S_ISDIR(st.st_mode))
		start = root_up(start);
	for (const char *folder = start; folder && !root.folder; folder = root_up(folder)) {
		const char *file = root_entry(folder, ROOT_FILE);

		if (!root.file && lstat(file, &st) == 0 && root_is_ours(file, start))
			root.file = file;
		if (stat(root_entry(folder, ".git"), &st) == 0)
			root.folder = folder;
	}
	if (!root.folder && root.file)
		root.folder = root_up(root.file);
	else if (!root.folder)
		root.folder = start ? start : "";
	return root;
}
