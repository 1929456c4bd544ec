/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/frame.h - messages in a stream of bytes: framings that other programs use, and a buffer
 *
 * The rules at the top of postern.h hold here too. A connection with .framing set (postern_conn_options)
 * delivers whole messages as frame events and needs none of this; these functions are for all other programs.
 */
#ifndef POSTERN_FRAME_H
#define POSTERN_FRAME_H

#include <postern.h>

#ifdef __cplusplus
extern "C" {
#endif

/* POSTERN_FRAMING_LINES: ends with \n (a \r before it is part of the payload). POSTERN_FRAMING_NUL: ends with \0, as
   in varlink. POSTERN_FRAMING_U32BE: begins with its length in 4 bytes, most significant first, as in QDataStream;
   POSTERN_FRAMING_U32LE: least significant first. */

struct postern_frame {
	const void *bytes;  /* the payload, within the bytes that were searched */
	size_t      n;
	size_t      used;   /* the bytes of the frame, its framing included */
};

/* Finds the first frame in n bytes. 1: there is one. 0: it is incomplete; the first ret->used bytes need not be
   searched again (pass them as `seen`). -EMSGSIZE: its payload, complete or not, is longer than max, and none of
   it needs to be kept. -EINVAL. Pure: any thread. */
POSTERN_API int postern_frame_find(int framing, const void *bytes, size_t n, size_t seen, size_t max,
	struct postern_frame *ret);

/* Writes the framing of a payload: the bytes before it into head, those after it into tail. Returns the
   length of head, 4 or 0; that of tail is then 0 or 1. -EBADMSG: the payload contains the byte that
   ends a message. -EMSGSIZE: over 4 GiB. Pure: any thread. */
POSTERN_API int postern_frame_make(int framing, const void *payload, size_t n, char head[4], char tail[1]);

/* Writes a whole frame or nothing; returns n. -EAGAIN: wait for drained. -EMSGSIZE: it would never fit below the
   high-water mark. Also the errors of postern_frame_make() and postern_conn_write(). */
POSTERN_API POSTERN_MUST_USE ssize_t postern_conn_write_frame(struct postern_conn *c, int framing,
	const void *payload, size_t n);

/* ---- A bounded buffer, for a received event that collects. One thread at a time. ---- */

struct postern_buffer;

/* Holds at most max bytes; 0 is 256 KiB. */
POSTERN_API POSTERN_MUST_USE int postern_buffer_new(struct postern_buffer **ret, size_t max);
POSTERN_API struct postern_buffer *postern_buffer_free(struct postern_buffer *b);

/* Takes as many bytes as fit and memory allows, and returns how many: what a received event should return. */
POSTERN_API size_t postern_buffer_add(struct postern_buffer *b, const void *bytes, size_t n);
POSTERN_API size_t postern_buffer_size(const struct postern_buffer *b);
/* The contents in one piece; valid until the next call that changes the buffer. */
POSTERN_API const void *postern_buffer_bytes(const struct postern_buffer *b);

/* At most n bytes; returns how many. read takes them out, peek leaves them, skip drops them. */
POSTERN_API size_t postern_buffer_read(struct postern_buffer *b, void *ret, size_t n);
POSTERN_API size_t postern_buffer_peek(const struct postern_buffer *b, void *ret, size_t n);
POSTERN_API size_t postern_buffer_skip(struct postern_buffer *b, size_t n);
/* All n or none. -EAGAIN: there are fewer so far; -EMSGSIZE: n is more than max. */
POSTERN_API int postern_buffer_read_exactly(struct postern_buffer *b, void *ret, size_t n);
/* Reads a line, without its \n and terminated by \0; returns its length. -EAGAIN: no whole line yet. -EMSGSIZE: it
   does not fit into size, or max bytes hold no \n; the bytes stay. */
POSTERN_API ssize_t postern_buffer_read_line(struct postern_buffer *b, char *ret, size_t size);
/* Reads a frame's payload; returns its length. -EAGAIN, -EMSGSIZE as above; -EINVAL. */
POSTERN_API ssize_t postern_buffer_read_frame(struct postern_buffer *b, int framing, void *ret, size_t size);

POSTERN_AUTO_(buffer)

#ifdef __cplusplus
}
#endif
#endif
