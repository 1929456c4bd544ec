/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_FLOW_PARTS_H
#define REVIEW_FLOW_PARTS_H

#include "flow/state.h"

enum { PART_CLOSES = 1 << 0, PART_USES = 1 << 1, PARTS_KEPT = 16 };

/* Closed parts that a call leaves as they are. */
struct parts_kept {
	int n;
	struct binding bindings[PARTS_KEPT];
};

void parts_summarise(struct function *fn);
void parts_before(struct flow *flow, const struct item *item, struct parts_kept *kept);
void parts_after(struct flow *flow, const struct item *item, const struct parts_kept *kept);

#endif
