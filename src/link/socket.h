/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.h - how a connection's bytes travel: a stream socket
 *
 * The only place where a connection makes system calls on its descriptor. Another transport would be
 * another file with these functions. No state here: the caller decides what a result means for the connection.
 */
#ifndef POSTERN_LINK_SOCKET_H
#define POSTERN_LINK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/chunk.h"
#include "link/fds.h"

/* Sends the first bytes of the queue, at most `most`, in one system call. Returns how many
   the kernel took; *ret_all: it took all of them. The queue is not changed. */
ssize_t link_send(int fd, const struct chunk_queue *queue, size_t most, bool *ret_all);
/* The same with descriptors, at least one, that go with the first byte. -ETOOMANYREFS: too many of this user are on their
   way. */
ssize_t link_send_fds(int fd, const struct chunk_queue *queue, size_t most, const struct fds *fds, bool *ret_all);
/* The same for bytes that are in no queue. */
ssize_t link_send_these(int fd, const void *bytes, size_t n);
/* rights: the kernel does not refuse descriptors for this socket (SO_PASSRIGHTS, since 6.16). Then descriptors that
   arrive are received and closed here, without waiting for a lingering socket to send its data. */
ssize_t link_receive(int fd, void *buffer, size_t n, bool rights);
/* The same, with the descriptors that came: *ret, or NULL; if some were too many or lost, all are closed, and its .error says
   so. -ENOMEM: all are closed, and there is no block. */
ssize_t link_receive_fds(int fd, void *buffer, size_t n, struct fds **ret);
/* Refuses passed descriptors, or admits them: a peer that sends one that is refused gets EPERM. A connection inherits it
   from its listener. false: this kernel cannot do that. */
bool    link_set_rights(int fd, bool admitted);
/* Bytes that were sent and that the peer has not read, as the kernel counts: whole buffers, with their overhead. SIOCOUTQ, which
   works for local stream sockets too: unix_ioctl() and unix_outq_len(), net/unix/af_unix.c. */
int     link_unread_by_peer(int fd);
/* Bytes that have arrived and were not received yet. */
int     link_arrived(int fd);
/* Half-close: the peer reads an end after everything that was sent. -ENOTCONN: it has gone. */
int     link_end_sending(int fd);
/* Ends both directions. clean: bytes that have arrived are read and dropped first, because a socket that is closed with
   unread bytes gives its peer ECONNRESET instead of the end. The descriptor stays open. */
void    link_end(int fd, bool clean, bool rights);

#endif
