/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_PATH_NAMES_H
#define REVIEW_RULES_PATH_NAMES_H

/* Which path a bind() gives to a socket, and whether another call speaks of the same one. */

#include "model/query.h"

enum { PATH_NAMES = 24 };

/* What a path is made of: literals, and names of variables. */
struct path_names {
	const char *text[PATH_NAMES];
	int n;
	bool all_literal;
	bool hidden; /* a helper fills it in that is told nothing of the path */
};

/* The operand is the address that is bound, or where its path stands. */
bool path_is_address(const struct function *fn, const struct operand *o);
bool path_has_address(const struct function *fn, const struct item *item);
/* What goes into the path that is bound; none: nobody knows. */
struct path_names path_bound(const struct function *fn, const struct item *bind);
/* The path that the call removes. */
const struct operand *path_of(const struct item *unlink);
/* The path that is unlinked is the one that is bound, as far as their names tell. */
bool path_is_bound(const struct function *fn, const struct item *unlink, const struct item *bind);
/* Two literals that differ: another file. */
bool path_is_another(const struct function *fn, const struct item *unlink,
		     const struct path_names *bound);
/* sys_delete_file(address.sun_path): what nobody knows here but by its name is given the path. */
bool path_is_removed_by_word(const struct function *fn, const struct path_names *bound);

#endif
