/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types from a seed, and texts for them with flaws and mistakes, each text and each answer in a block of its own size: what is
 * accepted is written and read again, and is the same; what is refused has a path; nobody looks beyond a block.
 */
#include "shape-make.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/shape.h"

enum { SEED = 20, TYPES = 5000, TEXTS = 30, MOST = 1 << 20 };

static struct shape_make make = { .json.seed = SEED };
static struct shape_fault fault;
static int accepted, refused, broken, small;

/* Into a block of any size, without a check before. */
static void decode_at_once(const struct postern_type *type, struct postern_json v, unsigned flags,
			   size_t needed, int expected)
{
	size_t size = 1 + (size_t)json_make_random(&make.json, 2 * needed);
	void *memory = malloc(size), *value = malloc(type->size);
	int r;

	assert_non_null(memory);
	assert_non_null(value);
	r = shape_decode(type, v, flags, value, memory, size, &fault);
	/* A mistake may show before the memory ends; what needs none is told 8. */
	if (r != expected || (r == 0 && size < needed && needed > 8))
		assert_true(r == -E2BIG && size < needed);
	small += r == -E2BIG;
	free(memory);
	free(value);
}

/* Memory behind the struct, which must be freed. */
static int decode(const struct postern_type *type, struct postern_json v, unsigned flags,
		  void *value, void **ret_memory)
{
	ssize_t size = shape_check(type, v, flags, MOST, &fault);
	int r;

	*ret_memory = NULL;
	if (size < 0)
		return (int)size;
	assert_true(size > 0 && size <= MOST);
	*ret_memory = malloc((size_t)size);
	assert_non_null(*ret_memory);
	r = shape_decode(type, v, flags, value, *ret_memory, (size_t)size, &fault);
	assert_true(r != -E2BIG);
	decode_at_once(type, v, flags, (size_t)size, r);
	return r;
}

static size_t encode(const struct postern_type *type, const void *value, char *text, size_t size)
{
	struct postern_json_writer w;
	ssize_t n;

	postern_json_write_begin(&w, text, size);
	if (shape_write(&w, type, value, &fault) < 0)
		fail_msg("%s %s", fault.path, fault.what);
	n = postern_json_write_finish(&w);
	assert_true(n > 0);
	return (size_t)n;
}

static void assert_is_fault(const char *text, size_t n)
{
	char path[2 * SHAPE_PATH];
	struct postern_json_writer w;

	postern_json_write_begin(&w, path, sizeof path);
	postern_json_write_text(&w, fault.path);
	if (!fault.what || postern_json_write_finish(&w) < 0)
		fail_msg("%.*s: %s", (int)n, text, fault.path);
}

/* The same by way of a text of our own. */
static void read_again(const struct postern_type *type, const void *value)
{
	static char first[4 * JSON_MAKE_MAX], second[4 * JSON_MAKE_MAX];
	size_t n = encode(type, value, first, sizeof first);
	void *memory, *again = malloc(type->size);
	struct postern_json v;

	assert_non_null(again);
	assert_ok(postern_json_check(first, n, &v, NULL));
	if (decode(type, v, 0, again, &memory) < 0)
		fail_msg("%.*s: %s %s", (int)n, first, fault.path, fault.what);
	assert_int_equal(encode(type, again, second, sizeof second), n);
	assert_memory_equal(first, second, n);
	free(memory);
	free(again);
}

static void try_text(const struct postern_type *type, const char *text, size_t n, unsigned flags)
{
	void *memory, *value = malloc(type->size);
	struct postern_json v = { text, n };
	int checked = postern_json_check(text, n, &v, NULL), r;

	assert_non_null(value);
	r = decode(type, v, flags, value, &memory);
	if (checked < 0) {
		/* Not JSON, and nobody said so. It may still be, as far as the type looks. */
		broken++;
	} else if (r < 0) {
		refused++;
		assert_is_fault(text, n);
	} else {
		accepted++;
		/* Values that are not known cannot be written. */
		if (flags == 0)
			read_again(type, value);
	}
	free(memory);
	free(value);
}

/* A text that has become another one since it was checked. */
static void try_changed(const struct postern_type *type, const struct json_make *before)
{
	struct postern_json v, other = { make.json.text, make.json.n };
	void *value = malloc(type->size), *memory;
	ssize_t size;

	assert_non_null(value);
	if (postern_json_check(before->text, before->n, &v, NULL) < 0 ||
	    (size = shape_check(type, v, 0, MOST, &fault)) < 0) {
		free(value);
		return;
	}
	memory = malloc((size_t)size);
	assert_non_null(memory);
	(void)shape_decode(type, other, 0, value, memory, (size_t)size, &fault);
	free(memory);
	free(value);
}

static void what_is_accepted_is_written_and_read_again(void **state)
{
	static struct json_make before;
	int types = TYPES / test_scale();

	(void)state;
	for (int i = 0; i < types; i++) {
		const struct postern_type *type = shape_make_type(&make);

		for (int k = 0; k < TEXTS; k++) {
			char *text;

			before = make.json;
			shape_make_text(&make, type, k % 2 ? 30 : 0);
			if (k % 5 == 0)
				json_make_mistakes(&make.json);
			text = malloc(make.json.n + 1);
			assert_non_null(text);
			memcpy(text, make.json.text, make.json.n);
			try_text(type, text, make.json.n, k % 3 ? 0 : SHAPE_LENIENT);
			free(text);
			if (k > 0)
				try_changed(type, &before);
		}
	}
	test_note("%d types, %d texts each, seed %d: %d accepted, %d refused, %d not JSON; "
		  "%d times too little memory",
		  types, TEXTS, SEED, accepted, refused, broken, small);
	assert_true(small > accepted / 10);
	assert_true(accepted > types * TEXTS * 3 / 10);
	assert_true(refused > types * TEXTS / 20);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_accepted_is_written_and_read_again),
	};

	return test_run(tests);
}
