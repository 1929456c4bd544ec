/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h - small things that every layer above uses
 */
#ifndef POSTERN_BASE_H
#define POSTERN_BASE_H

#include <stddef.h>
#include <stdint.h>

/* now + after without overflow: POSTERN_FOREVER if the sum is too large. */
int64_t time_after(int64_t now, int64_t after);

/* For jitter, not for secrets: clients of one dead server should not retry in step. */
uint64_t random_below(uint64_t *state, uint64_t limit);
uint64_t random_seed(void);

/* A copy, freed with sys_free(). NULL: no memory. */
char *text_copy(const char *text);

/*
 * Structs that cross the interface grow at their end, and the caller's may be older or newer than ours. `what` is
 * the name of the struct, for the text of an error (postern_why()). -EINVAL: its size is invalid; -E2BIG: it
 * sets an unknown field.
 *
 * import copies options: fields that an older struct does not have are 0. NULL gives all 0.
 */
int struct_import(const char *what, void *to, size_t size, const void *from);
/* Events are not copied. In the first release they have `first` bytes; for a handler that was added later,
   STRUCT_HANDLER() checks whether the struct has it. */
int struct_events(const char *what, const void *events, size_t first, size_t size);
#define STRUCT_HANDLER(events, first, handler)                                                            \
	(offsetof(__typeof__(*(events)), handler) < (first) ||                                            \
	 offsetof(__typeof__(*(events)), handler) < (events)->size ? (events)->handler : NULL)
/* For structs that the library fills: `known` bytes into the caller's `size`; unknown bytes become 0. */
void struct_export(void *to, size_t size, const void *from, size_t known);

#endif
