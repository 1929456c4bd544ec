/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_BASE_H
#define REVIEW_BASE_H

/*
 * Memory and names for a reviewer that reads hostile text.
 *
 * Everything read from a run lives until its end in one arena; what is worked out for one function
 * lives in a second one that is emptied after it. Nothing is freed one by one, so that no path can
 * forget to. Running out of memory ends the program with one line: a checker has nothing to save.
 *
 * Names are interned: two names are the same exactly if their pointers are.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena_slab;

struct arena {
	struct arena_slab *slabs;
	size_t used; /* in the newest slab */
	size_t total;
};

/* A place in a text. */
struct pos {
	uint32_t row; /* from 0 */
	uint32_t col;
};

/* Zeroed memory; never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *s, size_t n);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Empties the arena and keeps one slab for the next use. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

/* The arena of the whole run. */
extern struct arena run_arena;

const char *intern(const char *s, size_t n);
const char *intern_z(const char *s);
/* For several runs in one process: forgets the names that are newer than intern_keep(). */
void intern_keep(void);
void intern_forget(void);

/* Makes room for one more element of `size` bytes; for arrays that live to the end of the run. */
void *grow(void *array, size_t n, size_t *cap, size_t size);

/* Text that grows. text_done() gives it to the run's arena and empties the buffer. */
struct text {
	char *s;
	size_t n;
	size_t cap;
};

void text_add(struct text *text, const char *s, size_t n);
void text_puts(struct text *text, const char *s);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *text_done(struct text *text);
/* Frees it instead. */
void text_drop(struct text *text);
/*
 * read.c: adds what is read up to the end; 0, or a negative errno, -EFBIG beyond `max` bytes. By its path,
 * with further flags of open(2): with O_NONBLOCK a regular file alone, -EINVAL else.
 */
int text_read_fd(struct text *text, int fd, size_t max);
int text_read(struct text *text, const char *path, int flags, size_t max);

/* utf8.c: the length of the UTF-8 sequence where the text begins, or 0. */
size_t utf8_length(const char *text);
/* Prints text of others: control characters as \x1b, so that it stays one line and moves no cursor. */
void write_plain(FILE *out, const char *s, size_t n);
void write_plain_z(FILE *out, const char *s);

/* "postern review: …" on standard error, one line. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static inline bool starts_with(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return false;
	return true;
}

#endif
