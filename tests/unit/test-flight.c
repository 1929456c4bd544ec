/* SPDX-License-Identifier: Apache-2.0 */
/* test-flight.c - what a peer must have read of what was sent with descriptors: rows, then a kernel at random */
#include <string.h>

#include "base/base.h"
#include "core/flight.h"
#include "test.h"

enum { MESSAGES = 64, B = FLIGHT_BUFFER };

/* How many of the messages that begin at these places were read. */
static unsigned read_of(const uint64_t *at, unsigned n, uint64_t sent, uint64_t unread)
{
	struct flight flights[MESSAGES];
	struct list all, over;
	unsigned were = 0;

	list_init(&all);
	list_init(&over);
	for (unsigned i = 0; i < n; i++) {
		flights[i] = (struct flight){ .at = at[i], .n = 1 };
		list_append(&all, &flights[i].node);
	}
	flight_settle(&all, sent, unread, &over);
	/* In order, and the others are still there. */
	for (; !list_is_empty(&over); were++) {
		assert_ptr_equal(over.next, &flights[were].node);
		list_remove(over.next);
	}
	for (unsigned i = were; i < n; i++) {
		assert_ptr_equal(all.next, &flights[i].node);
		list_remove(all.next);
	}
	assert_true(list_is_empty(&all));
	return were;
}

static void V12_what_is_read_follows_from_the_memory_of_what_is_not(void **state)
{
	static const uint64_t at[] = { 0, 100, 200 };

	(void)state;
	assert_int_equal(read_of(at, 0, 300, 0), 0);
	assert_int_equal(read_of(at, 3, 300, 0), 3);
	/* The last one needs 100 bytes and a buffer; the last two 200 and two. */
	assert_int_equal(read_of(at, 3, 300, 100 + B - 1), 3);
	assert_int_equal(read_of(at, 3, 300, 100 + B), 2);
	assert_int_equal(read_of(at, 3, 300, 200 + 2 * B - 1), 2);
	assert_int_equal(read_of(at, 3, 300, 200 + 2 * B), 1);
	assert_int_equal(read_of(at, 3, 300, 300 + 3 * B - 1), 1);
	assert_int_equal(read_of(at, 3, 300, 300 + 3 * B), 0);
	assert_int_equal(read_of(at, 3, 300, UINT64_MAX), 0);
	/* Plain messages behind it count, too. */
	assert_int_equal(read_of(at, 3, 10000, 9900 + 2 * B - 1), 2);
}

/* A buffer of the kernel's, which is there until its last byte was read. */
struct buffer {
	uint64_t begin, end, truesize;
	bool passes;
};

static void one_stream(uint64_t seed)
{
	static struct buffer buffers[MESSAGES];
	uint64_t random = seed * 0x9e3779b97f4a7c15u + 1, sent = 0, taken = 0;
	struct flight flights[MESSAGES];
	unsigned n = 0, flying = 0, overhead = B + (unsigned)random_below(&random, 600);
	struct list all, over;

	list_init(&all);
	list_init(&over);
	while (n < MESSAGES) {
		uint64_t unread = 0;
		unsigned in_flight = 0;

		if (random_below(&random, 3)) {
			uint64_t size =
				1 + random_below(&random, random_below(&random, 8) ? 80 : 40000);
			bool passes = random_below(&random, 2);

			buffers[n] = (struct buffer){ sent, sent + size, size + overhead, passes };
			if (passes) {
				flights[n] = (struct flight){ .at = sent, .n = 1 };
				list_append(&all, &flights[n].node);
				flying++;
			}
			sent += size;
			n++;
		} else {
			taken += random_below(&random,
					      random_below(&random, 2) ? sent - taken + 1 : 100);
			taken = taken < sent ? taken : sent;
		}
		for (unsigned i = 0; i < n; i++) {
			if (buffers[i].end > taken)
				unread += buffers[i].truesize;
			/* They are received with the first byte. */
			in_flight += buffers[i].passes && buffers[i].begin >= taken;
		}
		flight_settle(&all, sent, unread, &over);
		while (!list_is_empty(&over)) {
			list_remove(over.next);
			flying--;
		}
		if (flying < in_flight || (unread == 0 && flying > 0))
			fail_msg("stream %llu: %u are in flight, and %u are taken for it",
				 (unsigned long long)seed, in_flight, flying);
	}
	while (!list_is_empty(&all))
		list_remove(all.next);
}

static void V12_what_is_in_flight_is_never_taken_for_read(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++)
		one_stream(seed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V12_what_is_read_follows_from_the_memory_of_what_is_not),
		TEST(V12_what_is_in_flight_is_never_taken_for_read),
	};
	return test_run(tests);
}
