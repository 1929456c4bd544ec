/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape-keys.c - does a map have a key twice?
 *
 * Keys that a program wrote in order, as many do, are compared once. Others are sorted as a list, by merging: the map
 * itself keeps the order of its text, 4 bytes an entry are all it takes, and n log n comparisons are all that a hostile
 * choice of keys can cost, which a table of hashes could not promise without a secret. Where two lists are
 * merged that both have a key, the two are compared with each other before either of them is taken, so none is missed.
 */
#include "core/shape-path.h"

#include <string.h>

enum { SHAPE_LISTS = 32 }; /* list i has none or 2^i entries */
#define SHAPE_END UINT32_MAX

struct shape_keys {
	const char *entries;
	size_t size;
	uint32_t *next; /* in the order of the keys */
	uint32_t twice; /* or SHAPE_END */
};

static const char *shape_key_of(const struct shape_keys *k, uint32_t i)
{
	const char *key;

	memcpy(&key, k->entries + i * k->size, sizeof(key));
	return key;
}

static int shape_keys_compare(const struct shape_keys *k, uint32_t a, uint32_t b)
{
	return strcmp(shape_key_of(k, a), shape_key_of(k, b));
}

/* Two lists to one, until a key is found twice. All of a is before b in the map. */
static uint32_t shape_keys_merge(struct shape_keys *k, uint32_t a, uint32_t b)
{
	uint32_t first, *link = &first;
	int r;

	while (a != SHAPE_END && b != SHAPE_END && k->twice == SHAPE_END) {
		r = shape_keys_compare(k, a, b);
		if (r == 0)
			k->twice = b;
		if (r < 0) {
			*link = a;
			link = &k->next[a];
			a = *link;
		} else {
			*link = b;
			link = &k->next[b];
			b = *link;
		}
	}
	*link = a != SHAPE_END ? a : b;
	return first;
}

static void shape_keys_sort(struct shape_keys *k, uint32_t n)
{
	uint32_t list[SHAPE_LISTS], one, i, l;

	for (l = 0; l < SHAPE_LISTS; l++)
		list[l] = SHAPE_END;
	for (i = 0; i < n && k->twice == SHAPE_END; i++) {
		one = i;
		k->next[i] = SHAPE_END;
		for (l = 0; list[l] != SHAPE_END; l++) {
			one = shape_keys_merge(k, list[l], one);
			list[l] = SHAPE_END;
		}
		list[l] = one;
	}
	for (l = 0, one = SHAPE_END; l < SHAPE_LISTS && k->twice == SHAPE_END; l++)
		one = shape_keys_merge(k, list[l], one);
}

uint32_t shape_keys_twice(const char *entries, uint32_t n, size_t size, uint32_t *next)
{
	struct shape_keys k = { entries, size, next, SHAPE_END };
	uint32_t i = 1;

	while (i < n && shape_keys_compare(&k, i - 1, i) < 0)
		i++;
	if (i < n)
		shape_keys_sort(&k, n);
	return k.twice == SHAPE_END ? n : k.twice;
}
