/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape-read.c - a struct from JSON, as its table says
 *
 * Checking and decoding are one code. Without memory it only counts what it would take, in the same places; so what a check
 * lets through has room when it is decoded, and no text, also one that has changed since, gets beyond that.
 *
 * How many elements an array has shows at its end. They must lie together, and each may take memory of its own
 * meanwhile: a string, another array. So the block is filled from both ends. Its front is a stack, of the elements of the
 * arrays that are open, those of an inner one behind those of the outer one. Its back has what is complete. An inner
 * array that ends is moved there from the front, in one piece; one that is in no other array stays where it is. To count
 * the elements ahead would need no stack, and go over a text that is nested 64 deep 64 times.
 *
 * Members mostly come as they were declared, so the field after the last one is tried first, and then those after it, or
 * the table's order is searched. One bit a field tells which were there. Unknown members are not compared with each other.
 */
#include "core/shape-read.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	SHAPE_ALIGN = 8,
	/* Of memory. With what a single object or string can have, of half of the addresses, no sum overflows. */
	SHAPE_MOST = 1 << 30,
};

/* ---- memory ---- */

/* What has this size, or is an array of it, is aligned to the lowest bit of it at most. */
static size_t shape_aligned(size_t n, size_t size)
{
	size_t align = (size | SHAPE_ALIGN) & -(size | SHAPE_ALIGN);

	return (n + align - 1) & ~(align - 1);
}

static int shape_claim(struct shape_reader *s, size_t front, size_t back)
{
	if (front > s->most || back > s->most - front) {
		shape_path_fault(&s->path, s->fault, "needs too much memory");
		return -E2BIG;
	}
	s->front = front;
	s->back = back;
	if (front + back > s->peak)
		s->peak = front + back;
	return 0;
}

int shape_take(struct shape_reader *s, size_t n, size_t size, char **ret)
{
	int r = shape_claim(s, s->front, shape_aligned(s->back + n, size));

	*ret = s->memory && r == 0 ? s->memory + s->most - s->back : NULL;
	return r;
}

/* The place for one more element of the innermost array. */
static int shape_push(struct shape_reader *s, size_t size, char **ret)
{
	size_t from = s->front;
	int r = shape_claim(s, from + size, s->back);

	*ret = s->memory && r == 0 ? memset(s->memory + from, 0, size) : NULL;
	return r;
}

static char *shape_behind(char *ret, size_t n)
{
	return ret ? ret + n : NULL;
}

/* ---- containers ---- */

static int shape_value(struct shape_reader *s, const struct postern_type *type, uint32_t nullable,
		       char *ret);

static int shape_is_at(const struct shape_reader *s, char first)
{
	return s->scan.at < s->scan.end && *s->scan.at == (unsigned char)first;
}

static struct shape_place *shape_here(struct shape_reader *s)
{
	return &s->path.place[s->path.depth - 1];
}

static int shape_enter(struct shape_reader *s, const struct postern_type *type)
{
	int is_array = type->kind == POSTERN_TYPE_ARRAY;

	if (!shape_is_at(s, is_array ? '[' : '{'))
		return shape_wrong(s, is_array ? "is not an array" : "is not an object");
	if (s->path.depth == POSTERN_JSON_DEPTH)
		return shape_wrong(s, "is nested too deep");
	s->scan.at++;
	s->path.place[s->path.depth++] = (struct shape_place){ type->kind, "", 0 };
	return 0;
}

/* 1: there is another element or member. 0: the container has ended. */
static int shape_next(struct shape_reader *s, uint32_t begun)
{
	int is_array = shape_here(s)->kind == POSTERN_TYPE_ARRAY;
	int r = json_scan_between(&s->scan, is_array ? POSTERN_JSON_ARRAY : POSTERN_JSON_OBJECT,
				  begun);

	if (r < 0)
		return shape_wrong(s, "is not JSON");
	s->scan.at += r == 0;
	return r;
}

/* The name of a member, and what is between it and the value. */
static int shape_name(struct shape_reader *s, struct postern_json *ret)
{
	struct shape_place *place = shape_here(s);

	if (json_scan_member(&s->scan, ret) < 0)
		return shape_wrong(s, "is not JSON");
	place->text = ret->text + 1;
	place->n = ret->n - 2;
	return 0;
}

/* Most members are the one that comes next in the table: its name need not be gone over and then compared. */
static int shape_is_expected(struct shape_reader *s, const char *name)
{
	struct shape_place *place = shape_here(s);
	const unsigned char *at = s->scan.at;
	size_t n = strlen(name);

	/* With the quotes and a colon. */
	if ((size_t)(s->scan.end - at) < n + 3 || at[0] != '"' || at[n + 1] != '"' ||
	    at[n + 2] != ':' || memcmp(at + 1, name, n) != 0)
		return 0;
	place->text = name;
	place->n = n;
	s->scan.at += n + 3;
	json_scan_blanks(&s->scan);
	return 1;
}

static int shape_member(struct shape_reader *s, const struct postern_type *type, uint64_t *seen,
			uint32_t *likely, char *ret)
{
	const struct postern_field *field;
	struct postern_json name, unknown;
	uint32_t i = *likely;
	uint64_t bit;

	if (i >= type->n || !shape_is_expected(s, type->fields[i].name)) {
		if (shape_name(s, &name) < 0)
			return -EBADMSG;
		i = shape_find(type, name, i);
	}
	bit = UINT64_C(1) << i % 64;
	if (i == type->n)
		return s->flags & SHAPE_LENIENT ? shape_slice(s, &unknown)
						: shape_wrong(s, "is not known");
	if (seen[i / 64] & bit)
		return shape_wrong(s, "is there twice");
	seen[i / 64] |= bit;
	*likely = i + 1;
	field = &type->fields[i];
	return shape_value(s, field->type, field->flags & POSTERN_FIELD_NULLABLE,
			   shape_behind(ret, field->offset));
}

static int shape_complete(struct shape_reader *s, const struct postern_type *type,
			  const uint64_t *seen)
{
	struct shape_place *place = shape_here(s);

	for (uint32_t i = 0; i < type->n; i++) {
		if (type->fields[i].flags & POSTERN_FIELD_NULLABLE || seen[i / 64] >> i % 64 & 1)
			continue;
		place->text = type->fields[i].name;
		place->n = strlen(place->text);
		return shape_wrong(s, "is missing");
	}
	s->path.depth--;
	return 0;
}

/* ret is zeroed: what is absent or null stays so. */
static int shape_struct(struct shape_reader *s, const struct postern_type *type, char *ret)
{
	uint64_t seen[POSTERN_FIELDS_MAX / 64];
	uint32_t likely = 0, begun = 0;
	int r = shape_enter(s, type);

	if (r < 0)
		return r;
	assert(type->n <= POSTERN_FIELDS_MAX);
	memset(seen, 0, ((size_t)type->n + 63) / 64 * sizeof(*seen));
	while ((r = shape_next(s, begun)) > 0) {
		r = shape_member(s, type, seen, &likely, ret);
		if (r < 0)
			return r;
		begun = 1;
	}
	return r < 0 ? r : shape_complete(s, type, seen);
}

/* The keys of a map whose entries are at the top of the stack. */
static int shape_keys_differ(struct shape_reader *s, size_t from, size_t n, size_t size)
{
	struct shape_place *place = shape_here(s);
	size_t back = s->back, twice;
	char *next;
	int r;

	if (n < 2)
		return 0;
	/* An entry is larger than its number, so this is no more than s->front. */
	r = shape_take(s, n * sizeof(uint32_t), sizeof(uint32_t), &next);
	s->back = back;
	if (!next)
		return r;
	twice = shape_keys_twice(s->memory + from, (uint32_t)n, size, (uint32_t *)(void *)next);
	if (twice == n)
		return 0;
	memcpy(&place->text, s->memory + from + twice * size, sizeof(place->text));
	place->n = strlen(place->text);
	return shape_wrong(s, "is there twice");
}

/* An array has ended whose elements are at the top of the stack, which was below them at `before`. */
static int shape_settle(struct shape_reader *s, size_t before, size_t size, struct shape_list *ret)
{
	size_t from = shape_aligned(before, size), n = s->front - from;
	char *to = shape_behind(s->memory, from);
	int r = 0;

	if (s->open > 0) {
		r = shape_take(s, n, size, &to);
		s->front = before;
		if (s->memory && to)
			memcpy(to, s->memory + from, n);
	}
	ret->items = to;
	return r;
}

static int shape_element(struct shape_reader *s, const struct postern_type *type, size_t i)
{
	int is_map = type->kind == POSTERN_TYPE_MAP, r = 0;
	struct postern_json key = { 0 };
	char *slot = NULL;

	if (is_map)
		r = shape_name(s, &key);
	else
		shape_here(s)->n = i;
	if (r == 0)
		r = shape_push(s, type->size, &slot);
	if (r == 0 && is_map)
		r = shape_string(s, key, slot);
	if (r < 0)
		return r;
	return shape_value(s, type->element, type->nullable, shape_behind(slot, type->value));
}

/* An array or a map. */
static int shape_items(struct shape_reader *s, const struct postern_type *type, char *ret)
{
	size_t before = s->front, from = shape_aligned(before, type->size);
	struct shape_list list = { 0 };
	int r = shape_enter(s, type);

	if (r == 0)
		r = shape_claim(s, from, s->back);
	if (r < 0)
		return r;
	s->open++;
	while ((r = shape_next(s, list.n > 0)) > 0) {
		r = shape_element(s, type, list.n);
		if (r < 0)
			return r;
		list.n++;
	}
	s->open--;
	if (r == 0 && type->kind == POSTERN_TYPE_MAP)
		r = shape_keys_differ(s, from, list.n, type->size);
	if (r == 0)
		r = shape_settle(s, before, type->size, &list);
	if (r < 0)
		return r;
	s->path.depth--;
	shape_store(ret, &list, sizeof(list));
	return 0;
}

static int shape_optional_struct(struct shape_reader *s, const struct postern_type *type, char *ret)
{
	char *to;
	int r = shape_take(s, type->size, type->size, &to);

	if (r < 0)
		return r;
	if (to)
		memset(to, 0, type->size);
	shape_store(ret, &to, sizeof(to));
	return shape_struct(s, type, to);
}

static int shape_value(struct shape_reader *s, const struct postern_type *type, uint32_t nullable,
		       char *ret)
{
	struct postern_json null;
	bool set = true;
	int r;

	if (shape_is_at(s, 'n'))
		return nullable ? shape_slice(s, &null) : shape_wrong(s, "is null");
	if (type->kind == POSTERN_TYPE_STRUCT)
		return nullable ? shape_optional_struct(s, type, ret) : shape_struct(s, type, ret);
	if (type->kind == POSTERN_TYPE_ARRAY || type->kind == POSTERN_TYPE_MAP)
		return shape_items(s, type, ret);
	r = shape_scalar(s, type, ret);
	if (r == 0 && nullable && shape_is_flagged(type))
		shape_store(shape_behind(ret, type->size), &set, sizeof(set));
	return r;
}

/* ---- from outside ---- */

static void shape_begin(struct shape_reader *s, struct postern_json object, unsigned flags,
			size_t most, struct shape_fault *fault)
{
	/* The path is large, and needs no value. */
	s->scan = (struct json_scan){ .at = (const unsigned char *)object.text };
	s->scan.end = s->scan.at + object.n;
	s->flags = flags;
	s->open = 0;
	s->memory = NULL;
	s->most = (most < SHAPE_MOST ? most : SHAPE_MOST) & ~(size_t)(SHAPE_ALIGN - 1);
	s->front = s->back = 0;
	s->peak = SHAPE_ALIGN;
	s->fault = fault;
	s->path.depth = 0;
}

ssize_t shape_check(const struct postern_type *type, struct postern_json object, unsigned flags,
		    size_t most, struct shape_fault *ret_fault)
{
	struct shape_reader s;
	int r;

	shape_begin(&s, object, flags, most, ret_fault);
	r = shape_struct(&s, type, NULL);
	return r < 0 ? r : (ssize_t)shape_aligned(s.peak, SHAPE_ALIGN);
}

int shape_decode(const struct postern_type *type, struct postern_json object, unsigned flags,
		 void *ret, void *memory, size_t size, struct shape_fault *ret_fault)
{
	struct shape_reader s;

	shape_begin(&s, object, flags, size, ret_fault);
	s.memory = memory;
	memset(ret, 0, type->size);
	return shape_struct(&s, type, ret);
}
