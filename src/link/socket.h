/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.h - how a connection's bytes travel: a stream socket
 *
 * The only place where a connection makes system calls on its descriptor. Another way for bytes to travel is
 * another file with these functions. No state here: what a result means for the connection is the caller's.
 */
#ifndef POSTERN_LINK_SOCKET_H
#define POSTERN_LINK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/chunk.h"

/* Offers the first bytes of the queue to the kernel, `most` of them at most, in one system call. Returns how
   many it took; *ret_all: it took all that it was offered. The queue is left as it is. */
ssize_t link_send(int fd, const struct chunk_queue *queue, size_t most, bool *ret_all);
/* rights: the kernel does not refuse descriptors for this socket (SO_PASSRIGHTS, since 6.16). Then those that come are
   taken and closed here, without waiting for what a lingering socket still has to send. */
ssize_t link_receive(int fd, void *buffer, size_t n, bool rights);
/* Not admitted: from now on a peer that passes descriptors gets EPERM. false: this kernel cannot do that. */
bool    link_set_rights(int fd, bool admitted);
/* What was sent and the peer has not read yet, in the kernel's measure: whole buffers, with their overhead. */
int     link_unread_by_peer(int fd);
/* Bytes that have arrived and were not received yet. */
int     link_arrived(int fd);
/* The peer reads an end after what was sent. -ENOTCONN: it has gone. */
int     link_end_sending(int fd);
/* Ends both directions. clean: what has arrived is read and dropped first, because a socket that is closed with
   bytes unread gives its peer ECONNRESET in place of the end. The descriptor stays open. */
void    link_end(int fd, bool clean, bool rights);

#endif
