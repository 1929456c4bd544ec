/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-caller-free.c - V15, each call ends once: whatever is freed, when, and in which callback
 *
 * A scene brings call 0 to one of its ends while seven others are in all the states that a call can be in. When call 0 is
 * told, a deed is done in its callback; after that everything is freed. called_close() looks at each call: it was told
 * exactly one end, or was freed by the deed.
 */
#include "called.h"

#include <pthread.h>

#include <postern/thread.h>

enum { OTHERS = 7 };

/* ---- deeds ---- */

static bool done, cancelled; /* the deed; its end of the caller, or of the loop */

static void nothing(struct called *t, struct postern_call *call)
{
	(void)t, (void)call;
}

static void frees_the_caller(struct called *t, struct postern_call *call)
{
	(void)call;
	cancelled = true;
	t->c = postern_caller_free(t->c);
}

static void frees_the_loop(struct called *t, struct postern_call *call)
{
	(void)call;
	cancelled = true;
	t->loop = postern_loop_free(t->loop);
	assert_errno(called_try_json(t, 40, CALLED_METHOD, NULL, 0, 0), t->c ? -ESTALE : -EINVAL);
}

static void frees_both(struct called *t, struct postern_call *call)
{
	frees_the_caller(t, call);
	frees_the_loop(t, call);
}

static void frees_itself(struct called *t, struct postern_call *call)
{
	postern_call_cancel(call);
	t->told[0].call = NULL;
}

static void frees_the_others(struct called *t, struct postern_call *call)
{
	(void)call;
	for (int i = 1; i <= OTHERS; i++)
		called_cancel(t, i);
}

static void frees_all(struct called *t, struct postern_call *call)
{
	frees_the_others(t, call);
	frees_itself(t, call);
	frees_the_caller(t, call);
}

static void calls_again(struct called *t, struct postern_call *call)
{
	(void)call;
	assert_ok(called_try_json(t, 40, CALLED_METHOD, NULL, 0, 0));
	assert_ok(called_try_json(t, 41, CALLED_METHOD, NULL, POSTERN_CALL_MORE, 0));
	assert_ok(called_try_json(t, 42, CALLED_METHOD, NULL, POSTERN_CALL_ONEWAY, 0));
}

static void calls_and_frees(struct called *t, struct postern_call *call)
{
	calls_again(t, call);
	called_cancel(t, 40);
	frees_the_caller(t, call);
}

static const struct {
	const char *name;
	void (*fn)(struct called *t, struct postern_call *call);
} deeds[] = {
	{ "does nothing", nothing },
	{ "frees the caller", frees_the_caller },
	{ "frees the loop", frees_the_loop },
	{ "frees the caller and the loop", frees_both },
	{ "frees its own call", frees_itself },
	{ "frees the other calls", frees_the_others },
	{ "frees everything", frees_all },
	{ "makes calls", calls_again },
	{ "makes calls, frees one and the caller", calls_and_frees },
};
static size_t deed;

static void on_told(struct told *told, struct postern_call *call)
{
	/* Others that have ended by the same event are told that; an answer is not even looked at. */
	if (cancelled && told->end <= POSTERN_END_FAILED)
		fail_msg("a call is told %d after the end of its caller", told->end);
	if (told != &told->called->told[0] || done)
		return;
	done = true;
	deeds[deed].fn(told->called, call);
}

/* ---- scenes: how call 0 ends ---- */

/* A turn in which the deed may free the loop. */
static void scene_turn(struct called *t)
{
	int r = postern_loop_dispatch(t->loop, POSTERN_MS(10));

	if (r < 0 && (r != -ESTALE || t->loop))
		fail_msg("a turn returns %d", r);
}

/* Call 0 is made with these flags, and the others around it: sent, not sent yet, with MORE, ONEWAY. */
static void scene_open(struct called *t, unsigned flags, int64_t deadline_ns)
{
	static const unsigned others[] = { 0, POSTERN_CALL_MORE, 0, 0, POSTERN_CALL_ONEWAY,
					   0, POSTERN_CALL_MORE };

	done = cancelled = false;
	called_open(t, NULL);
	for (int i = 0; i <= OTHERS; i++)
		t->told[i].hook = on_told;
	assert_ok(called_try_json(t, 1, CALLED_METHOD, NULL, 0, 0));
	assert_ok(called_try_json(t, 0, CALLED_METHOD, NULL, flags, deadline_ns));
	for (int i = 2; i <= OTHERS; i++)
		assert_ok(called_try_json(t, i, CALLED_METHOD, NULL, others[i - 1], 0));
}

static void answered(struct called *t)
{
	scene_open(t, 0, 0);
	called_accept(t);
	called_says(t, "{}");
	called_says(t, "{}");
}

static void failed(struct called *t)
{
	scene_open(t, 0, 0);
	called_accept(t);
	called_says(t, "{}");
	called_says(t, "{\"error\":\"a.b.E\"}");
}

static void continues(struct called *t)
{
	scene_open(t, POSTERN_CALL_MORE, 0);
	/* On the connections of the other streams too; those that are not one end by it. */
	while (!t->told[0].n) {
		called_accept(t);
		called_receive(t, (char[1]){ 0 }, 1);
		assert_int_equal(send(t->fd, "{\"continues\":true}", 19, MSG_NOSIGNAL), 19);
		scene_turn(t);
	}
}

static void sent(struct called *t)
{
	scene_open(t, POSTERN_CALL_ONEWAY, 0);
}

static void times_out(struct called *t)
{
	scene_open(t, 0, SOON);
	called_accept(t);
}

static void is_not_sent(struct called *t)
{
	done = cancelled = false;
	called_open(t, NULL);
	called_gone(t);
	t->told[0].hook = on_told;
	assert_ok(called_try_json(t, 0, CALLED_METHOD, NULL, 0, POSTERN_MS(20)));
	for (int i = 1; i <= OTHERS; i++)
		assert_ok(called_try_json(t, i, CALLED_METHOD, NULL, i % 2 ? POSTERN_CALL_MORE : 0,
					  0));
}

static void has_no_answer(struct called *t)
{
	scene_open(t, 0, 0);
	called_accept(t);
	called_gets(t, CALLED_NOW);
	called_gets(t, CALLED_NOW);
	called_hang_up(t);
}

static void is_violated(struct called *t)
{
	scene_open(t, 0, 0);
	called_accept(t);
	called_says(t, "{}");
	called_says(t, "garbage");
}

static void is_refused(struct called *t)
{
	scene_open(t, 0, 4 * SOON);
	called_accept(t);
	called_says(t, "{}");
	called_says(t, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":9999}}");
}

static const struct {
	const char *name;
	void (*begin)(struct called *t);
	int end;
} scenes[] = {
	{ "answered", answered, POSTERN_END_ANSWERED },
	{ "failed", failed, POSTERN_END_FAILED },
	{ "continues", continues, POSTERN_END_CONTINUES },
	{ "sent", sent, POSTERN_END_SENT },
	{ "timed out", times_out, POSTERN_END_TIMEOUT },
	{ "not sent", is_not_sent, POSTERN_END_NOT_SENT },
	{ "without an answer", has_no_answer, POSTERN_END_NO_ANSWER },
	{ "violated", is_violated, POSTERN_END_NO_ANSWER },
	{ "refused", is_refused, POSTERN_END_FAILED },
};

/* called_close() where the loop may have gone already. */
static void scene_close(struct called *t)
{
	cancelled = true;
	called_close(t);
}

static void V15_each_call_ends_once_whatever_is_done_when_one_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
		for (deed = 0; deed < sizeof deeds / sizeof *deeds; deed++) {
			int64_t until = test_now_ns() + test_patience_ns();
			struct called t;

			scenes[i].begin(&t);
			while (!done && t.loop && test_now_ns() < until)
				scene_turn(&t);
			if (!done)
				fail_msg("%s: call 0 was told nothing", scenes[i].name);
			if (!cancelled && !t.told[0].final && t.told[0].end != scenes[i].end)
				fail_msg("%s: it %s, and the end was %d", scenes[i].name,
					 deeds[deed].name, t.told[0].end);
			if (t.loop)
				scene_turn(&t);
			scene_close(&t);
		}
}

static void V15_calls_in_every_state_are_cancelled_by_the_free_of_the_caller(void **state)
{
	(void)state;
	/* The kernel's buffer is full, connected or not, accepted or not; for so many turns. */
	for (int turns = 0; turns < 6; turns++)
		for (int loop_first = 0; loop_first < 2; loop_first++)
			for (int gone = 0; gone < 2; gone++) {
				struct called t;

				deed = 0;
				scene_open(&t, 0, 0);
				if (gone)
					called_gone(&t);
				for (int i = 0; i < turns; i++)
					turn(t.loop, 0);
				for (int i = 0; i <= OTHERS; i++)
					t.told[i].hook = NULL;
				if (loop_first)
					t.loop = postern_loop_free(t.loop);
				else
					t.c = postern_caller_free(t.c);
				for (int i = 0; i <= OTHERS; i++)
					if (t.told[i].final != 1 ||
					    (t.told[i].end != POSTERN_END_CANCELLED &&
					     t.told[i].end != POSTERN_END_SENT))
						fail_msg("call %d: %u ends, the last is %d", i,
							 t.told[i].final, t.told[i].end);
				scene_close(&t);
			}
}

static void V15_a_caller_without_its_loop_is_inert(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	t.loop = postern_loop_free(t.loop);
	assert_errno(called_try_json(&t, 0, CALLED_METHOD, NULL, 0, 0), -ESTALE);
	called_close(&t);
}

static int in_a_child(void *arg)
{
	struct called *t = arg;
	unsigned before = t->told[0].n;

	if (postern_caller_call_json(NULL, t->c, CALLED_METHOD, NULL, 0, NULL, 0, 0, called_answer,
				     &t->told[1]) != -ECHILD)
		return 1;
	called_cancel(t, 2);
	t->c = postern_caller_free(t->c);
	t->loop = postern_loop_free(t->loop);
	return t->told[0].n != before;
}

static void V15_in_a_child_process_a_caller_can_only_be_freed(void **state)
{
	struct called t;

	(void)state;
	called_open(&t, NULL);
	called_now(&t, 0);
	called_now(&t, 2);
	called_accept(&t);
	called_gets(&t, CALLED_NOW);
	called_gets(&t, CALLED_NOW);
	assert_int_equal(test_fork(in_a_child, &t), 0);
	/* The parent's connection is as it was. */
	called_says(&t, "{}");
	called_says(&t, "{}");
	called_tells(&t, 0, POSTERN_END_ANSWERED);
	called_tells(&t, 2, POSTERN_END_ANSWERED);
	called_close(&t);
}

/* ---- threads that leave in a callback ---- */

static struct {
	struct postern_caller *c;
	unsigned told, cancelled;
	bool takes; /* an upgraded connection, which then is freed with the loop of its thread */
} left;

static void leaves(struct postern_call *call, const struct postern_answer *answer, void *data)
{
	static const struct postern_conn_events events = { .size = sizeof events };
	struct postern_conn *conn;

	(void)data;
	left.told++;
	if (answer->end == POSTERN_END_CANCELLED) {
		left.cancelled++;
		return;
	}
	if (left.takes)
		assert_ok(postern_call_upgrade(&conn, call, &events, NULL));
	pthread_exit(NULL);
}

static int leave_setup(struct postern_thread *thread, struct postern_loop *loop, void *data)
{
	unsigned flags = *(unsigned *)data;
	int r = postern_caller_new(&left.c, loop, test_path("service"), NULL);

	(void)thread;
	for (int i = 0; r == 0 && i < 3; i++)
		r = postern_caller_call_json(NULL, left.c, CALLED_METHOD, NULL, 0, NULL, flags, 0,
					     leaves, NULL);
	return r;
}

static void V15_a_thread_that_leaves_in_a_callback_releases_the_caller(void **state)
{
	static unsigned flags[] = { 0, POSTERN_CALL_MORE, POSTERN_CALL_UPGRADE,
				    POSTERN_CALL_UPGRADE };

	(void)state;
	for (int i = 0; i < 4; i++) {
		int listener = plain_listen(test_path("service"), 4), fd;
		const char *text = i == 1 ? "{\"continues\":true}" : "{}";
		struct postern_thread *thread;

		assert_true(listener >= 0);
		memset(&left, 0, sizeof left);
		left.takes = i == 3;
		assert_ok(postern_thread_start(&thread, NULL, leave_setup, &flags[i]));
		/* postern-review: ignore E7 a test that has no descriptors is to fail */
		fd = accept(listener, NULL, NULL);
		assert_true(fd >= 0);
		assert_true(recv(fd, (char[512]){ 0 }, 512, 0) > 0);
		assert_int_equal(send(fd, text, strlen(text) + 1, MSG_NOSIGNAL), strlen(text) + 1);
		assert_ok(postern_thread_join(thread, test_patience_ns()));
		postern_thread_free(thread);
		/* The one in whose callback it left, and for a stream its end, too. */
		assert_int_equal(left.told, i == 1 ? 4 : 3);
		assert_int_equal(left.cancelled, i == 1 ? 3 : 2);
		close(fd);
		close(listener);
		unlink(test_path("service"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V15_each_call_ends_once_whatever_is_done_when_one_ends),
		TEST(V15_calls_in_every_state_are_cancelled_by_the_free_of_the_caller),
		TEST(V15_a_caller_without_its_loop_is_inert),
		TEST(V15_in_a_child_process_a_caller_can_only_be_freed),
		TEST(V15_a_thread_that_leaves_in_a_callback_releases_the_caller),
	};

	return test_run(tests);
}
