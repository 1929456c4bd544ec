/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h - what all connections of one uid hold at one server, and the line of those that wait for room
 *
 * Charged is capacity: what was allocated, or set aside, whether or not it is filled. Nothing is charged that was
 * not asked for first, but for minimums that every connection may always have (a page to read, a chunk to write):
 * without them a crowded account could never be emptied.
 *
 * A message is received in one piece, so it needs all of its room before it is of use to anybody. Many halves of
 * messages could fill the account, and then none would ever become whole. Therefore
 *
 *   - a message asks for all of its room at once, and holds it from then on;
 *   - a part of the account, as large as the largest message, is the reserve. It is lent to one connection at a
 *     time; all others share the rest. So there is always one that can go on to the end of its message, and
 *     when it has, the next one can;
 *   - who is refused stands in line, first come first served, and nobody asks past the line. Whoever gives
 *     something back wakes the first in line. No timer is involved.
 *
 * The account knows its owner by the pointer that it was given, and nothing of servers or connections; a place in
 * line is a list node of the one who stands there. It outlives its owner until all charges are given back.
 */
#ifndef POSTERN_ACCOUNT_H
#define POSTERN_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"

/* Part of whoever has accounts, one for each uid. */
struct account_owner {
	struct list  accounts;
	size_t       bytes_max;                           /* of each account */
	size_t       reserve;                             /* of them: the largest message, at most bytes_max */
	void       (*gone)(struct account_owner *owner);  /* a connection that was let in has gone */
	void       (*wake)(struct list *place);           /* the first in line may ask again, soon */
};

struct account {
	struct list           node;
	struct account_owner *owner;       /* NULL: it has gone */
	uid_t                 uid;
	uint32_t              connections;
	size_t                bytes;       /* charged in all */
	size_t                lent;        /* of them, to the one that has the reserve */
	struct list          *holder;      /* of the reserve: its place, linked or not; or NULL */
	struct list           line;
};

void            account_owner_init(struct account_owner *owner);
/* The accounts that are left go with their last charge. */
void            account_owner_deinit(struct account_owner *owner);
uint64_t        account_owner_bytes(const struct account_owner *owner);

/* That of uid, with one connection more; NULL when memory is out. */
struct account *account_get(struct account_owner *owner, uid_t uid);
/* How many connections uid has. */
uint32_t        account_connections(const struct account_owner *owner, uid_t uid);
/* One connection less. */
void            account_put(struct account *a);

/* What can be had now without the reserve. */
size_t          account_free(const struct account *a);
/* Does anybody wait? */
static inline bool account_is_short(const struct account *a)
{
	return !list_is_empty(&a->line);
}

/* Charges n, whatever is free: for minimums, and for what account_free() has just promised. */
static inline void account_take(struct account *a, size_t n)
{
	a->bytes += n;
}

/* Gives back n that the one with this place had, and wakes the first in line. May be the end of the account. */
void            account_give(struct account *a, const struct list *place, size_t n);
/* Charges n, from what is free or from the reserve. false: it is in line. true: it is charged, and where it stood in
   line it still stands, because it may wait there for something else too; who does not leaves. Never ask for what cannot
   ever be had: more than account_most(). */
bool            account_ask(struct account *a, struct list *place, size_t n);
size_t          account_most(const struct account *a);
/* Would account_ask() say yes? */
bool            account_would(const struct account *a, const struct list *place, size_t n);
/* The reserve goes back. What its holder still has counts as everybody's. */
void            account_return(struct account *a, const struct list *place);
/* Out of the line. */
void            account_leave(struct account *a, struct list *place);

#endif
