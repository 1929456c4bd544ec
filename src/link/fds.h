/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fds.h - the descriptors of one message: a block that closes those that nobody took
 *
 * It is counted, because a call that has to be sent once more needs them again: the call has it, and so has the
 * connection on which it is queued. When the message has left, the connection closes them for both, since whoever reads
 * the other end of a pipe waits until all copies are closed.
 */
#ifndef POSTERN_LINK_FDS_H
#define POSTERN_LINK_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel passes up to 253 at once. What interfaces need are a few, and all that are received and not taken yet are
   open in this process, which has 1,024 by default: 16, as D-Bus brokers have it. */
enum { FDS_MAX = 16 };

struct fds {
	uint32_t references;
	uint32_t n;          /* 0 once they are closed */
	bool     received;   /* from a peer, which may have left a trap: fds_close() */
	bool     many;       /* there were more than FDS_MAX; all are closed */
	int      fd[FDS_MAX]; /* -1: taken */
};

/* NULL: out of memory. */
struct fds *fds_new(void);
/* A program's descriptor, which the block has from now on, and which is closed on failure: its index in *f, which is made at
   the first one. -EBADF: it is not open, or is there already; -E2BIG; -ENOMEM. */
int  fds_push(struct fds **f, int fd);
struct fds *fds_ref(struct fds *f);
/* f, or NULL. */
void fds_unref(struct fds *f);
void fds_close(struct fds *f);
/* The index of a descriptor that belongs to the block from now on. -E2BIG: there are FDS_MAX. */
int  fds_add(struct fds *f, int fd);
/* Whoever calls this owns it. -EBADF: there is none, or it was taken. f, or NULL. */
int  fds_take(struct fds *f, int64_t index);
/* One of a peer's. Closing the last descriptor of a socket waits in close() as SO_LINGER demands; a peer that passed it and
   kept no copy would block our loop. For other files this fails with ENOTSOCK. */
void fds_close_received(int fd);

#endif
