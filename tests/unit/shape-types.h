/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* shape-types.h - tables written by hand, in the form that `postern generate` writes them, with every construct in them */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postern/interface.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define FIELD(structure, member, type, nullable) { #member, type, offsetof(structure, member), nullable }
#define STRUCT(structure, list) { .kind = POSTERN_TYPE_STRUCT, .size = sizeof(structure), .n = COUNT(list), .fields = list }
#define ARRAY(entry, of, null) { .kind = POSTERN_TYPE_ARRAY, .nullable = null, .size = sizeof(entry), .element = of }
#define MAP(entry, of, null) \
	{ .kind = POSTERN_TYPE_MAP, .nullable = null, .value = offsetof(entry, value), .size = sizeof(entry), .element = of }

static const struct postern_type type_bool = { .kind = POSTERN_TYPE_BOOL, .size = sizeof(bool) };
static const struct postern_type type_int = { .kind = POSTERN_TYPE_INT, .size = sizeof(int64_t) };
static const struct postern_type type_uint = { .kind = POSTERN_TYPE_UINT, .size = sizeof(uint64_t) };
static const struct postern_type type_float = { .kind = POSTERN_TYPE_FLOAT, .size = sizeof(double) };
static const struct postern_type type_string = { .kind = POSTERN_TYPE_STRING, .size = sizeof(char *) };
static const struct postern_type type_object = { .kind = POSTERN_TYPE_OBJECT, .size = sizeof(struct postern_json) };
static const struct postern_type type_any = { .kind = POSTERN_TYPE_ANY, .size = sizeof(struct postern_json) };

/* (idle, spooling, busy) */
enum state { STATE_UNKNOWN, STATE_idle, STATE_spooling, STATE_busy };
static const char *const state_names[] = { "idle", "spooling", "busy" };
static const struct postern_type type_state = { .kind = POSTERN_TYPE_ENUM, .size = 4, .n = 3, .names = state_names };
struct opt_state { enum state value; bool set; };

/* (first: int, second: string) */
struct inner {
	int64_t first;
	const char *second;
};
static const struct postern_field inner_fields[] = {
	FIELD(struct inner, first, &type_int, 0),
	FIELD(struct inner, second, &type_string, 0),
};
static const struct postern_type type_inner = STRUCT(struct inner, inner_fields);

/* [][]int, [string][]string, [string](), []?int, [](first: int, second: string) */
struct ints { const int64_t *items; size_t n; };
struct strings { const char *const *items; size_t n; };
struct strings_entry { const char *key; struct strings value; };
struct set_entry { const char *key; char value[]; };
struct bool_entry { const char *key; bool value; };

static const struct postern_type type_ints = ARRAY(int64_t, &type_int, 0);
static const struct postern_type type_int_table = ARRAY(struct ints, &type_ints, 0);
static const struct postern_type type_strings = ARRAY(char *, &type_string, 0);
static const struct postern_type type_string_map = MAP(struct strings_entry, &type_strings, 0);
static const struct postern_type type_nothing = { .kind = POSTERN_TYPE_STRUCT };
static const struct postern_type type_set = MAP(struct set_entry, &type_nothing, 0);
static const struct postern_type type_opt_ints = ARRAY(struct postern_opt_int, &type_int, 1);
static const struct postern_type type_bool_map = MAP(struct bool_entry, &type_bool, 0);
static const struct postern_type type_inners = ARRAY(struct inner, &type_inner, 0);

struct all {
	bool flag;
	int64_t whole;
	uint64_t natural;
	double half;
	const char *text;
	struct postern_json object, any;
	enum state state;
	struct inner inner;
	struct { const struct ints *items; size_t n; } table;
	struct { const struct strings_entry *items; size_t n; } labels;
	struct { const struct set_entry *items; size_t n; } set;
	struct { const struct postern_opt_int *items; size_t n; } gaps;
	struct { const struct inner *items; size_t n; } inners;
};
static const struct postern_field all_fields[] = {
	FIELD(struct all, flag, &type_bool, 0),
	FIELD(struct all, whole, &type_int, 0),
	FIELD(struct all, natural, &type_uint, 0),
	FIELD(struct all, half, &type_float, 0),
	FIELD(struct all, text, &type_string, 0),
	FIELD(struct all, object, &type_object, 0),
	FIELD(struct all, any, &type_any, 0),
	FIELD(struct all, state, &type_state, 0),
	FIELD(struct all, inner, &type_inner, 0),
	FIELD(struct all, table, &type_int_table, 0),
	FIELD(struct all, labels, &type_string_map, 0),
	FIELD(struct all, set, &type_set, 0),
	FIELD(struct all, gaps, &type_opt_ints, 0),
	FIELD(struct all, inners, &type_inners, 0),
};
static const struct postern_type type_all = STRUCT(struct all, all_fields);

/* The same, each ?. */
struct opt {
	struct postern_opt_bool flag;
	struct postern_opt_int whole;
	struct postern_opt_uint natural;
	struct postern_opt_float half;
	const char *text;
	struct postern_json object, any;
	struct opt_state state;
	const struct inner *inner;
	struct { const int64_t *items; size_t n; } ints;
	struct { const struct bool_entry *items; size_t n; } bools;
};
static const struct postern_field opt_fields[] = {
	FIELD(struct opt, flag, &type_bool, 1),
	FIELD(struct opt, whole, &type_int, 1),
	FIELD(struct opt, natural, &type_uint, 1),
	FIELD(struct opt, half, &type_float, 1),
	FIELD(struct opt, text, &type_string, 1),
	FIELD(struct opt, object, &type_object, 1),
	FIELD(struct opt, any, &type_any, 1),
	FIELD(struct opt, state, &type_state, 1),
	FIELD(struct opt, inner, &type_inner, 1),
	FIELD(struct opt, ints, &type_ints, 1),
	FIELD(struct opt, bools, &type_bool_map, 1),
};
static const struct postern_type type_opt = STRUCT(struct opt, opt_fields);

/* type Tree (name: string, next: ?Tree, children: ?[]Tree, by_name: ?[string]Tree) */
struct tree {
	const char *name;
	const struct tree *next;
	struct { const struct tree *items; size_t n; } children;
	struct { const struct tree_entry *items; size_t n; } by_name;
};
struct tree_entry { const char *key; struct tree value; };
extern const struct postern_type type_tree, type_trees, type_tree_map;
static const struct postern_field tree_fields[] = {
	FIELD(struct tree, name, &type_string, 0),
	FIELD(struct tree, next, &type_tree, 1),
	FIELD(struct tree, children, &type_trees, 1),
	FIELD(struct tree, by_name, &type_tree_map, 1),
};
const struct postern_type type_tree = STRUCT(struct tree, tree_fields);
const struct postern_type type_trees = ARRAY(struct tree, &type_tree, 0);
const struct postern_type type_tree_map = MAP(struct tree_entry, &type_tree, 0);

/* As many fields as a struct can have, each a bool, with names in no order. */
enum { LARGE = POSTERN_FIELDS_MAX };

static char large_names[LARGE][8];
static struct postern_field large_fields[LARGE];
static uint16_t large_sorted[LARGE];
static struct postern_type type_large = {
	.kind = POSTERN_TYPE_STRUCT,
	.size = LARGE,
	.n = LARGE,
	.fields = large_fields,
};

static inline int by_name(const void *a, const void *b)
{
	return strcmp(large_names[*(const uint16_t *)a], large_names[*(const uint16_t *)b]);
}

static inline void make_large(void)
{
	for (uint16_t i = 0; i < LARGE; i++) {
		snprintf(large_names[i], sizeof large_names[i], "f%u", i * 7919u % LARGE);
		large_fields[i] = (struct postern_field){ large_names[i], &type_bool, i, 0 };
		large_sorted[i] = i;
	}
	qsort(large_sorted, LARGE, sizeof(*large_sorted), by_name);
}

/* The fields from this one on, in steps. */
static inline size_t large_text(char *ret, int from, int step)
{
	char *at = ret;

	for (int i = 0, k = from; i < LARGE; i++, k = (k + step) % LARGE)
		at += sprintf(at, "%c\"%s\":%s", i ? ',' : '{', large_names[k],
			      k % 3 ? "true" : "false");
	at += sprintf(at, "}");
	return (size_t)(at - ret);
}
