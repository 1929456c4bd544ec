/* SPDX-License-Identifier: Apache-2.0 */
/* Where a name is: resolving, connecting, and the list. Owning one is in test-owner.c, info in test-info.c. */
#include "test.h"

#include "name/info.h"
#include "name/name.h"

#include <postern/name.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- helpers ---- */

static struct why why;

/* Where the name is; the resolved name itself is not kept. */
static const char *resolved(const char *text)
{
	static char path[PATH_MAX + 1];

	assert_ok(postern_name_resolve(text, path, sizeof(path)));
	return path;
}

static void assert_refused(const char *text, int error, const char *words)
{
	struct name name;

	assert_errno(name_resolve(&name, text, &why), error);
	assert_int_equal(why.reason.error, error);
	if (!strstr(why.text, words) || strchr(why.text, '\n'))
		fail_msg("\"%s\" is refused with \"%s\", which does not say \"%s\" in a line", text,
			 why.text, words);
}

static void put_address(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	assert_true(strlen(path) < sizeof(a->sun_path));
	memcpy(a->sun_path, path, strlen(path));
}

/* A socket of a foreign program at a path. */
static int bound(const char *path, int type)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	put_address(&a, path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int listening(const char *path)
{
	int fd = bound(path, SOCK_STREAM);

	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static int connect_to(const char *text)
{
	struct name name;
	int r;

	assert_ok(name_resolve(&name, text, &why));
	r = name_connect(&name);
	name_deinit(&name);
	return r;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static bool in_child_ok(int (*fn)(void *arg), void *arg)
{
	int status = test_fork(fn, arg);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		test_skip("cannot make a mount namespace or change the user here");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int no_environment(void)
{
	unsetenv("POSTERN_DIR");
	return unsetenv("XDG_RUNTIME_DIR");
}

static int become_nobody(void)
{
	return geteuid() == 0 && setgid(64000) == 0 && setuid(64000) == 0 ? 0 : -1;
}

/* A mount namespace with an empty /run. */
static int empty_run(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("tmpfs", "/run", "tmpfs", 0, "mode=0755");
}

/* ---- resolving ---- */

static void a_word_is_a_directory_below_POSTERN_DIR(void **state)
{
	(void)state;
	assert_string_equal(resolved("clock"), test_path("clock/sock"));
	assert_string_equal(resolved("A-z_0.9"), test_path("A-z_0.9/sock"));
	setenv("POSTERN_DIR", test_path("deep///"), 1);
	assert_string_equal(resolved("clock"), test_path("deep/clock/sock"));
	setenv("POSTERN_DIR", "/", 1);
	assert_string_equal(resolved("clock"), "/clock/sock");
}

static void a_word_has_up_to_64_characters(void **state)
{
	char word[66];

	(void)state;
	memset(word, 'w', sizeof(word));
	word[64] = 0;
	resolved(word);
	word[64] = 'w';
	word[65] = 0;
	assert_refused(word, -ENAMETOOLONG, "at most 64");
}

static void an_empty_name_is_refused(void **state)
{
	(void)state;
	assert_refused("", -EINVAL, "the name is empty");
	assert_refused("system:", -EINVAL, "nothing after");
	assert_refused("@", -EINVAL, "0 bytes");
	assert_refused("fd:", -EINVAL, "fd:3");
}

static void illegal_characters_are_refused_and_shown(void **state)
{
	(void)state;
	assert_refused("a b", -EINVAL, "\\x20");
	assert_refused("a*", -EINVAL, "'*'");
	assert_refused("a:b", -EINVAL, "':'");
	assert_refused("uhr\xc3\xa9", -EINVAL, "\\xc3");
	assert_refused(".hidden", -EINVAL, "./.hidden");
	assert_refused("system:a b", -EINVAL, "\\x20");
	assert_refused("system:.a", -EINVAL, "dot");
	assert_refused("two\nlines", -EINVAL, "\\x0a");
	assert_refused("/tmp/two\nlines", -EINVAL, "\\x0a");
	assert_refused("fd:-1", -EINVAL, "descriptor");
	assert_refused("fd:3x", -EINVAL, "descriptor");
	assert_refused("fd:99999999999", -EINVAL, "descriptor");
}

static void a_slash_makes_a_path_and_it_is_made_absolute_at_once(void **state)
{
	struct name name;

	(void)state;
	assert_int_equal(chdir(test_dir()), 0);
	assert_ok(name_resolve(&name, "./a/b.sock", &why));
	assert_int_equal(chdir("/"), 0);
	assert_string_equal(name.path, test_path("./a/b.sock"));
	assert_string_equal(name.directory, test_path("./a"));
	assert_string_equal(name.lock, "b.sock.lock");
	assert_string_equal(name.info, "b.sock.info");
	assert_null(name.base);
	name_deinit(&name);

	assert_string_equal(resolved("a/b"), "/a/b");
	assert_ok(name_resolve(&name, "/sock", &why));
	assert_string_equal(name.directory, "/");
	name_deinit(&name);
}

static void a_path_that_names_a_directory_is_refused(void **state)
{
	(void)state;
	assert_refused("/", -EINVAL, "directory");
	assert_refused("/tmp/", -EINVAL, "directory");
	assert_refused("./.", -EINVAL, "directory");
	assert_refused("/tmp/..", -EINVAL, "directory");
}

static void a_path_longer_than_the_kernel_takes_is_refused(void **state)
{
	static char path[PATH_MAX + 2];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	assert_refused(path, -ENAMETOOLONG, "longer than the kernel accepts");
}

static void a_working_directory_that_was_removed_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(mkdir(test_path("gone"), 0700), 0);
	assert_int_equal(chdir(test_path("gone")), 0);
	assert_int_equal(rmdir(test_path("gone")), 0);
	assert_refused("./sock", -ENOENT, "absolute path");
	assert_int_equal(chdir("/"), 0);
}

static void an_abstract_name_has_up_to_107_bytes(void **state)
{
	char text[110];

	(void)state;
	assert_string_equal(resolved("@/tmp/.X11-unix/X0"), "@/tmp/.X11-unix/X0");
	memset(text, 'a', sizeof(text));
	text[0] = '@';
	text[108] = 0;
	assert_string_equal(resolved(text), text);
	text[108] = 'a';
	text[109] = 0;
	assert_refused(text, -ENAMETOOLONG, "1 to 107");
}

static void a_descriptor_is_named_by_its_number(void **state)
{
	struct name name;

	(void)state;
	assert_ok(name_resolve(&name, "fd:17", &why));
	assert_int_equal(name.kind, NAME_FD);
	assert_int_equal(name.fd, 17);
	assert_string_equal(name.path, "fd:17");
	name_deinit(&name);
}

static void the_result_must_fit(void **state)
{
	char small[8];

	(void)state;
	memset(small, 'x', sizeof(small));
	assert_errno(postern_name_resolve("@seven77", small, sizeof(small)), -ERANGE);
	assert_int_equal(small[0], 'x');
	assert_ok(postern_name_resolve("@seven7", small, sizeof(small)));
	assert_string_equal(small, "@seven7");
	assert_errno(postern_name_resolve(NULL, small, sizeof(small)), -EINVAL);
	assert_errno(postern_name_resolve("a", NULL, 1), -EINVAL);
}

static void a_relative_or_empty_runtime_directory_is_not_passed_over(void **state)
{
	(void)state;
	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	setenv("POSTERN_DIR", "relative", 1);
	assert_refused("clock", -EINVAL, "POSTERN_DIR");
	setenv("POSTERN_DIR", "", 1);
	assert_refused("clock", -EINVAL, "POSTERN_DIR");
	unsetenv("POSTERN_DIR");
	setenv("XDG_RUNTIME_DIR", "run", 1);
	assert_refused("clock", -EINVAL, "XDG_RUNTIME_DIR");
	unsetenv("XDG_RUNTIME_DIR");
}

static int resolve_step_by_step(void *arg)
{
	(void)arg;
	no_environment();
	if (empty_run() < 0)
		return 77;
	setenv("XDG_RUNTIME_DIR", "/run/x/", 1);
	assert_string_equal(resolved("clock"), "/run/x/postern/clock/sock");
	setenv("XDG_RUNTIME_DIR", "", 1);
	assert_string_equal(resolved("clock"), "/run/postern/clock/sock");
	assert_int_equal(mkdir("/run/user", 0755), 0);
	if (become_nobody() < 0)
		return 77;
	assert_refused("clock", -ENOENT, "set POSTERN_DIR");
	assert_refused("clock", -ENOENT, "/run/user/64000");
	assert_string_equal(resolved("system:clock"), "/run/postern/clock/sock");
	return 0;
}

static void without_POSTERN_DIR_the_runtime_directory_of_the_user_is_taken(void **state)
{
	(void)state;
	assert_true(in_child_ok(resolve_step_by_step, NULL));
}

static int resolve_in_run_user(void *arg)
{
	(void)arg;
	no_environment();
	if (empty_run() < 0)
		return 77;
	assert_int_equal(mkdir("/run/user", 0755), 0);
	assert_int_equal(mkdir("/run/user/64000", 0700), 0);
	if (become_nobody() < 0)
		return 77;
	assert_string_equal(resolved("clock"), "/run/user/64000/postern/clock/sock");
	return 0;
}

static void run_user_is_taken_where_it_exists(void **state)
{
	(void)state;
	assert_true(in_child_ok(resolve_in_run_user, NULL));
}

static void pain_07_TMPDIR_has_no_part_in_where_a_name_is(void **state)
{
	const char *saved = getenv("TMPDIR");
	char *before = strdup(resolved("clock")), *kept = saved ? strdup(saved) : NULL;

	(void)state;
	setenv("TMPDIR", "/somewhere/else", 1);
	assert_string_equal(resolved("clock"), before);
	if (kept)
		setenv("TMPDIR", kept, 1);
	else
		unsetenv("TMPDIR");
	free(before);
	free(kept);
}

/* ---- connecting ---- */

static void a_missing_name_is_ENOENT(void **state)
{
	(void)state;
	assert_errno(connect_to("clock"), -ENOENT);
	assert_errno(connect_to(test_path("none/s")), -ENOENT);
}

static void a_dead_socket_is_ECONNREFUSED_and_a_file_is_ENOTSOCK(void **state)
{
	(void)state;
	close(listening(test_path("dead")));
	assert_errno(connect_to(test_path("dead")), -ECONNREFUSED);
	write_file(test_path("file"), "");
	assert_errno(connect_to(test_path("file")), -ENOTSOCK);
	assert_int_equal(mkdir(test_path("directory"), 0700), 0);
	assert_errno(connect_to(test_path("directory")), -ENOTSOCK);
}

static void other_types_of_socket_are_EPROTOTYPE(void **state)
{
	int datagram = bound(test_path("datagram"), SOCK_DGRAM);
	int packets = bound(test_path("packets"), SOCK_SEQPACKET);

	(void)state;
	assert_int_equal(listen(packets, 1), 0);
	assert_errno(connect_to(test_path("datagram")), -EPROTOTYPE);
	assert_errno(connect_to(test_path("packets")), -EPROTOTYPE);
	close(datagram);
	close(packets);
}

static void a_full_backlog_is_EAGAIN(void **state)
{
	int listener = bound(test_path("full"), SOCK_STREAM), first;

	(void)state;
	assert_int_equal(listen(listener, 0), 0);
	first = connect_to(test_path("full"));
	assert_ok(first);
	assert_errno(connect_to(test_path("full")), -EAGAIN);
	close(first);
	close(listener);
}

static void a_connection_is_made_through_symlinks_too(void **state)
{
	int listener = listening(test_path("real")), fd;

	(void)state;
	assert_int_equal(symlink("real", test_path("link")), 0);
	fd = connect_to(test_path("link"));
	assert_ok(fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	close(listener);
}

/* A directory below the private one, deep enough that a name in it has the length wanted. */
static char *deep_path(size_t length)
{
	static char path[PATH_MAX];
	size_t n = strlen(test_dir());

	memcpy(path, test_dir(), n);
	while (length - n > 60) {
		memset(path + n, 'd', 50);
		path[n] = '/';
		path[n += 50] = 0;
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
	}
	memset(path + n, 's', length - n);
	path[n] = '/';
	path[length] = 0;
	return path;
}

static void pain_06_a_path_of_any_length_is_connected_to(void **state)
{
	static const size_t lengths[] = { 106, 107, 108, 109, 256, 1000 };
	char *path;
	int fd, listener;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		path = deep_path(lengths[i]);
		assert_errno(connect_to(path), -ENOENT);
		listener = listening(test_path("short"));
		assert_int_equal(rename(test_path("short"), path), 0);
		fd = connect_to(path);
		assert_ok(fd);
		close(fd);
		close(listener);
		assert_errno(connect_to(path), -ECONNREFUSED);
		unlink(path);
		write_file(path, "");
		assert_errno(connect_to(path), -ENOTSOCK);
		unlink(path);
	}
}

static int connect_as_nobody(void *path)
{
	if (become_nobody() < 0)
		return 77;
	assert_errno(connect_to(path), -EACCES);
	return 0;
}

static void no_permission_is_EACCES_for_short_and_long_paths(void **state)
{
	int listener;

	(void)state;
	if (geteuid() != 0)
		test_skip("needs root");
	listener = listening(test_path("short"));
	assert_int_equal(chmod(test_dir(), 0755), 0);
	assert_int_equal(chmod(test_path("short"), 0600), 0);
	assert_true(in_child_ok(connect_as_nobody, (void *)(uintptr_t)test_path("short")));
	assert_int_equal(rename(test_path("short"), deep_path(200)), 0);
	assert_true(in_child_ok(connect_as_nobody, deep_path(200)));
	close(listener);
}

static void an_abstract_name_is_connected_to(void **state)
{
	char text[64];
	struct sockaddr_un a;
	socklen_t n;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	(void)state;
	snprintf(text, sizeof(text), "@postern-test-%d", (int)getpid());
	assert_errno(connect_to(text), -ECONNREFUSED);
	put_address(&a, text);
	a.sun_path[0] = 0;
	n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text));
	assert_int_equal(bind(listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(listener, 1), 0);
	fd = connect_to(text);
	assert_ok(fd);
	close(fd);
	close(listener);
}

static void nobody_connects_to_a_descriptor_that_is_listened_on(void **state)
{
	(void)state;
	assert_errno(connect_to("fd:0"), -EINVAL);
}

static void the_owner_of_the_sockets_directory_is_known(void **state)
{
	struct name name;
	uid_t uid = 12345;

	(void)state;
	assert_ok(name_resolve(&name, test_path("s"), &why));
	assert_ok(name_directory_uid(&name, &uid));
	assert_int_equal(uid, geteuid());
	name_deinit(&name);
	assert_ok(name_resolve(&name, test_path("none/s"), &why));
	assert_errno(name_directory_uid(&name, &uid), -ENOENT);
	name_deinit(&name);
	assert_ok(name_resolve(&name, "@a", &why));
	uid = 12345;
	assert_ok(name_directory_uid(&name, &uid));
	assert_int_equal(uid, 0);
	name_deinit(&name);
}

/* ---- list ---- */

struct seen {
	char text[1024];
	int stop_with;
	pid_t pid;
};

static int see(const struct postern_name_info *info, void *data)
{
	struct seen *seen = data;
	size_t n = strlen(seen->text);

	assert_int_equal(info->size, sizeof(*info));
	snprintf(seen->text + n, sizeof(seen->text) - n, "%s:%s:%s ", info->name,
		 info->alive > 0   ? "alive"
		 : info->alive < 0 ? "?"
				   : "dead",
		 info->mode);
	seen->pid = info->pid;
	return seen->stop_with;
}

static void make_name(const char *word, const char *info)
{
	assert_int_equal(mkdir(test_path("%s", word), 0700), 0);
	write_file(test_path("%s/lock", word), "");
	if (info)
		write_file(test_path("%s/info", word), info);
}

static void own_info(const char *word)
{
	int directory;

	make_name(word, NULL);
	directory = open(test_path("%s", word), O_PATH | O_CLOEXEC);
	assert_ok(info_write(directory, "info", "bytes"));
	close(directory);
}

static void names_are_listed_in_order_and_dead_ones_are_told(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	own_info("zebra");
	make_name("killed", "postern 0.1.0\npid 1\nstart 1\nsince 5\nmode bytes\n");
	make_name("crashed", NULL);
	close(listening(test_path("crashed/sock")));
	make_name("ended", NULL);
	make_name("damaged", "nonsense");
	make_name(".hidden", "postern 0.1.0\npid 1\n");
	write_file(test_path("file"), "");
	assert_int_equal(symlink("zebra", test_path("link")), 0);
	assert_ok(postern_name_list(see, &seen));
	if (strncmp(seen.text, "crashed:?: killed:dead:bytes zebra:alive:bytes ", 47))
		fail_msg("listed: %s", seen.text);
}

static void the_list_stops_when_it_is_told_to(void **state)
{
	struct seen seen = { .stop_with = -ENOENT };

	(void)state;
	own_info("a");
	own_info("b");
	assert_errno(postern_name_list(see, &seen), -ENOENT);
	assert_string_equal(seen.text, "a:alive:bytes ");
	assert_int_equal(seen.pid, getpid());
	assert_errno(postern_name_list(NULL, NULL), -EINVAL);
}

static void listing_does_not_connect_and_does_not_touch_the_lock(void **state)
{
	struct seen seen = { 0 };
	int listener;

	(void)state;
	own_info("busy");
	listener = listening(test_path("busy/sock"));
	assert_int_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(chmod(test_path("busy/lock"), 0), 0);
	assert_ok(postern_name_list(see, &seen));
	assert_non_null(strstr(seen.text, "busy:alive:bytes"));
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	close(listener);
}

static int list_nothing(void *arg)
{
	struct seen seen = { 0 };

	(void)arg;
	if (empty_run() < 0)
		return 77;
	setenv("POSTERN_DIR", "/run/nowhere", 1);
	assert_ok(postern_name_list(see, &seen));
	assert_int_equal(mkdir("/run/postern", 0755), 0);
	assert_int_equal(mkdir("/run/postern/clock", 0755), 0);
	write_file("/run/postern/clock/info", "postern 1\npid 1\nstart 1\n");
	assert_ok(postern_name_list(see, &seen));
	assert_string_equal(seen.text, "system:clock:dead: ");
	seen.text[0] = 0;
	no_environment();
	assert_ok(postern_name_list(see, &seen));
	assert_string_equal(seen.text, "clock:dead: ");
	if (become_nobody() < 0)
		return 77;
	seen.text[0] = 0;
	assert_ok(postern_name_list(see, &seen));
	assert_string_equal(seen.text, "system:clock:dead: ");
	return 0;
}

static void names_of_the_system_are_listed_too(void **state)
{
	(void)state;
	assert_true(in_child_ok(list_nothing, NULL));
}

static int list_without_directories(void *arg)
{
	struct seen seen = { 0 };

	(void)arg;
	no_environment();
	if (empty_run() < 0 || become_nobody() < 0)
		return 77;
	assert_errno(postern_name_list(see, &seen), -ENOENT);
	return 0;
}

static void without_any_runtime_directory_the_list_is_ENOENT(void **state)
{
	(void)state;
	assert_true(in_child_ok(list_without_directories, NULL));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_word_is_a_directory_below_POSTERN_DIR),
		TEST(a_word_has_up_to_64_characters),
		TEST(an_empty_name_is_refused),
		TEST(illegal_characters_are_refused_and_shown),
		TEST(a_slash_makes_a_path_and_it_is_made_absolute_at_once),
		TEST(a_path_that_names_a_directory_is_refused),
		TEST(a_path_longer_than_the_kernel_takes_is_refused),
		TEST(a_working_directory_that_was_removed_is_an_error),
		TEST(an_abstract_name_has_up_to_107_bytes),
		TEST(a_descriptor_is_named_by_its_number),
		TEST(the_result_must_fit),
		TEST(a_relative_or_empty_runtime_directory_is_not_passed_over),
		TEST(without_POSTERN_DIR_the_runtime_directory_of_the_user_is_taken),
		TEST(run_user_is_taken_where_it_exists),
		TEST(pain_07_TMPDIR_has_no_part_in_where_a_name_is),
		TEST(a_missing_name_is_ENOENT),
		TEST(a_dead_socket_is_ECONNREFUSED_and_a_file_is_ENOTSOCK),
		TEST(other_types_of_socket_are_EPROTOTYPE),
		TEST(a_full_backlog_is_EAGAIN),
		TEST(a_connection_is_made_through_symlinks_too),
		TEST(pain_06_a_path_of_any_length_is_connected_to),
		TEST(no_permission_is_EACCES_for_short_and_long_paths),
		TEST(an_abstract_name_is_connected_to),
		TEST(nobody_connects_to_a_descriptor_that_is_listened_on),
		TEST(the_owner_of_the_sockets_directory_is_known),
		TEST(names_are_listed_in_order_and_dead_ones_are_told),
		TEST(the_list_stops_when_it_is_told_to),
		TEST(listing_does_not_connect_and_does_not_touch_the_lock),
		TEST(names_of_the_system_are_listed_too),
		TEST(without_any_runtime_directory_the_list_is_ENOENT),
	};

	return test_run(tests);
}
