/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types and texts from a seed, judged by rules of a few lines over what another implementation of JSON reads: the same
 * texts are accepted, values in C are those that it reads, and what is written from them is read by it as the same.
 */
#include "shape-make.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/shape.h"

#ifdef HAVE_JANSSON
#include <jansson.h>

enum { SEED = 1117, TYPES = 6000, TEXTS = 30, MOST = 1 << 20 };

/* What the other one and the rules say to a text. */
enum { FITS, MISFITS, TWICE, UNREAD, OUTCOMES };
static const char *const outcomes[] = {
	"fit",
	"do not fit",
	"have a name twice",
	"are not read by jansson: an integer beyond 64 bits with a sign, or \\u0000 in a name",
};

static struct shape_make make = { .json.seed = SEED };
static struct shape_fault fault;
static int count[OUTCOMES], values, lenient;

/* ---- the rules ---- */

static int fits(const struct postern_type *type, unsigned nullable, json_t *v);

static int fits_struct(const struct postern_type *type, json_t *v)
{
	const char *name;
	size_t known = 0;
	json_t *member;

	if (!json_is_object(v))
		return 0;
	for (uint32_t i = 0; i < type->n; i++) {
		name = type->fields[i].name;
		member = json_object_get(v, name);
		known += member != NULL;
		if (member ? !fits(type->fields[i].type, type->fields[i].flags, member)
			   : !type->fields[i].flags)
			return 0;
	}
	return lenient || known == json_object_size(v);
}

static int fits_elements(const struct postern_type *type, json_t *v)
{
	const char *key;
	json_t *element;
	size_t i;

	if (type->kind == POSTERN_TYPE_ARRAY) {
		json_array_foreach(
			v, i, element) if (!fits(type->element, type->nullable, element)) return 0;
		return json_is_array(v);
	}
	json_object_foreach(v, key,
			    element) if (!fits(type->element, type->nullable, element)) return 0;
	return json_is_object(v);
}

/* The number of the name, or 0. */
static uint32_t enum_value(const struct postern_type *type, json_t *v)
{
	for (uint32_t i = 0; i < type->n; i++)
		if (strlen(type->names[i]) == json_string_length(v) &&
		    strcmp(type->names[i], json_string_value(v)) == 0)
			return i + 1;
	return 0;
}

static int fits(const struct postern_type *type, unsigned nullable, json_t *v)
{
	if (json_is_null(v))
		return nullable != 0;
	switch (type->kind) {
	case POSTERN_TYPE_BOOL:
		return json_is_boolean(v);
	case POSTERN_TYPE_INT:
		return json_is_integer(v);
	case POSTERN_TYPE_UINT:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case POSTERN_TYPE_FLOAT:
		return json_is_number(v);
	case POSTERN_TYPE_STRING:
		return json_is_string(v) && strlen(json_string_value(v)) == json_string_length(v);
	case POSTERN_TYPE_OBJECT:
		return json_is_object(v);
	case POSTERN_TYPE_ANY:
		return 1;
	case POSTERN_TYPE_ENUM:
		return json_is_string(v) && (lenient || enum_value(type, v) > 0);
	case POSTERN_TYPE_STRUCT:
		return fits_struct(type, v);
	default:
		return fits_elements(type, v);
	}
}

/* ---- values ---- */

static void assert_same(const struct postern_type *type, unsigned nullable, const char *value,
			json_t *v);

static void assert_same_struct(const struct postern_type *type, const char *value, json_t *v)
{
	for (uint32_t i = 0; i < type->n; i++)
		assert_same(type->fields[i].type, type->fields[i].flags,
			    value + type->fields[i].offset,
			    json_object_get(v, type->fields[i].name));
}

static void assert_same_elements(const struct postern_type *type, const char *value, json_t *v)
{
	struct {
		const char *items;
		size_t n;
	} list;
	void *member = json_object_iter(v);
	const char *key;

	memcpy(&list, value, sizeof list);
	assert_non_null(list.items);
	assert_int_equal(list.n, json_is_array(v) ? json_array_size(v) : json_object_size(v));
	for (size_t i = 0; i < list.n; i++, list.items += type->size) {
		if (type->kind == POSTERN_TYPE_MAP) {
			/* Both keep the order of the text. */
			memcpy(&key, list.items, sizeof key);
			assert_string_equal(key, json_object_iter_key(member));
		}
		assert_same(type->element, type->nullable, list.items + type->value,
			    member ? json_object_iter_value(member) : json_array_get(v, i));
		member = json_object_iter_next(v, member);
	}
}

static void assert_same_raw(const char *value, json_t *v)
{
	struct postern_json raw;
	json_error_t error;
	json_t *again;

	memcpy(&raw, value, sizeof raw);
	assert_non_null(raw.text);
	again = json_loadb(raw.text, raw.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	assert_non_null(again);
	assert_true(json_equal(again, v));
	json_decref(again);
}

static void assert_same_scalar(const struct postern_type *type, const char *value, json_t *v)
{
	const char *text;
	uint32_t number;
	int64_t integer;
	double real;

	switch (type->kind) {
	case POSTERN_TYPE_BOOL:
		assert_int_equal(*value, json_is_true(v));
		break;
	case POSTERN_TYPE_INT:
	case POSTERN_TYPE_UINT:
		memcpy(&integer, value, sizeof integer);
		assert_true(integer == json_integer_value(v));
		break;
	case POSTERN_TYPE_FLOAT:
		memcpy(&real, value, sizeof real);
		assert_true(real == json_number_value(v));
		break;
	case POSTERN_TYPE_STRING:
		memcpy(&text, value, sizeof text);
		assert_non_null(text);
		assert_string_equal(text, json_string_value(v));
		break;
	case POSTERN_TYPE_ENUM:
		memcpy(&number, value, sizeof number);
		assert_int_equal(number, enum_value(type, v));
		break;
	default:
		assert_same_raw(value, v);
	}
}

/* Does a flag behind the value say whether it is there, or is its first member a pointer? */
static int is_set(const struct postern_type *type, const char *value)
{
	const void *first;

	if (type->kind <= POSTERN_TYPE_FLOAT || type->kind == POSTERN_TYPE_ENUM)
		return value[type->size];
	memcpy(&first, value, sizeof first);
	return first != NULL;
}

static void assert_same(const struct postern_type *type, unsigned nullable, const char *value,
			json_t *v)
{
	int there = v && !json_is_null(v);

	values++;
	assert_true(there || nullable);
	if (nullable)
		assert_int_equal(is_set(type, value), there);
	if (!there)
		return;
	if (type->kind == POSTERN_TYPE_STRUCT) {
		if (nullable)
			memcpy(&value, value, sizeof(const void *));
		assert_same_struct(type, value, v);
	} else if (type->kind == POSTERN_TYPE_ARRAY || type->kind == POSTERN_TYPE_MAP) {
		assert_same_elements(type, value, v);
	} else {
		assert_same_scalar(type, value, v);
	}
}

/* No field that is null. */
static void assert_written(const struct postern_type *type, const void *value)
{
	static char text[4 * JSON_MAKE_MAX];
	struct postern_json_writer w;
	json_error_t error;
	json_t *v;
	ssize_t n;

	postern_json_write_begin(&w, text, sizeof text);
	assert_ok(shape_write(&w, type, value, &fault));
	n = postern_json_write_finish(&w);
	assert_true(n > 0);
	v = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	assert_non_null(v);
	assert_true(fits(type, 0, v));
	assert_same(type, 0, value, v);
	for (uint32_t i = 0; i < type->n; i++)
		assert_false(json_is_null(json_object_get(v, type->fields[i].name)));
	json_decref(v);
}

static void try_text(const struct postern_type *type, struct postern_json checked)
{
	json_error_t error;
	json_t *v = json_loadb(make.json.text, make.json.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
			       &error);
	void *memory = NULL, *value = malloc(type->size);
	int outcome = v ? (fits(type, 0, v) ? FITS : MISFITS)
		      : json_error_code(&error) == json_error_duplicate_key ? TWICE
									    : UNREAD;
	ssize_t size;
	int r;

	assert_non_null(value);
	size = shape_check(type, checked, lenient ? SHAPE_LENIENT : 0, MOST, &fault);
	r = size < 0 ? (int)size : 0;
	if (r == 0) {
		memory = malloc((size_t)size);
		assert_non_null(memory);
		r = shape_decode(type, checked, lenient ? SHAPE_LENIENT : 0, value, memory,
				 (size_t)size, &fault);
	}
	count[outcome]++;
	/* In what is not known here a name may be twice. */
	if (outcome == TWICE && lenient)
		outcome = UNREAD;
	if (outcome != UNREAD && (r == 0) != (outcome == FITS))
		fail_msg("%.*s: %s, and %s %s", (int)make.json.n, make.json.text, outcomes[outcome],
			 r == 0 ? "accepted" : fault.path, r == 0 ? "" : fault.what);
	if (outcome == FITS) {
		assert_same(type, 0, value, v);
		if (!lenient)
			assert_written(type, value);
	}
	free(memory);
	free(value);
	json_decref(v);
}

static void values_are_those_that_another_implementation_reads(void **state)
{
	int types = TYPES / test_scale();
	struct postern_json v;

	(void)state;
	for (int i = 0; i < types; i++) {
		const struct postern_type *type = shape_make_type(&make);

		for (int k = 0; k < TEXTS; k++) {
			lenient = k % 4 == 3;
			shape_make_text(&make, type, k % 2 ? 25 : 0);
			if (k % 5 == 0)
				json_make_mistakes(&make.json);
			if (postern_json_check(make.json.text, make.json.n, &v, NULL) == 0)
				try_text(type, v);
		}
	}
	test_note("%d types, %d texts each, seed %d; %d values compared", types, TEXTS, SEED,
		  values);
	for (int i = 0; i < OUTCOMES; i++) {
		test_note("%s: %d", outcomes[i], count[i]);
		assert_true(count[i] > types * TEXTS / 1000);
	}
	assert_true(count[FITS] > types * TEXTS * 3 / 10);
	assert_true(count[MISFITS] > types * TEXTS / 20);
}

static const struct CMUnitTest tests[] = { TEST(
	values_are_those_that_another_implementation_reads) };
#else
static void values_are_those_that_another_implementation_reads(void **state)
{
	(void)state;
	test_skip("built without jansson");
}

static const struct CMUnitTest tests[] = { TEST(
	values_are_those_that_another_implementation_reads) };
#endif

int main(void)
{
	return test_run(tests);
}
