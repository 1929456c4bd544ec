/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ids.h - the ids that stand for everybody who has none
 *
 * The kernel shows every uid that has no mapping in the reader's user namespace as one number, 65534 unless somebody set
 * /proc/sys/kernel/overflowuid, and every gid alike. Two such uids are equal and are not the same user: so that number is
 * compared with nothing. It is not me, not an owner, and no rule names it. On a machine without user namespaces it is
 * `nobody`, an account that is shared by whoever should own nothing: treated alike.
 */
#ifndef POSTERN_IDS_H
#define POSTERN_IDS_H

#include <sys/types.h>

struct ids {
	uid_t uid;
	gid_t gid;
};

/* Reads two files; what cannot be read is 65534. */
void ids_read_unknown(struct ids *ret);

/* For messages, behind the number. */
#define IDS_UNKNOWN "stands for every user without a uid in this user namespace"

#endif
