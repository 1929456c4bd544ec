/* SPDX-License-Identifier: Apache-2.0 */
/* Owning a name: the lock, takeover, paths of any length, giving up, and children. See also test-access.c. */
#include "test.h"

#include "owner.h"

#include "name/info.h"

#include <limits.h>
#include <netinet/in.h>
#include <sys/file.h>

/* ---- having a name ---- */

static void a_word_gets_its_directory_with_lock_socket_and_info(void **state)
{
	struct server s;
	struct info info;

	(void)state;
	server_start(&s, "clock");
	assert_string_equal(entries_of(test_dir()), "clock ");
	assert_string_equal(entries_of(test_path("clock")), "info lock sock ");
	assert_int_equal(mode_of(test_path("clock")), 0700);
	assert_int_equal(mode_of(test_path("clock/lock")), 0600);
	assert_int_equal(mode_of(test_path("clock/sock")), 0600);
	assert_ok(info_read(s.o.directory, "info", &info));
	assert_int_equal(info.pid, getpid());
	assert_ok(try_connect(&s.name));
	assert_int_equal(owner_check(&s.o), 1);
	assert_string_equal(s.o.warning, "");
	server_stop(&s);
	assert_string_equal(entries_of(test_path("clock")), "lock ");
	assert_int_equal(stat_of(test_path("clock/lock")).st_size, 0);
}

static void a_missing_base_directory_is_made(void **state)
{
	struct server s;

	(void)state;
	setenv("POSTERN_DIR", test_path("base"), 1);
	server_start(&s, "clock");
	assert_int_equal(mode_of(test_path("base")), 0700);
	server_stop(&s);
	setenv("POSTERN_DIR", test_path("no/base"), 1);
	assert_refused("clock", -ENOENT, "make it first");
}

static void a_path_gets_lock_and_info_beside_it(void **state)
{
	struct server s;

	(void)state;
	server_start(&s, test_path("s"));
	assert_string_equal(entries_of(test_dir()), "s s.info s.lock ");
	server_stop(&s);
	assert_string_equal(entries_of(test_dir()), "s.lock ");
}

static void a_second_owner_is_told_who_has_the_name(void **state)
{
	struct server s;
	struct test_time begun;
	char words[80];

	(void)state;
	server_start(&s, "clock");
	snprintf(words, sizeof(words), "in use by pid %d since 20", (int)getpid());
	begun = test_time();
	assert_refused("clock", -EADDRINUSE, words);
	assert_took_less(begun, 500000000); /* at once: it does not wait for the living */
	assert_int_equal(owner_check(&s.o), 1);
	assert_ok(try_connect(&s.name));
	server_stop(&s);
}

static void a_lock_whose_holder_says_nothing_is_waited_for_and_then_in_use(void **state)
{
	struct test_time begun = test_time();
	int fd = open(test_path("s.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_refused(test_path("s"), -EADDRINUSE, "an unknown process holds its lock");
	assert_took(begun, 990000000, 1000000000);
	close(fd);
}

static void the_lock_has_a_lower_number_than_the_listener(void **state)
{
	int low = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct server s;
	int64_t delay_ns;

	(void)state;
	close(foreign(test_path("s"), SOCK_STREAM, true));
	server_prepare(&s, test_path("s"), 0600);
	assert_errno(owner_acquire(&s.o, &delay_ns, &s.why), -EAGAIN);
	assert_true(s.o.lock > low);
	close(low); /* now a lower number than the lock's is free for the socket */
	test_sleep_ms(50);
	assert_ok(owner_acquire(&s.o, &delay_ns, &s.why));
	if (s.o.lock > s.o.listener)
		fail_msg("lock %d, listener %d", s.o.lock, s.o.listener);
	assert_refused(test_path("s"), -EADDRINUSE, "in use by");
	server_stop(&s);
}

static void stopping_refuses_new_connections_and_keeps_the_backlog(void **state)
{
	struct server s;
	int fd, pin, waiting;
	char path[40];
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)state;
	server_start(&s, "clock");
	waiting = name_connect(&s.name);
	pin = open(s.name.path, O_PATH | O_CLOEXEC);
	owner_retire(&s.o);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pin);
	memcpy(a.sun_path, path, sizeof(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	fd = sys_accept(s.o.listener);
	assert_ok(fd);
	assert_errno(sys_accept(s.o.listener), -EAGAIN);
	close(fd);
	close(waiting);
	close(pin);
	server_abandon(&s);
}

/* ---- taking over ---- */

static void pain_01_a_dead_servers_name_is_taken_over(void **state)
{
	struct child_server c = child_server_start("clock");
	struct server s;

	(void)state;
	child_server_kill(&c);
	assert_string_equal(entries_of(test_path("clock")), "info lock sock ");
	server_start(&s, "clock");
	assert_string_equal(entries_of(test_path("clock")), "info lock sock ");
	assert_ok(try_connect(&s.name));
	server_stop(&s);
	assert_string_equal(entries_of(test_path("clock")), "lock ");
}

static void a_dead_datagram_socket_is_taken_over(void **state)
{
	struct server s;

	(void)state;
	close(foreign(test_path("s"), SOCK_DGRAM, false));
	server_start(&s, test_path("s"));
	assert_ok(try_connect(&s.name));
	server_stop(&s);
}

static void a_takeover_that_was_interrupted_is_completed(void **state)
{
	struct server s;

	(void)state;
	close(foreign(test_path("s.stale"), SOCK_STREAM, true));
	close(foreign(test_path("s"), SOCK_STREAM, true));
	write_file(test_path("s.info.new"), "postern");
	server_start(&s, test_path("s"));
	assert_string_equal(entries_of(test_dir()), "s s.info s.lock ");
	server_stop(&s);
	close(foreign(test_path("s.stale"), SOCK_STREAM, true));
	server_start(&s, test_path("s"));
	assert_string_equal(entries_of(test_dir()), "s s.info s.lock ");
	server_stop(&s);
}

static void pain_02_a_live_foreign_servers_name_is_never_removed(void **state)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		int fd = foreign(test_path("s"), types[i], types[i] != SOCK_DGRAM);
		ino_t inode = stat_of(test_path("s")).st_ino;
		struct test_time begun = test_time();

		assert_refused(test_path("s"), -EADDRINUSE, "does not hold its lock");
		assert_took(begun, 990000000, 1000000000);
		assert_true(stat_of(test_path("s")).st_ino == inode);
		assert_string_equal(entries_of(test_dir()), "s s.lock ");
		close(fd);
		unlink(test_path("s"));
	}
}

static void a_full_backlog_counts_as_alive(void **state)
{
	int fd = foreign(test_path("s"), SOCK_STREAM, false), client;
	struct name name;
	struct why why;

	(void)state;
	assert_int_equal(listen(fd, 0), 0);
	assert_ok(name_resolve(&name, test_path("s"), &why));
	client = name_connect(&name);
	assert_ok(client);
	assert_errno(try_connect(&name), -EAGAIN);
	assert_refused(test_path("s"), -EADDRINUSE, "in use");
	assert_errno(try_connect(&name), -EAGAIN);
	close(client);
	close(fd);
	name_deinit(&name);
}

static void a_foreign_server_between_bind_and_listen_keeps_its_name(void **state)
{
	int fd = foreign(test_path("s"), SOCK_STREAM, false);
	struct server s;
	int64_t delay_ns;

	(void)state;
	server_prepare(&s, test_path("s"), 0600);
	assert_errno(owner_acquire(&s.o, &delay_ns, &s.why), -EAGAIN);
	assert_int_equal(delay_ns, 50000000);
	assert_int_equal(listen(fd, 64), 0);
	assert_errno(server_acquire(&s), -EADDRINUSE);
	assert_ok(try_connect(&s.name));
	close(fd);
	server_abandon(&s);
}

static void a_socket_that_replaced_the_stale_one_is_moved_back(void **state)
{
	struct server s;
	int64_t delay_ns;
	ino_t inode;
	int fd;

	(void)state;
	close(foreign(test_path("s"), SOCK_STREAM, true));
	server_prepare(&s, test_path("s"), 0600);
	assert_errno(owner_acquire(&s.o, &delay_ns, &s.why), -EAGAIN);
	unlink(test_path("s"));
	fd = foreign(test_path("s"), SOCK_STREAM, true);
	inode = stat_of(test_path("s")).st_ino;
	assert_errno(server_acquire(&s), -EADDRINUSE);
	assert_true(stat_of(test_path("s")).st_ino == inode);
	assert_string_equal(entries_of(test_dir()), "s s.lock ");
	assert_ok(try_connect(&s.name));
	close(fd);
	server_abandon(&s);
}

static void a_predecessor_that_is_dying_is_waited_for(void **state)
{
	/* postern-review: ignore L1 it is closed in the third wait, and that there were three is asserted */
	int fd = foreign(test_path("s"), SOCK_STREAM, true);
	struct server s;
	int64_t delay_ns;
	int r, waits = 0;

	(void)state;
	server_prepare(&s, test_path("s"), 0600);
	while ((r = owner_acquire(&s.o, &delay_ns, &s.why)) == -EAGAIN) {
		test_sleep_ms(delay_ns / 1000000);
		/* By number and not by time: on a busy machine a third of a second may be one wait. */
		if (++waits == 3)
			close(fd);
	}
	assert_ok(r);
	assert_true(waits >= 3);
	assert_ok(try_connect(&s.name));
	server_stop(&s);
}

static void one_refusal_is_not_enough(void **state)
{
	int fd = foreign(test_path("s"), SOCK_STREAM, true);
	struct server s;
	int64_t delay_ns;

	(void)state;
	server_prepare(&s, test_path("s"), 0600);
	assert_errno(owner_acquire(&s.o, &delay_ns, &s.why), -EAGAIN);
	close(fd);
	assert_errno(owner_acquire(&s.o, &delay_ns, &s.why), -EAGAIN);
	assert_int_equal(delay_ns, 50000000);
	assert_string_equal(entries_of(test_dir()), "s s.lock ");
	assert_ok(owner_acquire(&s.o, &delay_ns, &s.why));
	server_stop(&s);
}

static int start_and_hold(void *arg)
{
	struct server s;
	int r;

	server_prepare(&s, "clock", 0600);
	r = server_acquire(&s);
	if (r == -EADDRINUSE) {
		server_abandon(&s);
		return 1;
	}
	assert_ok(r);
	close(*(int *)arg); /* the last one to do so is who the parent waits for */
	pause();
	return 0;
}

static void pain_03_of_many_starters_at_a_dead_name_one_wins(void **state)
{
	struct child_server c = child_server_start("clock");
	int ends[2], losers = 0, status;
	pid_t pids[16];

	(void)state;
	child_server_kill(&c);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	for (int i = 0; i < 16; i++)
		pids[i] = test_fork_start(start_and_hold, &ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &status, 1), 0);
	close(ends[0]);
	for (int i = 0; i < 16; i++) {
		kill(pids[i], SIGKILL);
		status = test_fork_wait(pids[i]);
		losers += WIFEXITED(status) && WEXITSTATUS(status) == 1;
	}
	assert_int_equal(losers, 15);
}

static void pain_04_a_dying_server_leaves_its_successors_socket(void **state)
{
	struct server first, second;

	(void)state;
	server_start(&first, "clock");
	unlink(test_path("clock/lock")); /* a cleaner removed all of it */
	unlink(test_path("clock/sock"));
	unlink(test_path("clock/info"));
	server_start(&second, "clock");
	assert_errno(owner_check(&first.o), -ESTALE);
	server_stop(&first);
	assert_string_equal(entries_of(test_path("clock")), "info lock sock ");
	assert_int_equal(owner_check(&second.o), 1);
	assert_ok(try_connect(&second.name));
	server_stop(&second);
}

static void pain_05_a_removed_socket_is_noticed_and_published_again(void **state)
{
	struct server s;
	int old, waiting, fd;

	(void)state;
	server_start(&s, "clock");
	waiting = name_connect(&s.name);
	unlink(test_path("clock/sock"));
	assert_int_equal(owner_check(&s.o), 0);
	old = owner_renew(&s.o);
	assert_ok(old);
	assert_refused("clock", -EADDRINUSE, "in use by pid"); /* the lock was kept all the time */
	assert_ok(server_acquire(&s));
	assert_int_equal(owner_check(&s.o), 1);
	assert_ok(try_connect(&s.name));
	fd = sys_accept(old);
	assert_ok(fd);
	close(fd);
	close(old);
	close(waiting);
	server_stop(&s);
	assert_string_equal(entries_of(test_path("clock")), "lock ");
}

static void a_name_whose_directory_was_removed_is_published_again(void **state)
{
	struct server s;

	(void)state;
	server_start(&s, "clock");
	assert_int_equal(rename(test_path("clock"), test_path("away")), 0);
	assert_errno(owner_check(&s.o), -ESTALE);
	close(owner_renew(&s.o));
	assert_string_equal(entries_of(test_path("away")), "lock ");
	assert_ok(server_acquire(&s));
	assert_string_equal(entries_of(test_path("clock")), "info lock sock ");
	assert_int_equal(owner_check(&s.o), 1);
	server_stop(&s);
}

static void a_removed_lock_is_ESTALE_and_the_name_can_be_had_again(void **state)
{
	struct server s;
	struct test_time begun;
	int old;

	(void)state;
	server_start(&s, "clock");
	unlink(test_path("clock/lock"));
	assert_errno(owner_check(&s.o), -ESTALE);
	begun = test_time();
	old = owner_renew(&s.o);
	assert_ok(server_acquire(&s));
	assert_took_less(begun, 500000000); /* it did not take itself for a foreign server */
	assert_int_equal(owner_check(&s.o), 1);
	close(old);
	server_stop(&s);
}

static void a_name_that_was_lost_leaves_its_new_owner_alone(void **state)
{
	struct server first, second;

	(void)state;
	server_start(&first, "clock");
	unlink(test_path("clock/lock"));
	unlink(test_path("clock/sock"));
	server_start(&second, "clock");
	close(owner_renew(&first.o));
	assert_errno(server_acquire(&first), -EADDRINUSE);
	server_abandon(&first);
	assert_int_equal(owner_check(&second.o), 1);
	assert_string_equal(entries_of(test_path("clock")), "info lock sock ");
	server_stop(&second);
}

static void pain_26_a_bind_mounted_name_survives_a_restart(void **state)
{
	struct child_server c = child_server_start("clock");
	int mounted =
		open(test_path("clock"), O_PATH | O_DIRECTORY | O_CLOEXEC); /* what a mount holds */
	struct name inside;
	struct server s;
	struct why why;
	char path[40];

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/sock", mounted);
	assert_ok(name_resolve(&inside, path, &why));
	assert_ok(try_connect(&inside));
	child_server_kill(&c);
	assert_errno(try_connect(&inside), -ECONNREFUSED);
	for (int i = 0; i < 2; i++) {
		server_start(&s, "clock");
		assert_ok(try_connect(&inside));
		server_stop(&s);
		assert_errno(try_connect(&inside), -ENOENT);
	}
	name_deinit(&inside);
	close(mounted);
}

/* ---- any length ---- */

static char *deep_path(size_t length, size_t last)
{
	static char path[PATH_MAX];
	size_t n = strlen(test_dir());

	memcpy(path, test_dir(), n + 1);
	while (length - n > last + 1) {
		size_t part = length - n - last - 1;

		part = part > 100 ? 100 : part;
		path[n] = '/';
		memset(path + n + 1, 'd', part);
		path[n += part] = 0;
		if (part == 1) { /* only a slash was added */
			path[n - 1] = '/';
			path[n] = '.';
			path[n + 1] = 0;
			break;
		}
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	}
	n = strlen(path);
	path[n] = '/';
	memset(path + n + 1, 's', last);
	path[n + 1 + last] = 0;
	return path;
}

static void check_length(size_t length, size_t last)
{
	struct sockaddr_un a;
	socklen_t n = sizeof(a);
	struct child_server c;
	struct server s;
	char *path = deep_path(length, last);

	server_start(&s, path);
	memset(&a, 0, sizeof(a));
	assert_int_equal(getsockname(s.o.listener, (struct sockaddr *)&a, &n), 0);
	if (strlen(path) <= 107)
		assert_memory_equal(a.sun_path, path, strlen(path));
	else
		assert_memory_equal(a.sun_path, "/proc/self/fd/", 14);
	assert_ok(try_connect(&s.name));
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(owner_check(&s.o), 1);
	server_stop(&s);
	c = child_server_start(path);
	child_server_kill(&c);
	server_start(&s, path);
	assert_ok(try_connect(&s.name));
	server_stop(&s);
	assert_int_equal(access(path, F_OK), -1);
}

static void pain_06_a_path_of_any_length_is_served(void **state)
{
	size_t base = strlen(test_dir());

	(void)state;
	for (size_t length = 105; length <= 110; length++)
		check_length(length, length - base - 1);
	check_length(256, 20);
	check_length(256, 120); /* the last part alone does not fit into an address */
	check_length(400, 246);
	check_length(2000, 50);
	assert_refused(deep_path(300, 247), -ENAMETOOLONG, "too long");
}

/* ---- abstract names and given descriptors ---- */

static void threat_11_an_abstract_name_that_is_taken_is_in_use(void **state)
{
	char text[64];
	struct server s;

	(void)state;
	snprintf(text, sizeof(text), "@postern-test-owner-%d", (int)getpid());
	server_start(&s, text);
	assert_ok(try_connect(&s.name));
	assert_int_equal(owner_check(&s.o), 1);
	assert_int_equal(s.o.lock, -1);
	assert_refused(text, -EADDRINUSE, "in use");
	owner_retire(&s.o);
	assert_errno(try_connect(&s.name), -ECONNREFUSED);
	server_abandon(&s);
	server_start(&s, text);
	server_stop(&s);
	assert_string_equal(entries_of(test_dir()), "");
}

static void pain_31_a_given_socket_is_not_ours_to_remove(void **state)
{
	int given = foreign(test_path("s"), SOCK_STREAM, true), flags = fcntl(given, F_GETFL);
	struct stat before = stat_of(test_path("s")), after;
	struct name client;
	char text[20];
	struct server s;

	(void)state;
	snprintf(text, sizeof(text), "fd:%d", given);
	server_start_mode(&s, text, 0666);
	assert_int_not_equal(s.o.listener, given);
	assert_int_equal(fcntl(s.o.listener, F_GETFD), FD_CLOEXEC);
	assert_string_equal(entries_of(test_dir()), "s ");
	server_stop(&s);
	after = stat_of(test_path("s"));
	assert_true(after.st_ino == before.st_ino && after.st_mode == before.st_mode);
	assert_int_equal(fcntl(given, F_GETFL), flags | O_NONBLOCK);
	assert_ok(name_resolve(&client, test_path("s"), &s.why));
	assert_ok(try_connect(&client));
	name_deinit(&client);
	close(given);
}

static void refuse_fd(int fd, int error, const char *words)
{
	char text[20];

	snprintf(text, sizeof(text), "fd:%d", fd);
	assert_refused(text, error, words);
	close(fd);
}

static void a_given_descriptor_must_be_a_listening_local_stream_socket(void **state)
{
	(void)state;
	assert_refused("fd:800", -EBADF, "not open");
	refuse_fd(open("/dev/null", O_RDONLY | O_CLOEXEC), -ENOTSOCK, "fd:");
	refuse_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), -EPROTOTYPE, "not a listening");
	refuse_fd(foreign(test_path("d"), SOCK_DGRAM, false), -EPROTOTYPE, "not a listening");
	refuse_fd(foreign(test_path("q"), SOCK_SEQPACKET, true), -EPROTOTYPE, "not a listening");
	refuse_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -ENOTSOCK, "not a listening");
}

static void descriptors_cannot_be_passed_to_the_listener_where_the_kernel_can_say_so(void **state)
{
	struct server s;
	int on = 1;
	socklen_t n = sizeof(on);

	(void)state;
	test_skip_emulated("can read SO_PASSRIGHTS and not set it");
	server_start(&s, "clock");
	if (getsockopt(s.o.listener, SOL_SOCKET, 83 /* SO_PASSRIGHTS */, &on, &n) == 0)
		assert_int_equal(on, 0);
	else
		assert_int_equal(errno, ENOPROTOOPT);
	server_stop(&s);
}

/* ---- children ---- */

static int live_on(void *arg)
{
	struct server *s = arg;

	if (owner_check(&s->o) != 1)
		return 1;
	owner_retire(&s->o); /* must not do anything: it is not our name */
	pause();
	return 0;
}

static void pain_16_threat_13_a_child_neither_removes_nor_keeps_the_name(void **state)
{
	struct server s, next;
	pid_t child;

	(void)state;
	server_start(&s, "clock");
	child = test_fork_start(live_on, &s);
	test_sleep_ms(50);
	assert_int_equal(owner_check(&s.o), 1);
	assert_ok(try_connect(&s.name));
	server_stop(&s);
	server_start(&next, "clock"); /* although the child has copies of lock and listener */
	assert_ok(try_connect(&next.name));
	kill(child, SIGKILL);
	test_fork_wait(child);
	assert_int_equal(owner_check(&next.o), 1);
	server_stop(&next);
}

static int close_in_child(void *arg)
{
	struct server *s = arg;

	owner_deinit(&s->o, true);
	return s->o.lock == -1 && s->o.listener == -1 && s->o.directory == -1 ? 0 : 1;
}

static void threat_13_closing_in_a_child_leaves_the_parents_lock(void **state)
{
	struct server s;

	(void)state;
	server_start(&s, "clock");
	run_in_child(close_in_child, &s);
	assert_refused("clock", -EADDRINUSE, "in use by pid");
	assert_ok(try_connect(&s.name));
	server_stop(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_word_gets_its_directory_with_lock_socket_and_info),
		TEST(a_missing_base_directory_is_made),
		TEST(a_path_gets_lock_and_info_beside_it),
		TEST(a_second_owner_is_told_who_has_the_name),
		TEST(a_lock_whose_holder_says_nothing_is_waited_for_and_then_in_use),
		TEST(the_lock_has_a_lower_number_than_the_listener),
		TEST(stopping_refuses_new_connections_and_keeps_the_backlog),
		TEST(pain_01_a_dead_servers_name_is_taken_over),
		TEST(a_dead_datagram_socket_is_taken_over),
		TEST(a_takeover_that_was_interrupted_is_completed),
		TEST(pain_02_a_live_foreign_servers_name_is_never_removed),
		TEST(a_full_backlog_counts_as_alive),
		TEST(a_foreign_server_between_bind_and_listen_keeps_its_name),
		TEST(a_socket_that_replaced_the_stale_one_is_moved_back),
		TEST(a_predecessor_that_is_dying_is_waited_for),
		TEST(one_refusal_is_not_enough),
		TEST(pain_03_of_many_starters_at_a_dead_name_one_wins),
		TEST(pain_04_a_dying_server_leaves_its_successors_socket),
		TEST(pain_05_a_removed_socket_is_noticed_and_published_again),
		TEST(a_name_whose_directory_was_removed_is_published_again),
		TEST(a_removed_lock_is_ESTALE_and_the_name_can_be_had_again),
		TEST(a_name_that_was_lost_leaves_its_new_owner_alone),
		TEST(pain_26_a_bind_mounted_name_survives_a_restart),
		TEST(pain_06_a_path_of_any_length_is_served),
		TEST(threat_11_an_abstract_name_that_is_taken_is_in_use),
		TEST(pain_31_a_given_socket_is_not_ours_to_remove),
		TEST(a_given_descriptor_must_be_a_listening_local_stream_socket),
		TEST(descriptors_cannot_be_passed_to_the_listener_where_the_kernel_can_say_so),
		TEST(pain_16_threat_13_a_child_neither_removes_nor_keeps_the_name),
		TEST(threat_13_closing_in_a_child_leaves_the_parents_lock),
	};

	return test_run(tests);
}
