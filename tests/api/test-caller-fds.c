/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-caller-fds.c - descriptors at a caller, and services that pass them in every way, right and wrong
 *
 * test_run() counts the descriptors of this process before and after each test: what was not taken is closed.
 */
#include "called.h"
#include "passed.h"

#include <sys/resource.h>

#define CALL "{\"method\":\"org.example.vault.Swap\",\"parameters\":{}}"

/* What an answer brought; those that are wanted are taken. */
struct got {
	unsigned told, final, want;
	int end, code, error;
	size_t came;
	int fds[POSTERN_FDS_MAX];
	char why[256];
	void (*hook)(struct got *g, struct postern_call *call);
	struct postern_caller *caller;
};

static void on_answer(struct postern_call *call, const struct postern_answer *answer, void *data)
{
	struct got *g = data;

	g->told++;
	g->end = answer->end;
	g->code = answer->why ? answer->why->code : 0;
	g->error = answer->why ? answer->why->error : 0;
	snprintf(g->why, sizeof g->why, "%s", answer->why ? answer->why->text : "");
	g->came = answer->n_fds;
	for (unsigned i = 0; i < g->want; i++) {
		g->fds[i] = postern_call_take_fd(call, i);
		assert_true(g->fds[i] > 2);
		assert_errno(postern_call_take_fd(call, i), -EBADF);
	}
	assert_errno(postern_call_take_fd(call, -1), -EBADF);
	assert_errno(postern_call_take_fd(call, (int64_t)g->came), -EBADF);
	if (answer->end != POSTERN_END_CONTINUES)
		g->final++;
	if (g->hook)
		g->hook(g, call);
}

/* What goes with the next call. */
static int pushed[POSTERN_FDS_MAX + 4];
static size_t n_pushed;

static const struct postern_fds *pushed_all(void)
{
	static struct postern_fds all;

	all = (struct postern_fds){ pushed, n_pushed };
	n_pushed = 0;
	return &all;
}

static struct postern_call *swap(struct called *t, struct got *g, uint64_t flags,
				 int64_t deadline_ns)
{
	struct postern_call *call = NULL;

	assert_ok(postern_caller_call_json(&call, t->c, "org.example.vault.Swap", NULL, 0,
					   pushed_all(), flags, deadline_ns, on_answer, g));
	return call;
}

static void plain(struct called *t, struct got *g, uint64_t flags)
{
	assert_ok(postern_caller_call_json(NULL, t->c, "org.example.vault.Plain", NULL, 0, NULL,
					   flags, 0, on_answer, g));
}

#define PLAIN "{\"method\":\"org.example.vault.Plain\",\"parameters\":{}}"

static void push(struct called *t, int64_t number, size_t index)
{
	(void)t;
	assert_int_equal(n_pushed, index);
	pushed[n_pushed++] = passed_new(number);
}

/* This message, with so many descriptors on its first byte, and in a piece of its own. */
static int came[POSTERN_FDS_MAX];

#define gets(t, text, wanted) gets_bytes((t), (text), sizeof(text), (wanted))

static void gets_bytes(struct called *t, const char *text, size_t n, size_t wanted)
{
	size_t k;
	char bytes[4096];
	ssize_t r;

	turn_until(t->loop, recv(t->fd, bytes, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
	r = pass_receive(t->fd, bytes, sizeof bytes, came, &k);
	if (r < 0 || memcmp(bytes, text, n < (size_t)r ? n : (size_t)r) != 0)
		fail_msg("%.*s came, and not %s", (int)(r > 0 ? r : 0), bytes, text);
	assert_int_equal(r, n);
	assert_int_equal(k, wanted);
}

static void ends(struct called *t, struct got *g, int end)
{
	turn_until(t->loop, g->final > 0);
	if (g->end != end)
		fail_msg("it ended in %d (%s) and not in %d", g->end, g->why, end);
	assert_int_equal(g->final, 1);
}

static void V12_descriptors_go_with_a_call_and_come_with_its_answer(void **state)
{
	struct got g = { .want = 2 };
	struct called t;
	int one = passed_new(11), two = passed_new(12), before;

	(void)state;
	called_open(&t, NULL);
	push(&t, 1, 0);
	push(&t, 2, 1);
	swap(&t, &g, 0, 0);
	called_accept(&t);
	gets(&t, CALL, 2);
	passed_is(came[0], 1);
	passed_is(came[1], 2);
	before = test_fd_count();
	assert_int_equal(pass_some(t.fd, "{}", 3, (int[]){ one, two, one }, 3), 3);
	ends(&t, &g, POSTERN_END_ANSWERED);
	assert_int_equal(g.came, 3);
	/* Of three two were taken, and one was closed. */
	assert_int_equal(test_fd_count(), before + 2);
	passed_is(g.fds[0], 11);
	passed_is(g.fds[1], 12);
	/* The next call has none. */
	g = (struct got){ 0 };
	swap(&t, &g, 0, 0);
	gets(&t, CALL, 0);
	called_says(&t, "{}");
	ends(&t, &g, POSTERN_END_ANSWERED);
	assert_int_equal(g.came, 0);
	close(one);
	close(two);
	called_close(&t);
}

/* Whoever reads the other end of a pipe waits for its last copy. */
static void V12_what_was_sent_is_closed_before_the_answer_comes(void **state)
{
	struct got g = { 0 };
	struct called t;
	int ends_of[2];
	char byte;

	(void)state;
	called_open(&t, NULL);
	assert_int_equal(pipe2(ends_of, O_CLOEXEC), 0);
	pushed[n_pushed++] = ends_of[1];
	swap(&t, &g, 0, 0);
	called_accept(&t);
	gets(&t, CALL, 1);
	close(came[0]);
	assert_int_equal(read(ends_of[0], &byte, 1), 0);
	assert_int_equal(g.told, 0);
	close(ends_of[0]);
	called_says(&t, "{}");
	ends(&t, &g, POSTERN_END_ANSWERED);
	called_close(&t);
}

static void V12_a_call_with_descriptors_goes_out_when_nothing_is_in_flight_before_it(void **state)
{
	struct got before = { 0 }, g = { 0 }, after = { 0 };
	struct called t;

	(void)state;
	called_open(&t, NULL);
	plain(&t, &before, 0);
	push(&t, 1, 0);
	swap(&t, &g, 0, 0);
	plain(&t, &after, 0);
	called_accept(&t);
	gets(&t, PLAIN, 0);
	called_is_quiet(&t);
	called_says(&t, "{}");
	ends(&t, &before, POSTERN_END_ANSWERED);
	/* And the one behind it follows at once, in a piece of its own. */
	gets(&t, CALL, 1);
	passed_is(came[0], 1);
	gets(&t, PLAIN, 0);
	called_says(&t, "{}");
	called_says(&t, "{}");
	ends(&t, &g, POSTERN_END_ANSWERED);
	ends(&t, &after, POSTERN_END_ANSWERED);
	called_close(&t);
}

/* That a oneway call was read nobody says: a connection of its own is sure. */
static void V12_behind_a_oneway_call_it_has_a_new_connection(void **state)
{
	struct got before = { 0 }, g = { 0 };
	struct called t;
	int first;

	(void)state;
	called_open(&t, NULL);
	plain(&t, &before, POSTERN_CALL_ONEWAY);
	called_accept(&t);
	turn_until(t.loop, before.final == 1);
	first = t.fd;
	t.fd = -1;
	push(&t, 1, 0);
	swap(&t, &g, 0, 0);
	called_accept(&t);
	gets(&t, CALL, 1);
	passed_is(came[0], 1);
	called_says(&t, "{}");
	ends(&t, &g, POSTERN_END_ANSWERED);
	close(first);
	called_close(&t);
}

/* Plain answers before it come in the same read. */
static void V12_descriptors_belong_to_the_answer_that_takes_them(void **state)
{
	struct got g[4] = { { 0 }, { .want = 1 }, { 0 }, { .want = 1 } };
	struct called t;
	int one = passed_new(1), two = passed_new(2);

	(void)state;
	called_open(&t, NULL);
	plain(&t, &g[0], 0);
	swap(&t, &g[1], 0, 0);
	plain(&t, &g[2], 0);
	swap(&t, &g[3], 0, 0);
	called_accept(&t);
	gets(&t, PLAIN "\0" CALL "\0" PLAIN "\0" CALL, 0);
	called_says(&t, "{}");
	pass_text(t.fd, "{}", one, 1);
	called_says(&t, "{}");
	pass_text(t.fd, "{}", two, 1);
	ends(&t, &g[3], POSTERN_END_ANSWERED);
	for (int i = 0; i < 4; i++)
		assert_int_equal(g[i].came, g[i].want);
	passed_is(g[1].fds[0], 1);
	passed_is(g[3].fds[0], 2);
	close(one);
	close(two);
	called_close(&t);
}

static void V12_each_answer_of_a_stream_may_bring_some(void **state)
{
	struct got g = { .want = 1 };
	struct called t;

	(void)state;
	called_open(&t, NULL);
	swap(&t, &g, POSTERN_CALL_MORE, 0);
	called_accept(&t);
	called_gets(&t, "{\"method\":\"org.example.vault.Swap\",\"more\":true,\"parameters\":{}}");
	for (unsigned i = 0; i < 3; i++) {
		int fd = passed_new(i);

		pass_text(t.fd, "{\"continues\":true}", fd, 1);
		close(fd);
		turn_until(t.loop, g.told == i + 1);
		passed_is(g.fds[0], i);
	}
	g.want = 0;
	called_says(&t, "{}");
	ends(&t, &g, POSTERN_END_ANSWERED);
	called_close(&t);
}

static void V12_descriptors_that_no_awaited_answer_takes_end_the_connection(void **state)
{
	struct got g = { 0 }, other = { 0 };
	struct called t;
	int one = passed_new(1);

	(void)state;
	for (int how = 0; how < 4; how++) {
		called_open(&t, NULL);
		g = other = (struct got){ 0 };
		/* So that they are admitted at all. */
		swap(&t, &other, 0, 0);
		called_accept(&t);
		gets(&t, CALL, 0);
		if (how < 3) {
			called_says(&t, "{}");
			ends(&t, &other, POSTERN_END_ANSWERED);
			plain(&t, &g, 0);
			gets(&t, PLAIN, 0);
		}
		switch (how) {
		case 0:
			pass_text(t.fd, "{}", one, 2);
			break;
		case 1: /* in the middle */
			assert_int_equal(pass_some(t.fd, "{", 1, NULL, 0), 1);
			turn_quiet(t.loop);
			assert_int_equal(pass_some(t.fd, "}", 2, &one, 1), 2);
			break;
		case 2: /* behind it nobody waits */
			called_says(&t, "{}");
			pass_text(t.fd, "{}", one, 1);
			break;
		default: /* in the middle of one that takes some */
			assert_int_equal(pass_some(t.fd, "{", 1, NULL, 0), 1);
			turn_quiet(t.loop);
			assert_int_equal(pass_some(t.fd, "}", 2, &one, 1), 2);
			g.final = 1;
			ends(&t, &other, POSTERN_END_NO_ANSWER);
			assert_int_equal(other.code, POSTERN_REASON_VIOLATION);
		}
		if (how < 3)
			turn_until(t.loop, g.final > 0);
		if (how < 2)
			assert_int_equal(g.code, POSTERN_REASON_VIOLATION);
		called_is_left(&t);
		called_close(&t);
	}
	close(one);
}

/* The answer of a call that has left brings some: the others on its connection are answered all the same. */
static void V12_descriptors_for_a_call_that_has_left_are_closed(void **state)
{
	struct got g[3] = { { 0 } };
	struct postern_call *call;
	struct called t;
	int one = passed_new(1);

	(void)state;
	for (int last = 0; last < 2; last++) {
		memset(g, 0, sizeof g);
		called_open(&t, NULL);
		plain(&t, &g[0], 0);
		call = swap(&t, &g[1], 0, 0);
		if (!last)
			plain(&t, &g[2], 0);
		called_accept(&t);
		if (last)
			gets(&t, PLAIN "\0" CALL, 0);
		else
			gets(&t, PLAIN "\0" CALL "\0" PLAIN, 0);
		postern_call_cancel(call);
		called_says(&t, "{}");
		pass_text(t.fd, "{}", one, 1);
		if (!last)
			called_says(&t, "{}");
		ends(&t, &g[0], POSTERN_END_ANSWERED);
		if (!last)
			ends(&t, &g[2], POSTERN_END_ANSWERED);
		assert_int_equal(g[1].told, 0);
		called_is_left(&t);
		called_close(&t);
	}
	close(one);
}

/* More than any message has are none. */
static void V12_more_descriptors_than_an_answer_may_have_are_no_answer(void **state)
{
	struct got g = { 0 };
	struct called t;
	int one = passed_new(1);

	(void)state;
	called_open(&t, NULL);
	swap(&t, &g, 0, 0);
	called_accept(&t);
	gets(&t, CALL, 0);
	pass_text(t.fd, "{}", one, PASS_MAX);
	ends(&t, &g, POSTERN_END_NO_ANSWER);
	assert_int_equal(g.came, 0);
	assert_int_equal(g.code, POSTERN_REASON_VIOLATION);
	assert_non_null(
		strstr(g.why, "more descriptors came with one message than any may have, 16"));
	close(one);
	called_close(&t);
}

/* In one send with what is no answer, and never whole. */
static void V12_an_answer_is_told_when_what_follows_cannot_own_its_descriptors(void **state)
{
	static const char text[] = "{}\0junk";
	struct got g = { .want = 2 };
	struct called t;
	int one = passed_new(1), fds[2] = { one, one };

	(void)state;
	called_open(&t, NULL);
	swap(&t, &g, 0, 0);
	called_accept(&t);
	gets(&t, CALL, 0);
	assert_int_equal(pass_some(t.fd, text, sizeof text - 1, fds, 2), sizeof text - 1);
	ends(&t, &g, POSTERN_END_ANSWERED);
	passed_is(g.fds[0], 1);
	passed_is(g.fds[1], 1);
	close(one);
	called_close(&t);
}

/* It is not the service's fault, and the answer without them would be another one. */
static void V12_descriptors_of_an_answer_that_have_no_numbers_here_are_want_of_resources(
	void **state)
{
	struct rlimit limit, before;
	struct got g = { 0 };
	struct called t;
	int one = passed_new(1), full[4096], n = 0;

	(void)state;
	called_open(&t, NULL);
	swap(&t, &g, 0, 0);
	called_accept(&t);
	gets(&t, CALL, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 256;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n < 4096 && (full[n] = dup(one)) >= 0)
		n++;
	close(full[--n]);
	pass_text(t.fd, "{}", one, 2);
	turn_until(t.loop, g.final > 0);
	while (n > 0)
		close(full[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	ends(&t, &g, POSTERN_END_NO_ANSWER);
	assert_int_equal(g.code, POSTERN_REASON_NO_RESOURCES);
	assert_int_equal(g.error, -EMFILE);
	assert_non_null(strstr(g.why, "too many are open in this process"));
	close(one);
	called_close(&t);
}

static void refused(struct called *t, const struct postern_fds *fds, int error)
{
	assert_errno(postern_caller_call_json(NULL, t ? t->c : NULL, "a.b.C", NULL, 0, fds, 0, 0,
					      on_answer, NULL),
		     error);
}

static void deliver(void (*fn)(void), struct postern_call *call,
		    const struct postern_answer *answer, const void *value, void *data)
{
	(void)fn, (void)call, (void)answer, (void)value, (void)data;
	fail_msg("a call that was refused has an answer");
}

static void V12_a_call_that_fails_consumes_its_descriptors(void **state)
{
	static const struct postern_type none = { .kind = POSTERN_TYPE_STRUCT };
	const struct postern_method takes_none = {
		.name = "a.b.C", .in = &none, .out = &none, .deliver = deliver
	};
	const struct postern_method typed = { .name = "org.example.vault.Typed" };
	struct got g = { 0 };
	struct called t;
	int before;

	(void)state;
	called_open(&t, NULL);
	before = test_fd_count();
	push(&t, 1, 0);
	assert_errno(postern_caller_call(NULL, t.c, &takes_none, NULL, pushed_all(), 0, 0,
					 POSTERN_FN(on_answer), &g),
		     -ENOTSUP);
	assert_int_equal(test_fd_count(), before);
	push(&t, 1, 0);
	assert_errno(postern_caller_call_json(NULL, t.c, "a.b.C", "[]", 2, pushed_all(), 0, 0,
					      on_answer, &g),
		     -EINVAL);
	push(&t, 1, 0);
	assert_errno(postern_caller_call_json(NULL, t.c, NULL, NULL, 0, pushed_all(), 0, 0,
					      on_answer, &g),
		     -EINVAL);
	push(&t, 1, 0);
	assert_errno(postern_caller_call_json(NULL, t.c, "a.b.C", NULL, 0, pushed_all(), 0, 0, NULL,
					      NULL),
		     -EINVAL);
	push(&t, 1, 0);
	assert_errno(postern_caller_call(NULL, t.c, &typed, NULL, pushed_all(), 0, 0,
					 POSTERN_FN(on_answer), &g),
		     -EINVAL);
	push(&t, 1, 0);
	assert_errno(postern_caller_wait_json(t.c, "a.b.C", NULL, 0, pushed_all(), NULL, 0, 0),
		     -EINVAL);
	assert_int_equal(test_fd_count(), before);
	/* One too many; one that is not open, between two; one that is there twice; none where some should be. */
	for (size_t i = 0; i <= POSTERN_FDS_MAX; i++)
		push(&t, 1, i);
	refused(&t, pushed_all(), -E2BIG);
	push(&t, 1, 0);
	pushed[n_pushed++] = 1000000;
	push(&t, 1, 2);
	refused(&t, pushed_all(), -EBADF);
	push(&t, 1, 0);
	pushed[n_pushed++] = pushed[0];
	refused(&t, pushed_all(), -EBADF);
	refused(&t, &(struct postern_fds){ NULL, 1 }, -EINVAL);
	push(&t, 1, 0);
	refused(NULL, pushed_all(), -EINVAL);
	assert_int_equal(test_fd_count(), before);
	called_close(&t);
}

/* Nobody is there; it is freed; it is cancelled. */
static void V12_a_call_that_was_not_sent_closes_its_descriptors(void **state)
{
	struct got g = { 0 };
	struct postern_call *call;
	struct called t;
	int before;

	(void)state;
	called_open(&t, NULL);
	before = test_fd_count();
	push(&t, 1, 0);
	call = swap(&t, &g, 0, 0);
	postern_call_cancel(call);
	assert_int_equal(test_fd_count(), before);
	called_gone(&t);
	push(&t, 1, 0);
	swap(&t, &g, 0, SOON);
	ends(&t, &g, POSTERN_END_NOT_SENT);
	turn_quiet(t.loop);
	assert_int_equal(test_fd_count(), before - 1); /* the listener */
	push(&t, 1, 0);
	g = (struct got){ 0 };
	swap(&t, &g, 0, 0);
	called_close(&t);
	assert_int_equal(g.end, POSTERN_END_CANCELLED);
}

/* The kernel has half of the message, and the descriptor with it: all of it is sent again. */
static void V12_a_call_that_was_half_sent_is_sent_again_with_its_descriptors(void **state)
{
	enum { LONG_TEXT = 1 << 20 };
	static char text[LONG_TEXT];
	struct got g = { 0 };
	struct called t;
	char byte;
	size_t k;

	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text, "{\"x\":\"", 6);
	memcpy(text + sizeof text - 2, "\"}", 2);
	called_open(&t, NULL);
	for (int i = 0; i < 2; i++) {
		push(&t, 5, 0);
		g = (struct got){ 0 };
		assert_ok(postern_caller_call_json(NULL, t.c, "org.example.vault.Swap", text,
						   sizeof text, pushed_all(), 0, 0, on_answer, &g));
		called_accept(&t);
		turn_quiet(t.loop);
		assert_int_equal(pass_receive(t.fd, &byte, 1, came, &k), 1);
		assert_int_equal(k, 1);
		passed_is(came[0], 5);
		called_hang_up(&t);
		called_accept(&t);
		turn_quiet(t.loop);
		assert_int_equal(pass_receive(t.fd, &byte, 1, came, &k), 1);
		assert_int_equal(k, 1);
		passed_is(came[0], 5);
		assert_int_equal(g.told, 0);
		called_hang_up(&t);
		/* The second time it is left to its deadline, or to the free of the caller. */
	}
	called_close(&t);
}

static void V12_a_service_that_refuses_descriptors_is_not_asked_again(void **state)
{
	const int off = 0;
	struct got g = { 0 };
	struct called t;

	(void)state;
	called_open(&t, NULL);
	if (setsockopt(t.listener, SOL_SOCKET, 83, &off, sizeof off) < 0) {
		called_close(&t);
		test_skip("this kernel has no SO_PASSRIGHTS");
	}
	push(&t, 1, 0);
	swap(&t, &g, 0, 0);
	ends(&t, &g, POSTERN_END_NOT_SENT);
	assert_int_equal(g.error, -EPERM);
	called_close(&t);
}

static void V12_a_call_with_descriptors_that_is_refused_as_busy_has_ended(void **state)
{
	struct got g = { 0 };
	struct called t;

	(void)state;
	called_open(&t, NULL);
	push(&t, 1, 0);
	swap(&t, &g, 0, 0);
	called_accept(&t);
	gets(&t, CALL, 1);
	passed_is(came[0], 1);
	called_says(&t, "{\"error\":\"io.postern.Busy\",\"parameters\":{\"retryAfterMs\":1}}");
	ends(&t, &g, POSTERN_END_FAILED);
	called_close(&t);
}

/* A callback may free everything, and leave what it was given. */
static void free_caller(struct got *g, struct postern_call *call)
{
	(void)call;
	if (g->end == POSTERN_END_ANSWERED)
		postern_caller_free(g->caller);
}

static void V12_a_callback_that_frees_the_caller_leaves_no_descriptor(void **state)
{
	struct got g = { .hook = free_caller }, other = { 0 };
	struct called t;
	int one = passed_new(1);

	(void)state;
	called_open(&t, NULL);
	g.caller = t.c;
	push(&t, 1, 0);
	swap(&t, &g, 0, 0);
	swap(&t, &other, 0, 0);
	called_accept(&t);
	gets(&t, CALL, 1);
	passed_is(came[0], 1);
	pass_text(t.fd, "{}", one, 3);
	turn_until(t.loop, g.final == 1);
	assert_int_equal(g.came, 3);
	assert_int_equal(other.end, POSTERN_END_CANCELLED);
	assert_int_equal(other.came, 0);
	t.c = NULL;
	close(one);
	called_close(&t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(V12_descriptors_go_with_a_call_and_come_with_its_answer),
		TEST(V12_what_was_sent_is_closed_before_the_answer_comes),
		TEST(V12_a_call_with_descriptors_goes_out_when_nothing_is_in_flight_before_it),
		TEST(V12_behind_a_oneway_call_it_has_a_new_connection),
		TEST(V12_descriptors_belong_to_the_answer_that_takes_them),
		TEST(V12_each_answer_of_a_stream_may_bring_some),
		TEST(V12_descriptors_that_no_awaited_answer_takes_end_the_connection),
		TEST(V12_descriptors_for_a_call_that_has_left_are_closed),
		TEST(V12_more_descriptors_than_an_answer_may_have_are_no_answer),
		TEST(V12_an_answer_is_told_when_what_follows_cannot_own_its_descriptors),
		TEST(V12_descriptors_of_an_answer_that_have_no_numbers_here_are_want_of_resources),
		TEST(V12_a_call_that_fails_consumes_its_descriptors),
		TEST(V12_a_call_that_was_not_sent_closes_its_descriptors),
		TEST(V12_a_call_that_was_half_sent_is_sent_again_with_its_descriptors),
		TEST(V12_a_service_that_refuses_descriptors_is_not_asked_again),
		TEST(V12_a_call_with_descriptors_that_is_refused_as_busy_has_ended),
		TEST(V12_a_callback_that_frees_the_caller_leaves_no_descriptor),
	};
	return test_run(tests);
}
