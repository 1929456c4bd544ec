/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h - what all connections of one uid hold at one server, in kinds, and the line of those that wait for room
 *
 * Each kind has a limit for each account, and may have one for all accounts together, for what a process has only so much
 * of. What nothing waits for is charged by account_charge(), or refused at once. Of descriptors that is all that there is:
 * no connection needs a minimum of them, because a message that gets none is answered too, and charges nothing then.
 *
 * Bytes are waited for. Capacity is charged: memory that was allocated or reserved, whether or not it is filled. All of it
 * was requested first, except for minimums that every connection may always have (a page to read, a chunk to write):
 * without them a crowded account could never be emptied.
 *
 * A message is received in one piece, so it is of no use before it has all of its room. Many halves of
 * messages could fill the account, and then none could ever be completed. Therefore
 *
 *   - a message requests all of its room at once, and holds it from then on;
 *   - a part of the account, as large as the largest message, is the reserve. It is lent to one connection at a
 *     time; all others share the rest. So one connection can always complete its message, and
 *     then the next one can;
 *   - a connection that is refused joins the line, first come first served, and no request passes the line. Each
 *     release wakes the first in line. No timer is involved.
 *
 * Some charges may be over without anybody knowing: descriptors are charged until the peer has read them, and the kernel
 * does not tell when that is. Whoever has such charges is in the list `in_flight`, and is asked to look before a refusal.
 *
 * The account knows its owner by the pointer that it was given, and nothing about servers or connections; a place in
 * line is a list node of the waiting connection. The account outlives its owner until all charges are released.
 */
#ifndef POSTERN_ACCOUNT_H
#define POSTERN_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"

enum { ACCOUNT_BYTES, ACCOUNT_FDS, ACCOUNT_KINDS };

struct account_limit {
	size_t   each;                                    /* of each account */
	size_t   all;                                     /* of all of an owner; 0: no limit */
	uint64_t refused;                                 /* that account_charge() did not charge */
};

/* Part of the object that has accounts, one per uid. */
struct account_owner {
	struct list  accounts;
	struct account_limit limits[ACCOUNT_KINDS];
	size_t       reserve;                             /* of bytes: the largest message, at most the limit of each */
	uint32_t     looked;                              /* .now when all of .in_flight were asked last */
	uint32_t   (*now)(struct account_owner *owner);   /* a number that changes in each turn; or NULL */
	uint64_t     deferred;                            /* how often a connection had to wait for the next turn */
	void       (*gone)(struct account_owner *owner);  /* an admitted connection has gone */
	void       (*wake)(struct list *place);           /* the first in line may request again, soon */
	/* Gives back what is over by now, and may leave `in_flight`. owner_gone: all of it. */
	void       (*look)(struct list *place, bool owner_gone);
};

struct account {
	struct list           node;
	struct account_owner *owner;       /* NULL: it has gone */
	uid_t                 uid;
	uint32_t              connections;
	uint64_t              calls;       /* that its connections made; no charge */
	size_t                charged[ACCOUNT_KINDS];
	size_t                lent;        /* of the bytes, to the one that has the reserve */
	uint32_t              visited;     /* when a restless one was, of all of its uid: loop/loop.h */
	struct list          *holder;      /* of the reserve: its place, linked or not; or NULL */
	struct list           line;
	struct list           in_flight;   /* descriptors that were sent: what .look is asked about */
};

void            account_owner_init(struct account_owner *owner);
/* Accounts with charges are freed with their last charge. */
void            account_owner_deinit(struct account_owner *owner);
/* What all of them are charged. */
uint64_t        account_owner_sum(const struct account_owner *owner, int kind);

/* The account of uid, with one more connection; NULL: out of memory. */
struct account *account_get(struct account_owner *owner, uid_t uid);
/* How many connections uid has. */
uint32_t        account_connections(const struct account_owner *owner, uid_t uid);
/* One connection less. */
void            account_put(struct account *a);

/* Charges n of this kind, or nothing: false, and they are counted as refused. */
bool            account_charge(struct account *a, int kind, size_t n);
/* Would it? Counts nothing. */
bool            account_has_room(struct account *a, int kind, size_t n);
/* Releases n, which nobody in line waits for. May free the account. */
void            account_release(struct account *a, int kind, size_t n);

/* ---- bytes ---- */

/* How much can be charged now without the reserve. */
size_t          account_free(const struct account *a);
/* Is a connection waiting? */
static inline bool account_is_short(const struct account *a)
{
	return !list_is_empty(&a->line);
}

/* Charges n without a check: for minimums, and for the amount that account_free() has just returned. */
static inline void account_take(struct account *a, size_t n)
{
	a->charged[ACCOUNT_BYTES] += n;
}

/* Releases n charged for this place, and wakes the first in line. May free the account. */
void            account_give(struct account *a, const struct list *place, size_t n);
/* Charges n, from the free part or from the reserve. false: it is in line. true: n is charged, and a place in line is
   kept, because the connection may wait there for something else too; otherwise it must leave. Never request more than
   account_most(), which can never be granted. */
bool            account_ask(struct account *a, struct list *place, size_t n);
size_t          account_most(const struct account *a);
/* Would account_ask() return true? */
bool            account_would(const struct account *a, const struct list *place, size_t n);
/* Returns the reserve. What its holder still has counts as part of the shared rest. */
void            account_return(struct account *a, const struct list *place);
/* Leaves the line. */
void            account_leave(struct account *a, struct list *place);

#endif
