/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas, interned names and growing text; see base.h. */

#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* A build that looks for overruns sets 1: each allocation is one of malloc(3)'s own then. */
#ifndef SLAB_SIZE
#define SLAB_SIZE ((size_t)256 * 1024)
#endif

struct arena_slab {
	struct arena_slab *next;
	size_t size;
	/* Aligned for anything, like malloc(3). */
	_Alignas(max_align_t) char data[];
};

struct arena run_arena;

void complain(const char *format, ...)
{
	char line[4096];
	va_list ap;

	fflush(stdout);
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	fputs("postern review: ", stderr);
	write_plain_z(stderr, line);
	fputc('\n', stderr);
}

static void *base_need(void *p)
{
	if (!p) {
		complain("out of memory");
		exit(EX_OSERR);
	}
	return p;
}

static void arena_slab_add(struct arena *arena, size_t size)
{
	struct arena_slab *slab;

	if (size < SLAB_SIZE)
		size = SLAB_SIZE;
	slab = base_need(malloc(sizeof(*slab) + size));
	slab->size = size;
	slab->next = arena->slabs;
	arena->slabs = slab;
	arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	void *p;

	size = (size + align - 1) / align * align;
	if (!arena->slabs || arena->slabs->size - arena->used < size)
		arena_slab_add(arena, size);
	p = arena->slabs->data + arena->used;
	arena->used += size;
	arena->total += size;
	return memset(p, 0, size);
}

char *arena_copy(struct arena *arena, const char *s, size_t n)
{
	char *copy = arena_alloc(arena, n + 1);

	if (n)
		memcpy(copy, s, n);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	s = arena_alloc(arena, (size_t)n + 1);
	va_start(ap, format);
	vsnprintf(s, (size_t)n + 1, format, ap);
	va_end(ap);
	return s;
}

void arena_reset(struct arena *arena)
{
	while (arena->slabs && arena->slabs->next) {
		struct arena_slab *next = arena->slabs->next;

		free(arena->slabs);
		arena->slabs = next;
	}
	arena->used = 0;
	arena->total = 0;
}

void arena_free(struct arena *arena)
{
	arena_reset(arena);
	free(arena->slabs);
	*arena = (struct arena){ 0 };
}

void *grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 16;
	return base_need(realloc(array, *cap * size));
}

struct intern_entry {
	const char *s;
	size_t n;
	uint32_t hash;
};

static struct intern_table {
	struct intern_entry *entries;
	size_t cap;
	size_t n;
} intern_table, intern_kept;

static uint32_t intern_hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h;
}

static void intern_grow(void)
{
	size_t cap = intern_table.cap ? intern_table.cap * 2 : 4096;
	struct intern_entry *entries = base_need(calloc(cap, sizeof(*entries)));

	for (size_t i = 0; i < intern_table.cap; i++) {
		const struct intern_entry *old = &intern_table.entries[i];
		size_t at = old->hash & (cap - 1);

		if (!old->s)
			continue;
		while (entries[at].s)
			at = (at + 1) & (cap - 1);
		entries[at] = *old;
	}
	free(intern_table.entries);
	intern_table.entries = entries;
	intern_table.cap = cap;
}

const char *intern(const char *s, size_t n)
{
	uint32_t hash = intern_hash(s, n);
	struct intern_entry *entry;
	size_t at;

	if (intern_table.n * 2 >= intern_table.cap)
		intern_grow();
	for (at = hash & (intern_table.cap - 1);; at = (at + 1) & (intern_table.cap - 1)) {
		entry = &intern_table.entries[at];
		if (!entry->s)
			break;
		if (entry->hash == hash && entry->n == n && !memcmp(entry->s, s, n))
			return entry->s;
	}
	*entry = (struct intern_entry){ arena_copy(&run_arena, s, n), n, hash };
	intern_table.n++;
	return entry->s;
}

static struct intern_table intern_copy(const struct intern_table *from)
{
	struct intern_table copy = *from;

	copy.entries = base_need(malloc(from->cap * sizeof(*copy.entries)));
	memcpy(copy.entries, from->entries, from->cap * sizeof(*copy.entries));
	return copy;
}

void intern_keep(void)
{
	free(intern_kept.entries);
	intern_kept = intern_copy(&intern_table);
}

void intern_forget(void)
{
	free(intern_table.entries);
	intern_table = intern_copy(&intern_kept);
}

const char *intern_z(const char *s)
{
	return intern(s, strlen(s));
}

static void text_room(struct text *text, size_t n)
{
	if (text->cap - text->n > n)
		return;
	while (text->cap - text->n <= n)
		text->cap = text->cap ? text->cap * 2 : 256;
	text->s = base_need(realloc(text->s, text->cap));
}

void text_add(struct text *text, const char *s, size_t n)
{
	text_room(text, n);
	if (n)
		memcpy(text->s + text->n, s, n);
	text->n += n;
	text->s[text->n] = '\0';
}

void text_puts(struct text *text, const char *s)
{
	text_add(text, s, strlen(s));
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n <= 0)
		return;
	text_room(text, (size_t)n);
	va_start(ap, format);
	vsnprintf(text->s + text->n, (size_t)n + 1, format, ap);
	va_end(ap);
	text->n += (size_t)n;
}

char *text_done(struct text *text)
{
	char *s = arena_copy(&run_arena, text->s ? text->s : "", text->n);

	free(text->s);
	*text = (struct text){ 0 };
	return s;
}

void text_drop(struct text *text)
{
	free(text->s);
	*text = (struct text){ 0 };
}
