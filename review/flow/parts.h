/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_FLOW_PARTS_H
#define REVIEW_FLOW_PARTS_H

#include "flow/state.h"

/*
 * PART_ENDS: on some way, itself or through others, as far as is known. PART_MAY_CLOSE: on some way
 * that was walked; the part's close_fails says whether the result tells on which.
 */
enum {
	PART_CLOSES = 1 << 0,
	PART_USES = 1 << 1,
	PART_ENDS = 1 << 2,
	PART_MAY_CLOSE = 1 << 3,
	PARTS_KEPT = 16,
	PARTS_MAX = 24,
};

/* Parts that name a resource, and that a call leaves as they are. */
struct parts_kept {
	int n;
	bool closed[PARTS_KEPT];
	bool stays[PARTS_KEPT]; /* nobody gets what they name, as far as it is seen */
	uint8_t bits[PARTS_KEPT];
	struct binding bindings[PARTS_KEPT];
};

void parts_summarise(const struct flow *flow);
void parts_before(struct flow *flow, const struct item *item, struct parts_kept *kept);
/* What the call does to the member `name` of its argument number `arg`; PART_… */
uint8_t parts_done(const struct call *call, int arg, const char *name);
void parts_after(struct flow *flow, const struct item *item, const struct parts_kept *kept);
/* A member of a parameter or of the object, in which a summary is interested; *param: -1 of the object. */
bool parts_is_part(const struct function *fn, int place, int *param);
/* The item closes it, itself or through a function of the project. */
bool parts_is_closed_at(const struct function *fn, const struct item *item, int place);
/* The caller's place for a part of the callee's argument, or -1. */
int parts_place(const struct function *fn, const struct call *call, const struct part *part);

/* member.c: closes of members that depend on the way: before the walk, at each return, at the end, in a caller. */
void members_begin(struct flow *flow);
void members_leave(struct flow *flow, struct value returned);
int members_add(const struct flow *flow, struct part *parts, int n);
void members_after(struct flow *flow, const struct item *item);
/* The function neither keeps nor hands on the member `name` of its parameter. */
bool member_stays(const struct function *fn, int param, const char *name, int depth);

#endif
