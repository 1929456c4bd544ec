/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-fault.c - every system call fails
 *
 * A scenario is run once without a fault and the calls that it makes are written down. Then it is run again
 * for each of them, and each errno, and once or from then on: so a run is the same up to its fault. It must
 * end, in bounded time of the fake clock and in a bounded number of turns; each error that is told is the one
 * that was put in or one that the header names; memory and descriptors are back to what they were; a server
 * that says it lives serves the next client; and so does a new server with the same name.
 *
 * The last test counts: no call site of the library went without a fault.
 *
 * FAULT_SHOW=1 in the environment prints each run before it begins. FAULT_COLLECT=1 has each run in a process
 * of its own, so that the first to fail is not the last. FAULT_STRIDE=N leaves out all but each
 * Nth run; TEST_SCALE sets it where it is not given.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "fault-world.h"

enum { CALLS = 16384 };

static const int errors[] = { EINTR, EAGAIN,     EMFILE, ENOMEM,     ENOBUFS,
			      EPIPE, ECONNRESET, ENOSPC, FAULT_SHORT };

static struct {
	const char *scenario;
	const struct fault_site *site;
	struct fault fault;
	unsigned runs, hit;
	const struct fault_site *trace[CALLS]; /* of the last run */
	unsigned n_trace;
	const struct fault_site *whole[CALLS]; /* of the run without a fault */
	unsigned n_whole;
} now;

/* ---- one run ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type;
	return ftw->level > 0 ? remove(path) : 0;
}

static void begin_run(const struct fault *f)
{
	nftw(test_dir(), remove_one, 16, FTW_DEPTH | FTW_PHYS);
	fault_reset();
	fault_clock_fake();
	fault_clock_poll(1000);
	fault_set_cpus(2);
	fault_arm(f);
}

const char *world_where(void)
{
	static char text[256];

	if (!now.site)
		return "without a fault";
	snprintf(text, sizeof text, "%s: sys_%s() at %s:%d, call %u, %s, %s%s%s", now.scenario,
		 fault_name(now.site->call), now.site->file, now.site->line, now.fault.nth,
		 now.fault.error == FAULT_SHORT ? "short" : strerrorname_np(now.fault.error),
		 now.fault.stays ? "from then on" : "once", now.fault.also ? ", then sys_" : "",
		 now.fault.also ? fault_name(now.fault.also->call) : "");
	return text;
}

bool world_is_expected(int error)
{
	/* What the headers say, and what the kernel says of its own accord after a fault elsewhere. */
	static const int documented[] = {
		0,     EADDRINUSE, EACCES,       EPERM,  ENOTSOCK, EPROTOTYPE, ENOTDIR,
		ELOOP, ENOSPC,     EMFILE,       ENFILE, ENOMEM,   ECANCELED,  ETIMEDOUT,
		EPIPE, ECONNRESET, ECONNREFUSED, ENOENT, ESTALE,   EAGAIN,     EEXIST,
	};

	if (now.site && error == -now.fault.error)
		return true;
	/* What a call that cannot fall short says instead, when it is the second fault. */
	if (now.site && now.fault.error == FAULT_SHORT && error == -EIO)
		return true;
	for (size_t i = 0; i < sizeof documented / sizeof *documented; i++)
		if (error == -documented[i])
			return true;
	return false;
}

bool world_stays(void)
{
	/* The kernel refuses to wake a loop only where that is awake already; here it sleeps. */
	return now.site && (now.fault.stays || now.site->call == FAULT_eventfd_add);
}

bool world_has_time(void)
{
	int call = now.site ? now.site->call : 0;

	return !world_stays() || call == FAULT_alloc || call == FAULT_realloc ||
	       call == FAULT_socket_stream || call == FAULT_connect || call == FAULT_send ||
	       call == FAULT_recv || call == FAULT_recvmsg || call == FAULT_getsockopt;
}

/* Calls for which the user is not to notice that they were interrupted or fell short. */
static bool is_harmless(void)
{
	int call = now.site->call;

	if (now.fault.error == FAULT_SHORT)
		return !now.fault.stays || call != FAULT_read;
	if (now.fault.stays || now.fault.error != EINTR)
		return false;
	return call == FAULT_recv || call == FAULT_recvmsg || call == FAULT_send ||
	       call == FAULT_sendmsg || call == FAULT_accept || call == FAULT_epoll_wait ||
	       call == FAULT_write || call == FAULT_eventfd_add || call == FAULT_read ||
	       call == FAULT_connect;
}

static void run_once(bool (*scenario)(void), const struct fault *f)
{
	int64_t memory = fault_memory();
	int fds = test_fd_count();
	bool whole;

	begin_run(f);
	whole = scenario();
	now.hit += fault_disarm() > 0;
	now.runs++;
	now.n_trace = fault_trace(now.trace, CALLS);
	if (!whole && (!now.site || (is_harmless() && !f->also)))
		fail_msg("%s: the work was not done", world_where());
	if (fault_memory() != memory)
		fail_msg("%s: %lld blocks of memory are left", world_where(),
			 (long long)(fault_memory() - memory));
	world_fresh();
	if (fault_memory() != memory || test_fd_count() != fds)
		fail_msg("%s: %d descriptors in place of %d", world_where(), test_fd_count(), fds);
}

/* ---- all runs ---- */

static bool is_sensible(int call, int error)
{
	if (call == FAULT_alloc || call == FAULT_realloc)
		return error == ENOMEM;
	if (error == FAULT_SHORT)
		return call == FAULT_read || call == FAULT_write || call == FAULT_recv ||
		       call == FAULT_recvmsg || call == FAULT_send || call == FAULT_sendmsg;
	return true;
}

static unsigned stride(void)
{
	const char *text = getenv("FAULT_STRIDE");
	int n = text ? atoi(text) : test_scale() * test_scale();

	return n > 0 ? (unsigned)n : 1;
}

/* A site that is passed often, in the same state, need not fail with each errno each time. The first times
   it does; then each errno has its turn. */
static bool is_chosen(const struct fault_site *const *trace, unsigned n, size_t error, unsigned run)
{
	unsigned before = 0;

	for (unsigned i = 0; i < n; i++)
		before += trace[i] == trace[n];
	if (before > 2 && (before + error) % (sizeof errors / sizeof *errors) != 0)
		return false;
	return before == 0 && (error == 2 || error == 3) ? true : run % stride() == 0;
}

static bool is_in(const struct fault_site *const *trace, unsigned n, const struct fault_site *site)
{
	for (unsigned i = 0; i < n; i++)
		if (trace[i] == site)
			return true;
	return false;
}

static int run_child(void *arg)
{
	bool (*scenario)(void);

	memcpy(&scenario, arg, sizeof scenario);
	run_once(scenario, &now.fault);
	return 0;
}

static void run_chosen(bool (*scenario)(void))
{
	struct fault *f = &now.fault;

	if (getenv("FAULT_SHOW"))
		fprintf(stderr, "%s\n", world_where());
	if (!getenv("FAULT_COLLECT"))
		run_once(scenario, &now.fault);
	else if (test_fork(run_child, &scenario) != 0)
		fprintf(stderr, "\nFAILED %s\n", world_where());
	if (getenv("FAULT_COLLECT"))
		return;
	/* What is only called once something has failed must be able to fail as well. */
	for (unsigned i = f->nth; i < now.n_trace; i++)
		if (now.trace[i]->faults == 0 && !is_in(now.whole, now.n_whole, now.trace[i])) {
			f->also = now.trace[i];
			run_once(scenario, f);
			return;
		}
}

static void run_all(const char *name, bool (*scenario)(void))
{
	int64_t begin = test_now_ns();
	unsigned n, run = 0;

	memset(&now, 0, sizeof now);
	now.scenario = name;
	run_once(scenario, &(struct fault){ .call = FAULT_ANY });
	n = now.n_whole = now.n_trace;
	memcpy(now.whole, now.trace, sizeof now.whole);
	assert_in_range(n, 1, CALLS - 1);
	for (unsigned nth = 1; nth <= n; nth++) {
		now.site = now.whole[nth - 1];
		for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
			for (int stays = 0; stays < 2; stays++) {
				if (!is_sensible(now.site->call, errors[e]) ||
				    !is_chosen(now.whole, nth - 1, e, run++))
					continue;
				now.fault = (struct fault){ FAULT_ANY, nth,  errors[e],
							    stays,     NULL, NULL };
				run_chosen(scenario);
			}
		}
	}
	test_note("%s: %u calls that can fail, %u runs, %u with a fault, %.1f s", name, n, now.runs,
		  now.hit, (double)(test_now_ns() - begin) / 1e9);
	if (now.hit < now.runs * 9 / 10 && !getenv("FAULT_COLLECT"))
		fail_msg("only %u of %u runs met their fault", now.hit, now.runs);
}

static void every_call_of_a_service_may_fail(void **state)
{
	(void)state;
	run_all("service", world_service);
}

static void every_call_of_names_as_words_may_fail(void **state)
{
	(void)state;
	if (geteuid() == 65534)
		test_skip("no rule lets in the uid that stands for all that have none");
	run_all("words", world_words);
}

static void every_call_of_names_as_paths_may_fail(void **state)
{
	(void)state;
	run_all("paths", world_paths);
}

static void every_call_of_names_of_other_kinds_may_fail(void **state)
{
	(void)state;
	run_all("kinds", world_kinds);
}

static void every_call_of_names_that_are_refused_may_fail(void **state)
{
	(void)state;
	run_all("refusals", world_refusals);
}

static void every_call_of_a_name_above_a_hole_may_fail(void **state)
{
	(void)state;
	run_all("hole", world_hole);
}

static void every_call_of_the_loops_objects_may_fail(void **state)
{
	(void)state;
	run_all("objects", world_objects);
}

static void every_call_of_connections_may_fail(void **state)
{
	(void)state;
	run_all("connections", world_connections);
}

static void every_call_of_a_service_that_answers_calls_may_fail(void **state)
{
	(void)state;
	run_all("calls", world_calls);
}

static void every_call_of_topics_may_fail(void **state)
{
	(void)state;
	run_all("topics", world_topics);
}

static void every_call_of_callers_may_fail(void **state)
{
	(void)state;
	run_all("callers", world_callers);
}

static void V12_every_call_of_passing_descriptors_may_fail(void **state)
{
	(void)state;
	run_all("passed", world_passed);
}

static void every_call_site_has_failed(void **state)
{
	unsigned sites, hit, faulted;

	(void)state;
	if (geteuid() == 65534 || getenv("TEST_ONLY"))
		test_skip("not all scenarios were run");
	test_skip_emulated("cannot set SO_PASSRIGHTS, without which recv() is never called");
	fault_coverage(&sites, &hit, &faulted);
	test_note("call sites that can fail: %u; reached: %u; with a fault: %u (%.1f %%)", sites,
		  hit, faulted, 100.0 * faulted / sites);
	if (faulted < sites)
		fault_print_missing(stderr);
	assert_int_equal(faulted, sites);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_call_of_a_service_may_fail),
		TEST(every_call_of_names_as_words_may_fail),
		TEST(every_call_of_names_as_paths_may_fail),
		TEST(every_call_of_names_of_other_kinds_may_fail),
		TEST(every_call_of_names_that_are_refused_may_fail),
		TEST(every_call_of_a_name_above_a_hole_may_fail),
		TEST(every_call_of_the_loops_objects_may_fail),
		TEST(every_call_of_connections_may_fail),
		TEST(every_call_of_a_service_that_answers_calls_may_fail),
		TEST(every_call_of_topics_may_fail),
		TEST(every_call_of_callers_may_fail),
		TEST(V12_every_call_of_passing_descriptors_may_fail),
		TEST(every_call_site_has_failed),
	};

	/* Some ten thousand directories are made and removed: in memory that takes a tenth of the time. */
	if (access("/dev/shm", W_OK | X_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	fault_reset();
	return test_run(tests);
}
