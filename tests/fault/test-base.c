/* SPDX-License-Identifier: Apache-2.0 */
/* test-base.c - lists, queues, versioned structs, time, jitter, reasons */
#include "test.h"

#include <errno.h>
#include <string.h>

#include <postern.h>

#include "base/base.h"
#include "base/chunk.h"
#include "base/list.h"
#include "base/reason.h"
#include "base/words.h"
#include "fault.h"

/* ---- lists ---- */

struct item {
	struct list node;
	int n;
};

static int list_digits(const struct list *head)
{
	int digits = 0;

	for (const struct list *l = head->next; l != head; l = l->next)
		digits = 10 * digits + container_of(l, const struct item, node)->n;
	return digits;
}

static void list_keeps_order_and_removes_anywhere(void **state)
{
	struct item items[4];
	struct list head;

	(void)state;
	list_init(&head);
	assert_true(list_is_empty(&head));
	for (int i = 0; i < 4; i++) {
		items[i].n = i + 1;
		list_init(&items[i].node);
		assert_false(list_is_linked(&items[i].node));
		list_append(&head, &items[i].node);
	}
	assert_int_equal(list_digits(&head), 1234);
	list_remove(&items[1].node);
	assert_false(list_is_linked(&items[1].node));
	assert_int_equal(list_digits(&head), 134);
	list_remove(&items[1].node); /* which is on no list: harmless */
	list_remove(&items[3].node);
	list_remove(&items[0].node);
	assert_int_equal(list_digits(&head), 3);
	list_remove(&items[2].node);
	assert_true(list_is_empty(&head));
}

static void list_splice_moves_all_to_the_end(void **state)
{
	struct item items[4];
	struct list a, b;

	(void)state;
	list_init(&a);
	list_init(&b);
	for (int i = 0; i < 4; i++) {
		items[i].n = i + 1;
		list_append(i < 2 ? &a : &b, &items[i].node);
	}
	list_splice(&a, &b);
	assert_int_equal(list_digits(&a), 1234);
	assert_true(list_is_empty(&b));
	list_splice(&a, &b);
	assert_int_equal(list_digits(&a), 1234);
	list_splice(&b, &a);
	assert_int_equal(list_digits(&b), 1234);
	assert_true(list_is_empty(&a));
}

/* ---- chunks ---- */

static unsigned char byte_at(uint64_t at)
{
	return (unsigned char)(at * 131 + (at >> 8) * 7);
}

/* Bytes come out as they went in, whatever the sizes; counted by position in the stream. */
static void chunk_queue_is_a_pipe_for_any_sizes(void **state)
{
	static unsigned char bytes[3 * CHUNK_SIZE];
	struct chunk_pool pool = { 0 };
	struct chunk_queue q = { 0 };
	uint64_t in = 0, out = 0, random = 12345;
	int64_t memory = fault_memory();

	(void)state;
	for (int round = 0; round < 3000; round++) {
		size_t n = (size_t)random_below(&random, round % 3 ? 200 : sizeof bytes);
		struct iovec iov[8];
		int n_iov;

		for (size_t i = 0; i < n; i++)
			bytes[i] = byte_at(in + i);
		assert_int_equal(chunk_queue_append(&q, &pool, bytes, n), n);
		in += n;
		assert_int_equal(q.bytes, in - out);
		n_iov = chunk_queue_peek(&q, iov, 8);
		for (int i = 0; i < n_iov; i++) {
			size_t take = (size_t)random_below(&random, iov[i].iov_len + 1);

			for (size_t k = 0; k < take; k++)
				if (((unsigned char *)iov[i].iov_base)[k] != byte_at(out + k))
					fail_msg("byte %llu is wrong",
						 (unsigned long long)(out + k));
			chunk_queue_consume(&q, &pool, take);
			out += take;
			if (take < iov[i].iov_len)
				break;
		}
		if (q.bytes > 8 * CHUNK_SIZE) {
			out += q.bytes;
			chunk_queue_clear(&q, &pool);
		}
	}
	chunk_queue_clear(&q, &pool);
	assert_int_equal(q.bytes, 0);
	assert_null(q.head);
	assert_null(q.tail);
	assert_in_range(pool.n, 1, CHUNK_POOL);
	chunk_pool_deinit(&pool);
	assert_int_equal(fault_memory(), memory);
}

static void chunk_queue_in_steady_state_does_not_allocate(void **state)
{
	struct chunk_pool pool = { 0 };
	struct chunk_queue q = { 0 };
	char bytes[64] = { 0 };

	(void)state;
	chunk_queue_append(&q, &pool, bytes, sizeof bytes);
	chunk_queue_consume(&q, &pool, sizeof bytes);
	fault_count_reset();
	for (int i = 0; i < 10000; i++) {
		chunk_queue_append(&q, &pool, bytes, sizeof bytes);
		chunk_queue_consume(&q, &pool, sizeof bytes);
	}
	assert_int_equal(fault_count(FAULT_alloc), 0);
	assert_int_equal(fault_count(FAULT_free), 0);
	chunk_pool_deinit(&pool);
}

static void chunk_queue_takes_what_memory_allows(void **state)
{
	static const char bytes[4 * CHUNK_SIZE];
	struct chunk_pool pool = { 0 };
	struct chunk_queue q = { 0 };
	struct iovec iov[4];
	volatile size_t all = sizeof bytes; /* so that the compiler makes no guess at what fits */
	size_t n;

	(void)state;
	fault_arm(&(struct fault){ .call = FAULT_alloc, .nth = 3, .error = ENOMEM, .stays = true });
	n = chunk_queue_append(&q, &pool, bytes, all);
	fault_disarm();
	assert_int_equal(n, 2 * sizeof(((struct chunk *)0)->bytes));
	assert_int_equal(q.bytes, n);
	assert_int_equal(chunk_queue_peek(&q, iov, 4), 2);
	chunk_queue_clear(&q, &pool);
	chunk_pool_deinit(&pool);
}

static void chunk_pool_is_bounded(void **state)
{
	static const char bytes[17 * 1024 * 1024];
	struct chunk_pool pool = { 0 };
	struct chunk_queue q = { 0 };

	(void)state;
	assert_int_equal(chunk_queue_append(&q, &pool, bytes, sizeof bytes), sizeof bytes);
	chunk_queue_clear(&q, &pool);
	assert_int_equal(pool.n, CHUNK_POOL_MAX);
	chunk_pool_deinit(&pool);
	assert_int_equal(pool.n, 0);
}

/* One chunk each of many connections, as a publication takes, and in between what one connection sends. */
static void chunk_pool_use(struct chunk_pool *pool, unsigned at_once)
{
	static struct chunk_queue queues[CHUNK_POOL_MAX];

	assert_in_range(at_once, 1, CHUNK_POOL_MAX);
	for (unsigned i = 0; i < at_once; i++)
		assert_int_equal(chunk_queue_append(&queues[i], pool, "x", 1), 1);
	for (unsigned i = 0; i < at_once; i++)
		chunk_queue_consume(&queues[i], pool, 1);
}

static void chunk_pool_keeps_what_was_in_use_lately(void **state)
{
	struct chunk_pool pool = { 0 };
	int64_t memory;

	(void)state;
	chunk_pool_use(&pool, 1000);
	memory = fault_memory();
	for (int i = 0; i < 100; i++) {
		chunk_pool_use(&pool, 1);
		chunk_pool_use(&pool, 1000);
		assert_int_equal(pool.n, 1000);
	}
	assert_int_equal(fault_memory(), memory);
	for (int i = 0; i < 2 * CHUNK_WINDOW; i++)
		chunk_pool_use(&pool, 1);
	for (int i = 0; i < 1000; i++)
		chunk_pool_use(&pool, 1);
	assert_int_equal(pool.n, CHUNK_POOL);
	assert_int_equal(pool.used, 0);
	chunk_pool_deinit(&pool);
}

/* ---- versioned structs ---- */

struct ours {
	size_t size;
	uint32_t a, b;
	uint64_t c;
};

static void struct_import_of_null_gives_the_defaults(void **state)
{
	struct ours to = { 1, 2, 3, 4 };

	(void)state;
	assert_ok(struct_import("things", &to, sizeof to, NULL));
	assert_int_equal(to.a | to.b | to.c | to.size, 0);
}

static void struct_import_of_an_older_struct_fills_up_with_zeroes(void **state)
{
	struct {
		size_t size;
		uint32_t a, b;
	} older = { sizeof older, 7, 8 };
	struct ours to = { 1, 1, 1, 1 };

	(void)state;
	assert_ok(struct_import("things", &to, sizeof to, &older));
	assert_int_equal(to.a, 7);
	assert_int_equal(to.b, 8);
	assert_int_equal(to.c, 0);
}

static void struct_import_of_a_newer_struct_wants_its_rest_to_be_zero(void **state)
{
	struct {
		struct ours ours;
		char rest[3 * sizeof(void *)];
	} newer = { .ours = { sizeof newer, 7, 8, 9 } };
	struct ours to;

	(void)state;
	assert_ok(struct_import("things", &to, sizeof to, &newer));
	assert_int_equal(to.c, 9);
	for (size_t i = 0; i < sizeof newer.rest; i++) {
		newer.rest[i] = 1;
		assert_errno(struct_import("things", &to, sizeof to, &newer), -E2BIG);
		newer.rest[i] = 0;
	}
}

static void struct_import_refuses_absurd_sizes(void **state)
{
	struct ours from = { 0, 1, 1, 1 }, to;

	(void)state;
	for (size_t size = 0; size < sizeof(size_t); size++) {
		from.size = size;
		assert_errno(struct_import("things", &to, sizeof to, &from), -EINVAL);
	}
	from.size = 4097;
	assert_errno(struct_import("things", &to, sizeof to, &from), -EINVAL);
	from.size = SIZE_MAX;
	assert_errno(struct_import("things", &to, sizeof to, &from), -EINVAL);
}

/* ---- time and jitter ---- */

static void time_after_saturates_at_forever(void **state)
{
	(void)state;
	assert_int_equal(time_after(1, 2), 3);
	assert_int_equal(time_after(5, -3), 2);
	assert_true(time_after(1, POSTERN_FOREVER) == POSTERN_FOREVER);
	assert_true(time_after(POSTERN_FOREVER, POSTERN_FOREVER) == POSTERN_FOREVER);
	assert_true(time_after(POSTERN_FOREVER - 1, 1) == POSTERN_FOREVER);
	assert_true(time_after(POSTERN_FOREVER, 0) == POSTERN_FOREVER);
}

static void random_below_stays_below_and_is_even(void **state)
{
	uint64_t random = random_seed(), buckets[16] = { 0 };

	(void)state;
	assert_int_not_equal(random, 0);
	assert_int_equal(random_below(&random, 0), 0);
	assert_int_equal(random_below(&random, 1), 0);
	random = 1;
	for (int i = 0; i < 160000; i++) {
		uint64_t r = random_below(&random, 16);

		assert_true(r < 16);
		buckets[r]++;
	}
	for (int i = 0; i < 16; i++)
		assert_in_range(buckets[i], 9500, 10500);
	for (int i = 0; i < 1000; i++)
		assert_true(random_below(&random, (uint64_t)INT64_MAX) < (uint64_t)INT64_MAX);
}

static void random_seeds_differ(void **state)
{
	uint64_t a = random_seed(), b = random_seed();

	(void)state;
	assert_true(a != b);
	assert_true(a & b & 1); /* the generator's state must not be 0 */
}

/* ---- reasons ---- */

static void each_reason_has_a_text_of_its_own(void **state)
{
	const char *unknown = postern_reason_text(0);

	(void)state;
	for (int code = POSTERN_REASON_ENDED; code <= POSTERN_REASON_FAILED; code++) {
		const char *text = postern_reason_text(code);

		assert_non_null(text);
		assert_true(strlen(text) > 3);
		assert_string_not_equal(text, unknown);
		for (int other = POSTERN_REASON_ENDED; other < code; other++)
			assert_string_not_equal(text, postern_reason_text(other));
	}
	assert_string_equal(postern_reason_text(POSTERN_REASON_FAILED + 1), unknown);
	assert_string_equal(postern_reason_text(-1), unknown);
	assert_string_equal(postern_reason_text(INT32_MAX), unknown);
	assert_string_equal(postern_reason_text(INT32_MIN), unknown);
}

/* All that a local socket's life can meet, after man 2 socket, bind, connect, accept, flock, openat. */
static void each_errno_of_a_socket_has_a_text(void **state)
{
	static const int errors[] = {
		EACCES,     EADDRINUSE, EAGAIN, EBADF,    ECONNREFUSED, ECONNRESET,   EINVAL,
		EIO,        EISDIR,     ELOOP,  EMFILE,   ENFILE,       ENAMETOOLONG, ENOBUFS,
		ENOENT,     ENOMEM,     ENOSPC, ENOTCONN, ENOTDIR,      EPERM,        ENOTSOCK,
		EPROTOTYPE, EPIPE,      EROFS,  ESTALE,   ETIMEDOUT,
	};

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		assert_string_not_equal(why_errno(-errors[i]), why_errno(-4000));
	assert_string_not_equal(why_errno(0), why_errno(-4000));
	assert_true(strlen(why_errno(-4000)) > 3);
}

static void errnos_suggest_their_reason(void **state)
{
	(void)state;
	assert_int_equal(why_code(-EACCES), POSTERN_REASON_NOT_ALLOWED);
	assert_int_equal(why_code(-EPERM), POSTERN_REASON_NOT_ALLOWED);
	assert_int_equal(why_code(-ENOTSOCK), POSTERN_REASON_WRONG_TYPE);
	assert_int_equal(why_code(-EPROTOTYPE), POSTERN_REASON_WRONG_TYPE);
	assert_int_equal(why_code(-EADDRINUSE), POSTERN_REASON_NAME_IN_USE);
	assert_int_equal(why_code(-EMFILE), POSTERN_REASON_NO_RESOURCES);
	assert_int_equal(why_code(-ENOBUFS), POSTERN_REASON_NO_RESOURCES);
	assert_int_equal(why_code(-ECONNRESET), POSTERN_REASON_RESET);
	assert_int_equal(why_code(-ETIMEDOUT), POSTERN_REASON_TIMEOUT);
	assert_int_equal(why_code(-EIO), POSTERN_REASON_FAILED);
}

static void a_why_is_one_line_and_bounded(void **state)
{
	char text[2 * sizeof(((struct why *)0)->text)];
	struct why why;

	(void)state;
	assert_errno(why_set(&why, POSTERN_REASON_FAILED, -EIO, "a\nb\x1b[1m %s\x7f", "c"), -EIO);
	assert_string_equal(why.reason.text, "a\\x0ab\\x1b[1m c\\x7f");
	assert_int_equal(why.reason.code, POSTERN_REASON_FAILED);
	assert_int_equal(why.reason.error, -EIO);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	assert_errno(why_set(&why, POSTERN_REASON_FAILED, -EIO, "%s", text), -EIO);
	assert_int_equal(strlen(why.text), sizeof why.text - 1);
	assert_errno(why_set(NULL, POSTERN_REASON_FAILED, -EIO, "nobody asks"), -EIO);
}

static void what_a_terminal_obeys_or_hides_is_written_out_and_letters_stay(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "clock /run/x-1.sock", "clock /run/x-1.sock" },
		{ "\x1b[2J\t\x7f", "\\x1b[2J\\x09\\x7f" },
		{ "\xc2\x9b\x9b", "\\u{9b}\\x9b" },
		{ "a\u202eb\u200b\u2066\ufeff\u061c",
		  "a\\u{202e}b\\u{200b}\\u{2066}\\u{feff}\\u{61c}" },
		{ "\U000e0041", "\\u{e0041}" },
		{ "h\u00e9 \u65e5\u672c \u05d0 \U0001f600",
		  "h\u00e9 \u65e5\u672c \u05d0 \U0001f600" },
		/* Overlong, a surrogate, beyond the end, cut short. */
		{ "\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82",
		  "\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xe2\\x82" },
	};
	char shown[128], again[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(words_safe(shown, sizeof(shown), rows[i].text),
				 strlen(rows[i].text));
		assert_string_equal(shown, rows[i].shown);
		assert_int_equal(words_are_safe(rows[i].text),
				 !strcmp(rows[i].text, rows[i].shown));
		words_safe(again, sizeof(again), shown);
		assert_string_equal(again, shown);
	}
	/* Never a part of an escape or of a character. */
	assert_int_equal(words_safe(shown, 6, "ab\x1b"), 2);
	assert_string_equal(shown, "ab");
	assert_int_equal(words_safe(shown, 4, "ab\u00e9"), 2);
	assert_string_equal(shown, "ab");
}

static void a_long_name_has_its_beginning_its_end_and_its_length(void **state)
{
	char name[4001];
	struct words_name shown;

	(void)state;
	for (size_t n = 1; n < sizeof(name); n++) {
		for (size_t i = 0; i < n; i++)
			name[i] = "\xe6\x97\xa5"[(i + n) % 3];
		name[n] = 0;
		shown = words_name(name);
		assert_true(strlen(shown.text) < sizeof(shown.text));
		assert_true(words_are_safe(shown.text));
		memset(name, n % 2 ? '\x1b' : 'x', n);
		shown = words_name(name);
		assert_true(strlen(shown.text) < sizeof(shown.text));
	}
	memcpy(name, "/beginning", 10);
	memcpy(name + 3996, "/end", 4);
	shown = words_name(name);
	assert_non_null(strstr(shown.text, "..."));
	assert_int_equal(strncmp(shown.text, "/beginning", 10), 0);
	assert_non_null(strstr(shown.text, "/end (4000 bytes)"));
}

static void the_version_is_that_of_the_header(void **state)
{
	(void)state;
	assert_string_equal(postern_version(), POSTERN_VERSION);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(list_keeps_order_and_removes_anywhere),
		TEST(list_splice_moves_all_to_the_end),
		TEST(chunk_queue_is_a_pipe_for_any_sizes),
		TEST(chunk_queue_in_steady_state_does_not_allocate),
		TEST(chunk_queue_takes_what_memory_allows),
		TEST(chunk_pool_is_bounded),
		TEST(chunk_pool_keeps_what_was_in_use_lately),
		TEST(struct_import_of_null_gives_the_defaults),
		TEST(struct_import_of_an_older_struct_fills_up_with_zeroes),
		TEST(struct_import_of_a_newer_struct_wants_its_rest_to_be_zero),
		TEST(struct_import_refuses_absurd_sizes),
		TEST(time_after_saturates_at_forever),
		TEST(random_below_stays_below_and_is_even),
		TEST(random_seeds_differ),
		TEST(each_reason_has_a_text_of_its_own),
		TEST(each_errno_of_a_socket_has_a_text),
		TEST(errnos_suggest_their_reason),
		TEST(a_why_is_one_line_and_bounded),
		TEST(what_a_terminal_obeys_or_hides_is_written_out_and_letters_stay),
		TEST(a_long_name_has_its_beginning_its_end_and_its_length),
		TEST(the_version_is_that_of_the_header),
	};

	fault_reset();
	return test_run(tests);
}
