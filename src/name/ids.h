/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ids.h - the overflow ids, which stand for all ids without a mapping
 *
 * The kernel shows every uid that has no mapping in the reader's user namespace as one number, 65534 unless
 * /proc/sys/kernel/overflowuid was changed, and every gid likewise. Two such uids are equal without being the same user: so
 * that number never matches. It is not our own user, not an owner, and no rule can list it. On a machine without user
 * namespaces it is `nobody`, an account for processes that should own nothing: treated the same.
 */
#ifndef POSTERN_IDS_H
#define POSTERN_IDS_H

#include <sys/types.h>

struct ids {
	uid_t uid;
	gid_t gid;
};

/* Reads two files; 65534 if one cannot be read. */
void ids_read_unknown(struct ids *ret);

/* For messages, after the number. */
#define IDS_UNKNOWN "stands for every user without a uid in this user namespace"

#endif
