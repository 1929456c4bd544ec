/* SPDX-License-Identifier: Apache-2.0 */
/* shape-scalar.c - values in C from JSON that has no others in it, and names of fields and enums */
#include "core/shape-read.h"

#include <errno.h>
#include <string.h>

int shape_slice(struct shape_reader *s, struct postern_json *ret)
{
	const unsigned char *from = s->scan.at;

	if (json_scan_value(&s->scan) < 0)
		return shape_wrong(s, "is not JSON");
	*ret = (struct postern_json){ (const char *)from, (size_t)(s->scan.at - from) };
	return 0;
}

int shape_string(struct shape_reader *s, struct postern_json v, char *ret)
{
	size_t size = v.n - 1; /* at most: in the place of the quotes, the terminator */
	ssize_t n;
	char *to;
	int r;

	if (postern_json_kind(v) != POSTERN_JSON_STRING)
		return shape_wrong(s, "is not a string");
	r = shape_take(s, size, 1, &to);
	if (!to)
		return r;
	n = postern_json_string(v, to, size);
	if (n < 0 || strlen(to) != (size_t)n)
		return shape_wrong(s, "has a \\u0000 in it");
	shape_store(ret, &to, sizeof(to));
	return 0;
}

static int shape_integer(struct shape_reader *s, const struct postern_type *type,
			 struct postern_json v, char *ret)
{
	uint64_t u = 0;
	int64_t i = 0;
	int is_int = type->kind == POSTERN_TYPE_INT;
	int r = is_int ? postern_json_int(v, &i) : postern_json_uint(v, &u);

	if (r < 0)
		return shape_wrong(s, r == -ERANGE ? "is out of range" : "is not an integer");
	shape_store(ret, is_int ? (void *)&i : (void *)&u, sizeof(u));
	return 0;
}

static int shape_float(struct shape_reader *s, struct postern_json v, char *ret)
{
	double value = 0;

	/* Whether a double can hold a number was seen before. */
	if (postern_json_double(v, &value) < 0)
		return shape_wrong(s, "is not a number");
	shape_store(ret, &value, sizeof(value));
	return 0;
}

static int shape_bool(struct shape_reader *s, struct postern_json v, char *ret)
{
	int kind = postern_json_kind(v);
	bool value = kind == POSTERN_JSON_TRUE;

	if (!value && kind != POSTERN_JSON_FALSE)
		return shape_wrong(s, "is not a bool");
	shape_store(ret, &value, sizeof(value));
	return 0;
}

static const char *shape_name_of(const struct postern_type *type, uint32_t i)
{
	return type->kind == POSTERN_TYPE_STRUCT ? type->fields[i].name : type->names[i];
}

static uint32_t shape_search(const struct postern_type *type, struct postern_json name)
{
	uint32_t low = 0, high = type->n, middle;
	int r;

	while (low < high) {
		middle = low + (high - low) / 2;
		r = json_compare(name, shape_name_of(type, type->sorted[middle]));
		if (r == 0)
			return type->sorted[middle];
		if (r < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return type->n;
}

uint32_t shape_find(const struct postern_type *type, struct postern_json name, uint32_t likely)
{
	uint32_t i = likely < type->n ? likely : 0;

	for (uint32_t tried = 0; tried < type->n; tried++) {
		if (json_compare(name, shape_name_of(type, i)) == 0)
			return i;
		if (type->sorted)
			return shape_search(type, name);
		i = i + 1 < type->n ? i + 1 : 0;
	}
	return type->n;
}

static int shape_enum(struct shape_reader *s, const struct postern_type *type,
		      struct postern_json v, char *ret)
{
	uint32_t value;

	if (postern_json_kind(v) != POSTERN_JSON_STRING)
		return shape_wrong(s, "is not a string");
	value = shape_find(type, v, 0) + 1;
	if (value > type->n) {
		if (!(s->flags & SHAPE_LENIENT))
			return shape_wrong(s, "is none of its values");
		value = 0;
	}
	shape_store(ret, &value, sizeof(value));
	return 0;
}

static int shape_raw(struct shape_reader *s, const struct postern_type *type, struct postern_json v,
		     char *ret)
{
	if (type->kind == POSTERN_TYPE_OBJECT && postern_json_kind(v) != POSTERN_JSON_OBJECT)
		return shape_wrong(s, "is not an object");
	shape_store(ret, &v, sizeof(v));
	return 0;
}

int shape_scalar(struct shape_reader *s, const struct postern_type *type, char *ret)
{
	struct postern_json v;
	int r = shape_slice(s, &v);

	if (r < 0)
		return r;
	switch (type->kind) {
	case POSTERN_TYPE_BOOL:
		return shape_bool(s, v, ret);
	case POSTERN_TYPE_INT:
	case POSTERN_TYPE_UINT:
		return shape_integer(s, type, v, ret);
	case POSTERN_TYPE_FLOAT:
		return shape_float(s, v, ret);
	case POSTERN_TYPE_STRING:
		return shape_string(s, v, ret);
	case POSTERN_TYPE_ENUM:
		return shape_enum(s, type, v, ret);
	default:
		return shape_raw(s, type, v, ret);
	}
}
