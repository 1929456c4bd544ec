/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_ROOT_H
#define REVIEW_ROOT_H

/*
 * Where a path lies, however it was typed: `.`, `../src`, an absolute path and one through links to
 * folders are the same. Names that outlive a run (keys of a baseline, the paths that a project file
 * leaves out) count from a folder, never from the working one.
 */

#include "base/base.h"

/* The file of a project, in its root or in a folder of it. */
#define ROOT_FILE ".postern-review"

/* Absolute, and without links in its folders; the path itself where its folder does not exist. */
const char *root_real(const char *path);
/* The real path as seen from the real folder, "" for itself; NULL: it is not below it. */
const char *root_below(const char *folder, const char *real);

struct root {
	const char *folder; /* of the repository, or else of the project file, or else of the path */
	const char *file;   /* the nearest project file, up to the root of the repository, or NULL */
};

struct root root_of(const char *path);

#endif
