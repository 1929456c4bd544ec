/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - names and texts of others, made safe for a terminal and a log
 *
 * A path, a name and what a peer wrote may hold what a terminal obeys (ESC, and in some U+009B), what changes the
 * order of what is read (U+202E) and what is not seen at all (U+200B). All of it is written as what it is: \x1b for a
 * byte, \u{202e} for a character. Letters of any script stay.
 */
#ifndef POSTERN_BASE_WORDS_H
#define POSTERN_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the UTF-8 character at text, or 0: the byte there is of none. */
size_t words_character(const char *text, uint32_t *ret);
/* A control character, or one that is not seen: its own and those around it. */
bool   words_is_hidden(uint32_t character);

enum { WORDS_NEXT = 12 };
/* Writes the first character as it may be shown; how many bytes of text that were. */
size_t words_next(char ret[WORDS_NEXT], const char *text);
/* The same of all that fits, never a part of a character; the result is terminated. How many bytes of text that were. */
size_t words_safe(char *ret, size_t size, const char *text);
/* Would it be shown as it is? */
bool   words_are_safe(const char *text);

/* A name or a path for a message: of a long one its beginning, its end and its length. */
struct words_name {
	char text[176];
};
struct words_name words_name(const char *name);

#endif
