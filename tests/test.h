/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What every test program shares.
 *
 *	static void sum_of_one_and_one_is_two(void **state)
 *	{
 *		(void)state;
 *		assert_int_equal(1 + 1, 2);
 *	}
 *
 *	int main(void)
 *	{
 *		static const struct CMUnitTest tests[] = {
 *			TEST(sum_of_one_and_one_is_two),
 *		};
 *		return test_run(tests);
 *	}
 *
 * Around each test, test_run()
 *	- makes a private directory and names it in POSTERN_DIR; it is removed afterwards;
 *	- compares the open descriptors before and after: a difference fails the test, and is listed;
 *	- sets an alarm of TEST_SECONDS: a test that hangs ends the program.
 *
 * The results leave as TAP on standard output. cmocka's own TAP is not used: version 1.1.5 calls a
 * skipped test "not ok" and breaks messages of more than one line. What a test prints goes to
 * standard error, so that it cannot be taken for a result.
 *
 * TEST_ONLY=PATTERN (as in fnmatch) in the environment runs only the tests whose names match.
 * TEST_SCALE=N says that this run is N times slower (sanitizers, valgrind).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <cmocka.h>

#define TEST_SECONDS 120

#define TEST(name) cmocka_unit_test(name)
/* The fixtures run inside what is listed above: the directory is there, descriptors are counted. */
#define TEST_WITH(name, setup, finish) cmocka_unit_test_setup_teardown(name, setup, finish)

#define test_run(tests) test_run_group(tests, sizeof(tests) / sizeof((tests)[0]), NULL, NULL)

/* Runs the tests, with fixtures for the whole group or NULL; returns the exit status for main(). */
int test_run_group(const struct CMUnitTest *tests, size_t n, CMFixtureFunction setup,
		   CMFixtureFunction finish);

/* Programs written with cmocka's own calls get the same treatment. */
#undef cmocka_run_group_tests
#undef cmocka_run_group_tests_name
#define cmocka_run_group_tests(tests, setup, finish) \
	test_run_group(tests, sizeof(tests) / sizeof((tests)[0]), setup, finish)
#define cmocka_run_group_tests_name(name, tests, setup, finish) \
	cmocka_run_group_tests(tests, setup, finish)

/* Ends the running test as skipped, for the reason given. */
void test_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The same under an emulator (tools/emulate), which does not do what the test is about; elsewhere nothing. */
void test_skip_emulated(const char *why);
#undef skip
#define skip() test_skip("no reason given")

/* A figure that the test reached; it stays in the log as a TAP comment. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* r is 0 or progress. */
#define assert_ok(r) test_assert_ok((intmax_t)(r), #r, __FILE__, __LINE__)
/* r is this negative errno and no other: assert_errno(r, -EAGAIN). */
#define assert_errno(r, error) test_assert_errno((intmax_t)(r), (error), #r, __FILE__, __LINE__)
void test_assert_ok(intmax_t r, const char *expression, const char *file, int line);
void test_assert_errno(intmax_t r, int expected, const char *expression, const char *file, int line);

/*
 * Runs fn(arg) in a child and returns its wait status; the child exits with what fn returns. An
 * assertion that fails in the child prints its message and ends the child by SIGABRT.
 */
int test_fork(int (*fn)(void *arg), void *arg);
/* The same in two steps. What was started must be waited for. */
pid_t test_fork_start(int (*fn)(void *arg), void *arg);
int test_fork_wait(pid_t pid);

/* A sanitizer may keep a thread of its own: compare with the count at the start. */
int test_thread_count(void);
int test_fd_count(void);
int64_t test_now_ns(void);
void test_sleep_ms(int64_t ms);
/* How long to wait for what must come: no load of the machine takes that long, only a defect does. */
int64_t test_patience_ns(void);

/*
 * How long something took: by the clock, and without the time in which this thread was ready to run and had no
 * processor. Nothing may be early by the clock; how late it is on a busy machine is no fault of the library.
 */
struct test_time {
	int64_t all_ns, fair_ns;
};

struct test_time test_time(void);
struct test_time test_time_since(struct test_time begun);
/* It took at least this, and about this at most: five times as much and a second are allowed. It is printed. */
#define assert_took(begun, least_ns, most_ns) \
	test_assert_took(test_time_since(begun), (least_ns), 5 * (int64_t)(most_ns) + 1000000000, __FILE__, __LINE__)
/* It took less than this: for limits that tell two behaviours apart. */
#define assert_took_less(begun, limit_ns) \
	test_assert_took(test_time_since(begun), 0, (limit_ns), __FILE__, __LINE__)
void test_assert_took(struct test_time took, int64_t least_ns, int64_t most_ns, const char *file, int line);

/* The factor by which time limits of this run are to be widened; 1 in a plain run. */
int test_scale(void);

/* The private directory of the running test, and a path within it. The latter is valid until the
 * eighth call after. */
const char *test_dir(void);
const char *test_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
