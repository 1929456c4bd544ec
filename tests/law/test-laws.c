/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laws: one final event for each operation, no callback inside a call, a bound for everything, nothing
 * done to the process behind the program's back. Law 1 is in test-free.c, law 6 in test-fork.c.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char big[1024 * 1024];

/* ---- law 2: a random life of many connections ---- */

enum { ENDS = 6, STEPS = 120 };

/* One connection, its plain peer, and what has become of them. */
struct life {
	struct postern_conn *c;
	int peer;
	unsigned n;
	size_t sent, received; /* by the peer; by us */
	size_t written, read;  /* by us; by the peer */
	size_t kept;           /* of the last offer */
	bool freed, detached;
	unsigned closed, ended, told;
};

static struct {
	struct postern_loop *loop;
	struct life lives[ENDS];
	uint64_t seed;
	bool in_call; /* no callback is to run */
	unsigned depth;
	const char *wrong;
} random_world;

#define W random_world
/* Runs a call of the library, in which no callback may run. */
#define CALL(call)                       \
	do {                             \
		bool outer_ = W.in_call; \
		W.in_call = true;        \
		(void)!(call);           \
		W.in_call = outer_;      \
	} while (0)

static void random_step(bool inside);

static struct life *random_event(void *data)
{
	struct life *l = data;

	if (W.in_call)
		W.wrong = "a callback inside a call";
	if (l->freed || l->detached)
		W.wrong = "an event after the free";
	if (l->closed)
		W.wrong = "an event after the final one";
	return l;
}

/* Now and then the callback does something, to any connection. */
static void random_inside(void)
{
	if (W.depth > 0 || random_next(&W.seed) % 3)
		return;
	W.depth++;
	random_step(true);
	W.depth--;
}

static size_t random_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct life *l = random_event(data);
	size_t take = random_next(&W.seed) % (n + n / 2 + 1);

	(void)c;
	if (take > n)
		take = n;
	/* Those that were declined are kept, and may come later. */
	if (l->ended && l->kept == 0)
		W.wrong = "bytes after the end";
	l->kept = n - take;
	if (pattern_check(bytes, l->received, take) != take)
		W.wrong = "a byte is wrong";
	l->received += take;
	random_inside();
	return take;
}

static void random_ended(struct postern_conn *c, void *data)
{
	struct life *l = random_event(data);

	(void)c;
	if (l->ended++)
		W.wrong = "ended twice";
	random_inside();
}

static void random_drained(struct postern_conn *c, void *data)
{
	(void)random_event(data);
	(void)c;
	random_inside();
}

static void random_state(struct postern_conn *c, int state, void *data)
{
	struct life *l = random_event(data);

	if (state != POSTERN_STATE_CLOSING || postern_conn_state(c) != POSTERN_STATE_CLOSING ||
	    l->told++)
		W.wrong = "a state that is not, or was told before";
	random_inside();
}

static void random_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct life *l = random_event(data);

	l->closed++;
	if (postern_conn_state(c) != POSTERN_STATE_CLOSED || why->code < 1 ||
	    why->code > POSTERN_REASON_FAILED)
		W.wrong = "closed, and is not";
	random_inside();
}

static const struct postern_conn_events random_events = {
	.size = sizeof(random_events),
	.state = random_state,
	.received = random_received,
	.ended = random_ended,
	.drained = random_drained,
	.closed = random_closed,
};

static void random_born(struct life *l)
{
	struct postern_conn_options options = { .size = sizeof(options) };
	int sv[2];

	options.high_water = 1 + random_next(&W.seed) % 400000;
	options.unread = 1 + random_next(&W.seed) % 100000;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
	*l = (struct life){ .peer = sv[1] };
	assert_ok(postern_conn_adopt(&l->c, W.loop, sv[0], &options, &random_events, l));
}

static void random_write(struct life *l)
{
	size_t n = random_next(&W.seed) % (random_next(&W.seed) % 4 ? 2000 : 400000);
	ssize_t r = 0;

	pattern_fill(big, l->written, n);
	CALL(r = postern_conn_write(l->c, big, n));
	l->written += r > 0 ? (size_t)r : 0;
}

static void random_detach(struct life *l)
{
	int fd = -1;

	CALL(fd = postern_conn_detach(l->c));
	if (fd >= 0) {
		l->detached = true;
		close(fd);
	}
}

static void random_peer(struct life *l, unsigned what)
{
	size_t n = random_next(&W.seed) % 300000;
	ssize_t r;

	if (l->peer < 0)
		return;
	if (what < 4) {
		pattern_fill(big, l->sent, n);
		r = send(l->peer, big, n, MSG_NOSIGNAL);
		l->sent += r > 0 ? (size_t)r : 0;
	} else if (what < 8) {
		r = recv(l->peer, big, n, 0);
		if (r > 0 && pattern_check(big, l->read, (size_t)r) != (size_t)r)
			W.wrong = "a byte at the peer is wrong";
		l->read += r > 0 ? (size_t)r : 0;
	} else if (what == 8) {
		shutdown(l->peer, SHUT_WR);
	} else if (what == 9) {
		close(l->peer);
		l->peer = -1;
	}
}

static void random_step(bool inside)
{
	struct life *l = &W.lives[random_next(&W.seed) % ENDS];
	unsigned what = random_next(&W.seed) % 40;

	if (l->freed)
		what = 12 + what % 10; /* only its peer is left */
	if (what < 6)
		random_write(l);
	else if (what == 6)
		CALL(postern_conn_pause(l->c));
	else if (what < 9)
		CALL(postern_conn_resume(l->c));
	else if (what == 9)
		CALL(postern_conn_flush(l->c));
	else if (what == 10)
		CALL(postern_conn_shutdown(l->c));
	else if (what < 22)
		random_peer(l, what - 12);
	else if (what == 22)
		CALL(postern_conn_close(l->c));
	else if (what == 23)
		CALL(postern_conn_abort(l->c));
	else if (what == 24)
		random_detach(l);
	else if (what == 25) {
		l->freed = true;
		CALL((postern_conn_free(l->c), 0));
	} else if (!inside)
		assert_ok(postern_loop_dispatch(W.loop, 0));
}

static void random_life(uint64_t seed)
{
	memset(&W, 0, sizeof(W));
	W.seed = seed;
	assert_ok(postern_loop_new(&W.loop));
	for (int i = 0; i < ENDS; i++)
		random_born(&W.lives[i]);
	for (int i = 0; i < STEPS && !W.wrong; i++)
		random_step(false);
	/* All must come to an end. */
	for (int i = 0; i < ENDS; i++) {
		if (!W.lives[i].freed && random_next(&W.seed) % 2)
			CALL(postern_conn_abort(W.lives[i].c));
		if (W.lives[i].peer >= 0)
			close(W.lives[i].peer);
	}
	for (int i = 0; i < 3; i++)
		assert_ok(postern_loop_dispatch(W.loop, 0));
	W.depth = 1;
	postern_loop_free(W.loop); /* gives what is pending its final event */
	for (int i = 0; i < ENDS; i++) {
		struct life *l = &W.lives[i];

		if (!l->freed && !l->detached && l->closed != 1)
			W.wrong = "no final event";
		if (!l->freed)
			postern_conn_free(l->c);
	}
	if (W.wrong)
		print_error("seed %llu: %s\n", (unsigned long long)seed, W.wrong);
	assert_null(W.wrong);
}

static void law2_random_lives_have_one_end_and_no_callback_inside_a_call(void **state)
{
	const uint64_t lives = (uint64_t)(4000 / test_scale());
	int fds = test_fd_count();

	(void)state;
	for (uint64_t seed = 1; seed <= lives; seed++) {
		random_life(seed);
		assert_int_equal(test_fd_count(), fds);
	}
	test_note("seeds 1 to %llu", (unsigned long long)lives);
}

/* ---- law 3: bound ---- */

static void count_timer(struct postern_timer *t, void *data)
{
	(void)t;
	++*(unsigned *)data;
}

struct flood {
	int peer;
	size_t n;
};

/* There is always more where this came from: the peer is as fast as can be. */
static size_t flood_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	struct flood *f = data;

	(void)c;
	(void)bytes;
	f->n += n;
	while (send(f->peer, big, 65536, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		;
	return n;
}

/* While others are there, one full buffer comes from one peer in a turn, however much it has. */
static void law3_a_flooding_peer_gets_its_share_of_a_turn_and_no_more(void **state)
{
	static const struct postern_conn_events events = { .size = sizeof(events),
							   .received = flood_received };
	struct postern_timer *timer;
	struct flood flood = { .n = 0 };
	size_t most = 0;
	unsigned ticks = 0, rounds = 0;
	struct postern_conn *flooded;
	struct pair p;
	int sv[2];
	int64_t until;

	(void)state;
	pair_open(&p, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	flood.peer = sv[1];
	assert_ok(postern_conn_adopt(&flooded, p.loop, sv[0], NULL, &events, &flood));
	assert_ok(postern_timer_new(&timer, p.loop, count_timer, &ticks));
	assert_ok(postern_timer_set_periodic(timer, POSTERN_MS(10)));
	assert_int_equal(send(sv[1], big, 65536, MSG_DONTWAIT), 65536);
	until = test_now_ns() + POSTERN_MS(300);
	while (test_now_ns() < until) {
		size_t before = flood.n;

		if (p.end.n == rounds) {
			pair_send(&p, "x", 1);
			rounds++;
		}
		turn(p.loop, 10);
		most = flood.n - before > most ? flood.n - before : most;
	}
	test_note("%zu MiB flooded, %zu KiB in one turn, %u ticks, %u bytes of the other",
		  flood.n >> 20, most >> 10, ticks, rounds);
	assert_int_equal(most, 65536);
	assert_true(ticks >= 5);
	assert_true(rounds > 10);
	postern_timer_free(timer);
	postern_conn_free(flooded);
	close(sv[1]);
	pair_close(&p);
}

static void again(struct postern_loop *loop, void *data)
{
	++*(unsigned *)data;
	if (loop)
		assert_ok(postern_loop_post(loop, again, data));
}

static void law3_a_post_that_posts_itself_ends_its_turn(void **state)
{
	unsigned n = 0, before;
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_loop_post(p.loop, again, &n));
	for (int i = 0; i < 5; i++) {
		before = n;
		turn(p.loop, 10);
		assert_true(n - before <= 1);
	}
	pair_send(&p, "x", 1);
	turn_until(p.loop, p.end.n == 1);
	pair_close(&p);
}

/* ---- a write outside dispatch ---- */

static bool readable(const struct postern_loop *loop)
{
	struct pollfd fd = { .fd = postern_loop_fd(loop), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

static void pending_work_makes_the_loops_descriptor_readable(void **state)
{
	struct pair p;

	(void)state;
	for (int what = 0; what < 6; what++) {
		pair_open(&p, NULL);
		p.end.take = 0;
		pair_send(&p, "kept", 4);
		turn_quiet(p.loop);
		assert_false(readable(p.loop));
		if (what == 0)
			assert_int_equal(postern_conn_write(p.c, "hello", 5), 5);
		else if (what == 1)
			assert_ok(postern_conn_close(p.c));
		else if (what == 2)
			assert_ok(postern_conn_abort(p.c));
		else if (what == 3)
			assert_ok(postern_conn_shutdown(p.c));
		else if (what == 4)
			assert_ok(postern_conn_resume(p.c));
		else
			postern_loop_stop(p.loop);
		assert_true(readable(p.loop));
		turn_quiet(p.loop);
		assert_false(readable(p.loop));
		pair_close(&p);
	}
}

static void what_a_turn_leaves_makes_the_loops_descriptor_readable(void **state)
{
	unsigned n = 0;
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	/* More than one turn sends to one peer, to a peer that reads all at once. */
	assert_int_equal(postern_conn_write(p.c, big, sizeof(big)), sizeof(big));
	while (postern_conn_queued(p.c) > 0 && n++ < 1000) {
		assert_true(readable(p.loop));
		turn(p.loop, 0);
		while (recv(p.peer, big, sizeof(big), 0) > 0)
			;
	}
	assert_int_equal(postern_conn_queued(p.c), 0);
	pair_close(&p);
}

/* ---- law 4: quiet ---- */

static int lose_a_peer(void *arg)
{
	struct pair p;

	(void)arg;
	signal(SIGPIPE, SIG_DFL);
	for (int how = 0; how < 4; how++) {
		pair_open(&p, NULL);
		pair_close_peer(&p);
		(void)!postern_conn_write(p.c, big, how & 1 ? 5 : sizeof(big));
		if (how & 2)
			postern_conn_flush(p.c);
		else
			turn_until(p.loop, p.end.closed);
		pair_close(&p);
	}
	return 0;
}

static void law4_sigpipe_is_never_raised(void **state)
{
	(void)state;
	assert_int_equal(test_fork(lose_a_peer, NULL), 0);
}

static void whole_life(void)
{
	struct postern_conn *c;
	struct site s;
	int fd;

	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	assert_ok(postern_connect(&c, s.loop, "clock", NULL, &end_events, calloc(1, 1)));
	free(postern_conn_data(c));
	postern_conn_free(c);
	unlink(test_path("clock/sock"));
	turn_until(s.loop, s.errors[POSTERN_REASON_NAME_RESTORED] == 1);
	assert_ok(postern_server_drain(s.server, 0));
	turn_until(s.loop, s.closed);
	site_close(&s);
	close(fd);
}

static void law4_signals_masks_the_umask_and_errno_are_left_alone(void **state)
{
	struct sigaction before[65], after;
	sigset_t mask[2];
	mode_t mode = umask(0027);

	(void)state;
	for (int i = 1; i < 65; i++)
		sigaction(i, NULL, &before[i]);
	sigprocmask(SIG_SETMASK, NULL, &mask[0]);
	whole_life();
	sigprocmask(SIG_SETMASK, NULL, &mask[1]);
	assert_memory_equal(&mask[0], &mask[1], sizeof(mask[0]));
	for (int i = 1; i < 65; i++)
		if (sigaction(i, NULL, &after) == 0)
			assert_ptr_equal(after.sa_handler, before[i].sa_handler);
	assert_int_equal(umask(mode), 0027);
}

static void law4_errno_is_left_alone_by_calls_that_fail(void **state)
{
	struct postern_server *server = NULL;
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	pair_close_peer(&p);
	errno = 1234;
	assert_int_equal(postern_conn_write(p.c, "x", 1), 1);
	assert_int_equal(postern_conn_flush(p.c), 0); /* EPIPE in there */
	assert_int_equal(errno, 1234);
	assert_ok(postern_loop_dispatch(p.loop, 0)); /* EAGAIN, ECONNRESET */
	assert_int_equal(errno, 1234);
	assert_true(postern_server_new(&server, p.loop, "/dev/null/x", NULL, &site_events, NULL) <
		    0);
	assert_int_equal(errno, 1234);
	pair_close(&p);
}

static int print_nothing(void *arg)
{
	int fd = open(arg, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct postern_server *server = NULL;
	struct postern_loop *loop;
	struct stat st;
	bool silent;

	if (fd < 0)
		return 3;
	silent = dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0;
	close(fd);
	if (!silent)
		return 3;
	whole_life();
	if (postern_loop_new(&loop) < 0 ||
	    postern_server_new(&server, loop, "no name", NULL, &site_events, NULL) != -EINVAL)
		return 1;
	postern_loop_free(loop);
	fflush(NULL);
	return fstat(STDOUT_FILENO, &st) == 0 && st.st_size == 0 ? 0 : 2;
}

static void law4_nothing_is_printed(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s", test_path("output"));
	assert_int_equal(test_fork(print_nothing, path), 0);
}

/* ---- law 5 is the peer's bytes: test-adopt.c, T1; law 7 ---- */

static void law7_what_was_sent_before_the_end_comes_before_it(void **state)
{
	struct pair p;

	(void)state;
	/* Five ways to go, each with bytes sent just before. */
	for (int way = 0; way < 5; way++) {
		pair_open(&p, NULL);
		pattern_fill(big, 0, 100000);
		if (way >= 2) {
			assert_int_equal(postern_conn_write(p.c, "unread", 6), 6);
			turn_quiet(p.loop);
		}
		pair_send(&p, big, 100000);
		if (way == 1 || way == 3)
			shutdown(p.peer, SHUT_RDWR);
		if (way == 4)
			assert_int_equal(postern_conn_write(p.c, "more", 4), 4);
		pair_close_peer(&p);
		turn_until(p.loop, p.end.closed);
		assert_int_equal(p.end.n, 100000);
		assert_int_equal(pattern_check(p.end.bytes, 0, 100000), 100000);
		assert_string_equal(p.end.trace, "rec");
		pair_close(&p);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(law2_random_lives_have_one_end_and_no_callback_inside_a_call),
		TEST(law3_a_flooding_peer_gets_its_share_of_a_turn_and_no_more),
		TEST(law3_a_post_that_posts_itself_ends_its_turn),
		TEST(pending_work_makes_the_loops_descriptor_readable),
		TEST(what_a_turn_leaves_makes_the_loops_descriptor_readable),
		TEST(law4_sigpipe_is_never_raised),
		TEST(law4_signals_masks_the_umask_and_errno_are_left_alone),
		TEST(law4_errno_is_left_alone_by_calls_that_fail),
		TEST(law4_nothing_is_printed),
		TEST(law7_what_was_sent_before_the_end_comes_before_it),
	};
	return test_run(tests);
}
