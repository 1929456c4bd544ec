/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - framings: the internal part; the rest is public, in postern/frame.h */
#ifndef POSTERN_CORE_FRAME_H
#define POSTERN_CORE_FRAME_H

#include <stddef.h>

#include <postern/frame.h>

enum { FRAME_HEAD = 4 }; /* bytes of the length that a frame begins with */

/* The size of the first frame, if it begins with its length and that has arrived; else 0. */
size_t frame_whole(int framing, const void *bytes, size_t n);

#endif
