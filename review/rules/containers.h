/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_CONTAINERS_H
#define REVIEW_CONTAINERS_H

#include "rules/rules.h"

/* What a server keeps of its connections: descriptors in a container, or objects of a class or struct. */
struct contents {
	const struct function *fn;     /* that puts it there */
	const struct item *made;       /* the accept, new or malloc() */
	const struct place *container;
	const char *type;              /* of the objects; NULL: descriptors */
	const char *field;             /* of a struct in an array, or NULL */
};

/* L3: an accepted descriptor, or an object made for a connection, leaves its container and is not ended. */
void containers_program(void);

/* The line that declares the container, or NULL. */
const char *container_declared(const struct function *fn, const struct place *container);

/* std::vector<int> m_all; QList<int> all; std::map<int, std::string> names; */
bool container_holds_numbers(const struct function *fn, const struct place *container);

/* containers-end.c: works out for each function whether it may end contents, itself or through others. */
void contents_prepare(const struct contents *contents);
/* Some function of the program may. */
bool contents_end_somewhere(const struct contents *contents, bool destructors_too);
/*
 * On no way through the item does the function, or one that calls it, end contents, give them to somebody,
 * or put them into another container.
 */
bool contents_are_lost_at(const struct contents *contents, const struct function *fn,
			  const struct item *item);
/* The operand is the container. */
bool contents_are_in(const struct contents *contents, const struct function *fn,
		     const struct operand *o);
/* The call whose result it is, when that is an accepted descriptor; or NULL. */
const struct item *contents_accepted(const struct function *fn, const struct operand *o,
				     const struct item *before);
/* Of the library, with iterators and numbers, or talk: nothing is kept or ended by these. */
bool contents_only_looks(const struct call *call);
/* push_back(), insert() and the like */
bool contents_call_puts(const char *name);

#endif
