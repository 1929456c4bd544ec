/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-connect.c - the bounded connect, on a clock that stands still unless something waits for it
 *
 * So deadlines and waits are exact: a difference of a nanosecond fails a test.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/server.h>

#include "fault.h"
#include "loop/loop.h"

enum { STEPS = 4096 };

/* What was told, in order: states, and the time of each. */
static struct {
	struct postern_loop *loop;
	struct postern_conn *c;
	int n, states[STEPS];
	int64_t at_ns[STEPS];
	int closed, code, error, last_error, waits_without_reason;
	uint32_t attempts;
	char text[512];
	size_t received;
	int kill_at, kill_how; /* at this step, do that */
} told;

enum { KILL_FREE = 1, KILL_ABORT, KILL_CLOSE, KILL_LOOP };

static void told_kill(struct postern_conn *c)
{
	switch (told.n - 1 == told.kill_at ? told.kill_how : 0) {
	case KILL_FREE:
		told.c = postern_conn_free(c);
		break;
	case KILL_ABORT:
		assert_ok(postern_conn_abort(c));
		break;
	case KILL_CLOSE:
		assert_ok(postern_conn_close(c));
		break;
	case KILL_LOOP:
		told.loop = postern_loop_free(told.loop);
		break;
	}
}

static void told_state(struct postern_conn *c, int state, void *data)
{
	const struct postern_reason *why = postern_conn_why(c);

	assert_ptr_equal(data, &told);
	assert_int_equal(postern_conn_state(c), state);
	assert_int_equal(told.closed, 0);
	assert_true(told.n < STEPS);
	told.states[told.n] = state;
	told.at_ns[told.n++] = postern_now();
	if (state == POSTERN_WAITING) {
		told.last_error = why->error;
		told.waits_without_reason += why->code == 0 || !strstr(why->text, "attempt ");
	}
	told_kill(c);
}

static void told_closed(struct postern_conn *c, const struct postern_reason *why, void *data)
{
	struct postern_conn_counters counters;

	(void)data;
	told.closed++;
	told.code = why->code;
	told.error = why->error;
	snprintf(told.text, sizeof told.text, "%s", why->text);
	assert_int_equal(postern_conn_state(c), POSTERN_CLOSED);
	assert_int_equal(postern_conn_why(c)->code, why->code);
	assert_ok(postern_conn_get_counters(c, &counters));
	told.attempts = counters.attempts;
}

static size_t told_received(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)c, (void)bytes, (void)data;
	told.received += n;
	return n;
}

static const struct postern_conn_events told_events = {
	.size = sizeof told_events,
	.state = told_state,
	.received = told_received,
	.closed = told_closed,
};

static int connect_setup(void **state)
{
	(void)state;
	memset(&told, 0, sizeof told);
	told.kill_at = -1;
	fault_reset();
	fault_clock_fake();
	assert_ok(postern_loop_new(&told.loop));
	return 0;
}

static int connect_finish(void **state)
{
	(void)state;
	postern_conn_free(told.c);
	postern_loop_free(told.loop);
	assert_int_equal(fault_memory(), 0);
	fault_disarm();
	return 0;
}

#define OPTIONS(...)                                                                        \
	(&(struct postern_connect_options){ .size = sizeof(struct postern_connect_options), \
					    __VA_ARGS__ })

#define CONNECT_TEST(name) TEST_WITH(name, connect_setup, connect_finish)

static void connect_to(const char *name, const struct postern_connect_options *options)
{
	assert_ok(postern_connect(&told.c, told.loop, name, options, &told_events, &told));
}

/* Until the final event, or until it is connected. Returns what that took. */
static int64_t connect_await(void)
{
	int64_t begin = postern_now();

	for (int turns = 0; told.loop && told.c && !told.closed; turns++) {
		int r;

		assert_true(turns < 2 * STEPS);
		if (postern_conn_state(told.c) == POSTERN_CONNECTED)
			break;
		r = postern_loop_dispatch(told.loop, POSTERN_FOREVER);
		if (r == -ENOTCONN && !told.loop)
			break;
		assert_ok(r);
	}
	return postern_now() - begin;
}

static void connect_again(void)
{
	told.c = postern_conn_free(told.c);
	told.n = told.closed = told.waits_without_reason = 0;
}

static int count_states(int state)
{
	int n = 0;

	for (int i = 0; i < told.n; i++)
		n += told.states[i] == state;
	return n;
}

/* ---- sockets to connect to ---- */

static int socket_at(const char *path, int type, int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_ok(fd);
	assert_true(strlen(path) < sizeof address.sun_path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
	if (backlog >= 0)
		assert_ok(listen(fd, backlog));
	return fd;
}

static int connect_raw(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- deadline, attempts, backoff ---- */

static void the_deadline_is_honoured_to_the_nanosecond(void **state)
{
	static const int64_t deadlines[] = { 1, 999999, POSTERN_MS(500), POSTERN_SECONDS(3600) };

	(void)state;
	for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
		connect_to("nobody",
			   OPTIONS(.deadline_ns = deadlines[i], .backoff_max_ns = deadlines[i]));
		assert_int_equal(connect_await(), deadlines[i]);
		assert_int_equal(told.code, POSTERN_REASON_TIMEOUT);
		assert_int_equal(told.error, -ENOENT);
		assert_int_equal(told.closed, 1);
		assert_non_null(strstr(told.text, "nobody"));
		connect_again();
	}
	connect_to("nobody", NULL);
	assert_int_equal(connect_await(), POSTERN_SECONDS(5)); /* the default */
}

static void the_limit_of_attempts_ends_it_with_no_server(void **state)
{
	(void)state;
	for (uint32_t attempts = 1; attempts <= 5; attempts++) {
		connect_to("nobody", OPTIONS(.attempts = attempts));
		assert_true(connect_await() < POSTERN_SECONDS(5));
		assert_int_equal(told.code, POSTERN_REASON_NO_SERVER);
		assert_int_equal(told.error, -ENOENT);
		assert_int_equal(told.attempts, attempts);
		assert_int_equal(count_states(POSTERN_CONNECTING), attempts);
		assert_int_equal(count_states(POSTERN_WAITING), attempts - 1);
		connect_again();
	}
}

/* Each attempt is told, and each failure with its reason. */
static void each_attempt_is_told_with_its_reason(void **state)
{
	(void)state;
	connect_to("nobody", NULL);
	connect_await();
	assert_true(told.attempts > 5);
	assert_int_equal(count_states(POSTERN_CONNECTING), told.attempts);
	assert_int_equal(count_states(POSTERN_WAITING), told.attempts - 1);
	for (int i = 0; i < told.n; i++)
		assert_int_equal(told.states[i], i % 2 ? POSTERN_WAITING : POSTERN_CONNECTING);
	assert_int_equal(told.waits_without_reason, 0);
	assert_int_equal(told.last_error, -ENOENT);
}

/*
 * Full jitter: the k-th wait is evenly spread between 0 and 10 ms * 2^k, at most 1 s. Over 400 runs the
 * mean of each is near half its cap, none is above, and some are in the lowest and the highest tenth.
 */
static void waits_double_with_full_jitter_and_stay_below_their_caps(void **state)
{
	enum { RUNS = 400, WAITS = 12 };
	double sums[WAITS] = { 0 };
	int low[WAITS] = { 0 }, high[WAITS] = { 0 };

	(void)state;
	told.loop->random = 88172645463325252;
	for (int run = 0; run < RUNS; run++) {
		int64_t cap = POSTERN_MS(10);

		connect_to("nobody",
			   OPTIONS(.deadline_ns = POSTERN_FOREVER, .attempts = WAITS + 1));
		connect_await();
		for (int k = 0; k < WAITS; k++) {
			int64_t wait = told.at_ns[2 * k + 2] - told.at_ns[2 * k + 1];

			assert_true(wait >= 1 && wait <= cap);
			sums[k] += (double)wait / (double)cap;
			low[k] += wait < cap / 10;
			high[k] += wait > cap - cap / 10;
			cap = 2 * cap < POSTERN_SECONDS(1) ? 2 * cap : POSTERN_SECONDS(1);
		}
		connect_again();
	}
	for (int k = 0; k < WAITS; k++) {
		assert_true(sums[k] / RUNS > 0.45 && sums[k] / RUNS < 0.55);
		assert_in_range(low[k], RUNS / 20, RUNS / 5);
		assert_in_range(high[k], RUNS / 20, RUNS / 5);
	}
}

static void own_backoff_bounds_are_kept(void **state)
{
	(void)state;
	connect_to("nobody",
		   OPTIONS(.deadline_ns = POSTERN_SECONDS(60), .backoff_ns = POSTERN_MS(1),
			   .backoff_max_ns = POSTERN_MS(100)));
	connect_await();
	assert_true(told.attempts > 600);
	for (int k = 0; 2 * k + 2 < told.n; k++) {
		int64_t cap = k < 7 ? POSTERN_MS(1) << k : POSTERN_MS(100);

		assert_true(told.at_ns[2 * k + 2] - told.at_ns[2 * k + 1] <=
			    (cap < POSTERN_MS(100) ? cap : POSTERN_MS(100)));
	}
}

static void forever_is_only_for_those_who_write_it_out(void **state)
{
	(void)state;
	connect_to("nobody", OPTIONS(.deadline_ns = POSTERN_FOREVER));
	for (int i = 0; i < 2000; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	assert_int_equal(told.closed, 0);
	assert_true(told.at_ns[told.n - 1] - told.at_ns[0] > POSTERN_SECONDS(300));
	postern_conn_abort(told.c);
	connect_await();
	assert_int_equal(told.code, POSTERN_REASON_ABORTED);
}

/* ---- pains 9 and 10: what is worth waiting for ---- */

static struct postern_server *late_server;

static void late_starts(struct postern_timer *t, void *data)
{
	static const struct postern_server_events events = { .size = sizeof events };

	(void)t, (void)data;
	assert_ok(postern_server_new(&late_server, told.loop, "late", NULL, &events, NULL));
}

static void pain_10_a_server_that_comes_up_late_is_found(void **state)
{
	struct postern_timer *t;

	(void)state;
	assert_ok(postern_timer_new(&t, told.loop, late_starts, NULL));
	assert_ok(postern_timer_set(t, POSTERN_MS(2700)));
	connect_to("late", NULL);
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_CONNECTED);
	assert_int_equal(told.last_error, -ENOENT);
	assert_int_equal(told.states[told.n - 1], POSTERN_CONNECTED);
	postern_server_free(late_server);
	postern_timer_free(t);
}

/* It came in the last pause, which the deadline cut short: the last attempt is made at the deadline itself. */
static void pain_10_the_last_attempt_is_at_the_deadline_itself(void **state)
{
	struct postern_timer *t;
	int64_t begin = postern_now();

	(void)state;
	assert_ok(postern_timer_new(&t, told.loop, late_starts, NULL));
	assert_ok(postern_timer_set(t, POSTERN_MS(700) - 1));
	connect_to("late",
		   OPTIONS(.deadline_ns = POSTERN_MS(700), .backoff_ns = POSTERN_SECONDS(3600),
			   .backoff_max_ns = POSTERN_SECONDS(3600)));
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_CONNECTED);
	assert_int_equal(told.at_ns[told.n - 1], begin + POSTERN_MS(700));
	postern_server_free(late_server);
	postern_timer_free(t);
}

static void pain_10_a_socket_that_nobody_listens_on_is_waited_for(void **state)
{
	const char *path = test_path("stale");
	int fd = socket_at(path, SOCK_STREAM, -1);

	(void)state;
	connect_to(path, NULL);
	for (int i = 0; i < 6; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	assert_int_equal(told.last_error, -ECONNREFUSED);
	assert_ok(listen(fd, 8));
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_CONNECTED);
	close(fd);
}

static void pain_09_a_full_backlog_is_retried_within_the_deadline(void **state)
{
	const char *path = test_path("full");
	int fd = socket_at(path, SOCK_STREAM, 0), fill[8], n = 0;

	(void)state;
	while (n < 8 && (fill[n] = connect_raw(path)) >= 0)
		n++;
	assert_in_range(n, 1, 7);
	connect_to(path, OPTIONS(.deadline_ns = POSTERN_MS(500)));
	fault_count_reset();
	assert_int_equal(connect_await(), POSTERN_MS(500));
	assert_int_equal(told.code, POSTERN_REASON_TIMEOUT);
	assert_int_equal(told.error, -EAGAIN);
	/* No polling in between: the turns are those of the attempts. */
	assert_true(fault_count(FAULT_epoll_wait) <= 2 * told.attempts + 2);
	connect_again();

	connect_to(path, NULL);
	for (int i = 0; i < 6; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	assert_int_equal(told.last_error, -EAGAIN);
	close(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_CONNECTED);
	while (n > 0)
		close(fill[--n]);
	close(fd);
}

/* ---- what is final ---- */

static void expect_final(const char *name, int code, int error)
{
	int64_t took;

	connect_to(name, NULL);
	took = connect_await();
	assert_int_equal(told.error, error);
	assert_int_equal(told.code, code);
	assert_int_equal(told.attempts, 1);
	assert_int_equal(took, 0);
	assert_true(strlen(told.text) > 10);
	connect_again();
}

static void what_is_no_stream_socket_is_final(void **state)
{
	int fd;

	(void)state;
	fd = socket_at(test_path("dgram"), SOCK_DGRAM, -1);
	expect_final(test_path("dgram"), POSTERN_REASON_WRONG_TYPE, -EPROTOTYPE);
	close(fd);
	fd = socket_at(test_path("seq"), SOCK_SEQPACKET, 8);
	expect_final(test_path("seq"), POSTERN_REASON_WRONG_TYPE, -EPROTOTYPE);
	close(fd);
	close(open(test_path("file"), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	expect_final(test_path("file"), POSTERN_REASON_WRONG_TYPE, -ENOTSOCK);
	assert_ok(mkdir(test_path("dir"), 0700));
	expect_final(test_path("dir"), POSTERN_REASON_WRONG_TYPE, -ENOTSOCK);
}

static void running_out_of_descriptors_is_final_and_typed(void **state)
{
	struct rlimit old, none;
	int fd = socket_at(test_path("s"), SOCK_STREAM, 8);

	(void)state;
	assert_ok(getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 3;
	connect_to(test_path("s"), NULL);
	assert_ok(setrlimit(RLIMIT_NOFILE, &none));
	connect_await();
	assert_ok(setrlimit(RLIMIT_NOFILE, &old));
	assert_int_equal(told.code, POSTERN_REASON_NO_RESOURCES);
	assert_int_equal(told.error, -EMFILE);
	close(fd);
}

static void no_permission_is_final_when_it_came_twice_100_ms_apart(void **state)
{
	(void)state;
	fault_arm(
		&(struct fault){ .call = FAULT_connect, .nth = 1, .error = EACCES, .stays = true });
	connect_to("denied", NULL);
	connect_await();
	assert_int_equal(fault_disarm(), 2);
	assert_int_equal(told.code, POSTERN_REASON_NOT_ALLOWED);
	assert_int_equal(told.error, -EACCES);
	assert_int_equal(told.attempts, 2);
	assert_true(told.at_ns[2] - told.at_ns[0] >= POSTERN_MS(100));
	assert_true(told.at_ns[2] - told.at_ns[0] <= POSTERN_MS(110));
	connect_again();

	/* Once only: a server that had not yet set its mode. */
	fault_arm(&(struct fault){ .call = FAULT_connect, .nth = 1, .error = EACCES });
	late_starts(NULL, NULL);
	connect_to("late", NULL);
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_CONNECTED);
	postern_server_free(late_server);
}

/* ---- who is the server ---- */

struct foreign {
	char path[256];
	uid_t uid;
	int ready;
};

static int foreign_main(void *arg)
{
	struct foreign *f = arg;
	int fd;

	if (setgid(f->uid) < 0 || setuid(f->uid) < 0)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* setuid takes it back */
	/* postern-review: ignore L1 the process ends with this function */
	fd = socket_at(f->path, SOCK_STREAM, 8);
	if (chmod(f->path, 0666) < 0 || write(f->ready, "x", 1) != 1 || fd < 0)
		return 2;
	for (;;)
		pause();
}

/* A server of another uid, in a directory of root's that all may write to. */
static pid_t foreign_start(struct foreign *f, uid_t uid)
{
	int fds[2];
	pid_t pid;
	char x;

	if (geteuid() != 0)
		test_skip("only root can run a server as somebody else");
	assert_ok(chmod(test_dir(), 0711));
	assert_ok(mkdir(test_path("open"), 0700));
	assert_ok(chmod(test_path("open"), 01777));
	snprintf(f->path, sizeof f->path, "%s", test_path("open/s"));
	assert_ok(pipe(fds));
	f->uid = uid;
	f->ready = fds[1];
	pid = test_fork_start(foreign_main, f);
	close(fds[1]);
	assert_int_equal(read(fds[0], &x, 1), 1);
	close(fds[0]);
	return pid;
}

static void foreign_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	test_fork_wait(pid);
}

static void a_server_of_another_uid_is_not_trusted_unless_named(void **state)
{
	static const uid_t wrong[] = { 0, 1, 65533 }, right[] = { 3, 4242 };
	struct foreign f;
	pid_t pid = foreign_start(&f, 4242);

	(void)state;
	expect_final(f.path, POSTERN_REASON_NOT_ALLOWED, -EPERM);
	assert_non_null(strstr(told.text, "4242"));
	connect_to(f.path, OPTIONS(.server_uids = wrong, .n_server_uids = 3));
	connect_await();
	assert_int_equal(told.code, POSTERN_REASON_NOT_ALLOWED);
	connect_again();
	connect_to(f.path, OPTIONS(.server_uids = right, .n_server_uids = 2));
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_CONNECTED);
	foreign_stop(pid);
}

static void the_owner_of_the_directory_is_trusted(void **state)
{
	struct foreign f;
	pid_t pid = foreign_start(&f, 4242);

	(void)state;
	assert_ok(chown(test_path("open"), 4242, 4242));
	connect_to(f.path, NULL);
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_CONNECTED);
	foreign_stop(pid);
}

static void server_uids_leave_out_even_me(void **state)
{
	static const uid_t others[] = { 4242 };

	(void)state;
	late_starts(NULL, NULL);
	connect_to("late", OPTIONS(.server_uids = others, .n_server_uids = 1));
	connect_await();
	assert_int_equal(told.code, POSTERN_REASON_NOT_ALLOWED);
	assert_int_equal(told.error, -EPERM);
	postern_server_free(late_server);
}

/* ---- cancelling ---- */

static void cancel_once(int how, int at)
{
	connect_setup(NULL);
	late_starts(NULL, NULL);
	told.kill_at = at;
	told.kill_how = how;
	fault_arm(&(struct fault){
		.call = FAULT_connect, .nth = 1, .error = ECONNREFUSED, .stays = true });
	connect_to("late", OPTIONS(.attempts = 4));
	connect_await();
	if (how == KILL_FREE)
		assert_int_equal(told.closed, 0); /* a free is silent */
	else
		assert_int_equal(told.closed, 1);
	if (how == KILL_ABORT || how == KILL_CLOSE)
		assert_int_equal(told.code, POSTERN_REASON_ABORTED);
	if (how == KILL_LOOP)
		assert_int_equal(told.code, POSTERN_REASON_CANCELLED);
	assert_int_equal(told.n, at + 1);
	fault_disarm();
	postern_server_free(late_server);
	connect_finish(NULL);
}

/* States: connecting, waiting, connecting, ... with four attempts. */
static void it_can_be_cancelled_in_each_state_event_in_each_way(void **state)
{
	(void)state;
	for (int how = KILL_FREE; how <= KILL_LOOP; how++)
		for (int at = 0; at < 7; at++)
			cancel_once(how, at);
}

static void cancel_connected(int how)
{
	connect_setup(NULL);
	late_starts(NULL, NULL);
	told.kill_at = 1;
	told.kill_how = how;
	connect_to("late", NULL);
	for (int i = 0; i < 10 && told.loop && told.c && !told.closed; i++)
		postern_loop_dispatch(told.loop, POSTERN_MS(1));
	assert_int_equal(told.states[1], POSTERN_CONNECTED);
	assert_int_equal(told.closed, how == KILL_FREE ? 0 : 1);
	postern_server_free(late_server);
	connect_finish(NULL);
}

static void it_can_be_cancelled_in_the_connected_event(void **state)
{
	(void)state;
	for (int how = KILL_FREE; how <= KILL_LOOP; how++)
		cancel_connected(how);
}

static void cancel_between(int how, int turns)
{
	connect_setup(NULL);
	connect_to("nobody", NULL);
	for (int i = 0; i < turns; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	told.kill_at = told.n - 1;
	told.kill_how = how;
	if (told.n == 0)
		told.n = 1, told.kill_at = 0;
	told_kill(told.c);
	told.kill_at = -1;
	connect_await();
	assert_int_equal(told.closed, how == KILL_FREE ? 0 : 1);
	connect_finish(NULL);
}

static void it_can_be_cancelled_between_turns_in_each_way(void **state)
{
	(void)state;
	for (int how = KILL_FREE; how <= KILL_LOOP; how++)
		for (int turns = 0; turns < 6; turns++)
			cancel_between(how, turns);
}

/* ---- the call itself ---- */

static void options_that_cannot_be_right_are_refused_at_once(void **state)
{
	static const uid_t uids[1];
	static const struct postern_conn_options bad_water = { .size = sizeof bad_water,
							       .high_water = 10,
							       .low_water = 11 };
	const struct postern_connect_options bad[] = {
		{ .size = 4 },
		{ .size = 5000 },
		{ .size = sizeof *bad, .deadline_ns = -1 },
		{ .size = sizeof *bad, .backoff_ns = -1 },
		{ .size = sizeof *bad, .backoff_max_ns = -1 },
		{ .size = sizeof *bad, .n_server_uids = 1 },
		{ .size = sizeof *bad, .n_server_uids = 5000, .server_uids = uids },
		{ .size = sizeof *bad, .conn = &bad_water },
	};
	struct {
		struct postern_connect_options ours;
		uint64_t news;
	} newer = { { .size = sizeof newer }, 0 };
	struct postern_conn *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_errno(postern_connect(&c, told.loop, "x", &bad[i], &told_events, &told),
			     -EINVAL);
	newer.news = 1;
	assert_errno(postern_connect(&c, told.loop, "x", &newer.ours, &told_events, &told), -E2BIG);
	newer.news = 0;
	assert_ok(postern_connect(&c, told.loop, "x", &newer.ours, &told_events, &told));
	c = postern_conn_free(c);
	/* An older caller knows of the deadline alone. */
	newer.ours = (struct postern_connect_options){
		.size = offsetof(struct postern_connect_options, backoff_ns),
		.deadline_ns = POSTERN_MS(3),
		.n_server_uids = 77,
	};
	connect_to("nobody", &newer.ours);
	assert_int_equal(connect_await(), POSTERN_MS(3));
}

static void arguments_that_cannot_be_right_are_refused_at_once(void **state)
{
	static const char *const names[] = { "", ".x", "a b", "a\nb", "@", "fd:3", "fd:", "/" };
	static const struct postern_conn_events old = { .size = 8 };
	struct postern_conn *c = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_errno(postern_connect(&c, told.loop, names[i], NULL, &told_events, &told),
			     -EINVAL);
		assert_int_not_equal(postern_loop_why(told.loop)->code, 0);
		assert_true(strlen(postern_loop_why(told.loop)->text) > 10);
	}
	assert_errno(postern_connect(NULL, told.loop, "x", NULL, &told_events, &told), -EINVAL);
	assert_errno(postern_connect(&c, NULL, "x", NULL, &told_events, &told), -EINVAL);
	assert_errno(postern_connect(&c, told.loop, NULL, NULL, &told_events, &told), -EINVAL);
	assert_errno(postern_connect(&c, told.loop, "x", NULL, NULL, &told), -EINVAL);
	assert_errno(postern_connect(&c, told.loop, "x", NULL, &old, &told), -EINVAL);
	assert_null(c);
	/* A good one clears what the last failure said. */
	connect_to("x", NULL);
	assert_int_equal(postern_loop_why(told.loop)->code, 0);
}

static void no_event_comes_inside_the_call(void **state)
{
	(void)state;
	late_starts(NULL, NULL);
	connect_to("late", NULL);
	assert_int_equal(told.n, 0);
	assert_int_equal(postern_conn_state(told.c), POSTERN_CONNECTING);
	assert_int_equal(told.n, 0);
	postern_server_free(late_server);
}

/* ---- what is written meanwhile ---- */

static const struct postern_server_events swallow_server = {
	.size = sizeof swallow_server,
	.conn = &(const struct postern_conn_events){ .size = sizeof(struct postern_conn_events),
						     .received = told_received },
};

static void what_is_written_while_connecting_arrives_afterwards(void **state)
{
	struct postern_server *s;

	(void)state;
	connect_to("writer", NULL);
	assert_int_equal(postern_conn_write(told.c, "hello ", 6), 6);
	for (int i = 0; i < 5; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_FOREVER));
	assert_int_equal(postern_conn_write(told.c, "again", 5), 5);
	assert_int_equal(postern_conn_queued(told.c), 11);
	assert_ok(postern_server_new(&s, told.loop, "writer", NULL, &swallow_server, NULL));
	for (int i = 0; i < 200 && told.received < 11; i++)
		assert_ok(postern_loop_dispatch(told.loop, POSTERN_MS(100)));
	assert_int_equal(told.received, 11);
	postern_server_free(s);
}

static void a_failed_connect_drops_what_was_written_and_says_so(void **state)
{
	(void)state;
	connect_to("nobody", NULL);
	assert_int_equal(postern_conn_write(told.c, "hello", 5), 5);
	connect_await();
	assert_int_equal(told.code, POSTERN_REASON_TIMEOUT);
	assert_int_equal(postern_conn_queued(told.c), 0);
	assert_errno(postern_conn_write(told.c, "more", 4), -ENOTCONN);
	assert_errno(postern_conn_close(told.c), -ENOTCONN);
	assert_errno(postern_conn_fd(told.c), -ENOTCONN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONNECT_TEST(the_deadline_is_honoured_to_the_nanosecond),
		CONNECT_TEST(the_limit_of_attempts_ends_it_with_no_server),
		CONNECT_TEST(each_attempt_is_told_with_its_reason),
		CONNECT_TEST(waits_double_with_full_jitter_and_stay_below_their_caps),
		CONNECT_TEST(own_backoff_bounds_are_kept),
		CONNECT_TEST(forever_is_only_for_those_who_write_it_out),
		CONNECT_TEST(pain_10_a_server_that_comes_up_late_is_found),
		CONNECT_TEST(pain_10_the_last_attempt_is_at_the_deadline_itself),
		CONNECT_TEST(pain_10_a_socket_that_nobody_listens_on_is_waited_for),
		CONNECT_TEST(pain_09_a_full_backlog_is_retried_within_the_deadline),
		CONNECT_TEST(what_is_no_stream_socket_is_final),
		CONNECT_TEST(running_out_of_descriptors_is_final_and_typed),
		CONNECT_TEST(no_permission_is_final_when_it_came_twice_100_ms_apart),
		CONNECT_TEST(a_server_of_another_uid_is_not_trusted_unless_named),
		CONNECT_TEST(the_owner_of_the_directory_is_trusted),
		CONNECT_TEST(server_uids_leave_out_even_me),
		TEST(it_can_be_cancelled_in_each_state_event_in_each_way),
		TEST(it_can_be_cancelled_in_the_connected_event),
		TEST(it_can_be_cancelled_between_turns_in_each_way),
		CONNECT_TEST(options_that_cannot_be_right_are_refused_at_once),
		CONNECT_TEST(arguments_that_cannot_be_right_are_refused_at_once),
		CONNECT_TEST(no_event_comes_inside_the_call),
		CONNECT_TEST(what_is_written_while_connecting_arrives_afterwards),
		CONNECT_TEST(a_failed_connect_drops_what_was_written_and_says_so),
	};

	fault_reset();
	return test_run(tests);
}
