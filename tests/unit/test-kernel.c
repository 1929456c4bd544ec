/* SPDX-License-Identifier: Apache-2.0 */
/* Facts about the kernel: names, locks, connecting. kernel.h says how these tests run. */
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Names: binding. */

TEST(fchmod_before_bind_sets_the_mode_of_the_file_and_the_umask_narrows_it)
{
	int private = stream(), shared = stream();

	ok(fchmod(private, 0600));
	ok(fchmod(shared, 0666));
	umask(0);
	ok(bind_at(private, "private"));
	umask(027);
	ok(bind_at(shared, "shared"));
	assert_int_equal(stat_of("private").st_mode & 07777, 0600);
	assert_int_equal(stat_of("shared").st_mode & 07777, 0640);
}

TEST(a_connect_before_listen_is_refused)
{
	int fd = stream();

	ok(bind_at(fd, "sock"));
	fails(connect_at(stream(), "sock"), ECONNREFUSED);
	ok(listen(fd, 1));
	ok(connect_at(stream(), "sock"));
}

TEST(an_inode_number_is_not_reused_while_the_bound_socket_is_open)
{
	ino_t ours;

	ok(bind_at(stream(), "sock"));
	ours = stat_of("sock").st_ino;
	ok(unlink("sock"));
	for (int i = 0; i < 200; i++) {
		int other = stream();

		ok(bind_at(other, "sock"));
		assert_int_not_equal(stat_of("sock").st_ino, ours);
		close(other);
		ok(unlink("sock"));
	}
}

TEST(bind_through_proc_escapes_the_length_limit_and_getsockname_shows_it)
{
	struct sockaddr_un sa;
	socklen_t len = sizeof(sa);
	char name[121] = { 0 }, path[64];
	int d, fd = stream();

	memset(name, 'n', sizeof(name) - 1);
	ok(mkdir(name, 0700));
	d = ok(open(name, O_PATH | O_DIRECTORY | O_CLOEXEC));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/sock", d);
	ok(bind_at(fd, path));
	ok(faccessat(d, "sock", F_OK, 0));
	ok(getsockname(fd, (struct sockaddr *)&sa, &len));
	assert_string_equal(sa.sun_path, path);
}

TEST(bind_does_not_follow_a_final_symlink)
{
	char path[64];
	int d = ok(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));

	ok(symlink("elsewhere", "sock"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d/sock", d);
	fails(bind_at(stream(), path), EADDRINUSE);
	fails(access("elsewhere", F_OK), ENOENT);
}

TEST(rename_noreplace_refuses_an_existing_target)
{
	long r;

	ok(bind_at(stream(), "sock"));
	ok(bind_at(stream(), "sock.stale"));
	r = syscall(SYS_renameat2, AT_FDCWD, "sock", AT_FDCWD, "sock.stale", RENAME_NOREPLACE);
	if (r < 0 && errno == EINVAL)
		skip_because("this file system has no RENAME_NOREPLACE");
	fails(r, EEXIST);
	ok(unlink("sock.stale"));
	ok(syscall(SYS_renameat2, AT_FDCWD, "sock", AT_FDCWD, "sock.stale", RENAME_NOREPLACE));
}

static int next_event(int in, uint32_t mask, const char *name)
{
	union {
		char bytes[512];
		struct inotify_event event;
	} buf = { { 0 } };

	if (read(in, &buf, sizeof(buf)) < 0)
		return -1;
	assert_int_equal(buf.event.mask, mask);
	assert_string_equal(buf.event.name, name);
	return 0;
}

/*
 * A bound socket pins the directory that it was bound in, as an O_PATH descriptor does: the owner
 * of a name never learns from IN_IGNORED that its directory was removed, only from the IN_DELETE
 * of the socket that comes before. What was moved away says so only when asked.
 */
TEST(inotify_tells_of_a_removed_directory_only_after_its_socket_is_closed)
{
	int in = ok(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), fd = stream();

	ok(mkdir("d", 0700));
	ok(inotify_add_watch(in, "d", IN_DELETE | IN_MOVED_FROM | IN_MOVE_SELF | IN_ONLYDIR));
	ok(bind_at(fd, "d/sock"));
	ok(rename("d/sock", "d/other"));
	ok(next_event(in, IN_MOVED_FROM, "sock"));
	ok(rename("d", "e"));
	ok(next_event(in, IN_MOVE_SELF, ""));
	ok(unlink("e/other"));
	ok(next_event(in, IN_DELETE, "other"));
	ok(rmdir("e"));
	fails(next_event(in, 0, ""), EAGAIN);
	close(fd);
	ok(next_event(in, IN_IGNORED, ""));
}

/* Names: the lock. */

TEST(flock_belongs_to_the_open_file_description)
{
	int fd = open_lock(O_RDWR), other = open_lock(O_RDWR);

	ok(try_lock(fd));
	ok(try_lock(ok(dup(fd))));
	fails(try_lock(other), EWOULDBLOCK);
}

TEST(flock_travels_with_a_passed_descriptor)
{
	int fd = open_lock(O_RDWR), other = open_lock(O_RDWR), s[2], got[4], flags;

	pair(s);
	ok(try_lock(fd));
	ok(send_descriptors(s[0], &fd, 1));
	close(fd);
	fails(try_lock(other), EWOULDBLOCK); /* held by the message in flight */
	assert_int_equal(receive_descriptors(s[1], CMSG_LEN(sizeof(int)), got, &flags), 1);
	fails(try_lock(other), EWOULDBLOCK);
	close(got[0]);
	ok(try_lock(other));
}

TEST(flock_is_released_by_unlock_on_any_duplicate)
{
	int fd = open_lock(O_RDWR), other = open_lock(O_RDWR);

	ok(try_lock(fd));
	if (fork_child() == 0)
		_exit(flock(fd, LOCK_UN) ? errno : 0);
	assert_int_equal(reap(), 0);
	ok(try_lock(other));
}

TEST(flock_is_kept_by_a_forked_child_that_merely_lives_on)
{
	int fd = open_lock(O_RDWR), other = open_lock(O_RDWR);

	ok(try_lock(fd));
	fork_idle_child();
	close(fd);
	fails(try_lock(other), EWOULDBLOCK);
	ok(kill(child, SIGKILL));
	assert_int_equal(reap(), -SIGKILL);
	ok(try_lock(other));
}

TEST(a_read_only_opener_can_take_the_exclusive_flock)
{
	int owner = open_lock(O_RDWR), reader = open_lock(O_RDONLY);

	ok(try_lock(reader));
	fails(try_lock(owner), EWOULDBLOCK);
}

static void *idle_thread(void *data)
{
	for (;;)
		pause();
	return data;
}

/*
 * At exit the kernel walks the descriptors upwards but defers each release, and runs the deferred
 * ones last in, first out: the highest number is released first. A hundred sockets between the two
 * make the gap wide enough to be seen.
 */
static void serve_until_killed(int ready, int lock_number, int listener_number)
{
	pthread_t thread;
	int lock = open_lock(O_RDWR), listener = listen_at("sock", 1);

	for (int fd = 101; fd < 200; fd++)
		dup2(stream(), fd);
	if (try_lock(lock) || dup2(lock, lock_number) < 0 || dup2(listener, listener_number) < 0)
		_exit(1);
	for (int fd = 3; fd < 100; fd++)
		if (fd != ready)
			close(fd);
	if (pthread_create(&thread, NULL, idle_thread, NULL) || write(ready, "r", 1) != 1)
		_exit(1);
	idle_thread(NULL);
}

/* Whether the listener still answered when the lock was free already. */
static int lock_is_released_first(int lock_number, int listener_number)
{
	int lock = open_lock(O_RDWR), client = stream(), ready[2], r;
	char byte;

	unlink("sock");
	ok(pipe2(ready, O_CLOEXEC));
	if (fork_child() == 0)
		serve_until_killed(ready[1], lock_number, listener_number);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	ok(kill(child, SIGKILL));
	while (try_lock(lock) != 0)
		; /* a blocking flock wakes too late */
	r = connect_at(client, "sock");
	assert_int_equal(reap(), -SIGKILL);
	close(lock);
	close(client);
	close(ready[0]);
	return r == 0;
}

TEST(the_lock_outlives_the_listener_at_death_when_its_number_is_lower)
{
	int lower = 0, higher = 0;

	for (int i = 0; i < 25; i++) {
		lower += lock_is_released_first(100, 200);
		higher += lock_is_released_first(200, 100);
	}
	/* The other order is a race that the observer only usually sees: reported, not asserted. */
	print_message("lock free and listener answering: lock lower %d of 25, higher %d of 25\n",
		      lower, higher);
	assert_int_equal(lower, 0);
}

/* Connecting. */

TEST(connect_through_an_o_path_descriptor_works)
{
	char path[64];
	int pin;

	listen_at("sock", 1);
	pin = ok(open("sock", O_PATH | O_NOFOLLOW | O_CLOEXEC));
	ok(rename("sock", "moved"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pin);
	ok(connect_at(stream(), path));
}

/* As for a dead socket: only the file's type tells them apart. */
TEST(connect_to_what_is_not_a_socket_is_refused)
{
	open_lock(O_RDWR);
	ok(mkdir("d", 0700));
	fails(connect_at(stream(), "lock"), ECONNREFUSED);
	fails(connect_at(stream(), "d"), ECONNREFUSED);
}

TEST(connect_to_another_type_of_socket_is_a_prototype_error)
{
	int packets = ok(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));

	ok(bind_at(ok(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)), "datagrams"));
	ok(bind_at(packets, "packets"));
	ok(listen(packets, 1));
	fails(connect_at(stream(), "datagrams"), EPROTOTYPE);
	fails(connect_at(stream(), "packets"), EPROTOTYPE);
}

TEST(a_full_backlog_gives_eagain_and_poll_returns_at_once)
{
	int fd = stream(), queued = 0;

	listen_at("sock", 2);
	while (queued < 10 && connect_at(stream(), "sock") == 0)
		queued++;
	assert_int_equal(queued, 3); /* one more than listen was told */
	fails(connect_at(fd, "sock"), EAGAIN);
	/* So a poll for writability is no way to wait for room: it would spin. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(poll_for(fd, POLLOUT, 0), POLLOUT | POLLHUP);
}

static int connect_as_nobody(void)
{
	if (fork_child() == 0) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(255);
		_exit(connect_at(stream(), "sock") ? errno : 0);
	}
	return reap();
}

TEST(another_uid_gets_eacces_from_a_private_socket)
{
	int fd = stream();

	if (geteuid() != 0)
		skip_because("becoming another uid takes root");
	ok(chmod(".", 0711));
	ok(fchmod(fd, 0600));
	ok(bind_at(fd, "sock"));
	assert_int_equal(connect_as_nobody(), EACCES); /* before listen too */
	ok(listen(fd, 4));
	assert_int_equal(connect_as_nobody(), EACCES);
	ok(chmod("sock", 0602));
	assert_int_equal(connect_as_nobody(), 0); /* writing is all that it takes */
}

TEST(the_credentials_of_a_server_are_those_at_listen)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd = stream(), client = stream();
	pid_t pid;

	ok(bind_at(fd, "sock"));
	pid = fork_child();
	if (pid == 0)
		_exit(listen(fd, 4) ? errno : 0);
	assert_int_equal(reap(), 0);
	ok(connect_at(client, "sock"));
	ok(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	ok(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	assert_int_equal(cred.pid, pid);
	ok(listen(fd, 4)); /* an adopted listener gets its new owner's by listening again */
	client = stream();
	ok(connect_at(client, "sock"));
	ok(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	assert_int_equal(cred.pid, getpid());
}

TEST(peer_pidfd_refers_to_the_peer)
{
	char path[64], text[512] = { 0 }, *line;
	int s[2], pidfd = -1;
	socklen_t len = sizeof(pidfd);

	pair(s);
	get_or_skip(s[0], SO_PEERPIDFD, &pidfd, &len);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	ok(read(ok(open(path, O_RDONLY | O_CLOEXEC)), text, sizeof(text) - 1));
	line = strstr(text, "\nPid:");
	assert_non_null(line);
	assert_int_equal(atoi(line + 5), getpid());
}

TEST(peer_groups_are_those_of_the_peer)
{
	gid_t ours[256], theirs[256];
	socklen_t len = sizeof(theirs);
	int s[2], n = ok(getgroups(256, ours));

	pair(s);
	get_or_skip(s[0], SO_PEERGROUPS, theirs, &len);
	assert_int_equal(len / sizeof(gid_t), n);
	assert_memory_equal(theirs, ours, len);
}

TEST(peer_label_is_there_when_a_security_module_is)
{
	char label[512];
	socklen_t len = sizeof(label);
	int s[2];

	pair(s);
	get_or_skip(s[0], SO_PEERSEC, label, &len);
	assert_in_range(len, 1, sizeof(label));
}

int main(void)
{
	for (int fd = 3; fd < FD_END; fd++)
		close(fd);
	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
