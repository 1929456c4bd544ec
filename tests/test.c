/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner around cmocka's runner. cmocka calls case_setup, case_body and case_finish for each
 * test, which call those of the test. Whether a test passed is known because an assertion that fails
 * never returns to case_body. There is one test at a time, so its state is static.
 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 65536

static struct {
	pid_t pid;
	FILE *tap;
	int quiet;      /* /dev/null, where standard output points between tests */
	unsigned int n; /* number of the running test, from 1 */
	unsigned int failed;
	bool open;  /* the running test has no result line yet */
	bool ready; /* its first fixture is done */
	bool passed;
	bool skipped;
	const struct CMUnitTest *test;
	char reason[512];
	char dir[PATH_MAX];
	unsigned char fds[FDS_MAX];
} run;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(run.tap ? run.tap : stderr, format, ap);
	va_end(ap);
	if (run.tap)
		fflush(run.tap);
}

/* cmocka chats on standard output around each test; only what the test itself prints is kept. */
static void point_stdout_at(int fd)
{
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
}

static void fds_each(void (*fn)(int fd))
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	if (!d) {
		fprintf(stderr, "cannot list descriptors: %s\n", strerror(errno));
		return;
	}
	while ((e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] != '.' && fd != dirfd(d) && fd < FDS_MAX)
			fn(fd);
	}
	closedir(d);
}

static void fd_remember(int fd)
{
	run.fds[fd] = 1;
}

/* Leaves 1 at what was closed, 2 at what stayed, 3 at what is new. */
static void fd_compare(int fd)
{
	run.fds[fd] = run.fds[fd] ? 2 : 3;
}

static void fd_describe(int fd, const char *what)
{
	char link[64], target[PATH_MAX] = "?";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, target, sizeof(target) - 1) < 0)
		target[0] = '\0';
	fprintf(stderr, "descriptor %d %s %s\n", fd, what, target);
}

static int fds_differ(void)
{
	int fd, different = 0;

	fds_each(fd_compare);
	for (fd = 0; fd < FDS_MAX; fd++) {
		if (run.fds[fd] == 1)
			fd_describe(fd, "was closed and is not ours to close");
		if (run.fds[fd] == 3)
			fd_describe(fd, "is still open:");
		different += run.fds[fd] & 1;
	}
	return different;
}

static int dir_make(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(run.dir, sizeof(run.dir), "%s/postern-test-XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(run.dir)) {
		fprintf(stderr, "cannot make %s: %s\n", run.dir, strerror(errno));
		return -1;
	}
	return setenv("POSTERN_DIR", run.dir, 1);
}

static int dir_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void dir_remove(void)
{
	if (nftw(run.dir, dir_remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		fprintf(stderr, "cannot remove %s: %s\n", run.dir, strerror(errno));
	unsetenv("POSTERN_DIR");
}

static void watchdog_start(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	alarm((unsigned int)(TEST_SECONDS * test_scale()));
}

static void report(bool ok)
{
	run.open = false;
	if (!ok)
		run.failed++;
	say("%s %u - %s", ok ? "ok" : "not ok", run.n, run.test->name);
	if (ok && run.skipped)
		say(" # SKIP %s", run.reason);
	say("\n");
}

/* Ends the running test and gives its result. */
static bool case_close(bool ok)
{
	alarm(0);
	/* After a failed assertion whatever was open is still open, which is no news. */
	if (ok && fds_differ())
		ok = false;
	dir_remove();
	report(ok);
	point_stdout_at(run.quiet);
	return ok;
}

static int case_setup(void **state)
{
	/* The fixture that ends a test failed by an assertion, and case_finish was left half-way. */
	if (run.open)
		case_close(false);

	run.n++;
	run.test = *state;
	run.open = true;
	run.ready = run.passed = run.skipped = false;
	point_stdout_at(STDERR_FILENO);
	memset(run.fds, 0, sizeof(run.fds));
	fds_each(fd_remember);
	watchdog_start();
	*state = run.test->initial_state;
	return dir_make();
}

/* The test's own first fixture runs here, because cmocka skips the last one when the first fails. */
static void case_body(void **state)
{
	if (run.test->setup_func && run.test->setup_func(state) != 0)
		fail_msg("the fixture before the test failed");
	run.ready = true;
	run.test->test_func(state);
	run.passed = true;
}

static int case_finish(void **state)
{
	bool fine = run.passed || run.skipped, finished = true;

	/* A child that a test forked by itself failed an assertion and landed in its copy of the runner. */
	if (getpid() != run.pid)
		_exit(99);

	if (run.ready && run.test->teardown_func)
		finished = run.test->teardown_func(state) == 0;
	/* What cmocka has seen to fail it need not be told again. */
	return case_close(fine && finished) || !fine ? 0 : -1;
}

static size_t select_tests(struct CMUnitTest *wrapped, const struct CMUnitTest *tests, size_t n)
{
	const char *only = getenv("TEST_ONLY");
	size_t i, kept = 0;

	for (i = 0; i < n; i++) {
		if (!tests[i].test_func || (only && fnmatch(only, tests[i].name, 0) != 0))
			continue;
		wrapped[kept++] = (struct CMUnitTest){
			.name = tests[i].name,
			.test_func = case_body,
			.setup_func = case_setup,
			.teardown_func = case_finish,
			.initial_state = (void *)(uintptr_t)&tests[i],
		};
	}
	return kept;
}

/* Out of the way of tests that count on low numbers, or close them all. */
static int far_dup(int fd)
{
	int far = fcntl(fd, F_DUPFD_CLOEXEC, 900);

	if (far < 0)
		far = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd > STDERR_FILENO)
		close(fd);
	return far;
}

int test_run_group(const struct CMUnitTest *tests, size_t n, CMFixtureFunction setup,
		   CMFixtureFunction finish)
{
	struct CMUnitTest *wrapped = calloc(n, sizeof(*wrapped));
	int failed;

	run.pid = getpid();
	run.tap = fdopen(far_dup(STDOUT_FILENO), "w");
	run.quiet = far_dup(open("/dev/null", O_WRONLY | O_CLOEXEC));
	if (!wrapped || !run.tap || run.quiet < 0)
		abort();
	n = select_tests(wrapped, tests, n);
	if (n == 0)
		say("1..0 # SKIP no test matches TEST_ONLY\n");
	else
		say("1..%zu\n", n);

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	cmocka_set_message_output(CM_OUTPUT_STDOUT);
	unsetenv("CMOCKA_MESSAGE_OUTPUT");
	point_stdout_at(run.quiet);
	failed = _cmocka_run_group_tests("tests", wrapped, n, setup, finish);
	if (getpid() != run.pid)
		_exit(99);

	if (run.open)
		case_close(false);
	fclose(run.tap);
	close(run.quiet);
	free(wrapped);
	return failed != 0 || run.failed != 0;
}

void test_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(run.reason, sizeof(run.reason), format, ap);
	va_end(ap);
	run.skipped = true;
	_skip(__FILE__, __LINE__);
	abort();
}

void test_skip_emulated(const char *why)
{
	const char *emulator = getenv("EMULATED");

	if (emulator)
		test_skip("%s %s", emulator, why);
}

void test_note(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	say("# %s\n", text);
}

static const char *errno_name(intmax_t r)
{
	const char *name = r < 0 && r >= -4095 ? strerrorname_np((int)-r) : NULL;

	return name ? name : "no errno";
}

void test_assert_ok(intmax_t r, const char *expression, const char *file, int line)
{
	if (r >= 0)
		return;
	print_error("%s is %jd: -%s, %s\n", expression, r, errno_name(r), strerror((int)-r));
	_fail(file, line);
}

void test_assert_errno(intmax_t r, int expected, const char *expression, const char *file, int line)
{
	if (r == expected)
		return;
	if (r < 0)
		print_error("%s is -%s, not -%s\n", expression, errno_name(r),
			    errno_name(expected));
	else
		print_error("%s is %jd, not -%s\n", expression, r, errno_name(expected));
	_fail(file, line);
}

pid_t test_fork_start(int (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		print_error("cannot fork: %s\n", strerror(errno));
		fail();
	}
	if (pid > 0)
		return pid;
	/* cmocka would jump into our copy of its runner; with this it prints and aborts. */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	alarm((unsigned int)(TEST_SECONDS * test_scale()));
	_exit(fn(arg));
}

int test_fork_wait(pid_t pid)
{
	int status;
	pid_t r;

	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		print_error("cannot wait for %d: %s\n", (int)pid, strerror(errno));
		fail();
	}
	return status;
}

int test_fork(int (*fn)(void *arg), void *arg)
{
	return test_fork_wait(test_fork_start(fn, arg));
}

static int proc_entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!d)
		return -errno;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

int test_thread_count(void)
{
	return proc_entries("/proc/self/task");
}

int test_fd_count(void)
{
	int n = proc_entries("/proc/self/fd");

	return n > 0 ? n - 1 : n; /* less the one that the listing itself takes */
}

int64_t test_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t test_patience_ns(void)
{
	return (int64_t)TEST_SECONDS * 1000000000 / 2 * test_scale();
}

/* The second number is how long this thread has waited in a queue of the scheduler; 0 where that is not counted. */
static int64_t starved_ns(void)
{
	FILE *f = fopen("/proc/thread-self/schedstat", "re");
	long long ran = 0, waited = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lld %lld", &ran, &waited) != 2)
		waited = 0;
	fclose(f);
	return waited;
}

struct test_time test_time(void)
{
	int64_t now = test_now_ns();

	return (struct test_time){ now, now - starved_ns() };
}

struct test_time test_time_since(struct test_time begun)
{
	struct test_time now = test_time();

	return (struct test_time){ now.all_ns - begun.all_ns, now.fair_ns - begun.fair_ns };
}

void test_assert_took(struct test_time took, int64_t least_ns, int64_t most_ns, const char *file,
		      int line)
{
	double all = (double)took.all_ns / 1e6, fair = (double)took.fair_ns / 1e6;

	test_note("line %d: %.1f ms, %.1f of them without a processor", line, all, all - fair);
	if (took.all_ns >= least_ns && took.fair_ns <= most_ns * test_scale())
		return;
	print_error("it took %.1f ms, %.1f of them without a processor; %.1f to %.1f are right\n",
		    all, all - fair, (double)least_ns / 1e6, (double)most_ns / 1e6 * test_scale());
	_fail(file, line);
}

void test_sleep_ms(int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000 * 1000000) };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

int test_scale(void)
{
	const char *text = getenv("TEST_SCALE");
	int scale = text ? atoi(text) : 1;

	return scale > 0 ? scale : 1;
}

const char *test_dir(void)
{
	return run.dir;
}

const char *test_path(const char *format, ...)
{
	static char paths[8][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 8];
	char name[PATH_MAX / 2];
	va_list ap;

	va_start(ap, format);
	vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	if (snprintf(path, PATH_MAX, "%s/%s", run.dir, name) >= PATH_MAX)
		fail_msg("a path is too long: %s", name);
	return path;
}
