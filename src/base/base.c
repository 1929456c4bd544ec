/* SPDX-License-Identifier: Apache-2.0 */
/* base.c - time, jitter, versioned structs */
#include "base/base.h"

#include <errno.h>
#include <string.h>

#include "sys/sys.h"

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

int struct_import(void *to, size_t size, const void *from)
{
	size_t theirs, common;

	memset(to, 0, size);
	if (!from)
		return 0;
	memcpy(&theirs, from, sizeof(theirs));
	if (theirs < sizeof(theirs) || theirs > 4096)
		return -EINVAL;
	for (size_t i = size; i < theirs; i++)
		if (((const char *)from)[i])
			return -E2BIG;
	common = theirs < size ? theirs : size;
	memcpy(to, from, common);
	return 0;
}
