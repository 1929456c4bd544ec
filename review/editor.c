/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is reviewed for a document that an editor has open: the whole project if that takes less than
 * about half a second, so that findings are those of the command line; else the files of its folder;
 * else the open documents alone. Headers that they include are read in any case.
 */

#include "review.h"
#include "lsp/lsp.h"
#include "read/root.h"
#include "read/source.h"
#include "rules/rules.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	EDITOR_MAX_BYTES = 1 << 20,
	EDITOR_MAX_ENTRIES = 20000, /* of folders, to look for them */
};

struct editor_files {
	const char **paths;
	size_t n, cap;
	int64_t bytes;
};

static bool editor_found(const char *path, bool named, void *data)
{
	struct editor_files *files = data;
	struct stat st;

	(void)named;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return true;
	files->paths = grow(files->paths, files->n, &files->cap, sizeof(*files->paths));
	files->paths[files->n++] = path;
	files->bytes += st.st_size;
	return true;
}

/* The files below the folder, if they are not too many. */
static bool editor_collect(const char *folder, struct editor_files *files)
{
	files->n = 0;
	files->bytes = 0;
	files_limit(EDITOR_MAX_ENTRIES);
	files_walk(folder, editor_found, files);
	if (!files_limit_reached() && files->bytes <= EDITOR_MAX_BYTES)
		return true;
	files->n = 0;
	return false;
}

static const char *editor_folder(const char *path)
{
	const char *real = root_real(path), *slash = strrchr(real, '/');

	return slash > real ? intern(real, (size_t)(slash - real)) : "/";
}

/* The root of the repository or project, or the folder of the workspace, or the document's own. */
static const char *editor_root(const struct lsp_job *job, const char *path)
{
	struct root root = root_of(path);
	const char *folder = editor_folder(path);

	if (root.file || strcmp(root.folder, folder) != 0 ||
	    access(arena_printf(&run_arena, "%s/.git", folder), F_OK) == 0)
		return root.folder;
	for (size_t i = 0; i < job->n_folders; i++)
		if (root_below(root_real(job->folders[i]), folder))
			return root_real(job->folders[i]);
	return folder;
}

/* A document of the same root and the same project file can be reviewed in the same run. */
static bool editor_covers(const char *root, const char *file, const char *path)
{
	const char *other = root_of(path).file;

	return root_below(root, root_real(path)) &&
	       (file && other ? !strcmp(file, other) : file == other);
}

bool editor_review(struct lsp_job *job, void *data)
{
	struct review_options options = *(struct review_options *)data;
	const char *about = job->files[job->about].path, *root = editor_root(job, about);
	const char *file = root_of(about).file;
	struct editor_files files = { 0 };
	bool any;

	options.paths = arena_alloc(&run_arena, job->n * sizeof(*options.paths));
	options.n_paths = 0;
	for (size_t i = 0; i < job->n; i++) {
		source_overlay(job->files[i].path, job->files[i].text, job->files[i].size);
		job->files[i].covered = editor_covers(root, file, job->files[i].path);
		if (job->files[i].covered)
			options.paths[options.n_paths++] = job->files[i].path;
	}
	if (review_prepare(&options))
		return false;
	if (!editor_collect(root, &files))
		editor_collect(editor_folder(about), &files);
	files_limit(EDITOR_MAX_ENTRIES);
	for (size_t i = 0; i < options.n_paths; i++)
		review_add(options.paths[i], root);
	for (size_t i = 0; i < files.n; i++)
		review_add(files.paths[i], root);
	review_find(&options, &any);
	findings_join();
	return true;
}
