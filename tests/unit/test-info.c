/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner of a name writes about itself, and what others read out of it. */
#include "test.h"

#include "name/info.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <postern.h>

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static int open_test_dir(void)
{
	int fd = open(test_dir(), O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int alive_from_here(const struct info *info)
{
	struct info_place here;

	info_look_around(&here);
	return info_alive(info, &here);
}

static void info_tells_of_this_process(void **state)
{
	int directory = open_test_dir();
	struct info info;

	(void)state;
	assert_ok(info_write(directory, "info", "bytes"));
	assert_ok(info_read(directory, "info", &info));
	assert_int_equal(info.pid, getpid());
	assert_true(info.start > 0);
	assert_in_range(time(NULL) - info.since, 0, 60);
	assert_string_equal(info.mode, "bytes");
	assert_string_equal(info.version, POSTERN_VERSION);
	assert_int_equal(alive_from_here(&info), 1);
	assert_true(info.pidns > 0);
	assert_int_equal(strlen(info.boot), 36);
	assert_errno(access(test_path("info.new"), F_OK) ? -errno : 0, -ENOENT);
	close(directory);
}

static void threat_08_a_reused_pid_is_not_taken_for_the_owner(void **state)
{
	struct info info = { .pid = getpid(), .start = 1 };

	(void)state;
	assert_int_equal(alive_from_here(&info), 0);
	info.pid = 0; /* nobody has said which process it is */
	assert_int_equal(alive_from_here(&info), -1);
	info.pid = INT_MAX;
	assert_int_equal(alive_from_here(&info), 0);
}

static int write_info_and_leave(void *directory)
{
	return info_write(*(int *)directory, "info", "bytes") < 0;
}

static void a_process_that_ended_is_dead_before_its_parent_has_waited_for_it(void **state)
{
	int directory = open_test_dir();
	pid_t pid = test_fork_start(write_info_and_leave, &directory);
	struct info info;
	siginfo_t si;

	(void)state;
	assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
	assert_ok(info_read(directory, "info", &info));
	assert_int_equal(info.pid, pid);
	assert_int_equal(alive_from_here(&info), 0);
	test_fork_wait(pid);
	assert_int_equal(alive_from_here(&info), 0);
	close(directory);
}

/* Pids and start times of another namespace are other numbers for other processes. */
static void whether_a_process_of_another_namespace_lives_is_not_known(void **state)
{
	int directory = open_test_dir();
	struct info_place here;
	struct info info, other;
	int r;

	(void)state;
	assert_ok(info_write(directory, "info", "bytes"));
	assert_ok(info_read(directory, "info", &info));
	info_look_around(&here);
	assert_int_equal(info_alive(&info, &here), 1);
	other = info;
	other.pidns++;
	assert_int_equal(info_alive(&other, &here), -1);
	other.pid = INT_MAX;
	assert_int_equal(info_alive(&other, &here), -1);
	/* Who did not say where it is, is here. */
	other.pidns = 0;
	assert_int_equal(info_alive(&other, &here), 0);
	other = info;
	other.timens = here.timens + 1;
	other.start++;
	assert_int_equal(info_alive(&other, &here), here.timens ? -1 : 0);
	other.pid = INT_MAX;
	assert_int_equal(info_alive(&other, &here), 0);
	/* A machine that was started anew has none of the processes from before, wherever they were. */
	other = info;
	other.pidns++;
	other.boot[0] = other.boot[0] == 'a' ? 'b' : 'a';
	assert_int_equal(info_alive(&other, &here), 0);
	/* A /proc of another pid namespace has our pid for somebody else. */
	here.own_proc = false;
	assert_int_equal(info_alive(&info, &here), -1);
	info.pid = INT_MAX;
	close(directory);
	r = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (r < 0 && errno == ENOSYS)
		test_skip("no pidfd_open, as under valgrind");
	close(r);
	assert_int_equal(info_alive(&info, &here), 0);
}

static void write_bytes(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void what_a_crash_leaves_of_an_info_file_is_replaced(void **state)
{
	static const char zeros[4096];
	static const struct {
		const char *bytes;
		size_t n;
		int expected;
	} rows[] = {
		{ zeros, 0, 0 },
		{ zeros, 65, 0 },
		{ zeros, 4095, 0 },
		{ zeros, 4096, -EEXIST }, /* whoever writes so much was not us */
		{ "postern 0.1.0\npid 5\0\0\0", 22, 0 },
		{ "my notes\0\0\0", 11, -EEXIST },
		{ "postern 0.1.0\0pid 5\0", 20, -EEXIST },
	};
	int directory = open_test_dir();
	struct info info;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		write_bytes(test_path("info"), rows[i].bytes, rows[i].n);
		test_note("row %zu", i);
		assert_errno(info_read(directory, "info", &info), -EBADMSG);
		assert_int_equal(info_write(directory, "info", "bytes"), rows[i].expected);
		if (rows[i].expected == 0)
			assert_ok(info_read(directory, "info", &info));
		unlink(test_path("info"));
	}
	close(directory);
}

/* What it says of the process before is over. */
static void an_info_file_that_cannot_be_renewed_goes(void **state)
{
	int directory = open_test_dir();

	(void)state;
	write_file(test_path("info"), "postern 1\npid 1\n");
	assert_int_equal(mkdir(test_path("info.new"), 0700), 0);
	assert_errno(info_write(directory, "info", "bytes"), -EISDIR);
	assert_errno(access(test_path("info"), F_OK) ? -errno : 0, -ENOENT);
	close(directory);
}

/* ---- RLIMIT_FSIZE ---- */

static volatile sig_atomic_t xfsz_seen;

static void xfsz_handler(int sig)
{
	(void)sig;
	xfsz_seen++;
}

static int write_beyond_the_limit(void *directory)
{
	const struct rlimit none = { 0, 0 };
	sigset_t mask, before, pending;

	setrlimit(RLIMIT_FSIZE, &none);
	sigprocmask(SIG_SETMASK, NULL, &before);
	/* By its default it kills; with a handler it would be seen; held back by the host it would stay. */
	if (info_write(*(int *)directory, "info", "bytes") != -EFBIG)
		return 1;
	signal(SIGXFSZ, xfsz_handler);
	if (info_write(*(int *)directory, "info", "bytes") != -EFBIG || xfsz_seen)
		return 2;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&mask, sig) != sigismember(&before, sig))
			return 3;
	sigemptyset(&mask);
	sigaddset(&mask, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	raise(SIGXFSZ);
	if (info_write(*(int *)directory, "info", "bytes") != -EFBIG)
		return 4;
	sigpending(&pending);
	if (!sigismember(&pending, SIGXFSZ)) /* the host's own is left to it */
		return 5;
	return 0;
}

static void beyond_the_limit_of_file_sizes_is_an_error_and_no_signal(void **state)
{
	int directory;

	(void)state;
	test_skip_emulated("dies of a SIGXFSZ that the program holds back");
	directory = open_test_dir();
	assert_int_equal(test_fork(write_beyond_the_limit, &directory), 0);
	assert_errno(access(test_path("info"), F_OK) ? -errno : 0, -ENOENT);
	assert_errno(access(test_path("info.new"), F_OK) ? -errno : 0, -ENOENT);
	close(directory);
}

static void what_is_no_info_file_is_EBADMSG_and_is_not_replaced(void **state)
{
	static const char *const texts[] = {
		"hello\n",
		"postern\n",
		"postern 1\n",
		"postern 1\npid -5\n",
		"postern 1\npid 5x\n",
		"postern 1\npid 99999999999\n",
		"postern 1\npid 0\n",
		"postern a\033[2J\npid 5\n",
		"postern 1\npid 5\nmode much-too-long-a-mode\n",
		"\n",
	};
	int directory = open_test_dir();
	struct info info = { .pid = 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_file(test_path("info"), texts[i]);
		assert_errno(info_read(directory, "info", &info), -EBADMSG);
		assert_errno(info_write(directory, "info", "bytes"), -EEXIST);
	}
	assert_int_equal(info.pid, 7);
	unlink(test_path("info"));
	assert_int_equal(symlink("/etc/passwd", test_path("info")), 0);
	assert_errno(info_read(directory, "info", &info), -EBADMSG);
	assert_errno(info_write(directory, "info", "bytes"), -EEXIST);
	unlink(test_path("info"));
	assert_int_equal(mkfifo(test_path("info"), 0600), 0);
	assert_errno(info_read(directory, "info", &info), -EBADMSG);
	close(directory);
}

static void keys_that_are_not_known_are_passed_over(void **state)
{
	int directory = open_test_dir();
	struct info info;

	(void)state;
	write_file(test_path("info"), "postern 9.0\nflavour sweet and sour\npid 5\nmode quic\n");
	assert_ok(info_read(directory, "info", &info));
	assert_int_equal(info.pid, 5);
	assert_string_equal(info.mode, "quic");
	assert_ok(info_write(directory, "info", "bytes"));
	write_file(test_path("info"), "");
	assert_ok(info_write(directory, "info", "bytes"));
	close(directory);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(info_tells_of_this_process),
		TEST(threat_08_a_reused_pid_is_not_taken_for_the_owner),
		TEST(a_process_that_ended_is_dead_before_its_parent_has_waited_for_it),
		TEST(whether_a_process_of_another_namespace_lives_is_not_known),
		TEST(what_a_crash_leaves_of_an_info_file_is_replaced),
		TEST(an_info_file_that_cannot_be_renewed_goes),
		TEST(beyond_the_limit_of_file_sizes_is_an_error_and_no_signal),
		TEST(what_is_no_info_file_is_EBADMSG_and_is_not_replaced),
		TEST(keys_that_are_not_known_are_passed_over),
	};
	return test_run(tests);
}
