/* SPDX-License-Identifier: Apache-2.0 */
/* latency.c - see latency.h */
#include "core/latency.h"

static unsigned latency_bucket(uint64_t ns)
{
	unsigned log2;

	if (ns >> LATENCY_FIRST == 0)
		return 0;
	if (ns >> LATENCY_LAST != 0)
		return LATENCY_BUCKETS - 1;
	log2 = 63u - (unsigned)__builtin_clzll(ns);
	/* The two bits behind the highest one. */
	return 1 + (log2 - LATENCY_FIRST) * 4 + (unsigned)(ns >> (log2 - 2) & 3);
}

void latency_count(struct latency *l, int64_t ns)
{
	l->counts[latency_bucket(ns < 0 ? 0 : (uint64_t)ns)]++;
}

int64_t latency_below(unsigned bucket)
{
	unsigned log2;

	if (bucket == 0)
		return INT64_C(1) << LATENCY_FIRST;
	if (bucket >= LATENCY_BUCKETS - 1)
		return INT64_MAX;
	log2 = LATENCY_FIRST + (bucket - 1) / 4;
	return (INT64_C(5) + (bucket - 1) % 4) << (log2 - 2);
}
