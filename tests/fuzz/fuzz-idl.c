/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-idl.c - descriptions of interfaces under libFuzzer (tools/fuzz)
 *
 * Any text is accepted or refused at a place inside it. What is accepted is printed; that is accepted too, printed alike,
 * and documents the same.
 */
#include "core/idl.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t n);

/* In blocks of the size that is said to be enough. */
struct parsed {
	char *arena;
	struct idl *idl;
};

static int parse(struct parsed *ret, const char *text, size_t n)
{
	struct idl_error error = { 0 };
	int r;

	ret->arena = malloc(64 * n + 256);
	if (!ret->arena)
		abort();
	r = idl_parse(text, n, ret->arena, 64 * n + 256, &ret->idl, &error);
	if (r == 0)
		return 1;
	/* -ENOBUFS would say that it was not enough. */
	if (error.line == 0 || error.column == 0 || !error.text || strstr(error.text, "memory") ||
	    error.word.text < text || error.word.text + error.word.n > text + n)
		abort();
	return 0;
}

static char *print(const struct idl *idl, size_t *ret_n)
{
	char *text;

	*ret_n = idl_print(idl, NULL, 0);
	text = malloc(*ret_n);
	if (!text || idl_print(idl, text, *ret_n) != *ret_n)
		abort();
	return text;
}

static void same_documentation(const struct idl_comment *a, const struct idl_comment *b)
{
	a = idl_documentation(a);
	b = idl_documentation(b);
	for (; a && b; a = a->next, b = b->next) {
		struct idl_slice x = idl_line(a), y = idl_line(b);

		if (x.n != y.n || memcmp(x.text, y.text, x.n) != 0)
			abort();
	}
	if (a || b)
		abort();
}

static void same_type(const struct idl_type *a, const struct idl_type *b)
{
	const struct idl_field *f, *g;

	if (!a || !b) {
		if (a || b)
			abort();
		return;
	}
	if (a->kind != b->kind || !a->member != !b->member)
		abort();
	same_type(a->inner, b->inner);
	for (f = a->fields, g = b->fields; f && g; f = f->next, g = g->next) {
		same_documentation(f->comments, g->comments);
		same_type(f->type, g->type);
	}
	if (f || g)
		abort();
}

static void same(const struct idl *a, const struct idl *b)
{
	const struct idl_member *m, *o;

	same_documentation(a->comments, b->comments);
	for (m = a->members, o = b->members; m && o; m = m->next, o = o->next) {
		same_documentation(m->comments, o->comments);
		same_type(m->type, o->type);
		same_type(m->out, o->out);
	}
	if (m || o)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *text, size_t n)
{
	struct parsed first, second;
	char *once, *twice;
	size_t once_n, twice_n;

	if (parse(&first, (const char *)text, n)) {
		once = print(first.idl, &once_n);
		if (!parse(&second, once, once_n))
			abort();
		twice = print(second.idl, &twice_n);
		if (once_n != twice_n || memcmp(once, twice, once_n) != 0)
			abort();
		same(first.idl, second.idl);
		free(twice);
		free(second.arena);
		free(once);
	}
	free(first.arena);
	return 0;
}
