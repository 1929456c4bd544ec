/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - framings: what the library alone wants to know; the rest is public, in postern/frame.h */
#ifndef POSTERN_CORE_FRAME_H
#define POSTERN_CORE_FRAME_H

#include <stddef.h>

#include <postern/frame.h>

enum { FRAME_HEAD = 4 }; /* of a framing that begins with a length, that length */

/* The first frame takes up so many bytes, if its framing says that at the beginning and the beginning is there; 0. */
size_t frame_whole(int framing, const void *bytes, size_t n);

#endif
