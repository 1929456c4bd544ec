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
 * Structs that cross the interface grow at their end, and the caller's may be older or newer than ours. `what` is
 * the name of the struct, for the words of an error (postern_why()): -EINVAL: its size is invalid; -E2BIG: it
 * sets what we do not know.
 *
 * import copies options: what an older struct does not have is 0. NULL gives all 0.
 */
int struct_import(const char *what, void *to, size_t size, const void *from);
/* Events stay where they are. Those of the first release have `first` bytes; a handler that came later is looked for
   with STRUCT_HANDLER() before it is called. */
int struct_events(const char *what, const void *events, size_t first, size_t size);
#define STRUCT_HANDLER(events, first, handler)                                                            \
	(offsetof(__typeof__(*(events)), handler) < (first) ||                                            \
	 offsetof(__typeof__(*(events)), handler) < (events)->size ? (events)->handler : NULL)
/* What the library fills: `known` bytes of it into the caller's `size`; what we do not know becomes 0. */
void struct_export(void *to, size_t size, const void *from, size_t known);

#endif
