/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fds.h - the descriptors of one message: a block that closes those that nobody took
 *
 * It is counted, because a call that has to be sent once more needs them again: the call has it, and so has the
 * connection on which it is queued. When the message has left, the connection closes them for both, since whoever reads
 * the other end of a pipe waits until all copies are closed.
 *
 * Those that a peer has caused, because it has passed them or has called for them, are charged to the account of its uid: as
 * many of each block as are open. What the program takes is the program's. The charge of those that were sent goes on to
 * conn/flight.c.
 */
#ifndef POSTERN_LINK_FDS_H
#define POSTERN_LINK_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account.h"

/* The kernel passes up to 253 at once. What interfaces need are a few, and all that are received and not taken yet are
   open in this process, which has 1,024 by default: 16, as D-Bus brokers have it. */
enum { FDS_MAX = 16 };

struct fds {
	uint32_t references;
	uint32_t n;          /* 0 once they are closed */
	bool     received;   /* from a peer, which may have left a trap: fds_close() */
	/* Why all were closed that came: -E2BIG, they were more than FDS_MAX; -EMFILE, some were lost, because too many are open
	   in this process; -EAGAIN, the account has no room; or 0. */
	int      error;
	uint32_t charged;
	struct account *account; /* if any is charged */
	int      fd[FDS_MAX]; /* -1: taken */
};

/* NULL: out of memory. */
struct fds *fds_new(void);
/* A program's descriptor, which the block has from now on, and which is closed on failure: its index in *f, which is made at
   the first one. It is charged to a, if that is not NULL. -EBADF: it is not open, or is there already; -E2BIG; -ENOMEM;
   -EAGAIN: the account has no room. */
int  fds_push(struct fds **f, struct account *a, int fd);
struct fds *fds_ref(struct fds *f);
/* f, or NULL. */
void fds_unref(struct fds *f);
void fds_close(struct fds *f);
/* Charges n more of its descriptors; a: or NULL, as in each call for this block. false: they are refused. */
bool fds_charge(struct fds *f, struct account *a, uint32_t n);
/* From now on none of them is charged; returns how many were. The caller releases that. */
uint32_t fds_charge_take(struct fds *f);
/* The same, released. f, or NULL. */
void fds_uncharge(struct fds *f);
/* The index of a descriptor that belongs to the block from now on. -E2BIG: there are FDS_MAX. */
int  fds_add(struct fds *f, int fd);
/* Whoever calls this owns it. -EBADF: there is none, or it was taken. f, or NULL. */
int  fds_take(struct fds *f, int64_t index);
/* One of a peer's. Closing the last descriptor of a socket waits in close() as SO_LINGER demands; a peer that passed it and
   kept no copy would block our loop. For other files this fails with ENOTSOCK. */
void fds_close_received(int fd);

#endif
