/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_JSON_H
#define REVIEW_JSON_H

/*
 * JSON of others: a compile_commands.json, an earlier report, what an editor sends. RFC 8259, read
 * as a whole into an arena.
 *
 * Hostile text costs no more than the limits below. Bytes that are not UTF-8 stay as they are, since
 * paths may have them; half a pair of surrogates becomes U+FFFD. Of two members with one name the
 * first is found.
 */

#include "base/base.h"

enum {
	JSON_MAX_DEPTH = 64,
	JSON_MAX_VALUES = 2000000,
};

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json {
	enum json_kind kind;
	const char *name;    /* of a member, or NULL */
	const char *text;    /* of a string, with a terminator behind it; of a number as it is written */
	size_t n;            /* its length: a string may have zero bytes */
	struct json *first;  /* of an array or object */
	struct json *next;
};

/* The value that is the whole text, or NULL with *why, which is never empty. */
const struct json *json_read(struct arena *arena, const char *text, size_t n, const char **why);

/* Each takes NULL and any kind of value, so that a chain of questions needs no test in between. */
const struct json *json_get(const struct json *object, const char *name);
/* The member's string, or NULL. */
const char *json_get_text(const struct json *object, const char *name);
/* The member's value if it is a whole number from 0 to `max`, else -1. */
int64_t json_get_count(const struct json *object, const char *name, int64_t max);
bool json_get_true(const struct json *object, const char *name);
/* A string of the array at that name is this one. */
bool json_get_has(const struct json *object, const char *name, const char *word);

#endif
