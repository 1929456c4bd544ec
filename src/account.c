/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - see account.h */
#include "account.h"

#include "sys/sys.h"

/* As many as there are users who talk to this server at once: a handful. */
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
	list_append(&owner->accounts, &a->node);
	return a;
}

void account_put(struct account *a)
{
	if (--a->connections > 0)
		return;
	list_remove(&a->node);
	sys_free(a);
}
