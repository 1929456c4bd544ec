/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded connect: what is final, who is trusted, and cancelling in each state and event. */
#include "told.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/server.h>

#include "fault.h"

/* ---- short of memory ---- */

/* Each allocation of a call fails once: what is told of it, if anything is, is that. */
static bool memory_fails_at(unsigned nth, bool server)
{
	static const struct postern_server_events server_events = { .size = sizeof server_events };
	static const struct postern_conn_events events = { .size = sizeof events };
	const struct fault no_memory = { .call = FAULT_alloc, .nth = nth, .error = ENOMEM };
	const uid_t me = geteuid();
	const struct postern_server_options s_options = { .size = sizeof s_options,
							  .allow_uids = &me,
							  .n_allow_uids = 1 };
	const struct postern_connect_options c_options = { .size = sizeof c_options,
							   .server_uids = &me,
							   .n_server_uids = 1 };
	const struct postern_reason *why;
	struct postern_loop *loop;
	struct postern_server *s = NULL;
	struct postern_conn *c = NULL;
	bool hit;
	int r;

	assert_ok(postern_loop_new(&loop));
	fault_arm(&no_memory);
	r = server ? postern_server_new(&s, loop, "short", &s_options, &server_events, NULL)
		   : postern_connect(&c, loop, "short", &c_options, &events, NULL);
	hit = fault_disarm() > 0;
	why = postern_why();
	if (r == -ENOMEM && why->code) {
		assert_int_equal(why->code, POSTERN_REASON_NO_RESOURCES);
		assert_null(strstr(why->text, "options"));
	}
	postern_server_free(s);
	postern_conn_free(c);
	postern_loop_free(loop);
	assert_int_equal(fault_memory(), 0);
	return hit;
}

static void memory_that_is_short_is_not_blamed_on_the_options(void **state)
{
	unsigned n = 0;

	(void)state;
	fault_reset();
	for (int server = 0; server < 2; server++)
		for (unsigned nth = 1; memory_fails_at(nth, server); nth++)
			n++;
	test_note("%u allocations failed", n);
	assert_true(n > 8);
	fault_reset();
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
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CONNECTED);
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
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CONNECTED);
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
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CONNECTED);
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

static void a_connection_without_a_peer_says_whether_one_may_still_come(void **state)
{
	struct postern_peer peer;

	(void)state;
	connect_to("late", OPTIONS(.deadline_ns = POSTERN_MS(50)));
	assert_errno(postern_conn_peer(told.c, &peer, sizeof(peer)), -ENOTCONN);
	assert_errno(postern_conn_fd(told.c), -ENOTCONN);
	connect_await();
	assert_int_equal(postern_conn_state(told.c), POSTERN_STATE_CLOSED);
	assert_errno(postern_conn_peer(told.c, &peer, sizeof(peer)), -ESTALE);
	assert_errno(postern_conn_fd(told.c), -ESTALE);
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
	assert_int_equal(told.states[1], POSTERN_STATE_CONNECTED);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(memory_that_is_short_is_not_blamed_on_the_options),
		CONNECT_TEST(what_is_no_stream_socket_is_final),
		CONNECT_TEST(running_out_of_descriptors_is_final_and_typed),
		CONNECT_TEST(no_permission_is_final_when_it_came_twice_100_ms_apart),
		CONNECT_TEST(a_server_of_another_uid_is_not_trusted_unless_named),
		CONNECT_TEST(the_owner_of_the_directory_is_trusted),
		CONNECT_TEST(server_uids_leave_out_even_me),
		CONNECT_TEST(a_connection_without_a_peer_says_whether_one_may_still_come),
		TEST(it_can_be_cancelled_in_each_state_event_in_each_way),
		TEST(it_can_be_cancelled_in_the_connected_event),
		TEST(it_can_be_cancelled_between_turns_in_each_way),
	};

	fault_reset();
	return test_run(tests);
}
