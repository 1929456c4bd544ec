/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong with local sockets elsewhere, as a program meets it: the public calls, and real processes
 * where more than one is in the story. The numbers are those of a fixed list; those that are missing belong
 * to what this version does not have.
 */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char big[1024 * 1024];

/* ---- a server process ---- */

static int serve(void *name)
{
	struct site s;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	site_open(&s, name, NULL);
	while (turn(s.loop, 1000) >= 0)
		;
	return 1;
}

static pid_t serve_start(const char *name, const char *path)
{
	int64_t until = test_now_ns() + test_patience_ns();
	pid_t pid = test_fork_start(serve, (void *)(uintptr_t)name);
	int fd;

	while ((fd = plain_connect(path)) < 0) {
		assert_true(test_now_ns() < until);
		test_sleep_ms(1);
	}
	close(fd);
	return pid;
}

static void serve_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	test_fork_wait(pid);
}

/* Connects as a program does, and has one echo; returns the reason's code, 0 when all is well. */
static int echo_once(const char *name, int64_t deadline_ns)
{
	struct postern_connect_options options = { .size = sizeof(options),
						   .deadline_ns = deadline_ns };
	struct postern_loop *loop;
	struct postern_conn *c;
	struct end e;
	int code;

	end_init(&e);
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_connect(&c, loop, name, &options, &end_events, &e));
	assert_int_equal(postern_conn_write(c, "ping", 4), 4);
	turn_until(loop, e.n == 4 || e.closed);
	code = e.closed ? e.why.code : 0;
	postern_conn_free(c);
	postern_loop_free(loop);
	end_deinit(&e);
	return code;
}

/* ---- names ---- */

static void pain_1_a_stale_socket_does_not_block_the_start(void **state)
{
	struct site s;

	(void)state;
	serve_kill(serve_start("clock", test_path("clock/sock")));
	assert_int_equal(access(test_path("clock/sock"), F_OK), 0); /* stale, and there */
	site_open(&s, "clock", NULL);
	site_close(&s);
}

static void pain_2_a_second_starter_does_not_take_a_live_name(void **state)
{
	struct postern_server *second = NULL;
	struct postern_loop *loop;
	int foreign;
	pid_t pid;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	pid = serve_start("clock", test_path("clock/sock"));
	assert_errno(postern_server_new(&second, loop, "clock", NULL, &site_events, NULL),
		     -EADDRINUSE);
	assert_int_equal(echo_once("clock", 0), 0);
	serve_kill(pid);
	/* Nor that of a program which knows nothing of locks. */
	foreign = plain_listen(test_path("foreign"), 1000);
	assert_errno(
		postern_server_new(&second, loop, test_path("foreign"), NULL, &site_events, NULL),
		-EADDRINUSE);
	close(plain_connect(test_path("foreign")));
	close(foreign);
	postern_loop_free(loop);
}

struct race {
	int start, won[2];
};

static int race_for_the_name(void *arg)
{
	struct race *r = arg;
	struct postern_server *server = NULL;
	struct postern_loop *loop;
	char byte = 1;

	close(r->won[0]);
	if (read(r->start, &byte, 1) != 0 || postern_loop_new(&loop) < 0)
		return 3;
	switch (postern_server_new(&server, loop, "clock", NULL, &site_events, NULL)) {
	case 0:
		break;
	case -EADDRINUSE:
		return 1;
	default:
		return 2;
	}
	if (write(r->won[1], &byte, 1) != 1)
		return 3;
	for (;;)
		pause();
}

static void pain_3_of_many_starters_that_recover_one_wins(void **state)
{
	pid_t pids[8];

	(void)state;
	for (int round = 0; round < 5; round++) {
		struct race r;
		int gate[2], status, won = 0, lost = 0;

		/* The winner of each round leaves its socket to the next one. */
		assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
		assert_int_equal(pipe2(r.won, O_CLOEXEC), 0);
		r.start = gate[0];
		for (int i = 0; i < 8; i++) {
			fflush(NULL);
			pids[i] = fork();
			if (pids[i] == 0) {
				alarm(60);
				close(gate[1]);
				_exit(race_for_the_name(&r));
			}
		}
		close(gate[0]);
		close(gate[1]);
		for (int64_t until = test_now_ns() + test_patience_ns(); lost < 7;) {
			assert_true(test_now_ns() < until);
			test_sleep_ms(2);
			for (int i = 0; i < 8; i++) {
				if (pids[i] <= 0 || waitpid(pids[i], &status, WNOHANG) == 0)
					continue;
				assert_int_equal(WEXITSTATUS(status), 1);
				pids[i] = 0;
				lost++;
			}
		}
		close(r.won[1]);
		/* The losers know before the winner has recovered. */
		won = (int)read(r.won[0], big, 1);
		for (int i = 0; i < 8; i++) {
			if (pids[i] > 0)
				serve_kill(pids[i]);
		}
		while (read(r.won[0], big, 1) == 1)
			won++;
		close(r.won[0]);
		assert_int_equal(won, 1);
	}
}

static void pain_4_a_dying_server_leaves_its_successors_socket(void **state)
{
	struct site old;
	pid_t pid;

	(void)state;
	for (int way = 0; way < 2; way++) {
		site_open(&old, "clock", NULL);
		if (way == 0) {
			assert_ok(postern_server_stop(old.server));
			turn_quiet(old.loop);
		} else { /* somebody clears up, lock and all */
			unlink(test_path("clock/sock"));
			unlink(test_path("clock/lock"));
		}
		pid = serve_start("clock", test_path("clock/sock"));
		site_close(&old);
		assert_int_equal(echo_once("clock", 0), 0);
		serve_kill(pid);
	}
}

static void pain_5_a_socket_that_a_cleaner_removes_is_back_within_a_second(void **state)
{
	pid_t pid = serve_start("clock", test_path("clock/sock"));

	(void)state;
	assert_int_equal(unlink(test_path("clock/sock")), 0);
	/* A client that comes meanwhile waits for it inside its deadline. */
	assert_int_equal(echo_once("clock", test_patience_ns()), 0);
	serve_kill(pid);
}

static void pain_6_a_path_of_any_length_is_used_whole(void **state)
{
	struct postern_conn *c;
	char path[1024];
	struct stat st;
	struct site s;
	struct end e;
	int n = snprintf(path, sizeof(path), "%s", test_dir());

	(void)state;
	for (int i = 0; i < 6; i++) {
		n += snprintf(path + n, sizeof(path) - (size_t)n, "/%050d", i);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(path + n, sizeof(path) - (size_t)n, "/socket");
	site_open(&s, path, NULL);
	assert_string_equal(postern_server_path(s.server), path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	end_init(&e);
	assert_ok(postern_connect(&c, s.loop, path, NULL, &end_events, &e));
	assert_int_equal(postern_conn_write(c, "ping", 4), 4);
	turn_until(s.loop, e.n == 4);
	postern_conn_free(c);
	site_close(&s);
	end_deinit(&e);
	assert_int_equal(stat(path, &st), -1);
}

static void pain_7_tmpdir_has_no_say(void **state)
{
	char *old = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;
	pid_t pid;

	(void)state;
	setenv("TMPDIR", "/nowhere", 1);
	pid = serve_start("clock", test_path("clock/sock"));
	setenv("TMPDIR", "/elsewhere", 1);
	assert_int_equal(echo_once("clock", 0), 0);
	serve_kill(pid);
	if (old)
		setenv("TMPDIR", old, 1);
	else
		unsetenv("TMPDIR");
	free(old);
}

static int look_at_modes(void *path)
{
	struct stat st;

	for (unsigned seen = 0;;) {
		if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
			seen++;
			if (st.st_mode & 077)
				return 1;
		}
		if (stat(test_path("done"), &st) == 0)
			return seen > 0 ? 0 : 2;
	}
}

static void pain_8_a_socket_is_never_open_to_all_for_a_moment(void **state)
{
	mode_t mask = umask(0);
	char path[512];
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s", test_path("clock/sock"));
	pid = test_fork_start(look_at_modes, path);
	for (int i = 0; i < 200; i++) {
		struct site s;

		site_open(&s, "clock", NULL);
		if (i % 20 == 0)
			test_sleep_ms(1);
		site_close(&s);
	}
	umask(mask);
	close(open(test_path("done"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(test_fork_wait(pid), 0);
}

/* ---- connecting ---- */

static void pain_9_a_full_backlog_is_waited_for(void **state)
{
	int listener = plain_listen(test_path("full"), 0), first, n = 0, fds[64];
	struct postern_loop *loop;
	struct postern_conn *c;
	struct end e;

	(void)state;
	first = plain_connect(test_path("full")); /* the one that fits */
	assert_ok(first);
	end_init(&e);
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_connect(&c, loop, test_path("full"), NULL, &end_events, &e));
	turn_until(loop, e.state == POSTERN_STATE_WAITING);
	assert_int_equal(postern_conn_why(c)->error, -EAGAIN);
	turn_for(loop, 50);
	assert_int_equal(e.closed, 0);
	fds[n++] = accept(listener, NULL, NULL);
	turn_until(loop, e.state == POSTERN_STATE_CONNECTED);
	postern_conn_free(c);
	postern_loop_free(loop);
	while (n > 0)
		close(fds[--n]);
	close(first);
	close(listener);
}

static void pain_10_a_server_that_is_not_up_yet_is_waited_for(void **state)
{
	struct postern_connect_options options = { .size = sizeof(options),
						   .deadline_ns = POSTERN_MS(150) };
	struct postern_conn *c, *early;
	struct postern_loop *loop;
	struct site s;
	struct test_time begun;
	struct end e, f;

	(void)state;
	end_init(&e);
	end_init(&f);
	assert_ok(postern_loop_new(&loop));
	assert_ok(postern_connect(&early, loop, "clock", NULL, &end_events, &f));
	/* Nobody comes: bounded. */
	begun = test_time();
	assert_ok(postern_connect(&c, loop, "nobody", &options, &end_events, &e));
	turn_until(loop, e.closed);
	assert_took(begun, POSTERN_MS(149), POSTERN_MS(150));
	assert_end_closed(&e, POSTERN_REASON_TIMEOUT, -ENOENT);
	/* Somebody comes. */
	assert_int_equal(f.closed, 0);
	site_open(&s, "clock", NULL);
	turn_until(loop, f.state == POSTERN_STATE_CONNECTED);
	postern_conn_free(c);
	postern_conn_free(early);
	site_close(&s);
	postern_loop_free(loop);
}

/* ---- peers ---- */

static void pain_12_one_slow_client_does_not_freeze_the_others(void **state)
{
	struct postern_conn_options limits = { .size = sizeof(limits), .idle_ns = POSTERN_MS(300) };
	struct postern_server_options options = { .size = sizeof(options), .conn = &limits };
	int64_t slowest = 0, until;
	struct site s;
	int slow, quick;
	size_t most = 0;

	(void)state;
	site_open(&s, "clock", &options);
	slow = plain_connect(postern_server_path(s.server));
	quick = plain_connect(postern_server_path(s.server));
	turn_until(s.loop, s.accepted == 2);
	until = test_now_ns() + test_patience_ns();
	while (s.conns_closed == 0) {
		struct test_time begun = test_time();
		int64_t took;

		assert_true(begun.all_ns < until);
		/* It is sent all that there is, and reads nothing. */
		if (postern_conn_write(s.conns[0], big, sizeof(big)) > 0 &&
		    postern_conn_queued(s.conns[0]) > most)
			most = postern_conn_queued(s.conns[0]);
		site_echo(&s, quick);
		took = test_time_since(begun).fair_ns;
		slowest = took > slowest ? took : slowest;
	}
	assert_int_equal(s.conn_why, POSTERN_REASON_IDLE);
	assert_true(most <= 8 * 1024 * 1024);
	test_note("%zu KiB were queued; the slowest echo beside it took %.1f ms", most >> 10,
		  (double)slowest / 1e6);
	assert_true(slowest < POSTERN_MS(200) * test_scale());
	site_echo(&s, quick);
	close(slow);
	close(quick);
	site_close(&s);
}

static void pain_13_the_peer_does_not_decide_how_much_memory_is_used(void **state)
{
	struct site s;
	size_t most = 0, bytes;
	int fd, quiet, moved = 0;

	(void)state;
	site_open(&s, "clock", NULL);
	quiet = plain_connect(
		postern_server_path(s.server)); /* keeps the account of the uid alive */
	fd = plain_connect(postern_server_path(s.server));
	for (int still = 0; still < 100; still++) {
		while (send(fd, big, sizeof(big), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
			moved++;
			still = 0;
		}
		turn(s.loop, 1);
		bytes = (size_t)site_counters(&s).bytes;
		most = bytes > most ? bytes : most;
	}
	test_note("%zu KiB is the most that a flood made it hold", most >> 10);
	assert_true(moved > 10);
	/* The queue's mark, in chunks, and what is kept. */
	assert_true(most <= (8 * 1024 + 256 + 3 * 16) * 1024);
	close(fd);
	turn_until(s.loop, s.conns_closed == 1);
	assert_int_equal(site_counters(&s).bytes, 0);
	close(quiet);
	site_close(&s);
}

static void pain_14_out_of_descriptors_is_neither_a_spin_nor_the_end(void **state)
{
	struct rlimit old, low;
	struct site s;
	int fds[8], n = 0;
	unsigned turns;

	(void)state;
	site_open(&s, "clock", NULL);
	while (n < 8)
		fds[n++] = plain_connect(postern_server_path(s.server));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)fds[7] + 1; /* not one more */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	turn_until(s.loop, s.errors[POSTERN_REASON_NO_RESOURCES] == 1);
	turns = turn_for(s.loop, 300);
	setrlimit(RLIMIT_NOFILE, &old);
	test_note("%u turns in 300 ms without a descriptor", turns);
	assert_true(turns <= 20);
	assert_int_equal(s.errors[POSTERN_REASON_NO_RESOURCES], 1);
	turn_until(s.loop, s.accepted == 8);
	while (n > 0) {
		site_echo(&s, fds[--n]);
		close(fds[n]);
	}
	site_close(&s);
}

struct freed_in {
	enum end_event event;
	unsigned n;
};

static void free_in_this_event(struct end *e, struct postern_conn *c, enum end_event event)
{
	struct freed_in *in = e->hook_data;

	if (in->n)
		in->n++; /* an event after the free */
	if (event != in->event)
		return;
	in->n = 1;
	postern_conn_free(c);
}

static void pain_15_a_connection_is_freed_inside_each_of_its_callbacks(void **state)
{
	struct freed_in in;

	(void)state;
	for (in.event = END_STATE; in.event <= END_CLOSED; in.event++) {
		struct postern_conn_options options = { .size = sizeof(options),
							.high_water = 1000 };
		struct pair p;

		in.n = 0;
		pair_open(&p, &options);
		p.end.hook = free_in_this_event;
		p.end.hook_data = &in;
		if (in.event == END_STATE)
			assert_ok(postern_conn_close(p.c));
		if (in.event == END_DRAINED)
			assert_int_equal(postern_conn_write(p.c, big, 2000), 1000);
		pair_send(&p, "hello", 5);
		turn_quiet(p.loop);
		pair_close_peer(&p);
		turn_quiet(p.loop);
		assert_int_equal(in.n, 1);
		p.c = NULL;
		pair_close(&p);
	}
}

/* ---- processes ---- */

static int serve_with_a_child(void *ready)
{
	struct site s;
	pid_t child;

	site_open(&s, "clock", NULL);
	child = fork();
	if (child == 0) {
		/* One that runs another program would have nothing; this one has copies of all. */
		child = getpid();
		alarm(30);
		if (write(*(int *)ready, &child, sizeof(child)) != sizeof(child))
			return 1;
		for (;;)
			pause();
	}
	for (;;)
		turn(s.loop, 1000);
}

static void pain_16_a_child_does_not_keep_a_dead_servers_name_alive(void **state)
{
	int ready[2], fd;
	struct site s;
	pid_t pid, child;

	(void)state;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		test_skip("the server's child cannot be waited for, PR_SET_CHILD_SUBREAPER: %s",
			  strerror(errno));
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = test_fork_start(serve_with_a_child, &ready[1]);
	assert_int_equal(read(ready[0], &child, sizeof(child)), sizeof(child));
	serve_kill(pid);
	site_open(&s, "clock", NULL);
	serve_kill(child);
	/* Nor does its end remove the name. */
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	close(fd);
	site_close(&s);
	close(ready[0]);
	close(ready[1]);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static int write_to_the_dead(void *unused)
{
	struct pair p;

	(void)unused;
	signal(SIGPIPE, SIG_DFL);
	pair_open(&p, NULL);
	pair_close_peer(&p);
	(void)!postern_conn_write(p.c, big, sizeof(big));
	turn_until(p.loop, p.end.closed);
	pair_close(&p);
	return 0;
}

static void pain_17_a_write_to_a_dead_peer_raises_no_sigpipe(void **state)
{
	(void)state;
	assert_int_equal(test_fork(write_to_the_dead, NULL), 0);
}

static size_t reply_and_close(struct postern_conn *c, const void *bytes, size_t n, void *data)
{
	(void)bytes;
	(void)n;
	assert_int_equal(postern_conn_write(c, big, sizeof(big)), sizeof(big));
	assert_ok(postern_conn_close(c));
	++*(unsigned *)data;
	return 1; /* the rest of the request is never looked at */
}

static void pain_22_the_last_reply_is_not_lost_at_close(void **state)
{
	static const struct postern_conn_events events = { .size = sizeof(events),
							   .received = reply_and_close };
	unsigned replies = 0;
	struct pair p;

	(void)state;
	pair_open(&p, NULL);
	assert_ok(postern_conn_set_events(p.c, &events, &replies));
	pair_send(&p, big, 150000);
	turn(p.loop, 0);
	pair_send(&p, big, 50000);
	assert_int_equal(pair_receive_end(&p), sizeof(big));
	assert_int_equal(replies, 1);
	pair_close(&p);
}

static int ask_as_another_user(void *path)
{
	char byte;
	ssize_t r;
	int fd;

	if (setgid(1234) < 0 || setuid(1234) < 0)
		return 3;
	fd = plain_connect(path);
	if (fd < 0)
		return 2;
	r = recv(fd, &byte, 1, 0);
	close(fd);
	return r <= 0 ? 0 : 1;
}

static void pain_23_an_abstract_name_is_not_open_to_every_user(void **state)
{
	char name[64];
	struct site s;
	int status;

	(void)state;
	if (getuid() != 0)
		test_skip("needs root, to be another user");
	snprintf(name, sizeof(name), "@postern-test-pains-%d", (int)getpid());
	site_open(&s, name, NULL);
	status = site_fork(&s, ask_as_another_user, name);
	assert_int_equal(status, 0);
	assert_int_equal(s.accepted, 0);
	assert_int_equal(site_counters(&s).refused, 1);
	site_close(&s);
}

static int connect_and_wait(void *path)
{
	char byte;
	int fd = plain_connect(path);
	ssize_t r;

	if (fd < 0)
		return 1;
	r = recv(fd, &byte, 1, 0);
	close(fd);
	return r == 1 ? 0 : 1;
}

static void pain_24_the_peer_is_known_by_a_pidfd_and_not_by_a_number(void **state)
{
	struct pollfd gone = { .events = POLLIN };
	struct postern_peer peer;
	struct site s;
	char path[512];
	pid_t pid;

	(void)state;
	site_open(&s, "clock", NULL);
	snprintf(path, sizeof(path), "%s", postern_server_path(s.server));
	pid = test_fork_start(connect_and_wait, path);
	turn_until(s.loop, s.accepted == 1);
	gone.fd = postern_conn_peer_pidfd(s.conns[0]);
	assert_ok(postern_conn_peer(s.conns[0], &peer, sizeof(peer)));
	assert_int_equal(peer.pid, pid);
	if (gone.fd == -ENOPROTOOPT) {
		serve_kill(pid);
		site_close(&s);
		test_skip("this kernel has no SO_PEERPIDFD");
	}
	assert_ok(gone.fd);
	assert_int_equal(poll(&gone, 1, 0), 0);
	serve_kill(pid); /* reaped: the number is free for another */
	assert_int_equal(poll(&gone, 1, 5000), 1);
	assert_int_equal(syscall(SYS_pidfd_send_signal, gone.fd, SIGTERM, NULL, 0), -1);
	assert_int_equal(errno, ESRCH);
	close(gone.fd);
	site_close(&s);
}

static int live_in_a_container(void *arg)
{
	const int *gates = arg;
	char from[512], at[512], sock[520], byte;

	snprintf(from, sizeof(from), "%s", test_path("clock"));
	snprintf(at, sizeof(at), "%s", test_path("inside"));
	snprintf(sock, sizeof(sock), "%s/sock", at);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(at, 0700) < 0 || mount(from, at, NULL, MS_BIND, NULL) < 0)
		return 77;
	if (echo_once(sock, 0) != 0)
		return 1;
	if (write(gates[1], "x", 1) != 1 || read(gates[0], &byte, 1) != 1)
		return 2;
	return echo_once(sock, 0) == 0 ? 0 : 3;
}

static void pain_26_a_bind_mounted_name_survives_a_restart(void **state)
{
	int to[2], from[2], gates[2], status;
	pid_t server, inside;
	char byte;

	(void)state;
	if (getuid() != 0)
		test_skip("needs root, to mount");
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	gates[0] = to[0];
	gates[1] = from[1];
	server = serve_start("clock", test_path("clock/sock"));
	inside = test_fork_start(live_in_a_container, gates);
	close(from[1]);
	if (read(from[0], &byte, 1) == 1) {
		serve_kill(server);
		server = serve_start("clock", test_path("clock/sock"));
		assert_int_equal(write(to[1], "x", 1), 1);
	}
	status = test_fork_wait(inside);
	serve_kill(server);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		test_skip("mounting is not allowed here");
	assert_int_equal(status, 0);
}

/* As a single-instance program starts: 0 it is the server, 1 it reached the one that is, 2 neither. */
static int start_single(void *start)
{
	char byte;
	struct postern_server *server = NULL;
	struct postern_loop *loop;
	struct site s = { 0 };
	int r;

	if (read(*(int *)start, &byte, 1) != 0 || postern_loop_new(&loop) < 0)
		return 3;
	r = postern_server_new(&server, loop, "single", NULL, &site_events, &s);
	if (r == -EADDRINUSE)
		return echo_once("single", 0) == 0 ? 1 : 2;
	if (r < 0)
		return 4;
	/* Until all the others have had their answer. */
	for (int64_t until = test_now_ns() + test_patience_ns(); s.conns_closed < 5;) {
		if (test_now_ns() > until)
			return 5;
		turn(loop, 10);
	}
	postern_server_free(server);
	postern_loop_free(loop);
	return 0;
}

static void pain_29_a_single_instance_starts_or_is_told_who_is_bounded(void **state)
{
	struct postern_server *server = NULL;
	struct postern_loop *loop;
	int gate[2], results[6] = { 0 };
	pid_t pids[6];
	struct test_time begun;

	(void)state;
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	for (int i = 0; i < 6; i++) {
		fflush(NULL);
		pids[i] = fork();
		if (pids[i] == 0) {
			setenv("CMOCKA_TEST_ABORT", "1", 1);
			alarm(60);
			close(gate[1]);
			_exit(start_single(&gate[0]));
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < 6; i++) {
		int status = test_fork_wait(pids[i]);

		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 6);
		results[WEXITSTATUS(status)]++;
	}
	assert_int_equal(results[0], 1);
	assert_int_equal(results[1], 5);

	/* One that hangs is told of as well. */
	pids[0] = serve_start("clock", test_path("clock/sock"));
	kill(pids[0], SIGSTOP);
	assert_ok(postern_loop_new(&loop));
	begun = test_time();
	assert_errno(postern_server_new(&server, loop, "clock", NULL, &site_events, NULL),
		     -EADDRINUSE);
	assert_took_less(begun, POSTERN_SECONDS(2));
	postern_loop_free(loop);
	serve_kill(pids[0]);
}

static void pain_30_a_close_ends_though_the_peer_never_reads(void **state)
{
	struct postern_conn_options options = { .size = sizeof(options),
						.drain_ns = POSTERN_MS(100) };
	struct test_time begun = test_time();
	struct pair p;

	(void)state;
	pair_open(&p, &options);
	assert_int_equal(postern_conn_write(p.c, big, sizeof(big)), sizeof(big));
	assert_ok(postern_conn_close(p.c));
	turn_until(p.loop, p.end.closed);
	assert_end_closed(&p.end, POSTERN_REASON_TIMEOUT, -ETIMEDOUT);
	assert_took(begun, POSTERN_MS(100), POSTERN_MS(100));
	pair_close(&p);
}

static int serve_what_is_given(void *name)
{
	struct site s;

	site_open(&s, name, NULL);
	site_close(&s);
	return 0;
}

static void pain_31_a_given_socket_is_not_removed_at_exit(void **state)
{
	int listener = plain_listen(test_path("given"), 4), fd;
	char name[16];

	(void)state;
	snprintf(name, sizeof(name), "fd:%d", listener);
	assert_int_equal(test_fork(serve_what_is_given, name), 0);
	assert_int_equal(access(test_path("given"), F_OK), 0);
	fd = plain_connect(test_path("given"));
	assert_ok(fd);
	close(fd);
	close(listener);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(pain_1_a_stale_socket_does_not_block_the_start),
		TEST(pain_2_a_second_starter_does_not_take_a_live_name),
		TEST(pain_3_of_many_starters_that_recover_one_wins),
		TEST(pain_4_a_dying_server_leaves_its_successors_socket),
		TEST(pain_5_a_socket_that_a_cleaner_removes_is_back_within_a_second),
		TEST(pain_6_a_path_of_any_length_is_used_whole),
		TEST(pain_7_tmpdir_has_no_say),
		TEST(pain_8_a_socket_is_never_open_to_all_for_a_moment),
		TEST(pain_9_a_full_backlog_is_waited_for),
		TEST(pain_10_a_server_that_is_not_up_yet_is_waited_for),
		TEST(pain_12_one_slow_client_does_not_freeze_the_others),
		TEST(pain_13_the_peer_does_not_decide_how_much_memory_is_used),
		TEST(pain_14_out_of_descriptors_is_neither_a_spin_nor_the_end),
		TEST(pain_15_a_connection_is_freed_inside_each_of_its_callbacks),
		TEST(pain_16_a_child_does_not_keep_a_dead_servers_name_alive),
		TEST(pain_17_a_write_to_a_dead_peer_raises_no_sigpipe),
		TEST(pain_22_the_last_reply_is_not_lost_at_close),
		TEST(pain_23_an_abstract_name_is_not_open_to_every_user),
		TEST(pain_24_the_peer_is_known_by_a_pidfd_and_not_by_a_number),
		TEST(pain_26_a_bind_mounted_name_survives_a_restart),
		TEST(pain_29_a_single_instance_starts_or_is_told_who_is_bounded),
		TEST(pain_30_a_close_ends_though_the_peer_never_reads),
		TEST(pain_31_a_given_socket_is_not_removed_at_exit),
	};
	return test_run(tests);
}
