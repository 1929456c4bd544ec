/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_LIFETIME_H
#define REVIEW_RULES_LIFETIME_H

/* lifetime-fix.c: what to do about a resource that is lost (L1, L3, L7), or used after its end (L4). */

#include "rules/rules.h"

void lifetime_fix(struct finding *finding, const struct flow *flow, const struct loss *loss);
void lifetime_fix_use(struct finding *finding, const struct flow *flow, const struct item *use,
		      int resource, enum use_kind kind);
/* A loop frees an element, and then goes on from it: for (p = all; p; p = p->next) free(p); */
bool lifetime_is_next_turn(const struct item *closed, const struct item *use);
/* The name under which it was released: in a loop, that of the element and not of the list. */
const char *lifetime_released(const struct flow *flow, int resource);

/* What the item closes, as it is written there. */
const char *lifetime_closed(const struct flow *flow, const struct item *item, int resource);
/* … of a use that is a close of what its holder closes too. */
void lifetime_fix_held(struct finding *finding, const struct flow *flow, const struct item *use, int resource);

/* The function, or one that it calls, has to do with connections: memory of it is L7's. */
bool lifetime_is_tied(const struct function *fn, int depth);

/* regrow.c: requests and handles that a library ends later, and buffers that grow. */
void l7_function(struct function *fn);

/* wrapped.c: L3 of an accepted connection that is given to what does not close it. */
void l3_call(struct flow *flow, const struct item *item);

/* twofold.c: what L4 asks when all functions were walked. */
void l4_program(void);

#endif
