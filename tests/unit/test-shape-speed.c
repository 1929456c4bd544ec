/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a text becomes a struct and a struct a text. The figures are printed; what fails is a tenth of what any
 * machine should reach, as work that grows with the square of a text would be.
 */
#include "test.h"
#include "unit/shape-types.h"

#include <stdlib.h>
#include <string.h>

#include "core/shape.h"

enum { SIZE = 4 << 20, MOST = 16 << 20, ROUNDS = 20, KEYS = 64000 };

static char text[SIZE], memory[MOST], again[SIZE];
static struct shape_fault fault;

/* (userName: string, realName: ?string, uid: int, gid: int, shell: string, disposition: (...), memberOf: []string, ...) */
struct user {
	const char *userName, *realName;
	uint64_t uid, gid;
	const char *homeDirectory, *shell;
	enum state disposition;
	struct strings memberOf;
	bool locked;
	struct postern_opt_float quota;
	struct postern_json perMachine;
};
static const struct postern_field user_fields[] = {
	FIELD(struct user, userName, &type_string, 0),
	FIELD(struct user, realName, &type_string, 1),
	FIELD(struct user, uid, &type_uint, 0),
	FIELD(struct user, gid, &type_uint, 0),
	FIELD(struct user, homeDirectory, &type_string, 0),
	FIELD(struct user, shell, &type_string, 0),
	FIELD(struct user, disposition, &type_state, 0),
	FIELD(struct user, memberOf, &type_strings, 0),
	FIELD(struct user, locked, &type_bool, 0),
	FIELD(struct user, quota, &type_float, 1),
	FIELD(struct user, perMachine, &type_any, 1),
};
static const struct postern_type type_user = STRUCT(struct user, user_fields);

static struct postern_json checked(size_t n)
{
	struct postern_json v;

	assert_ok(postern_json_check(text, n, &v, NULL));
	return v;
}

static ssize_t both(const struct postern_type *type, struct postern_json v, void *value)
{
	ssize_t size = shape_check(type, v, 0, MOST, &fault);

	if (size < 0)
		fail_msg("%s %s", fault.path, fault.what);
	if (shape_decode(type, v, 0, value, memory, (size_t)size, &fault) < 0)
		fail_msg("%s %s", fault.path, fault.what);
	return size;
}

static int64_t mb_s(size_t n, int times, int64_t took)
{
	return (int64_t)n * times * 1000 / (took > 0 ? took : 1);
}

static const char reply[] =
	"{\"userName\":\"alice\",\"realName\":\"Alice Example\",\"uid\":1000,\"gid\":1000,\"homeDirectory\":"
	"\"/home/alice\",\"shell\":\"/bin/bash\",\"disposition\":\"spooling\",\"memberOf\":[\"audio\","
	"\"plugdev\"],\"locked\":false}";
static struct postern_json message;
static struct user user;

static void check_json(void)
{
	message = checked(sizeof(reply) - 1);
}

static void check_and_decode(void)
{
	both(&type_user, message, &user);
}

static void decode_at_once(void)
{
	assert_ok(shape_decode(&type_user, message, 0, &user, memory, 4096, &fault));
}

static void write_it(void)
{
	struct postern_json_writer w;

	postern_json_write_begin(&w, again, sizeof again);
	assert_ok(shape_write(&w, &type_user, &user, &fault));
	assert_int_equal(postern_json_write_finish(&w), sizeof(reply) - 1);
}

static void a_message_is_read_and_written_without_much_ado(void **state)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} steps[] = {
		{ "JSON checked", check_json },
		{ "checked and decoded", check_and_decode },
		{ "decoded at once", decode_at_once },
		{ "written", write_it },
	};
	size_t n = sizeof(reply) - 1;

	(void)state;
	memcpy(text, reply, n);
	for (size_t i = 0; i < COUNT(steps); i++) {
		int64_t best = INT64_MAX, took;

		for (int round = 0; round < ROUNDS; round++) {
			took = test_now_ns();
			for (int k = 0; k < 1000; k++)
				steps[i].fn();
			took = test_now_ns() - took;
			if (took < best)
				best = took;
		}
		test_note("%zu bytes %s: %lld ns, %lld MB/s", n, steps[i].name,
			  (long long)best / 1000, (long long)mb_s(n, 1000, best));
		assert_true(mb_s(n, 1000, best) * test_scale() > 20);
	}
	assert_memory_equal(again, text, n);
}

/* Keys in the order of their bytes, against it, and in none. */
static size_t make_map(int how)
{
	char *at = text + sprintf(text, "{\"bools\":{");

	for (unsigned i = 0; i < KEYS; i++)
		at += sprintf(at, "%s\"key%05u\":true", i ? "," : "",
			      how == 0   ? i
			      : how == 1 ? KEYS - 1 - i
					 : i * 40503u % KEYS);
	at += sprintf(at, "}}");
	return (size_t)(at - text);
}

static void a_map_of_64000_keys_takes_no_quadratic_time(void **state)
{
	static const char *const orders[] = { "rising", "falling", "mixed" };
	struct opt opt;

	(void)state;
	for (int how = 0; how < 3; how++) {
		size_t n = make_map(how);
		struct postern_json v = checked(n);
		int64_t best = INT64_MAX;
		ssize_t size = 0;

		for (int i = 0; i < 5; i++) {
			int64_t begun = test_now_ns();

			size = both(&type_opt, v, &opt);
			begun = test_now_ns() - begun;
			if (begun < best)
				best = begun;
		}
		assert_int_equal(opt.bools.n, KEYS);
		test_note("%d keys, %s: %zu bytes in %lld us, %lld MB/s, %zd bytes of memory", KEYS,
			  orders[how], n, (long long)best / 1000, (long long)mb_s(n, 1, best),
			  size);
		assert_true(best < INT64_C(1000000000) * test_scale());
	}
}

/* Whatever a text of the largest size is made of, what it costs grows with its length. */
static void a_hostile_text_costs_no_more_than_its_length(void **state)
{
	static const struct {
		const struct postern_type *type;
		unsigned flags;
		const char *before, *again, *after;
	} hostile[] = {
		{ &type_opt, 0, "{\"ints\":[1", ",1", "]}" },
		{ &type_tree, 0, "{\"name\":\"\",\"children\":[{\"name\":\"\"}", ",{\"name\":\"\"}",
		  "]}" },
		{ &type_opt, SHAPE_LENIENT, "{\"a\":1", ",\"a\":1", "}" },
		{ &type_opt, SHAPE_LENIENT, "{\"a\":1", ",\"\\u0061\\u0062\":1", "}" },
		{ &type_opt, 0, "{\"any\":[[[[[[[[[[[[[[[[1", ",1", "]]]]]]]]]]]]]]]]}" },
		{ &type_opt, 0, "{\"text\":\"", "\\ud83d\\ude00", "\"}" },
	};
	union {
		struct opt opt;
		struct tree tree;
	} value;

	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++) {
		size_t step = strlen(hostile[i].again),
		       n = (size_t)sprintf(text, "%s", hostile[i].before);
		struct postern_json v;
		int64_t begun;
		ssize_t size;
		int r = 0;

		while (n + step + 64 < SIZE) {
			memcpy(text + n, hostile[i].again, step);
			n += step;
		}
		n += (size_t)sprintf(text + n, "%s", hostile[i].after);
		v = checked(n);
		begun = test_now_ns();
		size = shape_check(hostile[i].type, v, hostile[i].flags, MOST, &fault);
		if (size >= 0)
			r = shape_decode(hostile[i].type, v, hostile[i].flags, &value, memory,
					 (size_t)size, &fault);
		begun = test_now_ns() - begun;
		test_note("%.30s%.20s...: %s in %lld us, %zd bytes of memory", hostile[i].before,
			  hostile[i].again, size < 0 || r < 0 ? fault.what : "read",
			  (long long)begun / 1000, size);
		assert_true(begun < INT64_C(1000000000) * test_scale());
	}
}

/* 31 levels of arrays around many: counting each one's elements before it is read would take 31 times as long. */
static void depth_costs_no_more_than_length(void **state)
{
	size_t n = 0, deep;
	struct tree tree;
	int64_t took;

	(void)state;
	for (int i = 0; i < 30; i++)
		n += (size_t)sprintf(text + n, "{\"name\":\"\",\"children\":[");
	deep = n;
	while (n < SIZE / 8)
		n += (size_t)sprintf(text + n, "%s{\"name\":\"\"}", n > deep ? "," : "");
	for (int i = 0; i < 30; i++)
		n += (size_t)sprintf(text + n, "]}");
	took = test_now_ns();
	both(&type_tree, checked(n), &tree);
	took = test_now_ns() - took;
	test_note("%zu bytes, 30 arrays deep: %lld us, %lld MB/s", n, (long long)took / 1000,
		  (long long)mb_s(n, 1, took));
	assert_true(took < INT64_C(1000000000) * test_scale());
}

/* Each member is looked for anew if they come in falling order: among all others, or by the table's order of names. */
static void many_fields_in_the_wrong_order_are_found_in_time(void **state)
{
	static const struct postern_type type_larges = ARRAY(char[LARGE], &type_large, 0);
	static const struct postern_field field[] = { { "items", &type_larges, 0, 0 } };
	static const struct postern_type type = {
		.kind = POSTERN_TYPE_STRUCT, .size = 2 * sizeof(char *), .n = 1, .fields = field
	};
	struct {
		const char *items;
		size_t n;
	} list;
	size_t n = (size_t)sprintf(text, "{\"items\":[");
	int64_t took[2];

	(void)state;
	make_large();
	do
		n += large_text(text + n, 0, LARGE - 1);
	while (n < SIZE / 16 && (text[n++] = ',', 1));
	n += (size_t)sprintf(text + n, "]}");
	for (int sorted = 0; sorted < 2; sorted++) {
		type_large.sorted = sorted ? large_sorted : NULL;
		took[sorted] = test_now_ns();
		both(&type, checked(n), &list);
		took[sorted] = test_now_ns() - took[sorted];
	}
	test_note(
		"%zu bytes, structs of %d fields in falling order: %lld us searched by order, %lld us one after the other",
		n, LARGE, (long long)took[1] / 1000, (long long)took[0] / 1000);
	assert_true(took[1] < INT64_C(1000000000) * test_scale());
	assert_true(took[1] < took[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_message_is_read_and_written_without_much_ado),
		TEST(a_map_of_64000_keys_takes_no_quadratic_time),
		TEST(a_hostile_text_costs_no_more_than_its_length),
		TEST(depth_costs_no_more_than_length),
		TEST(many_fields_in_the_wrong_order_are_found_in_time),
	};

	return test_run(tests);
}
