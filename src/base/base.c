/* SPDX-License-Identifier: Apache-2.0 */
/* base.c - time, jitter, versioned structs */
#include "base/base.h"

#include <errno.h>
#include <string.h>

#include "base/reason.h"
#include "sys/sys.h"

enum { STRUCT_MAX = 4096 };

int64_t time_after(int64_t now, int64_t after)
{
	int64_t at;

	if (__builtin_add_overflow(now, after, &at))
		return INT64_MAX;
	return at;
}

uint64_t random_seed(void)
{
	uint64_t seed;

	sys_random(&seed, sizeof(seed));
	return seed | 1;
}

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016). The state is
   never 0. The bias of the modulo is below 2^-29 for the waits that it is used for. */
uint64_t random_below(uint64_t *state, uint64_t limit)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return limit ? (x * UINT64_C(2685821657736338717)) % limit : 0;
}

/* The size of the caller's struct, or an error with a text. */
static ssize_t struct_size(const char *what, const void *from, size_t least, size_t known)
{
	size_t theirs;

	memcpy(&theirs, from, sizeof(theirs));
	if (theirs < least || theirs > STRUCT_MAX)
		return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
			       "%s.size is %zu: begin it with .size = sizeof(struct %s)", what,
			       theirs, what);
	for (size_t i = known; i < theirs; i++)
		if (((const char *)from)[i])
			return why_set(
				why_last(), POSTERN_REASON_FAILED, -E2BIG,
				"%s sets a field that Postern %s does not know (byte %zu of %zu)",
				what, POSTERN_VERSION, i, theirs);
	return (ssize_t)theirs;
}

int struct_import(const char *what, void *to, size_t size, const void *from)
{
	ssize_t theirs;

	memset(to, 0, size);
	if (!from)
		return 0;
	theirs = struct_size(what, from, sizeof(size_t), size);
	if (theirs < 0)
		return (int)theirs;
	memcpy(to, from, (size_t)theirs < size ? (size_t)theirs : size);
	return 0;
}

int struct_events(const char *what, const void *events, size_t first, size_t size)
{
	ssize_t theirs;

	if (!events)
		return why_set(why_last(), POSTERN_REASON_FAILED, -EINVAL,
			       "events is NULL: a struct %s is needed, whose handlers may be NULL",
			       what);
	theirs = struct_size(what, events, first, size);
	return theirs < 0 ? (int)theirs : 0;
}

void struct_export(void *to, size_t size, const void *from, size_t known)
{
	size_t common = size < known ? size : known;

	memcpy(to, from, common);
	memset((char *)to + common, 0, size - common);
}

char *text_copy(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = sys_alloc(n);

	if (copy)
		memcpy(copy, text, n);
	return copy;
}
