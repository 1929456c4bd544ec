/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape-write.c - JSON from a struct, as its table says
 *
 * A field that is null is left out; as an element of an array or a map it is written, because its place or its key says
 * something. The writer knows what is JSON and keeps its first error; here that error gets the path of the field.
 */
#include "core/shape-path.h"

#include <errno.h>
#include <string.h>

struct shape_writer {
	struct postern_json_writer *w;
	struct shape_fault *fault;
	struct shape_path path;
};

static int shape_unfit(struct shape_writer *s, const char *what)
{
	shape_path_fault(&s->path, s->fault, what);
	return -EINVAL;
}

/* A buffer that is too small is no fault of the value. */
static int shape_written(struct shape_writer *s)
{
	switch (s->w->error) {
	case 0:
	case -EMSGSIZE:
		return 0;
	case -EILSEQ:
		return shape_unfit(s, "is not UTF-8");
	case -EDOM:
		return shape_unfit(s, "is not a finite number");
	case -EBADMSG:
		return shape_unfit(s, "is not JSON, or nested too deep");
	default:
		return shape_unfit(s, "cannot be written there");
	}
}

static const void *shape_pointer(const char *value)
{
	const void *p;

	memcpy(&p, value, sizeof(p));
	return p;
}

static int shape_is_null(const struct postern_type *type, const char *value)
{
	return shape_is_flagged(type) ? !value[type->size] : !shape_pointer(value);
}

/* ---- values without others in them ---- */

static int shape_put_enum(struct shape_writer *s, const struct postern_type *type,
			  const char *value)
{
	uint32_t number;

	memcpy(&number, value, sizeof(number));
	if (number == 0 || number > type->n)
		return shape_unfit(s, "is none of its values");
	postern_json_write_text(s->w, type->names[number - 1]);
	return 0;
}

static int shape_put_raw(struct shape_writer *s, const struct postern_type *type, const char *value)
{
	struct postern_json v;
	int kind;

	memcpy(&v, value, sizeof(v));
	kind = postern_json_kind(v);
	if (!v.text)
		return shape_unfit(s, "is NULL");
	if (type->kind == POSTERN_TYPE_OBJECT && kind != POSTERN_JSON_OBJECT)
		return shape_unfit(s, "is not an object");
	if (kind == POSTERN_JSON_NULL)
		return shape_unfit(s, "is null");
	postern_json_write_raw(s->w, v);
	return 0;
}

static int shape_put_string(struct shape_writer *s, const char *text)
{
	if (!text)
		return shape_unfit(s, "is NULL");
	postern_json_write_text(s->w, text);
	return 0;
}

static int shape_put_number(struct shape_writer *s, const struct postern_type *type,
			    const char *value)
{
	union {
		int64_t i;
		uint64_t u;
		double f;
	} v;

	memcpy(&v, value, sizeof(v));
	if (type->kind == POSTERN_TYPE_INT)
		postern_json_write_int(s->w, v.i);
	else if (type->kind == POSTERN_TYPE_UINT)
		postern_json_write_uint(s->w, v.u);
	else
		postern_json_write_double(s->w, v.f);
	return 0;
}

static int shape_put_scalar(struct shape_writer *s, const struct postern_type *type,
			    const char *value)
{
	switch (type->kind) {
	case POSTERN_TYPE_BOOL:
		postern_json_write_bool(s->w, *value);
		return 0;
	case POSTERN_TYPE_INT:
	case POSTERN_TYPE_UINT:
	case POSTERN_TYPE_FLOAT:
		return shape_put_number(s, type, value);
	case POSTERN_TYPE_STRING:
		return shape_put_string(s, shape_pointer(value));
	case POSTERN_TYPE_ENUM:
		return shape_put_enum(s, type, value);
	default:
		return shape_put_raw(s, type, value);
	}
}

/* ---- containers ---- */

static int shape_put(struct shape_writer *s, const struct postern_type *type, uint32_t nullable,
		     const char *value);

static int shape_open(struct shape_writer *s, const struct postern_type *type)
{
	/* The path is no longer than that. */
	if (s->w->depth == POSTERN_JSON_DEPTH)
		return shape_unfit(s, "is nested too deep");
	if (type->kind == POSTERN_TYPE_ARRAY)
		postern_json_write_array(s->w);
	else
		postern_json_write_object(s->w);
	s->path.place[s->path.depth++] = (struct shape_place){ type->kind, "", 0 };
	return shape_written(s);
}

static int shape_close(struct shape_writer *s)
{
	s->path.depth--;
	postern_json_write_end(s->w);
	return 0;
}

static int shape_put_name(struct shape_writer *s, const char *name)
{
	struct shape_place *place = &s->path.place[s->path.depth - 1];

	place->text = name;
	place->n = strlen(name);
	postern_json_write_name(s->w, name);
	return shape_written(s);
}

static int shape_put_struct(struct shape_writer *s, const struct postern_type *type,
			    const char *value)
{
	const struct postern_field *field = type->fields;
	int r = shape_open(s, type);

	for (uint32_t i = 0; r == 0 && i < type->n; i++, field++) {
		if (field->flags & POSTERN_FIELD_NULLABLE &&
		    shape_is_null(field->type, value + field->offset))
			continue;
		r = shape_put_name(s, field->name);
		if (r == 0)
			r = shape_put(s, field->type, field->flags & POSTERN_FIELD_NULLABLE,
				      value + field->offset);
	}
	return r < 0 ? r : shape_close(s);
}

static int shape_put_key(struct shape_writer *s, const char *key)
{
	if (key)
		return shape_put_name(s, key);
	s->path.depth--;
	return shape_unfit(s, "has a key that is NULL");
}

static int shape_put_items(struct shape_writer *s, const struct postern_type *type,
			   const char *value)
{
	struct shape_list list;
	const char *item;
	int r;

	memcpy(&list, value, sizeof(list));
	if (!list.items && list.n > 0)
		return shape_unfit(s, "is NULL");
	r = shape_open(s, type);
	item = list.items;
	for (size_t i = 0; r == 0 && i < list.n; i++, item += type->size) {
		if (type->kind == POSTERN_TYPE_MAP)
			r = shape_put_key(s, shape_pointer(item));
		else
			s->path.place[s->path.depth - 1].n = i;
		if (r == 0)
			r = shape_put(s, type->element, type->nullable, item + type->value);
	}
	return r < 0 ? r : shape_close(s);
}

static int shape_put(struct shape_writer *s, const struct postern_type *type, uint32_t nullable,
		     const char *value)
{
	int r = 0;

	if (nullable && shape_is_null(type, value))
		postern_json_write_null(s->w);
	else if (type->kind == POSTERN_TYPE_STRUCT)
		r = shape_put_struct(s, type, nullable ? shape_pointer(value) : value);
	else if (type->kind == POSTERN_TYPE_ARRAY || type->kind == POSTERN_TYPE_MAP)
		r = shape_put_items(s, type, value);
	else
		r = shape_put_scalar(s, type, value);
	return r < 0 ? r : shape_written(s);
}

int shape_write(struct postern_json_writer *w, const struct postern_type *type, const void *value,
		struct shape_fault *ret_fault)
{
	struct shape_writer s;

	s.w = w;
	s.fault = ret_fault;
	s.path.depth = 0; /* the places need no value */
	if (!value && type->n > 0)
		return shape_unfit(&s, "is NULL");
	return shape_put_struct(&s, type, value);
}
