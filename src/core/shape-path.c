/* SPDX-License-Identifier: Apache-2.0 */
/* shape-path.c - the path of a wrong field, in words: entries[3].name, labels["key"] */
#include "core/json.h"
#include "core/shape-path.h"

#include <string.h>

struct shape_words {
	char *at, *end;
};

/* As much as fits, and no part of a character: the path becomes a string of JSON. What the program gave as a key may be
   no UTF-8. */
static void shape_say(struct shape_words *w, const char *text, size_t n)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + n;
	size_t length;

	for (; at < end; at += length) {
		length = *at < 0x80 ? 1 : json_sequence(at, end);
		if ((size_t)(w->end - w->at) < (length ? length : 1)) {
			w->end = w->at;
			return;
		}
		if (length == 0) {
			*w->at++ = '?';
			length = 1;
		} else {
			memcpy(w->at, at, length);
			w->at += length;
		}
	}
}

static void shape_say_place(struct shape_words *w, const struct shape_place *place, int first)
{
	char number[JSON_NUMBER_MAX];

	switch (place->kind) {
	case POSTERN_TYPE_ARRAY:
		shape_say(w, "[", 1);
		shape_say(w, number, json_integer_write(place->n, number));
		shape_say(w, "]", 1);
		break;
	case POSTERN_TYPE_MAP:
		shape_say(w, "[\"", 2);
		shape_say(w, place->text, place->n);
		shape_say(w, "\"]", 2);
		break;
	default:
		if (!first)
			shape_say(w, ".", 1);
		shape_say(w, place->text, place->n);
	}
}

void shape_path_fault(const struct shape_path *path, struct shape_fault *ret, const char *what)
{
	struct shape_words w = { ret->path, ret->path + sizeof(ret->path) - 1 };

	for (unsigned i = 0; i < path->depth; i++)
		shape_say_place(&w, &path->place[i], i == 0);
	*w.at = '\0';
	ret->what = what;
}
