/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts with mistakes in them, each in a block of its own size: whatever is accepted can be walked to its end and written
 * again, whatever is refused stays refused on the way through, and nobody looks beyond the text.
 */
#include "json-make.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <postern/json.h>

enum { SEED = 64, TEXTS = 100000 };

static int values;

/* Every value read in each way, and written again. -EBADMSG as soon as something is wrong. */
static int copy(struct postern_json v, struct postern_json_writer *w, int depth);

static int copy_string(struct postern_json v, struct postern_json_writer *w)
{
	char *text = malloc(v.n);
	ssize_t n;

	assert_non_null(text);
	n = postern_json_string(v, text, v.n);
	if (n >= 0) {
		assert_int_equal(postern_json_string(v, NULL, 0), n);
		assert_errno(postern_json_string(v, text, (size_t)n), -EMSGSIZE);
		/* In place. */
		memcpy(text, v.text, v.n);
		assert_int_equal(postern_json_string((struct postern_json){ text, v.n }, text, v.n),
				 n);
		if (strlen(text) == (size_t)n)
			assert_int_equal(postern_json_equals(v, text), 1);
		postern_json_write_string(w, text, (size_t)n);
	}
	free(text);
	return n < 0 ? -EBADMSG : 0;
}

static int copy_members(struct postern_json v, struct postern_json_writer *w, int depth)
{
	struct postern_json name, value;
	struct postern_json_walk walk;
	char text[JSON_MAKE_MAX];
	int r;

	assert_ok(postern_json_enter(&walk, v));
	if (postern_json_kind(v) == POSTERN_JSON_OBJECT)
		postern_json_write_object(w);
	else
		postern_json_write_array(w);
	while ((r = postern_json_next(&walk, &name, &value)) > 0) {
		if (name.text) {
			ssize_t n = postern_json_string(name, text, sizeof text);

			/* A name with a \0 in it cannot be given as text. */
			if (n < 0 || strlen(text) != (size_t)n)
				return -EBADMSG;
			postern_json_write_name(w, text);
		}
		if (copy(value, w, depth + 1) < 0)
			return -EBADMSG;
	}
	postern_json_write_end(w);
	return r;
}

static int copy(struct postern_json v, struct postern_json_writer *w, int depth)
{
	double number;
	uint64_t u;
	int64_t i;
	int r = 0;

	values++;
	assert_true(depth <= POSTERN_JSON_DEPTH);
	switch (postern_json_kind(v)) {
	case POSTERN_JSON_OBJECT:
	case POSTERN_JSON_ARRAY:
		return copy_members(v, w, depth);
	case POSTERN_JSON_STRING:
		return copy_string(v, w);
	case POSTERN_JSON_NUMBER:
		r = postern_json_double(v, &number);
		/* -0 as an integer is 0. */
		if (r == 0 && postern_json_int(v, &i) == 0 && !(i == 0 && v.text[0] == '-'))
			postern_json_write_int(w, i);
		else if (r == 0 && postern_json_uint(v, &u) == 0 && u > 0)
			postern_json_write_uint(w, u);
		else if (r == 0)
			postern_json_write_double(w, number);
		return r;
	case 0:
		return -EBADMSG;
	default:
		postern_json_write_raw(w, v);
		return 0;
	}
}

static int try_text(const struct json_make *m)
{
	static char first[8 * JSON_MAKE_MAX], second[8 * JSON_MAKE_MAX];
	struct postern_json whole = { 0 }, v;
	struct postern_json_error error;
	struct postern_json_writer w;
	char *text = malloc(m->n > 0 ? m->n : 1);
	ssize_t n, again;
	int r, walked;

	assert_non_null(text);
	memcpy(text, m->text, m->n);
	r = postern_json_check(text, m->n, &whole, &error);
	v = r == 0 ? whole : (struct postern_json){ text, m->n };
	postern_json_write_begin(&w, first, sizeof first);
	walked = copy(v, &w, 0);
	n = postern_json_write_finish(&w);
	if (r < 0) {
		assert_errno(r, -EBADMSG);
		assert_true(error.offset <= m->n && error.text);
	} else if (walked == 0) {
		/* What was written is JSON, without a blank more or less than its own text. */
		assert_true(n > 0);
		assert_ok(postern_json_check(first, (size_t)n, &v, NULL));
		postern_json_write_begin(&w, second, sizeof second);
		assert_int_equal(copy(v, &w, 0), 0);
		again = postern_json_write_finish(&w);
		assert_int_equal(again, n);
		assert_memory_equal(first, second, (size_t)n);
		postern_json_write_begin(&w, second, sizeof second);
		postern_json_write_raw(&w, v);
		assert_int_equal(postern_json_write_finish(&w), n);
		assert_memory_equal(first, second, (size_t)n);
	}
	free(text);
	return r == 0;
}

static void whatever_is_accepted_is_walked_and_written_again(void **state)
{
	static struct json_make m = { .seed = SEED };
	int texts = TEXTS / test_scale(), accepted = 0;

	(void)state;
	for (int i = 0; i < texts; i++) {
		json_make_text(&m);
		if (i % 3)
			json_make_mistakes(&m);
		accepted += try_text(&m);
	}
	test_note("%d texts, seed %d: %d accepted, %d values walked", texts, SEED, accepted,
		  values);
	assert_true(accepted > texts * 3 / 10);
}

/* Bytes of which none was made to be JSON. */
static void random_bytes_are_refused_within_their_bounds(void **state)
{
	static const char some[] = "{}[],:\"\\u0d8-+.eE1tfn \n\x80\xed\xa0\xf0";
	static struct json_make m = { .seed = SEED + 1 };
	int texts = TEXTS / test_scale(), accepted = 0;

	(void)state;
	for (int i = 0; i < texts; i++) {
		m.n = (size_t)json_make_random(&m, 24);
		for (size_t k = 0; k < m.n; k++)
			m.text[k] = some[json_make_random(&m, sizeof(some) - 1)];
		accepted += try_text(&m);
	}
	test_note("%d texts, seed %d: %d accepted", texts, SEED + 1, accepted);
	assert_true(accepted > 0 && accepted < texts / 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(whatever_is_accepted_is_walked_and_written_again),
		TEST(random_bytes_are_refused_within_their_bounds),
	};

	return test_run(tests);
}
