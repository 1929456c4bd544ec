/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glue.h - which message descriptors belong to, that came with a read of a stream
 *
 * A sender puts descriptors on the first byte of their message, in a sendmsg of its own. The kernel ends a read behind
 * the piece that has them, but glues what lies before that piece into the same read:
 *
 *     sent    | Ping. | Ping. | Put + a descriptor. | Ping. |
 *     reads   | Ping.   Ping.   Put +                |       one read, and the descriptor came with it
 *                                                     | Ping. |
 *
 * So the owner is the last message that begins in that read and whose method, or awaited answer, takes descriptors. If
 * none does, or none begins there, descriptors were passed that nobody asked for. What takes some is only known of a message
 * that is whole. So as long as the last one is not, the last one before it that takes descriptors must wait: it may own
 * them or not. All others go on. Two things end that wait early:
 *
 *   - What follows a call that upgrades its connection, or the answer that confirms that, is no message: whoever sends one
 *     there cannot know as what it will be read.
 *   - What has come of the last one may be enough to say that it takes none. Most have the name of their method in front.
 *
 * At most two reads are open at once. While one waits for the rest of its last message, a second may end that message,
 * and begin others; then the first is decided.
 *
 * If neither is so, as of two calls that take some in one sendmsg() of which the second is not whole, nothing that the kernel
 * tells says to which of them the descriptors belong: the border between two sends is visible behind descriptors, not
 * before them.
 *
 * Pure. Positions count the bytes of the stream; messages end with a NUL.
 */
#ifndef POSTERN_CORE_GLUE_H
#define POSTERN_CORE_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GLUE_NONE UINT64_MAX

enum {
	GLUE_OPEN,    /* .owner, if that is not GLUE_NONE, has to wait */
	GLUE_OWNED,   /* by the message that begins at .owner, which is whole */
	GLUE_NOBODYS,
};

struct glue {
	uint64_t from, to;    /* the read */
	uint64_t owner;
	uint64_t searched;    /* there is no NUL behind the last message and before this */
	uint64_t last;        /* where the message begins that is not whole, once it was searched for */
	int      state;
};

enum {
	GLUE_TAKES = 1, /* it takes descriptors; of one that is not whole: it may */
	GLUE_ENDS  = 2, /* what follows it is no message */
	GLUE_PREFIX = 1024, /* of one that is not whole, so much is looked at */
};
/* Of this message, a union of the above. index: 0, 1, ... in the order of the stream, of those that are whole, in each call of
   glue_look(). whole: it is; else it begins so. */
typedef unsigned glue_takes(void *data, const char *message, size_t n, unsigned index, bool whole);

void glue_begin(struct glue *g, uint64_t from, uint64_t to);
/* bytes: all that has come and was not delivered; its first message begins at `at`. Returns .state. The last message of
   the read is searched for its end once, however slowly it comes. */
int  glue_look(struct glue *g, const char *bytes, size_t n, uint64_t at, glue_takes *takes, void *data);

#endif
