/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-generated.c - what `postern generate` writes, of every construct of the language
 *
 * Values at random, made as another implementation's, become structs and JSON again, and that implementation finds the
 * same in it. That a field is where the header says shows the rest.
 */
#include "json-make.h"
#include "org.example.everything.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/shape.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct shape_fault fault;

/* Into memory that is freed by the caller. */
static void *decode(const struct postern_type *type, const char *text)
{
	struct postern_json v;
	ssize_t size;
	char *memory;

	assert_ok(postern_json_check(text, strlen(text), &v, NULL));
	size = shape_check(type, v, 0, 64 << 20, &fault);
	if (size < 0)
		fail_msg("%s: %s %s", text, fault.path, fault.what);
	/* The struct is in front of it. */
	memory = calloc(1, (type->size + 15) / 16 * 16 + (size_t)size);
	assert_non_null(memory);
	assert_ok(shape_decode(type, v, 0, memory, memory + (type->size + 15) / 16 * 16,
			       (size_t)size, &fault));
	return memory;
}

static char *encode(const struct postern_type *type, const void *value)
{
	static char text[1 << 20];
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

/* ---- fields are where the header says ---- */

static void plain_fields_are_where_the_header_says(void **state)
{
	static const char text[] =
		"{\"value\":{\"flag\":true,\"whole\":-5,\"natural\":18446744073709551615,"
		"\"half\":0.5,\"text\":\"t\",\"raw\":{\"a\":1},\"value\":[2]},"
		"\"level\":\"UNKNOWN\",\"tree\":{\"name\":\"n\",\"children\":[],"
		"\"by_name\":{\"k\":{\"name\":\"m\",\"children\":[],\"by_name\":{},"
		"\"inner\":[]}},\"inner\":[]}}";
	struct everything_Put_in *in;

	(void)state;
	in = decode(everything_Put_method.in, text);
	assert_true(in->value.flag && in->value.whole == -5 && in->value.natural == UINT64_MAX);
	assert_true(in->value.half == 0.5 && in->value.raw.n == 7 && in->value.value.n == 3);
	assert_string_equal(in->value.text, "t");
	assert_int_equal(in->level, everything_Level_UNKNOWN_);
	assert_string_equal(in->tree->name, "n");
	assert_null(in->tree->next);
	assert_int_equal(in->tree->by_name.n, 1);
	assert_string_equal(in->tree->by_name.items[0].key, "k");
	assert_string_equal(in->tree->by_name.items[0].value.name, "m");
	assert_string_equal(encode(everything_Put_method.in, in), text);
	free(in);
}

static void fields_with_other_names_in_c_keep_theirs_outside(void **state)
{
	static const char words[] =
		"{\"int\":1,\"class\":\"c\",\"bool\":true,\"errno\":2,\"linux\":true,"
		"\"unix\":false,\"default\":\"delete\",\"template\":{\"struct\":{\"union\":3}},"
		"\"register\":{\"r\":{\"void\":4}},\"namespace\":[\"n\"],\"zebra\":5}";
	char text[1024];
	struct everything_Others_in *in;

	(void)state;
	snprintf(
		text, sizeof(text),
		"{\"left\":{\"later\":{\"level\":\"two\",\"levels\":[]}},\"words\":%s,\"many\":\"t\","
		"\"empty\":{},\"nothing\":{}}",
		words);
	in = decode(everything_Others_method.in, text);
	assert_true(in->words.int_ == 1 && in->words.bool_ && in->words.errno_ == 2 &&
		    in->words.linux_);
	assert_int_equal(in->words.default_, everything_Words_default_delete);
	assert_true(in->words.template_.struct_.union_ == 3);
	assert_true(in->words.register_.items[0].value.void_ == 4 && in->words.zebra == 5);
	assert_int_equal(in->many, everything_Many_t);
	assert_null(in->left.right);
	assert_int_equal(in->left.later.level, everything_Later_two);
	assert_string_equal(encode(everything_Others_method.in, in), text);
	free(in);
}

static void values_that_may_be_null_say_so(void **state)
{
	static const char text[] =
		"{\"nullable\":{\"whole\":0,\"text\":\"\",\"level\":\"quiet\",\"state\":\"off\","
		"\"inner\":{\"a\":1},\"list\":[],\"map\":{}}}";
	struct everything_Become_out *out;

	(void)state;
	out = decode(everything_Become_method.out, text);
	assert_true(!out->nullable.flag.set && out->nullable.whole.set &&
		    !out->nullable.natural.set);
	assert_true(out->nullable.level.set && out->nullable.level.value == everything_Level_quiet);
	assert_true(out->nullable.state.value == everything_Nullable_state_off);
	assert_true(out->nullable.inner && out->nullable.inner->a == 1 && !out->nullable.plain);
	assert_true(out->nullable.list.items && out->nullable.map.items &&
		    !out->nullable.described.items);
	assert_string_equal(encode(everything_Become_method.out, out), text);
	free(out);
}

/* ---- functions ---- */

static int called;

static void nothing(struct postern_request *r, void *data)
{
	assert_ptr_equal(r, &called);
	assert_ptr_equal(data, &fault);
	called++;
}

static void put(struct postern_request *r, const struct everything_Put_in *in, void *data)
{
	nothing(r, data);
	assert_int_equal(in->level, everything_Level_loud);
}

/* A request, to which nobody looks. */
static void handle(const struct everything_methods *methods, const struct postern_method *method,
		   const void *in)
{
	method->handle(methods, (void *)&called, in, &fault);
}

static void each_handler_is_called_with_its_own_type(void **state)
{
	static const struct everything_methods methods = { .Nothing = nothing, .Put = put };
	struct everything_Put_in in = { .level = everything_Level_loud };

	(void)state;
	called = 0;
	handle(&methods, &everything_Nothing_method, NULL);
	handle(&methods, &everything_Put_method, &in);
	assert_int_equal(called, 2);
	assert_int_equal(everything_Put_method.handler, offsetof(struct everything_methods, Put));
}

static void on_get(struct postern_call *call, const struct postern_answer *answer,
		   const struct everything_Get_out *out, void *data)
{
	assert_null(call);
	assert_int_equal(answer->end, POSTERN_END_ANSWERED);
	assert_true(out->value.whole == 7);
	assert_ptr_equal(data, &fault);
	called++;
}

static void on_nothing(struct postern_call *call, const struct postern_answer *answer, void *data)
{
	assert_null(call);
	assert_int_equal(answer->end, POSTERN_END_TIMEOUT);
	assert_ptr_equal(data, &fault);
	called++;
}

static void answers_are_delivered_with_their_own_type(void **state)
{
	const struct everything_Get_out out = { .value.whole = 7 };
	const struct postern_answer answered = { .end = POSTERN_END_ANSWERED };
	const struct postern_answer late = { .end = POSTERN_END_TIMEOUT };

	(void)state;
	called = 0;
	everything_Get_method.deliver((void (*)(void))on_get, NULL, &answered, &out, &fault);
	everything_Nothing_method.deliver((void (*)(void))on_nothing, NULL, &late, NULL, &fault);
	assert_int_equal(called, 2);
}

#define PREFIX "org.example.everything."

static void the_interface_lists_what_its_description_has(void **state)
{
	static const struct {
		const char *name;
		uint32_t flags;
	} methods[] = {
		{ PREFIX "Nothing", 0 },
		{ PREFIX "Put", 0 },
		{ PREFIX "Get", 0 },
		{ PREFIX "Watch", POSTERN_METHOD_MORE },
		{ PREFIX "Follow", POSTERN_METHOD_NEEDS_MORE },
		{ PREFIX "Tick", POSTERN_METHOD_NEEDS_MORE },
		{ PREFIX "Become", POSTERN_METHOD_UPGRADE },
		{ PREFIX "Either", POSTERN_METHOD_MAY_UPGRADE },
		{ PREFIX "Pass", POSTERN_METHOD_TAKES_FDS | POSTERN_METHOD_RETURNS_FDS },
		{ PREFIX "Others", 0 },
	};
	const struct postern_interface *i = &everything_interface;

	(void)state;
	assert_int_equal(i->version, 1);
	assert_string_equal(i->name, "org.example.everything");
	assert_int_equal(i->n_methods, COUNT(methods));
	for (uint32_t m = 0; m < i->n_methods; m++) {
		assert_string_equal(i->methods[m]->name, methods[m].name);
		assert_int_equal(i->methods[m]->flags, methods[m].flags);
		assert_true(i->methods[m]->in->kind == POSTERN_TYPE_STRUCT &&
			    i->methods[m]->out->kind == POSTERN_TYPE_STRUCT);
	}
	assert_int_equal(i->n_errors, 2);
	assert_string_equal(i->errors[0]->name, "org.example.everything.NotThere");
	assert_string_equal(everything_Nothing2_error.name, i->errors[1]->name);
	assert_int_equal(everything_Nothing2_error.type->n, 0);
	/* What a service says about itself is what it replies with. */
	assert_ptr_equal(&everything_Get_method, i->methods[2]);
}

/* ---- at random ---- */

#ifdef HAVE_JANSSON
#include <jansson.h>

enum { SEED = 2026, ROUNDS = 400, DEEP = 10 };

static struct json_make make = { .seed = SEED };

static json_t *random_of(const struct postern_type *type, int depth);

static json_t *random_text(void)
{
	make.n = 0;
	json_make_string(&make);
	return json_loadb(make.text, make.n, JSON_DECODE_ANY, NULL);
}

static json_t *random_number(int kind)
{
	uint64_t n = json_make_random(&make, UINT64_MAX);

	if (kind == POSTERN_TYPE_FLOAT)
		return json_real((double)(int64_t)n /
				 (double)(1 + json_make_random(&make, 1 << 20)));
	if (kind == POSTERN_TYPE_UINT)
		n >>= 1; /* jansson has no more */
	return json_integer((int64_t)n >> json_make_random(&make, 63));
}

static json_t *random_struct(const struct postern_type *type, int depth)
{
	json_t *object = json_object();

	for (uint32_t i = 0; i < type->n; i++) {
		const struct postern_field *f = &type->fields[i];

		if (!f->flags || (depth < DEEP && json_make_random(&make, 3) > 0))
			json_object_set_new(object, f->name, random_of(f->type, depth + 1));
		else if (json_make_random(&make, 2))
			json_object_set_new(object, f->name, json_null());
	}
	return object;
}

static json_t *random_items(const struct postern_type *type, int depth)
{
	uint64_t n = depth < DEEP ? json_make_random(&make, depth < DEEP / 2 ? 4 : 2) : 0;
	json_t *items = type->kind == POSTERN_TYPE_MAP ? json_object() : json_array(), *one, *key;

	while (n-- > 0) {
		one = type->nullable && json_make_random(&make, 2)
			      ? json_null()
			      : random_of(type->element, depth + 1);
		if (type->kind == POSTERN_TYPE_ARRAY) {
			json_array_append_new(items, one);
			continue;
		}
		key = random_text();
		json_object_set_new(items, json_string_value(key), one);
		json_decref(key);
	}
	return items;
}

static json_t *random_of(const struct postern_type *type, int depth)
{
	switch (type->kind) {
	case POSTERN_TYPE_BOOL:
		return json_boolean(json_make_random(&make, 2));
	case POSTERN_TYPE_INT:
	case POSTERN_TYPE_UINT:
	case POSTERN_TYPE_FLOAT:
		return random_number(type->kind);
	case POSTERN_TYPE_STRING:
		return random_text();
	case POSTERN_TYPE_OBJECT:
		return json_pack("{s:[i,n]}", "raw", 1);
	case POSTERN_TYPE_ANY:
		return json_make_random(&make, 2) ? json_pack("[s,f]", "any", 0.5)
						  : json_integer(3);
	case POSTERN_TYPE_ENUM:
		return json_string(type->names[json_make_random(&make, type->n)]);
	case POSTERN_TYPE_STRUCT:
		return random_struct(type, depth);
	default:
		return random_items(type, depth);
	}
}

/* As a field that is null is left out, of what was made too. */
static json_t *without_nulls(const struct postern_type *type, json_t *value)
{
	const char *key;
	json_t *inner;
	void *next;
	size_t i;

	if (json_is_null(value))
		return value;
	if (type->kind == POSTERN_TYPE_STRUCT) {
		for (i = 0; i < type->n; i++) {
			inner = json_object_get(value, type->fields[i].name);
			if (json_is_null(inner))
				json_object_del(value, type->fields[i].name);
			else if (inner)
				without_nulls(type->fields[i].type, inner);
		}
	} else if (type->kind == POSTERN_TYPE_ARRAY) {
		json_array_foreach(value, i, inner) without_nulls(type->element, inner);
	} else if (type->kind == POSTERN_TYPE_MAP) {
		json_object_foreach_safe(value, next, key, inner)
			without_nulls(type->element, inner);
	}
	return value;
}

/* 1.0 is written as 1, which jansson reads as another type. */
static bool is_same(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *inner;

	if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b))
		return json_number_value(a) == json_number_value(b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_array(a)) {
		for (size_t i = 0; i < json_array_size(a); i++)
			if (i >= json_array_size(b) ||
			    !is_same(json_array_get(a, i), json_array_get(b, i)))
				return false;
		return json_array_size(a) == json_array_size(b);
	}
	if (!json_is_object(a))
		return json_equal(a, b);
	json_object_foreach((json_t *)a, key,
			    inner) if (!json_object_get(b, key) ||
				       !is_same(inner, json_object_get(b, key))) return false;
	return json_object_size(a) == json_object_size(b);
}

static size_t assert_comes_back(const struct postern_type *type)
{
	json_t *value = random_of(type, 0), *back;
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(17)), *written;
	void *memory = decode(type, text);
	size_t n = strlen(text);
	json_error_t error;

	written = encode(type, memory);
	back = json_loads(written, JSON_REJECT_DUPLICATES, &error);
	if (!back || !is_same(without_nulls(type, value), back))
		fail_msg("%s\nbecame\n%s", text, written);
	json_decref(back);
	json_decref(value);
	free(text);
	free(memory);
	return n;
}

static void random_values_come_back_as_they_were(void **state)
{
	const struct postern_interface *i = &everything_interface;
	size_t values = 0, bytes = 0;

	(void)state;
	for (int round = 0; round < ROUNDS / test_scale() + 1; round++) {
		for (uint32_t m = 0; m < i->n_methods; m++) {
			bytes += assert_comes_back(i->methods[m]->in);
			bytes += assert_comes_back(i->methods[m]->out);
			values += 2;
		}
		for (uint32_t e = 0; e < i->n_errors; e++, values++)
			bytes += assert_comes_back(i->errors[e]->type);
	}
	test_note("%zu values, %zu bytes of JSON", values, bytes);
	assert_true(bytes > 50 * values);
}
#else
static void random_values_come_back_as_they_were(void **state)
{
	(void)state;
	test_skip("jansson is not installed");
}
#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(plain_fields_are_where_the_header_says),
		TEST(fields_with_other_names_in_c_keep_theirs_outside),
		TEST(values_that_may_be_null_say_so),
		TEST(each_handler_is_called_with_its_own_type),
		TEST(answers_are_delivered_with_their_own_type),
		TEST(the_interface_lists_what_its_description_has),
		TEST(random_values_come_back_as_they_were),
	};

	return test_run(tests);
}
