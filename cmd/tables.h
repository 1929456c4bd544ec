/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h - the tables of an interface, made from its description while the command runs */
#ifndef POSTERN_TABLES_H
#define POSTERN_TABLES_H

#include "description.h"

#include <postern/interface.h>

typedef void tables_handle(const void *handlers, struct postern_request *r, const void *in, void *data);

struct tables {
	struct postern_interface interface;
	void *blocks, *by_type;             /* all that was allocated; a tree of tsearch() */
	struct table *pending;              /* whose fields are not filled yet */
	int   status;
};

/* The exit status; an error has been printed. The description must stay. Free it in any case. The handlers of the methods are an
   array of pointers to functions. */
int  tables_make(struct tables *t, const struct description *d, tables_handle *handle);
/* A method is called for its connection only, or only for an answer: of one that may be called in both ways, a command serves one. */
void tables_upgrade(struct tables *t, uint32_t method, bool only);
void tables_free(struct tables *t);

#endif
