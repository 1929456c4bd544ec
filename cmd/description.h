/* SPDX-License-Identifier: Apache-2.0 */
/* description.h - a FILE that describes an interface, for the verbs that read one */
#ifndef POSTERN_DESCRIPTION_H
#define POSTERN_DESCRIPTION_H

#include "command.h"

#include "core/idl.h"

/* Its text, and the tree that points into it. */
struct description {
	const char *verb, *name; /* for messages; a name of - is standard input */
	char       *text, *arena;
	size_t      n;
	struct idl *idl;
};

/* Reads and parses d->name. The exit status: an error has been printed, as compilers print theirs. Free it in any case. */
int  description_read(struct description *d);
void description_free(struct description *d);
/* Tells that something has failed for a reason that is in errno; EXIT_TRY_AGAIN if that may pass, else status. */
int  description_failed(const struct description *d, const char *what, int status);
/* Prints "FILE:LINE:COLUMN: at 'WORD': text" for a name in it that is right, and that this verb cannot use. */
void description_tell(const struct description *d, struct idl_slice word, const char *text);

#endif
