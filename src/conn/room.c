/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room.c - the memory for bytes received and not taken, and its accounting
 *
 * A connection without an account has only its own limit. One with an account requests room before it allocates; a page
 * is always allowed. A message whose length is known requests all of its room, once; one that ends with a delimiter, and
 * bytes without a framing, request twice as much each time, or their maximum when only the
 * reserve has room. Memory is allocated for bytes that have really arrived, so a length in a header is charged to its
 * sender's account and costs us nothing.
 */
#include <errno.h>
#include <string.h>

#include "conn/conn.h"
#include "core/frame.h"

enum { ROOM_PAGE = 4096 };

static size_t room_page(const struct postern_conn *c)
{
	return c->limits->keep_max < ROOM_PAGE ? c->limits->keep_max : ROOM_PAGE;
}

/* The most that may ever be kept. Bytes without a framing are limited by a smaller budget; a message that
   does not fit into it cannot be received. A message that waits for the one behind it leaves that one its room. */
static size_t room_limit(const struct postern_conn *c)
{
	size_t most = c->limits->keep_max;

	if (c->flags & CONN_PASSES && passing_holds(c))
		most *= 2;
	if (c->account && !c->limits->framing && account_most(c->account) < most)
		most = account_most(c->account);
	return most > room_page(c) ? most : room_page(c);
}

size_t inbox_most(const struct postern_conn *c)
{
	size_t most = room_limit(c), free = SIZE_MAX;

	if (c->account)
		free = account_is_short(c->account) ? 0 : account_free(c->account);
	if (most > free)
		most = free;
	return most > room_page(c) ? most : room_page(c);
}

bool inbox_is_full(const struct postern_conn *c)
{
	return (c->kept && c->kept->n >= room_limit(c)) ||
	       (c->flags & CONN_PASSES && passing_is_full(c));
}

/* The requested room is no longer needed: gives up the place in line and the reserve. */
static void room_return(struct postern_conn *c)
{
	bool had = c->flags & CONN_LENT_READ;

	conn_leave_line(c, CONN_LINE_READ);
	c->flags &= ~(uint32_t)CONN_LENT_READ;
	if (had && !(c->flags & CONN_LENT_WRITE))
		account_return(c->account, &c->line);
}

/* Before the reserve is returned: this may be part of it. */
static void room_give(struct postern_conn *c, size_t n)
{
	if (n > 0)
		account_give(c->account, c->flags & CONN_LENT_READ ? &c->line : NULL, n);
}

void inbox_clear(struct postern_conn *c)
{
	size_t charged = c->lent + (c->kept ? c->kept->charged : 0);

	sys_free(c->kept);
	c->kept = NULL;
	c->lent = 0;
	c->flags &= ~(uint32_t)CONN_HALF;
	if (!c->account)
		return;
	room_give(c, charged);
	room_return(c);
}

int inbox_keep(struct postern_conn *c, const char *bytes, size_t n)
{
	size_t capacity = (n + ROOM_PAGE - 1) / ROOM_PAGE * ROOM_PAGE;
	struct kept *k;

	if (capacity > c->limits->keep_max)
		capacity = c->limits->keep_max > n ? c->limits->keep_max : n;
	k = sys_alloc(sizeof(*k) + capacity);
	if (!k)
		return -ENOMEM;
	memcpy(k->bytes, bytes, n);
	k->n = (uint32_t)n;
	k->capacity = k->charged = (uint32_t)capacity;
	c->kept = k;
	if (c->account)
		account_take(c->account, capacity);
	return 0;
}

/* The size of the message that has begun, with its framing; 0: unknown yet. */
static size_t room_whole(const struct postern_conn *c)
{
	return c->flags & CONN_HALF
		       ? frame_whole((int)c->limits->framing, c->kept->bytes, c->kept->n)
		       : 0;
}

/* Requests the charge from the account. */
static int room_ask(struct postern_conn *c, size_t claim)
{
	struct kept *k = c->kept;
	size_t more = claim - k->charged;

	if (!c->account || claim <= k->charged)
		return 0;
	if (claim <= room_page(c)) {
		account_take(c->account, more);
	} else if (claim > account_most(c->account)) {
		return -EMSGSIZE;
	} else if (!account_ask(c->account, &c->line, more)) {
		c->flags |= CONN_LINE_READ;
		return -EAGAIN;
	} else if (c->account->holder == &c->line) {
		c->flags |= CONN_LENT_READ;
	}
	k->charged = (uint32_t)claim;
	return 0;
}

int inbox_grow(struct postern_conn *c)
{
	struct kept *k = c->kept;
	size_t whole = room_whole(c), capacity = k->capacity, claim;
	int r;

	if (k->n >= k->capacity)
		capacity = capacity ? 2 * capacity : ROOM_PAGE;
	if (whole > 0 && capacity > whole)
		capacity = whole > k->capacity ? whole : k->capacity;
	if (capacity > room_limit(c))
		capacity = room_limit(c);
	/* For a message without a length, twice as much may be more than it needs, and more than the limit. */
	if (whole == 0 && c->account && capacity > account_most(c->account) &&
	    k->n < account_most(c->account))
		capacity = account_most(c->account);
	claim = whole > capacity ? whole : capacity;
	r = room_ask(c, claim);
	if (r < 0)
		return r;
	conn_leave_line(c, CONN_LINE_READ);
	if (capacity <= k->capacity)
		return 0;
	k = sys_realloc(k, sizeof(*k) + capacity);
	if (!k)
		return -ENOMEM;
	k->capacity = (uint32_t)capacity;
	if (k->charged < capacity)
		k->charged = (uint32_t)capacity;
	c->kept = k;
	return 0;
}

void inbox_shrink(struct postern_conn *c)
{
	struct kept *k = c->kept, *smaller;
	size_t capacity = ((size_t)k->n + ROOM_PAGE - 1) / ROOM_PAGE * ROOM_PAGE, spare;

	if (k->capacity > 4 * capacity) {
		smaller = sys_realloc(k, sizeof(*k) + capacity);
		if (smaller) {
			c->kept = k = smaller;
			k->capacity = (uint32_t)capacity;
		}
	}
	spare = k->charged > k->capacity ? k->charged - k->capacity : 0;
	k->charged -= (uint32_t)spare;
	if (!c->account)
		return;
	room_give(c, spare);
	room_return(c);
}
