/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latency.h - how long things took, as counts in buckets
 *
 * Four buckets for each doubling from 1 us to 69 s, so a bucket's bound is at most a quarter above what it counts: enough to
 * read a percentile from, and 864 bytes whatever happens. Two readings, subtracted, are what happened in between. The
 * same division as that of HdrHistogram with two significant bits.
 *
 * Pure: no memory, no time, no calls.
 */
#ifndef POSTERN_CORE_LATENCY_H
#define POSTERN_CORE_LATENCY_H

#include <stdint.h>

enum {
	LATENCY_FIRST   = 10, /* the first bucket is for less than 2^10 ns */
	LATENCY_LAST    = 36, /* the last one for 2^36 ns and more */
	LATENCY_BUCKETS = (LATENCY_LAST - LATENCY_FIRST) * 4 + 2,
};

struct latency {
	uint64_t counts[LATENCY_BUCKETS];
};

void     latency_count(struct latency *l, int64_t ns);
/* What is counted in this bucket took less than so many nanoseconds; of the last one INT64_MAX. */
int64_t  latency_below(unsigned bucket);

#endif
