/* SPDX-License-Identifier: Apache-2.0 */
/* Servers: who is let in, how many, how it stops, and what remains. Names taken away: test-republish.c. */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char big[1024 * 1024];

/* ---- accepting ---- */

static void each_client_gets_a_connection_of_its_own(void **state)
{
	struct site s;
	int fds[10];

	(void)state;
	site_open(&s, "clock", NULL);
	assert_string_equal(postern_server_name(s.server), "clock");
	assert_string_equal(postern_server_path(s.server), test_path("clock/sock"));
	assert_ok(postern_server_fd(s.server));
	for (int i = 0; i < 10; i++)
		fds[i] = plain_connect(postern_server_path(s.server));
	turn_until(s.loop, s.accepted == 10);
	for (int i = 0; i < 10; i++) {
		assert_ptr_equal(postern_conn_server(s.conns[i]), s.server);
		assert_ptr_equal(postern_conn_data(s.conns[i]), &s);
		assert_int_equal(postern_conn_state(s.conns[i]), POSTERN_STATE_CONNECTED);
		site_echo(&s, fds[i]);
	}
	assert_int_equal(s.asked, 10);
	assert_int_equal(s.peer.uid, getuid());
	assert_int_equal(s.peer.pid, getpid());
	assert_int_equal(site_counters(&s).connections, 10);
	for (int i = 0; i < 10; i++)
		close(fds[i]);
	turn_until(s.loop, s.conns_closed == 10);
	assert_int_equal(s.conn_why, POSTERN_REASON_ENDED);
	assert_int_equal(site_counters(&s).connections, 0);
	assert_int_equal(site_counters(&s).accepted, 10);
	assert_int_equal(site_counters(&s).bytes, 0);
	assert_int_equal(site_counters(&s).refused, 0);
	assert_int_equal(site_counters(&s).listening, 1);
	site_close(&s);
}

static void at_the_limit_clients_wait_in_the_backlog_and_are_served_later(void **state)
{
	struct postern_server_options options = { .size = sizeof(options), .connections = 2 };
	struct site s;
	int fds[5];

	(void)state;
	site_open(&s, "clock", &options);
	for (int i = 0; i < 5; i++)
		fds[i] = plain_connect(postern_server_path(s.server));
	turn_quiet(s.loop);
	assert_int_equal(s.accepted, 2);
	assert_true(site_counters(&s).paused > 0);
	/* The listener stays readable. */
	assert_true(turn_for(s.loop, 50) <= 5);
	site_echo(&s, fds[0]);
	close(fds[0]);
	turn_until(s.loop, s.accepted == 3);
	site_echo(&s, fds[2]);
	turn_quiet(s.loop);
	assert_int_equal(s.accepted, 3);
	for (int i = 1; i < 5; i++) {
		site_echo(&s, fds[i]);
		close(fds[i]);
	}
	turn_until(s.loop, s.conns_closed == 5);
	assert_int_equal(s.accepted, 5);
	assert_int_equal(s.errors[POSTERN_REASON_NO_RESOURCES], 0);
	site_close(&s);
}

static void above_the_limit_of_its_uid_a_client_is_turned_away(void **state)
{
	struct postern_server_options options = { .size = sizeof(options),
						  .connections_per_uid = 2 };
	struct site s;
	int fds[3];

	(void)state;
	site_open(&s, "clock", &options);
	for (int i = 0; i < 3; i++)
		fds[i] = plain_connect(postern_server_path(s.server));
	site_turns_away(&s, fds[2]);
	assert_int_equal(s.accepted, 2);
	assert_int_equal(site_counters(&s).refused, 1);
	close(fds[0]);
	close(fds[2]);
	turn_until(s.loop, s.conns_closed == 1);
	fds[0] = plain_connect(postern_server_path(s.server));
	site_echo(&s, fds[0]);
	close(fds[0]);
	close(fds[1]);
	site_close(&s);
}

/* ---- what one uid may queue ---- */

static void one_slow_peer_does_not_take_all_that_its_uid_has(void **state)
{
	struct postern_server_options options = { .size = sizeof(options),
						  .bytes_per_uid = 1024 * 1024 };
	struct site s;
	unsigned turns;
	size_t first;
	ssize_t r;
	int fds[2];

	(void)state;
	site_open(&s, "clock", &options);
	fds[0] = plain_connect(postern_server_path(s.server));
	fds[1] = plain_connect(postern_server_path(s.server));
	turn_until(s.loop, s.accepted == 2);
	do {
		r = postern_conn_write(s.conns[0], big, sizeof(big));
		turn(s.loop, 0);
	} while (r > 0);
	assert_errno(r, -EAGAIN);
	first = postern_conn_queued(s.conns[0]);
	/* A quarter of what the reserve leaves; charged is what was allocated for it. */
	assert_in_range(first, 160 * 1024, 192 * 1024);
	assert_in_range(site_counters(&s).bytes, first, first + 2 * 16 * 1024);
	assert_int_equal(postern_conn_room(s.conns[0]), 0);

	/* The other one has a quarter of what is left, and is served. */
	assert_in_range(postern_conn_room(s.conns[1]), 120 * 1024, 144 * 1024);
	site_echo(&s, fds[1]);

	/* "Wait for drained" is no busy wait, though the queue is far below its low-water mark. */
	turns = turn_for(s.loop, 50);
	if (turns > 5)
		print_error("%u turns in 50 ms\n", turns);
	assert_true(turns <= 5);

	close(fds[0]);
	close(fds[1]);
	turn_until(s.loop, s.conns_closed == 2);
	assert_int_equal(site_counters(&s).bytes, 0);
	site_close(&s);
}

static struct end slow_end;

static void write_when_drained(struct end *e, struct postern_conn *c, enum end_event event)
{
	ssize_t r;

	if (event != END_DRAINED)
		return;
	if (postern_conn_room(c) == 0)
		e->ended++; /* drained, and nothing can be written */
	do
		r = postern_conn_write(c, big, sizeof(big));
	while (r > 0);
	assert_errno(r, -EAGAIN);
}

static void use_slow_end(struct site *s, enum site_event event, struct postern_conn *c)
{
	(void)s;
	if (event == SITE_ACCEPTED)
		assert_ok(postern_conn_set_events(c, &end_events, &slow_end));
}

/* What the account refuses is refused far below the low-water mark. To be told of drained at once, and to be
   refused again, would be a busy wait for as long as the peer is slow. */
static void drained_after_a_refusal_by_the_account_waits_for_the_peer(void **state)
{
	struct postern_server_options options = { .size = sizeof(options),
						  .bytes_per_uid = 400000 };
	struct site s;
	unsigned turns;
	int fd;

	(void)state;
	end_init(&slow_end);
	site_open(&s, "clock", &options);
	s.hook = use_slow_end;
	fd = plain_connect(postern_server_path(s.server));
	turn_until(s.loop, s.accepted == 1);
	slow_end.hook = write_when_drained;
	write_when_drained(&slow_end, s.conns[0], END_DRAINED);
	turn_quiet(s.loop);
	assert_true(postern_conn_queued(s.conns[0]) > 0);
	slow_end.drained = 0;
	while (postern_conn_write(s.conns[0], big, sizeof(big)) > 0)
		;
	turns = turn_for(s.loop, 50);
	test_note("%u turns and %u drained in 50 ms of waiting", turns, slow_end.drained);
	assert_true(turns <= 5);
	assert_int_equal(slow_end.drained, 0);
	while (slow_end.drained == 0 && recv(fd, big, sizeof(big), MSG_DONTWAIT) > 0)
		turn(s.loop, 1);
	turn_until(s.loop, slow_end.drained > 0);
	assert_int_equal(slow_end.ended, 0);
	close(fd);
	turn_until(s.loop, slow_end.closed == 1);
	assert_int_equal(site_counters(&s).bytes, 0);
	site_close(&s);
}

/* ---- rules ---- */

static char *abstract_name(void)
{
	static char name[64];
	static unsigned n;

	snprintf(name, sizeof(name), "@postern-test-server-%d-%u", (int)getpid(), n++);
	return name;
}

struct ask {
	const char *path;
	uid_t uid;
	gid_t gid, extra;
};

static int ask_ping(int fd)
{
	char got[4];

	if (send(fd, "ping", 4, MSG_NOSIGNAL) != 4)
		return errno == EPIPE ? 1 : 7;
	switch (recv(fd, got, 4, 0)) {
	case 4:
		return 0;
	case 0:
		return 1;
	default:
		return errno == ECONNRESET ? 1 : 6;
	}
}

/* 0: let in and answered; 1: turned away; others: something else. */
static int ask(void *arg)
{
	const struct ask *a = arg;
	int fd, r;

	if (setgroups(a->extra ? 1 : 0, &a->extra) < 0 || setgid(a->gid) < 0 || setuid(a->uid) < 0)
		return 9;
	fd = plain_connect(a->path);
	if (fd < 0)
		return fd == -EACCES ? 2 : 8;
	r = ask_ping(fd);
	close(fd);
	return r;
}

static int site_ask(struct site *s, uid_t uid, gid_t gid, gid_t extra)
{
	struct ask a = { postern_server_path(s->server), uid, gid, extra };
	int status = site_fork(s, ask, &a);

	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void need_root(void)
{
	if (getuid() != 0)
		test_skip("needs root, to be other users");
}

static void an_abstract_name_lets_in_its_user_and_root_only(void **state)
{
	struct site s;
	int fd;

	(void)state;
	site_open(&s, abstract_name(), NULL);
	fd = plain_connect(postern_server_path(s.server));
	assert_ok(fd);
	site_echo(&s, fd);
	close(fd);
	site_close(&s);
	need_root();
	site_open(&s, abstract_name(), NULL);
	assert_int_equal(site_ask(&s, 0, 0, 0), 0);
	assert_int_equal(site_ask(&s, 1234, 1234, 0), 1);
	assert_int_equal(site_counters(&s).refused, 1);
	assert_int_equal(s.asked, 1); /* the callback comes after the rules */
	site_close(&s);
}

static void rules_by_uid_and_gid_let_in_whom_they_name(void **state)
{
	static const uid_t uids[] = { 1001, 65534 };
	static const gid_t gids[] = { 2001, 2002, 65534 };
	struct postern_server_options options = { .size = sizeof(options),
						  .allow_uids = uids,
						  .n_allow_uids = 2,
						  .allow_gids = gids,
						  .n_allow_gids = 3 };
	struct site s;

	(void)state;
	need_root();
	site_open(&s, abstract_name(), &options);
	assert_int_equal(site_ask(&s, 1001, 1, 0), 0);    /* by uid */
	assert_int_equal(site_ask(&s, 1002, 1, 0), 1);    /* nobody named it */
	assert_int_equal(site_ask(&s, 1002, 2001, 0), 0); /* by its group */
	assert_int_equal(site_ask(&s, 1002, 1, 2002), 0); /* by a supplementary group */
	assert_int_equal(site_ask(&s, 1002, 1, 2003), 1);
	assert_int_equal(site_ask(&s, 0, 0, 0), 1); /* not even root, where it was not named */
	/* 65534 is who has no name in this user namespace: everybody and nobody. */
	assert_int_equal(site_ask(&s, 65534, 1, 0), 1);
	assert_int_equal(site_ask(&s, 1002, 65534, 0), 1);
	assert_int_equal(site_ask(&s, 1002, 1, 65534), 1);
	assert_int_equal(site_counters(&s).refused, 6);
	site_close(&s);
}

static void the_callback_has_the_last_word(void **state)
{
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	s.allow = 1;
	fd = plain_connect(postern_server_path(s.server));
	site_turns_away(&s, fd);
	close(fd);
	s.allow = -EPERM;
	fd = plain_connect(postern_server_path(s.server));
	site_turns_away(&s, fd);
	close(fd);
	assert_int_equal(s.accepted, 0);
	assert_int_equal(site_counters(&s).refused, 2);
	s.allow = 0;
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	close(fd);
	site_close(&s);
}

static void the_access_option_is_the_mode_of_the_socket(void **state)
{
	static const uint32_t modes[] = { 0, POSTERN_ACCESS_USER, 0400, 0700 };
	struct postern_server_options options = { .size = sizeof(options) };
	struct stat st;
	mode_t mask = umask(0077);

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		struct site s;

		options.access = modes[i];
		site_open(&s, "clock", &options);
		assert_int_equal(stat(postern_server_path(s.server), &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i] ? modes[i] : 0600);
		site_close(&s);
	}
	assert_int_equal(umask(mask), 0077);
}

static void wide_access_below_a_private_directory_is_an_error_at_once(void **state)
{
	struct postern_server_options options = { .size = sizeof(options),
						  .access = POSTERN_ACCESS_WORLD };
	struct postern_server *server = NULL;
	struct postern_loop *loop;

	(void)state;
	assert_ok(postern_loop_new(&loop));
	assert_errno(
		postern_server_new(&server, loop, test_path("sock"), &options, &site_events, NULL),
		-EACCES);
	assert_null(server);
	assert_int_equal(postern_why()->code, POSTERN_REASON_NOT_ALLOWED);
	assert_non_null(strstr(postern_why()->text, test_dir()));
	postern_loop_free(loop);
}

/* ---- arguments ---- */

static void arguments_that_cannot_be_right_are_einval(void **state)
{
	struct postern_server_options options = { .size = sizeof(options), .access = 010000 };
	struct postern_server_events small = { .size = sizeof(small) - 1 };
	struct postern_conn_events small_conn = { .size = sizeof(small_conn) - 1 };
	struct postern_server_events with_small = { .size = sizeof(with_small),
						    .conn = &small_conn };
	struct postern_server_counters counters;
	struct postern_server *t = NULL;
	struct site s;

	(void)state;
	site_open(&s, "clock", NULL);
	assert_errno(postern_server_new(NULL, s.loop, "x", NULL, &site_events, &s), -EINVAL);
	assert_errno(postern_server_new(&t, NULL, "x", NULL, &site_events, &s), -EINVAL);
	assert_errno(postern_server_new(&t, s.loop, NULL, NULL, &site_events, &s), -EINVAL);
	assert_errno(postern_server_new(&t, s.loop, "x", NULL, NULL, &s), -EINVAL);
	assert_errno(postern_server_new(&t, s.loop, "x", NULL, &small, &s), -EINVAL);
	assert_errno(postern_server_new(&t, s.loop, "x", NULL, &with_small, &s), -EINVAL);
	assert_errno(postern_server_new(&t, s.loop, "x", &options, &site_events, &s), -EINVAL);
	options = (struct postern_server_options){ .size = sizeof(options), .backlog = 65536 };
	assert_errno(postern_server_new(&t, s.loop, "x", &options, &site_events, &s), -EINVAL);
	options = (struct postern_server_options){ .size = sizeof(options), .n_allow_uids = 1 };
	assert_errno(postern_server_new(&t, s.loop, "x", &options, &site_events, &s), -EINVAL);
	assert_errno(postern_server_new(&t, s.loop, "no name", NULL, &site_events, &s), -EINVAL);
	assert_true(postern_why()->text[0] != '\0');
	assert_null(t);
	assert_errno(postern_server_stop(NULL), -EINVAL);
	assert_errno(postern_server_drain(NULL, 0), -EINVAL);
	assert_errno(postern_server_drain(s.server, -1), -EINVAL);
	assert_errno(postern_server_set_data(NULL, NULL), -EINVAL);
	assert_errno(postern_server_get_counters(NULL, &counters, sizeof(counters)), -EINVAL);
	assert_errno(postern_server_get_counters(s.server, NULL, sizeof(counters)), -EINVAL);
	assert_errno(postern_server_each(NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_server_each(s.server, NULL, NULL), -EINVAL);
	assert_errno(postern_server_fd(NULL), -EINVAL);
	assert_ok(postern_server_set_data(s.server, &t));
	assert_ptr_equal(postern_server_data(s.server), &t);
	assert_ok(postern_server_set_data(s.server, &s));
	assert_null(postern_server_free(NULL));
	site_close(&s);
}

static void a_live_name_is_in_use(void **state)
{
	struct postern_server *second = NULL;
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	assert_errno(postern_server_new(&second, s.loop, "clock", NULL, &site_events, &s),
		     -EADDRINUSE);
	assert_int_equal(postern_why()->code, POSTERN_REASON_NAME_IN_USE);
	assert_null(second);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	close(fd);
	site_close(&s);
}

/* ---- out of descriptors ---- */

static void full_of_clients_the_server_lives_idles_and_recovers(void **state)
{
	/* Its own limit is out of the way: what is to be survived is EMFILE. */
	struct postern_server_options options = { .size = sizeof(options),
						  .connections = 1000,
						  .backlog = 300 };
	struct rlimit old, low;
	int fds[100], gate[2];
	struct site s;
	struct test_time freed;
	int64_t cpu, begun;
	pid_t pid;
	char byte = 0;

	(void)state;
	site_open(&s, "clock", &options);
	/* The clients live in a child, where there is no limit. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		alarm(60);
		close(gate[0]);
		for (int i = 0; i < 100; i++)
			fds[i] = plain_connect(test_path("clock/sock"));
		if (send(gate[1], &byte, 1, MSG_NOSIGNAL) != 1 || read(gate[1], &byte, 1) != 1)
			_exit(1);
		for (int i = 0; i < 80; i++)
			close(fds[i]);
		_exit(read(gate[1], &byte, 1) == 0 ? 0 : 2);
	}
	close(gate[1]);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	assert_int_equal(read(gate[0], &byte, 1), 1);
	/* Descriptors of the harness have high numbers; the lowest free ones are what counts. */
	low.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	turn_until(s.loop, s.errors[POSTERN_REASON_NO_RESOURCES] == 1);
	assert_in_range(s.accepted, 20, 64);
	cpu = cpu_ns();
	begun = test_now_ns();
	turn_for(s.loop, 1500);
	cpu = cpu_ns() - cpu;
	begun = test_now_ns() - begun;
	test_note("%u of 100 clients, %.2f %% of a CPU while full", s.accepted,
		  100.0 * (double)cpu / (double)begun);
	assert_true(cpu * 20 < begun * test_scale());
	assert_int_equal(s.errors[POSTERN_REASON_NO_RESOURCES], 1); /* told once */
	assert_int_equal(s.closed, 0);

	/* 80 go; those who waited are served. */
	assert_int_equal(send(gate[0], &byte, 1, MSG_NOSIGNAL), 1);
	freed = test_time();
	turn_until(s.loop, s.accepted == 100);
	assert_took(freed, 0, POSTERN_MS(100)); /* recovered */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(gate[0]);
	test_fork_wait(pid);
	turn_until(s.loop, s.conns_closed == 100);
	assert_int_equal(site_counters(&s).bytes, 0);
	assert_int_equal(site_counters(&s).connections, 0);
	site_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(each_client_gets_a_connection_of_its_own),
		TEST(at_the_limit_clients_wait_in_the_backlog_and_are_served_later),
		TEST(above_the_limit_of_its_uid_a_client_is_turned_away),
		TEST(one_slow_peer_does_not_take_all_that_its_uid_has),
		TEST(drained_after_a_refusal_by_the_account_waits_for_the_peer),
		TEST(an_abstract_name_lets_in_its_user_and_root_only),
		TEST(rules_by_uid_and_gid_let_in_whom_they_name),
		TEST(the_callback_has_the_last_word),
		TEST(the_access_option_is_the_mode_of_the_socket),
		TEST(wide_access_below_a_private_directory_is_an_error_at_once),
		TEST(arguments_that_cannot_be_right_are_einval),
		TEST(a_live_name_is_in_use),
		TEST(full_of_clients_the_server_lives_idles_and_recovers),
	};
	return test_run(tests);
}
