/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_INCLUDE_H
#define REVIEW_INCLUDE_H

/*
 * Which file an #include means, and what a file sees through them.
 *
 * A name is looked for beside the file that includes it, in the include paths that the project's
 * compile_commands.json names, in the folders above up to the project's root and their include/,
 * src/ and inc/, and last among the files of the run by the end of their path. What is found and
 * was not given is read as context. The system's headers are not read: what they declare is what
 * the knowledge is for.
 */

#include "read/source.h"

/* A file of the run, or of the context; false: that file is there, under another path. */
bool include_add(struct source *source);
void include_note(struct source *source, const char *name, bool angle);
/*
 * Finds what every inclusion of every added file means, and reads what was not given. Returns how
 * many files of context there are; include_context() gives them in the order of their paths.
 */
size_t include_resolve(void);
struct source *include_context(size_t i);
/* The second is the first, or comes into it through any number of #include lines. */
bool include_sees(const struct source *source, const struct source *other);
/* For several runs in one process. */
void include_forget(void);

#endif
