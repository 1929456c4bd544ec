/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_INHERIT_H
#define REVIEW_RULES_INHERIT_H

/*
 * Whether a program that is started can have a descriptor: only one that was open before, and that
 * no child has closed between fork() and exec.
 */

#include "rules/rules.h"

/* No program is started after the item has opened its descriptor, as far as calls tell. */
bool inherit_opens_too_late(struct function *fn, const struct item *item);
/* The call starts a program that has what is open here. */
bool inherit_passes_on(struct function *fn, const struct item *item);
/* It does not outlive the function that opens it, and no program is started there before it is closed. */
bool inherit_is_gone_before(struct function *fn, const struct item *item);
/* The order of calls shows that a program is started while it is open, and no tool that system() waits for; `lasting`: nor any that somebody waits for. */
bool inherit_is_certain(struct function *fn, const struct item *item, bool lasting);
/* bind(door, …), here or elsewhere in the file: what has that name is a server's, also without connections. */
bool inherit_is_bound(const struct function *opener, const struct item *item);
/* Whoever starts a program closes first what the descriptor is kept in. */
bool inherit_is_closed_before(struct function *fn, const struct item *item);

/* The code is linked into programs that are not here, as far as folders tell. */
bool inherit_in_library(const struct function *fn);

/* visit() says so of some call of fn in another function; of several definitions in one file, for several systems, the first has them. */
typedef bool inherit_visit_fn(const struct call_site *site, const void *data);
bool inherit_some_call(const struct function *fn, inherit_visit_fn *visit, const void *data);
/* open("/dev/net/tun", …): the packets of a virtual network. */
bool inherit_is_tunnel(const struct item *item);
/* … and the program starts others behind it, in whatever file. */
void inherit_tunnel(const struct rule *rule, struct function *fn, const struct item *item);

/* Somebody closes all descriptors before it executes others. */
bool inherit_closes_all(const struct function *fn);

#endif
