/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-json.c - JSON under libFuzzer (tools/fuzz)
 *
 * A text that is accepted is walked to its end, each value read in every way, and written again: that is accepted, and
 * written alike. A text that is refused is walked until the same error, within its bounds.
 */
#include <postern/json.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(int holds)
{
	if (!holds)
		abort();
}

static int copy(struct postern_json v, struct postern_json_writer *w, int depth);

/* A string with a \0 in it cannot be the name of a member where it is written: 1, and nothing is. */
static int copy_string(struct postern_json v, struct postern_json_writer *w, int is_name)
{
	char *text = malloc(v.n + 1);
	ssize_t n;
	int r = -EBADMSG;

	must(text != NULL);
	n = postern_json_string(v, text, v.n + 1);
	if (n >= 0) {
		must((size_t)n < v.n && postern_json_string(v, NULL, 0) == n && text[n] == '\0');
		r = memchr(text, '\0', (size_t)n) != NULL;
		must(r || postern_json_equals(v, text) == 1);
		if (!is_name)
			postern_json_write_string(w, text, (size_t)n);
		else if (r == 0)
			postern_json_write_name(w, text);
	}
	free(text);
	return r;
}

static int copy_members(struct postern_json v, struct postern_json_writer *w, int depth)
{
	struct postern_json name, value;
	struct postern_json_walk walk;
	int r;

	must(postern_json_enter(&walk, v) == 0);
	if (postern_json_kind(v) == POSTERN_JSON_OBJECT)
		postern_json_write_object(w);
	else
		postern_json_write_array(w);
	while ((r = postern_json_next(&walk, &name, &value)) > 0) {
		r = name.text ? copy_string(name, w, 1) : 0;
		if (r == 0)
			r = copy(value, w, depth + 1);
		else if (r == 1)
			r = 0;
		if (r < 0)
			return r;
	}
	postern_json_write_end(w);
	return r;
}

static int copy_number(struct postern_json v, struct postern_json_writer *w)
{
	double number;
	uint64_t u;
	int64_t i;
	int r = postern_json_double(v, &number);

	if (r < 0)
		return r;
	/* -0 as an integer is 0. */
	if (postern_json_int(v, &i) == 0 && !(i == 0 && v.text[0] == '-'))
		postern_json_write_int(w, i);
	else if (postern_json_uint(v, &u) == 0 && u > 0)
		postern_json_write_uint(w, u);
	else
		postern_json_write_double(w, number);
	return 0;
}

static int copy(struct postern_json v, struct postern_json_writer *w, int depth)
{
	must(depth <= POSTERN_JSON_DEPTH);
	switch (postern_json_kind(v)) {
	case POSTERN_JSON_OBJECT:
	case POSTERN_JSON_ARRAY:
		return copy_members(v, w, depth);
	case POSTERN_JSON_STRING:
		return copy_string(v, w, 0) < 0 ? -EBADMSG : 0;
	case POSTERN_JSON_NUMBER:
		return copy_number(v, w);
	case 0:
		return -EBADMSG;
	default:
		postern_json_write_raw(w, v);
		return 0;
	}
}

/* How much was written, into a block that is large enough: a character becomes at most six, a number 32. */
static char *written(struct postern_json v, int accepted, size_t *ret_n)
{
	struct postern_json_writer w;
	size_t size = 32 * v.n + 64;
	char *text = malloc(size);
	ssize_t n;
	int r;

	must(text != NULL);
	postern_json_write_begin(&w, text, size);
	r = copy(v, &w, 0);
	must(!accepted || r == 0);
	n = postern_json_write_finish(&w);
	must(!accepted || n > 0);
	*ret_n = n > 0 ? (size_t)n : 0;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct postern_json v = { (const char *)bytes, n }, again;
	struct postern_json_error error = { 0 };
	char *once, *twice;
	size_t once_n, twice_n;
	int accepted = postern_json_check(bytes, n, &v, &error) == 0;

	must(accepted || (error.offset <= n && error.text));
	once = written(v, accepted, &once_n);
	if (accepted) {
		must(postern_json_check(once, once_n, &again, NULL) == 0 && again.n == once_n);
		twice = written(again, 1, &twice_n);
		must(once_n == twice_n && memcmp(once, twice, once_n) == 0);
		free(twice);
	}
	free(once);
	return 0;
}
