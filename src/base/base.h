/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h - small things that every layer above uses
 */
#ifndef POSTERN_BASE_H
#define POSTERN_BASE_H

#include <stddef.h>
#include <stdint.h>

/* at = now + after without overflow: what is further away than the end of time is POSTERN_FOREVER. */
int64_t time_after(int64_t now, int64_t after);

/* Not for secrets: jitter, so that clients of one dead server do not come back in step. */
uint64_t random_below(uint64_t *state, uint64_t limit);
uint64_t random_seed(void);

/*
 * Copies an options or events struct that begins with its size into one of ours: what the caller's
 * (older) struct does not have is 0; what ours does not have must be 0 in the caller's. NULL gives all 0.
 * -EINVAL: smaller than its own size field, or absurdly large; -E2BIG: sets what we do not know.
 */
int struct_import(void *to, size_t size, const void *from);

#endif
