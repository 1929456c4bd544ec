/* SPDX-License-Identifier: Apache-2.0 */
/* sample.c - see sample.h */
#include "sample.h"

#include <string.h>

/* ---- reading ---- */

static const char *const sample_names[SAMPLE_VALUES] = {
	[SAMPLE_AT] = "atNs",
	[SAMPLE_SINCE] = "sinceNs",
	[SAMPLE_CONNECTIONS] = "connectionsNow",
	[SAMPLE_OPEN] = "openNow",
	[SAMPLE_UPGRADED] = "upgradedNow",
	[SAMPLE_HELD] = "bytesNow",
	[SAMPLE_DESCRIPTORS] = "descriptorsNow",
	[SAMPLE_UNPASSED] = "descriptorsRefused",
	[SAMPLE_ACCEPTED] = "accepted",
	[SAMPLE_REFUSED] = "refused",
	[SAMPLE_PAUSES] = "pauses",
	[SAMPLE_CALLS] = "calls",
	[SAMPLE_ANSWERS] = "answers",
	[SAMPLE_ABANDONED] = "abandoned",
	[SAMPLE_CANCELLED] = "cancelled",
	[SAMPLE_DROPPED] = "dropped",
	[SAMPLE_VIOLATIONS] = "violations",
	[SAMPLE_RECEIVED] = "bytesReceived",
	[SAMPLE_SENT] = "bytesSent",
};

bool sample_number(struct postern_json object, const char *name, int64_t absent, int64_t *ret)
{
	struct postern_json value;

	*ret = absent;
	if (postern_json_find(object, name, &value) <= 0 ||
	    postern_json_kind(value) == POSTERN_JSON_NULL)
		return true;
	return postern_json_int(value, ret) == 0 && *ret >= 0;
}

static bool sample_read_bucket(struct sample *s, struct postern_json item)
{
	int64_t last = s->n_buckets ? s->buckets[s->n_buckets - 1].below_ns : -1;
	struct sample_bucket *b = &s->buckets[s->n_buckets];

	if (s->n_buckets == SAMPLE_BUCKETS || postern_json_kind(item) != POSTERN_JSON_OBJECT ||
	    !sample_number(item, "belowNs", INT64_MAX, &b->below_ns) ||
	    !sample_number(item, "calls", 0, &b->calls) || b->below_ns <= last)
		return false;
	s->n_buckets++;
	return true;
}

bool sample_read(struct sample *ret, struct postern_json answer)
{
	struct postern_json_walk walk;
	struct postern_json buckets, item;

	ret->n_buckets = 0;
	for (int i = 0; i < SAMPLE_VALUES; i++)
		if (!sample_number(answer, sample_names[i], 0, &ret->values[i]))
			return false;
	if (postern_json_find(answer, "latency", &buckets) <= 0)
		return true;
	if (postern_json_kind(buckets) != POSTERN_JSON_ARRAY ||
	    postern_json_enter(&walk, buckets) < 0)
		return false;
	while (postern_json_next(&walk, NULL, &item) > 0)
		if (!sample_read_bucket(ret, item))
			return false;
	return true;
}

/* ---- between two samples ---- */

static bool sample_follows(const struct sample *s, const struct sample *before)
{
	return before && before->values[SAMPLE_SINCE] == s->values[SAMPLE_SINCE];
}

int64_t sample_since(const struct sample *s, const struct sample *before, int value)
{
	int64_t was = sample_follows(s, before) ? before->values[value] : 0;

	return s->values[value] > was ? s->values[value] - was : 0;
}

double sample_rate(const struct sample *s, const struct sample *before, int value)
{
	int64_t from =
		sample_follows(s, before) ? before->values[SAMPLE_AT] : s->values[SAMPLE_SINCE];
	int64_t ns = s->values[SAMPLE_AT] - from;

	return ns > 0 ? (double)sample_since(s, before, value) * 1e9 / (double)ns : 0;
}

/* Of the bucket with this bound, in a sample that may be NULL. */
static int64_t sample_bucket(const struct sample *s, int64_t below_ns)
{
	for (unsigned i = 0; s && i < s->n_buckets; i++)
		if (s->buckets[i].below_ns == below_ns)
			return s->buckets[i].calls;
	return 0;
}

int64_t sample_latency(const struct sample *s, const struct sample *before, double part)
{
	double all = 0, some = 0;
	int64_t bound = 0;

	if (!sample_follows(s, before))
		before = NULL;
	for (unsigned i = 0; i < s->n_buckets; i++)
		all += (double)(s->buckets[i].calls -
				sample_bucket(before, s->buckets[i].below_ns));
	for (unsigned i = 0; i < s->n_buckets && all > 0; i++) {
		int64_t calls = s->buckets[i].calls - sample_bucket(before, s->buckets[i].below_ns);

		if (calls <= 0)
			continue;
		some += (double)calls;
		bound = s->buckets[i].below_ns;
		if (some >= part * all)
			break;
	}
	return bound;
}

/* ---- for people ---- */

static struct sample_text sample_scaled(double n, double step, const char *const *units)
{
	struct sample_text ret;

	while (n >= step && units[1]) {
		n /= step;
		units++;
	}
	snprintf(ret.text, sizeof(ret.text), n < 9.95 && n != (double)(int)n ? "%.1f%s" : "%.0f%s",
		 n, *units);
	return ret;
}

struct sample_text sample_count(double n)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E", NULL };

	return sample_scaled(n, 1000, units);
}

struct sample_text sample_bytes(double n)
{
	static const char *const units[] = { "B", "K", "M", "G", "T", "P", "E", NULL };

	return sample_scaled(n, 1024, units);
}

struct sample_text sample_time(int64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s", NULL };

	if (ns == 0)
		return (struct sample_text){ "-" };
	if (ns == INT64_MAX)
		return (struct sample_text){ "> 1min" };
	return sample_scaled((double)ns, 1000, units);
}
