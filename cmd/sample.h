/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.h - what a service tells about itself at one moment, for stats and top
 *
 * An answer of io.postern.Statistics.Get, checked: the service is another program. A field that it does not have, because it
 * is older, is 0.
 */
#ifndef POSTERN_SAMPLE_H
#define POSTERN_SAMPLE_H

#include <postern/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SAMPLE_METHOD "io.postern.Statistics.Get"

enum {
	SAMPLE_AT,
	SAMPLE_SINCE,
	SAMPLE_CONNECTIONS,
	SAMPLE_OPEN,
	SAMPLE_UPGRADED,
	SAMPLE_HELD,
	SAMPLE_DESCRIPTORS,
	SAMPLE_UNPASSED,
	SAMPLE_ACCEPTED,
	SAMPLE_REFUSED,
	SAMPLE_PAUSES,
	SAMPLE_CALLS,
	SAMPLE_ANSWERS,
	SAMPLE_ABANDONED,
	SAMPLE_CANCELLED,
	SAMPLE_DROPPED,
	SAMPLE_VIOLATIONS,
	SAMPLE_RECEIVED,
	SAMPLE_SENT,
	SAMPLE_VALUES,
	SAMPLE_BUCKETS = 128,
};

struct sample_bucket {
	int64_t below_ns; /* INT64_MAX: no bound */
	int64_t calls;
};

struct sample {
	int64_t values[SAMPLE_VALUES]; /* none is negative */
	unsigned n_buckets;
	struct sample_bucket buckets[SAMPLE_BUCKETS]; /* ascending */
};

/* A member that is a number and not negative; one that is not there, or null, is `absent`. false: it is something else. */
bool   sample_number(struct postern_json object, const char *name, int64_t absent, int64_t *ret);
/* false: this is no such answer. */
bool   sample_read(struct sample *ret, struct postern_json answer);
/* How much a value has grown since; before: an older sample of the same service, or NULL. A service that has begun anew in
   between counts from 0. */
int64_t sample_since(const struct sample *s, const struct sample *before, int value);
/* The same a second. */
double sample_rate(const struct sample *s, const struct sample *before, int value);
/* At least this part (0 to 1) of the calls in between were answered in less than this; 0: there were none; INT64_MAX: no bound. */
int64_t sample_latency(const struct sample *s, const struct sample *before, double part);

/* For people: 999, 1.2k, 34k, 5.6M; 96us, 1.2ms; 512B, 12K. */
struct sample_text {
	char text[16];
};
struct sample_text sample_count(double n);
struct sample_text sample_bytes(double n);
struct sample_text sample_time(int64_t ns); /* of sample_latency() */

#endif
