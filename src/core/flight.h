/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flight.h - which descriptors that were sent has the peer not read?
 *
 * The kernel counts the descriptors that a user has sent and that nobody has received, over all sockets, and refuses
 * further ones with ETOOMANYREFS beyond RLIMIT_NOFILE (unix_attach_fds() and too_many_unix_fds(), net/unix/af_unix.c). It
 * does not say to whom they went. What it says is how much memory of a socket's sends is still there: SIOCOUTQ is
 * unix_outq_len(), the sum of skb->truesize of all buffers that the peer has not read to their end. From that a bound follows:
 *
 *   - buffers are read in order, so if one is unread, all later ones are;
 *   - each send with descriptors begins a buffer of its own: unix_stream_sendmsg() adds to none;
 *   - the truesize of a buffer is at least its bytes and two kernel structures, sk_buff and skb_shared_info, of 200 bytes
 *     and more each; on 64-bit kernels a byte costs 768. FLIGHT_BUFFER is less than that everywhere.
 *
 * So a message whose bytes, with all that was sent later, would need more than what SIOCOUTQ says has been read. It is taken
 * for unread too long rather than too short; when all has been read, all are known.
 *
 * Pure. The memory is the caller's.
 */
#ifndef POSTERN_CORE_FLIGHT_H
#define POSTERN_CORE_FLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum { FLIGHT_BUFFER = 256 };

/* A message that was sent with descriptors. */
struct flight {
	struct list node;
	uint64_t    at;  /* its first byte in the stream */
	uint32_t    n;   /* descriptors */
};

/* Moves those that the peer must have read to the end of ret_read. flights: in the order of the stream; sent: bytes in all;
   unread: what SIOCOUTQ says. */
void flight_settle(struct list *flights, uint64_t sent, uint64_t unread, struct list *ret_read);

#endif
