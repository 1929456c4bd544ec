/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_FLOW_PARTS_H
#define REVIEW_FLOW_PARTS_H

#include "flow/state.h"

/* PART_ENDS: on some way, itself or through others, as far as is known. */
enum { PART_CLOSES = 1 << 0, PART_USES = 1 << 1, PART_ENDS = 1 << 2, PARTS_KEPT = 16 };

/* Parts that name a resource, and that a call leaves as they are. */
struct parts_kept {
	int n;
	bool closed[PARTS_KEPT];
	struct binding bindings[PARTS_KEPT];
};

void parts_summarise(struct function *fn);
void parts_before(struct flow *flow, const struct item *item, struct parts_kept *kept);
/* What the call does to the member `name` of its argument number `arg`; PART_… */
uint8_t parts_done(const struct call *call, int arg, const char *name);
void parts_after(struct flow *flow, const struct item *item, const struct parts_kept *kept);

#endif
