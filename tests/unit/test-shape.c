/* SPDX-License-Identifier: Apache-2.0 */
/* test-shape.c - structs from JSON and back: every type, every way in which a text does not fit, every path */
#include "test.h"
#include "unit/shape-types.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/shape.h"

enum { MOST = 64 << 20 };

static struct shape_fault fault;

static struct postern_json json(const char *text)
{
	struct postern_json v;

	assert_ok(postern_json_check(text, strlen(text), &v, NULL));
	return v;
}

/* Into a block of exactly the size that was asked for. */
static int decode(const struct postern_type *type, const char *text, unsigned flags, void *ret,
		  void **ret_memory)
{
	ssize_t size = shape_check(type, json(text), flags, MOST, &fault);
	int r;

	*ret_memory = NULL;
	if (size < 0)
		return (int)size;
	assert_true(size > 0);
	*ret_memory = malloc((size_t)size);
	assert_non_null(*ret_memory);
	memset(*ret_memory, 0xa5, (size_t)size);
	r = shape_decode(type, json(text), flags, ret, *ret_memory, (size_t)size, &fault);
	if (r < 0) {
		free(*ret_memory);
		*ret_memory = NULL;
	}
	return r;
}

static const char *encode(const struct postern_type *type, const void *value)
{
	static char text[1 << 16];
	struct postern_json_writer w;
	ssize_t n;

	postern_json_write_begin(&w, text, sizeof(text) - 1);
	if (shape_write(&w, type, value, &fault) < 0)
		fail_msg("%s %s", fault.path, fault.what);
	n = postern_json_write_finish(&w);
	assert_true(n > 0);
	text[n] = '\0';
	return text;
}

/* Decoded and encoded, text becomes this. */
static void assert_becomes(const struct postern_type *type, const char *text, const char *expected)
{
	void *memory, *value = calloc(1, type->size + 1);

	assert_non_null(value);
	if (decode(type, text, 0, value, &memory) < 0)
		fail_msg("%s: %s %s", text, fault.path, fault.what);
	assert_string_equal(encode(type, value), expected);
	free(memory);
	free(value);
}

static void assert_refused(const struct postern_type *type, unsigned flags, const char *text,
			   const char *path, const char *what)
{
	void *memory, *value = calloc(1, type->size + 1);

	assert_non_null(value);
	assert_errno(decode(type, text, flags, value, &memory), -EBADMSG);
	if (strcmp(fault.path, path) != 0 || strcmp(fault.what, what) != 0)
		fail_msg("%s: \"%s\" %s, not \"%s\" %s", text, fault.path, fault.what, path, what);
	free(value);
}

static const char everything[] =
	"{\"flag\":true,\"whole\":-9223372036854775808,\"natural\":18446744073709551615,\"half\":0.5,"
	"\"text\":\"a\\n\xc3\xa9\",\"object\":{\"a\":[null]},\"any\":[1,null],\"state\":\"spooling\","
	"\"inner\":{\"first\":1,\"second\":\"\"},\"table\":[[1,2],[],[3]],"
	"\"labels\":{\"z\":[\"b\",\"c\"],\"\":[]},\"set\":{\"x\":{},\"y\":{}},\"gaps\":[1,null,3],"
	"\"inners\":[{\"first\":2,\"second\":\"two\"},{\"first\":3,\"second\":\"three\"}]}";

static void every_type_is_where_its_table_says(void **state)
{
	struct all all;
	void *memory;

	(void)state;
	assert_ok(decode(&type_all, everything, 0, &all, &memory));
	assert_int_equal(all.flag, true);
	assert_true(all.whole == INT64_MIN && all.natural == UINT64_MAX && all.half == 0.5);
	assert_string_equal(all.text, "a\n\xc3\xa9");
	assert_memory_equal(all.object.text, "{\"a\":[null]}", all.object.n);
	assert_memory_equal(all.any.text, "[1,null]", all.any.n);
	assert_int_equal(all.state, STATE_spooling);
	assert_true(all.inner.first == 1);
	assert_string_equal(all.inner.second, "");
	assert_int_equal(all.table.n, 3);
	assert_int_equal(all.table.items[0].n, 2);
	assert_true(all.table.items[0].items[1] == 2 && all.table.items[2].items[0] == 3);
	assert_true(all.table.items[1].n == 0 && all.table.items[1].items);
	assert_int_equal(all.labels.n, 2);
	assert_string_equal(all.labels.items[0].key, "z");
	assert_string_equal(all.labels.items[0].value.items[1], "c");
	assert_string_equal(all.labels.items[1].key, "");
	assert_int_equal(all.labels.items[1].value.n, 0);
	assert_int_equal(all.set.n, 2);
	assert_string_equal(all.set.items[1].key, "y");
	assert_int_equal(all.gaps.n, 3);
	assert_true(all.gaps.items[0].set && all.gaps.items[0].value == 1);
	assert_true(!all.gaps.items[1].set);
	assert_true(all.gaps.items[2].set && all.gaps.items[2].value == 3);
	assert_int_equal(all.inners.n, 2);
	assert_true(all.inners.items[1].first == 3);
	assert_string_equal(all.inners.items[1].second, "three");
	assert_string_equal(encode(&type_all, &all), everything);
	free(memory);
}

static void each_type_may_be_null(void **state)
{
	static const char text[] =
		"{\"flag\":false,\"whole\":0,\"natural\":0,\"half\":0,\"text\":\"\",\"object\":{},"
		"\"any\":false,\"state\":\"busy\",\"inner\":{\"first\":0,\"second\":\"s\"},"
		"\"ints\":[],\"bools\":{}}";
	struct opt opt;
	void *memory;

	(void)state;
	assert_ok(decode(&type_opt, text, 0, &opt, &memory));
	assert_true(opt.flag.set && !opt.flag.value && opt.whole.set && opt.natural.set);
	assert_true(opt.half.set && opt.text && opt.object.text && opt.any.text && opt.inner);
	assert_true(opt.state.set && opt.state.value == STATE_busy);
	assert_string_equal(opt.inner->second, "s");
	/* Empty is a value, and not null. */
	assert_true(opt.ints.items && opt.bools.items && opt.ints.n == 0 && opt.bools.n == 0);
	assert_string_equal(encode(&type_opt, &opt), text);
	free(memory);
}

static void absent_and_null_are_one(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"flag\":null,\"whole\":null,\"natural\":null,\"half\":null,\"text\":null,\"object\":null,"
		"\"any\":null,\"state\":null,\"inner\":null,\"ints\":null,\"bools\":null}",
	};
	struct opt opt;
	void *memory;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		memset(&opt, 0xa5, sizeof opt);
		assert_ok(decode(&type_opt, texts[i], 0, &opt, &memory));
		assert_true(!opt.flag.set && !opt.whole.set && !opt.natural.set && !opt.half.set);
		assert_true(!opt.text && !opt.object.text && !opt.any.text && !opt.state.set);
		assert_true(!opt.inner && !opt.ints.items && !opt.bools.items);
		assert_string_equal(encode(&type_opt, &opt), "{}");
		free(memory);
	}
}

static void types_may_contain_themselves(void **state)
{
	static const char text[] =
		"{\"name\":\"a\",\"next\":{\"name\":\"b\",\"children\":[]},\"children\":[{\"name\":\"c\","
		"\"children\":[{\"name\":\"d\"},{\"name\":\"e\",\"next\":{\"name\":\"f\"}}]},{\"name\":\"g\"}],"
		"\"by_name\":{\"h\":{\"name\":\"i\",\"by_name\":{\"j\":{\"name\":\"k\"}}},\"l\":{\"name\":\"m\"}}}";
	struct tree tree;
	void *memory;

	(void)state;
	assert_becomes(&type_tree, text, text);
	assert_ok(decode(&type_tree, text, 0, &tree, &memory));
	assert_string_equal(tree.children.items[0].children.items[1].next->name, "f");
	assert_string_equal(tree.by_name.items[0].value.by_name.items[0].value.name, "k");
	assert_string_equal(tree.by_name.items[1].value.name, "m");
	free(memory);
}

/* ---- what does not fit ---- */

static void every_misfit_is_told_with_its_path(void **state)
{
	static const struct {
		const struct postern_type *type;
		const char *text, *path, *what;
	} misfits[] = {
		{ &type_opt, "[]", "", "is not an object" },
		{ &type_opt, "{\"flag\":1}", "flag", "is not a bool" },
		{ &type_opt, "{\"flag\":\"true\"}", "flag", "is not a bool" },
		{ &type_opt, "{\"whole\":1.0}", "whole", "is not an integer" },
		{ &type_opt, "{\"whole\":1e2}", "whole", "is not an integer" },
		{ &type_opt, "{\"whole\":\"1\"}", "whole", "is not an integer" },
		{ &type_opt, "{\"whole\":9223372036854775808}", "whole", "is out of range" },
		{ &type_opt, "{\"whole\":-9223372036854775809}", "whole", "is out of range" },
		{ &type_opt, "{\"natural\":-1}", "natural", "is out of range" },
		{ &type_opt, "{\"natural\":18446744073709551616}", "natural", "is out of range" },
		{ &type_opt, "{\"natural\":0.5}", "natural", "is not an integer" },
		{ &type_opt, "{\"half\":\"0.5\"}", "half", "is not a number" },
		{ &type_opt, "{\"text\":1}", "text", "is not a string" },
		{ &type_opt, "{\"text\":\"a\\u0000b\"}", "text", "has a \\u0000 in it" },
		{ &type_opt, "{\"text\":\"\\u0000\"}", "text", "has a \\u0000 in it" },
		{ &type_opt, "{\"object\":[]}", "object", "is not an object" },
		{ &type_opt, "{\"object\":1}", "object", "is not an object" },
		{ &type_opt, "{\"state\":\"Idle\"}", "state", "is none of its values" },
		{ &type_opt, "{\"state\":\"\"}", "state", "is none of its values" },
		{ &type_opt, "{\"state\":1}", "state", "is not a string" },
		{ &type_opt, "{\"inner\":[]}", "inner", "is not an object" },
		{ &type_opt, "{\"inner\":{\"second\":\"\"}}", "inner.first", "is missing" },
		{ &type_opt, "{\"inner\":{\"first\":1}}", "inner.second", "is missing" },
		{ &type_opt, "{\"inner\":{\"first\":null}}", "inner.first", "is null" },
		{ &type_opt, "{\"inner\":{\"third\":1}}", "inner.third", "is not known" },
		{ &type_opt, "{\"ints\":{}}", "ints", "is not an array" },
		{ &type_opt, "{\"ints\":[1,2,null]}", "ints[2]", "is null" },
		{ &type_opt, "{\"ints\":[[]]}", "ints[0]", "is not an integer" },
		{ &type_opt, "{\"bools\":[]}", "bools", "is not an object" },
		{ &type_opt, "{\"bools\":{\"a\":true,\"b\":1}}", "bools[\"b\"]", "is not a bool" },
		{ &type_opt, "{\"bools\":{\"a\":true,\"\\u0061\":true}}", "bools[\"a\"]",
		  "is there twice" },
		{ &type_opt, "{\"bools\":{\"\\u0000\":true}}", "bools[\"\\u0000\"]",
		  "has a \\u0000 in it" },
		{ &type_opt, "{\"flag\":true,\"flag\":true}", "flag", "is there twice" },
		{ &type_opt, "{\"flag\":null,\"fl\\u0061g\":true}", "fl\\u0061g",
		  "is there twice" },
		{ &type_opt, "{\"fla\":true}", "fla", "is not known" },
		{ &type_opt, "{\"flags\":true}", "flags", "is not known" },
		{ &type_opt, "{\"flag::\":true}", "flag::", "is not known" },
		{ &type_opt, "{\"flag\\\"\":true}", "flag\\\"", "is not known" },
		{ &type_opt, "{\"\":true}", "", "is not known" },
		{ &type_opt, "{\"flag\\u0000\":true}", "flag\\u0000", "is not known" },
		{ &type_opt, "{\"FLAG\":true}", "FLAG", "is not known" },
		{ &type_opt, "{\"\xc3\xa9\":1}", "\xc3\xa9", "is not known" },
		{ &type_tree, "{\"name\":\"\",\"children\":[{\"name\":\"\"},{}]}",
		  "children[1].name", "is missing" },
		{ &type_tree,
		  "{\"name\":\"\",\"by_name\":{\"k\":{\"name\":\"\",\"children\":[{\"name\":0}]}}}",
		  "by_name[\"k\"].children[0].name", "is not a string" },
		{ &type_tree,
		  "{\"name\":\"\",\"children\":[{\"name\":\"\",\"by_name\":{\"b\":{\"name\":\"\"},"
		  "\"a\":{\"name\":\"\"},\"b\":{\"name\":\"\"}}}]}",
		  "children[0].by_name[\"b\"]", "is there twice" },
		{ &type_nothing, "{\"a\":1}", "a", "is not known" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(misfits); i++) {
		assert_refused(misfits[i].type, 0, misfits[i].text, misfits[i].path,
			       misfits[i].what);
		if (strcmp(misfits[i].what, "is not known") != 0 &&
		    strcmp(misfits[i].what, "is none of its values") != 0)
			assert_refused(misfits[i].type, SHAPE_LENIENT, misfits[i].text,
				       misfits[i].path, misfits[i].what);
	}
}

/* V9: in answers. */
static void v9_unknown_fields_are_ignored_and_unknown_values_are_0(void **state)
{
	struct opt opt;
	void *memory;

	(void)state;
	assert_ok(decode(&type_opt,
			 "{\"new\":[{}],\"whole\":7,\"new\":null,\"state\":\"new\",\"text\":\"t\"}",
			 SHAPE_LENIENT, &opt, &memory));
	assert_true(opt.whole.set && opt.whole.value == 7);
	assert_true(opt.state.set && opt.state.value == STATE_UNKNOWN);
	assert_string_equal(opt.text, "t");
	free(memory);
}

static void a_long_path_is_cut_between_characters(void **state)
{
	char text[1024], expected[SHAPE_PATH];
	size_t n = 0;

	(void)state;
	text[n++] = '{';
	text[n++] = '"';
	text[n++] = 'a';
	for (; n < 600; n += 2)
		memcpy(text + n, "\xc3\xa9", 2);
	memcpy(text + n, "\":1}", 5);
	memcpy(expected, text + 2, SHAPE_PATH - 1);
	expected[SHAPE_PATH - 1] = '\0';
	assert_refused(&type_nothing, 0, text, expected, "is not known");
	memmove(text + 2, text + 3, strlen(text + 3) + 1);
	memcpy(expected, text + 2, SHAPE_PATH - 2);
	expected[SHAPE_PATH - 2] = '\0';
	assert_refused(&type_nothing, 0, text, expected, "is not known");
}

static void members_may_come_in_any_order_with_blanks_and_escapes(void **state)
{
	(void)state;
	assert_becomes(&type_inner, " { \"second\" : \"\\u00e9\\/\" , \"\\u0066irst\" :\t-0 }\n",
		       "{\"first\":0,\"second\":\"\xc3\xa9/\"}");
}

static void what_is_nested_to_the_limit_is_read_and_written(void **state)
{
	char text[64 * 32], *at = text;

	(void)state;
	/* Each level of the type is two of the text. */
	for (int i = 0; i < 31; i++)
		at += sprintf(at, "{\"name\":\"\",\"children\":[");
	at += sprintf(at, "{\"name\":\"\",\"children\":[]}");
	for (int i = 0; i < 31; i++)
		at += sprintf(at, "]}");
	assert_becomes(&type_tree, text, text);
}

/* Walking through a text that nobody checked stops where it is wrong. */
static void a_text_that_was_not_checked_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"{\"name\"",
		"{\"name\":",
		"{\"name\":\"",
		"{\"name\":nul}",
		"{\"name\":\"\"]",
		"{\"name\":\"\" \"next\":null}",
		"{\"name\":\"\",\"children\":[{}",
		"{xname\":\"\"}",
	};
	char *deep = malloc(1 << 20);
	struct postern_json v;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		v = (struct postern_json){ texts[i], strlen(texts[i]) };
		assert_errno(shape_check(&type_tree, v, 0, MOST, &fault), -EBADMSG);
	}
	assert_non_null(deep);
	for (size_t i = 0; i + 8 <= 1 << 20; i += 8)
		memcpy(deep + i, "{\"next\":", 8);
	v = (struct postern_json){ deep, 1 << 20 };
	assert_errno(shape_check(&type_tree, v, 0, MOST, &fault), -EBADMSG);
	assert_string_equal(fault.what, "is nested too deep");
	free(deep);
}

static void no_more_memory_is_asked_for_than_permitted(void **state)
{
	static const char text[] = "{\"ints\":[1,2,3,4,5,6,7,8,9,10],\"text\":\"0123456789\"}";
	ssize_t size = shape_check(&type_opt, json(text), 0, MOST, &fault);

	(void)state;
	assert_int_equal(size, 10 * 8 + 16);
	assert_int_equal(shape_check(&type_opt, json(text), 0, (size_t)size, &fault), size);
	assert_errno(shape_check(&type_opt, json(text), 0, (size_t)size - 1, &fault), -E2BIG);
	assert_string_equal(fault.path, "text");
	assert_errno(shape_check(&type_opt, json(text), 0, 79, &fault), -E2BIG);
	assert_string_equal(fault.path, "ints[9]");
	assert_string_equal(fault.what, "needs too much memory");
	/* Sorting keys takes 4 bytes for each, which are given back. */
	assert_int_equal(
		shape_check(&type_opt,
			    json("{\"bools\":{\"a\":true,\"b\":true},\"text\":\"0123456789\"}"), 0,
			    MOST, &fault),
		(2 * sizeof(struct bool_entry) + 4 + 11 + 7) / 8 * 8);
	/* An inner array is there twice for a moment, an outer one never. */
	assert_in_range(
		shape_check(
			&type_tree,
			json("{\"name\":\"\",\"children\":[{\"name\":\"\",\"children\":[{\"name\":\"\"}]}]}"),
			0, MOST, &fault),
		3 * sizeof(struct tree), 3 * sizeof(struct tree) + 8);
	/* More that is permitted is not more that is asked for. */
	assert_int_equal(shape_check(&type_all, json(everything), 0, SIZE_MAX, &fault),
			 shape_check(&type_all, json(everything), 0, MOST, &fault));
}

/* ---- large structs ---- */

static void fields_are_found_in_every_order_with_and_without_a_table_of_it(void **state)
{
	static const int steps[] = { 1, LARGE - 1, 5, 511 };
	char text[16 * LARGE], value[LARGE];
	void *memory;

	(void)state;
	make_large();
	for (size_t i = 0; i < 2 * COUNT(steps); i++) {
		type_large.sorted = i % 2 ? large_sorted : NULL;
		large_text(text, (int)i, steps[i / 2]);
		assert_ok(decode(&type_large, text, 0, value, &memory));
		for (int k = 0; k < LARGE; k++)
			assert_int_equal(value[k], k % 3 != 0);
		free(memory);
		/* The first once more at the end; the last one left out. */
		sprintf(text + strlen(text) - 1, ",\"%s\":true}", large_names[i]);
		assert_refused(&type_large, 0, text, large_names[i], "is there twice");
		text[large_text(text, 0, 1) - 1] = '\0';
		strcpy(strrchr(text, ','), "}");
		assert_refused(&type_large, 0, text, large_names[LARGE - 1], "is missing");
		assert_refused(&type_large, 0, "{\"f\":1}", "f", "is not known");
		assert_refused(&type_large, 0, "{\"g\":1}", "g", "is not known");
	}
}

/* ---- maps ---- */

static void a_key_that_is_there_twice_is_found_wherever_it_is(void **state)
{
	char text[4096], path[32], *at;
	void *memory;
	struct opt opt;

	(void)state;
	for (int n = 2; n < 40; n++) {
		for (int a = 0; a < n; a++) {
			/* Once without, and with each other one the same. */
			for (int b = a; b < n; b++) {
				at = text;
				for (int i = 0; i < n; i++)
					at += sprintf(at, "%s\"%03d\":true",
						      i ? "," : "{\"bools\":{",
						      (i == b ? a : i) * 17 % 41);
				sprintf(at, "}}");
				if (a == b) {
					assert_ok(decode(&type_opt, text, 0, &opt, &memory));
					assert_int_equal(opt.bools.n, n);
					free(memory);
					continue;
				}
				sprintf(path, "bools[\"%03d\"]", a * 17 % 41);
				assert_refused(&type_opt, 0, text, path, "is there twice");
			}
		}
	}
}

/* ---- encoding ---- */

static void what_cannot_be_encoded_is_told_with_its_path(void **state)
{
	static const char latin1[] = "\xe9t\xe9";
	static const struct inner no_second = { 1, NULL };
	static const struct bool_entry no_key[] = { { "a", true }, { NULL, true } };
	static const struct bool_entry odd_key[] = { { latin1, true } };
	static const struct {
		struct opt value;
		const char *path, *what;
	} unfit[] = {
		{ { .half = { NAN, true } }, "half", "is not a finite number" },
		{ { .half = { -INFINITY, true } }, "half", "is not a finite number" },
		{ { .text = latin1 }, "text", "is not UTF-8" },
		{ { .object = { "[]", 2 } }, "object", "is not an object" },
		{ { .object = { "{\"a\":", 5 } }, "object", "is not JSON, or nested too deep" },
		{ { .any = { "null", 4 } }, "any", "is null" },
		{ { .state = { STATE_UNKNOWN, true } }, "state", "is none of its values" },
		{ { .state = { STATE_busy + 1, true } }, "state", "is none of its values" },
		{ { .inner = &no_second }, "inner.second", "is NULL" },
		{ { .bools = { no_key, 2 } }, "bools", "has a key that is NULL" },
		{ { .bools = { odd_key, 1 } }, "bools[\"?t?\"]", "is not UTF-8" },
	};
	struct postern_json_writer w;
	struct tree circle = { .name = "c", .next = &circle };
	struct postern_type one = type_inner;
	struct all all = { .flag = true };
	char text[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(unfit); i++) {
		postern_json_write_begin(&w, text, sizeof text);
		assert_errno(shape_write(&w, &type_opt, &unfit[i].value, &fault), -EINVAL);
		assert_string_equal(fault.path, unfit[i].path);
		assert_string_equal(fault.what, unfit[i].what);
	}
	postern_json_write_begin(&w, text, sizeof text);
	assert_errno(shape_write(&w, &type_all, &all, &fault), -EINVAL);
	assert_string_equal(fault.path, "text");
	assert_string_equal(fault.what, "is NULL");
	one.n = 1;
	postern_json_write_begin(&w, text, sizeof text);
	assert_errno(shape_write(&w, &one, NULL, &fault), -EINVAL);
	assert_string_equal(fault.what, "is NULL");
	postern_json_write_begin(&w, text, sizeof text);
	assert_errno(shape_write(&w, &type_tree, &circle, &fault), -EINVAL);
	assert_string_equal(fault.what, "is nested too deep");
	all.text = "";
	postern_json_write_begin(&w, text, sizeof text);
	assert_errno(shape_write(&w, &type_all, &all, &fault), -EINVAL);
	assert_string_equal(fault.path, "object");
	assert_string_equal(fault.what, "is NULL");
	/* Where no value can be. */
	postern_json_write_begin(&w, text, sizeof text);
	postern_json_write_null(&w);
	assert_errno(shape_write(&w, &type_opt, &(struct opt){ 0 }, &fault), -EINVAL);
}

static void lists_without_elements_need_no_pointer_and_those_with_some_do(void **state)
{
	struct all all;
	void *memory;
	struct postern_json_writer w;

	(void)state;
	assert_ok(decode(&type_all, everything, 0, &all, &memory));
	all.inners.items = NULL;
	all.inners.n = 0;
	assert_non_null(strstr(encode(&type_all, &all), "\"inners\":[]"));
	all.inners.n = 1;
	postern_json_write_begin(&w, NULL, 0);
	assert_errno(shape_write(&w, &type_all, &all, &fault), -EINVAL);
	assert_string_equal(fault.path, "inners");
	free(memory);
}

static void a_buffer_that_is_too_small_learns_the_size(void **state)
{
	struct opt opt = { .text = "0123456789", .whole = { 1, true } };
	size_t n = strlen(encode(&type_opt, &opt));
	struct postern_json_writer w;
	char text[64];

	(void)state;
	for (size_t size = 0; size < n; size++) {
		postern_json_write_begin(&w, text, size);
		assert_ok(shape_write(&w, &type_opt, &opt, &fault));
		assert_errno(postern_json_write_finish(&w), -EMSGSIZE);
		assert_int_equal(w.n, n);
	}
	postern_json_write_begin(&w, text, n);
	assert_ok(shape_write(&w, &type_opt, &opt, &fault));
	assert_int_equal(postern_json_write_finish(&w), n);
}

static void a_struct_without_fields_is_an_object(void **state)
{
	(void)state;
	assert_string_equal(encode(&type_nothing, NULL), "{}");
	assert_becomes(&type_nothing, "{}", "{}");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_type_is_where_its_table_says),
		TEST(each_type_may_be_null),
		TEST(absent_and_null_are_one),
		TEST(types_may_contain_themselves),
		TEST(every_misfit_is_told_with_its_path),
		TEST(v9_unknown_fields_are_ignored_and_unknown_values_are_0),
		TEST(a_long_path_is_cut_between_characters),
		TEST(members_may_come_in_any_order_with_blanks_and_escapes),
		TEST(what_is_nested_to_the_limit_is_read_and_written),
		TEST(a_text_that_was_not_checked_is_refused),
		TEST(no_more_memory_is_asked_for_than_permitted),
		TEST(fields_are_found_in_every_order_with_and_without_a_table_of_it),
		TEST(a_key_that_is_there_twice_is_found_wherever_it_is),
		TEST(what_cannot_be_encoded_is_told_with_its_path),
		TEST(lists_without_elements_need_no_pointer_and_those_with_some_do),
		TEST(a_buffer_that_is_too_small_learns_the_size),
		TEST(a_struct_without_fields_is_an_object),
	};

	return test_run(tests);
}
