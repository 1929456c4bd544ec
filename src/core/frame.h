/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - framings: the internal part; the rest is public, in postern/frame.h */
#ifndef POSTERN_CORE_FRAME_H
#define POSTERN_CORE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <postern/frame.h>

enum { FRAME_HEAD = 4 }; /* bytes of the length that a frame begins with */

/* Does the framing begin with the length? Else a frame ends with a byte. */
static inline int frame_has_head(int framing)
{
	return framing == POSTERN_FRAMING_U32BE || framing == POSTERN_FRAMING_U32LE;
}

/* The byte. */
static inline char frame_tail(int framing)
{
	return framing == POSTERN_FRAMING_LINES ? '\n' : '\0';
}

static inline void frame_put_length(int framing, char head[FRAME_HEAD], uint32_t n)
{
	unsigned char *b = (unsigned char *)head;

	if (framing == POSTERN_FRAMING_U32BE) {
		b[0] = (unsigned char)(n >> 24);
		b[1] = (unsigned char)(n >> 16);
		b[2] = (unsigned char)(n >> 8);
		b[3] = (unsigned char)n;
	} else {
		b[0] = (unsigned char)n;
		b[1] = (unsigned char)(n >> 8);
		b[2] = (unsigned char)(n >> 16);
		b[3] = (unsigned char)(n >> 24);
	}
}

/* 0, or what forbids this payload: as postern_frame_make(). */
int frame_check(int framing, const void *payload, size_t n);

/* The size of the first frame, if it begins with its length and that has arrived; else 0. */
size_t frame_whole(int framing, const void *bytes, size_t n);

#endif
