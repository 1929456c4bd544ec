/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h - the tables of an interface, made from its description while the command runs */
#ifndef POSTERN_TABLES_H
#define POSTERN_TABLES_H

#include "description.h"

#include <postern/interface.h>

struct tables {
	struct postern_interface interface; /* .dispatch is left to who serves it */
	void *blocks, *by_type;             /* all that was allocated; a tree of tsearch() */
	struct table *todo;
	int   status;
};

/* The exit status; an error has been printed. The description must stay. Free it in any case. */
int  tables_make(struct tables *t, const struct description *d);
void tables_free(struct tables *t);

#endif
