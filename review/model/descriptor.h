/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_DESCRIPTOR_H
#define REVIEW_DESCRIPTOR_H

/*
 * What kinds of descriptor a name may hold, over the whole run and regardless of order: read() of a
 * stream socket may return less than a whole message, of a packet socket or a regular file not, and
 * only a non-blocking one gives EAGAIN. What is assigned, passed, returned or stored in a member
 * carries its kinds along; a pointer and what it points to are one.
 */

#include "model/ir.h"

enum {
	DESCRIPTOR_STREAM = 1 << 0, /* a connection, or a socket that becomes one */
	DESCRIPTOR_PACKET = 1 << 1, /* keeps the limits of messages */
	DESCRIPTOR_OTHER = 1 << 2,  /* file, pipe, terminal, eventfd … */
	DESCRIPTOR_NONBLOCK = 1 << 3,
	DESCRIPTOR_LISTENER = 1 << 4,
	DESCRIPTOR_DATAGRAM = 1 << 5, /* … and has no connection: SOCK_DGRAM and the like */
};

/* Once per run, when all names are linked. */
void descriptors_find(void);

/* DESCRIPTOR_…; 0 when nothing is known. */
unsigned descriptor_kinds(const struct function *fn, const struct operand *operand);

/*
 * Nothing is known of the descriptor, and there is reason to believe that it is no stream: another
 * library gave it, such as nfq_fd(), or the file opens no sockets but such of messages.
 */
bool descriptor_is_strange(const struct function *fn, const struct operand *o,
			   const struct item *before);

/* The call makes its descriptor non-blocking, whatever it was. */
bool item_unblocks(const struct function *fn, const struct item *item);

/* … or makes it block, itself or through a function that takes O_NONBLOCK away. */
bool item_blocks_again(const struct function *fn, const struct item *item);

#endif
