/* SPDX-License-Identifier: Apache-2.0 */
/* shape-make.c - tables of interfaces from a seed, and texts that fit them, or nearly */
#include "shape-make.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum { NAMES = 100, DEPTH = 12 };

static char names[NAMES][8];
static const char *const enum_names[] = { "on", "off", "one", "o", "auto", "a", "default", "z9" };

static unsigned rnd(struct shape_make *m, unsigned limit)
{
	return (unsigned)json_make_random(&m->json, limit);
}

static void put(struct shape_make *m, const char *text)
{
	json_make_put(&m->json, text);
}

static const char *choose(struct shape_make *m, const char *const *from, unsigned n)
{
	return from[rnd(m, n)];
}

/* ---- types ---- */

static struct postern_type *make_type(struct shape_make *m, int depth);

static struct postern_type *new_type(struct shape_make *m, int kind, size_t size)
{
	struct postern_type *t = &m->type[m->types++];

	*t = (struct postern_type){ .kind = (uint8_t)kind, .size = (uint32_t)size };
	return t;
}

static const char *name_of(const struct postern_type *t, unsigned i)
{
	return t->kind == POSTERN_TYPE_STRUCT ? t->fields[i].name : t->names[i];
}

/* Half of the tables say it. */
static void sort(struct shape_make *m, struct postern_type *t)
{
	uint16_t *sorted = &m->sorted[m->fields];

	if (rnd(m, 2))
		return;
	for (unsigned i = 0; i < t->n; i++) {
		unsigned k = i;

		for (; k > 0 && strcmp(name_of(t, sorted[k - 1]), name_of(t, i)) > 0; k--)
			sorted[k] = sorted[k - 1];
		sorted[k] = (uint16_t)i;
	}
	t->sorted = sorted;
}

/* What a value needs in a struct or an array, and the alignment of that. */
static size_t slot(const struct postern_type *t, unsigned nullable, size_t *ret_align)
{
	size_t size;

	switch (t->kind) {
	case POSTERN_TYPE_STRING:
		size = sizeof(char *);
		break;
	case POSTERN_TYPE_OBJECT:
	case POSTERN_TYPE_ANY:
	case POSTERN_TYPE_ARRAY:
	case POSTERN_TYPE_MAP:
		size = 2 * sizeof(char *);
		break;
	case POSTERN_TYPE_STRUCT:
		size = nullable ? sizeof(char *) : t->size;
		*ret_align = 8;
		return size;
	default:
		*ret_align = t->size;
		return nullable ? 2 * t->size : t->size;
	}
	*ret_align = sizeof(char *);
	return size;
}

static size_t aligned(size_t n, size_t align)
{
	return (n + align - 1) / align * align;
}

static struct postern_type *make_struct(struct shape_make *m, int depth)
{
	struct postern_type *t = new_type(m, POSTERN_TYPE_STRUCT, 0), *of[80];
	unsigned n = rnd(m, 40) == 0 && depth > 0 ? 60 + rnd(m, 20) : rnd(m, 6),
		 first = rnd(m, NAMES);
	size_t at = 0, align;

	if (m->types + 2 * n + 20 > SHAPE_MAKE_TYPES || m->fields + n > SHAPE_MAKE_FIELDS - 100)
		n = 0;
	for (unsigned i = 0; i < n; i++)
		of[i] = make_type(m, n > 10 ? DEPTH : depth + 1);
	t->fields = &m->field[m->fields];
	t->n = n;
	for (unsigned i = 0; i < n; i++) {
		/* A struct that is not complete yet can only be pointed to. */
		unsigned nullable =
			rnd(m, 3) == 0 || (of[i]->kind == POSTERN_TYPE_STRUCT && of[i]->size == 0);
		size_t size = slot(of[i], nullable, &align);

		at = aligned(at, align);
		m->field[m->fields + i] = (struct postern_field){ names[(first + 7 * i) % NAMES],
								  of[i], (uint32_t)at, nullable };
		at += size;
	}
	t->size = (uint32_t)aligned(at + 1, 8);
	sort(m, t);
	m->fields += n;
	return t;
}

static struct postern_type *make_enum(struct shape_make *m)
{
	struct postern_type *t = new_type(m, POSTERN_TYPE_ENUM, 4);
	unsigned first = rnd(m, COUNT(enum_names));

	t->names = enum_names + first;
	t->n = 1 + rnd(m, (unsigned)COUNT(enum_names) - first);
	sort(m, t);
	m->fields += t->n;
	return t;
}

/* Its entries are laid out when all structs have a size. */
static struct postern_type *make_list(struct shape_make *m, int depth)
{
	struct postern_type *t = new_type(m, rnd(m, 2) ? POSTERN_TYPE_MAP : POSTERN_TYPE_ARRAY, 0);

	t->element = make_type(m, depth + 1);
	t->nullable = rnd(m, 4) == 0;
	return t;
}

static struct postern_type *some_struct(struct shape_make *m)
{
	struct postern_type *t = &m->type[rnd(m, m->types)];

	return t->kind == POSTERN_TYPE_STRUCT ? t : &m->type[0];
}

static struct postern_type *make_type(struct shape_make *m, int depth)
{
	unsigned full = m->types > SHAPE_MAKE_TYPES - 20 || m->fields > SHAPE_MAKE_FIELDS - 200;

	switch (rnd(m, full || depth > 4 ? 8 : 14)) {
	case 0:
		return new_type(m, POSTERN_TYPE_BOOL, sizeof(bool));
	case 1:
		return new_type(m, POSTERN_TYPE_INT, 8);
	case 2:
		return new_type(m, POSTERN_TYPE_UINT, 8);
	case 3:
		return new_type(m, POSTERN_TYPE_FLOAT, 8);
	case 4:
		return new_type(m, rnd(m, 2) ? POSTERN_TYPE_OBJECT : POSTERN_TYPE_ANY, 0);
	case 5:
		return full ? new_type(m, POSTERN_TYPE_BOOL, sizeof(bool)) : make_enum(m);
	case 6:
	case 7:
		return new_type(m, POSTERN_TYPE_STRING, 0);
	case 8:
	case 9:
		return make_struct(m, depth);
	case 10:
		return some_struct(m);
	default:
		return make_list(m, depth);
	}
}

static void lay_out(struct postern_type *t)
{
	size_t align, size = slot(t->element, t->nullable, &align);

	if (t->kind == POSTERN_TYPE_MAP) {
		t->value = (uint16_t)aligned(sizeof(char *), align);
		size = aligned(t->value + size, align > sizeof(char *) ? align : sizeof(char *));
	}
	t->size = (uint32_t)size;
}

const struct postern_type *shape_make_type(struct shape_make *m)
{
	for (unsigned i = 0; i < NAMES; i++)
		snprintf(names[i], sizeof names[i], i % 3 ? "f%u" : "f%u_a", i * 41 % NAMES);
	m->types = m->fields = 0;
	make_struct(m, 0);
	for (unsigned i = 0; i < m->types; i++)
		if (m->type[i].kind == POSTERN_TYPE_ARRAY || m->type[i].kind == POSTERN_TYPE_MAP)
			lay_out(&m->type[i]);
	return &m->type[0];
}

/* ---- texts ---- */

static void put_value(struct shape_make *m, const struct postern_type *t, unsigned nullable,
		      unsigned flaws, int depth);

static void put_integer(struct shape_make *m, int is_int)
{
	static const char *const ints[] = {
		"0", "-0", "1", "-1", "9223372036854775807", "-9223372036854775808"
	};
	static const char *const uints[] = { "0", "1", "9223372036854775807", "9223372036854775808",
					     "18446744073709551615" };
	char text[24];

	if (rnd(m, 3) == 0) {
		put(m, is_int ? choose(m, ints, COUNT(ints)) : choose(m, uints, COUNT(uints)));
		return;
	}
	if (is_int && rnd(m, 2))
		put(m, "-");
	snprintf(text, sizeof text, "%u", 1 + rnd(m, 1u << rnd(m, 31)));
	put(m, text);
}

static void put_scalar(struct shape_make *m, const struct postern_type *t)
{
	static const char *const floats[] = { "0",         "-0",   "0.1", "1e5",   "123456.789",
					      "-2.5E-300", "1E+2", "3",   "5e-324" };
	static const char *const raw[] = {
		"{}",          "{\"k\":[1,{\"n\":null}],\"l\":\"\\u00e9\"}",
		"{\"a\":1e9}", "[]",
		"[1,[2]]",     "\"s\"",
		"0.5",         "true"
	};

	switch (t->kind) {
	case POSTERN_TYPE_BOOL:
		put(m, rnd(m, 2) ? "true" : "false");
		break;
	case POSTERN_TYPE_INT:
	case POSTERN_TYPE_UINT:
		put_integer(m, t->kind == POSTERN_TYPE_INT);
		break;
	case POSTERN_TYPE_FLOAT:
		put(m, choose(m, floats, COUNT(floats)));
		break;
	case POSTERN_TYPE_ENUM:
		put(m, "\"");
		put(m, t->names[rnd(m, t->n)]);
		put(m, "\"");
		break;
	case POSTERN_TYPE_STRING:
		json_make_string(&m->json);
		break;
	default:
		put(m, choose(m, raw, t->kind == POSTERN_TYPE_OBJECT ? 3 : COUNT(raw)));
	}
}

static void put_member(struct shape_make *m, const char *name)
{
	if (m->json.text[m->json.n - 1] != '{')
		put(m, ",");
	if (rnd(m, 8) == 0)
		put(m, " ");
	put(m, "\"");
	if (rnd(m, 20) == 0) {
		char escaped[8];

		snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned char)*name++);
		put(m, escaped);
	}
	put(m, name);
	put(m, rnd(m, 8) ? "\":" : "\" :\n");
}

static void put_unknown(struct shape_make *m)
{
	char name[16];

	/* Never the same, of which a lenient reader would not complain. */
	snprintf(name, sizeof name, "z%u", m->unknown++);
	put_member(m, name);
	put(m, rnd(m, 2) ? "null" : "[{}]");
}

static void put_struct(struct shape_make *m, const struct postern_type *t, unsigned flaws,
		       int depth)
{
	unsigned start = rnd(m, 4) || t->n == 0 ? 0 : rnd(m, t->n),
		 step = rnd(m, 4) || t->n == 0 ? 1 : t->n - 1;

	put(m, "{");
	for (unsigned i = 0, k = start; i < t->n; i++, k = (k + step) % t->n) {
		const struct postern_field *f = &t->fields[k];
		unsigned times = 1;

		if ((f->flags && (rnd(m, 2) || depth > DEPTH)) || (flaws && rnd(m, 2 * flaws) == 0))
			continue;
		if (flaws && rnd(m, 4 * flaws) == 0)
			times = 2;
		for (; times > 0; times--) {
			put_member(m, f->name);
			put_value(m, f->type, f->flags, flaws, depth + 1);
		}
		if (flaws && rnd(m, 4 * flaws) == 0)
			put_unknown(m);
	}
	put(m, "}");
}

static void put_list(struct shape_make *m, const struct postern_type *t, unsigned flaws, int depth)
{
	unsigned n = depth > DEPTH || m->json.n > JSON_MAKE_MAX / 4 ? 0 : rnd(m, 5);
	char key[16];

	put(m, t->kind == POSTERN_TYPE_MAP ? "{" : "[");
	for (unsigned i = 0; i < n; i++) {
		if (t->kind == POSTERN_TYPE_MAP) {
			/* Different, in no order, unless it is a flaw that they are not. */
			snprintf(key, sizeof key, "%u\xc3\xa9",
				 flaws && rnd(m, flaws) == 0 ? 0 : i * 5 % 7);
			put_member(m, key);
		} else if (i > 0) {
			put(m, ",");
		}
		put_value(m, t->element, t->nullable, flaws, depth + 1);
	}
	put(m, t->kind == POSTERN_TYPE_MAP ? "}" : "]");
}

static void put_value(struct shape_make *m, const struct postern_type *t, unsigned nullable,
		      unsigned flaws, int depth)
{
	static const char *const others[] = {
		"null",
		"1",
		"-1",
		"1.5",
		"true",
		"\"x\"",
		"\"o\"",
		"[]",
		"{}",
		"[null]",
		"{\"a\":1}",
		"1e2",
		"9223372036854775808",
		"18446744073709551616",
		"\"a\\u0000b\"",
		"\"\\u0000\"",
	};

	if (flaws && rnd(m, flaws) == 0)
		put(m, choose(m, others, COUNT(others)));
	else if (nullable && (rnd(m, 6) == 0 || depth > DEPTH))
		put(m, "null");
	else if (t->kind == POSTERN_TYPE_STRUCT)
		put_struct(m, t, flaws, depth);
	else if (t->kind == POSTERN_TYPE_ARRAY || t->kind == POSTERN_TYPE_MAP)
		put_list(m, t, flaws, depth);
	else
		put_scalar(m, t);
}

void shape_make_text(struct shape_make *m, const struct postern_type *type, unsigned flaws)
{
	/* One that is too long for the room may be cut short. */
	do {
		m->json.n = 0;
		put_struct(m, type, flaws, 0);
	} while (m->json.n > JSON_MAKE_MAX / 2);
}
