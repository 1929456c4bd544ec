/* SPDX-License-Identifier: Apache-2.0 */
/* certify.c - the value that Test09 answers with, and how another is told from it */
#include "certify.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

static const char object_text[] =
	"{\"method\":\"org.varlink.certification.Test09\",\"parameters\":{\"map\":{\"foo\":\"Foo\",\"bar\":\"Bar\"}}}";
static const char *const words[] = { "one", "two", "three" };
static const struct certification_MyType_dictionary_entry dictionary[] = { { "foo", "Foo" },
									   { "bar", "Bar" } };
static const struct certification_MyType_stringset_entry stringset[] = { { "one" },
									 { "two" },
									 { "three" } };
static const struct certification_Interface_foo_item_entry second[] = {
	{ "Foo", certification_Interface_foo_foo },
	{ "Bar", certification_Interface_foo_bar },
};
static const struct certification_Interface_foo_item_entry fourth[] = {
	{ "one", certification_Interface_foo_foo },
	{ "two", certification_Interface_foo_bar },
};
static const struct certification_Interface_foo_item foo[] = {
	{ 0 }, { second, N(second) }, { 0 }, { fourth, N(fourth) }
};

const struct certification_MyType *mytype(void)
{
	static const struct certification_MyType value = {
		.object = { object_text, sizeof object_text - 1 },
		.enum_ = certification_MyType_enum_two,
		.struct_ = { 1, "2" },
		.array = { words, N(words) },
		.dictionary = { dictionary, N(dictionary) },
		.stringset = { stringset, N(stringset) },
		.interface = { .foo = { foo, N(foo) }, .anon = { true, false } },
	};

	return &value;
}

/* Blanks and the order of members are the peer's choice, the values are not. */
static bool object_is_right(struct postern_json object)
{
	struct postern_json method;
	struct postern_json parameters;
	struct postern_json map;
	struct postern_json value;

	return postern_json_find(object, "method", &method) > 0 &&
	       postern_json_equals(method, "org.varlink.certification.Test09") &&
	       postern_json_find(object, "parameters", &parameters) > 0 &&
	       postern_json_find(parameters, "map", &map) > 0 &&
	       postern_json_find(map, "foo", &value) > 0 && postern_json_equals(value, "Foo") &&
	       postern_json_find(map, "bar", &value) > 0 && postern_json_equals(value, "Bar");
}

static bool array_is_right(const struct certification_MyType *t)
{
	size_t i;

	for (i = 0; i < t->array.n && i < N(words); i++)
		if (strcmp(t->array.items[i], words[i]) != 0)
			return false;
	return t->array.n == N(words);
}

static bool item_is_right(const struct certification_Interface_foo_item *item,
			  const struct certification_Interface_foo_item_entry *expected)
{
	size_t i;
	size_t k;

	for (i = 0; i < 2 && item->n == 2; i++) {
		for (k = 0; k < 2 && strcmp(item->items[k].key, expected[i].key) != 0; k++)
			continue;
		if (k == 2 || item->items[k].value != expected[i].value)
			return false;
	}
	return item->items && item->n == 2;
}

static bool foo_is_right(const struct certification_Interface *t)
{
	return t->foo.items && t->foo.n == 4 && !t->foo.items[0].items && !t->foo.items[2].items &&
	       item_is_right(&t->foo.items[1], second) && item_is_right(&t->foo.items[3], fourth);
}

const char *mytype_wrong(const struct certification_MyType *t)
{
	const struct {
		bool right;
		const char *name;
	} fields[] = {
		{ object_is_right(t->object), "object" },
		{ t->enum_ == certification_MyType_enum_two, "enum" },
		{ t->struct_.first == 1 && !strcmp(t->struct_.second, "2"), "struct" },
		{ array_is_right(t), "array" },
		{ t->dictionary.n == 2 && has_pair(&t->dictionary, "foo", "Foo") &&
			  has_pair(&t->dictionary, "bar", "Bar"),
		  "dictionary" },
		{ t->stringset.n == 3 && has_key(&t->stringset, "one") &&
			  has_key(&t->stringset, "two") && has_key(&t->stringset, "three"),
		  "stringset" },
		{ !t->nullable, "nullable" },
		{ !t->nullable_array_struct.items, "nullable_array_struct" },
		{ foo_is_right(&t->interface), "interface.foo" },
		{ t->interface.anon.foo && !t->interface.anon.bar, "interface.anon" },
	};
	size_t i;

	for (i = 0; i < N(fields); i++)
		if (!fields[i].right)
			return fields[i].name;
	return NULL;
}
