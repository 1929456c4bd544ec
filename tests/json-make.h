/* SPDX-License-Identifier: Apache-2.0 */
/* json-make.h - JSON texts from a seed, and mistakes in them */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { JSON_MAKE_MAX = 4096 };

struct json_make {
	uint64_t seed; /* any; the same one makes the same texts */
	size_t n;
	char text[JSON_MAKE_MAX];
};

uint64_t json_make_random(struct json_make *m, uint64_t limit);
/* Behind what is there; nothing, if there is no room. */
void json_make_put(struct json_make *m, const char *text);
/* A string, of which no character is \0. */
void json_make_string(struct json_make *m);
/* A valid text, of a few bytes up to JSON_MAKE_MAX. */
void json_make_text(struct json_make *m);
/* Up to three mistakes, after which it may still be valid. */
void json_make_mistakes(struct json_make *m);
