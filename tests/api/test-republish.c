/* SPDX-License-Identifier: Apache-2.0 */
/* A name that is taken away under a running server comes back, or is lost with a reason. */
#include "pair.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void remove_all(const char *path)
{
	assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void rename_away(const char *path)
{
	char to[512];

	snprintf(to, sizeof(to), "%s.away", path);
	assert_int_equal(rename(path, to), 0);
}

/* A client from before keeps its connection; one that comes after gets in. */
static void check_restored(struct site *s, int before, unsigned times)
{
	int64_t begun = test_now_ns();
	int fd;

	turn_until(s->loop, s->errors[POSTERN_REASON_NAME_RESTORED] == times);
	test_note("back after %lld ms", (long long)((test_now_ns() - begun) / 1000000));
	assert_int_equal(s->errors[POSTERN_REASON_NAME_LOST], 0);
	assert_int_equal(site_counters(s).republished, times);
	assert_int_equal(site_counters(s).listening, 1);
	assert_non_null(strstr(s->text, postern_server_path(s->server)));
	fd = plain_connect(postern_server_path(s->server));
	assert_ok(fd);
	site_echo(s, fd);
	close(fd);
	site_echo(s, before);
}

static void take_away(const char *name, const char *what, void (*how)(const char *path))
{
	struct site s;
	struct postern_server *rival = NULL;
	int fd;

	site_open(&s, name, NULL);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	how(what);
	check_restored(&s, fd, 1);
	/* The lock is right as well: nobody else can have the name. */
	assert_errno(postern_server_new(&rival, s.loop, name, NULL, &site_events, NULL),
		     -EADDRINUSE);
	close(fd);
	site_close(&s);
	assert_errno(plain_connect(test_path("clock/sock")), -ENOENT);
}

static void unlink_it(const char *path)
{
	assert_int_equal(unlink(path), 0);
}

static void a_socket_that_is_unlinked_comes_back(void **state)
{
	(void)state;
	take_away("clock", test_path("clock/sock"), unlink_it);
	take_away(test_path("path"), test_path("path"), unlink_it);
}

static int unlink_when_it_listens(void *path)
{
	int fd, r;

	/* postern-review: ignore W1,E5 it is to be as early as can be; the alarm of a child ends it */
	while ((fd = plain_connect(path)) < 0)
		;
	r = unlink(path);
	close(fd);
	return r;
}

/* Between listening and watching the directory there is a moment too. */
static void a_socket_that_is_unlinked_as_soon_as_it_listens_comes_back(void **state)
{
	(void)state;
	for (int i = 0; i < 15; i++) {
		char path[512];
		struct site s;
		pid_t pid;

		snprintf(path, sizeof(path), "%s", test_path("clock/sock"));
		pid = test_fork_start(unlink_when_it_listens, path);
		test_sleep_ms(1);
		site_open(&s, "clock", NULL);
		assert_int_equal(test_fork_wait(pid), 0);
		turn_until(s.loop, s.errors[POSTERN_REASON_NAME_RESTORED] == 1);
		site_close(&s);
	}
}

static void a_socket_that_is_renamed_comes_back(void **state)
{
	(void)state;
	take_away("clock", test_path("clock/sock"), rename_away);
	take_away(test_path("path"), test_path("path"), rename_away);
}

static void a_directory_that_is_removed_comes_back(void **state)
{
	(void)state;
	take_away("clock", test_path("clock"), remove_all);
}

static void a_directory_that_is_renamed_comes_back(void **state)
{
	(void)state;
	take_away("clock", test_path("clock"), rename_away);
}

static void a_lock_that_is_removed_comes_back(void **state)
{
	(void)state;
	take_away("clock", test_path("clock/lock"), unlink_it);
	take_away(test_path("path"), test_path("path.lock"), unlink_it);
}

static void what_else_happens_in_the_directory_is_not_looked_at(void **state)
{
	struct site s;

	(void)state;
	site_open(&s, test_path("path"), NULL);
	for (int i = 0; i < 100; i++) {
		close(open(test_path("other"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		unlink(test_path("other"));
		turn(s.loop, 0);
	}
	turn_for(s.loop, 300);
	assert_string_equal(s.trace, "");
	assert_int_equal(site_counters(&s).republished, 0);
	site_close(&s);
}

/* Even those whom the limit of connections let wait: nobody else will come to this socket. */
static void who_had_connected_to_the_old_socket_is_served(void **state)
{
	struct postern_server_options options = { .size = sizeof(options), .connections = 1 };
	struct site s;
	int fds[3];

	(void)state;
	site_open(&s, "clock", &options);
	for (int i = 0; i < 3; i++)
		fds[i] = plain_connect(postern_server_path(s.server));
	turn_quiet(s.loop);
	assert_int_equal(s.accepted, 1);
	unlink_it(test_path("clock/sock"));
	turn_until(s.loop, s.errors[POSTERN_REASON_NAME_RESTORED] == 1);
	for (int i = 0; i < 3; i++) {
		site_echo(&s, fds[i]);
		close(fds[i]);
	}
	turn_until(s.loop, s.conns_closed == 3);
	fds[0] = plain_connect(postern_server_path(s.server));
	site_echo(&s, fds[0]);
	close(fds[0]);
	site_close(&s);
}

static void check_lost(struct site *s, int before)
{
	turn_until(s->loop, s->errors[POSTERN_REASON_NAME_LOST] == 1);
	assert_int_equal(s->errors[POSTERN_REASON_NAME_RESTORED], 0);
	assert_int_equal(site_counters(s).listening, 0);
	assert_errno(postern_server_fd(s->server), -ESTALE);
	assert_int_equal(s->closed, 0);
	/* Only what is connected goes on. */
	site_echo(s, before);
	assert_ok(postern_server_drain(s->server, 0));
	turn_until(s->loop, s->closed == 1);
	assert_int_equal(s->why.code, POSTERN_REASON_CLOSED);
}

static void a_foreign_live_socket_is_not_fought_for(void **state)
{
	struct site s;
	int fd, foreign, client;
	struct stat before, after;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	unlink_it(test_path("clock/sock"));
	foreign = plain_listen(test_path("clock/sock"), 1000); /* each look at it waits there */
	assert_int_equal(stat(test_path("clock/sock"), &before), 0);
	check_lost(&s, fd);
	assert_non_null(strstr(s.text, test_path("clock/sock")));
	site_close(&s);
	/* It is as it was. */
	assert_int_equal(stat(test_path("clock/sock"), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	client = plain_connect(test_path("clock/sock"));
	assert_ok(client);
	close(client);
	close(foreign);
	close(fd);
}

static void what_is_not_a_socket_is_not_removed(void **state)
{
	struct site s;
	int fd;

	(void)state;
	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	unlink_it(test_path("clock/sock"));
	close(open(test_path("clock/sock"), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
	check_lost(&s, fd);
	site_close(&s);
	assert_int_equal(access(test_path("clock/sock"), F_OK), 0);
	close(fd);
}

struct rival {
	int ready[2], gate[2];
};

static int be_rival(void *arg)
{
	struct rival *r = arg;
	char byte = 0;
	struct site s;

	close(r->gate[1]);
	site_open(&s, "clock", NULL);
	if (fcntl(r->gate[0], F_SETFL, O_NONBLOCK) < 0 || write(r->ready[1], &byte, 1) != 1)
		return 1;
	/* Served for as long as the gate is open. */
	while (read(r->gate[0], &byte, 1) < 0)
		turn(s.loop, 10);
	site_close(&s);
	return 0;
}

static void a_name_that_another_server_took_meanwhile_is_lost(void **state)
{
	struct rival r;
	struct site s;
	char byte, got[4];
	int fd, client;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(r.ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(r.gate, O_CLOEXEC), 0);
	site_open(&s, "clock", NULL);
	fd = plain_connect(postern_server_path(s.server));
	site_echo(&s, fd);
	/* Somebody clears the directory, and another server is faster than we are. */
	remove_all(test_path("clock"));
	pid = test_fork_start(be_rival, &r);
	close(r.gate[0]);
	assert_int_equal(read(r.ready[0], &byte, 1), 1);
	check_lost(&s, fd);
	site_close(&s);
	client = plain_connect(test_path("clock/sock"));
	assert_ok(client);
	assert_int_equal(send(client, "ping", 4, MSG_NOSIGNAL), 4);
	assert_int_equal(recv(client, got, 4, MSG_WAITALL), 4);
	close(client);
	close(r.gate[1]);
	assert_int_equal(test_fork_wait(pid), 0);
	close(r.ready[0]);
	close(r.ready[1]);
	close(fd);
}

static void a_name_that_is_taken_away_again_and_again_is_given_up(void **state)
{
	struct site s;
	unsigned n;

	(void)state;
	site_open(&s, "clock", NULL);
	for (n = 1; n <= 6; n++) {
		unlink_it(test_path("clock/sock"));
		turn_until(s.loop, s.errors[POSTERN_REASON_NAME_RESTORED] == n);
	}
	unlink_it(test_path("clock/sock"));
	turn_until(s.loop, s.errors[POSTERN_REASON_NAME_LOST] == 1);
	assert_int_equal(s.errors[POSTERN_REASON_NAME_RESTORED], 6);
	assert_int_equal(site_counters(&s).listening, 0);
	turn_for(s.loop, 300);
	assert_int_equal(s.errors[POSTERN_REASON_NAME_LOST], 1);
	site_close(&s);
}

static void two_servers_in_one_directory_come_back_each(void **state)
{
	struct postern_server *second;
	struct site s, t = { 0 };
	int fd;

	(void)state;
	site_open(&s, test_path("one"), NULL);
	assert_ok(postern_server_new(&second, s.loop, test_path("two"), NULL, &site_events, &t));
	unlink_it(test_path("two"));
	turn_until(s.loop, t.errors[POSTERN_REASON_NAME_RESTORED] == 1);
	assert_string_equal(s.trace, "");
	/* The watch that they share stays when one of them goes. */
	s.server = postern_server_free(s.server);
	unlink_it(test_path("two"));
	turn_until(s.loop, t.errors[POSTERN_REASON_NAME_RESTORED] == 2);
	fd = plain_connect(test_path("two"));
	assert_ok(fd);
	close(fd);
	postern_server_free(second);
	site_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_socket_that_is_unlinked_comes_back),
		TEST(a_socket_that_is_unlinked_as_soon_as_it_listens_comes_back),
		TEST(a_socket_that_is_renamed_comes_back),
		TEST(a_directory_that_is_removed_comes_back),
		TEST(a_directory_that_is_renamed_comes_back),
		TEST(a_lock_that_is_removed_comes_back),
		TEST(what_else_happens_in_the_directory_is_not_looked_at),
		TEST(who_had_connected_to_the_old_socket_is_served),
		TEST(a_foreign_live_socket_is_not_fought_for),
		TEST(what_is_not_a_socket_is_not_removed),
		TEST(a_name_that_another_server_took_meanwhile_is_lost),
		TEST(a_name_that_is_taken_away_again_and_again_is_given_up),
		TEST(two_servers_in_one_directory_come_back_each),
	};
	return test_run(tests);
}
