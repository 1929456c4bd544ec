/* SPDX-License-Identifier: Apache-2.0 */
/* What a topic's subscribers get, step by step: core/topic.h without a socket. What comes of it in any order: tests/law/. */
#include "test.h"

#include <string.h>

#include "core/topic.h"

enum { ITEMS = 16, LONG = 10 };

struct world {
	struct topic t;
	struct topic_item items[ITEMS];
	unsigned n, dead;
};

static void begin(struct world *w, uint32_t policy, uint32_t messages, uint32_t bytes)
{
	*w = (struct world){ .t.limits = { policy, messages, bytes, false } };
}

static void publish(struct world *w)
{
	assert_true(w->n < ITEMS);
	topic_publish(&w->t, &w->items[w->n++], LONG, false);
}

/* How many have died by now. */
static unsigned dead(struct world *w)
{
	while (topic_dead(&w->t))
		w->dead++;
	return w->dead;
}

/* The number of what comes next for r; 0: nothing. */
static unsigned next(struct world *w, struct topic_reader *r)
{
	const struct topic_item *item = topic_next(&w->t, r);

	return item ? (unsigned)item->number : 0;
}

static void V18_a_reader_begins_with_the_state_and_gets_each_publication(void **state)
{
	for (uint32_t policy = TOPIC_LATEST; policy <= TOPIC_QUEUE; policy++) {
		struct topic_reader r;
		struct world w;

		(void)state;
		begin(&w, policy, 4, 1000);
		topic_join(&w.t, &r);
		assert_int_equal(next(&w, &r), 0);
		publish(&w);
		assert_int_equal(topic_wake(&w.t, &r), TOPIC_SENDS);
		for (unsigned i = 1; i < 5; i++) {
			struct topic_reader late;

			assert_int_equal(next(&w, &r), i);
			assert_false(topic_took(&w.t, &r, LONG));
			assert_int_equal(next(&w, &r), 0);
			topic_join(&w.t, &late);
			assert_int_equal(next(&w, &late), i);
			assert_int_equal(topic_leave(&w.t, &late), 1);
			publish(&w);
			assert_int_equal(topic_wake(&w.t, &r), TOPIC_SENDS);
			assert_int_equal(dead(&w), i);
		}
		assert_int_equal(topic_leave(&w.t, &r), 1);
		assert_int_equal(w.t.skipped, 0);
		topic_deinit(&w.t);
		assert_int_equal(dead(&w), w.n);
	}
}

static void V18_latest_finishes_what_has_begun_and_goes_on_to_the_last_state(void **state)
{
	struct topic_reader r;
	struct world w;

	(void)state;
	begin(&w, TOPIC_LATEST, 0, 0);
	publish(&w);
	topic_join(&w.t, &r);
	assert_int_equal(next(&w, &r), 1);
	assert_false(topic_took(&w.t, &r, 3));
	for (int i = 0; i < 3; i++) {
		publish(&w);
		assert_int_equal(topic_wake(&w.t, &r), TOPIC_WAITS);
		assert_int_equal(next(&w, &r), 1);
		assert_int_equal(r.at, 3);
	}
	/* 2 and 3: nobody has begun with them. */
	assert_int_equal(dead(&w), 2);
	assert_false(topic_took(&w.t, &r, LONG - 3));
	assert_int_equal(dead(&w), 3);
	assert_int_equal(next(&w, &r), 4);
	publish(&w);
	assert_int_equal(topic_wake(&w.t, &r), TOPIC_WAITS);
	assert_int_equal(next(&w, &r), 5);
	assert_false(topic_took(&w.t, &r, LONG));
	assert_int_equal(next(&w, &r), 0);
	assert_int_equal(w.t.skipped, 3);
	topic_leave(&w.t, &r);
	topic_deinit(&w.t);
	assert_int_equal(dead(&w), 5);
}

static void V18_a_queue_overflows_by_messages_and_by_bytes_and_counts_what_is_dropped(void **state)
{
	static const struct {
		uint32_t messages, bytes;
	} rows[] = { { 3, 1000 }, { 1000, 3 * LONG } };

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (uint32_t at = 0; at < 2; at++) {
			struct topic_reader r;
			struct world w;

			begin(&w, TOPIC_QUEUE, rows[i].messages, rows[i].bytes);
			publish(&w);
			topic_join(&w.t, &r);
			assert_int_equal(next(&w, &r), 1);
			assert_false(topic_took(&w.t, &r, at));
			/* What has begun waits no more. */
			for (uint32_t k = 0; k < 2 + at; k++) {
				publish(&w);
				assert_int_equal(topic_wake(&w.t, &r), TOPIC_WAITS);
				assert_int_equal(next(&w, &r), 1);
			}
			publish(&w);
			assert_int_equal(topic_wake(&w.t, &r), TOPIC_OVERFLOWS);
			assert_int_equal(dead(&w), 0);
			assert_int_equal(topic_leave(&w.t, &r), 4);
			assert_int_equal(dead(&w), w.n - 1);
			topic_deinit(&w.t);
		}
}

static void V18_a_queue_gives_all_in_their_order_and_frees_what_the_last_has_got(void **state)
{
	struct topic_reader a, b;
	struct world w;

	(void)state;
	begin(&w, TOPIC_QUEUE, 100, 1000);
	publish(&w);
	topic_join(&w.t, &a);
	topic_join(&w.t, &b);
	for (int i = 0; i < 3; i++) {
		publish(&w);
		assert_int_equal(topic_wake(&w.t, &a), TOPIC_WAITS);
		assert_int_equal(topic_wake(&w.t, &b), TOPIC_WAITS);
	}
	for (unsigned i = 1; i <= 4; i++) {
		assert_int_equal(next(&w, &a), i);
		assert_false(topic_took(&w.t, &a, LONG));
	}
	assert_int_equal(dead(&w), 0);
	for (unsigned i = 1; i <= 4; i++) {
		assert_int_equal(next(&w, &b), i);
		assert_false(topic_took(&w.t, &b, 4));
		assert_int_equal(dead(&w), i - 1);
		assert_false(topic_took(&w.t, &b, 6));
	}
	assert_int_equal(w.t.skipped, 0);
	assert_int_equal(topic_leave(&w.t, &a), 0);
	assert_int_equal(topic_leave(&w.t, &b), 0);
	topic_deinit(&w.t);
	assert_int_equal(dead(&w), 4);
}

static void V18_the_last_value_of_all_is_beyond_the_limits_and_ends_a_reader(void **state)
{
	for (uint32_t policy = TOPIC_LATEST; policy <= TOPIC_QUEUE; policy++) {
		struct topic_reader r, late;
		struct world w;

		(void)state;
		begin(&w, policy, 1, 1);
		topic_join(&w.t, &r);
		publish(&w);
		assert_int_equal(topic_wake(&w.t, &r), TOPIC_SENDS);
		assert_int_equal(next(&w, &r), 1);
		assert_false(topic_took(&w.t, &r, 1));
		topic_publish(&w.t, &w.items[w.n++], LONG, true);
		assert_int_equal(topic_wake(&w.t, &r), TOPIC_WAITS);
		assert_false(topic_took(&w.t, &r, LONG - 1));
		assert_int_equal(next(&w, &r), 2);
		assert_false(topic_took(&w.t, &r, 0));
		assert_true(topic_took(&w.t, &r, LONG));
		assert_int_equal(topic_leave(&w.t, &r), 0);
		topic_join(&w.t, &late);
		assert_int_equal(next(&w, &late), 2);
		assert_true(topic_took(&w.t, &late, LONG));
		topic_deinit(&w.t);
		assert_int_equal(dead(&w), 2);
	}
}

static void V18_events_are_no_state_but_the_last_value_is(void **state)
{
	struct topic_reader r;
	struct world w;

	(void)state;
	begin(&w, TOPIC_QUEUE, 9, 900);
	w.t.limits.stateless = true;
	publish(&w);
	topic_join(&w.t, &r);
	assert_int_equal(next(&w, &r), 0);
	publish(&w);
	assert_int_equal(topic_wake(&w.t, &r), TOPIC_SENDS);
	assert_int_equal(next(&w, &r), 2);
	assert_false(topic_took(&w.t, &r, LONG));
	assert_int_equal(topic_leave(&w.t, &r), 0);
	topic_publish(&w.t, &w.items[w.n++], LONG, true);
	topic_join(&w.t, &r);
	assert_int_equal(next(&w, &r), 3);
	assert_true(topic_took(&w.t, &r, LONG));
	assert_int_equal(w.t.skipped, 0);
	topic_deinit(&w.t);
	assert_int_equal(dead(&w), 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V18_a_reader_begins_with_the_state_and_gets_each_publication),
		TEST(V18_latest_finishes_what_has_begun_and_goes_on_to_the_last_state),
		TEST(V18_a_queue_overflows_by_messages_and_by_bytes_and_counts_what_is_dropped),
		TEST(V18_a_queue_gives_all_in_their_order_and_frees_what_the_last_has_got),
		TEST(V18_the_last_value_of_all_is_beyond_the_limits_and_ends_a_reader),
		TEST(V18_events_are_no_state_but_the_last_value_is),
	};
	return test_run(tests);
}
