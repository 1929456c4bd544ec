/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h - what all connections of one uid hold at one server
 *
 * The account knows its owner by the pointer that it was given, and nothing of servers or connections.
 */
#ifndef POSTERN_ACCOUNT_H
#define POSTERN_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"

struct account;

/* Part of whoever has accounts, one for each uid. */
struct account_owner {
	struct list  accounts;
	size_t       bytes_max;            /* of each */
	void       (*gone)(struct account_owner *owner); /* a connection has given back what it had */
};

struct account {
	struct list           node;
	struct account_owner *owner;
	uid_t                 uid;
	uint32_t              connections;
	size_t                bytes;       /* queued and kept */
};

/* That of uid, with one connection more; NULL when memory is out. */
struct account *account_get(struct account_owner *owner, uid_t uid);
/* How many connections uid has. */
uint32_t account_connections(const struct account_owner *owner, uid_t uid);
/* One connection less; the last one takes the account along. */
void account_put(struct account *a);

#endif
