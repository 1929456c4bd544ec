/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_FLOW_HOLD_H
#define REVIEW_FLOW_HOLD_H

/*
 * Holders: a stream, a channel, a socket object, a guard or a struct that is given a descriptor and closes it with
 * itself.
 *
 * The state keeps, per resource, the call that gave it to a holder, and whether that owns it or only uses it. Who
 * closes the resource by hand while it is owned closes it twice; who releases a holder that only uses it has it open
 * as before. The holder may be the result of that call, its receiver, an argument, or a member of a struct, so it is
 * found by the call and not by a resource of its own.
 */

#include "flow/parts.h"

enum hold_mode { HOLD_UNKNOWN, HOLD_OWNED, HOLD_USED };

/* hold.c: before a call of the knowledge does anything to its arguments. */
void hold_before(struct flow *flow, const struct item *item);
/* The holder that the call makes uses the operand, and leaves it to its owner. */
bool hold_leaves(const struct flow *flow, const struct item *item, const struct operand *o);
/* The resource of the call's result: `result`, or what a holder lends. */
int hold_after(struct flow *flow, const struct item *item, int result);
/* Before the resource is closed: by its own name. */
void hold_closed_by_hand(struct flow *flow, int r, const struct item *item);
void hold_end(struct flow *flow, const struct operand *holder, const struct item *item);
/* Somebody whom nobody knows has the holder. */
void hold_escapes(struct flow *flow, const struct operand *o);
/* The call that gave the resource to its holder, or NULL; what that is called, or NULL. */
const struct item *hold_of(const struct flow *flow, int held);
const char *hold_name(const struct flow *flow, const struct item *by);
/* Which operand of that call, by the numbers of a fact, is the holder. */
int hold_by(const struct item *item);
bool hold_is_held_by(const struct flow *flow, int held, const struct operand *o);
/* The member of a struct of the project in which it is held, or NULL. */
const char *hold_in(const struct item *by);
void hold_set(struct flow *flow, int held, const struct item *item, enum hold_mode mode);
/* Nobody knows any more who closes it. */
void hold_forget(struct flow *flow, int held);
/* Came from elsewhere: c->fd, a global. It is followed from here, and nobody loses it here; -1: no room. */
enum { HOLD_BORROWED = 12 };
int hold_borrow(struct flow *flow, const struct item *item, const struct operand *o, int sub);

/* hold-project.c: a way out gives the resource, which may be a holder of a parameter. */
void hold_summarise(struct flow *flow, const struct item *item, int result);
/* A function of the project makes a holder of an argument; it closes a member of one, or may let go of it. */
void hold_by_target(struct flow *flow, const struct item *item);
void hold_given(struct flow *flow, const struct item *item, int arg);
/* A class of the project keeps an argument, and closes it in its destructor. */
void hold_construct(struct flow *flow, const struct item *item);
/* A method of such an object may let go of it. */
void hold_method(struct flow *flow, const struct item *item);

/* hold-members.c: two members of a struct of which one closes the other. */
void hold_find_members(void);
void hold_end_members(struct flow *flow, const struct operand *holder, const struct item *item);

#endif
