/* SPDX-License-Identifier: Apache-2.0 */
/* test-watch.c - what is told of a descriptor when callbacks of the same turn change what is wanted */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <postern.h>
#include <postern/loop.h>

/* Two descriptors that are readable in one turn; the callback that comes first does something to the other. */
struct two {
	struct postern_loop *loop;
	struct postern_watch *watches[2];
	int fds[2][2];
	unsigned told[2];
	uint64_t happened[2];
	void (*first)(struct two *t, int other);
};

static void two_ready(struct postern_watch *w, uint64_t happened, void *data)
{
	struct two *t = data;
	int me = w == t->watches[1];

	if (t->told[0] + t->told[1] == 0)
		t->first(t, !me);
	t->told[me]++;
	t->happened[me] = happened;
}

static void two_open(struct two *t, void (*first)(struct two *t, int other))
{
	*t = (struct two){ .first = first };
	assert_ok(postern_loop_new(&t->loop));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(t->fds[i]), 0);
		assert_ok(postern_watch_new(&t->watches[i], t->loop, t->fds[i][0],
					    POSTERN_WATCH_READABLE, two_ready, t));
		assert_int_equal(write(t->fds[i][1], "x", 1), 1);
	}
}

static void two_close(struct two *t)
{
	for (int i = 0; i < 2; i++) {
		postern_watch_free(t->watches[i]);
		close(t->fds[i][0]);
		if (t->fds[i][1] >= 0)
			close(t->fds[i][1]);
	}
	postern_loop_free(t->loop);
}

static unsigned two_told(const struct two *t)
{
	return t->told[0] + t->told[1];
}

static void want_hangups_only(struct two *t, int other)
{
	assert_ok(postern_watch_set(t->watches[other], POSTERN_WATCH_HANGUP));
}

static void what_is_not_wanted_any_more_is_not_told(void **state)
{
	struct two t;

	(void)state;
	two_open(&t, want_hangups_only);
	assert_ok(postern_loop_dispatch(t.loop, 0));
	assert_int_equal(two_told(&t), 1);
	two_close(&t);
}

static void hang_up(struct two *t, int other)
{
	want_hangups_only(t, other);
	close(t->fds[other][1]);
	t->fds[other][1] = -1;
}

static void never_called(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)w, (void)happened, (void)data;
	fail_msg("nothing was wanted");
}

static void what_cannot_be_watched_is_refused_at_once_also_when_nothing_is_wanted_yet(void **state)
{
	char path[] = "/tmp/postern-watch-XXXXXX";
	struct postern_watch *w = NULL, *other = NULL;
	int pipes[2], regular = mkstemp(path);
	struct postern_loop *loop;

	(void)state;
	unlink(path);
	assert_ok(pipe2(pipes, O_CLOEXEC));
	assert_ok(postern_loop_new(&loop));
	for (uint64_t wanted = 0; wanted <= POSTERN_WATCH_READABLE;
	     wanted += POSTERN_WATCH_READABLE) {
		assert_errno(postern_watch_new(&w, loop, regular, wanted, never_called, NULL),
			     -EPERM);
		assert_errno(postern_watch_new(&w, loop, 60000, wanted, never_called, NULL),
			     -EBADF);
		assert_ok(postern_watch_new(&w, loop, pipes[0], POSTERN_WATCH_READABLE,
					    never_called, NULL));
		assert_errno(postern_watch_new(&other, loop, pipes[0], wanted, never_called, NULL),
			     -EEXIST);
		w = postern_watch_free(w);
	}
	assert_ok(postern_watch_new(&w, loop, pipes[0], 0, never_called, NULL));
	assert_ok(close(pipes[1]));
	assert_ok(postern_loop_dispatch(loop, 0));
	postern_watch_free(w);
	postern_loop_free(loop);
	close(pipes[0]);
	close(regular);
}

static void a_hang_up_is_told_when_nothing_else_is_wanted(void **state)
{
	struct two t;
	int other;

	(void)state;
	two_open(&t, hang_up);
	assert_ok(postern_loop_dispatch(t.loop, 0));
	assert_int_equal(two_told(&t), 1);
	other = t.told[0] == 1;
	assert_ok(postern_loop_dispatch(t.loop, 0));
	assert_int_equal(t.told[other], 1);
	assert_int_equal(t.happened[other], POSTERN_WATCH_HANGUP);
	two_close(&t);
}

static void empty_and_ask_again(struct two *t, int other)
{
	char x;

	assert_int_equal(read(t->fds[other][0], &x, 1), 1);
	assert_ok(postern_watch_set(t->watches[other], 0));
	assert_ok(postern_watch_set(t->watches[other], POSTERN_WATCH_READABLE));
}

static void what_was_true_before_it_was_asked_for_again_is_not_told(void **state)
{
	struct two t;

	(void)state;
	two_open(&t, empty_and_ask_again);
	assert_ok(postern_loop_dispatch(t.loop, 0));
	assert_int_equal(two_told(&t), 1);
	two_close(&t);
}

static void empty_and_widen_again(struct two *t, int other)
{
	char x;

	assert_int_equal(read(t->fds[other][0], &x, 1), 1);
	assert_ok(postern_watch_set(t->watches[other], POSTERN_WATCH_HANGUP));
	assert_ok(postern_watch_set(t->watches[other], POSTERN_WATCH_READABLE));
}

static void a_wish_that_went_and_came_back_is_a_new_one(void **state)
{
	struct two t;

	(void)state;
	two_open(&t, empty_and_widen_again);
	assert_ok(postern_loop_dispatch(t.loop, 0));
	assert_int_equal(two_told(&t), 1);
	two_close(&t);
}

static void ask_again(struct two *t, int other)
{
	assert_ok(postern_watch_set(t->watches[other], 0));
	assert_ok(postern_watch_set(t->watches[other], POSTERN_WATCH_READABLE));
}

/* Else a callback that is called each turn could keep another one from ever being called. */
static void what_is_true_when_it_is_asked_for_again_is_told_in_the_same_turn(void **state)
{
	struct two t;

	(void)state;
	two_open(&t, ask_again);
	assert_ok(postern_loop_dispatch(t.loop, 0));
	assert_int_equal(t.told[0], 1);
	assert_int_equal(t.told[1], 1);
	two_close(&t);
}

static void put_another_in_its_place(struct two *t, int other)
{
	char x;

	assert_int_equal(read(t->fds[other][0], &x, 1), 1);
	postern_watch_free(t->watches[other]);
	assert_ok(postern_watch_new(&t->watches[other], t->loop, t->fds[other][0],
				    POSTERN_WATCH_READABLE, two_ready, t));
}

static void the_event_of_a_watch_that_was_freed_is_not_told_to_its_successor(void **state)
{
	struct two t;

	(void)state;
	two_open(&t, put_another_in_its_place);
	assert_ok(postern_loop_dispatch(t.loop, 0));
	assert_int_equal(two_told(&t), 1);
	two_close(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_not_wanted_any_more_is_not_told),
		TEST(a_hang_up_is_told_when_nothing_else_is_wanted),
		TEST(what_was_true_before_it_was_asked_for_again_is_not_told),
		TEST(a_wish_that_went_and_came_back_is_a_new_one),
		TEST(what_is_true_when_it_is_asked_for_again_is_told_in_the_same_turn),
		TEST(what_cannot_be_watched_is_refused_at_once_also_when_nothing_is_wanted_yet),
		TEST(the_event_of_a_watch_that_was_freed_is_not_told_to_its_successor),
	};

	return test_run(tests);
}
