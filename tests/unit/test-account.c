/* SPDX-License-Identifier: Apache-2.0 */
/* test-account.c - what a uid may hold: the shared part, the reserve, and the line */
#include "account.h"

#include <string.h>

#include "test.h"

enum { MAX = 1000, RESERVE = 300, SHARED = MAX - RESERVE };

static struct list *woken;
static unsigned wakes;

static void on_wake(struct list *place)
{
	woken = place;
	wakes++;
}

struct world {
	struct account_owner owner;
	struct account *a;
	struct list places[4];
};

static void world_open(struct world *w)
{
	memset(w, 0, sizeof(*w));
	account_owner_init(&w->owner);
	w->owner.limits[ACCOUNT_BYTES].each = MAX;
	w->owner.reserve = RESERVE;
	w->owner.wake = on_wake;
	for (int i = 0; i < 4; i++)
		list_init(&w->places[i]);
	w->a = account_get(&w->owner, 1);
	assert_non_null(w->a);
	woken = NULL;
	wakes = 0;
}

static void world_close(struct world *w)
{
	assert_int_equal(w->a->charged[ACCOUNT_BYTES], 0);
	account_put(w->a);
	assert_true(list_is_empty(&w->owner.accounts));
	account_owner_deinit(&w->owner);
}

static void a_uid_has_one_account_and_it_goes_with_the_last_connection(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	assert_ptr_equal(account_get(&w.owner, 1), w.a);
	assert_int_equal(account_connections(&w.owner, 1), 2);
	assert_int_equal(account_connections(&w.owner, 2), 0);
	account_put(w.a);
	assert_int_equal(account_connections(&w.owner, 1), 1);
	world_close(&w);
}

static void what_is_shared_is_what_the_reserve_leaves(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	assert_int_equal(account_free(w.a), SHARED);
	assert_true(account_ask(w.a, &w.places[0], SHARED));
	assert_null(w.a->holder);
	assert_int_equal(account_free(w.a), 0);
	account_give(w.a, &w.places[0], SHARED);
	assert_int_equal(account_free(w.a), SHARED);
	assert_int_equal(wakes, 0);
	world_close(&w);
}

static void the_reserve_is_lent_to_one_and_does_not_lessen_what_is_shared(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	account_take(w.a, SHARED - 50);
	assert_true(account_ask(w.a, &w.places[0], 200));
	assert_ptr_equal(w.a->holder, &w.places[0]);
	/* Others still share what was left. */
	assert_int_equal(account_free(w.a), 50);
	assert_true(account_ask(w.a, &w.places[1], 50));
	assert_false(account_ask(w.a, &w.places[2], 1));
	/* The holder may go on. */
	assert_true(account_ask(w.a, &w.places[0], 100));
	assert_int_equal(w.a->charged[ACCOUNT_BYTES], MAX);
	account_return(w.a, &w.places[1]); /* not its own */
	assert_ptr_equal(w.a->holder, &w.places[0]);
	assert_int_equal(wakes, 0);
	account_give(w.a, &w.places[0], 300);
	assert_ptr_equal(woken, &w.places[2]);
	account_return(w.a, &w.places[0]);
	assert_true(account_ask(w.a, &w.places[2], 1));
	account_leave(w.a, &w.places[2]);
	account_return(w.a, &w.places[2]);
	account_give(w.a, &w.places[2], 1);
	account_give(w.a, NULL, SHARED);
	world_close(&w);
}

static void the_line_is_first_come_first_served(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	account_take(w.a, SHARED);
	assert_true(account_ask(w.a, &w.places[0], RESERVE));
	assert_false(account_ask(w.a, &w.places[1], 100));
	assert_false(account_ask(w.a, &w.places[2], 10));
	/* Room for the second is no room past the first. */
	account_give(w.a, NULL, 50);
	assert_ptr_equal(woken, &w.places[1]);
	assert_false(account_would(w.a, &w.places[2], 10));
	assert_false(account_would(w.a, &w.places[3], 1));
	assert_false(account_would(w.a, &w.places[1], 100));
	assert_false(account_ask(w.a, &w.places[1], 100));
	account_give(w.a, NULL, 50);
	assert_true(account_ask(w.a, &w.places[1], 100));
	/* Who is served and leaves wakes the next. */
	account_leave(w.a, &w.places[1]);
	assert_ptr_equal(woken, &w.places[2]);
	assert_true(account_is_short(w.a));
	account_leave(w.a, &w.places[2]);
	assert_false(account_is_short(w.a));
	account_return(w.a, &w.places[0]);
	account_give(w.a, &w.places[0], MAX);
	world_close(&w);
}

static void who_is_served_stands_in_line_until_it_leaves(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	account_take(w.a, SHARED);
	assert_true(account_ask(w.a, &w.places[0], RESERVE));
	/* It waits for two things: the smaller one is to be had first. */
	assert_false(account_ask(w.a, &w.places[1], 100));
	assert_false(account_ask(w.a, &w.places[2], 20));
	account_give(w.a, NULL, 20);
	assert_true(account_ask(w.a, &w.places[1], 10));
	assert_false(account_would(w.a, &w.places[2], 10));
	account_give(w.a, NULL, 90);
	assert_ptr_equal(woken, &w.places[1]);
	assert_true(account_ask(w.a, &w.places[1], 100));
	assert_false(account_would(w.a, &w.places[2], 0));
	account_leave(w.a, &w.places[1]);
	assert_ptr_equal(woken, &w.places[2]);
	account_leave(w.a, &w.places[2]);
	account_return(w.a, &w.places[0]);
	account_give(w.a, NULL, w.a->charged[ACCOUNT_BYTES]);
	world_close(&w);
}

static void a_holder_that_gives_back_does_not_make_room_out_of_nothing(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	account_take(w.a, SHARED);
	assert_true(account_ask(w.a, &w.places[0], 200));
	account_give(w.a, &w.places[0], 150);
	assert_int_equal(account_free(w.a), 0);
	account_give(w.a, &w.places[0], 50);
	assert_int_equal(account_free(w.a), 0);
	account_return(w.a, &w.places[0]);
	assert_int_equal(account_free(w.a), 0);
	account_give(w.a, NULL, SHARED);
	assert_int_equal(account_free(w.a), SHARED);
	world_close(&w);
}

static void what_a_returned_reserve_still_holds_is_everybodys(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	account_take(w.a, SHARED);
	assert_true(account_ask(w.a, &w.places[0], 200));
	account_give(w.a, NULL, 300);
	account_return(w.a, &w.places[0]);
	assert_int_equal(account_free(w.a), 100);
	account_give(w.a, &w.places[0], 200);
	account_give(w.a, NULL, SHARED - 300);
	world_close(&w);
}

static void charges_outlive_the_connection_and_the_owner(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	account_take(w.a, 10);
	account_put(w.a);
	assert_int_equal(account_owner_sum(&w.owner, ACCOUNT_BYTES), 10);
	account_owner_deinit(&w.owner);
	assert_true(list_is_empty(&w.owner.accounts));
	/* Nothing more is to be had, and the last charge is the end; ASan and valgrind see to that. */
	assert_int_equal(account_free(w.a), 0);
	assert_int_equal(account_most(w.a), 0);
	account_give(w.a, NULL, 10);
}

/* Of a kind that nothing waits for. */
static unsigned looks;
static struct account *unread_of;

/* As of one that finds that its peer has read 3. */
static void on_look(struct list *place, bool owner_gone)
{
	looks++;
	list_remove(place);
	account_release(unread_of, ACCOUNT_FDS, owner_gone ? unread_of->charged[ACCOUNT_FDS] : 3);
}

static uint32_t turn_number = 7;

static uint32_t on_now(struct account_owner *owner)
{
	(void)owner;
	return turn_number;
}

static void a_kind_is_charged_within_the_limits_of_each_and_of_all(void **state)
{
	struct account *b;
	struct world w;

	(void)state;
	world_open(&w);
	w.owner.limits[ACCOUNT_FDS] = (struct account_limit){ .each = 10, .all = 15 };
	b = account_get(&w.owner, 2);
	assert_non_null(b);
	assert_true(account_charge(w.a, ACCOUNT_FDS, 10));
	assert_false(account_charge(w.a, ACCOUNT_FDS, 1));
	assert_true(account_charge(w.a, ACCOUNT_FDS, 0));
	assert_false(account_charge(b, ACCOUNT_FDS, 6));
	assert_false(account_charge(b, ACCOUNT_FDS, SIZE_MAX));
	assert_true(account_charge(b, ACCOUNT_FDS, 5));
	assert_false(account_has_room(b, ACCOUNT_FDS, 1));
	assert_int_equal(w.owner.limits[ACCOUNT_FDS].refused, (uint64_t)7 + SIZE_MAX);
	assert_int_equal(account_owner_sum(&w.owner, ACCOUNT_FDS), 15);
	/* Bytes are another kind. */
	assert_int_equal(account_owner_sum(&w.owner, ACCOUNT_BYTES), 0);
	assert_int_equal(account_free(w.a), SHARED);
	account_release(w.a, ACCOUNT_FDS, 10);
	assert_true(account_charge(b, ACCOUNT_FDS, 5));
	/* The charge outlives the connection. */
	account_put(b);
	assert_int_equal(account_owner_sum(&w.owner, ACCOUNT_FDS), 10);
	account_release(b, ACCOUNT_FDS, 10);
	assert_int_equal(account_owner_sum(&w.owner, ACCOUNT_FDS), 0);
	world_close(&w);
}

static void what_may_be_over_is_looked_at_before_a_refusal_and_once_a_turn(void **state)
{
	struct list place;
	struct world w;

	(void)state;
	world_open(&w);
	looks = 0;
	unread_of = w.a;
	w.owner.limits[ACCOUNT_FDS].each = 10;
	w.owner.look = on_look;
	w.owner.now = on_now;
	list_init(&place);
	list_append(&w.a->in_flight, &place);
	assert_true(account_charge(w.a, ACCOUNT_FDS, 10));
	assert_int_equal(looks, 0);
	assert_true(account_charge(w.a, ACCOUNT_FDS, 2));
	assert_int_equal(looks, 1);
	assert_int_equal(w.a->charged[ACCOUNT_FDS], 9);
	list_append(&w.a->in_flight, &place);
	assert_false(account_charge(w.a, ACCOUNT_FDS, 2));
	assert_int_equal(looks, 1);
	turn_number++;
	assert_true(account_charge(w.a, ACCOUNT_FDS, 2));
	assert_int_equal(looks, 2);
	/* Without an owner there is no limit to keep. */
	list_append(&w.a->in_flight, &place);
	account_put(w.a);
	account_owner_deinit(&w.owner);
	assert_int_equal(looks, 3);
}

/* Random crowds: whoever holds something finishes sooner or later, so everybody does. */
static void a_random_crowd_is_served_whole(void **state)
{
	enum { N = 4 };
	uint64_t random = 88172645463325252ull;
	unsigned done = 0, refused = 0;

	(void)state;
	for (int run = 0; run < 2000; run++) {
		size_t held[N] = { 0 }, want[N];
		unsigned left = N;
		struct world w;

		world_open(&w);
		for (int i = 0; i < N; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			want[i] = 1 + (size_t)(random % RESERVE);
		}
		account_take(w.a, (size_t)(random % SHARED));
		for (unsigned turn = 0; left > 0; turn++) {
			int i = (int)(random ^= random << 13, random ^= random >> 7,
				      random ^= random << 17, random % N);

			assert_true(turn < 1000);
			if (want[i] == 0)
				continue;
			if (held[i] > 0) {
				account_return(w.a, &w.places[i]);
				account_give(w.a, &w.places[i], held[i]);
				held[i] = want[i] = 0;
				left--;
				done++;
			} else if (account_ask(w.a, &w.places[i], want[i])) {
				account_leave(w.a, &w.places[i]);
				held[i] = want[i];
				assert_true(w.a->charged[ACCOUNT_BYTES] <= MAX);
			} else {
				refused++;
			}
		}
		assert_false(account_is_short(w.a));
		account_give(w.a, NULL, w.a->charged[ACCOUNT_BYTES]);
		world_close(&w);
	}
	test_note("%u served, %u times refused", done, refused);
	assert_true(refused > 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_uid_has_one_account_and_it_goes_with_the_last_connection),
		TEST(what_is_shared_is_what_the_reserve_leaves),
		TEST(the_reserve_is_lent_to_one_and_does_not_lessen_what_is_shared),
		TEST(the_line_is_first_come_first_served),
		TEST(who_is_served_stands_in_line_until_it_leaves),
		TEST(a_holder_that_gives_back_does_not_make_room_out_of_nothing),
		TEST(what_a_returned_reserve_still_holds_is_everybodys),
		TEST(charges_outlive_the_connection_and_the_owner),
		TEST(a_kind_is_charged_within_the_limits_of_each_and_of_all),
		TEST(what_may_be_over_is_looked_at_before_a_refusal_and_once_a_turn),
		TEST(a_random_crowd_is_served_whole),
	};
	return test_run(tests);
}
