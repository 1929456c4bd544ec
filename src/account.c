/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - see account.h */
#include "account.h"

#include "sys/sys.h"

struct account *account_get(struct account_owner *owner, uid_t uid)
{
	struct account *a;

	/* As many as there are users who talk to this server at once: a handful. */
	for (struct list *l = owner->accounts.next; l != &owner->accounts; l = l->next) {
		a = container_of(l, struct account, node);
		if (a->uid == uid) {
			a->connections++;
			return a;
		}
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
