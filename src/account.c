/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - see account.h */
#include "account.h"

#include <assert.h>

#include "sys/sys.h"

void account_owner_init(struct account_owner *owner)
{
	list_init(&owner->accounts);
}

/* Each may leave the list, and the account may go with the last one. */
static void account_ask_all(struct account_owner *owner, struct account *a, bool owner_gone)
{
	struct list asked;

	list_init(&asked);
	list_splice(&asked, &a->in_flight);
	while (!list_is_empty(&asked)) {
		struct list *place = asked.next;

		list_remove(place);
		list_append(&a->in_flight, place);
		owner->look(place, owner_gone);
	}
}

void account_owner_deinit(struct account_owner *owner)
{
	while (!list_is_empty(&owner->accounts)) {
		struct account *a = container_of(owner->accounts.next, struct account, node);

		list_remove(&a->node);
		a->owner = NULL;
		account_ask_all(owner, a, true);
	}
}

uint64_t account_owner_sum(const struct account_owner *owner, int kind)
{
	uint64_t sum = 0;

	for (const struct list *l = owner->accounts.next; l != &owner->accounts; l = l->next)
		sum += container_of(l, struct account, node)->charged[kind];
	return sum;
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
	list_init(&a->in_flight);
	list_append(&owner->accounts, &a->node);
	return a;
}

static void account_settle(struct account *a)
{
	if (a->connections > 0)
		return;
	for (int kind = 0; kind < ACCOUNT_KINDS; kind++)
		if (a->charged[kind] > 0)
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

/* ---- any kind ---- */

static bool account_fits(const struct account *a, int kind, size_t n)
{
	const struct account_limit *limit = &a->owner->limits[kind];

	if (n > limit->each || a->charged[kind] > limit->each - n)
		return false;
	return limit->all == 0 ||
	       (n <= limit->all && account_owner_sum(a->owner, kind) <= limit->all - n);
}

/* Once in each turn: a peer that is refused again and again must not cost the others more than that. */
static void account_look(struct account_owner *owner)
{
	uint32_t now = owner->now ? owner->now(owner) : owner->looked + 1;

	if (now == owner->looked)
		return;
	owner->looked = now;
	for (struct list *l = owner->accounts.next, *next; l != &owner->accounts; l = next) {
		next = l->next;
		account_ask_all(owner, container_of(l, struct account, node), false);
	}
}

bool account_has_room(struct account *a, int kind, size_t n)
{
	if (!a->owner)
		return false;
	if (account_fits(a, kind, n))
		return true;
	account_look(a->owner);
	return account_fits(a, kind, n);
}

bool account_charge(struct account *a, int kind, size_t n)
{
	if (account_has_room(a, kind, n)) {
		a->charged[kind] += n;
		return true;
	}
	if (a->owner)
		a->owner->limits[kind].refused += n;
	return false;
}

void account_release(struct account *a, int kind, size_t n)
{
	assert(n <= a->charged[kind]);
	a->charged[kind] -= n;
	account_settle(a);
}

/* ---- bytes ---- */

size_t account_free(const struct account *a)
{
	size_t shared, taken = a->charged[ACCOUNT_BYTES] - a->lent;

	if (!a->owner)
		return 0;
	shared = a->owner->limits[ACCOUNT_BYTES].each - a->owner->reserve;
	return taken < shared ? shared - taken : 0;
}

size_t account_most(const struct account *a)
{
	return a->owner ? a->owner->limits[ACCOUNT_BYTES].each : 0;
}

static void account_wake(struct account *a)
{
	if (a->owner && account_is_short(a))
		a->owner->wake(a->line.next);
}

void account_give(struct account *a, const struct list *place, size_t n)
{
	assert(n <= a->charged[ACCOUNT_BYTES]);
	a->charged[ACCOUNT_BYTES] -= n;
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
