/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - see account.h */
#include "account.h"

#include <assert.h>

#include "sys/sys.h"

void account_owner_init(struct account_owner *owner)
{
	list_init(&owner->accounts);
}

void account_owner_deinit(struct account_owner *owner)
{
	while (!list_is_empty(&owner->accounts)) {
		struct account *a = container_of(owner->accounts.next, struct account, node);

		list_remove(&a->node);
		a->owner = NULL;
	}
}

uint64_t account_owner_bytes(const struct account_owner *owner)
{
	uint64_t bytes = 0;

	for (const struct list *l = owner->accounts.next; l != &owner->accounts; l = l->next)
		bytes += container_of(l, struct account, node)->bytes;
	return bytes;
}

/* One per user that is connected to this server: a handful. */
static struct account *account_find(const struct account_owner *owner, uid_t uid)
{
	for (struct list *l = owner->accounts.next; l != &owner->accounts; l = l->next) {
		struct account *a = container_of(l, struct account, node);

		if (a->uid == uid)
			return a;
	}
	return NULL;
}

uint32_t account_connections(const struct account_owner *owner, uid_t uid)
{
	const struct account *a = account_find(owner, uid);

	return a ? a->connections : 0;
}

struct account *account_get(struct account_owner *owner, uid_t uid)
{
	struct account *a = account_find(owner, uid);

	if (a) {
		a->connections++;
		return a;
	}
	a = sys_alloc(sizeof(*a));
	if (!a)
		return NULL;
	a->owner = owner;
	a->uid = uid;
	a->connections = 1;
	list_init(&a->line);
	list_append(&owner->accounts, &a->node);
	return a;
}

static void account_settle(struct account *a)
{
	if (a->connections > 0 || a->bytes > 0)
		return;
	assert(list_is_empty(&a->line)); /* only connections wait there */
	list_remove(&a->node);
	sys_free(a);
}

void account_put(struct account *a)
{
	a->connections--;
	account_settle(a);
}

/* ---- room ---- */

size_t account_free(const struct account *a)
{
	size_t shared, taken = a->bytes - a->lent;

	if (!a->owner)
		return 0;
	shared = a->owner->bytes_max - a->owner->reserve;
	return taken < shared ? shared - taken : 0;
}

size_t account_most(const struct account *a)
{
	return a->owner ? a->owner->bytes_max : 0;
}

static void account_wake(struct account *a)
{
	if (a->owner && account_is_short(a))
		a->owner->wake(a->line.next);
}

void account_give(struct account *a, const struct list *place, size_t n)
{
	assert(n <= a->bytes);
	a->bytes -= n;
	/* What it had before it got the reserve is released last. */
	if (a->holder == place)
		a->lent -= n < a->lent ? n : a->lent;
	account_wake(a);
	account_settle(a);
}

static bool account_is_first(const struct account *a, const struct list *place)
{
	return !account_is_short(a) || a->line.next == place;
}

bool account_would(const struct account *a, const struct list *place, size_t n)
{
	return a->holder == place ||
	       (account_is_first(a, place) && (!a->holder || n <= account_free(a)));
}

bool account_ask(struct account *a, struct list *place, size_t n)
{
	if (!account_would(a, place, n)) {
		if (!list_is_linked(place))
			list_append(&a->line, place);
		return false;
	}
	if (a->holder == place || n > account_free(a)) {
		a->holder = place;
		a->lent += n;
	}
	account_take(a, n);
	return true;
}

void account_return(struct account *a, const struct list *place)
{
	if (a->holder != place)
		return;
	a->holder = NULL;
	a->lent = 0;
	account_wake(a);
}

void account_leave(struct account *a, struct list *place)
{
	if (!list_is_linked(place))
		return;
	list_remove(place);
	account_wake(a);
}
